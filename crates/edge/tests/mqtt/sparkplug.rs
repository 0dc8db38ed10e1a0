//! A Sparkplug host application on a real broker, and an edge node as small as it can be.

use crate::broker::Broker;
use crate::support::{Running, START, World, settings, within};
use edge::mqtt::{Body, Intake, Intakes, Message, Taken, Taking, Version};
use rumqttc_v4::{AsyncClient, Event, LastWill, MqttOptions, Packet, PublishOptions, QoS};
use std::sync::Arc;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::JoinHandle;
use wire::sparkplug::message::{Metric, MetricValue};
use wire::sparkplug::{DataType, FactKind, HostSettings, Output, Payload, decode, encode};
use wire::topic::Kind;

/// Collects what the host makes of the messages.
struct Collect(UnboundedSender<Output>);

impl Intake for Collect {
    fn takes(&self, kind: &Kind) -> bool {
        *kind == Kind::Sparkplug
    }

    fn take<'a>(&'a self, message: &'a Message) -> Taking<'a> {
        if let Body::Sparkplug(outputs) = &message.body {
            outputs.iter().for_each(|output| self.0.send(output.clone()).unwrap());
        }
        Box::pin(std::future::ready(Ok(Taken::default())))
    }
}

/// An edge node `dock` of the group `depot`, without a library's help.
struct Node {
    client: AsyncClient,
    /// (topic, payload) of what it hears.
    heard: UnboundedReceiver<(String, Vec<u8>)>,
    polling: JoinHandle<()>,
}

impl Node {
    /// Connects with its will, and listens for commands and for the host.
    async fn connect(broker: &Broker, bd_seq: u64) -> Self {
        let mut options = MqttOptions::new("dock", ("127.0.0.1", broker.port));
        let death = encode(&Payload { seq: None, ..payload(0, vec![number("bdSeq", bd_seq)]) });
        options.set_last_will(LastWill::new("spBv1.0/depot/NDEATH/dock", death, QoS::AtLeastOnce, false));
        let (client, mut polled) = AsyncClient::builder(options).capacity(16).try_build().unwrap();
        let (hears, heard) = unbounded_channel();
        let polling = tokio::spawn(async move {
            while let Ok(event) = polled.poll().await {
                if let Event::Incoming(Packet::Publish(publish)) = event {
                    let topic = String::from_utf8(publish.topic.to_vec()).unwrap();
                    drop(hears.send((topic, publish.payload.to_vec())));
                }
            }
        });
        for filter in ["spBv1.0/depot/NCMD/dock", "spBv1.0/STATE/stocktide"] {
            let notice = client.subscribe_tracked(filter, QoS::AtLeastOnce).await.unwrap();
            within("subscribed", notice.wait_completion_async()).await.unwrap();
        }
        Self { client, heard, polling }
    }

    async fn send(&self, kind_and_names: &str, payload: &Payload) {
        let topic = format!("spBv1.0/depot/{kind_and_names}");
        self.client.publish(topic, encode(payload), PublishOptions::new(QoS::AtMostOnce)).await.unwrap();
    }

    async fn hears(&mut self) -> (String, Vec<u8>) {
        within("heard something", self.heard.recv()).await.unwrap()
    }

    /// The connection breaks: the broker sends the will.
    fn vanish(self) {
        self.polling.abort();
    }
}

fn number(name: &str, value: u64) -> Metric {
    let (name, datatype) = (Some(name.to_owned()), Some(DataType::UInt64.number()));
    Metric { name, datatype, value: Some(MetricValue::Long(value)), ..Metric::default() }
}

fn payload(seq: u64, metrics: Vec<Metric>) -> Payload {
    Payload { timestamp: Some(1_771_236_000_000), seq: Some(seq), metrics, ..Payload::default() }
}

/// What the host says next, in short words.
async fn next(outputs: &mut UnboundedReceiver<Output>) -> String {
    match within("the host says something", outputs.recv()).await.unwrap() {
        Output::Reading(reading) => format!("{}={:?}", reading.metric, reading.value.unwrap()),
        Output::Fact(fact) => format!("{} {:?}", fact.device.unwrap_or(fact.node), fact.kind),
        other => format!("{other:?}"),
    }
}

