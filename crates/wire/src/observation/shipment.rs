//! What is told of shipments, as JSON: plans, and what became of them. None of it moves stock.

use crate::event::fields::Value;
use crate::event::render::Object as Json;
use crate::object::Object;
use crate::problem::{Problem, shown};
use crate::text::missing;
use ledger::{Quantity, Timestamp};
use serde_json::value::RawValue;

/// Legs of a plan.
pub const PLAN_LEGS_MAX: usize = 64;
/// Products of a plan.
pub const PLAN_PRODUCTS_MAX: usize = 200;
/// Ways of carriage, by name.
pub const MODES: [&str; 5] = ["sea", "rail", "road", "air", "other"];

/// What happened to a shipment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ShipmentStep {
    /// It was planned, or planned anew.
    Planned,
    /// It left where it came from.
    Departed,
    /// It came to where it goes.
    Arrived,
    /// A leg began.
    LegDeparted,
    /// A leg ended.
    LegArrived,
    /// It will not come.
    Cancelled,
}

impl ShipmentStep {
    /// Each.
    pub const ALL: [Self; 6] =
        [Self::Planned, Self::Departed, Self::Arrived, Self::LegDeparted, Self::LegArrived, Self::Cancelled];

    /// The event that tells it.
    pub const fn event(self) -> &'static str {
        match self {
            Self::Planned => "shipment_planned",
            Self::Departed => "shipment_departed",
            Self::Arrived => "shipment_arrived",
            Self::LegDeparted => "shipment_leg_departed",
            Self::LegArrived => "shipment_leg_arrived",
            Self::Cancelled => "shipment_cancelled",
        }
    }

    pub(crate) fn of(event: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|step| step.event() == event)
    }

    /// The members that the event has besides those of all events.
    pub(crate) const fn members(self) -> &'static [&'static str] {
        match self {
            Self::Planned => &[
                "shipment",
                "from",
                "to",
                "carrier",
                "mode",
                "vehicle",
                "promised_at",
                "departure_at",
                "arrival_at",
                "legs",
                "products",
            ],
            Self::LegDeparted | Self::LegArrived => &["shipment", "leg"],
            Self::Departed | Self::Arrived | Self::Cancelled => &["shipment"],
        }
    }
}

/// A part of the way, as planned. Empty texts and `None` where nobody said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PlannedLeg {
    /// Where it begins: a location or a free name.
    pub from: Box<str>,
    /// Where it ends.
    pub to: Box<str>,
    /// One of [`MODES`].
    pub mode: Box<str>,
    /// When it is to begin.
    pub departure_at: Option<Timestamp>,
    /// When it is to end.
    pub arrival_at: Option<Timestamp>,
}

/// What is planned of a shipment. Empty texts and `None` where nobody said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ShipmentPlan {
    /// Where it comes from: a location or a free name.
    pub from: Box<str>,
    /// Where it goes.
    pub to: Box<str>,
    /// Who carries it.
    pub carrier: Box<str>,
    /// One of [`MODES`].
    pub mode: Box<str>,
    /// The device whose positions are its own.
    pub vehicle: Box<str>,
    /// When it is to be there at the latest.
    pub promised_at: Option<Timestamp>,
    /// When it is to leave.
    pub departure_at: Option<Timestamp>,
    /// When it is to arrive, if that is planned apart from the promise.
    pub arrival_at: Option<Timestamp>,
    /// The parts of the way in order; none if it is one way.
    pub legs: Vec<PlannedLeg>,
    /// What it is to bring: products, each once, and how much, above zero.
    pub products: Vec<(Box<str>, Quantity)>,
}

/// What was told of a shipment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShipmentNews {
    /// What happened.
    pub step: ShipmentStep,
    /// The shipment's reference; not empty.
    pub shipment: Box<str>,
    /// Of a leg, its number, from 1; else 0.
    pub leg: u16,
    /// What is planned; empty for anything but a plan.
    pub plan: ShipmentPlan,
}

/// The canonical JSON of what was told.
pub fn render_shipment(news: &ShipmentNews) -> String {
    let mut out = Json::default();
    push_shipment(&mut out, news);
    out.finish()
}

