//! `/v1/held`: inputs that could not be used, until a person mends or discards them.

use crate::App;
use crate::auth::Principal;
use crate::http::events::{self, EventsReply};
use crate::http::json::{Json, Time};
use crate::http::page::{ItemReply, PageReply, Tag};
use crate::http::path::{self, Parted};
use crate::http::query::Params;
use crate::http::reversal::Why;
use crate::http::submit::{self, Answer};
use crate::http::{Problem, body};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Extension, Router};
use ledger::{Command, Position, Rejection};
use serde::Serialize;
use utoipa::ToSchema;
use views::{HeldItem, HeldQuery, HeldState};
use wire::event::{ContentKind, Defaults};

pub(crate) fn router() -> Router<App> {
    Router::new()
        .route("/v1/held", get(list_held))
        .route("/v1/held/{position}", get(get_held))
        .route("/v1/held/{position}/resubmit", post(resubmit))
        .route("/v1/held/{position}/discard", post(discard))
}

/// An input that could not be used.
#[derive(Serialize, ToSchema)]
pub(crate) struct HeldReply {
    /// The entry that holds it: its name in requests.
    position: u64,
    recorded_at: Time,
    /// When it happened, by the source's clock.
    occurred_at: Time,
    source: Box<str>,
    actor: Box<str>,
    /// Why it is held.
    code: Box<str>,
    /// The field at fault; empty when it is none.
    field: Box<str>,
    detail: Box<str>,
    /// The input's own text: what to mend and send to `resubmit`.
    raw: Box<str>,
    /// The file and row that it came from; empty when it was sent.
    place: Box<str>,
    /// `open`, `resolved` or `discarded`.
    #[schema(value_type = String)]
    state: &'static str,
    /// The entry that closed it.
    closed_by: Option<u64>,
    closed_at: Option<Time>,
    /// Why it was discarded.
    discard_reason: Option<Box<str>>,
}

impl From<&HeldItem> for HeldReply {
    fn from(item: &HeldItem) -> Self {
        let (closed_by, closed_at, discard_reason) = match &item.state {
            HeldState::Open => (None, None, None),
            HeldState::Resolved { by, closed_at } => (Some(by.0), Some(Time(*closed_at)), None),
            HeldState::Discarded { by, closed_at, reason } => {
                (Some(by.0), Some(Time(*closed_at)), Some(reason.clone()))
            }
        };
        Self {
            position: item.position.0,
            recorded_at: Time(item.recorded_at),
            occurred_at: Time(item.occurred_at),
            source: item.source.clone(),
            actor: item.actor.clone(),
            code: item.input.code.clone(),
            field: item.input.field.clone(),
            detail: item.input.detail.clone(),
            raw: item.input.raw.clone(),
            place: item.input.place.clone(),
            state: item.state.name(),
            closed_by,
            closed_at,
            discard_reason,
        }
    }
}

/// Lists held inputs, the newest first.
#[utoipa::path(
    get,
    path = "/v1/held",
    tag = "held",
    params(
        ("state" = Option<String>, Query, description = "`open` (default) or `closed`"),
        ("code" = Option<String>, Query, description = "Held for this reason"),
        ("source" = Option<String>, Query, description = "From this device or system"),
        ("limit" = Option<usize>, Query, description = "Items, at most 1,000; 100 when absent"),
        ("cursor" = Option<String>, Query, description = "The `next` of the page before"),
    ),
    responses((status = 200, description = "Held inputs", body = PageReply<HeldReply>))
)]
pub(crate) async fn list_held(State(app): State<App>, uri: Uri, headers: HeaderMap) -> Result<Response, Problem> {
    let params = Params::of(&uri, &["state", "code", "source", "limit", "cursor"])?;
    let query = HeldQuery {
        is_closed: params.one_of("state", &[("open", false), ("closed", true)])?.unwrap_or(false),
        code: params.text("code"),
        source: params.text("source"),
        limit: params.limit(views::LIMIT_DEFAULT, views::LIMIT_MAX)?,
        cursor: params.text("cursor"),
    };
    let tag = Tag::new(&app, &uri);
    if let Some(unchanged) = tag.unchanged(&headers) {
        return Ok(unchanged);
    }
    let page = app.engine().views().held(&query)?;
    Ok(tag.page(PageReply::of(page, |item| HeldReply::from(&item))))
}

fn no_held(position: Position) -> Problem {
    Problem::not_found(format!("no input is held at position {position}, or it was closed too long ago")).of("position")
}

fn held_at(app: &App, position: Position) -> Result<(HeldItem, Position), Problem> {
    let views = app.engine().views();
    let item = views.held_at(position).ok_or_else(|| no_held(position))?;
    Ok((item, views.position()))
}

