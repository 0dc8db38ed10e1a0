//! Damaged EPCIS documents: no panic, and what is not taken has a reason.

use std::fs;
use std::path::Path;
use wire::epcis::meaning::{KeysAsNames, meaning};
use wire::epcis::{Limits, Query, read, render, reports};

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

/// What damage puts in: what readers trip over.
const PIECES: [&str; 28] = [
    "\"",
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    "\\",
    "\n",
    "\0",
    "-",
    "1e400",
    "null",
    "\\ud800",
    "é",
    "/",
    "<",
    ">",
    "&",
    "&#0;",
    "<!DOCTYPE a [<!ENTITY b \"c\">]>",
    "xmlns=\"\"",
    "urn:epc:id:sgtin:",
    ".",
    "*",
    "%",
    "@context",
    "extension",
];

fn damaged(valid: &[u8], random: &mut Random) -> Vec<u8> {
    let mut bytes = valid.to_vec();
    for _ in 0..=random.below(3) {
        let at = random.below(bytes.len());
        let to = (at + random.below(16)).min(bytes.len());
        match random.below(4) {
            0 => drop(bytes.drain(at..to)),
            1 => drop(bytes.splice(at..at, PIECES[random.below(PIECES.len())].bytes())),
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

fn check(text: &[u8]) {
    assert!(!reports(text).is_empty());
    let as_text = String::from_utf8_lossy(text);
    let _ = (Query::from_json(&as_text, &Limits::default()), Query::from_xml(&as_text, &Limits::default()));
    let read = read(text, &Limits::default());
    let problems = read.check();
    let Some(document) = read.document else {
        assert!(!problems.is_empty());
        return;
    };
    for event in &document.events {
        assert!(event.hash().starts_with("ni:///sha-256;"));
        let meaning = meaning(event, "s", &KeysAsNames);
        assert!(!meaning.events.is_empty() || meaning.reversal.is_some() || !meaning.notes.is_empty());
        let ids = event.identifiers();
        // Whatever is an identifier in it can be asked for, unless it is cut by a separator or a broken pattern.
        for id in ids.iter().filter(|id| !id.contains(['|', '*'])) {
            if let Ok(query) = Query::from_pairs([("MATCH_anyEPC", id.as_str())], &[]) {
                let by_class = Query::from_pairs([("MATCH_anyEPCClass", id.as_str())], &[]).expect("the same value");
                assert!(query.matches(event) || by_class.matches(event), "{id}");
            }
        }
        for text in [render::event_json(event), render::event_xml(event)] {
            let again = wire::epcis::read(text.as_bytes(), &Limits::default());
            let shown = String::from_utf8_lossy(text.as_bytes()).into_owned();
            assert!(
                again.problems.iter().all(|problem| problem.code != "invalid_xml"),
                "{:?}\n{shown}",
                again.problems
            );
            assert!(again.problems.iter().all(|problem| problem.code != "invalid_json"), "{shown}");
        }
    }
}

#[test]
fn decode_of_garbage_never_panics() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/epcis/openepcis");
    let names = [
        "2.0/EPCIS/XML/Capture/Documents/ObjectEvent_all_possible_fields.xml",
        "2.0/EPCIS/XML/Query/SensorData_with_combined_events.xml",
        "1.2/EPCIS/XML/Capture/Documents/All_eventTypes_in_single_document.xml",
        "2.0/EPCIS/JSON/Capture/Documents/ObjectEvent_all_possible_fields.json",
        "2.0/EPCIS/JSON/Query/CurieString_document.json",
        "2.0/EPCIS/JSON/Capture/Events/TransformationEvent.json",
        "2.0/EPCIS/JSON/Query/Queries/SimpleEventQuery.json",
        "2.0/EPCIS/XML/Query/Queries/SimpleEventQuery.xml",
    ];
    let mut random = Random(7);
    for name in names {
        let valid = fs::read(root.join(name)).unwrap();
        check(&valid);
        for _ in 0..100 {
            check(&damaged(&valid, &mut random));
        }
        for length in (0..valid.len()).step_by(valid.len() / 60) {
            check(&valid[..length]);
        }
    }
    for _ in 0..2_000 {
        let bytes: Vec<u8> = (0..random.below(60)).map(|_| u8::try_from(random.below(256)).unwrap()).collect();
        check(&bytes);
    }
}

#[test]
fn bombs_are_refused() {
    let check = |text: String, code: &str| {
        let read = read(text.as_bytes(), &Limits::default());
        assert!(read.document.is_none(), "{code}");
        assert!(read.problems.iter().any(|problem| problem.code == code), "{:?}", read.problems);
    };
    check("[".repeat(100_000), "invalid_json");
    check(format!("{}{}", "[".repeat(1_000), "]".repeat(1_000)), "too_deep");
    check("<a>".repeat(100_000), "too_deep");
    check(format!("[{}1]", "1,".repeat(1_100_000)), "invalid_json");
    check(format!("<a>{}</a>", "<b/>".repeat(1_100_000)), "too_large");
    check("<!DOCTYPE a [<!ENTITY b \"c\">]><a>&b;</a>".to_owned(), "doctype_refused");
    check("<!DOCTYPE a SYSTEM \"file:///etc/passwd\"><a/>".to_owned(), "doctype_refused");
    check("<a>&b;</a>".to_owned(), "entity_refused");
    check(" ".repeat((16 << 20) + 1), "too_large");
    check(format!("<a{}/>", (0..600).map(|n| format!(" b{n}=''")).collect::<String>()), "too_large");
    let namespaces = |n: usize| format!("<x:a xmlns:x='urn:{n}'/>");
    check(format!("<ObjectEvent>{}</ObjectEvent>", (0..600).map(namespaces).collect::<String>()), "too_large");
    let members: Vec<String> = (0..600).map(|n| format!("\"a{n}\":1")).collect();
    check(format!("{{{}}}", members.join(",")), "too_large");
    check(r#"{"a": 1, "a": 2}"#.to_owned(), "duplicate_field");
    let children: String = (0..600).map(|n| format!("<x:a{n}/>")).collect();
    let wide = read(format!("<ObjectEvent xmlns:x='urn:x'>{children}</ObjectEvent>").as_bytes(), &Limits::default());
    assert!(wide.problems.iter().any(|problem| problem.code == "too_large"));
    let many = format!("[{}0]", "0,".repeat(100_001));
    check(format!("[{}{{}}]", "{},".repeat(100_001)), "too_many_events");
    assert!(read(many.as_bytes(), &Limits::default()).document.is_some_and(|document| document.events.is_empty()));
}
