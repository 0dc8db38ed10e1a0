//! Customers: orders and their fulfilment, the counter, and what comes back.

use super::World;
use super::assortment::ONE;
use super::calendar::{DAY, HOUR, MINUTE, day, hour, season};
use super::mistakes::Mistake;
use super::places::WEB;
use super::report::{Document, Line, Order, OrderLine, Says};
use super::stock::{Held, Lot, Spot};
use super::tasks::{Goods, Task};
use ledger::{Command, EventKind, Quantity, Reserve, ReserveLine, Status, Timestamp};

/// Lines of an order, each as often as it stands here.
const ORDER_LINES: &[usize] = &[1, 1, 1, 1, 1, 1, 2, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 5, 5, 6];
/// Pieces of a line, each as often as it stands here.
const PIECES: &[i64] = &[1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 2, 2, 2, 2, 2, 3, 3, 6];
/// How many sold units are remembered, to come back.
const SOLD_MAX: usize = 256;

impl World {
    /// A product that a customer wants: popular ones and those in season more often.
    fn wanted(&mut self) -> usize {
        let sum = self.assortment.weight_sum();
        let mut product = 0;
        for _ in 0..4 {
            let draw = self.chance.below(sum);
            product = self.assortment.at(draw);
            let (peak_day, swing) = self.assortment.products[product].range.season;
            if self.chance.below(1000) < season(self.now, peak_day, swing) {
                break;
            }
        }
        product
    }

    fn wanted_quantity(&mut self, product: usize) -> i64 {
        if self.assortment.products[product].weighed() {
            self.chance.between(5, 50) * ONE / 20
        } else {
            self.chance.one_of(PIECES) * ONE
        }
    }

    /// A customer orders in the web shop.
    pub(super) fn order(&mut self, home: usize) {
        let count = self.chance.one_of(ORDER_LINES);
        let mut wishes: Vec<(usize, i64)> = Vec::with_capacity(count);
        for _ in 0..count {
            let product = self.wanted();
            let known = wishes.iter().any(|(known, _)| *known == product);
            // A reservation can't name the serial numbers that are shipped, so units with serials are sold at the counter.
            if !known && !self.assortment.products[product].range.serialised {
                wishes.push((product, self.wanted_quantity(product)));
            }
        }
        if wishes.is_empty() {
            return;
        }
        let warehouses = self.places.warehouses.len();
        let mut warehouse = home;
        let mut lines = self.allocate(&wishes, home);
        for step in 1..warehouses {
            if lines.1 == 0 {
                break;
            }
            let other = (home + step) % warehouses;
            let there = self.allocate(&wishes, other);
            if there.1 < lines.1 {
                (warehouse, lines) = (other, there);
            }
        }
        let (mut lines, missing) = lines;
        self.tally.sales_lost += missing;
        let stale = self.chance.per_million(self.mistakes.shop_stale_per_million);
        if let Some(first) = lines.first_mut().filter(|_| stale) {
            let shelf = &self.shelves[self.shelf_index(first.product, warehouse)];
            first.quantity += shelf.find(first.spot).map_or(0, Held::free_book);
            self.tally.mistake(Mistake::ShopStale);
        }
        if !lines.is_empty() {
            self.reserve(warehouse, lines);
        }
    }

    /// The spots that the wishes would be picked from, first expired first, the pick bin before the reserve; and how many wishes can't be met.
    fn allocate(&self, wishes: &[(usize, i64)], warehouse: usize) -> (Vec<OrderLine>, u64) {
        let today = day(self.now);
        let mut lines = Vec::with_capacity(wishes.len() + 1);
        let mut missing = 0;
        for &(product, wish) in wishes {
            let shelf = &self.shelves[self.shelf_index(product, warehouse)];
            let (pick, reserve) = self.bins(product, warehouse);
            let met = lines.len();
            let mut open = wish;
            let mut after = (i32::MIN, false, 0);
            while open > 0 {
                let rank = |spot: Spot| (spot.lot.expires_on, spot.location != pick, spot.lot.number);
                let next = shelf
                    .held
                    .iter()
                    .filter(|held| {
                        held.spot.status == Status::Available && [pick, reserve].contains(&held.spot.location)
                    })
                    .filter(|held| held.free_book() > 0 && held.spot.lot.expires_on > today && rank(held.spot) > after)
                    .min_by_key(|held| rank(held.spot));
                let Some(held) = next else { break };
                let quantity = open.min(held.free_book());
                lines.push(OrderLine { product, spot: held.spot, quantity });
                open -= quantity;
                after = rank(held.spot);
            }
            if open > 0 {
                lines.truncate(met);
                missing += 1;
            }
        }
        (lines, missing)
    }

