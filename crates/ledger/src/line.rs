//! The history of one stock account: its movements and counts, from which its figure at any time follows.
//!
//! The figure at T is what the newest count at or before T found, plus the movements after that count up to and
//! including T; without a count, all movements up to T. A movement at the very time of a count was seen by it.

use crate::{Counted, Timestamp};

/// A count that stands in the history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Count {
    pub(crate) at: Timestamp,
    pub(crate) trust: u8,
    pub(crate) id: Box<str>,
    pub(crate) quantity: i64,
}

impl Count {
    pub(crate) fn rank(&self) -> (Timestamp, u8, &str) {
        (self.at, self.trust, &self.id)
    }
}

/// The history of one stock account. Small, for most accounts are never counted and seldom folded.
#[derive(Clone, Debug, Default)]
pub(crate) struct Line {
    /// How much of it reservations hold.
    pub(crate) reserved: i64,
    /// (time, change), by time; those of equal times are one, as far as an `i64` holds their sum.
    pub(crate) movements: Vec<(Timestamp, i64)>,
    /// Its counts, and what was folded; `None` while there is neither.
    past: Option<Box<Past>>,
}

/// The counts of a line, and what was folded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Past {
    /// What all that was folded adds up to at `horizon`.
    pub(crate) base: i128,
    /// Before this, the history is folded into `base`.
    pub(crate) horizon: Timestamp,
    /// Whether counts were folded, which a late movement could have changed.
    pub(crate) folded_counts: bool,
    /// By (time, trust, id).
    pub(crate) counts: Vec<Count>,
}

/// The past of a line that has none.
static NO_PAST: Past = Past { base: 0, horizon: Timestamp::MIN, folded_counts: false, counts: Vec::new() };

/// Where a count falls in a history.
pub(crate) struct Place {
    /// The figure just before it; may lie outside what a balance can hold.
    pub(crate) expected: i128,
    /// The time of the count that follows it.
    pub(crate) next: Option<Timestamp>,
}

impl Line {
    /// Movements or counts past which the older half is folded whatever its age, so that no account grows without bound.
    const LENGTH_MAX: usize = 65_536;
    /// Every so many movements or counts, folding is thought of.
    const FOLD_STEP: usize = 1_024;

    pub(crate) fn new(reserved: i64, movements: Vec<(Timestamp, i64)>, past: Past) -> Self {
        Self { reserved, movements, past: (past != NO_PAST).then(|| Box::new(past)) }
    }

    pub(crate) fn past(&self) -> &Past {
        self.past.as_deref().unwrap_or(&NO_PAST)
    }

    fn past_mut(&mut self) -> &mut Past {
        self.past.get_or_insert_with(|| Box::new(NO_PAST.clone()))
    }

    /// Whether a movement at `at` could contradict counts that are folded.
    pub(crate) fn forbids_movement(&self, at: Timestamp) -> bool {
        at < self.past().horizon && self.past().folded_counts
    }

    /// Whether a count at `at` falls where the history is folded.
    pub(crate) fn forbids_count(&self, at: Timestamp) -> bool {
        at < self.past().horizon
    }

    /// The time of the earliest count that a movement at `at` is seen by.
    pub(crate) fn next_count(&self, at: Timestamp) -> Option<Timestamp> {
        let counts = &self.past.as_deref()?.counts;
        match counts.last() {
            Some(newest) if newest.at >= at => {}
            _ => return None,
        }
        let first = counts.partition_point(|count| count.at < at);
        Some(counts[first].at)
    }

    /// Where a count of this rank falls. `on_hand` is the figure after all history.
    pub(crate) fn place(&self, counted: &Counted, on_hand: i64) -> Place {
        let rank = (counted.counted_at, counted.trust, &*counted.id);
        let after = self.past().counts.partition_point(|count| count.rank() <= rank);
        self.figure_before(after, counted.counted_at, on_hand)
    }

    /// Where a count that stands in the history falls, as if it did not stand there; `None` when it does not.
    pub(crate) fn place_without(&self, counted: &Counted, on_hand: i64) -> Option<Place> {
        let at = self.find(counted)?;
        let mut place = self.figure_before(at, counted.counted_at, on_hand);
        place.next = self.past().counts.get(at + 1).map(|count| count.at);
        Some(place)
    }

    /// The figure at `at` by the counts before index `after`, and the time of the count at that index.
    fn figure_before(&self, after: usize, at: Timestamp, on_hand: i64) -> Place {
        let next = self.past().counts.get(after).map(|count| count.at);
        let expected = if self.past().counts.is_empty() {
            i128::from(on_hand) - self.later_than(at)
        } else {
            match after.checked_sub(1).map(|before| &self.past().counts[before]) {
                Some(before) => i128::from(before.quantity) + self.sum(Some(before.at), at),
                None => self.past().base + self.sum(None, at),
            }
        };
        Place { expected, next }
    }

    /// The sum of the movements after `at`; walks from the newest, which is where counts fall.
    fn later_than(&self, at: Timestamp) -> i128 {
        self.movements.iter().rev().take_while(|(moved, _)| *moved > at).map(|(_, delta)| i128::from(*delta)).sum()
    }

    /// The sum of the movements after `from` (from the start for `None`) up to and including `to`.
    fn sum(&self, from: Option<Timestamp>, to: Timestamp) -> i128 {
        let start = from.map_or(0, |from| self.movements.partition_point(|(at, _)| *at <= from));
        self.movements[start..].iter().take_while(|(at, _)| *at <= to).map(|(_, delta)| i128::from(*delta)).sum()
    }

