//! The engine with its threads: under load it refuses what it has no room for, answers everybody once, and stops without
//! losing anything.

mod engine_support;

use engine::{Clock, Engine, Health, Outcome, Settings, Unavailable};
use engine_support::{JOURNAL_SEED, START, Trial, for_each_seed, settings};
use journal::Disk;
use ledger::{
    Body, Command, DecisionKind, Event, EventKind, Position, Quantity, Request, Reserve, ReserveLine, Timestamp,
};
use sim::disk::{DiskFailure, DiskOperation, Fault, SimDisk};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;
use wire::{Batch, KeyHasher};

fn open(disk: &SimDisk, directory: &Path, settings: Settings, in_memory: bool) -> Engine<SimDisk> {
    let now = AtomicI64::new(START);
    let clock = Clock::simulated(move || Timestamp(now.fetch_add(1, Ordering::Relaxed)));
    Engine::open_on(disk.clone(), directory, settings, clock, (JOURNAL_SEED, in_memory), &mut |_| {}).expect("it opens")
}

/// One unit of one product arrives, under the id `sender-number`, as often as is asked.
fn arrivals(sender: &str, numbers: std::ops::Range<u64>) -> Batch {
    let hasher = KeyHasher::new(JOURNAL_SEED);
    let mut batch = Batch::new();
    for number in numbers {
        let id = format!("{sender}-{number}");
        let event = Event::new(EventKind::ItemAdded, "nut", "north", Quantity::units(1));
        let occurred_at = Timestamp(START);
        let key = hasher.event(sender, &id, occurred_at, &event);
        let (actor, source, body) = ("simulation", sender, Body::Event(event));
        let request = Request { actor, source, id: &id, key, occurred_at, historical: false, resolves: None, body };
        batch.push(&request);
    }
    batch
}

#[test]
fn a_full_queue_refuses_and_drains() {
    let mut trial = Trial::new(1);
    (trial.settings.queue_requests_max, trial.has_rule) = (50, false);
    trial.start().expect("the disk is sound");
    let handle = trial.stages().handle().clone();
    let answered = Arc::new(AtomicUsize::new(0));
    let submit = |number: u64| {
        let answered = Arc::clone(&answered);
        handle.submit(arrivals("gate", number * 10..number * 10 + 10), move |answer| {
            assert_eq!(answer.expect("it was taken").accepted(), 10);
            answered.fetch_add(1, Ordering::Relaxed);
        })
    };
    let taken = (0..100).take_while(|number| submit(*number).is_ok()).count();
    assert_eq!(taken, 5);
    assert_eq!(submit(99), Err(Unavailable::Full));
    assert_eq!(handle.queue_depth().0, 50);
    trial.stages().settle();
    assert_eq!((answered.load(Ordering::Relaxed), handle.queue_depth()), (5, (0, 0)));
    assert_eq!(submit(5), Ok(()));
    trial.stages().settle();
    assert_eq!(handle.position(), Position(60));
}

#[test]
fn reservations_end_in_time_however_much_waits() {
    let mut trial = Trial::new(1);
    trial.has_rule = false;
    trial.start().expect("the disk is sound");
    let handle = trial.stages().handle().clone();
    let hasher = handle.hasher();
    let line = ReserveLine { product: "nut".into(), quantity: Quantity::units(1), location: "".into(), lot: "".into() };
    let expires_at = Some(trial.now().plus(1_000_000));
    let (reservation, warehouse, lines) = ("order-1".into(), "north".into(), vec![line]);
    let reserve = Command::Reserve(Reserve { reservation, warehouse, lines, expires_at, partial: false });
    let key = hasher.command("shop", "1", trial.now(), &reserve);
    let mut batch = arrivals("gate", 0..1);
    batch.push_command("simulation", "shop", "1", key, trial.now(), reserve);
    handle.submit(batch, |receipt| assert_eq!(receipt.expect("it works").accepted(), 2)).expect("there is room");
    trial.stages().settle();
    trial.pass(1_000_000);
    for number in 1..5 {
        handle.submit(arrivals("gate", number..number + 1), |_| {}).expect("there is room");
    }
    handle.tick();
    trial.stages().settle();
    let ended = handle.entry(Position(3)).expect("the journal reads").expect("it is there");
    assert_eq!(ended.decision.kind, DecisionKind::ReservationsExpired);
    assert_eq!(handle.position(), Position(7));
}

