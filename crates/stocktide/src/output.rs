//! Where the program prints: results on standard output, all else on standard error.

use comfy_table::{CellAlignment, ContentArrangement, Table, presets};
use std::io::{self, Write};

/// Standard output, for results. When whoever read it has gone, a write fails with [`ReaderGone`] as its cause.
pub(crate) struct Results(io::StdoutLock<'static>);

/// Whoever read our results has seen enough, which is no failure.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("nobody reads the output any more")]
pub(crate) struct ReaderGone;

impl Results {
    pub(crate) fn new() -> Self {
        Self(io::stdout().lock())
    }
}

fn or_gone<T>(written: io::Result<T>) -> io::Result<T> {
    written.map_err(|error| match error.kind() {
        io::ErrorKind::BrokenPipe => io::Error::other(ReaderGone),
        _ => error,
    })
}

impl Write for Results {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        or_gone(self.0.write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        or_gone(self.0.flush())
    }
}

/// Prints a line of result.
///
/// # Errors
/// A failed write, such as to a pipe that was closed.
pub(crate) fn line(text: &str) -> io::Result<()> {
    let mut out = Results::new();
    writeln!(out, "{text}")?;
    out.flush()
}

/// Tells a person something. Nobody may be listening, which is no reason to fail.
pub(crate) fn note(text: &str) {
    let _ = writeln!(io::stderr().lock(), "{text}");
}

/// A table without frames, which reads well in a terminal and in a mail.
pub(crate) fn table<const N: usize>(header: [&str; N]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled).set_header(header);
    table
}

/// Aligns columns to the right: numbers.
pub(crate) fn right(table: &mut Table, columns: &[usize]) {
    for column in columns {
        if let Some(column) = table.column_mut(*column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
}

/// A count with a blank between thousands.
pub(crate) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(' ');
        }
        out.push(digit);
    }
    out
}

/// Bytes in the unit that makes them short.
#[expect(clippy::cast_precision_loss, reason = "shown with one decimal")]
pub(crate) fn bytes(number: u64) -> String {
    let units = ["KiB", "MiB", "GiB", "TiB"];
    let mut amount = number as f64;
    let mut unit = "B";
    for next in units {
        if amount < 1024.0 {
            break;
        }
        (amount, unit) = (amount / 1024.0, next);
    }
    if unit == "B" { format!("{number} B") } else { format!("{amount:.1} {unit}") }
}

/// Bytes as hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        // Writing to a string can't fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_and_bytes_read_well() {
        assert_eq!([count(0), count(999), count(1_000), count(1_234_567)], ["0", "999", "1 000", "1 234 567"]);
        assert_eq!([bytes(0), bytes(1023), bytes(1536), bytes(3 << 30)], ["0 B", "1023 B", "1.5 KiB", "3.0 GiB"]);
        assert_eq!(hex(&[0, 255, 16]), "00ff10");
    }
}
