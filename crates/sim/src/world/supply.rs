//! Suppliers, putaway, replenishment and transfers between warehouses.

use super::World;
use super::calendar::{DAY, HOUR, MINUTE};
use super::places::{ERP, Location};
use super::report::{Document, Line, Said};
use super::stock::{Lot, Spot};
use super::tasks::{Goods, Purchase, Task, Transfer};
use ledger::{EventKind, Status};

impl World {
    /// Goods have left a shelf: sees to the pick bin and to the stock as a whole.
    pub(super) fn after_removal(&mut self, product: usize, warehouse: usize) {
        let (pick, reserve) = self.bins(product, warehouse);
        let low = self.pick_target(product, warehouse) / 3;
        let shelf = self.shelf(product, warehouse);
        let at_pick: i64 = shelf.held.iter().filter(|held| held.spot.location == pick).map(|held| held.truth).sum();
        if at_pick < low && !shelf.replenishing && shelf.free_at(reserve, 1).is_some() {
            shelf.replenishing = true;
            let at = self.now + self.chance.between(8 * MINUTE, 40 * MINUTE);
            self.tasks.put(at, Task::Replenish(product, warehouse));
        }
        self.review(product, warehouse);
    }

    /// Fills the pick bin from the reserve.
    pub(super) fn replenish(&mut self, product: usize, warehouse: usize) {
        let (pick, reserve) = self.bins(product, warehouse);
        let target = self.pick_target(product, warehouse);
        let whole = super::assortment::ONE;
        let shelf = self.shelf(product, warehouse);
        shelf.replenishing = false;
        let Some(held) = shelf.free_at(reserve, 1) else { return };
        let quantity =
            if held.units.is_empty() { held.free().min(target) } else { held.free().min(target) / whole * whole };
        let spot = held.spot;
        if quantity > 0 {
            let scanner = self.places.warehouses[warehouse].scanner(&mut self.chance);
            self.carry(scanner, Goods { product, warehouse, spot, quantity }, pick);
        }
    }

    /// Moves goods for real, and tells it.
    fn carry(&mut self, source: usize, goods: Goods, to: Location) {
        let Goods { product, warehouse, spot, quantity } = goods;
        let shelf = self.shelf(product, warehouse);
        let units = shelf.take(spot, quantity);
        shelf.put(Spot { location: to, ..spot }, quantity, &units);
        let line = Line { to, units, ..Line::new(EventKind::ItemMoved, product, warehouse, spot, quantity) };
        self.tell(source, line);
        self.shelf(product, warehouse).tidy();
    }

    /// Orders when what is there and what is coming falls below the reorder point.
    fn review(&mut self, product: usize, warehouse: usize) {
        let case = self.assortment.products[product].case();
        let (lead_min, lead_max) = self.assortment.products[product].range.lead_days;
        let shelf = self.shelf(product, warehouse);
        let position = shelf.inventory_position();
        if position > shelf.reorder_point {
            return;
        }
        let quantity = ((shelf.order_up_to - position) + case - 1) / case * case;
        let lead = self.chance.between(lead_min * DAY, lead_max * DAY);
        let line = self.purchase(product, warehouse, quantity, lead);
        self.tell(ERP, line);
    }

    /// Buys goods that are promised after `lead`; what the purchasing system tells of it.
    pub(super) fn purchase(&mut self, product: usize, warehouse: usize, quantity: i64, lead: i64) -> Line {
        let shelf = self.shelf(product, warehouse);
        shelf.on_order += quantity;
        shelf.expected += quantity;
        self.numbers.purchase += 1;
        let number = self.numbers.purchase;
        let expected_at = self.now + lead;
        let late = if self.chance.percent(8) { self.chance.between(DAY / 2, 2 * DAY) } else { 0 };
        let at = expected_at + self.chance.between(-3 * HOUR, 2 * HOUR).max(-lead / 2) + late;
        self.tasks.put(at, Task::Delivery(Box::new(Purchase { number, product, warehouse, quantity, rest: false })));
        let location = self.places.warehouses[warehouse].location;
        let spot = Spot { location, lot: Lot::NONE, status: Status::Available };
        Line {
            said: Said::Case,
            document: Document::Purchase(number),
            expected_at: Some(expected_at),
            ..Line::new(EventKind::PurchaseOrderPlaced, product, warehouse, spot, quantity)
        }
    }

