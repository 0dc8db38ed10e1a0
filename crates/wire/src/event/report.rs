//! What a text says as events, one object for each, for people and for comparing with what was meant.

use super::{Defaults, Limits, Parsed, Parser, cloud, fields, invalid_utf8, render_event};
use crate::{KeyHasher, Problem, observation};
use ledger::{Body, Command, Request};
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

/// Where the events of a text stand among all that were handed over.
#[derive(Clone, Copy, Debug, Default)]
pub struct Place {
    /// The index of its first event, from 0.
    pub index: usize,
    /// Its line, from 1, when it is a line.
    pub line: Option<u64>,
}

/// Tells what each event of `text` says: one object for each; an empty array has none, a text that can't be read one.
///
/// `text` is one event, an array of them, or CloudEvents in either, known by their `specversion`. Each object has
/// `input` (the event as it was sent; the front of one that is longer than is taken), `verdict` (`valid` or
/// `invalid`), `index`, for a line its number as `line`, `form` (`event`, `cloud_event`, or `unreadable` for a text that is
/// not JSON), and `problems`: everything that is wrong (`code`, `field`, `detail`, `index`, `line`). A valid event also has
/// `canonical`, its one form as [`render_event`] writes it, and `request`: what is asked of the ledger (`kind`,
/// `product_id`, `location`, …) and by what it would be known again (`idempotency`).
///
/// The limits are those of [`Limits::default`]. An event without a source gets that of its sender, which is not known here.
///
/// ```
/// use wire::event::{Place, reports};
/// let reports = reports(br#"{"event": "item_removed", "product_id": "SKU123"}"#, Place::default());
/// assert_eq!(reports[0]["verdict"], "invalid");
/// assert_eq!(reports[0]["problems"].as_array().map(Vec::len), Some(3)); // location, quantity, timestamp
/// ```
pub fn reports(text: &[u8], place: Place) -> Vec<Map<String, Value>> {
    let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
    let unreadable = |problem: Problem| {
        let input = String::from_utf8_lossy(&text[..text.len().min(INPUT_BYTES_MAX)]);
        let parsed = Parsed { problems: vec![problem], ..Parsed::default() };
        vec![report(&input, "unreadable", &parsed, place)]
    };
    let text = match std::str::from_utf8(text) {
        Ok(text) => text.trim_ascii(),
        Err(error) => return unreadable(invalid_utf8(error.valid_up_to())),
    };
    if !text.starts_with('[') {
        return vec![event(text, place)];
    }
    let limits = Limits::default();
    match serde_json::from_str::<Vec<&RawValue>>(text) {
        Err(error) => unreadable(fields::invalid_json(text, &error)),
        Ok(events) if events.len() > limits.events_max => unreadable(super::too_many(events.len(), limits.events_max)),
        Ok(events) => {
            let at = |(offset, text): (usize, &&RawValue)| {
                event(text.get(), Place { index: place.index + offset, line: place.line })
            };
            events.iter().enumerate().map(at).collect()
        }
    }
}

/// The most of a text that can't be read that is repeated, in bytes.
const INPUT_BYTES_MAX: usize = 1024;

/// Keys are not told, so that any seed will do.
const SEED: [u8; 16] = [0; 16];

fn event(text: &str, place: Place) -> Map<String, Value> {
    let (hasher, limits) = (KeyHasher::new(SEED), Limits::default());
    let defaults = Defaults { actor: "", source: "", historical: false, resolves: None };
    let mut parser = Parser::new(&defaults, &hasher, &limits);
    let is_cloud =
        fields::members(text, "the event").is_ok_and(|members| members.0.iter().any(|(name, _)| name == "specversion"));
    parser.event(text, if is_cloud { cloud::read } else { fields::read });
    let is_unreadable = parser.parsed.problems.iter().any(|problem| problem.code == "invalid_json");
    let form = match is_cloud {
        true => "cloud_event",
        false if is_unreadable => "unreadable",
        false => "event",
    };
    let input = if text.len() > limits.event_bytes_max { front(text) } else { text };
    report(input, form, &parser.parsed, place)
}

