//! XML of EPCIS 2.0. The elements come in the order of the XML schema; extensions come last, in their own order.

use super::{Envelope, Used};
use crate::epcis::event::{Context, EventType};
use crate::epcis::{Event, Json, Object, Vocabulary};
use std::collections::BTreeMap;
use std::fmt::Write;

const OBJECT: &[&str] = &["epcList", "action"];
const AGGREGATION: &[&str] = &["parentID", "childEPCs", "action"];
const TRANSACTION: &[&str] = &["bizTransactionList", "parentID", "epcList", "action"];
const TRANSFORMATION: &[&str] =
    &["inputEPCList", "inputQuantityList", "outputEPCList", "outputQuantityList", "transformationID"];
const FIRST: &[&str] =
    &["eventTime", "recordTime", "eventTimeZoneOffset", "eventID", "errorDeclaration", "certificationInfo"];
const REST: &[&str] = &[
    "bizStep",
    "disposition",
    "readPoint",
    "bizLocation",
    "bizTransactionList",
    "quantityList",
    "childQuantityList",
    "sourceList",
    "destinationList",
    "sensorElementList",
    "persistentDisposition",
    "ilmd",
];

/// One event as an element with its namespaces.
pub fn event_xml(event: &Event) -> String {
    let mut writer = Writer { out: String::new() };
    writer.event(event, &Used::of([event]).namespaces);
    writer.out
}

/// A document in XML.
pub fn xml<'e>(envelope: &Envelope<'_>, events: impl IntoIterator<Item = &'e Event>) -> String {
    let events: Vec<&Event> = events.into_iter().collect();
    let mut used = Used::of_all(envelope, &events);
    used.namespaces.retain(|prefix, _| is_name(prefix));
    let mut writer = Writer { out: String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n") };
    let (root, namespace) = match envelope.query {
        Some(_) => ("epcisq:EPCISQueryDocument", "xmlns:epcisq=\"urn:epcglobal:epcis-query:xsd:2\""),
        None => ("epcis:EPCISDocument", "xmlns:epcis=\"urn:epcglobal:epcis:xsd:2\""),
    };
    let _ = write!(writer.out, "<{root} {namespace} schemaVersion=\"2.0\" creationDate=\"");
    writer.escaped(envelope.creation_date);
    writer.out.push('"');
    // These two name the document itself.
    used.namespaces.retain(|prefix, _| !matches!(prefix.as_str(), "epcis" | "epcisq" | "xml" | "xmlns"));
    writer.declare(&used.namespaces);
    writer.out.push('>');
    if let Some(head) = envelope.head {
        writer.header(head, envelope.creation_date);
    }
    for (name, value, context) in envelope.extensions() {
        writer.head_extension(name, value, context);
    }
    writer.out.push_str("<EPCISBody>");
    if let Some(query) = envelope.query {
        writer.out.push_str("<epcisq:QueryResults>");
        writer.leaf("queryName", query.query_name);
        if let Some(id) = query.subscription_id {
            writer.leaf("subscriptionID", id);
        }
        writer.out.push_str("<resultsBody>");
    }
    writer.out.push_str("<EventList>");
    for event in events {
        let differing = used.differing(event);
        writer.event(event, &differing);
    }
    writer.out.push_str("</EventList>");
    if envelope.query.is_some() {
        writer.out.push_str("</resultsBody></epcisq:QueryResults>");
    }
    let _ = write!(writer.out, "</EPCISBody></{root}>");
    writer.out
}

/// Whether `text` can be the name of an element: letters, digits, `_`, `-` and `.`, not beginning with one of the last
/// three.
fn is_name(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
        && text.chars().all(|letter| letter.is_ascii_alphanumeric() || matches!(letter, '_' | '-' | '.'))
}

