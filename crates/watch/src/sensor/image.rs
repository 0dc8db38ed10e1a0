//! Saving what a detector has learned and loading it, so that a restart goes on where it was.

use super::episode::Watched;
use super::figures::{FIGURES, Figures};
use super::pattern::Pattern;
use super::tail::Tail;
use super::{Detector, Settings, VALUE_MAX};
use ledger::{ImageError, Sink, Source, Timestamp};

/// Puts a float by its bits; minus zero is zero, so that equal states have equal images.
pub(super) fn put_float(into: &mut impl Sink, value: f64) {
    into.put_u64((value + 0.0).to_bits());
}

/// Takes a float that readings can have led to: sums and multiples of values.
pub(super) fn take_float(from: &mut impl Source) -> Result<f64, ImageError> {
    take_within(from, VALUE_MAX * 1e20)
}

/// Takes a float that squares of values can have led to.
pub(super) fn take_square(from: &mut impl Source) -> Result<f64, ImageError> {
    take_within(from, VALUE_MAX * VALUE_MAX * 1e40)
}

fn take_within(from: &mut impl Source, most: f64) -> Result<f64, ImageError> {
    let value = f64::from_bits(from.take_u64()?);
    if value.abs() <= most { Ok(value) } else { Err(ImageError::Damaged("a number of a sensor")) }
}

/// Takes a float that is a number and not below zero.
fn take_amount(from: &mut impl Source) -> Result<f64, ImageError> {
    match take_float(from)? {
        value if value >= 0.0 => Ok(value),
        _ => Err(ImageError::Damaged("an amount of a sensor")),
    }
}

impl Detector {
    /// Writes everything but the settings.
    pub fn save(&self, into: &mut impl Sink) {
        into.put_u32(self.readings);
        put_float(into, self.origin);
        into.put_i64(self.first_at.0);
        into.put_i64(self.last_at.0);
        put_float(into, self.interval_micros);
        put_float(into, self.held);
        self.figures.save(into);
        self.tails.iter().for_each(|tail| tail.save(into));
        self.leaps.save(into);
        self.watched.save(into);
        self.pattern.save(into);
    }

    /// A detector as it was saved, under these settings.
    ///
    /// # Errors
    /// Those of the source; [`ImageError::Damaged`] for what no detector saves.
    pub fn load(settings: Settings, from: &mut impl Source) -> Result<Self, ImageError> {
        Ok(Self {
            settings,
            readings: from.take_u32()?,
            origin: take_float(from)?,
            first_at: Timestamp(from.take_i64()?),
            last_at: Timestamp(from.take_i64()?),
            interval_micros: take_amount(from)?,
            held: take_amount(from)?,
            figures: Figures::load(from)?,
            tails: {
                let mut tails = [Tail::default(); FIGURES];
                for tail in &mut tails {
                    *tail = Tail::load(from)?;
                }
                tails
            },
            leaps: Tail::load(from)?,
            watched: Watched::load(from)?,
            pattern: Pattern::load(from)?,
        })
    }
}
