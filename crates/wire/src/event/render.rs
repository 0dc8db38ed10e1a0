//! Requests back into the JSON that they could have come from: what the held list shows and lets a person mend.

use super::fields::Field;
use crate::observation::shipment::push_shipment;
use crate::observation::{self, Reading, ReadingValue, parse_place, parse_readings, parse_shipment, unpack_reads};
use crate::text::push_json_string;
use crate::time::{push_timestamp, render_day};
use ledger::{Body, Command, Event, Observation, Quantity, Request, Reserve, ReserveLine, Status, Timestamp};
use std::fmt::Write;

/// Appends `quantity` as a JSON number: exact, at most six decimals, no exponent.
pub fn push_quantity(out: &mut String, quantity: Quantity) {
    // Writing to a string can't fail.
    let _ = write!(out, "{quantity}");
}

/// The canonical JSON of a request: one line, known fields in a fixed order, absent ones left out.
///
/// Events, the three commands on reservations and observations that one event can tell read back as an equal request,
/// given the same defaults. Other commands have no event form: they render as an object with nothing but their `command`.
pub fn render_event(request: &Request<'_>) -> String {
    let mut out = Object { out: String::with_capacity(256) };
    match request.body {
        Body::Event(event) => render_fact(&mut out, request, &event),
        Body::Command(Command::Reserve(reserve)) => {
            out.text("event", "stock_reserved");
            out.time(Field::Timestamp.name(), request.occurred_at);
            render_reserve(&mut out, reserve);
            render_origin(&mut out, request);
        }
        Body::Command(Command::Release { reservation }) => {
            render_end(&mut out, request, "reservation_released", reservation);
        }
        Body::Command(Command::Fulfil { reservation }) => {
            render_end(&mut out, request, "reservation_fulfilled", reservation);
        }
        Body::Command(command) => {
            let observed = match command {
                Command::Observe(observation) => render_observed(request, observation),
                _ => None,
            };
            match observed {
                Some(observed) => out = observed,
                None => out.text("command", command_name(command)),
            }
        }
    }
    out.finish()
}

const fn command_name(command: &Command) -> &'static str {
    match command {
        Command::Reserve(_) => "reserve",
        Command::Release { .. } => "release",
        Command::Fulfil { .. } => "fulfil",
        Command::Expire => "expire",
        Command::DeclareProduct(_) => "declare_product",
        Command::DeclareLocation(_) => "declare_location",
        Command::DeclareReason(_) => "declare_reason",
        Command::DeclareDevice(_) => "declare_device",
        Command::DeclareRule(_) => "declare_rule",
        Command::WithdrawRule { .. } => "withdraw_rule",
        Command::RaiseAlert(_) => "raise_alert",
        Command::ChangeAlert(_) => "change_alert",
        Command::Observe(_) => "observe",
        Command::Reverse { .. } => "reverse",
        Command::Hold(_) => "hold",
        Command::Discard { .. } => "discard",
    }
}

fn render_fact(out: &mut Object, request: &Request<'_>, event: &Event<'_>) {
    out.text("event", event.kind.name());
    out.text("handling_unit", event.handling_unit);
    out.texts("units", event.units());
    out.text("product_id", event.product);
    out.text("location", event.location);
    out.text("to", event.to);
    if event.handling_unit.is_empty() || !event.product.is_empty() {
        out.quantity("quantity", event.quantity);
    }
    out.text("unit", event.unit);
    out.time("timestamp", request.occurred_at);
    render_origin(out, request);
    out.text("lot", event.lot);
    if let Some(day) = event.expiry {
        out.text("expiry", &render_day(day));
    }
    out.texts("serials", event.serials());
    if event.status != Status::Available {
        out.text("status", event.status.name());
    }
    if let Some(status) = event.to_status {
        out.text("to_status", status.name());
    }
    out.text("reason", event.reason);
    out.text("reference", event.reference);
    if let Some(at) = event.expected_at {
        out.time("expected_at", at);
    }
}

fn render_origin(out: &mut Object, request: &Request<'_>) {
    out.text("id", request.id);
    out.text("source", request.source);
}

fn render_end(out: &mut Object, request: &Request<'_>, kind: &str, reservation: &str) {
    out.text("event", kind);
    out.time("timestamp", request.occurred_at);
    out.text("reservation_id", reservation);
    render_origin(out, request);
}

fn render_reserve(out: &mut Object, reserve: &Reserve) {
    out.text("reservation_id", &reserve.reservation);
    out.text("location", &reserve.warehouse);
    let line = |line: &ReserveLine| {
        let mut object = Object::default();
        object.text("product_id", &line.product);
        object.quantity("quantity", line.quantity);
        object.text("location", &line.location);
        object.text("lot", &line.lot);
        object
    };
    out.list("lines", reserve.lines.iter().map(line));
    if let Some(at) = reserve.expires_at {
        out.time("expires_at", at);
    }
    if reserve.partial {
        out.name("partial");
        out.out.push_str("true");
    }
}

