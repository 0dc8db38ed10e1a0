//! Handling units: where each stands, in which other one, and what it holds.

use crate::Views;
use crate::image::{put_serial, take_id, take_position, take_serial, take_time, take_unit};
use crate::page::{InvalidCursor, Page, Paging, is_within, parse_cursor, render_cursor};
use ledger::{
    AccountKind, Catalog, ImageError, LocationId, LotId, Position, ProductId, Quantity, SerialId, Sink, Source, Status,
    Timestamp, UnitHolds, UnitId, UnitPlace, UnitStands,
};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::sync::Arc;

/// Lines, serials and units past which a page takes no more handling units.
const CONTENTS_MAX: usize = 10_000;

/// Units that are shown within one, nested ones included: what the ledger lets one hold, and some.
const NESTED_MAX: usize = 10_000;

/// A handling unit as it stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Record {
    place: Option<UnitPlace>,
    parent: Option<UnitId>,
    seen_at: Option<Timestamp>,
    position: Position,
    lines: BTreeMap<(ProductId, LotId, Status), Quantity>,
    serials: BTreeSet<SerialId>,
    units: BTreeSet<UnitId>,
}

/// Every handling unit, by its number, and what they are in.
#[derive(Debug, Default)]
pub(crate) struct Units {
    records: Vec<Record>,
    by_name: BTreeMap<Arc<str>, UnitId>,
    holders: BTreeMap<SerialId, UnitId>,
}

impl Units {
    fn record(&mut self, unit: UnitId, position: Position) -> &mut Record {
        if self.records.len() <= unit.index() {
            self.records.resize_with(unit.index() + 1, Record::default);
        }
        let record = &mut self.records[unit.index()];
        record.position = record.position.max(position);
        record
    }

    pub(crate) fn stands(&mut self, catalog: &Catalog, stands: &UnitStands, position: Position) {
        self.by_name.entry(catalog.unit(stands.unit).clone()).or_insert(stands.unit);
        let record = self.record(stands.unit, position);
        record.place = stands.place;
        record.seen_at = (stands.seen_at != Timestamp::MIN).then_some(stands.seen_at);
        let before = std::mem::replace(&mut record.parent, stands.parent);
        if before == stands.parent {
            return;
        }
        if let Some(before) = before {
            self.record(before, position).units.remove(&stands.unit);
        }
        if let Some(parent) = stands.parent {
            self.record(parent, position).units.insert(stands.unit);
        }
    }

    pub(crate) fn holds(&mut self, holds: &UnitHolds, position: Position) {
        let lines = &mut self.record(holds.unit, position).lines;
        let line = (holds.product, holds.lot, holds.status);
        if holds.quantity.is_zero() {
            lines.remove(&line);
        } else {
            lines.insert(line, holds.quantity);
        }
    }

    pub(crate) fn serial(&mut self, serial: SerialId, unit: Option<UnitId>, position: Position) {
        let before = match unit {
            Some(unit) => self.holders.insert(serial, unit),
            None => self.holders.remove(&serial),
        };
        if before == unit {
            return;
        }
        if let Some(before) = before {
            self.record(before, position).serials.remove(&serial);
        }
        if let Some(unit) = unit {
            self.record(unit, position).serials.insert(serial);
        }
    }
}

pub(crate) fn put(to: &mut impl Sink, catalog: &Catalog, units: &Units) {
    to.put_length(units.records.len());
    for record in &units.records {
        to.put_option(record.place, |to, place| {
            to.put_u8(place.kind as u8);
            to.put_u32(place.location.0);
        });
        to.put_option(record.parent, |to, parent| to.put_u32(parent.0));
        to.put_option(record.seen_at, |to, at| to.put_i64(at.0));
        to.put_u64(record.position.0);
        to.put_length(record.lines.len());
        for ((product, lot, status), quantity) in &record.lines {
            to.put_u32(product.0);
            to.put_text(&catalog.lot(*lot).name);
            to.put_u8(AccountKind::on_hand(*status) as u8);
            to.put_i64(quantity.micros());
        }
    }
    to.put_length(units.holders.len());
    for (serial, unit) in &units.holders {
        put_serial(to, catalog, *serial);
        to.put_u32(unit.0);
    }
}

