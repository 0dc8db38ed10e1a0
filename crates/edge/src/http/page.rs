//! Lists: pages with a cursor, and the tag by which a caller knows that nothing changed.

use crate::App;
use crate::http::Problem;
use crate::http::json::Json;
use axum::http::header::{ETAG, IF_NONE_MATCH};
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use ledger::Position;
use serde::Serialize;
use std::fmt::Write;
use utoipa::ToSchema;

/// A part of a list.
#[derive(Serialize, ToSchema)]
pub(crate) struct PageReply<T> {
    /// The items. There may be fewer than asked for, even none, and still a `next`.
    pub(crate) items: Vec<T>,
    /// What to send as `cursor` for the part that follows; null at the end.
    pub(crate) next: Option<String>,
    /// The journal position that this is true at.
    pub(crate) as_of_position: u64,
}

/// One thing, and when it was true.
#[derive(Serialize, ToSchema)]
pub(crate) struct ItemReply<T> {
    #[serde(flatten)]
    pub(crate) item: T,
    /// The journal position that this is true at.
    pub(crate) as_of_position: u64,
}

impl<T> PageReply<T> {
    /// A page of views, each item as `render` shows it.
    pub(crate) fn of<I>(page: views::Page<I>, render: impl FnMut(I) -> T) -> Self {
        let as_of_position = page.position.0;
        Self { items: page.items.into_iter().map(render).collect(), next: page.next, as_of_position }
    }
}

impl From<views::InvalidCursor> for Problem {
    fn from(error: views::InvalidCursor) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "invalid_cursor", error.to_string()).of("cursor")
    }
}

/// The tag of an answer about everything at and before a position.
pub(crate) struct Tag<'a> {
    app: &'a App,
    uri: &'a Uri,
}

impl<'a> Tag<'a> {
    pub(crate) fn new(app: &'a App, uri: &'a Uri) -> Self {
        Self { app, uri }
    }

    /// Answers 304 when the caller has what is true now.
    pub(crate) fn unchanged(&self, headers: &HeaderMap) -> Option<Response> {
        let known = headers.get(IF_NONE_MATCH)?.to_str().ok()?;
        let current = self.at(self.app.engine().position());
        let is_known = known.split(',').any(|tag| tag.trim().as_bytes() == current.as_bytes());
        is_known.then(|| (StatusCode::NOT_MODIFIED, [(ETAG, current)]).into_response())
    }

    /// Weak: the same answer may be packed in different ways.
    fn at(&self, position: Position) -> HeaderValue {
        let mut hasher = blake3::Hasher::new();
        hasher.update(&self.app.started_at().0.to_le_bytes());
        hasher.update(self.uri.to_string().as_bytes());
        let mut text = format!("W/\"{position}-");
        for byte in &hasher.finalize().as_bytes()[..8] {
            let _ = write!(text, "{byte:02x}");
        }
        text.push('"');
        HeaderValue::from_str(&text).expect("digits and quotes")
    }

    /// The answer, tagged as of `position`.
    pub(crate) fn reply<T: Serialize>(&self, position: u64, reply: T) -> Response {
        let mut response = Json(StatusCode::OK, reply).into_response();
        response.headers_mut().insert(ETAG, self.at(Position(position)));
        response
    }

    pub(crate) fn page<T: Serialize>(&self, page: PageReply<T>) -> Response {
        self.reply(page.as_of_position, page)
    }

    pub(crate) fn item<T: Serialize>(&self, position: Position, item: T) -> Response {
        self.reply(position.0, ItemReply { item, as_of_position: position.0 })
    }
}

/// Runs what reads files where it holds up nobody.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Problem> + Send + 'static,
) -> Result<T, Problem> {
    tokio::task::spawn_blocking(work).await.map_err(|error| Problem::failed(&error))?
}
