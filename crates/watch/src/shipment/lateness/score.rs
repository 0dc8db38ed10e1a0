//! How good predictions of lateness were.

use crate::shipment::route::as_float;

/// A prediction and what came: the probability of being late, and whether it was.
pub type Judged = (f64, bool);

/// How good predictions were, over all of them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scores {
    /// How many there were.
    pub count: usize,
    /// How many were late.
    pub late: usize,
    /// The probability that a late one was given a higher probability than one that was not, ties half; `None` unless
    /// there are both.
    pub auc: Option<f64>,
    /// The mean squared difference of probability and outcome.
    pub brier: f64,
    /// The mean of the negative natural logarithm of the probability that was given to what came.
    pub log_loss: f64,
}

/// How predictions of about the same probability ended.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Class {
    /// How many there were.
    pub count: usize,
    /// The mean probability that was given.
    pub predicted: f64,
    /// The share that was late.
    pub late_share: f64,
}

/// Scores predictions; `None` of none.
///
/// # Source
/// G. W. Brier, "Verification of Forecasts Expressed in Terms of Probability", Monthly Weather Review 78 (1950), in the
/// half that is usual for two outcomes. The area under the receiver operating curve by ranks: J. A. Hanley, B. J. McNeil,
/// Radiology 143 (1982).
pub fn score(judged: &[Judged]) -> Option<Scores> {
    if judged.is_empty() {
        return None;
    }
    let count = as_float(judged.len());
    let outcome = |is_late: bool| f64::from(u8::from(is_late));
    let brier = judged.iter().map(|(probability, is_late)| {
        let difference = probability - outcome(*is_late);
        difference * difference
    });
    let loss = judged.iter().map(|(probability, is_late)| {
        let of_outcome = if *is_late { *probability } else { 1.0 - probability };
        -libm::log(of_outcome.clamp(1e-15, 1.0))
    });
    Some(Scores {
        count: judged.len(),
        late: judged.iter().filter(|(_, is_late)| *is_late).count(),
        auc: auc(judged),
        brier: brier.sum::<f64>() / count,
        log_loss: loss.sum::<f64>() / count,
    })
}

impl Scores {
    /// The share of the Brier score of other predictions that these avoid; below zero when they are worse.
    pub fn skill_against(&self, other: &Self) -> f64 {
        1.0 - self.brier / other.brier.max(f64::MIN_POSITIVE)
    }
}

fn auc(judged: &[Judged]) -> Option<f64> {
    let mut sorted = judged.to_vec();
    sorted.sort_by(|one, next| one.0.total_cmp(&next.0));
    let (mut rank_sum, mut late_count) = (0.0, 0.0);
    let mut start = 0;
    for tied in sorted.chunk_by(|one, next| one.0.total_cmp(&next.0).is_eq()) {
        // Ranks count from one; tied ones share their mean.
        let rank = as_float(start) + (as_float(tied.len()) + 1.0) / 2.0;
        let late = as_float(tied.iter().filter(|(_, is_late)| *is_late).count());
        rank_sum += rank * late;
        late_count += late;
        start += tied.len();
    }
    let others = as_float(judged.len()) - late_count;
    let is_defined = late_count > 0.0 && others > 0.0;
    is_defined.then(|| (rank_sum - late_count * (late_count + 1.0) / 2.0) / (late_count * others))
}

/// How predictions ended, in so many classes of the same number of predictions, from the least probability on. Fewer
/// classes when there are fewer predictions.
pub fn calibration(judged: &[Judged], classes: usize) -> Vec<Class> {
    let mut sorted = judged.to_vec();
    sorted.sort_by(|one, next| one.0.total_cmp(&next.0));
    let classes = classes.clamp(1, sorted.len().max(1));
    let bound = |class: usize| sorted.len() * class / classes;
    let of = |part: &[Judged]| {
        let count = as_float(part.len());
        let late = as_float(part.iter().filter(|(_, is_late)| *is_late).count());
        let predicted = part.iter().map(|(probability, _)| probability).sum::<f64>() / count;
        Class { count: part.len(), predicted, late_share: late / count }
    };
    (0..classes).map(|class| &sorted[bound(class)..bound(class + 1)]).filter(|part| !part.is_empty()).map(of).collect()
}

/// The mean distance of the predicted from the real share over classes, weighted with their counts: the expected
/// calibration error.
pub fn calibration_error(classes: &[Class]) -> f64 {
    let count: f64 = classes.iter().map(|class| as_float(class.count)).sum();
    let sum: f64 = classes.iter().map(|class| as_float(class.count) * (class.predicted - class.late_share).abs()).sum();
    if count > 0.0 { sum / count } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    const JUDGED: [Judged; 5] = [(0.9, true), (0.5, true), (0.5, false), (0.2, false), (0.1, true)];

    #[test]
    fn scores_are_those_reckoned_by_hand() {
        let scores = score(&JUDGED).unwrap();
        // Of six pairs: 0.9 beats both, 0.5 ties one and beats one, 0.1 beats none.
        assert!((scores.auc.unwrap() - 3.5 / 6.0).abs() < 1e-12);
        assert!((scores.brier - (0.01 + 0.25 + 0.25 + 0.04 + 0.81) / 5.0).abs() < 1e-12);
        let loss = -(libm::log(0.9) + 2.0 * libm::log(0.5) + libm::log(0.8) + libm::log(0.1)) / 5.0;
        assert!((scores.log_loss - loss).abs() < 1e-12);
        assert_eq!((scores.count, scores.late), (5, 3));
        let even = score(&JUDGED.map(|(_, is_late)| (0.5, is_late))).unwrap();
        assert!((scores.skill_against(&even) - (1.0 - 0.272 / 0.25)).abs() < 1e-12);
        assert_eq!(even.auc, Some(0.5));
    }

    #[test]
    fn one_outcome_alone_has_no_order_and_none_no_score() {
        assert_eq!(score(&[(0.3, true)]).unwrap().auc, None);
        assert_eq!(score(&[]), None);
        assert!(score(&[(0.0, true), (1.0, false)]).unwrap().log_loss.is_finite());
    }

    #[test]
    fn classes_of_the_same_size_hold_prediction_against_outcome() {
        let classes = calibration(&JUDGED, 2);
        assert_eq!(classes.len(), 2);
        assert_eq!((classes[0].count, classes[1].count), (2, 3));
        assert!((classes[0].predicted - 0.15).abs() < 1e-12 && (classes[0].late_share - 0.5).abs() < 1e-12);
        assert!((classes[1].predicted - 1.9 / 3.0).abs() < 1e-12 && (classes[1].late_share - 2.0 / 3.0).abs() < 1e-12);
        let error = (2.0 * 0.35 + 3.0 * (2.0 / 3.0 - 1.9 / 3.0)) / 5.0;
        assert!((calibration_error(&classes) - error).abs() < 1e-12);
        assert!(calibration(&[], 10).is_empty());
        assert_eq!(calibration(&JUDGED, 100).len(), 5);
    }
}
