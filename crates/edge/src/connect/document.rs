//! What becomes of a document: events that go in, what is held, and the counts of both.

use crate::App;
use crate::connect::Hook;
use crate::http::events::{self, EventsReply};
use crate::http::{Problem, submit};
use axum::http::StatusCode;
use engine::{Outcome, Receipt};
use ledger::{Body, Command, Key, Rejection, ReservationState, Unusable};
use std::sync::Arc;
use wire::Batch;
use wire::event::{ContentKind, Defaults, Parsed};
use wire::mapping::{Limits, Mapped, Mapping};

/// Documents up to this many bytes are mapped where they arrive; larger ones where they hold up nobody.
const MAPPED_INLINE_BYTES_MAX: usize = 16 << 10;
/// The most of a document that is held, in bytes: more than orders of a hundred lines have.
const RAW_BYTES_MAX: usize = 64 << 10;
/// The longest name of a delivery that is kept, in characters.
const PLACE_CHARS_MAX: usize = 100;

/// A document that came in.
pub(crate) struct Document<'d> {
    /// The hook that it came to.
    pub(crate) hook: &'d Hook,
    /// Who sent it.
    pub(crate) actor: &'d str,
    /// What the sender calls this delivery; empty when it does not say.
    pub(crate) delivery: &'d str,
    /// Its headers, by their names in small letters.
    pub(crate) headers: Vec<(String, String)>,
    /// Its text.
    pub(crate) body: &'d [u8],
}

/// What became of a document.
pub(crate) struct Taken {
    /// What became of its events.
    pub(crate) reply: EventsReply,
    /// What the mapping made of it; nothing when it is held as a whole.
    pub(crate) mapped: Mapped,
    /// Why it is held as a whole.
    pub(crate) problems: Vec<wire::Problem>,
}

impl Document<'_> {
    /// Makes events of the document and hands them in; holds what can't be used. With `dry_run` nothing changes.
    ///
    /// # Errors
    /// 413 `too_large`; 422 for a rehearsed document that can't be mapped; as [`submit::judge`].
    pub(crate) async fn take(&self, app: &App, dry_run: bool) -> Result<Taken, Problem> {
        let mapped = match self.map(app).await? {
            Ok(mapped) => mapped,
            Err(problems) if problems.iter().any(|problem| problem.code == "too_large") => {
                return Err(Problem::unreadable(StatusCode::PAYLOAD_TOO_LARGE, &problems));
            }
            Err(problems) if dry_run => return Err(Problem::of_body(&problems)),
            Err(problems) => return self.hold_whole(app, problems).await,
        };
        let source = &*self.hook.name;
        let defaults = Defaults { actor: self.actor, source, historical: false, resolves: None };
        let body = mapped.body();
        let limits = &app.settings().events;
        let parsed = wire::event::parse_events(body.as_bytes(), ContentKind::Json, &defaults, app.hasher(), limits);
        let Parsed { batch, places, problems, count } = parsed;
        let asked: Vec<Asked> = batch.iter().map(|request| Asked::of(&request.body)).collect();
        let receipt = submit::judge(app, batch, dry_run).await?;
        let mut reply = events::merge(&receipt, &places, &problems, (count, false));
        if !dry_run {
            let unused = unused(&receipt, &places, &asked, &problems);
            self.hold_events(app, &mapped, &unused, &mut reply).await?;
        }
        Ok(Taken { reply, mapped, problems: Vec::new() })
    }

    /// What the mapping makes of it. Few documents are mapped at once, since each takes many times its size meanwhile.
    async fn map(&self, app: &App) -> Result<Result<Mapped, Vec<wire::Problem>>, Problem> {
        let gate = Arc::clone(&app.gates().mappings);
        let permit = gate.acquire_owned().await.map_err(|error| Problem::failed(&error))?;
        if self.body.len() <= MAPPED_INLINE_BYTES_MAX {
            return Ok(map(&self.hook.mapping, self.body, &self.headers));
        }
        let (mapping, body, headers) = (Arc::clone(&self.hook.mapping), self.body.to_vec(), self.headers.clone());
        let mapping = tokio::task::spawn_blocking(move || {
            let mapped = map(&mapping, &body, &headers);
            drop(permit);
            mapped
        });
        mapping.await.map_err(|error| Problem::failed(&error))
    }

    /// Holds the document as it came.
    async fn hold_whole(&self, app: &App, problems: Vec<wire::Problem>) -> Result<Taken, Problem> {
        let raw = String::from_utf8_lossy(self.body);
        let mut batch = Batch::new();
        self.push_hold(app, &mut batch, &raw, &problems, self.place());
        let receipt = submit::judge(app, batch, false).await?;
        let mut reply = events::merge(&receipt, &[], &[], (1, false));
        // What counts is the document: held now, or held when it came before.
        (reply.accepted, reply.duplicate, reply.rejected, reply.held) = (0, 0, 0, 1);
        reply.results.clear();
        Ok(Taken { reply, mapped: Mapped::default(), problems })
    }

    /// Holds the events that can't be used, and says so in the reply.
    async fn hold_events(
        &self,
        app: &App,
        mapped: &Mapped,
        unused: &[(usize, Vec<wire::Problem>)],
        reply: &mut EventsReply,
    ) -> Result<(), Problem> {
        let mut batch = Batch::new();
        for (index, problems) in unused {
            let place = format!("{} event {index}", self.place());
            self.push_hold(app, &mut batch, &mapped.events[*index], problems, place);
        }
        if batch.is_empty() {
            return Ok(());
        }
        let receipt = submit::judge(app, batch, false).await?;
        for (nth, (index, _)) in unused.iter().enumerate() {
            let Some(result) = reply.results.iter_mut().find(|result| result.index == *index) else { continue };
            result.status = "held";
            if let Outcome::Accepted { position } | Outcome::Duplicate { position, .. } = receipt.outcome(nth) {
                result.position = Some(position.0);
            }
        }
        reply.held += unused.len();
        reply.rejected = reply.rejected.saturating_sub(unused.len());
        reply.as_of_position = reply.as_of_position.max(receipt.as_of.0);
        Ok(())
    }

    /// Where it came from, as it stands beside what is held.
    fn place(&self) -> String {
        let delivery: String = self.delivery.chars().take(PLACE_CHARS_MAX).collect();
        let delivery = if delivery.is_empty() { "without a name" } else { &delivery };
        format!("hook {} delivery {delivery}", self.hook.name)
    }

    /// Adds the command that holds `raw`. The same text from the same hook again is the same command, whatever the
    /// delivery is called.
    fn push_hold(&self, app: &App, batch: &mut Batch, raw: &str, problems: &[wire::Problem], place: String) {
        let (hasher, now, source) = (app.hasher(), app.engine().now(), &*self.hook.name);
        let details: Vec<&str> = problems.iter().map(|problem| &*problem.detail).collect();
        let first = problems.first();
        let unusable = Unusable {
            raw: raw[..raw.floor_char_boundary(RAW_BYTES_MAX)].into(),
            code: first.map_or("", |problem| problem.code).into(),
            field: first.map_or("", |problem| &problem.field).into(),
            detail: details.join("; ").into(),
            place: place.into(),
        };
        let named = hasher.named(source, raw);
        let id = format!("held-{named:032x}");
        let [low, high] = [0, 8].map(|at| {
            let bytes = &named.to_le_bytes()[at..at + 8];
            u64::from_le_bytes(bytes.try_into().expect("eight bytes"))
        });
        let key = Key { id: hasher.named(source, &id), content: low ^ high };
        batch.push_command(self.actor, source, &id, key, now, Command::Hold(Box::new(unusable)));
    }
}

