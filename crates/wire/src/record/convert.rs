//! Between the ledger's types and the messages, for the parts of a record that plain movements do not have.

use super::{RecordError, alerts, message as m, units};
use ledger::{
    AccountId, AccountKey, AccountKind, Counted, Day, DeviceCard, Discrepancy, Effect, Expected, LocationCard,
    LocationId, LotId, Name, Observation, Position, ProductCard, ProductId, Quantity, ReasonCard, Reservation,
    ReservationState, ReservedLine, SerialId, Sighted, Site, Timestamp, Unit, UnitId, Unusable,
};
use std::sync::Arc;

/// A number that stands for one of a closed set, or the error that names it.
pub(super) fn known<T>(found: Option<T>, field: &'static str, number: u32) -> Result<T, RecordError> {
    found.ok_or(RecordError::UnknownNumber { field, number })
}

/// The kind of account with this number.
pub(super) fn account_kind(number: u32, field: &'static str) -> Result<AccountKind, RecordError> {
    known(u8::try_from(number).ok().and_then(AccountKind::from_number), field, number)
}

fn trust(number: u32) -> Result<u8, RecordError> {
    known(u8::try_from(number).ok(), "trust", number)
}

const fn state_number(state: ReservationState) -> u32 {
    match state {
        ReservationState::Pending => 1,
        ReservationState::Fulfilled => 2,
        ReservationState::Released => 3,
        ReservationState::Expired => 4,
    }
}

fn state(number: u32) -> Result<ReservationState, RecordError> {
    let found = match number {
        1 => Some(ReservationState::Pending),
        2 => Some(ReservationState::Fulfilled),
        3 => Some(ReservationState::Released),
        4 => Some(ReservationState::Expired),
        _ => None,
    };
    known(found, "reservation state", number)
}

pub(super) fn name_message(name: &Name) -> m::Name {
    let within =
        |product: &ProductId, text: &Arc<str>| m::NameWithin { product: product.0, text: text.as_ref().into() };
    let of = match name {
        Name::Product(text) => m::NameOf::Product(text.as_ref().into()),
        Name::Location(text) => m::NameOf::Location(text.as_ref().into()),
        Name::Lot(product, text) => m::NameOf::Lot(within(product, text)),
        Name::Serial(product, text) => m::NameOf::Serial(within(product, text)),
        Name::Party(text) => m::NameOf::Party(text.as_ref().into()),
        Name::Account(key) => m::NameOf::Account(m::Account {
            kind: u32::from(key.kind as u8),
            product: key.product.0,
            location: key.location.0,
            lot: key.lot.0,
        }),
        Name::Unit(text) => m::NameOf::Unit(text.as_ref().into()),
    };
    m::Name { of: Some(of) }
}

pub(super) fn name(message: m::Name) -> Result<Name, RecordError> {
    Ok(match message.of.ok_or(RecordError::UnknownVariant { field: "names" })? {
        m::NameOf::Product(text) => Name::Product(text.into()),
        m::NameOf::Location(text) => Name::Location(text.into()),
        m::NameOf::Lot(lot) => Name::Lot(ProductId(lot.product), lot.text.into()),
        m::NameOf::Serial(serial) => Name::Serial(ProductId(serial.product), serial.text.into()),
        m::NameOf::Party(text) => Name::Party(text.into()),
        m::NameOf::Account(account) => Name::Account(AccountKey {
            kind: account_kind(account.kind, "account kind")?,
            product: ProductId(account.product),
            location: LocationId(account.location),
            lot: LotId(account.lot),
        }),
        m::NameOf::Unit(text) => Name::Unit(text.into()),
    })
}

fn counted_message(counted: &Counted) -> m::Counted {
    m::Counted {
        account: counted.account.0,
        counted_at: counted.counted_at.0,
        quantity: counted.quantity.micros(),
        expected: counted.expected.micros(),
        trust: u32::from(counted.trust),
        id: counted.id.as_ref().into(),
    }
}

fn counted(message: m::Counted) -> Result<Counted, RecordError> {
    Ok(Counted {
        account: AccountId(message.account),
        counted_at: Timestamp(message.counted_at),
        quantity: Quantity::from_micros(message.quantity),
        expected: Quantity::from_micros(message.expected),
        trust: trust(message.trust)?,
        id: message.id.into(),
    })
}

