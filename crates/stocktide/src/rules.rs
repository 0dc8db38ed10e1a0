//! `stocktide rules`: what a running server watches.

use crate::alerts::shown;
use crate::client::{AskArgs, Client, address, encoded};
use crate::config::ConfigFile;
use crate::failure::{Ended, usage};
use crate::output;
use anyhow::{Context, Result, bail};
use bytes::Bytes;
use clap::{Args, Subcommand};
use serde_json::{Map, Value, json};
use std::path::PathBuf;

const EXAMPLES: &str = "\
A file of rules has a column for each field (rule, name, condition, product_id, category, location, region, device,
severity, owner, escalate_minutes, enabled); every other column is a setting, such as `below`. Without `rule`, the id is
made of condition, product and place, so that the same file sent again changes the same rules.

Examples:
  stocktide rules list --condition low_stock
  stocktide rules set bolts --condition low_stock --product BOLT --location warehouse_A --setting below=20
  stocktide rules import thresholds.csv --dry-run
  stocktide rules remove bolts";

/// Lists and changes what a running server watches for.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct RulesArgs {
    #[command(subcommand)]
    command: RulesCommand,
}

#[derive(Debug, Subcommand)]
enum RulesCommand {
    List(ListArgs),
    Set(Box<SetArgs>),
    Import(ImportArgs),
    Remove(RemoveArgs),
}

/// Lists rules by id, those that are built in among them.
#[derive(Debug, Args)]
struct ListArgs {
    /// That set this condition, such as `low_stock`.
    #[arg(long, value_name = "NAME")]
    condition: Option<String>,
    /// For this product.
    #[arg(long, value_name = "ID")]
    product: Option<String>,
    /// With this text.
    #[arg(long, value_name = "TEXT")]
    search: Option<String>,
    #[command(flatten)]
    ask: AskArgs,
}

/// Declares a rule, or changes it.
#[derive(Debug, Args)]
struct SetArgs {
    /// The rule's id.
    rule: String,
    /// What is watched, such as `low_stock`.
    #[arg(long, value_name = "NAME")]
    condition: String,
    /// What people call it.
    #[arg(long, value_name = "TEXT")]
    name: Option<String>,
    /// For this product only.
    #[arg(long, value_name = "ID")]
    product: Option<String>,
    /// For products of this category only.
    #[arg(long, value_name = "NAME")]
    category: Option<String>,
    /// For this location and what lies below it only.
    #[arg(long, value_name = "PATH")]
    location: Option<String>,
    /// For warehouses of this region only.
    #[arg(long, value_name = "NAME")]
    region: Option<String>,
    /// For this device only.
    #[arg(long, value_name = "NAME")]
    device: Option<String>,
    /// A setting of the condition; may be given many times.
    #[arg(long = "setting", value_name = "NAME=VALUE")]
    settings: Vec<String>,
    /// How much its alerts matter: info, warning or critical.
    #[arg(long, value_name = "SEVERITY")]
    severity: Option<String>,
    /// Who looks after its alerts.
    #[arg(long, value_name = "NAME")]
    owner: Option<String>,
    /// After how many minutes without acknowledgement an alert is escalated.
    #[arg(long, value_name = "COUNT")]
    escalate_minutes: Option<u32>,
    /// Switches it off: what it covers is then not watched for this condition.
    #[arg(long)]
    off: bool,
    #[command(flatten)]
    ask: AskArgs,
}

/// Declares the rules of a CSV file.
#[derive(Debug, Args)]
struct ImportArgs {
    /// The file.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The condition of rows that name none.
    #[arg(long, value_name = "NAME")]
    condition: Option<String>,
    /// Judges the rules and records nothing.
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    ask: AskArgs,
}

/// Withdraws rules; a built-in rule of the same id holds again.
#[derive(Debug, Args)]
struct RemoveArgs {
    /// The rules' ids.
    #[arg(required = true)]
    rules: Vec<String>,
    #[command(flatten)]
    ask: AskArgs,
}

/// Columns that are fields of a rule; every other one is a setting.
const FIELDS: [&str; 10] =
    ["rule", "name", "condition", "product_id", "category", "location", "region", "device", "severity", "owner"];
/// Rules of one request.
const BODY_RULES: usize = 20_000;
/// Faults that are shown.
const FAULTS_MAX: usize = 20;

/// Does what the arguments say.
///
/// # Errors
/// The server can't be reached or refuses, or a file can't be read.
pub(crate) fn run(args: RulesArgs, config: &ConfigFile) -> Result<Ended> {
    match args.command {
        RulesCommand::List(args) => list(&args, config),
        RulesCommand::Set(args) => set(&args, config),
        RulesCommand::Import(args) => import(&args, config),
        RulesCommand::Remove(args) => remove(&args, config),
    }
}

