//! What a reader tells: of itself, of what happened to it, of the tags it saw.

use super::clock::UptimeClock;
use crate::llrp::{LlrpError, Message, Node, Seen, TagReport, TagReports, Version};
use ledger::Timestamp;
use smallvec::SmallVec;

/// Something that went wrong in the talk with a reader.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The stable code: `refused`, `no_answer`, `silent`, `request_refused`, `error_message`, `unexpected_message`,
    /// `no_such_antenna`, or one of [`LlrpError::code`].
    pub code: &'static str,
    /// What went wrong, in words.
    pub detail: String,
}

/// What a reader says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReaderDescription {
    /// The version of the protocol that is spoken.
    pub version: Version,
    /// The maker, by its IANA private enterprise number; 25882 is Impinj.
    pub manufacturer: u64,
    /// The model, by the maker's number.
    pub model: u64,
    /// The version of its firmware.
    pub firmware: String,
    /// How many antennas it can have.
    pub antennas: u16,
    /// Whether its clock knows the date.
    pub has_utc_clock: bool,
    /// Whether it can keep reports until it is asked for them.
    pub holds_reports: bool,
    /// Whether it warns before its memory for reports is full.
    pub warns_of_full_buffer: bool,
}

impl Default for ReaderDescription {
    fn default() -> Self {
        Self {
            version: Version::V1_0_1,
            manufacturer: 0,
            model: 0,
            firmware: String::new(),
            antennas: u16::MAX,
            has_utc_clock: false,
            holds_reports: false,
            warns_of_full_buffer: false,
        }
    }
}

impl ReaderDescription {
    /// What a `GET_READER_CAPABILITIES_RESPONSE` says; what it leaves out is taken for the least, antennas for the most.
    pub(super) fn read(capabilities: &Node, version: Version) -> Self {
        let mut read = Self { version, ..Self::default() };
        if let Some(general) = capabilities.child("GeneralDeviceCapabilities") {
            let number = |field| general.number(field).unwrap_or_default();
            read.manufacturer = number("DeviceManufacturer");
            read.model = number("Model");
            read.firmware = general.text("FirmwareVersion").unwrap_or_default().to_owned();
            read.antennas = u16::try_from(number("MaxSupportedAntennas")).unwrap_or(u16::MAX);
            read.has_utc_clock = general.flag("HasUTCClock").unwrap_or_default();
        }
        if let Some(llrp) = capabilities.child("LLRPCapabilities") {
            read.holds_reports = llrp.flag("SupportsEventsAndReportHolding").unwrap_or_default();
            read.warns_of_full_buffer = llrp.flag("CanReportBufferFillWarning").unwrap_or_default();
        }
        read
    }
}

/// What happened to a reader.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReaderEvent {
    /// It began to read by this specification.
    ReadingStarted {
        /// Which.
        ro_spec_id: u64,
    },
    /// It no longer reads by this specification.
    ReadingEnded {
        /// Which.
        ro_spec_id: u64,
    },
    /// It reads by another specification instead.
    ReadingPreempted {
        /// Which no longer.
        ro_spec_id: u64,
        /// Which instead.
        by_ro_spec_id: u64,
    },
    /// Its memory for reports fills.
    BufferFills {
        /// How full it is.
        percent: u64,
    },
    /// Its memory for reports was full: reads are lost.
    BufferOverflowed,
    /// It has a trouble of its own.
    Exception {
        /// Its words.
        message: String,
    },
    /// An antenna was plugged in.
    AntennaConnected {
        /// Which, from 1.
        antenna: u64,
    },
    /// An antenna was pulled out.
    AntennaDisconnected {
        /// Which, from 1.
        antenna: u64,
    },
    /// Another client tried to connect, and was sent away.
    AnotherClientTried,
    /// Something else, by the name of its parameter.
    Other {
        /// The name, as `HoppingEvent`.
        name: &'static str,
    },
}

/// One tag as it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TagRead {
    /// The bytes that hold the EPC.
    pub epc: SmallVec<[u8; 16]>,
    /// How many bits of them are the EPC's.
    pub epc_bits: u16,
    /// The antenna that saw it, from 1.
    pub antenna: Option<u16>,
    /// The strongest signal while it was seen, in dBm.
    pub peak_rssi_dbm: Option<i8>,
    /// The channel, an index into the reader's table of frequencies, from 1.
    pub channel: Option<u16>,
    /// How often it was seen since it was last reported.
    pub seen_count: Option<u16>,
    /// The specification that made the reader look.
    pub ro_spec_id: Option<u32>,
    /// When it was first seen since it was last reported.
    pub seen_at: Timestamp,
    /// When it was last seen; as `seen_at` when the reader does not tell both.
    pub last_seen_at: Timestamp,
    /// Where these two times come from.
    pub time_source: TimeSource,
}

