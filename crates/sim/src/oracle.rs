//! What the stock must be, by the definition: a naive recount that the production ledger has to agree with.
//!
//! It keeps plain lists, recounts everything at every question, and shares no code with what it judges. At a time T, a
//! key holds what its newest count at or before T found, plus what moved after that count, until T. A movement at the
//! very time of a count was seen by it. A unit with a serial number is where it was last seen.

use ledger::{Event, EventKind, ProductCard, Quantity, Status, Timestamp};
use std::collections::{BTreeMap, BTreeSet};

/// Product, location, lot (empty for none), status.
pub type StockKey = (String, String, String, Status);
/// What makes one count outdo another: time, trust, the event's id.
type Rank = (Timestamp, u8, String);
/// When, the event's id, and where; nowhere is outside.
type Sighting = (Timestamp, String, Option<StockKey>);
/// By how many micro-units something changed at a time.
type Change<K> = (K, Timestamp, i64);

/// The events that count, as plain lists. Feed it each event that a ledger accepts; their order does not matter.
#[derive(Clone, Debug, Default)]
pub struct Oracle {
    seen: BTreeSet<(String, String)>,
    /// Of each product, unit by unit: how many base units in how many of it.
    units: BTreeMap<(String, String), (u64, u64)>,
    movements: Vec<Change<StockKey>>,
    counts: Vec<(StockKey, Rank, i64)>,
    /// Of each product and serial number.
    sightings: BTreeMap<(String, String), BTreeSet<Sighting>>,
    in_transit: Vec<Change<(String, String)>>,
    on_order: Vec<Change<(String, String)>>,
}

impl Oracle {
    /// Learns the units of a product; needed before an event that uses one.
    pub fn declare(&mut self, card: &ProductCard) {
        for unit in &card.units {
            self.units.insert((card.product.to_string(), unit.name.to_string()), (unit.numerator, unit.denominator));
        }
    }

    /// Takes an event down; the same source and id again changes nothing.
    ///
    /// # Panics
    /// For a unit that was not declared, and for a quantity that does not fit: no ledger accepts those.
    pub fn accept(&mut self, source: &str, id: &str, at: Timestamp, event: &Event<'_>) {
        if !self.seen.insert((source.to_owned(), id.to_owned())) {
            return;
        }
        let quantity = self.base_quantity(event);
        let key: StockKey = (event.product.into(), event.location.into(), event.lot.into(), event.status);
        let moved: StockKey = (event.product.into(), event.to.into(), event.lot.into(), event.status);
        let changed = (key.0.clone(), key.1.clone(), key.2.clone(), event.to_status.unwrap_or_default());
        let there = |path: &str| (event.product.to_owned(), path.split('/').next().unwrap_or_default().to_owned());
        match event.kind {
            EventKind::PurchaseOrderPlaced => self.on_order.push((there(event.location), at, quantity)),
            EventKind::PurchaseOrderCancelled => self.on_order.push((there(event.location), at, -quantity)),
            EventKind::PurchaseOrderReceived => self.on_order.push((there(event.location), at, -quantity)),
            EventKind::ShipmentDispatched => self.in_transit.push((there(event.to), at, quantity)),
            EventKind::ShipmentReceived => self.in_transit.push((there(event.location), at, -quantity)),
            EventKind::ItemCounted => self.counts.push((key.clone(), (at, trust(event.reason), id.into()), quantity)),
            _ => {}
        }
        let (from, to) = match event.kind {
            EventKind::ItemAdded | EventKind::ShipmentReceived | EventKind::PurchaseOrderReceived => (None, Some(key)),
            EventKind::ItemAdjusted if quantity >= 0 => (None, Some(key)),
            EventKind::ItemAdjusted | EventKind::ItemRemoved | EventKind::ShipmentDispatched => (Some(key), None),
            EventKind::ItemMoved => (Some(key), Some(moved)),
            EventKind::StatusChanged => (Some(key), Some(changed)),
            EventKind::ItemCounted
            | EventKind::PurchaseOrderPlaced
            | EventKind::PurchaseOrderCancelled
            | EventKind::UnitPacked
            | EventKind::UnitUnpacked => return,
        };
        for serial in event.serials() {
            let unit = (event.product.to_owned(), serial.to_owned());
            self.sightings.entry(unit).or_default().insert((at, id.to_owned(), to.clone()));
        }
        if event.serials.is_empty() {
            self.movements.extend(from.map(|key| (key, at, -quantity.abs())));
            self.movements.extend(to.map(|key| (key, at, quantity)));
        }
    }

