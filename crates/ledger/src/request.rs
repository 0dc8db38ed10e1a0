//! What comes in: events that report facts, and commands that ask for something.

use crate::{Alert, AlertChange, Day, Decision, DecisionKind, Position, Quantity, RuleCard, Status, Timestamp};

/// Who an input is, for 'exactly once': the keyed hash of its source and id, and of everything else it says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Key {
    /// The hash of (source, id); of (source, all content) for an input without an id.
    pub id: u128,
    /// The hash of all that the input says beside its source and id.
    pub content: u64,
}

/// One input with everything that the ledger needs to judge it.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// The authenticated principal that sent it.
    pub actor: &'a str,
    /// The device or system that it comes from.
    pub source: &'a str,
    /// The id that its source gave it; empty when it has none.
    pub id: &'a str,
    /// The idempotency key.
    pub key: Key,
    /// When it happened, by the source's clock.
    pub occurred_at: Timestamp,
    /// Whether it reports history: then it may be older than the idempotency window.
    pub historical: bool,
    /// The held input that this one mends.
    pub resolves: Option<Position>,
    /// What it says.
    pub body: Body<'a>,
}

/// What a request says.
#[derive(Clone, Copy, Debug)]
pub enum Body<'a> {
    /// A fact from the physical world: recorded, never refused for what it means.
    Event(Event<'a>),
    /// Something asked for: judged.
    Command(&'a Command),
}

/// The kinds of physical events.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EventKind {
    /// Stock came to a location.
    ItemAdded,
    /// Stock left a location.
    ItemRemoved,
    /// Stock went from `location` to `to`.
    ItemMoved,
    /// `quantity` was counted at a location: absolute.
    ItemCounted,
    /// The books are put right by a signed `quantity`, with a reason.
    ItemAdjusted,
    /// Stock changed from `status` to `to_status`.
    StatusChanged,
    /// Stock left `location` for the warehouse `to`.
    ShipmentDispatched,
    /// Stock on its way arrived at `location`.
    ShipmentReceived,
    /// `quantity` was ordered from a supplier for the warehouse of `location`.
    PurchaseOrderPlaced,
    /// `quantity` of an order arrived at `location`.
    PurchaseOrderReceived,
    /// `quantity` of an order will not come.
    PurchaseOrderCancelled,
    /// Stock or other units went into `handling_unit`, where they stand.
    UnitPacked,
    /// Stock or other units came out of `handling_unit`; all of them when none is named.
    UnitUnpacked,
}

impl EventKind {
    /// Every kind.
    pub const ALL: [Self; 13] = [
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
    ];

    /// The name used outside.
    pub const fn name(self) -> &'static str {
        DecisionKind::of(self).name()
    }
}

/// A physical event. Texts are trimmed and free of control characters; an optional text that is empty is absent.
#[derive(Clone, Copy, Debug)]
pub struct Event<'a> {
    /// What happened.
    pub kind: EventKind,
    /// To which product.
    pub product: &'a str,
    /// Where: a path whose first part is the warehouse.
    pub location: &'a str,
    /// Where to, for moves and dispatches.
    pub to: &'a str,
    /// How much, in `unit`. Signed for adjustments only.
    pub quantity: Quantity,
    /// In which unit; empty for the product's base unit.
    pub unit: &'a str,
    /// Of which lot.
    pub lot: &'a str,
    /// When that lot expires.
    pub expiry: Option<Day>,
    /// Which units, one serial a line (`\n` between them); empty when not serialised.
    pub serials: &'a str,
    /// In which status the stock is (for status changes: was).
    pub status: Status,
    /// Into which status it changed.
    pub to_status: Option<Status>,
    /// Why.
    pub reason: &'a str,
    /// The document that it belongs to: an order, a delivery, a shipment.
    pub reference: &'a str,
    /// When the rest of it is expected, for orders and dispatches.
    pub expected_at: Option<Timestamp>,
    /// The handling unit that it happened to, with all in it; for packing and unpacking, the one whose content changed.
    pub handling_unit: &'a str,
    /// The units that were packed or unpacked, one a line (`\n` between them).
    pub units: &'a str,
}

impl<'a> Event<'a> {
    /// An event with the five fields that every event has; all else absent.
    pub const fn new(kind: EventKind, product: &'a str, location: &'a str, quantity: Quantity) -> Self {
        Self {
            kind,
            product,
            location,
            to: "",
            quantity,
            unit: "",
            lot: "",
            expiry: None,
            serials: "",
            status: Status::Available,
            to_status: None,
            reason: "",
            reference: "",
            expected_at: None,
            handling_unit: "",
            units: "",
        }
    }

    /// The serials, in the order given.
    pub fn serials(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        self.serials.split('\n').filter(|serial| !serial.is_empty())
    }

    /// The units packed or unpacked, in the order given.
    pub fn units(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        self.units.split('\n').filter(|unit| !unit.is_empty())
    }
}

