//! What a scale and what lies on it are like.

use super::Milligrams;

/// The largest weight that is reckoned with: 9 000 tonnes. Squares of it and sums of many stay within an `i128`.
pub const WEIGHT_MAX: Milligrams = 9_000_000_000_000;

/// One scale and the product on it. Weights in milligrams.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// What it shows when nothing to be counted lies on it: bin, pallet, tray.
    pub tare: Milligrams,
    /// The mean weight of one unit; more than nothing.
    pub unit: Milligrams,
    /// The standard deviation of single units around it.
    pub unit_sd: Milligrams,
    /// The standard deviation of the scale itself: noise, temperature, where the load stands.
    pub sensor_sd: Milligrams,
    /// How far apart the samples of a stable weight may lie; at most half a unit, so that one unit more or less is never
    /// taken for noise.
    pub band: Milligrams,
    /// How many samples a stable weight needs, at least.
    pub samples_min: u32,
    /// How long a weight must be stable, in microseconds, at least.
    pub stable_micros: i64,
    /// How far past the half between two counts, in thousandths of a unit, the weight must be to change the count.
    pub hysteresis_permille: u16,
    /// Beyond this the scale shows nothing true.
    pub capacity: Milligrams,
}

/// A setting that cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{setting} is {value}; set it between {low} and {high}")]
pub struct SettingsError {
    /// Its name.
    pub setting: &'static str,
    /// What it is.
    pub value: i64,
    /// The least that it may be.
    pub low: i64,
    /// The most that it may be.
    pub high: i64,
}

impl Settings {
    /// A scale with this tare, weight of a unit and capacity, that is good to a thousandth of its capacity.
    pub const fn new(tare: Milligrams, unit: Milligrams, capacity: Milligrams) -> Self {
        Self {
            tare,
            unit,
            unit_sd: 0,
            sensor_sd: capacity / 3_000,
            band: if capacity / 1_000 < unit / 2 { capacity / 1_000 } else { unit / 2 },
            samples_min: 5,
            stable_micros: 1_000_000,
            hysteresis_permille: 100,
            capacity,
        }
    }

    /// Checks everything that the scale relies on.
    ///
    /// # Errors
    /// The first setting that cannot be used, in the order of the fields.
    pub fn check(&self) -> Result<(), SettingsError> {
        let ranges = [
            ("tare", self.tare, -WEIGHT_MAX, WEIGHT_MAX),
            ("unit", self.unit, 1, WEIGHT_MAX),
            ("unit_sd", self.unit_sd, 0, WEIGHT_MAX),
            ("sensor_sd", self.sensor_sd, 0, WEIGHT_MAX),
            ("band", self.band, 0, self.unit / 2),
            ("samples_min", i64::from(self.samples_min), 1, 1_000_000),
            ("stable_micros", self.stable_micros, 0, 86_400_000_000),
            ("hysteresis_permille", i64::from(self.hysteresis_permille), 0, 499),
            ("capacity", self.capacity, 1, WEIGHT_MAX),
        ];
        let bad = ranges.into_iter().find(|(_, value, low, high)| !(low..=high).contains(&value));
        bad.map_or(Ok(()), |(setting, value, low, high)| Err(SettingsError { setting, value, low, high }))
    }
}
