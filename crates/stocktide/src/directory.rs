//! The data directory: found, opened to work on, or opened to look at.

use crate::clock;
use crate::config::ConfigFile;
use crate::progress::{Of, Progress};
use anyhow::{Context, Result};
use clap::Args;
use engine::{Clock, Engine, Settings, Stage};
use journal::{Reader, RealDisk};
use std::path::{Path, PathBuf};

/// The directory when none is named.
const DEFAULT: &str = "stocktide-data";

/// Which data directory.
#[derive(Clone, Debug, Args)]
pub(crate) struct DataArgs {
    /// The data directory [default: stocktide-data].
    #[arg(long = "data", env = "STOCKTIDE_DATA", value_name = "DIR")]
    directory: Option<PathBuf>,
}

impl DataArgs {
    /// The directory meant.
    pub(crate) fn directory(&self, config: &ConfigFile) -> PathBuf {
        self.directory.clone().or_else(|| config.data.clone()).unwrap_or_else(|| DEFAULT.into())
    }
}

/// Opens a directory to work on, and shows how far that has come.
///
/// # Errors
/// Those of [`Engine::open`].
pub(crate) fn open(directory: &Path, settings: Settings, clock: Clock) -> Result<Engine> {
    let mut seed = [0; 16];
    getrandom::fill(&mut seed).context("asking the system for randomness")?;
    let mut progress = Progress::new();
    let taken = clock::Stopwatch::start();
    let engine = Engine::open(directory, settings, clock, seed, &mut |stage| match stage {
        Stage::Scanning { done, total } => progress.set("reading the journal", Of::Bytes, done, total),
        Stage::Loading => progress.set("loading the snapshot", Of::Entries, 0, 1),
        Stage::Replaying { done, total } => progress.set("replaying entries", Of::Entries, done, total),
    })
    .context("opening the data directory")?;
    progress.finish();
    let opened = engine.opened();
    tracing::info!(
        directory = %directory.display(),
        created = opened.created,
        last_position = opened.last_position.0,
        snapshot_position = opened.snapshot_position.0,
        replayed = opened.replayed,
        seconds = format!("{:.2}", taken.seconds()),
        "opened"
    );
    if opened.torn_bytes > 0 {
        tracing::warn!(bytes = opened.torn_bytes, "cut off an unfinished block that nobody was told was durable");
    }
    for passed_over in &opened.snapshots_passed_over {
        tracing::warn!("did not use snapshot {passed_over}");
    }
    Ok(engine)
}

/// Opens a directory's journal to look at, whether or not somebody works on it.
///
/// # Errors
/// Those of [`Reader::open_read_only`].
pub(crate) fn read_only(directory: &Path) -> Result<Reader<RealDisk>> {
    Reader::open_read_only(journal_disk(directory))
        .map_err(|source| in_directory(directory, source))
        .context("opening the data directory for reading")
}

/// The folder of the journal's segments.
pub(crate) fn journal_disk(directory: &Path) -> RealDisk {
    RealDisk::existing(directory.join("journal"))
}

/// The journal's error with the directory that it is of.
pub(crate) fn in_directory(directory: &Path, source: journal::Error) -> engine::Error {
    engine::Error::Journal { directory: directory.to_path_buf(), source }
}
