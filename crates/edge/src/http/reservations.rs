//! `/v1/reservations`: stock set aside, given back, shipped.

use crate::App;
use crate::auth::Principal;
use crate::http::json::{Json, Number, Time};
use crate::http::page::{ItemReply, PageReply, Tag};
use crate::http::path::Parted;
use crate::http::query::Params;
use crate::http::submit::{self, Answer};
use crate::http::{Problem, body};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Extension, Router};
use ledger::{Command, Rejection, ReservationState};
use serde::Serialize;
use utoipa::ToSchema;
use views::{ReservationItem, ReservationQuery};

pub(crate) fn router() -> Router<App> {
    Router::new()
        .route("/v1/reservations", get(list_reservations).post(reserve))
        .route("/v1/reservations/{reservation_id}", get(get_reservation))
        .route("/v1/reservations/{reservation_id}/fulfil", post(fulfil))
        .route("/v1/reservations/{reservation_id}/release", post(release))
}

/// A reservation.
#[derive(Serialize, ToSchema)]
pub(crate) struct ReservationReply {
    reservation_id: Box<str>,
    warehouse_id: Box<str>,
    /// `pending`, `fulfilled`, `released` or `expired`.
    #[schema(value_type = String)]
    state: &'static str,
    /// What is or was set aside; one line asked for may have become several.
    lines: Vec<ReservedLine>,
    /// When it ends by itself.
    expires_at: Option<Time>,
    reserved_at: Time,
    /// The entry that made it.
    position: u64,
    ended_at: Option<Time>,
    /// The entry that ended it.
    ended_position: Option<u64>,
}

/// Stock set aside in one place.
#[derive(Serialize, ToSchema)]
pub(crate) struct ReservedLine {
    /// Which line asked for it, from 0.
    line: u32,
    product_id: Box<str>,
    location: Box<str>,
    lot: Option<Box<str>>,
    quantity: Number,
    /// Whether more is reserved there than is there now.
    short: bool,
}

impl From<&ReservationItem> for ReservationReply {
    fn from(item: &ReservationItem) -> Self {
        let line = |line: &views::ReservationLine| ReservedLine {
            line: line.line,
            product_id: (&*line.product).into(),
            location: (&*line.location).into(),
            lot: line.lot.as_deref().map(Box::from),
            quantity: line.quantity.into(),
            short: line.is_short,
        };
        Self {
            reservation_id: (&*item.reservation).into(),
            warehouse_id: (&*item.warehouse).into(),
            state: item.state.name(),
            lines: item.lines.iter().map(line).collect(),
            expires_at: item.expires_at.map(Time),
            reserved_at: Time(item.reserved_at),
            position: item.position.0,
            ended_at: item.ended_at.map(Time),
            ended_position: item.ended_position.map(|position| position.0),
        }
    }
}

/// Lists reservations, the newest first.
#[utoipa::path(
    get,
    path = "/v1/reservations",
    tag = "reservations",
    params(
        ("warehouse_id" = Option<String>, Query, description = "In this warehouse"),
        ("state" = Option<String>, Query, description = "`pending`, `fulfilled`, `released` or `expired`"),
        ("limit" = Option<usize>, Query, description = "Items, at most 1,000; 100 when absent"),
        ("cursor" = Option<String>, Query, description = "The `next` of the page before"),
    ),
    responses((status = 200, description = "Reservations", body = PageReply<ReservationReply>))
)]
pub(crate) async fn list_reservations(
    State(app): State<App>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    use ReservationState::{Expired, Fulfilled, Pending, Released};
    let params = Params::of(&uri, &["warehouse_id", "state", "limit", "cursor"])?;
    let states = [Pending, Fulfilled, Released, Expired].map(|state| (state.name(), state));
    let query = ReservationQuery {
        warehouse: params.text("warehouse_id"),
        state: params.one_of("state", &states)?,
        limit: params.limit(views::LIMIT_DEFAULT, views::LIMIT_MAX)?,
        cursor: params.text("cursor"),
    };
    let tag = Tag::new(&app, &uri);
    if let Some(unchanged) = tag.unchanged(&headers) {
        return Ok(unchanged);
    }
    let page = app.engine().views().reservations(&query)?;
    Ok(tag.page(PageReply::of(page, |item| ReservationReply::from(&item))))
}

