//! Births, deaths, and what the host itself says.

use crate::emulator::{Listener, SECOND, START, aliased, bd_seq, by_alias, metric, payload};
use ledger::Timestamp;
use wire::sparkplug::message::{Metric, MetricValue, Template};
use wire::sparkplug::{DataType, Error, FactKind, Host, HostSettings, Output, Payload, decode};

/// tck-id-topics-nbirth-metrics, tck-id-topics-nbirth-bdseq-included, tck-id-payloads-nbirth-seq,
/// tck-id-topics-dbirth-metric-reqs, tck-id-payloads-metric-datatype-req
#[test]
fn a_birth_gives_the_value_of_every_metric_and_whose_it_is() {
    let mut listener = Listener::new();
    let control = metric("Node Control/Rebirth", DataType::Boolean, MetricValue::Boolean(false));
    listener.hear("NBIRTH/dock", &payload(0, vec![bd_seq(3), control, aliased("level", 1, 1.5)])).unwrap();
    assert_eq!(listener.facts(), [(None, FactKind::Born { bd_seq: Some(3) })]);
    assert_eq!(listener.shown(), ["level=Some(Double(1.5))"]);
    assert!(listener.readings()[0].is_of_birth);
    assert_eq!(listener.readings()[0].at, Timestamp(START));
    listener.hear("DBIRTH/dock/scale", &payload(1, vec![aliased("weight", 2, 10.0)])).unwrap();
    assert_eq!(listener.facts(), [(Some("scale"), FactKind::Born { bd_seq: None })]);
    assert_eq!(listener.shown(), ["scale.weight=Some(Double(10.0))"]);
}

/// tck-id-payloads-alias-data-cmd-requirement, tck-id-topics-ndata-payload, tck-id-topics-ddata-payload
#[test]
fn data_are_read_by_the_aliases_of_the_births() {
    let mut listener = Listener::born();
    listener.hear("NDATA/dock", &payload(2, vec![by_alias(1, 2.0)])).unwrap();
    assert_eq!(listener.shown(), ["level=Some(Double(2.0))"]);
    listener
        .hear(
            "DDATA/dock/scale",
            &payload(3, vec![by_alias(2, 11.0), Metric { name: Some("weight".into()), ..by_alias(2, 12.0) }]),
        )
        .unwrap();
    assert_eq!(listener.shown(), ["scale.weight=Some(Double(11.0))", "scale.weight=Some(Double(12.0))"]);
    assert!(!listener.readings()[0].is_of_birth);
}

/// tck-id-operational-behavior-data-publish-nbirth-values, tck-id-operational-behavior-data-publish-dbirth-values
#[test]
fn a_null_is_a_reading_without_a_value_and_history_is_marked() {
    let mut listener = Listener::born();
    let null = Metric { is_null: Some(true), value: None, ..by_alias(1, 0.0) };
    let old = Metric { is_historical: Some(true), timestamp: Some(1_771_235_000_000), ..by_alias(1, 7.0) };
    listener.hear("NDATA/dock", &payload(2, vec![old, null])).unwrap();
    let readings = listener.readings();
    assert!(readings[0].is_historical && readings[0].at == Timestamp(START - 1_000 * SECOND));
    assert!(readings[1].value.is_none() && !readings[1].is_historical);
}

/// tck-id-operational-behavior-data-commands-ncmd-rebirth-name, tck-id-topics-ncmd-topic, tck-id-topics-ncmd-timestamp,
/// tck-id-payloads-ncmd-timestamp, tck-id-payloads-ncmd-qos
#[test]
fn data_before_a_birth_ask_for_one_but_not_again_and_again() {
    let mut listener = Listener::new();
    listener.hear("NDATA/dock", &payload(9, vec![by_alias(1, 2.0)])).unwrap();
    assert_eq!(listener.facts(), [(None, FactKind::BeforeBirth)]);
    let published = listener.published();
    assert_eq!(
        (published[0].topic.as_str(), published[0].qos, published[0].retain),
        ("spBv1.0/depot/NCMD/dock", 0, false)
    );
    let command = decode(&published[0].payload).unwrap();
    assert_eq!((command.timestamp, command.seq), (Some(1_771_236_000_000), None));
    let rebirth = &command.metrics[0];
    assert_eq!(rebirth.name.as_deref(), Some("Node Control/Rebirth"));
    assert_eq!((rebirth.datatype, &rebirth.value), (Some(11), &Some(MetricValue::Boolean(true))));
    listener.hear("NDATA/dock", &payload(10, vec![by_alias(1, 2.0)])).unwrap();
    assert_eq!(listener.rebirths(), 0);
    listener.pass(9 * SECOND);
    assert_eq!(listener.rebirths(), 0);
    assert_eq!(listener.host.tick_due_at(), Some(Timestamp(START + 10 * SECOND)));
    listener.pass(SECOND);
    assert_eq!(listener.rebirths(), 1, "it did not answer: asked again after the interval");
    listener.pass(10 * SECOND);
    assert_eq!(listener.rebirths(), 0, "and the next time after two");
    listener.pass(10 * SECOND);
    assert_eq!(listener.rebirths(), 1);
    listener.hear("NBIRTH/dock", &payload(0, vec![bd_seq(3), aliased("level", 1, 1.0)])).unwrap();
    listener.pass(1_000 * SECOND);
    assert_eq!((listener.rebirths(), listener.host.tick_due_at()), (0, None));
}

