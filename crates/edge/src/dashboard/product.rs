//! `/products/{id}`: one product, place by place, what can be promised, and what moved last.

use crate::dashboard::entries::{self, Entries};
use crate::dashboard::fragment::{Fragment, Part};
use crate::dashboard::movements::{Movement, render_rows};
use crate::dashboard::pulse::{note, tile};
use crate::dashboard::stock::{figure, flags};
use crate::dashboard::{chart, text};
use engine::Handle;
use ledger::{AccountId, Position, ProductId, Quantity, ReservationState, Timestamp};
use maud::{Markup, html};
use std::sync::Arc;
use views::{
    Availability, ExpectedKind, GroupBy, ProductItem, ReservationQuery, StepKind, StockItem, StockQuery, Uncertain,
    Views,
};

/// Places shown.
const LEVELS_MAX: usize = 500;
/// Movements shown.
const MOVEMENTS_MAX: usize = 50;
/// Accounts whose history is looked at: those that changed last.
const ACCOUNTS_MAX: usize = 40;
/// Pending reservations looked through, the newest first.
const RESERVATIONS_MAX: usize = 1_000;
/// Changes shown of what can be promised, for each warehouse.
const STEPS_MAX: usize = 12;

/// What the page shows.
pub(crate) struct Content {
    product: ProductItem,
    /// One for each warehouse.
    warehouses: Vec<StockItem>,
    /// One for each stock key.
    levels: Vec<StockItem>,
    promises: Vec<(Arc<str>, Availability)>,
    reserved: Vec<Reserved>,
    movements: Vec<Movement>,
}

struct Reserved {
    name: Arc<str>,
    warehouse: Arc<str>,
    quantity: Quantity,
    reserved_at: Timestamp,
    expires_at: Option<Timestamp>,
    is_short: bool,
    position: Position,
}

/// Reads what the page shows; may read files; `None` when no such product was ever named.
///
/// # Errors
/// Those of reading the history index and the journal.
pub(crate) fn read(
    engine: &Handle,
    kept: &Entries,
    name: &str,
    now: Timestamp,
) -> Result<Option<Content>, engine::Error> {
    let Some((mut content, accounts)) = read_views(&engine.views(), name, now) else { return Ok(None) };
    let mut positions = Vec::new();
    for account in accounts {
        positions.extend(engine.history().positions(account, Position(u64::MAX), MOVEMENTS_MAX)?);
    }
    positions.sort_unstable_by(|a, b| b.cmp(a));
    positions.dedup();
    positions.truncate(MOVEMENTS_MAX);
    let entries = kept.get(engine, &positions)?;
    let views = engine.views();
    let id = content.product.product_id;
    let movement = |(position, entry): &(Position, Arc<_>)| entries::movement(views.catalog(), id, *position, entry);
    content.movements = entries.iter().map(movement).collect();
    Ok(Some(content))
}

/// What of the page the views know, and the accounts whose history the rest is in.
pub(crate) fn read_views(views: &Views, name: &str, now: Timestamp) -> Option<(Content, Vec<AccountId>)> {
    let product = views.product(name)?;
    let stock = |group_by, limit| {
        let query = StockQuery { product: Some(name), group_by, limit, ..StockQuery::default() };
        views.stock(&query).map(|page| page.items).unwrap_or_default()
    };
    let warehouses = stock(GroupBy::Warehouse, LEVELS_MAX);
    let levels = stock(GroupBy::Lot, LEVELS_MAX);
    let promise = |item: &StockItem| Some((item.warehouse.clone(), views.availability(name, &item.warehouse, now)?));
    let promises = warehouses.iter().filter_map(promise).collect();
    let is_reserved = warehouses.iter().any(|item| !item.figures.reserved.is_zero());
    let reserved = if is_reserved { reserved(views, name) } else { Vec::new() };
    let accounts = accounts(views, product.product_id, &warehouses);
    Some((Content { product, warehouses, levels, promises, reserved, movements: Vec::new() }, accounts))
}

/// The accounts of a product that changed last.
fn accounts(views: &Views, product: ProductId, warehouses: &[StockItem]) -> Vec<AccountId> {
    let shelf = |item: &StockItem| views.catalog().shelf(product, item.warehouse_id);
    let mut accounts: Vec<AccountId> = warehouses.iter().flat_map(shelf).collect();
    accounts.sort_unstable_by_key(|account| std::cmp::Reverse(views.last_position(*account)));
    accounts.truncate(ACCOUNTS_MAX);
    accounts
}

