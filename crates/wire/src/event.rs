//! Events as JSON: one, an array, one a line, or in CloudEvents envelopes.
//!
//! Good events beside bad ones always go in, and a bad one is reported with everything that is wrong with it.
//! `docs/formats/events.md` is this module in words.
//!
//! Invariant: each input event yields exactly one request of the batch, or at least one problem, never both.

mod cloud;
pub(crate) mod fields;
pub(crate) mod meaning;
pub(crate) mod observed;
pub(crate) mod render;
mod report;

pub use cloud::parse_cloud_event_binary;
pub(crate) use render::Object;
pub use render::{push_quantity, render_event};
pub use report::{Place, reports};

use crate::{Batch, KeyHasher, Problem};
use fields::Fields;
use ledger::Position;
use meaning::Maker;
use serde_json::value::RawValue;

/// How the events of a body are laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ContentKind {
    /// One event object, or an array of them.
    Json,
    /// One event object a line; blank lines are skipped.
    Ndjson,
    /// One CloudEvents 1.0 envelope in structured mode.
    CloudEvent,
    /// An array of such envelopes.
    CloudEventBatch,
}

impl ContentKind {
    /// The layout that a `Content-Type` names; parameters are ignored. `None` for any other.
    pub fn from_content_type(content_type: &str) -> Option<Self> {
        let essence = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        match essence.as_str() {
            "application/json" | "text/json" => Some(Self::Json),
            "application/x-ndjson" | "application/ndjson" | "application/jsonl" | "application/json-lines" => {
                Some(Self::Ndjson)
            }
            "application/cloudevents+json" => Some(Self::CloudEvent),
            "application/cloudevents-batch+json" => Some(Self::CloudEventBatch),
            _ => None,
        }
    }
}

/// What holds for all events of a body that do not say it themselves.
#[derive(Clone, Copy, Debug)]
pub struct Defaults<'a> {
    /// The authenticated principal; no event can say otherwise.
    pub actor: &'a str,
    /// The source of events that name none: the bound name of the producer. Not empty.
    pub source: &'a str,
    /// Whether they report history.
    pub historical: bool,
    /// The held input that the one event of the body mends.
    pub resolves: Option<Position>,
}

/// What one body may have at most. A body beyond a limit is refused as a whole, an event beyond one by itself.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Events in one body.
    pub events_max: usize,
    /// Bytes of one event.
    pub event_bytes_max: usize,
    /// Serials of one event.
    pub serials_max: usize,
    /// Lines of one reservation.
    pub lines_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { events_max: 100_000, event_bytes_max: 1 << 20, serials_max: 10_000, lines_max: 1_000 }
    }
}

/// What a body held.
#[derive(Debug, Default)]
pub struct Parsed {
    /// The requests that can be taken, in the order in which they came.
    pub batch: Batch,
    /// For each of them, its index among the events of the body, from 0; ascending.
    pub places: Vec<u32>,
    /// What is wrong with the others, in the order of the body.
    pub problems: Vec<Problem>,
    /// How many events the body has; 0 when it can't be told.
    pub count: usize,
}

/// Reads the events of `body`.
///
/// A body that is not JSON as a whole (or, for NDJSON, a line) yields nothing but one `invalid_json` problem with its
/// place; anything wrong within one event spoils that event only. An empty array or NDJSON body is no problem.
pub fn parse_events(
    body: &[u8],
    kind: ContentKind,
    defaults: &Defaults<'_>,
    hasher: &KeyHasher,
    limits: &Limits,
) -> Parsed {
    let mut parser = Parser::new(defaults, hasher, limits);
    // A byte order mark says nothing that UTF-8 needs said.
    let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
    match kind {
        ContentKind::Ndjson => parser.lines(body),
        _ => match std::str::from_utf8(body) {
            Ok(text) => parser.document(text, kind),
            Err(error) => parser.whole(invalid_utf8(error.valid_up_to())),
        },
    }
    parser.parsed
}

pub(crate) fn invalid_utf8(at: usize) -> Problem {
    Problem::new("invalid_utf8", "", format!("not UTF-8 from byte {at} on; send UTF-8"))
}

/// Reads events one after another into a [`Parsed`].
pub(crate) struct Parser<'p> {
    maker: Maker<'p>,
    pub(crate) parsed: Parsed,
}

