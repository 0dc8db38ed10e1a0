//! Reading what is durable, beside the writer or without one.

use std::sync::Arc;

use crate::{
    blocks::{Block, Blocks, Verify},
    disk::{Access, Disk},
    error::Error,
    format::{Hash, Position, bytes_of, segment_name},
    index::{Mark, Marks, mark_segment},
    segment::{identity_of, load_segments, open_segment},
    shared::{Extent, Shared, View},
    tail::scan_last_segment,
    window::{HOP_BYTES, Window},
};

/// Tries at a directory that somebody is writing to.
const READ_ONLY_TRIES: usize = 5;

/// Reads blocks; any number of them may, from any thread, while a writer appends.
pub struct Reader<D> {
    pub(crate) shared: Arc<Shared<D>>,
}

impl<D> Clone for Reader<D> {
    fn clone(&self) -> Self {
        Self { shared: Arc::clone(&self.shared) }
    }
}

impl<D: Disk> Reader<D> {
    pub(crate) fn new(shared: Arc<Shared<D>>) -> Self {
        Self { shared }
    }

    /// Opens a journal for reading alone: takes no lock, writes nothing, and sees the blocks that are there now.
    ///
    /// Stops before a torn tail. On a directory that somebody writes to, the last block may be one that is not yet durable.
    ///
    /// # Errors
    /// [`Error::UnfinishedCopy`], [`Error::NewerFormat`], [`Error::Damaged`], [`Error::NoJournal`], [`Error::Disk`].
    pub fn open_read_only(disk: D) -> Result<Self, Error> {
        let mut tries = 1;
        loop {
            match Self::try_open_read_only(disk.clone()) {
                // A block in the midst of being written looks like damage once the next one is there, and
                // retention may remove a file that was just listed.
                Err(Error::Damaged { .. } | Error::Disk { .. }) if tries < READ_ONLY_TRIES => tries += 1,
                other => return other,
            }
        }
    }

    fn try_open_read_only(disk: D) -> Result<Self, Error> {
        let segments = load_segments(&disk)?;
        let Some(last) = segments.last() else {
            return Err(Error::NoJournal { directory: disk.path("") });
        };
        let file = open_segment(&disk, last.first_position, Access::Read)?;
        let path = disk.path(&segment_name(last.first_position));
        let scanned = scan_last_segment(&file, &path, last, &mut |_| {})?;
        let identity = identity_of(&segments);
        let extent = Extent { segments, end: scanned.end, last_marks: scanned.marks };
        Ok(Self::new(Shared::new(disk, identity, extent)))
    }

    /// Returns the last durable position; 0 if there is none. Costs one atomic load.
    #[must_use]
    pub fn durable_end(&self) -> Position {
        self.shared.durable_end()
    }

    /// Returns the last durable position and the hash of its block, which belong together.
    #[must_use]
    pub fn durable_end_and_hash(&self) -> (Position, Hash) {
        let end = self.shared.extent().end;
        (end.position, end.hash)
    }

    /// Returns the stamp of the last durable block; `None` if there never was one.
    #[must_use]
    pub fn last_stamp(&self) -> Option<i64> {
        let end = self.shared.extent().end;
        (end.position > Position::NOTHING).then_some(end.stamp)
    }

    /// Returns the first position that retention has not removed; one after the last if there is no entry.
    #[must_use]
    pub fn first_position(&self) -> Position {
        self.shared.extent().first_position()
    }

    /// Returns the random bytes that the journal was created with.
    #[must_use]
    pub fn seed(&self) -> [u8; 16] {
        self.shared.identity.seed
    }

    /// Returns what names the journal; the same in all its copies.
    #[must_use]
    pub fn journal_id(&self) -> [u8; 16] {
        self.shared.identity.id
    }

    /// Returns the blocks from the one that contains a position up to the durable end, checksums verified.
    ///
    /// Position 0 is the same as 1. The iterator ends at the durable end, and goes on when asked again after more was
    /// appended. A position that was removed gives [`Error::Removed`]. After any error it gives nothing more.
    pub fn blocks(&self, from: Position) -> Blocks<D> {
        self.blocks_verified(from, Verify::Checksums)
    }

    /// Does what [`Reader::blocks`] does, and verifies as much as is asked for.
    pub fn blocks_verified(&self, from: Position, verify: Verify) -> Blocks<D> {
        Blocks::new(self.clone(), from.max(Position::FIRST), verify)
    }

