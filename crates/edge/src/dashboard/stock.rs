//! `/`: what there is, where, right now.

use crate::dashboard::fragment::{Fragment, Part};
use crate::dashboard::{Params, text};
use ledger::Timestamp;
use maud::{Markup, html};
use std::collections::BTreeMap;
use views::{Page, RecountQuery, StockItem, StockQuery, Views, WarehouseItem, WarehouseQuery};

/// Rows a page.
const ROWS: usize = 100;
/// Cards of warehouses; the others are in the filter.
const CARDS_MAX: usize = 24;

/// Which rows by what is wrong with them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Condition {
    #[default]
    Any,
    /// More left than was there.
    Negative,
    /// Nothing is free to promise.
    Unavailable,
    /// Somebody should count.
    Recount,
}

impl Condition {
    const ALL: [Self; 4] = [Self::Any, Self::Negative, Self::Unavailable, Self::Recount];

    const fn name(self) -> &'static str {
        match self {
            Self::Any => "",
            Self::Negative => "negative",
            Self::Unavailable => "unavailable",
            Self::Recount => "recount",
        }
    }

    const fn words(self) -> &'static str {
        match self {
            Self::Any => "All",
            Self::Negative => "Negative",
            Self::Unavailable => "None available",
            Self::Recount => "To recount",
        }
    }
}

/// Which rows to show.
#[derive(Clone, Debug, Default)]
pub(crate) struct Filter {
    q: String,
    warehouse: String,
    condition: Condition,
    cursor: String,
}

impl Filter {
    /// Reads a query; what it doesn't know is left out.
    pub(crate) fn of(params: &Params) -> Self {
        let status = params.text("status");
        let condition = Condition::ALL.into_iter().find(|condition| condition.name() == status).unwrap_or_default();
        Self {
            q: params.text("q").to_owned(),
            warehouse: params.text("warehouse").to_owned(),
            condition,
            cursor: params.text("cursor").to_owned(),
        }
    }

    /// The query that reads back as this filter, at another cursor.
    pub(crate) fn parameters<'a>(&'a self, cursor: &'a str) -> [(&'static str, &'a str); 4] {
        [("q", &self.q), ("warehouse", &self.warehouse), ("status", self.condition.name()), ("cursor", cursor)]
    }

    pub(crate) fn cursor(&self) -> &str {
        &self.cursor
    }

    fn is_narrow(&self) -> bool {
        !self.q.is_empty() || !self.warehouse.is_empty() || self.condition != Condition::Any
    }

    fn address_at(&self, cursor: &str) -> String {
        text::address("/", &self.parameters(cursor))
    }
}

/// What the page shows, copied out of the views.
pub(crate) struct Content {
    warehouses: Vec<WarehouseItem>,
    rows: Page<StockItem>,
    has_products: bool,
}

/// Reads what the page shows.
pub(crate) fn read(views: &Views, filter: &Filter) -> Content {
    let query = WarehouseQuery { limit: views::LIMIT_MAX, ..WarehouseQuery::default() };
    let warehouses = views.warehouses(&query).map(|page| page.items).unwrap_or_default();
    let at = |cursor| match filter.condition {
        Condition::Any | Condition::Unavailable => rows(views, filter, cursor),
        Condition::Negative | Condition::Recount => rows_to_recount(views, filter, cursor),
    };
    // A cursor from elsewhere shows the first page.
    let rows = at(Some(filter.cursor.as_str())).or_else(|_| at(None)).unwrap_or_else(|_| empty(views));
    Content { warehouses, rows, has_products: views.catalog().products().len() > 0 }
}

fn empty(views: &Views) -> Page<StockItem> {
    Page { items: Vec::new(), next: None, position: views.position() }
}

fn rows(views: &Views, filter: &Filter, cursor: Option<&str>) -> Result<Page<StockItem>, views::InvalidCursor> {
    let below = (filter.condition == Condition::Unavailable).then(|| ledger::Quantity::from_micros(1));
    views.stock(&StockQuery {
        search: Some(&filter.q),
        warehouse: Some(&*filter.warehouse).filter(|path| !path.is_empty()),
        below,
        limit: ROWS,
        cursor,
        ..StockQuery::default()
    })
}

/// Rows with something to recount, by way of the tasks: there are few of them among many rows.
fn rows_to_recount(
    views: &Views,
    filter: &Filter,
    cursor: Option<&str>,
) -> Result<Page<StockItem>, views::InvalidCursor> {
    let tasks = views.recounts(&RecountQuery {
        warehouse: Some(&*filter.warehouse).filter(|path| !path.is_empty()),
        limit: ROWS,
        cursor,
        ..RecountQuery::default()
    })?;
    let mut rows = BTreeMap::new();
    let search = filter.q.to_lowercase();
    for task in tasks.items {
        let is_asked = filter.condition == Condition::Recount || is_negative(&task.discrepancies);
        if is_asked && let Some(row) = views.stock_of(&task.product, &task.warehouse) {
            let is_searched = [&*row.product, &*row.name].iter().any(|text| text.to_lowercase().contains(&search));
            if is_searched {
                rows.insert((task.product, task.warehouse), row);
            }
        }
    }
    Ok(Page { items: rows.into_values().collect(), next: tasks.next, position: tasks.position })
}

