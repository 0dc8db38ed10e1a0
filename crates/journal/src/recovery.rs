//! Opening a journal: what is there, where it ends, and what to do about a torn tail.

use std::sync::Arc;

use crate::{
    disk::{Access, Disk, DiskFile},
    error::{Error, Operation},
    format::{Hash, Identity, Offset, Position, SEGMENT_HEADER_BYTES, SegmentHeader, bytes_of, index_of, segment_name},
    prepare::{Supply, is_prepared_name, make_prepared},
    reader::Reader,
    segment::{identity_of, load_segments, open_segment},
    shared::{Extent, Shared},
    tail::{Scanned, Tail, scan_last_segment},
    writer::Writer,
};

/// How to open a journal for writing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// The length of segments yet to be made, in bytes, headers included; what is there keeps its length. A block
    /// that is longer gets a segment of its own.
    pub segment_bytes: u64,
    /// Random bytes that a new journal keeps forever. `None`: do not create one where none is.
    pub seed_if_new: Option<[u8; 16]>,
}

impl Default for Options {
    /// Segments of 64 MiB; no journal is created.
    fn default() -> Self {
        Self { segment_bytes: 64 << 20, seed_if_new: None }
    }
}

/// How far a long walk has come, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Bytes that are done.
    pub bytes_done: u64,
    /// Bytes to do; the same through one walk.
    pub bytes_total: u64,
}

/// What was found when a journal was opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recovered {
    /// Whether the journal was made just now.
    pub created: bool,
    /// The random bytes that the journal was created with.
    pub seed: [u8; 16],
    /// Names the journal; the same in all its copies.
    pub journal_id: [u8; 16],
    /// The first position that was not removed by retention. One after the last if there is no entry.
    pub first_position: Position,
    /// The last position; 0 if there is no entry.
    pub last_position: Position,
    /// The hash of the last block; zeros if there is none.
    pub last_hash: Hash,
    /// The stamp of the last block; `None` if there is none.
    pub last_stamp: Option<i64>,
    /// Segment files.
    pub segment_count: usize,
    /// Incomplete blocks cut off at the end: 0 or 1. Nobody was told that they were durable.
    pub torn_blocks: u32,
    /// Bytes from the first to the last of what was cut off.
    pub torn_bytes: u64,
    /// Where it was cut, if it was: in the last segment.
    pub torn_at: Option<Offset>,
}

/// The way into a journal.
#[derive(Debug)]
pub struct Journal;

/// A writer, a reader of what it writes, and what was found.
pub type Opened<D> = (Writer<D>, Reader<D>, Recovered);

impl Journal {
    /// Opens a journal for writing, cuts off a torn tail, and creates it if it is missing and a seed is given.
    ///
    /// Reads the header of each segment and all of the last one. Damage inside older segments shows when they are
    /// read or by [`verify`](crate::verify()).
    ///
    /// ```
    /// use journal::{Journal, NewBlock, Options, Position, RealDisk};
    ///
    /// # let directory = tempfile::tempdir()?;
    /// # let directory = directory.path();
    /// let disk = RealDisk::create(directory)?;
    /// let options = Options { seed_if_new: Some([7; 16]), segment_bytes: 1 << 16 };
    /// let (mut writer, reader, recovered) = Journal::open(disk, options)?;
    /// assert_eq!(recovered.last_position, Position::NOTHING);
    ///
    /// let block = NewBlock { count: 2, stamp: 1000, schema: 1, payload: b"two entries" };
    /// assert_eq!(writer.append(Position::NOTHING, block)?, Position(2));
    ///
    /// let block = reader.block_containing(Position(1))?.expect("it is durable");
    /// assert_eq!(block.payload, b"two entries");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Locked`], [`Error::ReadOnly`], [`Error::UnfinishedCopy`], [`Error::NewerFormat`],
    /// [`Error::Damaged`], [`Error::NoJournal`], [`Error::NoSpace`] on creation, [`Error::Disk`].
    ///
    /// # Panics
    /// If `segment_bytes` is too short for a header and one block.
    pub fn open<D: Disk>(disk: D, options: Options) -> Result<Opened<D>, Error> {
        Self::open_with_progress(disk, options, &mut |_| {})
    }