/// The name that comes nearest to `text`.
fn as_name(text: &str) -> String {
    let mut name: String = text
        .chars()
        .map(|letter| if letter.is_ascii_alphanumeric() || matches!(letter, '_' | '-' | '.') { letter } else { '_' })
        .collect();
    if !is_name(&name) {
        name.insert(0, '_');
    }
    name
}

struct Writer {
    out: String,
}

impl Writer {
    /// What XML 1.0 has no way to write becomes a replacement character.
    fn escaped(&mut self, text: &str) {
        for letter in text.chars() {
            match letter {
                '&' => self.out.push_str("&amp;"),
                '<' => self.out.push_str("&lt;"),
                '>' => self.out.push_str("&gt;"),
                '"' => self.out.push_str("&quot;"),
                '\t' | '\n' | '\r' => {
                    let _ = write!(self.out, "&#{};", u32::from(letter));
                }
                '\u{0}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => self.out.push('\u{fffd}'),
                _ => self.out.push(letter),
            }
        }
    }

    fn leaf(&mut self, name: &str, text: &str) {
        let _ = write!(self.out, "<{name}>");
        self.escaped(text);
        let _ = write!(self.out, "</{name}>");
    }

    fn attribute(&mut self, name: &str, value: &str) {
        let _ = write!(self.out, " {name}=\"");
        self.escaped(value);
        self.out.push('"');
    }

    fn declare(&mut self, namespaces: &BTreeMap<String, String>) {
        for (prefix, uri) in namespaces.iter().filter(|(prefix, _)| is_name(prefix)) {
            self.attribute(&format!("xmlns:{prefix}"), uri);
        }
    }

    fn event(&mut self, event: &Event, namespaces: &BTreeMap<String, String>) {
        let kind = event.event_type();
        let name = match kind {
            EventType::Other => element_name(event.type_name(), &event.context),
            known => (known.name().to_owned(), None),
        };
        let _ = write!(self.out, "<{}", name.0);
        self.declare(namespaces);
        if let Some((prefix, uri)) = &name.1 {
            self.attribute(&format!("xmlns:{prefix}"), uri);
        }
        self.out.push('>');
        let own: &[&str] = match kind {
            EventType::Object | EventType::Other => OBJECT,
            EventType::Aggregation | EventType::Association => AGGREGATION,
            EventType::Transaction => TRANSACTION,
            EventType::Transformation => TRANSFORMATION,
        };
        let mut done = vec!["type"];
        for name in FIRST.iter().chain(own).chain(REST) {
            if let Some(value) = event.body.get(name).filter(|_| !done.contains(name)) {
                self.member(name, value, &event.context);
                done.push(name);
            }
        }
        // An older way of writing the id.
        if let Some(id) = event.body.get("id").filter(|_| event.body.get("eventID").is_none()) {
            self.member("eventID", id, &event.context);
        }
        done.push("id");
        for (name, value) in event.body.iter().filter(|(name, _)| !done.contains(name)) {
            self.extension(name, value, &event.context);
        }
        let _ = write!(self.out, "</{}>", name.0);
    }

