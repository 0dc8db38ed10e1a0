//! Shipments watched, told as stories.

mod site;

use ledger::{
    AlertStep, Body, Command, Event, EventKind, LocationCard, Observation, Position, ProductCard, Quantity,
    Site as Place, Timestamp,
};
use proptest::prelude::*;
use site::{DAY, HOUR, MINUTE, START, Said, Site};
use watch::shipment::{Card, Mode, Report, Stage};

/// Vienna and Graz, some 145 km apart.
const FROM: (f64, f64) = (48.2, 16.37);
const TO: (f64, f64) = (47.07, 15.44);

fn declare(site: &mut Site, location: &str, (latitude, longitude): (f64, f64)) {
    #[expect(clippy::cast_possible_truncation, reason = "degrees fit")]
    let micros = |degrees: f64| (degrees * 1e6) as i32;
    site.command(Command::DeclareLocation(Box::new(LocationCard {
        location: location.into(),
        site: Some(Place { latitude_micros: micros(latitude), longitude_micros: micros(longitude), radius_m: 500 }),
        ..LocationCard::default()
    })));
}

fn two_sites() -> Site {
    let mut site = Site::new();
    declare(&mut site, "VIE", FROM);
    declare(&mut site, "GRZ", TO);
    site
}

fn card(site: &Site, promised_hours: i64) -> Card {
    Card {
        said_at: Timestamp(site.now),
        from: "VIE".into(),
        to: "GRZ".into(),
        mode: Mode::Road,
        vehicle: Some("truck".into()),
        departure_at: Some(Timestamp(START + HOUR)),
        arrival_at: Some(Timestamp(START + 4 * HOUR)),
        promised_at: Some(Timestamp(START + promised_hours * HOUR)),
        ..Card::default()
    }
}

fn tell(site: &mut Site, source: &str, said: &[Said]) {
    let command = Command::Observe(Box::new(Observation { form: "shipment".into(), ..Observation::default() }));
    let now = site.now;
    site.hand_in(source, now, Body::Command(&command), said);
}

fn plan(site: &mut Site, promised_hours: i64, products: &[(&str, i64)]) {
    let products = products.iter().map(|(product, units)| ((*product).into(), Quantity::units(*units))).collect();
    let card = card(site, promised_hours);
    tell(site, "tms", &[Said::Plan("S1".into(), card, products)]);
}

fn report(site: &mut Site, report: Report) {
    tell(site, "tms", &[Said::Shipment("S1".into(), report)]);
}

/// The truck is seen at this part of the straight way, from 0 to 1.
fn seen(site: &mut Site, share: f64) {
    let (latitude, longitude) = (FROM.0 + (TO.0 - FROM.0) * share, FROM.1 + (TO.1 - FROM.1) * share);
    let now = site.now;
    tell(site, "truck", &[Said::Position(latitude, longitude, now)]);
}

fn dispatch(site: &mut Site, product: &str, units: i64, expected_at: Option<Timestamp>) {
    site.event(Event {
        to: "GRZ/1",
        reference: "S1",
        expected_at,
        ..Event::new(EventKind::ShipmentDispatched, product, "VIE/1", Quantity::units(units))
    });
}

fn receive(site: &mut Site, product: &str, units: i64) {
    site.event(Event {
        reference: "S1",
        ..Event::new(EventKind::ShipmentReceived, product, "GRZ/1", Quantity::units(units))
    });
}

fn stage(site: &Site) -> Option<Stage> {
    site.watch.shipments().journey("S1").and_then(|journey| journey.stage())
}

/// The alerts of shipments that are open.
fn open(site: &Site) -> Vec<String> {
    site.open().into_iter().filter(|line| line.ends_with("S1")).collect()
}

fn check_replays(site: &Site) {
    for reload_at in 0..=site.journal.len() {
        site.check_replay(reload_at);
    }
}