#[test]
fn whoever_is_too_slow_to_be_answered_holds_up_the_senders_not_the_memory() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let settings = Settings { queue_requests_max: 50, block_bytes: 100, ..settings() };
    let engine = open(&SimDisk::new(1), directory.path(), settings, true);
    let handle = engine.handle();
    let (open_gate, gate) = mpsc::channel::<()>();
    handle.submit(arrivals("slow", 0..1), move |_| gate.recv().unwrap_or_default()).expect("there is room");
    let answered = Arc::new(AtomicUsize::new(0));
    let mut taken = 0;
    // Between the queue and whoever is slow, each stage holds a block, and the way between the last two holds two.
    while taken < 1000 {
        let answered = Arc::clone(&answered);
        let done = move |_| {
            answered.fetch_add(1, Ordering::Relaxed);
        };
        match handle.submit(arrivals("gate", taken * 10..taken * 10 + 10), done) {
            Ok(()) => taken += 1,
            Err(Unavailable::Full) if handle.position() > Position(0) => break,
            Err(Unavailable::Full) => thread::yield_now(),
            Err(why) => panic!("{why}"),
        }
    }
    assert!(taken < 50, "{taken} batches were taken while nobody could be answered");
    open_gate.send(()).expect("somebody waits");
    engine.shutdown().expect("it stops");
    assert_eq!(answered.load(Ordering::Relaxed) as u64, taken);
}

/// What became of each batch of ten that a sender handed in: the position of its first event, `None` when refused.
type Told = BTreeMap<(usize, u64), Option<Position>>;

/// Four senders hand in batch after batch and wait for each, until one is refused; meanwhile `meanwhile` runs.
fn load(engine: Engine<SimDisk>, meanwhile: impl FnOnce(Engine<SimDisk>)) -> Told {
    let senders: Vec<_> = (0..4)
        .map(|sender: usize| {
            let handle = engine.handle();
            thread::spawn(move || {
                let mut told = Told::new();
                for number in 0.. {
                    let answer =
                        handle.submit_and_wait(arrivals(&format!("gate{sender}"), number * 10..number * 10 + 10));
                    let Ok(receipt) = answer else {
                        told.insert((sender, number), None);
                        return told;
                    };
                    assert_eq!(receipt.accepted(), 10);
                    let Outcome::Accepted { position } = receipt.outcome(0) else { panic!("it is new") };
                    told.insert((sender, number), Some(position));
                }
                told
            })
        })
        .collect();
    meanwhile(engine);
    senders.into_iter().flat_map(|sender| sender.join().expect("no sender panics")).collect()
}

/// Waits until entries up to `position` are shown.
fn wait_for(engine: &Engine<SimDisk>, position: u64) {
    let (sender, receiver) = mpsc::channel();
    engine.handle().observe(move |at| sender.send(at).unwrap_or_default());
    while receiver.recv().expect("the engine lives").0 < position {}
}

/// What was acknowledged is where it was said to be; what was refused is there once it is sent again.
fn assert_remembers(engine: &Engine<SimDisk>, told: &Told) {
    let handle = engine.handle();
    for ((sender, number), position) in told {
        let again = arrivals(&format!("gate{sender}"), number * 10..number * 10 + 10);
        let receipt = handle.submit_and_wait(again).expect("it works");
        if let Some(position) = position {
            assert_eq!(receipt.outcome(0), Outcome::Duplicate { position: *position, held: false });
        }
    }
    let events = told.len() as u64 * 10;
    assert_eq!(handle.position(), Position(events), "each once");
    let views = handle.views();
    let stock = engine_support::stock_shown(&views);
    assert_eq!(
        stock.values().map(|quantity| quantity.micros()).sum::<i64>(),
        i64::try_from(events).expect("few") * 1_000_000
    );
}

#[test]
fn stopping_under_load_loses_nothing_acknowledged() {
    for_each_seed("stopping_under_load", 8, |seed| {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let disk = SimDisk::new(seed);
        let told = load(open(&disk, directory.path(), settings(), true), |engine| {
            wait_for(&engine, 200 + seed * 50);
            engine.shutdown().expect("it stops");
        });
        let engine = open(&disk.crash(seed), directory.path(), settings(), true);
        let opened = engine.opened();
        assert_eq!(
            (opened.snapshot_position, opened.replayed),
            (opened.last_position, 0),
            "it stopped with a snapshot"
        );
        assert_remembers(&engine, &told);
        engine.shutdown().expect("it stops");
    });
}

#[test]
fn an_engine_that_is_dropped_under_load_loses_nothing_acknowledged_and_lets_go_of_the_disk() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let disk = SimDisk::new(1);
    let told = load(open(&disk, directory.path(), settings(), true), |engine| {
        wait_for(&engine, 200);
        drop(engine);
    });
    while disk.lock().is_err() {
        thread::yield_now();
    }
    let engine = open(&disk, directory.path(), settings(), true);
    assert_remembers(&engine, &told);
    engine.shutdown().expect("it stops");
}