    fn member(&mut self, name: &str, value: &Json, context: &Context) {
        match name {
            "epcList" | "childEPCs" | "inputEPCList" | "outputEPCList" => self.list(name, value, |writer, item| {
                writer.text_of("epc", item);
            }),
            "quantityList" | "childQuantityList" | "inputQuantityList" | "outputQuantityList" => {
                self.list(name, value, |writer, item| {
                    writer.fields("quantityElement", item, &["epcClass", "quantity", "uom"], context);
                });
            }
            "bizTransactionList" => self.typed(name, value, "bizTransaction", Vocabulary::BizTransactionType),
            "sourceList" => self.typed(name, value, "source", Vocabulary::SourceDestinationType),
            "destinationList" => self.typed(name, value, "destination", Vocabulary::SourceDestinationType),
            "readPoint" | "bizLocation" => self.fields(name, value, &["id"], context),
            "bizStep" => self.word(name, value, Vocabulary::BizStep),
            "disposition" => self.word(name, value, Vocabulary::Disposition),
            "persistentDisposition" => {
                let _ = write!(self.out, "<{name}>");
                for which in ["unset", "set"] {
                    for item in value.get(which).map(Json::items).unwrap_or_default() {
                        self.word(which, item, Vocabulary::Disposition);
                    }
                }
                let _ = write!(self.out, "</{name}>");
            }
            "errorDeclaration" => self.error_declaration(value, context),
            "sensorElementList" => self.list(name, value, |writer, item| writer.sensor_element(item, context)),
            "ilmd" => {
                let _ = write!(self.out, "<{name}>");
                for (name, value) in value.as_object().into_iter().flat_map(Object::iter) {
                    self.extension(name, value, context);
                }
                let _ = write!(self.out, "</{name}>");
            }
            _ => match value {
                Json::List(items) => items.iter().for_each(|item| self.text_of(name, item)),
                one => self.text_of(name, one),
            },
        }
    }

    fn text_of(&mut self, name: &str, value: &Json) {
        self.leaf(name, &scalar(value).unwrap_or_default());
    }

    fn list(&mut self, name: &str, value: &Json, item: impl Fn(&mut Self, &Json)) {
        let _ = write!(self.out, "<{name}>");
        value.items().iter().for_each(|one| item(self, one));
        let _ = write!(self.out, "</{name}>");
    }

    fn word(&mut self, name: &str, value: &Json, vocabulary: Vocabulary) {
        self.leaf(name, &urn(value, vocabulary));
    }

    fn typed(&mut self, list: &str, value: &Json, name: &str, vocabulary: Vocabulary) {
        self.list(list, value, |writer, item| {
            let _ = write!(writer.out, "<{name}");
            if let Some(kind) = item.get("type") {
                writer.attribute("type", &urn(kind, vocabulary));
            }
            writer.out.push('>');
            writer.escaped(&item.get(name).and_then(scalar).unwrap_or_default());
            let _ = write!(writer.out, "</{name}>");
        });
    }

    /// An object of texts called `names`, then its extensions.
    fn fields(&mut self, name: &str, value: &Json, names: &[&str], context: &Context) {
        let _ = write!(self.out, "<{name}>");
        for field in names {
            if let Some(value) = value.get(field) {
                self.text_of(field, value);
            }
        }
        let members = value.as_object().into_iter().flat_map(Object::iter);
        for (field, value) in members.filter(|(field, _)| !names.contains(field)) {
            self.extension(field, value, context);
        }
        let _ = write!(self.out, "</{name}>");
    }

    fn error_declaration(&mut self, value: &Json, context: &Context) {
        self.out.push_str("<errorDeclaration>");
        if let Some(time) = value.get("declarationTime") {
            self.text_of("declarationTime", time);
        }
        if let Some(reason) = value.get("reason") {
            self.word("reason", reason, Vocabulary::ErrorReason);
        }
        if let Some(ids) = value.get("correctiveEventIDs") {
            self.list("correctiveEventIDs", ids, |writer, id| writer.text_of("correctiveEventID", id));
        }
        for (name, value) in value.as_object().into_iter().flat_map(Object::iter) {
            if !matches!(name, "declarationTime" | "reason" | "correctiveEventIDs") {
                self.extension(name, value, context);
            }
        }
        self.out.push_str("</errorDeclaration>");
    }

    fn sensor_element(&mut self, value: &Json, context: &Context) {
        self.out.push_str("<sensorElement>");
        if let Some(metadata) = value.get("sensorMetadata") {
            self.attributes("sensorMetadata", metadata, context);
        }
        for report in value.get("sensorReport").map(Json::items).unwrap_or_default() {
            self.attributes("sensorReport", report, context);
        }
        for (name, value) in value.as_object().into_iter().flat_map(Object::iter) {
            if !matches!(name, "sensorMetadata" | "sensorReport" | "type") {
                self.extension(name, value, context);
            }
        }
        self.out.push_str("</sensorElement>");
    }

