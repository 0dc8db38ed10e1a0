//! `/shipments`: what is under way, when it will arrive, and how likely it misses its promise.

use crate::App;
use crate::dashboard::fragment::{Fragment, Part};
use crate::dashboard::{Params, text};
use crate::http::shipment_read::{self, Brief, ShipmentQuery, Which};
use ledger::Timestamp;
use maud::{Markup, html};

/// Rows that are shown; beyond that the interface has pages.
const ROWS_MAX: usize = 500;
/// The states that the page offers.
const STATES: [&str; 6] = ["open", "planned", "in_transit", "arrived", "received", "all"];

/// Which shipments to show.
#[derive(Clone, Debug)]
pub(crate) struct Filter {
    which: Which,
    text: String,
    late: bool,
}

impl Default for Filter {
    fn default() -> Self {
        Self { which: Which::Open, text: String::new(), late: false }
    }
}

impl Filter {
    /// Reads a query; what it doesn't know is left out.
    pub(crate) fn of(params: &Params) -> Self {
        let which = Which::named(params.text("state")).unwrap_or(Which::Open);
        Self { which, text: params.text("q").to_owned(), late: params.text("late") == "true" }
    }

    pub(crate) fn parameters(&self) -> [(&'static str, &str); 3] {
        let state = if self.which == Which::Open { "" } else { self.which.name() };
        [("state", state), ("q", &self.text), ("late", if self.late { "true" } else { "" })]
    }
}

/// What the page shows.
pub(crate) struct Content {
    rows: Vec<Brief>,
    /// Whether there are more than are shown.
    is_cut: bool,
}

/// Reads what the page shows; `None` when the engine takes no questions, as when it stops.
pub(crate) fn read(app: &App, filter: &Filter, now: Timestamp) -> Option<Content> {
    let query = ShipmentQuery {
        which: filter.which,
        late: filter.late.then_some(true),
        carrier: String::new(),
        to: String::new(),
        product: String::new(),
        text: filter.text.clone(),
        after: String::new(),
        limit: ROWS_MAX,
    };
    let asked = app.engine().ask_and_wait(move |state, watch| shipment_read::list(state, watch, &query, now));
    let (mut rows, next) = asked.ok()?;
    // A stable sort: those that are as likely late stay in the order of their references.
    rows.sort_by(|one, other| chance(other).total_cmp(&chance(one)));
    Some(Content { rows, is_cut: next.is_some() })
}

/// How likely it is late, for sorting: below zero where nothing is promised or nothing is open.
fn chance(brief: &Brief) -> f64 {
    brief.estimate.and_then(|estimate| estimate.late_probability).unwrap_or(-1.0)
}

/// The rows.
pub(crate) fn render_shipments(content: &Content, now: Timestamp) -> Fragment {
    let is_empty = content.rows.is_empty();
    Fragment::keyed("shipments", content.rows.iter().map(|brief| row(brief, now)).collect(), |parts| {
        html! {
            div #shipments {
                @if is_empty {
                    p.nothing { "No shipment here. A plan makes one, and so does what is dispatched or ordered under a reference." }
                }
                div.scroll hidden[is_empty] {
                    table.cardlike {
                        caption.unseen { "Shipments, the likeliest late first" }
                        thead {
                            tr {
                                th scope="col" { "Shipment" }
                                th scope="col" { "State" }
                                th scope="col" { "Way" }
                                th.number scope="col" { "Promised" }
                                th.number scope="col" { "Expected" }
                                th.number scope="col" { "Chance of being late" }
                                th.number scope="col" { "Last seen" }
                            }
                        }
                        tbody data-parts { (parts) }
                    }
                }
                @if content.is_cut { p.nothing { "There are more; narrow by state or text, or ask the interface." } }
            }
        }
    })
}

