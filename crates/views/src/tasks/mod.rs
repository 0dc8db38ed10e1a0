//! What decisions showed to be wrong, and which stock somebody should count because of it.
//!
//! | discrepancy | stays open until |
//! |---|---|
//! | negative on hand, over-receipt | the balance is no longer below zero |
//! | reserved short | no more is reserved than is there, or a count of the account at or after it |
//! | serial elsewhere (of where it was believed), lot missing | a count of the account at or after it, or its entry is reversed |
//! | count variance, serial unknown, expiry conflict | it is noted, and closed at once |
//!
//! An account is to be recounted while one is open that asks for it: all but an over-receipt. Kept are all open ones,
//! one for each account and kind, and the last 10,000 closed.

mod query;

pub use query::{DiscrepancyItem, DiscrepancyQuery, RecountItem, RecountQuery};

use crate::codes::Codes;
use crate::figures::is_on_hand;
use crate::stock::Stock;
use ledger::{AccountId, Decision, DecisionKind, Discrepancy, Effect, Position, Timestamp};
use smallvec::SmallVec;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// Closed discrepancies that are kept.
const CLOSED_MAX: usize = 10_000;

/// Which discrepancy: the entry that showed it, and the place among those of that entry.
pub(crate) type Key = (Position, u32);

/// How a discrepancy came to an end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resolution {
    /// Nothing was left to do: the entry that showed it put the books right, or there is nothing to count.
    Noted,
    /// Somebody counted.
    Counted,
    /// Later or late entries put the figures right.
    Recovered,
    /// The entry that showed it was reversed.
    Reversed,
}

impl Resolution {
    /// Every resolution, in the order of their numbers in images.
    pub(crate) const ALL: [Self; 4] = [Self::Noted, Self::Counted, Self::Recovered, Self::Reversed];

    /// The name used outside.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Noted => "noted",
            Self::Counted => "counted",
            Self::Recovered => "recovered",
            Self::Reversed => "reversed",
        }
    }
}

/// The end of a discrepancy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Closure {
    /// By which entry.
    pub position: Position,
    /// When that was recorded.
    pub closed_at: Timestamp,
    /// How.
    pub resolution: Resolution,
}

/// A discrepancy, open or closed.
#[derive(Clone, Debug)]
pub(crate) struct Record {
    /// As it was shown last.
    pub(crate) discrepancy: Discrepancy,
    /// When the newest event that showed it happened.
    pub(crate) occurred_at: Timestamp,
    pub(crate) opened_at: Timestamp,
    /// How often it was shown.
    pub(crate) times: u32,
    pub(crate) closure: Option<Closure>,
}

#[derive(Debug, Default)]
pub(crate) struct Tasks {
    pub(crate) records: BTreeMap<Key, Record>,
    /// In the order of closing.
    pub(crate) closed: VecDeque<(Position, Key)>,
    /// Open ones of each account, by key.
    open_of: BTreeMap<AccountId, SmallVec<[Key; 1]>>,
    /// Accounts to recount, by the entry that first asked for it.
    recounts: BTreeSet<(Position, AccountId)>,
    /// For each shelf with an open one, how many accounts have one of each kind.
    codes_of_shelves: BTreeMap<u32, [u32; Codes::KINDS]>,
}

/// The account that a discrepancy is about; `None` when it is about a unit or lot as such.
pub(crate) fn account_of(discrepancy: &Discrepancy) -> Option<AccountId> {
    match discrepancy {
        Discrepancy::NegativeOnHand { account, .. }
        | Discrepancy::CountVariance { account, .. }
        | Discrepancy::LotMissing { account }
        | Discrepancy::OverReceipt { account, .. }
        | Discrepancy::ReservedShort { account, .. } => Some(*account),
        Discrepancy::SerialElsewhere { believed, .. } => Some(*believed),
        Discrepancy::SerialUnknown { .. }
        | Discrepancy::ExpiryConflict { .. }
        | Discrepancy::UnitElsewhere { .. }
        | Discrepancy::UnitInAnother { .. } => None,
    }
}

