//! Any text as EPCIS in JSON or XML: no panic, and what is rendered can be read again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use wire::epcis::{Limits, read, render};

fuzz_target!(|text: &[u8]| {
    let read = read(text, &Limits::default());
    let problems = read.check();
    let Some(document) = read.document else {
        assert!(!problems.is_empty());
        return;
    };
    for event in &document.events {
        let _ = event.hash();
        for text in [render::event_json(event), render::event_xml(event)] {
            let again = wire::epcis::read(text.as_bytes(), &Limits::default());
            assert!(again.problems.iter().all(|problem| !matches!(problem.code, "invalid_xml" | "invalid_json")));
        }
    }
});
