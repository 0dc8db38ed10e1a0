//! The outbox by its behaviour: order, repetitions, quiet hours, digests, and an end of the process after every step.

use super::notice::tests::notice;
use super::*;
use ledger::{Position, Severity, Timestamp};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// 2026-02-16, 10:00 UTC.
const NOW: Timestamp = Timestamp(1_771_236_000_000_000);
const JOURNAL: [u8; 16] = [7; 16];
const SECOND: i64 = 1_000_000;
const MINUTE: i64 = 60 * SECOND;

fn route(name: &str) -> Route {
    Route {
        name: name.into(),
        filter: Filter::default(),
        quiet: None,
        digest_micros: None,
        gathers_quiet: true,
        group_max: 3,
    }
}

fn open(directory: &Path, routes: &[Route]) -> (Outbox, Looked) {
    Outbox::open(&directory.join("notices.sqlite"), JOURNAL, Position(100), routes.to_vec(), NOW).unwrap()
}

fn told(position: u64, what: What, at: u64, severity: Severity) -> Notice {
    let alert = Position(position);
    Notice { id: Notice::id_of(alert, what, Position(at)), what, severity, ..notice(position) }
}

fn opened(position: u64) -> Notice {
    told(position, What::Opened, position, Severity::Warning)
}

fn next(outbox: &Outbox, channel: &str, now: Timestamp) -> Result<Message, Option<Timestamp>> {
    match outbox.next(channel, now).unwrap() {
        Next::Message(message) => Ok(message),
        Next::Wait(until) => Err(until),
    }
}

fn ids(message: &Message) -> Vec<&str> {
    message.notices.iter().map(|notice| &*notice.id).collect()
}

/// Takes everything that is due.
fn drain(outbox: &Outbox, channel: &str, now: Timestamp) -> Vec<Vec<String>> {
    let mut all = Vec::new();
    while let Ok(message) = next(outbox, channel, now) {
        all.push(ids(&message).into_iter().map(str::to_owned).collect());
        outbox.delivered(&message, now).unwrap();
    }
    all
}

#[test]
fn a_notice_goes_to_every_channel_that_wants_it_once() {
    let directory = tempfile::tempdir().unwrap();
    let picky = Filter { severity_min: Severity::Critical, ..Filter::default() };
    let routes = [route("a"), Route { filter: picky, ..route("b") }];
    let (outbox, looked) = open(directory.path(), &routes);
    assert_eq!(looked, Looked { position: Position(0), told_from: Position(100), open: Vec::new() });
    for _ in 0..2 {
        outbox.record(&[opened(1), told(2, What::Opened, 2, Severity::Critical)], Position(2), NOW).unwrap();
    }
    // What is critical goes first.
    assert_eq!(drain(&outbox, "a", NOW), [["alert-2-opened"], ["alert-1-opened"]]);
    assert_eq!(drain(&outbox, "b", NOW), [["alert-2-opened"]]);
    assert_eq!(next(&outbox, "nobody", NOW), Err(None));
    let record = outbox.channel("a").unwrap();
    assert_eq!((record.pending, record.dead, record.succeeded_at), (0, 0, Some(NOW)));
}

#[test]
fn a_message_that_is_not_taken_comes_again_and_is_given_up() {
    let directory = tempfile::tempdir().unwrap();
    let (outbox, _) = open(directory.path(), &[route("a")]);
    outbox.record(&[opened(1)], Position(1), NOW).unwrap();
    let mut now = NOW;
    for attempt in 0..ATTEMPTS_MAX {
        let message = next(&outbox, "a", now).unwrap();
        assert_eq!((&*message.id, message.attempts), ("alert-1-opened", attempt));
        match outbox.failed(&message, "it answered 500", now, None).unwrap() {
            Fate::Again(at) => {
                assert_eq!(next(&outbox, "a", at.minus(1)), Err(Some(at)), "not a moment earlier");
                now = at;
            }
            Fate::Dead => assert_eq!(attempt, ATTEMPTS_MAX - 1),
        }
    }
    assert_eq!(next(&outbox, "a", now), Err(None));
    let query = NoticeQuery { state: Some(NoticeState::Dead), limit: 10, ..NoticeQuery::default() };
    let dead = outbox.notices(&query).unwrap();
    assert_eq!((dead.len(), dead[0].attempts), (1, ATTEMPTS_MAX));
    assert_eq!(dead[0].last_error.as_deref(), Some("it answered 500"));
    assert_eq!(outbox.channel("a").unwrap().dead, 1);

    assert_eq!(outbox.retry("alert-1-opened", Some("b"), now).unwrap(), 0);
    assert_eq!(outbox.retry("alert-1-opened", None, now).unwrap(), 1);
    assert_eq!(next(&outbox, "a", now).unwrap().attempts, 0);
    assert_eq!(outbox.discard("alert-1-opened", Some("a")).unwrap(), 1);
    assert_eq!(outbox.discard("alert-1-opened", Some("a")).unwrap(), 0);
    assert_eq!(next(&outbox, "a", now), Err(None));
}

