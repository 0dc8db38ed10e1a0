//! What people look at.
//!
//! Folds of committed decisions: stock levels, what is expected and can be promised, reservations, held inputs, tasks,
//! alerts, and the last entries. Views never know who looks, HTML, the journal, the clock or any I/O; a time that a question
//! depends on is an argument.
//!
//! The one invariant: views are a function of the decisions applied, in order, and of nothing else; two that applied
//! the same decisions save the same image. Queries copy out what they show and look at a bounded number of rows, so
//! that whoever asks holds the views only briefly.
//!
//! Start with [`Views`]; each part stands in a module of its own.

mod activity;
mod alerts;
mod availability;
mod changes;
mod codes;
mod expected;
mod figures;
mod held;
mod image;
mod names;
mod page;
mod reservations;
mod scope;
mod stock;
mod tasks;
mod units;

pub use activity::{ActivityItem, ActivityQuery};
pub use alerts::{
    AlertCounts, AlertEnd, AlertItem, AlertMoment, AlertOrder, AlertOwner, AlertQuery, AlertState, AlertStatistics,
    ConditionStatistics, Spans,
};
pub use availability::{Availability, Step, StepKind, Uncertain};
pub use changes::Changes;
pub use codes::Codes;
pub use expected::{ExpectedItem, ExpectedKind, ExpectedQuery};
pub use figures::Figures;
pub use held::{HeldItem, HeldQuery, HeldState};
pub use image::IMAGE_VERSION;
pub use names::{LocationItem, LocationQuery, ProductItem, ProductQuery};
pub use page::{InvalidCursor, LIMIT_DEFAULT, LIMIT_MAX, Page};
pub use reservations::{ReservationItem, ReservationLine, ReservationQuery};
pub use stock::{GroupBy, StockItem, StockQuery, Totals, WarehouseItem, WarehouseQuery};
pub use tasks::{Closure, DiscrepancyItem, DiscrepancyQuery, RecountItem, RecountQuery, Resolution};
pub use units::{UnitItem, UnitLine, UnitQuery};

use activity::Activity;
use alerts::Alerts;
use expected::Promises;
use held::Held;
use ledger::{AccountId, Catalog, Decision, Effect, Position, Quantity, Timestamp};
use names::Names;
use reservations::Reservations;
use stock::{Recheck, Stock};
use tasks::Tasks;
use units::Units;

/// Decisions whose levels are fetched together: enough to keep the memory busy, few enough to stay in the nearest cache.
const WINDOW: usize = 16;

/// Everything that people look at, at one journal position.
///
/// ```
/// use ledger::{Body, Event, EventKind, Key, Limits, Quantity, Request, State, Timestamp, Verdict};
/// let (mut state, mut views) = (State::new(1), views::Views::new(1));
/// let removed = Event::new(EventKind::ItemRemoved, "SKU123", "warehouse_A", Quantity::units(5));
/// let request = Request {
///     actor: "anna",
///     source: "dock",
///     id: "1",
///     key: Key { id: 1, content: 1 },
///     occurred_at: Timestamp(0),
///     historical: false,
///     resolves: None,
///     body: Body::Event(removed),
/// };
/// let Verdict::Accepted(decision) = state.decide(&request, Timestamp(0), &Limits::default()) else {
///     panic!("a fact is recorded");
/// };
/// state.apply(&decision);
/// views.apply(state.position(), &decision);
/// let item = views.stock_of("SKU123", "warehouse_A").expect("both are named now");
/// assert_eq!(item.figures.on_hand, Quantity::units(-5));
/// assert!(item.asks_for_recount());
/// ```
#[derive(Debug)]
pub struct Views {
    position: Position,
    recorded_at: Timestamp,
    catalog: Catalog,
    names: Names,
    stock: Stock,
    promises: Promises,
    reservations: Reservations,
    held: Held,
    tasks: Tasks,
    units: Units,
    alerts: Alerts,
    activity: Activity,
}

impl Views {
    /// Views of an empty journal. `seed` orders hash tables and nothing else; the journal keeps it.
    pub fn new(seed: u64) -> Self {
        Self {
            position: Position::ZERO,
            recorded_at: Timestamp::MIN,
            catalog: Catalog::new(seed),
            names: Names::default(),
            stock: Stock::default(),
            promises: Promises::default(),
            reservations: Reservations::default(),
            held: Held::default(),
            tasks: Tasks::default(),
            units: Units::default(),
            alerts: Alerts::default(),
            activity: Activity::default(),
        }
    }

