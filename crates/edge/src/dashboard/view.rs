//! The pages: which there are, what each reads, and the fragments and body that are made of it.

use crate::App;
use crate::dashboard::entries::Entries;
use crate::dashboard::fragment::Fragment;
use crate::dashboard::layout::{self, Tab, Waiting};
use crate::dashboard::pulse::{self, Pulse};
use crate::dashboard::scan::FirstSeen;
use crate::dashboard::{
    Params, alert, alert_history, alerts, channels, device, devices, held, inferences, movements, product, recounts,
    rules, shipment, shipments, stock, text,
};
use axum::http::StatusCode;
use ledger::{Position, Timestamp};
use maud::{Markup, html};
use std::sync::Arc;

/// What the pages share beside the server's state.
#[derive(Clone, Default)]
pub(crate) struct Desk {
    pub(crate) pulse: Arc<Pulse>,
    pub(crate) entries: Arc<Entries>,
    pub(crate) first_seen: Arc<FirstSeen>,
}

/// A page with what narrows it.
#[derive(Clone, Debug)]
pub(crate) enum View {
    Stock(stock::Filter),
    Product(String),
    Movements(movements::Filter),
    /// With the input that was just dealt with.
    Held(held::Filter, Option<Position>),
    Recounts(recounts::Filter),
    Devices(devices::Filter),
    Device(device::Filter),
    /// With what was just said of one.
    Inferences(inferences::Filter, String),
    /// With what was just done with a notice.
    Channels(channels::Filter, String),
    /// With what was just done.
    Alerts(alerts::Filter, String),
    Alert(Position, String),
    AlertHistory(alert_history::Filter),
    Rules(rules::Filter, String),
    Shipments(shipments::Filter),
    Shipment(String),
}

/// A page, painted: its fragments, and the body that has them in it.
pub(crate) struct Painted {
    pub(crate) status: StatusCode,
    pub(crate) title: String,
    pub(crate) body: Markup,
    /// The navigation first, then those of the body. Empty but for the navigation when the page has no news.
    pub(crate) fragments: Vec<Fragment>,
}

impl View {
    /// The page that a live stream asks for.
    pub(crate) fn of(params: &Params) -> Option<Self> {
        Some(match params.text("page") {
            "stock" => Self::Stock(stock::Filter::of(params)),
            "product" => Self::Product(params.text("id").to_owned()),
            "movements" => Self::Movements(movements::Filter::of(params)),
            "held" => Self::Held(held::Filter::of(params), None),
            "recounts" => Self::Recounts(recounts::Filter::of(params)),
            "devices" => Self::Devices(devices::Filter::of(params)),
            "device" => Self::Device(device::Filter::of(params.text("id").to_owned(), params)),
            "inferences" => Self::Inferences(inferences::Filter::of(params), String::new()),
            "channels" => Self::Channels(channels::Filter::of(params), String::new()),
            "alerts" => Self::Alerts(alerts::Filter::of(params), String::new()),
            "alert" => Self::Alert(Position(params.text("id").parse().ok()?), String::new()),
            "alert-history" => Self::AlertHistory(alert_history::Filter::of(params)),
            "rules" => Self::Rules(rules::Filter::of(params), String::new()),
            "shipments" => Self::Shipments(shipments::Filter::of(params)),
            "shipment" => Self::Shipment(params.text("id").to_owned()),
            _ => return None,
        })
    }

