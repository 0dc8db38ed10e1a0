//! What sources send: mostly true, sometimes twice, late, wrong, or under an id that was used before.

use ledger::{Body, Command, Event, EventKind, Key, Quantity, Request, Reserve, ReserveLine, Status, Timestamp};
use rand::seq::IndexedRandom;
use rand::{Rng, RngExt};
use wire::{Batch, KeyHasher};

const SOURCES: [&str; 3] = ["till", "forklift", "gate"];
const PRODUCTS: [&str; 4] = ["nut", "bolt", "screw", "washer"];
const PLACES: [&str; 4] = ["north", "north/shelf-1", "south", "south/shelf-2"];
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
        Event { to: self.to, unit: self.unit, reason: self.reason, to_status: self.to_status, ..event }
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

    pub(crate) fn push_to(&self, batch: &mut Batch) {
        let body = match &self.said {
            Said::Fact(fact) => Body::Event(fact.event()),
            Said::Ask(command) => Body::Command(command),
        };
        batch.push(&Request {
            actor: "simulation",
            source: self.source,
            id: &self.id,
            key: self.key,
            occurred_at: self.occurred_at,
            historical: false,
            resolves: None,
            body,
        });
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
        let mut fact = fact(chance);
        let mut at = at;
        let mut flaw = None;
        if chance.random_ratio(1, 10) {
            flaw = Some(match chance.random_range(0..4) {
                0 => {
                    fact.unit = "bushel";
                    "unknown_unit"
                }
                1 => {
                    fact.reason = "whim";
                    "unknown_reason"
                }
                2 => {
                    fact.kind = EventKind::ItemAdded;
                    (fact.quantity, fact.reason) = (Quantity::ZERO, "");
                    "quantity_not_positive"
                }
                _ => {
                    at = Timestamp(now.0 + 86_400 * SECOND);
                    "clock_ahead"
                }
            });
        }
        Message { flaw, ..Message::new(source, id, at, Said::Fact(fact), &self.hasher) }
    }

    /// Another message under the id of one that was sent.
    pub(crate) fn conflict(&self, with: &Message, chance: &mut impl Rng) -> Option<Message> {
        let Said::Fact(said) = &with.said else { return None };
        if with.id.is_empty() {
            return None;
        }
        let quantity = Quantity::units(chance.random_range(1_000..2_000));
        let other = Said::Fact(Fact { quantity, ..said.clone() });
        let message = Message::new(with.source, with.id.clone(), with.occurred_at, other, &self.hasher);
        Some(Message { flaw: with.flaw.filter(|flaw| *flaw != "quantity_not_positive"), ..message })
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
    };
    match chance.random_range(0..12) {
        0..4 => {}
        4..7 => fact.kind = EventKind::ItemRemoved,
        7 => {
            let elsewhere: Vec<&str> = PLACES.into_iter().filter(|other| *other != place).collect();
            (fact.kind, fact.to) = (EventKind::ItemMoved, pick(chance, &elsewhere));
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

pub(crate) fn pick<T: Copy>(chance: &mut impl Rng, from: &[T]) -> T {
    *from.choose(chance).expect("there is something to pick from")
}
