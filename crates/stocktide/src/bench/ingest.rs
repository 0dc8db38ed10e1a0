//! Durable ingest within the process: batches handed to one partition, acknowledged when they are on disk.

use super::figure::{Figure, Figures, Unit, number};
use super::load::{Keys, Load};
use super::rig::Rig;
use super::{Scale, core, disk};
use crate::clock;
use anyhow::Result;
use ledger::State;
use std::sync::atomic::Ordering;

const EVENTS: usize = 3_000_000;
/// Of the lower limit.
const TARGET_FRACTION: f64 = 0.5;

pub(super) fn measure(scale: &Scale, figures: &mut Figures) -> Result<()> {
    one(scale, figures, 100_000, ["ingest, 100 000 keys", "  one core decides and applies", "  disk alone"])?;
    one(scale, figures, 100, ["ingest, 100 hot keys", "  one core decides and applies, hot", "  disk alone, hot"])
}

fn one(scale: &Scale, figures: &mut Figures, stock_keys: usize, names: [&'static str; 3]) -> Result<()> {
    let mut rig = Rig::new(scale)?;
    let keys = Keys::new(stock_keys);
    let events = scale.of(EVENTS);
    let mut load = Load::new(&keys, rig.handle.hasher(), clock::now());
    let opening = load.opening();
    let batches = load.batches(events);

    let mut state = State::new(1);
    core::decide_and_apply(&mut state, &opening, clock::now());
    let core_rate = number(events) / core::decide_and_apply(&mut state, &batches, clock::now());
    drop(state);

    rig.ingest(opening)?;
    let stats = rig.handle.stats();
    let (blocks, bytes) = (stats.blocks.load(Ordering::Relaxed), stats.bytes.load(Ordering::Relaxed));
    let rate = number(events) / rig.ingest(batches)?.seconds();
    let stats = rig.handle.stats();
    let blocks = stats.blocks.load(Ordering::Relaxed) - blocks;
    let bytes = stats.bytes.load(Ordering::Relaxed) - bytes;
    rig.stop()?;

    let disk_rate = number(events) / disk::write(scale, bytes, bytes / blocks.max(1))?.seconds;
    let (limit, is) =
        if core_rate < disk_rate { (core_rate, "one core deciding") } else { (disk_rate, "the disk's durable writes") };
    let [name, core_name, disk_name] = names;
    figures.push(Figure::new(name, rate, Unit::EventsPerSecond).limit(limit, is).target(limit * TARGET_FRACTION));
    figures.push(Figure::new(core_name, core_rate, Unit::EventsPerSecond));
    figures.push(Figure::new(disk_name, disk_rate, Unit::EventsPerSecond));
    Ok(())
}
