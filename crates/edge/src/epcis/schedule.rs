//! When a standing query is asked: like cron, in UTC, field by field.
//!
//! # Source
//! GS1 EPCIS 2.0, section 8.2.5.3 (query schedule): numbers, ranges in brackets, commas between them. `*` for any and
//! `from/step`, which others write as well, are understood too.

use follow::epcis::ScheduleFields;
use jiff::civil::DateTime;
use jiff::tz::Offset;
use ledger::Timestamp;

/// Years that are looked through for the next time.
const YEARS_MAX: i16 = 8;

/// The values that each field may have, as bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Schedule {
    seconds: u64,
    minutes: u64,
    hours: u64,
    days: u64,
    months: u64,
    weekdays: u64,
}

impl Schedule {
    /// Reads the fields. One that is absent may have any value, but what is finer than every field that is there has its
    /// least: `{"hour": "1"}` is once a day.
    ///
    /// # Errors
    /// The field at fault, and what is wrong with it; also when there is no field at all.
    pub(super) fn new(fields: &ScheduleFields) -> Result<Self, String> {
        let ordered = [
            ("second", &fields.second, 0, 59),
            ("minute", &fields.minute, 0, 59),
            ("hour", &fields.hour, 0, 23),
            ("dayOfMonth", &fields.day_of_month, 1, 31),
            ("month", &fields.month, 1, 12),
        ];
        let finest = ordered
            .iter()
            .position(|(name, text, ..)| !text.is_empty() || (*name == "dayOfMonth" && !fields.day_of_week.is_empty()));
        let Some(finest) = finest else {
            return Err("schedule: it has no field; give at least one, such as {\"minute\": \"0\"}".to_owned());
        };
        let mut bits = [0; 5];
        for (index, (name, text, least, most)) in ordered.into_iter().enumerate() {
            bits[index] = if index < finest { 1 << least } else { field(name, text, least, most)? };
        }
        let [seconds, minutes, hours, days, months] = bits;
        let weekdays = field("dayOfWeek", &fields.day_of_week, 1, 7)?;
        Ok(Self { seconds, minutes, hours, days, months, weekdays })
    }

    /// The first time after `time` that the schedule names; `None` when there is none in years, as of 30 February.
    pub(super) fn next_after(&self, time: Timestamp) -> Option<Timestamp> {
        let time = Offset::UTC.to_datetime(jiff::Timestamp::from_microsecond(time.0).ok()?);
        let mut day = time.date();
        let last_year = day.year() + YEARS_MAX;
        let mut from = Some((time.hour(), time.minute(), time.second()));
        while day.year() < last_year {
            let is_named = has(self.months, day.month())
                && has(self.days, day.day())
                && has(self.weekdays, day.weekday().to_monday_one_offset());
            if is_named && let Some((hour, minute, second)) = self.time_after(from) {
                let found = DateTime::from_parts(day, jiff::civil::time(hour, minute, second, 0));
                return Some(Timestamp(Offset::UTC.to_timestamp(found).ok()?.as_microsecond()));
            }
            from = None;
            day = day.tomorrow().ok()?;
        }
        None
    }

    /// The first time of a day, after another one if it is given.
    fn time_after(&self, after: Option<(i8, i8, i8)>) -> Option<(i8, i8, i8)> {
        let values = |bits: u64, most: i8| (0..=most).filter(move |value| has(bits, *value));
        let mut times = values(self.hours, 23).flat_map(|hour| {
            // Hours that are over need not be looked through.
            let minutes = after.is_none_or(|(over, ..)| hour >= over).then(|| values(self.minutes, 59));
            minutes
                .into_iter()
                .flatten()
                .flat_map(move |minute| values(self.seconds, 59).map(move |second| (hour, minute, second)))
        });
        times.find(|time| after.is_none_or(|after| *time > after))
    }
}

fn has(bits: u64, value: i8) -> bool {
    u32::try_from(value).is_ok_and(|value| bits >> value & 1 == 1)
}

