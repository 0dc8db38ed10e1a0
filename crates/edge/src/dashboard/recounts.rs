//! `/recounts`: what somebody should count, the longest waiting first.

use crate::dashboard::fragment::{Fragment, Part};
use crate::dashboard::movements::{warehouse_form, warehouse_names};
use crate::dashboard::stock::{figure, pager, product_link};
use crate::dashboard::{Params, proposed, text};
use ledger::Timestamp;
use maud::{Markup, html};
use views::{Page, RecountItem, RecountQuery, Views};

/// Rows a page.
const ROWS: usize = 100;

/// Which tasks to show.
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

/// What the page shows.
pub(crate) struct Content {
    warehouses: Vec<String>,
    rows: Page<RecountItem>,
}

/// Reads what the page shows.
pub(crate) fn read(views: &Views, filter: &Filter) -> Content {
    let at = |cursor| {
        views.recounts(&RecountQuery {
            warehouse: Some(&*filter.warehouse).filter(|path| !path.is_empty()),
            limit: ROWS,
            cursor,
            ..RecountQuery::default()
        })
    };
    let empty = |_| Page { items: Vec::new(), next: None, position: views.position() };
    let rows = at(Some(filter.cursor.as_str())).or_else(|_| at(None)).unwrap_or_else(empty);
    Content { warehouses: warehouse_names(views), rows }
}

/// The rows.
pub(crate) fn render_recounts(content: &Content, filter: &Filter, now: Timestamp) -> Fragment {
    let rows = &content.rows;
    let is_empty = rows.items.is_empty();
    let address = |cursor: &str| text::address("/recounts", &filter.parameters(cursor));
    let foot = pager(rows.next.as_deref().map(address), (!filter.cursor.is_empty()).then(|| address("")));
    Fragment::keyed("recounts", rows.items.iter().map(|item| row(item, now)).collect(), |parts| {
        html! {
            div #recounts {
                @if is_empty { p.nothing { "Nothing asks for a recount." } }
                div.scroll hidden[is_empty] {
                    table.cardlike {
                        caption.unseen { "Open recounts, the longest waiting first" }
                        thead {
                            tr {
                                th scope="col" { "Product" }
                                th scope="col" { "Location" }
                                th scope="col" { "Lot" }
                                th scope="col" { "Why" }
                                th.number scope="col" { "Books say" }
                                th.number scope="col" { "Reserved" }
                                th.number scope="col" { "Last count" }
                                th.number scope="col" { "Waiting since" }
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

fn row(item: &RecountItem, now: Timestamp) -> Part {
    let key = item.account.0.to_string();
    let markup = html! {
        tr data-key=(key) data-recount=(item.position) {
            th.product.wide scope="row" { (product_link(&item.product)) }
            td.wide {
                (item.location)
                @if item.status != ledger::Status::Available { span.soft { " " (item.status.name()) } }
            }
            td data-label="Lot" { (item.lot.as_deref().unwrap_or_default()) }
            td.wide {
                span.flags {
                    @for code in item.discrepancies.iter() {
                        span.flag .bad[code == "negative_on_hand"] .warn[code != "negative_on_hand"] { (text::words(code)) }
                    }
                }
            }
            (figure("Books say", item.on_hand, ""))
            (figure("Reserved", item.reserved, ""))
            td.number.soft data-label="Last count" {
                @if let Some(at) = item.counted_at { (text::time(at, now)) } @else { "never" }
            }
            td.number.soft data-label="Waiting since" { (text::time(item.opened_at, now)) }
        }
    };
    Part::new(key, markup)
}

/// A heading, what to do, and the rows.
pub(crate) fn body(content: &Content, filter: &Filter, recounts: &Fragment) -> Markup {
    html! {
        section.sheet aria-labelledby="heading" {
            header {
                div.lead {
                    h1 #heading { "Recounts" }
                    p.soft { "Places where the books and the floor cannot both be right. A count of the place closes its task." }
                    (proposed::lists(false))
                }
                (warehouse_form("/recounts", &content.warehouses, &filter.warehouse))
            }
            (recounts)
        }
    }
}
