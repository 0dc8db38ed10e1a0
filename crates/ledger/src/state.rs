//! What the decisions so far add up to.

use crate::catalog::Catalog;
use crate::line::Line;
use crate::recent::Recent;
use crate::serial::Chain;
use crate::{AccountId, Decision, Key, Position, Quantity, Rejection, Reservation, ReservationState, Timestamp};
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

#[derive(Clone, Debug)]
pub(crate) struct Book {
    pub(crate) balance: i64,
    /// Index into `lines`; `u32::MAX` for nominal accounts.
    pub(crate) line: u32,
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

/// All stock and all that was promised: a fold over decisions. See [`State::decide`] and [`State::apply`].
#[derive(Clone, Debug)]
pub struct State {
    pub(crate) position: Position,
    pub(crate) recorded_at: Timestamp,
    pub(crate) catalog: Catalog,
    pub(crate) books: Vec<Book>,
    pub(crate) lines: Vec<Line>,
    pub(crate) recent: Recent,
    pub(crate) chains: Vec<Chain>,
    pub(crate) reservations: HashMap<Box<str>, Reservation, FixedState>,
    pub(crate) expiring: BTreeSet<(Timestamp, Box<str>)>,
    /// Reservations that ended, remembered as long as ids are: older generation, newer generation.
    pub(crate) ended: [BTreeMap<Box<str>, ReservationState>; 2],
    pub(crate) expected: BTreeMap<AccountId, Vec<Open>>,
    /// Open held inputs, with the keys under which they were seen.
    pub(crate) held: BTreeMap<Position, Key>,
    /// Reversed entries, and what reversed them.
    pub(crate) reversed: BTreeMap<Position, Position>,
}

impl State {
    /// Empty books. `seed` orders hash tables and nothing else; the journal keeps it.
    pub fn new(seed: u64) -> Self {
        Self {
            position: Position::ZERO,
            recorded_at: Timestamp::MIN,
            catalog: Catalog::new(seed),
            books: Vec::new(),
            lines: Vec::new(),
            recent: Recent::new(),
            chains: Vec::new(),
            reservations: HashMap::with_hasher(FixedState::with_seed(seed)),
            expiring: BTreeSet::new(),
            ended: [BTreeMap::new(), BTreeMap::new()],
            expected: BTreeMap::new(),
            held: BTreeMap::new(),
            reversed: BTreeMap::new(),
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

    /// When the next reservation ends by itself.
    pub fn next_expiry(&self) -> Option<Timestamp> {
        self.expiring.first().map(|(at, _)| *at)
    }

    /// What is open on an `OnOrder` or `InTransit` account, by order of announcement.
    pub fn expected(&self, account: AccountId) -> &[Open] {
        self.expected.get(&account).map_or(&[], Vec::as_slice)
    }

    /// How many accounts hold stock on hand.
    pub fn stock_keys(&self) -> usize {
        self.lines.len()
    }

    /// How many ids are remembered.
    pub fn remembered_ids(&self) -> usize {
        self.recent.older.len() + self.recent.newer.len()
    }

    /// Bytes of memory for (catalogue and balances, histories, remembered ids).
    pub fn memory_bytes(&self) -> (usize, usize, usize) {
        let books = self.books.capacity() * size_of::<Book>() + self.catalog.memory_bytes();
        let lines =
            self.lines.capacity() * size_of::<Line>() + self.lines.iter().map(Line::memory_bytes).sum::<usize>();
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

    pub(crate) fn line(&self, account: AccountId) -> Option<&Line> {
        let book = self.books.get(account.index())?;
        self.lines.get(book.line as usize)
    }

    pub(crate) fn balance_micros(&self, account: AccountId) -> i64 {
        self.books.get(account.index()).map_or(0, |book| book.balance)
    }

    pub(crate) fn ended(&self, name: &str) -> Option<ReservationState> {
        self.ended.iter().find_map(|generation| generation.get(name)).copied()
    }
}
