//! The delivery history of the Supply Chain Management System: lines of health commodities, 2006 to 2015.
//!
//! Dates are written in three ways or say why there is none, and numbers may be sentences. A line that lacks what a
//! prediction is judged by can't be used, and is counted by its reason; anything else that can't be read is a value that
//! is missing.

use crate::import::Source;
use anyhow::{Context, Result, bail};
use ledger::Day;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// The column that makes a file one of deliveries.
const SCHEDULED: &str = "Scheduled Delivery Date";
/// Days for which something is taken to be under way, by mode: nothing says when a line left.
const TRANSIT_DAYS: i32 = 14;
const TRANSIT_DAYS_OCEAN: i32 = 60;

/// A line that was delivered.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Line {
    pub(super) id: String,
    pub(super) fulfilment: String,
    pub(super) country: String,
    pub(super) vendor: String,
    pub(super) site: String,
    pub(super) inco_term: String,
    pub(super) project: String,
    pub(super) quote: String,
    pub(super) value: Option<f64>,
    pub(super) quantity: Option<f64>,
    /// From the order to the scheduled delivery.
    pub(super) lead_days: Option<i32>,
    /// When it is predicted.
    pub(super) predicted_on: Day,
    pub(super) scheduled_on: Day,
    pub(super) delivered_on: Day,
    /// When its delivery was known.
    pub(super) recorded_on: Day,
}

impl Line {
    pub(super) fn is_late(&self) -> bool {
        self.delivered_on > self.scheduled_on
    }
}

/// What was read, and what could not be used.
#[derive(Debug, Default)]
pub(super) struct History {
    pub(super) lines: Vec<Line>,
    pub(super) rows: usize,
    /// How many rows can't be used, by reason.
    pub(super) unusable: BTreeMap<&'static str, usize>,
}

impl History {
    /// Reads all files of deliveries in a directory, or one file.
    ///
    /// # Errors
    /// Nothing there can be read, or it has no deliveries.
    pub(super) fn read(path: &Path) -> Result<Self> {
        let mut history = Self::default();
        let mut ids = BTreeSet::new();
        let mut is_found = false;
        for file in files(path)? {
            let source = Source::open(&file)?;
            is_found |= history.take(source, &mut ids).with_context(|| format!("reading {}", file.display()))?;
        }
        if !is_found {
            bail!("no CSV file in {} has a column '{SCHEDULED}'; name the directory of the deliveries", path.display());
        }
        if history.lines.is_empty() {
            bail!("no line in {} can be used: {:?}", path.display(), history.unusable);
        }
        Ok(history)
    }

    /// Takes a file; answers whether it is one of deliveries.
    fn take(&mut self, source: impl std::io::Read, ids: &mut BTreeSet<String>) -> Result<bool> {
        let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(source);
        let header = reader.byte_headers().context("reading the header")?;
        let columns: BTreeMap<String, usize> = header
            .iter()
            .map(|name| String::from_utf8_lossy(name).trim_start_matches('\u{feff}').trim().to_owned())
            .zip(0..)
            .collect();
        if !columns.contains_key(SCHEDULED) {
            return Ok(false);
        }
        let mut record = csv::ByteRecord::new();
        loop {
            match reader.read_byte_record(&mut record) {
                Ok(false) => return Ok(true),
                Ok(true) if record.len() < columns.len() => self.refuse("has too few columns"),
                Ok(true) => {
                    let row = Row { columns: &columns, record: &record };
                    match row.line() {
                        Ok(line) if !ids.insert(line.id.clone()) => self.refuse("repeats the ID of a row before"),
                        Ok(line) => {
                            self.rows += 1;
                            self.lines.push(line);
                        }
                        Err(reason) => self.refuse(reason),
                    }
                }
                Err(error) if error.is_io_error() => return Err(error).context("reading a row"),
                Err(_) => self.refuse("is not CSV"),
            }
        }
    }

    fn refuse(&mut self, reason: &'static str) {
        self.rows += 1;
        *self.unusable.entry(reason).or_default() += 1;
    }
}

