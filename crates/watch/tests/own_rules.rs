//! Conditions of users' own, followed; told as stories.

mod site;

use ledger::*;
use site::{DAY, HOUR, MINUTE, SECOND, START, Site};
use std::collections::BTreeSet;

fn check(site: &Site) {
    for reload_at in 0..=site.journal.len() {
        site.check_replay(reload_at);
    }
}

fn own(site: &mut Site, rule: &str, when: &str, with: impl FnOnce(&mut RuleCard)) {
    site.rule_for(rule, "own", &[("when", when)], with);
}

fn own_over(site: &mut Site, rule: &str, over: &str, when: &str, with: impl FnOnce(&mut RuleCard)) {
    site.rule_for(rule, "own", &[("over", over), ("when", when)], with);
}

#[test]
fn a_condition_over_stock_is_told_with_the_facts_that_it_reads_and_is_over_when_it_no_longer_holds() {
    let mut site = Site::new();
    site.add("TEA", "A", 4);
    own(&mut site, "few", "stock.available < 5 && stock.product != 'JAM'", |card| card.name = "Few left".into());
    assert_eq!(site.open(), ["own:few TEA A"], "what holds already is told at once");
    assert_eq!(
        site.why("own:few"),
        "Few left: stock.available < 5 && stock.product != 'JAM' (stock.product TEA, stock.available 4)"
    );
    site.add("TEA", "A", 1);
    assert_eq!(site.open(), [""; 0]);
    site.add("JAM", "A", 1);
    site.remove("TEA", "A", 3);
    site.add("TEA", "B", 2);
    assert_eq!(site.open(), ["own:few TEA A", "own:few TEA B"]);
    assert_eq!(site.history("own:few"), (3, vec!["cleared".to_owned()]));
    check(&site);
}

#[test]
fn each_rule_is_a_condition_of_its_own_and_keeps_to_its_scope() {
    let mut site = Site::new();
    let product = |product: &str, category: &str| {
        Command::DeclareProduct(Box::new(ProductCard {
            product: product.into(),
            category: category.into(),
            ..ProductCard::default()
        }))
    };
    site.command(product("TEA", "drinks"));
    own(&mut site, "drinks", "stock.on_hand < 10", |card| card.category = "drinks".into());
    own(&mut site, "cold", "stock.on_hand < 10", |card| card.location = "A/cold".into());
    own(&mut site, "tea", "stock.on_hand < 2", |card| card.product = "TEA".into());
    site.add("TEA", "A/cold/1", 1);
    site.add("JAM", "A/2", 1);
    let open = |site: &Site| site.open().into_iter().collect::<BTreeSet<_>>();
    let expected =
        ["own:cold TEA A/cold", "own:drinks TEA A", "own:drinks TEA A/cold", "own:tea TEA A", "own:tea TEA A/cold"];
    assert_eq!(open(&site), expected.map(str::to_owned).into());
    site.command(product("TEA", "herbs"));
    let expected = ["own:cold TEA A/cold", "own:tea TEA A", "own:tea TEA A/cold"];
    assert_eq!(open(&site), expected.map(str::to_owned).into());
    assert_eq!(site.history("own:drinks"), (2, vec!["rule_off".to_owned(); 2]));
    site.command(product("JAM", "drinks"));
    assert!(open(&site).contains("own:drinks JAM A"));
    check(&site);
}

#[test]
fn a_condition_must_last_as_long_as_its_rule_says() {
    let mut site = Site::new();
    let when = ("when", "stock.available < 5");
    site.rule("few", "own", &[when, ("for_minutes", "10")]);
    site.add("TEA", "A", 4);
    site.wait(9 * MINUTE);
    site.add("TEA", "A", 1);
    site.wait(MINUTE);
    site.remove("TEA", "A", 1);
    site.wait(9 * MINUTE);
    site.remove("TEA", "A", 1);
    assert_eq!(site.open(), [""; 0]);
    let since = Timestamp(site.now - 9 * MINUTE);
    check(&site);
    site.wait(MINUTE);
    assert_eq!(site.open(), ["own:few TEA A"]);
    let opened = site.state.alerts().iter().next().map(|(_, open)| open.alert.since);
    assert_eq!(opened, Some(since));
    check(&site);
}

