//! Snapshots: what is handed out is what was written, or the next older one is, with the reason.

mod journal_support;

use std::io;

use journal::{
    Error, Hash, Position, Reader,
    snapshot::{self, Loaded, Snapshot, Unusable},
};
use journal_support::{end_position, journal_of, open};
use sim::disk::SimDisk;

const SCHEMA: u32 = 3;

fn state(blocks: u64) -> Vec<u8> {
    (0..blocks * 1000).map(|index| u8::try_from(index * index % 251).expect("below 256")).collect()
}

/// Writes the snapshot of the state after so many blocks.
fn write(disk: &SimDisk, reader: &Reader<SimDisk>, blocks: u64) -> Snapshot {
    let position = end_position(blocks);
    let hash = reader.hash_at(position).expect("readable").expect("a block ends there");
    snapshot::write(disk, position, hash, SCHEMA, |write| write.write_all(&state(blocks))).expect("write")
}

fn load(disk: &SimDisk, reader: &Reader<SimDisk>) -> Loaded<Vec<u8>> {
    let hash_at = |position| reader.hash_at(position);
    snapshot::load_newest(disk, SCHEMA, reader.durable_end(), hash_at, |_, read| {
        let mut bytes = Vec::new();
        read.read_to_end(&mut bytes).map(|_| bytes)
    })
    .expect("listed")
}

fn assert_loads(disk: &SimDisk, reader: &Reader<SimDisk>, blocks: u64) {
    let loaded = load(disk, reader);
    assert!(loaded.passed_over.is_empty(), "{:?}", loaded.passed_over);
    let (snapshot, bytes) = loaded.found.expect("there");
    assert_eq!(snapshot.position, end_position(blocks));
    assert_eq!(snapshot.hash, reader.hash_at(snapshot.position).expect("readable").expect("there"));
    assert_eq!(bytes, state(blocks));
}

fn journal_with_snapshots(at: &[u64]) -> (SimDisk, Reader<SimDisk>) {
    let disk = journal_of(1, 12);
    let (_, reader, _) = open(&disk).expect("open");
    at.iter().for_each(|blocks| drop(write(&disk, &reader, *blocks)));
    (disk, reader)
}

#[test]
fn the_newest_snapshot_is_loaded_and_the_two_newest_are_kept() {
    let (disk, reader) = journal_with_snapshots(&[]);
    assert!(load(&disk, &reader).found.is_none());
    for blocks in 0..12 {
        write(&disk, &reader, blocks);
        assert_loads(&disk.crash(blocks), &reader, blocks);
        let expected: Vec<_> = [Some(blocks), blocks.checked_sub(1)].into_iter().flatten().map(end_position).collect();
        assert_eq!(snapshot::positions(&disk).expect("listed"), expected);
    }
    write(&disk, &reader, 11);
    assert_eq!(snapshot::positions(&disk).expect("listed").len(), 2);
}

#[test]
fn every_flipped_bit_and_every_shorter_file_falls_back_to_the_older_snapshot() {
    let (disk, reader) = journal_with_snapshots(&[4, 9]);
    let name = format!("snapshot-{:020}.snap", end_position(9).0);
    let length = disk.contents(&name).expect("there").len();
    let assert_falls_back = |disk: &SimDisk, what: &str| {
        let loaded = load(disk, &reader);
        assert_eq!(loaded.passed_over.len(), 1, "{what}");
        assert_eq!(loaded.passed_over[0].file_name, name);
        assert!(matches!(loaded.passed_over[0].reason, Unusable::Damaged), "{what}: {}", loaded.passed_over[0]);
        let (snapshot, bytes) = loaded.found.expect("the older one");
        assert_eq!((snapshot.position, bytes), (end_position(4), state(4)));
    };
    for at in 0..length {
        let damaged = disk.duplicate(1);
        damaged.flip_bit(&name, at, u32::try_from(at % 8).expect("small"));
        assert_falls_back(&damaged, &format!("byte {at}"));
    }
    for shorter in (0..length).chain([length + 1]) {
        let damaged = disk.duplicate(1);
        damaged.truncate(&name, shorter);
        assert_falls_back(&damaged, &format!("{shorter} bytes"));
    }
}

#[test]
fn a_snapshot_that_does_not_fit_is_passed_over_with_its_reason() {
    let (disk, reader) = journal_with_snapshots(&[4]);
    let reason_of = |loaded: Loaded<Vec<u8>>| loaded.passed_over.first().expect("passed over").reason.to_string();

    let other = disk.duplicate(1);
    snapshot::write(&other, end_position(9), Hash([1; 32]), SCHEMA, |_| Ok(())).expect("write");
    assert_eq!(reason_of(load(&other, &reader)), "it is not of this journal");

    let other = disk.duplicate(1);
    snapshot::write(&other, Position(1000), Hash::default(), SCHEMA, |_| Ok(())).expect("write");
    assert_eq!(reason_of(load(&other, &reader)), "it is ahead of the journal");

    let other = disk.duplicate(1);
    let hash = reader.hash_at(end_position(9)).expect("readable").expect("there");
    snapshot::write(&other, end_position(9), hash, SCHEMA + 1, |_| Ok(())).expect("write");
    assert_eq!(reason_of(load(&other, &reader)), "its state has schema 4");
    assert_eq!(load(&other, &reader).found.expect("the older one").0.position, end_position(4));

    let refuse = |_: &Snapshot, _: &mut dyn io::Read| -> io::Result<()> { Err(io::ErrorKind::InvalidData.into()) };
    let loaded = snapshot::load_newest(&disk, SCHEMA, Position(1000), |at| reader.hash_at(at), refuse).expect("listed");
    assert!(loaded.found.is_none());
    assert!(matches!(loaded.passed_over[0].reason, Unusable::Refused(_)));
}

#[test]
fn a_snapshot_outlives_the_segments_before_it() {
    let disk = journal_of(1, 40);
    let (writer, reader, _) = open(&disk).expect("open");
    for blocks in 1..40 {
        write(&disk, &reader, blocks);
        writer.segments().remove_segments_before(end_position(blocks).plus(1)).expect("remove");
        assert_loads(&disk, &reader, blocks);
    }
}

#[test]
fn a_snapshot_that_can_not_be_written_leaves_nothing() {
    let (disk, reader) = journal_with_snapshots(&[4]);
    let names = disk.names();
    let failed = |_: &mut dyn io::Write| Err(io::ErrorKind::InvalidData.into());
    let error = snapshot::write(&disk, end_position(9), Hash::default(), SCHEMA, failed).expect_err("failed");
    assert!(matches!(error, Error::Disk { .. }), "{error}");
    assert_eq!(disk.names(), names);
    disk.set_capacity_bytes(Some(0));
    let full = snapshot::write(&disk, end_position(9), Hash::default(), SCHEMA, |write| write.write_all(&[1; 100]));
    assert!(full.expect_err("full").is_no_space());
    assert_eq!(disk.names(), names);
    assert_loads(&disk, &reader, 4);
}
