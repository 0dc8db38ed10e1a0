//! LLRP against messages that a reader sent, and against damage.

#![expect(clippy::unwrap_used, reason = "a test that unwraps fails with the line, which is what a test is for")]

use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use wire::llrp::{self, Message, Node, Seen, Splitter, TagReports, Version};

fn data(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/llrp").join(name)
}

fn read_json(path: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The recorded payloads, each with the number of its message and the fields that it holds.
fn recordings() -> Vec<(PathBuf, u16, Vec<u8>, Value)> {
    let mut found = Vec::new();
    for folder in [data(""), data("roAccessReports")] {
        for file in std::fs::read_dir(folder).unwrap() {
            let path = file.unwrap().path();
            if path.extension().is_some_and(|extension| extension == "bytes") {
                let stem = path.file_stem().unwrap().to_str().unwrap();
                let name = stem.split('-').next().unwrap();
                let number = llrp::message_named(name).unwrap_or_else(|| panic!("{name} is a message")).number;
                let payload = std::fs::read(&path).unwrap();
                let fields = read_json(&path.with_extension("json"));
                found.push((path, number, payload, fields));
            }
        }
    }
    found.sort_by(|first, second| first.0.cmp(&second.0));
    found
}

#[test]
fn what_a_reader_sent_is_decoded_to_its_fields_and_encoded_to_its_bytes() {
    let recordings = recordings();
    assert_eq!(recordings.len(), 8);
    for (path, number, payload, fields) in recordings {
        let path = path.display();
        let node = llrp::decode_content(number, &payload, 0).unwrap_or_else(|error| panic!("{path}: {error}"));
        assert_eq!(Value::from(node.to_json()), fields, "{path}");
        assert_eq!(node.encode().unwrap(), payload, "{path}");
        let name = llrp::message(number).unwrap().name;
        let written = Message::from_json(name, &fields, Version::V1_0_1, 7).unwrap();
        assert_eq!(written.content.encode().unwrap(), payload, "{path} from its JSON");
        assert_eq!(Message::decode(&written.encode().unwrap()).unwrap(), written);
    }
}

/// That everything in `given` is in `whole`, under its name.
fn assert_within(given: &Value, whole: &Value, place: &str) {
    match (given, whole) {
        (Value::Object(given), Value::Object(whole)) => {
            for (key, value) in given {
                let same = whole.get(key).or_else(|| whole.get(key.trim_end_matches('s')));
                assert_within(
                    value,
                    same.unwrap_or_else(|| panic!("{place}.{key} is lost")),
                    &format!("{place}.{key}"),
                );
            }
        }
        (Value::Array(given), Value::Array(whole)) => {
            assert_eq!(given.len(), whole.len(), "{place}");
            given.iter().zip(whole).for_each(|(given, whole)| assert_within(given, whole, place));
        }
        _ => assert_eq!(given, whole, "{place}"),
    }
}

#[test]
fn requests_are_encoded_and_decoded_back() {
    for (file, message) in [
        ("ReaderConfig", "SET_READER_CONFIG"),
        ("ImpinjReaderConf", "GET_READER_CONFIG_RESPONSE"),
        ("ImpinjCap", "GET_READER_CAPABILITIES_RESPONSE"),
    ] {
        let json = read_json(&data(&format!("requests/{file}.json")));
        let written = Message::from_json(message, &json, Version::V1_1, 1).unwrap_or_else(|error| panic!("{error}"));
        let bytes = written.encode().unwrap();
        let read = Message::decode(&bytes).unwrap();
        assert_eq!(Value::from(read.content.to_json()), json, "{file}");
        assert_eq!(read, written);
    }
    for parameter in ["ROSpec", "AccessSpec"] {
        let json = read_json(&data(&format!("requests/{parameter}.json")));
        let written = Node::parameter_from_json(parameter, &json).unwrap_or_else(|error| panic!("{error}"));
        let read = Node::decode_parameter(parameter, &written.encode().unwrap()).unwrap();
        assert_eq!(read, written);
        assert_within(&json, &Value::from(read.to_json()), parameter);
        let add =
            Message::from_json(&format!("Add{parameter}"), &json!({parameter: json}), Version::V1_0_1, 2).unwrap();
        assert_eq!(Message::decode(&add.encode().unwrap()).unwrap(), add);
    }
}

#[test]
fn the_fast_way_reads_what_the_tree_reads() {
    for (path, number, payload, fields) in recordings() {
        if number != 61 {
            continue;
        }
        let reports: Vec<_> = TagReports::new(&payload).map(Result::unwrap).collect();
        let tags = fields["TagReportData"].as_array().unwrap();
        assert_eq!(reports.len(), tags.len(), "{}", path.display());
        for (report, tag) in reports.iter().zip(tags) {
            assert_eq!(report.antenna.map(u64::from), tag["AntennaID"].as_u64());
            assert_eq!(report.peak_rssi_dbm.map(i64::from), tag["PeakRSSI"].as_i64());
            assert_eq!(report.first_seen, tag["FirstSeenUTC"].as_u64().map(Seen::Utc));
            assert_eq!((report.epc_bits, report.epc.len()), (96, 12));
        }
    }
}

/// Numbers that look random and are the same on every run (SplitMix64).
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from(mixed >> 33).expect("31 bits") % limit.max(1)
    }
}

