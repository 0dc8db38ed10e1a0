//! `/devices/{device}`: its card, how it is, what it measured last and how that went, and what was concluded from it.
//!
//! How its metrics went is drawn by [`band`]; here is said which of them, and over which time.

use crate::App;
use crate::app::Sensed;
use crate::dashboard::band::{self, Bands, Course, Episode};
use crate::dashboard::devices::{battery, clock, health, last_seen};
use crate::dashboard::fragment::{Fragment, Part};
use crate::dashboard::inferences;
use crate::dashboard::{Params, chart, text};
use crate::http::devices::Known;
use follow::sensing::{InferenceQuery, KeptInference, KeptReading};
use follow::series::History;
use intake::device::Device;
use ledger::Timestamp;
use maud::{Markup, html};

/// Metrics that are shown.
const METRICS_MAX: usize = 200;
/// Conclusions that are shown.
const INFERENCES: usize = 8;
/// Metrics that are drawn on one page.
const CHARTS_MAX: usize = 8;
/// Parts of the time that a chart shows at most: days of a year, and round times of what is shorter.
const CHART_POINTS: usize = 366;
const MINUTE_MICROS: i64 = 60_000_000;
const HOUR_MICROS: i64 = 60 * MINUTE_MICROS;
const DAY_MICROS: i64 = 24 * HOUR_MICROS;
/// Where a device is says little over time, and is drawn when it is asked for.
const PLACES: [&str; 4] = ["latitude", "longitude", "accuracy_m", "heading_degrees"];

/// How far back charts go.
struct Reach {
    /// In the address, and on the page.
    name: &'static str,
    micros: i64,
    /// What charts end at is a whole number of these, so that they do not move all the time.
    end_micros: i64,
}

/// The first when the address says none.
const REACHES: [Reach; 4] = [
    Reach { name: "24h", micros: DAY_MICROS, end_micros: 5 * MINUTE_MICROS },
    Reach { name: "7d", micros: 7 * DAY_MICROS, end_micros: 30 * MINUTE_MICROS },
    Reach { name: "30d", micros: 30 * DAY_MICROS, end_micros: 2 * HOUR_MICROS },
    Reach { name: "1y", micros: 365 * DAY_MICROS, end_micros: DAY_MICROS },
];

impl Reach {
    /// In words: `24 h`.
    fn words(&self) -> String {
        let digits = self.name.find(|letter: char| letter.is_alphabetic()).unwrap_or(0);
        format!("{}\u{202f}{}", &self.name[..digits], &self.name[digits..])
    }
}

/// Which device, which of its metrics to draw, and how far back.
#[derive(Clone, Debug, Default)]
pub(crate) struct Filter {
    pub(crate) device: String,
    /// Empty for all.
    metric: String,
    span: String,
}

impl Filter {
    pub(crate) fn of(device: String, params: &Params) -> Self {
        Self { device, metric: params.text("metric").to_owned(), span: params.text("span").to_owned() }
    }

    pub(crate) fn parameters(&self) -> [(&'static str, &str); 3] {
        [("id", &self.device), ("metric", &self.metric), ("span", &self.span)]
    }

    fn reach(&self) -> &'static Reach {
        REACHES.iter().find(|reach| reach.name == self.span).unwrap_or(&REACHES[0])
    }

    /// The address of the same page with another metric or reach.
    fn address(&self, metric: &str, span: &str) -> String {
        let span = if span == REACHES[0].name { "" } else { span };
        text::address(&text::device_address(&self.device), &[("metric", metric), ("span", span)])
    }
}

/// What the page shows.
pub(crate) struct Content {
    known: Known,
    readings: Vec<KeptReading>,
    filter: Filter,
    drawn: Vec<Drawn>,
    /// Metrics that could be drawn as well.
    left_out: usize,
    inferences: Vec<KeptInference>,
}

/// How one metric went.
struct Drawn {
    newest: KeptReading,
    span: (Timestamp, Timestamp),
    history: History,
    bands: Bands,
    episodes: Vec<Episode>,
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
    let numbers = readings.iter().filter(|reading| reading.value.parse::<f64>().is_ok());
    let is_wanted = |reading: &&KeptReading| match filter.metric.as_str() {
        "" => !PLACES.contains(&reading.metric.as_str()),
        metric => reading.metric == metric,
    };
    let mut wanted: Vec<&KeptReading> = numbers.clone().filter(is_wanted).collect();
    if wanted.is_empty() && filter.metric.is_empty() {
        wanted = numbers.collect();
    }
    let left_out = wanted.len().saturating_sub(CHARTS_MAX);
    let mut drawn = Vec::new();
    for reading in wanted.into_iter().take(CHARTS_MAX) {
        drawn.extend(draw(app, reading, filter.reach(), now)?);
    }
    let query = InferenceQuery { device: Some(filter.device.clone()), limit: INFERENCES, ..InferenceQuery::default() };
    let inferences = senses.inferences(&query)?;
    Ok(Some(Content { known, readings, filter: filter.clone(), drawn, left_out, inferences }))
}

