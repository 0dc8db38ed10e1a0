//! `POST /v1/events`: facts come in.
//!
//! The body is read once, its events go into one batch and to the engine, and the answer is written when all of it is
//! durable. An event that was plainly accepted costs nothing here beyond its parsing.

use crate::App;
use crate::auth::Principal;
use crate::http::json::Json;
use crate::http::problem::Fault;
use crate::http::query::Params;
use crate::http::{Problem, body, submit};
use axum::extract::{Request, State};
use axum::http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Extension, Router};
use engine::{Outcome, Receipt};
use ledger::Position;
use serde::Serialize;
use tower_http::decompression::RequestDecompressionLayer;
use utoipa::ToSchema;
use wire::event::{ContentKind, Defaults, Parsed};

/// Bodies up to this many bytes are parsed where they arrive; larger ones where they hold up nobody.
const PARSED_INLINE_BYTES_MAX: usize = 16 << 10;

pub(crate) fn router() -> Router<App> {
    let unpack = RequestDecompressionLayer::new().pass_through_unaccepted(true);
    Router::new().route("/v1/events", post(take_events)).layer(unpack)
}

/// What became of the events of one body.
#[derive(Serialize, ToSchema)]
pub(crate) struct EventsReply {
    /// Events that are in the ledger now.
    pub(crate) accepted: usize,
    /// Events that were there before.
    pub(crate) duplicate: usize,
    /// Events that were refused or cannot be read.
    pub(crate) rejected: usize,
    /// Events that cannot be used and wait for a person.
    pub(crate) held: usize,
    /// The journal position after them.
    pub(crate) as_of_position: u64,
    /// What was not plainly accepted; of a single event, or with `results=all`, everything.
    pub(crate) results: Vec<EventResult>,
}

/// What became of one event.
#[derive(Clone, Serialize, ToSchema)]
pub(crate) struct EventResult {
    /// Its place in the body, from 0.
    pub(crate) index: usize,
    /// `accepted`, `duplicate`, `rejected` or `held`.
    pub(crate) status: &'static str,
    /// Where it stands in the journal; of a duplicate, where it was recorded first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) position: Option<u64>,
    /// What is wrong with it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) problem: Option<Fault>,
    /// Everything that is wrong with it, when it is more than one thing.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) problems: Vec<Fault>,
}

/// A single event that was refused: the problem, and the reply beside it.
#[derive(Serialize, ToSchema)]
pub(crate) struct RefusedEvent {
    #[serde(flatten)]
    problem: Problem,
    accepted: usize,
    duplicate: usize,
    rejected: usize,
    held: usize,
    as_of_position: u64,
    results: Vec<EventResult>,
}

/// Takes events.
#[utoipa::path(
    post,
    path = "/v1/events",
    tag = "events",
    params(
        ("dry_run" = Option<bool>, Query, description = "Judge the events and record nothing"),
        ("results" = Option<String>, Query, description = "`all` lists every event with its position"),
        ("historical" = Option<bool>, Query, description = "The events report history: they may be older than the window in which repetitions are known"),
    ),
    request_body(
        content(
            (super::openapi::Event = "application/json"),
            (String = "application/x-ndjson"),
            (Object = "application/cloudevents+json"),
            (Vec<Object> = "application/cloudevents-batch+json"),
        ),
        description = "One event or an array of them, one a line as NDJSON, or in CloudEvents envelopes; packed with gzip or zstd if you like"
    ),
    responses(
        (status = 200, description = "What became of the events of an array, NDJSON or CloudEvents batch; or the single event was there before", body = EventsReply),
        (status = 201, description = "The single event is in the ledger", body = EventsReply),
        (status = 202, description = "The single event is held for review", body = EventsReply),
        (status = 400, description = "A parameter is wrong, or the body broke off", body = Problem),
        (status = 409, description = "The single event is refused", body = RefusedEvent),
        (status = 413, description = "The body is too large", body = Problem),
        (status = 415, description = "The body is of a type or packing that is not taken", body = Problem),
        (status = 422, description = "The single event, or an array as a whole, cannot be read", body = RefusedEvent),
        (status = 429, description = "The queue is full; send again after `Retry-After`", body = Problem),
        (status = 503, description = "The disk is full, or the server is stopping", body = Problem),
    )
)]
pub(crate) async fn take_events(
    State(app): State<App>,
    Extension(principal): Extension<Principal>,
    request: Request,
) -> Result<Response, Problem> {
    let params = Params::of(request.uri(), &["dry_run", "results", "historical"])?;
    let lists_all = params.one_of("results", &[("all", true), ("exceptions", false)])?.unwrap_or(false);
    let (dry_run, historical) = (params.flag("dry_run")?, params.flag("historical")?);
    let form = Form::of(request.headers())?;
    let body = body::collect(&app, request, app.settings().body_bytes_max).await?;
    let is_single = form.is_single(&body);
    let parsed = if body.len() <= PARSED_INLINE_BYTES_MAX {
        parse(&app, &form, &principal, historical, &body)
    } else {
        let app = app.clone();
        let parsing = tokio::task::spawn_blocking(move || parse(&app, &form, &principal, historical, &body));
        parsing.await.map_err(|error| Problem::failed(&error))?
    };
    if is_single {
        return answer_single(&app, parsed, dry_run).await;
    }
    whole(&parsed)?;
    let Parsed { batch, places, problems, count } = parsed;
    let receipt = submit::judge(&app, batch, dry_run).await?;
    Ok(Json(StatusCode::OK, merge(&receipt, &places, &problems, (count, lists_all))).into_response())
}

