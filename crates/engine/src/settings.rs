//! What the owner of an engine decides: sizes, limits, and where the time comes from.

use ledger::{Limits, Timestamp};
use std::sync::Arc;

/// Where the engine gets the time. It need not be monotonic: entries never go back in time whatever it says.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

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
    /// A million requests or 256 MiB may wait; blocks of 256 KiB; segments of 64 MiB; a snapshot every four million
    /// entries; a million postings in memory.
    fn default() -> Self {
        Self {
            limits: Limits::default(),
            queue_requests_max: 1 << 20,
            queue_bytes_max: 256 << 20,
            block_bytes: 256 << 10,
            segment_bytes: 64 << 20,
            snapshot_every: 4_000_000,
            history_tail_rows: 1_000_000,
        }
    }
}