#[test]
fn a_truck_that_is_slow_is_told_before_its_promise_is_missed_and_over_when_it_arrives() {
    let mut site = two_sites();
    plan(&mut site, 5, &[]);
    assert_eq!(stage(&site), Some(Stage::Planned));
    site.wait(HOUR);
    seen(&mut site, 0.0);
    site.wait(10 * MINUTE);
    for tenth in 1..=3 {
        seen(&mut site, f64::from(tenth) / 50.0);
        site.wait(40 * MINUTE);
    }
    assert_eq!(open(&site), ["shipment_late S1"]);
    let why = site.why("shipment_late");
    assert!(why.starts_with("S1 from VIE to GRZ will be later than promised for 2026-01-05 05:00 UTC with "), "{why}");
    assert!(why.contains("expected 2026-01-05 ") && why.contains("by where it is"), "{why}");
    assert!(site.now < START + 5 * HOUR, "told before the promise is missed");
    for tenth in 2..=10 {
        site.wait(30 * MINUTE);
        seen(&mut site, f64::from(tenth) / 10.0);
    }
    site.wait(HOUR);
    assert_eq!(stage(&site), Some(Stage::Arrived));
    assert_eq!(open(&site), [""; 0]);
    assert_eq!(site.history("shipment_late"), (1, vec!["cleared".to_owned()]));
    check_replays(&site);
}

#[test]
fn one_that_nobody_hears_of_is_late_when_its_promise_has_passed() {
    let mut site = Site::new();
    let card = Card { promised_at: Some(Timestamp(START + 2 * DAY)), ..Card::default() };
    tell(&mut site, "tms", &[Said::Plan("S1".into(), Card { said_at: Timestamp(START), ..card }, Vec::new())]);
    site.wait(2 * DAY);
    assert_eq!(open(&site), [""; 0]);
    site.wait(MINUTE);
    assert_eq!(open(&site), ["shipment_late S1"]);
    assert_eq!(site.why("shipment_late"), "S1 was promised for 2026-01-07 00:00 UTC and is not there");
    report(&mut site, Report::Cancelled { at: Timestamp(START + 2 * DAY) });
    assert_eq!(open(&site), [""; 0]);
    check_replays(&site);
}

#[test]
fn a_later_promise_ends_that_it_is_late() {
    let mut site = two_sites();
    plan(&mut site, 2, &[]);
    assert_eq!(open(&site), ["shipment_late S1"], "the plan itself ends after the promise");
    assert!(
        site.why("shipment_late").ends_with("its plan itself ends 2 h after the promise"),
        "{}",
        site.why("shipment_late")
    );
    site.wait(MINUTE);
    plan(&mut site, 40, &[]);
    assert_eq!(open(&site), [""; 0]);
    check_replays(&site);
}

#[test]
fn a_stop_a_detour_and_silence_are_told_and_end() {
    let mut site = two_sites();
    plan(&mut site, 60, &[]);
    report(&mut site, Report::Departed { at: Timestamp(START) });
    site.wait(10 * MINUTE);
    for _ in 0..5 {
        seen(&mut site, 0.3);
        site.wait(10 * MINUTE);
    }
    assert_eq!(open(&site), ["shipment_stopped S1"]);
    assert!(
        site.why("shipment_stopped").contains("has stood still for 30 min at 47.8610, 16.0910"),
        "{}",
        site.why("shipment_stopped")
    );
    seen(&mut site, 0.4);
    assert_eq!(open(&site), [""; 0]);
    site.wait(90 * MINUTE);
    let now = site.now;
    tell(&mut site, "truck", &[Said::Position(48.2, 14.3, now)]);
    assert_eq!(open(&site), ["shipment_off_route S1"], "{:?}", site.open());
    site.wait(2 * HOUR + MINUTE);
    assert_eq!(open(&site), ["shipment_off_route S1", "shipment_silent S1"]);
    assert!(
        site.why("shipment_silent").starts_with("S1 from VIE to GRZ has not been seen for 2 h"),
        "{}",
        site.why("shipment_silent")
    );
    seen(&mut site, 0.5);
    site.wait(10 * MINUTE);
    seen(&mut site, 0.55);
    assert_eq!(open(&site), [""; 0]);
    check_replays(&site);
}

