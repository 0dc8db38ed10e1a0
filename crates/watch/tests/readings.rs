//! Readings watched, told as stories.

mod site;

use ledger::*;
use site::{DAY, HOUR, MINUTE, SECOND, Said, Site};

const TEMPERATURE: &str = "temperature_celsius";

/// A cold room with a sensor that speaks every minute, two lots in it and one beside it.
fn cold_room() -> Site {
    let mut site = Site::new();
    site.device("t-1", "A/cold", Some(MINUTE));
    let lot = |lot: &'static str, location: &'static str, quantity: i64| Event {
        lot,
        ..Event::new(EventKind::ItemAdded, "VACCINE", location, Quantity::units(quantity))
    };
    site.event(lot("L1", "A/cold/1", 10));
    site.event(lot("L2", "A/cold/2", 20));
    site.event(lot("L3", "A/shelf", 30));
    site
}

/// A reading every minute for so long.
fn hold(site: &mut Site, celsius: f64, minutes: i64) {
    for _ in 0..minutes {
        site.wait(MINUTE);
        site.reading("t-1", TEMPERATURE, celsius);
    }
}

/// The open alerts, without those of stock on hold.
fn open(site: &Site) -> Vec<String> {
    site.open().into_iter().filter(|line| !line.starts_with("stock_on_hold")).collect()
}

/// The open alerts of stock on hold.
fn on_hold(site: &Site) -> Vec<String> {
    site.open().into_iter().filter(|line| line.starts_with("stock_on_hold")).collect()
}

fn stock(site: &Site, lot: &str, status: Status) -> Quantity {
    let catalog = site.state.catalog();
    let of = catalog
        .accounts()
        .filter(|(_, key)| key.kind == AccountKind::on_hand(status) && *catalog.lot(key.lot).name == *lot);
    Quantity::from_micros(of.map(|(account, _)| site.state.balance(account).micros()).sum())
}

fn check(site: &Site) {
    for reload_at in (0..=site.journal.len()).step_by(7).chain([site.journal.len()]) {
        site.check_replay(reload_at);
    }
}

#[test]
fn an_excursion_is_warned_of_then_told_and_puts_just_the_exposed_lots_on_hold() {
    let mut site = cold_room();
    site.rule_for("cold", "temperature", &[("max", "8"), ("min", "2"), ("allowed_minutes", "20")], |card| {
        card.location = "A/cold".into();
    });
    hold(&mut site, 5.0, 10);
    hold(&mut site, 9.0, 5);
    assert_eq!(open(&site), [""; 0], "a door may be open for five minutes");
    hold(&mut site, 9.0, 3);
    assert_eq!(open(&site), ["temperature_outside A/cold t-1 temperature_celsius"]);
    assert!(
        site.why("temperature_outside").contains("9 °C where it should be 2 to 8 °C"),
        "{}",
        site.why("temperature_outside")
    );
    hold(&mut site, 12.0, 15);
    assert_eq!(open(&site), ["temperature A/cold t-1 temperature_celsius"]);
    let why = site.why("temperature");
    assert!(why.contains("12 °C where it should be 2 to 8 °C; outside for 20 min, 20 min allowed; 2 lots"), "{why}");
    assert_eq!(stock(&site, "L1", Status::Quarantined), Quantity::units(10));
    assert_eq!(stock(&site, "L2", Status::Quarantined), Quantity::units(20));
    assert_eq!(stock(&site, "L3", Status::Available), Quantity::units(30), "it stands elsewhere");
    // What comes there while it is too warm is exposed too.
    let moved = Event {
        lot: "L3",
        to: "A/cold/1",
        ..Event::new(EventKind::ItemMoved, "VACCINE", "A/shelf", Quantity::units(4))
    };
    site.event(moved);
    assert_eq!(stock(&site, "L3", Status::Quarantined), Quantity::units(4));
    hold(&mut site, 5.0, 3);
    assert_eq!(open(&site), [""; 0]);
    assert_eq!(site.history("temperature"), (1, vec!["returned".to_owned()]));
    assert_eq!(stock(&site, "L1", Status::Quarantined), Quantity::units(10), "until somebody releases or scraps it");
    assert_eq!(
        on_hold(&site),
        [
            "stock_on_hold VACCINE A/cold/1 L1 quarantined",
            "stock_on_hold VACCINE A/cold/2 L2 quarantined",
            "stock_on_hold VACCINE A/cold/1 L3 quarantined",
        ]
    );
    let why = site.why("stock_on_hold");
    assert_eq!(why, "VACCINE (lot L1) at A/cold/1: 10 on hold since an excursion of temperature where it stood");
    site.wait(MINUTE);
    let released = Event {
        lot: "L1",
        status: Status::Quarantined,
        to_status: Some(Status::Available),
        ..Event::new(EventKind::StatusChanged, "VACCINE", "A/cold/1", Quantity::units(10))
    };
    site.event(released);
    let scrapped = Event {
        lot: "L2",
        status: Status::Quarantined,
        reason: "scrap",
        ..Event::new(EventKind::ItemRemoved, "VACCINE", "A/cold/2", Quantity::units(20))
    };
    site.event(scrapped);
    assert_eq!(on_hold(&site), ["stock_on_hold VACCINE A/cold/1 L3 quarantined"]);
    check(&site);
}

