//! Documents in XML, of EPCIS 1.x and 2.0: from elements to the JSON form.
//!
//! What 1.x hid in `extension` and `baseExtension` stands beside the rest, as in 2.0. Repeated extension elements become
//! an array; an attribute of one becomes a member with `@` before its name, and the text beside it `#text`.

use super::event::{Context, EventType};
use super::json::{Builder, trim_uri};
use super::number::number;
use super::read::{DocumentKind, Format, Read};
use super::xml::{self, Element, Name};
use super::{Json, Limits, Object, Problem, join};
use crate::problem::shown;
use std::sync::Arc;

/// Namespaces that say what the document is, not what its extensions are.
const PLUMBING: [&str; 5] = [
    "urn:epcglobal:epcis",
    "urn:epcglobal:xsd",
    "http://www.w3.org/2001/XMLSchema",
    "http://www.unece.org/cefact/namespaces/StandardBusinessDocumentHeader",
    "http://schemas.xmlsoap.org/",
];

pub(super) fn read(text: &str, limits: &Limits) -> Read {
    let mut problems = Vec::new();
    let root = match xml::parse(text, limits, &mut problems) {
        Ok(root) => root,
        Err(problem) => {
            problems.push(problem);
            return Read { document: None, problems };
        }
    };
    let mut context = Context::default();
    declare(&mut context, &root);
    let kind = match root.name.local.as_str() {
        "EPCISDocument" => DocumentKind::Document,
        "EPCISQueryDocument" => DocumentKind::QueryDocument,
        name if name.ends_with("Event") => {
            let mut builder = Builder::new(DocumentKind::Events, Object::default(), Arc::default());
            builder.format = Format::Xml;
            builder.members_max = limits.members_max;
            builder.problems = problems;
            event(&mut builder, &root, &Arc::new(context), String::new());
            return builder.finish();
        }
        other => {
            let detail = format!("the root element is {}; send an EPCISDocument or an event", shown(other));
            problems.push(Problem::error("not_a_document", other, detail));
            return Read { document: None, problems };
        }
    };
    document(&root, kind, context, problems, limits)
}

fn document(root: &Element, kind: DocumentKind, context: Context, mut problems: Vec<Problem>, limits: &Limits) -> Read {
    let mut converter = Converter {
        context: Arc::new(context),
        problems: Vec::new(),
        members_max: limits.members_max,
        path: String::new(),
    };
    let mut head = Object::default();
    head.set("type", Json::from(if kind == DocumentKind::Document { "EPCISDocument" } else { "EPCISQueryDocument" }));
    for name in ["schemaVersion", "creationDate", "id"] {
        if let Some(value) = root.attribute(name) {
            head.set(name, Json::from(value));
        }
    }
    for name in ["schemaVersion", "creationDate"] {
        if root.attribute(name).is_none() {
            problems.push(Problem::error("missing_field", name, format!("a document needs the attribute '{name}'")));
        }
    }
    if let Some(header) = root.child("EPCISHeader") {
        converter.header(header, &mut head);
    }
    for child in root.children.iter().filter(|child| !child.name.is_own()) {
        match child.name.local.as_str() {
            "ignoreFields" => {
                let names = child.children.iter().map(|name| Json::Text(converter.key(&name.name))).collect();
                head.set(&converter.key(&child.name), Json::List(names));
            }
            _ => converter.extension(&mut head, child),
        }
    }
    let mut builder = Builder::new(kind, head, Arc::clone(&converter.context));
    builder.format = Format::Xml;
    builder.members_max = limits.members_max;
    builder.problems = problems;
    builder.problems.append(&mut converter.problems);
    if kind == DocumentKind::QueryDocument {
        let inner = root.child("EPCISBody").and_then(|body| body.any_child("QueryResults")).unwrap_or(root);
        let text = |name: &str| inner.any_child(name).map(|child| child.trimmed().to_owned());
        builder.queried(text("queryName"), text("subscriptionID"));
    }
    let mut lists = 0;
    lists_in(&mut builder, root, &converter.context, String::new(), &mut lists);
    if lists == 0 {
        let detail = "the document has no EventList; send one with events";
        builder.problems.push(Problem::error("missing_field", "EPCISBody/EventList", detail));
    }
    builder.finish()
}

