//! The last 1,000 entries, for 'what just happened'.

use crate::Views;
use crate::codes::Codes;
use crate::figures::is_on_hand;
use crate::page::{InvalidCursor, Page, Paging, parse_cursor, render_cursor};
use crate::scope::Scope;
use crate::stock::Stock;
use ledger::{
    AccountId, Decision, DecisionKind, Effect, LotId, PartyId, Position, Quantity, ReasonId, Role, Timestamp,
};
use std::collections::VecDeque;
use std::sync::Arc;

/// Entries that are kept.
const ENTRIES_MAX: usize = 1_000;

/// What an entry did, in few bytes.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) position: Position,
    pub(crate) recorded_at: Timestamp,
    pub(crate) occurred_at: Timestamp,
    pub(crate) delta: i64,
    /// The account on hand that it moved stock in, and the other one for moves.
    pub(crate) account: Option<AccountId>,
    pub(crate) other: Option<AccountId>,
    pub(crate) source: PartyId,
    pub(crate) reason: Option<ReasonId>,
    pub(crate) kind: DecisionKind,
    pub(crate) codes: Codes,
    pub(crate) reference: Option<Box<str>>,
}

#[derive(Debug, Default)]
pub(crate) struct Activity(pub(crate) VecDeque<Entry>);

impl Activity {
    pub(crate) fn take(&mut self, stock: &Stock, position: Position, decision: &Decision) {
        // What devices say, and rules by the thousand, would leave room for nothing else. Alerts have lists of their own.
        if matches!(
            decision.kind,
            DecisionKind::ObservationRecorded
                | DecisionKind::RuleDeclared
                | DecisionKind::RuleWithdrawn
                | DecisionKind::AlertOpened
                | DecisionKind::AlertChanged
                | DecisionKind::AlertResolved
        ) {
            return;
        }
        let (account, other, delta) = subject(stock, decision);
        let entry = Entry {
            position,
            recorded_at: decision.recorded_at,
            occurred_at: decision.occurred_at,
            delta,
            account,
            other,
            source: decision.source,
            reason: decision.reason,
            kind: decision.kind,
            codes: decision.discrepancies.iter().map(Codes::of).fold(Codes::default(), Codes::and),
            reference: decision.reference.clone(),
        };
        if self.0.len() >= ENTRIES_MAX {
            self.0.pop_front();
        }
        self.0.push_back(entry);
    }
}

/// The first account that a decision changed, those on hand before others, by how much in all, and the next one on hand.
fn subject(stock: &Stock, decision: &Decision) -> (Option<AccountId>, Option<AccountId>, i64) {
    let on_hand = |account: AccountId| is_on_hand(stock.levels[account.index()].sum);
    // A movement that a count had seen is shown as what moved, not as nothing.
    let is_movement = decision.postings.iter().any(|posting| posting.role == Role::Movement);
    let mut postings =
        decision.postings.iter().filter(|posting| !is_movement || posting.role == Role::Movement).peekable();
    let fallback = postings.peek().map(|posting| posting.account);
    let (mut account, mut other, mut delta) = (None, None, 0i64);
    for posting in postings {
        if account == Some(posting.account) || (account.is_none() && on_hand(posting.account)) {
            account = Some(posting.account);
            delta = delta.wrapping_add(posting.delta.micros());
        } else if other.is_none() && on_hand(posting.account) {
            other = Some(posting.account);
        }
    }
    if account.is_some() {
        return (account, other, delta);
    }
    if let Some(account) = fallback {
        let of = |posting: &&ledger::Posting| posting.account == account;
        let delta = decision.postings.iter().filter(of).fold(0i64, |sum, p| sum.wrapping_add(p.delta.micros()));
        return (Some(account), None, delta);
    }
    let counted = decision.effects.iter().find_map(|effect| match effect {
        Effect::Counted(counted) => Some(counted.account),
        _ => None,
    });
    (counted, None, 0)
}

/// Which entries to list.
#[derive(Clone, Copy, Debug, Default)]
pub struct ActivityQuery<'a> {
    /// Of this product only.
    pub product: Option<&'a str>,
    /// In this warehouse only.
    pub warehouse: Option<&'a str>,
    /// Items a page, 1,000 at most; 0 for 100.
    pub limit: usize,
    /// The `next` of the page before; `None` or empty for the first.
    pub cursor: Option<&'a str>,
}

/// What an entry did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ActivityItem {
    /// The entry.
    pub position: Position,
    /// When it was recorded.
    pub recorded_at: Timestamp,
    /// When it happened, by the source's clock.
    pub occurred_at: Timestamp,
    /// What happened.
    pub kind: DecisionKind,
    /// Where it comes from.
    pub source: Box<str>,
    /// The product, when it is about one.
    pub product: Option<Arc<str>>,
    /// The location, when it is about one: for moves, where from.
    pub location: Option<Arc<str>>,
    /// Where to, for moves; the same place for changes of status.
    pub to: Option<Arc<str>>,
    /// The lot, when it is about one.
    pub lot: Option<Arc<str>>,
    /// By how much the figure at the location changed; zero for a count that found what was expected.
    pub delta: Quantity,
    /// The code of the reason given.
    pub reason: Option<Box<str>>,
    /// The document that it belongs to.
    pub reference: Option<Box<str>>,
    /// The discrepancies that it showed.
    pub discrepancies: Codes,
}

impl Views {
    /// Lists the last 1,000 entries, the newest first.
    ///
    /// # Errors
    /// [`InvalidCursor`] when the cursor is of another list.
    pub fn activity(&self, query: &ActivityQuery<'_>) -> Result<Page<ActivityItem>, InvalidCursor> {
        let before = parse_cursor('a', query.cursor)?.map(|[position]| Position(position));
        let Some(scope) = Scope::new(self, query.product, query.warehouse) else {
            return Ok(Page::empty(self.position));
        };
        let is_narrowed = scope.product.is_some() || scope.warehouse.is_some();
        let mut paging = Paging::new(query.limit);
        let entries = self.activity.0.iter().rev();
        for entry in entries.skip_while(|entry| before.is_some_and(|before| entry.position >= before)) {
            let is_asked = entry.account.map_or(!is_narrowed, |account| scope.holds(self, account))
                || entry.other.is_some_and(|other| scope.holds(self, other));
            if paging.look(entry.position, || is_asked.then(|| self.activity_item(entry))).is_break() {
                break;
            }
        }
        Ok(paging.finish(self.position, |position| render_cursor('a', &[position.0])))
    }

    fn activity_item(&self, entry: &Entry) -> ActivityItem {
        let catalog = &self.catalog;
        let key = entry.account.map(|account| catalog.account(account));
        let place = |account: AccountId| catalog.location(catalog.account(account).location).path.clone();
        ActivityItem {
            position: entry.position,
            recorded_at: entry.recorded_at,
            occurred_at: entry.occurred_at,
            kind: entry.kind,
            source: catalog.party(entry.source).into(),
            product: key.map(|key| catalog.product(key.product).name.clone()),
            location: entry.account.map(place),
            to: entry.other.map(place),
            lot: key.filter(|key| key.lot != LotId::NONE).map(|key| catalog.lot(key.lot).name.clone()),
            delta: Quantity::from_micros(entry.delta),
            reason: entry.reason.map(|reason| catalog.reason(reason).code.clone()),
            reference: entry.reference.clone(),
            discrepancies: entry.codes,
        }
    }
}
