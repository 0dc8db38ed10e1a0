//! `/v1/inferences`: what was concluded from readings, on which evidence, and what people say of it.

use crate::App;
use crate::auth::Principal;
use crate::http::json::{Json, Time};
use crate::http::page::{ItemReply, PageReply, blocking};
use crate::http::path::Parted;
use crate::http::query::Params;
use crate::http::sensed::{caught_up, reached, sensed};
use crate::http::{Problem, body};
use axum::extract::{Request, State};
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Extension, Router};
use follow::sensing::{InferenceQuery, JudgementError, KeptInference, RejudgeError, Smoothing, Verdict, Way};
use ledger::Position;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Map, Value};
use utoipa::ToSchema;

/// The longest reason, in bytes.
const REASON_BYTES_MAX: usize = 1000;
/// The states, by their names.
const STATES: [(&str, &str); 5] = [
    ("applied", "applied"),
    ("quarantined", "quarantined"),
    ("noted", "noted"),
    ("confirmed", "confirmed"),
    ("refuted", "refuted"),
];

pub(crate) fn router() -> Router<App> {
    Router::new()
        .route("/v1/inferences", get(list_inferences))
        .route("/v1/inferences/{id}", get(get_inference))
        .route("/v1/inferences/{id}/judge", post(judge))
        .route("/v1/inferences/{id}/rejudge", post(rejudge))
}

/// A conclusion: the members of its record, and what became of it.
#[derive(Serialize, ToSchema)]
pub(crate) struct InferenceReply {
    #[serde(flatten)]
    #[schema(inline)]
    record: Record,
    /// `applied`: its event is in the ledger; `quarantined`: it waits for a person; `noted`: no stock moved by it;
    /// `confirmed` or `refuted` by a person.
    state: String,
    /// The entry that records it.
    position: u64,
    /// What a person said of it.
    judgement: Option<JudgementReply>,
}

/// The members of a record as they are in the journal.
#[derive(Serialize)]
#[serde(transparent)]
pub(crate) struct Record(Map<String, Value>);

impl utoipa::PartialSchema for Record {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
        <super::openapi::Inference as utoipa::PartialSchema>::schema()
    }
}

impl ToSchema for Record {
    fn schemas(schemas: &mut Vec<(String, utoipa::openapi::RefOr<utoipa::openapi::Schema>)>) {
        <super::openapi::Inference as ToSchema>::schemas(schemas);
    }
}

/// What a person said of a conclusion.
#[derive(Serialize, ToSchema)]
pub(crate) struct JudgementReply {
    /// `confirmed` or `refuted`.
    #[schema(value_type = String)]
    verdict: &'static str,
    reason: String,
    by: String,
    at: Time,
    /// The entry that records it.
    position: u64,
    /// The entry that was booked with it.
    event_position: Option<u64>,
    /// The entry that undid what had been booked.
    reversed_by: Option<u64>,
}

impl From<KeptInference> for InferenceReply {
    fn from(kept: KeptInference) -> Self {
        let number = |position: Option<Position>| position.map(|position| position.0);
        let judgement = kept.judgement.map(|kept| JudgementReply {
            verdict: kept.judgement.verdict.name(),
            reason: kept.judgement.reason,
            by: kept.judgement.by,
            at: Time(kept.at),
            position: kept.position.0,
            event_position: number(kept.judgement.event_position),
            reversed_by: number(kept.judgement.reversed_by),
        });
        let record = Record(serde_json::from_str(&kept.record).unwrap_or_default());
        Self { record, state: kept.state, position: kept.position.0, judgement }
    }
}

/// Lists conclusions, the newest first.
#[utoipa::path(
    get,
    path = "/v1/inferences",
    tag = "devices",
    params(
        ("state" = Option<String>, Query, description = "`applied`, `quarantined`, `noted`, `confirmed` or `refuted`"),
        ("epc" = Option<String>, Query, description = "Of this tag: its memory in hexadecimal digits"),
        ("device" = Option<String>, Query, description = "Resting on this device more than on any other"),
        ("limit" = Option<usize>, Query, description = "Items, at most 1,000; 100 when absent"),
        ("cursor" = Option<String>, Query, description = "The `next` of the page before"),
    ),
    responses(
        (status = 200, description = "Conclusions", body = PageReply<InferenceReply>),
        (status = 503, description = "Nobody follows what devices say", body = Problem),
    )
)]
pub(crate) async fn list_inferences(State(app): State<App>, uri: Uri) -> Result<Response, Problem> {
    let params = Params::of(&uri, &["state", "epc", "device", "limit", "cursor"])?;
    let limit = params.limit(views::LIMIT_DEFAULT, views::LIMIT_MAX)?;
    let query = InferenceQuery {
        state: params.one_of("state", &STATES)?.map(str::to_owned),
        epc: params.text("epc").map(str::to_ascii_uppercase),
        device: params.text("device").map(str::to_owned),
        before: params.position("cursor")?,
        limit,
    };
    let (sensed, as_of) = caught_up(&app).await?;
    let kept = blocking(move || Ok(sensed.senses.inferences(&query)?)).await?;
    let next = kept.last().filter(|_| kept.len() == limit).map(|last| last.position.to_string());
    let items = kept.into_iter().map(InferenceReply::from).collect();
    Ok(Json(StatusCode::OK, PageReply { items, next, as_of_position: as_of.0 }).into_response())
}