impl Tasks {
    /// Takes in a decision whose postings and effects the stock has taken in. `recheck` names the accounts that it
    /// touched and that had open discrepancies.
    pub(crate) fn take(&mut self, stock: &mut Stock, position: Position, decision: &Decision, recheck: &[AccountId]) {
        for (index, discrepancy) in (0u32..).zip(&decision.discrepancies) {
            self.show(stock, (position, index), discrepancy, decision);
        }
        for effect in &decision.effects {
            match effect {
                Effect::Counted(counted) => {
                    self.settle(stock, counted.account, counted.counted_at, position, decision.recorded_at);
                }
                Effect::Sighted(sighted) if decision.kind == DecisionKind::ItemCounted => {
                    if let Some(account) = sighted.place {
                        self.settle(stock, account, sighted.seen_at, position, decision.recorded_at);
                    }
                }
                Effect::Reversed { entry, .. } => self.reverse(stock, *entry, position, decision.recorded_at),
                _ => {}
            }
        }
        for account in recheck {
            self.recheck(stock, *account, position, decision);
        }
    }

    fn show(&mut self, stock: &mut Stock, key: Key, discrepancy: &Discrepancy, decision: &Decision) {
        let codes = Codes::of(discrepancy);
        let record = |closure| Record {
            discrepancy: discrepancy.clone(),
            occurred_at: decision.occurred_at,
            opened_at: decision.recorded_at,
            times: 1,
            closure,
        };
        let at_once = |resolution| Some(Closure { position: key.0, closed_at: decision.recorded_at, resolution });
        let on_hand = |account: AccountId| is_on_hand(stock.levels[account.index()].sum);
        let account = account_of(discrepancy).filter(|account| {
            codes == Codes::OVER_RECEIPT || (codes.intersects(Codes::OF_RECOUNT) && on_hand(*account))
        });
        let Some(account) = account else {
            return self.keep_closed(key, record(at_once(Resolution::Noted)));
        };
        let is_counted_since = stock.counted_at(account).is_some_and(|at| at >= decision.occurred_at);
        if codes.intersects(Codes::OF_DISPUTE) && is_counted_since {
            return self.keep_closed(key, record(at_once(Resolution::Counted)));
        }
        if stock.levels[account.index()].codes.intersects(codes) {
            return self.show_again(account, discrepancy, decision);
        }
        self.records.insert(key, record(None));
        self.open(stock, account, key, codes);
    }

    fn show_again(&mut self, account: AccountId, discrepancy: &Discrepancy, decision: &Decision) {
        let codes = Codes::of(discrepancy);
        for key in self.open_of.get(&account).into_iter().flatten() {
            if let Some(record) = self.records.get_mut(key)
                && Codes::of(&record.discrepancy) == codes
            {
                record.discrepancy = discrepancy.clone();
                record.occurred_at = record.occurred_at.max(decision.occurred_at);
                record.times = record.times.saturating_add(1);
            }
        }
    }

    fn keep_closed(&mut self, key: Key, record: Record) {
        if let Some(closure) = record.closure {
            self.closed.push_back((closure.position, key));
        }
        self.records.insert(key, record);
        if self.closed.len() > CLOSED_MAX
            && let Some((_, oldest)) = self.closed.pop_front()
        {
            self.records.remove(&oldest);
        }
    }

    /// Enters an open record into all that lists open ones.
    pub(crate) fn open(&mut self, stock: &mut Stock, account: AccountId, key: Key, codes: Codes) {
        let before = self.recount_since(account);
        let keys = self.open_of.entry(account).or_default();
        let index = keys.partition_point(|other| *other < key);
        keys.insert(index, key);
        let level = &mut stock.levels[account.index()];
        level.codes = level.codes.and(codes);
        let counts = self.codes_of_shelves.entry(level.shelf).or_default();
        for index in (0..counts.len()).filter(|index| Codes::where_index(|other| other == *index).intersects(codes)) {
            counts[index] += 1;
        }
        self.follow_recount(stock, account, before);
    }

    /// Closes the open ones of an account for which `ends` holds.
    fn close(&mut self, stock: &mut Stock, account: AccountId, ends: impl Fn(Key, &Record) -> bool, closure: Closure) {
        let before = self.recount_since(account);
        let Some(keys) = self.open_of.get_mut(&account) else {
            return;
        };
        let records = &self.records;
        let (closed, open): (SmallVec<[Key; 1]>, SmallVec<[Key; 1]>) =
            keys.iter().copied().partition(|key| records.get(key).is_some_and(|record| ends(*key, record)));
        if closed.is_empty() {
            return;
        }
        *keys = open;
        if keys.is_empty() {
            self.open_of.remove(&account);
        }
        for key in closed {
            let Some(mut record) = self.records.remove(&key) else {
                continue;
            };
            record.closure = Some(closure);
            let level = &mut stock.levels[account.index()];
            level.codes = level.codes.without(Codes::of(&record.discrepancy));
            if let Some(counts) = self.codes_of_shelves.get_mut(&level.shelf) {
                counts[Codes::index_of(&record.discrepancy)] -= 1;
                if counts.iter().all(|count| *count == 0) {
                    self.codes_of_shelves.remove(&level.shelf);
                }
            }
            self.keep_closed(key, record);
        }
        self.follow_recount(stock, account, before);
    }

