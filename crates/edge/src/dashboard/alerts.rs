//! `/alerts`: what somebody should know of, the gravest first, and the forms to deal with one or with several.

use crate::dashboard::fragment::{Fragment, Part};
use crate::dashboard::stock::{pager, product_link, sign};
use crate::dashboard::{Params, alert_act, text};
use crate::http::alerts::{SEVERITIES, STATES};
use ledger::{AlertSubject, Severity, Timestamp};
use maud::{Markup, html};
use views::{AlertCounts, AlertItem, AlertOrder, AlertOwner, AlertQuery, AlertState, Page, Views};

/// Alerts a page.
const ROWS: usize = 50;

/// Which alerts to show.
#[derive(Clone, Debug, Default)]
pub(crate) struct Filter {
    state: String,
    severity: String,
    condition: String,
    product: String,
    location: String,
    owner: String,
    q: String,
    order: String,
    cursor: String,
}

impl Filter {
    /// Reads a query; what it doesn't know is left out.
    pub(crate) fn of(params: &Params) -> Self {
        let text = |name| params.text(name).to_owned();
        let known = |name, is_known: &dyn Fn(&str) -> bool| Some(text(name)).filter(|text| is_known(text));
        Self {
            state: known("state", &|text| STATES[1..].iter().any(|(name, _)| *name == text)).unwrap_or_default(),
            severity: known("severity", &|text| Severity::named(text).is_some()).unwrap_or_default(),
            condition: text("condition"),
            product: text("product"),
            location: text("location"),
            owner: text("owner"),
            q: text("q"),
            order: known("order", &|text| text == "newest").unwrap_or_default(),
            cursor: text("cursor"),
        }
    }

    pub(crate) fn parameters<'a>(&'a self, cursor: &'a str) -> [(&'static str, &'a str); 9] {
        [
            ("state", &self.state),
            ("severity", &self.severity),
            ("condition", &self.condition),
            ("product", &self.product),
            ("location", &self.location),
            ("owner", &self.owner),
            ("q", &self.q),
            ("order", &self.order),
            ("cursor", cursor),
        ]
    }

    pub(crate) fn cursor(&self) -> &str {
        &self.cursor
    }

    fn address(&self, cursor: &str) -> String {
        text::address("/alerts", &self.parameters(cursor))
    }

    /// The address of the same, in another state.
    fn in_state(&self, state: &str) -> String {
        text::address("/alerts", &Self { state: state.to_owned(), ..self.clone() }.parameters(""))
    }

    fn is_narrow(&self) -> bool {
        self.parameters("").iter().any(|(name, value)| !matches!(*name, "state" | "order") && !value.is_empty())
    }
}

/// What the page shows.
pub(crate) struct Content {
    counts: AlertCounts,
    conditions: Vec<Box<str>>,
    rows: Page<AlertItem>,
}

/// Reads what the page shows.
pub(crate) fn read(views: &Views, filter: &Filter) -> Content {
    let named = |text: &'_ str| Some(text.to_owned()).filter(|text| !text.is_empty());
    let (condition, product, location) = (named(&filter.condition), named(&filter.product), named(&filter.location));
    let (owner, q) = (named(&filter.owner), named(&filter.q));
    let states = STATES.iter().find(|(name, _)| *name == filter.state).map_or(STATES[0].1, |(_, states)| states);
    let is_history = states != STATES[0].1 && states.first().is_none_or(|state| *state == AlertState::Resolved);
    let is_newest = filter.order == "newest" || is_history;
    let at = |cursor| {
        views.alerts(&AlertQuery {
            states,
            severity_min: SEVERITIES.iter().find(|(name, _)| *name == filter.severity).map(|(_, severity)| *severity),
            condition: condition.as_deref(),
            product: product.as_deref(),
            location: location.as_deref(),
            owner: owner.as_deref().map(AlertOwner::Named),
            text: q.as_deref(),
            order: if is_newest { AlertOrder::Newest } else { AlertOrder::Severity },
            limit: ROWS,
            cursor,
            ..AlertQuery::default()
        })
    };
    let empty = |_| Page { items: Vec::new(), next: None, position: views.position() };
    let rows = at(Some(filter.cursor.as_str())).or_else(|_| at(None)).unwrap_or_else(empty);
    let mut conditions: Vec<Box<str>> = views.alert_conditions().into_iter().map(|(condition, _)| condition).collect();
    if let Some(condition) = condition.filter(|wanted| !conditions.iter().any(|known| **known == **wanted)) {
        conditions.push(condition.into());
    }
    Content { counts: views.alert_counts(), conditions, rows }
}

