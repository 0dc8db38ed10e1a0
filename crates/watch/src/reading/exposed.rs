//! The stock that stands where an excursion is: what is put on hold, and whose budget is spent.

use super::Readings;
use super::guard::Guard;
use crate::cold::Budget;
use crate::condition::Condition;
use crate::desk::{Demand, Desk, Hold, Wanted};
use ledger::{
    AccountId, AccountKind, AlertSubject, Decision, DecisionKind, LocationId, LotId, Name, Posting, Quantity, Role,
    State,
};
use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;

/// Where excursions are on: the place, and what is on hold there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct HotZone {
    pub(super) path: Box<str>,
    pub(super) product: Box<str>,
    pub(super) category: Box<str>,
    pub(super) reference: Box<str>,
}

/// Which accounts stand where, and where excursions are on.
#[derive(Clone, Debug, Default)]
pub(super) struct Zones {
    paths: BTreeMap<Arc<str>, LocationId>,
    /// The accounts of available stock at each location.
    accounts: Vec<Vec<AccountId>>,
    /// By stream and rule.
    pub(super) hot: BTreeMap<(u32, Box<str>), HotZone>,
    /// What each lot was outside in all, by rule.
    pub(super) budgets: BTreeMap<(LotId, Box<str>), Budget>,
}

impl Zones {
    pub(super) fn learn(&mut self, state: &State, decision: &Decision) {
        let is_of_stock = |name: &&Name| matches!(name, Name::Location(_) | Name::Account(_));
        if decision.names.iter().filter(is_of_stock).count() == 0 {
            return;
        }
        for name in &decision.names {
            match name {
                Name::Location(path) => {
                    let id = LocationId::at(self.accounts.len());
                    self.paths.insert(path.clone(), id);
                    self.accounts.push(Vec::new());
                }
                Name::Account(key) if key.kind == AccountKind::Available => {
                    if let Some(account) = state.catalog().find_account(*key) {
                        self.accounts[key.location.index()].push(account);
                    }
                }
                _ => {}
            }
        }
    }

    /// Everything of a catalogue, in its order; for images.
    pub(super) fn of(state: &State) -> Self {
        let mut zones = Self::default();
        for (id, location) in state.catalog().locations() {
            zones.paths.insert(location.path.clone(), id);
            zones.accounts.push(Vec::new());
        }
        for (account, key) in state.catalog().accounts() {
            if key.kind == AccountKind::Available {
                zones.accounts[key.location.index()].push(account);
            }
        }
        zones
    }

    pub(super) fn is_hot(&self) -> bool {
        !self.hot.is_empty()
    }

    /// The accounts of available stock at a place and below it, by path and in the order in which they were opened.
    fn at(&self, path: &str) -> Vec<AccountId> {
        let below = format!("{path}/");
        let end = format!("{path}0");
        let own = self.paths.get(path).into_iter();
        let under = self.paths.range::<str, _>((Bound::Included(&*below), Bound::Excluded(&*end))).map(|(_, id)| id);
        own.chain(under).flat_map(|id| self.accounts[id.index()].iter().copied()).collect()
    }

    /// The accounts of stock that a guard is for and that holds something.
    fn exposed(&self, state: &State, path: &str, product: &str, category: &str) -> Vec<AccountId> {
        if path.is_empty() {
            return Vec::new();
        }
        let holds = |account: &AccountId| state.balance(*account) > Quantity::ZERO;
        let is_of = |account: &AccountId| {
            let own = state.catalog().product(state.catalog().account(*account).product);
            let own_category = own.card.as_ref().map_or("", |card| &*card.category);
            (product.is_empty() || *own.name == *product) && (category.is_empty() || own_category == category)
        };
        self.at(path).into_iter().filter(|account| holds(account) && is_of(account)).collect()
    }

    /// Puts on hold what came to a place where an excursion is on.
    ///
    /// A change of status brings nothing there: what a person releases meanwhile stays released.
    pub(super) fn came(&self, desk: &mut Desk<'_>, decision: &Decision) {
        if decision.kind == DecisionKind::StatusChanged {
            return;
        }
        let arrived = |posting: &&Posting| posting.role == Role::Movement && posting.delta > Quantity::ZERO;
        for posting in decision.postings.iter().filter(arrived) {
            let key = desk.state.catalog().account(posting.account);
            if key.kind != AccountKind::Available {
                continue;
            }
            let path = desk.state.catalog().location(key.location).path.clone();
            let zone = self.hot.values().find(|zone| {
                let is_in = crate::scope::upward(&path).any(|above| *above == *zone.path);
                is_in && self.exposed(desk.state, &zone.path, &zone.product, &zone.category).contains(&posting.account)
            });
            if let Some(zone) = zone {
                let present = desk.state.balance(posting.account).min(posting.delta);
                hold(desk, posting.account, present, &zone.reference);
            }
        }
    }
}

