//! The index of readings against a naive count of all of them: whatever order they come in, how often, in which messages,
//! wherever the process ends and whatever can't be written, it answers the same, and no extreme is lost.

#![allow(
    clippy::unwrap_used,
    clippy::cast_precision_loss,
    clippy::float_cmp,
    reason = "a test; figures are compared as they are"
)]

use engine::{Clock, Engine, Follow, Settings};
use follow::series::{Grid, Recorder, Series, Shown, Summary};
use ledger::{Command, Observation, Timestamp};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use tempfile::TempDir;
use wire::Batch;
use wire::observation::{POSITION, READINGS, Reading, ReadingValue, render_readings};

/// 2026-02-16T10:00:00Z.
const START: i64 = 1_771_236_000_000_000;
const SECOND: i64 = 1_000_000;
const MINUTE: i64 = 60 * SECOND;
const DAY: i64 = 1_440 * MINUTE;

/// A number below a bound.
struct Chance(u64);

impl Chance {
    fn below(&mut self, bound: i64) -> i64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        i64::try_from(self.0 >> 33).unwrap() % bound
    }
}

/// The program, as far as it matters here.
struct Site {
    directory: TempDir,
    now: Arc<AtomicI64>,
    running: Option<(Engine, Recorder)>,
    messages: u64,
}

/// How a process ends.
#[derive(Clone, Copy, Debug)]
enum End {
    InOrder,
    Unsaved,
    IndexLost,
    IndexDamaged,
}

impl Site {
    fn new() -> Self {
        let now = Arc::new(AtomicI64::new(START));
        let mut site = Self { directory: tempfile::tempdir().unwrap(), now, running: None, messages: 0 };
        site.start();
        site
    }

    fn index(&self) -> PathBuf {
        self.directory.path().join("series.sqlite")
    }

    fn start(&mut self) {
        let now = Arc::clone(&self.now);
        let clock = Clock::simulated(move || Timestamp(now.load(Ordering::Relaxed)));
        let settings = Settings { segment_bytes: 1 << 20, ..Settings::default() };
        let engine = Engine::open(self.directory.path(), settings, clock, [7; 16], &mut |_| {}).unwrap();
        let recorder = Recorder::open(&self.index(), engine.handle()).unwrap();
        self.running = Some((engine, recorder));
    }

    /// Ends the process and starts it again.
    fn restart(&mut self, end: End) {
        let (engine, mut recorder) = self.running.take().unwrap();
        if matches!(end, End::InOrder) {
            recorder.finish().unwrap();
        }
        drop(recorder);
        engine.shutdown().unwrap();
        match end {
            End::InOrder | End::Unsaved => {}
            End::IndexLost => ["", "-wal", "-shm"].iter().for_each(|suffix| {
                let _ = std::fs::remove_file(self.directory.path().join(format!("series.sqlite{suffix}")));
            }),
            End::IndexDamaged => std::fs::write(self.index(), b"no database").unwrap(),
        }
        self.start();
    }

    fn engine(&self) -> engine::Handle {
        self.running.as_ref().unwrap().0.handle()
    }

    fn series(&self) -> Series {
        self.running.as_ref().unwrap().1.series()
    }

    fn observe(&mut self, device: &str, form: &str, at: i64, content: &str) {
        self.messages += 1;
        let observation =
            Observation { form: form.into(), content: content.as_bytes().into(), ..Observation::default() };
        let (command, at) = (Command::Observe(Box::new(observation)), Timestamp(at));
        let id = self.messages.to_string();
        let key = self.engine().hasher().command(device, &id, at, &command);
        let mut batch = Batch::new();
        batch.push_command(device, device, &id, key, at, command);
        let receipt = self.engine().submit_and_wait(batch).unwrap();
        assert_eq!(receipt.exceptions().len(), 0);
    }

    fn measure(&mut self, device: &str, metric: &str, readings: &[(i64, f64)]) {
        let reading = |(at, value): &(i64, f64)| Reading {
            metric: metric.into(),
            value: ReadingValue::Number(value.to_string().into()),
            unit: "°C".into(),
            at: Some(Timestamp(*at)),
        };
        let readings: Vec<Reading<'_>> = readings.iter().map(reading).collect();
        self.observe(device, READINGS, START, &render_readings(&readings));
    }

