//! The pages that people look at.
//!
//! Every page is painted on the server and works without scripts: links and forms. What changes in a page stands in
//! [`fragment`]s; the page wraps the very markup that [`live`] sends again when it changed, so that the first paint and
//! a live update cannot differ. The pages decide nothing: they show what the views answer, and hand in requests like any
//! other sender.
//!
//! Invariant: all text from outside is escaped, by `maud`; nothing here is marked as safe but our own drawings.
//!
//! Start with [`view`], where each page says what it reads and shows.

mod alert;
mod alert_act;
mod alert_history;
mod alerts;
mod assets;
mod band;
mod channels;
mod chart;
mod coverage;
mod device;
mod devices;
mod entries;
mod fragment;
mod held;
mod inferences;
mod judge;
mod layout;
mod live;
mod map;
mod mend;
mod movements;
mod product;
mod proposed;
mod pulse;
mod recounts;
mod resend;
mod rule_form;
mod rule_trial;
mod rules;
mod scan;
mod shipment;
mod shipments;
mod sign_in;
mod stock;
#[cfg(test)]
mod tests;
pub(crate) mod text;
mod view;

use crate::App;
use crate::Auth;
use crate::dashboard::layout::{Frame, Tab, Waiting};
use crate::dashboard::view::{Desk, View};
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use axum::{Extension, Router};
use maud::{Markup, html};
use std::collections::HashMap;

/// The routes of the pages. Begins to sample the throughput: call it where tokio runs.
pub fn router(app: &App) -> Router<App> {
    let desk = Desk::default();
    desk.pulse.start(app);
    Router::new()
        .route(
            "/",
            get(async |app, desk, params: Query<Params>| {
                page(app, desk, View::Stock(stock::Filter::of(&params))).await
            }),
        )
        .route("/products", get(product_by_query))
        .route("/products/{id}", get(async |app, desk, Path(id)| page(app, desk, View::Product(id)).await))
        .route(
            "/movements",
            get(async |app, desk, params: Query<Params>| {
                page(app, desk, View::Movements(movements::Filter::of(&params))).await
            }),
        )
        .route("/held", get(held_page))
        .route("/shipments", get(shipments_page))
        .route("/shipments/{id}", get(async |app, desk, Path(id)| page(app, desk, View::Shipment(id)).await))
        .route(
            "/recounts",
            get(async |app, desk, params: Query<Params>| {
                page(app, desk, View::Recounts(recounts::Filter::of(&params))).await
            }),
        )
        .route(
            "/alerts",
            get(async |app, desk, params: Query<Params>| {
                let done = params.text("done").to_owned();
                page(app, desk, View::Alerts(alerts::Filter::of(&params), done)).await
            }),
        )
        .route("/alerts/{id}", get(alert_page))
        .route(
            "/alerts/history",
            get(async |app, desk, params: Query<Params>| {
                page(app, desk, View::AlertHistory(alert_history::Filter::of(&params))).await
            }),
        )
        .route(
            "/rules",
            get(async |app, desk, params: Query<Params>| {
                let done = params.text("done").to_owned();
                page(app, desk, View::Rules(rules::Filter::of(&params), done)).await
            }),
        )
        .route("/devices", get(devices_page))
        .route(
            "/devices/{device}",
            get(async |app, desk, Path(id): Path<String>, params: Query<Params>| {
                page(app, desk, View::Device(device::Filter::of(id, &params))).await
            }),
        )
        .route(
            "/inferences",
            get(async |app, desk, params: Query<Params>| {
                let done = params.text("done").to_owned();
                page(app, desk, View::Inferences(inferences::Filter::of(&params), done)).await
            }),
        )
        .route(
            "/channels",
            get(async |app, desk, params: Query<Params>| {
                let done = params.text("done").to_owned();
                page(app, desk, View::Channels(channels::Filter::of(&params), done)).await
            }),
        )
        .route("/live", get(live_page))
        .merge(mend::router())
        .merge(judge::router())
        .merge(resend::router())
        .merge(alert_act::router())
        .merge(rule_form::router())
        .merge(scan::router())
        .merge(proposed::router())
        .merge(coverage::router())
        .merge(sign_in::router())
        .merge(assets::router())
        .layer(Extension(desk))
}

