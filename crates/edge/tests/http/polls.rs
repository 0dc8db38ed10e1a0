//! A system that is asked: its pages become events once, whatever fails on the way.

use crate::support::Server;
use axum::Router;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use edge::connect::{Hook, Poll, poll};
use edge::mqtt::Environment;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use wire::mapping::{Mapping, MappingFile};

/// What each line of an order is.
const MAPPING: &str = r#"
name = "orders"
document_id = "'page'"
[[rules]]
name = "sold"
each = "document.orders"
line_id = "item.id"
[rules.constants]
event = "item_removed"
location = "warehouse_A"
reason = "sale"
[rules.fields]
product_id = "item.sku"
quantity = "item.quantity"
timestamp = "item.at"
"#;

/// A shop with two pages; it tells each request that it hears: the query and the token.
struct Shop {
    heard: UnboundedSender<(String, String)>,
}

async fn orders(
    State(shop): State<Arc<Shop>>,
    Query(query): Query<BTreeMap<String, String>>,
    headers: HeaderMap,
) -> Response {
    let token = headers.get("x-token").map_or("", |value| value.to_str().unwrap());
    let page = query.get("page").map_or("1", String::as_str);
    shop.heard.send((format!("{page} since {}", query["since"]), token.to_owned())).unwrap();
    let order = |id: u32| format!(r#"{{"id":"{id}","sku":"SKU123","quantity":1,"at":"2026-02-16T09:00:00Z"}}"#);
    match page {
        "1" => {
            let next = format!("</orders?since={}&page=2>; rel=\"next\"", query["since"]);
            ([("link", next)], format!("{{\"orders\":[{},{}]}}", order(1), order(2))).into_response()
        }
        _ => format!("{{\"orders\":[{}]}}", order(3)).into_response(),
    }
}

async fn shop(router: impl Fn(Arc<Shop>) -> Router) -> (String, UnboundedReceiver<(String, String)>) {
    let (heard, hears) = unbounded_channel();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let router = router(Arc::new(Shop { heard }));
    tokio::spawn(async move { axum::serve(listener, router).await });
    (format!("http://{address}/orders?since={{since}}"), hears)
}

fn asker(server: &Server, url: &str) -> tokio::task::JoinHandle<()> {
    let file: MappingFile = toml::from_str(MAPPING).unwrap();
    let hook = Hook { name: "orders".into(), mapping: Arc::new(Mapping::new(&file).unwrap()), signature: None };
    let mut system = Poll::new(hook, url, Duration::from_millis(20)).unwrap();
    system.overlap = Duration::from_secs(60);
    system.header("X-Token", "hush").unwrap();
    let engine = server.app.engine().clone();
    let environment = Environment { now: Arc::new(move || engine.now()), random: Arc::new(|| 4) };
    tokio::spawn(poll(server.app.clone(), system, environment))
}

async fn next(hears: &mut UnboundedReceiver<(String, String)>) -> (String, String) {
    tokio::time::timeout(Duration::from_secs(60), hears.recv()).await.expect("it asks").unwrap()
}

#[tokio::test]
async fn pages_are_followed_and_what_comes_again_counts_once() {
    let server = Server::start().await;
    let (url, mut hears) = shop(|shop| Router::new().route("/orders", get(orders)).with_state(shop)).await;
    let asking = asker(&server, &url);
    let first = ("1 since 2026-02-16T09:59:00Z".to_owned(), "hush".to_owned());
    assert_eq!(next(&mut hears).await, first, "a minute back");
    assert_eq!(next(&mut hears).await.0, "2 since 2026-02-16T09:59:00Z");
    // The third look begins when the second one's pages were taken in.
    for _ in 0..3 {
        next(&mut hears).await;
    }
    let stock = server.get("/v1/stock/SKU123/warehouse_A").await.json();
    assert_eq!(stock["on_hand_quantity"], -3);
    server.app.stop();
    asking.await.unwrap();
    server.stop().await;
}

#[tokio::test]
async fn a_system_that_fails_or_talks_nonsense_is_asked_again_or_its_words_are_held() {
    let server = Server::start().await;
    let nonsense = async |State(shop): State<Arc<Shop>>| {
        shop.heard.send((String::new(), String::new())).unwrap();
        "no JSON"
    };
    let (url, mut hears) = shop(move |shop| Router::new().route("/orders", get(nonsense)).with_state(shop)).await;
    let asking = asker(&server, &url);
    for _ in 0..3 {
        next(&mut hears).await;
    }
    let held = server.get("/v1/held").await.json();
    assert_eq!(held["items"].as_array().unwrap().len(), 1, "the same words are held once");
    assert_eq!(held["items"][0]["raw"], "no JSON");
    server.app.stop();
    asking.await.unwrap();
    let broken = async |State(shop): State<Arc<Shop>>| {
        shop.heard.send((String::new(), String::new())).unwrap();
        StatusCode::INTERNAL_SERVER_ERROR
    };
    let (url, mut hears) = shop(move |shop| Router::new().route("/orders", get(broken)).with_state(shop)).await;
    let other = Server::start().await;
    let asking = asker(&other, &url);
    for _ in 0..2 {
        next(&mut hears).await;
    }
    assert_eq!(other.app.engine().position().0, 0);
    other.app.stop();
    asking.await.unwrap();
    other.stop().await;
    server.stop().await;
}