#[test]
fn a_short_excursion_is_warned_of_only_and_one_too_far_is_told_at_once() {
    let mut site = cold_room();
    site.rule("cold", "temperature", &[("class", "pharma_2_8")]);
    hold(&mut site, 5.0, 10);
    hold(&mut site, 9.0, 30);
    assert_eq!(open(&site), ["temperature_outside A/cold t-1 temperature_celsius"]);
    hold(&mut site, 5.0, 5);
    assert_eq!(site.history("temperature_outside"), (1, vec!["returned".to_owned()]));
    assert_eq!(site.history("temperature").0, 0);
    hold(&mut site, 20.0, 1);
    assert_eq!(open(&site), ["temperature A/cold t-1 temperature_celsius"]);
    assert!(site.why("temperature").contains("not beyond 0 to 15 °C even for a moment"), "{}", site.why("temperature"));
    assert_eq!(stock(&site, "L1", Status::Quarantined), Quantity::units(10));
    check(&site);
}

#[test]
fn a_lost_sensor_ends_its_excursion_and_is_told_by_itself() {
    let mut site = cold_room();
    site.rule("cold", "temperature", &[("max", "8"), ("allowed_minutes", "0"), ("hold_stock", "false")]);
    hold(&mut site, 9.0, 2);
    assert_eq!(open(&site), ["temperature A/cold t-1 temperature_celsius"]);
    site.wait(29 * MINUTE);
    assert_eq!(open(&site), ["temperature A/cold t-1 temperature_celsius"]);
    site.wait(2 * MINUTE);
    assert_eq!(open(&site), ["sensor_lost A/cold t-1 temperature_celsius"], "and not silent besides");
    assert_eq!(site.history("temperature"), (1, vec!["sensor_lost".to_owned()]));
    hold(&mut site, 5.0, 1);
    assert_eq!(open(&site), [""; 0]);
    assert_eq!(stock(&site, "L1", Status::Available), Quantity::units(10));
    check(&site);
}

#[test]
fn a_product_has_limits_of_its_own_wherever_it_stands() {
    let mut site = cold_room();
    site.add("CHEESE", "A/cold/1", 7);
    site.rule_for("cheese", "temperature", &[("max", "4"), ("allowed_minutes", "0")], |card| {
        card.product = "CHEESE".into()
    });
    site.rule_for("ice", "temperature", &[("max", "-18"), ("allowed_minutes", "0")], |card| {
        card.product = "ICE".into()
    });
    hold(&mut site, 6.0, 2);
    assert_eq!(open(&site), ["temperature CHEESE A/cold t-1 temperature_celsius"], "no ice stands there");
    assert_eq!(stock(&site, "", Status::Quarantined), Quantity::units(7));
    assert_eq!(stock(&site, "L1", Status::Available), Quantity::units(10));
    site.command(Command::WithdrawRule { rule: "cheese".into() });
    assert_eq!(open(&site), [""; 0]);
    assert_eq!(site.history("temperature").1, ["rule_off"]);
    check(&site);
}

