//! What an EPCIS event says about stock, as events of Stocktide. The table in `docs/formats/epcis.md` is this module in words.
//!
//! It knows no stock: whether what it answers can be is for the ledger to say.

mod things;

use super::event::EventType;
use super::{Event, Json};
use serde_json::{Map, Value};
use things::{Place, Thing, place, things, unit_name};

/// The most notes on one event.
const NOTES_MAX: usize = 20;

/// What the taker of events calls things.
///
/// ```
/// struct Ours;
/// impl wire::epcis::meaning::Names for Ours {
///     fn product_of_gtin(&self, gtin14: &str) -> Option<String> {
///         (gtin14 == "04012345111118").then(|| "SKU123".to_owned())
///     }
/// }
/// ```
pub trait Names {
    /// The product with a GTIN of 14 digits; `None` to call it by the GTIN.
    fn product_of_gtin(&self, _gtin14: &str) -> Option<String> {
        None
    }

    /// The location with a GLN of 13 digits, and an extension within it; `None` to call it `GLN` or `GLN/extension`.
    fn location_of_gln(&self, _gln: &str, _extension: Option<&str>) -> Option<String> {
        None
    }
}

/// Calls everything by its GS1 key.
#[derive(Clone, Copy, Debug, Default)]
pub struct KeysAsNames;

impl Names for KeysAsNames {}

/// What an event means for stock.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Meaning {
    /// Events as `docs/formats/events.md` has them, in the order in which they happened. Their ids are the event's id, or
    /// its hash, with `#` and their number.
    pub events: Vec<Map<String, Value>>,
    /// When the event declares an earlier one wrong: what is to be taken back. Then there are no events.
    pub reversal: Option<Reversal>,
    /// Why there is nothing, or what is left out, in words.
    pub notes: Vec<String>,
}

/// An earlier event that did not happen so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reversal {
    /// The id that it came with, or its hash.
    pub event_id: String,
    /// The ids of what it meant, to be reversed.
    pub ids: Vec<String>,
    /// `did_not_occur`, `incorrect_data` or a reason of the sender's own.
    pub reason: Option<String>,
    /// The ids of events that say what happened instead.
    pub corrective_event_ids: Vec<String>,
}

/// What `event` means for stock; `source` is who told it.
///
/// An event that means nothing for stock has a note that says why. The event should be without errors
/// ([`Event::is_valid`]): of one that is not, what can't be understood is left out.
pub fn meaning(event: &Event, source: &str, names: &dyn Names) -> Meaning {
    let id =
        event.event_id().filter(|id| id.len() <= 180 && !id.is_empty()).map_or_else(|| event.hash(), str::to_owned);
    let Some(time) = event.event_time() else {
        return Meaning { notes: vec!["it says no time".to_owned()], ..Meaning::default() };
    };
    let timestamp = crate::time::render_timestamp(ledger::Timestamp(time.micros));
    let reference = reference(event);
    let mut maker = Maker { event, source, names, id, timestamp, reference, out: Meaning::default() };
    maker.make();
    let mut out = maker.out;
    if let Some(declaration) = event.error_declaration() {
        let ids = out.events.iter().filter_map(|event| event["id"].as_str()).map(str::to_owned).collect();
        let correctives = declaration.get("correctiveEventIDs").map(Json::items).unwrap_or_default();
        out.reversal = Some(Reversal {
            event_id: maker.id,
            ids,
            reason: declaration.get("reason").and_then(Json::as_text).map(str::to_owned),
            corrective_event_ids: correctives.iter().filter_map(Json::as_text).map(str::to_owned).collect(),
        });
        out.events.clear();
    } else if out.events.is_empty() && out.notes.is_empty() {
        out.notes.push("it names nothing that is kept as stock".to_owned());
    }
    out
}

/// What happens to things, once it is clear what.
#[derive(Clone, Debug)]
enum Change {
    Added,
    Removed { reason: String },
    Moved { to: String },
    Counted,
    Dispatched { to: String },
    Received,
    Status { from: &'static str, to: &'static str },
}

impl Change {
    const fn event(&self) -> &'static str {
        match self {
            Self::Added => "item_added",
            Self::Removed { .. } => "item_removed",
            Self::Moved { .. } => "item_moved",
            Self::Counted => "item_counted",
            Self::Dispatched { .. } => "shipment_dispatched",
            Self::Received => "shipment_received",
            Self::Status { .. } => "status_changed",
        }
    }
}

