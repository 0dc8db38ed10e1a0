//! The HTTP interface under `/v1`, and what operators look at. `docs/api.md` is this module in words.
//!
//! A handler reads a request into the types of `ledger` and `wire`, asks the engine, and writes what it hears as JSON.
//! What a sender may send is bounded in `body`; who may send it is asked in `guard`.

pub(crate) mod alert_changes;
pub(crate) mod alerts;
mod availability;
pub(crate) mod body;
mod catalogue;
pub(crate) mod channels;
pub(crate) mod conditions;
pub(crate) mod counts;
mod coverage;
pub(crate) mod devices;
mod entry;
pub(crate) mod events;
mod guard;
mod held;
mod history;
pub(crate) mod hold_decisions;
mod hooks;
pub(crate) mod inferences;
pub mod json;
pub(crate) mod notices;
mod openapi;
mod operations;
pub(crate) mod page;
mod past;
pub(crate) mod path;
pub mod problem;
mod query;
mod readings;
mod reads;
mod reservations;
pub(crate) mod reversal;
mod rule_list;
pub(crate) mod rule_trials;
pub(crate) mod rules;
pub(crate) mod sensed;
mod series;
pub(crate) mod shipment_read;
mod shipment_reply;
mod shipments;
mod sign_in;
mod stock;
mod stream;
pub(crate) mod submit;
mod tasks;
mod units;

pub use problem::Problem;

use crate::App;
use axum::Router;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse, Response};
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;
use tower_http::compression::predicate::{NotForContentType, Predicate, SizeAbove};

/// Answers shorter than this are not worth packing, in bytes.
const PACKED_BYTES_MIN: u64 = 1024;

/// Every route, the pages included, behind the guard.
pub(crate) fn router(app: &App) -> Router<App> {
    let packed = SizeAbove::new(PACKED_BYTES_MIN).and(NotForContentType::SSE).and(NotForContentType::IMAGES);
    Router::new()
        .merge(events::router())
        .merge(alerts::router())
        .merge(alert_changes::router())
        .merge(hold_decisions::router())
        .merge(rules::router())
        .merge(rule_trials::router())
        .merge(conditions::router())
        .merge(stock::router())
        .merge(stream::router())
        .merge(history::router())
        .merge(reversal::router())
        .merge(reservations::router())
        .merge(availability::router())
        .merge(catalogue::router())
        .merge(devices::router())
        .merge(readings::router())
        .merge(series::router())
        .merge(shipments::router())
        .merge(inferences::router())
        .merge(held::router())
        .merge(hooks::router())
        .merge(tasks::router())
        .merge(counts::router())
        .merge(coverage::router())
        .merge(channels::router())
        .merge(notices::router())
        .merge(units::router())
        .merge(operations::router())
        .merge(openapi::router())
        .merge(sign_in::router())
        .merge(crate::epcis::router())
        .merge(crate::dashboard::router(app))
        .fallback(no_such_path)
        .method_not_allowed_fallback(method_not_allowed)
        .layer(CompressionLayer::new().compress_when(packed))
        .layer(CatchPanicLayer::custom(panicked))
        .layer(from_fn_with_state(app.clone(), guard::guard))
}

async fn no_such_path(State(app): State<App>, request: Request) -> Response {
    if guard::wants_page(&request) {
        return crate::dashboard::no_such_page(&app, request.uri().path());
    }
    Problem::not_found("there is nothing at this path; /openapi.json lists what there is").into_response()
}

async fn method_not_allowed() -> Problem {
    let detail = "this path does not take this method; /openapi.json lists those it takes";
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", detail)
}

/// A handler panicked: a bug of ours that ends this request and nothing else.
fn panicked(cause: Box<dyn std::any::Any + Send>) -> Response {
    let words = cause.downcast_ref::<&str>().copied();
    let words = words.or_else(|| cause.downcast_ref::<String>().map(String::as_str)).unwrap_or("no words");
    tracing::error!(panic = words, "a handler panicked");
    let detail = "a bug of ours ended this request; please report it with the request's id";
    Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", detail).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::Body;
    use axum::routing::get;
    use tower::ServiceExt;

    #[tokio::test]
    async fn a_panic_in_a_handler_is_answered_and_the_next_request_is_served() {
        async fn broken() {
            panic!("as a test");
        }
        let router: Router = Router::new()
            .route("/broken", get(broken))
            .route("/whole", get(|| async { "whole" }))
            .layer(CatchPanicLayer::custom(panicked));
        let ask = |path: &str| router.clone().oneshot(Request::get(path).body(Body::empty()).unwrap());
        let broken = ask("/broken").await.unwrap();
        assert_eq!(broken.status(), StatusCode::INTERNAL_SERVER_ERROR);
        assert_eq!(broken.headers()["content-type"], "application/problem+json");
        assert_eq!(ask("/whole").await.unwrap().status(), StatusCode::OK);
    }
}
