//! Stock watched: thresholds, use, expiry, and books that cannot be right.
//!
//! Every movement changes a few figures and compares them with thresholds that are at hand; only when something begins
//! or ends to hold is anything looked up.

mod accounts;
mod balances;
mod confidence;
pub mod counts;
mod facts;
mod image;
mod judge;
mod lots;
mod resolve;
pub(crate) mod subject;
mod tell;

pub use balances::{Balance, Slice};
pub use confidence::{Confidence, Evidence};
pub(crate) use facts::Needs;
pub(crate) use lots::day_text;
pub(crate) use resolve::covered;
pub(crate) use tell::{duration, rounded};

use crate::desk::Desk;
use crate::timers::Timer;
use accounts::Disputes;
use foldhash::fast::FixedState;
use hashbrown::HashMap;
use ledger::{
    AccountId, AccountKind, Counted, Decision, DecisionKind, Effect, LocationId, LotId, Name, ProductId, Role, State,
    Timestamp,
};
use lots::LotWatch;
use smallvec::SmallVec;
use std::collections::{BTreeMap, BTreeSet};
use subject::{BY_FIGURES, BY_TIME, OWN, Subject};

/// No index.
pub(crate) const NONE: u32 = u32::MAX;

/// What an account's figures feed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Link {
    /// The product at the warehouse; [`NONE`] for accounts that are neither on hand nor on their way.
    subject: u32,
    /// Further subjects: the watched places that it stands in; an index into `wider`, or [`NONE`].
    wider: u32,
    /// The lot in the warehouse, or [`NONE`].
    lot: u32,
    pub(crate) kind: AccountKind,
    /// What holds of the account itself, as bits of [`accounts`].
    holds: u8,
    pending: u8,
    /// Movements since the last count.
    moves: u32,
    reserved: i64,
    last_count: Timestamp,
}

/// Everything watched of stock.
#[derive(Clone, Debug)]
pub(crate) struct StockWatch {
    pub(crate) subjects: Vec<Subject>,
    index: HashMap<(ProductId, LocationId), u32, FixedState>,
    /// The subjects of each product, by product.
    by_product: Vec<SmallVec<[u32; 2]>>,
    links: Vec<Link>,
    wider: Vec<SmallVec<[u32; 2]>>,
    lots: Vec<LotWatch>,
    lot_index: HashMap<(LotId, LocationId), u32, FixedState>,
    /// Locations inside warehouses for which rules are.
    places: BTreeSet<LocationId>,
    /// Since when a condition of a subject (or account) holds that was not told yet.
    pending_since: BTreeMap<(u32, u8), Timestamp>,
    account_since: BTreeMap<(u32, u8), Timestamp>,
    disputes: Disputes,
    /// Stock that was put on hold because of where it stood, and why.
    on_hold: BTreeMap<AccountId, Box<str>>,
    /// The accounts of each pending reservation.
    reserving: HashMap<Box<str>, SmallVec<[AccountId; 2]>, FixedState>,
    touched: Vec<(u32, i64)>,
    touched_lots: Vec<u32>,
    touched_accounts: Vec<AccountId>,
    /// Subjects at which conditions of users' own are to be looked.
    pub(crate) own_touched: Vec<u32>,
}