/// tck-id-message-flow-device-birth-publish-nbirth-wait
#[test]
fn data_of_a_device_before_its_birth_ask_for_a_rebirth_of_the_node() {
    let mut listener = Listener::born();
    listener.hear("DDATA/dock/gate", &payload(2, vec![by_alias(1, 2.0)])).unwrap();
    assert_eq!(listener.facts(), [(Some("gate"), FactKind::BeforeBirth)]);
    assert_eq!((listener.rebirths(), listener.shown().len()), (1, 0));
}

#[test]
fn a_metric_that_no_birth_named_is_left_out_and_the_others_are_not() {
    let mut listener = Listener::born();
    listener.hear("NDATA/dock", &payload(2, vec![by_alias(8, 2.0), by_alias(1, 3.0)])).unwrap();
    assert_eq!(listener.facts(), [(None, FactKind::UnknownMetric { alias: Some(8) })]);
    assert_eq!((listener.rebirths(), listener.shown()), (1, vec!["level=Some(Double(3.0))".to_owned()]));
}

/// tck-id-operational-behavior-edge-node-termination-host-action-ndeath-node-offline,
/// tck-id-operational-behavior-edge-node-termination-host-action-ndeath-devices-offline,
/// tck-id-topics-ndeath-payload, tck-id-payloads-ndeath-bdseq, tck-id-payloads-ndeath-seq
#[test]
fn the_death_of_a_node_is_that_of_its_devices_and_belongs_to_its_birth() {
    let mut listener = Listener::born();
    listener.hear("NDEATH/dock", &payload(None, vec![bd_seq(2)])).unwrap();
    assert_eq!(listener.facts(), [(None, FactKind::OldDeath { bd_seq: 2 })]);
    assert_eq!(listener.host.nodes_alive(), 1);
    listener.now = Timestamp(START + SECOND);
    listener.hear("NDEATH/dock", &payload(None, vec![bd_seq(3)])).unwrap();
    assert_eq!(listener.facts(), [(Some("scale"), FactKind::Died), (None, FactKind::Died)]);
    let Output::Fact(fact) = &listener.out[1] else { panic!() };
    assert_eq!(fact.at, Timestamp(START + SECOND), "by the host's clock: the will was written long before");
    assert_eq!((listener.host.nodes_alive(), listener.rebirths()), (0, 0));
    assert_eq!(listener.hear("NDEATH/dock", &payload(None, vec![])), Err(Error::NoBdSeq));
}

/// tck-id-operational-behavior-edge-node-termination-host-action-ddeath-devices-offline, tck-id-payloads-ddeath-timestamp
#[test]
fn the_death_of_a_device_is_at_the_time_that_it_says() {
    let mut listener = Listener::born();
    let death = Payload { timestamp: Some(1_771_236_005_000), ..payload(2, vec![]) };
    listener.hear("DDEATH/dock/scale", &death).unwrap();
    assert_eq!(listener.facts(), [(Some("scale"), FactKind::Died)]);
    let Output::Fact(fact) = &listener.out[0] else { panic!() };
    assert_eq!(fact.at, Timestamp(START + 5 * SECOND));
    listener.hear("DBIRTH/dock/scale", &payload(3, vec![aliased("mass", 2, 1.0)])).unwrap();
    assert_eq!(listener.shown(), ["scale.mass=Some(Double(1.0))"], "the alias is free again");
}

