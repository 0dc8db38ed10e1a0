//! Copying a journal while it is written to.

use crate::{
    blocks::{Block, Verify},
    disk::{Disk, DiskFile},
    error::{Error, Operation},
    format::{Hash, Position, SegmentHeader, bytes_of, segment_name},
    reader::Reader,
    recovery::{Progress, take_lock},
    segment::{UNFINISHED_COPY_NAME, list_segments},
};

/// Bytes gathered for one write.
const WRITE_BYTES: usize = 1 << 20;

/// What was copied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Copied {
    /// The last position in the copy; 0 if the journal is empty.
    pub last_position: Position,
    /// The hash of its last block; zeros if the journal is empty.
    pub last_hash: Hash,
    /// Segment files.
    pub segment_count: usize,
}

impl<D: Disk> Reader<D> {
    /// Copies all whole blocks up to a position, at most to the durable end, to an empty directory, and verifies checksums
    /// and chain on the way. Appending goes on meanwhile. The copy is durable when this returns, and opens as a journal
    /// with the same id, positions and hashes; until then opening it gives [`Error::UnfinishedCopy`].
    ///
    /// # Errors
    /// - [`Error::Removed`]: retention has left no whole block up to `up_to`, or overtakes.
    /// - [`Error::Locked`], [`Error::NotEmpty`]: the destination is or has a journal.
    /// - [`Error::Damaged`]: the source is damaged.
    /// - [`Error::NoSpace`], [`Error::ReadOnly`], [`Error::Disk`].
    pub fn copy_to<T: Disk>(
        &self,
        destination: &T,
        up_to: Position,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<Copied, Error> {
        let (segments, end) = {
            let extent = self.shared.extent();
            (extent.segments.clone(), extent.end)
        };
        let up_to = up_to.min(end.position);
        let first = segments[0];
        if up_to < first.first_position && first.number > 0 {
            return Err(Error::Removed { position: up_to, first: first.first_position });
        }
        let _lock = take_lock(destination)?;
        mark_unfinished(destination)?;

        let bytes_total = segments.iter().map(|segment| segment.file_length).sum();
        let mut target = Target::create(destination, first)?;
        let mut copied =
            Copied { last_position: first.first_position.before(), last_hash: first.previous_hash, segment_count: 1 };
        let mut blocks = self.blocks_verified(first.first_position, Verify::Chain);
        let mut bytes_before = 0;
        while copied.last_position < up_to {
            let block = blocks.next().expect("blocks reach the durable end")?;
            if block.last_position() > up_to {
                break;
            }
            if block.segment != target.header.first_position {
                bytes_before += target.header.file_length;
                target.finish()?;
                let next = segments.iter().find(|segment| segment.first_position == block.segment);
                target = Target::create(destination, *next.expect("the segment is not newer than the end"))?;
                copied.segment_count += 1;
            }
            target.push(&block)?;
            copied.last_position = block.last_position();
            copied.last_hash = blocks.last_hash().expect("the chain is verified and a block was read");
            progress(Progress { bytes_done: bytes_before + block.offset.0 + block.length_bytes(), bytes_total });
        }
        target.finish()?;
        if first.number > 0 && copied.last_position < first.first_position {
            return Err(Error::Removed { position: up_to, first: first.first_position });
        }
        unmark_unfinished(destination)?;
        progress(Progress { bytes_done: bytes_total, bytes_total });
        Ok(copied)
    }
}

/// Marks the destination, after removing what an unfinished copy left in it.
fn mark_unfinished<T: Disk>(disk: &T) -> Result<(), Error> {
    let failed = |operation| move |source| Error::of_disk(operation, disk.path(UNFINISHED_COPY_NAME), source);
    let leftovers = list_segments(disk)?;
    if disk.exists(UNFINISHED_COPY_NAME).map_err(failed(Operation::Open))? {
        for first in leftovers {
            disk.remove(&segment_name(first)).map_err(failed(Operation::Remove))?;
        }
    } else if leftovers.is_empty() {
        disk.create_new(UNFINISHED_COPY_NAME).map_err(failed(Operation::Create))?;
    } else {
        return Err(Error::NotEmpty { directory: disk.path("") });
    }
    disk.sync_directory().map_err(failed(Operation::SyncDirectory))
}

fn unmark_unfinished<T: Disk>(disk: &T) -> Result<(), Error> {
    let failed = |operation| move |source| Error::of_disk(operation, disk.path(UNFINISHED_COPY_NAME), source);
    disk.sync_directory().map_err(failed(Operation::SyncDirectory))?;
    disk.remove(UNFINISHED_COPY_NAME).map_err(failed(Operation::Remove))?;
    disk.sync_directory().map_err(failed(Operation::SyncDirectory))
}

/// A segment of the copy that is being filled.
struct Target<'a, T: Disk> {
    disk: &'a T,
    header: SegmentHeader,
    file: T::File,
    buffer: Vec<u8>,
    /// Where the buffer goes.
    offset: u64,
}

impl<'a, T: Disk> Target<'a, T> {
    fn create(disk: &'a T, header: SegmentHeader) -> Result<Self, Error> {
        let name = segment_name(header.first_position);
        let failed = |operation| {
            move |source| Error::of_disk(operation, disk.path(&segment_name(header.first_position)), source)
        };
        let file = disk.create_new(&name).map_err(failed(Operation::Create))?;
        file.allocate(header.file_length).map_err(failed(Operation::Allocate))?;
        Ok(Self { disk, header, file, buffer: header.encode().to_vec(), offset: 0 })
    }

    fn push(&mut self, block: &Block) -> Result<(), Error> {
        assert!(block.offset.0 == self.offset + bytes_of(self.buffer.len()), "blocks of a segment follow each other");
        let length = self.buffer.len() + block.header.block_bytes();
        self.buffer.extend_from_slice(&block.header.encode(block.salt));
        self.buffer.extend_from_slice(&block.payload);
        self.buffer.resize(length, 0);
        if self.buffer.len() >= WRITE_BYTES { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> Result<(), Error> {
        let written = self.file.write_at(self.offset, &self.buffer);
        written.map_err(|source| self.failed(Operation::Write, source))?;
        self.offset += bytes_of(self.buffer.len());
        self.buffer.clear();
        Ok(())
    }

    fn finish(mut self) -> Result<(), Error> {
        self.flush()?;
        self.file.sync_data().map_err(|source| self.failed(Operation::Sync, source))
    }

    fn failed(&self, operation: Operation, source: std::io::Error) -> Error {
        Error::of_disk(operation, self.disk.path(&segment_name(self.header.first_position)), source)
    }
}
