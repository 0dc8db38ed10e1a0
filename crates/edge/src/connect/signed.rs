//! Who sends a signed request.

use crate::App;
use crate::auth::Principal;
use crate::connect::Hook;
use crate::connect::signature::Mismatch;
use crate::http::Problem;
use axum::http::{HeaderMap, StatusCode};

/// Whether requests to `path` may be signed in place of a token: whoever answers them checks the signature.
pub(crate) fn is_signed(app: &App, path: &str) -> bool {
    let Some(name) = path.strip_prefix("/v1/hooks/") else { return false };
    app.settings().hooks.iter().any(|hook| *hook.name == *name && hook.signature.is_some())
}

/// Whether a request to `hook` claims to be signed as the hook asks.
pub(crate) fn is_claimed(hook: &Hook, headers: &HeaderMap) -> bool {
    hook.signature.as_ref().is_some_and(|signature| signature.is_claimed(headers))
}

/// Who sends a request to `hook` with this body, as it came.
///
/// # Errors
/// 401 `unauthenticated`, `wrong_signature`; 429 `rate_limited`.
pub(crate) fn sender(app: &App, hook: &Hook, headers: &HeaderMap, body: &[u8]) -> Result<Principal, Problem> {
    let refused = |code: &'static str, detail: String| Err(Problem::new(StatusCode::UNAUTHORIZED, code, detail));
    let Some(signature) = &hook.signature else {
        return refused("unauthenticated", "send 'Authorization: Bearer …' with the token".to_owned());
    };
    let now = app.engine().now();
    match signature.verify(headers, body, now) {
        Ok(()) => {}
        Err(mismatch) => {
            let header = signature.scheme().header();
            tracing::warn!(hook = &*hook.name, ?mismatch, "a signature does not hold");
            return match mismatch {
                Mismatch::Absent => refused(
                    "unauthenticated",
                    format!("there is no signature; sign the body in '{header}', or send a token"),
                ),
                Mismatch::Wrong => refused(
                    "wrong_signature",
                    format!(
                        "'{header}' is not the signature of this body under the hook's secret; is it the same on both sides?"
                    ),
                ),
                Mismatch::Stale => refused(
                    "wrong_signature",
                    "'webhook-timestamp' is more than five minutes from this server's time; set the clocks".to_owned(),
                ),
            };
        }
    }
    let principal = hook.principal();
    if !app.gates().rates.take(&principal, now) {
        return Err(Problem::too_many("rate_limited", "more requests than this hook may send; send again in a second"));
    }
    Ok(principal)
}
