//! Why the ledger says no. An ordinary answer, not an error.

use crate::{Position, Quantity, ReservationState, Timestamp};
use std::fmt;

/// Why a request was not taken, in the order in which the reasons are looked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rejection {
    /// The same source used this id before, with other content.
    KeyConflict {
        /// The entry that took the id.
        first: Position,
    },
    /// The source's clock runs ahead by more than the tolerance.
    ClockAhead {
        /// How far, in microseconds.
        ahead_micros: i64,
    },
    /// Older than what is remembered of ids, so that a repetition could not be told.
    TooOld {
        /// The oldest time still taken.
        oldest: Timestamp,
    },
    /// No held input at this position, or it is closed.
    UnknownHeld,
    /// No such unit for this product.
    UnknownUnit {
        /// The unit named.
        unit: Box<str>,
        /// The product's base unit.
        base: Box<str>,
    },
    /// The quantity is no whole number of micro-units of the base unit, or more of them than fit.
    InexactUnit {
        /// The unit named.
        unit: Box<str>,
    },
    /// No such reason code.
    UnknownReason {
        /// The code named.
        reason: Box<str>,
    },
    /// A reservation without lines, or with too many.
    LineCount {
        /// The most lines that one may have.
        max: u32,
    },
    /// A quantity below zero, or zero where something must move.
    QuantityNotPositive {
        /// The quantity given.
        quantity: Quantity,
    },
    /// Another number of serials than units.
    SerialCount {
        /// How many serials were named.
        serials: u32,
        /// The quantity given.
        quantity: Quantity,
    },
    /// One serial named twice in one event.
    SerialRepeated {
        /// The serial.
        serial: Box<str>,
    },
    /// A field that this kind of event needs is absent.
    MissingField {
        /// Its name.
        field: &'static str,
    },
    /// From a place to the same place, or from a status to the same status.
    NoChange {
        /// The field that repeats.
        field: &'static str,
    },
    /// A line names a location outside the reservation's warehouse.
    OutsideWarehouse {
        /// The location named.
        location: Box<str>,
    },
    /// A reservation of this name exists, with other content.
    ReservationExists,
    /// No such reservation.
    UnknownReservation,
    /// The reservation has ended.
    ReservationEnded {
        /// How.
        state: ReservationState,
    },
    /// The reservation would have ended before it began.
    AlreadyExpired,
    /// The base unit of a product with history cannot change.
    BaseUnitFixed {
        /// The unit it has.
        base: Box<str>,
    },
    /// A unit with a zero in its ratio, a repeated name, or the name of the base unit.
    InvalidUnit {
        /// The unit's name.
        unit: Box<str>,
    },
    /// This kind of event says nothing of a handling unit.
    UnitNotTaken,
    /// A unit would be in itself.
    UnitCycle {
        /// The unit.
        unit: Box<str>,
    },
    /// Units would be nested too deeply.
    UnitTooDeep {
        /// The most levels.
        max: u32,
    },
    /// A unit would hold too much.
    UnitTooFull {
        /// The most lines, serials and units in one unit, nested ones included.
        max: u32,
    },
    /// An entry of this kind is not undone by reversal.
    NotReversible {
        /// What to do instead.
        instead: &'static str,
    },
    /// The entry was reversed before.
    AlreadyReversed {
        /// By this entry.
        by: Position,
    },
    /// Older than the detailed history of this stock, which holds counts that it could change.
    BeforeHistory {
        /// The oldest time still taken.
        horizon: Timestamp,
    },
    /// There is no open alert at this position.
    UnknownAlert,
    /// An alert of this condition and subject is open.
    AlertOpen {
        /// Where it was opened.
        alert: Position,
    },
    /// A snooze would have ended already.
    SnoozeEnded,
    /// There is no such rule.
    UnknownRule,
    /// More than a balance can hold.
    Overflow,
    /// Fewer are free than asked for.
    InsufficientAvailable {
        /// Each line that falls short.
        lines: Vec<Short>,
    },
}