/// CSV files of a directory in the order of their names.
fn files(path: &Path) -> Result<Vec<PathBuf>> {
    if !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let doing = || format!("listing {}", path.display());
    let mut files = Vec::new();
    for entry in std::fs::read_dir(path).with_context(doing)? {
        let file = entry.with_context(doing)?.path();
        let name = file.to_string_lossy().to_ascii_lowercase();
        if name.ends_with(".csv") || name.ends_with(".csv.gz") {
            files.push(file);
        }
    }
    files.sort();
    Ok(files)
}

struct Row<'r> {
    columns: &'r BTreeMap<String, usize>,
    record: &'r csv::ByteRecord,
}

impl Row<'_> {
    fn text(&self, column: &str) -> String {
        let field = self.columns.get(column).and_then(|index| self.record.get(*index)).unwrap_or_default();
        String::from_utf8_lossy(field).trim().to_owned()
    }

    fn number(&self, column: &str) -> Option<f64> {
        number(&self.text(column))
    }

    fn line(&self) -> Result<Line, &'static str> {
        let scheduled_on = day(&self.text(SCHEDULED)).ok_or("has no scheduled delivery date")?;
        let delivered_on = day(&self.text("Delivered to Client Date")).ok_or("has no delivery date")?;
        let recorded_on =
            day(&self.text("Delivery Recorded Date")).ok_or("has no date when its delivery was recorded")?;
        let id = self.text("ID");
        if id.is_empty() {
            return Err("has no ID");
        }
        let ordered_on = day(&self.text("PO Sent to Vendor Date"));
        let quoted_on = day(&self.text("PQ First Sent to Client Date"));
        let transit_days =
            if self.text("Shipment Mode").eq_ignore_ascii_case("ocean") { TRANSIT_DAYS_OCEAN } else { TRANSIT_DAYS };
        // It left after it was quoted and ordered, and before it was there.
        let leaves_on = [ordered_on, quoted_on, Some(Day(scheduled_on.0 - transit_days))].into_iter().flatten().max();
        let predicted_on = leaves_on.unwrap_or(scheduled_on).min(scheduled_on).min(Day(delivered_on.0 - 1));
        Ok(Line {
            id,
            fulfilment: self.text("Fulfill Via"),
            country: self.text("Country"),
            vendor: self.text("Vendor"),
            site: self.text("Manufacturing Site"),
            inco_term: self.text("Vendor INCO Term"),
            project: self.text("Project Code"),
            quote: Some(self.text("PQ #"))
                .filter(|text| text.contains('-') && text.ends_with(|c: char| c.is_ascii_digit()))
                .unwrap_or_default(),
            value: self.number("Line Item Value"),
            quantity: self.number("Line Item Quantity"),
            lead_days: ordered_on.map(|ordered_on| (scheduled_on.0 - ordered_on.0).max(0)),
            predicted_on,
            scheduled_on,
            delivered_on,
            recorded_on: recorded_on.max(delivered_on),
        })
    }
}

/// A number, with or without commas between thousands; `None` for words.
fn number(text: &str) -> Option<f64> {
    text.replace(',', "").parse().ok().filter(|number: &f64| number.is_finite())
}

