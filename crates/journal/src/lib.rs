//! What survives: ordered, checksummed, hash-chained blocks of opaque bytes, and snapshots beside them.
//!
//! This crate must never know what an entry means, what time it is, or who calls. It sees a block as a
//! count of entries, a stamp that never goes back, a schema number and bytes.
//!
//! Its one invariant: **a block whose append was acknowledged is there, whole and unchanged, after any
//! crash; or opening fails with [`Error::Damaged`] and names the place.** Only the last block, which nobody
//! was told about, may vanish.
//!
//! Where to look next: [`Journal::open`] for the way in, [`Writer::append`] for what an acknowledgement
//! means, `recovery` for how a torn tail and damage are told apart, [`Disk`] for what a file system has to
//! promise, and `docs/formats/journal.md` for the bytes.

mod blocks;
mod copy;
mod disk;
mod error;
mod format;
mod index;
mod inspect;
mod prepare;
mod reader;
mod real_disk;
mod recovery;
mod segment;
mod segments;
mod shared;
pub mod snapshot;
mod tail;
mod verify;
mod window;
mod writer;

pub use blocks::{Block, Blocks, Verify};
pub use copy::Copied;
pub use disk::{Access, Disk, DiskFile};
pub use error::{Damage, Error, Operation};
pub use format::{FORMAT_VERSION, Hash, MAX_PAYLOAD_BYTES, Offset, Position};
pub use inspect::{Inspected, Inspection, inspect};
pub use prepare::Preparer;
pub use reader::Reader;
pub use real_disk::RealDisk;
pub use recovery::{Journal, Opened, Options, Progress, Recovered};
pub use segments::{SegmentSummary, Segments};
pub use verify::{Report, verify};
pub use writer::{NewBlock, Writer};
