//! `/alerts/{id}`: one alert with its figures, what to do about it, and all that happened to it.

use crate::dashboard::alerts::{severity_flag, state_words, subject};
use crate::dashboard::fragment::Fragment;
use crate::dashboard::{alert_act, text};
use crate::http::alerts::links;
use ledger::{AlertStep, Position, Timestamp};
use maud::{Markup, html};
use views::{AlertItem, AlertMoment, AlertState, Views};

/// What the page shows.
pub(crate) struct Content {
    item: AlertItem,
    life: Vec<AlertMoment>,
    /// Older steps that are no longer kept.
    earlier: u32,
}

/// Reads what the page shows; `None` when there is no such alert.
pub(crate) fn read(views: &Views, alert: Position) -> Option<Content> {
    let item = views.alert(alert)?;
    let (life, earlier) = views.alert_life(alert);
    Some(Content { item, life, earlier })
}

/// The sentence, and how it stands.
pub(crate) fn render_card(content: &Content, now: Timestamp) -> Fragment {
    let (item, alert) = (&content.item, &content.item.alert);
    let pair = |name: &str, value: Markup| html! { div { dt { (name) } dd { (value) } } };
    Fragment::whole(
        "card",
        html! {
            div.intro #card data-alert=(item.position) data-state=(item.state.name()) {
                div { a.crumb href="/alerts" { "All alerts" } }
                div.title {
                    h1 { (alert.why) }
                    div { (severity_flag(alert.severity)) }
                    div { (state_words(item, now)) }
                }
                dl.pairs {
                    (pair("Condition", html! { (text::words(&alert.condition)) }))
                    @if alert.subject != ledger::AlertSubject::default() {
                        (pair("About", html! { span.facts { (subject(&alert.subject)) } }))
                    }
                    (pair("Owner", html! { @if item.owner.is_empty() { span.soft { "nobody" } } @else { (item.owner) } }))
                    (pair("Holds since", text::time(alert.since, now)))
                    (pair("Opened", text::time(item.opened_at, now)))
                    @if let Some(at) = item.acknowledged_at { (pair("Acknowledged", text::time(at, now))) }
                }
            }
        },
    )
}

/// The figures when it was opened.
pub(crate) fn render_figures(content: &Content, now: Timestamp) -> Fragment {
    let figures = &content.item.alert.figures;
    Fragment::whole(
        "figures",
        html! {
            div #figures {
                @if !figures.is_empty() {
                    section.sheet aria-labelledby="figures-heading" {
                        header { h2 #figures-heading { "Figures when it was opened" } }
                        div.scroll {
                            table {
                                tbody {
                                    @for (name, value) in figures {
                                        tr { th scope="row" { (text::words(name)) } td.number { (figure(value, now)) } }
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

/// A number in groups of digits, or a time; anything else as it is.
fn figure(value: &str, now: Timestamp) -> Markup {
    if let Ok(quantity) = value.parse::<ledger::Quantity>() {
        return html! { (text::quantity(quantity)) };
    }
    match wire::time::parse_timestamp(value) {
        Ok(at) => text::time(at, now),
        Err(_) => html! { (value) },
    }
}

/// What can be done about it, elsewhere and here.
pub(crate) fn render_ways(content: &Content) -> Fragment {
    let item = &content.item;
    let key = item.position.to_string();
    let links = links(&item.alert);
    let remedy = crate::http::conditions::remedy(&item.alert.condition);
    Fragment::whole(
        "ways",
        html! {
            section.sheet #ways aria-labelledby="ways-heading" {
                header { h2 #ways-heading { "What to do" } }
                div.inset {
                    @if let Some(remedy) = remedy { p { (remedy) } }
                    @if !links.is_empty() {
                        ul.ways {
                            @for link in &links {
                                @if let Some(address) = link.page.as_ref().or(link.api.as_ref()) {
                                    li { a href=(address) { (link.title) } }
                                }
                            }
                        }
                    }
                    @if item.end.is_none() && *item.alert.condition == *watch::Condition::StockOnHold.name() {
                        (alert_act::decision(&key, &format!("/alerts/{key}")))
                    }
                    @if item.end.is_none() { (alert_act::form(alert_act::Whom::One(&key, item.state != AlertState::Acknowledged), &format!("/alerts/{key}"))) }
                }
            }
        },
    )
}

/// What happened to it, oldest first.
pub(crate) fn render_life(content: &Content, now: Timestamp) -> Fragment {
    let item = &content.item;
    Fragment::whole(
        "life",
        html! {
            section.sheet #life aria-labelledby="life-heading" {
                header { h2 #life-heading { "What happened" } }
                ol.life {
                    li { (text::time(item.opened_at, now)) " " strong { "opened" } @if item.alert.cause != Position::ZERO { " by entry " a href=(format!("/v1/entries/{}", item.alert.cause)) { (item.alert.cause) } } }
                    @if content.earlier > 0 { li.soft { (text::count(content.earlier.into())) " earlier steps are in the journal only" } }
                    @for moment in &content.life {
                        li data-step=(moment.step.name()) {
                            (text::time(moment.at, now)) " " (step(&moment.step)) " by " (moment.actor)
                            @if !moment.note.is_empty() { p { "“" (moment.note) "”" } }
                        }
                    }
                }
            }
        },
    )
}

fn step(step: &AlertStep) -> Markup {
    html! {
        strong { (step.name()) }
        @match step {
            AlertStep::Snoozed { until } => { " until " (text::absolute(*until)) }
            AlertStep::Assigned { owner } => { " to " @if owner.is_empty() { "nobody" } @else { (owner) } }
            AlertStep::Escalated { level } => { " to level " (level) }
            AlertStep::Resolved { outcome } => { ", " (text::words(outcome)) }
            AlertStep::Acknowledged | AlertStep::Woken | AlertStep::Noted => {}
        }
    }
}

/// The parts in their places: card, figures, what to do, life. `done` is what was just done.
pub(crate) fn body(fragments: &[Fragment; 4], done: &str) -> Markup {
    let [card, figures, ways, life] = fragments;
    html! {
        (alert_act::notice(done))
        (card)
        div.columns {
            div { (ways) (figures) }
            div { (life) }
        }
    }
}
