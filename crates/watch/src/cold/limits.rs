//! What a figure must stay between.

/// A lower and an upper limit, of a temperature in °C or a relative humidity in %. A figure at a limit is inside.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Limits {
    /// The least that is inside; `None` for no lower limit.
    pub min: Option<f64>,
    /// The most that is inside; `None` for no upper limit.
    pub max: Option<f64>,
}

impl Limits {
    /// No limits: everything is inside.
    pub const NONE: Self = Self { min: None, max: None };

    /// Both limits.
    pub const fn between(min: f64, max: f64) -> Self {
        Self { min: Some(min), max: Some(max) }
    }

    /// An upper limit only.
    pub const fn at_most(max: f64) -> Self {
        Self { min: None, max: Some(max) }
    }

    /// How far a figure is outside, 0 inside.
    pub fn beyond(&self, value: f64) -> f64 {
        self.above(value).max(self.below(value)).max(0.0)
    }

    /// Whether a figure is inside.
    pub fn contain(&self, value: f64) -> bool {
        self.above(value) <= 0.0 && self.below(value) <= 0.0
    }

    /// Whether a figure is inside by a margin; by half of the width between the limits when that is less.
    pub fn contain_by(&self, value: f64, margin: f64) -> bool {
        let margin = match (self.min, self.max) {
            (Some(min), Some(max)) => margin.min((max - min) / 2.0),
            _ => margin,
        };
        self.above(value) <= -margin && self.below(value) <= -margin
    }

    /// How far above the upper limit; below zero under it.
    pub(super) fn above(&self, value: f64) -> f64 {
        self.max.map_or(f64::NEG_INFINITY, |max| value - max)
    }

    /// How far below the lower limit; below zero over it.
    pub(super) fn below(&self, value: f64) -> f64 {
        self.min.map_or(f64::NEG_INFINITY, |min| min - value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_figure_at_a_limit_is_inside() {
        let limits = Limits::between(2.0, 8.0);
        for (value, beyond) in [(1.5, 0.5), (2.0, 0.0), (5.0, 0.0), (8.0, 0.0), (8.25, 0.25)] {
            assert!((limits.beyond(value) - beyond).abs() < 1e-12, "{value}");
            assert_eq!(limits.contain(value), beyond == 0.0, "{value}");
        }
        assert!(Limits::NONE.contain(1e300) && Limits::NONE.contain_by(-1e300, 5.0));
        assert!(limits.contain_by(7.5, 0.5) && !limits.contain_by(7.6, 0.5) && limits.contain_by(5.0, 100.0));
    }
}
