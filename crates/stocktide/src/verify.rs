//! `stocktide verify`: does the directory say one thing?

use crate::config::ConfigFile;
use crate::directory::DataArgs;
use crate::failure::Ended;
use crate::output;
use crate::progress::{Of, Progress};
use anyhow::{Context, Result};
use clap::Args;
use engine::{Findings, VerifyProgress};
use serde_json::json;

const EXAMPLES: &str = "\
Works on a copy, and on a directory that a server works on. Ends with 3 when something is wrong.

Examples:
  stocktide verify --data stock
  stocktide verify --data stock --json";

/// Proves a data directory: checksums, the chain of hashes, conservation of stock, views and snapshots.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct VerifyArgs {
    #[command(flatten)]
    data: DataArgs,
    /// Prints the findings as one JSON object.
    #[arg(long)]
    json: bool,
}

/// Verifies and prints what was found.
///
/// # Errors
/// Damage, with its place, or a directory that can't be read.
pub(crate) fn run(args: &VerifyArgs, config: &ConfigFile) -> Result<Ended> {
    let directory = args.data.directory(config);
    let findings = findings_of(&directory)?;
    if args.json {
        output::line(&render_json(&findings).to_string())?;
    } else {
        output::line(&render_table(&findings))?;
    }
    Ok(if findings.is_sound() { Ended::Done } else { Ended::Damaged })
}

/// Verifies a directory and shows how far that has come.
///
/// # Errors
/// As [`engine::verify`].
pub(crate) fn findings_of(directory: &std::path::Path) -> Result<Findings> {
    let mut progress = Progress::new();
    engine::verify(directory, &mut |step| match step {
        VerifyProgress::Chain { done, total } => progress.set("checking the chain", Of::Bytes, done, total),
        VerifyProgress::Replay { done, total } => progress.set("replaying entries", Of::Entries, done, total),
    })
    .context("verifying the data directory")
}

fn render_json(findings: &Findings) -> serde_json::Value {
    let snapshots = findings.snapshots.iter().map(|(position, same)| json!({"position": position.0, "sound": same}));
    json!({
        "sound": findings.is_sound(),
        "entries": findings.entries,
        "last_hash": output::hex(&findings.last_hash),
        "stock_keys": findings.stock_keys,
        "conserved": findings.conserved,
        "views_agree": findings.views_agree,
        "snapshots": snapshots.collect::<Vec<_>>(),
        "state_hash": output::hex(&findings.state_hash),
    })
}

fn render_table(findings: &Findings) -> String {
    let verdict = |sound: bool| if sound { "sound" } else { "NOT SOUND" }.to_owned();
    let mut table = output::table(["what", "finding"]);
    let mut row = |what: &str, finding: String| {
        table.add_row([what.to_owned(), finding]);
    };
    row("checksums and chain", format!("sound, {} entries", output::count(findings.entries)));
    row("hash of the last block", output::hex(&findings.last_hash));
    row("conservation of stock", verdict(findings.conserved));
    row("views follow from the journal", verdict(findings.views_agree));
    for (position, same) in &findings.snapshots {
        row(&format!("snapshot at {position}"), verdict(*same));
    }
    row("accounts that hold stock", output::count(u64::try_from(findings.stock_keys).unwrap_or(u64::MAX)));
    row("hash of the state", output::hex(&findings.state_hash));
    format!("{}\n\n{}", table.trim_fmt(), verdict(findings.is_sound()))
}
