//! The one door: names each request, lets in who may, and sets what every answer carries.

use crate::App;
use crate::auth::Refusal;
use crate::connect::signed;
use crate::http::Problem;
use axum::extract::{Request, State};
use axum::http::header::{
    ACCEPT, CONTENT_SECURITY_POLICY, HeaderName, LOCATION, REFERRER_POLICY, WWW_AUTHENTICATE, X_CONTENT_TYPE_OPTIONS,
    X_FRAME_OPTIONS,
};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

/// The header that carries a request's name, in both directions.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// The longest name of a request that is taken over from the sender, in bytes.
const REQUEST_ID_BYTES_MAX: usize = 100;

/// Everything from ourselves, nothing inline; pages are not framed and send forms home only.
const POLICY: &str =
    "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'";

/// Lets a request through with its [`Principal`](crate::auth::Principal) as an extension, or refuses it.
pub(crate) async fn guard(State(app): State<App>, mut request: Request, next: Next) -> Response {
    let id = request_id(&app, request.headers());
    let mut response = match admit(&app, &mut request) {
        Ok(()) => next.run(request).await,
        Err(refused) => *refused,
    };
    let status = response.status();
    if status.is_server_error() {
        tracing::warn!(request = id.to_str().unwrap_or_default(), status = status.as_u16(), "answered with an error");
    }
    let headers = response.headers_mut();
    headers.insert(REQUEST_ID, id);
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("same-origin"));
    response
}

fn request_id(app: &App, headers: &HeaderMap) -> HeaderValue {
    let ours = app.next_request_id();
    let is_sane = |value: &&HeaderValue| {
        let bytes = value.as_bytes();
        (1..=REQUEST_ID_BYTES_MAX).contains(&bytes.len()) && bytes.iter().all(u8::is_ascii_graphic)
    };
    let given = headers.get(&REQUEST_ID).filter(is_sane).cloned();
    given.unwrap_or_else(|| HeaderValue::from_str(&ours).expect("hexadecimal and digits"))
}

fn admit(app: &App, request: &mut Request) -> Result<(), Box<Response>> {
    match app.auth().principal(request.method(), request.headers()) {
        Ok(principal) => {
            if !is_open(request.uri().path()) && !app.gates().rates.take(&principal, app.engine().now()) {
                let detail =
                    "more requests than this token may send; send again in a second, or many events in one body";
                return Err(Box::new(Problem::too_many("rate_limited", detail).into_response()));
            }
            request.extensions_mut().insert(principal);
            Ok(())
        }
        // Whoever answers there asks for a signature when there is no principal.
        Err(refusal) if refusal != Refusal::WrongCredentials && signed::is_signed(app, request.uri().path()) => Ok(()),
        Err(Refusal::HostNotAllowed) => Err(Box::new(refused(Refusal::HostNotAllowed, request))),
        Err(_) if is_open(request.uri().path()) => Ok(()),
        Err(refusal) => Err(Box::new(refused(refusal, request))),
    }
}

/// Whether a path is for everybody: it shows nothing of the stock.
fn is_open(path: &str) -> bool {
    matches!(path, "/healthz" | "/readyz" | "/sign-in" | "/favicon.ico") || path.starts_with("/assets/")
}

fn refused(refusal: Refusal, request: &Request) -> Response {
    let problem = match refusal {
        Refusal::HostNotAllowed => {
            let detail = "without authentication this server answers to localhost only; use that name or set a token";
            Problem::new(StatusCode::FORBIDDEN, "host_not_allowed", detail)
        }
        Refusal::CrossOrigin => {
            let detail = "a page of another site asked for a change; ask from our own pages, or with a bearer token";
            Problem::new(StatusCode::FORBIDDEN, "cross_origin", detail)
        }
        Refusal::NoCredentials if wants_page(request) => {
            return (StatusCode::SEE_OTHER, [(LOCATION, HeaderValue::from_static("/sign-in"))]).into_response();
        }
        Refusal::NoCredentials => {
            let detail = "send 'Authorization: Bearer …' with the token, or sign in";
            Problem::new(StatusCode::UNAUTHORIZED, "unauthenticated", detail)
        }
        Refusal::WrongCredentials => {
            Problem::new(StatusCode::UNAUTHORIZED, "wrong_token", "the token is not the one this server knows")
        }
    };
    let is_unauthorized = problem.status() == StatusCode::UNAUTHORIZED;
    let mut response = problem.into_response();
    if is_unauthorized {
        response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    response
}

/// Whether a person's browser asks for a page.
pub(super) fn wants_page(request: &Request) -> bool {
    let accept = request.headers().get(ACCEPT).and_then(|accept| accept.to_str().ok()).unwrap_or_default();
    request.method() == Method::GET && accept.contains("text/html")
}
