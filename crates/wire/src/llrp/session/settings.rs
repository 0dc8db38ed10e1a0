//! What a session asks of its reader.

use crate::llrp::{MESSAGE_BYTES_MAX, Version};

/// What a session asks of its reader, and how long it waits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The antennas to read with, from 1; empty for all.
    pub antennas: Vec<u16>,
    /// After how many tags the reader reports; 1 for each at once. 0 is taken as 1.
    pub report_tags: u16,
    /// What the reader tells of each tag beside its EPC.
    pub content: Content,
    /// Who starts the reading.
    pub start: Start,
    /// How often the reader shows that it lives, in milliseconds. Not 0.
    pub keepalive_ms: u32,
    /// After how many of these times without a byte the reader counts as gone. 0 is taken as 1.
    pub keepalives_missed_max: u32,
    /// How long an answer may take, in milliseconds.
    pub answer_ms_max: u32,
    /// The newest version of the protocol to agree on; the reader may know only older ones.
    pub version_max: Version,
    /// The number of the specification that is put into the reader, above 0.
    pub ro_spec_id: u32,
    /// The longest message that is taken, in bytes.
    pub message_bytes_max: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            antennas: Vec::new(),
            report_tags: 1,
            content: Content::default(),
            start: Start::AtOnce,
            keepalive_ms: 10_000,
            keepalives_missed_max: 3,
            answer_ms_max: 10_000,
            version_max: Version::V1_1,
            ro_spec_id: 1,
            message_bytes_max: MESSAGE_BYTES_MAX,
        }
    }
}

/// What a reader tells of each tag beside its EPC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Content {
    /// Which antenna saw it.
    pub antenna: bool,
    /// The strongest signal.
    pub peak_rssi: bool,
    /// When it was first seen since the last report.
    pub first_seen: bool,
    /// When it was last seen.
    pub last_seen: bool,
    /// How often it was seen since the last report.
    pub seen_count: bool,
    /// On which channel.
    pub channel: bool,
    /// By which specification.
    pub ro_spec_id: bool,
}

impl Default for Content {
    fn default() -> Self {
        Self {
            antenna: true,
            peak_rssi: true,
            first_seen: true,
            last_seen: true,
            seen_count: true,
            channel: false,
            ro_spec_id: false,
        }
    }
}

/// Who starts the reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// The reader, as soon as the specification is enabled.
    AtOnce,
    /// The session, by `START_ROSPEC`: for readers that don't start by themselves.
    BySession,
}
