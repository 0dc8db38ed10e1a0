//! What a session sends, step by step, until a reader reads.

use super::{Content, ReaderDescription, Settings, Start};
use crate::llrp::{LlrpError, Message, Version};
use serde_json::{Value, json};

/// A request on the way to a reader that reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    GetVersion,
    SetVersion,
    Capabilities,
    Configure,
    DeleteRoSpecs,
    AddRoSpec,
    EnableRoSpec,
    StartRoSpec,
    Close,
}

/// The kinds of events that a reader tells of by itself.
///
/// # Source
/// LLRP 1.1, 13.2.6.5.1, `EventType`.
mod event_type {
    pub(super) const RO_SPEC: u16 = 2;
    pub(super) const REPORT_BUFFER_FILL_WARNING: u16 = 3;
    pub(super) const READER_EXCEPTION: u16 = 4;
    pub(super) const ANTENNA: u16 = 8;
}

impl Step {
    /// The standard's name of the request.
    pub(super) fn request(self) -> &'static str {
        match self {
            Self::GetVersion => "GET_SUPPORTED_VERSION",
            Self::SetVersion => "SET_PROTOCOL_VERSION",
            Self::Capabilities => "GET_READER_CAPABILITIES",
            Self::Configure => "SET_READER_CONFIG",
            Self::DeleteRoSpecs => "DELETE_ROSPEC",
            Self::AddRoSpec => "ADD_ROSPEC",
            Self::EnableRoSpec => "ENABLE_ROSPEC",
            Self::StartRoSpec => "START_ROSPEC",
            Self::Close => "CLOSE_CONNECTION",
        }
    }

    /// The type number of the answer.
    pub(super) fn answer(self) -> u16 {
        match self {
            Self::GetVersion => 56,
            Self::SetVersion => 57,
            Self::Capabilities => 11,
            Self::Configure => 13,
            Self::DeleteRoSpecs => 31,
            Self::AddRoSpec => 30,
            Self::EnableRoSpec => 34,
            Self::StartRoSpec => 32,
            Self::Close => 4,
        }
    }

    /// Whether it is about the version, in which case a refusal means the old one.
    pub(super) fn is_about_version(self) -> bool {
        matches!(self, Self::GetVersion | Self::SetVersion)
    }

    /// The request's bytes.
    ///
    /// # Errors
    /// `too_long` for more antennas than the message can hold.
    pub(super) fn encode(
        self,
        settings: &Settings,
        reader: &ReaderDescription,
        version: Version,
        id: u32,
    ) -> Result<Vec<u8>, LlrpError> {
        let content = match self {
            Self::GetVersion | Self::Close => json!({}),
            Self::SetVersion => json!({"TargetVersion": Version::V1_1.number()}),
            // All of them.
            Self::Capabilities => json!({"ReaderCapabilitiesRequestedData": 0}),
            Self::Configure => configuration(settings, reader),
            Self::DeleteRoSpecs => json!({"ROSpecID": 0}),
            Self::AddRoSpec => json!({"ROSpec": ro_spec(settings)}),
            Self::EnableRoSpec | Self::StartRoSpec => json!({"ROSpecID": settings.ro_spec_id}),
        };
        // To talk about versions is new in 1.1, so its messages always carry that (LLRP 1.1, 9.1).
        let version = if self.is_about_version() { Version::V1_1 } else { version };
        Message::from_json(self.request(), &content, version, id)?.encode()
    }
}

fn configuration(settings: &Settings, reader: &ReaderDescription) -> Value {
    let mut events = vec![event_type::RO_SPEC, event_type::READER_EXCEPTION, event_type::ANTENNA];
    if reader.warns_of_full_buffer {
        events.push(event_type::REPORT_BUFFER_FILL_WARNING);
    }
    let events: Vec<Value> =
        events.into_iter().map(|kind| json!({"ReaderEventType": kind, "NotificationEnabled": true})).collect();
    json!({
        "ResetToFactoryDefaults": false,
        "ReaderEventNotificationSpec": {"EventNotificationStates": events},
        "KeepAliveSpec": {"Trigger": 1, "Interval": settings.keepalive_ms.max(1)},
        "EventsAndReports": if reader.holds_reports { json!(false) } else { Value::Null },
    })
}

fn ro_spec(settings: &Settings) -> Value {
    let Content { antenna, peak_rssi, first_seen, last_seen, seen_count, channel, ro_spec_id } = settings.content;
    let antennas = if settings.antennas.is_empty() { &[0][..] } else { &settings.antennas };
    json!({
        "ROSpecID": settings.ro_spec_id,
        "ROBoundarySpec": {
            "StartTrigger": {"Trigger": if settings.start == Start::AtOnce { 1 } else { 0 }},
            "StopTrigger": {"Trigger": 0},
        },
        "AISpecs": [{
            "AntennaIDs": antennas,
            "StopTrigger": {"Trigger": 0},
            "InventoryParameterSpecs": [{"InventoryParameterSpecID": 1, "AirProtocolID": 1}],
        }],
        "ROReportSpec": {
            // After N tags, and what is left at the specification's end.
            "Trigger": 2,
            "N": settings.report_tags.max(1),
            "TagReportContentSelector": {
                "EnableROSpecID": ro_spec_id,
                "EnableAntennaID": antenna,
                "EnableChannelIndex": channel,
                "EnablePeakRSSI": peak_rssi,
                "EnableFirstSeenTimestamp": first_seen,
                "EnableLastSeenTimestamp": last_seen,
                "EnableTagSeenCount": seen_count,
            },
        },
    })
}
