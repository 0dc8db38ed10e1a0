//! What a stream does at this time of day and week, if it keeps to any.
//!
//! Three forecasters run side by side: the slow level; the level and what is usual at this half hour of the day; the level
//! and what is usual at this hour of the week. Whichever has erred least of late is believed, so that a stream without a
//! pattern is given none. Days are those of UTC; a pattern that keeps to local time moves by an hour twice a year.

use super::image::{put_float, take_float};
use ledger::{ImageError, Sink, Source, Timestamp};

const DAY_MICROS: i64 = 86_400_000_000;
const DAY_SLOTS: usize = 48;
const WEEK_SLOTS: usize = 168;

/// In how many days the level follows.
const LEVEL_DAYS: f64 = 3.0;
/// The fewest readings in which the level follows.
const LEVEL_READINGS_MIN: f64 = 64.0;
/// Of how many visits to a slot the usual is a mean.
const VISITS: f64 = 8.0;
/// A slot is known from so many visits on.
const VISITS_MIN: f64 = 1.5;
/// A forecaster is believed instead of a simpler one if it errs less than this share of it.
const MARGIN: f64 = 0.9;

/// Where a time lies in a cycle.
#[derive(Clone, Copy, Debug)]
struct Phase {
    slot: usize,
    /// How far into the slot, from zero to one.
    within: f64,
    /// Readings that a visit to the slot is expected to bring, at least one.
    readings: f64,
}

/// What is usual in each slot of a cycle of days, as deviations from the level.
#[derive(Clone, Debug, PartialEq)]
struct Cycle<const SLOTS: usize> {
    usual: [f64; SLOTS],
    /// Readings that a slot's mean is of, at most those of [`VISITS`].
    counts: [u16; SLOTS],
}

impl<const SLOTS: usize> Cycle<SLOTS> {
    const NEW: Self = Self { usual: [0.0; SLOTS], counts: [0; SLOTS] };

    fn phase(days: i64, at: Timestamp, interval_micros: f64) -> Phase {
        let slot_micros = days * DAY_MICROS / i64::try_from(SLOTS).expect("a cycle has few slots");
        let within = at.0.rem_euclid(days * DAY_MICROS);
        let slot = usize::try_from(within / slot_micros).expect("a time within a cycle lies in one of its slots");
        let length = slot_micros as f64;
        let readings = if interval_micros > 0.0 { (length / interval_micros).max(1.0) } else { 1.0 };
        Phase { slot, within: (within % slot_micros) as f64 / length, readings }
    }

    fn neighbours(slot: usize) -> [usize; 2] {
        [(slot + SLOTS - 1) % SLOTS, (slot + 1) % SLOTS]
    }

    fn is_known(&self, slot: usize, readings: f64) -> bool {
        f64::from(self.counts[slot]) >= VISITS_MIN * readings
    }

    /// What is usual then, straight between the middles of the slots; `None` if that is not known yet.
    fn usual(&self, phase: &Phase) -> Option<f64> {
        if !self.is_known(phase.slot, phase.readings) {
            return None;
        }
        let own = self.usual[phase.slot];
        let [before, after] = Self::neighbours(phase.slot);
        let (next, share) = if phase.within < 0.5 { (before, 0.5 - phase.within) } else { (after, phase.within - 0.5) };
        let next = if self.is_known(next, phase.readings) { self.usual[next] } else { own };
        Some(own + (next - own) * share)
    }

    /// How much the usual changes to the slot before or after, whichever is more: what a cycle that comes a little early
    /// or late is off by.
    fn steepness(&self, phase: &Phase) -> f64 {
        let own = self.usual[phase.slot];
        Self::neighbours(phase.slot).iter().fold(0.0, |most: f64, next| most.max((self.usual[*next] - own).abs()))
    }

    fn learn(&mut self, phase: &Phase, deviation: f64) {
        let count = &mut self.counts[phase.slot];
        if f64::from(*count) < (VISITS * phase.readings).max(2.0) {
            *count = count.saturating_add(1);
        }
        self.usual[phase.slot] += (deviation - self.usual[phase.slot]) / f64::from((*count).max(1));
    }

    fn save(&self, into: &mut impl Sink) {
        for (usual, count) in self.usual.iter().zip(self.counts) {
            put_float(into, *usual);
            into.put(&count.to_le_bytes());
        }
    }

    fn load(from: &mut impl Source) -> Result<Self, ImageError> {
        let mut cycle = Self::NEW;
        for (usual, count) in cycle.usual.iter_mut().zip(&mut cycle.counts) {
            *usual = take_float(from)?;
            *count = from.take_array().map(u16::from_le_bytes)?;
        }
        Ok(cycle)
    }
}

/// What a stream is expected to say, and what that was learned from.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Pattern {
    readings: u32,
    level: f64,
    day: Cycle<DAY_SLOTS>,
    week: Cycle<WEEK_SLOTS>,
    /// How far off level, day and week were, in the mean, of late.
    errors: [f64; 3],
}

