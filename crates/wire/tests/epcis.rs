//! EPCIS against the published examples: what the standard's schema says of them, pairs in XML and JSON, hashes.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a file that can't be read fails the test; what is skipped is said"
)]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use wire::epcis::render::{self, Envelope};
use wire::epcis::{Event, Limits, Read, Severity, read};

/// Files that are not ours to copy; absent in a clone.
fn elsewhere(name: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data").join(name);
    if !path.exists() {
        println!("skipped: there is no {}", path.display());
    }
    path.exists().then_some(path)
}

fn ours(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/epcis").join(name)
}

fn files(root: &Path, extensions: &[&str]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(root).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path, extensions));
        } else if path.extension().is_some_and(|ending| extensions.iter().any(|one| ending == *one)) {
            found.push(path);
        }
    }
    found.sort();
    found
}

fn read_file(path: &Path) -> Read {
    read(&fs::read(path).unwrap(), &Limits::default())
}

fn events(path: &Path) -> Vec<Event> {
    read_file(path).document.unwrap_or_else(|| panic!("{}", path.display())).events
}

fn errors(read: &Read) -> Vec<String> {
    let problems = read.check().into_iter().filter(|problem| problem.severity == Severity::Error);
    problems.map(|problem| format!("{} {}: {}", problem.code, problem.path, problem.detail)).collect()
}

/// Rows of `schema_verdicts.csv`: file, whether the official schema takes it, where it fails.
fn verdicts(root: &Path) -> Vec<(PathBuf, bool, String)> {
    let mut rows = csv::Reader::from_path(root.join("schema_verdicts.csv")).unwrap();
    let rows = rows.records().map(|row| row.unwrap());
    rows.map(|row| (root.join(&row[0]), &row[1] == "valid", row[3].to_owned())).collect()
}

fn is_query(path: &Path) -> bool {
    path.components().any(|part| part.as_os_str() == "Queries")
}

