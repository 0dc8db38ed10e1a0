//! Whether an event is what the standard says: every problem, each with its place.
//!
//! The rules are those of the official JSON schema, with what it leaves open: times must be times, words of the standard's
//! lists must be on them, and extensions need a namespace. Where only good manners are at stake it is a warning.
//!
//! # Source
//! GS1 EPCIS 2.0, section 7.4, its JSON schema; CBV 2.0, section 7.

use super::event::{EventType, offset_minutes};
use super::json::brief;
use super::{Event, Format, Json, Object, Problem, Severity, Time, Vocabulary, join};
use crate::problem::{nearest, shown};

/// Members that any event may have.
const COMMON: [&str; 18] = [
    "@context",
    "id",
    "type",
    "eventTime",
    "recordTime",
    "eventTimeZoneOffset",
    "eventID",
    "certificationInfo",
    "errorDeclaration",
    "bizStep",
    "disposition",
    "persistentDisposition",
    "readPoint",
    "bizLocation",
    "bizTransactionList",
    "sourceList",
    "destinationList",
    "sensorElementList",
];

const fn own_members(kind: EventType) -> &'static [&'static str] {
    match kind {
        EventType::Object => &["action", "epcList", "quantityList", "ilmd"],
        EventType::Aggregation | EventType::Association => &["action", "parentID", "childEPCs", "childQuantityList"],
        EventType::Transaction => &["action", "parentID", "epcList", "quantityList"],
        EventType::Transformation => {
            &["inputEPCList", "inputQuantityList", "outputEPCList", "outputQuantityList", "transformationID", "ilmd"]
        }
        EventType::Other => &[],
    }
}

const REPORT_NUMBERS: [&str; 7] = ["value", "minValue", "maxValue", "meanValue", "sDev", "percRank", "percValue"];
const REPORT_TEXTS: [&str; 14] = [
    "type",
    "exception",
    "deviceID",
    "deviceMetadata",
    "rawData",
    "dataProcessingMethod",
    "bizRules",
    "microorganism",
    "chemicalSubstance",
    "coordinateReferenceSystem",
    "component",
    "stringValue",
    "uriValue",
    "uom",
];
const METADATA_TEXTS: [&str; 5] = ["deviceID", "deviceMetadata", "rawData", "dataProcessingMethod", "bizRules"];

impl Event {
    /// Everything that is wrong with it, in the order in which it is written, then what is missing.
    pub fn check(&self) -> Vec<Problem> {
        let mut checker = Checker { event: self, problems: Vec::new() };
        checker.event();
        checker.problems
    }

    /// Whether nothing about it is an error.
    pub fn is_valid(&self) -> bool {
        self.check().iter().all(|problem| problem.severity != Severity::Error)
    }
}

struct Checker<'e> {
    event: &'e Event,
    problems: Vec<Problem>,
}

