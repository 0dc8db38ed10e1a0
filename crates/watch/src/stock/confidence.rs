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
/// A smaller read rate says no more than that nothing is known.
const READ_RATE_MIN: f64 = 0.01;

/// What speaks for and against the books.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Evidence {
    /// When it was last counted; [`Timestamp::MIN`] for never.
    pub last_count: Timestamp,
    /// When it was first seen.
    pub first_at: Timestamp,
    /// Movements since the last count.
    pub moves: u32,
    /// How far counts and books usually differ, of what the books held, from 0 to 1.
    pub shrinkage: f64,
    /// Whether a difference that a count found is unexplained.
    pub is_disputed: bool,
    /// Whether the figure is below zero.
    pub is_negative: bool,
    /// The share of movements that are seen at all, above 0 to 1, where somebody has said it.
    pub read_rate: Option<f64>,
}

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
    /// What follows from the evidence at a time.
    ///
    /// With d days and m movements since the count, a usual difference s and a read rate r it is
    /// exp(−(d·ln 2 / 365 + m / 1000)·(1 + 20 s)) · rᵐ, times 0.3 while a difference is unexplained and times 0.05 while
    /// the figure is below zero. rᵐ is the chance that m movements were seen and none between them was not.
    pub fn judge(evidence: &Evidence, now: Timestamp) -> Self {
        let since = evidence.last_count.max(evidence.first_at);
        let days = float(now.0.saturating_sub(since.0).max(0)) / float(DAY);
        let worse = 1.0 + SHRINKAGE_WEIGHT * evidence.shrinkage;
        let by_time = days / HALF_LIFE_DAYS * core::f64::consts::LN_2;
        let by_moves = f64::from(evidence.moves) * MOVE_ERROR;
        let read_rate = evidence.read_rate.filter(|rate| rate.is_finite()).unwrap_or(1.0).clamp(READ_RATE_MIN, 1.0);
        let by_misses = -libm::log(read_rate) * f64::from(evidence.moves);
        let mut value = libm::exp(-(by_time + by_moves) * worse - by_misses);
        if evidence.is_disputed {
            value *= DISPUTED;
        }
        if evidence.is_negative {
            value *= NEGATIVE;
        }
        Self {
            value,
            days_since_count: super::tell::days_between(since, now),
            was_counted: evidence.last_count > Timestamp::MIN,
            moves: evidence.moves,
            shrinkage: evidence.shrinkage,
            is_disputed: evidence.is_disputed,
            is_negative: evidence.is_negative,
        }
    }

    pub(crate) fn of(subject: &Subject, is_disputed: bool, read_rate: Option<f64>, now: Timestamp) -> Self {
        let evidence = Evidence {
            last_count: subject.last_count,
            first_at: subject.first_at,
            moves: subject.moves,
            shrinkage: subject.shrinkage,
            is_disputed,
            is_negative: subject.on_hand < 0 || subject.available < 0,
            read_rate,
        };
        Self::judge(&evidence, now)
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
    /// How likely a subject's books are right, with the share of movements that are seen where a rule says it.
    pub(crate) fn confidence_at(&self, index: u32, read_rate: Option<f64>, now: Timestamp) -> Confidence {
        let subject = &self.subjects[index as usize];
        Confidence::of(subject, self.is_disputed(index), read_rate, now)
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
        let at = |subject: &Subject, days: i64| Confidence::of(subject, false, None, start.plus(days * DAY)).value;
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
        assert!(Confidence::of(&subject, true, None, start.plus(200 * DAY)).value < at(&subject, 200));
        subject.on_hand = -1;
        assert!(at(&subject, 200) < 0.06);
    }
    #[test]
    fn movements_that_are_not_seen_make_the_books_wrong() {
        let at = |moves, read_rate| {
            let evidence = Evidence {
                last_count: Timestamp(0),
                first_at: Timestamp(0),
                moves,
                shrinkage: 0.0,
                is_disputed: false,
                is_negative: false,
                read_rate,
            };
            Confidence::judge(&evidence, Timestamp(0)).value
        };
        assert!((at(10, Some(0.95)) / at(10, None) - libm::pow(0.95, 10.0)).abs() < 1e-12);
        assert!((at(0, Some(0.5)) - 1.0).abs() < 1e-12, "nothing moved, so nothing was missed");
        assert!((at(10, Some(1.0)) - at(10, None)).abs() < 1e-12);
        assert!(at(10, Some(0.0)) > 0.0 && !at(10, Some(f64::NAN)).is_nan());
    }
}
