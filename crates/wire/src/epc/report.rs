//! What a code says, in every spelling, for people and for comparing with what others read from it.

use super::fault::Fault;
use super::key::Gs1Key;
use super::scheme::{Scheme, number};
use super::tag::{Tag, bytes_of_hex, hex_of_bytes};
use super::{Epc, EpcBytes};
use crate::problem::shown;
use serde_json::{Map, Value, json};

/// The columns of a line of JSON in which a code may be, the most telling first.
const COLUMNS: [&str; 7] = ["hex", "tag_uri", "raw_uri", "epc_uri", "digital_link", "gs1_element_string", "input"];

/// What was read.
enum Reading {
    Tag(Tag),
    Epc(Epc),
    Key(Gs1Key),
}

/// Reads one code in any spelling and tells it in all of them.
///
/// `line` is hexadecimal tag memory, a tag, raw, identity, class or pattern URI, a GS1 Digital Link, an element string with
/// brackets, or a JSON object with one of those as its `hex`, `tag_uri`, `raw_uri`, `epc_uri`, `digital_link`,
/// `gs1_element_string` or `input` (the first that is there) and possibly a `filter`. `prefix_length` is the length of
/// the company prefix for those spellings that do not tell it; without it they have no `epc_uri`, and `note` says why.
///
/// The answer has `input`, `form`, `verdict` (`valid` or `invalid`), then either `problem` with `code`, `detail` and `byte`, or
/// what there is of `scheme`, `hex`, `tag_uri`, `raw_uri`, `epc_uri`, `gs1_element_string`, `digital_link`, `filter`, `parts`
/// and `request` (what it gives to an event). A code that is not from a tag is shown as a tag with the given filter, 0 if
/// there is none.
pub fn report(line: &str, prefix_length: Option<u8>) -> Map<String, Value> {
    let line = line.trim();
    let mut out = Map::new();
    let (input, filter) = match input(line) {
        Ok(input) => input,
        Err(fault) => {
            put(&mut out, "input", shown(line).trim_matches('\''));
            put(&mut out, "form", "json");
            put_problem(&mut out, &fault);
            return out;
        }
    };
    put(&mut out, "input", &*input);
    let form = form(&input);
    put(&mut out, "form", form);
    match read(form, &input, &mut out) {
        Ok(reading) => {
            put(&mut out, "verdict", "valid");
            put_reading(&mut out, reading, filter, prefix_length);
        }
        Err(fault) => put_problem(&mut out, &fault),
    }
    out
}

/// The code in a line, and the filter value beside it.
fn input(line: &str) -> Result<(String, Option<u8>), Fault> {
    if !line.starts_with('{') {
        return Ok((line.to_owned(), None));
    }
    let columns: Map<String, Value> = serde_json::from_str(line)
        .map_err(|error| Fault::new("invalid_json", format!("the line is no JSON object: {error}")))?;
    let code = COLUMNS.into_iter().find_map(|column| columns.get(column)?.as_str());
    let filter = columns.get("filter").and_then(Value::as_u64).and_then(|filter| u8::try_from(filter).ok());
    let detail = || format!("the line has none of the texts {}", COLUMNS.join(", "));
    Ok((code.ok_or_else(|| Fault::new("missing_field", detail()))?.trim().to_owned(), filter))
}

fn form(input: &str) -> &'static str {
    let begins = |start: &str| input.get(..start.len()).is_some_and(|front| front.eq_ignore_ascii_case(start));
    match input {
        _ if begins("urn:epc:tag:") => "tag_uri",
        _ if begins("urn:epc:raw:") => "raw_uri",
        _ if begins("urn:epc:") => "epc_uri",
        _ if begins("http://") || begins("https://") => "digital_link",
        _ if begins("(") => "gs1_element_string",
        _ => "hex",
    }
}

fn read(form: &str, input: &str, out: &mut Map<String, Value>) -> Result<Reading, Fault> {
    Ok(match form {
        "tag_uri" => Reading::Tag(Tag::parse_uri(input)?),
        "epc_uri" => Reading::Epc(Epc::parse_uri(input)?),
        "digital_link" => Reading::Key(Gs1Key::parse_digital_link(input)?),
        "gs1_element_string" => Reading::Key(Gs1Key::parse_element_string(input)?),
        "raw_uri" => {
            let bytes = parse_raw_uri(input)?;
            put(out, "raw_uri", raw_uri(&bytes));
            Reading::Tag(Tag::from_bytes(&bytes)?)
        }
        _ if input.is_empty() => return Err(Fault::new("too_short", "the line is empty").at(0)),
        _ => {
            let digits = input.strip_prefix("0x").unwrap_or(input);
            // A tag that nobody understands still has this name.
            if let Ok(bytes) = bytes_of_hex(digits) {
                put(out, "raw_uri", raw_uri(&bytes));
            }
            Reading::Tag(Tag::from_hex(input)?)
        }
    })
}

