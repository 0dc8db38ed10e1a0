//! An RFID reader that speaks LLRP, without a socket and without a clock: bytes and the time go in, bytes come out.
//!
//! It holds one specification of what to read, as small readers do, and keeps it when its client goes. While a client is
//! there and the specification is active it reads tags by chance and reports them as asked for. What it reported is kept in
//! a log, to compare with what arrived.

mod settings;

pub use settings::{Pieces, ReaderFaults, ReaderSettings, Tag};

use ledger::Timestamp;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::{Value, json};
use std::collections::VecDeque;
use wire::llrp::{Message, Node, Splitter, Version, base64};

/// What a reader does, in this order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReaderOutput {
    /// It sends these bytes.
    Send(Vec<u8>),
    /// It closes the connection.
    Close,
}

/// One read that a reader reported.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reported {
    /// Over which connection, counted from 1.
    pub connection: u64,
    /// Which tag.
    pub tag: Tag,
    /// When; no two reads have the same time.
    pub seen_at: Timestamp,
}

/// How far a specification is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum SpecState {
    Disabled,
    Inactive,
    Active,
}

/// What the reader was told to read.
#[derive(Debug)]
struct Spec {
    id: u64,
    state: SpecState,
    starts_at_once: bool,
    antennas: Vec<u64>,
    report_tags: usize,
    content: Option<Node>,
}

/// A connection with a client.
#[derive(Debug)]
struct Connection {
    splitter: Splitter,
    version: Version,
}

/// A reader. See the [module](self).
#[derive(Debug)]
pub struct SimReader {
    settings: ReaderSettings,
    chance: ChaCha8Rng,
    connection: Option<Connection>,
    connections: u64,
    spec: Option<Spec>,
    keepalive_us: Option<i64>,
    keepalive_at: Timestamp,
    keepalives_unanswered: u64,
    read_at: Timestamp,
    buffer: Vec<(Tag, Timestamp)>,
    reported: Vec<Reported>,
    messages: u64,
    outputs: VecDeque<ReaderOutput>,
    /// What is not yet cut off as a piece.
    unsent: Vec<u8>,
}

impl SimReader {
    /// A reader that nobody is connected to.
    pub fn new(settings: ReaderSettings) -> Self {
        assert!(settings.read_us > 0, "a read takes some time");
        let chance = ChaCha8Rng::seed_from_u64(settings.seed);
        let start = settings.started_at;
        Self {
            settings,
            chance,
            connection: None,
            connections: 0,
            spec: None,
            keepalive_us: None,
            keepalive_at: start,
            keepalives_unanswered: 0,
            read_at: start,
            buffer: Vec::new(),
            reported: Vec::new(),
            messages: 0,
            outputs: VecDeque::new(),
            unsent: Vec::new(),
        }
    }

    /// What it does next; `None` until something goes in.
    pub fn next_output(&mut self) -> Option<ReaderOutput> {
        self.outputs.pop_front()
    }

    /// Everything that it reported, in order.
    pub fn reported(&self) -> &[Reported] {
        &self.reported
    }

    /// Whether it reads and reports.
    pub fn is_reading(&self) -> bool {
        self.connection.is_some() && self.spec.as_ref().is_some_and(|spec| spec.state == SpecState::Active)
    }

    /// How many signs of life wait for their answer.
    pub fn keepalives_unanswered(&self) -> u64 {
        self.keepalives_unanswered
    }

    /// How it misbehaves from now on.
    pub fn set_faults(&mut self, faults: ReaderFaults) {
        self.settings.faults = faults;
    }

    /// A client has connected. The one before, if any, is gone.
    pub fn connected(&mut self, now: Timestamp) {
        self.disconnected();
        self.connections += 1;
        self.connection = Some(Connection { splitter: Splitter::new(1 << 20), version: Version::V1_0_1 });
        self.keepalives_unanswered = 0;
        self.keepalive_at = now;
        self.read_at = self.read_at.max(now);
        let status = self.settings.faults.refuse_with.unwrap_or(0);
        self.notify(now, json!({"ConnectionAttemptEvent": status}));
        if status != 0 {
            self.close();
        }
    }

    /// The client is gone. What it was not sent is lost.
    pub fn disconnected(&mut self) {
        self.connection = None;
        self.outputs.clear();
        self.unsent.clear();
        self.buffer.clear();
    }