pub(crate) fn take(from: &mut impl Source, catalog: &Catalog) -> Result<Units, ImageError> {
    let mut units = Units { records: from.take_list(|from| take_record(from, catalog))?, ..Units::default() };
    if units.records.len() > catalog.units() {
        return Err(ImageError::Damaged("a handling unit past its table"));
    }
    for index in 0..units.records.len() {
        let unit = UnitId::at(index);
        units.by_name.insert(catalog.unit(unit).clone(), unit);
        if let Some(parent) = units.records[index].parent {
            let parent = units.records.get_mut(parent.index()).ok_or(ImageError::Damaged("an outer unit"))?;
            parent.units.insert(unit);
        }
    }
    for _ in 0..from.take_length()? {
        let (serial, unit) = (take_serial(from, catalog)?, take_unit(from, catalog)?);
        let record = units.records.get_mut(unit.index()).ok_or(ImageError::Damaged("a serial's unit"))?;
        record.serials.insert(serial);
        units.holders.insert(serial, unit);
    }
    Ok(units)
}

fn take_record(from: &mut impl Source, catalog: &Catalog) -> Result<Record, ImageError> {
    let place = from.take_option(|from| {
        let kind = AccountKind::from_number(from.take_u8()?).ok_or(ImageError::Damaged("a unit's place"))?;
        Ok(UnitPlace { kind, location: LocationId(take_id(from, catalog.locations().len())?) })
    })?;
    let parent = from.take_option(|from| take_unit(from, catalog))?;
    let seen_at = from.take_option(take_time)?;
    let mut record = Record { place, parent, seen_at, position: take_position(from)?, ..Record::default() };
    for _ in 0..from.take_length()? {
        let product = ProductId(take_id(from, catalog.products().len())?);
        let lot = catalog.find_lot(product, &from.take_text::<Box<str>>()?).ok_or(ImageError::Damaged("a lot"))?;
        let status = AccountKind::from_number(from.take_u8()?).and_then(AccountKind::status);
        let line = (product, lot, status.ok_or(ImageError::Damaged("a status"))?);
        record.lines.insert(line, Quantity::from_micros(from.take_i64()?));
    }
    Ok(record)
}

/// Which handling units to list.
#[derive(Clone, Copy, Debug, Default)]
pub struct UnitQuery<'a> {
    /// Those at this location or below it, on hand or on their way there.
    pub location: Option<&'a str>,
    /// Those in no other unit, or those in one.
    pub is_outermost: Option<bool>,
    /// Items a page, 1,000 at most; 0 for 100.
    pub limit: usize,
    /// The `next` of the page before; `None` or empty for the first.
    pub cursor: Option<&'a str>,
}

/// A handling unit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnitItem {
    /// Its licence plate.
    pub unit: Arc<str>,
    /// Where: on hand a location, in transit the warehouse that it goes to, outside where it left from.
    pub location: Option<Arc<str>>,
    /// On hand (`available`, whatever the status of what it holds), in transit, or where it went to; `None` while nobody
    /// saw it.
    pub place: Option<AccountKind>,
    /// The unit that it is in.
    pub parent: Option<Arc<str>>,
    /// When it was last seen, or moved with the unit that it is in.
    pub last_seen: Option<Timestamp>,
    /// What it holds by itself, by quantity.
    pub lines: Vec<UnitLine>,
    /// The serialised units that it holds by itself: product and serial.
    pub serials: Vec<(Arc<str>, Arc<str>)>,
    /// The units in it: in lists their names alone, asked for by name with all that they hold.
    pub units: Vec<UnitItem>,
    /// The newest entry that changed it.
    pub position: Position,
}

/// Some stock in a handling unit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnitLine {
    /// The product.
    pub product: Arc<str>,
    /// The lot; `None` for stock without one.
    pub lot: Option<Arc<str>>,
    /// In which status.
    pub status: Status,
    /// How much, in base units.
    pub quantity: Quantity,
}

