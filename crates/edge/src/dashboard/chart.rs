//! Drawings: lines and steps as SVG, each with words that say the same.

use crate::dashboard::text;
use ledger::{Day, Quantity, Timestamp};
use maud::{Markup, html};
use std::fmt::Write;
use views::Availability;

const LINE_HEIGHT: u64 = 100;

/// A line through `values`, oldest first, the newest at the right edge, on a scale from zero to the greatest.
pub(crate) fn line(values: &[u64], width: usize, words: &str) -> Markup {
    let max = values.iter().copied().max().unwrap_or_default().max(1);
    let mut path = String::new();
    let start = width.saturating_sub(values.len());
    for (index, value) in values.iter().enumerate() {
        let y =
            LINE_HEIGHT - u64::try_from(u128::from(*value) * u128::from(LINE_HEIGHT) / u128::from(max)).unwrap_or(0);
        let command = if index == 0 { 'M' } else { 'L' };
        // Writing to a string can't fail.
        let _ = write!(path, "{command}{} {y}", start + index + 1);
    }
    let area = format!("{path}V{LINE_HEIGHT}H{}Z", start + 1);
    html! {
        svg viewBox=(format!("0 0 {width} {LINE_HEIGHT}")) preserveAspectRatio="none" role="img" aria-label=(words) {
            @if values.len() > 1 {
                path.area d=(area) {}
                path d=(path) {}
            }
        }
    }
}

/// A bar for each day, the first at the left edge, on a scale from zero to the greatest.
pub(crate) fn bars(days: &[(Day, u64)], words: &str) -> Markup {
    const STEP: u64 = 20;
    let max = days.iter().map(|(_, count)| *count).max().unwrap_or_default().max(1);
    let width = STEP * days.len().max(1) as u64;
    html! {
        svg.bars viewBox=(format!("0 0 {width} {LINE_HEIGHT}")) preserveAspectRatio="none" role="img" aria-label=(words) {
            @for ((day, count), index) in days.iter().zip(0..) {
                @let height = u128::from(*count) * u128::from(LINE_HEIGHT) / u128::from(max);
                @let top = LINE_HEIGHT - u64::try_from(height).unwrap_or(LINE_HEIGHT).max(u64::from(*count > 0));
                path.bar d=(format!("M{} {top}h{}V{LINE_HEIGHT}h-{}Z", STEP * index + 2, STEP - 4, STEP - 4)) {
                    title { (text::day(*day)) ": " (text::count(*count)) }
                }
            }
        }
    }
}

/// The drawing's size, and the room for its axes.
const WIDTH: i64 = 640;
const HEIGHT: i64 = 150;
const LEFT: i64 = 8;
const RIGHT: i64 = 8;
const TOP: i64 = 22;
const BOTTOM: i64 = 26;

/// What can be promised as steps over time, from `now` to a little after the last step.
pub(crate) fn steps(availability: &Availability, now: Timestamp, words: &str) -> Markup {
    let scale = Scale::of(availability, now);
    let mut path = format!("M{} {}", scale.x(now), scale.y(availability.available));
    for step in &availability.steps {
        let _ = write!(path, "H{}V{}", scale.x(step.at), scale.y(step.cumulative));
    }
    let _ = write!(path, "H{}", WIDTH - RIGHT);
    let area = format!("{path}V{}H{}Z", HEIGHT - BOTTOM, scale.x(now));
    let day = |at: Timestamp| text::day(at.day());
    html! {
        svg viewBox=(format!("0 0 {WIDTH} {HEIGHT}")) role="img" aria-label=(words) {
            path.grid d=(format!("M{LEFT} {TOP}H{}", WIDTH - RIGHT)) {}
            path.area d=(area) {}
            path d=(path) {}
            path.axis d=(format!("M{LEFT} {}H{}", HEIGHT - BOTTOM, WIDTH - RIGHT)) {}
            text x=(LEFT) y=(TOP - 7) { (text::quantity(scale.max)) }
            text x=(LEFT) y=(HEIGHT - 8) { "today" }
            @if let Some(last) = availability.steps.last() {
                text x=(scale.x(last.at)) y=(HEIGHT - 8) text-anchor="end" { (day(last.at)) }
            }
        }
    }
}

