//! `/devices`: every device and how it is, the silent first.

use crate::App;
use crate::app::Sensed;
use crate::dashboard::fragment::{Fragment, Part};
use crate::dashboard::{Params, text};
use crate::http::devices::{Known, reason};
use intake::device::Device;
use ledger::Timestamp;
use maud::{Markup, html};

/// Devices that are looked at; beyond that the interface has pages.
const DEVICES_MAX: usize = 5_000;
/// Rows that are shown.
const ROWS_MAX: usize = 500;
/// A clock that is off by less than this is right, in microseconds.
const CLOCK_RIGHT_MICROS: i64 = 1_000_000;
/// The states, the worst first, and whether each is bad.
const STATES: [(&str, bool); 4] = [("silent", true), ("never_seen", true), ("failing", false), ("good", false)];

/// Which devices to show.
#[derive(Clone, Debug, Default)]
pub(crate) struct Filter {
    state: String,
}

impl Filter {
    /// Reads a query; what it doesn't know is left out.
    pub(crate) fn of(params: &Params) -> Self {
        let known = STATES.iter().find(|(state, _)| *state == params.text("state"));
        Self { state: known.map_or("", |(state, _)| state).to_owned() }
    }

    pub(crate) fn parameters(&self) -> [(&'static str, &str); 1] {
        [("state", &self.state)]
    }
}

/// What the page shows.
pub(crate) struct Content {
    /// How many there are in each of [`STATES`].
    counts: [usize; STATES.len()],
    rows: Vec<Known>,
    /// Rows that are not shown.
    left_out: usize,
}

/// Reads what the page shows.
pub(crate) fn read(app: &App, sensed: &Sensed, filter: &Filter) -> Content {
    let engine = app.engine();
    let mut all = Known::after("", DEVICES_MAX, engine.views().catalog(), &sensed.senses, engine.now());
    let mut counts = [0; STATES.len()];
    for known in &all {
        counts[rank(known)] += 1;
    }
    all.retain(|known| filter.state.is_empty() || known.health_name() == filter.state);
    // A stable sort: within a state by name.
    all.sort_by_key(rank);
    let left_out = all.len().saturating_sub(ROWS_MAX);
    all.truncate(ROWS_MAX);
    Content { counts, rows: all, left_out }
}

fn rank(known: &Known) -> usize {
    let name = known.health_name();
    STATES.iter().position(|(state, _)| *state == name).unwrap_or(STATES.len() - 1)
}

/// The rows.
pub(crate) fn render_devices(content: &Content, now: Timestamp) -> Fragment {
    let is_empty = content.rows.is_empty();
    Fragment::keyed("devices", content.rows.iter().map(|known| row(known, now)).collect(), |parts| {
        html! {
            div #devices {
                @if is_empty {
                    p.nothing { "No device here. Declare one, or let it send: both make it known." }
                }
                div.scroll hidden[is_empty] {
                    table.cardlike {
                        caption.unseen { "Devices, the silent first" }
                        thead {
                            tr {
                                th scope="col" { "Device" }
                                th scope="col" { "Health" }
                                th scope="col" { "Place" }
                                th scope="col" { "Kind" }
                                th.number scope="col" { "Last seen" }
                                th.number scope="col" { "Battery" }
                                th.number scope="col" { "Clock" }
                                th.number scope="col" { "Lost" }
                            }
                        }
                        tbody data-parts { (parts) }
                    }
                }
                @if content.left_out > 0 {
                    p.nothing { (text::length(content.left_out)) " more are not shown; narrow by state, or ask the interface." }
                }
            }
        }
    })
}

fn row(known: &Known, now: Timestamp) -> Part {
    let card = &known.card;
    let figures = known.state.as_ref().map(|state| &state.device);
    let lost = figures.map_or(0, |device| device.tallies().lost);
    Part::new(
        &*card.device,
        html! {
            tr data-key=(card.device) data-device=(card.device) {
                th.product.wide scope="row" {
                    a href=(text::device_address(&card.device)) { (card.device) }
                    @if !card.name.is_empty() { span.soft { (card.name) } }
                }
                td.wide { (health(known)) }
                td.wide { (card.location) }
                td data-label="Kind" { (text::words(&card.kind)) }
                td.number data-label="Last seen" { (last_seen(figures, now)) }
                td.number data-label="Battery" { (battery(figures)) }
                td.number data-label="Clock" { (clock(figures)) }
                td.number .zero[lost == 0] data-label="Lost" { (text::count(lost)) }
            }
        },
    )
}

/// How a device is, and what is wrong.
pub(crate) fn health(known: &Known) -> Markup {
    let name = known.health_name();
    let is_bad = known.health.is_silent();
    html! {
        span.flag .good[name == "good"] .bad[is_bad] .warn[name == "failing"] data-health=(name) { (text::words(name)) }
        @if name != "never_seen" && !known.health.is_good() {
            span.notes {
                @for why in &known.health.reasons { span { (reason(why).1) } }
            }
        }
    }
}

pub(crate) fn last_seen(figures: Option<&Device>, now: Timestamp) -> Markup {
    html! {
        @match figures.and_then(Device::last_seen_at) {
            Some(at) => (text::time(at, now)),
            None => span.soft { "never" },
        }
    }
}

pub(crate) fn battery(figures: Option<&Device>) -> Markup {
    html! {
        @match figures.and_then(Device::battery_permille) {
            Some(permille) => { (permille / 10) "\u{202f}%" },
            None => span.soft { "–" },
        }
    }
}

/// By how much a device's clock is off.
pub(crate) fn clock(figures: Option<&Device>) -> Markup {
    html! {
        @match figures.and_then(Device::clock_offset_micros) {
            None => span.soft { "–" },
            Some(offset) if offset.abs() < CLOCK_RIGHT_MICROS => "right",
            Some(offset) if offset > 0 => { (text::span(offset)) " behind" },
            Some(offset) => { (text::span(offset.saturating_neg())) " ahead" },
        }
    }
}

/// A heading, how many there are of each kind, and the rows.
pub(crate) fn body(content: &Content, filter: &Filter, devices: &Fragment) -> Markup {
    html! {
        section.sheet aria-labelledby="heading" {
            header {
                div.lead {
                    h1 #heading { "Devices" }
                    p.soft { "Readers, scales and sensors: who is heard, and what is wrong with whom." }
                }
                nav.flags aria-label="States" {
                    a.flag href="/devices" aria-current=[filter.state.is_empty().then_some("true")] { "all" }
                    @for ((state, _), count) in STATES.iter().zip(content.counts).filter(|(_, count)| *count > 0) {
                        a.flag href=(text::address("/devices", &[("state", state)])) aria-current=[(filter.state == *state).then_some("true")] {
                            (text::words(state)) " " strong { (text::length(count)) }
                        }
                    }
                }
            }
            (devices)
        }
    }
}
