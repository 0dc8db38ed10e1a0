//! The cells of one row after another, through one CSV reader: to build a reader takes longer than to read a row.

use super::rows::Row;
use crate::problem::Problem;
use std::io::{self, Read};

/// The cells of a row.
pub(super) type Cells = csv::StringRecord;

/// Cuts rows into cells.
#[derive(Debug)]
pub(super) struct Cutter {
    reader: csv::Reader<Feed>,
    delimiter: u8,
}

/// The row that the reader is to read.
#[derive(Debug, Default)]
struct Feed {
    bytes: Vec<u8>,
    read: usize,
}

impl Read for Feed {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let rest = &self.bytes[self.read..];
        let count = rest.len().min(out.len());
        out[..count].copy_from_slice(&rest[..count]);
        self.read += count;
        Ok(count)
    }
}

impl Cutter {
    pub(super) fn new(delimiter: u8) -> Self {
        Self { reader: reader(delimiter), delimiter }
    }

    /// Puts the cells of `row` into `cells`.
    ///
    /// # Errors
    /// The fault of the row, if it has one; `invalid_utf8`, `invalid_csv`.
    pub(super) fn cut(&mut self, row: &Row, cells: &mut Cells) -> Result<(), Problem> {
        if let Some(fault) = &row.fault {
            return Err(fault.clone());
        }
        if let Err(error) = std::str::from_utf8(&row.text) {
            return Err(crate::event::invalid_utf8(error.valid_up_to()));
        }
        let feed = self.reader.get_mut();
        feed.bytes.clear();
        feed.bytes.extend_from_slice(&row.text);
        feed.bytes.push(b'\n');
        feed.read = 0;
        let outcome = self.reader.read_record(cells);
        let all_read = self.reader.get_ref().read == row.text.len() + 1;
        if matches!(outcome, Ok(true)) && all_read {
            return Ok(());
        }
        // Whatever it holds of this row must not run into the next.
        self.reader = reader(self.delimiter);
        let why = outcome.err().map_or_else(|| "it is cut off".to_owned(), |error| error.to_string());
        Err(Problem::new("invalid_csv", "", format!("the row is not CSV: {why}; mend it")))
    }
}

fn reader(delimiter: u8) -> csv::Reader<Feed> {
    csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .delimiter(delimiter)
        // Rows come without their line end; any other line break in them is text.
        .terminator(csv::Terminator::Any(b'\n'))
        .from_reader(Feed::default())
}