    pub(crate) fn insert_movement(&mut self, at: Timestamp, delta: i64) {
        if let Some(past) = &mut self.past
            && at < past.horizon
        {
            past.base += i128::from(delta);
            return;
        }
        let index = match self.movements.last() {
            Some((last, _)) if *last > at => self.movements.partition_point(|(moved, _)| *moved <= at),
            _ => self.movements.len(),
        };
        if let Some((moved, sum)) = index.checked_sub(1).map(|before| &mut self.movements[before])
            && *moved == at
            && let Some(both) = sum.checked_add(delta)
        {
            *sum = both;
            return;
        }
        self.movements.insert(index, (at, delta));
    }

    pub(crate) fn insert_count(&mut self, counted: &Counted) {
        let count = Count {
            at: counted.counted_at,
            trust: counted.trust,
            id: counted.id.clone(),
            quantity: counted.quantity.micros(),
        };
        let counts = &mut self.past_mut().counts;
        let index = counts.partition_point(|other| other.rank() <= count.rank());
        counts.insert(index, count);
    }

    pub(crate) fn remove_count(&mut self, counted: &Counted) {
        if let Some(index) = self.find(counted) {
            self.past_mut().counts.remove(index);
        }
    }

    fn find(&self, counted: &Counted) -> Option<usize> {
        let rank = (counted.counted_at, counted.trust, &*counted.id);
        let index = self.past().counts.partition_point(|count| count.rank() < rank);
        self.past()
            .counts
            .get(index)
            .filter(|count| count.rank() == rank && count.quantity == counted.quantity.micros())
            .map(|_| index)
    }

    /// When to fold, for an account about to take a movement: `Some(time)` once enough stands before it.
    ///
    /// `keep_from` is how far back the history should reach if it is not too long.
    pub(crate) fn fold_due(&self, keep_from: Timestamp) -> Option<Timestamp> {
        Self::fold_due_by(self.movements.len(), |index| self.movements[index].0, keep_from)
    }

    /// As [`Line::fold_due`], for an account about to take a count.
    pub(crate) fn fold_due_for_count(&self, keep_from: Timestamp) -> Option<Timestamp> {
        Self::fold_due_by(self.past().counts.len(), |index| self.past().counts[index].at, keep_from)
    }

    fn fold_due_by(length: usize, at: impl Fn(usize) -> Timestamp, keep_from: Timestamp) -> Option<Timestamp> {
        if length < Self::FOLD_STEP || !length.is_multiple_of(Self::FOLD_STEP) {
            return None;
        }
        if length >= Self::LENGTH_MAX {
            return Some(at(length / 2));
        }
        // Folding a handful again and again would move the rest each time.
        (at(length / 4) < keep_from).then_some(keep_from)
    }

    /// Folds what is older than `before` into the figure just before it, counts and all.
    pub(crate) fn fold(&mut self, before: Timestamp) {
        if before <= self.past().horizon {
            return;
        }
        let first_kept = self.movements.partition_point(|(at, _)| *at < before);
        let counts_before = self.past().counts.partition_point(|count| count.at < before);
        let newest = counts_before.checked_sub(1).map(|newest| &self.past().counts[newest]);
        let base = match newest {
            Some(count) => i128::from(count.quantity) + self.sum(Some(count.at), before.minus(1)),
            None => self.past().base + self.movements[..first_kept].iter().map(|(_, d)| i128::from(*d)).sum::<i128>(),
        };
        self.movements.drain(..first_kept);
        let past = self.past_mut();
        past.base = base;
        past.horizon = before;
        past.folded_counts |= counts_before > 0;
        past.counts.drain(..counts_before);
    }

    /// Touches where the next movement will go.
    pub(crate) fn warm(&self) -> u64 {
        self.movements.last().map_or(0, |(_, delta)| delta.unsigned_abs())
    }

    pub(crate) fn memory_bytes(&self) -> usize {
        self.movements.capacity() * size_of::<(Timestamp, i64)>()
            + self.past().counts.iter().map(|count| size_of::<Count>() + count.id.len()).sum::<usize>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{AccountId, Quantity};

    fn counted(at: i64, quantity: i64) -> Counted {
        Counted {
            account: AccountId(0),
            counted_at: Timestamp(at),
            quantity: Quantity::from_micros(quantity),
            expected: Quantity::ZERO,
            trust: 0,
            id: "c".into(),
        }
    }

    #[test]
    fn a_count_sees_what_moved_at_its_own_time() {
        let mut line = Line::default();
        line.insert_movement(Timestamp(10), 5);
        line.insert_movement(Timestamp(20), 7);
        let place = line.place(&counted(10, 0), 12);
        assert_eq!((place.expected, place.next), (5, None));
        line.insert_count(&counted(10, 3));
        assert_eq!(line.next_count(Timestamp(10)), Some(Timestamp(10)));
        assert_eq!(line.next_count(Timestamp(11)), None);
        let place = line.place(&counted(30, 0), 10);
        assert_eq!(place.expected, 10, "3 counted and 7 after");
    }

    #[test]
    fn folding_keeps_every_later_figure() {
        let mut line = Line::default();
        for at in 0..100 {
            line.insert_movement(Timestamp(at), 1);
        }
        line.insert_count(&counted(40, 1_000));
        let before: Vec<i128> = (60..110).map(|at| line.place(&counted(at, 0), 1_059).expected).collect();
        line.fold(Timestamp(60));
        let after: Vec<i128> = (60..110).map(|at| line.place(&counted(at, 0), 1_059).expected).collect();
        assert_eq!(before, after);
        assert!(line.forbids_movement(Timestamp(59)));
    }
}
