//! How far out a figure is, by what the figure has been: the upper tail of a distribution, learned as it goes.
//!
//! What lies past a running quantile is taken for generalised Pareto, whatever the whole distribution is. A stream with
//! frequent spikes thus has a heavy tail, and one spike more is nothing; a tame one has a light tail, and the same spike
//! is unheard of. Knows no units: figures twice as large have the same probabilities.
//!
//! # Source
//! Pickands, Balkema and de Haan's theorem, used on streams by Siffer, Fouque, Termier, Largouet, "Anomaly Detection in
//! Streams with Extreme Value Theory", KDD 2017. The shape is by moments (Hosking, Wallis, "Parameter and Quantile
//! Estimation for the Generalized Pareto Distribution", Technometrics 29, 1987) so that memory is constant; the quantile
//! by stochastic approximation (Robbins, Monro, 1951).

use super::image::{put_float, take_float, take_square};
use ledger::{ImageError, Sink, Source};

/// The share of figures that is meant to lie past the quantile.
const SHARE: f64 = 0.1;
/// About how many figures are remembered.
const HORIZON: f64 = 4_000.0;
/// About how many figures the share past the quantile is of.
const SHARE_HORIZON: f64 = 500.0;
/// The heaviest tail that moments tell; from a half on, there is no variance.
const SHAPE_MAX: f64 = 0.45;
/// What is less probable is learned as if it were as probable as this.
const LEARNED_MIN: f64 = 1e-6;
/// Fewer excesses bound nothing.
const EXCESSES_MIN: f64 = 8.0;

/// The upper tail of a figure.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Tail {
    /// Figures learned, at most the horizon.
    count: f64,
    mean: f64,
    /// The mean distance from the mean, by which the quantile walks.
    spread: f64,
    quantile: f64,
    /// The share that did lie past the quantile.
    share: f64,
    /// Figures past the quantile, at most their share of the horizon.
    excesses: f64,
    excess_mean: f64,
    excess_square: f64,
}

impl Tail {
    /// The probability of a figure this far out or further; one if it is not past the quantile.
    ///
    /// `independent` is the share of figures that say something new: those of a mean over eight repeat each other, so that
    /// only every eighth does. The fewer there were, the less is called improbable.
    pub(super) fn probability(&self, figure: f64, independent: f64) -> f64 {
        let excess = figure - self.quantile;
        if self.count < 2.0 || excess <= 0.0 {
            return 1.0;
        }
        if self.excess_mean <= 0.0 {
            // nothing was ever past it: one among so many, by the rule of succession
            return 1.0 / (self.count * independent + 2.0);
        }
        let by_moments = self.shape();
        // a mean of k excesses is uncertain itself: what it predicts is Pareto with shape 1/k, even of an exponential
        let shape = by_moments.max(1.0 / (self.excesses * independent).max(1.0));
        let scale = self.excess_mean * (1.0 - by_moments);
        self.share.max(1.0 / self.count) * libm::pow(1.0 + shape * excess / scale, -1.0 / shape)
    }

    fn shape(&self) -> f64 {
        let square = self.excess_mean * self.excess_mean;
        let variance = self.excess_square - square;
        if variance > 0.0 { (0.5 * (1.0 - square / variance)).clamp(0.0, SHAPE_MAX) } else { 0.0 }
    }

    /// Whether a figure is among the usual nine of ten.
    pub(super) fn is_usual(&self, figure: f64) -> bool {
        figure <= self.quantile
    }

    /// The most that a figure counts for when it is learned.
    fn learned_max(&self) -> f64 {
        if self.excesses < EXCESSES_MIN || self.excess_mean <= 0.0 {
            return f64::INFINITY;
        }
        let shape = (1.0 / self.excesses).max(0.1);
        let ratio = self.share.max(SHARE) / LEARNED_MIN;
        self.quantile + self.excess_mean / shape * (libm::pow(ratio, shape) - 1.0)
    }

