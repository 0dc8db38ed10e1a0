//! Fault loops: the first, second, … disk operation fails, once or from then on, until a run ends without reaching the
//! fault. After each, also after a power loss: what was acknowledged is there, and nothing half.

mod journal_support;

use journal::{Error, Position, Reader, snapshot, verify};
use journal_support::{append, assert_holds, block_count, end_position, journal_of, open};
use sim::disk::{DiskFailure, DiskOperation, Fault, SimDisk};

const BLOCKS: u64 = 14;
const FAILURES: [DiskFailure; 3] = [DiskFailure::Io, DiskFailure::NoSpace, DiskFailure::ReadOnly];
const CRASHES: u64 = 12;
const DISK_SEED: u64 = 1;

/// What a caller knows about the journal.
#[derive(Debug, Clone, Copy, Default)]
struct Known {
    /// Blocks that were acknowledged, or seen when opening.
    blocks: u64,
    /// Whether one more may be there: its append failed.
    one_more: bool,
}

impl Known {
    fn allows(self, blocks: u64) -> bool {
        blocks == self.blocks || (self.one_more && blocks == self.blocks + 1)
    }
}

/// Opens the journal and appends until all blocks are there; after any error starts anew, a few times.
fn append_all(disk: &SimDisk) -> Known {
    let mut known = Known::default();
    for _ in 0..3 {
        let Ok((mut writer, reader, recovered)) = open(disk) else {
            continue;
        };
        let blocks = block_count(recovered.last_position);
        assert!(known.allows(blocks), "{blocks} blocks, but {known:?}");
        known = Known { blocks, one_more: false };
        while known.blocks < BLOCKS {
            if known.blocks % 5 == 0 {
                // A failure here must not matter.
                let _ = writer.prepare();
            }
            match append(&mut writer, known.blocks) {
                Ok(_) => known.blocks += 1,
                Err(error) if error.is_poisoning() => {
                    known.one_more = true;
                    assert!(matches!(append(&mut writer, known.blocks), Err(Error::Poisoned)));
                    break;
                }
                Err(_) => {
                    assert!(!writer.is_poisoned());
                    // The same again: the next segment could not be made.
                    if append(&mut writer, known.blocks).is_err() {
                        known.one_more = writer.is_poisoned();
                        break;
                    }
                    known.blocks += 1;
                }
            }
            assert_eq!(reader.durable_end(), end_position(known.blocks), "readers see what is durable and all of it");
        }
        if known.blocks == BLOCKS {
            break;
        }
    }
    known
}

fn assert_survives(disk: &SimDisk, known: Known, what: &str) {
    let read_only = Reader::open_read_only(disk.clone());
    if known.blocks > 0 {
        let blocks = block_count(read_only.as_ref().expect("readable").durable_end());
        assert!(known.allows(blocks), "{what}: {blocks} blocks to a reader, but {known:?}");
    }
    let (mut writer, reader, recovered) = open(disk).unwrap_or_else(|error| panic!("{what}: {error}"));
    let blocks = block_count(recovered.last_position);
    assert!(known.allows(blocks), "{what}: {blocks} blocks, but {known:?}");
    assert_holds(&reader, blocks);
    append(&mut writer, blocks).expect("append");
    append(&mut writer, blocks + 1).expect("append");
    drop(writer);
    let (_, reader, recovered) = open(&disk.crash(7)).unwrap_or_else(|error| panic!("{what}, later: {error}"));
    assert_eq!(recovered.torn_blocks, 0);
    assert_holds(&reader, blocks + 2);
}

/// Runs with the first, second, … operation failing, until a run ends without it.
///
/// The disk's seed stays the same in one loop: another one would mean other operations, and some never fail.
fn for_each_fault(operation: Option<DiskOperation>, mut run: impl FnMut(Fault) -> bool) {
    for failure in FAILURES {
        for lasting in [false, true] {
            let reached = (1..).take_while(|nth| run(Fault { operation, nth: *nth, failure, lasting })).count();
            assert!(reached > 0, "no operation {operation:?} to fail");
        }
    }
}

