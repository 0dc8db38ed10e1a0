//! What to count next, how likely the books are right, and what nothing looks at.

use crate::support::{DAY, Server, Setup};
use hyper::StatusCode;
use serde_json::{Value, json};

const FORM: &str = "application/x-www-form-urlencoded";

fn event(kind: &str, product: &str, location: &str, quantity: i64, id: usize) -> String {
    json!({"event": kind, "product_id": product, "location": location, "quantity": quantity,
           "timestamp": "2026-02-16T10:00:00Z", "id": format!("{kind}-{id}")})
    .to_string()
}

async fn record(server: &Server, event: &str) {
    let answer = server.post("/v1/events", event.to_owned()).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text());
}

async fn stocked() -> Server {
    let server = Server::with(Setup { senses: true, ..Setup::default() }).await;
    let stock = [("TEA", "A/cold/2", 30), ("JAM", "A/cold/10", 12), ("OIL", "A/dry/1", 50), ("RUM", "B", 5)];
    for (id, (product, location, quantity)) in stock.into_iter().enumerate() {
        record(&server, &event("item_added", product, location, quantity, id)).await;
    }
    record(&server, &event("item_removed", "NUT", "A/cold/2", 3, 9)).await;
    server.set_clock(300 * DAY);
    server
}

fn texts<'a>(list: &'a Value, name: &str) -> Vec<&'a str> {
    list.as_array().unwrap().iter().map(|item| item[name].as_str().unwrap()).collect()
}

#[tokio::test]
async fn a_count_list_is_walked_in_order_keeps_its_time_and_says_why() {
    let server = stocked().await;
    let all = server.shown("/v1/counts/proposed").await;
    assert_eq!(texts(&all["lines"], "location"), ["A/cold/2", "A/cold/2", "A/cold/10", "A/dry/1", "B"]);
    assert_eq!(all["lines"][0]["product_id"], "NUT");
    assert_eq!(all["lines"][0]["rank"], 1);
    let why = all["lines"][1]["why"].as_str().unwrap();
    assert_eq!(why, "right with 56.5 %: never counted, first seen 300 days ago, 1 movements since; 30 on hand");
    assert_eq!((&all["left"], &all["balances"]), (&json!(0), &json!(5)));
    let short = server.shown("/v1/counts/proposed?minutes=6&warehouse_id=A").await;
    assert!(short["minutes"].as_f64().unwrap() <= 6.0, "{short}");
    assert!(texts(&short["lines"], "warehouse_id").iter().all(|warehouse| *warehouse == "A"), "{short}");
    let one = server.shown("/v1/counts/proposed?lines=1").await;
    assert_eq!(one["lines"].as_array().unwrap().len(), 1);
    for (path, status, code) in [
        ("/v1/counts/proposed?minutes=0", 400, "invalid_query"),
        ("/v1/counts/proposed?lines=1001", 400, "invalid_query"),
        ("/v1/counts/proposed?warehouse_id=A/cold", 404, "not_found"),
    ] {
        let problem = server.get(path).await.problem();
        assert_eq!((problem.0, problem.1.as_str()), (status, code), "{path}");
    }
    server.stop().await;
}

