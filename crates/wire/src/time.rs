//! Points in time and days as text: RFC 3339 and ISO 8601 calendar dates, read and written by hand, for they are on the
//! way of every event. The tests compare with `jiff`.

use ledger::{Day, Timestamp};
use std::fmt::Write;

const MICROS_PER_SECOND: i64 = 1_000_000;
const SECONDS_PER_DAY: i64 = 86_400;

/// Why a text is not a time or day that is taken. In the order in which they are looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TimeError {
    /// Not of the form.
    #[error("write it as 2026-02-16T10:00:00Z")]
    Malformed,
    /// There is no such day or hour.
    #[error("there is no such date or time of day; check it")]
    NoSuchTime,
    /// Without an offset it could mean any of two dozen times.
    #[error("it has no offset from UTC; add 'Z' or one such as '+02:00'")]
    NoOffset,
    /// More than nine decimals of a second.
    #[error("it has more than nine decimals of a second; send at most nine (six are kept)")]
    TooFine,
    /// Before 1990 or after 2199.
    #[error("it lies outside 1990 to 2199; check the source's clock and unit")]
    OutOfRange,
}

impl TimeError {
    /// The stable code used outside.
    pub const fn code(self) -> &'static str {
        match self {
            Self::OutOfRange => "timestamp_out_of_range",
            _ => "invalid_timestamp",
        }
    }
}

/// Reads an RFC 3339 time with offset, to the microsecond; finer decimals are cut off.
///
/// `T` and `Z` may be small letters and the `T` a space. The leap second `:60` is read as the last microsecond of its minute.
///
/// # Errors
/// See [`TimeError`]. The year must be 1990 to 2199.
///
/// ```
/// let at = wire::time::parse_timestamp("2026-02-16T12:00:00.25+02:00").expect("a time");
/// assert_eq!(wire::time::render_timestamp(at), "2026-02-16T10:00:00.250000Z");
/// ```
pub fn parse_timestamp(text: &str) -> Result<Timestamp, TimeError> {
    let bytes = text.as_bytes();
    let Some((head, rest)) = bytes.split_first_chunk::<19>() else {
        return Err(match parse_day(text) {
            Ok(_) => TimeError::NoOffset,
            Err(_) => TimeError::Malformed,
        });
    };
    let separated = head[4] == b'-'
        && head[7] == b'-'
        && matches!(head[10], b'T' | b't' | b' ')
        && head[13] == b':'
        && head[16] == b':';
    if !separated {
        return Err(TimeError::Malformed);
    }
    let year = two_digits(head, 0)? * 100 + two_digits(head, 2)?;
    let days = days_of(year, two_digits(head, 5)?, two_digits(head, 8)?).ok_or(TimeError::NoSuchTime)?;
    let (hour, minute, second) = (two_digits(head, 11)?, two_digits(head, 14)?, two_digits(head, 17)?);
    if hour > 23 || minute > 59 || second > 60 {
        return Err(TimeError::NoSuchTime);
    }
    let (mut micros, offset) = parse_fraction(rest)?;
    let mut seconds = hour * 3600 + minute * 60 + second;
    if second == 60 {
        seconds -= 1;
        micros = MICROS_PER_SECOND - 1;
    }
    seconds += days * SECONDS_PER_DAY - parse_offset(offset)?;
    if !(1990..=2199).contains(&year) {
        return Err(TimeError::OutOfRange);
    }
    Ok(Timestamp(seconds * MICROS_PER_SECOND + micros))
}

/// The number that two ASCII digits at `at` write.
fn two_digits(bytes: &[u8], at: usize) -> Result<i64, TimeError> {
    let digit = |byte: u8| if byte.is_ascii_digit() { Ok(i64::from(byte - b'0')) } else { Err(TimeError::Malformed) };
    Ok(digit(bytes[at])? * 10 + digit(bytes[at + 1])?)
}

