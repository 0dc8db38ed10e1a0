//! Any body in any layout: no panic, and each event is one item or has a problem.
#![no_main]

use libfuzzer_sys::fuzz_target;
use wire::KeyHasher;
use wire::event::{ContentKind, Defaults, Limits, Place, parse_events, reports};

fuzz_target!(|body: &[u8]| {
    let defaults = Defaults { actor: "a", source: "s", historical: false, resolves: None };
    for kind in [ContentKind::Json, ContentKind::Ndjson, ContentKind::CloudEvent, ContentKind::CloudEventBatch] {
        let parsed = parse_events(body, kind, &defaults, &KeyHasher::new([0; 16]), &Limits::default());
        assert_eq!(parsed.batch.len(), parsed.places.len());
        if parsed.problems.iter().any(|problem| problem.index.is_none()) {
            assert!(parsed.batch.is_empty());
            continue;
        }
        for index in 0..parsed.count {
            let taken = parsed.places.iter().filter(|place| **place as usize == index).count();
            let told = parsed.problems.iter().any(|problem| problem.index == Some(index));
            assert_eq!(taken, usize::from(!told));
        }
    }
    for report in reports(body, Place::default()) {
        assert_eq!(report["verdict"] == "valid", report.contains_key("canonical"));
    }
});
