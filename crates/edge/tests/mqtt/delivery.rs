//! Each event counts once, whatever happens on the way.

use crate::broker::Broker;
use crate::support::{Gate, Mute, Running, Sender, World, event, settings, within};
use edge::mqtt::{Counters, Subscription, Version};
use tokio::sync::watch;
use wire::topic::Kind;

async fn events_count_once(version: Version) {
    let Some(broker) = Broker::start() else { return };
    let world = World::new();
    let client = Running::connected(settings(&broker, version), world.intake()).await;
    let sender = Sender::new(&broker);
    for number in 0..50 {
        sender.send("dock/gate-1/events", event(number)).await;
        sender.send("dock/gate-1/events", event(number)).await;
    }
    sender.send("dock/gate-1/events", format!("[{},{}]", event(7), event(50))).await;
    client.until("all taken", |status| status.counters().acknowledged == 101).await;
    let Counters { received, recorded, duplicates, held, connections, .. } = client.counters();
    assert_eq!((received, recorded, duplicates, held, connections), (101, 51, 51, 0, 1));
    assert_eq!(world.entries(), 51);
    client.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn events_count_once_over_version_3() {
    events_count_once(Version::V3).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn events_count_once_over_version_5() {
    events_count_once(Version::V5).await;
}

/// What the broker had in memory is gone with it, so the sender sends again what it sent, as senders do.
#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_dies_midway_costs_nothing_and_doubles_nothing() {
    let Some(mut broker) = Broker::start() else { return };
    for version in [Version::V3, Version::V5] {
        let world = World::new();
        let client = Running::connected(settings(&broker, version), world.intake()).await;
        let sender = Sender::new(&broker);
        for number in 0..20 {
            sender.send("dock/gate-1/events", event(number)).await;
        }
        client.until("some taken", |status| status.counters().recorded >= 5).await;
        broker.kill();
        client.until("noticed", |status| !status.is_connected() && status.problem().is_some()).await;
        assert!(client.status.problem().unwrap().starts_with("no connection to mqtt://127.0.0.1:"));
        broker.start_again();
        client.until("back", |status| status.is_connected() && status.counters().reconnects() == 1).await;
        assert_eq!(client.status.problem(), None);
        // What was on its way when the broker died may be recorded without having been counted.
        let before = client.counters().acknowledged;
        let sender = Sender::new(&broker);
        for number in 0..40 {
            sender.send("dock/gate-1/events", event(number)).await;
        }
        client.until("all done", |status| status.counters().acknowledged == before + 40).await;
        assert_eq!(world.entries(), 40, "{version:?}");
        client.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_dies_before_it_acknowledged_gets_the_events_again_and_counts_them_once() {
    let Some(broker) = Broker::start() else { return };
    for version in [Version::V3, Version::V5] {
        let world = World::new();
        let (taken, mut count) = watch::channel(0);
        let client = Running::connected(settings(&broker, version), Mute(world.intake(), taken)).await;
        let sender = Sender::new(&broker);
        for number in 0..10 {
            sender.send("dock/gate-1/events", event(number)).await;
        }
        within("all durable", count.wait_for(|count| *count == 10)).await.unwrap();
        assert_eq!((world.entries(), client.counters().acknowledged), (10, 0));
        client.kill().await;
        let client = Running::connected(settings(&broker, version), world.intake()).await;
        client.until("all again", |status| status.counters().duplicates == 10).await;
        assert_eq!((world.entries(), client.counters().recorded), (10, 0), "{version:?}");
        client.until("acknowledged", |status| status.counters().acknowledged == 10).await;
        client.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_intake_does_not_take_waits_unacknowledged_and_is_not_lost() {
    let Some(broker) = Broker::start() else { return };
    for version in [Version::V3, Version::V5] {
        let world = World::new();
        let (opener, is_open) = watch::channel(false);
        let mut settings = settings(&broker, version);
        settings.in_flight_max = 4;
        let client = Running::connected(settings, Gate { inner: world.intake(), is_open }).await;
        let sender = Sender::new(&broker);
        for number in 0..100 {
            sender.send("dock/gate-1/events", event(number)).await;
        }
        client.until("full", |status| status.counters().in_flight == 4 && status.counters().retries >= 4).await;
        let counters = client.counters();
        assert_eq!((counters.received, counters.acknowledged), (4, 0), "{version:?}");
        assert_eq!(client.status.problem().as_deref(), Some("shut"));
        opener.send_replace(true);
        client.until("all taken", |status| status.counters().acknowledged == 100).await;
        assert_eq!((world.entries(), client.status.problem()), (100, None));
        client.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_queue_of_the_engine_loses_nothing() {
    let Some(broker) = Broker::start() else { return };
    let world = World::with(engine::Settings { queue_requests_max: 12, ..engine::Settings::default() });
    let client = Running::connected(settings(&broker, Version::V5), world.intake()).await;
    let sender = Sender::new(&broker);
    for first in 0..60 {
        let events: Vec<String> = (0..10).map(|number| event(first * 10 + number)).collect();
        sender.send("dock/gate-1/events", format!("[{}]", events.join(","))).await;
    }
    client.until("all taken", |status| status.counters().acknowledged == 60).await;
    assert_eq!(world.entries(), 600);
    client.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_of_a_group_share_the_events() {
    let Some(broker) = Broker::start() else { return };
    for version in [Version::V3, Version::V5] {
        let world = World::new();
        let shared = |client_id: &str| {
            let mut settings = settings(&broker, version);
            settings.client_id = client_id.to_owned();
            let template = "dock/{device}/events".to_owned();
            let share_group = Some("stocktide".to_owned());
            settings.subscriptions = vec![Subscription { template, kind: Kind::Events, share_group, qos: 1 }];
            settings
        };
        let one = Running::connected(shared("one"), world.intake()).await;
        let other = Running::connected(shared("other"), world.intake()).await;
        let sender = Sender::new(&broker);
        for number in 0..40 {
            sender.send("dock/gate-1/events", event(number)).await;
        }
        let all = || one.counters().acknowledged + other.counters().acknowledged == 40;
        let (mut of_one, mut of_other) = (one.status.changes(), other.status.changes());
        within("all taken", async {
            while !all() {
                tokio::select! {
                    changed = of_one.changed() => changed.unwrap(),
                    changed = of_other.changed() => changed.unwrap(),
                }
            }
        })
        .await;
        assert!(one.counters().recorded > 0 && other.counters().recorded > 0, "{version:?}");
        assert_eq!((world.entries(), one.counters().recorded + other.counters().recorded), (40, 40));
        one.stop().await;
        other.stop().await;
    }
}
