//! Any LLRP message explained: what it is, what it holds, what of it is recorded.

use super::definition::nearest_name;
use super::reads::{Seen, TagReport, TagReports, hex};
use super::{Definition, HEADER_BYTES, Header, LlrpError, decode_content, message, message_named, messages};
use crate::problem::shown;
use crate::time::render_timestamp;
use serde_json::{Map, Value, json};

/// The most of an input that is repeated, in bytes.
const SHOWN_BYTES_MAX: usize = 64;

/// The messages that are known by their first parameter when they come without a header, with that parameter's number.
const GUESSES: [(u16, u16); 6] = [
    (240, 61), // TagReportData: RO_ACCESS_REPORT
    (242, 61), // RFSurveyReportData: the same
    (246, 63), // ReaderEventNotificationData: READER_EVENT_NOTIFICATION
    (177, 20), // ROSpec: ADD_ROSPEC
    (207, 40), // AccessSpec: ADD_ACCESSSPEC
    (211, 55), // ClientRequestResponse: CLIENT_REQUEST_OP_RESPONSE
];

/// Explains one message.
///
/// `input` is the message's bytes, or their hexadecimal digits as text (white space, `:` and `-` between them, `0x` before
/// them). It has its header of ten bytes or is what follows that; then `hint` names the message: by name in either
/// spelling, by the name of a file that begins with it, or by type number. Without a hint some are known by their first
/// parameter.
///
/// The answer has `input`, `verdict` (`valid` or `invalid`), for an invalid one `problem`, else `form` (`message` or
/// `payload`), then `message`, `fields`, `canonical`, `reads` and `request`; see `docs/formats/llrp.md`.
///
/// ```
/// let report = wire::llrp::report(b"043e0000000a00000007", None);
/// assert_eq!(report["message"]["name"], "KEEPALIVE");
/// ```
pub fn report(input: &[u8], hint: Option<&str>) -> Map<String, Value> {
    match bytes_of(input) {
        Ok(bytes) => report_bytes(&bytes, hint),
        Err(error) => refused(input, &error, Value::Null, Vec::new()),
    }
}

/// Explains several messages, one behind the other, as they come from a connection; at least one. As [`report`]; what
/// stands behind the last whole message is explained as one more.
///
/// ```
/// let reports = wire::llrp::reports(b"043e0000000a00000007 043e0000000a00000008", None);
/// assert_eq!(reports[1]["message"]["id"], 8);
/// ```
pub fn reports(input: &[u8], hint: Option<&str>) -> Vec<Map<String, Value>> {
    let bytes = match bytes_of(input) {
        Ok(bytes) => bytes,
        Err(error) => return vec![refused(input, &error, Value::Null, Vec::new())],
    };
    let mut reports = Vec::new();
    let mut rest = &bytes[..];
    while let Ok(Some(header)) = Header::read(rest, rest.len())
        && header.length < rest.len()
        && message(header.number).is_some()
    {
        let (frame, behind) = rest.split_at(header.length);
        reports.push(report_bytes(frame, None));
        rest = behind;
    }
    let hint = if reports.is_empty() { hint } else { None };
    reports.push(report_bytes(rest, hint));
    reports
}

fn report_bytes(bytes: &[u8], hint: Option<&str>) -> Map<String, Value> {
    let found = match find_message(bytes, hint) {
        Ok(found) => found,
        Err(error) => return refused(bytes, &error, Value::Null, Vec::new()),
    };
    let named = json!({
        "name": found.definition.standard_name,
        "type": found.definition.number,
        "version": found.header.map(|header| header.version.name()),
        "id": found.header.map(|header| header.id),
    });
    let payload = &bytes[found.start..];
    // What can be read of a damaged report is read.
    let reports: Vec<TagReport<'_>> = match found.definition.number {
        61 => TagReports::new(payload).map_while(Result::ok).collect(),
        _ => Vec::new(),
    };
    let reads = reports.iter().map(read).collect();
    let node = match decode_content(found.definition.number, payload, found.start) {
        Ok(node) => node,
        Err(error) => return refused(bytes, &error, named, reads),
    };
    let canonical = node.encode().map(|payload| [&bytes[..found.start], &payload].concat());
    let requests: Vec<Value> = reports.iter().map(request).collect();
    let mut out = Map::new();
    out.insert("input".to_owned(), shown_bytes(bytes));
    out.insert("verdict".to_owned(), json!("valid"));
    out.insert("form".to_owned(), json!(if found.header.is_some() { "message" } else { "payload" }));
    out.insert("message".to_owned(), named);
    out.insert("fields".to_owned(), Value::Object(node.to_json()));
    out.insert("canonical".to_owned(), canonical.map_or(Value::Null, |bytes| json!(hex(&bytes))));
    out.insert("reads".to_owned(), Value::Array(reads));
    out.insert("request".to_owned(), if requests.is_empty() { Value::Null } else { Value::Array(requests) });
    out
}

