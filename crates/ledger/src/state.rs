//! What the decisions so far add up to.

use crate::alert::Alerts;
use crate::catalog::Catalog;
use crate::line::Line;
use crate::recent::Recent;
use crate::serial::Chain;
use crate::unit::Units;
use crate::{
    AccountId, AccountKey, AccountKind, Body, Decision, Key, Position, Quantity, Rejection, Request, Reservation,
    ReservationState, Timestamp,
};
use foldhash::fast::FixedState;
use hashbrown::HashMap;
use std::collections::{BTreeMap, BTreeSet};

/// Settings of the rules. They shape decisions, never what a decision already made does.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// How long ids are remembered at least, in microseconds.
    pub window_micros: i64,
    /// How far a source's clock may run ahead, in microseconds.
    pub clock_tolerance_micros: i64,
    /// Ids remembered per generation, of which there are two; past it the window is shorter.
    pub ids_max: usize,
}

impl Default for Limits {
    /// Seven days, two minutes, 2²⁵ ids.
    fn default() -> Self {
        Self { window_micros: 7 * 86_400_000_000, clock_tolerance_micros: 120_000_000, ids_max: 1 << 25 }
    }
}

/// What became of a request.
#[expect(clippy::large_enum_variant, reason = "nearly all are accepted, and a box for each would cost the hot path")]
#[derive(Clone, Debug, PartialEq)]
pub enum Verdict {
    /// It is taken: journal this, then apply it.
    Accepted(Decision),
    /// It was seen before and changes nothing.
    Duplicate {
        /// Where it was first recorded.
        position: Position,
        /// Whether it was held then.
        held: bool,
    },
    /// A fact that cannot be used as it is: keep it with this reason, by a [`Command::Hold`](crate::Command::Hold).
    Unusable(Rejection),
    /// The request is refused and leaves no trace.
    Rejected(Rejection),
}

/// An account's balance and, for stock on hand, its history: one cache line, for a movement is little else than this.
#[derive(Clone, Debug)]
#[repr(align(64))]
pub(crate) struct Book {
    pub(crate) balance: i64,
    /// Empty for accounts that are not on hand.
    pub(crate) line: Line,
    pub(crate) kind: AccountKind,
    /// The accounts of suppliers and customers that this one's stock comes from and goes to, once known: what the
    /// catalogue would find.
    counterparts: [Option<AccountId>; 2],
}

impl Book {
    pub(crate) fn new(kind: AccountKind, balance: i64) -> Self {
        Self { balance, line: Line::default(), kind, counterparts: [None; 2] }
    }

    fn slot(kind: AccountKind) -> Option<usize> {
        match kind {
            AccountKind::Supplier => Some(0),
            AccountKind::Customer => Some(1),
            _ => None,
        }
    }

    pub(crate) fn counterpart(&self, kind: AccountKind) -> Option<AccountId> {
        Self::slot(kind).and_then(|slot| self.counterparts[slot])
    }

    fn counterparts(&self) -> impl Iterator<Item = AccountId> {
        self.counterparts.iter().copied().flatten()
    }

    /// The place to remember a counterpart of this kind in, while it is free.
    pub(crate) fn free_counterpart(&mut self, kind: AccountKind) -> Option<&mut Option<AccountId>> {
        Self::slot(kind).map(|slot| &mut self.counterparts[slot]).filter(|known| known.is_none())
    }
}

/// What is open under one reference on an `OnOrder` or `InTransit` account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Open {
    /// The order or shipment; empty when it has none.
    pub reference: Box<str>,
    /// How much; below zero when more arrived than was announced.
    pub quantity: Quantity,
    /// When it is expected, when that was said.
    pub expected_at: Option<Timestamp>,
}

/// Requests whose memory is touched together: enough to overlap their misses, few enough to stay in the nearest cache.
const WARM_GROUP: usize = 32;

/// All stock and all that was promised: a fold over decisions. See [`State::decide`] and [`State::apply`].
#[derive(Clone, Debug)]
pub struct State {
    pub(crate) position: Position,
    pub(crate) recorded_at: Timestamp,
    pub(crate) catalog: Catalog,
    pub(crate) books: Vec<Book>,
    pub(crate) stock_keys: usize,
    pub(crate) recent: Recent,
    pub(crate) chains: Vec<Chain>,
    pub(crate) units: Units,
    pub(crate) reservations: HashMap<Box<str>, Reservation, FixedState>,
    pub(crate) expiring: BTreeSet<(Timestamp, Box<str>)>,
    /// Reservations that ended, remembered as long as ids are: older generation, newer generation.
    pub(crate) ended: [BTreeMap<Box<str>, ReservationState>; 2],
    pub(crate) expected: BTreeMap<AccountId, Vec<Open>>,
    /// Open held inputs, with the keys under which they were seen.
    pub(crate) held: BTreeMap<Position, Key>,
    /// Reversed entries, and what reversed them.
    pub(crate) reversed: BTreeMap<Position, Position>,
    pub(crate) alerts: Alerts,
}

impl State {
    /// Empty books. `seed` orders hash tables and nothing else; the journal keeps it.
    pub fn new(seed: u64) -> Self {
        Self {
            position: Position::ZERO,
            recorded_at: Timestamp::MIN,
            catalog: Catalog::new(seed),
            books: Vec::new(),
            stock_keys: 0,
            recent: Recent::new(),
            chains: Vec::new(),
            units: Units::default(),
            reservations: HashMap::with_hasher(FixedState::with_seed(seed)),
            expiring: BTreeSet::new(),
            ended: [BTreeMap::new(), BTreeMap::new()],
            expected: BTreeMap::new(),
            held: BTreeMap::new(),
            reversed: BTreeMap::new(),
            alerts: Alerts::default(),
        }
    }

