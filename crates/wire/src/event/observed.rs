//! Events that tell what a device saw (`tag_read`, `sensor_reading`, `position_reported`) or what is known of a shipment
//! (`shipment_planned` and what becomes of it). They move no stock by themselves, and become observations.

use super::fields::{self, Value};
use crate::object::Object;
use crate::observation::shipment::{self, ShipmentStep};
use crate::observation::{
    self, EPC_BYTES_MAX, Place, Reading, ReadingValue, TagRead, pack_reads, reading_value, render_place,
    render_readings,
};
use crate::problem::{Problem, shown};
use crate::text::{TEXT_BYTES_MAX, check_text, missing};
use ledger::{Observation, Quantity, Timestamp};
use std::borrow::Cow;

/// The kinds of these events.
pub(crate) const KINDS: [&str; 9] = [
    "tag_read",
    "sensor_reading",
    "position_reported",
    ShipmentStep::Planned.event(),
    ShipmentStep::Departed.event(),
    ShipmentStep::Arrived.event(),
    ShipmentStep::LegDeparted.event(),
    ShipmentStep::LegArrived.event(),
    ShipmentStep::Cancelled.event(),
];
/// The members that each of them may have, of those that devices send.
const COMMON: [&str; 8] = ["event", "id", "source", "device", "timestamp", "sequence", "battery_percent", "failures"];
/// Figures of one event.
const METRICS_MAX: usize = 200;

/// What one of these events says.
pub(crate) struct Observed {
    pub(crate) id: Box<str>,
    pub(crate) source: Box<str>,
    pub(crate) occurred_at: Timestamp,
    pub(crate) observation: Observation,
}

/// Whether `text` is an event of one of these kinds, and which.
pub(crate) fn kind_of(text: &str) -> Option<&'static str> {
    let members = fields::members(text, "the event").ok()?;
    let (_, json) = members.0.iter().find(|(name, _)| name == "event")?;
    KINDS.into_iter().find(|kind| json.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) == Some(kind))
}

/// Reads the event of this kind; `None` when `problems` grew.
pub(crate) fn read(text: &str, kind: &'static str, problems: &mut Vec<Problem>) -> Option<Observed> {
    if let Some(step) = ShipmentStep::of(kind) {
        return read_shipment(text, step, problems);
    }
    let first = problems.len();
    let own: &[&'static str] = match kind {
        "tag_read" => &["epc", "antenna", "rssi", "count"],
        "sensor_reading" => &["metric", "value", "unit", "metrics"],
        _ => &["latitude", "longitude", "accuracy_m", "speed_kmh", "heading_degrees"],
    };
    let known: Vec<&'static str> = COMMON.iter().chain(own).copied().collect();
    let mut object = Object::read(text, String::new(), &known, problems)?;
    let id = object.text("id");
    let device = object.text("device");
    let source = if device.is_empty() { object.text("source") } else { device };
    let occurred_at = required_time(&mut object);
    let (form, content) = match kind {
        "tag_read" => (observation::TAG_READS, tag_read(&mut object, occurred_at)),
        "sensor_reading" => (observation::READINGS, readings(&mut object).into_bytes().into()),
        _ => (observation::POSITION, render_place(&place(&mut object)).into_bytes().into()),
    };
    let observation = Observation {
        form: form.into(),
        sent_at: Some(occurred_at),
        sequence: whole(&mut object, "sequence", u64::MAX),
        battery_permille: battery(&mut object),
        failures: whole(&mut object, "failures", u64::from(u32::MAX)).map_or(0, saturated),
        content,
    };
    (problems.len() == first).then_some(Observed { id, source, occurred_at, observation })
}

fn read_shipment(text: &str, step: ShipmentStep, problems: &mut Vec<Problem>) -> Option<Observed> {
    let first = problems.len();
    let known: Vec<&'static str> =
        ["event", "id", "source", "timestamp"].into_iter().chain(step.members().iter().copied()).collect();
    let mut object = Object::read(text, String::new(), &known, problems)?;
    let (id, source) = (object.text("id"), object.text("source"));
    let occurred_at = required_time(&mut object);
    let news = shipment::read(&mut object, step);
    let observation = Observation {
        form: observation::SHIPMENT.into(),
        content: shipment::render_shipment(&news).into_bytes().into(),
        ..Observation::default()
    };
    (problems.len() == first).then_some(Observed { id, source, occurred_at, observation })
}

