//! The simulated supply chain keeps its promises: the same seed tells the same, without mistakes it tells the truth,
//! with them it makes each of them, and it forgets what it no longer needs.

use ledger::{Body, Command, Event, EventKind, Reserve, Timestamp};
use sim::oracle::Oracle;
use sim::world::{Emission, Mistake, Mistakes, Plan, World};
use std::collections::hash_map::DefaultHasher;
use std::collections::{BTreeMap, BTreeSet};
use std::hash::{Hash, Hasher};

const HOUR: i64 = 3_600_000_000;
const DAY: i64 = 24 * HOUR;

fn small(seed: u64, mistakes: Mistakes) -> Plan {
    Plan { seed, products: 240, mistakes, ..Plan::default() }
}

fn hours(plan: &Plan, hours: i64) -> Timestamp {
    plan.start.plus(hours * HOUR)
}

/// Opens a world and runs it, in steps of an hour or in one.
fn run(plan: &Plan, days: i64, hourly: bool, sink: &mut dyn FnMut(Emission<'_>)) -> World {
    let mut world = World::new(plan.clone());
    world.opening(sink);
    let steps = if hourly { 1..=days * 24 } else { days * 24..=days * 24 };
    for hour in steps {
        world.advance(hours(plan, hour), sink);
    }
    world
}

fn fingerprint(seed: u64, hourly: bool) -> u64 {
    let mut hasher = DefaultHasher::new();
    run(&small(seed, Mistakes::default()), 2, hourly, &mut |emission| format!("{emission:?}").hash(&mut hasher));
    hasher.finish()
}

#[test]
fn same_seed_tells_the_same_however_time_is_cut() {
    assert_eq!(fingerprint(7, true), fingerprint(7, false));
    assert_ne!(fingerprint(7, false), fingerprint(8, false));
}

/// Feeds an oracle; a fulfilled reservation is a removal from where its lines were set aside.
#[derive(Default)]
struct Recount {
    oracle: Oracle,
    reservations: BTreeMap<Box<str>, Reserve>,
    fulfilled: BTreeSet<Box<str>>,
}

impl Recount {
    fn take(&mut self, emission: &Emission<'_>) {
        let request = &emission.request;
        match &request.body {
            Body::Event(event) => self.oracle.accept(request.source, request.id, request.occurred_at, event),
            Body::Command(Command::DeclareProduct(card)) => self.oracle.declare(card),
            Body::Command(Command::Reserve(reserve)) => {
                self.reservations.insert(reserve.reservation.clone(), reserve.clone());
            }
            Body::Command(Command::Fulfil { reservation }) => self.fulfil(reservation, request.occurred_at),
            Body::Command(_) => {}
        }
    }

    fn fulfil(&mut self, reservation: &str, occurred_at: Timestamp) {
        if !self.fulfilled.insert(reservation.into()) {
            return;
        }
        let reserve = self.reservations.get(reservation).expect("reserved before it is shipped");
        for (index, line) in reserve.lines.iter().enumerate() {
            let event = Event {
                lot: &line.lot,
                ..Event::new(EventKind::ItemRemoved, &line.product, &line.location, line.quantity)
            };
            self.oracle.accept(reservation, &index.to_string(), occurred_at, &event);
        }
    }
}

#[test]
fn without_mistakes_the_reports_add_up_to_the_truth() {
    for seed in [1, 2] {
        let plan = small(seed, Mistakes::none());
        let mut recount = Recount::default();
        let mut world = run(&plan, 7, false, &mut |emission| recount.take(&emission));
        world.drain(&mut |emission| recount.take(&emission));
        let truth = world.truth();
        assert!(truth.stock.len() > 1_000 && !truth.on_order.is_empty() && !truth.in_transit.is_empty());
        assert!(truth.stock == recount.oracle.stock_at(Timestamp::MAX), "stock, seed {seed}");
        assert_eq!(truth.in_transit, recount.oracle.in_transit_at(Timestamp::MAX), "seed {seed}");
        assert_eq!(truth.on_order, recount.oracle.on_order_at(Timestamp::MAX), "seed {seed}");
        assert!(Mistake::ALL.iter().all(|mistake| world.tally().mistakes(*mistake) == 0));
        assert_eq!(world.tally().picks_short, 0, "what the books show is there");
    }
}

#[test]
fn goods_are_never_fewer_than_none() {
    let world = run(&small(3, Mistakes::default()), 7, false, &mut |_| {});
    assert!(world.truth().stock.values().all(|quantity| !quantity.is_negative()));
}

#[test]
fn every_mistake_and_every_kind_of_event_occurs_within_a_day() {
    let plan = Plan::default();
    let world = run(&plan, 1, false, &mut |_| {});
    let tally = world.tally();
    for mistake in Mistake::ALL {
        assert!(tally.mistakes(*mistake) > 0, "nobody made the mistake '{}'", mistake.name());
    }
    let rare = run(&plan, 4, false, &mut |_| {});
    // This supply chain has no handling units.
    let of_units = [EventKind::UnitPacked, EventKind::UnitUnpacked];
    for kind in EventKind::ALL.into_iter().filter(|kind| !of_units.contains(kind)) {
        assert!(rare.tally().events(kind) > 0, "no {} in four days", kind.name());
    }
    assert!(tally.reserve > 0 && tally.release > 0 && tally.fulfil > 0);
}

#[test]
fn arrivals_are_in_order_and_happenings_are_not() {
    let plan = small(4, Mistakes::default());
    let (mut arrived, mut newest, mut late) = (plan.start, plan.start, 0);
    let mut world = run(&plan, 2, true, &mut |emission| {
        assert!(emission.arrives_at >= arrived);
        arrived = emission.arrives_at;
        late += usize::from(emission.request.occurred_at.plus(60_000_000) < newest);
        newest = newest.max(emission.request.occurred_at);
        assert!(!emission.request.id.is_empty() && !emission.request.source.is_empty());
    });
    assert!(late > 10, "{late} arrived a minute after later ones");
    world.drain(&mut |emission| {
        assert!(emission.arrives_at >= arrived);
        arrived = emission.arrives_at;
    });
    world.advance(hours(&plan, 72), &mut |emission| assert!(emission.arrives_at >= arrived));
}

#[test]
fn an_id_comes_again_with_the_same_and_with_other_content() {
    let (mut said, mut same, mut other) = (BTreeMap::new(), 0, 0);
    run(&small(5, Mistakes::default()), 3, false, &mut |emission| {
        let request = emission.request;
        let content = format!("{:?} {:?}", request.occurred_at, request.body);
        match said.insert((request.source.to_owned(), request.id.to_owned()), content.clone()) {
            Some(before) if before == content => same += 1,
            Some(_) => other += 1,
            None => {}
        }
    });
    assert!(same > 0 && other > 0, "{same} repeated, {other} reused");
}

#[test]
fn a_refused_reservation_is_not_picked() {
    let plan = small(6, Mistakes::none());
    let mut world = World::new(plan.clone());
    world.opening(&mut |_| {});
    let mut refused = BTreeSet::new();
    for minute in 1..24 * 60 {
        let mut asked = Vec::new();
        world.advance(plan.start.plus(minute * 60_000_000), &mut |emission| match emission.request.body {
            Body::Command(Command::Reserve(reserve)) => asked.push(reserve.reservation.clone()),
            Body::Command(Command::Fulfil { reservation } | Command::Release { reservation }) => {
                assert!(!refused.contains(reservation), "{reservation} goes on");
            }
            _ => {}
        });
        for reservation in asked.into_iter().step_by(3) {
            world.reservation_refused(&reservation);
            refused.insert(reservation);
        }
    }
    assert!(refused.len() > 50);
}

#[test]
fn memory_stays_level_over_six_weeks() {
    let plan = Plan { products: 60, ..small(9, Mistakes::default()) };
    let mut world = World::new(plan.clone());
    world.opening(&mut |_| {});
    let mut peaks = [(0, 0, 0, 0); 6];
    for day in 1..=42 {
        world.advance(plan.start.plus(day * DAY), &mut |_| {});
        let now = world.footprint();
        let week = usize::try_from((day - 1) / 7).expect("one of six");
        let peak = &mut peaks[week];
        *peak = (peak.0.max(now.spots), peak.1.max(now.units), peak.2.max(now.tasks), peak.3.max(now.reports));
    }
    let (second, last) = (peaks[1], peaks[5]);
    assert!(
        last.0 < second.0 * 3 / 2 && last.1 <= second.1 * 2 + 20 && last.2 < second.2 * 2 && last.3 < 2_000,
        "{peaks:?}"
    );
}

#[test]
fn rate_hint_is_right_within_a_third() {
    for (products, warehouses) in [(240, 3), (240, 1), (60, 6)] {
        let plan = Plan { products, warehouses, ..small(10, Mistakes::default()) };
        let mut count = 0_u64;
        let mut world = run(&plan, 7, false, &mut |_| {});
        world.advance(hours(&plan, 14 * 24), &mut |_| count += 1);
        let (hint, hourly) = (world.rate_hint(), count / (7 * 24));
        assert!(hourly * 3 > hint * 2 && hourly * 3 < hint * 4, "hint {hint}, measured {hourly} an hour");
    }
}
