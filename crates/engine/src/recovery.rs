//! From files to a running state: the newest snapshot that can be used, and what the journal has after it.

use crate::Error;
use crate::core::Core;
use crate::history::History;
use crate::shared::{table_seed, to_journal, to_ledger};
use journal::{Disk, Journal, Options, Reader, RealDisk, Recovered, Writer, snapshot};
use ledger::Position;
use ledger::{Decision, ImageError, Sink, Source};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use views::Views;

/// The schema of snapshots: the layouts of the images in them.
pub(crate) const SNAPSHOT_SCHEMA: u32 =
    (ledger::IMAGE_VERSION * 1000 + views::IMAGE_VERSION) * 1000 + watch::IMAGE_VERSION;

/// What a start is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Reading the journal's segments; bytes done of all.
    Scanning {
        /// Bytes read.
        done: u64,
        /// Bytes to read.
        total: u64,
    },
    /// Reading a snapshot.
    Loading,
    /// Applying entries; entries done of all.
    Replaying {
        /// Entries applied.
        done: u64,
        /// Entries to apply.
        total: u64,
    },
}

/// What a start found.
#[derive(Clone, Debug)]
pub struct Opened {
    /// Whether the journal was made just now.
    pub created: bool,
    /// The last position in the journal.
    pub last_position: Position,
    /// The position of the snapshot that the start began from; 0 without one.
    pub snapshot_position: Position,
    /// Entries that were applied from the journal.
    pub replayed: u64,
    /// Bytes of an incomplete last block that were cut off; nobody was told that it was durable.
    pub torn_bytes: u64,
    /// Why newer snapshots were passed over, one line each.
    pub snapshots_passed_over: Vec<String>,
}

/// Everything that a start brings up.
pub(crate) struct Recovery<D: Disk> {
    pub(crate) writer: Writer<D>,
    pub(crate) reader: Reader<D>,
    pub(crate) core: Core,
    pub(crate) views: Views,
    pub(crate) history: History,
    pub(crate) opened: Opened,
}

/// The folder of the journal's segments in a data directory.
pub(crate) fn journal_directory(directory: &Path) -> PathBuf {
    directory.join("journal")
}

/// The folder of snapshots in a data directory.
pub(crate) fn snapshot_disk(directory: &Path) -> io::Result<RealDisk> {
    RealDisk::create(directory.join("snapshots"))
}

fn journal_failed(directory: &Path) -> impl Fn(journal::Error) -> Error {
    move |source| Error::Journal { directory: directory.to_path_buf(), source }
}

/// Opens the journal on `disk` and brings up all that follows from it.
///
/// `directory` holds the snapshots and, unless `history_in_memory`, the history index.
pub(crate) fn recover<D: Disk>(
    disk: D,
    directory: &Path,
    options: Options,
    history: (bool, usize),
    progress: &mut dyn FnMut(Stage),
) -> Result<Recovery<D>, Error> {
    let (writer, reader, recovered) = Journal::open_with_progress(disk, options, &mut |walk| {
        progress(Stage::Scanning { done: walk.bytes_done, total: walk.bytes_total });
    })
    .map_err(journal_failed(directory))?;
    let (history_in_memory, tail_rows) = history;
    let file = (!history_in_memory).then(|| directory.join("history.sqlite"));
    let end = to_ledger(recovered.last_position);
    let history = History::open(file, recovered.journal_id, end, tail_rows)?;
    progress(Stage::Loading);
    let seed = table_seed(recovered.seed);
    let mut loaded = load_snapshot(directory, &reader, load_both(seed))?;
    let (snapshot_position, (core, views)) =
        loaded.state.take().unwrap_or_else(|| (Position::ZERO, (Core::new(seed), Views::new(seed))));
    let mut recovery = Recovery {
        writer,
        reader,
        core,
        views,
        history,
        opened: opened(&recovered, snapshot_position, loaded.passed_over),
    };
    recovery.replay(directory, progress)?;
    Ok(recovery)
}

fn opened(recovered: &Recovered, snapshot_position: Position, passed_over: Vec<String>) -> Opened {
    Opened {
        created: recovered.created,
        last_position: to_ledger(recovered.last_position),
        snapshot_position,
        replayed: 0,
        torn_bytes: recovered.torn_bytes,
        snapshots_passed_over: passed_over,
    }
}

