//! What a text from outside must be: short, trimmed, free of control characters, and a location a path.

use crate::problem::{Problem, shown};
use std::borrow::Cow;

/// The longest id, name or code, in bytes.
pub const TEXT_BYTES_MAX: usize = 200;
/// The most parts that a location has.
pub const LOCATION_PARTS_MAX: usize = 8;
/// The longest part of a location, in bytes.
pub const LOCATION_PART_BYTES_MAX: usize = 100;

/// `text` without white space at its ends.
///
/// # Errors
/// `control_character`, then `too_long`.
pub(crate) fn check_text<'t>(field: &'static str, text: &'t str, bytes_max: usize) -> Result<&'t str, Problem> {
    let text = trimmed(text);
    // Printable ASCII is the rule; the second look is for everything else.
    if !text.bytes().all(|byte| (0x20..0x7f).contains(&byte)) && text.chars().any(char::is_control) {
        let detail = format!("{field} {} has a control character; remove it", shown(text));
        return Err(Problem::new("control_character", field, detail));
    }
    if text.len() > bytes_max {
        let detail =
            format!("{field} {} has {} bytes; at most {bytes_max} are taken: shorten it", shown(text), text.len());
        return Err(Problem::new("too_long", field, detail));
    }
    Ok(text)
}

fn trimmed(text: &str) -> &str {
    let bytes = text.as_bytes();
    match (bytes.first(), bytes.last()) {
        (Some(0x21..0x7f), Some(0x21..0x7f)) => text,
        _ => text.trim(),
    }
}

/// A location's path, trimmed; an empty text stays empty.
///
/// # Errors
/// `control_character`, `too_long`, then `invalid_location`.
pub(crate) fn check_location<'t>(field: &'static str, text: &'t str) -> Result<&'t str, Problem> {
    let text = check_text(field, text, LOCATION_PARTS_MAX * (LOCATION_PART_BYTES_MAX + 1))?;
    if text.is_empty() {
        return Ok(text);
    }
    let refused = |why: &str| {
        let detail = format!(
            "{field} {} {why}; write a warehouse and up to {} parts below it, each of at most {LOCATION_PART_BYTES_MAX} bytes, as in 'warehouse_A/cold-1/bin-07'",
            shown(text),
            LOCATION_PARTS_MAX - 1
        );
        Err(Problem::new("invalid_location", field, detail))
    };
    let mut parts = 0;
    for part in text.split('/') {
        parts += 1;
        if part.is_empty() {
            return refused("has an empty part");
        }
        if part.len() > LOCATION_PART_BYTES_MAX {
            return refused("has a part that is too long");
        }
        if trimmed(part).len() != part.len() {
            return refused("has white space around a part");
        }
    }
    if parts > LOCATION_PARTS_MAX {
        return refused("has too many parts");
    }
    Ok(text)
}

/// The problem of a field that must be there and is not.
pub(crate) fn missing(field: impl Into<Cow<'static, str>>, example: &str) -> Problem {
    let field = field.into();
    let detail = format!("{field} is missing; add it, for example {example}");
    Problem::new("missing_field", field, detail)
}

/// Appends `text` as a JSON string, in quotes.
pub(crate) fn push_json_string(out: &mut String, text: &str) {
    let plain = text.bytes().all(|byte| byte >= 0x20 && byte != b'"' && byte != b'\\');
    if plain {
        out.push('"');
        out.push_str(text);
        out.push('"');
    } else {
        let escaped = serde_json::to_string(text).expect("a text is always JSON");
        out.push_str(&escaped);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn locations_are_paths() {
        let check = |text: &str, expect: Result<&str, &str>| {
            let got = check_location("location", text).map_err(|problem| problem.code);
            assert_eq!(got, expect, "{text}");
        };
        check("warehouse_A", Ok("warehouse_A"));
        check(" a/b c/d ", Ok("a/b c/d"));
        check("1/2/3/4/5/6/7/8", Ok("1/2/3/4/5/6/7/8"));
        check("1/2/3/4/5/6/7/8/9", Err("invalid_location"));
        for text in ["/a", "a/", "a//b", "a/ b", "a /b", &"x".repeat(101)] {
            check(text, Err("invalid_location"));
        }
        check("a\u{7}b", Err("control_character"));
        check(&"x".repeat(1000), Err("too_long"));
    }
}
