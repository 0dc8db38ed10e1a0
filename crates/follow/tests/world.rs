//! Simulated doors and shelves, followed through a real engine while messages come late, twice and out of order, and the
//! process ends anywhere, with its index and without: the conclusions are those of an undisturbed run, each once, and the
//! stock is what they say.

#![allow(clippy::unwrap_used, reason = "a test")]

use engine::{Clock, Engine, Follow, Settings};
use follow::sensing::{InferenceQuery, Sensing};
use intake::rfid::{Kind, Read};
use ledger::{Command, DecisionKind, Effect, Observation, Position, Timestamp};
use serde_json::Value;
use sim::portal::{Conditions, Movement, Run, play};
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use tempfile::TempDir;
use wire::Batch;
use wire::epc::{Epc, EpcBytes};
use wire::observation::{INFERENCE, TAG_READS, TagRead, pack_reads};
use wire::record::Entry;
use wire::time::parse_timestamp;

/// 2026-02-16T10:00:00Z.
const START: i64 = 1_771_236_000_000_000;
const SECOND: i64 = 1_000_000;
/// A reader sends what it read in this time as one message.
const WINDOW: i64 = SECOND;
/// How late a message may be: with its window, within the lag of two seconds.
const LATE_MAX: i64 = 900_000;
/// Antennas of the doors, which are the first ones; the others are at shelves.
const DOOR_ANTENNAS: u16 = 6;
const GTIN: &str = "80614141123458";

const DOORS: &str = r#"{"kind":"rfid_reader","settings":{"site":"hall","antennas":[
    {"antenna":1,"portal":"door-0","side":"outside"},{"antenna":2,"portal":"door-0","side":"inside"},
    {"antenna":3,"portal":"door-1","side":"outside"},{"antenna":4,"portal":"door-1","side":"inside"},
    {"antenna":5,"portal":"door-2","side":"outside"},{"antenna":6,"portal":"door-2","side":"inside"}],
    "portals":[{"portal":"door-0","inside":"hall/floor"},{"portal":"door-1","inside":"hall/floor"},
    {"portal":"door-2","inside":"hall/floor"}]}}"#;
const SHELVES: &str = r#"{"kind":"rfid_reader","settings":{"site":"hall","antennas":[
    {"antenna":1,"zone":"hall/shelf-0"},{"antenna":2,"zone":"hall/shelf-1"}]}}"#;

/// A number below a bound.
struct Chance(u64);

impl Chance {
    fn below(&mut self, bound: i64) -> i64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        i64::try_from(self.0 >> 33).unwrap() % bound
    }

    fn percent(&mut self, rate: i64) -> bool {
        self.below(100) < rate
    }
}

/// What a reader sends.
struct Message {
    device: &'static str,
    id: String,
    sent_at: i64,
    content: Box<[u8]>,
}

/// The tag that a number of the simulation stands for.
fn epc(code: &[u8]) -> EpcBytes {
    let number = u32::from_be_bytes(code.try_into().unwrap());
    Epc::parse_uri(&format!("urn:epc:id:sgtin:0614141.812345.{number}")).unwrap().shortest_tag(1).unwrap().to_bytes()
}

