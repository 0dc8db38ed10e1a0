//! Names in paths: percent-decoded, so that an id may hold a slash.

use crate::http::Problem;
use axum::extract::{FromRequestParts, Path};
use axum::http::request::Parts;
use ledger::Position;
use serde::de::DeserializeOwned;

/// The variable parts of a path.
pub(crate) struct Parted<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for Parted<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        match Path::<T>::from_request_parts(parts, state).await {
            Ok(Path(parts)) => Ok(Self(parts)),
            Err(_) => Err(Problem::not_found("a part of this path cannot be read; percent-encode names as UTF-8")),
        }
    }
}

/// A journal position in a path.
pub(crate) fn position(text: &str) -> Result<Position, Problem> {
    let unknown = || Problem::not_found(format!("{} is no position", wire::problem::shown(text)));
    text.parse().map(Position).map_err(|_| unknown())
}