/// Writes the members, the event first.
pub(crate) fn push_shipment(out: &mut Json, news: &ShipmentNews) {
    out.text("event", news.step.event());
    out.text("shipment", &news.shipment);
    if news.leg > 0 {
        out.number("leg", news.leg.into());
    }
    let plan = &news.plan;
    let ends = [("from", &plan.from), ("to", &plan.to), ("carrier", &plan.carrier), ("mode", &plan.mode)];
    for (name, text) in ends.into_iter().chain([("vehicle", &plan.vehicle)]) {
        out.text(name, text);
    }
    let times =
        [("promised_at", plan.promised_at), ("departure_at", plan.departure_at), ("arrival_at", plan.arrival_at)];
    push_times(out, &times);
    if !plan.legs.is_empty() {
        let legs = plan.legs.iter().map(|leg| {
            let mut out = Json::default();
            for (name, text) in [("from", &leg.from), ("to", &leg.to), ("mode", &leg.mode)] {
                out.text(name, text);
            }
            push_times(&mut out, &[("departure_at", leg.departure_at), ("arrival_at", leg.arrival_at)]);
            out
        });
        out.list("legs", legs);
    }
    if !plan.products.is_empty() {
        let products = plan.products.iter().map(|(product, quantity)| {
            let mut out = Json::default();
            out.text("product_id", product);
            out.quantity("quantity", *quantity);
            out
        });
        out.list("products", products);
    }
}

fn push_times(out: &mut Json, times: &[(&str, Option<Timestamp>)]) {
    for (name, at) in times {
        if let Some(at) = at {
            out.time(name, *at);
        }
    }
}

/// Reads what [`render_shipment`] wrote.
///
/// # Errors
/// The first problem.
pub fn parse_shipment(json: &str) -> Result<ShipmentNews, Problem> {
    let not_news = || Problem::new("invalid_json", "", format!("{} tells nothing of a shipment", shown(json)));
    let step = ShipmentStep::ALL.into_iter().find(|step| {
        json.strip_prefix("{\"event\":\"").is_some_and(|rest| rest.starts_with(&format!("{}\"", step.event())))
    });
    let step = step.ok_or_else(not_news)?;
    let known: Vec<&'static str> = std::iter::once("event").chain(step.members().iter().copied()).collect();
    let mut problems = Vec::new();
    let news = Object::read(json, String::new(), &known, &mut problems).map(|mut object| read(&mut object, step));
    match problems.into_iter().next() {
        None => news.ok_or_else(not_news),
        Some(problem) => Err(problem),
    }
}

/// A plan from the body of a request, whose members are those of `shipment_planned` without the shipment.
///
/// # Errors
/// Every problem.
pub fn read_plan(json: &str, shipment: &str) -> Result<ShipmentNews, Vec<Problem>> {
    let mut problems = Vec::new();
    let shipment = match crate::text::check_text("shipment", shipment, crate::text::TEXT_BYTES_MAX) {
        Ok("") => {
            problems.push(Problem::new("empty_field", "shipment", "shipment is empty; fill it in"));
            Box::default()
        }
        Ok(text) => text.into(),
        Err(problem) => {
            problems.push(problem);
            Box::default()
        }
    };
    let members = &ShipmentStep::Planned.members()[1..];
    let plan = Object::read(json, String::new(), members, &mut problems).map(|mut object| read_members(&mut object));
    match plan {
        Some(plan) if problems.is_empty() => Ok(ShipmentNews { step: ShipmentStep::Planned, shipment, leg: 0, plan }),
        _ => Err(problems),
    }
}

/// Reads the members of an event of this step.
pub(crate) fn read(object: &mut Object<'_, '_>, step: ShipmentStep) -> ShipmentNews {
    let shipment = object.required_text("shipment", "\"SHP-1042\"");
    let is_leg = matches!(step, ShipmentStep::LegDeparted | ShipmentStep::LegArrived);
    let leg = if is_leg { leg_number(object) } else { 0 };
    let plan = if step == ShipmentStep::Planned { read_members(object) } else { ShipmentPlan::default() };
    ShipmentNews { step, shipment, leg, plan }
}

fn leg_number(object: &mut Object<'_, '_>) -> u16 {
    let json = match object.get("leg") {
        Value::Absent => {
            object.problem(missing("leg", "1"));
            return 0;
        }
        Value::Raw(json) => *json,
        Value::Text(_) | Value::List(_) => "\"…\"",
    };
    let leg = json.parse().ok().filter(|leg| (1..=PLAN_LEGS_MAX).contains(&usize::from(*leg)));
    leg.unwrap_or_else(|| {
        let detail = format!("leg {} is no number of a leg from 1 to {PLAN_LEGS_MAX}; send one", shown(json));
        object.problem(Problem::new("invalid_value", "leg", detail));
        0
    })
}

