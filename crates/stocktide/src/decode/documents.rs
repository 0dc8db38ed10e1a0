//! Documents: one, several behind each other, or one a line, told apart by what they begin with.

use super::lines::{Line, Lines};
use super::{Refused, Take};
use serde::de::IgnoredAny;
use serde_json::value::RawValue;
use std::io::{self, BufReader, Cursor, Read};
use wire::event::Place;

/// The longest document that is taken, in bytes.
const DOCUMENT_BYTES_MAX: usize = 16 << 20;

/// What documents are of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Of {
    Epcis,
    Event,
}

/// Reports every event of every document of an input.
///
/// A first line that is JSON as a whole, or that can't be its beginning, is one of many that each hold a document; so the
/// answer to a line is there before the next is sent. Anything else is read to its end.
pub(super) fn decode<R: Read>(reader: &mut BufReader<R>, of: Of, take: Take<'_>) -> io::Result<()> {
    let mut units = Units { of, index: 0, take };
    let mut text = Vec::new();
    {
        let mut lines = Lines::new(&mut *reader);
        let Some(first) = lines.next()? else {
            return match of {
                Of::Epcis => units.unit(b"", None),
                Of::Event => Ok(()),
            };
        };
        let begins_document = match first {
            Line::Whole { bytes, .. } => begins_document(bytes),
            Line::TooLong { .. } => false,
        };
        if !begins_document {
            units.line(&first)?;
            return units.lines(&mut lines);
        }
        if let Line::Whole { bytes, number } = first {
            // Lines are counted as they came.
            text.resize(usize::try_from(number - 1).unwrap_or(usize::MAX).min(DOCUMENT_BYTES_MAX), b'\n');
            text.extend_from_slice(bytes);
            text.push(b'\n');
        }
    }
    let room = u64::try_from(DOCUMENT_BYTES_MAX.saturating_sub(text.len()) + 1).unwrap_or(u64::MAX);
    reader.take(room).read_to_end(&mut text)?;
    let is_too_large = text.len() > DOCUMENT_BYTES_MAX;
    if is_too_large && has_whole_line(&text) {
        return units.lines(&mut Lines::new(Cursor::new(text).chain(reader)));
    }
    if is_too_large {
        let detail = format!("the document has more than {DOCUMENT_BYTES_MAX} bytes; split it");
        let byte = u64::try_from(DOCUMENT_BYTES_MAX).unwrap_or(u64::MAX);
        let refused = Refused { input: super::front(text.trim_ascii()), code: "too_large", detail, byte };
        return (units.take)(refused.many());
    }
    units.documents(&text)
}

/// Whether a document begins with this line and ends with another.
fn begins_document(line: &[u8]) -> bool {
    match line.trim_ascii_start().first() {
        Some(b'<') => true,
        Some(b'{' | b'[') => serde_json::from_slice::<IgnoredAny>(line).is_err_and(|error| error.is_eof()),
        _ => false,
    }
}

/// Whether a line other than the first, without white space before it, is a JSON object: then lines are documents, and the
/// first one is broken.
fn has_whole_line(text: &[u8]) -> bool {
    let mut lines = text.split(|byte| *byte == b'\n').filter(|line| !line.trim_ascii().is_empty()).skip(1);
    lines.any(|line| line.starts_with(b"{") && serde_json::from_slice::<IgnoredAny>(line).is_ok())
}

/// Documents on their way to their reports.
struct Units<'t> {
    of: Of,
    /// How many events there were.
    index: usize,
    take: Take<'t>,
}

