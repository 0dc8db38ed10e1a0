//! `stocktide journal`: the journal's files as they are, and single entries.

use crate::config::ConfigFile;
use crate::directory::{self, DataArgs};
use crate::export::Known;
use crate::failure::Ended;
use crate::output;
use anyhow::{Result, bail};
use clap::{Args, Subcommand};
use journal::Inspected;
use ledger::Position;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

const INSPECT_EXAMPLES: &str = "\
Reads only, goes on behind damage, and ends with 3 when it found any.

Examples:
  stocktide journal inspect --data stock
  stocktide journal inspect stock --blocks";

/// Looks into a journal.
#[derive(Debug, Args)]
pub(crate) struct JournalArgs {
    #[command(subcommand)]
    command: JournalCommandArgs,
}

#[derive(Debug, Subcommand)]
enum JournalCommandArgs {
    Inspect(InspectArgs),
    Entry(EntryArgs),
}

/// Lists what is in the journal's files, damaged or not.
#[derive(Debug, Args)]
#[command(after_help = INSPECT_EXAMPLES)]
struct InspectArgs {
    /// The data directory, or the folder of segments in it.
    #[arg(value_name = "DIR", conflicts_with = "directory")]
    folder: Option<PathBuf>,
    #[command(flatten)]
    data: DataArgs,
    /// Lists each block, not only segments and what is wrong.
    #[arg(long)]
    blocks: bool,
    /// Prints one JSON object a line.
    #[arg(long)]
    json: bool,
}

/// Prints one entry of the journal as JSON, ids replaced by names.
#[derive(Debug, Args)]
struct EntryArgs {
    /// Its position.
    position: u64,
    #[command(flatten)]
    data: DataArgs,
}

/// Does what the arguments say.
///
/// # Errors
/// Files that can't be read, or an entry that is not there.
pub(crate) fn run(args: JournalArgs, config: &ConfigFile) -> Result<Ended> {
    match args.command {
        JournalCommandArgs::Inspect(args) => inspect(&args, config),
        JournalCommandArgs::Entry(args) => entry(&args.data.directory(config), Position(args.position)),
    }
}

fn entry(directory: &Path, wanted: Position) -> Result<Ended> {
    let reader = directory::read_only(directory)?;
    let mut names = Known::new();
    let mut found = None;
    crate::export::for_each_entry(directory, &reader, &mut |position, entry| {
        names.learn(&entry);
        if position == wanted {
            found = Some(wire::export::render_ndjson(position, &entry, &names));
        }
        Ok(found.is_none())
    })?;
    let Some(line) = found else {
        bail!("there is no entry at position {wanted}; the journal ends at {}", reader.durable_end());
    };
    let value: Value = serde_json::from_str(&line)?;
    output::line(&serde_json::to_string_pretty(&value)?)?;
    Ok(Ended::Done)
}

fn inspect(args: &InspectArgs, config: &ConfigFile) -> Result<Ended> {
    let folder = args.folder.clone().unwrap_or_else(|| args.data.directory(config));
    let inside = folder.join("journal");
    let folder = if inside.is_dir() { inside } else { folder };
    if !folder.is_dir() {
        bail!("there is no directory {}", folder.display());
    }
    let mut written = Ok(());
    let sums = journal::inspect(&journal::RealDisk::existing(&folder), &mut |item| {
        let is_plain = matches!(item, Inspected::Block { problem: None, .. } | Inspected::Free { .. });
        if written.is_ok() && (args.blocks || !is_plain) {
            written = output::line(&if args.json { render_json(item).to_string() } else { render_text(item) });
        }
    })?;
    written?;
    if args.json {
        let sums = json!({"segments": sums.segment_count, "blocks": sums.block_count, "problems": sums.problem_count});
        output::line(&json!({ "sums": sums }).to_string())?;
    } else {
        output::line(&format!(
            "{} segments, {} blocks, {} problems",
            output::count(sums.segment_count),
            output::count(sums.block_count),
            output::count(sums.problem_count)
        ))?;
    }
    Ok(if sums.problem_count == 0 { Ended::Done } else { Ended::Damaged })
}

fn render_text(item: &Inspected) -> String {
    let wrong = |problem: &Option<journal::Damage>| problem.map(|reason| format!("  PROBLEM: {reason}"));
    match item {
        Inspected::Segment { file_name, file_bytes, number, problem, .. } => {
            let number = number.map_or_else(|| "?".to_owned(), |number| number.to_string());
            let wrong = wrong(problem).unwrap_or_default();
            format!("{file_name}  segment {number}, {}{wrong}", output::bytes(*file_bytes))
        }
        Inspected::Block { offset, length_bytes, first_position, last_position, stamp, schema, hash, problem } => {
            let at = wire::time::render_timestamp(ledger::Timestamp(*stamp));
            let wrong = wrong(problem).unwrap_or_default();
            format!(
                "  {offset:>12}  block {first_position}-{last_position}, {}, {at}, schema {schema}, {hash}{wrong}",
                output::bytes(*length_bytes)
            )
        }
        Inspected::Unreadable { offset, length_bytes, reason } => {
            format!("  {offset:>12}  PROBLEM: {} that can't be read: {reason}", output::bytes(*length_bytes))
        }
        Inspected::TornTail { offset, length_bytes } => {
            let length = output::bytes(*length_bytes);
            format!("  {offset:>12}  unfinished append of {length}; opening cuts it off, nothing is lost")
        }
        Inspected::Stray { offset, length_bytes } => {
            format!("  {offset:>12}  stray bytes, {}; no entry is harmed", output::bytes(*length_bytes))
        }
        Inspected::Free { offset, length_bytes } => format!("  {offset:>12}  free, {}", output::bytes(*length_bytes)),
    }
}

fn render_json(item: &Inspected) -> Value {
    let wrong = |problem: &Option<journal::Damage>| problem.map(|reason| reason.to_string());
    match item {
        Inspected::Segment { file_name, file_bytes, number, previous_hash, problem } => json!({
            "segment": file_name,
            "bytes": file_bytes,
            "number": number,
            "previous_hash": previous_hash.map(|hash| hash.to_string()),
            "problem": wrong(problem),
        }),
        Inspected::Block { offset, length_bytes, first_position, last_position, stamp, schema, hash, problem } => {
            json!({
                "block": first_position.0,
                "last_position": last_position.0,
                "offset": offset.0,
                "bytes": length_bytes,
                "recorded_at": wire::time::render_timestamp(ledger::Timestamp(*stamp)),
                "schema": schema,
                "hash": hash.to_string(),
                "problem": wrong(problem),
            })
        }
        Inspected::Unreadable { offset, length_bytes, reason } => {
            json!({"unreadable": offset.0, "bytes": length_bytes, "problem": reason.to_string()})
        }
        Inspected::TornTail { offset, length_bytes } => json!({"torn_tail": offset.0, "bytes": length_bytes}),
        Inspected::Stray { offset, length_bytes } => json!({"stray": offset.0, "bytes": length_bytes}),
        Inspected::Free { offset, length_bytes } => json!({"free": offset.0, "bytes": length_bytes}),
    }
}
