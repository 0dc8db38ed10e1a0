//! One event in its one form, and what can be asked of it.

use super::{Format, Json, Object, Vocabulary};
use std::sync::Arc;

/// The five kinds of events, and any other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EventType {
    /// Something happened to objects.
    Object,
    /// Objects were put into, or taken out of, another.
    Aggregation,
    /// Objects were bound to, or freed from, business transactions.
    Transaction,
    /// Objects were made of others.
    Transformation,
    /// Objects were fixed to, or taken off, another or a place.
    Association,
    /// One of somebody's own, named in `type`.
    Other,
}

impl EventType {
    /// The five of the standard.
    pub const ALL: [Self; 5] =
        [Self::Object, Self::Aggregation, Self::Transaction, Self::Transformation, Self::Association];

    /// The name outside; empty for [`EventType::Other`].
    pub const fn name(self) -> &'static str {
        match self {
            Self::Object => "ObjectEvent",
            Self::Aggregation => "AggregationEvent",
            Self::Transaction => "TransactionEvent",
            Self::Transformation => "TransformationEvent",
            Self::Association => "AssociationEvent",
            Self::Other => "",
        }
    }

    /// The kind called `name`.
    pub fn named(name: &str) -> Self {
        Self::ALL.into_iter().find(|kind| kind.name() == name).unwrap_or(Self::Other)
    }
}

/// A point in time with the offset that it was written with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Time {
    /// Microseconds since 1970 in UTC.
    pub micros: i64,
    /// Minutes that the writer's clock is ahead of UTC.
    pub offset_minutes: i32,
}

impl Time {
    /// Reads an RFC 3339 time, its seconds optional; finer than a microsecond is cut off. `None` when it is none of 1990
    /// to 2199.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let without_seconds = text.get(..16).zip(text.get(16..)).filter(|(_, rest)| rest.starts_with(['Z', '+', '-']));
        let micros = match without_seconds {
            Some((minutes, offset)) => crate::time::parse_timestamp(&format!("{minutes}:00{offset}")).ok()?.0,
            None => crate::time::parse_timestamp(text).ok()?.0,
        };
        Some(Self { micros, offset_minutes: offset_minutes(text).unwrap_or(0) })
    }
}

/// The minutes of an offset such as `-06:00` at the end of `text`; `None` when there is none.
pub(super) fn offset_minutes(text: &str) -> Option<i32> {
    let tail = text.get(text.len().checked_sub(6)?..)?;
    let (sign, rest) = (tail.chars().next()?, tail.get(1..)?);
    let (hours, minutes) = rest.split_once(':')?;
    let total = hours.parse::<i32>().ok()? * 60 + minutes.parse::<i32>().ok()?;
    match sign {
        '+' => Some(total),
        '-' => Some(-total),
        _ => None,
    }
}

/// What the names of an event mean.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Context {
    /// Prefix and what it stands for, in the order in which they were declared; a later one hides an earlier.
    pub namespaces: Vec<(String, String)>,
    /// What a JSON-LD context says of single terms, as it says it.
    pub terms: Vec<(String, Json)>,
    /// What holds around it, where it does not say otherwise.
    pub outer: Option<Arc<Self>>,
}

/// The vocabulary of master data is known without being declared.
pub(super) const KNOWN: [(&str, &str); 5] = [
    ("cbvmda", "urn:epcglobal:cbv:mda"),
    ("cbv", "https://ref.gs1.org/cbv/"),
    ("gs1", "https://gs1.org/voc/"),
    ("rdfs", "http://www.w3.org/2000/01/rdf-schema#"),
    ("epcis", "https://ref.gs1.org/epcis/"),
];

impl Context {
    /// What `prefix` stands for.
    pub fn namespace(&self, prefix: &str) -> Option<&str> {
        self.declared(prefix).or_else(|| KNOWN.iter().find(|(key, _)| *key == prefix).map(|(_, uri)| *uri))
    }

    /// What `prefix` was declared to stand for.
    pub(super) fn declared(&self, prefix: &str) -> Option<&str> {
        let own = self.namespaces.iter().rev().find(|(key, _)| key == prefix).map(|(_, uri)| uri.as_str());
        own.or_else(|| self.outer.as_ref()?.declared(prefix))
    }

    /// The prefix that was declared for `uri`.
    pub(super) fn prefix_of(&self, uri: &str) -> Option<&str> {
        let mut layer = Some(self);
        while let Some(context) = layer {
            let found = context
                .namespaces
                .iter()
                .rev()
                .find(|(prefix, known)| known == uri && self.declared(prefix) == Some(uri));
            if let Some((prefix, _)) = found {
                return Some(prefix);
            }
            layer = context.outer.as_deref();
        }
        None
    }

    /// An empty context in which what `outer` says holds.
    pub(super) fn within(outer: &Arc<Self>) -> Self {
        Self { outer: Some(Arc::clone(outer)), ..Self::default() }
    }