#[test]
fn a_disk_that_fails_under_load_leaves_nobody_waiting() {
    for_each_seed("a_disk_that_fails_under_load", 12, |seed| {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let disk = SimDisk::new(seed);
        let (operation, failure) = match seed % 3 {
            0 => (DiskOperation::Sync, DiskFailure::Io),
            1 => (DiskOperation::Write, DiskFailure::Io),
            _ => (DiskOperation::Allocate, DiskFailure::NoSpace),
        };
        let engine = open(&disk, directory.path(), settings(), true);
        let nth = if operation == DiskOperation::Allocate { 2 + seed / 3 } else { 20 + seed };
        disk.plan(Fault { operation: Some(operation), nth, failure, lasting: true });
        let mut engine_back = None;
        let told = load(engine, |engine| engine_back = Some(engine));
        let engine = engine_back.expect("it was handed back");
        let full = operation == DiskOperation::Allocate;
        assert_eq!(engine.handle().health(), if full { Health::DiskFull } else { Health::DiskFailed });
        if full {
            disk.mend();
            engine.handle().tick();
            while engine.handle().health() == Health::DiskFull {
                thread::yield_now();
            }
            assert_remembers(&engine, &told);
            engine.shutdown().expect("it stops");
        } else {
            engine.shutdown().expect("it stops, and writes nothing more");
            let engine = open(&disk.crash(seed), directory.path(), settings(), true);
            assert_remembers(&engine, &told);
            engine.shutdown().expect("it stops");
        }
    });
}

#[test]
fn a_history_index_that_fails_for_a_while_stops_nobody_and_loses_nothing() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let settings = Settings { history_tail_rows: 8, ..settings() };
    let engine = open(&SimDisk::new(1), directory.path(), settings, false);
    let handle = engine.handle();
    let send = |numbers| assert!(handle.submit_and_wait(arrivals("gate", numbers)).is_ok());
    send(0..20);
    let other = rusqlite::Connection::open(directory.path().join("history.sqlite")).expect("it opens");
    let rename = |from: &str, to: &str| {
        // Whoever writes the index may be at it just now.
        while other.execute_batch(&format!("ALTER TABLE {from} RENAME TO {to}")).is_err() {}
    };
    rename("chunk", "away");
    for batch in 1..30 {
        send(batch * 20..batch * 20 + 20);
    }
    assert!(handle.problem().is_some_and(|problem| problem.contains("history index")), "{:?}", handle.problem());
    rename("away", "chunk");
    for batch in 30..40 {
        send(batch * 20..batch * 20 + 20);
    }
    let account = handle.views().catalog().accounts().find(|(_, key)| key.kind.is_on_hand()).expect("one").0;
    for known in [0, 20, 21, 400, 799, 800] {
        let balance = handle.history().balance_at(account, Timestamp::MAX, Position(known)).expect("the index reads");
        assert_eq!(balance.unsigned_abs(), known * 1_000_000);
    }
    engine.shutdown().expect("it stops, and writes the rest");
    let tables = "SELECT indexed_to FROM about";
    let indexed_to: i64 = other.query_row(tables, [], |row| row.get(0)).expect("the index reads");
    assert_eq!(indexed_to, 800);
}

#[test]
fn the_history_is_whole_while_it_goes_from_memory_to_disk() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let settings = Settings { history_tail_rows: 8, ..settings() };
    let engine = open(&SimDisk::new(1), directory.path(), settings, false);
    engine.handle().submit_and_wait(arrivals("gate", 0..1)).expect("it works");
    let readers: Vec<_> = (0..2)
        .map(|_| {
            let handle = engine.handle();
            thread::spawn(move || {
                let account =
                    handle.views().catalog().accounts().find(|(_, key)| key.kind.is_on_hand()).expect("one").0;
                loop {
                    // Every entry adds one unit to the one account.
                    let known = handle.position();
                    let balance = handle.history().balance_at(account, Timestamp::MAX, known).expect("the index reads");
                    assert_eq!(balance.unsigned_abs(), known.0 * 1_000_000, "known at {known}");
                    let newest = handle.history().positions(account, known.next(), 12).expect("the index reads");
                    let expected: Vec<Position> = (1..=known.0).rev().take(12).map(Position).collect();
                    assert_eq!(newest, expected, "the newest, known at {known}");
                    if known.0 >= 3001 {
                        return;
                    }
                }
            })
        })
        .collect();
    for batch in 0..300 {
        engine.handle().submit_and_wait(arrivals("gate", 1 + batch * 10..11 + batch * 10)).expect("it works");
    }
    for reader in readers {
        reader.join().expect("no reader found a gap");
    }
    engine.shutdown().expect("it stops");
}