impl Views {
    /// The handling unit of this name with all that it holds, nested units too; `None` when it was never named.
    pub fn unit(&self, name: &str) -> Option<UnitItem> {
        let unit = *self.units.by_name.get(name)?;
        let mut left = NESTED_MAX;
        Some(self.unit_item(unit, true, &mut left))
    }

    /// Lists handling units by name. A page also ends once its units hold 10,000 lines, serials and units.
    ///
    /// # Errors
    /// [`InvalidCursor`] when the cursor is of another list.
    pub fn units(&self, query: &UnitQuery<'_>) -> Result<Page<UnitItem>, InvalidCursor> {
        let after = match parse_cursor('u', query.cursor)? {
            Some([id]) => {
                let id = u32::try_from(id).ok().map(UnitId).filter(|id| id.index() < self.catalog.units());
                Bound::Excluded(&**self.catalog.unit(id.ok_or(InvalidCursor)?))
            }
            None => Bound::Unbounded,
        };
        let mut paging = Paging::new(query.limit);
        let mut contents = 0;
        for unit in self.units.by_name.range::<str, _>((after, Bound::Unbounded)).map(|(_, unit)| *unit) {
            let record = &self.units.records[unit.index()];
            let is_asked = self.asks_for_unit(query, record);
            let item = || is_asked.then(|| self.unit_item(unit, false, &mut 0));
            if paging.look(unit, item).is_break() {
                break;
            }
            contents += if is_asked { record.lines.len() + record.serials.len() + record.units.len() } else { 0 };
            if contents >= CONTENTS_MAX {
                paging.close();
            }
        }
        Ok(paging.finish(self.position, |unit| render_cursor('u', &[u64::from(unit.0)])))
    }

    fn asks_for_unit(&self, query: &UnitQuery<'_>, record: &Record) -> bool {
        query.is_outermost.is_none_or(|is_outermost| is_outermost == record.parent.is_none())
            && query.location.is_none_or(|location| {
                let place = record.place.filter(|place| place.is_inside());
                place.is_some_and(|place| is_within(&self.catalog.location(place.location).path, location))
            })
    }

    fn unit_item(&self, unit: UnitId, is_nested: bool, left: &mut usize) -> UnitItem {
        let (catalog, empty) = (&self.catalog, Record::default());
        let record = self.units.records.get(unit.index()).unwrap_or(&empty);
        let line = |((product, lot, status), quantity): (&(ProductId, LotId, Status), &Quantity)| UnitLine {
            product: catalog.product(*product).name.clone(),
            lot: (*lot != LotId::NONE).then(|| catalog.lot(*lot).name.clone()),
            status: *status,
            quantity: *quantity,
        };
        let serial = |serial: &SerialId| {
            let serial = catalog.serial(*serial);
            (catalog.product(serial.product).name.clone(), serial.name.clone())
        };
        let mut units = Vec::new();
        for inner in &record.units {
            if is_nested && *left > 0 {
                *left -= 1;
                units.push(self.unit_item(*inner, true, left));
            } else {
                units.push(self.unit_name(*inner));
            }
        }
        UnitItem {
            lines: record.lines.iter().map(line).collect(),
            serials: record.serials.iter().map(serial).collect(),
            units,
            ..self.unit_name(unit)
        }
    }

    /// A unit without what it holds.
    fn unit_name(&self, unit: UnitId) -> UnitItem {
        let catalog = &self.catalog;
        let record = self.units.records.get(unit.index());
        let place = record.and_then(|record| record.place);
        UnitItem {
            unit: catalog.unit(unit).clone(),
            location: place.map(|place| catalog.location(place.location).path.clone()),
            place: place.map(|place| place.kind),
            parent: record.and_then(|record| record.parent).map(|parent| catalog.unit(parent).clone()),
            last_seen: record.and_then(|record| record.seen_at),
            lines: Vec::new(),
            serials: Vec::new(),
            units: Vec::new(),
            position: record.map_or(Position::ZERO, |record| record.position),
        }
    }
}
