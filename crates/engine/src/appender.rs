//! The second stage: makes blocks durable, one at a time, in order.

use crate::partition::Block;
use crate::shared::{Health, Shared, to_journal};
use crate::snapshotter::Chores;
use crate::{Error, Unavailable};
use journal::{Disk, NewBlock, Writer};
use ledger::Position;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, SyncSender};

/// Blocks after which the next segment is asked for; far fewer than fit into one.
const PREPARE_EVERY: u64 = 32;

pub(crate) struct Appender<D: Disk> {
    shared: Arc<Shared>,
    writer: Writer<D>,
}

impl<D: Disk> Appender<D> {
    pub(crate) fn new(shared: Arc<Shared>, writer: Writer<D>) -> Self {
        Self { shared, writer }
    }

    /// Appends blocks until no more come.
    pub(crate) fn run(&mut self, blocks: &Receiver<Block>, durable: &SyncSender<Block>, chores: &Chores) {
        let mut since_prepared = 0;
        loop {
            self.shared.queue.has_room();
            let Ok(block) = blocks.recv() else { return };
            let Some(block) = self.append(block) else { continue };
            since_prepared += 1;
            if since_prepared == PREPARE_EVERY {
                chores.prepare();
                since_prepared = 0;
            }
            if let Err(unsent) = durable.send(block) {
                // Whoever shows and answers is gone: more must not become durable behind everybody's back.
                unsent.0.refuse(Unavailable::Stopping);
                return;
            }
        }
    }

    /// Makes a block durable and gives it back, or refuses all that wait for it.
    pub(crate) fn append(&mut self, block: Block) -> Option<Block> {
        if block.generation != self.shared.generation.load(Ordering::Acquire) {
            let why = self.shared.health().refusal().unwrap_or(Unavailable::DiskFull);
            block.refuse(why);
            return None;
        }
        if block.decisions.is_empty() {
            return Some(block);
        }
        let started_at = self.shared.clock.stopwatch_micros();
        let count = u32::try_from(block.decisions.len()).expect("a block closes far below 2^32 entries");
        let new = NewBlock { count, stamp: block.stamp.0, schema: wire::record::SCHEMA_VERSION, payload: &block.bytes };
        let expected = to_journal(Position(block.first.0 - 1));
        match self.writer.append(expected, new) {
            Ok(_) => {
                let micros = self.shared.clock.stopwatch_micros().saturating_sub(started_at);
                self.shared.stats.sync_micros.record(micros);
                self.shared.stats.blocks.fetch_add(1, Ordering::Relaxed);
                self.shared.stats.bytes.fetch_add(block.bytes.len() as u64, Ordering::Relaxed);
                Some(block)
            }
            Err(error) => {
                self.fail(block, error);
                None
            }
        }
    }

    fn fail(&self, block: Block, source: journal::Error) {
        let full = source.is_no_space() && !self.writer.is_poisoned();
        let health = if full { Health::DiskFull } else { Health::DiskFailed };
        self.shared.report("appending", &Error::Journal { directory: self.shared.directory.clone(), source });
        self.shared.set_health(health);
        self.shared.generation.fetch_add(1, Ordering::AcqRel);
        block.refuse(health.refusal().unwrap_or(Unavailable::DiskFailed));
    }
}
