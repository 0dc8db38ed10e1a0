//! Extension fields, wherever they may stand.

use super::{Op, Test, canonical};
use crate::epcis::event::Context;
use crate::epcis::{Event, Json, Object, Time};

/// Where an extension stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scope {
    Event,
    Ilmd,
    ErrorDeclaration,
    ReadPoint,
    BizLocation,
    SensorElement,
    SensorMetadata,
    SensorReport,
}

/// The name of an extension, as asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FieldName {
    /// With its prefix, as written.
    written: String,
    /// Namespace and rest, when they are known.
    full: Option<(String, String)>,
}

impl FieldName {
    /// Reads `example:field`, `https://ns.example.com/#field` or `urn:example:ns#field`; `None` when it has no namespace.
    pub(crate) fn parse(text: &str, context: &Context) -> Option<Self> {
        let (prefix, local) = text.split_once(':').filter(|(prefix, local)| !prefix.is_empty() && !local.is_empty())?;
        let full = if let Some(uri) = context.declared(prefix) {
            Some((uri.to_owned(), local.to_owned()))
        } else if text.contains("://") || prefix == "urn" {
            let cut = text.rfind(['#', '/', ':'])?;
            Some((text[..cut].to_owned(), text[cut + 1..].to_owned()))
        } else {
            context.namespace(prefix).map(|uri| (uri.to_owned(), local.to_owned()))
        };
        Some(Self { written: text.to_owned(), full })
    }

    /// Whether a member called `name` in `context` is it. Namespaces are the same whatever closes them.
    fn is(&self, name: &str, context: &Context) -> bool {
        let trim = |uri: &str| uri.trim_end_matches(['#', '/', ':']).to_owned();
        match (&self.full, context.expand(name)) {
            (Some((uri, local)), Some((found, rest))) => rest == local && trim(found) == trim(uri),
            (None, _) => self.written == name,
            _ => false,
        }
    }
}

/// Whether a field called `name` passes the test; `inner` looks below the first level instead of at it.
pub(super) fn any(event: &Event, scope: Scope, inner: bool, name: &FieldName, test: &Test) -> bool {
    let context = event.context();
    objects(event, scope).into_iter().flat_map(Object::iter).any(|(key, value)| {
        if inner {
            key.contains(':') && within(value, name, test, context)
        } else {
            name.is(key, context) && passes(value, test)
        }
    })
}

fn within(value: &Json, name: &FieldName, test: &Test, context: &Context) -> bool {
    match value {
        Json::List(items) => items.iter().any(|item| within(item, name, test, context)),
        Json::Object(object) => object
            .iter()
            .any(|(key, value)| (name.is(key, context) && passes(value, test)) || within(value, name, test, context)),
        _ => false,
    }
}

fn objects(event: &Event, scope: Scope) -> Vec<&Object> {
    let member = |name: &str| event.body().get(name).and_then(Json::as_object).into_iter().collect();
    let elements = || event.sensor_elements().iter();
    match scope {
        Scope::Event => vec![event.body()],
        Scope::Ilmd => member("ilmd"),
        Scope::ErrorDeclaration => member("errorDeclaration"),
        Scope::ReadPoint => member("readPoint"),
        Scope::BizLocation => member("bizLocation"),
        Scope::SensorElement => elements().filter_map(Json::as_object).collect(),
        Scope::SensorMetadata => elements().filter_map(|element| element.get("sensorMetadata")?.as_object()).collect(),
        Scope::SensorReport => super::reports(event).filter_map(Json::as_object).collect(),
    }
}

fn passes(value: &Json, test: &Test) -> bool {
    match value {
        Json::List(items) => items.iter().any(|item| passes(item, test)),
        Json::Object(object) => match (test, object.get("#text")) {
            (Test::Exists, _) => true,
            (_, Some(text)) => passes(text, test),
            (_, None) => false,
        },
        leaf => {
            let text = match leaf {
                Json::Text(text) | Json::Number(text) => text.clone(),
                Json::Bool(flag) => flag.to_string(),
                _ => String::new(),
            };
            match test {
                Test::Exists => true,
                Test::Any(wanted) => wanted.iter().any(|one| is_same(&text, one)),
                Test::Compare(op, than) => compares(&text, *op, than),
            }
        }
    }
}

fn is_same(found: &str, wanted: &str) -> bool {
    found == wanted || compares(found, Op::Equal, wanted) || canonical(found) == canonical(wanted)
}

/// Numbers compare as numbers, times as times; anything else not at all.
fn compares(found: &str, op: Op, than: &str) -> bool {
    if let (Ok(found), Ok(than)) = (found.trim().parse::<f64>(), than.trim().parse::<f64>()) {
        return op.holds(found.total_cmp(&than));
    }
    match (Time::parse(found), Time::parse(than)) {
        (Some(found), Some(than)) => op.holds(found.micros.cmp(&than.micros)),
        // Days compare as they are written.
        _ if found.len() == 10 && than.len() == 10 => {
            let days = crate::time::parse_day(found).ok().zip(crate::time::parse_day(than).ok());
            days.is_some_and(|(found, than)| op.holds(found.0.cmp(&than.0)))
        }
        _ => false,
    }
}
