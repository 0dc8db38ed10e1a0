//! How many tag reads a second one core takes out of LLRP reports: `cargo bench -p wire --bench llrp`.

use divan::counter::ItemsCount;
use divan::{Bencher, black_box};
use serde_json::{Value, json};
use wire::llrp::{HEADER_BYTES, Message, Splitter, TagReports, Version, decode_content};

/// Reads in one report.
const READS: usize = 1000;

/// A report of many tags with all that a reader is asked for, header and all.
fn report() -> Vec<u8> {
    let tag = |index: usize| {
        json!({
            "EPC96": {"EPC": "MBQwpVwKwwAAAAAJ"}, "AntennaID": index % 4 + 1, "PeakRSSI": -54, "ChannelIndex": 3, "ROSpecID": 1,
            "FirstSeenUTC": 1_594_174_805_147_920_u64, "LastSeenUTC": 1_594_174_805_148_920_u64, "TagSeenCount": 2,
        })
    };
    let tags: Vec<Value> = (0..READS).map(tag).collect();
    let message = Message::from_json("RO_ACCESS_REPORT", &json!({"TagReportData": tags}), Version::V1_0_1, 1);
    message.and_then(|message| message.encode()).expect("the report is well formed")
}

#[divan::bench]
fn tag_reads_from_bytes(bencher: Bencher<'_, '_>) {
    let bytes = report();
    bencher.counter(ItemsCount::new(READS)).bench(|| {
        TagReports::new(black_box(&bytes[HEADER_BYTES..]))
            .map(|report| report.expect("every read is whole").antenna.map_or(0, u64::from))
            .sum::<u64>()
    });
}

#[divan::bench]
fn tag_reads_from_a_stream(bencher: Bencher<'_, '_>) {
    let bytes = report();
    let mut splitter = Splitter::new(1 << 20);
    bencher.counter(ItemsCount::new(READS)).bench_local(|| {
        let mut count = 0;
        for piece in black_box(&bytes).chunks(1460) {
            splitter.push(piece);
            while let Some((_, payload)) = splitter.next_frame().expect("the stream is whole") {
                count += TagReports::new(payload).filter(Result::is_ok).count();
            }
        }
        assert_eq!(count, READS, "every read is whole");
    });
}

#[divan::bench]
fn tag_reads_as_trees(bencher: Bencher<'_, '_>) {
    let bytes = report();
    bencher.counter(ItemsCount::new(READS)).bench(|| decode_content(61, black_box(&bytes[HEADER_BYTES..]), 0));
}

fn main() {
    divan::main();
}
