//! How readings went, from outside: extremes and raw pages, tracks, what cannot be asked, and the charts of the page.

use crate::support::{DAY, SECOND, START, Server, Setup};
use ledger::Timestamp;
use serde_json::{Value, json};
use std::fmt::Write;
use wire::time::render_timestamp;

const MINUTE: i64 = 60 * SECOND;

async fn start() -> Server {
    Server::with(Setup { senses: true, ..Setup::default() }).await
}

fn at(micros: i64) -> String {
    render_timestamp(Timestamp(START + micros))
}

/// A figure of `cold 1` a minute from the first minute up to the last: a saw tooth of 4.0 to 4.9, with one open door.
async fn measure(server: &Server, minutes: std::ops::Range<i64>) {
    let minutes: Vec<i64> = minutes.collect();
    for part in minutes.chunks(200) {
        let mut body = String::new();
        for minute in part {
            let value = if *minute == 777 { 12.5 } else { f64::from(40 + i32::try_from(minute % 10).unwrap()) / 10.0 };
            writeln!(
                body,
                r#"{{"event":"sensor_reading","device":"cold 1","metric":"temperature","value":{value},"unit":"°C","timestamp":"{}"}}"#,
                at(minute * MINUTE)
            )
            .unwrap();
        }
        let answer = server.post_as("/v1/events", "application/x-ndjson", body).await;
        assert_eq!(answer.json()["accepted"], part.len(), "{}", answer.text());
    }
}

