//! What the stages of one engine share.

use crate::feed::Feed;
use crate::follow::Noted;
use crate::history::History;
use crate::queue::Queue;
use crate::{Clock, Error, Histogram, Settings, Unavailable};
use ledger::Position;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::sync::{Mutex, RwLock, RwLockReadGuard};
use views::Views;

/// How an engine is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Health {
    /// It takes work.
    Working,
    /// The disk is full: it serves reads and takes work again when there is space.
    DiskFull,
    /// The disk failed: it serves reads until it is started again.
    DiskFailed,
    /// It is stopping.
    Stopping,
}

impl Health {
    const fn number(self) -> u8 {
        match self {
            Self::Working => 0,
            Self::DiskFull => 1,
            Self::DiskFailed => 2,
            Self::Stopping => 3,
        }
    }

    const fn of(number: u8) -> Self {
        match number {
            0 => Self::Working,
            1 => Self::DiskFull,
            2 => Self::DiskFailed,
            _ => Self::Stopping,
        }
    }

    /// Why work is refused; `None` when it is not.
    pub const fn refusal(self) -> Option<Unavailable> {
        match self {
            Self::Working => None,
            Self::DiskFull => Some(Unavailable::DiskFull),
            Self::DiskFailed => Some(Unavailable::DiskFailed),
            Self::Stopping => Some(Unavailable::Stopping),
        }
    }
}

/// Counters since the start. Any thread may read them.
#[derive(Default)]
pub struct Stats {
    /// Requests accepted.
    pub accepted: AtomicU64,
    /// Requests seen before.
    pub duplicates: AtomicU64,
    /// Requests held.
    pub held: AtomicU64,
    /// Requests refused.
    pub rejected: AtomicU64,
    /// Blocks made durable.
    pub blocks: AtomicU64,
    /// Bytes of records made durable.
    pub bytes: AtomicU64,
    /// From submission to acknowledgement, in microseconds, a number for each request.
    pub acknowledge_micros: Histogram,
    /// From submission to acknowledgement, since somebody last asked.
    pub acknowledge_micros_recent: Histogram,
    /// The durable write of a block, in microseconds.
    pub sync_micros: Histogram,
}

/// Hears of the last position after each commit.
type Observer = Box<dyn Fn(Position) + Send>;

pub(crate) struct Shared {
    pub(crate) directory: PathBuf,
    pub(crate) settings: Settings,
    pub(crate) clock: Clock,
    pub(crate) queue: Queue,
    pub(crate) views: RwLock<Views>,
    pub(crate) history: History,
    pub(crate) feed: Feed,
    pub(crate) noted: Noted,
    pub(crate) stats: Stats,
    health: AtomicU8,
    /// Counts failures: a block decided before the newest one must not be appended.
    pub(crate) generation: AtomicU64,
    pub(crate) committed: AtomicU64,
    observers: Mutex<Vec<Observer>>,
    problems: Mutex<Option<String>>,
}

impl Shared {
    pub(crate) fn new(directory: PathBuf, settings: Settings, clock: Clock, views: Views, history: History) -> Self {
        let position = views.position();
        Self {
            directory,
            settings,
            clock,
            queue: Queue::new(settings.queue_requests_max, settings.queue_bytes_max),
            views: RwLock::new(views),
            history,
            feed: Feed::after(position),
            noted: Noted::after(position),
            stats: Stats::default(),
            health: AtomicU8::new(Health::Working.number()),
            generation: AtomicU64::new(0),
            committed: AtomicU64::new(position.0),
            observers: Mutex::default(),
            problems: Mutex::default(),
        }
    }

    pub(crate) fn views(&self) -> RwLockReadGuard<'_, Views> {
        self.views.read().expect("folding a decision into the views cannot fail")
    }

    pub(crate) fn health(&self) -> Health {
        Health::of(self.health.load(Ordering::Acquire))
    }

    pub(crate) fn set_health(&self, health: Health) {
        self.health.store(health.number(), Ordering::Release);
    }

    /// Sets the health if it is still as it was; tells whether it did.
    pub(crate) fn change_health(&self, from: Health, to: Health) -> bool {
        let (from, to) = (from.number(), to.number());
        self.health.compare_exchange(from, to, Ordering::AcqRel, Ordering::Acquire).is_ok()
    }

    pub(crate) fn committed(&self) -> Position {
        Position(self.committed.load(Ordering::Acquire))
    }

    /// Calls `observer` with the last position after each commit; it must be quick and must not wait.
    pub(crate) fn observe(&self, observer: Observer) {
        self.observers.lock().expect("observers do not panic").push(observer);
    }

    pub(crate) fn notify(&self, position: Position) {
        for observer in self.observers.lock().expect("observers do not panic").iter() {
            observer(position);
        }
    }

    /// Keeps the newest problem that happened beside the flow, for health pages.
    pub(crate) fn report(&self, doing: &str, error: &Error) {
        let mut text = format!("{doing}: {error}");
        let mut source = std::error::Error::source(error);
        while let Some(cause) = source {
            text.push_str(": ");
            text.push_str(&cause.to_string());
            source = cause.source();
        }
        *self.problems.lock().expect("no panic under the lock") = Some(text);
    }

    pub(crate) fn problem(&self) -> Option<String> {
        self.problems.lock().expect("no panic under the lock").clone()
    }
}

pub(crate) fn to_journal(position: Position) -> journal::Position {
    journal::Position(position.0)
}

pub(crate) fn to_ledger(position: journal::Position) -> Position {
    Position(position.0)
}

/// The seed of hash tables, from the seed that the journal keeps.
pub(crate) fn table_seed(seed: [u8; 16]) -> u64 {
    let (half, _) = seed.split_first_chunk::<8>().expect("sixteen bytes hold eight");
    u64::from_le_bytes(*half)
}
