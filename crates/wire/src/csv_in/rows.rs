//! Lines and CSV rows of a stream, whole, one at a time, never more than a set number of bytes in memory.

use crate::problem::Problem;
use std::collections::VecDeque;
use std::io::{self, BufRead, BufReader, Read};

/// The most lines that one row may span before its quote is taken as never closed.
const LINES_MAX: usize = 100;

/// One row.
#[derive(Debug)]
pub(super) struct Row {
    /// The line on which it begins, from 1.
    pub(super) line: u64,
    /// Its bytes without the line end.
    pub(super) text: Vec<u8>,
    /// Why it can't be read, if so.
    pub(super) fault: Option<Problem>,
}

/// A line as read, and whether it was longer than what was kept.
#[derive(Debug)]
struct Line {
    text: Vec<u8>,
    cut: bool,
}

#[derive(Debug)]
pub(super) struct Rows<R> {
    reader: BufReader<R>,
    /// The delimiter of CSV; `None` when each line is a row.
    delimiter: Option<u8>,
    bytes_max: usize,
    /// Lines that were read ahead in search of the end of a quote.
    ahead: VecDeque<Line>,
    /// The number of the next line.
    next: u64,
}

impl<R: Read> Rows<R> {
    pub(super) fn csv(reader: R, delimiter: u8, bytes_max: usize) -> Self {
        Self { delimiter: Some(delimiter), ..Self::lines(reader, bytes_max) }
    }

    pub(super) fn lines(reader: R, bytes_max: usize) -> Self {
        let reader = BufReader::with_capacity(1 << 16, reader);
        Self { reader, delimiter: None, bytes_max, ahead: VecDeque::new(), next: 1 }
    }

    /// The next row that is not blank.
    pub(super) fn next_row(&mut self) -> io::Result<Option<Row>> {
        loop {
            let Some(first) = self.next_line()? else { return Ok(None) };
            let line = self.next;
            self.next += 1;
            if first.cut {
                let fault = crate::event::too_large(first.text.len(), self.bytes_max);
                return Ok(Some(Row { line, text: first.text, fault: Some(fault) }));
            }
            if first.text.trim_ascii().is_empty() {
                continue;
            }
            let Some(delimiter) = self.delimiter else {
                return Ok(Some(Row { line, text: first.text, fault: None }));
            };
            return self.finish_row(line, first, delimiter).map(Some);
        }
    }

    /// Joins lines while a quote is open.
    fn finish_row(&mut self, line: u64, first: Line, delimiter: u8) -> io::Result<Row> {
        let mut text = first.text;
        let first_length = text.len();
        let mut joined: Vec<Line> = Vec::new();
        let mut scan = Scan::default();
        scan.read(&text, delimiter);
        while scan.is_open() {
            let room = joined.len() + 1 < LINES_MAX && text.len() < self.bytes_max;
            let more = if room { self.next_line()? } else { None };
            let Some(more) = more else {
                // The quote was meant as a letter, or the file is cut off: only this line is lost.
                for line in joined.into_iter().rev() {
                    self.ahead.push_front(line);
                }
                text.truncate(first_length);
                return Ok(Row {
                    line,
                    text,
                    fault: Some(broken("a quote is opened and never closed; close it, or double it")),
                });
            };
            scan.read(b"\n", delimiter);
            scan.read(&more.text, delimiter);
            text.push(b'\n');
            text.extend_from_slice(&more.text);
            joined.push(more);
        }
        self.next += joined.len() as u64;
        let fault =
            scan.is_broken().then(|| broken("text follows a closing quote; double the quotes inside the field"));
        Ok(Row { line, text, fault })
    }

    /// The next line; what goes beyond the limit is dropped.
    fn next_line(&mut self) -> io::Result<Option<Line>> {
        if let Some(line) = self.ahead.pop_front() {
            return Ok(Some(line));
        }
        let mut text = Vec::new();
        let mut cut = false;
        let mut any = false;
        loop {
            let buffer = match self.reader.fill_buf() {
                Ok(buffer) => buffer,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            if buffer.is_empty() {
                break;
            }
            any = true;
            let end = buffer.iter().position(|byte| *byte == b'\n');
            let piece = &buffer[..end.unwrap_or(buffer.len())];
            let room = (self.bytes_max + 1).saturating_sub(text.len());
            cut |= piece.len() > room;
            text.extend_from_slice(&piece[..piece.len().min(room)]);
            let used = end.map_or(buffer.len(), |end| end + 1);
            self.reader.consume(used);
            if end.is_some() {
                break;
            }
        }
        if !any {
            return Ok(None);
        }
        if text.last() == Some(&b'\r') {
            text.pop();
        }
        if self.next == 1 && text.starts_with(b"\xef\xbb\xbf") {
            text.drain(..3);
        }
        cut |= text.len() > self.bytes_max;
        Ok(Some(Line { text, cut }))
    }
}

fn broken(why: &str) -> Problem {
    Problem::new("invalid_csv", "", format!("the row is not CSV: {why}"))
}

/// How far the quotes of a row have come (RFC 4180, section 2).
#[derive(Debug, Default)]
struct Scan {
    state: State,
    broken: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    FieldStart,
    Bare,
    Quoted,
    QuoteInQuoted,
}

impl Scan {
    fn read(&mut self, bytes: &[u8], delimiter: u8) {
        for byte in bytes {
            self.state = match (self.state, *byte) {
                (State::FieldStart, b'"') | (State::QuoteInQuoted, b'"') => State::Quoted,
                (State::Quoted, b'"') => State::QuoteInQuoted,
                (State::Quoted, _) => State::Quoted,
                (_, byte) if byte == delimiter => State::FieldStart,
                (State::QuoteInQuoted, _) => {
                    self.broken = true;
                    State::Bare
                }
                _ => State::Bare,
            };
        }
    }

    fn is_open(&self) -> bool {
        self.state == State::Quoted
    }

    const fn is_broken(&self) -> bool {
        self.broken
    }
}
