//! What can't be used is kept for a person, with its topic and its reason.

use crate::broker::Broker;
use crate::support::{Running, Sender, World, event, settings};
use edge::mqtt::Version;

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_read_is_held_once_and_acknowledged() {
    let Some(broker) = Broker::start() else { return };
    let world = World::new();
    let client = Running::connected(settings(&broker, Version::V5), world.intake()).await;
    let sender = Sender::new(&broker);
    let topic = "dock/gate-1/events";
    sender.send(topic, "gate open").await;
    sender.send(topic, [0x00, 0xff, 0x10]).await;
    sender.send(topic, format!(r#"[{}, {{"event":"item_lost"}}]"#, event(1))).await;
    sender.send(topic, "gate open").await;
    client.until("all done", |status| status.counters().acknowledged == 4).await;
    let place = || topic.to_owned();
    let code = |code: &str| code.to_owned();
    let mut held = world.held();
    held.sort();
    assert_eq!(held[0], ("0x00ff10".to_owned(), code("invalid_utf8"), place()));
    assert_eq!(held[1], ("gate open".to_owned(), code("invalid_json"), place()));
    assert_eq!((held[2].0.as_str(), &held[2].2), (r#"{"event":"item_lost"}"#, &place()));
    assert_eq!(held.len(), 3, "the same text twice is held once");
    assert_eq!((client.counters().held, client.counters().duplicates, client.counters().recorded), (3, 1, 1));
    client.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_ledger_refuses_is_held_with_the_reason() {
    let Some(broker) = Broker::start() else { return };
    let world = World::new();
    let client = Running::connected(settings(&broker, Version::V3), world.intake()).await;
    let sender = Sender::new(&broker);
    let reservation = r#"{"event":"reservation_requested","reservation_id":"r1","product_id":"SKU9","location":"warehouse_A","quantity":5,"timestamp":"2026-02-16T09:00:00Z","id":"x1"}"#;
    sender.send("dock/gate-1/events", format!("[{},{reservation}]", event(1))).await;
    client.until("done", |status| status.counters().acknowledged == 1).await;
    assert_eq!(world.held().len(), 1, "{:?}", world.held());
    assert_eq!(world.held()[0].0, reservation);
    assert_eq!((client.counters().held, client.counters().recorded), (1, 1));
    client.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_is_too_long_is_held_with_its_beginning() {
    let Some(broker) = Broker::start() else { return };
    for version in [Version::V3, Version::V5] {
        let world = World::new();
        let mut settings = settings(&broker, version);
        settings.message_bytes_max = 20_000;
        let client = Running::connected(settings, world.intake()).await;
        let sender = Sender::new(&broker);
        sender.send("dock/gate-1/events", " ".repeat(20_001)).await;
        sender.send("dock/gate-1/events", event(1)).await;
        client.until("both done", |status| status.counters().acknowledged == 2).await;
        let held = world.held();
        assert_eq!((held.len(), held[0].0.len(), held[0].1.as_str()), (1, 16 << 10, "too_large"));
        assert_eq!(world.entries(), 2);
        client.stop().await;
    }
}

#[test]
fn a_kind_that_nothing_takes_is_refused_before_the_first_connection() {
    let world = World::new();
    let mut settings = edge::mqtt::Settings::new("mqtt://127.0.0.1", "stocktide");
    let kind = wire::topic::Kind::Weight(wire::topic::number::Paths::default());
    let template = "dock/{device}/weight".to_owned();
    settings.subscriptions.push(edge::mqtt::Subscription { template, kind, share_group: None, qos: 1 });
    let now = std::sync::Arc::new(|| ledger::Timestamp(0));
    let environment = edge::mqtt::Environment { now, random: std::sync::Arc::new(|| 0) };
    let made = edge::mqtt::Client::new(settings.check().unwrap(), std::sync::Arc::new(world.intake()), environment);
    let problem = made.err().unwrap();
    assert_eq!(
        (&*problem.field, problem.detail.as_str()),
        ("subscriptions[0].kind", "messages of kind 'weight' are not taken; choose another kind")
    );
}
