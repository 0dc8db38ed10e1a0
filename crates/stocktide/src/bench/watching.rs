//! What the watch costs: ingest with and without it having something to look after, alerts in time, and time itself.

use super::figure::{Figure, Figures, Unit, number, quantile};
use super::load::{BATCH, Keys, Load};
use super::rig::Rig;
use super::{Scale, core};
use crate::clock;
use crate::clock::Stopwatch;
use anyhow::{Context, Result, bail};
use engine::Handle;
use ledger::{Body, Command, DeviceCard, Event, EventKind, Quantity, Request, RuleCard, State, Timestamp};
use std::hint::black_box;
use std::sync::atomic::{AtomicBool, Ordering};
use watch::Watch;
use wire::{Batch, KeyHasher};

/// Products at warehouses, each with a threshold of its own.
const THRESHOLDS: usize = 100_000;
const DEVICES: usize = 10_000;
const EVENTS: usize = 1_000_000;
/// Runs of each kind, one of each in turn; the best counts.
const RUNS: usize = 3;
/// Of the ingest without rules and devices.
const TARGET_FRACTION: f64 = 0.85;

const TARGET_ALERT_MICROS: f64 = 50_000.0;
/// Alerts that are waited for, one after another.
const ALERTS: usize = 1_000;
/// Batches under way meanwhile: enough that the engine never waits for work.
const UNDER_WAY: usize = 8;

/// Products at warehouses for each of which a timer is set.
const SUBJECTS: usize = 1_000_000;
/// Of them due at once.
const DUE: usize = 1_000;
const DAY: i64 = 86_400_000_000;
const SECOND: i64 = 1_000_000;

/// Durable ingest with thresholds and devices, against the same without.
pub(super) fn ingest(scale: &Scale, figures: &mut Figures) -> Result<()> {
    let keys = Keys::by_warehouse(scale.of(THRESHOLDS));
    let (mut without, mut with) = (0.0_f64, 0.0_f64);
    for _ in 0..RUNS {
        without = without.max(rate(scale, &keys, false)?);
        with = with.max(rate(scale, &keys, true)?);
    }
    let name = if scale.quick {
        "ingest, 10 000 thresholds, 1 000 devices"
    } else {
        "ingest, 100 000 thresholds, 10 000 devices"
    };
    let figure = Figure::new(name, with, Unit::EventsPerSecond);
    figures.push(figure.limit(without, "without rules and devices").target(without * TARGET_FRACTION));
    Ok(())
}

fn rate(scale: &Scale, keys: &Keys, is_watched: bool) -> Result<f64> {
    let mut rig = Rig::new(scale)?;
    let hasher = rig.handle.hasher();
    let mut load = Load::new(keys, hasher, clock::now());
    rig.ingest(load.opening())?;
    if is_watched {
        let floor = |product: &str, warehouse: &str| low_stock(product, warehouse, "10");
        rig.ingest(declarations(&hasher, keys.pairs().map(|(product, warehouse)| floor(product, warehouse))))?;
        rig.ingest(declarations(&hasher, (0..scale.of(DEVICES)).map(device)))?;
    }
    let events = scale.of(EVENTS);
    let rate = number(events) / rig.ingest(load.batches(events))?.seconds();
    rig.stop()?;
    Ok(rate)
}

