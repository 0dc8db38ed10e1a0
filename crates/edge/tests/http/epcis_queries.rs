//! Queries of EPCIS events: by parameters, in pages, by browsing and by name.

use crate::epcis::{DEPOT, ROOT, SHOP, document, encoded, events_of, object};
use crate::support::{SECOND, Server};
use http_body_util::Full;
use serde_json::{Value, json};
use wire::epcis::{Limits, Query};

/// A site with events of every type and most members.
async fn with_events() -> Server {
    let server = Server::start().await;
    let serial = |number: u32| format!("urn:epc:id:sgtin:4012345.011111.{number}");
    let events = [
        object(
            "o1",
            "ADD",
            "commissioning",
            json!({"epcList": [serial(1), serial(2)], "disposition": "active",
            "readPoint": {"id": SHOP}, "bizLocation": {"id": SHOP},
            "bizTransactionList": [{"type": "po", "bizTransaction": "urn:epc:id:gdti:0614141.00001.1618034"}],
            "sourceList": [{"type": "location", "source": DEPOT}], "destinationList": [{"type": "location", "destination": SHOP}],
            "persistentDisposition": {"set": ["completeness_verified"], "unset": ["completeness_inferred"]},
            "ilmd": {"cbvmda:lotNumber": "L1"}}),
        ),
        object(
            "o2",
            "OBSERVE",
            "shipping",
            json!({"eventTime": "2026-02-16T11:00:00Z", "epcList": [serial(2)], "disposition": "in_transit",
            "readPoint": {"id": SHOP}, "quantityList": [{"epcClass": "urn:epc:class:lgtin:4012345.012345.998877", "quantity": 200, "uom": "KGM"}]}),
        ),
        json!({"type": "AggregationEvent", "eventID": "urn:a1", "eventTime": "2026-02-16T12:00:00Z", "eventTimeZoneOffset": "+00:00",
            "action": "ADD", "bizStep": "packing", "parentID": "urn:epc:id:sscc:4012345.1234567890", "childEPCs": [serial(1)], "bizLocation": {"id": DEPOT}}),
        json!({"type": "TransformationEvent", "eventID": "urn:t1", "eventTime": "2026-02-16T13:00:00Z", "eventTimeZoneOffset": "+00:00",
            "transformationID": "urn:epc:id:gdti:0614141.00002.7", "inputEPCList": [serial(2)], "outputEPCList": [serial(9)],
            "outputQuantityList": [{"epcClass": "urn:epc:idpat:sgtin:4012345.022222.*", "quantity": 3}],
            "inputQuantityList": [{"epcClass": "urn:epc:idpat:sgtin:4012345.033333.*", "quantity": 4}]}),
        object(
            "s1",
            "OBSERVE",
            "sensor_reporting",
            json!({"eventTime": "2026-02-16T14:00:00Z", "epcList": [serial(3)],
            "sensorElementList": [{"sensorMetadata": {"time": "2026-02-16T13:59:00Z", "startTime": "2026-02-16T13:00:00Z", "endTime": "2026-02-16T13:59:00Z", "deviceID": "urn:epc:id:giai:4000001.111", "dataProcessingMethod": "https://example.com/average", "bizRules": "https://example.com/rules"},
              "sensorReport": [{"type": "Temperature", "value": 26.0, "uom": "CEL"}, {"type": "AbsoluteHumidity", "stringValue": "wet", "booleanValue": true, "hexBinaryValue": "f0f0f0", "uriValue": "https://example.com/x"}]}]}),
        ),
        object(
            "e1",
            "OBSERVE",
            "inspecting",
            json!({"eventTime": "2026-02-16T15:00:00Z", "epcList": [serial(4)],
            "errorDeclaration": {"declarationTime": "2026-02-16T16:00:00Z", "reason": "incorrect_data", "correctiveEventIDs": ["urn:e2"]}}),
        ),
        object(
            "x1",
            "DELETE",
            "https://example.com/steps/melting",
            json!({"eventTime": "2026-02-16T17:00:00Z", "epcList": [serial(5)], "ex:heat": 900}),
        ),
    ];
    let mut whole: Value = serde_json::from_str(&document(&events)).unwrap();
    whole["@context"] = json!([whole["@context"], {"ex": "https://example.com/", "cbvmda": "urn:epcglobal:cbv:mda"}]);
    let job = server.capture(whole.to_string()).await;
    assert_eq!((&job["success"], &job["captured"]), (&json!(true), &json!(events.len())), "{job}");
    server
}