/// One line of a reservation that cannot be met.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Short {
    /// Which line, from 0.
    pub line: u32,
    /// The product.
    pub product: Box<str>,
    /// What was asked for.
    pub requested: Quantity,
    /// What is free; never below zero.
    pub available: Quantity,
}

impl Rejection {
    /// The stable code used outside.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::KeyConflict { .. } => "key_conflict",
            Self::ClockAhead { .. } => "clock_ahead",
            Self::TooOld { .. } => "too_old",
            Self::UnknownUnit { .. } => "unknown_unit",
            Self::InexactUnit { .. } => "inexact_unit",
            Self::UnknownReason { .. } => "unknown_reason",
            Self::QuantityNotPositive { .. } => "quantity_not_positive",
            Self::SerialCount { .. } => "serial_count",
            Self::SerialRepeated { .. } => "serial_repeated",
            Self::MissingField { .. } => "missing_field",
            Self::NoChange { .. } => "no_change",
            Self::Overflow => "quantity_overflow",
            Self::BeforeHistory { .. } => "before_history",
            Self::InsufficientAvailable { .. } => "insufficient_available",
            Self::ReservationExists => "reservation_exists",
            Self::UnknownReservation => "unknown_reservation",
            Self::ReservationEnded { .. } => "reservation_ended",
            Self::LineCount { .. } => "line_count",
            Self::OutsideWarehouse { .. } => "outside_warehouse",
            Self::AlreadyExpired => "already_expired",
            Self::BaseUnitFixed { .. } => "base_unit_fixed",
            Self::InvalidUnit { .. } => "invalid_unit",
            Self::UnitNotTaken => "unit_not_taken",
            Self::UnitCycle { .. } => "unit_cycle",
            Self::UnitTooDeep { .. } => "unit_too_deep",
            Self::UnitTooFull { .. } => "unit_too_full",
            Self::NotReversible { .. } => "not_reversible",
            Self::AlreadyReversed { .. } => "already_reversed",
            Self::UnknownHeld => "unknown_held",
            Self::UnknownAlert => "unknown_alert",
            Self::AlertOpen { .. } => "alert_open",
            Self::SnoozeEnded => "snooze_ended",
            Self::UnknownRule => "unknown_rule",
        }
    }

    /// The field at fault, by its name outside; empty when it is none.
    pub const fn field(&self) -> &'static str {
        match self {
            Self::KeyConflict { .. } => "id",
            Self::ClockAhead { .. } | Self::TooOld { .. } | Self::BeforeHistory { .. } => "timestamp",
            Self::UnknownUnit { .. } | Self::InexactUnit { .. } => "unit",
            Self::UnknownReason { .. } => "reason",
            Self::QuantityNotPositive { .. } | Self::Overflow => "quantity",
            Self::SerialCount { .. } | Self::SerialRepeated { .. } => "serials",
            Self::MissingField { field } | Self::NoChange { field } => field,
            Self::InsufficientAvailable { .. } | Self::LineCount { .. } => "lines",
            Self::ReservationExists | Self::UnknownReservation | Self::ReservationEnded { .. } => "reservation_id",
            Self::OutsideWarehouse { .. } => "location",
            Self::AlreadyExpired => "expires_at",
            Self::BaseUnitFixed { .. } => "base_unit",
            Self::InvalidUnit { .. } => "units",
            Self::UnitNotTaken => "handling_unit",
            Self::UnitCycle { .. } | Self::UnitTooDeep { .. } => "units",
            Self::UnitTooFull { .. } => "handling_unit",
            Self::NotReversible { .. } | Self::AlreadyReversed { .. } => "position",
            Self::UnknownHeld => "held",
            Self::UnknownAlert | Self::AlertOpen { .. } => "alert",
            Self::SnoozeEnded => "until",
            Self::UnknownRule => "rule",
        }
    }
}