fn is_negative(codes: &views::Codes) -> bool {
    codes.iter().any(|code| code == "negative_on_hand")
}

/// The cards of the warehouses.
pub(crate) fn render_warehouses(content: &Content, filter: &Filter) -> Fragment {
    let cards = content.warehouses.iter().take(CARDS_MAX).map(|warehouse| card(warehouse, filter));
    let more = content.warehouses.len().saturating_sub(CARDS_MAX);
    Fragment::keyed("warehouses", cards.collect(), |cards| {
        html! {
            section #warehouses aria-label="Warehouses" hidden[content.warehouses.is_empty()] {
                ul.cards data-parts { (cards) }
                @if more > 0 {
                    p.soft { "And " (text::length(more)) " more, by the filter below." }
                }
            }
        }
    })
}

fn card(warehouse: &WarehouseItem, filter: &Filter) -> Part {
    let key = warehouse.warehouse_id.0.to_string();
    let is_chosen = *filter.warehouse == *warehouse.warehouse;
    let address = text::address("/", &[("warehouse", &warehouse.warehouse)]);
    let pair = |name: &str, figure: String, class: &str| html! { div { dt { (name) } dd class=[(!class.is_empty()).then_some(class)] { (figure) } } };
    let wrong = |count: u32| if count > 0 { "negative" } else { "zero" };
    let markup = html! {
        li.card data-key=(key) data-chosen[is_chosen] {
            h2 {
                a href=(address) aria-current=[is_chosen.then_some("true")] {
                    @if warehouse.name.is_empty() { (warehouse.warehouse) } @else { (warehouse.name) }
                }
                " "
                span.soft {
                    @if !warehouse.name.is_empty() { (warehouse.warehouse) }
                    @if !warehouse.name.is_empty() && !warehouse.region.is_empty() { " · " }
                    (warehouse.region)
                }
            }
            dl.pairs {
                (pair("Products", text::count(warehouse.products.into()), ""))
                (pair("Negative", text::count(warehouse.negative_keys.into()), wrong(warehouse.negative_keys)))
                (pair("Recounts", text::count(warehouse.recount_tasks.into()), if warehouse.recount_tasks == 0 { "zero" } else { "" }))
                (pair("In transit", text::quantity(warehouse.figures.in_transit), if warehouse.figures.in_transit.is_zero() { "zero" } else { "" }))
            }
        }
    };
    Part::new(key, markup)
}

/// The rows, or why there are none.
pub(crate) fn render_stock(content: &Content, filter: &Filter, now: Timestamp) -> Fragment {
    let rows = &content.rows;
    let parts: Vec<Part> = rows.items.iter().map(|item| row(item, now)).collect();
    let is_empty = parts.is_empty();
    Fragment::keyed("stock", parts, |parts| {
        html! {
            div #stock {
                p.unseen role="status" { (text::length(rows.items.len())) " rows of stock" }
                @if is_empty { (nothing(content, filter, now)) }
                div.scroll hidden[is_empty] {
                    table.cardlike {
                        caption.unseen { "Stock by product and warehouse, in base units" }
                        thead {
                            tr {
                                th scope="col" { "Product" }
                                th scope="col" { "Warehouse" }
                                @for name in ["On hand", "Reserved", "Available", "In transit", "On order"] {
                                    th.number scope="col" { (name) }
                                }
                                th scope="col" { "Status" }
                                th.number scope="col" { "Updated" }
                            }
                        }
                        tbody data-parts { (parts) }
                    }
                }
                (pager(rows.next.as_deref().map(|next| filter.address_at(next)), (!filter.cursor.is_empty()).then(|| filter.address_at(""))))
            }
        }
    })
}

/// The links to the first and the next page, as far as there are such.
pub(crate) fn pager(next: Option<String>, first: Option<String>) -> Markup {
    html! {
        @if next.is_some() || first.is_some() {
            nav.pager aria-label="Pages" {
                @if let Some(first) = first { a href=(first) { "First page" } }
                @if let Some(next) = next { a href=(next) rel="next" { "Next page" } }
            }
        }
    }
}

fn nothing(content: &Content, filter: &Filter, now: Timestamp) -> Markup {
    html! {
        div.nothing {
            @if content.rows.next.is_some() {
                p { "Nothing on this page matches. There may be more on the next." }
            } @else if filter.is_narrow() {
                p {
                    "No stock matches"
                    @if !filter.q.is_empty() { " “" (filter.q) "”" }
                    @if !filter.warehouse.is_empty() { " in " (filter.warehouse) }
                    @if filter.condition != Condition::Any { ", " (filter.condition.words().to_lowercase()) }
                    ". " a href="/" { "Show all stock" }
                }
            } @else if content.has_products {
                p { "No stock was ever kept of the products declared." }
            } @else {
                p { "Nothing has been recorded yet. The first event makes the first row:" }
                pre tabindex="0" { code { (first_event(now)) } }
                p { "If this server asks for a token, add " code { "-H 'Authorization: Bearer TOKEN'" } "." }
            }
        }
    }
}

