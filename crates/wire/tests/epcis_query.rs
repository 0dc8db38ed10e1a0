//! The simple event query: parameters in every spelling, and what they match.
#![expect(clippy::unwrap_used, reason = "a case that can't be read fails the test")]

use std::path::Path;
use wire::epcis::{Event, Limits, PARAMETER_EXCEPTION, Query, read, report, reports};

fn data(name: &str) -> Vec<u8> {
    std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/epcis/openepcis/2.0/EPCIS").join(name))
        .unwrap()
}

fn events(name: &str) -> Vec<Event> {
    read(&data(name), &Limits::default()).document.unwrap().events
}

fn query(pairs: &[(&str, &str)]) -> Query {
    let namespaces = [("example".to_owned(), "http://ns.example.com/epcis/".to_owned())];
    Query::from_pairs(pairs.iter().copied(), &namespaces).unwrap_or_else(|problems| panic!("{problems:?}"))
}

/// Checks each parameter alone on one event.
fn check(event: &Event, cases: &[(&str, &str, bool)]) {
    for (name, value, expect) in cases {
        assert_eq!(query(&[(name, value)]).matches(event), *expect, "{name}={value}");
    }
}

#[test]
fn each_parameter_matches_what_it_asks_for() {
    let all = &events("JSON/Capture/Documents/ObjectEvent_all_possible_fields.json")[0];
    check(
        all,
        &[
            ("eventType", "ObjectEvent|AggregationEvent", true),
            ("eventType", "AggregationEvent", false),
            ("GE_eventTime", "2005-04-05T02:33:31.116Z", true),
            ("GE_eventTime", "2005-04-05T02:33:31.117Z", false),
            ("LT_eventTime", "2005-04-05T02:33:31.116Z", false),
            ("LT_eventTime", "2005-04-05T04:33:31.117+02:00", true),
            ("GE_recordTime", "2000-01-01T00:00:00Z", false),
            ("EQ_action", "ADD", true),
            ("EQ_action", "OBSERVE|DELETE", false),
            ("EQ_bizStep", "urn:epcglobal:cbv:bizstep:receiving", true),
            ("EQ_bizStep", "https://ref.gs1.org/cbv/BizStep-shipping", false),
            ("EQ_disposition", "in_progress", true),
            ("EQ_persistentDisposition_set", "completeness_verified", true),
            ("EQ_persistentDisposition_unset", "completeness_verified", false),
            ("EQ_readPoint", "https://id.gs1.org/414/0012345111112/254/400", true),
            ("WD_bizLocation", "urn:epc:id:sgln:0012345.11111.0", true),
            ("EQ_bizLocation", "urn:epc:id:sgln:0012345.11111.400", false),
            ("EQ_bizTransaction_po", "urn:epc:id:gdti:0614141.00001.1618034", true),
            ("EQ_bizTransaction_urn:epcglobal:cbv:btt:po", "https://id.gs1.org/253/06141410000121618034", true),
            ("EQ_bizTransaction_inv", "urn:epc:id:gdti:0614141.00001.1618034", false),
            ("EQ_source_location", "urn:epc:id:sgln:4012345.00225.0", true),
            ("EQ_destination_owning_party", "urn:epc:id:pgln:0614141.00777", true),
            ("EQ_transformationID", "urn:x:1", false),
            ("MATCH_epc", "https://id.gs1.org/01/10614141073464/21/2018", true),
            ("MATCH_epc", "urn:epc:idpat:sgtin:0614141.107346.*", true),
            ("MATCH_epc", "urn:epc:idpat:sgtin:0614141.107347.*", false),
            ("MATCH_anyEPC", "urn:epc:id:sgtin:0614141.107346.2018", true),
            ("MATCH_parentID", "urn:epc:id:sgtin:0614141.107346.2018", false),
            ("MATCH_inputEPC", "urn:epc:id:sgtin:0614141.107346.2018", false),
            ("MATCH_epcClass", "urn:epc:class:lgtin:4012345.012345.998877", true),
            ("MATCH_outputEPCClass", "urn:epc:class:lgtin:4012345.012345.998877", false),
            ("EQ_quantity", "200", true),
            ("GT_quantity", "200", false),
            ("GE_quantity_KGM", "200", true),
            ("GE_quantity_GRM", "200", false),
            ("LE_quantity", "199.5", false),
            ("EQ_eventID", "urn:uuid:374d95fc-9457-4a51-bd6a-0bba133845a8", true),
            ("EXISTS_errorDeclaration", "", true),
            ("GE_errorDeclarationTime", "2006-11-07T13:00:00Z", true),
            ("LT_errorDeclaration_Time", "2006-11-07T13:00:00Z", false),
            ("EQ_errorReason", "incorrect_data", true),
            ("EQ_correctiveEventID", "urn:x", false),
            ("EXISTS_sensorElementList", "", true),
            ("EQ_type", "https://gs1.org/voc/Temperature", true),
            ("EQ_type", "Speed", false),
            ("GE_value_CEL", "26", true),
            ("GT_value", "26", false),
            ("LE_meanValue_CEL", "13.2", true),
            ("GT_percRank", "49.5", true),
            ("EQ_booleanValue", "true", true),
            ("EQ_stringValue", "SomeString", true),
            ("EQ_deviceID", "https://id.gs1.org/8004/4000001111", true),
            ("GE_startTime", "2019-04-02T12:55:01Z", true),
            ("LT_time", "2019-01-01T00:00:00Z", false),
            ("EQ_ILMD_cbvmda:lotNumber", "ABC123|X", true),
            ("GT_ILMD_cbvmda:grossWeight", "3", true),
            ("EXISTS_ILMD_cbvmda:none", "", false),
            ("EQ_http://example.com/ext1/#int", "10", true),
            ("LT_http://example.com/ext1/#int", "10", false),
            ("EXISTS_INNER_http://example.com/ext3/#string", "", true),
            ("EXISTS_http://example.com/ext3/#string", "", false),
            ("EQ_INNER_ILMD_http://example.com/ext2/#array", "23", true),
            ("EQ_SENSORMETADATA_http://example.com/ext1/#someFurtherMetadata", "someText", true),
            ("EXISTS_SENSORREPORT_http://example.com/ext1/#someFurtherReportData", "", true),
            ("HASATTR_readPoint", "cbvmda:x", false),
            ("EQATTR_readPoint_cbvmda:x", "y", false),
        ],
    );
    let aggregated = &events("JSON/Capture/Events/AggregationEvent.json")[0];
    check(
        aggregated,
        &[
            ("MATCH_parentID", "urn:epc:idpat:sgtin:952001.*.*", true),
            ("MATCH_epc", "urn:epc:id:sgtin:9520001.012346.10000001001", true),
            ("EXISTS_errorDeclaration", "", false),
        ],
    );
}

