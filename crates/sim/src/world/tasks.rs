//! What is going to happen.

use super::World;
use super::flows::Flow;
use super::report::Order;
use super::stock::{Lot, Spot};

/// Some goods of one product in one warehouse. The quantity is micro-units.
#[derive(Clone, Copy, Debug)]
pub(super) struct Goods {
    pub(super) product: usize,
    pub(super) warehouse: usize,
    pub(super) spot: Spot,
    pub(super) quantity: i64,
}

/// What a supplier still owes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Purchase {
    pub(super) number: u64,
    pub(super) product: usize,
    pub(super) warehouse: usize,
    pub(super) quantity: i64,
    /// Whether this is the rest of a partial delivery.
    pub(super) rest: bool,
}

/// Goods on the road between two warehouses: product, lot, quantity, serial numbers.
#[derive(Clone, Debug)]
pub(super) struct Transfer {
    pub(super) number: u64,
    pub(super) to: usize,
    pub(super) loads: Vec<(usize, Lot, i64, Vec<u32>)>,
}

#[derive(Clone, Debug)]
pub(super) enum Task {
    Flow(Flow, usize),
    Pick(Box<Order>),
    Cancel(Box<Order>),
    /// Nobody comes for the order; its reservation runs out.
    Lapse(Box<Order>),
    Delivery(Box<Purchase>),
    /// The rest of an order will not come.
    CancelRest(Box<Purchase>),
    PutAway(Box<Goods>),
    Clear(Box<Goods>),
    Replenish(usize, usize),
    Arrival(Box<Transfer>),
    Inspect(Box<Goods>),
    Scrap(Box<Goods>, &'static str),
    /// The nightly look at expiry dates.
    Sweep(usize),
}

impl World {
    pub(super) fn run(&mut self, task: Task) {
        match task {
            Task::Flow(flow, warehouse) => self.flow(flow, warehouse),
            Task::Pick(order) => self.pick(*order),
            Task::Cancel(order) => self.cancel(*order),
            Task::Lapse(order) => self.give_back(&order),
            Task::Delivery(purchase) => self.receive(*purchase),
            Task::CancelRest(purchase) => self.cancel_rest(*purchase),
            Task::PutAway(goods) => self.put_away(*goods),
            Task::Clear(goods) => self.clear(*goods),
            Task::Replenish(product, warehouse) => self.replenish(product, warehouse),
            Task::Arrival(transfer) => self.arrive(&transfer),
            Task::Inspect(goods) => self.inspect(*goods),
            Task::Scrap(goods, reason) => self.scrap(*goods, reason),
            Task::Sweep(warehouse) => self.sweep(warehouse),
        }
    }
}