/// Something asked for.
#[derive(Clone, Debug)]
pub enum Command {
    /// Set stock aside.
    Reserve(Reserve),
    /// Give a reservation's stock back.
    Release {
        /// Which reservation.
        reservation: Box<str>,
    },
    /// Ship a reservation's stock.
    Fulfil {
        /// Which reservation.
        reservation: Box<str>,
    },
    /// End reservations whose time has passed.
    Expire,
    /// Say what a product is.
    DeclareProduct(Box<ProductCard>),
    /// Say what a location is.
    DeclareLocation(Box<LocationCard>),
    /// Say what a reason code means.
    DeclareReason(Box<ReasonCard>),
    /// Say what a device is.
    DeclareDevice(Box<DeviceCard>),
    /// Say what is to be watched, and how.
    DeclareRule(Box<RuleCard>),
    /// Watch by a rule no longer.
    WithdrawRule {
        /// Which.
        rule: Box<str>,
    },
    /// Open an alert, unless one of its condition and subject is open.
    RaiseAlert(Box<Alert>),
    /// Do something to an open alert.
    ChangeAlert(Box<AlertChange>),
    /// Keep what a device said. It moves no stock; what follows from it comes as events of its own.
    Observe(Box<Observation>),
    /// Undo an entry by its opposite.
    Reverse {
        /// Where the entry to undo stands.
        position: Position,
        /// That entry, as the journal holds it.
        original: Box<Decision>,
        /// Why; free text.
        reason: Box<str>,
    },
    /// Keep an input that could not be used.
    Hold(Box<Unusable>),
    /// Close a held input without using it.
    Discard {
        /// Which held input.
        held: Position,
        /// Why; free text, not empty.
        reason: Box<str>,
    },
}

/// A reservation asked for: several lines of one warehouse, all or nothing unless `partial`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reserve {
    /// The caller's name for it.
    pub reservation: Box<str>,
    /// In which warehouse.
    pub warehouse: Box<str>,
    /// What.
    pub lines: Vec<ReserveLine>,
    /// When it ends by itself.
    pub expires_at: Option<Timestamp>,
    /// Whether less than asked for is welcome.
    pub partial: bool,
}

/// One line of a reservation asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReserveLine {
    /// Which product.
    pub product: Box<str>,
    /// How much, in base units; above zero.
    pub quantity: Quantity,
    /// From this location only; empty for the whole warehouse.
    pub location: Box<str>,
    /// From this lot only; empty for first expired, first out.
    pub lot: Box<str>,
}

/// What is known of a product.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProductCard {
    /// Its id, the user's own.
    pub product: Box<str>,
    /// What people call it.
    pub name: Box<str>,
    /// Its GTIN, when it has one.
    pub gtin: Box<str>,
    /// The group it belongs to.
    pub category: Box<str>,
    /// The name of its base unit; empty means `each`.
    pub base_unit: Box<str>,
    /// The other units that quantities may come in.
    pub units: Vec<Unit>,
}

/// A unit of measure of a product: one of it is `numerator / denominator` base units, exactly.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unit {
    /// Its name, such as `case`.
    pub name: Box<str>,
    /// Base units in `denominator` of it; above zero.
    pub numerator: u64,
    /// See `numerator`; above zero.
    pub denominator: u64,
}

/// What is known of a location.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LocationCard {
    /// Its path.
    pub location: Box<str>,
    /// What people call it.
    pub name: Box<str>,
    /// The region; kept for warehouses only.
    pub region: Box<str>,
    /// Its GLN, when it has one.
    pub gln: Box<str>,
    /// Where it is on the globe, when that was said.
    pub site: Option<Site>,
}

/// A place on the globe (WGS 84) and how far around it belongs to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Site {
    /// Millionths of a degree north, from -90,000,000 to 90,000,000.
    pub latitude_micros: i32,
    /// Millionths of a degree east, from -180,000,000 to 180,000,000.
    pub longitude_micros: i32,
    /// Metres around it; above zero.
    pub radius_m: u32,
}

/// What a reason code means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReasonCard {
    /// The code, as events carry it.
    pub code: Box<str>,
    /// What people read.
    pub name: Box<str>,
    /// Where stock that is added comes from and stock that is removed goes to.
    pub counterpart: crate::AccountKind,
    /// For counts: how far such a count is trusted when two claim the same time; the greater wins.
    pub trust: u8,
}

/// What is known of a device: a reader, a scale, a thermometer, a gateway.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeviceCard {
    /// Its name: the source under which it sends.
    pub device: Box<str>,
    /// What people call it.
    pub name: Box<str>,
    /// What it is, such as `rfid_reader`; the ledger does not look at it.
    pub kind: Box<str>,
    /// Where it stands: a location's path; empty when it moves about or nobody has said.
    pub location: Box<str>,
    /// How often it is expected to be heard, in microseconds; `None` when it speaks only when something happens.
    pub interval_micros: Option<i64>,
    /// How its readings are to be understood, as text that the ledger does not look at.
    pub settings: Box<str>,
}

/// What a device said, kept as it came. The device is the request's source.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Observation {
    /// What `content` is, such as `tag_reads`; the ledger does not look at it.
    pub form: Box<str>,
    /// When the device sent it, by its own clock.
    pub sent_at: Option<Timestamp>,
    /// The device's own count of its messages.
    pub sequence: Option<u64>,
    /// What is left in its battery, in thousandths.
    pub battery_permille: Option<u16>,
    /// Failures that it reports of itself in this message.
    pub failures: u32,
    /// What it said.
    pub content: Box<[u8]>,
}

/// An input that could not be used, as it came, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unusable {
    /// The input's own text, cut at 16 KiB.
    pub raw: Box<str>,
    /// The stable code of the problem.
    pub code: Box<str>,
    /// Which field is at fault; empty when none is.
    pub field: Box<str>,
    /// The problem in words, with the value at fault and the remedy.
    pub detail: Box<str>,
    /// Where it came from: a file and row, a batch index; empty when unknown.
    pub place: Box<str>,
}