#[test]
fn acknowledged_blocks_survive_any_failed_operation() {
    for_each_fault(None, |fault| {
        let disk = SimDisk::new(DISK_SEED);
        disk.plan(fault);
        let known = append_all(&disk);
        let reached = disk.fault_reached();
        if !fault.lasting {
            assert_eq!(known.blocks, BLOCKS, "{fault:?}: a passing failure stops nothing for long");
        }
        for seed in 0..CRASHES {
            assert_survives(&disk.crash(seed), known, &format!("{fault:?}, crash {seed}"));
        }
        disk.mend();
        assert_survives(&disk, known, &format!("{fault:?}, mended"));
        reached
    });
}

#[test]
fn acknowledged_blocks_survive_a_power_loss_after_any_operation() {
    for nth in 1.. {
        let disk = SimDisk::new(DISK_SEED);
        disk.plan(Fault { operation: None, nth, failure: DiskFailure::Io, lasting: true });
        let known = append_all(&disk);
        for seed in 0..100 {
            assert_survives(&disk.crash(seed), known, &format!("operation {nth}, crash {seed}"));
        }
        if !disk.fault_reached() {
            break;
        }
    }
}

#[test]
fn a_power_loss_while_recovering_from_a_power_loss_loses_nothing() {
    for nth in 1..60 {
        let disk = SimDisk::new(nth);
        disk.plan(Fault {
            operation: Some(DiskOperation::Sync),
            nth: nth % 12 + 3,
            failure: DiskFailure::Io,
            lasting: true,
        });
        let mut known = append_all(&disk);
        let mut disk = disk.crash(nth);
        for again in 1..40 {
            disk.plan(Fault { operation: None, nth: again, failure: DiskFailure::Io, lasting: true });
            if let Ok((_, _, recovered)) = open(&disk) {
                known = Known { blocks: block_count(recovered.last_position), one_more: false };
            }
            disk = disk.crash(nth * 100 + again);
        }
        assert_survives(&disk, known, &format!("run {nth}"));
    }
}

#[test]
fn a_full_disk_refuses_appends_until_there_is_space_and_poisons_nothing() {
    let disk = SimDisk::new(1);
    let (mut writer, reader, _) = open(&disk).expect("open");
    disk.set_capacity_bytes(Some(5000));
    let mut blocks = 0;
    let error = loop {
        match append(&mut writer, blocks) {
            Ok(_) => blocks += 1,
            Err(error) => break error,
        }
    };
    assert!(error.is_no_space(), "{error}");
    assert_eq!(error.code(), "ST0103");
    for _ in 0..3 {
        assert!(append(&mut writer, blocks).expect_err("full").is_no_space());
        assert!(writer.prepare().expect_err("full").is_no_space());
    }
    assert!(!writer.is_poisoned());
    assert_holds(&reader, blocks);
    assert_eq!(disk.names().len(), 2, "no half-made segment takes the space that is left");
    disk.set_capacity_bytes(Some(20_000));
    append(&mut writer, blocks).expect("there is space again");
    drop(writer);
    assert_holds(&open(&disk.crash(1)).expect("open").1, blocks + 1);
}

#[test]
fn no_space_inside_a_segment_is_a_failed_write() {
    let disk = SimDisk::new(1);
    let (mut writer, ..) = open(&disk).expect("open");
    append(&mut writer, 0).expect("append");
    disk.plan(Fault { operation: Some(DiskOperation::Write), nth: 1, failure: DiskFailure::NoSpace, lasting: false });
    let error = append(&mut writer, 1).expect_err("failed");
    assert_eq!(error.code(), "ST0107");
    assert!(!error.is_no_space() && error.is_poisoning());
    assert_eq!(append(&mut writer, 1).expect_err("poisoned").code(), "ST0108");
}

