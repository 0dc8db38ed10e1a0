//! Events as JSON, into the ledger.

use super::hold::count_held;
use super::{Holder, Intake, Message, Taken, Taking, TryLater};
use engine::{Outcome, Receipt};
use serde_json::value::RawValue;
use wire::event::{ContentKind, Defaults, Limits, Parsed};
use wire::topic::Kind;
use wire::{Batch, Problem};

/// Payloads up to this many bytes are parsed where they arrive; larger ones where they hold up nobody.
const PARSED_INLINE_BYTES_MAX: usize = 16 << 10;

/// Takes events as `POST /v1/events` does: one, an array, or in CloudEvents envelopes if an MQTT 5 sender says so. There
/// is nobody to tell what became of them, so what is refused or can't be read goes to the held list, each by itself.
#[derive(Clone)]
pub struct EventIntake {
    holder: Holder,
    limits: Limits,
}

impl EventIntake {
    /// Takes what `limits` allows; what it can't use goes to `holder`.
    pub fn new(holder: Holder, limits: Limits) -> Self {
        Self { holder, limits }
    }

    pub(super) fn holder(&self) -> &Holder {
        &self.holder
    }

    async fn events(&self, message: &Message) -> Result<Taken, TryLater> {
        let parsed = if message.payload.len() <= PARSED_INLINE_BYTES_MAX {
            self.parse(message)
        } else {
            let (intake, message) = (self.clone(), message.clone());
            let parsing = tokio::task::spawn_blocking(move || intake.parse(&message));
            parsing.await.map_err(|error| TryLater(format!("reading the events: {error}")))?
        };
        let Parsed { batch, places, problems, count } = parsed;
        let receipt = self.holder.judge(batch).await?;
        let mut taken = Taken { recorded: receipt.accepted(), ..Taken::default() };
        let unusable = unusable(&receipt, &places, problems, &mut taken);
        if !unusable.is_empty() {
            let receipt = self.holder.judge(self.holds(message, count, &unusable)).await?;
            count_held(&receipt, &mut taken);
        }
        Ok(taken)
    }

    fn parse(&self, message: &Message) -> Parsed {
        let kind =
            message.content_type.as_deref().and_then(ContentKind::from_content_type).unwrap_or(ContentKind::Json);
        let defaults =
            Defaults { actor: self.holder.actor(), source: &message.source, historical: false, resolves: None };
        wire::event::parse_events(&message.payload, kind, &defaults, &self.holder.handle().hasher(), &self.limits)
    }

    /// The commands that hold these events: each by itself, or the message as a whole when it can't be taken apart.
    fn holds(&self, message: &Message, count: usize, unusable: &[(Option<usize>, Vec<Problem>)]) -> Batch {
        let text = std::str::from_utf8(&message.payload).unwrap_or_default();
        let elements: Vec<&RawValue> = serde_json::from_str(text).unwrap_or_default();
        let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
        let mut batch = Batch::new();
        for (index, problems) in unusable {
            let raw = match index {
                Some(index) if elements.len() == count => elements.get(*index).map(|element| element.get()),
                Some(index) if count > 1 && lines.len() == count => lines.get(*index).copied(),
                _ => None,
            };
            self.holder.push(&mut batch, message, raw.map_or(&message.payload[..], str::as_bytes), problems);
        }
        batch
    }
}

impl Intake for EventIntake {
    fn takes(&self, kind: &Kind) -> bool {
        *kind == Kind::Events
    }

    fn take<'a>(&'a self, message: &'a Message) -> Taking<'a> {
        Box::pin(self.events(message))
    }
}

/// What has to be held, with the index of the event: what can't be read and what the ledger refused. What the ledger
/// held itself, and what it had before, is counted only.
fn unusable(
    receipt: &Receipt,
    places: &[u32],
    problems: Vec<Problem>,
    taken: &mut Taken,
) -> Vec<(Option<usize>, Vec<Problem>)> {
    let unread = problems.chunk_by(|one, next| one.index == next.index);
    let mut unusable: Vec<(Option<usize>, Vec<Problem>)> =
        unread.map(|problems| (problems.first().and_then(|problem| problem.index), problems.to_vec())).collect();
    for (index, outcome) in receipt.exceptions() {
        let index = *index as usize;
        match outcome {
            Outcome::Accepted { .. } => taken.recorded += 1,
            Outcome::Duplicate { .. } => taken.duplicates += 1,
            Outcome::Held { .. } => taken.held += 1,
            Outcome::Rejected { rejection } => {
                let place = places.get(index).map_or(index, |place| *place as usize);
                unusable.push((Some(place), vec![Problem::from(rejection)]));
            }
        }
    }
    unusable
}
