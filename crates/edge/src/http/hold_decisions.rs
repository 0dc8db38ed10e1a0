//! `POST /v1/alerts/{id}/release` and `/scrap`: somebody decides about stock on hold, with their name and the reason.
//!
//! A decision is two entries of one batch: a note on the alert, and the event that moves the stock. The watch closes
//! the alert when nothing is on hold any more.

use crate::App;
use crate::auth::Principal;
use crate::http::Problem;
use crate::http::alert_changes::{key, over, read, unprocessable};
use crate::http::alerts::no_alert;
use crate::http::json::{Json, Number};
use crate::http::page::{ItemReply, blocking};
use crate::http::path::{self, Parted};
use crate::http::query::Params;
use crate::http::submit::{self, Answer};
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Extension, Router};
use engine::{Outcome, Receipt, Unavailable};
use ledger::{
    AccountKey, AccountKind, Alert, AlertChange, AlertStep, Body, Command, Effect, Event, EventKind, Position,
    Quantity, Rejection, Status,
};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use tokio::sync::oneshot;
use utoipa::ToSchema;
use views::AlertItem;
use watch::Condition;
use wire::Batch;
use wire::record::Entry;

/// The longest reason, in bytes.
const REASON_BYTES_MAX: usize = 1_000;
/// Entries that are looked at for the event that belongs to a note: time may have passed between the two.
const APART_MAX: u64 = 64;

pub(crate) fn router() -> Router<App> {
    Router::new().route("/v1/alerts/{id}/release", post(release)).route("/v1/alerts/{id}/scrap", post(scrap))
}

/// What becomes of stock on hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// It is good: available again.
    Release,
    /// It is thrown away.
    Scrap,
}

impl Way {
    /// What was done, in one word.
    pub(crate) const fn done(self) -> &'static str {
        match self {
            Self::Release => "released",
            Self::Scrap => "scrapped",
        }
    }
}

/// A decision about stock on hold, as it was said.
pub(crate) struct Decided {
    /// What becomes of it.
    pub(crate) way: Way,
    /// Who decides.
    pub(crate) person: String,
    /// Why.
    pub(crate) reason: String,
    /// How much; `None` for all that is on hold there.
    pub(crate) quantity: Option<Quantity>,
    /// What makes a repetition known; empty for nothing.
    pub(crate) id: String,
}

/// Who decides about stock on hold, and why.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct DecisionRequest {
    /// Who decides: their name becomes the source of the entry that moves the stock.
    person: String,
    /// Why, in one line.
    reason: String,
    /// How much, in the product's base unit; all that is on hold there when absent.
    #[serde(default)]
    #[schema(value_type = Option<f64>)]
    quantity: Option<Box<RawValue>>,
    /// Makes a repetition known, as `Idempotency-Key` does.
    #[serde(default)]
    id: String,
}

/// What was decided.
#[derive(Serialize, ToSchema)]
pub(crate) struct DecisionReply {
    /// The alert.
    alert: u64,
    /// `released` or `scrapped`.
    #[schema(value_type = String)]
    decided: &'static str,
    quantity: Number,
    /// The entry that notes it on the alert.
    note_position: u64,
    /// The entry that moved the stock.
    event_position: u64,
    /// What is still on hold there.
    left_quantity: Number,
}

/// What became of a decision.
pub(crate) struct Done {
    quantity: Quantity,
    note: Position,
    event: Position,
    left: Quantity,
}

/// A name or reason that has to be there.
fn said<'t>(field: &'static str, text: &'t str, bytes_max: usize) -> Result<&'t str, Problem> {
    let text = text.trim();
    if text.is_empty() {
        let example = if field == "person" { "\"Anna Berg\"" } else { "\"data logger read: 40 minutes at 9 °C\"" };
        return Err(unprocessable("missing_field", field, format!("{field} is missing; add it, such as {example}")));
    }
    if text.len() > bytes_max || text.chars().any(char::is_control) {
        let detail = format!("{field} is longer than {bytes_max} bytes or has control characters; say it in one line");
        return Err(unprocessable("invalid_value", field, detail));
    }
    Ok(text)
}

