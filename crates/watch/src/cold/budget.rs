//! How long a lot may be outside in all.

use super::{MINUTE, minutes};
use ledger::{ImageError, Sink, Source};

/// What a lot may be outside its limits in all, and what it was.
///
/// ```
/// use watch::cold::Budget;
///
/// let mut budget = Budget::new(120);
/// assert!(!budget.spend(90 * 60_000_000));
/// assert!((budget.left_minutes() - 30.0).abs() < 1e-9);
/// assert!(budget.spend(31 * 60_000_000), "it is exceeded now");
/// assert!(!budget.spend(1), "and was before");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    allowed_micros: i64,
    spent_micros: i64,
}

impl Budget {
    /// A budget of so many minutes, of which none is spent.
    pub fn new(allowed_minutes: u32) -> Self {
        Self { allowed_micros: i64::from(allowed_minutes) * MINUTE, spent_micros: 0 }
    }

    /// Spends time outside, in microseconds; whether it is exceeded now and was not before. Less than nothing is nothing.
    pub fn spend(&mut self, micros: i64) -> bool {
        let was_exceeded = self.is_exceeded();
        self.spent_micros = self.spent_micros.saturating_add(micros.max(0));
        self.is_exceeded() && !was_exceeded
    }

    /// Changes what is allowed, in minutes; what is spent stays spent.
    pub fn allow(&mut self, allowed_minutes: u32) {
        self.allowed_micros = i64::from(allowed_minutes) * MINUTE;
    }

    /// What is spent, in minutes.
    pub fn spent_minutes(&self) -> f64 {
        minutes(self.spent_micros)
    }

    /// What is left, in minutes; 0 when it is exceeded.
    pub fn left_minutes(&self) -> f64 {
        minutes(self.allowed_micros.saturating_sub(self.spent_micros).max(0))
    }

    /// Whether more is spent than is allowed.
    pub fn is_exceeded(&self) -> bool {
        self.spent_micros > self.allowed_micros
    }

    /// Writes what is allowed and spent.
    pub fn save(&self, into: &mut impl Sink) {
        into.put_i64(self.allowed_micros);
        into.put_i64(self.spent_micros);
    }

    /// A budget as it was saved.
    ///
    /// # Errors
    /// Those of the source; [`ImageError::Damaged`] for what no budget saves.
    pub fn load(from: &mut impl Source) -> Result<Self, ImageError> {
        let (allowed_micros, spent_micros) = (from.take_i64()?, from.take_i64()?);
        let is_whole = allowed_micros % MINUTE == 0 && allowed_micros / MINUTE <= i64::from(u32::MAX);
        if allowed_micros < 0 || spent_micros < 0 || !is_whole {
            return Err(ImageError::Damaged("a budget"));
        }
        Ok(Self { allowed_micros, spent_micros })
    }
}
