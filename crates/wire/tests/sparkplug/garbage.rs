//! Bytes that are no payload, or nearly one.

use crate::emulator::{Listener, aliased, bd_seq, metric, payload};
use wire::sparkplug::message::{DataSet, Metric, MetricValue, Template};
use wire::sparkplug::{DataType, Error, PAYLOAD_BYTES_MAX, Payload, decode, encode};

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

#[test]
fn decode_of_garbage_never_panics() {
    let set = DataSet { columns: vec!["a".into()], types: vec![3], ..DataSet::default() };
    let arrays = (22..=34)
        .filter_map(DataType::of)
        .map(|datatype| metric(datatype.name(), datatype, MetricValue::Bytes(vec![1; 24])));
    let mut metrics =
        vec![bd_seq(3), aliased("level", 1, 1.0), metric("set", DataType::DataSet, MetricValue::DataSet(set))];
    metrics.extend(arrays);
    let valid =
        [encode(&payload(0, metrics.clone())), encode(&payload(1, metrics)), encode(&payload(None, vec![bd_seq(3)]))];
    let kinds = ["NBIRTH/n", "NDATA/n", "NDEATH/n", "DBIRTH/n/d", "DDATA/n/d", "DDEATH/n/d", "NCMD/n"];
    let mut random = Random(7);
    let mut listener = Listener::new();
    let mut readings = 0;
    for _ in 0..30_000 {
        let mut bytes = valid[random.below(3)].clone();
        for _ in 0..random.below(4) {
            let at = random.below(bytes.len());
            match random.below(4) {
                0 => bytes.truncate(at),
                1 => bytes.insert(at, u8::try_from(random.below(256)).unwrap()),
                2 => drop(bytes.drain(at..(at + random.below(9)).min(bytes.len()))),
                _ => bytes[at] ^= 1 << random.below(8),
            }
            if bytes.is_empty() {
                break;
            }
        }
        let topic = format!("spBv1.0/g/{}", kinds[random.below(kinds.len())]);
        listener.out.clear();
        drop(listener.host.take(&topic, &bytes, listener.now, &mut listener.out));
        readings += listener.readings().len();
        listener.pass(i64::try_from(random.below(3_000_000)).unwrap());
        readings += listener.readings().len();
    }
    assert!(readings > 1_000, "some of it is good: {readings}");
}

#[test]
fn what_would_unfold_to_too_much_is_refused_before_it_does() {
    assert!(matches!(decode(&vec![0; PAYLOAD_BYTES_MAX + 1]), Err(Error::TooLarge { .. })));
    let many = [0x12, 0x00].repeat(100_001);
    assert_eq!(decode(&many), Err(Error::TooMany { at: 200_002, max: 100_000 }));
    let mut deep = Metric::default();
    for _ in 0..30 {
        let template = Template { metrics: vec![deep], ..Template::default() };
        deep = Metric { value: Some(MetricValue::Template(template)), ..Metric::default() };
    }
    let deep = encode(&Payload { metrics: vec![deep], ..Payload::default() });
    assert!(matches!(decode(&deep), Err(Error::TooDeep { max: 16, .. })));
    assert_eq!(decode(&[0x12, 0x05, 0x00]), Err(Error::Truncated { at: 2 }));
    assert_eq!(decode(&[0xff; 11]), Err(Error::Truncated { at: 10 }));
    assert!(matches!(decode(&[0x0b]), Err(Error::Payload { .. })));
    assert_eq!(decode(&[]), Ok(Payload::default()));
}

#[test]
fn fields_that_the_schema_does_not_know_are_skipped() {
    let mut bytes = encode(&payload(4, vec![bd_seq(0)]));
    bytes.extend([0xf2, 0x03, 0x03, 1, 2, 3, 0xf8, 0x03, 0x07]);
    assert_eq!(decode(&bytes).unwrap(), payload(4, vec![bd_seq(0)]));
}