/// The microseconds of a fraction of a second, if one begins `rest`, and what follows it.
fn parse_fraction(rest: &[u8]) -> Result<(i64, &[u8]), TimeError> {
    let Some((b'.' | b',', digits)) = rest.split_first() else {
        return Ok((0, rest));
    };
    let count = digits.iter().take_while(|byte| byte.is_ascii_digit()).count();
    match count {
        0 => return Err(TimeError::Malformed),
        1..=9 => {}
        _ => return Err(TimeError::TooFine),
    }
    let kept = digits[..count].iter().chain(std::iter::repeat(&b'0')).take(6);
    let micros = kept.fold(0, |micros, digit| micros * 10 + i64::from(digit - b'0'));
    Ok((micros, &digits[count..]))
}

/// The seconds that local time is ahead of UTC.
fn parse_offset(text: &[u8]) -> Result<i64, TimeError> {
    match text {
        b"Z" | b"z" => Ok(0),
        [] => Err(TimeError::NoOffset),
        [sign @ (b'+' | b'-'), _, _, b':', _, _] => {
            let (hours, minutes) = (two_digits(text, 1)?, two_digits(text, 4)?);
            if hours > 23 || minutes > 59 {
                return Err(TimeError::NoSuchTime);
            }
            let seconds = hours * 3600 + minutes * 60;
            Ok(if *sign == b'-' { -seconds } else { seconds })
        }
        _ => Err(TimeError::Malformed),
    }
}

/// Days since 1970-01-01 of a date in the years 0 to 9999, or `None` when there is no such date.
///
/// # Source
/// Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms", `days_from_civil`.
fn days_of(year: i64, month: i64, day: i64) -> Option<i64> {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let last = match month {
        4 | 6 | 9 | 11 => 30,
        2 if leap => 29,
        2 => 28,
        1..=12 => 31,
        _ => return None,
    };
    if day < 1 || day > last {
        return None;
    }
    // Years begin in March, so that the leap day comes last.
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    Some(era * 146_097 + day_of_era - 719_468)
}

/// Year, month and day of a count of days since 1970-01-01.
///
/// # Source
/// As [`days_of`], `civil_from_days`.
const fn civil(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = year_of_era + era * 400 + if month <= 2 { 1 } else { 0 };
    (year, month, day_of_year - (153 * shifted + 2) / 5 + 1)
}

/// Reads a calendar date `2026-02-16`.
///
/// # Errors
/// `Malformed`, `NoSuchTime`, and `OutOfRange` outside the years 1990 to 2199.
pub fn parse_day(text: &str) -> Result<Day, TimeError> {
    let bytes: &[u8; 10] = text.as_bytes().try_into().map_err(|_| TimeError::Malformed)?;
    if bytes[4] != b'-' || bytes[7] != b'-' {
        return Err(TimeError::Malformed);
    }
    let year = two_digits(bytes, 0)? * 100 + two_digits(bytes, 2)?;
    let days = days_of(year, two_digits(bytes, 5)?, two_digits(bytes, 8)?).ok_or(TimeError::NoSuchTime)?;
    if !(1990..=2199).contains(&year) {
        return Err(TimeError::OutOfRange);
    }
    i32::try_from(days).map(Day).map_err(|_| TimeError::OutOfRange)
}

/// `2026-02-16T10:00:00Z`; six decimals of a second when they are not all zero.
pub fn render_timestamp(at: Timestamp) -> String {
    let mut out = String::with_capacity(27);
    push_timestamp(&mut out, at);
    out
}

/// As [`render_timestamp`], at the end of `out`.
pub fn push_timestamp(out: &mut String, at: Timestamp) {
    let (seconds, micros) = (at.0.div_euclid(MICROS_PER_SECOND), at.0.rem_euclid(MICROS_PER_SECOND));
    let (days, second) = (seconds.div_euclid(SECONDS_PER_DAY), seconds.rem_euclid(SECONDS_PER_DAY));
    push_date(out, days);
    // Writing to a string can't fail.
    let _ = write!(out, "T{:02}:{:02}:{:02}", second / 3600, second / 60 % 60, second % 60);
    if micros != 0 {
        let _ = write!(out, ".{micros:06}");
    }
    out.push('Z');
}

