//! Documents of other systems: signed, mapped, taken once, and held when they can't be used.

use crate::support::{Answer, Server, Setup, connect};
use bytes::Bytes;
use edge::connect::{Hook, Scheme, Signature};
use edge::{Auth, Settings};
use http_body_util::Full;
use std::path::Path;
use std::sync::Arc;
use wire::mapping::{Mapping, MappingFile};

const TOKEN: &str = "0123456789abcdef0123456789abcdef";
const CREATED: (&str, &str) = ("x-shopify-topic", "orders/create");

fn example(name: &str) -> Arc<Mapping> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples").join(name);
    let file: MappingFile = toml::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    Arc::new(Mapping::new(&file).unwrap())
}

fn document(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../wire/tests/data/hooks").join(path);
    std::fs::read_to_string(path).unwrap()
}

fn hooks() -> Arc<[Hook]> {
    let hook = |name: &str, mapping: &str, signature| Hook { name: name.into(), mapping: example(mapping), signature };
    let signed = |scheme| Some(Signature::new(scheme, "hush").unwrap());
    Arc::new([
        hook("shopify", "shopify.toml", signed(Scheme::Shopify)),
        hook("shop", "woocommerce.toml", signed(Scheme::WooCommerce)),
        hook("open", "woocommerce.toml", None),
    ])
}

async fn server() -> Server {
    let edge = Settings { hooks: hooks(), ..Settings::default() };
    let server = Server::with(Setup { auth: Auth::token("admin", TOKEN), edge, ..Setup::default() }).await;
    let stock = r#"[{"event": "item_added", "product_id": "BEANS-1KG", "location": "warehouse_A", "quantity": 10, "timestamp": "2026-02-16T09:00:00Z"},
        {"event": "item_added", "product_id": "KETTLE-07", "location": "warehouse_A", "quantity": 1, "timestamp": "2026-02-16T09:00:00Z"}]"#;
    assert_eq!(send(&server, "/v1/events", &[BEARER], stock).await.status, 200);
    server.set_clock(crate::support::DAY / 2);
    server
}

const BEARER: (&str, &str) = ("authorization", "Bearer 0123456789abcdef0123456789abcdef");

