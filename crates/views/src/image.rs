//! Flat images of the views, for snapshot files. See [`Sink`] and [`Source`] for the form.
//!
//! Canonical: equal views have equal images. Sums, counters, orders and indexes follow from the rest, so they are left
//! out and rebuilt. Loading trusts nothing that could make it panic later.

use crate::activity::Entry;
use crate::codes::Codes;
use crate::expected::Promise;
use crate::held::HeldState;
use crate::names::Names;
use crate::stock::Aside;
use crate::tasks::{self, Closure, Resolution, account_of};
use crate::{Views, alerts, held, reservations, units};
use ledger::{
    AccountId, Catalog, Day, DecisionKind, Discrepancy, ImageError, LocationId, LotId, PartyId, Position, ProductId,
    Quantity, ReasonId, ReservationState, ReservedLine, SerialId, Sink, Source, Timestamp, UnitId, Unusable,
};
use std::sync::Arc;

/// The layout of images. Changes with every change of what [`Views::save`] writes; an image of another version is
/// refused, and whoever asked replays the journal instead.
pub const IMAGE_VERSION: u32 = 3;

const OUTCOMES: [ReservationState; 4] =
    [ReservationState::Pending, ReservationState::Fulfilled, ReservationState::Released, ReservationState::Expired];

impl Views {
    /// Writes the image.
    pub fn save(&self, to: &mut impl Sink) {
        to.put_u32(IMAGE_VERSION);
        self.catalog.save(to);
        to.put_u64(self.position.0);
        to.put_i64(self.recorded_at.0);
        for (level, aside) in self.stock.levels.iter().zip(&self.stock.asides) {
            to.put_i64(level.balance);
            to.put_i64(level.last_updated.0);
            to.put_u64(level.last_position.0);
            to.put_i64(aside.reserved);
            to.put_i64(aside.counted_at.0);
        }
        to.put_length(self.promises.0.len());
        for (account, open) in &self.promises.0 {
            to.put_u32(account.0);
            to.put_length(open.len());
            open.iter().for_each(|promise| put_promise(to, promise));
        }
        self.save_reservations(to);
        self.save_held(to);
        units::put(to, &self.catalog, &self.units);
        self.save_tasks(to);
        alerts::put(to, &self.catalog, &self.alerts);
        to.put_length(self.activity.0.len());
        self.activity.0.iter().for_each(|entry| put_entry(to, &self.catalog, entry));
    }

    fn save_reservations(&self, to: &mut impl Sink) {
        let table = &self.reservations;
        to.put_length(table.pending.len());
        for (made, record) in &table.pending {
            put_reservation(to, *made, record);
        }
        to.put_length(table.ended_order.len());
        for made in &table.ended_order {
            put_reservation(to, *made, &table.ended[made]);
        }
    }

    fn save_held(&self, to: &mut impl Sink) {
        to.put_length(self.held.open.len());
        for (position, record) in &self.held.open {
            put_held(to, &self.catalog, *position, record);
        }
        to.put_length(self.held.closed_order.len());
        for position in &self.held.closed_order {
            put_held(to, &self.catalog, *position, &self.held.closed[position]);
        }
    }

    fn save_tasks(&self, to: &mut impl Sink) {
        let is_open = |record: &&tasks::Record| record.closure.is_none();
        to.put_length(self.tasks.records.values().filter(is_open).count());
        for (key, record) in self.tasks.records.iter().filter(|(_, record)| is_open(record)) {
            put_task(to, &self.catalog, *key, record);
        }
        to.put_length(self.tasks.closed.len());
        for (_, key) in &self.tasks.closed {
            put_task(to, &self.catalog, *key, &self.tasks.records[key]);
        }
    }

