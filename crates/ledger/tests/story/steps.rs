//! Reads a step: `<who> <does what>, <detail>, <detail>`.

use super::{TODAY, clock};
use ledger::*;

pub(crate) enum Asked<'a> {
    Event(Event<'a>),
    Command(Command),
}

pub(crate) struct Step<'a> {
    pub(crate) source: &'a str,
    pub(crate) id: &'a str,
    pub(crate) asked: Asked<'a>,
}

pub(crate) fn read<'a>(text: &'a str, decisions: &[Decision]) -> Step<'a> {
    let mut parts = text.split(", ");
    let words: Vec<&str> = parts.next().unwrap_or_default().split_whitespace().collect();
    let details: Vec<(&str, &str)> = parts.map(|detail| detail.split_once(' ').unwrap_or((detail, ""))).collect();
    let detail = |name: &str| details.iter().find(|(other, _)| *other == name).map_or("", |(_, value)| *value);
    let asked = match &words[1..] {
        ["reserves", name, "in", warehouse] => Asked::Command(reserve(name, warehouse, &details)),
        ["releases", name] => Asked::Command(Command::Release { reservation: (*name).into() }),
        ["fulfils", name] => Asked::Command(Command::Fulfil { reservation: (*name).into() }),
        ["ends", "what", "has", "expired"] => Asked::Command(Command::Expire),
        ["says", "that", "a", unit, "of", product, "is", number, base] => {
            Asked::Command(declare(unit, product, number, base))
        }
        ["reverses", "entry", number] => Asked::Command(reverse(number, detail("reason"), decisions)),
        words => Asked::Event(event(words, &details, text)),
    };
    Step { source: words[0], id: detail("id"), asked }
}

fn quantity(text: &str) -> Quantity {
    text.parse().unwrap_or_else(|_| panic!("a quantity, not {text}"))
}

fn event<'a>(words: &[&'a str], details: &[(&'a str, &'a str)], text: &str) -> Event<'a> {
    let given = |name: &str| details.iter().find(|(other, _)| *other == name).map(|(_, value)| *value);
    // "2 case of SKU" names a unit; "2 SKU" does not.
    let (verb, amount, unit, product, rest) = match words {
        [verb, amount, unit, "of", product, rest @ ..] => (*verb, *amount, *unit, *product, rest),
        [verb, amount, product, rest @ ..] => (*verb, *amount, "", *product, rest),
        _ => panic!("who does what to how much of which product: {text}"),
    };
    let by_order = given("order").is_some();
    let (kind, location, to) = match (verb, rest) {
        ("adds", ["to", location]) => (EventKind::ItemAdded, *location, ""),
        ("removes", ["from", location]) => (EventKind::ItemRemoved, *location, ""),
        ("moves", ["from", location, "to", to]) => (EventKind::ItemMoved, *location, *to),
        ("counts", ["in", location]) => (EventKind::ItemCounted, *location, ""),
        ("adjusts", ["in", location]) => (EventKind::ItemAdjusted, *location, ""),
        ("marks", ["in", location, "as", _]) => (EventKind::StatusChanged, *location, ""),
        ("dispatches", ["from", location, "to", to]) => (EventKind::ShipmentDispatched, *location, *to),
        ("receives", ["in", location]) if by_order => (EventKind::PurchaseOrderReceived, *location, ""),
        ("receives", ["in", location]) => (EventKind::ShipmentReceived, *location, ""),
        ("orders", ["for", location]) => (EventKind::PurchaseOrderPlaced, *location, ""),
        ("cancels", ["for", location]) => (EventKind::PurchaseOrderCancelled, *location, ""),
        _ => panic!("a known verb and place: {text}"),
    };
    let status = |name: &str| Status::named(name).unwrap_or_else(|| panic!("a status, not {name}"));
    Event {
        to,
        unit,
        lot: given("lot").unwrap_or_default(),
        expiry: given("expires").map(day),
        // Serials stand one a line in an event; a story names them in one, with spaces between.
        serials: given("serials").map_or("", |serials| leak(&serials.replace(' ', "\n"))),
        status: given("was").map_or(Status::Available, status),
        to_status: if verb == "marks" { rest.last().map(|name| status(name)) } else { None },
        reason: given("reason").unwrap_or_default(),
        reference: given("order").or(given("shipment")).unwrap_or_default(),
        ..Event::new(kind, product, location, quantity(amount))
    }
}

/// A test may keep a few texts for ever.
fn leak(text: &str) -> &'static str {
    Box::leak(text.to_owned().into_boxed_str())
}

/// `2026-03-01`, this year or next.
fn day(text: &str) -> Day {
    const BEFORE_MONTH: [i32; 12] = [0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334];
    let numbers: Vec<i32> = text.split('-').map(|part| part.parse().expect("a date")).collect();
    let month = usize::try_from(numbers[1] - 1).expect("a month");
    let today = i32::try_from(TODAY).expect("small");
    Day(today - 46 + 365 * (numbers[0] - 2026) + BEFORE_MONTH[month] + numbers[2] - 1)
}

/// Details of a reservation: `<quantity> <product> [lot <lot>]` a line, `until <time>`, `partial`.
fn reserve(name: &str, warehouse: &str, details: &[(&str, &str)]) -> Command {
    let is_line = |first: &str| first.starts_with(|first: char| first.is_ascii_digit());
    let lines = details.iter().filter(|(first, _)| is_line(first)).map(|(amount, rest)| {
        let words: Vec<&str> = rest.split_whitespace().collect();
        let after = |name: &str| words.iter().skip_while(|word| **word != name).nth(1).copied().unwrap_or_default();
        ReserveLine {
            product: words[0].into(),
            quantity: quantity(amount),
            location: after("from").into(),
            lot: after("lot").into(),
        }
    });
    Command::Reserve(Reserve {
        reservation: name.into(),
        warehouse: warehouse.into(),
        lines: lines.collect(),
        expires_at: details.iter().find(|(name, _)| *name == "until").map(|(_, time)| clock(time)),
        partial: details.iter().any(|(name, _)| *name == "partial"),
    })
}

fn declare(unit: &str, product: &str, number: &str, base: &str) -> Command {
    let numerator = number.parse().expect("a whole number");
    Command::DeclareProduct(Box::new(ProductCard {
        product: product.into(),
        base_unit: base.into(),
        units: vec![Unit { name: unit.into(), numerator, denominator: 1 }],
        ..ProductCard::default()
    }))
}

fn reverse(number: &str, reason: &str, decisions: &[Decision]) -> Command {
    let index: usize = number.parse().expect("the number of an entry");
    Command::Reverse {
        position: Position(index.try_into().expect("few")),
        original: Box::new(decisions[index - 1].clone()),
        reason: reason.into(),
    }
}