/// tck-id-payloads-alias-uniqueness
#[test]
fn an_alias_for_two_metrics_is_refused_across_the_whole_node() {
    let mut listener = Listener::born();
    let twice = listener.hear("DBIRTH/dock/gate", &payload(2, vec![aliased("open", 1, 0.0)])).unwrap_err();
    assert_eq!(
        twice.to_string(),
        "alias 1 stands for 'level' and for 'open': give each metric of the edge node its own"
    );
    assert_eq!(twice.code(), "sparkplug_birth");
    let both = vec![bd_seq(3), aliased("a", 1, 0.0), aliased("b", 1, 0.0)];
    assert!(matches!(listener.hear("NBIRTH/dock", &payload(0, both)), Err(Error::AliasTwice { .. })));
    listener.hear("NDATA/dock", &payload(3, vec![by_alias(1, 2.0)])).unwrap();
    assert_eq!(listener.shown(), ["level=Some(Double(2.0))"], "what was heard before stands");
}

#[test]
fn a_birth_without_names_or_datatypes_is_refused() {
    let mut listener = Listener::new();
    let check = |listener: &mut Listener, metric: Metric, expect: &str| {
        let error = listener.hear("NBIRTH/dock", &payload(0, vec![bd_seq(0), metric])).unwrap_err();
        assert_eq!(error.to_string(), expect);
    };
    check(
        &mut listener,
        by_alias(1, 1.0),
        "metric 1 of the birth has no name: a birth gives name and datatype of each",
    );
    let untyped = Metric { datatype: None, ..aliased("a", 1, 1.0) };
    check(
        &mut listener,
        untyped,
        "metric 1 of the birth ('a') has no datatype: a birth gives name and datatype of each",
    );
    let odd = Metric { datatype: Some(35), ..aliased("a", 1, 1.0) };
    check(
        &mut listener,
        odd,
        "metric 1 of the birth ('a') has datatype 35, which there is not: a birth gives name and datatype of each",
    );
}

/// tck-id-payloads-template-definition-is-definition, tck-id-payloads-template-instance-is-definition
#[test]
fn the_definition_of_a_template_is_no_reading_and_an_instance_is() {
    let template = |is_definition| {
        let template = Template { is_definition: Some(is_definition), ..Template::default() };
        metric(if is_definition { "Pallet" } else { "p1" }, DataType::Template, MetricValue::Template(template))
    };
    let mut listener = Listener::new();
    listener.hear("NBIRTH/dock", &payload(0, vec![bd_seq(0), template(true), template(false)])).unwrap();
    let names: Vec<&str> = listener.readings().iter().map(|reading| &*reading.metric).collect();
    assert_eq!(names, ["p1"]);
}