/// How long after an event its alert is to be seen, while events come in as fast as they are taken.
pub(super) fn alerts(scale: &Scale, figures: &mut Figures) -> Result<()> {
    let mut rig = Rig::new(scale)?;
    let hasher = rig.handle.hasher();
    let keys = Keys::by_warehouse(scale.of(THRESHOLDS));
    let mut load = Load::new(&keys, hasher, clock::now());
    rig.ingest(load.opening())?;
    let alone = (0..ALERTS).map(|index| (format!("ALONE{index:04}"), "warehouse_A"));
    let floors = keys.pairs().map(|(product, warehouse)| low_stock(product, warehouse, "10"));
    rig.ingest(declarations(&hasher, floors))?;
    rig.ingest(declarations(&hasher, alone.map(|(product, warehouse)| low_stock(&product, warehouse, "0.5"))))?;
    let is_done = AtomicBool::new(false);
    let (mut waited, rate) = std::thread::scope(|scope| -> Result<(Vec<u64>, f64)> {
        let background = scope.spawn(|| -> Result<f64> {
            let mut events = 0;
            let more = std::iter::from_fn(|| {
                events += BATCH;
                (!is_done.load(Ordering::Acquire)).then(|| load.batches(BATCH).pop()).flatten()
            });
            let seconds = rig.ingest_by(more, UNDER_WAY)?.seconds();
            Ok(number(events) / seconds)
        });
        let waited: Result<Vec<u64>> = (0..ALERTS).map(|index| alert(&rig.handle, &hasher, index)).collect();
        is_done.store(true, Ordering::Release);
        let rate = background.join().ok().context("the sender stopped on a bug")??;
        Ok((waited?, rate))
    })?;
    rig.stop()?;
    let mut push = |name, value| figures.push(Figure::new(name, value, Unit::Microseconds).target(TARGET_ALERT_MICROS));
    push("alert after its event, during ingest, p50", quantile(&mut waited, 500));
    push("  p99", quantile(&mut waited, 990));
    push("  longest", quantile(&mut waited, 1_000));
    figures.push(Figure::new("  events made durable meanwhile", rate, Unit::EventsPerSecond));
    Ok(())
}

/// Hands in what makes an alert, and answers the microseconds until whoever looks sees it.
fn alert(handle: &Handle, hasher: &KeyHasher, index: usize) -> Result<u64> {
    let (product, id) = (format!("ALONE{index:04}"), format!("alone-{index}"));
    let now = clock::now();
    let event = Event::new(EventKind::ItemRemoved, &product, "warehouse_A", Quantity::units(1));
    let mut batch = Batch::with_capacity(1, 64);
    batch.push(&Request {
        actor: "bench",
        source: "till",
        id: &id,
        key: hasher.event("till", &id, now, &event),
        occurred_at: now,
        historical: false,
        resolves: None,
        body: Body::Event(event),
    });
    let begun = Stopwatch::start();
    let receipt = handle.submit_and_wait(batch)?;
    let query = views::AlertQuery { product: Some(&product), condition: Some("low_stock"), ..Default::default() };
    // The alert stands behind its event and before the acknowledgement.
    let seen = handle.views().alerts(&query).ok().is_some_and(|page| !page.items.is_empty());
    let micros = u64::try_from(begun.elapsed().as_micros()).unwrap_or(u64::MAX);
    if receipt.accepted() != 1 || !seen {
        bail!("{product} fell below its threshold and no alert is to be seen");
    }
    Ok(micros)
}

/// What time costs: with much that waits for it and nothing due, and with some of it due.
pub(super) fn due(scale: &Scale, figures: &mut Figures) -> Result<()> {
    let mut few = Waiting::new(DUE)?;
    let mut many = Waiting::new(scale.of(SUBJECTS))?;
    let (few_idle, many_idle) = (few.idle(), many.idle());
    let names = if scale.quick {
        ["time passes, 100 000 wait", "  1 000 of them due"]
    } else {
        ["time passes, 1 000 000 wait", "  1 000 of them due"]
    };
    figures.push(Figure::new(names[0], many_idle, Unit::Nanoseconds).limit(few_idle, "the same when 1 000 wait"));
    let (few_due, many_due) = (few.come_due()?, many.come_due()?);
    let figure = Figure::new(names[1], many_due, Unit::Microseconds);
    figures.push(figure.limit(few_due, "the same when there are no others"));
    Ok(())
}

/// Stock that is dead when nobody has moved it for thirty days, a thousand of it each second.
struct Waiting {
    state: State,
    watch: Watch,
    /// When the next thousand is due.
    next: Timestamp,
    idle_at: Timestamp,
}

