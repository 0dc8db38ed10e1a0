//! What `--help` says, and exit codes for what can't be typed.

use crate::support::run;
use std::path::Path;

const COMMANDS: [&[&str]; 35] = [
    &[],
    &["serve"],
    &["demo"],
    &["import"],
    &["export"],
    &["verify"],
    &["journal"],
    &["journal", "inspect"],
    &["journal", "entry"],
    &["backup"],
    &["restore"],
    &["reverse"],
    &["alerts"],
    &["alerts", "list"],
    &["alerts", "show"],
    &["alerts", "acknowledge"],
    &["alerts", "snooze"],
    &["alerts", "release"],
    &["rules"],
    &["rules", "list"],
    &["rules", "set"],
    &["rules", "import"],
    &["counts"],
    &["counts", "propose"],
    &["decode"],
    &["decode", "gs1"],
    &["decode", "epc"],
    &["decode", "llrp"],
    &["decode", "epcis"],
    &["decode", "event"],
    &["bench"],
    &["shipments"],
    &["shipments", "bench"],
    &["sensors"],
    &["sensors", "bench"],
];

#[test]
fn help_says_what_is_agreed() {
    let mut said = String::new();
    for command in COMMANDS {
        let ran = run(command.iter().chain(&["--help"])).ended_with(0);
        said.push_str(&format!("$ stocktide {}\n{}\n", [command, &["--help"]].concat().join(" "), ran.stdout));
    }
    // The comparison with PostgreSQL is there in full builds only.
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/golden/help.txt");
    if cfg!(feature = "postgres") {
        return;
    }
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(&file, &said).unwrap();
    }
    let agreed = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(
        agreed == said,
        "--help differs from {}; `cargo xtask bless help_says` if it is meant to:\n{said}",
        file.display()
    );
}

#[test]
fn what_cannot_be_typed_ends_with_2() {
    for arguments in [
        &["sell"][..],
        &["serve", "--colour", "blue"],
        &["import"],
        &["import", "stock.xlsx"],
        &["export", "--format", "csv", "events"],
        &["export", "stock", "--from", "1"],
        &["export", "--from", "yesterday"],
        &["reverse", "1", "--reason", " "],
        &["verify", "--log", "much=too=much"],
        &["export", "--url", "https://example.org"],
        &["bench", "--only", "nothing"],
    ] {
        let ran = run(arguments).ended_with(2);
        assert_eq!(ran.stdout, "", "{arguments:?}");
        assert!(!ran.stderr.is_empty(), "{arguments:?}");
    }
}

#[test]
fn what_is_not_there_ends_with_1() {
    for arguments in [
        &["verify", "--data", "not/there"][..],
        &["export", "--data", "not/there"],
        &["journal", "inspect", "not/there"],
        &["journal", "entry", "1", "--data", "not/there"],
        &["backup", "--data", "not/there", "--to", "not/there/either"],
        &["import", "not-there.csv", "--data", "not/there"],
        &["export", "--url", "http://127.0.0.1:1"],
    ] {
        let ran = run(arguments).ended_with(1);
        assert_eq!(ran.stdout, "", "{arguments:?}");
        assert!(!Path::new("not").exists(), "{arguments:?} made something");
    }
}