#[tokio::test]
async fn each_parameter_finds_what_it_says() {
    let server = with_events().await;
    let serial = |number: u32| format!("urn:epc:id:sgtin:4012345.011111.{number}");
    let cases: Vec<(String, &[&str])> = vec![
        ("eventType=ObjectEvent".into(), &["o1", "o2", "s1", "e1", "x1"]),
        ("eventType=AggregationEvent%7CTransformationEvent".into(), &["a1", "t1"]),
        ("GE_eventTime=2026-02-16T13:00:00Z".into(), &["t1", "s1", "e1", "x1"]),
        ("LT_eventTime=2026-02-16T11:00:00Z".into(), &["o1"]),
        ("GE_recordTime=2026-02-16T10:00:00Z&eventType=TransformationEvent".into(), &["t1"]),
        ("LT_recordTime=2026-02-16T10:00:00Z".into(), &[]),
        ("EQ_action=ADD".into(), &["o1", "a1"]),
        ("EQ_bizStep=shipping".into(), &["o2"]),
        ("EQ_bizStep=urn:epcglobal:cbv:bizstep:shipping".into(), &["o2"]),
        ("EQ_bizStep=https://example.com/steps/melting".into(), &["x1"]),
        ("EQ_disposition=active".into(), &["o1"]),
        ("EQ_persistentDisposition_set=completeness_verified".into(), &["o1"]),
        ("EQ_persistentDisposition_unset=completeness_inferred".into(), &["o1"]),
        (format!("EQ_readPoint={SHOP}"), &["o1", "o2"]),
        (format!("WD_readPoint={SHOP}"), &["o1", "o2"]),
        (format!("EQ_bizLocation={DEPOT}"), &["a1"]),
        ("EQ_bizLocation=https://example.com/414/4012345000023".into(), &["a1"]),
        ("EQ_bizTransaction_po=urn:epc:id:gdti:0614141.00001.1618034".into(), &["o1"]),
        (format!("EQ_source_location={DEPOT}"), &["o1"]),
        (format!("EQ_destination_location={SHOP}"), &["o1"]),
        ("EQ_transformationID=urn:epc:id:gdti:0614141.00002.7".into(), &["t1"]),
        (format!("MATCH_epc={}", serial(1)), &["o1", "a1"]),
        ("MATCH_epc=urn:epc:idpat:sgtin:4012345.011111.*".into(), &["o1", "o2", "a1", "s1", "e1", "x1"]),
        ("MATCH_parentID=urn:epc:id:sscc:4012345.1234567890".into(), &["a1"]),
        (format!("MATCH_inputEPC={}", serial(2)), &["t1"]),
        (format!("MATCH_outputEPC={}", serial(9)), &["t1"]),
        (format!("MATCH_anyEPC={}%7C{}", serial(2), serial(5)), &["o1", "o2", "t1", "x1"]),
        ("MATCH_epcClass=urn:epc:class:lgtin:4012345.012345.998877".into(), &["o2"]),
        ("MATCH_inputEPCClass=urn:epc:idpat:sgtin:4012345.033333.*".into(), &["t1"]),
        ("MATCH_outputEPCClass=urn:epc:idpat:sgtin:4012345.022222.*".into(), &["t1"]),
        ("MATCH_anyEPCClass=urn:epc:idpat:sgtin:4012345.022222.*".into(), &["t1"]),
        ("EQ_quantity=200".into(), &["o2"]),
        ("GT_quantity=3&LE_quantity=4".into(), &["t1"]),
        ("GE_quantity=200".into(), &["o2"]),
        ("LT_quantity=4".into(), &["t1"]),
        ("EQ_eventID=urn:o1%7Curn:t1".into(), &["o1", "t1"]),
        ("EXISTS_errorDeclaration=true".into(), &["e1"]),
        ("GE_errorDeclarationTime=2026-02-16T16:00:00Z".into(), &["e1"]),
        ("LT_errorDeclarationTime=2026-02-16T16:00:00Z".into(), &[]),
        ("EQ_errorReason=incorrect_data".into(), &["e1"]),
        ("EQ_correctiveEventID=urn:e2".into(), &["e1"]),
        ("EXISTS_sensorElementList=true".into(), &["s1"]),
        ("GE_startTime=2026-02-16T13:00:00Z".into(), &["s1"]),
        ("LT_startTime=2026-02-16T13:00:00Z".into(), &[]),
        ("GE_endTime=2026-02-16T13:59:00Z".into(), &["s1"]),
        ("LT_endTime=2026-02-16T14:00:00Z".into(), &["s1"]),
        ("EQ_type=Temperature".into(), &["s1"]),
        ("EQ_deviceID=urn:epc:id:giai:4000001.111".into(), &["s1"]),
        ("EQ_dataProcessingMethod=https://example.com/average".into(), &["s1"]),
        ("EQ_bizRules=https://example.com/rules".into(), &["s1"]),
        ("EQ_stringValue=wet".into(), &["s1"]),
        ("EQ_booleanValue=true".into(), &["s1"]),
        ("EQ_hexBinaryValue=f0f0f0".into(), &["s1"]),
        ("EQ_uriValue=https://example.com/x".into(), &["s1"]),
        ("EQ_microorganism=none".into(), &[]),
        ("EQ_chemicalSubstance=none".into(), &[]),
        ("GE_value_CEL=26".into(), &["s1"]),
        ("GE_https://example.com/%23heat=900".into(), &["x1"]),
        ("GE_https://example.com/%23heat=901".into(), &[]),
        ("orderBy=eventTime&eventCountLimit=2".into(), &["x1", "e1"]),
        ("orderBy=eventTime&orderDirection=ASC&eventCountLimit=2".into(), &["o1", "o2"]),
        ("orderBy=recordTime&eventType=ObjectEvent".into(), &["x1", "e1", "s1", "o2", "o1"]),
        ("maxEventCount=7".into(), &["o1", "o2", "a1", "t1", "s1", "e1", "x1"]),
    ];
    for (query, expect) in cases {
        assert_eq!(server.found_ids(&query).await, expect, "{query}");
    }
    let request = server
        .request("GET", &format!("{ROOT}/events?GE_ex:heat=900"))
        .header("gs1-extensions", "ex=https://example.com/");
    let answer = server.send(request.body(Full::default()).unwrap()).await;
    assert_eq!(events_of(&answer).len(), 1);
    let refused = |query: &'static str| {
        let server = &server;
        async move {
            let answer = server.get(&format!("{ROOT}/events?{query}")).await;
            (answer.status.as_u16(), answer.json()["type"].as_str().unwrap().rsplit(':').next().unwrap().to_owned())
        }
    };
    assert_eq!(refused("maxEventCount=6").await, (413, "QueryTooLargeException".into()));
    assert_eq!(refused("EQ_colour=red").await, (400, "QueryParameterException".into()));
    assert_eq!(refused("GE_eventTime=now").await, (400, "QueryParameterException".into()));
    assert_eq!(refused("nextPageToken=x").await, (400, "QueryParameterException".into()));
    server.stop().await;
}

