//! The third stage: shows what is durable, then answers, then wakes whoever follows.

use crate::partition::{Block, Reply};
use crate::shared::Shared;
use crate::snapshotter::Chores;
use crate::{Outcome, Receipt};
use ledger::{Decision, Position};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::Receiver;

/// Decisions applied under one hold of the views, so that no reader waits long.
const SLICE: usize = 256;

pub(crate) struct Publisher {
    shared: Arc<Shared>,
    snapshot_at: u64,
}

impl Publisher {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        let snapshot_at = shared.committed().0 + shared.settings.snapshot_every;
        Self { shared, snapshot_at }
    }

    /// Publishes blocks until no more come.
    pub(crate) fn run(&mut self, durable: &Receiver<Block>, chores: &Chores) {
        for block in durable {
            self.publish(block);
            let committed = self.shared.committed().0;
            if committed >= self.snapshot_at {
                self.snapshot_at = committed + self.shared.settings.snapshot_every;
                chores.snapshot();
            }
        }
    }

    pub(crate) fn publish(&self, block: Block) {
        let Block { first, decisions, replies, .. } = block;
        if !decisions.is_empty() {
            self.show(first, &decisions);
        }
        let now = self.shared.clock.stopwatch_micros();
        for Reply { receipt, done, submitted_at, dry_run } in replies {
            if !dry_run {
                self.count(&receipt, now.saturating_sub(submitted_at));
            }
            done(Ok(receipt));
        }
        if !decisions.is_empty() {
            self.shared.notify(self.shared.committed());
        }
    }

    fn count(&self, receipt: &Receipt, micros: u64) {
        let stats = &self.shared.stats;
        stats.acknowledge_micros.record_many(micros, receipt.len() as u64);
        stats.acknowledge_micros_recent.record_many(micros, receipt.len() as u64);
        stats.accepted.fetch_add(receipt.accepted() as u64, Ordering::Relaxed);
        for (_, outcome) in receipt.exceptions() {
            let counter = match outcome {
                Outcome::Accepted { .. } => &stats.accepted,
                Outcome::Duplicate { .. } => &stats.duplicates,
                Outcome::Held { .. } => &stats.held,
                Outcome::Rejected { .. } => &stats.rejected,
            };
            counter.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn show(&self, first: Position, decisions: &[Decision]) {
        let mut position = first;
        for slice in decisions.chunks(SLICE) {
            let mut views = self.shared.views.write().expect("folding a decision into the views cannot fail");
            views.apply_all(position, slice);
            position = Position(position.0 + slice.len() as u64);
        }
        {
            let views = self.shared.views();
            self.shared.history.add_block(first, decisions, views.catalog());
            self.shared.feed.add(first, decisions, &views);
            self.shared.noted.add(first, decisions);
        }
        self.shared.committed.store(position.0 - 1, Ordering::Release);
    }
}
