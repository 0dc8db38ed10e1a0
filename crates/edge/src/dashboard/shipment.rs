//! `/shipments/{shipment}`: where it is, its milestones as planned and as they came, what it brings, and its alerts.

use crate::App;
use crate::dashboard::fragment::Fragment;
use crate::dashboard::shipments::{ends, expected, late_bar, stage};
use crate::dashboard::{map, text};
use crate::http::shipment_read::{self, Detail, basis_name, by_name};
use ledger::{Quantity, Timestamp};
use maud::{Markup, html};
use views::AlertItem;
use watch::shipment::Milestone;

/// What the page shows.
pub(crate) struct Content {
    detail: Detail,
    alerts: Vec<AlertItem>,
    excursions: Vec<AlertItem>,
}

/// Reads what the page shows; `None` when nothing is known of it, or the engine takes no questions.
pub(crate) fn read(app: &App, shipment: &str, now: Timestamp) -> Option<Content> {
    let asked = shipment.to_owned();
    let answer = app.engine().ask_and_wait(move |state, watch| shipment_read::detail(state, watch, &asked, now));
    let detail = answer.ok()??;
    let (alerts, excursions) = shipment_read::alerts(&app.engine().views(), &detail);
    Some(Content { detail, alerts, excursions })
}

fn kilometres(metres: f64) -> String {
    let kilometres = metres / 1_000.0;
    if kilometres < 10.0 { format!("{kilometres:.1}\u{202f}km") } else { format!("{kilometres:.0}\u{202f}km") }
}

/// Its name, how far it is, and its figures.
pub(crate) fn render_card(content: &Content, now: Timestamp) -> Fragment {
    let Detail { brief, .. } = &content.detail;
    let card = &brief.card;
    let pair = |name: &str, value: Markup| html! { div { dt { (name) } dd { (value) } } };
    Fragment::whole(
        "card",
        html! {
            div.intro #card {
                div { a.crumb href="/shipments" { "All shipments" } }
                div.title {
                    h1 { (brief.shipment) }
                    p.soft { (ends(&card.from, &card.to)) }
                    div { (stage(brief)) }
                }
                dl.pairs {
                    @if let Some(at) = card.promised_at { (pair("Promised", html! { (text::absolute(at)) })) }
                    (pair("Expected", expected(brief)))
                    (pair("Chance of being late", late_bar(brief)))
                    @if let Some(estimate) = &brief.estimate {
                        (pair("Estimated by", html! { (basis_name(estimate.basis)) ", " (format!("{:.0}", estimate.lane_count)) " journeys of its lane" }))
                    }
                    @if let Some(remaining_m) = content.detail.remaining_m { (pair("Remaining", html! { (kilometres(remaining_m)) })) }
                    @if !card.carrier.is_empty() { (pair("Carrier", html! { (card.carrier) })) }
                    (pair("By", html! { (card.mode.name()) }))
                    @if let Some(vehicle) = &card.vehicle {
                        (pair("Vehicle", html! { a href=(text::device_address(vehicle)) { (vehicle) } }))
                    }
                    @if let Some(fix) = brief.position { (pair("Last seen", text::time(fix.at, now))) }
                }
            }
        },
    )
}

/// Where it is, as a drawing and in words.
pub(crate) fn render_map(content: &Content) -> Fragment {
    let words = map_words(&content.detail);
    Fragment::whole(
        "map",
        html! {
            section.sheet #map aria-labelledby="map-heading" {
                header { h2 #map-heading { "Where it is" } }
                @match map::map(&content.detail, &words) {
                    Some(drawn) => figure.map { (drawn) figcaption { (words) } },
                    None => p.nothing { "Nobody knows where its ends are: give their locations coordinates, and its plan a vehicle that tells its position." },
                }
                @if !content.detail.track.is_empty() { (track(&content.detail)) }
            }
        },
    )
}

fn map_words(detail: &Detail) -> String {
    let card = &detail.brief.card;
    let mut words = format!("From {} to {}", or_unknown(&card.from), or_unknown(&card.to));
    if detail.way_m > 0.0 {
        words.push_str(&format!(", {} as the crow flies", kilometres(detail.way_m)));
    }
    match detail.brief.position {
        Some(fix) => words.push_str(&format!(
            "; seen last {} at {:.4}, {:.4}",
            text::absolute(fix.at),
            fix.point.latitude(),
            fix.point.longitude()
        )),
        None => words.push_str("; never seen on its way"),
    }
    if let Some(remaining_m) = detail.remaining_m {
        words.push_str(&format!(", {} from its destination", kilometres(remaining_m)));
    }
    words.push_str(&format!("; {} stops, {} detours.", detail.stops.1, detail.detours.1));
    words
}

fn or_unknown(name: &str) -> &str {
    if name.is_empty() { "an unknown place" } else { name }
}

