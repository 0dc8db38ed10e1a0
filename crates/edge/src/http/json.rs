//! JSON as we send it: quantities exact, texts escaped, times in RFC 3339.

use axum::http::{HeaderValue, StatusCode, header::CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use ledger::{Quantity, Timestamp};
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;
use utoipa::ToSchema;

/// A quantity as a JSON number with at most six decimals, written exactly.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ToSchema)]
#[schema(value_type = f64, example = 5)]
pub struct Number(pub Quantity);

impl From<Quantity> for Number {
    fn from(quantity: Quantity) -> Self {
        Self(quantity)
    }
}

impl Serialize for Number {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let micros = self.0.micros();
        if micros % 1_000_000 == 0 {
            return serializer.serialize_i64(micros / 1_000_000);
        }
        // A float would round what lies beyond 2^53 micro-units.
        let text = RawValue::from_string(self.0.to_string()).map_err(serde::ser::Error::custom)?;
        text.serialize(serializer)
    }
}

/// A time as RFC 3339 in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ToSchema)]
#[schema(value_type = String, format = DateTime, example = "2026-02-16T10:00:00Z")]
pub struct Time(pub Timestamp);

impl From<Timestamp> for Time {
    fn from(at: Timestamp) -> Self {
        Self(at)
    }
}

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&wire::time::render_timestamp(self.0))
    }
}

/// `value` as JSON text.
pub(crate) fn text<T: Serialize>(value: &T) -> String {
    serde_json::to_string(value).expect("our answers have text keys and cannot fail to serialise")
}

/// A figure to some decimals; what is no number is 0.
pub(crate) fn rounded(figure: f64, decimals: i32) -> f64 {
    let scale = 10.0_f64.powi(decimals);
    let rounded = (figure * scale).round() / scale;
    if rounded.is_finite() { rounded } else { 0.0 }
}

/// An answer of JSON.
pub(crate) struct Json<T>(pub(crate) StatusCode, pub(crate) T);

impl<T: Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        of_text(self.0, text(&self.1))
    }
}

/// An answer of JSON text.
pub(crate) fn of_text(status: StatusCode, text: String) -> Response {
    let mut response = (status, text).into_response();
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// A calendar day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ToSchema)]
#[schema(value_type = String, format = Date, example = "2026-12-31")]
pub struct Date(pub ledger::Day);

impl Serialize for Date {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&wire::time::render_day(self.0))
    }
}