/// The name of memory that may be in no coding: `urn:epc:raw:96.x3074257BF7194E4000001A85`.
///
/// # Source
/// TDS 1.13, section 12.
fn raw_uri(bytes: &[u8]) -> String {
    format!("urn:epc:raw:{}.x{}", bytes.len() * 8, hex_of_bytes(bytes))
}

fn parse_raw_uri(uri: &str) -> Result<EpcBytes, Fault> {
    let rest = &uri["urn:epc:raw:".len()..];
    let start = uri.len() - rest.len();
    let parts =
        rest.split_once(".x").and_then(|(bits, hex)| Some((usize::try_from(number(bits.as_bytes())?).ok()?, hex)));
    let (bits, hex) = parts.ok_or_else(|| {
        let detail =
            "a raw URI has a number of bits and hexadecimal digits, as in 'urn:epc:raw:96.x3074257BF7194E4000001A85'";
        Fault::new("unknown_form", detail).at(start)
    })?;
    if bits != hex.len() * 4 {
        let detail = format!("{bits} bits are announced and {} digits follow, which are {}", hex.len(), hex.len() * 4);
        return Err(Fault::new("part_length", detail).at(start));
    }
    bytes_of_hex(hex).map_err(|fault| fault.after(uri.len() - hex.len()))
}

fn put(out: &mut Map<String, Value>, name: &str, value: impl Into<Value>) {
    out.insert(name.to_owned(), value.into());
}

fn put_problem(out: &mut Map<String, Value>, fault: &Fault) {
    put(out, "verdict", "invalid");
    put(out, "problem", json!({"code": fault.code, "detail": fault.detail, "byte": fault.byte}));
}

fn put_reading(out: &mut Map<String, Value>, reading: Reading, filter: Option<u8>, prefix_length: Option<u8>) {
    let (epc, tag) = match reading {
        Reading::Tag(tag) => (tag.epc, Some(tag)),
        Reading::Epc(epc) => {
            let tag = epc.shortest_tag(filter.unwrap_or(0));
            if let (Err(fault), Some(_)) = (&tag, filter) {
                put(out, "note", json!({"code": fault.code, "detail": fault.detail}));
            }
            (epc, tag.ok())
        }
        Reading::Key(key) => match key.epc(prefix_length) {
            Ok(epc) => (epc, epc.shortest_tag(filter.unwrap_or(0)).ok()),
            Err(fault) => {
                put(out, "scheme", key.scheme().name());
                put_key(out, &key);
                put(out, "parts", Value::Object(key_parts(&key)));
                put(out, "request", Value::Object(request(&key)));
                put(out, "note", json!({"code": fault.code, "detail": fault.detail}));
                return;
            }
        },
    };
    put(out, "scheme", tag.map_or(epc.scheme().name(), |tag| tag.coding.name()));
    if let Some(tag) = tag {
        put(out, "hex", tag.to_hex());
        put(out, "tag_uri", tag.to_string());
        if tag.coding.filter_max() > 0 {
            put(out, "filter", tag.filter);
        }
    }
    put(out, "epc_uri", epc.to_string());
    let key = epc.gs1_key();
    let mut parts = key.as_ref().map(key_parts).unwrap_or_default();
    for (name, part) in epc.parts() {
        put(&mut parts, name, part);
    }
    if let Some(key) = &key {
        put_key(out, key);
    }
    put(out, "parts", Value::Object(parts));
    put(out, "request", Value::Object(key.as_ref().map(request).unwrap_or_default()));
}

fn put_key(out: &mut Map<String, Value>, key: &Gs1Key) {
    put(out, "gs1_element_string", key.to_string());
    put(out, "digital_link", key.digital_link());
}

/// The key under its common name, and what qualifies it.
fn key_parts(key: &Gs1Key) -> Map<String, Value> {
    let mut parts = Map::new();
    for (ai, value) in key.values() {
        let name = match ai {
            "00" => "sscc",
            "01" => "gtin",
            "10" => "lot",
            "21" | "235" | "8011" => "serial",
            "253" => "gdti",
            "254" => "extension",
            "255" => "gcn",
            "414" | "417" => "gln",
            "8003" => "grai",
            "8004" => "giai",
            "8006" => "itip",
            "8010" => "cpid",
            _ => "gsrn",
        };
        put(&mut parts, name, value);
    }
    if let (Scheme::Itip, Some(gtin)) = (key.scheme(), key.gtin14()) {
        put(&mut parts, "gtin", gtin);
    }
    parts
}

/// What it gives to an event.
fn request(key: &Gs1Key) -> Map<String, Value> {
    let mut request = Map::new();
    if let Some(gtin) = key.gtin14() {
        put(&mut request, "product_id", gtin);
    }
    for (ai, value) in key.values() {
        match ai {
            "00" => put(&mut request, "handling_unit", value),
            "414" | "417" => put(&mut request, "location", value),
            "21" | "235" => put(&mut request, "serials", json!([value])),
            "10" => put(&mut request, "lot", value),
            _ => {}
        }
    }
    request
}
