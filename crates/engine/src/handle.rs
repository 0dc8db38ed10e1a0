//! What callers hold: they hand in batches, read views and history, and follow commits.

use crate::queue::Submission;
use crate::recovery::{for_each_entry, snapshot_disk};
use crate::shared::{Health, Shared, Stats, to_journal, to_ledger};
use crate::{Changes, Error, History, Receipt, Unavailable};
use journal::{Disk, Reader, RealDisk};
use ledger::{Decision, Position, State, Timestamp};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError, RwLockReadGuard};
use views::Views;
use watch::Watch;
use wire::record::Entry;
use wire::{Batch, KeyHasher};

/// A way to an engine. Cheap to clone; any thread may use it.
pub struct Handle<D: Disk = RealDisk> {
    pub(crate) shared: Arc<Shared>,
    pub(crate) reader: Reader<D>,
    pub(crate) snapshotting: Arc<Mutex<()>>,
}

impl<D: Disk> Clone for Handle<D> {
    fn clone(&self) -> Self {
        Self {
            shared: Arc::clone(&self.shared),
            reader: self.reader.clone(),
            snapshotting: Arc::clone(&self.snapshotting),
        }
    }
}

/// Why an entry could not be fetched for its reversal.
#[derive(Debug, thiserror::Error)]
pub enum ReverseError {
    /// There is no entry at this position.
    #[error("there is no entry at position {0}")]
    NoSuchEntry(Position),
    /// The journal could not be read.
    #[error(transparent)]
    Engine(#[from] Error),
}

/// What a backup holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Backup {
    /// The last position in it.
    pub last_position: Position,
    /// The hash of its last block, which stands for all before it.
    pub last_hash: [u8; 32],
    /// Segment files.
    pub segments: usize,
}

impl<D: Disk> Handle<D> {
    /// Hands in a batch. `done` is called once, from the engine's thread: with the receipt when all of it is durable, or
    /// with why nothing (more) of it was taken. It must not wait.
    ///
    /// # Errors
    /// [`Unavailable`], and `done` is not called.
    pub fn submit(
        &self,
        batch: Batch,
        done: impl FnOnce(Result<Receipt, Unavailable>) + Send + 'static,
    ) -> Result<(), Unavailable> {
        self.hand_in(batch, Box::new(done), false)
    }

    /// Judges each request of a batch by itself against the present state, and changes nothing. Positions in the receipt
    /// are zero.
    ///
    /// # Errors
    /// As [`submit`](Self::submit).
    pub fn rehearse(
        &self,
        batch: Batch,
        done: impl FnOnce(Result<Receipt, Unavailable>) + Send + 'static,
    ) -> Result<(), Unavailable> {
        self.hand_in(batch, Box::new(done), true)
    }

    fn hand_in(&self, batch: Batch, done: crate::queue::Done, dry_run: bool) -> Result<(), Unavailable> {
        if let Some(why) = self.shared.health().refusal() {
            return Err(why);
        }
        let submitted_at = self.shared.clock.stopwatch_micros();
        self.shared.queue.push(Submission { batch, done, submitted_at, dry_run }).map_err(|(_, why)| why)
    }

