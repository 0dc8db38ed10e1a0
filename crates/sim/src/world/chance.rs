//! Chance from a seed, in whole numbers only, so that every machine draws the same.

use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// One stream of random draws.
#[derive(Clone, Debug)]
pub(crate) struct Chance(ChaCha8Rng);

impl Chance {
    pub(crate) fn new(seed: u64) -> Self {
        Self(ChaCha8Rng::seed_from_u64(seed))
    }

    /// A number from 0 to `end - 1`.
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.0.random_range(0..end)
    }

    /// A place in a list of `length` items; the list isn't empty.
    pub(crate) fn index(&mut self, length: usize) -> usize {
        self.0.random_range(0..length)
    }

    /// A number from `low` to `high`, both included.
    pub(crate) fn between(&mut self, low: i64, high: i64) -> i64 {
        self.0.random_range(low..=high)
    }

    /// One of a list that isn't empty.
    pub(crate) fn one_of<T: Copy>(&mut self, list: &[T]) -> T {
        list[self.index(list.len())]
    }

    /// True this often.
    pub(crate) fn per_million(&mut self, rate: u32) -> bool {
        rate > 0 && self.0.random_range(0..1_000_000) < rate
    }

    /// True this often.
    pub(crate) fn percent(&mut self, rate: u32) -> bool {
        self.0.random_range(0..100) < rate
    }

    /// The time until the next of many independent happenings, near exponential, with this mean.
    ///
    /// `-log2(u)` is the number of leading zeros of `u`, plus a fraction that is taken as linear; its mean is then 1.5.
    pub(crate) fn gap(&mut self, mean: i64) -> i64 {
        let draw = self.0.next_u64() | 1;
        let zeros = draw.leading_zeros();
        let fraction = i64::try_from(((draw << zeros) << 1) >> 48).expect("16 bits");
        let halvings = (i64::from(zeros) + 1) * 65_536 - fraction;
        (mean.max(1) * 2 / 3).saturating_mul(halvings) / 65_536
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gaps_have_their_mean() {
        let mut chance = Chance::new(1);
        let sum: i64 = (0..100_000).map(|_| chance.gap(1_000_000)).sum();
        assert!((980_000..1_020_000).contains(&(sum / 100_000)), "mean {}", sum / 100_000);
    }
}
