//! From fields to a request: every rule on the form of an event, and every breach of it named.

use super::fields::{self, Field, Fields, Value};
use super::observed;
use super::{Defaults, Limits};
use crate::body::{self, Lines};
use crate::problem::{Problem, nearest, shown};
use crate::text::{TEXT_BYTES_MAX, check_location, check_text, missing};
use crate::time::{self, TimeError};
use crate::{Batch, KeyHasher};
use ledger::{
    Body, Command, Day, Event, EventKind, Key, Quantity, QuantityError, Request, Reserve, ReserveLine, Status,
    Timestamp,
};

/// Kinds that are commands: asked for, not reported.
const COMMANDS: [&str; 3] = ["stock_reserved", "reservation_released", "reservation_fulfilled"];

/// What it takes to make requests of fields.
pub(crate) struct Maker<'m> {
    pub(crate) defaults: &'m Defaults<'m>,
    pub(crate) hasher: &'m KeyHasher,
    pub(crate) limits: &'m Limits,
}

impl Maker<'_> {
    /// Adds the request that `fields` make to `batch`; or adds what is wrong with them to `problems`.
    ///
    /// `problems` may hold problems of the same event already; then nothing goes into the batch.
    pub(crate) fn make(&self, fields: &Fields<'_>, problems: &mut Vec<Problem>, first: usize, batch: &mut Batch) {
        if let Some((kind, text)) = fields.observed {
            self.make_observation(kind, text, problems, batch);
            return;
        }
        let mut reader = Reader { fields, problems };
        let kind = reader.required_text(Field::Event, "\"item_removed\"");
        let kind = EventKind::ALL.into_iter().find(|known| known.name() == kind).ok_or(kind);
        match kind {
            Ok(kind) => self.make_event(kind, &mut reader, first, batch),
            Err(name) if COMMANDS.contains(&name) => self.make_command(name, &mut reader, first, batch),
            Err(name) if observed::KINDS.contains(&name) => {
                // An event with none of the members of its own is read as any other.
                let needed: &[(&'static str, &str)] = match name {
                    "tag_read" => &[("epc", "\"3034257BF7194E4000001A85\"")],
                    "sensor_reading" => &[("metric", "\"temperature_celsius\""), ("value", "4.25")],
                    "position_reported" => &[("latitude", "52.370216"), ("longitude", "4.895168")],
                    _ => &[("shipment", "\"SHP-1042\"")],
                };
                reader.problems.extend(needed.iter().map(|(field, example)| missing(*field, example)));
            }
            Err(name) => {
                if !name.is_empty() {
                    reader.problems.push(unknown_kind(name));
                }
                // The rest is looked at as if it were a plain event, so that all problems are told at once.
                self.make_event(EventKind::ItemAdded, &mut reader, first, batch);
            }
        }
    }

    fn make_event(&self, kind: EventKind, reader: &mut Reader<'_, '_>, first: usize, batch: &mut Batch) {
        let packs = matches!(kind, EventKind::UnitPacked | EventKind::UnitUnpacked);
        if packs || !reader.fields.is_plain() && reader.fields.has(Field::HandlingUnit) {
            return self.make_unit_event(kind, reader, first, batch);
        }
        let product = reader.required_text(Field::ProductId, "\"SKU123\"");
        let location = reader.location(Field::Location);
        if location.is_empty() && !reader.fields.has(Field::Location) {
            reader.problems.push(missing("location", "\"warehouse_A\""));
        } else if location.is_empty() {
            reader.empty(Field::Location);
        }
        let mut event = Event::new(kind, product, location, reader.quantity(kind));
        let occurred_at = reader.required_time(Field::Timestamp);
        let (id, source) = (reader.text(Field::Id), reader.text(Field::Source));
        let mut serials = String::new();
        if !(reader.fields.is_plain() && needed_field(kind).is_none()) {
            reader.rest(&mut event, &mut serials, self.limits);
            for field in FOREIGN {
                reader.refuse_on(field, kind.name());
            }
            reader.refuse_on(Field::Units, kind.name());
        }
        let event = Event { serials: &serials, ..event };
        self.push_event(&event, occurred_at, (id, source), reader.problems.len() > first, batch);
    }

    /// An event on a handling unit: its fields are others, see `docs/formats/events.md`.
    fn make_unit_event(&self, kind: EventKind, reader: &mut Reader<'_, '_>, first: usize, batch: &mut Batch) {
        let packs = matches!(kind, EventKind::UnitPacked | EventKind::UnitUnpacked);
        let handling_unit = reader.required_text(Field::HandlingUnit, "\"00340123450000000018\"");
        let location = reader.location(Field::Location);
        let needs_place = packs || matches!(kind, EventKind::ItemAdded | EventKind::ShipmentReceived);
        if needs_place && location.is_empty() {
            reader.absent(Field::Location, "\"warehouse_A\"");
        }
        let with_product = packs && reader.fields.has(Field::ProductId);
        let (product, quantity) = if with_product {
            (reader.required_text(Field::ProductId, "\"SKU123\""), reader.quantity(kind))
        } else {
            let foreign = [Field::ProductId, Field::Quantity, Field::Lot, Field::Expiry, Field::Serials, Field::Unit];
            let name = if packs { kind.name() } else { "a handling unit" };
            foreign.into_iter().chain([Field::Status]).for_each(|field| reader.refuse_on(field, name));
            ("", Quantity::ZERO)
        };
        let occurred_at = reader.required_time(Field::Timestamp);
        let origin = (reader.text(Field::Id), reader.text(Field::Source));
        let mut event = Event { handling_unit, ..Event::new(kind, product, location, quantity) };
        let (mut serials, mut units) = (String::new(), String::new());
        reader.rest(&mut event, &mut serials, self.limits);
        reader.texts(Field::Units, &mut units, self.limits.serials_max);
        FOREIGN.into_iter().for_each(|field| reader.refuse_on(field, kind.name()));
        if !packs || with_product {
            reader.refuse_on(Field::Units, if packs { "one that names a product" } else { kind.name() });
        } else if kind == EventKind::UnitPacked && units.is_empty() && !reader.fields.has(Field::Units) {
            reader.problems.push(missing("units", "[\"case-1\"]"));
        }
        if !packs && !takes_unit(kind) {
            reader.refuse_on(Field::HandlingUnit, kind.name());
        }
        let event = Event { serials: &serials, units: &units, ..event };
        self.push_event(&event, occurred_at, origin, reader.problems.len() > first, batch);
    }

    fn push_event(
        &self,
        event: &Event<'_>,
        occurred_at: Timestamp,
        (id, source): (&str, &str),
        is_spoilt: bool,
        batch: &mut Batch,
    ) {
        if is_spoilt {
            return;
        }
        let source = if source.is_empty() { self.defaults.source } else { source };
        batch.push(&Request {
            actor: self.defaults.actor,
            source,
            id,
            key: self.hasher.event(source, id, occurred_at, event),
            occurred_at,
            historical: self.defaults.historical,
            resolves: self.defaults.resolves,
            body: Body::Event(*event),
        });
    }

    fn make_observation(&self, kind: &'static str, text: &str, problems: &mut Vec<Problem>, batch: &mut Batch) {
        let Some(observed) = observed::read(text, kind, problems) else { return };
        let source = if observed.source.is_empty() { self.defaults.source } else { &observed.source };
        let command = Command::Observe(Box::new(observed.observation));
        let key = self.hasher.command(source, &observed.id, observed.occurred_at, &command);
        self.push_command(batch, (source, &observed.id), key, observed.occurred_at, command);
    }

    fn make_command(&self, name: &str, reader: &mut Reader<'_, '_>, first: usize, batch: &mut Batch) {
        let occurred_at = reader.required_time(Field::Timestamp);
        let (id, source) = (reader.text(Field::Id), reader.text(Field::Source));
        let reservation = reader.reservation_name(name == "stock_reserved");
        let command = match name {
            "stock_reserved" => Command::Reserve(reader.reserve(reservation, self.limits)),
            "reservation_released" => Command::Release { reservation: reservation.into() },
            _ => Command::Fulfil { reservation: reservation.into() },
        };
        let foreign: &[Field] = if name == "stock_reserved" {
            &[Field::Expiry, Field::Serials, Field::Unit, Field::To, Field::Status, Field::ToStatus, Field::ExpectedAt]
        } else {
            &[Field::Serials, Field::Unit, Field::To, Field::ToStatus, Field::ExpectedAt, Field::Lines, Field::Partial]
        };
        for field in foreign {
            reader.refuse_on(*field, name);
        }
        if reader.problems.len() > first {
            return;
        }
        let source = if source.is_empty() { self.defaults.source } else { source };
        let key = self.hasher.command(source, id, occurred_at, &command);
        self.push_command(batch, (source, id), key, occurred_at, command);
    }

    fn push_command(
        &self,
        batch: &mut Batch,
        (source, id): (&str, &str),
        key: Key,
        occurred_at: Timestamp,
        command: Command,
    ) {
        batch.push_request_command(
            &Request {
                actor: self.defaults.actor,
                source,
                id,
                key,
                occurred_at,
                historical: self.defaults.historical,
                resolves: self.defaults.resolves,
                body: Body::Event(Event::new(EventKind::ItemAdded, "", "", Quantity::ZERO)),
            },
            command,
        );
    }
}

