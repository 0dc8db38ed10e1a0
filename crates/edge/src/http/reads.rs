//! `POST /v1/devices/{device}/reads`: what the gateways of RFID readers hear.
//!
//! A body becomes one observation for each reader that it names. Reads that carry their own times are known again when
//! the same body is sent twice; others need an `Idempotency-Key` for that.

use crate::App;
use crate::auth::Principal;
use crate::http::json::Json;
use crate::http::path::Parted;
use crate::http::problem::Fault;
use crate::http::query::Params;
use crate::http::{Problem, body, submit};
use axum::extract::{Request, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Extension, Router};
use engine::{Outcome, Receipt};
use ledger::{Command, Key, Observation, Timestamp, Unusable};
use serde::Serialize;
use tower_http::decompression::RequestDecompressionLayer;
use utoipa::ToSchema;
use wire::observation::{self, TagRead, pack_reads};
use wire::reads::{Reads, parse_reads};
use wire::{Batch, KeyHasher};

/// Reads of one body.
const READS_MAX: usize = 100_000;
/// Problems that an answer lists.
const PROBLEMS_MAX: usize = 100;
/// Bytes of a held text.
const RAW_BYTES_MAX: usize = 16 << 10;

pub(crate) fn router() -> Router<App> {
    let unpack = RequestDecompressionLayer::new().pass_through_unaccepted(true);
    Router::new().route("/v1/devices/{device}/reads", post(take_reads)).layer(unpack)
}

/// What became of the reads of one body.
#[derive(Serialize, ToSchema)]
pub(crate) struct ReadsReply {
    /// Reads that are in the journal, those that were there before included.
    reads: usize,
    /// Messages that say something other than a read: heartbeats, inputs, states. They count as signs of life.
    skipped: usize,
    /// What became of the reads of each reader.
    results: Vec<ReadsResult>,
    /// What could not be read, at most 100.
    problems: Vec<MessageFault>,
    /// The entry that holds the body, when none of it could be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    held: Option<u64>,
    as_of_position: u64,
}

/// What became of a reader's reads.
#[derive(Serialize, ToSchema)]
pub(crate) struct ReadsResult {
    device: String,
    reads: usize,
    /// `accepted`, `duplicate` or `rejected`.
    #[schema(value_type = String)]
    status: &'static str,
    /// Where they stand in the journal.
    #[serde(skip_serializing_if = "Option::is_none")]
    position: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<Fault>,
}

/// What is wrong with a message.
#[derive(Serialize, ToSchema)]
pub(crate) struct MessageFault {
    /// Its place in the body, from 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    index: Option<usize>,
    #[serde(flatten)]
    fault: Fault,
}

/// Takes tag reads as the gateways of readers send them: those of Impinj, Zebra and the like, and Stocktide's own.
#[utoipa::path(
    post,
    path = "/v1/devices/{device}/reads",
    tag = "devices",
    params(
        ("device" = String, Path, description = "The reader whose reads name none, percent-encoded"),
        ("Idempotency-Key" = Option<String>, Header, description = "Makes a repetition known; reads with times of their own are known by their content, too"),
    ),
    request_body(
        content((Vec<Object> = "application/json"), (String = "application/x-ndjson")),
        description = "One message, an array of them, or one a line; docs/formats/reads.md has the layouts"
    ),
    responses(
        (status = 200, description = "The same was recorded before, or there is nothing in it", body = ReadsReply),
        (status = 201, description = "The reads are in the journal", body = ReadsReply),
        (status = 202, description = "None of it could be read; the body is held for review", body = ReadsReply),
        (status = 409, description = "The `Idempotency-Key` was used for another body", body = Problem),
        (status = 413, description = "The body is too large", body = Problem),
        (status = 415, description = "The body is of a type or packing that is not taken", body = Problem),
        (status = 422, description = "The device or the key cannot be used", body = Problem),
        (status = 429, description = "The queue is full; send again after `Retry-After`", body = Problem),
    )
)]
pub(crate) async fn take_reads(
    State(app): State<App>,
    Extension(principal): Extension<Principal>,
    Parted(device): Parted<String>,
    request: Request,
) -> Result<Response, Problem> {
    Params::of(request.uri(), &[])?;
    super::sensed::sensed(&app)?;
    let device = checked("device", &device)?.to_owned();
    let key = idempotency_key(request.headers())?;
    check_type(request.headers())?;
    let body = body::collect(&app, request, app.settings().body_bytes_max).await?;
    let work = {
        let (app, principal) = (app.clone(), principal.clone());
        move || Taken::of(&app, &principal, &device, key, &body)
    };
    // Reading many reads would hold up others.
    let taken = tokio::task::spawn_blocking(work).await.map_err(|error| Problem::failed(&error))?;
    let receipt = submit::judge(&app, taken.batch.clone(), false).await?;
    taken.answer(&receipt)
}

