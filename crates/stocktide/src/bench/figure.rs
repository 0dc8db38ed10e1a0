//! A figure, its limit and its target, and how they are shown.

use crate::output;
use serde_json::{Value, json};
use sim::portal::Row;

/// What a figure counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unit {
    /// More is better.
    EventsPerSecond,
    /// More is better.
    ReadsPerSecond,
    /// More is better.
    ReadingsPerSecond,
    /// Less is better.
    Microseconds,
    /// Less is better.
    Nanoseconds,
    /// Less is better.
    Seconds,
    /// Less is better.
    Bytes,
}

impl Unit {
    const fn name(self) -> &'static str {
        match self {
            Self::EventsPerSecond => "events/s",
            Self::ReadsPerSecond => "reads/s",
            Self::ReadingsPerSecond => "readings/s",
            Self::Microseconds => "us",
            Self::Nanoseconds => "ns",
            Self::Seconds => "s",
            Self::Bytes => "bytes",
        }
    }

    const fn is_more_better(self) -> bool {
        matches!(self, Self::EventsPerSecond | Self::ReadsPerSecond | Self::ReadingsPerSecond)
    }

    fn show(self, value: f64) -> String {
        match self {
            Self::Seconds => format!("{value:.3}"),
            _ => output::count(rounded(value)),
        }
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a figure to show, never below zero")]
fn rounded(value: f64) -> u64 {
    value.max(0.0).round() as u64
}

/// A number as figures are kept.
#[expect(clippy::cast_precision_loss, reason = "a figure to show")]
pub(super) fn number(count: impl TryInto<u64>) -> f64 {
    count.try_into().unwrap_or(u64::MAX) as f64
}

fn thousandth(count: impl TryInto<u64>) -> f64 {
    number(count) / 1_000.0
}

/// One thing measured.
#[derive(Clone, Debug)]
pub(super) struct Figure {
    pub(super) name: &'static str,
    pub(super) value: f64,
    pub(super) unit: Unit,
    /// What the machine can do at best, and what that is.
    pub(super) limit: Option<(f64, &'static str)>,
    pub(super) target: Option<f64>,
}

impl Figure {
    pub(super) fn new(name: &'static str, value: f64, unit: Unit) -> Self {
        Self { name, value, unit, limit: None, target: None }
    }

    pub(super) fn limit(mut self, limit: f64, is: &'static str) -> Self {
        self.limit = Some((limit, is));
        self
    }

    pub(super) fn target(mut self, target: f64) -> Self {
        self.target = Some(target);
        self
    }

    /// How near the limit it comes: 1 is there.
    fn fraction(&self) -> Option<f64> {
        let (limit, _) = self.limit?;
        let fraction = if self.unit.is_more_better() { self.value / limit } else { limit / self.value };
        fraction.is_finite().then_some(fraction)
    }

    fn is_met(&self) -> Option<bool> {
        self.target.map(|target| if self.unit.is_more_better() { self.value >= target } else { self.value <= target })
    }
}

/// What was measured, in order.
#[derive(Debug, Default)]
pub(super) struct Figures {
    figures: Vec<Figure>,
    /// How well movements are told from tag reads, by what makes that hard and by method.
    pub(super) accuracy: Vec<Row>,
}

impl Figures {
    pub(super) fn push(&mut self, figure: Figure) {
        self.figures.push(figure);
    }

    /// The figures, and below them how well movements are told; of both only what was measured.
    pub(super) fn tables(&self) -> String {
        let mut tables = Vec::new();
        if !self.figures.is_empty() {
            tables.push(self.figures_table());
        }
        if !self.accuracy.is_empty() {
            tables.push(self.accuracy_table());
        }
        tables.join("\n\n")
    }

    fn figures_table(&self) -> String {
        let mut table = output::table(["figure", "value", "unit", "limit", "of it", "the limit is", "target", "met"]);
        for figure in &self.figures {
            let limit = figure.limit.map(|(limit, _)| figure.unit.show(limit));
            let target = figure.target.map(|target| figure.unit.show(target));
            table.add_row([
                figure.name.to_owned(),
                figure.unit.show(figure.value),
                figure.unit.name().to_owned(),
                limit.unwrap_or_default(),
                figure.fraction().map(|fraction| format!("{:.0} %", fraction * 100.0)).unwrap_or_default(),
                figure.limit.map_or("", |(_, is)| is).to_owned(),
                target.unwrap_or_default(),
                figure.is_met().map_or("", |met| if met { "yes" } else { "no" }).to_owned(),
            ]);
        }
        output::right(&mut table, &[1, 3, 4, 6]);
        table.trim_fmt()
    }

    fn accuracy_table(&self) -> String {
        let mut table =
            output::table(["missed", "stray", "crossing", "window", "precision", "recall", "F1", "delay in s"]);
        let yes = |is: bool| if is { "yes" } else { "no" }.to_owned();
        for row in &self.accuracy {
            table.add_row([
                format!("{} %", row.missed_percent),
                yes(row.stray),
                yes(row.crossing),
                row.window(),
                format!("{:.3}", thousandth(row.precision_permille)),
                format!("{:.3}", thousandth(row.recall_permille)),
                format!("{:.3}", thousandth(row.f1_permille)),
                format!("{}.{}", row.delay_millis / 1_000, row.delay_millis % 1_000 / 100),
            ]);
        }
        output::right(&mut table, &[0, 4, 5, 6, 7]);
        table.trim_fmt()
    }

    pub(super) fn json(&self, quick: bool) -> Value {
        let figure = |figure: &Figure| {
            json!({
                "name": figure.name,
                "value": figure.value,
                "unit": figure.unit.name(),
                "limit": figure.limit.map(|(limit, _)| limit),
                "limit_is": figure.limit.map(|(_, is)| is),
                "fraction": figure.fraction(),
                "target": figure.target,
                "met": figure.is_met(),
            })
        };
        let row = |row: &Row| {
            json!({
                "missed_percent": row.missed_percent,
                "stray": row.stray,
                "crossing": row.crossing,
                "window": row.window(),
                "precision": thousandth(row.precision_permille),
                "recall": thousandth(row.recall_permille),
                "f1": thousandth(row.f1_permille),
                "delay_seconds": thousandth(row.delay_millis),
            })
        };
        json!({
            "version": env!("CARGO_PKG_VERSION"),
            "quick": quick,
            "cores": std::thread::available_parallelism().map_or(0, std::num::NonZero::get),
            "figures": self.figures.iter().map(figure).collect::<Vec<_>>(),
            "accuracy": self.accuracy.iter().map(row).collect::<Vec<_>>(),
        })
    }
}

/// The value below which `per_mille` of 1,000 lie; zero of none. Sorts.
pub(super) fn quantile(micros: &mut [u64], per_mille: usize) -> f64 {
    micros.sort_unstable();
    let rank = (micros.len() * per_mille).div_ceil(1000).max(1);
    micros.get(rank - 1).copied().map_or(0.0, number)
}

#[cfg(test)]
mod tests {
    use super::*;
    use intake::rfid::Method;

    #[test]
    fn a_figure_is_judged_by_the_way_its_unit_goes() {
        let rate = Figure::new("rate", 50.0, Unit::EventsPerSecond).limit(100.0, "x").target(40.0);
        assert_eq!((rate.fraction(), rate.is_met()), (Some(0.5), Some(true)));
        let time = Figure::new("time", 50.0, Unit::Microseconds).limit(10.0, "x").target(40.0);
        assert_eq!((time.fraction(), time.is_met()), (Some(0.2), Some(false)));
    }

    #[test]
    fn how_well_movements_are_told_stands_below_the_figures() {
        let mut figures = Figures::default();
        figures.push(Figure::new("tag reads", 1_500_000.0, Unit::ReadsPerSecond).target(1_000_000.0));
        figures.accuracy.push(Row {
            missed_percent: 30,
            stray: true,
            crossing: false,
            method: Method::Fixed(25),
            precision_permille: 987,
            recall_permille: 1_000,
            f1_permille: 993,
            delay_millis: 7_250,
        });
        let tables = figures.tables();
        let lines: Vec<Vec<&str>> = tables.lines().map(|line| line.split_whitespace().collect()).collect();
        assert_eq!(lines[1], ["tag", "reads", "1", "500", "000", "reads/s", "1", "000", "000", "yes"]);
        assert_eq!(lines[2], [""; 0]);
        assert_eq!(lines[4], ["30", "%", "yes", "no", "fixed", "25", "0.987", "1.000", "0.993", "7.2"]);
        let json = figures.json(false);
        assert_eq!(json["figures"][0]["unit"], "reads/s");
        assert_eq!((&json["accuracy"][0]["window"], &json["accuracy"][0]["f1"]), (&json!("fixed 25"), &json!(0.993)));
        figures.figures.clear();
        assert!(figures.tables().trim_start().starts_with("missed"), "of what was not measured nothing is said");
    }

    #[test]
    fn quantiles_are_by_nearest_rank() {
        let mut values: Vec<u64> = (1..=1000).rev().collect();
        let of_values = [500, 990, 999, 1000].map(|rank| rounded(quantile(&mut values, rank)));
        assert_eq!(of_values, [500, 990, 999, 1000]);
        assert_eq!(rounded(quantile(&mut [], 500)), 0);
    }
}