    /// Members as attributes; those that are no scalars, as elements within.
    fn attributes(&mut self, name: &str, value: &Json, context: &Context) {
        let _ = write!(self.out, "<{name}");
        let members: Vec<(&str, &Json)> = value.as_object().into_iter().flat_map(Object::iter).collect();
        let mut written: Vec<String> = Vec::new();
        let mut within = Vec::new();
        for (name, value) in members {
            let text = match name {
                "type" => Some(urn(value, Vocabulary::Measurement)),
                "exception" => Some(urn(value, Vocabulary::SensorAlert)),
                "component" => Some(urn(value, Vocabulary::Component)),
                _ => scalar(value),
            };
            let (name_out, declared) = element_name(name, context);
            match text {
                Some(text) if !written.contains(&name_out) && declared.is_none() => {
                    self.attribute(&name_out, &text);
                    written.push(name_out);
                }
                _ => within.push((name, value)),
            }
        }
        self.out.push('>');
        for (name, value) in within {
            self.extension(name, value, context);
        }
        let _ = write!(self.out, "</{name}>");
    }

    fn extension(&mut self, name: &str, value: &Json, context: &Context) {
        if name.starts_with(['@', '#']) {
            return;
        }
        if let Json::List(items) = value {
            items.iter().for_each(|item| self.extension(name, item, context));
            return;
        }
        let (name, declared) = element_name(name, context);
        let _ = write!(self.out, "<{name}");
        if let Some((prefix, uri)) = declared {
            self.attribute(&format!("xmlns:{prefix}"), &uri);
        }
        let object = value.as_object();
        for (key, value) in object.into_iter().flat_map(Object::iter) {
            if let (Some(key), Some(text)) = (key.strip_prefix('@'), scalar(value)) {
                let (key, declared) = element_name(key, context);
                if declared.is_none() {
                    self.attribute(&key, &text);
                }
            }
        }
        self.out.push('>');
        match object {
            None => self.escaped(&scalar(value).unwrap_or_default()),
            Some(object) => {
                if let Some(text) = object.get("#text").and_then(scalar) {
                    self.escaped(&text);
                }
                object.iter().for_each(|(name, value)| self.extension(name, value, context));
            }
        }
        let _ = write!(self.out, "</{name}>");
    }

    /// Names that do not count towards hashes are elements without content; other extensions are as in an event.
    fn head_extension(&mut self, name: &str, value: &Json, context: &Context) {
        if !name.ends_with(":ignoreFields") {
            self.extension(name, value, context);
            return;
        }
        let mut fields = Object::default();
        for field in value.items().iter().filter_map(Json::as_text) {
            fields.push(field.to_owned(), Json::Null);
        }
        self.extension(name, &Json::Object(fields), context);
    }

    fn header(&mut self, head: &Object, creation_date: &str) {
        let text = |name: &str| head.get(name).and_then(Json::as_text);
        let parties = [("Sender", text("sender")), ("Receiver", text("receiver"))];
        let instance = text("instanceIdentifier");
        let rest = head.get("epcisHeader").and_then(Json::as_object);
        let has_business = instance.is_some() || parties.iter().any(|(_, id)| id.is_some());
        if !has_business && rest.is_none() {
            return;
        }
        self.out.push_str("<EPCISHeader>");
        if has_business {
            const SBDH: &str = "http://www.unece.org/cefact/namespaces/StandardBusinessDocumentHeader";
            let _ = write!(self.out, "<sbdh:StandardBusinessDocumentHeader xmlns:sbdh=\"{SBDH}\">");
            self.leaf("sbdh:HeaderVersion", "1.0");
            for (party, id) in parties {
                if let Some(id) = id {
                    let _ = write!(self.out, "<sbdh:{party}>");
                    self.leaf("sbdh:Identifier", id);
                    let _ = write!(self.out, "</sbdh:{party}>");
                }
            }
            self.out.push_str("<sbdh:DocumentIdentification>");
            self.leaf("sbdh:Standard", "EPCglobal");
            self.leaf("sbdh:TypeVersion", "2.0");
            self.leaf("sbdh:InstanceIdentifier", instance.unwrap_or(""));
            self.leaf("sbdh:Type", "Events");
            self.leaf("sbdh:CreationDateAndTime", creation_date);
            self.out.push_str("</sbdh:DocumentIdentification></sbdh:StandardBusinessDocumentHeader>");
        }
        if let Some(data) = rest.and_then(|rest| rest.get("epcisMasterData")) {
            self.master_data(data);
        }
        self.out.push_str("</EPCISHeader>");
    }

