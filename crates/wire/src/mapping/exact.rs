//! Numbers that a float would round are kept as texts, so that what comes out is what was written.

use std::borrow::Cow;

/// The most digits of a number with decimals that a float brings back as they were.
const FLOAT_DIGITS_MAX: usize = 15;
/// The most digits of a whole number that always fits.
const WHOLE_DIGITS_MAX: usize = 18;

/// The JSON `text` with every number in quotes that would be rounded otherwise. Text that is not JSON stays none.
pub(super) fn keep_numbers(text: &str) -> Cow<'_, str> {
    let bytes = text.as_bytes();
    let mut out: Option<String> = None;
    let (mut at, mut copied) = (0, 0);
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'"' => at = after_string(bytes, at + 1),
            b'-' | b'0'..=b'9' => {
                let length = bytes[at..].iter().take_while(|byte| is_of_number(**byte)).count();
                let number = &text[at..at + length];
                if is_rounded(number) && is_number(number) {
                    let out = out.get_or_insert_with(|| String::with_capacity(text.len() + 16));
                    out.push_str(&text[copied..at]);
                    out.push('"');
                    out.push_str(number);
                    out.push('"');
                    copied = at + length;
                }
                at += length;
            }
            _ => at += 1,
        }
    }
    match out {
        None => Cow::Borrowed(text),
        Some(mut out) => {
            out.push_str(&text[copied..]);
            Cow::Owned(out)
        }
    }
}

fn after_string(bytes: &[u8], mut at: usize) -> usize {
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'"' => return at + 1,
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    at
}

const fn is_of_number(byte: u8) -> bool {
    matches!(byte, b'-' | b'+' | b'.' | b'e' | b'E' | b'0'..=b'9')
}

fn is_rounded(number: &str) -> bool {
    let is_whole = number.bytes().all(|byte| byte == b'-' || byte.is_ascii_digit());
    let (mantissa, exponent) = number.split_once(['e', 'E']).unwrap_or((number, ""));
    let digits = mantissa.bytes().filter(u8::is_ascii_digit).count();
    digits > if is_whole { WHOLE_DIGITS_MAX } else { FLOAT_DIGITS_MAX } || exponent.len() > 2
}

/// Whether it is a number at all: what is none must stay an error.
fn is_number(text: &str) -> bool {
    serde_json::from_str::<&serde_json::value::RawValue>(text).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_numbers_that_would_be_rounded_become_texts() {
        let check = |text: &str, expect: &str| assert_eq!(keep_numbers(text), expect);
        check(r#"{"a": 1, "b": [0.1, -2.5e3]}"#, r#"{"a": 1, "b": [0.1, -2.5e3]}"#);
        check(r#"[1234567890.123456]"#, r#"["1234567890.123456"]"#);
        check("[820982911946154508]", "[820982911946154508]");
        check("[8209829119461545080]", r#"["8209829119461545080"]"#);
        check(r#"{"1234567890.1234567": "\"1234567890.1234567"}"#, r#"{"1234567890.1234567": "\"1234567890.1234567"}"#);
        check("1e400", "\"1e400\"");
        check("[1.2.3.4.5.6.7.8.9.0.1.2.3.4.5.6.7]", "[1.2.3.4.5.6.7.8.9.0.1.2.3.4.5.6.7]");
        check("\"\\", "\"\\");
    }
}