/// A run's reads as the messages of two readers.
fn messages(run: &Run) -> Vec<Message> {
    let mut windows: BTreeMap<(i64, &str), Vec<&Read>> = BTreeMap::new();
    for read in &run.reads {
        let device = if read.antenna < DOOR_ANTENNAS { "doors" } else { "shelves" };
        windows.entry((read.seen_at.0 / WINDOW, device)).or_default().push(read);
    }
    let message = |((window, device), reads): ((i64, &'static str), Vec<&Read>)| {
        let codes: Vec<EpcBytes> = reads.iter().map(|read| epc(read.tag.code())).collect();
        let reads = reads.iter().zip(&codes).map(|(read, code)| TagRead {
            epc: code,
            antenna: read.antenna % DOOR_ANTENNAS + 1,
            rssi_centi_dbm: Some(read.rssi),
            seen_at: Timestamp(START + read.seen_at.0),
            count: 1,
        });
        let content = pack_reads(reads);
        Message { device, id: format!("{device}-{window}"), sent_at: (window + 1) * WINDOW, content }
    };
    windows.into_iter().map(message).collect()
}

/// The program, as far as it matters here.
struct Site {
    directory: TempDir,
    now: Arc<AtomicI64>,
    running: Option<(Engine, Sensing)>,
}

impl Site {
    fn new() -> Self {
        let now = Arc::new(AtomicI64::new(START));
        let mut site = Self { directory: tempfile::tempdir().unwrap(), now, running: None };
        site.start();
        for (device, card) in [("doors", DOORS), ("shelves", SHELVES)] {
            let card = wire::device::parse_device(device, card.as_bytes()).unwrap();
            site.submit("ann", device, 0, Command::DeclareDevice(Box::new(card)));
        }
        site
    }

    fn index(&self) -> impl Iterator<Item = std::path::PathBuf> {
        let directory = self.directory.path().to_owned();
        ["", "-wal", "-shm"].into_iter().map(move |suffix| directory.join(format!("readings.sqlite{suffix}")))
    }

    fn start(&mut self) {
        let now = Arc::clone(&self.now);
        let clock = Clock::simulated(move || Timestamp(now.load(Ordering::Relaxed)));
        let settings = Settings { segment_bytes: 1 << 20, ..Settings::default() };
        let directory: &Path = self.directory.path();
        let engine = Engine::open(directory, settings, clock, [7; 16], &mut |_| {}).unwrap();
        let sensing = Sensing::open(&self.index().next().unwrap(), engine.handle()).unwrap();
        self.running = Some((engine, sensing));
    }

    /// Ends the process and starts it again.
    fn restart(&mut self, end: &End) {
        let (engine, mut sensing) = self.running.take().unwrap();
        if *end == End::InOrder {
            sensing.finish().unwrap();
        }
        drop(sensing);
        engine.shutdown().unwrap();
        match end {
            End::InOrder | End::Unsaved => {}
            End::IndexLost => self.index().for_each(|file| drop(std::fs::remove_file(file))),
            End::IndexDamaged => std::fs::write(self.index().next().unwrap(), b"no database").unwrap(),
        }
        self.start();
    }

    fn engine(&self) -> engine::Handle {
        self.running.as_ref().unwrap().0.handle()
    }

    fn at(&self, at: i64) {
        self.now.fetch_max(START + at, Ordering::Relaxed);
    }

    fn submit(&self, source: &str, id: &str, at: i64, command: Command) {
        let at = Timestamp(START + at);
        let key = self.engine().hasher().command(source, id, at, &command);
        let mut batch = Batch::new();
        batch.push_command(source, source, id, key, at, command);
        let receipt = self.engine().submit_and_wait(batch).unwrap();
        assert!(receipt.exceptions().iter().all(|(_, outcome)| matches!(outcome, engine::Outcome::Duplicate { .. })));
    }

    fn deliver(&self, message: &Message) {
        let observation = Observation {
            form: TAG_READS.into(),
            sent_at: Some(Timestamp(START + message.sent_at)),
            content: message.content.clone(),
            ..Observation::default()
        };
        self.submit(message.device, &message.id, message.sent_at, Command::Observe(Box::new(observation)));
    }

    fn follow(&mut self) {
        let (engine, sensing) = self.running.as_mut().unwrap();
        let engine = engine.handle();
        while sensing.position() < engine.position() {
            let observed = engine.observed_after(sensing.position()).unwrap();
            let is_behind = observed.up_to < engine.position();
            sensing.take(observed, is_behind).unwrap();
        }
        // nothing new: time may pass
        let nothing = engine::Observed { up_to: sensing.position(), ..engine::Observed::default() };
        sensing.take(nothing, false).unwrap();
    }

    /// Lets time pass until nothing more follows.
    fn settle(&mut self, from: i64) {
        for second in 1..=50 {
            self.at(from + second * SECOND);
            self.follow();
        }
        self.follow();
    }

    /// What was concluded, by id, without where its event stands.
    fn conclusions(&self) -> BTreeMap<String, (String, Value)> {
        let senses = self.running.as_ref().unwrap().1.senses();
        let kept = senses.inferences(&InferenceQuery { limit: usize::MAX, ..InferenceQuery::default() }).unwrap();
        let of = |kept: follow::sensing::KeptInference| {
            let mut record: Value = serde_json::from_str(&kept.record).unwrap();
            record.as_object_mut().unwrap().remove("event_position");
            (kept.id, (kept.state, record))
        };
        kept.into_iter().map(of).collect()
    }
}

/// How a process ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    InOrder,
    Unsaved,
    IndexLost,
    IndexDamaged,
}

