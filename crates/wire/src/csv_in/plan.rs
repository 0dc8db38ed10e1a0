//! A mapping laid against the header of a file: columns by their place, ready for row after row.

use super::cells::{Cells, Cutter};
use super::mapping::{Column, Condition, Mapping, MappingError, Sign, Then};
use super::rows::Row;
use crate::event::fields::{Field, Fields, Value};
use crate::problem::{Problem, nearest, shown};
use crate::time::push_timestamp;
use jiff::tz::TimeZone;
use ledger::Timestamp;
use std::borrow::Cow;

/// What became of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Take,
    Skip,
    Bad,
}

#[derive(Debug)]
pub(super) struct Plan {
    cutter: Cutter,
    /// How many cells each row must have; unknown without a header until the first row.
    width: Option<usize>,
    columns: Vec<(Field, usize)>,
    constants: Vec<(Field, String)>,
    rules: Vec<Rule>,
    id: Option<Vec<Piece>>,
    numbers: Numbers,
    times: Times,
    serials_separator: String,
    /// The row at hand; its memory is used again for the next.
    cells: Cells,
    /// The last time that was read, as written and as understood: neighbours mostly repeat it.
    last_time: (String, String),
    made_id: String,
}

#[derive(Debug)]
struct Rule {
    when: Vec<(usize, Condition)>,
    set: Vec<(Field, String)>,
    magnitude: bool,
    then: Then,
}

/// One piece of an id.
#[derive(Debug)]
enum Piece {
    Text(String),
    Cell(usize),
    Row,
}

#[derive(Clone, Copy, Debug)]
struct Numbers {
    decimal_comma: bool,
}

#[derive(Debug)]
struct Times {
    format: Option<String>,
    day_format: Option<String>,
    zone: Option<TimeZone>,
}

impl Plan {
    pub(super) fn new(
        mapping: &Mapping,
        cutter: Cutter,
        header: Option<&Cells>,
        file: &str,
    ) -> Result<Self, MappingError> {
        let place = |column: &Column| place(column, header);
        let columns = if mapping.columns.is_empty() {
            let cells = header.into_iter().flatten().enumerate();
            cells.filter_map(|(place, name)| Some((Field::named(name.trim())?, place))).collect()
        } else {
            let fed = mapping.columns.iter().map(|(name, column)| Ok((field(name)?, place(column)?)));
            fed.collect::<Result<Vec<_>, MappingError>>()?
        };
        let mut rules = Vec::with_capacity(mapping.rules.len());
        for rule in &mapping.rules {
            let when = rule.when.iter().map(|condition| Ok((place(&condition.column)?, condition.clone())));
            rules.push(Rule {
                when: when.collect::<Result<_, MappingError>>()?,
                set: constants(&rule.set)?,
                magnitude: rule.magnitude,
                then: rule.then,
            });
        }
        Ok(Self {
            cutter,
            width: header.map(Cells::len),
            columns,
            constants: constants(&mapping.constants)?,
            rules,
            id: mapping.id.as_deref().map(|template| pieces(template, header, file)).transpose()?,
            numbers: Numbers { decimal_comma: mapping.decimal_comma },
            times: Times {
                format: mapping.timestamp_format.clone(),
                day_format: mapping.day_format.clone(),
                zone: mapping.time_zone.as_deref().map(zone).transpose()?,
            },
            serials_separator: mapping.serials_separator.clone(),
            cells: Cells::new(),
            last_time: (String::new(), String::new()),
            made_id: String::new(),
        })
    }

