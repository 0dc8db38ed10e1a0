//! `GET /v1/stream`: changes of stock as they are committed, as server-sent events.
//!
//! Nothing is buffered for a client: what it has not been sent is read from the engine's feed again, so that a slow
//! client gets fewer, newer figures. Every event's id is a journal position, from which a client goes on after a break.

use crate::App;
use crate::http::Problem;
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
use engine::Change;
use ledger::Position;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use views::{GroupBy, StockQuery, Views};

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
    product: Option<String>,
    warehouse: Option<String>,
    location: Option<String>,
}

impl Filter {
    fn wants(&self, views: &Views, change: &Change) -> bool {
        let catalog = views.catalog();
        let warehouse = &*catalog.location(change.warehouse).path;
        let is_there = |place: &String| place.split('/').next() == Some(warehouse);
        self.product.as_ref().is_none_or(|product| **product == *catalog.product(change.product).name)
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

/// Follows changes of stock.
#[utoipa::path(
    get,
    path = "/v1/stream",
    tag = "stock",
    params(
        ("product_id" = Option<String>, Query, description = "Of this product"),
        ("warehouse_id" = Option<String>, Query, description = "In this warehouse"),
        ("location" = Option<String>, Query, description = "At this location or below it: one event for each place"),
        ("after" = Option<u64>, Query, description = "Go on after this position; `Last-Event-ID` says the same and wins"),
    ),
    responses(
        (status = 200, description = "Events `stock` with a stock item each, and `reset` when the position is too far back: read `/v1/stock` again", content_type = "text/event-stream", body = ItemReply<StockLine>),
        (status = 429, description = "As many streams are open as may be", body = Problem),
    )
)]
pub(crate) async fn follow(State(app): State<App>, uri: Uri, headers: HeaderMap) -> Result<Response, Problem> {
    let params = Params::of(&uri, &["product_id", "warehouse_id", "location", "after"])?;
    let text = |name| params.text(name).map(str::to_owned);
    let filter = Filter { product: text("product_id"), warehouse: text("warehouse_id"), location: text("location") };
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
    let mut events = Vec::new();
    for change in changes.stock.iter().filter(|change| filter.wants(&views, change)) {
        let mut lines = filter.lines(&views, change).into_iter().peekable();
        while let Some(item) = lines.next() {
            let data = json::text(&ItemReply { item, as_of_position });
            let event = Event::default().event("stock").data(data);
            // Only with the last of its lines has the client seen the change.
            events.push(if lines.peek().is_none() { event.id(change.position.to_string()) } else { event });
        }
    }
    drop(views);
    if changes.up_to > after {
        events.push(position_only(changes.up_to));
    }
    (events, changes.up_to)
}

/// Moves the client's last id on, and is no event to it.
fn position_only(position: Position) -> Event {
    Event::default().id(position.to_string())
}

fn reset(position: Position) -> Event {
    let data = format!("{{\"as_of_position\":{position}}}");
    Event::default().event("reset").id(position.to_string()).data(data)
}
