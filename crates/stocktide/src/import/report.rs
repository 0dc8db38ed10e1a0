//! What became of the rows, told once at the end, or to machines as it happens.

use super::per_second;
use crate::output;
use anyhow::Result;
use serde_json::json;
use std::collections::BTreeMap;
use wire::Problem;

/// Problems shown in full; more are counted.
const SHOWN_MAX: usize = 50;

/// What became of a row that was not plainly accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Status {
    Duplicate,
    Held,
    Rejected,
}

impl Status {
    const fn name(self) -> &'static str {
        match self {
            Self::Duplicate => "duplicate",
            Self::Held => "held",
            Self::Rejected => "rejected",
        }
    }
}

/// One thing wrong with one row.
pub(super) struct Fault {
    pub(super) row: u64,
    pub(super) status: Status,
    pub(super) code: String,
    pub(super) field: String,
    pub(super) detail: String,
}

impl Fault {
    pub(super) fn new(row: u64, status: Status, problem: &Problem) -> Self {
        Self {
            row,
            status,
            code: problem.code.to_owned(),
            field: problem.field.to_string(),
            detail: problem.detail.clone(),
        }
    }
}

/// The figures and problems of an import.
pub(super) struct Report {
    json: bool,
    dry_run: bool,
    rows: u64,
    skipped: u64,
    accepted: u64,
    duplicate: u64,
    held: u64,
    rejected: u64,
    by_code: BTreeMap<String, u64>,
    shown: Vec<(String, Fault)>,
    faults: u64,
}

impl Report {
    pub(super) fn new(json: bool, dry_run: bool) -> Self {
        Self {
            json,
            dry_run,
            rows: 0,
            skipped: 0,
            accepted: 0,
            duplicate: 0,
            held: 0,
            rejected: 0,
            by_code: BTreeMap::new(),
            shown: Vec::new(),
            faults: 0,
        }
    }

    /// Rows so far.
    pub(super) fn rows(&self) -> u64 {
        self.rows
    }

    /// Counts rows that were read, those of them that a rule skipped, and those that were plainly accepted.
    pub(super) fn rows_read(&mut self, rows: u64, skipped: u64, accepted: usize) {
        self.rows += rows;
        self.skipped += skipped;
        self.accepted += u64::try_from(accepted).unwrap_or(u64::MAX);
    }

    /// Counts a row that was not plainly accepted.
    pub(super) fn judged(&mut self, status: Status) {
        match status {
            Status::Duplicate => self.duplicate += 1,
            Status::Held => self.held += 1,
            Status::Rejected => self.rejected += 1,
        }
    }

    /// Takes in what is wrong with the rows of one chunk.
    ///
    /// # Errors
    /// Standard output can't be written.
    pub(super) fn faults(&mut self, file: &str, mut faults: Vec<Fault>) -> Result<()> {
        faults.sort_by_key(|fault| fault.row);
        for fault in faults {
            self.faults += 1;
            *self.by_code.entry(fault.code.clone()).or_default() += 1;
            if self.json {
                let Fault { row, status, code, field, detail } = fault;
                let line = json!({
                    "file": file, "row": row, "status": status.name(), "code": code, "field": field, "detail": detail,
                });
                output::line(&line.to_string())?;
            } else if self.shown.len() < SHOWN_MAX {
                self.shown.push((file.to_owned(), fault));
            }
        }
        Ok(())
    }

    /// Prints everything.
    ///
    /// # Errors
    /// Standard output can't be written.
    pub(super) fn finish(&self, seconds: f64) -> Result<()> {
        let rate = per_second(self.rows, seconds);
        if self.json {
            let summary = json!({
                "dry_run": self.dry_run, "rows": self.rows, "accepted": self.accepted, "duplicate": self.duplicate,
                "held": self.held, "rejected": self.rejected, "skipped": self.skipped, "seconds": seconds,
                "rows_per_second": rate, "problems": self.by_code,
            });
            output::line(&json!({ "summary": summary }).to_string())?;
            return Ok(());
        }
        if !self.shown.is_empty() {
            output::line(&self.problems())?;
        }
        let mut table =
            output::table(["rows", "accepted", "duplicate", "held", "rejected", "skipped", "seconds", "rows/s"]);
        let counts = [self.rows, self.accepted, self.duplicate, self.held, self.rejected, self.skipped];
        let mut row = counts.map(output::count).to_vec();
        row.extend([format!("{seconds:.1}"), output::count(rate)]);
        table.add_row(row);
        output::right(&mut table, &[0, 1, 2, 3, 4, 5, 6, 7]);
        output::line(&table.trim_fmt())?;
        if self.dry_run {
            output::line("a dry run: nothing was changed; rows were judged each by itself")?;
        }
        Ok(())
    }

    fn problems(&self) -> String {
        let mut table = output::table(["file", "row", "became", "code", "field", "detail"]);
        for (file, fault) in &self.shown {
            let Fault { row, status, code, field, detail } = fault;
            table.add_row([file, &row.to_string(), status.name(), code, field, detail]);
        }
        output::right(&mut table, &[1]);
        let mut text = table.trim_fmt();
        let more = self.faults - u64::try_from(self.shown.len()).unwrap_or_default();
        if more > 0 {
            text.push_str(&format!("\n … and {} more; --json lists all", output::count(more)));
        }
        let mut table = output::table(["code", "rows"]);
        for (code, count) in &self.by_code {
            table.add_row([code, &output::count(*count)]);
        }
        output::right(&mut table, &[1]);
        format!("{text}\n\n{}\n", table.trim_fmt())
    }
}