fn list(args: &ListArgs, config: &ConfigFile) -> Result<Ended> {
    let mut client = args.ask.client(config)?;
    let (mut rules, mut cursor) = (Vec::new(), None::<String>);
    loop {
        let path = address(
            "/v1/rules",
            &[
                ("condition", args.condition.as_deref()),
                ("product_id", args.product.as_deref()),
                ("search", args.search.as_deref()),
                ("limit", Some("1000")),
                ("cursor", cursor.as_deref()),
            ],
        );
        let mut answer = client.get(&path)?.json()?;
        if let Some(items) = answer["items"].as_array_mut() {
            rules.append(items);
        }
        match answer["next"].as_str() {
            Some(next) => cursor = Some(next.to_owned()),
            None => break,
        }
    }
    if args.ask.json {
        output::line(&serde_json::to_string_pretty(&rules)?)?;
        return Ok(Ended::Done);
    }
    let mut table = output::table(["rule", "condition", "for", "settings", "severity", "owner", "state"]);
    for rule in &rules {
        let state = match (rule["enabled"] == true, rule["built_in"] == true) {
            (true, true) => "on, built in",
            (true, false) => "on",
            (false, true) => "off, built in",
            (false, false) => "off",
        };
        table.add_row([
            shown(&rule["rule"]),
            shown(&rule["condition"]),
            scope(rule),
            settings(rule),
            shown(&rule["severity"]),
            shown(&rule["owner"]),
            state.to_owned(),
        ]);
    }
    output::line(&table.to_string())?;
    Ok(Ended::Done)
}

fn scope(rule: &Value) -> String {
    let parts = ["product_id", "category", "location", "region", "device"].map(|name| shown(&rule[name]));
    let parts: Vec<String> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    if parts.is_empty() { "everything".to_owned() } else { parts.join(" · ") }
}

fn settings(rule: &Value) -> String {
    let pairs = rule["settings"].as_object().into_iter().flatten();
    pairs.map(|(name, value)| format!("{name}={}", shown(value))).collect::<Vec<_>>().join(" ")
}

fn set(args: &SetArgs, config: &ConfigFile) -> Result<Ended> {
    let mut body = Map::new();
    body.insert("condition".to_owned(), json!(args.condition));
    let texts = [
        ("name", &args.name),
        ("product_id", &args.product),
        ("category", &args.category),
        ("location", &args.location),
        ("region", &args.region),
        ("device", &args.device),
        ("severity", &args.severity),
        ("owner", &args.owner),
    ];
    for (name, value) in texts {
        if let Some(value) = value {
            body.insert(name.to_owned(), json!(value));
        }
    }
    if let Some(minutes) = args.escalate_minutes {
        body.insert("escalate_minutes".to_owned(), json!(minutes));
    }
    let mut settings = Map::new();
    for setting in &args.settings {
        let Some((name, value)) = setting.split_once('=') else {
            return usage(format!("--setting {setting}: write NAME=VALUE"));
        };
        settings.insert(name.trim().to_owned(), json!(value.trim()));
    }
    body.insert("settings".to_owned(), Value::Object(settings));
    body.insert("enabled".to_owned(), json!(!args.off));
    let path = format!("/v1/rules/{}", encoded(&args.rule));
    let answer = args.ask.client(config)?.put(&path, Bytes::from(Value::Object(body).to_string()))?.json()?;
    let said = if args.ask.json {
        serde_json::to_string_pretty(&answer)?
    } else {
        format!("rule {} watches {} for {}", args.rule, shown(&answer["condition"]), scope(&answer))
    };
    output::line(&said)?;
    Ok(Ended::Done)
}

fn remove(args: &RemoveArgs, config: &ConfigFile) -> Result<Ended> {
    let mut client = args.ask.client(config)?;
    for rule in &args.rules {
        let answer = client.delete(&format!("/v1/rules/{}", encoded(rule)))?;
        let answer = answer.json().map_err(|error| error.context(format!("rule {rule}")))?;
        let said = match (args.ask.json, answer["built_in"] == true) {
            (true, _) => answer.to_string(),
            (false, true) => format!("rule {rule} is as it was built in"),
            (false, false) => format!("rule {rule} is removed"),
        };
        output::line(&said)?;
    }
    Ok(Ended::Done)
}

/// What became of a file.
#[derive(Default)]
struct Tally {
    declared: u64,
    unchanged: u64,
    /// The lines of the file that were refused, and why.
    refused: Vec<(u64, String)>,
}

fn import(args: &ImportArgs, config: &ConfigFile) -> Result<Ended> {
    let mut client = args.ask.client(config)?;
    let shown_path = args.file.display();
    let file = std::fs::File::open(&args.file).with_context(|| format!("opening {shown_path}"))?;
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(file);
    let header = reader.headers().with_context(|| format!("reading {shown_path}"))?.clone();
    let mut tally = Tally::default();
    let (mut lines, mut rows) = (Vec::new(), Vec::new());
    for record in reader.records() {
        let record = record.with_context(|| format!("reading {shown_path}"))?;
        rows.push(record.position().map_or(0, csv::Position::line));
        lines.push(rule_of(&header, &record, args.condition.as_deref()).to_string());
        if lines.len() == BODY_RULES {
            send(&mut client, args.dry_run, &mut lines, &mut rows, &mut tally)?;
        }
    }
    send(&mut client, args.dry_run, &mut lines, &mut rows, &mut tally)?;
    report(args, &tally)
}

