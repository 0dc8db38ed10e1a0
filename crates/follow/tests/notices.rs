//! From alerts in a real journal to what channels are told, also after the outbox is lost.

#![allow(clippy::unwrap_used, reason = "a test")]

use engine::{Clock, Engine, Settings};
use follow::notices::{Filter, Next, Outbox, Route, start};
use ledger::{Alert, AlertChange, AlertStep, AlertSubject, Command, Position, Severity, Timestamp};
use std::path::Path;
use std::time::Duration;
use wire::Batch;

/// 2026-02-16T10:00:00Z.
const NOW: Timestamp = Timestamp(1_771_236_000_000_000);
const PATIENCE: Duration = Duration::from_secs(60);

fn open(directory: &Path) -> Engine {
    let settings = Settings { segment_bytes: 1 << 20, ..Settings::default() };
    Engine::open(directory, settings, Clock::simulated(|| NOW), [7; 16], &mut |_| {}).unwrap()
}

fn submit(engine: &Engine, command: Command) -> Position {
    let handle = engine.handle();
    let key = handle.hasher().command("ann", &handle.position().to_string(), NOW, &command);
    let mut batch = Batch::new();
    batch.push_command("ann", "ann", "", key, NOW, command);
    let receipt = handle.submit_and_wait(batch).unwrap();
    assert_eq!(receipt.exceptions().len(), 0);
    handle.position()
}

fn raise(engine: &Engine, product: &str, owner: &str) -> Position {
    let subject = AlertSubject { product: product.into(), location: "warehouse_A".into(), ..AlertSubject::default() };
    submit(
        engine,
        Command::RaiseAlert(Box::new(Alert {
            condition: "low_stock".into(),
            subject,
            severity: Severity::Warning,
            why: "4 are left and 10 should be".into(),
            since: NOW,
            owner: owner.into(),
            ..Alert::default()
        })),
    )
}

fn change(engine: &Engine, alert: Position, step: AlertStep, note: &str) -> Position {
    submit(engine, Command::ChangeAlert(Box::new(AlertChange { alert, step, note: note.into() })))
}

/// Follows the journal to its end, and tells a channel of all that is due: the ids, and what they say.
fn tell(directory: &Path, engine: &Engine) -> Vec<(String, String, Option<String>)> {
    let route = Route {
        name: "ops".into(),
        filter: Filter::default(),
        quiet: None,
        digest_micros: None,
        gathers_quiet: false,
        group_max: 1,
    };
    let (follower, outbox): (_, Outbox) =
        start(&directory.join("notices.sqlite"), vec![route], engine.handle()).unwrap();
    assert!(follower.progress().wait_for(engine.handle().position(), PATIENCE));
    follower.finish();
    let mut told = Vec::new();
    while let Next::Message(message) = outbox.next("ops", NOW).unwrap() {
        for notice in &message.notices {
            told.push((notice.id.clone(), format!("{}: {}", notice.subject, notice.why), notice.owner.clone()));
        }
        outbox.delivered(&message, NOW).unwrap();
    }
    told
}

fn ids(told: &[(String, String, Option<String>)]) -> Vec<String> {
    told.iter().map(|(id, _, _)| id.clone()).collect()
}

#[test]
fn what_happens_to_alerts_is_told_once_and_what_is_open_again_when_the_outbox_is_lost() {
    let directory = tempfile::tempdir().unwrap();
    let engine = open(directory.path());
    assert!(tell(directory.path(), &engine).is_empty());

    let milk = raise(&engine, "MILK", "");
    let eggs = raise(&engine, "EGGS", "bob");
    let told = tell(directory.path(), &engine);
    assert_eq!(ids(&told), [format!("alert-{milk}-opened"), format!("alert-{eggs}-opened")]);
    assert_eq!(told[0].1, "MILK at warehouse_A: 4 are left and 10 should be");
    assert_eq!((told[0].2.as_deref(), told[1].2.as_deref()), (None, Some("bob")));

    change(&engine, milk, AlertStep::Assigned { owner: "ann".into() }, "");
    let escalated = change(&engine, milk, AlertStep::Escalated { level: 1 }, "");
    change(&engine, eggs, AlertStep::Acknowledged, "");
    let over = change(&engine, eggs, AlertStep::Resolved { outcome: "by_hand".into() }, "found some");
    let told = tell(directory.path(), &engine);
    assert_eq!(ids(&told), [format!("alert-{milk}-escalated-{escalated}"), format!("alert-{eggs}-resolved-{over}")]);
    assert_eq!(told[0].2.as_deref(), Some("ann"), "whom it was given to");
    assert_eq!(told[1].1, "EGGS at warehouse_A: found some");
    assert!(tell(directory.path(), &engine).is_empty(), "nothing twice");

    // Without the outbox's file: what is open, under the id that it had, and nothing of the past.
    std::fs::remove_file(directory.path().join("notices.sqlite")).unwrap();
    let told = tell(directory.path(), &engine);
    assert_eq!(ids(&told), [format!("alert-{milk}-opened")]);
    assert_eq!(told[0].2.as_deref(), Some("ann"));
    let over = change(&engine, milk, AlertStep::Resolved { outcome: "cleared".into() }, "");
    let told = tell(directory.path(), &engine);
    assert_eq!(ids(&told), [format!("alert-{milk}-resolved-{over}")]);
    assert_eq!(told[0].1, "MILK at warehouse_A: the condition no longer holds");
    engine.shutdown().unwrap();
}
