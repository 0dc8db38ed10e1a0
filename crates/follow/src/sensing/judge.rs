//! What a person says of a conclusion, and what follows from it: a refuted one's event is undone, a confirmed one's is
//! booked. Both are recorded, so that they are known again when everything derived is lost.

use super::conclude::{NAMES_NOTHING, NO_PLACE, between, event_of, named, unhex};
use super::rejudge::layout_of;
use super::settings::Smoothing;
use super::store::{KeptInference, KeptJudgement};
use super::{ACTOR, Senses};
use engine::{Error, Handle, Outcome, ReverseError, Unavailable};
use ledger::{Catalog, Command, Observation, Position, Rejection, Timestamp};
use serde_json::{Value, json};
use views::HeldState;
use wire::event::{ContentKind, Defaults, Limits, parse_events};
use wire::time::parse_timestamp;
use wire::{Batch, Problem, observation};

/// Whether a conclusion holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It happened.
    Confirmed,
    /// It did not.
    Refuted,
}

impl Verdict {
    /// Its name, which is the state of what is judged so.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Confirmed => "confirmed",
            Self::Refuted => "refuted",
        }
    }
}

/// Which way a tag went that was heard at a door.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// It came in.
    PassedIn,
    /// It went out.
    PassedOut,
}

/// What a person says of a conclusion.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judgement {
    /// Whether it holds.
    pub verdict: Verdict,
    /// Why, in their words; may be empty.
    pub reason: String,
    /// Who.
    pub by: String,
    /// The entry that was booked with it.
    pub event_position: Option<Position>,
    /// The entry that undid what had been booked.
    pub reversed_by: Option<Position>,
}

impl Judgement {
    /// Its JSON, as the journal keeps it.
    pub(super) fn render(&self, inference: &str) -> String {
        let position = |position: Option<Position>| position.map(|position| position.0);
        json!({
            "inference": inference,
            "verdict": self.verdict.name(),
            "reason": self.reason,
            "by": self.by,
            "event_position": position(self.event_position),
            "reversed_by": position(self.reversed_by),
        })
        .to_string()
    }

    /// What [`render`](Self::render) wrote, and of which conclusion.
    pub(super) fn read(content: &[u8]) -> Option<(String, Self)> {
        let value: Value = serde_json::from_slice(content).ok()?;
        let text = |name: &str| value[name].as_str().map(str::to_owned);
        let position = |name: &str| value[name].as_u64().map(Position);
        let verdict = match &*text("verdict")? {
            "confirmed" => Verdict::Confirmed,
            "refuted" => Verdict::Refuted,
            _ => return None,
        };
        let judgement = Self {
            verdict,
            reason: text("reason").unwrap_or_default(),
            by: text("by").unwrap_or_default(),
            event_position: position("event_position"),
            reversed_by: position("reversed_by"),
        };
        Some((text("inference")?, judgement))
    }
}

/// What became of a judgement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judged {
    /// The entry that records it.
    pub position: Position,
    /// Whether it is new; otherwise the same had been said before.
    pub is_new: bool,
    /// Why nothing was booked with a confirmation, where something could have been expected.
    pub why_no_event: Option<&'static str>,
}