impl Checker<'_> {
    fn error(&mut self, code: &'static str, path: &str, detail: impl Into<String>) {
        self.problems.push(Problem::error(code, join(&self.event.path, path), detail));
    }

    fn warning(&mut self, code: &'static str, path: &str, detail: impl Into<String>) {
        self.problems.push(Problem::warning(code, join(&self.event.path, path), detail));
    }

    fn wrong_type(&mut self, path: &str, value: &Json, expect: &str) {
        self.error("wrong_type", path, format!("{} is not taken; write {expect}", brief(value)));
    }

    fn event(&mut self) {
        let event = self.event;
        let kind = event.event_type();
        for (name, value) in event.body.iter() {
            self.member(kind, name, value);
        }
        if kind == EventType::Other && event.text("type").is_none_or(|name| !name.contains(':')) {
            let names = EventType::ALL.map(EventType::name);
            let hint = nearest(event.type_name(), names).map_or(String::new(), |name| format!(" ({name}?)"));
            let detail = format!("there is no event {}{hint}", shown(event.type_name()));
            self.error("unknown_event_type", "type", detail);
        }
        self.needs(&["eventTime", "eventTimeZoneOffset"]);
        match kind {
            EventType::Object => self.object_event(),
            EventType::Aggregation | EventType::Association => self.containing_event(kind),
            EventType::Transaction => self.transaction_event(),
            EventType::Transformation => self.transformation_event(),
            EventType::Other => {}
        }
    }

    fn member(&mut self, kind: EventType, name: &str, value: &Json) {
        match name {
            "eventTime" | "recordTime" => self.time(name, value),
            "eventTimeZoneOffset" => self.zone_offset(name, value),
            "type" | "eventID" | "id" | "parentID" | "transformationID" => self.uri(name, value, name != "type"),
            "action" => self.action(name, value),
            "bizStep" => self.word(name, value, Vocabulary::BizStep),
            "disposition" => self.word(name, value, Vocabulary::Disposition),
            "epcList" | "inputEPCList" | "outputEPCList" | "childEPCs" => {
                self.uris(name, value, !matches!((kind, name), (EventType::Transaction, _) | (_, "childEPCs")));
            }
            "quantityList" | "childQuantityList" | "inputQuantityList" | "outputQuantityList" => {
                self.each(name, value, Self::quantity);
            }
            "bizTransactionList" => self.each(name, value, |checker, path, item| {
                checker.typed(path, item, "bizTransaction", Vocabulary::BizTransactionType, false);
            }),
            "sourceList" => self.each(name, value, |checker, path, item| {
                checker.typed(path, item, "source", Vocabulary::SourceDestinationType, true);
            }),
            "destinationList" => self.each(name, value, |checker, path, item| {
                checker.typed(path, item, "destination", Vocabulary::SourceDestinationType, true);
            }),
            "readPoint" | "bizLocation" => self.place(name, value),
            "certificationInfo" => match value {
                Json::List(_) => self.uris(name, value, false),
                _ => self.uri(name, value, true),
            },
            "errorDeclaration" => self.error_declaration(name, value),
            "persistentDisposition" => self.persistent(name, value),
            "sensorElementList" => self.each(name, value, Self::sensor_element),
            "ilmd" => self.ilmd(kind, name, value),
            _ => {}
        }
        if kind != EventType::Other && !COMMON.contains(&name) && !own_members(kind).contains(&name) {
            self.extension(name, kind.name());
        }
    }

    /// A name that is none of the standard's needs a namespace.
    fn extension(&mut self, path: &str, of: &str) {
        let name = path.rsplit('/').next().unwrap_or(path);
        match name.split_once(':') {
            None if name.starts_with(['@', '#']) || matches!(name, "comment") => {}
            None => {
                let detail = format!("{} is no field of {of}; one of your own needs a namespace", shown(name));
                self.warning("unknown_field", path, detail);
            }
            Some((prefix, _)) => {
                let is_known = matches!(prefix, "http" | "https" | "urn" | "ni")
                    || self.event.context.namespace(prefix).is_some()
                    || self.event.context.all_terms().any(|(term, _)| term == name);
                if !is_known {
                    let detail = format!("the prefix {} is declared nowhere; add it to the context", shown(prefix));
                    self.warning("undeclared_prefix", path, detail);
                }
            }
        }
    }

    fn needs(&mut self, names: &[&str]) {
        for name in names {
            if self.event.body.get(name).is_none() {
                self.error("missing_field", name, format!("an event of this type needs '{name}'"));
            }
        }
    }

    fn filled(&self, name: &str) -> bool {
        !self.event.list(name).is_empty()
    }

    fn has(&self, name: &str) -> bool {
        self.event.body.get(name).is_some()
    }

    fn object_event(&mut self) {
        self.needs(&["action"]);
        let sensed = self.filled("sensorElementList") && self.has("readPoint");
        if !self.has("epcList") && !self.filled("quantityList") && !sensed {
            let detail = "it names no object: give an epcList, a quantityList, or sensor data with a readPoint";
            self.error("no_objects", "", detail);
        }
    }

    fn containing_event(&mut self, kind: EventType) {
        self.needs(&["action"]);
        let deletes = self.event.action() == Some("DELETE");
        if !self.filled("childEPCs") && !self.filled("childQuantityList") && !deletes {
            self.error("no_objects", "", "it names no child: give childEPCs or a childQuantityList");
        }
        if kind == EventType::Association {
            self.needs(&["parentID"]);
        } else if !self.has("parentID") && self.event.action() != Some("OBSERVE") {
            self.warning("missing_field", "parentID", "without a parent it says of nothing what is in it");
        }
    }

    fn transaction_event(&mut self) {
        self.needs(&["action"]);
        if !self.filled("bizTransactionList") {
            self.error("missing_field", "bizTransactionList", "a TransactionEvent names at least one transaction");
        }
        let deletes = self.event.action() == Some("DELETE");
        if !self.has("epcList") && !self.filled("quantityList") && !self.has("parentID") && !deletes {
            self.error("no_objects", "", "it names no object: give an epcList or a quantityList");
        }
    }

    fn transformation_event(&mut self) {
        let inputs = self.filled("inputEPCList") || self.filled("inputQuantityList");
        let outputs = self.filled("outputEPCList") || self.filled("outputQuantityList");
        let bound = self.has("transformationID") && (inputs || outputs);
        let whole = inputs && outputs;
        if !whole && !bound {
            let detail = "it needs inputs and outputs, or a transformationID with either";
            self.error("no_objects", "", detail);
        }
    }

    fn action(&mut self, path: &str, value: &Json) {
        if !matches!(value.as_text(), Some("ADD" | "OBSERVE" | "DELETE")) {
            let detail = format!("{} is no action; write ADD, OBSERVE or DELETE", brief(value));
            self.error("wrong_value", path, detail);
        }
    }

    fn time(&mut self, path: &str, value: &Json) {
        if value.as_text().and_then(Time::parse).is_none() {
            let detail =
                format!("{} is no time of 1990 to 2199; write it as 2026-02-16T10:00:00.000+01:00", brief(value));
            self.error("invalid_time", path, detail);
        }
    }

    fn zone_offset(&mut self, path: &str, value: &Json) {
        let is_offset = |text: &str| {
            let shape = text.len() == 6 && text.bytes().skip(1).filter(u8::is_ascii_digit).count() == 4;
            let minutes = offset_minutes(text).map(i32::abs);
            shape && minutes.is_some_and(|minutes| minutes <= 14 * 60) && text.as_bytes()[4] < b'6'
        };
        if !value.as_text().is_some_and(is_offset) {
            let detail = format!("{} is no offset of -14:00 to +14:00; write it as +01:00", brief(value));
            self.error("wrong_value", path, detail);
        }
    }

    fn uri(&mut self, path: &str, value: &Json, strictly: bool) {
        match value.as_text() {
            None => self.wrong_type(path, value, "a text"),
            Some(text) if strictly && !text.contains(':') => {
                self.warning("not_a_uri", path, format!("{} is no URI", shown(text)));
            }
            Some(_) => {}
        }
    }

    fn uris(&mut self, path: &str, value: &Json, unique: bool) {
        self.each(path, value, |checker, path, item| checker.uri(path, item, true));
        let mut seen: Vec<&str> = value.items().iter().filter_map(Json::as_text).collect();
        seen.sort_unstable();
        if let Some(pair) = seen.windows(2).find(|pair| unique && pair[0] == pair[1]) {
            self.error("not_unique", path, format!("{} is there twice; keep one", shown(pair[0])));
        }
    }

    fn each(&mut self, path: &str, value: &Json, check: impl Fn(&mut Self, &str, &Json)) {
        match value {
            Json::List(items) => {
                for (index, item) in items.iter().enumerate() {
                    check(self, &join(path, index), item);
                }
            }
            other => self.wrong_type(path, other, "an array"),
        }
    }

    /// The object at `path`; a problem when it is none.
    fn object<'v>(&mut self, path: &str, value: &'v Json) -> Option<&'v Object> {
        let object = value.as_object();
        if object.is_none() {
            self.wrong_type(path, value, "an object");
        }
        object
    }

    /// A word of a list. Bare and on none, it means nothing to anybody; a URI may be somebody's own.
    fn word(&mut self, path: &str, value: &Json, vocabulary: Vocabulary) {
        let Some(text) = value.as_text() else {
            self.wrong_type(path, value, "a text");
            return;
        };
        if vocabulary.word(text).is_some() {
            return;
        }
        let bare = vocabulary.bare(text);
        if text.contains(':') && bare.is_none() {
            return;
        }
        let words = vocabulary.words().iter().copied();
        let hint = nearest(bare.unwrap_or(text), words).map_or(String::new(), |word| format!(" ({word}?)"));
        let detail = format!("{} is no word of the standard{hint}; one of your own is a URI", shown(text));
        if bare.is_none() && matches!(vocabulary, Vocabulary::BizStep | Vocabulary::Disposition) {
            self.error("unknown_word", path, detail);
        } else {
            self.warning("unknown_word", path, detail);
        }
    }

    fn quantity(&mut self, path: &str, value: &Json) {
        let Some(object) = self.object(path, value) else { return };
        for (name, value) in object.iter() {
            let at = join(path, name);
            match (name, value) {
                ("epcClass", value) => self.uri(&at, value, true),
                ("quantity", Json::Number(digits)) => {
                    if digits.starts_with('-') {
                        self.warning("negative_quantity", &at, format!("{digits} of something were never there"));
                    }
                }
                ("quantity", other) => self.wrong_type(&at, other, "a number"),
                ("uom", Json::Text(unit)) => {
                    let is_code = matches!(unit.len(), 2 | 3)
                        && unit.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit());
                    if !is_code {
                        let detail = format!("{} is no unit; write a UN/CEFACT code such as KGM", shown(unit));
                        self.error("wrong_value", &at, detail);
                    }
                }
                ("uom", other) => self.wrong_type(&at, other, "a text"),
                _ => self.error("unknown_field", &at, "a quantity has epcClass, quantity and uom only"),
            }
        }
        if object.get("epcClass").is_none() {
            self.error("missing_field", &join(path, "epcClass"), "say of what it is the quantity");
        }
    }

    fn typed(&mut self, path: &str, value: &Json, member: &str, vocabulary: Vocabulary, needs_type: bool) {
        let Some(object) = self.object(path, value) else { return };
        for (name, value) in object.iter() {
            let at = join(path, name);
            match name {
                "type" => self.word(&at, value, vocabulary),
                _ if name == member => self.uri(&at, value, true),
                _ => self.error("unknown_field", &at, format!("it has type and {member} only")),
            }
        }
        for name in [member].into_iter().chain(needs_type.then_some("type")) {
            if object.get(name).is_none() {
                self.error("missing_field", &join(path, name), format!("'{name}' is needed"));
            }
        }
    }

    fn place(&mut self, path: &str, value: &Json) {
        let Some(object) = self.object(path, value) else { return };
        match object.get("id") {
            Some(id) => self.uri(&join(path, "id"), id, true),
            None => self.error("missing_field", &join(path, "id"), "a place has an id"),
        }
        for (name, _) in object.iter().filter(|(name, _)| *name != "id") {
            self.extension(&join(path, name), "a place");
        }
    }

    fn error_declaration(&mut self, path: &str, value: &Json) {
        let Some(object) = self.object(path, value) else { return };
        for (name, value) in object.iter() {
            let at = join(path, name);
            match name {
                "declarationTime" => self.time(&at, value),
                "reason" => self.word(&at, value, Vocabulary::ErrorReason),
                "correctiveEventIDs" => self.uris(&at, value, false),
                _ => self.extension(&at, "an error declaration"),
            }
        }
        if object.get("declarationTime").is_none() {
            let detail = "say when the error was declared";
            self.error("missing_field", &join(path, "declarationTime"), detail);
        }
    }

    fn persistent(&mut self, path: &str, value: &Json) {
        let Some(object) = self.object(path, value) else { return };
        for (name, value) in object.iter() {
            let at = join(path, name);
            if !matches!(name, "set" | "unset") {
                self.error("unknown_field", &at, "it has set and unset only");
                continue;
            }
            self.each(&at, value, |checker, path, item| checker.word(path, item, Vocabulary::Disposition));
            let items = value.items();
            if matches!(value, Json::List(_)) && items.is_empty() {
                self.error("wrong_value", &at, "an empty list says nothing; leave it out");
            }
            if (1..items.len()).any(|index| items[..index.min(100)].contains(&items[index])) {
                self.error("not_unique", &at, "a disposition is there twice; keep one");
            }
        }
        if object.get("set").is_none() && object.get("unset").is_none() {
            self.error("missing_field", path, "give set, unset or both");
        }
    }

    fn ilmd(&mut self, kind: EventType, path: &str, value: &Json) {
        let Some(object) = self.object(path, value) else { return };
        if kind == EventType::Object && matches!(self.event.action(), Some("OBSERVE" | "DELETE")) {
            let detail = "facts about an instance or lot are told when it comes to be: with action ADD";
            // The XML schemas do not mind.
            match self.event.format {
                Format::Json => self.error("ilmd_without_add", path, detail),
                Format::Xml => self.warning("ilmd_without_add", path, detail),
            }
        }
        for (name, _) in object.iter() {
            self.extension(&join(path, name), "ilmd");
        }
    }

    fn sensor_element(&mut self, path: &str, value: &Json) {
        let Some(object) = self.object(path, value) else { return };
        for (name, value) in object.iter() {
            let at = join(path, name);
            match name {
                "sensorMetadata" => self.metadata(&at, value),
                "sensorReport" => {
                    self.each(&at, value, Self::report);
                    if matches!(value, Json::List(items) if items.is_empty()) {
                        self.error("wrong_value", &at, "give at least one report");
                    }
                }
                _ => self.extension(&at, "a sensor element"),
            }
        }
        if object.get("sensorReport").is_none() {
            self.error("missing_field", &join(path, "sensorReport"), "a sensor element reports something");
        }
    }

    fn metadata(&mut self, path: &str, value: &Json) {
        let Some(object) = self.object(path, value) else { return };
        for (name, value) in object.iter() {
            let at = join(path, name);
            match name {
                "time" | "startTime" | "endTime" => self.time(&at, value),
                _ if METADATA_TEXTS.contains(&name) => self.uri(&at, value, false),
                _ => self.extension(&at, "sensor metadata"),
            }
        }
    }

    fn report(&mut self, path: &str, value: &Json) {
        let Some(object) = self.object(path, value) else { return };
        for (name, value) in object.iter() {
            let at = join(path, name);
            match (name, value) {
                ("type", value) => self.word(&at, value, Vocabulary::Measurement),
                ("exception", value) => self.word(&at, value, Vocabulary::SensorAlert),
                ("component", value) => self.word(&at, value, Vocabulary::Component),
                ("time", value) => self.time(&at, value),
                ("booleanValue", Json::Bool(_)) => {}
                ("booleanValue", other) => self.wrong_type(&at, other, "true or false"),
                ("hexBinaryValue", Json::Text(text))
                    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_hexdigit()) => {}
                ("hexBinaryValue", other) => self.wrong_type(&at, other, "hexadecimal digits"),
                (_, Json::Number(_)) if REPORT_NUMBERS.contains(&name) => {}
                (_, other) if REPORT_NUMBERS.contains(&name) => self.wrong_type(&at, other, "a number"),
                (_, value) if REPORT_TEXTS.contains(&name) => self.uri(&at, value, false),
                _ => self.extension(&at, "a sensor report"),
            }
        }
        match (object.get("type"), object.get("exception")) {
            (Some(_), _) => {}
            (None, Some(_)) => {
                self.warning("missing_field", &join(path, "type"), "an exception says more with what was measured");
            }
            (None, None) => self.error("missing_field", &join(path, "type"), "say what was measured"),
        }
    }
}
