//! The bytes of segments and blocks, to and from structures. No I/O. `docs/formats/journal.md` is the same in prose.

use std::fmt;

use crate::error::Damage;

/// The version of the format that is written; all versions up to it are read.
pub const FORMAT_VERSION: u32 = 1;
/// The longest payload of one block, in bytes.
pub const MAX_PAYLOAD_BYTES: usize = 16 << 20;

pub(crate) const SEGMENT_HEADER_BYTES: usize = 128;
pub(crate) const BLOCK_HEADER_BYTES: usize = 72;
pub(crate) const BLOCK_MAGIC: u32 = u32::from_le_bytes(*b"STBK");
const SEGMENT_MAGIC: &[u8; 8] = b"STIDESEG";
const ALIGN_BYTES: usize = 8;
/// What the block's own hash covers starts here: all but the magic and the header's checksum.
const HASHED_FROM: usize = 8;

/// The number of an entry in the journal. The first entry is 1; 0 is "nothing yet".
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Position(pub u64);

impl Position {
    /// Before the first entry.
    pub const NOTHING: Self = Self(0);
    /// The first entry that a journal can have.
    pub const FIRST: Self = Self(1);

    /// Returns the position `count` entries further.
    ///
    /// # Panics
    /// If it does not fit in 64 bits, which takes centuries.
    #[must_use]
    pub fn plus(self, count: u64) -> Self {
        Self(self.0.checked_add(count).expect("a journal has fewer than 2^64 entries"))
    }

    /// Returns the position before this one; that before nothing is nothing.
    #[must_use]
    pub fn before(self) -> Self {
        Self(self.0.saturating_sub(1))
    }
}

impl fmt::Display for Position {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

/// A place in a file, in bytes from its start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Offset(pub u64);

impl fmt::Display for Offset {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

/// The BLAKE3 hash of a block and, through the chain, of all blocks before it. All zeros before the first.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Hash(pub [u8; 32]);

impl fmt::Display for Hash {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(formatter, "{byte:02x}"))
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Hash({self})")
    }
}

/// Returns a length in memory as a number of bytes in a file.
pub(crate) fn bytes_of(length: usize) -> u64 {
    u64::try_from(length).expect("a length in memory fits in 64 bits")
}

/// Returns a number of bytes in a file as a length in memory.
///
/// More than memory can hold becomes the largest length, which the callers then cap at a chunk.
pub(crate) fn index_of(bytes: u64) -> usize {
    usize::try_from(bytes).unwrap_or(usize::MAX)
}

/// Returns the bytes that a block with this payload takes in its segment, padding included.
pub(crate) fn block_bytes(payload_length: usize) -> usize {
    (BLOCK_HEADER_BYTES + payload_length).next_multiple_of(ALIGN_BYTES)
}

/// Who a journal is: the same in all its segments.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Identity {
    pub(crate) id: [u8; 16],
    pub(crate) seed: [u8; 16],
}

impl Identity {
    pub(crate) fn from_seed(seed: [u8; 16]) -> Self {
        let key = blake3::derive_key("stocktide journal id v1", &seed);
        Self { id: key[..16].try_into().expect("32 bytes have a first half"), seed }
    }

    /// What block checksums start from. A payload can't contain what passes for a block of this journal
    /// unless its author knows the seed, nor can a block of another journal.
    pub(crate) fn salt(&self) -> u32 {
        crc32c::crc32c(&self.seed)
    }
}

/// The header of a segment file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SegmentHeader {
    pub(crate) identity: Identity,
    /// Counts segments from 0, so that a missing one is noticed without reading any block.
    pub(crate) number: u64,
    pub(crate) first_position: Position,
    pub(crate) file_length: u64,
    /// Of the last block before this segment; `i64::MIN` before the first block.
    pub(crate) previous_stamp: i64,
    pub(crate) previous_hash: Hash,
}

impl SegmentHeader {
    pub(crate) fn encode(&self) -> [u8; SEGMENT_HEADER_BYTES] {
        let mut bytes = [0; SEGMENT_HEADER_BYTES];
        bytes[0..8].copy_from_slice(SEGMENT_MAGIC);
        bytes[8..12].copy_from_slice(&FORMAT_VERSION.to_le_bytes());
        bytes[16..32].copy_from_slice(&self.identity.id);
        bytes[32..48].copy_from_slice(&self.identity.seed);
        bytes[48..56].copy_from_slice(&self.number.to_le_bytes());
        bytes[56..64].copy_from_slice(&self.first_position.0.to_le_bytes());
        bytes[64..72].copy_from_slice(&self.file_length.to_le_bytes());
        bytes[72..80].copy_from_slice(&self.previous_stamp.to_le_bytes());
        bytes[80..112].copy_from_slice(&self.previous_hash.0);
        let checksum = crc32c::crc32c(&bytes[..124]);
        bytes[124..128].copy_from_slice(&checksum.to_le_bytes());
        bytes
    }

    /// Reads a header, and its format version, which the caller judges.
    pub(crate) fn decode(bytes: &[u8]) -> Result<(Self, u32), Damage> {
        if bytes.len() < SEGMENT_HEADER_BYTES || &bytes[0..8] != SEGMENT_MAGIC {
            return Err(Damage::SegmentHeader);
        }
        if u32_at(bytes, 124) != crc32c::crc32c(&bytes[..124]) {
            return Err(Damage::SegmentHeader);
        }
        let header = Self {
            identity: Identity { id: array_at(bytes, 16), seed: array_at(bytes, 32) },
            number: u64_at(bytes, 48),
            first_position: Position(u64_at(bytes, 56)),
            file_length: u64_at(bytes, 64),
            previous_stamp: i64::from_le_bytes(array_at(bytes, 72)),
            previous_hash: Hash(array_at(bytes, 80)),
        };
        Ok((header, u32_at(bytes, 8)))
    }
}

