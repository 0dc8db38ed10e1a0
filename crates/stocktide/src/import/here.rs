//! Rows into a data directory that nobody else works on.

use super::Sink;
use super::report::{Fault, Report, Status};
use crate::{clock, directory};
use anyhow::{Context, Result};
use engine::{Engine, Handle, Outcome, Receipt, Unavailable};
use ledger::{Command, Unusable};
use std::collections::VecDeque;
use std::path::Path;
use std::sync::mpsc::{Receiver, sync_channel};
use wire::csv_in::{BadRow, Chunk};
use wire::{Batch, KeyHasher};

/// Chunks that are being decided while the next is read.
const IN_FLIGHT_MAX: usize = 4;

/// An engine of our own.
pub(super) struct Here {
    engine: Engine,
    handle: Handle,
    in_flight: VecDeque<Flight>,
    /// (requests, bytes) that may wait.
    queue_max: (usize, usize),
    dry_run: bool,
    /// Where a rehearsal on a directory that does not exist takes place.
    _scratch: Option<tempfile::TempDir>,
}

/// A chunk on its way.
struct Flight {
    file: String,
    rows: Vec<u64>,
    skipped: u64,
    count: u64,
    bad_rows: Vec<BadRow>,
    judged: Option<Receiver<Result<Receipt, Unavailable>>>,
    kept: Option<Receiver<Result<Receipt, Unavailable>>>,
}

impl Here {
    /// Opens the directory, or with `dry_run` a scratch one in place of one that does not exist.
    ///
    /// # Errors
    /// As [`directory::open`].
    pub(super) fn open(directory: &Path, settings: engine::Settings, dry_run: bool) -> Result<Self> {
        let scratch = if dry_run && !directory.exists() {
            Some(tempfile::tempdir().context("making a directory for the rehearsal")?)
        } else {
            None
        };
        let directory = scratch.as_ref().map_or(directory, |scratch| scratch.path());
        let engine = directory::open(directory, settings, clock::engine_clock())?;
        let handle = engine.handle();
        let queue_max = (settings.queue_requests_max, settings.queue_bytes_max);
        Ok(Self { engine, handle, in_flight: VecDeque::new(), queue_max, dry_run, _scratch: scratch })
    }

    /// Closes the directory.
    ///
    /// # Errors
    /// As [`Engine::shutdown`].
    pub(super) fn close(self) -> Result<()> {
        self.engine.shutdown().context("closing the data directory")
    }

    fn submit(&mut self, batch: Batch, report: &mut Report) -> Result<Option<Receiver<Result<Receipt, Unavailable>>>> {
        if batch.is_empty() {
            return Ok(None);
        }
        // Nobody else hands in, so a queue with room for this batch still has it a moment later.
        while !self.in_flight.is_empty() {
            let (requests, bytes) = self.handle.queue_depth();
            let fits = requests + batch.len() <= self.queue_max.0 && bytes + batch.memory_bytes() <= self.queue_max.1;
            if fits {
                break;
            }
            self.settle_one(report)?;
        }
        let (sender, receiver) = sync_channel(1);
        let done = move |receipt| drop(sender.send(receipt));
        let handed_in = if self.dry_run { self.handle.rehearse(batch, done) } else { self.handle.submit(batch, done) };
        handed_in.context("handing in rows")?;
        Ok(Some(receiver))
    }

    /// Reports on the oldest chunk.
    fn settle_one(&mut self, report: &mut Report) -> Result<()> {
        let Some(flight) = self.in_flight.pop_front() else { return Ok(()) };
        let Flight { file, rows, skipped, count, bad_rows, judged, kept } = flight;
        let judged = judged.map(wait).transpose()?.unwrap_or_default();
        let kept = kept.map(wait).transpose()?;
        report.rows_read(count, skipped, judged.accepted());
        let mut faults = Vec::new();
        for (index, outcome) in judged.exceptions() {
            let row = rows[*index as usize];
            let (status, rejection) = match outcome {
                Outcome::Accepted { .. } => continue,
                Outcome::Duplicate { .. } => (Status::Duplicate, None),
                Outcome::Held { rejection, .. } => (Status::Held, Some(rejection)),
                Outcome::Rejected { rejection } => (Status::Rejected, Some(rejection)),
            };
            report.judged(status);
            if let Some(rejection) = rejection {
                faults.push(Fault::new(row, status, &rejection.into()));
            }
        }
        for (index, bad) in bad_rows.iter().enumerate() {
            let status = match kept.as_ref().map(|kept| kept.outcome(index)) {
                Some(Outcome::Rejected { .. }) => Status::Rejected,
                Some(Outcome::Duplicate { .. }) => Status::Duplicate,
                _ => Status::Held,
            };
            report.judged(status);
            faults.extend(bad.problems.iter().map(|problem| Fault::new(bad.row, status, problem)));
        }
        report.faults(&file, faults)
    }

    /// The commands that keep bad rows. The same row of the same file again is the same command.
    fn holds(&self, file: &str, bad_rows: &[BadRow]) -> Batch {
        let (mut batch, hasher, now) = (Batch::new(), self.handle.hasher(), self.handle.now());
        for bad in bad_rows {
            let place = format!("{file}:{}", bad.row);
            let first = bad.problems.first();
            let details: Vec<&str> = bad.problems.iter().map(|problem| &*problem.detail).collect();
            let unusable = Unusable {
                raw: (&*bad.raw).into(),
                code: first.map_or("", |problem| problem.code).into(),
                field: first.map_or("", |problem| &problem.field).into(),
                detail: details.join("; ").into(),
                place: (&*place).into(),
            };
            let command = Command::Hold(Box::new(unusable));
            // The text is part of the id, so that a row that was mended and is still bad is kept anew.
            let id = format!("{place}-{:032x}", hasher.named(&place, &bad.raw));
            let key = hasher.command(file, &id, now, &command);
            batch.push_command("import", file, &id, key, now, command);
        }
        batch
    }
}

fn wait(receiver: Receiver<Result<Receipt, Unavailable>>) -> Result<Receipt> {
    let answer = receiver.recv().context("waiting for the ledger")?;
    answer.context("the ledger took no more; what went in stays, and importing again continues")
}

impl Sink for Here {
    fn hasher(&self) -> KeyHasher {
        self.handle.hasher()
    }

    fn take(&mut self, file: &str, chunk: Chunk, report: &mut Report) -> Result<()> {
        let Chunk { batch, rows, bad_rows, skipped, count } = chunk;
        let judged = self.submit(batch, report)?;
        let holds = if self.dry_run { Batch::new() } else { self.holds(file, &bad_rows) };
        let kept = self.submit(holds, report)?;
        self.in_flight.push_back(Flight { file: file.to_owned(), rows, skipped, count, bad_rows, judged, kept });
        while self.in_flight.len() > IN_FLIGHT_MAX {
            self.settle_one(report)?;
        }
        Ok(())
    }

    fn settle(&mut self, report: &mut Report) -> Result<()> {
        while !self.in_flight.is_empty() {
            self.settle_one(report)?;
        }
        Ok(())
    }
}
