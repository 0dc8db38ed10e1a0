//! A run: what was sent, what was answered, and the engine between them.

use super::message::{Message, SECOND, Said, Traffic};
use engine::{Clock, Health, Outcome, Receipt, Settings, Stages, Unavailable};
use ledger::{Body, Command, Key, LocationId, Position, ProductId, Request, RuleCard, Timestamp};
use rand::seq::IndexedRandom;
use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use sim::disk::SimDisk;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use tempfile::TempDir;
use wire::{Batch, KeyHasher};

pub(crate) const JOURNAL_SEED: [u8; 16] = *b"stocktide trials";
/// 2026-02-16T10:00:00Z.
pub(crate) const START: i64 = 1_771_236_000_000_000;

type Answer = Result<Receipt, Unavailable>;

/// Small sizes, so that every limit is met early.
pub(crate) fn settings() -> Settings {
    Settings { segment_bytes: 8 << 10, block_bytes: 1 << 10, history_tail_rows: 40, ..Settings::default() }
}

/// Where a message was recorded, and whether it was held there.
pub(crate) type Place = (Position, bool);

pub(crate) struct Trial {
    pub(crate) chance: ChaCha8Rng,
    pub(crate) disk: SimDisk,
    pub(crate) directory: TempDir,
    pub(crate) settings: Settings,
    /// `None` between a crash and the next start.
    pub(crate) stages: Option<Stages<SimDisk>>,
    pub(crate) history_in_memory: bool,
    /// Whether a rule is handed in by which stock runs low.
    pub(crate) has_rule: bool,
    now: Arc<AtomicI64>,
    traffic: Traffic,
    pub(crate) sent: Vec<Message>,
    pub(crate) by_key: HashMap<Key, usize>,
    /// Batches that were taken and not answered.
    pub(crate) waiting: BTreeMap<u64, Vec<usize>>,
    batch_count: u64,
    answers: Arc<Mutex<Vec<(u64, Answer)>>>,
    pub(crate) acknowledged: BTreeMap<usize, Place>,
    /// Messages whose sender knows nothing, and sends again.
    pub(crate) unanswered: BTreeSet<usize>,
    /// What somebody who follows the changes has seen last.
    pub(crate) followed: Option<(Position, Figures)>,
}

/// On hand and reserved, in micro-units, by product and warehouse.
pub(crate) type Figures = BTreeMap<(ProductId, LocationId), (i64, i64)>;

impl Trial {
    pub(crate) fn new(seed: u64) -> Self {
        let mut chance = ChaCha8Rng::seed_from_u64(seed);
        Self {
            disk: SimDisk::new(chance.next_u64()),
            directory: tempfile::tempdir().expect("a temporary directory"),
            settings: settings(),
            stages: None,
            has_rule: true,
            history_in_memory: chance.random_ratio(3, 4),
            now: Arc::new(AtomicI64::new(START)),
            traffic: Traffic::new(KeyHasher::new(JOURNAL_SEED)),
            sent: Vec::new(),
            by_key: HashMap::new(),
            waiting: BTreeMap::new(),
            batch_count: 0,
            answers: Arc::default(),
            acknowledged: BTreeMap::new(),
            unanswered: BTreeSet::new(),
            followed: None,
            chance,
        }
    }

    pub(crate) fn stages(&mut self) -> &mut Stages<SimDisk> {
        self.stages.as_mut().expect("the engine was started")
    }

    pub(crate) fn clock(&self) -> Clock {
        let now = Arc::clone(&self.now);
        Clock::simulated(move || Timestamp(now.load(Ordering::Relaxed)))
    }

    pub(crate) fn now(&self) -> Timestamp {
        Timestamp(self.now.load(Ordering::Relaxed))
    }

    /// Time passes. The engine's clock may be set back.
    pub(crate) fn pass(&self, micros: i64) {
        self.now.fetch_add(micros, Ordering::Relaxed);
    }

    /// Opens what is on a disk, with the derived files of a directory.
    pub(crate) fn open(&self, disk: &SimDisk, directory: &Path) -> Result<Stages<SimDisk>, engine::Error> {
        let history = (JOURNAL_SEED, self.history_in_memory);
        Stages::open_on(disk.clone(), directory, self.settings, self.clock(), history)
    }