/// tck-id-payloads-state-will-message, tck-id-payloads-state-will-message-retain, tck-id-host-topic-phid-death-qos,
/// tck-id-host-topic-phid-death-topic, tck-id-host-topic-phid-death-payload, tck-id-host-topic-phid-birth-payload,
/// tck-id-host-topic-phid-birth-retain, tck-id-payloads-state-birth-payload, tck-id-payloads-state-subscribe,
/// tck-id-message-flow-phid-sparkplug-state-publish-payload, tck-id-operational-behavior-host-application-connect-will,
/// tck-id-operational-behavior-host-application-connect-birth-qos, tck-id-intro-sparkplug-host-state,
/// tck-id-operational-behavior-host-application-connect-birth-topic, tck-id-components-ph-state,
/// tck-id-operational-behavior-host-application-connect-will-payload, tck-id-conformance-primary-host
#[test]
fn the_host_says_that_it_is_there_with_the_time_of_its_will() {
    let mut host = Host::new(HostSettings::new("stocktide"));
    let will = host.will(Timestamp(START + 1_999));
    assert_eq!((will.topic.as_str(), will.qos, will.retain), ("spBv1.0/STATE/stocktide", 1, true));
    assert_eq!(will.payload, br#"{"online":false,"timestamp":1771236000001}"#);
    let mut out = Vec::new();
    host.connected(Timestamp(START + SECOND), &mut out);
    let [Output::Publish(birth)] = &out[..] else { panic!("{out:?}") };
    assert_eq!((birth.topic.as_str(), birth.qos, birth.retain), ("spBv1.0/STATE/stocktide", 1, true));
    assert_eq!(birth.payload, br#"{"online":true,"timestamp":1771236000001}"#);
    assert_eq!(host.subscriptions()[0], "spBv1.0/STATE/stocktide");
    assert!(host.subscriptions().contains(&"spBv1.0/+/DBIRTH/+/+".to_owned()));
}

/// tck-id-message-flow-hid-sparkplug-state-message-delivered
#[test]
fn a_host_that_hears_of_its_own_death_says_that_it_is_there() {
    let mut host = Host::new(HostSettings::new("stocktide"));
    host.will(Timestamp(START));
    let mut out = Vec::new();
    let death = br#"{"online":false,"timestamp":1771235999000}"#;
    host.take("spBv1.0/STATE/stocktide", death, Timestamp(START), &mut out).unwrap();
    assert!(out.is_empty(), "it is not there yet");
    host.connected(Timestamp(START), &mut out);
    out.clear();
    host.take("spBv1.0/STATE/other", death, Timestamp(START), &mut out).unwrap();
    host.take("spBv1.0/STATE/stocktide", br#"{"online":true,"timestamp":5}"#, Timestamp(START), &mut out).unwrap();
    assert!(out.is_empty());
    host.take("spBv1.0/STATE/stocktide", death, Timestamp(START + SECOND), &mut out).unwrap();
    let [Output::Publish(birth)] = &out[..] else { panic!("{out:?}") };
    assert_eq!(birth.payload, br#"{"online":true,"timestamp":1771236000000}"#);
    assert!(host.take("spBv1.0/STATE/stocktide", b"OFFLINE", Timestamp(START), &mut out).is_err());
}

/// tck-id-host-topic-phid-death-payload-timestamp-disconnect-clean,
/// tck-id-operational-behavior-host-application-death-topic, tck-id-operational-behavior-host-application-death-qos
#[test]
fn a_host_that_leaves_says_when() {
    let mut host = Host::new(HostSettings::new("stocktide"));
    host.will(Timestamp(START));
    let farewell = host.farewell(Timestamp(START + 60 * SECOND));
    assert_eq!((farewell.topic.as_str(), farewell.qos, farewell.retain), ("spBv1.0/STATE/stocktide", 1, true));
    assert_eq!(farewell.payload, br#"{"online":false,"timestamp":1771236060000}"#);
}

#[test]
fn when_the_connection_breaks_everybody_is_stale_and_asked_when_it_stands_again() {
    let mut listener = Listener::born();
    listener.out.clear();
    listener.host.disconnected(listener.now, &mut listener.out);
    assert_eq!(listener.facts(), [(Some("scale"), FactKind::Stale), (None, FactKind::Stale)]);
    listener.out.clear();
    listener.host.will(listener.now);
    listener.host.connected(listener.now, &mut listener.out);
    assert_eq!((listener.published().len(), listener.rebirths()), (2, 1));
    listener.hear("NDATA/dock", &payload(2, vec![by_alias(1, 2.0)])).unwrap();
    assert_eq!(listener.facts(), [(None, FactKind::BeforeBirth)]);
}

#[test]
fn a_node_that_died_is_not_asked_when_the_connection_stands_again() {
    let mut listener = Listener::born();
    listener.hear("NDEATH/dock", &payload(None, vec![bd_seq(3)])).unwrap();
    listener.host.disconnected(listener.now, &mut listener.out);
    listener.out.clear();
    listener.host.connected(listener.now, &mut listener.out);
    assert_eq!(listener.rebirths(), 0);
}

#[test]
fn more_nodes_and_metrics_than_are_remembered_are_refused() {
    let settings = HostSettings { nodes_max: 2, metrics_max: 2, ..HostSettings::new("stocktide") };
    let mut listener = Listener { host: Host::new(settings), ..Listener::new() };
    let birth = payload(0, vec![bd_seq(0), aliased("a", 1, 1.0)]);
    listener.hear("NBIRTH/n1", &birth).unwrap();
    listener.hear("NBIRTH/n2", &birth).unwrap();
    assert_eq!(listener.hear("NBIRTH/n3", &birth), Err(Error::Full { what: "edge nodes", max: 2 }));
    listener.hear("NDEATH/n2", &payload(None, vec![bd_seq(0)])).unwrap();
    listener.hear("NBIRTH/n3", &birth).unwrap();
    let device = listener.hear("DBIRTH/n3/d", &payload(1, vec![aliased("b", 2, 1.0)]));
    assert_eq!(device, Err(Error::Full { what: "metrics", max: 2 }));
}