fn row(brief: &Brief, now: Timestamp) -> Part {
    let card = &brief.card;
    Part::new(
        &*brief.shipment,
        html! {
            tr data-key=(brief.shipment) data-shipment=(brief.shipment) {
                th.product.wide scope="row" {
                    a href=(text::shipment_address(&brief.shipment)) { (brief.shipment) }
                    @if !card.carrier.is_empty() { span.soft { (card.carrier) } }
                }
                td.wide { (stage(brief)) }
                td.wide { (ends(&card.from, &card.to)) }
                td.number data-label="Promised" {
                    @match card.promised_at { Some(at) => (text::absolute(at)), None => span.soft { "–" } }
                }
                td.number data-label="Expected" { (expected(brief)) }
                td.number data-label="Chance of being late" { (late_bar(brief)) }
                td.number data-label="Last seen" {
                    @match brief.position { Some(fix) => (text::time(fix.at, now)), None => span.soft { "never" } }
                }
            }
        },
    )
}

/// How far it is, and whether it is late.
pub(crate) fn stage(brief: &Brief) -> Markup {
    let name = brief.stage.map_or("unknown", |stage| stage.name());
    html! {
        span.flag .good[brief.stage.is_some_and(|stage| stage.is_over()) && name != "cancelled"] { (text::words(name)) }
        @if brief.is_late { " " span.flag.bad { "late" } }
    }
}

pub(crate) fn ends(from: &str, to: &str) -> Markup {
    let end = |name: &str| if name.is_empty() { "unknown".to_owned() } else { name.to_owned() };
    html! { (end(from)) " → " (end(to)) }
}

/// When it will arrive, from when to when; or when it did.
pub(crate) fn expected(brief: &Brief) -> Markup {
    html! {
        @if let Some(estimate) = &brief.estimate {
            (text::absolute(estimate.median_at))
            span.notes { span { (text::absolute(estimate.early_at)) " to " (text::absolute(estimate.late_at)) } }
        } @else if let Some(arrived) = brief.milestones.arrived {
            "arrived " (text::absolute(arrived.at))
        } @else {
            span.soft { "–" }
        }
    }
}

/// How likely it is late, as a figure and as a bar.
pub(crate) fn late_bar(brief: &Brief) -> Markup {
    let probability = brief.estimate.and_then(|estimate| estimate.late_probability);
    html! {
        @match probability {
            Some(probability) => {
                (format!("{:.0}", probability * 100.0)) "\u{202f}%"
                svg.chance viewBox="0 0 100 6" preserveAspectRatio="none" aria-hidden="true" data-late[brief.is_late] {
                    rect.rest width="100" height="6" {}
                    rect width=(format!("{:.1}", probability * 100.0)) height="6" {}
                }
            }
            None => span.soft { "–" },
        }
    }
}

/// A heading, what to narrow by, and the rows.
pub(crate) fn body(filter: &Filter, shipments: &Fragment) -> Markup {
    let address =
        |state: &str, late: &str| text::address("/shipments", &[("state", state), ("q", &filter.text), ("late", late)]);
    html! {
        section.sheet aria-labelledby="heading" {
            header {
                div.lead {
                    h1 #heading { "Shipments" }
                    p.soft { "What is under way, when it will arrive, and how likely it misses what was promised." }
                }
                form.tools method="get" action="/shipments" role="search" data-search {
                    label { "Search "
                        input type="search" name="q" value=(filter.text) placeholder="Reference, place, carrier" autocomplete="off" maxlength="200";
                    }
                    @if filter.which != Which::Open { input type="hidden" name="state" value=(filter.which.name()); }
                    button { "Search" }
                }
                nav.flags aria-label="States" {
                    @for state in STATES {
                        a.flag href=(address(if state == "open" { "" } else { state }, "")) aria-current=[(filter.which.name() == state && !filter.late).then_some("true")] {
                            (text::words(state))
                        }
                    }
                    a.flag href=(address("", "true")) aria-current=[filter.late.then_some("true")] { "late" }
                }
            }
            (shipments)
        }
    }
}
