//! Running `cargo` at the root of the workspace.

use crate::tree;
use anyhow::{Context, Result};
use std::process::{Command, Stdio};

/// The cargo that runs this chore, at the root.
pub(crate) fn cargo() -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(tree::root());
    command
}

/// Runs it with the terminal as its own; a finding if it fails.
pub(crate) fn findings_of(command: &mut Command) -> Result<Vec<String>> {
    let status = command.status().with_context(|| format!("starting {command:?}"))?;
    if status.success() {
        return Ok(Vec::new());
    }
    let words: Vec<_> = command.get_args().map(|word| word.to_string_lossy()).collect();
    Ok(vec![format!("cargo {}: {status}", words.join(" "))])
}

/// The command that runs all tests but those in documentation.
pub(crate) fn tests() -> Command {
    let mut command = cargo();
    if has_nextest() {
        command.args(["nextest", "run", "--workspace", "--locked", "--no-fail-fast"]);
    } else {
        command.args(["test", "--workspace", "--locked", "--no-fail-fast", "--bins", "--lib", "--tests"]);
    }
    command
}

fn has_nextest() -> bool {
    let asked = cargo().args(["nextest", "--version"]).stdout(Stdio::null()).stderr(Stdio::null()).status();
    asked.is_ok_and(|status| status.success())
}
