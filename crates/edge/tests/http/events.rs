//! Events come in: whole, repeated, in conflict, in bulk, packed and in envelopes.

use crate::support::{FIVE_FIELDS, SECOND, Server};
use bytes::Bytes;
use http_body_util::Full;
use serde_json::json;

#[tokio::test]
async fn the_five_field_event_works_on_an_empty_system() {
    let server = Server::start().await;
    let answer = server.post("/v1/events", FIVE_FIELDS).await;
    assert_eq!(answer.status, 201);
    // More left than was there, so an alert stands behind it in the same write.
    let expected = json!({
        "accepted": 1, "duplicate": 0, "rejected": 0, "held": 0, "as_of_position": 2,
        "results": [{"index": 0, "status": "accepted", "position": 1}]
    });
    assert_eq!(answer.json(), expected);

    let stock = server.shown("/v1/stock/SKU123/warehouse_A").await;
    assert_eq!(stock["product_id"], "SKU123");
    assert_eq!(stock["warehouse_id"], "warehouse_A");
    assert_eq!(stock["on_hand_quantity"], -5);
    assert_eq!(stock["available_quantity"], -5);
    assert_eq!(stock["reserved_quantity"], 0);
    assert_eq!(stock["last_updated"], "2026-02-16T10:00:00Z");
    assert_eq!(stock["discrepancies"], json!(["negative_on_hand"]));
    assert_eq!(stock["recount_task"], true);
    assert_eq!(stock["verified"], false);
    assert_eq!(stock["as_of_position"], 2);

    let recounts = server.shown("/v1/recounts").await;
    assert_eq!(recounts["items"][0]["product_id"], "SKU123");
    assert_eq!(recounts["items"][0]["on_hand_quantity"], -5);
    let found = server.shown("/v1/discrepancies?state=open").await;
    assert_eq!(found["items"][0]["code"], "negative_on_hand");

    server.event(r#""event": "item_counted", "product_id": "SKU123", "location": "warehouse_A", "quantity": 7, "timestamp": "2026-02-16T10:00:01Z""#).await;
    assert_eq!(server.shown("/v1/recounts").await["items"], json!([]));
    assert_eq!(server.shown("/v1/stock").await["items"][0]["on_hand_quantity"], 7);
    server.stop().await;
}

#[tokio::test]
async fn a_repetition_changes_nothing_and_other_content_is_held_mended_and_discarded() {
    let server = Server::start().await;
    let event = |quantity: u32| {
        format!(
            r#"{{"event": "item_added", "product_id": "A", "location": "w", "quantity": {quantity},
               "timestamp": "2026-02-16T10:00:00Z", "id": "17", "source": "dock"}}"#
        )
    };
    assert_eq!(server.post("/v1/events", event(5)).await.status, 201);
    let again = server.post("/v1/events", event(5)).await;
    assert_eq!((again.status.as_u16(), &again.json()["results"][0]["status"]), (200, &json!("duplicate")));
    assert_eq!(again.json()["results"][0]["position"], 1);

    let held = server.post("/v1/events", event(6)).await;
    assert_eq!(held.status, 202);
    assert_eq!(held.json()["held"], 1);
    assert_eq!(held.json()["results"][0]["problem"]["code"], "key_conflict");
    assert_eq!(held.json()["results"][0]["problem"]["field"], "id");
    let position = held.json()["results"][0]["position"].as_u64().unwrap();
    assert_eq!(server.shown("/v1/stock/A/w").await["on_hand_quantity"], 5);

    let list = server.shown("/v1/held?code=key_conflict").await;
    assert_eq!(list["items"][0]["position"], position);
    assert_eq!(list["items"][0]["source"], "dock");
    let raw = list["items"][0]["raw"].as_str().unwrap().to_owned();
    let as_it_was = server.post(&format!("/v1/held/{position}/resubmit"), "").await;
    assert_eq!(as_it_was.status, 202, "nothing was mended: {}", as_it_was.text());
    let position = as_it_was.json()["results"][0]["position"].as_u64().unwrap();

    let mended = raw.replace("\"17\"", "\"18\"");
    let resubmitted = server.post(&format!("/v1/held/{position}/resubmit"), mended.clone()).await;
    assert_eq!(resubmitted.status, 201, "{}", resubmitted.text());
    assert_eq!(server.shown("/v1/stock/A/w").await["on_hand_quantity"], 11);
    assert_eq!(server.shown("/v1/held").await["items"], json!([]));
    let closed = server.post(&format!("/v1/held/{position}/resubmit"), mended).await;
    assert_eq!(closed.problem(), (409, "held_closed".into(), "position".into()));

    let position = server.post("/v1/events", event(9)).await.json()["results"][0]["position"].as_u64().unwrap();
    let path = format!("/v1/held/{position}/discard");
    assert_eq!(server.post(&path, r#"{"reason": " "}"#).await.problem().1, "invalid_reason");
    assert_eq!(server.post(&path, r#"{"why": "x"}"#).await.problem().1, "invalid_body");
    let discarded = server.post(&path, r#"{"reason": "a test"}"#).await;
    assert_eq!(discarded.status, 200, "{}", discarded.text());
    assert_eq!(discarded.json()["discard_reason"], "a test");
    assert_eq!(server.shown("/v1/held?state=closed").await["items"][0]["state"], "discarded");
    assert_eq!(server.get("/v1/held/999").await.problem().0, 404);
    server.stop().await;
}

#[tokio::test]
async fn a_batch_lists_what_was_not_plainly_accepted() {
    let server = Server::start().await;
    let line = |product: &str, quantity: &str, id: &str| {
        format!(
            r#"{{"event":"item_added","product_id":"{product}","location":"w","quantity":{quantity},"timestamp":"2026-02-16T10:00:00Z","id":"{id}"}}"#
        )
    };
    let lines = [
        line("A", "5", "1"),
        line("A", "5", "1"),
        String::new(),
        line("", "-5", "2"),
        line("A", "1", "1"),
        "not json".into(),
        line("B", "2.25", "3"),
    ];
    let answer = server.post_as("/v1/events", "application/x-ndjson", lines.join("\n")).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let reply = answer.json();
    assert_eq!(
        (&reply["accepted"], &reply["duplicate"], &reply["held"], &reply["rejected"]),
        (&json!(2), &json!(1), &json!(1), &json!(2)),
        "{reply}"
    );
    let listed: Vec<(u64, &str)> = reply["results"]
        .as_array()
        .unwrap()
        .iter()
        .map(|result| (result["index"].as_u64().unwrap(), result["status"].as_str().unwrap()))
        .collect();
    assert_eq!(listed, [(1, "duplicate"), (2, "rejected"), (3, "held"), (4, "rejected")]);
    assert_eq!(reply["results"][1]["problems"].as_array().unwrap().len(), 2, "all that is wrong with it: {reply}");
    assert_eq!(reply["results"][3]["problem"]["line"], 6);
    assert_eq!(reply["as_of_position"], server.shown("/v1/stock").await["as_of_position"]);

    let all = format!("[{},{}]", line("C", "1", "4"), line("C", "1", "5"));
    let answer = server.post("/v1/events?results=all", all).await.json();
    assert_eq!(answer["results"][1]["status"], "accepted");
    assert_eq!(answer["results"][1]["position"], answer["as_of_position"]);
    assert_eq!(server.shown("/v1/stock/B/w").await["available_quantity"], json!(2.25));
    assert_eq!(server.post("/v1/events", "[]").await.json()["accepted"], 0);
    server.stop().await;
}

#[tokio::test]
async fn a_rehearsal_judges_and_records_nothing() {
    let server = Server::start().await;
    let answer = server.post("/v1/events?dry_run=true", FIVE_FIELDS).await;
    assert_eq!(answer.status, 201);
    assert_eq!(answer.json()["results"][0], json!({"index": 0, "status": "accepted"}));
    assert_eq!(server.shown("/v1/stock").await["items"], json!([]));
    assert_eq!(server.shown("/v1/stock").await["as_of_position"], 0);
    server.stop().await;
}

#[tokio::test]
async fn bodies_may_be_packed_and_events_may_come_in_envelopes() {
    let server = Server::start().await;
    let packed = zstd::encode_all(FIVE_FIELDS.as_bytes(), 0).unwrap();
    let request = server.request("POST", "/v1/events").header("content-encoding", "zstd");
    let answer = server.send(request.body(Full::new(Bytes::from(packed.clone()))).unwrap()).await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    let request = server.request("POST", "/v1/events").header("content-encoding", "br");
    let answer = server.send(request.body(Full::new(Bytes::from(packed.clone()))).unwrap()).await;
    assert_eq!(answer.problem().1, "unsupported_encoding");
    let request = server.request("POST", "/v1/events").header("content-encoding", "zstd");
    let answer = server.send(request.body(Full::new(Bytes::from(packed[..20].to_vec()))).unwrap()).await;
    assert_eq!((answer.problem().0, answer.problem().1), (400, "invalid_body".into()));

    let envelope = r#"{"specversion": "1.0", "id": "A-17", "source": "/till/3", "type": "com.example.item_removed",
        "time": "2026-02-16T10:00:00Z", "data": {"product_id": "SKU123", "location": "warehouse_A", "quantity": 1}}"#;
    assert_eq!(server.post_as("/v1/events", "application/cloudevents+json", envelope).await.status, 201);
    let batch = format!("[{envelope}]");
    let again = server.post_as("/v1/events", "application/cloudevents-batch+json", batch).await;
    assert_eq!((again.status.as_u16(), &again.json()["duplicate"]), (200, &json!(1)));
    let binary = server
        .request("POST", "/v1/events")
        .header("content-type", "application/json")
        .header("ce-specversion", "1.0")
        .header("ce-id", "A-17")
        .header("ce-source", "/till/3")
        .header("ce-type", "item_removed")
        .header("ce-time", "2026-02-16T10:00:00Z")
        .body(Full::new(Bytes::from_static(br#"{"product_id": "SKU123", "location": "warehouse_A", "quantity": 1}"#)))
        .unwrap();
    let answer = server.send(binary).await;
    assert_eq!((answer.status.as_u16(), &answer.json()["duplicate"]), (200, &json!(1)), "{}", answer.text());
    assert_eq!(server.shown("/v1/stock/SKU123/warehouse_A").await["on_hand_quantity"], -6);
    server.stop().await;
}

#[tokio::test]
async fn ten_thousand_events_in_one_body_are_one_answer() {
    let server = Server::start().await;
    let body: String = (0..10_000)
        .map(|index| {
            format!(
                "{{\"event\":\"item_added\",\"product_id\":\"P{}\",\"location\":\"w{}/bin-{}\",\"quantity\":1,\"timestamp\":\"2026-02-16T10:00:00Z\",\"id\":\"{index}\"}}\n",
                index % 100,
                index % 3,
                index % 7
            )
        })
        .collect();
    let answer = server.post_as("/v1/events", "application/x-ndjson", body).await;
    assert_eq!(
        answer.text(),
        r#"{"accepted":10000,"duplicate":0,"rejected":0,"held":0,"as_of_position":10000,"results":[]}"#
    );
    let mut count = 0;
    let mut cursor = String::new();
    loop {
        let page = server.shown(&format!("/v1/stock?group_by=lot&limit=300&cursor={cursor}")).await;
        count += page["items"].as_array().unwrap().len();
        match page["next"].as_str() {
            Some(next) => cursor = next.to_owned(),
            None => break,
        }
    }
    assert_eq!(count, 2100, "a hundred products in three warehouses of seven bins");
    server.set_clock(SECOND);
    let metrics = server.get("/metrics").await.text();
    assert!(metrics.contains("stocktide_events_total{outcome=\"accepted\"} 10000\n"), "{metrics}");
    assert!(metrics.contains("stocktide_acknowledge_seconds_bucket{le=\"+Inf\"} 10000\n"), "{metrics}");
    assert!(
        metrics.contains("stocktide_position 10000\n") && metrics.contains("stocktide_uptime_seconds 1\n"),
        "{metrics}"
    );
    server.stop().await;
}
