//! The remembered ids: which inputs were seen before, and what became of them.
//!
//! Two generations, each as long as the idempotency window: an id is remembered for at least one window. Tables are
//! split by the id's top bits, so that one table growing moves a small part of them at a time.

use crate::{Key, Position, Timestamp};
use hashbrown::HashTable;

const SHARDS: usize = 64;
/// Marks in `Seen::position` that the input was held.
const HELD: u64 = 1 << 63;

#[derive(Clone, Copy, Debug)]
pub(crate) struct Seen {
    pub(crate) id: u128,
    pub(crate) content: u64,
    position: u64,
}

impl Seen {
    pub(crate) fn position(&self) -> Position {
        Position(self.position & !HELD)
    }

    pub(crate) fn held(&self) -> bool {
        self.position & HELD != 0
    }

    /// The position with the mark of held inputs, as images keep it.
    pub(crate) fn marked_position(&self) -> u64 {
        self.position
    }

    pub(crate) fn marked(id: u128, content: u64, position: u64) -> Self {
        Self { id, content, position }
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Generation {
    /// When its first id was recorded; nothing is known of ids before that.
    pub(crate) since: Timestamp,
    count: usize,
    shards: Vec<HashTable<Seen>>,
}

impl Generation {
    pub(crate) fn new(since: Timestamp) -> Self {
        Self { since, count: 0, shards: (0..SHARDS).map(|_| HashTable::new()).collect() }
    }

    fn shard(id: u128) -> usize {
        ((id >> 122) as usize) & (SHARDS - 1)
    }

    fn get(&self, id: u128) -> Option<&Seen> {
        self.shards[Self::shard(id)].find(hash(id), |seen| seen.id == id)
    }

    pub(crate) fn len(&self) -> usize {
        self.count
    }

    pub(crate) fn shards(&self) -> &[HashTable<Seen>] {
        &self.shards
    }

    /// Fills an empty shard; `false` when an id belongs to another shard or is there twice.
    pub(crate) fn fill(&mut self, index: usize, ids: Vec<Seen>) -> bool {
        let mut shard = HashTable::with_capacity(ids.len());
        self.count += ids.len();
        for seen in ids {
            if Self::shard(seen.id) != index || shard.find(hash(seen.id), |other: &Seen| other.id == seen.id).is_some()
            {
                return false;
            }
            shard.insert_unique(hash(seen.id), seen, |seen| hash(seen.id));
        }
        self.shards[index] = shard;
        true
    }
}

/// The id is itself a keyed hash; its low half serves the tables as it is.
#[expect(clippy::cast_possible_truncation, reason = "half of a hash is a hash")]
fn hash(id: u128) -> u64 {
    id as u64
}

/// The remembered ids. See the module.
#[derive(Clone, Debug)]
pub(crate) struct Recent {
    /// Ids recorded before this may have been forgotten; `MIN` while none was.
    pub(crate) floor: Timestamp,
    pub(crate) older: Generation,
    pub(crate) newer: Generation,
}

impl Recent {
    /// Remembers nothing and has forgotten nothing.
    pub(crate) fn new() -> Self {
        Self { floor: Timestamp::MIN, older: Generation::new(Timestamp::MIN), newer: Generation::new(Timestamp::MIN) }
    }

    pub(crate) fn get(&self, id: u128) -> Option<&Seen> {
        self.newer.get(id).or_else(|| self.older.get(id))
    }

    pub(crate) fn insert(&mut self, key: Key, position: Position, held: bool) {
        let seen = Seen { id: key.id, content: key.content, position: position.0 | if held { HELD } else { 0 } };
        let shard = &mut self.newer.shards[Generation::shard(key.id)];
        match shard.find_mut(hash(key.id), |other| other.id == key.id) {
            Some(other) => *other = seen,
            None => {
                shard.insert_unique(hash(key.id), seen, |seen| hash(seen.id));
                self.newer.count += 1;
            }
        }
    }

    /// Whether the newer generation has lasted its time or is full.
    pub(crate) fn rotation_due(&self, recorded_at: Timestamp, window_micros: i64, ids_max: usize) -> bool {
        let aged = match self.newer.since {
            Timestamp::MIN => false,
            since => recorded_at >= since.plus(window_micros),
        };
        aged || self.newer.len() >= ids_max
    }

    /// When the first id was recorded, the newer generation starts.
    pub(crate) fn started(&mut self, recorded_at: Timestamp) {
        if self.newer.since == Timestamp::MIN {
            self.newer.since = recorded_at;
        }
    }

    pub(crate) fn rotate(&mut self, recorded_at: Timestamp) {
        if self.older.len() > 0 {
            self.floor = self.newer.since;
        }
        self.older = std::mem::replace(&mut self.newer, Generation::new(recorded_at));
    }

    pub(crate) fn memory_bytes(&self) -> usize {
        let of = |generation: &Generation| generation.shards.iter().map(HashTable::allocation_size).sum::<usize>();
        of(&self.older) + of(&self.newer)
    }
}