/// A text that names something: not empty, of at most 200 bytes, without control characters.
fn checked<'t>(field: &'static str, text: &'t str) -> Result<&'t str, Problem> {
    let text = text.trim();
    if text.is_empty() || text.len() > wire::TEXT_BYTES_MAX || text.chars().any(char::is_control) {
        let shown = wire::problem::shown(text);
        let detail =
            format!("{field} {shown} is empty, longer than 200 bytes, or has control characters; send another");
        return Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid_value", detail).of(field));
    }
    Ok(text)
}

/// What a request says that makes a repetition known.
///
/// # Errors
/// 422 `invalid_value`.
pub(crate) fn idempotency_key(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let Some(key) = headers.get("idempotency-key") else { return Ok(None) };
    // RFC drafts have it in quotes.
    let key = key.to_str().unwrap_or_default().trim_matches('"');
    checked("Idempotency-Key", key).map(|key| Some(key.to_owned()))
}

fn check_type(headers: &HeaderMap) -> Result<(), Problem> {
    let typed = headers.get(CONTENT_TYPE).map(|value| value.to_str().unwrap_or_default());
    let is_known = |typed: &str| body::layout(typed).is_some() || typed.starts_with("text/event-stream");
    match typed.filter(|typed| !is_known(typed)) {
        None => Ok(()),
        Some(typed) => {
            let detail = format!(
                "bodies of type {} are not taken here; send application/json or application/x-ndjson",
                wire::problem::shown(typed)
            );
            Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", detail))
        }
    }
}

/// What a body amounts to.
struct Taken {
    batch: Batch,
    /// For each request of the batch, the reader and how many reads.
    devices: Vec<(String, usize)>,
    is_held: bool,
    skipped: usize,
    problems: Vec<wire::Problem>,
}

impl Taken {
    fn of(app: &App, principal: &Principal, device: &str, key: Option<String>, body: &[u8]) -> Self {
        let read = parse_reads(body, READS_MAX);
        let now = app.engine().now();
        let hasher = app.hasher();
        let mut taken = Self {
            batch: Batch::new(),
            devices: Vec::new(),
            is_held: false,
            skipped: read.skipped,
            problems: read.problems.clone(),
        };
        if read.reads.is_empty() && read.skipped == 0 {
            if !read.problems.is_empty() {
                taken.hold(hasher, principal, device, body, now);
            }
            return taken;
        }
        let has_times = !read.reads.is_empty() && read.reads.iter().all(|read| read.seen_at.is_some());
        let text = String::from_utf8_lossy(body);
        let name = key.or_else(|| has_times.then(|| format!("reads-{:032x}", hasher.named(device, &text))));
        let failures = u32::try_from(read.problems.len()).unwrap_or(u32::MAX);
        for (reader, packed) in by_device(&read, device, now) {
            let failures = if reader == device { failures } else { 0 };
            let observation = Observation {
                form: observation::TAG_READS.into(),
                sent_at: packed.newest_at,
                failures,
                content: packed.content,
                ..Observation::default()
            };
            let command = Command::Observe(Box::new(observation));
            let id = name.as_deref().unwrap_or_default();
            let key = match &name {
                // Reads without times get ours, which a repetition would not have: the body says what it is.
                Some(id) => Key { id: hasher.named(&reader, id), content: half(hasher.named("body", &text)) },
                None => hasher.command(&reader, "", now, &command),
            };
            let occurred_at = packed.newest_at.unwrap_or(now);
            taken.batch.push_command(&principal.name, &reader, id, key, occurred_at, command);
            taken.devices.push((reader, packed.reads));
        }
        taken
    }