/// The front of a text, cut between characters.
fn front(text: &str) -> &str {
    let end = (0..=INPUT_BYTES_MAX.min(text.len())).rev().find(|end| text.is_char_boundary(*end));
    &text[..end.unwrap_or_default()]
}

fn report(input: &str, form: &str, parsed: &Parsed, place: Place) -> Map<String, Value> {
    let mut out = Map::new();
    let mut put = |name: &str, value: Value| drop(out.insert(name.to_owned(), value));
    let is_valid = parsed.problems.is_empty() && !parsed.batch.is_empty();
    put("input", input.into());
    put("verdict", if is_valid { "valid" } else { "invalid" }.into());
    put("index", place.index.into());
    if let Some(line) = place.line {
        put("line", line.into());
    }
    put("form", form.into());
    put("problems", parsed.problems.iter().map(|problem| problem_json(problem, place)).collect());
    if is_valid {
        let request = parsed.batch.get(0);
        put("canonical", render_event(&request).into());
        put("request", request_json(&request));
    }
    out
}

fn problem_json(problem: &Problem, place: Place) -> Value {
    let mut out = Map::new();
    out.insert("code".to_owned(), problem.code.into());
    out.insert("field".to_owned(), problem.field.as_ref().into());
    out.insert("detail".to_owned(), problem.detail.as_str().into());
    out.insert("index".to_owned(), place.index.into());
    if let Some(line) = place.line {
        out.insert("line".to_owned(), line.into());
    }
    out.into()
}

/// The kind of the event that became this observation.
fn observed_kind(observation: &ledger::Observation) -> &str {
    match &*observation.form {
        observation::TAG_READS => "tag_read",
        observation::READINGS => "sensor_reading",
        observation::POSITION => "position_reported",
        observation::SHIPMENT => std::str::from_utf8(&observation.content)
            .ok()
            .and_then(|text| observation::parse_shipment(text).ok())
            .map_or(observation::SHIPMENT, |news| news.step.event()),
        other => other,
    }
}

/// What is asked of the ledger. Figures are texts, for they are exact.
fn request_json(request: &Request<'_>) -> Value {
    let mut out = Map::new();
    let mut put = |name: &str, text: &str| {
        if !text.is_empty() {
            out.insert(name.to_owned(), text.into());
        }
    };
    match request.body {
        Body::Event(event) => {
            put("kind", event.kind.name());
            put("product_id", event.product);
            put("location", event.location);
            put("to", event.to);
            put("quantity", &event.quantity.to_string());
            put("unit", event.unit);
            put("lot", event.lot);
        }
        Body::Command(Command::Reserve(reserve)) => {
            put("kind", "stock_reserved");
            put("reservation_id", &reserve.reservation);
            put("location", &reserve.warehouse);
            let line = |line: &ledger::ReserveLine| {
                let mut out = Map::new();
                out.insert("product_id".to_owned(), (*line.product).into());
                out.insert("quantity".to_owned(), line.quantity.to_string().into());
                for (name, text) in [("location", &line.location), ("lot", &line.lot)] {
                    if !text.is_empty() {
                        out.insert(name.to_owned(), (**text).into());
                    }
                }
                Value::Object(out)
            };
            let lines = reserve.lines.iter().map(line).collect();
            out.insert("lines".to_owned(), lines);
        }
        Body::Command(Command::Release { reservation }) => {
            put("kind", "reservation_released");
            put("reservation_id", reservation);
        }
        Body::Command(Command::Fulfil { reservation }) => {
            put("kind", "reservation_fulfilled");
            put("reservation_id", reservation);
        }
        Body::Command(Command::Observe(observation)) => {
            put("kind", observed_kind(observation));
        }
        Body::Command(_) => {}
    }
    out.insert("occurred_at".to_owned(), crate::time::render_timestamp(request.occurred_at).into());
    let or_null = |text: &str| if text.is_empty() { Value::Null } else { text.into() };
    let known_by = if request.id.is_empty() { "content" } else { "id" };
    let idempotency = json!({ "by": known_by, "source": or_null(request.source), "id": or_null(request.id) });
    out.insert("idempotency".to_owned(), idempotency);
    out.into()
}
