//! `stocktide backup` and `stocktide restore`: a copy that opens as a data directory, made while work goes on.

use crate::config::ConfigFile;
use crate::directory::{self, DataArgs, in_directory};
use crate::failure::{Ended, usage};
use crate::progress::{Of, Progress};
use crate::{output, verify};
use anyhow::{Context, Result, bail};
use clap::Args;
use journal::RealDisk;
use std::fs::File;
use std::path::{Path, PathBuf};

const BACKUP_EXAMPLES: &str = "\
Works beside a running server and disturbs nobody. Checksums and the chain of hashes are verified on the way. The token
is not copied.

Examples:
  stocktide backup --data stock --to backups/monday";

const RESTORE_EXAMPLES: &str = "\
Examples:
  stocktide restore --from backups/monday --data stock";

/// Copies a data directory, in use or not, to an empty one.
#[derive(Debug, Args)]
#[command(after_help = BACKUP_EXAMPLES)]
pub(crate) struct BackupArgs {
    #[command(flatten)]
    data: DataArgs,
    /// The directory to copy to; made if it is missing.
    #[arg(long, value_name = "DIR")]
    to: PathBuf,
}

/// Verifies a backup and makes a data directory of it.
#[derive(Debug, Args)]
#[command(after_help = RESTORE_EXAMPLES)]
pub(crate) struct RestoreArgs {
    /// The backup.
    #[arg(long, value_name = "DIR")]
    from: PathBuf,
    #[command(flatten)]
    data: DataArgs,
}

/// Copies and says how much.
///
/// # Errors
/// The source can't be read or is damaged, or the destination can't be written or holds a journal.
pub(crate) fn back_up(args: &BackupArgs, config: &ConfigFile) -> Result<Ended> {
    let from = args.data.directory(config);
    let copied = copy(&from, &args.to)?;
    output::line(&format!(
        "copied {} entries to {}; the last block's hash is {}",
        output::count(copied.last_position.0),
        args.to.display(),
        copied.last_hash
    ))?;
    Ok(Ended::Done)
}

/// Verifies a backup and copies it.
///
/// # Errors
/// As [`back_up`], and a backup that does not say one thing.
pub(crate) fn restore(args: &RestoreArgs, config: &ConfigFile) -> Result<Ended> {
    let to = args.data.directory(config);
    if !is_empty(&to)? {
        return usage(format!("{} is not empty; restore to a directory that is, or that does not exist", to.display()));
    }
    let findings = verify::findings_of(&args.from).context("the backup can't be used")?;
    if !findings.is_sound() {
        output::note(&format!(
            "{} is not sound; `stocktide verify` says more. Nothing was restored.",
            args.from.display()
        ));
        return Ok(Ended::Damaged);
    }
    let copied = copy(&args.from, &to)?;
    if copied.last_hash.0 != findings.last_hash {
        bail!("{} changed while it was restored", args.from.display());
    }
    output::line(&format!("restored {} entries to {}", output::count(findings.entries), to.display()))?;
    Ok(Ended::Done)
}

fn is_empty(directory: &Path) -> Result<bool> {
    match std::fs::read_dir(directory) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(true),
        other => Ok(other.with_context(|| format!("reading {}", directory.display()))?.next().is_none()),
    }
}

/// Copies the journal and the newest snapshot that goes with it.
fn copy(from: &Path, to: &Path) -> Result<journal::Copied> {
    let reader = directory::read_only(from)?;
    let create = |name: &str| {
        let path = to.join(name);
        RealDisk::create(&path).with_context(|| format!("creating {}", path.display()))
    };
    let destination = create("journal")?;
    let mut progress = Progress::new();
    let copied = reader
        .copy_to(&destination, reader.durable_end(), &mut |walk| {
            progress.set("copying the journal", Of::Bytes, walk.bytes_done, walk.bytes_total);
        })
        .map_err(|source| in_directory(from, source))
        .context("copying the journal")?;
    progress.finish();
    let snapshots = RealDisk::existing(from.join("snapshots"));
    create("snapshots")?;
    let positions = journal::snapshot::positions(&snapshots).map_err(|source| in_directory(from, source))?;
    // A snapshot may be replaced by a newer one meanwhile; without any the next start takes longer, that is all.
    for position in positions.into_iter().filter(|position| *position <= copied.last_position) {
        let name = format!("snapshot-{:020}.snap", position.0);
        let (from, to) = (from.join("snapshots").join(&name), to.join("snapshots"));
        match copy_file(&from, &to, &name) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            other => {
                other.with_context(|| format!("copying {}", from.display()))?;
                break;
            }
        }
    }
    Ok(copied)
}

fn copy_file(from: &Path, to: &Path, name: &str) -> std::io::Result<()> {
    // Open first: a file that is removed meanwhile can still be read.
    let mut source = File::open(from)?;
    let mut target = File::create(to.join(name))?;
    std::io::copy(&mut source, &mut target)?;
    target.sync_all()?;
    File::open(to)?.sync_all()
}
