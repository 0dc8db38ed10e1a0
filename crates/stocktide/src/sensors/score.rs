//! How well a detector's scores fit labelled windows, as the Numenta Anomaly Benchmark reckons it, and as a person would:
//! precision, recall and false alarms. Knows rows, windows and scores; never where they come from.
//!
//! # Source
//! Lavin, Ahmad, "Evaluating Real-time Anomaly Detection Algorithms: the Numenta Anomaly Benchmark", ICMLA 2015,
//! sections II.C and III; in doubt, what version 1.1 of the benchmark's program does.

/// What one false positive far from every window costs.
///
/// # Source
/// NAB, `config/profiles.json`, profile `standard`; a hit and a miss are 1.
const FALSE_POSITIVE_WEIGHT: f64 = 0.11;

/// Past so many window widths behind a window, a false positive costs all of its weight.
const FAR_WIDTHS: f64 = 3.0;

/// Rows of a window, both ends within it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Window {
    pub(super) first: usize,
    pub(super) last: usize,
}

/// How many rows at the front of a file are to learn from and are not scored: 15 %, at most 750.
///
/// # Source
/// NAB, `sweeper.py`: `min(floor(0.15 n), 0.15 * 5000)`.
pub(super) fn probation(rows: usize) -> usize {
    // in whole numbers: 0.15 n of a float falls below a whole number now and then
    (rows * 15 / 100).min(750)
}

/// One at the far left of a window, nothing at its right end, minus one far behind it.
fn scaled_sigmoid(position: f64) -> f64 {
    if position >= FAR_WIDTHS { -1.0 } else { 2.0 / (1.0 + (5.0 * position).exp()) - 1.0 }
}

/// What detecting a row would bring.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Worth {
    /// Its share of a hit, or minus what it costs as a false positive.
    worth: f64,
    window: Option<usize>,
}

/// A file's rows with what detecting each would bring, and its windows.
#[derive(Clone, Debug)]
pub(super) struct Sheet {
    worths: Vec<Worth>,
    /// Every labelled window.
    windows: usize,
    probation: usize,
}

/// What came of a threshold.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Outcome {
    /// NAB's raw score.
    pub(super) raw: f64,
    /// NAB's raw score of a detector that never detects anything.
    pub(super) null: f64,
    /// Labelled windows, scored or not.
    pub(super) windows: usize,
    /// Windows of which a row is scored.
    pub(super) windows_scored: usize,
    /// Of these, those in which there is a detection.
    pub(super) windows_hit: usize,
    /// Runs of detections that touch a window.
    pub(super) alarms_true: usize,
    /// Runs of detections that touch none.
    pub(super) alarms_false: usize,
}

impl Outcome {
    /// Adds the figures of another file.
    pub(super) fn add(&mut self, other: &Self) {
        self.raw += other.raw;
        self.null += other.null;
        self.windows += other.windows;
        self.windows_scored += other.windows_scored;
        self.windows_hit += other.windows_hit;
        self.alarms_true += other.alarms_true;
        self.alarms_false += other.alarms_false;
    }

    /// NAB's score: 0 for never detecting anything, 100 for detecting every window at its first row and nothing else.
    /// Without windows there is no such scale.
    pub(super) fn nab(&self) -> Option<f64> {
        let perfect = number(self.windows);
        (self.windows > 0).then(|| 100.0 * (self.raw - self.null) / (perfect - self.null))
    }

    /// The share of alarms that touch a window; `None` without alarms.
    pub(super) fn precision(&self) -> Option<f64> {
        let alarms = self.alarms_true + self.alarms_false;
        (alarms > 0).then(|| number(self.alarms_true) / number(alarms))
    }

    /// The share of the scored windows that were hit; `None` without windows.
    pub(super) fn recall(&self) -> Option<f64> {
        (self.windows_scored > 0).then(|| number(self.windows_hit) / number(self.windows_scored))
    }

    /// The harmonic mean of precision and recall; zero if there are windows and no alarm.
    pub(super) fn f1(&self) -> Option<f64> {
        let recall = self.recall()?;
        let precision = self.precision().unwrap_or(0.0);
        Some(if precision + recall > 0.0 { 2.0 * precision * recall / (precision + recall) } else { 0.0 })
    }
}

/// A count as figures are reckoned with.
#[expect(clippy::cast_precision_loss, reason = "rows and windows are far fewer than 2^53")]
pub(super) fn number(count: usize) -> f64 {
    count as f64
}

