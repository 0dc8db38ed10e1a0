//! How many raw reads a second one core smooths, ticks and judgement included.
//!
//! `cargo bench -p intake --bench rfid`

use divan::counter::ItemsCount;
use intake::rfid::{Antenna, Portal, Read, Settings, Side, Smoother, Tag, Timestamp};
use std::hint::black_box;

const TAGS: u32 = 10_000;
const ANTENNAS: u16 = 16;
/// A second of reads at a million a second.
const READS: u32 = 1_000_000;

#[global_allocator]
static ALLOC: divan::AllocProfiler = divan::AllocProfiler::system();

fn main() {
    divan::main();
}

fn settings() -> Settings {
    let antennas = (0..ANTENNAS).map(|antenna| match antenna {
        0..8 => Antenna::Zone(antenna),
        8..12 => Antenna::Portal(antenna / 2 - 4, if antenna % 2 == 0 { Side::Outside } else { Side::Inside }),
        _ => Antenna::Zone(antenna - 4),
    });
    let portals = vec![Portal { inside: 100, outside: 200 }, Portal { inside: 100, outside: 201 }];
    Settings { antennas: antennas.collect(), portals, ..Settings::default() }
}

/// Reads a microsecond apart: tags in random order, each heard by three antennas.
fn reads() -> Vec<Read> {
    let mut random = 1_u64;
    let mut below = |bound: u32| {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        u32::try_from((random >> 33) % u64::from(bound)).expect("below 2^32")
    };
    let mut tags: Vec<Tag> = Vec::new();
    for number in 0..TAGS {
        let mut code = [0x30; 12];
        code[8..].copy_from_slice(&number.to_be_bytes());
        tags.push(Tag::new(&code).expect("12 bytes"));
    }
    let read = |at: u32| {
        let tag = below(TAGS);
        let antenna = u16::try_from((tag + below(3)) % u32::from(ANTENNAS)).expect("below 16");
        let rssi = -i16::try_from(4_000 + below(3_000)).expect("small");
        Read { tag: tags[usize::try_from(tag).expect("fits")], antenna, seen_at: Timestamp(i64::from(at)), rssi }
    };
    (0..READS).map(read).collect()
}

#[divan::bench(sample_count = 10, sample_size = 1)]
fn a_second_of_a_million_reads(bencher: divan::Bencher<'_, '_>) {
    let reads = reads();
    let mut smoother = Smoother::new(settings()).expect("settings that can be used");
    let mut out = Vec::new();
    // the first second meets every tag and antenna; what is measured is how it goes on
    for read in &reads {
        smoother.tick(read.seen_at, &mut out);
        smoother.read(read).expect("room");
    }
    let mut second = i64::from(READS);
    bencher.counter(ItemsCount::new(READS)).bench_local(|| {
        for read in &reads {
            let seen_at = read.seen_at.plus(second);
            if seen_at.0 % 50_000 == 0 {
                smoother.tick(seen_at, &mut out);
            }
            smoother.read(&Read { seen_at, ..*read }).expect("room");
        }
        second += i64::from(READS);
        black_box(out.drain(..).count())
    });
}