const ENDS: [End; 4] = [End::InOrder, End::Unsaved, End::IndexLost, End::IndexDamaged];

fn undisturbed(messages: &[Message]) -> Site {
    let mut site = Site::new();
    for message in messages {
        site.at(message.sent_at);
        site.deliver(message);
        site.follow();
    }
    site.settle(messages.last().unwrap().sent_at);
    site
}

fn disturbed(messages: &[Message], chance: &mut Chance) -> Site {
    let mut deliveries: Vec<(i64, usize)> = Vec::new();
    for (index, message) in messages.iter().enumerate() {
        let is_late = chance.percent(30);
        deliveries.push((message.sent_at + if is_late { chance.below(LATE_MAX) } else { chance.below(1_000) }, index));
        if chance.percent(25) {
            // sent again because no answer came, at times much later
            deliveries.push((message.sent_at + LATE_MAX + chance.below(20 * SECOND), index));
        }
    }
    deliveries.sort_unstable();
    let mut site = Site::new();
    for (at, index) in &deliveries {
        site.at(*at);
        site.deliver(&messages[*index]);
        if chance.percent(60) {
            site.follow();
        }
        if chance.percent(4) {
            site.restart(&ENDS[usize::try_from(chance.below(4)).unwrap()]);
        }
    }
    site.settle(deliveries.last().unwrap().0);
    site
}

/// What must hold of a site at rest: each conclusion is in the journal once, with one event where it applies.
fn check_once(site: &Site) {
    let conclusions = site.conclusions();
    let (mut recorded, mut moved) = (Vec::new(), 0);
    let mut visit = |_, entry: Entry| {
        let kind = entry.decision.kind;
        moved +=
            usize::from(matches!(kind, DecisionKind::ItemAdded | DecisionKind::ItemRemoved | DecisionKind::ItemMoved));
        for effect in &entry.decision.effects {
            if let Effect::Observed(seen) = effect
                && *seen.form == *INFERENCE
            {
                let record: Value = serde_json::from_slice(&seen.content).unwrap();
                recorded.push(record["id"].as_str().unwrap().to_owned());
            }
        }
        Ok(())
    };
    site.engine().for_each_entry(Position::ZERO, &mut visit).unwrap();
    recorded.sort_unstable();
    assert!(recorded.iter().eq(conclusions.keys()), "each conclusion is recorded once, and the index lists what is");
    let applied = conclusions.values().filter(|(state, _)| state == "applied").count();
    assert_eq!(applied, moved, "an event for each that applies, and no other");
}