    fn reserve(&mut self, warehouse: usize, lines: Vec<OrderLine>) {
        self.numbers.order += 1;
        let number = self.numbers.order;
        for line in &lines {
            self.shelf(line.product, warehouse).at(line.spot).reserved += line.quantity;
        }
        let night = 6 - hour(self.now, self.places.warehouses[warehouse].offset_hours);
        let picked_at = self.now + self.chance.between(10 * MINUTE, 90 * MINUTE) + night.max(0) * HOUR;
        let fate = self.chance.below(1000);
        let expires_at = self.now + if fate < 8 { 2 * HOUR } else { DAY };
        let reserve = Reserve {
            reservation: name(number),
            warehouse: self.places.path(self.places.warehouses[warehouse].location).into(),
            lines: lines.iter().map(|line| self.reserve_line(line)).collect(),
            expires_at: Some(Timestamp(expires_at)),
            partial: false,
        };
        self.ask(WEB, Says::Command(Box::new(Command::Reserve(reserve))));
        let order = Box::new(Order { number, warehouse, lines });
        match fate {
            // The web shop sells it again a little later, when the ledger surely has seen that the time is over.
            0..8 => self.tasks.put(expires_at + 5 * MINUTE, Task::Lapse(order)),
            8..40 => self.tasks.put(self.now + (picked_at - self.now) * 9 / 10, Task::Cancel(order)),
            _ => self.tasks.put(picked_at, Task::Pick(order)),
        }
    }

    fn reserve_line(&self, line: &OrderLine) -> ReserveLine {
        let lot = line.spot.lot.number;
        ReserveLine {
            product: self.assortment.products[line.product].id.clone(),
            quantity: Quantity::from_micros(line.quantity),
            location: self.places.path(line.spot.location).into(),
            lot: if lot > 0 { format!("L{lot:06}").into() } else { "".into() },
        }
    }

    /// Tells the world that a reservation was refused, so that nobody picks it. Unknown names change nothing.
    ///
    /// Call it when the ledger's answer is known; the order's end is then silent. Without it the order is picked all
    /// the same, and a count will find what is missing.
    pub fn reservation_refused(&mut self, reservation: &str) {
        let number = reservation.strip_prefix("web-").and_then(|digits| digits.parse().ok());
        if let Some(number) = number.filter(|number| *number <= self.numbers.order) {
            self.refused.insert(number);
        }
        while self.refused.len() > 10_000 {
            self.refused.pop_first();
        }
    }

    /// Frees what an order had set aside, without a word.
    pub(super) fn give_back(&mut self, order: &Order) {
        for line in &order.lines {
            let shelf = self.shelf(line.product, order.warehouse);
            shelf.at(line.spot).reserved -= line.quantity;
            shelf.tidy();
        }
    }

    /// The customer changes their mind.
    pub(super) fn cancel(&mut self, order: Order) {
        if self.refused.remove(&order.number) {
            return self.give_back(&order);
        }
        let command = Command::Release { reservation: name(order.number) };
        self.ask(WEB, Says::Ends(Box::new((command, order))));
    }

    /// A picker goes for an order: ships it, or finds too little, gives it back and has the bins counted.
    pub(super) fn pick(&mut self, order: Order) {
        if self.refused.remove(&order.number) {
            return self.give_back(&order);
        }
        let warehouse = order.warehouse;
        let system = self.places.warehouses[warehouse].system();
        let lines = order.lines.clone();
        let short = lines.iter().any(|line| self.shelf(line.product, warehouse).truth(line.spot) < line.quantity);
        if short {
            self.tally.picks_short += 1;
            let command = Command::Release { reservation: name(order.number) };
            self.ask(system, Says::Ends(Box::new((command, order))));
            for line in &lines {
                if self.shelf(line.product, warehouse).truth(line.spot) < line.quantity {
                    self.count_spot(line.product, warehouse, line.spot);
                }
            }
            return;
        }
        for line in &lines {
            let taken = self.taken(line.product, warehouse, line.spot, line.quantity);
            self.shelf(line.product, warehouse).take(line.spot, taken);
        }
        let command = Command::Fulfil { reservation: name(order.number) };
        self.ask(system, Says::Ends(Box::new((command, order))));
        for line in lines {
            self.after_removal(line.product, warehouse);
        }
    }