    /// The client has sent bytes.
    pub fn received(&mut self, bytes: &[u8], now: Timestamp) {
        let Some(connection) = &mut self.connection else {
            return;
        };
        connection.splitter.push(bytes);
        while let Some(connection) = &mut self.connection {
            let (header, decoded) = match connection.splitter.next_frame() {
                Ok(Some((header, payload))) => (header, Message::decode_payload(header, payload)),
                Ok(None) => break,
                Err(_) => return self.close(),
            };
            if header.version > self.settings.version_max {
                self.fail(header.id, 110);
                continue;
            }
            match decoded {
                Ok(message) => self.request(&message, now),
                Err(_) => self.fail(header.id, 100),
            }
        }
    }

    /// The time goes on: it reads, reports and shows that it lives.
    pub fn tick(&mut self, now: Timestamp) {
        while self.is_reading() && self.read_at <= now {
            self.read();
        }
        if let (Some(_), Some(keepalive_us)) = (&self.connection, self.keepalive_us) {
            while self.keepalive_at <= now {
                self.keepalive_at.0 += keepalive_us;
                if !self.settings.faults.drops_keepalives {
                    self.keepalives_unanswered += 1;
                    let id = u32::try_from(self.messages).unwrap_or(0);
                    self.send("KEEPALIVE", id, &json!({}));
                }
            }
        }
        // What is left of a stream that is cut anywhere does not wait for ever.
        self.flush();
    }

    /// Reads one tag.
    fn read(&mut self) {
        let Some(spec) = &self.spec else { return };
        let at = self.read_at;
        self.read_at.0 += self.settings.read_us;
        let seen = |tag: &&Tag| spec.antennas.contains(&0) || spec.antennas.contains(&u64::from(tag.antenna));
        let tags: Vec<&Tag> = self.settings.tags.iter().filter(seen).collect();
        if tags.is_empty() {
            return;
        }
        let tag = tags[self.chance.random_range(0..tags.len())].clone();
        let is_full = self.buffer.len() + 1 >= spec.report_tags;
        self.buffer.push((tag, at));
        if is_full {
            self.report();
        }
    }

    /// Reports what it has read.
    fn report(&mut self) {
        let tags: Vec<Value> = self.buffer.iter().map(|(tag, at)| self.tag_report(tag, *at)).collect();
        if tags.is_empty() {
            return;
        }
        for (tag, seen_at) in std::mem::take(&mut self.buffer) {
            self.reported.push(Reported { connection: self.connections, tag, seen_at });
        }
        let id = u32::try_from(self.messages).unwrap_or(0);
        self.send("RO_ACCESS_REPORT", id, &json!({"TagReportData": tags}));
    }

    /// A read with what was asked for.
    fn tag_report(&self, tag: &Tag, at: Timestamp) -> Value {
        let spec = self.spec.as_ref();
        let content = spec.and_then(|spec| spec.content.as_ref());
        let wants = |flag: &str| content.and_then(|content| content.flag(flag)).unwrap_or(false);
        let mut report = json!({"EPC96": {"EPC": base64(&tag.epc)}});
        let (first, last) = match self.settings.has_utc_clock {
            true => ("FirstSeenUTC", "LastSeenUTC"),
            false => ("FirstSeenUptime", "LastSeenUptime"),
        };
        for (flag, name, value) in [
            ("EnableROSpecID", "ROSpecID", json!(spec.map(|spec| spec.id))),
            ("EnableAntennaID", "AntennaID", json!(tag.antenna)),
            ("EnablePeakRSSI", "PeakRSSI", json!(tag.peak_rssi_dbm)),
            ("EnableChannelIndex", "ChannelIndex", json!(1)),
            ("EnableFirstSeenTimestamp", first, json!(self.reader_time(at))),
            ("EnableLastSeenTimestamp", last, json!(self.reader_time(at))),
            ("EnableTagSeenCount", "TagSeenCount", json!(1)),
        ] {
            if wants(flag) {
                report[name] = value;
            }
        }
        report
    }

    /// The time as the reader tells it.
    fn reader_time(&self, at: Timestamp) -> i64 {
        if self.settings.has_utc_clock { at.0 } else { at.0 - self.settings.started_at.0 }
    }