async fn a_life_of_an_edge_node(version: Version) {
    let Some(broker) = Broker::start() else { return };
    let world = World::new();
    let mut settings = settings(&broker, version);
    settings.subscriptions[0].template = "spBv1.0/#".to_owned();
    settings.subscriptions[0].kind = Kind::Sparkplug;
    settings.sparkplug = Some(HostSettings::new("stocktide"));
    let (collect, mut outputs) = unbounded_channel();
    let events = edge::mqtt::EventIntake::new(
        edge::mqtt::Holder::new(world.handle.clone(), "mqtt"),
        wire::event::Limits::default(),
    );
    let host = Running::connected(settings, Intakes::new(events, Some(Arc::new(Collect(collect))))).await;

    let mut node = Node::connect(&broker, 4).await;
    let (topic, state) = node.hears().await;
    assert_eq!(topic, "spBv1.0/STATE/stocktide", "the host's birth was kept for latecomers");
    assert_eq!(state, format!(r#"{{"online":true,"timestamp":{}}}"#, START / 1_000).into_bytes());

    node.send("NDATA/dock", &payload(17, vec![Metric { alias: Some(1), name: None, ..number("", 5) }])).await;
    assert_eq!(next(&mut outputs).await, format!("dock {:?}", FactKind::BeforeBirth));
    let (topic, command) = node.hears().await;
    assert_eq!(topic, "spBv1.0/depot/NCMD/dock");
    assert_eq!(decode(&command).unwrap().metrics[0].name.as_deref(), Some("Node Control/Rebirth"));

    node.send("NBIRTH/dock", &payload(0, vec![number("bdSeq", 4), Metric { alias: Some(1), ..number("level", 5) }]))
        .await;
    assert_eq!(next(&mut outputs).await, format!("dock {:?}", FactKind::Born { bd_seq: Some(4) }));
    assert_eq!(next(&mut outputs).await, "level=UInt(5)");
    node.send("DBIRTH/dock/scale", &payload(1, vec![Metric { alias: Some(2), ..number("weight", 70) }])).await;
    assert_eq!(next(&mut outputs).await, format!("scale {:?}", FactKind::Born { bd_seq: None }));
    assert_eq!(next(&mut outputs).await, "weight=UInt(70)");
    let by_alias = |alias, value| Metric { alias: Some(alias), name: None, datatype: None, ..number("", value) };
    node.send("DDATA/dock/scale", &payload(2, vec![by_alias(2, 71)])).await;
    assert_eq!(next(&mut outputs).await, "weight=UInt(71)");

    let garbage = Payload { seq: None, ..payload(0, vec![]) };
    node.send("DDATA/dock/scale", &garbage).await;
    host.until("held", |status| status.counters().held == 1).await;
    assert_eq!(world.held()[0].1, "sparkplug_seq");
    assert_eq!(world.held()[0].2, "spBv1.0/depot/DDATA/dock/scale");

    node.vanish();
    assert_eq!(next(&mut outputs).await, format!("scale {:?}", FactKind::Died));
    assert_eq!(next(&mut outputs).await, format!("dock {:?}", FactKind::Died));

    let mut other = Node::connect(&broker, 5).await;
    assert!(other.hears().await.1.starts_with(br#"{"online":true"#));
    host.stop().await;
    assert!(other.hears().await.1.starts_with(br#"{"online":false"#), "the host said that it leaves");
    other.vanish();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_life_of_an_edge_node_over_version_3() {
    a_life_of_an_edge_node(Version::V3).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_life_of_an_edge_node_over_version_5() {
    a_life_of_an_edge_node(Version::V5).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_is_cut_off_is_told_dead_by_its_will_and_stays_so_for_latecomers() {
    let Some(mut broker) = Broker::start() else { return };
    let world = World::new();
    let mut settings = settings(&broker, Version::V5);
    settings.subscriptions[0].template = "spBv1.0/#".to_owned();
    settings.subscriptions[0].kind = Kind::Sparkplug;
    settings.sparkplug = Some(HostSettings::new("stocktide"));
    let (collect, mut outputs) = unbounded_channel();
    let events = edge::mqtt::EventIntake::new(
        edge::mqtt::Holder::new(world.handle.clone(), "mqtt"),
        wire::event::Limits::default(),
    );
    let host = Running::connected(settings, Intakes::new(events, Some(Arc::new(Collect(collect))))).await;
    let node = Node::connect(&broker, 0).await;
    node.send("NBIRTH/dock", &payload(0, vec![number("bdSeq", 0)])).await;
    assert_eq!(next(&mut outputs).await, format!("dock {:?}", FactKind::Born { bd_seq: Some(0) }));
    broker.kill();
    assert_eq!(next(&mut outputs).await, format!("dock {:?}", FactKind::Stale));
    broker.start_again();
    host.until("back", |status| status.is_connected() && status.counters().reconnects() == 1).await;
    let mut node = Node::connect(&broker, 1).await;
    assert!(node.hears().await.1.starts_with(br#"{"online":true"#));
    host.kill().await;
    let (topic, state) = node.hears().await;
    assert_eq!((topic.as_str(), state.starts_with(br#"{"online":false"#)), ("spBv1.0/STATE/stocktide", true));
    node.vanish();
}