/// The event that tells an observation; `None` when it takes more than one, or is of a form that has none.
fn render_observed(request: &Request<'_>, observation: &Observation) -> Option<Object> {
    if observation.sent_at.is_some_and(|sent_at| sent_at != request.occurred_at) {
        return None;
    }
    let mut out = Object::default();
    let text = || std::str::from_utf8(&observation.content).ok();
    match &*observation.form {
        observation::TAG_READS => render_tag_read(&mut out, request, &observation.content)?,
        observation::READINGS => render_sensor_reading(&mut out, &parse_readings(text()?).ok()?)?,
        observation::POSITION => {
            let place = parse_place(text()?).ok()?;
            out.text("event", "position_reported");
            out.raw("latitude", &place.latitude);
            out.raw("longitude", &place.longitude);
            out.raw("accuracy_m", &place.accuracy_m);
            out.raw("speed_kmh", &place.speed_kmh);
            out.raw("heading_degrees", &place.heading_degrees);
        }
        observation::SHIPMENT => push_shipment(&mut out, &parse_shipment(text()?).ok()?),
        _ => return None,
    }
    out.time(Field::Timestamp.name(), request.occurred_at);
    render_origin(&mut out, request);
    if let Some(sequence) = observation.sequence {
        out.number("sequence", sequence);
    }
    if let Some(permille) = observation.battery_permille {
        out.quantity("battery_percent", Quantity::from_micros(i64::from(permille) * 100_000));
    }
    if observation.failures > 0 {
        out.number("failures", observation.failures.into());
    }
    Some(out)
}

fn render_tag_read(out: &mut Object, request: &Request<'_>, content: &[u8]) -> Option<()> {
    let mut reads = unpack_reads(content);
    let read = reads.next()?.ok().filter(|read| read.seen_at == request.occurred_at)?;
    if reads.next().is_some() {
        return None;
    }
    let mut epc = String::with_capacity(2 * read.epc.len());
    for byte in read.epc {
        // Writing to a string can't fail.
        let _ = write!(epc, "{byte:02X}");
    }
    out.text("event", "tag_read");
    out.text("epc", &epc);
    out.number("antenna", read.antenna.into());
    if let Some(rssi) = read.rssi_centi_dbm {
        out.quantity("rssi", Quantity::from_micros(i64::from(rssi) * 10_000));
    }
    if read.count > 1 {
        out.number("count", read.count.into());
    }
    Some(())
}

fn render_sensor_reading(out: &mut Object, readings: &[Reading<'_>]) -> Option<()> {
    let value = |out: &mut Object, name: &str, value: &ReadingValue<'_>| match value {
        ReadingValue::Number(text) => out.raw(name, text),
        ReadingValue::Bool(value) => out.raw(name, if *value { "true" } else { "false" }),
        ReadingValue::Text(text) => {
            out.name(name);
            push_json_string(&mut out.out, text);
        }
    };
    out.text("event", "sensor_reading");
    match readings {
        [reading] if reading.at.is_none() => {
            out.text("metric", &reading.metric);
            value(out, "value", &reading.value);
            out.text("unit", &reading.unit);
        }
        [_, _, ..] if readings.iter().all(|reading| reading.at.is_none() && reading.unit.is_empty()) => {
            let mut metrics = Object::default();
            for reading in readings {
                value(&mut metrics, &reading.metric, &reading.value);
            }
            out.raw("metrics", &metrics.finish());
        }
        _ => return None,
    }
    Some(())
}

/// A JSON object being written, one member after another.
#[derive(Default)]
pub(crate) struct Object {
    out: String,
}

impl Object {
    /// Begins a member; its value must follow.
    pub(crate) fn name(&mut self, name: &str) {
        self.out.push(if self.out.is_empty() { '{' } else { ',' });
        push_json_string(&mut self.out, name);
        self.out.push(':');
    }

    /// A member that is left out when its text is empty.
    pub(crate) fn text(&mut self, name: &str, text: &str) {
        if !text.is_empty() {
            self.name(name);
            push_json_string(&mut self.out, text);
        }
    }

    /// A member whose value is JSON already; left out when it is empty.
    fn raw(&mut self, name: &str, json: &str) {
        if !json.is_empty() {
            self.name(name);
            self.out.push_str(json);
        }
    }

    /// A list of texts that is left out when it is empty.
    fn texts<'t>(&mut self, name: &str, texts: impl Iterator<Item = &'t str>) {
        let mut texts = texts.peekable();
        if texts.peek().is_none() {
            return;
        }
        self.name(name);
        for (index, text) in texts.enumerate() {
            self.out.push(if index == 0 { '[' } else { ',' });
            push_json_string(&mut self.out, text);
        }
        self.out.push(']');
    }

    pub(crate) fn quantity(&mut self, name: &str, quantity: Quantity) {
        self.name(name);
        push_quantity(&mut self.out, quantity);
    }

    pub(crate) fn number(&mut self, name: &str, number: u64) {
        self.name(name);
        // Writing to a string can't fail.
        let _ = write!(self.out, "{number}");
    }

    pub(crate) fn list(&mut self, name: &str, items: impl Iterator<Item = Self>) {
        self.name(name);
        self.out.push('[');
        for (index, item) in items.enumerate() {
            if index > 0 {
                self.out.push(',');
            }
            self.out.push_str(&item.finish());
        }
        self.out.push(']');
    }

    pub(crate) fn time(&mut self, name: &str, at: Timestamp) {
        self.name(name);
        self.out.push('"');
        push_timestamp(&mut self.out, at);
        self.out.push('"');
    }

    pub(crate) fn finish(mut self) -> String {
        if self.out.is_empty() {
            self.out.push('{');
        }
        self.out.push('}');
        self.out
    }
}
