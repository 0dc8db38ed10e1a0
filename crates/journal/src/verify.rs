//! Reading everything and checking everything.

use crate::{
    blocks::Verify,
    disk::Disk,
    error::Error,
    format::{Hash, Position},
    reader::Reader,
    recovery::Progress,
};

/// What a whole, intact journal has in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Report {
    /// The first position; one after the last if there is no entry.
    pub first_position: Position,
    /// The last position: the durable end when verifying began.
    pub last_position: Position,
    /// The hash of the last block; zeros if there is none.
    pub last_hash: Hash,
    /// Blocks.
    pub block_count: u64,
    /// Entries.
    pub entry_count: u64,
    /// Bytes of payload.
    pub payload_bytes: u64,
    /// Segment files when verifying began.
    pub segment_count: usize,
}

/// Reads all blocks, and checks all checksums, positions, stamps and the whole chain, also that it ends in the hash
/// that the next append builds on.
///
/// # Errors
/// [`Error::Damaged`] at the first place that is not as it must be, [`Error::Removed`] if retention overtakes,
/// [`Error::Disk`].
pub fn verify<D: Disk>(reader: &Reader<D>, progress: &mut dyn FnMut(Progress)) -> Result<Report, Error> {
    let (segments, end) = {
        let extent = reader.shared.extent();
        (extent.segments.clone(), extent.end)
    };
    let sealed_bytes: u64 = segments.iter().rev().skip(1).map(|segment| segment.file_length).sum();
    let bytes_total = sealed_bytes + end.offset;
    let first_position = segments[0].first_position;
    let mut report = Report {
        first_position,
        last_position: first_position.before(),
        last_hash: segments[0].previous_hash,
        block_count: 0,
        entry_count: 0,
        payload_bytes: 0,
        segment_count: segments.len(),
    };
    let mut segment = first_position;
    let mut bytes_before = 0;
    let mut blocks = reader.blocks_verified(first_position, Verify::Chain);
    while report.last_position < end.position {
        let block = blocks.next().expect("blocks reach the durable end")?;
        if block.segment != segment {
            bytes_before += segments.iter().find(|one| one.first_position == segment).map_or(0, |one| one.file_length);
            segment = block.segment;
        }
        report.block_count += 1;
        report.entry_count += u64::from(block.count);
        report.payload_bytes += crate::format::bytes_of(block.payload.len());
        report.last_position = block.last_position();
        report.last_hash = blocks.last_hash().expect("the chain is verified and a block was read");
        let bytes_done = bytes_before + block.offset.0 + block.length_bytes();
        progress(Progress { bytes_done: bytes_done.min(bytes_total), bytes_total });
    }
    if report.last_position == end.position && report.last_hash != end.hash {
        let reason = crate::error::Damage::PreviousHash { expected: end.hash, found: report.last_hash };
        let last = segments.last().expect("a journal has at least one segment");
        let file = reader.shared.disk.path(&crate::format::segment_name(last.first_position));
        return Err(Error::damaged(file, end.offset, reason));
    }
    progress(Progress { bytes_done: bytes_total, bytes_total });
    Ok(report)
}
