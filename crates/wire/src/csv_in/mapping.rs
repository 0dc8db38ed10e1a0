//! How the columns of a CSV file become the fields of events: what a mapping file says.

use serde::Deserialize;
use std::collections::BTreeMap;

/// How the columns of a CSV file become the fields of events. Read from TOML or put together from flags.
///
/// ```toml
/// delimiter = ";"
/// decimal_comma = true
/// timestamp_format = "%d.%m.%Y %H:%M"
/// time_zone = "Europe/Berlin"
/// id = "{document}-{row}"
///
/// [columns]             # field = header, or the number of the column from 1
/// product_id = "item"
/// quantity = "qty"
/// timestamp = "booked"
///
/// [constants]           # what a field is when it has no column or its cell is empty
/// location = "warehouse_A"
/// event = "item_removed"
///
/// [[rules]]             # the first rule whose conditions all hold
/// when = [{ column = "qty", sign = "negative" }]
/// set = { event = "item_added", reason = "return" }
/// magnitude = true      # the quantity without its sign
///
/// [[rules]]
/// when = [{ column = "item", one_of = ["POST", "FEE"] }]
/// then = "skip"
/// ```
///
/// Without `columns`, each column whose header is the name of a field feeds that field. Columns that nothing names are
/// left out. A cell's white space at the ends does not count, and an empty cell is an absent field.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Mapping {
    /// The character between cells; one ASCII character.
    pub delimiter: char,
    /// Whether the first row names the columns.
    pub has_header: bool,
    /// Whether numbers are written `1.234,5`.
    pub decimal_comma: bool,
    /// How times are written, in `strftime` letters; absent for RFC 3339, or ISO 8601 without offset when a zone is given.
    pub timestamp_format: Option<String>,
    /// How days are written, in `strftime` letters; absent for `2026-12-31`.
    pub day_format: Option<String>,
    /// The zone of times without offset: an IANA name, `UTC`, or an offset such as `+02:00`.
    pub time_zone: Option<String>,
    /// What stands between serials in one cell.
    pub serials_separator: String,
    /// The id of each event: text with `{header}`, `{row}` (the line of the file) and `{file}` in it.
    pub id: Option<String>,
    /// Which column feeds which field.
    pub columns: BTreeMap<String, Column>,
    /// What a field is when it has no column or its cell is empty.
    pub constants: BTreeMap<String, String>,
    /// Exceptions; the first whose conditions all hold decides.
    pub rules: Vec<Rule>,
}

impl Default for Mapping {
    fn default() -> Self {
        Self {
            delimiter: ',',
            has_header: true,
            decimal_comma: false,
            timestamp_format: None,
            day_format: None,
            time_zone: None,
            serials_separator: ";".to_owned(),
            id: None,
            columns: BTreeMap::new(),
            constants: BTreeMap::new(),
            rules: Vec::new(),
        }
    }
}

impl Mapping {
    /// The mapping of an opening stock: `product_id, location, quantity[, lot, expiry, unit, status, …]`, each row what
    /// was there at `at`. The id is made of the file's name and the row, so that a second import of the file changes nothing.
    pub fn opening_stock(at: ledger::Timestamp) -> Self {
        let constants = [
            ("event", "item_added".to_owned()),
            ("reason", "opening_balance".to_owned()),
            ("timestamp", crate::time::render_timestamp(at)),
        ];
        Self {
            id: Some("{file}-{row}".to_owned()),
            constants: constants.map(|(field, text)| (field.to_owned(), text)).into(),
            ..Self::default()
        }
    }

    /// The delimiter as the one byte that it must be.
    pub(super) fn delimiter_byte(&self) -> Result<u8, MappingError> {
        match u8::try_from(self.delimiter) {
            Ok(byte) if byte.is_ascii() && byte != b'"' && byte != b'\n' && byte != b'\r' => Ok(byte),
            _ => Err(MappingError::Delimiter { delimiter: self.delimiter }),
        }
    }
}

/// Which column.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub enum Column {
    /// By its place, from 1.
    Number(usize),
    /// By its header, exactly.
    Name(String),
}

/// What to do with rows on which all conditions hold.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Rule {
    /// All must hold; none holds always.
    pub when: Vec<Condition>,
    /// Fields that get another value than their column's.
    pub set: BTreeMap<String, String>,
    /// Whether the quantity loses its sign.
    pub magnitude: bool,
    /// Whether the row is taken at all.
    pub then: Then,
}

/// Whether a row is taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Then {
    /// As an event.
    #[default]
    Take,
    /// Counted and left out.
    Skip,
    /// Kept as a row that can't be used, for a person to look at.
    Hold,
}

/// What must hold of a cell. Everything given must hold; white space at its ends does not count.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Condition {
    /// Which cell.
    pub column: Column,
    /// It is this text.
    pub equals: Option<String>,
    /// It is one of these texts.
    pub one_of: Option<Vec<String>>,
    /// It begins with this text.
    pub prefix: Option<String>,
    /// It is empty, or is not.
    pub empty: Option<bool>,
    /// It is a number of this sign.
    pub sign: Option<Sign>,
}

/// The sign of a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sign {
    /// Below zero.
    Negative,
    /// Nothing.
    Zero,
    /// Above zero.
    Positive,
}

/// What is wrong with a mapping.
#[derive(Debug, thiserror::Error)]
pub enum MappingError {
    /// The delimiter is no single ASCII character.
    #[error("the delimiter {delimiter:?} is not one ASCII character other than a quote")]
    Delimiter {
        /// The delimiter given.
        delimiter: char,
    },
    /// No event has this field.
    #[error("the mapping feeds '{field}', which no event has{}", hint(.near))]
    UnknownField {
        /// The field named.
        field: String,
        /// The field that was probably meant.
        near: Option<&'static str>,
    },
    /// The file has no such column.
    #[error("the file has no column '{column}'; it has {}", .has.join(", "))]
    UnknownColumn {
        /// The column named.
        column: String,
        /// The columns that there are.
        has: Vec<String>,
    },
    /// An id template is malformed.
    #[error("the id '{template}' has a brace that is not closed")]
    Template {
        /// The template.
        template: String,
    },
    /// There is no such time zone.
    #[error("there is no time zone '{zone}'; name one such as 'Europe/Berlin' or '+02:00'")]
    TimeZone {
        /// The zone named.
        zone: String,
    },
    /// The header is not CSV or not UTF-8.
    #[error("the header is not CSV in UTF-8")]
    Header,
    /// The file can't be read.
    #[error("the header can't be read")]
    Read(#[source] std::io::Error),
}

fn hint(near: &Option<&'static str>) -> String {
    near.map(|near| format!("; did you mean '{near}'?")).unwrap_or_default()
}
