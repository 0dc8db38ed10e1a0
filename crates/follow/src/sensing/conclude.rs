//! From what a tag or a weight did to the event that it amounts to, and the record of why.
//!
//! A conclusion has an id made of what it says, so that drawing it again changes nothing. Its event goes in first and its
//! record after it: a record in the journal means that the event is there.

use super::settings::ScaleSettings;
use super::site::Layout;
use intake::rfid::{Inference, Kind};
use intake::scale;
use ledger::{Catalog, Timestamp};
use serde_json::{Map, Value, json};
use wire::epc;
use wire::time::render_timestamp;

/// Why there is no event.
pub(crate) const NAMES_NOTHING: &str = "the tag names no product and no handling unit";
/// Why there is no event.
pub(crate) const NO_PLACE: &str = "no place of ours changed";

/// Something that was concluded.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Conclusion {
    /// Its id, and that of its event.
    pub(crate) id: String,
    /// The device that it rests on most.
    pub(crate) device: String,
    pub(crate) occurred_at: Timestamp,
    /// The event's JSON; `None` when no stock moved by it.
    pub(crate) event: Option<String>,
    /// Its record's JSON, without the position of the event.
    pub(crate) record: Value,
}

/// What a tag says of itself.
pub(crate) struct Named {
    uri: Option<String>,
    /// The members of an event that name what moves; none when the tag names nothing that the ledger keeps.
    pub(crate) subject: Map<String, Value>,
}

pub(crate) fn named(code: &[u8], catalog: &Catalog) -> Named {
    let mut subject = Map::new();
    let Ok(tag) = epc::Tag::from_bytes(code) else { return Named { uri: None, subject } };
    let epc = tag.epc;
    if let (Some(gtin), Some(serial)) = (epc.gtin14(), epc.serial()) {
        let product = catalog.find_gtin(&gtin).map(|id| catalog.product(id).name.to_string());
        subject.insert("product_id".to_owned(), product.unwrap_or(gtin).into());
        subject.insert("quantity".to_owned(), 1.into());
        subject.insert("serials".to_owned(), json!([serial]));
    } else if let Some(sscc) = epc.sscc() {
        subject.insert("handling_unit".to_owned(), sscc.into());
    }
    Named { uri: Some(epc.to_string()), subject }
}

const fn kind_name(kind: Kind) -> &'static str {
    match kind {
        Kind::Departed => "departed",
        Kind::Arrived => "arrived",
        Kind::PassedIn => "passed_in",
        Kind::PassedOut => "passed_out",
        Kind::Ghost => "ghost",
    }
}

/// The kind of event and its places: from, to.
pub(crate) type Movement<'a> = (&'static str, &'a str, Option<&'a str>);

/// What moved where; `None` when nothing did, or nothing that the ledger keeps.
fn movement<'a>(layout: &'a Layout, inference: &Inference) -> Option<Movement<'a>> {
    match inference.kind {
        // A tag that is no longer heard is not therefore gone.
        Kind::Departed | Kind::Ghost => None,
        _ => between(layout.location(inference.from), layout.location(inference.to)),
    }
}

/// The movement from one place to another, where `None` is a place that is not ours.
pub(crate) fn between<'a>(from: Option<&'a str>, to: Option<&'a str>) -> Option<Movement<'a>> {
    match (from, to) {
        (Some(from), Some(to)) if from == to => None,
        (Some(from), Some(to)) => Some(("item_moved", from, Some(to))),
        (None, Some(to)) => Some(("item_added", to, None)),
        (Some(from), None) => Some(("item_removed", from, None)),
        (None, None) => None,
    }
}

/// The event of a movement.
pub(crate) fn event_of(
    (event, location, to): Movement<'_>,
    subject: &Map<String, Value>,
    occurred_at: Timestamp,
    (id, device): (&str, &str),
) -> Value {
    let mut fields = Map::new();
    fields.insert("event".to_owned(), event.into());
    fields.extend(subject.clone());
    fields.insert("location".to_owned(), location.into());
    if let Some(to) = to {
        fields.insert("to".to_owned(), to.into());
    }
    fields.insert("timestamp".to_owned(), render_timestamp(occurred_at).into());
    fields.insert("id".to_owned(), id.into());
    fields.insert("source".to_owned(), device.into());
    Value::Object(fields)
}

