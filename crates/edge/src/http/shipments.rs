//! `/v1/shipments`: how far shipments are, when they will arrive, and how likely they miss what was promised.

use crate::App;
use crate::auth::Principal;
use crate::http::json::Json;
use crate::http::page::{ItemReply, PageReply};
use crate::http::path::Parted;
use crate::http::query::Params;
use crate::http::shipment_read::{self as read, ShipmentQuery, Which};
use crate::http::shipment_reply::{DetailReply, ShipmentReply};
use crate::http::submit::{self, Answer};
use crate::http::{Problem, body};
use axum::extract::{Request, State};
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Extension, Router};
use engine::Unavailable;
use ledger::{Command, Observation};
use tokio::sync::oneshot;
use watch::Watch;
use wire::observation;

pub(crate) fn router() -> Router<App> {
    Router::new()
        .route("/v1/shipments", get(list_shipments))
        .route("/v1/shipments/{shipment}", get(get_shipment).put(put_shipment))
}

/// Asks the watch something, and waits until what it saw is durable.
///
/// # Errors
/// As [`submit::judge`].
async fn ask<T: Send + 'static>(
    app: &App,
    question: impl FnOnce(&ledger::State, &Watch) -> T + Send + 'static,
) -> Result<T, Problem> {
    let (sender, receiver) = oneshot::channel();
    // Whoever hung up meanwhile hears nothing.
    app.engine().ask(question, move |answer| drop(sender.send(answer)))?;
    Ok(receiver.await.unwrap_or(Err(Unavailable::Stopping))?)
}

/// Lists shipments by their reference: those under way, and those that were over in the last thirty days.
#[utoipa::path(
    get,
    path = "/v1/shipments",
    tag = "shipments",
    params(
        ("state" = Option<String>, Query, description = "`all` (default), `open` (the arrival is open), `ordered`, `planned`, `departed`, `in_transit`, `arrived`, `partly_received`, `received` or `cancelled`"),
        ("late" = Option<bool>, Query, description = "Whether its alert of being late is open"),
        ("carrier" = Option<String>, Query, description = "Of this carrier"),
        ("to" = Option<String>, Query, description = "That go to this location or one below it"),
        ("product_id" = Option<String>, Query, description = "With this product"),
        ("search" = Option<String>, Query, description = "With this text in the reference, the ends, the carrier or the vehicle"),
        ("limit" = Option<usize>, Query, description = "Items, at most 1,000; 100 when absent"),
        ("cursor" = Option<String>, Query, description = "The `next` of the page before. A page looks at 2,000 shipments at most, so it may have few items and still a `next`"),
    ),
    responses(
        (status = 200, description = "Shipments", body = PageReply<ShipmentReply>),
        (status = 400, description = "A parameter is wrong", body = Problem),
        (status = 503, description = "The server is stopping", body = Problem),
    )
)]
pub(crate) async fn list_shipments(State(app): State<App>, uri: Uri) -> Result<Response, Problem> {
    let known = &["state", "late", "carrier", "to", "product_id", "search", "limit", "cursor"];
    let params = Params::of(&uri, known)?;
    let which = match params.text("state") {
        None => Which::All,
        Some(word) => Which::named(word).ok_or_else(|| {
            let stages: Vec<&str> = read::STAGES.iter().map(|stage| stage.name()).collect();
            let detail = format!("state {}: send all, open, {}", wire::problem::shown(word), stages.join(", "));
            Problem::query("state", detail)
        })?,
    };
    let text = |name| params.text(name).unwrap_or_default().to_owned();
    let query = ShipmentQuery {
        which,
        late: params.flag_if_given("late")?,
        carrier: text("carrier"),
        to: text("to"),
        product: text("product_id"),
        text: text("search"),
        after: text("cursor"),
        limit: params.limit(views::LIMIT_DEFAULT, views::LIMIT_MAX)?,
    };
    let now = app.engine().now();
    let asked = move |state: &ledger::State, watch: &Watch| (read::list(state, watch, &query, now), state.position());
    let ((found, next), as_of) = ask(&app, asked).await?;
    let items = found.iter().map(ShipmentReply::from).collect();
    Ok(Json(StatusCode::OK, PageReply { items, next, as_of_position: as_of.0 }).into_response())
}

/// Shows all that is known of a shipment.
#[utoipa::path(
    get,
    path = "/v1/shipments/{shipment}",
    tag = "shipments",
    params(("shipment" = String, Path, description = "Its reference, percent-encoded")),
    responses(
        (status = 200, description = "The shipment", body = ItemReply<DetailReply>),
        (status = 404, description = "Nothing is known of it, or it was over too long ago", body = Problem),
        (status = 503, description = "The server is stopping", body = Problem),
    )
)]
pub(crate) async fn get_shipment(
    State(app): State<App>,
    Parted(shipment): Parted<String>,
    uri: Uri,
) -> Result<Response, Problem> {
    Params::of(&uri, &[])?;
    shipment_reply(&app, &shipment).await
}

async fn shipment_reply(app: &App, shipment: &str) -> Result<Response, Problem> {
    let (now, asked) = (app.engine().now(), shipment.to_owned());
    let question =
        move |state: &ledger::State, watch: &Watch| (read::detail(state, watch, &asked, now), state.position());
    let (detail, as_of) = ask(app, question).await?;
    let Some(detail) = detail else {
        let detail = format!(
            "nothing is known of a shipment {}, or it was over more than thirty days ago; list the shipments",
            wire::problem::shown(shipment)
        );
        return Err(Problem::not_found(detail).of("shipment"));
    };
    let (own, excursions) = read::alerts(&app.engine().views(), &detail);
    let item = DetailReply::of(&detail, &own, &excursions);
    Ok(Json(StatusCode::OK, ItemReply { item, as_of_position: as_of.0 }).into_response())
}

/// Says what is planned of a shipment: the same as a `shipment_planned` event of now.
#[utoipa::path(
    put,
    path = "/v1/shipments/{shipment}",
    tag = "shipments",
    params(("shipment" = String, Path, description = "Its reference, percent-encoded")),
    request_body = super::openapi::ShipmentPlan,
    responses(
        (status = 200, description = "The shipment as it is now known", body = ItemReply<DetailReply>),
        (status = 422, description = "The plan cannot be used", body = Problem),
        (status = 503, description = "The disk is full, or the server is stopping", body = Problem),
    )
)]
pub(crate) async fn put_shipment(
    State(app): State<App>,
    Extension(principal): Extension<Principal>,
    Parted(shipment): Parted<String>,
    request: Request,
) -> Result<Response, Problem> {
    Params::of(request.uri(), &[])?;
    let body = body::json(&app, request).await?;
    let text = std::str::from_utf8(&body).map_err(|_| {
        let detail = "the body is not UTF-8; send JSON in UTF-8";
        Problem::of_body(&[wire::Problem::new("invalid_json", "", detail)])
    })?;
    let news = observation::read_plan(text, &shipment).map_err(|problems| Problem::of_body(&problems))?;
    let command = Command::Observe(Box::new(Observation {
        form: observation::SHIPMENT.into(),
        content: observation::render_shipment(&news).into_bytes().into(),
        ..Observation::default()
    }));
    if let Answer::No(rejection) = submit::command(&app, &principal, "", command, false).await? {
        return Err(Problem::rejected(&rejection));
    }
    shipment_reply(&app, &news.shipment).await
}
