//! Dates and times of day.

use super::{LintError, csetnumeric, fail, number};
use std::ops::Range;

/// Refuses a text that is shorter or longer than `length`, then one with anything but digits.
fn digits(text: &[u8], length: usize, short: &'static str, long: &'static str) -> Result<(), LintError> {
    match text.len().cmp(&length) {
        std::cmp::Ordering::Less => fail(short, 0..text.len()),
        std::cmp::Ordering::Greater => fail(long, 0..text.len()),
        std::cmp::Ordering::Equal => csetnumeric(text),
    }
}

fn at_most(text: &[u8], range: Range<usize>, max: u64, code: &'static str) -> Result<(), LintError> {
    if number(&text[range.clone()]) > max { fail(code, range) } else { Ok(()) }
}

pub(super) fn hh(text: &[u8]) -> Result<(), LintError> {
    digits(text, 2, "hour_too_short", "hour_too_long")?;
    at_most(text, 0..2, 23, "illegal_hour")
}

pub(super) fn mi(text: &[u8]) -> Result<(), LintError> {
    digits(text, 2, "minute_too_short", "minute_too_long")?;
    at_most(text, 0..2, 59, "illegal_minute")
}

pub(super) fn ss(text: &[u8]) -> Result<(), LintError> {
    digits(text, 2, "second_too_short", "second_too_long")?;
    at_most(text, 0..2, 59, "illegal_second")
}

pub(super) fn hhmi(text: &[u8]) -> Result<(), LintError> {
    digits(text, 4, "hour_with_minute_too_short", "hour_with_minute_too_long")?;
    at_most(text, 0..2, 23, "illegal_hour")?;
    at_most(text, 2..4, 59, "illegal_minute")
}

/// The days of a month, 1 to 12.
pub(in crate::gs1) const fn days_of_month(year: u64, month: u64) -> u64 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400)) => 29,
        2 => 28,
        _ => 31,
    }
}

/// Year, month and day; the year has `year_digits`, and the day may be 00 when `vague`.
fn date(text: &[u8], year_digits: usize, vague: bool) -> Result<(), LintError> {
    digits(text, year_digits + 4, "date_too_short", "date_too_long")?;
    let (month_at, day_at) = (year_digits..year_digits + 2, year_digits + 2..year_digits + 4);
    // Of the years that two digits can mean within half a century of now, 00 is 2000, a leap year.
    let year = number(&text[..year_digits]) + if year_digits == 2 { 2000 } else { 0 };
    let (month, day) = (number(&text[month_at.clone()]), number(&text[day_at.clone()]));
    if !(1..=12).contains(&month) {
        return fail("illegal_month", month_at);
    }
    if day > days_of_month(year, month) || (day == 0 && !vague) {
        return fail("illegal_day", day_at);
    }
    Ok(())
}

pub(super) fn yymmd0(text: &[u8]) -> Result<(), LintError> {
    date(text, 2, true)
}

pub(super) fn yymmdd(text: &[u8]) -> Result<(), LintError> {
    date(text, 2, false)
}

pub(super) fn yyyymmd0(text: &[u8]) -> Result<(), LintError> {
    date(text, 4, true)
}

pub(super) fn yyyymmdd(text: &[u8]) -> Result<(), LintError> {
    date(text, 4, false)
}
