//! Between [`Node`]s and JSON.
//!
//! Every field and every place for a parameter is a member; what is absent is `null`. A parameter that has but one plain
//! field is that field's value. Bytes are base64, or `null` when there are none; an array of bits is two members, `…NumBits`
//! and its bytes. Of several parameters of which exactly one may be there, the others are written as zeros. The order in
//! which parameters of different kinds stand is not told.

use super::LlrpError;
use super::definition::{Count, Definition, Field, Kind, Slot, nearest_name, parameter};
use super::node::{Child, Node, Value};
use crate::problem::shown;
use serde_json::{Map, Value as Json};

/// The member that holds parameters which the standard does not define; only there when there are some.
const UNKNOWN: &str = "Unknown";

/// The content of a message as JSON: always an object.
pub(super) fn object(node: &Node) -> Map<String, Json> {
    let mut members = Map::new();
    for (field, value) in node.definition.fields.iter().zip(&node.values) {
        if field.name.is_empty() {
            continue;
        }
        if let Value::Bits { count, .. } = value {
            members.insert(format!("{}NumBits", field.name), Json::from(*count));
        }
        members.insert(field.name.to_owned(), scalar(value));
    }
    for slot in &node.definition.slots {
        let mut found = node.children(slot.name).map(to_json).peekable();
        let member = match slot.count {
            Count::Any | Count::AtLeastOne if found.peek().is_none() => Json::Null,
            Count::Any | Count::AtLeastOne => Json::Array(found.collect()),
            Count::AtMostOne => found.next().unwrap_or(Json::Null),
            Count::One | Count::OneOfAll => found.next().unwrap_or_else(|| absent(slot)),
        };
        members.insert(slot.name.to_owned(), member);
    }
    let unknown = node.children.iter().filter_map(|child| match child {
        Child::Unknown { number, bytes } => Some(serde_json::json!({"Type": number, "Data": base64(bytes)})),
        Child::Known { .. } => None,
    });
    let unknown: Vec<Json> = unknown.collect();
    if !unknown.is_empty() {
        members.insert(UNKNOWN.to_owned(), Json::Array(unknown));
    }
    members
}

/// A parameter as JSON.
pub(super) fn to_json(node: &Node) -> Json {
    match node.values.as_slice() {
        [value] if node.definition.is_inline() => scalar(value),
        _ => Json::Object(object(node)),
    }
}

/// What stands for a parameter that is not there because another of its group is.
fn absent(slot: &Slot) -> Json {
    let Some(definition) = parameter(slot.number) else {
        return Json::Null;
    };
    let mut zero = to_json(&Node::zero(definition));
    if let (Json::Object(members), false) = (&mut zero, definition.fields.is_empty()) {
        for field in definition.fields.iter().filter(|field| matches!(field.kind, Kind::BytesOf(_))) {
            members.insert(field.name.to_owned(), Json::Null);
        }
    }
    zero
}

fn scalar(value: &Value) -> Json {
    match value {
        Value::Flag(flag) => Json::from(*flag),
        Value::Unsigned(number) => Json::from(*number),
        Value::Signed(number) => Json::from(*number),
        Value::Text(text) => Json::from(text.as_str()),
        Value::Bytes(bytes) | Value::Bits { bytes, .. } if bytes.is_empty() => Json::Null,
        Value::Bytes(bytes) | Value::Bits { bytes, .. } => Json::from(base64(bytes)),
        Value::List(list) if list.is_empty() => Json::Null,
        Value::List(list) => Json::from(list.as_slice()),
    }
}

/// Reads a message or parameter from JSON: what [`to_json`] writes, and less. A member that is left out or `null` says
/// nothing: its field is zero, its parameter absent or, if one must be there, zero.
///
/// # Errors
/// `invalid_json` for a member that is not known or can't be what it says; what [`Node::check_counts`] finds.
pub(super) fn from_json(definition: &'static Definition, json: &Json, place: &str) -> Result<Node, LlrpError> {
    let mut node = Node::zero(definition);
    if definition.is_inline() && !json.is_object() {
        node.values[0] = read_value(&definition.fields[0], json, place)?;
        return Ok(node);
    }
    let Json::Object(members) = json else {
        return fault(place, format!("it must be an object, not {}", shown(&json.to_string())));
    };
    node.children.clear();
    check_members(definition, members, place)?;
    for (field, value) in definition.fields.iter().zip(&mut node.values) {
        let given = members.get(field.name).unwrap_or(&Json::Null);
        *value = read_value(field, given, &format!("{place}.{}", field.name))?;
        if let Value::Bits { count, bytes } = value {
            *count = read_bit_count(field, members, bytes, place)?;
        }
    }
    for (slot, known) in definition.slots.iter().enumerate() {
        read_slot(&mut node, slot, known, member(members, known), place)?;
    }
    choose_of_group(&mut node);
    if let Some(Json::Array(unknown)) = members.get(UNKNOWN) {
        for item in unknown {
            node.children.push(read_unknown(item, place)?);
        }
    }
    node.check_counts(place, 0)?;
    Ok(node)
}

