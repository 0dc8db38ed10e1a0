//! Questions about the past on a long journal, and replaying it.

use super::Scale;
use super::figure::{Figure, Figures, Unit, number, quantile};
use super::load::{Keys, Load};
use super::raw::{self, Raw};
use super::rig::{Rig, Served};
use crate::clock;
use crate::clock::Stopwatch;
use crate::directory;
use anyhow::Result;
use ledger::State;
use std::net::SocketAddr;

const EVENTS: usize = 10_000_000;
/// Events made at once, so that memory stays bounded.
const PORTION: usize = 500_000;
const QUESTIONS: usize = 1_000;
const DAYS_MICROS: i64 = 5 * 86_400_000_000;
const TARGET_STOCK_MICROS: f64 = 100_000.0;
const TARGET_PAGE_MICROS: f64 = 50_000.0;
const TARGET_REPLAY: f64 = 1_000_000.0;

pub(super) fn measure(scale: &Scale, figures: &mut Figures) -> Result<()> {
    let mut rig = Rig::new(scale)?;
    let keys = Keys::new(100_000);
    let events = scale.of(EVENTS);
    let from = clock::now().minus(DAYS_MICROS);
    let step = DAYS_MICROS / i64::try_from(events + keys.len())?;
    let mut load = Load::spread(&keys, rig.handle.hasher(), from, step);
    rig.ingest(load.opening())?;
    for _ in 0..events.div_ceil(PORTION) {
        let batches = load.batches(PORTION.min(events));
        rig.ingest(batches)?;
    }
    // From disk, as after a night: what the index still had in memory is written.
    rig.restart()?;
    let served = Served::new(&rig)?;
    let as_of = |load: &mut Load<'_>| {
        let ago = i64::try_from(load.below(usize::try_from(DAYS_MICROS / 2).unwrap_or(usize::MAX))).unwrap_or(0);
        wire::time::render_timestamp(clock::now().minus(DAYS_MICROS / 4 + ago))
    };
    let ask = |path: &mut dyn FnMut(usize) -> String| questions(served.address, path);
    let mut stock = ask(&mut |index| {
        let at = as_of(&mut load);
        format!("/v1/stock/{}/warehouse_{}?as_of={at}", keys.product(index * 7), index % 3)
    })?;
    let mut pages = ask(&mut |index| format!("/v1/history?product_id={}&limit=100", keys.product(index * 11)))?;
    served.stop()?;
    rig.stop()?;
    let figure = Figure::new("stock at a past date, p99", quantile(&mut stock, 990), Unit::Microseconds);
    figures.push(figure.target(TARGET_STOCK_MICROS));
    let figure = Figure::new("a page of history, p99", quantile(&mut pages, 990), Unit::Microseconds);
    figures.push(figure.target(TARGET_PAGE_MICROS));
    replay(&rig, figures)
}

fn questions(address: SocketAddr, path: &mut dyn FnMut(usize) -> String) -> Result<Vec<u64>> {
    let mut connection = Raw::connect(address)?;
    (0..QUESTIONS)
        .map(|index| {
            let request = raw::get(address, &path(index));
            let begun = Stopwatch::start();
            connection.call_until_taken(&request)?;
            Ok(u64::try_from(begun.elapsed().as_micros()).unwrap_or(u64::MAX))
        })
        .collect()
}

/// Reads, checks, decodes and applies the whole journal on one core; the limit is reading and checking it.
fn replay(rig: &Rig, figures: &mut Figures) -> Result<()> {
    let reader = directory::read_only(rig.directory.path())?;
    let entries = reader.durable_end().0;
    let begun = Stopwatch::start();
    for block in reader.blocks(journal::Position::FIRST) {
        block?;
    }
    let read_rate = number(entries) / begun.seconds();
    let mut state = State::new(1);
    let begun = Stopwatch::start();
    for block in reader.blocks(journal::Position::FIRST) {
        for entry in wire::record::decode_block(&block?.payload) {
            state.apply(&entry?.decision);
        }
    }
    let rate = number(entries) / begun.seconds();
    let figure = Figure::new("replay on one core", rate, Unit::EventsPerSecond);
    figures.push(figure.limit(read_rate, "reading and checking blocks").target(TARGET_REPLAY));
    Ok(())
}
