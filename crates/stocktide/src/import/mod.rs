//! `stocktide import`: files of events, of any size, in memory that does not grow with them.
//!
//! Rows are read in chunks; good ones go in, and each bad one is kept in the held list with its text, its place and all
//! that is wrong with it. Sent again, a file changes nothing.
//!
//! Invariant: each row is counted once: accepted, duplicate, held, rejected or skipped.

mod args;
mod here;
mod report;
mod source;
mod there;

pub(crate) use args::ImportArgs;

use crate::clock::Stopwatch;
use crate::config::ConfigFile;
use crate::failure::Ended;
use crate::progress::{Of, Progress};
use anyhow::{Context, Result};
use args::{Format, Target};
use here::Here;
use report::Report;
pub(crate) use source::Source;
use std::path::PathBuf;
use there::There;
use wire::KeyHasher;
use wire::csv_in::{Chunk, CsvEvents, Mapping, NdjsonEvents};
use wire::event::{Defaults, Limits};

/// Rows read at once.
const CHUNK_ROWS: usize = 4096;

/// An import to make.
pub(crate) struct Import {
    files: Vec<Input>,
    mapping: Mapping,
    target: Target,
    source: Option<String>,
    historical: bool,
    dry_run: bool,
    json: bool,
}

/// A file to read; `-` is standard input.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Input {
    path: PathBuf,
    /// What ids and places call it.
    name: String,
    format: Format,
}

/// Where rows go.
trait Sink {
    /// What makes the keys of the rows.
    fn hasher(&self) -> KeyHasher;

    /// Takes the rows of a chunk; what became of them is reported now or later, in order.
    ///
    /// # Errors
    /// Nothing more can be taken.
    fn take(&mut self, file: &str, chunk: Chunk, report: &mut Report) -> Result<()>;

    /// Reports on everything taken.
    ///
    /// # Errors
    /// As [`take`](Self::take).
    fn settle(&mut self, report: &mut Report) -> Result<()>;
}

impl Import {
    /// What the arguments mean.
    ///
    /// # Errors
    /// A file without a known format, a mapping that can't be read, or options that don't go together.
    pub(crate) fn new(args: ImportArgs, config: &ConfigFile) -> Result<Self> {
        args.meaning(config)
    }

    /// Imports all files and prints what became of their rows.
    ///
    /// # Errors
    /// A file or the target fails. What went in until then stays; importing again continues.
    pub(crate) fn run(self) -> Result<Ended> {
        // A file that is missing is told before the long work.
        let sources: Result<Vec<Source>> = self.files.iter().map(|input| Source::open(&input.path)).collect();
        let sources = sources?;
        let taken = Stopwatch::start();
        let mut report = Report::new(self.json, self.dry_run);
        let imported = match &self.target {
            Target::Directory(directory, settings) => {
                let mut here = Here::open(directory, *settings, self.dry_run)?;
                let imported = self.feed(sources, &mut here, &mut report);
                here.close().and(imported)
            }
            Target::Server(client) => {
                let mut there = There::new(client, self.historical, self.dry_run);
                self.feed(sources, &mut there, &mut report)
            }
        };
        let finished = report.finish(taken.seconds());
        imported?;
        finished?;
        Ok(Ended::Done)
    }

    fn feed(&self, sources: Vec<Source>, sink: &mut dyn Sink, report: &mut Report) -> Result<()> {
        let mut progress = if self.json { Progress::hidden() } else { Progress::new() };
        for (input, source) in self.files.iter().zip(sources) {
            self.file(input, source, sink, report, &mut progress)
                .with_context(|| format!("importing {}", input.path.display()))?;
        }
        sink.settle(report)
    }

    fn file(
        &self,
        input: &Input,
        source: Source,
        sink: &mut dyn Sink,
        report: &mut Report,
        progress: &mut Progress,
    ) -> Result<()> {
        let (read, total) = (source.bytes_read(), source.bytes_total());
        let defaults = Defaults {
            actor: "import",
            source: self.source.as_deref().unwrap_or(&input.name),
            historical: self.historical,
            resolves: None,
        };
        let (hasher, limits) = (sink.hasher(), Limits::default());
        let mut rows = match input.format {
            Format::Csv => Rows::Csv(Box::new(
                CsvEvents::new(source, &self.mapping, &input.name, defaults, hasher, limits)
                    .context("reading the mapping and header")?,
            )),
            Format::Ndjson => Rows::Ndjson(Box::new(NdjsonEvents::new(source, defaults, hasher, limits))),
        };
        let since = Stopwatch::start();
        let before = report.rows();
        while let Some(chunk) = rows.next().context("reading the file")? {
            sink.take(&input.name, chunk, report)?;
            let done = read.load(std::sync::atomic::Ordering::Relaxed);
            progress.set_with("importing", Of::Bytes, (done, total.max(done)), &|| {
                format!("{} rows/s", crate::output::count(per_second(report.rows() - before, since.seconds())))
            });
        }
        Ok(())
    }
}

/// How many a second; a rate of nothing is zero.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "a rate to show"
)]
fn per_second(count: u64, seconds: f64) -> u64 {
    if seconds > 0.0 { (count as f64 / seconds) as u64 } else { 0 }
}

/// The rows of a file.
enum Rows<'d> {
    Csv(Box<CsvEvents<'d, Source>>),
    Ndjson(Box<NdjsonEvents<'d, Source>>),
}

impl Rows<'_> {
    fn next(&mut self) -> std::io::Result<Option<Chunk>> {
        match self {
            Self::Csv(rows) => rows.next_batch(CHUNK_ROWS),
            Self::Ndjson(rows) => rows.next_batch(CHUNK_ROWS),
        }
    }
}
