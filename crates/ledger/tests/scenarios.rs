//! Stories that a warehouse manager could read aloud, in `scenarios/*.scenario`.
//!
//! A line that starts with a clock time is a step: that is when it happened; the steps arrive in the order of the lines.
//! What is set in below a step, or below `stock`, is what the ledger answered. `BLESS=1` writes it anew.

mod story;

use std::fs;
use std::path::Path;

#[test]
fn every_scenario_is_told_as_written() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scenarios");
    let mut told = 0;
    for entry in fs::read_dir(&folder).expect("the folder of scenarios") {
        let path = entry.expect("a file of the folder").path();
        let written = fs::read_to_string(&path).expect("a scenario is a text").replace("\r\n", "\n");
        let now = story::tell(&written);
        if std::env::var_os("BLESS").is_some() {
            fs::write(&path, &now).expect("a scenario can be rewritten");
        } else {
            assert_eq!(now, written, "{}: tell it anew with BLESS=1 and read the difference", path.display());
        }
        told += 1;
    }
    assert!(told >= 13, "{told} scenarios");
}