    /// Makes fields of a row.
    pub(super) fn read<'p>(&'p mut self, row: &Row, fields: &mut Fields<'p>, problems: &mut Vec<Problem>) -> Outcome {
        if let Err(problem) = self.cutter.cut(row, &mut self.cells) {
            problems.push(problem);
            return Outcome::Bad;
        }
        let width = *self.width.get_or_insert(self.cells.len());
        if self.cells.len() != width {
            let detail = format!("the row has {} cells instead of {width}; mend it", self.cells.len());
            problems.push(Problem::new("uneven_row", "", detail));
            return Outcome::Bad;
        }
        self.keep_time(problems);
        self.make_id(row.line);
        let this = &*self;
        let rule = this.rules.iter().find(|rule| rule.when.iter().all(|(place, when)| this.holds(*place, when)));
        match rule.map(|rule| rule.then) {
            Some(Then::Skip) => {
                problems.clear();
                return Outcome::Skip;
            }
            Some(Then::Hold) => {
                let detail = "a rule of the mapping sets this row aside; look at it".to_owned();
                problems.push(Problem::new("set_aside", "", detail));
                return Outcome::Bad;
            }
            Some(Then::Take) | None => {}
        }
        for (field, text) in &this.constants {
            fields.set(*field, Value::Text(Cow::Borrowed(text)));
        }
        for (field, place) in &this.columns {
            let cell = this.cell(*place);
            if !cell.is_empty() {
                fields.set(*field, this.value(*field, cell, rule, problems));
            }
        }
        if this.id.is_some() {
            fields.set(Field::Id, Value::Text(Cow::Borrowed(&this.made_id)));
        }
        for (field, text) in rule.into_iter().flat_map(|rule| &rule.set) {
            fields.set(*field, Value::Text(Cow::Borrowed(text)));
        }
        Outcome::Take
    }

    fn cell(&self, place: usize) -> &str {
        self.cells.get(place).unwrap_or_default().trim()
    }

    fn value<'p>(&'p self, field: Field, cell: &'p str, rule: Option<&Rule>, problems: &mut Vec<Problem>) -> Value<'p> {
        let text = match field {
            Field::Quantity => {
                let mut number = self.numbers.plain(cell);
                if rule.is_some_and(|rule| rule.magnitude) {
                    number = match number {
                        Cow::Borrowed(number) => Cow::Borrowed(number.strip_prefix('-').unwrap_or(number)),
                        Cow::Owned(number) => Cow::Owned(number.strip_prefix('-').unwrap_or(&number).to_owned()),
                    };
                }
                number
            }
            Field::Timestamp => Cow::Borrowed(self.last_time.1.as_str()),
            Field::ExpectedAt | Field::ExpiresAt => self.times.time(field.name(), cell).unwrap_or_else(|problem| {
                problems.push(problem);
                Cow::Borrowed("")
            }),
            Field::Expiry => self.times.day(cell).unwrap_or_else(|problem| {
                problems.push(problem);
                Cow::Borrowed("")
            }),
            Field::Serials | Field::Units => {
                let serials: Vec<&str> = cell
                    .split(self.serials_separator.as_str())
                    .map(str::trim)
                    .filter(|serial| !serial.is_empty())
                    .collect();
                return Value::List(serials.join("\n"));
            }
            _ => Cow::Borrowed(cell),
        };
        Value::Text(text)
    }

    /// Reads the row's time, unless it is the one of the row before.
    fn keep_time(&mut self, problems: &mut Vec<Problem>) {
        let Some((_, place)) = self.columns.iter().find(|(field, _)| *field == Field::Timestamp) else {
            return;
        };
        let cell = self.cells.get(*place).unwrap_or_default().trim();
        if cell == self.last_time.0 {
            return;
        }
        match self.times.time("timestamp", cell) {
            Ok(text) => self.last_time = (cell.to_owned(), text.into_owned()),
            Err(problem) => {
                // The row is bad already: what it would say more is of no use.
                problems.push(problem);
                self.last_time = (String::new(), String::new());
            }
        }
    }

    fn make_id(&mut self, row: u64) {
        let Some(pieces) = &self.id else { return };
        self.made_id.clear();
        for piece in pieces {
            match piece {
                Piece::Text(text) => self.made_id.push_str(text),
                Piece::Cell(place) => self.made_id.push_str(self.cells.get(*place).unwrap_or_default().trim()),
                Piece::Row => self.made_id.push_str(&row.to_string()),
            }
        }
    }

    fn holds(&self, place: usize, when: &Condition) -> bool {
        let cell = self.cell(place);
        when.equals.as_ref().is_none_or(|text| cell == text)
            && when.one_of.as_ref().is_none_or(|texts| texts.iter().any(|text| cell == text))
            && when.prefix.as_ref().is_none_or(|prefix| cell.starts_with(prefix.as_str()))
            && when.empty.is_none_or(|empty| cell.is_empty() == empty)
            && when.sign.is_none_or(|sign| self.numbers.sign(cell) == Some(sign))
    }
}

impl Numbers {
    /// A number as JSON writes it.
    fn plain(self, cell: &str) -> Cow<'_, str> {
        if self.decimal_comma && cell.contains(['.', ',']) {
            return Cow::Owned(cell.replace('.', "").replace(',', "."));
        }
        Cow::Borrowed(cell.strip_prefix('+').unwrap_or(cell))
    }

    fn sign(self, cell: &str) -> Option<Sign> {
        let quantity: ledger::Quantity = self.plain(cell).parse().ok()?;
        Some(match quantity.micros() {
            0 => Sign::Zero,
            1.. => Sign::Positive,
            _ => Sign::Negative,
        })
    }
}