fn refused(input: &[u8], error: &LlrpError, message: Value, reads: Vec<Value>) -> Map<String, Value> {
    let mut out = Map::new();
    out.insert("input".to_owned(), shown_bytes(input));
    out.insert("verdict".to_owned(), json!("invalid"));
    let problem = json!({"code": error.code, "detail": error.to_string(), "byte": error.byte});
    out.insert("problem".to_owned(), problem);
    out.insert("message".to_owned(), message);
    out.insert("fields".to_owned(), Value::Null);
    out.insert("canonical".to_owned(), Value::Null);
    out.insert("reads".to_owned(), Value::Array(reads));
    out.insert("request".to_owned(), Value::Null);
    out
}

fn shown_bytes(bytes: &[u8]) -> Value {
    let mut text = hex(&bytes[..bytes.len().min(SHOWN_BYTES_MAX)]);
    if bytes.len() > SHOWN_BYTES_MAX {
        text.push('…');
    }
    Value::String(text)
}

/// The bytes that `input` is, or writes in hexadecimal digits.
fn bytes_of(input: &[u8]) -> Result<Vec<u8>, LlrpError> {
    let fault = |code, byte, detail| Err(LlrpError { code, place: "input".to_owned(), byte, detail });
    let is_text = |byte: &u8| matches!(byte, b' '..=b'~' | b'\t' | b'\r' | b'\n');
    // No message begins like a text: the first byte is 4 to 11, or 0 to 3 without the header, or 128 and more.
    if !input.iter().all(is_text) || input.is_empty() {
        return Ok(input.to_vec());
    }
    let text = input.trim_ascii();
    let digits = text.strip_prefix(b"0x").or_else(|| text.strip_prefix(b"0X")).unwrap_or(text);
    let mut bytes = Vec::with_capacity(digits.len() / 2);
    let mut high = None;
    for (at, letter) in digits.iter().enumerate() {
        let Some(digit) = char::from(*letter).to_digit(16) else {
            if letter.is_ascii_whitespace() || matches!(letter, b':' | b'-' | b',') {
                continue;
            }
            let detail = format!("{} is no hexadecimal digit", shown(char::from(*letter).encode_utf8(&mut [0; 4])));
            return fault("invalid_hex", at, detail);
        };
        let digit = u8::try_from(digit).expect("a digit is below 16");
        match high.take() {
            None => high = Some(digit),
            Some(high) => bytes.push(high << 4 | digit),
        }
    }
    match high {
        None => Ok(bytes),
        Some(_) => fault("invalid_hex", digits.len(), "there is an odd number of hexadecimal digits".to_owned()),
    }
}

/// Which message the bytes are, and where its content begins.
struct Found {
    definition: &'static Definition,
    header: Option<Header>,
    start: usize,
}

