//! Tag reads as JSON, as the gateways of RFID readers send them.
//!
//! It reads the layouts of the Impinj IoT device interface, the Zebra IoT Connector and those alike, and Stocktide's own
//! `tag_read`, singly, in arrays and line by line. What a tag's memory means is for [`epc`](crate::epc), what the reads
//! say about stock for nobody here.
//!
//! Its one invariant: each message becomes at least one read, or is counted as one of another kind, or has a problem.

mod fields;

use crate::epc::EpcBytes;
use crate::problem::{Problem, shown};
use fields::{Around, Fields};
use ledger::Timestamp;
use serde_json::value::RawValue;

/// One read of a tag by one antenna, or several alike.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TagRead {
    /// The EPC bank, from 1 to [`EPC_BYTES_MAX`](crate::epc::EPC_BYTES_MAX) bytes.
    pub epc: EpcBytes,
    /// The antenna's number at its reader; 0 when it is not said.
    pub antenna: u16,
    /// The strength of the signal, in hundredths of a dBm.
    pub rssi_centi_dbm: Option<i16>,
    /// When, by the reader's clock; of several, the last.
    pub seen_at: Option<Timestamp>,
    /// When the first of several was, where that is said.
    pub first_seen_at: Option<Timestamp>,
    /// How many reads this stands for; at least 1.
    pub count: u32,
    /// The reader, by its place in [`Reads::devices`].
    pub device: Option<u16>,
}

/// What became of a body.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reads {
    /// The reads, in their order.
    pub reads: Vec<TagRead>,
    /// The names of the readers that are named, each once, in the order of their first read.
    pub devices: Vec<String>,
    /// How many messages say something other than a read: heartbeats, inputs, states.
    pub skipped: usize,
    /// What could not be read; `index` counts the messages (the lines, the array's elements or the one object) from 0.
    pub problems: Vec<Problem>,
}

/// How deep messages lie in one another: an array of envelopes with a list of tags each.
const DEPTH_MAX: usize = 4;
/// The most readers that one body may name.
const DEVICES_MAX: usize = 1000;

/// Reads the tag reads in `body`, at most `reads_max`.
///
/// `body` is one JSON object, an array, or a message a line, also with `data:` before each as in a stream of server-sent
/// events. Good reads beside bad ones are taken. Fields that are not known are not looked at, for gateways add their own.
///
/// ```
/// let body = br#"{"data":{"antenna":1,"format":"epc","idHex":"3074257bf7194e4000001a85","peakRssi":-54.5,"reads":9},
///     "timestamp":"2026-02-16T10:00:00.250+0000","type":"INVENTORY"}"#;
/// let read = &wire::reads::parse_reads(body, 1000).reads[0];
/// assert_eq!((read.antenna, read.rssi_centi_dbm, read.count), (1, Some(-5450), 9));
/// assert_eq!(read.seen_at, wire::time::parse_timestamp("2026-02-16T10:00:00.25Z").ok());
/// ```
pub fn parse_reads(body: &[u8], reads_max: usize) -> Reads {
    let mut out = Parser { out: Reads::default(), reads_max };
    match std::str::from_utf8(body) {
        Ok(text) => out.body(text.trim_start_matches('\u{feff}').trim()),
        Err(error) => {
            let detail = format!("the body is not UTF-8 at byte {}", error.valid_up_to());
            out.out.problems.push(Problem::new("invalid_utf8", "", detail));
        }
    }
    out.out
}

struct Parser {
    out: Reads,
    reads_max: usize,
}

/// Which message, and where.
#[derive(Clone, Copy)]
struct Place {
    index: usize,
    line: Option<u64>,
}