impl Sheet {
    /// The rows of a file of so many, with its windows in the order of time; they don't overlap.
    pub(super) fn new(rows: usize, windows: &[Window]) -> Self {
        let best = scaled_sigmoid(-1.0);
        let mut worths = Vec::with_capacity(rows);
        let mut next = 0;
        for row in 0..rows {
            while windows.get(next).is_some_and(|window| window.last < row) {
                next += 1;
            }
            worths.push(match windows.get(next) {
                Some(window) if window.first <= row => {
                    let width = number(window.last - window.first + 1);
                    let position = -number(window.last - row + 1) / width;
                    Worth { worth: scaled_sigmoid(position) / best, window: Some(next) }
                }
                _ => {
                    let past = next.checked_sub(1).map_or(FAR_WIDTHS, |previous| {
                        let window = windows[previous];
                        number(row - window.last) / number(window.last - window.first)
                    });
                    Worth { worth: scaled_sigmoid(past) * FALSE_POSITIVE_WEIGHT, window: None }
                }
            });
        }
        Self { worths, windows: windows.len(), probation: probation(rows) }
    }

    fn scored(&self) -> impl Iterator<Item = (usize, &Worth)> {
        self.worths.iter().enumerate().skip(self.probation)
    }

    /// What comes of detecting the rows whose score is at least the threshold.
    pub(super) fn outcome(&self, scores: &[f64], threshold: f64) -> Outcome {
        assert_eq!(scores.len(), self.worths.len(), "a score for each row");
        let mut hits: Vec<Option<f64>> = vec![None; self.windows];
        let mut outcome = Outcome { windows: self.windows, ..Outcome::default() };
        // whether the run of detections that is going on touched a window
        let mut alarm: Option<bool> = None;
        for (row, worth) in self.scored() {
            let detected = scores[row] >= threshold;
            if let Some(window) = worth.window {
                let hit = hits[window].get_or_insert(-1.0);
                if detected {
                    *hit = hit.max(worth.worth);
                }
            } else if detected {
                outcome.raw += worth.worth;
            }
            if detected {
                alarm = Some(alarm.unwrap_or(false) | worth.window.is_some());
            } else if let Some(is_true) = alarm.take() {
                outcome.count(is_true);
            }
        }
        alarm.into_iter().for_each(|is_true| outcome.count(is_true));
        for hit in hits.into_iter().flatten() {
            outcome.windows_scored += 1;
            outcome.null -= 1.0;
            outcome.raw += hit;
            outcome.windows_hit += usize::from(hit > -1.0);
        }
        outcome
    }

    /// How many rows are scored.
    pub(super) fn rows_scored(&self) -> usize {
        self.worths.len() - self.probation
    }
}

impl Outcome {
    fn count(&mut self, is_true: bool) {
        if is_true { self.alarms_true += 1 } else { self.alarms_false += 1 }
    }
}

