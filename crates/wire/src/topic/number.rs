//! One number out of a payload: by itself, or at a path in JSON, with its time and unit beside it.

use crate::Problem;
use crate::event::invalid_utf8;
use crate::problem::shown;
use crate::time::parse_timestamp;
use ledger::Timestamp;
use serde_json::{Number, Value};

/// Bytes of a payload that holds one number.
pub const PAYLOAD_BYTES_MAX: usize = 64 << 10;

/// Steps of one path.
const STEPS_MAX: usize = 16;

/// A way into JSON: names of members and indices of elements (from 0), with dots between.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Path {
    steps: Box<[Box<str>]>,
}

impl Path {
    /// Reads a path such as `data.readings.0.value`.
    ///
    /// # Errors
    /// A problem with the code `invalid_path`.
    pub fn parse(text: &str) -> Result<Self, Problem> {
        let steps: Box<[Box<str>]> = text.split('.').map(Box::from).collect();
        if steps.len() > STEPS_MAX || steps.iter().any(|step| step.is_empty()) {
            let detail = format!("path {} has an empty step or more than {STEPS_MAX}", shown(text));
            return Err(Problem::new("invalid_path", "path", format!("{detail}; write something like 'data.value'")));
        }
        Ok(Self { steps })
    }

    /// The value there; `None` when there is none, or null.
    fn of<'v>(&self, value: &'v Value) -> Option<&'v Value> {
        let step = |value: &'v Value, step: &str| match value {
            Value::Object(members) => members.get(step),
            Value::Array(elements) => elements.get(step.parse::<usize>().ok()?),
            _ => None,
        };
        self.steps.iter().try_fold(value, |value, name| step(value, name)).filter(|value| !value.is_null())
    }
}

impl std::fmt::Display for Path {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.steps.join("."))
    }
}

/// Where in a JSON payload a number and what belongs to it are. Without a path to the number the payload is the number.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Paths {
    /// The number, or a text that is one.
    pub value: Option<Path>,
    /// When it was measured: RFC 3339, or seconds, milliseconds or microseconds since 1970, told apart by their size.
    pub at: Option<Path>,
    /// Its unit.
    pub unit: Option<Path>,
}

/// A number as it was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Measured {
    /// Its digits, as JSON writes numbers.
    pub value: Box<str>,
    /// When it was measured; `None` when the payload does not say.
    pub at: Option<Timestamp>,
    /// Its unit; `None` when the payload does not say.
    pub unit: Option<Box<str>>,
}

/// Reads the number in `payload`.
///
/// # Errors
/// Problems that name the path, what is there and the remedy: `too_large`, `invalid_utf8`, `invalid_json`,
/// `missing_field`, `invalid_number`, `invalid_timestamp`, `invalid_unit`.
///
/// ```
/// use wire::topic::number::{Path, Paths, read};
/// assert_eq!(&*read(b" 21.50\n", &Paths::default()).unwrap().value, "21.50");
/// let paths = Paths { value: Some(Path::parse("temp.c").unwrap()), ..Paths::default() };
/// assert_eq!(&*read(br#"{"temp": {"c": "-4"}}"#, &paths).unwrap().value, "-4");
/// ```
pub fn read(payload: &[u8], paths: &Paths) -> Result<Measured, Problem> {
    if payload.len() > PAYLOAD_BYTES_MAX {
        let detail = format!("the payload has {} bytes; at most {PAYLOAD_BYTES_MAX} are taken", payload.len());
        return Err(Problem::new("too_large", "", format!("{detail} for one number: send less beside it")));
    }
    let text = std::str::from_utf8(payload).map_err(|error| invalid_utf8(error.valid_up_to()))?;
    let Some(path) = &paths.value else {
        return Ok(Measured { value: number(text.trim(), "the payload")?, at: None, unit: None });
    };
    let document: Value = serde_json::from_str(text).map_err(|error| {
        let detail = format!("the payload is not JSON: {error}; send one JSON value");
        Problem::new("invalid_json", "", detail)
    })?;
    let value = match path.of(&document) {
        Some(Value::Number(value)) => number(&value.to_string(), &path.to_string())?,
        Some(Value::String(text)) => number(text.trim(), &path.to_string())?,
        Some(_) => return Err(problem("invalid_number", path, "there is no number at it; let the path lead to one")),
        None => return Err(problem("missing_field", path, "there is nothing at it; send it, or mend the path")),
    };
    let at = paths.at.as_ref().and_then(|path| Some((path, path.of(&document)?)));
    let at = at.map(|(path, value)| time(value, path)).transpose()?;
    let unit = paths.unit.as_ref().and_then(|path| Some((path, path.of(&document)?)));
    let unit = unit.map(|(path, value)| {
        let text = value.as_str().map(Box::from);
        text.ok_or_else(|| problem("invalid_unit", path, "it is no text; send the unit as a text"))
    });
    Ok(Measured { value, at, unit: unit.transpose()? })
}

fn problem(code: &'static str, path: &Path, why: &str) -> Problem {
    Problem::new(code, path.to_string(), format!("{path}: {why}"))
}

/// The digits of a text that is a number as JSON writes them.
fn number(text: &str, place: &str) -> Result<Box<str>, Problem> {
    let read: Result<Number, _> = serde_json::from_str(text);
    let finite = read.ok().and_then(|_| text.parse::<f64>().ok()).filter(|value| value.is_finite());
    match finite {
        Some(_) => Ok(text.into()),
        None => {
            let detail = format!("{place}: {} is not a number; send one like 21.5", shown(text));
            Err(Problem::new("invalid_number", "value", detail))
        }
    }
}

/// The seconds, milliseconds or microseconds since 1970 that a number of this size must be: before the year 5138 a
/// number of seconds is below 10^11, and after March 1973 one of milliseconds is above it.
fn time(value: &Value, path: &Path) -> Result<Timestamp, Problem> {
    const SECONDS_BELOW: i64 = 100_000_000_000;
    const MILLIS_BELOW: i64 = 100_000_000_000_000;
    let wrong = |why: &str| problem("invalid_timestamp", path, why);
    match value {
        Value::String(text) => {
            parse_timestamp(text).map_err(|error| wrong(&format!("{} is no time: {error}", shown(text))))
        }
        Value::Number(number) => {
            let whole = number.as_i64().filter(|number| *number >= 0);
            let whole =
                whole.ok_or_else(|| wrong("it is no whole number from 0; send RFC 3339 or whole milliseconds"))?;
            Ok(Timestamp(match whole {
                0..SECONDS_BELOW => whole * 1_000_000,
                SECONDS_BELOW..MILLIS_BELOW => whole * 1_000,
                _ => whole,
            }))
        }
        _ => Err(wrong("it is neither a text nor a number; send RFC 3339 or whole milliseconds")),
    }
}
