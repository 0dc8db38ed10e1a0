//! `/movements`: what happened last, anywhere; and the rows of movements that other pages show, too.

use crate::dashboard::fragment::{Fragment, Part};
use crate::dashboard::stock::{is_long, pager, product_link};
use crate::dashboard::{Params, text};
use ledger::{DecisionKind, Position, Quantity, Timestamp};
use maud::{Markup, html};
use views::{ActivityItem, ActivityQuery, Page, Views, WarehouseQuery};

/// Rows a page.
const ROWS: usize = 50;
/// How much later than it happened an event is recorded before the page says so.
const LATE_MICROS_MIN: i64 = 60_000_000;

/// Which movements to show.
#[derive(Clone, Debug, Default)]
pub(crate) struct Filter {
    warehouse: String,
    cursor: String,
}

impl Filter {
    /// Reads a query; what it doesn't know is left out.
    pub(crate) fn of(params: &Params) -> Self {
        Self { warehouse: params.text("warehouse").to_owned(), cursor: params.text("cursor").to_owned() }
    }

    pub(crate) fn parameters<'a>(&'a self, cursor: &'a str) -> [(&'static str, &'a str); 2] {
        [("warehouse", &self.warehouse), ("cursor", cursor)]
    }

    pub(crate) fn cursor(&self) -> &str {
        &self.cursor
    }
}

/// What happened, as people read it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Movement {
    /// The entry.
    pub(crate) position: Position,
    /// What kind of thing happened, by its name outside.
    pub(crate) kind: &'static str,
    pub(crate) recorded_at: Timestamp,
    pub(crate) occurred_at: Timestamp,
    /// The product, where rows are of several.
    pub(crate) product: Option<String>,
    /// Where it came from, and where it went; empty when that is not said.
    pub(crate) from: String,
    pub(crate) to: String,
    pub(crate) lot: String,
    /// How much; `None` when it is about no quantity.
    pub(crate) quantity: Option<Quantity>,
    /// Whether the quantity says by how much the books changed, so that it has a sign.
    pub(crate) is_change: bool,
    pub(crate) source: String,
    pub(crate) reason: String,
    pub(crate) reference: String,
    /// What else there is to say.
    pub(crate) remarks: Vec<String>,
    /// What it showed to be wrong.
    pub(crate) notes: Vec<String>,
}

impl From<&ActivityItem> for Movement {
    fn from(item: &ActivityItem) -> Self {
        let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
        // What left several places at once names two of them, and went to neither.
        let has_both =
            matches!(item.kind, DecisionKind::ItemMoved | DecisionKind::StatusChanged | DecisionKind::EntryReversed);
        let is_between = has_both && item.to.is_some();
        let comes = !is_between && !item.delta.is_negative();
        let place = text(item.location.as_deref());
        Self {
            position: item.position,
            kind: item.kind.name(),
            recorded_at: item.recorded_at,
            occurred_at: item.occurred_at,
            product: item.product.as_deref().map(str::to_owned),
            from: if comes { String::new() } else { place.clone() },
            to: if comes { place } else { text(item.to.as_deref().filter(|_| is_between)) },
            lot: text(item.lot.as_deref()),
            quantity: item.location.is_some().then_some(item.delta),
            is_change: !is_between,
            source: item.source.to_string(),
            reason: item.reason.as_deref().unwrap_or_default().to_owned(),
            reference: item.reference.as_deref().unwrap_or_default().to_owned(),
            remarks: Vec::new(),
            notes: item.discrepancies.iter().map(text::words).collect(),
        }
    }
}

/// What the page shows.
pub(crate) struct Content {
    warehouses: Vec<String>,
    rows: Page<ActivityItem>,
}

/// Reads what the page shows.
pub(crate) fn read(views: &Views, filter: &Filter) -> Content {
    let at = |cursor| {
        views.activity(&ActivityQuery {
            warehouse: Some(&*filter.warehouse).filter(|path| !path.is_empty()),
            limit: ROWS,
            cursor,
            ..ActivityQuery::default()
        })
    };
    let empty = |_| Page { items: Vec::new(), next: None, position: views.position() };
    let rows = at(Some(filter.cursor.as_str())).or_else(|_| at(None)).unwrap_or_else(empty);
    Content { warehouses: warehouse_names(views), rows }
}

/// The paths of all warehouses, for a filter.
pub(crate) fn warehouse_names(views: &Views) -> Vec<String> {
    let query = WarehouseQuery { limit: views::LIMIT_MAX, ..WarehouseQuery::default() };
    let items = views.warehouses(&query).map(|page| page.items).unwrap_or_default();
    items.iter().map(|warehouse| warehouse.warehouse.to_string()).collect()
}