impl fmt::Display for Rejection {
    /// The problem in words, with the value at fault and the remedy.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::KeyConflict { first } => write!(
                f,
                "this id was used at position {first} with other content; give the new event an id of its own"
            ),
            Self::ClockAhead { ahead_micros } => write!(
                f,
                "the event lies {} s in the future; set the source's clock right, then send it again",
                ahead_micros / 1_000_000
            ),
            Self::TooOld { .. } => f.write_str(
                "the event is older than the window in which repetitions are known; check that it was not sent before, then resubmit it from the held list or import it as history",
            ),
            Self::UnknownUnit { unit, base } => write!(
                f,
                "the product has no unit '{unit}'; send the quantity in '{base}' or declare the unit on the product"
            ),
            Self::InexactUnit { unit } => write!(
                f,
                "the quantity in '{unit}' is no exact quantity in the base unit; send it in the base unit"
            ),
            Self::UnknownReason { reason } => {
                write!(f, "there is no reason code '{reason}'; use a listed code or declare this one")
            }
            Self::QuantityNotPositive { quantity } => write!(
                f,
                "the quantity {quantity} is not above zero; the kind of event says the direction, so send the amount without a sign"
            ),
            Self::SerialCount { serials, quantity } => write!(
                f,
                "{serials} serials were named for a quantity of {quantity}; name one serial for each unit"
            ),
            Self::SerialRepeated { serial } => write!(f, "serial '{serial}' is named twice; name each unit once"),
            Self::MissingField { field } => write!(f, "this kind of event needs '{field}'; add it"),
            Self::NoChange { field } => write!(f, "'{field}' names what the stock already is; name another"),
            Self::Overflow => f.write_str(
                "the balance would pass 9223372036854.775807; check the quantity and its unit",
            ),
            Self::BeforeHistory { .. } => f.write_str(
                "the event is older than the detailed history of this stock and counts have been taken since; adjust the stock today instead",
            ),
            Self::InsufficientAvailable { lines } => {
                f.write_str("not enough is available:")?;
                for short in lines.iter().take(10) {
                    write!(f, " {} of {} {};", short.available, short.requested, short.product)?;
                }
                f.write_str(" reserve less, allow a partial reservation, or wait for receipts")
            }
            Self::ReservationExists => {
                f.write_str("a reservation of this name exists with other content; choose another name")
            }
            Self::UnknownReservation => f.write_str("there is no such reservation; check its name"),
            Self::ReservationEnded { state } => write!(
                f,
                "the reservation is {} already; make a new one if stock is needed",
                state.name()
            ),
            Self::LineCount { max } => write!(f, "a reservation has 1 to {max} lines; split it"),
            Self::OutsideWarehouse { location } => write!(
                f,
                "'{location}' is not in the reservation's warehouse; reserve in each warehouse separately"
            ),
            Self::AlreadyExpired => f.write_str("the reservation would have expired already; choose a later time"),
            Self::BaseUnitFixed { base } => write!(
                f,
                "the product's stock is kept in '{base}' and cannot change its base unit; declare the other as a unit with a ratio"
            ),
            Self::InvalidUnit { unit } => write!(
                f,
                "unit '{unit}' has a zero in its ratio or a name that is taken; mend it"
            ),
            Self::UnitNotTaken => f.write_str(
                "this kind of event is not taken for a handling unit; name the product and quantity instead",
            ),
            Self::UnitCycle { unit } => write!(
                f,
                "unit '{unit}' would be in itself; unpack the outer unit first, or check which of them holds the other"
            ),
            Self::UnitTooDeep { max } => {
                write!(f, "units would be nested more than {max} deep; check which of them holds the other")
            }
            Self::UnitTooFull { max } => write!(
                f,
                "a unit would hold more than {max} lines, serials and units, nested ones included; pack less into it"
            ),
            Self::NotReversible { instead } => write!(f, "this entry is not undone by reversal; {instead}"),
            Self::AlreadyReversed { by } => write!(f, "the entry was reversed at position {by}; nothing is left to do"),
            Self::UnknownAlert => f.write_str("there is no open alert of this id; list the open alerts"),
            Self::AlertOpen { alert } => {
                write!(f, "alert {alert} of this condition and subject is open; change that one")
            }
            Self::SnoozeEnded => f.write_str("the snooze would have ended already; choose a later time"),
            Self::UnknownRule => f.write_str("there is no rule of this id; list the rules"),
            Self::UnknownHeld => f.write_str("there is no open held input at this position; list the held inputs"),
        }
    }
}