#[tokio::test]
async fn a_count_restores_the_confidence_of_its_balance() {
    let server = stocked().await;
    let of = async |query: &str| server.shown(&format!("/v1/confidence?{query}")).await;
    let doubtful = of("below=0.1").await;
    assert_eq!(texts(&doubtful["items"], "product_id"), ["NUT"]);
    assert_eq!(doubtful["items"][0]["confidence"]["negative"], true);
    assert_eq!(texts(&of("product_id=TEA").await["items"], "location"), ["A/cold/2"]);
    assert_eq!(texts(&of("warehouse_id=B").await["items"], "product_id"), ["RUM"]);
    let before = server.shown("/v1/stock/TEA/A?confidence=true").await["confidence"]["value"].as_f64().unwrap();
    assert!(server.shown("/v1/stock/TEA/A").await["confidence"].is_null());
    let count = json!({"event": "item_counted", "product_id": "TEA", "location": "A/cold/2", "quantity": 30,
        "timestamp": "2026-12-13T09:00:00Z", "id": "count"});
    record(&server, &count.to_string()).await;
    let after = server.shown("/v1/stock/TEA/A?confidence=true").await["confidence"].clone();
    assert!(before < 0.6 && after["value"].as_f64().unwrap() > 0.99 && after["was_counted"] == true, "{after}");
    let mut names = Vec::new();
    let mut cursor = String::new();
    loop {
        let page = of(&format!("limit=2{cursor}")).await;
        names.extend(texts(&page["items"], "product_id").iter().map(|name| (*name).to_owned()));
        match page["next"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    assert_eq!(names, ["TEA", "JAM", "OIL", "RUM", "NUT"]);
    assert_eq!(server.get("/v1/confidence?cursor=x").await.problem().1, "invalid_cursor");
    assert_eq!(server.get("/v1/confidence?product_id=x").await.problem().2, "product_id");
    server.stop().await;
}

#[tokio::test]
async fn what_nothing_looks_at_is_listed() {
    let server = stocked().await;
    let card = json!({"kind": "sensor", "location": "A/cold", "interval_seconds": 600}).to_string();
    assert_eq!(server.put("/v1/devices/probe", &card).await.status, StatusCode::OK);
    let products = server.shown("/v1/coverage?kind=products").await;
    assert_eq!(texts(&products["items"], "product_id"), ["TEA", "JAM", "OIL", "RUM", "NUT"]);
    let conditions = products["items"][0]["conditions"].as_array().unwrap();
    let cover = |name: &str| conditions.iter().find(|cover| cover["condition"] == name).unwrap()["cover"].clone();
    assert_eq!((cover("low_stock"), cover("negative_stock")), (json!("none"), json!("built_in")));
    let places = server.shown("/v1/coverage?kind=places&limit=2").await;
    assert_eq!(texts(&places["items"], "location"), ["A", "A/cold"]);
    let rest = server.shown(&format!("/v1/coverage?kind=places&cursor={}", "A%2Fcold")).await;
    assert_eq!((texts(&rest["items"], "location"), &rest["next"]), (vec!["A/dry", "B"], &Value::Null));
    let devices = server.shown("/v1/coverage?kind=devices").await;
    let probe = devices["items"].as_array().unwrap().iter().find(|item| item["source"] == "probe").unwrap();
    assert_eq!((&probe["state"], &probe["interval_seconds"]), (&json!("never_heard"), &json!(600)));
    assert!(texts(&devices["items"], "state").contains(&"unwatched"), "{devices}");
    assert_eq!(server.get("/v1/coverage").await.problem().2, "kind");
    let map = server.shown("/v1/blind-spots?warehouse_id=A").await;
    assert_eq!(texts(&map["items"], "location"), ["A/cold", "A/dry"]);
    assert_eq!(texts(&map["items"], "sight"), ["blind", "blind"]);
    assert_eq!(
        map["items"][0]["reasons"],
        json!([
            "its only device was not heard in time: probe never spoke, and should every 10 min",
            "no count ever of 2 balances"
        ])
    );
    assert_eq!(server.shown("/v1/blind-spots?depth=1").await["items"].as_array().unwrap().len(), 2);
    server.stop().await;
}

#[tokio::test]
async fn a_count_is_recorded_from_the_page_once_however_often_the_form_is_sent() {
    let server = stocked().await;
    let page = server.get("/recounts/proposed?warehouse=A").await.text();
    assert!(page.contains("A/cold/10") && page.contains("Proposed counts"), "{page}");
    let form = "id=form-1&product=NUT&location=A%2Fcold%2F2&quantity=4&lot=&status=available&warehouse=A";
    for _ in 0..2 {
        let answer = server.post_as("/recounts/count", FORM, form).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.text());
        let location = answer.header("location");
        assert!(location.starts_with("/recounts/proposed?") && location.contains("warehouse=A"), "{location}");
    }
    assert_eq!(server.shown("/v1/stock/NUT/A").await["on_hand_quantity"], 4);
    let wrong = server.post_as("/recounts/count", FORM, "id=form-2&product=NUT&location=&quantity=x").await;
    assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(wrong.text().contains("location is missing") && wrong.text().contains("value=\"NUT\""), "{}", wrong.text());
    let page = server.get("/coverage").await.text();
    assert!(page.contains("Blind spots") && page.contains("A/dry") && page.contains("/rules/edit?"), "{page}");
    server.stop().await;
}
