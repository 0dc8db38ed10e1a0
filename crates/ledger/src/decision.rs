//! What happened, as the journal keeps it. Applying a decision needs no rule and cannot fail.

use crate::{
    AccountId, AccountKey, Alert, AlertChange, Day, DeviceCard, EventKind, Key, LocationCard, LocationId, LotId,
    Observation, PartyId, Position, ProductCard, ProductId, Quantity, ReasonCard, ReasonId, RuleCard, SerialId,
    Timestamp, UnitHolds, UnitId, UnitReport, UnitStands, Unusable,
};
use smallvec::SmallVec;
use std::sync::Arc;

/// What kind of thing happened. The numbers are written to the journal and never change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
#[expect(missing_docs, reason = "each is the past tense of the event or command of the same name")]
pub enum DecisionKind {
    ItemAdded = 1,
    ItemRemoved = 2,
    ItemMoved = 3,
    ItemCounted = 4,
    ItemAdjusted = 5,
    StatusChanged = 6,
    ShipmentDispatched = 7,
    ShipmentReceived = 8,
    PurchaseOrderPlaced = 9,
    PurchaseOrderReceived = 10,
    PurchaseOrderCancelled = 11,
    UnitPacked = 12,
    UnitUnpacked = 13,
    StockReserved = 32,
    ReservationReleased = 33,
    ReservationFulfilled = 34,
    ReservationsExpired = 35,
    ProductDeclared = 48,
    LocationDeclared = 49,
    ReasonDeclared = 50,
    DeviceDeclared = 51,
    RuleDeclared = 52,
    RuleWithdrawn = 53,
    EntryReversed = 64,
    InputHeld = 65,
    HeldDiscarded = 66,
    ObservationRecorded = 96,
    AlertOpened = 112,
    AlertChanged = 113,
    AlertResolved = 114,
}

impl DecisionKind {
    /// Every kind, in the order of their numbers.
    pub const ALL: [Self; 30] = [
        Self::ItemAdded,
        Self::ItemRemoved,
        Self::ItemMoved,
        Self::ItemCounted,
        Self::ItemAdjusted,
        Self::StatusChanged,
        Self::ShipmentDispatched,
        Self::ShipmentReceived,
        Self::PurchaseOrderPlaced,
        Self::PurchaseOrderReceived,
        Self::PurchaseOrderCancelled,
        Self::UnitPacked,
        Self::UnitUnpacked,
        Self::StockReserved,
        Self::ReservationReleased,
        Self::ReservationFulfilled,
        Self::ReservationsExpired,
        Self::ProductDeclared,
        Self::LocationDeclared,
        Self::ReasonDeclared,
        Self::DeviceDeclared,
        Self::RuleDeclared,
        Self::RuleWithdrawn,
        Self::EntryReversed,
        Self::InputHeld,
        Self::HeldDiscarded,
        Self::ObservationRecorded,
        Self::AlertOpened,
        Self::AlertChanged,
        Self::AlertResolved,
    ];

    /// What an event of this kind becomes.
    pub const fn of(event: EventKind) -> Self {
        match event {
            EventKind::ItemAdded => Self::ItemAdded,
            EventKind::ItemRemoved => Self::ItemRemoved,
            EventKind::ItemMoved => Self::ItemMoved,
            EventKind::ItemCounted => Self::ItemCounted,
            EventKind::ItemAdjusted => Self::ItemAdjusted,
            EventKind::StatusChanged => Self::StatusChanged,
            EventKind::ShipmentDispatched => Self::ShipmentDispatched,
            EventKind::ShipmentReceived => Self::ShipmentReceived,
            EventKind::PurchaseOrderPlaced => Self::PurchaseOrderPlaced,
            EventKind::PurchaseOrderReceived => Self::PurchaseOrderReceived,
            EventKind::PurchaseOrderCancelled => Self::PurchaseOrderCancelled,
            EventKind::UnitPacked => Self::UnitPacked,
            EventKind::UnitUnpacked => Self::UnitUnpacked,
        }
    }