/// Why a judgement was not taken.
#[derive(Debug, thiserror::Error)]
pub enum JudgementError {
    /// There is no such conclusion.
    #[error("there is no conclusion of this id")]
    NoSuchInference,
    /// It was refuted, and what had been booked is undone.
    #[error("it was refuted by {by}; what happened after all is sent as an event")]
    Refuted {
        /// Who refuted it.
        by: String,
    },
    /// A tag was heard at a door, and nobody said which way it went.
    #[error("the tag was heard at a door and not which way it went; say 'passed_in' or 'passed_out'")]
    WayMissing,
    /// The event that a confirmation amounts to cannot be read: what it names has changed.
    #[error("its event cannot be used: {}", .0.detail)]
    Unreadable(Problem),
    /// The ledger says no, to the event or to undoing it.
    #[error("{0}")]
    Rejected(Rejection),
    /// The engine takes nothing now.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
    /// The index or the journal could not be read.
    #[error(transparent)]
    Engine(#[from] Error),
}

impl Senses {
    /// Takes what `by` says of a conclusion. Waits until all of it is durable: for threads that may wait. The same again
    /// changes nothing; what was confirmed can still be refuted.
    ///
    /// # Errors
    /// [`JudgementError`]; nothing is recorded then, and what was booked before a crash is known by its id.
    pub fn judge(
        &self,
        engine: &Handle,
        inference: &str,
        said: (Verdict, Option<Way>),
        (by, reason): (&str, &str),
    ) -> Result<Judged, JudgementError> {
        // One at a time: a conclusion that two people judge is judged by the first.
        let mut unseen = self.0.judged.lock().expect("no panic under the lock");
        let kept = self.inference(inference)?.ok_or(JudgementError::NoSuchInference)?;
        let before = unseen.get(inference).cloned().or_else(|| kept.judgement.clone());
        let (verdict, way) = said;
        if let Some(KeptJudgement { judgement, position, .. }) = &before {
            if judgement.verdict == verdict {
                return Ok(Judged { position: *position, is_new: false, why_no_event: None });
            }
            if judgement.verdict == Verdict::Refuted {
                return Err(JudgementError::Refuted { by: judgement.by.clone() });
            }
        }
        let mut judgement =
            Judgement { verdict, reason: reason.into(), by: by.into(), event_position: None, reversed_by: None };
        let mut why_no_event = None;
        match verdict {
            Verdict::Confirmed if kept.state == "quarantined" => match confirmed_event(engine, &kept, way)? {
                Ok(event) => judgement.event_position = Some(book(engine, by, &event)?),
                Err(why) => why_no_event = Some(why),
            },
            Verdict::Confirmed => {}
            Verdict::Refuted => {
                let booked = before.and_then(|before| before.judgement.event_position).or_else(|| booked(&kept));
                if let Some(position) = booked {
                    judgement.reversed_by = undo(engine, by, position, &judgement.reason)?;
                }
            }
        }
        let position = record(engine, inference, &judgement)?;
        let kept = KeptJudgement { judgement, at: engine.now(), position };
        unseen.insert(inference.to_owned(), kept);
        Ok(Judged { position, is_new: true, why_no_event })
    }
}

/// The entry that was booked when it was concluded.
fn booked(kept: &KeptInference) -> Option<Position> {
    let record: Value = serde_json::from_str(&kept.record).ok()?;
    record["event_position"].as_u64().map(Position)
}

/// The event that a conclusion which nothing was booked of amounts to, or why there is none.
fn confirmed_event(
    engine: &Handle,
    kept: &KeptInference,
    way: Option<Way>,
) -> Result<Result<String, &'static str>, JudgementError> {
    let record: Value = serde_json::from_str(&kept.record).unwrap_or_default();
    let text = |name: &str| record[name].as_str().unwrap_or_default();
    if record["event"].is_object() {
        return Ok(Ok(record["event"].to_string()));
    }
    let Some(code) = Some(text("epc")).filter(|code| !code.is_empty()).and_then(unhex) else {
        return Ok(Err("a weight that more than one count explains is counted by hand"));
    };
    let views = engine.views();
    let subject = named(&code, views.catalog()).subject;
    let (from, to) = match record["portal"].as_str() {
        _ if subject.is_empty() => return Ok(Err(NAMES_NOTHING)),
        Some(portal) if text("kind") == "ghost" => {
            let way = way.ok_or(JudgementError::WayMissing)?;
            match sides(views.catalog(), text("site"), portal) {
                Some((inside, outside)) if way == Way::PassedIn => (outside, inside),
                Some((inside, outside)) => (inside, outside),
                None => return Ok(Err("its door is not declared any more")),
            }
        }
        _ => (record["from"].as_str().map(str::to_owned), record["to"].as_str().map(str::to_owned)),
    };
    let Some(movement) = between(from.as_deref(), to.as_deref()) else { return Ok(Err(NO_PLACE)) };
    let occurred_at = parse_timestamp(text("occurred_at")).unwrap_or(Timestamp::MIN);
    let device = record["evidence"]["antennas"][0]["device"].as_str().unwrap_or(text("site"));
    let id = format!("{}:confirmed", kept.id);
    Ok(Ok(event_of(movement, &subject, occurred_at, (&id, device)).to_string()))
}

