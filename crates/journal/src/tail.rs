//! Where the last segment ends, and whether what lies behind its last whole block is a torn tail or damage.
//!
//! Appends go one at a time, each into zeros that were durable before, and the next begins only when the one
//! before is durable. So at most the last block can be torn, and behind it there are zeros. From this follow the two signs
//! of damage: a block header behind the place that can't be read, or any byte further away than one block
//! reaches. Without such a sign the bytes are the remains of an append that nobody was told about.
//!
//! A flipped bit in the very last block looks the same as a torn append; so does its loss. That is
//! what a copy elsewhere is for.

use std::sync::Arc;

use crate::{
    disk::DiskFile,
    error::{Damage, Error},
    format::{
        BLOCK_HEADER_BYTES, BLOCK_MAGIC, Hash, MAX_PAYLOAD_BYTES, Position, SegmentHeader, block_bytes, block_hash,
        bytes_of,
    },
    index::Marks,
    recovery::Progress,
    shared::End,
    window::{CHUNK_BYTES, HOP_BYTES, Window},
};

/// What lies behind the last whole block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tail {
    /// Zeros only.
    Clean,
    /// The remains of an append, up to this offset; behind it zeros only.
    Torn { until: u64 },
}

/// What a walk over the last segment found.
#[derive(Debug)]
pub(crate) struct Scanned {
    pub(crate) end: End,
    pub(crate) marks: Marks,
    pub(crate) tail: Tail,
    /// Where the last block begins, if there is one.
    pub(crate) last_block: Option<u64>,
}

/// Walks over all blocks of the last segment and checks everything about them.
///
/// # Errors
/// [`Error::Disk`] if it can't be read; [`Error::Damaged`].
pub(crate) fn scan_last_segment<F: DiskFile>(
    file: &Arc<F>,
    path: &std::path::Path,
    segment: &SegmentHeader,
    progress: &mut dyn FnMut(Progress),
) -> Result<Scanned, Error> {
    let salt = segment.identity.salt();
    let mut window = Window::new(Arc::clone(file), path.to_path_buf(), segment.file_length, CHUNK_BYTES);
    let mut end = End::of_empty(segment);
    let mut marks = Marks::default();
    let mut last_block = None;
    let reason = loop {
        progress(Progress { bytes_done: end.offset, bytes_total: segment.file_length });
        let header = match window.block(end.offset, salt)? {
            Ok(header) => header,
            Err(reason) => break reason,
        };
        check_follows(&end, header.first_position, header.previous_hash, header.stamp)
            .map_err(|reason| window.damaged(end.offset, reason))?;
        let hash = block_hash(window.bytes(end.offset, BLOCK_HEADER_BYTES + header.payload_bytes())?);
        marks.note(&header, end.offset);
        last_block = Some(end.offset);
        end = end.after(&header, hash);
    };
    // A segment gets its name only when its first block is durable; the first of all is made without.
    let block_missing = last_block.is_none() && segment.number > 0;
    if block_missing {
        return Err(window.damaged(end.offset, reason));
    }
    let tail = judge_tail(&mut window, &end, salt, reason)?;
    progress(Progress { bytes_done: segment.file_length, bytes_total: segment.file_length });
    Ok(Scanned { end, marks, tail, last_block })
}

/// Checks that a block follows from all before it.
pub(crate) fn check_follows(end: &End, first: Position, previous: Hash, stamp: i64) -> Result<(), Damage> {
    let expected = end.position.plus(1);
    if first != expected {
        return Err(Damage::PositionGap { expected, found: first });
    }
    if previous != end.hash {
        return Err(Damage::PreviousHash { expected: end.hash, found: previous });
    }
    if stamp < end.stamp { Err(Damage::Stamp) } else { Ok(()) }
}

/// Tells a torn tail from damage, given that no whole block is at the end.
fn judge_tail<F: DiskFile>(window: &mut Window<F>, end: &End, salt: u32, reason: Damage) -> Result<Tail, Error> {
    let limit = window.limit();
    let torn_bytes = match window.header(end.offset, salt)? {
        Ok(header) => {
            check_follows(end, header.first_position, header.previous_hash, header.stamp)
                .map_err(|reason| window.damaged(end.offset, reason))?;
            header.block_bytes()
        }
        Err(_) => block_bytes(MAX_PAYLOAD_BYTES),
    };
    let torn_until = limit.min(end.offset + bytes_of(torn_bytes));
    let remains = find_remains(window, end.offset, end.position.plus(1), salt)?;
    let later_block = remains.later_block.is_some();
    if later_block || remains.until > torn_until.next_multiple_of(8) {
        let reason = if reason == Damage::Zeroed && !later_block { Damage::BytesAfterEnd } else { reason };
        return Err(window.damaged(end.offset, reason));
    }
    let torn = remains.until > end.offset;
    Ok(if torn { Tail::Torn { until: remains.until.min(limit) } } else { Tail::Clean })
}

/// What lies behind the last whole block of a segment.
pub(crate) struct Remains {
    /// Where the first block begins whose header can be read and whose position is greater.
    pub(crate) later_block: Option<u64>,
    /// The end of the last eight bytes that are not all zeros; where the search began if there are none, or not looked
    /// for if a later block was found.
    pub(crate) until: u64,
}

/// Looks for a later block and for other bytes than zeros, from an offset to the window's limit.
pub(crate) fn find_remains<F: DiskFile>(
    window: &mut Window<F>,
    from: u64,
    position: Position,
    salt: u32,
) -> Result<Remains, Error> {
    let mut headers = window.beside(HOP_BYTES);
    let mut remains = Remains { later_block: None, until: from };
    let mut offset = from;
    while offset < window.limit() {
        let bytes = window.bytes(offset, CHUNK_BYTES)?;
        if bytes.is_empty() {
            break;
        }
        for (index, word) in bytes.chunks(8).enumerate() {
            if word.iter().all(|byte| *byte == 0) {
                continue;
            }
            let at = offset + bytes_of(index * 8);
            remains.until = at + 8;
            let may_be_header = word.starts_with(&BLOCK_MAGIC.to_le_bytes());
            if may_be_header && headers.header(at, salt)?.is_ok_and(|header| header.first_position > position) {
                remains.later_block = Some(at);
                return Ok(remains);
            }
        }
        offset += bytes_of(bytes.len());
    }
    Ok(remains)
}
