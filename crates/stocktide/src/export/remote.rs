//! Exports from a running server, page by page.

use super::Range;
use crate::client::Client;
use anyhow::{Context, Result};
use ledger::{Position, Timestamp};
use serde_json::Value;
use std::io::Write;

/// The most that a page holds.
const STOCK_PAGE: usize = 1000;
const HISTORY_PAGE: usize = 500;

/// Writes stock levels as CSV, in the columns of an export from a directory.
///
/// # Errors
/// The server can't be reached or refuses, or the output can't be written.
pub(super) fn stock(client: &mut Client, out: &mut dyn Write) -> Result<()> {
    let mut csv = csv::Writer::from_writer(out);
    csv.write_record(super::stock::COLUMNS)?;
    let mut cursor = None;
    loop {
        let page = page(client, &format!("/v1/stock?group_by=lot&limit={STOCK_PAGE}"), cursor.as_deref())?;
        let as_of = text(&page, "as_of_position");
        for item in items(&page) {
            let on_hand = text(item, "on_hand_quantity");
            let reserved = text(item, "reserved_quantity");
            if [&on_hand, &reserved].iter().all(|quantity| matches!(quantity.as_str(), "0" | "")) {
                continue;
            }
            csv.write_record([
                &text(item, "product_id"),
                &text(item, "location"),
                &text(item, "lot"),
                &text(item, "expiry"),
                &text(item, "status"),
                &on_hand,
                &text(item, "unit"),
                &reserved,
                &text(item, "warehouse_id"),
                &as_of,
            ])?;
        }
        cursor = next(&page);
        if cursor.is_none() {
            csv.flush()?;
            return Ok(());
        }
    }
}

/// Writes entries as NDJSON, the newest first.
///
/// # Errors
/// As [`stock`].
pub(super) fn entries(client: &mut Client, range: Range, out: &mut dyn Write) -> Result<()> {
    let mut path = format!("/v1/history?limit={HISTORY_PAGE}");
    for (name, at, open) in
        [("known_from", range.recorded.0, Timestamp::MIN), ("known_to", range.recorded.1, Timestamp::MAX)]
    {
        if at != open {
            path.push_str(&format!("&{name}={}", wire::time::render_timestamp(at)));
        }
    }
    let (from, to) = range.positions;
    let mut cursor = (to != Position(u64::MAX)).then(|| to.next().to_string());
    loop {
        let page = page(client, &path, cursor.as_deref())?;
        for item in items(&page) {
            if item.get("position").and_then(Value::as_u64).is_some_and(|position| position < from.0) {
                return Ok(());
            }
            writeln!(out, "{item}").context("writing the export")?;
        }
        cursor = next(&page);
        if cursor.is_none() {
            return Ok(());
        }
    }
}

fn page(client: &mut Client, path: &str, cursor: Option<&str>) -> Result<Value> {
    let path = cursor.map_or_else(|| path.to_owned(), |cursor| format!("{path}&cursor={}", encoded(cursor)));
    client.get(&path)?.json()
}

fn items(page: &Value) -> impl Iterator<Item = &Value> {
    page.get("items").and_then(Value::as_array).into_iter().flatten()
}

fn next(page: &Value) -> Option<String> {
    page.get("next").and_then(Value::as_str).map(str::to_owned)
}

/// A member as text; empty when it is absent.
fn text(item: &Value, name: &str) -> String {
    match item.get(name) {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    }
}

/// A text as it may stand in a query.
fn encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}