/// Takes the events of every list below `element`.
fn lists_in(builder: &mut Builder, element: &Element, context: &Arc<Context>, path: String, lists: &mut usize) {
    for child in &element.children {
        let name = child.name.local.as_str();
        if !matches!(name, "EPCISBody" | "QueryResults" | "resultsBody" | "EventList") {
            continue;
        }
        let context = inner_context(context, child);
        let path = join(&path, name);
        if name == "EventList" {
            *lists += 1;
            events_in(builder, child, &context, &path);
        } else {
            lists_in(builder, child, &context, path, lists);
        }
    }
}

fn events_in(builder: &mut Builder, list: &Element, context: &Arc<Context>, path: &str) {
    for child in &list.children {
        let context = inner_context(context, child);
        if child.name.is_own() && child.name.local == "extension" {
            events_in(builder, child, &context, path);
        } else {
            let path = join(path, builder.events.len());
            event(builder, child, &context, path);
        }
    }
}

/// What holds within `element`.
fn inner_context(context: &Arc<Context>, element: &Element) -> Arc<Context> {
    if element.declared.is_empty() {
        return Arc::clone(context);
    }
    let mut inner = Context::within(context);
    declare(&mut inner, element);
    Arc::new(inner)
}

fn declare(context: &mut Context, element: &Element) {
    for (prefix, uri) in &element.declared {
        if !prefix.is_empty() && !PLUMBING.iter().any(|place| uri.starts_with(place)) {
            context.namespaces.push((prefix.to_string(), trim_uri(uri.to_string())));
        }
    }
}

fn event(builder: &mut Builder, element: &Element, context: &Arc<Context>, path: String) {
    let mut converter = Converter {
        context: Arc::clone(context),
        problems: Vec::new(),
        members_max: builder.members_max,
        path: path.clone(),
    };
    let mut body = Object::default();
    let kind = if element.name.is_own() { element.name.local.clone() } else { converter.key(&element.name) };
    if EventType::named(&kind) == EventType::Other && element.name.is_own() {
        let detail = format!("there is no event {}; send one of the standard's", shown(&kind));
        converter.problems.push(Problem::error("unknown_event_type", join(&path, "type"), detail));
    }
    body.set("type", Json::Text(kind));
    converter.members(element, &mut body, &path);
    builder.problems.append(&mut converter.problems);
    builder.push(body, converter.context, path);
}

struct Converter {
    context: Arc<Context>,
    problems: Vec<Problem>,
    members_max: usize,
    /// Of the event.
    path: String,
}

impl Converter {
    /// The members of an event, with what is in extensions among them.
    fn members(&mut self, element: &Element, body: &mut Object, path: &str) {
        for child in &element.children {
            let name = child.name.local.as_str();
            if !child.name.is_own() {
                self.extension(body, child);
                continue;
            }
            let at = join(path, name);
            let value = match name {
                "extension" | "baseExtension" => {
                    self.members(child, body, path);
                    continue;
                }
                "eventTime"
                | "recordTime"
                | "eventTimeZoneOffset"
                | "eventID"
                | "action"
                | "bizStep"
                | "disposition"
                | "parentID"
                | "transformationID" => Json::from(child.trimmed()),
                "certificationInfo" => {
                    certificate(body, child.trimmed());
                    continue;
                }
                "epcList" | "childEPCs" | "inputEPCList" | "outputEPCList" => self.texts(child, "epc", &at),
                "quantityList" | "childQuantityList" | "inputQuantityList" | "outputQuantityList" => {
                    self.list(child, "quantityElement", &at, Self::quantity)
                }
                "bizTransactionList" => self.list(child, "bizTransaction", &at, Self::typed),
                "sourceList" => self.list(child, "source", &at, Self::typed),
                "destinationList" => self.list(child, "destination", &at, Self::typed),
                "readPoint" | "bizLocation" => self.fields(child, &["id"], &at),
                "persistentDisposition" => self.dispositions(child, &at),
                "errorDeclaration" => self.error_declaration(child, &at),
                "sensorElementList" => self.list(child, "sensorElement", &at, Self::sensor_element),
                "ilmd" => {
                    let mut ilmd = Object::default();
                    self.ilmd(child, &mut ilmd);
                    Json::Object(ilmd)
                }
                _ => {
                    self.unknown(&child.name, &at);
                    continue;
                }
            };
            if body.get(name).is_some() {
                self.problems.push(Problem::error("duplicate_field", at, "it is there twice; keep one"));
            }
            body.set(name, value);
        }
    }

