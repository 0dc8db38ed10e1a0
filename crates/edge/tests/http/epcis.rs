//! EPCIS events are captured, asked for again, and move stock.

use crate::support::{Answer, SECOND, Server};
use http_body_util::Full;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use wire::epcis::{DocumentKind, Event, Limits, read};

pub(crate) const ROOT: &str = "/epcis/v2";

/// Published examples; what may not be copied is absent in a clone.
fn examples() -> Vec<PathBuf> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let roots = [here.join("../wire/tests/data/epcis"), here.join("../../../shared/data/epcis_gs1/examples")];
    let mut found = Vec::new();
    let mut folders: Vec<PathBuf> = roots.into_iter().filter(|root| root.exists()).collect();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|ending| ["json", "jsonld", "xml"].iter().any(|one| ending == *one))
            {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

pub(crate) fn events_of(answer: &Answer) -> Vec<Event> {
    let read = read(&answer.body, &Limits::default());
    let document = read.document.unwrap_or_else(|| panic!("{}", answer.text()));
    assert_eq!(document.kind, DocumentKind::QueryDocument);
    document.events
}

impl Server {
    pub(crate) async fn capture(&self, document: impl Into<bytes::Bytes>) -> Value {
        self.capture_as("rollback", document).await
    }

    /// Captures a document, which must be taken; answers the job.
    pub(crate) async fn capture_as(&self, behaviour: &str, document: impl Into<bytes::Bytes>) -> Value {
        let request = self
            .request("POST", &format!("{ROOT}/capture"))
            .header("content-type", "application/json")
            .header("gs1-capture-error-behaviour", behaviour);
        let answer = self.send(request.body(Full::new(document.into())).unwrap()).await;
        assert_eq!(answer.status, 202, "{}", answer.text());
        self.shown(answer.header("location")).await
    }

    pub(crate) async fn found(&self, query: &str) -> Vec<Event> {
        let answer = self.get(&format!("{ROOT}/events?{query}")).await;
        assert_eq!(answer.status, 200, "{query}: {}", answer.text());
        events_of(&answer)
    }

    pub(crate) async fn found_ids(&self, query: &str) -> Vec<String> {
        self.found(query).await.iter().map(|event| event.event_id().unwrap()[4..].to_owned()).collect()
    }

    pub(crate) async fn on_hand(&self, product: &str, location: &str) -> Value {
        self.get(&format!("/v1/stock/{product}/{location}")).await.json()["on_hand_quantity"].clone()
    }
}

pub(crate) fn document(events: &[Value]) -> String {
    json!({
        "@context": "https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld",
        "type": "EPCISDocument", "schemaVersion": "2.0", "creationDate": "2026-02-16T10:00:00Z",
        "epcisBody": {"eventList": events}
    })
    .to_string()
}

pub(crate) const SHOP: &str = "urn:epc:id:sgln:4012345.00001.0";
pub(crate) const DEPOT: &str = "urn:epc:id:sgln:4012345.00002.0";
/// GTIN 04012345111118 at GLN 4012345000016, and 4012345000023.
const GTIN: &str = "04012345111118";

/// An id that is a URI, as ids should be.
fn urn(id: &str) -> String {
    format!("urn:{id}")
}

pub(crate) fn object(id: &str, action: &str, step: &str, more: Value) -> Value {
    let mut event = json!({
        "type": "ObjectEvent", "eventID": urn(id), "eventTime": "2026-02-16T10:00:00Z", "eventTimeZoneOffset": "+01:00",
        "action": action, "bizStep": step, "epcList": []
    });
    event.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    event
}

fn quantity(id: &str, action: &str, step: &str, count: u32, at: &str) -> Value {
    let class = "urn:epc:idpat:sgtin:4012345.011111.*";
    let more = json!({
        "quantityList": [{"epcClass": class, "quantity": count}], "readPoint": {"id": at}, "bizLocation": {"id": at}
    });
    object(id, action, step, more)
}

#[tokio::test]
async fn every_published_example_is_taken_or_refused_and_found_again_as_it_was() {
    let server = Server::start().await;
    let (mut taken, mut refused) = (0, 0);
    for path in examples() {
        let text = std::fs::read(&path).unwrap();
        let read = read(&text, &Limits::default());
        let is_valid = read.is_valid();
        let Some(document) = read.document else { continue };
        let excludes = document.head.iter().any(|(name, _)| name.ends_with(":ignoreFields"));
        let typed =
            if path.extension().is_some_and(|ending| ending == "xml") { "application/xml" } else { "application/json" };
        let answer = server.post_as(&format!("{ROOT}/capture"), typed, text).await;
        if !is_valid {
            refused += 1;
            assert_eq!(answer.status, 400, "{}", path.display());
            assert_eq!(answer.json()["type"], "epcisException:ValidationException", "{}", path.display());
            continue;
        }
        taken += 1;
        assert_eq!(answer.status, 202, "{}: {}", path.display(), answer.text());
        let job = server.shown(answer.header("location")).await;
        assert_eq!(job["running"], false);
        if job["success"] != true {
            // Examples use one id for different events.
            let mut errors = job["errors"].as_array().unwrap().iter();
            assert!(errors.any(|error| error["title"] == "key conflict"), "{job}");
            continue;
        }
        for event in document.events {
            let id = event.event_id().map_or_else(|| event.hash(), str::to_owned);
            let answer = server.get(&format!("{ROOT}/events/{}", encoded(&id))).await;
            assert_eq!(answer.status, 200, "{}: {id}: {}", path.display(), answer.text());
            let said = |event: &Event| {
                let mut body = event.body().clone();
                ["recordTime", "eventID"].iter().for_each(|name| drop(body.remove(name)));
                body
            };
            let found = events_of(&answer);
            // Beside others, a prefix that was never declared means what it means to them; and what a document says of
            // hashes is not in the event.
            // What was captured before in another spelling is found as it was then.
            let is_same = |other: &Event| found.len() > 1 || excludes || other.hash() == event.hash();
            let is_again = |other: &Event| job["duplicates"] != 0 && is_same(other);
            let is_found = found.iter().any(|other| said(other) == said(&event) || is_again(other));
            assert!(is_found, "{}", path.display());
            let request =
                server.request("GET", &format!("{ROOT}/events/{}", encoded(&id))).header("accept", "application/xml");
            let answer = server.send(request.body(Full::default()).unwrap()).await;
            assert_eq!(answer.header("content-type"), "application/xml");
            assert!(events_of(&answer).iter().any(is_same), "{}", path.display());
        }
    }
    assert!(taken >= 50 && refused >= 10, "{taken} taken, {refused} refused");
    server.stop().await;
}

pub(crate) fn encoded(id: &str) -> String {
    id.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

#[tokio::test]
async fn an_event_comes_back_member_for_member() {
    let server = Server::start().await;
    let event = object(
        "uuid:1",
        "OBSERVE",
        "shipping",
        json!({"epcList": ["urn:epc:id:sgtin:4012345.011111.7"], "ex:temperature": {"ex:unit": "CEL", "value": 4.50}}),
    );
    let mut whole = event.clone();
    whole["@context"] =
        json!(["https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld", {"ex": "https://example.com/"}]);
    let answer = server.post(&format!("{ROOT}/events"), whole.to_string()).await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    assert_eq!(answer.header("location"), "/epcis/v2/events/urn%3Auuid%3A1");
    let shown = server.shown(answer.header("location")).await;
    assert_eq!(shown["@context"][1], json!({"ex": "https://example.com/"}));
    let mut back = shown["epcisBody"]["queryResults"]["resultsBody"]["eventList"][0].clone();
    assert_eq!(back["recordTime"], "2026-02-16T10:00:00Z");
    back.as_object_mut().unwrap().remove("recordTime");
    assert_eq!(back, event);
    let again = server.post(&format!("{ROOT}/events"), whole.to_string()).await;
    assert_eq!(again.status, 201, "the same again changes nothing: {}", again.text());
    whole["bizStep"] = "receiving".into();
    let other = server.post(&format!("{ROOT}/events"), whole.to_string()).await;
    assert_eq!(
        (other.status.as_u16(), &other.json()["type"]),
        (409, &json!("epcisException:ResourceAlreadyExistsException"))
    );
    assert_eq!(server.found("").await.len(), 1);
    assert_eq!(
        server.get(&format!("{ROOT}/events/none")).await.json()["type"],
        "epcisException:NoSuchResourceException"
    );
    server.stop().await;
}

#[tokio::test]
async fn a_capture_is_all_or_nothing_unless_it_shall_proceed() {
    let server = Server::start().await;
    server.capture(document(&[quantity("a", "OBSERVE", "receiving", 5, SHOP)])).await;
    let mixed = document(&[
        quantity("b", "OBSERVE", "receiving", 7, SHOP),
        quantity("a", "OBSERVE", "receiving", 6, SHOP),
        quantity("b", "OBSERVE", "receiving", 7, SHOP),
    ]);
    let job = server.capture(mixed.clone()).await;
    assert_eq!(
        (&job["success"], &job["captured"], &job["captureErrorBehaviour"]),
        (&json!(false), &json!(0), &json!("rollback"))
    );
    assert_eq!(job["errors"][0]["event"], 1);
    assert_eq!(server.found("").await.len(), 1);
    let job = server.capture_as("proceed", mixed.clone()).await;
    assert_eq!((&job["success"], &job["captured"], &job["duplicates"]), (&json!(false), &json!(1), &json!(1)), "{job}");
    assert_eq!(server.on_hand(GTIN, "4012345000016").await, 12);

    let mut wrong = quantity("c", "OBSERVE", "receiving", 1, SHOP);
    wrong["action"] = "TAKE".into();
    let answer = server.post(&format!("{ROOT}/capture"), document(&[wrong.clone()])).await;
    assert_eq!((answer.status.as_u16(), &answer.json()["type"]), (400, &json!("epcisException:ValidationException")));
    assert_eq!(answer.json()["errors"][0]["path"], "epcisBody/eventList/0/action");
    let job = server.capture_as("proceed", document(&[wrong, quantity("d", "OBSERVE", "receiving", 1, SHOP)])).await;
    assert_eq!((&job["success"], &job["captured"]), (&json!(false), &json!(1)), "{job}");
    assert_eq!(job["errors"][0]["path"], "epcisBody/eventList/0/action");

    let jobs = server.get(&format!("{ROOT}/capture?perPage=2")).await;
    assert_eq!(jobs.json().as_array().unwrap().len(), 2);
    let next = jobs.header("link").split(['<', '>']).nth(1).unwrap().to_owned();
    assert_eq!(server.shown(&next).await.as_array().unwrap().len(), 2);

    let server = server.restart(true).await;
    assert_eq!(server.shown(&format!("{ROOT}/capture")).await.as_array().unwrap().len(), 4);
    assert_eq!(server.shown(&format!("{ROOT}/capture/{}", job["captureID"].as_str().unwrap())).await, job);
    let again = server.capture_as("proceed", mixed).await;
    assert_eq!((&again["captured"], &again["duplicates"]), (&json!(0), &json!(2)));
    assert_eq!(server.on_hand(GTIN, "4012345000016").await, 13);
    server.stop().await;
}

#[tokio::test]
async fn goods_are_received_shipped_and_declared_wrong() {
    let server = Server::start().await;
    server.put("/v1/products/CHAIR", &json!({"name": "Chair", "gtin": GTIN}).to_string()).await;
    server.put("/v1/locations/shop", &json!({"name": "Shop", "gln": "4012345000016"}).to_string()).await;
    server.capture(document(&[quantity("in", "OBSERVE", "receiving", 20, SHOP)])).await;
    assert_eq!(server.on_hand("CHAIR", "shop").await, 20);
    let mut shipping = quantity("out", "OBSERVE", "shipping", 8, SHOP);
    shipping["destinationList"] = json!([{"type": "location", "destination": DEPOT}]);
    server.capture(document(&[shipping.clone()])).await;
    assert_eq!(server.on_hand("CHAIR", "shop").await, 12);

    let mut wrong = shipping.clone();
    wrong["errorDeclaration"] = json!({"declarationTime": "2026-02-16T11:00:00Z", "reason": "did_not_occur"});
    let job = server.capture(document(&[wrong.clone()])).await;
    assert_eq!((&job["success"], &job["errors"]), (&json!(true), &json!([])));
    assert_eq!(server.on_hand("CHAIR", "shop").await, 20);
    assert_eq!(
        server.shown(&format!("{ROOT}/events/urn:out")).await["epcisBody"]["queryResults"]["resultsBody"]["eventList"]
            .as_array()
            .unwrap()
            .len(),
        2
    );
    assert_eq!(server.capture(document(&[wrong])).await["duplicates"], 1);
    assert_eq!(server.on_hand("CHAIR", "shop").await, 20);

    // Both in one document, and the declaration before the event.
    let mut first = quantity("x", "OBSERVE", "receiving", 100, SHOP);
    let late = quantity("y", "OBSERVE", "receiving", 100, SHOP);
    let declared = |mut event: Value| {
        event["errorDeclaration"] = json!({"declarationTime": "2026-02-16T11:00:00Z", "reason": "incorrect_data"});
        event
    };
    server.capture(document(&[first.clone(), declared(first.clone())])).await;
    assert_eq!(server.on_hand("CHAIR", "shop").await, 20);
    let job = server.capture(document(&[declared(late.clone())])).await;
    assert_eq!(job["errors"][0]["title"], "nothing reversed");
    server.capture(document(&[late])).await;
    assert_eq!(server.on_hand("CHAIR", "shop").await, 20);
    first["eventID"] = "urn:z".into();
    server.capture(document(&[first])).await;
    assert_eq!(server.on_hand("CHAIR", "shop").await, 120);
    server.stop().await;
}

#[tokio::test]
async fn a_packed_pallet_is_shipped_as_one() {
    let server = Server::start().await;
    server.capture(document(&[quantity("in", "OBSERVE", "receiving", 20, SHOP)])).await;
    let pallet = "urn:epc:id:sscc:4012345.1234567890";
    let class = "urn:epc:idpat:sgtin:4012345.011111.*";
    let packing = json!({
        "type": "AggregationEvent", "eventID": "urn:pack", "eventTime": "2026-02-16T10:00:01Z",
        "eventTimeZoneOffset": "+01:00", "action": "ADD", "bizStep": "packing", "parentID": pallet,
        "childQuantityList": [{"epcClass": class, "quantity": 12}], "bizLocation": {"id": SHOP}
    });
    let mut leaving = object("leave", "OBSERVE", "shipping", json!({"epcList": [pallet], "readPoint": {"id": SHOP}}));
    leaving["eventTime"] = "2026-02-16T10:00:02Z".into();
    leaving["destinationList"] = json!([{"type": "location", "destination": DEPOT}]);
    server.set_clock(2 * SECOND);
    let job = server.capture(document(&[packing, leaving])).await;
    assert_eq!((&job["success"], &job["captured"], &job["errors"]), (&json!(true), &json!(2), &json!([])), "{job}");
    assert_eq!(server.on_hand(GTIN, "4012345000016").await, 8);
    let mut coming = object("come", "OBSERVE", "receiving", json!({"epcList": [pallet], "readPoint": {"id": DEPOT}}));
    coming["bizLocation"] = json!({"id": DEPOT});
    coming["eventTime"] = "2026-02-16T10:00:03Z".into();
    server.set_clock(3 * SECOND);
    let job = server.capture(document(&[coming])).await;
    assert_eq!(job["errors"], json!([]));
    assert_eq!(server.on_hand(GTIN, "4012345000023").await, 12);
    server.stop().await;
}

#[tokio::test]
async fn what_can_not_be_booked_is_recorded_and_held() {
    let server = Server::start().await;
    let mut event = quantity("far", "OBSERVE", "receiving", 1, SHOP);
    event["eventTime"] = "2027-02-16T10:00:00Z".into();
    let job = server.capture(document(&[event])).await;
    assert_eq!((&job["success"], &job["captured"]), (&json!(true), &json!(1)));
    assert_eq!((&job["errors"][0]["severity"], &job["errors"][0]["event"]), (&json!("warning"), &json!(0)), "{job}");
    assert_eq!(server.found_ids("").await, ["far"]);
    assert_eq!(server.shown("/v1/held").await["items"][0]["code"], "clock_ahead");
    server.stop().await;
}
