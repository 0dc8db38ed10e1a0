//! A simulated supply chain: warehouses, customers, suppliers and carriers, and what their people and devices report.
//!
//! The world moves true stock about and tells of it, the way operations do: late, twice, wrongly or not at all, as often
//! as [`Mistakes`] says. It keeps the truth apart from what it told, so that a mistake stays a real one until a count or
//! a late scan mends it. It is pure: seed and time are arguments, and the same plan tells the same, to the last byte.
//! It must never know the clock, a format, or what a ledger makes of its reports.
//!
//! Its one invariant: with [`Mistakes::none`], what was told, added up, is the truth.
//!
//! Physics stand in `sales` (customers), `supply` (suppliers, moves, transfers) and `care` (counts, damage, dates);
//! `flows` says how often, `tasks` what is going to happen, `report` how it is told and what goes wrong in the telling.
//!
//! ```
//! use ledger::Timestamp;
//! use sim::world::{Plan, World};
//! let mut world = World::new(Plan { products: 20, ..Plan::default() });
//! let mut told = 0;
//! world.opening(&mut |_| told += 1);
//! let noon = Plan::default().start.plus(12 * 3_600_000_000);
//! world.advance(noon, &mut |emission| {
//!     assert!(emission.arrives_at <= noon);
//!     told += 1;
//! });
//! assert_eq!(world.tally().emissions(), told);
//! ```

mod assortment;
mod calendar;
mod care;
pub(crate) mod chance;
mod flows;
mod mistakes;
mod opening;
mod places;
mod queue;
mod ranges;
mod render;
mod report;
mod sales;
mod stock;
mod supply;
mod tasks;

pub use mistakes::{Mistake, Mistakes, Tally};

use assortment::Assortment;
use chance::Chance;
use ledger::{Body, Quantity, Status, Timestamp};
use mistakes::Odds;
use places::{Location, Places};
use queue::Queue;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use stock::Shelf;

/// What world is wanted.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Where all chance comes from.
    pub seed: u64,
    /// How many products there are; at least 1.
    pub products: u32,
    /// How many warehouses there are; at least 1.
    pub warehouses: u32,
    /// How many regions they belong to: 1, 2 or 3; more counts as 3.
    pub regions: u32,
    /// When the books are opened.
    pub start: Timestamp,
    /// What goes wrong, and how often.
    pub mistakes: Mistakes,
}

impl Default for Plan {
    /// 2,000 products in three warehouses of two regions, from Monday 2026-02-16T00:00:00Z on.
    fn default() -> Self {
        Self {
            seed: 1,
            products: 2_000,
            warehouses: 3,
            regions: 2,
            start: Timestamp(1_771_200_000_000_000),
            mistakes: Mistakes::default(),
        }
    }
}

/// A request that arrives.
#[derive(Clone, Copy, Debug)]
pub struct Emission<'a> {
    /// When it arrives; never before that of an earlier emission.
    pub arrives_at: Timestamp,
    /// What arrives.
    pub request: WorldRequest<'a>,
}

/// What somebody of the world reports or asks for. The caller gives it an actor and a key.
#[derive(Clone, Copy, Debug)]
pub struct WorldRequest<'a> {
    /// The device or system that it comes from.
    pub source: &'a str,
    /// The id that its source gave it; never empty.
    pub id: &'a str,
    /// When it happened, by the source's clock.
    pub occurred_at: Timestamp,
    /// What it says.
    pub body: Body<'a>,
}

/// What really is where. Entries that are nothing are left out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Truth {
    /// By product, location, lot (empty for none) and status.
    pub stock: BTreeMap<(String, String, String, Status), Quantity>,
    /// On its way between warehouses, by product and target warehouse.
    pub in_transit: BTreeMap<(String, String), Quantity>,
    /// Ordered less received and cancelled, by product and warehouse; below zero after an over-delivery.
    pub on_order: BTreeMap<(String, String), Quantity>,
}

/// How much the world remembers: it stays level however long it runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Footprint {
    /// Spots with stock, in truth or in the books.
    pub spots: usize,
    /// Serial numbers of units on hand.
    pub units: usize,
    /// Happenings to come.
    pub tasks: usize,
    /// Reports on their way.
    pub reports: usize,
}

/// The last number given of each kind.
#[derive(Clone, Debug, Default)]
struct Numbers {
    order: u64,
    purchase: u64,
    shipment: u64,
    taken_back: u64,
    lot: u32,
    unit: u32,
}

/// A simulated supply chain.
#[derive(Clone, Debug)]
pub struct World {
    mistakes: Mistakes,
    /// The mistakes of each kind of author, in the order of [`places::Author`].
    odds: [Odds; 3],
    chance: Chance,
    assortment: Assortment,
    places: Places,
    /// Of each warehouse, of each product.
    shelves: Vec<Shelf>,
    tasks: Queue<tasks::Task>,
    reports: Queue<report::Report>,
    numbers: Numbers,
    /// Of each warehouse, which product the cycle count comes to next.
    counted: Vec<usize>,
    /// Units that were sold lately.
    sold: VecDeque<(usize, u32)>,
    /// Orders that were refused and have not come to their end.
    refused: BTreeSet<u64>,
    tally: Tally,
    /// The present; every happening has a time of its own.
    now: i64,
    /// When the latest emission arrived.
    arrived_at: i64,
    opened: bool,
    id: String,
    texts: render::Texts,
}

