//! The next segment, made ahead, so that the append that needs it does not wait for a file full of zeros.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard},
};

use crate::{
    disk::{Disk, DiskFile},
    error::{Error, Operation},
    format::SegmentHeader,
};

const PREFIX: &str = "segment-next-";
const SUFFIX: &str = ".tmp";

/// Tells whether a name is one of a segment that has no block yet.
pub(crate) fn is_prepared_name(name: &str) -> bool {
    name.starts_with(PREFIX) && name.ends_with(SUFFIX)
}

/// A file of durable zeros.
pub(crate) struct Prepared<F> {
    pub(crate) file: F,
    /// No other file had or will have this name while the journal is open.
    pub(crate) name: String,
    pub(crate) length: u64,
}

struct Slot<F> {
    ready: Option<Prepared<F>>,
    /// Of the next file; the same again after a failure.
    number: u64,
}

/// Makes segments; shared by those who may write, and holds the journal's lock while any of them lives.
pub(crate) struct Supply<D: Disk> {
    disk: D,
    segment_bytes: u64,
    slot: Mutex<Slot<D::File>>,
    /// Segments that retention has taken out of reach and whose files are still to be removed, oldest first.
    doomed: Mutex<VecDeque<SegmentHeader>>,
    _lock: D::Lock,
}

impl<D: Disk> Supply<D> {
    pub(crate) fn new(disk: D, segment_bytes: u64, lock: D::Lock) -> Arc<Self> {
        let slot = Mutex::new(Slot { ready: None, number: 0 });
        Arc::new(Self { disk, segment_bytes, slot, doomed: Mutex::default(), _lock: lock })
    }

    fn slot(&self) -> MutexGuard<'_, Slot<D::File>> {
        self.slot.lock().expect("nothing panics while it prepares a segment")
    }

    pub(crate) fn doomed(&self) -> MutexGuard<'_, VecDeque<SegmentHeader>> {
        self.doomed.lock().expect("nothing panics while it removes segments")
    }

    /// Makes the next segment if there is none, and tells whether it did.
    pub(crate) fn prepare(&self) -> Result<bool, Error> {
        let mut slot = self.slot();
        if slot.ready.is_some() {
            return Ok(false);
        }
        slot.ready = Some(self.make(&mut slot.number, self.segment_bytes)?);
        Ok(true)
    }

    /// Takes the next segment, of at least a length; makes it if there is none, waits if it is being made.
    pub(crate) fn take(&self, length_min: u64) -> Result<Prepared<D::File>, Error> {
        let mut slot = self.slot();
        if slot.ready.as_ref().is_some_and(|ready| ready.length < length_min) {
            // The long block gets its own file, and this one stays for the next.
            return self.make(&mut slot.number, length_min);
        }
        match slot.ready.take() {
            Some(ready) => Ok(ready),
            None => self.make(&mut slot.number, self.segment_bytes.max(length_min)),
        }
    }

    fn make(&self, number: &mut u64, length: u64) -> Result<Prepared<D::File>, Error> {
        let prepared = make_prepared(&self.disk, *number, length)?;
        *number += 1;
        Ok(prepared)
    }
}

/// Makes a file of durable zeros, and leaves nothing if it can't.
pub(crate) fn make_prepared<D: Disk>(disk: &D, number: u64, length: u64) -> Result<Prepared<D::File>, Error> {
    let name = format!("{PREFIX}{number}{SUFFIX}");
    let failed = |operation| {
        let file = disk.path(&name);
        move |source| Error::of_disk(operation, file, source)
    };
    // An earlier failure may have left one.
    if disk.exists(&name).map_err(failed(Operation::Open))? {
        disk.remove(&name).map_err(failed(Operation::Remove))?;
    }
    let file = disk.create_new(&name).map_err(failed(Operation::Create))?;
    let filled = file
        .allocate(length)
        .map_err(failed(Operation::Allocate))
        .and_then(|()| file.sync_data().map_err(failed(Operation::Sync)));
    if let Err(error) = filled {
        drop(file);
        // Gives the space back. If this fails too, the next attempt begins with it.
        let _ = disk.remove(&name);
        return Err(error);
    }
    Ok(Prepared { file, name, length })
}

/// Makes the next segment from another thread while the writer appends.
pub struct Preparer<D: Disk> {
    supply: Arc<Supply<D>>,
}

impl<D: Disk> Preparer<D> {
    pub(crate) fn new(supply: Arc<Supply<D>>) -> Self {
        Self { supply }
    }

    /// Makes the next segment if there is none, and tells whether it did. Holds the journal's lock while it lives.
    ///
    /// # Errors
    /// [`Error::NoSpace`], [`Error::ReadOnly`], [`Error::Disk`]. The writer is none the worse: it tries by itself when
    /// it needs to.
    pub fn prepare(&self) -> Result<bool, Error> {
        self.supply.prepare()
    }
}

impl<D: Disk> Clone for Preparer<D> {
    fn clone(&self) -> Self {
        Self { supply: Arc::clone(&self.supply) }
    }
}