/// How to send the first event. It happened as the day began, so that the words stay the same all day.
fn first_event(now: Timestamp) -> String {
    let event = format!(
        r#"{{"event": "item_added", "product_id": "SKU123", "location": "warehouse_A", "quantity": 5, "timestamp": "{}T00:00:00Z"}}"#,
        text::day(now.day())
    );
    format!("curl --json '{event}' \\\n  http://ADDRESS/v1/events")
}

fn row(item: &StockItem, now: Timestamp) -> Part {
    let key = format!("{}-{}", item.product_id.0, item.warehouse_id.0);
    let figures = &item.figures;
    let flags = flags(item);
    let markup = html! {
        tr data-key=(key) data-product=(item.product) {
            th.product.wide scope="row" {
                (product_link(&item.product))
                @if !item.name.is_empty() { " " span.soft { (item.name) } }
            }
            td.wide { (item.warehouse) }
            (figure("On hand", figures.on_hand, ""))
            (figure("Reserved", figures.reserved, ""))
            (figure("Available", figures.available, "available"))
            (figure("In transit", figures.in_transit, ""))
            (figure("On order", figures.on_order, ""))
            td.wide.blank[flags.is_none()] { @if let Some(flags) = flags { (flags) } }
            td.number.soft data-label="Updated" {
                @if let Some(at) = item.last_updated { (text::time(at, now)) } @else { "never" }
            }
        }
    };
    Part::new(key, markup)
}

/// A link to the page of a product.
pub(crate) fn product_link(product: &str) -> Markup {
    html! { a.long[is_long(product)] href=(text::product_address(product)) { (product) } }
}

/// Whether a name may be broken over lines, which short ones should not be.
pub(crate) fn is_long(name: &str) -> bool {
    name.chars().nth(28).is_some()
}

/// A cell with a quantity.
pub(crate) fn figure(label: &str, quantity: ledger::Quantity, class: &str) -> Markup {
    let tone = if quantity.is_negative() {
        "negative"
    } else if quantity.is_zero() {
        "zero"
    } else {
        ""
    };
    let classes: Vec<&str> = ["number", class, tone].into_iter().filter(|class| !class.is_empty()).collect();
    html! { td class=(classes.join(" ")) data-label=(label) { (text::quantity(quantity)) } }
}

/// What is wrong with stock, as signs and words; `None` when nothing is.
pub(crate) fn flags(item: &StockItem) -> Option<Markup> {
    let codes = &item.discrepancies;
    if codes.is_empty() && item.is_product_verified {
        return None;
    }
    let others = codes.iter().filter(|code| *code != "negative_on_hand");
    Some(html! {
        span.flags {
            @if is_negative(codes) { span.flag.bad { (sign("M2.5 6h7")) "negative" } }
            @for code in others { span.flag.warn { (text::words(code)) } }
            @if codes.asks_for_recount() {
                span.flag.warn { (sign("M10 6a4 4 0 1 1-1.2-2.8M10 1v2.6H7.4")) "recount" }
            }
            @if !item.is_product_verified {
                span.flag title="Known from events only: nobody has declared this product" { "unverified" }
            }
        }
    })
}

/// A small drawing in the colour of the text around it.
pub(crate) fn sign(path: &str) -> Markup {
    html! {
        svg viewBox="0 0 12 12" aria-hidden="true" {
            path d=(path) fill="none" stroke="currentColor" stroke-width="1.5" {}
        }
    }
}

/// A heading with the tools to narrow the rows, around them.
pub(crate) fn body(
    content: &Content,
    filter: &Filter,
    pulse: &Fragment,
    warehouses: &Fragment,
    stock: &Fragment,
) -> Markup {
    html! {
        h1.unseen { "Stock" }
        (pulse)
        (warehouses)
        section.sheet aria-labelledby="stock-heading" {
            header {
                h2 #stock-heading { "Stock" }
                form.tools method="get" action="/" role="search" data-search {
                    div.field {
                        label for="q" { "Product" }
                        input #q type="search" name="q" value=(filter.q) placeholder="Id or name" autocomplete="off" maxlength="200";
                    }
                    div.field {
                        label for="warehouse" { "Warehouse" }
                        select #warehouse name="warehouse" {
                            option value="" { "All warehouses" }
                            @for warehouse in &content.warehouses {
                                option value=(warehouse.warehouse) selected[*warehouse.warehouse == *filter.warehouse] {
                                    @if warehouse.name.is_empty() { (warehouse.warehouse) } @else { (warehouse.name) }
                                }
                            }
                        }
                    }
                    div.field {
                        label for="status" { "Status" }
                        select #status name="status" {
                            @for condition in Condition::ALL {
                                option value=(condition.name()) selected[condition == filter.condition] { (condition.words()) }
                            }
                        }
                    }
                    button { "Show" }
                }
            }
            (stock)
        }
    }
}
