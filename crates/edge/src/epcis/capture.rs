//! `POST /epcis/v2/capture` and `POST /epcis/v2/events`: events come in.

use super::form::{self, event_path};
use super::judge::{self, Behaviour, Received};
use super::problem::{Kind, Problem};
use super::{Epcis, ROOT, discovery_with};
use crate::App;
use crate::auth::Principal;
use crate::http::body;
use axum::extract::{Request, State};
use axum::http::header::{CONTENT_ENCODING, CONTENT_TYPE, LOCATION};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Extension, Router};
use tower_http::decompression::RequestDecompressionLayer;
use wire::epcis::{Limits, Read, Severity, render};

/// Events of one capture.
const EVENTS_MAX: usize = 10_000;

pub(super) fn router() -> Router<App> {
    let unpack = RequestDecompressionLayer::new().pass_through_unaccepted(true);
    Router::new()
        .route("/epcis/v2/capture", post(take_document).get(super::jobs::list_jobs).options(discover))
        .route("/epcis/v2/events", post(take_event).get(super::events::find_events).options(super::events::discover))
        .layer(unpack)
}

async fn discover(State(app): State<App>) -> Response {
    let limits = [
        ("gs1-epcis-capture-limit", EVENTS_MAX.to_string()),
        ("gs1-epcis-capture-file-size-limit", app.settings().body_bytes_max.to_string()),
        ("gs1-capture-error-behaviour", "all".to_owned()),
        ("gs1-epcis-capture-error-behaviour", "all".to_owned()),
    ];
    discovery_with("OPTIONS, GET, POST", "1.0.0", &limits)
}

/// Takes a document of events: 202 and where to see what became of them.
async fn take_document(
    State(app): State<App>,
    Extension(principal): Extension<Principal>,
    epcis: Epcis,
    request: Request,
) -> Result<Response, Problem> {
    let behaviour = behaviour(request.headers())?;
    let received = receive(&app, request, behaviour).await?;
    let captured = judge::capture(&app, &epcis, principal.name, received, behaviour).await?;
    let mut response = StatusCode::ACCEPTED.into_response();
    locate(&mut response, &format!("{ROOT}/capture/{}", captured.job.capture_id));
    Ok(response)
}

/// Takes one event: 201, where it is, and the event as it is kept.
async fn take_event(
    State(app): State<App>,
    Extension(principal): Extension<Principal>,
    epcis: Epcis,
    request: Request,
) -> Result<Response, Problem> {
    let received = receive(&app, request, Behaviour::Rollback).await?;
    let [Received { event, .. }] = &received[..] else {
        let detail = format!("there are {} events in it; send one here, several to {ROOT}/capture", received.len());
        return Err(Problem::new(StatusCode::BAD_REQUEST, Kind::Validation, detail));
    };
    let mut event = event.clone();
    let captured = judge::capture(&app, &epcis, principal.name, received, Behaviour::Rollback).await?;
    let id = captured.ids.first().map(String::as_str).unwrap_or_default();
    if captured.conflicts > 0 {
        let detail = format!("another event with id {} is recorded; give this one its own", wire::problem::shown(id));
        return Err(Problem::new(StatusCode::CONFLICT, Kind::AlreadyExists, detail));
    }
    if let Some(error) = captured.job.errors.iter().find(|error| error.severity == "error") {
        return Err(Problem::new(StatusCode::BAD_REQUEST, Kind::Validation, error.detail.clone()));
    }
    event.set("eventID", wire::epcis::Json::from(id));
    let mut response = form::text(StatusCode::CREATED, form::Form::Json, render::event_json(&event));
    locate(&mut response, &event_path(id));
    Ok(response)
}

fn locate(response: &mut Response, path: &str) {
    if let Ok(path) = HeaderValue::from_str(path) {
        response.headers_mut().insert(LOCATION, path);
    }
}

