//! What the system says of itself: once in a while its own figures go into the journal as the readings of a device, so
//! that they have charts, limits and alerts like those of any other.

use crate::clock;
use anyhow::{Context, Result};
use engine::{Handle, Stats, Unavailable, Window};
use ledger::{Command, DeviceCard, Observation, Timestamp};
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;
use wire::Batch;
use wire::observation::{READINGS, Reading, ReadingValue, render_readings};

/// The device that the system is to itself, and the source of its readings.
const DEVICE: &str = watch::SOURCE;

/// The thread that samples. Finish it before the engine is shut down.
pub(crate) struct Health {
    stop: SyncSender<()>,
    sampling: JoinHandle<()>,
}

impl Health {
    /// Samples once in every `period`; `None` for never. A system that has told of itself before does so at once, so that
    /// the time in which it did not run is not taken for silence.
    ///
    /// # Errors
    /// The system gives no thread.
    pub(crate) fn start(directory: &Path, engine: Handle, period: Option<Duration>) -> Result<Option<Self>> {
        let mut sampler = Sampler::new(directory, engine, period);
        if sampler.is_declared() {
            sampler.hand_in();
        }
        let Some(period) = period else { return Ok(None) };
        let (stop, stopped) = sync_channel(0);
        let thread = std::thread::Builder::new().name("health".to_owned());
        let sampling = thread.spawn(move || sampler.run(period, &stopped)).context("starting to sample health")?;
        Ok(Some(Self { stop, sampling }))
    }

    /// Ends it.
    pub(crate) fn finish(self) {
        drop(self.stop);
        if self.sampling.join().is_err() {
            tracing::error!("sampling health stopped on a bug of ours");
        }
    }
}

struct Sampler {
    directory: PathBuf,
    engine: Handle,
    /// How often; `None` for never.
    period: Option<Duration>,
    acknowledged: Window,
    synced: Window,
    before: Moment,
}

/// What a figure over time is counted from.
#[derive(Clone, Copy)]
struct Moment {
    at: Timestamp,
    /// By the clock that cannot jump.
    micros: u64,
    events: u64,
}

impl Moment {
    fn of(stats: &Stats) -> Self {
        Self { at: clock::now(), micros: clock::stopwatch_micros(), events: events(stats) }
    }
}

/// Requests judged since the start.
fn events(stats: &Stats) -> u64 {
    let counters = [&stats.accepted, &stats.duplicates, &stats.held, &stats.rejected];
    counters.iter().map(|counter| counter.load(Ordering::Relaxed)).sum()
}

impl Sampler {
    fn new(directory: &Path, engine: Handle, period: Option<Duration>) -> Self {
        let stats = engine.stats();
        let mut sampler = Self {
            directory: directory.to_owned(),
            before: Moment::of(stats),
            acknowledged: Window::default(),
            synced: Window::default(),
            period,
            engine: engine.clone(),
        };
        // What was before is no part of the first sample.
        stats.acknowledge_micros.since(&mut sampler.acknowledged);
        stats.sync_micros.since(&mut sampler.synced);
        sampler
    }

    fn is_declared(&self) -> bool {
        self.engine.views().catalog().device(DEVICE).is_some()
    }

    fn run(mut self, period: Duration, stopped: &Receiver<()>) {
        while stopped.recv_timeout(period) == Err(RecvTimeoutError::Timeout) {
            self.hand_in();
        }
    }

    /// Hands in what there is to say. What cannot be taken is left: the next sample says it better.
    fn hand_in(&mut self) {
        let now = clock::now();
        let hasher = self.engine.hasher();
        let mut batch = Batch::with_capacity(2, 64);
        let mut push = |command: Command| {
            let key = hasher.command(DEVICE, "", now, &command);
            batch.push_command(DEVICE, DEVICE, "", key, now, command);
        };
        if let Some(card) = self.card() {
            push(Command::DeclareDevice(Box::new(card)));
        }
        if self.period.is_some() {
            let figures = self.sample();
            let readings: Vec<Reading<'_>> = figures.into_iter().map(reading).collect();
            let content = render_readings(&readings).into_bytes().into();
            let observation =
                Observation { form: READINGS.into(), sent_at: Some(now), content, ..Observation::default() };
            push(Command::Observe(Box::new(observation)));
        }
        let told = |outcome: Result<engine::Receipt, Unavailable>| {
            if let Err(why) = outcome {
                tracing::debug!(%why, "the system's own figures were not taken");
            }
        };
        if !batch.is_empty()
            && let Err(why) = self.engine.submit(batch, told)
        {
            tracing::debug!(%why, "the system's own figures were not taken");
        }
    }

    /// The device's card, if it is not declared as it should be. What people have said of it stays.
    fn card(&self) -> Option<DeviceCard> {
        let interval_micros = self.period.map(|period| i64::try_from(period.as_micros()).unwrap_or(i64::MAX));
        let declared = self.engine.views().catalog().device(DEVICE).cloned();
        match declared {
            Some(card) if card.interval_micros == interval_micros => None,
            Some(card) => Some(DeviceCard { interval_micros, ..card }),
            None => Some(DeviceCard {
                device: DEVICE.into(),
                name: "Stocktide".into(),
                kind: "system".into(),
                interval_micros,
                ..DeviceCard::default()
            }),
        }
    }

