//! The bytes of a file, unpacked, and how many of the packed ones were read.

use anyhow::{Context, Result};
use flate2::read::MultiGzDecoder;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// A file being read; `-` is standard input.
pub(crate) struct Source {
    bytes: Box<dyn Read>,
    read: Arc<AtomicU64>,
    total: u64,
}

impl Source {
    /// Opens a file, unpacking it when its name ends in `.gz`.
    ///
    /// # Errors
    /// It can't be opened.
    pub(crate) fn open(path: &Path) -> Result<Self> {
        let read = Arc::new(AtomicU64::new(0));
        if path.as_os_str() == "-" {
            let bytes = Counting { inner: io::stdin(), read: Arc::clone(&read) };
            return Ok(Self { bytes: Box::new(bytes), read, total: 0 });
        }
        let doing = || format!("opening {}", path.display());
        let file = File::open(path).with_context(doing)?;
        let total = file.metadata().with_context(doing)?.len();
        let counting = Counting { inner: file, read: Arc::clone(&read) };
        let bytes: Box<dyn Read> = if path.extension().is_some_and(|ending| ending == "gz") {
            Box::new(MultiGzDecoder::new(io::BufReader::with_capacity(1 << 16, counting)))
        } else {
            Box::new(counting)
        };
        Ok(Self { bytes, read, total })
    }

    /// Bytes read so far, of those on disk.
    pub(super) fn bytes_read(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.read)
    }

    /// Bytes on disk; zero when that is not known.
    pub(super) fn bytes_total(&self) -> u64 {
        self.total
    }
}

impl Read for Source {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.bytes.read(into)
    }
}

struct Counting<R> {
    inner: R,
    read: Arc<AtomicU64>,
}

impl<R: Read> Read for Counting<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(into)?;
        self.read.fetch_add(u64::try_from(count).unwrap_or(u64::MAX), Ordering::Relaxed);
        Ok(count)
    }
}
