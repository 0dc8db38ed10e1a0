//! Devices from outside: their cards and health, what readers hear and sensors measure, what is concluded from it, and
//! what people say of that.

use crate::support::{Answer, SECOND, START, Server, Setup};
use ledger::Timestamp;
use serde_json::Value;
use std::fmt::Write;
use wire::time::render_timestamp;

const GTIN: &str = "80614141123458";
const EPC: &str = "3074257BF7194E4000001A85";
const DOOR: &str = r#"{"kind":"rfid_reader","name":"Dock 1","location":"warehouse_A/dock","interval_seconds":60,"settings":{
    "antennas":[{"antenna":1,"portal":"door","side":"outside"},{"antenna":2,"portal":"door","side":"inside"}],
    "portals":[{"portal":"door","inside":"warehouse_A/dock"}]}}"#;

async fn start() -> Server {
    Server::with(Setup { senses: true, ..Setup::default() }).await
}

fn at(micros: i64) -> String {
    render_timestamp(Timestamp(START + micros))
}

/// What an Impinj reader posts: reads of the tag by one antenna each 50 ms.
fn impinj(antenna: u16, from: i64, to: i64) -> String {
    let mut body = String::from("[");
    for seen_at in (from..to).step_by(50_000) {
        let comma = if body.len() == 1 { "" } else { "," };
        let seen_at = at(seen_at);
        write!(
            body,
            r#"{comma}{{"timestamp":"{seen_at}","eventType":"tagInventory","tagInventoryEvent":{{"epcHex":"{EPC}","antennaPort":{antenna},"peakRssiCdbm":-5000,"lastSeenTime":"{seen_at}"}}}}"#
        )
        .unwrap();
    }
    body + "]"
}

/// The answer to a GET once it says what it should; asked again after each commit, and by nothing else.
async fn once(server: &Server, path: &str, is_there: impl Fn(&Value) -> bool) -> Value {
    let mut committed = server.app.committed();
    loop {
        committed.mark_unchanged();
        let answer = server.get(path).await;
        if answer.status == 200 && is_there(&answer.json()) {
            return answer.json();
        }
        committed.changed().await.unwrap();
    }
}

/// The tag comes through the door.
async fn passage(server: &Server) {
    assert_eq!(server.put("/v1/devices/dock-1", DOOR).await.status, 200);
    for (antenna, from, to) in [(1, 0, 2 * SECOND), (2, 2 * SECOND, 4 * SECOND)] {
        server.set_clock(to);
        let answer = server.post("/v1/devices/dock-1/reads", impinj(antenna, from, to)).await;
        assert_eq!(answer.status, 201, "{}", answer.text());
        assert_eq!(answer.json()["reads"], 40, "{}", answer.text());
    }
    server.set_clock(60 * SECOND);
}

/// The tag is heard for a moment from one side of the door.
async fn ghost(server: &Server) {
    assert_eq!(server.put("/v1/devices/dock-1", DOOR).await.status, 200);
    server.set_clock(SECOND);
    assert_eq!(server.post("/v1/devices/dock-1/reads", impinj(1, 0, SECOND / 5)).await.status, 201);
    server.set_clock(60 * SECOND);
}

async fn first_inference(server: &Server) -> Value {
    let list = once(server, "/v1/inferences", |list| !list["items"][0].is_null()).await;
    assert_eq!(list["items"].as_array().unwrap().len(), 1, "{list}");
    list["items"][0].clone()
}

async fn judge(server: &Server, inference: &Value, body: &str) -> Answer {
    let id = inference["id"].as_str().unwrap();
    server.post(&format!("/v1/inferences/{id}/judge"), body.to_owned()).await
}

async fn on_hand(server: &Server) -> Value {
    server.shown(&format!("/v1/stock/{GTIN}/warehouse_A")).await["on_hand_quantity"].clone()
}

