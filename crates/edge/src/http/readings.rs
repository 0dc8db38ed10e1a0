//! `/v1/readings`: the figures of sensors, the newest of each, and one by one as they went. How they went in few figures:
//! [`series`](super::series).

use crate::App;
use crate::http::Problem;
use crate::http::json::{Json, Time};
use crate::http::page::{PageReply, blocking};
use crate::http::path::Parted;
use crate::http::query::Params;
use crate::http::sensed::caught_up;
use crate::http::series::{self, SeriesReply};
use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use follow::sensing::KeptReading;
use ledger::Timestamp;
use serde::Serialize;
use serde_json::value::RawValue;
use utoipa::ToSchema;

/// Figures of a series: at most, and when nobody says.
const FIGURES_MAX: usize = 10_000;
const FIGURES_DEFAULT: usize = 1_000;
/// How far back a series goes when nobody says.
const DAY_MICROS: i64 = 86_400_000_000;

pub(crate) fn router() -> Router<App> {
    Router::new().route("/v1/readings", get(list_readings)).route("/v1/readings/{device}/{metric}", get(list_figures))
}

/// The newest figure of a device's metric.
#[derive(Serialize, ToSchema)]
pub(crate) struct ReadingReply {
    device: String,
    metric: String,
    /// As the device wrote it: a number, a text, true or false.
    #[schema(value_type = Object)]
    value: Box<RawValue>,
    /// Empty when the device said none.
    unit: String,
    /// When it was measured.
    at: Time,
    /// The entry that it came in.
    position: u64,
}

impl From<KeptReading> for ReadingReply {
    fn from(kept: KeptReading) -> Self {
        let KeptReading { device, metric, value, unit, at, position } = kept;
        let value = RawValue::from_string(value).unwrap_or_else(|_| RawValue::NULL.to_owned());
        Self { device, metric, value, unit, at: Time(at), position: position.0 }
    }
}

/// One figure of a series.
#[derive(Serialize, ToSchema)]
pub(crate) struct FigureReply {
    /// When it was measured.
    at: Time,
    value: f64,
}

/// The newest figures, or how one metric went.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "documents the two answers of one path")]
pub(crate) enum ReadingsReply {
    /// Without `metric`.
    Newest(PageReply<ReadingReply>),
    /// With `metric`.
    Series(SeriesReply),
}

/// Lists the newest figure of each metric, by device and metric; with `metric`, shows how that one went in few figures:
/// the readings themselves when they are few enough, otherwise the least, greatest, first and last of each part of the
/// time.
#[utoipa::path(
    get,
    path = "/v1/readings",
    tag = "devices",
    params(
        ("device" = Option<String>, Query, description = "Of this device"),
        ("limit" = Option<usize>, Query, description = "Of newest figures: at most 1,000; 100 when absent"),
        ("cursor" = Option<String>, Query, description = "The `next` of the page before"),
        ("metric" = Option<String>, Query, description = "How this metric of the device went"),
        ("from" = Option<String>, Query, description = "With `metric`: measured then or later; a day before `to` when absent"),
        ("to" = Option<String>, Query, description = "With `metric`: measured before then; up to now when absent"),
        ("points" = Option<usize>, Query, description = "With `metric`: items at most, 1 to 5,000; 500 when absent"),
        ("resolution" = Option<String>, Query, description = "With `metric`: `raw` for every reading, page by page; `auto` when absent"),
    ),
    responses(
        (status = 200, description = "Readings", body = ReadingsReply),
        (status = 400, description = "A parameter cannot be used", body = Problem),
        (status = 404, description = "Nothing was ever read of the metric", body = Problem),
        (status = 503, description = "Nobody follows what devices say", body = Problem),
    )
)]
pub(crate) async fn list_readings(State(app): State<App>, uri: Uri) -> Result<Response, Problem> {
    let known = &["device", "limit", "cursor", "metric", "from", "to", "points", "resolution"];
    let params = Params::of(&uri, known)?;
    if params.text("metric").is_some() {
        return series::of_metric(&app, &params).await;
    }
    if let Some(name) = ["from", "to", "points", "resolution"].into_iter().find(|name| params.text(name).is_some()) {
        let detail = format!("{name} is for how one metric went; add device and metric, or leave it out");
        return Err(Problem::query(name, detail));
    }
    let device = params.text("device").map(str::to_owned);
    let limit = params.limit(views::LIMIT_DEFAULT, views::LIMIT_MAX)?;
    let after: (String, String) = match params.text("cursor") {
        None => Default::default(),
        Some(cursor) => serde_json::from_str(cursor).map_err(|_| {
            let detail = "cursor is not the `next` of a page; send it as it came";
            Problem::new(StatusCode::BAD_REQUEST, "invalid_cursor", detail).of("cursor")
        })?,
    };
    let (sensed, as_of) = caught_up(&app).await?;
    let read = move || Ok(sensed.senses.latest_after(device.as_deref(), (&after.0, &after.1), limit)?);
    let readings = blocking(read).await?;
    let last = readings.last().filter(|_| readings.len() == limit);
    let next = last.map(|reading| super::json::text(&(&reading.device, &reading.metric)));
    let items = readings.into_iter().map(ReadingReply::from).collect();
    Ok(Json(StatusCode::OK, PageReply { items, next, as_of_position: as_of.0 }).into_response())
}