    fn unknown(&mut self, name: &Name, path: &str) {
        let detail = format!(
            "the standard has no element {} here; a field of your own needs a namespace of its own",
            shown(&name.local)
        );
        self.problems.push(Problem::error("unknown_element", path, detail));
    }

    fn ilmd(&mut self, element: &Element, ilmd: &mut Object) {
        for child in &element.children {
            if child.name.is_own() && child.name.local == "extension" {
                self.ilmd(child, ilmd);
            } else {
                self.extension(ilmd, child);
            }
        }
    }

    /// The texts of the children called `name`.
    fn texts(&mut self, element: &Element, name: &str, path: &str) -> Json {
        self.list(element, name, path, |_, child, _| Json::from(child.trimmed()))
    }

    fn list(
        &mut self,
        element: &Element,
        name: &str,
        path: &str,
        convert: impl Fn(&mut Self, &Element, &str) -> Json,
    ) -> Json {
        let mut items = Vec::new();
        for child in &element.children {
            if child.name.local == name && child.name.is_own() {
                let path = join(path, items.len());
                items.push(convert(self, child, &path));
            } else {
                self.unknown(&child.name, &join(path, &child.name.local));
            }
        }
        Json::List(items)
    }

    fn quantity(&mut self, element: &Element, path: &str) -> Json {
        let Json::Object(mut fields) = self.fields(element, &["epcClass", "quantity", "uom"], path) else {
            return Json::Null;
        };
        match fields.get("quantity").and_then(Json::as_text) {
            // `xsi:nil`: the amount is not known.
            Some("") => drop(fields.remove("quantity")),
            Some(text) => {
                let number = number(text);
                fields.set("quantity", number);
            }
            None => {}
        }
        Json::Object(fields)
    }

    fn typed(&mut self, element: &Element, path: &str) -> Json {
        let mut object = Object::default();
        for (name, value) in &element.attributes {
            match name.local.as_str() {
                "type" if name.namespace.is_empty() => object.set("type", Json::from(value.trim())),
                _ => self.unknown(name, &join(path, &name.local)),
            }
        }
        object.set(&element.name.local, Json::from(element.trimmed()));
        Json::Object(object)
    }

    /// An object of texts called `names`, and extensions.
    fn fields(&mut self, element: &Element, names: &[&str], path: &str) -> Json {
        let mut object = Object::default();
        for child in &element.children {
            let name = child.name.local.as_str();
            if !child.name.is_own() {
                self.extension(&mut object, child);
            } else if names.contains(&name) {
                object.set(name, Json::from(child.trimmed()));
            } else if name == "extension" {
                for inner in &child.children {
                    self.extension(&mut object, inner);
                }
            } else {
                self.unknown(&child.name, &join(path, name));
            }
        }
        Json::Object(object)
    }

    fn dispositions(&mut self, element: &Element, path: &str) -> Json {
        let mut object = Object::default();
        for child in &element.children {
            let name = child.name.local.as_str();
            if !matches!(name, "set" | "unset") {
                self.unknown(&child.name, &join(path, name));
                continue;
            }
            let mut items = match object.remove(name) {
                Some(Json::List(items)) => items,
                _ => Vec::new(),
            };
            items.push(Json::from(child.trimmed()));
            object.push(name.to_owned(), Json::List(items));
        }
        Json::Object(object)
    }