fn damaged(valid: &[u8], random: &mut Random) -> Vec<u8> {
    let mut bytes = valid.to_vec();
    for _ in 0..=random.below(3) {
        let at = random.below(bytes.len());
        let to = (at + random.below(12)).min(bytes.len());
        match random.below(4) {
            0 => drop(bytes.drain(at..to)),
            1 => {
                let copy = bytes[at..to].to_vec();
                let place = random.below(bytes.len());
                drop(bytes.splice(place..place, copy));
            }
            2 => {
                if let Some(byte) = bytes.get_mut(at) {
                    *byte = [0, 1, 2, 3, 4, 0x7f, 0x80, 0xff][random.below(8)];
                }
            }
            _ => {
                if let Some(byte) = bytes.get_mut(at) {
                    *byte ^= 1 << random.below(8);
                }
            }
        }
    }
    bytes
}

/// What is read is written as bytes that are read as the same, and the fast way agrees about tags.
fn assert_holds_together(number: u16, payload: &[u8]) -> bool {
    let fast: Result<Vec<_>, _> = TagReports::new(payload).collect();
    let node = match llrp::decode_content(number, payload, 0) {
        Ok(node) => node,
        Err(error) => {
            assert!(error.byte <= payload.len(), "{error}");
            return false;
        }
    };
    let bytes = node.encode().unwrap();
    assert_eq!(bytes.len(), payload.len());
    assert_eq!(llrp::decode_content(number, &bytes, 0).unwrap(), node);
    let name = llrp::message(number).unwrap().name;
    let json = Value::from(node.to_json());
    let written = Message::from_json(name, &json, Version::V1_1, 0).unwrap_or_else(|error| panic!("{error} in {json}"));
    assert_eq!(Value::from(written.content.to_json()), json);
    if number == 61 {
        let tags = node.children("TagReportData").count();
        assert_eq!(fast.map(|reports| reports.len()), Ok(tags));
    }
    true
}

#[test]
fn damaged_messages_are_refused_with_their_place_or_hold_together() {
    let mut random = Random(7);
    let mut good = 0;
    let mut valid: Vec<(u16, Vec<u8>)> =
        recordings().into_iter().map(|(_, number, payload, _)| (number, payload)).collect();
    for (file, name) in
        [("ROSpec", "AddROSpec"), ("AccessSpec", "AddAccessSpec"), ("ImpinjCap", "GetReaderCapabilitiesResponse")]
    {
        let json = read_json(&data(&format!("requests/{file}.json")));
        let json = if name.starts_with("Add") { json!({file: json}) } else { json };
        let message = Message::from_json(name, &json, Version::V1_0_1, 0).unwrap();
        valid.push((message.definition().number, message.content.encode().unwrap()));
    }
    for _ in 0..1_500 {
        for (number, payload) in &valid {
            let bytes = damaged(payload, &mut random);
            good += usize::from(assert_holds_together(*number, &bytes));
            let _ = llrp::reports(&bytes, None);
            let _ = llrp::report(&bytes, Some("ROAccessReport"));
        }
    }
    assert!(good > 1_000, "{good} were still good");
}

