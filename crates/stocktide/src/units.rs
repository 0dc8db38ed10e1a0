//! Durations and sizes as people write them: `7d`, `2min`, `256MiB`.

use serde::Deserialize;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// A duration: a whole number and `ms`, `s`, `min`, `h` or `d`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct Period(pub(crate) Duration);

/// A number of bytes: a whole number and `B`, `KiB`, `MiB` or `GiB`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct ByteCount(pub(crate) u64);

const PERIOD_UNITS: [(&str, u64); 5] = [("ms", 1), ("s", 1000), ("min", 60_000), ("h", 3_600_000), ("d", 86_400_000)];
const BYTE_UNITS: [(&str, u64); 4] = [("B", 1), ("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30)];

/// A text that is no duration or size.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("'{text}' is not a whole number and one of {units}")]
pub(crate) struct UnitError {
    text: String,
    units: String,
}

fn parse(text: &str, units: &[(&str, u64)]) -> Result<u64, UnitError> {
    let trimmed = text.trim();
    let digits = trimmed.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(trimmed.len());
    let (number, unit) = trimmed.split_at(digits);
    let unit = unit.trim();
    let factor = units.iter().find(|(name, _)| name.eq_ignore_ascii_case(unit)).map(|(_, factor)| *factor);
    let parsed = number.parse::<u64>().ok().zip(factor).and_then(|(number, factor)| number.checked_mul(factor));
    parsed.ok_or_else(|| UnitError {
        text: text.to_owned(),
        units: units.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", "),
    })
}

impl FromStr for Period {
    type Err = UnitError;

    fn from_str(text: &str) -> Result<Self, UnitError> {
        parse(text, &PERIOD_UNITS).map(|millis| Self(Duration::from_millis(millis)))
    }
}

impl FromStr for ByteCount {
    type Err = UnitError;

    fn from_str(text: &str) -> Result<Self, UnitError> {
        parse(text, &BYTE_UNITS).map(Self)
    }
}

impl TryFrom<String> for Period {
    type Error = UnitError;

    fn try_from(text: String) -> Result<Self, UnitError> {
        text.parse()
    }
}

impl TryFrom<String> for ByteCount {
    type Error = UnitError;

    fn try_from(text: String) -> Result<Self, UnitError> {
        text.parse()
    }
}

impl Period {
    /// The duration in microseconds; the longest that fits when it does not.
    pub(crate) fn micros(self) -> i64 {
        i64::try_from(self.0.as_micros()).unwrap_or(i64::MAX)
    }
}

impl ByteCount {
    /// The number as memory sizes are counted; the greatest that fits when it does not.
    pub(crate) fn length(self) -> usize {
        usize::try_from(self.0).unwrap_or(usize::MAX)
    }
}

impl fmt::Display for ByteCount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&crate::output::bytes(self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn periods_and_sizes_are_a_number_and_a_unit() {
        let period = |text: &str| text.parse::<Period>().map(|period| period.0.as_millis());
        assert_eq!(period("7d"), Ok(604_800_000));
        assert_eq!(period("2 min"), Ok(120_000));
        assert_eq!(period("250ms"), Ok(250));
        let bytes = |text: &str| text.parse::<ByteCount>().map(|bytes| bytes.0);
        assert_eq!(bytes("256MiB"), Ok(256 << 20));
        assert_eq!(bytes("1 gib"), Ok(1 << 30));
        for wrong in ["", "7", "d", "-1d", "1.5h", "1week", "99999999999999999999s", "18446744073709551615d"] {
            let said = period(wrong).unwrap_err().to_string();
            assert_eq!(said, format!("'{wrong}' is not a whole number and one of ms, s, min, h, d"));
        }
    }
}
