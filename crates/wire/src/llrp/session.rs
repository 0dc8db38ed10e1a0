//! The talk with a reader, without a socket and without a clock.
//!
//! Bytes, connections and the time go in, [`Output`]s come out: bytes to send, events, and the wish to close. The order of
//! the talk: the reader says that the connection stands; the versions are agreed on; its capabilities are asked for; it is
//! configured; what it was told to read before is deleted; what it is to read now is added, enabled and started. From then on
//! it reports, and shows by keepalives that it lives.
//!
//! Invariant: each read that arrives in a report comes out exactly once, in the order of arrival.
//!
//! It knows one connection at a time. Whoever drives it connects again when [`CloseReason::reconnects`], and decides after
//! how long. The times that are handed over must not go back by much; a jump ahead at most costs a connection.

mod clock;
mod notice;
mod settings;
mod step;

pub use notice::{Fault, ReaderDescription, ReaderEvent, TagRead, TimeSource};
pub use settings::{Content, Settings, Start};

use super::status::Status;
use super::{Header, LlrpError, Message, Splitter, Version, message};
use clock::UptimeClock;
use ledger::Timestamp;
use notice::Notification;
use std::collections::VecDeque;
use step::Step;

/// The type numbers of what readers send without being asked, and of the answer to a sign of life.
mod number {
    pub(super) const RO_ACCESS_REPORT: u16 = 61;
    pub(super) const KEEPALIVE: u16 = 62;
    pub(super) const READER_EVENT_NOTIFICATION: u16 = 63;
    pub(super) const KEEPALIVE_ACK: u16 = 72;
    pub(super) const ERROR_MESSAGE: u16 = 100;
    pub(super) const CUSTOM_MESSAGE: u16 = 1023;
}

/// What a session wants done, in this order.
#[derive(Clone, Debug, PartialEq)]
pub enum Output {
    /// Send these bytes to the reader.
    Send(Vec<u8>),
    /// Something happened.
    Event(Event),
    /// Close the connection. Nothing follows until the next one stands.
    Close(CloseReason),
}

/// What happened.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// The reader has been told what to read and reads.
    Ready(ReaderDescription),
    /// Tags were read: what one report held, in its order; never empty.
    Tags(Vec<TagRead>),
    /// The reader tells of itself.
    Reader(ReaderEvent),
    /// Something went wrong.
    Fault(Fault),
}

/// Why a connection is to be closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CloseReason {
    /// [`Session::close`] was called, and the reader has agreed or did not answer in time.
    Asked,
    /// The reader does not want the connection, mostly because another client has it.
    Refused,
    /// The reader ended it.
    ReaderClosed,
    /// Nothing came for some keepalives' time.
    Silent,
    /// A request was not answered in time.
    NoAnswer,
    /// The reader refused a request without which it does not read, or can't do what the settings ask.
    Unusable,
    /// What came is no LLRP.
    Garbage,
}

impl CloseReason {
    /// It in words.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Asked => "we took leave",
            Self::Refused => "the reader does not want the connection; another client may have it",
            Self::ReaderClosed => "the reader ended it",
            Self::Silent => "nothing was heard for some keepalives' time",
            Self::NoAnswer => "a request was not answered in time",
            Self::Unusable => "the reader cannot do what the settings ask",
            Self::Garbage => "what came is no LLRP",
        }
    }

    /// Whether to connect again, after a while.
    pub fn reconnects(self) -> bool {
        self != Self::Asked
    }
}

/// Where in the talk the session is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// No connection, or one that is to be closed.
    Idle,
    /// The reader has to say that the connection stands.
    Greeting { since: Timestamp },
    /// A request waits for its answer.
    Asking { step: Step, id: u32, since: Timestamp },
    /// The reader reads.
    Reading,
}

/// The talk with one reader. See the [module](self).
#[derive(Debug)]
pub struct Session {
    settings: Settings,
    state: State,
    splitter: Splitter,
    version: Version,
    reader: ReaderDescription,
    clock: UptimeClock,
    message_id: u32,
    received_at: Timestamp,
    outputs: VecDeque<Output>,
}