#[test]
fn of_one_alert_nothing_overtakes_and_others_pass_by() {
    let directory = tempfile::tempdir().unwrap();
    let (outbox, _) = open(directory.path(), &[route("a")]);
    let over = told(1, What::Resolved, 5, Severity::Warning);
    outbox.record(&[opened(1), opened(2), over], Position(5), NOW).unwrap();
    let first = next(&outbox, "a", NOW).unwrap();
    assert_eq!(ids(&first), ["alert-1-opened"]);
    let Fate::Again(at) = outbox.failed(&first, "no answer", NOW, None).unwrap() else { panic!("too early") };
    assert_eq!(drain(&outbox, "a", NOW), [["alert-2-opened"]]);
    assert_eq!(next(&outbox, "a", NOW), Err(Some(at)));
    assert_eq!(drain(&outbox, "a", at), [["alert-1-opened"], ["alert-1-resolved-5"]]);
}

#[test]
fn a_receiver_that_asks_to_wait_is_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    let (outbox, _) = open(directory.path(), &[route("a")]);
    outbox.record(&[opened(1)], Position(1), NOW).unwrap();
    let message = next(&outbox, "a", NOW).unwrap();
    let asked = NOW.plus(3 * MINUTE);
    assert_eq!(outbox.failed(&message, "429", NOW, Some(asked)).unwrap(), Fate::Again(asked));
    let record = outbox.channel("a").unwrap();
    assert_eq!((record.failed_at, record.last_error.as_deref()), (Some(NOW), Some("429")));
}

#[test]
fn in_quiet_hours_only_what_is_critical_goes_and_the_rest_together_after() {
    let directory = tempfile::tempdir().unwrap();
    let quiet = Some(QuietHours::parse("22:00-06:00", "UTC").unwrap());
    let routes =
        [Route { quiet: quiet.clone(), ..route("people") }, Route { quiet, gathers_quiet: false, ..route("programs") }];
    let (outbox, _) = open(directory.path(), &routes);
    let (night, morning) = (NOW.plus(13 * 60 * MINUTE), NOW.plus(20 * 60 * MINUTE));
    let critical = told(3, What::Opened, 3, Severity::Critical);
    outbox.record(&[opened(1), opened(2), critical, opened(4), opened(5)], Position(5), night).unwrap();
    for channel in ["people", "programs"] {
        assert_eq!(drain(&outbox, channel, night), [["alert-3-opened"]]);
        assert_eq!(next(&outbox, channel, night), Err(Some(morning)));
    }
    let together = drain(&outbox, "people", morning);
    assert_eq!(together, [vec!["alert-1-opened", "alert-2-opened", "alert-4-opened"], vec!["alert-5-opened"]]);
    assert_eq!(drain(&outbox, "programs", morning).len(), 4);
}

#[test]
fn what_was_due_before_the_quiet_hours_waits_for_their_end() {
    let directory = tempfile::tempdir().unwrap();
    let quiet = Some(QuietHours::parse("22:00-06:00", "UTC").unwrap());
    let (outbox, _) = open(directory.path(), &[Route { quiet, ..route("a") }]);
    outbox.record(&[opened(1)], Position(1), NOW.plus(719 * MINUTE)).unwrap();
    assert_eq!(next(&outbox, "a", NOW.plus(721 * MINUTE)), Err(Some(NOW.plus(1_200 * MINUTE))));
}

#[test]
fn a_digest_gathers_for_its_time_and_stays_the_same_message() {
    let directory = tempfile::tempdir().unwrap();
    let (outbox, _) = open(directory.path(), &[Route { digest_micros: Some(15 * MINUTE), ..route("a") }]);
    outbox.record(&[opened(1)], Position(1), NOW).unwrap();
    outbox.record(&[opened(2)], Position(2), NOW.plus(10 * MINUTE)).unwrap();
    let due = NOW.plus(15 * MINUTE);
    assert_eq!(next(&outbox, "a", NOW.plus(10 * MINUTE)), Err(Some(due)));
    let first = next(&outbox, "a", due).unwrap();
    assert_eq!(ids(&first), ["alert-1-opened", "alert-2-opened"]);
    // What comes later goes into another one, also when the first is sent again.
    outbox.record(&[opened(3), told(1, What::Resolved, 4, Severity::Warning)], Position(4), due).unwrap();
    let Fate::Again(at) = outbox.failed(&first, "no answer", due, None).unwrap() else { panic!("too early") };
    let again = next(&outbox, "a", at).unwrap();
    assert_eq!((&again.id, &again.notices), (&first.id, &first.notices));
    outbox.delivered(&again, at).unwrap();
    assert_eq!(drain(&outbox, "a", due.plus(15 * MINUTE)), [["alert-3-opened", "alert-1-resolved-4"]]);
}

