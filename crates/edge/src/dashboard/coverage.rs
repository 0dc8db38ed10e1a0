//! `/coverage`: what nothing watches: places that nobody sees, stock without a rule, sources that fell silent.

use crate::App;
use crate::dashboard::layout::{self, Tab, Waiting};
use crate::dashboard::stock::{figure, pager, product_link};
use crate::dashboard::{Params, frame, html_page, message_page, text};
use crate::http::Problem;
use crate::survey::{self, Map, PlaceCover, SourceItem, UnruledProduct};
use axum::Router;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::get;
use ledger::Timestamp;
use maud::{Markup, html};
use std::collections::BTreeMap;
use watch::Condition;
use watch::coverage::{Cover, Days, Sight, Spot, zone_of};

/// Places of the map that are drawn; beyond that the interface has them.
const SPOTS_SHOWN: usize = 400;
/// Rows of a table.
const ROWS: usize = 50;
/// Sources that are shown, the silent first.
const SOURCES_SHOWN: usize = 300;
/// The states of a source, the worst first, and whether each is bad.
const STATES: [(&str, &str); 5] =
    [("silent", "bad"), ("late", "warn"), ("never_heard", "warn"), ("unwatched", ""), ("heard", "good")];

pub(crate) fn router() -> Router<App> {
    Router::new().route("/coverage", get(show))
}

struct Content {
    map: Map,
    products: (Vec<UnruledProduct>, Option<String>),
    places: (Vec<PlaceCover>, Option<String>),
    sources: Vec<SourceItem>,
    now: Timestamp,
}

async fn show(State(app): State<App>, params: Query<Params>) -> Response {
    let (products, places) = (params.text("products").to_owned(), params.text("places").to_owned());
    let (from, after) = (products.clone(), places.clone());
    match survey::run(&app, move |app| read(app, &from, &after)).await {
        Ok(content) => {
            let navigation = layout::navigation(Tab::Coverage, &Waiting::of(&app));
            let body = body(&content, &products, &places);
            html_page(StatusCode::OK, &layout::page(&frame(&app, "Coverage", Some(&navigation), ""), &body))
        }
        Err(problem) => {
            message_page(&app, problem.status(), "This cannot be looked up now", &html! { p { (problem.detail) } })
        }
    }
}

fn read(app: &App, products: &str, places: &str) -> Result<Content, Problem> {
    let map = survey::map(app, None, 2, Days::default())?;
    let (unruled, next, _) = survey::unruled_products(app, products.parse().unwrap_or(0), ROWS)?;
    let (unruled_places, next_place, _) = survey::unruled_places(app, places, ROWS)?;
    let (mut sources, _) = survey::sources(app)?;
    let now = app.engine().now();
    // A stable sort: within a state by name.
    sources.sort_by_key(|source| STATES.iter().position(|(state, _)| *state == source.state(now)));
    Ok(Content {
        map,
        products: (unruled, next.map(|next| next.to_string())),
        places: (unruled_places, next_place),
        sources,
        now,
    })
}

fn body(content: &Content, products: &str, places: &str) -> Markup {
    html! {
        div.intro {
            h1 { "Coverage" }
            p.soft { "What nothing watches: places that nobody sees, stock that no rule covers, sources that fell silent." }
        }
        (blind_spots(&content.map))
        (unruled_products(content, products, places))
        (unruled_places(content, products, places))
        (sources(content))
    }
}

/// What each sight means, for the legend.
const LEGEND: [(Sight, &str); 4] = [
    (Sight::Blind, "no device was heard in time, and nobody has counted"),
    (Sight::Counted, "no device was heard in time; somebody has counted"),
    (Sight::Seen, "a device was heard within its interval"),
    (Sight::Empty, "a device, and no stock"),
];