impl Session {
    /// A session without a connection.
    pub fn new(settings: Settings) -> Self {
        let splitter = Splitter::new(settings.message_bytes_max);
        Self {
            settings,
            state: State::Idle,
            splitter,
            version: Version::V1_0_1,
            reader: ReaderDescription::default(),
            clock: UptimeClock::default(),
            message_id: 0,
            received_at: Timestamp(0),
            outputs: VecDeque::new(),
        }
    }

    /// What to do next; `None` until something goes in.
    pub fn next_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// A connection stands.
    pub fn connected(&mut self, now: Timestamp) {
        self.splitter = Splitter::new(self.settings.message_bytes_max);
        self.version = Version::V1_0_1;
        self.reader = ReaderDescription::default();
        self.clock = UptimeClock::default();
        self.received_at = now;
        self.state = State::Greeting { since: now };
    }

    /// The connection is gone. Half a message that had come is dropped.
    pub fn disconnected(&mut self) {
        self.state = State::Idle;
        self.splitter = Splitter::new(self.settings.message_bytes_max);
    }

    /// Bytes came. Without a connection they are dropped.
    pub fn received(&mut self, bytes: &[u8], now: Timestamp) {
        if self.state == State::Idle {
            return;
        }
        self.received_at = now;
        // Apart from the session while its messages are looked at.
        let mut splitter = std::mem::replace(&mut self.splitter, Splitter::new(0));
        splitter.push(bytes);
        while self.state != State::Idle {
            match splitter.next_frame() {
                Ok(Some((header, payload))) => self.message(header, payload, now),
                Ok(None) => break,
                Err(error) => {
                    self.fault(error.code, format!("the bytes can't be followed: {error}"));
                    self.end(CloseReason::Garbage);
                }
            }
        }
        self.splitter = splitter;
    }

    /// The time goes on. To be called at [`Session::deadline`] or more often.
    pub fn tick(&mut self, now: Timestamp) {
        if self.deadline().is_none_or(|deadline| now < deadline) {
            return;
        }
        match self.state {
            State::Idle => {}
            State::Greeting { .. } => {
                self.fault("no_answer", "the reader has not said that the connection stands".to_owned());
                self.end(CloseReason::NoAnswer);
            }
            // A reader of the first version may not even answer.
            State::Asking { step, .. } if step.is_about_version() => self.ask(Step::Capabilities, now),
            State::Asking { step: Step::Close, .. } => self.end(CloseReason::Asked),
            State::Asking { step, .. } => {
                let detail = format!("{} has not been answered for {} ms", step.request(), self.settings.answer_ms_max);
                self.fault("no_answer", detail);
                self.end(CloseReason::NoAnswer);
            }
            State::Reading => {
                let detail = format!(
                    "nothing has come from the reader for {} keepalives of {} ms",
                    self.settings.keepalives_missed_max.max(1),
                    self.settings.keepalive_ms
                );
                self.fault("silent", detail);
                self.end(CloseReason::Silent);
            }
        }
    }

    /// When [`Session::tick`] has something to do at the latest; `None` without a connection.
    pub fn deadline(&self) -> Option<Timestamp> {
        let after = |since: Timestamp, ms: u64| {
            let micros = i64::try_from(ms.saturating_mul(1000)).unwrap_or(i64::MAX);
            Some(Timestamp(since.0.saturating_add(micros)))
        };
        match self.state {
            State::Idle => None,
            State::Greeting { since } | State::Asking { since, .. } => {
                after(since, u64::from(self.settings.answer_ms_max))
            }
            State::Reading => {
                let count = u64::from(self.settings.keepalives_missed_max.max(1));
                after(self.received_at, count * u64::from(self.settings.keepalive_ms.max(1)))
            }
        }
    }

