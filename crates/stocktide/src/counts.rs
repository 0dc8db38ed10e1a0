//! `stocktide counts`: what a running server proposes to count next.

use crate::alerts::shown;
use crate::client::{AskArgs, address};
use crate::config::ConfigFile;
use crate::failure::Ended;
use crate::output;
use anyhow::Result;
use clap::{Args, Subcommand};
use serde_json::Value;

const EXAMPLES: &str = "\
Examples:
  stocktide counts propose --warehouse warehouse_A --minutes 45
  stocktide counts propose --lines 20 --json";

/// Asks a running server what to count next.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct CountsArgs {
    #[command(subcommand)]
    command: CountsCommand,
}

#[derive(Debug, Subcommand)]
enum CountsCommand {
    Propose(ProposeArgs),
}

/// Lists what takes most error out of the books for its time, in the order in which it is walked.
#[derive(Debug, Args)]
struct ProposeArgs {
    /// In this warehouse [default: all].
    #[arg(long, value_name = "ID")]
    warehouse: Option<String>,
    /// What the list may take, the way included.
    #[arg(long, value_name = "COUNT", default_value_t = 60, value_parser = clap::value_parser!(u32).range(1..=1440))]
    minutes: u32,
    /// How many lines at most.
    #[arg(long, value_name = "COUNT", default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..=1000))]
    lines: u32,
    #[command(flatten)]
    ask: AskArgs,
}

/// Does what the arguments say.
///
/// # Errors
/// The server can't be reached or refuses.
pub(crate) fn run(args: CountsArgs, config: &ConfigFile) -> Result<Ended> {
    let CountsCommand::Propose(args) = args.command;
    let (minutes, lines) = (args.minutes.to_string(), args.lines.to_string());
    let parameters =
        [("warehouse_id", args.warehouse.as_deref()), ("minutes", Some(&*minutes)), ("lines", Some(&*lines))];
    let answer = args.ask.client(config)?.get(&address("/v1/counts/proposed", &parameters))?.json()?;
    if args.ask.json {
        output::line(&serde_json::to_string_pretty(&answer)?)?;
        return Ok(Ended::Done);
    }
    output::line(&list(&answer))?;
    let figure = |name: &str| shown(&answer[name]);
    output::note(&format!(
        "{} minutes; worth {} of {}; {} more are worth a count",
        figure("minutes"),
        figure("gain"),
        figure("gain_of_all"),
        figure("left")
    ));
    Ok(Ended::Done)
}

fn list(answer: &Value) -> String {
    let mut table = output::table(["no", "location", "product", "lot", "books say", "right", "seconds", "why"]);
    let lines = answer["lines"].as_array().map(Vec::as_slice).unwrap_or_default();
    for (line, number) in lines.iter().zip(1..) {
        let seconds = |name: &str| line[name].as_f64().unwrap_or_default();
        table.add_row([
            number.to_string(),
            shown(&line["location"]),
            shown(&line["product_id"]),
            shown(&line["lot"]),
            shown(&line["on_hand_quantity"]),
            format!("{:.0} %", line["confidence"]["value"].as_f64().unwrap_or_default() * 100.0),
            format!("{:.0}", seconds("walk_seconds") + seconds("count_seconds")),
            shown(&line["why"]),
        ]);
    }
    output::right(&mut table, &[0, 4, 5, 6]);
    table.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_list_is_shown_as_it_is_walked() {
        let answer = json!({"lines": [{"location": "A/1", "product_id": "TEA", "lot": null, "on_hand_quantity": 30,
            "confidence": {"value": 0.428}, "walk_seconds": 260.0, "count_seconds": 45.0, "why": "never counted"}]});
        let shown = list(&answer);
        assert!(shown.contains("A/1") && shown.contains("43 %") && shown.contains("305"), "{shown}");
    }
}