fn reserved(views: &Views, product: &str) -> Vec<Reserved> {
    let query = ReservationQuery {
        state: Some(ReservationState::Pending),
        limit: RESERVATIONS_MAX,
        ..ReservationQuery::default()
    };
    let items = views.reservations(&query).map(|page| page.items).unwrap_or_default();
    items
        .into_iter()
        .filter_map(|item| {
            let lines = || item.lines.iter().filter(|line| &*line.product == product);
            lines().next()?;
            let sum = lines().try_fold(Quantity::ZERO, |sum, line| sum.checked_add(line.quantity));
            Some(Reserved {
                quantity: sum.unwrap_or(Quantity::MAX),
                is_short: lines().any(|line| line.is_short),
                name: item.reservation,
                warehouse: item.warehouse,
                reserved_at: item.reserved_at,
                expires_at: item.expires_at,
                position: item.position,
            })
        })
        .collect()
}

/// The name and what is known of the product.
pub(crate) fn render_card(content: &Content) -> Fragment {
    let product = &content.product;
    let pair = |name: &str, value: &Markup| html! { div { dt { (name) } dd { (value) } } };
    let markup = html! {
        div #card.intro {
            div.title {
                h1 { (product.product) }
                @if !product.name.is_empty() { p { (product.name) } }
                @if product.is_verified {
                    span.flag.good { "verified" }
                } @else {
                    span.flag title="Known from events only: nobody has declared this product" { "unverified" }
                }
            }
            dl.pairs {
                (pair("Base unit", &html! { (product.base_unit) }))
                @for unit in &product.units {
                    (pair(&format!("1 {}", unit.name), &html! {
                        (text::count(unit.numerator))
                        @if unit.denominator != 1 { "/" (text::count(unit.denominator)) }
                        " " (product.base_unit)
                    }))
                }
                @if !product.gtin.is_empty() { (pair("GTIN", &html! { (product.gtin) })) }
                @if !product.category.is_empty() { (pair("Category", &html! { (product.category) })) }
            }
        }
    };
    Fragment::whole("card", markup)
}