fn report(args: &ImportArgs, tally: &Tally) -> Result<Ended> {
    let Tally { declared, unchanged, refused } = tally;
    if args.ask.json {
        let faults: Vec<Value> = refused.iter().map(|(line, why)| json!({ "line": line, "problem": why })).collect();
        let said = json!({ "declared": declared, "unchanged": unchanged, "refused": faults });
        output::line(&serde_json::to_string_pretty(&said)?)?;
    } else {
        let verb = if args.dry_run { "would be declared" } else { "declared" };
        let count = u64::try_from(refused.len()).unwrap_or(u64::MAX);
        output::line(&format!(
            "{} {verb}, {} unchanged, {} refused",
            output::count(*declared),
            output::count(*unchanged),
            output::count(count)
        ))?;
    }
    for (line, why) in refused.iter().take(FAULTS_MAX) {
        output::note(&format!("line {line}: {why}"));
    }
    if refused.is_empty() {
        return Ok(Ended::Done);
    }
    bail!("{} of the rules cannot be used; mend them and import the file again", refused.len())
}

/// The rule that a row amounts to.
fn rule_of(header: &csv::StringRecord, record: &csv::StringRecord, condition: Option<&str>) -> Value {
    let (mut rule, mut settings) = (Map::new(), Map::new());
    for (name, cell) in header.iter().zip(record).filter(|(_, cell)| !cell.is_empty()) {
        match name {
            "escalate_minutes" => {
                let minutes = cell.parse::<u64>().map_or_else(|_| json!(cell), |minutes| json!(minutes));
                rule.insert(name.to_owned(), minutes);
            }
            "enabled" => {
                let is_off = ["false", "no", "0", "off"].iter().any(|word| cell.eq_ignore_ascii_case(word));
                rule.insert(name.to_owned(), json!(!is_off));
            }
            _ if FIELDS.contains(&name) => drop(rule.insert(name.to_owned(), json!(cell))),
            _ => drop(settings.insert(name.to_owned(), json!(cell))),
        }
    }
    if let (None, Some(condition)) = (rule.get("condition"), condition) {
        rule.insert("condition".to_owned(), json!(condition));
    }
    if rule.get("rule").is_none() {
        let names = ["condition", "product_id", "category", "location", "region", "device"];
        let parts: Vec<&str> = names.iter().filter_map(|name| rule.get(*name)?.as_str()).collect();
        let id = parts.join(":");
        rule.insert("rule".to_owned(), json!(id));
    }
    rule.insert("settings".to_owned(), Value::Object(settings));
    Value::Object(rule)
}

/// Sends the rules that were gathered, and begins anew.
fn send(
    client: &mut Client,
    dry_run: bool,
    lines: &mut Vec<String>,
    rows: &mut Vec<u64>,
    tally: &mut Tally,
) -> Result<()> {
    if lines.is_empty() {
        return Ok(());
    }
    let path = format!("/v1/rules?results=exceptions&dry_run={dry_run}");
    let body = Bytes::from(std::mem::take(lines).join("\n"));
    let answer = client.post(&path, "application/x-ndjson", body)?.json()?;
    tally.declared += answer["declared"].as_u64().unwrap_or_default();
    tally.unchanged += answer["unchanged"].as_u64().unwrap_or_default();
    for result in answer["results"].as_array().into_iter().flatten() {
        let index = result["index"].as_u64().and_then(|index| usize::try_from(index).ok()).unwrap_or(usize::MAX);
        let line = rows.get(index).copied().unwrap_or_default();
        let problems = result["problems"].as_array().into_iter().flatten();
        let why: Vec<String> = problems.map(|problem| shown(&problem["detail"])).collect();
        tally.refused.push((line, why.join("; ")));
    }
    rows.clear();
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_a_rule_with_its_other_columns_as_settings() {
        let text = "condition,product_id,location,below,escalate_minutes,enabled,owner\nlow_stock,BOLT,w/bin,12.5,30,no,\n,NUT,,3,,,anna\n";
        let mut reader = csv::Reader::from_reader(text.as_bytes());
        let header = reader.headers().unwrap().clone();
        let rules: Vec<Value> =
            reader.records().map(|record| rule_of(&header, &record.unwrap(), Some("overstock"))).collect();
        let expect = [
            json!({"rule": "low_stock:BOLT:w/bin", "condition": "low_stock", "product_id": "BOLT", "location": "w/bin",
                   "escalate_minutes": 30, "enabled": false, "settings": {"below": "12.5"}}),
            json!({"rule": "overstock:NUT", "condition": "overstock", "product_id": "NUT", "owner": "anna",
                   "settings": {"below": "3"}}),
        ];
        assert_eq!(rules, expect);
    }
}
