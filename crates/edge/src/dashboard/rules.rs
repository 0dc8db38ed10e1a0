//! `/rules`: what is watched, and the way to change it.

use crate::dashboard::alerts::severity_flag;
use crate::dashboard::fragment::{Fragment, Part};
use crate::dashboard::stock::pager;
use crate::dashboard::{Params, text};
use crate::http::conditions;
use crate::http::rules::{Known, says};
use ledger::RuleCard;
use maud::{Markup, html};
use views::Views;
use watch::CONDITIONS;

/// Rules a page.
const ROWS: usize = 100;

/// Which rules to show.
#[derive(Clone, Debug, Default)]
pub(crate) struct Filter {
    q: String,
    condition: String,
    cursor: String,
}

impl Filter {
    /// Reads a query; what it doesn't know is left out.
    pub(crate) fn of(params: &Params) -> Self {
        let condition = Some(params.text("condition")).filter(|name| conditions::info(name).is_some());
        Self {
            q: params.text("q").to_owned(),
            condition: condition.unwrap_or_default().to_owned(),
            cursor: params.text("cursor").to_owned(),
        }
    }

    pub(crate) fn parameters<'a>(&'a self, cursor: &'a str) -> [(&'static str, &'a str); 3] {
        [("q", &self.q), ("condition", &self.condition), ("cursor", cursor)]
    }

    pub(crate) fn cursor(&self) -> &str {
        &self.cursor
    }
}

/// What the page shows.
pub(crate) struct Content {
    rows: Vec<Known>,
    next: Option<String>,
}

/// Reads what the page shows.
pub(crate) fn read(views: &Views, filter: &Filter) -> Content {
    let search = filter.q.to_lowercase();
    let wanted = |card: &RuleCard, _: bool| {
        (filter.condition.is_empty() || *filter.condition == *card.condition) && says(card, &search)
    };
    let rows = Known::after(views.catalog(), &filter.cursor, ROWS, wanted);
    let next = rows.last().filter(|_| rows.len() == ROWS).map(|last| last.card.rule.to_string());
    Content { rows, next }
}

/// The address of the form of a rule.
pub(crate) fn address(rule: &str) -> String {
    text::address("/rules/edit", &[("rule", rule)])
}

/// The rules.
pub(crate) fn render_rules(content: &Content, filter: &Filter) -> Fragment {
    let is_empty = content.rows.is_empty();
    let at = |cursor: &str| text::address("/rules", &filter.parameters(cursor));
    let foot = pager(content.next.as_deref().map(at), (!filter.cursor.is_empty()).then(|| at("")));
    Fragment::keyed("rules", content.rows.iter().map(row).collect(), |parts| {
        html! {
            div #rules {
                @if is_empty { p.nothing { "No rule matches. " a href="/rules" { "Show all" } } }
                div.scroll hidden[is_empty] {
                    table.cardlike {
                        caption.unseen { "Rules by id" }
                        thead {
                            tr {
                                th scope="col" { "Rule" }
                                th scope="col" { "Condition" }
                                th scope="col" { "For" }
                                th scope="col" { "Settings" }
                                th scope="col" { "Severity" }
                                th scope="col" { "Owner" }
                                th scope="col" { "State" }
                            }
                        }
                        tbody data-parts { (parts) }
                    }
                }
                (foot)
            }
        }
    })
}

fn row(known: &Known) -> Part {
    let card = &known.card;
    let severity = card.severity.or_else(|| conditions::info(&card.condition).map(|info| info.severity));
    let markup = html! {
        tr data-key=(card.rule) data-rule=(card.rule) {
            th.product.wide scope="row" {
                a.long href=(address(&card.rule)) { @if card.name.is_empty() { (card.rule) } @else { (card.name) } }
                @if !card.name.is_empty() { span.notes { (card.rule) } }
            }
            td.wide { (text::words(&card.condition)) }
            td.wide data-label="For" { (scope(card)) }
            td.wide data-label="Settings" { (settings(card)) }
            td data-label="Severity" { @if let Some(severity) = severity { (severity_flag(severity)) } }
            td data-label="Owner" { (card.owner) }
            td data-label="State" {
                span.flags {
                    @if card.is_off { span.flag.warn { "off" } } @else { span.flag.good { "on" } }
                    @if known.is_built_in { span.flag { @if known.is_declared { "built in, changed" } @else { "built in" } } }
                }
            }
        }
    };
    Part::new(&*card.rule, markup)
}

/// What a rule is for.
fn scope(card: &RuleCard) -> Markup {
    let parts = [
        ("product", &card.product),
        ("category", &card.category),
        ("location", &card.location),
        ("region", &card.region),
        ("device", &card.device),
    ];
    let parts: Vec<_> = parts.into_iter().filter(|(_, text)| !text.is_empty()).collect();
    html! {
        @if parts.is_empty() { span.soft { "everything" } }
        span.facts { @for (name, value) in parts { span { span.soft { (name) " " } (value) } } }
    }
}

fn settings(card: &RuleCard) -> Markup {
    html! {
        span.facts { @for (name, value) in &card.settings { span { (text::words(name)) " " strong { (value) } } } }
    }
}

/// A heading, the tools, and the rules. `done` is what was just done to one.
pub(crate) fn body(filter: &Filter, done: &str, rules: &Fragment) -> Markup {
    html! {
        @match done {
            "saved" => { p.notice role="status" { "The rule is saved." } }
            "removed" => { p.notice role="status" { "The rule is removed." } }
            _ => {}
        }
        section.sheet aria-labelledby="heading" {
            header {
                div.lead {
                    a.crumb href="/alerts" { "All alerts" }
                    h1 #heading { "Rules" }
                    p.soft { "What is watched, for what, and how. Of several for the same, the narrowest holds." }
                }
                (add())
            }
            header.second { (tools(filter)) }
            (rules)
        }
    }
}

fn options(chosen: &str) -> Markup {
    html! {
        @for info in CONDITIONS { option value=(info.name) selected[info.name == chosen] { (text::words(info.name)) } }
    }
}

fn add() -> Markup {
    html! {
        form.tools method="get" action="/rules/edit" {
            div.field {
                label for="new" { "New rule for" }
                select #new name="condition" { (options("low_stock")) }
            }
            button.main { "Add" }
        }
    }
}

fn tools(filter: &Filter) -> Markup {
    html! {
        form.tools method="get" action="/rules" role="search" data-search {
            div.field {
                label for="q" { "Search" }
                input #q type="search" name="q" value=(filter.q) placeholder="Id, product, place" autocomplete="off" maxlength="200";
            }
            div.field {
                label for="condition" { "Condition" }
                select #condition name="condition" { option value="" { "Any" } (options(&filter.condition)) }
            }
            button { "Show" }
        }
    }
}
