//! Laws of shipments, and a journey from its order to its receipt.

use ledger::{Quantity, Timestamp};
use proptest::prelude::*;
use watch::shipment::{
    Basis, By, Card, Change, Ended, Fix, Lane, Leg, LineReport, Mode, Point, Report, Settings, Shipments, Site, Stage,
    Taken,
};

const MINUTE: i64 = 60_000_000;
const HOUR: i64 = 60 * MINUTE;
/// Metres of a degree on the great circle.
const DEGREE_M: f64 = 111_195.0;

fn point(latitude: f64, longitude: f64) -> Point {
    Point::new(latitude, longitude).expect("on the earth")
}

fn site(location: &str, latitude: f64, longitude: f64) -> Site {
    Site { location: location.into(), centre: point(latitude, longitude), radius_m: 1_000, polygon: Vec::new() }
}

fn shipments() -> Shipments {
    let mut shipments = Shipments::new(Settings::default());
    for site in [site("factory", 50.0, 8.0), site("hub", 50.0, 10.0), site("warehouse_A", 50.0, 13.0)] {
        assert!(shipments.put_site(site));
    }
    shipments
}

fn card(said_at: i64, promised_at: i64) -> Card {
    Card {
        said_at: Timestamp(said_at),
        from: "factory".into(),
        to: "warehouse_A/dock-2".into(),
        carrier: "Swift".into(),
        mode: Mode::Road,
        vehicle: Some("truck-7".into()),
        promised_at: Some(Timestamp(promised_at)),
        departure_at: Some(Timestamp(8 * HOUR)),
        arrival_at: Some(Timestamp(14 * HOUR)),
        legs: Vec::new(),
    }
}

fn fix(at: i64, latitude: f64, longitude: f64) -> Fix {
    Fix { at: Timestamp(at), point: point(latitude, longitude), accuracy_m: 15 }
}

fn line(id: u64, at: i64, units: i64) -> LineReport {
    LineReport { id, at: Timestamp(at), product: "bolt".into(), quantity: Quantity::units(units) }
}

fn reports() -> impl Strategy<Value = Report> {
    let at = (0_i64..48).prop_map(|half_hours| Timestamp(half_hours * HOUR / 2));
    let lines = (0_u64..6, 0_i64..40, -3_i64..9).prop_map(|(id, hour, units)| line(id, hour * HOUR, units));
    let position = (0_i64..1_500, 49.5_f64..50.5, 7.5_f64..13.5, 0_u32..9_000).prop_map(
        |(minute, latitude, longitude, accuracy_m)| {
            Report::Position(Fix { accuracy_m, ..fix(minute * MINUTE, latitude, longitude) })
        },
    );
    let site = |name: &str| -> Box<str> { name.into() };
    let planned = (0_i64..4, 10_i64..30, 0_usize..3).prop_map(move |(said_at, promised, legs)| {
        let leg = |from: &str, to: &str| Leg { from: site(from), to: site(to), mode: Mode::Road, ..Leg::default() };
        let legs = [leg("factory", "hub"), leg("hub", "warehouse_A")][..legs].to_vec();
        Report::Planned(Box::new(Card { legs, ..card(said_at, promised * HOUR) }))
    });
    prop_oneof![
        1 => at.clone().prop_map(|at| Report::Ordered { at }),
        1 => at.clone().prop_map(|at| Report::Departed { at }),
        1 => at.clone().prop_map(|at| Report::Arrived { at }),
        1 => at.clone().prop_map(|at| Report::Cancelled { at }),
        2 => (0_u16..70, at.clone()).prop_map(|(leg, at)| Report::LegDeparted { leg: leg % 3, at }),
        2 => (0_u16..70, at).prop_map(|(leg, at)| Report::LegArrived { leg, at }),
        2 => planned,
        2 => lines.clone().prop_map(Report::LineOrdered),
        2 => lines.clone().prop_map(Report::LineDispatched),
        2 => lines.prop_map(Report::LineReceived),
        12 => position,
    ]
}

fn taken<'r>(reports: impl IntoIterator<Item = &'r Report>) -> Shipments {
    let mut shipments = shipments();
    for report in reports {
        shipments.take("PO-1", report);
        // Asking in between must not change anything.
        let _ = shipments.journey("PO-1").map(|journey| journey.stage());
    }
    shipments
}