/// A severity as a sign and a word.
pub(crate) fn severity_flag(severity: Severity) -> Markup {
    html! {
        span.flag .bad[severity == Severity::Critical] .warn[severity == Severity::Warning] data-severity=(severity.name()) {
            (severity_sign(severity)) (severity.name())
        }
    }
}

/// The sign of a severity: an octagon, a triangle or a disc.
pub(crate) fn severity_sign(severity: Severity) -> Markup {
    sign(match severity {
        Severity::Critical => "M3.9 1h4.2L11 3.9v4.2L8.1 11H3.9L1 8.1V3.9zM6 3.4v3.2M6 8v1",
        Severity::Warning => "M6 1.4 11 10.4H1zM6 4.8v2.6M6 8.4v.9",
        Severity::Info => "M6 1a5 5 0 1 0 0 10a5 5 0 0 0 0-10M6 5.4v3.2M6 3.2v1",
    })
}

/// How an alert stands, in words.
pub(crate) fn state_words(item: &AlertItem, now: Timestamp) -> Markup {
    html! {
        @match (&item.end, item.snoozed_until) {
            (Some(end), _) => { span.flag.good { "resolved" } " " (text::words(&end.outcome)) " " (text::time(end.resolved_at, now)) }
            (None, Some(until)) => { span.flag { "snoozed" } " until " (text::time(until, now)) }
            (None, None) => { span.flag .warn[item.state == AlertState::Open] { (item.state.name()) } }
        }
        @if item.level > 0 {
            " " span.flag.bad title="Nobody acknowledged it in time" { "escalated " (item.level) "×" }
        }
    }
}

/// What an alert is about, each part with a link to its page.
pub(crate) fn subject(subject: &AlertSubject) -> Markup {
    let warehouse = subject.location.split('/').next().unwrap_or_default();
    html! {
        @if !subject.product.is_empty() { span { (product_link(&subject.product)) } }
        @if !subject.location.is_empty() {
            span { a href=(text::address("/", &[("q", &subject.product), ("warehouse", warehouse)])) { (subject.location) } }
        }
        @if !subject.lot.is_empty() { span { "lot " (subject.lot) } }
        @if !subject.device.is_empty() {
            span {
                a href=(text::device_address(&subject.device)) { (subject.device) }
                @if !subject.metric.is_empty() { " " (text::words(&subject.metric)) }
            }
        }
        @if !subject.shipment.is_empty() { span { "shipment " (subject.shipment) } }
    }
}

/// The address of an alert's page.
pub(crate) fn address(item: &AlertItem) -> String {
    format!("/alerts/{}", item.position)
}

/// The states with how many alerts are in each.
pub(crate) fn render_states(content: &Content, filter: &Filter) -> Fragment {
    let counts = &content.counts;
    let chosen = if filter.state.is_empty() { STATES[0].0 } else { &*filter.state };
    let count = |name: &str| match name {
        "active" => Some(counts.active()),
        _ => AlertState::ALL[..3].iter().find(|state| state.name() == name).map(|state| counts.in_state(*state)),
    };
    Fragment::whole(
        "alert-states",
        html! {
            nav.flags #alert-states aria-label="States" {
                @for (name, _) in STATES {
                    a.flag href=(filter.in_state(if name == STATES[0].0 { "" } else { name })) aria-current=[(name == chosen).then_some("true")] {
                        (name)
                        @if let Some(count) = count(name) { " " strong { (text::length(count)) } }
                    }
                }
                a.flag href="/alerts/history" { "history" }
                a.flag href="/rules" { "rules" }
            }
        },
    )
}

/// The alerts.
pub(crate) fn render_alerts(content: &Content, filter: &Filter, now: Timestamp) -> Fragment {
    let rows = &content.rows;
    let is_empty = rows.items.is_empty();
    let back = filter.address(&filter.cursor);
    let foot = pager(
        rows.next.as_deref().map(|next| filter.address(next)),
        (!filter.cursor.is_empty()).then(|| filter.address("")),
    );
    Fragment::keyed("alerts", rows.items.iter().map(|item| part(item, &back, now)).collect(), |parts| {
        html! {
            div #alerts {
                p.unseen role="status" { (text::length(rows.items.len())) " alerts" }
                @if is_empty { (nothing(rows.next.is_some(), filter)) }
                ul.held.alerts data-parts { (parts) }
                (foot)
            }
        }
    })
}