    /// What is said of terms, the innermost first.
    pub(super) fn all_terms(&self) -> impl Iterator<Item = &(String, Json)> {
        std::iter::successors(Some(self), |context| context.outer.as_deref()).flat_map(|context| &context.terms)
    }

    /// The namespace and the rest of a name such as `example:myField` or `https://example.com/#myField`; `None` when it
    /// is in none.
    pub fn expand<'a>(&'a self, name: &'a str) -> Option<(&'a str, &'a str)> {
        let (prefix, local) = name.split_once(':')?;
        if let Some(uri) = self.namespace(prefix) {
            return Some((uri, local));
        }
        let cut = name.rfind(['#', '/', ':']).filter(|at| *at + 1 < name.len())? + 1;
        name.contains("://").then(|| name.split_at(cut))
    }
}

/// One event, in the JSON form of EPCIS 2.0.
///
/// Words of the standard vocabularies are bare (`shipping`); everything else is as it came.
#[derive(Clone, Debug)]
pub struct Event {
    pub(super) body: Object,
    pub(super) context: Arc<Context>,
    pub(super) path: String,
    pub(super) format: Format,
    /// Names (namespace, then local part) that do not count towards the hash, as the document says.
    pub(super) unhashed: Arc<[String]>,
}

impl Event {
    /// All its members.
    pub const fn body(&self) -> &Object {
        &self.body
    }

    /// What its names mean.
    pub fn context(&self) -> &Context {
        &self.context
    }

    /// Where it stands in its document.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Sets a member, such as the `recordTime` that the taker of an event writes into it.
    pub fn set(&mut self, name: &str, value: Json) {
        self.body.set(name, value);
    }

    /// Its kind.
    pub fn event_type(&self) -> EventType {
        EventType::named(self.type_name())
    }

    /// The `type` as written; empty when there is none.
    pub fn type_name(&self) -> &str {
        self.text("type").unwrap_or("")
    }

    /// When it happened.
    pub fn event_time(&self) -> Option<Time> {
        Time::parse(self.text("eventTime")?)
    }

    /// The offset of local time at the place, in minutes.
    pub fn event_time_zone_offset_minutes(&self) -> Option<i32> {
        offset_minutes(self.text("eventTimeZoneOffset")?)
    }

    /// When somebody wrote it down.
    pub fn record_time(&self) -> Option<Time> {
        Time::parse(self.text("recordTime")?)
    }

    /// The id that its sender gave it.
    pub fn event_id(&self) -> Option<&str> {
        self.text("eventID").or_else(|| self.text("id"))
    }

    /// `ADD`, `OBSERVE` or `DELETE`.
    pub fn action(&self) -> Option<&str> {
        self.text("action")
    }

    /// The business step: a bare word of the vocabulary, or a URI of somebody's own.
    pub fn biz_step(&self) -> Option<&str> {
        self.text("bizStep")
    }

    /// The disposition, as [`Event::biz_step`].
    pub fn disposition(&self) -> Option<&str> {
        self.text("disposition")
    }

    /// The id of the read point.
    pub fn read_point(&self) -> Option<&str> {
        self.body.get("readPoint")?.get("id")?.as_text()
    }

    /// The id of the business location.
    pub fn biz_location(&self) -> Option<&str> {
        self.body.get("bizLocation")?.get("id")?.as_text()
    }

    /// The id of what contains, or is fixed to, the others.
    pub fn parent_id(&self) -> Option<&str> {
        self.text("parentID")
    }

    /// The id that binds transformations together.
    pub fn transformation_id(&self) -> Option<&str> {
        self.text("transformationID")
    }

    /// The EPCs in `epcList`.
    pub fn epc_list(&self) -> impl Iterator<Item = &str> {
        self.texts("epcList")
    }

    /// The EPCs in `childEPCs`.
    pub fn child_epcs(&self) -> impl Iterator<Item = &str> {
        self.texts("childEPCs")
    }

    /// The EPCs in `inputEPCList`.
    pub fn input_epc_list(&self) -> impl Iterator<Item = &str> {
        self.texts("inputEPCList")
    }

    /// The EPCs in `outputEPCList`.
    pub fn output_epc_list(&self) -> impl Iterator<Item = &str> {
        self.texts("outputEPCList")
    }

    /// Class, quantity as written and unit of `list`: `quantityList`, `childQuantityList`, `inputQuantityList` or
    /// `outputQuantityList`. Without a quantity it is an unknown amount, without a unit a count of pieces.
    pub fn quantities(&self, list: &str) -> impl Iterator<Item = (&str, Option<&str>, Option<&str>)> {
        self.list(list).iter().filter_map(|element| {
            let quantity = match element.get("quantity") {
                Some(Json::Number(digits)) => Some(digits.as_str()),
                _ => None,
            };
            let uom = element.get("uom").and_then(Json::as_text);
            Some((element.get("epcClass")?.as_text()?, quantity, uom))
        })
    }

    /// Type and id of the business transactions.
    pub fn biz_transactions(&self) -> impl Iterator<Item = (Option<&str>, &str)> {
        self.typed("bizTransactionList", "bizTransaction")
    }

