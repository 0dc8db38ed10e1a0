//! `stocktide bench`: what this program does on this machine, beside what the machine can do at all.
//!
//! Each figure stands beside its physical limit, measured in the same run with the same bytes: a figure alone says as
//! much about the disk as about us. Everything is made from one seed and thrown away at the end.

mod accuracy;
mod core;
mod disk;
mod figure;
mod http;
mod ingest;
mod latency;
mod limits;
mod load;
mod memory;
mod past;
#[cfg(feature = "postgres")]
mod postgres;
mod raw;
mod reads;
mod restart;
mod rig;
mod tags;
mod watching;

use crate::failure::{Ended, usage};
use crate::output;
use anyhow::{Context, Result};
use clap::Args;
use figure::Figures;
use std::path::PathBuf;

const EXAMPLES: &str = "\
Names: ingest, http, latency, reads, tags, watch, alerts, limits, due, accuracy, past, restart,
memory, and postgres with --postgres. A busy machine measures low; run it on a quiet one, on the
disk that is meant (--directory).

Examples:
  stocktide bench --quick
  stocktide bench --only ingest --only http --json figures.json";

/// Measures this machine: ingest, acknowledgements, reads, tag reads, the watch, restart and memory, each beside its
/// physical limit.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct BenchArgs {
    /// A tenth of the work, for a first impression.
    #[arg(long)]
    quick: bool,
    /// Only this measurement; may be given several times.
    #[arg(long, value_name = "NAME")]
    only: Vec<String>,
    /// Also writes the figures to this file, as JSON.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Where the measurements write; emptied again [default: the system's temporary directory].
    #[arg(long, value_name = "DIR")]
    directory: Option<PathBuf>,
    /// Compares with PostgreSQL at this address; a schema `stocktide_bench` is made there and dropped again.
    #[cfg(feature = "postgres")]
    #[arg(long, value_name = "postgres://…")]
    postgres: Option<String>,
}

/// Measurements to make.
pub(crate) struct Bench {
    only: Vec<String>,
    json: Option<PathBuf>,
    scale: Scale,
    #[cfg(feature = "postgres")]
    postgres: Option<String>,
}

/// How much work, and where.
#[derive(Clone, Debug)]
struct Scale {
    quick: bool,
    directory: PathBuf,
}

impl Scale {
    /// The number of a full run, or a tenth of it.
    fn of(&self, full: usize) -> usize {
        if self.quick { full / 10 } else { full }
    }
}

type Measure = fn(&Scale, &mut Figures) -> Result<()>;

/// Every measurement by its name. One that others' limits rest on comes first.
const MEASURES: &[(&str, Measure)] = &[
    ("ingest", ingest::measure),
    ("http", http::measure),
    ("latency", latency::measure),
    ("reads", reads::measure),
    ("tags", tags::measure),
    ("watch", watching::ingest),
    ("alerts", watching::alerts),
    ("limits", limits::measure),
    ("due", watching::due),
    ("accuracy", accuracy::measure),
    ("past", past::measure),
    ("restart", restart::measure),
    ("memory", memory::measure),
];

impl Bench {
    /// What the arguments mean.
    ///
    /// # Errors
    /// A name that there is not.
    pub(crate) fn new(args: BenchArgs) -> Result<Self> {
        let is_known = |name: &String| name == "postgres" || MEASURES.iter().any(|(known, _)| known == name);
        if let Some(name) = args.only.iter().find(|name| !is_known(name)) {
            return usage(format!("there is no measurement '{name}'"));
        }
        Ok(Self {
            only: args.only,
            json: args.json,
            scale: Scale { quick: args.quick, directory: args.directory.unwrap_or_else(std::env::temp_dir) },
            #[cfg(feature = "postgres")]
            postgres: args.postgres,
        })
    }

    /// Measures, one after another, and prints the tables.
    ///
    /// # Errors
    /// A measurement fails, or the file can't be written.
    pub(crate) fn run(self) -> Result<Ended> {
        let mut figures = Figures::default();
        for (name, measure) in MEASURES {
            if self.is_wanted(name) {
                output::note(&format!("measuring {name} …"));
                measure(&self.scale, &mut figures).with_context(|| format!("measuring {name}"))?;
            }
        }
        #[cfg(feature = "postgres")]
        if let Some(url) = self.postgres.as_ref().filter(|_| self.is_wanted("postgres")) {
            output::note("measuring postgres …");
            postgres::measure(&self.scale, url, &mut figures).context("measuring postgres")?;
        }
        output::line(&figures.tables())?;
        if let Some(file) = &self.json {
            let text = serde_json::to_string_pretty(&figures.json(self.scale.quick))?;
            std::fs::write(file, text + "\n").with_context(|| format!("writing {}", file.display()))?;
        }
        Ok(Ended::Done)
    }

    fn is_wanted(&self, name: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|only| only == name)
    }
}
