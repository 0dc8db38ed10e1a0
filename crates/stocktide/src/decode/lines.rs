//! Input by lines, however long they are, in bounded memory.

use std::io::{self, BufRead};

/// The longest line that is taken, in bytes.
pub(super) const LINE_BYTES_MAX: usize = 16 << 20;
/// How much is kept of one that is longer, or shown of one that can't be read.
pub(super) const FRONT_BYTES: usize = 256;

/// A line without its end.
pub(super) enum Line<'l> {
    /// All of it; `number` counts from 1.
    Whole { bytes: &'l [u8], number: u64 },
    /// The front of one that has too many bytes.
    TooLong { front: &'l [u8], bytes: u64, number: u64 },
}

impl Line<'_> {
    pub(super) fn number(&self) -> u64 {
        match self {
            Self::Whole { number, .. } | Self::TooLong { number, .. } => *number,
        }
    }
}

/// Lines that hold more than white space, one after another. They end in LF or CR LF; the last may have no end.
pub(super) struct Lines<R> {
    reader: R,
    line: Vec<u8>,
    number: u64,
}

impl<R: BufRead> Lines<R> {
    pub(super) fn new(reader: R) -> Self {
        Self { reader, line: Vec::new(), number: 0 }
    }

    /// The next line that is not blank; `None` behind the last.
    pub(super) fn next(&mut self) -> io::Result<Option<Line<'_>>> {
        loop {
            self.line.clear();
            let Some(bytes) = self.read_line()? else { return Ok(None) };
            self.number += 1;
            if self.number == 1 && self.line.starts_with(b"\xef\xbb\xbf") {
                self.line.drain(..3);
            }
            if bytes > u64::try_from(LINE_BYTES_MAX).unwrap_or(u64::MAX) {
                self.line.truncate(FRONT_BYTES + 1);
                self.line.shrink_to(1 << 16);
                return Ok(Some(Line::TooLong { front: &self.line, bytes, number: self.number }));
            }
            if self.line.last() == Some(&b'\r') {
                self.line.pop();
            }
            if !self.line.trim_ascii().is_empty() {
                return Ok(Some(Line::Whole { bytes: &self.line, number: self.number }));
            }
        }
    }

    /// Reads up to the next LF into `line`, but no more than fits. Answers how many bytes the line has, `None` at the end.
    fn read_line(&mut self) -> io::Result<Option<u64>> {
        let mut bytes = 0;
        let mut is_end = true;
        loop {
            let chunk = match self.reader.fill_buf() {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                chunk => chunk?,
            };
            if chunk.is_empty() {
                return Ok((!is_end).then_some(bytes));
            }
            is_end = false;
            let end = chunk.iter().position(|byte| *byte == b'\n');
            let part = &chunk[..end.unwrap_or(chunk.len())];
            let room = (LINE_BYTES_MAX + 1).saturating_sub(self.line.len());
            self.line.extend_from_slice(&part[..part.len().min(room)]);
            bytes += u64::try_from(part.len()).unwrap_or(u64::MAX);
            let read = part.len() + usize::from(end.is_some());
            self.reader.consume(read);
            if end.is_some() {
                return Ok(Some(bytes));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(input: &[u8], expect: &[(u64, &[u8])]) {
        let mut lines = Lines::new(input);
        let mut got = Vec::new();
        while let Some(line) = lines.next().unwrap() {
            match line {
                Line::Whole { bytes, number } => got.push((number, bytes.to_vec())),
                Line::TooLong { bytes, number, .. } => got.push((number, bytes.to_string().into_bytes())),
            }
        }
        let expect: Vec<_> = expect.iter().map(|(number, bytes)| (*number, bytes.to_vec())).collect();
        assert_eq!(got, expect);
    }

    #[test]
    fn blank_lines_are_counted_and_skipped_and_line_ends_cut_off() {
        check(b"", &[]);
        check(b"\n \t\r\n", &[]);
        check(b"a\r\n\nb c\n\rd", &[(1, b"a"), (3, b"b c"), (4, b"\rd")]);
        check(b"\xef\xbb\xbfa\n\xff", &[(1, b"a"), (2, b"\xff")]);
        // A separator within a code is data, even alone.
        check(b"\x1d\na\x1db\n", &[(1, b"\x1d"), (2, b"a\x1db")]);
    }

    #[test]
    fn a_line_that_is_too_long_is_counted_and_the_next_one_is_read() {
        let long = [vec![b'x'; LINE_BYTES_MAX + 1], b"\ny\n".to_vec()].concat();
        check(&long, &[(1, (LINE_BYTES_MAX + 1).to_string().as_bytes()), (2, b"y")]);
        check(&long[1..], &[(1, &long[1..=LINE_BYTES_MAX]), (2, b"y")]);
    }
}
