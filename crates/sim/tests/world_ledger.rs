//! The production ledger, fed what the simulated supply chain tells, agrees with the naive recount, mistakes and all.

use ledger::{AccountKind, Body, Command, Event, EventKind, Limits, Quantity, Request, State, Timestamp, Verdict};
use sim::oracle::{Oracle, StockKey};
use sim::world::{Emission, Mistakes, Plan, World};
use std::collections::BTreeMap;

const MINUTE: i64 = 60_000_000;
const DAY_MINUTES: i64 = 24 * 60;

struct Books {
    state: State,
    hasher: wire::KeyHasher,
    oracle: Oracle,
    /// What was refused and held, by code.
    refused: BTreeMap<&'static str, u64>,
    /// Reservations that were refused since they were last looked at.
    turned_away: Vec<Box<str>>,
}

impl Books {
    fn new() -> Self {
        let hasher = wire::KeyHasher::new([7; 16]);
        Self {
            state: State::new(7),
            hasher,
            oracle: Oracle::default(),
            refused: BTreeMap::new(),
            turned_away: Vec::new(),
        }
    }

    fn take(&mut self, emission: &Emission<'_>) {
        let said = &emission.request;
        let key = match &said.body {
            Body::Event(event) => self.hasher.event(said.source, said.id, said.occurred_at, event),
            Body::Command(command) => self.hasher.command(said.source, said.id, said.occurred_at, command),
        };
        let request = Request {
            actor: "simulation",
            source: said.source,
            id: said.id,
            key,
            occurred_at: said.occurred_at,
            historical: false,
            resolves: None,
            body: said.body,
        };
        match self.state.decide(&request, emission.arrives_at, &Limits::default()) {
            Verdict::Accepted(decision) => {
                self.recount(&request);
                self.state.apply(&decision);
            }
            Verdict::Duplicate { .. } => {}
            Verdict::Unusable(rejection) | Verdict::Rejected(rejection) => {
                *self.refused.entry(rejection.code()).or_default() += 1;
                if let Body::Command(Command::Reserve(reserve)) = said.body {
                    self.turned_away.push(reserve.reservation.clone());
                }
            }
        }
    }

    /// Takes down what was accepted; a fulfilled reservation is a removal from where the ledger had set it aside.
    fn recount(&mut self, request: &Request<'_>) {
        match &request.body {
            Body::Event(event) => self.oracle.accept(request.source, request.id, request.occurred_at, event),
            Body::Command(Command::DeclareProduct(card)) => self.oracle.declare(card),
            Body::Command(Command::Fulfil { reservation }) => {
                let lines = self.state.reservation(reservation).expect("accepted, so it exists").lines.clone();
                for (index, line) in lines.iter().enumerate() {
                    let (product, location, lot, _) = self.key(line.account).expect("set aside from stock on hand");
                    let event = Event::new(EventKind::ItemRemoved, &product, &location, line.quantity);
                    let id = index.to_string();
                    self.oracle.accept(reservation, &id, request.occurred_at, &Event { lot: &lot, ..event });
                }
            }
            Body::Command(_) => {}
        }
    }

    fn key(&self, account: ledger::AccountId) -> Option<StockKey> {
        let catalog = self.state.catalog();
        let key = catalog.account(account);
        let (product, location) = (&catalog.product(key.product).name, &catalog.location(key.location).path);
        let lot = &catalog.lot(key.lot).name;
        Some((product.to_string(), location.to_string(), lot.to_string(), key.kind.status()?))
    }

    fn expire(&mut self, now: Timestamp) {
        let command = Command::Expire;
        let request = Request {
            actor: "simulation",
            source: "clock",
            id: "",
            key: self.hasher.command("clock", "", now, &command),
            occurred_at: now,
            historical: false,
            resolves: None,
            body: Body::Command(&command),
        };
        if let Verdict::Accepted(decision) = self.state.decide(&request, now, &Limits::default()) {
            self.state.apply(&decision);
        }
    }

    fn assert_as_recounted(&self) {
        let (mut stock, mut in_transit, mut on_order) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        let catalog = self.state.catalog();
        for (account, key) in catalog.accounts() {
            let balance = self.state.balance(account);
            if let Some(key) = self.key(account).filter(|_| !balance.is_zero()) {
                stock.insert(key, balance);
            }
            let sums = match key.kind {
                AccountKind::InTransit => &mut in_transit,
                AccountKind::OnOrder => &mut on_order,
                _ => continue,
            };
            // Lots travel in accounts of their own.
            let name = (catalog.product(key.product).name.to_string(), catalog.location(key.location).path.to_string());
            let sum: &mut Quantity = sums.entry(name).or_default();
            *sum = sum.checked_add(balance).expect("small quantities");
        }
        for sums in [&mut in_transit, &mut on_order] {
            sums.retain(|_, sum| !sum.is_zero());
        }
        assert_eq!(stock, self.oracle.stock_at(Timestamp::MAX));
        assert_eq!(in_transit, self.oracle.in_transit_at(Timestamp::MAX));
        assert_eq!(on_order, self.oracle.on_order_at(Timestamp::MAX));
    }
}

/// Runs a world of a few days into a ledger that tells it which reservations it refused.
fn run(mistakes: Mistakes, days: i64) -> (World, Books) {
    let plan = Plan { seed: 11, products: 240, mistakes, ..Plan::default() };
    let mut world = World::new(plan.clone());
    let mut books = Books::new();
    world.opening(&mut |emission| books.take(&emission));
    for minute in 1..=days * DAY_MINUTES {
        let now = plan.start.plus(minute * MINUTE);
        world.advance(now, &mut |emission| books.take(&emission));
        for reservation in std::mem::take(&mut books.turned_away) {
            world.reservation_refused(&reservation);
        }
        books.expire(now);
        if minute % DAY_MINUTES == 0 {
            books.assert_as_recounted();
        }
    }
    world.drain(&mut |emission| books.take(&emission));
    (world, books)
}

#[test]
fn the_ledger_agrees_with_the_recount_of_a_faulty_world() {
    let (_, books) = run(Mistakes::default(), 4);
    books.assert_as_recounted();
    assert!(books.state.conserves());
    for code in ["clock_ahead", "insufficient_available", "key_conflict", "unknown_unit"] {
        assert!(books.refused.contains_key(code), "{:?}", books.refused);
    }
}

#[test]
fn the_ledger_takes_everything_of_a_faultless_world_and_holds_the_truth() {
    let (world, books) = run(Mistakes::none(), 4);
    books.assert_as_recounted();
    assert_eq!(books.refused, BTreeMap::new());
    let truth = world.truth();
    for (account, _) in books.state.catalog().accounts() {
        if let Some(key) = books.key(account) {
            assert_eq!(books.state.balance(account), truth.stock.get(&key).copied().unwrap_or_default(), "{key:?}");
        }
    }
}
