//! Reads of one stock level while events come in as fast as they are taken.

use super::Scale;
use super::figure::{Figure, Figures, Unit, quantile};
use super::load::{Keys, Load};
use super::raw::{self, Raw};
use super::rig::{Rig, Served};
use crate::clock;
use crate::clock::Stopwatch;
use anyhow::{Context, Result};
use std::sync::atomic::{AtomicBool, Ordering};

const EVENTS: usize = 3_000_000;
const TARGET_P99_MICROS: f64 = 2_000.0;
const IDLE_READS: usize = 2_000;

pub(super) fn measure(scale: &Scale, figures: &mut Figures) -> Result<()> {
    let mut rig = Rig::new(scale)?;
    let keys = Keys::new(100_000);
    let mut load = Load::new(&keys, rig.handle.hasher(), clock::now());
    rig.ingest(load.opening())?;
    let batches = load.batches(scale.of(EVENTS));
    let served = Served::new(&rig)?;
    let requests: Vec<Vec<u8>> = (0..1000)
        .map(|index| {
            let product = keys.product(index * 7);
            raw::get(served.address, &format!("/v1/stock/{product}/warehouse_{}", index % 3))
        })
        .collect();
    let mut connection = Raw::connect(served.address)?;
    let mut read = |index: usize| -> Result<u64> {
        let begun = Stopwatch::start();
        connection.call_until_taken(&requests[index % requests.len()])?;
        Ok(u64::try_from(begun.elapsed().as_micros()).unwrap_or(u64::MAX))
    };
    let mut idle = (0..IDLE_READS).map(&mut read).collect::<Result<Vec<u64>>>()?;
    let is_done = AtomicBool::new(false);
    let mut busy = Vec::new();
    std::thread::scope(|scope| -> Result<()> {
        let ingesting = scope.spawn(|| {
            let ingested = rig.ingest(batches);
            is_done.store(true, Ordering::Release);
            ingested
        });
        while !is_done.load(Ordering::Acquire) {
            busy.push(read(busy.len())?);
        }
        ingesting.join().ok().context("the sender stopped on a bug")??;
        Ok(())
    })?;
    drop(connection);
    served.stop()?;
    rig.stop()?;
    let (p50, p99) = (quantile(&mut idle, 500), quantile(&mut idle, 990));
    let is = "the same read when nothing comes in";
    let figure = Figure::new("read one level during ingest, p50", quantile(&mut busy, 500), Unit::Microseconds);
    figures.push(figure.limit(p50, is));
    let figure = Figure::new("read one level during ingest, p99", quantile(&mut busy, 990), Unit::Microseconds);
    figures.push(figure.limit(p99, is).target(TARGET_P99_MICROS));
    Ok(())
}
