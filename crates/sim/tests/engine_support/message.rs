//! What sources send: mostly true, sometimes twice, late, wrong, or under an id that was used before.

use ledger::{Body, Command, Event, EventKind, Key, Quantity, Request, Reserve, ReserveLine, Status, Timestamp};
use rand::seq::IndexedRandom;
use rand::{Rng, RngExt};
use wire::{Batch, KeyHasher};

const SOURCES: [&str; 3] = ["till", "forklift", "gate"];
const PRODUCTS: [&str; 4] = ["nut", "bolt", "screw", "washer"];
const PLACES: [&str; 4] = ["north", "north/shelf-1", "south", "south/shelf-2"];
/// What goes into handling units, and nothing else does: by quantity, and by serial number.
pub(crate) const PACKED: [&str; 2] = ["tin", "drum"];
/// Serial numbers, and how many they are.
const DRUMS: [(&str, i64); 5] = [("d1", 1), ("d2", 1), ("d3", 1), ("d1\nd2", 2), ("d2\nd3", 2)];
/// Handling units, and what of the others may be in each, so that none comes to be in itself.
const UNITS: [(&str, &[&str]); 6] = [
    ("case-1", &[]),
    ("case-2", &[]),
    ("case-3", &[]),
    ("pallet-1", &["case-1", "case-2", "case-1\ncase-3"]),
    ("pallet-2", &["case-2", "case-3", "case-2\ncase-3"]),
    ("truck", &["pallet-1", "pallet-2", "pallet-1\ncase-3"]),
];
pub(crate) const SECOND: i64 = 1_000_000;

/// What a message says.
#[derive(Clone, Debug)]
pub(crate) enum Said {
    Fact(Fact),
    Ask(Command),
}

/// A physical event that owns its texts.
#[derive(Clone, Debug)]
pub(crate) struct Fact {
    pub(crate) kind: EventKind,
    pub(crate) product: &'static str,
    pub(crate) place: &'static str,
    pub(crate) to: &'static str,
    pub(crate) quantity: Quantity,
    pub(crate) unit: &'static str,
    pub(crate) reason: &'static str,
    pub(crate) to_status: Option<Status>,
    pub(crate) serials: &'static str,
    pub(crate) handling_unit: &'static str,
    pub(crate) units: &'static str,
}

/// Something that a source sends, and sends again in the same words.
#[derive(Clone, Debug)]
pub(crate) struct Message {
    pub(crate) source: &'static str,
    pub(crate) id: String,
    pub(crate) occurred_at: Timestamp,
    pub(crate) said: Said,
    pub(crate) key: Key,
    /// The code under which it must be held, unless its id was taken before.
    pub(crate) flaw: Option<&'static str>,
}

impl Fact {
    pub(crate) fn event(&self) -> Event<'_> {
        let event = Event::new(self.kind, self.product, self.place, self.quantity);
        Event {
            to: self.to,
            unit: self.unit,
            reason: self.reason,
            to_status: self.to_status,
            serials: self.serials,
            handling_unit: self.handling_unit,
            units: self.units,
            ..event
        }
    }

    /// Makes it such that it must be held, and tells under which code. For `clock_ahead`, its time is yet to be set.
    fn spoil(&mut self, chance: &mut impl Rng) -> &'static str {
        match chance.random_range(0..4) {
            0 | 2 if !self.handling_unit.is_empty() => {
                (self.kind, self.place, self.product, self.serials) = (EventKind::UnitPacked, PLACES[0], "", "");
                self.units = self.handling_unit;
                "unit_cycle"
            }
            0 => {
                self.unit = "bushel";
                "unknown_unit"
            }
            1 => {
                self.reason = "whim";
                "unknown_reason"
            }
            2 => {
                self.kind = EventKind::ItemAdded;
                (self.quantity, self.reason) = (Quantity::ZERO, "");
                "quantity_not_positive"
            }
            _ => "clock_ahead",
        }
    }

    /// Whether it is of a handling unit, or of what goes into those.
    pub(crate) fn is_of_units(&self) -> bool {
        !self.handling_unit.is_empty() || PACKED.contains(&self.product)
    }
}

