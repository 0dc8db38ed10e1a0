//! Taking a decision into the state. Knows no rule and cannot fail.

use crate::line::Line;
use crate::serial::Chain;
use crate::state::Book;
use crate::unit::Log;
use crate::{
    AccountId, AccountKind, Decision, DecisionKind, Effect, Expected, Name, Position, Posting, Quantity, Reservation,
    ReservationState, Role, State,
};

impl State {
    /// Takes in the next decision.
    ///
    /// # Panics
    /// When the decision was made for another state (it refers to names that this one lacks), and in debug builds when
    /// its postings do not sum to zero for each product and lot. Both are bugs: the journal's chain keeps decisions in
    /// the order in which they were made.
    pub fn apply(&mut self, decision: &Decision) {
        self.position = self.position.next();
        self.recorded_at = decision.recorded_at;
        self.catalog.apply(decision);
        for name in &decision.names {
            match name {
                Name::Account(key) => self.open_book(key.kind),
                Name::Serial(..) => self.chains.push(Chain::default()),
                Name::Unit(_) => self.units.logs.push(Log::default()),
                _ => {}
            }
        }
        debug_assert!(self.balanced(decision), "postings sum to zero for each product and lot: {decision:?}");
        for posting in &decision.postings {
            self.post(posting);
        }
        if let [stock, other] = &*decision.postings {
            self.pair(stock.account, other.account);
        }
        for effect in &decision.effects {
            self.take(effect, decision);
        }
        let is_held = decision.kind == DecisionKind::InputHeld;
        if decision.key.id != 0 {
            self.recent.started(decision.recorded_at);
            self.recent.insert(decision.key, self.position, is_held);
        }
        if let Some(held) = decision.resolves.and_then(|held| self.held.remove(&held))
            && held.id == decision.key.id
            && held.content != decision.key.content
        {
            // The source may send what was mended again, as it was.
            self.recent.insert(Self::conflict_key(held), self.position, is_held);
        }
    }

    fn open_book(&mut self, kind: AccountKind) {
        self.stock_keys += usize::from(kind.is_on_hand());
        self.books.push(Book::new(kind, 0));
    }

    fn post(&mut self, posting: &Posting) {
        let book = &mut self.books[posting.account.index()];
        // `decide` has checked that the sum of all of a decision's postings fits; on the way there it may wrap.
        book.balance = book.balance.wrapping_add(posting.delta.micros());
        if posting.role == Role::Movement && book.kind.is_on_hand() {
            book.line.insert_movement(posting.effective_at, posting.delta.micros());
        }
    }

    /// Remembers which supplier's or customer's account a stock account is posted against.
    fn pair(&mut self, stock: AccountId, other: AccountId) {
        let kind = self.books[other.index()].kind;
        let book = &mut self.books[stock.index()];
        if book.kind.is_on_hand()
            && let Some(free) = book.free_counterpart(kind)
        {
            let nominal = self.catalog.account(stock).nominal(kind, self.catalog.warehouse_of(stock));
            if self.catalog.account(other) == nominal {
                *free = Some(other);
            }
        }
    }