/// Lists the figures of one metric, the oldest first.
#[utoipa::path(
    get,
    path = "/v1/readings/{device}/{metric}",
    tag = "devices",
    params(
        ("device" = String, Path, description = "The device, percent-encoded"),
        ("metric" = String, Path, description = "The metric, percent-encoded"),
        ("from" = Option<String>, Query, description = "Measured then or later; a day before `to` when absent"),
        ("to" = Option<String>, Query, description = "Measured before then; all that is known when absent"),
        ("limit" = Option<usize>, Query, description = "Figures, at most 10,000; 1,000 when absent"),
    ),
    responses(
        (status = 200, description = "Figures; `next` is the `from` of the part that follows", body = PageReply<FigureReply>),
        (status = 503, description = "Nobody follows what devices say", body = Problem),
    )
)]
pub(crate) async fn list_figures(
    State(app): State<App>,
    Parted((device, metric)): Parted<(String, String)>,
    uri: Uri,
) -> Result<Response, Problem> {
    let params = Params::of(&uri, &["from", "to", "limit"])?;
    let to = params.time("to")?;
    let day_before = || to.unwrap_or_else(|| app.engine().now()).minus(DAY_MICROS);
    let from = params.time("from")?.unwrap_or_else(day_before);
    let limit = params.limit(FIGURES_DEFAULT, FIGURES_MAX)?;
    let (series, as_of) = series::caught_up(&app).await?;
    let between = (from, to.unwrap_or(Timestamp::MAX));
    let read = move || Ok(series.readings((&device, &metric), between, None, limit + 1)?);
    let mut figures = blocking(read).await?.map_or_else(Vec::new, |found| found.readings);
    let next = cut(&mut figures, limit);
    let items = figures.into_iter().map(|(at, value)| FigureReply { at: Time(at), value }).collect();
    let next = next.map(wire::time::render_timestamp);
    Ok(Json(StatusCode::OK, PageReply { items, next, as_of_position: as_of.0 }).into_response())
}

/// Leaves at most `limit` figures, all those of a time or none; answers from when on the others are.
fn cut(figures: &mut Vec<(Timestamp, f64)>, limit: usize) -> Option<Timestamp> {
    let (boundary, _) = *figures.get(limit)?;
    let before = figures.partition_point(|(at, _)| *at < boundary);
    // More at one time than fit in an answer: the rest of them is left out.
    let (left, next) = if before == 0 { (limit, boundary.plus(1)) } else { (before, boundary) };
    figures.truncate(left);
    Some(next)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_series_is_cut_between_times() {
        let check = |times: &[i64], limit, expect: (usize, Option<i64>)| {
            let mut figures: Vec<(Timestamp, f64)> = times.iter().map(|at| (Timestamp(*at), 0.0)).collect();
            let next = cut(&mut figures, limit).map(|at| at.0);
            assert_eq!((figures.len(), next), expect, "{times:?}");
        };
        check(&[1, 2, 3], 3, (3, None));
        check(&[1, 2, 3], 2, (2, Some(3)));
        check(&[1, 2, 2], 2, (1, Some(2)));
        check(&[2, 2, 2], 2, (2, Some(3)));
        check(&[], 2, (0, None));
    }
}