fn read_members(object: &mut Object<'_, '_>) -> ShipmentPlan {
    let plan = ShipmentPlan {
        from: object.text("from"),
        to: object.text("to"),
        carrier: object.text("carrier"),
        mode: mode(object),
        vehicle: object.text("vehicle"),
        promised_at: object.time("promised_at"),
        departure_at: object.time("departure_at"),
        arrival_at: object.time("arrival_at"),
        legs: Vec::new(),
        products: Vec::new(),
    };
    check_order(object, plan.departure_at, plan.arrival_at);
    let legs = items(object, "legs", PLAN_LEGS_MAX, &["from", "to", "mode", "departure_at", "arrival_at"], |leg| {
        let leg_read = PlannedLeg {
            from: leg.text("from"),
            to: leg.text("to"),
            mode: mode(leg),
            departure_at: leg.time("departure_at"),
            arrival_at: leg.time("arrival_at"),
        };
        check_order(leg, leg_read.departure_at, leg_read.arrival_at);
        leg_read
    });
    let products = items(object, "products", PLAN_PRODUCTS_MAX, &["product_id", "quantity"], |line| {
        (line.required_text("product_id", "\"SKU123\""), line.amount("quantity"))
    });
    let mut seen = std::collections::BTreeSet::new();
    for (index, (product, _)) in products.iter().enumerate() {
        if !product.is_empty() && !seen.insert(product) {
            let field = format!("products[{index}].product_id");
            let detail = format!("{field} {} stands there before; send one line of it with the sum", shown(product));
            object.problem(Problem::new("invalid_value", field, detail));
        }
    }
    ShipmentPlan { legs, products, ..plan }
}

fn mode(object: &mut Object<'_, '_>) -> Box<str> {
    let mode = object.text("mode");
    if !mode.is_empty() && !MODES.contains(&&*mode) {
        let detail = format!("mode {} is unknown; use one of {}", shown(&mode), MODES.join(", "));
        object.problem(Problem::new("invalid_value", "mode", detail));
    }
    mode
}

fn check_order(object: &mut Object<'_, '_>, departure_at: Option<Timestamp>, arrival_at: Option<Timestamp>) {
    if let (Some(departure_at), Some(arrival_at)) = (departure_at, arrival_at)
        && arrival_at < departure_at
    {
        let [arrival, departure] = [arrival_at, departure_at].map(crate::time::render_timestamp);
        let detail = format!("arrival_at {arrival} is before departure_at {departure}; swap or mend them");
        object.problem(Problem::new("invalid_value", "arrival_at", detail));
    }
}

/// The objects of a list, each read under its place.
fn items<T>(
    object: &mut Object<'_, '_>,
    name: &'static str,
    count_max: usize,
    known: &[&'static str],
    read: impl Fn(&mut Object<'_, '_>) -> T,
) -> Vec<T> {
    let json = match object.get(name) {
        Value::Absent => return Vec::new(),
        Value::Raw(json) => *json,
        Value::Text(_) | Value::List(_) => "\"…\"",
    };
    let Ok(items) = serde_json::from_str::<Vec<&RawValue>>(json) else {
        object.wrong_type(name, json, "a list of objects");
        return Vec::new();
    };
    if items.len() > count_max {
        let detail = format!("{name} has {} items; send at most {count_max}", items.len());
        object.problem(Problem::new("invalid_value", name, detail));
        return Vec::new();
    }
    let read_one = |(index, item): (usize, &&RawValue)| {
        let place = format!("{name}[{index}].");
        Object::read(item.get(), place, known, object.problems).map(|mut item| read(&mut item))
    };
    items.iter().enumerate().filter_map(read_one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_told_comes_back_as_it_was() {
        let plan = ShipmentPlan {
            from: "warehouse_A".into(),
            to: "Graz, \"Süd\"".into(),
            mode: "road".into(),
            promised_at: Some(Timestamp(1_771_236_000_000_000)),
            legs: vec![PlannedLeg { to: "Linz".into(), ..PlannedLeg::default() }],
            products: vec![("TEA".into(), Quantity::from_micros(2_500_000))],
            ..ShipmentPlan::default()
        };
        let planned = ShipmentNews { step: ShipmentStep::Planned, shipment: "S1".into(), leg: 0, plan };
        let json = render_shipment(&planned);
        assert_eq!(parse_shipment(&json), Ok(planned));
        for step in ShipmentStep::ALL {
            let leg = u16::from(matches!(step, ShipmentStep::LegDeparted | ShipmentStep::LegArrived)) * 3;
            let news = ShipmentNews { step, shipment: "S1".into(), leg, plan: ShipmentPlan::default() };
            assert_eq!(parse_shipment(&render_shipment(&news)), Ok(news));
        }
        for json in
            ["", "{}", "[]", r#"{"event":"shipment_planned"}"#, r#"{"event":"shipment_leg_arrived","shipment":"S"}"#]
        {
            assert!(parse_shipment(json).is_err(), "{json}");
        }
    }
}
