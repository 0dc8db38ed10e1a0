//! `/epcis/v2/capture`: what became of captures.

use super::form::{self, Form, Paging, link_next};
use super::problem::Problem;
use super::{Epcis, discovery};
use crate::App;
use crate::http::path::Parted;
use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::Response;
use axum::routing::get;
use follow::epcis::CaptureJob;
use ledger::Position;
use serde::Serialize;

pub(super) fn router() -> Router<App> {
    Router::new().route("/epcis/v2/capture/{id}", get(show_job).options(async || discovery("OPTIONS, GET")))
}

/// A capture as it is told.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct JobReply {
    #[serde(rename = "captureID")]
    capture_id: String,
    created_at: String,
    finished_at: String,
    /// A capture is answered when it is finished.
    running: bool,
    success: bool,
    capture_error_behaviour: String,
    errors: Vec<ErrorReply>,
    #[serde(skip_serializing_if = "is_none")]
    more_errors: usize,
    captured: usize,
    duplicates: usize,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
const fn is_none(count: &usize) -> bool {
    *count == 0
}

/// One thing that went wrong, as RFC 9457 has it.
#[derive(Serialize)]
struct ErrorReply {
    #[serde(rename = "type")]
    kind: String,
    title: String,
    status: u16,
    detail: String,
    severity: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    path: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    event: Option<usize>,
}

impl From<CaptureJob> for JobReply {
    fn from(job: CaptureJob) -> Self {
        let error = |error: follow::epcis::CaptureError| ErrorReply {
            status: if error.kind.ends_with("ResourceAlreadyExistsException") { 409 } else { 400 },
            kind: error.kind,
            title: error.title,
            detail: error.detail,
            severity: error.severity,
            path: error.path,
            event: error.event,
        };
        Self {
            capture_id: job.capture_id,
            created_at: job.created_at,
            finished_at: job.finished_at,
            running: false,
            success: job.success,
            capture_error_behaviour: job.capture_error_behaviour,
            errors: job.errors.into_iter().map(error).collect(),
            more_errors: job.more_errors,
            captured: job.captured,
            duplicates: job.duplicates,
        }
    }
}

/// Lists captures, the newest first.
pub(super) async fn list_jobs(
    State(app): State<App>,
    epcis: Epcis,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    Form::of(&headers, false)?;
    let paging = Paging::of(&uri)?;
    let before = match &paging.token {
        Some(token) => {
            token.parse().map(Position).map_err(|_| Problem::parameter("nextPageToken", "it is none of ours"))?
        }
        None => Position(u64::MAX),
    };
    let limit = paging.limit;
    let mut jobs = epcis.ask(&app, move |repository| Ok(repository.jobs(before, limit + 1)?)).await?;
    let has_more = jobs.len() > limit;
    jobs.truncate(limit);
    let last = jobs.last().map(|(position, _)| position.0.to_string());
    let replies: Vec<JobReply> = jobs.into_iter().map(|(_, job)| job.into()).collect();
    let mut response = form::json(StatusCode::OK, &replies);
    if let Some(token) = last.filter(|_| has_more) {
        link_next(&app, &mut response, &uri, &token);
    }
    Ok(response)
}

/// Shows one capture.
async fn show_job(
    State(app): State<App>,
    epcis: Epcis,
    Parted(id): Parted<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    Form::of(&headers, false)?;
    let asked = id.clone();
    let job = epcis.ask(&app, move |repository| Ok(repository.job(&asked)?)).await?;
    let absent = || Problem::no_such_resource(format!("there is no capture {}", wire::problem::shown(&id)));
    Ok(form::json(StatusCode::OK, &JobReply::from(job.ok_or_else(absent)?)))
}
