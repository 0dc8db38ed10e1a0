//! The repository of EPCIS events: an index of what partners captured, to be asked as the standard asks.
//!
//! [`start`] follows the journal's observations of the forms `epcis`, `epcis_capture` and `epcis_query` into an index;
//! whoever asks holds a [`Repository`]. It writes nothing to the journal: capturing, naming queries and telling
//! subscribers is for those who talk to partners.
//!
//! Invariant: what is answered at a position is a function of the journal up to there.

mod records;
mod search;
mod store;

pub use records::{CaptureError, CaptureJob, NamedQuery, QueryRecord, ScheduleFields, Subscription};
pub use search::{Mark, Page, Part, SearchError};
pub use store::{Facet, KeptEvent, KeptSubscription};

use engine::{Error, Follow, Follower, Handle, Observed, Progress};
use ledger::{Decision, Effect, Observation, Position};
use search::told as parsed;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use store::{EventRow, Rows, Store};
use wire::epcis::{Event, Limits, digital_link};
use wire::observation;

/// How far the index may go on without noting it when nothing in it changes.
const SAVE_ENTRIES: u64 = 100_000;
/// Events with one id that are answered; an event and what declares it wrong.
const SAME_ID_MAX: usize = 100;

/// Opens the index in `file`, made again from the journal when it can't be used, and keeps it up to date.
///
/// # Errors
/// [`Error::Index`], [`Error::Thread`].
pub fn start(file: &Path, engine: Handle) -> Result<(Follower, Repository), Error> {
    let indexer = Indexer::open(file, &engine)?;
    let store = Arc::clone(&indexer.store);
    let follower = Follower::start("epcis", engine, indexer)?;
    let progress = follower.progress();
    Ok((follower, Repository { store, progress }))
}

/// What whoever asks holds. Cheap to clone; any thread may use it, and waits for the disk.
#[derive(Clone)]
pub struct Repository {
    store: Arc<Store>,
    progress: Progress,
}

impl Repository {
    fn store(&self) -> &Store {
        &self.store
    }

    /// Up to where the index goes.
    pub fn position(&self) -> Position {
        self.progress.position()
    }

    /// Waits until what was recorded up to `position` can be found; `false` when `patience` ends before.
    pub fn wait_for(&self, position: Position, patience: Duration) -> bool {
        self.progress.wait_for(position, patience)
    }

    /// The events with this id, the oldest first, each with how it is kept: one, and what declares it wrong.
    ///
    /// # Errors
    /// [`Error::Index`].
    pub fn events(&self, id: &str) -> Result<Vec<(KeptEvent, Event)>, Error> {
        let kept = self.store.events(id, SAME_ID_MAX)?;
        Ok(kept.into_iter().filter_map(|kept| parsed(&kept).map(|event| (kept, event))).collect())
    }

    /// How the events with this id are kept, the oldest first.
    ///
    /// # Errors
    /// [`Error::Index`].
    pub fn kept(&self, id: &str) -> Result<Vec<KeptEvent>, Error> {
        self.store.events(id, SAME_ID_MAX)
    }

    /// The entries of stock that the event at `position` became, in their order.
    ///
    /// # Errors
    /// [`Error::Index`].
    pub fn booked(&self, position: Position) -> Result<Vec<Position>, Error> {
        self.store.booked(position)
    }

    /// Values of a facet after `after`, in order.
    ///
    /// # Errors
    /// [`Error::Index`].
    pub fn values(&self, facet: Facet, after: &str, limit: usize) -> Result<Vec<String>, Error> {
        self.store.values(facet, after, limit)
    }

    /// Whether any event has this value, in the spelling that [`Repository::values`] has.
    ///
    /// # Errors
    /// [`Error::Index`].
    pub fn has(&self, facet: Facet, value: &str) -> Result<bool, Error> {
        self.store.has(facet, value)
    }

    /// Captures recorded before `before`, the newest first, with the entries that tell of them.
    ///
    /// # Errors
    /// [`Error::Index`].
    pub fn jobs(&self, before: Position, limit: usize) -> Result<Vec<(Position, CaptureJob)>, Error> {
        self.store.jobs(before, limit)
    }

