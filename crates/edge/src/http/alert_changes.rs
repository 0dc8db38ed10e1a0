//! `POST /v1/alerts/{id}/…`: what people do to an alert.

use crate::App;
use crate::auth::Principal;
use crate::http::alerts::{AlertDetailReply, detail, no_alert};
use crate::http::json::Json;
use crate::http::page::{ItemReply, blocking};
use crate::http::path::{self, Parted};
use crate::http::query::Params;
use crate::http::reads::idempotency_key;
use crate::http::submit::{self, Answer};
use crate::http::{Problem, body};
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Extension, Router};
use ledger::{AlertChange, AlertStep, Command, Effect, Position, Rejection, Timestamp};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use utoipa::ToSchema;
use views::AlertState;

/// The longest note, in bytes.
const NOTE_BYTES_MAX: usize = 2_000;
/// The longest snooze in minutes: a year.
const MINUTES_MAX: u32 = 366 * 24 * 60;
const MINUTE_MICROS: i64 = 60_000_000;

pub(crate) fn router() -> Router<App> {
    Router::new()
        .route("/v1/alerts/{id}/acknowledge", post(acknowledge))
        .route("/v1/alerts/{id}/snooze", post(snooze))
        .route("/v1/alerts/{id}/assign", post(assign))
        .route("/v1/alerts/{id}/note", post(note))
        .route("/v1/alerts/{id}/resolve", post(resolve))
}

/// Something said about an alert.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NoteRequest {
    /// In words; may be empty, unless it is all there is.
    #[serde(default)]
    note: String,
    /// Makes a repetition known, as `Idempotency-Key` does.
    #[serde(default)]
    id: String,
}

/// How long nobody wants to hear of an alert: `until` or `minutes`.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SnoozeRequest {
    /// Until this RFC 3339 time.
    #[serde(default)]
    until: Option<String>,
    /// For as many minutes, at most a year.
    #[serde(default)]
    minutes: Option<u32>,
    #[serde(default)]
    note: String,
    /// Makes a repetition known, as `Idempotency-Key` does.
    #[serde(default)]
    id: String,
}

/// Who is to look after an alert.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AssignRequest {
    /// Their name; empty for nobody in particular.
    owner: String,
    #[serde(default)]
    note: String,
    /// Makes a repetition known, as `Idempotency-Key` does.
    #[serde(default)]
    id: String,
}

/// What is to be done to an alert.
pub(crate) struct Doing {
    /// The step.
    pub(crate) step: AlertStep,
    /// Of a snooze that was asked for in minutes, how many.
    pub(crate) minutes: Option<u32>,
    /// What is written to it.
    pub(crate) note: String,
    /// What makes a repetition known; empty for nothing.
    pub(crate) id: String,
}

pub(super) fn unprocessable(code: &'static str, field: &'static str, detail: impl Into<String>) -> Problem {
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, code, detail).of(field)
}

impl Doing {
    /// A step with a note, and nothing that makes a repetition known.
    pub(crate) fn new(step: AlertStep, note: &str) -> Self {
        Self { step, minutes: None, note: note.to_owned(), id: String::new() }
    }

    /// A snooze of some minutes from `now` on.
    ///
    /// # Errors
    /// 422 `invalid_value` for none or more than a year.
    pub(crate) fn snooze(minutes: u32, now: Timestamp, note: &str) -> Result<Self, Problem> {
        if !(1..=MINUTES_MAX).contains(&minutes) {
            let detail = format!("minutes {minutes} is not from 1 to {MINUTES_MAX}; send another number");
            return Err(unprocessable("invalid_value", "minutes", detail));
        }
        let until = now.plus(i64::from(minutes) * MINUTE_MICROS);
        Ok(Self { minutes: Some(minutes), ..Self::new(AlertStep::Snoozed { until }, note) })
    }
}

