//! The live stream: what changes, in order, from where a client left off.

use crate::alerts::low_stock;
use crate::support::{Server, Setup};
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use ledger::Severity;
use serde_json::Value;

/// A stream being read.
struct Following {
    body: Incoming,
    text: String,
}

/// One server-sent event.
#[derive(Debug)]
struct Sent {
    event: String,
    id: String,
    data: Value,
}

impl Following {
    async fn of(server: &Server, query: &str, last_id: Option<&str>) -> Self {
        let mut request = server.request("GET", &format!("/v1/stream?{query}"));
        if let Some(id) = last_id {
            request = request.header("last-event-id", id);
        }
        let response = server.open(request.body(Full::<Bytes>::default()).unwrap()).await;
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Self { body: response.into_body(), text: String::new() }
    }

    /// The next event, or move of the last id; `None` at the end of the stream.
    async fn next_any(&mut self) -> Option<Sent> {
        loop {
            if let Some((first, rest)) = self.text.split_once("\n\n") {
                let value = |name: &str| {
                    let found = first.lines().find_map(|line| line.strip_prefix(name));
                    found.and_then(|rest| rest.strip_prefix(':')).unwrap_or_default().trim().to_owned()
                };
                let data = serde_json::from_str(&value("data")).unwrap_or_default();
                let sent = Sent { event: value("event"), id: value("id"), data };
                self.text = rest.to_owned();
                return Some(sent);
            }
            let frame = self.body.frame().await?.ok()?;
            self.text.push_str(std::str::from_utf8(&frame.into_data().unwrap()).unwrap());
        }
    }

    async fn next(&mut self) -> Sent {
        loop {
            let sent = self.next_any().await.expect("the stream goes on");
            if !sent.event.is_empty() {
                return sent;
            }
        }
    }
}

fn added(product: &str, location: &str, quantity: u32, id: u32) -> String {
    format!(
        r#""event": "item_added", "product_id": "{product}", "location": "{location}", "quantity": {quantity},
           "timestamp": "2026-02-16T10:00:00Z", "id": "{id}""#
    )
}

#[tokio::test]
async fn changes_arrive_filtered_and_a_client_goes_on_where_it_left_off() {
    let server = Server::start().await;
    server.event(&added("A", "w/bin-1", 1, 1)).await;
    let mut all = Following::of(&server, "", None).await;
    let mut only_b = Following::of(&server, "product_id=B", None).await;
    let mut bin = Following::of(&server, "location=w/bin-1&product_id=A", None).await;
    // The greeting says from where on a client hears everything.
    for following in [&mut all, &mut only_b, &mut bin] {
        assert_eq!(following.next_any().await.unwrap().id, "1");
    }
    let second = server.event(&added("A", "w/bin-1", 2, 2)).await;
    let sent = all.next().await;
    assert_eq!((sent.event.as_str(), sent.id), ("stock", second.to_string()));
    assert_eq!((&sent.data["product_id"], &sent.data["on_hand_quantity"]), (&"A".into(), &3.into()));
    assert_eq!(sent.data["as_of_position"], second);
    let sent = bin.next().await;
    assert_eq!((&sent.data["location"], &sent.data["on_hand_quantity"]), (&"w/bin-1".into(), &3.into()));
    server.event(&added("A", "w/bin-2", 4, 3)).await;
    let fourth = server.event(&added("B", "v", 1, 4)).await;
    assert_eq!(only_b.next().await.id, fourth.to_string());
    drop(all);

    let mut again = Following::of(&server, "", Some(&second.to_string())).await;
    assert_eq!(again.next().await.data["on_hand_quantity"], 7, "both bins: what was missed, as it stands now");
    assert_eq!(again.next().await.data["product_id"], "B");
    let mut after = Following::of(&server, "after=1&product_id=B", None).await;
    assert_eq!(after.next().await.id, fourth.to_string());
    let mut lost = Following::of(&server, "", Some("999")).await;
    let sent = lost.next().await;
    assert_eq!((sent.event.as_str(), sent.id), ("reset", fourth.to_string()));
    server.stop().await;
    // A stopping server ends its streams.
    while again.next_any().await.is_some() {}
}

#[tokio::test]
async fn only_so_many_streams_are_open_at_once() {
    let mut setup = Setup::default();
    setup.edge.streams_max = 1;
    let server = Server::with(setup).await;
    let mut first = Following::of(&server, "", None).await;
    assert_eq!(first.next_any().await.unwrap().id, "0");
    let second = server.get("/v1/stream").await;
    assert_eq!((second.problem().0, second.problem().1), (429, "too_many_streams".into()));
    assert_eq!(second.header("retry-after"), "1");
    assert!(server.get("/metrics").await.text().contains("stocktide_http_streams 1\n"));
    server.stop().await;
}

#[tokio::test]
async fn alerts_are_told_live_and_again_after_a_break() {
    let server = Server::start().await;
    let mut all = Following::of(&server, "", None).await;
    let mut grave = Following::of(&server, "events=alert&severity_min=critical", None).await;
    let mut elsewhere = Following::of(&server, "events=alert&location=v", None).await;
    for following in [&mut all, &mut grave, &mut elsewhere] {
        assert_eq!(following.next_any().await.unwrap().id, "0");
    }
    let bolt = server.raise(low_stock("BOLT", "w/bin-1", Severity::Warning)).await;
    let sent = all.next().await;
    assert_eq!((&*sent.event, sent.id), ("alert", bolt.to_string()));
    assert_eq!((&sent.data["change"], &sent.data["id"]), (&"opened".into(), &bolt.into()));
    assert_eq!(server.post(&format!("/v1/alerts/{bolt}/acknowledge"), "").await.status, 200);
    let sent = all.next().await;
    assert_eq!((&sent.data["change"], &sent.data["state"]), (&"changed".into(), &"acknowledged".into()));
    let nut = server.raise(low_stock("NUT", "v", Severity::Critical)).await;
    assert_eq!(grave.next().await.data["product_id"], "NUT");
    assert_eq!(elsewhere.next().await.data["product_id"], "NUT");
    let added = server.event(&added("A", "w", 1, 1)).await;
    assert_eq!(server.post(&format!("/v1/alerts/{bolt}/resolve"), "").await.status, 200);

    let mut again = Following::of(&server, "", Some(&bolt.to_string())).await;
    let missed = [again.next().await, again.next().await, again.next().await];
    let said = missed.map(|sent| (sent.id, sent.data["change"].as_str().unwrap_or_default().to_owned()));
    let expect = [(nut, "opened"), (added, ""), (added + 1, "resolved")];
    assert_eq!(said, expect.map(|(id, change)| (id.to_string(), change.to_owned())));
    let wrong = server.get("/v1/stream?events=alarms").await.problem();
    assert_eq!(wrong, (400, "invalid_query".into(), "events".into()));
    server.stop().await;
}
