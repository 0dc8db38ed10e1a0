//! What one line of text is as a GS1 code, as JSON.

use super::elements::{COMPOSITE, FNC1, GS, Message, find_entry};
use super::link::is_link;
use super::scan::key_message;
use super::{Dictionary, Gs1Error, Options, Parts, Scan, Symbology, cases, render_scan, shown};
use ledger::Day;
use serde_json::{Map, Value, json};

/// What a line was recognised as, and what was read of it.
struct Recognised {
    form: &'static str,
    symbology: Option<Symbology>,
    /// What a symbol holds, be it elements or not.
    data: Option<Vec<u8>>,
    message: Result<Option<Message>, Gs1Error>,
}

impl Recognised {
    fn new(form: &'static str, message: Result<Message, Gs1Error>) -> Self {
        Self { form, symbology: None, data: None, message: message.map(Some) }
    }
}

/// Tells of one line what it is as a GS1 code: a symbol as a scanner sends it (`]C1…`), an element string with separators
/// (`^` or GS) or brackets, a Digital Link, or the bare digits of a GTIN or SSCC.
///
/// Dates get the century that is nearest to `reference`. The object has `input`, `verdict` (`valid` or `invalid`),
/// `problem` (`code`, `detail`, `byte`, `marked`), `form`, for a scan `symbology` and
/// `data`, `elements` (`ai`, `title`, `value`), `canonical` (the other
/// forms of the same elements), `parts` (what they mean) and `request` (the fields that an event would get). An invalid
/// line whose elements could be read, but must not stand as they do, has all of that too.
///
/// A line that is a JSON object with `kind` or `linter` and an `input` is a test case as GS1's Syntax Engine has them, and
/// is answered with `verdict` and `result`; `docs/formats/gs1.md` has the kinds.
pub fn report(line: &str, reference: Day) -> Map<String, Value> {
    let line = line.trim_end_matches(['\r', '\n']);
    if line.trim_start().starts_with('{') {
        return cases::report(line);
    }
    let mut out = Map::new();
    out.insert("input".into(), line.into());
    let Recognised { form, symbology, data, message } = recognise(line.as_bytes());
    let (message, problem) = match message {
        Ok(Some(message)) => {
            let problem = message.check_all().err();
            (Some(message), problem)
        }
        Ok(None) => (None, None),
        Err(problem) => (None, Some(problem)),
    };
    out.insert("verdict".into(), if problem.is_none() { "valid" } else { "invalid" }.into());
    if let Some(problem) = &problem {
        out.insert("problem".into(), problem_json(problem));
    }
    out.insert("form".into(), form.into());
    if let Some(symbology) = symbology {
        out.insert("symbology".into(), symbology.name().into());
    }
    if let Some(data) = data {
        out.insert("data".into(), String::from_utf8_lossy(&data).into());
    }
    if let Some(message) = message {
        let elements = message
            .elements()
            .map(|element| json!({ "ai": element.ai, "title": element.entry.title, "value": element.value }));
        out.insert("elements".into(), elements.collect());
        out.insert("canonical".into(), canonical(&message, symbology));
        let parts = Parts::new(&message, reference);
        out.insert("parts".into(), parts_json(parts));
        out.insert("request".into(), request(parts));
    }
    out
}

pub(super) fn problem_json(problem: &Gs1Error) -> Value {
    json!({ "code": problem.code, "detail": problem.detail, "byte": problem.offset, "marked": problem.marked })
}

fn recognise(line: &[u8]) -> Recognised {
    let options = &Options::STRICT;
    match line.first() {
        Some(b']') => match Scan::parse(line, options) {
            Ok(Scan { symbology, data, message }) => {
                Recognised { form: "scan", symbology: Some(symbology), data: Some(data), message: Ok(message) }
            }
            Err(problem) => Recognised::new("scan", Err(problem)),
        },
        Some(b'(') => Recognised::new("bracketed", Message::parse_bracketed(line, options)),
        Some(&FNC1 | &GS) => Recognised::new("unbracketed", Message::parse_unbracketed(line)),
        _ if is_link(line) => Recognised::new("digital_link", Message::parse_link(line, options)),
        _ => recognise_digits(line),
    }
}