    /// A count of an account settles what is not newer than it.
    fn settle(
        &mut self,
        stock: &mut Stock,
        account: AccountId,
        at: Timestamp,
        position: Position,
        recorded_at: Timestamp,
    ) {
        stock.count(account, at, position, recorded_at);
        let closure = Closure { position, closed_at: recorded_at, resolution: Resolution::Counted };
        let ends = |_, record: &Record| {
            Codes::of(&record.discrepancy).intersects(Codes::OF_DISPUTE) && record.occurred_at <= at
        };
        self.close(stock, account, ends, closure);
    }

    fn reverse(&mut self, stock: &mut Stock, original: Position, position: Position, recorded_at: Timestamp) {
        let closure = Closure { position, closed_at: recorded_at, resolution: Resolution::Reversed };
        let shown: SmallVec<[AccountId; 2]> = self
            .records
            .range((original, 0)..=(original, u32::MAX))
            .filter(|(_, record)| record.closure.is_none() && record.times == 1)
            .filter_map(|(_, record)| account_of(&record.discrepancy))
            .collect();
        let of_place = Codes::SERIAL_ELSEWHERE.and(Codes::LOT_MISSING);
        for account in shown {
            let ends = |key: Key, record: &Record| {
                key.0 == original && record.times == 1 && Codes::of(&record.discrepancy).intersects(of_place)
            };
            self.close(stock, account, ends, closure);
        }
    }

    /// Closes what an account's figures no longer show.
    fn recheck(&mut self, stock: &mut Stock, account: AccountId, position: Position, decision: &Decision) {
        let (balance, reserved) = (stock.balance(account), stock.reserved(account));
        let is_count = decision.kind == DecisionKind::ItemCounted;
        let resolution = if is_count { Resolution::Counted } else { Resolution::Recovered };
        let ends = |_, record: &Record| {
            let codes = Codes::of(&record.discrepancy);
            (codes.intersects(Codes::OF_BALANCE) && !balance.is_negative())
                || (codes == Codes::RESERVED_SHORT && reserved <= balance)
        };
        self.close(stock, account, ends, Closure { position, closed_at: decision.recorded_at, resolution });
    }

    /// The entry since which an account is to be recounted; `None` when it is not.
    fn recount_since(&self, account: AccountId) -> Option<Position> {
        let asks =
            |key: &&Key| self.records.get(key).is_some_and(|record| Codes::of(&record.discrepancy).asks_for_recount());
        self.open_of.get(&account)?.iter().find(asks).map(|key| key.0)
    }

    fn follow_recount(&mut self, stock: &mut Stock, account: AccountId, before: Option<Position>) {
        let after = self.recount_since(account);
        if before == after {
            return;
        }
        if let Some(position) = before {
            self.recounts.remove(&(position, account));
            stock.count_tasks(account, |tasks| tasks - 1);
        }
        if let Some(position) = after {
            self.recounts.insert((position, account));
            stock.count_tasks(account, |tasks| tasks + 1);
        }
    }

    /// The kinds of discrepancies that are open in a shelf.
    pub(crate) fn codes_of_shelf(&self, shelf: u32) -> Codes {
        self.codes_of_shelves
            .get(&shelf)
            .map_or_else(Codes::default, |counts| Codes::where_index(|index| counts[index] > 0))
    }

    pub(crate) fn open_tasks(&self) -> usize {
        self.recounts.len()
    }

    /// Whether the entry at `position` opened or closed one, as far as closed ones are kept.
    pub(crate) fn changed_at(&self, position: Position) -> bool {
        let first = self.closed.partition_point(|(closed, _)| *closed < position);
        self.closed.get(first).is_some_and(|(closed, _)| *closed == position)
            || self.records.range((position, 0)..=(position, u32::MAX)).next().is_some()
    }
}