/// A figure as people read it: at most three decimals, six below one, a power of ten for what is out of reach of both;
/// and a real minus.
pub(crate) fn decimal(value: f64) -> String {
    let size = value.abs();
    let text = if size >= 1e9 || (size > 0.0 && size < 1e-4) {
        let text = format!("{value:.3e}");
        let (digits, power) = text.split_once('e').unwrap_or((&text, "0"));
        format!("{} × 10^{power}", digits.trim_end_matches('0').trim_end_matches('.'))
    } else {
        let text = if size < 1.0 { format!("{value:.6}") } else { format!("{value:.3}") };
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    };
    text.replace('-', "\u{2212}")
}

struct Scale {
    start: i64,
    span: i64,
    max: Quantity,
}

impl Scale {
    fn of(availability: &Availability, now: Timestamp) -> Self {
        let last = availability.steps.last().map_or(now, |step| step.at);
        let span = last.0.saturating_sub(now.0).max(1);
        let figures = availability.steps.iter().map(|step| step.cumulative);
        let max = figures.chain([availability.available]).max().unwrap_or_default();
        Self { start: now.0, span: span.saturating_add(span / 12), max }
    }

    fn x(&self, at: Timestamp) -> i64 {
        let passed = i128::from(at.0.saturating_sub(self.start).max(0));
        LEFT + part(passed, self.span.into(), WIDTH - LEFT - RIGHT)
    }

    fn y(&self, quantity: Quantity) -> i64 {
        HEIGHT - BOTTOM - part(quantity.micros().into(), self.max.micros().max(1).into(), HEIGHT - TOP - BOTTOM)
    }
}

/// `whole × numerator / denominator`, between nothing and the whole.
fn part(numerator: i128, denominator: i128, whole: i64) -> i64 {
    let part = i128::from(whole) * numerator / denominator.max(1);
    i64::try_from(part).unwrap_or(whole).clamp(0, whole)
}

#[cfg(test)]
mod tests {
    use super::*;
    use views::{Step, StepKind};

    #[test]
    fn a_line_ends_at_the_right_and_is_said_in_words() {
        let svg = line(&[0, 50, 100], 10, "0 to 100").into_string();
        assert!(svg.contains("d=\"M8 100L9 50L10 0\"") && svg.contains("aria-label=\"0 to 100\""), "{svg}");
        assert!(!line(&[7], 10, "7").into_string().contains("<path"), "one value is no line");
    }

    #[test]
    fn figures_are_short_and_keep_their_size() {
        let check = |value: f64, expect: &str| assert_eq!(decimal(value), expect);
        check(100.0, "100");
        check(0.0, "0");
        check(-4.25, "\u{2212}4.25");
        check(0.12345, "0.12345");
        check(12.345_678, "12.346");
        check(0.1 + 0.2, "0.3");
        check(0.000_012, "1.2 × 10^\u{2212}5");
        check(-1.5e300, "\u{2212}1.5 × 10^300");
    }

    #[test]
    fn steps_stay_within_the_drawing_whatever_the_figures() {
        let step = |at, cumulative| Step {
            at,
            quantity: Quantity::ZERO,
            cumulative,
            reference: "PO-1".into(),
            kind: StepKind::OnOrder,
        };
        for (available, steps_at) in [
            (Quantity::ZERO, vec![]),
            (Quantity::MAX, vec![step(Timestamp::MAX, Quantity::MAX)]),
            (Quantity::units(5), vec![step(Timestamp(10), Quantity::ZERO), step(Timestamp(10), Quantity::units(9))]),
        ] {
            let availability = Availability { available, steps: steps_at, ..Availability::default() };
            let svg = steps(&availability, Timestamp(0), "words").into_string();
            assert!(!svg.contains(" -") && svg.contains("today"), "{svg}");
        }
    }
}
