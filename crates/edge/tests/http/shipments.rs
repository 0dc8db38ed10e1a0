//! Shipments, from their plan to what is shown of them.

use crate::support::{SECOND, START, Server};
use serde_json::json;

const HOUR: i64 = 3_600 * SECOND;

#[tokio::test]
async fn a_shipment_is_planned_seen_on_its_way_told_late_and_received() {
    let server = Server::start().await;
    for (name, north, east) in [("VIE", 48.2, 16.37), ("GRZ", 47.07, 15.44)] {
        let card = format!(r#"{{"latitude": {north}, "longitude": {east}, "radius_m": 500}}"#);
        assert_eq!(server.put(&format!("/v1/locations/{name}"), &card).await.status, 200);
    }
    let time = |hours: i64| wire::time::render_timestamp(ledger::Timestamp(START + hours * HOUR));
    let plan = json!({
        "from": "VIE", "to": "GRZ", "carrier": "DHL", "mode": "road", "vehicle": "truck",
        "departure_at": time(0), "arrival_at": time(3), "promised_at": time(5),
        "products": [{"product_id": "TEA", "quantity": 10}],
    });
    let answer = server.put("/v1/shipments/S%2F1", &plan.to_string()).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let planned = answer.json();
    assert_eq!((&planned["state"], &planned["late"]), (&json!("planned"), &json!(false)));
    assert_eq!(
        planned["lines"],
        json!([{"product_id": "TEA", "ordered": 10, "dispatched": 0, "received": 0, "missing": 10, "over": 0}])
    );
    assert_eq!(planned["estimate"]["basis"], "plan");
    let say = async |fields: String| server.event(&fields).await;
    say(format!(r#""event": "shipment_departed", "shipment": "S/1", "timestamp": "{}""#, time(0))).await;
    server.set_clock(4 * HOUR);
    for (hours, north, east) in [(1, 48.15, 16.33), (2, 48.1, 16.29), (4, 48.0, 16.2)] {
        say(format!(
            r#""event": "position_reported", "device": "truck", "latitude": {north}, "longitude": {east}, "timestamp": "{}""#,
            time(hours)
        ))
        .await;
    }
    let shown = server.shown("/v1/shipments/S%2F1").await;
    assert_eq!((&shown["state"], &shown["late"]), (&json!("in_transit"), &json!(true)), "{shown}");
    let is_late = |alert: &serde_json::Value| alert["condition"] == "shipment_late";
    assert!(shown["alerts"].as_array().unwrap().iter().any(is_late), "{shown}");
    assert_eq!(shown["track"].as_array().unwrap().len(), 3);
    assert_eq!(shown["estimate"]["basis"], "position");
    let count =
        async |query: &str| server.shown(&format!("/v1/shipments?{query}")).await["items"].as_array().unwrap().len();
    for query in
        ["", "state=open", "state=in_transit&late=true", "to=GRZ&carrier=DHL", "product_id=TEA", "search=TRUCK"]
    {
        assert_eq!(count(query).await, 1, "{query}");
    }
    for query in ["state=received", "late=false", "to=GR", "carrier=UPS", "product_id=JAM", "search=x", "cursor=S%2F1"]
    {
        assert_eq!(count(query).await, 0, "{query}");
    }
    let page = server.get("/shipments/S%2F1").await.text();
    for part in ["<svg class=\"map\"", "in transit", "shipment late", "144"] {
        assert!(page.contains(part), "{part} is in {page}");
    }
    assert!(server.get("/shipments").await.text().contains("S/1"));
    say(format!(
        r#""event": "shipment_dispatched", "product_id": "TEA", "location": "VIE", "to": "GRZ", "quantity": 10, "reference": "S/1", "timestamp": "{}""#,
        time(0)
    ))
    .await;
    say(format!(
        r#""event": "shipment_received", "product_id": "TEA", "location": "GRZ", "quantity": 12, "reference": "S/1", "timestamp": "{}""#,
        time(4)
    ))
    .await;
    let shown = server.shown("/v1/shipments/S%2F1").await;
    assert_eq!(
        (&shown["state"], &shown["late"], &shown["lines"][0]["over"]),
        (&json!("received"), &json!(false), &json!(2))
    );
    let open = server.shown("/v1/alerts?shipment=S%2F1").await;
    assert_eq!(open["items"][0]["condition"], "over_receipt");
    server.stop().await;
}

#[tokio::test]
async fn what_cannot_be_a_plan_is_refused_with_every_problem() {
    let server = Server::start().await;
    let answer = server.put("/v1/shipments/S1", r#"{"mode": "rocket", "legs": [{"to": 7}], "gate": 4}"#).await;
    assert_eq!(answer.status, 422);
    for field in ["mode", "legs[0].to", "gate"] {
        assert!(answer.text().contains(field), "{field}: {}", answer.text());
    }
    assert_eq!(server.get("/v1/shipments/S1").await.status, 404);
    assert_eq!(server.get("/shipments/S1").await.status, 404);
    assert_eq!(server.get("/v1/shipments?state=lost").await.status, 400);
    server.stop().await;
}