/// How a metric went until now; `None` when nobody keeps that.
fn draw(app: &App, newest: &KeptReading, reach: &Reach, now: Timestamp) -> Result<Option<Drawn>, engine::Error> {
    let Some(series) = app.series() else { return Ok(None) };
    // A device whose clock runs ahead is shown as well.
    let end = newest.at.max(now).0.div_euclid(reach.end_micros).saturating_add(1).saturating_mul(reach.end_micros);
    let span = (Timestamp(end).minus(reach.micros), Timestamp(end));
    let history = series.history((&newest.device, &newest.metric), span, CHART_POINTS)?;
    let (bands, episodes) = (Bands::default(), Vec::new());
    Ok(history.map(|history| Drawn { newest: newest.clone(), span, history, bands, episodes }))
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
    let filter = &content.filter;
    let row = |reading: &KeptReading| {
        let metric = &reading.metric;
        let address = filter.address(metric, &filter.span);
        html! {
            tr data-metric=(metric) {
                th.wide scope="row" {
                    a href=(address) aria-current=[(filter.metric == *metric).then_some("true")] { (text::words(metric)) }
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

/// How its metrics went: all, or the chosen one.
pub(crate) fn render_chart(content: &Content) -> Fragment {
    let interval_micros = content.known.card.interval_micros;
    let parts = content.drawn.iter().map(|drawn| figure(drawn, content.filter.reach(), interval_micros));
    let is_empty = content.drawn.is_empty();
    Fragment::keyed("chart", parts.collect(), |parts| {
        html! {
            section.sheet #chart aria-labelledby="chart-heading" {
                header {
                    h2 #chart-heading { "How it went" }
                    (switch(&content.filter))
                }
                @if is_empty {
                    @match content.filter.metric.as_str() {
                        "" => p.nothing { "No figures of it that could be drawn." },
                        metric => p.nothing { "No figures called “" (text::words(metric)) "” that could be drawn." },
                    }
                }
                div data-parts { (parts) }
                @if content.left_out > 0 {
                    p.nothing { (text::length(content.left_out)) " more metrics are not drawn; choose one among the latest readings." }
                }
            }
        }
    })
}

/// How far back, and back to all metrics.
fn switch(filter: &Filter) -> Markup {
    html! {
        @if !filter.metric.is_empty() {
            a href=(filter.address("", &filter.span)) { "All metrics" }
        }
        nav.flags aria-label="Time" {
            @for reach in &REACHES {
                a.flag href=(filter.address(&filter.metric, reach.name)) aria-current=[(reach.name == filter.reach().name).then_some("true")] {
                    (reach.words())
                }
            }
        }
    }
}

fn figure(drawn: &Drawn, reach: &Reach, interval_micros: Option<i64>) -> Part {
    let Drawn { newest, span, history, bands, episodes } = drawn;
    let course = Course { history, span: *span, interval_micros, bands: *bands, episodes };
    let unit = if history.unit.is_empty() { String::new() } else { format!(" {}", history.unit) };
    let words = match band::extremes(history) {
        None => format!("No readings in the last {}", reach.words()),
        Some((least, greatest)) => {
            let readings = if history.count == 1 { "reading" } else { "readings" };
            let (least, greatest) = (chart::decimal(least), chart::decimal(greatest));
            let count = text::count(history.count);
            format!("{count} {readings} in the last {}, between {least} and {greatest}{unit}", reach.words())
        }
    };
    let heading = text::words(&newest.metric);
    Part::new(
        &*newest.metric,
        html! {
            figure.steps data-key=(newest.metric) data-chart=(newest.metric) {
                h3 { (heading) " " span.soft { (shown(&newest.value)) (unit) } }
                @if history.count > 0 { (course.render(&format!("{heading}: {words}"))) }
                figcaption { (words) ". " (band::minute(span.0)) " to " (band::minute(span.1)) " UTC." }
                @if history.count > 0 {
                    details {
                        summary { "As a table" }
                        (course.table())
                    }
                }
            }
        },
    )
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

/// The parts in their places: card, figures, charts, readings, conclusions.
pub(crate) fn body(fragments: &[Fragment; 5]) -> Markup {
    let [card, figures, chart, readings, concluded] = fragments;
    html! {
        (card)
        (figures)
        div.columns {
            div { (chart) }
            div { (readings) (concluded) }
        }
    }
}
