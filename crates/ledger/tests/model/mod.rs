//! Requests over so few names and times that collisions are common, and a naive recount by the definitions.

#![allow(dead_code, unreachable_pub, reason = "each test uses its own part")]

pub mod requests;
mod units;

use ledger::*;
use requests::Input;
use std::collections::BTreeMap;

/// A stock key by names: product, location, lot, and the kind of account.
pub type StockKey = (String, String, String, AccountKind);

/// When, by which id, where; `None`: it left.
type Sighting = (Timestamp, String, Option<StockKey>);

/// What a key's figure follows from.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    movements: Vec<(Timestamp, i64)>,
    counts: Vec<(Timestamp, u8, String, i64)>,
}

impl Facts {
    /// What the newest count at or before `at` found and what moved after it; without a count, all that moved.
    pub fn figure(&self, at: Timestamp) -> i64 {
        let count = self.counts.iter().filter(|count| count.0 <= at).max();
        let since = |moved: Timestamp| count.is_none_or(|count| moved > count.0);
        let moved = self.movements.iter().filter(|(moved, _)| *moved <= at && since(*moved));
        count.map_or(0, |count| count.3) + moved.map(|(_, delta)| delta).sum::<i64>()
    }
}

/// Everything that a set of events says, in no order.
#[derive(Default)]
pub struct Model {
    pub facts: BTreeMap<StockKey, Facts>,
    sightings: BTreeMap<(String, String), Vec<Sighting>>,
    units: Vec<Input>,
}

impl Model {
    pub fn of<'a>(inputs: impl IntoIterator<Item = &'a Input>) -> Self {
        let mut model = Self::default();
        for input in inputs {
            model.take(input);
        }
        let (sightings, units) = (std::mem::take(&mut model.sightings), std::mem::take(&mut model.units));
        units::tell(&mut model, sightings, units);
        model
    }

    /// The figures that are not zero.
    pub fn stock(&self, at: Timestamp) -> BTreeMap<StockKey, i64> {
        let figures = self.facts.iter().map(|(key, facts)| (key.clone(), facts.figure(at)));
        figures.filter(|(_, figure)| *figure != 0).collect()
    }

    fn moved(&mut self, key: StockKey, delta: i64, at: Timestamp) {
        self.facts.entry(key).or_default().movements.push((at, delta));
    }

    fn transfer(&mut self, from: Option<StockKey>, to: Option<StockKey>, quantity: i64, at: Timestamp) {
        if let Some(from) = from {
            self.moved(from, -quantity, at);
        }
        if let Some(to) = to {
            self.moved(to, quantity, at);
        }
    }

    fn take(&mut self, input: &Input) {
        if !input.handling_unit.is_empty() {
            return self.units.push(input.clone());
        }
        let warehouse = |path: &str| path.split('/').next().unwrap_or_default().to_owned();
        let key = |location: &str, kind| (input.product.clone(), location.to_owned(), input.lot.clone(), kind);
        let here = key(&input.location, AccountKind::on_hand(input.status));
        let there = key(&input.to, AccountKind::on_hand(input.status));
        let on_order = (input.product.clone(), warehouse(&input.location), String::new(), AccountKind::OnOrder);
        let (quantity, at) = (input.quantity, Timestamp(input.at));
        let (from, to) = match input.kind {
            EventKind::ItemAdded => (None, Some(here)),
            EventKind::ItemAdjusted if quantity > 0 => (None, Some(here)),
            EventKind::ItemRemoved | EventKind::ItemAdjusted => (Some(here), None),
            EventKind::ItemMoved => (Some(here), Some(there)),
            EventKind::StatusChanged => (Some(here), Some(key(&input.location, AccountKind::on_hand(input.to_status)))),
            EventKind::ShipmentDispatched => (Some(here), Some(key(&warehouse(&input.to), AccountKind::InTransit))),
            EventKind::ShipmentReceived => (Some(key(&warehouse(&input.location), AccountKind::InTransit)), Some(here)),
            EventKind::PurchaseOrderPlaced => return self.moved(on_order, quantity, at),
            EventKind::PurchaseOrderCancelled => return self.moved(on_order, -quantity, at),
            EventKind::PurchaseOrderReceived => {
                self.moved(on_order, -quantity, at);
                (None, Some(here))
            }
            EventKind::ItemCounted if input.serials.is_empty() => {
                let count = (at, input.trust(), format!("{}@{}", input.id, input.source), quantity);
                return self.facts.entry(here).or_default().counts.push(count);
            }
            EventKind::ItemCounted => (None, Some(here)),
            EventKind::UnitPacked | EventKind::UnitUnpacked => unreachable!("these name a handling unit"),
        };
        if input.serials.is_empty() {
            return self.transfer(from, to, quantity.abs(), at);
        }
        for serial in input.serials.split('\n') {
            let rank = format!("{}@{}", input.id, input.source);
            let chain = self.sightings.entry((input.product.clone(), serial.to_owned())).or_default();
            chain.push((at, rank, to.clone()));
        }
    }
}

/// The kinds of account whose balances must not depend on the order of arrival.
fn is_physical(kind: AccountKind) -> bool {
    kind.is_on_hand() || matches!(kind, AccountKind::InTransit | AccountKind::OnOrder)
}

fn key_of(state: &State, account: AccountId) -> StockKey {
    let (catalog, key) = (state.catalog(), state.catalog().account(account));
    let name = catalog.product(key.product).name.to_string();
    (name, catalog.location(key.location).path.to_string(), catalog.lot(key.lot).name.to_string(), key.kind)
}

/// The balances that are not zero, of stock on hand, in transit and on order.
pub fn stock(state: &State) -> BTreeMap<StockKey, i64> {
    let ids = state.catalog().accounts().filter(|(_, key)| is_physical(key.kind)).map(|(id, _)| id);
    let balances = ids.map(|id| (key_of(state, id), state.balance(id).micros()));
    balances.filter(|(_, balance)| *balance != 0).collect()
}

/// What the postings of `decisions` effective at or before `at` add up to, where not to zero.
pub fn history(state: &State, decisions: &[Decision], at: Timestamp) -> BTreeMap<StockKey, i64> {
    let mut sums = BTreeMap::new();
    for posting in decisions.iter().flat_map(|decision| &decision.postings) {
        if posting.effective_at <= at && is_physical(state.catalog().account(posting.account).kind) {
            *sums.entry(key_of(state, posting.account)).or_default() += posting.delta.micros();
        }
    }
    sums.retain(|_, sum| *sum != 0);
    sums
}

pub fn image(state: &State) -> Vec<u8> {
    let mut image = Vec::new();
    state.save(&mut image);
    image
}

/// What is open under each reference must add up to the account's balance. A serialised unit on its way that is seen
/// elsewhere leaves the balance but not the papers, so transit is looked at only where no unit is serialised.
pub fn assert_open_adds_up(state: &State, serialised: bool) {
    for (id, key) in state.catalog().accounts() {
        if key.kind == AccountKind::OnOrder || (key.kind == AccountKind::InTransit && !serialised) {
            let open: i64 = state.expected(id).iter().map(|open| open.quantity.micros()).sum();
            assert_eq!(open, state.balance(id).micros(), "open under references in {:?}", key_of(state, id));
        }
    }
}
