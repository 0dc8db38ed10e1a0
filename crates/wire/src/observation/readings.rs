//! Readings of sensors, and positions, as JSON.

use crate::problem::{Problem, shown};
use crate::text::push_json_string;
use crate::time::{parse_timestamp, push_timestamp};
use ledger::Timestamp;
use serde::Deserialize;
use serde_json::value::RawValue;
use std::borrow::Cow;

/// One figure of a device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reading<'a> {
    /// What is measured, such as `temperature_celsius`.
    pub metric: Cow<'a, str>,
    /// The figure.
    pub value: ReadingValue<'a>,
    /// Its unit, where the metric does not say it; empty for none.
    pub unit: Cow<'a, str>,
    /// When it was measured; `None` when the message says it for all.
    pub at: Option<Timestamp>,
}

/// A figure as the device wrote it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReadingValue<'a> {
    /// A JSON number, to the last digit.
    Number(Cow<'a, str>),
    /// True or false.
    Bool(bool),
    /// Text.
    Text(Cow<'a, str>),
}

impl ReadingValue<'_> {
    /// The number, for comparison and charts; `None` for what is none or too large for a float.
    pub fn number(&self) -> Option<f64> {
        match self {
            Self::Number(text) => text.parse().ok().filter(|number: &f64| number.is_finite()),
            Self::Bool(_) | Self::Text(_) => None,
        }
    }
}

/// Where a device is on the globe. Decimals as the device wrote them; empty for absent ones.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// Degrees north, from -90 to 90.
    pub latitude: String,
    /// Degrees east, from -180 to 180.
    pub longitude: String,
    /// Metres within which it is.
    pub accuracy_m: String,
    /// Kilometres an hour.
    pub speed_kmh: String,
    /// Degrees clockwise from north.
    pub heading_degrees: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written<'a> {
    #[serde(borrow)]
    metric: Cow<'a, str>,
    #[serde(borrow)]
    value: &'a RawValue,
    #[serde(borrow, default)]
    unit: Cow<'a, str>,
    #[serde(borrow, default)]
    at: Option<Cow<'a, str>>,
}

/// The canonical JSON of readings.
pub fn render_readings<'a>(readings: impl IntoIterator<Item = &'a Reading<'a>>) -> String {
    let mut out = String::from("[");
    for reading in readings {
        out.push_str(if out.len() == 1 { "{\"metric\":" } else { ",{\"metric\":" });
        push_json_string(&mut out, &reading.metric);
        out.push_str(",\"value\":");
        match &reading.value {
            ReadingValue::Number(text) => out.push_str(text),
            ReadingValue::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
            ReadingValue::Text(text) => push_json_string(&mut out, text),
        }
        if !reading.unit.is_empty() {
            out.push_str(",\"unit\":");
            push_json_string(&mut out, &reading.unit);
        }
        if let Some(at) = reading.at {
            out.push_str(",\"at\":\"");
            push_timestamp(&mut out, at);
            out.push('"');
        }
        out.push('}');
    }
    out.push(']');
    out
}

/// Reads what [`render_readings`] wrote.
///
/// # Errors
/// `invalid_json`, `invalid_value`, `invalid_time`.
pub fn parse_readings(json: &str) -> Result<Vec<Reading<'_>>, Problem> {
    let written: Vec<Written<'_>> = serde_json::from_str(json)
        .map_err(|error| Problem::new("invalid_json", "readings", format!("not a list of readings: {error}")))?;
    written.into_iter().map(reading).collect()
}

fn reading(written: Written<'_>) -> Result<Reading<'_>, Problem> {
    let value = reading_value(written.value.get())?;
    let at = match written.at {
        Some(text) => Some(
            parse_timestamp(&text)
                .map_err(|error| Problem::new(error.code(), "at", format!("at {}: {error}", shown(&text))))?,
        ),
        None => None,
    };
    Ok(Reading { metric: written.metric, value, unit: written.unit, at })
}

/// The value with this JSON text.
///
/// # Errors
/// `invalid_value` for null, lists and objects.
pub(crate) fn reading_value(json: &str) -> Result<ReadingValue<'_>, Problem> {
    match json.as_bytes() {
        b"true" => Ok(ReadingValue::Bool(true)),
        b"false" => Ok(ReadingValue::Bool(false)),
        [b'"', ..] => {
            let text: Cow<'_, str> = serde_json::from_str::<Text<'_>>(json)
                .map(|text| text.0)
                .map_err(|error| Problem::new("invalid_value", "value", format!("value {}: {error}", shown(json))))?;
            Ok(ReadingValue::Text(text))
        }
        [b'-' | b'0'..=b'9', ..] if json.len() <= NUMBER_BYTES_MAX => Ok(ReadingValue::Number(Cow::Borrowed(json))),
        _ => {
            let detail = format!("value {} is no figure; send a number, a text, true or false", shown(json));
            Err(Problem::new("invalid_value", "value", detail))
        }
    }
}

/// The longest number that is kept as written, in bytes.
pub const NUMBER_BYTES_MAX: usize = 40;

#[derive(Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

/// The canonical JSON of a position.
pub fn render_place(place: &Place) -> String {
    let mut out = format!("{{\"latitude\":{},\"longitude\":{}", place.latitude, place.longitude);
    let rest = [
        ("accuracy_m", &place.accuracy_m),
        ("speed_kmh", &place.speed_kmh),
        ("heading_degrees", &place.heading_degrees),
    ];
    for (name, text) in rest.into_iter().filter(|(_, text)| !text.is_empty()) {
        out.push_str(",\"");
        out.push_str(name);
        out.push_str("\":");
        out.push_str(text);
    }
    out.push('}');
    out
}