    /// Starts the engine. Whoever waited for an answer before knows nothing now.
    pub(crate) fn start(&mut self) -> Result<(), engine::Error> {
        let stages = self.open(&self.disk, self.directory.path())?;
        let reader = stages.handle().reader().clone();
        stages.handle().observe(move |position| assert!(position.0 <= reader.durable_end().0, "shown before durable"));
        self.stages = Some(stages);
        self.declare_rule();
        Ok(())
    }

    /// Hands in the rule by which everything is watched, unless it is there.
    fn declare_rule(&mut self) {
        let handle = self.stages().handle().clone();
        if !self.has_rule || handle.views().catalog().rule("mine").is_some() {
            return;
        }
        let below = super::alerts::LOW_BELOW;
        let low = [("below", below.to_string()), ("clear_percent", "0".to_owned())];
        // A condition of one's own that says the same.
        let mine = [("when", format!("stock.position < {below}"))];
        let mut batch = Batch::new();
        for (rule, condition, settings) in [("low", "low_stock", &low[..]), ("mine", "own", &mine[..])] {
            let card = RuleCard {
                rule: rule.into(),
                condition: condition.into(),
                settings: settings.iter().map(|(name, value)| ((*name).into(), value.as_str().into())).collect(),
                ..RuleCard::default()
            };
            batch.push(&Request {
                actor: "anna",
                source: "anna",
                id: "",
                key: Key::default(),
                occurred_at: self.now(),
                historical: false,
                resolves: None,
                body: Body::Command(&Command::DeclareRule(Box::new(card))),
            });
        }
        handle.submit(batch, drop).expect("the engine works");
    }

    /// The power fails.
    pub(crate) fn crash(&mut self) {
        self.hear();
        self.stages = None;
        self.disk = self.disk.crash(self.chance.next_u64());
        for batch in std::mem::take(&mut self.waiting).into_values() {
            self.unanswered.extend(batch);
        }
        self.unanswered.retain(|index| !self.acknowledged.contains_key(index));
    }

    /// A source says something new.
    pub(crate) fn new_message(&mut self) -> usize {
        let now = self.now();
        let message = match self.sent.choose(&mut self.chance) {
            Some(other) if self.chance.random_ratio(1, 12) => self.traffic.conflict(&other.clone(), &mut self.chance),
            _ => None,
        };
        let message = message.unwrap_or_else(|| self.traffic.next(&mut self.chance, now));
        *self.by_key.entry(message.key).or_insert_with(|| {
            self.sent.push(message);
            self.sent.len() - 1
        })
    }

    /// A batch that is under way, from a sender who does not wait; or one of new messages, of unanswered ones, and of some that were answered long ago.
    pub(crate) fn make_batch(&mut self) -> Vec<usize> {
        if let Some(number) = self.waiting.keys().copied().collect::<Vec<_>>().choose(&mut self.chance)
            && self.chance.random_ratio(1, 6)
        {
            return self.waiting[number].clone();
        }
        let count = self.chance.random_range(1..=12);
        let mut batch = Vec::new();
        for _ in 0..count {
            let again: Vec<usize> = self.unanswered.iter().copied().take(8).collect();
            batch.push(match self.chance.random_range(0..6) {
                0 | 1 if !again.is_empty() => *again.choose(&mut self.chance).expect("some"),
                2 if !self.sent.is_empty() => self.chance.random_range(0..self.sent.len()),
                _ => self.new_message(),
            });
        }
        batch
    }

    pub(crate) fn submit(&mut self, messages: Vec<usize>) {
        let mut batch = Batch::new();
        for index in &messages {
            self.sent[*index].push_to(&mut batch);
            self.unanswered.remove(index);
        }
        self.batch_count += 1;
        let number = self.batch_count;
        let answers = Arc::clone(&self.answers);
        let done = move |answer| answers.lock().expect("no panic under the lock").push((number, answer));
        match self.stages().handle().submit(batch, done) {
            Ok(()) => drop(self.waiting.insert(number, messages)),
            Err(_) => self.unanswered.extend(messages),
        }
    }

