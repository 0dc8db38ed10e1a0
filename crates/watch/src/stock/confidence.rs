//! How likely the books are right for a product at a place, and what a count would be worth.
//!
//! The chance that a record is right falls with the time since it was counted and with each movement since, the faster
//! the more counts and books differed before; an open dispute or a figure below zero says that it is wrong. The
//! shape is that of the survival of a record under errors that come by movement and by time.
//!
//! # Source
//! N. DeHoratius, A. Raman: Inventory Record Inaccuracy, Management Science 54(4), 2008: of 370,000 records of a
//! retailer 65 % were wrong, more of those with more movements and longer since the last audit.

use super::StockWatch;
use super::subject::{DAY, Subject};
use crate::rule::float;
use ledger::Timestamp;

/// Days without a count after which half of the records are wrong, other things equal.
const HALF_LIFE_DAYS: f64 = 365.0;
/// The chance that one movement makes a record wrong, for stock whose counts always agreed.
const MOVE_ERROR: f64 = 0.001;
/// How much more likely errors are where counts and books differed by all of the stock.
const SHRINKAGE_WEIGHT: f64 = 20.0;
/// What an open dispute leaves of the confidence, and what a figure below zero leaves.
const DISPUTED: f64 = 0.3;
const NEGATIVE: f64 = 0.05;

/// How likely the books are right, and from what that follows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Confidence {
    /// From 0, certainly wrong, to 1, certainly right.
    pub value: f64,
    /// Whole days since the last count; since the stock was first seen when it was never counted.
    pub days_since_count: i64,
    /// Whether it was ever counted.
    pub was_counted: bool,
    /// Movements since the last count.
    pub moves: u32,
    /// How far counts and books usually differ, of what the books held, from 0 to 1.
    pub shrinkage: f64,
    /// Whether a difference that a count found is unexplained.
    pub is_disputed: bool,
    /// Whether the figure is below zero.
    pub is_negative: bool,
}

impl Confidence {
    pub(crate) fn of(subject: &Subject, is_disputed: bool, now: Timestamp) -> Self {
        let since = subject.last_count.max(subject.first_at);
        let days = float(now.0.saturating_sub(since.0).max(0)) / float(DAY);
        let worse = 1.0 + SHRINKAGE_WEIGHT * subject.shrinkage;
        let by_time = days / HALF_LIFE_DAYS * core::f64::consts::LN_2;
        let by_moves = f64::from(subject.moves) * MOVE_ERROR;
        let mut value = libm::exp(-(by_time + by_moves) * worse);
        if is_disputed {
            value *= DISPUTED;
        }
        let is_negative = subject.on_hand < 0 || subject.available < 0;
        if is_negative {
            value *= NEGATIVE;
        }
        Self {
            value,
            days_since_count: super::tell::days_between(since, now),
            was_counted: subject.last_count > Timestamp::MIN,
            moves: subject.moves,
            shrinkage: subject.shrinkage,
            is_disputed,
            is_negative,
        }
    }

    /// What weighs most against the books, in words.
    pub fn why(&self) -> String {
        if self.is_negative {
            return "the figure is below zero".into();
        }
        if self.is_disputed {
            return "a difference that a count found is unexplained".into();
        }
        let counted = if self.was_counted { "counted" } else { "never counted, first seen" };
        format!("{counted} {} days ago, {} movements since", self.days_since_count, self.moves)
    }
}

impl StockWatch {
    pub(crate) fn confidence_at(&self, index: u32, now: Timestamp) -> Confidence {
        let subject = &self.subjects[index as usize];
        Confidence::of(subject, self.is_disputed(index), now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ledger::{LocationId, ProductId};

    #[test]
    fn confidence_falls_with_time_and_movements_and_counts_restore_it() {
        let start = Timestamp(1_000 * DAY);
        let mut subject = Subject::new(ProductId(0), LocationId(0), start);
        let at = |subject: &Subject, days: i64| Confidence::of(subject, false, start.plus(days * DAY)).value;
        assert!((at(&subject, 0) - 1.0).abs() < 1e-12);
        assert!((at(&subject, 365) - 0.5).abs() < 1e-9);
        subject.moves = 100;
        let moved = at(&subject, 0);
        assert!(moved > 0.8 && moved < 0.95, "{moved}");
        subject.shrinkage = 0.1;
        assert!(at(&subject, 30) < moved);
        let before = at(&subject, 200);
        (subject.last_count, subject.moves) = (start.plus(199 * DAY), 0);
        assert!(at(&subject, 200) > before);
        assert!(Confidence::of(&subject, true, start.plus(200 * DAY)).value < at(&subject, 200));
        subject.on_hand = -1;
        assert!(at(&subject, 200) < 0.06);
    }
}
