//! `GET /v1/stock`: what stands where, now or as of a past time.

use crate::App;
use crate::http::counts::ConfidenceReply;
use crate::http::json::{Date, Number, Time};
use crate::http::page::{PageReply, Tag, blocking};
use crate::http::path::Parted;
use crate::http::query::Params;
use crate::http::{Problem, past};
use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, Uri};
use axum::response::Response;
use axum::routing::get;
use ledger::{Quantity, Status};
use serde::Serialize;
use utoipa::ToSchema;
use views::{GroupBy, StockItem, StockQuery};

pub(crate) fn router() -> Router<App> {
    Router::new()
        .route("/v1/stock", get(list_stock))
        .route("/v1/stock/{product_id}", get(list_stock_of_product))
        .route("/v1/stock/{product_id}/{warehouse_id}", get(get_stock))
}

/// Stock of a product at a place.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct StockLine {
    pub(crate) product_id: Box<str>,
    /// What people call the product; absent when nobody said.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub(crate) name: Box<str>,
    pub(crate) warehouse_id: Box<str>,
    /// The exact location; null for the whole warehouse.
    pub(crate) location: Option<Box<str>>,
    pub(crate) lot: Option<Box<str>>,
    /// The status that the figures are of; null for all together.
    #[schema(value_type = Option<String>)]
    pub(crate) status: Option<&'static str>,
    /// The unit that the figures count.
    pub(crate) unit: Box<str>,
    /// Everything that stands there, in whatever status. Below zero when more left than was known to be there.
    pub(crate) on_hand_quantity: Number,
    /// On hand in status available, less what is reserved. In answers about the past reservations are not known, and
    /// nothing is taken off.
    pub(crate) available_quantity: Number,
    /// Set aside by reservations; null in answers about the past.
    pub(crate) reserved_quantity: Option<Number>,
    pub(crate) quarantined_quantity: Number,
    pub(crate) damaged_quantity: Number,
    pub(crate) expired_quantity: Number,
    /// On its way to the warehouse; zero where a single place is meant.
    pub(crate) in_transit_quantity: Number,
    /// On order for the warehouse; zero where a single place is meant.
    pub(crate) on_order_quantity: Number,
    /// The earliest expiry among the lots that are there.
    pub(crate) expiry: Option<Date>,
    /// When the newest entry that touched it was recorded; null when none did, and in answers about the past.
    pub(crate) last_updated: Option<Time>,
    /// The time of its newest count, for single places.
    pub(crate) counted_at: Option<Time>,
    /// Whether product and location were declared; otherwise they are known from events only.
    pub(crate) verified: bool,
    /// The codes of the discrepancies that are open there.
    #[schema(value_type = Vec<String>)]
    pub(crate) discrepancies: Vec<&'static str>,
    /// Whether somebody should count it.
    pub(crate) recount_task: bool,
    /// How likely the books are right; only where `confidence=true` asked for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) confidence: Option<ConfidenceReply>,
}

impl From<&StockItem> for StockLine {
    fn from(item: &StockItem) -> Self {
        let text = |text: &std::sync::Arc<str>| Box::from(&**text);
        let figures = &item.figures;
        Self {
            product_id: text(&item.product),
            name: item.name.clone(),
            warehouse_id: text(&item.warehouse),
            location: item.location.as_ref().map(text),
            lot: item.lot.as_ref().map(text),
            status: item.status.map(Status::name),
            unit: item.base_unit.as_ref().into(),
            on_hand_quantity: figures.on_hand.into(),
            available_quantity: figures.available.into(),
            reserved_quantity: Some(figures.reserved.into()),
            quarantined_quantity: figures.quarantined.into(),
            damaged_quantity: figures.damaged.into(),
            expired_quantity: figures.expired.into(),
            in_transit_quantity: figures.in_transit.into(),
            on_order_quantity: figures.on_order.into(),
            expiry: item.expiry.map(Date),
            last_updated: item.last_updated.map(Time),
            counted_at: item.counted_at.map(Time),
            verified: item.is_product_verified && item.is_location_verified,
            discrepancies: item.discrepancies.iter().collect(),
            recount_task: item.asks_for_recount(),
            confidence: None,
        }
    }
}