/// A bare key, a key with a composite part, or an element string whose leading FNC1 the scanner kept to itself.
fn recognise_digits(line: &[u8]) -> Recognised {
    let bar = line.iter().position(|byte| *byte == COMPOSITE).unwrap_or(line.len());
    let (key, part) = line.split_at(bar);
    if !key.is_empty() && key.iter().all(u8::is_ascii_digit) {
        let form = match key.len() {
            8 => Some("gtin_8"),
            12 => Some("gtin_12"),
            13 => Some("gtin_13"),
            14 => Some("gtin_14"),
            18 if part.is_empty() => Some("sscc"),
            _ => None,
        };
        if let Some(form) = form {
            let message = if form == "sscc" { sscc_message(key) } else { composite_message(key, part) };
            return Recognised::new(form, message);
        }
    }
    if Dictionary::get()
        .find_prefix(line)
        .is_some_and(|(_, entry)| entry.qualifiers.is_some() || line.starts_with(b"02"))
    {
        let mut message = Message::default();
        let message = message.parse_elements(line, 0).map(|()| message);
        return Recognised::new("unbracketed_without_fnc1", message);
    }
    let detail = format!(
        "{} is no GS1 code; send a scan with its symbology identifier, elements such as (01)09520123456788, a Digital Link, or the digits of a GTIN or SSCC",
        shown(line)
    );
    Recognised::new("unrecognised", Err(Gs1Error::new("unrecognised", 0, detail)))
}

fn sscc_message(key: &[u8]) -> Result<Message, Gs1Error> {
    let mut message = Message::default();
    let entry = find_entry(b"00", 0, false)?;
    message.push(b"00", key, entry, 0).map_err(|problem| problem.at(0, key, |_| false))?;
    Ok(message)
}

fn composite_message(key: &[u8], part: &[u8]) -> Result<Message, Gs1Error> {
    let mut message = key_message(key, key.len(), 0)?;
    if let Some(elements) = part.get(1..) {
        message.begin_composite(key.len())?;
        message.parse_part(elements, key.len() + 1)?;
    }
    Ok(message)
}

fn canonical(message: &Message, symbology: Option<Symbology>) -> Value {
    let symbology = symbology.unwrap_or(Symbology::Gs1_128);
    let scan = render_scan(message.unbracketed().as_bytes(), symbology, &Options::STRICT);
    let scan = scan.and_then(|scan| String::from_utf8(scan).ok());
    json!({
        "bracketed": message.bracketed(),
        "unbracketed": message.unbracketed(),
        "digital_link": message.link(None, &Options::STRICT).ok(),
        "scan_data": scan,
    })
}

fn parts_json(parts: Parts<'_>) -> Value {
    let mut out = Map::new();
    for (name, text) in parts.texts() {
        out.insert(name.into(), text.into());
    }
    for (name, date) in parts.dates() {
        out.insert(name.into(), date.to_string().into());
    }
    if let Some(count) = parts.count() {
        out.insert("count".into(), count.to_string().into());
    }
    let measures: Vec<Value> = parts
        .measures()
        .map(|measure| json!({ "name": measure.name, "value": measure.quantity.to_string(), "unit": measure.unit }))
        .collect();
    if !measures.is_empty() {
        out.insert("measures".into(), measures.into());
    }
    out.into()
}

/// The fields of an event that the code gives; whether it is one is not known here.
fn request(parts: Parts<'_>) -> Value {
    let mut out = Map::new();
    let mut set = |field: &str, value: Option<Value>| {
        if let Some(value) = value {
            out.insert(field.into(), value);
        }
    };
    set("product_id", parts.gtin().or_else(|| parts.content_gtin()).map(Value::from));
    set("lot", parts.lot().map(Value::from));
    set("expiry", parts.expiry().and_then(|expiry| expiry.to_day()).map(|day| crate::time::render_day(day).into()));
    set("serials", parts.serial().map(|serial| json!([serial])));
    match (parts.count(), parts.net_measure()) {
        (Some(count), _) => set("quantity", Some(count.to_string().into())),
        (None, Some(measure)) => {
            set("quantity", Some(measure.quantity.to_string().into()));
            set("unit", Some(measure.unit.into()));
        }
        (None, None) => {}
    }
    set("handling_unit", parts.sscc().map(Value::from));
    set("location", parts.gln().map(Value::from));
    out.into()
}