    /// Reads an image.
    ///
    /// # Errors
    /// As [`Source`], and [`ImageError::Version`] first of all.
    pub fn load(from: &mut impl Source) -> Result<Self, ImageError> {
        match from.take_u32()? {
            IMAGE_VERSION => {}
            found => return Err(ImageError::Version { found }),
        }
        let mut views = Self::new(0);
        views.catalog = Catalog::load(from)?;
        views.names = Names::of(&views.catalog);
        views.position = Position(from.take_u64()?);
        views.recorded_at = take_time(from)?;
        views.stock.grow(&views.catalog, Position::ZERO, Timestamp::MIN);
        for index in 0..views.catalog.accounts().len() {
            let level = (from.take_i64()?, take_time(from)?, take_position(from)?);
            let aside = Aside { reserved: from.take_i64()?, counted_at: take_time(from)? };
            views.stock.restore(AccountId::at(index), level, aside);
        }
        for _ in 0..from.take_length()? {
            let account = take_account(from, &views.catalog)?;
            let open = from.take_list(take_promise)?;
            if views.promises.0.last_key_value().is_some_and(|(last, _)| *last >= account) {
                return Err(ImageError::Damaged("the order of what is expected"));
            }
            views.promises.0.insert(account, open);
        }
        views.load_reservations(from)?;
        views.load_held(from)?;
        views.units = units::take(from, &views.catalog)?;
        views.load_tasks(from)?;
        views.alerts = alerts::take(from, &views.catalog)?;
        let entries = from.take_list(|from| take_entry(from, &views.catalog))?;
        views.activity.0 = entries.into();
        Ok(views)
    }

    fn load_reservations(&mut self, from: &mut impl Source) -> Result<(), ImageError> {
        let table = &mut self.reservations;
        for _ in 0..from.take_length()? {
            let (made, record) = take_reservation(from, &self.catalog)?;
            table.pending.insert(made, record);
        }
        for _ in 0..from.take_length()? {
            let (made, record) = take_reservation(from, &self.catalog)?;
            table.ended_order.push_back(made);
            table.ended.insert(made, record);
        }
        for (made, record) in table.pending.iter().chain(&table.ended) {
            let newest = table.by_name.entry(record.name.clone()).or_insert(*made);
            *newest = (*newest).max(*made);
        }
        Ok(())
    }

    fn load_held(&mut self, from: &mut impl Source) -> Result<(), ImageError> {
        for _ in 0..from.take_length()? {
            let (position, record) = take_held(from, &self.catalog)?;
            self.held.open(position, record);
        }
        for _ in 0..from.take_length()? {
            let (position, record) = take_held(from, &self.catalog)?;
            self.held.closed_order.push_back(position);
            self.held.closed.insert(position, record);
        }
        Ok(())
    }

    fn load_tasks(&mut self, from: &mut impl Source) -> Result<(), ImageError> {
        for _ in 0..from.take_length()? {
            let (key, record) = take_task(from, &self.catalog)?;
            let account = account_of(&record.discrepancy);
            let (Some(account), None) = (account, record.closure) else {
                return Err(ImageError::Damaged("an open discrepancy"));
            };
            let codes = Codes::of(&record.discrepancy);
            self.tasks.records.insert(key, record);
            self.tasks.open(&mut self.stock, account, key, codes);
        }
        for _ in 0..from.take_length()? {
            let (key, record) = take_task(from, &self.catalog)?;
            let closure = record.closure.ok_or(ImageError::Damaged("a closed discrepancy"))?;
            self.tasks.closed.push_back((closure.position, key));
            self.tasks.records.insert(key, record);
        }
        Ok(())
    }
}

fn put_time(to: &mut impl Sink, at: Timestamp) {
    to.put_i64(at.0);
}

pub(crate) fn take_time(from: &mut impl Source) -> Result<Timestamp, ImageError> {
    from.take_i64().map(Timestamp)
}

fn put_position(to: &mut impl Sink, position: Position) {
    to.put_u64(position.0);
}

pub(crate) fn take_position(from: &mut impl Source) -> Result<Position, ImageError> {
    from.take_u64().map(Position)
}

fn take_quantity(from: &mut impl Source) -> Result<Quantity, ImageError> {
    from.take_i64().map(Quantity::from_micros)
}