    fn try_follow(&mut self) -> Result<(), engine::Error> {
        let (engine, recorder) = self.running.as_mut().unwrap();
        let engine = engine.handle();
        while recorder.position() < engine.position() {
            let observed = engine.observed_after(recorder.position())?;
            let is_behind = observed.up_to < engine.position();
            recorder.take(observed, is_behind)?;
        }
        Ok(())
    }

    fn follow(&mut self) {
        self.try_follow().unwrap();
    }

    fn save(&mut self) -> Result<(), engine::Error> {
        self.running.as_mut().unwrap().1.finish()
    }

    fn history(&self, span: (i64, i64), points: usize) -> follow::series::History {
        let span = (Timestamp(span.0), Timestamp(span.1));
        self.series().history(("cold-1", "temperature"), span, points).unwrap().unwrap()
    }
}

/// What `history` should answer, made of all readings one by one. Each stands once, by time and figure.
fn naive(all: &[(i64, f64)], span: (i64, i64), points: usize) -> (u64, Shown) {
    let within: Vec<(Timestamp, f64)> = all
        .iter()
        .filter(|(at, _)| (span.0..span.1).contains(at))
        .map(|(at, value)| (Timestamp(*at), *value))
        .collect();
    let count = within.len() as u64;
    if within.len() <= points {
        return (count, Shown::Raw(within));
    }
    let grid = Grid::new((Timestamp(span.0), Timestamp(span.1)), points).unwrap();
    let mut buckets = Vec::new();
    for (from, to) in grid.buckets() {
        let here: Vec<&(Timestamp, f64)> = within.iter().filter(|(at, _)| (from..to).contains(at)).collect();
        let (Some(first), Some(last)) = (here.first(), here.last()) else { continue };
        let summary = Summary {
            count: here.len() as u64,
            min: here.iter().map(|(_, value)| *value).fold(f64::INFINITY, f64::min),
            max: here.iter().map(|(_, value)| *value).fold(f64::NEG_INFINITY, f64::max),
            first: **first,
            last: **last,
        };
        buckets.push(follow::series::Bucket { from, to, summary });
    }
    (count, Shown::Buckets(grid, buckets))
}

/// A cold room: a figure a minute, with holes, doors left open, and several figures at one time now and then.
fn readings(count: i64, chance: &mut Chance) -> Vec<(i64, f64)> {
    let (mut at, mut all) = (START - 300 * DAY, Vec::new());
    for index in 0..count {
        at += match chance.below(400) {
            0 => chance.below(30 * DAY),
            1..40 => 0,
            40..200 => MINUTE + chance.below(SECOND),
            _ => MINUTE,
        };
        let spike = if chance.below(500) == 0 { 18.0 } else { 0.0 };
        let value = spike + (index % 90) as f64 / 10.0 + if chance.below(60) == 0 { 0.1 + 0.2 } else { 0.0 };
        all.push((at, value));
    }
    all
}

fn in_order(readings: &[(i64, f64)]) -> Vec<(i64, f64)> {
    let mut all = readings.to_vec();
    all.sort_by(|a, b| a.0.cmp(&b.0).then(a.1.total_cmp(&b.1)));
    all.dedup();
    all
}

fn check(site: &Site, all: &[(i64, f64)], chance: &mut Chance) {
    let (begin, end) = (all[0].0, all[all.len() - 1].0 + 1);
    let mut spans = vec![((begin, end), 500), ((begin - DAY, end + DAY), 40), ((begin, end), 5_000), ((begin, end), 1)];
    for _ in 0..12 {
        let from = begin + chance.below(end - begin);
        let span = match chance.below(3) {
            0 => chance.below(end - from),
            1 => chance.below(7 * DAY),
            _ => chance.below(9 * MINUTE),
        };
        spans.push(((from, from + span + 1), usize::try_from(1 + chance.below(700)).unwrap()));
    }
    for (span, points) in spans {
        let history = site.history(span, points);
        let (count, shown) = naive(all, span, points);
        assert_eq!((history.unit.as_str(), history.count), ("°C", count), "{span:?} {points}");
        assert!(history.shown == shown, "{span:?} {points}\nis     {:?}\nshould {shown:?}", history.shown);
    }
    let mut pages: Vec<(i64, f64)> = Vec::new();
    loop {
        let after = pages.last().map(|(at, value)| (Timestamp(*at), *value));
        let span = (Timestamp(begin), Timestamp(end));
        let page = site.series().readings(("cold-1", "temperature"), span, after, 777).unwrap().unwrap();
        pages.extend(page.readings.iter().map(|(at, value)| (at.0, *value)));
        if page.readings.len() < 777 {
            break;
        }
    }
    assert!(pages == all, "page after page gives every reading once");
}

