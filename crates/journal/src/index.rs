//! Where blocks begin: a mark for about every 64 KiB of a segment.
//!
//! Marks are made when somebody first asks for a segment and kept for those asked for last, so that opening a
//! journal costs one header a segment, and memory stays bounded whatever the journal's size.

use std::{collections::HashMap, sync::Arc};

use crate::{
    disk::DiskFile,
    error::{Damage, Error},
    format::{BlockHeader, Position, SEGMENT_HEADER_BYTES, bytes_of},
    window::Window,
};

/// Bytes from one mark to the next, or one block if that is longer.
const MARK_EVERY_BYTES: u64 = 64 << 10;
/// Marks that are kept of sealed segments: 16 MiB of them.
const MARKS_MAX: usize = (16 << 20) / size_of::<Mark>();

/// The beginning of a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Mark {
    pub(crate) first_position: Position,
    pub(crate) stamp: i64,
    pub(crate) offset: u64,
}

/// The marks of one segment, ascending; the first is its first block.
#[derive(Debug, Clone, Default)]
pub(crate) struct Marks(Vec<Mark>);

impl Marks {
    /// Notes a block, if it is far enough from the one noted last.
    pub(crate) fn note(&mut self, header: &BlockHeader, offset: u64) {
        let near = self.0.last().is_some_and(|last| offset - last.offset < MARK_EVERY_BYTES);
        if !near {
            self.0.push(Mark { first_position: header.first_position, stamp: header.stamp, offset });
        }
    }

    /// Returns the last mark at or before a position.
    pub(crate) fn at_position(&self, position: Position) -> Option<Mark> {
        let after = self.0.partition_point(|mark| mark.first_position <= position);
        after.checked_sub(1).map(|index| self.0[index])
    }

    /// Returns the last mark whose stamp is not after the given one.
    pub(crate) fn at_stamp(&self, stamp: i64) -> Option<Mark> {
        let after = self.0.partition_point(|mark| mark.stamp <= stamp);
        after.checked_sub(1).map(|index| self.0[index])
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }
}

/// Makes the marks of a sealed segment from its block headers alone, up to its last position.
pub(crate) fn mark_segment<F: DiskFile>(
    window: &mut Window<F>,
    first: Position,
    last: Position,
    salt: u32,
) -> Result<Marks, Error> {
    let mut marks = Marks::default();
    let mut offset = bytes_of(SEGMENT_HEADER_BYTES);
    let mut expected = first;
    while expected <= last {
        let header = window.header(offset, salt)?.map_err(|reason| window.damaged(offset, reason))?;
        if header.first_position != expected {
            let found = header.first_position;
            return Err(window.damaged(offset, Damage::PositionGap { expected, found }));
        }
        marks.note(&header, offset);
        offset += bytes_of(header.block_bytes());
        expected = header.next_position();
    }
    Ok(marks)
}

/// The marks of the sealed segments that were asked for last.
#[derive(Debug, Default)]
pub(crate) struct MarkCache {
    kept: HashMap<u64, (u64, Arc<Marks>)>,
    count: usize,
    clock: u64,
}

impl MarkCache {
    pub(crate) fn get(&mut self, segment: u64) -> Option<Arc<Marks>> {
        self.clock += 1;
        let (used_at, marks) = self.kept.get_mut(&segment)?;
        *used_at = self.clock;
        Some(Arc::clone(marks))
    }

    pub(crate) fn put(&mut self, segment: u64, marks: Arc<Marks>) {
        self.clock += 1;
        self.count += marks.len();
        if let Some((_, replaced)) = self.kept.insert(segment, (self.clock, marks)) {
            self.count -= replaced.len();
        }
        while self.count > MARKS_MAX && self.kept.len() > 1 {
            let oldest = self.kept.iter().min_by_key(|(_, (used_at, _))| *used_at).map(|(segment, _)| *segment);
            self.forget(oldest.expect("there is more than one"));
        }
    }

    pub(crate) fn forget(&mut self, segment: u64) {
        if let Some((_, marks)) = self.kept.remove(&segment) {
            self.count -= marks.len();
        }
    }
}
