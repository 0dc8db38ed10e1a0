//! The name of an event by its content: the same for every way of writing it, so that the same event told twice is known.
//!
//! # Source
//! GS1 Core Business Vocabulary 2.0, section 8.9, and its reference implementation (Ralph Tröger, EPCIS Event Hash
//! Generator), whose order of fields outside the standard's list is followed.

use super::event::Context;
use super::{Event, Json, Object, Time, Vocabulary, digital_link};
use sha2::{Digest, Sha256};
use std::fmt::Write;

/// Members that do not say what happened.
const UNHASHED: [&str; 8] =
    ["recordTime", "eventID", "id", "type", "errorDeclaration", "rdfs:comment", "comment", "@context"];

/// How a member counts.
#[derive(Clone, Copy)]
enum Shape {
    Plain,
    Time,
    Word(Vocabulary),
    /// A list of identifiers, each under this name.
    Each(&'static str),
    Quantities,
    /// An object whose members come in this order.
    Fields(&'static [(&'static str, Shape)]),
    /// A list of such objects, each under this name.
    List(&'static str, &'static [(&'static str, Shape)]),
}

use Shape::{Each, Fields, List, Plain, Quantities, Word};

const ORDER: &[(&str, Shape)] = &[
    ("eventTime", Shape::Time),
    ("eventTimeZoneOffset", Plain),
    ("certificationInfo", Plain),
    ("parentID", Plain),
    ("epcList", Each("epc")),
    ("inputEPCList", Each("epc")),
    ("childEPCs", Each("epc")),
    ("quantityList", Quantities),
    ("childQuantityList", Quantities),
    ("inputQuantityList", Quantities),
    ("outputEPCList", Each("epc")),
    ("outputQuantityList", Quantities),
    ("action", Plain),
    ("transformationID", Plain),
    ("bizStep", Word(Vocabulary::BizStep)),
    ("disposition", Word(Vocabulary::Disposition)),
    (
        "persistentDisposition",
        Fields(&[("set", Word(Vocabulary::Disposition)), ("unset", Word(Vocabulary::Disposition))]),
    ),
    ("readPoint", Fields(&[("id", Plain)])),
    ("bizLocation", Fields(&[("id", Plain)])),
    (
        "sensorElementList",
        List("sensorElement", &[("sensorMetadata", Fields(METADATA)), ("sensorReport", Fields(REPORT))]),
    ),
];

const QUANTITY: &[(&str, Shape)] = &[("epcClass", Plain), ("quantity", Plain), ("uom", Plain)];

const METADATA: &[(&str, Shape)] = &[
    ("time", Shape::Time),
    ("startTime", Shape::Time),
    ("endTime", Shape::Time),
    ("deviceID", Plain),
    ("deviceMetadata", Plain),
    ("rawData", Plain),
    ("dataProcessingMethod", Plain),
    ("bizRules", Plain),
];

const REPORT: &[(&str, Shape)] = &[
    ("type", Word(Vocabulary::Measurement)),
    ("exception", Word(Vocabulary::SensorAlert)),
    ("deviceID", Plain),
    ("deviceMetadata", Plain),
    ("rawData", Plain),
    ("dataProcessingMethod", Plain),
    ("time", Shape::Time),
    ("microorganism", Plain),
    ("chemicalSubstance", Plain),
    ("value", Plain),
    ("component", Word(Vocabulary::Component)),
    ("stringValue", Plain),
    ("booleanValue", Plain),
    ("hexBinaryValue", Plain),
    ("uriValue", Plain),
    ("minValue", Plain),
    ("maxValue", Plain),
    ("meanValue", Plain),
    ("sDev", Plain),
    ("percRank", Plain),
    ("percValue", Plain),
    ("uom", Plain),
    ("coordinateReferenceSystem", Plain),
];

/// What comes after the ordered members, in alphabetical order with the extensions.
const TYPED: [(&str, &str, Vocabulary); 3] = [
    ("bizTransactionList", "bizTransaction", Vocabulary::BizTransactionType),
    ("sourceList", "source", Vocabulary::SourceDestinationType),
    ("destinationList", "destination", Vocabulary::SourceDestinationType),
];

impl Event {
    /// The text that is hashed.
    pub fn prehash(&self) -> String {
        let hasher = Hasher { event: self };
        let mut out = format!("eventType={}", full_name(self.type_name(), &self.context));
        hasher.ordered(&self.body, ORDER, &mut out);
        let mut rest = Vec::new();
        for (name, value) in self.body.iter() {
            if UNHASHED.contains(&name) || ORDER.iter().any(|(known, _)| *known == name) {
                continue;
            }
            match TYPED.iter().find(|(list, ..)| *list == name) {
                Some((_, member, vocabulary)) => rest.push(hasher.typed(name, member, *vocabulary, value)),
                None => hasher.generic(name, value, &mut rest),
            }
        }
        push_sorted(rest, &mut out);
        out
    }

    /// The event's id by its content: `ni:///sha-256;…?ver=CBV2.0`.
    ///
    /// It is the same for an event in XML and in JSON, with URNs and with Digital Links, whatever the order of its
    /// members and lists; `eventID`, `recordTime` and `errorDeclaration` do not count.
    pub fn hash(&self) -> String {
        let mut out = String::from("ni:///sha-256;");
        for byte in Sha256::digest(self.prehash().as_bytes()) {
            // Writing to a string can't fail.
            let _ = write!(out, "{byte:02x}");
        }
        out.push_str("?ver=CBV2.0");
        out
    }
}

/// `name` with what its prefix stands for, `{https://ns.example.com/}myField`; as it is when it has none.
pub(super) fn full_name(name: &str, context: &Context) -> String {
    match name.split_once(':').and_then(|(prefix, local)| Some((context.namespace(prefix)?, local))) {
        Some((namespace, local)) => format!("{{{namespace}}}{local}"),
        None => name.to_owned(),
    }
}

fn push_sorted(mut pieces: Vec<String>, out: &mut String) {
    pieces.sort_unstable();
    pieces.iter().for_each(|piece| out.push_str(piece));
}

struct Hasher<'e> {
    event: &'e Event,
}

impl Hasher<'_> {
    /// The members of `object` in `order`; what is not among them follows by [`Hasher::rest`].
    fn ordered(&self, object: &Object, order: &[(&str, Shape)], out: &mut String) {
        for (name, shape) in order {
            if let Some(value) = object.get(name) {
                self.member(name, *shape, value, out);
            }
        }
    }

    /// Extensions within a standard object come at its end.
    fn fields(&self, object: &Object, order: &[(&str, Shape)]) -> String {
        let mut out = String::new();
        self.ordered(object, order, &mut out);
        let mut rest = Vec::new();
        // JSON-LD may say again what kind of thing a sensor element is.
        let is_rest = |name: &str| name != "type" && order.iter().all(|(known, _)| *known != name);
        for (name, value) in object.iter().filter(|(name, _)| is_rest(name)) {
            self.generic(name, value, &mut rest);
        }
        push_sorted(rest, &mut out);
        out
    }

    fn member(&self, name: &str, shape: Shape, value: &Json, out: &mut String) {
        let many = |value: &Json, piece: &dyn Fn(&Json) -> Option<String>| {
            let mut pieces = Vec::new();
            match value {
                Json::List(items) => pieces.extend(items.iter().filter_map(piece)),
                one => pieces.extend(piece(one)),
            }
            let mut joined = String::new();
            push_sorted(pieces, &mut joined);
            joined
        };
        let under = |name: &str, inner: String| if inner.is_empty() { inner } else { format!("{name}{inner}") };
        let leaf = |name: &str, item: &Json| {
            let text = self.leaf(shape, item);
            (!text.is_empty()).then(|| format!("{name}={text}"))
        };
        let object = |item: &Json, order: &[(&str, Shape)]| {
            let inner = item.as_object().map(|object| self.fields(object, order)).unwrap_or_default();
            (!inner.is_empty()).then_some(inner)
        };
        let piece = match shape {
            Plain | Shape::Time | Word(_) => many(value, &|item| leaf(name, item)),
            Each(member) => under(name, many(value, &|item| leaf(member, item))),
            Quantities => {
                under(name, many(value, &|item| object(item, QUANTITY).map(|inner| format!("quantityElement{inner}"))))
            }
            Fields(order) => many(value, &|item| object(item, order).map(|inner| format!("{name}{inner}"))),
            List(member, order) => {
                under(name, many(value, &|item| object(item, order).map(|inner| format!("{member}{inner}"))))
            }
        };
        out.push_str(&piece);
    }

    fn leaf(&self, shape: Shape, value: &Json) -> String {
        match (shape, value) {
            (Shape::Time, Json::Text(text)) => canonical_time(text),
            // A bare word belongs to its list even when the list does not have it.
            (Word(vocabulary), Json::Text(text)) => match vocabulary.bare(text.trim()) {
                Some(word) => vocabulary.web(word),
                None if !text.is_empty() && !text.contains(':') => vocabulary.web(text.trim()),
                None => self.text(text),
            },
            _ => self.value(value),
        }
    }

    fn typed(&self, name: &str, member: &str, vocabulary: Vocabulary, list: &Json) -> String {
        let mut pieces = Vec::new();
        for item in list.items() {
            let mut piece = String::new();
            if let Some(kind) = item.get("type") {
                let _ = write!(piece, "type={}", self.leaf(Word(vocabulary), kind));
            }
            if let Some(id) = item.get(member) {
                let _ = write!(piece, "{member}={}", self.value(id));
            }
            pieces.push(piece);
        }
        let mut out = String::new();
        push_sorted(pieces, &mut out);
        if out.is_empty() { out } else { format!("{name}{out}") }
    }

    /// An extension: its full name, its value, and what is in it in alphabetical order; an array counts as its items.
    fn generic(&self, name: &str, value: &Json, out: &mut Vec<String>) {
        if matches!(name, "rdfs:comment" | "comment") {
            return;
        }
        let full = full_name(name.strip_prefix('@').unwrap_or(name), &self.event.context);
        if self.event.unhashed.contains(&full) {
            return;
        }
        match value {
            Json::List(items) => items.iter().for_each(|item| self.generic(name, item, out)),
            Json::Object(object) => {
                let mut inner = Vec::new();
                let mut text = String::new();
                for (name, value) in object.iter() {
                    match name {
                        "#text" => text = self.value(value),
                        _ => self.generic(name, value, &mut inner),
                    }
                }
                let mut piece = if text.is_empty() { text } else { format!("={text}") };
                push_sorted(inner, &mut piece);
                if !piece.is_empty() {
                    out.push(full + &piece);
                }
            }
            leaf => {
                let text = self.value(leaf);
                if !text.is_empty() {
                    out.push(format!("{full}={text}"));
                }
            }
        }
    }

    fn value(&self, value: &Json) -> String {
        match value {
            Json::Text(text) => self.text(text),
            Json::Number(digits) => canonical_number(digits).unwrap_or_else(|| digits.clone()),
            Json::Bool(flag) => flag.to_string(),
            Json::Null | Json::List(_) | Json::Object(_) => String::new(),
        }
    }

    fn text(&self, text: &str) -> String {
        let text = text.trim();
        if let Some(number) = canonical_number(text) {
            return number;
        }
        let mut text = self.expanded(text);
        if text.contains("urn:epcglobal:cbv:") {
            for (urn, web) in [("bizstep", "BizStep"), ("disp", "Disp"), ("btt", "BTT"), ("sdt", "SDT"), ("er", "ER")] {
                text = text.replace(&format!("urn:epcglobal:cbv:{urn}:"), &format!("https://ref.gs1.org/cbv/{web}-"));
            }
        }
        digital_link(&text).unwrap_or(text)
    }

    /// A value such as `cbv:BizStep-shipping` with what its prefix stands for.
    fn expanded(&self, text: &str) -> String {
        let Some((prefix, rest)) = text.split_once(':').filter(|(_, rest)| !rest.starts_with("//")) else {
            return text.to_owned();
        };
        match (prefix, self.event.context.namespace(prefix)) {
            ("gs1", _) => format!("https://gs1.org/voc/{rest}"),
            ("cbv", _) => format!("https://ref.gs1.org/cbv/{rest}"),
            (_, Some(namespace)) => format!("{namespace}{rest}"),
            (_, None) => text.to_owned(),
        }
    }
}