    /// Where the news of this page come from: reads back by [`of`](Self::of).
    pub(crate) fn live_address(&self) -> String {
        let mut parameters = Vec::new();
        let id;
        match self {
            Self::Stock(filter) => {
                parameters.push(("page", "stock"));
                parameters.extend(filter.parameters(filter.cursor()));
            }
            Self::Product(name) => parameters.extend([("page", "product"), ("id", name.as_str())]),
            Self::Movements(filter) => {
                parameters.push(("page", "movements"));
                parameters.extend(filter.parameters(filter.cursor()));
            }
            Self::Held(filter, _) => {
                parameters.push(("page", "held"));
                parameters.extend(filter.parameters(filter.cursor()));
            }
            Self::Recounts(filter) => {
                parameters.push(("page", "recounts"));
                parameters.extend(filter.parameters(filter.cursor()));
            }
            Self::Devices(filter) => {
                parameters.push(("page", "devices"));
                parameters.extend(filter.parameters());
            }
            Self::Device(filter) => {
                parameters.push(("page", "device"));
                parameters.extend(filter.parameters());
            }
            Self::Inferences(filter, _) => {
                parameters.push(("page", "inferences"));
                parameters.extend(filter.parameters(filter.cursor()));
            }
            Self::Channels(filter, _) => {
                parameters.push(("page", "channels"));
                parameters.extend(filter.parameters(filter.cursor()));
            }
            Self::Alerts(filter, _) => {
                parameters.push(("page", "alerts"));
                parameters.extend(filter.parameters(filter.cursor()));
            }
            Self::Alert(alert, _) => {
                id = alert.to_string();
                parameters.extend([("page", "alert"), ("id", id.as_str())]);
            }
            Self::AlertHistory(filter) => {
                parameters.push(("page", "alert-history"));
                parameters.extend(filter.parameters());
            }
            Self::Rules(filter, _) => {
                parameters.push(("page", "rules"));
                parameters.extend(filter.parameters(filter.cursor()));
            }
            Self::Shipments(filter) => {
                parameters.push(("page", "shipments"));
                parameters.extend(filter.parameters());
            }
            Self::Shipment(shipment) => parameters.extend([("page", "shipment"), ("id", shipment.as_str())]),
        }
        text::address("/live", &parameters)
    }

    const fn tab(&self) -> Tab {
        match self {
            Self::Stock(_) | Self::Product(_) => Tab::Stock,
            Self::Movements(_) => Tab::Movements,
            Self::Held(..) => Tab::Held,
            Self::Recounts(_) => Tab::Recounts,
            Self::Devices(_) | Self::Device(_) => Tab::Devices,
            Self::Inferences(..) => Tab::Inferences,
            Self::Channels(..) => Tab::Channels,
            Self::Alerts(..) | Self::Alert(..) | Self::AlertHistory(_) | Self::Rules(..) => Tab::Alerts,
            Self::Shipments(_) | Self::Shipment(_) => Tab::Shipments,
        }
    }

    /// Paints the page. May read files: not for threads that must not wait.
    ///
    /// # Errors
    /// Those of reading the history index and the journal.
    pub(crate) fn paint(&self, app: &App, desk: &Desk) -> Result<Painted, engine::Error> {
        let now = app.engine().now();
        let mut painted = self.paint_body(app, desk, now)?;
        painted.fragments.insert(0, layout::navigation(self.tab(), &Waiting::of(app)));
        Ok(painted)
    }

    // Each read holds the views only until it has copied out what is shown; rendering comes after.
    fn paint_body(&self, app: &App, desk: &Desk, now: Timestamp) -> Result<Painted, engine::Error> {
        let engine = app.engine();
        Ok(match self {
            Self::Stock(filter) => {
                let (content, totals) = {
                    let views = engine.views();
                    (stock::read(&views, filter), views.totals())
                };
                let fragments = vec![
                    pulse::render_pulse(&desk.pulse.figures(app, totals)),
                    stock::render_warehouses(&content, filter),
                    stock::render_stock(&content, filter, now),
                ];
                let body = stock::body(&content, filter, &fragments[0], &fragments[1], &fragments[2]);
                Painted { status: StatusCode::OK, title: "Stock".to_owned(), body, fragments }
            }
            Self::Product(name) => match product::read(engine, &desk.entries, name, now)? {
                Some(content) => paint_product(name, &content, now),
                None => unknown_product(name),
            },
            Self::Movements(filter) => {
                let content = movements::read(&engine.views(), filter);
                let fragment = movements::render_movements(&content, filter, now);
                paint_one("Movements", movements::body(&content, filter, &fragment), fragment)
            }
            Self::Held(filter, done) => {
                let content = held::read(&engine.views(), filter);
                let fragment = held::render_held(&content, filter, now);
                paint_one("Held inputs", held::body(&content, filter, *done, &fragment), fragment)
            }
            Self::Recounts(filter) => {
                let content = recounts::read(&engine.views(), filter);
                let fragment = recounts::render_recounts(&content, filter, now);
                paint_one("Recounts", recounts::body(&content, filter, &fragment), fragment)
            }
            Self::Channels(filter, done) => paint_channels(app, filter, done, now)?,
            Self::Devices(_) | Self::Device(_) | Self::Inferences(..) => self.paint_sensed(app, now)?,
            Self::Alerts(..) | Self::Alert(..) | Self::AlertHistory(_) | Self::Rules(..) => self.paint_alerts(app, now),
            Self::Shipments(filter) => paint_shipments(app, filter, now),
            Self::Shipment(name) => paint_shipment(app, name, now),
        })
    }

