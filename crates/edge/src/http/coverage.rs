//! `/v1/coverage` and `/v1/blind-spots`: what no rule, device or count looks at.

use crate::App;
use crate::http::Problem;
use crate::http::counts::asked_warehouse;
use crate::http::json::{Json, Number, Time};
use crate::http::page::PageReply;
use crate::http::query::Params;
use crate::survey::{self, SourceItem};
use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use ledger::{Quantity, Timestamp};
use serde::Serialize;
use utoipa::ToSchema;
use watch::Condition;
use watch::coverage::{Cover, Days, Spot, zone_of};

/// Rows of a page at most: each asks for every condition of stock.
const ROWS_MAX: usize = 100;
/// The deepest map, in parts of paths.
const DEPTH_MAX: usize = 6;
/// The most days without a count.
const DAYS_MAX: usize = 3_660;

pub(crate) fn router() -> Router<App> {
    Router::new().route("/v1/coverage", get(list_coverage)).route("/v1/blind-spots", get(list_blind_spots))
}

/// Whether something is watched for a condition.
#[derive(Serialize, ToSchema)]
pub(crate) struct CoverReply {
    /// The condition, such as `low_stock`.
    #[schema(value_type = String)]
    condition: &'static str,
    /// `none` or `built_in`.
    #[schema(value_type = String)]
    cover: &'static str,
}

fn covers(covers: &[(Condition, Cover)]) -> Vec<CoverReply> {
    let reply =
        |(condition, cover): &(Condition, Cover)| CoverReply { condition: condition.name(), cover: cover.name() };
    covers.iter().map(reply).collect()
}

/// Something that no declared rule covers, or a source with how it is.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
pub(crate) enum CoverageReply {
    /// A product at a warehouse, or at a place with rules of its own.
    Product(UnruledProductReply),
    /// A warehouse or a zone.
    Place(UnruledPlaceReply),
    /// A device or another source.
    Source(SourceReply),
}

/// A product at a place without a rule.
#[derive(Serialize, ToSchema)]
pub(crate) struct UnruledProductReply {
    product_id: Box<str>,
    location: Box<str>,
    on_hand_quantity: Number,
    /// Every condition of stock.
    conditions: Vec<CoverReply>,
}

/// A warehouse or zone without a rule for all products.
#[derive(Serialize, ToSchema)]
pub(crate) struct UnruledPlaceReply {
    location: Box<str>,
    /// Every condition of stock.
    conditions: Vec<CoverReply>,
}

/// A source: when it was last heard, and whether anybody listens.
#[derive(Serialize, ToSchema)]
pub(crate) struct SourceReply {
    source: Box<str>,
    /// Whether it was declared as a device.
    declared: bool,
    /// What it is, such as `rfid_reader`; null for a source that nobody declared.
    kind: Option<Box<str>>,
    location: Option<Box<str>>,
    /// `silent` (told), `late` (beyond its interval, not told), `heard`, `unwatched` (nobody is told of its silence) or
    /// `never_heard`.
    #[schema(value_type = String)]
    state: &'static str,
    last_heard_at: Option<Time>,
    /// How long that is ago.
    silent_seconds: Option<Number>,
    /// How often it should speak; null when nobody has said.
    interval_seconds: Option<Number>,
    /// The silence after which somebody is told; null when nobody is.
    told_after_seconds: Option<Number>,
    battery_percent: Option<Number>,
}

impl SourceReply {
    fn of(item: &SourceItem, now: Timestamp) -> Self {
        let seconds = |micros: i64| Number(Quantity::from_micros(micros));
        let card = item.card.as_ref();
        let location = card.map(|card| card.location.clone()).filter(|location| !location.is_empty());
        Self {
            source: item.name.as_str().into(),
            declared: card.is_some(),
            kind: card.map(|card| card.kind.clone()),
            location,
            state: item.state(now),
            last_heard_at: item.last_heard().map(Time),
            silent_seconds: item.last_heard().map(|at| seconds(now.0.saturating_sub(at.0).max(0))),
            interval_seconds: item.interval().map(seconds),
            told_after_seconds: item.facts.and_then(|facts| facts.silent_after).map(seconds),
            battery_percent: item
                .facts
                .and_then(|facts| facts.battery_permille)
                .map(|permille| seconds(i64::from(permille) * 100_000)),
        }
    }
}

/// What a page is about.
#[derive(Clone, Copy)]
enum Kind {
    Products,
    Places,
    Devices,
}