#[test]
fn what_the_ledger_books_under_a_reference_is_a_shipment_without_a_plan() {
    let mut site = Site::new();
    site.add("TEA", "VIE/1", 100);
    dispatch(&mut site, "TEA", 10, Some(Timestamp(START + DAY)));
    dispatch(&mut site, "JAM", 4, None);
    let card = site.watch.shipments().shipment("S1").and_then(|shipment| shipment.card()).cloned().expect("implied");
    assert_eq!((&*card.from, &*card.to, card.promised_at), ("VIE", "GRZ", Some(Timestamp(START + DAY))));
    assert_eq!(stage(&site), Some(Stage::Departed));
    site.wait(HOUR);
    receive(&mut site, "TEA", 7);
    assert_eq!(stage(&site), Some(Stage::PartlyReceived));
    site.wait(DAY - HOUR);
    assert_eq!(open(&site), [""; 0]);
    site.wait(DAY + MINUTE);
    assert_eq!(open(&site), ["short_receipt S1"]);
    assert_eq!(
        site.why("short_receipt"),
        "S1 from VIE to GRZ: JAM 4 of 4 missing, TEA 3 of 10 missing; the rest was expected 2026-01-06 00:00 UTC"
    );
    receive(&mut site, "TEA", 5);
    assert_eq!(open(&site), ["short_receipt S1", "over_receipt S1"]);
    assert_eq!(site.why("over_receipt"), "S1 from VIE to GRZ: TEA 12 received, 10 expected");
    receive(&mut site, "JAM", 4);
    assert_eq!(open(&site), ["over_receipt S1"]);
    let original = site.journal.last().map(|(decision, _)| decision.clone()).expect("just received");
    let position = Position(site.journal.len() as u64);
    let position = (1..=position.0).map(Position).rfind(|at| {
        site.journal[usize::try_from(at.0 - 1).expect("small")].0.kind == ledger::DecisionKind::ShipmentReceived
    });
    let reversed = site.journal[usize::try_from(position.expect("received").0 - 1).expect("small")].0.clone();
    assert_eq!(original.kind, ledger::DecisionKind::AlertResolved);
    site.command(Command::Reverse {
        position: position.expect("received"),
        original: Box::new(reversed),
        reason: "wrong pallet".into(),
    });
    assert_eq!(open(&site), ["over_receipt S1", "short_receipt S1"], "what was taken back is missing again");
    check_replays(&site);
}

#[test]
fn an_order_that_is_cancelled_is_over() {
    let mut site = Site::new();
    let order = |kind, units| Event { reference: "S1", ..Event::new(kind, "TEA", "GRZ", Quantity::units(units)) };
    site.event(order(EventKind::PurchaseOrderPlaced, 10));
    assert_eq!(stage(&site), Some(Stage::Ordered));
    site.event(order(EventKind::PurchaseOrderCancelled, 4));
    assert_eq!(stage(&site), Some(Stage::Ordered));
    site.event(order(EventKind::PurchaseOrderReceived, 8));
    assert_eq!(open(&site), ["over_receipt S1"]);
    let mut other = Site::new();
    other.event(order(EventKind::PurchaseOrderPlaced, 10));
    other.event(order(EventKind::PurchaseOrderCancelled, 10));
    assert_eq!(stage(&other), Some(Stage::Cancelled));
    check_replays(&site);
    check_replays(&other);
}

#[test]
fn a_plan_said_anew_says_all_that_is_to_come() {
    let mut site = two_sites();
    plan(&mut site, 60, &[("TEA", 10), ("JAM", 3)]);
    site.wait(MINUTE);
    plan(&mut site, 60, &[("TEA", 12)]);
    let lines = site.watch.shipments().shipment("S1").map(|shipment| shipment.lines()).expect("it is known");
    assert_eq!((lines["TEA"].ordered, lines["JAM"].ordered), (Quantity::units(12), Quantity::ZERO));
    check_replays(&site);
}

#[test]
fn a_rule_that_is_off_closes_and_one_for_the_destination_holds() {
    let mut site = two_sites();
    plan(&mut site, 2, &[]);
    assert_eq!(open(&site), ["shipment_late S1"]);
    site.rule_for("graz", "shipment_late", &[], |card| {
        card.location = "GRZ".into();
        card.is_off = true;
    });
    assert_eq!(open(&site), [""; 0]);
    assert_eq!(site.history("shipment_late").1, ["rule_off"]);
    site.command(Command::WithdrawRule { rule: "graz".into() });
    assert_eq!(open(&site), ["shipment_late S1"]);
    check_replays(&site);
}

