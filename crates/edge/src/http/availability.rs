//! `GET /v1/availability`: what can be promised, and from when on.

use crate::App;
use crate::http::Problem;
use crate::http::json::{Json, Number, Time};
use crate::http::query::Params;
use crate::http::stock::{unknown_product, unknown_warehouse};
use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use ledger::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;
use views::{Step, Uncertain};

const MICROS_PER_DAY: i64 = 86_400_000_000;

pub(crate) fn router() -> Router<App> {
    Router::new().route("/v1/availability", get(get_availability))
}

/// What can be promised of a product in a warehouse.
#[derive(Serialize, ToSchema)]
pub(crate) struct AvailabilityReply {
    product_id: Box<str>,
    warehouse_id: Box<str>,
    /// What a reservation made now could get.
    available_quantity: Number,
    /// The time asked about; of a day, its end.
    date: Option<Time>,
    /// What can be promised for then; for now when no date was given.
    promised_quantity: Number,
    /// What changes later, by time.
    steps: Vec<AvailabilityStep>,
    /// Receipts that should have come, which nobody can count on.
    overdue: Vec<UncertainReceipt>,
    /// Receipts without a date.
    undated: Vec<UncertainReceipt>,
    as_of_position: u64,
}

/// A change of what can be promised.
#[derive(Serialize, ToSchema)]
pub(crate) struct AvailabilityStep {
    at: Time,
    /// By how much; below zero when lots expire.
    quantity: Number,
    /// What can be promised from then on.
    promised_quantity: Number,
    /// The order or shipment; the lot that expires.
    reference: Box<str>,
    /// `on_order`, `in_transit` or `expiry`.
    #[schema(value_type = String)]
    kind: &'static str,
}

/// A receipt that no date can be counted on for.
#[derive(Serialize, ToSchema)]
pub(crate) struct UncertainReceipt {
    expected_at: Option<Time>,
    quantity: Number,
    reference: Box<str>,
    /// `on_order` or `in_transit`.
    #[schema(value_type = String)]
    kind: &'static str,
}

impl From<&Step> for AvailabilityStep {
    fn from(step: &Step) -> Self {
        Self {
            at: Time(step.at),
            quantity: step.quantity.into(),
            promised_quantity: step.cumulative.into(),
            reference: (&*step.reference).into(),
            kind: step.kind.name(),
        }
    }
}

impl From<&Uncertain> for UncertainReceipt {
    fn from(receipt: &Uncertain) -> Self {
        Self {
            expected_at: receipt.expected_at.map(Time),
            quantity: receipt.quantity.into(),
            reference: (&*receipt.reference).into(),
            kind: receipt.kind.name(),
        }
    }
}

/// Says what can be promised.
#[utoipa::path(
    get,
    path = "/v1/availability",
    tag = "reservations",
    params(
        ("product_id" = String, Query, description = "The product"),
        ("warehouse_id" = String, Query, description = "The warehouse"),
        ("date" = Option<String>, Query, description = "For shipping then: a day or an RFC 3339 time"),
    ),
    responses(
        (status = 200, description = "What can be promised", body = AvailabilityReply),
        (status = 404, description = "Product or warehouse was never named", body = Problem),
    )
)]
pub(crate) async fn get_availability(State(app): State<App>, uri: Uri) -> Result<Response, Problem> {
    let params = Params::of(&uri, &["product_id", "warehouse_id", "date"])?;
    let product = params.required("product_id")?;
    let warehouse = params.required("warehouse_id")?;
    let date = match params.day("date") {
        Ok(day) => day.map(|day| Timestamp((i64::from(day.0) + 1) * MICROS_PER_DAY - 1)),
        Err(_) => params.time("date")?,
    };
    let now = app.engine().now();
    let views = app.engine().views();
    let Some(found) = views.availability(product, warehouse, now) else {
        let is_product = views.catalog().find_product(product).is_some();
        return Err(if is_product { unknown_warehouse(warehouse) } else { unknown_product(product) });
    };
    drop(views);
    let reply = AvailabilityReply {
        product_id: product.into(),
        warehouse_id: warehouse.into(),
        available_quantity: found.available.into(),
        date: date.map(Time),
        promised_quantity: date.map_or(found.available, |date| found.atp_at(date)).into(),
        steps: found.steps.iter().map(AvailabilityStep::from).collect(),
        overdue: found.overdue.iter().map(UncertainReceipt::from).collect(),
        undated: found.undated.iter().map(UncertainReceipt::from).collect(),
        as_of_position: found.position.0,
    };
    Ok(Json(StatusCode::OK, reply).into_response())
}
