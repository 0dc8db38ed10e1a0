//! `stocktide alerts`: what a running server warns of, and what is done about it.

use crate::client::{AskArgs, Client, address};
use crate::config::ConfigFile;
use crate::failure::{Ended, usage};
use crate::output;
use anyhow::Result;
use bytes::Bytes;
use clap::{Args, Subcommand};
use serde_json::{Value, json};

const EXAMPLES: &str = "\
Examples:
  stocktide alerts list --severity-min critical
  stocktide alerts show 1234
  stocktide alerts acknowledge 1234 1240 --note \"on my way\"
  stocktide alerts snooze 1234 --minutes 60
  stocktide alerts resolve 1234 --note refilled
  stocktide alerts release 1234 --person \"Anna Berg\" --reason \"stable for 24 h by the data sheet\"
  stocktide alerts scrap 1240 --person \"Anna Berg\" --reason frozen --quantity 4";

/// Lists alerts of a running server and deals with them.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct AlertsArgs {
    #[command(subcommand)]
    command: AlertsCommand,
}

#[derive(Debug, Subcommand)]
enum AlertsCommand {
    List(ListArgs),
    Show(ShowArgs),
    Acknowledge(DoArgs),
    Snooze(SnoozeArgs),
    Resolve(DoArgs),
    Release(DecideArgs),
    Scrap(DecideArgs),
}

/// Lists alerts, the gravest first.
#[derive(Debug, Args)]
struct ListArgs {
    /// Which: active, open, acknowledged, snoozed, resolved or all [default: active].
    #[arg(long, value_name = "STATE")]
    state: Option<String>,
    /// At least this grave: info, warning or critical.
    #[arg(long, value_name = "SEVERITY")]
    severity_min: Option<String>,
    /// Of this condition, such as `low_stock`.
    #[arg(long, value_name = "NAME")]
    condition: Option<String>,
    /// About this product.
    #[arg(long, value_name = "ID")]
    product: Option<String>,
    /// About this location or one below it.
    #[arg(long, value_name = "PATH")]
    location: Option<String>,
    /// That this person looks after.
    #[arg(long, value_name = "NAME")]
    owner: Option<String>,
    /// With this text.
    #[arg(long, value_name = "TEXT")]
    search: Option<String>,
    /// How many at most.
    #[arg(long, value_name = "COUNT", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=1000))]
    limit: u32,
    #[command(flatten)]
    ask: AskArgs,
}

/// Shows an alert with all that happened to it.
#[derive(Debug, Args)]
struct ShowArgs {
    /// The alert's id.
    id: u64,
    #[command(flatten)]
    ask: AskArgs,
}

/// Says that somebody looks after alerts, or that they are over.
#[derive(Debug, Args)]
struct DoArgs {
    /// The alerts' ids.
    #[arg(required = true)]
    ids: Vec<u64>,
    /// What to write to them.
    #[arg(long, value_name = "TEXT", default_value = "")]
    note: String,
    #[command(flatten)]
    ask: AskArgs,
}

/// Puts alerts aside for a time.
#[derive(Debug, Args)]
struct SnoozeArgs {
    /// For so many minutes.
    #[arg(long, value_name = "COUNT", conflicts_with = "until")]
    minutes: Option<u32>,
    /// Until this RFC 3339 time.
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
    #[command(flatten)]
    what: DoArgs,
}

/// Decides about stock on hold: it is available again, or thrown away.
#[derive(Debug, Args)]
struct DecideArgs {
    /// The alerts' ids.
    #[arg(required = true)]
    ids: Vec<u64>,
    /// Who decides.
    #[arg(long, value_name = "NAME")]
    person: String,
    /// Why.
    #[arg(long, value_name = "TEXT")]
    reason: String,
    /// How much of each, in the product's base unit [default: all that is on hold].
    #[arg(long, value_name = "QUANTITY")]
    quantity: Option<ledger::Quantity>,
    #[command(flatten)]
    ask: AskArgs,
}

/// Does what the arguments say.
///
/// # Errors
/// The server can't be reached or refuses.
pub(crate) fn run(args: AlertsArgs, config: &ConfigFile) -> Result<Ended> {
    match args.command {
        AlertsCommand::List(args) => list(&args, config),
        AlertsCommand::Show(args) => show(&args, config),
        AlertsCommand::Acknowledge(args) => change(&args, "acknowledge", json!({}), config),
        AlertsCommand::Resolve(args) => change(&args, "resolve", json!({}), config),
        AlertsCommand::Release(args) => decide(&args, "release", config),
        AlertsCommand::Scrap(args) => decide(&args, "scrap", config),
        AlertsCommand::Snooze(SnoozeArgs { minutes, until, what }) => {
            let body = match (minutes, until) {
                (Some(minutes), _) => json!({ "minutes": minutes }),
                (None, Some(until)) => json!({ "until": until }),
                (None, None) => return usage("say for how long: --minutes or --until"),
            };
            change(&what, "snooze", body, config)
        }
    }
}

