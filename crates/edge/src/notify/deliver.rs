//! Sending what is due, a task a channel: one message after another, until the server stops.

use super::{Channel, Letter, Outcome};
use crate::App;
use crate::error::chain;
use crate::serve::stopped;
use follow::notices::{ChannelRecord, Fate, Message, Next, Notice, Outbox, What};
use ledger::{Position, Severity, Timestamp};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::task::JoinSet;

/// The longest that a channel waits before it looks at the clock again, which somebody may have set.
const WAIT_MAX: Duration = Duration::from_secs(60);
/// How long to wait when the outbox can't be read or written.
const BROKEN_WAIT: Duration = Duration::from_secs(5);
/// The longest that a receiver may have us wait, in microseconds.
const PAUSE_MICROS_MAX: i64 = 86_400 * 1_000_000;

/// The channels, and what they are still to be told.
pub(crate) struct Telling {
    outbox: Outbox,
    channels: Vec<Served>,
    base: Arc<str>,
}

/// A channel at work.
struct Served {
    channel: Channel,
    /// Rings when there may be something new to send.
    bell: Arc<Notify>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Why nothing is sent there until the next start.
    disabled: Option<String>,
    /// Nothing is sent there before, because the receiver asked for it.
    not_before: Option<Timestamp>,
}

/// How a channel is.
pub(crate) struct ChannelStatus<'t> {
    pub(crate) channel: &'t Channel,
    /// Why nothing is sent there until the next start.
    pub(crate) disabled: Option<String>,
    pub(crate) record: ChannelRecord,
}

/// What a step came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// A message was sent, and this came of it.
    Sent(Outcome),
    /// Nothing is due before this time, or before something changes.
    Wait(Option<Timestamp>),
    /// The receiver wants no more.
    Disabled,
}

impl Telling {
    /// Channels over an outbox that has their routes. Paths become addresses by `base`, which may be empty.
    pub(crate) fn new(outbox: Outbox, channels: Vec<Channel>, base: Arc<str>) -> Self {
        let serve = |channel| {
            let bell = Arc::new(Notify::new());
            let ring = Arc::clone(&bell);
            outbox.observe(move || ring.notify_one());
            Served { channel, bell, state: Mutex::default() }
        };
        let channels = channels.into_iter().map(serve).collect();
        Self { outbox, channels, base: base.trim_end_matches('/').into() }
    }

    pub(crate) fn outbox(&self) -> &Outbox {
        &self.outbox
    }

    /// How each channel is. Reads files.
    ///
    /// # Errors
    /// [`engine::Error::Index`].
    pub(crate) fn statuses<'t>(&'t self) -> Result<Vec<ChannelStatus<'t>>, engine::Error> {
        let status = |served: &'t Served| {
            let record = self.outbox.channel(&served.channel.route.name)?;
            let disabled = served.state().disabled.clone();
            Ok(ChannelStatus { channel: &served.channel, disabled, record })
        };
        self.channels.iter().map(status).collect()
    }

    /// Sends a marked message that tells of nothing, at once, whatever waits; `None` without such a channel.
    pub(crate) async fn test(&self, channel: &str, now: Timestamp) -> Option<Outcome> {
        let served = self.channels.iter().find(|served| *served.channel.route.name == *channel)?;
        let id = format!("test-{channel}-{}", now.0);
        let notice = Notice {
            id: id.clone(),
            alert: Position::ZERO,
            what: What::Opened,
            condition: "test".to_owned(),
            severity: Severity::Info,
            subject: format!("the channel {channel}"),
            why: "Somebody tested whether messages arrive. Nothing happened to the stock.".to_owned(),
            owner: None,
            location: None,
            product: None,
            at: now,
            link: "/channels".to_owned(),
        };
        let letter = Letter { id: &id, notices: &[notice], is_test: true, base: &self.base, now };
        Some(served.channel.send(&letter).await)
    }

    /// Sends what a channel has to be told next, if that is due.
    ///
    /// # Errors
    /// [`engine::Error::Index`]; what was sent is sent again.
    async fn step(self: &Arc<Self>, served: &Served, now: Timestamp) -> Result<Step, engine::Error> {
        {
            let state = served.state();
            if state.disabled.is_some() {
                return Ok(Step::Disabled);
            }
            if let Some(until) = state.not_before.filter(|until| *until > now) {
                return Ok(Step::Wait(Some(until)));
            }
        }
        let name = Arc::clone(&served.channel.route.name);
        let next = self.blocking(move |telling| telling.outbox.next(&name, now)).await?;
        let message = match next {
            Next::Wait(until) => return Ok(Step::Wait(until)),
            Next::Message(message) => message,
        };
        let letter = Letter { id: &message.id, notices: &message.notices, is_test: false, base: &self.base, now };
        let outcome = served.channel.send(&letter).await;
        served.heed(&outcome, now);
        let settled = outcome.clone();
        self.blocking(move |telling| telling.settle(&message, &settled, now)).await?;
        Ok(Step::Sent(outcome))
    }

    fn settle(&self, message: &Message, outcome: &Outcome, now: Timestamp) -> Result<(), engine::Error> {
        match outcome {
            Outcome::Taken(_) => self.outbox.delivered(message, now),
            Outcome::NotTaken { why, not_before } => {
                let fate = self.outbox.failed(message, why, now, *not_before)?;
                let (channel, id) = (&*message.channel, &*message.id);
                match fate {
                    Fate::Again(at) => {
                        let at = wire::time::render_timestamp(at);
                        tracing::warn!(channel, id, "a message was not taken: {why}; again at {at}");
                    }
                    Fate::Dead => tracing::error!(channel, id, "a message was given up: {why}"),
                }
                Ok(())
            }
            // The message waits for the next start.
            Outcome::Gone(said) => self.outbox.note_failure(&message.channel, said, now),
        }
    }

    async fn blocking<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce(&Self) -> Result<T, engine::Error> + Send + 'static,
    ) -> Result<T, engine::Error> {
        let telling = Arc::clone(self);
        let done = tokio::task::spawn_blocking(move || work(&telling)).await;
        done.expect("reading and writing the outbox does not panic")
    }
}