    fn base_quantity(&self, event: &Event<'_>) -> i64 {
        let ratio = self.units.get(&(event.product.to_owned(), event.unit.to_owned()));
        let (numerator, denominator) = if event.unit.is_empty() { (1, 1) } else { *ratio.expect("a declared unit") };
        event.quantity.times(numerator, denominator).expect("an exact quantity").micros()
    }

    /// The stock at a time, of every key that holds something or lacks it.
    pub fn stock_at(&self, time: Timestamp) -> BTreeMap<StockKey, Quantity> {
        let mut newest: BTreeMap<&StockKey, (&Rank, i64)> = BTreeMap::new();
        for (key, rank, quantity) in self.counts.iter().filter(|(_, rank, _)| rank.0 <= time) {
            let known = newest.entry(key).or_insert((rank, *quantity));
            *known = (*known).max((rank, *quantity));
        }
        let units = self.unit_movements();
        let mut stock: BTreeMap<&StockKey, i64> = newest.iter().map(|(key, (_, quantity))| (*key, *quantity)).collect();
        for (key, at, delta) in self.movements.iter().chain(&units).filter(|(_, at, _)| *at <= time) {
            if newest.get(key).is_none_or(|(rank, _)| rank.0 < *at) {
                *stock.entry(key).or_default() += delta;
            }
        }
        stock.retain(|_, quantity| *quantity != 0);
        stock.into_iter().map(|(key, quantity)| (key.clone(), Quantity::from_micros(quantity))).collect()
    }

    /// Each unit goes from where it was to where it is seen next.
    fn unit_movements(&self) -> Vec<Change<StockKey>> {
        let mut movements = Vec::new();
        for sightings in self.sightings.values() {
            let mut place: &Option<StockKey> = &None;
            for (at, _, seen) in sightings.iter() {
                if seen != place {
                    movements.extend(place.clone().map(|key| (key, *at, -1_000_000)));
                    movements.extend(seen.clone().map(|key| (key, *at, 1_000_000)));
                }
                place = seen;
            }
        }
        movements
    }

    /// What is on its way at a time, by product and target warehouse; zeros are left out.
    pub fn in_transit_at(&self, time: Timestamp) -> BTreeMap<(String, String), Quantity> {
        sums(&self.in_transit, time)
    }

    /// What is on order at a time, by product and warehouse; zeros are left out.
    pub fn on_order_at(&self, time: Timestamp) -> BTreeMap<(String, String), Quantity> {
        sums(&self.on_order, time)
    }
}

fn sums(list: &[Change<(String, String)>], time: Timestamp) -> BTreeMap<(String, String), Quantity> {
    let mut sums: BTreeMap<(String, String), i64> = BTreeMap::new();
    list.iter()
        .filter(|(_, at, _)| *at <= time)
        .for_each(|(key, _, delta)| *sums.entry(key.clone()).or_default() += delta);
    sums.retain(|_, sum| *sum != 0);
    sums.into_iter().map(|(key, sum)| (key, Quantity::from_micros(sum))).collect()
}

/// How far a count is trusted, by its reason.
fn trust(reason: &str) -> u8 {
    match reason {
        "weight_sensor" => 30,
        "rfid_sweep" => 20,
        "import" => 10,
        _ => 40,
    }
}
