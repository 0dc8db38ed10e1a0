//! The newest rows of the history, in memory: one vector, with a chain through each account's rows.

use ledger::{AccountId, Position, Timestamp};
use std::collections::HashMap;

/// No earlier row of the account in this tail.
const NONE: u32 = u32::MAX;

/// A change of an account.
#[derive(Clone, Copy, Debug)]
pub(super) struct Row {
    pub(super) position: Position,
    pub(super) effective_at: Timestamp,
    /// Micro-units; zero for a touch without a posting.
    pub(super) delta: i64,
    previous: u32,
}

/// The rows of consecutive entries.
pub(super) struct Tail {
    /// The first position whose rows stand here.
    pub(super) first: Position,
    /// The last one taken in; below `first` while there is none.
    pub(super) last: Position,
    rows: Vec<Row>,
    /// By account, its newest row.
    heads: Vec<u32>,
    /// Positions by the hash of their reference, ascending.
    pub(super) references: HashMap<i64, Vec<Position>>,
}

impl Tail {
    /// An empty tail for the entries after `position`.
    pub(super) fn after(position: Position) -> Self {
        Self { first: position.next(), last: position, rows: Vec::new(), heads: Vec::new(), references: HashMap::new() }
    }

    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }

    pub(super) fn push(&mut self, position: Position, account: AccountId, effective_at: Timestamp, delta: i64) {
        if self.heads.len() <= account.index() {
            self.heads.resize((account.index() + 1).next_power_of_two(), NONE);
        }
        let row = u32::try_from(self.rows.len()).expect("a tail is written long before it has 2^32 rows");
        let previous = std::mem::replace(&mut self.heads[account.index()], row);
        self.rows.push(Row { position, effective_at, delta, previous });
    }

    /// An account's rows, newest first.
    pub(super) fn rows_of(&self, account: AccountId) -> impl Iterator<Item = &Row> {
        let mut next = self.heads.get(account.index()).copied().unwrap_or(NONE);
        std::iter::from_fn(move || {
            let row = self.rows.get(next as usize)?;
            next = row.previous;
            Some(row)
        })
    }

    /// The accounts that have rows, ascending.
    pub(super) fn accounts(&self) -> impl Iterator<Item = AccountId> {
        self.heads.iter().enumerate().filter(|(_, head)| **head != NONE).map(|(index, _)| AccountId::at(index))
    }

    pub(super) fn memory_bytes(&self) -> usize {
        self.rows.capacity() * size_of::<Row>() + self.heads.capacity() * 4 + self.references.len() * 64
    }
}

/// The hash under which a reference is found; equal hashes are told apart when the entries are read.
pub(super) fn reference_hash(reference: &str) -> i64 {
    // FNV-1a: the index is rebuilt at will, so the hash needs no key, only to stay as it is.
    let hash = reference
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    hash.cast_signed()
}
