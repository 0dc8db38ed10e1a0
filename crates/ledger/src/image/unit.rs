//! The image of what was reported of handling units. Their links follow from the rest.

use super::catalog::{put_account_key, take_account_key};
use super::{ImageError, Sink, Source, take_id, take_kind, take_time};
use crate::unit::{LineKey, Log, SerialBase, Standing, Units, Whereabouts};
use crate::{
    Catalog, LocationId, LotId, ProductId, Quantity, SerialId, Status, UnitContent, UnitDeed, UnitId, UnitPlace,
    UnitReport,
};
use std::collections::BTreeMap;

pub(super) fn put(to: &mut impl Sink, units: &Units) {
    for log in &units.logs {
        to.put_option(log.horizon, |to, at| to.put_i64(at.0));
        put_stand(to, (log.place, log.parent, log.seen_at.0));
        put_stand(to, (log.base.place, log.base.parent, log.base.seen_at.0));
        to.put_length(log.base.lines.len());
        for (line, quantity) in &log.base.lines {
            put_line(to, *line);
            to.put_i64(*quantity);
        }
        to.put_length(log.reports.len());
        for report in &log.reports {
            put_report(to, report);
        }
    }
    to.put_length(units.serials.len());
    for (serial, base) in &units.serials {
        to.put_u32(serial.0);
        to.put_i64(base.horizon.0);
        to.put_option(base.at.place, put_account_key);
        to.put_option(base.at.unit, |to, unit| to.put_u32(unit.0));
        to.put_option(base.at.line, put_line);
    }
}

pub(super) fn take(from: &mut impl Source, catalog: &Catalog) -> Result<Units, ImageError> {
    let mut units = Units::default();
    for index in 0..catalog.units.len() {
        units.logs.push(take_log(from, catalog, UnitId::at(index))?);
    }
    for _ in 0..from.take_length()? {
        let serial = take_serial(from, catalog)?;
        let base = SerialBase {
            horizon: take_time(from)?,
            at: Whereabouts {
                place: from.take_option(|from| take_account_key(from, catalog))?,
                unit: from.take_option(|from| take_unit(from, catalog))?,
                line: from.take_option(|from| take_line(from, catalog))?,
            },
        };
        if units.serials.last_key_value().is_some_and(|(last, _)| *last >= serial) {
            return Err(ImageError::Damaged("the order of packed serials"));
        }
        units.serials.insert(serial, base);
    }
    if (0..units.logs.len()).any(|index| is_in_itself(&units, index)) {
        return Err(ImageError::Damaged("what a handling unit is in"));
    }
    units.relink();
    Ok(units)
}

/// Whether following what a unit was in at its horizon never ends.
fn is_in_itself(units: &Units, index: usize) -> bool {
    let mut outer = units.logs[index].base.parent;
    for _ in 0..units.logs.len() {
        let Some(unit) = outer else { return false };
        outer = units.logs[unit.index()].base.parent;
    }
    outer.is_some()
}

fn take_log(from: &mut impl Source, catalog: &Catalog, unit: UnitId) -> Result<Log, ImageError> {
    let horizon = from.take_option(take_time)?;
    let (place, parent, seen_at) = take_stand(from, catalog)?;
    let base = take_stand(from, catalog)?;
    let mut lines = BTreeMap::new();
    for _ in 0..from.take_length()? {
        lines.insert(take_line(from, catalog)?, from.take_i64()?);
    }
    let reports = from.take_list(|from| take_report(from, catalog, unit))?;
    if !reports.is_sorted_by(|a, b| a.rank() <= b.rank()) {
        return Err(ImageError::Damaged("the order of a unit's reports"));
    }
    Ok(Log { horizon, base: Standing::new(base.0, base.1, base.2, lines), place, parent, seen_at, reports })
}

fn put_stand(to: &mut impl Sink, (place, parent, seen_at): (Option<UnitPlace>, Option<UnitId>, i64)) {
    to.put_option(place, put_place);
    to.put_option(parent, |to, unit| to.put_u32(unit.0));
    to.put_i64(seen_at);
}

