//! The first day: products, places and what stands on the shelves when the books are opened.

use super::calendar::{DAY, HOUR, SECOND, day};
use super::flows::{Flow, LINES_PER_PRODUCT_DAY_HUNDREDTHS};
use super::places::{ERP, Location};
use super::report::{Line, Says};
use super::stock::{Lot, Spot};
use super::tasks::Task;
use super::{Emission, World};
use crate::world::assortment::ONE;
use ledger::{Command, EventKind, Status};

/// The mean quantity of one line of a sale, in micro-units.
const LINE_QUANTITY_MEAN: i128 = 1_650_000;

impl World {
    /// Emits the master data and the opening stock, all arriving at the start; call it once, before the first
    /// [`advance`](Self::advance).
    ///
    /// # Panics
    /// When called again.
    pub fn opening(&mut self, sink: &mut dyn FnMut(Emission<'_>)) {
        assert!(!self.opened, "a world opens once");
        self.opened = true;
        for index in 0..self.assortment.products.len() {
            let card = self.assortment.products[index].card();
            self.tell_plainly(ERP, Says::Command(Box::new(Command::DeclareProduct(Box::new(card)))));
        }
        for location in 0..self.places.paths.len() {
            let location = Location::try_from(location).expect("fewer than 2^32 locations");
            let card = self.places.card(location);
            self.tell_plainly(ERP, Says::Command(Box::new(Command::DeclareLocation(Box::new(card)))));
        }
        for warehouse in 0..self.places.warehouses.len() {
            for product in 0..self.assortment.products.len() {
                self.stock(product, warehouse);
            }
            let offset = self.places.warehouses[warehouse].offset_hours;
            let midnight = (self.now + offset * HOUR).div_euclid(DAY) * DAY - offset * HOUR;
            self.tasks.put(midnight + DAY + 5 * DAY / 48, Task::Sweep(warehouse));
            for flow in Flow::ALL {
                let at = self.now + SECOND + self.flow_gap(flow);
                self.tasks.put(at, Task::Flow(flow, warehouse));
            }
        }
        self.drain(sink);
    }

    /// Plans a shelf from what is sold, and fills it to somewhere in its usual range. Some of it is still on its way, as
    /// on any other day.
    fn stock(&mut self, product: usize, warehouse: usize) {
        let article = &self.assortment.products[product];
        let (range, case) = (article.range, article.case());
        let daily = self.daily(product);
        let hurried = range.life_days.is_some_and(|(shortest, _)| shortest < 30);
        let (lead_max, cover) = (range.lead_days.1, if hurried { 2 } else { 5 });
        let shelf = self.shelf(product, warehouse);
        shelf.daily = daily;
        shelf.reorder_point = daily * (lead_max + 1) * 5 / 4 + ONE;
        shelf.order_up_to = shelf.reorder_point + (daily * cover).max(case);
        let (reorder_point, order_up_to) = (shelf.reorder_point, shelf.order_up_to);
        let awaited = self.chance.percent(45);
        let (low, high) = if awaited { (reorder_point / 3, reorder_point) } else { (reorder_point, order_up_to) };
        let total = self.chance.between(low / ONE, high / ONE) * ONE;
        let at_pick = total.min(self.pick_target(product, warehouse) / ONE * ONE);
        let (pick, reserve) = self.bins(product, warehouse);
        for (location, quantity) in [(pick, at_pick), (reserve, total - at_pick)] {
            if quantity > 0 {
                self.stand(product, warehouse, location, quantity);
            }
        }
        if awaited {
            let quantity = (order_up_to - total + case - 1) / case * case;
            let lead = self.chance.between(HOUR, lead_max * DAY);
            let line = self.purchase(product, warehouse, quantity, lead);
            self.tell_plainly(ERP, Says::Stock(Box::new(line)));
        }
    }

    fn stand(&mut self, product: usize, warehouse: usize, location: Location, quantity: i64) {
        let spot = Spot { location, lot: self.lot(product), status: Status::Available };
        let units = self.new_units(product, quantity);
        self.shelf(product, warehouse).put(spot, quantity, &units);
        let line = Line {
            units,
            reason: "opening_balance",
            ..Line::new(EventKind::ItemAdded, product, warehouse, spot, quantity)
        };
        let source = self.places.warehouses[warehouse].system();
        self.tell_plainly(source, Says::Stock(Box::new(line)));
    }

    /// What one warehouse sells of a product on a usual day, in micro-units.
    fn daily(&self, product: usize) -> i64 {
        let sum = i128::from(self.assortment.weight_sum()) * i128::from(self.warehouse_count()) * 100;
        let lines = i128::from(LINES_PER_PRODUCT_DAY_HUNDREDTHS) * i128::from(self.product_count());
        let daily = lines * LINE_QUANTITY_MEAN * i128::from(self.assortment.products[product].weight) / sum;
        i64::try_from(daily).expect("a day's sales fit an i64")
    }

    /// How much the pick bin should hold, in micro-units.
    pub(super) fn pick_target(&mut self, product: usize, warehouse: usize) -> i64 {
        let case = self.assortment.products[product].case();
        (self.shelf(product, warehouse).daily * 2).max(case)
    }

    /// A lot as it comes from the maker today; none for products without lots.
    pub(super) fn lot(&mut self, product: usize) -> Lot {
        let Some((shortest, longest)) = self.assortment.products[product].range.life_days else {
            return Lot::NONE;
        };
        self.numbers.lot += 1;
        let life = self.chance.between(shortest, longest);
        Lot { number: self.numbers.lot, expires_on: day(self.now + life * DAY) }
    }

    /// New serial numbers for a product that has them.
    pub(super) fn new_units(&mut self, product: usize, quantity: i64) -> Vec<u32> {
        if !self.assortment.products[product].range.serialised {
            return Vec::new();
        }
        let first = self.numbers.unit + 1;
        self.numbers.unit += u32::try_from(quantity / ONE).expect("a delivery holds few units");
        (first..=self.numbers.unit).collect()
    }
}
