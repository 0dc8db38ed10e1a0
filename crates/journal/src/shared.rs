//! What the writer publishes and readers look at: never anything that is not durable.

use std::sync::{
    Arc, Mutex, MutexGuard, RwLock, RwLockReadGuard, RwLockWriteGuard,
    atomic::{AtomicU64, Ordering},
};

use crate::{
    format::{BlockHeader, Hash, Identity, Position, SegmentHeader, bytes_of},
    index::{MarkCache, Marks},
};

/// Where the durable part ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct End {
    pub(crate) position: Position,
    pub(crate) hash: Hash,
    /// `i64::MIN` before the first block.
    pub(crate) stamp: i64,
    /// In the last segment.
    pub(crate) offset: u64,
}

impl End {
    /// The end of a segment without blocks.
    pub(crate) fn of_empty(header: &SegmentHeader) -> Self {
        Self {
            position: header.first_position.before(),
            hash: header.previous_hash,
            stamp: header.previous_stamp,
            offset: bytes_of(crate::format::SEGMENT_HEADER_BYTES),
        }
    }

    /// The end after one more block.
    pub(crate) fn after(&self, block: &BlockHeader, hash: Hash) -> Self {
        let offset = self.offset + bytes_of(block.block_bytes());
        Self { position: block.last_position(), hash, stamp: block.stamp, offset }
    }
}

/// The durable part of a journal.
#[derive(Debug)]
pub(crate) struct Extent {
    /// Oldest first; never empty.
    pub(crate) segments: Vec<SegmentHeader>,
    pub(crate) end: End,
    /// Of the last segment.
    pub(crate) last_marks: Marks,
}

/// The part of a segment that may be read.
#[derive(Debug, Clone, Copy)]
pub(crate) struct View {
    pub(crate) segment: SegmentHeader,
    pub(crate) sealed: bool,
    /// The last durable position in it; before its first position if it has none.
    pub(crate) last_position: Position,
    /// The stamp of the last block in it.
    pub(crate) last_stamp: i64,
    pub(crate) limit: u64,
}

impl Extent {
    pub(crate) fn view(&self, index: usize) -> View {
        let segment = self.segments[index];
        match self.segments.get(index + 1) {
            Some(next) => View {
                segment,
                sealed: true,
                last_position: next.first_position.before(),
                last_stamp: next.previous_stamp,
                limit: segment.file_length,
            },
            None => View {
                segment,
                sealed: false,
                last_position: self.end.position,
                last_stamp: self.end.stamp,
                limit: self.end.offset,
            },
        }
    }

    /// The segment that has or will have a position; `None` if it is before the first.
    pub(crate) fn view_of(&self, position: Position) -> Option<View> {
        let after = self.segments.partition_point(|segment| segment.first_position <= position);
        after.checked_sub(1).map(|index| self.view(index))
    }

    pub(crate) fn first_position(&self) -> Position {
        self.segments[0].first_position
    }
}

/// Shared by a writer and its readers.
pub(crate) struct Shared<D> {
    pub(crate) disk: D,
    pub(crate) identity: Identity,
    durable_end: AtomicU64,
    extent: RwLock<Extent>,
    marks: Mutex<MarkCache>,
}

impl<D> Shared<D> {
    pub(crate) fn new(disk: D, identity: Identity, extent: Extent) -> Arc<Self> {
        let durable_end = AtomicU64::new(extent.end.position.0);
        Arc::new(Self { disk, identity, durable_end, extent: RwLock::new(extent), marks: Mutex::default() })
    }

    pub(crate) fn extent(&self) -> RwLockReadGuard<'_, Extent> {
        self.extent.read().expect("nothing panics while it changes the extent")
    }

    pub(crate) fn extent_mut(&self) -> RwLockWriteGuard<'_, Extent> {
        self.extent.write().expect("nothing panics while it changes the extent")
    }

    pub(crate) fn marks(&self) -> MutexGuard<'_, MarkCache> {
        self.marks.lock().expect("nothing panics while it changes the marks")
    }

    pub(crate) fn durable_end(&self) -> Position {
        Position(self.durable_end.load(Ordering::Acquire))
    }

    /// Shows a block that has just become durable in the last segment.
    pub(crate) fn publish(&self, block: &BlockHeader, end: End) {
        let mut extent = self.extent_mut();
        let offset = extent.end.offset;
        extent.last_marks.note(block, offset);
        extent.end = end;
        drop(extent);
        self.durable_end.store(end.position.0, Ordering::Release);
    }

    /// Shows a segment that has just become durable with its first block.
    pub(crate) fn publish_segment(&self, segment: SegmentHeader, block: &BlockHeader, end: End) {
        let mut extent = self.extent_mut();
        let sealed = extent.segments.last().expect("a journal has at least one segment").number;
        let mut marks = Marks::default();
        marks.note(block, bytes_of(crate::format::SEGMENT_HEADER_BYTES));
        let sealed_marks = std::mem::replace(&mut extent.last_marks, marks);
        self.marks().put(sealed, Arc::new(sealed_marks));
        extent.segments.push(segment);
        extent.end = end;
        drop(extent);
        self.durable_end.store(end.position.0, Ordering::Release);
    }
}