/// Where the time of a read comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimeSource {
    /// The reader's clock, which knows the date.
    ReaderClock,
    /// The reader's time since its start and when its messages came.
    ReaderUptime,
    /// When the report came: the reader told no time that can be used.
    Receipt,
}

/// What a notification means for the talk.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Notification {
    /// The connection stands, or why it does not.
    Greeting(Result<(), &'static str>),
    /// The reader ends the connection.
    Closed,
    Event(ReaderEvent),
}

/// The reads of a report and, if it is damaged, what is wrong with it behind them.
pub(super) fn read_tags(payload: &[u8], clock: &mut UptimeClock, now: Timestamp) -> (Vec<TagRead>, Option<LlrpError>) {
    let mut reports: Vec<TagReport<'_>> = Vec::new();
    let mut fault = None;
    for report in TagReports::new(payload) {
        match report {
            Ok(report) => reports.push(report),
            Err(error) => fault = Some(error),
        }
    }
    // First all that the reader's count is known to have reached, so that each time follows from the best.
    for seen in reports.iter().flat_map(|report| [report.first_seen, report.last_seen]).flatten() {
        if let Seen::Uptime(uptime_us) = seen {
            clock.observe(uptime_us, now);
        }
    }
    let reads = reports.iter().map(|report| read_tag(report, clock, now)).collect();
    (reads, fault)
}

fn read_tag(report: &TagReport<'_>, clock: &UptimeClock, now: Timestamp) -> TagRead {
    let told = |seen: Seen| match seen {
        Seen::Utc(_) => seen.utc().map(|at| (at, TimeSource::ReaderClock)),
        Seen::Uptime(uptime_us) => clock.time_of(uptime_us).map(|at| (at, TimeSource::ReaderUptime)),
    };
    let (first, last) = (report.first_seen.and_then(told), report.last_seen.and_then(told));
    let (seen_at, time_source) = first.or(last).unwrap_or((now, TimeSource::Receipt));
    TagRead {
        epc: SmallVec::from_slice(report.epc),
        epc_bits: report.epc_bits,
        antenna: report.antenna,
        peak_rssi_dbm: report.peak_rssi_dbm,
        channel: report.channel,
        seen_count: report.seen_count,
        ro_spec_id: report.ro_spec_id,
        seen_at,
        last_seen_at: last.map_or(seen_at, |(at, _)| at),
        time_source,
    }
}

/// What a `READER_EVENT_NOTIFICATION` tells, in the order in which it stands.
pub(super) fn read_notification(message: &Message, clock: &mut UptimeClock, now: Timestamp) -> Vec<Notification> {
    let Some(notification) = message.content.child("ReaderEventNotificationData") else {
        return Vec::new();
    };
    if let Some(uptime_us) = notification.child("Uptime").and_then(|uptime| uptime.number("Microseconds")) {
        clock.observe(uptime_us, now);
    }
    notification.parameters().filter_map(read_event).collect()
}

/// One event; `None` for what tells of none.
fn read_event(node: &Node) -> Option<Notification> {
    let number = |field| node.number(field).unwrap_or_default();
    let ro_spec_id = number("ROSpecID");
    let event = match node.definition().name {
        "UTCTimestamp" | "Uptime" | "Custom" => return None,
        "ConnectionAttemptEvent" => return Some(read_attempt(number("Event"))),
        "ConnectionCloseEvent" => return Some(Notification::Closed),
        "ROSpecEvent" => match number("Event") {
            0 => ReaderEvent::ReadingStarted { ro_spec_id },
            1 => ReaderEvent::ReadingEnded { ro_spec_id },
            _ => ReaderEvent::ReadingPreempted { ro_spec_id, by_ro_spec_id: number("PreemptingROSpecID") },
        },
        "ReportBufferLevelWarningEvent" => ReaderEvent::BufferFills { percent: number("PercentFull") },
        "ReportBufferOverflowErrorEvent" => ReaderEvent::BufferOverflowed,
        "ReaderExceptionEvent" => {
            ReaderEvent::Exception { message: node.text("Message").unwrap_or_default().to_owned() }
        }
        "AntennaEvent" if number("Event") == 0 => ReaderEvent::AntennaDisconnected { antenna: number("AntennaID") },
        "AntennaEvent" => ReaderEvent::AntennaConnected { antenna: number("AntennaID") },
        name => ReaderEvent::Other { name },
    };
    Some(Notification::Event(event))
}

/// What became of an attempt to connect.
///
/// # Source
/// LLRP 1.1, 13.2.6.5.10, `ConnectionAttemptStatusType`.
fn read_attempt(status: u64) -> Notification {
    Notification::Greeting(match status {
        0 => Ok(()),
        1 => Err("it has itself connected to another client"),
        2 => Err("another client is connected"),
        // Told to the client that is connected, of another.
        4 => return Notification::Event(ReaderEvent::AnotherClientTried),
        _ => Err("it does not say why"),
    })
}