    /// The kind with this number in the journal.
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| *kind as u8 == number)
    }

    /// The name used outside.
    pub const fn name(self) -> &'static str {
        match self {
            Self::ItemAdded => "item_added",
            Self::ItemRemoved => "item_removed",
            Self::ItemMoved => "item_moved",
            Self::ItemCounted => "item_counted",
            Self::ItemAdjusted => "item_adjusted",
            Self::StatusChanged => "status_changed",
            Self::ShipmentDispatched => "shipment_dispatched",
            Self::ShipmentReceived => "shipment_received",
            Self::PurchaseOrderPlaced => "purchase_order_placed",
            Self::PurchaseOrderReceived => "purchase_order_received",
            Self::PurchaseOrderCancelled => "purchase_order_cancelled",
            Self::UnitPacked => "unit_packed",
            Self::UnitUnpacked => "unit_unpacked",
            Self::StockReserved => "stock_reserved",
            Self::ReservationReleased => "reservation_released",
            Self::ReservationFulfilled => "reservation_fulfilled",
            Self::ReservationsExpired => "reservations_expired",
            Self::ProductDeclared => "product_declared",
            Self::LocationDeclared => "location_declared",
            Self::ReasonDeclared => "reason_declared",
            Self::DeviceDeclared => "device_declared",
            Self::RuleDeclared => "rule_declared",
            Self::RuleWithdrawn => "rule_withdrawn",
            Self::EntryReversed => "entry_reversed",
            Self::InputHeld => "input_held",
            Self::HeldDiscarded => "held_discarded",
            Self::ObservationRecorded => "observation_recorded",
            Self::AlertOpened => "alert_opened",
            Self::AlertChanged => "alert_changed",
            Self::AlertResolved => "alert_resolved",
        }
    }
}

/// One decision: what an accepted request did to the books.
///
/// Applied in this order: `names`, then `postings`, then `effects`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// When it was sequenced; never before that of an earlier entry.
    pub recorded_at: Timestamp,
    /// When it happened, by the source's clock.
    pub occurred_at: Timestamp,
    /// What happened.
    pub kind: DecisionKind,
    /// Who sent it.
    pub actor: PartyId,
    /// Where it comes from.
    pub source: PartyId,
    /// Its idempotency key.
    pub key: Key,
    /// Names that it is the first to use; each takes the next id of its kind.
    pub names: Vec<Name>,
    /// Movements between accounts; they sum to zero for each product and lot.
    pub postings: SmallVec<[Posting; 4]>,
    /// Everything else that it changed.
    pub effects: Vec<Effect>,
    /// What it showed to be wrong in the books.
    pub discrepancies: Vec<Discrepancy>,
    /// Why, when a reason was given.
    pub reason: Option<ReasonId>,
    /// The document that it belongs to.
    pub reference: Option<Box<str>>,
    /// The held input that it mends.
    pub resolves: Option<Position>,
}

/// A name used for the first time. Text is shared by all tables that keep it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Name {
    /// A product, not yet verified.
    Product(Arc<str>),
    /// A location's path; its warehouse was named before it.
    Location(Arc<str>),
    /// A lot of a product.
    Lot(ProductId, Arc<str>),
    /// A serialised unit of a product.
    Serial(ProductId, Arc<str>),
    /// A source or actor.
    Party(Arc<str>),
    /// An account.
    Account(AccountKey),
    /// A handling unit.
    Unit(Arc<str>),
}

/// Whether a posting reports a movement or explains a count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Stock moved.
    Movement,
    /// A count and the books differed, or a late movement explained such a difference.
    Variance,
}

/// One side of a movement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Posting {
    /// The account that changes.
    pub account: AccountId,
    /// By how much.
    pub delta: Quantity,
    /// From when on; history at T is the sum of all postings effective at or before T.
    pub effective_at: Timestamp,
    /// What it reports.
    pub role: Role,
}