/// Reads what [`render_place`] wrote.
///
/// # Errors
/// `invalid_json`.
pub fn parse_place(json: &str) -> Result<Place, Problem> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Written<'a> {
        #[serde(borrow)]
        latitude: &'a RawValue,
        #[serde(borrow)]
        longitude: &'a RawValue,
        #[serde(borrow, default)]
        accuracy_m: Option<&'a RawValue>,
        #[serde(borrow, default)]
        speed_kmh: Option<&'a RawValue>,
        #[serde(borrow, default)]
        heading_degrees: Option<&'a RawValue>,
    }
    let text = |raw: Option<&RawValue>| raw.map_or(String::new(), |raw| raw.get().to_owned());
    let written: Written<'_> = serde_json::from_str(json)
        .map_err(|error| Problem::new("invalid_json", "position", format!("not a position: {error}")))?;
    Ok(Place {
        latitude: text(Some(written.latitude)),
        longitude: text(Some(written.longitude)),
        accuracy_m: text(written.accuracy_m),
        speed_kmh: text(written.speed_kmh),
        heading_degrees: text(written.heading_degrees),
    })
}

/// Reads where a device is from the JSON that trackers send: `latitude` and `longitude` (also `lat`, `lon`, `lng`), and
/// `accuracy_m`, `speed_kmh`, `heading_degrees`, `timestamp`, or what OwnTracks calls `acc`, `vel`, `cog`, `tst`.
///
/// # Errors
/// `invalid_json`, `missing_field`, `invalid_value`, `invalid_timestamp`.
pub fn read_place(payload: &[u8]) -> Result<(Place, Option<Timestamp>), Problem> {
    let document: serde_json::Value = serde_json::from_slice(payload)
        .map_err(|error| Problem::new("invalid_json", "", format!("not JSON: {error}; send an object")))?;
    let number = |names: &[&'static str], is_required: bool, min: f64, max: f64| {
        let found = names.iter().find_map(|name| Some((*name, document.get(*name)?)));
        let Some((name, value)) = found.filter(|(_, value)| !value.is_null()) else {
            return if is_required { Err(crate::text::missing(names[0], "52.370216")) } else { Ok(String::new()) };
        };
        match value.as_f64() {
            Some(number) if (min..=max).contains(&number) => Ok(value.to_string()),
            _ => {
                let detail = format!("{name} {} is no number of {min} to {max}; send one", shown(&value.to_string()));
                Err(Problem::new("invalid_value", name, detail))
            }
        }
    };
    let place = Place {
        latitude: number(&["latitude", "lat"], true, -90.0, 90.0)?,
        longitude: number(&["longitude", "lon", "lng"], true, -180.0, 180.0)?,
        accuracy_m: number(&["accuracy_m", "accuracy", "acc"], false, 0.0, 1e6)?,
        speed_kmh: number(&["speed_kmh", "vel"], false, 0.0, 1e5)?,
        heading_degrees: number(&["heading_degrees", "heading", "cog"], false, 0.0, 360.0)?,
    };
    let at =
        match (document.get("timestamp"), document.get("tst")) {
            (Some(serde_json::Value::String(text)), _) => Some(parse_timestamp(text).map_err(|error| {
                Problem::new(error.code(), "timestamp", format!("timestamp {}: {error}", shown(text)))
            })?),
            (None, Some(seconds)) => seconds.as_i64().and_then(|seconds| seconds.checked_mul(1_000_000)).map(Timestamp),
            _ => None,
        };
    Ok((place, at))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn readings_come_back_as_they_were() {
        let readings = [
            Reading {
                metric: "temperature_celsius".into(),
                value: ReadingValue::Number("-18.250".into()),
                unit: "".into(),
                at: Some(Timestamp(1_750_000_000_000_000)),
            },
            Reading { metric: "door".into(), value: ReadingValue::Bool(true), unit: "".into(), at: None },
            Reading {
                metric: "note \"x\"".into(),
                value: ReadingValue::Text("a\"b\n".into()),
                unit: "kg".into(),
                at: None,
            },
        ];
        let json = render_readings(&readings);
        assert_eq!(parse_readings(&json).unwrap(), readings);
        assert_eq!(readings[0].value.number(), Some(-18.25));
        assert_eq!(parse_readings("[]").unwrap(), []);
    }

    #[test]
    fn what_is_no_figure_is_refused() {
        for json in ["null", "[1]", "{}", "-1e999999999999999999999999999999999999999999"] {
            assert_eq!(reading_value(json).unwrap_err().code, "invalid_value", "{json}");
        }
    }

    #[test]
    fn positions_of_trackers_are_read() {
        let own = br#"{"_type":"location","lat":52.37,"lon":4.9,"acc":12,"vel":80,"tst":1771236000}"#;
        let (place, at) = read_place(own).unwrap();
        assert_eq!((&*place.latitude, &*place.speed_kmh, at), ("52.37", "80", Some(Timestamp(1_771_236_000_000_000))));
        let code = |body: &str| read_place(body.as_bytes()).unwrap_err().code;
        assert_eq!(code("x"), "invalid_json");
        assert_eq!(code(r#"{"lat":1}"#), "missing_field");
        assert_eq!(code(r#"{"lat":91,"lng":1}"#), "invalid_value");
        assert_eq!(code(r#"{"lat":1,"lng":1,"timestamp":"yesterday"}"#), "invalid_timestamp");
    }

    #[test]
    fn a_position_comes_back_as_it_was() {
        let place = Place {
            latitude: "52.370216".into(),
            longitude: "-4.895168".into(),
            accuracy_m: "5".into(),
            speed_kmh: String::new(),
            heading_degrees: "359.5".into(),
        };
        assert_eq!(parse_place(&render_place(&place)).unwrap(), place);
    }
}