fn unknown(id: &str) -> Problem {
    Problem::not_found(format!("there is no conclusion {}", wire::problem::shown(id))).of("id")
}

/// Shows a conclusion.
#[utoipa::path(
    get,
    path = "/v1/inferences/{id}",
    tag = "devices",
    params(("id" = String, Path, description = "Its id, percent-encoded")),
    responses(
        (status = 200, description = "The conclusion", body = ItemReply<InferenceReply>),
        (status = 404, description = "There is none of this id", body = Problem),
        (status = 503, description = "Nobody follows what devices say", body = Problem),
    )
)]
pub(crate) async fn get_inference(
    State(app): State<App>,
    Parted(id): Parted<String>,
    uri: Uri,
) -> Result<Response, Problem> {
    Params::of(&uri, &[])?;
    let as_of = app.engine().position();
    inference_reply(&app, id, as_of, StatusCode::OK).await
}

async fn inference_reply(app: &App, id: String, at: Position, status: StatusCode) -> Result<Response, Problem> {
    let (sensed, as_of) = reached(app, at).await?;
    let kept = blocking(move || sensed.senses.inference(&id)?.ok_or_else(|| unknown(&id))).await?;
    Ok(Json(status, ItemReply { item: InferenceReply::from(kept), as_of_position: as_of.0 }).into_response())
}

/// What a person says of a conclusion.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct JudgeRequest {
    /// `confirmed`: it happened; `refuted`: it did not.
    #[schema(value_type = String)]
    verdict: VerdictName,
    /// In their words.
    #[serde(default)]
    reason: String,
    /// Of a tag that was heard at a door, when it is confirmed: `passed_in` or `passed_out`.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    way: Option<WayName>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum VerdictName {
    Confirmed,
    Refuted,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum WayName {
    PassedIn,
    PassedOut,
}

impl JudgeRequest {
    fn said(&self) -> (Verdict, Option<Way>) {
        let verdict = match self.verdict {
            VerdictName::Confirmed => Verdict::Confirmed,
            VerdictName::Refuted => Verdict::Refuted,
        };
        let way = self.way.map(|way| match way {
            WayName::PassedIn => Way::PassedIn,
            WayName::PassedOut => Way::PassedOut,
        });
        (verdict, way)
    }
}

impl From<JudgementError> for Problem {
    fn from(error: JudgementError) -> Self {
        let detail = error.to_string();
        match error {
            JudgementError::NoSuchInference => Self::not_found(detail).of("id"),
            JudgementError::Refuted { .. } => Self::new(StatusCode::CONFLICT, "already_refuted", detail),
            JudgementError::WayMissing => {
                Self::new(StatusCode::UNPROCESSABLE_ENTITY, "missing_field", detail).of("way")
            }
            JudgementError::Unreadable(problem) => Self::of_body(&[problem]),
            JudgementError::Rejected(rejection) => Self::rejected(&rejection),
            JudgementError::Unavailable(why) => why.into(),
            JudgementError::Engine(error) => error.into(),
        }
    }
}

/// Takes what a person says of a conclusion and waits until it is durable.
///
/// # Errors
/// Those of [`Senses::judge`](follow::sensing::Senses::judge); 422 `invalid_reason`.
pub(crate) async fn take_judgement(
    app: &App,
    principal: &Principal,
    id: &str,
    said: (Verdict, Option<Way>),
    reason: &str,
) -> Result<follow::sensing::Judged, Problem> {
    let reason = reason.trim();
    if reason.len() > REASON_BYTES_MAX || reason.chars().any(char::is_control) {
        let detail = "reason is longer than 1,000 bytes or has control characters; say why in one line";
        return Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid_reason", detail).of("reason"));
    }
    // What was just concluded can be judged.
    let (sensed, _) = caught_up(app).await?;
    let engine = app.engine().clone();
    let (by, reason, id) = (principal.name.clone(), reason.to_owned(), id.to_owned());
    let work = move || Ok(sensed.senses.judge(&engine, &id, said, (&by, &reason))?);
    blocking(work).await
}