    fn notify(&mut self, now: Timestamp, event: Value) {
        let clock = if self.settings.has_utc_clock { "UTCTimestamp" } else { "Uptime" };
        let mut data = event;
        data[clock] = json!(self.reader_time(now));
        self.send("READER_EVENT_NOTIFICATION", 0, &json!({"ReaderEventNotificationData": data}));
    }

    /// Does what a client asks for, and answers.
    fn request(&mut self, message: &Message, now: Timestamp) {
        let name = message.definition().standard_name;
        let content = &message.content;
        if name == "KEEPALIVE_ACK" {
            self.keepalives_unanswered = self.keepalives_unanswered.saturating_sub(1);
            return;
        }
        if self.settings.faults.ignore_request == Some(name) {
            return;
        }
        let refused = self.settings.faults.refuse_request.filter(|(refused, _)| *refused == name);
        if let Some((_, status)) = refused {
            return self.answer(name, message.id, json!({}), status);
        }
        let id = content.number("ROSpecID").unwrap_or_default();
        let (answer, status) = match name {
            "GET_SUPPORTED_VERSION" => {
                let current = self.connection.as_ref().map_or(Version::V1_0_1, |connection| connection.version);
                let max = self.settings.version_max.number();
                (json!({"CurrentVersion": current.number(), "MaxSupportedVersion": max}), 0)
            }
            "SET_PROTOCOL_VERSION" => (json!({}), self.set_version(content.number("TargetVersion"))),
            "GET_READER_CAPABILITIES" => (self.capabilities(), 0),
            "SET_READER_CONFIG" => (json!({}), self.configure(content, now)),
            "ADD_ROSPEC" => (json!({}), self.add(content)),
            "DELETE_ROSPEC" => (json!({}), self.delete(id)),
            "ENABLE_ROSPEC" => (json!({}), self.enable(id, now)),
            "DISABLE_ROSPEC" => (json!({}), self.change(id, SpecState::Disabled, now)),
            "START_ROSPEC" => (json!({}), self.start(id, now)),
            "STOP_ROSPEC" => (json!({}), self.change(id, SpecState::Inactive, now)),
            "CLOSE_CONNECTION" => {
                self.answer(name, message.id, json!({}), 0);
                return self.close();
            }
            _ => return self.fail(message.id, 109),
        };
        self.answer(name, message.id, answer, status);
    }

    fn answer(&mut self, request: &str, id: u32, mut content: Value, status: u16) {
        content["LLRPStatus"] = json!({"Status": status});
        self.send(&format!("{request}_RESPONSE"), id, &content);
    }

    fn fail(&mut self, id: u32, status: u16) {
        self.send("ERROR_MESSAGE", id, &json!({"LLRPStatus": {"Status": status}}));
    }

    fn set_version(&mut self, number: Option<u64>) -> u16 {
        let version = number.and_then(|number| u8::try_from(number).ok()).and_then(Version::from_number);
        match (&mut self.connection, version) {
            (Some(connection), Some(version)) if version <= self.settings.version_max => {
                connection.version = version;
                0
            }
            _ => 110,
        }
    }

    fn capabilities(&self) -> Value {
        let protocols: Vec<Value> = (1..=self.settings.antennas).map(|antenna| json!({"AntennaID": antenna})).collect();
        json!({
            "GeneralDeviceCapabilities": {
                "MaxSupportedAntennas": self.settings.antennas,
                "HasUTCClock": self.settings.has_utc_clock,
                "FirmwareVersion": "sim",
                "ReceiveSensitivities": [{"Index": 1}],
                "PerAntennaAirProtocols": protocols,
            },
            "LLRPCapabilities": {"MaxROSpecs": 1, "SupportsEventsAndReportHolding": true, "CanReportBufferFillWarning": true},
        })
    }

    fn configure(&mut self, content: &Node, now: Timestamp) -> u16 {
        if let Some(spec) = content.child("KeepAliveSpec") {
            let interval = spec.number("Interval").and_then(|interval| i64::try_from(interval).ok()).unwrap_or(0);
            self.keepalive_us = (spec.number("Trigger") == Some(1) && interval > 0).then_some(interval * 1000);
            self.keepalive_at = Timestamp(now.0 + self.keepalive_us.unwrap_or(0));
        }
        0
    }