/// Lists products and places without any rule, or every source with its silence.
#[utoipa::path(
    get,
    path = "/v1/coverage",
    tag = "alerts",
    params(
        ("kind" = String, Query, description = "`products`: products at places for which nobody declared a rule over stock; `places`: warehouses and zones in which no declared rule covers every product; `devices`: every device and source, and whether its silence is told"),
        ("limit" = Option<usize>, Query, description = "Items, at most 100, which is also how many there are when absent"),
        ("cursor" = Option<String>, Query, description = "The `next` of the page before"),
    ),
    responses(
        (status = 200, description = "What is not covered", body = PageReply<CoverageReply>),
        (status = 400, description = "A parameter is wrong", body = Problem),
        (status = 503, description = "Nobody can say what is durable", body = Problem),
    )
)]
pub(crate) async fn list_coverage(State(app): State<App>, uri: Uri) -> Result<Response, Problem> {
    let params = Params::of(&uri, &["kind", "limit", "cursor"])?;
    let kinds = [("products", Kind::Products), ("places", Kind::Places), ("devices", Kind::Devices)];
    params.required("kind")?;
    let kind = params.one_of("kind", &kinds)?.unwrap_or(Kind::Products);
    let limit = params.limit(ROWS_MAX, ROWS_MAX)?;
    let from = if matches!(kind, Kind::Products) { params.cursor_number()? } else { 0 };
    let after = params.text("cursor").unwrap_or_default().to_owned();
    let reply = survey::run(&app, move |app| match kind {
        Kind::Products => {
            let (items, next, position) = survey::unruled_products(app, from, limit)?;
            let item = |item: survey::UnruledProduct| {
                CoverageReply::Product(UnruledProductReply {
                    product_id: (&*item.product).into(),
                    location: (&*item.place).into(),
                    on_hand_quantity: item.on_hand.into(),
                    conditions: covers(&item.covers),
                })
            };
            let items = items.into_iter().map(item).collect();
            Ok(PageReply { items, next: next.map(|next| next.to_string()), as_of_position: position.0 })
        }
        Kind::Places => {
            let (items, next, position) = survey::unruled_places(app, &after, limit)?;
            let item = |(place, cover): (String, Vec<(Condition, Cover)>)| {
                CoverageReply::Place(UnruledPlaceReply { location: place.into(), conditions: covers(&cover) })
            };
            Ok(PageReply { items: items.into_iter().map(item).collect(), next, as_of_position: position.0 })
        }
        Kind::Devices => {
            let (sources, position) = survey::sources(app)?;
            let now = app.engine().now();
            let mut rest = sources.iter().filter(|item| item.name > after);
            let items: Vec<&SourceItem> = rest.by_ref().take(limit).collect();
            let next = rest.next().and(items.last()).map(|item| item.name.clone());
            let items = items.into_iter().map(|item| CoverageReply::Source(SourceReply::of(item, now))).collect();
            Ok(PageReply { items, next, as_of_position: position.0 })
        }
    });
    Ok(Json(StatusCode::OK, reply.await?).into_response())
}

/// A warehouse or a part of one, and who has looked at it.
#[derive(Serialize, ToSchema)]
pub(crate) struct SpotReply {
    warehouse_id: Box<str>,
    /// Its path. That of a warehouse stands for what was never said to be in a part of it.
    location: Box<str>,
    /// `blind`: stock stands there, no device was heard in time and nobody has counted; `counted`: no device was heard,
    /// and somebody has counted; `seen`: a device was heard; `empty`: nothing stands there.
    #[schema(value_type = String)]
    sight: &'static str,
    /// What is missing, in words with figures.
    reasons: Vec<String>,
    /// Balances that stand there, and how many of them were counted within the days.
    balances: usize,
    counted: usize,
    last_counted_at: Option<Time>,
    /// Devices that stand there, and how many of them were heard within their intervals.
    devices: usize,
    heard: usize,
}

impl From<Spot> for SpotReply {
    fn from(spot: Spot) -> Self {
        Self {
            warehouse_id: zone_of(&spot.place, 1).into(),
            sight: spot.sight.name(),
            reasons: spot.reasons,
            balances: spot.balances,
            counted: spot.counted,
            last_counted_at: spot.last_count.map(Time),
            devices: spot.devices,
            heard: spot.heard,
            location: spot.place,
        }
    }
}

/// A map of who has looked where.
#[derive(Serialize, ToSchema)]
pub(crate) struct MapReply {
    /// Every place with stock or a device, by path.
    items: Vec<SpotReply>,
    /// Places that are left out because there are more than 5,000.
    left_out: usize,
    as_of_position: u64,
}

/// Shows for each warehouse and zone whether a device or a count has looked at its stock, and what is missing.
#[utoipa::path(
    get,
    path = "/v1/blind-spots",
    tag = "alerts",
    params(
        ("warehouse_id" = Option<String>, Query, description = "In this warehouse; in all when absent"),
        ("days" = Option<usize>, Query, description = "Days within which a count, or a device that keeps no interval, is good enough; 90 when absent"),
        ("depth" = Option<usize>, Query, description = "Parts of paths that make a place, at most 6; 2 when absent: warehouse and zone"),
    ),
    responses(
        (status = 200, description = "The map", body = MapReply),
        (status = 400, description = "A parameter is wrong", body = Problem),
        (status = 404, description = "The warehouse was never named", body = Problem),
        (status = 503, description = "Nobody can say what is durable", body = Problem),
    )
)]
pub(crate) async fn list_blind_spots(State(app): State<App>, uri: Uri) -> Result<Response, Problem> {
    let params = Params::of(&uri, &["warehouse_id", "days", "depth"])?;
    let days =
        params.count("days", DAYS_MAX)?.and_then(|days| u32::try_from(days).ok()).map_or_else(Days::default, Days);
    let depth = params.count("depth", DEPTH_MAX)?.unwrap_or(2);
    let warehouse = asked_warehouse(&app, &params)?;
    let map = survey::run(&app, move |app| survey::map(app, warehouse, depth, days)).await?;
    let items = map.spots.into_iter().map(SpotReply::from).collect();
    let reply = MapReply { items, left_out: map.left_out, as_of_position: map.position.0 };
    Ok(Json(StatusCode::OK, reply).into_response())
}