proptest! {
    #[test]
    fn order_of_arrival_and_repetition_do_not_matter(
        reports in prop::collection::vec(reports(), 1..60),
        seed in any::<u64>(),
        again in prop::collection::vec(any::<prop::sample::Index>(), 0..20),
    ) {
        let mut shuffled: Vec<&Report> = reports.iter().chain(again.iter().map(|index| index.get(&reports))).collect();
        let mut random = seed | 1;
        for last in (1..shuffled.len()).rev() {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            shuffled.swap(last, usize::try_from(random >> 33).unwrap() % (last + 1));
        }
        let (one, other) = (taken(&reports), taken(shuffled));
        prop_assert_eq!(one.shipment("PO-1"), other.shipment("PO-1"));
        prop_assert_eq!(one.journey("PO-1"), other.journey("PO-1"));
        prop_assert_eq!(one.estimate("PO-1", Timestamp(48 * HOUR)), other.estimate("PO-1", Timestamp(48 * HOUR)));
        let image = |shipments: &Shipments| { let mut image = Vec::new(); shipments.save(&mut image); image };
        prop_assert_eq!(image(&one), image(&other));
    }

    #[test]
    fn positions_one_by_one_give_the_same_journey_as_all_at_once(
        reports in prop::collection::vec(reports(), 1..60),
    ) {
        // With a tick after each report the journey is kept and goes on; loaded, it is walked anew.
        let mut kept = shipments();
        for (hour, report) in (0_i64..).zip(&reports) {
            kept.take("PO-1", report);
            kept.tick(Timestamp(48 * HOUR + hour));
        }
        let mut image = Vec::new();
        kept.save(&mut image);
        let loaded = Shipments::load(Settings::default(), &mut image.as_slice()).unwrap();
        prop_assert_eq!(kept.journey("PO-1"), loaded.journey("PO-1"));
        let mut again = Vec::new();
        loaded.save(&mut again);
        prop_assert_eq!(image, again);
    }

    #[test]
    fn a_loaded_set_goes_on_as_the_saved_one_would(
        before in prop::collection::vec(reports(), 1..40),
        after in prop::collection::vec(reports(), 1..20),
    ) {
        let mut saved = taken(&before);
        saved.tick(Timestamp(48 * HOUR));
        let mut image = Vec::new();
        saved.save(&mut image);
        let mut loaded = Shipments::load(Settings::default(), &mut image.as_slice()).unwrap();
        for report in &after {
            prop_assert_eq!(saved.take("PO-1", report), loaded.take("PO-1", report));
        }
        prop_assert_eq!(saved.tick(Timestamp(50 * HOUR)), loaded.tick(Timestamp(50 * HOUR)));
    }

    #[test]
    fn load_of_garbage_never_panics(
        reports in prop::collection::vec(reports(), 1..20),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
        noise in prop::collection::vec(any::<u8>(), 0..300),
    ) {
        let _ = Shipments::load(Settings::default(), &mut noise.as_slice());
        let mut image = Vec::new();
        taken(&reports).save(&mut image);
        for (index, byte) in changes {
            let index = index.index(image.len());
            image[index] = byte;
        }
        if let Ok(mut loaded) = Shipments::load(Settings::default(), &mut image.as_slice()) {
            loaded.take("PO-1", &Report::Position(fix(i64::MAX, 50.0, 9.0)));
            loaded.tick(Timestamp::MAX);
        }
    }

    #[test]
    fn a_later_promise_is_missed_less_likely(
        longitude in 8.1_f64..12.9,
        now_minutes in 0_i64..600,
        promised in prop::collection::vec(500_i64..2_000, 2..10),
    ) {
        let mut promised = promised;
        promised.sort_unstable();
        let late = |promised: i64| {
            let mut shipments = shipments();
            shipments.take("PO-1", &Report::Planned(Box::new(card(0, promised * MINUTE))));
            shipments.take("PO-1", &Report::Departed { at: Timestamp(8 * HOUR) });
            shipments.take("PO-1", &Report::Position(fix(8 * HOUR + MINUTE, 50.0, 8.05)));
            shipments.take("PO-1", &Report::Position(fix(10 * HOUR, 50.0, longitude)));
            let estimate = shipments.estimate("PO-1", Timestamp(10 * HOUR + now_minutes * MINUTE)).unwrap();
            assert_eq!(estimate.basis, Basis::Position);
            assert!(estimate.early_at <= estimate.median_at && estimate.median_at <= estimate.late_at);
            estimate.late_probability.unwrap()
        };
        let probabilities: Vec<f64> = promised.iter().map(|promised| late(*promised)).collect();
        prop_assert!(probabilities.is_sorted_by(|one, next| one >= next), "{:?}", probabilities);
        prop_assert!(probabilities.iter().all(|probability| (0.0..=1.0).contains(probability)));
    }
}