#[test]
fn order_of_arrival_does_not_matter_nor_how_often_nor_where_the_process_ends() {
    for seed in 0..3 {
        let mut chance = Chance(seed + 11);
        let sent = readings(6_000, &mut chance);
        let all = in_order(&sent);
        let mut calm = Site::new();
        for part in sent.chunks(300) {
            calm.measure("cold-1", "temperature", part);
            calm.follow();
        }
        check(&calm, &all, &mut chance);

        let mut disordered = sent.clone();
        for index in (1..disordered.len()).rev() {
            // mostly a little out of order, some by much
            let back = if chance.below(10) == 0 { index } else { index.min(40) };
            disordered.swap(index, index - usize::try_from(chance.below(i64::try_from(back).unwrap() + 1)).unwrap());
        }
        let mut wild = Site::new();
        let mut rest = disordered.as_slice();
        while !rest.is_empty() {
            let count = usize::try_from(1 + chance.below(250)).unwrap().min(rest.len());
            let (part, later) = rest.split_at(count);
            wild.measure("cold-1", "temperature", part);
            if chance.below(3) == 0 {
                wild.measure("cold-1", "temperature", part);
            }
            match chance.below(12) {
                0 => wild.restart(End::InOrder),
                1 => wild.restart(End::Unsaved),
                2 => wild.restart(End::IndexLost),
                3 => wild.restart(End::IndexDamaged),
                4 | 5 => wild.follow(),
                // a question has written what it asks for; the rest and the position go with the process
                6 if !wild.follow_and_ask() => {}
                _ => {}
            }
            rest = later;
        }
        wild.follow();
        check(&wild, &all, &mut chance);
        wild.restart(End::IndexLost);
        wild.follow();
        check(&wild, &all, &mut chance);
    }
}

impl Site {
    /// Follows, asks, and ends without a word.
    fn follow_and_ask(&mut self) -> bool {
        self.follow();
        let is_known = self.series().history(("cold-1", "temperature"), (Timestamp(0), Timestamp(START)), 9).unwrap();
        self.restart(End::Unsaved);
        is_known.is_some()
    }
}

#[test]
fn every_extreme_is_in_the_answer_of_a_dense_year() {
    // ten seconds apart for three days, one spike in each direction
    let mut all: Vec<(i64, f64)> =
        (0..26_000).map(|index| (START + index * 10 * SECOND, 4.0 + (index % 17) as f64 / 100.0)).collect();
    all[13_337].1 = 31.25;
    all[20_011].1 = -9.5;
    let mut site = Site::new();
    for part in all.chunks(2_000) {
        site.measure("cold-1", "temperature", part);
    }
    site.follow();
    for (span, points) in [
        ((START, START + 4 * DAY), 7),
        ((START - 361 * DAY, START + 4 * DAY), 500),
        ((START, START + 302 * 15 * MINUTE), 499),
    ] {
        let history = site.history(span, points);
        let Shown::Buckets(_, buckets) = &history.shown else { panic!("{span:?} is not few") };
        assert!(buckets.len() <= points);
        assert!(buckets.iter().any(|bucket| bucket.summary.max == 31.25), "{span:?}");
        assert!(buckets.iter().any(|bucket| bucket.summary.min == -9.5), "{span:?}");
        assert_eq!(buckets.iter().map(|bucket| bucket.summary.count).sum::<u64>(), 26_000, "{span:?}");
        assert!(buckets.windows(2).all(|pair| pair[0].to <= pair[1].from));
        assert_eq!((history.count, history.shown), naive(&all, span, points));
    }
}

