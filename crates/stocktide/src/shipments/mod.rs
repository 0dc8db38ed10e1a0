//! `stocktide shipments`: how well lateness is told, measured on deliveries that really happened.
//!
//! Start with [`run`]; [`scms`] reads the deliveries, [`replay`] predicts each before it learns how it ended, [`show`] prints.

mod plot;
mod replay;
mod scms;
mod show;

use crate::failure::Ended;
use crate::output;
use anyhow::{Context, Result};
use clap::{Args, Subcommand};
use std::path::PathBuf;

const EXAMPLES: &str = "\
DIR has the delivery history of the Supply Chain Management System (SCMS) as CSV, also .gz.
Each line is predicted on the day it is taken to leave, from what was known before that day.
docs/shipments.md says how, and what came of it.

Examples:
  stocktide shipments bench --data scms_deliveries
  stocktide shipments bench --data scms_deliveries --plot calibration.svg --json > figures.json";

/// Tells how well late shipments are foretold.
#[derive(Debug, Args)]
pub(crate) struct ShipmentsArgs {
    #[command(subcommand)]
    command: CommandArgs,
}

#[derive(Debug, Subcommand)]
enum CommandArgs {
    Bench(BenchArgs),
}

/// Replays past deliveries in the order of time and scores what was said of each before it left.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
struct BenchArgs {
    /// Where the deliveries are: a directory with CSV files.
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// Prints one JSON object instead of tables.
    #[arg(long)]
    json: bool,
    /// Also draws predicted against real shares into this file, as SVG.
    #[arg(long, value_name = "FILE")]
    plot: Option<PathBuf>,
}

/// Does what was asked.
///
/// # Errors
/// Deliveries that can't be read, or output that can't be written.
pub(crate) fn run(args: ShipmentsArgs) -> Result<Ended> {
    let CommandArgs::Bench(args) = args.command;
    let history = scms::History::read(&args.data)?;
    output::note(&format!("replaying {} lines …", output::count(show::whole(history.lines.len()))));
    let outcome = replay::replay(&history.lines);
    if let Some(file) = &args.plot {
        std::fs::write(file, plot::svg(&outcome)).with_context(|| format!("writing {}", file.display()))?;
    }
    let text = if args.json {
        serde_json::to_string_pretty(&show::json(&history, &outcome))?
    } else {
        show::text(&history, &outcome)
    };
    output::line(&text)?;
    Ok(Ended::Done)
}