/// A query as the caller wrote it.
#[derive(Clone, Default)]
pub(crate) struct Asked {
    pub(crate) product: Option<String>,
    pub(crate) warehouse: Option<String>,
    pub(crate) location: Option<String>,
    pub(crate) lot: Option<String>,
    pub(crate) status: Option<Status>,
    search: Option<String>,
    below: Option<Quantity>,
    pub(crate) group_by: GroupBy,
    limit: usize,
    cursor: Option<String>,
    past: Option<past::Moment>,
}

const KNOWN: &[&str] = &[
    "product_id",
    "warehouse_id",
    "location",
    "lot",
    "status",
    "search",
    "below",
    "group_by",
    "as_of",
    "known_at",
    "limit",
    "cursor",
];
const KNOWN_OF_PRODUCT: &[&str] =
    &["location", "lot", "status", "below", "group_by", "as_of", "known_at", "limit", "cursor"];
const KNOWN_OF_ONE: &[&str] = &["as_of", "known_at", "confidence"];

impl Asked {
    fn of(params: &Params) -> Result<Self, Problem> {
        let text = |name| params.text(name).map(str::to_owned);
        let groups = [("warehouse", GroupBy::Warehouse), ("location", GroupBy::Location), ("lot", GroupBy::Lot)];
        let asked = Self {
            product: text("product_id"),
            warehouse: text("warehouse_id"),
            location: text("location"),
            lot: text("lot"),
            status: params.status("status")?,
            search: text("search"),
            below: params.quantity("below")?,
            group_by: params.one_of("group_by", &groups)?.unwrap_or_default(),
            limit: params.limit(views::LIMIT_DEFAULT, views::LIMIT_MAX)?,
            cursor: text("cursor"),
            past: past::Moment::of(params)?,
        };
        if asked.past.is_some() && asked.below.is_some() {
            return Err(Problem::query("below", "below is about the present; leave it out or as_of and known_at"));
        }
        Ok(asked)
    }

    pub(crate) fn query(&self) -> StockQuery<'_> {
        StockQuery {
            product: self.product.as_deref(),
            warehouse: self.warehouse.as_deref(),
            location: self.location.as_deref(),
            lot: self.lot.as_deref(),
            status: self.status,
            search: self.search.as_deref(),
            below: self.below,
            group_by: self.group_by,
            limit: self.limit,
            cursor: self.cursor.as_deref(),
        }
    }
}

/// Lists stock.
#[utoipa::path(
    get,
    path = "/v1/stock",
    tag = "stock",
    params(
        ("product_id" = Option<String>, Query, description = "Of this product"),
        ("warehouse_id" = Option<String>, Query, description = "In this warehouse"),
        ("location" = Option<String>, Query, description = "At this location or below it"),
        ("lot" = Option<String>, Query, description = "Of this lot"),
        ("status" = Option<String>, Query, description = "In this status: `available`, `quarantined`, `damaged`, `expired`"),
        ("search" = Option<String>, Query, description = "Of products whose id or name contains this"),
        ("below" = Option<f64>, Query, description = "Of which less than this is available"),
        ("group_by" = Option<String>, Query, description = "What an item stands for: `warehouse` (default), `location`, `lot`"),
        ("as_of" = Option<String>, Query, description = "As it stood at this time (RFC 3339)"),
        ("known_at" = Option<String>, Query, description = "By what had been recorded at this time (RFC 3339)"),
        ("limit" = Option<usize>, Query, description = "Items, at most 1,000; 100 when absent"),
        ("cursor" = Option<String>, Query, description = "The `next` of the page before"),
    ),
    responses(
        (status = 200, description = "The stock", body = PageReply<StockLine>),
        (status = 304, description = "Nothing changed since the `If-None-Match`"),
        (status = 400, description = "A parameter is wrong", body = Problem),
    )
)]
pub(crate) async fn list_stock(State(app): State<App>, uri: Uri, headers: HeaderMap) -> Result<Response, Problem> {
    let asked = Asked::of(&Params::of(&uri, KNOWN)?)?;
    answer(&app, &uri, &headers, asked).await
}

/// Lists the stock of a product.
#[utoipa::path(
    get,
    path = "/v1/stock/{product_id}",
    tag = "stock",
    params(("product_id" = String, Path, description = "The product, percent-encoded")),
    responses(
        (status = 200, description = "Its stock, by warehouse unless `group_by` says otherwise; takes the parameters of `/v1/stock`", body = PageReply<StockLine>),
        (status = 304, description = "Nothing changed since the `If-None-Match`"),
        (status = 404, description = "The product was never named", body = Problem),
    )
)]
pub(crate) async fn list_stock_of_product(
    State(app): State<App>,
    Parted(product): Parted<String>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let asked = Asked::of(&Params::of(&uri, KNOWN_OF_PRODUCT)?)?;
    if app.engine().views().catalog().find_product(&product).is_none() {
        return Err(unknown_product(&product));
    }
    answer(&app, &uri, &headers, Asked { product: Some(product), ..asked }).await
}