fn required_time(object: &mut Object<'_, '_>) -> Timestamp {
    match object.get("timestamp") {
        Value::Absent => {
            object.problem(missing("timestamp", "\"2026-02-16T10:00:00Z\""));
            Timestamp(0)
        }
        _ => object.time("timestamp").unwrap_or_default(),
    }
}

fn tag_read(object: &mut Object<'_, '_>, seen_at: Timestamp) -> Box<[u8]> {
    let text = object.required_text("epc", "\"3034257BF7194E4000001A85\"");
    let epc = epc_bytes(&text).unwrap_or_else(|problem| {
        if !text.is_empty() {
            object.problem(problem);
        }
        Vec::new()
    });
    let antenna =
        whole(object, "antenna", u64::from(u16::MAX)).map_or(1, |antenna| u16::try_from(antenna).unwrap_or(1));
    let count = whole(object, "count", u64::from(u32::MAX)).map_or(1, saturated);
    let rssi_centi_dbm = rssi(object);
    if epc.is_empty() {
        return Box::default();
    }
    pack_reads([TagRead { epc: &epc, antenna, rssi_centi_dbm, seen_at, count: count.max(1) }])
}

/// The bytes of an EPC written in hexadecimal digits.
///
/// # Errors
/// `invalid_epc`.
pub(crate) fn epc_bytes(text: &str) -> Result<Vec<u8>, Problem> {
    let refused = |why: &str| {
        let detail = format!("epc {} {why}; send its memory as hexadecimal digits", shown(text));
        Problem::new("invalid_epc", "epc", detail)
    };
    if text.len() % 2 == 1 {
        return Err(refused("has an odd number of digits"));
    }
    if text.is_empty() || text.len() > 2 * EPC_BYTES_MAX {
        return Err(refused("is empty or longer than 496 bits"));
    }
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let pairs = text.as_bytes().chunks_exact(2).map(|pair| Some(digit(pair[0])? << 4 | digit(pair[1])?));
    pairs.collect::<Option<Vec<u8>>>().ok_or_else(|| refused("is not hexadecimal"))
}

/// Hundredths of a dBm of a decimal number of dBm.
fn rssi(object: &mut Object<'_, '_>) -> Option<i16> {
    let json = match object.get("rssi") {
        Value::Absent => return None,
        Value::Raw(json) => *json,
        Value::Text(_) | Value::List(_) => "",
    };
    let centi = json.parse::<Quantity>().ok().and_then(|dbm| i16::try_from(dbm.micros() / 10_000).ok());
    if centi.is_none() {
        object.problem(Problem::new(
            "wrong_type",
            "rssi",
            "rssi is no number of dBm of -327 to 327; send one such as -55.5",
        ));
    }
    centi
}

fn readings(object: &mut Object<'_, '_>) -> String {
    let several = match object.get("metrics") {
        Value::Absent => None,
        Value::Raw(json) => Some(*json),
        Value::Text(_) | Value::List(_) => Some("\"\""),
    };
    if let Some(json) = several {
        for name in ["metric", "value", "unit"] {
            if !matches!(object.get(name), Value::Absent) {
                let detail = format!("{name} has no place beside metrics; leave one of them out");
                object.problem(Problem::new("unknown_field", name, detail));
            }
        }
        return metrics(object, json);
    }
    let metric = object.required_text("metric", "\"temperature_celsius\"");
    let unit = object.text("unit");
    let value = match object.get("value") {
        Value::Absent => Err(missing("value", "4.25")),
        Value::Text(text) => checked_text(text).map(ReadingValue::Text),
        Value::Raw(json) => reading_value(json),
        Value::List(_) => Err(missing("value", "4.25")),
    };
    let value = match value {
        Ok(value) => value,
        Err(problem) => {
            object.problem(problem);
            return String::new();
        }
    };
    render_readings([&Reading { metric: Cow::Borrowed(&metric), value, unit: Cow::Borrowed(&unit), at: None }])
}

