//! An engine from outside: what it acknowledges is there after it is opened again, from whatever files are left.

use engine::{Clock, Engine, Outcome, Receipt, Settings};
use ledger::{Body, Event, EventKind, Position, Quantity, Request, Timestamp};
use std::path::Path;
use std::sync::atomic::{AtomicI64, Ordering};
use wire::Batch;

/// 2026-02-16T10:00:00Z.
const START: i64 = 1_771_236_000_000_000;

/// A clock that moves on by a millisecond whenever somebody looks.
fn clock() -> Clock {
    let now = AtomicI64::new(START);
    Clock::simulated(move || Timestamp(now.fetch_add(1_000, Ordering::Relaxed)))
}

fn open(directory: &Path, settings: Settings) -> Engine {
    Engine::open(directory, settings, clock(), [7; 16], &mut |_| {}).expect("the directory is writable")
}

fn settings() -> Settings {
    Settings { segment_bytes: 1 << 20, block_bytes: 4096, history_tail_rows: 64, ..Settings::default() }
}

struct Sender {
    batch: Batch,
    hasher: wire::KeyHasher,
}

impl Sender {
    fn to(engine: &Engine) -> Self {
        Self { batch: Batch::new(), hasher: engine.handle().hasher() }
    }

    fn event(&mut self, id: &str, at: i64, event: Event<'_>) -> &mut Self {
        let occurred_at = Timestamp(START + at);
        let key = self.hasher.event("test", id, occurred_at, &event);
        self.batch.push(&Request {
            actor: "test",
            source: "test",
            id,
            key,
            occurred_at,
            historical: false,
            resolves: None,
            body: Body::Event(event),
        });
        self
    }

    fn send(&mut self, engine: &Engine) -> Receipt {
        engine.handle().submit_and_wait(std::mem::take(&mut self.batch)).expect("the engine works")
    }
}

fn added(product: &str, units: i64) -> Event<'_> {
    Event::new(EventKind::ItemAdded, product, "warehouse_A", Quantity::units(units))
}

fn on_hand(engine: &Engine, product: &str) -> Quantity {
    let handle = engine.handle();
    let views = handle.views();
    let catalog = views.catalog();
    let product = catalog.find_product(product).expect("a known product");
    let warehouse = catalog.find_location("warehouse_A").expect("a known warehouse");
    let micros = catalog
        .shelf(product, warehouse)
        .filter(|account| catalog.account(*account).kind.is_on_hand())
        .map(|account| views.balance(account).micros())
        .sum();
    Quantity::from_micros(micros)
}

/// Sends two thousand events in batches and answers how many units of `SKU0` came.
fn fill(engine: &Engine) -> i64 {
    for batch in 0..20 {
        let mut sender = Sender::to(engine);
        for index in 0..100 {
            let number = batch * 100 + index;
            let product = format!("SKU{}", number % 10);
            sender.event(&format!("e{number}"), number, added(&product, 1));
        }
        assert_eq!(sender.send(engine).accepted(), 100);
    }
    200
}

#[test]
fn what_was_acknowledged_is_there_after_a_crash_and_after_a_shutdown() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let engine = open(directory.path(), settings());
    let came = fill(&engine);
    drop(engine.handle());
    engine.shutdown().expect("it stops");
    let engine = open(directory.path(), settings());
    assert_eq!(on_hand(&engine, "SKU0"), Quantity::units(came));
    assert_eq!(engine.opened().snapshot_position, Position(2000));
    assert_eq!(engine.opened().replayed, 0);
    let receipt = Sender::to(&engine).event("e0", 0, added("SKU0", 1)).send(&engine);
    assert!(matches!(receipt.outcome(0), Outcome::Duplicate { position: Position(1), held: false }));
    engine.shutdown().expect("it stops");
    for derived in ["snapshots", "history.sqlite"] {
        let path = directory.path().join(derived);
        if path.is_dir() { std::fs::remove_dir_all(path) } else { std::fs::remove_file(path) }.expect("it is there");
    }
    let engine = open(directory.path(), settings());
    assert_eq!(engine.opened().replayed, 2000);
    assert_eq!(on_hand(&engine, "SKU0"), Quantity::units(came));
    engine.shutdown().expect("it stops");
    let findings = engine::verify(directory.path(), &mut |_| {}).expect("it is sound");
    assert!(findings.is_sound(), "{findings:?}");
    assert_eq!(findings.entries, 2000);
}