/// Hands in the one event of a body; the status of the answer says what became of it.
pub(crate) async fn answer_single(app: &App, parsed: Parsed, dry_run: bool) -> Result<Response, Problem> {
    whole(&parsed)?;
    let Parsed { batch, places, problems, count } = parsed;
    let receipt = submit::judge(app, batch, dry_run).await?;
    let reply = merge(&receipt, &places, &problems, (count, true));
    Ok(single(reply, &problems, &receipt))
}

/// Refuses a body that is at fault as a whole.
fn whole(parsed: &Parsed) -> Result<(), Problem> {
    let Some(problem) = parsed.problems.first().filter(|problem| problem.index.is_none()) else { return Ok(()) };
    let is_size = problem.code == "too_many_events";
    let status = if is_size { StatusCode::PAYLOAD_TOO_LARGE } else { StatusCode::UNPROCESSABLE_ENTITY };
    Err(Problem::unreadable(status, &parsed.problems))
}

/// How the events of a body are laid out.
enum Form {
    Body(ContentKind),
    /// The event is the body, and these headers its envelope.
    Binary(Vec<(String, String)>),
}

impl Form {
    /// What the headers say of the body.
    fn of(headers: &HeaderMap) -> Result<Self, Problem> {
        let unsupported = |code, detail: String| Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, code, detail));
        let text = |value: &HeaderValue| value.to_str().unwrap_or_default().to_owned();
        if let Some(packing) = headers.get(CONTENT_ENCODING).filter(|packing| *packing != "identity") {
            let shown = wire::problem::shown(&text(packing));
            let detail = format!("bodies packed as {shown} are not taken; send gzip, zstd or plain");
            return unsupported("unsupported_encoding", detail);
        }
        let typed = headers.get(CONTENT_TYPE).map_or_else(|| "application/json".to_owned(), text);
        let Some(kind) = body::layout(&typed) else {
            let shown = wire::problem::shown(&typed);
            let detail = format!(
                "bodies of type {shown} are not taken; send 'Content-Type: application/json' or 'application/x-ndjson'"
            );
            return unsupported("unsupported_media_type", detail);
        };
        if !headers.contains_key("ce-specversion") {
            return Ok(Self::Body(kind));
        }
        let envelope = headers.iter().filter(|(name, _)| name.as_str().starts_with("ce-"));
        Ok(Self::Binary(envelope.map(|(name, value)| (name.to_string(), text(value))).collect()))
    }

    /// Whether the body is one event by itself, and not a list that happens to hold one.
    fn is_single(&self, body: &[u8]) -> bool {
        match self {
            Self::Body(ContentKind::Json) => {
                let text = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
                text.trim_ascii_start().first() != Some(&b'[')
            }
            Self::Body(ContentKind::CloudEvent) | Self::Binary(_) => true,
            Self::Body(ContentKind::Ndjson | ContentKind::CloudEventBatch) => false,
        }
    }
}

