//! What is to happen, by time; in the order of putting when the times are equal.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

#[derive(Clone, Debug)]
struct Entry<T> {
    at: i64,
    turn: u64,
    item: T,
}

impl<T> PartialEq for Entry<T> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl<T> Eq for Entry<T> {}

impl<T> PartialOrd for Entry<T> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<T> Ord for Entry<T> {
    /// The earliest is the greatest: the heap has its greatest on top.
    fn cmp(&self, other: &Self) -> Ordering {
        (other.at, other.turn).cmp(&(self.at, self.turn))
    }
}

/// Things waiting for their time.
#[derive(Clone, Debug)]
pub(super) struct Queue<T> {
    heap: BinaryHeap<Entry<T>>,
    turns: u64,
}

impl<T> Queue<T> {
    pub(super) fn new() -> Self {
        Self { heap: BinaryHeap::new(), turns: 0 }
    }

    pub(super) fn put(&mut self, at: i64, item: T) {
        self.turns += 1;
        self.heap.push(Entry { at, turn: self.turns, item });
    }

    /// When the next is due; the end of time when nothing waits.
    pub(super) fn next_at(&self) -> i64 {
        self.heap.peek().map_or(i64::MAX, |entry| entry.at)
    }

    pub(super) fn take(&mut self) -> Option<(i64, T)> {
        self.heap.pop().map(|entry| (entry.at, entry.item))
    }

    pub(super) fn len(&self) -> usize {
        self.heap.len()
    }
}
