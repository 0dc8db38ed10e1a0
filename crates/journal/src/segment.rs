//! The list of segments of a journal, from their names and headers.

use std::sync::Arc;

use crate::{
    disk::{Access, Disk, DiskFile},
    error::{Damage, Error, Operation},
    format::{
        FORMAT_VERSION, Identity, Position, SEGMENT_HEADER_BYTES, SegmentHeader, bytes_of, parse_segment_name,
        segment_name,
    },
    window::Window,
};

/// The file that exists while a copy is being made.
pub(crate) const UNFINISHED_COPY_NAME: &str = "copy-unfinished";

/// Returns the first positions that segment files are named by, ascending.
pub(crate) fn list_segments<D: Disk>(disk: &D) -> Result<Vec<Position>, Error> {
    let names = disk.list().map_err(|source| Error::of_disk(Operation::List, disk.path(""), source))?;
    let mut found: Vec<_> = names.iter().filter_map(|name| parse_segment_name(name)).collect();
    found.sort_unstable();
    Ok(found)
}

pub(crate) fn open_segment<D: Disk>(disk: &D, first: Position, access: Access) -> Result<Arc<D::File>, Error> {
    let name = segment_name(first);
    let opened = disk.open(&name, access);
    opened.map(Arc::new).map_err(|source| Error::of_disk(Operation::Open, disk.path(&name), source))
}

/// Reads all segment headers, oldest first, and checks that they belong together and that each file has its length.
pub(crate) fn load_segments<D: Disk>(disk: &D) -> Result<Vec<SegmentHeader>, Error> {
    let unfinished = disk.exists(UNFINISHED_COPY_NAME);
    if unfinished.map_err(|source| Error::of_disk(Operation::Open, disk.path(UNFINISHED_COPY_NAME), source))? {
        return Err(Error::UnfinishedCopy { directory: disk.path("") });
    }
    let mut loaded: Vec<SegmentHeader> = Vec::new();
    for first in list_segments(disk)? {
        let header = load_header(disk, first)?;
        if let Some(previous) = loaded.last() {
            check_succession(previous, &header)
                .map_err(|reason| Error::damaged(disk.path(&segment_name(first)), 0, reason))?;
        }
        loaded.push(header);
    }
    Ok(loaded)
}

fn load_header<D: Disk>(disk: &D, first: Position) -> Result<SegmentHeader, Error> {
    let path = disk.path(&segment_name(first));
    let file = open_segment(disk, first, Access::Read)?;
    let length = file.length().map_err(|source| Error::of_disk(Operation::Read, path.clone(), source))?;
    let mut window = Window::new(file, path, length, SEGMENT_HEADER_BYTES);
    let decoded = SegmentHeader::decode(window.bytes(0, SEGMENT_HEADER_BYTES)?);
    let (header, version) = decoded.map_err(|reason| window.damaged(0, reason))?;
    if version > FORMAT_VERSION {
        let file = window.path().to_path_buf();
        return Err(Error::NewerFormat { file, found: version, supported: FORMAT_VERSION });
    }
    match check_header(&header, first, length) {
        Some((offset, reason)) => Err(window.damaged(offset, reason)),
        None => Ok(header),
    }
}

/// Returns what is wrong with a header in its file, and where.
pub(crate) fn check_header(header: &SegmentHeader, name: Position, length: u64) -> Option<(u64, Damage)> {
    if header.first_position != name {
        return Some((0, Damage::SegmentName { found: header.first_position }));
    }
    let possible = header.file_length >= bytes_of(SEGMENT_HEADER_BYTES) && name >= Position::FIRST;
    if !possible {
        return Some((0, Damage::SegmentHeader));
    }
    let as_created = header.file_length == length;
    let reason = Damage::SegmentLength { expected: header.file_length, found: length };
    (!as_created).then(|| (length.min(header.file_length), reason))
}

/// Checks that a segment can come right after another.
pub(crate) fn check_succession(previous: &SegmentHeader, next: &SegmentHeader) -> Result<(), Damage> {
    if next.identity != previous.identity {
        return Err(Damage::OtherJournal);
    }
    match next.number.checked_sub(previous.number) {
        Some(1) if next.previous_stamp >= previous.previous_stamp => Ok(()),
        Some(1) => Err(Damage::Stamp),
        Some(step) if step > 1 => Err(Damage::SegmentMissing { count: step - 1 }),
        _ => Err(Damage::SegmentOrder),
    }
}

/// Returns the identity that all segments share.
pub(crate) fn identity_of(segments: &[SegmentHeader]) -> Identity {
    segments.last().expect("a journal has at least one segment").identity
}