impl Message {
    fn new(source: &'static str, id: String, occurred_at: Timestamp, said: Said, hasher: &KeyHasher) -> Self {
        let key = match &said {
            Said::Fact(fact) => hasher.event(source, &id, occurred_at, &fact.event()),
            Said::Ask(command) => hasher.command(source, &id, occurred_at, command),
        };
        Self { source, id, occurred_at, said, key, flaw: None }
    }

    /// What tells it from all others, also when it has no id.
    pub(crate) fn name(&self) -> String {
        match &*self.id {
            "" => format!("{:032x}", self.key.id),
            id => format!("{id}@{}", self.source),
        }
    }

    pub(crate) fn request(&self) -> Request<'_> {
        let body = match &self.said {
            Said::Fact(fact) => Body::Event(fact.event()),
            Said::Ask(command) => Body::Command(command),
        };
        Request {
            actor: "simulation",
            source: self.source,
            id: &self.id,
            key: self.key,
            occurred_at: self.occurred_at,
            historical: false,
            resolves: None,
            body,
        }
    }

    pub(crate) fn push_to(&self, batch: &mut Batch) {
        batch.push(&self.request());
    }
}

/// Makes messages. Ids count up, so that none repeats but on purpose.
pub(crate) struct Traffic {
    hasher: KeyHasher,
    count: u64,
    reservations: Vec<String>,
}

impl Traffic {
    pub(crate) fn new(hasher: KeyHasher) -> Self {
        Self { hasher, count: 0, reservations: Vec::new() }
    }

    /// The next message of a source whose clock reads about `now`.
    pub(crate) fn next(&mut self, chance: &mut impl Rng, now: Timestamp) -> Message {
        self.count += 1;
        let source = pick(chance, &SOURCES);
        let id = if chance.random_ratio(1, 8) { String::new() } else { format!("{source}-{}", self.count) };
        // Some report late, some clocks run a little ahead.
        let skew = chance.random_range(-90 * SECOND..=60 * SECOND);
        let at = Timestamp(now.0 + skew);
        if chance.random_ratio(1, 8) {
            return Message::new("shop", format!("shop-{}", self.count), at, self.ask(chance, now), &self.hasher);
        }
        let mut fact = if chance.random_ratio(1, 5) { fact_of_units(chance) } else { fact(chance) };
        let flaw = chance.random_ratio(1, 10).then(|| fact.spoil(chance));
        let at = if flaw == Some("clock_ahead") { Timestamp(now.0 + 86_400 * SECOND) } else { at };
        Message { flaw, ..Message::new(source, id, at, Said::Fact(fact), &self.hasher) }
    }

    /// Another message under the id of one that was sent.
    pub(crate) fn conflict(&self, with: &Message, chance: &mut impl Rng) -> Option<Message> {
        let Said::Fact(said) = &with.said else { return None };
        if with.id.is_empty() {
            return None;
        }
        let other = if !said.handling_unit.is_empty() {
            Fact { handling_unit: "tote", ..said.clone() }
        } else if !said.serials.is_empty() {
            Fact { serials: "d4", quantity: Quantity::units(1), ..said.clone() }
        } else {
            Fact { quantity: Quantity::units(chance.random_range(1_000..2_000)), ..said.clone() }
        };
        let message = Message::new(with.source, with.id.clone(), with.occurred_at, Said::Fact(other), &self.hasher);
        let is_mended = |flaw: &&str| ["quantity_not_positive", "unit_cycle"].contains(flaw);
        Some(Message { flaw: with.flaw.filter(|flaw| !is_mended(flaw)), ..message })
    }

    fn ask(&mut self, chance: &mut impl Rng, now: Timestamp) -> Said {
        let known = self.reservations.choose(chance).cloned().unwrap_or_default();
        Said::Ask(match chance.random_range(0..4) {
            0 => Command::Release { reservation: known.into() },
            1 => Command::Fulfil { reservation: known.into() },
            _ => {
                let reservation = format!("order-{}", self.count);
                self.reservations.push(reservation.clone());
                let lines = (0..chance.random_range(1..=3)).map(|_| ReserveLine {
                    product: pick(chance, &PRODUCTS).into(),
                    quantity: Quantity::units(chance.random_range(1..=5)),
                    location: "".into(),
                    lot: "".into(),
                });
                let lines = lines.collect();
                let expires = chance.random_ratio(1, 2).then(|| chance.random_range(30..600) * SECOND);
                Command::Reserve(Reserve {
                    reservation: reservation.into(),
                    warehouse: pick(chance, &["north", "south"]).into(),
                    lines,
                    expires_at: expires.map(|micros| Timestamp(now.0 + micros)),
                    partial: chance.random_ratio(1, 2),
                })
            }
        })
    }
}