#[test]
fn a_digest_leaves_out_what_would_overtake() {
    let directory = tempfile::tempdir().unwrap();
    let (outbox, _) = open(directory.path(), &[Route { digest_micros: Some(MINUTE), ..route("a") }]);
    outbox.record(&[opened(1), opened(2)], Position(2), NOW).unwrap();
    let first = next(&outbox, "a", NOW.plus(MINUTE)).unwrap();
    let now = NOW.plus(MINUTE);
    let asked = Some(now.plus(60 * MINUTE));
    outbox.failed(&first, "busy", now, asked).unwrap();
    outbox.record(&[told(1, What::Resolved, 3, Severity::Warning), opened(4)], Position(4), now).unwrap();
    assert_eq!(drain(&outbox, "a", now.plus(MINUTE)), [["alert-4-opened"]]);
}

#[test]
fn what_is_critical_takes_along_what_its_alert_still_has_to_tell() {
    let directory = tempfile::tempdir().unwrap();
    let quiet = Some(QuietHours::parse("09:00-12:00", "UTC").unwrap());
    let (outbox, _) = open(directory.path(), &[Route { quiet, digest_micros: Some(15 * MINUTE), ..route("a") }]);
    outbox.record(&[opened(1), opened(2)], Position(2), NOW).unwrap();
    assert!(next(&outbox, "a", NOW).is_err());
    outbox.record(&[told(1, What::Escalated, 3, Severity::Critical)], Position(3), NOW).unwrap();
    assert_eq!(drain(&outbox, "a", NOW), [["alert-1-opened"], ["alert-1-escalated-3"]]);
}

#[test]
fn too_many_that_wait_are_given_up_from_the_oldest() {
    let directory = tempfile::tempdir().unwrap();
    let (outbox, _) = open(directory.path(), &[route("a")]);
    let all: Vec<Notice> = (1..=10_003).map(opened).collect();
    outbox.record(&all, Position(10_003), NOW).unwrap();
    let record = outbox.channel("a").unwrap();
    assert_eq!((record.pending, record.dead), (10_000, 3));
    assert_eq!(ids(&next(&outbox, "a", NOW).unwrap()), ["alert-4-opened"]);
    let query = NoticeQuery { id: Some("alert-3-opened".to_owned()), limit: 1, ..NoticeQuery::default() };
    assert_eq!(outbox.notices(&query).unwrap()[0].last_error.as_deref(), Some("more than 10000 notices waited"));
}

#[test]
fn a_channel_that_is_gone_leaves_its_notices_to_be_looked_at() {
    let directory = tempfile::tempdir().unwrap();
    let (outbox, _) = open(directory.path(), &[route("a"), route("b")]);
    outbox.record(&[opened(1)], Position(1), NOW).unwrap();
    drop(outbox);
    let (outbox, _) = open(directory.path(), &[route("b")]);
    assert_eq!(outbox.channel("a").unwrap().dead, 1);
    assert_eq!(outbox.retry("alert-1-opened", Some("a"), NOW).unwrap(), 0);
    assert_eq!(outbox.discard("alert-1-opened", Some("a")).unwrap(), 1);
    assert_eq!(drain(&outbox, "b", NOW), [["alert-1-opened"]]);
}

#[test]
fn a_file_that_can_not_be_used_is_made_anew_at_the_end_of_the_journal() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("notices.sqlite");
    let open = |journal, end| Outbox::open(&file, journal, end, vec![route("a")], NOW).unwrap();
    let (outbox, _) = open(JOURNAL, Position(10));
    outbox.record(&[opened(11)], Position(20), NOW).unwrap();
    drop(outbox);
    let looked =
        |position, told_from| Looked { position: Position(position), told_from: Position(told_from), open: Vec::new() };
    assert_eq!(open(JOURNAL, Position(30)).1, looked(20, 10));
    assert_eq!(open(JOURNAL, Position(19)).1, looked(0, 19), "ahead of the journal");
    assert_eq!(open([8; 16], Position(5)).1, looked(0, 5), "of another journal");
    std::fs::write(&file, "no database").unwrap();
    assert_eq!(open(JOURNAL, Position(5)).1, looked(0, 5), "damaged");
}

