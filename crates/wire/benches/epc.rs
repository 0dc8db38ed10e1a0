//! How many tags a second one core reads: `cargo bench -p wire --bench epc`.

#![allow(clippy::print_stdout, clippy::disallowed_methods, reason = "it measures, and says what it measured")]

use std::hint::black_box;
use std::time::Instant;
use wire::epc::{Epc, EpcBytes, Tag};

const READS: u32 = 1_000_000;
const ROUNDS: usize = 5;

/// Prints the best rate of several rounds of `work`, each of `READS`.
fn measure(name: &str, mut work: impl FnMut(u32) -> usize) {
    let mut best = f64::MAX;
    for _ in 0..ROUNDS {
        let start = Instant::now();
        black_box((0..READS).map(&mut work).sum::<usize>());
        best = best.min(start.elapsed().as_secs_f64());
    }
    println!("{name:<28} {:>8.2} M/s", f64::from(READS) / 1e6 / best);
}

fn main() {
    let tags = |uri: &str| -> Vec<EpcBytes> {
        let epc = |serial: u32| Epc::parse_uri(&format!("{uri}{serial}")).expect("the bench's codes are good");
        (1..=1024).map(|serial| epc(serial * 7_919).shortest_tag(1).expect("they fit a tag").to_bytes()).collect()
    };
    let read = |bytes: &[EpcBytes], at: u32| {
        let at = usize::try_from(at).expect("a small number") % bytes.len();
        Tag::from_bytes(black_box(&bytes[at])).map_or(0, |tag| tag.epc.serial().map_or(1, str::len))
    };
    let (short, long) = (tags("urn:epc:id:sgtin:0614141.812345."), tags("urn:epc:id:sgtin:0614141.812345.AB-"));
    measure("sgtin-96 from bytes", |at| read(&short, at));
    measure("sgtin-198 from bytes", |at| read(&long, at));
    measure("unknown header", |at| usize::from(Tag::from_bytes(black_box(&at.to_le_bytes())).is_ok()));
    measure("sgtin-96 from bytes to URI", |at| {
        let bytes = &short[usize::try_from(at).expect("a small number") % short.len()];
        Tag::from_bytes(bytes).map_or(0, |tag| tag.epc.to_string().len())
    });
}