fn hold(desk: &mut Desk<'_>, account: AccountId, quantity: Quantity, reference: &str) {
    if quantity <= Quantity::ZERO {
        return;
    }
    let catalog = desk.state.catalog();
    let key = catalog.account(account);
    let hold = Hold {
        product: (*catalog.product(key.product).name).into(),
        location: (*catalog.location(key.location).path).into(),
        lot: (*catalog.lot(key.lot).name).into(),
        quantity,
        reference: reference.into(),
    };
    desk.demands.push_back(Demand::Hold(Box::new(hold)));
}

impl Readings {
    /// The path of the place that a stream guards; empty when nobody has said where its device stands.
    pub(super) fn path(&self, state: &State, index: u32) -> Box<str> {
        let device = state.catalog().party(self.streams[index as usize].party);
        state.catalog().device(device).map_or(Box::default(), |card| card.location.clone())
    }

    pub(super) fn exposed(&self, state: &State, index: u32, guard: &Guard) -> Vec<AccountId> {
        self.zones.exposed(state, &self.path(state, index), &guard.product, &guard.category)
    }

    /// Puts the exposed stock on hold, and what comes there while the excursion is on.
    pub(super) fn hold_exposed(&mut self, desk: &mut Desk<'_>, index: u32, guard: usize, reference: &str) -> usize {
        let own = &self.streams[index as usize].guards[guard];
        let accounts = self.exposed(desk.state, index, own);
        for account in &accounts {
            hold(desk, *account, desk.state.balance(*account), reference);
        }
        let zone = HotZone {
            path: self.path(desk.state, index),
            product: own.product.clone(),
            category: own.category.clone(),
            reference: reference.into(),
        };
        self.zones.hot.insert((index, own.rule.clone()), zone);
        accounts.len()
    }

    /// Spends the budgets of the lots that stand there; those that are exceeded are put on hold and told.
    pub(super) fn spend(&mut self, desk: &mut Desk<'_>, index: u32, guard: usize, micros: i64) {
        let own = &self.streams[index as usize].guards[guard];
        let Some(allowed) = own.budget_minutes else { return };
        let mut lots: BTreeMap<LotId, Vec<AccountId>> = BTreeMap::new();
        for account in self.exposed(desk.state, index, own) {
            let lot = desk.state.catalog().account(account).lot;
            if lot != LotId::NONE {
                lots.entry(lot).or_default().push(account);
            }
        }
        let (rule, holds_stock) = (own.rule.clone(), own.holds_stock);
        for (lot, accounts) in lots {
            let budget = self.zones.budgets.entry((lot, rule.clone())).or_insert_with(|| Budget::new(allowed));
            budget.allow(allowed);
            if budget.spend(micros) {
                let spent = budget.spent_minutes();
                self.tell_budget(desk, index, lot, (spent, allowed));
                if holds_stock {
                    let reference = format!("exposure_budget {}", desk.state.catalog().lot(lot).name);
                    for account in accounts {
                        hold(desk, account, desk.state.balance(account), &reference);
                    }
                }
            }
        }
    }

    fn tell_budget(&self, desk: &mut Desk<'_>, index: u32, lot: LotId, (spent, allowed): (f64, u32)) {
        let catalog = desk.state.catalog();
        let of = catalog.lot(lot);
        let product = &catalog.product(of.product).name;
        let path = self.path(desk.state, index);
        let warehouse = path.split('/').next().unwrap_or_default();
        let covered = crate::scope::Covered { product, location: &path, ..Default::default() };
        let rules = desk.rules;
        let Some(rule) = rules.find(Condition::ExposureBudget, covered) else { return };
        let why = format!(
            "lot {} of {product} was outside its limits for {} in all, {} at most; last at {path}",
            of.name,
            super::tell::for_minutes(spent),
            super::tell::for_minutes(f64::from(allowed)),
        );
        let figures = vec![("minutes_outside", crate::stock::rounded(spent)), ("budget_minutes", allowed.to_string())];
        let subject = AlertSubject {
            product: (**product).into(),
            location: warehouse.into(),
            lot: (*of.name).into(),
            ..AlertSubject::default()
        };
        desk.raise(rule, Wanted { subject, why, figures, since: desk.now });
    }
}
