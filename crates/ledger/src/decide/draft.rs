//! A decision being made: the state it is made on, the names that it is the first to use, and its postings.

use super::kind_of;
use crate::catalog::Catalog;
use crate::{
    AccountId, AccountKey, AccountKind, Decision, DecisionKind, Discrepancy, Effect, Expected, Limits, LocationId,
    LotId, Name, PartyId, Posting, ProductId, Quantity, Rejection, Request, Role, SerialId, State, Timestamp, UnitId,
};
use smallvec::SmallVec;
use std::sync::Arc;

/// How many names of each kind the draft adds.
#[derive(Default)]
struct Added {
    products: usize,
    locations: usize,
    lots: usize,
    serials: usize,
    parties: usize,
    accounts: usize,
    units: usize,
}

pub(super) struct Draft<'s> {
    pub(super) state: &'s State,
    /// Written where the caller keeps it: a decision is too large to be moved about.
    pub(super) decision: &'s mut Decision,
    /// The sender's id and source, or the key for an input without an id: what decides between equal times.
    request: &'s Request<'s>,
    added: Added,
    keep_history_from: Timestamp,
}

/// The decision that nothing has happened.
pub(super) fn empty(request: &Request<'_>, recorded_at: Timestamp) -> Decision {
    Decision {
        recorded_at,
        occurred_at: request.occurred_at,
        kind: kind_of(&request.body),
        actor: PartyId(0),
        source: PartyId(0),
        key: request.key,
        names: Vec::new(),
        postings: SmallVec::new(),
        effects: Vec::new(),
        discrepancies: Vec::new(),
        reason: None,
        reference: None,
        resolves: request.resolves,
    }
}

impl<'s> Draft<'s> {
    /// Starts a draft of `decision`, which is [`empty`].
    pub(super) fn new(state: &'s State, request: &'s Request<'s>, decision: &'s mut Decision, limits: &Limits) -> Self {
        let recorded_at = decision.recorded_at;
        let keep = if request.historical { Timestamp::MIN } else { recorded_at.minus(limits.window_micros) };
        let mut draft = Self { state, decision, request, added: Added::default(), keep_history_from: keep };
        draft.decision.source = draft.party(request.source);
        draft.decision.actor =
            if request.actor == request.source { draft.decision.source } else { draft.party(request.actor) };
        if state.recent.rotation_due(recorded_at, limits.window_micros, limits.ids_max) {
            draft.decision.effects.push(Effect::IdsRotated);
        }
        draft
    }

    pub(super) fn keep_history_from(&self) -> Timestamp {
        self.keep_history_from
    }

    pub(super) fn occurred_at(&self) -> Timestamp {
        self.decision.occurred_at
    }

    /// What decides between two counts or sightings of the same time: the event's id, then its source.
    pub(super) fn rank_id(&self) -> Box<str> {
        if self.request.id.is_empty() {
            format!("{:032x}", self.request.key.id).into()
        } else {
            format!("{}@{}", self.request.id, self.request.source).into()
        }
    }

