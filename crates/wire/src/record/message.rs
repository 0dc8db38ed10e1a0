//! The record as protobuf messages, schema version 1. `docs/formats/record.md` holds the same text as a `.proto`.
//!
//! Field numbers are for ever: a field that falls out of use leaves its number unused. [`Record`] itself is read and
//! written by hand in `plain.rs`; it stands here as the form that the hand-written one must equal.

use super::alerts::{AlertMessage, ChangeMessage, RuleMessage};
use prost::{Message, Oneof};

#[cfg(test)]
#[derive(Clone, PartialEq, Message)]
pub(super) struct Record {
    #[prost(sfixed64, tag = "1")]
    pub(super) recorded_at: i64,
    #[prost(sint64, tag = "2")]
    pub(super) lag: i64,
    #[prost(uint32, tag = "3")]
    pub(super) kind: u32,
    #[prost(uint32, tag = "4")]
    pub(super) actor: u32,
    #[prost(uint32, tag = "5")]
    pub(super) source: u32,
    #[prost(fixed64, tag = "6")]
    pub(super) key_high: u64,
    #[prost(fixed64, tag = "7")]
    pub(super) key_low: u64,
    #[prost(fixed64, tag = "8")]
    pub(super) key_content: u64,
    #[prost(string, tag = "9")]
    pub(super) id: String,
    #[prost(uint32, repeated, tag = "10")]
    pub(super) accounts: Vec<u32>,
    #[prost(sint64, repeated, tag = "11")]
    pub(super) deltas: Vec<i64>,
    #[prost(sint64, repeated, tag = "12")]
    pub(super) effective: Vec<i64>,
    #[prost(uint32, repeated, tag = "13")]
    pub(super) roles: Vec<u32>,
    #[prost(uint32, optional, tag = "14")]
    pub(super) reason: Option<u32>,
    #[prost(string, optional, tag = "15")]
    pub(super) reference: Option<String>,
    #[prost(message, repeated, tag = "16")]
    pub(super) names: Vec<Name>,
    #[prost(message, repeated, tag = "17")]
    pub(super) effects: Vec<Effect>,
    #[prost(message, repeated, tag = "18")]
    pub(super) discrepancies: Vec<Discrepancy>,
    #[prost(uint64, optional, tag = "19")]
    pub(super) resolves: Option<u64>,
    #[prost(sint64, optional, tag = "20")]
    pub(super) given_quantity: Option<i64>,
    #[prost(string, tag = "21")]
    pub(super) given_unit: String,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Name {
    #[prost(oneof = "NameOf", tags = "1, 2, 3, 4, 5, 6, 7")]
    pub(super) of: Option<NameOf>,
}

#[derive(Clone, PartialEq, Oneof)]
pub(super) enum NameOf {
    #[prost(string, tag = "1")]
    Product(String),
    #[prost(string, tag = "2")]
    Location(String),
    #[prost(message, tag = "3")]
    Lot(NameWithin),
    #[prost(message, tag = "4")]
    Serial(NameWithin),
    #[prost(string, tag = "5")]
    Party(String),
    #[prost(message, tag = "6")]
    Account(Account),
    #[prost(string, tag = "7")]
    Unit(String),
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct NameWithin {
    #[prost(uint32, tag = "1")]
    pub(super) product: u32,
    #[prost(string, tag = "2")]
    pub(super) text: String,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Account {
    #[prost(uint32, tag = "1")]
    pub(super) kind: u32,
    #[prost(uint32, tag = "2")]
    pub(super) product: u32,
    #[prost(uint32, tag = "3")]
    pub(super) location: u32,
    #[prost(uint32, tag = "4")]
    pub(super) lot: u32,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Effect {
    #[prost(
        oneof = "EffectOf",
        tags = "1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 32, 33, 34, 35, 36, 37"
    )]
    pub(super) of: Option<EffectOf>,
}

#[derive(Clone, PartialEq, Oneof)]
pub(super) enum EffectOf {
    #[prost(message, tag = "1")]
    Counted(Counted),
    #[prost(message, tag = "2")]
    CountWithdrawn(Counted),
    #[prost(message, tag = "3")]
    Sighted(Sighted),
    #[prost(message, tag = "4")]
    SightingWithdrawn(Sighted),
    #[prost(message, tag = "5")]
    LotExpires(LotDay),
    #[prost(message, tag = "6")]
    Expected(Expected),
    #[prost(message, tag = "7")]
    Reserved(Reservation),
    #[prost(message, tag = "8")]
    ReservationEnded(ReservationEnded),
    #[prost(message, tag = "9")]
    Product(ProductCard),
    #[prost(message, tag = "10")]
    Location(LocationCard),
    #[prost(message, tag = "11")]
    Reason(ReasonCard),
    #[prost(message, tag = "12")]
    Reversed(Reversed),
    #[prost(message, tag = "13")]
    Held(Unusable),
    #[prost(message, tag = "14")]
    Discarded(Discarded),
    #[prost(message, tag = "15")]
    IdsRotated(Nothing),
    #[prost(message, tag = "16")]
    HistoryFolded(HistoryFolded),
    #[prost(message, tag = "17")]
    UnitReported(UnitReport),
    #[prost(message, tag = "18")]
    UnitReportWithdrawn(UnitReport),
    #[prost(message, tag = "19")]
    UnitStands(UnitStands),
    #[prost(message, tag = "20")]
    UnitHolds(UnitHolds),
    #[prost(message, tag = "21")]
    SerialStands(SerialStands),
    #[prost(message, tag = "22")]
    UnitsFolded(UnitsFolded),
    #[prost(message, tag = "32")]
    Device(DeviceCard),
    #[prost(message, tag = "33")]
    Observed(Observation),
    #[prost(message, tag = "34")]
    Rule(RuleMessage),
    #[prost(string, tag = "35")]
    RuleWithdrawn(String),
    #[prost(message, tag = "36")]
    AlertOpened(AlertMessage),
    #[prost(message, tag = "37")]
    AlertChanged(ChangeMessage),
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Nothing {}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Counted {
    #[prost(uint32, tag = "1")]
    pub(super) account: u32,
    #[prost(sfixed64, tag = "2")]
    pub(super) counted_at: i64,
    #[prost(sint64, tag = "3")]
    pub(super) quantity: i64,
    #[prost(sint64, tag = "4")]
    pub(super) expected: i64,
    #[prost(uint32, tag = "5")]
    pub(super) trust: u32,
    #[prost(string, tag = "6")]
    pub(super) id: String,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Sighted {
    #[prost(uint32, tag = "1")]
    pub(super) serial: u32,
    #[prost(sfixed64, tag = "2")]
    pub(super) seen_at: i64,
    #[prost(uint32, optional, tag = "3")]
    pub(super) place: Option<u32>,
    #[prost(string, tag = "4")]
    pub(super) id: String,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct LotDay {
    #[prost(uint32, tag = "1")]
    pub(super) lot: u32,
    #[prost(sint32, tag = "2")]
    pub(super) day: i32,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Expected {
    #[prost(uint32, tag = "1")]
    pub(super) account: u32,
    #[prost(string, tag = "2")]
    pub(super) reference: String,
    #[prost(sint64, tag = "3")]
    pub(super) delta: i64,
    #[prost(sfixed64, optional, tag = "4")]
    pub(super) expected_at: Option<i64>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Reservation {
    #[prost(string, tag = "1")]
    pub(super) reservation: String,
    #[prost(uint32, tag = "2")]
    pub(super) warehouse: u32,
    #[prost(message, repeated, tag = "3")]
    pub(super) lines: Vec<ReservedLine>,
    #[prost(sfixed64, optional, tag = "4")]
    pub(super) expires_at: Option<i64>,
    #[prost(uint32, tag = "5")]
    pub(super) state: u32,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct ReservedLine {
    #[prost(uint32, tag = "1")]
    pub(super) line: u32,
    #[prost(uint32, tag = "2")]
    pub(super) account: u32,
    #[prost(sint64, tag = "3")]
    pub(super) quantity: i64,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct ReservationEnded {
    #[prost(string, tag = "1")]
    pub(super) reservation: String,
    #[prost(uint32, tag = "2")]
    pub(super) outcome: u32,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct ProductCard {
    #[prost(string, tag = "1")]
    pub(super) product: String,
    #[prost(string, tag = "2")]
    pub(super) name: String,
    #[prost(string, tag = "3")]
    pub(super) gtin: String,
    #[prost(string, tag = "4")]
    pub(super) category: String,
    #[prost(string, tag = "5")]
    pub(super) base_unit: String,
    #[prost(message, repeated, tag = "6")]
    pub(super) units: Vec<Unit>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Unit {
    #[prost(string, tag = "1")]
    pub(super) name: String,
    #[prost(uint64, tag = "2")]
    pub(super) numerator: u64,
    #[prost(uint64, tag = "3")]
    pub(super) denominator: u64,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct LocationCard {
    #[prost(string, tag = "1")]
    pub(super) location: String,
    #[prost(string, tag = "2")]
    pub(super) name: String,
    #[prost(string, tag = "3")]
    pub(super) region: String,
    #[prost(string, tag = "4")]
    pub(super) gln: String,
    #[prost(message, optional, tag = "5")]
    pub(super) site: Option<Site>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Site {
    #[prost(sint32, tag = "1")]
    pub(super) latitude_micros: i32,
    #[prost(sint32, tag = "2")]
    pub(super) longitude_micros: i32,
    #[prost(uint32, tag = "3")]
    pub(super) radius_m: u32,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct ReasonCard {
    #[prost(string, tag = "1")]
    pub(super) code: String,
    #[prost(string, tag = "2")]
    pub(super) name: String,
    #[prost(uint32, tag = "3")]
    pub(super) counterpart: u32,
    #[prost(uint32, tag = "4")]
    pub(super) trust: u32,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct DeviceCard {
    #[prost(string, tag = "1")]
    pub(super) device: String,
    #[prost(string, tag = "2")]
    pub(super) name: String,
    #[prost(string, tag = "3")]
    pub(super) kind: String,
    #[prost(string, tag = "4")]
    pub(super) location: String,
    #[prost(int64, optional, tag = "5")]
    pub(super) interval_micros: Option<i64>,
    #[prost(string, tag = "6")]
    pub(super) settings: String,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Observation {
    #[prost(string, tag = "1")]
    pub(super) form: String,
    #[prost(sfixed64, optional, tag = "2")]
    pub(super) sent_at: Option<i64>,
    #[prost(uint64, optional, tag = "3")]
    pub(super) sequence: Option<u64>,
    #[prost(uint32, optional, tag = "4")]
    pub(super) battery_permille: Option<u32>,
    #[prost(uint32, tag = "5")]
    pub(super) failures: u32,
    #[prost(bytes = "vec", tag = "6")]
    pub(super) content: Vec<u8>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Unusable {
    #[prost(string, tag = "1")]
    pub(super) raw: String,
    #[prost(string, tag = "2")]
    pub(super) code: String,
    #[prost(string, tag = "3")]
    pub(super) field: String,
    #[prost(string, tag = "4")]
    pub(super) detail: String,
    #[prost(string, tag = "5")]
    pub(super) place: String,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Reversed {
    #[prost(uint64, tag = "1")]
    pub(super) entry: u64,
    #[prost(string, tag = "2")]
    pub(super) reason: String,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Discarded {
    #[prost(uint64, tag = "1")]
    pub(super) held: u64,
    #[prost(string, tag = "2")]
    pub(super) reason: String,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct HistoryFolded {
    #[prost(uint32, tag = "1")]
    pub(super) account: u32,
    #[prost(sfixed64, tag = "2")]
    pub(super) before: i64,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct UnitReport {
    #[prost(uint32, tag = "1")]
    pub(super) unit: u32,
    #[prost(sfixed64, tag = "2")]
    pub(super) seen_at: i64,
    #[prost(string, tag = "3")]
    pub(super) id: String,
    #[prost(uint32, tag = "4")]
    pub(super) deed: u32,
    #[prost(message, optional, tag = "5")]
    pub(super) place: Option<UnitPlace>,
    #[prost(uint32, optional, tag = "6")]
    pub(super) status: Option<u32>,
    #[prost(uint32, tag = "7")]
    pub(super) counterpart: u32,
    #[prost(message, repeated, tag = "8")]
    pub(super) contents: Vec<UnitContent>,
    #[prost(string, tag = "9")]
    pub(super) reference: String,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct UnitPlace {
    #[prost(uint32, tag = "1")]
    pub(super) kind: u32,
    #[prost(uint32, tag = "2")]
    pub(super) location: u32,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct UnitContent {
    #[prost(oneof = "UnitContentOf", tags = "1, 2, 3")]
    pub(super) of: Option<UnitContentOf>,
}

#[derive(Clone, PartialEq, Oneof)]
pub(super) enum UnitContentOf {
    #[prost(message, tag = "1")]
    Stock(UnitHolds),
    #[prost(message, tag = "2")]
    Serial(PackedSerial),
    #[prost(uint32, tag = "3")]
    Unit(u32),
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct PackedSerial {
    #[prost(uint32, tag = "1")]
    pub(super) serial: u32,
    #[prost(uint32, tag = "2")]
    pub(super) product: u32,
    #[prost(uint32, tag = "3")]
    pub(super) lot: u32,
    #[prost(uint32, tag = "4")]
    pub(super) status: u32,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct UnitStands {
    #[prost(uint32, tag = "1")]
    pub(super) unit: u32,
    #[prost(message, optional, tag = "2")]
    pub(super) place: Option<UnitPlace>,
    #[prost(uint32, optional, tag = "3")]
    pub(super) parent: Option<u32>,
    #[prost(sfixed64, tag = "4")]
    pub(super) seen_at: i64,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct UnitHolds {
    #[prost(uint32, tag = "1")]
    pub(super) unit: u32,
    #[prost(uint32, tag = "2")]
    pub(super) product: u32,
    #[prost(uint32, tag = "3")]
    pub(super) lot: u32,
    #[prost(uint32, tag = "4")]
    pub(super) status: u32,
    #[prost(sint64, tag = "5")]
    pub(super) quantity: i64,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct SerialStands {
    #[prost(uint32, tag = "1")]
    pub(super) serial: u32,
    #[prost(uint32, optional, tag = "2")]
    pub(super) unit: Option<u32>,
    #[prost(uint32, optional, tag = "3")]
    pub(super) place: Option<u32>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct UnitsFolded {
    #[prost(uint32, tag = "1")]
    pub(super) unit: u32,
    #[prost(sfixed64, tag = "2")]
    pub(super) before: i64,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Discrepancy {
    #[prost(oneof = "DiscrepancyOf", tags = "1, 2, 3, 4, 5, 6, 7, 8, 9, 10")]
    pub(super) of: Option<DiscrepancyOf>,
}

#[derive(Clone, PartialEq, Oneof)]
pub(super) enum DiscrepancyOf {
    #[prost(message, tag = "1")]
    NegativeOnHand(AccountQuantity),
    #[prost(message, tag = "2")]
    CountVariance(AccountQuantity),
    #[prost(message, tag = "3")]
    SerialElsewhere(SerialElsewhere),
    #[prost(uint32, tag = "4")]
    SerialUnknown(u32),
    #[prost(uint32, tag = "5")]
    LotMissing(u32),
    #[prost(message, tag = "6")]
    ExpiryConflict(LotDay),
    #[prost(message, tag = "7")]
    OverReceipt(AccountQuantity),
    #[prost(message, tag = "8")]
    ReservedShort(AccountQuantity),
    #[prost(message, tag = "9")]
    UnitElsewhere(UnitElsewhere),
    #[prost(message, tag = "10")]
    UnitInAnother(UnitInAnother),
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct UnitElsewhere {
    #[prost(uint32, tag = "1")]
    pub(super) unit: u32,
    #[prost(uint32, tag = "2")]
    pub(super) believed: u32,
    #[prost(uint32, tag = "3")]
    pub(super) seen: u32,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct UnitInAnother {
    #[prost(uint32, tag = "1")]
    pub(super) unit: u32,
    #[prost(uint32, tag = "2")]
    pub(super) parent: u32,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct AccountQuantity {
    #[prost(uint32, tag = "1")]
    pub(super) account: u32,
    #[prost(sint64, tag = "2")]
    pub(super) quantity: i64,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct SerialElsewhere {
    #[prost(uint32, tag = "1")]
    pub(super) serial: u32,
    #[prost(uint32, tag = "2")]
    pub(super) believed: u32,
    #[prost(uint32, optional, tag = "3")]
    pub(super) seen: Option<u32>,
}
