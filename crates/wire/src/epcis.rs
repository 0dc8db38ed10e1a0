//! EPCIS 2.0 and 1.2: what happened to things, where, when and why, as trading partners tell each other.
//!
//! JSON (plain, JSON-LD with either context, one event a line) and XML (both versions, 1.x extensions flattened) are read
//! into one form, [`Event`]: the JSON form of EPCIS 2.0 with its extensions as they came. From there it is checked
//! ([`Event::check`]), named by its content ([`Event::hash`]), asked about ([`Query`]), rendered again ([`render`]) and
//! understood as events of stock ([`meaning`]). `docs/formats/epcis.md` is this module in words.
//!
//! It keeps nothing and judges no stock. Invariant: no bytes make it panic, and memory and depth stay within [`Limits`].

mod event;
mod hash;
mod identifier;
mod json;
pub mod meaning;
mod number;
mod query;
mod read;
pub mod render;
mod report;
mod tree;
mod validate;
mod vocabulary;
mod xml;
mod xml_event;

pub use event::{Context, Event, EventType, Time};
pub use identifier::digital_link;
pub use query::{Hints, PARAMETER_EXCEPTION, Query};
pub use read::{Document, DocumentKind, Format, Read, read};
pub use report::{report, reports};
pub use tree::{Json, Object};
pub use vocabulary::Vocabulary;

/// What one document may have at most. A document beyond a limit is refused as a whole.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Bytes of the text.
    pub bytes_max: usize,
    /// Levels of nesting.
    pub depth_max: usize,
    /// JSON values, or XML elements and attributes.
    pub values_max: usize,
    /// Members of one JSON object, different children or attributes of one XML element, and namespaces.
    pub members_max: usize,
    /// Events in it.
    pub events_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { bytes_max: 16 << 20, depth_max: 64, values_max: 1_000_000, members_max: 500, events_max: 100_000 }
    }
}

/// Whether a problem spoils its event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The event can be taken, but somebody should look at its sender.
    Warning,
    /// The event, or the document, is not what the standard says.
    Error,
}

/// What is wrong with a document or one of its events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Whether it spoils its event.
    pub severity: Severity,
    /// The stable code; `docs/formats/epcis.md` lists them.
    pub code: &'static str,
    /// Where: the names and indexes on the way to it with `/` between them, such as `epcisBody/eventList/0/action`;
    /// empty for the document as a whole.
    pub path: String,
    /// The value at fault and the remedy.
    pub detail: String,
}

impl Problem {
    pub(crate) fn error(code: &'static str, path: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { severity: Severity::Error, code, path: path.into(), detail: detail.into() }
    }

    pub(crate) fn warning(code: &'static str, path: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::error(code, path, detail) }
    }
}

/// `path` with `step` behind it.
fn join(path: &str, step: impl std::fmt::Display) -> String {
    if path.is_empty() { step.to_string() } else { format!("{path}/{step}") }
}