fn behaviour(headers: &HeaderMap) -> Result<Behaviour, Problem> {
    let asked = headers.get("gs1-capture-error-behaviour").or_else(|| headers.get("gs1-epcis-capture-error-behaviour"));
    match asked.map(|value| value.to_str().unwrap_or_default()) {
        None | Some("rollback") => Ok(Behaviour::Rollback),
        Some("proceed") => Ok(Behaviour::Proceed),
        Some(other) => {
            let detail =
                format!("GS1-Capture-Error-Behaviour is {}; send rollback or proceed", wire::problem::shown(other));
            Err(Problem::new(StatusCode::BAD_REQUEST, Kind::Validation, detail))
        }
    }
}

/// Reads the events of a body, each with what is wrong with it. With [`Behaviour::Rollback`] anything wrong refuses it.
async fn receive(app: &App, request: Request, behaviour: Behaviour) -> Result<Vec<Received>, Problem> {
    check_type(request.headers())?;
    let bytes_max = app.settings().body_bytes_max;
    let body = body::collect(app, request, bytes_max).await?;
    let reading = tokio::task::spawn_blocking(move || {
        let limits = Limits { bytes_max, events_max: EVENTS_MAX, ..Limits::default() };
        sort_out(wire::epcis::read(&body, &limits), behaviour)
    });
    reading.await.map_err(|error| Problem::failed(&error))?
}

/// What is written inside is looked at, not what is said outside; but what can't be EPCIS is not looked at.
fn check_type(headers: &HeaderMap) -> Result<(), Problem> {
    let refused = |detail| Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, Kind::UnsupportedMediaType, detail));
    if let Some(packing) = headers.get(CONTENT_ENCODING).filter(|packing| *packing != "identity") {
        let shown = wire::problem::shown(packing.to_str().unwrap_or_default());
        return refused(format!("bodies packed as {shown} are not taken; send gzip, zstd or plain"));
    }
    let typed = headers.get(CONTENT_TYPE).map_or("", |value| value.to_str().unwrap_or_default());
    let essence = typed.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let is_known = matches!(
        essence.as_str(),
        "" | "application/json"
            | "application/ld+json"
            | "text/json"
            | "application/xml"
            | "text/xml"
            | "application/x-ndjson"
            | "application/x-www-form-urlencoded"
    );
    if is_known {
        return Ok(());
    }
    let shown = wire::problem::shown(typed);
    refused(format!("bodies of type {shown} are not taken; send application/json or application/xml"))
}

fn sort_out(read: Read, behaviour: Behaviour) -> Result<Vec<Received>, Problem> {
    let is_error = |problem: &&wire::epcis::Problem| problem.severity == Severity::Error;
    let Some(document) = read.document else {
        let mut refused = Problem::invalid(Kind::Validation, &read.problems);
        if read.problems.iter().any(|problem| matches!(problem.code, "too_large" | "too_many_events")) {
            let detail = read.problems.iter().map(|problem| problem.detail.as_str()).collect::<Vec<_>>().join("; ");
            refused = Problem::new(StatusCode::PAYLOAD_TOO_LARGE, Kind::CaptureLimit, detail);
        }
        return Err(refused);
    };
    let mut received: Vec<Received> = document
        .events
        .into_iter()
        .map(|event| {
            let problems = event.check();
            Received { event, problems }
        })
        .collect();
    let mut general = Vec::new();
    for problem in read.problems {
        let index = problem.path.split('/').find_map(|step| step.parse::<usize>().ok());
        match index.filter(|index| received.get(*index).is_some_and(|one| is_in(one.event.path(), &problem.path))) {
            Some(index) => received[index].problems.push(problem),
            None => general.push(problem),
        }
    }
    let all = general.iter().chain(received.iter().flat_map(|one| &one.problems));
    let errors: Vec<wire::epcis::Problem> = match behaviour {
        Behaviour::Rollback => all.filter(is_error).cloned().collect(),
        Behaviour::Proceed => general.iter().filter(is_error).cloned().collect(),
    };
    if errors.is_empty() { Ok(received) } else { Err(Problem::invalid(Kind::Validation, &errors)) }
}

/// Whether `path` is the place of an event, or within it.
fn is_in(event: &str, path: &str) -> bool {
    let rest = path.strip_prefix(event);
    !event.is_empty() && rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}