impl Decided {
    /// As it is to be written, without spaces around it.
    fn checked(self) -> Result<Self, Problem> {
        let person = said("person", &self.person, wire::TEXT_BYTES_MAX)?.to_owned();
        let reason = said("reason", &self.reason, REASON_BYTES_MAX)?.to_owned();
        if person.eq_ignore_ascii_case(watch::SOURCE) {
            let detail = format!("person {person} is this system itself; name the person who decides");
            return Err(unprocessable("invalid_value", "person", detail));
        }
        Ok(Self { person, reason, ..self })
    }

    /// What the alert's note says.
    fn words(&self, alert: &Alert, quantity: Quantity) -> String {
        let subject = &alert.subject;
        let lot = if subject.lot.is_empty() { String::new() } else { format!(" lot {}", subject.lot) };
        let (done, product, place) = (self.way.done(), &subject.product, &subject.location);
        format!("{done} {quantity} of {product}{lot} at {place} by {}: {}", self.person, self.reason)
    }

    fn note(&self, item: &AlertItem, quantity: Quantity) -> Command {
        let note = self.words(&item.alert, quantity).into();
        Command::ChangeAlert(Box::new(AlertChange { alert: item.position, step: AlertStep::Noted, note }))
    }

    fn event<'e>(&self, alert: &'e Alert, quantity: Quantity, reference: &'e str) -> Event<'e> {
        let subject = &alert.subject;
        let kind = match self.way {
            Way::Release => EventKind::StatusChanged,
            Way::Scrap => EventKind::ItemRemoved,
        };
        Event {
            lot: &subject.lot,
            status: Status::Quarantined,
            to_status: (self.way == Way::Release).then_some(Status::Available),
            reason: if self.way == Way::Scrap { "scrap" } else { "" },
            reference,
            ..Event::new(kind, &subject.product, &subject.location, quantity)
        }
    }

    /// The ids of the two entries. Of a decision that nothing makes known, by the newest entry about the alert: it is a
    /// decision about what that entry left.
    fn ids(&self, item: &AlertItem) -> (String, String) {
        let id = match &*self.id {
            "" => format!("decision/{}/{}", item.position, item.changed),
            id => format!("alert/{}/{id}", item.position),
        };
        (format!("{id}/{}", self.way.done()), id)
    }
}

/// Releases or scraps stock on hold, and waits until it is durable.
///
/// # Errors
/// 404 `unknown_alert`; 409 `alert_resolved` when it is over, `not_on_hold` when it is about something else or nothing is
/// on hold any more, `key_conflict`; 422 `missing_field`, `invalid_value`; and those of [`submit::judge`].
pub(crate) async fn decide(
    app: &App,
    principal: &Principal,
    alert: Position,
    decided: Decided,
) -> Result<Done, Problem> {
    let decided = decided.checked()?;
    // Two decisions at once would both be about all that is there.
    let _turn = app.gates().decisions.lock().await;
    let item = app.engine().views().alert(alert).ok_or_else(|| no_alert(alert))?;
    if *item.alert.condition != *Condition::StockOnHold.name() {
        let condition = &item.alert.condition;
        let detail = format!("alert {alert} is of {condition}, not of stock on hold; there is nothing to decide about");
        return Err(Problem::new(StatusCode::CONFLICT, "not_on_hold", detail).of("id"));
    }
    if let Some(done) = repeated(app, principal, &item, &decided).await? {
        return Ok(done);
    }
    if item.end.is_some() {
        return Err(over(app, alert));
    }
    let there = on_hold(app, &item.alert).await?;
    let quantity = decided.quantity.unwrap_or(there);
    if there <= Quantity::ZERO {
        let detail = format!("nothing is on hold any more where alert {alert} says; look at its stock");
        return Err(Problem::new(StatusCode::CONFLICT, "not_on_hold", detail).of("id"));
    }
    if quantity <= Quantity::ZERO || quantity > there {
        let detail = format!("quantity {quantity} is not above 0 and at most {there}, which is on hold there");
        return Err(unprocessable("invalid_value", "quantity", detail));
    }
    hand_in(app, principal, &item, &decided, quantity).await
}

