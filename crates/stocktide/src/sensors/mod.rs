//! `stocktide sensors`: how well faulty sensors are told, on series whose anomalies somebody has labelled.
//!
//! Start with [`run`]; [`files`] reads the series, [`score`] says what scores are worth, [`baselines`] what is to be beaten,
//! [`report`] prints.

mod baselines;
mod files;
mod report;
mod score;

use crate::failure::Ended;
use crate::output;
use anyhow::{Context, Result};
use clap::{Args, Subcommand};
use files::File;
use report::{Measured, Report};
use score::{Outcome, best_threshold};
use std::path::PathBuf;
use watch::sensor::{Detector, Settings};

const BENCH_EXAMPLES: &str = "\
The folder holds series of the Numenta Anomaly Benchmark (CSV: timestamp,value) and their
windows (anomaly_windows.json or combined_windows.json), laid out as there or flat. Detectors
that were published with it (results/) are scored beside. docs/sensors.md says how.

Examples:
  stocktide sensors bench --data NAB
  stocktide sensors bench --data series --json > figures.json";

/// Measures how well faulty sensors are told.
#[derive(Debug, Args)]
pub(crate) struct SensorsArgs {
    #[command(subcommand)]
    command: CommandArgs,
}

#[derive(Debug, Subcommand)]
enum CommandArgs {
    /// Judges labelled series and says how well, beside simple thresholds.
    #[command(after_help = BENCH_EXAMPLES)]
    Bench(BenchArgs),
}

#[derive(Debug, Args)]
struct BenchArgs {
    /// The folder of the series and their windows.
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// Writes the figures to this file, as JSON, too; without a file, prints them so instead of tables.
    #[arg(long, value_name = "FILE", num_args = 0..=1, default_missing_value = "-")]
    json: Option<PathBuf>,
}

/// Judges every series and prints how well.
///
/// # Errors
/// Files that can't be read, or output that can't be written.
pub(crate) fn run(args: SensorsArgs) -> Result<Ended> {
    let CommandArgs::Bench(BenchArgs { data, json }) = args.command;
    let files = files::read(&data)?;
    output::note(&format!("judging {} readings of {} files …", files::readings(&files), files.len()));
    let ours: Vec<Judged> = files.iter().map(judge).collect();
    let scores = |of: fn(&[f64]) -> Vec<f64>| -> Vec<Vec<f64>> {
        files.iter().map(|file| of(&file.readings.iter().map(|(_, value)| *value).collect::<Vec<_>>())).collect()
    };
    let mut measured = vec![
        swept("stocktide", &files, &ours.iter().map(|judged| judged.scores.clone()).collect::<Vec<_>>()),
        fixed("stocktide faults", &files, &ours.iter().map(|judged| judged.began.clone()).collect::<Vec<_>>()),
        swept("static threshold", &files, &scores(baselines::fixed)),
        swept("rolling z-score", &files, &scores(baselines::rolling)),
    ];
    measured.extend(files::published(&data, &files).iter().map(|(name, scores)| swept(name, &files, scores)));
    let faults = ours.into_iter().map(|judged| judged.faults).collect();
    let report = Report { files: &files, measured, faults, published: files::final_results(&data) };
    let as_json = || serde_json::to_string_pretty(&report.json());
    if json.as_ref().is_some_and(|file| file.as_os_str() == "-") {
        output::line(&as_json()?)?;
        return Ok(Ended::Done);
    }
    output::line(&report.tables())?;
    if let Some(file) = &json {
        std::fs::write(file, as_json()? + "\n").with_context(|| format!("writing {}", file.display()))?;
    }
    Ok(Ended::Done)
}

/// What our detector says of a series, a row each.
struct Judged {
    scores: Vec<f64>,
    /// One where an episode began.
    began: Vec<f64>,
    /// The names of the faults, each with how many times it began after the probation.
    faults: Vec<(&'static str, usize)>,
}

fn judge(file: &File) -> Judged {
    let mut detector = Detector::new(Settings::default());
    let mut judged = Judged { scores: Vec::new(), began: Vec::new(), faults: Vec::new() };
    let from = file.readings.len() - file.sheet.rows_scored();
    for (row, (at, value)) in file.readings.iter().enumerate() {
        let judgement = detector.observe(*at, *value);
        judged.scores.push(judgement.score);
        judged.began.push(if judgement.began.is_some() { 1.0 } else { 0.0 });
        if let Some(episode) = judgement.began.filter(|_| row >= from) {
            let name = episode.fault.name();
            match judged.faults.iter_mut().find(|(known, _)| *known == name) {
                Some((_, count)) => *count += 1,
                None => judged.faults.push((name, 1)),
            }
        }
    }
    judged
}

/// A detector under the one threshold that suits it best on all files, as the benchmark has it; and under the threshold that
/// suits it best on all files but the one that it is used on.
fn swept(name: &str, files: &[File], scores: &[Vec<f64>]) -> Measured {
    let pairs = || files.iter().map(|file| &file.sheet).zip(scores.iter().map(Vec::as_slice));
    let threshold = best_threshold(pairs());
    let outcomes = pairs().map(|(sheet, scores)| sheet.outcome(scores, threshold)).collect();
    let left_out = (files.len() > 1).then(|| {
        let mut total = Outcome::default();
        for (left, (sheet, scores)) in pairs().enumerate() {
            let others = pairs().enumerate().filter(|(index, _)| *index != left).map(|(_, pair)| pair);
            total.add(&sheet.outcome(scores, best_threshold(others)));
        }
        total
    });
    Measured { name: name.to_owned(), threshold: Some(threshold), outcomes, left_out }
}

/// A detector that says yes or no by itself.
fn fixed(name: &str, files: &[File], detections: &[Vec<f64>]) -> Measured {
    let outcomes = files.iter().zip(detections).map(|(file, scores)| file.sheet.outcome(scores, 1.0)).collect();
    Measured { name: name.to_owned(), threshold: None, outcomes, left_out: None }
}