#[tokio::test]
async fn a_day_is_shown_by_its_extremes_and_raw_page_by_page() {
    let server = start().await;
    server.set_clock(DAY - MINUTE);
    measure(&server, 0..1_440).await;
    let path = "/v1/readings?device=cold%201&metric=temperature";
    let shown = server.shown(path).await;
    assert_eq!(
        (&shown["resolution"], &shown["unit"], &shown["count"]),
        (&json!("min_max"), &json!("°C"), &json!(1_440))
    );
    assert_eq!((&shown["bucket_seconds"], &shown["as_of_position"]), (&json!(180), &json!(1_440)));
    let items = shown["items"].as_array().unwrap();
    assert!((480..=500).contains(&items.len()), "{} buckets", items.len());
    let sum: u64 = items.iter().map(|item| item["count"].as_u64().unwrap()).sum();
    assert_eq!(sum, 1_440, "the buckets partition the day");
    assert!(items.iter().any(|item| item["max"] == 12.5), "the open door is not lost");
    for item in items {
        let figure = |name: &str| item[name].as_f64().unwrap();
        assert!(figure("min") <= figure("first").min(figure("last")), "{item}");
        assert!(figure("max") >= figure("first").max(figure("last")), "{item}");
        assert_eq!((item["from"].is_string(), item.as_object().unwrap().len()), (true, 6), "{item}");
    }
    let few = server.shown(&format!("{path}&points=7&from={}&to={}", at(0), at(DAY))).await;
    assert!(few["items"].as_array().unwrap().len() <= 7);
    let hour = server.shown(&format!("{path}&from={}&to={}", at(0), at(60 * MINUTE))).await;
    assert_eq!(
        (&hour["resolution"], &hour["bucket_seconds"], &hour["count"]),
        (&json!("raw"), &Value::Null, &json!(60))
    );
    assert_eq!((&hour["items"][1], &hour["next"]), (&json!({"at": at(MINUTE), "value": 4.1}), &Value::Null));
    let empty = server.shown(&format!("{path}&from={}&to={}", at(-DAY), at(-MINUTE))).await;
    assert_eq!((&empty["items"], &empty["count"], &empty["resolution"]), (&json!([]), &json!(0), &json!("raw")));

    let (mut pages, mut cursor, mut readings) = (0, String::new(), 0);
    loop {
        let page = server.shown(&format!("{path}&resolution=raw&points=400&from={}{cursor}", at(0))).await;
        (pages, readings) = (pages + 1, readings + page["items"].as_array().unwrap().len());
        assert_eq!((&page["resolution"], &page["count"]), (&json!("raw"), &Value::Null));
        match page["next"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    assert_eq!((pages, readings), (4, 1_440));
    server.stop().await;
}

#[tokio::test]
async fn what_cannot_be_asked_is_named() {
    let server = start().await;
    measure(&server, 0..1).await;
    let path = "/v1/readings?device=cold%201&metric=temperature";
    let check = async |path: String, expect: (u16, &str, &str)| {
        let problem = server.get(&path).await.problem();
        assert_eq!((problem.0, &*problem.1, &*problem.2), expect, "{path}");
    };
    check("/v1/readings?metric=temperature".into(), (400, "invalid_query", "device")).await;
    check("/v1/readings?points=5".into(), (400, "invalid_query", "points")).await;
    check("/v1/readings?from=2026-02-16T10:00:00Z".into(), (400, "invalid_query", "from")).await;
    check(format!("{path}&limit=5"), (400, "invalid_query", "limit")).await;
    for points in ["0", "-1", "5001", "many"] {
        check(format!("{path}&points={points}"), (400, "invalid_query", "points")).await;
        check(format!("/v1/devices/cold%201/track?points={points}"), (400, "invalid_query", "points")).await;
    }
    check(format!("{path}&resolution=mean"), (400, "invalid_query", "resolution")).await;
    check(format!("{path}&from=yesterday"), (400, "invalid_query", "from")).await;
    check(format!("{path}&from={}&to={}", at(0), at(0)), (400, "invalid_query", "from")).await;
    check(format!("/v1/devices/x/track?from={}&to={}", at(5), at(0)), (400, "invalid_query", "from")).await;
    check(format!("{path}&cursor=1.0"), (400, "invalid_query", "cursor")).await;
    check(format!("{path}&resolution=raw&cursor=x"), (400, "invalid_cursor", "cursor")).await;
    check("/v1/readings?device=cold%201&metric=humidity".into(), (404, "not_found", "metric")).await;
    check("/v1/devices/cold%201/track".into(), (404, "not_found", "device")).await;
    server.stop().await;

    let deaf = Server::start().await;
    for path in [path, "/v1/readings/d/m", "/v1/devices/d/track"] {
        assert_eq!(deaf.get(path).await.problem(), (503, "not_running".into(), String::new()), "{path}");
    }
    deaf.stop().await;
}

#[tokio::test]
async fn a_track_keeps_the_outermost_positions() {
    let server = start().await;
    server.set_clock(DAY);
    let mut body = String::new();
    for minute in 0..600 {
        let latitude = if minute == 300 { 61.5 } else { 52.0 + f64::from(minute % 7) / 100.0 };
        writeln!(
            body,
            r#"{{"event":"position_reported","device":"truck-1","latitude":{latitude},"longitude":4.9,"accuracy_m":5,"timestamp":"{}"}}"#,
            at(i64::from(minute) * MINUTE)
        )
        .unwrap();
    }
    let answer = server.post_as("/v1/events", "application/x-ndjson", body).await;
    assert_eq!(answer.json()["accepted"], 600, "{}", answer.text());
    let all = server.shown(&format!("/v1/devices/truck-1/track?points=5000&from={}", at(0))).await;
    assert_eq!(
        (&all["resolution"], &all["count"], all["items"].as_array().unwrap().len()),
        (&json!("raw"), &json!(600), 600)
    );
    assert_eq!(all["items"][0], json!({"at": at(0), "latitude": 52.0, "longitude": 4.9, "accuracy_m": 5.0}));
    let some = server.shown(&format!("/v1/devices/truck-1/track?points=60&from={}", at(0))).await;
    let items = some["items"].as_array().unwrap();
    assert_eq!((&some["resolution"], &some["count"]), (&json!("outermost"), &json!(600)));
    assert!(items.len() <= 60 && items.iter().any(|item| item["latitude"] == 61.5), "{some}");
    server.stop().await;
}

#[tokio::test]
async fn the_page_draws_each_metric_over_the_time_that_is_chosen() {
    let server = start().await;
    server.set_clock(DAY - MINUTE);
    // three hours of silence
    measure(&server, 0..600).await;
    measure(&server, 780..1_440).await;
    // both followers have come as far
    server.shown("/v1/readings").await;
    server.shown("/v1/readings?device=cold%201&metric=temperature").await;
    let page = server.get("/devices/cold%201").await;
    let html = page.text();
    assert_eq!(page.status, 200);
    let drawn = "aria-label=\"temperature: 1\u{202f}260 readings in the last 24\u{202f}h, between 4 and 4.9 °C\"";
    assert!(html.contains(drawn) && html.contains(">UTC<") && html.contains(" °C<"), "{html}");
    let chart = &html[html.find("<svg class=\"band\"").unwrap()..];
    let chart = &chart[..chart.find("</figure>").unwrap()];
    assert_eq!(chart.matches("Z\"").count(), 2, "a gap where there were no readings: {chart}");
    assert!(chart.contains("<details>") && chart.contains(">2026-02-16 19:00<"), "the same as a table: {chart}");
    assert!(
        html.contains("href=\"/devices/cold%201?span=7d\"") && html.contains("page=device&amp;id=cold%201"),
        "{html}"
    );
    let week = server.get("/devices/cold%201?metric=temperature&span=7d").await.text();
    assert!(
        week.contains("in the last 7\u{202f}d") && week.contains("span=7d") && week.contains("All metrics"),
        "{week}"
    );
    assert!(server.get("/devices/cold%201?metric=humidity").await.text().contains("No figures called “humidity”"));
    server.set_clock(40 * DAY);
    let silent = server.get("/devices/cold%201").await.text();
    assert!(silent.contains("No readings in the last 24\u{202f}h") && !silent.contains("class=\"band\""), "{silent}");
    assert!(server.get("/devices/cold%201?span=1y").await.text().contains("in the last 1\u{202f}y"));
    server.stop().await;
}