fn blind_spots(map: &Map) -> Markup {
    let mut warehouses: BTreeMap<&str, Vec<&Spot>> = BTreeMap::new();
    for spot in map.spots.iter().take(SPOTS_SHOWN) {
        warehouses.entry(zone_of(&spot.place, 1)).or_default().push(spot);
    }
    let hidden = map.spots.len().saturating_sub(SPOTS_SHOWN) + map.left_out;
    let blind = map.spots.iter().filter(|spot| spot.sight == Sight::Blind).count();
    html! {
        section.sheet aria-labelledby="blind" {
            header {
                div.lead {
                    h2 #blind { "Blind spots" }
                    p.soft { (text::length(blind)) " of " (text::length(map.spots.len())) " places are blind: stock stands there, and in 90 days nobody has looked." }
                }
                ul.legend aria-label="What the patterns mean" {
                    @for (sight, words) in LEGEND { li { span.swatch data-sight=(sight.name()) {} strong { (sight.name()) } " – " (words) } }
                }
            }
            @if map.spots.is_empty() { p.nothing { "No stock and no device anywhere yet." } }
            @for (warehouse, spots) in &warehouses {
                div.warehouse {
                    h3 { (warehouse) }
                    ul.map { @for spot in spots { (cell(spot)) } }
                }
            }
            @if hidden > 0 {
                p.nothing { (text::length(hidden)) " more places are not shown; " a href="/v1/blind-spots" { "the interface" } " has them." }
            }
        }
    }
}

fn cell(spot: &Spot) -> Markup {
    let zone = spot.place.split_once('/').map_or("the warehouse as a whole", |(_, zone)| zone);
    html! {
        li data-sight=(spot.sight.name()) {
            div {
                strong { (zone) }
                span.flag .bad[spot.sight == Sight::Blind] .warn[spot.sight == Sight::Counted] .good[spot.sight == Sight::Seen] { (spot.sight.name()) }
            }
            p.soft {
                (text::length(spot.balances)) " balances, " (text::length(spot.counted)) " counted; "
                (text::length(spot.heard)) " of " (text::length(spot.devices)) " devices heard"
            }
            @for reason in &spot.reasons { p { (reason) } }
            @if spot.sight == Sight::Blind {
                p { a href=(text::address("/recounts/proposed", &[("warehouse", zone_of(&spot.place, 1))])) { "Propose counts" span.unseen { " for " (zone_of(&spot.place, 1)) ", because of " (zone) } } }
            }
        }
    }
}

fn conditions(covers: &[(Condition, Cover)]) -> Markup {
    let of = |wanted: Cover| {
        let names = covers
            .iter()
            .filter(move |(_, cover)| *cover == wanted)
            .map(|(condition, _)| text::words(condition.name()));
        names.collect::<Vec<_>>().join(", ")
    };
    html! {
        td.wide.soft { (of(Cover::None)) }
        td.wide.soft { (of(Cover::BuiltIn)) }
    }
}

fn rule_address(product: &str, location: &str) -> String {
    text::address("/rules/edit", &[("condition", "low_stock"), ("product_id", product), ("location", location)])
}

fn unruled_products(content: &Content, cursor: &str, places: &str) -> Markup {
    let (rows, next) = &content.products;
    let address =
        |cursor: &str| format!("{}#products", text::address("/coverage", &[("products", cursor), ("places", places)]));
    html! {
        section.sheet aria-labelledby="products" {
            header {
                div.lead {
                    h2 #products { "Products without a rule" }
                    p.soft { "For these nobody has declared a rule over stock. Built-in rules are told apart." }
                }
            }
            @if rows.is_empty() {
                p.nothing { @if next.is_some() { "None on this page; there may be more on the next." } @else { "Every product at every place is covered by a rule." } }
            } @else {
                div.scroll tabindex="0" role="region" aria-label="Products without a rule" {
                    table.cardlike {
                        caption.unseen { "Products at places that no declared rule covers" }
                        thead {
                            tr {
                                th scope="col" { "Product" }
                                th scope="col" { "Place" }
                                th.number scope="col" { "On hand" }
                                th scope="col" { "Not watched for" }
                                th scope="col" { "Watched by built-in rules" }
                                th scope="col" { "Rule" }
                            }
                        }
                        tbody {
                            @for row in rows {
                                tr {
                                    th.product.wide scope="row" { (product_link(&row.product)) }
                                    td.wide { (row.place) }
                                    (figure("On hand", row.on_hand, ""))
                                    (conditions(&row.covers))
                                    td data-label="Rule" { a href=(rule_address(&row.product, &row.place)) { "Make a rule" span.unseen { " for " (row.product) " at " (row.place) } } }
                                }
                            }
                        }
                    }
                }
            }
            (pager(next.as_deref().map(address), (!cursor.is_empty()).then(|| address(""))))
        }
    }
}

