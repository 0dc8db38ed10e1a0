//! How fast things go: one sample of the engine's counters a second, for as many minutes as the line shows.

use crate::App;
use crate::dashboard::fragment::{Fragment, Part};
use crate::dashboard::{chart, text};
use engine::{Health, Stats, Summary};
use ledger::Position;
use maud::{Markup, html};
use std::collections::VecDeque;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::time::{Instant, MissedTickBehavior};
use views::{AlertQuery, AlertState, Totals, Views};

/// Seconds that the line shows.
const SAMPLES_MAX: usize = 180;

/// The device that the system is to itself.
const SYSTEM: &str = "stocktide";

/// What was measured so far.
#[derive(Default)]
pub(crate) struct Pulse {
    samples: Mutex<Samples>,
}

#[derive(Default)]
struct Samples {
    /// Events a second, oldest first.
    rates: VecDeque<u64>,
    /// Of the last second in which something was acknowledged.
    acknowledge_micros: Summary,
    events: u64,
    /// By a clock that cannot jump, nor run ahead as that of a simulation does.
    at: Option<Instant>,
}

/// What the tiles show.
pub(crate) struct Figures {
    /// Events a second, oldest first.
    pub(crate) rates: Vec<u64>,
    /// From submission to acknowledgement.
    pub(crate) acknowledge_micros: Summary,
    /// The last position shown.
    pub(crate) position: Position,
    /// Counts over everything.
    pub(crate) totals: Totals,
    /// How the engine is.
    pub(crate) health: Health,
    /// Open alerts about the system itself; `None` where it does not sample its own health.
    pub(crate) system_alerts: Option<usize>,
}

impl Pulse {
    /// Begins to sample; ends when the server does. To be called once.
    pub(crate) fn start(self: &Arc<Self>, app: &App) {
        let (pulse, app) = (Arc::clone(self), app.clone());
        tokio::spawn(async move {
            let mut stopping = app.stopping();
            let mut seconds = tokio::time::interval(Duration::from_secs(1));
            seconds.set_missed_tick_behavior(MissedTickBehavior::Delay);
            loop {
                tokio::select! {
                    _ = seconds.tick() => pulse.sample(app.engine().stats(), Instant::now()),
                    _ = stopping.wait_for(|stopping| *stopping) => break,
                }
            }
        });
    }

    fn sample(&self, stats: &Stats, now: Instant) {
        let recent = stats.acknowledge_micros_recent.drain();
        let mut samples = self.samples.lock().unwrap_or_else(PoisonError::into_inner);
        samples.take(events(stats), now);
        if recent.count > 0 {
            samples.acknowledge_micros = recent;
        }
    }

    /// What the tiles show now.
    pub(crate) fn figures(&self, app: &App, totals: Totals) -> Figures {
        let engine = app.engine();
        let samples = self.samples.lock().unwrap_or_else(PoisonError::into_inner);
        let rates = samples.rates.iter().copied().collect();
        let mut acknowledge_micros = samples.acknowledge_micros;
        if acknowledge_micros.count == 0 {
            acknowledge_micros = engine.stats().acknowledge_micros.summary();
        }
        Figures {
            rates,
            acknowledge_micros,
            position: engine.position(),
            totals,
            health: engine.health(),
            system_alerts: system_alerts(&engine.views()),
        }
    }
}

/// Open alerts about the system itself, of which its device page has the charts; `None` without that device.
fn system_alerts(views: &Views) -> Option<usize> {
    views.catalog().device(SYSTEM)?;
    let states = &[AlertState::Open, AlertState::Acknowledged];
    let query = AlertQuery { states, device: Some(SYSTEM), ..AlertQuery::default() };
    views.alerts(&query).ok().map(|page| page.items.len())
}

impl Samples {
    fn take(&mut self, events: u64, now: Instant) {
        if let Some(before) = self.at
            && let Some(rate) = rate(events.saturating_sub(self.events), now.saturating_duration_since(before))
        {
            if self.rates.len() >= SAMPLES_MAX {
                self.rates.pop_front();
            }
            self.rates.push_back(rate);
        }
        (self.events, self.at) = (events, Some(now));
    }
}

/// Events judged since the start.
fn events(stats: &Stats) -> u64 {
    [&stats.accepted, &stats.duplicates, &stats.held, &stats.rejected]
        .iter()
        .map(|counter| counter.load(Ordering::Relaxed))
        .sum()
}

/// Events a second; `None` when no time passed.
fn rate(events: u64, passed: Duration) -> Option<u64> {
    let rate = (u128::from(events) * 1_000_000).checked_div(passed.as_micros())?;
    Some(u64::try_from(rate).unwrap_or(u64::MAX))
}

