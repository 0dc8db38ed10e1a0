//! Events as documents again, in JSON and in XML of EPCIS 2.0.
//!
//! What is rendered and read again is the same event: members, extensions and the order of lists are kept.

mod markup;

pub use markup::{event_xml, xml};

use super::event::{Context, KNOWN};
use super::{Event, Json, Object};
use std::collections::BTreeMap;

/// The context that gives the standard's names their meaning.
pub const CONTEXT: &str = "https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld";

/// What is around the events.
#[derive(Clone, Copy, Debug)]
pub struct Envelope<'a> {
    /// When the document is made, as RFC 3339.
    pub creation_date: &'a str,
    /// What else the document says, such as `sender` or `epcisHeader`; its own `creationDate` does not count.
    pub head: Option<&'a Object>,
    /// What the names of extensions in `head` mean.
    pub context: Option<&'a Context>,
    /// The query that the events answer; then it is a query document.
    pub query: Option<QueryNames<'a>>,
}

/// Whose results they are.
#[derive(Clone, Copy, Debug)]
pub struct QueryNames<'a> {
    /// The query's name.
    pub query_name: &'a str,
    /// The subscription's id, if it is one.
    pub subscription_id: Option<&'a str>,
}

impl Envelope<'_> {
    /// The members of the head that are extensions, with what their names mean.
    fn extensions(&self) -> impl Iterator<Item = (&str, &Json, &Context)> {
        let head = self.head.zip(self.context);
        head.into_iter().flat_map(|(head, context)| {
            head.iter().filter(|(name, _)| name.contains(':')).map(move |(name, value)| (name, value, context))
        })
    }

    const fn type_name(&self) -> &'static str {
        if self.query.is_some() { "EPCISQueryDocument" } else { "EPCISDocument" }
    }
}

/// One event with its own context.
pub fn event_json(event: &Event) -> String {
    let used = Used::of([event]);
    let mut body = Object::default();
    body.set("@context", used.context());
    event.body.iter().for_each(|(name, value)| body.set(name, value.clone()));
    let mut out = String::new();
    body.push_to(&mut out);
    out
}

/// A document in JSON.
///
/// ```
/// use wire::epcis::{Limits, read, render};
/// let text = br#"{"type": "ObjectEvent", "eventTime": "2026-02-16T10:00:00Z", "eventTimeZoneOffset": "+01:00",
///     "epcList": ["urn:epc:id:sgtin:4012345.011111.987"], "action": "ADD"}"#;
/// let events = read(text, &Limits::default()).document.expect("an event").events;
/// let envelope = render::Envelope { creation_date: "2026-02-16T10:00:01Z", head: None, context: None, query: None };
/// let again = read(render::json(&envelope, &events).as_bytes(), &Limits::default());
/// assert_eq!(again.document.expect("a document").events[0].body(), events[0].body());
/// ```
pub fn json<'e>(envelope: &Envelope<'_>, events: impl IntoIterator<Item = &'e Event>) -> String {
    let events: Vec<&Event> = events.into_iter().collect();
    let used = Used::of_all(envelope, &events);
    let mut document = Object::default();
    document.set("@context", used.context());
    document.set("type", Json::from(envelope.type_name()));
    document.set("schemaVersion", Json::from("2.0"));
    document.set("creationDate", Json::from(envelope.creation_date));
    for (name, value) in envelope.head.into_iter().flat_map(Object::iter) {
        if !matches!(name, "@context" | "type" | "schemaVersion" | "creationDate" | "epcisBody") {
            document.set(name, value.clone());
        }
    }
    let mut out = String::new();
    document.push_to(&mut out);
    out.pop();
    out.push_str(",\"epcisBody\":{");
    let mut close = "]}}";
    if let Some(query) = envelope.query {
        out.push_str("\"queryResults\":{");
        for (name, value) in [("subscriptionID", query.subscription_id), ("queryName", Some(query.query_name))] {
            if let Some(value) = value {
                out.push_str(&format!("\"{name}\":"));
                Json::from(value).push_to(&mut out);
                out.push(',');
            }
        }
        out.push_str("\"resultsBody\":{");
        close = "]}}}}";
    }
    out.push_str("\"eventList\":[");
    for (index, event) in events.iter().enumerate() {
        if index > 0 {
            out.push(',');
        }
        used.push_event(event, &mut out);
    }
    out.push_str(close);
    out
}

