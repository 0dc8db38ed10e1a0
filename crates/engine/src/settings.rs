//! What the owner of an engine decides: sizes, limits, and where the time comes from.

use ledger::{Limits, Timestamp};
use std::sync::Arc;

/// Where the engine gets the time.
#[derive(Clone)]
pub struct Clock {
    now: Arc<dyn Fn() -> Timestamp + Send + Sync>,
    stopwatch: Arc<dyn Fn() -> u64 + Send + Sync>,
}

impl Clock {
    /// A clock that asks `now` for the time, which may jump: entries never go back in time whatever it says; and
    /// `stopwatch` for microseconds since some moment, which should not.
    pub fn new(
        now: impl Fn() -> Timestamp + Send + Sync + 'static,
        stopwatch: impl Fn() -> u64 + Send + Sync + 'static,
    ) -> Self {
        Self { now: Arc::new(now), stopwatch: Arc::new(stopwatch) }
    }

    /// A clock that takes durations from `now` too; for simulations and tests.
    pub fn simulated(now: impl Fn() -> Timestamp + Send + Sync + 'static) -> Self {
        let now = Arc::new(now);
        let same = Arc::clone(&now);
        Self { now, stopwatch: Arc::new(move || same().0.max(0).cast_unsigned()) }
    }

    /// The time.
    pub fn now(&self) -> Timestamp {
        (self.now)()
    }

    /// Microseconds since some moment, for durations.
    pub fn stopwatch_micros(&self) -> u64 {
        (self.stopwatch)()
    }
}

/// Sizes and limits of an engine.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// The settings of the ledger's rules.
    pub limits: Limits,
    /// Requests that may wait to be decided; more are refused.
    pub queue_requests_max: usize,
    /// Bytes of requests that may wait to be decided; more are refused. One batch is taken whatever its size.
    pub queue_bytes_max: usize,
    /// Bytes of a block past which it is closed.
    pub block_bytes: usize,
    /// The length of new journal segments, in bytes.
    pub segment_bytes: u64,
    /// Entries after which a snapshot is taken beside the running engine.
    pub snapshot_every: u64,
    /// Postings that the history index keeps in memory before it writes them to disk.
    pub history_tail_rows: usize,
}

impl Default for Settings {
    /// A million requests or 256 MiB may wait; blocks of 256 KiB; segments of 64 MiB; a snapshot every eight million
    /// entries; a million postings in memory.
    fn default() -> Self {
        Self {
            limits: Limits::default(),
            queue_requests_max: 1 << 20,
            queue_bytes_max: 256 << 20,
            block_bytes: 256 << 10,
            segment_bytes: 64 << 20,
            snapshot_every: 8_000_000,
            history_tail_rows: 1_000_000,
        }
    }
}