/// Fields that only commands have.
const FOREIGN: [Field; 4] = [Field::ReservationId, Field::ExpiresAt, Field::Lines, Field::Partial];

/// Whether this kind of event can happen to a handling unit as a whole.
const fn takes_unit(kind: EventKind) -> bool {
    use EventKind as Kind;
    matches!(
        kind,
        Kind::ItemAdded
            | Kind::ItemRemoved
            | Kind::ItemMoved
            | Kind::StatusChanged
            | Kind::ShipmentDispatched
            | Kind::ShipmentReceived
    )
}

/// The field that this kind of event needs beside the five of all, and an example of it.
const fn needed_field(kind: EventKind) -> Option<(Field, &'static str)> {
    match kind {
        EventKind::ItemMoved | EventKind::ShipmentDispatched => Some((Field::To, "\"warehouse_B\"")),
        EventKind::StatusChanged => Some((Field::ToStatus, "\"quarantined\"")),
        EventKind::ItemAdjusted => Some((Field::Reason, "\"correction\"")),
        _ => None,
    }
}

fn unknown_kind(name: &str) -> Problem {
    let known = EventKind::ALL.into_iter().map(EventKind::name).chain(COMMANDS).chain(observed::KINDS);
    let remedy = match nearest(name, known) {
        Some(near) => format!("did you mean '{near}'?"),
        None => "use one such as 'item_added', 'item_removed', 'item_moved' or 'item_counted'".to_owned(),
    };
    Problem::new("unknown_kind", "event", format!("there is no event {}; {remedy}", shown(name)))
}