fn sighted_message(sighted: &Sighted) -> m::Sighted {
    m::Sighted {
        serial: sighted.serial.0,
        seen_at: sighted.seen_at.0,
        place: sighted.place.map(|account| account.0),
        id: sighted.id.as_ref().into(),
    }
}

fn sighted(message: m::Sighted) -> Sighted {
    Sighted {
        serial: SerialId(message.serial),
        seen_at: Timestamp(message.seen_at),
        place: message.place.map(AccountId),
        id: message.id.into(),
    }
}

pub(super) fn effect_message(effect: &Effect) -> m::Effect {
    let of = match effect {
        Effect::Counted(counted) => m::EffectOf::Counted(counted_message(counted)),
        Effect::CountWithdrawn(counted) => m::EffectOf::CountWithdrawn(counted_message(counted)),
        Effect::Sighted(sighted) => m::EffectOf::Sighted(sighted_message(sighted)),
        Effect::SightingWithdrawn(sighted) => m::EffectOf::SightingWithdrawn(sighted_message(sighted)),
        Effect::LotExpires(lot, day) => m::EffectOf::LotExpires(m::LotDay { lot: lot.0, day: day.0 }),
        Effect::Expected(expected) => m::EffectOf::Expected(m::Expected {
            account: expected.account.0,
            reference: expected.reference.as_ref().into(),
            delta: expected.delta.micros(),
            expected_at: expected.expected_at.map(|at| at.0),
        }),
        Effect::Reserved(reservation) => m::EffectOf::Reserved(reservation_message(reservation)),
        Effect::ReservationEnded { reservation, outcome } => m::EffectOf::ReservationEnded(m::ReservationEnded {
            reservation: reservation.as_ref().into(),
            outcome: state_number(*outcome),
        }),
        Effect::Product(card) => m::EffectOf::Product(product_message(card)),
        Effect::Location(card) => m::EffectOf::Location(m::LocationCard {
            location: card.location.as_ref().into(),
            name: card.name.as_ref().into(),
            region: card.region.as_ref().into(),
            gln: card.gln.as_ref().into(),
            site: card.site.map(|site| m::Site {
                latitude_micros: site.latitude_micros,
                longitude_micros: site.longitude_micros,
                radius_m: site.radius_m,
            }),
        }),
        Effect::Reason(card) => m::EffectOf::Reason(m::ReasonCard {
            code: card.code.as_ref().into(),
            name: card.name.as_ref().into(),
            counterpart: u32::from(card.counterpart as u8),
            trust: u32::from(card.trust),
        }),
        Effect::Device(card) => m::EffectOf::Device(device_message(card)),
        Effect::Observed(observation) => m::EffectOf::Observed(observation_message(observation)),
        Effect::Rule(card) => m::EffectOf::Rule(alerts::rule_message(card)),
        Effect::RuleWithdrawn { rule } => m::EffectOf::RuleWithdrawn(rule.as_ref().into()),
        Effect::AlertOpened(alert) => m::EffectOf::AlertOpened(alerts::alert_message(alert)),
        Effect::AlertChanged(change) => m::EffectOf::AlertChanged(alerts::change_message(change)),
        Effect::Reversed { entry, reason } => {
            m::EffectOf::Reversed(m::Reversed { entry: entry.0, reason: reason.as_ref().into() })
        }
        Effect::Held(unusable) => m::EffectOf::Held(m::Unusable {
            raw: unusable.raw.as_ref().into(),
            code: unusable.code.as_ref().into(),
            field: unusable.field.as_ref().into(),
            detail: unusable.detail.as_ref().into(),
            place: unusable.place.as_ref().into(),
        }),
        Effect::Discarded { held, reason } => {
            m::EffectOf::Discarded(m::Discarded { held: held.0, reason: reason.as_ref().into() })
        }
        Effect::IdsRotated => m::EffectOf::IdsRotated(m::Nothing {}),
        Effect::HistoryFolded { account, before } => {
            m::EffectOf::HistoryFolded(m::HistoryFolded { account: account.0, before: before.0 })
        }
        Effect::UnitReported(report) => m::EffectOf::UnitReported(units::report_message(report)),
        Effect::UnitReportWithdrawn(report) => m::EffectOf::UnitReportWithdrawn(units::report_message(report)),
        Effect::UnitStands(stands) => m::EffectOf::UnitStands(units::stands_message(stands)),
        Effect::UnitHolds(holds) => m::EffectOf::UnitHolds(units::holds_message(holds)),
        Effect::SerialStands { serial, unit, place } => m::EffectOf::SerialStands(m::SerialStands {
            serial: serial.0,
            unit: unit.map(|unit| unit.0),
            place: place.map(|account| account.0),
        }),
        Effect::UnitsFolded { unit, before } => {
            m::EffectOf::UnitsFolded(m::UnitsFolded { unit: unit.0, before: before.0 })
        }
    };
    m::Effect { of: Some(of) }
}