    /// A supplier's truck is at the dock: all of it, a part, or a case too much.
    pub(super) fn receive(&mut self, purchase: Purchase) {
        let Purchase { number, product, warehouse, quantity, rest } = purchase;
        let case = self.assortment.products[product].case();
        let luck = self.chance.below(100);
        let cases = quantity / case;
        let received = match luck {
            0..10 if !rest && cases > 1 => self.chance.between(1, cases - 1) * case,
            10..14 if !rest => quantity + case,
            _ => quantity,
        };
        let location = self.chance.one_of(&self.places.warehouses[warehouse].docks);
        let lot = self.lot(product);
        let spot = Spot { location, lot, status: Status::Available };
        let units = self.new_units(product, received);
        let shelf = self.shelf(product, warehouse);
        shelf.put(spot, received, &units);
        shelf.on_order -= received;
        shelf.expected -= received.min(quantity);
        let line = Line {
            units,
            said: Said::Case,
            reason: "purchase",
            document: Document::Purchase(number),
            ..Line::new(EventKind::PurchaseOrderReceived, product, warehouse, spot, received)
        };
        let scanner = self.places.warehouses[warehouse].scanner(&mut self.chance);
        self.tell(scanner, line);
        if received < quantity {
            let left = Box::new(Purchase { quantity: quantity - received, rest: true, ..purchase });
            let at = self.now + self.chance.between(DAY / 2, 2 * DAY);
            let task = if self.chance.percent(70) { Task::Delivery(left) } else { Task::CancelRest(left) };
            self.tasks.put(at, task);
        }
        self.after_receipt(Goods { product, warehouse, spot, quantity: received });
    }

    /// The supplier will not bring the rest.
    pub(super) fn cancel_rest(&mut self, purchase: Purchase) {
        let Purchase { number, product, warehouse, quantity, .. } = purchase;
        let shelf = self.shelf(product, warehouse);
        shelf.on_order -= quantity;
        shelf.expected -= quantity;
        let spot =
            Spot { location: self.places.warehouses[warehouse].location, lot: Lot::NONE, status: Status::Available };
        let document = Document::Purchase(number);
        let kind = EventKind::PurchaseOrderCancelled;
        let line = Line { said: Said::Case, document, ..Line::new(kind, product, warehouse, spot, quantity) };
        self.tell(ERP, line);
    }

    /// Goods stand at a dock: into quarantine, or to their bin.
    fn after_receipt(&mut self, goods: Goods) {
        let range = self.assortment.products[goods.product].range;
        if range.inspected && self.chance.percent(40) {
            self.change_status(goods, Status::Quarantined, "");
            let spot = Spot { status: Status::Quarantined, ..goods.spot };
            let at = self.now + self.chance.between(4 * HOUR, 24 * HOUR);
            self.tasks.put(at, Task::Clear(Box::new(Goods { spot, ..goods })));
        } else {
            let at = self.now + self.chance.between(15 * MINUTE, 2 * HOUR);
            self.tasks.put(at, Task::PutAway(Box::new(goods)));
        }
    }

    /// Brings goods from the dock to the pick bin when it is low, to the reserve otherwise. Every third product carries
    /// tags, and the portal of the dock tells it; a person does otherwise.
    pub(super) fn put_away(&mut self, goods: Goods) {
        let Goods { product, warehouse, spot, .. } = goods;
        let (pick, reserve) = self.bins(product, warehouse);
        let target = self.pick_target(product, warehouse);
        let shelf = self.shelf(product, warehouse);
        let quantity = goods.quantity.min(shelf.truth(spot));
        if quantity == 0 {
            return;
        }
        let at_pick: i64 = shelf.held.iter().filter(|held| held.spot.location == pick).map(|held| held.truth).sum();
        let to = if at_pick < target / 2 { pick } else { reserve };
        let building = &self.places.warehouses[warehouse];
        let source =
            if product.is_multiple_of(3) { building.portal(spot.location) } else { building.scanner(&mut self.chance) };
        self.carry(source, Goods { quantity, ..goods }, to);
    }

