//! Rules: declared one by one or by the thousand, with what is wrong named, and the alerts that they make.

use crate::support::{Answer, Server};
use bytes::Bytes;
use http_body_util::Full;
use serde_json::{Value, json};

impl Server {
    async fn withdraw(&self, path: &str) -> Answer {
        self.send(self.request("DELETE", path).body(Full::<Bytes>::default()).unwrap()).await
    }
}

fn names(page: &Value) -> Vec<&str> {
    page["items"].as_array().unwrap().iter().map(|item| item["rule"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn a_rule_is_declared_found_changed_and_withdrawn() {
    let server = Server::start().await;
    let card =
        r#"{"condition":"low_stock","product_id":"BOLT","location":"w/bin","settings":{"below":5},"owner":"anna"}"#;
    let put = server.put("/v1/rules/bolts", card).await;
    assert_eq!(put.status, 200, "{}", put.text());
    let rule = put.json();
    assert_eq!((&rule["settings"], &rule["enabled"]), (&json!({"below": "5"}), &true.into()));
    assert_eq!((&rule["built_in"], &rule["declared"]), (&false.into(), &true.into()));
    let position = server.app.engine().position();
    assert_eq!(server.put("/v1/rules/bolts", card).await.status, 200);
    assert_eq!(server.app.engine().position(), position, "what is known already records nothing");
    assert_eq!(names(&server.shown("/v1/rules?product_id=BOLT").await), ["bolts"]);
    assert_eq!(names(&server.shown("/v1/rules?search=ANNA").await), ["bolts"]);
    assert_eq!(names(&server.shown("/v1/rules?built_in=false").await), ["bolts"]);
    assert_eq!(server.shown("/v1/rules/bolts").await["location"], "w/bin");
    assert_eq!(server.withdraw("/v1/rules/bolts").await.status, 200);
    let gone = (404, "unknown_rule".to_owned(), "rule".to_owned());
    assert_eq!(server.get("/v1/rules/bolts").await.problem(), gone);
    assert_eq!(server.withdraw("/v1/rules/bolts").await.problem(), gone);
    server.stop().await;
}

#[tokio::test]
async fn a_built_in_rule_is_listed_changed_and_comes_back() {
    let server = Server::start().await;
    let built_in = server.shown("/v1/rules?built_in=true&limit=1000").await;
    assert_eq!(names(&built_in).len(), watch::builtin_rules().len());
    assert!(names(&built_in).is_sorted());
    let one = "/v1/rules/default-expired-lot";
    assert_eq!(server.shown(one).await["declared"], false);
    assert_eq!(server.withdraw(one).await.problem(), (409, "built_in_rule".into(), "rule".into()));
    let off = server.put(one, r#"{"condition":"expired_lot","enabled":false}"#).await.json();
    assert_eq!((&off["enabled"], &off["built_in"], &off["declared"]), (&false.into(), &true.into(), &true.into()));
    assert_eq!(server.withdraw(one).await.json()["built_in"], true);
    assert_eq!(server.shown(one).await["enabled"], true);
    server.stop().await;
}

#[tokio::test]
async fn what_is_wrong_with_a_rule_is_named() {
    let server = Server::start().await;
    let check = async |card: &str, code: &str, field: &str| {
        let problem = server.put("/v1/rules/x", card).await.problem();
        assert_eq!((problem.0, &*problem.1, &*problem.2), (422, code, field), "{card}");
    };
    check(r#"{"condition":"low_stok"}"#, "invalid_rule", "condition").await;
    check(r#"{"condition":"low_stock"}"#, "invalid_rule", "settings").await;
    check(r#"{"condition":"low_stock","settings":{"below":"many"}}"#, "invalid_rule", "settings.below").await;
    check(r#"{"condition":"low_stock","settings":{"bellow":1}}"#, "invalid_rule", "settings.bellow").await;
    check(r#"{"conditon":"low_stock","settings":{"below":1}}"#, "unknown_field", "conditon").await;
    check(r#"{"condition":"low_stock","rule":"y","settings":{"below":1}}"#, "name_mismatch", "rule").await;
    let both =
        server.put("/v1/rules/x", r#"{"condition":"low_stock","settings":{"below":"a","for_minutes":"b"}}"#).await;
    assert_eq!(both.json()["problems"].as_array().unwrap().len(), 2);
    server.stop().await;
}

#[tokio::test]
async fn rules_come_by_the_thousand_each_with_its_answer() {
    let server = Server::start().await;
    let rule = |number: usize| {
        json!({"rule": format!("t-{number:05}"), "condition": "low_stock", "product_id": format!("P{number}"),
               "settings": {"below": number}})
        .to_string()
    };
    let lines: Vec<String> = (0..2_500).map(rule).collect();
    let ndjson = "application/x-ndjson";
    let tried = server.post_as("/v1/rules?dry_run=true", ndjson, lines.join("\n")).await.json();
    assert_eq!((&tried["declared"], &tried["results"][0]["position"]), (&2_500.into(), &Value::Null));
    assert_eq!(names(&server.shown("/v1/rules?built_in=false").await).len(), 0);
    let done = server.post_as("/v1/rules", ndjson, lines.join("\n")).await.json();
    assert_eq!((&done["declared"], &done["refused"]), (&2_500.into(), &0.into()));
    assert_eq!(done["results"].as_array().unwrap().len(), 2_500);
    assert_eq!((&done["results"][7]["rule"], &done["results"][7]["status"]), (&"t-00007".into(), &"declared".into()));
    let mixed = format!(
        "[{}, {{\"rule\":\"t-00001\",\"condition\":\"low_stock\",\"settings\":{{\"below\":\"x\"}}}}, 7, {}]",
        rule(1),
        rule(9_999)
    );
    let done = server.post("/v1/rules?results=exceptions", mixed).await.json();
    assert_eq!((&done["declared"], &done["unchanged"], &done["refused"]), (&1.into(), &1.into(), &2.into()));
    assert_eq!(
        (&done["results"][0]["index"], &done["results"][0]["problems"][0]["field"]),
        (&1.into(), &"settings.below".into())
    );
    assert_eq!(done["results"][1]["index"], 2);

    let (mut all, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = server.shown(&format!("/v1/rules?built_in=false&limit=1000&cursor={cursor}")).await;
        all.extend(names(&page).into_iter().map(str::to_owned));
        match page["next"].as_str() {
            Some(next) => next.clone_into(&mut cursor),
            None => break,
        }
    }
    assert_eq!(all.len(), 2_501);
    assert!(all.is_sorted_by(|one, other| one < other));
    let wrong = server.post("/v1/rules", r#"{"rule":"x"}"#).await.problem();
    assert_eq!((wrong.0, &*wrong.1), (422, "invalid_body"));
    let wrong = server.post_as("/v1/rules", "text/csv", "x").await.problem();
    assert_eq!((wrong.0, &*wrong.1), (415, "unsupported_media_type"));
    server.stop().await;
}

#[tokio::test]
async fn a_rule_makes_alerts_that_say_so_and_end_by_themselves() {
    let server = Server::start().await;
    let event = |event: &str, quantity: u32, id: u32| {
        format!(
            r#""event": "{event}", "product_id": "BOLT", "location": "w", "quantity": {quantity},
               "timestamp": "2026-02-16T10:00:00Z", "id": "{id}""#
        )
    };
    server.event(&event("item_added", 20, 1)).await;
    let card = r#"{"condition":"low_stock","product_id":"BOLT","location":"w","settings":{"below":10}}"#;
    assert_eq!(server.put("/v1/rules/bolts", card).await.status, 200);
    assert_eq!(server.shown("/v1/alerts").await["items"], json!([]));
    let cause = server.event(&event("item_removed", 15, 2)).await;
    let alert = server.shown("/v1/alerts").await["items"][0].clone();
    assert_eq!(
        (&alert["condition"], &alert["rule"], &alert["cause"]),
        (&"low_stock".into(), &"bolts".into(), &cause.into())
    );
    let detail = server.shown(&format!("/v1/alerts/{}", alert["id"])).await;
    assert_eq!(detail["remedy"], "Order or transfer more.");
    let links: Vec<&str> = detail["links"].as_array().unwrap().iter().map(|l| l["rel"].as_str().unwrap()).collect();
    assert_eq!(links, ["product", "rule", "cause"]);
    server.event(&event("item_added", 15, 3)).await;
    let over = server.shown("/v1/alerts?state=resolved").await["items"][0].clone();
    assert_eq!((&over["id"], &over["outcome"]), (&alert["id"], &"cleared".into()));
    server.stop().await;
}

#[tokio::test]
async fn conditions_say_what_can_be_told_them() {
    let server = Server::start().await;
    let page = server.shown("/v1/conditions").await;
    let items = page["items"].as_array().unwrap();
    assert_eq!(items.len(), watch::CONDITIONS.len());
    let low = items.iter().find(|item| item["condition"] == "low_stock").unwrap();
    assert_eq!((&low["about"], &low["severity"]), (&"stock".into(), &"warning".into()));
    assert_eq!((&low["settings"][0]["name"], &low["settings"][0]["kind"]), (&"below".into(), &"quantity".into()));
    server.stop().await;
}