/// `2026-02-16`.
pub fn render_day(day: Day) -> String {
    let mut out = String::with_capacity(10);
    push_date(&mut out, i64::from(day.0));
    out
}

fn push_date(out: &mut String, days: i64) {
    let (year, month, day) = civil(days);
    let _ = write!(out, "{year:04}-{month:02}-{day:02}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_or_refused_with_the_reason() {
        use TimeError::*;
        let check = |text: &str, expect: Result<&str, TimeError>| {
            assert_eq!(parse_timestamp(text).map(render_timestamp), expect.map(String::from), "{text}");
        };
        check("2026-02-16T10:00:00Z", Ok("2026-02-16T10:00:00Z"));
        check("2026-02-16 10:00:00z", Ok("2026-02-16T10:00:00Z"));
        check("2026-02-16t10:00:00.5-00:30", Ok("2026-02-16T10:30:00.500000Z"));
        check("2026-01-01T00:30:00+01:00", Ok("2025-12-31T23:30:00Z"));
        check("2026-02-16T10:00:00.123456789Z", Ok("2026-02-16T10:00:00.123456Z"));
        check("2016-12-31T23:59:60Z", Ok("2016-12-31T23:59:59.999999Z"));
        check("2024-02-29T00:00:00Z", Ok("2024-02-29T00:00:00Z"));
        check("2199-12-31T23:59:59Z", Ok("2199-12-31T23:59:59Z"));
        check("2026-02-16T10:00:00.1234567890Z", Err(TooFine));
        check("2026-02-16T10:00:00", Err(NoOffset));
        check("2026-02-16", Err(NoOffset));
        check("2023-02-29T00:00:00Z", Err(NoSuchTime));
        check("2026-13-01T00:00:00Z", Err(NoSuchTime));
        check("2026-02-16T24:00:00Z", Err(NoSuchTime));
        check("2026-02-16T10:00:61Z", Err(NoSuchTime));
        check("2026-02-16T10:00:00+24:00", Err(NoSuchTime));
        check("1989-12-31T23:59:59Z", Err(OutOfRange));
        check("2200-01-01T00:00:00Z", Err(OutOfRange));
        for text in ["", "now", "1771236000", "2026-02-16T10:00Z", "2026-02-16T10:00:00+0200", "2026-02-16T10:00:00.Z"]
        {
            check(text, Err(Malformed));
        }
        check("２026-02-16T10:00:00Z", Err(Malformed));
    }

    #[test]
    fn days_are_read_or_refused() {
        assert_eq!(parse_day("2026-02-16").map(render_day), Ok("2026-02-16".to_owned()));
        assert_eq!(parse_day("2026-02-30"), Err(TimeError::NoSuchTime));
        assert_eq!(parse_day("16.02.2026"), Err(TimeError::Malformed));
        assert_eq!(parse_day("0001-01-01"), Err(TimeError::OutOfRange));
    }

    proptest::proptest! {
        #[test]
        fn agrees_with_jiff(micros in 631_152_000_000_000..7_258_118_400_000_000_i64) {
            let jiff = jiff::Timestamp::from_microsecond(micros).expect("in jiff's range");
            let text = render_timestamp(Timestamp(micros));
            proptest::prop_assert_eq!(text.parse::<jiff::Timestamp>().expect("jiff reads it"), jiff);
            proptest::prop_assert_eq!(parse_timestamp(&jiff.to_string()), Ok(Timestamp(micros)));
            proptest::prop_assert_eq!(parse_timestamp(&text), Ok(Timestamp(micros)));
        }

        #[test]
        fn any_time_is_rendered(micros in proptest::prelude::any::<i64>(), text in "\\PC{0,40}") {
            let _ = render_timestamp(Timestamp(micros));
            let _ = (parse_timestamp(&text), parse_day(&text));
        }
    }
}
