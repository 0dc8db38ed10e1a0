//! `/v1/products`, `/v1/locations`, `/v1/reasons`: what is known of the things that events name.

use crate::App;
use crate::auth::Principal;
use crate::http::json::{Json, Number};
use crate::http::page::{ItemReply, PageReply, Tag};
use crate::http::path::Parted;
use crate::http::query::Params;
use crate::http::stock::unknown_product;
use crate::http::submit::{self, Answer};
use crate::http::{Problem, body};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, put};
use axum::{Extension, Router};
use ledger::{Command, LocationCard, ProductCard, Quantity, ReasonCard};
use serde::Serialize;
use utoipa::ToSchema;
use views::{LocationItem, LocationQuery, ProductItem, ProductQuery};

pub(crate) fn router() -> Router<App> {
    Router::new()
        .route("/v1/products", get(list_products))
        .route("/v1/products/{product_id}", get(get_product).put(put_product))
        .route("/v1/locations", get(list_locations))
        .route("/v1/locations/{location}", get(get_location).put(put_location))
        .route("/v1/reasons", get(list_reasons))
        .route("/v1/reasons/{code}", put(put_reason))
}

/// A product.
#[derive(Serialize, ToSchema)]
pub(crate) struct ProductReply {
    product_id: Box<str>,
    /// What people call it; empty when nobody said.
    name: Box<str>,
    gtin: Box<str>,
    category: Box<str>,
    /// The unit that figures count.
    base_unit: Box<str>,
    /// The other units that quantities may come in.
    units: Vec<UnitReply>,
    /// Whether it was declared; otherwise it is known from events only.
    verified: bool,
    /// Whether a lot of it was ever named.
    has_lots: bool,
    /// In how many warehouses it ever was or was expected.
    warehouses: usize,
}

/// A unit: one of it is `numerator / denominator` base units.
#[derive(Serialize, ToSchema)]
pub(crate) struct UnitReply {
    name: Box<str>,
    ratio: RatioReply,
}

/// An exact ratio.
#[derive(Serialize, ToSchema)]
pub(crate) struct RatioReply {
    numerator: u64,
    denominator: u64,
}

impl From<ProductItem> for ProductReply {
    fn from(item: ProductItem) -> Self {
        let unit = |unit: ledger::Unit| UnitReply {
            name: unit.name,
            ratio: RatioReply { numerator: unit.numerator, denominator: unit.denominator },
        };
        Self {
            product_id: (&*item.product).into(),
            name: item.name,
            gtin: item.gtin,
            category: item.category,
            base_unit: item.base_unit,
            units: item.units.into_iter().map(unit).collect(),
            verified: item.is_verified,
            has_lots: item.has_lots,
            warehouses: item.warehouses,
        }
    }
}

/// A location.
#[derive(Serialize, ToSchema)]
pub(crate) struct LocationReply {
    location: Box<str>,
    warehouse_id: Box<str>,
    name: Box<str>,
    /// Its warehouse's region.
    region: Box<str>,
    gln: Box<str>,
    /// Degrees north (WGS 84); null when nobody said.
    latitude: Option<Number>,
    /// Degrees east.
    longitude: Option<Number>,
    /// How far around it belongs to it, in metres.
    radius_m: Option<u32>,
    /// Whether it was declared; otherwise it is known from events only.
    verified: bool,
    is_warehouse: bool,
}

impl From<LocationItem> for LocationReply {
    fn from(item: LocationItem) -> Self {
        let degrees = |micros: i32| Number(Quantity::from_micros(i64::from(micros)));
        Self {
            location: (&*item.location).into(),
            warehouse_id: (&*item.warehouse).into(),
            name: item.name,
            region: item.region,
            gln: item.gln,
            latitude: item.site.map(|site| degrees(site.latitude_micros)),
            longitude: item.site.map(|site| degrees(site.longitude_micros)),
            radius_m: item.site.map(|site| site.radius_m),
            verified: item.is_verified,
            is_warehouse: item.is_warehouse,
        }
    }
}

/// A reason code.
#[derive(Serialize, ToSchema)]
pub(crate) struct ReasonReply {
    code: Box<str>,
    name: Box<str>,
    /// Where stock that is added comes from and stock that is removed goes to.
    #[schema(value_type = String)]
    counterpart: &'static str,
    /// For counts: how far such a count is trusted when two claim the same time.
    trust: u8,
}

impl From<ReasonCard> for ReasonReply {
    fn from(card: ReasonCard) -> Self {
        Self { code: card.code, name: card.name, counterpart: card.counterpart.name(), trust: card.trust }
    }
}

