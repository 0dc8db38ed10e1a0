//! One edge node: its devices, its metrics, and the order of its messages.

use super::message::{Metric, MetricValue, Payload};
use super::output::{Fact, FactKind, Output, Reading, Unreadable};
use super::{DataType, Error, MessageKind, value_of};
use crate::Problem;
use crate::problem::shown;
use ledger::Timestamp;
use std::collections::{BTreeMap, BTreeSet};

/// Messages that wait for an earlier one; beyond, the earlier one is given up at once.
const WAITING_MAX: usize = 32;

/// Bytes of the messages that wait, as they came.
const WAITING_BYTES_MAX: usize = 8 << 20;

/// So far behind the expected number a message is a late or repeated one, and not one of far ahead.
const BEHIND_MAX: u8 = 64;

/// The metric that counts the births of a node.
const BD_SEQ: &str = "bdSeq";

/// Metrics that are switches of the edge node and not readings begin so.
const CONTROL: &str = "Node Control/";

/// A message that came before its turn.
#[derive(Debug)]
struct Waiting {
    kind: MessageKind,
    device: Option<Box<str>>,
    payload: Payload,
    bytes: usize,
    received_at: Timestamp,
    /// When what it waits for is given up.
    gives_up_at: Timestamp,
}

/// Whose metric: a device's, or with `None` the node's own.
type Owner = Option<Box<str>>;

/// What is known of an edge node.
#[derive(Debug)]
pub(super) struct Node {
    group: Box<str>,
    name: Box<str>,
    is_alive: bool,
    bd_seq: Option<u64>,
    /// The number whose turn is next.
    expected: u8,
    /// What came before its turn, by number.
    waiting: BTreeMap<u8, Waiting>,
    waiting_bytes: usize,
    /// When what is missing is given up.
    pub(super) gives_up_at: Option<Timestamp>,
    devices: BTreeSet<Box<str>>,
    metrics: BTreeMap<(Owner, Box<str>), DataType>,
    aliases: BTreeMap<u64, (Owner, Box<str>)>,
    /// Whether it was alive when the connection broke.
    pub(super) is_stale: bool,
    pub(super) needs_rebirth: bool,
    /// When a rebirth was asked for last, and how often since the last birth.
    pub(super) rebirth_asked_at: Option<Timestamp>,
    pub(super) rebirths_asked: u32,
}

/// What a payload says of the times.
#[derive(Clone, Copy)]
struct Times {
    sent: Option<u64>,
    received_at: Timestamp,
}

impl Times {
    fn sent_at(self) -> Timestamp {
        self.sent.and_then(from_millis).unwrap_or(self.received_at)
    }
}

/// The time that is `millis` after 1970; `None` beyond what a timestamp holds.
fn from_millis(millis: u64) -> Option<Timestamp> {
    i64::try_from(millis).ok()?.checked_mul(1_000).map(Timestamp)
}

impl Node {
    pub(super) fn new(group: &str, name: &str) -> Self {
        Self {
            group: group.into(),
            name: name.into(),
            is_alive: false,
            bd_seq: None,
            expected: 0,
            waiting: BTreeMap::new(),
            waiting_bytes: 0,
            gives_up_at: None,
            devices: BTreeSet::new(),
            metrics: BTreeMap::new(),
            aliases: BTreeMap::new(),
            is_stale: false,
            needs_rebirth: false,
            rebirth_asked_at: None,
            rebirths_asked: 0,
        }
    }

    pub(super) const fn is_alive(&self) -> bool {
        self.is_alive
    }

    fn fact(&self, device: Option<&str>, at: Timestamp, kind: FactKind, out: &mut Vec<Output>) {
        let (group, node) = (self.group.clone(), self.name.clone());
        out.push(Output::Fact(Fact { group, node, device: device.map(Box::from), at, kind }));
    }