    /// Takes in the next decision, which stands at `position` in the journal.
    ///
    /// # Panics
    /// When the decision refers to names that these views lack, so was made after another history: a bug.
    pub fn apply(&mut self, position: Position, decision: &Decision) {
        let recorded_at = decision.recorded_at;
        self.catalog.apply(decision);
        if !decision.names.is_empty() {
            self.names.take(&self.catalog, decision);
            self.stock.grow(&self.catalog, position, recorded_at);
        }
        let mut recheck = Recheck::new();
        self.stock.post(position, decision, &mut recheck);
        if !decision.effects.is_empty() {
            self.take_effects(position, decision, &mut recheck);
        }
        if let Some(held) = decision.resolves {
            self.held.resolve(held, position, recorded_at);
        }
        if !(decision.effects.is_empty() && decision.discrepancies.is_empty() && recheck.is_empty()) {
            self.tasks.take(&mut self.stock, position, decision, &recheck);
        }
        self.activity.take(&self.stock, position, decision);
        self.position = position;
        self.recorded_at = recorded_at;
    }

    /// Takes in the next decisions, the first of which stands at `first` in the journal; quicker than one by one.
    ///
    /// # Panics
    /// As [`Views::apply`].
    pub fn apply_all(&mut self, first: Position, decisions: &[Decision]) {
        let mut position = first;
        for window in decisions.chunks(WINDOW) {
            self.stock.warm(window);
            for decision in window {
                self.apply(position, decision);
                position = position.next();
            }
        }
    }

    fn take_effects(&mut self, position: Position, decision: &Decision, recheck: &mut Recheck) {
        let at = decision.recorded_at;
        for effect in &decision.effects {
            match effect {
                Effect::CountWithdrawn(counted) => {
                    self.stock.withdraw_count(counted.account, counted.counted_at, position, at);
                }
                Effect::Expected(expected) => self.promises.take(expected, position, decision),
                Effect::Reserved(reservation) => {
                    self.reservations.reserve(&mut self.stock, reservation, position, at);
                }
                Effect::ReservationEnded { reservation, outcome } => {
                    let lines = self.reservations.end(&mut self.stock, reservation, *outcome, position, decision);
                    let is_open = |account: &AccountId| !self.stock.levels[account.index()].codes.is_empty();
                    recheck.extend(lines.iter().map(|line| line.account).filter(is_open));
                }
                Effect::UnitStands(stands) => self.units.stands(&self.catalog, stands, position),
                Effect::UnitHolds(holds) => self.units.holds(holds, position),
                Effect::SerialStands { serial, unit, .. } => self.units.serial(*serial, *unit, position),
                Effect::Held(input) => self.held.hold(input, position, decision),
                Effect::Discarded { held, reason } => self.held.discard(*held, reason, position, at),
                Effect::AlertOpened(alert) => self.alerts.open(alert, position, decision),
                Effect::AlertChanged(change) => self.alerts.change(change, position, decision),
                _ => {}
            }
        }
    }

    /// The journal position that everything here is true at.
    pub fn position(&self) -> Position {
        self.position
    }

    /// When the entry there was recorded; [`Timestamp::MIN`] before the first.
    pub fn recorded_at(&self) -> Timestamp {
        self.recorded_at
    }

    /// The names and cards.
    pub fn catalog(&self) -> &Catalog {
        &self.catalog
    }

    /// An account's balance. The account must be of this journal.
    pub fn balance(&self, account: AccountId) -> Quantity {
        self.stock.balance(account)
    }

    /// How much of an account reservations hold; zero for nominal accounts. The account must be of this journal.
    pub fn reserved(&self, account: AccountId) -> Quantity {
        self.stock.reserved(account)
    }

    /// When the newest entry that touched an account was recorded. The account must be of this journal.
    pub fn last_updated(&self, account: AccountId) -> Timestamp {
        self.stock.levels[account.index()].last_updated
    }

    /// The newest entry that touched an account. The account must be of this journal.
    pub fn last_position(&self, account: AccountId) -> Position {
        self.stock.levels[account.index()].last_position
    }
}
