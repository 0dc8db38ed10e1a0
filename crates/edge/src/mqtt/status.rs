//! How a client is: counters, and the newest problem.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use tokio::sync::watch;

/// How a client is. Shared between the client and whoever shows it.
#[derive(Debug, Default)]
pub struct Status {
    is_connected: AtomicBool,
    received: AtomicU64,
    acknowledged: AtomicU64,
    recorded: AtomicU64,
    duplicates: AtomicU64,
    held: AtomicU64,
    unmatched: AtomicU64,
    retries: AtomicU64,
    connections: AtomicU64,
    in_flight: AtomicU64,
    problem: Mutex<Option<String>>,
    changes: watch::Sender<()>,
}

/// The counters at one moment; all but `in_flight` since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Messages that arrived, repeated ones too.
    pub received: u64,
    /// Messages that were acknowledged, or needed no acknowledgement and are done with.
    pub acknowledged: u64,
    /// Things in them that were recorded.
    pub recorded: u64,
    /// Things in them that had been recorded before.
    pub duplicates: u64,
    /// Things in them that went to the held list.
    pub held: u64,
    /// Messages whose topic no template reads.
    pub unmatched: u64,
    /// Times that a message had to wait because the intake was full or down.
    pub retries: u64,
    /// Connections that stood, subscriptions and all.
    pub connections: u64,
    /// Messages that wait for their acknowledgement now.
    pub in_flight: u64,
}

impl Counters {
    /// Connections after the first.
    pub const fn reconnects(&self) -> u64 {
        self.connections.saturating_sub(1)
    }
}

/// What is counted.
#[derive(Clone, Copy, Debug)]
pub(super) enum Count {
    Received,
    Acknowledged,
    Unmatched,
    Retries,
    Connections,
}

impl Status {
    /// Whether the connection stands and the subscriptions are made.
    pub fn is_connected(&self) -> bool {
        self.is_connected.load(Ordering::Acquire)
    }

    /// The counters now.
    pub fn counters(&self) -> Counters {
        let of = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Counters {
            received: of(&self.received),
            acknowledged: of(&self.acknowledged),
            recorded: of(&self.recorded),
            duplicates: of(&self.duplicates),
            held: of(&self.held),
            unmatched: of(&self.unmatched),
            retries: of(&self.retries),
            connections: of(&self.connections),
            in_flight: of(&self.in_flight),
        }
    }

    /// What is wrong now, in words; `None` while all is well.
    pub fn problem(&self) -> Option<String> {
        self.problem.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Follows the changes: wakes whenever something of this may be another.
    pub fn changes(&self) -> watch::Receiver<()> {
        self.changes.subscribe()
    }

    pub(super) fn set_problem(&self, problem: Option<String>) {
        *self.problem.lock().unwrap_or_else(PoisonError::into_inner) = problem;
        self.changes.send_replace(());
    }

    pub(super) fn set_connected(&self, is_connected: bool) {
        self.is_connected.store(is_connected, Ordering::Release);
        self.changes.send_replace(());
    }

    pub(super) fn set_in_flight(&self, count: usize) {
        self.in_flight.store(u64::try_from(count).unwrap_or(u64::MAX), Ordering::Relaxed);
        self.changes.send_replace(());
    }

    pub(super) fn count(&self, what: Count) {
        let counter = match what {
            Count::Received => &self.received,
            Count::Acknowledged => &self.acknowledged,
            Count::Unmatched => &self.unmatched,
            Count::Retries => &self.retries,
            Count::Connections => &self.connections,
        };
        counter.fetch_add(1, Ordering::Relaxed);
        self.changes.send_replace(());
    }

    pub(super) fn count_taken(&self, taken: super::Taken) {
        let add = |counter: &AtomicU64, number: usize| {
            counter.fetch_add(u64::try_from(number).unwrap_or_default(), Ordering::Relaxed);
        };
        add(&self.recorded, taken.recorded);
        add(&self.duplicates, taken.duplicates);
        add(&self.held, taken.held);
        self.changes.send_replace(());
    }
}