/// Confirms or refutes a conclusion.
#[utoipa::path(
    post,
    path = "/v1/inferences/{id}/judge",
    tag = "devices",
    params(("id" = String, Path, description = "Its id, percent-encoded")),
    request_body = JudgeRequest,
    responses(
        (status = 200, description = "The same had been said before", body = ItemReply<InferenceReply>),
        (status = 201, description = "It is judged: a refuted conclusion's event is undone, a confirmed one's is booked", body = ItemReply<InferenceReply>),
        (status = 404, description = "There is none of this id", body = Problem),
        (status = 409, description = "It was refuted, or the ledger says no", body = Problem),
        (status = 422, description = "The body cannot be used", body = Problem),
        (status = 503, description = "Nobody follows what devices say", body = Problem),
    )
)]
pub(crate) async fn judge(
    State(app): State<App>,
    Extension(principal): Extension<Principal>,
    Parted(id): Parted<String>,
    request: Request,
) -> Result<Response, Problem> {
    Params::of(request.uri(), &[])?;
    sensed(&app)?;
    let body = body::json(&app, request).await?;
    let asked: JudgeRequest = serde_json::from_slice(&body).map_err(|error| {
        let detail =
            format!("{error}; send {{\"verdict\": \"confirmed\"}} or {{\"verdict\": \"refuted\", \"reason\": \"…\"}}");
        Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid_body", detail)
    })?;
    let judged = take_judgement(&app, &principal, &id, asked.said(), &asked.reason).await?;
    let status = if judged.is_new { StatusCode::CREATED } else { StatusCode::OK };
    inference_reply(&app, id, judged.position, status).await
}

/// Settings under which reads are to be judged again.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RejudgeRequest {
    /// Members of `smoothing` of the reader's card that shall differ.
    #[serde(default)]
    #[schema(value_type = Object)]
    settings: Smoothing,
}

/// What reads would lead to.
#[derive(Serialize, ToSchema)]
pub(crate) struct RejudgeReply {
    /// Reads of the tag that were judged: those of half a minute before and after the evidence.
    reads: usize,
    /// What would be concluded, as records have it; nothing of it is recorded.
    #[schema(value_type = Vec<super::openapi::Inference>)]
    conclusions: Vec<Box<RawValue>>,
    as_of_position: u64,
}

impl From<RejudgeError> for Problem {
    fn from(error: RejudgeError) -> Self {
        let detail = error.to_string();
        match error {
            RejudgeError::NoTag => Self::new(StatusCode::CONFLICT, "not_of_a_tag", detail),
            RejudgeError::NoSite(_) => Self::new(StatusCode::CONFLICT, "no_reader", detail),
            RejudgeError::Settings(_) => {
                Self::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid_value", detail).of("settings")
            }
            RejudgeError::TooMany => Self::new(StatusCode::UNPROCESSABLE_ENTITY, "too_many_reads", detail),
            RejudgeError::Engine(error) => error.into(),
        }
    }
}

/// Judges the reads behind a conclusion again, under other settings, and records nothing.
#[utoipa::path(
    post,
    path = "/v1/inferences/{id}/rejudge",
    tag = "devices",
    params(("id" = String, Path, description = "Its id, percent-encoded")),
    request_body = RejudgeRequest,
    responses(
        (status = 200, description = "What would be concluded", body = RejudgeReply),
        (status = 404, description = "There is none of this id", body = Problem),
        (status = 409, description = "It rests on no tag reads, or its readers are not declared any more", body = Problem),
        (status = 422, description = "The settings cannot be used", body = Problem),
        (status = 503, description = "Nobody follows what devices say", body = Problem),
    )
)]
pub(crate) async fn rejudge(
    State(app): State<App>,
    Parted(id): Parted<String>,
    request: Request,
) -> Result<Response, Problem> {
    Params::of(request.uri(), &[])?;
    sensed(&app)?;
    let body = body::json(&app, request).await?;
    let asked: RejudgeRequest = serde_json::from_slice(&body).map_err(|error| {
        let detail = format!("{error}; send {{\"settings\": {{\"signal_floor_centi_dbm\": -7000}}}}");
        Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid_body", detail).of("settings")
    })?;
    let (sensed, as_of) = caught_up(&app).await?;
    let engine = app.engine().clone();
    let rejudged = blocking(move || {
        let kept = sensed.senses.inference(&id)?.ok_or_else(|| unknown(&id))?;
        Ok(sensed.senses.rejudge(&engine, &kept, &asked.settings)?)
    })
    .await?;
    let conclusions = rejudged.conclusions.into_iter().filter_map(|text| RawValue::from_string(text).ok()).collect();
    let reply = RejudgeReply { reads: rejudged.reads, conclusions, as_of_position: as_of.0 };
    Ok(Json(StatusCode::OK, reply).into_response())
}