fn nothing(has_more: bool, filter: &Filter) -> Markup {
    html! {
        p.nothing {
            @if has_more { "Nothing on this page matches. There may be more on the next." }
            @else if filter.is_narrow() { "No alert matches. " a href=(text::address("/alerts", &[("state", &filter.state)])) { "Show all" } }
            @else if filter.state.is_empty() { "Nothing is wrong that anybody asked to be told of." }
            @else { "None." }
        }
    }
}

fn part(item: &AlertItem, back: &str, now: Timestamp) -> Part {
    let key = item.position.to_string();
    let alert = &item.alert;
    let pick = format!("pick-{key}");
    let is_active = item.end.is_none();
    let is_waiting = item.state != AlertState::Acknowledged;
    let markup = html! {
        li data-key=(key) data-alert=(key) data-state=(item.state.name()) {
            div.pick {
                @if is_active {
                    input type="checkbox" id=(pick) name="alert" value=(key) form="selected" autocomplete="off";
                    label.unseen for=(pick) { "Select: " (alert.why) }
                }
            }
            div.sort { (severity_flag(alert.severity)) }
            div.what {
                h3 { a href=(address(item)) { (alert.why) } }
                p.soft.facts {
                    span { (text::words(&alert.condition)) }
                    (subject(&alert.subject))
                    @if !item.owner.is_empty() { span { "owner " strong { (item.owner) } } }
                    span { (text::time(item.opened_at, now)) }
                }
            }
            div.stage { (state_words(item, now)) }
            @if is_active {
                div.quick {
                    @if is_waiting { (alert_act::button(&key, back)) }
                }
                details {
                    summary { "More" span.unseen { " to do about: " (alert.why) } }
                    (alert_act::form(alert_act::Whom::One(&key, is_waiting), back))
                }
            }
        }
    };
    Part::new(key, markup)
}

/// A heading, the tools to narrow the list, what can be done to several, and the alerts. `done` is what was just done.
pub(crate) fn body(content: &Content, filter: &Filter, done: &str, states: &Fragment, alerts: &Fragment) -> Markup {
    html! {
        (alert_act::notice(done))
        section.sheet aria-labelledby="heading" {
            header {
                div.lead {
                    h1 #heading { "Alerts" }
                    p.soft { "What rules watch for, from when it begins to hold until it is over." }
                }
                (states)
            }
            header.second { (tools(content, filter)) }
            details.several {
                summary { "With the selected" }
                (alert_act::form(alert_act::Whom::Selected, &filter.address(&filter.cursor)))
            }
            (alerts)
        }
    }
}

fn tools(content: &Content, filter: &Filter) -> Markup {
    html! {
        form.tools method="get" action="/alerts" role="search" data-search {
            div.field {
                label for="q" { "Search" }
                input #q type="search" name="q" value=(filter.q) placeholder="Product, place, device, words" autocomplete="off" maxlength="200";
            }
            div.field {
                label for="severity" { "Severity" }
                select #severity name="severity" {
                    option value="" { "Any" }
                    option value="warning" selected[filter.severity == "warning"] { "Warning and critical" }
                    option value="critical" selected[filter.severity == "critical"] { "Critical only" }
                }
            }
            div.field {
                label for="condition" { "Condition" }
                select #condition name="condition" {
                    option value="" { "Any" }
                    @for condition in &content.conditions {
                        option value=(condition) selected[**condition == *filter.condition] { (text::words(condition)) }
                    }
                }
            }
            div.field {
                label for="location" { "Location" }
                input #location name="location" value=(filter.location) autocomplete="off" maxlength="200";
            }
            div.field {
                label for="owner" { "Owner" }
                input #owner name="owner" value=(filter.owner) autocomplete="off" maxlength="200";
            }
            div.field {
                label for="order" { "Order" }
                select #order name="order" {
                    option value="" { "Gravest first" }
                    option value="newest" selected[filter.order == "newest"] { "Newest first" }
                }
            }
            @if !filter.state.is_empty() { input type="hidden" name="state" value=(filter.state); }
            @if !filter.product.is_empty() { input type="hidden" name="product" value=(filter.product); }
            button { "Show" }
        }
    }
}
