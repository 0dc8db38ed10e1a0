//! What the routes about devices share: that somebody follows what devices say, and has come as far as the caller knows.

use crate::App;
use crate::app::Sensed;
use crate::http::Problem;
use crate::http::page::blocking;
use axum::http::StatusCode;
use ledger::Position;
use std::time::Duration;

/// How long an answer waits until what was recorded before it was asked for has been looked at.
pub(crate) const PATIENCE: Duration = Duration::from_secs(2);

/// What is known of devices.
///
/// # Errors
/// 503 `not_running`.
pub(crate) fn sensed(app: &App) -> Result<&Sensed, Problem> {
    app.sensed().ok_or_else(|| {
        let detail = "this server does not follow what devices say; start it with its sensing";
        Problem::new(StatusCode::SERVICE_UNAVAILABLE, "not_running", detail)
    })
}

/// What is known of devices, with all that is in the journal by now; with less when that takes long, which the
/// answer's position then tells.
///
/// # Errors
/// 503 `not_running`.
pub(crate) async fn caught_up(app: &App) -> Result<(Sensed, Position), Problem> {
    reached(app, app.engine().position()).await
}

/// As [`caught_up`], with what stands at `position`.
///
/// # Errors
/// 503 `not_running`.
pub(crate) async fn reached(app: &App, position: Position) -> Result<(Sensed, Position), Problem> {
    let sensed = sensed(app)?.clone();
    if sensed.progress.position() < position {
        let progress = sensed.progress.clone();
        blocking(move || Ok(progress.wait_for(position, PATIENCE))).await?;
    }
    let reached = sensed.progress.position();
    Ok((sensed, reached))
}