fn map(mapping: &Mapping, body: &[u8], headers: &[(String, String)]) -> Result<Mapped, Vec<wire::Problem>> {
    let headers = headers.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    mapping.map(body, headers, &Limits::default())
}

/// What a request asks of a reservation.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Asked {
    Release,
    Fulfil,
    Other,
}

impl Asked {
    fn of(body: &Body<'_>) -> Self {
        match body {
            Body::Command(Command::Release { .. }) => Self::Release,
            Body::Command(Command::Fulfil { .. }) => Self::Fulfil,
            _ => Self::Other,
        }
    }

    /// Whether what was asked for is so already: shops tell of an order's state again and again.
    const fn is_so(self, rejection: &Rejection) -> bool {
        use ReservationState::{Expired, Fulfilled, Released};
        let Rejection::ReservationEnded { state } = rejection else { return false };
        matches!((self, state), (Self::Release, Released | Expired) | (Self::Fulfil, Fulfilled))
    }
}

/// The events that nobody but us knows can't be used: the unreadable, and the refused. By their place among the events.
fn unused(
    receipt: &Receipt,
    places: &[u32],
    asked: &[Asked],
    problems: &[wire::Problem],
) -> Vec<(usize, Vec<wire::Problem>)> {
    let unread = problems.chunk_by(|one, next| one.index == next.index);
    let mut unused: Vec<_> =
        unread.filter_map(|problems| Some((problems.first()?.index?, problems.to_vec()))).collect();
    for (index, outcome) in receipt.exceptions() {
        let index = *index as usize;
        if let Outcome::Rejected { rejection } = outcome
            && !asked[index].is_so(rejection)
        {
            let place = places.get(index).map_or(index, |place| *place as usize);
            unused.push((place, vec![wire::Problem::from(rejection)]));
        }
    }
    unused.sort_by_key(|(index, _)| *index);
    unused
}
