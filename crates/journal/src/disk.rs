//! The few things a journal asks of a file system, so that a faulty one can stand in for it.

use std::{io, path::PathBuf};

/// Tells whether a file is opened to be read only, or to be written too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Reads only; works on a read-only file system.
    Read,
    /// Reads and writes.
    ReadWrite,
}

/// A flat directory of files that belongs to one journal.
///
/// Names have no separators. What was created, renamed or removed survives a power loss only after
/// [`Disk::sync_directory`]. Failures are told by [`io::ErrorKind`]: `StorageFull` and `QuotaExceeded` are
/// a full disk, `ReadOnlyFilesystem` and `PermissionDenied` a place that can't be written, `WouldBlock`
/// from [`Disk::lock`] another holder.
pub trait Disk: Clone + Send + Sync + 'static {
    /// An open file.
    type File: DiskFile;
    /// Holds the directory's lock until dropped.
    type Lock: Send + Sync + 'static;

    /// Creates an empty file, open for reading and writing.
    ///
    /// # Errors
    /// `AlreadyExists` if the name is taken.
    fn create_new(&self, name: &str) -> io::Result<Self::File>;

    /// Opens a file that exists.
    ///
    /// # Errors
    /// `NotFound` if there is none of that name.
    fn open(&self, name: &str, access: Access) -> io::Result<Self::File>;

    /// Lists the names of all files, in no order. A directory that does not exist has none.
    ///
    /// # Errors
    /// Any failure to read the directory.
    fn list(&self) -> io::Result<Vec<String>>;

    /// Tells whether a file of that name exists.
    ///
    /// # Errors
    /// Any failure but its absence.
    fn exists(&self, name: &str) -> io::Result<bool>;

    /// Removes a file; those who have it open can go on reading it.
    ///
    /// # Errors
    /// `NotFound` if there is none of that name.
    fn remove(&self, name: &str) -> io::Result<()>;

    /// Renames a file atomically, replacing one that has the new name.
    ///
    /// # Errors
    /// `NotFound` if there is none of the old name.
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;

    /// Makes all earlier creations, renames and removals durable.
    ///
    /// # Errors
    /// After a failure, none of them can be relied on.
    fn sync_directory(&self) -> io::Result<()>;

    /// Takes the exclusive lock of the directory without waiting.
    ///
    /// # Errors
    /// `WouldBlock` if somebody holds it, in this process or another.
    fn lock(&self) -> io::Result<Self::Lock>;

    /// Returns the bytes that may still be allocated, or `None` if the disk can't tell.
    ///
    /// # Errors
    /// Any failure to ask.
    fn free_bytes(&self) -> io::Result<Option<u64>>;

    /// Returns how to call a file when speaking to people; no I/O.
    fn path(&self, name: &str) -> PathBuf;
}

/// An open file of a [`Disk`]; offsets and lengths are in bytes.
pub trait DiskFile: Send + Sync + 'static {
    /// Writes all bytes at an offset; durable only after [`DiskFile::sync_data`].
    ///
    /// # Errors
    /// After a failure any part of them may have been written.
    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()>;

    /// Reads at an offset and returns how many bytes there were: fewer than asked for near the end, 0 at or
    /// beyond it.
    ///
    /// # Errors
    /// Any failure to read.
    fn read_at(&self, offset: u64, bytes: &mut [u8]) -> io::Result<usize>;

    /// Makes all earlier writes to this file durable, and its length.
    ///
    /// # Errors
    /// After a failure none of them can be relied on, ever.
    fn sync_data(&self) -> io::Result<()>;

    /// Returns the file's length.
    ///
    /// # Errors
    /// Any failure to ask.
    fn length(&self) -> io::Result<u64>;

    /// Gives an empty file a length of zero bytes, really written, so that a later write inside needs neither
    /// space nor metadata. Durable only after [`DiskFile::sync_data`].
    ///
    /// # Errors
    /// `StorageFull` or `QuotaExceeded` if there is not enough space.
    fn allocate(&self, length: u64) -> io::Result<()>;
}
