//! Counting, inspecting, and what is no longer good.

use super::World;
use super::assortment::ONE;
use super::calendar::{DAY, HOUR, MINUTE, day};
use super::report::Line;
use super::stock::Spot;
use super::tasks::{Goods, Task};
use ledger::{EventKind, Status};

impl World {
    /// The cycle count goes on: everything of the next product of a warehouse, also where the books are wrong.
    pub(super) fn count_next(&mut self, warehouse: usize) {
        let product = self.counted[warehouse] % self.assortment.products.len();
        self.counted[warehouse] = product + 1;
        let held = &self.shelves[self.shelf_index(product, warehouse)].held;
        let spots: Vec<Spot> =
            held.iter().filter(|held| held.truth != 0 || held.book != 0).map(|held| held.spot).collect();
        for spot in spots {
            self.count_spot(product, warehouse, spot);
        }
        // A count may have shown that too little is there, and nothing else would look until the next sale.
        self.after_removal(product, warehouse);
    }

    /// A person counts one spot.
    pub(super) fn count_spot(&mut self, product: usize, warehouse: usize, spot: Spot) {
        let quantity = self.shelf(product, warehouse).truth(spot);
        let line =
            Line { reason: "cycle_count", ..Line::new(EventKind::ItemCounted, product, warehouse, spot, quantity) };
        let scanner = self.places.warehouses[warehouse].scanner(&mut self.chance);
        self.tell(scanner, line);
    }

    /// Changes the status of really existing goods, and tells it.
    pub(super) fn change_status(&mut self, goods: Goods, to: Status, reason: &'static str) {
        let Goods { product, warehouse, spot, quantity } = goods;
        let shelf = self.shelf(product, warehouse);
        let units = shelf.take(spot, quantity);
        shelf.put(Spot { status: to, ..spot }, quantity, &units);
        let line = Line {
            to_status: Some(to),
            units,
            reason,
            ..Line::new(EventKind::StatusChanged, product, warehouse, spot, quantity)
        };
        let scanner = self.places.warehouses[warehouse].scanner(&mut self.chance);
        self.tell(scanner, line);
        self.shelf(product, warehouse).tidy();
    }

    /// Quality control lets goods out of quarantine.
    pub(super) fn clear(&mut self, goods: Goods) {
        let there = self.shelf(goods.product, goods.warehouse).truth(goods.spot);
        let goods = Goods { quantity: goods.quantity.min(there), ..goods };
        if goods.quantity > 0 {
            self.change_status(goods, Status::Available, "");
            let spot = Spot { status: Status::Available, ..goods.spot };
            let at = self.now + self.chance.between(15 * MINUTE, 2 * HOUR);
            self.tasks.put(at, Task::PutAway(Box::new(Goods { spot, ..goods })));
        }
    }

    /// Something breaks, or is taken as a sample.
    pub(super) fn damage(&mut self, warehouse: usize) {
        let product = self.chance.index(self.assortment.products.len());
        let (pick, _) = self.bins(product, warehouse);
        let Some(spot) = self.shelf(product, warehouse).free_at(pick, ONE).map(|held| held.spot) else { return };
        let serialised = self.assortment.products[product].range.serialised;
        if !serialised && self.chance.percent(20) {
            self.shelf(product, warehouse).take(spot, ONE);
            let line = Line { reason: "sample", ..Line::new(EventKind::ItemAdjusted, product, warehouse, spot, -ONE) };
            let system = self.places.warehouses[warehouse].system();
            self.tell(system, line);
            return self.after_removal(product, warehouse);
        }
        self.break_goods(Goods { product, warehouse, spot, quantity: ONE });
        self.after_removal(product, warehouse);
    }

    fn break_goods(&mut self, goods: Goods) {
        self.change_status(goods, Status::Damaged, "damage");
        let spot = Spot { status: Status::Damaged, ..goods.spot };
        let at = self.now + self.chance.between(12 * HOUR, 48 * HOUR);
        self.tasks.put(at, Task::Scrap(Box::new(Goods { spot, ..goods }), "scrap"));
    }

    /// Looks at what a customer brought back: to the shelf again, or broken.
    pub(super) fn inspect(&mut self, goods: Goods) {
        if self.shelf(goods.product, goods.warehouse).truth(goods.spot) < goods.quantity {
            return;
        }
        if self.chance.percent(75) { self.put_away(goods) } else { self.break_goods(goods) }
    }

    /// Throws goods away.
    pub(super) fn scrap(&mut self, goods: Goods, reason: &'static str) {
        let Goods { product, warehouse, spot, .. } = goods;
        let shelf = self.shelf(product, warehouse);
        let quantity = goods.quantity.min(shelf.truth(spot));
        if quantity == 0 {
            return;
        }
        let units = shelf.take(spot, quantity);
        let line = Line { units, reason, ..Line::new(EventKind::ItemRemoved, product, warehouse, spot, quantity) };
        let scanner = self.places.warehouses[warehouse].scanner(&mut self.chance);
        self.tell(scanner, line);
        self.shelf(product, warehouse).tidy();
    }

    /// The nightly look at dates: what is past its own, and not set aside, is marked and soon thrown away.
    pub(super) fn sweep(&mut self, warehouse: usize) {
        self.tasks.put(self.now + DAY, Task::Sweep(warehouse));
        let today = day(self.now);
        for product in 0..self.assortment.products.len() {
            let held = &self.shelves[self.shelf_index(product, warehouse)].held;
            let past = |spot: Spot| spot.status == Status::Available && spot.lot.expires_on < today;
            let expired: Vec<(Spot, i64)> = held
                .iter()
                .filter(|held| past(held.spot) && held.free() > 0)
                .map(|held| (held.spot, held.free()))
                .collect();
            for (spot, quantity) in expired {
                let goods = Goods { product, warehouse, spot, quantity };
                self.change_status(goods, Status::Expired, "expired");
                let at = self.now + self.chance.between(6 * HOUR, 30 * HOUR);
                self.tasks.put(
                    at,
                    Task::Scrap(Box::new(Goods { spot: Spot { status: Status::Expired, ..spot }, ..goods }), "expired"),
                );
            }
        }
    }
}