fn list(args: &ListArgs, config: &ConfigFile) -> Result<Ended> {
    let limit = args.limit.to_string();
    // What is over has an order of its own.
    let is_over = matches!(args.state.as_deref(), Some("resolved" | "all"));
    let path = address(
        "/v1/alerts",
        &[
            ("state", args.state.as_deref()),
            ("severity_min", args.severity_min.as_deref()),
            ("condition", args.condition.as_deref()),
            ("product_id", args.product.as_deref()),
            ("location", args.location.as_deref()),
            ("owner", args.owner.as_deref()),
            ("search", args.search.as_deref()),
            ("order", (!is_over).then_some("severity")),
            ("limit", Some(&limit)),
        ],
    );
    let answer = args.ask.client(config)?.get(&path)?.json()?;
    if args.ask.json {
        output::line(&serde_json::to_string_pretty(&answer)?)?;
        return Ok(Ended::Done);
    }
    let mut table = output::table(["alert", "severity", "state", "opened", "owner", "why"]);
    let items = answer["items"].as_array().map(Vec::as_slice).unwrap_or_default();
    for item in items {
        let row = ["id", "severity", "state", "opened_at", "owner", "why"].map(|name| shown(&item[name]));
        table.add_row(row);
    }
    output::line(&table.to_string())?;
    if answer["next"].is_string() {
        output::note(&format!("these are the first {}; narrow the list, or ask for more with --limit", items.len()));
    }
    Ok(Ended::Done)
}

/// A value as people read it: text without quotes, nothing for null.
pub(crate) fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

fn show(args: &ShowArgs, config: &ConfigFile) -> Result<Ended> {
    let answer = args.ask.client(config)?.get(&format!("/v1/alerts/{}", args.id))?.json()?;
    if args.ask.json {
        output::line(&serde_json::to_string_pretty(&answer)?)?;
        return Ok(Ended::Done);
    }
    output::line(&detail(&answer))?;
    Ok(Ended::Done)
}

fn detail(alert: &Value) -> String {
    let mut text = format!("{}\n\n", shown(&alert["why"]));
    let names = [
        ("severity", "severity"),
        ("state", "state"),
        ("condition", "condition"),
        ("product", "product_id"),
        ("location", "location"),
        ("lot", "lot"),
        ("device", "device"),
        ("shipment", "shipment"),
        ("owner", "owner"),
        ("rule", "rule"),
        ("holds since", "since"),
        ("snoozed until", "snoozed_until"),
        ("outcome", "outcome"),
        ("what to do", "remedy"),
    ];
    let mut facts = output::table(["", ""]);
    for (label, name) in names.into_iter().filter(|(_, name)| !alert[*name].is_null()) {
        facts.add_row([label.to_owned(), shown(&alert[name])]);
    }
    for figure in alert["figures"].as_array().into_iter().flatten() {
        facts.add_row([shown(&figure["name"]).replace('_', " "), shown(&figure["value"])]);
    }
    text.push_str(&facts.to_string());
    let mut life = output::table(["at", "what", "by", ""]);
    life.add_row([shown(&alert["opened_at"]), "opened".to_owned(), String::new(), String::new()]);
    for step in alert["history"].as_array().into_iter().flatten() {
        let more = ["until", "outcome", "level"].map(|name| shown(&step[name])).join("");
        let to = step["owner"].as_str().map(|owner| format!("to {owner}")).unwrap_or_default();
        let words: Vec<String> = [more, to, shown(&step["note"])].into_iter().filter(|word| !word.is_empty()).collect();
        life.add_row([shown(&step["at"]), shown(&step["step"]), shown(&step["by"]), words.join("; ")]);
    }
    text.push_str("\n\n");
    text.push_str(&life.to_string());
    text
}

fn change(args: &DoArgs, what: &str, body: Value, config: &ConfigFile) -> Result<Ended> {
    let mut client = args.ask.client(config)?;
    let mut body = body;
    body["note"] = json!(args.note);
    // A request that is sent again after a broken connection is done once.
    body["id"] = json!(format!("{}-{}", std::process::id(), crate::clock::now().0));
    let mut answers = Vec::new();
    for id in &args.ids {
        answers.push(change_one(&mut client, *id, what, &body)?);
    }
    if args.ask.json {
        output::line(&serde_json::to_string_pretty(&answers)?)?;
    } else {
        for answer in &answers {
            output::line(&format!("alert {} is {}", answer["id"], shown(&answer["state"])))?;
        }
    }
    Ok(Ended::Done)
}

fn decide(args: &DecideArgs, what: &str, config: &ConfigFile) -> Result<Ended> {
    let mut client = args.ask.client(config)?;
    let id = format!("{}-{}", std::process::id(), crate::clock::now().0);
    let mut body = json!({ "person": args.person, "reason": args.reason, "id": id });
    if let Some(quantity) = args.quantity {
        body["quantity"] = json!(quantity.to_string());
    }
    let mut answers = Vec::new();
    for id in &args.ids {
        answers.push(change_one(&mut client, *id, what, &body)?);
    }
    if args.ask.json {
        output::line(&serde_json::to_string_pretty(&answers)?)?;
    } else {
        for answer in &answers {
            let [alert, done, quantity, left, entry] =
                ["alert", "decided", "quantity", "left_quantity", "event_position"].map(|name| shown(&answer[name]));
            output::line(&format!("alert {alert}: {quantity} {done} by entry {entry}, {left} left on hold"))?;
        }
    }
    Ok(Ended::Done)
}

fn change_one(client: &mut Client, id: u64, what: &str, body: &Value) -> Result<Value> {
    let path = format!("/v1/alerts/{id}/{what}");
    let answer = client.post(&path, "application/json", Bytes::from(body.to_string()))?;
    answer.json().map_err(|error| error.context(format!("alert {id}")))
}