    fn add(&mut self, content: &Node) -> u16 {
        let Some(given) = content.child("ROSpec") else { return 103 };
        if self.spec.is_some() {
            return 105;
        }
        let number = |node: Option<&Node>, field: &str| node.and_then(|node| node.number(field)).unwrap_or_default();
        let trigger = given.child("ROBoundarySpec").and_then(|boundary| boundary.child("StartTrigger"));
        let report = given.child("ROReportSpec");
        let antennas =
            given.children("AISpecs").filter_map(|spec| spec.list("AntennaIDs")).flatten().copied().collect();
        let id = number(Some(given), "ROSpecID");
        if id == 0 || number(Some(given), "ROSpecCurrentState") != 0 {
            return 300;
        }
        self.spec = Some(Spec {
            id,
            state: SpecState::Disabled,
            starts_at_once: number(trigger, "Trigger") == 1,
            antennas,
            report_tags: usize::try_from(number(report, "N")).unwrap_or(usize::MAX),
            content: report.and_then(|report| report.child("TagReportContentSelector")).cloned(),
        });
        0
    }

    fn delete(&mut self, id: u64) -> u16 {
        if id != 0 && self.spec.as_ref().is_none_or(|spec| spec.id != id) {
            return 300;
        }
        self.spec = None;
        self.buffer.clear();
        0
    }

    fn enable(&mut self, id: u64, now: Timestamp) -> u16 {
        let starts = self.spec.as_ref().is_some_and(|spec| spec.starts_at_once);
        self.change(id, if starts { SpecState::Active } else { SpecState::Inactive }, now)
    }

    fn start(&mut self, id: u64, now: Timestamp) -> u16 {
        match &self.spec {
            Some(spec) if spec.state == SpecState::Disabled => 300,
            _ => self.change(id, SpecState::Active, now),
        }
    }

    /// Brings the specification into `state`; 0 stands for all.
    fn change(&mut self, id: u64, state: SpecState, now: Timestamp) -> u16 {
        match &mut self.spec {
            Some(spec) if id == spec.id || id == 0 => {
                let ends = spec.state == SpecState::Active && state != SpecState::Active;
                spec.state = state;
                self.read_at = self.read_at.max(now);
                if ends {
                    self.report();
                }
                0
            }
            _ => 300,
        }
    }

    fn close(&mut self) {
        self.flush();
        self.connection = None;
        self.outputs.push_back(ReaderOutput::Close);
    }

    /// Sends a message, if it is one of those that are sent well.
    fn send(&mut self, name: &str, id: u32, content: &Value) {
        let Some(connection) = &self.connection else {
            return;
        };
        let message = Message::from_json(name, content, connection.version, id).expect("a reader's messages are good");
        let bytes = message.encode().expect("a reader's messages are short");
        self.messages += 1;
        let faults = &self.settings.faults;
        if faults.mute_from.is_some_and(|from| self.messages >= from) {
            return;
        }
        if faults.garbage_message == Some(self.messages) {
            self.unsent.extend(b"\x00\xffno LLRP at all");
        } else if faults.cut_message == Some(self.messages) {
            self.unsent.extend(&bytes[..bytes.len() / 2]);
            return self.close();
        } else {
            self.unsent.extend(bytes);
        }
        match faults.pieces {
            Pieces::Whole | Pieces::Bytes => self.flush(),
            Pieces::UpTo(bytes_max) => {
                while self.unsent.len() > bytes_max {
                    self.piece(bytes_max);
                }
            }
        }
    }

    /// Sends all that is left.
    fn flush(&mut self) {
        let bytes_max = match self.settings.faults.pieces {
            Pieces::Whole => usize::MAX,
            Pieces::Bytes => 1,
            Pieces::UpTo(bytes_max) => bytes_max,
        };
        while !self.unsent.is_empty() {
            self.piece(bytes_max);
        }
    }

    /// Sends from one byte to `bytes_max`, or all that there are.
    fn piece(&mut self, bytes_max: usize) {
        let count = match self.settings.faults.pieces {
            Pieces::Whole | Pieces::Bytes => bytes_max,
            Pieces::UpTo(_) => self.chance.random_range(1..=bytes_max.max(1)),
        };
        let rest = self.unsent.split_off(count.min(self.unsent.len()));
        let piece = std::mem::replace(&mut self.unsent, rest);
        self.outputs.push_back(ReaderOutput::Send(piece));
    }
}