/// The form that narrows a page to one warehouse.
pub(crate) fn warehouse_form(action: &str, warehouses: &[String], chosen: &str) -> Markup {
    html! {
        form.tools method="get" action=(action) data-search {
            div.field {
                label for="warehouse" { "Warehouse" }
                select #warehouse name="warehouse" {
                    option value="" { "All warehouses" }
                    @for warehouse in warehouses {
                        option value=(warehouse) selected[warehouse == chosen] { (warehouse) }
                    }
                }
            }
            button { "Show" }
        }
    }
}

/// The rows.
pub(crate) fn render_movements(content: &Content, filter: &Filter, now: Timestamp) -> Fragment {
    let rows: Vec<Movement> = content.rows.items.iter().map(Movement::from).collect();
    let address = |cursor: &str| text::address("/movements", &filter.parameters(cursor));
    let next = content.rows.next.as_deref().map(address);
    let first = (!filter.cursor.is_empty()).then(|| address(""));
    render_rows(&rows, true, now, &pager(next, first))
}

/// Movements as a table under the id `movements`, the newest first, with `foot` below it.
pub(crate) fn render_rows(rows: &[Movement], with_product: bool, now: Timestamp, foot: &Markup) -> Fragment {
    let parts = rows.iter().map(|movement| row(movement, with_product, now)).collect();
    Fragment::keyed("movements", parts, |parts| {
        html! {
            div #movements {
                @if rows.is_empty() { p.nothing { "Nothing has moved yet." } }
                div.scroll hidden[rows.is_empty()] {
                    table.cardlike {
                        caption.unseen { "The last movements, newest first" }
                        thead {
                            tr {
                                th scope="col" { "Recorded" }
                                th scope="col" { "What" }
                                @if with_product { th scope="col" { "Product" } }
                                th scope="col" { "Where" }
                                th.number scope="col" { "Quantity" }
                                th scope="col" { "Source" }
                                th scope="col" { "Reference" }
                                th.number scope="col" { "Position" }
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

fn row(movement: &Movement, with_product: bool, now: Timestamp) -> Part {
    let key = movement.position.0.to_string();
    let late = movement.recorded_at.0.saturating_sub(movement.occurred_at.0);
    let is_late = late >= LATE_MICROS_MIN;
    let markup = html! {
        tr data-key=(key) {
            td.soft data-label="Recorded" { (text::time(movement.recorded_at, now)) }
            td.wide {
                (text::words(movement.kind))
                @if !movement.reason.is_empty() { span.soft { " · " (text::words(&movement.reason)) } }
                @if is_late || !movement.notes.is_empty() || !movement.remarks.is_empty() {
                    span.notes {
                        @for remark in &movement.remarks { span { (remark) } }
                        @for note in &movement.notes { span.warn { (note) } }
                        @if is_late {
                            span.warn title=(format!("happened {}", text::absolute(movement.occurred_at))) {
                                "late by " (text::span(late))
                            }
                        }
                    }
                }
            }
            @if with_product {
                td.product.wide {
                    @if let Some(product) = &movement.product { (product_link(product)) }
                }
            }
            td.route.wide { (route(movement)) }
            (quantity_cell(movement))
            td.name.long[is_long(&movement.source)] data-label="Source" { (movement.source) }
            td.name.long[is_long(&movement.reference)] data-label="Reference" { (movement.reference) }
            td.number.soft data-label="Position" { (text::count(movement.position.0)) }
        }
    };
    Part::new(key, markup)
}

/// Where from and where to, in as many words as are known.
fn route(movement: &Movement) -> Markup {
    let (from, to) = (&*movement.from, &*movement.to);
    let is_at = from == to || matches!(movement.kind, "item_counted" | "item_adjusted");
    html! {
        @match (from, to) {
            ("", "") => {}
            (place, "") | ("", place) if is_at => { span.soft { "at " } (place) }
            (place, _) if is_at => { span.soft { "at " } (place) }
            (from, "") => { span.soft { "from " } (from) }
            ("", to) => { span.soft { "to " } (to) }
            (from, to) => { (from) " " span.arrow aria-hidden="true" { "→" } span.unseen { "to" } " " (to) }
        }
        @if !movement.lot.is_empty() { span.soft { " lot " (movement.lot) } }
    }
}

fn quantity_cell(movement: &Movement) -> Markup {
    let Some(quantity) = movement.quantity else { return html! { td.number.blank {} } };
    let magnitude = if quantity.is_negative() { quantity.checked_neg().unwrap_or(Quantity::MAX) } else { quantity };
    html! {
        td.number data-label="Quantity" {
            @if movement.is_change { (text::change(quantity)) } @else { (text::quantity(magnitude)) }
        }
    }
}

/// A heading and the rows.
pub(crate) fn body(content: &Content, filter: &Filter, movements: &Fragment) -> Markup {
    html! {
        section.sheet aria-labelledby="heading" {
            header {
                h1 #heading { "Movements" }
                (warehouse_form("/movements", &content.warehouses, &filter.warehouse))
            }
            (movements)
        }
    }
}
