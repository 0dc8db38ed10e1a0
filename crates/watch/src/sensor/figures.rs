//! What is reckoned of each reading: how far it lies from what was expected, from the one before, and how rough the stream
//! is of late. Means that run on, so that memory is constant.

use super::image::{put_float, take_float, take_square};
use super::pattern::Forecast;
use ledger::{ImageError, Sink, Source};

/// Readings that the short mean is over.
pub(super) const SHORT: f64 = 8.0;
/// Readings that the long mean is over.
pub(super) const LONG: f64 = 64.0;
/// Readings that the present roughness is over.
pub(super) const ROUGH: f64 = 24.0;
/// Readings that the usual deviation is over.
const DEVIATION_HORIZON: f64 = 1_000.0;
/// Readings that the usual roughness and steps are over.
const ROUGH_HORIZON: f64 = 2_000.0;
/// Readings that it is over how much a residual is like the one before.
const LIKENESS_HORIZON: f64 = 500.0;
/// A residual counts as at most so many usual deviations when it is learned.
const CLIP: f64 = 5.0;
/// A step counts as at most so many usual ones, so that those that are rare count and no glitch outweighs all others.
const GLITCH: f64 = 500.0;
/// Before so many readings the usual deviation is not known well enough to clip by.
const CLIP_FROM_READINGS: f64 = 20.0;
/// What a roughness of nothing counts for, in natural logarithms.
const STILL: f64 = -20.0;
/// Which share of the change to the neighbouring slot of the pattern an innovation is forgiven.
const SLACK: f64 = 0.5;

/// How many figures are judged by their tails.
pub(super) const FIGURES: usize = 12;

/// What is reckoned of one reading.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reckoned {
    /// The value, from the stream's first.
    pub(super) value: f64,
    /// The value less what the pattern expects.
    pub(super) residual: f64,
    /// The residual before.
    pub(super) before: f64,
    /// The residual as it is learned.
    pub(super) clipped: f64,
    /// The residual less what the one before it lets expect, beyond what an early or late pattern explains.
    pub(super) innovation: f64,
    /// The same with the one before as it was, not as it was learned: a shift is one such, not a row of them.
    pub(super) leap: f64,
    /// The value less the one before.
    pub(super) step: f64,
    /// Means of residuals.
    pub(super) short: f64,
    pub(super) long: f64,
    /// The logarithm of the present roughness as a multiple of the usual one.
    pub(super) roughness: f64,
    /// The same of changes from one residual to the next, of which one alone counts for little.
    pub(super) unrest: f64,
}

impl Reckoned {
    /// The figures that the surprise is made of, and which share of each says something new: each of six upwards and
    /// downwards, residuals last.
    pub(super) fn figures(&self) -> [(f64, f64); FIGURES] {
        let Self { value, residual, innovation, short, long, roughness, .. } = *self;
        let low = |(figure, independent): (f64, f64)| (-figure, independent);
        let (a, b, c) = ((innovation, 1.0), (short, 1.0 / SHORT), (long, 1.0 / LONG));
        let (d, e, f) = ((roughness, 1.0 / ROUGH), (value, 0.2), (residual, 0.5));
        [a, low(a), b, low(b), c, low(c), d, low(d), e, low(e), f, low(f)]
    }
}

/// The running means.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Figures {
    /// Readings taken.
    count: f64,
    value: f64,
    residual: f64,
    /// The residual before it was clipped.
    residual_raw: f64,
    covariance: f64,
    variance: f64,
    /// The mean distance of values from what was expected of them.
    pub(super) deviation: f64,
    short: f64,
    long: f64,
    rough_now: f64,
    /// The mean innovation, whatever its sign.
    roughness: f64,
    change_now: f64,
    /// The mean change from one residual to the next, whatever its sign, a great one counting for little.
    pub(super) change: f64,
    /// The mean step, whatever its sign.
    pub(super) step: f64,
}

