//! Describing a journal's files as they are, damaged or not.

use std::sync::Arc;

use crate::{
    disk::{Access, Disk, DiskFile},
    error::{Damage, Error, Operation},
    format::{
        BLOCK_HEADER_BYTES, BlockHeader, Hash, Identity, MAX_PAYLOAD_BYTES, Offset, Position, SEGMENT_HEADER_BYTES,
        SegmentHeader, block_bytes, block_hash, bytes_of, segment_name,
    },
    segment::{check_header, check_succession, list_segments, open_segment},
    shared::End,
    tail::{check_follows, find_remains},
    window::{CHUNK_BYTES, Window},
};

/// One thing that is in a journal's files; all of a segment's come after it, by offset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Inspected {
    /// A segment file and its header.
    Segment {
        /// Its name.
        file_name: String,
        /// Its length in bytes.
        file_bytes: u64,
        /// Its number, counted from 0; `None` if the header can't be read.
        number: Option<u64>,
        /// The hash of the block before it, by its header.
        previous_hash: Option<Hash>,
        /// What is wrong with the header, the length or the order.
        problem: Option<Damage>,
    },
    /// A block that can be read.
    Block {
        /// Where it begins.
        offset: Offset,
        /// Header and padding included.
        length_bytes: u64,
        /// Its first entry.
        first_position: Position,
        /// Its last entry.
        last_position: Position,
        /// Its writer's stamp.
        stamp: i64,
        /// Its writer's schema.
        schema: u16,
        /// Its hash, computed from its bytes.
        hash: Hash,
        /// Why it does not follow from the block before.
        problem: Option<Damage>,
    },
    /// Bytes where a block must be and none can be read.
    Unreadable {
        /// Where they begin.
        offset: Offset,
        /// Up to the next block, or to the last byte that is not zero.
        length_bytes: u64,
        /// What was found instead of a block.
        reason: Damage,
    },
    /// The remains of an append that was not acknowledged; opening cuts them off.
    TornTail {
        /// Where they begin.
        offset: Offset,
        /// To the last byte that is not zero.
        length_bytes: u64,
    },
    /// Bytes in a sealed segment behind its last block. No entry is harmed, but something wrote there.
    Stray {
        /// Where they begin.
        offset: Offset,
        /// To the last byte that is not zero.
        length_bytes: u64,
    },
    /// Zeros up to the end of the file.
    Free {
        /// Where they begin.
        offset: Offset,
        /// To the end.
        length_bytes: u64,
    },
}

impl Inspected {
    /// Tells whether an entry can't be read or trusted because of this. A torn tail and stray bytes harm none.
    #[must_use]
    pub fn is_problem(&self) -> bool {
        match self {
            Self::Segment { problem, .. } | Self::Block { problem, .. } => problem.is_some(),
            Self::Unreadable { .. } => true,
            Self::TornTail { .. } | Self::Stray { .. } | Self::Free { .. } => false,
        }
    }
}

/// Sums of an inspection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Inspection {
    /// Segment files.
    pub segment_count: u64,
    /// Blocks that can be read.
    pub block_count: u64,
    /// Things for which [`Inspected::is_problem`] holds.
    pub problem_count: u64,
}

/// Visits everything that is in the segment files of a directory, oldest first, also behind damage. Reads only.
///
/// # Errors
/// [`Error::Disk`] if a file can't be read at all. Damage is no error here.
pub fn inspect<D: Disk>(disk: &D, visit: &mut dyn FnMut(&Inspected)) -> Result<Inspection, Error> {
    let mut sums = Inspection::default();
    let mut counted = |item: Inspected| {
        sums.segment_count += u64::from(matches!(item, Inspected::Segment { .. }));
        sums.block_count += u64::from(matches!(item, Inspected::Block { .. }));
        sums.problem_count += u64::from(item.is_problem());
        visit(&item);
    };
    let names = list_segments(disk)?;
    // Without any header there is no telling what a block's checksum starts from.
    let mut identity = None;
    for name in &names {
        if let Ok(header) = open_for_inspection(disk, *name)?.header {
            identity = Some(header.identity);
            break;
        }
    }
    let mut previous: Option<SegmentHeader> = None;
    let mut end = None;
    for (index, name) in names.iter().enumerate() {
        let next_first = names.get(index + 1).copied();
        let mut segment = open_for_inspection(disk, *name)?;
        counted(segment.describe(previous.as_ref()));
        let has_room = segment.file_bytes >= bytes_of(SEGMENT_HEADER_BYTES);
        if let Some(identity) = identity.filter(|_| has_room) {
            let number = segment.header.as_ref().ok().map(|header| header.number);
            let walk = Walk { identity, next_first, number };
            let start = segment.start(end);
            end = walk.segment(&mut segment.window, start, &mut counted)?;
        }
        previous = segment.header.ok();
    }
    Ok(sums)
}

struct OpenSegment<F> {
    name: Position,
    file_bytes: u64,
    header: Result<SegmentHeader, Damage>,
    window: Window<F>,
}

fn open_for_inspection<D: Disk>(disk: &D, name: Position) -> Result<OpenSegment<D::File>, Error> {
    let path = disk.path(&segment_name(name));
    let file = open_segment(disk, name, Access::Read)?;
    let file_bytes = file.length().map_err(|source| Error::of_disk(Operation::Read, path.clone(), source))?;
    let mut window = Window::new(Arc::clone(&file), path, file_bytes, CHUNK_BYTES);
    let header = SegmentHeader::decode(window.bytes(0, SEGMENT_HEADER_BYTES)?).map(|(header, _)| header);
    Ok(OpenSegment { name, file_bytes, header, window })
}

