//! What is typed for an import, and what it means.

use super::{Import, Input};
use crate::client::{Client, ServerAddressArgs};
use crate::config::ConfigFile;
use crate::directory::DataArgs;
use crate::failure::{Usage, usage};
use anyhow::{Context, Result};
use clap::{Args, ValueEnum};
use std::path::{Path, PathBuf};
use wire::csv_in::{Column, Mapping};

const EXAMPLES: &str = "\
CSV columns are found by the names of event fields (event, product_id, location, quantity, timestamp, ...), by
--column and --constant, or by a mapping file (docs/formats/events.md, examples/). Rows go in once: the same file again
changes nothing. A row that can't be used is kept in the held list with its reasons and listed at the end.

Examples:
  stocktide import events.ndjson.gz --data stock
  stocktide import sales.csv --mapping sales.toml --dry-run --data stock
  stocktide import sales.csv --column product_id=item --column quantity=qty --column timestamp=booked \\
    --constant event=item_removed --constant location=shop --time-zone Europe/Berlin --data stock
  stocktide import stock.csv --opening-stock --as-of 2026-01-01T00:00:00Z --data stock
  stocktide import events.csv --url http://127.0.0.1:8600 --token-file stock/admin.token";

/// Imports events, or opening stock, from CSV and NDJSON files.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct ImportArgs {
    /// The files: .csv, .ndjson or .jsonl, each also .gz; `-` is standard input.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    #[command(flatten)]
    data: DataArgs,
    #[command(flatten)]
    server: ServerAddressArgs,
    /// Judges every row and changes nothing.
    #[arg(long)]
    dry_run: bool,
    /// The files' format, whatever their names: csv or ndjson.
    #[arg(long, value_name = "FORMAT")]
    format: Option<Format>,
    /// The source of events that name none [default: the file's name].
    #[arg(long, value_name = "NAME")]
    source: Option<String>,
    /// The events are of now: one older than the window in which repetitions are known is held.
    #[arg(long)]
    live: bool,
    /// Prints each problem and the summary as one JSON object a line.
    #[arg(long)]
    json: bool,
    #[command(flatten, next_help_heading = "Columns of CSV files")]
    columns: ColumnArgs,
}

#[derive(Debug, Args)]
struct ColumnArgs {
    /// The mapping of columns to fields, a TOML file; the options below add to it.
    #[arg(long, value_name = "FILE")]
    mapping: Option<PathBuf>,
    /// Feeds a field from a column, by its header or its number from 1.
    #[arg(long, value_name = "FIELD=COLUMN")]
    column: Vec<String>,
    /// What a field is when it has no column or its cell is empty.
    #[arg(long, value_name = "FIELD=TEXT")]
    constant: Vec<String>,
    /// Each row's id, such as `{invoice}-{row}`: headers, {row} and {file}.
    #[arg(long, value_name = "TEMPLATE")]
    id: Option<String>,
    /// What stands between cells [default: ,].
    #[arg(long, value_name = "CHARACTER")]
    delimiter: Option<char>,
    /// The first row is no header.
    #[arg(long)]
    no_header: bool,
    /// Numbers are written 1.234,5.
    #[arg(long)]
    decimal_comma: bool,
    /// How times are written, in strftime letters, such as `%d.%m.%Y %H:%M`.
    #[arg(long, value_name = "FORMAT")]
    timestamp_format: Option<String>,
    /// The zone of times without offset, such as Europe/Berlin.
    #[arg(long, value_name = "ZONE")]
    time_zone: Option<String>,
    /// Each row is stock that is there: product_id, location, quantity and, if you like, lot, expiry, unit, status.
    #[arg(long)]
    opening_stock: bool,
    /// When the opening stock was there [default: now].
    #[arg(long, value_name = "TIME", requires = "opening_stock")]
    as_of: Option<String>,
}

/// How a file is laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// Rows of cells.
    Csv,
    /// One event a line.
    Ndjson,
}

/// Where the rows go.
pub(super) enum Target {
    Directory(PathBuf, engine::Settings),
    Server(std::cell::RefCell<Client>),
}