/// A query's parameters. Pages are lenient: what they don't know they leave out.
#[derive(serde::Deserialize)]
#[serde(transparent)]
pub(crate) struct Params(HashMap<String, String>);

impl Params {
    /// A parameter, trimmed; empty when it is absent.
    pub(crate) fn text(&self, name: &str) -> &str {
        self.0.get(name).map_or("", |value| value.trim())
    }
}

async fn product_by_query(app: State<App>, desk: Extension<Desk>, params: Query<Params>) -> Response {
    match params.text("id") {
        "" => Redirect::to("/").into_response(),
        id => page(app, desk, View::Product(id.to_owned())).await,
    }
}

async fn devices_page(app: State<App>, desk: Extension<Desk>, params: Query<Params>) -> Response {
    let view = match params.text("id") {
        "" => View::Devices(devices::Filter::of(&params)),
        id => View::Device(device::Filter::of(id.to_owned(), &params)),
    };
    page(app, desk, view).await
}

async fn alert_page(app: State<App>, desk: Extension<Desk>, Path(id): Path<String>, params: Query<Params>) -> Response {
    match id.parse() {
        Ok(id) => page(app, desk, View::Alert(ledger::Position(id), params.text("done").to_owned())).await,
        Err(_) => no_such_page(&app, &format!("/alerts/{id}")),
    }
}

async fn shipments_page(app: State<App>, desk: Extension<Desk>, params: Query<Params>) -> Response {
    let view = match params.text("id") {
        "" => View::Shipments(shipments::Filter::of(&params)),
        id => View::Shipment(id.to_owned()),
    };
    page(app, desk, view).await
}

async fn held_page(app: State<App>, desk: Extension<Desk>, params: Query<Params>) -> Response {
    let done = params.text("done").parse().ok().map(ledger::Position);
    page(app, desk, View::Held(held::Filter::of(&params), done)).await
}

async fn live_page(State(app): State<App>, Extension(desk): Extension<Desk>, params: Query<Params>) -> Response {
    match View::of(&params) {
        Some(view) => live::stream(app, desk, view),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

async fn page(State(app): State<App>, Extension(desk): Extension<Desk>, view: View) -> Response {
    let paint = {
        let (app, desk, view) = (app.clone(), desk.clone(), view.clone());
        move || view.paint(&app, &desk)
    };
    match tokio::task::spawn_blocking(paint).await.expect("a page that panics is a bug, told by the layer above") {
        Ok(painted) => {
            let live = if painted.status == StatusCode::OK { view.live_address() } else { String::new() };
            let frame = frame(&app, &painted.title, painted.fragments.first(), &live);
            html_page(painted.status, &layout::page(&frame, &painted.body))
        }
        Err(error) => {
            tracing::error!(%error, "a page could not be read");
            let words = html! {
                p { "The journal or its index could not be read. Nothing that was acknowledged is lost; the log says what failed." }
                p { code { (error) } }
            };
            message_page(&app, StatusCode::INTERNAL_SERVER_ERROR, "This page cannot be shown", &words)
        }
    }
}

fn frame<'a>(app: &App, title: &'a str, navigation: Option<&'a fragment::Fragment>, live: &'a str) -> Frame<'a> {
    Frame {
        title,
        navigation,
        live,
        now: app.engine().now(),
        is_demo: app.settings().demo,
        can_sign_out: navigation.is_some() && matches!(app.auth(), Auth::Token(_)),
        assets: &[],
    }
}

/// A page inside the frame that says one thing.
pub(crate) fn message_page(app: &App, status: StatusCode, title: &str, words: &Markup) -> Response {
    let navigation = layout::navigation(Tab::None, &Waiting::of(app));
    let body = layout::message(title, words);
    html_page(status, &layout::page(&frame(app, title, Some(&navigation), ""), &body))
}

/// The page for a path that leads nowhere.
pub(crate) fn no_such_page(app: &App, path: &str) -> Response {
    let words = html! { p { "There is no page at " code { (path) } "." } };
    message_page(app, StatusCode::NOT_FOUND, "No such page", &words)
}

fn html_page(status: StatusCode, markup: &Markup) -> Response {
    let headers = [(CONTENT_TYPE, "text/html; charset=utf-8"), (CACHE_CONTROL, "no-store")];
    (status, headers, markup.0.clone()).into_response()
}
