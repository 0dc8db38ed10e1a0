//! What devices say over MQTT becomes observations, and what can't be used is held.

use crate::broker::Broker;
use crate::support::{Running, START, World, settings, within};
use edge::mqtt::{
    Body, Environment, EventIntake, Holder, Intake, Intakes, Message, ObservationIntake, Outgoing, Taken, Version,
    publish,
};
use ledger::{Effect, Observation, Position, Timestamp};
use std::sync::Arc;
use wire::observation::{self, parse_place, parse_readings, unpack_reads};
use wire::sparkplug::{DataType, Fact, FactKind, Output, Reading, Value};
use wire::topic::{Kind, number};

fn intake(world: &World) -> ObservationIntake {
    ObservationIntake::new(Holder::new(world.handle.clone(), "mqtt"))
}

fn message(kind: Kind, metric: Option<&str>, payload: &str) -> Message {
    Message {
        route: 0,
        kind,
        topic: "a/topic".into(),
        site: None,
        device: Some("device-1".into()),
        metric: metric.map(Arc::from),
        source: "device-1".into(),
        content_type: None,
        payload: payload.to_owned().into(),
        body: Body::Plain,
        received_at: Timestamp(START),
    }
}

async fn taken(world: &World, message: &Message) -> Taken {
    within("taken", intake(world).take(message)).await.unwrap()
}

/// The source of the entry at a position, and what it observed.
fn observed(world: &World, position: u64) -> (String, Observation) {
    let entry = world.handle.entry(Position(position)).unwrap().unwrap();
    let source = world.handle.views().catalog().party(entry.decision.source).to_owned();
    let observation = entry.decision.effects.iter().find_map(|effect| match effect {
        Effect::Observed(observation) => Some((**observation).clone()),
        _ => None,
    });
    (source, observation.unwrap())
}

fn text(observation: &Observation) -> &str {
    std::str::from_utf8(&observation.content).unwrap()
}

