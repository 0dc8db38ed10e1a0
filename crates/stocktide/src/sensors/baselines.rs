//! What a detector must be better than: a fixed band, and a band that runs along.

use super::score::{number, probation};
use std::collections::VecDeque;

/// Readings that the running band is over.
const WINDOW: usize = 100;
/// What a reading off a constant counts for.
const OFF_A_CONSTANT: f64 = 1e6;

/// A static threshold: how many standard deviations each value is off the mean of the probation.
pub(super) fn fixed(values: &[f64]) -> Vec<f64> {
    let learned = &values[..probation(values.len()).max(1).min(values.len())];
    let (mean, sd) = mean_and_sd(learned.iter().copied());
    values.iter().map(|value| deviations(*value, mean, sd)).collect()
}

/// A rolling z-score: how many standard deviations each value is off the mean of the hundred before.
pub(super) fn rolling(values: &[f64]) -> Vec<f64> {
    let mut before: VecDeque<f64> = VecDeque::with_capacity(WINDOW + 1);
    let mut scores = Vec::with_capacity(values.len());
    for value in values {
        let (mean, sd) = mean_and_sd(before.iter().copied());
        scores.push(if before.len() < 2 { 0.0 } else { deviations(*value, mean, sd) });
        before.push_back(*value);
        if before.len() > WINDOW {
            before.pop_front();
        }
    }
    scores
}

fn mean_and_sd(values: impl ExactSizeIterator<Item = f64> + Clone) -> (f64, f64) {
    let count = number(values.len()).max(1.0);
    let mean = values.clone().sum::<f64>() / count;
    let variance = values.map(|value| (value - mean) * (value - mean)).sum::<f64>() / count;
    (mean, variance.sqrt())
}

fn deviations(value: f64, mean: f64, sd: f64) -> f64 {
    let off = (value - mean).abs();
    if off <= 0.0 { 0.0 } else { (off / sd).min(OFF_A_CONSTANT) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fixed_band_is_learned_from_the_probation_alone() {
        // fifteen of a hundred are learned: seven times 1, eight times 3
        let mut values: Vec<f64> = (0..15).map(|number| if number % 2 == 0 { 3.0 } else { 1.0 }).collect();
        values.resize(100, 2.0 + 1.0 / 15.0);
        values[99] = 100.0;
        let scores = fixed(&values);
        assert!(scores[98] < 1e-12 && scores[99] > 90.0, "{scores:?}");
    }

    #[test]
    fn the_running_band_forgets() {
        let mut values = vec![1.0; 150];
        values.extend(vec![5.0; 150]);
        let scores = rolling(&values);
        assert_eq!(
            [scores[149], scores[150], scores[299]].map(f64::to_bits),
            [0.0, OFF_A_CONSTANT, 0.0].map(f64::to_bits)
        );
    }
}