/// The places inside and outside of a door.
fn sides(catalog: &Catalog, site: &str, portal: &str) -> Option<(Option<String>, Option<String>)> {
    let layout = layout_of(catalog, site, &Smoothing::default()).ok()?;
    let place = layout.portals.iter().position(|name| name == portal)?;
    let sides = layout.settings.portals.get(place)?;
    let location = |zone| layout.location(Some(zone)).map(str::to_owned);
    Some((location(sides.inside), location(sides.outside)))
}

/// Hands in the event; answers where it stands.
fn book(engine: &Handle, by: &str, event: &str) -> Result<Position, JudgementError> {
    // A person says that it happened, however long ago.
    let defaults = Defaults { actor: by, source: ACTOR, historical: true, resolves: None };
    let hasher = engine.hasher();
    let parsed = parse_events(event.as_bytes(), ContentKind::Json, &defaults, &hasher, &Limits::default());
    if let Some(problem) = parsed.problems.first() {
        return Err(JudgementError::Unreadable(problem.clone()));
    }
    match engine.submit_and_wait(parsed.batch)?.outcome(0) {
        Outcome::Accepted { position } | Outcome::Duplicate { position, .. } | Outcome::Held { position, .. } => {
            Ok(position)
        }
        Outcome::Rejected { rejection } => Err(JudgementError::Rejected(rejection)),
    }
}

/// Undoes what was booked; answers by which entry, and `None` when there was nothing to undo.
fn undo(engine: &Handle, by: &str, booked: Position, reason: &str) -> Result<Option<Position>, JudgementError> {
    let reason = if reason.is_empty() { "the conclusion was refuted" } else { reason };
    let held = engine.views().held_at(booked).map(|item| item.state);
    let now = engine.now();
    let mut batch = Batch::new();
    let target = match held {
        Some(HeldState::Discarded { .. }) => return Ok(None),
        Some(HeldState::Open) => {
            let command = Command::Discard { held: booked, reason: reason.into() };
            let key = engine.hasher().command(by, "", now, &command);
            batch.push_command(by, by, "", key, now, command);
            booked
        }
        Some(HeldState::Resolved { by: position, .. }) => position,
        None => booked,
    };
    if batch.is_empty() {
        match engine.push_reversal(&mut batch, by, target, reason, now) {
            Ok(()) => {}
            Err(ReverseError::NoSuchEntry(_)) => return Ok(None),
            Err(ReverseError::Engine(error)) => return Err(error.into()),
        }
    }
    match engine.submit_and_wait(batch)?.outcome(0) {
        Outcome::Accepted { position } | Outcome::Duplicate { position, .. } => Ok(Some(position)),
        Outcome::Held { rejection, .. } | Outcome::Rejected { rejection } => match rejection {
            // Somebody undid it before, for a reason of their own.
            Rejection::AlreadyReversed { by: position } | Rejection::KeyConflict { first: position } => {
                Ok(Some(position))
            }
            rejection => Err(JudgementError::Rejected(rejection)),
        },
    }
}

fn record(engine: &Handle, inference: &str, judgement: &Judgement) -> Result<Position, JudgementError> {
    let now = engine.now();
    let observation = Observation {
        form: observation::JUDGEMENT.into(),
        content: judgement.render(inference).into_bytes().into(),
        ..Observation::default()
    };
    let command = Command::Observe(Box::new(observation));
    let id = format!("{inference}:{}", judgement.verdict.name());
    let key = engine.hasher().command(ACTOR, &id, now, &command);
    let mut batch = Batch::new();
    batch.push_command(&judgement.by, ACTOR, &id, key, now, command);
    match engine.submit_and_wait(batch)?.outcome(0) {
        Outcome::Accepted { position } | Outcome::Duplicate { position, .. } => Ok(position),
        Outcome::Held { rejection, .. } | Outcome::Rejected { rejection } => Err(JudgementError::Rejected(rejection)),
    }
}