fn parse(app: &App, form: &Form, principal: &Principal, historical: bool, body: &[u8]) -> Parsed {
    let defaults = Defaults { actor: &principal.name, source: &principal.name, historical, resolves: None };
    let limits = &app.settings().events;
    match form {
        Form::Body(kind) => wire::event::parse_events(body, *kind, &defaults, app.hasher(), limits),
        Form::Binary(headers) => {
            let headers = headers.iter().map(|(name, value)| (name.as_str(), value.as_str()));
            wire::event::parse_cloud_event_binary(headers, body, &defaults, app.hasher(), limits)
        }
    }
}

/// The reply for what was judged and what could not be read, in the order of the body. Requests of the receipt stand
/// at `places`; `count` events came in all; `lists_all` of them are listed, or only those that were not plainly accepted.
pub(crate) fn merge(
    receipt: &Receipt,
    places: &[u32],
    problems: &[wire::Problem],
    (count, lists_all): (usize, bool),
) -> EventsReply {
    let place = |index: usize| places.get(index).map_or(index, |place| *place as usize);
    let unread = problems.chunk_by(|one, next| one.index == next.index).map(unreadable);
    let mut results: Vec<EventResult> = if lists_all {
        (0..receipt.len()).map(|index| judged(place(index), &receipt.outcome(index))).collect()
    } else {
        receipt.exceptions().iter().map(|(index, outcome)| judged(place(*index as usize), outcome)).collect()
    };
    results.extend(unread);
    results.sort_unstable_by_key(|result| result.index);
    let number = |status| results.iter().filter(|result| result.status == status).count();
    debug_assert_eq!(count, receipt.len() + problems.chunk_by(|one, next| one.index == next.index).count());
    EventsReply {
        accepted: receipt.accepted(),
        duplicate: number("duplicate"),
        rejected: number("rejected"),
        held: number("held"),
        as_of_position: receipt.as_of.0,
        results,
    }
}

fn judged(index: usize, outcome: &Outcome) -> EventResult {
    // A rehearsal gives no positions.
    let known = |position: Position| (position != Position::ZERO).then_some(position.0);
    let (status, position, problem) = match outcome {
        Outcome::Accepted { position } => ("accepted", known(*position), None),
        Outcome::Duplicate { position, .. } => ("duplicate", known(*position), None),
        Outcome::Held { position, rejection } => ("held", known(*position), Some(rejection)),
        Outcome::Rejected { rejection } => ("rejected", None, Some(rejection)),
    };
    let problem = problem.map(|rejection| Fault::from(&wire::Problem::from(rejection)));
    EventResult { index, status, position, problem, problems: Vec::new() }
}

fn unreadable(problems: &[wire::Problem]) -> EventResult {
    let faults: Vec<Fault> = problems.iter().map(Fault::from).collect();
    EventResult {
        index: problems.first().and_then(|problem| problem.index).unwrap_or_default(),
        status: "rejected",
        position: None,
        problem: faults.first().cloned(),
        problems: if faults.len() > 1 { faults } else { Vec::new() },
    }
}

/// The answer for a single event, whose status says what became of it.
fn single(reply: EventsReply, problems: &[wire::Problem], receipt: &Receipt) -> Response {
    let outcome = (!receipt.is_empty()).then(|| receipt.outcome(0));
    let problem = match &outcome {
        Some(Outcome::Accepted { .. }) => return Json(StatusCode::CREATED, reply).into_response(),
        Some(Outcome::Duplicate { .. }) => return Json(StatusCode::OK, reply).into_response(),
        Some(Outcome::Held { .. }) => return Json(StatusCode::ACCEPTED, reply).into_response(),
        Some(Outcome::Rejected { rejection }) => {
            let mut problem = Problem::rejected(rejection);
            problem.status = StatusCode::CONFLICT.as_u16();
            problem
        }
        None => Problem::of_body(problems),
    };
    let status = problem.status();
    let EventsReply { accepted, duplicate, rejected, held, as_of_position, results } = reply;
    let refused = RefusedEvent { problem, accepted, duplicate, rejected, held, as_of_position, results };
    let mut response = Json(status, refused).into_response();
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    response
}
