//! Observations are handed on in journal order, each once, a bounded number of bytes at a time.

use engine::{Clock, Engine, Settings};
use ledger::{Command, Effect, Observation, Position, Timestamp};
use std::path::Path;
use wire::Batch;

/// 2026-02-16T10:00:00Z.
const AT: Timestamp = Timestamp(1_771_236_000_000_000);
const COUNT: u64 = 300;
const BYTES: usize = 64 << 10;

fn open(directory: &Path) -> Engine {
    let settings = Settings { segment_bytes: 4 << 20, ..Settings::default() };
    Engine::open(directory, settings, Clock::simulated(|| AT), [7; 16], &mut |_| {}).expect("the directory is writable")
}

/// The sequence numbers of all that is handed on after the start, and how often was asked.
fn collect(engine: &Engine) -> (Vec<u64>, usize) {
    let (mut numbers, mut asked, mut position) = (Vec::new(), 0, Position::ZERO);
    while position < engine.handle().position() {
        let observed = engine.handle().observed_after(position).expect("the journal is whole");
        let bytes: usize = observed.entries.iter().flat_map(|(_, entry)| &entry.decision.effects).map(said).sum();
        assert!(bytes <= (16 << 20) + (1 << 20), "{bytes} bytes at once");
        for (_, entry) in &observed.entries {
            numbers.extend(entry.decision.effects.iter().filter_map(|effect| match effect {
                Effect::Observed(observation) => observation.sequence,
                _ => None,
            }));
        }
        assert!(observed.up_to > position, "it goes on");
        position = observed.up_to;
        asked += 1;
    }
    (numbers, asked)
}

fn said(effect: &Effect) -> usize {
    if let Effect::Observed(observation) = effect { observation.content.len() } else { 0 }
}

#[test]
fn what_was_observed_is_handed_on_once_in_order_and_in_parts() {
    let directory = tempfile::tempdir().expect("a directory");
    let engine = open(directory.path());
    let hasher = engine.handle().hasher();
    for sequence in 0..COUNT {
        let observation = Observation {
            form: "readings".into(),
            sequence: Some(sequence),
            content: vec![b'x'; BYTES].into(),
            ..Observation::default()
        };
        let command = Command::Observe(Box::new(observation));
        let id = sequence.to_string();
        let key = hasher.command("device", &id, AT, &command);
        let mut batch = Batch::new();
        batch.push_command("ann", "device", &id, key, AT, command);
        engine.handle().submit_and_wait(batch).expect("the engine works");
    }
    let expect: Vec<u64> = (0..COUNT).collect();
    let (numbers, asked) = collect(&engine);
    assert_eq!(numbers, expect);
    assert!(asked > 1, "more than sixteen mebibytes are not handed on at once");
    engine.shutdown().expect("it closes");
    // After a start nothing is noted: the journal is looked through, block by block.
    let engine = open(directory.path());
    assert_eq!(collect(&engine).0, expect);
    engine.shutdown().expect("it closes");
}