fn checked_text(text: &str) -> Result<Cow<'static, str>, Problem> {
    check_text("value", text, TEXT_BYTES_MAX).map(|text| Cow::Owned(text.to_owned()))
}

fn metrics(object: &mut Object<'_, '_>, json: &str) -> String {
    let members = match fields::members(json, "metrics") {
        Ok(members) if (1..=METRICS_MAX).contains(&members.0.len()) => members.0,
        Ok(members) => {
            let detail = format!("metrics has {} figures; send 1 to {METRICS_MAX}", members.0.len());
            object.problem(Problem::new("invalid_value", "metrics", detail));
            return String::new();
        }
        Err(problem) => {
            object.problem(Problem { field: Cow::Borrowed("metrics"), ..problem });
            return String::new();
        }
    };
    let mut readings = Vec::with_capacity(members.len());
    for (name, json) in members {
        let value = check_text("metrics", &name, TEXT_BYTES_MAX).map(str::to_owned).and_then(|metric| {
            Ok(Reading { metric: Cow::Owned(metric), value: reading_value(json)?, unit: Cow::Borrowed(""), at: None })
        });
        match value {
            Ok(reading) => readings.push(reading),
            Err(problem) => {
                let detail = format!("metrics.{}: {}", shown(&name), problem.detail);
                object.problem(Problem::new(problem.code, "metrics", detail));
            }
        }
    }
    render_readings(&readings)
}

fn place(object: &mut Object<'_, '_>) -> Place {
    Place {
        latitude: decimal(object, "latitude", true, -90.0, 90.0),
        longitude: decimal(object, "longitude", true, -180.0, 180.0),
        accuracy_m: decimal(object, "accuracy_m", false, 0.0, 1e6),
        speed_kmh: decimal(object, "speed_kmh", false, 0.0, 1e5),
        heading_degrees: decimal(object, "heading_degrees", false, 0.0, 360.0),
    }
}

/// A number within bounds, as written; empty when it is absent or wrong.
fn decimal(object: &mut Object<'_, '_>, name: &'static str, is_required: bool, min: f64, max: f64) -> String {
    let json = match object.get(name) {
        Value::Absent if is_required => {
            object.problem(missing(name, "52.370216"));
            return String::new();
        }
        Value::Absent => return String::new(),
        Value::Raw(json) => *json,
        Value::Text(_) | Value::List(_) => "",
    };
    match json.parse::<f64>() {
        Ok(number) if json.len() <= 40 && (min..=max).contains(&number) => json.to_owned(),
        _ => {
            let detail = format!("{name} {} is no number of {min} to {max}; send one", shown(json));
            object.problem(Problem::new("invalid_value", name, detail));
            String::new()
        }
    }
}

fn whole(object: &mut Object<'_, '_>, name: &'static str, max: u64) -> Option<u64> {
    let number = match object.get(name) {
        Value::Absent => return None,
        Value::Raw(json) => json.parse().ok().filter(|number| *number <= max),
        Value::Text(_) | Value::List(_) => None,
    };
    if number.is_none() {
        let detail = format!("{name} is no whole number of 0 to {max}; send one");
        object.problem(Problem::new("wrong_type", name, detail));
    }
    number
}

fn battery(object: &mut Object<'_, '_>) -> Option<u16> {
    let json = match object.get("battery_percent") {
        Value::Absent => return None,
        Value::Raw(json) => *json,
        Value::Text(_) | Value::List(_) => "",
    };
    let percent = json.parse::<Quantity>().ok().filter(|percent| (0..=100_000_000).contains(&percent.micros()));
    if percent.is_none() {
        let detail = "battery_percent is no number of 0 to 100; send one";
        object.problem(Problem::new("invalid_value", "battery_percent", detail));
    }
    percent.and_then(|percent| u16::try_from(percent.micros() / 100_000).ok())
}

fn saturated(number: u64) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}
