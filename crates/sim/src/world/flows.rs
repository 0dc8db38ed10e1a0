//! What happens again and again: how often, and at which hours.

use super::World;
use super::calendar::{DAY, SHOPPING, Shape, WORKING};
use super::tasks::Task;

/// A stream of independent happenings in one warehouse.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flow {
    Orders,
    CounterSales,
    Counts,
    Damage,
    Returns,
    Transfers,
}

/// Lines that are sold a day for each product of the assortment, all warehouses together, in hundredths: 4 orders of
/// 2.6 lines on average, and 6 counter sales.
pub(super) const LINES_PER_PRODUCT_DAY_HUNDREDTHS: u32 = 400 * 26 / 10 + 600;

/// How many emissions a day one product in one warehouse brings, in hundredths, beside sales: counts, deliveries and
/// moves. Measured.
const HANDLING_PER_SHELF_DAY_HUNDREDTHS: u64 = 130;

impl Flow {
    pub(super) const ALL: [Self; 6] =
        [Self::Orders, Self::CounterSales, Self::Counts, Self::Damage, Self::Returns, Self::Transfers];

    /// The average number a day for a hundred products, in all warehouses or in each.
    fn per_day(self) -> (i64, bool) {
        match self {
            Self::Orders => (400, false),
            Self::CounterSales => (600, false),
            Self::Counts => (14, true),
            Self::Damage => (5, false),
            Self::Returns => (8, false),
            Self::Transfers => (3, false),
        }
    }

    fn shape(self) -> &'static Shape {
        if self == Self::Orders { &SHOPPING } else { &WORKING }
    }
}

impl World {
    /// How many emissions a simulated hour brings on average, within about a third; at noon it is about twice that.
    ///
    /// A demo divides the emissions that it wants to show a real second by it, and has its speed.
    pub fn rate_hint(&self) -> u64 {
        let sales = u64::from(self.product_count()) * (4 * 2 + 6);
        let shelves = u64::from(self.product_count()) * u64::from(self.warehouse_count());
        (sales + shelves * HANDLING_PER_SHELF_DAY_HUNDREDTHS / 100) / 24
    }

    /// The time to the next chance of a happening, as in the busiest hour.
    pub(super) fn flow_gap(&mut self, flow: Flow) -> i64 {
        let (per_hundred, each) = flow.per_day();
        let share = if each { 1 } else { i64::from(self.warehouse_count()) };
        let mean =
            DAY / 1_000_000 * 100 * share * flow.shape().mean() / (per_hundred * i64::from(self.product_count()));
        self.chance.gap(mean)
    }

    /// Lets a flow's next happening come, unless the hour is too quiet for it.
    pub(super) fn flow(&mut self, flow: Flow, warehouse: usize) {
        let at = self.now + self.flow_gap(flow);
        self.tasks.put(at, Task::Flow(flow, warehouse));
        let busy = flow.shape().at(self.now, self.places.warehouses[warehouse].offset_hours);
        if !self.chance.per_million(busy) {
            return;
        }
        match flow {
            Flow::Orders => self.order(warehouse),
            Flow::CounterSales => self.counter_sale(warehouse),
            Flow::Counts => self.count_next(warehouse),
            Flow::Damage => self.damage(warehouse),
            Flow::Returns => self.take_back(warehouse),
            Flow::Transfers => self.transfer(warehouse),
        }
    }
}
