//! What conditions of users' own can ask about stock.

use super::StockWatch;
use super::lots::day_start;
use super::resolve::covered;
use super::subject::{DAY, OWN};
use crate::condition::Condition;
use crate::desk::Desk;
use crate::own::{FactSet, StockFacts};
use crate::rule::float;
use ledger::{AlertSubject, Day, Quantity, State, Timestamp};

/// Facts that take a search, and are gathered only for conditions that read them.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Needs {
    expiry: bool,
    disputes: bool,
    confidence: bool,
    usage: bool,
}

impl Needs {
    pub(crate) fn of(reads: FactSet) -> Self {
        Self {
            expiry: reads.contains("stock.days_to_expiry"),
            disputes: reads.contains("stock.is_disputed"),
            confidence: reads.contains("stock.confidence"),
            usage: reads.contains("stock.daily_usage") || reads.contains("stock.days_of_supply"),
        }
    }

    pub(crate) fn with(self, other: Self) -> Self {
        Self {
            expiry: self.expiry || other.expiry,
            disputes: self.disputes || other.disputes,
            confidence: self.confidence || other.confidence,
            usage: self.usage || other.usage,
        }
    }
}

impl StockWatch {
    /// The facts of a subject; those that take a search are there only when they are needed.
    pub(crate) fn own_facts<'s>(&self, desk: &Desk<'s>, index: u32, needs: Needs) -> StockFacts<'s> {
        let (state, now) = (desk.state, desk.now);
        let subject = &self.subjects[index as usize];
        let catalog = state.catalog();
        let place = catalog.location(subject.place);
        let warehouse = catalog.location(place.warehouse);
        let region = warehouse.card.as_ref().map(|card| &*card.region).filter(|region| !region.is_empty());
        let product = catalog.product(subject.product);
        let category = product.card.as_ref().map(|card| &*card.category).filter(|category| !category.is_empty());
        let units = |micros: i64| float(micros) / 1e6;
        let days = |from: Timestamp| float(now.0.saturating_sub(from.0).max(0)) / float(DAY);
        let since = |at: Timestamp| (at > Timestamp::MIN).then(|| days(at));
        let daily = if needs.usage { subject.daily_use(now) } else { 0.0 };
        let free = subject.free();
        StockFacts {
            product: &product.name,
            location: &place.path,
            warehouse: &warehouse.path,
            region,
            category,
            on_hand: units(subject.on_hand),
            available: units(free),
            reserved: units(subject.reserved),
            on_order: units(subject.on_order),
            in_transit: units(subject.in_transit),
            position: units(free.saturating_add(subject.coming())),
            daily_usage: (subject.last_out > Timestamp::MIN).then_some(daily / 1e6),
            days_of_supply: (daily > 0.0).then(|| float(free.max(0)) / daily),
            days_since_movement: since(subject.last_moved),
            days_since_count: since(subject.last_count),
            confidence: needs.confidence.then(|| self.own_confidence(desk, index)),
            is_disputed: needs.disputes && self.is_disputed(index),
            is_negative: subject.on_hand < 0 || subject.available < 0,
            days_to_expiry: if needs.expiry { self.days_to_expiry(state, index, now) } else { None },
        }
    }

    fn own_confidence(&self, desk: &Desk<'_>, index: u32) -> f64 {
        let subject = &self.subjects[index as usize];
        let rule = desk.rules.find(Condition::LowConfidence, covered(desk.state, subject.product, subject.place));
        self.confidence_at(index, rule.and_then(|rule| rule.number("read_rate")), desk.now).value
    }

    /// Days until the earliest lot expires of which anything is on hand; it can be used on that day to its end.
    fn days_to_expiry(&self, state: &State, index: u32, now: Timestamp) -> Option<f64> {
        let subject = &self.subjects[index as usize];
        let catalog = state.catalog();
        let place = catalog.location(subject.place);
        let stands_here = |path: &str| {
            subject.place == place.warehouse
                || path.strip_prefix(&*place.path).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        let expiries = catalog.shelf(subject.product, place.warehouse).filter_map(|account| {
            let key = catalog.account(account);
            let expiry = catalog.lot(key.lot).expiry?;
            let is_there = key.kind.is_on_hand() && state.balance(account) > Quantity::ZERO;
            (is_there && stands_here(&catalog.location(key.location).path)).then_some(expiry)
        });
        let end = day_start(Day(expiries.min()?.0.saturating_add(1)));
        Some(float(end.0.saturating_sub(now.0)) / float(DAY))
    }

    /// Whether a condition of a user's own covers a subject.
    pub(crate) fn is_own(&self, index: u32) -> bool {
        self.subjects[index as usize].watched & OWN != 0
    }

    /// The subject that an alert is about.
    pub(crate) fn index_of(&self, desk: &Desk<'_>, about: &AlertSubject) -> Option<u32> {
        let catalog = desk.state.catalog();
        let key = (catalog.find_product(&about.product)?, catalog.find_location(&about.location)?);
        self.index.get(&key).copied()
    }
}
