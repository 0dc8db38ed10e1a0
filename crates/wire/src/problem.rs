//! What is wrong with an input, said so that a person can mend it.

use ledger::Rejection;
use std::borrow::Cow;
use std::fmt::Write;

/// One thing wrong with one input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Which input of those handed over together, from 0; `None` when the whole body is at fault.
    pub index: Option<usize>,
    /// The line of the body or file, or the row of a CSV file, from 1; `None` when it has no lines.
    pub line: Option<u64>,
    /// The stable code; `docs/formats/events.md` lists them.
    pub code: &'static str,
    /// The field at fault, by its name outside; empty when it is none.
    pub field: Cow<'static, str>,
    /// The field, the value at fault (shortened, control characters escaped) and the remedy.
    pub detail: String,
}

impl Problem {
    /// A problem of an input whose place is not known yet.
    pub fn new(code: &'static str, field: impl Into<Cow<'static, str>>, detail: impl Into<String>) -> Self {
        Self { index: None, line: None, code, field: field.into(), detail: detail.into() }
    }

    /// The same problem of the input at `index`.
    pub fn at(mut self, index: usize) -> Self {
        self.index = Some(index);
        self
    }
}

impl From<&Rejection> for Problem {
    fn from(rejection: &Rejection) -> Self {
        Self::new(rejection.code(), rejection.field(), rejection.to_string())
    }
}

/// The most characters of a value that a problem repeats.
const SHOWN_CHARS_MAX: usize = 60;

/// `value` as a problem shows it: in quotes, control characters escaped, cut after 60 characters.
pub fn shown(value: &str) -> String {
    let mut out = String::with_capacity(value.len().min(SHOWN_CHARS_MAX) + 2);
    out.push('\'');
    for character in value.chars().take(SHOWN_CHARS_MAX) {
        if character.is_control() {
            // Writing to a string can't fail.
            let _ = write!(out, "{}", character.escape_default());
        } else {
            out.push(character);
        }
    }
    if value.chars().nth(SHOWN_CHARS_MAX).is_some() {
        out.push('…');
    }
    out.push('\'');
    out
}

/// The name among `names` that `typed` most likely meant; `None` when none is near.
///
/// Near is at most two edits, and fewer than a third of the letters.
pub fn nearest<'n>(typed: &str, names: impl IntoIterator<Item = &'n str>) -> Option<&'n str> {
    if typed.len() > 40 {
        return None;
    }
    let typed = typed.to_lowercase().replace(['-', ' '], "_");
    let near = |name: &&str| edit_distance(typed.as_bytes(), name.as_bytes());
    let best = names.into_iter().min_by_key(near)?;
    (near(&best) <= 2.min(best.len() / 3)).then_some(best)
}

/// How many single letters must be put in, left out or changed to make `first` into `second` (Levenshtein).
fn edit_distance(first: &[u8], second: &[u8]) -> usize {
    let mut row: Vec<usize> = (0..=second.len()).collect();
    for (done, letter) in first.iter().enumerate() {
        let mut diagonal = done;
        row[0] = done + 1;
        for (at, other) in second.iter().enumerate() {
            let changed = diagonal + usize::from(letter != other);
            diagonal = row[at + 1];
            row[at + 1] = changed.min(diagonal + 1).min(row[at] + 1);
        }
    }
    row[second.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_shown_short_and_harmless() {
        let check = |value: &str, expect: &str| assert_eq!(shown(value), expect);
        check("", "''");
        check("a\nb\u{0}", "'a\\nb\\u{0}'");
        check(&"é".repeat(61), &format!("'{}…'", "é".repeat(60)));
    }

    #[test]
    fn the_nearest_name_is_found_or_none() {
        let names = ["product_id", "location", "to", "timestamp", "status", "to_status"];
        let check = |typed, expect| assert_eq!(nearest(typed, names), expect, "{typed}");
        check("productid", Some("product_id"));
        check("Product-ID", Some("product_id"));
        check("timestmp", Some("timestamp"));
        check("tostatus", Some("to_status"));
        check("go", None);
        check("colour", None);
        check("", None);
    }
}