/// Does something to an alert and waits until it is durable.
///
/// # Errors
/// 404 `unknown_alert`; 409 `alert_resolved` when it is over, `no_change` when it stands that way already,
/// `key_conflict`; 422 `snooze_ended`, `missing_field`, `invalid_value`; and those of [`submit::judge`].
pub(crate) async fn change(app: &App, principal: &Principal, alert: Position, doing: Doing) -> Result<(), Problem> {
    let note = doing.note.trim().replace("\r\n", "\n");
    if note.len() > NOTE_BYTES_MAX || note.chars().any(|letter| letter.is_control() && letter != '\n') {
        let detail = "note is longer than 2,000 bytes or has control characters; say it more shortly";
        return Err(unprocessable("invalid_value", "note", detail));
    }
    let id = if doing.id.is_empty() { String::new() } else { format!("alert/{alert}/{}", doing.id) };
    let change = AlertChange { alert, step: doing.step, note: note.into() };
    let command = Command::ChangeAlert(Box::new(change));
    match submit::command(app, principal, &id, command, false).await? {
        Answer::Done(_) | Answer::Before(_) => Ok(()),
        Answer::No(Rejection::KeyConflict { first }) if doing.minutes.is_some() => {
            repeated(app, alert, first, doing.minutes).await
        }
        Answer::No(Rejection::UnknownAlert) => Err(over(app, alert)),
        Answer::No(rejection) => Err(Problem::rejected(&rejection)),
    }
}

/// Minutes count from when they were said, so a repetition of the same snooze means another time.
async fn repeated(app: &App, alert: Position, first: Position, minutes: Option<u32>) -> Result<(), Problem> {
    let engine = app.engine().clone();
    let found = blocking(move || Ok(engine.entry(first)?)).await?;
    let is_same = found.is_some_and(|entry| {
        let occurred_at = entry.decision.occurred_at;
        entry.decision.effects.iter().any(|effect| match effect {
            Effect::AlertChanged(change) => match change.step {
                AlertStep::Snoozed { until } => {
                    let said = minutes.map(|minutes| occurred_at.plus(i64::from(minutes) * MINUTE_MICROS));
                    change.alert == alert && Some(until) == said
                }
                _ => false,
            },
            _ => false,
        })
    });
    if is_same { Ok(()) } else { Err(Problem::rejected(&Rejection::KeyConflict { first })) }
}

/// Why nothing can be done to an alert that the ledger does not have open.
pub(super) fn over(app: &App, alert: Position) -> Problem {
    let item = app.engine().views().alert(alert);
    match item.filter(|item| item.state == AlertState::Resolved).and_then(|item| item.end) {
        Some(end) => {
            let how = end.outcome.replace('_', " ");
            let detail = format!("alert {alert} was resolved ({how}) by the entry at position {}", end.position);
            Problem::new(StatusCode::CONFLICT, "alert_resolved", format!("{detail}; nothing is left to do")).of("id")
        }
        None => no_alert(alert),
    }
}

/// Reads a request's body, which may be empty when everything in it may.
pub(super) async fn read<T: DeserializeOwned>(
    app: &App,
    request: Request,
    empty: Option<T>,
) -> Result<(T, String), Problem> {
    let key = idempotency_key(request.headers())?.unwrap_or_default();
    let body = body::json(app, request).await?;
    if let (Some(empty), true) = (empty, body.trim_ascii().is_empty()) {
        return Ok((empty, key));
    }
    let read = serde_json::from_slice(&body);
    let wrong = |error: serde_json::Error| {
        Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid_body", format!("{error}; send a JSON object"))
    };
    Ok((read.map_err(wrong)?, key))
}

/// The key of the header, else the id of the body.
pub(super) fn key(header: String, id: String) -> Result<String, Problem> {
    if !header.is_empty() {
        return Ok(header);
    }
    if id.len() > wire::TEXT_BYTES_MAX || id.chars().any(char::is_control) {
        let detail = "id is longer than 200 bytes or has control characters; send another";
        return Err(unprocessable("invalid_value", "id", detail));
    }
    Ok(id.trim().to_owned())
}

