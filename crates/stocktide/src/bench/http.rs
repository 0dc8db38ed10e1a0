//! Ingest over HTTP on loopback: clients and server share the same cores, as on a machine of one's own.

use super::Scale;
use super::figure::{Figure, Figures, Unit, number};
use super::load::{Keys, Load, ndjson};
use super::raw::{self, Raw};
use super::rig::{Rig, Served};
use crate::clock;
use crate::clock::Stopwatch;
use anyhow::{Context, Result, bail};
use std::sync::atomic::{AtomicUsize, Ordering};
use wire::event::{ContentKind, Defaults, Limits, parse_events};

const EVENTS: usize = 3_000_000;
const CONNECTIONS: usize = 8;
const TARGET: f64 = 1_000_000.0;

pub(super) fn measure(scale: &Scale, figures: &mut Figures) -> Result<()> {
    let mut rig = Rig::new(scale)?;
    let keys = Keys::new(100_000);
    let mut load = Load::new(&keys, rig.handle.hasher(), clock::now());
    rig.ingest(load.opening())?;
    let events = scale.of(EVENTS);
    let bodies: Vec<Vec<u8>> = load.batches(events).iter().map(ndjson).collect();

    let served = Served::new(&rig)?;
    let requests: Vec<Vec<u8>> =
        bodies.iter().map(|body| raw::post(served.address, "/v1/events", "application/x-ndjson", body)).collect();
    let next = AtomicUsize::new(0);
    let before = rig.handle.stats().accepted.load(Ordering::Relaxed);
    let begun = Stopwatch::start();
    let sent: Result<()> = std::thread::scope(|scope| {
        let send = || -> Result<()> {
            let mut connection = Raw::connect(served.address)?;
            while let Some(request) = requests.get(next.fetch_add(1, Ordering::Relaxed)) {
                connection.call_until_taken(request)?;
            }
            Ok(())
        };
        let senders: Vec<_> = (0..CONNECTIONS).map(|_| scope.spawn(send)).collect();
        senders.into_iter().try_for_each(|sender| sender.join().ok().context("a sender stopped on a bug")?)
    });
    let rate = number(events) / begun.seconds();
    sent?;
    let accepted = rig.handle.stats().accepted.load(Ordering::Relaxed) - before;
    if accepted != u64::try_from(events)? {
        bail!("{accepted} of {events} events were accepted");
    }
    served.stop()?;
    drop(requests);
    let parse_rate = number(events) / parse_all(&bodies, rig.handle.hasher());
    rig.stop()?;

    let figure = Figure::new("ingest over HTTP, NDJSON", rate, Unit::EventsPerSecond);
    figures.push(figure.limit(2.0 * parse_rate, "two cores that only parse").target(TARGET));
    figures.push(Figure::new("  one core parses NDJSON", parse_rate, Unit::EventsPerSecond));
    Ok(())
}

/// The seconds in which one core parses all bodies.
fn parse_all(bodies: &[Vec<u8>], hasher: wire::KeyHasher) -> f64 {
    let defaults = Defaults { actor: "bench", source: "bench", historical: false, resolves: None };
    let begun = Stopwatch::start();
    let mut count = 0;
    for body in bodies {
        count += parse_events(body, ContentKind::Ndjson, &defaults, &hasher, &Limits::default()).batch.len();
    }
    let seconds = begun.seconds();
    assert!(count > 0 || bodies.is_empty(), "the bodies hold events");
    seconds
}