fn unruled_places(content: &Content, products: &str, cursor: &str) -> Markup {
    let (rows, next) = &content.places;
    let address =
        |cursor: &str| format!("{}#places", text::address("/coverage", &[("products", products), ("places", cursor)]));
    html! {
        section.sheet aria-labelledby="places" {
            header {
                div.lead {
                    h2 #places { "Places without a rule" }
                    p.soft { "Warehouses and zones in which no declared rule covers whatever may come in." }
                }
            }
            @if rows.is_empty() { p.nothing { "Every warehouse and zone is covered by a rule." } } @else {
                div.scroll tabindex="0" role="region" aria-label="Places without a rule" {
                    table.cardlike {
                        caption.unseen { "Warehouses and zones that no declared rule covers" }
                        thead {
                            tr {
                                th scope="col" { "Place" }
                                th scope="col" { "Not watched for" }
                                th scope="col" { "Watched by built-in rules" }
                                th scope="col" { "Rule" }
                            }
                        }
                        tbody {
                            @for (place, covers) in rows {
                                tr {
                                    th.wide scope="row" { (place) }
                                    (conditions(covers))
                                    td data-label="Rule" { a href=(rule_address("", place)) { "Make a rule" span.unseen { " for " (place) } } }
                                }
                            }
                        }
                    }
                }
            }
            (pager(next.as_deref().map(address), (!cursor.is_empty()).then(|| address(""))))
        }
    }
}

fn sources(content: &Content) -> Markup {
    let hidden = content.sources.len().saturating_sub(SOURCES_SHOWN);
    html! {
        section.sheet aria-labelledby="sources" {
            header {
                div.lead {
                    h2 #sources { "Sources" }
                    p.soft { "Devices and systems that send: when each was last heard, and whether anybody is told when it falls silent." }
                }
            }
            @if content.sources.is_empty() { p.nothing { "Nothing has been heard of anybody yet." } } @else {
                div.scroll tabindex="0" role="region" aria-label="Sources" {
                    table.cardlike {
                        caption.unseen { "Sources, the silent first" }
                        thead {
                            tr {
                                th scope="col" { "Source" }
                                th scope="col" { "State" }
                                th scope="col" { "Place" }
                                th scope="col" { "Kind" }
                                th.number scope="col" { "Last heard" }
                                th.number scope="col" { "Should speak every" }
                                th.number scope="col" { "Told after" }
                            }
                        }
                        tbody { @for source in content.sources.iter().take(SOURCES_SHOWN) { (source_row(source, content.now)) } }
                    }
                }
            }
            @if hidden > 0 { p.nothing { (text::length(hidden)) " more are not shown; " a href="/v1/coverage?kind=devices" { "the interface" } " has them." } }
        }
    }
}

fn source_row(source: &SourceItem, now: Timestamp) -> Markup {
    let state = source.state(now);
    let tone = STATES.iter().find(|(name, _)| *name == state).map_or("", |(_, tone)| tone);
    let card = source.card.as_ref();
    let told_after = source.facts.and_then(|facts| facts.silent_after);
    html! {
        tr data-source=(source.name) {
            th.product.wide scope="row" {
                @if card.is_some() { a href=(text::device_address(&source.name)) { (source.name) } } @else { (source.name) }
            }
            td.wide { span.flag .bad[tone == "bad"] .warn[tone == "warn"] .good[tone == "good"] { (text::words(state)) } }
            td.wide { (card.map_or("", |card| &card.location)) }
            td data-label="Kind" { (card.map_or_else(|| "not declared".to_owned(), |card| text::words(&card.kind))) }
            td.number data-label="Last heard" {
                @match source.last_heard() {
                    Some(at) => (text::time(at, now)),
                    None => span.soft { "never" },
                }
            }
            td.number data-label="Should speak every" { (source.interval().map_or_else(|| "–".to_owned(), text::span)) }
            td.number data-label="Told after" { (told_after.map_or_else(|| "never".to_owned(), text::span)) }
        }
    }
}