    /// The figures by their metrics, in the order of the page; without those that cannot be had now.
    fn sample(&mut self) -> Vec<(&'static str, f64)> {
        let before = self.before;
        let stats = self.engine.stats();
        let now = Moment::of(stats);
        let passed = float(now.micros.saturating_sub(before.micros)) / 1e6;
        let by_wall = signed(now.at.0.saturating_sub(before.at.0)) / 1e6;
        let acknowledged = stats.acknowledge_micros.since(&mut self.acknowledged);
        let synced = stats.sync_micros.since(&mut self.synced);
        let mut figures = Vec::with_capacity(10);
        if let Some((free, total)) = self.disk() {
            figures.push(("disk_free_percent", 100.0 * float(free) / float(total.max(1))));
            figures.push(("disk_free_bytes", float(free)));
        }
        if passed > 0.5 {
            figures.push(("intake_per_second", float(now.events.saturating_sub(before.events)) / passed));
            figures.push(("clock_step_seconds", by_wall - passed));
        }
        for (metric, summary) in [("acknowledge_ms_p99", acknowledged), ("journal_sync_ms_p99", synced)] {
            if summary.count > 0 {
                figures.push((metric, float(summary.p99) / 1e3));
            }
        }
        let (waiting, _) = self.engine.queue_depth();
        figures.push(("queue_depth", float(waiting as u64)));
        figures.push(("held_open", float(self.engine.views().totals().held as u64)));
        let heard_from = before.at;
        if let Ok(lag) = self.engine.ask_and_wait(move |_, watch| watch.lag_micros_max(heard_from)) {
            figures.extend(lag.map(|micros| ("lag_seconds_max", signed(micros) / 1e6)));
        }
        figures.extend(memory_bytes().map(|bytes| ("memory_bytes", float(bytes))));
        self.before = now;
        figures
    }

    /// (free, total) bytes of the disk that the journal is on.
    fn disk(&self) -> Option<(u64, u64)> {
        let figures = rustix::fs::statvfs(&self.directory).ok()?;
        Some((figures.f_bavail.saturating_mul(figures.f_frsize), figures.f_blocks.saturating_mul(figures.f_frsize)))
    }
}

/// A figure as a device tells it, to the thousandth.
fn reading((metric, value): (&'static str, f64)) -> Reading<'static> {
    let text = format!("{value:.3}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    let text = if text == "-0" { "0" } else { text };
    Reading { metric: metric.into(), value: ReadingValue::Number(text.to_owned().into()), unit: "".into(), at: None }
}

/// Bytes of memory that the program has, as the kernel counts them; `None` where it does not say.
fn memory_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024)
}

#[expect(clippy::cast_precision_loss, reason = "a figure to show and compare")]
fn float(count: u64) -> f64 {
    count as f64
}

#[expect(clippy::cast_precision_loss, reason = "a figure to show and compare")]
fn signed(micros: i64) -> f64 {
    micros as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_told_to_the_thousandth() {
        let text = |value| match reading(("held_open", value)).value {
            ReadingValue::Number(text) => text.into_owned(),
            other => panic!("{other:?} is no number"),
        };
        let of = [0.0, -0.0001, 12.0, 0.25, 100.0, 1_234_567_890_123.0].map(text);
        assert_eq!(of, ["0", "0", "12", "0.25", "100", "1234567890123"]);
    }

    #[test]
    fn the_first_sample_declares_the_device_and_says_what_there_is() {
        let directory = tempfile::tempdir().unwrap();
        let settings = engine::Settings { segment_bytes: 1 << 20, block_bytes: 64 << 10, ..Default::default() };
        let engine = crate::directory::open(directory.path(), settings, clock::engine_clock()).unwrap();
        let handle = engine.handle();
        let mut sampler = Sampler::new(directory.path(), handle.clone(), Some(Duration::from_secs(60)));
        assert!(!sampler.is_declared());
        sampler.hand_in();
        // Whoever hands in is answered behind what was handed in before.
        handle.submit_and_wait(Batch::new()).unwrap();
        assert_eq!(handle.position().0, 2);
        let card = handle.views().catalog().device(DEVICE).cloned().unwrap();
        assert_eq!((&*card.kind, card.interval_micros), ("system", Some(60_000_000)));
        let entry = handle.entry(ledger::Position(2)).unwrap().unwrap();
        let ledger::Effect::Observed(observation) = &entry.decision.effects[0] else { panic!("{entry:?}") };
        let text = std::str::from_utf8(&observation.content).unwrap();
        let readings = wire::observation::parse_readings(text).unwrap();
        let metrics: Vec<&str> = readings.iter().map(|reading| &*reading.metric).collect();
        for metric in ["disk_free_percent", "disk_free_bytes", "queue_depth", "held_open"] {
            assert!(metrics.contains(&metric), "{metric} in {metrics:?}");
        }
        // Once declared it is not declared again, and one that says nothing any more is not expected to.
        sampler.hand_in();
        Sampler::new(directory.path(), handle.clone(), None).hand_in();
        handle.submit_and_wait(Batch::new()).unwrap();
        assert_eq!(handle.position().0, 4);
        assert_eq!(handle.views().catalog().device(DEVICE).unwrap().interval_micros, None);
        engine.shutdown().unwrap();
    }
}
