//! What is told of stock, in words with figures.

use super::StockWatch;
use super::subject::{DAY, Subject};
use crate::condition::Condition;
use crate::desk::Desk;
use crate::rule::{Rule, float};
use ledger::{AlertSubject, Quantity, State, Timestamp};

/// A quantity of micro-units, exactly.
pub(crate) fn amount(micros: i64) -> String {
    Quantity::from_micros(micros).to_string()
}

/// A number with two decimals at most.
pub(crate) fn rounded(number: f64) -> String {
    let text = format!("{number:.2}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" { "0".into() } else { text.into() }
}

/// Whole days between two times; never below zero.
pub(crate) fn days_between(from: Timestamp, to: Timestamp) -> i64 {
    to.0.saturating_sub(from.0).max(0) / DAY
}

/// A duration for people, such as `20 min`, `3 h` or `4 days`.
pub(crate) fn duration(micros: i64) -> String {
    let minutes = float(micros.max(0)) / 60.0e6;
    match minutes {
        ..1.0 => format!("{} s", rounded(minutes * 60.0)),
        ..120.0 => format!("{} min", rounded(libm::round(minutes))),
        ..2_880.0 => format!("{} h", rounded(libm::round(minutes / 6.0) / 10.0)),
        _ => format!("{} days", rounded(libm::round(minutes / 144.0) / 10.0)),
    }
}

type Figures = Vec<(&'static str, String)>;

impl StockWatch {
    /// Product and place of a subject.
    pub(crate) fn about(&self, state: &State, index: u32) -> AlertSubject {
        let subject = &self.subjects[index as usize];
        AlertSubject {
            product: subject.product_name(state).into(),
            location: subject.place_path(state).into(),
            ..AlertSubject::default()
        }
    }

    /// Why a condition holds, and its figures.
    pub(super) fn words(&self, desk: &Desk<'_>, index: u32, rule: &Rule) -> (String, Figures) {
        let subject = &self.subjects[index as usize];
        let here = format!("{} at {}", subject.product_name(desk.state), subject.place_path(desk.state));
        let daily = subject.daily_use(desk.now);
        let mut figures = subject.figures();
        figures.push(("daily_use", rounded(daily / 1e6)));
        if daily > 0.0 {
            figures.push(("days_of_supply", rounded(float(subject.free().max(0)) / daily)));
        }
        let why = match rule.condition {
            Condition::LowStock => {
                figures.push(("threshold", amount(subject.low)));
                let coming = subject.coming();
                let coming = match (subject.counts_orders, coming) {
                    (true, 1..) => format!(" and {} on the way", amount(coming)),
                    _ => String::new(),
                };
                let days = rule.number("days_of_supply").filter(|_| subject.follows_use);
                let days = days.map_or(String::new(), |days| {
                    format!(", {} days of supply at {} a day", rounded(days), rounded(daily / 1e6))
                });
                format!("{here}: {} available{coming}, below {}{days}", amount(subject.free()), amount(subject.low))
            }
            Condition::StockOut => {
                let coming = match subject.coming() {
                    0 => "nothing is on the way".into(),
                    coming => format!("{} on the way", amount(coming)),
                };
                format!("{here}: {} available, {coming}", amount(subject.free()))
            }
            Condition::Overstock => {
                figures.push(("ceiling", amount(subject.over)));
                format!("{here}: {} on hand, more than {}", amount(subject.on_hand), amount(subject.over))
            }
            Condition::SlowStock | Condition::DeadStock => {
                let since = subject.last_out.max(subject.first_at);
                let days = days_between(since, desk.now);
                figures.push(("days_without_removal", days.to_string()));
                format!("{here}: {} on hand, and none has left for {days} days", amount(subject.on_hand))
            }
            Condition::CountOverdue => {
                let days = self.oldest_count(desk, index).map_or(0, |at| days_between(at, desk.now));
                figures.push(("days_without_count", days.to_string()));
                format!("{here}: {} on hand, not counted for {days} days", amount(subject.on_hand))
            }
            Condition::LowConfidence => {
                let confidence = self.confidence_at(index, rule.number("read_rate"), desk.now);
                figures.push(("confidence", rounded(confidence.value)));
                format!(
                    "{here}: the books are right with a confidence of {}; {}",
                    rounded(confidence.value),
                    confidence.why()
                )
            }
            _ => here,
        };
        (why, figures)
    }

    /// What was so when a condition ended.
    pub(super) fn after(&self, index: u32, condition: Condition) -> String {
        let subject = &self.subjects[index as usize];
        match condition {
            Condition::LowStock if subject.counts_orders && subject.coming() > 0 => {
                format!("{} available and {} on the way", amount(subject.free()), amount(subject.coming()))
            }
            Condition::LowStock | Condition::StockOut => format!("{} available", amount(subject.free())),
            _ => format!("{} on hand", amount(subject.on_hand)),
        }
    }
}

impl Subject {
    pub(crate) fn product_name<'s>(&self, state: &'s State) -> &'s str {
        &state.catalog().product(self.product).name
    }

    pub(crate) fn place_path<'s>(&self, state: &'s State) -> &'s str {
        &state.catalog().location(self.place).path
    }

    fn figures(&self) -> Figures {
        vec![
            ("available", amount(self.free())),
            ("on_hand", amount(self.on_hand)),
            ("reserved", amount(self.reserved)),
            ("on_order", amount(self.on_order)),
            ("in_transit", amount(self.in_transit)),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_read_as_people_write_them() {
        assert_eq!([rounded(3.0), rounded(0.666), rounded(-0.001), rounded(10.5)], ["3", "0.67", "0", "10.5"]);
        assert_eq!(duration(30_000_000), "30 s");
        assert_eq!(duration(20 * 60_000_000), "20 min");
        assert_eq!(duration(3 * 3_600_000_000), "3 h");
        assert_eq!(duration(4 * DAY), "4 days");
        assert_eq!(duration(-1), "0 s");
    }
}