#[test]
fn query_documents_are_read_in_json_and_xml() {
    let json = String::from_utf8(data("JSON/Query/Queries/SimpleEventQuery.json")).unwrap();
    let query = Query::from_json(&json, &Limits::default()).unwrap();
    assert_eq!(
        (query.event_count_limit, query.order_by.as_deref(), query.ascending),
        (Some(100), Some("eventTime"), false)
    );
    let hints = query.hints();
    assert_eq!(hints.biz_steps, Some(vec!["shipping".to_owned()]));
    assert_eq!(hints.identifiers, [["https://id.gs1.org/01/09521141012345/21/2017"]]);
    assert!(hints.event_time_micros.0 < hints.event_time_micros.1);
    let text = String::from_utf8(data("XML/Query/Queries/SimpleEventQuery.xml")).unwrap();
    let from_xml = Query::from_xml(&text, &Limits::default()).unwrap();
    assert_eq!(from_xml.hints().identifiers, hints.identifiers);
    assert_eq!(from_xml.hints().event_types, hints.event_types);
    let text = text.replace("SimpleEventQuery</queryName>", "OtherQuery</queryName>");
    assert_eq!(Query::from_xml(&text, &Limits::default()).unwrap_err()[0].code, "NoSuchNameException");
}

#[test]
fn everything_wrong_with_parameters_is_told() {
    let json = String::from_utf8(data("JSON/Query/Queries/Invalid/Query_with_invalid_values.json")).unwrap();
    let problems = Query::from_json(&json, &Limits::default()).unwrap_err();
    let names: Vec<&str> = problems.iter().map(|problem| problem.path.as_str()).collect();
    assert_eq!(names, ["GE_eventTime", "EQ_action", "orderDirection"]);
    assert!(problems.iter().all(|problem| problem.code == PARAMETER_EXCEPTION));
    for pair in [
        ("EQ_bizSteps", "shipping"),
        ("XX_action", "ADD"),
        ("action", "ADD"),
        ("GT_quantity", "many"),
        ("GT_quantity", "1|2"),
        ("maxEventCount", "-1"),
        ("perPage", "0"),
        ("eventType", "NoEvent"),
        ("MATCH_epc", "urn:epc:idpat:sgtin:x"),
        ("GE_eventTime", "2026-01-01T00:00:00Z|2026-01-01T00:00:00Z"),
        ("GT_bizTransaction_po", "x"),
        ("EQ_", "x"),
    ] {
        assert!(Query::from_pairs([pair], &[]).is_err(), "{pair:?}");
    }
    assert!(Query::from_pairs([("eventCountLimit", "1"), ("maxEventCount", "2")], &[]).is_err());
}

#[test]
fn events_are_found_by_the_hints_of_every_query_that_matches_them() {
    let events = events("JSON/Query/SensorData_with_combined_events.json");
    for event in &events {
        for id in event.identifiers() {
            let query = query(&[("MATCH_anyEPC", &id)]);
            let hints = query.hints().identifiers;
            for other in events.iter().filter(|other| query.matches(other)) {
                let own = other.identifiers();
                assert!(hints.iter().all(|list| list.iter().any(|id| own.contains(id))), "{id}");
            }
        }
    }
    let mut ordered: Vec<&Event> = events.iter().collect();
    let by_time = query(&[("orderBy", "eventTime"), ("orderDirection", "ASC")]);
    ordered.sort_by(|first, second| by_time.order(first, second));
    assert!(ordered.is_sorted_by_key(|event| event.event_time().unwrap().micros));
}

#[test]
fn reports_tell_everything_of_each_event() {
    let all = reports(&data("JSON/Capture/Documents/SensorData_with_combined_events.json"));
    assert!(all.len() > 5);
    assert!(all.iter().all(|report| report["verdict"] == "valid" && report.contains_key("hash")));
    let one = report(&data("XML/Capture/Documents/AggregationEvent_with_userExtensions.xml"));
    assert_eq!((&one["verdict"], &one["type"]), (&"valid".into(), &"AggregationEvent".into()));
    let one = report(&data("XML/Capture/Invalid/ObjectEvent_with_unknown_element.xml"));
    assert_eq!(one["verdict"], "invalid");
    assert_eq!(one["problems"][0]["path"], "EPCISBody/EventList/0/madeUpField");
    let one = report(b"nothing");
    assert_eq!((&one["verdict"], &one["problems"][0]["code"]), (&"invalid".into(), &"invalid_json".into()));
}
