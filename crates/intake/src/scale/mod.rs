//! Weights in, counts out.
//!
//! A scale shows a weight many times a second, while things are put on it, and never twice quite the same. [`Scale`] waits
//! until the weight is stable, reckons how many units it is and how sure that is, and says something only when the count
//! has changed. A weight that two counts would explain is reported as that and not counted.
//!
//! All weights are whole milligrams ([`milligrams`] makes them from a float, once, at the edge).

mod image;
mod settings;

pub use settings::{Settings, SettingsError, WEIGHT_MAX};

use ledger::{Quantity, Timestamp};

/// A weight in milligrams.
pub type Milligrams = i64;

/// How many standard deviations an uncertainty is.
///
/// # Source
/// JCGM 100:2008 (GUM), section 6.3.3: an expanded uncertainty with coverage factor 2, about 95 %.
const COVERAGE: i128 = 2;

/// A weight that is no number of milligrams.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
#[error("{grams} g is no weight; it must be a number between -9e9 and 9e9")]
pub struct NotAWeight {
    /// What the scale said.
    pub grams: f64,
}

/// The weight of a scale that speaks in grams, to the nearest milligram, half away from zero.
///
/// # Errors
/// For NaN, an infinity, and beyond 9 000 tonnes.
///
/// ```
/// use intake::scale::milligrams;
/// assert_eq!(milligrams(12.3456), Ok(12_346));
/// assert!(milligrams(f64::NAN).is_err());
/// ```
pub fn milligrams(grams: f64) -> Result<Milligrams, NotAWeight> {
    // NaN is not within it
    if !(-9e9..=9e9).contains(&grams) {
        return Err(NotAWeight { grams });
    }
    #[expect(clippy::cast_possible_truncation, reason = "within the range that was just checked")]
    let whole = libm::round(grams * 1_000.0) as Milligrams;
    Ok(whole)
}

/// What a scale showed at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sample {
    /// When.
    pub at: Timestamp,
    /// How much, tare included.
    pub weight: Milligrams,
}

/// A count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counted {
    /// How many units lie there.
    pub quantity: Quantity,
    /// The stable weight without the tare.
    pub weight: Milligrams,
    /// Its expanded uncertainty at this count: two standard deviations of the scale and of so many units together.
    pub uncertainty: Milligrams,
    /// The probability that it is this count and no other, in thousandths.
    pub confidence_permille: u16,
    /// Since when the weight has been stable.
    pub since: Timestamp,
    /// The sample that decided it.
    pub decided_at: Timestamp,
}

/// What a sample changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The weight is not stable yet.
    Unstable,
    /// It is stable, and the count is as it was, or so near that it cannot be told apart.
    NoChange,
    /// It is stable, and the count is another than before, or the first.
    Counted(Counted),
    /// It is stable, and several counts would explain it, or none. Said once for the same counts; the last count stands.
    Ambiguous {
        /// The least count that would explain it, or the nearest below.
        least: i64,
        /// The greatest, or the nearest above.
        greatest: i64,
        /// The weight without the tare.
        weight: Milligrams,
        /// Its uncertainty.
        uncertainty: Milligrams,
    },
    /// It is stable and lighter than an empty scale: the tare is wrong or the bin is gone. The last count stands.
    Negative {
        /// The weight without the tare.
        weight: Milligrams,
    },
    /// More than the scale can carry; the sample does not count.
    Overload,
    /// An earlier time than the last sample's; the sample does not count.
    OutOfOrder,
}

/// Samples in a row that lie within the band.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Plateau {
    since: Timestamp,
    least: Milligrams,
    greatest: Milligrams,
    sum: i128,
    samples: u32,
}

impl Plateau {
    fn new(sample: &Sample) -> Self {
        let Sample { at, weight } = *sample;
        Self { since: at, least: weight, greatest: weight, sum: i128::from(weight), samples: 1 }
    }

    /// With one more sample; that alone if it lies too far off.
    fn with(self, sample: &Sample, band: Milligrams) -> Self {
        let (least, greatest) = (self.least.min(sample.weight), self.greatest.max(sample.weight));
        if greatest - least > band || self.samples == u32::MAX {
            return Self::new(sample);
        }
        Self { least, greatest, sum: self.sum + i128::from(sample.weight), samples: self.samples + 1, ..self }
    }

    /// The mean weight; its samples are within the range, so it is.
    fn mean(&self) -> Milligrams {
        i64::try_from(self.sum / i128::from(self.samples)).expect("a mean lies among its samples")
    }
}