#[test]
fn what_does_not_exist_in_time_or_space_never_panics() {
    let mut shipments = shipments();
    for at in [i64::MIN, -1, 0, i64::MAX] {
        let at = Timestamp(at);
        for (latitude, longitude) in [(90.0, 180.0), (-90.0, -180.0), (50.0, 8.0)] {
            let fix = Fix { at, point: point(latitude, longitude), accuracy_m: u32::MAX };
            shipments.take("a", &Report::Position(fix));
            shipments.take("a", &Report::Position(Fix { accuracy_m: 0, ..fix }));
        }
        let card = Card { departure_at: Some(at), promised_at: Some(Timestamp::MAX), ..card(at.0, i64::MIN) };
        shipments.take("a", &Report::Planned(Box::new(card)));
        shipments.take("a", &Report::LegArrived { leg: u16::MAX, at });
        shipments.take("a", &Report::Departed { at });
        for now in [Timestamp::MIN, Timestamp(0), Timestamp::MAX] {
            shipments.estimate("a", now);
            shipments.tick(now);
        }
    }
}

/// A lorry leaves the factory in time, rests for an hour, takes a wrong road and comes late; that it will be late is told
/// before the promise is missed.
#[test]
fn a_lorry_with_a_rest_and_a_detour_is_told_to_be_late_before_it_is() {
    let mut shipments = shipments();
    let lane =
        Lane { mode: Mode::Road, from: "factory".into(), to: "warehouse_A/dock-2".into(), carrier: "Swift".into() };
    for turn in 0..12 {
        let ended = Ended {
            planned_departure_at: Some(Timestamp(0)),
            departed_at: Timestamp(0),
            arrived_at: Timestamp(6 * HOUR + (turn % 4 - 1) * 10 * MINUTE),
            planned_micros: Some(6.0 * 3.6e9),
        };
        shipments.lanes_mut().learn(&lane, &ended);
    }
    let promised_at = 15 * HOUR;
    for report in [
        Report::LineOrdered(line(1, 0, 10)),
        Report::Planned(Box::new(card(HOUR, promised_at))),
        Report::LineDispatched(line(2, 7 * HOUR, 10)),
    ] {
        assert_eq!(shipments.take("PO-1", &report), Taken::New);
    }
    let at_dispatch = shipments.estimate("PO-1", Timestamp(7 * HOUR)).unwrap();
    assert!(at_dispatch.late_probability.unwrap() < 0.3, "{at_dispatch:?}");

    let mut told: Vec<(i64, Change)> = Vec::new();
    for (minute, latitude, longitude) in drive() {
        let at = minute * MINUTE;
        let is_there = told.iter().any(|(_, change)| matches!(change, Change::Arrived { .. }));
        let taken = shipments.take_position("truck-7", fix(at, latitude, longitude));
        assert_eq!(taken, usize::from(!is_there), "what follows is another journey's");
        told.extend(shipments.tick(Timestamp(at)).into_iter().map(|(_, change)| (minute, change)));
        if minute % 60 == 0 {
            // A position that cannot be, and one too vague to count.
            shipments.take_position("truck-7", fix(at + MINUTE, 10.0, longitude));
            shipments.take_position("truck-7", Fix { accuracy_m: 20_000, ..fix(at + 2 * MINUTE, latitude, longitude) });
        }
    }
    let journey = shipments.journey("PO-1").unwrap().into_owned();
    assert_eq!(journey.stage(), Some(Stage::Arrived));
    let milestones = journey.milestones();
    let (departed, arrived) = (milestones.departed.unwrap(), milestones.arrived.unwrap());
    assert_eq!((departed.by, arrived.by), (By::Position, By::Position));
    assert_eq!(departed.at, Timestamp(485 * MINUTE));
    assert!(arrived.at > Timestamp(promised_at));
    assert!(journey.implausible() > 5 && journey.vague() > 5);
    let ([stop], 1) = journey.stops() else { panic!("{:?}", journey.stops()) };
    assert_eq!((stop.from_at, stop.until_at), (Timestamp(595 * MINUTE), Timestamp(655 * MINUTE)));
    assert!(stop.is_over && stop.point.distance_m(point(50.0, 9.38)) < 5_000.0);
    let ([detour], 1) = journey.detours() else { panic!("{:?}", journey.detours()) };
    assert!(detour.is_over && detour.off_m > 0.6 * DEGREE_M && detour.off_m < 0.8 * DEGREE_M, "{detour:?}");

    let minute_of =
        |is: fn(&Change) -> bool| told.iter().find(|(_, change)| is(change)).map(|(minute, _)| *minute).unwrap();
    let stopped = minute_of(|change| matches!(change, Change::Stopped(_)));
    let detoured = minute_of(|change| matches!(change, Change::Detoured(_)));
    let late = minute_of(|change| matches!(change, Change::Late(_)));
    let there = minute_of(|change| matches!(change, Change::Arrived { .. }));
    assert!((625..=630).contains(&stopped), "{stopped}");
    assert!(stopped < detoured && late * MINUTE < promised_at - HOUR, "late told {late}, detour {detoured}");
    assert!(there * MINUTE > promised_at);
    assert_eq!(shipments.late_since("PO-1"), None, "once there, it is no more than that");

    shipments.take("PO-1", &Report::LineReceived(line(3, 18 * HOUR, 6)));
    assert_eq!(shipments.journey("PO-1").unwrap().stage(), Some(Stage::PartlyReceived));
    shipments.take("PO-1", &Report::LineReceived(line(4, 19 * HOUR, 4)));
    let received = shipments.journey("PO-1").unwrap().milestones().received.unwrap();
    assert_eq!(received.at, Timestamp(19 * HOUR));
    assert!(shipments.lanes().expect(&lane, watch::shipment::Figure::Transit).unwrap().count > 12.5);
}

