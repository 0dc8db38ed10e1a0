//! `/v1/entries/{position}`: one entry, and undoing it.
//!
//! A reversal is an entry of its own. Before it is made, a rehearsal shows what it would post and what it would stir up.

use crate::App;
use crate::auth::Principal;
use crate::http::entry::{self, AccountReply, DiscrepancyReply, EntryReply, PostingReply};
use crate::http::json::{Json, Number};
use crate::http::page::{ItemReply, Tag, blocking};
use crate::http::path::{self, Parted};
use crate::http::query::Params;
use crate::http::submit::{self, Answer};
use crate::http::{Problem, body};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Extension, Router};
use engine::{Handle, Outcome, Rehearsed, ReverseError};
use ledger::{AccountId, Catalog, Decision, Position, Quantity, Rejection};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::ToSchema;
use wire::Batch;

/// Later entries that a preview names at most.
const LATER_MAX: usize = 50;
/// The longest reason, in bytes.
const REASON_BYTES_MAX: usize = 1000;

pub(crate) fn router() -> Router<App> {
    Router::new().route("/v1/entries/{position}", get(get_entry)).route("/v1/entries/{position}/reverse", post(reverse))
}

/// Why something is undone or put away.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Why {
    /// In the words of whoever does it; not empty.
    reason: String,
}

impl Why {
    /// Reads a body that holds nothing but a reason.
    pub(crate) async fn of(app: &App, request: Request) -> Result<String, Problem> {
        let body = body::json(app, request).await?;
        let why: Self = serde_json::from_slice(&body).map_err(|error| {
            let detail = format!("{error}; send {{\"reason\": \"…\"}}");
            Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid_body", detail).of("reason")
        })?;
        let reason = why.reason.trim();
        let is_sane = reason.len() <= REASON_BYTES_MAX && !reason.chars().any(char::is_control);
        if reason.is_empty() || !is_sane {
            let detail = "reason is empty, longer than 1,000 bytes, or has control characters; say why in one line";
            return Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid_reason", detail).of("reason"));
        }
        Ok(reason.to_owned())
    }
}

/// Shows an entry.
#[utoipa::path(
    get,
    path = "/v1/entries/{position}",
    tag = "history",
    params(("position" = u64, Path, description = "Its place in the journal")),
    responses(
        (status = 200, description = "The entry", body = ItemReply<EntryReply>),
        (status = 404, description = "There is no entry at this position", body = Problem),
    )
)]
pub(crate) async fn get_entry(
    State(app): State<App>,
    Extension(principal): Extension<Principal>,
    Parted(position): Parted<String>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    Params::of(&uri, &[])?;
    let position = path::position(&position)?;
    let tag = Tag::new(&app, &uri);
    if let Some(unchanged) = tag.unchanged(&headers) {
        return Ok(unchanged);
    }
    let engine = app.engine().clone();
    let as_of = engine.position();
    let (reply, decision) = blocking(move || {
        let found = engine.entry(position)?.ok_or_else(|| no_entry(position))?;
        let reply = entry::entry(position, &found, engine.views().catalog());
        Ok((reply, found.decision))
    })
    .await?;
    let mut replies = [reply];
    mark_reversed(&app, &principal, &mut replies, vec![decision]).await;
    let [reply] = replies;
    Ok(tag.item(as_of, reply))
}

fn no_entry(position: Position) -> Problem {
    Problem::not_found(format!("there is no entry at position {position}")).of("position")
}

impl From<ReverseError> for Problem {
    fn from(error: ReverseError) -> Self {
        match error {
            ReverseError::NoSuchEntry(position) => no_entry(position),
            ReverseError::Engine(error) => error.into(),
        }
    }
}

/// Says of each entry, which decided what stands at its place in `decisions`, whether it was reversed and whether it can
/// be. While the engine refuses work nothing is said.
pub(crate) async fn mark_reversed(
    app: &App,
    principal: &Principal,
    entries: &mut [EntryReply],
    decisions: Vec<Decision>,
) {
    let engine = app.engine();
    let mut batch = Batch::new();
    for (entry, decision) in entries.iter().zip(decisions) {
        engine.push_reversal_of(
            &mut batch,
            &principal.name,
            Position(entry.position),
            decision,
            "undone",
            engine.now(),
        );
    }
    let Ok(receipt) = submit::judge(app, batch, true).await else { return };
    for (index, entry) in entries.iter_mut().enumerate().take(receipt.len()) {
        let outcome = receipt.outcome(index);
        entry.reversed_by = reversed_by(&outcome).map(|position| position.0);
        entry.reversible = Some(matches!(outcome, Outcome::Accepted { .. }));
    }
}

/// Where the entry was reversed, by what became of reversing it again.
fn reversed_by(outcome: &Outcome) -> Option<Position> {
    match outcome {
        Outcome::Duplicate { position, .. } => Some(*position),
        Outcome::Rejected { rejection } | Outcome::Held { rejection, .. } => match rejection {
            Rejection::AlreadyReversed { by } => Some(*by),
            // The id of a reversal is that of the entry, so whatever took it reversed the entry for another reason.
            Rejection::KeyConflict { first } => Some(*first),
            _ => None,
        },
        Outcome::Accepted { .. } => None,
    }
}

/// What reversing an entry would do.
#[derive(Serialize, ToSchema)]
pub(crate) struct ReversalPreview {
    /// The entry that would be reversed.
    position: u64,
    /// What would be posted.
    postings: Vec<PostingReply>,
    /// What the accounts hold, and would hold.
    figures: Vec<FigureChange>,
    /// The discrepancies that would be shown.
    discrepancies: Vec<DiscrepancyReply>,
    /// Later entries on the same accounts, the newest first, at most 50: what may rest on this one.
    later_entries: Vec<u64>,
    /// Whether there are more of them.
    more_later_entries: bool,
    as_of_position: u64,
}