fn find_message(bytes: &[u8], hint: Option<&str>) -> Result<Found, LlrpError> {
    let hinted = hint.map(message_of_hint).transpose()?;
    if let Ok(Some(header)) = Header::read(bytes, usize::MAX)
        && header.length == bytes.len()
        && hinted.is_none_or(|hinted| hinted.number == header.number)
    {
        let Some(definition) = message(header.number) else {
            let detail = format!("there is no message type {}", header.number);
            return Err(LlrpError { code: "unknown_message", place: "header".to_owned(), byte: 0, detail });
        };
        return Ok(Found { definition, header: Some(header), start: HEADER_BYTES });
    }
    if let Some(definition) = hinted {
        return Ok(Found { definition, header: None, start: 0 });
    }
    let first = bytes.first_chunk::<2>().map(|bytes| u16::from_be_bytes(*bytes));
    let guess = GUESSES.iter().find(|(parameter, _)| Some(*parameter) == first);
    if let Some(definition) = guess.and_then(|(_, number)| message(*number)) {
        return Ok(Found { definition, header: None, start: 0 });
    }
    Err(not_known(bytes, first))
}

/// Why it can't be told what the bytes are.
fn not_known(bytes: &[u8], first: Option<u16>) -> LlrpError {
    let fault = |code, byte, detail| LlrpError { code, place: "header".to_owned(), byte, detail };
    if let Some(LLRP_STATUS) = first {
        let detail = "without its header this is an answer to some request (it begins with LLRPStatus); say to which, for example CLOSE_CONNECTION_RESPONSE";
        return fault("unknown_message", 0, detail.to_owned());
    }
    match Header::read(bytes, usize::MAX) {
        Ok(Some(header)) if message(header.number).is_some() => {
            let (length, count) = (header.length, bytes.len());
            let code = if length > count { "truncated" } else { "invalid_length" };
            let detail = format!("the message says it has {length} bytes; {count} are there");
            fault(code, 2, detail)
        }
        Ok(None) => {
            let detail = format!("a message begins with {HEADER_BYTES} bytes of header; {} are there", bytes.len());
            fault("truncated", 0, detail)
        }
        Ok(Some(_)) | Err(_) => {
            let detail = "it begins neither with a message's header nor with a parameter that tells which message it is; name the message";
            fault("unknown_message", 0, detail.to_owned())
        }
    }
}

/// The parameter that every answer begins with.
const LLRP_STATUS: u16 = 287;

/// The message that a hint names.
fn message_of_hint(hint: &str) -> Result<&'static Definition, LlrpError> {
    let name = hint.rsplit(['/', '\\']).next().unwrap_or(hint);
    let name = name.split(['-', '.', ' ']).next().unwrap_or(name);
    let by_number = || name.parse().ok().and_then(message);
    if let Some(definition) = message_named(name).or_else(by_number) {
        return Ok(definition);
    }
    let near = nearest_name(name, messages().map(|message| message.name));
    let hint_near = near.map(|name| format!("; '{name}' is near")).unwrap_or_default();
    let detail = format!("no message is called {}{hint_near}", shown(name));
    Err(LlrpError { code: "unknown_message", place: "hint".to_owned(), byte: 0, detail })
}

fn seen_at(report: &TagReport<'_>) -> Option<String> {
    report.first_seen.or(report.last_seen).and_then(Seen::utc).map(render_timestamp)
}

fn read(report: &TagReport<'_>) -> Value {
    json!({
        "epc": report.epc_hex(),
        "antenna": report.antenna,
        "rssi": report.peak_rssi_dbm,
        "seen_at": seen_at(report),
        "count": report.seen_count.unwrap_or(1),
    })
}

