//! Available-to-promise: how much of a product can be promised for when.
//!
//! Available now, plus what is expected until then, less what is committed. Commitments are the pending reservations,
//! which count in full from now on. Lots leave with their expiry, as reservations see them.

use crate::Views;
use crate::expected::{ExpectedKind, Promise};
use crate::figures::quantity;
use ledger::{AccountKind, Day, LocationId, Position, ProductId, Quantity, Timestamp};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Steps that one answer holds at most; later ones are left out.
const STEPS_MAX: usize = 1_000;

const MICROS_PER_DAY: i64 = 86_400_000_000;

/// Why what can be promised changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum StepKind {
    /// Lots expire.
    Expiry,
    /// A purchase order arrives.
    OnOrder,
    /// A shipment arrives.
    InTransit,
}

impl StepKind {
    /// The name used outside.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Expiry => "expiry",
            Self::OnOrder => "on_order",
            Self::InTransit => "in_transit",
        }
    }
}

/// A change of what can be promised.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// From when on.
    pub at: Timestamp,
    /// By how much; below zero when lots expire.
    pub quantity: Quantity,
    /// What can be promised from then on; never below zero.
    pub cumulative: Quantity,
    /// The order or shipment; the lot that expires.
    pub reference: Arc<str>,
    /// Why.
    pub kind: StepKind,
}

/// A receipt that no date can be counted on for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Uncertain {
    /// When it should have come; `None` when nobody said.
    pub expected_at: Option<Timestamp>,
    /// How much.
    pub quantity: Quantity,
    /// The order or shipment; empty when it has none.
    pub reference: Arc<str>,
    /// From where.
    pub kind: ExpectedKind,
}

/// What can be promised of a product in a warehouse.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Availability {
    /// What a reservation made now could get; never below zero.
    pub available: Quantity,
    /// What changes later, by time; the first 1,000.
    pub steps: Vec<Step>,
    /// Receipts that should have come: not counted, since nobody knows when they will.
    pub overdue: Vec<Uncertain>,
    /// Receipts without a date: not counted.
    pub undated: Vec<Uncertain>,
    /// The journal position that this is true at.
    pub position: Position,
}

impl Availability {
    /// What can be promised for shipping at a time: `available`, or the last step's figure at or before then.
    ///
    /// Past the last step listed, what that step says.
    pub fn atp_at(&self, at: Timestamp) -> Quantity {
        let after = self.steps.partition_point(|step| step.at <= at);
        after.checked_sub(1).map_or(self.available, |last| self.steps[last].cumulative)
    }
}

impl Views {
    /// What can be promised of a product in a warehouse, from `now` on; a `now` before the newest entry is taken as it.
    /// `None` when either name is unknown or the location is no warehouse.
    ///
    /// What arrived under a reference that nothing was announced for is taken from what is expected next. A shipment's
    /// lot is taken to be good when it arrives.
    pub fn availability(&self, product: &str, warehouse: &str, now: Timestamp) -> Option<Availability> {
        let warehouse = self.catalog.find_location(warehouse)?;
        self.stock.warehouse(warehouse)?;
        Some(self.availability_by_id(self.catalog.find_product(product)?, warehouse, now))
    }

    fn availability_by_id(&self, product: ProductId, warehouse: LocationId, now: Timestamp) -> Availability {
        let now = now.max(self.recorded_at);
        let mut free: i128 = 0;
        let mut lots: BTreeMap<(Day, Arc<str>), i128> = BTreeMap::new();
        let mut receipts = Receipts::default();
        for account in self.catalog.shelf(product, warehouse) {
            let key = self.catalog.account(account);
            match key.kind {
                AccountKind::Available => {
                    let lot = self.catalog.lot(key.lot);
                    if lot.expiry.is_some_and(|expiry| expiry < now.day()) {
                        continue;
                    }
                    let balance = i128::from(self.stock.balance(account).micros());
                    let unreserved = balance - i128::from(self.stock.reserved(account).micros());
                    free += unreserved;
                    if let Some(expiry) = lot.expiry {
                        *lots.entry((expiry, lot.name.clone())).or_default() += unreserved.max(0);
                    }
                }
                AccountKind::OnOrder | AccountKind::InTransit => {
                    receipts.take(ExpectedKind::of(key.kind), self.promises.of(account), now);
                }
                _ => {}
            }
        }
        let expiries = lots.into_iter().filter(|(_, quantity)| *quantity > 0).map(|((day, lot), quantity)| Change {
            // The lot is good on its day.
            at: Timestamp((i64::from(day.0) + 1).saturating_mul(MICROS_PER_DAY)),
            kind: StepKind::Expiry,
            reference: lot,
            micros: -quantity,
        });
        let mut changes = receipts.dated;
        changes.extend(expiries);
        changes.sort_by(|a, b| (a.at, a.kind, &a.reference).cmp(&(b.at, b.kind, &b.reference)));
        Availability {
            available: quantity(free.max(0)),
            steps: steps(free, changes),
            overdue: receipts.overdue,
            undated: receipts.undated,
            position: self.position,
        }
    }
}

struct Change {
    at: Timestamp,
    kind: StepKind,
    reference: Arc<str>,
    micros: i128,
}

fn steps(mut free: i128, changes: Vec<Change>) -> Vec<Step> {
    changes
        .into_iter()
        .take(STEPS_MAX)
        .map(|change| {
            free += change.micros;
            Step {
                at: change.at,
                quantity: quantity(change.micros),
                cumulative: quantity(free.max(0)),
                reference: change.reference,
                kind: change.kind,
            }
        })
        .collect()
}

#[derive(Default)]
struct Receipts {
    dated: Vec<Change>,
    overdue: Vec<Uncertain>,
    undated: Vec<Uncertain>,
}

impl Receipts {
    /// Takes in what is open on one account, in the order in which it is expected: overdue, by date, undated.
    fn take(&mut self, kind: ExpectedKind, open: &[Promise], now: Timestamp) {
        let mut arrived: i128 =
            open.iter().filter(|promise| promise.quantity < 0).map(|promise| -i128::from(promise.quantity)).sum();
        let mut due: Vec<&Promise> = open.iter().filter(|promise| promise.quantity > 0).collect();
        due.sort_by_key(|promise| (promise.expected_at.is_none(), promise.expected_at, promise.position));
        for promise in due {
            let micros = i128::from(promise.quantity);
            let covered = micros.min(arrived);
            arrived -= covered;
            let micros = micros - covered;
            if micros == 0 {
                continue;
            }
            let uncertain = || Uncertain {
                expected_at: promise.expected_at,
                quantity: quantity(micros),
                reference: promise.reference.clone(),
                kind,
            };
            match promise.expected_at {
                None => push_bounded(&mut self.undated, uncertain()),
                Some(at) if at <= now => push_bounded(&mut self.overdue, uncertain()),
                Some(at) => self.dated.push(Change {
                    at,
                    kind: match kind {
                        ExpectedKind::OnOrder => StepKind::OnOrder,
                        ExpectedKind::InTransit => StepKind::InTransit,
                    },
                    reference: promise.reference.clone(),
                    micros,
                }),
            }
        }
    }
}

fn push_bounded(list: &mut Vec<Uncertain>, item: Uncertain) {
    if list.len() < STEPS_MAX {
        list.push(item);
    }
}
