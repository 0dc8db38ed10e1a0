//! From tag reads and weights to stock, through a real engine, and again after everything derived is lost.

#![allow(clippy::unwrap_used, reason = "a test")]

use engine::{Clock, Engine, Follow, Handle, Settings};
use follow::sensing::{InferenceQuery, JudgementError, Sensing, Verdict};
use ledger::{Command, Position, Quantity, Timestamp};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use wire::Batch;
use wire::event::{ContentKind, Defaults, Limits, parse_events};
use wire::observation::{TagRead, pack_reads};
use wire::time::render_timestamp;

/// 2026-02-16T10:00:00Z.
const START: i64 = 1_771_236_000_000_000;
const SECOND: i64 = 1_000_000;
const GTIN: &str = "80614141123458";

struct Site {
    engine: Engine,
    now: Arc<AtomicI64>,
    sensing: Sensing,
}

impl Site {
    fn open(directory: &Path, at: i64) -> Self {
        let now = Arc::new(AtomicI64::new(START + at));
        let clock = Arc::clone(&now);
        let settings = Settings { segment_bytes: 1 << 20, ..Settings::default() };
        let clock = Clock::simulated(move || Timestamp(clock.load(Ordering::Relaxed)));
        let engine = Engine::open(directory, settings, clock, [7; 16], &mut |_| {}).unwrap();
        let sensing = Sensing::open(&directory.join("readings.sqlite"), engine.handle()).unwrap();
        Self { engine, now, sensing }
    }

    fn handle(&self) -> Handle {
        self.engine.handle()
    }

    fn at(&self, at: i64) {
        self.now.store(START + at, Ordering::Relaxed);
    }

    /// Shows what came, until nothing more follows from it.
    fn follow(&mut self) {
        loop {
            let observed = self.handle().observed_after(self.sensing.position()).unwrap();
            let is_behind = observed.up_to < self.handle().position();
            self.sensing.take(observed, is_behind).unwrap();
            if self.sensing.position() == self.handle().position() {
                return;
            }
        }
    }

    fn declare(&self, device: &str, card: &str) {
        let card = wire::device::parse_device(device, card.as_bytes()).unwrap();
        follow::sensing::device_settings(&card).unwrap();
        let command = Command::DeclareDevice(Box::new(card));
        let key = self.handle().hasher().command("ann", "", self.handle().now(), &command);
        let mut batch = Batch::new();
        batch.push_command("ann", "ann", "", key, self.handle().now(), command);
        self.handle().submit_and_wait(batch).unwrap();
    }

    fn send(&self, json: &str) {
        let defaults = Defaults { actor: "ann", source: "ann", historical: false, resolves: None };
        let hasher = self.handle().hasher();
        let parsed = parse_events(json.as_bytes(), ContentKind::Json, &defaults, &hasher, &Limits::default());
        assert_eq!(parsed.problems, [], "{json}");
        let receipt = self.handle().submit_and_wait(parsed.batch).unwrap();
        assert_eq!(receipt.exceptions().len(), 0, "{json}");
    }

    /// One report of a reader: reads of one tag by one antenna each 50 ms.
    fn reads(&self, antenna: u16, from: i64, to: i64) {
        let epc = [0x30, 0x74, 0x25, 0x7b, 0xf7, 0x19, 0x4e, 0x40, 0x00, 0x00, 0x1a, 0x85];
        let times = (from..to).step_by(50_000);
        let reads = times.map(|at| TagRead {
            epc: &epc,
            antenna,
            rssi_centi_dbm: Some(-5000),
            seen_at: Timestamp(START + at),
            count: 1,
        });
        let observation = ledger::Observation {
            form: wire::observation::TAG_READS.into(),
            sent_at: Some(Timestamp(START + to)),
            content: pack_reads(reads),
            ..ledger::Observation::default()
        };
        let command = Command::Observe(Box::new(observation));
        let key = self.handle().hasher().command("dock-1", "", self.handle().now(), &command);
        let mut batch = Batch::new();
        batch.push_command("dock-1", "dock-1", "", key, self.handle().now(), command);
        self.handle().submit_and_wait(batch).unwrap();
    }

    fn on_hand(&self, product: &str, location: &str) -> Quantity {
        let handle = self.handle();
        let views = handle.views();
        let catalog = views.catalog();
        let (Some(product), Some(place)) = (catalog.find_product(product), catalog.find_location(location)) else {
            return Quantity::ZERO;
        };
        let warehouse = catalog.location(place).warehouse;
        let shelf = catalog.shelf(product, warehouse).filter(|account| {
            let key = catalog.account(*account);
            key.kind.is_on_hand() && key.location == place
        });
        Quantity::from_micros(shelf.map(|account| views.balance(account).micros()).sum())
    }