/// Lists products by id.
#[utoipa::path(
    get,
    path = "/v1/products",
    tag = "master data",
    params(
        ("search" = Option<String>, Query, description = "Whose id, name or GTIN contains this"),
        ("verified" = Option<bool>, Query, description = "That were declared, or that were not"),
        ("category" = Option<String>, Query, description = "Of this category"),
        ("limit" = Option<usize>, Query, description = "Items, at most 1,000; 100 when absent"),
        ("cursor" = Option<String>, Query, description = "The `next` of the page before"),
    ),
    responses((status = 200, description = "Products", body = PageReply<ProductReply>))
)]
pub(crate) async fn list_products(State(app): State<App>, uri: Uri, headers: HeaderMap) -> Result<Response, Problem> {
    let params = Params::of(&uri, &["search", "verified", "category", "limit", "cursor"])?;
    let query = ProductQuery {
        search: params.text("search"),
        is_verified: params.flag_if_given("verified")?,
        category: params.text("category"),
        limit: params.limit(views::LIMIT_DEFAULT, views::LIMIT_MAX)?,
        cursor: params.text("cursor"),
    };
    let tag = Tag::new(&app, &uri);
    if let Some(unchanged) = tag.unchanged(&headers) {
        return Ok(unchanged);
    }
    let page = app.engine().views().products(&query)?;
    Ok(tag.page(PageReply::of(page, ProductReply::from)))
}

/// Shows a product.
#[utoipa::path(
    get,
    path = "/v1/products/{product_id}",
    tag = "master data",
    params(("product_id" = String, Path, description = "The product, percent-encoded")),
    responses(
        (status = 200, description = "The product", body = ItemReply<ProductReply>),
        (status = 404, description = "It was never named", body = Problem),
    )
)]
pub(crate) async fn get_product(
    State(app): State<App>,
    Parted(name): Parted<String>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    Params::of(&uri, &[])?;
    let tag = Tag::new(&app, &uri);
    if let Some(unchanged) = tag.unchanged(&headers) {
        return Ok(unchanged);
    }
    let views = app.engine().views();
    let item = views.product(&name).ok_or_else(|| unknown_product(&name))?;
    Ok(tag.item(views.position(), ProductReply::from(item)))
}

/// Says what a product is.
#[utoipa::path(
    put,
    path = "/v1/products/{product_id}",
    tag = "master data",
    params(("product_id" = String, Path, description = "The product, percent-encoded")),
    request_body = super::openapi::Product,
    responses(
        (status = 200, description = "The product as it is now known", body = ItemReply<ProductReply>),
        (status = 409, description = "Stock is kept in another base unit", body = Problem),
        (status = 422, description = "The card cannot be used", body = Problem),
    )
)]
pub(crate) async fn put_product(
    State(app): State<App>,
    Extension(principal): Extension<Principal>,
    Parted(name): Parted<String>,
    request: Request,
) -> Result<Response, Problem> {
    Params::of(request.uri(), &[])?;
    let body = body::json(&app, request).await?;
    let card: ProductCard = wire::body::parse_product(&name, &body).map_err(|problems| Problem::of_body(&problems))?;
    let name = card.product.clone();
    let is_known = {
        let views = app.engine().views();
        let known = views.catalog().find_product(&name).map(|id| views.catalog().product(id));
        known.and_then(|known| known.card.as_deref()) == Some(&card)
    };
    submit_unless(&app, &principal, is_known, || Command::DeclareProduct(Box::new(card))).await?;
    let views = app.engine().views();
    let item = views.product(&name).ok_or_else(|| unknown_product(&name))?;
    Ok(item_reply(&views, ProductReply::from(item)))
}

/// Lists locations by path.
#[utoipa::path(
    get,
    path = "/v1/locations",
    tag = "master data",
    params(
        ("warehouse_id" = Option<String>, Query, description = "This warehouse and what it holds"),
        ("region" = Option<String>, Query, description = "In warehouses of this region"),
        ("search" = Option<String>, Query, description = "Whose path or name contains this"),
        ("verified" = Option<bool>, Query, description = "That were declared, or that were not"),
        ("limit" = Option<usize>, Query, description = "Items, at most 1,000; 100 when absent"),
        ("cursor" = Option<String>, Query, description = "The `next` of the page before"),
    ),
    responses((status = 200, description = "Locations", body = PageReply<LocationReply>))
)]
pub(crate) async fn list_locations(State(app): State<App>, uri: Uri, headers: HeaderMap) -> Result<Response, Problem> {
    let params = Params::of(&uri, &["warehouse_id", "region", "search", "verified", "limit", "cursor"])?;
    let query = LocationQuery {
        warehouse: params.text("warehouse_id"),
        region: params.text("region"),
        search: params.text("search"),
        is_verified: params.flag_if_given("verified")?,
        limit: params.limit(views::LIMIT_DEFAULT, views::LIMIT_MAX)?,
        cursor: params.text("cursor"),
    };
    let tag = Tag::new(&app, &uri);
    if let Some(unchanged) = tag.unchanged(&headers) {
        return Ok(unchanged);
    }
    let page = app.engine().views().locations(&query)?;
    Ok(tag.page(PageReply::of(page, LocationReply::from)))
}

