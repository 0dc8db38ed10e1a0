//! `POST /sign-in`: the token once, for a cookie that stands for it. The page with the form is the dashboard's.

use crate::App;
use crate::http::{Problem, body};
use axum::Router;
use axum::extract::{Query, Request, State};
use axum::http::header::{LOCATION, SET_COOKIE};
use axum::http::{HeaderValue, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use serde::Deserialize;

/// The longest form that is read, in bytes.
const FORM_BYTES_MAX: usize = 4096;

pub(crate) fn router() -> Router<App> {
    Router::new().route("/sign-in", post(sign_in)).route("/sign-out", post(sign_out))
}

#[derive(Deserialize)]
struct SignIn {
    token: String,
}

/// Takes the form field `token`; leads to the overview with the cookie, or back to the form.
async fn sign_in(State(app): State<App>, request: Request) -> Result<Response, Problem> {
    let bytes = body::collect(&app, request, FORM_BYTES_MAX).await?;
    let unreadable =
        || Problem::new(StatusCode::BAD_REQUEST, "invalid_form", "send the form field 'token'").of("token");
    // A form is written as a query is.
    let text = std::str::from_utf8(&bytes).map_err(|_| unreadable())?;
    let uri: Uri = format!("/?{text}").parse().map_err(|_| unreadable())?;
    let form: Query<SignIn> = Query::try_from_uri(&uri).map_err(|_| unreadable())?;
    Ok(match app.auth().sign_in(form.token.trim()) {
        Some(cookie) => leads_to("/", Some(cookie)),
        None => leads_to("/sign-in?wrong=1", None),
    })
}

/// Forgets the cookie.
async fn sign_out() -> Response {
    leads_to(
        "/sign-in",
        Some(HeaderValue::from_static("stocktide_session=; HttpOnly; SameSite=Strict; Path=/; Max-Age=0")),
    )
}

fn leads_to(path: &'static str, cookie: Option<HeaderValue>) -> Response {
    let mut response = (StatusCode::SEE_OTHER, [(LOCATION, HeaderValue::from_static(path))]).into_response();
    if let Some(cookie) = cookie {
        response.headers_mut().insert(SET_COOKIE, cookie);
    }
    response
}
