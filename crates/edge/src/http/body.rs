//! Bodies: read once into one piece of memory, within the server's bounds.

use crate::App;
use crate::app::BODY_UNIT_BYTES;
use crate::http::Problem;
use axum::body::Body;
use axum::extract::Request;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use hyper::body::Body as _;
use std::ops::Deref;
use std::sync::Arc;
use tokio::sync::OwnedSemaphorePermit;
use wire::event::ContentKind;

/// A body, and the share of memory that it was given. Gives the share back when dropped.
pub(crate) struct Whole {
    bytes: Bytes,
    _share: Option<OwnedSemaphorePermit>,
}

impl Deref for Whole {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes
    }
}

/// Reads the body of `request`, at most `bytes_max` bytes of it.
///
/// # Errors
/// 413 `body_too_large`, 429 `too_many_bodies`, 408 `body_timeout`, 400 `invalid_body` when it breaks off or cannot be
/// unpacked.
pub(crate) async fn collect(app: &App, request: Request, bytes_max: usize) -> Result<Whole, Problem> {
    match tokio::time::timeout(app.settings().body_timeout, read(app, request.into_body(), bytes_max)).await {
        Ok(read) => read,
        Err(_) => {
            let detail = "the body did not arrive in time; send it faster, or less at once";
            Err(Problem::new(StatusCode::REQUEST_TIMEOUT, "body_timeout", detail))
        }
    }
}

/// The layout that a `Content-Type` names. What curl says of `--data` when nobody told it better counts as JSON.
pub(crate) fn layout(typed: &str) -> Option<ContentKind> {
    let is_curl = typed.eq_ignore_ascii_case("application/x-www-form-urlencoded");
    if is_curl { Some(ContentKind::Json) } else { ContentKind::from_content_type(typed) }
}

/// Reads a body of JSON.
///
/// # Errors
/// As [`collect`]; 415 `unsupported_media_type` when it says that it is something else.
pub(crate) async fn json(app: &App, request: Request) -> Result<Whole, Problem> {
    let typed = request.headers().get(CONTENT_TYPE).map(|value| value.to_str().unwrap_or_default());
    if let Some(typed) = typed.filter(|typed| layout(typed) != Some(ContentKind::Json)) {
        let detail =
            format!("bodies of type {} are not taken here; send application/json", wire::problem::shown(typed));
        return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", detail));
    }
    collect(app, request, app.settings().body_bytes_max).await
}

async fn read(app: &App, mut body: Body, bytes_max: usize) -> Result<Whole, Problem> {
    let announced = body.size_hint().exact().map(|bytes| usize::try_from(bytes).unwrap_or(usize::MAX));
    if announced.is_some_and(|bytes| bytes > bytes_max) {
        return Err(too_large(bytes_max));
    }
    let mut share = None;
    if let Some(bytes) = announced {
        grow(app, &mut share, bytes)?;
    }
    let mut whole = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| broken(&error))?;
        let Ok(data) = frame.into_data() else { continue };
        if whole.is_empty() && announced == Some(data.len()) {
            return Ok(Whole { bytes: data, _share: share });
        }
        let length = whole.len() + data.len();
        if length > bytes_max {
            return Err(too_large(bytes_max));
        }
        match announced {
            Some(bytes) if whole.is_empty() => whole.reserve(bytes),
            Some(_) => {}
            None => grow(app, &mut share, length)?,
        }
        whole.extend_from_slice(&data);
    }
    Ok(Whole { bytes: whole.freeze(), _share: share })
}

/// Takes memory for `bytes` bytes in all.
fn grow(app: &App, share: &mut Option<OwnedSemaphorePermit>, bytes: usize) -> Result<(), Problem> {
    let held = share.as_ref().map_or(0, OwnedSemaphorePermit::num_permits);
    let more = bytes.div_ceil(BODY_UNIT_BYTES).saturating_sub(held);
    if more == 0 {
        return Ok(());
    }
    let too_many = || {
        let detail = "the bodies on their way fill the memory set aside for them; send again in a second";
        Problem::too_many("too_many_bodies", detail)
    };
    let more = u32::try_from(more).map_err(|_| too_many())?;
    let units = Arc::clone(&app.gates().body_units);
    let taken = units.try_acquire_many_owned(more).map_err(|_| too_many())?;
    match share {
        Some(share) => share.merge(taken),
        None => *share = Some(taken),
    }
    Ok(())
}

fn too_large(bytes_max: usize) -> Problem {
    let detail = format!("the body is larger than {bytes_max} bytes; split it");
    Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", detail)
}

fn broken(error: &axum::Error) -> Problem {
    tracing::debug!(%error, "a body broke off");
    let detail = "the body broke off or cannot be unpacked; send it whole, and packed as Content-Encoding says";
    Problem::new(StatusCode::BAD_REQUEST, "invalid_body", detail)
}
