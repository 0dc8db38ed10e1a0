//! What the forms of the channels' page send: tests, and what is to become of notices.

use crate::App;
use crate::dashboard::{message_page, text};
use crate::http::Problem;
use crate::http::channels::test;
use crate::http::notices::{Change, change};
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::post;
use axum::{Form, Router};
use maud::{Markup, html};
use serde::Deserialize;

/// The longest form that is read, in bytes.
const FORM_BYTES_MAX: usize = 16 << 10;

pub(crate) fn router() -> Router<App> {
    Router::new()
        .route("/channels/{name}/test", post(send_test))
        .route("/channels/notices", post(deal_with))
        .layer(DefaultBodyLimit::max(FORM_BYTES_MAX))
}

async fn send_test(State(app): State<App>, Path(name): Path<String>) -> Response {
    match test(&app, name).await {
        Ok(reply) if reply.taken => {
            let words = html! { p { (reply.channel) " took the message: " code { (reply.answer) } } (back()) };
            message_page(&app, StatusCode::OK, "The test arrived", &words)
        }
        Ok(reply) => {
            let words = html! { p { (reply.channel) " did not take the message: " code { (reply.answer) } } (back()) };
            message_page(&app, StatusCode::OK, "The test did not arrive", &words)
        }
        Err(problem) => failed(&app, &problem, "This cannot be tested"),
    }
}

#[derive(Deserialize)]
struct Said {
    id: String,
    channel: String,
    said: String,
}

async fn deal_with(State(app): State<App>, Form(Said { id, channel, said }): Form<Said>) -> Response {
    let (what, done) = match &*said {
        "discard" => (Change::Discard, "discard"),
        _ => (Change::Retry, "retry"),
    };
    match change(&app, what, id, Some(channel)).await {
        Ok(_) => Redirect::to(&text::address("/channels", &[("done", done)])).into_response(),
        Err(problem) => failed(&app, &problem, "Nothing was changed"),
    }
}

fn failed(app: &App, problem: &Problem, title: &str) -> Response {
    message_page(app, problem.status(), title, &html! { p { (problem.detail) } (back()) })
}

fn back() -> Markup {
    html! { p { a href="/channels" { "Channels" } } }
}