    /// The node and its devices are no longer known to be alive.
    pub(super) fn end(&mut self, at: Timestamp, kind: FactKind, out: &mut Vec<Output>) {
        self.needs_rebirth = false;
        if !std::mem::take(&mut self.is_alive) {
            return;
        }
        self.is_stale = kind == FactKind::Stale;
        for device in std::mem::take(&mut self.devices) {
            self.fact(Some(&device), at, kind, out);
        }
        self.fact(None, at, kind, out);
        self.waiting.clear();
        self.waiting_bytes = 0;
        self.gives_up_at = None;
    }

    /// Takes a birth of the node.
    pub(super) fn birth(
        &mut self,
        payload: &Payload,
        received_at: Timestamp,
        metrics_max: usize,
        out: &mut Vec<Output>,
    ) -> Result<(), Error> {
        let seq = seq_of(payload)?;
        let (metrics, aliases) = named(payload, None, &BTreeMap::new())?;
        if metrics.len() > metrics_max {
            return Err(Error::Full { what: "metrics", max: metrics_max });
        }
        for device in std::mem::take(&mut self.devices) {
            self.fact(Some(&device), received_at, FactKind::Died, out);
        }
        self.bd_seq = bd_seq_of(payload);
        self.is_alive = true;
        self.expected = seq.wrapping_add(1);
        self.waiting.clear();
        self.waiting_bytes = 0;
        self.gives_up_at = None;
        self.metrics = metrics;
        self.aliases = aliases;
        (self.is_stale, self.needs_rebirth, self.rebirths_asked) = (false, false, 0);
        let times = Times { sent: payload.timestamp, received_at };
        self.fact(None, times.sent_at(), FactKind::Born { bd_seq: self.bd_seq }, out);
        self.readings(None, payload, times, true, out);
        Ok(())
    }

    /// Takes a death of the node.
    pub(super) fn death(
        &mut self,
        payload: &Payload,
        received_at: Timestamp,
        out: &mut Vec<Output>,
    ) -> Result<(), Error> {
        let bd_seq = bd_seq_of(payload).ok_or(Error::NoBdSeq)?;
        if self.is_alive && self.bd_seq.is_some_and(|of_birth| of_birth != bd_seq) {
            self.fact(None, received_at, FactKind::OldDeath { bd_seq }, out);
        } else {
            self.end(received_at, FactKind::Died, out);
        }
        Ok(())
    }

    /// Takes any other message of the node or of one of its devices, in its turn.
    pub(super) fn take(
        &mut self,
        (kind, device): (MessageKind, Option<&str>),
        (payload, bytes): (Payload, usize),
        (received_at, reorder_timeout_micros): (Timestamp, i64),
        metrics_max: usize,
        out: &mut Vec<Output>,
    ) -> Result<(), Error> {
        let seq = seq_of(&payload)?;
        if !self.is_alive {
            self.fact(device, received_at, FactKind::BeforeBirth, out);
            self.needs_rebirth = true;
            return Ok(());
        }
        let ahead = seq.wrapping_sub(self.expected);
        if ahead > u8::MAX - BEHIND_MAX {
            self.fact(device, received_at, FactKind::Repeated { seq }, out);
            return Ok(());
        }
        let gives_up_at = Timestamp(received_at.0.saturating_add(reorder_timeout_micros));
        let waiting = Waiting { kind, device: device.map(Box::from), payload, bytes, received_at, gives_up_at };
        if ahead == 0 {
            self.expected = seq.wrapping_add(1);
            let done = self.apply(waiting, metrics_max, out);
            self.catch_up(metrics_max, out)?;
            return done;
        }
        if self.waiting.contains_key(&seq) {
            self.fact(device, received_at, FactKind::Repeated { seq }, out);
            return Ok(());
        }
        self.waiting_bytes += bytes;
        self.waiting.insert(seq, waiting);
        self.gives_up_at.get_or_insert(gives_up_at);
        if self.waiting.len() > WAITING_MAX || self.waiting_bytes > WAITING_BYTES_MAX {
            return self.give_up(received_at, metrics_max, out);
        }
        Ok(())
    }