fn fault<T>(place: &str, detail: String) -> Result<T, LlrpError> {
    Err(LlrpError { code: "invalid_json", place: place.to_owned(), byte: 0, detail })
}

/// The member for a slot, by its name or, for one parameter, by its plural.
fn member<'j>(members: &'j Map<String, Json>, slot: &Slot) -> &'j Json {
    let plural = || members.get(&format!("{}s", slot.name)).filter(|_| !slot.count.is_list());
    members.get(slot.name).or_else(plural).unwrap_or(&Json::Null)
}

/// That no member is mistyped.
fn check_members(definition: &Definition, members: &Map<String, Json>, place: &str) -> Result<(), LlrpError> {
    let names = || {
        let fields = definition.fields.iter().map(|field| field.name);
        fields.chain(definition.slots.iter().map(|slot| slot.name)).filter(|name| !name.is_empty())
    };
    for key in members.keys() {
        let is_known = names().any(|name| {
            let ending = key.strip_prefix(name);
            matches!(ending, Some("" | "s" | "NumBits"))
        });
        if !is_known && key != UNKNOWN {
            let hint = nearest_name(key, names()).map(|name| format!("; '{name}' is near")).unwrap_or_default();
            return fault(place, format!("the member {} is not known{hint}", shown(key)));
        }
    }
    Ok(())
}

fn read_slot(node: &mut Node, slot: usize, known: &Slot, given: &Json, place: &str) -> Result<(), LlrpError> {
    let Some(definition) = parameter(known.number) else {
        return Ok(());
    };
    let place = format!("{place}.{}", known.name);
    match given {
        Json::Null if known.count == Count::One => {
            node.children.push(Child::Known { slot, node: Node::zero(definition) });
        }
        Json::Null => {}
        Json::Array(items) if known.count.is_list() => {
            for (at, item) in items.iter().enumerate() {
                let child = from_json(definition, item, &format!("{place}[{at}]"))?;
                node.children.push(Child::Known { slot, node: child });
            }
        }
        _ if known.count.is_list() => return fault(&place, "it must be an array or null".to_owned()),
        _ => {
            let child = from_json(definition, given, &place)?;
            node.children.push(Child::Known { slot, node: child });
        }
    }
    Ok(())
}

/// Leaves one of those of which exactly one may be there: the first that says something, or else the first.
fn choose_of_group(node: &mut Node) {
    let definition = node.definition;
    let in_group =
        |child: &Child| matches!(child, Child::Known { slot, .. } if definition.slots[*slot].count == Count::OneOfAll);
    let says_something =
        |child: &Child| in_group(child) && matches!(child, Child::Known { node, .. } if !node.is_zero());
    let first = node.children.iter().position(says_something);
    let chosen = first.or_else(|| node.children.iter().position(in_group));
    let mut at = 0;
    node.children.retain(|child| {
        let stays = !in_group(child) || Some(at) == chosen;
        at += 1;
        stays
    });
}

fn read_unknown(item: &Json, place: &str) -> Result<Child, LlrpError> {
    let number = item["Type"].as_u64().and_then(|number| u16::try_from(number).ok()).filter(|number| *number < 1024);
    let bytes = item["Data"].as_str().and_then(unbase64);
    match (number, bytes) {
        (Some(number), Some(bytes)) if number >= 128 && parameter(number).is_none() => {
            Ok(Child::Unknown { number, bytes })
        }
        _ => fault(place, format!("{UNKNOWN} must have a Type that is not defined and Data in base64")),
    }
}

fn read_bit_count(field: &Field, members: &Map<String, Json>, bytes: &[u8], place: &str) -> Result<u16, LlrpError> {
    let name = format!("{}NumBits", field.name);
    let given = match members.get(&name) {
        None | Some(Json::Null) => u64::try_from(bytes.len() * 8).ok(),
        Some(number) => number.as_u64(),
    };
    let count = given.and_then(|count| u16::try_from(count).ok());
    match count.filter(|count| usize::from(*count).div_ceil(8) == bytes.len()) {
        Some(count) => Ok(count),
        None => fault(&format!("{place}.{name}"), format!("it does not fit the {} bytes given", bytes.len())),
    }
}

