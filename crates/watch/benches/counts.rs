//! How long a count list takes over 100,000 balances, and what the thread that decides pays for it.
//!
//! `cargo bench -p watch --bench counts`

use ledger::{Body, Event, EventKind, Key, Limits, Quantity, Request, State, Timestamp, Verdict};
use std::hint::black_box;
use std::sync::Arc;
use watch::counts::{Budget, Candidate, Costs, propose};
use watch::coverage::{Days, PlacedBalance, blind_spots};
use watch::{Confidence, Watch};

const BALANCES: usize = 100_000;
const PRODUCTS: usize = 10_000;
const DAY: i64 = 86_400_000_000;
/// Accounts that one question looks at.
const SCANNED: u32 = 10_000;

fn main() {
    divan::main();
}

fn place(number: usize) -> String {
    let mixed = number.wrapping_mul(0x9E37_79B9) >> 7;
    format!("w{}/zone-{}/aisle-{}/bin-{}", mixed % 4, mixed % 10, mixed % 29, mixed % 211)
}

fn site() -> (State, Watch, Timestamp) {
    let (mut state, mut watch) = (State::new(1), Watch::new(1));
    let mut now = Timestamp(20_000 * DAY);
    for number in 0..BALANCES {
        let (product, place) = (format!("P{}", number % PRODUCTS), place(number));
        now = now.plus(1_000);
        let quantity = Quantity::units(i64::try_from(number % 97).unwrap_or(1) + 1);
        let key = Key { id: number as u128 + 1, content: 1 };
        let request = Request {
            actor: "bench",
            source: "bench",
            id: "",
            key,
            occurred_at: now,
            historical: true,
            resolves: None,
            body: Body::Event(Event::new(EventKind::ItemAdded, &product, &place, quantity)),
        };
        if let Verdict::Accepted(decision) = state.decide(&request, now, &Limits::default()) {
            state.apply(&decision);
            watch.take(&state, &decision, &[]);
        }
    }
    (state, watch, now.plus(200 * DAY))
}

fn candidates() -> Vec<Candidate> {
    let (state, watch, now) = site();
    let slice = watch.balances(&state, None, 0, u32::MAX, now);
    let of = |(number, balance): (i64, &watch::Balance)| {
        let catalog = state.catalog();
        let mut evidence = balance.evidence;
        evidence.first_at = now.minus(number % 700 * DAY);
        Candidate {
            product: Arc::clone(&catalog.product(balance.product).name),
            location: Arc::clone(&catalog.location(balance.location).path),
            on_hand: balance.on_hand,
            daily_use: balance.daily_use,
            confidence: Confidence::judge(&evidence, now),
        }
    };
    (0..).zip(&slice.items).map(of).collect()
}

/// On the thread that decides.
#[divan::bench]
fn a_question_of_balances(bencher: divan::Bencher<'_, '_>) {
    let (state, watch, now) = site();
    bencher.bench_local(|| black_box(watch.balances(&state, None, 40_000, SCANNED, now)));
}

/// On the thread that decides.
#[divan::bench]
fn a_question_of_stock_without_rules(bencher: divan::Bencher<'_, '_>) {
    let (state, watch, _) = site();
    bencher.bench_local(|| black_box(watch.uncovered(&state, 4_000, 100)));
}

/// Beside it.
#[divan::bench(args = [30.0, 480.0], sample_count = 10)]
fn a_list_of_minutes(bencher: divan::Bencher<'_, '_>, minutes: f64) {
    let candidates = candidates();
    let budget = Budget { seconds: minutes * 60.0, lines: 1_000 };
    bencher.bench_local(|| black_box(propose(&candidates, budget, &Costs::default())));
}

/// Beside it.
#[divan::bench(sample_count = 10)]
fn blind_spots_of_all(bencher: divan::Bencher<'_, '_>) {
    let (state, watch, now) = site();
    let slice = watch.balances(&state, None, 0, u32::MAX, now);
    bencher.bench_local(|| {
        let of = |balance: &watch::Balance| PlacedBalance {
            location: &state.catalog().location(balance.location).path,
            last_count: balance.evidence.last_count,
        };
        black_box(blind_spots(slice.items.iter().map(of), &[], 2, Days::default(), now))
    });
}
