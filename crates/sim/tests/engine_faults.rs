//! Every operation of the disk fails in turn, once or for good, in each of the ways in which disks fail: no answer is
//! ever wrong, what can be shown is shown, and all is well once the disk is.

mod engine_support;

use engine::{Health, Unavailable};
use engine_support::{Trial, for_each_seed};
use rand::RngExt;
use sim::disk::{DiskFailure, DiskOperation, Fault};

const FAILURES: [DiskFailure; 3] = [DiskFailure::Io, DiskFailure::NoSpace, DiskFailure::ReadOnly];

/// Runs `life` with the first, the second, ... operation failing, until a run ends without getting so far.
fn for_each_fault(operation: Option<DiskOperation>, mut life: impl FnMut(Fault) -> bool) {
    for failure in FAILURES {
        for lasting in [false, true] {
            let faults = (1..).map(|nth| Fault { operation, nth, failure, lasting });
            let count = faults.map(&mut life).take_while(|reached| *reached).count();
            assert!(count > 0, "some operation fails");
        }
    }
}

/// A few batches, each decided while the one before it is on its way to the disk.
fn work(trial: &mut Trial, batches: usize) {
    for number in 0..batches {
        let batch = trial.make_batch();
        trial.submit(batch);
        trial.stages().decide();
        trial.stages().append();
        trial.hear();
        if number % 2 == 1 {
            trial.stages().decide();
            trial.stages().publish();
        }
        if number % 4 == 3 {
            let _ = trial.stages().prepare();
            trial.stages().handle().tick();
        }
        trial.hear();
    }
}

/// Whatever the disk does, what was shown can be looked at, and what is refused is refused by its right name.
fn serves_reads(trial: &mut Trial) {
    let handle = trial.stages().handle().clone();
    let views = handle.views();
    assert!(views.position().0 <= handle.reader().durable_end().0);
    assert!(views.catalog().accounts().all(|(account, _)| views.reserved(account).micros() >= 0));
    drop(views);
    if let Some(why) = handle.health().refusal() {
        assert_eq!(handle.submit(wire::Batch::new(), |_| {}), Err(why));
    }
}

#[test]
fn the_nth_disk_operation_fails_while_the_engine_works() {
    for_each_fault(None, |fault| {
        let mut trial = Trial::new(1);
        trial.disk.plan(fault);
        if trial.start().is_ok() {
            work(&mut trial, 12);
            serves_reads(&mut trial);
        }
        let reached = trial.disk.fault_reached();
        trial.drain();
        work(&mut trial, 2);
        trial.drain();
        if fault.nth % 8 == 0 {
            trial.check();
        }
        reached
    });
}

#[test]
fn the_nth_disk_operation_fails_while_the_engine_starts() {
    for_each_fault(None, |fault| {
        let mut trial = Trial::new(2);
        trial.start().expect("the disk is sound");
        work(&mut trial, 12);
        trial.crash();
        trial.disk.plan(fault);
        if let Err(error) = trial.start() {
            assert!(!error.is_damage(), "a disk that fails is not a journal that is damaged: {error:?}");
        }
        let reached = trial.disk.fault_reached();
        trial.crash();
        trial.disk.mend();
        trial.start().expect("the disk is mended");
        trial.drain();
        if fault.nth % 4 == 0 {
            trial.check();
        }
        reached
    });
}

#[test]
fn a_failed_sync_stops_work_for_good_and_a_restart_brings_it_back() {
    for_each_fault(Some(DiskOperation::Sync), |fault| {
        let mut trial = Trial::new(3);
        trial.start().expect("the disk is sound");
        trial.settings.segment_bytes = 1 << 20;
        trial.disk.plan(fault);
        work(&mut trial, 8);
        let reached = trial.disk.fault_reached();
        serves_reads(&mut trial);
        if trial.stages().handle().health() == Health::DiskFailed {
            trial.disk.mend();
            trial.stages().handle().tick();
            trial.stages().settle();
            assert_eq!(trial.stages().handle().health(), Health::DiskFailed, "only a restart helps");
            assert!(trial.stages().handle().problem().is_some_and(|problem| problem.contains("appending")));
            trial.crash();
            trial.start().expect("the disk is mended");
        }
        trial.drain();
        trial.check();
        reached
    });
}

#[test]
fn whoever_only_repeats_what_could_not_be_written_hears_that_too() {
    let mut trial = Trial::new(4);
    trial.start().expect("the disk is sound");
    let batch: Vec<usize> = (0..2).map(|_| trial.new_message()).collect();
    trial.submit(batch.clone());
    trial.stages().decide();
    // The repetition leaves nothing to write; its answer waits behind the block with the first.
    trial.submit(batch);
    trial.stages().decide();
    trial.disk.plan(Fault { operation: Some(DiskOperation::Sync), nth: 1, failure: DiskFailure::Io, lasting: false });
    trial.stages().decide();
    trial.stages().settle();
    trial.hear();
    assert!(trial.waiting.is_empty() && trial.acknowledged.is_empty(), "{:?}", trial.acknowledged);
    assert_eq!(trial.stages().handle().health(), Health::DiskFailed);
    trial.drain();
    trial.check();
}

#[test]
fn a_full_disk_refuses_work_until_there_is_space() {
    for_each_seed("a_full_disk", 20, |seed| {
        let mut trial = Trial::new(seed);
        let segment = trial.settings.segment_bytes;
        let segments = trial.chance.random_range(1..=3);
        trial.disk.set_capacity_bytes(Some(segment * segments + segment / 2));
        trial.start().expect("there is space for the first segment");
        while trial.stages().handle().health() == Health::Working {
            trial.step();
        }
        assert_eq!(trial.stages().handle().health(), Health::DiskFull);
        serves_reads(&mut trial);
        trial.stages().handle().tick();
        trial.stages().settle();
        trial.hear();
        assert_eq!(trial.stages().handle().health(), Health::DiskFull, "there is no space yet");
        let refused = trial.stages().handle().submit(wire::Batch::new(), |_| {});
        assert_eq!(refused, Err(Unavailable::DiskFull));
        for _ in 0..20 {
            trial.step();
        }
        trial.disk.set_capacity_bytes(Some(segment * 64));
        trial.stages().handle().tick();
        trial.stages().settle();
        assert_eq!(trial.stages().handle().health(), Health::Working);
        for _ in 0..60 {
            trial.step();
        }
        trial.stages().settle();
        trial.hear();
        let lived = trial.stages().opened().last_position;
        assert_eq!(lived.0, 0, "it was never started again");
        trial.check();
        trial.drain();
        trial.check();
    });
}

#[test]
fn disks_fail_at_random_and_nothing_acknowledged_is_lost() {
    for_each_seed("disks_fail_at_random", 40, |seed| {
        let mut trial = Trial::new(seed);
        for _ in 0..trial.chance.random_range(1..=4) {
            let fault = Fault {
                operation: None,
                nth: trial.chance.random_range(1..80),
                failure: FAILURES[trial.chance.random_range(0..3)],
                lasting: trial.chance.random_ratio(1, 2),
            };
            trial.disk.plan(fault);
            if trial.start().is_ok() {
                for _ in 0..trial.chance.random_range(1..120) {
                    trial.step();
                }
                if trial.chance.random_ratio(1, 2) {
                    trial.drain();
                    trial.check();
                }
            }
            trial.crash();
            trial.disk.mend();
        }
        trial.drain();
        trial.check();
    });
}
