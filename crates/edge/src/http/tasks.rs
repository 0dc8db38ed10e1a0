//! `/v1/recounts` and `/v1/discrepancies`: what the books and the floor disagree about.

use crate::App;
use crate::http::Problem;
use crate::http::json::{Date, Number, Time};
use crate::http::page::{PageReply, Tag};
use crate::http::query::Params;
use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, Uri};
use axum::response::Response;
use axum::routing::get;
use serde::Serialize;
use utoipa::ToSchema;
use views::{DiscrepancyItem, DiscrepancyQuery, RecountItem, RecountQuery};

pub(crate) fn router() -> Router<App> {
    Router::new().route("/v1/recounts", get(list_recounts)).route("/v1/discrepancies", get(list_discrepancies))
}

/// Stock that somebody should count.
#[derive(Serialize, ToSchema)]
pub(crate) struct RecountReply {
    product_id: Box<str>,
    warehouse_id: Box<str>,
    location: Box<str>,
    lot: Option<Box<str>>,
    #[schema(value_type = String)]
    status: &'static str,
    /// What the books say is there.
    on_hand_quantity: Number,
    reserved_quantity: Number,
    /// Why it should be counted.
    #[schema(value_type = Vec<String>)]
    discrepancies: Vec<&'static str>,
    /// The entry that first asked for it.
    position: u64,
    opened_at: Time,
    /// The time of the newest count before.
    counted_at: Option<Time>,
}

impl From<RecountItem> for RecountReply {
    fn from(item: RecountItem) -> Self {
        Self {
            product_id: (&*item.product).into(),
            warehouse_id: (&*item.warehouse).into(),
            location: (&*item.location).into(),
            lot: item.lot.as_deref().map(Box::from),
            status: item.status.name(),
            on_hand_quantity: item.on_hand.into(),
            reserved_quantity: item.reserved.into(),
            discrepancies: item.discrepancies.iter().collect(),
            position: item.position.0,
            opened_at: Time(item.opened_at),
            counted_at: item.counted_at.map(Time),
        }
    }
}

/// Something that an entry showed to be wrong, and how it ended.
#[derive(Serialize, ToSchema)]
pub(crate) struct OpenDiscrepancy {
    /// The entry that first showed it.
    position: u64,
    #[schema(value_type = String)]
    code: &'static str,
    /// Null when it is about a handling unit.
    product_id: Option<Box<str>>,
    /// The handling unit, when it is about one.
    handling_unit: Option<Box<str>>,
    /// Where or in which unit that was believed.
    believed_in: Option<Box<str>>,
    location: Option<Box<str>>,
    lot: Option<Box<str>>,
    serial: Option<Box<str>>,
    /// Where the unit was seen instead.
    seen_at: Option<Box<str>>,
    /// On hand, variance, excess or shortage, by the code.
    quantity: Option<Number>,
    /// The later of two expiry dates given for a lot.
    other_expiry: Option<Date>,
    occurred_at: Time,
    opened_at: Time,
    /// How often it was shown.
    times: u32,
    /// `noted`, `counted`, `recovered` or `reversed`; null while it is open.
    #[schema(value_type = Option<String>)]
    resolution: Option<&'static str>,
    closed_at: Option<Time>,
    /// The entry that closed it.
    closed_by: Option<u64>,
}

impl From<DiscrepancyItem> for OpenDiscrepancy {
    fn from(item: DiscrepancyItem) -> Self {
        Self {
            position: item.position.0,
            code: item.code,
            product_id: item.product.as_deref().map(Box::from),
            handling_unit: item.unit.as_deref().map(Box::from),
            believed_in: item.believed_in.as_deref().map(Box::from),
            location: item.location.as_deref().map(Box::from),
            lot: item.lot.as_deref().map(Box::from),
            serial: item.serial.as_deref().map(Box::from),
            seen_at: item.seen.as_deref().map(Box::from),
            quantity: item.quantity.map(Number),
            other_expiry: item.other_expiry.map(Date),
            occurred_at: Time(item.occurred_at),
            opened_at: Time(item.opened_at),
            times: item.times,
            resolution: item.closure.map(|closure| closure.resolution.name()),
            closed_at: item.closure.map(|closure| Time(closure.closed_at)),
            closed_by: item.closure.map(|closure| closure.position.0),
        }
    }
}

/// Lists open recount tasks, the longest waiting first.
#[utoipa::path(
    get,
    path = "/v1/recounts",
    tag = "discrepancies",
    params(
        ("product_id" = Option<String>, Query, description = "Of this product"),
        ("warehouse_id" = Option<String>, Query, description = "In this warehouse"),
        ("limit" = Option<usize>, Query, description = "Items, at most 1,000; 100 when absent"),
        ("cursor" = Option<String>, Query, description = "The `next` of the page before"),
    ),
    responses((status = 200, description = "What to count", body = PageReply<RecountReply>))
)]
pub(crate) async fn list_recounts(State(app): State<App>, uri: Uri, headers: HeaderMap) -> Result<Response, Problem> {
    let params = Params::of(&uri, &["product_id", "warehouse_id", "limit", "cursor"])?;
    let query = RecountQuery {
        product: params.text("product_id"),
        warehouse: params.text("warehouse_id"),
        limit: params.limit(views::LIMIT_DEFAULT, views::LIMIT_MAX)?,
        cursor: params.text("cursor"),
    };
    let tag = Tag::new(&app, &uri);
    if let Some(unchanged) = tag.unchanged(&headers) {
        return Ok(unchanged);
    }
    let page = app.engine().views().recounts(&query)?;
    Ok(tag.page(PageReply::of(page, RecountReply::from)))
}

/// Lists discrepancies, the newest first.
#[utoipa::path(
    get,
    path = "/v1/discrepancies",
    tag = "discrepancies",
    params(
        ("state" = Option<String>, Query, description = "`open` or `closed`; both when absent"),
        ("code" = Option<String>, Query, description = "Of this kind, such as `negative_on_hand`"),
        ("product_id" = Option<String>, Query, description = "Of this product"),
        ("warehouse_id" = Option<String>, Query, description = "In this warehouse"),
        ("limit" = Option<usize>, Query, description = "Items, at most 1,000; 100 when absent"),
        ("cursor" = Option<String>, Query, description = "The `next` of the page before"),
    ),
    responses((status = 200, description = "Discrepancies: all open ones and the last 10,000 closed", body = PageReply<OpenDiscrepancy>))
)]
pub(crate) async fn list_discrepancies(
    State(app): State<App>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let params = Params::of(&uri, &["state", "code", "product_id", "warehouse_id", "limit", "cursor"])?;
    let query = DiscrepancyQuery {
        is_open: params.one_of("state", &[("open", true), ("closed", false)])?,
        code: params.text("code"),
        product: params.text("product_id"),
        warehouse: params.text("warehouse_id"),
        account: None,
        limit: params.limit(views::LIMIT_DEFAULT, views::LIMIT_MAX)?,
        cursor: params.text("cursor"),
    };
    let tag = Tag::new(&app, &uri);
    if let Some(unchanged) = tag.unchanged(&headers) {
        return Ok(unchanged);
    }
    let page = app.engine().views().discrepancies(&query)?;
    Ok(tag.page(PageReply::of(page, OpenDiscrepancy::from)))
}