impl ImportArgs {
    pub(super) fn meaning(self, config: &ConfigFile) -> Result<Import> {
        let files: Result<Vec<Input>> = self.files.iter().map(|path| input(path, self.format)).collect();
        let target = match self.server.client(&self.data, config)? {
            Some(client) => Target::Server(std::cell::RefCell::new(client)),
            None => Target::Directory(self.data.directory(config), config.engine.settings()?),
        };
        let files = files?;
        if let Some(input) = files.iter().find(|input| self.columns.opening_stock && input.format == Format::Ndjson) {
            return usage(format!("{}: opening stock is read from CSV files", input.path.display()));
        }
        Ok(Import {
            files,
            mapping: self.columns.mapping()?,
            target,
            source: self.source,
            historical: !self.live,
            dry_run: self.dry_run,
            json: self.json,
        })
    }
}

impl ColumnArgs {
    fn mapping(self) -> Result<Mapping> {
        let mut mapping = match &self.mapping {
            Some(path) => {
                let text = std::fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))?;
                toml::from_str(&text)
                    .map_err(|error| Usage(format!("{}: {}", path.display(), error.to_string().trim())))?
            }
            None if self.opening_stock => Mapping::opening_stock(as_of(self.as_of.as_deref())?),
            None => Mapping::default(),
        };
        if self.mapping.is_some() && self.opening_stock {
            let opening = Mapping::opening_stock(as_of(self.as_of.as_deref())?);
            mapping.constants.extend(opening.constants);
            mapping.id = mapping.id.or(opening.id);
        }
        for pair in &self.column {
            let (field, column) = split(pair, "--column FIELD=COLUMN")?;
            let column = column.parse().map_or_else(|_| Column::Name(column.to_owned()), Column::Number);
            mapping.columns.insert(field.to_owned(), column);
        }
        for pair in &self.constant {
            let (field, text) = split(pair, "--constant FIELD=TEXT")?;
            mapping.constants.insert(field.to_owned(), text.to_owned());
        }
        mapping.id = self.id.or(mapping.id);
        mapping.delimiter = self.delimiter.unwrap_or(mapping.delimiter);
        mapping.has_header &= !self.no_header;
        mapping.decimal_comma |= self.decimal_comma;
        mapping.timestamp_format = self.timestamp_format.or(mapping.timestamp_format);
        mapping.time_zone = self.time_zone.or(mapping.time_zone);
        Ok(mapping)
    }
}

fn as_of(text: Option<&str>) -> Result<ledger::Timestamp> {
    let Some(text) = text else { return Ok(crate::clock::now()) };
    let at = wire::time::parse_timestamp(text);
    at.map_err(|error| Usage(format!("--as-of {text}: {error}; write it as 2026-02-16T10:00:00Z")).into())
}

fn split<'a>(pair: &'a str, form: &str) -> Result<(&'a str, &'a str)> {
    let parts = pair.split_once('=').map(|(field, rest)| (field.trim(), rest.trim()));
    parts
        .filter(|(field, _)| !field.is_empty())
        .ok_or_else(|| Usage(format!("'{pair}' is not of the form {form}")).into())
}

fn input(path: &Path, format: Option<Format>) -> Result<Input> {
    let name = match path.file_name().and_then(|name| name.to_str()) {
        _ if path.as_os_str() == "-" => "stdin".to_owned(),
        Some(name) => name.strip_suffix(".gz").unwrap_or(name).to_owned(),
        None => return usage(format!("{} is no file name in UTF-8", path.display())),
    };
    let ending = name.rsplit_once('.').map(|(_, ending)| ending.to_ascii_lowercase());
    let by_name = match ending.as_deref() {
        Some("csv" | "tsv" | "txt") => Some(Format::Csv),
        Some("ndjson" | "jsonl") => Some(Format::Ndjson),
        _ if name == "stdin" => Some(Format::Ndjson),
        _ => None,
    };
    match format.or(by_name) {
        Some(format) => Ok(Input { path: path.to_path_buf(), name, format }),
        None => usage(format!("{} ends in neither .csv, .ndjson nor .jsonl; say which with --format", path.display())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_are_known_by_the_ending() {
        let check = |path: &str, format| assert_eq!(input(Path::new(path), None).unwrap().format, format, "{path}");
        check("a/b.csv", Format::Csv);
        check("b.CSV.gz", Format::Csv);
        check("b.jsonl", Format::Ndjson);
        check("-", Format::Ndjson);
        assert!(input(Path::new("b.xlsx"), None).unwrap_err().is::<Usage>());
        assert_eq!(input(Path::new("b.csv.gz"), None).unwrap().name, "b.csv");
    }

    #[test]
    fn pairs_have_a_field_and_an_equals_sign() {
        assert_eq!(split("quantity = qty", "").unwrap(), ("quantity", "qty"));
        assert!(split("quantity", "").is_err() && split("=x", "").is_err());
    }
}