    /// Goes on without what is missing, and wants a rebirth.
    pub(super) fn give_up(&mut self, now: Timestamp, metrics_max: usize, out: &mut Vec<Output>) -> Result<(), Error> {
        let mut done = Ok(());
        while let Some(first) = self.waiting.keys().copied().min_by_key(|seq| seq.wrapping_sub(self.expected)) {
            if first != self.expected {
                self.fact(None, now, FactKind::SequenceGap { expected: self.expected, received: first }, out);
            }
            self.expected = first;
            done = done.and(self.catch_up(metrics_max, out));
        }
        self.needs_rebirth = true;
        done
    }

    /// Takes what waited and has its turn now.
    fn catch_up(&mut self, metrics_max: usize, out: &mut Vec<Output>) -> Result<(), Error> {
        let mut done = Ok(());
        while let Some(next) = self.waiting.remove(&self.expected) {
            self.waiting_bytes -= next.bytes;
            self.expected = self.expected.wrapping_add(1);
            done = done.and(self.apply(next, metrics_max, out));
        }
        self.gives_up_at = self.waiting.values().map(|waiting| waiting.gives_up_at).min();
        done
    }

    /// Takes a message whose turn it is.
    fn apply(&mut self, message: Waiting, metrics_max: usize, out: &mut Vec<Output>) -> Result<(), Error> {
        let Waiting { kind, device, payload, received_at, .. } = message;
        let times = Times { sent: payload.timestamp, received_at };
        let device = device.as_deref();
        match (kind, device) {
            (MessageKind::DeviceBirth, Some(device)) => {
                return self.device_birth(device, &payload, times, metrics_max, out);
            }
            (MessageKind::DeviceDeath, Some(device)) if self.devices.remove(device) => {
                self.forget(device);
                self.fact(Some(device), times.sent_at(), FactKind::Died, out);
            }
            (MessageKind::DeviceData, Some(device)) if !self.devices.contains(device) => {
                self.fact(Some(device), received_at, FactKind::BeforeBirth, out);
                self.needs_rebirth = true;
            }
            (MessageKind::DeviceData | MessageKind::NodeData, _) => self.readings(device, &payload, times, false, out),
            // Commands are for edge nodes; births and deaths of nodes are not taken in turn.
            _ => {}
        }
        Ok(())
    }

    fn device_birth(
        &mut self,
        device: &str,
        payload: &Payload,
        times: Times,
        metrics_max: usize,
        out: &mut Vec<Output>,
    ) -> Result<(), Error> {
        let others = self.aliases.iter().filter(|(_, (owner, _))| owner.as_deref() != Some(device));
        let others = others.map(|(alias, of)| (*alias, of.clone())).collect();
        let (metrics, aliases) = named(payload, Some(device), &others)?;
        let others = self.metrics.keys().filter(|(owner, _)| owner.as_deref() != Some(device)).count();
        if others + metrics.len() > metrics_max {
            return Err(Error::Full { what: "metrics", max: metrics_max });
        }
        self.forget(device);
        self.metrics.extend(metrics);
        self.aliases.extend(aliases);
        self.devices.insert(device.into());
        self.fact(Some(device), times.sent_at(), FactKind::Born { bd_seq: None }, out);
        self.readings(Some(device), payload, times, true, out);
        Ok(())
    }

    /// Forgets the metrics of a device.
    fn forget(&mut self, device: &str) {
        self.metrics.retain(|(owner, _), _| owner.as_deref() != Some(device));
        self.aliases.retain(|_, (owner, _)| owner.as_deref() != Some(device));
    }

