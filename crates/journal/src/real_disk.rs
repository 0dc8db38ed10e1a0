//! A directory of the operating system as a [`Disk`].

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io,
    os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use crate::disk::{Access, Disk, DiskFile};

const LOCK_NAME: &str = "lock";
const ZERO_CHUNK_BYTES: usize = 1 << 20;

/// A directory on a local file system.
///
/// Needs a file system that keeps `fdatasync`'s promise and has `flock`; network file systems often don't.
#[derive(Debug, Clone)]
pub struct RealDisk {
    directory: PathBuf,
}

impl RealDisk {
    /// Opens a directory, and creates it and its parents (readable by their owner alone) if it is missing.
    ///
    /// # Errors
    /// Any failure to create it or to make its creation durable.
    pub fn create(directory: impl Into<PathBuf>) -> io::Result<Self> {
        let directory = directory.into();
        create_durably(&directory)?;
        Ok(Self { directory })
    }

    /// Names a directory that should exist, without touching it: for reading.
    pub fn existing(directory: impl Into<PathBuf>) -> Self {
        Self { directory: directory.into() }
    }

    /// Returns the directory.
    pub fn directory(&self) -> &Path {
        &self.directory
    }
}

fn create_durably(directory: &Path) -> io::Result<()> {
    if directory.is_dir() {
        return Ok(());
    }
    let parent = match directory.parent() {
        Some(parent) if parent.as_os_str().is_empty() => Path::new("."),
        Some(parent) => parent,
        None => return Ok(()),
    };
    create_durably(parent)?;
    match DirBuilder::new().mode(0o700).create(directory) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && directory.is_dir() => {}
        other => other?,
    }
    File::open(parent)?.sync_all()
}

impl Disk for RealDisk {
    type File = RealFile;
    type Lock = RealLock;

    fn create_new(&self, name: &str) -> io::Result<RealFile> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create_new(true).mode(0o600);
        options.open(self.path(name)).map(RealFile)
    }

    fn open(&self, name: &str, access: Access) -> io::Result<RealFile> {
        let mut options = OpenOptions::new();
        options.read(true).write(access == Access::ReadWrite);
        options.open(self.path(name)).map(RealFile)
    }

    fn list(&self) -> io::Result<Vec<String>> {
        let entries = match fs::read_dir(&self.directory) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            other => other?,
        };
        let mut names = Vec::new();
        for entry in entries {
            // A name that is not UTF-8 is none of ours.
            if let Ok(name) = entry?.file_name().into_string() {
                names.push(name);
            }
        }
        Ok(names)
    }

    fn exists(&self, name: &str) -> io::Result<bool> {
        self.path(name).try_exists()
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        fs::remove_file(self.path(name))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        fs::rename(self.path(from), self.path(to))
    }

    fn sync_directory(&self) -> io::Result<()> {
        File::open(&self.directory)?.sync_all()
    }

    fn lock(&self) -> io::Result<RealLock> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false).mode(0o600);
        let file = options.open(self.path(LOCK_NAME))?;
        rustix::fs::flock(&file, rustix::fs::FlockOperation::NonBlockingLockExclusive)?;
        Ok(RealLock { _file: file })
    }

    fn free_bytes(&self) -> io::Result<Option<u64>> {
        let figures = rustix::fs::statvfs(&self.directory)?;
        Ok(Some(figures.f_bavail.saturating_mul(figures.f_frsize)))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }
}

/// An open file of a [`RealDisk`].
#[derive(Debug)]
pub struct RealFile(File);

impl DiskFile for RealFile {
    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.0.write_all_at(bytes, offset)
    }

    fn read_at(&self, offset: u64, bytes: &mut [u8]) -> io::Result<usize> {
        self.0.read_at(bytes, offset)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.0.sync_data()
    }

    fn length(&self) -> io::Result<u64> {
        Ok(self.0.metadata()?.len())
    }

    fn allocate(&self, length: u64) -> io::Result<()> {
        reserve(&self.0, length)?;
        // Reserved space reads as zeros but is "unwritten": each first write to it would change metadata, and
        // each sync would wait for that. Writing the zeros pays once, here.
        let zeros = vec![0_u8; ZERO_CHUNK_BYTES];
        let mut offset = 0;
        while offset < length {
            let chunk = crate::format::index_of(length - offset).min(ZERO_CHUNK_BYTES);
            self.0.write_all_at(&zeros[..chunk], offset)?;
            offset += crate::format::bytes_of(chunk);
            // Bit by bit: one sync of it all would hold up the syncs of those who append meanwhile.
            self.0.sync_data()?;
        }
        Ok(())
    }
}

/// Asks for the space at once, so that a full disk says so before a minute of writing.
#[cfg(target_os = "linux")]
fn reserve(file: &File, length: u64) -> io::Result<()> {
    match rustix::fs::fallocate(file, rustix::fs::FallocateFlags::empty(), 0, length) {
        // Some file systems have no such call; the zeros will find out.
        Err(rustix::io::Errno::OPNOTSUPP | rustix::io::Errno::NOSYS) => Ok(()),
        other => Ok(other?),
    }
}

#[cfg(not(target_os = "linux"))]
fn reserve(_file: &File, _length: u64) -> io::Result<()> {
    Ok(())
}

/// Holds the lock of a [`RealDisk`] until dropped, also when the process is killed.
#[derive(Debug)]
pub struct RealLock {
    _file: File,
}
