//! Segment files as a whole: what there is, and removing what is too old.

use std::{io, sync::Arc};

use crate::{
    disk::Disk,
    error::{Error, Operation},
    format::{Position, segment_name},
    prepare::Supply,
    reader::Reader,
    shared::Shared,
};

/// One segment file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SegmentSummary {
    /// Its name in the journal's directory.
    pub file_name: String,
    /// The position that names it.
    pub first_position: Position,
    /// Its last durable position; one before the first if it has no block.
    pub last_position: Position,
    /// Its length in bytes, zeros included.
    pub file_bytes: u64,
    /// Whether nothing will be appended to it any more.
    pub sealed: bool,
}

impl<D> Reader<D> {
    /// Lists the segment files, oldest first. The last one is never sealed.
    #[must_use]
    pub fn segments(&self) -> Vec<SegmentSummary> {
        summarize(&self.shared)
    }
}

fn summarize<D>(shared: &Shared<D>) -> Vec<SegmentSummary> {
    let extent = shared.extent();
    let views = (0..extent.segments.len()).map(|index| extent.view(index));
    let summaries = views.map(|view| SegmentSummary {
        file_name: segment_name(view.segment.first_position),
        first_position: view.segment.first_position,
        last_position: view.last_position,
        file_bytes: view.segment.file_length,
        sealed: view.sealed,
    });
    summaries.collect()
}

/// The segment files of a journal that is open for writing. Holds the journal's lock while it lives.
pub struct Segments<D: Disk> {
    shared: Arc<Shared<D>>,
    supply: Arc<Supply<D>>,
}

impl<D: Disk> Clone for Segments<D> {
    fn clone(&self) -> Self {
        Self { shared: Arc::clone(&self.shared), supply: Arc::clone(&self.supply) }
    }
}

impl<D: Disk> Segments<D> {
    pub(crate) fn new(shared: Arc<Shared<D>>, supply: Arc<Supply<D>>) -> Self {
        Self { shared, supply }
    }

    /// Lists the sealed segment files, oldest first.
    #[must_use]
    pub fn sealed(&self) -> Vec<SegmentSummary> {
        summarize(&self.shared).into_iter().filter(|segment| segment.sealed).collect()
    }

    /// Removes the sealed segments that lie before a position altogether, oldest first, and returns how many.
    ///
    /// The segment with that position stays, and so does the last one. Readers get [`Error::Removed`] for what is gone,
    /// except those who have the file open. After a failure some are out of reach and their files still there;
    /// the next call, whatever its position, begins with them, and so does a journal that is opened anew.
    ///
    /// # Errors
    /// [`Error::ReadOnly`], [`Error::NoSpace`] and [`Error::Disk`], as the disk says.
    pub fn remove_segments_before(&self, position: Position) -> Result<usize, Error> {
        let mut doomed = self.supply.doomed();
        {
            let mut extent = self.shared.extent_mut();
            let views = (0..extent.segments.len()).map(|index| extent.view(index));
            let count = views.take_while(|view| view.sealed && view.last_position < position).count();
            doomed.extend(extent.segments.drain(..count));
        }
        let mut count = 0;
        while let Some(oldest) = doomed.front() {
            self.shared.marks().forget(oldest.number);
            self.remove_file(oldest.first_position)?;
            doomed.pop_front();
            count += 1;
        }
        Ok(count)
    }

    /// Each removal is durable before the next: else a crash could undo an earlier one and leave a hole.
    fn remove_file(&self, first: Position) -> Result<(), Error> {
        let disk = &self.shared.disk;
        let name = segment_name(first);
        match disk.remove(&name) {
            // An earlier try came that far.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            other => other.map_err(|source| Error::of_disk(Operation::Remove, disk.path(&name), source))?,
        }
        disk.sync_directory().map_err(|source| Error::of_disk(Operation::SyncDirectory, disk.path(""), source))
    }
}