#[tokio::test]
async fn what_comes_through_a_door_is_stock_until_somebody_refutes_it() {
    let server = start().await;
    passage(&server).await;
    let inference = first_inference(&server).await;
    assert_eq!((&inference["kind"], &inference["state"]), (&"passed_in".into(), &"applied".into()), "{inference}");
    assert_eq!(inference["evidence"]["antennas"][0]["device"], "dock-1");
    assert!(inference["judgement"].is_null());
    assert_eq!(on_hand(&server).await, 1);

    let refuted = judge(&server, &inference, r#"{"verdict":"refuted","reason":"the pallet stayed outside"}"#).await;
    assert_eq!(refuted.status, 201, "{}", refuted.text());
    let refuted = refuted.json();
    assert_eq!((&refuted["state"], &refuted["judgement"]["verdict"]), (&"refuted".into(), &"refuted".into()));
    assert_eq!(refuted["judgement"]["reason"], "the pallet stayed outside");
    let reversal = refuted["judgement"]["reversed_by"].as_u64().unwrap();
    assert_eq!(server.shown(&format!("/v1/entries/{reversal}")).await["event"], "entry_reversed");
    assert_eq!(on_hand(&server).await, 0);

    let again = judge(&server, &inference, r#"{"verdict":"refuted","reason":"again"}"#).await;
    assert_eq!(
        (again.status.as_u16(), &again.json()["judgement"]["reason"]),
        (200, &"the pallet stayed outside".into())
    );
    let confirmed = judge(&server, &inference, r#"{"verdict":"confirmed"}"#).await;
    assert_eq!(confirmed.problem(), (409, "already_refuted".into(), String::new()));
    assert!(server.shown("/v1/inferences?state=applied").await["items"][0].is_null());
    assert_eq!(server.shown("/v1/inferences?state=refuted&device=dock-1").await["items"][0]["id"], inference["id"]);
    assert_eq!(server.shown(&format!("/v1/inferences?epc={}", EPC.to_lowercase())).await["items"][0]["epc"], EPC);
    server.stop().await;
}

#[tokio::test]
async fn a_ghost_waits_and_is_booked_when_somebody_says_which_way_it_went() {
    let server = start().await;
    ghost(&server).await;
    let inference = first_inference(&server).await;
    assert_eq!((&inference["kind"], &inference["state"]), (&"ghost".into(), &"quarantined".into()), "{inference}");
    assert_eq!(server.get(&format!("/v1/stock/{GTIN}/warehouse_A")).await.status, 404, "nothing moved");
    let undecided = judge(&server, &inference, r#"{"verdict":"confirmed"}"#).await;
    assert_eq!(undecided.problem(), (422, "missing_field".into(), "way".into()));
    let confirmed = judge(&server, &inference, r#"{"verdict":"confirmed","way":"passed_in"}"#).await;
    assert_eq!(confirmed.status, 201, "{}", confirmed.text());
    assert!(confirmed.json()["judgement"]["event_position"].as_u64().is_some(), "{}", confirmed.text());
    assert_eq!(on_hand(&server).await, 1);
    let refuted = judge(&server, &inference, r#"{"verdict":"refuted"}"#).await;
    assert_eq!(refuted.json()["state"], "refuted", "{}", refuted.text());
    assert_eq!(on_hand(&server).await, 0);
    for body in [r#"{"verdict":"maybe"}"#, "{}", r#"{"verdict":"refuted","why":""}"#] {
        assert_eq!(judge(&server, &inference, body).await.problem().1, "invalid_body", "{body}");
    }
    let unknown = server.post("/v1/inferences/nobody/judge", r#"{"verdict":"refuted"}"#).await;
    assert_eq!(unknown.problem(), (404, "not_found".into(), "id".into()));
    server.stop().await;
}

#[tokio::test]
async fn the_same_reads_are_judged_again_under_other_settings_and_nothing_changes() {
    let server = start().await;
    passage(&server).await;
    let inference = first_inference(&server).await;
    let position = server.shown("/healthz").await["as_of_position"].clone();
    let path = format!("/v1/inferences/{}/rejudge", inference["id"].as_str().unwrap());
    let same = server.post(&path, "{}").await;
    assert_eq!(same.status, 200, "{}", same.text());
    assert_eq!((&same.json()["reads"], &same.json()["conclusions"][0]["kind"]), (&80.into(), &"passed_in".into()));
    assert_eq!(same.json()["conclusions"][0]["occurred_at"], inference["occurred_at"]);
    let strict = server.post(&path, r#"{"settings":{"signal_floor_centi_dbm":-4000}}"#).await;
    assert_eq!(strict.json()["conclusions"][0]["kind"], "ghost", "{}", strict.text());
    let wrong = server.post(&path, r#"{"settings":{"epoch_ms":0}}"#).await;
    assert_eq!(wrong.problem(), (422, "invalid_value".into(), "settings".into()));
    assert_eq!(server.post(&path, r#"{"settings":{"lag":1}}"#).await.problem().1, "invalid_body");
    assert_eq!(server.shown("/healthz").await["as_of_position"], position);
    server.stop().await;
}

#[tokio::test]
async fn a_card_says_what_a_device_is_and_a_wrong_one_what_to_mend() {
    let server = start().await;
    let put = server.put("/v1/devices/dock-1", DOOR).await;
    assert_eq!(put.status, 200, "{}", put.text());
    let device = put.json();
    assert_eq!((&device["declared"], &device["interval_seconds"]), (&true.into(), &60.into()), "{device}");
    assert_eq!(device["health"]["state"], "never_seen");
    assert_eq!(device["settings"]["portals"][0]["inside"], "warehouse_A/dock");
    let position = device["as_of_position"].as_u64();
    assert_eq!(
        server.put("/v1/devices/dock-1", DOOR).await.json()["as_of_position"].as_u64(),
        position,
        "known already"
    );
    let refused = async |body: &str| server.put("/v1/devices/d", body).await.problem();
    assert_eq!(refused(r#"{"kind":"scal"}"#).await, (422, "unknown_kind".into(), "kind".into()));
    let one_sided = r#"{"kind":"rfid_reader","settings":{"antennas":[{"antenna":1,"portal":"door","side":"inside"}]}}"#;
    assert_eq!(refused(one_sided).await, (422, "invalid_value".into(), "settings".into()));
    let nowhere = r#"{"kind":"scale","settings":{"product_id":"BOLT","unit_weight_g":20,"capacity_g":6000}}"#;
    assert_eq!(refused(nowhere).await, (422, "missing_field".into(), "location".into()));
    assert_eq!(server.get("/v1/devices/d").await.problem(), (404, "not_found".into(), "device".into()));
    server.stop().await;
}

#[tokio::test]
async fn devices_that_were_declared_or_heard_are_listed_and_told_silent() {
    let server = start().await;
    server.put("/v1/devices/dock-1", DOOR).await;
    server.put("/v1/devices/thermometer", r#"{"kind":"sensor","interval_seconds":60}"#).await;
    server.event(&format!(
        r#""event":"sensor_reading","device":"cold-1","metric":"temperature_celsius","value":4.25,"timestamp":"{}","battery_percent":15"#,
        at(0)
    )).await;
    server.post("/v1/devices/dock-1/reads", impinj(1, 0, SECOND)).await;
    server.set_clock(600 * SECOND);
    let list = server.shown("/v1/devices?limit=2").await;
    let named = |list: &Value| -> Vec<String> {
        let items = list["items"].as_array().unwrap().iter();
        items
            .map(|item| format!("{} {}", item["device"].as_str().unwrap(), item["health"]["state"].as_str().unwrap()))
            .collect()
    };
    assert_eq!(named(&list), ["cold-1 failing", "dock-1 silent"]);
    assert_eq!(list["items"][0]["health"]["reasons"][0]["code"], "battery_low");
    assert_eq!(list["items"][0]["battery_percent"], 15);
    assert_eq!(list["items"][0]["declared"], false);
    assert_eq!(list["items"][1]["health"]["reasons"][0]["detail"], "silent for 10 min; expected within 3 min");
    let rest = server.shown(&format!("/v1/devices?limit=2&cursor={}", list["next"].as_str().unwrap())).await;
    assert_eq!((named(&rest), &rest["next"]), (vec!["thermometer never_seen".to_owned()], &Value::Null));
    server.put("/v1/devices/cold-1", r#"{"kind":"sensor","interval_seconds":30}"#).await;
    let codes = server.shown("/v1/devices/cold-1").await["health"]["reasons"].clone();
    assert_eq!(codes[0]["code"], "silent", "a card counts for what was heard before it: {codes}");
    server.stop().await;
}

#[tokio::test]
async fn reads_count_once_and_what_cannot_be_read_is_told() {
    let server = start().await;
    let path = "/v1/devices/dock-1/reads";
    let body = impinj(1, 0, SECOND);
    let first = server.post(path, body.clone()).await;
    let again = server.post(path, body).await;
    assert_eq!((first.status.as_u16(), again.status.as_u16()), (201, 200));
    assert_eq!(first.json()["results"][0]["position"], again.json()["results"][0]["position"]);

    let keyed = async |body: &'static str| {
        let request = server.request("POST", path).header("content-type", "application/json");
        server.send(request.header("idempotency-key", "batch-7").body(body.into()).unwrap()).await
    };
    assert_eq!(keyed(r#"{"epc":"3074257BF7194E4000001A85"}"#).await.status, 201);
    server.set_clock(SECOND);
    assert_eq!(keyed(r#"{"epc":"3074257BF7194E4000001A85"}"#).await.status, 200, "also without a time of its own");
    assert_eq!(keyed(r#"{"epc":"3074257BF7194E4000001A86"}"#).await.problem().1, "key_conflict");

    // Without times and without a key each body is one of its own.
    for second in 2..4 {
        server.set_clock(second * SECOND);
        assert_eq!(server.post(path, r#"{"epc":"3074257BF7194E4000001A85","antenna":2}"#).await.status, 201);
    }
    let mixed = r#"[{"epc":"3074257BF7194E4000001A85","device":"dock-2"},{"epc":"xyz"},{"eventType":"heartbeat"}]"#;
    let mixed = server.post(path, mixed).await;
    assert_eq!(mixed.status, 201, "{}", mixed.text());
    let mixed = mixed.json();
    assert_eq!((&mixed["reads"], &mixed["skipped"], &mixed["problems"][0]["index"]), (&1.into(), &1.into(), &1.into()));
    let devices: Vec<&str> =
        mixed["results"].as_array().unwrap().iter().filter_map(|result| result["device"].as_str()).collect();
    assert_eq!(devices, ["dock-1", "dock-2"], "what was no read shows that the path's reader lives");
    assert_eq!(server.shown("/v1/devices/dock-1").await["messages"]["errors"], 1);
    assert_eq!(server.shown("/v1/devices/dock-2").await["messages"]["received"], 1);

    let garbage = server.post(path, "{\"tag\":").await;
    assert_eq!(garbage.status, 202, "{}", garbage.text());
    let held = garbage.json()["held"].as_u64().unwrap();
    assert_eq!(server.shown(&format!("/v1/held/{held}")).await["source"], "dock-1");
    assert_eq!(server.post_as(path, "text/html", "<p>").await.problem().1, "unsupported_media_type");
    server.stop().await;
}

#[tokio::test]
async fn figures_are_shown_the_newest_and_as_they_went() {
    let server = start().await;
    for second in 0..5 {
        server.set_clock(second * SECOND);
        server.event(&format!(
            r#""event":"sensor_reading","device":"cold/1","metrics":{{"temperature_celsius":{second}.5,"door":"open"}},"timestamp":"{}""#,
            at(second * SECOND)
        )).await;
    }
    let latest = server.shown("/v1/readings?device=cold%2F1&limit=1").await;
    assert_eq!(
        (&latest["items"][0]["metric"], &latest["items"][0]["value"]),
        (&"door".into(), &"open".into()),
        "{latest}"
    );
    let cursor: String = latest["next"].as_str().unwrap().bytes().map(|byte| format!("%{byte:02x}")).collect();
    let rest = server.shown(&format!("/v1/readings?device=cold%2F1&limit=5&cursor={cursor}")).await;
    assert_eq!((&rest["items"][0]["value"], &rest["next"]), (&serde_json::json!(4.5), &Value::Null), "{rest}");
    let series = server.shown("/v1/readings/cold%2F1/temperature_celsius?limit=3").await;
    assert_eq!(series["items"].as_array().unwrap().len(), 3);
    let next = series["next"].as_str().unwrap();
    let rest =
        server.shown(&format!("/v1/readings/cold%2F1/temperature_celsius?from={next}&to={}", at(4 * SECOND))).await;
    assert_eq!((rest["items"].as_array().unwrap().len(), &rest["items"][0]["value"]), (1, &serde_json::json!(3.5)));
    assert_eq!(server.get("/v1/readings?cursor=x").await.problem().1, "invalid_cursor");
    server.stop().await;
}

#[tokio::test]
async fn a_server_that_follows_no_devices_says_so() {
    let server = Server::start().await;
    for path in ["/v1/devices", "/v1/devices/d", "/v1/readings", "/v1/inferences", "/v1/inferences/i"] {
        assert_eq!(server.get(path).await.problem(), (503, "not_running".into(), String::new()), "{path}");
    }
    assert_eq!(server.put("/v1/devices/d", DOOR).await.problem().1, "not_running");
    assert_eq!(server.post("/v1/devices/d/reads", "[]").await.problem().1, "not_running");
    assert_eq!(server.post("/v1/inferences/i/judge", "{}").await.problem().1, "not_running");
    server.stop().await;
}

#[tokio::test]
async fn pages_show_devices_and_conclusions_and_hostile_names_as_text() {
    let server = start().await;
    let hostile = "%3Cscript%3Ealert(1)%3C%2Fscript%3E";
    let card = r#"{"kind":"sensor","name":"<script>alert(2)</script>","location":"<b>A<i>","interval_seconds":1}"#;
    assert_eq!(server.put(&format!("/v1/devices/{hostile}"), card).await.status, 200);
    let metrics = r#"{"<script>alert(3)</script>":4.5,"<b>":"<script>alert(4)</script>"}"#;
    server
        .event(&format!(
            r#""event":"sensor_reading","device":"<script>alert(1)</script>","metrics":{metrics},"timestamp":"{}""#,
            at(0)
        ))
        .await;
    ghost(&server).await;
    let inference = first_inference(&server).await;
    for (path, piece) in [
        ("/devices".to_owned(), "silent"),
        (format!("/devices/{hostile}"), "Latest readings"),
        ("/devices/dock-1".to_owned(), "too little to be a movement"),
        ("/inferences".to_owned(), "value=\"passed_in\""),
    ] {
        let page = server.get(&path).await;
        assert_eq!(page.status, 200, "{path}");
        let html = page.text();
        assert!(html.contains(piece), "{piece} on {path}: {html}");
        assert!(!html.contains("<script>") && !html.contains("<b>") && !html.contains("<i>A"), "{path}: {html}");
    }
    assert_eq!(server.get("/devices/nobody").await.status, 404);
    let form = "application/x-www-form-urlencoded";
    let id = inference["id"].as_str().unwrap();
    let again = server.post_as("/inferences/judge", form, format!("id={id}&said=confirmed&reason=%3Cb%3E")).await;
    assert_eq!(again.status, 422);
    assert!(again.text().contains("not which way it went") && again.text().contains("&lt;b&gt;"), "{}", again.text());
    let done = server.post_as("/inferences/judge", form, format!("id={id}&said=passed_in&reason=seen")).await;
    assert_eq!((done.status.as_u16(), done.header("location")), (303, "/inferences?done=confirmed"));
    assert!(!server.get("/inferences").await.text().contains(id), "it waits no more");
    assert!(server.get("/inferences?state=confirmed").await.text().contains("“seen”"));
    let unknown = server.post_as("/inferences/judge", form, "id=nobody&said=refuted").await;
    assert_eq!(unknown.status, 404);
    server.stop().await;

    let deaf = Server::start().await;
    assert_eq!(deaf.get("/devices").await.status, 503);
    assert!(!deaf.get("/").await.text().contains("href=\"/devices\""), "no page is offered that has nothing to show");
    deaf.stop().await;
}