    fn catalog(&self) -> &'s Catalog {
        &self.state.catalog
    }

    /// The place, among the names of its kind that the draft adds, of the one for which `is` holds.
    fn pending(&self, of_kind: impl Fn(&Name) -> Option<bool>) -> Option<usize> {
        if self.decision.names.is_empty() {
            return None;
        }
        self.decision.names.iter().filter_map(of_kind).position(|is| is)
    }

    pub(super) fn party(&mut self, text: &str) -> PartyId {
        if let Some(id) = self.catalog().find_party(text) {
            return id;
        }
        let first = self.catalog().parties.len();
        let is = |name: &Name| {
            if let Name::Party(other) = name { Some(&**other == text) } else { None }
        };
        if let Some(index) = self.pending(is) {
            return PartyId::at(first + index);
        }
        self.decision.names.push(Name::Party(Arc::from(text)));
        self.added.parties += 1;
        PartyId::at(first + self.added.parties - 1)
    }

    pub(super) fn product(&mut self, text: &str) -> ProductId {
        if let Some(id) = self.catalog().find_product(text) {
            return id;
        }
        let first = self.catalog().products.len();
        let is = |name: &Name| {
            if let Name::Product(other) = name { Some(&**other == text) } else { None }
        };
        if let Some(index) = self.pending(is) {
            return ProductId::at(first + index);
        }
        self.decision.names.push(Name::Product(Arc::from(text)));
        self.added.products += 1;
        ProductId::at(first + self.added.products - 1)
    }

    /// The location with this path and the warehouse that it is in.
    pub(super) fn location(&mut self, path: &str) -> (LocationId, LocationId) {
        if let Some(id) = self.catalog().find_location(path) {
            return (id, self.catalog().location(id).warehouse);
        }
        let warehouse = path.split_once('/').map(|(first, _)| self.location(first).0);
        let first = self.catalog().locations.len();
        let is = |name: &Name| {
            if let Name::Location(other) = name { Some(&**other == path) } else { None }
        };
        let id = match self.pending(is) {
            Some(index) => LocationId::at(first + index),
            None => {
                self.decision.names.push(Name::Location(Arc::from(path)));
                self.added.locations += 1;
                LocationId::at(first + self.added.locations - 1)
            }
        };
        (id, warehouse.unwrap_or(id))
    }

    pub(super) fn lot(&mut self, product: ProductId, text: &str) -> LotId {
        if text.is_empty() {
            return LotId::NONE;
        }
        if let Some(id) = self.known(product).and_then(|known| self.catalog().find_lot(known, text)) {
            return id;
        }
        let first = self.catalog().lots.len();
        let is = |name: &Name| match name {
            Name::Lot(of, other) => Some(*of == product && &**other == text),
            _ => None,
        };
        if let Some(index) = self.pending(is) {
            return LotId::at(first + index);
        }
        self.decision.names.push(Name::Lot(product, Arc::from(text)));
        self.added.lots += 1;
        LotId::at(first + self.added.lots - 1)
    }

    pub(super) fn serial(&mut self, product: ProductId, text: &str) -> SerialId {
        if let Some(id) = self.known(product).and_then(|known| self.catalog().find_serial(known, text)) {
            return id;
        }
        // One event names each serial once, so none is pending.
        let first = self.catalog().serials.len();
        self.decision.names.push(Name::Serial(product, Arc::from(text)));
        self.added.serials += 1;
        SerialId::at(first + self.added.serials - 1)
    }

    pub(super) fn unit(&mut self, text: &str) -> UnitId {
        if let Some(id) = self.catalog().find_unit(text) {
            return id;
        }
        let first = self.catalog().units.len();
        let is = |name: &Name| {
            if let Name::Unit(other) = name { Some(&**other == text) } else { None }
        };
        if let Some(index) = self.pending(is) {
            return UnitId::at(first + index);
        }
        self.decision.names.push(Name::Unit(Arc::from(text)));
        self.added.units += 1;
        UnitId::at(first + self.added.units - 1)
    }

    pub(super) fn account(&mut self, key: AccountKey) -> AccountId {
        if let Some(id) = self.catalog().find_account(key) {
            return id;
        }
        let first = self.catalog().accounts.len();
        let is = |name: &Name| {
            if let Name::Account(other) = name { Some(*other == key) } else { None }
        };
        if let Some(index) = self.pending(is) {
            return AccountId::at(first + index);
        }
        self.decision.names.push(Name::Account(key));
        self.added.accounts += 1;
        AccountId::at(first + self.added.accounts - 1)
    }

    /// What an account is of, be it new or not.
    pub(super) fn key_of(&self, account: AccountId) -> AccountKey {
        match account.index().checked_sub(self.catalog().accounts.len()) {
            None => self.catalog().account(account),
            Some(added) => self
                .decision
                .names
                .iter()
                .filter_map(|name| if let Name::Account(key) = name { Some(*key) } else { None })
                .nth(added)
                .expect("an account id comes from the catalogue or from this draft"),
        }
    }

    /// The product, when the state knows it already.
    pub(super) fn known(&self, product: ProductId) -> Option<ProductId> {
        (product.index() < self.catalog().products.len()).then_some(product)
    }

    /// The account of the same product, lot and warehouse that stands for `kind`.
    pub(super) fn nominal(&mut self, account: AccountId, kind: AccountKind) -> AccountId {
        let key = self.key_of(account);
        let warehouse = self.warehouse_of(key.location);
        self.account(key.nominal(kind, warehouse))
    }

    pub(super) fn warehouse_of(&mut self, location: LocationId) -> LocationId {
        let Some(added) = location.index().checked_sub(self.catalog().locations.len()) else {
            return self.catalog().location(location).warehouse;
        };
        let path = self
            .decision
            .names
            .iter()
            .filter_map(|name| if let Name::Location(path) = name { Some(path.clone()) } else { None })
            .nth(added)
            .expect("a location id comes from the catalogue or from this draft");
        self.location(&path).1
    }

    /// Posts without further meaning. Nothing is posted for zero.
    pub(super) fn post(&mut self, account: AccountId, delta: Quantity, effective_at: Timestamp, role: Role) {
        if !delta.is_zero() {
            self.decision.postings.push(Posting { account, delta, effective_at, role });
        }
    }

    /// Moves stock into (or, below zero, out of) an account at a time. The caller posts the other side.
    ///
    /// A count that has already seen the movement keeps its figure: the variance that the movement explains is posted
    /// back at the time of that count.
    pub(super) fn shift(&mut self, account: AccountId, delta: Quantity, at: Timestamp) -> Result<(), Rejection> {
        let seen_by = match self.state.line(account) {
            None => None,
            Some(line) if line.forbids_movement(at) => {
                return Err(Rejection::BeforeHistory { horizon: line.past().horizon });
            }
            Some(line) => {
                if let Some(before) = line.fold_due(self.keep_history_from) {
                    self.decision.effects.push(Effect::HistoryFolded { account, before });
                }
                line.next_count(at)
            }
        };
        self.post(account, delta, at, Role::Movement);
        if let Some(counted_at) = seen_by {
            self.explain(account, delta.checked_neg().ok_or(Rejection::Overflow)?, counted_at)?;
        }
        Ok(())
    }

    /// Moves stock between a stock account and a nominal one.
    pub(super) fn exchange(
        &mut self,
        account: AccountId,
        counterpart: AccountKind,
        delta: Quantity,
        at: Timestamp,
    ) -> Result<(), Rejection> {
        self.shift(account, delta, at)?;
        let known = self.state.books.get(account.index()).and_then(|book| book.counterpart(counterpart));
        let counterpart = known.unwrap_or_else(|| self.nominal(account, counterpart));
        self.post(counterpart, delta.checked_neg().ok_or(Rejection::Overflow)?, at, Role::Movement);
        Ok(())
    }

    /// Posts a difference between a count and the books, against the account for variances.
    pub(super) fn explain(&mut self, account: AccountId, delta: Quantity, at: Timestamp) -> Result<(), Rejection> {
        let opposite = delta.checked_neg().ok_or(Rejection::Overflow)?;
        self.post(account, delta, at, Role::Variance);
        let variance = self.nominal(account, AccountKind::Variance);
        self.post(variance, opposite, at, Role::Variance);
        Ok(())
    }

    /// Changes what is open under a reference.
    pub(super) fn expect(
        &mut self,
        account: AccountId,
        reference: &str,
        delta: Quantity,
        expected_at: Option<Timestamp>,
    ) -> Result<(), Rejection> {
        let open = self.state.expected(account).iter().find(|open| &*open.reference == reference);
        open.map_or(Quantity::ZERO, |open| open.quantity).checked_add(delta).ok_or(Rejection::Overflow)?;
        let expected = Expected { account, reference: reference.into(), delta, expected_at };
        self.decision.effects.push(Effect::Expected(Box::new(expected)));
        Ok(())
    }

    /// Checks that every balance the decision leads to fits, and notes the discrepancies that the balances show.
    pub(super) fn finish(&mut self) -> Result<(), Rejection> {
        for index in 0..self.decision.postings.len() {
            let (earlier, rest) = self.decision.postings.split_at(index);
            let account = rest[0].account;
            if earlier.iter().any(|posting| posting.account == account) {
                continue;
            }
            let of_account = rest.iter().filter(|posting| posting.account == account);
            let delta: i128 = of_account.map(|posting| i128::from(posting.delta.micros())).sum();
            let (before, reserved) = match self.state.books.get(account.index()) {
                Some(book) => (book.balance, book.line.reserved),
                None => (0, 0),
            };
            let after = i64::try_from(i128::from(before) + delta).map_err(|_| Rejection::Overflow)?;
            if after < before {
                self.note_shortage(account, before, after);
                // A reservation that is fulfilled takes what was reserved for it.
                if reserved > 0 && self.decision.kind != DecisionKind::ReservationFulfilled {
                    self.note_broken_reservation(account, reserved, before, after);
                }
            }
        }
        Ok(())
    }

    fn note_shortage(&mut self, account: AccountId, before: i64, after: i64) {
        if after >= 0 || before < 0 {
            return;
        }
        let balance = Quantity::from_micros(after);
        match self.key_of(account).kind {
            kind if kind.is_on_hand() => {
                self.decision.discrepancies.push(Discrepancy::NegativeOnHand { account, on_hand: balance });
            }
            AccountKind::InTransit | AccountKind::OnOrder => {
                let excess = balance.checked_neg().unwrap_or(Quantity::MAX);
                self.decision.discrepancies.push(Discrepancy::OverReceipt { account, excess });
            }
            _ => {}
        }
    }

    fn note_broken_reservation(&mut self, account: AccountId, reserved: i64, before: i64, after: i64) {
        if before >= reserved && after < reserved {
            let short = Quantity::from_micros(reserved.saturating_sub(after));
            self.decision.discrepancies.push(Discrepancy::ReservedShort { account, short });
        }
    }
}
