//! The GS1 key behind an identity, and its element string.

use super::digits::{indicator_first, with_check_digit};
use super::fault::Fault;
use super::scheme::{Rule, Scheme, is_component_character, is_gs1_character};
use super::{Epc, link};
use crate::gs1::check_digit;
use std::fmt;

/// A GS1 key with what tells one thing from another of the same key, each under its application identifier.
///
/// Unlike an [`Epc`] it does not say which of its digits are the company prefix.
///
/// ```
/// use wire::epc::Gs1Key;
/// let key = Gs1Key::parse_digital_link("https://example.com/01/80614141123458/21/6789").unwrap();
/// assert_eq!(key.to_string(), "(01)80614141123458(21)6789");
/// assert_eq!(key.epc(Some(7)).unwrap().to_string(), "urn:epc:id:sgtin:0614141.812345.6789");
/// assert_eq!(key.epc(None).unwrap_err().code, "prefix_length_unknown");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Gs1Key {
    kind: Kind,
    value: String,
    qualifier: Option<String>,
}

/// An application identifier of a key with the one that qualifies it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Kind {
    Sscc,
    Sgtin,
    Upui,
    Lgtin,
    Sgln,
    Pgln,
    Grai,
    Giai,
    Itip,
    Cpi,
    Gsrnp,
    Gsrn,
    Gdti,
    Sgcn,
}

/// What a kind is made of.
struct Shape {
    scheme: Scheme,
    /// The application identifier of the key.
    ai: &'static str,
    /// How many of its characters are digits with a check digit; 0 when it has none.
    digits: usize,
    /// The application identifier of the qualifier and its most characters.
    qualifier: Option<(&'static str, usize)>,
}

const KINDS: [Kind; 14] = [
    Kind::Sscc,
    Kind::Sgtin,
    Kind::Upui,
    Kind::Lgtin,
    Kind::Sgln,
    Kind::Pgln,
    Kind::Grai,
    Kind::Giai,
    Kind::Itip,
    Kind::Cpi,
    Kind::Gsrnp,
    Kind::Gsrn,
    Kind::Gdti,
    Kind::Sgcn,
];

impl Kind {
    /// # Source
    /// GS1 General Specifications, section 3.2 (application identifiers); TDS 1.13, section 7 (which belong to an EPC).
    fn shape(self) -> Shape {
        let shape = |scheme, ai, digits, qualifier| Shape { scheme, ai, digits, qualifier };
        match self {
            Self::Sscc => shape(Scheme::Sscc, "00", 18, None),
            Self::Sgtin => shape(Scheme::Sgtin, "01", 14, Some(("21", 20))),
            Self::Upui => shape(Scheme::Upui, "01", 14, Some(("235", 28))),
            Self::Lgtin => shape(Scheme::Lgtin, "01", 14, Some(("10", 20))),
            Self::Sgln => shape(Scheme::Sgln, "414", 13, Some(("254", 20))),
            Self::Pgln => shape(Scheme::Pgln, "417", 13, None),
            Self::Grai => shape(Scheme::Grai, "8003", 14, None),
            Self::Giai => shape(Scheme::Giai, "8004", 0, None),
            Self::Itip => shape(Scheme::Itip, "8006", 14, Some(("21", 20))),
            Self::Cpi => shape(Scheme::Cpi, "8010", 0, Some(("8011", 12))),
            Self::Gsrnp => shape(Scheme::Gsrnp, "8017", 18, None),
            Self::Gsrn => shape(Scheme::Gsrn, "8018", 18, None),
            Self::Gdti => shape(Scheme::Gdti, "253", 13, None),
            Self::Sgcn => shape(Scheme::Sgcn, "255", 13, None),
        }
    }
}

/// Whether `ai` is the application identifier of a key that an EPC can have.
pub(super) fn is_key(ai: &str) -> bool {
    KINDS.into_iter().any(|kind| kind.shape().ai == ai)
}

impl Gs1Key {
    /// The key among the application identifiers and values of a bar code; the others do not concern an identity.
    ///
    /// A GTIN of 8, 12 or 13 digits gets zeros before it.
    ///
    /// # Errors
    /// `no_key`, then what is wrong with it: `invalid_character`, `part_length`, `check_digit`.
    pub fn new(values: &[(&str, &str)]) -> Result<Self, Fault> {
        let find = |ai: &str| values.iter().find(|(other, _)| *other == ai).map(|(_, value)| *value);
        let matching = |kind: &Kind| {
            let shape = kind.shape();
            find(shape.ai).is_some() && shape.qualifier.is_some_and(|(ai, _)| find(ai).is_some())
        };
        let bare = |kind: &Kind| find(kind.shape().ai).is_some();
        let kind = KINDS.into_iter().find(matching).or_else(|| KINDS.into_iter().find(bare)).ok_or_else(|| {
            let detail = "there is no GS1 key that an EPC can have; (00), (01), (253), (255), (414), (417), (8003), (8004), (8006), (8010), (8017) or (8018) is needed";
            Fault::new("no_key", detail)
        })?;
        let shape = kind.shape();
        let value = find(shape.ai).unwrap_or_default();
        let value = match (shape.ai, value.len()) {
            ("01", 8 | 12 | 13) => format!("{value:0>14}"),
            _ => value.to_owned(),
        };
        let qualifier = shape.qualifier.and_then(|(ai, _)| find(ai)).map(str::to_owned);
        let key = Self { kind, value, qualifier };
        key.check()?;
        Ok(key)
    }