    /// The readings in a message of the node or of a living device.
    fn readings(
        &mut self,
        device: Option<&str>,
        payload: &Payload,
        times: Times,
        is_of_birth: bool,
        out: &mut Vec<Output>,
    ) {
        for metric in &payload.metrics {
            let Some((owner, name, datatype)) = self.identify(device, metric) else {
                let kind = FactKind::UnknownMetric { alias: metric.alias };
                self.fact(device, times.received_at, kind, out);
                self.needs_rebirth = true;
                continue;
            };
            if owner.is_none() && (&*name == BD_SEQ || name.starts_with(CONTROL)) || is_definition(metric) {
                continue;
            }
            let (group, node) = (self.group.clone(), self.name.clone());
            let unreadable = |problem, metric| {
                Output::Unreadable(Unreadable {
                    group: group.clone(),
                    node: node.clone(),
                    device: owner.clone(),
                    metric,
                    problem,
                })
            };
            let at = match metric.timestamp.map(|millis| from_millis(millis).ok_or(millis)) {
                None => times.sent_at(),
                Some(Ok(at)) => at,
                Some(Err(millis)) => {
                    let detail =
                        format!("timestamp {millis} is beyond what a time can be; send milliseconds since 1970");
                    out.push(unreadable(Problem::new("invalid_timestamp", "timestamp", detail), name));
                    continue;
                }
            };
            match value_of(metric, datatype) {
                Err(problem) => out.push(unreadable(problem, name)),
                Ok(value) => out.push(Output::Reading(Reading {
                    group,
                    node,
                    device: owner,
                    metric: name,
                    datatype,
                    value,
                    at,
                    is_historical: metric.is_historical.unwrap_or(false),
                    is_transient: metric.is_transient.unwrap_or(false),
                    is_of_birth,
                })),
            }
        }
    }

    /// Which metric this is, by name or by alias; `None` for one that no birth named.
    fn identify(&self, device: Option<&str>, metric: &Metric) -> Option<(Owner, Box<str>, DataType)> {
        let (owner, name) = match metric.name.as_deref().filter(|name| !name.is_empty()) {
            Some(name) => (device.map(Box::from), Box::from(name)),
            None => self.aliases.get(&metric.alias?)?.clone(),
        };
        let key = (owner, name);
        let datatype = *self.metrics.get(&key)?;
        Some((key.0, key.1, datatype))
    }
}

type Named = (BTreeMap<(Owner, Box<str>), DataType>, BTreeMap<u64, (Owner, Box<str>)>);

/// The metrics that a birth names, and their aliases, which must not be among `taken`.
fn named(payload: &Payload, device: Option<&str>, taken: &BTreeMap<u64, (Owner, Box<str>)>) -> Result<Named, Error> {
    let (mut metrics, mut aliases): Named = Named::default();
    for (index, metric) in payload.metrics.iter().enumerate() {
        let lacks = |lacks: String| Error::Metric { index, lacks };
        let name = metric.name.as_deref().filter(|name| !name.is_empty());
        let name = name.ok_or_else(|| lacks("has no name".to_owned()))?;
        let number = metric.datatype.ok_or_else(|| lacks(format!("({}) has no datatype", shown(name))))?;
        let datatype = DataType::of(number);
        let datatype =
            datatype.ok_or_else(|| lacks(format!("({}) has datatype {number}, which there is not", shown(name))))?;
        let key = (device.map(Box::from), Box::from(name));
        if let Some(alias) = metric.alias {
            let other = taken.get(&alias).or_else(|| aliases.get(&alias)).filter(|other| **other != key);
            if let Some((_, first)) = other {
                return Err(Error::AliasTwice { alias, first: shown(first), second: shown(name) });
            }
            aliases.insert(alias, key.clone());
        }
        metrics.insert(key, datatype);
    }
    Ok((metrics, aliases))
}

fn is_definition(metric: &Metric) -> bool {
    matches!(&metric.value, Some(MetricValue::Template(template)) if template.is_definition.unwrap_or(false))
}

fn seq_of(payload: &Payload) -> Result<u8, Error> {
    let seq = payload.seq.and_then(|seq| u8::try_from(seq).ok());
    seq.ok_or(Error::Seq { seq: payload.seq })
}

fn bd_seq_of(payload: &Payload) -> Option<u64> {
    let metric = payload.metrics.iter().find(|metric| metric.name.as_deref() == Some(BD_SEQ))?;
    match metric.value {
        Some(MetricValue::Long(value)) => Some(value),
        Some(MetricValue::Int(value)) => Some(value.into()),
        _ => None,
    }
}
