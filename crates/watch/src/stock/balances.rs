//! What is known of each stock account, for judging its books: figures and numbers of names alone, so that the thread
//! that decides copies them quickly and whoever asked does the rest.

use super::{Confidence, Evidence, NONE};
use crate::Watch;
use crate::condition::Condition;
use ledger::{AccountId, LocationId, ProductId, State, Timestamp};

/// A stock account on hand, and what is known of its books.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Balance {
    /// Which account: product, location, lot and status stand in the catalogue.
    pub account: AccountId,
    /// Whose stock.
    pub product: ProductId,
    /// Where exactly.
    pub location: LocationId,
    /// The warehouse of that.
    pub warehouse: LocationId,
    /// What the books say is there, in micro-units.
    pub on_hand: i64,
    /// What is promised of it, in micro-units.
    pub reserved: i64,
    /// What leaves the warehouse of this product on a usual day, in micro-units.
    pub daily_use: f64,
    /// What speaks for and against the books; the read rate is not looked up.
    pub evidence: Evidence,
}

impl Balance {
    /// Whether there is anything to count: a figure, a promise, or a difference that is unexplained.
    pub fn is_used(&self) -> bool {
        self.on_hand != 0 || self.reserved != 0 || self.evidence.is_disputed
    }
}

/// A part of a long list.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Slice<T> {
    /// The items.
    pub items: Vec<T>,
    /// Where to go on; `None` at the end.
    pub next: Option<u32>,
}

impl Watch {
    /// The accounts on hand among the `scanned` ones from number `from` on, without those of which nothing is used; in
    /// `warehouse` only, if one is given. Takes about a tenth of a microsecond an account.
    pub fn balances(
        &self,
        state: &State,
        warehouse: Option<LocationId>,
        from: u32,
        scanned: u32,
        now: Timestamp,
    ) -> Slice<Balance> {
        let count = u32::try_from(self.stock().links.len()).unwrap_or(u32::MAX);
        let end = from.saturating_add(scanned).min(count);
        let balances = (from..end).filter_map(|number| self.balance(state, AccountId(number), warehouse, now));
        Slice { items: balances.filter(Balance::is_used).collect(), next: (end < count).then_some(end) }
    }

    fn balance(
        &self,
        state: &State,
        account: AccountId,
        warehouse: Option<LocationId>,
        now: Timestamp,
    ) -> Option<Balance> {
        let stock = self.stock();
        let link = stock.links.get(account.index())?;
        if !link.kind.is_on_hand() || link.subject == NONE {
            return None;
        }
        let subject = stock.subjects.get(link.subject as usize)?;
        if warehouse.is_some_and(|warehouse| warehouse != subject.place) {
            return None;
        }
        let on_hand = state.balance(account).micros();
        Some(Balance {
            account,
            product: subject.product,
            location: state.catalog().account(account).location,
            warehouse: subject.place,
            on_hand,
            reserved: link.reserved,
            daily_use: subject.daily_use(now),
            evidence: Evidence {
                last_count: link.last_count,
                first_at: subject.first_at,
                moves: link.moves,
                shrinkage: subject.shrinkage,
                is_disputed: stock.is_account_disputed(account),
                is_negative: on_hand < 0,
                read_rate: None,
            },
        })
    }

    /// How likely the books of a product at a warehouse or watched place are right; `None` where nothing is known of it.
    pub fn confidence(
        &self,
        state: &State,
        product: ProductId,
        place: LocationId,
        now: Timestamp,
    ) -> Option<Confidence> {
        let index = *self.stock().index.get(&(product, place))?;
        Some(self.stock().confidence_at(index, self.read_rate(state, product, place), now))
    }

    /// The share of movements of a product at a place that are seen, where a rule says it.
    pub fn read_rate(&self, state: &State, product: ProductId, place: LocationId) -> Option<f64> {
        let rule = self.rules().find(Condition::LowConfidence, super::resolve::covered(state, product, place));
        rule.and_then(|rule| rule.number("read_rate"))
    }

    /// Whether any rule says which share of movements is seen.
    pub fn has_read_rates(&self) -> bool {
        self.rules().iter().any(|rule| rule.condition == Condition::LowConfidence && rule.has("read_rate"))
    }
}