/// Reads fields one after another and collects what is wrong.
struct Reader<'r, 'a> {
    fields: &'r Fields<'a>,
    problems: &'r mut Vec<Problem>,
}

impl<'r> Reader<'r, '_> {
    /// The text of a field; empty when it is absent or wrong.
    fn raw_text(&mut self, field: Field, example: &str) -> &'r str {
        match self.fields.get(field) {
            Value::Absent => "",
            Value::Text(text) => text,
            Value::List(lines) => lines,
            Value::Raw(json) => {
                let detail = format!(
                    "{} is {}, {}; send a string such as {example}",
                    field.name(),
                    fields::type_name(json),
                    shown(json)
                );
                self.problems.push(Problem::new("wrong_type", field.name(), detail));
                ""
            }
        }
    }

    fn taken<T: Default>(&mut self, checked: Result<T, Problem>) -> T {
        checked.unwrap_or_else(|problem| {
            self.problems.push(problem);
            T::default()
        })
    }

    fn text(&mut self, field: Field) -> &'r str {
        let text = self.raw_text(field, "\"A-17\"");
        if text.is_empty() { text } else { self.taken(check_text(field.name(), text, TEXT_BYTES_MAX)) }
    }

    fn required_text(&mut self, field: Field, example: &str) -> &'r str {
        let before = self.problems.len();
        let text = self.raw_text(field, example);
        let text = self.taken(check_text(field.name(), text, TEXT_BYTES_MAX));
        if text.is_empty() && self.problems.len() == before {
            if self.fields.has(field) {
                self.empty(field);
            } else {
                self.problems.push(missing(field.name(), example));
            }
        }
        text
    }

    fn empty(&mut self, field: Field) {
        // A field that is wrong in another way has been reported.
        if matches!(self.fields.get(field), Value::Text(text) if text.trim().is_empty()) {
            let detail = format!("{} is empty; fill it in", field.name());
            self.problems.push(Problem::new("empty_field", field.name(), detail));
        }
    }

    /// A field that this event needs is not there, or empty.
    fn absent(&mut self, field: Field, example: &str) {
        if self.fields.has(field) {
            self.empty(field);
        } else {
            self.problems.push(missing(field.name(), example));
        }
    }

    fn location(&mut self, field: Field) -> &'r str {
        let text = self.raw_text(field, "\"warehouse_A\"");
        if text.is_empty() { text } else { self.taken(check_location(field.name(), text)) }
    }

    fn time(&mut self, field: Field) -> Option<Timestamp> {
        let text = self.raw_text(field, "\"2026-02-16T10:00:00Z\"").trim();
        if text.is_empty() {
            return None;
        }
        match time::parse_timestamp(text) {
            Ok(at) => Some(at),
            Err(error) => {
                self.problems.push(time_problem(field.name(), text, error));
                None
            }
        }
    }

    fn required_time(&mut self, field: Field) -> Timestamp {
        let before = self.problems.len();
        let at = self.time(field);
        if at.is_none() && self.problems.len() == before {
            if self.fields.has(field) {
                self.empty(field);
            } else {
                self.problems.push(missing(field.name(), "\"2026-02-16T10:00:00Z\""));
            }
        }
        at.unwrap_or_default()
    }

    fn day(&mut self, field: Field) -> Option<Day> {
        let text = self.raw_text(field, "\"2026-12-31\"").trim();
        if text.is_empty() {
            return None;
        }
        match time::parse_day(text) {
            Ok(day) => Some(day),
            Err(_) => {
                let name = field.name();
                let detail = format!("{name} {} is no day of 1990 to 2199; write it as 2026-12-31", shown(text));
                self.problems.push(Problem::new("invalid_date", name, detail));
                None
            }
        }
    }

    fn status(&mut self, field: Field) -> Option<Status> {
        let text = self.raw_text(field, "\"quarantined\"").trim();
        if text.is_empty() {
            return None;
        }
        let status = Status::named(text);
        if status.is_none() {
            let name = field.name();
            let detail =
                format!("{name} {} is unknown; use 'available', 'quarantined', 'damaged' or 'expired'", shown(text));
            self.problems.push(Problem::new("unknown_status", name, detail));
        }
        status
    }

    fn quantity(&mut self, kind: EventKind) -> Quantity {
        let read = match self.fields.get(Field::Quantity) {
            Value::Absent => Err(missing("quantity", "5")),
            Value::Text(text) => parse_quantity("quantity", text),
            Value::List(text) => parse_quantity("quantity", text),
            Value::Raw(json) => json_quantity("quantity", json),
        };
        let quantity = match read {
            Ok(quantity) => quantity,
            Err(problem) => {
                self.problems.push(problem);
                return Quantity::ZERO;
            }
        };
        self.problems.extend(sign_problem(kind, quantity));
        quantity
    }

    /// Everything that a plain event does not have.
    fn rest(&mut self, event: &mut Event<'r>, serials: &mut String, limits: &Limits) {
        event.lot = self.text(Field::Lot);
        event.expiry = self.day(Field::Expiry);
        event.unit = self.text(Field::Unit);
        event.reason = self.text(Field::Reason);
        event.reference = self.text(Field::Reference);
        event.to = self.location(Field::To);
        event.status = self.status(Field::Status).unwrap_or_default();
        event.to_status = self.status(Field::ToStatus);
        event.expected_at = self.time(Field::ExpectedAt);
        self.texts(Field::Serials, serials, limits.serials_max);
        let Some((needed, example)) = needed_field(event.kind) else {
            return;
        };
        match self.fields.get(needed) {
            Value::Absent => self.problems.push(missing(needed.name(), example)),
            Value::Text(_) => self.empty(needed),
            Value::Raw(_) | Value::List(_) => {}
        }
    }

    /// The texts of an array field, one a line.
    fn texts(&mut self, field: Field, out: &mut String, count_max: usize) {
        let name = field.name();
        let json = match self.fields.get(field) {
            Value::Absent => return,
            Value::Raw(json) => *json,
            Value::List(lines) => return self.check_texts(name, lines.split('\n'), out),
            Value::Text(text) => {
                let detail = format!("{name} is a string, {}; send an array of strings", shown(text));
                self.problems.push(Problem::new("wrong_type", name, detail));
                return;
            }
        };
        let Ok(texts) = serde_json::from_str::<Vec<std::borrow::Cow<'_, str>>>(json) else {
            let detail = format!("{name} is {}; send an array of strings such as [\"A1\", \"A2\"]", shown(json));
            self.problems.push(Problem::new("wrong_type", name, detail));
            return;
        };
        if texts.len() > count_max {
            let code = if field == Field::Serials { "too_many_serials" } else { "too_many_units" };
            let detail = format!("{name} has {} items; at most {count_max} are taken: split the event", texts.len());
            self.problems.push(Problem::new(code, name, detail));
            return;
        }
        self.check_texts(name, texts.iter().map(AsRef::as_ref), out);
    }

    fn check_texts<'s>(&mut self, name: &'static str, texts: impl Iterator<Item = &'s str>, out: &mut String) {
        for text in texts {
            let text = self.taken(check_text(name, text, TEXT_BYTES_MAX));
            if text.is_empty() {
                let detail = format!("{name} has an empty item; leave it out");
                self.problems.push(Problem::new("empty_field", name, detail));
                return;
            }
            if !out.is_empty() {
                out.push('\n');
            }
            out.push_str(text);
        }
    }

    fn refuse_on(&mut self, field: Field, kind: &str) {
        if self.fields.has(field) {
            let detail = format!("{} has no meaning on '{kind}'; remove it", field.name());
            self.problems.push(Problem::new("unknown_field", field.name(), detail));
        }
    }

    /// The name of the reservation: `reservation_id`, else `reference`, else, for a new one, `id`.
    fn reservation_name(&mut self, new: bool) -> &'r str {
        let mut candidates = [self.text(Field::ReservationId), self.text(Field::Reference), ""];
        if new {
            candidates[2] = self.text(Field::Id);
        }
        let found = candidates.into_iter().find(|text| !text.is_empty());
        found.unwrap_or_else(|| {
            self.problems.push(missing("reservation_id", "\"order-1001\""));
            ""
        })
    }

    fn reserve(&mut self, reservation: &str, limits: &Limits) -> Reserve {
        let before = self.problems.len();
        let location = self.location(Field::Location);
        if location.is_empty() && self.problems.len() == before {
            self.problems.push(missing("location", "\"warehouse_A\""));
        }
        let warehouse = location.split('/').next().unwrap_or_default();
        let lines = match self.fields.get(Field::Lines) {
            Value::Raw(json) => {
                for field in [Field::ProductId, Field::Quantity, Field::Lot] {
                    self.refuse_on(field, "stock_reserved with lines");
                }
                body::lines(Lines { json, count_max: limits.lines_max }, self.problems)
            }
            Value::Text(_) => body::lines(Lines { json: "\"\"", count_max: limits.lines_max }, self.problems),
            _ => vec![ReserveLine {
                product: self.required_text(Field::ProductId, "\"SKU123\"").into(),
                quantity: self.quantity(EventKind::ItemRemoved),
                // The warehouse alone means anywhere in it.
                location: if location == warehouse { "" } else { location }.into(),
                lot: self.text(Field::Lot).into(),
            }],
        };
        let expires_at = self.time(Field::ExpiresAt);
        let partial = match self.fields.get(Field::Partial) {
            Value::Absent | Value::Raw("false") => false,
            Value::Raw("true") => true,
            Value::Text(text) if text == "false" => false,
            Value::Text(text) if text == "true" => true,
            _ => {
                self.problems.push(Problem::new(
                    "wrong_type",
                    "partial",
                    "partial is neither true nor false; send one",
                ));
                false
            }
        };
        Reserve { reservation: reservation.into(), warehouse: warehouse.into(), lines, expires_at, partial }
    }
}

