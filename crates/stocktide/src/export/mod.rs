//! `stocktide export`: what the journal holds, for other programs, in memory that does not grow with it.

mod events;
mod remote;
mod stock;

use crate::client::{Client, ServerAddressArgs};
use crate::config::ConfigFile;
use crate::directory::{self, DataArgs, in_directory};
use crate::failure::{Ended, Usage, usage};
use crate::output;
use crate::progress::{Of, Progress};
use anyhow::{Context, Result};
use clap::{Args, ValueEnum};
use engine::Error;
use journal::{Reader, RealDisk};
use ledger::{
    AccountId, AccountKey, Catalog, LocationId, LotId, PartyId, Position, ProductId, ReasonId, SerialId, Timestamp,
    UnitId,
};
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use wire::export::Names;
use wire::record::Entry;

const EXAMPLES: &str = "\
`entries` are what the ledger did, with all postings. `events` are what `stocktide import` takes: imported into an empty
directory they give the same stock (cards of products and locations, held inputs and ended reservations are not events
and stay behind; a backup has everything). `stock` is what is on hand now.

A directory that a server works on can be read. From a server (--url) come entries, the newest first, and stock.

Examples:
  stocktide export --data stock --output entries.ndjson
  stocktide export entries --format csv --from 2026-02-01T00:00:00Z --to 2026-03-01T00:00:00Z --data stock
  stocktide export events --data stock | stocktide import - --data copy
  stocktide export stock --data stock --output stock.csv";

/// Writes entries, events or stock levels to a file.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct ExportArgs {
    /// What to write: entries, events or stock.
    #[arg(default_value = "entries")]
    what: What,
    #[command(flatten)]
    data: DataArgs,
    #[command(flatten)]
    server: ServerAddressArgs,
    /// How: ndjson or csv [default: by the ending of the output's name, else ndjson, csv for stock].
    #[arg(long, value_name = "FORMAT")]
    format: Option<Format>,
    /// From this position or time of recording on.
    #[arg(long, value_name = "POSITION|TIME")]
    from: Option<String>,
    /// Up to this position or time of recording.
    #[arg(long, value_name = "POSITION|TIME")]
    to: Option<String>,
    /// The file to write; standard output if absent.
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum What {
    /// The ledger's entries with all their postings.
    Entries,
    /// Events that `import` takes.
    Events,
    /// Current stock levels.
    Stock,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// One JSON object a line.
    Ndjson,
    /// Rows of stable columns.
    Csv,
}

/// An export to make.
pub(crate) struct Export {
    what: What,
    way: Way,
    format: Format,
    range: Range,
    output: Option<PathBuf>,
}

enum Way {
    Directory(PathBuf),
    Server(Client),
}

/// Which entries; both ends included.
#[derive(Clone, Copy, Debug)]
struct Range {
    positions: (Position, Position),
    recorded: (Timestamp, Timestamp),
}

impl Range {
    fn new(from: Option<&str>, to: Option<&str>) -> Result<Self> {
        let mut range =
            Self { positions: (Position::ZERO, Position(u64::MAX)), recorded: (Timestamp::MIN, Timestamp::MAX) };
        match from.map(mark).transpose()? {
            Some(Mark::Position(position)) => range.positions.0 = position,
            Some(Mark::Time(at)) => range.recorded.0 = at,
            None => {}
        }
        match to.map(mark).transpose()? {
            Some(Mark::Position(position)) => range.positions.1 = position,
            Some(Mark::Time(at)) => range.recorded.1 = at,
            None => {}
        }
        Ok(range)
    }

    fn is_all(&self) -> bool {
        self.positions == (Position::ZERO, Position(u64::MAX)) && self.recorded == (Timestamp::MIN, Timestamp::MAX)
    }

    fn holds(&self, position: Position, entry: &Entry) -> bool {
        position >= self.positions.0 && entry.decision.recorded_at >= self.recorded.0 && !self.is_past(position, entry)
    }