#[tokio::test]
async fn pages_follow_one_another_whatever_the_order() {
    let server = Server::start().await;
    let at = |number: u32| format!("2026-02-16T10:{:02}:00Z", (number * 7) % 20);
    let events: Vec<Value> = (0..50)
        .map(|number| {
            object(
                &format!("n{number:02}"),
                "OBSERVE",
                "inspecting",
                json!({"eventTime": at(number), "ex:rank": number % 10,
                "epcList": [format!("urn:epc:id:sgtin:4012345.011111.{number}")]}),
            )
        })
        .collect();
    let mut whole: Value = serde_json::from_str(&document(&events)).unwrap();
    whole["@context"] = json!([whole["@context"], {"ex": "https://example.com/"}]);
    server.capture(whole.to_string()).await;
    for query in [
        "",
        "orderBy=eventTime",
        "orderBy=eventTime&orderDirection=ASC",
        "orderBy=recordTime",
        "orderBy=ex:rank",
        "orderBy=eventTime&eventCountLimit=33",
        "EQ_bizStep=inspecting&orderBy=ex:rank&eventCountLimit=44",
    ] {
        let expect: Vec<String> = {
            let answer = server.get(&format!("{ROOT}/events?perPage=1000&{query}")).await;
            assert_eq!(answer.header("link"), "", "{query}");
            events_of(&answer).iter().map(|event| event.event_id().unwrap().to_owned()).collect()
        };
        let count = query.rsplit_once("eventCountLimit=").map_or(50, |(_, count)| count.parse().unwrap());
        assert_eq!(expect.len(), count, "{query}");
        let mut paged = Vec::new();
        let mut path = format!("{ROOT}/events?perPage=7&{query}");
        loop {
            let answer = server.get(&path).await;
            let page = events_of(&answer);
            assert!((1..=7).contains(&page.len()), "{path}");
            paged.extend(page.iter().map(|event| event.event_id().unwrap().to_owned()));
            let link = answer.header("link");
            if link.is_empty() {
                break;
            }
            assert!(link.ends_with("; rel=\"next\"") && !answer.header("gs1-next-page-token-expires").is_empty());
            path = link.split(['<', '>']).nth(1).unwrap().to_owned();
        }
        assert_eq!(paged, expect, "{query}");
    }
    assert_eq!(server.found("").await.len(), 30, "a page has thirty events when nothing is said");
    server.stop().await;
}

