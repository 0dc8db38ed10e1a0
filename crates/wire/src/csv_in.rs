//! Files of many events: CSV under a [`Mapping`], and NDJSON, read in batches with bounded memory.
//!
//! Nothing in a file stops the reading: a row that can't be used becomes a [`BadRow`] with its line, its text and all
//! that is wrong with it. Only a failed read of the stream itself ends it.
//!
//! Invariant: each row that is not blank is counted in exactly one of `batch`, `bad_rows` and `skipped`.

mod cells;
mod mapping;
mod plan;
mod rows;

pub use mapping::{Column, Condition, Mapping, MappingError, Rule, Sign, Then};

use crate::event::meaning::Maker;
use crate::event::{Defaults, Limits, Parser, fields::Fields};
use crate::{Batch, KeyHasher, Problem};
use cells::{Cells, Cutter};
use plan::{Outcome, Plan};
use rows::{Row, Rows};
use std::io::{self, Read};

/// What some consecutive rows of a file held.
#[derive(Debug, Default)]
pub struct Chunk {
    /// The requests that can be taken, in the order of the file.
    pub batch: Batch,
    /// For each of them, the line on which its row begins, from 1.
    pub rows: Vec<u64>,
    /// The rows that can't be used, in the order of the file.
    pub bad_rows: Vec<BadRow>,
    /// How many rows a rule of the mapping skipped.
    pub skipped: u64,
    /// How many rows were read; blank lines and the header are none.
    pub count: u64,
}

/// A row that can't be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadRow {
    /// The line on which it begins, from 1.
    pub row: u64,
    /// Its text, without the line end, cut at 16 KiB; bytes that are no UTF-8 become U+FFFD.
    pub raw: String,
    /// All that is wrong with it; at least one, each with `line` = `row`.
    pub problems: Vec<Problem>,
}

/// The most of a bad row's text that is kept, in bytes.
const RAW_BYTES_MAX: usize = 16 * 1024;

impl BadRow {
    fn new(row: u64, raw: &[u8], mut problems: Vec<Problem>) -> Self {
        for problem in &mut problems {
            problem.line = Some(row);
        }
        let raw = String::from_utf8_lossy(&raw[..raw.len().min(RAW_BYTES_MAX)]).into_owned();
        Self { row, raw, problems }
    }
}

/// Reads a CSV file as events.
///
/// ```
/// use wire::csv_in::{CsvEvents, Mapping};
/// use wire::event::{Defaults, Limits};
/// let file = "event,product_id,location,quantity,timestamp\nitem_added,SKU123,warehouse_A,5,2026-02-16T10:00:00Z\n";
/// let defaults = Defaults { actor: "ann", source: "stock.csv", historical: true, resolves: None };
/// let hasher = wire::KeyHasher::new([0; 16]);
/// let mut events = CsvEvents::new(file.as_bytes(), &Mapping::default(), "stock.csv", defaults, hasher, Limits::default())?;
/// let chunk = events.next_batch(1000).expect("memory can be read").expect("there is a row");
/// assert_eq!((chunk.batch.len(), chunk.rows), (1, vec![2]));
/// # Ok::<(), wire::csv_in::MappingError>(())
/// ```
#[derive(Debug)]
pub struct CsvEvents<'d, R> {
    rows: Rows<R>,
    plan: Plan,
    defaults: Defaults<'d>,
    hasher: KeyHasher,
    limits: Limits,
}

impl<'d, R: Read> CsvEvents<'d, R> {
    /// Reads the header and lays out how its columns become fields. `file` is the file's name, for `{file}` in ids.
    ///
    /// # Errors
    /// What is wrong with the mapping, by itself or with this header; a failed read.
    pub fn new(
        reader: R,
        mapping: &Mapping,
        file: &str,
        defaults: Defaults<'d>,
        hasher: KeyHasher,
        limits: Limits,
    ) -> Result<Self, MappingError> {
        let delimiter = mapping.delimiter_byte()?;
        let mut rows = Rows::csv(reader, delimiter, limits.event_bytes_max);
        let mut cutter = Cutter::new(delimiter);
        let mut header = None;
        if mapping.has_header
            && let Some(row) = rows.next_row().map_err(MappingError::Read)?
        {
            let mut cells = Cells::new();
            cutter.cut(&row, &mut cells).map_err(|_| MappingError::Header)?;
            header = Some(cells);
        }
        let plan = Plan::new(mapping, cutter, header.as_ref(), file)?;
        Ok(Self { rows, plan, defaults, hasher, limits })
    }

    /// The next rows, at most `rows_max` of them; `None` at the end of the file.
    ///
    /// # Errors
    /// A failed read. What was read before it is lost with the call.
    pub fn next_batch(&mut self, rows_max: usize) -> io::Result<Option<Chunk>> {
        let mut chunk = Chunk::default();
        let maker = Maker { defaults: &self.defaults, hasher: &self.hasher, limits: &self.limits };
        for _ in 0..rows_max.max(1) {
            let Some(row) = self.rows.next_row()? else { break };
            chunk.count += 1;
            let mut problems = Vec::new();
            let mut fields = Fields::default();
            match self.plan.read(&row, &mut fields, &mut problems) {
                Outcome::Skip => {
                    chunk.skipped += 1;
                    continue;
                }
                Outcome::Bad => {}
                Outcome::Take => maker.make(&fields, &mut problems, 0, &mut chunk.batch),
            }
            if problems.is_empty() {
                chunk.rows.push(row.line);
            } else {
                first_of_each_field(&mut problems);
                chunk.bad_rows.push(BadRow::new(row.line, &row.text, problems));
            }
        }
        Ok((chunk.count > 0).then_some(chunk))
    }
}

/// Leaves out what is said of a field beside the first: that a time is missing, after that it can't be read.
fn first_of_each_field(problems: &mut Vec<Problem>) {
    let mut seen = Vec::new();
    problems.retain(|problem| {
        let first = problem.field.is_empty() || !seen.contains(&problem.field);
        seen.push(problem.field.clone());
        first
    });
}

/// Reads an NDJSON file as events.
#[derive(Debug)]
pub struct NdjsonEvents<'d, R> {
    rows: Rows<R>,
    defaults: Defaults<'d>,
    hasher: KeyHasher,
    limits: Limits,
}

impl<'d, R: Read> NdjsonEvents<'d, R> {
    /// Reads from the start of `reader`.
    pub fn new(reader: R, defaults: Defaults<'d>, hasher: KeyHasher, limits: Limits) -> Self {
        Self { rows: Rows::lines(reader, limits.event_bytes_max), defaults, hasher, limits }
    }

    /// The next lines, at most `rows_max` of them that are not blank; `None` at the end of the file.
    ///
    /// # Errors
    /// A failed read. What was read before it is lost with the call.
    pub fn next_batch(&mut self, rows_max: usize) -> io::Result<Option<Chunk>> {
        let mut chunk = Chunk::default();
        let mut parser = Parser::new(&self.defaults, &self.hasher, &self.limits);
        for _ in 0..rows_max.max(1) {
            let Some(Row { line, text, fault }) = self.rows.next_row()? else { break };
            chunk.count += 1;
            match fault {
                Some(problem) => parser.parsed.problems.push(problem),
                None => parser.line(&text, line),
            }
            if parser.parsed.problems.is_empty() {
                chunk.rows.push(line);
            } else {
                let problems = std::mem::take(&mut parser.parsed.problems);
                chunk.bad_rows.push(BadRow::new(line, &text, problems));
            }
        }
        chunk.batch = parser.parsed.batch;
        Ok((chunk.count > 0).then_some(chunk))
    }
}