impl<'p> Parser<'p> {
    pub(crate) fn new(defaults: &'p Defaults<'p>, hasher: &'p KeyHasher, limits: &'p Limits) -> Self {
        Self { maker: Maker { defaults, hasher, limits }, parsed: Parsed::default() }
    }

    /// The body as a whole is at fault.
    fn whole(&mut self, problem: Problem) {
        self.parsed.problems.push(problem);
    }

    fn lines(&mut self, body: &[u8]) {
        let lines = || body.split(|byte| *byte == b'\n').enumerate().filter(|(_, line)| !line.trim_ascii().is_empty());
        let count = lines().count();
        if count > self.maker.limits.events_max {
            self.whole(too_many(count, self.maker.limits.events_max));
            return;
        }
        self.reserve(count, body.len());
        for (number, line) in lines() {
            self.line(line, number as u64 + 1);
        }
    }

    /// Takes the event in one line; `number` counts lines from 1.
    pub(crate) fn line(&mut self, line: &[u8], number: u64) {
        let first = self.parsed.problems.len();
        match std::str::from_utf8(line) {
            Ok(text) => self.event(text, fields::read),
            Err(error) => self.finish(|_, problems| {
                problems.push(invalid_utf8(error.valid_up_to()));
                false
            }),
        }
        for problem in &mut self.parsed.problems[first..] {
            problem.line = Some(number);
        }
    }

    fn document(&mut self, text: &str, kind: ContentKind) {
        let read = match kind {
            ContentKind::CloudEvent | ContentKind::CloudEventBatch => cloud::read,
            _ => fields::read,
        };
        let array =
            kind == ContentKind::CloudEventBatch || (kind == ContentKind::Json && text.trim_start().starts_with('['));
        if !array {
            self.event(text, read);
            return;
        }
        // Elements are cut out before any is read: an array that breaks off half way is not taken by half.
        match serde_json::from_str::<Vec<&RawValue>>(text) {
            Err(error) => self.whole(fields::invalid_json(text, &error)),
            Ok(events) if events.len() > self.maker.limits.events_max => {
                self.parsed.count = events.len();
                self.whole(too_many(events.len(), self.maker.limits.events_max));
            }
            Ok(events) => {
                self.reserve(events.len(), text.len());
                for event in events {
                    self.event(event.get(), read);
                }
            }
        }
    }

    fn reserve(&mut self, events: usize, bytes: usize) {
        // About half of an event's JSON is names and punctuation.
        self.parsed.batch = Batch::with_capacity(events, bytes / 2);
        self.parsed.places.reserve(events);
    }

    fn event<'t>(&mut self, text: &'t str, read: impl FnOnce(&'t str, &mut Fields<'t>, &mut Vec<Problem>) -> bool) {
        let bytes_max = self.maker.limits.event_bytes_max;
        self.finish(|fields, problems| {
            if text.len() > bytes_max {
                problems.push(too_large(text.len(), bytes_max));
                return false;
            }
            read(text, fields, problems)
        });
    }

    /// Makes a request of what `read` answers and counts the event.
    pub(crate) fn finish<'t>(&mut self, read: impl FnOnce(&mut Fields<'t>, &mut Vec<Problem>) -> bool) {
        let parsed = &mut self.parsed;
        let (first, taken) = (parsed.problems.len(), parsed.batch.len());
        let mut fields = Fields::default();
        if read(&mut fields, &mut parsed.problems) {
            self.maker.make(&fields, &mut parsed.problems, first, &mut parsed.batch);
        }
        let index = parsed.count;
        parsed.count += 1;
        for problem in &mut parsed.problems[first..] {
            problem.index = Some(index);
        }
        if parsed.batch.len() > taken {
            parsed.places.push(u32::try_from(index).expect("a body has fewer than 2^32 events"));
        }
    }
}

pub(crate) fn too_large(bytes: usize, max: usize) -> Problem {
    Problem::new("too_large", "", format!("the event has {bytes} bytes; at most {max} are taken: split it"))
}

fn too_many(count: usize, max: usize) -> Problem {
    let detail = format!("the body has {count} events; at most {max} are taken at once: split it");
    Problem::new("too_many_events", "", detail)
}