#[tokio::test]
async fn what_there_is_can_be_browsed() {
    let server = with_events().await;
    let members = |path: &'static str| {
        let server = &server;
        async move {
            let shown = server.shown(&format!("{ROOT}/{path}")).await;
            let members = shown["member"].as_array().unwrap().iter();
            members.map(|member| member.as_str().unwrap().to_owned()).collect::<Vec<_>>()
        }
    };
    assert_eq!(members("").await.len(), 9);
    assert_eq!(
        members("eventTypes").await,
        ["AggregationEvent", "AssociationEvent", "ObjectEvent", "TransactionEvent", "TransformationEvent"]
    );
    assert_eq!(
        members("bizSteps").await,
        ["commissioning", "https://example.com/steps/melting", "inspecting", "packing", "sensor_reporting", "shipping"]
    );
    assert_eq!(members("dispositions").await, ["active", "in_transit"]);
    assert_eq!(
        members("bizLocations").await,
        ["https://id.gs1.org/414/4012345000016", "https://id.gs1.org/414/4012345000023"]
    );
    assert_eq!(members("readPoints").await, ["https://id.gs1.org/414/4012345000016"]);
    assert_eq!(members("epcs?perPage=1000").await.len(), 10);
    for (path, expect) in [
        ("eventTypes/ObjectEvent".to_owned(), 5),
        ("eventTypes/AssociationEvent".to_owned(), 0),
        ("bizSteps/urn:epcglobal:cbv:bizstep:shipping".to_owned(), 1),
        ("dispositions/active".to_owned(), 1),
        (format!("bizLocations/{SHOP}"), 1),
        (format!("readPoints/{}", encoded("https://id.gs1.org/414/4012345000016")), 2),
        ("epcs/urn:epc:id:sgtin:4012345.011111.2".to_owned(), 3),
        (format!("epcs/{}", encoded("https://id.gs1.org/01/04012345123456/10/998877")), 1),
    ] {
        assert_eq!(server.shown(&format!("{ROOT}/{path}")).await["member"], json!(["events"]), "{path}");
        let answer = server.get(&format!("{ROOT}/{path}/events")).await;
        assert_eq!(events_of(&answer).len(), expect, "{path}");
    }
    let absent = server.get(&format!("{ROOT}/bizSteps/staging/events")).await;
    assert_eq!(
        (absent.status.as_u16(), &absent.json()["type"]),
        (404, &json!("epcisException:NoSuchResourceException"))
    );
    let page = server.get(&format!("{ROOT}/epcs?perPage=4")).await;
    let next = page.header("link").split(['<', '>']).nth(1).unwrap().to_owned();
    assert_ne!(server.shown(&next).await["member"][0], page.json()["member"][3]);
    server.stop().await;
}