/// What an account holds, and would hold.
#[derive(Serialize, ToSchema)]
pub(crate) struct FigureChange {
    #[serde(flatten)]
    account: AccountReply,
    before_quantity: Number,
    after_quantity: Number,
}

/// Reverses an entry.
#[utoipa::path(
    post,
    path = "/v1/entries/{position}/reverse",
    tag = "history",
    params(
        ("position" = u64, Path, description = "The entry's place in the journal"),
        ("dry_run" = Option<bool>, Query, description = "Show what it would do, and record nothing"),
    ),
    request_body = Why,
    responses(
        (status = 200, description = "With `dry_run`: what it would do. Otherwise: reversed before, by this entry", body = ReversalPreview),
        (status = 201, description = "The entry that reverses it", body = ItemReply<EntryReply>),
        (status = 404, description = "There is no entry at this position", body = Problem),
        (status = 409, description = "It was reversed before, or is not undone by reversal", body = Problem),
    )
)]
pub(crate) async fn reverse(
    State(app): State<App>,
    Extension(principal): Extension<Principal>,
    Parted(position): Parted<String>,
    request: Request,
) -> Result<Response, Problem> {
    let dry_run = Params::of(request.uri(), &["dry_run"])?.flag("dry_run")?;
    let position = path::position(&position)?;
    let reason = Why::of(&app, request).await?;
    let engine = app.engine().clone();
    let batch = blocking(move || {
        let mut batch = Batch::new();
        engine.push_reversal(&mut batch, &principal.name, position, &reason, engine.now())?;
        Ok(batch)
    })
    .await?;
    let receipt = submit::judge(&app, batch, dry_run).await?;
    let (status, made) = match submit::answer(&receipt) {
        Answer::No(Rejection::KeyConflict { first }) => {
            return Err(Problem::rejected(&Rejection::AlreadyReversed { by: first }));
        }
        Answer::No(rejection) => return Err(Problem::rejected(&rejection)),
        Answer::Done(_) if dry_run => {
            let engine = app.engine().clone();
            let preview = blocking(move || preview(&engine, position, &receipt.rehearsed, receipt.as_of)).await?;
            return Ok(Json(StatusCode::OK, preview).into_response());
        }
        Answer::Done(made) => (StatusCode::CREATED, made),
        Answer::Before(made) => (StatusCode::OK, made),
    };
    let engine = app.engine().clone();
    let reply = blocking(move || {
        let found = engine.entry(made)?.ok_or_else(|| no_entry(made))?;
        let item = entry::entry(made, &found, engine.views().catalog());
        Ok(ItemReply { item, as_of_position: engine.position().0 })
    });
    Ok(Json(status, reply.await?).into_response())
}

fn preview(
    engine: &Handle,
    position: Position,
    rehearsed: &[Rehearsed],
    as_of: Position,
) -> Result<ReversalPreview, Problem> {
    let mut reply = ReversalPreview {
        position: position.0,
        postings: Vec::new(),
        figures: Vec::new(),
        discrepancies: Vec::new(),
        later_entries: Vec::new(),
        more_later_entries: false,
        as_of_position: as_of.0,
    };
    let Some(rehearsed) = rehearsed.first() else { return Ok(reply) };
    {
        let views = engine.views();
        show(&mut reply, rehearsed, views.catalog());
    }
    let mut accounts: Vec<AccountId> = entry::accounts(&rehearsed.decision).collect();
    accounts.sort_unstable();
    accounts.dedup();
    let mut later: Vec<Position> = Vec::new();
    for account in accounts {
        let newest = engine.history().positions(account, Position(u64::MAX), LATER_MAX + 1)?;
        later.extend(newest.into_iter().filter(|newer| *newer > position));
    }
    later.sort_unstable_by(|one, other| other.cmp(one));
    later.dedup();
    reply.more_later_entries = later.len() > LATER_MAX;
    reply.later_entries = later.into_iter().take(LATER_MAX).map(|position| position.0).collect();
    Ok(reply)
}

/// Fills in what a decision that was not made would post and show.
fn show(reply: &mut ReversalPreview, rehearsed: &Rehearsed, catalog: &Catalog) {
    let mut figures: BTreeMap<AccountId, FigureChange> = BTreeMap::new();
    for (posting, (key, before)) in rehearsed.decision.postings.iter().zip(&rehearsed.before) {
        let account = entry::account(*key, catalog);
        reply.postings.push(entry::posting(posting, account.clone()));
        if !key.kind.is_counterpart() {
            let before: Number = (*before).into();
            let change = FigureChange { account, before_quantity: before, after_quantity: before };
            let figure = figures.entry(posting.account).or_insert(change);
            figure.after_quantity = figure.after_quantity.0.checked_add(posting.delta).unwrap_or(Quantity::MAX).into();
        }
    }
    reply.figures = figures.into_values().collect();
    let postings = || rehearsed.decision.postings.iter().zip(&rehearsed.before);
    let key_of = |account: AccountId| {
        // An account that the reversal would open is in no catalogue yet.
        let posted = postings().find(|(posting, _)| posting.account == account).map(|(_, (key, _))| *key);
        posted.unwrap_or_else(|| catalog.account(account))
    };
    let found = rehearsed.decision.discrepancies.iter();
    reply.discrepancies = found.map(|found| entry::discrepancy(found, catalog, &key_of)).collect();
}