    /// Ends the talk: the reader is told, and what it still reports until it agrees is taken. A connection that has not been
    /// greeted is closed at once; without one, or when called again, nothing happens.
    pub fn close(&mut self, now: Timestamp) {
        match self.state {
            State::Idle | State::Asking { step: Step::Close, .. } => {}
            State::Greeting { .. } => self.end(CloseReason::Asked),
            State::Asking { .. } | State::Reading => self.ask(Step::Close, now),
        }
    }

    /// Whether the reader has been told what to read, and reads.
    pub fn is_reading(&self) -> bool {
        self.state == State::Reading
    }

    fn fault(&mut self, code: &'static str, detail: String) {
        self.outputs.push_back(Output::Event(Event::Fault(Fault { code, detail })));
    }

    fn end(&mut self, reason: CloseReason) {
        self.state = State::Idle;
        self.outputs.push_back(Output::Close(reason));
    }

    /// Sends the request of `step`.
    fn ask(&mut self, step: Step, now: Timestamp) {
        self.message_id = self.message_id.wrapping_add(1).max(1);
        let id = self.message_id;
        match step.encode(&self.settings, &self.reader, self.version, id) {
            Ok(bytes) => {
                self.outputs.push_back(Output::Send(bytes));
                self.state = State::Asking { step, id, since: now };
            }
            Err(error) => {
                self.fault(error.code, format!("the request can't be made: {error}"));
                self.end(CloseReason::Unusable);
            }
        }
    }

    fn message(&mut self, header: Header, payload: &[u8], now: Timestamp) {
        match header.number {
            number::RO_ACCESS_REPORT => self.report(payload, now),
            number::KEEPALIVE => self.acknowledge(header),
            number::READER_EVENT_NOTIFICATION => match Message::decode_payload(header, payload) {
                Ok(message) => self.notification(&message, now),
                Err(error) => self.unreadable(&error),
            },
            number::ERROR_MESSAGE => match Message::decode_payload(header, payload) {
                Ok(message) => self.error_message(&message, now),
                Err(error) => self.unreadable(&error),
            },
            // What only vendors understand.
            number::CUSTOM_MESSAGE => {}
            _ => self.answer(header, payload, now),
        }
    }

    fn unreadable(&mut self, error: &LlrpError) {
        self.fault(error.code, format!("a message can't be read: {error}"));
    }

    /// Shows that we live too.
    fn acknowledge(&mut self, keepalive: Header) {
        let header = Header {
            version: self.version,
            number: number::KEEPALIVE_ACK,
            length: super::HEADER_BYTES,
            id: keepalive.id,
        };
        let mut bytes = Vec::with_capacity(super::HEADER_BYTES);
        header.write(&mut bytes).expect("ten bytes are no long message");
        self.outputs.push_back(Output::Send(bytes));
    }

    fn report(&mut self, payload: &[u8], now: Timestamp) {
        let (reads, error) = notice::read_tags(payload, &mut self.clock, now);
        if !reads.is_empty() {
            self.outputs.push_back(Output::Event(Event::Tags(reads)));
        }
        if let Some(error) = error {
            self.unreadable(&error);
        }
    }

    fn notification(&mut self, message: &Message, now: Timestamp) {
        for notification in notice::read_notification(message, &mut self.clock, now) {
            match notification {
                Notification::Greeting(Ok(())) => {
                    if matches!(self.state, State::Greeting { .. }) {
                        let first = match self.settings.version_max {
                            Version::V1_0_1 => Step::Capabilities,
                            Version::V1_1 => Step::GetVersion,
                        };
                        self.ask(first, now);
                    }
                }
                Notification::Greeting(Err(why)) => {
                    if matches!(self.state, State::Greeting { .. }) {
                        self.fault("refused", format!("the reader refuses the connection: {why}"));
                        self.end(CloseReason::Refused);
                    }
                }
                Notification::Closed => {
                    let asked = matches!(self.state, State::Asking { step: Step::Close, .. });
                    self.end(if asked { CloseReason::Asked } else { CloseReason::ReaderClosed });
                    return;
                }
                Notification::Event(event) => self.outputs.push_back(Output::Event(Event::Reader(event))),
            }
        }
    }