    /// Reads an element string with its application identifiers in brackets, as `(01)80614141123458(21)6789`.
    ///
    /// A bracket within a value may have a backslash before it, and must where it could begin an application identifier.
    ///
    /// # Errors
    /// `unknown_form`, then those of [`Gs1Key::new`].
    pub fn parse_element_string(text: &str) -> Result<Self, Fault> {
        let mut starts = Vec::new();
        let mut at = 0;
        while at < text.len() {
            if text.as_bytes()[at] == b'\\' {
                at += 2;
                continue;
            }
            if let Some(ai) = bracketed(&text.as_bytes()[at..]) {
                starts.push((at, ai));
                at += ai + 2;
            } else {
                at += 1;
            }
        }
        if starts.first().is_none_or(|(at, _)| *at != 0) {
            let detail = "an element string begins with an application identifier in brackets, as in '(01)'";
            return Err(Fault::new("unknown_form", detail).at(0));
        }
        let ends = starts.iter().skip(1).map(|(at, _)| *at).chain([text.len()]);
        let values: Vec<_> = starts
            .iter()
            .zip(ends)
            .map(|((at, ai), end)| {
                (&text[at + 1..at + 1 + ai], text[at + ai + 2..end].replace("\\(", "(").replace("\\)", ")"))
            })
            .collect();
        let values: Vec<_> = values.iter().map(|(ai, value)| (*ai, value.as_str())).collect();
        Self::new(&values).map_err(|fault| match starts.iter().find(|(at, ai)| is_key(&text[at + 1..at + 1 + ai])) {
            Some((at, _)) => fault.at(*at),
            None => fault.at(0),
        })
    }

    /// Reads a GS1 Digital Link on any domain, below any path; its query is left out of account.
    ///
    /// # Errors
    /// `unknown_form`, `invalid_escape`, then those of [`Gs1Key::new`].
    pub fn parse_digital_link(link: &str) -> Result<Self, Fault> {
        link::parse(link)
    }

    /// The GS1 Digital Link on the domain that GS1 keeps for everybody, `id.gs1.org`.
    pub fn digital_link(&self) -> String {
        link::render(self)
    }

    /// The application identifiers and values, the key's first.
    pub fn values(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let shape = self.kind.shape();
        let qualifier = shape.qualifier.zip(self.qualifier.as_deref()).map(|((ai, _), value)| (ai, value));
        std::iter::once((shape.ai, self.value.as_str())).chain(qualifier)
    }