impl Times {
    /// A time as RFC 3339 writes it.
    fn time<'c>(&self, field: &'static str, cell: &'c str) -> Result<Cow<'c, str>, Problem> {
        let micros = match (&self.format, &self.zone) {
            (None, None) => return Ok(Cow::Borrowed(cell)),
            (Some(format), zone) => jiff::fmt::strtime::parse(format, cell).and_then(|broken| match broken.offset() {
                Some(_) => broken.to_timestamp(),
                None => in_zone(broken.to_datetime()?, zone.as_ref()),
            }),
            // With an offset it says itself which time it is.
            (None, Some(zone)) => match cell.parse::<jiff::Timestamp>() {
                Ok(at) => Ok(at),
                Err(_) => cell.parse().and_then(|civil| in_zone(civil, Some(zone))),
            },
        };
        let micros = micros.map_err(|error| {
            let detail = format!("{field} {} is not taken: {error}; mend it or the mapping's format", shown(cell));
            Problem::new("invalid_timestamp", field, detail)
        })?;
        let mut text = String::with_capacity(27);
        push_timestamp(&mut text, Timestamp(micros.as_microsecond()));
        Ok(Cow::Owned(text))
    }

    /// A day as ISO 8601 writes it.
    fn day<'c>(&self, cell: &'c str) -> Result<Cow<'c, str>, Problem> {
        let Some(format) = &self.day_format else {
            return Ok(Cow::Borrowed(cell));
        };
        let date = jiff::fmt::strtime::parse(format, cell).and_then(|broken| broken.to_date());
        let date = date.map_err(|error| {
            let detail = format!("expiry {} is not taken: {error}; mend it or the mapping's format", shown(cell));
            Problem::new("invalid_date", "expiry", detail)
        })?;
        Ok(Cow::Owned(date.to_string()))
    }
}

/// A civil time in a zone, or in UTC; one that a change of the clocks repeats is the earlier, one that it leaves out is
/// taken as if the clocks had not changed.
fn in_zone(civil: jiff::civil::DateTime, zone: Option<&TimeZone>) -> Result<jiff::Timestamp, jiff::Error> {
    zone.unwrap_or(&TimeZone::UTC).to_ambiguous_timestamp(civil).compatible()
}

fn zone(name: &str) -> Result<TimeZone, MappingError> {
    let unknown = || MappingError::TimeZone { zone: name.to_owned() };
    if name.starts_with(['+', '-']) {
        let text = format!("2000-01-01T00:00:00{name}");
        let at = crate::time::parse_timestamp(&text).map_err(|_| unknown())?;
        let seconds = (946_684_800_000_000 - at.0) / 1_000_000;
        let seconds = i32::try_from(seconds).map_err(|_| unknown())?;
        return jiff::tz::Offset::from_seconds(seconds).map(TimeZone::fixed).map_err(|_| unknown());
    }
    TimeZone::get(name).map_err(|_| unknown())
}

fn field(name: &str) -> Result<Field, MappingError> {
    Field::named(name).ok_or_else(|| MappingError::UnknownField {
        field: name.to_owned(),
        near: nearest(name, Field::ALL.iter().map(|field| field.name())),
    })
}

fn constants(set: &std::collections::BTreeMap<String, String>) -> Result<Vec<(Field, String)>, MappingError> {
    set.iter().map(|(name, text)| Ok((field(name)?, text.clone()))).collect()
}

/// The place of a column, from 0.
fn place(column: &Column, header: Option<&Cells>) -> Result<usize, MappingError> {
    let unknown = |column: String| {
        let has = header.into_iter().flatten().map(str::to_owned).collect();
        Err(MappingError::UnknownColumn { column, has })
    };
    match column {
        Column::Number(number) => match (number.checked_sub(1), header) {
            (Some(place), Some(header)) if place >= header.len() => unknown(number.to_string()),
            (Some(place), _) => Ok(place),
            (None, _) => unknown(number.to_string()),
        },
        Column::Name(name) => {
            let found = header.and_then(|header| header.iter().position(|cell| cell.trim() == name));
            found.map_or_else(|| unknown(name.clone()), Ok)
        }
    }
}

fn pieces(template: &str, header: Option<&Cells>, file: &str) -> Result<Vec<Piece>, MappingError> {
    let mut pieces = Vec::new();
    let mut rest = template;
    while let Some((text, after)) = rest.split_once('{') {
        pieces.push(Piece::Text(text.to_owned()));
        let Some((name, after)) = after.split_once('}') else {
            return Err(MappingError::Template { template: template.to_owned() });
        };
        pieces.push(match (name, name.parse()) {
            ("row", _) => Piece::Row,
            ("file", _) => Piece::Text(file.to_owned()),
            (_, Ok(number)) => Piece::Cell(place(&Column::Number(number), header)?),
            _ => Piece::Cell(place(&Column::Name(name.to_owned()), header)?),
        });
        rest = after;
    }
    pieces.push(Piece::Text(rest.to_owned()));
    Ok(pieces)
}
