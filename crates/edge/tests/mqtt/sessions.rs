//! What the broker keeps for us, and what it refuses.

use crate::broker::Broker;
use crate::support::{Running, Sender, World, event, settings};
use edge::mqtt::{Credentials, Settings, Subscription, Version};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
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

/// A broker that takes anybody and answers to the subscriptions with these codes, once; Mosquitto refuses none.
async fn answer_with(listener: TcpListener, codes: [u8; 2]) -> TcpStream {
    let (mut stream, _) = listener.accept().await.unwrap();
    let connect = packet(&mut stream).await;
    assert_eq!(connect[0] >> 4, 1, "CONNECT");
    stream.write_all(&[0x20, 2, 0, 0]).await.unwrap();
    let subscribe = packet(&mut stream).await;
    assert_eq!(subscribe[0], 0x82, "SUBSCRIBE");
    stream.write_all(&[0x90, 4, subscribe[2], subscribe[3], codes[0], codes[1]]).await.unwrap();
    stream
}

/// The next packet, which is shorter than 128 bytes.
async fn packet(stream: &mut TcpStream) -> Vec<u8> {
    let mut head = [0; 2];
    stream.read_exact(&mut head).await.unwrap();
    let mut packet = vec![0; usize::from(head[1])];
    stream.read_exact(&mut packet).await.unwrap();
    [&head[..], &packet].concat()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_subscription_that_the_broker_refuses_is_told_and_the_others_stand() {
    for (codes, connects, expect) in [
        ([1, 0x80], true, "the broker refuses subscriptions: 'yard/+' (Failure)"),
        ([0x80, 0x80], false, "the broker refuses every subscription: 'dock/+/events' (Failure), 'yard/+' (Failure)"),
    ] {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut settings = Settings::new(&format!("mqtt://{}", listener.local_addr().unwrap()), "stocktide-test");
        settings.version = Version::V3;
        for template in ["dock/{device}/events", "yard/{device}"] {
            let template = template.to_owned();
            settings.subscriptions.push(Subscription { template, kind: Kind::Events, share_group: None, qos: 1 });
        }
        let broker = tokio::spawn(answer_with(listener, codes));
        let world = World::new();
        let client = Running::start(settings, world.intake());
        client.until("told", |status| status.problem().is_some_and(|problem| problem.ends_with(expect))).await;
        client.until("stands or not", |status| status.is_connected() == connects).await;
        client.kill().await;
        drop(broker.await.unwrap());
    }
}
