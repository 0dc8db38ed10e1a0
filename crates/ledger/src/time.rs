//! Points in time and calendar days, as plain numbers: the ledger never asks what time it is.

/// Microseconds since 1970-01-01T00:00:00Z, leap seconds not counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// Before every event.
    pub const MIN: Self = Self(i64::MIN);
    /// After every event.
    pub const MAX: Self = Self(i64::MAX);

    /// This time plus a duration in microseconds; stays at the end of the range instead of passing it.
    pub const fn plus(self, micros: i64) -> Self {
        Self(self.0.saturating_add(micros))
    }

    /// This time less a duration in microseconds; stays at the end of the range instead of passing it.
    pub const fn minus(self, micros: i64) -> Self {
        Self(self.0.saturating_sub(micros))
    }

    /// The UTC day that this time falls on.
    pub fn day(self) -> Day {
        let days = self.0.div_euclid(86_400_000_000);
        Day(i32::try_from(days).expect("an i64 of microseconds spans fewer days than an i32 counts"))
    }
}

/// Days since 1970-01-01 in the proleptic Gregorian calendar, UTC; the form of an expiry date.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Day(pub i32);
