//! Handling units, told once more in the order of their times to a ledger to which nothing else happens.

use super::message::{Message, PACKED, Said};
use super::trial::Trial;
use ledger::{AccountKind, Limits, Position, Quantity, State, Verdict};
use std::collections::BTreeMap;
use std::sync::Arc;
use views::{UnitItem, UnitQuery, Views};
use wire::record::Entry;

/// Product, location, lot, and whether it is there or on its way.
type Place = (Arc<str>, Arc<str>, Arc<str>, AccountKind);

impl Trial {
    /// Units stand where they would had every report come once and in time, hold the same, and so does the stock in them.
    pub(crate) fn check_units(&mut self, entries: &[Entry]) {
        let handle = self.stages().handle().clone();
        let shown = handle.views();
        let of_units = |message: &&Message| matches!(&message.said, Said::Fact(fact) if fact.is_of_units());
        let recounted = retold(self.accepted(entries).filter(of_units).collect());
        assert_eq!(units(&shown), units(&recounted), "units as shown, and as told in order");
        assert_eq!(packed_stock(&shown), packed_stock(&recounted), "stock of units as shown, and as told in order");
    }
}

fn retold(mut messages: Vec<&Message>) -> Views {
    messages.sort_by_key(|message| message.occurred_at);
    let (mut state, mut views) = (State::new(1), Views::new(1));
    for (message, position) in messages.into_iter().zip(1..) {
        let Verdict::Accepted(decision) = state.decide(&message.request(), message.occurred_at, &Limits::default())
        else {
            panic!("{message:?} was accepted before and is not now");
        };
        state.apply(&decision);
        views.apply(Position(position), &decision);
    }
    views
}

/// All units by name, without what depends on the order in which they were told.
fn units(views: &Views) -> Vec<UnitItem> {
    let page = views.units(&UnitQuery { limit: 1_000, ..UnitQuery::default() }).expect("no cursor");
    let mut items = page.items;
    for item in &mut items {
        item.position = Position::ZERO;
        item.lines.sort_by_key(|line| (line.product.clone(), line.lot.clone(), line.status));
        item.serials.sort();
        item.units.sort_by_key(|inner| inner.unit.clone());
        item.units.iter_mut().for_each(|inner| inner.position = Position::ZERO);
    }
    items
}

/// What goes into units, on hand and on its way, where it is not zero.
fn packed_stock(views: &Views) -> BTreeMap<Place, Quantity> {
    let catalog = views.catalog();
    let ours = catalog.accounts().filter(|(_, key)| key.kind.is_on_hand() || key.kind == AccountKind::InTransit);
    let all = ours.map(|(account, key)| {
        let product = catalog.product(key.product).name.clone();
        let (location, lot) = (catalog.location(key.location).path.clone(), catalog.lot(key.lot).name.clone());
        ((product, location, lot, key.kind), views.balance(account))
    });
    all.filter(|((product, ..), quantity)| PACKED.contains(&&**product) && !quantity.is_zero()).collect()
}