/// Hands in both entries; neither when one of them would not be taken.
async fn hand_in(
    app: &App,
    principal: &Principal,
    item: &AlertItem,
    decided: &Decided,
    quantity: Quantity,
) -> Result<Done, Problem> {
    let reference = reference(app, item).await?;
    let (event_id, note_id) = decided.ids(item);
    let (now, note) = (app.engine().now(), decided.note(item, quantity));
    let event = decided.event(&item.alert, quantity, &reference);
    let (actor, source) = (&*principal.name, &*decided.person);
    let mut batch = Batch::new();
    batch.push_command(actor, actor, &note_id, app.hasher().command(actor, &note_id, now, &note), now, note);
    batch.push(&ledger::Request {
        actor,
        source,
        id: &event_id,
        key: app.hasher().event(source, &event_id, now, &event),
        occurred_at: now,
        historical: false,
        resolves: None,
        body: Body::Event(event),
    });
    both(&submit::judge(app, batch.clone(), true).await?)?;
    let (note, event) = both(&submit::judge(app, batch, false).await?)?;
    Ok(Done { quantity, note, event, left: on_hold(app, &item.alert).await? })
}

/// The positions of note and event; of a rehearsal they say nothing.
fn both(receipt: &Receipt) -> Result<(Position, Position), Problem> {
    let position = |index| match receipt.outcome(index) {
        Outcome::Accepted { position } | Outcome::Duplicate { position, .. } => Ok(position),
        Outcome::Held { rejection, .. } | Outcome::Rejected { rejection } => Err(Problem::rejected(&rejection)),
    };
    Ok((position(0)?, position(1)?))
}

/// What is on hold where an alert says, after everything that was handed in before.
async fn on_hold(app: &App, alert: &Alert) -> Result<Quantity, Problem> {
    let subject = alert.subject.clone();
    let (sender, receiver) = oneshot::channel();
    let ask = move |state: &ledger::State, _: &watch::Watch| {
        let catalog = state.catalog();
        let product = catalog.find_product(&subject.product)?;
        let (location, lot) = (catalog.find_location(&subject.location)?, catalog.find_lot(product, &subject.lot)?);
        let account = catalog.find_account(AccountKey { kind: AccountKind::Quarantined, product, location, lot })?;
        Some(state.balance(account))
    };
    let answered = move |answer| {
        // Whoever hung up meanwhile hears nothing.
        let _ = sender.send(answer);
    };
    app.engine().ask(ask, answered)?;
    Ok(receiver.await.unwrap_or(Err(Unavailable::Stopping))?.unwrap_or(Quantity::ZERO))
}

/// What the stock was put on hold for, in the words of the entry that did it.
async fn reference(app: &App, item: &AlertItem) -> Result<String, Problem> {
    let (engine, cause) = (app.engine().clone(), item.alert.cause);
    let found = blocking(move || Ok(engine.entry(cause)?)).await?;
    let of_cause = found.and_then(|entry| entry.decision.reference);
    Ok(of_cause.map_or_else(|| format!("alert {}", item.position), String::from))
}

/// What became of the same decision before; `None` when it is a new one.
async fn repeated(
    app: &App,
    principal: &Principal,
    item: &AlertItem,
    decided: &Decided,
) -> Result<Option<Done>, Problem> {
    if decided.id.is_empty() {
        return Ok(None);
    }
    let (event_id, note_id) = decided.ids(item);
    let trial = decided.note(item, decided.quantity.unwrap_or(Quantity::ZERO));
    let first = match submit::command(app, principal, &note_id, trial, true).await? {
        Answer::Before(first) | Answer::No(Rejection::KeyConflict { first }) => first,
        _ => return Ok(None),
    };
    let engine = app.engine().clone();
    let entries: Vec<(Position, Entry)> = blocking(move || {
        let positions = (first.0..=engine.position().0).take(usize::try_from(APART_MAX).unwrap_or(usize::MAX));
        let mut entries = Vec::new();
        for position in positions.map(Position) {
            entries.extend(engine.entry(position)?.map(|entry| (position, entry)));
        }
        Ok(entries)
    })
    .await?;
    let conflict = || Problem::rejected(&Rejection::KeyConflict { first });
    let found = entries.iter().find(|(_, entry)| *entry.id == *event_id);
    let (event, moved) = found.map(|(position, entry)| (*position, moved(entry))).ok_or_else(conflict)?;
    let words = decided.words(&item.alert, decided.quantity.unwrap_or(moved));
    let is_same = entries[0].1.decision.effects.iter().any(|effect| match effect {
        Effect::AlertChanged(change) => change.alert == item.position && *change.note == *words,
        _ => false,
    });
    if !is_same {
        return Err(conflict());
    }
    Ok(Some(Done { quantity: moved, note: first, event, left: on_hold(app, &item.alert).await? }))
}