/// An id within a table of `length` records.
pub(crate) fn take_id(from: &mut impl Source, length: usize) -> Result<u32, ImageError> {
    match from.take_u32()? {
        id if (id as usize) < length => Ok(id),
        _ => Err(ImageError::Damaged("an id past its table")),
    }
}

fn take_account(from: &mut impl Source, catalog: &Catalog) -> Result<AccountId, ImageError> {
    take_id(from, catalog.accounts().len()).map(AccountId)
}

fn put_promise(to: &mut impl Sink, promise: &Promise) {
    to.put_text(&promise.reference);
    to.put_i64(promise.quantity);
    to.put_option(promise.expected_at, put_time);
    put_position(to, promise.position);
    put_time(to, promise.announced_at);
}

fn take_promise(from: &mut impl Source) -> Result<Promise, ImageError> {
    Ok(Promise {
        reference: from.take_text()?,
        quantity: from.take_i64()?,
        expected_at: from.take_option(take_time)?,
        position: take_position(from)?,
        announced_at: take_time(from)?,
    })
}

fn number_of(state: ReservationState) -> u8 {
    match state {
        ReservationState::Pending => 0,
        ReservationState::Fulfilled => 1,
        ReservationState::Released => 2,
        ReservationState::Expired => 3,
    }
}

fn put_reservation(to: &mut impl Sink, made: Position, record: &reservations::Record) {
    put_position(to, made);
    to.put_text(&record.name);
    to.put_u32(record.warehouse.0);
    to.put_length(record.lines.len());
    for line in &record.lines {
        to.put_u32(line.line);
        to.put_u32(line.account.0);
        to.put_i64(line.quantity.micros());
    }
    to.put_option(record.expires_at, put_time);
    put_time(to, record.reserved_at);
    to.put_u8(number_of(record.state));
    to.put_option(record.ended, |to, (position, at)| {
        put_position(to, position);
        put_time(to, at);
    });
}

fn take_reservation(from: &mut impl Source, catalog: &Catalog) -> Result<(Position, reservations::Record), ImageError> {
    let made = take_position(from)?;
    let record = reservations::Record {
        name: from.take_text()?,
        warehouse: LocationId(take_id(from, catalog.locations().len())?),
        lines: from
            .take_list(|from| {
                let line = from.take_u32()?;
                Ok(ReservedLine { line, account: take_account(from, catalog)?, quantity: take_quantity(from)? })
            })?
            .into(),
        expires_at: from.take_option(take_time)?,
        reserved_at: take_time(from)?,
        state: OUTCOMES
            .get(usize::from(from.take_u8()?))
            .copied()
            .ok_or(ImageError::Damaged("how a reservation stands"))?,
        ended: from.take_option(|from| Ok((take_position(from)?, take_time(from)?)))?,
    };
    Ok((made, record))
}

fn put_held(to: &mut impl Sink, catalog: &Catalog, position: Position, record: &held::Record) {
    put_position(to, position);
    put_time(to, record.recorded_at);
    put_time(to, record.occurred_at);
    to.put_text(catalog.party(record.source));
    to.put_text(catalog.party(record.actor));
    let input = &record.input;
    for text in [&input.raw, &input.code, &input.field, &input.detail, &input.place] {
        to.put_text(text);
    }
    let (number, closed, reason) = match &record.state {
        HeldState::Open => (0, None, None),
        HeldState::Resolved { by, closed_at } => (1, Some((by, closed_at)), None),
        HeldState::Discarded { by, closed_at, reason } => (2, Some((by, closed_at)), Some(reason)),
    };
    to.put_u8(number);
    if let Some((by, closed_at)) = closed {
        put_position(to, *by);
        put_time(to, *closed_at);
    }
    if let Some(reason) = reason {
        to.put_text(reason);
    }
}