    fn take(&mut self, effect: &Effect, decision: &Decision) {
        match effect {
            Effect::Counted(counted) => self.line_mut(counted.account).insert_count(counted),
            Effect::CountWithdrawn(counted) => self.line_mut(counted.account).remove_count(counted),
            Effect::Sighted(sighted) => self.chains[sighted.serial.index()].insert(sighted),
            Effect::SightingWithdrawn(sighted) => self.chains[sighted.serial.index()].remove(sighted),
            Effect::Expected(expected) => self.expect_more(expected),
            Effect::Reserved(reservation) => self.reserve(reservation),
            Effect::ReservationEnded { reservation, outcome } => self.end_reservation(reservation, *outcome),
            Effect::Reversed { entry, .. } => {
                self.reversed.insert(*entry, self.position);
            }
            Effect::Held(_) => {
                self.held.insert(self.position, decision.key);
            }
            Effect::Discarded { held, .. } => {
                self.held.remove(held);
            }
            Effect::IdsRotated => {
                self.recent.rotate(decision.recorded_at);
                self.ended.swap(0, 1);
                self.ended[1].clear();
            }
            Effect::AlertOpened(_) | Effect::AlertChanged(_) => self.alerts.apply(self.position, decision),
            Effect::HistoryFolded { account, before } => self.line_mut(*account).fold(*before),
            Effect::UnitReported(report) => self.units.insert(report),
            Effect::UnitReportWithdrawn(report) => self.units.remove(report),
            Effect::UnitStands(stands) => self.units.stands(stands),
            Effect::UnitsFolded { unit, before } => {
                let catalog = &self.catalog;
                self.units.fold(*unit, *before, &self.chains, |account| catalog.account(account));
            }
            Effect::UnitHolds(_) | Effect::SerialStands { .. } => {}
            Effect::LotExpires(..)
            | Effect::Product(_)
            | Effect::Location(_)
            | Effect::Reason(_)
            | Effect::Device(_)
            | Effect::Rule(_)
            | Effect::RuleWithdrawn { .. }
            | Effect::Observed(_) => {}
        }
    }

    fn line_mut(&mut self, account: AccountId) -> &mut Line {
        let book = &mut self.books[account.index()];
        assert!(book.kind.is_on_hand(), "counts, folds and reservations are of stock on hand");
        &mut book.line
    }

    fn expect_more(&mut self, expected: &Expected) {
        let open = self.expected.entry(expected.account).or_default();
        let at = open.iter().position(|open| open.reference == expected.reference);
        let index = at.unwrap_or_else(|| {
            open.push(crate::Open {
                reference: expected.reference.clone(),
                quantity: Quantity::ZERO,
                expected_at: None,
            });
            open.len() - 1
        });
        let line = &mut open[index];
        line.quantity = Quantity::from_micros(line.quantity.micros().wrapping_add(expected.delta.micros()));
        line.expected_at = expected.expected_at.or(line.expected_at);
        if line.quantity.is_zero() {
            open.remove(index);
        }
        if open.is_empty() {
            self.expected.remove(&expected.account);
        }
    }

    fn reserve(&mut self, reservation: &Reservation) {
        for line in &reservation.lines {
            self.line_mut(line.account).reserved += line.quantity.micros();
        }
        if let Some(at) = reservation.expires_at {
            self.expiring.insert((at, reservation.reservation.clone()));
        }
        self.reservations.insert(reservation.reservation.clone(), reservation.clone());
    }

    fn end_reservation(&mut self, name: &str, outcome: ReservationState) {
        let Some(reservation) = self.reservations.remove(name) else {
            return;
        };
        for line in &reservation.lines {
            self.line_mut(line.account).reserved -= line.quantity.micros();
        }
        if let Some(at) = reservation.expires_at {
            self.expiring.remove(&(at, reservation.reservation));
        }
        self.ended[1].insert(name.into(), outcome);
    }

    /// Whether a decision's postings sum to zero for each product and lot.
    fn balanced(&self, decision: &Decision) -> bool {
        let mut sums: Vec<((u32, u32), i128)> = Vec::new();
        for posting in &decision.postings {
            let key = self.catalog.account(posting.account);
            let key = (key.product.0, key.lot.0);
            match sums.iter_mut().find(|(other, _)| *other == key) {
                Some((_, sum)) => *sum += i128::from(posting.delta.micros()),
                None => sums.push((key, i128::from(posting.delta.micros()))),
            }
        }
        sums.iter().all(|(_, sum)| *sum == 0)
    }

    /// Whether applying `decision` next is in order: nothing it refers to lies ahead of what it names.
    pub fn accepts(&self, decision: &Decision) -> bool {
        let named = decision.names.iter().filter(|name| matches!(name, Name::Account(_))).count();
        let accounts = self.books.len() + named;
        decision.postings.iter().all(|posting| posting.account.index() < accounts)
            && decision.recorded_at >= self.recorded_at
            && self.position < Position(u64::MAX)
    }
}
