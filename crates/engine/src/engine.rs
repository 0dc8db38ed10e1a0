//! An engine: its threads, from opening to shutting down.

use crate::appender::Appender;
use crate::core::Core;
use crate::partition::{Block, Partition, ToAppender};
use crate::publisher::Publisher;
use crate::recovery::{self, Recovery};
use crate::shared::{Health, Shared};
use crate::snapshotter::{Chores, Snapshotter};
use crate::{Clock, Error, Handle, Opened, Settings, Stage};
use journal::{Disk, Options, RealDisk, Writer};
use std::path::Path;
use std::sync::mpsc::sync_channel;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

/// A running engine. Dropping it without [`shutdown`](Self::shutdown) is like a crash, but that what waits is still
/// decided: nothing acknowledged is lost, and the next start takes longer.
pub struct Engine<D: Disk = RealDisk> {
    handle: Handle<D>,
    opened: Opened,
    /// Gone once it is shut down.
    threads: Option<Threads>,
}

struct Threads {
    partition: JoinHandle<Core>,
    rest: Vec<JoinHandle<()>>,
    history: JoinHandle<()>,
}

impl<D: Disk> Drop for Engine<D> {
    fn drop(&mut self) {
        if self.threads.is_some() {
            stop(&self.handle.shared);
        }
    }
}

/// Lets the threads end when they have done what waits.
fn stop(shared: &Shared) {
    shared.change_health(Health::Working, Health::Stopping);
    shared.queue.close();
    shared.history.stop();
}

impl Engine<RealDisk> {
    /// Opens the data directory, makes it if it is missing, and starts. `seed` is kept in a new journal; it should be
    /// random. `progress` hears what the start is doing.
    ///
    /// # Errors
    /// [`Error::Directory`], [`Error::Journal`] (also when another process has the directory), [`Error::History`],
    /// [`Error::Record`], [`Error::Sequence`], [`Error::Thread`].
    pub fn open(
        directory: &Path,
        settings: Settings,
        clock: Clock,
        seed: [u8; 16],
        progress: &mut dyn FnMut(Stage),
    ) -> Result<Self, Error> {
        let path = recovery::journal_directory(directory);
        let disk = RealDisk::create(&path).map_err(|source| Error::Directory { doing: "creating", path, source })?;
        Self::open_on(disk, directory, settings, clock, (seed, false), progress)
    }
}

impl<D: Disk> Engine<D> {
    /// Opens an engine whose journal is on `disk`; for simulations. With `in_memory`, the history index is.
    ///
    /// # Errors
    /// Those of [`Engine::open`].
    pub fn open_on(
        disk: D,
        directory: &Path,
        settings: Settings,
        clock: Clock,
        (seed, in_memory): ([u8; 16], bool),
        progress: &mut dyn FnMut(Stage),
    ) -> Result<Self, Error> {
        let options = Options { segment_bytes: settings.segment_bytes, seed_if_new: Some(seed) };
        let history = (in_memory, settings.history_tail_rows);
        let recovery = recovery::recover(disk, directory, options, history, progress)?;
        start(recovery, directory, settings, clock)
    }

    /// What the start found.
    pub fn opened(&self) -> &Opened {
        &self.opened
    }

    /// What callers hold. Handles may outlive the engine; they then answer [`Unavailable::Stopping`](crate::Unavailable).
    pub fn handle(&self) -> Handle<D> {
        self.handle.clone()
    }

