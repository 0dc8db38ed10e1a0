//! A day of the simulated supply chain through the engine, mistakes, crashes and all.

mod engine_support;

use engine::{Clock, Outcome, Receipt, Stages, Unavailable};
use engine_support::{JOURNAL_SEED, agree, settings, stock_shown, tell_shipped};
use ledger::{Body, Command, DecisionKind, Key, Position, Request, Timestamp};
use sim::disk::SimDisk;
use sim::oracle::Oracle;
use sim::world::{Emission, Mistakes, Plan, World};
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use tempfile::TempDir;
use wire::record::Entry;
use wire::{Batch, KeyHasher};

const MINUTE: i64 = 60_000_000;

type Answer = Result<Receipt, Unavailable>;

/// The engine, what was sent to it minute by minute, and what it answered.
struct Day {
    world: World,
    hasher: KeyHasher,
    now: Arc<AtomicI64>,
    disk: SimDisk,
    directory: TempDir,
    stages: Option<Stages<SimDisk>>,
    batches: Vec<Batch>,
    /// Batches without an answer, oldest first.
    waiting: VecDeque<usize>,
    answers: Arc<Mutex<Vec<(usize, Answer)>>>,
    turned_away: BTreeMap<&'static str, usize>,
}

impl Day {
    fn new(plan: Plan) -> Self {
        let now = Arc::new(AtomicI64::new(plan.start.0));
        let mut day = Self {
            world: World::new(plan),
            hasher: KeyHasher::new(JOURNAL_SEED),
            now,
            disk: SimDisk::new(1),
            directory: tempfile::tempdir().expect("a temporary directory"),
            stages: None,
            batches: Vec::new(),
            waiting: VecDeque::new(),
            answers: Arc::default(),
            turned_away: BTreeMap::new(),
        };
        day.start();
        day
    }

    fn stages(&mut self) -> &mut Stages<SimDisk> {
        self.stages.as_mut().expect("it was started")
    }

    /// Starts on what the disk has; what was not answered is sent again, in its order.
    fn start(&mut self) {
        let settings = engine::Settings { segment_bytes: 256 << 10, block_bytes: 8 << 10, ..settings() };
        let now = Arc::clone(&self.now);
        let clock = Clock::simulated(move || Timestamp(now.load(Ordering::Relaxed)));
        let stages = Stages::open_on(self.disk.clone(), self.directory.path(), settings, clock, (JOURNAL_SEED, true));
        self.stages = Some(stages.expect("the disk is sound"));
        for batch in self.waiting.clone() {
            self.submit(batch);
        }
    }

    fn crash(&mut self) {
        self.stages = None;
        self.answers.lock().expect("no panic under the lock").clear();
        self.disk = self.disk.crash(self.batches.len() as u64);
    }

    fn submit(&mut self, batch: usize) {
        let answers = Arc::clone(&self.answers);
        let done = move |answer| answers.lock().expect("no panic under the lock").push((batch, answer));
        let again = self.batches[batch].clone();
        self.stages().handle().submit(again, done).expect("there is room");
    }