/// What each forecaster expects, simple to complex, and whom to believe.
#[derive(Clone, Copy, Debug)]
pub(super) struct Forecast {
    each: [f64; 3],
    pub(super) value: f64,
    /// How steep the pattern is there.
    pub(super) steepness: f64,
}

impl Pattern {
    pub(super) const NEW: Self = Self { readings: 0, level: 0.0, day: Cycle::NEW, week: Cycle::NEW, errors: [0.0; 3] };

    /// What to expect of a stream that has a reading every so many microseconds.
    pub(super) fn forecast(&self, at: Timestamp, interval_micros: f64) -> Forecast {
        let (in_day, in_week) = phases(at, interval_micros);
        let (day, week) = (self.day.usual(&in_day), self.week.usual(&in_week));
        let by_day = self.level + day.unwrap_or(0.0);
        let each = [self.level, by_day, week.map_or(by_day, |week| self.level + week)];
        let mut believed = 0;
        for (next, is_known) in [(1, day.is_some()), (2, week.is_some())] {
            if is_known && self.errors[next] < MARGIN * self.errors[believed] {
                believed = next;
            }
        }
        let steepness = match believed {
            0 => 0.0,
            1 => self.day.steepness(&in_day),
            _ => self.week.steepness(&in_week),
        };
        Forecast { each, value: each[believed], steepness }
    }

    /// Learns what came instead.
    pub(super) fn learn(&mut self, at: Timestamp, value: f64, forecast: &Forecast, interval_micros: f64) {
        let is_first = self.readings == 0;
        self.readings = self.readings.saturating_add(1);
        let a_day = if interval_micros > 0.0 { DAY_MICROS as f64 / interval_micros } else { 1.0 };
        let rate = (1.0 / f64::from(self.readings)).max(1.0 / (LEVEL_DAYS * a_day).max(LEVEL_READINGS_MIN));
        for (error, expected) in self.errors.iter_mut().zip(forecast.each) {
            *error += ((value - expected).abs() - *error) * rate;
        }
        // the level follows what the pattern does not explain
        self.level += if is_first { value } else { (value - forecast.value) * rate };
        let (in_day, in_week) = phases(at, interval_micros);
        self.day.learn(&in_day, value - self.level);
        self.week.learn(&in_week, value - self.level);
    }

    pub(super) fn save(&self, into: &mut impl Sink) {
        into.put_u32(self.readings);
        put_float(into, self.level);
        self.errors.iter().for_each(|error| put_float(into, *error));
        self.day.save(into);
        self.week.save(into);
    }

    pub(super) fn load(from: &mut impl Source) -> Result<Self, ImageError> {
        let readings = from.take_u32()?;
        let level = take_float(from)?;
        let mut errors = [0.0; 3];
        for error in &mut errors {
            *error = take_float(from)?;
        }
        Ok(Self { readings, level, errors, day: Cycle::load(from)?, week: Cycle::load(from)? })
    }
}

fn phases(at: Timestamp, interval_micros: f64) -> (Phase, Phase) {
    (Cycle::<DAY_SLOTS>::phase(1, at, interval_micros), Cycle::<WEEK_SLOTS>::phase(7, at, interval_micros))
}

#[cfg(test)]
mod tests {
    use super::*;

    const INTERVAL: i64 = 600_000_000;

    /// The pattern of so many days of readings, ten minutes apart, and how far off its forecasts were on the last day.
    fn run(days: i64, value: impl Fn(i64) -> f64) -> f64 {
        let mut pattern = Pattern::NEW;
        let mut worst: f64 = 0.0;
        for number in 0..days * 144 {
            let at = Timestamp(number * INTERVAL);
            let forecast = pattern.forecast(at, INTERVAL as f64);
            if number >= (days - 1) * 144 {
                worst = worst.max((forecast.value - value(number)).abs());
            }
            pattern.learn(at, value(number), &forecast, INTERVAL as f64);
        }
        worst
    }

    #[test]
    fn a_daily_pattern_is_expected_after_some_days() {
        let wave = |number: i64| 10.0 * libm::sin(core::f64::consts::TAU * number as f64 / 144.0);
        assert!(run(1, wave) > 5.0);
        assert!(run(10, wave) < 1.0, "{}", run(10, wave));
    }

    #[test]
    fn a_weekly_pattern_is_expected_after_some_weeks() {
        // open by day, closed on the seventh; the last day is a closed one
        let shop = |number: i64| if number / 144 % 7 != 6 && (54..108).contains(&(number % 144)) { 10.0 } else { 0.0 };
        assert!(run(6 * 7, shop) < 1.0, "{}", run(6 * 7, shop));
        assert!(run(7, shop) > 5.0);
    }

    #[test]
    fn a_stream_without_a_pattern_is_expected_at_its_level() {
        let ramp = |number: i64| if number % 7 < 3 { 1.0 } else { 0.0 };
        let worst = run(12, ramp);
        assert!((0.5..0.65).contains(&worst), "{worst}");
    }
}
