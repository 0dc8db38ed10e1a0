//! Elements in a row, and element strings: with brackets for people, with separators for symbols.

use super::dictionary::{CharacterSet, Component, Dictionary, Entry};
use super::linters::{LintError, cset39, cset64, cset82, csetnumeric};
use super::{Gs1Error, Options, shown};
use smallvec::SmallVec;
use std::ops::Range;

/// The longest element string with separators, in bytes.
pub const DATA_BYTES_MAX: usize = 8191;
/// The most elements of one message.
pub const ELEMENTS_MAX: usize = 64;

/// FNC1 as text writes it.
pub(super) const FNC1: u8 = b'^';
/// FNC1 as scanners send it.
pub(super) const GS: u8 = 0x1d;
/// What stands between a linear symbol's data and that of the two-dimensional part above it.
pub(super) const COMPOSITE: u8 = b'|';

#[derive(Clone, Debug)]
struct Span {
    entry: &'static Entry,
    ai: Range<usize>,
    value: Range<usize>,
    offset: usize,
}

/// One element: an AI and its value.
#[derive(Clone, Copy, Debug)]
pub struct Element<'m> {
    /// The Application Identifier, two to four digits.
    pub ai: &'m str,
    /// The value; at least one character, ASCII.
    pub value: &'m str,
    /// What the dictionary says of the AI.
    pub entry: &'static Entry,
    /// The byte of what was read where its AI begins, or the value where no AI stands before it.
    pub offset: usize,
}

/// A row of elements, each of which holds what its AI allows; at most [`ELEMENTS_MAX`].
///
/// Whether they may stand together is another question: see [`Message::check`].
///
/// ```
/// use wire::gs1::{Message, Options};
/// let message = Message::parse_bracketed(b"(01)09520123456788(10)ABC(17)261231", &Options::STRICT).expect("elements");
/// assert_eq!(message.unbracketed(), "^010952012345678810ABC^17261231");
/// assert_eq!(message.value("10"), Some("ABC"));
/// ```
#[derive(Clone, Debug, Default)]
pub struct Message {
    /// The element string with separators, as [`Message::unbracketed`] gives it.
    data: String,
    spans: SmallVec<[Span; 8]>,
    /// How many of the elements are the linear symbol's, when there is a part above it.
    linear: Option<usize>,
    /// Whether a separator must come before the next element.
    separator: bool,
}

impl PartialEq for Message {
    /// Whether the elements are the same; where they stood in what was read is no part of them.
    fn eq(&self, other: &Self) -> bool {
        self.data == other.data
    }
}

impl Eq for Message {}

