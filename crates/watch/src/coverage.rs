//! What is watched by nothing: stock without a rule, sources that nobody expects to speak, places that nobody sees.
//!
//! Questions only; nothing here changes what is watched.

mod blind;

pub use crate::source::SourceFacts;
pub use crate::stock::Slice;
pub use blind::{Days, PlacedBalance, Sentinel, Sight, Spot, blind_spots, zone_of};

use crate::condition::{About, CONDITIONS, Condition};
use crate::scope::{Covered, Rules};
use crate::stock::subject::{BY_FIGURES, BY_TIME};
use crate::{Watch, stock};
use ledger::{LocationId, PartyId, ProductId, State};

/// Whether something is watched for a condition, and who wanted that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cover {
    /// No rule covers it.
    None,
    /// A built-in rule does.
    BuiltIn,
    /// A declared rule does.
    Declared,
    /// The rule that covers it is off.
    Off,
}

impl Cover {
    /// The name used outside.
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::BuiltIn => "built_in",
            Self::Declared => "declared",
            Self::Off => "off",
        }
    }
}

/// The conditions of stock that rules set: of a product at a place, of a lot, of a stock account.
pub fn stock_conditions() -> impl Iterator<Item = Condition> {
    let is_of_stock = |about| matches!(about, About::Stock | About::Lot | About::Account);
    CONDITIONS
        .iter()
        .filter(move |info| is_of_stock(info.about) && info.condition != Condition::Own)
        .map(|info| info.condition)
}

impl Rules {
    /// Who wants something to be watched for a condition.
    pub fn cover(&self, condition: Condition, covered: Covered<'_>) -> Cover {
        match self.covering_rule(condition, covered) {
            None => Cover::None,
            Some(rule) if rule.card.is_off => Cover::Off,
            Some(rule) if self.is_declared(&rule.card.rule) => Cover::Declared,
            // By default, running out matters where somebody has said how much there should be.
            Some(_) if condition == Condition::StockOut && self.find(Condition::LowStock, covered).is_none() => {
                Cover::None
            }
            Some(_) => Cover::BuiltIn,
        }
    }

    /// Every condition of stock with who wants something to be watched for it.
    pub fn covers(&self, covered: Covered<'_>) -> Vec<(Condition, Cover)> {
        stock_conditions().map(|condition| (condition, self.cover(condition, covered))).collect()
    }
}

/// Whether somebody has said anything of it: a rule, or that there shall be none.
pub fn is_declared(covers: &[(Condition, Cover)]) -> bool {
    covers.iter().any(|(_, cover)| matches!(cover, Cover::Declared | Cover::Off))
}

/// A product at a place for which nobody has declared a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Uncovered {
    /// The product.
    pub product: ProductId,
    /// The warehouse, or a place in one for which there are rules.
    pub place: LocationId,
    /// What is on hand, in micro-units.
    pub on_hand: i64,
    /// Every condition of stock; none is declared.
    pub covers: Vec<(Condition, Cover)>,
}

/// Products at places that are looked at for one answer at most.
const SCANNED_MAX: u32 = 20_000;

impl Watch {
    /// Products at places for which nobody has declared a rule over stock, from number `from` on, `limit` at most, in the
    /// order in which they were first seen. Looks at so many only that it takes a few milliseconds; there may be fewer
    /// than `limit`, even none, and still more to come.
    pub fn uncovered(&self, state: &State, from: u32, limit: usize) -> Slice<Uncovered> {
        let subjects = &self.stock().subjects;
        let count = u32::try_from(subjects.len()).unwrap_or(u32::MAX);
        let end = from.saturating_add(SCANNED_MAX).min(count);
        let mut items = Vec::new();
        let mut judged = 0;
        let mut at = from;
        while at < end && judged < limit {
            let subject = &subjects[at as usize];
            at += 1;
            if subject.watched & (BY_FIGURES | BY_TIME) != 0 {
                continue;
            }
            judged += 1;
            let covers = self.rules().covers(stock::covered(state, subject.product, subject.place));
            if !is_declared(&covers) {
                let (product, place, on_hand) = (subject.product, subject.place, subject.on_hand);
                items.push(Uncovered { product, place, on_hand, covers });
            }
        }
        Slice { items, next: (at < count).then_some(at) }
    }

    /// The sources from number `from` on, `limit` at most, in the order in which they were first named. Who only acts and
    /// never sent anything is left out.
    pub fn source_facts(&self, from: u32, limit: u32) -> Slice<SourceFacts> {
        let count = u32::try_from(self.sources().len()).unwrap_or(u32::MAX);
        let end = from.saturating_add(limit).min(count);
        let facts = (from..end).filter_map(|number| self.sources().facts(PartyId(number)));
        let items = facts.filter(|facts| facts.last_heard.is_some()).collect();
        Slice { items, next: (end < count).then_some(end) }
    }
}