    fn error_declaration(&mut self, element: &Element, path: &str) -> Json {
        let mut object = Object::default();
        for child in &element.children {
            let name = child.name.local.as_str();
            if !child.name.is_own() {
                self.extension(&mut object, child);
                continue;
            }
            match name {
                "declarationTime" | "reason" => object.set(name, Json::from(child.trimmed())),
                "correctiveEventIDs" => {
                    let ids = self.texts(child, "correctiveEventID", &join(path, name));
                    object.set(name, ids);
                }
                "extension" => {
                    for inner in &child.children {
                        self.extension(&mut object, inner);
                    }
                }
                _ => self.unknown(&child.name, &join(path, name)),
            }
        }
        Json::Object(object)
    }

    fn sensor_element(&mut self, element: &Element, path: &str) -> Json {
        let mut object = Object::default();
        let mut reports = Vec::new();
        for child in &element.children {
            let name = child.name.local.as_str();
            match name {
                _ if !child.name.is_own() => self.extension(&mut object, child),
                "sensorMetadata" => {
                    let metadata = self.sensor_attributes(child);
                    object.set(name, metadata);
                }
                "sensorReport" => reports.push(self.sensor_attributes(child)),
                "extension" => {
                    for inner in &child.children {
                        self.extension(&mut object, inner);
                    }
                }
                _ => self.unknown(&child.name, &join(path, name)),
            }
        }
        if !reports.is_empty() {
            object.set("sensorReport", Json::List(reports));
        }
        Json::Object(object)
    }

    fn sensor_attributes(&mut self, element: &Element) -> Json {
        let mut object = Object::default();
        for (name, value) in &element.attributes {
            let value = value.trim();
            if !name.namespace.is_empty() {
                object.set(&self.key(name), Json::from(value));
                continue;
            }
            let value = match (name.local.as_str(), value) {
                ("value" | "minValue" | "maxValue" | "meanValue" | "sDev" | "percRank" | "percValue", _) => {
                    number(value)
                }
                ("booleanValue", "true" | "1") => Json::Bool(true),
                ("booleanValue", "false" | "0") => Json::Bool(false),
                _ => Json::from(value),
            };
            object.set(&name.local, value);
        }
        for child in &element.children {
            self.extension(&mut object, child);
        }
        Json::Object(object)
    }

    /// Puts an extension element into `object`; a second of the same name makes an array of both.
    fn extension(&mut self, object: &mut Object, element: &Element) {
        let key = self.key(&element.name);
        let value = self.extension_value(element);
        let count = object.len();
        match object.members_mut().iter_mut().find(|(name, _)| *name == key) {
            Some((_, Json::List(items))) => items.push(value),
            Some((_, first)) => {
                let first_value = std::mem::replace(first, Json::Null);
                *first = Json::List(vec![first_value, value]);
            }
            None if count >= self.members_max => {
                if !self.problems.iter().any(|problem| problem.code == "too_large") {
                    let detail = format!("an element has more than {} different children", self.members_max);
                    self.problems.push(Problem::error("too_large", self.path.as_str(), detail));
                }
            }
            None => object.push(key, value),
        }
    }

    fn extension_value(&mut self, element: &Element) -> Json {
        if element.children.is_empty() && element.attributes.is_empty() {
            return Json::from(element.trimmed());
        }
        let mut object = Object::default();
        for (name, value) in &element.attributes {
            object.set(&format!("@{}", self.key(name)), Json::from(value.as_str()));
        }
        if !element.trimmed().is_empty() {
            object.set("#text", Json::from(element.trimmed()));
        }
        for child in &element.children {
            self.extension(&mut object, child);
        }
        Json::Object(object)
    }

    /// The name of a member: with a prefix that stands for the namespace wherever in the event it is used.
    fn key(&mut self, name: &Name) -> String {
        if name.is_own() {
            return name.local.clone();
        }
        let uri = trim_uri(name.namespace.to_string());
        let prefix: &str = &name.prefix;
        if !prefix.is_empty() && self.context.namespace(prefix) == Some(uri.as_str()) {
            return format!("{prefix}:{}", name.local);
        }
        if let Some(prefix) = self.context.prefix_of(&uri) {
            return format!("{prefix}:{}", name.local);
        }
        let is_free = |candidate: &str| !candidate.is_empty() && self.context.namespace(candidate).is_none();
        let prefix = if is_free(prefix) {
            prefix.to_owned()
        } else {
            let number = (1..).find(|number| is_free(&format!("ns{number}"))).expect("numbers do not end");
            format!("ns{number}")
        };
        if Arc::get_mut(&mut self.context).is_none() {
            self.context = Arc::new(Context::within(&self.context));
        }
        Arc::make_mut(&mut self.context).namespaces.push((prefix.clone(), uri));
        format!("{prefix}:{}", name.local)
    }