#[test]
fn what_is_waited_for_goes_on_behind_a_replay() {
    let mut site = Site::new();
    site.rule("few", "own", &[("when", "stock.available < 5"), ("for_minutes", "10")]);
    site.add("TEA", "A", 4);
    site.wait(5 * MINUTE);
    site.reload();
    site.wait(4 * MINUTE);
    assert_eq!(site.open(), [""; 0]);
    site.wait(2 * MINUTE);
    assert_eq!(site.open(), ["own:few TEA A"]);
    check(&site);
}

#[test]
fn time_makes_conditions_hold_and_ends_them() {
    let mut site = Site::new();
    own(&mut site, "still", "has(stock.days_since_movement) && stock.days_since_movement > 30", |_| {});
    own(&mut site, "day", "stock.on_hand < 5 && now.hour >= 8 && now.hour < 17", |card| card.product = "JAM".into());
    site.add("TEA", "A", 9);
    site.wait(30 * DAY);
    assert_eq!(site.open(), [""; 0]);
    site.wait(61 * MINUTE);
    assert_eq!(site.open(), ["own:still TEA A"]);
    check(&site);
    site.remove("TEA", "A", 1);
    assert_eq!(site.open(), [""; 0]);
    site.add("JAM", "A", 1);
    site.wait(32 * HOUR);
    assert_eq!(site.open(), ["own:day JAM A"], "it is {}", (site.now - START) / HOUR % 24);
    check(&site);
    site.wait(10 * HOUR);
    assert_eq!(site.history("own:day"), (2, vec!["cleared".to_owned(), "cleared".to_owned()]));
    assert_eq!(site.open(), [""; 0]);
    check(&site);
}

#[test]
fn what_was_closed_by_hand_is_told_again_when_it_was_over() {
    let mut site = Site::new();
    own(&mut site, "few", "stock.on_hand < 5", |_| {});
    own(&mut site, "day", "stock.on_hand < 5 && now.hour >= 8", |_| {});
    site.add("TEA", "A", 4);
    site.wait(9 * HOUR);
    assert_eq!(site.open(), ["own:few TEA A", "own:day TEA A"]);
    for condition in ["own:few", "own:day"] {
        let step = AlertStep::Resolved { outcome: "by_hand".into() };
        let change = AlertChange { alert: site.alert(condition), step, note: "".into() };
        site.command(Command::ChangeAlert(Box::new(change)));
    }
    site.wait(HOUR);
    site.remove("TEA", "A", 1);
    assert_eq!(site.open(), [""; 0]);
    check(&site);
    site.wait(24 * HOUR);
    assert_eq!(site.open(), ["own:day TEA A"], "the night is over");
    site.add("TEA", "A", 5);
    assert_eq!(site.open(), [""; 0]);
    site.remove("TEA", "A", 5);
    assert_eq!(site.open(), ["own:day TEA A", "own:few TEA A"]);
    check(&site);
}

#[test]
fn a_rule_that_is_off_withdrawn_or_changed_takes_its_alerts_with_it() {
    let mut site = Site::new();
    site.add("TEA", "A", 4);
    site.add("JAM", "A", 4);
    own(&mut site, "few", "stock.on_hand < 5", |_| {});
    assert_eq!(site.open(), ["own:few TEA A", "own:few JAM A"]);
    own(&mut site, "few", "stock.on_hand < 5", |card| card.product = "JAM".into());
    assert_eq!(site.open(), ["own:few JAM A"]);
    own(&mut site, "few", "stock.on_hand < 4", |_| {});
    assert_eq!(site.open(), [""; 0]);
    own(&mut site, "few", "stock.on_hand < 6", |_| {});
    own(&mut site, "few", "stock.on_hand < 6", |card| card.is_off = true);
    own(&mut site, "few", "stock.on_hand < 7", |_| {});
    own_over(&mut site, "few", "device", "device.failures > 3.0", |_| {});
    assert_eq!(site.open(), [""; 0]);
    own(&mut site, "few", "stock.on_hand < 7", |_| {});
    site.command(Command::WithdrawRule { rule: "few".into() });
    let (opened, outcomes) = site.history("own:few");
    let off = outcomes.iter().filter(|outcome| *outcome == "rule_off").count();
    assert_eq!((opened, outcomes.len(), off), (8, 8, 7), "{outcomes:?}");
    check(&site);
}

