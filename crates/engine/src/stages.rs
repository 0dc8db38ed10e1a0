//! The stages of an engine without its threads, for simulations: whoever holds them decides what happens next, so that
//! one seed gives one run, and every order in which the threads could take turns can be tried.
//!
//! The stages are the very ones that [`Engine`](crate::Engine) runs; only who calls them differs. Dropping them is a
//! crash.

use crate::appender::Appender;
use crate::partition::{Block, Outlet, Partition};
use crate::publisher::Publisher;
use crate::queue::Wait;
use crate::recovery::{self, Recovery};
use crate::shared::Shared;
use crate::snapshotter::Snapshotter;
use crate::{Clock, Error, Handle, Opened, Settings};
use journal::{Disk, Options, Preparer};
use ledger::State;
use std::cell::RefCell;
use std::collections::VecDeque;
use std::path::Path;
use std::sync::{Arc, Mutex};
use watch::Watch;

/// An engine that does one step at a time, when it is told to.
///
/// Never wait for a receipt here: nobody would decide it meanwhile.
pub struct Stages<D: Disk> {
    handle: Handle<D>,
    opened: Opened,
    partition: Partition<D>,
    deciding: Block,
    line: Line<D>,
    publisher: Publisher,
    preparer: Preparer<D>,
}

impl<D: Disk> Stages<D> {
    /// Opens as [`Engine::open_on`](crate::Engine::open_on) does, and starts no thread.
    ///
    /// # Errors
    /// Those of [`Engine::open`](crate::Engine::open).
    pub fn open_on(
        disk: D,
        directory: &Path,
        settings: Settings,
        clock: Clock,
        (seed, in_memory): ([u8; 16], bool),
    ) -> Result<Self, Error> {
        let options = Options { segment_bytes: settings.segment_bytes, seed_if_new: Some(seed) };
        let history = (in_memory, settings.history_tail_rows);
        let Recovery { writer, reader, core, views, history, opened } =
            recovery::recover(disk, directory, options, history, &mut |_| {})?;
        let shared = Arc::new(Shared::new(directory.to_path_buf(), settings, clock, views, history));
        let partition = Partition::new(Arc::clone(&shared), reader.clone(), core);
        let preparer = writer.preparer();
        Ok(Self {
            opened,
            deciding: partition.new_block(),
            partition,
            line: Line {
                appender: RefCell::new(Appender::new(Arc::clone(&shared), writer)),
                decided: RefCell::default(),
                durable: RefCell::default(),
            },
            publisher: Publisher::new(Arc::clone(&shared)),
            preparer,
            handle: Handle { shared, reader, snapshotting: Arc::new(Mutex::new(())) },
        })
    }

    /// What the start found.
    pub fn opened(&self) -> &Opened {
        &self.opened
    }

    /// What callers hold.
    pub fn handle(&self) -> &Handle<D> {
        &self.handle
    }

    /// The speculative state; that of the journal when nothing is under way.
    pub fn state(&self) -> &State {
        &self.partition.core().state
    }

    /// The watch over it.
    pub fn watch(&self) -> &Watch {
        &self.partition.core().watch
    }

    /// Decides the next thing that waits. A batch that needs several blocks appends all but the last of them too, as
    /// the thread that decides would wait for that.
    pub fn decide(&mut self) {
        let next = self.handle.shared.queue.next(Wait::No);
        let has_space = || self.preparer.prepare().is_ok();
        self.partition.step(next, &mut self.deciding, &self.line, &has_space);
    }

    /// Makes the block that was decided last durable; `false` when there is none.
    pub fn append(&mut self) -> bool {
        self.line.append()
    }

    /// Shows the oldest durable block and answers; `false` when there is none.
    pub fn publish(&mut self) -> bool {
        // Here nobody else writes the index, and publishing may wait for that.
        if let Err(error) = self.handle.shared.history.write_frozen() {
            self.handle.shared.report("writing the history index", &error);
        }
        let block = self.line.durable.borrow_mut().pop_front();
        block.map(|block| self.publisher.publish(block)).is_some()
    }

    /// Does all steps until nothing waits and everybody is answered.
    pub fn settle(&mut self) {
        loop {
            let (waiting, _) = self.handle.queue_depth();
            self.decide();
            let (appended, published) = (self.append(), self.publish());
            if waiting == 0 && !appended && !published && self.deciding.is_empty() {
                return;
            }
        }
    }

    /// Makes the next segment ahead, as the thread for chores does.
    ///
    /// # Errors
    /// [`Error::Journal`].
    pub fn prepare(&self) -> Result<bool, Error> {
        let fail = |source| Error::Journal { directory: self.handle.shared.directory.clone(), source };
        self.preparer.prepare().map_err(fail)
    }

    /// Takes a snapshot of what is durable, as the thread for chores does.
    ///
    /// # Errors
    /// [`Error::Directory`], [`Error::Journal`].
    pub fn take_snapshot(&self) -> Result<(), Error> {
        let snapshotter = Snapshotter {
            shared: Arc::clone(&self.handle.shared),
            reader: self.handle.reader.clone(),
            preparer: self.preparer.clone(),
            busy: Arc::clone(&self.handle.snapshotting),
        };
        snapshotter.take()
    }

    /// The hash of the images of state and views: equal for equal histories, when nothing is under way.
    pub fn image_hash(&self) -> [u8; 32] {
        recovery::image_hash(self.partition.core(), &self.handle.shared.views())
    }
}

/// From deciding to publishing. Where a thread would wait for the one behind it, that one's work is done at once.
struct Line<D: Disk> {
    appender: RefCell<Appender<D>>,
    decided: RefCell<Option<Block>>,
    durable: RefCell<VecDeque<Block>>,
}

impl<D: Disk> Line<D> {
    fn append(&self) -> bool {
        let Some(block) = self.decided.take() else { return false };
        let appended = self.appender.borrow_mut().append(block);
        self.durable.borrow_mut().extend(appended);
        true
    }
}

impl<D: Disk> Outlet for Line<D> {
    fn offer(&self, block: Block) -> Option<Block> {
        let mut decided = self.decided.borrow_mut();
        if decided.is_some() { Some(block) } else { decided.replace(block) }
    }

    fn hand_on(&self, block: Block) {
        self.append();
        self.decided.replace(Some(block));
    }
}