#[test]
fn retention_leaves_no_hole_whatever_fails() {
    let whole = journal_of(1, 40);
    for_each_fault(None, |fault| {
        let disk = whole.duplicate(DISK_SEED);
        let (writer, ..) = open(&disk).expect("open");
        disk.plan(fault);
        let segments = writer.segments();
        for position in [10, 30, 60] {
            let _ = segments.remove_segments_before(Position(position));
        }
        for seed in 0..CRASHES {
            let (writer, reader, _) = open(&disk.crash(seed)).unwrap_or_else(|error| panic!("{fault:?}: {error}"));
            assert!(reader.first_position() <= Position(60));
            let report = verify(&reader, &mut |_| {}).expect("intact");
            assert_eq!((report.last_position, report.last_hash), (end_position(40), writer.last_hash()));
        }
        disk.fault_reached()
    });
}

#[test]
fn a_copy_is_whole_or_says_that_it_is_not_whatever_fails() {
    let whole = journal_of(1, 20);
    for_each_fault(None, |fault| {
        let reader = Reader::open_read_only(whole.clone()).expect("open");
        let destination = SimDisk::new(DISK_SEED);
        destination.plan(fault);
        let copied = reader.copy_to(&destination, Position(u64::MAX), &mut |_| {});
        for seed in 0..CRASHES {
            match Reader::open_read_only(destination.crash(seed)) {
                Ok(copy) => assert_holds(&copy, 20),
                Err(Error::UnfinishedCopy { .. } | Error::NoJournal { .. }) => {
                    assert!(copied.is_err(), "{fault:?}, crash {seed}: the copy was said to be durable");
                }
                Err(error) => panic!("{fault:?}, crash {seed}: {error}"),
            }
        }
        destination.mend();
        if copied.is_err() {
            // What is there is either unfinished and done again, or whole but for its confirmation.
            match reader.copy_to(&destination, Position(u64::MAX), &mut |_| {}) {
                Ok(_) | Err(Error::NotEmpty { .. }) => {}
                Err(error) => panic!("{fault:?}: {error}"),
            }
        }
        assert_holds(&Reader::open_read_only(destination.duplicate(1)).expect("open"), 20);
        destination.fault_reached()
    });
}

#[test]
fn a_reader_tells_of_a_failed_read_and_goes_on_when_asked_again() {
    let disk = journal_of(1, 20);
    let (_, reader, _) = open(&disk).expect("open");
    for_each_fault(None, |fault| {
        let disk = disk.duplicate(1);
        let (_, reader, _) = open(&disk).expect("open");
        disk.plan(fault);
        let failed = reader.blocks(Position(5)).find_map(Result::err);
        assert_eq!(failed.is_some(), disk.fault_reached());
        let _ = (reader.position_at_stamp(40), reader.hash_at(Position(9)), reader.block_containing(Position(3)));
        disk.mend();
        assert_holds(&reader, 20);
        failed.is_some()
    });
    assert_holds(&reader, 20);
}

#[test]
fn a_snapshot_is_whole_or_not_there_whatever_fails() {
    let state = |position: u64| vec![u8::try_from(position).expect("small"); 5000];
    let hash_at = |_| Ok(Some(journal::Hash::default()));
    for_each_fault(None, |fault| {
        let disk = SimDisk::new(DISK_SEED);
        let mut written = 0;
        for position in [1, 2] {
            write_snapshot(&disk, position, &state(position)).expect("write");
        }
        disk.plan(fault);
        for position in 3..=6 {
            if write_snapshot(&disk, position, &state(position)).is_ok() {
                written = position;
            }
        }
        for seed in 0..CRASHES {
            let loaded = snapshot::load_newest(&disk.crash(seed), 1, Position(u64::MAX), hash_at, |_, read| {
                let mut bytes = Vec::new();
                read.read_to_end(&mut bytes).map(|_| bytes)
            });
            let loaded = loaded.expect("listed");
            assert!(loaded.passed_over.is_empty(), "{fault:?}: {:?}", loaded.passed_over);
            let (snapshot, bytes) = loaded.found.expect("an older one is there");
            assert!(snapshot.position.0 >= written.max(2), "{fault:?}, crash {seed}");
            assert_eq!(bytes, state(snapshot.position.0));
        }
        disk.fault_reached()
    });
}

fn write_snapshot(disk: &SimDisk, position: u64, state: &[u8]) -> Result<snapshot::Snapshot, Error> {
    snapshot::write(disk, Position(position), journal::Hash::default(), 1, |write| write.write_all(state))
}
