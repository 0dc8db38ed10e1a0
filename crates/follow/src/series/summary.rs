//! Readings and what sums them up.

use ledger::Timestamp;
use std::cmp::Ordering;

/// What was measured at one time: of a metric one figure, of a position several.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Point<const N: usize> {
    pub(super) at: Timestamp,
    /// Finite, and no zero below zero; the first is always there, others may be NaN for absent.
    pub(super) values: [f64; N],
}

impl<const N: usize> Point<N> {
    pub(super) fn new(at: Timestamp, values: [f64; N]) -> Self {
        Self { at, values: values.map(|value| value + 0.0) }
    }

    /// By time; at one time by what was measured, so that the order of arrival does not matter.
    pub(super) fn order(&self, other: &Self) -> Ordering {
        let values = || self.values.iter().zip(&other.values).map(|(own, other)| own.total_cmp(other));
        self.at.cmp(&other.at).then_with(|| values().find(|order| order.is_ne()).unwrap_or(Ordering::Equal))
    }

    /// What tells readings apart: of a metric the time and the figure, of positions the time alone, since nothing is in
    /// two places at once. Of several with one key the last by [`order`](Self::order) counts.
    pub(super) fn key(&self) -> (i64, f64) {
        (self.at.0, if N == 1 { self.values[0] } else { 0.0 })
    }
}

/// Sorts readings, and leaves one of each key.
pub(super) fn put_in_order<const N: usize>(points: &mut Vec<Point<N>>) {
    points.sort_by(Point::order);
    // What `dedup` drops is the later of two.
    points.reverse();
    points.dedup_by(|later, earlier| later.key() == earlier.key());
    points.reverse();
}

/// What sums up readings: one at least. The mean is not among it: it would hide the extremes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Summary {
    /// How many.
    pub count: u64,
    /// The least figure.
    pub min: f64,
    /// The greatest figure.
    pub max: f64,
    /// The earliest; of several at that time the least.
    pub first: (Timestamp, f64),
    /// The latest; of several at that time the greatest.
    pub last: (Timestamp, f64),
}

impl Summary {
    /// Of one reading.
    pub fn of(at: Timestamp, value: f64) -> Self {
        Self { count: 1, min: value, max: value, first: (at, value), last: (at, value) }
    }

    /// Of both. Whichever is merged into which, and in which order several are, the outcome is the same.
    #[must_use]
    pub fn and(self, other: &Self) -> Self {
        let is_later = |(at, value): (Timestamp, f64), than: (Timestamp, f64)| {
            at.cmp(&than.0).then_with(|| value.total_cmp(&than.1)).is_gt()
        };
        Self {
            count: self.count.saturating_add(other.count),
            min: self.min.min(other.min),
            max: self.max.max(other.max),
            first: if is_later(self.first, other.first) { other.first } else { self.first },
            last: if is_later(other.last, self.last) { other.last } else { self.last },
        }
    }

    /// Of `other`, and of what is there already, if anything is.
    pub(super) fn add_to(other: &Self, there: &mut Option<Self>) {
        *there = Some(there.map_or(*other, |summary| summary.and(other)));
    }
}
