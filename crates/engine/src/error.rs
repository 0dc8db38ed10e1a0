//! What can fail in an engine, and why it may refuse work.

use std::path::PathBuf;

/// Why an engine could not be opened or could not answer.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The journal failed; its own code says how.
    #[error("the journal in {directory}")]
    Journal {
        /// The data directory.
        directory: PathBuf,
        /// What failed.
        #[source]
        source: journal::Error,
    },
    /// A record in the journal cannot be read, though its checksum is right.
    #[error("record {index} of the block that begins at position {block}")]
    Record {
        /// The first position of the block.
        block: u64,
        /// The record's index in the block.
        index: u32,
        /// What is wrong with it.
        #[source]
        source: wire::record::RecordError,
    },
    /// An entry does not follow from those before it.
    #[error("the entry at position {position} does not follow from those before it")]
    Sequence {
        /// Where it stands.
        position: u64,
    },
    /// The history index failed. It is rebuilt from the journal when its files are removed.
    #[error("the history index {file}")]
    History {
        /// The index file.
        file: PathBuf,
        /// What failed.
        #[source]
        source: rusqlite::Error,
    },
    /// An index of what follows from the journal failed. It is made again when its files are removed.
    #[error("the index {file}")]
    Index {
        /// The index file.
        file: PathBuf,
        /// What failed.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The data directory could not be prepared or read.
    #[error("{doing} {path}")]
    Directory {
        /// What was attempted.
        doing: &'static str,
        /// On what.
        path: PathBuf,
        /// What failed.
        #[source]
        source: std::io::Error,
    },
    /// A thread could not be started.
    #[error("starting the {name} thread")]
    Thread {
        /// Which.
        name: &'static str,
        /// What failed.
        #[source]
        source: std::io::Error,
    },
}

impl Error {
    /// The stable code, whose page is `docs/errors/<code>.md`.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Journal { source, .. } => source.code(),
            Self::Record { .. } => "ST0201",
            Self::Sequence { .. } => "ST0202",
            Self::History { .. } => "ST0203",
            Self::Directory { .. } => "ST0204",
            Self::Thread { .. } => "ST0205",
            Self::Index { .. } => "ST0206",
        }
    }

    /// Whether what was written is not what is there: a person has to look.
    pub fn is_damage(&self) -> bool {
        match self {
            Self::Journal { source, .. } => source.is_damage(),
            Self::Record { .. } | Self::Sequence { .. } => true,
            _ => false,
        }
    }
}

/// Why work was refused. Nothing of it was recorded, as far as is known; sending it again is safe.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unavailable {
    /// More waits than may wait.
    #[error("the queue is full; send again in a moment")]
    Full,
    /// The disk has no space; work is taken again when there is.
    #[error("the disk is full; free space, and work is taken again by itself")]
    DiskFull,
    /// The disk failed; the program must be started again once that is mended.
    #[error("the disk failed; mend it and start stocktide again")]
    DiskFailed,
    /// The engine is stopping.
    #[error("stocktide is stopping")]
    Stopping,
}

impl Unavailable {
    /// The stable code used outside.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Full => "queue_full",
            Self::DiskFull => "disk_full",
            Self::DiskFailed => "disk_failed",
            Self::Stopping => "stopping",
        }
    }
}
