//! Reports on their way out.

use crate::output::Results;
use serde_json::{Map, Value};
use std::cell::{Cell, RefCell};
use std::io::{self, BufWriter, Read, Write};

/// The members that stand before the others, in this order.
const FIRST: [&str; 13] = [
    "file", "input", "index", "line", "verdict", "problem", "problems", "form", "kind", "linter", "type", "message",
    "scheme",
];
/// The members that stand behind the others, in this order.
const LAST: [&str; 6] = ["result", "canonical", "parts", "reads", "request", "notes"];

/// Prints reports, one a line, and counts those that say no.
pub(super) struct Printer {
    out: RefCell<BufWriter<Results>>,
    invalid_count: Cell<u64>,
}

impl Printer {
    pub(super) fn new() -> Self {
        Self { out: RefCell::new(BufWriter::with_capacity(1 << 16, Results::new())), invalid_count: Cell::new(0) }
    }

    /// How many reports had another verdict than `valid`.
    pub(super) fn invalid_count(&self) -> u64 {
        self.invalid_count.get()
    }

    /// Prints a report, with the name of its file if there are several.
    ///
    /// # Errors
    /// A failed write, such as to a pipe that was closed.
    pub(super) fn print(&self, file: Option<&str>, mut report: Map<String, Value>) -> io::Result<()> {
        if report.get("verdict").is_none_or(|verdict| verdict != "valid") {
            self.invalid_count.set(self.invalid_count.get() + 1);
        }
        if let Some(file) = file {
            report.insert("file".to_owned(), file.into());
        }
        let mut out = self.out.borrow_mut();
        write_ordered(&report, &mut *out)?;
        out.write_all(b"\n")
    }

    /// # Errors
    /// A failed write.
    pub(super) fn flush(&self) -> io::Result<()> {
        self.out.borrow_mut().flush()
    }

    /// A source before whose every read all answers so far go out: whoever waits for one before sending more gets it.
    pub(super) fn before<R: Read>(&self, source: R) -> impl Read + use<'_, R> {
        Flushing { printer: self, source }
    }
}

struct Flushing<'p, R> {
    printer: &'p Printer,
    source: R,
}

impl<R: Read> Read for Flushing<'_, R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.printer.flush()?;
        self.source.read(into)
    }
}

/// Writes an object whose most telling members come first, whichever it has.
fn write_ordered(report: &Map<String, Value>, out: &mut impl Write) -> io::Result<()> {
    let place = |name: &str| {
        let last = || LAST.iter().position(|other| *other == name).map(|place| FIRST.len() + 1 + place);
        FIRST.iter().position(|other| *other == name).or_else(last).unwrap_or(FIRST.len())
    };
    let mut members: Vec<(&String, &Value)> = report.iter().collect();
    members.sort_by_key(|(name, _)| (place(name), *name));
    for (index, (name, value)) in members.into_iter().enumerate() {
        out.write_all(if index == 0 { b"{" } else { b"," })?;
        serde_json::to_writer(&mut *out, name)?;
        out.write_all(b":")?;
        serde_json::to_writer(&mut *out, value)?;
    }
    out.write_all(b"}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_tells_most_stands_first_and_what_follows_from_it_last() {
        let report =
            serde_json::json!({"request": {}, "b": 1, "a": "\n", "verdict": "valid", "input": null, "canonical": 2});
        let Value::Object(report) = report else { panic!("an object") };
        let mut out = Vec::new();
        write_ordered(&report, &mut out).unwrap();
        let expect = r#"{"input":null,"verdict":"valid","a":"\n","b":1,"canonical":2,"request":{}}"#;
        assert_eq!(String::from_utf8(out).unwrap(), expect);
    }
}
