//! A start with a snapshot of many stock keys.

use super::Scale;
use super::figure::{Figure, Figures, Unit};
use super::load::{Keys, Load};
use super::rig::Rig;
use crate::clock;
use crate::clock::Stopwatch;
use anyhow::Result;
use std::io::Read;

const STOCK_KEYS: usize = 1_000_000;
const TARGET_SECONDS: f64 = 3.0;

pub(super) fn measure(scale: &Scale, figures: &mut Figures) -> Result<()> {
    let mut rig = Rig::new(scale)?;
    let keys = Keys::new(scale.of(STOCK_KEYS));
    let mut load = Load::new(&keys, rig.handle.hasher(), clock::now());
    rig.ingest(load.opening())?;
    let seconds = rig.restart()?;
    rig.stop()?;
    let mut read_seconds = 0.0;
    let mut bytes = vec![0; 1 << 20];
    for file in std::fs::read_dir(rig.directory.path().join("snapshots"))? {
        let begun = Stopwatch::start();
        let mut file = std::fs::File::open(file?.path())?;
        while file.read(&mut bytes)? > 0 {}
        read_seconds += begun.seconds();
    }
    let name = if scale.quick { "restart, snapshot of 100 000 keys" } else { "restart, snapshot of 1 000 000 keys" };
    let figure = Figure::new(name, seconds, Unit::Seconds);
    figures.push(figure.limit(read_seconds, "reading the snapshot's bytes").target(TARGET_SECONDS));
    Ok(())
}
