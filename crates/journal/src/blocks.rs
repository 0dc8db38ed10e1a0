//! Blocks as they are read, one after the other.

use crate::{
    disk::Disk,
    error::{Damage, Error},
    format::{
        BLOCK_HEADER_BYTES, BlockHeader, Hash, Offset, Position, SEGMENT_HEADER_BYTES, block_hash_of_parts, bytes_of,
    },
    reader::Reader,
    shared::View,
    tail::check_follows,
    window::{CHUNK_BYTES, Window},
};

/// How much to verify while reading. Checksums always are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Verify {
    /// Each block's checksums, and that positions have no gap.
    #[default]
    Checksums,
    /// Also that each block names the hash of the one before, and that stamps don't go back. Costs a hash over all bytes.
    Chain,
}

/// A block that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block {
    /// The position of its first entry.
    pub first_position: Position,
    /// Entries; at least 1.
    pub count: u32,
    /// What its writer gave: never goes back from block to block.
    pub stamp: i64,
    /// How to read the payload, by its writer.
    pub schema: u16,
    /// The entries.
    pub payload: Vec<u8>,
    /// The hash of the block before; zeros for the first.
    pub previous_hash: Hash,
    /// The first position of the segment it is in, which names the file.
    pub segment: Position,
    /// Where it begins in that file.
    pub offset: Offset,
    pub(crate) salt: u32,
    pub(crate) header: BlockHeader,
}

impl Block {
    /// Returns the position of its last entry.
    #[must_use]
    pub fn last_position(&self) -> Position {
        self.header.last_position()
    }

    /// Returns its hash, computed from all its bytes at each call.
    #[must_use]
    pub fn hash(&self) -> Hash {
        block_hash_of_parts(&self.header.encode(self.salt), &self.payload)
    }

    /// Returns the bytes that it takes in its file, header and padding included.
    #[must_use]
    pub fn length_bytes(&self) -> u64 {
        bytes_of(self.header.block_bytes())
    }
}

struct Place<F> {
    window: Window<F>,
    view: View,
    offset: u64,
}

/// Iterates over blocks, oldest first; see [`Reader::blocks`]. Holds one chunk of a file at a time.
pub struct Blocks<D: Disk> {
    reader: Reader<D>,
    /// Of the next block, or inside it if none was read yet.
    position: Position,
    verify: Verify,
    place: Option<Place<D::File>>,
    /// Of the block that was read last, with its stamp, when the chain is verified.
    previous: Option<(Hash, i64)>,
    failed: bool,
    chunk_bytes: usize,
}

impl<D: Disk> Blocks<D> {
    pub(crate) fn new(reader: Reader<D>, position: Position, verify: Verify) -> Self {
        Self { reader, position, verify, place: None, previous: None, failed: false, chunk_bytes: CHUNK_BYTES }
    }

    /// For reading one block: no more than its bytes.
    pub(crate) fn one(reader: Reader<D>, position: Position) -> Self {
        let chunk_bytes = crate::window::HOP_BYTES;
        Self { chunk_bytes, ..Self::new(reader, position, Verify::Checksums) }
    }

    /// Returns the hash of the block that was read last, if the chain is verified.
    pub(crate) fn last_hash(&self) -> Option<Hash> {
        self.previous.map(|(hash, _)| hash)
    }

    fn try_next(&mut self) -> Result<Option<Block>, Error> {
        let in_place = self.place.as_ref().is_some_and(|place| self.position <= place.view.last_position);
        if !in_place && !self.find_place()? {
            return Ok(None);
        }
        let salt = self.reader.shared.identity.salt();
        let place = self.place.as_mut().expect("a place was found");
        let offset = place.offset;
        let window = &mut place.window;
        let header = window.block(offset, salt)?.map_err(|reason| window.damaged(offset, reason))?;
        self.check(&header)?;

        let place = self.place.as_mut().expect("a place was found");
        let bytes = place.window.bytes(offset, BLOCK_HEADER_BYTES + header.payload_bytes())?;
        let block = Block {
            first_position: header.first_position,
            count: header.count,
            stamp: header.stamp,
            schema: header.schema,
            payload: bytes[BLOCK_HEADER_BYTES..].to_vec(),
            previous_hash: header.previous_hash,
            segment: place.view.segment.first_position,
            offset: Offset(offset),
            salt,
            header,
        };
        if self.verify == Verify::Chain {
            self.previous = Some((crate::format::block_hash(bytes), header.stamp));
        }
        place.offset = offset + bytes_of(header.block_bytes());
        self.position = header.next_position();
        Ok(Some(block))
    }

    /// Checks that the block at the present place is the one that must come.
    fn check(&self, header: &BlockHeader) -> Result<(), Error> {
        let place = self.place.as_ref().expect("a place was found");
        let damaged = |reason| Err(place.window.damaged(place.offset, reason));
        let beyond = header.last_position() > place.view.last_position;
        if beyond || header.first_position != self.position {
            return damaged(Damage::PositionGap { expected: self.position, found: header.first_position });
        }
        let segment = &place.view.segment;
        if place.offset == bytes_of(SEGMENT_HEADER_BYTES) && header.previous_hash != segment.previous_hash {
            let (expected, found) = (segment.previous_hash, header.previous_hash);
            return damaged(Damage::PreviousHash { expected, found });
        }
        let Some((hash, stamp)) = self.previous else {
            return Ok(());
        };
        let end = crate::shared::End { position: self.position.before(), hash, stamp, offset: place.offset };
        check_follows(&end, header.first_position, header.previous_hash, header.stamp).or_else(damaged)
    }

    /// Goes to the block that contains the present position; false if it is not durable yet.
    fn find_place(&mut self) -> Result<bool, Error> {
        let view = {
            let extent = self.reader.shared.extent();
            match extent.view_of(self.position) {
                Some(view) => view,
                None => {
                    return Err(Error::Removed { position: self.position, first: extent.first_position() });
                }
            }
        };
        if self.position > view.last_position {
            return Ok(false);
        }
        if let Some(place) = self.place.as_mut()
            && place.view.segment.number == view.segment.number
        {
            place.window.raise_limit(view.limit);
            place.view = view;
            return Ok(true);
        }
        let mut window = self.reader.window(&view)?;
        let mut offset = bytes_of(SEGMENT_HEADER_BYTES);
        if self.position != view.segment.first_position {
            let mark = self.reader.marks(&view)?.at_position(self.position);
            let mark = mark.expect("a segment's first block is marked, and the position is not before it");
            let position = self.position;
            (offset, self.position) =
                self.reader.hop(&mut window, mark, |header| header.last_position() >= position)?;
        }
        window.set_chunk_bytes(self.chunk_bytes);
        self.place = Some(Place { window, view, offset });
        Ok(true)
    }
}

impl<D: Disk> Iterator for Blocks<D> {
    type Item = Result<Block, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.failed {
            return None;
        }
        let next = self.try_next();
        self.failed = next.is_err();
        next.transpose()
    }
}