pub(super) fn effect(message: m::Effect) -> Result<Effect, RecordError> {
    Ok(match message.of.ok_or(RecordError::UnknownVariant { field: "effects" })? {
        m::EffectOf::Counted(message) => Effect::Counted(counted(message)?),
        m::EffectOf::CountWithdrawn(message) => Effect::CountWithdrawn(counted(message)?),
        m::EffectOf::Sighted(message) => Effect::Sighted(sighted(message)),
        m::EffectOf::SightingWithdrawn(message) => Effect::SightingWithdrawn(sighted(message)),
        m::EffectOf::LotExpires(message) => Effect::LotExpires(LotId(message.lot), Day(message.day)),
        m::EffectOf::Expected(message) => Effect::Expected(Box::new(Expected {
            account: AccountId(message.account),
            reference: message.reference.into(),
            delta: Quantity::from_micros(message.delta),
            expected_at: message.expected_at.map(Timestamp),
        })),
        m::EffectOf::Reserved(message) => Effect::Reserved(Box::new(reservation(message)?)),
        m::EffectOf::ReservationEnded(message) => {
            Effect::ReservationEnded { reservation: message.reservation.into(), outcome: state(message.outcome)? }
        }
        m::EffectOf::Product(message) => Effect::Product(Box::new(product(message))),
        m::EffectOf::Location(message) => Effect::Location(Box::new(LocationCard {
            location: message.location.into(),
            name: message.name.into(),
            region: message.region.into(),
            gln: message.gln.into(),
            site: message.site.map(|site| Site {
                latitude_micros: site.latitude_micros,
                longitude_micros: site.longitude_micros,
                radius_m: site.radius_m,
            }),
        })),
        m::EffectOf::Reason(message) => Effect::Reason(Box::new(ReasonCard {
            code: message.code.into(),
            name: message.name.into(),
            counterpart: account_kind(message.counterpart, "counterpart")?,
            trust: trust(message.trust)?,
        })),
        m::EffectOf::Device(message) => Effect::Device(Box::new(device(message))),
        m::EffectOf::Observed(message) => Effect::Observed(Box::new(observation(message)?)),
        m::EffectOf::Rule(message) => Effect::Rule(Box::new(alerts::rule(message)?)),
        m::EffectOf::RuleWithdrawn(rule) => Effect::RuleWithdrawn { rule: rule.into() },
        m::EffectOf::AlertOpened(message) => Effect::AlertOpened(Box::new(alerts::alert(message)?)),
        m::EffectOf::AlertChanged(message) => Effect::AlertChanged(Box::new(alerts::change(message)?)),
        m::EffectOf::Reversed(message) => {
            Effect::Reversed { entry: Position(message.entry), reason: message.reason.into() }
        }
        m::EffectOf::Held(message) => Effect::Held(Box::new(Unusable {
            raw: message.raw.into(),
            code: message.code.into(),
            field: message.field.into(),
            detail: message.detail.into(),
            place: message.place.into(),
        })),
        m::EffectOf::Discarded(message) => {
            Effect::Discarded { held: Position(message.held), reason: message.reason.into() }
        }
        m::EffectOf::IdsRotated(_) => Effect::IdsRotated,
        m::EffectOf::HistoryFolded(message) => {
            Effect::HistoryFolded { account: AccountId(message.account), before: Timestamp(message.before) }
        }
        m::EffectOf::UnitReported(message) => Effect::UnitReported(Box::new(units::report(message)?)),
        m::EffectOf::UnitReportWithdrawn(message) => Effect::UnitReportWithdrawn(Box::new(units::report(message)?)),
        m::EffectOf::UnitStands(message) => Effect::UnitStands(units::stands(message)?),
        m::EffectOf::UnitHolds(message) => Effect::UnitHolds(units::holds(&message)?),
        m::EffectOf::SerialStands(message) => Effect::SerialStands {
            serial: SerialId(message.serial),
            unit: message.unit.map(UnitId),
            place: message.place.map(AccountId),
        },
        m::EffectOf::UnitsFolded(message) => {
            Effect::UnitsFolded { unit: UnitId(message.unit), before: Timestamp(message.before) }
        }
    })
}