/// The problem of a time that can't be read.
pub(crate) fn time_problem(field: &'static str, text: &str, error: TimeError) -> Problem {
    Problem::new(error.code(), field, format!("{field} {} is not taken: {error}", shown(text)))
}

/// Reads a quantity from JSON: a number, or a string with such a number in it.
///
/// # Errors
/// `wrong_type` for anything else, then as [`parse_quantity`].
pub(crate) fn json_quantity(field: &'static str, json: &str) -> Result<Quantity, Problem> {
    match json.as_bytes() {
        [b'"', inner @ .., b'"'] => parse_quantity(field, std::str::from_utf8(inner).unwrap_or(json)),
        [b'0'..=b'9' | b'-', ..] => parse_quantity(field, json),
        _ => {
            let detail =
                format!("{field} is {}, {}; send a number such as 5 or 2.5", fields::type_name(json), shown(json));
            Err(Problem::new("wrong_type", field, detail))
        }
    }
}

/// Reads a quantity from text; white space around it is harmless.
///
/// # Errors
/// `invalid_quantity`, `quantity_too_fine`, `quantity_too_large`.
pub(crate) fn parse_quantity(field: &'static str, text: &str) -> Result<Quantity, Problem> {
    let text = text.trim();
    if let Some(whole) = small_whole(text) {
        return Ok(whole);
    }
    text.parse().map_err(|error| {
        let (code, remedy) = match error {
            QuantityError::NotANumber => ("invalid_quantity", "send a number such as 5 or 2.5"),
            QuantityError::TooFine => ("quantity_too_fine", "round it to six decimals or use a smaller unit"),
            QuantityError::TooLarge => ("quantity_too_large", "check it and its unit"),
        };
        Problem::new(code, field, format!("{field} {} is {error}; {remedy}", shown(text)))
    })
}

