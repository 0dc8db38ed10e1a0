//! Hours in which only what is critical is told.

use jiff::civil::Time;
use jiff::tz::{Offset, TimeZone};
use ledger::Timestamp;

/// A part of every day, by the clocks of one place.
#[derive(Clone, Debug)]
pub struct QuietHours {
    start: Time,
    end: Time,
    zone: TimeZone,
    /// As they were written.
    text: String,
}

impl QuietHours {
    /// Reads hours such as `22:00-06:00`, which end on the next day, and the name of a zone: one of the IANA database such as
    /// `Europe/Berlin`, `UTC`, or a fixed offset such as `+05:30`.
    ///
    /// # Errors
    /// What is wrong with either and how to write it.
    pub fn parse(hours: &str, zone_name: &str) -> Result<Self, String> {
        let wrong = || format!("quiet_hours '{hours}' can't be read; write them as in '22:00-06:00'");
        let (start, end) = hours.split_once('-').ok_or_else(wrong)?;
        let (start, end) = (time(start).ok_or_else(wrong)?, time(end).ok_or_else(wrong)?);
        if start == end {
            return Err(format!("quiet_hours '{hours}' begin when they end; leave them out, or give another end"));
        }
        let unknown = || {
            format!(
                "time_zone '{zone_name}' is not known; write a name such as 'Europe/Berlin', or an offset such as '+01:00'"
            )
        };
        let zone = zone(zone_name).ok_or_else(unknown)?;
        let text = format!("{} {}", hours.trim(), zone_name.trim());
        Ok(Self { start, end, zone, text })
    }

    /// When the quiet hours that `at` is in end; `None` when it is in none. An end that the clocks skip comes with the change
    /// of the clocks, one that they show twice the first time.
    pub fn until(&self, at: Timestamp) -> Option<Timestamp> {
        let local = self.zone.to_datetime(jiff::Timestamp::from_microsecond(at.0).ok()?);
        let time = local.time();
        let is_over_night = self.end < self.start;
        let is_quiet =
            if is_over_night { time >= self.start || time < self.end } else { time >= self.start && time < self.end };
        if !is_quiet {
            return None;
        }
        let ends_tomorrow = is_over_night && time >= self.start;
        let date = if ends_tomorrow { local.date().tomorrow().ok()? } else { local.date() };
        let end = self.zone.to_ambiguous_timestamp(date.to_datetime(self.end));
        let first = end.compatible().ok().filter(|end| end.as_microsecond() > at.0);
        let end = first.or_else(|| end.later().ok())?.as_microsecond();
        Some(Timestamp(end.max(at.0 + 1)))
    }
}

impl std::fmt::Display for QuietHours {
    /// As they were written: `22:00-06:00 Europe/Berlin`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.text)
    }
}

fn time(text: &str) -> Option<Time> {
    let (hour, minute) = text.trim().split_once(':')?;
    let two = |text: &str| (text.len() == 2).then(|| text.parse::<i8>().ok()).flatten();
    Time::new(two(hour)?, two(minute)?, 0, 0).ok()
}

fn zone(text: &str) -> Option<TimeZone> {
    let text = text.trim();
    let sign = match text.as_bytes().first()? {
        b'+' => 1,
        b'-' => -1,
        _ => return TimeZone::get(text).ok(),
    };
    let offset = time(&text[1..])?;
    let seconds = i32::from(offset.hour()) * 3_600 + i32::from(offset.minute()) * 60;
    Offset::from_seconds(sign * seconds).ok().map(TimeZone::fixed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(hours: &str, zone: &str, at: &str, until: Option<&str>) {
        let read = |text: &str| Timestamp(text.parse::<jiff::Timestamp>().unwrap().as_microsecond());
        let quiet = QuietHours::parse(hours, zone).unwrap();
        assert_eq!(quiet.until(read(at)), until.map(read), "{hours} {zone} at {at}");
    }

    #[test]
    fn nights_end_on_the_next_day() {
        let check = |at, until| check("22:00-06:00", "UTC", at, until);
        check("2026-02-16T21:59:59Z", None);
        check("2026-02-16T22:00:00Z", Some("2026-02-17T06:00:00Z"));
        check("2026-02-17T00:00:00Z", Some("2026-02-17T06:00:00Z"));
        check("2026-02-17T05:59:59.999999Z", Some("2026-02-17T06:00:00Z"));
        check("2026-02-17T06:00:00Z", None);
    }

    #[test]
    fn a_rest_at_noon_ends_on_the_same_day() {
        check("12:00-13:30", "+05:30", "2026-02-16T06:30:00Z", Some("2026-02-16T08:00:00Z"));
        check("12:00-13:30", "+05:30", "2026-02-16T08:00:00Z", None);
        check("12:00-13:30", "-05:00", "2026-02-16T17:00:00Z", Some("2026-02-16T18:30:00Z"));
    }

    #[test]
    fn clocks_that_change_are_followed() {
        // In Berlin 02:00 became 03:00 on 2026-03-29, and 03:00 became 02:00 on 2026-10-25.
        let check = |hours, at, until| check(hours, "Europe/Berlin", at, until);
        check("22:00-06:00", "2026-03-28T21:30:00Z", Some("2026-03-29T04:00:00Z"));
        check("22:00-06:00", "2026-10-24T20:30:00Z", Some("2026-10-25T05:00:00Z"));
        check("01:00-02:30", "2026-03-29T00:30:00Z", Some("2026-03-29T01:30:00Z"));
        check("01:00-02:30", "2026-03-29T01:00:00Z", None);
        check("01:00-02:30", "2026-10-25T00:10:00Z", Some("2026-10-25T00:30:00Z"));
        check("01:00-02:30", "2026-10-25T01:10:00Z", Some("2026-10-25T01:30:00Z"));
    }

    #[test]
    fn what_can_not_be_read_is_told() {
        for hours in ["", "22-06", "22:00", "24:00-06:00", "22:00-06:60", "2:00-6:00", "22:00-22:00", "a:b-c:d"] {
            assert!(QuietHours::parse(hours, "UTC").unwrap_err().contains("quiet_hours"), "{hours}");
        }
        for zone in ["", "Europe/Nowhere", "+1", "+26:00", "+", "Ä"] {
            assert!(QuietHours::parse("22:00-06:00", zone).unwrap_err().contains("time_zone"), "{zone}");
        }
    }

    #[test]
    fn times_out_of_the_calendar_are_never_quiet() {
        let quiet = QuietHours::parse("22:00-06:00", "UTC").unwrap();
        assert_eq!((quiet.until(Timestamp::MIN), quiet.until(Timestamp::MAX)), (None, None));
    }
}
