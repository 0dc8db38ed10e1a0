//! `cargo xtask bless`: golden files take what the tests now see. Whoever blesses reads the diff.

use crate::cargo::{findings_of, tests};
use crate::tree;
use anyhow::{Context, Result};
use std::process::{Command, ExitCode};

/// Runs the tests whose names hold one of `filters`, or all, with `BLESS=1`, then shows which files changed.
pub(crate) fn run(filters: &[String]) -> Result<ExitCode> {
    let findings = findings_of(tests().args(filters).env("BLESS", "1").env("INSTA_UPDATE", "always"))?;
    println!("\nfiles that differ from what is committed:");
    Command::new("git")
        .args(["status", "--short"])
        .current_dir(tree::root())
        .status()
        .context("asking git what changed")?;
    Ok(if findings.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
