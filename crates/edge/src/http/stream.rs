//! `GET /v1/stream`: changes of stock and alerts as they are committed, as server-sent events.
//!
//! Nothing is buffered for a client: what it has not been sent is read from the engine's feed again, so that a slow
//! client gets fewer, newer figures. Every event's id is a journal position, from which a client goes on after a break.

use crate::App;
use crate::http::Problem;
use crate::http::alerts::{AlertReply, SEVERITIES};
use crate::http::json;
use crate::http::page::ItemReply;
use crate::http::past::is_within;
use crate::http::query::Params;
use crate::http::stock::StockLine;
use crate::serve::stopped;
use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, Uri};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use engine::{AlertNews, Change};
use ledger::{Position, Severity};
use serde::Serialize;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use utoipa::ToSchema;
use views::{AlertItem, AlertState, GroupBy, StockQuery, Views};

/// At least this long between two batches: twenty a second.
const PAUSE: Duration = Duration::from_millis(50);
/// A comment after this long without an event keeps proxies from hanging up.
const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// Events between us and the connection.
const IN_FLIGHT_MAX: usize = 8;

pub(crate) fn router() -> Router<App> {
    Router::new().route("/v1/stream", get(follow))
}

/// What a client wants to hear of.
struct Filter {
    kinds: Kinds,
    product: Option<String>,
    warehouse: Option<String>,
    location: Option<String>,
    severity_min: Option<Severity>,
    condition: Option<String>,
}

/// Which events a client wants.
#[derive(Clone, Copy)]
struct Kinds {
    stock: bool,
    alerts: bool,
}

/// What `events` may say.
const KINDS: [(&str, Kinds); 4] = [
    ("stock", Kinds { stock: true, alerts: false }),
    ("alert", Kinds { stock: false, alerts: true }),
    ("stock,alert", Kinds { stock: true, alerts: true }),
    ("alert,stock", Kinds { stock: true, alerts: true }),
];

/// An alert, and what became of it since the client heard last.
#[derive(Serialize, ToSchema)]
pub(crate) struct AlertEvent {
    /// `opened`, `changed` or `resolved`.
    #[schema(value_type = String)]
    change: &'static str,
    #[serde(flatten)]
    alert: AlertReply,
}

impl Filter {
    /// Of alerts, those about the product and place asked for.
    fn wants_alert(&self, item: &AlertItem) -> bool {
        let (alert, subject) = (&*item.alert, &item.alert.subject);
        self.kinds.alerts
            && self.product.as_ref().is_none_or(|product| **product == *subject.product)
            && self.warehouse.as_ref().is_none_or(|place| is_within(&subject.location, place))
            && self.location.as_ref().is_none_or(|place| is_within(&subject.location, place))
            && self.severity_min.is_none_or(|min| alert.severity >= min)
            && self.condition.as_ref().is_none_or(|condition| **condition == *alert.condition)
    }

    fn wants(&self, views: &Views, change: &Change) -> bool {
        let catalog = views.catalog();
        let warehouse = &*catalog.location(change.warehouse).path;
        let is_there = |place: &String| place.split('/').next() == Some(warehouse);
        self.kinds.stock
            && self.product.as_ref().is_none_or(|product| **product == *catalog.product(change.product).name)
            && self.warehouse.as_ref().is_none_or(|wanted| wanted == warehouse)
            && self.location.as_ref().is_none_or(is_there)
    }

    /// The changed figures: the warehouse's, or those at the places asked for.
    fn lines(&self, views: &Views, change: &Change) -> Vec<StockLine> {
        let item = views.stock_by_id(change.product, change.warehouse);
        let Some(location) = &self.location else {
            return vec![StockLine::from(&item)];
        };
        let query = StockQuery {
            product: Some(&item.product),
            location: Some(location),
            group_by: GroupBy::Location,
            limit: views::LIMIT_MAX,
            ..StockQuery::default()
        };
        let items = views.stock(&query).map(|page| page.items).unwrap_or_default();
        let at = |path: &str| is_within(path, location);
        items.iter().filter(|item| item.location.as_deref().is_some_and(at)).map(StockLine::from).collect()
    }
}

