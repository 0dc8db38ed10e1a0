//! What folding a plain decision and asking for a product's stock cost.
//!
//! `cargo bench -p views --bench apply`

#![expect(clippy::print_stdout, clippy::disallowed_methods, reason = "a benchmark measures and prints")]

use ledger::{Body, Decision, Event, EventKind, Key, Limits, Position, Quantity, Request, State, Timestamp, Verdict};
use std::time::{Duration, Instant};
use views::{GroupBy, StockQuery, Views};

const EVENTS: u64 = 2_000_000;
/// Decisions made before they are folded, so that making them is not measured.
const BATCH: u64 = 10_000;

fn main() {
    for (products, bins) in [(100, 10), (10_000, 10), (100_000, 10)] {
        measure(products, bins);
    }
}

fn measure(products: u64, bins: u64) {
    let (mut state, mut views, mut others) = (State::new(1), Views::new(1), Views::new(1));
    let (mut folding, mut together) = (Duration::ZERO, Duration::ZERO);
    let mut folded = 0u32;
    let mut position = Position::ZERO;
    for first in (0..EVENTS).step_by(usize::try_from(BATCH).expect("small")) {
        let decisions: Vec<Decision> =
            (first..first + BATCH).map(|number| decide(&mut state, number, products, bins)).collect();
        let start = Instant::now();
        for decision in &decisions {
            position = position.next();
            views.apply(position, decision);
        }
        let alone = start.elapsed();
        let start = Instant::now();
        others.apply_all(Position(first + 1), &decisions);
        // Once every key is named, decisions are plain.
        if first >= EVENTS / 2 {
            folding += alone;
            together += start.elapsed();
            folded += u32::try_from(BATCH).expect("small");
        }
    }
    let keys = views.totals().stock_keys;
    println!("{keys} stock keys: {:?} a decision alone, {:?} among others", folding / folded, together / folded);
    ask(&views);
    let start = Instant::now();
    let mut image = Vec::new();
    views.save(&mut image);
    println!("  image {} bytes saved in {:?}", image.len(), start.elapsed());
    let start = Instant::now();
    let loaded = Views::load(&mut &*image).expect("an image just saved loads");
    println!("  loaded in {:?}", start.elapsed());
    assert_eq!(loaded.position(), views.position());
}

/// Half of all events walk through the keys, so that each is named; the other half jump among them.
fn decide(state: &mut State, number: u64, products: u64, bins: u64) -> Decision {
    let jump = number.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 20;
    let pick = if number < EVENTS / 2 { number } else { jump };
    let product = format!("product-{:06}", pick % products);
    let bin = format!("warehouse-{}/bin-{:04}", pick / products % bins % 4, pick / products % bins);
    let id = u128::from(number + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835);
    let at = Timestamp(i64::try_from(number).expect("small"));
    let request = Request {
        actor: "bench",
        source: "bench",
        id: "",
        key: Key { id, content: number },
        occurred_at: at,
        historical: false,
        resolves: None,
        body: Body::Event(Event::new(EventKind::ItemAdded, &product, &bin, Quantity::units(1))),
    };
    match state.decide(&request, at, &Limits::default()) {
        Verdict::Accepted(decision) => {
            state.apply(&decision);
            decision
        }
        other => panic!("a plain event is accepted, not {other:?}"),
    }
}

fn ask(views: &Views) {
    const TIMES: u32 = 100_000;
    let start = Instant::now();
    for _ in 0..TIMES {
        let item = views.stock_of("product-000007", "warehouse-1").expect("it was named");
        assert!(item.last_updated.is_some());
    }
    println!("  point query {:?}", start.elapsed() / TIMES);
    let pages: [(&str, StockQuery<'_>); 4] = [
        ("1,000 items", StockQuery { limit: 1_000, ..StockQuery::default() }),
        ("1,000 stock keys", StockQuery { limit: 1_000, group_by: GroupBy::Lot, ..StockQuery::default() }),
        ("a search that finds nothing", StockQuery { search: Some("nothing"), ..StockQuery::default() }),
        (
            "a warehouse with nothing below",
            StockQuery { warehouse: Some("warehouse-1"), below: Some(Quantity::ZERO), ..StockQuery::default() },
        ),
    ];
    for (name, query) in pages {
        let start = Instant::now();
        let page = views.stock(&query).expect("no cursor");
        println!("  {name}: {} in {:?}", page.items.len(), start.elapsed());
    }
}
