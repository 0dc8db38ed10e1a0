//! Chores beside the flow: making the next segment ahead, and snapshots, so that neither stops the stages.
//!
//! A snapshot is made by replaying the journal beside the running engine, from the snapshot before it: the stages are
//! not asked for anything and do not wait.

use crate::Error;
use crate::recovery;
use crate::shared::Shared;
use journal::{Disk, Preparer, Reader};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};

/// Something to do when there is time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Chore {
    Prepare,
    Snapshot,
}

/// Asks for chores; never waits. What is asked for while much is to do is asked for again later.
#[derive(Clone)]
pub(crate) struct Chores(SyncSender<Chore>);

impl Chores {
    pub(crate) fn channel() -> (Self, Receiver<Chore>) {
        let (sender, receiver) = sync_channel(4);
        (Self(sender), receiver)
    }

    pub(crate) fn prepare(&self) {
        let _ = self.0.try_send(Chore::Prepare);
    }

    pub(crate) fn snapshot(&self) {
        let _ = self.0.try_send(Chore::Snapshot);
    }
}

pub(crate) struct Snapshotter<D: Disk> {
    pub(crate) shared: Arc<Shared>,
    pub(crate) reader: Reader<D>,
    pub(crate) preparer: Preparer<D>,
    /// Held while a snapshot is taken, so that a backup sees whole files.
    pub(crate) busy: Arc<Mutex<()>>,
}

impl<D: Disk> Snapshotter<D> {
    /// Does chores until nobody can ask for any.
    pub(crate) fn run(&self, chores: &Receiver<Chore>) {
        for chore in chores {
            match chore {
                // The writer tries by itself when it needs the segment, and reports what fails then.
                Chore::Prepare => drop(self.preparer.prepare()),
                Chore::Snapshot => {
                    if let Err(error) = self.take() {
                        self.shared.report("taking a snapshot", &error);
                    }
                }
            }
        }
    }

    /// Takes a snapshot of the durable end.
    pub(crate) fn take(&self) -> Result<(), Error> {
        let _busy = self.busy.lock().unwrap_or_else(PoisonError::into_inner);
        let directory = &self.shared.directory;
        let (from, core, views) = recovery::core_and_views(directory, &self.reader)?;
        let position = core.state.position();
        if position == from {
            return Ok(());
        }
        let fail = |source| Error::Journal { directory: directory.clone(), source };
        let hash = self.reader.hash_at(crate::shared::to_journal(position)).map_err(fail)?;
        match hash {
            Some(hash) => recovery::write_snapshot(directory, hash, &core, &views),
            None => Err(Error::Sequence { position: position.0 }),
        }
    }
}