/// The sums over all warehouses.
pub(crate) fn render_sums(content: &Content) -> Fragment {
    let sum = |of: fn(&StockItem) -> Quantity| {
        let sum = content.warehouses.iter().try_fold(Quantity::ZERO, |sum, item| sum.checked_add(of(item)));
        let sum = sum.unwrap_or(Quantity::MAX);
        html! { span.negative[sum.is_negative()] { (text::quantity(sum)) } }
    };
    let unit = || note(&content.product.base_unit);
    let parts = vec![
        tile("on_hand", html! { "On hand" }, sum(|item| item.figures.on_hand), unit()),
        tile("reserved", html! { "Reserved" }, sum(|item| item.figures.reserved), unit()),
        tile("available", html! { "Available" }, sum(|item| item.figures.available), unit()),
        tile("in_transit", html! { "In transit" }, sum(|item| item.figures.in_transit), unit()),
        tile("on_order", html! { "On order" }, sum(|item| item.figures.on_order), unit()),
    ];
    Fragment::keyed("sums", parts, |parts| html! { ul #sums.tiles.even data-parts { (parts) } })
}

/// What stands where, warehouse by warehouse.
pub(crate) fn render_levels(content: &Content, now: Timestamp) -> Fragment {
    let mut parts = Vec::new();
    for warehouse in &content.warehouses {
        parts.push(warehouse_row(warehouse, now));
        let within = content.levels.iter().filter(|level| level.warehouse_id == warehouse.warehouse_id);
        parts.extend(within.map(|level| level_row(level, now)));
    }
    let is_cut = content.levels.len() == LEVELS_MAX;
    Fragment::keyed("levels", parts, |parts| {
        html! {
            div #levels {
                @if content.warehouses.is_empty() { p.nothing { "It never was in a warehouse." } }
                div.scroll hidden[content.warehouses.is_empty()] {
                    table.cardlike {
                        caption.unseen { "Levels by warehouse, location, lot and status" }
                        thead {
                            tr {
                                th scope="col" { "Location" }
                                th scope="col" { "Lot, expiry" }
                                th scope="col" { "Status" }
                                @for name in ["On hand", "Reserved", "Available"] { th.number scope="col" { (name) } }
                                th.number scope="col" { "Updated" }
                            }
                        }
                        tbody data-parts { (parts) }
                    }
                }
                @if is_cut { p.nothing { "And more places; the first " (text::length(LEVELS_MAX)) " are shown." } }
            }
        }
    })
}

fn warehouse_row(item: &StockItem, now: Timestamp) -> Part {
    let key = format!("w{}", item.warehouse_id.0);
    let figures = &item.figures;
    let flags = if item.discrepancies.is_empty() { None } else { flags(item) };
    let markup = html! {
        tr.group data-key=(key) {
            th.wide scope="row" { (item.warehouse) }
            td.wide.soft {
                @if !figures.in_transit.is_zero() { (text::quantity(figures.in_transit)) " in transit" }
                @if !figures.in_transit.is_zero() && !figures.on_order.is_zero() { ", " }
                @if !figures.on_order.is_zero() { (text::quantity(figures.on_order)) " on order" }
            }
            td.wide.blank[flags.is_none()] { @if let Some(flags) = flags { (flags) } }
            (figure("On hand", figures.on_hand, ""))
            (figure("Reserved", figures.reserved, ""))
            (figure("Available", figures.available, "available"))
            td.number.soft data-label="Updated" {
                @if let Some(at) = item.last_updated { (text::time(at, now)) } @else { "never" }
            }
        }
    };
    Part::new(key, markup)
}

fn level_row(item: &StockItem, now: Timestamp) -> Part {
    let location = item.location.as_deref().unwrap_or(&item.warehouse);
    let lot = item.lot.as_deref().unwrap_or_default();
    let status = item.status.unwrap_or_default();
    let key = format!("{}/{}/{}", status.name(), location, lot);
    let within = location.strip_prefix(&*item.warehouse).and_then(|rest| rest.strip_prefix('/'));
    let is_free = status == ledger::Status::Available;
    let markup = html! {
        tr data-key=(key) {
            td.wide.route.inner { @if let Some(within) = within { (within) } @else { span.soft { "default bin" } } }
            td.wide.blank[lot.is_empty()] {
                (lot) @if let Some(expiry) = item.expiry { span.soft { " expires " (text::day(expiry)) } }
            }
            td.wide {
                @if is_free { span.soft { "available" } } @else { span.flag.warn { (status.name()) } }
            }
            (figure("On hand", item.figures.on_hand, ""))
            (figure("Reserved", item.figures.reserved, ""))
            @if is_free { (figure("Available", item.figures.available, "available")) }
            @else { td.number.blank { span.soft { "–" } } }
            td.number.soft data-label="Updated" {
                @if let Some(at) = item.last_updated { (text::time(at, now)) }
            }
        }
    };
    Part::new(key, markup)
}

/// What can be promised, warehouse by warehouse: now, and as receipts and expiries are expected.
pub(crate) fn render_promise(content: &Content, now: Timestamp) -> Fragment {
    let unit = &content.product.base_unit;
    let markup = html! {
        div #promise {
            @for (warehouse, availability) in &content.promises {
                (promise(warehouse, availability, unit, now))
            }
            @if content.promises.is_empty() { p.nothing { "Nothing can be promised." } }
        }
    };
    Fragment::whole("promise", markup)
}

fn promise(warehouse: &str, availability: &Availability, unit: &str, now: Timestamp) -> Markup {
    let (available, steps) = (text::quantity(availability.available), &availability.steps);
    let uncertain = availability.overdue.iter().chain(&availability.undated);
    html! {
        figure.steps {
            figcaption {
                strong { (warehouse) } " · now " strong { (available) } " " (unit)
                @if steps.is_empty() { ", nothing is expected for a date" }
            }
            @if let Some(last) = steps.last() {
                (chart::steps(availability, now, &format!(
                    "What can be promised in {warehouse}: {available} {unit} now, {} from {} on, by the steps in the table below",
                    text::quantity(last.cumulative), text::day(last.at.day()),
                )))
            }
        }
        @if !steps.is_empty() || !availability.overdue.is_empty() || !availability.undated.is_empty() {
            div.scroll {
                table.cardlike {
                    caption.unseen { "What can be promised in " (warehouse) ", step by step" }
                    thead {
                        tr {
                            th scope="col" { "From" }
                            th scope="col" { "Because of" }
                            th.number scope="col" { "Change" }
                            th.number scope="col" { "Can be promised" }
                        }
                    }
                    tbody {
                        @for step in steps.iter().take(STEPS_MAX) {
                            tr {
                                td data-label="From" { (text::day(step.at.day())) }
                                td data-label="Because of" { (because(step.kind)) " " (step.reference) }
                                td.number data-label="Change" { (text::change(step.quantity)) }
                                td.number.available data-label="Can be promised" { (text::quantity(step.cumulative)) }
                            }
                        }
                        @for receipt in uncertain.take(STEPS_MAX) { (uncertain_row(receipt)) }
                    }
                }
            }
            @if steps.len() > STEPS_MAX { p.nothing { "And " (text::length(steps.len() - STEPS_MAX)) " later changes." } }
        }
    }
}