/// The values of one field, as bits.
fn field(name: &str, text: &str, least: u32, most: u32) -> Result<u64, String> {
    let wrong = |element: &str| {
        format!(
            "schedule/{name}: {} is none of {least} to {most}; write 5, [1-5], or several with commas",
            wire::problem::shown(element)
        )
    };
    let mut bits = 0;
    for element in text.split(',').map(str::trim) {
        let number = |text: &str| {
            text.trim()
                .parse::<u32>()
                .ok()
                .filter(|number| (least..=most).contains(number))
                .ok_or_else(|| wrong(element))
        };
        let (range, step) = element.split_once('/').unwrap_or((element, "1"));
        let step = step.parse::<u32>().ok().filter(|step| *step > 0).ok_or_else(|| wrong(element))?;
        let has_step = element.contains('/');
        let (from, to) = match range {
            "" if text.is_empty() => (least, most),
            "*" => (least, most),
            _ => match range.trim_start_matches('[').trim_end_matches(']').split_once('-') {
                Some((from, to)) => (number(from)?, number(to)?),
                None if has_step => (number(range)?, most),
                None => (number(range)?, number(range)?),
            },
        };
        if from > to {
            return Err(wrong(element));
        }
        (from..=to).step_by(usize::try_from(step).unwrap_or(1)).for_each(|value| bits |= 1 << value);
    }
    Ok(bits)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(texts: &[(&str, &str)]) -> ScheduleFields {
        let object = texts.iter().map(|(name, text)| ((*name).to_owned(), (*text).into()));
        serde_json::from_value(serde_json::Value::Object(object.collect())).unwrap()
    }

    #[test]
    fn the_next_time_is_the_first_that_every_field_names() {
        // 2026-02-16 is a Monday.
        let check = |texts: &[(&str, &str)], after: &str, expect: &str| {
            let schedule = Schedule::new(&fields(texts)).unwrap();
            let after = wire::time::parse_timestamp(after).unwrap();
            let next = schedule.next_after(after).map(wire::time::render_timestamp);
            assert_eq!(next.as_deref(), Some(expect), "{texts:?}");
        };
        check(&[("hour", "1"), ("minute", "5")], "2026-02-16T00:00:00Z", "2026-02-16T01:05:00Z");
        check(&[("hour", "1"), ("minute", "5")], "2026-02-16T01:05:00Z", "2026-02-17T01:05:00Z");
        check(&[("second", "0/30")], "2026-02-16T10:00:00.5Z", "2026-02-16T10:00:30Z");
        check(&[("minute", "[10-12],40")], "2026-02-16T10:12:30Z", "2026-02-16T10:40:00Z");
        check(&[("hour", "6")], "2026-02-16T07:00:00Z", "2026-02-17T06:00:00Z");
        check(&[("dayOfWeek", "7")], "2026-02-16T07:00:00Z", "2026-02-22T00:00:00Z");
        check(&[("month", "3")], "2026-03-01T00:00:00Z", "2027-03-01T00:00:00Z");
        check(&[("dayOfMonth", "29"), ("month", "2")], "2026-02-16T00:00:00Z", "2028-02-29T00:00:00Z");
        check(&[("second", "59"), ("minute", "59"), ("hour", "23")], "2026-12-31T23:59:59Z", "2027-01-01T23:59:59Z");
    }

    #[test]
    fn what_names_no_time_is_refused_or_never_comes() {
        for texts in [
            &[][..],
            &[("hour", "24")],
            &[("minute", "x")],
            &[("second", "[5-3]")],
            &[("month", "0")],
            &[("minute", "1,")],
        ] {
            assert!(Schedule::new(&fields(texts)).is_err(), "{texts:?}");
        }
        let never = Schedule::new(&fields(&[("dayOfMonth", "30"), ("month", "2")])).unwrap();
        assert_eq!(never.next_after(Timestamp(1_771_236_000_000_000)), None);
    }
}