/// Sets stock aside.
#[utoipa::path(
    post,
    path = "/v1/reservations",
    tag = "reservations",
    request_body = super::openapi::Reserve,
    responses(
        (status = 201, description = "Made: the lines as reserved", body = ItemReply<ReservationReply>),
        (status = 200, description = "Made before, by the same request", body = ItemReply<ReservationReply>),
        (status = 409, description = "`insufficient_available` with the lines that fall short, or `reservation_exists`", body = Problem),
        (status = 422, description = "The request cannot be used", body = Problem),
    )
)]
pub(crate) async fn reserve(
    State(app): State<App>,
    Extension(principal): Extension<Principal>,
    request: Request,
) -> Result<Response, Problem> {
    Params::of(request.uri(), &[])?;
    let body = body::json(&app, request).await?;
    let reserve = wire::body::parse_reservation(&body, app.settings().events.lines_max)
        .map_err(|problems| Problem::of_body(&problems))?;
    let name = reserve.reservation.clone();
    let id = format!("reserve/{name}");
    let answer = submit::command(&app, &principal, &id, Command::Reserve(reserve), false).await?;
    reply(&app, &name, answer, StatusCode::CREATED)
}

/// Shows a reservation.
#[utoipa::path(
    get,
    path = "/v1/reservations/{reservation_id}",
    tag = "reservations",
    params(("reservation_id" = String, Path, description = "Its name, percent-encoded")),
    responses(
        (status = 200, description = "The reservation", body = ItemReply<ReservationReply>),
        (status = 404, description = "There is none of this name, or it ended too long ago", body = Problem),
    )
)]
pub(crate) async fn get_reservation(
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
        (views.reservation(&name), views.position())
    };
    let item = item.ok_or_else(|| Problem::rejected(&Rejection::UnknownReservation))?;
    Ok(tag.item(position, ReservationReply::from(&item)))
}

/// Ships what a reservation holds.
#[utoipa::path(
    post,
    path = "/v1/reservations/{reservation_id}/fulfil",
    tag = "reservations",
    params(("reservation_id" = String, Path, description = "Its name, percent-encoded")),
    responses(
        (status = 200, description = "Fulfilled, now or before", body = ItemReply<ReservationReply>),
        (status = 404, description = "There is none of this name", body = Problem),
        (status = 409, description = "It has ended otherwise", body = Problem),
    )
)]
pub(crate) async fn fulfil(
    State(app): State<App>,
    Extension(principal): Extension<Principal>,
    Parted(name): Parted<String>,
    uri: Uri,
) -> Result<Response, Problem> {
    Params::of(&uri, &[])?;
    end(&app, &principal, &name, ReservationState::Fulfilled).await
}

/// Gives back what a reservation holds.
#[utoipa::path(
    post,
    path = "/v1/reservations/{reservation_id}/release",
    tag = "reservations",
    params(("reservation_id" = String, Path, description = "Its name, percent-encoded")),
    responses(
        (status = 200, description = "Released, now or before", body = ItemReply<ReservationReply>),
        (status = 404, description = "There is none of this name", body = Problem),
        (status = 409, description = "It has ended otherwise", body = Problem),
    )
)]
pub(crate) async fn release(
    State(app): State<App>,
    Extension(principal): Extension<Principal>,
    Parted(name): Parted<String>,
    uri: Uri,
) -> Result<Response, Problem> {
    Params::of(&uri, &[])?;
    end(&app, &principal, &name, ReservationState::Released).await
}

async fn end(app: &App, principal: &Principal, name: &str, outcome: ReservationState) -> Result<Response, Problem> {
    let reservation: Box<str> = name.into();
    // Every call is a command of its own: it is the reservation's state that makes a repetition harmless.
    let command = match outcome {
        ReservationState::Fulfilled => Command::Fulfil { reservation },
        _ => Command::Release { reservation },
    };
    match submit::command(app, principal, "", command, false).await? {
        // Ended that way already: the caller has what it asks for.
        Answer::No(Rejection::ReservationEnded { state }) if state == outcome => {
            reply(app, name, Answer::Before(app.engine().position()), StatusCode::OK)
        }
        answer => reply(app, name, answer, StatusCode::OK),
    }
}

fn reply(app: &App, name: &str, answer: Answer, done: StatusCode) -> Result<Response, Problem> {
    let status = match answer {
        Answer::Done(_) => done,
        Answer::Before(_) => StatusCode::OK,
        // The key of a reservation is its name.
        Answer::No(Rejection::KeyConflict { .. }) => return Err(Problem::rejected(&Rejection::ReservationExists)),
        Answer::No(rejection) => return Err(Problem::rejected(&rejection)),
    };
    let views = app.engine().views();
    let item = views.reservation(name).ok_or_else(|| Problem::rejected(&Rejection::UnknownReservation))?;
    let reply = ItemReply { item: ReservationReply::from(&item), as_of_position: views.position().0 };
    Ok(Json(status, reply).into_response())
}