#[tokio::test]
async fn a_number_is_a_reading_of_the_metric_in_the_topic() {
    let world = World::new();
    let temperature = message(Kind::Sensor(number::Paths::default()), Some("temperature_celsius"), " -18.250\n");
    assert_eq!(taken(&world, &temperature).await, Taken { recorded: 1, ..Taken::default() });
    let (source, observation) = observed(&world, 1);
    assert_eq!((&*source, &*observation.form), ("device-1", observation::READINGS));
    assert_eq!(text(&observation), r#"[{"metric":"temperature_celsius","value":-18.250}]"#);
    let wrong = message(Kind::Sensor(number::Paths::default()), None, "cold");
    assert_eq!(taken(&world, &wrong).await, Taken { held: 1, ..Taken::default() });
    assert_eq!(world.held(), [("cold".to_owned(), "invalid_number".to_owned(), "a/topic".to_owned())]);
}

#[tokio::test]
async fn a_weight_says_its_unit_or_is_in_grams() {
    let world = World::new();
    let path = |text: &str| Some(number::Path::parse(text).unwrap());
    let paths = number::Paths { value: path("w"), at: path("t"), unit: path("u") };
    let weight = message(Kind::Weight(paths), None, r#"{"w":1.5,"u":"kg","t":"2026-02-16T09:00:00Z"}"#);
    taken(&world, &weight).await;
    taken(&world, &weight).await;
    assert_eq!(world.entries(), 1, "delivered twice, it is one");
    let (_, observation) = observed(&world, 1);
    let readings = parse_readings(text(&observation)).unwrap();
    assert_eq!((&*readings[0].metric, &*readings[0].unit), ("weight_kg", "kg"));
    assert_eq!(observation.sent_at, Some(Timestamp(START - 3_600_000_000)));
    taken(&world, &message(Kind::Weight(number::Paths::default()), None, "700")).await;
    assert!(text(&observed(&world, 2).1).contains(r#""metric":"weight_g","value":700"#));
}

#[tokio::test]
async fn reads_go_to_the_readers_that_they_name() {
    let world = World::new();
    let reads = r#"[{"event":"tag_read","epc":"3034257BF7194E4000001A85","antenna":1,"timestamp":"2026-02-16T09:59:59Z"},
        {"event":"tag_read","device":"dock-2","epc":"3034257BF7194E4000001A85","antenna":2,"timestamp":"2026-02-16T10:00:00Z"},
        {"event":"tag_read","epc":"xyz","antenna":1,"timestamp":"2026-02-16T10:00:00Z"}]"#;
    let all = taken(&world, &message(Kind::TagReads, None, reads)).await;
    assert_eq!(all, Taken { recorded: 2, held: 1, ..Taken::default() });
    let of = |position| {
        let (source, observation) = observed(&world, position);
        (source, unpack_reads(&observation.content).map(|read| read.unwrap().antenna).collect::<Vec<_>>())
    };
    assert_eq!([of(1), of(2)], [("device-1".to_owned(), vec![1]), ("dock-2".to_owned(), vec![2])]);
}

#[tokio::test]
async fn a_tracker_says_where_it_is() {
    let world = World::new();
    taken(&world, &message(Kind::Position, None, r#"{"_type":"location","lat":52.37,"lon":4.9,"tst":1771236000}"#))
        .await;
    let (_, observation) = observed(&world, 1);
    assert_eq!(parse_place(text(&observation)).unwrap().latitude, "52.37");
    let lost = taken(&world, &message(Kind::Position, None, r#"{"lat":52.37}"#)).await;
    assert_eq!(lost.held, 1);
}

#[tokio::test]
async fn metrics_of_edge_nodes_are_readings_and_faults_count() {
    let world = World::new();
    let reading = |metric: &str, value: Value, datatype| {
        Output::Reading(Reading {
            group: "depot".into(),
            node: "dock".into(),
            device: Some("scale".into()),
            metric: metric.into(),
            datatype,
            value: Some(value),
            at: Timestamp(START),
            is_historical: false,
            is_transient: false,
            is_of_birth: false,
        })
    };
    let gap = Fact {
        group: "depot".into(),
        node: "dock".into(),
        device: None,
        at: Timestamp(START),
        kind: FactKind::SequenceGap { expected: 3, received: 5 },
    };
    let outputs = [
        reading("weight_kg", Value::Double(1.25), DataType::Double),
        reading("door", Value::Boolean(true), DataType::Boolean),
        Output::Fact(gap),
    ];
    let body = Body::Sparkplug(outputs.into());
    taken(&world, &Message { body, ..message(Kind::Sparkplug, None, "") }).await;
    let (node, fault) = observed(&world, 1);
    assert_eq!((&*node, fault.failures), ("depot/dock", 1));
    let (device, readings) = observed(&world, 2);
    assert_eq!((&*device, readings.failures), ("depot/dock/scale", 0));
    assert_eq!(parse_readings(text(&readings)).unwrap().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_published_arrives_though_the_broker_dies() {
    let Some(mut broker) = Broker::start() else { return };
    let world = World::new();
    let holder = Holder::new(world.handle.clone(), "mqtt");
    let events = EventIntake::new(holder, wire::event::Limits::default());
    let others: Arc<dyn Intake> = Arc::new(intake(&world));
    let client = Running::connected(settings(&broker, Version::V5), Intakes::new(events, Some(others))).await;
    let mut sending = settings(&broker, Version::V5);
    sending.client_id = "sender".into();
    let environment = Environment { now: Arc::new(|| Timestamp(START)), random: Arc::new(|| 4) };
    let (messages, outgoing) = tokio::sync::mpsc::channel(4);
    let publishing = tokio::spawn(publish(sending.check().unwrap(), environment, outgoing));
    let send = async |number: usize| {
        let (topic, payload) = ("dock/gate-1/events".to_owned(), crate::support::event(number).into_bytes());
        messages.send(Outgoing { topic, payload }).await.unwrap();
    };
    for number in 0..5 {
        send(number).await;
    }
    client.until("five", |status| status.counters().recorded >= 5).await;
    broker.kill();
    send(5).await;
    broker.start_again();
    client.until("back", |status| status.is_connected() && status.counters().reconnects() == 1).await;
    for number in 6..10 {
        send(number).await;
    }
    drop(messages);
    within("published", publishing).await.unwrap();
    // One may have been in the dying broker's memory.
    client.until("nine", |status| status.counters().recorded >= 9).await;
    client.stop().await;
    assert!(world.entries() <= 10);
}
