//! What takes messages in.

use super::{EventIntake, Holder};
use bytes::Bytes;
use ledger::Timestamp;
use std::pin::Pin;
use std::sync::Arc;
use wire::Problem;
use wire::sparkplug::Output;
use wire::topic::Kind;

/// A message that arrived, and what its topic says. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Message {
    /// Which subscription it matches, from 0.
    pub route: usize,
    /// What that subscription says that it is.
    pub kind: Kind,
    /// The topic.
    pub topic: Arc<str>,
    /// The site in the topic.
    pub site: Option<Arc<str>>,
    /// The device in the topic.
    pub device: Option<Arc<str>>,
    /// The metric in the topic.
    pub metric: Option<Arc<str>>,
    /// Who sent it, as far as is known: the device in the topic, or else our own name as a client.
    pub source: Arc<str>,
    /// The media type that an MQTT 5 sender gave.
    pub content_type: Option<Arc<str>>,
    /// The payload as it came.
    pub payload: Bytes,
    /// What was made of the payload already.
    pub body: Body,
    /// When it arrived.
    pub received_at: Timestamp,
}

/// What was made of a payload before the intake has it.
#[derive(Clone, Debug)]
pub enum Body {
    /// Nothing.
    Plain,
    /// What a Sparkplug host application made of it: readings, facts and metrics that can't be read. When only time
    /// passed, topic and payload are empty.
    Sparkplug(Arc<[Output]>),
    /// It can't be used, whatever its kind; to be held.
    Unusable(Arc<[Problem]>),
}

/// What became of a message. Whatever it says, the message needs nothing more.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Taken {
    /// Things in it that are recorded now.
    pub recorded: usize,
    /// Things in it that had been recorded before.
    pub duplicates: usize,
    /// Things in it that wait on the held list, with the reason.
    pub held: usize,
}

/// The message was not taken, or not all of it; it will be offered again.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct TryLater(
    /// Why.
    pub String,
);

/// The taking of a message.
pub type Taking<'a> = Pin<Box<dyn Future<Output = Result<Taken, TryLater>> + Send + 'a>>;

/// What takes messages in. The same message may be offered again, after [`TryLater`] and after a connection broke: an
/// intake has to make that count once.
pub trait Intake: Send + Sync + 'static {
    /// Whether it takes messages of this kind at all; asked once, before the first connection.
    fn takes(&self, kind: &Kind) -> bool;

    /// Takes a message, and answers when all of it is durable.
    fn take<'a>(&'a self, message: &'a Message) -> Taking<'a>;
}

/// Intakes by kind: events into the ledger, what can't be used to the held list, and anything else to another intake.
pub struct Intakes {
    events: EventIntake,
    holder: Holder,
    others: Option<Arc<dyn Intake>>,
}

impl Intakes {
    /// `others` takes what is neither an event nor unusable.
    pub fn new(events: EventIntake, others: Option<Arc<dyn Intake>>) -> Self {
        let holder = events.holder().clone();
        Self { events, holder, others }
    }
}

impl Intake for Intakes {
    fn takes(&self, kind: &Kind) -> bool {
        *kind == Kind::Events || self.others.as_ref().is_some_and(|others| others.takes(kind))
    }

    fn take<'a>(&'a self, message: &'a Message) -> Taking<'a> {
        match (&message.body, &self.others) {
            (Body::Unusable(problems), _) => Box::pin(self.holder.hold(message, problems)),
            (_, Some(others)) if message.kind != Kind::Events => others.take(message),
            _ => self.events.take(message),
        }
    }
}