/// The read as an event. Members that the reader did not tell are left out: without a time it is that of its receipt.
fn request(report: &TagReport<'_>) -> Value {
    let mut event = Map::new();
    event.insert("event".to_owned(), json!("tag_read"));
    event.insert("epc".to_owned(), json!(report.epc_hex()));
    let optional = [
        ("timestamp", seen_at(report).map(Value::from)),
        ("antenna", report.antenna.map(Value::from)),
        ("rssi_dbm", report.peak_rssi_dbm.map(Value::from)),
        ("count", report.seen_count.map(Value::from)),
    ];
    for (name, value) in optional {
        if let Some(value) = value {
            event.insert(name.to_owned(), value);
        }
    }
    Value::Object(event)
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEEPALIVE: &[u8] = &[0x04, 62, 0, 0, 0, 10, 0, 0, 0, 7];
    const REPORT: &str = "00f0001f8d3000abcdef0000000000000381 0001 86d0 82:00:05:a9:e4:be:f8:62:e0";

    fn check(input: &[u8], hint: Option<&str>, expect: Result<&str, (&str, u64)>) -> Map<String, Value> {
        let out = report(input, hint);
        let got = match out.get("problem") {
            None => Ok(out["message"]["name"].as_str().unwrap()),
            Some(problem) => Err((problem["code"].as_str().unwrap(), problem["byte"].as_u64().unwrap())),
        };
        assert_eq!(got, expect, "{}", Value::from(out.clone()));
        assert_eq!(out["verdict"], if expect.is_ok() { "valid" } else { "invalid" });
        out
    }

    #[test]
    fn a_message_is_told_by_its_header_its_name_or_its_first_parameter() {
        check(KEEPALIVE, None, Ok("KEEPALIVE"));
        let out = check(b" 0x04 3e 0000000A 00000007\n", Some("KeepAlive"), Ok("KEEPALIVE"));
        assert_eq!(out["message"], json!({"name": "KEEPALIVE", "type": 62, "version": "1.0.1", "id": 7}));
        assert_eq!(out["canonical"], "043E0000000A00000007");
        for hint in
            [None, Some("ROAccessReport"), Some("ro_access_report"), Some("61"), Some("a/ROAccessReport-001.bytes")]
        {
            let out = check(REPORT.as_bytes(), hint, Ok("RO_ACCESS_REPORT"));
            assert_eq!(out["message"]["version"], Value::Null);
        }
        check(b"", Some("GET_ROSPECS"), Ok("GET_ROSPECS"));
        check(&[1, 31, 0, 8, 0, 0, 0, 0], Some("CloseConnectionResponse"), Ok("CLOSE_CONNECTION_RESPONSE"));
    }

    #[test]
    fn what_is_no_message_is_refused_with_its_byte() {
        check(b"", None, Err(("truncated", 0)));
        check(&KEEPALIVE[..9], None, Err(("truncated", 0)));
        check(&[KEEPALIVE, b"\0"].concat(), None, Err(("invalid_length", 2)));
        check(&[1, 31, 0, 8, 0, 0, 0, 0], None, Err(("unknown_message", 0)));
        check(&[0x07, 0, 0, 0, 0, 10, 0, 0, 0, 7], None, Err(("unknown_message", 0)));
        check(b"hello", None, Err(("invalid_hex", 0)));
        check(b"043", None, Err(("invalid_hex", 3)));
        check(KEEPALIVE, Some("ROAccessRepor"), Err(("unknown_message", 0)));
        // The header is counted.
        let mut framed = vec![0x04, 61, 0, 0, 0, 14, 0, 0, 0, 1];
        framed.extend([0, 240, 0, 4]);
        check(&framed, None, Err(("missing_parameter", 14)));
    }

    #[test]
    fn the_reads_of_a_report_are_told_and_what_is_recorded_of_them() {
        let out = check(REPORT.as_bytes(), None, Ok("RO_ACCESS_REPORT"));
        let reads = json!([{
            "epc": "3000ABCDEF00000000000003", "antenna": 1, "rssi": -48, "seen_at": "2020-07-08T02:20:05.140192Z", "count": 1
        }]);
        assert_eq!(out["reads"], reads);
        let request = json!([{
            "event": "tag_read", "epc": "3000ABCDEF00000000000003", "timestamp": "2020-07-08T02:20:05.140192Z",
            "antenna": 1, "rssi_dbm": -48
        }]);
        assert_eq!(out["request"], request);
        assert_eq!(out["fields"]["TagReportData"][0]["PeakRSSI"], -48);
        // One read is whole, the next is cut off.
        let cut = format!("{REPORT} 00f0 001f 8d30");
        let out = check(cut.as_bytes(), None, Err(("invalid_length", 33)));
        assert_eq!((&out["reads"], &out["request"]), (&reads, &Value::Null));
    }

    #[test]
    fn long_inputs_are_cut() {
        let out = report(&[0; 65], None);
        assert_eq!(out["input"], format!("{}…", "00".repeat(64)));
    }
}