impl Message {
    /// The elements in their order.
    pub fn elements(&self) -> impl ExactSizeIterator<Item = Element<'_>> + DoubleEndedIterator {
        self.spans.iter().map(|span| Element {
            ai: &self.data[span.ai.clone()],
            value: &self.data[span.value.clone()],
            entry: span.entry,
            offset: span.offset,
        })
    }

    /// The value of the first element with that AI.
    pub fn value(&self, ai: &str) -> Option<&str> {
        self.elements().find(|element| element.ai == ai).map(|element| element.value)
    }

    /// The element string with separators, `^` standing for FNC1: one at the start, and one before each element that
    /// follows a value of variable length. The data of a composite symbol's second part follows a `|`.
    pub fn unbracketed(&self) -> &str {
        &self.data
    }

    /// How many of the elements are in the linear part of a composite symbol; `None` when it is none.
    pub const fn linear_count(&self) -> Option<usize> {
        self.linear
    }

    /// The element string with brackets; a `(` within a value is written `\(`.
    pub fn bracketed(&self) -> String {
        let mut out = String::with_capacity(self.data.len() + 2 * self.spans.len());
        for (at, element) in self.elements().enumerate() {
            if self.linear == Some(at) {
                out.push(char::from(COMPOSITE));
            }
            out.push('(');
            out.push_str(element.ai);
            out.push(')');
            for character in element.value.chars() {
                if character == '(' {
                    out.push('\\');
                }
                out.push(character);
            }
        }
        out
    }

    /// Reads elements with brackets: `(01)09520123456788(10)ABC`. A `(` within a value is written `\(`; `|` stands between
    /// the parts of a composite symbol.
    ///
    /// # Errors
    /// The first thing wrong with it, from the left.
    pub fn parse_bracketed(input: &[u8], options: &Options) -> Result<Self, Gs1Error> {
        let mut message = Self::default();
        let mut at = 0;
        let mut value = Vec::new();
        loop {
            if input.get(at) != Some(&b'(') {
                let detail =
                    format!("{} does not begin with an AI in brackets; write it as (01)…", shown(&input[at..]));
                return Err(Gs1Error::new("missing_bracket", at, detail));
            }
            let close = input[at..].iter().take(6).position(|byte| *byte == b')').map(|close| at + close);
            let Some(close) = close else {
                let detail = format!("{} does not close an AI of at most four digits; add ')'", shown(&input[at..]));
                return Err(Gs1Error::new("missing_bracket", at, detail));
            };
            let (ai, ai_at) = (&input[at + 1..close], at + 1);
            let entry = find_entry(ai, ai_at, options.unknown_ais)?;
            value.clear();
            let start = close + 1;
            at = unescape_value(input, start, &mut value);
            message
                .push(ai, &value, entry, ai_at)
                .map_err(|problem| problem.at(start, &value, |byte| *byte == b'('))?;
            match input.get(at) {
                None => return Ok(message),
                Some(&COMPOSITE) => {
                    message.begin_composite(at)?;
                    at += 1;
                }
                Some(_) => {}
            }
        }
    }

    /// Reads elements with separators: `^010952012345678810ABC^17261231`. FNC1 may be `^` or the control character GS,
    /// and the first stands at the start; one after a value of predefined length, or at the end, is allowed.
    ///
    /// # Errors
    /// The first thing wrong with it, from the left. AIs that GS1 has not assigned can't be read here, for nothing shows
    /// where they end.
    pub fn parse_unbracketed(input: &[u8]) -> Result<Self, Gs1Error> {
        let mut message = Self::default();
        message.parse_part(input, 0)?;
        Ok(message)
    }

    /// Reads one part with its leading FNC1 and, after `|`, the other one. `start` is where `input` begins in the whole.
    pub(super) fn parse_part(&mut self, input: &[u8], start: usize) -> Result<(), Gs1Error> {
        match input.split_first() {
            Some((&FNC1 | &GS, elements)) => self.parse_elements(elements, start + 1),
            _ => {
                let detail = format!("{} does not begin with FNC1; put '^' before the first AI", shown(input));
                Err(Gs1Error::new("missing_fnc1", start, detail))
            }
        }
    }

    /// Reads one part without its leading FNC1 and, after `|`, the other one with it.
    pub(super) fn parse_elements(&mut self, input: &[u8], start: usize) -> Result<(), Gs1Error> {
        if input.is_empty() {
            let detail = "there is no element after FNC1; add one such as 0109520123456788";
            return Err(Gs1Error::new("empty", start, detail));
        }
        let is_separator = |byte: &u8| matches!(*byte, FNC1 | GS);
        let mut at = 0;
        while at < input.len() {
            if input[at] == COMPOSITE && self.linear.is_none() && !self.spans.is_empty() {
                self.begin_composite(start + at)?;
                return self.parse_part(&input[at + 1..], start + at + 1);
            }
            let Some((digits, entry)) = Dictionary::get().find_prefix(&input[at..]) else {
                let detail = format!("no AI begins {}; check where the value before it ends", shown(&input[at..]));
                return Err(Gs1Error::new("unknown_ai", start + at, detail));
            };
            let value_at = at + digits;
            // One byte more than the AI allows is enough to see that there are too many.
            let rest = &input[value_at..input.len().min(value_at + entry.length_max() + 1)];
            let end = rest.iter().position(|byte| is_separator(byte) || *byte == COMPOSITE).unwrap_or(rest.len());
            let length = if entry.predefined_length { end.min(entry.length_max()) } else { end };
            self.push(&input[at..value_at], &rest[..length], entry, start + at)
                .map_err(|problem| problem.at(start + value_at, &rest[..length], |_| false))?;
            at = value_at + length;
            if input.get(at).is_some_and(is_separator) {
                at += 1;
            }
        }
        Ok(())
    }

    /// Adds an element, which began at `offset` of what is read, after checking its value.
    pub(super) fn push(
        &mut self,
        ai: &[u8],
        value: &[u8],
        entry: &'static Entry,
        offset: usize,
    ) -> Result<(), ValueProblem> {
        check_value(value, entry).map_err(|problem| ValueProblem { ai: text(ai).to_owned(), ..problem })?;
        if self.spans.len() == ELEMENTS_MAX || self.data.len() + 1 + ai.len() + value.len() > DATA_BYTES_MAX {
            return Err(ValueProblem { code: "too_many_elements", range: None, ai: text(ai).to_owned(), entry });
        }
        if self.separator || self.spans.is_empty() {
            self.data.push(char::from(FNC1));
        }
        let ai_at = self.data.len();
        self.data.push_str(text(ai));
        let value_at = self.data.len();
        self.data.push_str(text(value));
        self.separator = !entry.predefined_length;
        self.spans.push(Span { entry, ai: ai_at..value_at, value: value_at..self.data.len(), offset });
        Ok(())
    }

    /// What is added from here on is in the two-dimensional part of a composite symbol; `offset` is where it begins.
    pub(super) fn begin_composite(&mut self, offset: usize) -> Result<(), Gs1Error> {
        if self.linear.is_some() {
            let detail = "there is a second '|'; a composite symbol has two parts";
            return Err(Gs1Error::new("too_many_parts", offset, detail));
        }
        self.linear = Some(self.spans.len());
        self.data.push(char::from(COMPOSITE));
        self.separator = true;
        Ok(())
    }
}