    /// Decides what waits, makes it durable, answers, takes a snapshot and stops.
    ///
    /// # Errors
    /// [`Error::Journal`] or [`Error::History`] when the snapshot or the index could not be written; nothing is lost then,
    /// the next start takes longer.
    pub fn shutdown(mut self) -> Result<(), Error> {
        let shared = Arc::clone(&self.handle.shared);
        let worked = shared.change_health(Health::Working, Health::Stopping);
        shared.queue.close();
        let Some(threads) = self.threads.take() else { return Ok(()) };
        let core = threads.partition.join();
        for thread in threads.rest {
            let _ = thread.join();
        }
        shared.history.stop();
        let _ = threads.history.join();
        if !worked {
            return Ok(());
        }
        let Ok(core) = core else { return Ok(()) };
        shared.history.flush()?;
        let reader = &self.handle.reader;
        let (end, hash) = reader.durable_end_and_hash();
        let views = shared.views();
        if end.0 > 0 && core.state.position().0 == end.0 && views.position() == core.state.position() {
            let _busy = self.handle.snapshotting.lock().unwrap_or_else(PoisonError::into_inner);
            recovery::write_snapshot(&shared.directory, hash, &core, &views)?;
        }
        Ok(())
    }
}

fn start<D: Disk>(
    recovery: Recovery<D>,
    directory: &Path,
    settings: Settings,
    clock: Clock,
) -> Result<Engine<D>, Error> {
    let Recovery { writer, reader, core, views, history, opened } = recovery;
    let shared = Arc::new(Shared::new(directory.to_path_buf(), settings, clock, views, history));
    let snapshotting = Arc::new(Mutex::new(()));
    let handle = Handle { shared, reader, snapshotting };
    let threads = start_threads(&handle, writer, core);
    if threads.is_err() {
        // Those that did start hold the journal.
        stop(&handle.shared);
    }
    Ok(Engine { handle, opened, threads: Some(threads?) })
}

fn start_threads<D: Disk>(handle: &Handle<D>, writer: Writer<D>, core: Core) -> Result<Threads, Error> {
    let Handle { shared, reader, snapshotting } = handle;
    let preparer = writer.preparer();
    let (chores, to_do) = Chores::channel();
    let snapshotter = Snapshotter {
        shared: Arc::clone(shared),
        reader: reader.clone(),
        preparer: preparer.clone(),
        busy: Arc::clone(snapshotting),
    };
    let (blocks_out, blocks_in) = sync_channel::<Block>(1);
    let (durable_out, durable_in) = sync_channel::<Block>(2);

    let mut partition = Partition::new(Arc::clone(shared), reader.clone(), core);
    let closing = Closing(Arc::clone(shared));
    let to_appender = ToAppender { shared: Arc::clone(shared), blocks: blocks_out };
    let partition = spawn("decide", move || {
        let _closing = closing;
        partition.run(&to_appender, &|| preparer.prepare().is_ok());
        drop(to_appender);
        partition.into_core()
    })?;
    let mut appender = Appender::new(Arc::clone(shared), writer);
    let appender_chores = chores.clone();
    let leaving = Leaving(Arc::clone(shared));
    let appending = spawn("append", move || {
        // Dropped in the opposite order: once it is said that nobody takes blocks, the channel is gone.
        let _leaving = leaving;
        let blocks_in = blocks_in;
        appender.run(&blocks_in, &durable_out, &appender_chores);
    })?;
    let mut publisher = Publisher::new(Arc::clone(shared));
    let publishing = spawn("publish", move || publisher.run(&durable_in, &chores))?;
    let tidying = spawn("chores", move || snapshotter.run(&to_do))?;
    let for_history = Arc::clone(shared);
    let history = spawn("history", move || {
        for_history.history.write_behind(&|error| for_history.report("writing the history index", error));
    })?;
    Ok(Threads { partition, rest: vec![appending, publishing, tidying], history })
}

/// Refuses what waits when nobody is left to decide it, even after a panic.
struct Closing(Arc<Shared>);

impl Drop for Closing {
    fn drop(&mut self) {
        self.0.queue.abandon();
    }
}

/// Says that nobody takes blocks any more, even after a panic.
struct Leaving(Arc<Shared>);

impl Drop for Leaving {
    fn drop(&mut self) {
        self.0.queue.has_no_next();
    }
}

fn spawn<T: Send + 'static>(
    name: &'static str,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<JoinHandle<T>, Error> {
    std::thread::Builder::new().name(name.to_owned()).spawn(work).map_err(|source| Error::Thread { name, source })
}