/// How much an entry moved.
fn moved(entry: &Entry) -> Quantity {
    let arrived = entry.decision.postings.iter().filter(|posting| posting.delta > Quantity::ZERO);
    Quantity::from_micros(arrived.fold(0, |sum, posting| posting.delta.micros().saturating_add(sum)))
}

/// Reads the decision and takes it.
async fn take(app: &App, principal: &Principal, alert: &str, request: Request, way: Way) -> Result<Response, Problem> {
    Params::of(request.uri(), &[])?;
    let alert = path::position(alert)?;
    let (asked, header) = read::<DecisionRequest>(app, request, None).await?;
    let quantity = asked.quantity.map(|json| quantity(json.get())).transpose()?;
    let DecisionRequest { person, reason, id, .. } = asked;
    let done = decide(app, principal, alert, Decided { way, person, reason, quantity, id: key(header, id)? }).await?;
    let item = DecisionReply {
        alert: alert.0,
        decided: way.done(),
        quantity: done.quantity.into(),
        note_position: done.note.0,
        event_position: done.event.0,
        left_quantity: done.left.into(),
    };
    let as_of_position = app.engine().position().0;
    Ok(Json(StatusCode::OK, ItemReply { item, as_of_position }).into_response())
}

/// Reads a quantity: a number, or its digits as text.
///
/// # Errors
/// 422 `invalid_value`.
pub(crate) fn quantity(text: &str) -> Result<Quantity, Problem> {
    text.trim_matches('"').trim().parse().map_err(|error| {
        let detail = format!("quantity {}: {error}; send a number above 0", wire::problem::shown(text));
        unprocessable("invalid_value", "quantity", detail)
    })
}

/// Releases stock on hold: it is available again.
#[utoipa::path(
    post,
    path = "/v1/alerts/{id}/release",
    tag = "alerts",
    params(
        ("id" = u64, Path, description = "The entry that opened it; of an alert `stock_on_hold`"),
        ("Idempotency-Key" = Option<String>, Header, description = "Makes a repetition known"),
    ),
    request_body = DecisionRequest,
    responses(
        (status = 200, description = "What was decided, and what is left on hold", body = ItemReply<DecisionReply>),
        (status = 404, description = "`unknown_alert`", body = Problem),
        (status = 409, description = "`not_on_hold`: it is about something else, or nothing is on hold; `alert_resolved`: it is over; `key_conflict`", body = Problem),
        (status = 422, description = "Person or reason is missing, or more is meant than is on hold", body = Problem),
    )
)]
pub(crate) async fn release(
    State(app): State<App>,
    Extension(principal): Extension<Principal>,
    Parted(id): Parted<String>,
    request: Request,
) -> Result<Response, Problem> {
    take(&app, &principal, &id, request, Way::Release).await
}

/// Scraps stock on hold: it leaves the books as thrown away.
#[utoipa::path(
    post,
    path = "/v1/alerts/{id}/scrap",
    tag = "alerts",
    params(
        ("id" = u64, Path, description = "The entry that opened it; of an alert `stock_on_hold`"),
        ("Idempotency-Key" = Option<String>, Header, description = "Makes a repetition known"),
    ),
    request_body = DecisionRequest,
    responses(
        (status = 200, description = "What was decided, and what is left on hold", body = ItemReply<DecisionReply>),
        (status = 404, description = "`unknown_alert`", body = Problem),
        (status = 409, description = "`not_on_hold`: it is about something else, or nothing is on hold; `alert_resolved`: it is over; `key_conflict`", body = Problem),
        (status = 422, description = "Person or reason is missing, or more is meant than is on hold", body = Problem),
    )
)]
pub(crate) async fn scrap(
    State(app): State<App>,
    Extension(principal): Extension<Principal>,
    Parted(id): Parted<String>,
    request: Request,
) -> Result<Response, Problem> {
    take(&app, &principal, &id, request, Way::Scrap).await
}