#[test]
fn the_official_schemas_verdicts_are_ours() {
    let roots = [Some(ours("event_hash")), Some(ours("openepcis")), elsewhere("epcis_gs1")];
    let mut faults = Vec::new();
    for (path, is_valid, at) in roots.into_iter().flatten().flat_map(|root| verdicts(&root)) {
        if is_query(&path) {
            continue;
        }
        let read = read_file(&path);
        let found = errors(&read);
        let in_invalid = path.components().any(|part| part.as_os_str() == "Invalid");
        if is_valid && !in_invalid && !found.is_empty() {
            faults.push(format!("{}: refused: {found:?}", path.display()));
        }
        // What only the schema refuses because an exception has no type is taken with a warning.
        let only_warned = path.ends_with("SensorData_with_combined_events.json");
        if !is_valid && !only_warned {
            let named = found.iter().any(|problem| problem.contains(at.trim_end_matches('/')));
            if !named {
                faults.push(format!("{}: taken, should fail at {at}: {found:?}", path.display()));
            }
        }
        if in_invalid && read.check().is_empty() {
            faults.push(format!("{}: nothing said", path.display()));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn xml_outside_invalid_is_taken_and_inside_refused() {
    let roots = [Some(ours("event_hash")), Some(ours("openepcis")), elsewhere("epcis_gs1"), elsewhere("epcis_fastnt")];
    let mut faults = Vec::new();
    for path in roots.into_iter().flatten().flat_map(|root| files(&root, &["xml"])) {
        let text = fs::read_to_string(&path).unwrap();
        if is_query(&path) || !text.contains("EventList") && !text.contains("Event>") {
            continue;
        }
        let found = errors(&read_file(&path));
        let in_invalid = path.components().any(|part| part.as_os_str() == "Invalid");
        if in_invalid == found.is_empty() {
            faults.push(format!("{}: {found:?}", path.display()));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn prehashes_and_hashes_are_the_references() {
    let mut faults = Vec::new();
    let mut count = 0;
    for hashes in files(&ours("event_hash/examples"), &["hashes"]) {
        let lines = |ending| -> Vec<String> {
            let text = fs::read_to_string(hashes.with_extension(ending)).unwrap();
            text.lines().map(str::to_owned).filter(|line| !line.is_empty()).collect()
        };
        for ending in ["xml", "jsonld"] {
            let path = hashes.with_extension(ending);
            if !path.exists() {
                continue;
            }
            let events = events(&path);
            let prehashes: Vec<_> = events.iter().map(Event::prehash).collect();
            let ours: Vec<_> = events.iter().map(Event::hash).collect();
            count += events.len();
            if prehashes != lines("prehashes") {
                faults.push(format!("{}:\n{:#?}\n{:#?}", path.display(), prehashes, lines("prehashes")));
            } else if ours != lines("hashes") {
                faults.push(format!("{}:\n{:#?}\n{:#?}", path.display(), ours, lines("hashes")));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    assert!(count > 15, "{count}");
}

#[test]
fn equal_events_have_equal_hashes() {
    let identical = elsewhere("epcis_gs1").map(|root| files(&root.join("examples/XML/WithEventHashID"), &["xml"]));
    let groups = files(&ours("event_hash/expected_equal"), &["xml"]).into_iter().map(|path| vec![path]);
    for group in groups.chain(identical) {
        let events: Vec<Event> = group.iter().flat_map(|path| events(path)).collect();
        assert!(events.len() > 1);
        for event in &events {
            assert_eq!(event.prehash(), events[0].prehash(), "{group:?}");
        }
    }
}

#[test]
fn pairs_in_xml_and_json_are_the_same_events() {
    let mut by_name: BTreeMap<String, Vec<PathBuf>> = BTreeMap::new();
    let roots = [Some(ours("openepcis/2.0")), elsewhere("epcis_gs1"), Some(ours("event_hash/examples"))];
    for path in roots.into_iter().flatten().flat_map(|root| files(&root, &["xml", "json", "jsonld"])) {
        let shown = path.display().to_string();
        if is_query(&path) || shown.contains("Invalid") || shown.contains("/schema/") {
            continue;
        }
        let folder = shown.replace("/XML/", "/").replace("/JSON/", "/").replace("/JSON-simple-context/", "/");
        by_name.entry(Path::new(&folder).with_extension("").display().to_string()).or_default().push(path);
    }
    // Their files say different things under one name.
    let unlike = ["2020_07_03y", "PersistentDisposition-example", "ErrorDeclarationAndCorrectiveEvent"];
    let is_unlike = |name: &str| {
        unlike.iter().any(|one| name.contains(one))
            || name.contains("epcis_gs1") && name.contains("all_possible_fields")
    };
    let mut faults = Vec::new();
    let mut pairs = 0;
    for (_, group) in by_name.iter().filter(|(name, group)| group.len() > 1 && !is_unlike(name)) {
        pairs += 1;
        let first: Vec<_> = events(&group[0]).iter().map(Event::prehash).collect();
        for other in &group[1..] {
            let second: Vec<_> = events(other).iter().map(Event::prehash).collect();
            if first != second {
                for (a, b) in first.iter().zip(&second).filter(|(a, b)| a != b) {
                    let same = a.bytes().zip(b.bytes()).take_while(|(a, b)| a == b).count().saturating_sub(20);
                    let tail = |text: &str| text.get(same..).unwrap_or("").chars().take(150).collect::<String>();
                    faults.push(format!("{}\n{}\n  {}\n  {}", group[0].display(), other.display(), tail(a), tail(b)));
                }
                if first.len() != second.len() {
                    faults.push(format!("{} {} {} {}", group[0].display(), first.len(), other.display(), second.len()));
                }
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    assert!(pairs >= 30, "{pairs}");
}

#[test]
fn what_was_read_is_what_is_rendered() {
    let roots = [Some(ours("openepcis")), elsewhere("epcis_gs1"), Some(ours("event_hash"))];
    for path in roots.into_iter().flatten().flat_map(|root| files(&root, &["xml", "json", "jsonld"])) {
        let shown = path.display().to_string();
        let read_once = read_file(&path);
        let is_ours = !is_query(&path) && !shown.contains("/schema/") && read_once.is_valid();
        let Some(document) = read_once.document.filter(|_| is_ours) else {
            continue;
        };
        let query = render::QueryNames { query_name: "q", subscription_id: Some("s") };
        for query in [None, Some(query)] {
            let head = Some(&document.head);
            let context = Some(&*document.context);
            let envelope = Envelope { creation_date: "2026-02-16T10:00:00Z", head, context, query };
            for text in [render::json(&envelope, &document.events), render::xml(&envelope, &document.events)] {
                let again = read(text.as_bytes(), &Limits::default());
                // The XML schema takes this, the JSON schema does not.
                let found: Vec<_> =
                    errors(&again).into_iter().filter(|found| !found.starts_with("ilmd_without_add")).collect();
                assert!(found.is_empty(), "{shown}: {found:?}\n{text}");
                let again = again.document.unwrap();
                assert_eq!(again.query_name.as_deref(), query.map(|query| query.query_name));
                assert_eq!(again.events.len(), document.events.len());
                for (once, twice) in document.events.iter().zip(&again.events) {
                    assert_eq!(once.prehash(), twice.prehash(), "{shown}\n{text}");
                    if text.starts_with('{') {
                        assert_eq!(once.body(), twice.body(), "{shown}");
                    }
                }
            }
        }
        // A bare event has no place for the fields that its document does not hash.
        let hashes_all = document.head.iter().all(|(name, _)| !name.ends_with(":ignoreFields"));
        for event in document.events.iter().filter(|_| hashes_all) {
            for text in [render::event_json(event), render::event_xml(event)] {
                let again = read(text.as_bytes(), &Limits::default());
                assert_eq!(again.document.unwrap().events[0].hash(), event.hash(), "{shown}\n{text}");
            }
        }
    }
}