    /// Learns a figure. A haste of one is for means in which all figures count alike; with more of it a beginning that was
    /// unlike the rest is forgotten sooner, as the power of it in the number of figures.
    ///
    /// # Source
    /// Polynomial-decay averaging: Shamir, Zhang, "Stochastic Gradient Descent for Non-smooth Optimization", ICML 2013.
    pub(super) fn learn(&mut self, figure: f64, haste: f64) {
        let figure = figure.min(self.learned_max());
        self.count = (self.count + 1.0).min(HORIZON);
        if self.count < 2.0 {
            (self.mean, self.quantile, self.share) = (figure, figure, SHARE);
            return;
        }
        let rate = (haste / self.count).min(0.5);
        self.spread += ((figure - self.mean).abs() - self.spread) * rate;
        self.mean += (figure - self.mean) * rate;
        let excess = figure - self.quantile;
        let is_past = if excess > 0.0 { 1.0 } else { 0.0 };
        self.share += (is_past - self.share) * rate.max(1.0 / SHARE_HORIZON);
        if excess > 0.0 {
            self.excesses = (self.excesses + 1.0).min(HORIZON * SHARE);
            let rate = (haste / self.excesses).min(1.0);
            self.excess_mean += (excess - self.excess_mean) * rate;
            self.excess_square += (excess * excess - self.excess_square) * rate;
        }
        // a step as long as the density at the quantile asks for, shorter with every figure and never still
        self.quantile += 8.0 * self.spread * rate.clamp(0.001, 0.05) * (is_past - SHARE);
    }

    fn fields(&self) -> [f64; 8] {
        let Self { count, mean, spread, quantile, share, excesses, excess_mean, excess_square } = *self;
        [count, mean, spread, quantile, share, excesses, excess_mean, excess_square]
    }

    pub(super) fn save(&self, into: &mut impl Sink) {
        self.fields().into_iter().for_each(|field| put_float(into, field));
    }

    pub(super) fn load(from: &mut impl Source) -> Result<Self, ImageError> {
        let mut fields = [0.0; 7];
        for field in &mut fields {
            *field = take_float(from)?;
        }
        let [count, mean, spread, quantile, share, excesses, excess_mean] = fields;
        let excess_square = take_square(from)?;
        let is_sound = (0.0..=HORIZON).contains(&count)
            && (0.0..=HORIZON * SHARE).contains(&excesses)
            && (0.0..=1.0).contains(&share)
            && [spread, excess_mean, excess_square].iter().all(|field| *field >= 0.0);
        if !is_sound {
            return Err(ImageError::Damaged("a sensor's tail"));
        }
        Ok(Self { count, mean, spread, quantile, share, excesses, excess_mean, excess_square })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sensor::tests::Noise;

    fn learned(figures: impl Iterator<Item = f64>) -> Tail {
        let mut tail = Tail::default();
        figures.for_each(|figure| tail.learn(figure, 1.0));
        tail
    }

    #[test]
    fn an_exponential_tail_is_told_about_rightly_beyond_what_was_seen() {
        let mut noise = Noise::new(1);
        let tail = learned((0..4_000).map(|_| -libm::log(noise.uniform())));
        for (figure, decades) in [(5.0, 2.17), (10.0, 4.34), (20.0, 8.69)] {
            let told = -libm::log10(tail.probability(figure, 1.0));
            assert!((told / decades - 1.0).abs() < 0.2, "{told} for {decades}");
        }
        assert!(tail.is_usual(2.0) && !tail.is_usual(3.0));
    }

    #[test]
    fn what_is_unheard_of_in_a_tame_stream_is_usual_in_a_wild_one() {
        let mut noise = Noise::new(2);
        let tame = learned((0..4_000).map(|_| noise.normal()));
        let wild = learned((0..4_000).map(|_| noise.normal() * if noise.uniform() < 0.02 { 20.0 } else { 1.0 }));
        assert!(tame.probability(20.0, 1.0) < 1e-10);
        assert!(wild.probability(20.0, 1.0) > 1e-4);
    }

    #[test]
    fn a_figure_that_never_moved_surprises_by_how_often_it_did_not() {
        let tail = learned((0..98).map(|_| 5.0));
        let told = [5.0, 6.0].map(|figure| tail.probability(figure, 1.0).to_bits());
        assert_eq!(told, [1.0_f64, 0.01].map(f64::to_bits));
    }
}
