//! How long a single event waits for its acknowledgement, at a steady rate over many connections.
//!
//! Measured from the moment at which it should have been sent: a sender that was held up counts as waiting.

use super::figure::{Figure, Figures, Unit, quantile};
use super::load::{Keys, Load};
use super::raw::{self, Raw};
use super::rig::{Rig, Served};
use super::{Scale, disk};
use crate::clock;
use anyhow::{Context, Result};
use std::net::SocketAddr;
use std::sync::mpsc::channel;
use std::time::Duration;

const CONNECTIONS: usize = 64;
const EVENTS_PER_SECOND: usize = 5_000;
const SECONDS: usize = 20;
/// Of the disk's own sync.
const TARGET_P99_TIMES: f64 = 3.0;
/// Events at the beginning that don't count: threads and caches warm up.
const WARM_UP: usize = 32;

pub(super) fn measure(scale: &Scale, figures: &mut Figures) -> Result<()> {
    let mut rig = Rig::new(scale)?;
    let keys = Keys::new(100_000);
    let mut load = Load::new(&keys, rig.handle.hasher(), clock::now());
    rig.ingest(load.opening())?;
    let served = Served::new(&rig)?;
    let each = scale.of(EVENTS_PER_SECOND * SECONDS) / CONNECTIONS;
    let batches = load.batches(each * CONNECTIONS);
    let events: Vec<Vec<u8>> = batches
        .iter()
        .flat_map(|batch| {
            let request = |event: ledger::Request<'_>| {
                raw::post(
                    served.address,
                    "/v1/events",
                    "application/json",
                    wire::event::render_event(&event).as_bytes(),
                )
            };
            batch.iter().map(request).collect::<Vec<_>>()
        })
        .collect();
    let gap_micros = 1_000_000 * u64::try_from(CONNECTIONS)? / u64::try_from(EVENTS_PER_SECOND)?;
    rig.handle.stats().sync_micros.drain();
    let start = clock::stopwatch_micros() + 50_000;
    let waited: Result<Vec<Vec<u64>>> = std::thread::scope(|scope| {
        let senders: Vec<_> = (0_u64..)
            .zip(events.chunks(each))
            .map(|(index, events)| {
                let first_at = start + index * gap_micros / 64;
                let address = served.address;
                scope.spawn(move || sender(address, events, first_at, gap_micros))
            })
            .collect();
        senders.into_iter().map(|sender| sender.join().ok().context("a sender stopped on a bug")?).collect()
    });
    let mut waited: Vec<u64> = waited?.into_iter().flatten().collect();
    let sync = rig.handle.stats().sync_micros.summary();
    served.stop()?;
    rig.stop()?;
    let small = disk::write(scale, 4096 * 2_000, 4096)?;

    let is = "the disk's own sync, p99";
    let mut push = |name, per_mille, target: Option<f64>| {
        let figure = Figure::new(name, quantile(&mut waited, per_mille), Unit::Microseconds);
        let figure = figure.limit(small.sync_p99_micros, is);
        figures.push(target.map_or(figure.clone(), |target| figure.target(target)));
    };
    push("acknowledged, 5 000/s over 64 connections, p50", 500, None);
    push("acknowledged, p99", 990, Some(small.sync_p99_micros * TARGET_P99_TIMES));
    push("acknowledged, p99.9", 999, None);
    figures.push(Figure::new(
        "  of it the journal's own writes, p99",
        super::figure::number(sync.p99),
        Unit::Microseconds,
    ));
    Ok(())
}

/// Sends an event at each beat; answers the microseconds from the beat to the answer.
fn sender(address: SocketAddr, events: &[Vec<u8>], first_at: u64, gap_micros: u64) -> Result<Vec<u64>> {
    let mut connection = Raw::connect(address)?;
    // Nobody sends on it: a wait that ends when it is time, to some 50 us, where the runtime's timers tick in ms.
    let (_silent, beats) = channel::<()>();
    let mut waited = Vec::with_capacity(events.len());
    let mut due = first_at;
    for request in events {
        let now = clock::stopwatch_micros();
        if now < due {
            let _ = beats.recv_timeout(Duration::from_micros(due - now));
        }
        connection.call_until_taken(request)?;
        waited.push(clock::stopwatch_micros().saturating_sub(due));
        due += gap_micros;
    }
    waited.drain(..WARM_UP.min(waited.len() / 2));
    Ok(waited)
}