    /// Returns the block that contains a position; `None` for 0 and beyond the durable end.
    ///
    /// # Errors
    /// [`Error::Removed`], [`Error::Damaged`], [`Error::Disk`].
    pub fn block_containing(&self, position: Position) -> Result<Option<Block>, Error> {
        if position == Position::NOTHING {
            return Ok(None);
        }
        Blocks::one(self.clone(), position).next().transpose()
    }

    /// Returns the hash of the block that ends at a position; `None` if none does, or retention has removed the one
    /// after it too. Reads one block header, no payload.
    ///
    /// # Errors
    /// [`Error::Damaged`], [`Error::Disk`].
    pub fn hash_at(&self, position: Position) -> Result<Option<Hash>, Error> {
        let next = position.plus(1);
        let view = {
            let extent = self.shared.extent();
            if position == extent.end.position {
                return Ok(Some(extent.end.hash));
            }
            extent.view_of(next).filter(|_| position < extent.end.position)
        };
        let Some(view) = view else {
            return Ok(None);
        };
        if next == view.segment.first_position {
            return Ok(Some(view.segment.previous_hash));
        }
        let mark = self.marks(&view)?.at_position(next).expect("a segment's first block is marked");
        let mut hash = None;
        self.hop(&mut self.window(&view)?, mark, |header| {
            hash = (header.first_position == next).then_some(header.previous_hash);
            header.last_position() >= next
        })?;
        Ok(hash)
    }

    /// Returns the last position whose block's stamp is not after the given one; one before the first position
    /// that is left if all are after it. Blocks of equal stamp belong together.
    ///
    /// # Errors
    /// [`Error::Removed`] if retention overtakes, [`Error::Damaged`], [`Error::Disk`].
    pub fn position_at_stamp(&self, stamp: i64) -> Result<Position, Error> {
        let view = {
            let extent = self.shared.extent();
            let after = (0..extent.segments.len()).map(|index| extent.view(index)).find(|view| view.last_stamp > stamp);
            match after {
                Some(view) if view.last_position >= view.segment.first_position => view,
                _ => return Ok(extent.end.position),
            }
        };
        // The answer is in this segment, or just before it.
        let Some(mark) = self.marks(&view)?.at_stamp(stamp) else {
            return Ok(view.segment.first_position.before());
        };
        let mut window = self.window(&view)?;
        self.hop(&mut window, mark, |header| header.stamp > stamp).map(|(_, first)| first.before())
    }

    /// Opens a segment for hopping over headers.
    pub(crate) fn window(&self, view: &View) -> Result<Window<D::File>, Error> {
        let first = view.segment.first_position;
        let opened = open_segment(&self.shared.disk, first, Access::Read);
        let file = opened.map_err(|error| self.removed_meanwhile(first, error))?;
        let path = self.shared.disk.path(&segment_name(first));
        Ok(Window::new(file, path, view.limit, HOP_BYTES))
    }

    fn removed_meanwhile(&self, position: Position, error: Error) -> Error {
        let first = self.first_position();
        if position < first { Error::Removed { position, first } } else { error }
    }

    pub(crate) fn marks(&self, view: &View) -> Result<Arc<Marks>, Error> {
        let number = view.segment.number;
        {
            let extent = self.shared.extent();
            if extent.segments.last().is_some_and(|last| last.number == number) {
                return Ok(Arc::new(extent.last_marks.clone()));
            }
        }
        if let Some(marks) = self.shared.marks().get(number) {
            return Ok(marks);
        }
        let mut window = self.window(view)?;
        let salt = self.shared.identity.salt();
        let marks = Arc::new(mark_segment(&mut window, view.segment.first_position, view.last_position, salt)?);
        self.shared.marks().put(number, Arc::clone(&marks));
        Ok(marks)
    }

    /// Goes from block to block until one is as wanted, and returns where it begins.
    pub(crate) fn hop(
        &self,
        window: &mut Window<D::File>,
        from: Mark,
        mut wanted: impl FnMut(&crate::format::BlockHeader) -> bool,
    ) -> Result<(u64, Position), Error> {
        let salt = self.shared.identity.salt();
        let Mark { mut offset, mut first_position, .. } = from;
        loop {
            let header = window.header(offset, salt)?.map_err(|reason| window.damaged(offset, reason))?;
            if header.first_position != first_position {
                let reason =
                    crate::error::Damage::PositionGap { expected: first_position, found: header.first_position };
                return Err(window.damaged(offset, reason));
            }
            if wanted(&header) {
                return Ok((offset, first_position));
            }
            offset += bytes_of(header.block_bytes());
            first_position = header.next_position();
        }
    }
}