    /// A tag comes through the door, and time passes.
    fn passage(&mut self) {
        self.declare("dock-1", DOOR);
        for (antenna, from, to) in [(1, 0, 2 * SECOND), (2, 2 * SECOND, 4 * SECOND)] {
            self.at(to);
            self.reads(antenna, from, to);
            self.follow();
        }
        for second in 5..60 {
            self.at(second * SECOND);
            self.follow();
        }
    }
}

const DOOR: &str = r#"{"kind":"rfid_reader","settings":{
    "antennas":[{"antenna":1,"portal":"door","side":"outside"},{"antenna":2,"portal":"door","side":"inside"}],
    "portals":[{"portal":"door","inside":"warehouse_A/dock"}]}}"#;

#[test]
fn a_tag_that_comes_through_a_door_is_stock_once() {
    let directory = tempfile::tempdir().unwrap();
    let mut site = Site::open(directory.path(), 0);
    site.passage();
    assert_eq!(site.on_hand(GTIN, "warehouse_A/dock"), Quantity::units(1));
    let senses = site.sensing.senses();
    let query = InferenceQuery { limit: 10, ..InferenceQuery::default() };
    let inferences = senses.inferences(&query).unwrap();
    let [passage] = &*inferences else { panic!("one conclusion: {inferences:#?}") };
    assert_eq!(passage.state, "applied");
    let record: serde_json::Value = serde_json::from_str(&passage.record).unwrap();
    assert_eq!(record["kind"], "passed_in");
    assert_eq!(record["event"]["product_id"], GTIN);
    assert_eq!(record["event"]["serials"][0], "6789");
    assert!(record["event_position"].as_u64().is_some());
    assert!(record["evidence"]["reads"].as_u64().unwrap() > 20, "{record}");
    let (state, health) = senses.device("dock-1", Timestamp(START + 60 * SECOND)).unwrap();
    assert_eq!(state.device.tallies().messages, 2);
    assert!(health.is_good(), "it need not be heard");
}

#[test]
fn the_same_journal_gives_the_same_conclusions() {
    let directory = tempfile::tempdir().unwrap();
    let mut site = Site::open(directory.path(), 0);
    site.passage();
    let query = InferenceQuery { limit: 10, ..InferenceQuery::default() };
    let before = site.sensing.senses().inferences(&query).unwrap();
    let end = site.handle().position();
    site.sensing.finish().unwrap();
    site.engine.shutdown().unwrap();
    let check = |label: &str| {
        let mut site = Site::open(directory.path(), 100 * SECOND);
        site.follow();
        assert_eq!(site.handle().position(), end, "{label}: nothing is concluded a second time");
        assert_eq!(site.sensing.senses().inferences(&query).unwrap(), before, "{label}");
        assert_eq!(site.on_hand(GTIN, "warehouse_A/dock"), Quantity::units(1), "{label}");
        assert!(site.sensing.senses().device("dock-1", Timestamp(START)).is_some(), "{label}");
        site.sensing.finish().unwrap();
        site.engine.shutdown().unwrap();
    };
    check("with its index");
    for suffix in ["", "-wal", "-shm"] {
        let _ = std::fs::remove_file(directory.path().join(format!("readings.sqlite{suffix}")));
    }
    check("after the index was lost");
    std::fs::write(directory.path().join("readings.sqlite"), b"no database").unwrap();
    check("after the index was damaged");
}

#[test]
fn what_a_person_said_outlives_the_index() {
    let directory = tempfile::tempdir().unwrap();
    let mut site = Site::open(directory.path(), 0);
    site.passage();
    let query = InferenceQuery { limit: 10, ..InferenceQuery::default() };
    let senses = site.sensing.senses();
    let id = senses.inferences(&query).unwrap()[0].id.clone();
    let refuted = (Verdict::Refuted, None);
    let judged = senses.judge(&site.handle(), &id, refuted, ("ann", "it stayed outside")).unwrap();
    // The index has not seen it yet, and still the next one is told.
    let again = senses.judge(&site.handle(), &id, refuted, ("ben", "me too")).unwrap();
    assert_eq!((again.is_new, again.position), (false, judged.position));
    let confirmed = senses.judge(&site.handle(), &id, (Verdict::Confirmed, None), ("ben", ""));
    assert!(matches!(confirmed, Err(JudgementError::Refuted { by }) if by == "ann"));
    site.follow();
    assert_eq!(site.on_hand(GTIN, "warehouse_A/dock"), Quantity::ZERO);
    let before = senses.inferences(&query).unwrap();
    assert_eq!((&*before[0].state, senses.quarantined()), ("refuted", 0));
    drop(senses);
    site.sensing.finish().unwrap();
    site.engine.shutdown().unwrap();
    for suffix in ["", "-wal", "-shm"] {
        let _ = std::fs::remove_file(directory.path().join(format!("readings.sqlite{suffix}")));
    }
    let mut site = Site::open(directory.path(), 100 * SECOND);
    site.follow();
    assert_eq!(site.sensing.senses().inferences(&query).unwrap(), before);
    assert_eq!(before[0].judgement.as_ref().unwrap().judgement.reason, "it stayed outside");
    site.engine.shutdown().unwrap();
}

