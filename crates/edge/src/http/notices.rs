//! `/v1/notices`: what was told of alerts over which channel, what waits and what was given up.

use crate::App;
use crate::http::Problem;
use crate::http::channels::telling;
use crate::http::json::{Json, Time};
use crate::http::page::{PageReply, blocking};
use crate::http::path::Parted;
use crate::http::query::Params;
use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use follow::notices::{KeptNotice, NoticeQuery, NoticeState};
use serde::Serialize;
use std::sync::Arc;
use utoipa::ToSchema;

pub(crate) fn router() -> Router<App> {
    Router::new()
        .route("/v1/notices", get(list_notices))
        .route("/v1/notices/{id}/retry", post(retry_notice))
        .route("/v1/notices/{id}/discard", post(discard_notice))
}

/// A notice on its way to a channel.
#[derive(Serialize, ToSchema)]
pub(crate) struct NoticeReply {
    /// The same on every channel and whenever it is sent again.
    id: String,
    channel: String,
    /// The entry that opened the alert.
    alert: u64,
    /// `opened`, `escalated`, `reminded` or `resolved`.
    #[schema(value_type = String)]
    what: &'static str,
    condition: String,
    /// `info`, `warning` or `critical`.
    #[schema(value_type = String)]
    severity: &'static str,
    subject: String,
    why: String,
    owner: Option<String>,
    location: Option<String>,
    product_id: Option<String>,
    /// When it happened.
    at: Time,
    /// `pending`, `delivered` or `dead`: given up.
    #[schema(value_type = String)]
    state: &'static str,
    /// How often it was sent.
    attempts: u32,
    /// When it is sent next, while it is pending.
    next_attempt_at: Option<Time>,
    /// Why it was not taken the last time.
    last_error: Option<String>,
    /// When it was taken or given up.
    settled_at: Option<Time>,
}

impl From<KeptNotice> for NoticeReply {
    fn from(kept: KeptNotice) -> Self {
        let notice = kept.notice;
        Self {
            id: notice.id,
            channel: kept.channel,
            alert: notice.alert.0,
            what: notice.what.name(),
            condition: notice.condition,
            severity: notice.severity.name(),
            subject: notice.subject,
            why: notice.why,
            owner: notice.owner,
            location: notice.location,
            product_id: notice.product,
            at: Time(notice.at),
            state: kept.state.name(),
            attempts: kept.attempts,
            next_attempt_at: (kept.state == NoticeState::Pending).then_some(Time(kept.next_attempt_at)),
            last_error: kept.last_error,
            settled_at: kept.settled_at.map(Time),
        }
    }
}

/// Lists notices, the newest first. Of those that were taken the last 1,000 of a channel are kept.
#[utoipa::path(
    get,
    path = "/v1/notices",
    tag = "alerts",
    params(
        ("state" = Option<String>, Query, description = "`pending`, `delivered` or `dead`"),
        ("channel" = Option<String>, Query, description = "To this channel"),
        ("limit" = Option<usize>, Query, description = "Items, at most 1,000; 100 when absent"),
        ("cursor" = Option<String>, Query, description = "The `next` of the page before"),
    ),
    responses(
        (status = 200, description = "Notices", body = PageReply<NoticeReply>),
        (status = 503, description = "Nobody is told of alerts", body = Problem),
    )
)]
pub(crate) async fn list_notices(State(app): State<App>, uri: Uri) -> Result<Response, Problem> {
    let params = Params::of(&uri, &["state", "channel", "limit", "cursor"])?;
    let limit = params.limit(views::LIMIT_DEFAULT, views::LIMIT_MAX)?;
    let cursor = params.position("cursor")?;
    let query = NoticeQuery {
        state: params.one_of("state", &NoticeState::ALL)?,
        channel: params.text("channel").map(str::to_owned),
        id: None,
        before: cursor.map(|cursor| i64::try_from(cursor.0).unwrap_or(i64::MAX)),
        limit,
    };
    let telling = Arc::clone(telling(&app)?);
    let as_of_position = app.engine().position().0;
    let kept = blocking(move || Ok(telling.outbox().notices(&query)?)).await?;
    let next = kept.last().filter(|_| kept.len() == limit).map(|last| last.sequence.to_string());
    let items = kept.into_iter().map(NoticeReply::from).collect();
    Ok(Json(StatusCode::OK, PageReply { items, next, as_of_position }).into_response())
}

/// What became of a notice on how many channels.
#[derive(Serialize, ToSchema)]
pub(crate) struct ChangedReply {
    id: String,
    /// Channels on which it was.
    channels: usize,
}

/// Has a notice that was given up or waits sent at once, over one channel or wherever it is.
#[utoipa::path(
    post,
    path = "/v1/notices/{id}/retry",
    tag = "alerts",
    params(
        ("id" = String, Path, description = "The notice"),
        ("channel" = Option<String>, Query, description = "Over this channel only"),
    ),
    responses(
        (status = 200, description = "It is sent", body = ChangedReply),
        (status = 404, description = "There is none that was given up or waits", body = Problem),
        (status = 503, description = "Nobody is told of alerts", body = Problem),
    )
)]
pub(crate) async fn retry_notice(
    State(app): State<App>,
    Parted(id): Parted<String>,
    uri: Uri,
) -> Result<Response, Problem> {
    let channel = Params::of(&uri, &["channel"])?.text("channel").map(str::to_owned);
    changed(change(&app, Change::Retry, id, channel).await?)
}

/// Forgets a notice that was given up or waits, of one channel or wherever it is.
#[utoipa::path(
    post,
    path = "/v1/notices/{id}/discard",
    tag = "alerts",
    params(
        ("id" = String, Path, description = "The notice"),
        ("channel" = Option<String>, Query, description = "Of this channel only"),
    ),
    responses(
        (status = 200, description = "It is forgotten", body = ChangedReply),
        (status = 404, description = "There is none that was given up or waits", body = Problem),
        (status = 503, description = "Nobody is told of alerts", body = Problem),
    )
)]
pub(crate) async fn discard_notice(
    State(app): State<App>,
    Parted(id): Parted<String>,
    uri: Uri,
) -> Result<Response, Problem> {
    let channel = Params::of(&uri, &["channel"])?.text("channel").map(str::to_owned);
    changed(change(&app, Change::Discard, id, channel).await?)
}

fn changed(reply: ChangedReply) -> Result<Response, Problem> {
    Ok(Json(StatusCode::OK, reply).into_response())
}

/// What a person wants with a notice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    /// It is sent at once.
    Retry,
    /// It is forgotten.
    Discard,
}

/// Does it.
///
/// # Errors
/// 404 `not_found`; 503 `not_running`.
pub(crate) async fn change(
    app: &App,
    change: Change,
    id: String,
    channel: Option<String>,
) -> Result<ChangedReply, Problem> {
    let (telling, now) = (Arc::clone(telling(app)?), app.engine().now());
    blocking(move || {
        let channels = match change {
            Change::Retry => telling.outbox().retry(&id, channel.as_deref(), now)?,
            Change::Discard => telling.outbox().discard(&id, channel.as_deref())?,
        };
        if channels == 0 {
            let detail = format!("no notice {} was given up or waits", wire::problem::shown(&id));
            return Err(Problem::not_found(detail).of("id"));
        }
        Ok(ChangedReply { id, channels })
    })
    .await
}
