//! Reservations: what is set aside for whom, and what became of it.
//!
//! Kept are all pending ones and the last 100,000 that ended.

use crate::Views;
use crate::page::{InvalidCursor, Page, Paging, parse_cursor, render_cursor};
use crate::stock::Stock;
use ledger::{Decision, LocationId, LotId, Position, Quantity, Reservation, ReservationState, ReservedLine, Timestamp};
use std::collections::{BTreeMap, VecDeque};
use std::ops::Bound;
use std::sync::Arc;

/// Ended reservations that are kept.
const ENDED_MAX: usize = 100_000;

/// Reserved lines past which a page takes no more reservations.
const LINES_MAX: usize = 10_000;

/// A reservation, pending or ended.
#[derive(Clone, Debug)]
pub(crate) struct Record {
    pub(crate) name: Arc<str>,
    pub(crate) warehouse: LocationId,
    pub(crate) lines: Box<[ReservedLine]>,
    pub(crate) expires_at: Option<Timestamp>,
    pub(crate) reserved_at: Timestamp,
    pub(crate) state: ReservationState,
    /// The entry that ended it, and when that was recorded.
    pub(crate) ended: Option<(Position, Timestamp)>,
}

#[derive(Debug, Default)]
pub(crate) struct Reservations {
    /// By the entry that made them.
    pub(crate) pending: BTreeMap<Position, Record>,
    pub(crate) ended: BTreeMap<Position, Record>,
    /// In the order of ending.
    pub(crate) ended_order: VecDeque<Position>,
    /// The newest of each name.
    pub(crate) by_name: BTreeMap<Arc<str>, Position>,
}

impl Reservations {
    pub(crate) fn reserve(&mut self, stock: &mut Stock, reservation: &Reservation, position: Position, at: Timestamp) {
        for line in &reservation.lines {
            stock.reserve(line.account, line.quantity.micros(), position, at);
        }
        let name: Arc<str> = Arc::from(&*reservation.reservation);
        self.by_name.insert(name.clone(), position);
        self.pending.insert(
            position,
            Record {
                name,
                warehouse: reservation.warehouse,
                lines: reservation.lines.as_slice().into(),
                expires_at: reservation.expires_at,
                reserved_at: at,
                state: ReservationState::Pending,
                ended: None,
            },
        );
    }

    /// Ends a pending reservation; its lines.
    pub(crate) fn end(
        &mut self,
        stock: &mut Stock,
        name: &str,
        outcome: ReservationState,
        position: Position,
        decision: &Decision,
    ) -> &[ReservedLine] {
        let Some(made) = self.by_name.get(name).copied() else {
            return &[];
        };
        let Some(mut record) = self.pending.remove(&made) else {
            return &[];
        };
        for line in &record.lines {
            stock.reserve(line.account, line.quantity.micros().wrapping_neg(), position, decision.recorded_at);
        }
        record.state = outcome;
        record.ended = Some((position, decision.recorded_at));
        if self.ended_order.len() >= ENDED_MAX {
            self.forget_oldest();
        }
        self.ended_order.push_back(made);
        &self.ended.entry(made).or_insert(record).lines
    }

    fn forget_oldest(&mut self) {
        let oldest = self.ended_order.pop_front();
        if let Some((made, record)) = oldest.and_then(|made| self.ended.remove_entry(&made))
            && self.by_name.get(&record.name) == Some(&made)
        {
            self.by_name.remove(&record.name);
        }
    }

    /// The newest reservation of this name, as long as it is kept.
    pub(crate) fn get(&self, name: &str) -> Option<(Position, &Record)> {
        let made = *self.by_name.get(name)?;
        self.pending.get(&made).or_else(|| self.ended.get(&made)).map(|record| (made, record))
    }

    pub(crate) fn pending(&self) -> usize {
        self.pending.len()
    }
}

/// Which reservations to list.
#[derive(Clone, Copy, Debug, Default)]
pub struct ReservationQuery<'a> {
    /// In this warehouse only.
    pub warehouse: Option<&'a str>,
    /// In this state only.
    pub state: Option<ReservationState>,
    /// Items a page, 1,000 at most; 0 for 100.
    pub limit: usize,
    /// The `next` of the page before; `None` or empty for the first.
    pub cursor: Option<&'a str>,
}