/// A time in UTC with three decimals of a second, rounded half to even; text that is none stays what it is.
fn canonical_time(text: &str) -> String {
    let Some(time) = Time::parse(text) else {
        return text.trim().to_owned();
    };
    let (millis, micros) = (time.micros.div_euclid(1000), time.micros.rem_euclid(1000));
    let up = micros > 500 || (micros == 500 && millis % 2 != 0);
    let millis = millis + i64::from(up);
    let whole = crate::time::render_timestamp(ledger::Timestamp(millis.div_euclid(1000) * 1_000_000));
    format!("{}.{:03}Z", whole.trim_end_matches('Z'), millis.rem_euclid(1000))
}

/// A decimal number without sign `+`, without zeros that say nothing, and without an exponent; below a ten-thousandth with
/// one, as the reference writes it. `None` for what is no number.
fn canonical_number(text: &str) -> Option<String> {
    let (negative, rest) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let (mantissa, exponent) = match rest.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().ok().filter(|value| value.abs() <= 400)?),
        None => (rest, 0),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let is_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if (whole.is_empty() && fraction.is_empty()) || !is_digits(whole) || !is_digits(fraction) {
        return None;
    }
    let digits = format!("{whole}{fraction}");
    let first = digits.bytes().take_while(|byte| *byte == b'0').count();
    let significant = digits[first..].trim_end_matches('0');
    if significant.is_empty() {
        return Some("0".to_owned());
    }
    // Where the point stands, counted from the first significant digit.
    let point = i64::try_from(whole.len()).ok()? - i64::try_from(first).ok()? + i64::from(exponent);
    let length = i64::try_from(significant.len()).ok()?;
    let body = if point <= -4 {
        let (head, tail) = significant.split_at(1);
        let dot = if tail.is_empty() { "" } else { "." };
        format!("{head}{dot}{tail}e-{:02}", 1 - point)
    } else if point <= 0 {
        format!("0.{}{significant}", "0".repeat(usize::try_from(-point).ok()?))
    } else if point >= length {
        format!("{significant}{}", "0".repeat(usize::try_from(point - length).ok()?))
    } else {
        let (before, after) = significant.split_at(usize::try_from(point).ok()?);
        format!("{before}.{after}")
    };
    Some(if negative { format!("-{body}") } else { body })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_one_spelling() {
        let check = |text: &str, expect: Option<&str>| assert_eq!(canonical_number(text).as_deref(), expect, "{text}");
        check("200.0", Some("200"));
        check("+0012.50", Some("12.5"));
        check("-0.0", Some("0"));
        check(".5", Some("0.5"));
        check("5.", Some("5"));
        check("1e3", Some("1000"));
        check("1.5e-3", Some("0.0015"));
        check("0.0001", Some("0.0001"));
        check("0.00001", Some("1e-05"));
        check("0.0000123", Some("1.23e-05"));
        check("12345678901234567890123", Some("12345678901234567890123"));
        for text in ["", ".", "-", "1e", "e5", "1 2", "0x10", "nan", "inf", "1_000", "1e999999999", "+01:00"] {
            check(text, None);
        }
    }

    #[test]
    fn times_are_rounded_to_the_millisecond_half_to_even() {
        let check = |text: &str, expect: &str| assert_eq!(canonical_time(text), expect);
        check("2022-02-16T08:40:21.3142715Z", "2022-02-16T08:40:21.314Z");
        check("2022-02-16T08:40:21.0005Z", "2022-02-16T08:40:21.000Z");
        check("2022-02-16T08:40:21.0015Z", "2022-02-16T08:40:21.002Z");
        check("2022-12-31T23:59:59.9999+01:00", "2022-12-31T23:00:00.000Z");
        check("22-07-2026", "22-07-2026");
    }
}