/// A unit is where it was seen last, and nowhere else.
fn check_stock(site: &Site) {
    let conclusions = site.conclusions();
    let mut seen: BTreeMap<&str, (Timestamp, &str, Option<&str>)> = BTreeMap::new();
    for (_, record) in conclusions.values().filter(|(state, _)| state == "applied") {
        assert!(record["problem"].is_null(), "{record}");
        let field = |name: &str| record["event"][name].as_str().unwrap_or_default();
        assert_eq!(field("product_id"), GTIN);
        let place = match field("event") {
            "item_added" => Some(field("location")),
            "item_moved" => Some(field("to")),
            _ => None,
        };
        let sighting = (parse_timestamp(field("timestamp")).unwrap(), field("id"), place);
        let newest = seen.entry(record["event"]["serials"][0].as_str().unwrap()).or_insert(sighting);
        *newest = (*newest).max(sighting);
    }
    let handle = site.engine();
    let views = handle.views();
    let catalog = views.catalog();
    let mut units_in_all = 0;
    for location in ["hall/floor", "hall/shelf-0", "hall/shelf-1"] {
        let units = seen.values().filter(|(.., place)| *place == Some(location)).count();
        let (product, place) = (catalog.find_product(GTIN).unwrap(), catalog.find_location(location).unwrap());
        let shelf = catalog.shelf(product, catalog.location(place).warehouse);
        let here = shelf.filter(|account| {
            let key = catalog.account(*account);
            key.kind.is_on_hand() && key.location == place
        });
        let on_hand: i64 = here.map(|account| views.balance(account).micros()).sum();
        assert_eq!(on_hand, i64::try_from(units).unwrap() * 1_000_000, "{location}");
        units_in_all += units;
    }
    assert!(units_in_all > 5, "{units_in_all} units");
}

/// What is concluded is what happened, but for a few movements that were hardly heard.
fn check_truth(site: &Site, run: &Run) {
    let conclusions = site.conclusions();
    let is_told = |movement: &&Movement| {
        let kind = match movement.kind {
            Kind::PassedIn => "passed_in",
            Kind::PassedOut => "passed_out",
            Kind::Arrived => "arrived",
            _ => "departed",
        };
        let code: String = epc(movement.tag.code()).iter().map(|byte| format!("{byte:02X}")).collect();
        conclusions.values().any(|(_, record)| {
            let at = parse_timestamp(record["occurred_at"].as_str().unwrap()).unwrap().0 - START;
            record["epc"] == *code && record["kind"] == kind && (at - movement.at.0).abs() <= 4 * SECOND
        })
    };
    let told = run.truth.iter().filter(is_told).count();
    assert!(told * 100 >= run.truth.len() * 95, "{told} of {} movements", run.truth.len());
}

/// Runs `scenario` under `count` seeds, or under the one in `STOCKTIDE_SEED`. A failure says how to see it again.
fn for_each_seed(test: &str, count: u64, scenario: impl Fn(u64)) {
    let number = |name: &str| std::env::var(name).ok().map(|number| number.parse::<u64>().unwrap());
    let all = 0..number("STOCKTIDE_SEEDS").unwrap_or(count);
    for seed in number("STOCKTIDE_SEED").map_or(all, |seed| seed..seed + 1) {
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| scenario(seed))) {
            let text = panic.downcast_ref::<String>().map_or("it panicked", String::as_str);
            panic!("seed {seed} fails: {text}\nto see it again: STOCKTIDE_SEED={seed} cargo test -p follow {test}");
        }
    }
}

#[test]
fn however_messages_come_and_the_process_ends_the_same_is_concluded_once() {
    for_each_seed("however_messages_come_and_the_process_ends_the_same_is_concluded_once", 2, |seed| {
        let run = play(seed, Conditions { missed_percent: 20, stray: true, crossing: true });
        let messages = messages(&run);
        let calm = undisturbed(&messages);
        check_once(&calm);
        check_stock(&calm);
        check_truth(&calm, &run);
        let mut site = disturbed(&messages, &mut Chance(seed));
        check_once(&site);
        check_stock(&site);
        let (wanted, found) = (calm.conclusions(), site.conclusions());
        for (id, conclusion) in &wanted {
            assert_eq!(found.get(id), Some(conclusion), "{id}");
        }
        assert_eq!(found.len(), wanted.len(), "and nothing else");
        site.restart(&End::IndexLost);
        site.follow();
        assert_eq!(site.conclusions(), wanted, "from the journal alone");
    });
}
