//! The specification's example payloads, written as JSON there and read here as a host reads them.

use crate::emulator::{Listener, START};
use serde_json::Value as Json;
use wire::sparkplug::message::{Metric, MetricValue};
use wire::sparkplug::{DataType, FactKind, Payload, decode, encode};

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data/sparkplug_b/payload_json");

/// An example by its number; `None`, with a note, when the examples are not there.
fn example(number: u8) -> Option<Payload> {
    let path = format!("{FOLDER}/Sparkplug_6_Payloads_{number}.json");
    let Ok(text) = std::fs::read_to_string(&path) else {
        eprintln!("skipped: the specification's examples are not there ({path})");
        return None;
    };
    let json: Json = serde_json::from_str(&text.replace('\u{a0}', " ")).unwrap();
    let metrics = json["metrics"].as_array().unwrap().iter().map(metric).collect();
    let payload =
        Payload { timestamp: json["timestamp"].as_u64(), seq: json["seq"].as_u64(), metrics, ..Payload::default() };
    let read = decode(&encode(&payload)).unwrap();
    assert_eq!(read, payload);
    Some(read)
}

fn metric(json: &Json) -> Metric {
    let name = json["dataType"].as_str().unwrap();
    let datatype = DataType::ALL.iter().find(|datatype| datatype.name() == name).unwrap();
    let value = &json["value"];
    let value = match datatype {
        DataType::Int64 | DataType::UInt64 => MetricValue::Long(value.as_u64().unwrap()),
        DataType::Boolean => MetricValue::Boolean(value.as_bool().unwrap()),
        DataType::Float => MetricValue::Float(value.to_string().parse().unwrap()),
        DataType::String => MetricValue::Text(value.as_str().unwrap().to_owned()),
        other => panic!("no example has {other:?}"),
    };
    Metric {
        name: json["name"].as_str().map(str::to_owned),
        timestamp: json["timestamp"].as_u64(),
        datatype: Some(datatype.number()),
        value: Some(value),
        ..Metric::default()
    }
}

/// tck-id-payloads-nbirth-timestamp, tck-id-topics-nbirth-timestamp, tck-id-payloads-ndata-timestamp,
/// tck-id-payloads-nbirth-bdseq-repeat
#[test]
fn the_examples_are_a_life_of_an_edge_node() {
    let (Some(birth), Some(data), Some(death)) = (example(3), example(5), example(9)) else { return };
    let mut listener = Listener::new();
    listener.hear("NBIRTH/pi", &birth).unwrap();
    assert_eq!(listener.facts(), [(None, FactKind::Born { bd_seq: Some(0) })]);
    assert_eq!(listener.shown().last().unwrap(), "Supply Voltage=Some(Float(12.1))");
    assert_eq!(listener.shown().len(), 5, "what it is and its voltage; no switches and no bdSeq");
    listener.hear("NDATA/pi", &Payload { seq: Some(1), ..data }).unwrap();
    assert_eq!(listener.shown(), ["Supply Voltage=Some(Float(12.3))"]);
    assert!(listener.readings()[0].at.0 < START);
    listener.hear("NDEATH/pi", &death).unwrap();
    assert_eq!(listener.facts(), [(None, FactKind::Died)]);
}

/// tck-id-operational-behavior-data-commands-ncmd-metric-name
#[test]
fn the_example_of_a_rebirth_request_is_what_the_host_sends() {
    let Some(example) = example(7) else { return };
    let mut listener = Listener::new();
    listener.hear("NDATA/pi", &Payload { seq: Some(4), ..Payload::default() }).unwrap();
    let sent = decode(&listener.published()[0].payload).unwrap();
    let bare = |payload: &Payload| (payload.seq, payload.metrics[0].name.clone(), payload.metrics[0].value.clone());
    assert_eq!(bare(&sent), bare(&example));
}

/// tck-id-topic-structure-namespace-a, tck-id-topic-structure-namespace-device-id-non-associated-message-types,
/// tck-id-topic-structure-namespace-valid-device-id, tck-id-topics-ndata-topic, tck-id-topics-ddata-topic,
/// tck-id-topics-dbirth-topic, tck-id-topics-dcmd-topic
#[test]
fn topics_are_read_or_refused_with_the_reason() {
    use wire::sparkplug::{Topic, is_id};
    for good in ["NBIRTH/n", "NDEATH/n", "NDATA/n", "NCMD/n", "DBIRTH/n/d", "DDEATH/n/d", "DDATA/n/d", "DCMD/n/d"] {
        Topic::parse(&format!("spBv1.0/g/{good}")).unwrap();
    }
    assert_eq!(Topic::parse("spBv1.0/STATE/host").unwrap(), Topic::State { host: "host" });
    let check = |topic: &str, why: &str| {
        let error = Topic::parse(topic).unwrap_err().to_string();
        assert!(error.contains(why), "{error}");
    };
    check("spAv1.0/g/NDATA/n", "does not begin with 'spBv1.0/'");
    check("STATE/host", "does not begin with 'spBv1.0/'");
    check("spBv1.0/g/NDATA", "fewer levels");
    check("spBv1.0/g/NDATA/n/d", "an edge node, and it names a device");
    check("spBv1.0/g/DDATA/n", "a device, and it names none");
    check("spBv1.0/g/DDATA/n/d/e", "more levels");
    check("spBv1.0/g/XDATA/n", "none of NBIRTH");
    check("spBv1.0/g//n", "a level is empty");
    check("spBv1.0/+/NDATA/n", "'+'");
    check("spBv1.0/STATE/a/b", "a STATE topic");
    assert!(is_id("dock 1") && !is_id("") && !is_id("a/b") && !is_id("a+"));
}
