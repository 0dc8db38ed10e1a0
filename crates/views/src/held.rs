//! Inputs that could not be used, and what became of them.
//!
//! Kept are all open ones and the last 1,000 closed; the journal keeps them all.

use crate::Views;
use crate::page::{InvalidCursor, Page, Paging, parse_cursor, render_cursor};
use ledger::{Decision, PartyId, Position, Timestamp, Unusable};
use std::collections::{BTreeMap, VecDeque};
use std::ops::Bound;
use std::sync::Arc;

/// Closed inputs that are kept; each may have 16 KiB.
const CLOSED_MAX: usize = 1_000;

/// How a held input stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HeldState {
    /// Somebody has to look at it.
    Open,
    /// It was mended: this entry took its place.
    Resolved {
        /// The entry.
        by: Position,
        /// When that was recorded.
        closed_at: Timestamp,
    },
    /// It was closed, unused.
    Discarded {
        /// The entry that closed it.
        by: Position,
        /// When that was recorded.
        closed_at: Timestamp,
        /// Why.
        reason: Box<str>,
    },
}

impl HeldState {
    /// The name used outside.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Resolved { .. } => "resolved",
            Self::Discarded { .. } => "discarded",
        }
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Record {
    pub(crate) recorded_at: Timestamp,
    pub(crate) occurred_at: Timestamp,
    pub(crate) source: PartyId,
    pub(crate) actor: PartyId,
    pub(crate) input: Arc<Unusable>,
    pub(crate) state: HeldState,
}

#[derive(Debug, Default)]
pub(crate) struct Held {
    pub(crate) open: BTreeMap<Position, Record>,
    pub(crate) closed: BTreeMap<Position, Record>,
    /// In the order of closing.
    pub(crate) closed_order: VecDeque<Position>,
    /// Open ones by code.
    pub(crate) codes: BTreeMap<Box<str>, usize>,
}

impl Held {
    pub(crate) fn hold(&mut self, input: &Unusable, position: Position, decision: &Decision) {
        let record = Record {
            recorded_at: decision.recorded_at,
            occurred_at: decision.occurred_at,
            source: decision.source,
            actor: decision.actor,
            input: Arc::new(input.clone()),
            state: HeldState::Open,
        };
        self.open(position, record);
    }

    pub(crate) fn open(&mut self, position: Position, record: Record) {
        *self.codes.entry(record.input.code.clone()).or_default() += 1;
        self.open.insert(position, record);
    }

    pub(crate) fn resolve(&mut self, held: Position, position: Position, recorded_at: Timestamp) {
        self.close(held, HeldState::Resolved { by: position, closed_at: recorded_at });
    }

    pub(crate) fn discard(&mut self, held: Position, reason: &str, position: Position, recorded_at: Timestamp) {
        self.close(held, HeldState::Discarded { by: position, closed_at: recorded_at, reason: reason.into() });
    }

    fn close(&mut self, held: Position, state: HeldState) {
        let Some(mut record) = self.open.remove(&held) else {
            return;
        };
        if let Some(count) = self.codes.get_mut(&record.input.code) {
            *count -= 1;
            if *count == 0 {
                self.codes.remove(&record.input.code);
            }
        }
        record.state = state;
        if self.closed_order.len() >= CLOSED_MAX
            && let Some(oldest) = self.closed_order.pop_front()
        {
            self.closed.remove(&oldest);
        }
        self.closed_order.push_back(held);
        self.closed.insert(held, record);
    }

    pub(crate) fn open_count(&self) -> usize {
        self.open.len()
    }
}

/// Which held inputs to list.
#[derive(Clone, Copy, Debug, Default)]
pub struct HeldQuery<'a> {
    /// Closed ones instead of open ones.
    pub is_closed: bool,
    /// With this code only.
    pub code: Option<&'a str>,
    /// From this source only.
    pub source: Option<&'a str>,
    /// Items a page, 1,000 at most; 0 for 100.
    pub limit: usize,
    /// The `next` of the page before; `None` or empty for the first.
    pub cursor: Option<&'a str>,
}

/// An input that could not be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeldItem {
    /// The entry that holds it; its name in requests.
    pub position: Position,
    /// When it was held.
    pub recorded_at: Timestamp,
    /// When it happened, as far as that could be read.
    pub occurred_at: Timestamp,
    /// Where it comes from.
    pub source: Box<str>,
    /// Who sent it.
    pub actor: Box<str>,
    /// Its text, and what is wrong with it.
    pub input: Arc<Unusable>,
    /// How it stands.
    pub state: HeldState,
}

impl Views {
    /// Lists held inputs, the newest first.
    ///
    /// # Errors
    /// [`InvalidCursor`] when the cursor is of another list.
    pub fn held(&self, query: &HeldQuery<'_>) -> Result<Page<HeldItem>, InvalidCursor> {
        let list = if query.is_closed { 'c' } else { 'e' };
        let before = match parse_cursor(list, query.cursor)? {
            Some([position]) => Bound::Excluded(Position(position)),
            None => Bound::Unbounded,
        };
        let source = match query.source.map(|name| self.catalog.find_party(name)) {
            Some(None) => return Ok(Page::empty(self.position)),
            Some(found) => found,
            None => None,
        };
        let table = if query.is_closed { &self.held.closed } else { &self.held.open };
        let mut paging = Paging::new(query.limit);
        for (position, record) in table.range((Bound::Unbounded, before)).rev() {
            let is_asked = query.code.is_none_or(|code| code == &*record.input.code)
                && source.is_none_or(|source| source == record.source);
            if paging.look(*position, || is_asked.then(|| self.held_item(*position, record))).is_break() {
                break;
            }
        }
        Ok(paging.finish(self.position, |position| render_cursor(list, &[position.0])))
    }

    /// The held input of this entry, open or closed; `None` when the entry holds none or it was closed too long ago.
    pub fn held_at(&self, position: Position) -> Option<HeldItem> {
        let record = self.held.open.get(&position).or_else(|| self.held.closed.get(&position))?;
        Some(self.held_item(position, record))
    }

    /// How many inputs are held open, by code; by the codes' bytes. There are few codes.
    pub fn held_codes(&self) -> Vec<(Box<str>, usize)> {
        self.held.codes.iter().map(|(code, count)| (code.clone(), *count)).collect()
    }

    fn held_item(&self, position: Position, record: &Record) -> HeldItem {
        HeldItem {
            position,
            recorded_at: record.recorded_at,
            occurred_at: record.occurred_at,
            source: self.catalog.party(record.source).into(),
            actor: self.catalog.party(record.actor).into(),
            input: record.input.clone(),
            state: record.state.clone(),
        }
    }
}
