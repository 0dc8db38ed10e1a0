//! `/recounts/proposed`: what to count next in the time there is, in the order in which it is walked, and the form that
//! records a count.

use crate::App;
use crate::auth::Principal;
use crate::dashboard::layout::{self, Tab, Waiting};
use crate::dashboard::movements::warehouse_names;
use crate::dashboard::stock::{figure, product_link};
use crate::dashboard::view::Desk;
use crate::dashboard::{Params, frame, html_page, message_page, text};
use crate::http::counts::{LINES_DEFAULT, LINES_MAX, MINUTES_DEFAULT, MINUTES_MAX};
use crate::http::{json, submit};
use crate::survey::{self, CountList, Named};
use axum::extract::{DefaultBodyLimit, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use axum::{Extension, Form, Router};
use engine::Outcome;
use ledger::{Quantity, Status};
use maud::{Markup, html};
use serde::Deserialize;
use watch::counts::{Budget, Line, why};
use wire::event::{ContentKind, Defaults};

/// The longest form that is read, in bytes: its fields are short.
const FORM_BYTES_MAX: usize = 16 << 10;

pub(crate) fn router() -> Router<App> {
    Router::new()
        .route("/recounts/proposed", get(show))
        .route("/recounts/count", post(record))
        .layer(DefaultBodyLimit::max(FORM_BYTES_MAX))
}

/// What narrows the list.
#[derive(Clone, Debug)]
struct Filter {
    warehouse: String,
    minutes: f64,
    lines: usize,
}

impl Filter {
    /// Reads a query; what it doesn't know is left out.
    fn of(warehouse: &str, minutes: &str, lines: &str) -> Self {
        let minutes = minutes.parse().ok().filter(|minutes| (1.0..=MINUTES_MAX).contains(minutes));
        let lines = lines.parse().ok().filter(|lines| (1..=LINES_MAX).contains(lines));
        Self {
            warehouse: warehouse.to_owned(),
            minutes: minutes.unwrap_or(MINUTES_DEFAULT),
            lines: lines.unwrap_or(LINES_DEFAULT),
        }
    }

    fn address(&self, more: &[(&str, &str)]) -> String {
        let (minutes, lines) = (self.minutes.to_string(), self.lines.to_string());
        let mut parameters = vec![("warehouse", self.warehouse.as_str())];
        if (self.minutes - MINUTES_DEFAULT).abs() > f64::EPSILON {
            parameters.push(("minutes", &minutes));
        }
        if self.lines != LINES_DEFAULT {
            parameters.push(("lines", &lines));
        }
        parameters.extend(more);
        text::address("/recounts/proposed", &parameters)
    }
}

/// The form that records a count.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Sheet {
    id: String,
    product: String,
    location: String,
    lot: String,
    status: String,
    quantity: String,
    warehouse: String,
    minutes: String,
    lines: String,
}

impl Sheet {
    fn event(&self, at: ledger::Timestamp) -> serde_json::Value {
        let fields = [
            ("event", "item_counted"),
            ("id", self.id.trim()),
            ("product_id", self.product.trim()),
            ("location", self.location.trim()),
            ("lot", self.lot.trim()),
            ("status", self.status.trim()),
            ("quantity", self.quantity.trim()),
        ];
        let mut event = serde_json::Map::new();
        for (name, value) in fields.into_iter().filter(|(_, value)| !value.is_empty()) {
            event.insert(name.into(), value.into());
        }
        event.insert("timestamp".into(), wire::time::render_timestamp(at).into());
        event.into()
    }
}

/// What became of the form.
enum Said {
    Nothing,
    Recorded(String),
    Refused(Vec<String>),
}

async fn show(State(app): State<App>, params: Query<Params>) -> Response {
    let filter = Filter::of(params.text("warehouse"), params.text("minutes"), params.text("lines"));
    let field = |name| params.text(name).to_owned();
    let sheet = Sheet {
        product: field("product"),
        location: field("location"),
        lot: field("lot"),
        status: field("status"),
        ..Sheet::default()
    };
    let said = match params.text("said") {
        "" => Said::Nothing,
        position => Said::Recorded(position.to_owned()),
    };
    page(&app, StatusCode::OK, &filter, &sheet, &said).await
}