async fn answer(app: &App, principal: &Principal, alert: Position, doing: Doing) -> Result<Response, Problem> {
    change(app, principal, alert, doing).await?;
    let (item, as_of) = detail(app, alert)?;
    Ok(Json(StatusCode::OK, ItemReply { item, as_of_position: as_of.0 }).into_response())
}

/// Reads what may be said with a step that needs nothing else, and does it.
async fn take(
    app: &App,
    principal: &Principal,
    alert: &str,
    request: Request,
    step: AlertStep,
) -> Result<Response, Problem> {
    Params::of(request.uri(), &[])?;
    let alert = path::position(alert)?;
    let (said, header) = read(app, request, Some(NoteRequest::default())).await?;
    let doing = Doing { id: key(header, said.id)?, ..Doing::new(step, &said.note) };
    answer(app, principal, alert, doing).await
}

/// Says that somebody looks after an alert.
#[utoipa::path(
    post,
    path = "/v1/alerts/{id}/acknowledge",
    tag = "alerts",
    params(
        ("id" = u64, Path, description = "The entry that opened it"),
        ("Idempotency-Key" = Option<String>, Header, description = "Makes a repetition known"),
    ),
    request_body(content = NoteRequest, description = "May be empty"),
    responses(
        (status = 200, description = "The alert as it stands", body = ItemReply<AlertDetailReply>),
        (status = 404, description = "`unknown_alert`", body = Problem),
        (status = 409, description = "`no_change`: it is acknowledged; `alert_resolved`: it is over", body = Problem),
        (status = 422, description = "The body cannot be used", body = Problem),
    )
)]
pub(crate) async fn acknowledge(
    State(app): State<App>,
    Extension(principal): Extension<Principal>,
    Parted(id): Parted<String>,
    request: Request,
) -> Result<Response, Problem> {
    take(&app, &principal, &id, request, AlertStep::Acknowledged).await
}

/// Puts an alert aside for a time.
#[utoipa::path(
    post,
    path = "/v1/alerts/{id}/snooze",
    tag = "alerts",
    params(
        ("id" = u64, Path, description = "The entry that opened it"),
        ("Idempotency-Key" = Option<String>, Header, description = "Makes a repetition known"),
    ),
    request_body = SnoozeRequest,
    responses(
        (status = 200, description = "The alert as it stands", body = ItemReply<AlertDetailReply>),
        (status = 404, description = "`unknown_alert`", body = Problem),
        (status = 409, description = "`alert_resolved`: it is over", body = Problem),
        (status = 422, description = "`snooze_ended`: that time has passed; or the body cannot be used", body = Problem),
    )
)]
pub(crate) async fn snooze(
    State(app): State<App>,
    Extension(principal): Extension<Principal>,
    Parted(id): Parted<String>,
    request: Request,
) -> Result<Response, Problem> {
    Params::of(request.uri(), &[])?;
    let alert = path::position(&id)?;
    let (said, header) = read::<SnoozeRequest>(&app, request, None).await?;
    let doing = match (&said.until, said.minutes) {
        (Some(until), None) => {
            let until = wire::time::parse_timestamp(until.trim()).map_err(|error| {
                let detail = format!("until {}: {error}", wire::problem::shown(until));
                unprocessable("invalid_time", "until", detail)
            })?;
            Doing::new(AlertStep::Snoozed { until }, &said.note)
        }
        (None, Some(minutes)) => Doing::snooze(minutes, app.engine().now(), &said.note)?,
        (Some(_), Some(_)) => {
            let detail = "until and minutes exclude each other; send one of them";
            return Err(unprocessable("invalid_value", "minutes", detail));
        }
        (None, None) => {
            let detail = "until is missing; add it, such as \"2026-02-17T08:00:00Z\", or send minutes";
            return Err(unprocessable("missing_field", "until", detail));
        }
    };
    answer(&app, &principal, alert, Doing { id: key(header, said.id)?, ..doing }).await
}

