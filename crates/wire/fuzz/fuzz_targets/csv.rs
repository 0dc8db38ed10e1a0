//! Any file as CSV and NDJSON: no panic, and each row is counted once.
#![no_main]

use libfuzzer_sys::fuzz_target;
use wire::KeyHasher;
use wire::csv_in::{CsvEvents, Mapping, NdjsonEvents};
use wire::event::{Defaults, Limits};

fuzz_target!(|file: &[u8]| {
    let defaults = Defaults { actor: "a", source: "s", historical: true, resolves: None };
    let hasher = KeyHasher::new([0; 16]);
    let limits = Limits { event_bytes_max: 1000, ..Limits::default() };
    let mapping = Mapping::opening_stock(ledger::Timestamp(1_771_236_000_000_000));
    if let Ok(mut events) = CsvEvents::new(file, &mapping, "f", defaults, hasher, limits) {
        while let Ok(Some(chunk)) = events.next_batch(5) {
            assert_eq!(chunk.batch.len(), chunk.rows.len());
            assert_eq!(chunk.count, (chunk.rows.len() + chunk.bad_rows.len()) as u64 + chunk.skipped);
        }
    }
    let mut events = NdjsonEvents::new(file, defaults, hasher, limits);
    while let Ok(Some(chunk)) = events.next_batch(5) {
        assert_eq!(chunk.count, (chunk.rows.len() + chunk.bad_rows.len()) as u64);
    }
});