pub(crate) fn unknown_product(product: &str) -> Problem {
    Problem::not_found(format!("no product {} was ever named", wire::problem::shown(product))).of("product_id")
}

pub(crate) fn unknown_warehouse(warehouse: &str) -> Problem {
    Problem::not_found(format!("no warehouse {} was ever named", wire::problem::shown(warehouse))).of("warehouse_id")
}

async fn answer(app: &App, uri: &Uri, headers: &HeaderMap, asked: Asked) -> Result<Response, Problem> {
    let tag = Tag::new(app, uri);
    if let Some(unchanged) = tag.unchanged(headers) {
        return Ok(unchanged);
    }
    let Some(moment) = asked.past else {
        let page = app.engine().views().stock(&asked.query())?;
        return Ok(tag.page(PageReply::of(page, |item| StockLine::from(&item))));
    };
    let engine = app.engine().clone();
    let page = blocking(move || past::page(&engine, &asked, moment)).await?;
    Ok(tag.page(page))
}

/// Shows the stock of a product in a warehouse.
#[utoipa::path(
    get,
    path = "/v1/stock/{product_id}/{warehouse_id}",
    tag = "stock",
    params(
        ("product_id" = String, Path, description = "The product, percent-encoded"),
        ("warehouse_id" = String, Path, description = "The warehouse, percent-encoded"),
        ("as_of" = Option<String>, Query, description = "As it stood at this time (RFC 3339)"),
        ("known_at" = Option<String>, Query, description = "By what had been recorded at this time (RFC 3339)"),
        ("confidence" = Option<bool>, Query, description = "Whether to say how likely the books are right; not of the past"),
    ),
    responses(
        (status = 200, description = "The stock", body = super::page::ItemReply<StockLine>),
        (status = 304, description = "Nothing changed since the `If-None-Match`"),
        (status = 404, description = "Product or warehouse was never named", body = Problem),
    )
)]
pub(crate) async fn get_stock(
    State(app): State<App>,
    Parted((product, warehouse)): Parted<(String, String)>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let params = Params::of(&uri, KNOWN_OF_ONE)?;
    let moment = past::Moment::of(&params)?;
    let asks_confidence = params.flag("confidence")?;
    let tag = Tag::new(&app, &uri);
    if let Some(unchanged) = tag.unchanged(&headers) {
        return Ok(unchanged);
    }
    let (item, position) = {
        let views = app.engine().views();
        (views.stock_of(&product, &warehouse), views.position())
    };
    let Some(item) = item else {
        let is_product = app.engine().views().catalog().find_product(&product).is_some();
        return Err(if is_product { unknown_warehouse(&warehouse) } else { unknown_product(&product) });
    };
    let Some(moment) = moment else {
        let mut line = StockLine::from(&item);
        if asks_confidence {
            line.confidence = confidence(&app, &product, &warehouse).await?;
        }
        return Ok(tag.item(position, line));
    };
    let engine = app.engine().clone();
    let (line, position) = blocking(move || past::one(&engine, &item, moment)).await?;
    Ok(tag.item(position, line))
}

/// How likely the books of a product in a warehouse are right, as they are now.
async fn confidence(app: &App, product: &str, warehouse: &str) -> Result<Option<ConfidenceReply>, Problem> {
    let (product, warehouse, now) = (product.to_owned(), warehouse.to_owned(), app.engine().now());
    let (sender, receiver) = tokio::sync::oneshot::channel();
    let ask = move |state: &ledger::State, watch: &watch::Watch| {
        let catalog = state.catalog();
        watch.confidence(state, catalog.find_product(&product)?, catalog.find_location(&warehouse)?, now)
    };
    // Whoever hung up meanwhile hears nothing.
    app.engine().ask(ask, move |answer| {
        let _ = sender.send(answer);
    })?;
    let found = receiver.await.unwrap_or(Err(engine::Unavailable::Stopping))?;
    Ok(found.as_ref().map(ConfidenceReply::from))
}
