//! Any text as EPCIS in JSON or XML: no panic, and what is rendered can be read again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use wire::epcis::meaning::{KeysAsNames, meaning};
use wire::epcis::{Limits, Query, read, render};

fuzz_target!(|text: &[u8]| {
    if let Ok(text) = std::str::from_utf8(text) {
        let _ = (Query::from_json(text, &Limits::default()), Query::from_xml(text, &Limits::default()));
    }
    let read = read(text, &Limits::default());
    let problems = read.check();
    let Some(document) = read.document else {
        assert!(!problems.is_empty());
        return;
    };
    for event in &document.events {
        let _ = (event.hash(), event.identifiers(), meaning(event, "s", &KeysAsNames));
        for text in [render::event_json(event), render::event_xml(event)] {
            let again = wire::epcis::read(text.as_bytes(), &Limits::default());
            assert!(again.problems.iter().all(|problem| !matches!(problem.code, "invalid_xml" | "invalid_json")));
        }
    }
});