impl Served {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no panic under the lock")
    }

    /// Does as the receiver asks of all messages.
    fn heed(&self, outcome: &Outcome, now: Timestamp) {
        match outcome {
            Outcome::Gone(said) => {
                let why = format!("the receiver wants no more: it answered {said}");
                let channel = &*self.channel.route.name;
                tracing::error!(channel, "nothing is sent until the next start: {why}");
                self.state().disabled = Some(why);
            }
            Outcome::NotTaken { not_before: Some(at), .. } => {
                self.state().not_before = Some((*at).min(now.plus(PAUSE_MICROS_MAX)));
            }
            Outcome::Taken(_) | Outcome::NotTaken { .. } => {}
        }
    }
}

/// Serves every channel until the server stops; then messages under way are finished while that takes no longer than
/// requests may.
pub(crate) async fn run(app: App, telling: Arc<Telling>) {
    let mut serving = JoinSet::new();
    for index in 0..telling.channels.len() {
        serving.spawn(serve(app.clone(), Arc::clone(&telling), index));
    }
    stopped(&mut app.stopping()).await;
    let drained = async { while serving.join_next().await.is_some() {} };
    if tokio::time::timeout(app.settings().drain_timeout, drained).await.is_err() {
        // They are sent again after the next start, under the same ids.
        serving.shutdown().await;
    }
}

/// Serves one channel.
async fn serve(app: App, telling: Arc<Telling>, index: usize) {
    let served = &telling.channels[index];
    let mut stopping = app.stopping();
    while !*stopping.borrow() {
        let now = app.engine().now();
        let wait = match telling.step(served, now).await {
            Ok(Step::Sent(_)) => continue,
            Ok(Step::Disabled) => None,
            Ok(Step::Wait(until)) => Some(until.map_or(WAIT_MAX, |until| pause(now, until))),
            Err(error) => {
                let channel = &*served.channel.route.name;
                tracing::error!(channel, error = %chain(&error), "the outbox of notices can't be used for now");
                Some(BROKEN_WAIT)
            }
        };
        let waiting = async {
            match wait {
                Some(wait) => tokio::select! {
                    () = served.bell.notified() => {}
                    () = tokio::time::sleep(wait) => {}
                },
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = waiting => {}
            () = stopped(&mut stopping) => break,
        }
    }
}

/// How long to wait at `now` until `until`, and at most until the clock should be looked at again.
fn pause(now: Timestamp, until: Timestamp) -> Duration {
    let micros = u64::try_from(until.0.saturating_sub(now.0)).unwrap_or(0);
    Duration::from_micros(micros).min(WAIT_MAX)
}

#[cfg(test)]
impl Telling {
    /// One step of the channel of this name, which there is.
    pub(super) async fn step_of(self: &Arc<Self>, channel: &str, now: Timestamp) -> Result<Step, engine::Error> {
        let served = self.channels.iter().find(|served| *served.channel.route.name == *channel);
        self.step(served.expect("there is such a channel"), now).await
    }
}
