//! The assertions that the tests here name are ones that the specification has.

use std::collections::BTreeSet;

const SOURCES: [&str; 5] = [
    include_str!("host.rs"),
    include_str!("sequence.rs"),
    include_str!("values.rs"),
    include_str!("payloads.rs"),
    include_str!("garbage.rs"),
];

/// Where the specification's own list is, if somebody put it there.
const LIST: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data/sparkplug_b/assertions.csv");

#[test]
fn each_assertion_that_a_test_names_is_in_the_specification() {
    let comments = SOURCES.iter().flat_map(|source| source.lines()).filter(|line| line.trim_start().starts_with("///"));
    let words = comments.flat_map(|line| line.split([' ', ',', '/']));
    let named: BTreeSet<&str> = words.filter(|word| word.starts_with("tck-id-")).collect();
    assert!(named.len() >= 60, "{} are named", named.len());
    let Ok(list) = std::fs::read_to_string(LIST) else {
        eprintln!("skipped: the specification's list of assertions is not there ({LIST})");
        return;
    };
    let known: BTreeSet<&str> = list.split(',').collect();
    let unknown: Vec<&&str> = named.iter().filter(|id| !known.contains(**id)).collect();
    assert!(unknown.is_empty(), "{unknown:?}");
}