async fn send(server: &Server, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
    let mut request = server.request("POST", path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    server.send(request.body(Full::new(Bytes::copy_from_slice(body.as_bytes()))).unwrap()).await
}

/// The base64 HMAC-SHA256 of a body under the secret of these hooks.
fn sign(body: &str) -> String {
    use base64::Engine;
    use hmac::{Hmac, KeyInit, Mac};
    let mut mac = Hmac::<sha2::Sha256>::new_from_slice(b"hush").unwrap();
    mac.update(body.as_bytes());
    base64::engine::general_purpose::STANDARD.encode(mac.finalize().into_bytes())
}

/// Posts a document as Shopify does.
async fn post(server: &Server, topic: (&str, &str), body: &str) -> Answer {
    let signature = sign(body);
    let headers = [topic, ("x-shopify-hmac-sha256", signature.as_str()), ("x-shopify-webhook-id", "b54557e4")];
    send(server, "/v1/hooks/shopify", &headers, body).await
}

async fn get(server: &Server, path: &str) -> serde_json::Value {
    let request = server.request("GET", path).header(BEARER.0, BEARER.1).body(Full::default()).unwrap();
    let answer = server.send(request).await;
    assert_eq!(answer.status, 200, "{path}: {}", answer.text());
    answer.json()
}

/// Available, reserved and on hand of a product in `warehouse_A`.
async fn stock(server: &Server, product: &str) -> [i64; 3] {
    let stock = get(server, &format!("/v1/stock/{product}/warehouse_A")).await;
    ["available_quantity", "reserved_quantity", "on_hand_quantity"].map(|name| stock[name].as_i64().unwrap())
}

#[tokio::test]
async fn an_order_is_reserved_shipped_and_completed_by_signed_documents() {
    let server = server().await;
    let answer = post(&server, CREATED, &document("shopify/orders_create.json")).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let json = answer.json();
    assert_eq!((&json["accepted"], &json["held"]), (&1.into(), &0.into()), "{json}");
    assert_eq!(json["rules"][0], serde_json::json!({"rule": "ordered", "events": 1, "left_out": 0}));
    assert_eq!(json["rules"][1]["why"], "the topic is 'orders/create', not fulfillments/create");
    assert_eq!(stock(&server, "BEANS-1KG").await, [8, 2, 10]);
    let parcel = document("shopify/fulfillments_create.json");
    let shipped = post(&server, ("x-shopify-topic", "fulfillments/create"), &parcel).await;
    assert_eq!(shipped.json()["accepted"], 2);
    let order = document("shopify/orders_fulfilled.json");
    let completed = post(&server, ("x-shopify-topic", "orders/fulfilled"), &order).await;
    assert_eq!(completed.json()["accepted"], 1);
    assert_eq!(stock(&server, "BEANS-1KG").await, [8, 0, 8]);
    let history = get(&server, "/v1/history?product_id=BEANS-1KG").await;
    assert!(history.to_string().contains("hook:shopify"), "{history}");
    server.stop().await;
}

#[tokio::test]
async fn the_same_document_twice_counts_once() {
    let server = server().await;
    let body = document("shopify/orders_create.json");
    assert_eq!(post(&server, CREATED, &body).await.json()["accepted"], 1);
    let again = post(&server, CREATED, &body).await.json();
    assert_eq!((&again["accepted"], &again["duplicate"]), (&0.into(), &1.into()), "{again}");
    assert_eq!(stock(&server, "BEANS-1KG").await, [8, 2, 10]);
    server.stop().await;
}

#[tokio::test]
async fn a_document_without_the_right_signature_is_refused() {
    let server = server().await;
    let body = document("shopify/orders_create.json");
    let wrong = send(&server, "/v1/hooks/shopify", &[CREATED, ("x-shopify-hmac-sha256", &sign("other"))], &body).await;
    assert_eq!(wrong.problem(), (401, "wrong_signature".to_owned(), String::new()));
    let absent = send(&server, "/v1/hooks/shopify", &[CREATED], &body).await;
    assert_eq!(absent.problem(), (401, "unauthenticated".to_owned(), String::new()));
    let both = send(&server, "/v1/hooks/shopify", &[CREATED, BEARER, ("x-shopify-hmac-sha256", "AAAA")], &body).await;
    assert_eq!(both.problem().0, 401, "what claims to be signed must be signed rightly");
    let bearer = send(&server, "/v1/hooks/shopify", &[CREATED, ("authorization", "Bearer wrong")], &body).await;
    assert_eq!(bearer.problem(), (401, "wrong_token".to_owned(), String::new()));
    // A hook without a signature needs the token; so does everything that is no hook.
    assert_eq!(send(&server, "/v1/hooks/open", &[], "{}").await.problem().0, 401);
    assert_eq!(send(&server, "/v1/hooks/shopify/x", &[], "{}").await.problem().0, 401);
    assert_eq!(
        send(&server, "/v1/hooks/none", &[BEARER], "{}").await.problem(),
        (404, "not_found".into(), "hook".into())
    );
    assert_eq!(stock(&server, "BEANS-1KG").await, [10, 0, 10]);
    server.stop().await;
}

#[tokio::test]
async fn a_document_that_cannot_be_mapped_is_held_whole_and_once() {
    let server = server().await;
    let body = document("shopify/fulfillments_create.json").replace("655441491", "99");
    let topic = ("x-shopify-topic", "fulfillments/create");
    for _ in 0..2 {
        let answer = post(&server, topic, &body).await;
        assert_eq!(answer.status, 202, "{}", answer.text());
        let json = answer.json();
        assert_eq!((&json["accepted"], &json["held"]), (&0.into(), &1.into()), "{json}");
        assert!(json["problems"][0]["detail"].as_str().unwrap().contains("no entry for '99'; add it"), "{json}");
    }
    assert_eq!(post(&server, topic, "{\"id\": ").await.status, 202, "what is no JSON is held too");
    let held = get(&server, "/v1/held?source=shopify").await;
    let items = held["items"].as_array().unwrap();
    assert_eq!(items.len(), 2, "{held}");
    assert_eq!((items[0]["code"].as_str(), items[1]["raw"].as_str()), (Some("invalid_json"), Some(body.as_str())));
    assert_eq!(items[1]["place"], "hook shopify delivery b54557e4");
    assert_eq!(stock(&server, "BEANS-1KG").await, [10, 0, 10]);
    server.stop().await;
}

#[tokio::test]
async fn events_that_cannot_be_used_are_held_beside_those_that_can() {
    let server = server().await;
    // A line without a SKU, and an order for more than there is: nobody reads the answers of a webhook.
    let body = document("shopify/fulfillments_create.json").replace("\"KETTLE-07\"", "null");
    let json = post(&server, ("x-shopify-topic", "fulfillments/create"), &body).await.json();
    assert_eq!((&json["accepted"], &json["held"], &json["rejected"]), (&1.into(), &1.into(), &0.into()), "{json}");
    let body = document("shopify/orders_create.json").replace("\"quantity\": 1,", "\"quantity\": 5,");
    let json = post(&server, CREATED, &body).await.json();
    assert_eq!((&json["accepted"], &json["held"], &json["rejected"]), (&0.into(), &1.into(), &0.into()), "{json}");
    let held = get(&server, "/v1/held").await;
    let items = held["items"].as_array().unwrap();
    let codes: Vec<_> = items.iter().map(|item| item["code"].as_str().unwrap()).collect();
    assert_eq!(codes, ["insufficient_available", "missing_field"], "{held}");
    assert_eq!(items[1]["place"], "hook shopify delivery b54557e4 event 1");
    // With more stock the order can be sent again as it was held.
    let more = r#"{"event": "item_added", "product_id": "KETTLE-07", "location": "warehouse_A", "quantity": 9, "timestamp": "2026-02-16T09:00:00Z"}"#;
    assert_eq!(send(&server, "/v1/events", &[BEARER], more).await.status, 201);
    let resubmit = format!("/v1/held/{}/resubmit", items[0]["position"]);
    assert_eq!(send(&server, &resubmit, &[BEARER], "").await.status, 201);
    server.stop().await;
}

#[tokio::test]
async fn a_state_that_is_told_again_is_no_fault() {
    let server = server().await;
    let post = async |body: &str, topic: &str| {
        let signature = sign(body);
        let headers = [("x-wc-webhook-topic", topic), ("x-wc-webhook-signature", signature.as_str())];
        send(&server, "/v1/hooks/shop", &headers, body).await.json()
    };
    let order = document("woocommerce/order_processing.json").replace("\"sku\": \"\"", "\"sku\": \"KETTLE-07\"");
    assert_eq!(post(&order, "order.created").await["accepted"], 1);
    assert_eq!(post(&order, "order.updated").await["duplicate"], 1);
    let cancelled = document("woocommerce/order_cancelled.json");
    assert_eq!(post(&cancelled, "order.updated").await["accepted"], 1);
    let later = cancelled.replace("2026-02-16T17:00:00", "2026-02-16T17:30:00");
    let json = post(&later, "order.updated").await;
    assert_eq!((&json["rejected"], &json["held"]), (&1.into(), &0.into()), "{json}");
    assert_eq!(get(&server, "/v1/held").await["items"], serde_json::json!([]));
    server.stop().await;
}

#[tokio::test]
async fn the_ping_of_woocommerce_is_answered_well() {
    let server = server().await;
    let form = ("content-type", "application/x-www-form-urlencoded");
    assert_eq!(send(&server, "/v1/hooks/shop", &[form], "webhook_id=12").await.status, 200);
    assert_eq!(send(&server, "/v1/hooks/shop", &[form], "webhook_id=12&x=1").await.status, 401);
    assert_eq!(send(&server, "/v1/hooks/shopify", &[form], "webhook_id=12").await.status, 401);
    server.stop().await;
}

#[tokio::test]
async fn a_rehearsal_shows_the_events_and_changes_nothing() {
    let server = server().await;
    let body = document("shopify/orders_create.json");
    let path = "/v1/hooks/shopify?dry_run=true";
    let json = send(&server, path, &[CREATED, BEARER], &body).await.json();
    assert_eq!((&json["accepted"], &json["mapped"][0]["event"]), (&1.into(), &"stock_reserved".into()), "{json}");
    let unmapped = send(&server, path, &[("x-shopify-topic", "refunds/create"), BEARER], "{}").await;
    assert_eq!(unmapped.problem(), (422, "mapping_failed".to_owned(), "document_id".to_owned()));
    let signed = send(&server, path, &[CREATED, ("x-shopify-hmac-sha256", &sign(&body))], &body).await;
    assert_eq!(signed.problem().0, 401, "a shop is not shown what is in the ledger");
    assert_eq!(stock(&server, "BEANS-1KG").await, [10, 0, 10]);
    assert_eq!(get(&server, "/v1/held").await["items"], serde_json::json!([]));
    server.stop().await;
}

#[tokio::test]
async fn a_large_document_is_refused() {
    let server = server().await;
    let large = format!("{{\"id\": \"{}\"}}", "x".repeat(1 << 20));
    assert_eq!(post(&server, CREATED, &large).await.problem().0, 413);
    server.stop().await;
}

#[tokio::test]
async fn a_full_engine_asks_the_sender_to_try_again() {
    let mut setup = Setup { auth: Auth::token("admin", TOKEN), ..Setup::default() };
    setup.edge.hooks = hooks();
    setup.engine.queue_requests_max = 1;
    setup.engine.block_bytes = 1;
    let server = Server::with(setup).await;
    server.set_clock(crate::support::DAY / 2);
    // Whoever is answered first holds up all that come after.
    let (go_on, wait) = std::sync::mpsc::channel::<()>();
    let mut batch = wire::Batch::new();
    let at = ledger::Timestamp(crate::support::START);
    batch.push_command("a", "a", "", ledger::Key::default(), at, ledger::Command::Expire);
    let done = move |_| {
        let _ = wait.recv();
    };
    server.app.engine().submit(batch, done).unwrap();
    let (sender, mut answers) = tokio::sync::mpsc::unbounded_channel();
    let parcel = document("shopify/fulfillments_create.json");
    for number in 0..64 {
        let (address, sender) = (server.address, sender.clone());
        let body = parcel.replacen("5190002319442", &number.to_string(), 1);
        let request = server.request("POST", "/v1/hooks/shopify").header("x-shopify-topic", "fulfillments/create");
        let request = request.header("x-shopify-hmac-sha256", sign(&body)).body(Full::new(Bytes::from(body))).unwrap();
        tokio::spawn(async move {
            let answer = connect(address).await.send_request(request).await.unwrap();
            drop(sender.send(Answer::of(answer).await));
        });
    }
    let first = answers.recv().await.unwrap();
    assert_eq!(first.problem(), (429, "queue_full".to_owned(), String::new()));
    assert_eq!(first.header("retry-after"), "1");
    go_on.send(()).unwrap();
    server.stop().await;
}
