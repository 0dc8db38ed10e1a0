//! How readings went, in few figures: of a metric the extremes of each part of the time, of a tracker where it was.

use crate::App;
use crate::http::Problem;
use crate::http::json::{Json, Number, Time};
use crate::http::page::blocking;
use crate::http::path::Parted;
use crate::http::query::Params;
use crate::http::sensed::PATIENCE;
use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use follow::series::{Bucket, Located, Series, Shown};
use ledger::{Position, Quantity, Timestamp};
use serde::Serialize;
use std::fmt::Display;
use utoipa::ToSchema;

/// Items of an answer: at most, and when nobody says.
const POINTS_MAX: usize = 5_000;
const POINTS_DEFAULT: usize = 500;
/// How far back an answer goes when nobody says.
const DAY_MICROS: i64 = 86_400_000_000;

pub(crate) fn router() -> Router<App> {
    Router::new().route("/v1/devices/{device}/track", get(get_track))
}

/// How one metric of a device went.
#[derive(Serialize, ToSchema)]
pub(crate) struct SeriesReply {
    device: String,
    metric: String,
    /// The unit of its newest reading; empty when the device said none.
    unit: String,
    /// The begin of what is shown, included.
    from: Time,
    /// Its end, excluded.
    to: Time,
    /// `raw`: the items are readings. `min_max`: they sum up the readings of a part of the time each.
    #[schema(value_type = String)]
    resolution: &'static str,
    /// How long a part is, at `min_max`; the first and the last may be cut off.
    bucket_seconds: Option<Number>,
    /// How many readings there are from `from` to `to`; null on pages of readings.
    count: Option<u64>,
    /// By time. Parts without readings are absent.
    items: Vec<SeriesItem>,
    /// What to send as `cursor` for the page that follows; null at the end.
    next: Option<String>,
    /// The journal position that this is true at.
    as_of_position: u64,
}

/// One reading, or what sums up several.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
pub(crate) enum SeriesItem {
    /// At `raw`.
    Reading(MeasuredReply),
    /// At `min_max`.
    Bucket(BucketReply),
}

/// One reading.
#[derive(Serialize, ToSchema)]
pub(crate) struct MeasuredReply {
    /// When it was measured.
    at: Time,
    value: f64,
}

/// What sums up the readings of a part of the time.
#[derive(Serialize, ToSchema)]
pub(crate) struct BucketReply {
    /// When the part begins.
    from: Time,
    /// The least figure.
    min: f64,
    /// The greatest figure.
    max: f64,
    /// The earliest figure.
    first: f64,
    /// The latest figure.
    last: f64,
    /// How many readings there are.
    count: u64,
}

impl From<(Timestamp, f64)> for SeriesItem {
    fn from((at, value): (Timestamp, f64)) -> Self {
        Self::Reading(MeasuredReply { at: Time(at), value })
    }
}

impl From<Bucket> for SeriesItem {
    fn from(Bucket { from, summary, .. }: Bucket) -> Self {
        let follow::series::Summary { count, min, max, first, last } = summary;
        Self::Bucket(BucketReply { from: Time(from), min, max, first: first.1, last: last.1, count })
    }
}

/// Where a device was.
#[derive(Serialize, ToSchema)]
pub(crate) struct TrackReply {
    device: String,
    /// The begin of what is shown, included.
    from: Time,
    /// Its end, excluded.
    to: Time,
    /// `raw`: all positions. `outermost`: of each of some parts of the time the first, the last, and those furthest north,
    /// south, east and west.
    #[schema(value_type = String)]
    resolution: &'static str,
    /// How many positions there are from `from` to `to`.
    count: u64,
    /// By time.
    items: Vec<LocatedReply>,
    /// The journal position that this is true at.
    as_of_position: u64,
}

/// Where a device was at a time.
#[derive(Serialize, ToSchema)]
pub(crate) struct LocatedReply {
    at: Time,
    /// Degrees north.
    latitude: f64,
    /// Degrees east.
    longitude: f64,
    /// Metres within which it was; null when the device said none.
    accuracy_m: Option<f64>,
}

impl From<Located> for LocatedReply {
    fn from(Located { at, latitude, longitude, accuracy_m }: Located) -> Self {
        Self { at: Time(at), latitude, longitude, accuracy_m }
    }
}

