//! `/devices/{device}`: its card, how it is, what it measured last and how that went, and what was concluded from it.

use crate::App;
use crate::app::Sensed;
use crate::dashboard::devices::{battery, clock, health, last_seen};
use crate::dashboard::fragment::Fragment;
use crate::dashboard::inferences;
use crate::dashboard::{Params, chart, text};
use crate::http::devices::Known;
use follow::sensing::{InferenceQuery, KeptInference, KeptReading};
use intake::device::Device;
use ledger::Timestamp;
use maud::{Markup, html};

/// Metrics that are shown.
const METRICS_MAX: usize = 200;
/// Conclusions that are shown.
const INFERENCES: usize = 8;
/// Figures that a chart is made of at most.
const FIGURES_MAX: usize = 5_000;
const HOUR_MICROS: i64 = 3_600_000_000;
const DAY_MICROS: i64 = 24 * HOUR_MICROS;

/// Which device, and which of its metrics to draw.
#[derive(Clone, Debug, Default)]
pub(crate) struct Filter {
    pub(crate) device: String,
    metric: String,
}

impl Filter {
    pub(crate) fn of(device: String, params: &Params) -> Self {
        Self { device, metric: params.text("metric").to_owned() }
    }

    pub(crate) fn parameters(&self) -> [(&'static str, &str); 2] {
        [("id", &self.device), ("metric", &self.metric)]
    }
}

/// What the page shows.
pub(crate) struct Content {
    known: Known,
    readings: Vec<KeptReading>,
    drawn: Option<Drawn>,
    inferences: Vec<KeptInference>,
}

/// The figures of one metric.
struct Drawn {
    metric: String,
    unit: String,
    /// The span of time that is drawn.
    between: (Timestamp, Timestamp),
    points: Vec<(Timestamp, f64)>,
}

/// Reads what the page shows; `None` when nobody ever declared or heard the device.
///
/// # Errors
/// Those of the index of readings.
pub(crate) fn read(
    app: &App,
    sensed: &Sensed,
    filter: &Filter,
    now: Timestamp,
) -> Result<Option<Content>, engine::Error> {
    let senses = &sensed.senses;
    let known = Known::of(&filter.device, app.engine().views().catalog(), senses, now);
    let Some(known) = known else { return Ok(None) };
    let readings = senses.latest(Some(&filter.device), METRICS_MAX)?;
    let is_number = |reading: &&KeptReading| reading.value.parse::<f64>().is_ok();
    let wanted = readings.iter().find(|reading| reading.metric == filter.metric);
    let drawn = match wanted.or_else(|| readings.iter().find(is_number)) {
        Some(reading) => Some(draw(sensed, reading, now)?),
        None => None,
    };
    let query = InferenceQuery { device: Some(filter.device.clone()), limit: INFERENCES, ..InferenceQuery::default() };
    Ok(Some(Content { known, drawn, inferences: senses.inferences(&query)?, readings }))
}

/// The last day of a metric; only the last hour of one that speaks too often for that.
fn draw(sensed: &Sensed, reading: &KeptReading, now: Timestamp) -> Result<Drawn, engine::Error> {
    let of = (reading.device.as_str(), reading.metric.as_str());
    // A device whose clock runs ahead is shown as well.
    let end = reading.at.max(now).plus(1);
    let mut from = now.minus(DAY_MICROS);
    let mut points = sensed.senses.figures(of, (from, end), FIGURES_MAX)?;
    if points.len() == FIGURES_MAX {
        from = now.minus(HOUR_MICROS);
        points = sensed.senses.figures(of, (from, end), FIGURES_MAX)?;
    }
    Ok(Drawn { metric: reading.metric.clone(), unit: reading.unit.clone(), between: (from, now), points })
}

/// The card.
pub(crate) fn render_card(content: &Content) -> Fragment {
    let card = &content.known.card;
    let every = card.interval_micros.map(text::span);
    Fragment::whole(
        "card",
        html! {
            div.intro #card {
                div { a.crumb href="/devices" { "All devices" } }
                div.title {
                    h1 { (card.device) }
                    @if !card.name.is_empty() { p.soft { (card.name) } }
                    div { (health(&content.known)) }
                }
                dl.pairs {
                    div { dt { "Kind" } dd { @if card.kind.is_empty() { "unknown" } @else { (text::words(&card.kind)) } } }
                    div { dt { "Place" } dd { @if card.location.is_empty() { "unknown" } @else { (card.location) } } }
                    div { dt { "Expected" } dd { @match every { Some(every) => { "every " (every) }, None => "when something happens" } } }
                    @if !content.known.is_declared { div { dt { "Declared" } dd { "no, only heard" } } }
                }
            }
        },
    )
}

