//! Between the ledger's handling units and their messages.

use super::convert::{account_kind, known};
use super::{RecordError, message as m};
use ledger::{
    AccountKind, LocationId, LotId, ProductId, Quantity, SerialId, Status, Timestamp, UnitContent, UnitDeed, UnitHolds,
    UnitId, UnitPlace, UnitReport, UnitStands,
};

/// A status has the number of the account that holds stock in it.
fn status_number(status: Status) -> u32 {
    u32::from(AccountKind::on_hand(status) as u8)
}

fn status(number: u32) -> Result<Status, RecordError> {
    known(account_kind(number, "status")?.status(), "status", number)
}

fn place_message(place: UnitPlace) -> m::UnitPlace {
    m::UnitPlace { kind: u32::from(place.kind as u8), location: place.location.0 }
}

fn place(message: &m::UnitPlace) -> Result<UnitPlace, RecordError> {
    Ok(UnitPlace { kind: account_kind(message.kind, "unit place")?, location: LocationId(message.location) })
}

pub(super) fn report_message(report: &UnitReport) -> m::UnitReport {
    m::UnitReport {
        unit: report.unit.0,
        seen_at: report.seen_at.0,
        id: report.id.as_ref().into(),
        deed: u32::from(report.deed as u8),
        place: report.place.map(place_message),
        status: report.status.map(status_number),
        counterpart: u32::from(report.counterpart as u8),
        contents: report.contents.iter().map(content_message).collect(),
        reference: report.reference.as_ref().into(),
    }
}

pub(super) fn report(message: m::UnitReport) -> Result<UnitReport, RecordError> {
    let deed = u8::try_from(message.deed).ok().and_then(UnitDeed::from_number);
    Ok(UnitReport {
        unit: UnitId(message.unit),
        seen_at: Timestamp(message.seen_at),
        id: message.id.into(),
        deed: known(deed, "unit deed", message.deed)?,
        place: message.place.as_ref().map(place).transpose()?,
        status: message.status.map(status).transpose()?,
        counterpart: account_kind(message.counterpart, "counterpart")?,
        contents: message.contents.into_iter().map(content).collect::<Result<_, _>>()?,
        reference: message.reference.into(),
    })
}

fn content_message(content: &UnitContent) -> m::UnitContent {
    let of = match *content {
        UnitContent::Stock { product, lot, status, quantity } => m::UnitContentOf::Stock(m::UnitHolds {
            unit: 0,
            product: product.0,
            lot: lot.0,
            status: status_number(status),
            quantity: quantity.micros(),
        }),
        UnitContent::Serial { serial, product, lot, status } => m::UnitContentOf::Serial(m::PackedSerial {
            serial: serial.0,
            product: product.0,
            lot: lot.0,
            status: status_number(status),
        }),
        UnitContent::Unit(unit) => m::UnitContentOf::Unit(unit.0),
    };
    m::UnitContent { of: Some(of) }
}

fn content(message: m::UnitContent) -> Result<UnitContent, RecordError> {
    Ok(match message.of.ok_or(RecordError::UnknownVariant { field: "unit contents" })? {
        m::UnitContentOf::Stock(stock) => UnitContent::Stock {
            product: ProductId(stock.product),
            lot: LotId(stock.lot),
            status: status(stock.status)?,
            quantity: Quantity::from_micros(stock.quantity),
        },
        m::UnitContentOf::Serial(serial) => UnitContent::Serial {
            serial: SerialId(serial.serial),
            product: ProductId(serial.product),
            lot: LotId(serial.lot),
            status: status(serial.status)?,
        },
        m::UnitContentOf::Unit(unit) => UnitContent::Unit(UnitId(unit)),
    })
}

pub(super) fn stands_message(stands: &UnitStands) -> m::UnitStands {
    m::UnitStands {
        unit: stands.unit.0,
        place: stands.place.map(place_message),
        parent: stands.parent.map(|parent| parent.0),
        seen_at: stands.seen_at.0,
    }
}

pub(super) fn stands(message: m::UnitStands) -> Result<UnitStands, RecordError> {
    Ok(UnitStands {
        unit: UnitId(message.unit),
        place: message.place.as_ref().map(place).transpose()?,
        parent: message.parent.map(UnitId),
        seen_at: Timestamp(message.seen_at),
    })
}

pub(super) fn holds_message(holds: &UnitHolds) -> m::UnitHolds {
    m::UnitHolds {
        unit: holds.unit.0,
        product: holds.product.0,
        lot: holds.lot.0,
        status: status_number(holds.status),
        quantity: holds.quantity.micros(),
    }
}

pub(super) fn holds(message: &m::UnitHolds) -> Result<UnitHolds, RecordError> {
    Ok(UnitHolds {
        unit: UnitId(message.unit),
        product: ProductId(message.product),
        lot: LotId(message.lot),
        status: status(message.status)?,
        quantity: Quantity::from_micros(message.quantity),
    })
}
