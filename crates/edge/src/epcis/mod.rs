//! `/epcis/v2`: the EPCIS 2.0 repository over HTTP. `docs/epcis.md` is this module in words.
//!
//! Captured events go through the engine like everything else, the event itself as an observation and what it means as
//! events of stock; questions are asked of the index that [`follow::epcis`] keeps. Handlers answer what was committed
//! when the question came.
//!
//! # Source
//! GS1 EPCIS 2.0, section 12 (REST bindings) and its OpenAPI document.

mod capture;
mod deliver;
mod events;
mod form;
mod jobs;
mod judge;
mod problem;
mod queries;
mod resources;
mod schedule;
mod socket;
mod standing;
mod subscribe;
mod webhook;

pub(crate) use deliver::run;

use crate::App;
use crate::http::submit;
use axum::Router;
use axum::extract::{FromRequestParts, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use follow::epcis::Repository;
use ledger::{Command, Observation, Position};
use problem::{Kind, Problem};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::Mutex;
use wire::Batch;

/// The newest version of the standards that we speak.
const VERSION: &str = "2.0.0";
/// The source of events, captures and queries, whoever sends them: the same event from two partners is one.
const SOURCE: &str = "epcis";
/// The path under which everything is.
const ROOT: &str = "/epcis/v2";
/// How long a question waits for the index to have what was committed before it.
const PATIENCE: Duration = Duration::from_secs(5);

/// What makes a server a repository. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Epcis(Arc<Inner>);

struct Inner {
    repository: Repository,
    /// One capture is judged and written at a time, so that a rollback can't be overtaken.
    capturing: Mutex<()>,
    /// One change of named queries and subscriptions is made at a time, so that names and numbers are kept.
    declaring: Mutex<()>,
    captures: AtomicU64,
}

impl Epcis {
    pub(crate) fn new(repository: Repository) -> Self {
        let (capturing, declaring) = (Mutex::default(), Mutex::default());
        Self(Arc::new(Inner { repository, capturing, declaring, captures: AtomicU64::new(0) }))
    }

    fn repository(&self) -> &Repository {
        &self.0.repository
    }

    /// A name that nothing had before: each name is in the journal before a later start can make it again.
    fn next_id(&self, committed: Position) -> String {
        format!("{:x}-{:x}", committed.0, self.0.captures.fetch_add(1, Ordering::Relaxed))
    }

    /// Asks the repository, on a thread that may wait, once it has what was committed by now.
    ///
    /// # Errors
    /// What `ask` says; `ImplementationException` when the index does not catch up.
    async fn ask<T: Send + 'static>(
        &self,
        app: &App,
        ask: impl FnOnce(&Repository) -> Result<T, Problem> + Send + 'static,
    ) -> Result<T, Problem> {
        let (repository, position) = (self.repository().clone(), app.engine().position());
        let asking = tokio::task::spawn_blocking(move || {
            if !repository.wait_for(position, PATIENCE) {
                return Err(Problem::behind(repository.position(), position));
            }
            ask(&repository)
        });
        asking.await.map_err(|error| Problem::failed(&error))?
    }
}

impl FromRequestParts<App> for Epcis {
    type Rejection = Problem;

    async fn from_request_parts(_parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let absent = || Problem::new(StatusCode::NOT_IMPLEMENTED, Kind::Implementation, "this server is no repository");
        app.epcis().cloned().ok_or_else(absent)
    }
}

pub(crate) fn router() -> Router<App> {
    Router::new()
        .merge(capture::router())
        .merge(jobs::router())
        .merge(events::router())
        .merge(resources::router())
        .merge(queries::router())
        .merge(subscribe::router())
        .layer(from_fn(versions))
}

/// Refuses versions that we don't speak, and says in every answer which one it is in.
async fn versions(request: Request, next: Next) -> Response {
    let mut response = match check_versions(request.headers()) {
        Ok(()) => next.run(request).await,
        Err(problem) => problem.into_response(),
    };
    let headers = response.headers_mut();
    for name in ["gs1-epcis-version", "gs1-cbv-version"] {
        headers.insert(HeaderName::from_static(name), HeaderValue::from_static(VERSION));
    }
    response
}

fn check_versions(headers: &HeaderMap) -> Result<(), Problem> {
    let ours = number(VERSION);
    for (name, value) in headers {
        let (is_min, is_max) = match name.as_str() {
            "gs1-epcis-min" | "gs1-cbv-min" | "gs1-epcis-version" | "gs1-cbv-version" => (true, false),
            "gs1-epcis-max" | "gs1-cbv-max" => (false, true),
            _ => continue,
        };
        let text = value.to_str().unwrap_or_default();
        let asked = number(text);
        let is_number = !text.is_empty() && text.split('.').all(|part| part.bytes().all(|byte| byte.is_ascii_digit()));
        if !is_number || (is_min && asked > ours) || (is_max && asked < ours) {
            let detail = format!("{name} is {}; answers are of version {VERSION}", wire::problem::shown(text));
            return Err(Problem::new(StatusCode::NOT_ACCEPTABLE, Kind::NotAcceptable, detail));
        }
    }
    Ok(())
}

fn number(version: &str) -> [u32; 3] {
    let mut parts = version.split('.').map(|part| part.parse().unwrap_or(0));
    std::array::from_fn(|_| parts.next().unwrap_or(0))
}

/// The answer to OPTIONS: what a path takes, and what we speak.
fn discovery(allow: &'static str) -> Response {
    discovery_with(allow, VERSION, &[])
}

fn discovery_with(allow: &'static str, oldest: &'static str, more: &[(&'static str, String)]) -> Response {
    let mut response = StatusCode::NO_CONTENT.into_response();
    let headers = response.headers_mut();
    let constant = [
        ("allow", allow),
        ("gs1-epcis-min", oldest),
        ("gs1-epcis-max", VERSION),
        ("gs1-cbv-min", oldest),
        ("gs1-cbv-max", VERSION),
        ("gs1-epc-format", "Never_Translates"),
        ("gs1-cbv-xml-format", "Always_URN"),
        ("gs1-vendor-version", concat!("stocktide-", env!("CARGO_PKG_VERSION"))),
    ];
    for (name, value) in constant {
        headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    for (name, value) in more {
        if let Ok(value) = HeaderValue::from_str(value) {
            headers.insert(HeaderName::from_static(name), value);
        }
    }
    response
}

/// `text` as a part of a path.
fn encoded(text: &str) -> String {
    use std::fmt::Write;
    text.bytes().fold(String::new(), |mut out, byte| {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => out.push(char::from(byte)),
            // Writing to a string can't fail.
            other => drop(write!(out, "%{other:02X}")),
        }
        out
    })
}

/// The time of the engine, as RFC 3339.
fn now(app: &App) -> String {
    wire::time::render_timestamp(app.engine().now())
}

/// Records an observation of ours under an id that nothing had before, and waits until it is durable.
///
/// # Errors
/// The engine takes nothing now.
async fn record(app: &App, actor: &str, id: &str, form: &str, content: String) -> Result<(), Problem> {
    let observation = Observation { form: form.into(), content: content.into_bytes().into(), ..Observation::default() };
    let (command, now) = (Command::Observe(Box::new(observation)), app.engine().now());
    let key = app.hasher().command(SOURCE, id, now, &command);
    let mut batch = Batch::new();
    batch.push_command(actor, SOURCE, id, key, now, command);
    submit::judge(app, batch, false).await?;
    Ok(())
}
