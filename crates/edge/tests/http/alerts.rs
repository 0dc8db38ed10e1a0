//! Alerts: listed and filtered, dealt with once however often that is said, told live, and summed up.

use crate::support::{DAY, SECOND, Server, Setup};
use bytes::Bytes;
use http_body_util::Full;
use ledger::{Alert, AlertSubject, Command, Position, Severity, Timestamp};
use serde_json::{Value, json};
use wire::Batch;

impl Server {
    /// Has the system raise an alert; answers its id.
    pub(crate) async fn raise(&self, alert: Alert) -> u64 {
        let engine = self.app.engine().clone();
        let raising = move || {
            let now = engine.now();
            let command = Command::RaiseAlert(Box::new(alert));
            let mut batch = Batch::new();
            let key = engine.hasher().command("system", "", now, &command);
            batch.push_command("system", "system", "", key, now, command);
            match engine.submit_and_wait(batch).unwrap().outcome(0) {
                engine::Outcome::Accepted { position } => position.0,
                other => panic!("an alert is raised, not {other:?}"),
            }
        };
        tokio::task::spawn_blocking(raising).await.unwrap()
    }
}

pub(crate) fn low_stock(product: &str, location: &str, severity: Severity) -> Alert {
    Alert {
        condition: "low_stock".into(),
        subject: AlertSubject { product: product.into(), location: location.into(), ..AlertSubject::default() },
        severity,
        why: format!("{product}: 3 available in {location}, below 5").into(),
        figures: vec![("available".into(), "3".into()), ("below".into(), "5".into())],
        since: Timestamp(crate::support::START),
        rule: "default-low".into(),
        ..Alert::default()
    }
}

fn ids(page: &Value) -> Vec<u64> {
    page["items"].as_array().unwrap().iter().map(|item| item["id"].as_u64().unwrap()).collect()
}

#[tokio::test]
async fn alerts_are_listed_filtered_and_paged() {
    let server = Server::start().await;
    let bolt = server.raise(low_stock("BOLT", "w/bin-1", Severity::Warning)).await;
    let nut = server.raise(low_stock("NUT", "w/bin-10", Severity::Critical)).await;
    let mut cold = low_stock("", "v", Severity::Info);
    cold.condition = "temperature".into();
    cold.subject.device = "probe-1".into();
    cold.owner = "anna".into();
    let cold = server.raise(cold).await;
    let listed = async |query: &str| ids(&server.shown(&format!("/v1/alerts{query}")).await);
    assert_eq!(listed("").await, [cold, nut, bolt]);
    assert_eq!(listed("?order=severity").await, [nut, bolt, cold]);
    assert_eq!(listed("?severity_min=warning").await, [nut, bolt]);
    assert_eq!(listed("?condition=temperature").await, [cold]);
    assert_eq!(listed("?product_id=NUT").await, [nut]);
    assert_eq!(listed("?location=w").await, [nut, bolt]);
    assert_eq!(listed("?location=w/bin-1").await, [bolt]);
    assert_eq!(listed("?device=probe-1").await, [cold]);
    assert_eq!(listed("?owner=anna").await, [cold]);
    assert_eq!(listed("?unowned=true").await, [nut, bolt]);
    assert_eq!(listed("?search=bolt").await, [bolt]);
    assert_eq!(listed("?shipment=S-1").await, [0; 0]);
    let first = server.shown("/v1/alerts?order=severity&limit=2").await;
    let next = first["next"].as_str().unwrap();
    assert_eq!(listed(&format!("?order=severity&limit=2&cursor={next}")).await, [cold]);
    let wrong = server.get(&format!("/v1/alerts?cursor={next}")).await.problem();
    assert_eq!(wrong, (400, "invalid_cursor".into(), "cursor".into()));
    assert_eq!(server.get("/v1/alerts?state=gone").await.problem().2, "state");
    assert_eq!(server.get("/v1/alerts?owner=a&unowned=1").await.problem().2, "unowned");

    let answer = server.get("/v1/alerts").await;
    let item = &answer.json()["items"][1];
    assert_eq!((&item["condition"], &item["severity"]), (&"low_stock".into(), &"critical".into()));
    assert_eq!((&item["product_id"], &item["device"]), (&"NUT".into(), &Value::Null));
    assert_eq!(item["figures"][0], json!({"name": "available", "value": "3"}));
    let again = server.request("GET", "/v1/alerts").header("if-none-match", answer.header("etag"));
    assert_eq!(server.send(again.body(Full::<Bytes>::default()).unwrap()).await.status, 304);
    server.stop().await;
}

