//! What is watched by nothing: stock without rules, silent sources, places that nobody sees.

mod site;

use ledger::*;
use site::{DAY, HOUR, MINUTE, Site};
use watch::coverage::{
    Cover, Days, PlacedBalance, Sentinel, Sight, blind_spots, is_declared, stock_conditions, zone_of,
};
use watch::{Condition, Covered};

fn uncovered(site: &Site) -> Vec<String> {
    let slice = site.watch.uncovered(&site.state, 0, 100);
    assert_eq!(slice.next, None);
    let catalog = site.state.catalog();
    let name = |item: &watch::coverage::Uncovered| {
        format!("{} {}", catalog.product(item.product).name, catalog.location(item.place).path)
    };
    slice.items.iter().map(name).collect()
}

#[test]
fn stock_without_a_rule_is_listed_until_somebody_says_anything_of_it() {
    let mut site = Site::new();
    site.add("TEA", "A/1", 10);
    site.add("TEA", "B", 10);
    site.add("JAM", "A", 10);
    assert_eq!(uncovered(&site), ["TEA A", "TEA B", "JAM A"]);
    site.rule_for("tea", "low_stock", &[("below", "5")], |card| card.product = "TEA".into());
    assert_eq!(uncovered(&site), ["JAM A"]);
    site.rule_for("b", "negative_stock", &[], |card| card.location = "A".into());
    assert_eq!(uncovered(&site), [""; 0]);
    site.command(Command::WithdrawRule { rule: "b".into() });
    assert_eq!(uncovered(&site), ["JAM A"]);
    site.rule_for("jam", "low_stock", &[], |card| (card.product, card.is_off) = ("JAM".into(), true));
    assert_eq!(uncovered(&site), [""; 0], "that nothing shall be told is a rule, too");
}

#[test]
fn built_in_rules_are_told_apart() {
    let mut site = Site::new();
    site.add("TEA", "A", 10);
    let covers = site.watch.uncovered(&site.state, 0, 1).items.remove(0).covers;
    let of = |condition| covers.iter().find(|(of, _)| *of == condition).map(|(_, cover)| *cover);
    assert_eq!(covers.len(), stock_conditions().count());
    assert_eq!(of(Condition::LowStock), Some(Cover::None));
    assert_eq!(of(Condition::StockOut), Some(Cover::None), "it follows a threshold, and there is none");
    assert_eq!(of(Condition::NegativeStock), Some(Cover::BuiltIn));
    assert_eq!(of(Condition::ExpiringLot), Some(Cover::BuiltIn));
    assert!(!is_declared(&covers));
    site.rule("low", "low_stock", &[("below", "5")]);
    site.rule_for("quiet", "expiring_lot", &[], |card| card.is_off = true);
    let place = Covered { location: "A/9", ..Covered::default() };
    let rules = site.watch.rules();
    assert_eq!(rules.cover(Condition::LowStock, place), Cover::Declared);
    assert_eq!(rules.cover(Condition::StockOut, place), Cover::BuiltIn);
    assert_eq!(rules.cover(Condition::ExpiringLot, place), Cover::Off);
}

#[test]
fn long_lists_come_in_parts() {
    let mut site = Site::new();
    for number in 0..10 {
        site.add(&format!("P{number}"), "A", 1);
    }
    let mut names = Vec::new();
    let mut from = Some(0);
    while let Some(at) = from {
        let slice = site.watch.uncovered(&site.state, at, 3);
        names.extend(slice.items.iter().map(|item| item.product));
        from = slice.next;
    }
    assert_eq!(names, (0..10).map(ProductId).collect::<Vec<_>>());
    assert_eq!(site.watch.uncovered(&site.state, 99, 3).items, []);
}

#[test]
fn sources_say_when_they_were_heard_and_whether_anybody_listens() {
    let mut site = Site::new();
    site.device("probe", "A/cold", Some(10 * MINUTE));
    site.reading("probe", "temperature", 4.0);
    site.wait(5 * HOUR);
    site.add("TEA", "A", 1);
    let facts = |watch: &watch::Watch| {
        let catalog = site.state.catalog();
        let slice = watch.source_facts(0, 100);
        let line = |facts: &watch::SourceFacts| {
            let ago = facts.last_heard.map(|at| (site.now - at.0) / HOUR);
            format!("{} {ago:?} {} {}", catalog.party(facts.party), facts.silent_after.is_some(), facts.is_silent)
        };
        slice.items.iter().map(line).collect::<Vec<_>>()
    };
    let now = facts(&site.watch);
    assert!(now.contains(&"probe Some(5) true true".to_owned()), "{now:?}");
    assert!(now.contains(&"dock Some(0) false false".to_owned()), "{now:?}");
    let mut image = Vec::new();
    site.watch.save(&mut image);
    assert_eq!(facts(&watch::Watch::load(&site.state, 7, &mut image.as_slice()).expect("it was just written")), now);
}

#[test]
fn a_place_is_blind_where_neither_a_device_nor_a_count_has_looked() {
    let now = Timestamp(1_000 * DAY);
    let at = |location, days: i64| PlacedBalance { location, last_count: now.minus(days * DAY) };
    let balances = [
        at("A/cold/1", 10),
        at("A/cold/2", 400),
        at("A/dry/1", 200),
        PlacedBalance { location: "A/new", last_count: Timestamp::MIN },
        at("A/door/3", 300),
        at("B", 1),
    ];
    let sentinels = [
        Sentinel { device: "portal", location: "A/door", last_heard: Some(now.minus(MINUTE)), interval: Some(HOUR) },
        Sentinel { device: "probe", location: "A/dry/1", last_heard: Some(now.minus(5 * HOUR)), interval: Some(HOUR) },
        Sentinel { device: "scale", location: "C/1", last_heard: None, interval: None },
        Sentinel { device: "truck", location: "", last_heard: None, interval: None },
    ];
    let spots = blind_spots(balances, &sentinels, 2, Days::default(), now);
    let said: Vec<String> =
        spots.iter().map(|spot| format!("{} {}: {}", spot.place, spot.sight.name(), spot.reasons.join("; "))).collect();
    assert_eq!(
        said,
        [
            "A/cold counted: no device stands here",
            "A/door seen: no count in 90 days: the last was 300 days ago",
            "A/dry blind: its only device was not heard in time: probe last spoke 5 h ago, and should every 60 min; \
             no count in 90 days: the last was 200 days ago",
            "A/new blind: no device stands here; no count ever of 1 balances",
            "B counted: no device stands here",
            "C/1 empty: its only device was not heard in time: scale never spoke",
        ]
    );
    assert_eq!((spots[0].balances, spots[0].counted, spots[1].heard), (2, 1, 1));
    assert_eq!(blind_spots(balances, &sentinels, 1, Days::default(), now)[0].sight, Sight::Seen);
    assert_eq!([zone_of("A/b/c", 2), zone_of("A", 2), zone_of("A/b/c", 0)], ["A/b", "A", "A"]);
}