/// Gives an alert to somebody.
#[utoipa::path(
    post,
    path = "/v1/alerts/{id}/assign",
    tag = "alerts",
    params(
        ("id" = u64, Path, description = "The entry that opened it"),
        ("Idempotency-Key" = Option<String>, Header, description = "Makes a repetition known"),
    ),
    request_body = AssignRequest,
    responses(
        (status = 200, description = "The alert as it stands", body = ItemReply<AlertDetailReply>),
        (status = 404, description = "`unknown_alert`", body = Problem),
        (status = 409, description = "`alert_resolved`: it is over", body = Problem),
        (status = 422, description = "The body cannot be used", body = Problem),
    )
)]
pub(crate) async fn assign(
    State(app): State<App>,
    Extension(principal): Extension<Principal>,
    Parted(id): Parted<String>,
    request: Request,
) -> Result<Response, Problem> {
    Params::of(request.uri(), &[])?;
    let alert = path::position(&id)?;
    let (said, header) = read::<AssignRequest>(&app, request, None).await?;
    let step = AlertStep::Assigned { owner: owner(&said.owner)?.into() };
    let doing = Doing { id: key(header, said.id)?, ..Doing::new(step, &said.note) };
    answer(&app, &principal, alert, doing).await
}

/// A name to whom an alert can be given; empty for nobody in particular.
///
/// # Errors
/// 422 `invalid_value`.
pub(crate) fn owner(name: &str) -> Result<&str, Problem> {
    let name = name.trim();
    if name.len() > wire::TEXT_BYTES_MAX || name.chars().any(char::is_control) {
        let detail = format!(
            "owner {} is longer than 200 bytes or has control characters; send another",
            wire::problem::shown(name)
        );
        return Err(unprocessable("invalid_value", "owner", detail));
    }
    Ok(name)
}

/// Writes something to an alert.
#[utoipa::path(
    post,
    path = "/v1/alerts/{id}/note",
    tag = "alerts",
    params(
        ("id" = u64, Path, description = "The entry that opened it"),
        ("Idempotency-Key" = Option<String>, Header, description = "Makes a repetition known"),
    ),
    request_body = NoteRequest,
    responses(
        (status = 200, description = "The alert as it stands", body = ItemReply<AlertDetailReply>),
        (status = 404, description = "`unknown_alert`", body = Problem),
        (status = 409, description = "`alert_resolved`: it is over", body = Problem),
        (status = 422, description = "The note is missing or cannot be used", body = Problem),
    )
)]
pub(crate) async fn note(
    State(app): State<App>,
    Extension(principal): Extension<Principal>,
    Parted(id): Parted<String>,
    request: Request,
) -> Result<Response, Problem> {
    take(&app, &principal, &id, request, AlertStep::Noted).await
}

/// Says that an alert is over.
#[utoipa::path(
    post,
    path = "/v1/alerts/{id}/resolve",
    tag = "alerts",
    params(
        ("id" = u64, Path, description = "The entry that opened it"),
        ("Idempotency-Key" = Option<String>, Header, description = "Makes a repetition known"),
    ),
    request_body(content = NoteRequest, description = "May be empty"),
    responses(
        (status = 200, description = "The alert as it stands", body = ItemReply<AlertDetailReply>),
        (status = 404, description = "`unknown_alert`", body = Problem),
        (status = 409, description = "`alert_resolved`: it was over before", body = Problem),
        (status = 422, description = "The body cannot be used", body = Problem),
    )
)]
pub(crate) async fn resolve(
    State(app): State<App>,
    Extension(principal): Extension<Principal>,
    Parted(id): Parted<String>,
    request: Request,
) -> Result<Response, Problem> {
    take(&app, &principal, &id, request, AlertStep::Resolved { outcome: "by_hand".into() }).await
}