#[test]
fn what_can_t_be_written_waits_and_is_written_once_it_can_be() {
    let mut chance = Chance(5);
    let all = in_order(&readings(3_000, &mut chance));
    for (table, event) in [
        ("body", "INSERT"),
        ("body", "UPDATE"),
        ("chunk", "INSERT"),
        ("chunk", "DELETE"),
        ("cells", "INSERT"),
        ("about", "UPDATE"),
    ] {
        let mut site = Site::new();
        for part in all[..1_500].chunks(100) {
            site.measure("cold-1", "temperature", part);
        }
        site.follow();
        site.save().unwrap();
        let other = rusqlite::Connection::open(site.index()).unwrap();
        let trigger =
            format!("CREATE TRIGGER full BEFORE {event} ON {table} BEGIN SELECT RAISE(ABORT, 'no room'); END");
        other.execute_batch(&trigger).unwrap();
        let mut failures = 0;
        for part in all[1_500..].chunks(100) {
            site.measure("cold-1", "temperature", part);
            // more follows although nothing can be written
            site.follow();
            failures += usize::from(site.save().is_err());
        }
        assert!(failures > 0, "{event} {table}");
        other.execute_batch("DROP TRIGGER full").unwrap();
        site.save().unwrap();
        check(&site, &all, &mut chance);
        site.restart(End::Unsaved);
        check(&site, &all, &mut chance);
    }
}

#[test]
fn an_index_that_goes_further_than_its_journal_or_belongs_to_another_is_made_anew() {
    let mut site = Site::new();
    site.measure("cold-1", "temperature", &[(START, 1.0), (START + 1, 2.0)]);
    site.follow();
    site.save().unwrap();
    let other = rusqlite::Connection::open(site.index()).unwrap();
    for change in ["position = 1000000", "journal = x'00'", "layout = 0"] {
        other.execute_batch(&format!("UPDATE about SET {change}; DELETE FROM chunk")).unwrap();
        site.restart(End::Unsaved);
        site.follow();
        assert_eq!(site.history((START, START + 2), 9).count, 2, "{change}");
        site.save().unwrap();
    }
}

#[test]
fn a_track_keeps_its_outermost_positions() {
    let mut site = Site::new();
    let place = |latitude: f64, longitude: f64| {
        format!("{{\"latitude\":{latitude},\"longitude\":{longitude},\"accuracy_m\":5}}")
    };
    for index in 0..600_i64 {
        let (latitude, longitude) = match index {
            77 => (59.5, 4.0),
            78 => (52.0, -11.25),
            400 => (40.125, 4.0),
            401 => (52.0, 30.5),
            _ => (52.0 + (index % 5) as f64 / 1_000.0, 4.0 + index as f64 / 10_000.0),
        };
        // from the newest to the oldest, and again
        for at in [START + (600 - index) * MINUTE, START + (600 - index) * MINUTE] {
            site.observe("truck-1", POSITION, at, &place(latitude, longitude));
        }
    }
    site.follow();
    let track = |span: (i64, i64), points| {
        site.series().track("truck-1", (Timestamp(span.0), Timestamp(span.1)), points).unwrap().unwrap()
    };
    let all = track((START, START + DAY), 5_000);
    assert_eq!((all.count, all.positions.len()), (600, 600));
    assert!(all.positions.windows(2).all(|pair| pair[0].at < pair[1].at));
    assert_eq!(all.positions[0].accuracy_m, Some(5.0));
    let some = track((START, START + DAY), 60);
    assert_eq!(some.count, 600);
    assert!(some.positions.len() <= 60 && some.positions.iter().all(|place| all.positions.contains(place)));
    assert_eq!((some.positions.first(), some.positions.last()), (all.positions.first(), all.positions.last()));
    for (latitude, longitude) in [(59.5, 4.0), (52.0, -11.25), (40.125, 4.0), (52.0, 30.5)] {
        assert!(some.positions.iter().any(|place| place.latitude == latitude && place.longitude == longitude));
    }
    assert_eq!(track((START, START), 60).count, 0);
    let speed = site.series().history(("truck-1", "latitude"), (Timestamp(START), Timestamp(START + DAY)), 10).unwrap();
    assert_eq!(speed.unwrap().unit, "°");
    assert!(site.series().track("nobody", (Timestamp(0), Timestamp(1)), 1).unwrap().is_none());
    // another place at the same time: one of them is where it was, whichever came first
    let before = track((START, START + DAY), 5_000).count;
    site.observe("truck-1", POSITION, START + MINUTE, &place(10.0, 10.0));
    site.observe("truck-1", POSITION, START + MINUTE, &place(80.0, 10.0));
    site.follow();
    let track = site.series().track("truck-1", (Timestamp(START), Timestamp(START + DAY)), 5_000).unwrap().unwrap();
    assert_eq!((track.count, track.positions[0].latitude), (before, 80.0));
}
