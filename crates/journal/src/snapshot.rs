//! Snapshot files: a state at a position, compressed, and verified before any of it is handed out.
//!
//! A snapshot is derived: whatever is wrong with one, the journal still has the truth. So loading passes over what it
//! can't use and says why. The bytes: `docs/formats/journal.md`.

use std::{
    fmt,
    io::{self, BufReader, Read, Write},
};

use crate::{
    disk::{Access, Disk, DiskFile},
    error::{Error, Operation},
    format::{Hash, Position, array_at, bytes_of, index_of, parse_numbered, u32_at, u64_at},
};

const MAGIC: &[u8; 8] = b"STIDESNP";
/// The version of the snapshot format that is written and read.
pub const SNAPSHOT_FORMAT_VERSION: u32 = 1;
const HEADER_BYTES: usize = 64;
const TRAILER_BYTES: u64 = 32;
const BUFFER_BYTES: usize = 256 << 10;
const COMPRESSION_LEVEL: i32 = 1;
const PREFIX: &str = "snapshot-";
const SUFFIX: &str = ".snap";
const TEMPORARY_SUFFIX: &str = ".snap.tmp";

/// What a snapshot says about itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// Its file in the directory.
    pub file_name: String,
    /// The state is the one right after this entry, the last of its block.
    pub position: Position,
    /// The hash of the block that ends there.
    pub hash: Hash,
    /// How to read the state, by its writer.
    pub schema: u32,
}

/// Why a snapshot was not used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Unusable {
    /// The file can't be read.
    #[error("it can't be read")]
    Unreadable(#[source] io::Error),
    /// The file is not what was written.
    #[error("it is damaged")]
    Damaged,
    /// Another program wrote it.
    #[error("it has snapshot format version {found}")]
    OtherFormat {
        /// Its version.
        found: u32,
    },
    /// Its state has another schema.
    #[error("its state has schema {found}")]
    OtherSchema {
        /// Its schema.
        found: u32,
    },
    /// It is of a position that is not wanted: the journal may have lost its end.
    #[error("it is ahead of the journal")]
    Ahead,
    /// No block of this journal ends at its position with its hash.
    #[error("it is not of this journal")]
    OtherHistory,
    /// Whoever was to read the state could not.
    #[error("its state can't be read")]
    Refused(#[source] io::Error),
}

/// A snapshot that was not used.
#[derive(Debug)]
pub struct PassedOver {
    /// Its file in the directory.
    pub file_name: String,
    /// Why.
    pub reason: Unusable,
}

impl fmt::Display for PassedOver {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} was passed over: {}", self.file_name, self.reason)
    }
}

/// What loading came to.
#[derive(Debug)]
pub struct Loaded<T> {
    /// The newest snapshot that can be used, and what was read from it.
    pub found: Option<(Snapshot, T)>,
    /// Newer ones that can't, newest first.
    pub passed_over: Vec<PassedOver>,
}

fn file_name(position: Position) -> String {
    format!("{PREFIX}{position:020}{SUFFIX}")
}

/// Lists the positions of all snapshot files, newest first, without looking into them.
///
/// # Errors
/// [`Error::Disk`].
pub fn positions<D: Disk>(disk: &D) -> Result<Vec<Position>, Error> {
    let names = disk.list().map_err(|source| Error::of_disk(Operation::List, disk.path(""), source))?;
    let mut found: Vec<_> = names.iter().filter_map(|name| parse_numbered(name, PREFIX, SUFFIX)).collect();
    found.sort_unstable_by(|a, b| b.cmp(a));
    Ok(found)
}