/// As [`held_at`], and it must be open.
fn open_at(app: &App, position: Position) -> Result<HeldItem, Problem> {
    let (item, _) = held_at(app, position)?;
    match item.state {
        HeldState::Open => Ok(item),
        HeldState::Resolved { by, .. } | HeldState::Discarded { by, .. } => Err(closed(&item.state, by)),
    }
}

fn closed(state: &HeldState, by: Position) -> Problem {
    let detail = format!("the input is {} by the entry at position {by}; nothing is left to do", state.name());
    Problem::new(StatusCode::CONFLICT, "held_closed", detail).of("position")
}

/// Shows a held input.
#[utoipa::path(
    get,
    path = "/v1/held/{position}",
    tag = "held",
    params(("position" = u64, Path, description = "The entry that holds it")),
    responses(
        (status = 200, description = "The input", body = ItemReply<HeldReply>),
        (status = 404, description = "No input is held there, or it was closed too long ago", body = Problem),
    )
)]
pub(crate) async fn get_held(
    State(app): State<App>,
    Parted(position): Parted<String>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    Params::of(&uri, &[])?;
    let position = path::position(&position)?;
    let tag = Tag::new(&app, &uri);
    if let Some(unchanged) = tag.unchanged(&headers) {
        return Ok(unchanged);
    }
    let (item, as_of) = held_at(&app, position)?;
    Ok(tag.item(as_of, HeldReply::from(&item)))
}

/// Sends a held input again, mended or as it was.
#[utoipa::path(
    post,
    path = "/v1/held/{position}/resubmit",
    tag = "held",
    params(("position" = u64, Path, description = "The entry that holds it")),
    request_body(content = super::openapi::Event, description = "The mended event; an empty body sends it as it was"),
    responses(
        (status = 200, description = "It had been recorded before", body = EventsReply),
        (status = 201, description = "It is in the ledger now", body = EventsReply),
        (status = 202, description = "It is held again, at another position", body = EventsReply),
        (status = 404, description = "No input is held there", body = Problem),
        (status = 409, description = "It is closed, or refused", body = Problem),
        (status = 422, description = "It cannot be read", body = Problem),
    )
)]
pub(crate) async fn resubmit(
    State(app): State<App>,
    Extension(principal): Extension<Principal>,
    Parted(position): Parted<String>,
    request: Request,
) -> Result<Response, Problem> {
    Params::of(request.uri(), &[])?;
    let position = path::position(&position)?;
    let held = open_at(&app, position)?;
    let body = body::json(&app, request).await?;
    let text = if body.trim_ascii().is_empty() { held.input.raw.as_bytes() } else { &body };
    let defaults =
        Defaults { actor: &principal.name, source: &held.source, historical: false, resolves: Some(position) };
    // A list is no one event that could take the place of the held one.
    if text.trim_ascii_start().first() == Some(&b'[') {
        let detail = "send the one mended event, not a list";
        return Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid_body", detail));
    }
    let limits = &app.settings().events;
    let parsed = wire::event::parse_events(text, ContentKind::Json, &defaults, app.hasher(), limits);
    events::answer_single(&app, parsed, false).await
}

/// Puts a held input away, unused.
#[utoipa::path(
    post,
    path = "/v1/held/{position}/discard",
    tag = "held",
    params(("position" = u64, Path, description = "The entry that holds it")),
    request_body = Why,
    responses(
        (status = 200, description = "It is discarded", body = ItemReply<HeldReply>),
        (status = 404, description = "No input is held there", body = Problem),
        (status = 409, description = "It is closed already", body = Problem),
        (status = 422, description = "The reason is missing", body = Problem),
    )
)]
pub(crate) async fn discard(
    State(app): State<App>,
    Extension(principal): Extension<Principal>,
    Parted(position): Parted<String>,
    request: Request,
) -> Result<Response, Problem> {
    Params::of(request.uri(), &[])?;
    let held = path::position(&position)?;
    open_at(&app, held)?;
    let reason = Why::of(&app, request).await?;
    let command = Command::Discard { held, reason: reason.into() };
    match submit::command(&app, &principal, "", command, false).await? {
        Answer::Done(_) | Answer::Before(_) => {}
        // Somebody was faster.
        Answer::No(Rejection::UnknownHeld) => return Err(open_at(&app, held).err().unwrap_or_else(|| no_held(held))),
        Answer::No(rejection) => return Err(Problem::rejected(&rejection)),
    }
    let (item, as_of) = held_at(&app, held)?;
    let reply = ItemReply { item: HeldReply::from(&item), as_of_position: as_of.0 };
    Ok(Json(StatusCode::OK, reply).into_response())
}