    fn master_data(&mut self, data: &Json) {
        self.out.push_str("<extension><EPCISMasterData><VocabularyList>");
        for vocabulary in data.get("vocabularyList").map(Json::items).unwrap_or_default() {
            self.out.push_str("<Vocabulary");
            self.attribute("type", &vocabulary.get("type").and_then(scalar).unwrap_or_default());
            self.out.push_str("><VocabularyElementList>");
            for element in vocabulary.get("vocabularyElementList").map(Json::items).unwrap_or_default() {
                self.vocabulary_element(element);
            }
            self.out.push_str("</VocabularyElementList></Vocabulary>");
        }
        self.out.push_str("</VocabularyList></EPCISMasterData></extension>");
    }

    fn vocabulary_element(&mut self, element: &Json) {
        self.out.push_str("<VocabularyElement");
        self.attribute("id", &element.get("id").and_then(scalar).unwrap_or_default());
        self.out.push('>');
        for attribute in element.get("attributes").map(Json::items).unwrap_or_default() {
            self.out.push_str("<attribute");
            self.attribute("id", &attribute.get("id").and_then(scalar).unwrap_or_default());
            self.out.push('>');
            self.escaped(&attribute.get("attribute").and_then(scalar).unwrap_or_default());
            self.out.push_str("</attribute>");
        }
        if let Some(children) = element.get("children") {
            self.list("children", children, |writer, id| writer.text_of("id", id));
        }
        self.out.push_str("</VocabularyElement>");
    }
}

/// The name of an element or attribute, and the namespace to declare with it when nothing around it does.
fn element_name(name: &str, context: &Context) -> (String, Option<(String, String)>) {
    match name.split_once(':') {
        None => (as_name(name), None),
        Some((prefix, local)) if is_name(prefix) && context.namespace(prefix).is_some() && prefix != "epcis" => {
            (format!("{prefix}:{}", as_name(local)), None)
        }
        Some((prefix, local)) => {
            let (uri, local) = match context.expand(name) {
                Some((uri, local)) => (uri.to_owned(), local),
                None => (format!("urn:undeclared:{prefix}"), local),
            };
            let alias =
                if is_name(prefix) && context.namespace(prefix).is_none() && prefix != "xml" && prefix != "xmlns" {
                    prefix.to_owned()
                } else {
                    "own".to_owned()
                };
            (format!("{alias}:{}", as_name(local)), Some((alias, uri)))
        }
    }
}

fn urn(value: &Json, vocabulary: Vocabulary) -> String {
    let text = scalar(value).unwrap_or_default();
    match vocabulary.word(&text) {
        Some(word) => vocabulary.urn(word),
        None => text,
    }
}

fn scalar(value: &Json) -> Option<String> {
    match value {
        Json::Text(text) => Some(text.clone()),
        Json::Number(digits) => Some(digits.clone()),
        Json::Bool(flag) => Some(flag.to_string()),
        Json::Null => Some(String::new()),
        Json::List(_) | Json::Object(_) => None,
    }
}