fn fact(chance: &mut impl Rng) -> Fact {
    let place = pick(chance, &PLACES);
    let mut fact = Fact {
        kind: EventKind::ItemAdded,
        product: pick(chance, &PRODUCTS),
        place,
        to: "",
        quantity: Quantity::units(chance.random_range(1..=20)),
        unit: "",
        reason: "",
        to_status: None,
        serials: "",
        handling_unit: "",
        units: "",
    };
    match chance.random_range(0..12) {
        0..4 => {}
        4..7 => fact.kind = EventKind::ItemRemoved,
        7 => {
            (fact.kind, fact.to) = (EventKind::ItemMoved, elsewhere(chance, place));
        }
        8 => (fact.kind, fact.to_status) = (EventKind::StatusChanged, Some(Status::Damaged)),
        9 => {
            fact.quantity = Quantity::units(chance.random_range(-5..0));
            (fact.kind, fact.reason) = (EventKind::ItemAdjusted, pick(chance, &["theft", "correction"]));
        }
        _ => (fact.kind, fact.reason) = (EventKind::ItemCounted, pick(chance, &["", "rfid_sweep", "weight_sensor"])),
    }
    fact
}

/// Of a handling unit, or of what goes into those while it is in none.
fn fact_of_units(chance: &mut impl Rng) -> Fact {
    let (handling_unit, inner) = pick(chance, &UNITS);
    let packed = if chance.random_ratio(1, 2) { tins(chance) } else { drums(chance) };
    let (kind, place) = (packed.kind, packed.place);
    let whole = Fact { product: "", serials: "", quantity: Quantity::ZERO, handling_unit, ..packed };
    match chance.random_range(0..16) {
        0..4 => packed,
        deed @ 4..10 => {
            let kind = if deed < 8 { EventKind::UnitPacked } else { EventKind::UnitUnpacked };
            let packed = match inner.choose(chance) {
                Some(units) if chance.random_ratio(3, 4) => Fact { units, ..whole },
                _ => packed,
            };
            Fact { kind, to: "", handling_unit, ..packed }
        }
        10 => Fact { kind: EventKind::UnitUnpacked, to: "", ..whole },
        11..13 => {
            let to = elsewhere(chance, place);
            let place = if chance.random_ratio(1, 2) { place } else { "" };
            Fact { kind: EventKind::ItemMoved, place, to, ..whole }
        }
        13 => Fact { kind: EventKind::ShipmentDispatched, to: pick(chance, &["north", "south"]), ..whole },
        14 => Fact { kind: EventKind::StatusChanged, to: "", to_status: Some(Status::Damaged), ..whole },
        _ if kind == EventKind::ItemRemoved => Fact { to: "", ..whole },
        _ => Fact { kind: EventKind::ItemAdded, to: "", ..whole },
    }
}

/// Some tins come or go.
fn tins(chance: &mut impl Rng) -> Fact {
    let kind = pick(chance, &[EventKind::ItemAdded, EventKind::ItemRemoved]);
    let quantity = Quantity::units(chance.random_range(1..=20));
    Fact { kind, product: PACKED[0], quantity, to: "", reason: "", to_status: None, ..fact(chance) }
}

/// Some drums come, go or move.
fn drums(chance: &mut impl Rng) -> Fact {
    let (serials, count) = pick(chance, &DRUMS);
    let kind = pick(chance, &[EventKind::ItemAdded, EventKind::ItemMoved, EventKind::ItemRemoved]);
    let tins = tins(chance);
    let to = if kind == EventKind::ItemMoved { elsewhere(chance, tins.place) } else { "" };
    Fact { kind, product: PACKED[1], serials, quantity: Quantity::units(count), to, ..tins }
}

fn elsewhere(chance: &mut impl Rng, place: &str) -> &'static str {
    let others: Vec<&str> = PLACES.into_iter().filter(|other| *other != place).collect();
    pick(chance, &others)
}

pub(crate) fn pick<T: Copy>(chance: &mut impl Rng, from: &[T]) -> T {
    *from.choose(chance).expect("there is something to pick from")
}
