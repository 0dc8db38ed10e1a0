//! `/v1/channels`: who is told of alerts, and whether that works.

use crate::App;
use crate::http::Problem;
use crate::http::json::{Json, Time};
use crate::http::page::{PageReply, blocking};
use crate::http::path::Parted;
use crate::http::query::Params;
use crate::notify::{ChannelStatus, Outcome, Telling};
use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use ledger::Timestamp;
use serde::Serialize;
use std::sync::Arc;
use utoipa::ToSchema;

pub(crate) fn router() -> Router<App> {
    Router::new().route("/v1/channels", get(list_channels)).route("/v1/channels/{name}/test", post(test_channel))
}

/// A channel: what it is told, when, and how that goes. Its secrets are never shown.
#[derive(Serialize, ToSchema)]
pub(crate) struct ChannelReply {
    name: String,
    /// `webhook`, `slack`, `teams` or `email`.
    #[schema(value_type = String)]
    kind: &'static str,
    /// As much of where it leads as is no secret: the host, or the recipients.
    destination: String,
    /// Of alerts of this severity or a higher one: `info`, `warning` or `critical`.
    #[schema(value_type = String)]
    severity_min: &'static str,
    /// Of these conditions; of all when empty.
    conditions: Vec<String>,
    /// At these locations or within them; anywhere when empty.
    locations: Vec<String>,
    /// Of this owner.
    owner: Option<String>,
    /// When only what is critical is told, with the time zone.
    quiet_hours: Option<String>,
    /// For how long notices are gathered.
    digest_minutes: Option<i64>,
    /// `active`, or `disabled`: the receiver wanted no more, and nothing is sent until the next start.
    #[schema(value_type = String)]
    state: &'static str,
    /// Why it is disabled.
    disabled_reason: Option<String>,
    /// Notices that wait.
    pending: u64,
    /// Notices that were given up.
    dead: u64,
    /// When a message or a test was last taken.
    last_success_at: Option<Time>,
    /// When a message or a test was last not taken.
    last_error_at: Option<Time>,
    /// Why it was not.
    last_error: Option<String>,
}

impl From<ChannelStatus<'_>> for ChannelReply {
    fn from(status: ChannelStatus<'_>) -> Self {
        let (channel, record) = (status.channel, status.record);
        let route = &channel.route;
        Self {
            name: route.name.to_string(),
            kind: channel.kind(),
            destination: channel.destination(),
            severity_min: route.filter.severity_min.name(),
            conditions: route.filter.conditions.clone(),
            locations: route.filter.locations.clone(),
            owner: route.filter.owner.clone(),
            quiet_hours: route.quiet.as_ref().map(ToString::to_string),
            digest_minutes: route.digest_micros.map(|micros| micros / 60_000_000),
            state: if status.disabled.is_some() { "disabled" } else { "active" },
            disabled_reason: status.disabled,
            pending: record.pending,
            dead: record.dead,
            last_success_at: record.succeeded_at.map(Time),
            last_error_at: record.failed_at.map(Time),
            last_error: record.last_error,
        }
    }
}

/// What tells of alerts.
///
/// # Errors
/// 503 `not_running`.
pub(crate) fn telling(app: &App) -> Result<&Arc<Telling>, Problem> {
    app.telling().ok_or_else(|| {
        let detail = "this server tells nobody of alerts; start it with its outbox";
        Problem::new(StatusCode::SERVICE_UNAVAILABLE, "not_running", detail)
    })
}

/// Lists the channels over which alerts are told, in the order of the configuration.
#[utoipa::path(
    get,
    path = "/v1/channels",
    tag = "alerts",
    responses(
        (status = 200, description = "Channels", body = PageReply<ChannelReply>),
        (status = 503, description = "Nobody is told of alerts", body = Problem),
    )
)]
pub(crate) async fn list_channels(State(app): State<App>, uri: Uri) -> Result<Response, Problem> {
    Params::of(&uri, &[])?;
    let telling = Arc::clone(telling(&app)?);
    let as_of_position = app.engine().position().0;
    let items = blocking(move || Ok(telling.statuses()?.into_iter().map(ChannelReply::from).collect())).await?;
    Ok(Json(StatusCode::OK, PageReply::<ChannelReply> { items, next: None, as_of_position }).into_response())
}

/// What came of a test.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct TestReply {
    /// The channel.
    pub(crate) channel: String,
    /// Whether the receiver took the message.
    pub(crate) taken: bool,
    /// What the receiver said, or why it could not be asked.
    pub(crate) answer: String,
    pub(crate) at: Time,
}

/// Sends a marked message that tells of nothing at once, whatever waits, and answers what the receiver said.
#[utoipa::path(
    post,
    path = "/v1/channels/{name}/test",
    tag = "alerts",
    params(("name" = String, Path, description = "The channel")),
    responses(
        (status = 200, description = "What came of it", body = TestReply),
        (status = 404, description = "There is no such channel", body = Problem),
        (status = 503, description = "Nobody is told of alerts", body = Problem),
    )
)]
pub(crate) async fn test_channel(
    State(app): State<App>,
    Parted(name): Parted<String>,
    uri: Uri,
) -> Result<Response, Problem> {
    Params::of(&uri, &[])?;
    Ok(Json(StatusCode::OK, test(&app, name).await?).into_response())
}

/// Tests a channel.
///
/// # Errors
/// 404 `not_found`; 503 `not_running`.
pub(crate) async fn test(app: &App, channel: String) -> Result<TestReply, Problem> {
    let telling = Arc::clone(telling(app)?);
    let now: Timestamp = app.engine().now();
    let unknown = || Problem::not_found(format!("there is no channel {}", wire::problem::shown(&channel))).of("name");
    let outcome = telling.test(&channel, now).await.ok_or_else(unknown)?;
    let (taken, answer) = match outcome {
        Outcome::Taken(answer) => (true, answer),
        Outcome::NotTaken { why, .. } => (false, why),
        Outcome::Gone(answer) => (false, format!("the receiver wants no more: it answered {answer}")),
    };
    let (name, said) = (channel.clone(), answer.clone());
    let note = move || {
        let outbox = telling.outbox();
        Ok(if taken { outbox.note_success(&name, now) } else { outbox.note_failure(&name, &said, now) }?)
    };
    blocking(note).await?;
    Ok(TestReply { channel, taken, answer, at: Time(now) })
}