fn device_message(card: &DeviceCard) -> m::DeviceCard {
    m::DeviceCard {
        device: card.device.as_ref().into(),
        name: card.name.as_ref().into(),
        kind: card.kind.as_ref().into(),
        location: card.location.as_ref().into(),
        interval_micros: card.interval_micros,
        settings: card.settings.as_ref().into(),
    }
}

fn device(message: m::DeviceCard) -> DeviceCard {
    DeviceCard {
        device: message.device.into(),
        name: message.name.into(),
        kind: message.kind.into(),
        location: message.location.into(),
        interval_micros: message.interval_micros,
        settings: message.settings.into(),
    }
}

fn observation_message(observation: &Observation) -> m::Observation {
    m::Observation {
        form: observation.form.as_ref().into(),
        sent_at: observation.sent_at.map(|at| at.0),
        sequence: observation.sequence,
        battery_permille: observation.battery_permille.map(u32::from),
        failures: observation.failures,
        content: observation.content.to_vec(),
    }
}

fn observation(message: m::Observation) -> Result<Observation, RecordError> {
    let battery_permille =
        message.battery_permille.map(|permille| known(u16::try_from(permille).ok(), "battery_permille", permille));
    Ok(Observation {
        form: message.form.into(),
        sent_at: message.sent_at.map(Timestamp),
        sequence: message.sequence,
        battery_permille: battery_permille.transpose()?,
        failures: message.failures,
        content: message.content.into(),
    })
}

fn reservation_message(reservation: &Reservation) -> m::Reservation {
    let line = |line: &ReservedLine| m::ReservedLine {
        line: line.line,
        account: line.account.0,
        quantity: line.quantity.micros(),
    };
    m::Reservation {
        reservation: reservation.reservation.as_ref().into(),
        warehouse: reservation.warehouse.0,
        lines: reservation.lines.iter().map(line).collect(),
        expires_at: reservation.expires_at.map(|at| at.0),
        state: state_number(reservation.state),
    }
}

fn reservation(message: m::Reservation) -> Result<Reservation, RecordError> {
    let line = |line: m::ReservedLine| ReservedLine {
        line: line.line,
        account: AccountId(line.account),
        quantity: Quantity::from_micros(line.quantity),
    };
    Ok(Reservation {
        reservation: message.reservation.into(),
        warehouse: LocationId(message.warehouse),
        lines: message.lines.into_iter().map(line).collect(),
        expires_at: message.expires_at.map(Timestamp),
        state: state(message.state)?,
    })
}

fn product_message(card: &ProductCard) -> m::ProductCard {
    let unit = |unit: &Unit| m::Unit {
        name: unit.name.as_ref().into(),
        numerator: unit.numerator,
        denominator: unit.denominator,
    };
    m::ProductCard {
        product: card.product.as_ref().into(),
        name: card.name.as_ref().into(),
        gtin: card.gtin.as_ref().into(),
        category: card.category.as_ref().into(),
        base_unit: card.base_unit.as_ref().into(),
        units: card.units.iter().map(unit).collect(),
    }
}

fn product(message: m::ProductCard) -> ProductCard {
    let unit =
        |unit: m::Unit| Unit { name: unit.name.into(), numerator: unit.numerator, denominator: unit.denominator };
    ProductCard {
        product: message.product.into(),
        name: message.name.into(),
        gtin: message.gtin.into(),
        category: message.category.into(),
        base_unit: message.base_unit.into(),
        units: message.units.into_iter().map(unit).collect(),
    }
}