#[tokio::test]
async fn an_alert_is_dealt_with_and_shows_its_whole_life() {
    let server = Server::start().await;
    let id = server.raise(low_stock("BOLT", "w/bin-1", Severity::Warning)).await;
    let act = async |what: &str, body: Value| server.post(&format!("/v1/alerts/{id}/{what}"), body.to_string()).await;
    server.set_clock(60 * SECOND);
    let snoozed = act("snooze", json!({"minutes": 60, "note": "the truck is on its way"})).await.json();
    assert_eq!((&snoozed["state"], &snoozed["snoozed_until"]), (&"snoozed".into(), &"2026-02-16T11:01:00Z".into()));
    assert_eq!(act("assign", json!({"owner": "ben"})).await.json()["owner"], "ben");
    let acknowledged = server.post(&format!("/v1/alerts/{id}/acknowledge"), "").await;
    assert_eq!(acknowledged.json()["state"], "acknowledged");
    server.set_clock(61 * SECOND);
    assert_eq!(act("acknowledge", json!({})).await.problem(), (409, "no_change".into(), "state".into()));
    assert_eq!(act("note", json!({"note": "counted:\nthere are 4"})).await.status, 200);
    server.set_clock(120 * SECOND);
    let resolved = act("resolve", json!({"note": "refilled"})).await.json();
    assert_eq!((&resolved["state"], &resolved["outcome"]), (&"resolved".into(), &"by_hand".into()));
    assert_eq!(resolved["resolved_at"], "2026-02-16T10:02:00Z");
    let shown = server.shown(&format!("/v1/alerts/{id}")).await;
    assert_eq!(shown, resolved);
    let steps: Vec<&str> = shown["history"].as_array().unwrap().iter().map(|s| s["step"].as_str().unwrap()).collect();
    assert_eq!(steps, ["snoozed", "assigned", "acknowledged", "noted", "resolved"]);
    assert_eq!((&shown["history"][1]["owner"], &shown["history"][1]["by"]), (&"ben".into(), &"anonymous".into()));
    let links: Vec<&str> = shown["links"].as_array().unwrap().iter().map(|l| l["rel"].as_str().unwrap()).collect();
    assert_eq!(links, ["product", "rule"]);
    for what in ["resolve", "acknowledge"] {
        assert_eq!(act(what, json!({})).await.problem(), (409, "alert_resolved".into(), "id".into()));
    }
    assert_eq!(ids(&server.shown("/v1/alerts").await), [0; 0]);
    assert_eq!(ids(&server.shown("/v1/alerts?state=resolved").await), [id]);
    server.stop().await;
}

#[tokio::test]
async fn what_is_said_twice_with_the_same_key_is_done_once() {
    let server = Server::start().await;
    let id = server.raise(low_stock("BOLT", "w/bin-1", Severity::Warning)).await;
    let position = server.app.engine().position().0;
    let snooze = json!({"minutes": 30, "id": "a1"}).to_string();
    assert_eq!(server.post(&format!("/v1/alerts/{id}/snooze"), snooze.clone()).await.status, 200);
    server.set_clock(90 * SECOND);
    let again = server.post(&format!("/v1/alerts/{id}/snooze"), snooze).await.json();
    assert_eq!(again["snoozed_until"], "2026-02-16T10:30:00Z", "the first one holds");
    let other = json!({"minutes": 31, "id": "a1"}).to_string();
    let conflict = server.post(&format!("/v1/alerts/{id}/snooze"), other).await.problem();
    assert_eq!((conflict.0, &*conflict.1), (409, "key_conflict"));
    for _ in 0..2 {
        let request = server.request("POST", &format!("/v1/alerts/{id}/acknowledge")).header("idempotency-key", "k");
        assert_eq!(server.send(request.body(Full::<Bytes>::default()).unwrap()).await.status, 200);
    }
    assert_eq!(server.app.engine().position(), Position(position + 2));
    server.stop().await;
}

