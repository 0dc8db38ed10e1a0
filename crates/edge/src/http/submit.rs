//! From a batch to what became of it.

use crate::App;
use crate::auth::Principal;
use crate::http::Problem;
use engine::{Outcome, Receipt, Unavailable};
use ledger::{Command, Position, Rejection};
use tokio::sync::oneshot;
use wire::Batch;

/// Hands in a batch and waits until all of it is durable; with `dry_run` it is judged only.
///
/// # Errors
/// 429 `queue_full`; 503 `disk_full`, `disk_failed`, `stopping`.
pub(crate) async fn judge(app: &App, batch: Batch, dry_run: bool) -> Result<Receipt, Problem> {
    let engine = app.engine();
    if batch.is_empty() {
        let mut nothing = Receipt::default();
        nothing.as_of = engine.position();
        return Ok(nothing);
    }
    let (sender, receiver) = oneshot::channel();
    // Whoever hung up meanwhile hears nothing.
    let done = move |receipt| drop(sender.send(receipt));
    if dry_run { engine.rehearse(batch, done) } else { engine.submit(batch, done) }?;
    Ok(receiver.await.unwrap_or(Err(Unavailable::Stopping))?)
}

/// What became of one command.
pub(crate) enum Answer {
    /// It is in the journal, here.
    Done(Position),
    /// It had been done before, there.
    Before(Position),
    /// The ledger says no.
    No(Rejection),
}

/// Hands in one command under the caller's `id`; an empty id makes every call a command of its own.
///
/// # Errors
/// As [`judge`].
pub(crate) async fn command(
    app: &App,
    principal: &Principal,
    id: &str,
    command: Command,
    dry_run: bool,
) -> Result<Answer, Problem> {
    let now = app.engine().now();
    let key = app.hasher().command(&principal.name, id, now, &command);
    let mut batch = Batch::new();
    batch.push_command(&principal.name, &principal.name, id, key, now, command);
    let receipt = judge(app, batch, dry_run).await?;
    Ok(answer(&receipt))
}

/// The answer to the only request of a batch.
pub(crate) fn answer(receipt: &Receipt) -> Answer {
    match receipt.outcome(0) {
        Outcome::Accepted { position } => Answer::Done(position),
        Outcome::Duplicate { position, .. } => Answer::Before(position),
        Outcome::Held { rejection, .. } | Outcome::Rejected { rejection } => Answer::No(rejection),
    }
}