impl StockWatch {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            subjects: Vec::new(),
            index: HashMap::with_hasher(FixedState::with_seed(seed)),
            by_product: Vec::new(),
            links: Vec::new(),
            wider: Vec::new(),
            lots: Vec::new(),
            lot_index: HashMap::with_hasher(FixedState::with_seed(seed)),
            places: BTreeSet::new(),
            pending_since: BTreeMap::new(),
            account_since: BTreeMap::new(),
            disputes: Disputes::default(),
            on_hold: BTreeMap::new(),
            reserving: HashMap::with_hasher(FixedState::with_seed(seed)),
            touched: Vec::new(),
            touched_lots: Vec::new(),
            touched_accounts: Vec::new(),
            own_touched: Vec::new(),
        }
    }

    /// Touches the memory that a movement of these accounts will need.
    pub(crate) fn warm(&self, account: AccountId) -> u64 {
        let Some(link) = self.links.get(account.index()) else { return 0 };
        self.subjects.get(link.subject as usize).map_or(0, Subject::warm)
    }

    /// Takes in a decision that the state has just applied.
    pub(crate) fn take(&mut self, desk: &mut Desk<'_>, decision: &Decision) {
        for name in &decision.names {
            match name {
                Name::Account(_) => self.link(desk, AccountId::at(self.links.len())),
                Name::Location(path) => self.learn_place(desk, path),
                _ => {}
            }
        }
        for posting in &decision.postings {
            self.post(desk.state, posting.account, posting.delta.micros(), posting.role);
            if posting.role == Role::Variance {
                self.disputes.explain(posting.account, posting.delta.micros());
            }
        }
        for effect in &decision.effects {
            self.take_effect(desk, effect);
        }
        if decision.kind == DecisionKind::StatusChanged
            && desk.state.catalog().party(decision.source) == crate::watch::SOURCE
        {
            self.note_hold(decision);
        }
        self.judge_touched(desk, decision.occurred_at);
    }

    fn post(&mut self, state: &State, account: AccountId, delta: i64, role: Role) {
        let link = self.links[account.index()];
        if link.subject == NONE {
            return;
        }
        let moved = if role == Role::Movement && link.kind.is_on_hand() { delta } else { 0 };
        self.subjects[link.subject as usize].post(link.kind, delta);
        note(&mut self.touched, link.subject, moved);
        if moved != 0 {
            let moves = &mut self.links[account.index()].moves;
            *moves = moves.saturating_add(1);
        }
        if link.wider != NONE {
            for subject in &self.wider[link.wider as usize] {
                self.subjects[*subject as usize].post(link.kind, delta);
                note(&mut self.touched, *subject, moved);
            }
        }
        if link.lot != NONE {
            self.lots[link.lot as usize].post(link.kind, delta);
            self.touched_lots.push(link.lot);
        }
        if link.kind.is_on_hand() && (link.holds | link.pending != 0 || state.balance(account).micros() < link.reserved)
        {
            self.touched_accounts.push(account);
        }
    }

    fn take_effect(&mut self, desk: &mut Desk<'_>, effect: &Effect) {
        match effect {
            Effect::Counted(counted) => self.counted(counted),
            Effect::Reserved(reservation) => {
                let accounts: SmallVec<[AccountId; 2]> = reservation.lines.iter().map(|line| line.account).collect();
                for account in &accounts {
                    self.reserve(desk.state, *account);
                }
                self.reserving.insert(reservation.reservation.clone(), accounts);
            }
            Effect::ReservationEnded { reservation, .. } => {
                for account in self.reserving.remove(reservation).unwrap_or_default() {
                    self.reserve(desk.state, account);
                }
            }
            Effect::LotExpires(lot, _) => self.touch_lots(desk.state, *lot),
            _ => {}
        }
    }

    /// The state's figure of what is reserved has changed for an account.
    fn reserve(&mut self, state: &State, account: AccountId) {
        let reserved = state.reserved(account).micros();
        let link = &mut self.links[account.index()];
        let delta = reserved - link.reserved;
        link.reserved = reserved;
        let link = *link;
        if delta == 0 || link.subject == NONE {
            return;
        }
        self.for_subjects(link, |subject| subject.reserved = subject.reserved.wrapping_add(delta));
        self.touched_accounts.push(account);
    }

    fn for_subjects(&mut self, link: Link, mut change: impl FnMut(&mut Subject)) {
        change(&mut self.subjects[link.subject as usize]);
        note(&mut self.touched, link.subject, 0);
        if link.wider != NONE {
            for subject in &self.wider[link.wider as usize] {
                change(&mut self.subjects[*subject as usize]);
                note(&mut self.touched, *subject, 0);
            }
        }
    }

    fn counted(&mut self, counted: &Counted) {
        let (at, expected) = (counted.counted_at, counted.expected.micros());
        let variance = counted.quantity.micros().saturating_sub(expected);
        let link = &mut self.links[counted.account.index()];
        if at < link.last_count || link.subject == NONE {
            return;
        }
        (link.last_count, link.moves) = (at, 0);
        let link = *link;
        let share = crate::rule::float(variance.saturating_abs())
            / crate::rule::float(expected.saturating_abs().max(1_000_000));
        self.for_subjects(link, |subject| {
            subject.last_count = subject.last_count.max(at);
            subject.moves = 0;
            subject.shrinkage = subject.shrinkage * 0.7 + share.min(1.0) * 0.3;
        });
        self.disputes.counted(counted.account, variance, expected);
        self.touched_accounts.push(counted.account);
    }

    /// Judges what the decision touched.
    fn judge_touched(&mut self, desk: &mut Desk<'_>, occurred_at: Timestamp) {
        let touched = std::mem::take(&mut self.touched);
        for (index, moved) in &touched {
            let subject = &mut self.subjects[*index as usize];
            if *moved != 0 {
                subject.moves = subject.moves.saturating_add(1);
                subject.last_moved = subject.last_moved.max(occurred_at);
            }
            if subject.watched & OWN != 0 {
                self.own_touched.push(*index);
            }
            if *moved < 0 {
                subject.used(moved.saturating_neg(), occurred_at);
                if subject.follows_use {
                    self.follow_use(desk, *index);
                }
            }
            self.judge_if_due(desk, *index);
        }
        self.touched = touched;
        self.touched.clear();
        if !self.touched_lots.is_empty() {
            self.judge_lots(desk);
        }
        if !self.touched_accounts.is_empty() {
            self.judge_accounts(desk);
        }
    }

    fn judge_if_due(&mut self, desk: &mut Desk<'_>, index: u32) {
        let subject = &mut self.subjects[index as usize];
        if subject.watched & BY_FIGURES != 0 && subject.by_figures() != (subject.holds | subject.pending) & BY_FIGURES {
            self.judge_figures(desk, index);
        }
        let subject = &mut self.subjects[index as usize];
        if subject.watched & BY_TIME != 0 {
            if subject.holds & BY_TIME != 0 {
                self.judge_time(desk, index);
            } else if !subject.is_timed && subject.on_hand > 0 {
                subject.is_timed = true;
                desk.set(desk.now, Timer::Stock(index));
            }
        }
    }

    /// A timer of a subject is due.
    pub(crate) fn subject_due(&mut self, desk: &mut Desk<'_>, index: u32) {
        self.judge_pending(desk, index);
        self.judge_time(desk, index);
    }

    /// The subject of a product at a place.
    pub(crate) fn find(&self, product: ProductId, place: LocationId) -> Option<&Subject> {
        self.index.get(&(product, place)).map(|index| &self.subjects[*index as usize])
    }

    pub(crate) fn memory_bytes(&self) -> usize {
        self.subjects.capacity() * size_of::<Subject>()
            + self.links.capacity() * size_of::<Link>()
            + self.lots.capacity() * size_of::<LotWatch>()
            + self.by_product.capacity() * size_of::<SmallVec<[u32; 2]>>()
            + self.index.allocation_size()
            + self.lot_index.allocation_size()
    }
}

fn note(touched: &mut Vec<(u32, i64)>, subject: u32, moved: i64) {
    match touched.iter_mut().find(|(other, _)| *other == subject) {
        Some((_, sum)) => *sum = sum.wrapping_add(moved),
        None => touched.push((subject, moved)),
    }
}
