//! The time of readers that don't know the date.

use ledger::Timestamp;

/// How long an observation counts at least, in microseconds; twice as long at most.
const WINDOW_US: i64 = 600_000_000;

/// Tells the time from a reader's count of microseconds since it started.
///
/// Whatever a reader says arrives after it happened, so that the least of 'now, less the reader's count' is nearest to the
/// time at which it started. Old observations are dropped, for the two clocks drift apart.
#[derive(Clone, Debug, Default)]
pub(super) struct UptimeClock {
    /// When the present window began, and the least in it.
    present: Option<(Timestamp, i64)>,
    /// The least of the window before.
    past: Option<i64>,
}

impl UptimeClock {
    /// Takes in that at `now` the reader's count was at least `uptime_us`.
    pub(super) fn observe(&mut self, uptime_us: u64, now: Timestamp) {
        let Some(started) = i64::try_from(uptime_us).ok().and_then(|uptime| now.0.checked_sub(uptime)) else {
            return;
        };
        self.present = Some(match self.present {
            Some((since, least)) if now.0.saturating_sub(since.0) < WINDOW_US => (since, least.min(started)),
            Some((_, least)) => {
                self.past = Some(least);
                (now, started)
            }
            None => (now, started),
        });
    }

    /// The time at which the reader's count was `uptime_us`; `None` before anything was observed.
    pub(super) fn time_of(&self, uptime_us: u64) -> Option<Timestamp> {
        let (_, least) = self.present?;
        let started = self.past.map_or(least, |past| past.min(least));
        i64::try_from(uptime_us).ok().and_then(|uptime| started.checked_add(uptime)).map(Timestamp)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_least_delay_counts_and_old_ones_are_forgotten() {
        let mut clock = UptimeClock::default();
        assert_eq!(clock.time_of(0), None);
        clock.observe(1_000, Timestamp(501_000));
        assert_eq!(clock.time_of(1_000), Some(Timestamp(501_000)));
        clock.observe(2_000, Timestamp(502_900));
        assert_eq!(clock.time_of(1_000), Some(Timestamp(501_000)), "a later delay is no news");
        clock.observe(3_000, Timestamp(502_950));
        assert_eq!(clock.time_of(3_000), Some(Timestamp(502_950)));
        // The reader's clock is slower than ours, and after two windows that is seen.
        for window in 1..=2 {
            let now = window * WINDOW_US + 600_000;
            clock.observe(u64::try_from(now - 510_000).unwrap(), Timestamp(now));
        }
        assert_eq!(clock.time_of(0), Some(Timestamp(510_000)));
        clock.observe(u64::MAX, Timestamp(0));
        assert_eq!(clock.time_of(u64::MAX), None);
    }
}