/// The index of how readings went, with all that is in the journal by now; with less when that takes long, which the
/// answer's position then tells.
///
/// # Errors
/// 503 `not_running`.
pub(super) async fn caught_up(app: &App) -> Result<(Series, Position), Problem> {
    let series = app.series().cloned().ok_or_else(|| {
        let detail = "this server does not keep how readings went; start it with its sensing";
        Problem::new(StatusCode::SERVICE_UNAVAILABLE, "not_running", detail)
    })?;
    let position = app.engine().position();
    if series.progress().position() < position {
        let progress = series.progress().clone();
        blocking(move || Ok(progress.wait_for(position, PATIENCE))).await?;
    }
    let reached = series.progress().position();
    Ok((series, reached))
}

/// The span of time that is asked for; up to now, or to what is newer, when nobody says.
fn span(params: &Params, now: Timestamp, newest: Option<Timestamp>) -> Result<(Timestamp, Timestamp), Problem> {
    let to = params.time("to")?.unwrap_or_else(|| newest.map_or(now, |newest| newest.max(now)).plus(1));
    let from = params.time("from")?.unwrap_or_else(|| to.minus(DAY_MICROS));
    if from < to {
        return Ok((from, to));
    }
    let (from, to) = (wire::time::render_timestamp(from), wire::time::render_timestamp(to));
    Err(Problem::query("from", format!("from {from} is not before to {to}; send an earlier from or a later to")))
}

fn points(params: &Params) -> Result<usize, Problem> {
    let Some(text) = params.text("points") else { return Ok(POINTS_DEFAULT) };
    text.parse().ok().filter(|points| (1..=POINTS_MAX).contains(points)).ok_or_else(|| {
        let shown = wire::problem::shown(text);
        Problem::query("points", format!("points {shown} is no whole number of 1 to {POINTS_MAX}; send one"))
    })
}

/// Where a page of readings ended: the time, and the bits of the figure.
fn cursor((at, value): (Timestamp, f64)) -> String {
    format!("{}.{:016x}", at.0, value.to_bits())
}

fn read_cursor(text: &str) -> Result<(Timestamp, f64), Problem> {
    let read = || {
        let (at, bits) = text.split_once('.')?;
        let value = f64::from_bits(u64::from_str_radix(bits, 16).ok()?);
        Some((Timestamp(at.parse().ok()?), value))
    };
    read().ok_or_else(|| {
        let detail = "cursor is not the `next` of a page; send it as it came";
        Problem::new(StatusCode::BAD_REQUEST, "invalid_cursor", detail).of("cursor")
    })
}

fn never(what: impl Display, remedy: &str) -> Problem {
    Problem::not_found(format!("{what} were ever recorded; {remedy}"))
}

/// How one metric of a device went.
///
/// # Errors
/// 400 for what cannot be used; 404 when nothing was ever read of the metric; 503 `not_running`.
pub(super) async fn of_metric(app: &App, params: &Params) -> Result<Response, Problem> {
    let device = params.required("device")?.to_owned();
    let metric = params.required("metric")?.to_owned();
    let points = points(params)?;
    let is_raw = params.one_of("resolution", &[("auto", false), ("raw", true)])?.unwrap_or(false);
    let after = params.text("cursor").map(read_cursor).transpose()?;
    if after.is_some() && !is_raw {
        return Err(Problem::query("cursor", "cursor is for pages of readings; add resolution=raw, or leave it out"));
    }
    if params.text("limit").is_some() {
        return Err(Problem::query("limit", "limit is for the newest figures; how a metric went takes points"));
    }
    // What is wrong with the times is told before anything is read.
    span(params, app.engine().now(), None)?;
    let (series, as_of) = caught_up(app).await?;
    let of = (device.clone(), metric.clone());
    let newest = {
        let (series, of) = (series.clone(), of.clone());
        blocking(move || Ok(series.newest_at((&of.0, &of.1))?)).await?
    };
    let Some(newest) = newest else {
        let what = format!("no figures {} of device {}", wire::problem::shown(&metric), wire::problem::shown(&device));
        return Err(never(what, "/v1/readings?device= lists the newest of each metric").of("metric"));
    };
    let (from, to) = span(params, app.engine().now(), Some(newest))?;
    let ask = Ask { span: (from, to), points, is_raw, after };
    let reply = blocking(move || ask.of_metric(&series, of, as_of)).await?;
    Ok(Json(StatusCode::OK, reply).into_response())
}

