//! What is due when: a heap, so that time costs by what is due and not by what exists.

use ledger::{Position, Timestamp};
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// What comes due. What it is for is looked at again when it does: a timer only says 'look'.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Timer {
    /// A stock subject, by index: something that depends on time may hold now.
    Stock(u32),
    /// A lot in a warehouse, by index.
    Lot(u32),
    /// An account, by index: a condition has held for long enough.
    Account(u32),
    /// A source, by index.
    Source(u32),
    /// A figure of a device, by index.
    Stream(u32),
    /// A shipment, by index.
    Shipment(u32),
    /// An open alert: its snooze ends, or it is escalated.
    Alert(Position),
    /// A share of all stock: users' own conditions over it that time changes.
    OwnStock(u32),
    /// A share of all devices: users' own conditions over them that time changes.
    OwnDevices(u32),
    /// Users' own conditions that have held for long enough.
    OwnWaiting,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Timers(BinaryHeap<Reverse<(Timestamp, Timer)>>);

impl Timers {
    pub(crate) fn set(&mut self, at: Timestamp, timer: Timer) {
        self.0.push(Reverse((at, timer)));
    }

    /// When the next one is due.
    pub(crate) fn next_at(&self) -> Option<Timestamp> {
        self.0.peek().map(|Reverse((at, _))| *at)
    }

    /// The next timer that is due at `now`, with the time for which it was set.
    pub(crate) fn pop(&mut self, now: Timestamp) -> Option<(Timestamp, Timer)> {
        if self.next_at().is_none_or(|at| at > now) {
            return None;
        }
        self.0.pop().map(|Reverse(due)| due)
    }
}
