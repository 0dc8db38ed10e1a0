//! The card of a device: what stands at `/v1/devices/{device}`.
//!
//! How its readings are to be understood stands in `settings`, whose members depend on what it is; they are kept as
//! canonical JSON and read where readings become movements.

use crate::Problem;
use crate::body::{named, same_name, unless, utf8};
use crate::event::fields::Value;
use crate::object::Object;
use crate::problem::{nearest, shown};
use crate::text::{TEXT_BYTES_MAX, check_text};
use ledger::DeviceCard;

/// What a device can be.
pub const KINDS: [&str; 8] = ["rfid_reader", "scale", "sensor", "tracker", "scanner", "gateway", "edge_node", "system"];
/// The longest settings, in bytes.
pub const SETTINGS_BYTES_MAX: usize = 64 << 10;
/// The longest interval that a device may be silent by its card, in seconds: a year.
const INTERVAL_SECONDS_MAX: u32 = 366 * 86_400;

/// Reads the card of the device that the path names.
///
/// # Errors
/// Everything that is wrong with it; never an empty list.
pub fn parse_device(device: &str, body: &[u8]) -> Result<DeviceCard, Vec<Problem>> {
    let text = utf8(body)?;
    let mut problems = Vec::new();
    let device = named("device", device, &mut problems, |text| check_text("device", text, TEXT_BYTES_MAX));
    let known = ["device", "name", "kind", "location", "interval_seconds", "settings"];
    let read = Object::read(text, String::new(), &known, &mut problems).map(|mut object| {
        same_name(&mut object, "device", &device);
        let kind = object.required_text("kind", "\"rfid_reader\"");
        if !kind.is_empty() && !KINDS.contains(&&*kind) {
            let remedy = nearest(&kind, KINDS).map_or(KINDS.join("', '"), str::to_owned);
            let detail = format!("kind {} is unknown; use '{remedy}'", shown(&kind));
            object.problem(Problem::new("unknown_kind", "kind", detail));
        }
        DeviceCard {
            device,
            name: object.text("name"),
            kind,
            location: object.location("location"),
            interval_micros: interval(&mut object),
            settings: settings(&mut object),
        }
    });
    unless(problems, read)
}

fn interval(object: &mut Object<'_, '_>) -> Option<i64> {
    let seconds = match object.get("interval_seconds") {
        Value::Absent => return None,
        Value::Raw(json) => json.parse().ok(),
        Value::Text(_) | Value::List(_) => None,
    };
    match seconds {
        Some(seconds) if (1..=INTERVAL_SECONDS_MAX).contains(&seconds) => Some(i64::from(seconds) * 1_000_000),
        _ => {
            let detail = format!("interval_seconds is no whole number of 1 to {INTERVAL_SECONDS_MAX}; send one");
            object.problem(Problem::new("wrong_type", "interval_seconds", detail));
            None
        }
    }
}

fn settings(object: &mut Object<'_, '_>) -> Box<str> {
    let json = match object.get("settings") {
        Value::Absent => return Box::default(),
        Value::Raw(json) if json.starts_with('{') && json.len() <= SETTINGS_BYTES_MAX => *json,
        _ => {
            let detail = format!("settings is no object of at most {SETTINGS_BYTES_MAX} bytes; send one");
            object.problem(Problem::new("wrong_type", "settings", detail));
            return Box::default();
        }
    };
    match serde_json::from_str::<serde_json::Value>(json) {
        Ok(value) => value.to_string().into(),
        Err(error) => {
            object.problem(Problem::new("invalid_json", "settings", format!("settings is not JSON: {error}")));
            Box::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_card_is_read_and_every_problem_named() {
        let body = br#"{"kind":"scale","name":"Shelf 3","location":"warehouse_A/shelf-3","interval_seconds":30,
            "settings":{"product_id":"BOLT","tare_g":120}}"#;
        let card = parse_device("scale-3", body).unwrap();
        assert_eq!((&*card.device, &*card.kind, card.interval_micros), ("scale-3", "scale", Some(30_000_000)));
        assert_eq!(&*card.settings, r#"{"product_id":"BOLT","tare_g":120}"#);
        let problems = parse_device("s", br#"{"kind":"scal","interval_seconds":0,"settings":[],"x":1}"#).unwrap_err();
        let fields: Vec<&str> = problems.iter().map(|problem| &*problem.field).collect();
        assert_eq!(fields, ["x", "kind", "interval_seconds", "settings"]);
        assert!(problems[1].detail.contains("'scale'"));
    }
}
