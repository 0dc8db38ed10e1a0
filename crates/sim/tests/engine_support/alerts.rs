//! Alerts, recounted: behind every entry stand just the alerts that it makes true, and those that it makes untrue are
//! closed.

use super::check::is_our_own;
use super::trial::Trial;
use ledger::{AccountId, AccountKind, AlertStep, AlertSubject, Catalog, Effect, Name, Position};
use std::collections::{BTreeMap, BTreeSet};
use wire::record::Entry;

/// The stock below which everything is low in these trials, in units.
pub(super) const LOW_BELOW: i64 = 4;
/// The conditions that are recounted.
const RECOUNTED: [&str; 5] = ["negative_stock", "reservation_short", "low_stock", "stock_out", "own:mine"];

/// Condition and subject.
type Told = (String, AlertSubject);

/// What the entries add up to, by the plainest of means.
#[derive(Default)]
struct Recount {
    accounts: u32,
    balances: BTreeMap<AccountId, i64>,
    reserving: BTreeMap<Box<str>, Vec<(AccountId, i64)>>,
    has_rule: bool,
    has_own_rule: bool,
}

impl Trial {
    /// None is missed, none is doubled, none stays open: behind every entry and what follows from it, the open alerts are
    /// those that a recount finds.
    pub(super) fn check_alerts(&mut self, entries: &[Entry]) {
        let handle = self.stages().handle().clone();
        let views = handle.views();
        let catalog = views.catalog();
        // What a crash kept from being told is told before anything else happens.
        let is_told = self.stages().watch().demands() == 0;
        let mut recount = Recount::default();
        let mut open: BTreeMap<Position, Told> = BTreeMap::new();
        for (index, entry) in entries.iter().enumerate() {
            let position = Position(index as u64 + 1);
            follow(&mut open, entry, position);
            recount.take(entry);
            let goes_on = entries.get(index + 1).map_or(!is_told, is_our_own);
            if !goes_on {
                let told: BTreeSet<&Told> = open.values().filter(|told| RECOUNTED.contains(&&*told.0)).collect();
                let expected = recount.expected(catalog);
                assert_eq!(told, expected.iter().collect(), "open behind {position}: {entry:?}");
            }
        }
        let shown: BTreeSet<Position> = self.stages().state().alerts().iter().map(|(position, _)| position).collect();
        assert_eq!(shown, open.keys().copied().collect(), "the open alerts");
    }
}

fn follow(open: &mut BTreeMap<Position, Told>, entry: &Entry, position: Position) {
    for effect in &entry.decision.effects {
        match effect {
            Effect::AlertOpened(alert) => {
                let told = (alert.condition.to_string(), alert.subject.clone());
                assert!(!open.values().any(|other| *other == told), "{told:?} is told twice at {position}");
                open.insert(position, told);
            }
            Effect::AlertChanged(change) if matches!(change.step, AlertStep::Resolved { .. }) => {
                assert!(open.remove(&change.alert).is_some(), "{change:?} is of no open alert");
            }
            _ => {}
        }
    }
}

impl Recount {
    fn take(&mut self, entry: &Entry) {
        for name in &entry.decision.names {
            if let Name::Account(_) = name {
                self.balances.insert(AccountId(self.accounts), 0);
                self.accounts += 1;
            }
        }
        for posting in &entry.decision.postings {
            *self.balances.entry(posting.account).or_default() += posting.delta.micros();
        }
        for effect in &entry.decision.effects {
            match effect {
                Effect::Reserved(reservation) => {
                    let lines = reservation.lines.iter().map(|line| (line.account, line.quantity.micros())).collect();
                    self.reserving.insert(reservation.reservation.clone(), lines);
                }
                Effect::ReservationEnded { reservation, .. } => {
                    self.reserving.remove(reservation);
                }
                Effect::Rule(card) if &*card.condition == "own" => self.has_own_rule = true,
                Effect::Rule(_) => self.has_rule = true,
                _ => {}
            }
        }
    }

    fn expected(&self, catalog: &Catalog) -> BTreeSet<Told> {
        let mut expected = BTreeSet::new();
        // Free, on order, in transit, of each product in each warehouse.
        let mut figures: BTreeMap<AlertSubject, [i64; 3]> = BTreeMap::new();
        for (account, balance) in &self.balances {
            let key = catalog.account(*account);
            let of_account = self.reserving.values().flatten().filter(|(reserved, _)| reserved == account);
            let reserved: i64 = of_account.map(|(_, quantity)| quantity).sum();
            let about = AlertSubject {
                product: (*catalog.product(key.product).name).into(),
                location: (*catalog.location(catalog.warehouse_of(*account)).path).into(),
                ..AlertSubject::default()
            };
            let in_account = AlertSubject {
                location: (*catalog.location(key.location).path).into(),
                lot: (*catalog.lot(key.lot).name).into(),
                metric: match key.kind {
                    AccountKind::Available => "".into(),
                    kind => kind.name().into(),
                },
                ..about.clone()
            };
            if key.kind.is_on_hand() && *balance < 0 {
                expected.insert(("negative_stock".to_owned(), in_account.clone()));
            }
            if key.kind.is_on_hand() && reserved > (*balance).max(0) {
                expected.insert(("reservation_short".to_owned(), in_account));
            }
            match key.kind {
                AccountKind::Available => figures.entry(about).or_default()[0] += balance - reserved,
                AccountKind::OnOrder => figures.entry(about).or_default()[1] += balance,
                AccountKind::InTransit => figures.entry(about).or_default()[2] += balance,
                kind if kind.is_on_hand() => drop(figures.entry(about).or_default()),
                _ => {}
            }
        }
        for (about, [free, on_order, in_transit]) in figures.into_iter().filter(|_| self.has_rule) {
            if free <= 0 {
                expected.insert(("stock_out".to_owned(), about.clone()));
            }
            if free + on_order.max(0) + in_transit.max(0) < LOW_BELOW * 1_000_000 {
                if self.has_own_rule {
                    expected.insert(("own:mine".to_owned(), about.clone()));
                }
                expected.insert(("low_stock".to_owned(), about));
            }
        }
        expected
    }
}
