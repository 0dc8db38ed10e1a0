//! What the disk can do: the same bytes in blocks of the same size, each durable before the next.

use super::Scale;
use super::figure::quantile;
use crate::clock::Stopwatch;
use anyhow::{Context, Result};
use std::os::unix::fs::FileExt;

/// What durable writes cost.
pub(super) struct Cost {
    pub(super) seconds: f64,
    pub(super) sync_p99_micros: f64,
}

/// Writes `bytes` to a file that has its space already, in blocks of `block_bytes`.
///
/// # Errors
/// The disk fails.
pub(super) fn write(scale: &Scale, bytes: u64, block_bytes: u64) -> Result<Cost> {
    let file = tempfile::tempfile_in(&scale.directory).context("making a file")?;
    let block_bytes = block_bytes.clamp(512, 16 << 20);
    let block = vec![0x5a; usize::try_from(block_bytes).context("a block fits in memory")?];
    let count = bytes.div_ceil(block_bytes).max(1);
    // Zeros written beforehand, as in the journal: a growing file would cost metadata at each sync.
    let zeros = vec![0; 1 << 20];
    let mut at = 0;
    while at < count * block_bytes {
        file.write_all_at(&zeros, at)?;
        at += 1 << 20;
    }
    file.sync_all()?;
    let mut syncs = Vec::new();
    let begun = Stopwatch::start();
    for index in 0..count {
        let one = Stopwatch::start();
        file.write_all_at(&block, index * block_bytes)?;
        file.sync_data()?;
        syncs.push(u64::try_from(one.elapsed().as_micros()).unwrap_or(u64::MAX));
    }
    let seconds = begun.seconds();
    Ok(Cost { seconds, sync_p99_micros: quantile(&mut syncs, 990) })
}
