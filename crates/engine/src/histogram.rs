//! Counting durations without a lock: buckets a sixteenth of a power of two wide.

use std::sync::atomic::{AtomicU64, Ordering};

const SUB: usize = 16;
const BUCKETS: usize = 64 * SUB;

/// A histogram of non-negative numbers, relative error at most 1/16. Any thread may record and read.
pub struct Histogram {
    buckets: Box<[AtomicU64]>,
    sum: AtomicU64,
}

impl Default for Histogram {
    fn default() -> Self {
        Self { buckets: (0..BUCKETS).map(|_| AtomicU64::new(0)).collect(), sum: AtomicU64::new(0) }
    }
}

/// What a histogram has seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// How many numbers.
    pub count: u64,
    /// The middle one.
    pub p50: u64,
    /// 99 in 100 are at most this.
    pub p99: u64,
    /// 999 in 1,000 are at most this.
    pub p999: u64,
    /// The greatest.
    pub max: u64,
}

/// Somebody's looks at a histogram from time to time: what was counted up to the last one.
#[derive(Clone, Debug, Default)]
pub struct Window(Vec<u64>);

impl Histogram {
    /// Counts one number.
    pub fn record(&self, value: u64) {
        self.record_many(value, 1);
    }

    /// Counts one number `times` times.
    pub fn record_many(&self, value: u64, times: u64) {
        self.buckets[bucket(value)].fetch_add(times, Ordering::Relaxed);
        self.sum.fetch_add(value.wrapping_mul(times), Ordering::Relaxed);
    }

    /// The sum of all numbers ever counted; wraps.
    pub fn sum(&self) -> u64 {
        self.sum.load(Ordering::Relaxed)
    }

    /// Forgets everything and answers what was seen.
    pub fn drain(&self) -> Summary {
        summarise(self.buckets.iter().map(|bucket| bucket.swap(0, Ordering::Relaxed)).collect())
    }

    /// What was seen so far; all zero when nothing was.
    pub fn summary(&self) -> Summary {
        summarise(self.buckets.iter().map(|bucket| bucket.load(Ordering::Relaxed)).collect())
    }

    /// What was seen since the last look through a window; since the start at its first.
    pub fn since(&self, window: &mut Window) -> Summary {
        let counts: Vec<u64> = self.buckets.iter().map(|bucket| bucket.load(Ordering::Relaxed)).collect();
        let before = std::mem::replace(&mut window.0, counts.clone());
        let before = before.into_iter().chain(std::iter::repeat(0));
        summarise(counts.into_iter().zip(before).map(|(count, before)| count.saturating_sub(before)).collect())
    }

    /// (upper bound, numbers at most that), one for each power of four from `1` on, for metrics.
    pub fn cumulative(&self) -> Vec<(u64, u64)> {
        let counts: Vec<u64> = self.buckets.iter().map(|bucket| bucket.load(Ordering::Relaxed)).collect();
        (0..14)
            .map(|power| {
                let bound = 1_u64 << (2 * power);
                (bound, counts[..bucket(bound)].iter().sum())
            })
            .collect()
    }
}

fn summarise(counts: Vec<u64>) -> Summary {
    let count: u64 = counts.iter().sum();
    let quantile = |per_mille: u64| {
        let rank = (count * per_mille).div_ceil(1000).max(1);
        let mut seen = 0;
        let at = counts.iter().position(|bucket| {
            seen += bucket;
            seen >= rank
        });
        at.map_or(0, upper_bound)
    };
    if count == 0 {
        return Summary::default();
    }
    Summary { count, p50: quantile(500), p99: quantile(990), p999: quantile(999), max: quantile(1000) }
}

fn bucket(value: u64) -> usize {
    if value < SUB as u64 {
        return usize::try_from(value).expect("below 16");
    }
    let power = value.ilog2() as usize;
    let within = usize::try_from((value >> (power - 4)) & 15).expect("below 16");
    (power - 3) * SUB + within
}

fn upper_bound(bucket: usize) -> u64 {
    if bucket < SUB {
        return bucket as u64;
    }
    let power = bucket / SUB + 3;
    let within = (bucket % SUB) as u64;
    (1 << power) + ((within + 1) << (power - 4)) - 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_falls_in_a_bucket_that_bounds_it_closely() {
        for value in (0..100_000).chain([1 << 40, u64::MAX / 2]) {
            let bound = upper_bound(bucket(value));
            assert!(bound >= value && bound - value <= value / 16, "{value} in a bucket up to {bound}");
        }
    }

    #[test]
    fn a_window_shows_what_came_since_the_last_look() {
        let (histogram, mut window) = (Histogram::default(), Window::default());
        histogram.record_many(9, 5);
        assert_eq!(histogram.since(&mut window).count, 5);
        histogram.record(3);
        let Summary { count, max, .. } = histogram.since(&mut window);
        assert_eq!((count, max), (1, 3));
        assert_eq!(histogram.since(&mut window), Summary::default());
        assert_eq!(histogram.summary().count, 6, "looking takes nothing away");
    }

    #[test]
    fn quantiles_of_a_known_series() {
        let histogram = Histogram::default();
        (1..=1000).for_each(|value| histogram.record(value));
        let Summary { count, p50, p99, max, .. } = histogram.summary();
        assert_eq!(count, 1000);
        assert!((500..532).contains(&p50) && (990..1056).contains(&p99) && (1000..1064).contains(&max));
        assert_eq!(histogram.drain().count, 1000);
        assert_eq!(histogram.summary(), Summary::default());
    }
}
