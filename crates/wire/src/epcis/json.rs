//! Documents in JSON and JSON-LD.

use super::event::{Context, EventType, normalise};
use super::read::{Document, DocumentKind, Format, Read, unhashed};
use super::tree::Reader;
use super::{Event, Json, Limits, Object, Problem, Time, join};
use crate::problem::shown;
use std::sync::Arc;

pub(super) fn read(text: &str, limits: &Limits) -> Read {
    match Reader::new(limits).read(text) {
        Ok(value) => document(value),
        Err(problem) => lines(text, limits, problem),
    }
}

/// Events one a line; `problem` is why the text as a whole is no JSON.
fn lines(text: &str, limits: &Limits, problem: Problem) -> Read {
    let mut filled = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    let first_is_whole = filled.next().is_some_and(|(_, line)| Reader::new(limits).read(line).is_ok());
    if problem.code != "invalid_json" || !first_is_whole || filled.next().is_none() {
        return Read::refused(problem);
    }
    let mut builder = Builder::new(DocumentKind::Events, Object::default(), Arc::default());
    let mut reader = Reader::new(limits);
    for (number, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let path = builder.events.len().to_string();
        match reader.read(line) {
            Ok(value) => builder.event(value, path),
            Err(problem) if problem.code == "invalid_json" => {
                let detail = format!("line {}: {}", number + 1, problem.detail);
                builder.problems.push(Problem::error(problem.code, path, detail));
            }
            Err(problem) => return Read::refused(problem),
        }
    }
    builder.finish()
}

fn document(value: Json) -> Read {
    let object = match value {
        Json::List(items) => {
            let mut builder = Builder::new(DocumentKind::Events, Object::default(), Arc::default());
            for (index, item) in items.into_iter().enumerate() {
                builder.event(item, index.to_string());
            }
            return builder.finish();
        }
        Json::Object(object) => object,
        other => {
            let detail = format!("it is {}; send a document, an event or an array of events", other.kind());
            return Read::refused(Problem::error("not_a_document", "", detail));
        }
    };
    let kind = object.get("type").and_then(Json::as_text).unwrap_or("");
    match kind.trim_start_matches("epcis:") {
        "EPCISDocument" => wrapped(object, DocumentKind::Document),
        "EPCISQueryDocument" => wrapped(object, DocumentKind::QueryDocument),
        "" if object.get("epcisBody").is_some() => {
            let mut read = wrapped(object, DocumentKind::Document);
            read.problems.push(Problem::error("missing_field", "type", "write \"EPCISDocument\""));
            read
        }
        "" => Read::refused(Problem::error(
            "not_a_document",
            "",
            "it has no 'type'; send an EPCISDocument, an EPCISQueryDocument or events",
        )),
        "EPCISMasterDataDocument" => Read::refused(Problem::error(
            "not_a_document",
            "type",
            "a document of master data has no events; put it into the header of one that has",
        )),
        _ => {
            let mut builder = Builder::new(DocumentKind::Events, Object::default(), Arc::default());
            builder.event(Json::Object(object), String::new());
            builder.finish()
        }
    }
}

fn wrapped(mut object: Object, kind: DocumentKind) -> Read {
    let mut problems = Vec::new();
    let mut context = Context::default();
    match object.remove("@context") {
        Some(value) => {
            if !add_context(&mut context, value) {
                problems.push(long_context(""));
            }
        }
        None => problems.push(Problem::error("missing_field", "@context", "name the context of EPCIS 2.0")),
    }
    let body = object.remove("epcisBody");
    check_head(&object, kind, &mut problems);
    let mut builder = Builder::new(kind, object, Arc::new(context));
    builder.problems = problems;
    let Some(Json::Object(mut body)) = body else {
        let detail = "a document needs an object 'epcisBody'";
        builder.problems.push(Problem::error("missing_field", "epcisBody", detail));
        return builder.finish();
    };
    if let Some(results) = body.remove("queryResults") {
        builder.results(results);
    } else if kind == DocumentKind::QueryDocument {
        let detail = "results of a query are in an object 'queryResults'";
        builder.problems.push(Problem::error("missing_field", "epcisBody/queryResults", detail));
    } else if let Some(event) = body.remove("event") {
        builder.event(event, "epcisBody/event".to_owned());
    } else {
        builder.events(body.remove("eventList"), "epcisBody/eventList");
    }
    builder.finish()
}

fn check_head(head: &Object, kind: DocumentKind, problems: &mut Vec<Problem>) {
    let needed: &[&str] = if kind == DocumentKind::Document { &["schemaVersion", "creationDate"] } else { &[] };
    for name in needed.iter().filter(|name| head.get(name).is_none()) {
        problems.push(Problem::error("missing_field", *name, format!("a document needs '{name}'")));
    }
    for (name, value) in head.iter() {
        let text = value.as_text();
        let fault = match name {
            "schemaVersion" if !text.is_some_and(is_version) => "write a version such as \"2.0\"",
            "creationDate" if text.and_then(Time::parse).is_none() => "write an RFC 3339 time with an offset",
            "id" | "type" | "sender" | "receiver" | "instanceIdentifier" if text.is_none() => "write a text",
            "epcisHeader" if value.as_object().is_none() => "write an object",
            _ => continue,
        };
        problems.push(Problem::error("wrong_value", name, format!("{} is not taken; {fault}", brief(value))));
    }
}

fn is_version(text: &str) -> bool {
    text.split('.').all(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()))
}

/// A value as a problem shows it.
pub(super) fn brief(value: &Json) -> String {
    match value {
        Json::Text(text) => shown(text),
        Json::Number(digits) => shown(digits),
        other => other.kind().to_owned(),
    }
}

