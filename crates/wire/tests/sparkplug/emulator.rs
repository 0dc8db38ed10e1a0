//! An edge node, as small as it can be, and the host that listens to it.

use ledger::Timestamp;
use wire::sparkplug::message::{Metric, MetricValue};
use wire::sparkplug::{
    DataType, Error, Fact, FactKind, Host, HostSettings, Output, Payload, Publish, Reading, Topic, decode, encode,
};

/// 2026-02-16T10:00:00Z in microseconds.
pub(crate) const START: i64 = 1_771_236_000_000_000;
pub(crate) const SECOND: i64 = 1_000_000;

pub(crate) fn metric(name: &str, datatype: DataType, value: MetricValue) -> Metric {
    let (name, datatype) = (Some(name.to_owned()), Some(datatype.number()));
    Metric { name, datatype, value: Some(value), ..Metric::default() }
}

pub(crate) fn aliased(name: &str, alias: u64, value: f64) -> Metric {
    Metric { alias: Some(alias), ..metric(name, DataType::Double, MetricValue::Double(value)) }
}

pub(crate) fn by_alias(alias: u64, value: f64) -> Metric {
    Metric { alias: Some(alias), value: Some(MetricValue::Double(value)), ..Metric::default() }
}

pub(crate) fn bd_seq(number: u64) -> Metric {
    metric("bdSeq", DataType::Int64, MetricValue::Long(number))
}

pub(crate) fn payload(seq: impl Into<Option<u64>>, metrics: Vec<Metric>) -> Payload {
    Payload { timestamp: Some(1_771_236_000_000), seq: seq.into(), metrics, ..Payload::default() }
}

/// A host and what it said to the last message.
pub(crate) struct Listener {
    pub(crate) host: Host,
    pub(crate) now: Timestamp,
    pub(crate) out: Vec<Output>,
}

impl Listener {
    pub(crate) fn new() -> Self {
        Self { host: Host::new(HostSettings::new("stocktide")), now: Timestamp(START), out: Vec::new() }
    }

    /// Hears a message under `depot/…`, such as `NDATA/dock`.
    pub(crate) fn hear(&mut self, kind_and_names: &str, payload: &Payload) -> Result<(), Error> {
        self.out.clear();
        self.host.take(&format!("spBv1.0/depot/{kind_and_names}"), &encode(payload), self.now, &mut self.out)
    }

    /// A node `dock` with the metric `level` under alias 1, and a device `scale` with `weight` under alias 2.
    pub(crate) fn born() -> Self {
        let mut listener = Self::new();
        listener.hear("NBIRTH/dock", &payload(0, vec![bd_seq(3), aliased("level", 1, 1.0)])).unwrap();
        listener.hear("DBIRTH/dock/scale", &payload(1, vec![aliased("weight", 2, 10.0)])).unwrap();
        listener
    }

    pub(crate) fn pass(&mut self, micros: i64) {
        self.now = Timestamp(self.now.0 + micros);
        self.out.clear();
        self.host.tick(self.now, &mut self.out).unwrap();
    }

    pub(crate) fn readings(&self) -> Vec<&Reading> {
        self.out
            .iter()
            .filter_map(|output| if let Output::Reading(reading) = output { Some(reading) } else { None })
            .collect()
    }

    /// `device.metric=value` or `metric=value`, one a reading.
    pub(crate) fn shown(&self) -> Vec<String> {
        let shown = |reading: &&Reading| {
            let device = reading.device.as_ref().map(|device| format!("{device}.")).unwrap_or_default();
            format!("{device}{}={:?}", reading.metric, reading.value)
        };
        self.readings().iter().map(shown).collect()
    }

    pub(crate) fn facts(&self) -> Vec<(Option<&str>, FactKind)> {
        let mut facts = Vec::new();
        for output in &self.out {
            if let Output::Fact(Fact { device, kind, .. }) = output {
                facts.push((device.as_deref(), *kind));
            }
        }
        facts
    }

    pub(crate) fn published(&self) -> Vec<&Publish> {
        self.out
            .iter()
            .filter_map(|output| if let Output::Publish(publish) = output { Some(publish) } else { None })
            .collect()
    }

    /// How many rebirths were asked for.
    pub(crate) fn rebirths(&self) -> usize {
        let is_rebirth = |publish: &&&Publish| {
            let is_command = matches!(
                Topic::parse(&publish.topic),
                Ok(Topic::Edge { kind: wire::sparkplug::MessageKind::NodeCommand, .. })
            );
            is_command && decode(&publish.payload).unwrap().metrics[0].name.as_deref() == Some("Node Control/Rebirth")
        };
        self.published().iter().filter(is_rebirth).count()
    }
}
