//! What the broker keeps for us, and what it refuses.

use crate::broker::Broker;
use crate::support::{Running, Sender, World, event, settings};
use edge::mqtt::{Credentials, Subscription, Version};
use wire::topic::Kind;

#[tokio::test(flavor = "multi_thread")]
async fn what_is_sent_while_the_client_is_away_arrives_when_it_is_back() {
    let Some(broker) = Broker::start() else { return };
    for version in [Version::V3, Version::V5] {
        let world = World::new();
        Running::connected(settings(&broker, version), world.intake()).await.stop().await;
        let sender = Sender::new(&broker);
        for number in 0..30 {
            sender.send("dock/gate-1/events", event(number)).await;
        }
        assert_eq!(world.entries(), 0);
        let client = Running::connected(settings(&broker, version), world.intake()).await;
        client.until("all taken", |status| status.counters().acknowledged == 30).await;
        assert_eq!(world.entries(), 30, "{version:?}");
        client.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_topic_beside_the_template_is_left_out_and_acknowledged() {
    let Some(broker) = Broker::start() else { return };
    let world = World::new();
    let mut settings = settings(&broker, Version::V5);
    settings.subscriptions[0].template = "dock/gate-{device}/events".to_owned();
    let client = Running::connected(settings, world.intake()).await;
    let sender = Sender::new(&broker);
    sender.send("dock/scale-1/events", event(1)).await;
    sender.send("dock/gate-1/events", event(2)).await;
    client.until("both done", |status| status.counters().acknowledged == 2).await;
    assert_eq!((client.counters().unmatched, world.entries()), (1, 1));
    client.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn name_and_password_are_asked_for_and_given() {
    let with_password = |directory: &std::path::Path| {
        let file = directory.join("passwords");
        std::fs::write(&file, "gate:secret\n").unwrap();
        // The broker's own tool makes a hash of what is there in plain words.
        let made = std::process::Command::new("mosquitto_passwd").arg("-U").arg(&file).status();
        let hashed = made.is_ok_and(|status| status.success());
        if hashed { format!("allow_anonymous false\npassword_file {}\n", file.display()) } else { String::new() }
    };
    let Some(broker) = Broker::with(with_password) else { return };
    for version in [Version::V3, Version::V5] {
        let world = World::new();
        let mut refused = settings(&broker, version);
        refused.credentials = Some(Credentials { username: "gate".into(), password: "wrong".into() });
        let client = Running::start(refused, world.intake());
        client.until("refused", |status| status.problem().is_some()).await;
        let problem = client.status.problem().unwrap();
        assert!(problem.contains("NotAuthorized") || problem.contains("BadUserNamePassword"), "{problem}");
        client.stop().await;
        let mut taken = settings(&broker, version);
        taken.credentials = Some(Credentials { username: "gate".into(), password: "secret".into() });
        Running::connected(taken, world.intake()).await.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_subscription_that_the_broker_refuses_is_told() {
    let only_dock = |directory: &std::path::Path| {
        let file = directory.join("acl");
        std::fs::write(&file, "topic readwrite dock/#\n").unwrap();
        format!("allow_anonymous true\nacl_file {}\n", file.display())
    };
    let Some(broker) = Broker::with(only_dock) else { return };
    let world = World::new();
    let mut settings = settings(&broker, Version::V5);
    let template = "$SYS/{device}".to_owned();
    settings.subscriptions.push(Subscription { template, kind: Kind::Events, share_group: None, qos: 0 });
    let client = Running::connected(settings, world.intake()).await;
    // Mosquitto grants what it then never delivers; brokers that refuse are told of in `problem`.
    let problem = client.status.problem();
    assert!(problem.is_none_or(|problem| problem.contains("'$SYS/+'")));
    client.stop().await;
}
