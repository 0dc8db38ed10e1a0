//! Day and night, weekdays and seasons.

use ledger::Timestamp;

pub(super) const SECOND: i64 = 1_000_000;
pub(super) const MINUTE: i64 = 60 * SECOND;
pub(super) const HOUR: i64 = 60 * MINUTE;
pub(super) const DAY: i64 = 24 * HOUR;

/// How busy each hour and each weekday is, in thousandths of the busiest.
#[derive(Debug)]
pub(super) struct Shape {
    /// From midnight on, local time.
    hours: [u32; 24],
    /// From Monday on.
    weekdays: [u32; 7],
}

/// Web shops are busiest in the evening and on Sundays.
pub(super) const SHOPPING: Shape = Shape {
    hours: [
        180, 110, 80, 70, 80, 130, 250, 400, 520, 600, 650, 680, 720, 680, 620, 620, 680, 780, 900, 1000, 980, 850,
        600, 350,
    ],
    weekdays: [900, 820, 800, 820, 850, 850, 1000],
};

/// Warehouses and counters work two shifts; nights and Sundays are thin.
pub(super) const WORKING: Shape = Shape {
    hours: [
        60, 50, 50, 60, 120, 350, 800, 950, 1000, 1000, 980, 900, 750, 850, 950, 980, 950, 850, 750, 650, 500, 350,
        200, 100,
    ],
    weekdays: [1000, 950, 920, 940, 1000, 600, 250],
};

impl Shape {
    /// How busy it is at a time, in millionths of the busiest, `offset_hours` east of Greenwich.
    pub(super) fn at(&self, at: i64, offset_hours: i64) -> u32 {
        let local = at + offset_hours * HOUR;
        self.hours[index(local.rem_euclid(DAY) / HOUR)] * self.weekdays[weekday(local)]
    }

    /// The average over a week, in millionths of the busiest.
    pub(super) fn mean(&self) -> i64 {
        let hours: u32 = self.hours.iter().sum();
        let weekdays: u32 = self.weekdays.iter().sum();
        i64::from(hours) * i64::from(weekdays) / (24 * 7)
    }
}

/// The hour of the day, 0 to 23.
pub(super) fn hour(at: i64, offset_hours: i64) -> i64 {
    (at + offset_hours * HOUR).rem_euclid(DAY) / HOUR
}

/// Days since Monday; 1970-01-01 was a Thursday.
fn weekday(at: i64) -> usize {
    index((at.div_euclid(DAY) + 3).rem_euclid(7))
}

fn index(small: i64) -> usize {
    usize::try_from(small).expect("an hour or weekday is not negative")
}

/// The day since 1970 of a time.
pub(super) fn day(at: i64) -> i32 {
    Timestamp(at).day().0
}

/// How much a product is wanted, in thousandths of its best day: falling evenly to `1000 - swing` half a year later.
pub(super) fn season(at: i64, peak_day: i64, swing: i64) -> u64 {
    let apart = (i64::from(day(at)) - peak_day).rem_euclid(365);
    let apart = apart.min(365 - apart);
    u64::try_from(1000 - swing * apart / 182).expect("a swing is at most 1000")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sundays_are_thin_and_time_zones_count() {
        let monday_noon = 1_771_200_000 * SECOND + 12 * HOUR; // 2026-02-16
        assert_eq!(weekday(monday_noon), 0);
        assert!(WORKING.at(monday_noon, 0) > 2 * WORKING.at(monday_noon - DAY, 0));
        assert_eq!(WORKING.at(monday_noon, 9), WORKING.at(monday_noon + 9 * HOUR, 0));
        assert_eq!(season(monday_noon, i64::from(day(monday_noon)), 700), 1000);
    }
}