pub(super) fn discrepancy_message(discrepancy: &Discrepancy) -> m::Discrepancy {
    let figure = |account: &AccountId, quantity: &Quantity| m::AccountQuantity {
        account: account.0,
        quantity: quantity.micros(),
    };
    let of = match discrepancy {
        Discrepancy::NegativeOnHand { account, on_hand } => m::DiscrepancyOf::NegativeOnHand(figure(account, on_hand)),
        Discrepancy::CountVariance { account, variance } => m::DiscrepancyOf::CountVariance(figure(account, variance)),
        Discrepancy::SerialElsewhere { serial, believed, seen } => {
            m::DiscrepancyOf::SerialElsewhere(m::SerialElsewhere {
                serial: serial.0,
                believed: believed.0,
                seen: seen.map(|account| account.0),
            })
        }
        Discrepancy::SerialUnknown { serial } => m::DiscrepancyOf::SerialUnknown(serial.0),
        Discrepancy::LotMissing { account } => m::DiscrepancyOf::LotMissing(account.0),
        Discrepancy::ExpiryConflict { lot, other } => {
            m::DiscrepancyOf::ExpiryConflict(m::LotDay { lot: lot.0, day: other.0 })
        }
        Discrepancy::OverReceipt { account, excess } => m::DiscrepancyOf::OverReceipt(figure(account, excess)),
        Discrepancy::ReservedShort { account, short } => m::DiscrepancyOf::ReservedShort(figure(account, short)),
        Discrepancy::UnitElsewhere { unit, believed, seen } => {
            m::DiscrepancyOf::UnitElsewhere(m::UnitElsewhere { unit: unit.0, believed: believed.0, seen: seen.0 })
        }
        Discrepancy::UnitInAnother { unit, parent } => {
            m::DiscrepancyOf::UnitInAnother(m::UnitInAnother { unit: unit.0, parent: parent.0 })
        }
    };
    m::Discrepancy { of: Some(of) }
}

pub(super) fn discrepancy(message: m::Discrepancy) -> Result<Discrepancy, RecordError> {
    let parts = |figure: m::AccountQuantity| (AccountId(figure.account), Quantity::from_micros(figure.quantity));
    Ok(match message.of.ok_or(RecordError::UnknownVariant { field: "discrepancies" })? {
        m::DiscrepancyOf::NegativeOnHand(figure) => {
            let (account, on_hand) = parts(figure);
            Discrepancy::NegativeOnHand { account, on_hand }
        }
        m::DiscrepancyOf::CountVariance(figure) => {
            let (account, variance) = parts(figure);
            Discrepancy::CountVariance { account, variance }
        }
        m::DiscrepancyOf::SerialElsewhere(message) => Discrepancy::SerialElsewhere {
            serial: SerialId(message.serial),
            believed: AccountId(message.believed),
            seen: message.seen.map(AccountId),
        },
        m::DiscrepancyOf::SerialUnknown(serial) => Discrepancy::SerialUnknown { serial: SerialId(serial) },
        m::DiscrepancyOf::LotMissing(account) => Discrepancy::LotMissing { account: AccountId(account) },
        m::DiscrepancyOf::ExpiryConflict(message) => {
            Discrepancy::ExpiryConflict { lot: LotId(message.lot), other: Day(message.day) }
        }
        m::DiscrepancyOf::OverReceipt(figure) => {
            let (account, excess) = parts(figure);
            Discrepancy::OverReceipt { account, excess }
        }
        m::DiscrepancyOf::ReservedShort(figure) => {
            let (account, short) = parts(figure);
            Discrepancy::ReservedShort { account, short }
        }
        m::DiscrepancyOf::UnitElsewhere(message) => Discrepancy::UnitElsewhere {
            unit: UnitId(message.unit),
            believed: LocationId(message.believed),
            seen: LocationId(message.seen),
        },
        m::DiscrepancyOf::UnitInAnother(message) => {
            Discrepancy::UnitInAnother { unit: UnitId(message.unit), parent: UnitId(message.parent) }
        }
    })
}