impl<D: Disk> Recovery<D> {
    /// Applies what the journal has beyond the snapshot, and beyond the history index.
    fn replay(&mut self, directory: &Path, progress: &mut dyn FnMut(Stage)) -> Result<(), Error> {
        let first_missing = self.core.state.position().min(self.history.indexed_to());
        let end = self.opened.last_position;
        let total = end.0.saturating_sub(first_missing.0);
        let Self { reader, core, views, history, opened, .. } = self;
        for_each_run(directory, reader, first_missing.next(), &mut |first, decisions| {
            let (run_first, run) = after(core.state.position(), first, decisions);
            apply_run(core, run_first, run)?;
            views.apply_all(run_first, run);
            opened.replayed += run.len() as u64;
            let (run_first, run) = after(history.indexed_to(), first, decisions);
            for (decision, at) in run.iter().zip(run_first.0..) {
                history.catch_up(Position(at), decision, core.state.catalog())?;
            }
            let done = first.0 + decisions.len() as u64 - 1 - first_missing.0;
            progress(Stage::Replaying { done, total });
            Ok(())
        })
    }
}

/// The part of a run of decisions that comes after `position`, and where it begins.
fn after(position: Position, first: Position, run: &[Decision]) -> (Position, &[Decision]) {
    let known = usize::try_from(position.next().0.saturating_sub(first.0)).unwrap_or(usize::MAX).min(run.len());
    (Position(first.0 + known as u64), &run[known..])
}

/// Decisions whose memory is touched together before they are applied.
pub(crate) const WARM: usize = 32;

/// Applies a run of decisions that were read, each after a check that it can follow.
pub(crate) fn apply_run(core: &mut Core, first: Position, run: &[Decision]) -> Result<(), Error> {
    let mut position = first;
    for group in run.chunks(WARM) {
        std::hint::black_box(core.state.warm_replay(group));
        for decision in group {
            apply(core, position, decision)?;
            position = position.next();
        }
    }
    Ok(())
}

/// Applies an entry that was read, after a check that it can follow.
pub(crate) fn apply(core: &mut Core, position: Position, decision: &Decision) -> Result<(), Error> {
    if core.state.position().next() != position || !core.state.accepts(decision) {
        return Err(Error::Sequence { position: position.0 });
    }
    core.replay(decision);
    Ok(())
}

/// Shows `visit` every entry from `from` to the durable end, in order.
pub(crate) fn for_each_entry<D: Disk>(
    directory: &Path,
    reader: &Reader<D>,
    from: Position,
    visit: &mut dyn FnMut(Position, wire::record::Entry) -> Result<(), Error>,
) -> Result<(), Error> {
    for block in reader.blocks(to_journal(from)) {
        let block = block.map_err(journal_failed(directory))?;
        for (entry, position) in entries_of(&block).zip(block.first_position.0..) {
            let entry = entry?;
            if position >= from.0 {
                visit(Position(position), entry)?;
            }
        }
    }
    Ok(())
}

/// Is shown decisions that follow each other, and the position of the first.
type VisitRun<'v> = &'v mut dyn FnMut(Position, &[Decision]) -> Result<(), Error>;

/// Shows `visit` the decisions from `from` to the durable end, in order, a block at a time.
pub(crate) fn for_each_run<D: Disk>(
    directory: &Path,
    reader: &Reader<D>,
    from: Position,
    visit: VisitRun<'_>,
) -> Result<(), Error> {
    let mut decisions = Vec::new();
    for block in reader.blocks(to_journal(from)) {
        let block = block.map_err(journal_failed(directory))?;
        decisions.clear();
        for entry in entries_of(&block) {
            decisions.push(entry?.decision);
        }
        let (first, run) = after(Position(from.0.saturating_sub(1)), to_ledger(block.first_position), &decisions);
        visit(first, run)?;
    }
    Ok(())
}

fn entries_of(block: &journal::Block) -> impl Iterator<Item = Result<wire::record::Entry, Error>> {
    let first = block.first_position.0;
    let failed = move |index, source| Error::Record { block: first, index, source };
    (0..)
        .zip(wire::record::decode_block(&block.payload))
        .map(move |(index, entry)| entry.map_err(|source| failed(index, source)))
}

/// Books and watch at the durable end, from snapshot and journal, without the views.
pub(crate) fn core_alone<D: Disk>(directory: &Path, reader: &Reader<D>) -> Result<Core, Error> {
    let seed = table_seed(reader.seed());
    let loaded = load_snapshot(directory, reader, |source| Core::load(seed, source))?;
    let mut core = loaded.state.map_or_else(|| Core::new(seed), |(_, core)| core);
    let from = core.state.position().next();
    for_each_run(directory, reader, from, &mut |first, run| apply_run(&mut core, first, run))?;
    Ok(core)
}

/// Books, watch and views at the durable end, from snapshot and journal; the position of the snapshot.
pub(crate) fn core_and_views<D: Disk>(directory: &Path, reader: &Reader<D>) -> Result<(Position, Core, Views), Error> {
    let seed = table_seed(reader.seed());
    let loaded = load_snapshot(directory, reader, load_both(seed))?;
    let (position, (mut core, mut views)) =
        loaded.state.unwrap_or_else(|| (Position::ZERO, (Core::new(seed), Views::new(seed))));
    for_each_run(directory, reader, core.state.position().next(), &mut |first, run| {
        apply_run(&mut core, first, run)?;
        views.apply_all(first, run);
        Ok(())
    })?;
    Ok((position, core, views))
}