    /// The capture with this name.
    ///
    /// # Errors
    /// [`Error::Index`].
    pub fn job(&self, id: &str) -> Result<Option<CaptureJob>, Error> {
        self.store.job(id)
    }

    /// Named queries after `after`, by name.
    ///
    /// # Errors
    /// [`Error::Index`].
    pub fn queries(&self, after: &str, limit: usize) -> Result<Vec<NamedQuery>, Error> {
        self.store.queries(after, limit)
    }

    /// The query with this name.
    ///
    /// # Errors
    /// [`Error::Index`].
    pub fn query(&self, name: &str) -> Result<Option<NamedQuery>, Error> {
        self.store.query(name)
    }

    /// Subscriptions to a query, or to any, after `after`, by id.
    ///
    /// # Errors
    /// [`Error::Index`].
    pub fn subscriptions(
        &self,
        query: Option<&str>,
        after: &str,
        limit: usize,
    ) -> Result<Vec<KeptSubscription>, Error> {
        self.store.subscriptions(query, after, limit)
    }
}

/// An identifier in the spelling that the index has: the canonical Digital Link where it is GS1's.
pub fn canonical(id: &str) -> String {
    digital_link(id).unwrap_or_else(|| id.to_owned())
}

/// Keeps the index.
struct Indexer {
    store: Arc<Store>,
    position: Position,
    saved: Position,
}

impl Indexer {
    fn open(file: &Path, engine: &Handle) -> Result<Self, Error> {
        let (store, position) = Store::open(file, engine.journal_id(), engine.position())?;
        Ok(Self { store: Arc::new(store), position, saved: position })
    }
}

impl Follow for Indexer {
    fn position(&self) -> Position {
        self.position
    }

    fn take(&mut self, observed: Observed, _is_behind: bool) -> Result<(), Error> {
        let mut rows = Rows::default();
        for (position, entry) in &observed.entries {
            for effect in &entry.decision.effects {
                if let Effect::Observed(observation) = effect {
                    take(*position, &entry.decision, observation, &mut rows);
                }
            }
        }
        let position = observed.up_to.max(self.position);
        if !rows.is_empty() || position.0 - self.saved.0 >= SAVE_ENTRIES {
            self.store.write(&rows, position)?;
            self.saved = position;
        }
        self.position = position;
        Ok(())
    }

    fn finish(&mut self) -> Result<(), Error> {
        self.store.write(&Rows::default(), self.position)
    }
}

/// What can't be read is left out: whoever recorded it has checked it, and a later version may read it.
fn take(position: Position, decision: &Decision, observation: &Observation, rows: &mut Rows) {
    let Ok(text) = std::str::from_utf8(&observation.content) else { return };
    match &*observation.form {
        observation::EPCIS => {
            let read = wire::epcis::read(text.as_bytes(), &Limits::default());
            let event = read.document.and_then(|document| document.events.into_iter().next());
            rows.events.extend(event.and_then(|event| event_row(position, decision, &event, text)));
        }
        observation::EPCIS_CAPTURE => {
            if let Ok(job) = serde_json::from_str::<CaptureJob>(text) {
                rows.jobs.push((position, job, text.to_owned()));
            }
        }
        observation::EPCIS_QUERY => rows.queries.extend(serde_json::from_str::<QueryRecord>(text)),
        _ => {}
    }
}

fn event_row(position: Position, decision: &Decision, event: &Event, text: &str) -> Option<EventRow> {
    let owned = |text: Option<&str>| text.map(str::to_owned);
    let hash = event.hash();
    Some(EventRow {
        event_id: event.event_id().map_or_else(|| hash.clone(), str::to_owned),
        event_time: event.event_time()?.micros,
        event_type: event.type_name().to_owned(),
        biz_step: owned(event.biz_step()),
        disposition: owned(event.disposition()),
        read_point: event.read_point().map(canonical),
        biz_location: event.biz_location().map(canonical),
        epcs: event.identifiers(),
        kept: KeptEvent {
            position,
            recorded_at: decision.recorded_at,
            hash,
            declares_error: event.error_declaration().is_some(),
            body: text.to_owned(),
        },
    })
}
