//! The files of the Numenta Anomaly Benchmark: series as CSV, windows as JSON, and, where they are, scores of detectors that
//! were published with it. Both the benchmark's own folders (`realX/name.csv`) and flat ones (`realX__name.csv`) are read.

use super::score::{Sheet, Window, number};
use crate::output;
use anyhow::{Context, Result, bail};
use ledger::Timestamp;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Where the windows may be.
const WINDOWS: [&str; 4] =
    ["anomaly_windows.json", "combined_windows.json", "labels/anomaly_windows.json", "labels/combined_windows.json"];
/// Where published final scores may be.
const FINAL_RESULTS: [&str; 2] = ["final_results.json", "results/final_results.json"];

/// A series with its windows.
pub(super) struct File {
    /// As the windows name it.
    pub(super) name: String,
    pub(super) readings: Vec<(Timestamp, f64)>,
    pub(super) sheet: Sheet,
}

impl File {
    fn new(name: String, readings: Vec<(Timestamp, f64)>, spans: &[(Timestamp, Timestamp)]) -> Result<Self> {
        let mut windows = Vec::with_capacity(spans.len());
        for (from, to) in spans {
            windows.push(window(&readings, *from, *to).with_context(|| format!("no row lies in a window of {name}"))?);
        }
        windows.sort_by_key(|window| window.first);
        if windows.windows(2).any(|pair| pair[1].first <= pair[0].last) {
            bail!("windows of {name} overlap");
        }
        let sheet = Sheet::new(readings.len(), &windows);
        Ok(Self { name, readings, sheet })
    }

    /// How many weeks are scored.
    pub(super) fn weeks(&self) -> f64 {
        let from = self.readings.len() - self.sheet.rows_scored();
        match (self.readings.get(from), self.readings.last()) {
            (Some((from, _)), Some((to, _))) => to.0.saturating_sub(from.0) as f64 / (7.0 * 86_400_000_000.0),
            _ => 0.0,
        }
    }
}

/// The rows from one time to the other, of a series that is mostly in order: as the benchmark does it, the first row with
/// each of the times; where none has it, the next within.
fn window(readings: &[(Timestamp, f64)], from: Timestamp, to: Timestamp) -> Option<Window> {
    let exactly = |time: Timestamp| readings.iter().position(|(at, _)| *at == time);
    let first = exactly(from).or_else(|| readings.iter().position(|(at, _)| *at >= from))?;
    let last = exactly(to).or_else(|| readings.iter().rposition(|(at, _)| *at <= to))?;
    (first <= last).then_some(Window { first, last })
}

/// All files that the windows of a folder name.
///
/// # Errors
/// There are no windows, none of their files, or one that can't be read.
pub(super) fn read(folder: &Path) -> Result<Vec<File>> {
    let Some(path) = WINDOWS.iter().map(|name| folder.join(name)).find(|path| path.is_file()) else {
        bail!("{} has no windows: one of {} is wanted", folder.display(), WINDOWS.join(", "));
    };
    let text = fs::read(&path).with_context(|| format!("reading {}", path.display()))?;
    let windows: BTreeMap<String, Vec<(String, String)>> =
        serde_json::from_slice(&text).with_context(|| format!("reading {}", path.display()))?;
    let (mut files, mut absent) = (Vec::new(), 0);
    for (name, windows) in windows {
        let Some(path) = find(folder, &name) else {
            absent += 1;
            continue;
        };
        let reading = || format!("reading {}", path.display());
        let times = windows.iter().map(|(from, to)| Ok((time(from)?, time(to)?))).collect::<Result<Vec<_>>>();
        let times = times.with_context(|| format!("windows of {name}"))?;
        files.push(File::new(name, series(&path, "value").with_context(reading)?, &times).with_context(reading)?);
    }
    if absent > 0 {
        output::note(&format!("{absent} files that have windows are not there"));
    }
    if files.is_empty() {
        bail!("none of the files that {} names is in {}", path.display(), folder.display());
    }
    Ok(files)
}

/// Where a file is, whichever way folders are written.
fn find(folder: &Path, name: &str) -> Option<PathBuf> {
    let names = [name.to_owned(), name.replacen("__", "/", 1), name.replacen('/', "__", 1)];
    let folders = [folder.to_owned(), folder.join("data")];
    folders.iter().flat_map(|folder| names.iter().map(|name| folder.join(name))).find(|path| path.is_file())
}

/// A column of a CSV file, with the times.
fn series(path: &Path, column: &str) -> Result<Vec<(Timestamp, f64)>> {
    let mut rows = csv::Reader::from_path(path)?;
    let headers = rows.headers()?;
    let place = |wanted: &str| {
        let place = headers.iter().position(|name| name.trim() == wanted);
        place.with_context(|| format!("it has no column '{wanted}'"))
    };
    let (at, value) = (place("timestamp")?, place(column)?);
    let mut readings = Vec::new();
    for (line, row) in (2_u64..).zip(rows.records()) {
        let row = row?;
        let (at, value) = (row.get(at).unwrap_or_default(), row.get(value).unwrap_or_default().trim());
        let value = value.parse().with_context(|| format!("line {line}: '{value}' is no number"))?;
        readings.push((time(at).with_context(|| format!("line {line}"))?, value));
    }
    Ok(readings)
}

/// A time without an offset, taken for UTC.
fn time(text: &str) -> Result<Timestamp> {
    let text = text.trim();
    wire::time::parse_timestamp(&format!("{text}Z")).with_context(|| format!("'{text}' is no time"))
}