    /// Whether this entry and all after it lie beyond the end.
    fn is_past(&self, position: Position, entry: &Entry) -> bool {
        position > self.positions.1 || entry.decision.recorded_at > self.recorded.1
    }
}

enum Mark {
    Position(Position),
    Time(Timestamp),
}

fn mark(text: &str) -> Result<Mark> {
    if let Ok(position) = text.parse() {
        return Ok(Mark::Position(Position(position)));
    }
    let at = wire::time::parse_timestamp(text);
    at.map(Mark::Time)
        .map_err(|_| Usage(format!("'{text}' is no position and no time such as 2026-02-16T10:00:00Z")).into())
}

impl Export {
    /// What the arguments mean.
    ///
    /// # Errors
    /// A combination that there is not.
    pub(crate) fn new(args: ExportArgs, config: &ConfigFile) -> Result<Self> {
        let ending = args.output.as_ref().and_then(|path| path.extension()).and_then(|ending| ending.to_str());
        let by_name = ending.and_then(|ending| match ending {
            "csv" => Some(Format::Csv),
            "ndjson" | "jsonl" => Some(Format::Ndjson),
            _ => None,
        });
        let format = args.format.or(by_name);
        let only = match args.what {
            What::Entries => None,
            What::Events => Some(Format::Ndjson),
            What::Stock => Some(Format::Csv),
        };
        let format = match (format, only) {
            (Some(format), Some(only)) if format != only => {
                return usage(format!("{:?} are written as {only:?} only", args.what).to_lowercase());
            }
            (format, only) => format.or(only).unwrap_or(Format::Ndjson),
        };
        let range = Range::new(args.from.as_deref(), args.to.as_deref())?;
        if args.what == What::Stock && !range.is_all() {
            return usage("stock is what is on hand now; --from and --to go with entries and events");
        }
        let way = match args.server.client(&args.data, config)? {
            Some(client) => Way::Server(client),
            None => Way::Directory(args.data.directory(config)),
        };
        if matches!(way, Way::Server(_))
            && (args.what == What::Events || (args.what, format) == (What::Entries, Format::Csv))
        {
            return usage("a server gives entries as NDJSON, and stock; for the rest name the directory with --data");
        }
        Ok(Self { what: args.what, way, format, range, output: args.output })
    }

    /// Writes it.
    ///
    /// # Errors
    /// What is to be read can't be, or the output can't be written.
    pub(crate) fn run(self) -> Result<Ended> {
        let to: Box<dyn Write> = match &self.output {
            None => Box::new(output::Results::new()),
            Some(path) => Box::new(File::create(path).with_context(|| format!("creating {}", path.display()))?),
        };
        let mut out = BufWriter::with_capacity(1 << 16, to);
        match (self.way, self.what) {
            (Way::Server(mut client), What::Stock) => remote::stock(&mut client, &mut out)?,
            (Way::Server(mut client), _) => remote::entries(&mut client, self.range, &mut out)?,
            (Way::Directory(directory), What::Stock) => stock::write(&directory, &mut out)?,
            (Way::Directory(directory), What::Events) => {
                let left_out = events::write(&directory, self.range, &mut out)?;
                for (kind, count) in left_out {
                    output::note(&format!("left out, for it is no event: {} {kind}", output::count(count)));
                }
            }
            (Way::Directory(directory), What::Entries) => entries(&directory, self.range, self.format, &mut out)?,
        }
        out.flush().context("writing the export")?;
        Ok(Ended::Done)
    }
}

fn entries(directory: &Path, range: Range, format: Format, out: &mut dyn Write) -> Result<()> {
    let reader = directory::read_only(directory)?;
    let mut names = Known::new();
    let mut lines = match format {
        Format::Ndjson => Lines::Ndjson(out),
        Format::Csv => Lines::Csv(Box::new(wire::export::CsvExport::new(out).context("writing the export")?)),
    };
    for_each_entry(directory, &reader, &mut |position, entry| {
        if range.is_past(position, &entry) {
            return Ok(false);
        }
        names.learn(&entry);
        if range.holds(position, &entry) {
            lines.write(position, &entry, &names).context("writing the export")?;
        }
        Ok(true)
    })?;
    lines.finish().context("writing the export")
}