/// The value of a field; `null` is zero.
fn read_value(field: &Field, json: &Json, place: &str) -> Result<Value, LlrpError> {
    if json.is_null() {
        return Ok(Value::zero(field.kind));
    }
    let unsigned = |json: &Json, bits: u32| json.as_u64().filter(|number| bits == 64 || number >> bits == 0);
    let bits_of = |bytes: usize| u32::try_from(bytes * 8).expect("a number has few bytes");
    let value = match field.kind {
        Kind::Unsigned(bytes) => unsigned(json, bits_of(bytes)).map(Value::Unsigned),
        Kind::Bits { count, .. } => unsigned(json, count).map(Value::Unsigned),
        Kind::Signed(bytes) => {
            let half = 1_i64 << (bits_of(bytes) - 1);
            json.as_i64().filter(|number| (-half..half).contains(number)).map(Value::Signed)
        }
        Kind::Flag { .. } => json.as_bool().map(Value::Flag),
        Kind::Text => json.as_str().map(|text| Value::Text(text.to_owned())),
        Kind::Bytes | Kind::Rest => json.as_str().and_then(unbase64).map(Value::Bytes),
        Kind::BytesOf(count) => {
            let bytes = json.as_str().and_then(unbase64);
            bytes.filter(|bytes| bytes.len() == count).map(Value::Bytes)
        }
        Kind::BitArray => json.as_str().and_then(unbase64).map(|bytes| Value::Bits { count: 0, bytes }),
        Kind::List(bytes) => {
            let items = json.as_array().map(Vec::as_slice);
            let numbers = items.map(|items| items.iter().map(|item| unsigned(item, bits_of(bytes))).collect());
            numbers.and_then(|numbers: Option<Vec<u64>>| numbers).map(Value::List)
        }
    };
    match value {
        Some(value) => Ok(value),
        None => fault(place, format!("{} is not {}", shown(&json.to_string()), wanted(field.kind))),
    }
}

/// What a field of this kind takes, in words.
fn wanted(kind: Kind) -> String {
    match kind {
        Kind::Unsigned(bytes) => format!("a whole number of at most {} bits", bytes * 8),
        Kind::Bits { count, .. } => format!("a whole number of at most {count} bits"),
        Kind::Signed(bytes) => format!("a whole number of at most {} bits with its sign", bytes * 8),
        Kind::Flag { .. } => "true or false".to_owned(),
        Kind::Text => "a text".to_owned(),
        Kind::Bytes | Kind::Rest | Kind::BitArray => "bytes in base64".to_owned(),
        Kind::BytesOf(count) => format!("{count} bytes in base64"),
        Kind::List(bytes) => format!("an array of whole numbers of at most {} bits", bytes * 8),
    }
}

const BASE64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// `bytes` in base64 with padding: how they stand in a message's JSON.
///
/// # Source
/// RFC 4648, section 4.
pub fn base64(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for group in bytes.chunks(3) {
        let at = |index: usize| u32::from(group.get(index).copied().unwrap_or(0));
        let bits = at(0) << 16 | at(1) << 8 | at(2);
        for index in 0..4_usize {
            let sextet = bits >> (18 - 6 * index) & 0x3f;
            let letter = if index > group.len() { b'=' } else { BASE64[sextet as usize] };
            out.push(char::from(letter));
        }
    }
    out
}

/// The bytes of a base64 text with its padding; `None` when it is none.
fn unbase64(text: &str) -> Option<Vec<u8>> {
    let text = text.as_bytes();
    if !text.len().is_multiple_of(4) {
        return None;
    }
    let mut out = Vec::with_capacity(text.len() / 4 * 3);
    for (at, group) in text.chunks_exact(4).enumerate() {
        let pads = group.iter().rev().take_while(|letter| **letter == b'=').count();
        if pads > 2 || (pads > 0 && (at + 1) * 4 != text.len()) {
            return None;
        }
        let mut bits = 0_u32;
        for letter in &group[..4 - pads] {
            let sextet = BASE64.iter().position(|known| known == letter)?;
            bits = bits << 6 | u32::try_from(sextet).ok()?;
        }
        let [_, bytes @ ..] = (bits << (6 * pads)).to_be_bytes();
        if bytes[3 - pads..].iter().any(|byte| *byte != 0) {
            return None;
        }
        out.extend(&bytes[..3 - pads]);
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_that_of_the_rfc() {
        let check = |bytes: &str, text| {
            assert_eq!(base64(bytes.as_bytes()), text);
            assert_eq!(unbase64(text).as_deref(), Some(bytes.as_bytes()));
        };
        check("", "");
        check("f", "Zg==");
        check("fo", "Zm8=");
        check("foo", "Zm9v");
        check("foob", "Zm9vYg==");
        check("fooba", "Zm9vYmE=");
        check("foobar", "Zm9vYmFy");
        for text in ["Zg", "Z===", "Zg==Zg==", "Zm9v!A==", "Zh==", "===="] {
            assert_eq!(unbase64(text), None, "{text}");
        }
    }
}
