//! The host application: who is alive, whose messages are complete, and what to ask of whom.

use super::message::{Metric, MetricValue, Payload};
use super::node::Node;
use super::output::{FactKind, Output, Publish};
use super::{DataType, Error, MessageKind, NAMESPACE, Topic, decode, encode, state_topic};
use ledger::Timestamp;
use serde::Deserialize;
use std::collections::BTreeMap;

/// What the owner of a host application decides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostSettings {
    /// The host's id, which edge nodes wait for: see [`is_id`](super::is_id).
    pub host_id: Box<str>,
    /// How long a missing message may take before a rebirth is asked for, in microseconds.
    pub reorder_timeout_micros: i64,
    /// The least time between two requests for a rebirth of the same edge node, in microseconds.
    pub rebirth_interval_micros: i64,
    /// Edge nodes that are remembered at once.
    pub nodes_max: usize,
    /// Metrics of one edge node and its devices.
    pub metrics_max: usize,
}

impl HostSettings {
    /// Two seconds for a missing message, ten between requests; 10,000 edge nodes of 50,000 metrics.
    pub fn new(host_id: &str) -> Self {
        Self {
            host_id: host_id.into(),
            reorder_timeout_micros: 2_000_000,
            rebirth_interval_micros: 10_000_000,
            nodes_max: 10_000,
            metrics_max: 50_000,
        }
    }
}

/// A host application on one MQTT server.
#[derive(Debug)]
pub struct Host {
    settings: HostSettings,
    /// The time in the will of the present connection, in milliseconds since 1970.
    session_millis: i64,
    is_online: bool,
    nodes: BTreeMap<(Box<str>, Box<str>), Node>,
}

/// What a STATE message says.
#[derive(Deserialize)]
struct State {
    online: bool,
}

impl Host {
    /// A host application that has heard nothing yet.
    pub fn new(settings: HostSettings) -> Self {
        Self { settings, session_millis: 0, is_online: false, nodes: BTreeMap::new() }
    }

    /// What it was made with.
    pub fn settings(&self) -> &HostSettings {
        &self.settings
    }

    /// How many edge nodes are alive.
    pub fn nodes_alive(&self) -> usize {
        self.nodes.values().filter(|node| node.is_alive()).count()
    }

    /// The topics to subscribe to, all before [`connected`](Self::connected).
    pub fn subscriptions(&self) -> Vec<String> {
        let kinds = ["NBIRTH", "NDEATH", "NDATA", "DBIRTH", "DDEATH", "DDATA"];
        let of = |kind: &&str| {
            let device = if kind.starts_with('D') { "/+" } else { "" };
            format!("{NAMESPACE}/+/{kind}/+{device}")
        };
        std::iter::once(state_topic(&self.settings.host_id)).chain(kinds.iter().map(of)).collect()
    }

    /// The will for the next connection: the host's death, with the time that its birth will have.
    pub fn will(&mut self, now: Timestamp) -> Publish {
        self.session_millis = now.0.div_euclid(1_000);
        self.is_online = false;
        self.state(false, self.session_millis)
    }

    /// The connection stands and the subscriptions are made: the host's birth, and questions to whoever went stale.
    pub fn connected(&mut self, now: Timestamp, out: &mut Vec<Output>) {
        self.is_online = true;
        out.push(Output::Publish(self.state(true, self.session_millis)));
        for (key, node) in &mut self.nodes {
            if node.is_stale {
                node.needs_rebirth = true;
                ask_rebirth(&self.settings, key, node, now, out);
            }
        }
    }

    /// The connection is gone: nobody is known to be alive.
    pub fn disconnected(&mut self, now: Timestamp, out: &mut Vec<Output>) {
        self.is_online = false;
        for node in self.nodes.values_mut() {
            node.end(now, FactKind::Stale, out);
        }
    }

    /// The host's death, to publish before a connection is ended on purpose.
    pub fn farewell(&mut self, now: Timestamp) -> Publish {
        self.is_online = false;
        self.state(false, now.0.div_euclid(1_000))
    }

