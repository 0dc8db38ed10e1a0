//! How many tags a second one core reads: `cargo bench -p wire --bench epc`.

use divan::counter::ItemsCount;
use divan::{Bencher, black_box};
use wire::epc::{Epc, EpcBytes, Tag};

const TAGS: u32 = 1024;

fn main() {
    divan::main();
}

/// The memory of many tags of one item.
fn tags(uri: &str) -> Vec<EpcBytes> {
    let tag = |serial: u32| {
        let epc = Epc::parse_uri(&format!("{uri}{}", serial * 7_919)).expect("the bench's codes are good");
        epc.shortest_tag(1).expect("they fit a tag").to_bytes()
    };
    (1..=TAGS).map(tag).collect()
}

#[divan::bench(args = ["urn:epc:id:sgtin:0614141.812345.", "urn:epc:id:sgtin:0614141.812345.AB-", "urn:epc:id:giai:0614141."])]
fn from_bytes(bencher: Bencher<'_, '_>, uri: &str) {
    let tags = tags(uri);
    bencher.counter(ItemsCount::new(TAGS)).bench(|| {
        let read = |bytes: &EpcBytes| Tag::from_bytes(black_box(bytes)).map_or(0, |tag| tag.filter);
        tags.iter().map(|bytes| u64::from(read(bytes))).sum::<u64>()
    });
}

#[divan::bench]
fn from_bytes_to_gtin_and_serial(bencher: Bencher<'_, '_>) {
    let tags = tags("urn:epc:id:sgtin:0614141.812345.");
    bencher.counter(ItemsCount::new(TAGS)).bench(|| {
        let read = |bytes: &EpcBytes| {
            let tag = Tag::from_bytes(black_box(bytes)).expect("the bench's codes are good");
            tag.epc.gtin14().map_or(0, |gtin| gtin.len()) + tag.epc.serial().map_or(0, str::len)
        };
        tags.iter().map(read).sum::<usize>()
    });
}

#[divan::bench]
fn unknown_headers(bencher: Bencher<'_, '_>) {
    bencher.counter(ItemsCount::new(1_usize)).bench(|| Tag::from_bytes(black_box(&[0xe2; 12])).is_ok());
}