/// What its messages say of it.
pub(crate) fn render_figures(content: &Content, now: Timestamp) -> Fragment {
    let figures = content.known.state.as_ref().map(|state| &state.device);
    let tallies = figures.map(Device::tallies).unwrap_or_default();
    let percent = |permille: u16| format!("{}.{}\u{202f}%", permille / 10, permille % 10);
    let (lost, errors) = (figures.map_or(0, Device::lost_permille), figures.map_or(0, Device::errors_permille));
    let tile = |label: &str, figure: Markup, note: String| {
        html! { li { span.label { (label) } span.figure { (figure) } span.note { (note) } } }
    };
    Fragment::whole(
        "figures",
        html! {
            ul.tiles.even #figures {
                (tile("Last seen", last_seen(figures, now), format!("{} messages", text::count(tallies.messages))))
                (tile("Lost", html! { (text::count(tallies.lost)) }, format!("{} of the recent", percent(lost))))
                (tile("Errors", html! { (text::count(tallies.errors)) }, format!("{} of the recent", percent(errors))))
                (tile("Repeated", html! { (text::count(tallies.duplicates)) }, format!("{} late", text::count(tallies.late))))
                (tile("Clock", clock(figures), "median of 15".to_owned()))
                (tile("Battery", battery(figures), String::new()))
            }
        },
    )
}

/// The newest figure of each metric.
pub(crate) fn render_readings(content: &Content, now: Timestamp) -> Fragment {
    let drawn = content.drawn.as_ref().map(|drawn| drawn.metric.as_str());
    let row = |reading: &KeptReading| {
        let metric = &reading.metric;
        let address = text::address(&text::device_address(&reading.device), &[("metric", metric)]);
        html! {
            tr data-metric=(metric) {
                th.wide scope="row" {
                    a href=(address) aria-current=[(drawn == Some(metric)).then_some("true")] { (text::words(metric)) }
                }
                td.number data-label="Value" { (shown(&reading.value)) @if !reading.unit.is_empty() { " " (reading.unit) } }
                td.number.soft data-label="Measured" { (text::time(reading.at, now)) }
            }
        }
    };
    Fragment::whole(
        "readings",
        html! {
            section.sheet #readings aria-labelledby="readings-heading" {
                header { h2 #readings-heading { "Latest readings" } }
                @if content.readings.is_empty() { p.nothing { "It has measured nothing yet." } }
                @else {
                    div.scroll {
                        table.cardlike {
                            thead { tr { th scope="col" { "Metric" } th.number scope="col" { "Value" } th.number scope="col" { "Measured" } } }
                            tbody { @for reading in &content.readings { (row(reading)) } }
                        }
                    }
                }
            }
        },
    )
}

/// A figure without the marks of its JSON.
fn shown(value: &str) -> String {
    serde_json::from_str::<String>(value).unwrap_or_else(|_| value.to_owned())
}

/// How the chosen metric went.
pub(crate) fn render_chart(content: &Content) -> Fragment {
    Fragment::whole(
        "chart",
        html! {
            div #chart {
                @if let Some(drawn) = &content.drawn {
                    section.sheet aria-labelledby="chart-heading" {
                        header { h2 #chart-heading { (text::words(&drawn.metric)) } }
                        (figure(drawn))
                    }
                }
            }
        },
    )
}

fn figure(drawn: &Drawn) -> Markup {
    let values = || drawn.points.iter().map(|(_, value)| *value);
    let (least, greatest) = (values().fold(f64::INFINITY, f64::min), values().fold(f64::NEG_INFINITY, f64::max));
    let (from, to) = drawn.between;
    let span = text::span(to.0.saturating_sub(from.0));
    let unit = if drawn.unit.is_empty() { String::new() } else { format!(" {}", drawn.unit) };
    if drawn.points.len() < 2 {
        return html! { p.nothing { "Fewer than two figures in the last " (span) "." } };
    }
    let words = format!(
        "{} figures in the last {span}, between {} and {}{unit}",
        text::length(drawn.points.len()),
        chart::decimal(least),
        chart::decimal(greatest)
    );
    html! {
        figure.steps {
            (chart::series(&drawn.points, drawn.between, &words))
            figcaption { (words) "." }
        }
    }
}

/// What was concluded from it last.
pub(crate) fn render_concluded(content: &Content, now: Timestamp) -> Fragment {
    Fragment::whole(
        "concluded",
        html! {
            section.sheet #concluded aria-labelledby="concluded-heading" {
                header {
                    h2 #concluded-heading { "Concluded last" }
                    a href="/inferences" { "Quarantine" }
                }
                @if content.inferences.is_empty() { p.nothing { "Nothing was concluded from it yet." } }
                ul.held {
                    @for kept in &content.inferences {
                        li data-inference=(kept.id) { (inferences::summary(kept, now)) }
                    }
                }
            }
        },
    )
}

/// The parts in their places: card, figures, chart, readings, conclusions.
pub(crate) fn body(fragments: &[Fragment; 5]) -> Markup {
    let [card, figures, chart, readings, concluded] = fragments;
    html! {
        (card)
        (figures)
        div.columns {
            div { (chart) (readings) }
            div { (concluded) }
        }
    }
}