    fn state(&self, online: bool, timestamp: i64) -> Publish {
        Publish {
            topic: state_topic(&self.settings.host_id),
            payload: format!(r#"{{"online":{online},"timestamp":{timestamp}}}"#).into_bytes(),
            qos: 1,
            retain: true,
        }
    }

    /// Takes a message; what follows from it is added to `out`. Commands are for edge nodes and follow to nothing.
    ///
    /// # Errors
    /// The message cannot be taken, and what had been heard stands; `out` may have something to ask of the edge node.
    pub fn take(
        &mut self,
        topic: &str,
        payload: &[u8],
        received_at: Timestamp,
        out: &mut Vec<Output>,
    ) -> Result<(), Error> {
        let (kind, group, node_name, device) = match Topic::parse(topic)? {
            Topic::State { host } => return self.heard_state(host, payload, out),
            Topic::Edge { kind: MessageKind::NodeCommand | MessageKind::DeviceCommand, .. } => return Ok(()),
            Topic::Edge { kind, group, node, device } => (kind, group, node, device),
        };
        let bytes = payload.len();
        let payload = decode(payload)?;
        let key = (Box::from(group), Box::from(node_name));
        if self.nodes.len() >= self.settings.nodes_max && !self.nodes.contains_key(&key) {
            self.nodes.retain(|_, node| node.is_alive());
            if self.nodes.len() >= self.settings.nodes_max {
                return Err(Error::Full { what: "edge nodes", max: self.settings.nodes_max });
            }
        }
        let node = self.nodes.entry(key.clone()).or_insert_with(|| Node::new(group, node_name));
        let metrics_max = self.settings.metrics_max;
        let done = match kind {
            MessageKind::NodeBirth => node.birth(&payload, received_at, metrics_max, out),
            MessageKind::NodeDeath => node.death(&payload, received_at, out),
            _ => {
                let times = (received_at, self.settings.reorder_timeout_micros);
                node.take((kind, device), (payload, bytes), times, metrics_max, out)
            }
        };
        ask_rebirth(&self.settings, &key, node, received_at, out);
        done
    }

    /// Somebody says that we are gone, though we are here: say it again.
    fn heard_state(&self, host: &str, payload: &[u8], out: &mut Vec<Output>) -> Result<(), Error> {
        if host != &*self.settings.host_id || !self.is_online {
            return Ok(());
        }
        let state: State =
            serde_json::from_slice(payload).map_err(|error| Error::Payload { why: error.to_string() })?;
        if !state.online {
            out.push(Output::Publish(self.state(true, self.session_millis)));
        }
        Ok(())
    }

    /// Time has passed: gives up what is missing for too long, and asks again where no rebirth came.
    ///
    /// # Errors
    /// The first message that had waited and cannot be taken; the others are.
    pub fn tick(&mut self, now: Timestamp, out: &mut Vec<Output>) -> Result<(), Error> {
        let mut done = Ok(());
        for (key, node) in &mut self.nodes {
            if node.gives_up_at.is_some_and(|at| at <= now) {
                done = done.and(node.give_up(now, self.settings.metrics_max, out));
            }
            ask_rebirth(&self.settings, key, node, now, out);
        }
        done
    }

    /// When [`tick`](Self::tick) has something to do next; `None` while nothing is missing.
    pub fn tick_due_at(&self) -> Option<Timestamp> {
        let asks_at = |node: &Node| asks_at(&self.settings, node).filter(|_| node.needs_rebirth);
        self.nodes.values().flat_map(|node| [node.gives_up_at, asks_at(node)]).flatten().min()
    }
}

/// When an edge node may be asked again: after the interval, and after twice as long each time that it does not answer,
/// up to 64 intervals. `None` before it was asked at all.
fn asks_at(settings: &HostSettings, node: &Node) -> Option<Timestamp> {
    let pause = settings.rebirth_interval_micros.saturating_mul(1 << node.rebirths_asked.saturating_sub(1).min(6));
    node.rebirth_asked_at.map(|asked_at| Timestamp(asked_at.0.saturating_add(pause)))
}

/// Asks an edge node for its birth, if that is wanted and was not asked for a moment ago.
fn ask_rebirth(
    settings: &HostSettings,
    (group, name): &(Box<str>, Box<str>),
    node: &mut Node,
    now: Timestamp,
    out: &mut Vec<Output>,
) {
    if !node.needs_rebirth || asks_at(settings, node).is_some_and(|at| now < at) {
        return;
    }
    node.rebirth_asked_at = Some(now);
    node.rebirths_asked = node.rebirths_asked.saturating_add(1);
    let timestamp = u64::try_from(now.0.div_euclid(1_000)).ok();
    let metric = Metric {
        name: Some("Node Control/Rebirth".to_owned()),
        timestamp,
        datatype: Some(DataType::Boolean.number()),
        value: Some(MetricValue::Boolean(true)),
        ..Metric::default()
    };
    let payload = encode(&Payload { timestamp, metrics: vec![metric], ..Payload::default() });
    let topic = format!("{NAMESPACE}/{group}/NCMD/{name}");
    out.push(Output::Publish(Publish { topic, payload, qos: 0, retain: false }));
}