    /// The reader could not make sense of what it got.
    fn error_message(&mut self, message: &Message, now: Timestamp) {
        let why = match Status::of(&message.content) {
            Some(Status::Failure(why)) => why,
            Some(Status::Success) | None => "it does not say why".to_owned(),
        };
        match self.state {
            // Readers of the first version can't read the id of a message of the second.
            State::Asking { step, id, .. } if step.is_about_version() && (message.id == id || message.id == 0) => {
                self.ask(Step::Capabilities, now);
            }
            State::Asking { step, id, .. } if message.id == id => self.refused(step, &why, now),
            _ => self.fault("error_message", format!("the reader reports an error: {why}")),
        }
    }

    /// An answer to a request, or something that has no place in the talk.
    fn answer(&mut self, header: Header, payload: &[u8], now: Timestamp) {
        let name = message(header.number).map_or("a message", |message| message.standard_name);
        let State::Asking { step, id, .. } = self.state else {
            let detail = format!("{name} (type {}) came without being asked for", header.number);
            return self.fault("unexpected_message", detail);
        };
        if header.number != step.answer() || header.id != id {
            let detail = format!(
                "{name} (type {}) with id {} came while {} with id {id} waits for its answer",
                header.number,
                header.id,
                step.request()
            );
            return self.fault("unexpected_message", detail);
        }
        let message = match Message::decode_payload(header, payload) {
            Ok(message) => message,
            Err(error) => return self.refused(step, &format!("the answer can't be read: {error}"), now),
        };
        match Status::of(&message.content) {
            Some(Status::Failure(why)) => self.refused(step, &why, now),
            Some(Status::Success) | None => self.advance(step, &message, now),
        }
    }

    /// A request was refused, or its answer can't be read.
    fn refused(&mut self, step: Step, why: &str, now: Timestamp) {
        if step.is_about_version() {
            return self.ask(Step::Capabilities, now);
        }
        self.fault("request_refused", format!("{} was refused: {why}", step.request()));
        match step {
            // Some readers find it wrong to delete what is not there; if something is there, the next step will fail.
            Step::DeleteRoSpecs => self.ask(Step::AddRoSpec, now),
            Step::Close => self.end(CloseReason::Asked),
            _ => self.end(CloseReason::Unusable),
        }
    }

    /// A request was answered; what comes next.
    fn advance(&mut self, step: Step, answer: &Message, now: Timestamp) {
        let next = match step {
            Step::GetVersion => {
                let number = |field| answer.content.number(field).unwrap_or_default();
                let wanted = u64::from(Version::V1_1.number());
                if number("CurrentVersion") == wanted {
                    self.version = Version::V1_1;
                    Step::Capabilities
                } else if number("MaxSupportedVersion") >= wanted {
                    Step::SetVersion
                } else {
                    Step::Capabilities
                }
            }
            Step::SetVersion => {
                self.version = Version::V1_1;
                Step::Capabilities
            }
            Step::Capabilities => {
                self.reader = ReaderDescription::read(&answer.content, self.version);
                let count = self.reader.antennas;
                if let Some(antenna) = self.settings.antennas.iter().find(|antenna| **antenna > count) {
                    let detail =
                        format!("antenna {antenna} is asked for, but the reader has {count}; change the settings");
                    self.fault("no_such_antenna", detail);
                    return self.end(CloseReason::Unusable);
                }
                Step::Configure
            }
            Step::Configure => Step::DeleteRoSpecs,
            Step::DeleteRoSpecs => Step::AddRoSpec,
            Step::AddRoSpec => Step::EnableRoSpec,
            Step::EnableRoSpec if self.settings.start == Start::BySession => Step::StartRoSpec,
            Step::EnableRoSpec | Step::StartRoSpec => {
                self.state = State::Reading;
                self.outputs.push_back(Output::Event(Event::Ready(self.reader.clone())));
                return;
            }
            Step::Close => return self.end(CloseReason::Asked),
        };
        self.ask(next, now);
    }
}

#[cfg(test)]
mod tests;