    /// Nothing of the body could be read: a person shall look at it.
    fn hold(&mut self, hasher: &KeyHasher, principal: &Principal, device: &str, body: &[u8], now: Timestamp) {
        let text = String::from_utf8_lossy(body);
        let details: Vec<&str> = self.problems.iter().take(3).map(|problem| &*problem.detail).collect();
        let first = self.problems.first();
        let command = Command::Hold(Box::new(Unusable {
            raw: text[..text.floor_char_boundary(RAW_BYTES_MAX)].into(),
            code: first.map_or("", |problem| problem.code).into(),
            field: first.map_or("", |problem| &problem.field).into(),
            detail: details.join("; ").into(),
            place: "tag reads".into(),
        }));
        let id = format!("reads-{:032x}", hasher.named(device, &text));
        let key = hasher.command(device, &id, now, &command);
        self.batch.push_command(&principal.name, device, &id, key, now, command);
        self.is_held = true;
    }

    fn answer(self, receipt: &Receipt) -> Result<Response, Problem> {
        let problems = self.problems.iter().take(PROBLEMS_MAX);
        let problems = problems.map(|problem| MessageFault { index: problem.index, fault: problem.into() });
        let mut reply = ReadsReply {
            reads: 0,
            skipped: self.skipped,
            results: Vec::new(),
            problems: problems.collect(),
            held: None,
            as_of_position: receipt.as_of.0,
        };
        if self.is_held {
            reply.held = position(&receipt.outcome(0));
            return Ok(Json(StatusCode::ACCEPTED, reply).into_response());
        }
        let (mut is_new, mut refusal) = (false, None);
        for (index, (device, reads)) in self.devices.into_iter().enumerate() {
            let outcome = receipt.outcome(index);
            let (status, problem) = match &outcome {
                Outcome::Accepted { .. } => ("accepted", None),
                Outcome::Duplicate { .. } => ("duplicate", None),
                Outcome::Held { rejection, .. } | Outcome::Rejected { rejection } => ("rejected", Some(rejection)),
            };
            is_new |= status == "accepted";
            if problem.is_none() {
                reply.reads += reads;
            }
            let fault = problem.map(|rejection| Fault::from(&wire::Problem::from(rejection)));
            refusal = refusal.or_else(|| problem.map(Problem::rejected));
            let position = position(&outcome);
            reply.results.push(ReadsResult { device, reads, status, position, problem: fault });
        }
        match refusal {
            Some(problem) if !is_new => Err(problem),
            _ => {
                let status = if is_new { StatusCode::CREATED } else { StatusCode::OK };
                Ok(Json(status, reply).into_response())
            }
        }
    }
}

fn position(outcome: &Outcome) -> Option<u64> {
    match outcome {
        Outcome::Accepted { position } | Outcome::Duplicate { position, .. } | Outcome::Held { position, .. } => {
            Some(position.0)
        }
        Outcome::Rejected { .. } => None,
    }
}

/// Half of a hash.
fn half(hash: u128) -> u64 {
    u64::try_from(hash >> 64).expect("half of 128 bits")
}

/// The reads of one reader.
struct Packed {
    content: Box<[u8]>,
    reads: usize,
    /// When the newest was seen, by the reader's clock.
    newest_at: Option<Timestamp>,
}

/// The reads by their readers, those that name none under `device`, which is there in any case when something is about
/// it: also what is no read shows that it lives.
fn by_device(read: &Reads, device: &str, now: Timestamp) -> Vec<(String, Packed)> {
    let own = read.devices.iter().position(|name| name == device);
    let place = |read: &wire::reads::TagRead| read.device.map(usize::from).filter(|place| Some(*place) != own);
    let mut out = Vec::new();
    for reader in std::iter::once(None).chain((0..read.devices.len()).filter(|place| Some(*place) != own).map(Some)) {
        let reads: Vec<&wire::reads::TagRead> = read.reads.iter().filter(|read| place(read) == reader).collect();
        if reads.is_empty() && (reader.is_some() || (read.skipped == 0 && read.problems.is_empty())) {
            continue;
        }
        let packed = pack_reads(reads.iter().map(|read| TagRead {
            epc: &read.epc,
            antenna: read.antenna,
            rssi_centi_dbm: read.rssi_centi_dbm,
            seen_at: read.seen_at.unwrap_or(now),
            count: read.count,
        }));
        let newest_at = reads.iter().filter_map(|read| read.seen_at).max();
        let name = reader.map_or_else(|| device.to_owned(), |place| read.devices[place].clone());
        out.push((name, Packed { content: packed, reads: reads.len(), newest_at }));
    }
    out
}
