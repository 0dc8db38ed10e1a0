//! `POST /v1/hooks/{hook}`: other systems post their documents as they are.

use crate::App;
use crate::auth::Principal;
use crate::connect::document::{Document, Taken};
use crate::connect::{Hook, Scheme, signed};
use crate::http::events::EventsReply;
use crate::http::json::Json;
use crate::http::path::Parted;
use crate::http::problem::Fault;
use crate::http::query::Params;
use crate::http::{Problem, body};
use axum::extract::{Request, State};
use axum::http::header::{AUTHORIZATION, CONTENT_ENCODING, COOKIE, PROXY_AUTHORIZATION};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Extension, Router};
use serde::Serialize;
use serde_json::value::RawValue;
use utoipa::ToSchema;
use wire::mapping::RuleReport;

/// The headers in which senders name a delivery.
const DELIVERY_HEADERS: [&str; 5] =
    ["x-shopify-webhook-id", "x-wc-webhook-delivery-id", "webhook-id", "x-github-delivery", "x-request-id"];
/// The longest ping of WooCommerce, in bytes.
const PING_BYTES_MAX: usize = 64;

pub(crate) fn router() -> Router<App> {
    Router::new().route("/v1/hooks/{hook}", post(take_document))
}

/// What became of a document.
#[derive(Serialize, ToSchema)]
pub(crate) struct HookReply {
    #[serde(flatten)]
    events: EventsReply,
    /// What each rule of the mapping made of it.
    rules: Vec<RuleReply>,
    /// Why it is held as a whole.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    problems: Vec<Fault>,
    /// The events that it would become, of a rehearsal.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(value_type = Vec<Object>)]
    mapped: Vec<Box<RawValue>>,
}

/// What one rule of the mapping made of a document.
#[derive(Serialize, ToSchema)]
pub(crate) struct RuleReply {
    rule: String,
    /// How many events.
    events: usize,
    /// How many items its `where` left out.
    left_out: usize,
    /// Why it made none.
    #[serde(skip_serializing_if = "String::is_empty")]
    why: String,
}

impl From<RuleReport> for RuleReply {
    fn from(report: RuleReport) -> Self {
        let RuleReport { rule, events, left_out, why } = report;
        Self { rule, events, left_out, why }
    }
}

impl HookReply {
    fn new(taken: Taken, dry_run: bool) -> Self {
        let Taken { reply, mapped, problems } = taken;
        let json = |event: String| RawValue::from_string(event).expect("a mapping makes JSON");
        Self {
            events: reply,
            rules: mapped.rules.into_iter().map(RuleReply::from).collect(),
            problems: problems.iter().map(Fault::from).collect(),
            mapped: if dry_run { mapped.events.into_iter().map(json).collect() } else { Vec::new() },
        }
    }
}

/// Takes a document of another system.
///
/// It becomes events under the mapping of the hook. What is signed as the hook asks needs no token.
#[utoipa::path(
    post,
    path = "/v1/hooks/{hook}",
    tag = "events",
    params(
        ("hook" = String, Path, description = "The hook's name in the configuration"),
        ("dry_run" = Option<bool>, Query, description = "Show the events that it would become and record nothing; needs a token"),
    ),
    request_body(content = Object, description = "The document, as the other system sends it"),
    responses(
        (status = 200, description = "What became of its events; events that cannot be used are held", body = HookReply),
        (status = 202, description = "It cannot be mapped and is held as a whole", body = HookReply),
        (status = 401, description = "The signature does not hold, or there is neither signature nor token", body = Problem),
        (status = 404, description = "There is no such hook", body = Problem),
        (status = 413, description = "The document is too large", body = Problem),
        (status = 415, description = "The document is packed", body = Problem),
        (status = 422, description = "A rehearsed document cannot be mapped", body = Problem),
        (status = 429, description = "The queue is full; send again after `Retry-After`", body = Problem),
        (status = 503, description = "The disk is full, or the server is stopping", body = Problem),
    ),
    security((), ("token" = []))
)]
pub(crate) async fn take_document(
    State(app): State<App>,
    principal: Option<Extension<Principal>>,
    Parted(name): Parted<String>,
    request: Request,
) -> Result<Response, Problem> {
    let dry_run = Params::of(request.uri(), &["dry_run"])?.flag("dry_run")?;
    let hook = hook(&app, &name)?;
    let headers = request.headers().clone();
    if headers.get(CONTENT_ENCODING).is_some_and(|packing| packing != "identity") {
        let detail = "documents are taken as they are signed, not packed; send them without Content-Encoding";
        return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_encoding", detail));
    }
    let bytes_max = app.settings().body_bytes_max.min(wire::mapping::Limits::default().document_bytes_max);
    let body = body::collect(&app, request, bytes_max).await?;
    if is_ping(&hook, &body) {
        // It is not signed; it is sent when a hook is saved, and the hook is refused unless it is answered well.
        return Ok(StatusCode::OK.into_response());
    }
    let principal = match principal {
        Some(Extension(principal)) if !signed::is_claimed(&hook, &headers) => principal,
        Some(Extension(principal)) if dry_run => principal,
        _ if dry_run => {
            let detail = "a rehearsal shows what is in the ledger: send 'Authorization: Bearer …' with the token";
            return Err(Problem::new(StatusCode::UNAUTHORIZED, "unauthenticated", detail));
        }
        _ => signed::sender(&app, &hook, &headers, &body)?,
    };
    let document = Document {
        hook: &hook,
        actor: &principal.name,
        delivery: delivery(&headers),
        headers: shown(&headers),
        body: &body,
    };
    let taken = document.take(&app, dry_run).await?;
    let status = if taken.problems.is_empty() { StatusCode::OK } else { StatusCode::ACCEPTED };
    for problem in &taken.problems {
        tracing::warn!(hook = name, problem = problem.detail, "a document is held");
    }
    Ok(Json(status, HookReply::new(taken, dry_run)).into_response())
}

fn hook(app: &App, name: &str) -> Result<Hook, Problem> {
    let hook = app.settings().hooks.iter().find(|hook| *hook.name == *name);
    hook.cloned().ok_or_else(|| {
        let detail =
            format!("there is no hook {}; name it in [[hooks]] of the configuration", wire::problem::shown(name));
        Problem::not_found(detail).of("hook")
    })
}

/// Whether a body is the ping with which WooCommerce tries an address out: `webhook_id=12`.
fn is_ping(hook: &Hook, body: &[u8]) -> bool {
    let is_theirs = hook.signature.as_ref().is_some_and(|signature| signature.scheme() == Scheme::WooCommerce);
    let number = body.strip_prefix(b"webhook_id=");
    is_theirs && body.len() <= PING_BYTES_MAX && number.is_some_and(|number| number.iter().all(u8::is_ascii_digit))
}

/// What the sender calls the delivery; empty when it does not say.
fn delivery(headers: &HeaderMap) -> &str {
    let named = DELIVERY_HEADERS.iter().find_map(|name| headers.get(*name));
    named.and_then(|name| name.to_str().ok()).unwrap_or_default()
}

/// The headers that a mapping may look at: all but those that let somebody in.
fn shown(headers: &HeaderMap) -> Vec<(String, String)> {
    let open = headers.iter().filter(|(name, _)| ![AUTHORIZATION, COOKIE, PROXY_AUTHORIZATION].contains(name));
    open.filter_map(|(name, value)| Some((name.to_string(), value.to_str().ok()?.to_owned()))).collect()
}