/// A reservation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReservationItem {
    /// The caller's name for it.
    pub reservation: Arc<str>,
    /// In which warehouse.
    pub warehouse: Arc<str>,
    /// How it stands.
    pub state: ReservationState,
    /// What is or was set aside, in the order asked for.
    pub lines: Vec<ReservationLine>,
    /// When it ends by itself.
    pub expires_at: Option<Timestamp>,
    /// When it was made.
    pub reserved_at: Timestamp,
    /// The entry that made it.
    pub position: Position,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// The entry that ended it.
    pub ended_position: Option<Position>,
}

/// Stock set aside in one place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReservationLine {
    /// Which line asked for it, from 0.
    pub line: u32,
    /// The product.
    pub product: Arc<str>,
    /// Where it stands.
    pub location: Arc<str>,
    /// The lot; `None` for stock without one.
    pub lot: Option<Arc<str>>,
    /// How much, in base units.
    pub quantity: Quantity,
    /// Whether, while it is pending, more is reserved there than is there.
    pub is_short: bool,
}

impl Views {
    /// The newest reservation of this name; `None` when there is none or it ended too long ago.
    pub fn reservation(&self, name: &str) -> Option<ReservationItem> {
        self.reservations.get(name).map(|(position, record)| self.reservation_item(position, record))
    }

    /// Lists reservations, the newest first. A page also ends once it holds 10,000 lines.
    ///
    /// # Errors
    /// [`InvalidCursor`] when the cursor is of another list.
    pub fn reservations(&self, query: &ReservationQuery<'_>) -> Result<Page<ReservationItem>, InvalidCursor> {
        let before = match parse_cursor('v', query.cursor)? {
            Some([position]) => Bound::Excluded(Position(position)),
            None => Bound::Unbounded,
        };
        let warehouse = match query.warehouse.map(|path| self.catalog.find_location(path)) {
            Some(None) => return Ok(Page::empty(self.position)),
            Some(found) => found,
            None => None,
        };
        let range = (Bound::Unbounded, before);
        let (with_pending, with_ended) = match query.state {
            None => (true, true),
            Some(state) => (state == ReservationState::Pending, state != ReservationState::Pending),
        };
        let mut pending = self.reservations.pending.range(range).rev().filter(|_| with_pending).peekable();
        let mut ended = self.reservations.ended.range(range).rev().filter(|_| with_ended).peekable();
        let mut paging = Paging::new(query.limit);
        let mut lines = 0;
        loop {
            let is_pending_next = pending.peek().map(|row| row.0) > ended.peek().map(|row| row.0);
            let Some((position, record)) = (if is_pending_next { pending.next() } else { ended.next() }) else {
                break;
            };
            let is_asked = query.state.is_none_or(|state| state == record.state)
                && warehouse.is_none_or(|warehouse| warehouse == record.warehouse);
            let item = || is_asked.then(|| self.reservation_item(*position, record));
            if paging.look(*position, item).is_break() {
                break;
            }
            lines += if is_asked { record.lines.len() } else { 0 };
            if lines >= LINES_MAX {
                paging.close();
            }
        }
        Ok(paging.finish(self.position, |position| render_cursor('v', &[position.0])))
    }

    fn reservation_item(&self, position: Position, record: &Record) -> ReservationItem {
        let catalog = &self.catalog;
        let line = |line: &ReservedLine| {
            let key = catalog.account(line.account);
            let is_short = self.stock.reserved(line.account) > self.stock.balance(line.account);
            ReservationLine {
                line: line.line,
                product: catalog.product(key.product).name.clone(),
                location: catalog.location(key.location).path.clone(),
                lot: (key.lot != LotId::NONE).then(|| catalog.lot(key.lot).name.clone()),
                quantity: line.quantity,
                is_short: record.state == ReservationState::Pending && is_short,
            }
        };
        ReservationItem {
            reservation: record.name.clone(),
            warehouse: catalog.location(record.warehouse).path.clone(),
            state: record.state,
            lines: record.lines.iter().map(line).collect(),
            expires_at: record.expires_at,
            reserved_at: record.reserved_at,
            position,
            ended_at: record.ended.map(|(_, at)| at),
            ended_position: record.ended.map(|(by, _)| by),
        }
    }
}
