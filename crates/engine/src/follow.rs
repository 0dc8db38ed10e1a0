//! Observations handed on in journal order: to whoever makes movements of readings, or keeps an index of documents.
//!
//! A follower keeps by itself up to which position it has taken everything in, and goes on from there after a restart:
//! what it makes of the entries is a fold over the journal, and is made again when its file is lost. Positions of new
//! observations are noted as they are published, so that a follower that keeps up reads the blocks with observations
//! and no others; one that fell behind reads every block.

use crate::{Error, Handle};
use journal::{Disk, RealDisk};
use ledger::{Decision, DecisionKind, Effect, Position};
use std::collections::VecDeque;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel, sync_channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread::JoinHandle;
use std::time::Duration;
use wire::record::Entry;

/// Positions that are kept, eight bytes each.
const NOTED_MAX: usize = 65_536;
/// Observations handed on at once.
const HANDED_MAX: usize = 4_096;
/// Bytes of what they say, past which no more are handed on at once.
const HANDED_BYTES_MAX: usize = 16 << 20;
/// How often a follower hears that nothing has come, so that it can let time pass.
const IDLE: Duration = Duration::from_millis(250);

/// Whether a follower is shown this entry: observations, declared devices, and what becomes of alerts.
fn is_shown(decision: &Decision) -> bool {
    use DecisionKind as Kind;
    matches!(
        decision.kind,
        Kind::ObservationRecorded | Kind::DeviceDeclared | Kind::AlertOpened | Kind::AlertChanged | Kind::AlertResolved
    )
}

/// Bytes of what an entry's devices said.
fn said_bytes(decision: &Decision) -> usize {
    let said = decision.effects.iter().map(|effect| match effect {
        Effect::Observed(observation) => observation.content.len(),
        _ => 0,
    });
    said.sum()
}

struct Positions {
    newest: VecDeque<Position>,
    /// Observations at and before this position may be missing.
    complete_after: Position,
}

/// Where the newest observations stand.
pub(crate) struct Noted(Mutex<Positions>);

impl Noted {
    pub(crate) fn after(position: Position) -> Self {
        Self(Mutex::new(Positions { newest: VecDeque::new(), complete_after: position }))
    }

    /// Notes those among the entries of a block whose first stands at `first`.
    pub(crate) fn add(&self, first: Position, decisions: &[Decision]) {
        let mut positions: Option<MutexGuard<'_, Positions>> = None;
        for (decision, at) in decisions.iter().zip(first.0..) {
            if is_shown(decision) {
                positions.get_or_insert_with(|| self.lock()).push(Position(at));
            }
        }
    }

    /// The first observations after `position`, `max` at most; `None` when that is further back than what is kept.
    fn since(&self, position: Position, max: usize) -> Option<Vec<Position>> {
        let positions = self.lock();
        if position < positions.complete_after {
            return None;
        }
        let start = positions.newest.partition_point(|noted| *noted <= position);
        Some(positions.newest.range(start..).take(max).copied().collect())
    }

    fn lock(&self) -> MutexGuard<'_, Positions> {
        self.0.lock().expect("no panic under the lock")
    }
}

impl Positions {
    fn push(&mut self, position: Position) {
        if self.newest.len() == NOTED_MAX
            && let Some(dropped) = self.newest.pop_front()
        {
            self.complete_after = dropped;
        }
        self.newest.push_back(position);
    }
}

/// What a follower is shown: observations, and what was declared of devices.
#[derive(Debug, Default)]
pub struct Observed {
    /// The entries, by position.
    pub entries: Vec<(Position, Entry)>,
    /// Every entry to be shown up to here is among them, or was shown before.
    pub up_to: Position,
}

impl<D: Disk> Handle<D> {
    /// The first observations and declared devices after a position: some thousands at most, so ask again from `up_to`.
    ///
    /// # Errors
    /// [`Error::Journal`], [`Error::Record`].
    pub fn observed_after(&self, position: Position) -> Result<Observed, Error> {
        let committed = self.position();
        let Some(noted) = self.shared.noted.since(position, HANDED_MAX) else {
            return self.observed_in_next_block(position);
        };
        let mut is_all = noted.len() < HANDED_MAX;
        let mut bytes = 0;
        let mut observed = Observed { entries: Vec::with_capacity(noted.len()), up_to: committed.max(position) };
        let mut wanted = noted.iter().copied().filter(|position| *position <= committed).peekable();
        while let Some(next) = wanted.peek().copied() {
            if bytes > HANDED_BYTES_MAX {
                is_all = false;
                break;
            }
            let Some((first, entries)) = self.block_of(next)? else { break };
            for (entry, at) in entries.into_iter().zip(first.0..) {
                if wanted.next_if_eq(&Position(at)).is_some() {
                    bytes += said_bytes(&entry.decision);
                    observed.entries.push((Position(at), entry));
                }
            }
        }
        if !is_all && let Some((last, _)) = observed.entries.last() {
            observed.up_to = *last;
        }
        Ok(observed)
    }

