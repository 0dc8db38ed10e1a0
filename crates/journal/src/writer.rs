//! Appending: one block, one write, one sync.

use std::sync::Arc;

use crate::{
    disk::{Disk, DiskFile},
    error::{Error, Operation},
    format::{
        BLOCK_HEADER_BYTES, BlockHeader, Hash, MAX_PAYLOAD_BYTES, Offset, Position, SEGMENT_HEADER_BYTES,
        SegmentHeader, block_bytes, block_hash, bytes_of, payload_checksum, segment_name,
    },
    prepare::{Preparer, Supply},
    segments::Segments,
    shared::{End, Shared},
};

/// What is to be appended: entries that become durable together or not at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NewBlock<'a> {
    /// Entries in the payload; at least 1.
    pub count: u32,
    /// A number that never goes back from block to block, by which [`Reader::position_at_stamp`] finds a block.
    ///
    /// [`Reader::position_at_stamp`]: crate::Reader::position_at_stamp
    pub stamp: i64,
    /// How to read the payload; kept, never looked at.
    pub schema: u16,
    /// The entries; may be empty, at most [`MAX_PAYLOAD_BYTES`].
    pub payload: &'a [u8],
}

/// The only one who appends to a journal.
pub struct Writer<D: Disk> {
    shared: Arc<Shared<D>>,
    supply: Arc<Supply<D>>,
    file: Arc<D::File>,
    segment: SegmentHeader,
    end: End,
    salt: u32,
    poisoned: bool,
    /// Room for a segment header, then the block, so that both can go in one write.
    buffer: Vec<u8>,
}

impl<D: Disk> Writer<D> {
    pub(crate) fn new(
        shared: Arc<Shared<D>>,
        supply: Arc<Supply<D>>,
        file: Arc<D::File>,
        segment: SegmentHeader,
        end: End,
    ) -> Self {
        let salt = shared.identity.salt();
        Self { shared, supply, file, segment, end, salt, poisoned: false, buffer: Vec::new() }
    }

    /// Appends a block and returns the position of its last entry once it is durable.
    ///
    /// `expected` is the last position by the caller. Whoever gets an error knows that the block was not acknowledged;
    /// only after [`Error::AppendFailed`] it may turn out to be there when the journal is opened anew.
    ///
    /// # Errors
    /// - [`Error::Poisoned`]: an earlier append failed.
    /// - [`Error::Fenced`]: the journal does not end at `expected`.
    /// - [`Error::TooLong`]: the payload is longer than [`MAX_PAYLOAD_BYTES`].
    /// - [`Error::NoSpace`], [`Error::ReadOnly`], [`Error::Disk`]: the next segment could not be made. Nothing
    ///   happened; the same append may be tried again later.
    /// - [`Error::AppendFailed`]: the disk failed. The writer is poisoned for good.
    ///
    /// # Panics
    /// If the block has no entry, or its stamp is before that of the last block.
    pub fn append(&mut self, expected: Position, block: NewBlock<'_>) -> Result<Position, Error> {
        if self.poisoned {
            return Err(Error::Poisoned);
        }
        if expected != self.end.position {
            return Err(Error::Fenced { expected, actual: self.end.position });
        }
        if block.payload.len() > MAX_PAYLOAD_BYTES {
            return Err(Error::TooLong { length: block.payload.len(), max: MAX_PAYLOAD_BYTES });
        }
        assert!(block.count >= 1, "a block has at least one entry");
        assert!(block.stamp >= self.end.stamp, "stamps never go back");

        let (header, hash) = self.encode(block);
        let room = self.segment.file_length - self.end.offset;
        if bytes_of(header.block_bytes()) <= room {
            self.write_block()?;
            self.end = self.end.after(&header, hash);
            self.shared.publish(&header, self.end);
        } else {
            self.write_block_in_next_segment(&header)?;
            self.end = End::of_empty(&self.segment).after(&header, hash);
            self.shared.publish_segment(self.segment, &header, self.end);
        }
        Ok(self.end.position)
    }

    /// Makes the next segment ahead, if there is none, and tells whether it did. Takes as long as writing
    /// a whole segment does: call it when idle, or [`Preparer::prepare`] from another thread.
    ///
    /// # Errors
    /// [`Error::NoSpace`], [`Error::Disk`]. Appending goes on as before, until the present segment is full.
    pub fn prepare(&mut self) -> Result<bool, Error> {
        self.supply.prepare()
    }

