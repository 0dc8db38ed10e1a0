//! How many plain movements a second one core decides and applies, and only applies.
//!
//! `cargo bench -p ledger --bench apply [-- hot]`

#![expect(clippy::print_stdout, clippy::disallowed_methods, reason = "a benchmark measures and prints")]

use ledger::{Body, Decision, Event, EventKind, Key, Limits, Quantity, Request, State, Timestamp, Verdict};
use std::hint::black_box;
use std::time::{Duration, Instant};

const EVENTS: usize = 5_000_000;
/// As many as a block of the journal may hold: what was just read is still near.
const BATCH: usize = 1_000;
/// How many are touched before they are decided.
const WARM: usize = 32;

struct Names {
    products: Vec<String>,
    locations: Vec<String>,
    sources: Vec<String>,
}

fn main() {
    println!("{:<28} {:>16} {:>16} {:>12}", "5 M exact-once movements", "decide+apply/s", "apply only/s", "stock keys");
    let asked = std::env::args().nth(1).filter(|asked| !asked.starts_with('-')).unwrap_or_default();
    for (title, products) in [("100,000 keys, uniform", 10_000), ("100 hot keys", 10)] {
        if title.contains(&asked) {
            run(title, products);
        }
    }
}

fn run(title: &str, products: usize) {
    let names = Names {
        products: (0..products).map(|index| format!("SKU{index:06}")).collect(),
        locations: (0..10).map(|index| format!("warehouse_{}/bin-{index:02}", index % 3)).collect(),
        sources: (0..50).map(|index| format!("scanner-{index:02}")).collect(),
    };
    let limits = Limits::default();
    let (mut live, mut replayed) = (State::new(1), State::new(1));
    let (mut both, mut apply) = (Vec::new(), Vec::new());
    let mut random = 1;
    let mut decisions: Vec<Decision> = Vec::with_capacity(BATCH);
    for batch in 0..EVENTS / BATCH {
        let requests: Vec<Request<'_>> =
            (0..BATCH).map(|index| request(&names, batch * BATCH + index, &mut random)).collect();
        let start = Instant::now();
        for (index, request) in requests.iter().enumerate() {
            if index % WARM == 0 {
                black_box(live.warm(&requests[index..(index + WARM).min(BATCH)], |_| 0));
            }
            match live.decide(request, request.occurred_at, &limits) {
                Verdict::Accepted(decision) => {
                    live.apply(&decision);
                    decisions.push(decision);
                }
                other => panic!("a plain movement is accepted, not {other:?}"),
            }
        }
        both.push(start.elapsed());
        let start = Instant::now();
        for (index, decision) in decisions.iter().enumerate() {
            if index % WARM == 0 {
                black_box(replayed.warm_replay(&decisions[index..(index + WARM).min(BATCH)]));
            }
            replayed.apply(decision);
        }
        apply.push(start.elapsed());
        decisions.clear();
    }
    assert_eq!(live.position(), replayed.position());
    let (both, apply) = (rate(both), rate(apply));
    println!("{title:<28} {both:>16} {apply:>16} {:>12}", live.stock_keys());
}

/// Events a second in the batch of median time: what others do on the machine falls on few batches.
fn rate(mut times: Vec<Duration>) -> u128 {
    times.sort_unstable();
    u128::try_from(BATCH).expect("fits") * 1_000_000_000 / times[times.len() / 2].as_nanos().max(1)
}

fn request<'a>(names: &'a Names, number: usize, random: &mut u64) -> Request<'a> {
    let mut below = |bound: usize| {
        *random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(*random >> 33).expect("31 bits") % bound
    };
    let kind = if below(2) == 0 { EventKind::ItemAdded } else { EventKind::ItemRemoved };
    let product = &names.products[below(names.products.len())];
    let location = &names.locations[below(names.locations.len())];
    let source = &names.sources[below(names.sources.len())];
    let number = u64::try_from(number).expect("64 bits") + 1;
    Request {
        actor: "edge",
        source,
        id: "",
        key: Key { id: u128::from(number).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835), content: number },
        occurred_at: Timestamp(1_770_000_000_000_000 + i64::try_from(number).expect("small")),
        historical: false,
        resolves: None,
        body: Body::Event(Event::new(kind, product, location, Quantity::units(3))),
    }
}