/// The status that a disposition puts things in.
fn status_of(disposition: &str) -> Option<&'static str> {
    Some(match disposition {
        "damaged" => "damaged",
        "expired" => "expired",
        "recalled" | "non_conformant" | "non_sellable_other" | "no_pedigree_match" | "needs_replacement"
        | "unavailable" | "mismatch_instance" | "mismatch_class" | "mismatch_quantity" | "returned" => "quarantined",
        "conformant" | "available" | "sellable_accessible" | "sellable_not_accessible" => "available",
        _ => return None,
    })
}

/// Whether things of this disposition are gone.
fn is_gone(disposition: &str) -> bool {
    matches!(disposition, "destroyed" | "disposed" | "dispensed" | "retail_sold" | "stolen")
}

struct Maker<'m> {
    event: &'m Event,
    source: &'m str,
    names: &'m dyn Names,
    id: String,
    timestamp: String,
    reference: Option<String>,
    out: Meaning,
}

impl Maker<'_> {
    fn note(&mut self, note: impl Into<String>) {
        let note = note.into();
        if self.out.notes.len() < NOTES_MAX && !self.out.notes.contains(&note) {
            self.out.notes.push(note);
        }
    }

    fn make(&mut self) {
        match self.event.event_type() {
            EventType::Object => {
                let things = self.things(&["epcList"], &["quantityList"]);
                match self.event.action() {
                    Some("ADD") => self.added(&things),
                    Some("DELETE") => self.deleted(&things),
                    _ => self.observed(&things),
                }
            }
            EventType::Transaction => {
                let parent = self.event.parent_id().map(|parent| self.unit(parent));
                let mut things = self.things(&["epcList"], &["quantityList"]);
                things.extend(parent);
                // The action is about the transaction's list, not about the objects.
                self.observed(&things);
            }
            EventType::Aggregation | EventType::Association => self.contained(),
            EventType::Transformation => self.transformed(),
            EventType::Other => self.note("events of other types than the standard's five mean no stock"),
        }
    }

    fn unit(&self, epc: &str) -> Thing {
        Thing::Unit(unit_name(epc))
    }

    fn things(&mut self, epcs: &[&str], quantities: &[&str]) -> Vec<Thing> {
        let (event, names) = (self.event, self.names);
        things(event, epcs, quantities, names, &mut |note| self.note(note))
    }

    fn place(&self, uri: Option<&str>) -> Option<String> {
        uri.and_then(|uri| match place(uri) {
            Place::Gln { gln, extension } => {
                self.names.location_of_gln(&gln, extension.as_deref()).or(Some(match extension {
                    Some(extension) => format!("{gln}/{extension}"),
                    None => gln,
                }))
            }
            Place::Named(name) => (!name.is_empty()).then_some(name),
        })
    }

    /// Where things are afterwards.
    fn after(&self) -> Option<String> {
        self.place(self.event.biz_location()).or_else(|| self.place(self.event.read_point()))
    }

    /// Where it happened.
    fn here(&self) -> Option<String> {
        self.place(self.event.read_point()).or_else(|| self.place(self.event.biz_location()))
    }

    /// The first of the ends of a transfer in the order location, possessing party, owning party.
    fn end<'e>(&self, ends: impl Fn() -> Box<dyn Iterator<Item = (Option<&'e str>, &'e str)> + 'e>) -> Option<String> {
        ["location", "possessing_party", "owning_party"]
            .iter()
            .find_map(|kind| ends().find(|(found, _)| *found == Some(kind)).map(|(_, id)| id))
            .and_then(|id| self.place(Some(id)))
    }

    fn destination(&self) -> Option<String> {
        let event = self.event;
        self.end(|| Box::new(event.destinations()))
    }

    fn added(&mut self, things: &[Thing]) {
        match self.event.biz_step() {
            Some("receiving" | "arriving") => self.observed(things),
            Some("encoding" | "sensor_reporting" | "inspecting") => self.observed(things),
            _ => {
                let Some(location) = self.after() else { return self.nowhere() };
                self.each(things, &Change::Added, &location);
            }
        }
    }

    fn deleted(&mut self, things: &[Thing]) {
        let reason = self.event.biz_step().or(self.event.disposition()).unwrap_or("decommissioning").to_owned();
        let Some(location) = self.here() else { return self.nowhere() };
        self.each(things, &Change::Removed { reason }, &location);
    }

    fn nowhere(&mut self) {
        self.note("it says of no place where it happened");
    }

    fn observed(&mut self, things: &[Thing]) {
        let step = self.event.biz_step().unwrap_or("");
        let disposition = self.event.disposition().unwrap_or("");
        if things.is_empty() {
            return;
        }
        match step {
            "shipping" | "departing" | "consigning" => self.shipped(things, step),
            "void_shipping" => self.unshipped(things),
            "receiving" | "arriving" => {
                let Some(location) = self.after() else { return self.nowhere() };
                self.each(things, &Change::Received, &location);
            }
            "destroying" | "decommissioning" | "killing" | "dispensing" | "retail_selling" => {
                let Some(location) = self.here() else { return self.nowhere() };
                self.each(things, &Change::Removed { reason: step.to_owned() }, &location);
            }
            "cycle_counting" | "stock_taking" => {
                let Some(location) = self.after() else { return self.nowhere() };
                self.each(things, &Change::Counted, &location);
            }
            "sensor_reporting" | "encoding" | "reserving" => {
                self.note(format!("{step} moves no stock"));
            }
            _ if is_gone(disposition) => {
                let Some(location) = self.here() else { return self.nowhere() };
                self.each(things, &Change::Removed { reason: disposition.to_owned() }, &location);
            }
            _ => self.moved_or_judged(things, step, disposition),
        }
    }

    fn shipped(&mut self, things: &[Thing], step: &str) {
        let Some(location) = self.here() else { return self.nowhere() };
        match self.destination() {
            Some(to) => self.each(things, &Change::Dispatched { to }, &location),
            None => self.each(things, &Change::Removed { reason: step.to_owned() }, &location),
        }
    }

    /// What was said to be on its way is not: it is taken out of transit where it was to arrive, and put back.
    fn unshipped(&mut self, things: &[Thing]) {
        let Some(location) = self.here() else { return self.nowhere() };
        match self.destination() {
            Some(to) => {
                self.each(things, &Change::Received, &to);
                self.each(things, &Change::Moved { to: location }, &to);
            }
            None => self.each(things, &Change::Added, &location),
        }
    }

    /// Steps within a site: things went from one place to another, or changed their status.
    fn moved_or_judged(&mut self, things: &[Thing], step: &str, disposition: &str) {
        let event = self.event;
        let from = self.end(|| Box::new(event.sources())).filter(|_| moves(step));
        let from = from.or_else(|| self.place(self.event.read_point()));
        let to = self.destination().filter(|_| moves(step)).or_else(|| self.place(self.event.biz_location()));
        let at = to.clone().or_else(|| from.clone());
        let before = self.out.events.len();
        if moves(step) {
            if let (Some(from), Some(to)) = (from, to)
                && from != to
            {
                self.each(things, &Change::Moved { to }, &from);
            }
        } else if let (Some(status), Some(at)) = (judgement(step, disposition), at) {
            let from = if status == "available" { "quarantined" } else { "available" };
            self.each(things, &Change::Status { from, to: status }, &at);
        }
        if self.out.events.len() == before && self.out.notes.is_empty() {
            self.note(match (step, disposition) {
                ("", "") => "it has neither business step nor disposition: things were seen, nothing moved".to_owned(),
                (step, _) if moves(step) => format!("{step} does not say from where to where"),
                (step, "") => format!("{step} without a disposition changes no stock"),
                (step, disposition) => format!("{step} with disposition {disposition} changes no stock"),
            });
        }
    }

    fn contained(&mut self) {
        let Some(parent) = self.event.parent_id().map(str::to_owned) else {
            self.note("it names no parent: things were seen together, nothing was packed");
            return;
        };
        let event = match self.event.action() {
            Some("ADD") => "unit_packed",
            Some("DELETE") => "unit_unpacked",
            _ => {
                let unit = self.unit(&parent);
                self.observed(&[unit]);
                return;
            }
        };
        if let Place::Gln { .. } = place(&parent) {
            self.note("things are fixed to a place, which moves no stock");
            return;
        }
        let Some(location) = self.after() else { return self.nowhere() };
        let children = self.things(&["childEPCs"], &["childQuantityList"]);
        let unit = unit_name(&parent);
        let units: Vec<Value> = children
            .iter()
            .filter_map(|thing| match thing {
                Thing::Unit(name) => Some(Value::from(name.as_str())),
                Thing::Product { .. } => None,
            })
            .collect();
        let is_whole = children.is_empty() && self.event.action() == Some("DELETE") && self.out.notes.is_empty();
        if is_whole || !units.is_empty() {
            let mut fields = self.fields(event, &location);
            fields.insert("handling_unit".to_owned(), Value::from(unit.as_str()));
            if !units.is_empty() {
                fields.insert("units".to_owned(), Value::Array(units));
            }
            self.out.events.push(fields);
        }
        for child in children.iter().filter(|child| matches!(child, Thing::Product { .. })) {
            let mut fields = self.fields(event, &location);
            fields.insert("handling_unit".to_owned(), Value::from(unit.as_str()));
            child.put(&mut fields);
            fields.remove("expiry");
            self.out.events.push(fields);
        }
    }

    fn transformed(&mut self) {
        let inputs = self.things(&["inputEPCList"], &["inputQuantityList"]);
        let outputs = self.things(&["outputEPCList"], &["outputQuantityList"]);
        let (Some(here), Some(after)) = (self.here(), self.after()) else { return self.nowhere() };
        // What is known of the lot is known of what comes out.
        let inputs: Vec<Thing> = inputs.into_iter().map(Thing::without_ilmd).collect();
        self.each(&inputs, &Change::Removed { reason: "transformation".to_owned() }, &here);
        self.each(&outputs, &Change::Added, &after);
    }

    /// The fields that every event has.
    fn fields(&self, event: &str, location: &str) -> Map<String, Value> {
        let mut fields = Map::new();
        let mut put = |name: &str, value: &str| fields.insert(name.to_owned(), Value::from(value));
        put("event", event);
        put("location", location);
        put("timestamp", &self.timestamp);
        put("source", self.source);
        put("id", &format!("{}#{}", self.id, self.out.events.len()));
        if let Some(reference) = &self.reference {
            put("reference", reference);
        }
        fields
    }

    fn each(&mut self, things: &[Thing], change: &Change, location: &str) {
        // The disposition of what comes in is its status from the beginning; what is moved has had it before.
        let comes = matches!(change, Change::Added | Change::Received);
        let keeps = comes || matches!(change, Change::Moved { .. } | Change::Counted);
        let status = self.event.disposition().and_then(status_of).filter(|status| keeps && *status != "available");
        for thing in things {
            if let (Thing::Unit(name), Change::Counted) = (thing, change) {
                self.note(format!("handling unit {name} was counted as one; count what is in it"));
                continue;
            }
            let mut fields = self.fields(change.event(), location);
            thing.put(&mut fields);
            if !matches!(change, Change::Added | Change::Received) {
                fields.remove("expiry");
            }
            let mut put = |name: &str, value: &str| fields.insert(name.to_owned(), Value::from(value));
            match change {
                Change::Removed { reason } => drop(put("reason", reason)),
                Change::Moved { to } | Change::Dispatched { to } => drop(put("to", to)),
                Change::Status { from, to } => {
                    if matches!(thing, Thing::Product { .. }) {
                        put("status", from);
                    }
                    put("to_status", to);
                }
                Change::Added | Change::Received | Change::Counted => {}
            }
            if let (Some(status), Thing::Product { .. }) = (status, thing) {
                put("status", status);
            }
            self.out.events.push(fields);
            if let (Some(to), Thing::Unit(_)) = (status.filter(|_| comes), thing) {
                let mut fields = self.fields("status_changed", location);
                thing.put(&mut fields);
                fields.insert("to_status".to_owned(), Value::from(to));
                self.out.events.push(fields);
            }
        }
    }
}

/// The business transaction that people look for: what announces the goods, then the order, then any.
fn reference(event: &Event) -> Option<String> {
    let found = ["desadv", "po", "bol", "inv", "recadv"]
        .iter()
        .find_map(|kind| event.biz_transactions().find(|(found, _)| *found == Some(kind)))
        .or_else(|| event.biz_transactions().next());
    let id = found.map(|(_, id)| id).or_else(|| event.transformation_id())?;
    (id.len() <= 200).then(|| id.to_owned())
}

/// Whether things go from place to place in this step.
fn moves(step: &str) -> bool {
    matches!(
        step,
        "storing"
            | "stocking"
            | "picking"
            | "staging_outbound"
            | "loading"
            | "unloading"
            | "transporting"
            | "collecting"
            | "entering_exiting"
            | "removing"
    )
}

/// The status that looking at things gave them. Only an inspection or a repair makes them available again: elsewhere a word
/// such as `sellable_accessible` says what they were all along.
fn judgement(step: &str, disposition: &str) -> Option<&'static str> {
    match status_of(disposition) {
        None if step == "holding" => Some("quarantined"),
        Some("available") if !matches!(step, "inspecting" | "repairing" | "accepting") => None,
        status => status,
    }
}