impl<F: DiskFile> OpenSegment<F> {
    fn describe(&self, previous: Option<&SegmentHeader>) -> Inspected {
        let header = self.header.as_ref();
        let order = |header: &SegmentHeader| previous.and_then(|previous| check_succession(previous, header).err());
        let problem = match header {
            Err(reason) => Some(*reason),
            Ok(header) => {
                let own = check_header(header, self.name, self.file_bytes).map(|(_, reason)| reason);
                own.or_else(|| order(header))
            }
        };
        Inspected::Segment {
            file_name: segment_name(self.name),
            file_bytes: self.file_bytes,
            number: header.ok().map(|header| header.number),
            previous_hash: header.ok().map(|header| header.previous_hash),
            problem,
        }
    }

    /// What the first block must follow from: the header, else the end of the segment before.
    fn start(&self, end: Option<End>) -> Option<End> {
        let at_start = |end| End { offset: bytes_of(SEGMENT_HEADER_BYTES), ..end };
        match &self.header {
            // Both must agree; the block before is what counts, and the header's own claim is checked by its hash.
            Ok(header) => Some(end.map_or_else(|| End::of_empty(header), at_start)),
            Err(_) => end.map(at_start),
        }
    }
}

struct Walk {
    identity: Identity,
    /// The first position of the next segment; `None` if this is the last, where a torn tail may be.
    next_first: Option<Position>,
    number: Option<u64>,
}

impl Walk {
    /// Visits the blocks of one segment and returns what the next one must follow from, if that is known.
    fn segment<F: DiskFile>(
        &self,
        window: &mut Window<F>,
        start: Option<End>,
        visit: &mut dyn FnMut(Inspected),
    ) -> Result<Option<End>, Error> {
        let salt = self.identity.salt();
        let mut known = start;
        let mut offset = bytes_of(SEGMENT_HEADER_BYTES);
        let mut position = start.map_or(Position::NOTHING, |end| end.position);
        let mut any_block = false;
        loop {
            let reason = match window.block(offset, salt)? {
                Ok(header) => {
                    let (item, end) = describe_block(window, offset, &header, known)?;
                    visit(item);
                    (offset, position, known) = (end.offset, end.position, Some(end));
                    any_block = true;
                    continue;
                }
                Err(reason) => reason,
            };
            // A block with a wrong payload is not its own successor.
            let own = window.header(offset, salt)?.ok();
            let after = own.map_or(position, |header| header.last_position());
            let remains = find_remains(window, offset, after, salt)?;
            if let Some(next) = remains.later_block {
                visit(Inspected::Unreadable { offset: Offset(offset), length_bytes: next - offset, reason });
                (offset, known) = (next, None);
                continue;
            }
            let until = remains.until.min(window.limit()).max(offset);
            let (offset, length_bytes) = (Offset(offset), until - offset);
            match self.judge_rest(known, position, any_block, length_bytes, own.as_ref()) {
                Rest::Free => {}
                Rest::Stray => visit(Inspected::Stray { offset, length_bytes }),
                Rest::Torn => visit(Inspected::TornTail { offset, length_bytes }),
                Rest::Lost => {
                    visit(Inspected::Unreadable { offset, length_bytes, reason });
                    known = None;
                }
            }
            if window.limit() > until {
                visit(Inspected::Free { offset: Offset(until), length_bytes: window.limit() - until });
            }
            return Ok(known);
        }
    }
}

enum Rest {
    Free,
    Stray,
    Torn,
    Lost,
}

impl Walk {
    /// Judges what is behind the last block that can be read, given how far it is to the last byte that is not zero.
    fn judge_rest(
        &self,
        known: Option<End>,
        position: Position,
        any_block: bool,
        length_bytes: u64,
        torn: Option<&BlockHeader>,
    ) -> Rest {
        if let Some(next) = self.next_first {
            return match (position.plus(1) == next, length_bytes) {
                (false, _) => Rest::Lost,
                (true, 0) => Rest::Free,
                (true, _) => Rest::Stray,
            };
        }
        // A segment gets its name only when its first block is durable; the first of all is made without.
        let may_end_here = any_block || self.number == Some(0);
        let torn_bytes = torn.map_or(block_bytes(MAX_PAYLOAD_BYTES), BlockHeader::block_bytes);
        let may_be_torn = known.is_some() && length_bytes <= bytes_of(torn_bytes);
        match length_bytes {
            _ if !may_end_here => Rest::Lost,
            0 => Rest::Free,
            _ if may_be_torn => Rest::Torn,
            _ => Rest::Lost,
        }
    }
}

fn describe_block<F: DiskFile>(
    window: &mut Window<F>,
    offset: u64,
    header: &BlockHeader,
    known: Option<End>,
) -> Result<(Inspected, End), Error> {
    let hash = block_hash(window.bytes(offset, BLOCK_HEADER_BYTES + header.payload_bytes())?);
    let follows = known.map(|end| check_follows(&end, header.first_position, header.previous_hash, header.stamp));
    let length_bytes = bytes_of(header.block_bytes());
    let item = Inspected::Block {
        offset: Offset(offset),
        length_bytes,
        first_position: header.first_position,
        last_position: header.last_position(),
        stamp: header.stamp,
        schema: header.schema,
        hash,
        problem: follows.and_then(Result::err),
    };
    let end = End { position: header.last_position(), hash, stamp: header.stamp, offset: offset + length_bytes };
    Ok((item, end))
}