fn take_held(from: &mut impl Source, catalog: &Catalog) -> Result<(Position, held::Record), ImageError> {
    let position = take_position(from)?;
    let (recorded_at, occurred_at) = (take_time(from)?, take_time(from)?);
    let source = take_party(from, catalog)?;
    let actor = take_party(from, catalog)?;
    let input = Arc::new(Unusable {
        raw: from.take_text()?,
        code: from.take_text()?,
        field: from.take_text()?,
        detail: from.take_text()?,
        place: from.take_text()?,
    });
    let state = match from.take_u8()? {
        0 => HeldState::Open,
        1 => HeldState::Resolved { by: take_position(from)?, closed_at: take_time(from)? },
        2 => HeldState::Discarded { by: take_position(from)?, closed_at: take_time(from)?, reason: from.take_text()? },
        _ => return Err(ImageError::Damaged("how a held input stands")),
    };
    Ok((position, held::Record { recorded_at, occurred_at, source, actor, input, state }))
}

fn put_task(to: &mut impl Sink, catalog: &Catalog, (position, index): tasks::Key, record: &tasks::Record) {
    put_position(to, position);
    to.put_u32(index);
    put_discrepancy(to, catalog, &record.discrepancy);
    put_time(to, record.occurred_at);
    put_time(to, record.opened_at);
    to.put_u32(record.times);
    to.put_option(record.closure, |to, closure| {
        put_position(to, closure.position);
        put_time(to, closure.closed_at);
        let number = Resolution::ALL.iter().position(|resolution| *resolution == closure.resolution);
        to.put_length(number.expect("every resolution is among all"));
    });
}

fn take_task(from: &mut impl Source, catalog: &Catalog) -> Result<(tasks::Key, tasks::Record), ImageError> {
    let key = (take_position(from)?, from.take_u32()?);
    let record = tasks::Record {
        discrepancy: take_discrepancy(from, catalog)?,
        occurred_at: take_time(from)?,
        opened_at: take_time(from)?,
        times: from.take_u32()?,
        closure: from.take_option(|from| {
            let (position, closed_at) = (take_position(from)?, take_time(from)?);
            let resolution = Resolution::ALL.get(from.take_length()?).copied();
            let resolution = resolution.ok_or(ImageError::Damaged("how a discrepancy ended"))?;
            Ok(Closure { position, closed_at, resolution })
        })?,
    };
    Ok((key, record))
}

fn put_discrepancy(to: &mut impl Sink, catalog: &Catalog, discrepancy: &Discrepancy) {
    to.put_length(Codes::index_of(discrepancy));
    match discrepancy {
        Discrepancy::NegativeOnHand { account, on_hand: figure }
        | Discrepancy::CountVariance { account, variance: figure }
        | Discrepancy::OverReceipt { account, excess: figure }
        | Discrepancy::ReservedShort { account, short: figure } => {
            to.put_u32(account.0);
            to.put_i64(figure.micros());
        }
        Discrepancy::LotMissing { account } => to.put_u32(account.0),
        Discrepancy::SerialElsewhere { serial, believed, seen } => {
            put_serial(to, catalog, *serial);
            to.put_u32(believed.0);
            to.put_option(*seen, |to, seen| to.put_u32(seen.0));
        }
        Discrepancy::SerialUnknown { serial } => put_serial(to, catalog, *serial),
        Discrepancy::UnitElsewhere { unit, believed, seen } => {
            to.put_u32(unit.0);
            to.put_u32(believed.0);
            to.put_u32(seen.0);
        }
        Discrepancy::UnitInAnother { unit, parent } => {
            to.put_u32(unit.0);
            to.put_u32(parent.0);
        }
        Discrepancy::ExpiryConflict { lot, other } => {
            let record = catalog.lot(*lot);
            to.put_u32(record.product.0);
            to.put_text(&record.name);
            to.put(&other.0.to_le_bytes());
        }
    }
}