/// The quantity of up to twelve digits: what most events carry.
fn small_whole(text: &str) -> Option<Quantity> {
    if text.is_empty() || text.len() > 12 {
        return None;
    }
    let mut whole = 0;
    for byte in text.bytes() {
        if !byte.is_ascii_digit() {
            return None;
        }
        whole = whole * 10 + i64::from(byte - b'0');
    }
    Some(Quantity::from_micros(whole * 1_000_000))
}

/// What is wrong with the sign of a quantity of this kind of event.
fn sign_problem(kind: EventKind, quantity: Quantity) -> Option<Problem> {
    let (code, detail) = match kind {
        EventKind::ItemAdjusted if quantity.is_zero() => {
            ("zero_quantity", "an adjustment by nothing is no event; leave it out")
        }
        EventKind::ItemAdjusted => return None,
        _ if quantity.is_negative() => (
            "negative_quantity",
            "the kind of event says the direction; send the amount without a sign, or 'item_adjusted'",
        ),
        EventKind::ItemCounted => return None,
        _ if quantity.is_zero() => ("zero_quantity", "nothing moved; leave the event out, or send 'item_counted'"),
        _ => return None,
    };
    Some(Problem::new(code, "quantity", format!("quantity {quantity} on '{}': {detail}", kind.name())))
}
