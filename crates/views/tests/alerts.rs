//! What is shown of an alert's life, and for how long.

mod world;

use ledger::*;
use views::{AlertQuery, AlertState, Views};
use world::{DAY, SECOND, World};

fn alert(condition: &str, product: &str) -> Command {
    Command::RaiseAlert(Box::new(Alert {
        condition: condition.into(),
        subject: AlertSubject { product: product.into(), ..AlertSubject::default() },
        why: format!("{product}: 3 left, below 5").into(),
        ..Alert::default()
    }))
}

fn change(alert: Position, step: AlertStep, note: &str) -> Command {
    Command::ChangeAlert(Box::new(AlertChange { alert, step, note: note.into() }))
}

#[test]
fn an_alert_is_shown_with_everything_that_happened_to_it() {
    let mut world = World::default();
    let id = world.command(&alert("low_stock", "tea")).unwrap();
    assert_eq!(world.views.alert(id).unwrap().state, AlertState::Open);
    let until = world.now.plus(DAY);
    world.command(&change(id, AlertStep::Snoozed { until }, "")).unwrap();
    let snoozed = world.views.alert(id).unwrap();
    assert_eq!((snoozed.state, snoozed.snoozed_until), (AlertState::Snoozed, Some(until)));
    world.command(&change(id, AlertStep::Woken, "")).unwrap();
    world.command(&change(id, AlertStep::Assigned { owner: "ben".into() }, "he is there")).unwrap();
    world.command(&change(id, AlertStep::Acknowledged, "on my way")).unwrap();
    let acknowledged = world.views.alert(id).unwrap();
    assert_eq!((acknowledged.state, &*acknowledged.owner), (AlertState::Acknowledged, "ben"));
    let end = world.command(&change(id, AlertStep::Resolved { outcome: "by_hand".into() }, "refilled")).unwrap();
    let over = world.views.alert(id).unwrap();
    let resolved = over.end.expect("it is over");
    assert_eq!((over.state, resolved.position, &*resolved.outcome), (AlertState::Resolved, end, "by_hand"));
    let (life, dropped) = world.views.alert_life(id);
    let said: Vec<_> = life.iter().map(|moment| (moment.step.name(), &*moment.actor, &*moment.note)).collect();
    let expect = [
        ("snoozed", "anna", ""),
        ("woken", "anna", ""),
        ("assigned", "anna", "he is there"),
        ("acknowledged", "anna", "on my way"),
        ("resolved", "anna", "refilled"),
    ];
    assert_eq!((&*said, dropped), (&expect[..], 0));
    assert_eq!(world.views.alert_counts().active(), 0);
    let all = world.views.alert_statistics(over.opened_at, over.opened_at.plus(1)).all;
    assert_eq!((all.opened, all.by_hand, all.acknowledged.median_micros), (1, 1, 4 * SECOND));
    assert_eq!((all.resolved.count, all.resolved.mean_micros), (1, 5 * SECOND));
    assert_eq!(world.views.alert_statistics(over.opened_at.plus(1), Timestamp::MAX).all.opened, 0);
}

#[test]
fn the_oldest_steps_of_a_long_life_are_let_go() {
    let mut world = World::default();
    let id = world.command(&alert("low_stock", "tea")).unwrap();
    for number in 0..130 {
        world.command(&change(id, AlertStep::Noted, &format!("note {number}"))).unwrap();
    }
    let (life, dropped) = world.views.alert_life(id);
    assert_eq!((life.len(), dropped, &*life[0].note), (100, 30, "note 30"));
    let saved = world.image();
    assert_eq!(Views::load(&mut &*saved).unwrap().alert_life(id), world.views.alert_life(id));
}

#[test]
fn of_those_that_are_over_the_newest_hundred_thousand_are_kept() {
    let mut world = World::default();
    let keeping = world.command(&alert("low_stock", "tea")).unwrap();
    let mut first = Position::ZERO;
    for number in 0..100_003 {
        let id = world.command(&alert("low_stock", "apples")).unwrap();
        first = if number == 0 { id } else { first };
        world.command(&change(id, AlertStep::Resolved { outcome: "cleared".into() }, "")).unwrap();
        world.decisions.clear();
    }
    let views = &world.views;
    assert_eq!((views.alerts_dropped(), views.alert(first)), (3, None));
    assert!(views.alert(keeping).is_some(), "what is open stays");
    assert_eq!(views.alert_statistics(Timestamp::MIN, Timestamp::MAX).all.opened, 100_001);
    assert!(views.alert_statistics(Timestamp::MIN, Timestamp::MAX).is_partial);
    assert!(!views.alert_statistics(world.now.minus(DAY / 24), Timestamp::MAX).is_partial);
    let resolved = AlertQuery { states: &[AlertState::Resolved], limit: 1, ..AlertQuery::default() };
    assert_eq!(views.alerts(&resolved).unwrap().items[0].opened_at, world.now.minus(SECOND));
    let saved = world.image();
    let loaded = Views::load(&mut &*saved).expect("an image just saved loads");
    assert!(world::image(&loaded) == saved);
}