    /// The position of the newest decision applied.
    pub fn position(&self) -> Position {
        self.position
    }

    /// When the newest decision was recorded.
    pub fn recorded_at(&self) -> Timestamp {
        self.recorded_at
    }

    /// The names and cards.
    pub fn catalog(&self) -> &Catalog {
        &self.catalog
    }

    /// An account's balance.
    pub fn balance(&self, account: AccountId) -> Quantity {
        Quantity::from_micros(self.books[account.index()].balance)
    }

    /// How much of an account reservations hold; zero for nominal accounts.
    pub fn reserved(&self, account: AccountId) -> Quantity {
        Quantity::from_micros(self.line(account).map_or(0, |line| line.reserved))
    }

    /// The pending reservation of this name.
    pub fn reservation(&self, name: &str) -> Option<&Reservation> {
        self.reservations.get(name)
    }

    /// Every pending reservation, in no order.
    pub fn reservations(&self) -> impl ExactSizeIterator<Item = &Reservation> {
        self.reservations.values()
    }

    /// When the next reservation ends by itself.
    pub fn next_expiry(&self) -> Option<Timestamp> {
        self.expiring.first().map(|(at, _)| *at)
    }

    /// What is open on an `OnOrder` or `InTransit` account, by order of announcement.
    pub fn expected(&self, account: AccountId) -> &[Open] {
        self.expected.get(&account).map_or(&[], Vec::as_slice)
    }

    /// The open alerts.
    pub fn alerts(&self) -> &Alerts {
        &self.alerts
    }

    /// How many accounts hold stock on hand.
    pub fn stock_keys(&self) -> usize {
        self.stock_keys
    }

    /// How many ids are remembered.
    pub fn remembered_ids(&self) -> usize {
        self.recent.older.len() + self.recent.newer.len()
    }

    /// Bytes of memory for (catalogue and balances, histories, remembered ids).
    pub fn memory_bytes(&self) -> (usize, usize, usize) {
        let books = self.books.capacity() * size_of::<Book>() + self.catalog.memory_bytes();
        let lines = self.books.iter().map(|book| book.line.memory_bytes()).sum::<usize>();
        (books, lines, self.recent.memory_bytes())
    }

    /// Whether the postings so far sum to zero for each product and lot. Looks at every account.
    pub fn conserves(&self) -> bool {
        let mut sums: BTreeMap<(crate::ProductId, crate::LotId), i128> = BTreeMap::new();
        for (id, key) in self.catalog.accounts() {
            *sums.entry((key.product, key.lot)).or_default() += i128::from(self.books[id.index()].balance);
        }
        sums.values().all(|sum| *sum == 0)
    }

    /// Touches what judging and applying these requests will, so that their cache misses overlap instead of queueing:
    /// of some tens of requests, just before they are decided. Changes nothing; the answer means nothing.
    ///
    /// `also` is told of each account that they will move, to touch what it keeps of it; what it answers means nothing.
    pub fn warm(&self, requests: &[Request<'_>], also: impl Fn(AccountId) -> u64) -> u64 {
        let mut touched = 0;
        for group in requests.chunks(WARM_GROUP) {
            let mut places = [None; WARM_GROUP];
            for (request, place) in group.iter().zip(&mut places) {
                touched ^= self.recent.warm(request.key.id);
                if let Body::Event(event) = &request.body {
                    *place = self.catalog.find_product(event.product).map(|product| (product, event));
                }
            }
            let mut accounts = [None; WARM_GROUP];
            for ((product, event), account) in places.iter().flatten().zip(&mut accounts) {
                let lot = self.catalog.find_lot(*product, event.lot);
                *account = self.catalog.find_location(event.location).zip(lot).and_then(|(location, lot)| {
                    let kind = AccountKind::on_hand(event.status);
                    self.catalog.find_account(AccountKey { kind, product: *product, location, lot })
                });
            }
            let accounts = accounts.into_iter().flatten();
            touched ^= accounts.clone().map(&also).fold(0, |touched, more| touched ^ more);
            touched ^= self.warm_books(accounts.clone());
            let counterparts = accounts.filter_map(|account| self.books.get(account.index()));
            touched ^= self.warm_books(counterparts.flat_map(Book::counterparts));
        }
        touched
    }

    /// As [`State::warm`], for decisions about to be applied.
    pub fn warm_replay(&self, decisions: &[Decision]) -> u64 {
        let mut touched = 0;
        for decision in decisions {
            touched ^= self.recent.warm(decision.key.id);
        }
        for group in decisions.chunks(WARM_GROUP) {
            touched ^= self.warm_books(group.iter().flat_map(|decision| decision.postings.iter().map(|p| p.account)));
        }
        touched
    }

    fn warm_books(&self, accounts: impl Iterator<Item = AccountId>) -> u64 {
        let books = accounts.filter_map(|account| self.books.get(account.index()));
        books.fold(0, |touched, book| touched ^ book.balance.unsigned_abs() ^ book.line.warm())
    }

    pub(crate) fn line(&self, account: AccountId) -> Option<&Line> {
        self.books.get(account.index()).filter(|book| book.kind.is_on_hand()).map(|book| &book.line)
    }

    pub(crate) fn balance_micros(&self, account: AccountId) -> i64 {
        self.books.get(account.index()).map_or(0, |book| book.balance)
    }

    pub(crate) fn ended(&self, name: &str) -> Option<ReservationState> {
        self.ended.iter().find_map(|generation| generation.get(name)).copied()
    }
}