    /// Sends goods to another warehouse that runs short of what this one has plenty of.
    pub(super) fn transfer(&mut self, from: usize) {
        let warehouses = self.places.warehouses.len();
        if warehouses < 2 {
            return;
        }
        let to = (from + 1 + self.chance.index(warehouses - 1)) % warehouses;
        let first = self.chance.index(self.assortment.products.len());
        let products: Vec<usize> = (0..self.assortment.products.len().min(60))
            .map(|step| (first + step) % self.assortment.products.len())
            .filter(|product| {
                let here = &self.shelves[self.shelf_index(*product, from)];
                let there = &self.shelves[self.shelf_index(*product, to)];
                here.free_book() > here.reorder_point
                    && there.free_book() < there.reorder_point / 2
                    && there.in_transit == 0
            })
            .take(6)
            .collect();
        self.numbers.shipment += 1;
        let number = self.numbers.shipment;
        let [origin, target] = [from, to].map(|at| &self.places.warehouses[at]);
        let near = origin.region == target.region;
        let travel =
            if near { self.chance.between(9 * HOUR, 16 * HOUR) } else { self.chance.between(20 * HOUR, 60 * HOUR) };
        let expected_at = self.now + travel / HOUR * HOUR;
        let loads: Vec<_> =
            products.into_iter().filter_map(|product| self.dispatch(product, from, to, number, expected_at)).collect();
        if !loads.is_empty() {
            self.tasks.put(self.now + travel, Task::Arrival(Box::new(Transfer { number, to, loads })));
        }
    }

    fn dispatch(
        &mut self,
        product: usize,
        from: usize,
        to: usize,
        number: u64,
        expected_at: i64,
    ) -> Option<(usize, Lot, i64, Vec<u32>)> {
        let whole = super::assortment::ONE;
        let (_, reserve) = self.bins(product, from);
        let shelf = self.shelf(product, from);
        let held = shelf.free_at(reserve, 2 * whole)?;
        let (spot, quantity) = (held.spot, held.free() / 2 / whole * whole);
        let units = shelf.take(spot, quantity);
        self.shelf(product, to).in_transit += quantity;
        let target = self.places.warehouses[to].location;
        let line = Line {
            to: target,
            units: units.clone(),
            document: Document::Shipment(number),
            expected_at: Some(expected_at),
            ..Line::new(EventKind::ShipmentDispatched, product, from, spot, quantity)
        };
        let scanner = self.places.warehouses[from].scanner(&mut self.chance);
        self.tell(scanner, line);
        self.review(product, from);
        Some((product, spot.lot, quantity, units))
    }

    /// A truck from another warehouse is at the dock.
    pub(super) fn arrive(&mut self, transfer: &Transfer) {
        let warehouse = transfer.to;
        let location = self.chance.one_of(&self.places.warehouses[warehouse].docks);
        for (product, lot, quantity, units) in &transfer.loads {
            let (product, quantity) = (*product, *quantity);
            let spot = Spot { location, lot: *lot, status: Status::Available };
            let shelf = self.shelf(product, warehouse);
            shelf.in_transit -= quantity;
            shelf.put(spot, quantity, units);
            let document = Document::Shipment(transfer.number);
            let kind = EventKind::ShipmentReceived;
            let line = Line { units: units.clone(), document, ..Line::new(kind, product, warehouse, spot, quantity) };
            let scanner = self.places.warehouses[warehouse].scanner(&mut self.chance);
            self.tell(scanner, line);
            let at = self.now + self.chance.between(15 * MINUTE, 2 * HOUR);
            self.tasks.put(at, Task::PutAway(Box::new(Goods { product, warehouse, spot, quantity })));
        }
    }
}
