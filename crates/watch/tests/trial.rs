//! Rules tried on what has happened.

mod site;

use ledger::*;
use site::{DAY, HOUR, MINUTE, START, Site};
use watch::{Trial, Tried};

fn card(condition: &str, settings: &[(&str, &str)]) -> RuleCard {
    let settings = settings.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
    RuleCard { rule: "tried".into(), condition: condition.into(), settings, ..RuleCard::default() }
}

fn tried(site: &Site, card: &RuleCard, since: i64) -> Tried {
    let mut state = State::new(7);
    let mut trial = Trial::new(card, Timestamp(since), 7).expect("the rule can be followed");
    for (decision, said) in &site.journal {
        trial.pass(&state, decision.recorded_at);
        state.apply(decision);
        let facts: Vec<watch::Fact<'_>> = said.iter().map(site::Said::fact).collect();
        trial.take(&state, decision, &facts);
    }
    trial.finish(&state, Timestamp(site.now))
}

#[test]
fn a_trial_says_what_the_rule_would_have_told_and_when_it_would_have_been_over() {
    let mut site = Site::new();
    site.rule("other", "low_stock", &[("below", "50")]);
    site.add("TEA", "A", 9);
    site.add("JAM", "A", 3);
    for _ in 0..4 {
        site.wait(DAY);
        site.remove("TEA", "A", 5);
        site.wait(HOUR);
        site.add("TEA", "A", 5);
    }
    site.remove("TEA", "A", 5);
    let low = card("low_stock", &[("below", "5"), ("clear_percent", "0")]);
    let mine = card("own", &[("when", "stock.position < 5")]);
    for card in [low, mine, RuleCard { is_off: true, ..card("own", &[("when", "stock.position < 5.0")]) }] {
        let all = tried(&site, &card, START);
        // TEA is told anew each day, JAM once.
        assert_eq!((all.fired, all.open_before, all.open_now), (6, 0, 2), "{card:?}");
        let days: Vec<u64> = all.per_day.iter().map(|(_, count)| *count).collect();
        assert_eq!(days, [1, 1, 1, 1, 2]);
        let over: Vec<Option<i64>> =
            all.first.iter().map(|firing| firing.over_at.map(|at| at.0 - firing.at.0)).collect();
        assert_eq!(over, [None, Some(HOUR), Some(HOUR), Some(HOUR), Some(HOUR), None]);
        let late = tried(&site, &card, START + 2 * DAY + 2 * HOUR + MINUTE);
        assert_eq!((late.fired, late.open_before, late.open_now), (3, 1, 2), "{card:?}");
        assert_eq!(late.first.len(), 3);
        assert_eq!(&*late.first[0].subject.product, "TEA");
    }
    assert_eq!(site.open(), ["low_stock TEA A", "low_stock JAM A"], "the journal's alerts are none of the trial's");
}

#[test]
fn time_passes_in_a_trial_as_it_passed() {
    let mut site = Site::new();
    site.device("gate", "A/dock", None);
    site.reading("gate", "temperature_celsius", 4.0);
    site.add("TEA", "A", 4);
    site.wait(3 * HOUR);
    site.reading("gate", "temperature_celsius", 4.0);
    site.wait(10 * DAY);
    let quiet = card("own", &[("over", "device"), ("when", "device.minutes_silent > 30")]);
    let found = tried(&site, &quiet, START);
    assert_eq!((found.fired, found.open_now), (2, 1));
    assert_eq!(found.first[0].over_at, Some(Timestamp(START + 3 * HOUR)));
    let told_after = found.first[0].at.0 - START;
    assert!((30 * MINUTE..=32 * MINUTE).contains(&told_after), "{told_after}");
    let day = card("own", &[("when", "stock.on_hand < 5 && now.hour >= 8 && now.hour < 17"), ("for_minutes", "60")]);
    assert_eq!(tried(&site, &day, START + 2 * DAY).fired, 8);
    let slow = card("slow_stock", &[("days", "5")]);
    assert_eq!(tried(&site, &slow, START).fired, 1);
    let unknown = tried(&site, &card("own", &[("when", "stock.days_to_expiry < 3")]), START);
    assert_eq!(unknown.fired, 0);
    assert!(unknown.errors.is_some_and(|errors| errors.last.starts_with("TEA A: stock.days_to_expiry is unknown")));
}

#[test]
fn a_trial_keeps_the_first_and_the_last_and_counts_all() {
    let mut site = Site::new();
    site.add("TEA", "A", 5);
    for _ in 0..350 {
        site.wait(MINUTE);
        site.remove("TEA", "A", 1);
        site.wait(MINUTE);
        site.add("TEA", "A", 1);
    }
    let found = tried(&site, &card("own", &[("when", "stock.on_hand < 5")]), START);
    assert_eq!((found.fired, found.open_now, found.first.len(), found.last.len()), (350, 0, 100, 100));
    assert_eq!(found.per_day.iter().map(|(_, count)| count).sum::<u64>(), 350);
    assert!(found.first.iter().chain(&found.last).all(|firing| firing.over_at == Some(firing.at.plus(MINUTE))));
    assert_eq!(found.last[99].at, Timestamp(site.now - MINUTE));
}

#[test]
fn a_rule_that_cannot_be_followed_is_refused_with_everything_that_is_wrong() {
    let faults = Trial::new(&card("own", &[("when", "stock.free < 1")]), Timestamp(0), 7).expect_err("it has a fault");
    assert!(faults[0].detail.starts_with("column 7: stock has no 'free'"), "{faults:?}");
}
