//! What the forms of the quarantine send: whether a conclusion holds, and why.

use crate::App;
use crate::auth::Principal;
use crate::dashboard::layout::{self, Tab, Waiting};
use crate::dashboard::{frame, html_page, inferences, message_page, text};
use crate::http::Problem;
use crate::http::inferences::take_judgement;
use crate::http::page::blocking;
use crate::http::sensed::{reached, sensed};
use axum::extract::{DefaultBodyLimit, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::post;
use axum::{Extension, Form, Router};
use follow::sensing::{Verdict, Way};
use maud::html;
use serde::Deserialize;

/// The longest form that is read, in bytes.
const FORM_BYTES_MAX: usize = 16 << 10;

pub(crate) fn router() -> Router<App> {
    Router::new().route("/inferences/judge", post(judge)).layer(DefaultBodyLimit::max(FORM_BYTES_MAX))
}

#[derive(Deserialize)]
struct Said {
    id: String,
    said: String,
    #[serde(default)]
    reason: String,
}

async fn judge(
    State(app): State<App>,
    Extension(principal): Extension<Principal>,
    Form(Said { id, said, reason }): Form<Said>,
) -> Response {
    let said = match &*said {
        "passed_in" => (Verdict::Confirmed, Some(Way::PassedIn)),
        "passed_out" => (Verdict::Confirmed, Some(Way::PassedOut)),
        "confirmed" => (Verdict::Confirmed, None),
        _ => (Verdict::Refuted, None),
    };
    match take_judgement(&app, &principal, &id, said, &reason).await {
        Ok(judged) => {
            // The list that comes next shows it. Without that much patience it shows it a little later.
            let _ = reached(&app, judged.position).await;
            Redirect::to(&text::address("/inferences", &[("done", said.0.name())])).into_response()
        }
        Err(problem) => again(&app, id, &reason, problem).await,
    }
}

async fn again(app: &App, id: String, reason: &str, problem: Problem) -> Response {
    let kept = match sensed(app) {
        Ok(sensed) => {
            let senses = sensed.senses.clone();
            blocking(move || Ok(senses.inference(&id)?)).await.ok().flatten()
        }
        Err(_) => None,
    };
    let Some(kept) = kept else {
        let words = html! { p { (problem.detail) } p { a href="/inferences" { "Quarantine" } } };
        return message_page(app, problem.status(), "This cannot be judged", &words);
    };
    let navigation = layout::navigation(Tab::Inferences, &Waiting::of(app));
    let body = inferences::again(&kept, reason, &problem.detail, app.engine().now());
    let page = layout::page(&frame(app, "Quarantine", Some(&navigation), ""), &body);
    html_page(StatusCode::UNPROCESSABLE_ENTITY, &page)
}