/// Final scores of the standard profile that were published with the files, by detector.
pub(super) fn final_results(folder: &Path) -> BTreeMap<String, f64> {
    let text = FINAL_RESULTS.iter().find_map(|name| fs::read(folder.join(name)).ok());
    let results = text.and_then(|text| serde_json::from_slice::<BTreeMap<String, serde_json::Value>>(&text).ok());
    let score = |(name, result): (String, serde_json::Value)| Some((name, result.get("standard")?.as_f64()?));
    results.unwrap_or_default().into_iter().filter_map(score).collect()
}

/// The scores that a detector was published with: one for each row of each file, or none if one is not there.
pub(super) fn published(folder: &Path, files: &[File]) -> Vec<(String, Vec<Vec<f64>>)> {
    let Ok(entries) = fs::read_dir(folder.join("results")) else { return Vec::new() };
    let mut names: Vec<String> =
        entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok()).filter(|name| name != "null").collect();
    names.sort_unstable();
    let scores = |detector: &str, file: &File| {
        let name = file.name.replacen("__", "/", 1);
        let (group, name) = name.split_once('/')?;
        let path = folder.join("results").join(detector).join(group).join(format!("{detector}_{name}"));
        let scores: Vec<f64> = series(&path, "anomaly_score").ok()?.into_iter().map(|(_, score)| score).collect();
        (scores.len() == file.readings.len() && scores.iter().all(|score| score.is_finite())).then_some(scores)
    };
    let all = |detector: String| {
        let all: Option<Vec<_>> = files.iter().map(|file| scores(&detector, file)).collect();
        Some((detector, all?))
    };
    names.into_iter().filter_map(all).collect()
}

/// How many readings all files have.
pub(super) fn readings(files: &[File]) -> f64 {
    files.iter().map(|file| number(file.readings.len())).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SERIES: &str = "timestamp,value\n2026-01-01 00:00:00,1\n2026-01-01 00:05:00,2.5\n2026-01-01 00:10:00,3\n";

    fn folder(windows: &str, json: &str, files: &[(&str, &str)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files.iter().chain(&[(windows, json)]) {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        folder
    }

    #[test]
    fn both_layouts_are_read() {
        let json = r#"{"realX__a.csv": [["2026-01-01 00:05:00.000000", "2026-01-01 00:10:00.000000"]], "realX__gone.csv": []}"#;
        let flat = folder("anomaly_windows.json", json, &[("realX__a.csv", SERIES)]);
        let nested = json.replace("realX__", "realX/");
        let nested = folder("labels/combined_windows.json", &nested, &[("data/realX/a.csv", SERIES)]);
        let mixed = folder("combined_windows.json", json, &[("realX/a.csv", SERIES)]);
        for folder in [&flat, &nested, &mixed] {
            let files = read(folder.path()).unwrap();
            assert_eq!(files.len(), 1);
            assert_eq!(files[0].sheet.outcome(&[0.0, 1.0, 0.0], 0.5).nab(), Some(100.0));
            assert_eq!(files[0].readings[1].1.to_bits(), 2.5_f64.to_bits());
        }
        let readings = &read(flat.path()).unwrap()[0].readings;
        let at = |row: usize| readings[row].0;
        assert_eq!(window(readings, at(0), at(1).plus(1)), Some(Window { first: 0, last: 1 }));
        assert_eq!(window(readings, at(0).plus(1), at(1).minus(1)), None);
    }

    #[test]
    fn what_is_wrong_is_said_with_its_place() {
        let json = r#"{"a.csv": [["2026-01-01 00:05:00", "2026-01-01 00:10:00"]]}"#;
        let said = |json: &str, text: &str| {
            let folder = folder("anomaly_windows.json", json, &[("a.csv", text)]);
            format!("{:#}", read(folder.path()).map(|_| ()).unwrap_err())
        };
        assert!(said(json, "timestamp,value\n2026-01-01 00:00:00,x\n").contains("line 2: 'x' is no number"));
        assert!(said(json, "timestamp,value\nyesterday,1\n").contains("line 2: 'yesterday' is no time"));
        assert!(said(json, "when,value\n").contains("it has no column 'timestamp'"));
        assert!(said(json, "timestamp,value\n2026-01-01 00:00:00,1\n").contains("no row lies in a window"));
        assert!(said(r#"{"b.csv": []}"#, SERIES).contains("none of the files"));
        let empty = tempfile::tempdir().unwrap();
        assert!(read(empty.path()).is_err());
    }

    #[test]
    fn published_scores_are_found_beside_the_files() {
        let json = r#"{"realX/a.csv": []}"#;
        let scores = "timestamp,value,anomaly_score,label\n2026-01-01 00:00:00,1,0.1,0\n2026-01-01 00:05:00,2,0.2,0\n2026-01-01 00:10:00,3,0.9,0\n";
        let folder = folder(
            "combined_windows.json",
            json,
            &[
                ("realX/a.csv", SERIES),
                ("results/best/realX/best_a.csv", scores),
                ("results/part/realX/part_b.csv", scores),
                ("results/final_results.json", r#"{"best": {"standard": 70.5}, "odd": {}}"#),
            ],
        );
        let files = read(folder.path()).unwrap();
        assert_eq!(published(folder.path(), &files), [("best".to_owned(), vec![vec![0.1, 0.2, 0.9]])]);
        assert_eq!(final_results(folder.path()), BTreeMap::from([("best".to_owned(), 70.5)]));
    }
}
