//! A buffer that slides over one file, so that a walk over blocks costs one read a chunk, not one a block.

use std::{path::Path, path::PathBuf, sync::Arc};

use crate::{
    disk::DiskFile,
    error::{Damage, Error, Operation},
    format::{BLOCK_HEADER_BYTES, BlockHeader, Offset, bytes_of, index_of, payload_checksum},
};

/// Bytes of one read when whole blocks are wanted.
pub(crate) const CHUNK_BYTES: usize = 1 << 20;
/// Bytes of one read when only headers are wanted.
pub(crate) const HOP_BYTES: usize = 4 << 10;

/// Reads a file up to a limit. Holds at most one chunk, or one block if that is longer.
pub(crate) struct Window<F> {
    file: Arc<F>,
    path: PathBuf,
    limit: u64,
    chunk_bytes: usize,
    start: u64,
    buffer: Vec<u8>,
}

impl<F: DiskFile> Window<F> {
    pub(crate) fn new(file: Arc<F>, path: PathBuf, limit: u64, chunk_bytes: usize) -> Self {
        Self { file, path, limit, chunk_bytes, start: 0, buffer: Vec::new() }
    }

    /// A second window over the same file.
    pub(crate) fn beside(&self, chunk_bytes: usize) -> Self {
        Self::new(Arc::clone(&self.file), self.path.clone(), self.limit, chunk_bytes)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn limit(&self) -> u64 {
        self.limit
    }

    /// Lets the window see more; what it holds stays valid, since it never held anything beyond the old limit.
    pub(crate) fn raise_limit(&mut self, limit: u64) {
        assert!(limit >= self.limit, "the durable part of a segment only grows");
        self.limit = limit;
    }

    pub(crate) fn set_chunk_bytes(&mut self, chunk_bytes: usize) {
        self.chunk_bytes = chunk_bytes;
    }

    pub(crate) fn damaged(&self, offset: u64, reason: Damage) -> Error {
        Error::damaged(self.path.clone(), offset, reason)
    }

    /// Returns the bytes at an offset: fewer than asked for only at the limit or the end of the file.
    pub(crate) fn bytes(&mut self, offset: u64, length: usize) -> Result<&[u8], Error> {
        let length = length.min(index_of(self.limit.saturating_sub(offset)));
        let held = offset.checked_sub(self.start).map(index_of).filter(|skip| *skip <= self.buffer.len());
        let inside = held.is_some_and(|skip| self.buffer.len() - skip >= length);
        if !inside {
            self.slide(offset, held, length)?;
        }
        let skip = index_of(offset - self.start);
        let end = (skip + length).min(self.buffer.len());
        Ok(&self.buffer[skip..end])
    }

    /// Makes the buffer start at an offset, keeps what it has of it already, and reads at least `length`.
    fn slide(&mut self, offset: u64, held: Option<usize>, length: usize) -> Result<(), Error> {
        match held {
            Some(skip) => {
                self.buffer.copy_within(skip.., 0);
                self.buffer.truncate(self.buffer.len() - skip);
            }
            None => self.buffer.clear(),
        }
        self.start = offset;
        let wanted = length.max(self.chunk_bytes).min(index_of(self.limit.saturating_sub(offset)));
        let mut filled = self.buffer.len();
        self.buffer.resize(wanted.max(filled), 0);
        while filled < wanted {
            let at = offset + bytes_of(filled);
            match self.file.read_at(at, &mut self.buffer[filled..wanted]) {
                Ok(0) => break,
                Ok(count) => filled += count,
                Err(source) if source.kind() == std::io::ErrorKind::Interrupted => {}
                Err(source) => {
                    self.buffer.truncate(filled);
                    return Err(self.read_failed(at, source));
                }
            }
        }
        self.buffer.truncate(filled);
        Ok(())
    }

    fn read_failed(&self, offset: u64, source: std::io::Error) -> Error {
        let file = self.path.clone();
        Error::Disk { operation: Operation::Read, file, offset: Some(Offset(offset)), source }
    }

    /// Reads the header of the block at an offset and checks it alone, and that the block fits.
    pub(crate) fn header(&mut self, offset: u64, salt: u32) -> Result<Result<BlockHeader, Damage>, Error> {
        let limit = self.limit;
        let decoded = BlockHeader::decode(self.bytes(offset, BLOCK_HEADER_BYTES)?, salt);
        Ok(decoded.and_then(|header| {
            let fits = bytes_of(header.block_bytes()) <= limit.saturating_sub(offset);
            if fits { Ok(header) } else { Err(Damage::Overrun) }
        }))
    }

    /// Reads the block at an offset, and checks its header, its payload and that it fits.
    pub(crate) fn block(&mut self, offset: u64, salt: u32) -> Result<Result<BlockHeader, Damage>, Error> {
        let header = match self.header(offset, salt)? {
            Ok(header) => header,
            Err(damage) => return Ok(Err(damage)),
        };
        let bytes = self.bytes(offset, header.block_bytes())?;
        if bytes.len() < header.block_bytes() {
            return Ok(Err(Damage::Overrun));
        }
        let right = payload_checksum(&bytes[BLOCK_HEADER_BYTES..], salt) == header.payload_checksum;
        Ok(if right { Ok(header) } else { Err(Damage::PayloadChecksum) })
    }
}
