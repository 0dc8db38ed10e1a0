//! RFID readers that are followed over LLRP: their reads into the journal, and whether they are there.
//!
//! Reads are handed in before more are taken from the reader. What the engine does not take for now is offered again, and
//! meanwhile the reader waits.

use crate::llrp::{self, Event, Lost};
use crate::mqtt::Environment;
use crate::observe::Heard;
use engine::{Handle, Unavailable};
use ledger::{Observation, Timestamp};
use std::time::Duration;
use tokio::sync::{oneshot, watch};
use wire::llrp::session::{self, TagRead as Reported};
use wire::observation::{self, Reading, ReadingValue, TagRead, render_readings};

/// How long to wait before what was not taken is offered again.
const AGAIN_AFTER: Duration = Duration::from_millis(200);

/// A reader and the name under which it is a device.
#[derive(Clone, Debug)]
pub struct Reader {
    /// The device: the source of its reads.
    pub device: String,
    /// How to reach it and what to ask of it.
    pub settings: llrp::Settings,
}

/// Follows a reader until `stopping` says so.
pub async fn follow_reader(engine: Handle, reader: Reader, environment: Environment, stopping: watch::Receiver<bool>) {
    let Reader { device, settings } = reader;
    let stopped = stopping.clone();
    let sink = |event: Event| {
        let heard = heard(&engine, &device, event);
        let (engine, stopped) = (engine.clone(), stopped.clone());
        async move {
            if let Some(heard) = heard {
                hand_in(&engine, heard, &stopped).await;
            }
        }
    };
    let jitter = |wait| environment.jitter(wait);
    llrp::run(&settings, || (environment.now)(), jitter, stopping, sink).await;
}

/// What an event at a reader's line says of it; `None` when nothing that is kept.
fn heard(engine: &Handle, device: &str, event: Event) -> Option<Heard> {
    let mut heard = Heard::new(engine, device);
    match event {
        Event::Session(session::Event::Tags(reads)) => heard.packed_reads(device, &packed(&reads)),
        Event::Session(session::Event::Ready { .. }) => state(&mut heard, device, engine.now(), "reading", false),
        Event::Session(session::Event::Fault(fault)) => {
            tracing::warn!(device, fault = fault.detail, "the reader refuses something");
            state(&mut heard, device, engine.now(), &format!("fault: {}", fault.detail), true);
        }
        Event::Disconnected { why, again_after } => {
            let words = words(&why);
            tracing::warn!(device, why = words, ?again_after, "no connection to the reader");
            let is_end = matches!(why, Lost::Ended(session::CloseReason::Asked));
            state(&mut heard, device, engine.now(), &format!("lost: {words}"), !is_end);
        }
        Event::Connected | Event::Session(_) => return None,
    }
    Some(heard)
}

fn packed(reads: &[Reported]) -> Vec<TagRead<'_>> {
    let is_epc = |read: &&Reported| (1..=observation::EPC_BYTES_MAX).contains(&read.epc.len());
    let packed = |read: &'_ Reported| TagRead {
        epc: &[],
        antenna: read.antenna.unwrap_or(0),
        rssi_centi_dbm: read.peak_rssi_dbm.map(|dbm| i16::from(dbm) * 100),
        seen_at: read.last_seen_at,
        count: u32::from(read.seen_count.unwrap_or(1)).max(1),
    };
    reads.iter().filter(is_epc).map(|read| TagRead { epc: &read.epc, ..packed(read) }).collect()
}

fn state(heard: &mut Heard, device: &str, at: Timestamp, words: &str, is_failure: bool) {
    let value = ReadingValue::Text(words.into());
    let reading = Reading { metric: "state".into(), value, unit: "".into(), at: None };
    let observation = Observation {
        form: observation::READINGS.into(),
        failures: u32::from(is_failure),
        content: render_readings([&reading]).into_bytes().into(),
        ..Observation::default()
    };
    heard.push(device, at, observation);
}

fn words(why: &Lost) -> String {
    match why {
        Lost::NotReachable(words) => format!("not reachable: {words}"),
        Lost::Broken(words) => format!("broken: {words}"),
        Lost::Dropped => "closed by the reader".to_owned(),
        Lost::Ended(reason) => reason.words().to_owned(),
    }
}

/// Hands in until it is durable, or the server stops.
async fn hand_in(engine: &Handle, heard: Heard, stopped: &watch::Receiver<bool>) {
    let batch = heard.into_batch();
    if batch.is_empty() {
        return;
    }
    loop {
        let (sender, receiver) = oneshot::channel();
        let offered = engine.submit(batch.clone(), move |receipt| drop(sender.send(receipt)));
        let outcome = match offered {
            Ok(()) => receiver.await.unwrap_or(Err(Unavailable::Stopping)).map(|_| ()),
            Err(why) => Err(why),
        };
        match outcome {
            Ok(()) | Err(Unavailable::Stopping) => return,
            Err(_) if *stopped.borrow() => return,
            Err(_) => tokio::time::sleep(AGAIN_AFTER).await,
        }
    }
}
