//! From files to a running state: the newest snapshot that can be used, and what the journal has after it.

use crate::Error;
use crate::history::History;
use crate::shared::{table_seed, to_journal, to_ledger};
use journal::{Disk, Journal, Options, Reader, RealDisk, Recovered, Writer, snapshot};
use ledger::{Decision, ImageError, Sink, Source};
use ledger::{Position, State};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use views::Views;

/// The schema of snapshots: the layouts of the images in them.
pub(crate) const SNAPSHOT_SCHEMA: u32 = ledger::IMAGE_VERSION * 1000 + views::IMAGE_VERSION;

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
    pub(crate) state: State,
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
    let mut loaded = load_snapshot(directory, &reader, load_both)?;
    let seed = table_seed(recovered.seed);
    let (snapshot_position, (state, views)) =
        loaded.state.take().unwrap_or_else(|| (Position::ZERO, (State::new(seed), Views::new(seed))));
    let mut recovery = Recovery {
        writer,
        reader,
        state,
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
        let first_missing = self.state.position().min(self.history.indexed_to());
        let end = self.opened.last_position;
        let total = end.0.saturating_sub(first_missing.0);
        let Self { reader, state, views, history, opened, .. } = self;
        for_each_run(directory, reader, first_missing.next(), &mut |first, decisions| {
            let (run_first, run) = after(state.position(), first, decisions);
            apply_run(state, run_first, run)?;
            views.apply_all(run_first, run);
            opened.replayed += run.len() as u64;
            let (run_first, run) = after(history.indexed_to(), first, decisions);
            for (decision, at) in run.iter().zip(run_first.0..) {
                history.catch_up(Position(at), decision, state.catalog())?;
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
const WARM: usize = 32;

/// Applies a run of decisions that were read, each after a check that it can follow.
pub(crate) fn apply_run(state: &mut State, first: Position, run: &[Decision]) -> Result<(), Error> {
    let mut position = first;
    for group in run.chunks(WARM) {
        std::hint::black_box(state.warm_replay(group));
        for decision in group {
            apply(state, position, decision)?;
            position = position.next();
        }
    }
    Ok(())
}

/// Applies an entry that was read, after a check that it can follow.
pub(crate) fn apply(state: &mut State, position: Position, decision: &Decision) -> Result<(), Error> {
    if state.position().next() != position || !state.accepts(decision) {
        return Err(Error::Sequence { position: position.0 });
    }
    state.apply(decision);
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

/// The ledger's state at the durable end, from snapshot and journal, without the views.
pub(crate) fn state_alone<D: Disk>(directory: &Path, reader: &Reader<D>) -> Result<State, Error> {
    let loaded = load_snapshot(directory, reader, |source| State::load(source))?;
    let mut state = loaded.state.map_or_else(|| State::new(table_seed(reader.seed())), |(_, state)| state);
    let from = state.position().next();
    for_each_run(directory, reader, from, &mut |first, run| apply_run(&mut state, first, run))?;
    Ok(state)
}

/// State and views at the durable end, from snapshot and journal; the position of the snapshot.
pub(crate) fn state_and_views<D: Disk>(
    directory: &Path,
    reader: &Reader<D>,
) -> Result<(Position, State, Views), Error> {
    let seed = table_seed(reader.seed());
    let loaded = load_snapshot(directory, reader, load_both)?;
    let (position, (mut state, mut views)) =
        loaded.state.unwrap_or_else(|| (Position::ZERO, (State::new(seed), Views::new(seed))));
    for_each_run(directory, reader, state.position().next(), &mut |first, run| {
        apply_run(&mut state, first, run)?;
        views.apply_all(first, run);
        Ok(())
    })?;
    Ok((position, state, views))
}

fn load_both(source: &mut ReadSource<'_>) -> Result<(State, Views), ImageError> {
    Ok((State::load(source)?, Views::load(source)?))
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

/// Writes a snapshot of state and views, which stand at the same position, the last of a block whose hash is `hash`.
pub(crate) fn write_snapshot(directory: &Path, hash: journal::Hash, state: &State, views: &Views) -> Result<(), Error> {
    assert_eq!(state.position(), views.position(), "a snapshot is of one moment");
    let disk = snapshot_disk(directory).map_err(|source| Error::Directory {
        doing: "creating",
        path: directory.join("snapshots"),
        source,
    })?;
    snapshot::write(&disk, to_journal(state.position()), hash, SNAPSHOT_SCHEMA, |writer| {
        let mut sink = WriteSink { writer: io::BufWriter::with_capacity(1 << 20, writer), error: None };
        state.save(&mut sink);
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

/// The hash of the images of state and views: equal for equal histories.
pub(crate) fn image_hash(state: &State, views: &Views) -> [u8; 32] {
    let mut sink = HashSink(blake3::Hasher::new());
    state.save(&mut sink);
    views.save(&mut sink);
    *sink.0.finalize().as_bytes()
}

struct HashSink(blake3::Hasher);

impl Sink for HashSink {
    fn put(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }
}

/// Whether the snapshot taken where `state` and `views` stand holds just them.
pub(crate) fn snapshot_is<D: Disk>(
    directory: &Path,
    reader: &Reader<D>,
    state: &State,
    views: &Views,
) -> Result<bool, Error> {
    let position = to_journal(state.position());
    let disk = RealDisk::existing(directory.join("snapshots"));
    let loaded = snapshot::load_newest(
        &disk,
        SNAPSHOT_SCHEMA,
        position,
        |at| reader.hash_at(at),
        |_, bytes| {
            let mut source = ReadSource { bytes, error: None };
            load_both(&mut source).map_err(|image| source.error.unwrap_or_else(|| io::Error::other(image)))
        },
    )
    .map_err(journal_failed(directory))?;
    Ok(loaded.found.is_some_and(|(snapshot, (saved_state, saved_views))| {
        snapshot.position == position && image_hash(&saved_state, &saved_views) == image_hash(state, views)
    }))
}