    fn observed_in_next_block(&self, position: Position) -> Result<Observed, Error> {
        let Some((first, entries)) = self.block_of(position.next())? else {
            return Ok(Observed { entries: Vec::new(), up_to: position });
        };
        let up_to = Position(first.0 + entries.len() as u64 - 1).min(self.position());
        let entries = entries.into_iter().zip(first.0..).map(|(entry, at)| (Position(at), entry));
        let is_wanted = |(at, entry): &(Position, Entry)| *at > position && *at <= up_to && is_shown(&entry.decision);
        Ok(Observed { entries: entries.filter(is_wanted).collect(), up_to })
    }
}

/// Makes something of observations. Called by one thread, in journal order.
pub trait Follow: Send + 'static {
    /// Up to where everything has been taken in, to be shown what comes after.
    fn position(&self) -> Position;

    /// Takes in what was observed up to `observed.up_to`. Called with nothing new now and then, so that time can pass;
    /// `is_behind` says that there is more in the journal already.
    ///
    /// # Errors
    /// Whatever keeps it from going on for now; what comes after [`position`](Self::position) is shown a little later.
    fn take(&mut self, observed: Observed, is_behind: bool) -> Result<(), Error>;

    /// The engine stops: what is not yet written can be.
    ///
    /// # Errors
    /// What could not be written; it is made again at the next start.
    fn finish(&mut self) -> Result<(), Error>;
}

/// How far a follower is. Cheap to clone.
#[derive(Clone, Default)]
pub struct Progress(Arc<Reached>);

#[derive(Default)]
struct Reached {
    position: Mutex<Position>,
    moved: Condvar,
}

impl Progress {
    /// Up to where the follower has taken everything in.
    pub fn position(&self) -> Position {
        *self.0.position.lock().expect("no panic under the lock")
    }

    /// Waits until the follower has taken in what stands at `position`; `false` when `patience` ends before. For
    /// threads that may wait.
    pub fn wait_for(&self, position: Position, patience: Duration) -> bool {
        let reached = self.0.position.lock().expect("no panic under the lock");
        let behind = |reached: &mut Position| *reached < position;
        let (reached, _) = self.0.moved.wait_timeout_while(reached, patience, behind).expect("no panic under the lock");
        *reached >= position
    }

    fn reach(&self, position: Position) {
        *self.0.position.lock().expect("no panic under the lock") = position;
        self.0.moved.notify_all();
    }
}

/// A thread that shows a [`Follow`] every observation. Dropping it ends the thread without waiting.
pub struct Follower {
    progress: Progress,
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Follower {
    /// Starts to show `follow` what it has not taken in yet, and then what comes.
    ///
    /// # Errors
    /// [`Error::Thread`].
    pub fn start(name: &'static str, handle: Handle<RealDisk>, mut follow: impl Follow) -> Result<Self, Error> {
        let progress = Progress::default();
        progress.reach(follow.position());
        let (stop, stopped) = channel();
        let (wake, woken) = sync_channel(1);
        handle.observe(move |_| {
            // One wake-up that waits stands for all.
            let _ = wake.try_send(());
        });
        let reached = progress.clone();
        let work = move || run(name, &handle, &mut follow, &reached, (&stopped, &woken));
        let thread = std::thread::Builder::new().name(name.to_owned()).spawn(work);
        let thread = thread.map_err(|source| Error::Thread { name, source })?;
        Ok(Self { progress, stop: Some(stop), thread: Some(thread) })
    }

    /// How far it is.
    pub fn progress(&self) -> Progress {
        self.progress.clone()
    }

    /// Lets the follower take in what is durable by now, write what it has, and end.
    pub fn finish(mut self) {
        self.stop.take();
        if let Some(thread) = self.thread.take() {
            // A panic there has been reported; the journal has all that it would have written.
            let _ = thread.join();
        }
    }
}

fn run(
    name: &'static str,
    handle: &Handle<RealDisk>,
    follow: &mut impl Follow,
    progress: &Progress,
    (stopped, woken): (&Receiver<()>, &Receiver<()>),
) {
    loop {
        let is_stopping = matches!(stopped.try_recv(), Err(std::sync::mpsc::TryRecvError::Disconnected));
        // Wake-ups before this look are answered by it.
        while woken.try_recv().is_ok() {}
        let before = follow.position();
        let end = handle.position();
        let taken = handle.observed_after(before).and_then(|observed| {
            let is_behind = observed.up_to < end;
            follow.take(observed, is_behind)
        });
        if let Err(error) = &taken {
            handle.shared.report(name, error);
        }
        let reached = follow.position();
        progress.reach(reached);
        if taken.is_ok() && reached > before && reached < end {
            continue;
        }
        if is_stopping {
            break;
        }
        match woken.recv_timeout(IDLE) {
            Ok(()) | Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => break,
        }
    }
    if let Err(error) = follow.finish() {
        handle.shared.report(name, &error);
    }
}
