//! A small fuzzer that always does the same: valid inputs, damaged in some tens of thousands of ways.

use wire::KeyHasher;
use wire::csv_in::{CsvEvents, Mapping, NdjsonEvents};
use wire::event::{ContentKind, Defaults, Limits, Parsed, parse_events};

const DEFAULTS: Defaults<'_> = Defaults { actor: "ann", source: "api", historical: false, resolves: None };

/// Numbers that look random and are the same on every run (SplitMix64).
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from(mixed >> 33).expect("31 bits") % limit.max(1)
    }
}

/// What damage puts in: what parsers trip over.
const PIECES: [&[u8]; 20] = [
    b"\"",
    b"{",
    b"}",
    b"[",
    b"]",
    b",",
    b":",
    b"\\",
    b"\n",
    b"\r",
    b"\xff",
    b"\0",
    b"-",
    b"1e400",
    b"null",
    b"\\ud800",
    b"0.0000001",
    "é".as_bytes(),
    b"/",
    b"99999999999999999999",
];

fn damaged(valid: &[u8], random: &mut Random) -> Vec<u8> {
    let mut bytes = valid.to_vec();
    for _ in 0..=random.below(3) {
        let at = random.below(bytes.len());
        let to = (at + random.below(12)).min(bytes.len());
        match random.below(4) {
            0 => drop(bytes.drain(at..to)),
            1 => drop(bytes.splice(at..at, PIECES[random.below(PIECES.len())].iter().copied())),
            2 => {
                let copy = bytes[at..to].to_vec();
                let place = random.below(bytes.len());
                drop(bytes.splice(place..place, copy));
            }
            _ => {
                if let Some(byte) = bytes.get_mut(at) {
                    *byte ^= 1 << random.below(8);
                }
            }
        }
    }
    bytes
}

/// Each input event is exactly one item, or has at least one problem.
fn assert_all_accounted(parsed: &Parsed, body: &[u8]) {
    assert_eq!(parsed.batch.len(), parsed.places.len());
    let body = String::from_utf8_lossy(body);
    if parsed.count == 0 || parsed.problems.iter().any(|problem| problem.index.is_none()) {
        assert!(parsed.batch.is_empty(), "{body}");
        return;
    }
    for index in 0..parsed.count {
        let taken = parsed.places.iter().filter(|place| **place as usize == index).count();
        let told = parsed.problems.iter().any(|problem| problem.index == Some(index));
        assert_eq!(taken, usize::from(!told), "event {index} of {body}");
    }
}

#[test]
fn damaged_events_are_all_accounted_for() {
    let event = r#"{"event":"item_moved","product_id":"S","location":"w/1","to":"v","quantity":2.5,"timestamp":"2026-02-16T10:00:00Z","id":"7","serials":["a","b"],"lot":"L","expiry":"2026-12-31"}"#;
    let reserve = r#"{"event":"stock_reserved","location":"w","reservation_id":"r","lines":[{"product_id":"S","quantity":2}],"timestamp":"2026-02-16T10:00:00Z"}"#;
    let plan = r#"{"event":"shipment_planned","shipment":"S1","from":"w","mode":"road","promised_at":"2026-02-17T10:00:00Z","legs":[{"to":"v","arrival_at":"2026-02-17T08:00:00Z"}],"products":[{"product_id":"S","quantity":2}],"timestamp":"2026-02-16T10:00:00Z"}"#;
    let leg = r#"{"event":"shipment_leg_arrived","shipment":"S1","leg":2,"timestamp":"2026-02-16T10:00:00Z"}"#;
    let cloud = r#"{"specversion":"1.0","id":"1","source":"s","type":"item_added","time":"2026-02-16T10:00:00Z","data":{"product_id":"S","location":"w","quantity":1}}"#;
    let bodies = [
        (ContentKind::Json, event.to_owned()),
        (ContentKind::Json, format!("[{event},{reserve},{event}]")),
        (ContentKind::Ndjson, format!("{event}\n{reserve}\n{event}\n")),
        (ContentKind::Ndjson, format!("{plan}\n{leg}\n")),
        (ContentKind::CloudEvent, cloud.to_owned()),
        (ContentKind::CloudEventBatch, format!("[{cloud},{cloud}]")),
    ];
    let hasher = KeyHasher::new([5; 16]);
    let mut random = Random(1);
    for _ in 0..6_000 {
        for (kind, body) in &bodies {
            let body = damaged(body.as_bytes(), &mut random);
            let parsed = parse_events(&body, *kind, &DEFAULTS, &hasher, &Limits::default());
            assert_all_accounted(&parsed, &body);
            for report in wire::event::reports(&body, wire::event::Place::default()) {
                let is_valid = report["verdict"] == "valid";
                assert_eq!(is_valid, report["problems"].as_array().is_some_and(Vec::is_empty), "{report:?}");
                assert_eq!(is_valid, report.contains_key("canonical"), "{report:?}");
            }
        }
    }
}

#[test]
fn damaged_files_are_all_accounted_for() {
    let csv = "product_id,location,quantity,lot,expiry,serials\nA,w,2,L,2026-12-31,x;y\n\"B \"\"q\"\"\",w/1,3.5,,,\n\nC,w,1,,,\n".repeat(3);
    let hasher = KeyHasher::new([5; 16]);
    let mapping = Mapping::opening_stock(ledger::Timestamp(1_771_236_000_000_000));
    let mut random = Random(2);
    for _ in 0..10_000 {
        let file = damaged(csv.as_bytes(), &mut random);
        if let Ok(mut events) = CsvEvents::new(file.as_slice(), &mapping, "f", DEFAULTS, hasher, Limits::default()) {
            while let Some(chunk) = events.next_batch(3).expect("memory can be read") {
                assert_eq!(chunk.batch.len(), chunk.rows.len());
                assert_eq!(chunk.count, (chunk.rows.len() + chunk.bad_rows.len()) as u64 + chunk.skipped);
                assert!(chunk.bad_rows.iter().all(|bad| !bad.problems.is_empty()));
            }
        }
        let mut events = NdjsonEvents::new(file.as_slice(), DEFAULTS, hasher, Limits::default());
        while let Some(chunk) = events.next_batch(3).expect("memory can be read") {
            assert_eq!(chunk.count, (chunk.rows.len() + chunk.bad_rows.len()) as u64);
        }
    }
}
