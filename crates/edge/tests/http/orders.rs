//! Stock set aside, promised, and the cards of products, locations and reasons.

use crate::support::{SECOND, Server};
use serde_json::{Value, json};

async fn stocked() -> Server {
    let server = Server::start().await;
    server.event(r#""event": "item_added", "product_id": "A", "location": "w/bin-1", "quantity": 10, "timestamp": "2026-02-16T10:00:00Z""#).await;
    server.event(r#""event": "item_added", "product_id": "B", "location": "w/bin-2", "quantity": 1, "timestamp": "2026-02-16T10:00:00Z""#).await;
    server
}

const ORDER: &str = r#"{"reservation_id": "order/1", "warehouse_id": "w",
    "lines": [{"product_id": "A", "quantity": 4}, {"product_id": "B", "quantity": 1}]}"#;

#[tokio::test]
async fn a_reservation_is_made_once_and_ends_once() {
    let server = stocked().await;
    let made = server.post("/v1/reservations", ORDER).await;
    assert_eq!(made.status, 201, "{}", made.text());
    assert_eq!(made.json()["state"], "pending");
    assert_eq!(made.json()["lines"][0]["quantity"], 4);
    assert_eq!(made.json()["lines"][0]["location"], "w/bin-1");
    let position = &made.json()["position"];
    let again = server.post("/v1/reservations", ORDER).await;
    assert_eq!((again.status.as_u16(), &again.json()["position"]), (200, position));
    let other = server.post("/v1/reservations", ORDER.replace("4}", "3}")).await;
    assert_eq!(other.problem(), (409, "reservation_exists".into(), "reservation_id".into()));
    let stock = server.shown("/v1/stock/A/w").await;
    assert_eq!((&stock["available_quantity"], &stock["reserved_quantity"]), (&json!(6), &json!(4)));
    assert_eq!(server.shown("/v1/reservations?state=pending").await["items"][0]["reservation_id"], "order/1");

    let short = server.post("/v1/reservations", ORDER.replace("order/1", "order/2")).await;
    assert_eq!(short.problem(), (409, "insufficient_available".into(), "lines".into()));
    assert_eq!(
        short.json()["lines"],
        json!([{"line": 1, "product_id": "B", "requested_quantity": 1, "available_quantity": 0}])
    );
    let partial = ORDER.replace("order/1", "order/3").replace("}]}", "}], \"partial\": true}");
    assert_eq!(server.post("/v1/reservations", partial).await.json()["lines"].as_array().unwrap().len(), 1);

    let fulfilled = server.post("/v1/reservations/order%2F1/fulfil", "").await;
    assert_eq!((fulfilled.status.as_u16(), &fulfilled.json()["state"]), (200, &json!("fulfilled")));
    assert_eq!(server.post("/v1/reservations/order%2F1/fulfil", "").await.status, 200, "once is enough");
    let ended = server.post("/v1/reservations/order%2F1/release", "").await;
    assert_eq!(ended.problem().1, "reservation_ended");
    let released = server.post("/v1/reservations/order%2F3/release", "").await;
    assert_eq!(released.json()["state"], "released");
    assert_eq!(server.shown("/v1/stock/A/w").await["available_quantity"], 6);
    server.stop().await;
}

#[tokio::test]
async fn a_reservation_ends_by_itself() {
    let server = stocked().await;
    let body = ORDER.replace("\"lines\"", "\"expires_at\": \"2026-02-16T10:00:10Z\", \"lines\"");
    let made = server.post("/v1/reservations", body).await;
    assert_eq!(made.json()["expires_at"], "2026-02-16T10:00:10Z");
    server.set_clock(11 * SECOND);
    let mut committed = server.app.committed();
    server.app.engine().tick();
    committed.wait_for(|position| position.0 > 3).await.unwrap();
    assert_eq!(server.shown("/v1/reservations/order%2F1").await["state"], "expired");
    let late =
        ORDER.replace("order/1", "order/9").replace("\"lines\"", "\"expires_at\": \"2026-02-16T10:00:00Z\", \"lines\"");
    assert_eq!(server.post("/v1/reservations", late).await.problem().1, "already_expired");
    server.stop().await;
}

#[tokio::test]
async fn what_can_be_promised_grows_with_what_is_on_order() {
    let server = stocked().await;
    server.event(r#""event": "purchase_order_placed", "product_id": "A", "location": "w", "quantity": 20, "timestamp": "2026-02-16T10:00:00Z", "reference": "PO-9", "expected_at": "2026-03-01T08:00:00Z""#).await;
    server.post("/v1/reservations", ORDER).await;
    let ask = |query: &str| {
        let path = format!("/v1/availability?product_id=A&warehouse_id=w{query}");
        let server = &server;
        async move { server.shown(&path).await }
    };
    let now = ask("").await;
    assert_eq!((&now["available_quantity"], &now["promised_quantity"]), (&json!(6), &json!(6)));
    assert_eq!(now["steps"][0]["reference"], "PO-9");
    assert_eq!(ask("&date=2026-02-28").await["promised_quantity"], 6);
    assert_eq!(ask("&date=2026-03-01").await["promised_quantity"], 26);
    assert_eq!(ask("&date=2026-03-01T07:59:59Z").await["promised_quantity"], 6);
    assert_eq!(server.get("/v1/availability?product_id=A&warehouse_id=none").await.problem().2, "warehouse_id");
    assert_eq!(server.get("/v1/availability?product_id=A&warehouse_id=w&date=soon").await.problem().2, "date");
    server.stop().await;
}

#[tokio::test]
async fn products_locations_and_reasons_are_declared() {
    let server = stocked().await;
    let card = r#"{"name": "Blue shirt", "category": "shirts", "units": [{"name": "case", "ratio": 12}]}"#;
    let declared = server.put("/v1/products/A", card).await;
    assert_eq!(declared.status, 200, "{}", declared.text());
    assert_eq!((&declared.json()["name"], &declared.json()["verified"]), (&json!("Blue shirt"), &json!(true)));
    assert_eq!(declared.json()["units"][0]["ratio"], json!({"numerator": 12, "denominator": 1}));
    let position = declared.json()["as_of_position"].clone();
    assert_eq!(server.put("/v1/products/A", card).await.json()["as_of_position"], position, "nothing new, no entry");
    let unit = server.put("/v1/products/A", r#"{"base_unit": "kg"}"#).await;
    assert_eq!(unit.problem(), (409, "base_unit_fixed".into(), "base_unit".into()));
    assert_eq!(server.shown("/v1/products?verified=false").await["items"][0]["product_id"], "B");
    assert_eq!(server.shown("/v1/products?search=SHIRT").await["items"][0]["product_id"], "A");
    assert_eq!(server.shown("/v1/stock/A/w").await["name"], "Blue shirt");

    let place = server.put("/v1/locations/w%2Fbin-1", r#"{"name": "Left shelf"}"#).await;
    assert_eq!((&place.json()["location"], &place.json()["warehouse_id"]), (&json!("w/bin-1"), &json!("w")));
    assert_eq!(server.shown("/v1/locations?warehouse_id=w").await["items"].as_array().unwrap().len(), 3);
    assert_eq!(server.shown("/v1/locations/w").await["is_warehouse"], true);
    assert_eq!(server.get("/v1/locations/none").await.problem().0, 404);

    let reason = server.put("/v1/reasons/gift", r#"{"name": "Given away", "counterpart": "customer"}"#).await;
    assert_eq!(reason.status, 200, "{}", reason.text());
    let reasons = server.shown("/v1/reasons").await;
    assert!(reasons["items"].as_array().unwrap().iter().any(|reason| reason["code"] == "gift"), "{reasons}");
    assert_eq!(reasons["next"], Value::Null);
    server.stop().await;
}