#[test]
fn a_crash_anywhere_loses_no_conclusion_and_doubles_none() {
    // Each second the process ends without saving its state; every other one the index is lost too.
    let directory = tempfile::tempdir().unwrap();
    let site = Site::open(directory.path(), 0);
    site.declare("dock-1", DOOR);
    site.at(2 * SECOND);
    site.reads(1, 0, 2 * SECOND);
    site.at(4 * SECOND);
    site.reads(2, 2 * SECOND, 4 * SECOND);
    site.engine.shutdown().unwrap();
    for second in (5..50).step_by(3) {
        let mut site = Site::open(directory.path(), second * SECOND);
        site.follow();
        site.engine.shutdown().unwrap();
        if second % 2 == 0 {
            for suffix in ["", "-wal", "-shm"] {
                let _ = std::fs::remove_file(directory.path().join(format!("readings.sqlite{suffix}")));
            }
        }
    }
    let site = Site::open(directory.path(), 61 * SECOND);
    assert_eq!(site.on_hand(GTIN, "warehouse_A/dock"), Quantity::units(1));
    let last = site.handle().position();
    let records = (1..=last.0).filter(|position| {
        let entry = site.handle().entry(Position(*position)).unwrap().unwrap();
        entry.decision.effects.iter().any(
            |effect| matches!(effect, ledger::Effect::Observed(seen) if *seen.form == *wire::observation::INFERENCE),
        )
    });
    assert_eq!(records.count(), 1);
}

#[test]
fn weights_become_counts() {
    let directory = tempfile::tempdir().unwrap();
    let mut site = Site::open(directory.path(), 0);
    site.declare(
        "scale-3",
        r#"{"kind":"scale","location":"warehouse_A/shelf-3",
            "settings":{"product_id":"BOLT","tare_g":500,"unit_weight_g":20,"capacity_g":6000}}"#,
    );
    let weigh = |site: &mut Site, from: i64, grams: f64| {
        for step in 0..8 {
            let at = from + step * 250_000;
            site.at(at);
            site.send(&format!(
                r#"{{"event":"sensor_reading","device":"scale-3","metric":"weight_g","value":{grams},"timestamp":"{}"}}"#,
                render_timestamp(Timestamp(START + at))
            ));
        }
        site.follow();
    };
    weigh(&mut site, 0, 700.0);
    assert_eq!(site.on_hand("BOLT", "warehouse_A/shelf-3"), Quantity::units(10));
    weigh(&mut site, 10 * SECOND, 640.0);
    assert_eq!(site.on_hand("BOLT", "warehouse_A/shelf-3"), Quantity::units(7));
    let end = site.handle().position();
    weigh(&mut site, 20 * SECOND, 640.5);
    assert_eq!(site.handle().position().0, end.0 + 8, "the same weight is no count");
    let latest = site.sensing.senses().latest(Some("scale-3"), 10).unwrap();
    assert_eq!((&*latest[0].metric, &*latest[0].value), ("weight_g", "640.5"));
}

#[test]
fn what_the_index_could_not_take_is_written_when_it_can() {
    let directory = tempfile::tempdir().unwrap();
    let mut site = Site::open(directory.path(), 0);
    let send = |site: &Site, at: i64| {
        let at = render_timestamp(Timestamp(START + at));
        site.send(&format!(
            r#"{{"event":"sensor_reading","device":"cold-1","metric":"temperature_celsius","value":4,"timestamp":"{at}"}}"#
        ));
    };
    send(&site, 0);
    site.follow();
    send(&site, SECOND);
    let other = rusqlite::Connection::open(directory.path().join("readings.sqlite")).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let observed = site.handle().observed_after(site.sensing.position()).unwrap();
    site.sensing.take(observed, false).unwrap_err();
    other.execute_batch("ROLLBACK").unwrap();
    // Nothing new comes; what was taken in is not lost.
    let observed = site.handle().observed_after(site.sensing.position()).unwrap();
    assert!(observed.entries.is_empty());
    site.sensing.take(observed, false).unwrap();
    assert_eq!(site.sensing.senses().latest(Some("cold-1"), 10).unwrap()[0].at, Timestamp(START + SECOND));
}
