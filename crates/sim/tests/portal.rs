//! How well movements are told from what antennas read, and that the documentation says so.
//!
//! `BLESS=1 cargo test -p sim --test portal` rewrites the table.

use intake::rfid::Method;
use sim::portal::{Conditions, Row, accuracy_of};
use std::path::Path;

const BEGIN: &str = "<!-- accuracy: written by crates/sim/tests/portal.rs -->\n";
const END: &str = "<!-- accuracy ends -->\n";
const HEAD: &str =
    "| missed | stray | crossing | window | precision | recall | F1 | delay |\n|---|---|---|---|---|---|---|---|\n";

fn hard_rows() -> Vec<Row> {
    let conditions = |missed_percent| Conditions { missed_percent, stray: true, crossing: true };
    [0, 10, 20, 30, 40].into_iter().flat_map(|missed| accuracy_of(1, conditions(missed))).collect()
}

#[test]
fn a_window_that_adapts_tells_movements_better_than_none_or_a_fixed_one() {
    let rows = hard_rows();
    for row in &rows {
        let adaptive = rows.iter().find(|other| other.missed_percent == row.missed_percent).expect("it comes first");
        assert_eq!(adaptive.method, Method::Adaptive);
        assert!(adaptive.precision_permille >= 950 && adaptive.recall_permille >= 950, "{adaptive}");
        if row.method == Method::Adaptive {
            continue;
        }
        // in hindsight a fixed window can be chosen for these very doors; without hindsight it is the paper's 5 or 25
        let is_hindsight = row.method == Method::Fixed(10);
        if row.missed_percent >= 30 && !is_hindsight {
            assert!(adaptive.f1_permille > row.f1_permille, "{adaptive}\n{row}");
        }
        assert!(
            adaptive.f1_permille + 10 >= row.f1_permille,
            "where nothing is hard it costs little: {adaptive}\n{row}"
        );
    }
    let table: String = rows.iter().map(|row| format!("{row}\n")).collect();
    check_table(&format!("{HEAD}{table}"));
}

fn check_table(table: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/readings.md");
    let text = std::fs::read_to_string(&path).expect("the page");
    let (before, rest) = text.split_once(BEGIN).expect("the table's beginning");
    let (written, after) = rest.split_once(END).expect("the table's end");
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(&path, format!("{before}{BEGIN}{table}{END}{after}")).expect("writing the page");
        return;
    }
    assert_eq!(written, table, "docs/readings.md; `cargo xtask bless adapts` rewrites it");
}
