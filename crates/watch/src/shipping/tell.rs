//! Alerts of shipments in words: one sentence, and its figures.

use super::judge::Look;
use crate::rule::{float, whole};
use crate::shipment::{Detour, Line, Point, Stop};
use crate::stock::{day_text, duration, rounded};
use ledger::{Day, Quantity, Timestamp};
use std::fmt::Write;

const DAY: i64 = 86_400_000_000;
const MINUTE: i64 = 60_000_000;
/// Products that a sentence names; the rest is counted.
const NAMED_MAX: usize = 3;

/// An alert to be opened.
pub(super) struct Told {
    pub(super) why: String,
    pub(super) figures: Vec<(&'static str, String)>,
    pub(super) since: Timestamp,
}

fn day_and_minute(at: Timestamp) -> (String, i64) {
    let day = i32::try_from(at.0.div_euclid(DAY)).unwrap_or(i32::MAX);
    (day_text(Day(day)), at.0.rem_euclid(DAY) / MINUTE)
}

/// A time for people, such as `2026-02-16 10:00 UTC`.
fn time(at: Timestamp) -> String {
    let (day, minute) = day_and_minute(at);
    format!("{day} {:02}:{:02} UTC", minute / 60, minute % 60)
}

/// A time for figures, to the second.
fn stamp(at: Timestamp) -> String {
    let (day, minute) = day_and_minute(at);
    let second = at.0.rem_euclid(MINUTE) / 1_000_000;
    format!("{day}T{:02}:{:02}:{second:02}Z", minute / 60, minute % 60)
}

fn percent(probability: f64) -> i64 {
    // What is not certain is not told as certain.
    let percent = whole(libm::round(probability * 100.0));
    if probability < 1.0 { percent.min(99) } else { percent }
}

fn kilometres(metres: f64) -> String {
    let kilometres = metres / 1_000.0;
    rounded(if kilometres < 10.0 { libm::round(kilometres * 10.0) / 10.0 } else { libm::round(kilometres) })
}

fn place(point: Point) -> String {
    format!("{:.4}, {:.4}", point.latitude(), point.longitude())
}

/// The shipment and its way: `SHP-1 from A to B`.
fn name(look: &Look<'_>) -> String {
    let mut name = look.id.to_owned();
    if let Some(card) = look.shipment.card() {
        for (word, text) in [("from", &card.from), ("to", &card.to)] {
            if !text.is_empty() {
                // Writing to a string can't fail.
                let _ = write!(name, " {word} {text}");
            }
        }
    }
    name
}

pub(super) fn late(look: &Look<'_>, promised_at: Timestamp, probability: f64) -> Told {
    let mut figures = vec![("probability", rounded(probability)), ("promised_at", stamp(promised_at))];
    let mut why = if look.at > promised_at {
        format!("{} was promised for {} and is not there", name(look), time(promised_at))
    } else {
        let percent = percent(probability);
        format!("{} will be later than promised for {} with {percent} %", name(look), time(promised_at))
    };
    if let Some(estimate) = look.estimate {
        let (early, late) = (time(estimate.early_at), time(estimate.late_at));
        let _ = write!(why, ": expected {}, from {early} to {late}, {}", time(estimate.median_at), look.basis());
        figures.push(("expected_at", stamp(estimate.median_at)));
        figures.push(("early_at", stamp(estimate.early_at)));
        figures.push(("late_at", stamp(estimate.late_at)));
        if let Some(remaining_m) = estimate.remaining_m {
            figures.push(("remaining_km", kilometres(remaining_m)));
        }
    }
    if let Some(reason) = reason(look, promised_at) {
        let _ = write!(why, "; {reason}");
    }
    Told { why, figures, since: look.at }
}

/// What costs it the most time, as far as is known.
fn reason(look: &Look<'_>, promised_at: Timestamp) -> Option<String> {
    let card = look.shipment.card()?;
    let mut reasons: Vec<(i64, String)> = Vec::new();
    if let Some(departure_at) = card.departure_at {
        let departed = look.journey.milestones().departed.map(|departed| departed.at);
        let late = departed.unwrap_or(look.at).0.saturating_sub(departure_at.0);
        let words = if departed.is_some() { "it left" } else { "it should have left" };
        let rest = if departed.is_some() { "after its plan" } else { "ago and has not" };
        reasons.push((late, format!("{words} {} {rest}", duration(late))));
    }
    if let Some(stop) = look.journey.stops().0.last().filter(|stop| !stop.is_over) {
        let stood = look.at.0.saturating_sub(stop.from_at.0);
        reasons.push((stood, format!("it has stood still for {}", duration(stood))));
    }
    let planned = look.journey.route().micros();
    if let (Some((factor, count)), Some(planned)) = (look.lane, planned) {
        let more = whole(planned * (factor - 1.0));
        if count >= 1.0 {
            let words = format!(
                "its lane takes {} times as long as planned, by {} journeys",
                rounded(libm::round(factor * 100.0) / 100.0),
                rounded(libm::round(count))
            );
            reasons.push((more, words));
        }
    }
    if let Some(arrival_at) = card.arrival_at {
        let late = arrival_at.0.saturating_sub(promised_at.0);
        reasons.push((late, format!("its plan itself ends {} after the promise", duration(late))));
    }
    let (cost, words) = reasons.into_iter().max_by_key(|(cost, _)| *cost)?;
    (cost >= MINUTE).then_some(words)
}

pub(super) fn on_time(look: &Look<'_>, promised_at: Timestamp, probability: f64) -> String {
    let expected = look.estimate.map_or(String::new(), |estimate| format!(", expected {}", time(estimate.median_at)));
    format!("later than promised for {} with {} % only{expected}", time(promised_at), percent(probability))
}

/// How it ended, against its promise.
pub(super) fn ended(look: &Look<'_>, promised_at: Timestamp) -> String {
    let Some(arrived) = look.journey.milestones().arrived else { return "it will not come".into() };
    let late = arrived.at.0.saturating_sub(promised_at.0);
    let against = if late > 0 { "after" } else { "before" };
    format!("it arrived {}, {} {against} its promise", time(arrived.at), duration(late.saturating_abs()))
}

pub(super) fn stopped(look: &Look<'_>, stop: &Stop) -> Told {
    let stood = stop.until_at.0.saturating_sub(stop.from_at.0);
    let why = format!(
        "{} has stood still for {} at {}, outside any site, since {}",
        name(look),
        duration(stood),
        place(stop.point),
        time(stop.from_at)
    );
    let figures = vec![
        ("latitude", format!("{:.6}", stop.point.latitude())),
        ("longitude", format!("{:.6}", stop.point.longitude())),
        ("stopped_minutes", rounded(libm::round(float(stood) / 60.0e6))),
    ];
    Told { why, figures, since: stop.from_at }
}

pub(super) fn off_route(look: &Look<'_>, detour: &Detour) -> Told {
    let (off, back) = (kilometres(detour.off_m), kilometres(detour.back_m));
    let is_back = detour.back_m > detour.off_m;
    let what = if is_back { format!("goes back: {back} km more remain") } else { format!("is {off} km off its way") };
    let why = format!("{} {what}, since {}", name(look), time(detour.from_at));
    Told { why, figures: vec![("off_km", off), ("back_km", back)], since: detour.from_at }
}

pub(super) fn silent(look: &Look<'_>, heard_at: Timestamp, was_seen: bool) -> Told {
    let silence = look.at.0.saturating_sub(heard_at.0);
    let what = if was_seen { "has not been seen" } else { "left and has never been seen" };
    let why = format!("{} {what} for {}, since {}", name(look), duration(silence), time(heard_at));
    let figures = vec![("silent_minutes", rounded(float(silence) / 60.0e6)), ("heard_at", stamp(heard_at))];
    Told { why, figures, since: heard_at }
}

pub(super) fn over(look: &Look<'_>, lines: &[(&str, Line)]) -> Told {
    let told = listed(lines, |line| format!("{} received, {} expected", line.received, line.expected()));
    Told { why: format!("{}: {told}", name(look)), figures: figures(lines, Line::over, "over"), since: look.at }
}

pub(super) fn short(look: &Look<'_>, lines: &[(&str, Line)], expected_at: Timestamp) -> Told {
    let told = listed(lines, |line| format!("{} of {} missing", line.missing(), line.expected()));
    let why = format!("{}: {told}; the rest was expected {}", name(look), time(expected_at));
    Told { why, figures: figures(lines, Line::missing, "missing"), since: expected_at }
}

fn listed(lines: &[(&str, Line)], says: impl Fn(&Line) -> String) -> String {
    let named: Vec<String> =
        lines.iter().take(NAMED_MAX).map(|(product, line)| format!("{product} {}", says(line))).collect();
    let rest = lines.len().saturating_sub(NAMED_MAX);
    let more = if rest == 0 { String::new() } else { format!(", and {rest} more products") };
    format!("{}{more}", named.join(", "))
}

/// The first product with its figures, and of how many products it is so.
fn figures(lines: &[(&str, Line)], of: fn(&Line) -> Quantity, what: &'static str) -> Vec<(&'static str, String)> {
    let mut figures = vec![("products", lines.len().to_string())];
    if let [(product, line), ..] = lines {
        figures.push(("product_id", (*product).to_owned()));
        figures.push(("expected", line.expected().to_string()));
        figures.push(("received", line.received.to_string()));
        figures.push((what, of(line).to_string()));
    }
    figures
}
