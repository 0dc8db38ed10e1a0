//! Memory: what a stock key and a remembered id take, and whether imports and exports stay flat.

use super::figure::{Figure, Figures, Unit, number};
use super::load::{Keys, Load, ndjson};
use super::{Scale, core, watching};
use crate::clock;
use anyhow::{Context, Result, bail};
use ledger::State;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;
use wire::KeyHasher;

const EVENTS: usize = 2_000_000;
const TARGET_PEAK_BYTES: f64 = 256.0 * 1024.0 * 1024.0;

pub(super) fn measure(scale: &Scale, figures: &mut Figures) -> Result<()> {
    let keys = Keys::new(100_000);
    let mut load = Load::new(&keys, KeyHasher::new([7; 16]), clock::now());
    let (opening, batches) = (load.opening(), load.batches(scale.of(EVENTS)));
    let mut state = State::new(1);
    core::decide_and_apply(&mut state, &opening, clock::now());
    core::decide_and_apply(&mut state, &batches, clock::now());
    let (books, lines, ids) = state.memory_bytes();
    figures.push(Figure::new("memory per stock key", number(books + lines) / number(state.stock_keys()), Unit::Bytes));
    let figure = Figure::new("memory per remembered id", number(ids) / number(state.remembered_ids()), Unit::Bytes);
    figures.push(figure.limit(24.0, "a 128-bit key and a position"));
    drop(state);
    watching::memory(scale, figures);

    let scratch = tempfile::Builder::new().prefix("stocktide-bench-").tempdir_in(&scale.directory)?;
    let file = scratch.path().join("events.ndjson");
    let mut out = BufWriter::new(File::create(&file)?);
    for batch in opening.iter().chain(&batches) {
        out.write_all(&ndjson(batch))?;
    }
    out.flush()?;
    drop((opening, batches));
    let (data, out) = (scratch.path().join("data"), scratch.path().join("entries.ndjson"));
    let path = |path: &Path| path.as_os_str().to_owned();
    let import = peak_bytes(&["import".into(), path(&file), "--data".into(), path(&data)])?;
    figures.push(Figure::new("import, peak memory", import, Unit::Bytes));
    let export = peak_bytes(&["export".into(), "--data".into(), path(&data), "--output".into(), path(&out)])?;
    figures.push(Figure::new("export, peak memory", export, Unit::Bytes).target(TARGET_PEAK_BYTES));
    Ok(())
}

/// Runs this program with other arguments and answers the most memory it had, in bytes.
fn peak_bytes(arguments: &[std::ffi::OsString]) -> Result<f64> {
    let program = std::env::current_exe().context("finding this program")?;
    let mut command = Command::new(program);
    let mut child = command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
    let status_file = format!("/proc/{}/status", child.id());
    // What the kernel remembers of the peak only grows, so the last look before the end is near it.
    let (ended, ends) = channel::<()>();
    let watching = std::thread::spawn(move || {
        let mut peak = 0;
        while ends.recv_timeout(Duration::from_millis(2)) == Err(RecvTimeoutError::Timeout) {
            peak = peak.max(std::fs::read_to_string(&status_file).ok().and_then(|text| peak_of(&text)).unwrap_or(0));
        }
        peak
    });
    let status = child.wait()?;
    drop(ended);
    let peak = watching.join().ok().context("watching the child stopped on a bug")?;
    if !status.success() {
        bail!("the program ended with {status}");
    }
    Ok(number(peak))
}

fn peak_of(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024)
}