    /// What a picker really takes for a line, and what gets lost on the way.
    fn taken(&mut self, product: usize, warehouse: usize, spot: Spot, asked: i64) -> i64 {
        let mut taken = asked;
        if self.chance.per_million(self.mistakes.wrong_pick_per_million) {
            let more = asked <= ONE || self.chance.percent(50);
            taken += if more { ONE } else { -ONE };
        }
        let lost = self.chance.per_million(self.mistakes.loss_unreported_per_million);
        let there = self.shelf(product, warehouse).truth(spot);
        if taken != asked && taken <= there {
            self.tally.mistake(Mistake::WrongPick);
        } else {
            taken = asked;
        }
        if lost && taken + ONE <= there {
            self.tally.mistake(Mistake::LossUnreported);
            taken += ONE;
        }
        taken
    }

    /// A customer buys at the counter.
    pub(super) fn counter_sale(&mut self, warehouse: usize) {
        let product = self.wanted();
        let serialised = self.assortment.products[product].range.serialised;
        let case = self.assortment.products[product].case();
        let cased = !serialised && self.chance.percent(3);
        let quantity = match (serialised, cased) {
            (true, _) => ONE,
            (_, true) => case,
            _ => self.wanted_quantity(product),
        };
        let (pick, _) = self.bins(product, warehouse);
        let found = self.shelf(product, warehouse).free_at(pick, quantity).map(|held| held.spot);
        let Some(spot) = found else {
            self.tally.sales_lost += 1;
            return self.after_removal(product, warehouse);
        };
        let taken = if serialised { quantity } else { self.taken(product, warehouse, spot, quantity) };
        let units = self.shelf(product, warehouse).take(spot, taken);
        self.remember_sold(product, &units);
        let said = if cased { super::report::Said::Case } else { super::report::Said::Base };
        let line = Line {
            said,
            units,
            reason: "sale",
            ..Line::new(EventKind::ItemRemoved, product, warehouse, spot, quantity)
        };
        let scanner = self.places.warehouses[warehouse].scanner(&mut self.chance);
        self.tell(scanner, line);
        self.after_removal(product, warehouse);
    }

    fn remember_sold(&mut self, product: usize, units: &[u32]) {
        for unit in units {
            if self.sold.len() == SOLD_MAX {
                self.sold.pop_front();
            }
            self.sold.push_back((product, *unit));
        }
    }

    /// A customer brings something back. Goods with lots are not taken back: nobody knows how they were kept.
    pub(super) fn take_back(&mut self, warehouse: usize) {
        let remembered = if self.chance.percent(20) { self.sold.pop_front() } else { None };
        let (product, units) = match remembered {
            Some((product, unit)) => (product, vec![unit]),
            None => (self.wanted(), Vec::new()),
        };
        let range = self.assortment.products[product].range;
        if range.life_days.is_some() || range.serialised == units.is_empty() {
            return;
        }
        self.numbers.taken_back += 1;
        let spot =
            Spot { location: self.places.warehouses[warehouse].returns, lot: Lot::NONE, status: Status::Available };
        self.shelf(product, warehouse).put(spot, ONE, &units);
        let document = Document::Return(self.numbers.taken_back);
        let line = Line {
            units,
            reason: "return",
            document,
            ..Line::new(EventKind::ItemAdded, product, warehouse, spot, ONE)
        };
        let scanner = self.places.warehouses[warehouse].scanner(&mut self.chance);
        self.tell(scanner, line);
        let at = self.now + self.chance.between(HOUR, 6 * HOUR);
        self.tasks.put(at, Task::Inspect(Box::new(Goods { product, warehouse, spot, quantity: ONE })));
    }
}

/// What an order's reservation is called.
fn name(number: u64) -> Box<str> {
    format!("web-{number:07}").into()
}