impl Waiting {
    fn new(subjects: usize) -> Result<Self> {
        let from = clock::now();
        let keys = Keys::by_warehouse(subjects);
        let hasher = KeyHasher::new([7; 16]);
        let (mut state, mut watch) = (State::new(1), Watch::new(1));
        let rule = RuleCard {
            rule: "dead".into(),
            condition: "dead_stock".into(),
            settings: vec![("days".into(), "30".into())],
            ..RuleCard::default()
        };
        let mut batches = declarations(&hasher, std::iter::once(Command::DeclareRule(Box::new(rule))));
        batches.extend(Load::new(&keys, hasher, from).opening());
        let mut now = from;
        for batch in &batches {
            now = now.plus(SECOND);
            core::decide_and(&mut state, std::slice::from_ref(batch), now, |state, decision| {
                watch.take(state, decision, &[]);
            });
        }
        // What was set when each came to be says when it is dead.
        watch.advance(&state, now.plus(1));
        Ok(Self { state, watch, next: from.plus(2 * SECOND + 30 * DAY), idle_at: now.plus(2) })
    }

    /// Nanoseconds of a call when nothing is due.
    fn idle(&mut self) -> f64 {
        const CALLS: usize = 1_000_000;
        let begun = Stopwatch::start();
        for _ in 0..CALLS {
            self.watch.advance(black_box(&self.state), self.idle_at);
        }
        begun.seconds() * 1e9 / number(CALLS)
    }

    /// Microseconds of the call in which a thousand come due, each with its alert.
    fn come_due(&mut self) -> Result<f64> {
        let begun = Stopwatch::start();
        self.watch.advance(&self.state, self.next);
        let micros = begun.seconds() * 1e6;
        if self.watch.demands() != DUE {
            bail!("{DUE} were due and {} are told", self.watch.demands());
        }
        Ok(micros)
    }
}

/// Bytes that the watch takes of a product at a warehouse with a threshold.
pub(super) fn memory(scale: &Scale, figures: &mut Figures) {
    let keys = Keys::by_warehouse(scale.of(THRESHOLDS));
    let hasher = KeyHasher::new([7; 16]);
    let mut batches = Load::new(&keys, hasher, clock::now()).opening();
    batches.extend(declarations(&hasher, keys.pairs().map(|(product, warehouse)| low_stock(product, warehouse, "10"))));
    let (mut state, mut watch) = (State::new(1), Watch::new(1));
    core::decide_and(&mut state, &batches, clock::now(), |state, decision| watch.take(state, decision, &[]));
    let bytes = number(watch.memory_bytes()) / number(keys.len());
    figures.push(Figure::new("memory per watched product and warehouse", bytes, Unit::Bytes));
}

fn low_stock(product: &str, warehouse: &str, below: &str) -> Command {
    Command::DeclareRule(Box::new(RuleCard {
        rule: format!("{product}-{warehouse}").into(),
        condition: "low_stock".into(),
        product: product.into(),
        location: warehouse.into(),
        settings: vec![("below".into(), below.into())],
        ..RuleCard::default()
    }))
}

/// A device that is expected to be heard each hour; the first of them send the movements.
pub(super) fn device(index: usize) -> Command {
    Command::DeclareDevice(Box::new(DeviceCard {
        device: format!("scanner-{index:02}").into(),
        kind: "scanner".into(),
        interval_micros: Some(3_600 * SECOND),
        ..DeviceCard::default()
    }))
}

/// Batches of commands that say what there is.
pub(super) fn declarations(hasher: &KeyHasher, commands: impl Iterator<Item = Command>) -> Vec<Batch> {
    let now = clock::now();
    let mut batches = Vec::new();
    let mut batch = Batch::with_capacity(BATCH, BATCH * 48);
    for command in commands {
        let key = hasher.command("bench", "", now, &command);
        batch.push_command("bench", "bench", "", key, now, command);
        if batch.len() == BATCH {
            batches.push(std::mem::replace(&mut batch, Batch::with_capacity(BATCH, BATCH * 48)));
        }
    }
    if !batch.is_empty() {
        batches.push(batch);
    }
    batches
}