/// Every five minutes: minute of the day, latitude, longitude.
fn drive() -> Vec<(i64, f64, f64)> {
    let mut positions = Vec::new();
    let (mut latitude, mut longitude) = (50.0, 8.0);
    for minute in (420..1_300).step_by(5) {
        match minute {
            ..485 | 600..660 => {}
            // Wrong way, to the north, and back again.
            720..780 => latitude += 0.06,
            780..840 => latitude -= 0.06,
            _ => longitude = f64::min(longitude + 0.06, 13.0),
        }
        positions.push((minute, latitude, longitude));
    }
    positions
}

#[test]
fn a_shipment_that_does_not_leave_becomes_late_and_one_promised_anew_is_so_no_more() {
    let mut shipments = shipments();
    shipments.take("PO-1", &Report::Planned(Box::new(card(0, 15 * HOUR))));
    let mut late_at = None;
    for minute in (6 * 60..24 * 60).step_by(10) {
        let changes = shipments.tick(Timestamp(minute * MINUTE));
        if let [(_, Change::Late(estimate))] = &changes[..] {
            assert_eq!(estimate.basis, Basis::Plan);
            late_at = Some(minute);
            break;
        }
        assert!(changes.is_empty());
    }
    assert!((8 * 60..11 * 60).contains(&late_at.unwrap()), "{late_at:?}");
    assert!(shipments.late_since("PO-1").is_some());
    shipments.take("PO-1", &Report::Planned(Box::new(card(10 * HOUR, 40 * HOUR))));
    let changes = shipments.tick(Timestamp(11 * HOUR));
    assert!(matches!(&changes[..], [(_, Change::OnTime(_))]), "{changes:?}");
}

#[test]
fn without_positions_legs_tell_how_far_it_is() {
    let mut shipments = shipments();
    let leg = |from: &str, to: &str, hours: [i64; 2]| {
        let [departure_at, arrival_at] = hours.map(|hour| Some(Timestamp(hour * HOUR)));
        Leg { from: from.into(), to: to.into(), departure_at, arrival_at, mode: Mode::Road }
    };
    let legs = vec![leg("factory", "hub", [8, 10]), leg("hub", "warehouse_A", [12, 16])];
    shipments.take("PO-1", &Report::Planned(Box::new(Card { legs, ..card(0, 17 * HOUR) })));
    shipments.take("PO-1", &Report::LegDeparted { leg: 0, at: Timestamp(8 * HOUR) });
    assert_eq!(shipments.journey("PO-1").unwrap().stage(), Some(Stage::Departed));
    shipments.take("PO-1", &Report::LegDeparted { leg: 1, at: Timestamp(15 * HOUR) });
    shipments.take("PO-1", &Report::LegArrived { leg: 0, at: Timestamp(13 * HOUR) });
    assert_eq!(shipments.journey("PO-1").unwrap().stage(), Some(Stage::InTransit));
    let estimate = shipments.estimate("PO-1", Timestamp(15 * HOUR)).unwrap();
    assert_eq!(estimate.basis, Basis::Leg);
    assert!(estimate.late_probability.unwrap() > 0.9, "{estimate:?}");
    shipments.take("PO-1", &Report::LegArrived { leg: 1, at: Timestamp(19 * HOUR) });
    assert_eq!(shipments.journey("PO-1").unwrap().stage(), Some(Stage::Arrived));
    assert_eq!(shipments.estimate("PO-1", Timestamp(19 * HOUR)), None);
}