#[tokio::test]
async fn versions_and_forms_are_negotiated() {
    let server = with_events().await;
    for (path, allow) in [
        ("", "OPTIONS, GET"),
        ("/capture", "OPTIONS, GET, POST"),
        ("/capture/x", "OPTIONS, GET"),
        ("/events", "OPTIONS, GET, POST"),
        ("/events/x", "OPTIONS, GET"),
        ("/epcs", "OPTIONS, GET"),
        ("/bizSteps/x", "OPTIONS, GET"),
        ("/readPoints/x/events", "OPTIONS, GET"),
        ("/queries", "OPTIONS, GET, POST"),
        ("/queries/x", "OPTIONS, GET, DELETE"),
        ("/queries/x/events", "OPTIONS, GET"),
    ] {
        let request = server.request("OPTIONS", &format!("{ROOT}{path}"));
        let answer = server.send(request.body(Full::default()).unwrap()).await;
        assert_eq!((answer.status.as_u16(), answer.header("allow")), (204, allow), "{path}");
        assert_eq!((answer.header("gs1-epcis-version"), answer.header("gs1-epcis-max")), ("2.0.0", "2.0.0"), "{path}");
        assert!(answer.header("gs1-vendor-version").starts_with("stocktide-"));
    }
    let ask = |name: &'static str, value: &'static str| {
        let request = server.request("GET", &format!("{ROOT}/events")).header(name, value);
        server.send(request.body(Full::default()).unwrap())
    };
    assert_eq!(ask("gs1-epcis-min", "2.0").await.status, 200);
    let refused = ask("gs1-epcis-max", "1.2.0").await;
    assert_eq!(
        (refused.status.as_u16(), &refused.json()["type"]),
        (406, &json!("epcisException:NotAcceptableException"))
    );
    assert_eq!(ask("gs1-epcis-min", "3.0.0").await.status, 406);
    assert_eq!(ask("gs1-epc-format", "Never_Translates").await.status, 200);
    assert_eq!(ask("gs1-epc-format", "Always_EPC_URN").await.status, 406);
    assert_eq!(ask("accept", "text/html").await.status, 406);
    assert_eq!(ask("accept", "application/ld+json").await.header("content-type"), "application/ld+json");
    let xml = ask("accept", "text/html, application/xml;q=0.9, */*;q=0.1").await;
    assert_eq!((xml.header("content-type"), events_of(&xml).len()), ("application/xml", 7));
    let image = server.post_as(&format!("{ROOT}/capture"), "image/png", "x").await;
    assert_eq!(
        (image.status.as_u16(), &image.json()["type"]),
        (415, &json!("epcisException:UnsupportedMediaTypeException"))
    );
    server.stop().await;
}

#[tokio::test]
async fn named_queries_are_kept_and_answered_after_a_loss_of_the_index() {
    let server = with_events().await;
    let body = json!({"name": "on the way", "query": {"EQ_disposition": ["in_transit"], "eventType": ["ObjectEvent"]}});
    let answer = server.post(&format!("{ROOT}/queries"), body.to_string()).await;
    assert_eq!((answer.status.as_u16(), answer.header("location")), (201, "/epcis/v2/queries/on%20the%20way"));
    let again = server.post(&format!("{ROOT}/queries"), body.to_string()).await;
    assert_eq!(again.json()["type"], "epcisException:ResourceAlreadyExistsException");
    let wrong = json!({"name": "x", "query": {"EQ_colour": ["red"]}});
    let wrong = server.post(&format!("{ROOT}/queries"), wrong.to_string()).await;
    assert_eq!((wrong.status.as_u16(), &wrong.json()["type"]), (400, &json!("epcisException:QueryParameterException")));
    let path = format!("{ROOT}/queries/on%20the%20way");
    assert_eq!(server.shown(&path).await["query"], body["query"]);

    server.set_clock(SECOND);
    let before = (server.get(&format!("{ROOT}/events")).await.text(), server.shown(&format!("{path}/events")).await);
    let server = server.restart(true).await;
    let after = (server.get(&format!("{ROOT}/events")).await.text(), server.shown(&format!("{path}/events")).await);
    assert_eq!(after, before);
    assert_eq!(after.1["epcisBody"]["queryResults"]["queryName"], "on the way");
    assert_eq!(events_of(&server.get(&format!("{path}/events?perPage=1")).await)[0].event_id(), Some("urn:o2"));
    assert_eq!(server.shown(&format!("{ROOT}/queries")).await.as_array().unwrap().len(), 1);
    let deleted = server.send(server.request("DELETE", &path).body(Full::default()).unwrap()).await;
    assert_eq!(deleted.status, 204);
    let gone = server.get(&format!("{path}/events")).await;
    assert_eq!((gone.status.as_u16(), &gone.json()["type"]), (404, &json!("epcisException:NoSuchNameException")));
    let parsed = Query::from_json(&body.to_string(), &Limits::default()).unwrap();
    assert_eq!(parsed.hints().dispositions, Some(vec!["in_transit".to_owned()]));
    server.stop().await;
}
