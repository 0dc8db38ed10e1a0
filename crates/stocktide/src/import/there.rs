//! Rows to a running server.
//!
//! A server answers what it cannot read and keeps none of it, so bad rows are not sent: they are listed as rejected.

use super::Sink;
use super::report::{Fault, Report, Status};
use crate::client::Client;
use anyhow::{Context, Result};
use bytes::Bytes;
use serde::Deserialize;
use std::cell::RefCell;
use wire::KeyHasher;
use wire::csv_in::Chunk;

/// Bytes of one request; the server's default takes more.
const BODY_BYTES: usize = 4 << 20;

pub(super) struct There<'c> {
    client: &'c RefCell<Client>,
    path: String,
}

/// What the server says of a body.
#[derive(Deserialize)]
struct Reply {
    accepted: usize,
    results: Vec<ResultReply>,
}

#[derive(Deserialize)]
struct ResultReply {
    index: usize,
    status: String,
    problem: Option<ProblemReply>,
}

#[derive(Deserialize)]
struct ProblemReply {
    code: String,
    detail: String,
    #[serde(default)]
    field: String,
}

impl<'c> There<'c> {
    pub(super) fn new(client: &'c RefCell<Client>, historical: bool, dry_run: bool) -> Self {
        Self { client, path: format!("/v1/events?historical={historical}&dry_run={dry_run}") }
    }

    fn send(&self, file: &str, body: String, rows: &[u64], report: &mut Report) -> Result<()> {
        if rows.is_empty() {
            return Ok(());
        }
        let answer = self.client.borrow_mut().post(&self.path, "application/x-ndjson", Bytes::from(body))?;
        answer.json()?;
        let reply: Reply = serde_json::from_slice(&answer.body).context("reading the server's answer")?;
        report.rows_read(u64::try_from(rows.len()).unwrap_or(u64::MAX), 0, reply.accepted);
        let mut faults = Vec::new();
        for result in &reply.results {
            let status = match result.status.as_str() {
                "accepted" => continue,
                "duplicate" => Status::Duplicate,
                "held" => Status::Held,
                _ => Status::Rejected,
            };
            report.judged(status);
            if let (Some(problem), Some(row)) = (&result.problem, rows.get(result.index)) {
                faults.push(Fault {
                    row: *row,
                    status,
                    code: problem.code.clone(),
                    field: problem.field.clone(),
                    detail: problem.detail.clone(),
                });
            }
        }
        report.faults(file, faults)
    }
}

impl Sink for There<'_> {
    fn hasher(&self) -> KeyHasher {
        // The server makes the keys that count.
        KeyHasher::new([0; 16])
    }

    fn take(&mut self, file: &str, chunk: Chunk, report: &mut Report) -> Result<()> {
        let Chunk { batch, rows, bad_rows, skipped, .. } = chunk;
        report.rows_read(u64::try_from(bad_rows.len()).unwrap_or(u64::MAX) + skipped, skipped, 0);
        let mut faults = Vec::new();
        for bad in &bad_rows {
            report.judged(Status::Rejected);
            faults.extend(bad.problems.iter().map(|problem| Fault::new(bad.row, Status::Rejected, problem)));
        }
        let (mut body, mut first) = (String::new(), 0);
        for (index, request) in batch.iter().enumerate() {
            body.push_str(&wire::event::render_event(&request));
            body.push('\n');
            if body.len() >= BODY_BYTES {
                self.send(file, std::mem::take(&mut body), &rows[first..=index], report)?;
                first = index + 1;
            }
        }
        self.send(file, body, &rows[first..], report)?;
        report.faults(file, faults)
    }

    fn settle(&mut self, _: &mut Report) -> Result<()> {
        Ok(())
    }
}
