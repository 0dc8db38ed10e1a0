//! `/sign-in`: the form for the token. `http` takes what it sends.

use crate::dashboard::{Params, frame, html_page, layout};
use crate::{App, Auth};
use axum::Router;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::get;
use maud::{Markup, html};

pub(crate) fn router() -> Router<App> {
    Router::new().route("/sign-in", get(sign_in))
}

async fn sign_in(State(app): State<App>, params: Query<Params>) -> Response {
    let body = match app.auth() {
        Auth::None => layout::message("No sign-in needed", &html! { p { "This server runs without authentication." } }),
        Auth::Token(_) => form(!params.text("wrong").is_empty()),
    };
    html_page(StatusCode::OK, &layout::page(&frame(&app, "Sign in", None, ""), &body))
}

fn form(is_wrong: bool) -> Markup {
    html! {
        div.alone {
            h1 { "Sign in" }
            @if is_wrong { p.notice.bad role="alert" { "This is not the token. Copy it anew, without spaces." } }
            form method="post" action="/sign-in" {
                div.field {
                    label for="token" { "Token" }
                    input #token type="password" name="token" required autocomplete="current-password" aria-describedby="hint";
                }
                p #hint.soft { "The server wrote it to a file in its data directory when it first started; or somebody gave you one." }
                button.main { "Sign in" }
            }
        }
    }
}
