//! A field's value as the JSON that an event has it in.

use crate::text::push_json_string;
use jmespath::{Rcvar, Variable};

/// The fields that a mapping can fill, in the order in which they are written.
pub(super) const FIELDS: &[&str] = &[
    "event",
    "id",
    "source",
    "product_id",
    "location",
    "quantity",
    "timestamp",
    "lot",
    "expiry",
    "serials",
    "unit",
    "reason",
    "reference",
    "to",
    "status",
    "to_status",
    "expected_at",
    "reservation_id",
    "expires_at",
    "lines",
    "partial",
    "device",
    "sequence",
    "battery_percent",
    "failures",
    "epc",
    "antenna",
    "rssi",
    "count",
    "metric",
    "value",
    "metrics",
    "latitude",
    "longitude",
    "accuracy_m",
    "speed_kmh",
    "heading_degrees",
];

/// The fields that are texts, in which other systems like to have numbers.
const TEXTS: &[&str] = &[
    "id",
    "source",
    "product_id",
    "location",
    "lot",
    "unit",
    "reason",
    "reference",
    "to",
    "reservation_id",
    "device",
    "serials",
];

/// Whether a value says nothing: null or an empty text.
pub(super) fn is_nothing(value: &Variable) -> bool {
    value.is_null() || value.as_string().is_some_and(|text| text.trim().is_empty())
}

/// Appends `"name": value`, and a comma before it unless it is the first. Numbers where an event has texts become texts.
pub(super) fn push_member(out: &mut String, name: &str, value: &Rcvar) {
    push_name(out, name);
    let value = match (&**value, name) {
        (Variable::Array(lines), "lines") => {
            let lines = lines.iter().map(|line| Rcvar::new(line_of(line))).collect();
            Rcvar::new(Variable::Array(lines))
        }
        _ if TEXTS.contains(&name) => as_text(value),
        _ => value.clone(),
    };
    out.push_str(&json(&value));
}

/// As [`push_member`], with a value that is JSON already.
pub(super) fn push_json_member(out: &mut String, name: &str, json: &str) {
    push_name(out, name);
    out.push_str(json);
}

fn push_name(out: &mut String, name: &str) {
    if !out.ends_with('{') {
        out.push_str(", ");
    }
    push_json_string(out, name);
    out.push_str(": ");
}

fn json(value: &Variable) -> String {
    serde_json::to_string(value).expect("a value read from JSON is JSON")
}

/// The text that stands for a value in an id; `None` when it is none.
pub(super) fn text_of(value: &Variable) -> Option<String> {
    match value {
        Variable::String(text) => Some(text.trim().to_owned()).filter(|text| !text.is_empty()),
        Variable::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

fn as_text(value: &Rcvar) -> Rcvar {
    match &**value {
        Variable::Number(number) => Rcvar::new(Variable::String(number.to_string())),
        Variable::Array(values) => Rcvar::new(Variable::Array(values.iter().map(as_text).collect())),
        _ => value.clone(),
    }
}

/// A line of a reservation without the members that say nothing.
fn line_of(line: &Variable) -> Variable {
    let Variable::Object(members) = line else { return line.clone() };
    let member = |(name, value): (&String, &Rcvar)| {
        let value = if TEXTS.contains(&name.as_str()) { as_text(value) } else { value.clone() };
        (!is_nothing(&value)).then_some((name.clone(), value))
    };
    Variable::Object(members.iter().filter_map(member).collect())
}