#[tokio::test]
async fn what_cannot_be_done_is_said_with_its_field() {
    let server = Server::start().await;
    let id = server.raise(low_stock("BOLT", "w/bin-1", Severity::Warning)).await;
    let check = async |what: &str, body: &str, expect: (u16, &str, &str)| {
        let (status, code, field) = server.post(&format!("/v1/alerts/{what}"), body.to_owned()).await.problem();
        assert_eq!((status, &*code, &*field), expect, "{what} {body}");
    };
    let path = |what: &str| format!("{id}/{what}");
    check("77/acknowledge", "", (404, "unknown_alert", "id")).await;
    check("x/acknowledge", "", (404, "not_found", "")).await;
    check(&path("snooze"), r#"{"until":"2026-02-16T09:00:00Z"}"#, (422, "snooze_ended", "until")).await;
    check(&path("snooze"), r#"{"until":"tomorrow"}"#, (422, "invalid_time", "until")).await;
    check(&path("snooze"), r#"{"minutes":0}"#, (422, "invalid_value", "minutes")).await;
    check(&path("snooze"), r#"{"minutes":1,"until":"2026-02-17T09:00:00Z"}"#, (422, "invalid_value", "minutes")).await;
    check(&path("snooze"), "{}", (422, "missing_field", "until")).await;
    check(&path("snooze"), "", (422, "invalid_body", "")).await;
    check(&path("assign"), r#"{"owner":"a\u0000"}"#, (422, "invalid_value", "owner")).await;
    check(&path("note"), r#"{"note":"  "}"#, (422, "missing_field", "note")).await;
    check(&path("note"), &json!({"note": "x".repeat(2_001)}).to_string(), (422, "invalid_value", "note")).await;
    check(&path("resolve"), r#"{"outcome":"cleared"}"#, (422, "invalid_body", "")).await;
    assert_eq!(server.get("/v1/alerts/77").await.problem(), (404, "unknown_alert".into(), "id".into()));
    server.stop().await;
}

#[tokio::test]
async fn statistics_say_how_quickly_alerts_are_dealt_with() {
    let server = Server::start().await;
    for (index, minutes) in [1i64, 2, 6].into_iter().enumerate() {
        server.set_clock(i64::try_from(index).unwrap() * DAY);
        let id = server.raise(low_stock("BOLT", "w/bin-1", Severity::Warning)).await;
        server.set_clock(i64::try_from(index).unwrap() * DAY + minutes * 60 * SECOND);
        assert_eq!(server.post(&format!("/v1/alerts/{id}/acknowledge"), "").await.status, 200);
        assert_eq!(server.post(&format!("/v1/alerts/{id}/resolve"), "").await.status, 200);
    }
    server.set_clock(5 * DAY);
    server.raise(low_stock("NUT", "w", Severity::Warning)).await;
    let all = server.shown("/v1/alerts/statistics").await;
    assert_eq!((&all["all"]["opened"], &all["all"]["active"]), (&3.into(), &0.into()), "before now");
    server.set_clock(5 * DAY + SECOND);
    let shown = server.shown("/v1/alerts/statistics?from=2026-02-16T00:00:00Z").await;
    let all = &shown["all"];
    assert_eq!((&all["opened"], &all["active"], &all["resolved"]), (&4.into(), &1.into(), &3.into()));
    assert_eq!((&all["acknowledge_seconds_mean"], &all["acknowledge_seconds_median"]), (&180.into(), &120.into()));
    assert_eq!(all["resolved_by_hand_share"], 1);
    assert_eq!(shown["conditions"][0]["condition"], "low_stock");
    assert_eq!(shown["days"].as_array().unwrap().len(), 4);
    assert_eq!(shown["days"][0], json!({"day": "2026-02-16", "opened": 1}));
    assert_eq!(shown["partial"], false);
    let empty = server.shown("/v1/alerts/statistics?to=2020-01-01T00:00:00Z").await;
    assert_eq!((&empty["all"]["opened"], &empty["all"]["resolve_seconds_mean"]), (&0.into(), &Value::Null));
    let wrong = server.get("/v1/alerts/statistics?from=2027-01-01T00:00:00Z").await.problem();
    assert_eq!(wrong, (400, "invalid_query".into(), "from".into()));
    server.stop().await;
}

/// A cold room that gets too warm with ten and twenty of a vaccine in it; the ids of the alerts of stock on hold.
async fn warm_room(server: &Server) -> Vec<u64> {
    let said = server.put("/v1/devices/t-1", r#"{"kind":"sensor","location":"A/cold"}"#).await;
    assert!(said.status.is_success(), "{}", said.text());
    let rule = json!({"condition": "temperature", "location": "A/cold",
        "settings": {"max": "8", "allowed_minutes": "10", "warn_minutes": "5"}});
    assert!(server.put("/v1/rules/cold", &rule.to_string()).await.status.is_success());
    for (lot, place, quantity) in [("L1", "A/cold/1", 10), ("L2", "A/cold/2", 20)] {
        server
            .event(&format!(
                r#""event":"item_added","product_id":"VACCINE","location":"{place}","lot":"{lot}","quantity":{quantity},"id":"{lot}","timestamp":"2026-02-16T10:00:00Z""#
            ))
            .await;
    }
    for minute in 0..15 {
        server.set_clock(minute * 60 * SECOND);
        let at = format!("2026-02-16T10:{minute:02}:00Z");
        let reading = format!(
            r#""event":"sensor_reading","device":"t-1","metric":"temperature_celsius","value":12.0,"timestamp":"{at}""#
        );
        server.event(&reading).await;
    }
    let mut held = ids(&server.shown("/v1/alerts?condition=stock_on_hold").await);
    held.sort_unstable();
    assert_eq!(held.len(), 2, "{}", server.shown("/v1/alerts").await);
    held
}

#[tokio::test]
async fn stock_on_hold_is_released_and_scrapped_by_a_named_person() {
    let server = Server::with(Setup { senses: true, ..Setup::default() }).await;
    let held = warm_room(&server).await;
    let decide = async |id: u64, what: &str, body: Value| {
        server.post(&format!("/v1/alerts/{id}/{what}"), body.to_string()).await
    };
    let said = |quantity: Option<u64>, id: &str| {
        let mut body = json!({"person": " Anna ", "reason": "stable for 24 h", "id": id});
        if let Some(quantity) = quantity {
            body["quantity"] = quantity.into();
        }
        body
    };
    let part = decide(held[0], "release", said(Some(4), "a")).await.json();
    assert_eq!(
        (&part["decided"], &part["quantity"], &part["left_quantity"]),
        (&"released".into(), &4.into(), &6.into())
    );
    let position = server.app.engine().position();
    let rest = decide(held[0], "release", said(None, "b")).await.json();
    assert_eq!((&rest["quantity"], &rest["left_quantity"]), (&6.into(), &0.into()));
    assert_eq!(rest["note_position"], position.0 + 1);
    let alert = server.shown(&format!("/v1/alerts/{}", held[0])).await;
    assert_eq!((&alert["state"], &alert["outcome"]), (&"resolved".into(), &"cleared".into()));
    assert_eq!(alert["history"][1]["note"], "released 6 of VACCINE lot L1 at A/cold/1 by Anna: stable for 24 h");

    // Said again, over though it is: the same answer, and nothing is done twice.
    let position = server.app.engine().position();
    let again = decide(held[0], "release", said(None, "b")).await.json();
    assert_eq!((&again["event_position"], &again["quantity"]), (&rest["event_position"], &6.into()));
    assert_eq!(decide(held[0], "release", said(Some(4), "a")).await.json()["note_position"], part["note_position"]);
    assert_eq!(decide(held[0], "release", said(Some(5), "a")).await.problem().1, "key_conflict");
    assert_eq!(decide(held[0], "scrap", said(Some(4), "a")).await.problem().1, "key_conflict");
    assert_eq!(decide(held[0], "release", said(None, "c")).await.problem().1, "alert_resolved");
    assert_eq!(server.app.engine().position(), position);

    let entry = server.shown(&format!("/v1/entries/{}", rest["event_position"])).await;
    assert_eq!((&entry["source"], &entry["actor"]), (&"Anna".into(), &"anonymous".into()), "{entry}");
    assert!(entry["reference"].as_str().unwrap().starts_with("temperature "), "{entry}");
    for _ in 0..2 {
        let body = json!({"person": "Ben", "reason": "frozen", "quantity": "5"});
        assert_eq!(
            decide(held[1], "scrap", body).await.json()["decided"],
            "scrapped",
            "two decisions of the same words"
        );
    }
    assert_eq!(decide(held[1], "scrap", json!({"person": "Ben", "reason": "frozen"})).await.json()["left_quantity"], 0);
    let stock = server.shown("/v1/stock/VACCINE/A").await;
    assert_eq!((&stock["available_quantity"], &stock["quarantined_quantity"]), (&10.into(), &0.into()), "{stock}");
    assert_eq!(ids(&server.shown("/v1/alerts?condition=stock_on_hold").await), [0; 0]);
    server.stop().await;
}

#[tokio::test]
async fn a_decision_needs_a_name_a_reason_and_stock_on_hold() {
    let server = Server::with(Setup { senses: true, ..Setup::default() }).await;
    let held = warm_room(&server).await;
    let low = server.raise(low_stock("BOLT", "w/bin-1", Severity::Warning)).await;
    let check = async |id: u64, body: &str, expect: (u16, &str, &str)| {
        let (status, code, field) = server.post(&format!("/v1/alerts/{id}/release"), body.to_owned()).await.problem();
        assert_eq!((status, &*code, &*field), expect, "{body}");
    };
    let ok = r#"{"person":"Anna","reason":"fine"}"#;
    check(77_777, ok, (404, "unknown_alert", "id")).await;
    check(low, ok, (409, "not_on_hold", "id")).await;
    check(held[0], r#"{"person":" ","reason":"fine"}"#, (422, "missing_field", "person")).await;
    check(held[0], r#"{"person":"Anna","reason":""}"#, (422, "missing_field", "reason")).await;
    check(held[0], r#"{"person":"stocktide","reason":"fine"}"#, (422, "invalid_value", "person")).await;
    for quantity in ["0", "-1", "11", "\"many\"", "null1"] {
        let body = format!(r#"{{"person":"Anna","reason":"fine","quantity":{quantity}}}"#);
        let (code, field) = if quantity == "null1" { ("invalid_body", "") } else { ("invalid_value", "quantity") };
        check(held[0], &body, (422, code, field)).await;
    }
    check(held[0], r#"{"reason":"fine"}"#, (422, "invalid_body", "")).await;
    assert_eq!(ids(&server.shown("/v1/alerts?condition=stock_on_hold").await).len(), 2);
    server.stop().await;
}

#[tokio::test]
async fn a_form_decides_about_stock_on_hold() {
    let server = Server::with(Setup { senses: true, ..Setup::default() }).await;
    let held = warm_room(&server).await;
    let form = "application/x-www-form-urlencoded";
    let page = server.get(&format!("/alerts/{}", held[0])).await.text();
    assert!(page.contains("name=\"person\"") && page.contains("value=\"scrap\""), "{page}");
    let act = |fields: &str| format!("alert={}&back=/alerts/{}&{fields}", held[0], held[0]);
    let wrong = server.post_as("/alerts/act", form, act("act=release&person=Anna&reason=")).await;
    assert!(
        wrong.status == 422 && wrong.text().contains("reason is missing") && wrong.text().contains("data-decision")
    );
    let done = server.post_as("/alerts/act", form, act("act=release&person=Anna&reason=fine&quantity=")).await;
    assert_eq!((done.status.as_u16(), done.header("location")), (303, &*format!("/alerts/{}?done=release-1", held[0])));
    assert_eq!(ids(&server.shown("/v1/alerts?condition=stock_on_hold").await), held[1..]);
    server.stop().await;
}
