//! The history index: where in the journal each account changed, and what it stood at on any date.
//!
//! Everything in it can be rebuilt from the journal. New rows gather in memory (a [`Tail`]); when there are enough, they
//! are written to SQLite as one chunk an account, in the background, with the chunk's sums beside it, so that a balance
//! at a past date reads sums and decodes at most the chunks that straddle the date.
//!
//! Its one invariant: an account's rows, in chunks and tails together, are its postings from position 1 to
//! [`History::indexed_to`], each once.

mod chunk;
mod store;
mod tail;

use crate::Error;
use ledger::{AccountId, Catalog, Decision, Effect, Position, Timestamp};
use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex, RwLock};
use store::Store;
use tail::{Row, Tail};

/// Rows past which taking in more waits for the disk, as a multiple of those past which a tail is written.
const BACKLOG: usize = 3;

struct Tails {
    active: Tail,
    /// Being written to disk; readable until it is there.
    frozen: Option<Arc<Tail>>,
}

/// The history index. Any thread may read; one adds.
pub struct History {
    tails: RwLock<Tails>,
    store: Store,
    tail_rows: usize,
    /// Guards nothing; with `written` it lets the adder wait for the writer and the writer for work.
    turn: Mutex<Turn>,
    changed: Condvar,
}

#[derive(Default)]
struct Turn {
    work: bool,
    stopping: bool,
    failed: bool,
}

impl History {
    /// Opens the index of the journal `journal_id` in `file` (`None`: in memory, for as long as it lives).
    ///
    /// An index of another journal, of another layout, or ahead of `journal_end` is thrown away.
    ///
    /// # Errors
    /// [`Error::History`].
    pub(crate) fn open(
        file: Option<PathBuf>,
        journal_id: [u8; 16],
        journal_end: Position,
        tail_rows: usize,
    ) -> Result<Self, Error> {
        let (store, indexed_to) = Store::open(file, journal_id, journal_end)?;
        let tails = Tails { active: Tail::after(indexed_to), frozen: None };
        Ok(Self {
            tails: RwLock::new(tails),
            store,
            tail_rows: tail_rows.max(1),
            turn: Mutex::default(),
            changed: Condvar::new(),
        })
    }

    /// The position up to which the index is complete; after a start, whatever was written to disk.
    pub fn indexed_to(&self) -> Position {
        self.tails.read().expect("no panic under the lock").active.last
    }

    /// Takes in the next entry while nobody writes behind yet; writes to disk itself when there is enough.
    ///
    /// # Errors
    /// [`Error::History`].
    pub(crate) fn catch_up(&self, position: Position, decision: &Decision, catalog: &Catalog) -> Result<(), Error> {
        let rows = {
            let mut tails = self.tails.write().expect("no panic under the lock");
            add_rows(&mut tails.active, position, decision, catalog);
            tails.active.len()
        };
        if rows >= self.tail_rows { self.flush() } else { Ok(()) }
    }

    /// Takes in the entries of one block, the first at `first`.
    pub(crate) fn add_block(&self, first: Position, decisions: &[Decision], catalog: &Catalog) {
        let rows = {
            let mut tails = self.tails.write().expect("no panic under the lock");
            let mut position = first;
            for decision in decisions {
                add_rows(&mut tails.active, position, decision, catalog);
                position = position.next();
            }
            tails.active.len()
        };
        if rows >= self.tail_rows {
            self.freeze(rows >= self.tail_rows.saturating_mul(BACKLOG));
        }
    }

    /// Hands the active tail to the writer, unless it still has one; with `wait`, waits until it has none. A writer that
    /// failed tries again.
    fn freeze(&self, wait: bool) {
        let mut turn = self.turn.lock().expect("no panic under the lock");
        loop {
            let mut tails = self.tails.write().expect("no panic under the lock");
            if tails.frozen.is_none() {
                let last = tails.active.last;
                let full = std::mem::replace(&mut tails.active, Tail::after(last));
                tails.frozen = Some(Arc::new(full));
                turn.work = true;
                self.changed.notify_all();
                return;
            }
            drop(tails);
            if turn.failed {
                turn.work = true;
                self.changed.notify_all();
                return;
            }
            if !wait || turn.stopping {
                return;
            }
            turn = self.changed.wait(turn).expect("no panic under the lock");
        }
    }

    /// Writes frozen tails to disk until [`stop`](Self::stop); runs on a thread of its own. `report` hears of failures:
    /// the rows then stay in memory until a later try succeeds, or the next start reads them from the journal.
    pub(crate) fn write_behind(&self, report: &dyn Fn(&Error)) {
        loop {
            let mut turn = self.turn.lock().expect("no panic under the lock");
            while !turn.work && !turn.stopping {
                turn = self.changed.wait(turn).expect("no panic under the lock");
            }
            let (work, stopping) = (std::mem::take(&mut turn.work), turn.stopping);
            drop(turn);
            if work {
                let written = self.write_frozen();
                self.turn.lock().expect("no panic under the lock").failed = written.is_err();
                // Whoever waits for the disk must not wait for a disk that fails.
                self.changed.notify_all();
                if let Err(error) = written {
                    report(&error);
                }
            }
            if stopping {
                return;
            }
        }
    }

    pub(crate) fn write_frozen(&self) -> Result<(), Error> {
        let frozen = self.tails.read().expect("no panic under the lock").frozen.clone();
        if let Some(tail) = frozen {
            self.store.write(&tail)?;
            self.tails.write().expect("no panic under the lock").frozen = None;
            // Taking the turn orders this before the next look of whoever waits.
            drop(self.turn.lock().expect("no panic under the lock"));
            self.changed.notify_all();
        }
        Ok(())
    }