/// One scale. What it says is a function of its settings and samples.
///
/// ```
/// use intake::scale::{Outcome, Sample, Scale, Settings};
/// use ledger::{Quantity, Timestamp};
/// let mut scale = Scale::new(Settings::new(500_000, 20_000, 6_000_000)).expect("settings that can be used");
/// let mut take = |at: i64, weight| scale.take(&Sample { at: Timestamp(at * 250_000), weight });
/// for at in 0..4 {
///     assert_eq!(take(at, 700_000 + at * 100), Outcome::Unstable);
/// }
/// let Outcome::Counted(counted) = take(4, 700_200) else { panic!("stable for a second") };
/// assert_eq!(counted.quantity, Quantity::units(10));
/// assert_eq!(take(5, 700_100), Outcome::NoChange);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scale {
    settings: Settings,
    plateau: Option<Plateau>,
    last_at: Timestamp,
    /// The count that was said last, and the weight that it was said for.
    last: Option<(i64, Milligrams)>,
    /// The counts between which it was last ambiguous.
    doubt: Option<(i64, i64)>,
}

impl Scale {
    /// A scale that has shown nothing yet.
    ///
    /// # Errors
    /// The first setting that cannot be used.
    pub fn new(settings: Settings) -> Result<Self, SettingsError> {
        settings.check()?;
        Ok(Self { settings, plateau: None, last_at: Timestamp::MIN, last: None, doubt: None })
    }

    /// The count that was said last.
    pub fn count(&self) -> Option<i64> {
        self.last.map(|(count, _)| count)
    }

    /// Takes a sample and says what it changed.
    pub fn take(&mut self, sample: &Sample) -> Outcome {
        if sample.at < self.last_at {
            return Outcome::OutOfOrder;
        }
        self.last_at = sample.at;
        let settings = self.settings;
        if sample.weight > settings.capacity || sample.weight < -WEIGHT_MAX {
            self.plateau = None;
            return Outcome::Overload;
        }
        let plateau = self.plateau.map_or_else(|| Plateau::new(sample), |plateau| plateau.with(sample, settings.band));
        self.plateau = Some(plateau);
        let stable_micros = sample.at.0.saturating_sub(plateau.since.0);
        if plateau.samples < settings.samples_min || stable_micros < settings.stable_micros {
            return Outcome::Unstable;
        }
        self.judge(plateau.mean() - settings.tare, plateau.since, sample.at)
    }

    fn judge(&mut self, weight: Milligrams, since: Timestamp, decided_at: Timestamp) -> Outcome {
        let unit = self.settings.unit;
        let count = nearest(weight, unit);
        if count < 0 {
            return Outcome::Negative { weight };
        }
        let uncertainty = self.uncertainty(count);
        if self.last.is_some_and(|last| self.is_no_change(last, count, weight, uncertainty)) {
            self.doubt = None;
            return Outcome::NoChange;
        }
        let (least, greatest) = explained(weight, unit, uncertainty);
        if least != greatest {
            let doubt = Some((least.min(greatest), least.max(greatest)));
            if std::mem::replace(&mut self.doubt, doubt) == doubt {
                return Outcome::NoChange;
            }
            return Outcome::Ambiguous {
                least: least.min(greatest),
                greatest: least.max(greatest),
                weight,
                uncertainty,
            };
        }
        let Some(quantity) = count.checked_mul(1_000_000).map(Quantity::from_micros) else { return Outcome::Overload };
        self.doubt = None;
        self.last = Some((count, weight));
        let confidence_permille = confidence_permille(weight - count * unit, unit, uncertainty);
        Outcome::Counted(Counted { quantity, weight, uncertainty, confidence_permille, since, decided_at })
    }

    /// The same count, not clearly past the half to another, or a weight that the last one's uncertainty covers.
    fn is_no_change(&self, last: (i64, Milligrams), count: i64, weight: Milligrams, uncertainty: Milligrams) -> bool {
        let (last_count, last_weight) = last;
        let unit = i128::from(self.settings.unit);
        let apart = (i128::from(weight) - i128::from(last_count) * unit).abs();
        let is_past_half = apart * 1_000 > unit * i128::from(500 + self.settings.hysteresis_permille);
        let is_covered = (weight - last_weight).abs() <= uncertainty.max(self.uncertainty(last_count));
        count == last_count || !is_past_half || is_covered
    }

    /// Two standard deviations of the scale and of `count` units together: `2 sqrt(s² + n u²)`, rounded down.
    ///
    /// # Source
    /// JCGM 100:2008 (GUM), section 5.1.2: variances of independent inputs add; the weights of n units have n times the
    /// variance of one.
    fn uncertainty(&self, count: i64) -> Milligrams {
        let square = |sd: Milligrams| i128::from(sd) * i128::from(sd);
        let variance = square(self.settings.sensor_sd)
            .saturating_add(square(self.settings.unit_sd).saturating_mul(i128::from(count)));
        i64::try_from(variance.saturating_mul(COVERAGE * COVERAGE).isqrt()).unwrap_or(i64::MAX)
    }
}

/// The count whose weight is nearest; a half goes up.
fn nearest(weight: Milligrams, unit: Milligrams) -> i64 {
    (2 * weight + unit).div_euclid(2 * unit)
}

