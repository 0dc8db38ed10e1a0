//! The order of an edge node's messages.

use crate::emulator::{Listener, SECOND, START, aliased, bd_seq, by_alias, payload};
use ledger::Timestamp;
use wire::sparkplug::message::{Metric, MetricValue};
use wire::sparkplug::{Error, FactKind};

/// tck-id-payloads-sequence-num-incrementing, tck-id-topics-ndata-seq-num, tck-id-topics-ddata-seq-num,
/// tck-id-payloads-ndata-seq-inc, tck-id-payloads-ddata-seq-inc, tck-id-topics-dbirth-seq, tck-id-payloads-dbirth-seq-inc
#[test]
fn the_number_after_255_is_0() {
    let mut listener = Listener::born();
    for number in 2..600_u64 {
        listener.hear("NDATA/dock", &payload(number % 256, vec![by_alias(1, 2.0)])).unwrap();
        assert_eq!((listener.readings().len(), listener.rebirths(), listener.facts().len()), (1, 0, 0), "{number}");
    }
}

/// tck-id-payloads-sequence-num-always-included
#[test]
fn a_message_without_a_number_or_with_one_over_255_is_refused() {
    let mut listener = Listener::born();
    assert_eq!(listener.hear("NDATA/dock", &payload(None, vec![])), Err(Error::Seq { seq: None }));
    let error = listener.hear("NDATA/dock", &payload(256, vec![])).unwrap_err();
    assert_eq!(error.to_string(), "seq is 256, and has to be 0 to 255: number all messages of the edge node");
    assert!(listener.hear("NBIRTH/dock", &payload(None, vec![bd_seq(0)])).is_err());
}

#[test]
fn messages_out_of_order_are_put_in_order() {
    let mut listener = Listener::born();
    listener.hear("NDATA/dock", &payload(4, vec![by_alias(1, 4.0)])).unwrap();
    listener.hear("DDATA/dock/scale", &payload(3, vec![by_alias(2, 3.0)])).unwrap();
    assert!(listener.out.is_empty());
    assert_eq!(listener.host.tick_due_at(), Some(Timestamp(START + 2 * SECOND)));
    listener.hear("NDATA/dock", &payload(2, vec![by_alias(1, 2.0)])).unwrap();
    let shown = listener.shown();
    assert_eq!(shown, ["level=Some(Double(2.0))", "scale.weight=Some(Double(3.0))", "level=Some(Double(4.0))"]);
    assert_eq!(listener.host.tick_due_at(), None);
    listener.pass(100 * SECOND);
    assert_eq!(listener.rebirths(), 0);
}

/// tck-id-operational-behavior-host-reordering-param, tck-id-operational-behavior-host-reordering-rebirth
#[test]
fn what_is_missing_for_too_long_is_given_up_and_a_rebirth_asked_for() {
    let mut listener = Listener::born();
    listener.hear("NDATA/dock", &payload(3, vec![by_alias(1, 3.0)])).unwrap();
    listener.hear("NDATA/dock", &payload(6, vec![by_alias(1, 6.0)])).unwrap();
    listener.pass(SECOND);
    assert!(listener.out.is_empty());
    listener.pass(SECOND);
    let gap = |expected, received| (None, FactKind::SequenceGap { expected, received });
    assert_eq!(listener.facts(), [gap(2, 3), gap(4, 6)]);
    assert_eq!(listener.shown(), ["level=Some(Double(3.0))", "level=Some(Double(6.0))"], "what came is not lost");
    assert_eq!(listener.rebirths(), 1);
    listener.hear("NDATA/dock", &payload(2, vec![by_alias(1, 2.0)])).unwrap();
    assert_eq!((listener.facts(), listener.readings().len()), (vec![(None, FactKind::Repeated { seq: 2 })], 0));
    listener.hear("NDATA/dock", &payload(7, vec![by_alias(1, 7.0)])).unwrap();
    assert_eq!(listener.shown(), ["level=Some(Double(7.0))"]);
}

#[test]
fn a_gap_after_each_birth_does_not_make_a_storm_of_rebirths() {
    let mut listener = Listener::born();
    let mut rebirths = 0;
    for _ in 0..60 {
        listener.hear("NDATA/dock", &payload(150, vec![by_alias(1, 3.0)])).unwrap();
        rebirths += listener.rebirths();
        listener.pass(2 * SECOND);
        rebirths += listener.rebirths();
        listener.hear("NBIRTH/dock", &payload(0, vec![bd_seq(3), aliased("level", 1, 1.0)])).unwrap();
        rebirths += listener.rebirths();
    }
    assert!((2..=12).contains(&rebirths), "120 seconds with at most one every ten: {rebirths}");
}

#[test]
fn what_waits_is_bounded() {
    let mut listener = Listener::born();
    for number in 3..35 {
        listener.hear("NDATA/dock", &payload(number, vec![by_alias(1, 3.0)])).unwrap();
        assert!(listener.out.is_empty(), "{number}");
    }
    listener.hear("NDATA/dock", &payload(35, vec![by_alias(1, 3.0)])).unwrap();
    assert_eq!((listener.readings().len(), listener.rebirths()), (33, 1));
    let large = Metric { value: Some(MetricValue::Bytes(vec![0; 3 << 20])), ..by_alias(1, 0.0) };
    for number in 40..42 {
        listener.hear("NDATA/dock", &payload(number, vec![large.clone()])).unwrap();
        assert!(listener.out.is_empty());
    }
    listener.hear("NDATA/dock", &payload(42, vec![large])).unwrap();
    assert!(listener.facts().contains(&(None, FactKind::SequenceGap { expected: 36, received: 40 })));
}

#[test]
fn the_same_message_twice_is_read_once() {
    let mut listener = Listener::born();
    let data = payload(2, vec![by_alias(1, 2.0)]);
    listener.hear("NDATA/dock", &data).unwrap();
    listener.hear("NDATA/dock", &data).unwrap();
    assert_eq!((listener.facts(), listener.readings().len()), (vec![(None, FactKind::Repeated { seq: 2 })], 0));
    listener.hear("NDATA/dock", &payload(5, vec![by_alias(1, 2.0)])).unwrap();
    listener.hear("NDATA/dock", &payload(5, vec![by_alias(1, 2.0)])).unwrap();
    assert_eq!(listener.facts(), [(None, FactKind::Repeated { seq: 5 })], "also while it waits");
}

#[test]
fn a_birth_starts_anew_whatever_waited() {
    let mut listener = Listener::born();
    listener.hear("NDATA/dock", &payload(9, vec![by_alias(1, 9.0)])).unwrap();
    listener.hear("NBIRTH/dock", &payload(7, vec![bd_seq(4), aliased("level", 1, 1.0)])).unwrap();
    assert_eq!(listener.facts(), [(Some("scale"), FactKind::Died), (None, FactKind::Born { bd_seq: Some(4) })]);
    listener.hear("NDATA/dock", &payload(8, vec![by_alias(1, 8.0)])).unwrap();
    assert_eq!(listener.shown(), ["level=Some(Double(8.0))"]);
    assert_eq!(listener.host.tick_due_at(), None);
}
