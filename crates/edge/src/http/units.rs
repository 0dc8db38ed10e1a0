//! `/v1/handling-units`: where pallets, cases and totes are, and what is in them.

use crate::App;
use crate::http::Problem;
use crate::http::json::{Number, Time};
use crate::http::page::{ItemReply, PageReply, Tag};
use crate::http::path::Parted;
use crate::http::query::Params;
use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, Uri};
use axum::response::Response;
use axum::routing::get;
use serde::Serialize;
use utoipa::ToSchema;
use views::{UnitItem, UnitLine, UnitQuery};

pub(crate) fn router() -> Router<App> {
    Router::new()
        .route("/v1/handling-units", get(list_units))
        .route("/v1/handling-units/{handling_unit}", get(get_unit))
}

/// A handling unit.
#[derive(Serialize, ToSchema)]
pub(crate) struct UnitReply {
    /// Its licence plate.
    handling_unit: Box<str>,
    /// `on_hand`, `in_transit`, or the account that it left to, such as `customer`; null while nobody saw it.
    #[schema(value_type = Option<String>)]
    place: Option<&'static str>,
    /// Where it stands; in transit, where it goes to; once it left, where from.
    location: Option<Box<str>>,
    /// The unit that it is in.
    parent: Option<Box<str>>,
    /// When it was last seen, or moved with the unit that it is in.
    last_seen_at: Option<Time>,
    /// What it holds by itself, by quantity.
    lines: Vec<UnitLineReply>,
    /// The serialised units that it holds by itself.
    serials: Vec<UnitSerialReply>,
    /// The units in it: in a list without what they hold.
    #[schema(no_recursion)]
    units: Vec<UnitReply>,
    /// The newest entry that changed it.
    position: u64,
}

/// Some stock in a handling unit.
#[derive(Serialize, ToSchema)]
pub(crate) struct UnitLineReply {
    product_id: Box<str>,
    lot: Option<Box<str>>,
    #[schema(value_type = String)]
    status: &'static str,
    quantity: Number,
}

/// A serialised unit in a handling unit.
#[derive(Serialize, ToSchema)]
pub(crate) struct UnitSerialReply {
    product_id: Box<str>,
    serial: Box<str>,
}

impl From<&UnitItem> for UnitReply {
    fn from(item: &UnitItem) -> Self {
        let line = |line: &UnitLine| UnitLineReply {
            product_id: (&*line.product).into(),
            lot: line.lot.as_deref().map(Box::from),
            status: line.status.name(),
            quantity: line.quantity.into(),
        };
        let serials = item
            .serials
            .iter()
            .map(|(product, serial)| UnitSerialReply { product_id: (&**product).into(), serial: (&**serial).into() });
        Self {
            handling_unit: (&*item.unit).into(),
            place: item.place.map(|kind| if kind.is_on_hand() { "on_hand" } else { kind.name() }),
            location: item.location.as_deref().map(Box::from),
            parent: item.parent.as_deref().map(Box::from),
            last_seen_at: item.last_seen.map(Time),
            lines: item.lines.iter().map(line).collect(),
            serials: serials.collect(),
            units: item.units.iter().map(Self::from).collect(),
            position: item.position.0,
        }
    }
}

/// Lists handling units by name.
#[utoipa::path(
    get,
    path = "/v1/handling-units",
    tag = "handling units",
    params(
        ("location" = Option<String>, Query, description = "At this location or below it"),
        ("outermost" = Option<bool>, Query, description = "Those in no other unit, or those in one"),
        ("limit" = Option<usize>, Query, description = "Items, at most 1,000; 100 when absent"),
        ("cursor" = Option<String>, Query, description = "The `next` of the page before"),
    ),
    responses((status = 200, description = "Handling units", body = PageReply<UnitReply>))
)]
pub(crate) async fn list_units(State(app): State<App>, uri: Uri, headers: HeaderMap) -> Result<Response, Problem> {
    let params = Params::of(&uri, &["location", "outermost", "limit", "cursor"])?;
    let query = UnitQuery {
        location: params.text("location"),
        is_outermost: params.flag_if_given("outermost")?,
        limit: params.limit(views::LIMIT_DEFAULT, views::LIMIT_MAX)?,
        cursor: params.text("cursor"),
    };
    let tag = Tag::new(&app, &uri);
    if let Some(unchanged) = tag.unchanged(&headers) {
        return Ok(unchanged);
    }
    let page = app.engine().views().units(&query)?;
    Ok(tag.page(PageReply::of(page, |item| UnitReply::from(&item))))
}

/// Shows a handling unit with all that is in it.
#[utoipa::path(
    get,
    path = "/v1/handling-units/{handling_unit}",
    tag = "handling units",
    params(("handling_unit" = String, Path, description = "Its licence plate, percent-encoded")),
    responses(
        (status = 200, description = "The handling unit", body = ItemReply<UnitReply>),
        (status = 404, description = "There is none of this name", body = Problem),
    )
)]
pub(crate) async fn get_unit(
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
    let (item, position) = {
        let views = app.engine().views();
        (views.unit(&name), views.position())
    };
    let item = item.ok_or_else(|| Problem::not_found("no handling unit of this name was ever reported"))?;
    Ok(tag.item(position, UnitReply::from(&item)))
}
