//! Whether what must be kept cold, or dry, was: limits, excursions, budgets and the mean kinetic temperature.
//!
//! Folds over the readings of one sensor, in the order in which they come: [`Exposure`] finds excursions from [`Limits`] and
//! adds up the time outside, a [`Budget`] says how much of it a lot has left, a [`KineticMean`] weighs heat as it ages what is
//! stored, and [`downsample`] draws a long series without losing its extremes. [`Class`] has the limits of common classes
//! of goods with their sources. None of it asks what time it is, or knows which sensor it is; docs/cold-chain.md tells how
//! an excursion is judged.

mod budget;
mod class;
mod downsample;
mod exposure;
mod image;
mod kinetic;
mod limits;

pub use budget::Budget;
pub use class::{Class, DRY, Judgement, Terms};
pub use downsample::downsample;
pub use exposure::{Change, End, Episode, Exposure, Settings, Taken};
pub use kinetic::{ACTIVATION_ENERGY, GAS_CONSTANT, KineticMean, mean_kinetic};
pub use limits::Limits;

/// Microseconds in a minute.
const MINUTE: i64 = 60_000_000;

/// A duration as minutes.
#[expect(clippy::cast_precision_loss, reason = "a microsecond in 285 years is no minute")]
fn minutes(micros: i64) -> f64 {
    micros as f64 / MINUTE as f64
}

/// A duration for calculating with.
#[expect(clippy::cast_precision_loss, reason = "beyond 285 years a microsecond makes no difference")]
fn as_float(micros: i64) -> f64 {
    micros as f64
}

/// The nearest whole number of microseconds of a part of an interval.
#[expect(clippy::cast_possible_truncation, reason = "a part of an interval that an i64 holds; `as` stays in its range")]
fn as_micros(part: f64) -> i64 {
    libm::round(part) as i64
}