#[test]
fn a_condition_that_cannot_be_told_is_no_alert_and_is_counted() {
    let mut site = Site::new();
    own(&mut site, "soon", "stock.days_to_expiry < 3", |_| {});
    site.add("TEA", "A", 4);
    assert_eq!(site.open(), [""; 0]);
    let errors = site.watch.evaluation_errors("soon").expect("it could not be told").clone();
    assert_eq!((errors.count, errors.last_at), (1, Timestamp(site.now)));
    assert_eq!(errors.last, "TEA A: stock.days_to_expiry is unknown; ask has(stock.days_to_expiry) && … before it");
    own(&mut site, "soon", "has(stock.days_to_expiry) && stock.days_to_expiry < 3", |_| {});
    assert_eq!(site.watch.evaluation_errors("soon"), None);
    let lot = Event {
        lot: "L1",
        expiry: Some(Day(Timestamp(site.now).day().0 + 3)),
        ..Event::new(EventKind::ItemAdded, "TEA", "A", Quantity::units(1))
    };
    site.event(lot);
    assert_eq!(site.open(), ["expiring_lot TEA A L1"]);
    site.wait(DAY + HOUR);
    assert_eq!(site.open(), ["expiring_lot TEA A L1", "own:soon TEA A"]);
    check(&site);
}

#[test]
fn devices_are_asked_about_when_they_speak_and_every_minute() {
    let mut site = Site::new();
    own_over(&mut site, "quiet", "device", "device.minutes_silent > 30", |_| {});
    own_over(&mut site, "lossy", "device", "device.sequence_gaps >= 2 || device.failures > 4", |card| {
        card.location = "A/dock".into();
    });
    own_over(&mut site, "orders", "device", "device.minutes_silent > 60", |card| card.device = "dock".into());
    site.device("gate", "A/dock", None);
    site.device("door", "B/dock", None);
    for sequence in [1, 2, 5] {
        site.wait(10 * MINUTE);
        for device in ["gate", "door"] {
            let observation = Observation { form: "status".into(), sequence: Some(sequence), ..Observation::default() };
            let command = Command::Observe(Box::new(observation));
            site.hand_in(device, site.now, Body::Command(&command), &[]);
        }
    }
    assert_eq!(site.open(), ["own:lossy gate"]);
    assert_eq!(
        site.why("own:lossy"),
        "lossy: device.sequence_gaps >= 2 || device.failures > 4 (device.failures 0, device.sequence_gaps 2)"
    );
    site.wait(29 * MINUTE + 30 * SECOND);
    assert_eq!(site.open(), ["own:lossy gate"]);
    check(&site);
    site.wait(2 * MINUTE);
    site.reading("gate", "temperature_celsius", 4.0);
    assert_eq!(site.open(), ["own:lossy gate", "own:quiet door"]);
    site.add("TEA", "A", 1);
    site.device("gate", "B/dock", None);
    assert_eq!(site.open(), ["own:quiet door"], "the gate is elsewhere now");
    site.wait(62 * MINUTE);
    assert_eq!(site.open(), ["own:quiet door", "own:quiet gate", "own:orders dock"]);
    check(&site);
}

