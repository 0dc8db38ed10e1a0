//! The card of a rule: what stands at `/v1/rules/{rule}`. What the settings of a condition may be, the condition knows;
//! here they are names and the text of their values.

use crate::Problem;
use crate::body::{named, same_name, unless, utf8};
use crate::event::fields::{self, Value};
use crate::object::Object;
use crate::problem::{nearest, shown};
use crate::text::{TEXT_BYTES_MAX, check_text};
use ledger::{RuleCard, Severity};

/// The most settings of a rule.
const SETTINGS_MAX: usize = 50;
/// The longest text of a setting, in bytes: an expression fits.
const SETTING_BYTES_MAX: usize = 4_096;
/// The longest time after which an alert is escalated, in minutes: a year.
const MINUTES_MAX: u32 = 366 * 24 * 60;

/// Reads the card of the rule that the path names.
///
/// # Errors
/// Everything that is wrong with it; never an empty list.
pub fn parse_rule(rule: &str, body: &[u8]) -> Result<RuleCard, Vec<Problem>> {
    let text = utf8(body)?;
    let mut problems = Vec::new();
    let rule = named("rule", rule, &mut problems, |text| check_text("rule", text, TEXT_BYTES_MAX));
    let known = [
        "rule",
        "name",
        "condition",
        "product_id",
        "category",
        "location",
        "region",
        "device",
        "settings",
        "severity",
        "owner",
        "escalate_minutes",
        "enabled",
    ];
    let read = Object::read(text, String::new(), &known, &mut problems).map(|mut object| {
        same_name(&mut object, "rule", &rule);
        let is_off = !matches!(object.get("enabled"), Value::Absent) && !object.flag("enabled");
        RuleCard {
            rule,
            name: object.text("name"),
            condition: object.required_text("condition", "\"low_stock\""),
            product: object.text("product_id"),
            category: object.text("category"),
            location: object.location("location"),
            region: object.text("region"),
            device: object.text("device"),
            settings: settings(&mut object),
            severity: severity(&mut object),
            owner: object.text("owner"),
            escalate_minutes: minutes(&mut object),
            is_off,
        }
    });
    unless(problems, read)
}

fn severity(object: &mut Object<'_, '_>) -> Option<Severity> {
    let text = object.text("severity");
    let found = Severity::named(&text);
    if found.is_none() && !text.is_empty() {
        let names = Severity::ALL.map(Severity::name);
        let remedy = nearest(&text, names).map_or(names.join("', '"), str::to_owned);
        let detail = format!("severity {} is unknown; use '{remedy}'", shown(&text));
        object.problem(Problem::new("invalid_value", "severity", detail));
    }
    found
}

fn minutes(object: &mut Object<'_, '_>) -> Option<u32> {
    let minutes = match object.get("escalate_minutes") {
        Value::Absent | Value::Raw("null") => return None,
        Value::Raw(json) => json.parse().ok().filter(|minutes| (1..=MINUTES_MAX).contains(minutes)),
        Value::Text(_) | Value::List(_) => None,
    };
    if minutes.is_none() {
        let detail = format!("escalate_minutes is no whole number of 1 to {MINUTES_MAX}; send one");
        object.problem(Problem::new("wrong_type", "escalate_minutes", detail));
    }
    minutes
}

fn settings(object: &mut Object<'_, '_>) -> Vec<(Box<str>, Box<str>)> {
    let json = match object.get("settings") {
        Value::Absent => return Vec::new(),
        Value::Raw(json) => *json,
        Value::Text(_) | Value::List(_) => "\"\"",
    };
    let members = match fields::members(json, "settings") {
        Ok(members) if members.0.len() <= SETTINGS_MAX => members.0,
        Ok(members) => {
            let detail = format!("settings has {} members; send {SETTINGS_MAX} at most", members.0.len());
            object.problem(Problem::new("invalid_value", "settings", detail));
            return Vec::new();
        }
        Err(problem) => {
            object.problem(problem);
            return Vec::new();
        }
    };
    let mut settings: Vec<(Box<str>, Box<str>)> = Vec::with_capacity(members.len());
    for (name, json) in members {
        let field = format!("settings.{name}");
        let value = match fields::value(json) {
            Ok(Value::Text(text)) if text.len() <= SETTING_BYTES_MAX => Some(text.into_owned()),
            Ok(Value::Raw(json)) if !json.starts_with(['{', '[']) && json != "null" => Some(json.to_owned()),
            _ => None,
        };
        match value {
            Some(_) if settings.iter().any(|(other, _)| **other == *name) => {
                let detail = format!("{field} stands twice; leave one of them out");
                object.problem(Problem::new("duplicate_field", field, detail));
            }
            Some(value) => settings.push((name.as_ref().into(), value.into())),
            None => {
                let detail =
                    format!("{field} is no number, true, false or text of at most {SETTING_BYTES_MAX} bytes; send one");
                object.problem(Problem::new("wrong_type", field, detail));
            }
        }
    }
    settings.sort_unstable();
    settings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_is_read_and_every_problem_named() {
        let body = br#"{"condition":"low_stock","product_id":"BOLT","location":"warehouse_A",
            "settings":{"below":12.5,"clear_above":"15"},"severity":"critical","owner":"anna","escalate_minutes":30}"#;
        let card = parse_rule("bolts", body).unwrap();
        assert_eq!((&*card.rule, &*card.condition, card.escalate_minutes), ("bolts", "low_stock", Some(30)));
        let settings: Vec<(&str, &str)> = card.settings.iter().map(|(name, value)| (&**name, &**value)).collect();
        assert_eq!(settings, [("below", "12.5"), ("clear_above", "15")]);
        assert!(!card.is_off && card.severity == Some(Severity::Critical));
        assert!(parse_rule("bolts", br#"{"condition":"low_stock","enabled":false}"#).unwrap().is_off);
        let body = br#"{"conditon":"x","settings":{"a":[1],"b":1,"b":2},"severity":"criticl","escalate_minutes":0}"#;
        let problems = parse_rule("bolts", body).unwrap_err();
        let fields: Vec<&str> = problems.iter().map(|problem| &*problem.field).collect();
        assert_eq!(fields, ["conditon", "condition", "settings.a", "settings.b", "severity", "escalate_minutes"]);
        assert!(problems[4].detail.contains("'critical'"));
    }
}