/// A change that is not a posting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// A count stands in an account's history.
    Counted(Counted),
    /// A count was withdrawn from an account's history.
    CountWithdrawn(Counted),
    /// A serialised unit was seen.
    Sighted(Sighted),
    /// A sighting was withdrawn.
    SightingWithdrawn(Sighted),
    /// A lot's expiry became known, or earlier.
    LotExpires(LotId, Day),
    /// What is expected under a reference changed.
    Expected(Box<Expected>),
    /// Stock was set aside.
    Reserved(Box<Reservation>),
    /// A reservation ended; its stock is no longer set aside.
    ReservationEnded {
        /// Which.
        reservation: Box<str>,
        /// How.
        outcome: ReservationState,
    },
    /// A product's card.
    Product(Box<ProductCard>),
    /// A location's card.
    Location(Box<LocationCard>),
    /// A reason's card.
    Reason(Box<ReasonCard>),
    /// A device's card.
    Device(Box<DeviceCard>),
    /// A rule's card.
    Rule(Box<RuleCard>),
    /// A rule is no longer.
    RuleWithdrawn {
        /// Which.
        rule: Box<str>,
    },
    /// An alert was opened; this entry's position is its id.
    AlertOpened(Box<Alert>),
    /// Something happened to an open alert.
    AlertChanged(Box<AlertChange>),
    /// A device said something.
    Observed(Box<Observation>),
    /// An entry was reversed by this one.
    Reversed {
        /// Which.
        entry: Position,
        /// Why; free text.
        reason: Box<str>,
    },
    /// An input is held.
    Held(Box<Unusable>),
    /// A held input was closed, unused.
    Discarded {
        /// Which.
        held: Position,
        /// Why.
        reason: Box<str>,
    },
    /// The older half of the remembered ids is forgotten.
    IdsRotated,
    /// An account's movements and counts before a time are folded into one figure.
    HistoryFolded {
        /// Which account.
        account: AccountId,
        /// What is older than this is folded.
        before: Timestamp,
    },
    /// Something was reported of a handling unit.
    UnitReported(Box<UnitReport>),
    /// A report of a handling unit was withdrawn.
    UnitReportWithdrawn(Box<UnitReport>),
    /// Where a handling unit now stands; follows from the reports.
    UnitStands(UnitStands),
    /// How much of some stock a handling unit now holds; follows from the reports.
    UnitHolds(UnitHolds),
    /// Where a serialised unit now is that was ever packed; follows from reports and sightings.
    SerialStands {
        /// Which serialised unit.
        serial: SerialId,
        /// The handling unit that it is in.
        unit: Option<UnitId>,
        /// Where; `None` when it is not with us.
        place: Option<AccountId>,
    },
    /// What was reported of a handling unit, and of all that it has to do with, before a time is folded.
    UnitsFolded {
        /// One of the units.
        unit: UnitId,
        /// What is older than this is folded.
        before: Timestamp,
    },
}

/// A count of an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counted {
    /// The account that was counted.
    pub account: AccountId,
    /// When.
    pub counted_at: Timestamp,
    /// What was found.
    pub quantity: Quantity,
    /// What the books held as of then, before this count.
    pub expected: Quantity,
    /// How far it is trusted.
    pub trust: u8,
    /// Its id, the last resort between equal counts.
    pub id: Box<str>,
}

/// A sighting of a serialised unit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sighted {
    /// Which unit.
    pub serial: SerialId,
    /// When.
    pub seen_at: Timestamp,
    /// Where; `None` when it left us.
    pub place: Option<AccountId>,
    /// The event's id, the last resort between sightings of equal time.
    pub id: Box<str>,
}