impl World {
    /// A world as planned, not yet opened.
    ///
    /// # Panics
    /// Without a product or warehouse.
    pub fn new(plan: Plan) -> Self {
        assert!(plan.products > 0 && plan.warehouses > 0, "a world has products and warehouses");
        let [products, warehouses, regions] =
            [plan.products, plan.warehouses, plan.regions].map(|count| count as usize);
        let mut chance = Chance::new(plan.seed);
        let assortment = Assortment::new(products);
        let places = Places::new(warehouses, regions, &assortment, &plan.mistakes, &mut chance);
        Self {
            odds: [Odds::people(&plan.mistakes), Odds::portals(&plan.mistakes), Odds::systems(&plan.mistakes)],
            mistakes: plan.mistakes,
            chance,
            shelves: vec![Shelf::default(); products * warehouses],
            tasks: Queue::new(),
            reports: Queue::new(),
            numbers: Numbers::default(),
            counted: vec![0; warehouses],
            sold: VecDeque::new(),
            refused: BTreeSet::new(),
            tally: Tally::new(),
            now: plan.start.0,
            arrived_at: plan.start.0,
            opened: false,
            id: String::new(),
            texts: render::Texts::default(),
            assortment,
            places,
        }
    }

    /// Lets everything happen until a time, and emits what arrives until then, in order of arrival.
    ///
    /// A time that has passed changes nothing. How the time is cut into calls changes nothing either.
    pub fn advance(&mut self, until: Timestamp, sink: &mut dyn FnMut(Emission<'_>)) {
        loop {
            let (task_at, report_at) = (self.tasks.next_at(), self.reports.next_at());
            if task_at.min(report_at) > until.0 {
                return;
            }
            if report_at <= task_at {
                self.deliver_next(sink);
            } else if let Some((at, task)) = self.tasks.take() {
                self.now = at.max(self.now + 1);
                self.run(task);
            }
        }
    }

    /// Emits everything that is still on its way, as if time stood still until then; for the end of a run.
    ///
    /// What arrives in later calls of [`advance`](Self::advance) does not arrive before it.
    pub fn drain(&mut self, sink: &mut dyn FnMut(Emission<'_>)) {
        while self.reports.len() > 0 {
            self.deliver_next(sink);
        }
    }

    fn deliver_next(&mut self, sink: &mut dyn FnMut(Emission<'_>)) {
        if let Some((at, report)) = self.reports.take() {
            self.deliver(at, &report, sink);
        }
    }

    /// What really is where, now.
    pub fn truth(&self) -> Truth {
        let mut truth = Truth::default();
        for (index, shelf) in self.shelves.iter().enumerate() {
            let (warehouse, product) = (index / self.assortment.products.len(), index % self.assortment.products.len());
            let product = &*self.assortment.products[product].id;
            for held in shelf.held.iter().filter(|held| held.truth != 0) {
                let lot =
                    if held.spot.lot.number > 0 { format!("L{:06}", held.spot.lot.number) } else { String::new() };
                let key = (product.to_owned(), self.places.path(held.spot.location).to_owned(), lot, held.spot.status);
                truth.stock.insert(key, Quantity::from_micros(held.truth));
            }
            let target = self.places.path(self.places.warehouses[warehouse].location);
            for (sums, quantity) in [(&mut truth.in_transit, shelf.in_transit), (&mut truth.on_order, shelf.on_order)] {
                if quantity != 0 {
                    sums.insert((product.to_owned(), target.to_owned()), Quantity::from_micros(quantity));
                }
            }
        }
        truth
    }

    /// What was emitted so far, and which mistakes were made.
    pub fn tally(&self) -> &Tally {
        &self.tally
    }

    /// How much the world remembers.
    pub fn footprint(&self) -> Footprint {
        let held = || self.shelves.iter().flat_map(|shelf| &shelf.held);
        Footprint {
            spots: held().count(),
            units: held().map(|held| held.units.len()).sum(),
            tasks: self.tasks.len(),
            reports: self.reports.len(),
        }
    }

    fn product_count(&self) -> u32 {
        u32::try_from(self.assortment.products.len()).expect("planned as a u32")
    }

    fn warehouse_count(&self) -> u32 {
        u32::try_from(self.places.warehouses.len()).expect("planned as a u32")
    }

    fn shelf_index(&self, product: usize, warehouse: usize) -> usize {
        warehouse * self.assortment.products.len() + product
    }

    fn shelf(&mut self, product: usize, warehouse: usize) -> &mut Shelf {
        let index = self.shelf_index(product, warehouse);
        &mut self.shelves[index]
    }

    /// Where a product is picked, and where the rest of it stands.
    fn bins(&self, product: usize, warehouse: usize) -> (Location, Location) {
        self.places.bins[self.shelf_index(product, warehouse)]
    }
}
