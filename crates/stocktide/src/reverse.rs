//! `stocktide reverse`: undo an entry by its opposite.

use crate::client::{Client, ServerAddressArgs};
use crate::config::ConfigFile;
use crate::directory::{self, DataArgs};
use crate::failure::{Ended, usage};
use crate::{clock, output};
use anyhow::{Context, Result, bail};
use bytes::Bytes;
use clap::Args;
use engine::{Outcome, Receipt};
use ledger::{AccountKey, Position, Quantity};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

const EXAMPLES: &str = "\
The entry stays in the journal; a new one posts its opposite. Reversing it again changes nothing.

Examples:
  stocktide reverse 1234 --reason \"scanned twice\" --dry-run --url http://127.0.0.1:8600
  stocktide reverse 1234 --reason \"scanned twice\" --data stock";

/// Undoes an entry by its opposite.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct ReverseArgs {
    /// The position of the entry.
    position: u64,
    /// Why, for whoever reads the history.
    #[arg(long, value_name = "TEXT")]
    reason: String,
    /// Judges and changes nothing.
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    data: DataArgs,
    #[command(flatten)]
    server: ServerAddressArgs,
}

/// Later entries that a preview names.
const LATER_MAX: usize = 20;

/// A reversal to make.
pub(crate) struct Reverse {
    position: Position,
    reason: String,
    dry_run: bool,
    way: Way,
}

enum Way {
    Directory(PathBuf, engine::Settings),
    Server(Client),
}

impl Reverse {
    /// What the arguments mean.
    ///
    /// # Errors
    /// An empty reason, or an address that can't be used.
    pub(crate) fn new(args: ReverseArgs, config: &ConfigFile) -> Result<Self> {
        let reason = args.reason.trim().to_owned();
        if reason.is_empty() {
            return usage("--reason is empty; say why");
        }
        let way = match args.server.client(&args.data, config)? {
            Some(client) => Way::Server(client),
            None => Way::Directory(args.data.directory(config), config.engine.settings()?),
        };
        Ok(Self { position: Position(args.position), reason, dry_run: args.dry_run, way })
    }

    /// Reverses the entry and says where that stands.
    ///
    /// # Errors
    /// There is no such entry, it can't be reversed, or the world fails.
    pub(crate) fn run(self) -> Result<Ended> {
        let Self { position, reason, dry_run, way } = self;
        let said = match way {
            Way::Server(mut client) => {
                let path = format!("/v1/entries/{position}/reverse?dry_run={dry_run}");
                let body = Bytes::from(json!({ "reason": reason }).to_string());
                let answer = client.post(&path, "application/json", body)?.json()?;
                serde_json::to_string_pretty(&answer)?
            }
            Way::Directory(directory, settings) => {
                let engine = directory::open(&directory, settings, clock::engine_clock())?;
                let judged = reverse_here(&engine.handle(), position, &reason, dry_run);
                let preview = judged.as_ref().ok().map(|receipt| preview(&engine.handle(), position, receipt));
                engine.shutdown()?;
                match judged?.outcome(0) {
                    Outcome::Accepted { .. } if dry_run => preview.transpose()?.unwrap_or_default(),
                    Outcome::Accepted { position: at } => format!("reversed entry {position} by entry {at}"),
                    Outcome::Duplicate { position: at, .. } => {
                        format!("entry {position} was reversed before, by entry {at}")
                    }
                    Outcome::Held { rejection, .. } | Outcome::Rejected { rejection } => {
                        bail!("entry {position} was not reversed: {}: {rejection}", rejection.code())
                    }
                }
            }
        };
        output::line(&said)?;
        Ok(Ended::Done)
    }
}

fn reverse_here(handle: &engine::Handle, position: Position, reason: &str, dry_run: bool) -> Result<Receipt> {
    let mut batch = wire::Batch::new();
    handle.push_reversal(&mut batch, "operator", position, reason, handle.now())?;
    let (sender, receiver) = std::sync::mpsc::sync_channel(1);
    let done = move |receipt| drop(sender.send(receipt));
    let handed_in = if dry_run { handle.rehearse(batch, done) } else { handle.submit(batch, done) };
    handed_in.context("reversing")?;
    receiver.recv().context("waiting for the ledger")?.context("reversing")
}

/// What a reversal would change, account by account, and which later entries moved the same stock.
fn preview(handle: &engine::Handle, position: Position, receipt: &Receipt) -> Result<String> {
    let views = handle.views();
    let catalog = views.catalog();
    let mut changes: BTreeMap<AccountKey, (Quantity, i64)> = BTreeMap::new();
    for rehearsed in &receipt.rehearsed {
        for (posting, (key, before)) in rehearsed.decision.postings.iter().zip(&rehearsed.before) {
            let change = changes.entry(*key).or_insert((*before, 0));
            change.1 = change.1.saturating_add(posting.delta.micros());
        }
    }
    let mut table = output::table(["account", "product", "location", "lot", "now", "change", "then"]);
    let mut later = BTreeSet::new();
    for (key, (before, delta)) in changes {
        let then = Quantity::from_micros(before.micros().saturating_add(delta));
        table.add_row([
            key.kind.name().to_owned(),
            catalog.product(key.product).name.to_string(),
            catalog.location(key.location).path.to_string(),
            catalog.lot(key.lot).name.to_string(),
            before.to_string(),
            Quantity::from_micros(delta).to_string(),
            then.to_string(),
        ]);
        if let Some(account) = catalog.find_account(key) {
            let newest = handle.history().positions(account, Position(u64::MAX), LATER_MAX)?;
            later.extend(newest.into_iter().filter(|at| *at > position));
        }
    }
    output::right(&mut table, &[4, 5, 6]);
    let later: Vec<String> = later.iter().rev().take(LATER_MAX).map(Position::to_string).collect();
    let dependents = if later.is_empty() {
        "no later entry moved the same stock".to_owned()
    } else {
        format!("later entries of the same stock, the newest first: {}", later.join(" "))
    };
    Ok(format!("entry {position} can be reversed\n\n{table}\n\n{dependents}"))
}
