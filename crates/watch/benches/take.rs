//! How long the watch takes for a movement, with and without a threshold, and for time that passes.
//!
//! `cargo bench -p watch --bench take`

use divan::counter::ItemsCount;
use divan::{Bencher, black_box};
use ledger::{
    Body, Command, Decision, Event, EventKind, Key, Limits, Quantity, Request, RuleCard, State, Timestamp, Verdict,
};
use watch::Watch;

/// Products in one warehouse: more than the caches hold.
const PRODUCTS: u64 = 100_000;
const MOVEMENTS: u64 = 10_000;
/// Movements whose memory is touched together, as the engine does.
const WARM: usize = 32;

fn main() {
    divan::main();
}

struct Site {
    state: State,
    watch: Watch,
    ids: u64,
}

impl Site {
    /// Every product has stock; with a floor, each has a rule of its own too.
    fn new(floor: Option<&str>) -> Self {
        let mut site = Self { state: State::new(1), watch: Watch::new(1), ids: 0 };
        for product in 0..PRODUCTS {
            let name = format!("SKU{product:06}");
            if let Some(floor) = floor {
                let rule = RuleCard {
                    rule: name.as_str().into(),
                    condition: "low_stock".into(),
                    product: name.as_str().into(),
                    location: "warehouse_A".into(),
                    settings: vec![("below".into(), floor.into())],
                    ..RuleCard::default()
                };
                site.hand_in(Body::Command(&Command::DeclareRule(Box::new(rule))));
            }
            let added = Event::new(EventKind::ItemAdded, &name, "warehouse_A", Quantity::units(1_000));
            site.hand_in(Body::Event(added));
        }
        assert_eq!(site.watch.demands(), 0);
        site
    }

    fn hand_in(&mut self, body: Body<'_>) -> Decision {
        self.ids += 1;
        let request = Request {
            actor: "bench",
            source: "bench",
            id: "",
            key: Key { id: u128::from(self.ids) << 64 | u128::from(self.ids), content: self.ids },
            occurred_at: Timestamp(0),
            historical: false,
            resolves: None,
            body,
        };
        let Verdict::Accepted(decision) = self.state.decide(&request, Timestamp(0), &Limits::default()) else {
            panic!("{body:?} is accepted");
        };
        self.state.apply(&decision);
        self.watch.take(&self.state, &decision, &[]);
        decision
    }

    /// Movements at products drawn evenly.
    fn movements(&mut self) -> Vec<Decision> {
        let mut random = 1_u64;
        let drawn = (0..MOVEMENTS).map(|index| {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let kind = if index % 2 == 0 { EventKind::ItemAdded } else { EventKind::ItemRemoved };
            let name = format!("SKU{:06}", (random >> 33) % PRODUCTS);
            self.hand_in(Body::Event(Event::new(kind, &name, "warehouse_A", Quantity::units(1))))
        });
        // Those that opened an account do so once.
        drawn.filter(|decision| decision.names.is_empty()).collect()
    }
}

/// Movements that the state has taken in already, again and again: what is measured is the watch alone.
#[divan::bench(args = [None, Some("10")])]
fn movement(bencher: Bencher<'_, '_>, floor: Option<&str>) {
    let mut site = Site::new(floor);
    let movements = site.movements();
    let Site { state, mut watch, .. } = site;
    bencher.counter(ItemsCount::new(movements.len())).bench_local(|| {
        for group in movements.chunks(WARM) {
            let accounts = group.iter().flat_map(|decision| &decision.postings).map(|posting| posting.account);
            black_box(accounts.fold(0, |touched, account| touched ^ watch.warm(account)));
            for decision in group {
                watch.take(&state, decision, &[]);
            }
        }
    });
    assert_eq!(watch.demands(), 0);
}

/// Time that passes when nothing is due.
#[divan::bench]
fn idle(bencher: Bencher<'_, '_>) {
    let Site { state, mut watch, .. } = Site::new(Some("10"));
    bencher.bench_local(|| watch.advance(black_box(&state), Timestamp(0)));
}
