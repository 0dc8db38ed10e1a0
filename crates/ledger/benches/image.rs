//! How long a state of a million stock keys and five million remembered ids takes to save and to load.
//!
//! `cargo bench -p ledger --bench image`

#![expect(clippy::print_stdout, clippy::disallowed_methods, reason = "a benchmark measures and prints")]

use ledger::{Body, Event, EventKind, Key, Limits, Quantity, Request, State, Timestamp, Verdict};
use std::time::Instant;

const PRODUCTS: u64 = 1_000;
const BINS: u64 = 1_000;
const EVENTS: u64 = 5_000_000;

fn main() {
    let mut state = State::new(1);
    let limits = Limits::default();
    let products: Vec<String> = (0..PRODUCTS).map(|index| format!("product-{index:06}")).collect();
    let bins: Vec<String> = (0..BINS).map(|index| format!("warehouse-{}/bin-{index:04}", index % 10)).collect();
    for number in 0..EVENTS {
        let product = &products[usize::try_from(number % PRODUCTS).expect("small")];
        let bin = &bins[usize::try_from((number / PRODUCTS) % BINS).expect("small")];
        let at = Timestamp(i64::try_from(number).expect("small"));
        let id = u128::from(number + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835);
        let request = Request {
            actor: "bench",
            source: "bench",
            id: "",
            key: Key { id, content: number },
            occurred_at: at,
            historical: false,
            resolves: None,
            body: Body::Event(Event::new(EventKind::ItemAdded, product, bin, Quantity::units(1))),
        };
        match state.decide(&request, at, &limits) {
            Verdict::Accepted(decision) => state.apply(&decision),
            other => panic!("a plain event is accepted, not {other:?}"),
        }
    }
    println!("{} stock keys, {} ids", state.stock_keys(), state.remembered_ids());
    let start = Instant::now();
    let mut image = Vec::new();
    state.save(&mut image);
    println!("save  {:>8.3} s, {} bytes", start.elapsed().as_secs_f64(), image.len());
    drop(state);
    let start = Instant::now();
    let loaded = State::load(&mut &*image).expect("an image just saved loads");
    println!("load  {:>8.3} s", start.elapsed().as_secs_f64());
    let mut again = Vec::new();
    loaded.save(&mut again);
    assert!(image == again, "an image loads to the state that wrote it");
}