/// The prefixes that events use, each with the namespace that the first of them means by it.
pub(super) struct Used {
    pub(super) namespaces: BTreeMap<String, String>,
    terms: BTreeMap<String, Json>,
}

impl Used {
    pub(super) fn of<'e>(events: impl IntoIterator<Item = &'e Event>) -> Self {
        let mut used = Self { namespaces: BTreeMap::new(), terms: BTreeMap::new() };
        for event in events {
            for (prefix, uri) in prefixes(event) {
                used.namespaces.entry(prefix).or_insert(uri);
            }
            for (term, meaning) in event.context.all_terms() {
                if !used.terms.contains_key(term) {
                    used.terms.insert(term.clone(), meaning.clone());
                }
            }
        }
        used
    }

    /// As [`Used::of`], and what the head uses before them.
    pub(super) fn of_all(envelope: &Envelope<'_>, events: &[&Event]) -> Self {
        let mut used = Self::of(events.iter().copied());
        let mut of_head = BTreeMap::new();
        for (name, value, context) in envelope.extensions() {
            collect(name, value, context, &mut of_head);
        }
        used.namespaces.extend(of_head);
        used
    }

    /// The prefixes of `event` that mean something else to it.
    pub(super) fn differing(&self, event: &Event) -> BTreeMap<String, String> {
        prefixes(event).into_iter().filter(|(prefix, uri)| self.namespaces.get(prefix) != Some(uri)).collect()
    }

    fn context(&self) -> Json {
        let mut list = vec![Json::from(CONTEXT)];
        let own = declarations(&self.namespaces, &self.terms);
        if !own.is_empty() {
            list.push(Json::Object(own));
        }
        Json::List(list)
    }

    fn push_event(&self, event: &Event, out: &mut String) {
        let differing = self.differing(event);
        let start = out.len();
        event.body.push_to(out);
        if !differing.is_empty() {
            let mut context = String::from("\"@context\":[");
            declarations(&differing, &BTreeMap::new()).push_to(&mut context);
            context.push_str(if event.body.is_empty() { "]" } else { "]," });
            out.insert_str(start + 1, &context);
        }
    }
}

/// What the standard's context does not say already.
fn declarations(namespaces: &BTreeMap<String, String>, terms: &BTreeMap<String, Json>) -> Object {
    let mut object = Object::default();
    for (prefix, uri) in namespaces {
        if !KNOWN.contains(&(prefix.as_str(), uri.as_str())) {
            object.set(prefix, Json::from(uri.as_str()));
        }
    }
    for (term, meaning) in terms {
        object.set(term, meaning.clone());
    }
    object
}

/// The prefixes in the names and values of an event, with what they stand for.
fn prefixes(event: &Event) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    for (name, value) in event.body.iter() {
        collect(name, value, &event.context, &mut found);
    }
    found
}

fn collect(name: &str, value: &Json, context: &Context, found: &mut BTreeMap<String, String>) {
    let mut note = |text: &str| {
        let prefix = text.trim_start_matches('@').split_once(':').map(|(prefix, _)| prefix);
        if let Some((prefix, uri)) = prefix.and_then(|prefix| Some((prefix, context.namespace(prefix)?)))
            && !found.contains_key(prefix)
        {
            found.insert(prefix.to_owned(), uri.to_owned());
        }
    };
    note(name);
    match value {
        Json::Text(text) => note(text),
        Json::List(items) => items.iter().for_each(|item| collect("", item, context, found)),
        Json::Object(object) => object.iter().for_each(|(name, value)| collect(name, value, context, found)),
        Json::Null | Json::Bool(_) | Json::Number(_) => {}
    }
}