    /// Returns what can prepare the next segment from another thread.
    #[must_use]
    pub fn preparer(&self) -> Preparer<D> {
        Preparer::new(Arc::clone(&self.supply))
    }

    /// Returns what can list segments and remove old ones, from any thread.
    #[must_use]
    pub fn segments(&self) -> Segments<D> {
        Segments::new(Arc::clone(&self.shared), Arc::clone(&self.supply))
    }

    /// Returns the last position, which the next append must expect.
    #[must_use]
    pub fn last_position(&self) -> Position {
        self.end.position
    }

    /// Returns the hash of the last block; zeros if there is none.
    #[must_use]
    pub fn last_hash(&self) -> Hash {
        self.end.hash
    }

    /// Tells whether an append failed, so that the journal must be opened anew.
    #[must_use]
    pub fn is_poisoned(&self) -> bool {
        self.poisoned
    }

    /// Lays the block out in the buffer, behind room for a segment header.
    fn encode(&mut self, block: NewBlock<'_>) -> (BlockHeader, Hash) {
        const PAYLOAD_AT: usize = SEGMENT_HEADER_BYTES + BLOCK_HEADER_BYTES;
        let length = block.payload.len();
        self.buffer.resize(PAYLOAD_AT, 0);
        self.buffer.extend_from_slice(block.payload);
        self.buffer.resize(SEGMENT_HEADER_BYTES + block_bytes(length), 0);
        let header = BlockHeader {
            previous_hash: self.end.hash,
            first_position: self.end.position.plus(1),
            stamp: block.stamp,
            count: block.count,
            payload_length: u32::try_from(length).expect("the longest payload fits in 32 bits"),
            payload_checksum: payload_checksum(&self.buffer[PAYLOAD_AT..], self.salt),
            schema: block.schema,
        };
        // The position after the last must exist too.
        let _ = header.first_position.plus(u64::from(block.count));
        self.buffer[SEGMENT_HEADER_BYTES..PAYLOAD_AT].copy_from_slice(&header.encode(self.salt));
        let hash = block_hash(&self.buffer[SEGMENT_HEADER_BYTES..PAYLOAD_AT + length]);
        (header, hash)
    }

    fn write_block(&mut self) -> Result<(), Error> {
        let offset = self.end.offset;
        let written = self.file.write_at(offset, &self.buffer[SEGMENT_HEADER_BYTES..]);
        let name = segment_name(self.segment.first_position);
        written.map_err(|source| self.poison(Operation::Write, &name, offset, source))?;
        let synced = self.file.sync_data();
        synced.map_err(|source| self.poison(Operation::Sync, &name, offset, source))
    }

    /// Writes header and block into the next segment, and only then gives the file its name: a segment with a name
    /// is whole up to its first block.
    fn write_block_in_next_segment(&mut self, block: &BlockHeader) -> Result<(), Error> {
        let needed = bytes_of(SEGMENT_HEADER_BYTES + block.block_bytes());
        // Whatever fails here touched only a file without a name of its own; the next append tries again.
        let prepared = self.supply.take(needed)?;
        let segment = SegmentHeader {
            identity: self.segment.identity,
            number: self.segment.number + 1,
            first_position: block.first_position,
            file_length: prepared.length,
            previous_stamp: self.end.stamp,
            previous_hash: self.end.hash,
        };
        let offset = bytes_of(SEGMENT_HEADER_BYTES);
        self.buffer[..SEGMENT_HEADER_BYTES].copy_from_slice(&segment.encode());
        let written = prepared.file.write_at(0, &self.buffer);
        written.map_err(|source| self.poison(Operation::Write, &prepared.name, offset, source))?;
        let synced = prepared.file.sync_data();
        synced.map_err(|source| self.poison(Operation::Sync, &prepared.name, offset, source))?;
        let name = segment_name(segment.first_position);
        let named = self.shared.disk.rename(&prepared.name, &name);
        named.map_err(|source| self.poison(Operation::Rename, &name, offset, source))?;
        let synced = self.shared.disk.sync_directory();
        synced.map_err(|source| self.poison(Operation::SyncDirectory, &name, offset, source))?;
        self.file = Arc::new(prepared.file);
        self.segment = segment;
        Ok(())
    }

    fn poison(&mut self, operation: Operation, name: &str, offset: u64, source: std::io::Error) -> Error {
        self.poisoned = true;
        let file = self.shared.disk.path(name);
        Error::AppendFailed { operation, file, offset: Offset(offset), source }
    }
}
