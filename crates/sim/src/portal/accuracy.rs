//! How well movements are told from reads.

use super::{Conditions, Movement, Run, hall, play};
use intake::rfid::{Inference, Kind, Method, Settings, rejudge};
use std::fmt;

/// An inferred movement is right when it is of the same tag, kind and place, this near in time, in microseconds.
const TOLERANCE: i64 = 4_000_000;

/// Runs that each row sums up.
const RUNS: u64 = 4;

/// How well one method did under one set of conditions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Of interrogation cycles, in percent.
    pub missed_percent: u8,
    /// Whether there were stray tags and reflections.
    pub stray: bool,
    /// Whether traffic crossed.
    pub crossing: bool,
    /// How missed reads were bridged.
    pub method: Method,
    /// Of the movements that were said, how many were true, in thousandths; 1000 when none was said.
    pub precision_permille: u32,
    /// Of the true movements, how many were said, in thousandths.
    pub recall_permille: u32,
    /// The harmonic mean of both, in thousandths.
    pub f1_permille: u32,
    /// From the movement to its decision, the mean over the right ones, in milliseconds.
    pub delay_millis: i64,
}

impl Row {
    /// The method's name, and of a fixed window the epochs: `fixed 25`.
    pub fn window(&self) -> String {
        match self.method {
            Method::None => "none".to_owned(),
            Method::Fixed(epochs) => format!("fixed {epochs}"),
            Method::Adaptive => "adaptive".to_owned(),
        }
    }
}

impl fmt::Display for Row {
    /// As a row of a Markdown table.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let yes = |is: bool| if is { "yes" } else { "no" };
        let window = self.window();
        write!(f, "| {} % | {} | {} | {window} |", self.missed_percent, yes(self.stray), yes(self.crossing))?;
        for permille in [self.precision_permille, self.recall_permille, self.f1_permille] {
            write!(f, " {}.{:03} |", permille / 1_000, permille % 1_000)?;
        }
        write!(f, " {}.{} s |", self.delay_millis / 1_000, self.delay_millis % 1_000 / 100)
    }
}

/// Rows for 0 to 40 % missed, with and without stray tags and crossing traffic, for the adaptive window, none, and fixed
/// ones of 5, 10 and 25 epochs; in this order, the method changing fastest. The same seed gives the same rows.
///
/// All methods have the same settings but for the window, so that its choice alone is compared.
pub fn accuracy(seed: u64) -> Vec<Row> {
    let mut rows = Vec::new();
    for missed_percent in [0, 10, 20, 30, 40] {
        for (stray, crossing) in [(false, false), (false, true), (true, false), (true, true)] {
            rows.extend(accuracy_of(seed, Conditions { missed_percent, stray, crossing }));
        }
    }
    rows
}

/// The rows of one set of conditions.
pub fn accuracy_of(seed: u64, conditions: Conditions) -> Vec<Row> {
    let runs: Vec<Run> = (0..RUNS).map(|run| play(seed.wrapping_mul(RUNS).wrapping_add(run), conditions)).collect();
    let methods = [Method::Adaptive, Method::None, Method::Fixed(5), Method::Fixed(10), Method::Fixed(25)];
    methods.into_iter().map(|method| row(&runs, conditions, method)).collect()
}

fn row(runs: &[Run], conditions: Conditions, method: Method) -> Row {
    let mut sum = Score::default();
    for run in runs {
        let settings = Settings { method, ..hall::settings() };
        let said = rejudge(&run.reads, settings).expect("the hall's settings fit its reads");
        let score = judge(&run.truth, &said);
        sum.right += score.right;
        sum.said += score.said;
        sum.true_count += score.true_count;
        sum.delay_micros += score.delay_micros;
    }
    let permille = |part: u32, whole: u32| (part * 1_000).checked_div(whole).unwrap_or(1_000);
    Row {
        missed_percent: conditions.missed_percent,
        stray: conditions.stray,
        crossing: conditions.crossing,
        method,
        precision_permille: permille(sum.right, sum.said),
        recall_permille: permille(sum.right, sum.true_count),
        f1_permille: permille(2 * sum.right, sum.said + sum.true_count),
        delay_millis: sum.delay_micros / 1_000 / i64::from(sum.right.max(1)),
    }
}

/// Counts of a comparison.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Score {
    /// Movements that were said and are true.
    pub right: u32,
    /// Movements that were said.
    pub said: u32,
    /// Movements that are true.
    pub true_count: u32,
    /// The sum, over the right ones, from the movement to its decision, in microseconds.
    pub delay_micros: i64,
}

/// Compares what was said with the truth, both by time: each true movement is matched with the nearest that was said,
/// each at most once.
pub fn judge(truth: &[Movement], said: &[Inference]) -> Score {
    let mut open: Vec<&Inference> = said.iter().filter(|inference| inference.kind != Kind::Ghost).collect();
    let mut score = Score {
        said: u32::try_from(open.len()).expect("few movements"),
        true_count: u32::try_from(truth.len()).expect("few movements"),
        ..Score::default()
    };
    for movement in truth {
        let apart = |inference: &Inference| (inference.occurred_at.0 - movement.at.0).abs();
        let fits = |inference: &Inference| {
            inference.tag == movement.tag
                && inference.kind == movement.kind
                && place(inference) == Some(movement.place)
                && apart(inference) <= TOLERANCE
        };
        let nearest = (0..open.len()).filter(|at| fits(open[*at])).min_by_key(|at| apart(open[*at]));
        if let Some(at) = nearest {
            let inference = open.swap_remove(at);
            score.right += 1;
            score.delay_micros += inference.decided_at.0 - movement.at.0;
        }
    }
    score
}

fn place(inference: &Inference) -> Option<u16> {
    match inference.kind {
        Kind::Arrived => inference.to,
        Kind::Departed => inference.from,
        _ => inference.portal,
    }
}