async fn page(app: &App, status: StatusCode, filter: &Filter, sheet: &Sheet, said: &Said) -> Response {
    let wanted = filter.clone();
    let read = move |app: &App| {
        let warehouse = survey::warehouse(app, &wanted.warehouse);
        let budget = Budget { seconds: wanted.minutes * 60.0, lines: wanted.lines };
        let list = survey::count_list(app, warehouse, budget)?;
        Ok((warehouse_names(&app.engine().views()), list))
    };
    match survey::run(app, read).await {
        Ok((warehouses, list)) => {
            let navigation = layout::navigation(Tab::Recounts, &Waiting::of(app));
            let id = format!("count-{}", app.next_request_id());
            let body = body(filter, &warehouses, &list, sheet, &id, said);
            html_page(status, &layout::page(&frame(app, "Proposed counts", Some(&navigation), ""), &body))
        }
        Err(problem) => {
            message_page(app, problem.status(), "No list can be made now", &html! { p { (problem.detail) } })
        }
    }
}

async fn record(
    State(app): State<App>,
    Extension(principal): Extension<Principal>,
    Extension(desk): Extension<Desk>,
    Form(sheet): Form<Sheet>,
) -> Response {
    let filter = Filter::of(&sheet.warehouse, &sheet.minutes, &sheet.lines);
    let event = sheet.event(desk.first_seen.at(&sheet.id, app.engine().now())).to_string();
    let defaults = Defaults { actor: &principal.name, source: &principal.name, historical: false, resolves: None };
    let limits = app.settings().events;
    let parsed = wire::event::parse_events(event.as_bytes(), ContentKind::Json, &defaults, app.hasher(), &limits);
    let mut problems: Vec<String> = parsed.problems.into_iter().map(|problem| problem.detail).collect();
    if problems.is_empty() {
        match submit::judge(&app, parsed.batch, false).await.map(|receipt| receipt.outcome(0)) {
            Ok(Outcome::Accepted { position } | Outcome::Duplicate { position, held: false }) => {
                return Redirect::to(&filter.address(&[("said", &position.to_string())])).into_response();
            }
            Ok(Outcome::Held { position, rejection }) => {
                problems.push(format!("held at position {position}: {rejection}"))
            }
            Ok(Outcome::Duplicate { position, .. }) => {
                problems.push(format!("this is held at position {position} already"))
            }
            Ok(Outcome::Rejected { rejection }) => problems.push(rejection.to_string()),
            Err(problem) => problems.push(problem.detail),
        }
    }
    page(&app, StatusCode::UNPROCESSABLE_ENTITY, &filter, &sheet, &Said::Refused(problems)).await
}

/// The two lists of what to count.
pub(crate) fn lists(is_proposed: bool) -> Markup {
    html! {
        nav.flags aria-label="Lists" {
            a.flag href="/recounts" aria-current=[(!is_proposed).then_some("page")] { "Open tasks" }
            a.flag href="/recounts/proposed" aria-current=[is_proposed.then_some("page")] { "Proposed counts" }
        }
    }
}

fn body(filter: &Filter, warehouses: &[String], list: &CountList, sheet: &Sheet, id: &str, said: &Said) -> Markup {
    html! {
        @match said {
            Said::Recorded(position) => p.notice role="status" { "The count is recorded, at position " (position) "." },
            Said::Refused(problems) => div.notice.bad role="alert" {
                p { "Nothing was counted, because:" }
                ul { @for problem in problems { li { (problem) } } }
            },
            Said::Nothing => {},
        }
        section.sheet aria-labelledby="heading" {
            header {
                div.lead {
                    h1 #heading { "Proposed counts" }
                    p.soft { "What takes most error out of the books for its time, in the order in which it is walked." }
                    (lists(true))
                }
                (tools(filter, warehouses))
            }
            (summary(list))
            @if list.lines.is_empty() {
                p.nothing { "Nothing here is worth a count in this time: the books are likely to be right, or the way takes longer." }
            } @else {
                (table(filter, list))
            }
        }
        (form(filter, sheet, id))
    }
}

fn tools(filter: &Filter, warehouses: &[String]) -> Markup {
    html! {
        form.tools method="get" action="/recounts/proposed" {
            div.field {
                label for="warehouse" { "Warehouse" }
                select #warehouse name="warehouse" {
                    option value="" { "All warehouses" }
                    @for warehouse in warehouses {
                        option value=(warehouse) selected[*warehouse == filter.warehouse] { (warehouse) }
                    }
                }
            }
            div.field {
                label for="minutes" { "Minutes" }
                input #minutes name="minutes" type="number" min="1" max=(MINUTES_MAX) step="1" value=(filter.minutes);
            }
            div.field {
                label for="lines" { "Lines at most" }
                input #lines name="lines" type="number" min="1" max=(LINES_MAX) step="1" value=(filter.lines);
            }
            button { "Propose" }
        }
    }
}

fn tenths(figure: f64) -> String {
    format!("{figure:.1}")
}