    /// Does what [`Journal::open`] does and tells how far it has come.
    ///
    /// # Errors
    /// Those of [`Journal::open`].
    ///
    /// # Panics
    /// If `segment_bytes` is too short for a header and one block.
    pub fn open_with_progress<D: Disk>(
        disk: D,
        options: Options,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<Opened<D>, Error> {
        let lock = take_lock(&disk)?;
        let mut segments = load_segments(&disk)?;
        let created = segments.is_empty();
        if created {
            let seed = options.seed_if_new.ok_or_else(|| Error::NoJournal { directory: disk.path("") })?;
            segments.push(create_first_segment(&disk, options.segment_bytes, Identity::from_seed(seed))?);
        }
        remove_leftovers(&disk)?;
        let last = *segments.last().expect("one was made if there was none");
        let file = open_segment(&disk, last.first_position, Access::ReadWrite)?;
        let path = disk.path(&segment_name(last.first_position));
        let scanned = scan_last_segment(&file, &path, &last, progress)?;
        settle(&disk, &file, &last, &scanned)?;

        let recovered = describe(&segments, &scanned, created);
        let Scanned { end, marks, .. } = scanned;
        let identity = identity_of(&segments);
        let shared = Shared::new(disk.clone(), identity, Extent { segments, end, last_marks: marks });
        let supply = Supply::new(disk, options.segment_bytes, lock);
        let reader = Reader::new(Arc::clone(&shared));
        Ok((Writer::new(shared, supply, file, last, end), reader, recovered))
    }
}

pub(crate) fn take_lock<D: Disk>(disk: &D) -> Result<D::Lock, Error> {
    disk.lock().map_err(|source| match source.kind() {
        std::io::ErrorKind::WouldBlock => Error::Locked { directory: disk.path("") },
        _ => Error::of_disk(Operation::Lock, disk.path(""), source),
    })
}

fn create_first_segment<D: Disk>(disk: &D, length: u64, identity: Identity) -> Result<SegmentHeader, Error> {
    let header = SegmentHeader {
        identity,
        number: 0,
        first_position: Position::FIRST,
        file_length: length,
        previous_stamp: i64::MIN,
        previous_hash: Hash::default(),
    };
    let failed = |operation, name: &str| {
        let file = disk.path(name);
        move |source| Error::of_disk(operation, file, source)
    };
    let prepared = make_prepared(disk, 0, length)?;
    prepared.file.write_at(0, &header.encode()).map_err(failed(Operation::Write, &prepared.name))?;
    prepared.file.sync_data().map_err(failed(Operation::Sync, &prepared.name))?;
    let name = segment_name(Position::FIRST);
    disk.rename(&prepared.name, &name).map_err(failed(Operation::Rename, &name))?;
    disk.sync_directory().map_err(failed(Operation::SyncDirectory, ""))?;
    Ok(header)
}

/// Removes segments that were prepared and never used: an append may have failed half-way in one.
fn remove_leftovers<D: Disk>(disk: &D) -> Result<(), Error> {
    let names = disk.list().map_err(|source| Error::of_disk(Operation::List, disk.path(""), source))?;
    for name in names.iter().filter(|name| is_prepared_name(name)) {
        disk.remove(name).map_err(|source| Error::of_disk(Operation::Remove, disk.path(name), source))?;
    }
    Ok(())
}

/// Makes what was found the durable truth: names, the last block, zeros behind it.
///
/// The last block may have been written but never synced, or its sync may have failed, after which the operating
/// system shows bytes that it will not write again by itself. Writing the same bytes anew cures both.
fn settle<D: Disk>(disk: &D, file: &Arc<D::File>, segment: &SegmentHeader, scanned: &Scanned) -> Result<(), Error> {
    let path = disk.path(&segment_name(segment.first_position));
    let failed = |operation| {
        let file = path.clone();
        move |source| Error::of_disk(operation, file, source)
    };
    disk.sync_directory().map_err(|source| Error::of_disk(Operation::SyncDirectory, disk.path(""), source))?;
    let end = scanned.end.offset;
    let from = scanned.last_block.unwrap_or(0);
    let until = match scanned.tail {
        Tail::Clean => end,
        Tail::Torn { until } => until,
    };
    let kept = if scanned.last_block.is_some() { end - from } else { bytes_of(SEGMENT_HEADER_BYTES) };
    let mut bytes = vec![0; index_of(until - from)];
    let kept = index_of(kept);
    let mut filled = 0;
    while filled < kept {
        let at = from + bytes_of(filled);
        match file.read_at(at, &mut bytes[filled..kept]).map_err(failed(Operation::Read))? {
            0 => return Err(Error::damaged(path, at, crate::error::Damage::Overrun)),
            count => filled += count,
        }
    }
    file.write_at(from, &bytes).map_err(failed(Operation::Write))?;
    file.sync_data().map_err(failed(Operation::Sync))
}

fn describe(segments: &[SegmentHeader], scanned: &Scanned, created: bool) -> Recovered {
    let identity = identity_of(segments);
    let end = scanned.end;
    let torn_until = match scanned.tail {
        Tail::Clean => None,
        Tail::Torn { until } => Some(until),
    };
    Recovered {
        created,
        seed: identity.seed,
        journal_id: identity.id,
        first_position: segments[0].first_position,
        last_position: end.position,
        last_hash: end.hash,
        last_stamp: (end.position > Position::NOTHING).then_some(end.stamp),
        segment_count: segments.len(),
        torn_blocks: u32::from(torn_until.is_some()),
        torn_bytes: torn_until.map_or(0, |until| until - end.offset),
        torn_at: torn_until.map(|_| Offset(end.offset)),
    }
}