/// The least and the greatest count that lie within the uncertainty; if there is none, the neighbours above and below,
/// in this order.
fn explained(weight: Milligrams, unit: Milligrams, uncertainty: Milligrams) -> (i64, i64) {
    let least = weight.saturating_sub(uncertainty);
    let least = least.div_euclid(unit) + i64::from(least.rem_euclid(unit) > 0);
    (least.max(0), weight.saturating_add(uncertainty).div_euclid(unit))
}

/// The probability that a weight this far off its count's is nearer to it than to another, with an error of half the
/// uncertainty as standard deviation: the normal distribution between the halves to both neighbours.
///
/// # Source
/// NIST DLMF 7.2.2 (the complementary error function).
fn confidence_permille(off: Milligrams, unit: Milligrams, uncertainty: Milligrams) -> u16 {
    if uncertainty == 0 {
        return 1_000;
    }
    let sd = uncertainty as f64 / COVERAGE as f64;
    let tail = |distance: f64| 0.5 * libm::erfc(distance / sd / core::f64::consts::SQRT_2);
    let (half, off) = (unit as f64 / 2.0, off as f64);
    let probability = 1.0 - tail(half - off) - tail(half + off);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to 0 to 1000")]
    let permille = libm::floor(probability * 1_000.0).clamp(0.0, 1_000.0) as u16;
    permille
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scale(settings: Settings) -> impl FnMut(Milligrams) -> Outcome {
        let mut scale = Scale::new(settings).unwrap();
        let mut at = 0;
        move |weight| {
            let mut last = Outcome::Unstable;
            for _ in 0..6 {
                at += 250_000;
                let outcome = scale.take(&Sample { at: Timestamp(at), weight });
                if outcome != Outcome::NoChange {
                    last = outcome;
                }
            }
            if last == Outcome::Unstable { Outcome::NoChange } else { last }
        }
    }

    fn fine() -> Settings {
        Settings { sensor_sd: 1_000, unit_sd: 200, ..Settings::new(500_000, 20_000, 6_000_000) }
    }

    fn count(outcome: Outcome) -> Option<i64> {
        match outcome {
            Outcome::Counted(counted) => Some(counted.quantity.micros() / 1_000_000),
            _ => None,
        }
    }

    #[test]
    fn counts_change_when_the_weight_says_so_clearly() {
        let mut put = scale(fine());
        assert_eq!(count(put(500_000)), Some(0));
        assert_eq!(count(put(700_000)), Some(10));
        assert_eq!(put(701_500), Outcome::NoChange);
        assert_eq!(count(put(680_100)), Some(9));
    }

    #[test]
    fn uncertainty_grows_with_the_root_of_the_count() {
        let scale = Scale::new(fine()).unwrap();
        assert_eq!(scale.uncertainty(0), 2_000);
        assert_eq!(scale.uncertainty(100), 4_472, "2 sqrt(1000² + 100 · 200²)");
    }

    #[test]
    fn a_weight_that_several_counts_or_none_explain_is_not_counted() {
        // 2 sqrt(1000² + 100·3000²) is 60 g: three units up and down
        let mut put = scale(Settings { unit_sd: 3_000, ..fine() });
        let Outcome::Ambiguous { least, greatest, .. } = put(2_500_000) else { panic!("is it 97 or 103?") };
        assert_eq!((least, greatest), (97, 103));
        assert_eq!(put(2_500_000), Outcome::NoChange, "said once");
        let mut put = scale(fine());
        let Outcome::Ambiguous { least, greatest, .. } = put(510_000) else { panic!("half a unit is none") };
        assert_eq!((least, greatest), (0, 1));
    }

    #[test]
    fn what_no_count_can_be_is_said() {
        let mut put = scale(fine());
        assert_eq!(put(6_000_001), Outcome::Overload);
        assert_eq!(put(480_000), Outcome::Negative { weight: -20_000 });
        assert_eq!(put(i64::MIN), Outcome::Overload);
        assert_eq!(put(i64::MAX), Outcome::Overload);
        assert_eq!(count(put(499_500)), Some(0), "a little below nothing is nothing");
        assert!(milligrams(f64::INFINITY).is_err());
        assert_eq!(milligrams(-0.0005), Ok(-1));
        let mut scale = Scale::new(fine()).unwrap();
        scale.take(&Sample { at: Timestamp(5), weight: 0 });
        assert_eq!(scale.take(&Sample { at: Timestamp(4), weight: 0 }), Outcome::OutOfOrder);
        let error = Settings { unit: 0, ..fine() }.check().unwrap_err();
        assert_eq!(error.to_string(), "unit is 0; set it between 1 and 9000000000000");
    }

    #[test]
    fn confidence_falls_towards_the_half() {
        assert_eq!(confidence_permille(0, 20_000, 2_000), 1_000);
        assert_eq!(confidence_permille(0, 2_000, 2_000), 682, "one sigma to both sides");
        assert_eq!(confidence_permille(1_000, 2_000, 2_000), 477, "at the half");
        assert_eq!(confidence_permille(5, 10, 0), 1_000);
    }
}