fn uncertain_row(receipt: &Uncertain) -> Markup {
    let what = match receipt.kind {
        ExpectedKind::OnOrder => "order",
        ExpectedKind::InTransit => "shipment",
    };
    html! {
        tr {
            td data-label="From" {
                @if let Some(at) = receipt.expected_at { span.flag.warn { "overdue since " (text::day(at.day())) } }
                @else { span.soft { "no date" } }
            }
            td data-label="Because of" { (what) " " (receipt.reference) }
            td.number data-label="Change" { (text::change(receipt.quantity)) }
            td.number.soft data-label="Can be promised" { "not counted" }
        }
    }
}

const fn because(kind: StepKind) -> &'static str {
    match kind {
        StepKind::Expiry => "expiry of lot",
        StepKind::OnOrder => "order",
        StepKind::InTransit => "shipment",
    }
}

/// The pending reservations of the product.
pub(crate) fn render_reserved(content: &Content, now: Timestamp) -> Fragment {
    let parts: Vec<Part> = content.reserved.iter().map(|reserved| reserved_row(reserved, now)).collect();
    let is_empty = parts.is_empty();
    Fragment::keyed("reserved", parts, |parts| {
        html! {
            div #reserved {
                @if is_empty { p.nothing { "No reservation is open." } }
                div.scroll hidden[is_empty] {
                    table.cardlike {
                        caption.unseen { "Open reservations, newest first" }
                        thead {
                            tr {
                                th scope="col" { "Reservation" }
                                th scope="col" { "Warehouse" }
                                th.number scope="col" { "Quantity" }
                                th.number scope="col" { "Made" }
                                th.number scope="col" { "Ends" }
                            }
                        }
                        tbody data-parts { (parts) }
                    }
                }
            }
        }
    })
}

fn reserved_row(reserved: &Reserved, now: Timestamp) -> Part {
    let key = reserved.position.0.to_string();
    let markup = html! {
        tr data-key=(key) {
            th.route.wide scope="row" {
                (reserved.name)
                @if reserved.is_short { " " span.flag.bad { "short" } }
            }
            td.wide { (reserved.warehouse) }
            td.number data-label="Quantity" { (text::quantity(reserved.quantity)) }
            td.number.soft data-label="Made" { (text::time(reserved.reserved_at, now)) }
            td.number.soft data-label="Ends" { @if let Some(at) = reserved.expires_at { (text::time(at, now)) } @else { "never" } }
        }
    };
    Part::new(key, markup)
}

/// The last movements of the product.
pub(crate) fn render_movements(content: &Content, now: Timestamp) -> Fragment {
    render_rows(&content.movements, false, now, &html! {})
}

/// The page's parts in their places: card, sums, levels, promise, reserved, movements.
pub(crate) fn body(fragments: &[Fragment; 6]) -> Markup {
    let [card, sums, levels, promise, reserved, movements] = fragments;
    let sheet = |id: &str, heading: &str, fragment: &Fragment| {
        html! {
            section.sheet aria-labelledby=(id) {
                header { h2 id=(id) { (heading) } }
                (fragment)
            }
        }
    };
    html! {
        div {
            a.crumb href="/" { "All stock" }
            (card)
        }
        (sums)
        (sheet("levels-heading", "Levels", levels))
        div.columns {
            (sheet("promise-heading", "Available to promise", promise))
            (sheet("reserved-heading", "Open reservations", reserved))
        }
        (sheet("movements-heading", "Last movements", movements))
    }
}