/// A day as `2-Jun-06`, `6/2/06` or `6/2/2006` (month first); `None` for words.
fn day(text: &str) -> Option<Day> {
    const MONTHS: [&str; 12] = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
    let parts = |separator| {
        let mut parts = text.split(separator);
        Some([parts.next()?, parts.next()?, parts.next()?]).filter(|_| parts.next().is_none())
    };
    let small = |text: &str| text.parse::<u16>().ok().filter(|_| text.len() <= 4);
    let (year, month, day) = if let Some([day, month, year]) = parts('-') {
        let month = month.to_ascii_lowercase();
        let month = (1_u16..).zip(MONTHS).find(|(_, name)| *name == month)?.0;
        (year, month, small(day)?)
    } else {
        let [month, day, year] = parts('/')?;
        (year, small(month)?, small(day)?)
    };
    let year = match (year.len(), small(year)?) {
        (2, year) => 2_000 + year,
        (4, year) => year,
        _ => return None,
    };
    wire::time::parse_day(&format!("{year:04}-{month:02}-{day:02}")).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_read_in_each_of_their_ways() {
        let expect = wire::time::parse_day("2009-08-04").ok();
        assert!(expect.is_some());
        for text in ["4-Aug-09", "04-AUG-2009", "8/4/09", "8/4/2009", "08/04/2009"] {
            assert_eq!(day(text), expect, "{text}");
        }
        for text in [
            "",
            "Date Not Captured",
            "Pre-PQ Process",
            "N/A - From RDC",
            "31-Feb-09",
            "13/1/2009",
            "4-Aug-9",
            "1/2/3/4",
        ] {
            assert_eq!(day(text), None, "{text}");
        }
    }

    #[test]
    fn words_in_a_column_of_numbers_are_no_number() {
        assert_eq!(number("1,234.5"), Some(1234.5));
        for text in ["", "See DN-304 (ID#:10589)", "Freight Included in Commodity Cost", "inf", "NaN"] {
            assert_eq!(number(text), None, "{text}");
        }
    }

    const HEADER: &str = "ID,Fulfill Via,Shipment Mode,PO Sent to Vendor Date,PQ First Sent to Client Date,\
        Scheduled Delivery Date,Delivered to Client Date,Delivery Recorded Date,Line Item Quantity\n";

    #[test]
    fn what_cannot_be_used_is_counted_by_its_reason() {
        let rows = "1,Direct Drop,Air,1/2/2009,12/1/08,4-Aug-09,6-Aug-09,5-Aug-09,many\n\
            1,Direct Drop,Air,,,4-Aug-09,6-Aug-09,6-Aug-09,1\n\
            2,Direct Drop,Air,,,soon,6-Aug-09,6-Aug-09,1\n\
            3,Direct Drop,Air,,,4-Aug-09,,6-Aug-09,1\n\
            4,Direct Drop\n\
            5,From RDC,Ocean,N/A - From RDC,Pre-PQ Process,4-Aug-09,1-Jun-09,1-Jun-09,10\n";
        let mut history = History::default();
        assert!(history.take((HEADER.to_owned() + rows).as_bytes(), &mut BTreeSet::new()).unwrap());
        assert_eq!((history.rows, history.lines.len()), (6, 2));
        let unusable: Vec<_> = history.unusable.iter().collect();
        let expect = [
            (&"has no delivery date", &1),
            (&"has no scheduled delivery date", &1),
            (&"has too few columns", &1),
            (&"repeats the ID of a row before", &1),
        ];
        assert_eq!(unusable, expect);
        let [late, early] = &history.lines[..] else { panic!("{:?}", history.lines) };
        assert!(late.is_late() && !early.is_late());
        assert_eq!((late.quantity, late.lead_days), (None, Some(214)));
        assert_eq!(late.recorded_on, late.delivered_on, "never known before it happened");
        assert_eq!(late.scheduled_on.0 - late.predicted_on.0, 14);
        assert_eq!(early.delivered_on.0 - early.predicted_on.0, 1, "not after it was there");
        assert!(!History::default().take("a,b\n1,2\n".as_bytes(), &mut BTreeSet::new()).unwrap());
    }

    #[test]
    fn the_real_history_is_read_whole_and_beats_the_vendor_share() {
        let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/scms_deliveries");
        if !data.exists() {
            crate::output::note("skipped: the delivery history is not here");
            return;
        }
        let history = History::read(&data).unwrap();
        assert_eq!(history.rows, history.lines.len() + history.unusable.values().sum::<usize>());
        assert!(history.lines.len() > 3_000);
        let outcome = super::super::replay::replay(&history.lines);
        let [ours, .., vendor] = &outcome.methods[..] else { panic!("{outcome:?}") };
        let auc = |method: &super::super::replay::Method| method.scores.auc.unwrap();
        assert!(auc(ours) > 0.79 && auc(ours) > auc(vendor) + 0.05, "{outcome:?}");
        assert!(ours.scores.skill_against(&vendor.scores) > 0.05);
    }
}