#[test]
fn garbage_is_refused_whatever_message_it_is_taken_for() {
    let mut random = Random(8);
    for _ in 0..2_000 {
        let bytes: Vec<u8> = (0..random.below(60)).map(|_| u8::try_from(random.below(256)).unwrap()).collect();
        for message in llrp::messages() {
            let _ = llrp::decode_content(message.number, &bytes, 0).map(|node| node.to_json());
        }
        let _ = TagReports::new(&bytes).count();
        let _ = llrp::report(&bytes, None);
        let mut splitter = Splitter::new(100);
        splitter.push(&bytes);
        while let Ok(Some(_)) = splitter.next_frame() {}
    }
}

#[test]
fn parameters_deep_in_each_other_are_refused() {
    // ParameterError may hold itself.
    let mut inner = vec![1, 33, 0, 8, 0, 0, 0, 0];
    for _ in 0..1_000 {
        let length = u16::try_from(inner.len() + 8).unwrap().to_be_bytes();
        inner = [&[1, 33, length[0], length[1], 0, 0, 0, 0][..], &inner].concat();
    }
    let length = u16::try_from(inner.len() + 8).unwrap().to_be_bytes();
    let status = [&[1, 31, length[0], length[1], 0, 0, 0, 0][..], &inner].concat();
    assert_eq!(llrp::decode_content(100, &status, 0).unwrap_err().code, "too_deep");
}

#[test]
fn json_that_can_not_be_sent_is_refused_by_its_member() {
    let check = |message, json: Value, expect: &str| {
        let error = Message::from_json(message, &json, Version::V1_0_1, 0).unwrap_err();
        assert_eq!(error.to_string(), expect);
    };
    check("Nothing", json!({}), "'Nothing' at byte 0: there is no such message");
    check("DELETE_ROSPEC", json!(5), "DELETE_ROSPEC at byte 0: it must be an object, not '5'");
    check(
        "DELETE_ROSPEC",
        json!({"ROSpecId": 5}),
        "DELETE_ROSPEC at byte 0: the member 'ROSpecId' is not known; 'ROSpecID' is near",
    );
    check(
        "DELETE_ROSPEC",
        json!({"ROSpecID": 4_294_967_296_u64}),
        "DELETE_ROSPEC.ROSpecID at byte 0: '4294967296' is not a whole number of at most 32 bits",
    );
    check(
        "RO_ACCESS_REPORT",
        json!({"TagReportData": [{"EPC96": {"EPC": "AAAA"}}]}),
        "RO_ACCESS_REPORT.TagReportData[0].EPC96.EPC at byte 0: '\"AAAA\"' is not 12 bytes in base64",
    );
    check(
        "RO_ACCESS_REPORT",
        json!({"TagReportData": [{}]}),
        "RO_ACCESS_REPORT.TagReportData[0] at byte 0: EPCData or EPC96 is missing",
    );
    check(
        "RO_ACCESS_REPORT",
        json!({"TagReportData": [{"EPCData": {"EPCNumBits": 9, "EPC": "AA=="}}]}),
        "RO_ACCESS_REPORT.TagReportData[0].EPCData.EPCNumBits at byte 0: it does not fit the 1 bytes given",
    );
    let long = Message::from_json(
        "ERROR_MESSAGE",
        &json!({"LLRPStatus": {"ErrorDescription": "x".repeat(70_000)}}),
        Version::V1_0_1,
        0,
    );
    assert_eq!(long.unwrap().encode().unwrap_err().code, "too_long");
}