#[test]
fn notices_are_listed_page_by_page() {
    let directory = tempfile::tempdir().unwrap();
    let (outbox, _) = open(directory.path(), &[route("a"), route("b")]);
    outbox.record(&(1..=5).map(opened).collect::<Vec<_>>(), Position(5), NOW).unwrap();
    let list = |state, before| {
        let query = NoticeQuery { state, channel: Some("b".to_owned()), before, limit: 2, ..NoticeQuery::default() };
        outbox.notices(&query).unwrap()
    };
    let (mut seen, mut before) = (Vec::new(), None);
    while let Some(last) = list(Some(NoticeState::Pending), before).last() {
        seen.extend(list(None, before).into_iter().map(|kept| kept.notice.alert.0));
        before = Some(last.sequence);
    }
    assert_eq!(seen, [5, 4, 3, 2, 1]);
    assert!(list(Some(NoticeState::Dead), None).is_empty());
}

/// What the journal says, in the blocks that it is looked at in.
fn journal() -> Vec<(u64, Vec<Notice>)> {
    vec![
        (1, vec![opened(1)]),
        (3, vec![opened(2), opened(3)]),
        (4, Vec::new()),
        (6, vec![told(2, What::Resolved, 5, Severity::Warning), told(1, What::Escalated, 6, Severity::Critical)]),
        (7, vec![told(1, What::Resolved, 7, Severity::Critical)]),
    ]
}

/// Works on until there is nothing to do, but no more than `steps` durable changes or sent messages; answers how many were left.
fn work(outbox: &Outbox, looked: Position, steps: usize, received: &mut Vec<(String, Vec<Notice>)>) -> usize {
    let (mut left, mut now) = (steps, NOW);
    macro_rules! step {
        () => {
            match left.checked_sub(1) {
                Some(fewer) => left = fewer,
                None => return 0,
            }
        };
    }
    for (up_to, notices) in journal().into_iter().filter(|(up_to, _)| Position(*up_to) > looked) {
        step!();
        outbox.record(&notices, Position(up_to), now).unwrap();
    }
    let mut refused = BTreeSet::new();
    for channel in ["alone", "digest"] {
        loop {
            step!();
            match outbox.next(channel, now).unwrap() {
                Next::Message(message) => {
                    step!();
                    received.push((format!("{channel} {}", message.id), message.notices.clone()));
                    step!();
                    // Every message is refused once, though it was received: the answer was lost.
                    if refused.insert(message.id.clone()) {
                        outbox.failed(&message, "the answer was lost", now, None).unwrap();
                    } else {
                        outbox.delivered(&message, now).unwrap();
                    }
                }
                Next::Wait(Some(at)) => now = at,
                Next::Wait(None) => break,
            }
        }
    }
    left
}

#[test]
fn nothing_is_missed_and_ids_stay_when_the_process_ends_after_any_step() {
    let every: BTreeSet<String> =
        journal().into_iter().flat_map(|(_, notices)| notices).map(|notice| notice.id).collect();
    let routes = [route("alone"), Route { digest_micros: Some(MINUTE), ..route("digest") }];
    let mut ends = 0;
    for steps in 0.. {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("notices.sqlite");
        let mut received = Vec::new();
        let start = || Outbox::open(&file, JOURNAL, Position(0), routes.to_vec(), NOW).unwrap();
        let reopen = || Outbox::open(&file, JOURNAL, Position(7), routes.to_vec(), NOW).unwrap();
        let (outbox, looked) = start();
        let is_whole = work(&outbox, looked.position, steps, &mut received) > 0;
        drop(outbox);
        let (outbox, looked) = reopen();
        assert_eq!(looked.told_from, Position(0), "the file is the same, after {steps} steps");
        assert!(work(&outbox, looked.position, 10_000, &mut received) > 0);
        for channel in ["alone", "digest"] {
            let mut by_id: BTreeMap<&str, &[Notice]> = BTreeMap::new();
            let mut order: BTreeMap<Position, Vec<&str>> = BTreeMap::new();
            let of_channel = received.iter().filter(|(id, _)| id.starts_with(channel));
            for (id, notices) in of_channel {
                let before = by_id.insert(id, notices);
                assert!(before.is_none_or(|before| before == notices), "{id} means one thing, after {steps} steps");
                for notice in notices {
                    let of_alert = order.entry(notice.alert).or_default();
                    if !of_alert.contains(&&*notice.id) {
                        of_alert.push(&notice.id);
                    }
                }
            }
            let told: BTreeSet<String> = order.values().flatten().map(|id| (*id).to_owned()).collect();
            assert_eq!(told, every, "{channel} after {steps} steps");
            assert_eq!(order[&Position(1)], ["alert-1-opened", "alert-1-escalated-6", "alert-1-resolved-7"]);
            assert_eq!(order[&Position(2)], ["alert-2-opened", "alert-2-resolved-5"]);
            assert_eq!(outbox.channel(channel).unwrap().pending, 0);
        }
        ends += 1;
        if is_whole {
            break;
        }
    }
    assert!(ends > 40, "{ends} places to end at");
}