/// The threshold with the greatest raw score over all of these files, the highest of equals; above every score if
/// detecting nothing is best.
///
/// # Source
/// NAB, `sweeper.py`: rows are taken from the highest score down, and the raw score is noted before each new one.
pub(super) fn best_threshold<'f>(files: impl IntoIterator<Item = (&'f Sheet, &'f [f64])>) -> f64 {
    let mut rows: Vec<(f64, Worth, usize)> = Vec::new();
    let mut windows = 0;
    for (sheet, scores) in files {
        rows.extend(sheet.scored().map(|(row, worth)| (scores[row], *worth, windows)));
        windows += sheet.windows;
    }
    rows.sort_by(|(left, ..), (right, ..)| right.total_cmp(left));
    let mut hits = vec![-1.0_f64; windows];
    let (mut raw, mut best) = (0.0, (0.0, f64::INFINITY));
    for (index, (score, worth, before)) in rows.iter().enumerate() {
        match worth.window {
            None => raw += worth.worth,
            Some(window) => {
                let hit = &mut hits[before + window];
                raw += (worth.worth - *hit).max(0.0);
                *hit = hit.max(worth.worth);
            }
        }
        let is_last_of_its_score = rows.get(index + 1).is_none_or(|(next, ..)| next < score);
        if is_last_of_its_score && raw > best.0 {
            best = (raw, *score);
        }
    }
    best.1
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A hundred rows, of which the first fifteen are probation, and one window of ten.
    fn sheet() -> Sheet {
        Sheet::new(100, &[Window { first: 50, last: 59 }])
    }

    fn detecting(rows: &[usize]) -> Vec<f64> {
        let mut scores = vec![0.0; 100];
        rows.iter().for_each(|row| scores[*row] = 1.0);
        scores
    }

    fn raw(rows: &[usize]) -> f64 {
        sheet().outcome(&detecting(rows), 0.5).raw
    }

    #[track_caller]
    fn is(told: f64, expected: f64) {
        assert!((told - expected).abs() < 1e-9, "{told}, not {expected}");
    }

    /// `2 / (1 + exp(5 x)) - 1`, by its other form.
    fn sigmoid(position: f64) -> f64 {
        -(2.5 * position).tanh()
    }

    #[test]
    fn probation_is_fifteen_percent_and_at_most_750_rows() {
        assert_eq!([0, 6, 100, 1_127, 4_032, 4_999, 5_000, 22_695].map(probation), [0, 0, 15, 169, 604, 749, 750, 750]);
    }

    #[test]
    fn the_first_row_of_a_window_is_a_whole_hit_and_later_ones_are_less() {
        is(raw(&[50]), 1.0);
        // the middle, and the last row, whose position is a tenth of the window before its end
        is(raw(&[55]), sigmoid(-0.5) / sigmoid(-1.0));
        is(raw(&[59]), sigmoid(-0.1) / sigmoid(-1.0));
        is(raw(&[59]), 0.244_918_662_403_709_14 / 0.986_614_298_151_430_3);
    }

    #[test]
    fn a_window_counts_once_by_its_earliest_row() {
        is(raw(&[52, 53, 59]), raw(&[52]));
    }

    #[test]
    fn a_missed_window_costs_one() {
        is(raw(&[]), -1.0);
    }

    #[test]
    fn a_false_positive_costs_more_the_farther_it_lies_behind_a_window() {
        // before any window: all of the weight
        is(raw(&[20]), -1.0 - 0.11);
        // nine rows behind the last one of a window of ten: a width of nine
        is(raw(&[68]), -1.0 + 0.11 * sigmoid(1.0));
        is(raw(&[68]), -1.0 - 0.11 * 0.986_614_298_151_430_3);
        // three such widths behind, and farther
        is(raw(&[86]), -1.0 - 0.11);
        is(raw(&[99]), -1.0 - 0.11);
        is(raw(&[60]), -1.0 + 0.11 * sigmoid(1.0 / 9.0));
    }

    #[test]
    fn what_lies_in_probation_is_not_scored() {
        is(raw(&[0, 14]), -1.0);
        let early = Sheet::new(100, &[Window { first: 2, last: 9 }, Window { first: 12, last: 20 }]);
        let outcome = early.outcome(&vec![0.0; 100], 0.5);
        assert_eq!((outcome.windows, outcome.windows_scored), (2, 1));
        is(outcome.raw, -1.0);
        is(early.outcome(&detecting(&[13]), 0.5).raw, -1.0);
        is(early.outcome(&detecting(&[15]), 0.5).raw, sigmoid(-6.0 / 9.0) / sigmoid(-1.0));
    }

    #[test]
    fn the_scale_goes_from_nothing_detected_to_all_at_once() {
        let nab = |rows: &[usize]| sheet().outcome(&detecting(rows), 0.5).nab().unwrap();
        is(nab(&[]), 0.0);
        is(nab(&[50]), 100.0);
        is(nab(&[50, 20]), 100.0 - 5.5);
        is(nab(&[20, 30]), -11.0);
        assert_eq!(Sheet::new(100, &[]).outcome(&detecting(&[20]), 0.5).nab(), None);
    }

    #[test]
    fn alarms_are_runs_of_detections() {
        let outcome = sheet().outcome(&detecting(&[20, 21, 22, 30, 48, 49, 50, 58, 99]), 0.5);
        // 20 to 22, 30 and 99 are false; 48 to 50 touches the window, 58 lies in it
        assert_eq!((outcome.alarms_true, outcome.alarms_false, outcome.windows_hit), (2, 3, 1));
        assert_eq!((outcome.precision(), outcome.recall()), (Some(0.4), Some(1.0)));
        is(outcome.f1().unwrap(), 0.8 / 1.4);
    }

    #[test]
    fn the_best_threshold_is_one_for_all_files() {
        let sheet = sheet();
        let (mut one, mut other) = (vec![0.0; 100], vec![0.0; 100]);
        // a hit at 0.9 in one file and at 0.5 in the other, false positives at 0.7 and 0.3
        (one[50], one[20], other[50], other[20]) = (0.9, 0.7, 0.5, 0.3);
        let best = best_threshold([(&sheet, one.as_slice()), (&sheet, other.as_slice())]);
        is(best, 0.5);
        let many: Vec<f64> = (0..100).map(|row| if row == 50 { 0.5 } else { 0.7 }).collect();
        assert!(best_threshold([(&sheet, many.as_slice())]).is_infinite(), "detecting nothing is best");
    }
}