    fn header(&mut self, header: &Element, head: &mut Object) {
        let mut rest = Object::default();
        for child in &header.children {
            match child.name.local.as_str() {
                "StandardBusinessDocumentHeader" => business_header(child, head),
                "extension" => {
                    for inner in child.children.iter().filter(|inner| inner.name.local == "EPCISMasterData") {
                        rest.set("epcisMasterData", self.master_data(inner));
                    }
                }
                "EPCISMasterData" => rest.set("epcisMasterData", self.master_data(child)),
                _ => self.extension(&mut rest, child),
            }
        }
        if !rest.is_empty() {
            head.set("epcisHeader", Json::Object(rest));
        }
    }

    fn master_data(&mut self, element: &Element) -> Json {
        let vocabularies = element.any_child("VocabularyList").map(|list| &*list.children).unwrap_or_default();
        let list = vocabularies.iter().map(|vocabulary| {
            let elements =
                vocabulary.any_child("VocabularyElementList").map(|list| &*list.children).unwrap_or_default();
            let mut object = Object::default();
            object.set("type", Json::from(vocabulary.attribute("type").unwrap_or("")));
            let elements = elements.iter().map(|element| self.vocabulary_element(element)).collect();
            object.set("vocabularyElementList", Json::List(elements));
            Json::Object(object)
        });
        let list = list.collect();
        let mut data = Object::default();
        data.set("vocabularyList", Json::List(list));
        Json::Object(data)
    }

    fn vocabulary_element(&mut self, element: &Element) -> Json {
        let mut object = Object::default();
        object.set("id", Json::from(element.attribute("id").unwrap_or("")));
        let mut attributes = Vec::new();
        for child in element.children.iter().filter(|child| child.name.local == "attribute") {
            let mut attribute = Object::default();
            attribute.set("id", Json::from(child.attribute("id").unwrap_or("")));
            let mut inner = Object::default();
            child.children.iter().for_each(|child| self.extension(&mut inner, child));
            let value = if inner.is_empty() { Json::from(child.trimmed()) } else { Json::Object(inner) };
            attribute.set("attribute", value);
            attributes.push(Json::Object(attribute));
        }
        if !attributes.is_empty() {
            object.set("attributes", Json::List(attributes));
        }
        if let Some(children) = element.any_child("children") {
            let ids = children.children.iter().map(|id| Json::from(id.trimmed())).collect();
            object.set("children", Json::List(ids));
        }
        Json::Object(object)
    }
}

/// Sender, receiver and instance of the business document header, under their names in JSON.
fn business_header(header: &Element, head: &mut Object) {
    let identifier = |party: &str| header.any_child(party).and_then(|party| party.any_child("Identifier"));
    let instance = header
        .any_child("DocumentIdentification")
        .and_then(|identification| identification.any_child("InstanceIdentifier"));
    let found =
        [("sender", identifier("Sender")), ("receiver", identifier("Receiver")), ("instanceIdentifier", instance)];
    for (name, element) in found {
        if let Some(element) = element {
            head.set(name, Json::from(element.trimmed()));
        }
    }
}

/// One certificate is a text, several are an array.
fn certificate(body: &mut Object, uri: &str) {
    const NAME: &str = "certificationInfo";
    let value = match body.remove(NAME) {
        None => Json::from(uri),
        Some(Json::List(mut items)) => {
            items.push(Json::from(uri));
            Json::List(items)
        }
        Some(first) => Json::List(vec![first, Json::from(uri)]),
    };
    body.set(NAME, value);
}