type Stand = (Option<UnitPlace>, Option<UnitId>, crate::Timestamp);

fn take_stand(from: &mut impl Source, catalog: &Catalog) -> Result<Stand, ImageError> {
    let place = from.take_option(|from| take_place(from, catalog))?;
    Ok((place, from.take_option(|from| take_unit(from, catalog))?, take_time(from)?))
}

fn put_place(to: &mut impl Sink, place: UnitPlace) {
    to.put_u8(place.kind as u8);
    to.put_u32(place.location.0);
}

fn take_place(from: &mut impl Source, catalog: &Catalog) -> Result<UnitPlace, ImageError> {
    Ok(UnitPlace { kind: take_kind(from)?, location: LocationId(take_id(from, catalog.locations.len())?) })
}

fn put_line(to: &mut impl Sink, (product, lot, status): LineKey) {
    to.put_u32(product.0);
    to.put_u32(lot.0);
    put_status(to, status);
}

fn take_line(from: &mut impl Source, catalog: &Catalog) -> Result<LineKey, ImageError> {
    let product = ProductId(take_id(from, catalog.products.len())?);
    Ok((product, LotId(take_id(from, catalog.lots.len())?), take_status(from)?))
}

fn put_status(to: &mut impl Sink, status: Status) {
    to.put_u8(crate::AccountKind::on_hand(status) as u8);
}

fn take_status(from: &mut impl Source) -> Result<Status, ImageError> {
    take_kind(from)?.status().ok_or(ImageError::Damaged("a status"))
}

fn take_unit(from: &mut impl Source, catalog: &Catalog) -> Result<UnitId, ImageError> {
    take_id(from, catalog.units.len()).map(UnitId)
}

fn take_serial(from: &mut impl Source, catalog: &Catalog) -> Result<SerialId, ImageError> {
    take_id(from, catalog.serials.len()).map(SerialId)
}

fn put_report(to: &mut impl Sink, report: &UnitReport) {
    to.put_i64(report.seen_at.0);
    to.put_text(&report.id);
    to.put_u8(report.deed as u8);
    to.put_option(report.place, put_place);
    to.put_option(report.status, put_status);
    to.put_u8(report.counterpart as u8);
    to.put_length(report.contents.len());
    for content in &report.contents {
        match *content {
            UnitContent::Stock { product, lot, status, quantity } => {
                to.put_u8(0);
                put_line(to, (product, lot, status));
                to.put_i64(quantity.micros());
            }
            UnitContent::Serial { serial, product, lot, status } => {
                to.put_u8(1);
                put_line(to, (product, lot, status));
                to.put_u32(serial.0);
            }
            UnitContent::Unit(unit) => {
                to.put_u8(2);
                to.put_u32(unit.0);
            }
        }
    }
    to.put_text(&report.reference);
}

fn take_report(from: &mut impl Source, catalog: &Catalog, unit: UnitId) -> Result<UnitReport, ImageError> {
    Ok(UnitReport {
        unit,
        seen_at: take_time(from)?,
        id: from.take_text()?,
        deed: UnitDeed::from_number(from.take_u8()?).ok_or(ImageError::Damaged("a unit's report"))?,
        place: from.take_option(|from| take_place(from, catalog))?,
        status: from.take_option(take_status)?,
        counterpart: take_kind(from)?,
        contents: from.take_list(|from| take_content(from, catalog))?,
        reference: from.take_text()?,
    })
}

fn take_content(from: &mut impl Source, catalog: &Catalog) -> Result<UnitContent, ImageError> {
    let number = from.take_u8()?;
    if number == 2 {
        return take_unit(from, catalog).map(UnitContent::Unit);
    }
    let (product, lot, status) = take_line(from, catalog)?;
    match number {
        0 => {
            let quantity = Quantity::from_micros(from.take_i64()?);
            Ok(UnitContent::Stock { product, lot, status, quantity })
        }
        1 => Ok(UnitContent::Serial { serial: take_serial(from, catalog)?, product, lot, status }),
        _ => Err(ImageError::Damaged("what a unit holds")),
    }
}
