//! The remembered ids: which inputs were seen before, and what became of them.
//!
//! Two generations, each as long as the idempotency window: an id is remembered for at least one window. Tables are
//! split by the id's top bits, so that one table growing moves a small part of them at a time.

use crate::{Key, Position, Timestamp};

/// As many as a byte has values: an id's first byte says which.
const SHARDS: usize = 256;
/// Marks in `Seen::position` that the input was held.
const HELD: u64 = 1 << 63;

#[derive(Clone, Copy, Debug, Default)]
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

/// A table of ids that only grows: open addressing with linear probing, so that looking for an id and then taking it in
/// touches one place in memory. That place is the whole cost of remembering ids.
#[derive(Clone, Debug, Default)]
pub(crate) struct Shard {
    /// A power of two of them, at most three quarters taken; a zero id is a free one.
    slots: Vec<Seen>,
    count: usize,
}

impl Shard {
    /// Where `id` is, or would be; `None` while there are no slots.
    fn slot(&self, id: u128) -> Option<usize> {
        let mask = self.slots.len().checked_sub(1)?;
        let mut at = home(id) & mask;
        while self.slots[at].id != id && self.slots[at].id != 0 {
            at = (at + 1) & mask;
        }
        Some(at)
    }

    fn get(&self, id: u128) -> Option<&Seen> {
        self.slot(id).map(|at| &self.slots[at]).filter(|seen| seen.id == id && id != 0)
    }

    /// Takes in an id, or replaces what is known of it; `true` when it is new.
    fn insert(&mut self, seen: Seen) -> bool {
        if self.slots.len() * 3 <= self.count * 4 {
            self.grow();
        }
        let at = self.slot(seen.id).expect("a table that has grown has slots");
        let is_new = self.slots[at].id == 0;
        self.slots[at] = seen;
        self.count += usize::from(is_new);
        is_new
    }

    fn grow(&mut self) {
        let length = (self.slots.len() * 2).max(16);
        let old = std::mem::replace(&mut self.slots, vec![Seen::default(); length]);
        for seen in old.into_iter().filter(|seen| seen.id != 0) {
            let at = self.slot(seen.id).expect("a table that has grown has slots");
            self.slots[at] = seen;
        }
    }

    /// Every id, in no order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Seen> {
        self.slots.iter().filter(|seen| seen.id != 0)
    }
}

/// The id is itself a keyed hash; its low bits serve the tables as they are.
fn home(id: u128) -> usize {
    id as usize
}

#[derive(Clone, Debug)]
pub(crate) struct Generation {
    /// When its first id was recorded; nothing is known of ids before that.
    pub(crate) since: Timestamp,
    count: usize,
    shards: Vec<Shard>,
}

impl Generation {
    pub(crate) fn new(since: Timestamp) -> Self {
        Self { since, count: 0, shards: vec![Shard::default(); SHARDS] }
    }

    fn shard(id: u128) -> usize {
        usize::from(id.to_be_bytes()[0])
    }

    fn get(&self, id: u128) -> Option<&Seen> {
        self.shards[Self::shard(id)].get(id)
    }

    fn insert(&mut self, seen: Seen) {
        let is_new = self.shards[Self::shard(seen.id)].insert(seen);
        self.count += usize::from(is_new);
    }

    pub(crate) fn len(&self) -> usize {
        self.count
    }

    pub(crate) fn shards(&self) -> &[Shard] {
        &self.shards
    }

    /// Fills an empty shard; `false` when an id belongs to another shard, is none, or is there twice.
    pub(crate) fn fill(&mut self, index: usize, ids: Vec<Seen>) -> bool {
        let shard = &mut self.shards[index];
        self.count += ids.len();
        let slots = if ids.is_empty() { 0 } else { (ids.len() * 4 / 3 + 1).next_power_of_two().max(16) };
        shard.slots.resize(slots, Seen::default());
        ids.into_iter().all(|seen| seen.id != 0 && Self::shard(seen.id) == index && shard.insert(seen))
    }
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
        self.newer.get(id).or_else(|| if self.older.count == 0 { None } else { self.older.get(id) })
    }

    pub(crate) fn insert(&mut self, key: Key, position: Position, held: bool) {
        let position = position.0 | if held { HELD } else { 0 };
        self.newer.insert(Seen { id: key.id, content: key.content, position });
    }

    /// Touches what looking for and taking in `id` will; the answer means nothing.
    pub(crate) fn warm(&self, id: u128) -> u64 {
        let shard = &self.newer.shards[Generation::shard(id)];
        shard.slots.get(home(id) & shard.slots.len().wrapping_sub(1)).map_or(0, |seen| seen.position)
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
        let of = |generation: &Generation| {
            generation.shards.iter().map(|shard| shard.slots.capacity() * size_of::<Seen>()).sum::<usize>()
        };
        of(&self.older) + of(&self.newer)
    }
}