/// A change of what is expected on an `OnOrder` or `InTransit` account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expected {
    /// The account.
    pub account: AccountId,
    /// The order or shipment; empty when it has none.
    pub reference: Box<str>,
    /// By how much the open quantity changes.
    pub delta: Quantity,
    /// When it is expected, when that is said.
    pub expected_at: Option<Timestamp>,
}

/// How a reservation stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ReservationState {
    /// Stock is set aside.
    Pending,
    /// Shipped.
    Fulfilled,
    /// Given back.
    Released,
    /// Its time passed.
    Expired,
}

impl ReservationState {
    /// The name used outside.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Fulfilled => "fulfilled",
            Self::Released => "released",
            Self::Expired => "expired",
        }
    }
}

/// A reservation as made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reservation {
    /// The caller's name for it.
    pub reservation: Box<str>,
    /// In which warehouse.
    pub warehouse: LocationId,
    /// What is set aside, in the order asked for; one line asked for may have become several.
    pub lines: Vec<ReservedLine>,
    /// When it ends by itself.
    pub expires_at: Option<Timestamp>,
    /// How it stands.
    pub state: ReservationState,
}

/// Stock set aside in one account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReservedLine {
    /// Which line asked for it, from 0.
    pub line: u32,
    /// Where it stands.
    pub account: AccountId,
    /// How much.
    pub quantity: Quantity,
}

/// Something that a decision showed to be wrong in the books or on the floor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Discrepancy {
    /// More left than was there.
    NegativeOnHand {
        /// Which account.
        account: AccountId,
        /// What the books now say.
        on_hand: Quantity,
    },
    /// A count found another figure than the books held.
    CountVariance {
        /// Which account.
        account: AccountId,
        /// Counted less expected.
        variance: Quantity,
    },
    /// A unit was seen in one place while it was believed in another.
    SerialElsewhere {
        /// Which unit.
        serial: SerialId,
        /// Where it was believed.
        believed: AccountId,
        /// Where it was seen; `None` when it left from somewhere it was not.
        seen: Option<AccountId>,
    },
    /// A unit left that was never known to be here.
    SerialUnknown {
        /// Which unit.
        serial: SerialId,
    },
    /// Stock without a lot left a place that holds the product in lots.
    LotMissing {
        /// The account without a lot.
        account: AccountId,
    },
    /// Two dates were given for one lot; the earlier stands.
    ExpiryConflict {
        /// Which lot.
        lot: LotId,
        /// The later date.
        other: Day,
    },
    /// More arrived than was on its way or on order.
    OverReceipt {
        /// The `InTransit` or `OnOrder` account.
        account: AccountId,
        /// By how much.
        excess: Quantity,
    },
    /// More is reserved than is there.
    ReservedShort {
        /// Which account.
        account: AccountId,
        /// How much is missing.
        short: Quantity,
    },
    /// A handling unit was seen in one place while it was believed in another.
    UnitElsewhere {
        /// Which unit.
        unit: UnitId,
        /// Where it was believed.
        believed: LocationId,
        /// Where it was seen.
        seen: LocationId,
    },
    /// A handling unit was packed while it was believed in another one.
    UnitInAnother {
        /// Which unit.
        unit: UnitId,
        /// The unit that it was believed in.
        parent: UnitId,
    },
}

impl Discrepancy {
    /// The stable code used outside.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NegativeOnHand { .. } => "negative_on_hand",
            Self::CountVariance { .. } => "count_variance",
            Self::SerialElsewhere { .. } => "serial_elsewhere",
            Self::SerialUnknown { .. } => "serial_unknown",
            Self::LotMissing { .. } => "lot_missing",
            Self::ExpiryConflict { .. } => "expiry_conflict",
            Self::OverReceipt { .. } => "over_receipt",
            Self::ReservedShort { .. } => "reserved_short",
            Self::UnitElsewhere { .. } => "unit_elsewhere",
            Self::UnitInAnother { .. } => "unit_in_another",
        }
    }
}