    /// Paints a page about alerts.
    fn paint_alerts(&self, app: &App, now: Timestamp) -> Painted {
        let engine = app.engine();
        match self {
            Self::Alert(id, done) => {
                let content = alert::read(&engine.views(), *id);
                content.map_or_else(|| unknown_alert(*id), |content| paint_alert(&content, done, now))
            }
            Self::AlertHistory(filter) => {
                let content = alert_history::read(&engine.views(), filter, now);
                let fragment = alert_history::render_history(&content, filter);
                paint_one("Alert history", alert_history::body(filter, &fragment), fragment)
            }
            Self::Rules(filter, done) => {
                let content = rules::read(&engine.views(), filter);
                let fragment = rules::render_rules(&content, filter);
                paint_one("Rules", rules::body(filter, done, &fragment), fragment)
            }
            _ => {
                let (none, nothing_done) = (alerts::Filter::default(), String::new());
                let (filter, done) =
                    if let Self::Alerts(filter, done) = self { (filter, done) } else { (&none, &nothing_done) };
                let content = alerts::read(&engine.views(), filter);
                let fragments =
                    vec![alerts::render_states(&content, filter), alerts::render_alerts(&content, filter, now)];
                let body = alerts::body(&content, filter, done, &fragments[0], &fragments[1]);
                Painted { status: StatusCode::OK, title: "Alerts".to_owned(), body, fragments }
            }
        }
    }

    /// Paints a page about devices.
    fn paint_sensed(&self, app: &App, now: Timestamp) -> Result<Painted, engine::Error> {
        let Some(sensed) = app.sensed() else { return Ok(no_sensing()) };
        Ok(match self {
            Self::Device(filter) => match device::read(app, sensed, filter, now)? {
                Some(content) => paint_device(&filter.device, &content, now),
                None => unknown_device(&filter.device),
            },
            Self::Inferences(filter, done) => {
                let content = inferences::read(sensed, filter)?;
                let fragment = inferences::render_inferences(&content, filter, now);
                paint_one("Quarantine", inferences::body(filter, done, &fragment), fragment)
            }
            _ => {
                let filter = if let Self::Devices(filter) = self { filter } else { &devices::Filter::default() };
                let content = devices::read(app, sensed, filter);
                let fragment = devices::render_devices(&content, now);
                paint_one("Devices", devices::body(&content, filter, &fragment), fragment)
            }
        })
    }
}

fn paint_shipments(app: &App, filter: &shipments::Filter, now: Timestamp) -> Painted {
    match shipments::read(app, filter, now) {
        Some(content) => {
            let fragment = shipments::render_shipments(&content, now);
            paint_one("Shipments", shipments::body(filter, &fragment), fragment)
        }
        None => busy(),
    }
}

fn paint_shipment(app: &App, name: &str, now: Timestamp) -> Painted {
    let Some(content) = shipment::read(app, name, now) else {
        let words = html! {
            p { "Nothing is known of a shipment “" strong { (name) } "”, or it was over more than thirty days ago." }
            p { a href="/shipments" { "All shipments" } }
        };
        return paint_message(StatusCode::NOT_FOUND, "Unknown shipment", &words);
    };
    let fragments = [
        shipment::render_card(&content, now),
        shipment::render_map(&content),
        shipment::render_timeline(&content),
        shipment::render_lines(&content),
        shipment::render_alerts(&content, now),
    ];
    let body = shipment::body(&fragments);
    Painted { status: StatusCode::OK, title: name.to_owned(), body, fragments: fragments.into() }
}