/// What follows from what a tag did at a site.
pub(crate) fn of_tag(site: &str, layout: &Layout, inference: &Inference, catalog: &Catalog) -> Conclusion {
    let code = hex(inference.tag.code());
    let kind = kind_name(inference.kind);
    let (occurred, decided) = (inference.occurred_at, inference.decided_at);
    let id = format!("rfid:{site}:{code}:{kind}:{}:{}", occurred.0, decided.0);
    let heard_most = inference.evidence.antennas.first().and_then(|(place, _)| layout.antenna(*place));
    let device = heard_most.map_or(site, |(device, _)| device).to_owned();
    let named = named(inference.tag.code(), catalog);
    let movement = movement(layout, inference);
    let event = movement.filter(|_| !named.subject.is_empty());
    let event = event.map(|movement| event_of(movement, &named.subject, occurred, (&id, &device)));
    let why_none = match (&event, movement) {
        (Some(_), _) => None,
        (None, Some(_)) => Some(NAMES_NOTHING),
        (None, None) if inference.kind == Kind::Ghost => Some("too little to be a movement"),
        (None, None) => Some(NO_PLACE),
    };
    let evidence = &inference.evidence;
    let antennas: Vec<Value> = evidence
        .antennas
        .iter()
        .map(|(place, reads)| match layout.antenna(*place) {
            Some((device, antenna)) => json!({"device": device, "antenna": antenna, "reads": reads}),
            None => json!({"reads": reads}),
        })
        .collect();
    let record = json!({
        "id": id,
        "site": site,
        "epc": code,
        "epc_uri": named.uri,
        "kind": kind,
        "from": layout.location(inference.from),
        "to": layout.location(inference.to),
        "portal": inference.portal.and_then(|portal| layout.portals.get(usize::from(portal))),
        "occurred_at": render_timestamp(occurred),
        "decided_at": render_timestamp(decided),
        "confidence_permille": inference.confidence_permille,
        "promoted": inference.promoted,
        "evidence": {
            "first_read_at": render_timestamp(evidence.first_read_at),
            "last_read_at": render_timestamp(evidence.last_read_at),
            "reads": evidence.reads,
            "window_ms": evidence.window_micros / 1_000,
            "read_rate_permille": evidence.read_rate_permille,
            "best_rssi_centi_dbm": evidence.best_rssi,
            "antennas": antennas,
        },
        "event": event,
        "why_no_event": why_none,
    });
    Conclusion { id, device, occurred_at: occurred, event: event.map(|event| event.to_string()), record }
}

/// What follows from a weight.
pub(crate) fn of_weight(
    device: &str,
    location: &str,
    settings: &ScaleSettings,
    counted: &scale::Counted,
) -> Conclusion {
    let id = format!("scale:{device}:{}", counted.decided_at.0);
    // A quantity is written as the exact decimal that it is.
    let quantity: Value = serde_json::from_str(&counted.quantity.to_string()).unwrap_or(Value::Null);
    let event = json!({
        "event": "item_counted",
        "product_id": settings.product_id,
        "location": location,
        "quantity": quantity,
        "reason": "weight_sensor",
        "timestamp": render_timestamp(counted.decided_at),
        "id": id,
        "source": device,
    });
    let record = json!({
        "id": id,
        "site": device,
        "kind": "counted",
        "to": location,
        "occurred_at": render_timestamp(counted.decided_at),
        "decided_at": render_timestamp(counted.decided_at),
        "confidence_permille": counted.confidence_permille,
        "evidence": {
            "stable_since": render_timestamp(counted.since),
            "weight_mg": counted.weight,
            "uncertainty_mg": counted.uncertainty,
        },
        "event": event,
    });
    let device = device.to_owned();
    Conclusion { id, device, occurred_at: counted.decided_at, event: Some(event.to_string()), record }
}

/// A weight that two counts explain: kept for a person to look at.
pub(crate) fn of_doubt(
    device: &str,
    location: &str,
    at: Timestamp,
    (least, greatest): (i64, i64),
    weight_mg: i64,
) -> Conclusion {
    let id = format!("scale:{device}:{}:ambiguous", at.0);
    let record = json!({
        "id": id,
        "site": device,
        "kind": "ambiguous_weight",
        "to": location,
        "occurred_at": render_timestamp(at),
        "decided_at": render_timestamp(at),
        "confidence_permille": 0,
        "evidence": {"least": least, "greatest": greatest, "weight_mg": weight_mg},
        "event": null,
        "why_no_event": "the weight is explained by more than one count; count by hand",
    });
    Conclusion { id, device: device.to_owned(), occurred_at: at, event: None, record }
}

/// Bytes as upper-case hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        text.push_str(&format!("{byte:02X}"));
        text
    })
}

/// The bytes that [`hex`] wrote; `None` for what it never writes.
pub(crate) fn unhex(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let pairs = text.as_bytes().chunks(2).map(|pair| match pair {
        [high, low] => Some(digit(*high)? << 4 | digit(*low)?),
        _ => None,
    });
    pairs.collect()
}