/// Follows changes of stock, and alerts.
#[utoipa::path(
    get,
    path = "/v1/stream",
    tag = "stock",
    params(
        ("events" = Option<String>, Query, description = "`stock`, `alert` or both, `stock,alert` (default)"),
        ("product_id" = Option<String>, Query, description = "Of this product"),
        ("warehouse_id" = Option<String>, Query, description = "In this warehouse"),
        ("location" = Option<String>, Query, description = "At this location or below it: one event for each place"),
        ("severity_min" = Option<String>, Query, description = "Of alerts, those at least this grave: `info`, `warning` or `critical`"),
        ("condition" = Option<String>, Query, description = "Of alerts, those of this condition"),
        ("after" = Option<u64>, Query, description = "Go on after this position; `Last-Event-ID` says the same and wins"),
    ),
    responses(
        (status = 200, description = "Events `stock` with a stock item each, `alert` with an alert and its `change` (`opened`, `changed` or `resolved`), and `reset` when the position is too far back: read `/v1/stock` and `/v1/alerts` again", content_type = "text/event-stream", body = StreamData),
        (status = 429, description = "As many streams are open as may be", body = Problem),
    )
)]
pub(crate) async fn follow(State(app): State<App>, uri: Uri, headers: HeaderMap) -> Result<Response, Problem> {
    let params =
        Params::of(&uri, &["events", "product_id", "warehouse_id", "location", "severity_min", "condition", "after"])?;
    let text = |name| params.text(name).map(str::to_owned);
    let filter = Filter {
        kinds: params.one_of("events", &KINDS)?.unwrap_or(Kinds { stock: true, alerts: true }),
        product: text("product_id"),
        warehouse: text("warehouse_id"),
        location: text("location"),
        severity_min: params.one_of("severity_min", &SEVERITIES)?,
        condition: text("condition"),
    };
    let last = headers.get("last-event-id").and_then(|id| id.to_str().ok()).and_then(|id| id.parse().ok());
    let after = match last {
        Some(last) => Some(Position(last)),
        None => params.position("after")?,
    };
    let permit = Arc::clone(&app.gates().streams).try_acquire_owned();
    let permit = permit.map_err(|_| {
        Problem::too_many("too_many_streams", "as many streams are open as may be; close one or try again later")
    })?;
    let (sender, receiver) = mpsc::channel(IN_FLIGHT_MAX);
    tokio::spawn(async move {
        let mut stopping = app.stopping();
        tokio::select! {
            () = run(&app, &filter, after, &sender) => {}
            () = stopped(&mut stopping) => {}
            () = sender.closed() => {}
        }
        drop(permit);
    });
    let stream = Sse::new(ReceiverStream::new(receiver)).keep_alive(KeepAlive::new().interval(KEEP_ALIVE));
    Ok(stream.into_response())
}

/// What the data of an event is.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
pub(crate) enum StreamData {
    /// Of `stock`.
    Stock(Box<ItemReply<StockLine>>),
    /// Of `alert`.
    Alert(Box<ItemReply<AlertEvent>>),
}

type Sender = mpsc::Sender<Result<Event, Infallible>>;

/// Sends what changes until the client is gone.
async fn run(app: &App, filter: &Filter, after: Option<Position>, sender: &Sender) {
    let mut committed = app.committed();
    let present = app.engine().position();
    // An id that never was is of another journal.
    let mut reached = after.filter(|after| *after <= present).unwrap_or(present);
    let greeting = match after {
        Some(after) if after > present => reset(present),
        _ => position_only(reached),
    };
    if sender.send(Ok(greeting)).await.is_err() {
        return;
    }
    loop {
        committed.mark_unchanged();
        let (events, up_to) = gather(app, filter, reached);
        reached = up_to;
        for event in events {
            if sender.send(Ok(event)).await.is_err() {
                return;
            }
        }
        tokio::time::sleep(PAUSE).await;
        if app.engine().position() <= reached && committed.changed().await.is_err() {
            return;
        }
    }
}

/// The events after a position, and the position that they reach up to.
fn gather(app: &App, filter: &Filter, after: Position) -> (Vec<Event>, Position) {
    let engine = app.engine();
    let Some(changes) = engine.changes_since(after) else {
        let present = engine.position();
        return (vec![reset(present)], present);
    };
    let views = engine.views();
    let as_of_position = views.position().0;
    // In the order of positions, so that whoever goes on after one has heard of everything before it.
    let mut events: Vec<(Position, Event)> = Vec::new();
    for change in changes.stock.iter().filter(|change| filter.wants(&views, change)) {
        let mut lines = filter.lines(&views, change).into_iter().peekable();
        while let Some(item) = lines.next() {
            let data = json::text(&StreamData::Stock(Box::new(ItemReply { item, as_of_position })));
            let event = Event::default().event("stock").data(data);
            // Only with the last of its lines has the client seen the change.
            let event = if lines.peek().is_none() { event.id(change.position.to_string()) } else { event };
            events.push((change.position, event));
        }
    }
    let alerts = changes.alerts.iter().filter_map(|news| alert(filter, &views, *news, after));
    events.extend(alerts);
    events.sort_by_key(|(position, _)| *position);
    let mut events: Vec<Event> = events.into_iter().map(|(_, event)| event).collect();
    drop(views);
    if changes.up_to > after {
        events.push(position_only(changes.up_to));
    }
    (events, changes.up_to)
}

/// The event for an alert that changed: opened when the client has not heard of it, resolved when it is over.
fn alert(filter: &Filter, views: &Views, news: AlertNews, after: Position) -> Option<(Position, Event)> {
    let item = views.alert(news.alert).filter(|item| filter.wants_alert(item))?;
    let change = match item.state {
        AlertState::Resolved => "resolved",
        _ if news.alert > after => "opened",
        _ => "changed",
    };
    let event = AlertEvent { change, alert: AlertReply::from(&item) };
    let data = StreamData::Alert(Box::new(ItemReply { item: event, as_of_position: views.position().0 }));
    let data = json::text(&data);
    let event = Event::default().event("alert").id(news.position.to_string()).data(data);
    Some((news.position, event))
}

/// Moves the client's last id on, and is no event to it.
fn position_only(position: Position) -> Event {
    Event::default().id(position.to_string())
}

fn reset(position: Position) -> Event {
    let data = format!("{{\"as_of_position\":{position}}}");
    Event::default().event("reset").id(position.to_string()).data(data)
}
