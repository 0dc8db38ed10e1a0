//! How quickly alerts are dealt with.

use super::Record;
use crate::Views;
use ledger::{Day, Timestamp};
use std::collections::BTreeMap;

const DAY_MICROS: i64 = 86_400_000_000;

/// Spans of time, summed up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Spans {
    /// How many there are.
    pub count: usize,
    /// Their mean, in microseconds; zero of none.
    pub mean_micros: i64,
    /// Their median, in microseconds: of an even number the mean of the middle two; zero of none.
    pub median_micros: i64,
}

impl Spans {
    fn of(mut spans: Vec<i64>) -> Self {
        let count = spans.len();
        if count == 0 {
            return Self::default();
        }
        spans.sort_unstable();
        let sum: i128 = spans.iter().map(|span| i128::from(*span)).sum();
        let mean = |sum: i128, count: usize| i64::try_from(sum / count as i128).unwrap_or(i64::MAX);
        let (low, high) = (spans[(count - 1) / 2], spans[count / 2]);
        Self { count, mean_micros: mean(sum, count), median_micros: mean(i128::from(low) + i128::from(high), 2) }
    }
}

/// How the alerts of a condition that were opened in a period fared.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConditionStatistics {
    /// The condition; empty for all together.
    pub condition: Box<str>,
    /// How many were opened.
    pub opened: usize,
    /// How many of them are not over.
    pub active: usize,
    /// How long those that were acknowledged waited for it.
    pub acknowledged: Spans,
    /// How long those that are over lasted.
    pub resolved: Spans,
    /// How many of these were resolved by hand.
    pub by_hand: usize,
    /// How many were escalated at least once.
    pub escalated: usize,
}

/// How the alerts that were opened in a period fared.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AlertStatistics {
    /// All together.
    pub all: ConditionStatistics,
    /// By condition, those with the most alerts first, then by name.
    pub conditions: Vec<ConditionStatistics>,
    /// How many were opened on each day in UTC on which there were any, by day.
    pub days: Vec<(Day, usize)>,
    /// Whether alerts of the period may be missing, since they are no longer kept.
    pub is_partial: bool,
}

#[derive(Default)]
struct Gathered {
    statistics: ConditionStatistics,
    acknowledged: Vec<i64>,
    resolved: Vec<i64>,
}

impl Gathered {
    fn take(&mut self, record: &Record) {
        let span = |at: Timestamp| at.0.saturating_sub(record.opened_at.0).max(0);
        let statistics = &mut self.statistics;
        statistics.opened += 1;
        statistics.escalated += usize::from(record.level > 0);
        self.acknowledged.extend(record.acknowledged_at.map(span));
        match &record.end {
            Some(end) => {
                self.resolved.push(span(end.resolved_at));
                statistics.by_hand += usize::from(&*end.outcome == "by_hand");
            }
            None => statistics.active += 1,
        }
    }

    fn finish(self, condition: &str) -> ConditionStatistics {
        ConditionStatistics {
            condition: condition.into(),
            acknowledged: Spans::of(self.acknowledged),
            resolved: Spans::of(self.resolved),
            ..self.statistics
        }
    }
}

impl Views {
    /// How the alerts fared that were opened from `from` on and before `to`. Looks at every alert that is kept.
    pub fn alert_statistics(&self, from: Timestamp, to: Timestamp) -> AlertStatistics {
        let mut all = Gathered::default();
        let mut conditions: BTreeMap<&str, Gathered> = BTreeMap::new();
        let mut days: BTreeMap<i64, usize> = BTreeMap::new();
        for record in self.alerts.active.records.values().chain(self.alerts.over.records.values()) {
            if record.opened_at < from || record.opened_at >= to {
                continue;
            }
            all.take(record);
            conditions.entry(&record.alert.condition).or_default().take(record);
            *days.entry(record.opened_at.0.div_euclid(DAY_MICROS)).or_default() += 1;
        }
        let mut conditions: Vec<ConditionStatistics> =
            conditions.into_iter().map(|(condition, gathered)| gathered.finish(condition)).collect();
        conditions.sort_by_key(|statistics| std::cmp::Reverse(statistics.opened));
        let day = |(day, count): (i64, usize)| i32::try_from(day).ok().map(|day| (Day(day), count));
        AlertStatistics {
            all: all.finish(""),
            conditions,
            days: days.into_iter().filter_map(day).collect(),
            is_partial: self.alerts.dropped_to.is_some_and(|newest| newest >= from),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_median_is_the_middle_one_or_between_the_middle_two() {
        let check = |spans: &[i64], mean_micros, median_micros| {
            assert_eq!(Spans::of(spans.to_vec()), Spans { count: spans.len(), mean_micros, median_micros });
        };
        check(&[], 0, 0);
        check(&[7], 7, 7);
        check(&[9, 1, 2], 4, 2);
        check(&[1, 100, 3, 4], 27, 3);
        check(&[i64::MAX, i64::MAX], i64::MAX, i64::MAX);
    }
}