fn track(detail: &Detail) -> Markup {
    html! {
        details {
            summary { "The track as a table" }
            div.scroll tabindex="0" role="region" aria-label="Track" {
                table {
                    thead { tr { th scope="col" { "Time" } th.number scope="col" { "North" } th.number scope="col" { "East" } th.number scope="col" { "Within" } } }
                    tbody {
                        @for fix in detail.track.iter().rev() {
                            tr {
                                td { (text::absolute(fix.at)) }
                                td.number { (format!("{:.5}", fix.point.latitude())) }
                                td.number { (format!("{:.5}", fix.point.longitude())) }
                                td.number { (fix.accuracy_m) "\u{202f}m" }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// A milestone: its name, when it was planned, when it was, when it is expected.
type Row = (&'static str, Option<Timestamp>, Option<Milestone>, Option<Timestamp>);

/// What was to happen when, and what did.
pub(crate) fn render_timeline(content: &Content) -> Fragment {
    let Detail { brief, .. } = &content.detail;
    let (of, card) = (&brief.milestones, &brief.card);
    let arrival = brief.estimate.map(|estimate| estimate.median_at);
    let planned_arrival = card.arrival_at.or(card.promised_at);
    let rows: [Row; 8] = [
        ("ordered", None, of.ordered, None),
        ("planned", None, of.planned, None),
        ("departed", card.departure_at, of.departed, None),
        ("in transit", None, of.in_transit, None),
        ("arrived", planned_arrival, of.arrived, arrival),
        ("partly received", None, of.partly_received, None),
        ("received", None, of.received, None),
        ("cancelled", None, of.cancelled, None),
    ];
    let time =
        |at: Option<Timestamp>| html! { @match at { Some(at) => (text::absolute(at)), None => span.soft { "–" } } };
    Fragment::whole(
        "timeline",
        html! {
            section.sheet #timeline aria-labelledby="timeline-heading" {
                header { h2 #timeline-heading { "Milestones" } }
                div.scroll {
                    table.cardlike {
                        thead { tr { th scope="col" { "Milestone" } th.number scope="col" { "Planned" } th.number scope="col" { "Actual" } th.number scope="col" { "Expected" } } }
                        tbody {
                            @for (name, planned, actual, expected) in rows.iter().filter(|row| row.1.is_some() || row.2.is_some() || row.3.is_some()) {
                                tr {
                                    th.wide scope="row" { (name) }
                                    td.number data-label="Planned" { (time(*planned)) }
                                    td.number data-label="Actual" {
                                        (time(actual.map(|milestone| milestone.at)))
                                        @if let Some(milestone) = actual { span.notes { span { "by " (by_name(milestone.by)) } } }
                                    }
                                    td.number data-label="Expected" { (time(*expected)) }
                                }
                            }
                            (legs(&content.detail))
                        }
                    }
                }
            }
        },
    )
}

fn legs(detail: &Detail) -> Markup {
    let time =
        |at: Option<Timestamp>| html! { @match at { Some(at) => (text::absolute(at)), None => span.soft { "–" } } };
    html! {
        @for (leg, index) in detail.brief.card.legs.iter().zip(0_u16..) {
            @let times = detail.legs.get(&index).copied().unwrap_or_default();
            tr {
                th.wide scope="row" { "leg " (index + 1) ": " (ends(&leg.from, &leg.to)) }
                td.number data-label="Planned" { (time(leg.departure_at)) " to " (time(leg.arrival_at)) }
                td.number data-label="Actual" { (time(times.departed_at)) " to " (time(times.arrived_at)) }
                td.number data-label="Expected" { span.soft { "–" } }
            }
        }
    }
}

/// What it brings.
pub(crate) fn render_lines(content: &Content) -> Fragment {
    let figure = |label: &str, quantity: Quantity| {
        html! { td.number .zero[quantity.is_zero()] data-label=(label) { (text::quantity(quantity)) } }
    };
    Fragment::whole(
        "lines",
        html! {
            section.sheet #lines aria-labelledby="lines-heading" {
                header { h2 #lines-heading { "What it brings" } }
                @if content.detail.lines.is_empty() { p.nothing { "No product was named." } }
                @else {
                    div.scroll {
                        table.cardlike {
                            thead { tr { th scope="col" { "Product" } th.number scope="col" { "Ordered" } th.number scope="col" { "Dispatched" } th.number scope="col" { "Received" } th.number scope="col" { "Missing" } th.number scope="col" { "Too much" } } }
                            tbody {
                                @for (product, line) in &content.detail.lines {
                                    tr {
                                        th.wide scope="row" { a href=(text::product_address(product)) { (product) } }
                                        (figure("Ordered", line.ordered))
                                        (figure("Dispatched", line.dispatched))
                                        (figure("Received", line.received))
                                        (figure("Missing", line.missing()))
                                        (figure("Too much", line.over()))
                                    }
                                }
                            }
                        }
                    }
                }
            }
        },
    )
}

/// Its alerts, and those over what its vehicle measured on the way.
pub(crate) fn render_alerts(content: &Content, now: Timestamp) -> Fragment {
    let items = content.alerts.iter().chain(&content.excursions);
    let is_empty = content.alerts.is_empty() && content.excursions.is_empty();
    Fragment::whole(
        "alerts",
        html! {
            section.sheet #alerts aria-labelledby="alerts-heading" {
                header { h2 #alerts-heading { "Alerts" } }
                @if is_empty { p.nothing { "Nothing was wrong with it." } }
                ul.held {
                    @for item in items {
                        @let is_open = item.end.is_none();
                        li {
                            div.head {
                                h3 { a href={ "/alerts/" (item.position.0) } { (text::words(&item.alert.condition)) } }
                                span.flag .bad[is_open] { (item.state.name()) }
                                span.soft { (text::time(item.opened_at, now)) }
                            }
                            p { (item.alert.why) }
                        }
                    }
                }
            }
        },
    )
}

/// The parts in their places.
pub(crate) fn body(fragments: &[Fragment; 5]) -> Markup {
    let [card, map, timeline, lines, alerts] = fragments;
    html! {
        (card)
        div.columns {
            div { (map) (lines) }
            div { (timeline) (alerts) }
        }
    }
}
