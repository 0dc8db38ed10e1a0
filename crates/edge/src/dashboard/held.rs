//! `/held`: inputs that could not be used, why, and the forms to mend or discard them.

use crate::dashboard::fragment::{Fragment, Part};
use crate::dashboard::stock::pager;
use crate::dashboard::{Params, text};
use ledger::{Position, Timestamp};
use maud::{Markup, html};
use views::{HeldItem, HeldQuery, Page, Views};

/// Inputs a page.
const ROWS: usize = 50;

/// Which held inputs to show.
#[derive(Clone, Debug, Default)]
pub(crate) struct Filter {
    code: String,
    cursor: String,
}

impl Filter {
    /// Reads a query; what it doesn't know is left out.
    pub(crate) fn of(params: &Params) -> Self {
        Self { code: params.text("code").to_owned(), cursor: params.text("cursor").to_owned() }
    }

    pub(crate) fn parameters<'a>(&'a self, cursor: &'a str) -> [(&'static str, &'a str); 2] {
        [("code", &self.code), ("cursor", cursor)]
    }

    pub(crate) fn cursor(&self) -> &str {
        &self.cursor
    }
}

/// What the page shows.
pub(crate) struct Content {
    codes: Vec<(Box<str>, usize)>,
    rows: Page<HeldItem>,
}

/// Reads what the page shows.
pub(crate) fn read(views: &Views, filter: &Filter) -> Content {
    let at = |cursor| {
        let code = Some(&*filter.code).filter(|code| !code.is_empty());
        views.held(&HeldQuery { code, limit: ROWS, cursor, ..HeldQuery::default() })
    };
    let empty = |_| Page { items: Vec::new(), next: None, position: views.position() };
    let rows = at(Some(filter.cursor.as_str())).or_else(|_| at(None)).unwrap_or_else(empty);
    Content { codes: views.held_codes(), rows }
}

/// The inputs.
pub(crate) fn render_held(content: &Content, filter: &Filter, now: Timestamp) -> Fragment {
    let rows = &content.rows;
    let address = |cursor: &str| text::address("/held", &filter.parameters(cursor));
    let foot = pager(rows.next.as_deref().map(address), (!filter.cursor.is_empty()).then(|| address("")));
    let is_empty = rows.items.is_empty();
    Fragment::keyed("held", rows.items.iter().map(|item| part(item, now)).collect(), |parts| {
        html! {
            div #held {
                @if is_empty { p.nothing { "Nothing is held: every input could be used." } }
                ul.held data-parts { (parts) }
                (foot)
            }
        }
    })
}

fn part(item: &HeldItem, now: Timestamp) -> Part {
    let key = item.position.0.to_string();
    Part::new(
        key.clone(),
        html! { li data-key=(key) data-held=(key) { (input(item, now)) (forms(item, &item.input.raw, false)) } },
    )
}

/// What is known of a held input.
pub(crate) fn input(item: &HeldItem, now: Timestamp) -> Markup {
    let input = &item.input;
    html! {
        div.head {
            h2 { span.flag.warn { (text::words(&input.code)) } }
            span { "from " strong { (item.source) } }
            @if *item.actor != *item.source { span.soft { "sent by " (item.actor) } }
            @if !input.place.is_empty() { span.soft { (input.place) } }
            span.soft { "held " (text::time(item.recorded_at, now)) }
            span.soft { "position " (text::count(item.position.0)) }
        }
        p data-reason { (input.detail) }
        p.soft {
            @if !input.field.is_empty() { "Field " code { (input.field) } ". " }
            (advice(&input.code))
        }
    }
}

/// What to do about a held input, beside what its reason says already.
fn advice(code: &str) -> &'static str {
    match code {
        "clock_ahead" => "Set the device's clock right first, or its next events will wait here, too.",
        "too_old" => "If it was not recorded before, resubmit it: it is then taken as history.",
        "key_conflict" => "If both happened, give this one an id of its own and resubmit it; otherwise discard it.",
        "unknown_unit" | "inexact_unit" => {
            "Declare the unit on the product and resubmit it as it is, or mend the quantity."
        }
        "unknown_reason" => "Declare the reason and resubmit it as it is, or mend its code.",
        _ => "Mend the text and resubmit it, or discard it and say why.",
    }
}

/// The forms of a held input, with `event` in the one that mends.
pub(crate) fn forms(item: &HeldItem, event: &str, is_open: bool) -> Markup {
    let position = item.position;
    let (text_id, reason_id) = (format!("event-{position}"), format!("reason-{position}"));
    html! {
        div.doors {
            details {
                summary { "As it came" }
                pre tabindex="0" { code { (item.input.raw) } }
            }
            details open[is_open] {
                summary { "Mend and resubmit" }
                form method="post" action=(format!("/held/{position}/resubmit")) {
                    div.field {
                        label for=(text_id) { "The event as JSON" }
                        textarea id=(text_id) name="event" required spellcheck="false" autocomplete="off" { (event) }
                    }
                    button.main { "Resubmit" }
                }
            }
            details {
                summary { "Discard" }
                form method="post" action=(format!("/held/{position}/discard")) {
                    div.field {
                        label for=(reason_id) { "Why it is not needed" }
                        input id=(reason_id) name="reason" required maxlength="200" autocomplete="off";
                    }
                    button { "Discard" }
                }
            }
        }
    }
}

/// A heading, how many of each kind there are, and the inputs. `done` is the input that was just dealt with.
pub(crate) fn body(content: &Content, filter: &Filter, done: Option<Position>, held: &Fragment) -> Markup {
    html! {
        @if let Some(position) = done {
            p.notice role="status" { "The input held at position " (text::count(position.0)) " is closed." }
        }
        section.sheet aria-labelledby="heading" {
            header {
                div.lead {
                    h1 #heading { "Held inputs" }
                    p.soft { "What arrived and could not be used, kept until somebody mends or discards it." }
                }
                @if content.codes.len() > 1 || !filter.code.is_empty() {
                    nav.flags aria-label="Kinds" {
                        a.flag href="/held" aria-current=[filter.code.is_empty().then_some("true")] { "all" }
                        @for (code, count) in &content.codes {
                            a.flag href=(text::address("/held", &[("code", code)])) aria-current=[(*filter.code == **code).then_some("true")] {
                                (text::words(code)) " " strong { (text::length(*count)) }
                            }
                        }
                    }
                }
            }
            (held)
        }
    }
}

/// The page of one input that could not be mended yet: what is wrong with the new text, and the text to go on with.
pub(crate) fn again(item: &HeldItem, event: &str, problems: &[String], now: Timestamp) -> Markup {
    html! {
        section.sheet aria-labelledby="heading" {
            header { h1 #heading { "Not yet" } a href="/held" { "All held inputs" } }
            ul.held {
                li data-held=(item.position) {
                    div.notice.bad role="alert" {
                        p { "Nothing was changed, because:" }
                        ul { @for problem in problems { li { (problem) } } }
                    }
                    (input(item, now))
                    (forms(item, event, true))
                }
            }
        }
    }
}
