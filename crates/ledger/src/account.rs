//! Accounts: the places, real and nominal, between which stock moves.

use crate::{LocationId, LotId, ProductId};

/// The condition of stock that is on hand.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Status {
    /// Free to reserve and ship.
    #[default]
    Available,
    /// Kept aside until somebody decides.
    Quarantined,
    /// Broken, still here.
    Damaged,
    /// Past its date, still here.
    Expired,
}

impl Status {
    /// Every status, in the order of their codes.
    pub const ALL: [Self; 4] = [Self::Available, Self::Quarantined, Self::Damaged, Self::Expired];

    /// The name used outside.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Available => "available",
            Self::Quarantined => "quarantined",
            Self::Damaged => "damaged",
            Self::Expired => "expired",
        }
    }

    /// The status called `name`.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.name() == name)
    }
}

/// What an account stands for. The numbers are written to the journal and never change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum AccountKind {
    /// On hand at a location, available.
    Available = 0,
    /// On hand at a location, quarantined.
    Quarantined = 1,
    /// On hand at a location, damaged.
    Damaged = 2,
    /// On hand at a location, expired.
    Expired = 3,
    /// On its way to a warehouse.
    InTransit = 8,
    /// Ordered for a warehouse, not yet received. Its counterpart is [`AccountKind::OrderBook`].
    OnOrder = 9,
    /// What suppliers have promised a warehouse; the negative of what is on order.
    OrderBook = 10,
    /// Came from suppliers.
    Supplier = 16,
    /// Went to customers.
    Customer = 17,
    /// Made from or used up in production.
    Production = 18,
    /// Found or missed at a count, or adjusted: shrinkage.
    Variance = 19,
    /// Thrown away.
    Scrap = 20,
    /// Was there when the books were opened.
    Opening = 21,
}

impl AccountKind {
    /// Every kind, in the order of their numbers.
    pub const ALL: [Self; 13] = [
        Self::Available,
        Self::Quarantined,
        Self::Damaged,
        Self::Expired,
        Self::InTransit,
        Self::OnOrder,
        Self::OrderBook,
        Self::Supplier,
        Self::Customer,
        Self::Production,
        Self::Variance,
        Self::Scrap,
        Self::Opening,
    ];

    /// The kind with this number in the journal.
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| *kind as u8 == number)
    }

    /// The name used outside.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Available => "available",
            Self::Quarantined => "quarantined",
            Self::Damaged => "damaged",
            Self::Expired => "expired",
            Self::InTransit => "in_transit",
            Self::OnOrder => "on_order",
            Self::OrderBook => "order_book",
            Self::Supplier => "supplier",
            Self::Customer => "customer",
            Self::Production => "production",
            Self::Variance => "variance",
            Self::Scrap => "scrap",
            Self::Opening => "opening",
        }
    }

    /// The status of stock on hand; `None` for accounts that are not on hand.
    pub const fn status(self) -> Option<Status> {
        match self {
            Self::Available => Some(Status::Available),
            Self::Quarantined => Some(Status::Quarantined),
            Self::Damaged => Some(Status::Damaged),
            Self::Expired => Some(Status::Expired),
            _ => None,
        }
    }

    /// The account kind of stock on hand in `status`.
    pub const fn on_hand(status: Status) -> Self {
        match status {
            Status::Available => Self::Available,
            Status::Quarantined => Self::Quarantined,
            Status::Damaged => Self::Damaged,
            Status::Expired => Self::Expired,
        }
    }

    /// Whether stock comes from or goes to this account from outside: what a reason may name.
    pub const fn is_counterpart(self) -> bool {
        matches!(
            self,
            Self::Supplier | Self::Customer | Self::Production | Self::Variance | Self::Scrap | Self::Opening
        )
    }

    /// Whether stock in this account is on hand.
    pub const fn is_on_hand(self) -> bool {
        self.status().is_some()
    }
}

/// What an account is of. On hand at exact locations; every other kind at a warehouse.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AccountKey {
    /// What it stands for.
    pub kind: AccountKind,
    /// Whose stock.
    pub product: ProductId,
    /// Where.
    pub location: LocationId,
    /// Of which lot.
    pub lot: LotId,
}
