//! How readings go into the index of how they went, how much room they take there, and how quickly a year is answered.
//!
//! `cargo bench -p follow --bench series`. Says the bytes a reading before the figures.

use divan::counter::ItemsCount;
use engine::{Clock, Engine, Follow, Handle, Settings};
use follow::series::{Recorder, Series};
use ledger::{Command, Observation, Timestamp};
use std::fmt::Write;
use std::hint::black_box;
use std::path::Path;
use std::sync::OnceLock;
use tempfile::TempDir;
use wire::Batch;
use wire::observation::READINGS;

/// 2026-02-16T10:00:00Z.
const START: i64 = 1_771_236_000_000_000;
const MINUTE: i64 = 60_000_000;
const YEAR: i64 = 525_600 * MINUTE;
/// Devices of two metrics each, which send in turn, a message a reading.
const DEVICES: u32 = 50;
const MESSAGES: u32 = 50_000;

fn main() {
    let site = year();
    let bytes = std::fs::metadata(site.directory.path().join("series.sqlite")).map_or(0, |file| file.len());
    let (whole, tenths) = (bytes * 10 / 525_600 / 10, bytes * 10 / 525_600 % 10);
    #[expect(clippy::print_stderr, reason = "a figure to show")]
    {
        eprintln!("a year of a reading a minute: {whole}.{tenths} bytes a reading");
    }
    divan::main();
}

struct Site {
    directory: TempDir,
    engine: Engine,
}

impl Site {
    fn new() -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let clock = Clock::simulated(|| Timestamp(START));
        let engine = Engine::open(directory.path(), Settings::default(), clock, [7; 16], &mut |_| {});
        Self { directory, engine: engine.expect("an empty directory") }
    }

    fn observe(&self, messages: impl Iterator<Item = (String, i64, String)>) {
        let handle = self.engine.handle();
        let mut batch = Batch::new();
        for (index, (device, at, content)) in messages.enumerate() {
            let content = content.into_bytes().into();
            let observation = Observation { form: READINGS.into(), content, ..Observation::default() };
            let (command, at, id) = (Command::Observe(Box::new(observation)), Timestamp(at), index.to_string());
            let key = handle.hasher().command(&device, &id, at, &command);
            batch.push_command(&device, &device, &id, key, at, command);
            if batch.len() == 1_000 {
                handle.submit_and_wait(std::mem::take(&mut batch)).expect("the engine runs");
            }
        }
        handle.submit_and_wait(batch).expect("the engine runs");
    }
}

/// What a cold room measures, in hundredths of a degree.
fn hundredths(minute: i64) -> i64 {
    400 + (minute * 7_919 % 61) - 30 + if minute % 10_000 < 20 { 900 } else { 0 }
}

/// A year of a reading a minute, in messages of two hundred.
fn year() -> &'static Site {
    static SITE: OnceLock<Site> = OnceLock::new();
    SITE.get_or_init(|| {
        let site = Site::new();
        let message = |first: i64| {
            let mut content = String::from("[");
            for minute in first..first + 200 {
                let comma = if minute == first { "" } else { "," };
                let (value, at) =
                    (hundredths(minute), wire::time::render_timestamp(Timestamp(START + minute * MINUTE)));
                let (whole, part) = (value / 100, value % 100);
                write!(content, "{comma}{{\"metric\":\"temperature\",\"value\":{whole}.{part:02},\"at\":\"{at}\"}}")
                    .expect("a string takes all");
            }
            ("cold-1".to_owned(), START + first * MINUTE, content + "]")
        };
        site.observe((0..2_628).map(|index| message(index * 200)));
        follow(&site.engine.handle(), &site.directory.path().join("series.sqlite"));
        site
    })
}

/// Follows all there is.
fn follow(engine: &Handle, file: &Path) -> Series {
    let mut recorder = Recorder::open(file, engine.clone()).expect("a new file");
    while recorder.position() < engine.position() {
        let observed = engine.observed_after(recorder.position()).expect("the journal can be read");
        recorder.take(observed, true).expect("the index can be written");
    }
    recorder.finish().expect("the index can be written");
    recorder.series()
}

/// Messages of two readings by many devices: reading the journal, its JSON, and writing.
#[divan::bench(sample_count = 5, sample_size = 1)]
fn follow_messages(bencher: divan::Bencher<'_, '_>) {
    let site = Site::new();
    let message = |index: u32| {
        let content = format!(
            r#"[{{"metric":"temperature","value":{}.{}}},{{"metric":"humidity","value":{}}}]"#,
            index % 7,
            index % 10,
            40 + index % 30
        );
        (format!("d-{}", index % DEVICES), START + i64::from(index / DEVICES) * MINUTE, content)
    };
    site.observe((0..MESSAGES).map(message));
    bencher.counter(ItemsCount::new(MESSAGES * 2)).bench_local(|| {
        let file = site.directory.path().join("series.sqlite");
        for suffix in ["", "-wal", "-shm"] {
            let _ = std::fs::remove_file(site.directory.path().join(format!("series.sqlite{suffix}")));
        }
        black_box(follow(&site.engine.handle(), &file));
    });
}

/// A year of one metric made again from the journal.
#[divan::bench(sample_count = 3, sample_size = 1)]
fn follow_a_year(bencher: divan::Bencher<'_, '_>) {
    let site = year();
    bencher.counter(ItemsCount::new(525_600_u32)).bench_local(|| {
        let file = tempfile::tempdir().expect("a temporary directory");
        black_box(follow(&site.engine.handle(), &file.path().join("series.sqlite")));
    });
}

/// A year, a month and a week of a reading a minute, in few items.
#[divan::bench(args = [365, 30, 7, 1])]
fn days_in_500_points(bencher: divan::Bencher<'_, '_>, days: i64) {
    let site = year();
    let recorder = Recorder::open(&site.directory.path().join("series.sqlite"), site.engine.handle());
    let series = recorder.expect("made before").series();
    let end = START + YEAR;
    let span = (Timestamp(end - days * 1_440 * MINUTE), Timestamp(end));
    bencher.bench_local(|| series.history(("cold-1", "temperature"), span, 500).expect("the index can be read"));
}
