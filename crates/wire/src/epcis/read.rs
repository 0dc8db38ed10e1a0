//! From a text to a document of events, whatever it is written in.

use super::event::Context;
use super::{Event, Json, Limits, Object, Problem, Severity, json, xml_event};
use std::sync::Arc;

/// What a text is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// JSON or JSON-LD.
    Json,
    /// XML.
    Xml,
}

/// How events are wrapped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DocumentKind {
    /// An `EPCISDocument`.
    Document,
    /// An `EPCISQueryDocument` with results.
    QueryDocument,
    /// Events and nothing around them: one, an array, or one a line.
    Events,
}

/// A document and its events.
#[derive(Clone, Debug)]
pub struct Document {
    /// How the events are wrapped.
    pub kind: DocumentKind,
    /// What it was written in.
    pub format: Format,
    /// What it says besides events, in the JSON form: `schemaVersion`, `creationDate`, `sender`, `epcisHeader`, …
    pub head: Object,
    /// The query whose results they are.
    pub query_name: Option<String>,
    /// The subscription that they are results of.
    pub subscription_id: Option<String>,
    /// What names in it mean.
    pub context: Arc<Context>,
    /// The events, in order.
    pub events: Vec<Event>,
}

/// What was read of a text.
#[derive(Clone, Debug, Default)]
pub struct Read {
    /// The document; `None` when the text is none at all, which the problems then say.
    pub document: Option<Document>,
    /// What is wrong with the text and the document around the events. What is wrong with an event, [`Event::check`]
    /// says; only what the form of an event can't hold, such as an unknown XML element, is among these.
    pub problems: Vec<Problem>,
}

impl Read {
    /// Everything that is wrong: with the text, the document and each event, in this order.
    pub fn check(&self) -> Vec<Problem> {
        let events = self.document.iter().flat_map(|document| &document.events);
        self.problems.iter().cloned().chain(events.flat_map(Event::check)).collect()
    }

    /// Whether nothing in it is an error.
    pub fn is_valid(&self) -> bool {
        self.document.is_some() && self.check().iter().all(|problem| problem.severity != Severity::Error)
    }

    pub(super) fn refused(problem: Problem) -> Self {
        Self { document: None, problems: vec![problem] }
    }
}

/// Reads the events of `text`: XML when it begins with `<`, else JSON, or JSON events one a line.
///
/// ```
/// let text = br#"{"type": "ObjectEvent", "eventTime": "2026-02-16T10:00:00Z", "eventTimeZoneOffset": "+01:00",
///     "epcList": ["urn:epc:id:sgtin:4012345.011111.987"], "action": "OBSERVE", "bizStep": "shipping"}"#;
/// let read = wire::epcis::read(text, &wire::epcis::Limits::default());
/// assert_eq!(read.document.expect("an event").events[0].biz_step(), Some("shipping"));
/// ```
pub fn read(text: &[u8], limits: &Limits) -> Read {
    if text.len() > limits.bytes_max {
        let detail = format!("it has {} bytes; at most {} are taken: split it", text.len(), limits.bytes_max);
        return Read::refused(Problem::error("too_large", "", detail));
    }
    let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
    let text = match std::str::from_utf8(text) {
        Ok(text) => text,
        Err(error) => {
            let detail = format!("not UTF-8 from byte {} on; send UTF-8", error.valid_up_to());
            return Read::refused(Problem::error("invalid_utf8", "", detail));
        }
    };
    let mut read =
        if text.trim_start().starts_with('<') { xml_event::read(text, limits) } else { json::read(text, limits) };
    let count = read.document.as_ref().map_or(0, |document| document.events.len());
    if count > limits.events_max {
        let detail = format!("it has {count} events; at most {} are taken at once: split it", limits.events_max);
        read = Read::refused(Problem::error("too_many_events", "", detail));
    }
    read
}

/// The most names that a document may exclude from hashing; more would be a mistake, and count.
const UNHASHED_MAX: usize = 500;

/// The names that a document excludes from hashing, with their namespaces: what `…:ignoreFields` lists.
pub(super) fn unhashed(head: &Object, context: &Context) -> Arc<[String]> {
    let lists = head.iter().filter(|(name, _)| name.ends_with(":ignoreFields"));
    let names = lists.flat_map(|(_, list)| list.items()).filter_map(Json::as_text);
    names.take(UNHASHED_MAX).map(|name| super::hash::full_name(name, context)).collect()
}
