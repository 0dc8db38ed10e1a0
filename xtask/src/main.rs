//! Chores of the workspace: what CI runs, and the rewriting of golden files.
//!
//! Must never know: any of our crates. It reads the tree as text and asks `cargo`, so that it builds in seconds and
//! still runs when a crate does not compile. Each module is one chore; `check` holds their order.
#![expect(clippy::print_stdout, reason = "a chore speaks to the person at the terminal")]

use std::process::ExitCode;

mod bless;
mod cargo;
mod check;
mod crate_table;
mod doc_links;
mod error_pages;
mod file_length;
mod forbidden;
mod tree;

const HELP: &str = "\
cargo xtask check [--doc] [STEP…]  everything CI runs, or only the steps named; --doc adds the API documentation
cargo xtask bless [FILTER…]        rewrites the golden files from what the tests now see; read the diff before you commit
cargo xtask help                   this text
";

fn main() -> anyhow::Result<ExitCode> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    match words.first().map(String::as_str) {
        Some("check") => check::run(&words[1..]),
        Some("bless") => bless::run(&words[1..]),
        None | Some("help" | "--help" | "-h") => {
            print!("{HELP}\nsteps of check, in order:\n{}", check::list());
            Ok(ExitCode::SUCCESS)
        }
        Some(unknown) => {
            print!("no chore is called '{unknown}'\n\n{HELP}");
            Ok(ExitCode::from(2))
        }
    }
}
