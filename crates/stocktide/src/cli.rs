//! What may be typed: the commands and what all of them take.

use crate::config::ConfigFile;
use crate::failure::Ended;
use crate::logging::LogFormat;
use crate::{
    alerts, backup, bench, counts, decode, demo, export, import, inspect, logging, reverse, rules, sensors, serve,
    shipments, verify,
};
use anyhow::Result;
use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand};
use std::path::PathBuf;

const EXAMPLES: &str = "\
Examples:
  stocktide demo                                     see it, with made-up stock
  stocktide serve --data DIR                         keep real stock
  stocktide import stock.csv --data DIR --opening-stock
  stocktide verify --data DIR

Exit codes: 0 done, 1 failed, 2 wrong usage, 3 data damaged.
Options can also be set in the environment, by the names that the help of each shows, and those of
`serve` in the file given with --config: a flag wins over the environment, that over the file.";

/// Keeps perpetual inventory, live: every movement of stock in one durable ledger.
#[derive(Debug, Parser)]
#[command(name = "stocktide", version, max_term_width = 100, after_help = EXAMPLES, disable_help_subcommand = false)]
struct ProgramArgs {
    #[command(flatten)]
    common: CommonArgs,
    #[command(subcommand)]
    command: CommandArgs,
}

#[derive(Debug, Args)]
struct CommonArgs {
    /// Reads settings from this TOML file.
    #[arg(long, global = true, env = "STOCKTIDE_CONFIG", value_name = "FILE", help_heading = "Common options")]
    config: Option<PathBuf>,
    /// Says more or less: error, warn, info, debug, trace, or such as `warn,engine=debug`.
    #[arg(long, global = true, env = "STOCKTIDE_LOG", value_name = "LEVEL", help_heading = "Common options")]
    log: Option<String>,
    /// How log lines look, on standard error: text or json.
    #[arg(long, global = true, env = "STOCKTIDE_LOG_FORMAT", value_name = "FORMAT", help_heading = "Common options")]
    log_format: Option<LogFormat>,
}

#[derive(Debug, Subcommand)]
enum CommandArgs {
    Serve(Box<serve::ServeArgs>),
    Demo(demo::DemoArgs),
    Import(Box<import::ImportArgs>),
    Export(export::ExportArgs),
    Verify(verify::VerifyArgs),
    Journal(inspect::JournalArgs),
    Backup(backup::BackupArgs),
    Restore(backup::RestoreArgs),
    Reverse(reverse::ReverseArgs),
    Alerts(alerts::AlertsArgs),
    Rules(rules::RulesArgs),
    Counts(counts::CountsArgs),
    Decode(decode::DecodeArgs),
    Bench(bench::BenchArgs),
    Shipments(shipments::ShipmentsArgs),
    Sensors(sensors::SensorsArgs),
}

/// Reads the command line and does what it says.
///
/// # Errors
/// Whatever the command fails with.
pub(crate) fn run() -> Result<Ended> {
    let matches = without_values(ProgramArgs::command()).get_matches();
    let ProgramArgs { common, command } = ProgramArgs::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
    let config = ConfigFile::read(common.config.as_deref())?;
    let stays = matches!(command, CommandArgs::Serve(_));
    let level = common.log.or_else(|| config.log.clone());
    let level = level.unwrap_or_else(|| if stays { "info" } else { "warn" }.to_owned());
    logging::start(&level, common.log_format.or(config.log_format).unwrap_or_default())?;
    match command {
        CommandArgs::Serve(args) => serve::Serve::new(*args, config)?.run(),
        CommandArgs::Demo(args) => demo::Demo::new(args)?.run(),
        CommandArgs::Import(args) => import::Import::new(*args, &config)?.run(),
        CommandArgs::Export(args) => export::Export::new(args, &config)?.run(),
        CommandArgs::Verify(args) => verify::run(&args, &config),
        CommandArgs::Journal(args) => inspect::run(args, &config),
        CommandArgs::Backup(args) => backup::back_up(&args, &config),
        CommandArgs::Restore(args) => backup::restore(&args, &config),
        CommandArgs::Reverse(args) => reverse::Reverse::new(args, &config)?.run(),
        CommandArgs::Alerts(args) => alerts::run(args, &config),
        CommandArgs::Rules(args) => rules::run(args, &config),
        CommandArgs::Counts(args) => counts::run(args, &config),
        CommandArgs::Decode(args) => decode::run(args),
        CommandArgs::Bench(args) => bench::Bench::new(args)?.run(),
        CommandArgs::Shipments(args) => shipments::run(args),
        CommandArgs::Sensors(args) => sensors::run(args),
    }
}

/// Help names the variables of the environment, never what is in them. Values are few, so the help of each option says
/// them itself and stays on its line.
fn without_values(command: clap::Command) -> clap::Command {
    let plain = |arg: clap::Arg| {
        let takes_value = arg.get_action().takes_values();
        let arg = arg.hide_env_values(true);
        if takes_value { arg.hide_possible_values(true) } else { arg }
    };
    command.mut_args(plain).mut_subcommands(without_values)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_commands_are_well_formed() {
        ProgramArgs::command().debug_assert();
    }
}
