//! Test cases in the form of GS1's Syntax Engine, one JSON object each, answered by what this module does.
//!
//! So a whole file of published cases can be run through the program and compared.

use super::elements::marked;
use super::report::problem_json;
use super::{Gs1Error, Linter, Message, Options, Rule, Scan, Symbology};
use super::{escape_path, escape_query, render_scan, unescape_path, unescape_query};
use serde_json::{Map, Value, json};

/// The answer to the case that a line of JSON holds.
pub(super) fn report(line: &str) -> Map<String, Value> {
    let case = match serde_json::from_str::<Map<String, Value>>(line) {
        Ok(case) => case,
        Err(error) => {
            let mut out = Map::new();
            out.insert("input".into(), line.into());
            let detail =
                format!("the line is no JSON object: {error}; send a case with 'kind' and 'input', or a plain code");
            finish(&mut out, Err(Gs1Error::new("unrecognised", error.column().saturating_sub(1), detail)));
            return out;
        }
    };
    let mut out = Map::new();
    let input = case.get("input").cloned().unwrap_or_default();
    out.insert("input".into(), input.clone());
    let answer = match (bytes_of(&input), text_of(&case, "linter"), text_of(&case, "kind")) {
        (None, ..) => Err(Gs1Error::new("unrecognised", 0, "the case has no 'input'; add it as a text")),
        (Some(input), Some(linter), _) => lint(&mut out, linter, &input),
        (Some(input), None, Some(kind)) => answer(&mut out, kind, &input, &case),
        (Some(_), None, None) => Err(Gs1Error::new("unrecognised", 0, "the case has no 'kind' or 'linter'; add one")),
    };
    finish(&mut out, answer);
    out
}

fn finish(out: &mut Map<String, Value>, answer: Result<Value, Gs1Error>) {
    match answer {
        Ok(result) => {
            out.insert("verdict".into(), "valid".into());
            out.insert("result".into(), result);
        }
        Err(problem) => {
            out.insert("verdict".into(), "invalid".into());
            out.insert("problem".into(), problem_json(&problem));
            out.entry("result").or_insert_with(|| "".into());
        }
    }
}

fn text_of<'c>(case: &'c Map<String, Value>, field: &str) -> Option<&'c str> {
    case.get(field).and_then(Value::as_str)
}

/// A text, or the bytes of one that is not UTF-8, as `{"latin1_bytes": "41ff"}`.
fn bytes_of(value: &Value) -> Option<Vec<u8>> {
    if let Some(text) = value.as_str() {
        return Some(text.as_bytes().to_vec());
    }
    let digits = value.get("latin1_bytes")?.as_str()?.as_bytes();
    digits.chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()).collect()
}

/// The other way around.
fn value_of(bytes: &[u8]) -> Value {
    match std::str::from_utf8(bytes) {
        Ok(text) if text.is_ascii() => text.into(),
        _ => json!({ "latin1_bytes": bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>() }),
    }
}

fn lint(out: &mut Map<String, Value>, name: &str, input: &[u8]) -> Result<Value, Gs1Error> {
    out.insert("linter".into(), name.into());
    let Some(linter) = Linter::named(name) else {
        return Err(Gs1Error::new(
            "unknown_linter",
            0,
            format!("GS1 has no linter '{name}'; see the Syntax Dictionary"),
        ));
    };
    let Err(error) = linter.test(input) else {
        return Ok(true.into());
    };
    out.insert("error".into(), format!("GS1_LINTER_{}", error.code.to_ascii_uppercase()).into());
    let bytes =
        [&input[..error.range.start], b"*", &input[error.range.clone()], b"*", &input[error.range.end..]].concat();
    out.insert("marked".into(), value_of(&bytes));
    let detail = format!("{} ({name}); check the value", error.code.replace('_', " "));
    let mut problem = Gs1Error::new(error.code, error.range.start, detail);
    problem.marked = marked(input, &error.range);
    Err(problem)
}

fn answer(
    out: &mut Map<String, Value>,
    kind: &str,
    input: &[u8],
    case: &Map<String, Value>,
) -> Result<Value, Gs1Error> {
    out.insert("kind".into(), kind.into());
    let options = &options_of(case.get("settings"));
    let elements = |message: Message| Ok(message.unbracketed().into());
    match kind {
        "element_string_bracketed" => Message::parse_bracketed(input, options).and_then(elements),
        "element_string_bracketless" => Message::parse_unbracketed(input).and_then(elements),
        "ai_message_validation" => {
            let message = Message::parse_bracketed(input, options)?;
            match text_of(case, "rule").and_then(rule_named) {
                Some(rule) => message.check(rule)?,
                None => message.check_all()?,
            }
            elements(message)
        }
        "digital_link_parse" => Message::parse_link(input, options).and_then(elements),
        "digital_link_generate" => {
            let message = Message::parse_bracketed(input, options)?;
            message.link(text_of(case, "stem"), options).map(Value::from)
        }
        "scan_data_process" => {
            let scan = Scan::parse(input, options);
            let symbology = scan.as_ref().map_or("NONE", |scan| scan.symbology.name());
            out.insert("symbology".into(), symbology.into());
            scan.map(|scan| value_of(&scan.data))
        }
        "scan_data_generate" => {
            let symbology = text_of(case, "symbology").and_then(Symbology::named);
            let scan = symbology.and_then(|symbology| render_scan(input, symbology, options));
            out.insert("result".into(), Value::Null);
            scan.map(|scan| value_of(&scan)).ok_or_else(|| {
                Gs1Error::new("not_scannable", 0, "no symbol of that kind holds this data; choose another symbology")
            })
        }
        "uri_escape" => Ok(both(out, escape_path(input).into(), escape_query(input).into())),
        "uri_unescape" => Ok(both(out, value_of(&unescape_path(input)), value_of(&unescape_query(input)))),
        kind => {
            Err(Gs1Error::new("unknown_kind", 0, format!("there is no kind '{kind}'; docs/formats/gs1.md lists them")))
        }
    }
}

/// Text for a path and for a query; the former is the result.
fn both(out: &mut Map<String, Value>, path: Value, query: Value) -> Value {
    out.insert("result_path".into(), path.clone());
    out.insert("result_query".into(), query);
    path
}

fn rule_named(name: &str) -> Option<Rule> {
    match name {
        "validateAIrepeats" => Some(Rule::Repeats),
        "validateAImutex" => Some(Rule::Exclusions),
        "validateAIrequisites" => Some(Rule::Requisites),
        "validateDigSigRequiresSerialisedKey" => Some(Rule::SignedKeys),
        _ => None,
    }
}

/// The Syntax Engine's settings by their names.
fn options_of(settings: Option<&Value>) -> Options {
    let set = |name: &str, default: bool| match settings.and_then(|settings| settings.get(name)) {
        Some(Value::Bool(value)) => *value,
        Some(Value::String(value)) => value == "true",
        _ => default,
    };
    let unknown_ais = set("setPermitUnknownAIs", false);
    Options {
        unknown_ais,
        unknown_link_attributes: !set("setValidationEnabled:gs1_encoder_vUNKNOWN_AI_NOT_DL_ATTR", true),
        link_names: set("permitConvenienceAlphas", false),
        short_gtins: set("setPermitZeroSuppressedGTINinDLuris", false),
        add_check_digit: set("setAddCheckDigit", false),
    }
}
