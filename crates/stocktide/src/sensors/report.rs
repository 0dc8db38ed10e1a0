//! What was measured, as tables and as JSON.

use super::files::File;
use super::score::{Outcome, number};
use crate::output;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// A detector, and what came of it.
pub(super) struct Measured {
    pub(super) name: String,
    /// `None` if it says yes or no by itself.
    pub(super) threshold: Option<f64>,
    /// A file each.
    pub(super) outcomes: Vec<Outcome>,
    /// All files, each under the threshold of the others.
    pub(super) left_out: Option<Outcome>,
}

impl Measured {
    fn total(&self) -> Outcome {
        let mut total = Outcome::default();
        self.outcomes.iter().for_each(|outcome| total.add(outcome));
        total
    }
}

/// Everything that is printed.
pub(super) struct Report<'r> {
    pub(super) files: &'r [File],
    /// Ours first.
    pub(super) measured: Vec<Measured>,
    /// For each file, the faults that were told.
    pub(super) faults: Vec<Vec<(&'static str, usize)>>,
    /// Final scores that were published with the files, of all files of the benchmark.
    pub(super) published: BTreeMap<String, f64>,
}

impl Report<'_> {
    /// All files together by detector, each file by detector, and what was published.
    pub(super) fn tables(&self) -> String {
        let mut tables = vec![self.totals(), self.by_file(), self.told()];
        if !self.published.is_empty() {
            tables.push(self.published_table());
        }
        tables.join("\n\n")
    }

    fn weeks(&self) -> f64 {
        self.files.iter().map(File::weeks).sum()
    }

    fn totals(&self) -> String {
        let header =
            ["detector", "threshold", "NAB", "NAB left out", "windows", "precision", "recall", "F1", "false/week"];
        let mut table = output::table(header);
        for measured in &self.measured {
            let total = measured.total();
            let mut row = vec![
                measured.name.clone(),
                measured.threshold.map(|threshold| format!("{threshold:.3}")).unwrap_or_default(),
                shown(total.nab(), 1),
                shown(measured.left_out.and_then(|total| total.nab()), 1),
            ];
            row.extend(figures(&total, self.weeks()));
            table.add_row(row);
        }
        output::right(&mut table, &[1, 2, 3, 4, 5, 6, 7, 8]);
        table.trim_fmt()
    }

    fn by_file(&self) -> String {
        let mut table =
            output::table(["file", "rows", "detector", "NAB", "windows", "precision", "recall", "F1", "false/week"]);
        for (index, file) in self.files.iter().enumerate() {
            for (place, measured) in self.measured.iter().enumerate() {
                let outcome = measured.outcomes[index];
                let (name, rows) = if place == 0 {
                    (file.name.as_str(), file.readings.len().to_string())
                } else {
                    ("", String::new())
                };
                let mut row = vec![name.to_owned(), rows, measured.name.clone(), shown(outcome.nab(), 1)];
                row.extend(figures(&outcome, file.weeks()));
                table.add_row(row);
            }
        }
        output::right(&mut table, &[1, 3, 4, 5, 6, 7, 8]);
        table.trim_fmt()
    }

    fn told(&self) -> String {
        let mut table = output::table(["file", "faults told"]);
        for (file, faults) in self.files.iter().zip(&self.faults) {
            let faults: Vec<String> = faults.iter().map(|(name, count)| format!("{count} {name}")).collect();
            let faults = if faults.is_empty() { "none".to_owned() } else { faults.join(", ") };
            table.add_row([file.name.clone(), faults]);
        }
        table.trim_fmt()
    }

    fn published_table(&self) -> String {
        let mut table = output::table(["published, of all files", "NAB"]);
        let mut published: Vec<(&String, &f64)> = self.published.iter().collect();
        published.sort_by(|(_, left), (_, right)| right.total_cmp(left));
        for (name, score) in published {
            table.add_row([name.clone(), format!("{score:.1}")]);
        }
        output::right(&mut table, &[1]);
        table.trim_fmt()
    }

    pub(super) fn json(&self) -> Value {
        let outcome = |outcome: &Outcome, weeks: f64| {
            json!({
                "nab": outcome.nab(),
                "windows": outcome.windows_scored,
                "windows_hit": outcome.windows_hit,
                "alarms_true": outcome.alarms_true,
                "alarms_false": outcome.alarms_false,
                "precision": outcome.precision(),
                "recall": outcome.recall(),
                "f1": outcome.f1(),
                "false_alarms_per_week": per_week(outcome, weeks),
            })
        };
        let measured = |measured: &Measured| {
            let files = self.files.iter().zip(&measured.outcomes);
            json!({
                "detector": measured.name,
                "threshold": measured.threshold.filter(|threshold| threshold.is_finite()),
                "total": outcome(&measured.total(), self.weeks()),
                "nab_left_out": measured.left_out.and_then(|total| total.nab()),
                "files": files.map(|(file, of)| (file.name.clone(), outcome(of, file.weeks()))).collect::<BTreeMap<_, _>>(),
            })
        };
        let faults = self
            .files
            .iter()
            .zip(&self.faults)
            .map(|(file, faults)| (file.name.clone(), faults.iter().copied().collect::<BTreeMap<_, _>>()));
        json!({
            "version": env!("CARGO_PKG_VERSION"),
            "profile": "standard",
            "weeks": self.weeks(),
            "detectors": self.measured.iter().map(measured).collect::<Vec<_>>(),
            "faults": faults.collect::<BTreeMap<_, _>>(),
            "published": self.published,
        })
    }
}

/// Windows hit of those scored, precision, recall, F1 and false alarms a week, as shown.
fn figures(outcome: &Outcome, weeks: f64) -> [String; 5] {
    [
        format!("{}/{}", outcome.windows_hit, outcome.windows_scored),
        shown(outcome.precision(), 2),
        shown(outcome.recall(), 2),
        shown(outcome.f1(), 2),
        shown(per_week(outcome, weeks), 2),
    ]
}

fn per_week(outcome: &Outcome, weeks: f64) -> Option<f64> {
    (weeks > 0.0).then(|| number(outcome.alarms_false) / weeks)
}

fn shown(figure: Option<f64>, decimals: usize) -> String {
    figure.map_or_else(|| "-".to_owned(), |figure| format!("{figure:.decimals$}"))
}
