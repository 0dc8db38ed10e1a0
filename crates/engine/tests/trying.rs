//! Rules tried beside a running engine.

use engine::{Clock, Engine, Settings, TryError};
use ledger::{Body, Event, EventKind, Position, Quantity, Request, RuleCard, Timestamp};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use wire::Batch;

/// 2026-02-16T10:00:00Z.
const START: i64 = 1_771_236_000_000_000;
const HOUR: i64 = 3_600_000_000;

fn own(when: &str) -> RuleCard {
    RuleCard {
        rule: "few".into(),
        condition: "own".into(),
        settings: vec![("when".into(), when.into())],
        ..RuleCard::default()
    }
}

#[test]
fn a_rule_is_tried_on_the_journal_and_changes_nothing() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let now = Arc::new(AtomicI64::new(START));
    let read = Arc::clone(&now);
    let clock = Clock::simulated(move || Timestamp(read.load(Ordering::Relaxed)));
    let settings = Settings { block_bytes: 4096, ..Settings::default() };
    let engine = Engine::open(directory.path(), settings, clock, [7; 16], &mut |_| {}).expect("it is writable");
    let handle = engine.handle();
    let hasher = handle.hasher();
    for number in 0..240_i64 {
        let kind = if number % 2 == 0 { EventKind::ItemAdded } else { EventKind::ItemRemoved };
        let event = Event::new(kind, "TEA", "A", Quantity::units(6));
        let (id, occurred_at) = (number.to_string(), Timestamp(now.fetch_add(HOUR, Ordering::Relaxed)));
        let key = hasher.event("dock", &id, occurred_at, &event);
        let mut batch = Batch::new();
        batch.push(&Request {
            actor: "dock",
            source: "dock",
            id: &id,
            key,
            occurred_at,
            historical: false,
            resolves: None,
            body: Body::Event(event),
        });
        assert_eq!(handle.submit_and_wait(batch).expect("the engine works").accepted(), 1);
    }
    let mut seen = Vec::new();
    let mut progress = |done, total| {
        seen.push((done, total));
        true
    };
    let since = Timestamp(START + 100 * HOUR);
    let tried = handle.try_rule(&own("stock.available < 5"), since, &mut progress).expect("it can be followed");
    assert_eq!((tried.position, tried.since), (Position(240), since));
    assert_eq!((tried.tried.fired, tried.tried.open_before, tried.tried.open_now), (71, 0, 1));
    assert!(seen.len() > 2 && seen.iter().all(|(done, total)| done < total && *total == 240), "{seen:?}");
    assert_eq!(handle.position(), Position(240), "nothing is recorded");
    let called_off = handle.try_rule(&own("stock.available < 5"), since, &mut |done, _| done < 50);
    assert!(matches!(called_off, Err(TryError::CalledOff)));
    let faults = handle.try_rule(&own("stock.free < 5"), since, &mut |_, _| true);
    assert!(matches!(faults, Err(TryError::Rule(faults)) if faults[0].detail.starts_with("column 7")));
    engine.shutdown().expect("it is writable");
}
