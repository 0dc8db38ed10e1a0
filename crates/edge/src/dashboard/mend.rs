//! What the forms of the held list send: a mended input, or why it is not needed.

use crate::App;
use crate::auth::Principal;
use crate::dashboard::view::Desk;
use crate::dashboard::{frame, held, html_page, layout, message_page, text};
use crate::http::submit::{self, Answer};
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::post;
use axum::{Extension, Form, Router};
use engine::Outcome;
use ledger::{Command, Position};
use maud::html;
use serde::Deserialize;
use views::{HeldItem, HeldState};
use wire::event::{ContentKind, Defaults};

/// The longest form that is read, in bytes: an input as it is kept, percent-encoded.
const FORM_BYTES_MAX: usize = 128 << 10;

pub(crate) fn router() -> Router<App> {
    Router::new()
        .route("/held/{position}/resubmit", post(resubmit))
        .route("/held/{position}/discard", post(discard))
        .layer(DefaultBodyLimit::max(FORM_BYTES_MAX))
}

#[derive(Deserialize)]
struct Mended {
    event: String,
}

#[derive(Deserialize)]
struct Discarded {
    reason: String,
}

async fn resubmit(
    State(app): State<App>,
    Extension(principal): Extension<Principal>,
    Extension(_desk): Extension<Desk>,
    Path(position): Path<u64>,
    Form(Mended { event }): Form<Mended>,
) -> Response {
    let position = Position(position);
    let Some(item) = open_item(&app, position) else { return closed_page(&app, position) };
    let defaults = Defaults {
        actor: &principal.name,
        source: &item.source,
        // Somebody has looked at it and says that it was not recorded before.
        historical: &*item.input.code == "too_old",
        resolves: Some(position),
    };
    let limits = app.settings().events;
    let parsed = wire::event::parse_events(event.as_bytes(), ContentKind::Json, &defaults, app.hasher(), &limits);
    let mut problems: Vec<String> = parsed.problems.iter().map(|problem| problem.detail.clone()).collect();
    if problems.is_empty() && parsed.count != 1 {
        problems.push(format!("the text holds {} events; a held input is mended by one", text::length(parsed.count)));
    }
    if problems.is_empty() {
        match submit::judge(&app, parsed.batch, false).await.map(|receipt| receipt.outcome(0)) {
            Ok(Outcome::Accepted { .. } | Outcome::Duplicate { held: false, .. }) => return done(position),
            // It waits again, under a new position and with its new reason.
            Ok(Outcome::Held { position, rejection }) => {
                return match open_item(&app, position) {
                    Some(item) => again(&app, &item, &event, &[rejection.to_string()]),
                    None => done(position),
                };
            }
            Ok(Outcome::Duplicate { held: true, .. }) => problems.push("this very input is held already".to_owned()),
            Ok(Outcome::Rejected { rejection }) => problems.push(rejection.to_string()),
            Err(problem) => problems.push(problem.detail),
        }
    }
    again(&app, &item, &event, &problems)
}

async fn discard(
    State(app): State<App>,
    Extension(principal): Extension<Principal>,
    Path(position): Path<u64>,
    Form(Discarded { reason }): Form<Discarded>,
) -> Response {
    let position = Position(position);
    let Some(item) = open_item(&app, position) else { return closed_page(&app, position) };
    let reason = reason.trim();
    if reason.is_empty() {
        return again(&app, &item, &item.input.raw, &["say why it is not needed".to_owned()]);
    }
    let command = Command::Discard { held: position, reason: reason.into() };
    match submit::command(&app, &principal, "", command, false).await {
        Ok(Answer::Done(_) | Answer::Before(_)) => done(position),
        Ok(Answer::No(rejection)) => again(&app, &item, &item.input.raw, &[rejection.to_string()]),
        Err(problem) => again(&app, &item, &item.input.raw, &[problem.detail]),
    }
}

fn open_item(app: &App, position: Position) -> Option<HeldItem> {
    app.engine().views().held_at(position).filter(|item| item.state == HeldState::Open)
}

fn done(position: Position) -> Response {
    Redirect::to(&text::address("/held", &[("done", &position.to_string())])).into_response()
}

fn closed_page(app: &App, position: Position) -> Response {
    let words = html! {
        p { "No open input is held at position " (text::count(position.0)) ": somebody may have dealt with it meanwhile." }
        p { a href="/held" { "All held inputs" } }
    };
    message_page(app, StatusCode::NOT_FOUND, "Nothing is held here", &words)
}

fn again(app: &App, item: &HeldItem, event: &str, problems: &[String]) -> Response {
    let navigation = layout::navigation(layout::Tab::Held, &layout::Waiting::of(app));
    let body = held::again(item, event, problems, app.engine().now());
    let page = layout::page(&frame(app, "Held input", Some(&navigation), ""), &body);
    html_page(StatusCode::UNPROCESSABLE_ENTITY, &page)
}