/// What is asked of a series.
struct Ask {
    span: (Timestamp, Timestamp),
    points: usize,
    /// Whether every reading is wanted, page by page.
    is_raw: bool,
    /// The last reading of the page before.
    after: Option<(Timestamp, f64)>,
}

impl Ask {
    fn of_metric(
        self,
        series: &Series,
        (device, metric): (String, String),
        as_of: Position,
    ) -> Result<SeriesReply, Problem> {
        let of = (device.as_str(), metric.as_str());
        let (mut unit, mut items, mut count, mut next) = (String::new(), Vec::new(), None, None);
        let mut bucket_seconds = None;
        if self.is_raw {
            if let Some(found) = series.readings(of, self.span, self.after, self.points)? {
                next = found.readings.last().filter(|_| found.readings.len() == self.points).copied().map(cursor);
                (unit, items) = (found.unit, found.readings.into_iter().map(SeriesItem::from).collect());
            }
        } else if let Some(history) = series.history(of, self.span, self.points)? {
            (unit, count) = (history.unit, Some(history.count));
            items = match history.shown {
                Shown::Raw(readings) => readings.into_iter().map(SeriesItem::from).collect(),
                Shown::Buckets(grid, buckets) => {
                    bucket_seconds = Some(Number(Quantity::from_micros(grid.width_micros())));
                    buckets.into_iter().map(SeriesItem::from).collect()
                }
            };
        }
        let resolution = if bucket_seconds.is_some() { "min_max" } else { "raw" };
        let (from, to) = (Time(self.span.0), Time(self.span.1));
        let as_of_position = as_of.0;
        Ok(SeriesReply {
            device,
            metric,
            unit,
            from,
            to,
            resolution,
            bucket_seconds,
            count,
            items,
            next,
            as_of_position,
        })
    }
}

/// Shows where a device was.
#[utoipa::path(
    get,
    path = "/v1/devices/{device}/track",
    tag = "devices",
    params(
        ("device" = String, Path, description = "The device, percent-encoded"),
        ("from" = Option<String>, Query, description = "There then or later; a day before `to` when absent"),
        ("to" = Option<String>, Query, description = "There before then; up to now when absent"),
        ("points" = Option<usize>, Query, description = "Positions at most, 1 to 5,000; 500 when absent"),
    ),
    responses(
        (status = 200, description = "Positions", body = TrackReply),
        (status = 400, description = "A parameter cannot be used", body = Problem),
        (status = 404, description = "The device never said where it is", body = Problem),
        (status = 503, description = "Nobody follows what devices say", body = Problem),
    )
)]
pub(crate) async fn get_track(
    State(app): State<App>,
    Parted(device): Parted<String>,
    uri: Uri,
) -> Result<Response, Problem> {
    let params = Params::of(&uri, &["from", "to", "points"])?;
    let points = points(&params)?;
    let now = app.engine().now();
    span(&params, now, None)?;
    let (series, as_of) = caught_up(&app).await?;
    let newest = {
        let (series, device) = (series.clone(), device.clone());
        blocking(move || Ok(series.newest_position_at(&device)?)).await?
    };
    let Some(newest) = newest else {
        let what = format!("no positions of device {}", wire::problem::shown(&device));
        return Err(never(what, "send position_reported events, or positions over MQTT").of("device"));
    };
    let (from, to) = span(&params, now, Some(newest))?;
    let of = device.clone();
    let track = blocking(move || Ok(series.track(&of, (from, to), points)?)).await?;
    let (count, positions) = track.map_or_else(Default::default, |track| (track.count, track.positions));
    let resolution = if positions.len() as u64 == count { "raw" } else { "outermost" };
    let items = positions.into_iter().map(LocatedReply::from).collect();
    let (from, to, as_of_position) = (Time(from), Time(to), as_of.0);
    let reply = TrackReply { device, from, to, resolution, count, items, as_of_position };
    Ok(Json(StatusCode::OK, reply).into_response())
}