/// The header of a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct BlockHeader {
    pub(crate) previous_hash: Hash,
    pub(crate) first_position: Position,
    pub(crate) stamp: i64,
    pub(crate) count: u32,
    pub(crate) payload_length: u32,
    pub(crate) payload_checksum: u32,
    pub(crate) schema: u16,
}

impl BlockHeader {
    pub(crate) fn encode(&self, salt: u32) -> [u8; BLOCK_HEADER_BYTES] {
        let mut bytes = [0; BLOCK_HEADER_BYTES];
        bytes[0..4].copy_from_slice(&BLOCK_MAGIC.to_le_bytes());
        bytes[8..40].copy_from_slice(&self.previous_hash.0);
        bytes[40..48].copy_from_slice(&self.first_position.0.to_le_bytes());
        bytes[48..56].copy_from_slice(&self.stamp.to_le_bytes());
        bytes[56..60].copy_from_slice(&self.count.to_le_bytes());
        bytes[60..64].copy_from_slice(&self.payload_length.to_le_bytes());
        bytes[64..68].copy_from_slice(&self.payload_checksum.to_le_bytes());
        bytes[68..70].copy_from_slice(&self.schema.to_le_bytes());
        let checksum = crc32c::crc32c_append(salt, &bytes[8..]);
        bytes[4..8].copy_from_slice(&checksum.to_le_bytes());
        bytes
    }

    /// Reads a header whose checksum is right and whose fields are possible.
    pub(crate) fn decode(bytes: &[u8], salt: u32) -> Result<Self, Damage> {
        let Some(bytes) = bytes.get(..BLOCK_HEADER_BYTES) else {
            return Err(if bytes.iter().all(|byte| *byte == 0) { Damage::Zeroed } else { Damage::NotABlock });
        };
        if u32_at(bytes, 0) != BLOCK_MAGIC {
            return Err(if bytes.iter().all(|byte| *byte == 0) { Damage::Zeroed } else { Damage::NotABlock });
        }
        if u32_at(bytes, 4) != crc32c::crc32c_append(salt, &bytes[8..]) {
            return Err(Damage::HeaderChecksum);
        }
        let header = Self {
            previous_hash: Hash(array_at(bytes, 8)),
            first_position: Position(u64_at(bytes, 40)),
            stamp: i64::from_le_bytes(array_at(bytes, 48)),
            count: u32_at(bytes, 56),
            payload_length: u32_at(bytes, 60),
            payload_checksum: u32_at(bytes, 64),
            schema: u16::from_le_bytes(array_at(bytes, 68)),
        };
        let possible = header.count >= 1
            && header.first_position >= Position::FIRST
            && header.first_position.0.checked_add(u64::from(header.count)).is_some()
            && header.payload_bytes() <= MAX_PAYLOAD_BYTES
            && bytes[70..72] == [0, 0];
        if possible { Ok(header) } else { Err(Damage::HeaderField) }
    }

    pub(crate) fn payload_bytes(&self) -> usize {
        usize::try_from(self.payload_length).expect("memory lengths have at least 32 bits")
    }

    /// The bytes of the whole block, padding included.
    pub(crate) fn block_bytes(&self) -> usize {
        block_bytes(self.payload_bytes())
    }

    pub(crate) fn last_position(&self) -> Position {
        Position(self.first_position.0 + u64::from(self.count) - 1)
    }

    pub(crate) fn next_position(&self) -> Position {
        Position(self.first_position.0 + u64::from(self.count))
    }
}

/// Returns the checksum of a payload with its padding.
pub(crate) fn payload_checksum(padded_payload: &[u8], salt: u32) -> u32 {
    crc32c::crc32c_append(salt, padded_payload)
}

/// Returns the hash of a block from its bytes, padding excluded.
pub(crate) fn block_hash(bytes: &[u8]) -> Hash {
    Hash(*blake3::hash(&bytes[HASHED_FROM..]).as_bytes())
}

/// Returns the hash of a block from its parts.
pub(crate) fn block_hash_of_parts(header: &[u8; BLOCK_HEADER_BYTES], payload: &[u8]) -> Hash {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&header[HASHED_FROM..]).update(payload);
    Hash(*hasher.finalize().as_bytes())
}

const SEGMENT_PREFIX: &str = "segment-";
const SEGMENT_SUFFIX: &str = ".log";

pub(crate) fn segment_name(first: Position) -> String {
    format!("{SEGMENT_PREFIX}{first:020}{SEGMENT_SUFFIX}")
}

/// Reads a position out of a file name; `None` if it is no segment's name.
pub(crate) fn parse_segment_name(name: &str) -> Option<Position> {
    parse_numbered(name, SEGMENT_PREFIX, SEGMENT_SUFFIX)
}

pub(crate) fn parse_numbered(name: &str, prefix: &str, suffix: &str) -> Option<Position> {
    let digits = name.strip_prefix(prefix)?.strip_suffix(suffix)?;
    let all_digits = digits.len() == 20 && digits.bytes().all(|byte| byte.is_ascii_digit());
    if all_digits { digits.parse().ok().map(Position) } else { None }
}

pub(crate) fn array_at<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    bytes[at..at + N].try_into().expect("the slice has exactly that length")
}

pub(crate) fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(array_at(bytes, at))
}

pub(crate) fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(array_at(bytes, at))
}