/// ASCII that has been checked, as text.
fn text(ascii: &[u8]) -> &str {
    std::str::from_utf8(ascii).expect("what has been checked is ASCII")
}

/// The entry of an AI that is known to end at the end of `ai`.
pub(super) fn find_entry(ai: &[u8], offset: usize, unknown: bool) -> Result<&'static Entry, Gs1Error> {
    let dictionary = Dictionary::get();
    let entry = dictionary.find(ai).or_else(|| dictionary.placeholder(ai).filter(|_| unknown));
    entry.ok_or_else(|| {
        let detail = format!("{} is no AI that GS1 has assigned; check the digits", shown(ai));
        Gs1Error::new("unknown_ai", offset, detail)
    })
}

/// Puts the value that begins at `start` into `value` without its backslashes; answers where it ends.
fn unescape_value(input: &[u8], start: usize, value: &mut Vec<u8>) -> usize {
    let mut at = start;
    while let Some(byte) = input.get(at) {
        match byte {
            b'(' => break,
            &COMPOSITE if input.get(at + 1) == Some(&b'(') => break,
            b'\\' if input.get(at + 1) == Some(&b'(') => {
                value.push(b'(');
                at += 2;
            }
            byte => {
                value.push(*byte);
                at += 1;
            }
        }
    }
    at
}

/// Why an element's value is refused.
pub(super) struct ValueProblem {
    code: &'static str,
    /// The bytes of the value at fault; `None` when it is its length.
    range: Option<Range<usize>>,
    ai: String,
    entry: &'static Entry,
}

impl ValueProblem {
    /// The error of an input in which the value begins at `offset` and each byte that `is_escaped` took two.
    pub(super) fn at(self, offset: usize, value: &[u8], is_escaped: impl Fn(&u8) -> bool) -> Gs1Error {
        let Self { code, range, ai, entry } = self;
        let title = if entry.title.is_empty() { String::new() } else { format!(", {}", entry.title) };
        let length = match (entry.length_min(), entry.length_max()) {
            (min, max) if min == max => format!("{min}"),
            (min, max) => format!("{min} to {max}"),
        };
        let what = match code {
            "value_empty" => format!("is empty; it has {length} characters"),
            "value_too_short" | "value_too_long" => {
                format!("{} has {} characters where {length} are allowed", shown(value), value.len())
            }
            "too_many_elements" => format!("is one element too many: at most {ELEMENTS_MAX} in {DATA_BYTES_MAX} bytes"),
            code => format!("{} is refused ({})", shown(value), code.replace('_', " ")),
        };
        let mut error =
            Gs1Error::new(code, offset, format!("the value of ({ai}{title}) {what}; check it against the label"));
        if let Some(range) = range {
            let escapes = value[..range.start].iter().filter(|byte| is_escaped(byte)).count();
            error.offset += range.start + escapes;
            error.marked = marked(value, &range);
        }
        error
    }
}

/// `value` with the bytes of `range` between asterisks.
pub(super) fn marked(value: &[u8], range: &Range<usize>) -> String {
    let part = |range: Range<usize>| String::from_utf8_lossy(&value[range]).into_owned();
    format!("{}*{}*{}", part(0..range.start), part(range.clone()), part(range.end..value.len()))
}

/// Checks a value's length, then each component's length, characters and content.
fn check_value(value: &[u8], entry: &'static Entry) -> Result<(), ValueProblem> {
    let refuse = |code, range| ValueProblem { code, range, ai: String::new(), entry };
    if value.is_empty() {
        return Err(refuse("value_empty", None));
    }
    if value.len() < entry.length_min() {
        return Err(refuse("value_too_short", None));
    }
    if value.len() > entry.length_max() {
        return Err(refuse("value_too_long", None));
    }
    let mut at = 0;
    for component in &entry.components {
        let end = value.len().min(at + component.length_max);
        if at == end && component.optional {
            continue;
        }
        if end - at < component.length_min {
            return Err(refuse("value_too_short", None));
        }
        check_component(&value[at..end], component)
            .map_err(|LintError { code, range }| refuse(code, Some(at + range.start..at + range.end)))?;
        at = end;
    }
    Ok(())
}

fn check_component(content: &[u8], component: &Component) -> Result<(), LintError> {
    match component.set {
        CharacterSet::Numeric => csetnumeric(content),
        CharacterSet::Set82 => cset82(content),
        CharacterSet::Set39 => cset39(content),
        CharacterSet::Set64 => cset64(content),
    }?;
    component.linters.iter().try_for_each(|linter| linter.test(content))
}