fn take_discrepancy(from: &mut impl Source, catalog: &Catalog) -> Result<Discrepancy, ImageError> {
    let account = |from| take_account(from, catalog);
    Ok(match from.take_length()? {
        0 => Discrepancy::NegativeOnHand { account: account(from)?, on_hand: take_quantity(from)? },
        1 => Discrepancy::CountVariance { account: account(from)?, variance: take_quantity(from)? },
        2 => Discrepancy::SerialElsewhere {
            serial: take_serial(from, catalog)?,
            believed: account(from)?,
            seen: from.take_option(|from| take_account(from, catalog))?,
        },
        3 => Discrepancy::SerialUnknown { serial: take_serial(from, catalog)? },
        4 => Discrepancy::LotMissing { account: account(from)? },
        5 => {
            let product = ProductId(take_id(from, catalog.products().len())?);
            let lot = catalog.find_lot(product, &from.take_text::<Box<str>>()?);
            let lot = lot.filter(|lot| *lot != LotId::NONE).ok_or(ImageError::Damaged("a lot"))?;
            Discrepancy::ExpiryConflict { lot, other: Day(i32::from_le_bytes(from.take_array()?)) }
        }
        6 => Discrepancy::OverReceipt { account: account(from)?, excess: take_quantity(from)? },
        7 => Discrepancy::ReservedShort { account: account(from)?, short: take_quantity(from)? },
        8 => Discrepancy::UnitElsewhere {
            unit: take_unit(from, catalog)?,
            believed: LocationId(take_id(from, catalog.locations().len())?),
            seen: LocationId(take_id(from, catalog.locations().len())?),
        },
        9 => Discrepancy::UnitInAnother { unit: take_unit(from, catalog)?, parent: take_unit(from, catalog)? },
        _ => return Err(ImageError::Damaged("the kind of a discrepancy")),
    })
}

pub(crate) fn take_unit(from: &mut impl Source, catalog: &Catalog) -> Result<UnitId, ImageError> {
    take_id(from, catalog.units()).map(UnitId)
}

// The catalogue tells by name whether it has a party, unit or lot.

pub(crate) fn take_party(from: &mut impl Source, catalog: &Catalog) -> Result<PartyId, ImageError> {
    catalog.find_party(&from.take_text::<Box<str>>()?).ok_or(ImageError::Damaged("a source"))
}

pub(crate) fn put_serial(to: &mut impl Sink, catalog: &Catalog, serial: SerialId) {
    let record = catalog.serial(serial);
    to.put_u32(record.product.0);
    to.put_text(&record.name);
}

pub(crate) fn take_serial(from: &mut impl Source, catalog: &Catalog) -> Result<SerialId, ImageError> {
    let product = ProductId(take_id(from, catalog.products().len())?);
    catalog.find_serial(product, &from.take_text::<Box<str>>()?).ok_or(ImageError::Damaged("a unit"))
}

fn put_entry(to: &mut impl Sink, catalog: &Catalog, entry: &Entry) {
    put_position(to, entry.position);
    put_time(to, entry.recorded_at);
    put_time(to, entry.occurred_at);
    to.put_i64(entry.delta);
    to.put_option(entry.account, |to, account| to.put_u32(account.0));
    to.put_option(entry.other, |to, account| to.put_u32(account.0));
    to.put_text(catalog.party(entry.source));
    to.put_option(entry.reason, |to, reason| to.put_u32(reason.0));
    to.put_u8(entry.kind as u8);
    to.put(&entry.codes.bits().to_le_bytes());
    to.put_option(entry.reference.as_deref(), |to, reference| to.put_text(reference));
}

fn take_entry(from: &mut impl Source, catalog: &Catalog) -> Result<Entry, ImageError> {
    Ok(Entry {
        position: take_position(from)?,
        recorded_at: take_time(from)?,
        occurred_at: take_time(from)?,
        delta: from.take_i64()?,
        account: from.take_option(|from| take_account(from, catalog))?,
        other: from.take_option(|from| take_account(from, catalog))?,
        source: take_party(from, catalog)?,
        reason: from.take_option(|from| take_id(from, catalog.reasons().len()).map(ReasonId))?,
        kind: DecisionKind::from_number(from.take_u8()?).ok_or(ImageError::Damaged("the kind of an entry"))?,
        codes: Codes::from_bits(u16::from_le_bytes(from.take_array()?)),
        reference: from.take_option(|from| from.take_text())?,
    })
}