/// The tiles.
pub(crate) fn render_pulse(figures: &Figures) -> Fragment {
    let totals = &figures.totals;
    let mut parts = vec![
        rate_tile(&figures.rates),
        acknowledge_tile(figures.acknowledge_micros),
        tile(
            "position",
            html! { "Journal position" },
            html! { (text::count(figures.position.0)) },
            health_note(figures.health),
        ),
        tile(
            "held",
            html! { a href="/held" { "Held inputs" } },
            html! { (text::length(totals.held)) },
            note(if totals.held == 0 { "nothing waits" } else { "wait for somebody" }),
        ),
        tile(
            "recounts",
            html! { a href="/recounts" { "Open recounts" } },
            html! { (text::length(totals.recount_tasks)) },
            note(if totals.recount_tasks == 0 { "nothing to count" } else { "places to count" }),
        ),
        tile("reservations", html! { "Reservations" }, html! { (text::length(totals.reservations)) }, note("pending")),
    ];
    parts.extend(figures.system_alerts.map(system_tile));
    Fragment::keyed("pulse", parts, |parts| html! { ul #pulse.tiles data-parts { (parts) } })
}

/// A tile: what it is about, its figure, and a note.
pub(crate) fn tile(key: &str, label: Markup, figure: Markup, note: Markup) -> Part {
    let markup = html! {
        li data-key=(key) {
            span.label { (label) }
            span.figure data-figure=(key) { (figure) }
            (note)
        }
    };
    Part::new(key, markup)
}

/// A note under a figure.
pub(crate) fn note(words: &str) -> Markup {
    html! { span.note { (words) } }
}

fn rate_tile(rates: &[u64]) -> Part {
    let Some(last) = rates.last().copied() else {
        return tile("rate", html! { "Events per second" }, html! { "–" }, note("being measured"));
    };
    let (min, max) = (rates.iter().min().copied().unwrap_or_default(), rates.iter().max().copied().unwrap_or_default());
    let words = format!(
        "Events per second over the last {}: {} to {}, now {}",
        text::span(i64::try_from(rates.len()).unwrap_or(i64::MAX).saturating_mul(1_000_000)),
        text::count(min),
        text::count(max),
        text::count(last)
    );
    let markup = html! {
        li data-key="rate" {
            span.label { "Events per second" }
            span.figure data-figure="rate" { (text::count(last)) }
            span.note { "up to " (text::count(max)) }
            span.spark { (chart::line(rates, SAMPLES_MAX, &words)) }
        }
    };
    Part::new("rate", markup)
}

fn acknowledge_tile(summary: Summary) -> Part {
    let label = html! { "Acknowledged in" };
    if summary.count == 0 {
        return tile("acknowledge", label, html! { "–" }, note("nothing came yet"));
    }
    let (p50, p50_unit) = text::latency(summary.p50);
    let (p99, p99_unit) = text::latency(summary.p99);
    let note = html! {
        span.note title="Half of the last second's events were durable within the time above, 99 in 100 within this one" {
            "99 % in " (p99) " " (p99_unit)
        }
    };
    tile("acknowledge", label, html! { (p50) " " small { (p50_unit) } }, note)
}

fn system_tile(alerts: usize) -> Part {
    let label = html! { a href=(text::device_address(SYSTEM)) { "System" } };
    let note = if alerts == 0 {
        note("no alerts")
    } else {
        html! { a.note.negative href=(text::address("/alerts", &[("q", SYSTEM)])) { "open alerts" } }
    };
    tile("system", label, html! { (text::length(alerts)) }, note)
}

fn health_note(health: Health) -> Markup {
    match health {
        Health::Working => note("all durable"),
        Health::DiskFull => html! { span.note.negative { "disk full: reading only" } },
        Health::DiskFailed => html! { span.note.negative { "disk failed: reading only" } },
        Health::Stopping => note("stopping"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_events_by_the_time_that_passed() {
        let mut samples = Samples::default();
        let start = Instant::now();
        let after = |millis| start + Duration::from_millis(millis);
        samples.take(100, after(0));
        samples.take(350, after(500));
        samples.take(350, after(500));
        samples.take(350, after(1_500));
        assert_eq!(samples.rates, [500, 0], "no time, no sample");
        for second in 2..1_000 {
            samples.take(350, after(second * 1_000));
        }
        assert_eq!(samples.rates.len(), SAMPLES_MAX);
    }

    #[test]
    fn tiles_carry_their_figures() {
        let figures = Figures {
            rates: vec![0, 12_480],
            acknowledge_micros: Summary { count: 3, p50: 420, p99: 1_900, p999: 0, max: 0 },
            position: Position(18_402_113),
            totals: Totals { held: 3, ..Totals::default() },
            health: Health::DiskFull,
            system_alerts: None,
        };
        let html = html! { (render_pulse(&figures)) }.into_string();
        for piece in [
            "<ul class=\"tiles\" id=\"pulse\" data-parts>",
            "data-figure=\"position\">18\u{202f}402\u{202f}113<",
            "0.42 <small>ms</small>",
            "99 % in 1.9 ms",
            "12\u{202f}480",
            "disk full: reading only",
        ] {
            assert!(html.contains(piece), "{piece} in {html}");
        }
        assert!(!html.contains("/devices/stocktide"), "{html}");
        let figures = Figures { system_alerts: Some(2), ..figures };
        let html = html! { (render_pulse(&figures)) }.into_string();
        for piece in ["href=\"/devices/stocktide\"", "data-figure=\"system\">2<", "href=\"/alerts?q=stocktide\""] {
            assert!(html.contains(piece), "{piece} in {html}");
        }
    }
}