fn summary(list: &CountList) -> Markup {
    let proposal = &list.proposal;
    let share = if proposal.gain_of_all > 0.0 { proposal.gain / proposal.gain_of_all * 100.0 } else { 0.0 };
    html! {
        dl.pairs.summary {
            div { dt { "Lines" } dd { (text::length(list.lines.len())) } }
            div { dt { "Minutes" } dd { (tenths(proposal.seconds / 60.0)) } }
            div { dt { "Takes out of the expected error" } dd { (tenths(share)) "\u{202f}%" } }
            div { dt { "Not on the list" } dd { (text::length(proposal.left)) } }
            div { dt { "Balances looked at" } dd { (text::length(list.balances)) } }
            div { dt { "Made" } dd { (text::absolute(list.now)) } }
        }
    }
}

fn table(filter: &Filter, list: &CountList) -> Markup {
    html! {
        div.scroll tabindex="0" role="region" aria-label="The count list" {
            table.cardlike.counts {
                caption.unseen { "What to count, in the order in which it is walked" }
                thead {
                    tr {
                        th.number scope="col" { "No." }
                        th scope="col" { "Location" }
                        th scope="col" { "Product" }
                        th scope="col" { "Lot" }
                        th.number scope="col" { "Books say" }
                        th.number scope="col" { "Right with" }
                        th scope="col" { "Why" }
                        th.number scope="col" { "Minutes" }
                        th scope="col" { "Counted" }
                    }
                }
                tbody { @for ((line, named), number) in list.lines.iter().zip(1..) { (row(filter, line, named, number)) } }
            }
        }
    }
}

fn row(filter: &Filter, line: &Line, named: &Named, number: usize) -> Markup {
    let candidate = &named.candidate;
    let lot = named.lot.as_deref().unwrap_or_default();
    let parameters = [
        ("product", &*candidate.product),
        ("location", &*candidate.location),
        ("lot", lot),
        ("status", named.status.name()),
    ];
    let address = format!("{}#count", filter.address(&parameters));
    html! {
        tr data-rank=(line.rank) {
            td.number data-label="No." { (number) }
            td.wide { strong { (candidate.location) } @if named.status != Status::Available { span.soft { " " (named.status.name()) } } }
            th.product.wide scope="row" {
                (product_link(&candidate.product))
                @if !named.name.is_empty() { span.soft { (named.name) } }
            }
            td data-label="Lot" { (lot) }
            (figure("Books say", Quantity::from_micros(candidate.on_hand), ""))
            td.number data-label="Right with" { (tenths(candidate.confidence.value * 100.0)) "\u{202f}%" }
            td.wide.soft { (why(candidate)) }
            td.number data-label="Minutes" { (tenths(json::rounded((line.walk_seconds + line.count_seconds) / 60.0, 1))) }
            td.tally data-label="Counted" {
                a href=(address) aria-label={ "Record the count of " (candidate.product) " at " (candidate.location) } { "Record" }
            }
        }
    }
}

fn form(filter: &Filter, sheet: &Sheet, id: &str) -> Markup {
    let input = |name: &str, label: &str, value: &str, is_required: bool| {
        html! {
            div.field {
                label for={ "count-" (name) } { (label) }
                input id={ "count-" (name) } name=(name) value=(value) required[is_required] autocomplete="off" spellcheck="false";
            }
        }
    };
    html! {
        section.sheet #count aria-labelledby="count-heading" {
            header {
                div.lead {
                    h2 #count-heading { "Record a count" }
                    p.soft { "What really stands there now; the books follow it. Others scan with " a href="/scan?task=count" { "the handheld page" } "." }
                }
            }
            form.tools.padded method="post" action="/recounts/count" {
                input type="hidden" name="id" value=(id);
                input type="hidden" name="warehouse" value=(filter.warehouse);
                input type="hidden" name="minutes" value=(filter.minutes);
                input type="hidden" name="lines" value=(filter.lines);
                (input("product", "Product", &sheet.product, true))
                (input("location", "Location", &sheet.location, true))
                (input("lot", "Lot, if any", &sheet.lot, false))
                div.field {
                    label for="count-status" { "Status" }
                    select #count-status name="status" {
                        @for status in ["available", "quarantined", "damaged", "expired"] {
                            option value=(status) selected[sheet.status == status] { (status) }
                        }
                    }
                }
                div.field {
                    label for="count-quantity" { "Counted quantity" }
                    input #count-quantity name="quantity" value=(sheet.quantity) inputmode="decimal" required autocomplete="off";
                }
                button.main { "Record" }
            }
        }
    }
}