#[test]
fn when_all_are_known_that_may_be_those_that_are_over_go_first() {
    let mut shipments = Shipments::new(Settings { shipments_max: 2, ..Settings::default() });
    for id in ["a", "b"] {
        shipments.take(id, &Report::Ordered { at: Timestamp(0) });
    }
    assert_eq!(shipments.take("c", &Report::Ordered { at: Timestamp(0) }), Taken::Full);
    shipments.take("b", &Report::Cancelled { at: Timestamp(1) });
    shipments.tick(Timestamp(2));
    assert_eq!(shipments.take("c", &Report::Ordered { at: Timestamp(0) }), Taken::New);
    assert_eq!(shipments.ids().collect::<Vec<_>>(), ["a", "c"]);
}

/// Numbers that look like those of a standard normal, the same each time: sums of twelve even ones.
struct Normal(u64);

impl Normal {
    fn next(&mut self) -> f64 {
        let mut even = || {
            self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            f64::from(u32::try_from(self.0 >> 32).expect("the upper half")) / f64::from(u32::MAX)
        };
        (0..12).map(|_| even()).sum::<f64>() - 6.0
    }
}

/// Minutes at which each of forty parts of the way is reached: each journey has its pace, each part its own luck.
fn simulated(random: &mut Normal) -> Vec<i64> {
    let pace = (0.1 + 0.15 * random.next()).exp();
    let mut minutes = 0.0;
    (0..40)
        .map(|_| {
            minutes += 15.0 * pace * (1.0 + 0.9 * random.next()).max(0.05);
            #[expect(clippy::cast_possible_truncation, reason = "minutes of a journey")]
            let reached = minutes.round() as i64;
            reached
        })
        .collect()
}

/// Of 300 journeys on one lane that the lane's history has to learn first, eight in ten arrive within the interval, at
/// dispatch and halfway, and halfway it is narrower.
#[test]
fn intervals_hold_what_they_say() {
    let mut shipments = shipments();
    let mut random = Normal(7);
    let (mut held, mut widths, mut below) = ([0_u32; 2], [0_i64; 2], [0_u32; 2]);
    for number in 0..350_i64 {
        let start = number * 24 * HOUR;
        let reached = simulated(&mut random);
        let arrived_at = start + reached[39] * MINUTE;
        let id = number.to_string();
        let planned = Card {
            departure_at: Some(Timestamp(start)),
            arrival_at: Some(Timestamp(start + 10 * HOUR)),
            vehicle: None,
            ..card(start, start + 12 * HOUR)
        };
        shipments.take(&id, &Report::Planned(Box::new(planned)));
        shipments.take(&id, &Report::Departed { at: Timestamp(start) });
        let mut judge = |which: usize, shipments: &Shipments, now: i64| {
            let estimate = shipments.estimate(&id, Timestamp(now)).unwrap();
            if number >= 50 {
                held[which] += u32::from((estimate.early_at..=estimate.late_at).contains(&Timestamp(arrived_at)));
                below[which] += u32::from(arrived_at < estimate.median_at.0);
                widths[which] += estimate.late_at.0 - estimate.early_at.0;
            }
        };
        judge(0, &shipments, start);
        for (minute, part) in reached.iter().zip(1_u8..=20) {
            let longitude = 8.0 + 5.0 * f64::from(part) / 40.0;
            shipments.take(&id, &Report::Position(fix(start + minute * MINUTE, 50.0, longitude)));
        }
        judge(1, &shipments, start + reached[19] * MINUTE);
        shipments.take(&id, &Report::Arrived { at: Timestamp(arrived_at) });
        shipments.tick(Timestamp(arrived_at));
    }
    for which in 0..2 {
        assert!((210..=279).contains(&held[which]), "of 300: {held:?}");
        assert!((105..=195).contains(&below[which]), "before the median, of 300: {below:?}");
    }
    assert!(widths[1] < widths[0] * 3 / 4, "{widths:?}");
}
