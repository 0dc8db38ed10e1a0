//! The pages that people look at.

use crate::App;
use axum::Router;

/// The routes of the pages.
pub fn router() -> Router<App> {
    Router::new()
}