/// The most names that a context may give a meaning to.
const NAMES_MAX: usize = 500;

/// Takes what a JSON-LD context says; answers whether it was not too much.
pub(super) fn add_context(context: &mut Context, value: Json) -> bool {
    match value {
        Json::List(items) => return items.into_iter().all(|item| add_context(context, item)),
        Json::Object(object) => {
            for (name, meaning) in object.into_members() {
                match meaning {
                    _ if context.namespaces.len() + context.terms.len() >= NAMES_MAX => return false,
                    Json::Text(uri) if !name.starts_with('@') => context.namespaces.push((name, trim_uri(uri))),
                    other => context.terms.push((name, other)),
                }
            }
        }
        _ => {}
    }
    true
}

fn long_context(path: &str) -> Problem {
    let detail = format!("it gives a meaning to more than {NAMES_MAX} names; leave out what is not used");
    Problem::error("too_large", join(path, "@context"), detail)
}

/// The namespace of master data is written with and without a colon at its end; here it is without.
pub(super) fn trim_uri(uri: String) -> String {
    if uri == "urn:epcglobal:cbv:mda:" { "urn:epcglobal:cbv:mda".to_owned() } else { uri }
}

/// A document as it grows.
pub(super) struct Builder {
    kind: DocumentKind,
    pub(super) format: Format,
    pub(super) members_max: usize,
    head: Object,
    context: Arc<Context>,
    unhashed: Arc<[String]>,
    query_name: Option<String>,
    subscription_id: Option<String>,
    pub(super) events: Vec<Event>,
    pub(super) problems: Vec<Problem>,
}

impl Builder {
    pub(super) fn new(kind: DocumentKind, head: Object, context: Arc<Context>) -> Self {
        let unhashed = unhashed(&head, &context);
        Self {
            kind,
            format: Format::Json,
            members_max: Limits::default().members_max,
            head,
            context,
            unhashed,
            query_name: None,
            subscription_id: None,
            events: Vec::new(),
            problems: Vec::new(),
        }
    }

    fn results(&mut self, results: Json) {
        const PATH: &str = "epcisBody/queryResults";
        let Json::Object(mut results) = results else {
            self.problems.push(Problem::error("wrong_value", PATH, "write an object with 'resultsBody'"));
            return;
        };
        self.query_name = results.get("queryName").and_then(Json::as_text).map(str::to_owned);
        if self.query_name.is_none() {
            self.problems.push(Problem::error("missing_field", join(PATH, "queryName"), "name the query"));
        }
        self.subscription_id = results.get("subscriptionID").and_then(Json::as_text).map(str::to_owned);
        match results.remove("resultsBody") {
            Some(Json::Object(mut body)) => {
                self.events(body.remove("eventList"), "epcisBody/queryResults/resultsBody/eventList");
            }
            _ => {
                let path = join(PATH, "resultsBody");
                self.problems.push(Problem::error("missing_field", path, "write an object with 'eventList'"));
            }
        }
    }

    pub(super) fn queried(&mut self, name: Option<String>, subscription: Option<String>) {
        self.query_name = name;
        self.subscription_id = subscription;
    }

    fn events(&mut self, list: Option<Json>, path: &str) {
        match list {
            Some(Json::List(events)) => {
                for (index, event) in events.into_iter().enumerate() {
                    self.event(event, join(path, index));
                }
            }
            Some(other) => {
                let detail = format!("{} is not taken; write an array of events", brief(&other));
                self.problems.push(Problem::error("wrong_type", path, detail));
            }
            None => self.problems.push(Problem::error("missing_field", path, "a document needs an array of events")),
        }
    }

    /// Takes one event in JSON.
    fn event(&mut self, value: Json, path: String) {
        let Json::Object(mut body) = value else {
            let detail = format!("{} is no event; write an object", brief(&value));
            self.problems.push(Problem::error("wrong_type", path, detail));
            return;
        };
        let mut context = Arc::clone(&self.context);
        if let Some(own) = body.remove("@context") {
            let mut inner = Context::within(&context);
            if !add_context(&mut inner, own) {
                self.problems.push(long_context(&path));
            }
            context = Arc::new(inner);
        }
        strip_own_prefix(&mut body);
        self.push(body, context, path);
    }

    /// Takes one event whose body is in the JSON form already.
    pub(super) fn push(&mut self, mut body: Object, context: Arc<Context>, path: String) {
        normalise(&mut body, &context);
        self.events.push(Event { body, context, path, format: self.format, unhashed: Arc::clone(&self.unhashed) });
    }

    pub(super) fn finish(self) -> Read {
        let document = Document {
            kind: self.kind,
            format: self.format,
            head: self.head,
            query_name: self.query_name,
            subscription_id: self.subscription_id,
            context: self.context,
            events: self.events,
        };
        Read { document: Some(document), problems: self.problems }
    }
}

/// Expanded JSON-LD may write the standard's own names as `epcis:action`.
fn strip_own_prefix(body: &mut Object) {
    let known =
        body.get("type").and_then(Json::as_text).map(|name| EventType::named(name.trim_start_matches("epcis:")));
    if known.is_none() {
        return;
    }
    for at in 0..body.len() {
        let name = &body.members_mut()[at].0;
        let Some(bare) = name.strip_prefix("epcis:").or_else(|| name.strip_prefix("https://ref.gs1.org/epcis/")) else {
            continue;
        };
        let bare = bare.to_owned();
        if body.get(&bare).is_none() {
            body.members_mut()[at].0 = bare;
        }
    }
}
