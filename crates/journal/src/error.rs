//! What can go wrong with the world: the disk and the bytes on it.

use std::{fmt, io, path::PathBuf};

use crate::format::{Hash, Offset, Position};

/// What was being done when the disk failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Operation {
    /// Taking the lock of the directory.
    Lock,
    /// Listing the directory.
    List,
    /// Creating a file.
    Create,
    /// Opening a file.
    Open,
    /// Giving a file its length and space.
    Allocate,
    /// Reading.
    Read,
    /// Writing.
    Write,
    /// Making written bytes durable.
    Sync,
    /// Giving a file its name.
    Rename,
    /// Removing a file.
    Remove,
    /// Making names durable.
    SyncDirectory,
}

impl fmt::Display for Operation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Lock => "lock",
            Self::List => "list",
            Self::Create => "create",
            Self::Open => "open",
            Self::Allocate => "allocate",
            Self::Read => "read",
            Self::Write => "write",
            Self::Sync => "sync",
            Self::Rename => "rename",
            Self::Remove => "remove",
            Self::SyncDirectory => "sync directory",
        })
    }
}

/// How bytes differ from what was once acknowledged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Damage {
    /// The segment's header is not one, or its checksum is wrong.
    SegmentHeader,
    /// The file's name and its header name different first positions.
    SegmentName {
        /// The first position by the header.
        found: Position,
    },
    /// The file has not the length it was created with.
    SegmentLength {
        /// Bytes by the header.
        expected: u64,
        /// Bytes there are.
        found: u64,
    },
    /// One or more segments before this one are gone, though older ones are there.
    SegmentMissing {
        /// How many.
        count: u64,
    },
    /// The segment's order by number and by position differ.
    SegmentOrder,
    /// The segment belongs to another journal.
    OtherJournal,
    /// Zeros where a block must be.
    Zeroed,
    /// Bytes where a block must be, that don't start like one.
    NotABlock,
    /// The checksum of a block's header is wrong.
    HeaderChecksum,
    /// A block's header has a right checksum and an impossible value.
    HeaderField,
    /// The checksum of a block's payload is wrong.
    PayloadChecksum,
    /// A block reaches beyond the end of its file.
    Overrun,
    /// A block does not start where the one before ended.
    PositionGap {
        /// The position that must come.
        expected: Position,
        /// The position that came.
        found: Position,
    },
    /// The chain is broken: a block does not follow from the one before.
    PreviousHash {
        /// The hash of the block before.
        expected: Hash,
        /// What the block names as the one before.
        found: Hash,
    },
    /// A stamp went back.
    Stamp,
    /// Bytes that no write of ours left stand behind the last block.
    BytesAfterEnd,
}

impl fmt::Display for Damage {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SegmentHeader => formatter.write_str("the segment's header is not intact"),
            Self::SegmentName { found } => {
                write!(formatter, "the header says that the segment starts at position {found}")
            }
            Self::SegmentLength { expected, found } => {
                write!(formatter, "the file has {found} bytes and was created with {expected}")
            }
            Self::SegmentMissing { count } => write!(formatter, "missing segments before this one: {count}"),
            Self::SegmentOrder => formatter.write_str("segments are not in order"),
            Self::OtherJournal => formatter.write_str("the segment belongs to another journal"),
            Self::Zeroed => formatter.write_str("zeros where a block must be"),
            Self::NotABlock => formatter.write_str("no block where one must be"),
            Self::HeaderChecksum => formatter.write_str("wrong checksum of the block's header"),
            Self::HeaderField => formatter.write_str("impossible value in the block's header"),
            Self::PayloadChecksum => formatter.write_str("wrong checksum of the block's payload"),
            Self::Overrun => formatter.write_str("the block reaches beyond the end of the file"),
            Self::PositionGap { expected, found } => {
                write!(formatter, "position {found} where {expected} must be")
            }
            Self::PreviousHash { expected, found } => {
                write!(formatter, "the chain is broken: previous hash {found} where {expected} must be")
            }
            Self::Stamp => formatter.write_str("the block's stamp is before that of an earlier block"),
            Self::BytesAfterEnd => formatter.write_str("stray bytes after the last block"),
        }
    }
}

