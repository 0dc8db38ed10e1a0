//! How many entries and events a second one core writes and reads: `cargo bench -p wire`.

#![allow(clippy::print_stdout, clippy::disallowed_methods, reason = "it measures, and says what it measured")]

use ledger::{
    AccountId, Body, Decision, DecisionKind, Event, EventKind, Key, PartyId, Posting, Quantity, ReasonId, Request,
    Role, Timestamp,
};
use std::hint::black_box;
use std::time::Instant;
use wire::csv_in::{CsvEvents, Mapping};
use wire::event::{ContentKind, Defaults, Limits, parse_events};
use wire::{Batch, KeyHasher, record};

const EVENTS: usize = 100_000;
const ROUNDS: usize = 5;

/// Prints the best rate of several rounds of `work` on `EVENTS` items.
fn measure<T>(name: &str, mut work: impl FnMut() -> T) {
    let mut best = f64::MAX;
    for _ in 0..ROUNDS {
        let start = Instant::now();
        black_box(work());
        best = best.min(start.elapsed().as_secs_f64());
    }
    println!("{name:<28} {:>8.2} M/s", 0.1 / best);
}

fn main() {
    let decision = Decision {
        recorded_at: Timestamp(1_771_236_000_123_456),
        occurred_at: Timestamp(1_771_236_000_000_000),
        kind: DecisionKind::ItemRemoved,
        actor: PartyId(1),
        source: PartyId(2),
        key: Key { id: 0x0123_4567_89ab_cdef_0123_4567_89ab_cdef, content: 0x0123_4567_89ab_cdef },
        names: Vec::new(),
        postings: [(70_000, -5), (20_000, 5)]
            .map(|(account, units)| Posting {
                account: AccountId(account),
                delta: Quantity::units(units),
                effective_at: Timestamp(1_771_236_000_000_000),
                role: Role::Movement,
            })
            .into_iter()
            .collect(),
        effects: Vec::new(),
        discrepancies: Vec::new(),
        reason: Some(ReasonId(3)),
        reference: None,
        resolves: None,
    };
    let event = Event::new(EventKind::ItemRemoved, "SKU123", "warehouse_A", Quantity::units(5));
    let request = Request {
        actor: "ann",
        source: "till-3",
        id: "01234567890123456789",
        key: decision.key,
        occurred_at: decision.occurred_at,
        historical: false,
        resolves: None,
        body: Body::Event(event),
    };
    let mut block = Vec::new();
    measure("record encode", || {
        block.clear();
        (0..EVENTS).for_each(|_| record::encode(black_box(&request), black_box(&decision), &mut block));
    });
    println!("bytes of a plain record      {:>8}", block.len() / EVENTS);
    measure("record decode", || record::decode_block(&block).filter(Result::is_ok).count());

    let hasher = KeyHasher::new([1; 16]);
    measure("key of an event", || {
        (0..EVENTS).map(|_| hasher.event("till-3", black_box(request.id), request.occurred_at, &event).content).max()
    });
    measure("batch push", || {
        let mut batch = Batch::with_capacity(EVENTS, EVENTS * 64);
        (0..EVENTS).for_each(|_| batch.push(black_box(&request)));
        batch
    });

    let line = |index: usize| {
        format!(
            "{{\"event\": \"item_removed\", \"product_id\": \"SKU{}\", \"location\": \"warehouse_A\", \"quantity\": {}, \"timestamp\": \"2026-02-16T10:00:00Z\", \"id\": \"till-3-{index:08}\"}}",
            index % 1000,
            index % 7 + 1
        )
    };
    let lines: Vec<String> = (0..EVENTS).map(line).collect();
    let defaults = Defaults { actor: "ann", source: "till-3", historical: false, resolves: None };
    let parse = |body: &str, kind| {
        let parsed = parse_events(body.as_bytes(), kind, &defaults, &hasher, &Limits::default());
        assert_eq!(parsed.batch.len(), EVENTS, "every event of the bench is good");
        parsed
    };
    let (ndjson, array) = (lines.join("\n"), format!("[{}]", lines.join(",")));
    measure("events NDJSON", || parse(&ndjson, ContentKind::Ndjson));
    measure("events JSON array", || parse(&array, ContentKind::Json));
    let row = |index: usize| {
        format!("item_removed,SKU{},warehouse_A,{},2026-02-16T10:00:00Z,till-{index}\n", index % 1000, index % 7 + 1)
    };
    let rows: String = (0..EVENTS).map(row).collect();
    let file = format!("event,product_id,location,quantity,timestamp,id\n{rows}");
    measure("events CSV", || {
        let mapping = Mapping::default();
        let events = CsvEvents::new(file.as_bytes(), &mapping, "f", defaults, hasher, Limits::default());
        let mut events = events.expect("the mapping fits");
        while let Some(chunk) = events.next_batch(1000).expect("memory can be read") {
            assert!(chunk.bad_rows.is_empty(), "every row of the bench is good");
        }
    });
}