    /// What an EPC of it identifies.
    pub fn scheme(&self) -> Scheme {
        self.kind.shape().scheme
    }

    /// The trade item's GTIN in 14 digits.
    pub fn gtin14(&self) -> Option<&str> {
        let is_item = matches!(self.kind, Kind::Sgtin | Kind::Upui | Kind::Lgtin | Kind::Itip);
        is_item.then(|| &self.value[..14])
    }

    /// The EPC, given how many digits GS1 gave to the company.
    ///
    /// A GTIN without a serial, and any other key that needs one and has none, becomes a pattern; a GLN without an extension is
    /// that of the whole place, extension `0`.
    ///
    /// # Errors
    /// `prefix_length_unknown` when it is needed and not given, then those of [`Epc::new`].
    pub fn epc(&self, prefix_length: Option<u8>) -> Result<Epc, Fault> {
        let shape = self.kind.shape();
        let Some(length) = prefix_length.map(usize::from) else {
            let detail = format!(
                "nothing in ({}){} says how many digits its company prefix has; give it, 6 to 12",
                shape.ai, self.value
            );
            return Err(Fault::new("prefix_length_unknown", detail));
        };
        if !(6..=12).contains(&length) {
            let detail = format!("a company prefix has 6 to 12 digits, not {length}");
            return Err(Fault::new("company_prefix_length", detail));
        }
        let value = self.value.as_str();
        let split = |digits: &str| match digits.split_at_checked(length) {
            Some((prefix, rest)) => Ok((prefix.to_owned(), rest.to_owned())),
            None => Err(Fault::of("part_length", "key", digits.as_bytes(), "is shorter than its company prefix")),
        };
        let indicated = |digits: &str| {
            let (prefix, rest) = split(&digits[1..digits.len() - 1])?;
            Ok::<_, Fault>((prefix, [&digits[..1], &rest].concat()))
        };
        let ((prefix, reference), mut more) = match self.kind {
            Kind::Sscc | Kind::Sgtin | Kind::Upui | Kind::Lgtin => (indicated(value)?, vec![]),
            Kind::Itip => (indicated(&value[..14])?, vec![&value[14..16], &value[16..]]),
            Kind::Sgln => (split(&value[..12])?, vec![]),
            Kind::Pgln => (split(&value[..12])?, vec![]),
            Kind::Gsrn | Kind::Gsrnp => (split(&value[..17])?, vec![]),
            Kind::Grai => (split(&value[1..13])?, vec![&value[14..]]),
            Kind::Gdti | Kind::Sgcn => (split(&value[..12])?, vec![&value[13..]]),
            Kind::Giai | Kind::Cpi => (split(value)?, vec![]),
        };
        match (self.kind, self.qualifier.as_deref()) {
            (Kind::Sgln, None) => more.push("0"),
            (_, qualifier) => more.extend(qualifier),
        }
        let mut parts = vec![prefix.as_str(), reference.as_str()];
        parts.extend(more);
        // A key whose serial is left out.
        let open = parts.len() > 2 && parts.last().is_some_and(|part| part.is_empty());
        parts.truncate(parts.len() - usize::from(open));
        Epc::new(shape.scheme, &parts)
    }