/// A failure of the journal. [`Error::code`] names its page in `docs/errors/`.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Somebody else has the journal open for writing.
    #[error("the journal in {directory} is in use by another process")]
    Locked {
        /// The journal's directory.
        directory: PathBuf,
    },
    /// The place can't be written.
    #[error("can't {operation} {file}: it may only be read")]
    ReadOnly {
        /// What was being done.
        operation: Operation,
        /// The file or directory.
        file: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The disk is full; nothing was written, and the same may be tried again.
    #[error("no space to {operation} {file}")]
    NoSpace {
        /// What was being done.
        operation: Operation,
        /// The file.
        file: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The disk failed at something that leaves the journal as it was.
    #[error("can't {operation} {file}")]
    Disk {
        /// What was being done.
        operation: Operation,
        /// The file or directory.
        file: PathBuf,
        /// Where in the file, if at a place.
        offset: Option<Offset>,
        /// Why.
        source: io::Error,
    },
    /// Somebody appended in between, or nobody did.
    #[error("expected the journal to end at position {expected}, but it ends at {actual}")]
    Fenced {
        /// The last position by the caller.
        expected: Position,
        /// The last position there is.
        actual: Position,
    },
    /// The block is too long.
    #[error("a block of {length} bytes is longer than {max}")]
    TooLong {
        /// Its payload, in bytes.
        length: usize,
        /// The most there may be, in bytes.
        max: usize,
    },
    /// Writing a block failed: whether it is there will be known after opening anew. The writer is poisoned.
    #[error("can't {operation} the block at offset {offset} of {file}")]
    AppendFailed {
        /// What was being done.
        operation: Operation,
        /// The segment.
        file: PathBuf,
        /// Where the block begins.
        offset: Offset,
        /// Why.
        source: io::Error,
    },
    /// An earlier write failed; the journal must be opened anew.
    #[error("the journal takes nothing more since an earlier write failed")]
    Poisoned,
    /// The bytes are not those that were written.
    #[error("{file} is damaged at offset {offset}: {reason}")]
    Damaged {
        /// The segment.
        file: PathBuf,
        /// Where the damage was noticed.
        offset: Offset,
        /// How.
        reason: Damage,
    },
    /// A newer program wrote this.
    #[error("{file} has format version {found}; this program reads up to {supported}")]
    NewerFormat {
        /// The file.
        file: PathBuf,
        /// Its version.
        found: u32,
        /// The newest that is known.
        supported: u32,
    },
    /// There is no journal.
    #[error("no journal in {directory}")]
    NoJournal {
        /// The directory.
        directory: PathBuf,
    },
    /// What was asked for was removed by retention.
    #[error("position {position} was removed; the journal begins at {first}")]
    Removed {
        /// What was asked for.
        position: Position,
        /// The first there is.
        first: Position,
    },
    /// A journal is there already.
    #[error("{directory} holds a journal already")]
    NotEmpty {
        /// The directory.
        directory: PathBuf,
    },
    /// The directory is a copy that was never finished.
    #[error("{directory} is a copy that was not finished")]
    UnfinishedCopy {
        /// The directory.
        directory: PathBuf,
    },
}

impl Error {
    /// Returns the stable code, whose page is `docs/errors/<code>.md`.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Locked { .. } => "ST0101",
            Self::ReadOnly { .. } => "ST0102",
            Self::NoSpace { .. } => "ST0103",
            Self::Disk { .. } => "ST0104",
            Self::Fenced { .. } => "ST0105",
            Self::TooLong { .. } => "ST0106",
            Self::AppendFailed { .. } => "ST0107",
            Self::Poisoned => "ST0108",
            Self::Damaged { .. } => "ST0109",
            Self::NewerFormat { .. } => "ST0110",
            Self::NoJournal { .. } => "ST0111",
            Self::Removed { .. } => "ST0112",
            Self::NotEmpty { .. } => "ST0113",
            Self::UnfinishedCopy { .. } => "ST0114",
        }
    }

    /// Tells whether bytes are not those that were written: a person has to look.
    #[must_use]
    pub fn is_damage(&self) -> bool {
        matches!(self, Self::Damaged { .. } | Self::UnfinishedCopy { .. })
    }

    /// Tells whether the same may be tried again when there is space.
    #[must_use]
    pub fn is_no_space(&self) -> bool {
        matches!(self, Self::NoSpace { .. })
    }

    /// Tells whether somebody else has the journal.
    #[must_use]
    pub fn is_locked(&self) -> bool {
        matches!(self, Self::Locked { .. })
    }

    /// Tells whether the place may only be read.
    #[must_use]
    pub fn is_read_only(&self) -> bool {
        matches!(self, Self::ReadOnly { .. })
    }

    /// Tells whether the writer can't go on and the journal must be opened anew.
    #[must_use]
    pub fn is_poisoning(&self) -> bool {
        matches!(self, Self::AppendFailed { .. } | Self::Poisoned)
    }

    /// Sorts a failure of the disk by its kind.
    pub(crate) fn of_disk(operation: Operation, file: PathBuf, source: io::Error) -> Self {
        use io::ErrorKind::{PermissionDenied, QuotaExceeded, ReadOnlyFilesystem, StorageFull};
        match source.kind() {
            StorageFull | QuotaExceeded => Self::NoSpace { operation, file, source },
            ReadOnlyFilesystem => Self::ReadOnly { operation, file, source },
            PermissionDenied if operation != Operation::Read => Self::ReadOnly { operation, file, source },
            _ => Self::Disk { operation, file, offset: None, source },
        }
    }

    pub(crate) fn damaged(file: PathBuf, offset: u64, reason: Damage) -> Self {
        Self::Damaged { file, offset: Offset(offset), reason }
    }
}