impl Parser {
    fn body(&mut self, text: &str) {
        let whole = Place { index: 0, line: None };
        if text.starts_with('[') {
            match serde_json::from_str::<Vec<&RawValue>>(text) {
                Ok(messages) => {
                    for (index, message) in messages.into_iter().enumerate() {
                        self.message(message, &Around::default(), Place { index, line: None }, 0);
                    }
                }
                Err(error) => self.refuse(Problem { index: None, ..invalid_json(&error) }),
            }
            return;
        }
        // One object over several lines; lines of their own make this fail at the end of the first.
        if let Ok(message) = serde_json::from_str::<&RawValue>(text) {
            return self.message(message, &Around::default(), whole, 0);
        }
        let lines = (1_u64..).zip(text.lines()).map(|(number, line)| (number, line.trim()));
        let lines = lines.map(|(number, line)| (number, line.strip_prefix("data:").unwrap_or(line).trim()));
        for (index, (number, line)) in lines.filter(|(_, line)| !line.is_empty()).enumerate() {
            let place = Place { index, line: Some(number) };
            match serde_json::from_str::<&RawValue>(line) {
                Ok(message) => self.message(message, &Around::default(), place, 0),
                Err(error) => self.refuse(at(invalid_json(&error), place)),
            }
        }
    }

    fn refuse(&mut self, problem: Problem) {
        // As many problems as reads are enough to know a body by.
        if self.out.problems.len() < self.reads_max.max(1) {
            self.out.problems.push(problem);
        }
    }

    /// Takes what a message says, or the messages in it.
    fn message(&mut self, message: &RawValue, around: &Around<'_>, place: Place, depth: usize) {
        let text = message.get();
        if depth > DEPTH_MAX {
            let detail = format!("messages lie more than {DEPTH_MAX} deep in one another; send them flatter");
            return self.refuse(at(Problem::new("too_deep", "", detail), place));
        }
        if text.starts_with('[') {
            match serde_json::from_str::<Vec<&RawValue>>(text) {
                Ok(messages) => {
                    messages.into_iter().for_each(|message| self.message(message, around, place, depth + 1));
                }
                Err(error) => self.refuse(at(invalid_json(&error), place)),
            }
            return;
        }
        let fields =
            if text.starts_with('"') { Ok(Fields::of_epc(message)) } else { serde_json::from_str::<Fields<'_>>(text) };
        let fields = match fields {
            Ok(fields) => fields,
            Err(error) => {
                let detail = format!("{} is no message of a reader: {error}", shown(text));
                return self.refuse(at(Problem::new("wrong_type", "", detail), place));
            }
        };
        let around = fields.around(around);
        let mut nested = 0;
        for message in fields.nested() {
            nested += 1;
            self.message(message, &around, place, depth + 1);
        }
        if fields.has_epc() {
            match fields.read(&around) {
                Ok(read) => self.take(read, &around, place),
                Err(problem) => self.refuse(at(problem, place)),
            }
        } else if nested == 0 {
            if around.is_of_another_kind() {
                self.out.skipped += 1;
            } else {
                let problem = crate::text::missing("epc", "\"epc\": \"3074257BF7194E4000001A85\"");
                self.refuse(at(problem, place));
            }
        }
    }

    fn take(&mut self, mut read: TagRead, around: &Around<'_>, place: Place) {
        if self.out.reads.len() >= self.reads_max {
            if self.out.problems.last().is_none_or(|problem| problem.code != "too_many_reads") {
                let detail = format!("more than {} reads at once; send the others in another message", self.reads_max);
                self.refuse(at(Problem::new("too_many_reads", "", detail), place));
            }
            return;
        }
        match around.device().map(|name| self.device(name)) {
            Some(Ok(device)) => read.device = Some(device),
            Some(Err(problem)) => return self.refuse(at(problem, place)),
            None => {}
        }
        self.out.reads.push(read);
    }

    /// The place of a reader's name.
    fn device(&mut self, name: Result<String, Problem>) -> Result<u16, Problem> {
        let name = name?;
        let devices = &mut self.out.devices;
        // Mostly the one before.
        let known = devices.iter().rposition(|other| *other == name);
        let place = known.unwrap_or(devices.len());
        if place == DEVICES_MAX {
            let detail = format!("more than {DEVICES_MAX} readers in one body; send their reads apart");
            return Err(Problem::new("too_many_devices", "device", detail));
        }
        if known.is_none() {
            devices.push(name);
        }
        Ok(u16::try_from(place).expect("there are few devices"))
    }
}

fn at(problem: Problem, place: Place) -> Problem {
    Problem { line: place.line, ..problem.at(place.index) }
}

fn invalid_json(error: &serde_json::Error) -> Problem {
    Problem::new("invalid_json", "", format!("this is not JSON: {error}"))
}