    /// Type and id of the sources.
    pub fn sources(&self) -> impl Iterator<Item = (Option<&str>, &str)> {
        self.typed("sourceList", "source")
    }

    /// Type and id of the destinations.
    pub fn destinations(&self) -> impl Iterator<Item = (Option<&str>, &str)> {
        self.typed("destinationList", "destination")
    }

    /// The sensor elements.
    pub fn sensor_elements(&self) -> &[Json] {
        self.list("sensorElementList")
    }

    /// The dispositions that are `set` or `unset` for good.
    pub fn persistent_dispositions(&self, which: &str) -> impl Iterator<Item = &str> {
        let list = self.body.get("persistentDisposition").and_then(|both| both.get(which));
        list.map(Json::items).unwrap_or_default().iter().filter_map(Json::as_text)
    }

    /// What declares an earlier event with the same id wrong.
    pub fn error_declaration(&self) -> Option<&Object> {
        self.body.get("errorDeclaration")?.as_object()
    }

    /// Certificates: one URI or several.
    pub fn certification_info(&self) -> impl Iterator<Item = &str> {
        let value = self.body.get("certificationInfo");
        let one = value.and_then(Json::as_text);
        one.into_iter().chain(value.map(Json::items).unwrap_or_default().iter().filter_map(Json::as_text))
    }

    /// Facts about the instance or lot.
    pub fn ilmd(&self) -> Option<&Object> {
        self.body.get("ilmd")?.as_object()
    }

    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.body.get(name)?.as_text()
    }

    pub(super) fn list(&self, name: &str) -> &[Json] {
        self.body.get(name).map(Json::items).unwrap_or_default()
    }

    pub(super) fn texts(&self, name: &str) -> impl Iterator<Item = &str> {
        self.list(name).iter().filter_map(Json::as_text)
    }

    fn typed<'a>(&'a self, list: &str, member: &'a str) -> impl Iterator<Item = (Option<&'a str>, &'a str)> {
        self.list(list).iter().filter_map(move |element| {
            Some((element.get("type").and_then(Json::as_text), element.get(member)?.as_text()?))
        })
    }
}

/// Puts the words of the standard vocabularies in `body` into their bare form.
pub(super) fn normalise(body: &mut Object, context: &Context) {
    for (name, value) in body.members_mut() {
        match name.as_str() {
            "type" => bare_type(value),
            "bizStep" => word(value, Vocabulary::BizStep, context),
            "disposition" => word(value, Vocabulary::Disposition, context),
            "persistentDisposition" => {
                members(value, &["set", "unset"], |list| {
                    each(list, |item| word(item, Vocabulary::Disposition, context))
                });
            }
            "bizTransactionList" => typed_list(value, Vocabulary::BizTransactionType, context),
            "sourceList" | "destinationList" => typed_list(value, Vocabulary::SourceDestinationType, context),
            "errorDeclaration" => members(value, &["reason"], |reason| word(reason, Vocabulary::ErrorReason, context)),
            "sensorElementList" => each(value, |element| {
                members(element, &["sensorReport"], |reports| {
                    each(reports, |report| {
                        members(report, &["type"], |kind| word(kind, Vocabulary::Measurement, context));
                        members(report, &["exception"], |kind| word(kind, Vocabulary::SensorAlert, context));
                        members(report, &["component"], |kind| word(kind, Vocabulary::Component, context));
                    });
                });
            }),
            _ => {}
        }
    }
}

fn bare_type(value: &mut Json) {
    let Json::Text(text) = value else { return };
    let bare = ["epcis:", "https://ref.gs1.org/epcis/", "urn:epcglobal:epcis:"]
        .iter()
        .find_map(|place| text.strip_prefix(place))
        .filter(|bare| EventType::named(bare) != EventType::Other);
    if let Some(bare) = bare {
        *text = bare.to_owned();
    }
}

fn word(value: &mut Json, vocabulary: Vocabulary, context: &Context) {
    let Json::Text(text) = value else { return };
    let trimmed = text.trim();
    let found = vocabulary.word(trimmed).or_else(|| {
        // A prefix of the sender's own may stand for one of the standard's places.
        let (prefix, local) = trimmed.split_once(':')?;
        vocabulary.word(&format!("{}{local}", context.namespace(prefix)?))
    });
    if let Some(word) = found {
        *text = word.to_owned();
    }
}

fn typed_list(value: &mut Json, vocabulary: Vocabulary, context: &Context) {
    each(value, |element| members(element, &["type"], |kind| word(kind, vocabulary, context)));
}

fn each(value: &mut Json, mut change: impl FnMut(&mut Json)) {
    if let Json::List(items) = value {
        items.iter_mut().for_each(&mut change);
    }
}

fn members(value: &mut Json, names: &[&str], mut change: impl FnMut(&mut Json)) {
    if let Json::Object(object) = value {
        for (name, member) in object.members_mut() {
            if names.contains(&name.as_str()) {
                change(member);
            }
        }
    }
}
