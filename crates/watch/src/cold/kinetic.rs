//! The mean kinetic temperature: the one temperature at which what is stored would have aged as much as it did.

use super::{as_float, minutes};
use ledger::Timestamp;
use std::collections::VecDeque;

/// The activation energy that stands for most medicines, in joules per mole.
///
/// # Source
/// USP <1079.2> and <1160>: 83.144 kJ/mol, unless better is known of a product; after J. D. Haynes, "Worldwide virtual
/// temperatures for product stability testing", J. Pharm. Sci. 60 (1971) 927-929.
pub const ACTIVATION_ENERGY: f64 = 83_144.0;
/// The gas constant, in joules per mole and kelvin, as USP <1160> rounds it: the quotient of the two is 10 000 K.
pub const GAS_CONSTANT: f64 = 8.3144;

/// 0 °C in kelvin.
const ZERO_CELSIUS: f64 = 273.15;
/// The temperature whose rate of ageing is 1, 25 °C in kelvin. It cancels out; near it nothing is too small to add up.
const REFERENCE: f64 = 298.15;
const HOUR: i64 = 3_600_000_000;

/// How fast what is stored ages at a temperature, against 25 °C (Arrhenius).
fn rate(celsius: f64) -> f64 {
    libm::exp(ACTIVATION_ENERGY / GAS_CONSTANT * (1.0 / REFERENCE - 1.0 / (celsius + ZERO_CELSIUS)))
}

/// The temperature at which what is stored ages at a rate.
fn celsius_at(rate: f64) -> f64 {
    1.0 / (1.0 / REFERENCE - libm::log(rate) * GAS_CONSTANT / ACTIVATION_ENERGY) - ZERO_CELSIUS
}

/// Whether a temperature is one that something can have and age at.
fn is_usable(celsius: f64) -> bool {
    (-150.0..=1_000.0).contains(&celsius)
}

/// The mean kinetic temperature of readings, in °C, each weighted by how long it stood (any unit; equal weights for readings
/// at equal intervals).
///
/// `None` without weight, or when a temperature is outside −150 to 1,000 °C or a weight is below zero.
///
/// # Source
/// USP <1160>, "Mean kinetic temperature": `T = (ΔH/R) / −ln(Σ tᵢ e^(−ΔH/R Tᵢ) / Σ tᵢ)`.
///
/// ```
/// let readings = [2.0, 2.0, 5.0, 8.0, 8.0, 8.0, 8.0].map(|celsius| (1.0, celsius));
/// let mean = watch::cold::mean_kinetic(&readings).unwrap();
/// assert!((mean - 6.25).abs() < 0.005);
/// ```
pub fn mean_kinetic(readings: &[(f64, f64)]) -> Option<f64> {
    let is_right = |&(weight, celsius): &(f64, f64)| is_usable(celsius) && weight >= 0.0 && weight.is_finite();
    if !readings.iter().all(is_right) {
        return None;
    }
    let weight: f64 = readings.iter().map(|(weight, _)| weight).sum();
    let aged: f64 = readings.iter().map(|(weight, celsius)| weight * rate(*celsius)).sum();
    (weight > 0.0).then(|| celsius_at(aged / weight))
}

/// What was aged in one hour.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Bucket {
    /// Hours since 1970-01-01T00:00Z.
    pub(super) hour: i64,
    /// How much of it is known, in microseconds.
    pub(super) known_micros: i64,
    /// Rates times how long, in hours at 25 °C.
    pub(super) aged: f64,
}

/// The mean kinetic temperature of one sensor over the last hours, a fold over its readings.
///
/// Between two readings the rate of ageing is taken to have gone in a straight line; where they are further apart than the gap
/// allows nothing is known, and that time has no weight. Late and repeated readings are counted and ignored. It keeps one
/// sum for each hour, so the window moves by whole hours: it holds the hour of the newest reading and those before it.
#[derive(Clone, Debug, PartialEq)]
pub struct KineticMean {
    pub(super) hours: u16,
    pub(super) gap_micros_max: i64,
    pub(super) last: Option<(Timestamp, f64)>,
    /// In order of their hours, each within the window.
    pub(super) buckets: VecDeque<Bucket>,
    pub(super) ignored: u64,
}

impl KineticMean {
    /// A mean over so many hours, at least one, of which nothing is known; readings may be `gap_micros_max` apart.
    pub fn new(hours: u16, gap_micros_max: i64) -> Self {
        Self { hours: hours.max(1), gap_micros_max, last: None, buckets: VecDeque::new(), ignored: 0 }
    }

    /// Takes a reading in °C. One that is not later than the newest, or is outside −150 to 1,000 °C, is ignored and counted.
    pub fn take(&mut self, at: Timestamp, celsius: f64) {
        if !is_usable(celsius) || self.last.is_some_and(|(last, _)| at <= last) {
            self.ignored += 1;
            return;
        }
        let before = self.last.replace((at, celsius));
        let oldest = at.0.div_euclid(HOUR).saturating_sub(i64::from(self.hours) - 1);
        while self.buckets.front().is_some_and(|bucket| bucket.hour < oldest) {
            self.buckets.pop_front();
        }
        if let Some((from, earlier)) = before
            && at.0.saturating_sub(from.0) <= self.gap_micros_max
        {
            self.add(from, rate(earlier), at, rate(celsius), oldest);
        }
    }

    /// Adds the line between two rates to the hours that it goes through, as far as they are in the window.
    fn add(&mut self, from: Timestamp, begins: f64, to: Timestamp, ends: f64, oldest: i64) {
        let span = as_float(to.0.saturating_sub(from.0));
        let rate_at = |micros: i64| begins + (ends - begins) * (as_float(micros.saturating_sub(from.0)) / span);
        let mut start = from.0.max(oldest.saturating_mul(HOUR));
        while start < to.0 {
            let hour = start.div_euclid(HOUR);
            let end = hour.saturating_add(1).saturating_mul(HOUR).min(to.0);
            if self.buckets.back().is_none_or(|bucket| bucket.hour < hour) {
                self.buckets.push_back(Bucket { hour, known_micros: 0, aged: 0.0 });
            }
            if let Some(bucket) = self.buckets.back_mut() {
                bucket.known_micros = bucket.known_micros.saturating_add(end - start);
                bucket.aged += f64::midpoint(rate_at(start), rate_at(end)) * as_float(end - start) / as_float(HOUR);
            }
            start = end;
        }
    }

    /// The mean kinetic temperature of what is known in the window, in °C; `None` while nothing is.
    pub fn celsius(&self) -> Option<f64> {
        let known: i64 = self.buckets.iter().map(|bucket| bucket.known_micros).sum();
        let aged: f64 = self.buckets.iter().map(|bucket| bucket.aged).sum();
        (known > 0).then(|| celsius_at(aged / (as_float(known) / as_float(HOUR))))
    }

    /// How much of the window is known, in hours.
    pub fn known_hours(&self) -> f64 {
        minutes(self.buckets.iter().map(|bucket| bucket.known_micros).sum()) / 60.0
    }

    /// The window, in hours.
    pub fn hours(&self) -> u16 {
        self.hours
    }

    /// How far apart two readings may be for what lies between them to count, in microseconds.
    pub fn gap_micros_max(&self) -> i64 {
        self.gap_micros_max
    }

    /// How many readings were ignored.
    pub fn ignored(&self) -> u64 {
        self.ignored
    }
}