/// Writes a snapshot of the state right after `position`, and removes all but it and the next older one.
///
/// `fill` writes the state; it is compressed and hashed on the way and never held in memory. The snapshot is durable
/// under its name when this returns, or not there at all. Only one may be written at a time. Snapshots of greater
/// positions are removed too: the journal they were of is no more.
///
/// # Errors
/// [`Error::NoSpace`], [`Error::ReadOnly`], [`Error::Disk`], also for what `fill` returns.
pub fn write<D: Disk>(
    disk: &D,
    position: Position,
    hash: Hash,
    schema: u32,
    fill: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> Result<Snapshot, Error> {
    remove_where(disk, |name| name.starts_with(PREFIX) && name.ends_with(TEMPORARY_SUFFIX))?;
    let snapshot = Snapshot { file_name: file_name(position), position, hash, schema };
    let temporary = format!("{PREFIX}{position:020}{TEMPORARY_SUFFIX}");
    if let Err(error) = write_temporary(disk, &temporary, &snapshot, fill) {
        // Gives the space back. If this fails too, the next snapshot begins with it.
        let _ = disk.remove(&temporary);
        return Err(error);
    }
    let name = &snapshot.file_name;
    disk.rename(&temporary, name).map_err(|source| Error::of_disk(Operation::Rename, disk.path(name), source))?;
    sync_directory(disk)?;

    let older = positions(disk)?.into_iter().find(|other| *other < position);
    let keep = |found: Position| found == position || Some(found) == older;
    let removed = remove_where(disk, |name| parse_numbered(name, PREFIX, SUFFIX).is_some_and(|found| !keep(found)))?;
    if removed {
        sync_directory(disk)?;
    }
    Ok(snapshot)
}

fn sync_directory<D: Disk>(disk: &D) -> Result<(), Error> {
    disk.sync_directory().map_err(|source| Error::of_disk(Operation::SyncDirectory, disk.path(""), source))
}

fn remove_where<D: Disk>(disk: &D, unwanted: impl Fn(&str) -> bool) -> Result<bool, Error> {
    let names = disk.list().map_err(|source| Error::of_disk(Operation::List, disk.path(""), source))?;
    let mut any = false;
    for name in names.iter().filter(|name| unwanted(name)) {
        disk.remove(name).map_err(|source| Error::of_disk(Operation::Remove, disk.path(name), source))?;
        any = true;
    }
    Ok(any)
}

fn write_temporary<D: Disk>(
    disk: &D,
    name: &str,
    snapshot: &Snapshot,
    fill: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> Result<(), Error> {
    let failed = |operation| {
        let file = disk.path(name);
        move |source| Error::of_disk(operation, file, source)
    };
    let file = disk.create_new(name).map_err(failed(Operation::Create))?;
    let mut sink = Sink { file: &file, hasher: blake3::Hasher::new(), buffer: Vec::new(), offset: 0 };
    write_into(&mut sink, snapshot, fill).map_err(failed(Operation::Write))?;
    file.sync_data().map_err(failed(Operation::Sync))
}

fn write_into<F: DiskFile>(
    sink: &mut Sink<'_, F>,
    snapshot: &Snapshot,
    fill: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> io::Result<()> {
    sink.write_all(&encode_header(snapshot))?;
    let mut encoder = zstd::Encoder::new(&mut *sink, COMPRESSION_LEVEL)?;
    fill(&mut encoder)?;
    encoder.finish()?;
    sink.flush()?;
    let trailer = *sink.hasher.finalize().as_bytes();
    sink.write_all(&trailer)?;
    sink.flush()
}

fn encode_header(snapshot: &Snapshot) -> [u8; HEADER_BYTES] {
    let mut bytes = [0; HEADER_BYTES];
    bytes[0..8].copy_from_slice(MAGIC);
    bytes[8..12].copy_from_slice(&SNAPSHOT_FORMAT_VERSION.to_le_bytes());
    bytes[12..16].copy_from_slice(&snapshot.schema.to_le_bytes());
    bytes[16..24].copy_from_slice(&snapshot.position.0.to_le_bytes());
    bytes[24..56].copy_from_slice(&snapshot.hash.0);
    bytes
}

/// Writes to a file, and hashes.
struct Sink<'a, F> {
    file: &'a F,
    hasher: blake3::Hasher,
    buffer: Vec<u8>,
    offset: u64,
}

impl<F: DiskFile> Write for Sink<'_, F> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.buffer.extend_from_slice(bytes);
        if self.buffer.len() >= BUFFER_BYTES {
            self.flush()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.hasher.update(&self.buffer);
        self.file.write_at(self.offset, &self.buffer)?;
        self.offset += bytes_of(self.buffer.len());
        self.buffer.clear();
        Ok(())
    }
}

/// Reads the newest snapshot of a schema, at most of a position, that belongs to the journal.
///
/// `hash_at` gives the hash of the journal's block that ends at a position ([`Reader::hash_at`]), `None` if none does.
/// A snapshot's hash is verified over the whole file before `read` sees the first byte of its state, decompressed as it
/// reads. What can't be used is passed over, also if `read` fails.
///
/// # Errors
/// Those of `hash_at`; [`Error::Disk`] if the directory can't be listed.
///
/// [`Reader::hash_at`]: crate::Reader::hash_at
pub fn load_newest<D: Disk, T>(
    disk: &D,
    schema: u32,
    at_most: Position,
    mut hash_at: impl FnMut(Position) -> Result<Option<Hash>, Error>,
    mut read: impl FnMut(&Snapshot, &mut dyn Read) -> io::Result<T>,
) -> Result<Loaded<T>, Error> {
    let mut loaded = Loaded { found: None, passed_over: Vec::new() };
    for position in positions(disk)? {
        let file_name = file_name(position);
        let belongs = |snapshot: &Snapshot| Ok(hash_at(snapshot.position)? == Some(snapshot.hash));
        let outcome = if position > at_most {
            Err(Unusable::Ahead)
        } else {
            load_one(disk, &file_name, schema, belongs, &mut read)?
        };
        match outcome {
            Ok(found) => {
                loaded.found = Some(found);
                return Ok(loaded);
            }
            Err(reason) => loaded.passed_over.push(PassedOver { file_name, reason }),
        }
    }
    Ok(loaded)
}

fn load_one<D: Disk, T>(
    disk: &D,
    file_name: &str,
    schema: u32,
    mut belongs: impl FnMut(&Snapshot) -> Result<bool, Error>,
    read: &mut impl FnMut(&Snapshot, &mut dyn Read) -> io::Result<T>,
) -> Result<Result<(Snapshot, T), Unusable>, Error> {
    let (file, length, snapshot) = match open_verified(disk, file_name) {
        Ok(opened) => opened,
        Err(reason) => return Ok(Err(reason)),
    };
    if snapshot.schema != schema {
        return Ok(Err(Unusable::OtherSchema { found: snapshot.schema }));
    }
    if !belongs(&snapshot)? {
        return Ok(Err(Unusable::OtherHistory));
    }
    let source = Source { file: &file, offset: bytes_of(HEADER_BYTES), limit: length - TRAILER_BYTES };
    let decoder = zstd::Decoder::with_buffer(BufReader::with_capacity(BUFFER_BYTES, source));
    let state = decoder.and_then(|mut decoder| read(&snapshot, &mut decoder));
    Ok(state.map(|state| (snapshot, state)).map_err(Unusable::Refused))
}

/// Opens a snapshot and verifies its hash over the whole file.
fn open_verified<D: Disk>(disk: &D, file_name: &str) -> Result<(D::File, u64, Snapshot), Unusable> {
    let file = disk.open(file_name, Access::Read).map_err(Unusable::Unreadable)?;
    let length = file.length().map_err(Unusable::Unreadable)?;
    let Some(hashed) = length.checked_sub(TRAILER_BYTES).filter(|hashed| *hashed >= bytes_of(HEADER_BYTES)) else {
        return Err(Unusable::Damaged);
    };
    let mut source = Source { file: &file, offset: 0, limit: length };
    let mut header = [0; HEADER_BYTES];
    source.read_exact(&mut header).map_err(Unusable::Unreadable)?;
    if &header[0..8] != MAGIC {
        return Err(Unusable::Damaged);
    }
    let mut hasher = blake3::Hasher::new();
    hasher.update(&header);
    source.limit = hashed;
    hasher.update_reader(BufReader::with_capacity(BUFFER_BYTES, &mut source)).map_err(Unusable::Unreadable)?;
    source.limit = length;
    let mut trailer = [0; 32];
    source.read_exact(&mut trailer).map_err(Unusable::Unreadable)?;
    if trailer != *hasher.finalize().as_bytes() {
        return Err(Unusable::Damaged);
    }
    let version = u32_at(&header, 8);
    if version != SNAPSHOT_FORMAT_VERSION {
        return Err(Unusable::OtherFormat { found: version });
    }
    let snapshot = Snapshot {
        file_name: file_name.to_owned(),
        position: Position(u64_at(&header, 16)),
        hash: Hash(array_at(&header, 24)),
        schema: u32_at(&header, 12),
    };
    let named = parse_numbered(file_name, PREFIX, SUFFIX) == Some(snapshot.position);
    if named { Ok((file, length, snapshot)) } else { Err(Unusable::Damaged) }
}

/// Reads a file from an offset to a limit.
struct Source<'a, F> {
    file: &'a F,
    offset: u64,
    limit: u64,
}

impl<F: DiskFile> Read for Source<'_, F> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let length = bytes.len().min(index_of(self.limit.saturating_sub(self.offset)));
        let count = self.file.read_at(self.offset, &mut bytes[..length])?;
        self.offset += bytes_of(count);
        Ok(count)
    }
}