    /// Takes in the answers that came, each of which is right.
    pub(crate) fn hear(&mut self) {
        let answers = std::mem::take(&mut *self.answers.lock().expect("no panic under the lock"));
        for (number, answer) in answers {
            let messages = self.waiting.remove(&number).expect("a batch that was taken is answered once");
            match answer {
                Ok(receipt) => self.take_receipt(&messages, &receipt),
                Err(_) => self.unanswered.extend(messages),
            }
        }
        let acknowledged = &self.acknowledged;
        self.unanswered.retain(|index| !acknowledged.contains_key(index));
    }

    fn take_receipt(&mut self, messages: &[usize], receipt: &Receipt) {
        assert_eq!(receipt.len(), messages.len());
        let handle = self.stages().handle();
        let durable = handle.reader().durable_end().0;
        assert!(receipt.as_of.0 <= durable && receipt.as_of <= handle.position(), "a receipt speaks of what is shown");
        for (at, index) in messages.iter().copied().enumerate() {
            let message = &self.sent[index];
            let is_new = !self.acknowledged.contains_key(&index);
            let place = match receipt.outcome(at) {
                Outcome::Accepted { position } => {
                    assert!(is_new, "{message:?} was accepted twice");
                    assert!(matches!(message.flaw, None | Some("clock_ahead")), "{message:?} was accepted");
                    (position, false)
                }
                Outcome::Held { position, rejection } => {
                    assert!(is_new, "{message:?} was held after it was recorded");
                    let code = rejection.code();
                    assert!(code == "key_conflict" || message.flaw == Some(code), "{message:?} was held for {code}");
                    (position, true)
                }
                Outcome::Duplicate { position, held } => (position, held),
                Outcome::Rejected { rejection } => {
                    assert!(matches!(message.said, Said::Ask(_)), "{message:?} was refused: {rejection}");
                    assert!(is_new, "{message:?} was refused after it was recorded");
                    continue;
                }
            };
            assert!((1..=durable).contains(&place.0.0), "{message:?} is said to be at {place:?}");
            assert_eq!(*self.acknowledged.entry(index).or_insert(place), place, "{message:?} has moved");
        }
    }

    /// One of the many things that happen, whatever their order.
    pub(crate) fn step(&mut self) {
        match self.chance.random_range(0..24) {
            0..6 => {
                let batch = self.make_batch();
                self.submit(batch);
            }
            6..12 => self.stages().decide(),
            12..16 => drop(self.stages().append()),
            16..20 => drop(self.stages().publish()),
            20 => drop(self.stages().prepare()),
            21 => drop(self.stages().take_snapshot()),
            22 if self.chance.random_ratio(1, 2) => self.follow(),
            22 => self.stages().handle().tick(),
            _ => {
                let micros = self.chance.random_range(-5 * SECOND..60 * SECOND);
                self.pass(micros);
            }
        }
        self.hear();
        let handle = self.stages().handle();
        let (committed, shown) = (handle.position(), handle.views().position());
        let durable = handle.reader().durable_end().0;
        assert!(committed <= shown && shown.0 <= durable, "{committed} committed, {shown} shown, {durable} durable");
    }

    /// Makes the engine work again, by a tick or a restart, sends again what was not answered, and waits for all answers.
    pub(crate) fn drain(&mut self) {
        self.disk.mend();
        self.disk.set_capacity_bytes(None);
        self.disk.set_read_only(false);
        for _ in 0..3 {
            let health = self.stages.as_ref().map(|stages| stages.handle().health());
            match health {
                Some(Health::Working) => {}
                Some(Health::DiskFull) => {
                    self.stages().handle().tick();
                    self.stages().settle();
                    assert_eq!(self.stages().handle().health(), Health::Working, "a full disk mends by itself");
                }
                _ => {
                    self.crash();
                    self.start().expect("a mended disk opens");
                }
            }
            self.stages().settle();
            self.hear();
            let again: Vec<usize> = std::mem::take(&mut self.unanswered).into_iter().collect();
            if !again.is_empty() {
                self.submit(again);
            }
            self.stages().settle();
            self.hear();
        }
        assert!(self.waiting.is_empty() && self.unanswered.is_empty(), "everybody is answered in the end");
        for (index, message) in self.sent.iter().enumerate() {
            let is_recorded = self.acknowledged.contains_key(&index);
            assert!(is_recorded || matches!(message.said, Said::Ask(_)), "{message:?} was never recorded");
        }
    }
}
