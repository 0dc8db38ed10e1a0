//! Saving what is known of a sensor and loading it, so that a restart goes on where it was.

use super::exposure::{Open, Total, VALUE_MAX};
use super::kinetic::Bucket;
use super::{Episode, Exposure, KineticMean, Settings};
use ledger::{ImageError, Sink, Source, Timestamp};

/// The hours of an `i64` of microseconds lie within these, either way.
const HOURS_MAX: i64 = i64::MAX / 3_600_000_000 + 1;

fn put_float(into: &mut impl Sink, value: f64) {
    into.put_u64(value.to_bits());
}

fn take_finite(from: &mut impl Source) -> Result<f64, ImageError> {
    let value = f64::from_bits(from.take_u64()?);
    if value.is_finite() { Ok(value) } else { Err(ImageError::Damaged("a number")) }
}

fn put_reading(into: &mut impl Sink, (at, value): (Timestamp, f64)) {
    into.put_i64(at.0);
    put_float(into, value);
}

fn take_reading(from: &mut impl Source) -> Result<(Timestamp, f64), ImageError> {
    let (at, value) = (from.take_i64().map(Timestamp)?, take_finite(from)?);
    if value.abs() <= VALUE_MAX { Ok((at, value)) } else { Err(ImageError::Damaged("a reading")) }
}

impl Exposure {
    /// Writes everything but the settings.
    pub fn save(&self, into: &mut impl Sink) {
        into.put_option(self.last, put_reading);
        into.put_option(self.open, |into, Open { episode, has_begun }| {
            into.put_u8(u8::from(has_begun));
            let Episode { since, until, peak, outside_micros, degree_minutes } = episode;
            into.put_i64(since.0);
            into.put_i64(until.0);
            put_float(into, peak);
            into.put_i64(outside_micros);
            put_float(into, degree_minutes);
        });
        let Total { outside_micros, degree_minutes, late, duplicates, unusable } = self.total;
        into.put_i64(outside_micros);
        put_float(into, degree_minutes);
        for count in [late, duplicates, unusable] {
            into.put_u64(count);
        }
    }

    /// What was saved of a sensor, under these settings.
    ///
    /// # Errors
    /// Those of the source; [`ImageError::Damaged`] for what nothing saves.
    pub fn load(settings: Settings, from: &mut impl Source) -> Result<Self, ImageError> {
        let last = from.take_option(take_reading)?;
        let open = from.take_option(|from| {
            let has_begun = from.take_bool()?;
            let (since, until) = (from.take_i64().map(Timestamp)?, from.take_i64().map(Timestamp)?);
            let peak = take_finite(from)?;
            let (outside_micros, degree_minutes) = (from.take_i64()?, take_finite(from)?);
            if since > until || outside_micros < 0 || degree_minutes < 0.0 {
                return Err(ImageError::Damaged("an excursion"));
            }
            Ok(Open { episode: Episode { since, until, peak, outside_micros, degree_minutes }, has_begun })
        })?;
        let (outside_micros, degree_minutes) = (from.take_i64()?, take_finite(from)?);
        let (late, duplicates, unusable) = (from.take_u64()?, from.take_u64()?, from.take_u64()?);
        if outside_micros < 0 || degree_minutes < 0.0 || (last.is_none() && open.is_some()) {
            return Err(ImageError::Damaged("an exposure"));
        }
        Ok(Self { settings, last, open, total: Total { outside_micros, degree_minutes, late, duplicates, unusable } })
    }
}

impl KineticMean {
    /// Writes everything but the window and the gap.
    pub fn save(&self, into: &mut impl Sink) {
        into.put_option(self.last, put_reading);
        into.put_length(self.buckets.len());
        for Bucket { hour, known_micros, aged } in &self.buckets {
            into.put_i64(*hour);
            into.put_i64(*known_micros);
            put_float(into, *aged);
        }
        into.put_u64(self.ignored);
    }

    /// A mean as it was saved, under the window and the gap that it had. Under a smaller window, the next reading drops what
    /// is too old.
    ///
    /// # Errors
    /// Those of the source; [`ImageError::Damaged`] for what no mean saves.
    pub fn load(hours: u16, gap_micros_max: i64, from: &mut impl Source) -> Result<Self, ImageError> {
        let damaged = ImageError::Damaged("a mean kinetic temperature");
        let mut mean = Self::new(hours, gap_micros_max);
        mean.last = from.take_option(take_reading)?;
        for _ in 0..from.take_length()? {
            let (hour, known_micros, aged) = (from.take_i64()?, from.take_i64()?, take_finite(from)?);
            let is_in_order = mean.buckets.back().is_none_or(|before| before.hour < hour);
            let is_whole = hour.abs() <= HOURS_MAX && (1..=3_600_000_000).contains(&known_micros) && aged >= 0.0;
            if !is_in_order || !is_whole || mean.buckets.len() == usize::from(u16::MAX) {
                return Err(damaged);
            }
            mean.buckets.push_back(Bucket { hour, known_micros, aged });
        }
        mean.ignored = from.take_u64()?;
        if mean.last.is_none() && !mean.buckets.is_empty() { Err(damaged) } else { Ok(mean) }
    }
}
