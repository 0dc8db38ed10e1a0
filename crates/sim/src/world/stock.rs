//! What stands where: the truth, and beside it the books as the reports so far make them.

use super::places::Location;
use ledger::Status;

/// A lot of goods; number 0 is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Lot {
    pub(super) number: u32,
    /// The last day that it is good.
    pub(super) expires_on: i32,
}

impl Lot {
    pub(super) const NONE: Self = Self { number: 0, expires_on: i32::MAX };
}

/// Where stock of a known product stands, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Spot {
    pub(super) location: Location,
    pub(super) lot: Lot,
    pub(super) status: Status,
}

/// Stock of one product at one spot. Quantities are micro-units.
#[derive(Clone, Debug)]
pub(super) struct Held {
    pub(super) spot: Spot,
    /// What is really there.
    pub(super) truth: i64,
    /// What the reports that arrived add up to.
    pub(super) book: i64,
    /// What orders have set aside.
    pub(super) reserved: i64,
    /// The newest count that the books know.
    pub(super) counted_at: i64,
    /// The serial numbers of the units there; empty when the product has none.
    pub(super) units: Vec<u32>,
}

impl Held {
    /// What nobody has set aside, of what the books show.
    pub(super) fn free_book(&self) -> i64 {
        self.book - self.reserved
    }

    /// What nobody has set aside, of what is really there.
    pub(super) fn free(&self) -> i64 {
        self.truth - self.reserved.max(0)
    }

    fn is_nothing(&self) -> bool {
        self.truth == 0 && self.book == 0 && self.reserved == 0
    }
}

/// One product in one warehouse.
#[derive(Clone, Debug, Default)]
pub(super) struct Shelf {
    pub(super) held: Vec<Held>,
    /// Ordered less received and cancelled, as reported; over-deliveries leave it below zero.
    pub(super) on_order: i64,
    /// What suppliers will really still bring.
    pub(super) expected: i64,
    /// On its way from another warehouse.
    pub(super) in_transit: i64,
    /// When it is ordered again, and up to what.
    pub(super) reorder_point: i64,
    pub(super) order_up_to: i64,
    /// What sells on a usual day.
    pub(super) daily: i64,
    /// Whether somebody is on the way to fill the pick bin.
    pub(super) replenishing: bool,
}

impl Shelf {
    pub(super) fn find(&self, spot: Spot) -> Option<&Held> {
        self.held.iter().find(|held| held.spot == spot)
    }

    /// The record of a spot, made when there is none.
    pub(super) fn at(&mut self, spot: Spot) -> &mut Held {
        let index = self.held.iter().position(|held| held.spot == spot).unwrap_or_else(|| {
            self.held.push(Held { spot, truth: 0, book: 0, reserved: 0, counted_at: i64::MIN, units: Vec::new() });
            self.held.len() - 1
        });
        &mut self.held[index]
    }

    /// Forgets spots with nothing in truth and in the books.
    pub(super) fn tidy(&mut self) {
        self.held.retain(|held| !held.is_nothing());
    }

    /// What is really there, minding no status.
    pub(super) fn truth(&self, spot: Spot) -> i64 {
        self.find(spot).map_or(0, |held| held.truth)
    }

    /// Takes really existing stock, and its newest units when it has serials; the caller saw that there is enough.
    pub(super) fn take(&mut self, spot: Spot, quantity: i64) -> Vec<u32> {
        let held = self.at(spot);
        assert!(held.truth >= quantity, "goods are only taken from where they are");
        held.truth -= quantity;
        if held.units.is_empty() {
            return Vec::new();
        }
        let count = usize::try_from(quantity / super::assortment::ONE).expect("taken quantities are not negative");
        held.units.split_off(held.units.len() - count)
    }

    /// Puts stock down for real.
    pub(super) fn put(&mut self, spot: Spot, quantity: i64, units: &[u32]) {
        let held = self.at(spot);
        held.truth += quantity;
        held.units.extend_from_slice(units);
    }

    /// Good stock at one location that nobody has set aside, first expired first, with at least this much.
    pub(super) fn free_at(&self, location: Location, quantity: i64) -> Option<&Held> {
        self.held
            .iter()
            .filter(|held| {
                held.spot.location == location && held.spot.status == Status::Available && held.free() >= quantity
            })
            .min_by_key(|held| held.spot.lot.expires_on)
    }

    /// What could be sold, by the books.
    pub(super) fn free_book(&self) -> i64 {
        self.held.iter().filter(|held| held.spot.status == Status::Available).map(Held::free_book).sum()
    }

    /// What could be sold, now or when it has come: the inventory position.
    pub(super) fn inventory_position(&self) -> i64 {
        self.free_book() + self.expected + self.in_transit
    }

    /// Books a movement: one that a count has already seen changes nothing.
    pub(super) fn book(&mut self, spot: Spot, delta: i64, occurred_at: i64) {
        let held = self.at(spot);
        if occurred_at > held.counted_at {
            held.book += delta;
            if held.is_nothing() {
                self.tidy();
            }
        }
    }

    /// Books a count.
    pub(super) fn book_count(&mut self, spot: Spot, quantity: i64, counted_at: i64) {
        let held = self.at(spot);
        if counted_at >= held.counted_at {
            held.book = quantity;
            held.counted_at = counted_at;
            if held.is_nothing() {
                self.tidy();
            }
        }
    }
}