impl Units<'_> {
    fn lines<R: io::BufRead>(&mut self, lines: &mut Lines<R>) -> io::Result<()> {
        while let Some(line) = lines.next()? {
            self.line(&line)?;
        }
        Ok(())
    }

    fn line(&mut self, line: &Line<'_>) -> io::Result<()> {
        match line.text() {
            Ok(text) => self.unit(text.as_bytes(), Some(line.number())),
            Err(refused) => {
                self.index += 1;
                let mut report = refused.many();
                report.insert("index".to_owned(), (self.index - 1).into());
                report.insert("line".to_owned(), line.number().into());
                (self.take)(report)
            }
        }
    }

    /// A text of one document, of several behind each other, or of lines of which the first is broken.
    fn documents(&mut self, text: &[u8]) -> io::Result<()> {
        let Ok(json) = std::str::from_utf8(text) else { return self.unit(text, None) };
        if json.trim_start().starts_with('<') {
            return self.unit(text, None);
        }
        let mut values = serde_json::Deserializer::from_str(json).into_iter::<&RawValue>();
        let whole: Result<Vec<&RawValue>, _> = values.by_ref().collect();
        match whole {
            Ok(documents) if documents.len() > 1 => {
                documents.iter().try_for_each(|document| self.unit(document.get().as_bytes(), None))
            }
            Err(_) if has_whole_line(text) => self.lines(&mut Lines::new(text)),
            _ => self.unit(text, None),
        }
    }

    fn unit(&mut self, text: &[u8], line: Option<u64>) -> io::Result<()> {
        let reports = match self.of {
            Of::Event => wire::event::reports(text, Place { index: self.index, line }),
            Of::Epcis => wire::epcis::reports(text),
        };
        for (mut report, index) in reports.into_iter().zip(self.index..) {
            if self.of == Of::Epcis {
                report.insert("index".to_owned(), index.into());
                if let Some(line) = line {
                    report.insert("line".to_owned(), line.into());
                }
            }
            self.index = index + 1;
            (self.take)(report)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::lines::LINE_BYTES_MAX;
    use super::*;

    fn check(input: &str, expect: &[(&str, Option<u64>)]) {
        let mut got = Vec::new();
        let mut take = |report: serde_json::Map<String, serde_json::Value>| {
            let line = report.get("line").and_then(serde_json::Value::as_u64);
            got.push((report["verdict"].as_str().unwrap().to_owned(), line));
            Ok(())
        };
        decode(&mut BufReader::new(input.as_bytes()), Of::Event, &mut take).unwrap();
        let expect: Vec<_> = expect.iter().map(|(verdict, line)| ((*verdict).to_owned(), *line)).collect();
        assert_eq!(got, expect, "{input}");
    }

    const EVENT: &str = r#"{"event": "item_removed", "product_id": "SKU123", "location": "w", "quantity": 5, "timestamp": "2026-02-16T10:00:00Z"}"#;

    #[test]
    fn documents_are_told_apart_by_how_they_begin() {
        let pretty = EVENT.replace(", ", ",\n  ");
        check("", &[]);
        check("[]", &[]);
        check(EVENT, &[("valid", Some(1))]);
        check(
            &format!("\n{EVENT}\r\n\n{{}}\n[{EVENT},{EVENT}]"),
            &[("valid", Some(2)), ("invalid", Some(4)), ("valid", Some(5)), ("valid", Some(5))],
        );
        check(&pretty, &[("valid", None)]);
        check(&format!("[\n{EVENT},\n{pretty}\n]"), &[("valid", None), ("valid", None)]);
        check(&format!("{pretty}\n{pretty}"), &[("valid", None), ("valid", None)]);
    }

    #[test]
    fn broken_lines_and_documents_cost_no_others() {
        check(
            &format!("{{\"event\":\n{EVENT}\nnot json\n{EVENT}"),
            &[("invalid", Some(1)), ("valid", Some(2)), ("invalid", Some(3)), ("valid", Some(4))],
        );
        check("{\n \"event\": oops\n}", &[("invalid", None)]);
        check("[\n1,\n2", &[("invalid", None)]);
    }

    #[test]
    fn a_document_that_is_too_large_is_refused_and_lines_are_not() {
        let filler = " ".repeat(DOCUMENT_BYTES_MAX);
        check(&format!("{{\n{filler}}}"), &[("invalid", None)]);
        check(
            &format!("{{\n{EVENT}\n{filler}\n{EVENT}"),
            &[("invalid", Some(1)), ("valid", Some(2)), ("valid", Some(4))],
        );
        check(&"x".repeat(LINE_BYTES_MAX + 1), &[("invalid", Some(1))]);
    }
}
