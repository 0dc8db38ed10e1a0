//! Numbers of XML as numbers of JSON.

use super::Json;

/// An XML decimal as a JSON number: without `+`, without zeros before, with digits on both sides of the point. Text stays
/// what it is when it is none.
pub(super) fn number(text: &str) -> Json {
    if is_json_number(text) {
        return Json::Number(text.to_owned());
    }
    let (sign, rest) = match text.strip_prefix('-') {
        Some(rest) => ("-", rest),
        None => ("", text.strip_prefix('+').unwrap_or(text)),
    };
    let (mantissa, exponent) = match rest.find(['e', 'E']) {
        Some(at) => rest.split_at(at),
        None => (rest, ""),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let whole = whole.trim_start_matches('0');
    let point = if fraction.is_empty() { "" } else { "." };
    let whole = if whole.is_empty() { "0" } else { whole };
    let digits = format!("{sign}{whole}{point}{fraction}{exponent}");
    if mantissa.bytes().any(|byte| byte.is_ascii_digit()) && is_json_number(&digits) {
        Json::Number(digits)
    } else {
        Json::from(text)
    }
}

fn is_json_number(text: &str) -> bool {
    text.starts_with(|first: char| first == '-' || first.is_ascii_digit())
        && serde_json::from_str::<&serde_json::value::RawValue>(text).is_ok()
}