#[test]
fn an_own_condition_like_low_stock_tells_what_low_stock_tells() {
    let mut site = Site::new();
    site.rule("low", "low_stock", &[("below", "9"), ("clear_percent", "0")]);
    own(&mut site, "mine", "stock.position < 9", |_| {});
    let mut random: u64 = 42;
    let mut below = |most: u64| {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (random >> 33) % most
    };
    for _ in 0..400 {
        let product = ["TEA", "JAM", "OAT"][usize::try_from(below(3)).expect("small")];
        let place = ["A", "A/1", "B"][usize::try_from(below(3)).expect("small")];
        let quantity = i64::try_from(below(6)).expect("small") + 1;
        match below(20) {
            0..8 => site.add(product, place, quantity),
            8..11 => site.event(Event::new(EventKind::ItemCounted, product, place, Quantity::units(quantity))),
            11 if below(4) == 0 => {
                let kind = EventKind::PurchaseOrderPlaced;
                let order = Event { reference: "PO1", ..Event::new(kind, product, "A", Quantity::units(quantity)) };
                site.event(order);
            }
            _ => site.remove(product, place, quantity),
        }
        let of = |condition: &str| -> BTreeSet<String> {
            let lines = site.open();
            lines.iter().filter_map(|line| line.strip_prefix(condition)).map(str::to_owned).collect()
        };
        assert_eq!(of("low_stock"), of("own:mine"));
        site.wait(20 * MINUTE);
    }
    assert_eq!(site.history("low_stock").0, site.history("own:mine").0);
    assert!(site.history("own:mine").0 > 20, "{}", site.history("own:mine").0);
    for reload_at in (0..=site.journal.len()).step_by(37) {
        site.check_replay(reload_at);
    }
}

#[test]
fn readings_are_asked_about_as_they_come() {
    let mut site = Site::new();
    site.rule_for("cold", "temperature", &[("min", "2"), ("max", "8")], |card| card.location = "A/cold".into());
    let when = "reading.metric == 'temperature_celsius' && reading.value > reading.zone_max + 3";
    own_over(&mut site, "hot", "reading", when, |card| card.location = "A/cold".into());
    own_over(&mut site, "far", "reading", "reading.minutes_outside >= 15", |_| {});
    site.device("probe", "A/cold", None);
    site.device("other", "B", None);
    let own_of =
        |site: &Site| -> Vec<String> { site.open().into_iter().filter(|line| line.starts_with("own:")).collect() };
    for celsius in [5.0, 9.0, 9.5, 12.0] {
        site.wait(5 * MINUTE);
        site.reading("other", "temperature_celsius", 30.0);
        site.reading("probe", "temperature_celsius", celsius);
    }
    assert_eq!(own_of(&site), ["own:hot probe temperature_celsius"]);
    for _ in 0..3 {
        site.wait(5 * MINUTE);
        site.reading("probe", "temperature_celsius", 10.0);
    }
    assert_eq!(own_of(&site), ["own:far probe temperature_celsius"]);
    site.wait(5 * MINUTE);
    site.reading("probe", "temperature_celsius", 5.0);
    assert_eq!(own_of(&site), [""; 0]);
    assert!(site.watch.evaluation_errors("hot").is_none(), "the scope is kept");
    check(&site);
}

#[test]
fn shipments_are_asked_about_when_something_is_said_of_them_and_as_time_passes() {
    let mut site = Site::new();
    own_over(&mut site, "due", "shipment", "has(shipment.hours_to_promise) && shipment.hours_to_promise < 6", |_| {});
    own_over(&mut site, "more", "shipment", "shipment.over_received > 0", |card| card.location = "A".into());
    let order = |reference: &'static str, quantity: i64, expected_at: i64| Event {
        reference,
        expected_at: Some(Timestamp(expected_at)),
        ..Event::new(EventKind::PurchaseOrderPlaced, "TEA", "A", Quantity::units(quantity))
    };
    let own_of =
        |site: &Site| -> Vec<String> { site.open().into_iter().filter(|line| line.starts_with("own:")).collect() };
    site.event(order("PO1", 10, START + DAY));
    assert_eq!(own_of(&site), [""; 0]);
    check(&site);
    site.wait(19 * HOUR + MINUTE);
    assert_eq!(own_of(&site), ["own:due PO1"]);
    check(&site);
    let receipt =
        Event { reference: "PO1", ..Event::new(EventKind::PurchaseOrderReceived, "TEA", "A", Quantity::units(12)) };
    site.event(receipt);
    assert_eq!(own_of(&site), ["own:due PO1", "own:more PO1"]);
    check(&site);
}