    /// What the world tells while `happen` lets it, as one batch.
    fn tell(&mut self, happen: impl FnOnce(&mut World, &mut dyn FnMut(Emission<'_>))) {
        let mut batch = Batch::new();
        let hasher = self.hasher;
        happen(&mut self.world, &mut |emission| {
            let said = emission.request;
            let key = match &said.body {
                Body::Event(event) => hasher.event(said.source, said.id, said.occurred_at, event),
                Body::Command(command) => hasher.command(said.source, said.id, said.occurred_at, command),
            };
            batch.push(&Request {
                actor: "simulation",
                source: said.source,
                id: said.id,
                key,
                occurred_at: said.occurred_at,
                historical: false,
                resolves: None,
                body: said.body,
            });
        });
        self.batches.push(batch);
        self.waiting.push_back(self.batches.len() - 1);
        self.submit(self.batches.len() - 1);
    }

    /// Takes in the answers; the shop hears which of its orders were refused.
    fn hear(&mut self) {
        for (batch, answer) in std::mem::take(&mut *self.answers.lock().expect("no panic under the lock")) {
            let receipt = answer.expect("the disk is sound");
            self.waiting.retain(|waiting| *waiting != batch);
            for (index, outcome) in receipt.exceptions() {
                let (Outcome::Held { rejection, .. } | Outcome::Rejected { rejection }) = outcome else { continue };
                *self.turned_away.entry(rejection.code()).or_default() += 1;
                if let Body::Command(Command::Reserve(reserve)) = self.batches[batch].get(*index as usize).body {
                    self.world.reservation_refused(&reserve.reservation);
                }
            }
        }
    }

    fn run(plan: Plan, minutes: i64) -> Self {
        let mut day = Self::new(plan.clone());
        day.tell(|world, sink| world.opening(sink));
        for minute in 1..=minutes {
            day.now.store(plan.start.0 + minute * MINUTE, Ordering::Relaxed);
            let until = Timestamp(plan.start.0 + minute * MINUTE);
            day.tell(|world, sink| world.advance(until, sink));
            day.stages().handle().tick();
            day.stages().decide();
            day.stages().decide();
            if minute == minutes / 3 || minute == minutes * 2 / 3 {
                day.stages().append();
                day.crash();
                day.start();
            }
            day.stages().settle();
            day.hear();
            if minute % 300 == 0 {
                day.stages().take_snapshot().expect("the directory is writable");
            }
        }
        day.tell(|world, sink| world.drain(sink));
        day.stages().settle();
        day.hear();
        assert!(day.waiting.is_empty(), "everybody is answered");
        day
    }

    fn assert_as_recounted(&mut self) {
        let handle = self.stages().handle().clone();
        let mut entries: Vec<Entry> = Vec::new();
        let read = handle.for_each_entry(Position(1), &mut |_, entry| {
            entries.push(entry);
            Ok(())
        });
        read.expect("the journal reads");
        let told = self.batches.iter().flat_map(Batch::iter).map(|request| (request.key, request));
        let told: HashMap<Key, Request<'_>> = told.collect();
        let mut oracle = Oracle::default();
        for entry in entries.iter().filter(|entry| entry.decision.kind != DecisionKind::InputHeld) {
            let Some(request) = told.get(&entry.decision.key) else { continue };
            match request.body {
                Body::Command(Command::DeclareProduct(card)) => oracle.declare(card),
                Body::Event(event) => {
                    let name = format!("{}@{}", request.id, request.source);
                    oracle.accept(request.source, &name, request.occurred_at, &event);
                }
                Body::Command(_) => {}
            }
        }
        let views = handle.views();
        tell_shipped(&mut oracle, &entries, views.catalog());
        assert_eq!(stock_shown(&views), oracle.stock_at(Timestamp::MAX));
        assert!(entries.len() > 1000, "a day has more than {} entries", entries.len());
        drop(views);
        let stages = self.stages();
        assert!(stages.state().conserves());
        agree(stages.state(), &stages.handle().views());
    }
}

#[test]
fn a_day_of_mistakes_with_two_crashes_comes_to_what_the_oracle_counts() {
    let usual = Mistakes::default();
    // A small world makes few mistakes of each kind.
    let mistakes = Mistakes {
        scan_late_per_million: usual.scan_late_per_million * 20,
        sent_twice_per_million: usual.sent_twice_per_million * 20,
        scanned_twice_per_million: usual.scanned_twice_per_million * 20,
        id_reused_per_million: usual.id_reused_per_million * 50,
        unknown_unit_per_million: usual.unknown_unit_per_million * 20,
        out_of_order_per_million: usual.out_of_order_per_million * 20,
        went_offline_per_million: usual.went_offline_per_million * 20,
        shop_stale_per_million: usual.shop_stale_per_million * 50,
        clock_far_ahead_per_million: usual.clock_far_ahead_per_million * 100,
        ..usual
    };
    let mut day = Day::run(Plan { seed: 5, products: 120, mistakes, ..Plan::default() }, 24 * 60);
    day.assert_as_recounted();
    for code in ["clock_ahead", "insufficient_available", "key_conflict", "unknown_unit"] {
        assert!(day.turned_away.contains_key(code), "{:?}", day.turned_away);
    }
}

#[test]
fn a_day_without_mistakes_and_with_two_crashes_ends_with_the_truth() {
    let plan = Plan { seed: 5, products: 120, mistakes: Mistakes::none(), ..Plan::default() };
    let mut day = Day::run(plan, 24 * 60);
    day.assert_as_recounted();
    assert_eq!(day.turned_away, BTreeMap::new());
    let shown = stock_shown(&day.stages().handle().views());
    assert_eq!(shown, day.world.truth().stock);
}