/// Entries on their way out.
enum Lines<'a> {
    Ndjson(&'a mut dyn Write),
    Csv(Box<wire::export::CsvExport<&'a mut dyn Write>>),
}

impl Lines<'_> {
    fn write(&mut self, position: Position, entry: &Entry, names: &Known) -> std::io::Result<()> {
        match self {
            Self::Ndjson(out) => writeln!(out, "{}", wire::export::render_ndjson(position, entry, names)),
            Self::Csv(out) => out.write(position, entry, names),
        }
    }

    fn finish(self) -> std::io::Result<()> {
        match self {
            Self::Ndjson(_) => Ok(()),
            Self::Csv(out) => out.finish().map(drop),
        }
    }
}

/// Shows `visit` every entry of a journal, the oldest first, until it answers `false`, and how far that has come.
///
/// # Errors
/// What can't be read, and whatever `visit` fails with.
pub(crate) fn for_each_entry(
    directory: &Path,
    reader: &Reader<RealDisk>,
    visit: &mut dyn FnMut(Position, Entry) -> Result<bool>,
) -> Result<()> {
    let mut progress = Progress::new();
    let total = reader.durable_end().0;
    for block in reader.blocks(journal::Position::FIRST) {
        let block = block.map_err(|source| in_directory(directory, source))?;
        let mut position = Position(block.first_position.0);
        for (index, entry) in (0..).zip(wire::record::decode_block(&block.payload)) {
            let entry = entry.map_err(|source| Error::Record { block: block.first_position.0, index, source })?;
            if !visit(position, entry)? {
                return Ok(());
            }
            position = position.next();
        }
        progress.set("reading entries", Of::Entries, position.0 - 1, total);
    }
    Ok(())
}

/// The names that entries so far have given, and no more than that.
pub(crate) struct Known {
    pub(crate) catalog: Catalog,
}

impl Known {
    pub(crate) fn new() -> Self {
        // The seed orders hash tables and nothing else.
        Self { catalog: Catalog::new(0) }
    }

    /// Takes in the names of an entry. Entries come in the order of the journal, from the first.
    pub(crate) fn learn(&mut self, entry: &Entry) {
        self.catalog.apply(&entry.decision);
    }
}

/// Journals are read from the first entry, so each id that an entry holds has been named.
impl Names for Known {
    fn account(&self, id: AccountId) -> Option<AccountKey> {
        Some(self.catalog.account(id))
    }

    fn product(&self, id: ProductId) -> Option<&str> {
        Some(&self.catalog.product(id).name)
    }

    fn location(&self, id: LocationId) -> Option<&str> {
        Some(&self.catalog.location(id).path)
    }

    fn lot(&self, id: LotId) -> Option<&str> {
        Some(&self.catalog.lot(id).name)
    }

    fn serial(&self, id: SerialId) -> Option<&str> {
        Some(&self.catalog.serial(id).name)
    }

    fn unit(&self, id: UnitId) -> Option<&str> {
        Some(self.catalog.unit(id))
    }

    fn party(&self, id: PartyId) -> Option<&str> {
        Some(self.catalog.party(id))
    }

    fn reason(&self, id: ReasonId) -> Option<&str> {
        Some(&self.catalog.reason(id).code)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_is_of_positions_or_times() {
        let range = Range::new(Some("17"), Some("2026-02-16T10:00:00Z")).unwrap();
        assert_eq!(range.positions, (Position(17), Position(u64::MAX)));
        assert_eq!(range.recorded, (Timestamp::MIN, Timestamp(1_771_236_000_000_000)));
        assert!(Range::new(None, None).unwrap().is_all());
        assert!(Range::new(Some("yesterday"), None).unwrap_err().is::<Usage>());
    }
}