    fn check(&self) -> Result<(), Fault> {
        let shape = self.kind.shape();
        let name = format!("({})", shape.ai);
        let value = self.value.as_bytes();
        let refuse = |code, why: fmt::Arguments<'_>| Err(Fault::of(code, &name, value, why));
        let (digits, rest) = value.split_at_checked(shape.digits).unwrap_or((value, &[]));
        if digits.len() < shape.digits || !digits.iter().all(u8::is_ascii_digit) {
            return refuse("part_length", format_args!("must have {} digits", shape.digits));
        }
        let (rest_min, rest_max, allowed): (_, _, fn(&u8) -> bool) = match self.kind {
            Kind::Grai => (0, 16, is_gs1_character),
            Kind::Gdti => (0, 17, is_gs1_character),
            Kind::Sgcn => (0, 12, u8::is_ascii_digit),
            Kind::Itip => (4, 4, u8::is_ascii_digit),
            Kind::Giai => (1, 30, is_gs1_character),
            Kind::Cpi => (1, 30, is_component_character),
            _ => (0, 0, is_gs1_character),
        };
        if !(rest_min..=rest_max).contains(&rest.len()) {
            let (min, max) = (shape.digits + rest_min, shape.digits + rest_max);
            return refuse("part_length", format_args!("has {} characters; {min} to {max} are taken", value.len()));
        }
        if !rest.iter().all(allowed) {
            return refuse("invalid_character", format_args!("has a character that may not be in it"));
        }
        if let [front @ .., last] = digits {
            let expected = check_digit(front).expect("only digits are left");
            if *last != expected {
                let (found, expected) = (char::from(*last), char::from(expected));
                return refuse("check_digit", format_args!("has check digit {found}; {expected} would fit the others"));
            }
        }
        if self.kind == Kind::Grai && !value.starts_with(b"0") {
            return refuse("invalid_character", format_args!("must begin with 0"));
        }
        let Some(((ai, max), qualifier)) = shape.qualifier.zip(self.qualifier.as_deref()) else { return Ok(()) };
        let rule = if self.kind == Kind::Cpi { Rule::Number(max, 999_999_999_999) } else { Rule::Text(max) };
        super::scheme::Part { name: ai, rule }.check(qualifier.as_bytes(), 0)
    }
}

/// How many digits are in brackets at the start of `text`, when they can be an application identifier.
fn bracketed(text: &[u8]) -> Option<usize> {
    let inside = text.strip_prefix(b"(")?;
    let digits = inside.iter().take_while(|byte| byte.is_ascii_digit()).count();
    ((2..=4).contains(&digits) && inside.get(digits) == Some(&b')')).then_some(digits)
}

/// The element string, application identifiers in brackets.
impl fmt::Display for Gs1Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (ai, value) in self.values() {
            write!(f, "({ai})")?;
            for (at, character) in value.char_indices() {
                if bracketed(&value.as_bytes()[at..]).is_some() {
                    f.write_str("\\")?;
                }
                write!(f, "{character}")?;
            }
        }
        Ok(())
    }
}

impl Epc {
    /// The GS1 key; `None` when the scheme has none, or too much of it is open.
    pub fn gs1_key(&self) -> Option<Gs1Key> {
        let kind = KINDS.into_iter().find(|kind| kind.shape().scheme == self.scheme())?;
        let mut parts = self.parts().map(|(_, part)| part);
        let (prefix, reference) = (parts.next()?, parts.next()?);
        let plain = || with_check_digit(&[prefix, reference].concat());
        let indicated = || with_check_digit(&indicator_first(prefix, reference));
        let value = match kind {
            Kind::Sscc | Kind::Sgtin | Kind::Upui | Kind::Lgtin => indicated(),
            Kind::Itip => [indicated().as_str(), parts.next()?, parts.next()?].concat(),
            Kind::Sgln | Kind::Pgln | Kind::Gsrn | Kind::Gsrnp => plain(),
            Kind::Grai => ["0", &plain(), parts.next().unwrap_or_default()].concat(),
            Kind::Gdti | Kind::Sgcn => [&plain(), parts.next().unwrap_or_default()].concat(),
            Kind::Giai | Kind::Cpi => [prefix, reference].concat(),
        };
        let qualifier = parts.next().filter(|part| kind != Kind::Sgln || *part != "0");
        Some(Gs1Key { kind, value, qualifier: qualifier.map(str::to_owned) })
    }

    /// The element string of its GS1 key.
    pub fn element_string(&self) -> Option<String> {
        self.gs1_key().map(|key| key.to_string())
    }

    /// The GS1 Digital Link of its GS1 key, on `id.gs1.org`.
    pub fn digital_link(&self) -> Option<String> {
        self.gs1_key().map(|key| key.digital_link())
    }
}
