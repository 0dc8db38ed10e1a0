//! CloudEvents 1.0: an envelope around an event, as one JSON text or as HTTP headers beside the body.
//!
//! # Source
//! CloudEvents 1.0.2, sections 3.1 (attributes), JSON format 3 and HTTP binding 3.1.

use super::fields::{self, Field, Fields, Value};
use super::{Defaults, Limits, Parsed, Parser};
use crate::KeyHasher;
use crate::problem::{Problem, shown};
use crate::text::missing;
use ledger::EventKind;
use std::borrow::Cow;

/// Attributes that an event may take over. Others are extensions, which say nothing to us.
#[derive(Default)]
struct Envelope<'a> {
    specversion: Value<'a>,
    id: Value<'a>,
    source: Value<'a>,
    time: Value<'a>,
    kind: Value<'a>,
}

impl<'a> Envelope<'a> {
    fn slot(&mut self, name: &str) -> Option<&mut Value<'a>> {
        Some(match name {
            "specversion" => &mut self.specversion,
            "id" => &mut self.id,
            "source" => &mut self.source,
            "time" => &mut self.time,
            "type" => &mut self.kind,
            _ => return None,
        })
    }

    /// Fills what the data leaves open.
    fn complete(self, fields: &mut Fields<'a>, problems: &mut Vec<Problem>) {
        match &self.specversion {
            Value::Text(version) if version == "1.0" => {}
            Value::Absent => problems.push(missing("specversion", "\"1.0\"")),
            Value::Text(other) => {
                let detail = format!("specversion {} is not taken; send CloudEvents '1.0'", shown(other));
                problems.push(Problem::new("unsupported_version", "specversion", detail));
            }
            Value::Raw(_) | Value::List(_) => {
                let detail = "specversion is no string; send \"1.0\"".to_owned();
                problems.push(Problem::new("wrong_type", "specversion", detail));
            }
        }
        if let (false, Value::Text(kind)) = (fields.has(Field::Event), &self.kind) {
            // Types are often prefixed with a reversed domain name.
            let last = kind.rsplit('.').next().unwrap_or_default();
            if EventKind::ALL.into_iter().any(|kind| kind.name() == last) {
                fields.set(Field::Event, Value::Text(Cow::Owned(last.to_owned())));
            }
        }
        for (field, value) in [(Field::Id, self.id), (Field::Source, self.source), (Field::Timestamp, self.time)] {
            if !fields.has(field) {
                fields.set(field, value);
            }
        }
    }
}

/// Reads the event in the envelope `text`.
pub(super) fn read<'a>(text: &'a str, fields: &mut Fields<'a>, problems: &mut Vec<Problem>) -> bool {
    let members = match fields::members(text, "the CloudEvent") {
        Ok(members) => members,
        Err(problem) => {
            problems.push(problem);
            return false;
        }
    };
    let mut envelope = Envelope::default();
    let mut data = None;
    for (name, json) in members.0 {
        match (name.as_ref(), envelope.slot(&name)) {
            (_, Some(Value::Absent)) => match fields::value(json) {
                Ok(value) => {
                    if let Some(slot) = envelope.slot(&name) {
                        *slot = value;
                    }
                }
                Err(problem) => problems.push(problem),
            },
            (_, Some(_)) => problems.push(fields::duplicate_field(&name)),
            ("data", None) if data.is_some() => problems.push(fields::duplicate_field("data")),
            ("data", None) => data = Some(json),
            ("data_base64", None) => {
                let detail = "data_base64 is not taken; send the event as JSON in 'data'".to_owned();
                problems.push(Problem::new("unsupported_encoding", "data_base64", detail));
                return false;
            }
            _ => {}
        }
    }
    let Some(data) = data else {
        problems.push(missing("data", "{\"event\": \"item_removed\", …}"));
        return false;
    };
    let is_object = fields::read(data, fields, problems);
    if is_object {
        envelope.complete(fields, problems);
    }
    is_object
}

/// Reads a CloudEvent in binary mode: the body is the event, and the `ce-` headers are its envelope.
///
/// `headers` are all headers of the request or only those that begin with `ce-`; names in any case, values
/// percent-encoded as the HTTP binding says. Without `ce-specversion` the body is no CloudEvent: that is a problem.
pub fn parse_cloud_event_binary<'h>(
    headers: impl IntoIterator<Item = (&'h str, &'h str)>,
    body: &[u8],
    defaults: &Defaults<'_>,
    hasher: &KeyHasher,
    limits: &Limits,
) -> Parsed {
    let mut parser = Parser::new(defaults, hasher, limits);
    let mut envelope = Envelope::default();
    for (name, value) in headers {
        let name = name.to_ascii_lowercase();
        if let Some(slot) = name.strip_prefix("ce-").and_then(|name| envelope.slot(name)) {
            *slot = Value::Text(Cow::Owned(percent_decoded(value)));
        }
    }
    parser.finish(|fields, problems| {
        if body.len() > limits.event_bytes_max {
            problems.push(super::too_large(body.len(), limits.event_bytes_max));
            return false;
        }
        match std::str::from_utf8(body) {
            Ok(text) => {
                let is_object = fields::read(text, fields, problems);
                if is_object {
                    envelope.complete(fields, problems);
                }
                is_object
            }
            Err(error) => {
                problems.push(super::invalid_utf8(error.valid_up_to()));
                false
            }
        }
    });
    parser.parsed
}

/// `%C3%A9` as `é`; a percent sign that begins no such code stands for itself, and bytes that are no UTF-8 become U+FFFD.
fn percent_decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let code = if *first == b'%' { after.get(..2) } else { None };
        let code = code.and_then(|code| std::str::from_utf8(code).ok());
        match code.and_then(|code| u8::from_str_radix(code, 16).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = &after[2..];
            }
            None => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