#[test]
fn the_budget_of_a_lot_is_spent_by_every_minute_outside() {
    let mut site = cold_room();
    site.rule("cold", "temperature", &[("max", "8"), ("allowed_minutes", "60"), ("budget_minutes", "45")]);
    for _ in 0..4 {
        hold(&mut site, 5.0, 5);
        hold(&mut site, 10.0, 12);
    }
    assert_eq!(
        open(&site).iter().filter(|line| line.starts_with("exposure_budget")).collect::<Vec<_>>(),
        ["exposure_budget VACCINE A L1", "exposure_budget VACCINE A L2"]
    );
    assert_eq!(stock(&site, "L1", Status::Quarantined), Quantity::units(10));
    assert_eq!(stock(&site, "L3", Status::Available), Quantity::units(30));
    check(&site);
}

#[test]
fn the_mean_kinetic_temperature_is_watched_for_classes_that_limit_it() {
    let mut site = cold_room();
    site.rule("room", "temperature", &[("class", "controlled_room"), ("hold_stock", "false")]);
    for _ in 0..60 {
        site.wait(20 * MINUTE);
        site.reading("t-1", TEMPERATURE, 27.0);
    }
    assert!(
        open(&site).contains(&"mean_kinetic_temperature A/cold t-1 temperature_celsius".to_owned()),
        "{:?}",
        open(&site)
    );
    for _ in 0..200 {
        site.wait(20 * MINUTE);
        site.reading("t-1", TEMPERATURE, 21.0);
    }
    assert_eq!(open(&site), [""; 0]);
    check(&site);
}

#[test]
fn any_figure_can_have_limits_and_units_are_understood() {
    let mut site = cold_room();
    site.rule("pressure", "reading_limit", &[("metric", "pressure"), ("max", "3"), ("allowed_minutes", "0")]);
    site.rule_for(
        "pressure-1",
        "reading_limit",
        &[("metric", "pressure"), ("max", "5"), ("allowed_minutes", "0")],
        |card| {
            card.device = "t-1".into();
        },
    );
    site.reading("t-1", "pressure", 4.0);
    site.reading("t-2", "pressure", 4.0);
    assert_eq!(open(&site), ["reading_limit t-2 pressure"]);
    site.rule("warm", "temperature", &[("max", "30"), ("allowed_minutes", "0"), ("hold_stock", "false")]);
    site.reading("t-2", "temperature_fahrenheit", 70.0);
    assert_eq!(open(&site), ["reading_limit t-2 pressure"]);
    site.reading("t-2", "temperature_fahrenheit", 90.0);
    // Out of order and repeated readings change nothing.
    let late = Said::Reading("pressure".into(), 1.0, site.now - HOUR);
    site.observe("t-2", &[late.clone(), late]);
    assert_eq!(open(&site).len(), 1, "{:?}", open(&site));
    check(&site);
}

#[test]
fn a_stuck_sensor_is_told_once_and_over_when_it_moves_again() {
    let mut site = cold_room();
    let mut wobble = 0.0_f64;
    let mut step = |site: &mut Site, is_stuck: bool| {
        wobble += 1.7;
        site.wait(10 * SECOND);
        site.reading("t-1", TEMPERATURE, if is_stuck { 4.2 } else { 4.0 + 0.3 * wobble.sin() });
    };
    for _ in 0..400 {
        step(&mut site, false);
    }
    assert_eq!(open(&site), [""; 0]);
    for _ in 0..200 {
        step(&mut site, true);
    }
    assert_eq!(open(&site), ["sensor_fault A/cold t-1 temperature_celsius"]);
    assert!(site.why("sensor_fault").contains("stuck"), "{}", site.why("sensor_fault"));
    for _ in 0..100 {
        step(&mut site, false);
    }
    assert_eq!(site.history("sensor_fault"), (1, vec!["cleared".to_owned()]));
    for reload_at in [0, 300, 500, site.journal.len()] {
        site.check_replay(reload_at);
    }
    site.wait(DAY);
    assert_eq!(open(&site), ["device_silent t-1"], "no rule guards this room");
}
