//! What a host application makes of what it hears.

use super::{DataType, Value};
use crate::Problem;
use ledger::Timestamp;

/// One thing that follows from a message or from time passing.
#[derive(Clone, Debug, PartialEq)]
pub enum Output {
    /// A value of a metric.
    Reading(Reading),
    /// A metric that cannot be read; the others of its message can.
    Unreadable(Unreadable),
    /// Something to send.
    Publish(Publish),
    /// Something that happened to an edge node or a device.
    Fact(Fact),
}

/// A value of a metric.
#[derive(Clone, Debug, PartialEq)]
pub struct Reading {
    /// The group of the edge node.
    pub group: Box<str>,
    /// The edge node.
    pub node: Box<str>,
    /// The device; `None` for a metric of the edge node itself.
    pub device: Option<Box<str>>,
    /// The metric's name.
    pub metric: Box<str>,
    /// Its datatype.
    pub datatype: DataType,
    /// The value; `None` is null.
    pub value: Option<Value>,
    /// When it was measured; if the sender does not say, when it was sent, and at last when it arrived.
    pub at: Timestamp,
    /// It was kept while the node was away: it says nothing about now.
    pub is_historical: bool,
    /// The sender asks not to keep it.
    pub is_transient: bool,
    /// It came with a birth: the value that the metric has, not one that it got.
    pub is_of_birth: bool,
}

/// A metric that cannot be read.
#[derive(Clone, Debug, PartialEq)]
pub struct Unreadable {
    /// The group of the edge node.
    pub group: Box<str>,
    /// The edge node.
    pub node: Box<str>,
    /// The device, if it is of one.
    pub device: Option<Box<str>>,
    /// The metric's name.
    pub metric: Box<str>,
    /// What is wrong with it.
    pub problem: Problem,
}

/// A message to send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Publish {
    /// Where to.
    pub topic: String,
    /// What.
    pub payload: Vec<u8>,
    /// How surely: 0 at most once, 1 at least once.
    pub qos: u8,
    /// Whether who comes later hears it too.
    pub retain: bool,
}

/// Something that happened to an edge node or a device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fact {
    /// The group of the edge node.
    pub group: Box<str>,
    /// The edge node.
    pub node: Box<str>,
    /// The device; `None` for the edge node itself.
    pub device: Option<Box<str>>,
    /// When: of births and of deaths of devices by the sender's clock, else by ours.
    pub at: Timestamp,
    /// What.
    pub kind: FactKind,
}

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FactKind {
    /// It is there.
    Born {
        /// Which birth of the edge node; `None` for devices and for nodes that do not say.
        bd_seq: Option<u64>,
    },
    /// It is gone.
    Died,
    /// Our connection broke: whether it is there is not known until its next birth.
    Stale,
    /// Messages are missing, and did not come in time.
    SequenceGap {
        /// The number that should have come.
        expected: u8,
        /// The lowest that did.
        received: u8,
    },
    /// Data of something whose birth was not heard; they were left out.
    BeforeBirth,
    /// Data of a metric that the birth did not name; they were left out.
    UnknownMetric {
        /// Its alias, if that is how it was called.
        alias: Option<u64>,
    },
    /// A message whose number had its turn already was left out.
    Repeated {
        /// The number.
        seq: u8,
    },
    /// A death that belongs to an earlier birth was left out.
    OldDeath {
        /// Which birth it belongs to.
        bd_seq: u64,
    },
}
