//! Sparkplug B 3.0: what edge nodes and their devices say over MQTT, and the host application that listens.
//!
//! It knows no socket and no clock: [`Host`] is told what arrived and when, and says what to publish. Its one invariant:
//! a reading comes out only while the edge node that sent it is known to be alive and its messages are complete up to
//! there, so that an alias never stands for the wrong metric.
//!
//! Start with [`Host::take`]; [`decode`] and [`Topic`] read what it is given, [`value_of`] what a metric holds.

mod bounds;
mod host;
pub mod message;
mod node;
mod output;
mod topic;
mod value;

pub use host::{Host, HostSettings};
pub use message::Payload;
pub use output::{Fact, FactKind, Output, Publish, Reading, Unreadable};
pub use topic::{MessageKind, NAMESPACE, Topic, is_id, state_topic};
pub use value::{DataType, Value, value_of};

use prost::Message as _;

/// Bytes of one payload.
pub const PAYLOAD_BYTES_MAX: usize = 4 << 20;

/// Why a message cannot be taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Its topic is not one of Sparkplug B.
    #[error("topic {topic} is not of Sparkplug B: {why}")]
    Topic {
        /// The topic, shortened.
        topic: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// It is longer than is taken.
    #[error("the payload has {bytes} bytes; at most {max} are taken: send fewer metrics at once")]
    TooLarge {
        /// Its bytes.
        bytes: usize,
        /// The most that are taken.
        max: usize,
    },
    /// It would unfold to more than is taken.
    #[error(
        "the payload has more than {max} metrics, rows and the like, the one too many at byte {at}: send fewer at once"
    )]
    TooMany {
        /// Where the one too many begins.
        at: usize,
        /// The most that are taken.
        max: usize,
    },
    /// Its templates or properties lie within each other more deeply than is taken.
    #[error("the payload is nested more than {max} deep at byte {at}: send flatter templates and properties")]
    TooDeep {
        /// Where.
        at: usize,
        /// The most that is taken.
        max: usize,
    },
    /// It breaks off, or a length in it is wrong.
    #[error("the payload breaks off at byte {at}, or a length before it is wrong: send the whole of it as protobuf")]
    Truncated {
        /// Where.
        at: usize,
    },
    /// It is no payload of Sparkplug B.
    #[error("the payload is not of Sparkplug B: {why}; send an org.eclipse.tahu.protobuf.Payload")]
    Payload {
        /// What the decoder says.
        why: String,
    },
    /// It lacks its sequence number, or has one out of range.
    #[error("seq is {}, and has to be 0 to 255: number all messages of the edge node", seq.map_or_else(|| "absent".to_owned(), |seq| seq.to_string()))]
    Seq {
        /// What it has.
        seq: Option<u64>,
    },
    /// A death that does not say whose it is.
    #[error("the death of an edge node has no metric 'bdSeq' with a number: send that of its birth")]
    NoBdSeq,
    /// Two metrics of a birth share an alias.
    #[error("alias {alias} stands for {first} and for {second}: give each metric of the edge node its own")]
    AliasTwice {
        /// The alias.
        alias: u64,
        /// What had it first.
        first: String,
        /// What has it again.
        second: String,
    },
    /// A metric of a birth has neither name nor datatype enough to be read later.
    #[error("metric {index} of the birth {lacks}: a birth gives name and datatype of each")]
    Metric {
        /// Its place in the payload, from 0.
        index: usize,
        /// What it lacks.
        lacks: String,
    },
    /// More edge nodes or metrics than are remembered.
    #[error("more than {max} {what} at once; raise the limit, or send them to a second host")]
    Full {
        /// Of what.
        what: &'static str,
        /// The limit.
        max: usize,
    },
}

impl Error {
    /// The stable code of a held input that shows this.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Topic { .. } => "sparkplug_topic",
            Self::TooLarge { .. } | Self::TooMany { .. } | Self::TooDeep { .. } => "too_large",
            Self::Truncated { .. } | Self::Payload { .. } => "sparkplug_payload",
            Self::Seq { .. } => "sparkplug_seq",
            Self::NoBdSeq => "sparkplug_bdseq",
            Self::AliasTwice { .. } | Self::Metric { .. } => "sparkplug_birth",
            Self::Full { .. } => "sparkplug_full",
        }
    }
}

/// Reads a payload.
///
/// # Errors
/// [`Error::TooLarge`], [`Error::TooMany`], [`Error::TooDeep`], [`Error::Truncated`], [`Error::Payload`].
pub fn decode(payload: &[u8]) -> Result<Payload, Error> {
    if payload.len() > PAYLOAD_BYTES_MAX {
        return Err(Error::TooLarge { bytes: payload.len(), max: PAYLOAD_BYTES_MAX });
    }
    bounds::check(payload)?;
    Payload::decode(payload).map_err(|error| Error::Payload { why: error.to_string() })
}

/// Writes a payload.
pub fn encode(payload: &Payload) -> Vec<u8> {
    payload.encode_to_vec()
}