fn load_both(seed: u64) -> impl Fn(&mut ReadSource<'_>) -> Result<(Core, Views), ImageError> {
    move |source| Ok((Core::load(seed, source)?, Views::load(source)?))
}

struct LoadedState<T> {
    state: Option<(Position, T)>,
    passed_over: Vec<String>,
}

fn load_snapshot<D: Disk, T>(
    directory: &Path,
    reader: &Reader<D>,
    read: impl Fn(&mut ReadSource<'_>) -> Result<T, ImageError>,
) -> Result<LoadedState<T>, Error> {
    let fail = journal_failed(directory);
    let disk = snapshot_disk(directory).map_err(|source| Error::Directory {
        doing: "creating",
        path: directory.join("snapshots"),
        source,
    })?;
    let loaded = snapshot::load_newest(
        &disk,
        SNAPSHOT_SCHEMA,
        reader.durable_end(),
        |position| reader.hash_at(position),
        |_, bytes| {
            let mut source = ReadSource { bytes, error: None };
            read(&mut source).map_err(|image| source.error.unwrap_or_else(|| io::Error::other(image)))
        },
    )
    .map_err(fail)?;
    let passed_over = loaded.passed_over.iter().map(|passed| format!("{}: {}", passed.file_name, passed.reason));
    Ok(LoadedState {
        passed_over: passed_over.collect(),
        state: loaded.found.map(|(snapshot, state)| (to_ledger(snapshot.position), state)),
    })
}

/// Writes a snapshot of books, watch and views, which stand at the same position, the last of a block whose hash is
/// `hash`.
pub(crate) fn write_snapshot(directory: &Path, hash: journal::Hash, core: &Core, views: &Views) -> Result<(), Error> {
    assert_eq!(core.state.position(), views.position(), "a snapshot is of one moment");
    let disk = snapshot_disk(directory).map_err(|source| Error::Directory {
        doing: "creating",
        path: directory.join("snapshots"),
        source,
    })?;
    snapshot::write(&disk, to_journal(core.state.position()), hash, SNAPSHOT_SCHEMA, |writer| {
        let mut sink = WriteSink { writer: io::BufWriter::with_capacity(1 << 20, writer), error: None };
        core.save(&mut sink);
        views.save(&mut sink);
        match sink.error {
            Some(error) => Err(error),
            None => sink.writer.flush(),
        }
    })
    .map_err(journal_failed(directory))?;
    Ok(())
}

struct WriteSink<W: Write> {
    writer: W,
    error: Option<io::Error>,
}

impl<W: Write> Sink for WriteSink<W> {
    fn put(&mut self, bytes: &[u8]) {
        if self.error.is_none() {
            self.error = self.writer.write_all(bytes).err();
        }
    }
}

pub(crate) struct ReadSource<'a> {
    bytes: &'a mut dyn Read,
    error: Option<io::Error>,
}

impl Source for ReadSource<'_> {
    fn take(&mut self, into: &mut [u8]) -> Result<(), ImageError> {
        self.bytes.read_exact(into).map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => ImageError::Ended,
            _ => {
                self.error = Some(error);
                ImageError::Unreadable
            }
        })
    }
}

/// The hash of the images of books, watch and views: equal for equal histories.
pub(crate) fn image_hash(core: &Core, views: &Views) -> [u8; 32] {
    let mut sink = HashSink(blake3::Hasher::new());
    core.save(&mut sink);
    views.save(&mut sink);
    *sink.0.finalize().as_bytes()
}

struct HashSink(blake3::Hasher);

impl Sink for HashSink {
    fn put(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }
}

/// Whether the snapshot taken where `core` and `views` stand holds just them.
pub(crate) fn snapshot_is<D: Disk>(
    directory: &Path,
    reader: &Reader<D>,
    core: &Core,
    views: &Views,
) -> Result<bool, Error> {
    let position = to_journal(core.state.position());
    let load = load_both(table_seed(reader.seed()));
    let disk = RealDisk::existing(directory.join("snapshots"));
    let loaded = snapshot::load_newest(
        &disk,
        SNAPSHOT_SCHEMA,
        position,
        |at| reader.hash_at(at),
        |_, bytes| {
            let mut source = ReadSource { bytes, error: None };
            load(&mut source).map_err(|image| source.error.unwrap_or_else(|| io::Error::other(image)))
        },
    )
    .map_err(journal_failed(directory))?;
    Ok(loaded.found.is_some_and(|(snapshot, (saved_core, saved_views))| {
        snapshot.position == position && image_hash(&saved_core, &saved_views) == image_hash(core, views)
    }))
}