#[test]
fn one_that_is_over_is_forgotten_after_a_month_and_leaves_no_alert() {
    let mut site = Site::new();
    dispatch(&mut site, "TEA", 10, None);
    receive(&mut site, "TEA", 4);
    site.wait(2 * DAY);
    assert_eq!(open(&site), ["short_receipt S1"]);
    site.wait(31 * DAY);
    assert_eq!(open(&site), ["short_receipt S1"], "only an entry changes what is remembered");
    site.add("JAM", "VIE", 1);
    assert_eq!(site.watch.shipments().ids().count(), 0);
    assert_eq!(open(&site), [""; 0]);
    dispatch(&mut site, "TEA", 2, None);
    assert_eq!(stage(&site), Some(Stage::Departed));
    check_replays(&site);
}

#[test]
fn a_movement_without_a_reference_and_a_device_without_a_shipment_are_none() {
    let mut site = two_sites();
    site.command(Command::DeclareProduct(Box::new(ProductCard { product: "TEA".into(), ..ProductCard::default() })));
    site.add("TEA", "VIE/1", 10);
    site.event(Event { to: "GRZ", ..Event::new(EventKind::ShipmentDispatched, "TEA", "VIE/1", Quantity::units(1)) });
    seen(&mut site, 0.5);
    assert_eq!(site.watch.shipments().ids().count(), 0);
    check_replays(&site);
}

#[derive(Clone, Debug)]
enum Step {
    Plan(i64, i64),
    Depart,
    Arrive,
    Cancel,
    See(u8),
    Dispatch(i64),
    Receive(i64),
    Wait(i64),
    Rule(bool),
    Resolve,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        (1..80_i64, 0..5_i64).prop_map(|(hours, units)| Step::Plan(hours, units)),
        Just(Step::Depart),
        Just(Step::Arrive),
        Just(Step::Cancel),
        (0..120_u8).prop_map(Step::See),
        (0..120_u8).prop_map(Step::See),
        (1..9_i64).prop_map(Step::Dispatch),
        (1..9_i64).prop_map(Step::Receive),
        (1..3_000_i64).prop_map(Step::Wait),
        (1..60_000_i64).prop_map(Step::Wait),
        any::<bool>().prop_map(Step::Rule),
        Just(Step::Resolve),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn replay_equals_live_whatever_happens_and_wherever_the_image_is_read(
        steps in proptest::collection::vec(step(), 1..30),
        reload in 0.0..1.0_f64,
    ) {
        let mut site = two_sites();
        let mut is_set = None;
        for step in steps {
            match step {
                Step::Plan(hours, 0) => plan(&mut site, hours, &[]),
                Step::Plan(hours, units) => plan(&mut site, hours, &[("TEA", units)]),
                Step::Depart => { let at = Timestamp(site.now); report(&mut site, Report::Departed { at }); }
                Step::Arrive => { let at = Timestamp(site.now); report(&mut site, Report::Arrived { at }); }
                Step::Cancel => { let at = Timestamp(site.now); report(&mut site, Report::Cancelled { at }); }
                Step::See(percent) => seen(&mut site, f64::from(percent) / 100.0),
                Step::Dispatch(units) => dispatch(&mut site, "TEA", units, None),
                Step::Receive(units) => receive(&mut site, "TEA", units),
                Step::Wait(minutes) => site.wait(minutes * MINUTE),
                Step::Rule(is_off) if is_set == Some(is_off) => {}
                Step::Rule(is_off) => {
                    is_set = Some(is_off);
                    site.rule_for("graz", "shipment_late", &[], |card| card.is_off = is_off);
                }
                Step::Resolve => {
                    let alert = site.state.alerts().iter().next().map(|(position, _)| position);
                    if let Some(alert) = alert {
                        let step = AlertStep::Resolved { outcome: "by_hand".into() };
                        site.command(Command::ChangeAlert(Box::new(ledger::AlertChange { alert, step, note: "".into() })));
                    }
                }
            }
        }
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss, reason = "a share")]
        let at = (reload * (site.journal.len() + 1) as f64) as usize;
        site.check_replay(at);
        site.check_replay(site.journal.len());
    }
}