fn busy() -> Painted {
    let words = html! { p { "The engine takes no questions at the moment; load the page again." } };
    paint_message(StatusCode::SERVICE_UNAVAILABLE, "Not now", &words)
}

fn paint_channels(app: &App, filter: &channels::Filter, done: &str, now: Timestamp) -> Result<Painted, engine::Error> {
    let Some(telling) = app.telling() else {
        let words = html! { p { "This server tells nobody of alerts." } };
        return Ok(paint_message(StatusCode::SERVICE_UNAVAILABLE, "Nobody is told", &words));
    };
    let content = channels::read(telling, filter)?;
    let fragments = [channels::render_channels(&content, now), channels::render_notices(&content, filter, now)];
    let body = channels::body(filter, done, &fragments[0], &fragments[1]);
    Ok(Painted { status: StatusCode::OK, title: "Channels".to_owned(), body, fragments: fragments.into() })
}

fn paint_device(name: &str, content: &device::Content, now: Timestamp) -> Painted {
    let fragments = [
        device::render_card(content),
        device::render_figures(content, now),
        device::render_chart(content),
        device::render_readings(content, now),
        device::render_concluded(content, now),
    ];
    let body = device::body(&fragments);
    Painted { status: StatusCode::OK, title: name.to_owned(), body, fragments: fragments.into() }
}

fn paint_alert(content: &alert::Content, done: &str, now: Timestamp) -> Painted {
    let fragments = [
        alert::render_card(content, now),
        alert::render_figures(content, now),
        alert::render_ways(content),
        alert::render_life(content, now),
    ];
    let body = alert::body(&fragments, done);
    Painted { status: StatusCode::OK, title: "Alert".to_owned(), body, fragments: fragments.into() }
}

fn unknown_alert(id: Position) -> Painted {
    let words = html! {
        p { "There is no alert " (text::count(id.0)) ", or it was over too long ago." }
        p { a href="/alerts" { "All alerts" } }
    };
    paint_message(StatusCode::NOT_FOUND, "Unknown alert", &words)
}

fn unknown_device(name: &str) -> Painted {
    let words = html! {
        p { "No device is called “" strong { (name) } "”: it was never declared, and nothing was ever heard of it." }
        p { a href="/devices" { "All devices" } }
    };
    paint_message(StatusCode::NOT_FOUND, "Unknown device", &words)
}

fn no_sensing() -> Painted {
    let words = html! { p { "This server does not follow what devices say." } };
    paint_message(StatusCode::SERVICE_UNAVAILABLE, "Nobody listens to devices", &words)
}

fn paint_message(status: StatusCode, title: &str, words: &Markup) -> Painted {
    Painted { status, title: title.to_owned(), body: layout::message(title, words), fragments: Vec::new() }
}

fn paint_one(title: &str, body: Markup, fragment: Fragment) -> Painted {
    Painted { status: StatusCode::OK, title: title.to_owned(), body, fragments: vec![fragment] }
}

fn paint_product(name: &str, content: &product::Content, now: Timestamp) -> Painted {
    let fragments = [
        product::render_card(content),
        product::render_sums(content),
        product::render_levels(content, now),
        product::render_promise(content, now),
        product::render_reserved(content, now),
        product::render_movements(content, now),
    ];
    let body = product::body(&fragments);
    Painted { status: StatusCode::OK, title: name.to_owned(), body, fragments: fragments.into() }
}

/// What stands at the address of a product that nobody ever named.
pub(crate) fn unknown_product(name: &str) -> Painted {
    let words = html! {
        p { "No product is called “" strong { (name) } "”: it was never declared, and no event has named it." }
        p { a href=(text::address("/", &[("q", name)])) { "Search the stock for it" } }
    };
    Painted {
        status: StatusCode::NOT_FOUND,
        title: "Unknown product".to_owned(),
        body: layout::message("Unknown product", &words),
        fragments: Vec::new(),
    }
}