fn unknown_location(path: &str) -> Problem {
    Problem::not_found(format!("no location {} was ever named", wire::problem::shown(path))).of("location")
}

/// Shows a location.
#[utoipa::path(
    get,
    path = "/v1/locations/{location}",
    tag = "master data",
    params(("location" = String, Path, description = "Its path, percent-encoded: `warehouse_A%2Fbin-7`")),
    responses(
        (status = 200, description = "The location", body = ItemReply<LocationReply>),
        (status = 404, description = "It was never named", body = Problem),
    )
)]
pub(crate) async fn get_location(
    State(app): State<App>,
    Parted(path): Parted<String>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    Params::of(&uri, &[])?;
    let tag = Tag::new(&app, &uri);
    if let Some(unchanged) = tag.unchanged(&headers) {
        return Ok(unchanged);
    }
    let views = app.engine().views();
    let item = views.location(&path).ok_or_else(|| unknown_location(&path))?;
    Ok(tag.item(views.position(), LocationReply::from(item)))
}

/// Says what a location is.
#[utoipa::path(
    put,
    path = "/v1/locations/{location}",
    tag = "master data",
    params(("location" = String, Path, description = "Its path, percent-encoded: `warehouse_A%2Fbin-7`")),
    request_body = super::openapi::Location,
    responses(
        (status = 200, description = "The location as it is now known", body = ItemReply<LocationReply>),
        (status = 422, description = "The card cannot be used", body = Problem),
    )
)]
pub(crate) async fn put_location(
    State(app): State<App>,
    Extension(principal): Extension<Principal>,
    Parted(path): Parted<String>,
    request: Request,
) -> Result<Response, Problem> {
    Params::of(request.uri(), &[])?;
    let body = body::json(&app, request).await?;
    let card: LocationCard =
        wire::body::parse_location(&path, &body).map_err(|problems| Problem::of_body(&problems))?;
    let path = card.location.clone();
    let is_known = {
        let views = app.engine().views();
        let known = views.catalog().find_location(&path).map(|id| views.catalog().location(id));
        known.and_then(|known| known.card.as_deref()) == Some(&card)
    };
    submit_unless(&app, &principal, is_known, || Command::DeclareLocation(Box::new(card))).await?;
    let views = app.engine().views();
    let item = views.location(&path).ok_or_else(|| unknown_location(&path))?;
    Ok(item_reply(&views, LocationReply::from(item)))
}

/// Lists reason codes.
#[utoipa::path(
    get,
    path = "/v1/reasons",
    tag = "master data",
    responses((status = 200, description = "All reason codes, shipped ones first", body = PageReply<ReasonReply>))
)]
pub(crate) async fn list_reasons(State(app): State<App>, uri: Uri, headers: HeaderMap) -> Result<Response, Problem> {
    Params::of(&uri, &[])?;
    let tag = Tag::new(&app, &uri);
    if let Some(unchanged) = tag.unchanged(&headers) {
        return Ok(unchanged);
    }
    let views = app.engine().views();
    let items = views.reasons().into_iter().map(ReasonReply::from).collect();
    Ok(tag.page(PageReply { items, next: None, as_of_position: views.position().0 }))
}

/// Says what a reason code means.
#[utoipa::path(
    put,
    path = "/v1/reasons/{code}",
    tag = "master data",
    params(("code" = String, Path, description = "The code, as events carry it")),
    request_body = super::openapi::Reason,
    responses(
        (status = 200, description = "The reason as it now stands", body = ItemReply<ReasonReply>),
        (status = 422, description = "The card cannot be used", body = Problem),
    )
)]
pub(crate) async fn put_reason(
    State(app): State<App>,
    Extension(principal): Extension<Principal>,
    Parted(code): Parted<String>,
    request: Request,
) -> Result<Response, Problem> {
    Params::of(request.uri(), &[])?;
    let body = body::json(&app, request).await?;
    let card = wire::body::parse_reason(&code, &body).map_err(|problems| Problem::of_body(&problems))?;
    let is_known = app.engine().views().reasons().contains(&card);
    submit_unless(&app, &principal, is_known, || Command::DeclareReason(Box::new(card.clone()))).await?;
    Ok(item_reply(&app.engine().views(), ReasonReply::from(card)))
}

/// Hands in a declaration, unless it says what is known.
async fn submit_unless(
    app: &App,
    principal: &Principal,
    is_known: bool,
    command: impl FnOnce() -> Command,
) -> Result<(), Problem> {
    if is_known {
        return Ok(());
    }
    match submit::command(app, principal, "", command(), false).await? {
        Answer::Done(_) | Answer::Before(_) => Ok(()),
        Answer::No(rejection) => Err(Problem::rejected(&rejection)),
    }
}

fn item_reply<T: Serialize>(views: &views::Views, item: T) -> Response {
    Json(StatusCode::OK, ItemReply { item, as_of_position: views.position().0 }).into_response()
}