    /// Hands in a batch and waits for its receipt. For threads that may wait.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub fn submit_and_wait(&self, batch: Batch) -> Result<Receipt, Unavailable> {
        let (sender, receiver) = std::sync::mpsc::sync_channel(1);
        self.submit(batch, move |receipt| drop(sender.send(receipt)))?;
        receiver.recv().unwrap_or(Err(Unavailable::Stopping))
    }

    /// Asks something of the books and the watch. `ask` is shown them as they are when its turn comes, on the thread that
    /// decides, so it must be quick; `answered` is called with its answer when all that it saw is durable.
    ///
    /// # Errors
    /// [`Unavailable`], and neither is called.
    pub fn ask<T: Send + 'static>(
        &self,
        ask: impl FnOnce(&State, &Watch) -> T + Send + 'static,
        answered: impl FnOnce(Result<T, Unavailable>) + Send + 'static,
    ) -> Result<(), Unavailable> {
        self.shared.queue.ask(Box::new(move |state, watch| {
            let answer = ask(state, watch);
            Box::new(move |receipt| answered(receipt.map(|_| answer)))
        }))
    }

    /// Asks something of the books and the watch, and waits for the answer. For threads that may wait.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub fn ask_and_wait<T: Send + 'static>(
        &self,
        ask: impl FnOnce(&State, &Watch) -> T + Send + 'static,
    ) -> Result<T, Unavailable> {
        let (sender, receiver) = std::sync::mpsc::sync_channel(1);
        self.ask(ask, move |answer| drop(sender.send(answer)))?;
        receiver.recv().unwrap_or(Err(Unavailable::Stopping))
    }

    /// Says that time has passed: reservations may end, and a full disk is looked at again. Call it once a second or so.
    pub fn tick(&self) {
        self.shared.queue.tick();
    }

    /// What is true now, at [`Views::position`]. Hold it only for one query: commits wait meanwhile.
    pub fn views(&self) -> RwLockReadGuard<'_, Views> {
        self.shared.views()
    }

    /// The history index, for balances at past times.
    pub fn history(&self) -> &History {
        &self.shared.history
    }

    /// The last position whose entry is shown.
    pub fn position(&self) -> Position {
        self.shared.committed()
    }

    /// The last position recorded at or before a time: what was known then.
    ///
    /// # Errors
    /// [`Error::Journal`].
    pub fn known_at(&self, time: Timestamp) -> Result<Position, Error> {
        let position = self.reader.position_at_stamp(time.0).map_err(|source| self.journal_failed(source))?;
        let position = to_ledger(position);
        // A block's stamp is that of its last entry: of the next block, the first entries may be old enough.
        let mut known = position;
        if let Some((first, entries)) = self.block_of(position.next())? {
            for (entry, at) in entries.iter().zip(first.0..) {
                if entry.decision.recorded_at > time {
                    break;
                }
                known = Position(at);
            }
        }
        Ok(known.min(self.position()))
    }

    /// The entries of the block that contains a position, with the position of the first; `None` beyond what is shown.
    ///
    /// # Errors
    /// [`Error::Journal`], [`Error::Record`].
    pub fn block_of(&self, position: Position) -> Result<Option<(Position, Vec<Entry>)>, Error> {
        if position > self.position() {
            return Ok(None);
        }
        let block = self.reader.block_containing(to_journal(position)).map_err(|source| self.journal_failed(source))?;
        let Some(block) = block else { return Ok(None) };
        let entries: Result<Vec<Entry>, _> = wire::record::decode_block(&block.payload).collect();
        let entries = entries.map_err(|source| Error::Record { block: block.first_position.0, index: 0, source })?;
        Ok(Some((to_ledger(block.first_position), entries)))
    }

    /// The entry at a position; `None` for 0 and beyond what is shown.
    ///
    /// # Errors
    /// [`Error::Journal`], [`Error::Record`].
    pub fn entry(&self, position: Position) -> Result<Option<Entry>, Error> {
        Ok(self.entries(&[position])?.pop().map(|(_, entry)| entry))
    }

    /// The entries at these positions, in the order given, without those that are not there. Positions that share a
    /// block should stand together: a block is read once for a run of them.
    ///
    /// # Errors
    /// [`Error::Journal`], [`Error::Record`].
    pub fn entries(&self, positions: &[Position]) -> Result<Vec<(Position, Entry)>, Error> {
        let mut found = Vec::with_capacity(positions.len());
        let mut block: Option<journal::Block> = None;
        for position in positions.iter().copied().filter(|position| *position <= self.position()) {
            let at = to_journal(position);
            if !block.as_ref().is_some_and(|block| block.first_position <= at && at <= block.last_position()) {
                block = self.reader.block_containing(at).map_err(|source| self.journal_failed(source))?;
            }
            let Some(block) = &block else { continue };
            let first = block.first_position.0;
            let index = u32::try_from(position.0 - first).expect("a block holds at most 2^32 entries");
            let entry = wire::record::decode_block(&block.payload).nth(index as usize);
            let entry = entry.ok_or(Error::Sequence { position: position.0 })?;
            found.push((position, entry.map_err(|source| Error::Record { block: first, index, source })?));
        }
        Ok(found)
    }

    /// Shows `visit` every entry from `from` to the durable end.
    ///
    /// # Errors
    /// [`Error::Journal`], [`Error::Record`], or what `visit` fails with.
    pub fn for_each_entry(
        &self,
        from: Position,
        visit: &mut dyn FnMut(Position, Entry) -> Result<(), Error>,
    ) -> Result<(), Error> {
        for_each_entry(&self.shared.directory, &self.reader, from, visit)
    }

    /// Adds to `batch` the reversal of the entry at `position`.
    ///
    /// # Errors
    /// [`ReverseError`]; the batch is then as it was.
    pub fn push_reversal(
        &self,
        batch: &mut Batch,
        actor: &str,
        position: Position,
        reason: &str,
        now: Timestamp,
    ) -> Result<(), ReverseError> {
        let entry = self.entry(position)?.ok_or(ReverseError::NoSuchEntry(position))?;
        self.push_reversal_of(batch, actor, position, entry.decision, reason, now);
        Ok(())
    }

    /// As [`push_reversal`](Self::push_reversal), for a caller that has what the entry at `position` decided.
    pub fn push_reversal_of(
        &self,
        batch: &mut Batch,
        actor: &str,
        position: Position,
        original: Decision,
        reason: &str,
        now: Timestamp,
    ) {
        let command = ledger::Command::Reverse { position, original: Box::new(original), reason: reason.into() };
        // Reversing an entry once is enough, whoever asks: the id says which.
        let id = format!("reverse-{position}");
        let key = self.hasher().command("stocktide", &id, now, &command);
        batch.push_command(actor, "stocktide", &id, key, now, command);
    }

    /// What tells this journal from every other.
    pub fn journal_id(&self) -> [u8; 16] {
        self.reader.journal_id()
    }

    /// What makes idempotency keys for this journal.
    pub fn hasher(&self) -> KeyHasher {
        KeyHasher::new(self.reader.seed())
    }

    /// What changed since a position; `None` when that is too far back.
    pub fn changes_since(&self, position: Position) -> Option<Changes> {
        self.shared.feed.since(position)
    }

    /// Calls `observer` with the last position after each commit, for as long as the engine lives. It must be quick.
    pub fn observe(&self, observer: impl Fn(Position) + Send + 'static) {
        self.shared.observe(Box::new(observer));
    }

    /// How the engine is.
    pub fn health(&self) -> Health {
        self.shared.health()
    }

    /// The newest problem that happened beside the flow, in words.
    pub fn problem(&self) -> Option<String> {
        self.shared.problem()
    }

    /// Counters since the start.
    pub fn stats(&self) -> &Stats {
        &self.shared.stats
    }

    /// (requests, bytes) that wait to be decided.
    pub fn queue_depth(&self) -> (usize, usize) {
        self.shared.queue.depth()
    }

    /// What reads the journal itself.
    pub fn reader(&self) -> &Reader<D> {
        &self.reader
    }

    pub(crate) fn stopwatch_micros(&self) -> u64 {
        self.shared.clock.stopwatch_micros()
    }

    /// The time, as the engine has it.
    pub fn now(&self) -> Timestamp {
        self.shared.clock.now()
    }

    /// Copies all that is durable, and the newest snapshot, to an empty directory, while work goes on.
    ///
    /// # Errors
    /// [`Error::Directory`], [`Error::Journal`].
    pub fn backup(&self, to: &Path, progress: &mut dyn FnMut(journal::Progress)) -> Result<Backup, Error> {
        let create = |path: std::path::PathBuf| {
            RealDisk::create(&path).map_err(|source| Error::Directory { doing: "creating", path, source })
        };
        let destination = create(to.join("journal"))?;
        let copied = self
            .reader
            .copy_to(&destination, self.reader.durable_end(), progress)
            .map_err(|source| Error::Journal { directory: to.to_path_buf(), source })?;
        create(to.join("snapshots"))?;
        let _whole = self.snapshotting.lock().unwrap_or_else(PoisonError::into_inner);
        let failed = |doing, path: &Path, source| Error::Directory { doing, path: path.to_path_buf(), source };
        let snapshots = self.shared.directory.join("snapshots");
        let disk = snapshot_disk(&self.shared.directory).map_err(|source| failed("opening", &snapshots, source))?;
        let positions = journal::snapshot::positions(&disk).map_err(|source| self.journal_failed(source))?;
        if let Some(newest) = positions.into_iter().find(|position| *position <= copied.last_position) {
            let name = format!("snapshot-{:020}.snap", newest.0);
            let (from, to) = (snapshots.join(&name), to.join("snapshots").join(&name));
            std::fs::copy(&from, &to).map_err(|source| failed("copying", &from, source))?;
        }
        Ok(Backup {
            last_position: to_ledger(copied.last_position),
            last_hash: copied.last_hash.0,
            segments: copied.segment_count,
        })
    }

    pub(crate) fn journal_failed(&self, source: journal::Error) -> Error {
        Error::Journal { directory: self.shared.directory.clone(), source }
    }
}
