//! What was: stock at past times, by what was known; the ledger's entries; undoing one.

use crate::support::{DAY, Server, Setup};
use bytes::Bytes;
use http_body_util::Full;
use serde_json::{Value, json};

fn movement(kind: &str, location: &str, quantity: &str, day: u32, rest: &str) -> String {
    format!(
        r#""event": "{kind}", "product_id": "A", "location": "{location}", "quantity": {quantity},
           "timestamp": "2026-02-{day:02}T10:00:00Z"{rest}"#
    )
}

/// Ten come on the 16th; three leave on the 17th, which is told on the 18th only; two are set aside as damaged.
async fn story(server: &Server) -> [u64; 3] {
    let came =
        server.event(&movement("item_added", "w/bin-1", "10", 16, r#", "reference": "PO-7", "lot": "L1""#)).await;
    server.set_clock(2 * DAY);
    let left = server
        .event(&movement(
            "item_removed",
            "w/bin-1",
            "3",
            17,
            r#", "reason": "sale", "lot": "L1", "source": "till", "id": "t1""#,
        ))
        .await;
    let damaged =
        server.event(&movement("status_changed", "w/bin-1", "2", 18, r#", "to_status": "damaged", "lot": "L1""#)).await;
    [came, left, damaged]
}

#[tokio::test]
async fn stock_as_of_a_time_and_as_known_at_a_time() {
    let server = Server::start().await;
    story(&server).await;
    let at = |query: &str| {
        let path = format!("/v1/stock/A/w?{query}");
        let server = &server;
        async move {
            let stock = server.shown(&path).await;
            (stock["on_hand_quantity"].as_i64().unwrap(), stock["damaged_quantity"].as_i64().unwrap())
        }
    };
    assert_eq!(at("").await, (7, 2));
    assert_eq!(at("as_of=2026-02-16T09:59:59Z").await, (0, 0));
    assert_eq!(at("as_of=2026-02-16T10:00:00Z").await, (10, 0));
    assert_eq!(at("as_of=2026-02-17T10:00:00Z").await, (7, 0));
    assert_eq!(at("as_of=2026-02-17T10:00:00Z&known_at=2026-02-17T12:00:00Z").await, (10, 0), "not told yet");
    assert_eq!(at("known_at=2026-02-17T12:00:00Z").await, (10, 0));
    assert_eq!(at("known_at=2026-02-18T10:00:00Z").await, (7, 2));

    let path = "/v1/stock?group_by=lot&as_of=2026-02-17T10:00:00Z";
    let lots = server.shown(path).await;
    assert_eq!(lots["items"].as_array().unwrap().len(), 1, "nothing was damaged then: {lots}");
    assert_eq!(lots["items"][0]["lot"], "L1");
    assert_eq!(lots["items"][0]["on_hand_quantity"], 7);
    assert_eq!(lots["items"][0]["reserved_quantity"], Value::Null);
    let before = server.shown("/v1/stock?as_of=2026-02-01T00:00:00Z").await;
    assert_eq!(before["items"], json!([]));
    let known = server.shown("/v1/stock?known_at=2026-02-17T12:00:00Z").await;
    assert_eq!(known["as_of_position"], 1);
    assert_eq!(server.get("/v1/stock?below=3&as_of=2026-02-01T00:00:00Z").await.problem().2, "below");
    server.stop().await;
}

#[tokio::test]
async fn stock_is_filtered_searched_grouped_and_tagged() {
    let server = Server::start().await;
    story(&server).await;
    server.event(r#""event": "item_added", "product_id": "x/y z", "location": "v", "quantity": 1.000001, "timestamp": "2026-02-18T10:00:00Z""#).await;
    let first = |query: &str| {
        let path = format!("/v1/stock?{query}");
        let server = &server;
        async move { server.shown(&path).await["items"][0].clone() }
    };
    assert_eq!(first("status=damaged").await["on_hand_quantity"], 2);
    assert_eq!(first("search=X%2FY").await["product_id"], "x/y z");
    assert_eq!(first("warehouse_id=v").await["product_id"], "x/y z");
    assert_eq!(first("below=2").await["product_id"], "x/y z");
    assert_eq!(first("location=w%2Fbin-1&group_by=location").await["location"], "w/bin-1");
    assert_eq!(first("location=w%2Fbin-2").await, Value::Null);
    let answer = server.get("/v1/stock/x%2Fy%20z/v").await;
    assert!(answer.text().contains("\"on_hand_quantity\":1.000001,"), "exact: {}", answer.text());
    assert_eq!(server.shown("/v1/stock/x%2Fy%20z").await["items"][0]["warehouse_id"], "v");

    let tag = answer.header("etag").to_owned();
    let again = |tag: String| {
        let request = server.request("GET", "/v1/stock/x%2Fy%20z/v").header("if-none-match", tag);
        server.send(request.body(Full::<Bytes>::default()).unwrap())
    };
    assert_eq!(again(tag.clone()).await.status, 304);
    server.event(&movement("item_added", "w/bin-1", "1", 18, "")).await;
    assert_eq!(again(tag).await.status, 200);
    server.stop().await;
}

fn positions(page: &Value) -> Vec<u64> {
    page["items"].as_array().unwrap().iter().map(|item| item["position"].as_u64().unwrap()).collect()
}

#[tokio::test]
async fn history_tells_who_moved_what_where() {
    let mut setup = Setup::default();
    setup.engine.history_tail_rows = 2;
    let server = Server::with(setup).await;
    let [came, left, damaged] = story(&server).await;
    let other = server.event(r#""event": "item_added", "product_id": "B", "location": "v", "quantity": 1, "timestamp": "2026-02-18T10:00:00Z", "reference": "PO-7""#).await;
    let list = |query: &str| {
        let path = format!("/v1/history?{query}");
        let server = &server;
        async move { positions(&server.shown(&path).await) }
    };
    assert_eq!(list("product_id=A").await, [damaged, left, came]);
    assert_eq!(list("").await, [other, damaged, left, came]);
    assert_eq!(list("reference=PO-7").await, [other, came]);
    assert_eq!(list("reference=PO-7&product_id=B").await, [other]);
    assert_eq!(list("warehouse_id=v").await, [other]);
    assert_eq!(list("product_id=A&location=w%2Fbin-1&lot=L1").await, [damaged, left, came]);
    assert_eq!(list("product_id=A&location=w%2Fbin-2").await, [] as [u64; 0]);
    assert_eq!(list("product_id=none").await, [] as [u64; 0]);
    assert_eq!(list("event=item_removed&source=till").await, [left]);
    assert_eq!(list("product_id=A&from=2026-02-17T00:00:00Z&to=2026-02-17T23:00:00Z").await, [left]);
    assert_eq!(list("known_to=2026-02-17T00:00:00Z").await, [came]);
    assert_eq!(list("known_from=2026-02-17T00:00:00Z&product_id=A").await, [damaged, left]);
    for query in ["product_id=A", "warehouse_id=w", "lot=L1"] {
        let page = server.shown(&format!("/v1/history?{query}&limit=2")).await;
        assert_eq!(positions(&page), [damaged, left], "{query}");
        let cursor = page["next"].as_str().unwrap();
        let rest = server.shown(&format!("/v1/history?{query}&limit=2&cursor={cursor}")).await;
        assert_eq!(positions(&rest), [came], "{query}");
        assert_eq!(rest["next"], Value::Null, "{query}");
    }
    let entry = server.shown(&format!("/v1/entries/{left}")).await;
    assert_eq!(entry["event"], "item_removed");
    assert_eq!((&entry["source"], &entry["id"], &entry["actor"]), (&json!("till"), &json!("t1"), &json!("anonymous")));
    assert_eq!(entry["reason"], "sale");
    assert_eq!(
        (&entry["occurred_at"], &entry["recorded_at"]),
        (&json!("2026-02-17T10:00:00Z"), &json!("2026-02-18T10:00:00Z"))
    );
    let postings: Vec<(&Value, &Value)> = entry["postings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|posting| (&posting["account"], &posting["quantity"]))
        .collect();
    assert!(postings.contains(&(&json!("available"), &json!(-3))), "{entry}");
    assert!(postings.contains(&(&json!("customer"), &json!(3))), "{entry}");
    assert_eq!((&entry["reversed_by"], &entry["reversible"]), (&Value::Null, &json!(true)));
    server.stop().await;
}

#[tokio::test]
async fn an_entry_is_reversed_once_and_a_preview_tells_what_that_does() {
    let server = Server::start().await;
    let [came, left, damaged] = story(&server).await;
    let path = format!("/v1/entries/{came}/reverse");
    let preview = server.post(&format!("{path}?dry_run=true"), r#"{"reason": "wrong dock"}"#).await;
    assert_eq!(preview.status, 200, "{}", preview.text());
    let preview = preview.json();
    assert_eq!(preview["figures"][0]["before_quantity"], 5);
    assert_eq!(preview["figures"][0]["after_quantity"], -5);
    assert_eq!(preview["figures"][0]["location"], "w/bin-1");
    assert_eq!(preview["discrepancies"][0]["code"], "negative_on_hand");
    assert_eq!(preview["later_entries"], json!([damaged, left]));
    assert_eq!(preview["more_later_entries"], false);
    assert_eq!(server.shown("/v1/stock/A/w").await["on_hand_quantity"], 7, "nothing happened yet");

    let reversed = server.post(&path, r#"{"reason": "wrong dock"}"#).await;
    assert_eq!(reversed.status, 201, "{}", reversed.text());
    let by = reversed.json()["position"].clone();
    assert_eq!(reversed.json()["reverses"], came);
    assert_eq!(reversed.json()["reversal_reason"], "wrong dock");
    assert_eq!(server.shown("/v1/stock/A/w").await["on_hand_quantity"], -3);
    let entry = server.shown(&format!("/v1/entries/{came}")).await;
    assert_eq!((&entry["reversed_by"], &entry["reversible"]), (&by, &json!(false)));
    let listed = server.shown("/v1/history?product_id=A").await;
    assert_eq!(listed["items"][3]["reversed_by"], by);

    assert_eq!(server.post(&path, r#"{"reason": "wrong dock"}"#).await.status, 200, "the same request again");
    let other = server.post(&path, r#"{"reason": "another reason"}"#).await;
    assert_eq!(other.problem(), (409, "already_reversed".into(), "position".into()));
    assert_eq!(server.post(&path, r#"{"reason": ""}"#).await.problem().0, 422);
    server.stop().await;
}