    /// Ends [`write_behind`](Self::write_behind) after what it is writing.
    pub(crate) fn stop(&self) {
        self.turn.lock().expect("no panic under the lock").stopping = true;
        self.changed.notify_all();
    }

    /// Writes everything to disk now. Only after [`write_behind`](Self::write_behind) has ended, or before it starts.
    ///
    /// # Errors
    /// [`Error::History`].
    pub(crate) fn flush(&self) -> Result<(), Error> {
        self.write_frozen()?;
        let mut tails = self.tails.write().expect("no panic under the lock");
        self.store.write(&tails.active)?;
        tails.active = Tail::after(tails.active.last);
        Ok(())
    }

    /// An account's balance, in micro-units, by the postings effective at or before `at` in entries up to `known`.
    ///
    /// # Errors
    /// [`Error::History`].
    pub fn balance_at(&self, account: AccountId, at: Timestamp, known: Position) -> Result<i64, Error> {
        let mut sum: i128 = 0;
        // The tails first: a tail that reaches the disk meanwhile would be missed the other way round.
        let from_disk_before = self.with_tails(account, |row| {
            if row.effective_at <= at && row.position <= known {
                sum += i128::from(row.delta);
            }
            true
        });
        sum += self.store.sum(account, at, known, from_disk_before)?;
        Ok(i64::try_from(sum).unwrap_or(if sum < 0 { i64::MIN } else { i64::MAX }))
    }

    /// Whether anything of an account is known up to these times.
    ///
    /// # Errors
    /// [`Error::History`].
    pub fn touched_before(&self, account: AccountId, at: Timestamp, known: Position) -> Result<bool, Error> {
        let mut touched = false;
        let from_disk_before = self.with_tails(account, |row| {
            touched |= row.effective_at <= at && row.position <= known;
            !touched
        });
        Ok(touched || self.store.touched(account, at, known, from_disk_before)?)
    }

    /// The newest positions below `before` at which an account changed, newest first, at most `limit`, each once.
    ///
    /// # Errors
    /// [`Error::History`].
    pub fn positions(&self, account: AccountId, before: Position, limit: usize) -> Result<Vec<Position>, Error> {
        let mut found: Vec<Position> = Vec::new();
        let from_disk_before = self.with_tails(account, |row| {
            if row.position < before && found.last() != Some(&row.position) {
                found.push(row.position);
            }
            found.len() < limit
        });
        if found.len() < limit {
            self.store.positions(account, before.min(from_disk_before), limit, &mut found)?;
        }
        Ok(found)
    }

    /// The newest positions below `before` of entries with this reference, newest first, at most `limit`.
    ///
    /// # Errors
    /// [`Error::History`].
    pub fn positions_of_reference(
        &self,
        reference: &str,
        before: Position,
        limit: usize,
    ) -> Result<Vec<Position>, Error> {
        let hash = tail::reference_hash(reference);
        let mut found: Vec<Position> = Vec::new();
        let from_disk_before = {
            let tails = self.tails.read().expect("no panic under the lock");
            for tail in std::iter::once(&tails.active).chain(tails.frozen.as_deref()) {
                let of_tail = tail.references.get(&hash).into_iter().flatten().rev();
                found.extend(of_tail.copied().filter(|position| *position < before).take(limit - found.len()));
            }
            first_in_memory(&tails)
        };
        if found.len() < limit {
            self.store.positions_of_reference(hash, before.min(from_disk_before), limit, &mut found)?;
        }
        Ok(found)
    }

    /// Shows `visit` an account's rows in memory, newest first, until it answers `false`; answers the first position
    /// that memory holds: what is on disk counts only before that.
    fn with_tails(&self, account: AccountId, mut visit: impl FnMut(&Row) -> bool) -> Position {
        let tails = self.tails.read().expect("no panic under the lock");
        let rows = tails.active.rows_of(account).chain(tails.frozen.iter().flat_map(|tail| tail.rows_of(account)));
        for row in rows {
            if !visit(row) {
                break;
            }
        }
        first_in_memory(&tails)
    }

    /// Bytes of memory that the rows not yet on disk take.
    pub fn memory_bytes(&self) -> usize {
        let tails = self.tails.read().expect("no panic under the lock");
        tails.active.memory_bytes() + tails.frozen.as_ref().map_or(0, |tail| tail.memory_bytes())
    }
}

fn first_in_memory(tails: &Tails) -> Position {
    tails.frozen.as_ref().map_or(tails.active.first, |tail| tail.first)
}

/// Adds the rows of one entry: its postings to accounts that people ask about, and touches without a posting.
fn add_rows(tail: &mut Tail, position: Position, decision: &Decision, catalog: &Catalog) {
    tail.last = position;
    for posting in &decision.postings {
        if is_kept(catalog, posting.account) {
            tail.push(position, posting.account, posting.effective_at, posting.delta.micros());
        }
    }
    for effect in &decision.effects {
        let at = decision.occurred_at;
        match effect {
            Effect::Counted(counted) | Effect::CountWithdrawn(counted) => tail.push(position, counted.account, at, 0),
            Effect::Reserved(reservation) => {
                for line in &reservation.lines {
                    tail.push(position, line.account, at, 0);
                }
            }
            Effect::Sighted(sighted) => {
                if let Some(place) = sighted.place {
                    tail.push(position, place, at, 0);
                }
            }
            _ => {}
        }
    }
    if let Some(reference) = &decision.reference {
        tail.references.entry(tail::reference_hash(reference)).or_default().push(position);
    }
}

fn is_kept(catalog: &Catalog, account: AccountId) -> bool {
    use ledger::AccountKind::{InTransit, OnOrder};
    let kind = catalog.account(account).kind;
    kind.is_on_hand() || matches!(kind, InTransit | OnOrder)
}