#[test]
fn a_snapshot_taken_beside_the_engine_is_what_a_replay_gives() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let engine = open(directory.path(), Settings { snapshot_every: 300, ..settings() });
    fill(&engine);
    engine.shutdown().expect("it stops");
    let findings = engine::verify(directory.path(), &mut |_| {}).expect("it is sound");
    assert!(findings.is_sound() && !findings.snapshots.is_empty(), "{findings:?}");
}

#[test]
fn history_answers_any_date_from_memory_and_from_disk() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let engine = open(directory.path(), settings());
    fill(&engine);
    let check = |engine: &Engine| {
        let handle = engine.handle();
        let account = handle.views().catalog().accounts().find(|(_, key)| key.kind.is_on_hand()).expect("stock").0;
        for number in [0, 1, 9, 10, 995, 1990, 3000] {
            let expected = (number.min(1990) / 10 + 1) * 1_000_000;
            let balance = handle.history().balance_at(account, Timestamp(START + number), Position(u64::MAX));
            assert_eq!(balance.expect("the index works"), expected, "as of {number}");
            let known = Position(number.cast_unsigned() + 1);
            let balance = handle.history().balance_at(account, Timestamp::MAX, known);
            assert_eq!(balance.expect("the index works"), expected, "known at {known}");
        }
        let positions = handle.history().positions(account, Position(1001), 3).expect("the index works");
        assert_eq!(positions, [Position(991), Position(981), Position(971)]);
        let entries = handle.entries(&positions).expect("the journal reads");
        assert_eq!(entries.iter().map(|(_, entry)| &*entry.id).collect::<Vec<_>>(), ["e990", "e980", "e970"]);
    };
    check(&engine);
    engine.shutdown().expect("it stops");
    let engine = open(directory.path(), settings());
    assert_eq!(engine.handle().history().indexed_to(), Position(2000));
    check(&engine);
    engine.shutdown().expect("it stops");
}

#[test]
fn a_conflicting_id_is_held_once() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let engine = open(directory.path(), settings());
    let first = Sender::to(&engine)
        .event("a", 0, added("SKU1", 1))
        .event("a", 0, added("SKU1", 2))
        .event("a", 0, added("SKU1", 2))
        .event("a", 0, added("SKU1", 1))
        .send(&engine);
    assert!(matches!(first.outcome(0), Outcome::Accepted { position: Position(1) }));
    assert!(matches!(first.outcome(1), Outcome::Held { position: Position(2), .. }));
    assert!(matches!(first.outcome(2), Outcome::Duplicate { position: Position(2), held: true }));
    assert!(matches!(first.outcome(3), Outcome::Duplicate { position: Position(1), held: false }));
    assert_eq!(on_hand(&engine, "SKU1"), Quantity::units(1));
    engine.shutdown().expect("it stops");
}

#[test]
fn a_second_engine_on_the_directory_is_refused() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let engine = open(directory.path(), settings());
    let second = Engine::open(directory.path(), settings(), clock(), [8; 16], &mut |_| {});
    assert!(matches!(second.err(), Some(engine::Error::Journal { source, .. }) if source.is_locked()));
    engine.shutdown().expect("it stops");
}

#[test]
fn a_backup_taken_in_the_middle_opens_as_it_was() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let engine = open(directory.path(), settings());
    let came = fill(&engine);
    let copy = directory.path().join("copy");
    let backup = engine.handle().backup(&copy, &mut |_| {}).expect("there is space");
    Sender::to(&engine).event("later", 0, added("SKU0", 1)).send(&engine);
    engine.shutdown().expect("it stops");
    assert_eq!(backup.last_position, Position(2000));
    let engine = open(&copy, settings());
    assert_eq!(on_hand(&engine, "SKU0"), Quantity::units(came));
    engine.shutdown().expect("it stops");
}
