//! Buckets of time: of round widths and beginning at round times since 1970, so that those of a later question are the
//! same ones.

use ledger::Timestamp;

const SECOND: i64 = 1_000_000;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

/// Widths that people count in, in microseconds, the narrowest first. From an hour on they are whole numbers of a quarter of
/// an hour, from a day on of six hours: what sums readings up fits into them.
fn round_widths() -> impl Iterator<Item = i64> {
    let of_decades = |unit: i64, powers: u32| {
        (0..powers).flat_map(move |power| [1, 2, 3, 5].map(|times| times * unit * 10_i64.pow(power)))
    };
    let of_sixty = |unit: i64| [1, 2, 3, 4, 5, 6, 10, 12, 15, 20, 30].map(|times| times * unit);
    let hours = [1, 2, 3, 4, 6, 8, 12].map(|times| times * HOUR);
    of_decades(1, 6).chain(of_sixty(SECOND)).chain(of_sixty(MINUTE)).chain(hours).chain(of_decades(DAY, 8))
}

/// Fewer buckets than these can't always begin at round times: theirs begin with the span.
const ROUND_MIN: i64 = 4;
/// Times further from 1970 than this are left out: 146,000 years, so that differences of times are times.
const TIME_MAX: i64 = i64::MAX / 2;

/// A span of time, from its begin and before its end, parted into buckets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grid {
    from: Timestamp,
    to: Timestamp,
    width_micros: i64,
    /// Where a bucket begins.
    origin: i64,
}

impl Grid {
    /// Parts a span into `buckets` at most, and hardly less than half as many where time can be parted so finely. `None`
    /// for an empty span, and for no buckets.
    pub fn new((from, to): (Timestamp, Timestamp), buckets: usize) -> Option<Self> {
        let clamped = |at: Timestamp| at.0.clamp(-TIME_MAX, TIME_MAX);
        let (from, to) = (clamped(from), clamped(to));
        let buckets = i64::try_from(buckets).ok().filter(|buckets| *buckets > 0)?;
        if from >= to {
            return None;
        }
        let span = to - from;
        let least = span / buckets + i64::from(span % buckets > 0);
        // The first and the last bucket may be cut off, which can make one more of them.
        let count = |width: i64| (to - 1).div_euclid(width) - from.div_euclid(width) + 1;
        let round = round_widths().find(|width| *width >= least && count(*width) <= buckets);
        let (width_micros, origin) = match round.filter(|_| buckets >= ROUND_MIN) {
            Some(width) => (width, 0),
            None => (least, from),
        };
        Some(Self { from: Timestamp(from), to: Timestamp(to), width_micros, origin })
    }

    /// The span.
    pub const fn span(&self) -> (Timestamp, Timestamp) {
        (self.from, self.to)
    }

    /// How much time a bucket takes; the first and the last may be cut off by the span.
    pub const fn width_micros(&self) -> i64 {
        self.width_micros
    }

    /// The bucket that a time of the span falls into; numbers of buckets that follow one another do, too.
    pub(super) const fn bucket(&self, at: Timestamp) -> i64 {
        (at.0 - self.origin).div_euclid(self.width_micros)
    }

    /// From when on a bucket is, and until before when.
    pub(super) fn bounds(&self, bucket: i64) -> (Timestamp, Timestamp) {
        let from = bucket.saturating_mul(self.width_micros).saturating_add(self.origin);
        (Timestamp(from).max(self.from), Timestamp(from.saturating_add(self.width_micros)).min(self.to))
    }

    /// The bounds of every bucket, in order.
    pub fn buckets(&self) -> impl Iterator<Item = (Timestamp, Timestamp)> + use<> {
        let grid = *self;
        (grid.bucket(grid.from)..=grid.bucket(Timestamp(grid.to.0 - 1))).map(move |bucket| grid.bounds(bucket))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn buckets_partition_the_span(from in any::<i64>(), span in prop_oneof![1..9_000_i64, 1..i64::MAX], buckets in 1_usize..6_000) {
            let (from, to) = (Timestamp(from), Timestamp(from.saturating_add(span)));
            prop_assume!(from.0 < to.0.min(TIME_MAX) && to.0 > -TIME_MAX);
            let grid = Grid::new((from, to), buckets).unwrap();
            let (from, to) = grid.span();
            let parts: Vec<_> = grid.buckets().collect();
            prop_assert!(parts.len() <= buckets, "{} of {buckets}", parts.len());
            prop_assert_eq!((parts[0].0, parts[parts.len() - 1].1), (from, to));
            prop_assert!(parts.iter().all(|(from, to)| from < to) && parts.windows(2).all(|pair| pair[0].1 == pair[1].0));
            let last = Timestamp(to.0 - 1);
            prop_assert_eq!((grid.bounds(grid.bucket(from)).0, grid.bounds(grid.bucket(last)).1), (from, to));
        }
    }

    #[test]
    fn widths_are_round_and_as_many_as_may_be() {
        let check = |span: i64, width: i64| {
            let from = Timestamp(1_771_236_000_000_000);
            let grid = Grid::new((from, from.plus(span)), 500).unwrap();
            assert_eq!(grid.width_micros(), width, "{span}");
            assert!(grid.buckets().count() >= 250, "{}", grid.buckets().count());
        };
        check(HOUR, 10 * SECOND);
        check(DAY, 3 * MINUTE);
        check(7 * DAY, 30 * MINUTE);
        check(30 * DAY, 2 * HOUR);
        check(365 * DAY, DAY);
        check(3_650 * DAY, 10 * DAY);
        check(1_001, 3);
        assert_eq!(Grid::new((Timestamp(5), Timestamp(5)), 500), None);
        assert_eq!(Grid::new((Timestamp(5), Timestamp(9)), 0), None);
        let all = Grid::new((Timestamp::MIN, Timestamp::MAX), 4).unwrap();
        assert!(all.buckets().count() <= 4);
        assert!(round_widths().is_sorted());
        assert!(round_widths().all(|width| width < HOUR || width % (15 * MINUTE) == 0));
        assert!(round_widths().all(|width| width < DAY || width % (6 * HOUR) == 0));
    }
}