impl Figures {
    /// Takes a value that was forecast.
    pub(super) fn take(&mut self, value: f64, forecast: &Forecast) -> Reckoned {
        self.count += 1.0;
        let rate = |horizon: f64| (1.0 / self.count).max(1.0 / horizon);
        let residual = value - forecast.value;
        let before = self.residual_raw;
        let likeness = if self.variance > 0.0 { (self.covariance / self.variance).clamp(0.0, 1.0) } else { 1.0 };
        let innovation = beyond(residual - likeness * self.residual, SLACK * forecast.steepness);
        let leap = beyond(residual - likeness * before, SLACK * forecast.steepness);
        let clip_by = |most: f64| if self.count > CLIP_FROM_READINGS && most > 0.0 { most } else { f64::INFINITY };
        let clip = if self.count > CLIP_FROM_READINGS { CLIP * self.deviation } else { f64::INFINITY };
        let clipped = residual.clamp(-clip, clip);
        let step = value - self.value;
        self.short += (clipped - self.short) / SHORT;
        self.long += (clipped - self.long) / LONG;
        self.rough_now += (innovation.abs() - self.rough_now) * rate(ROUGH);
        let roughness = log_ratio(self.rough_now, self.roughness);
        self.roughness += (innovation.abs() - self.roughness) * rate(ROUGH_HORIZON);
        let change = (residual - before).abs();
        self.change_now += (change.min(clip_by(CLIP * self.change)) - self.change_now) * rate(ROUGH);
        let unrest = log_ratio(self.change_now, self.change);
        self.change += (change.min(clip_by(GLITCH * self.change)) - self.change) * rate(ROUGH_HORIZON);
        self.step += (step.abs().min(clip_by(GLITCH * self.step)) - self.step) * rate(ROUGH_HORIZON);
        self.deviation += (clipped.abs() - self.deviation) * rate(DEVIATION_HORIZON);
        self.covariance += (clipped * self.residual - self.covariance) * rate(LIKENESS_HORIZON);
        self.variance += (self.residual * self.residual - self.variance) * rate(LIKENESS_HORIZON);
        (self.value, self.residual, self.residual_raw) = (value, clipped, residual);
        Reckoned {
            value,
            residual,
            before,
            clipped,
            innovation,
            leap,
            step,
            short: self.short,
            long: self.long,
            roughness,
            unrest,
        }
    }

    fn fields(&mut self) -> [&mut f64; 12] {
        let Self { count, value, residual, residual_raw, deviation, short, long, rough_now, .. } = self;
        let Self { roughness, change_now, change, step, .. } = self;
        [count, value, residual, residual_raw, deviation, short, long, rough_now, roughness, change_now, change, step]
    }

    pub(super) fn save(&self, into: &mut impl Sink) {
        let mut copy = *self;
        copy.fields().into_iter().for_each(|field| put_float(into, *field));
        put_float(into, self.covariance);
        put_float(into, self.variance);
    }

    pub(super) fn load(from: &mut impl Source) -> Result<Self, ImageError> {
        let mut figures = Self::default();
        for field in figures.fields() {
            *field = take_float(from)?;
        }
        (figures.covariance, figures.variance) = (take_square(from)?, take_square(from)?);
        let Self { count, variance, deviation, rough_now, roughness, change_now, change, step, .. } = figures;
        let amounts = [count, variance, deviation, rough_now, roughness, change_now, change, step];
        if amounts.iter().all(|amount| *amount >= 0.0) {
            Ok(figures)
        } else {
            Err(ImageError::Damaged("a sensor's figures"))
        }
    }
}

/// A figure less the slack, towards zero.
fn beyond(figure: f64, slack: f64) -> f64 {
    if figure > 0.0 { (figure - slack).max(0.0) } else { (figure + slack).min(0.0) }
}

/// The logarithm of what is now as a multiple of what is usual; nothing where nothing is usual.
fn log_ratio(now: f64, usual: f64) -> f64 {
    if usual <= 0.0 {
        0.0
    } else if now > 0.0 {
        libm::log(now / usual).max(STILL)
    } else {
        STILL
    }
}
