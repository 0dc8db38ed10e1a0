//! Stock on hand now, as CSV: a row for each product, location, lot and status that holds any.

use super::for_each_entry;
use crate::directory;
use anyhow::{Context, Result};
use ledger::State;
use std::io::Write;
use std::path::Path;

/// The columns, in their order. The first seven are those that `import --opening-stock` takes.
pub(super) const COLUMNS: [&str; 10] = [
    "product_id",
    "location",
    "lot",
    "expiry",
    "status",
    "quantity",
    "unit",
    "reserved_quantity",
    "warehouse_id",
    "as_of_position",
];

/// Writes the levels, sorted by product, location, lot and status.
///
/// # Errors
/// The journal can't be read, or the output can't be written.
pub(super) fn write(directory: &Path, out: &mut dyn Write) -> Result<()> {
    let reader = directory::read_only(directory)?;
    // The seed orders hash tables and nothing else.
    let mut state = State::new(0);
    for_each_entry(directory, &reader, &mut |position, entry| {
        if !state.accepts(&entry.decision) {
            return Err(engine::Error::Sequence { position: position.0 }.into());
        }
        state.apply(&entry.decision);
        Ok(true)
    })?;
    rows(&state, out).context("writing the export")
}

fn rows(state: &State, out: &mut dyn Write) -> Result<()> {
    let catalog = state.catalog();
    let mut filled: Vec<_> = catalog
        .accounts()
        .filter(|(id, key)| key.kind.is_on_hand() && !(state.balance(*id).is_zero() && state.reserved(*id).is_zero()))
        .collect();
    filled.sort_by_key(|(_, key)| {
        let product = &catalog.product(key.product).name;
        (product, &catalog.location(key.location).path, &catalog.lot(key.lot).name, key.kind)
    });
    let mut csv = csv::Writer::from_writer(out);
    csv.write_record(COLUMNS)?;
    let as_of = state.position().to_string();
    for (id, key) in filled {
        let (product, location, lot) =
            (catalog.product(key.product), catalog.location(key.location), catalog.lot(key.lot));
        let expiry = lot.expiry.map(wire::time::render_day).unwrap_or_default();
        csv.write_record([
            &*product.name,
            &*location.path,
            &*lot.name,
            &*expiry,
            key.kind.status().map_or("", ledger::Status::name),
            &state.balance(id).to_string(),
            product.base_unit(),
            &state.reserved(id).to_string(),
            &*catalog.location(location.warehouse).path,
            &*as_of,
        ])?;
    }
    csv.flush()?;
    Ok(())
}
