//! How readings went: every figure of every device over time, and where it was.
//!
//! [`Recorder`] follows the journal's observations into an index; whoever asks holds [`Series`]. Of a span of time it
//! answers the readings themselves when they are few, and otherwise what sums them up in buckets: the least and the
//! greatest, the first and the last, never a mean, which would hide the peak that somebody looks for.
//!
//! Readings are kept in chunks of a few hundred, packed, each with what sums it up; coarser sums by the quarter of an hour
//! and by six hours answer for long spans. Figures of one metric are told apart by time and value: the same again is no
//! other reading.
//!
//! Invariant: what is answered is a function of the set of readings in the journal, whatever order they came in, how
//! often they came, and wherever the process ended.

mod chunk;
mod grid;
mod pack;
mod read;
mod store;
mod summary;
mod write;

pub use grid::Grid;
pub use summary::Summary;

use engine::{Error, Follow, Follower, Handle, Observed, Progress};
use ledger::{Decision, Effect, Observation, Position, Timestamp};
use read::{for_each_point, summarise};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use store::{Fresh, Of, Store};
use summary::Point;
use wire::observation::{self, parse_place, parse_readings};

/// Readings that wait in memory at most, beside those that are handed on at once.
const WAITING_MAX: usize = 65_536;
/// How long readings wait for more of their series at most, in microseconds.
const WAIT_MICROS: i64 = 30_000_000;
/// How far the index may go on without noting it when nothing in it changes.
const SAVE_ENTRIES: u64 = 100_000;
/// Positions of a bucket of a track that may be shown: the first and last, and the outermost to each side.
const OUTERMOST: usize = 6;

/// Opens the index in `file`, made again from the journal when it can't be used, and keeps it up to date.
///
/// # Errors
/// [`Error::Index`], [`Error::Thread`].
pub fn start(file: &Path, engine: Handle) -> Result<(Follower, Series), Error> {
    let recorder = Recorder::open(file, engine.clone())?;
    let mut series = recorder.series();
    let follower = Follower::start("series", engine, recorder)?;
    series.progress = follower.progress();
    Ok((follower, series))
}

/// How one metric went in a span of time.
#[derive(Clone, Debug, PartialEq)]
pub struct History {
    /// The unit of its newest reading; empty for none.
    pub unit: String,
    /// How many readings there are in the span.
    pub count: u64,
    /// The readings, or what sums them up.
    pub shown: Shown,
}

/// Readings as they are, or summed up.
#[derive(Clone, Debug, PartialEq)]
pub enum Shown {
    /// All of them, by time and figure.
    Raw(Vec<(Timestamp, f64)>),
    /// What sums them up in the buckets of a grid, by time; buckets without readings are absent.
    Buckets(Grid, Vec<Bucket>),
}

/// What sums up the readings of a part of the span.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bucket {
    /// The part: from then on.
    pub from: Timestamp,
    /// And before then.
    pub to: Timestamp,
    /// What sums up the readings in it.
    pub summary: Summary,
}

/// Readings of a metric.
#[derive(Clone, Debug, PartialEq)]
pub struct Readings {
    /// The unit of the newest there is, in the list or not; empty for none.
    pub unit: String,
    /// When each was measured, and its figure; by time and figure.
    pub readings: Vec<(Timestamp, f64)>,
}

/// Where a device was.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Located {
    /// When.
    pub at: Timestamp,
    /// Degrees north.
    pub latitude: f64,
    /// Degrees east.
    pub longitude: f64,
    /// Metres within which it was; `None` when the device said none.
    pub accuracy_m: Option<f64>,
}

/// Where a device was in a span of time.
#[derive(Clone, Debug, PartialEq)]
pub struct Track {
    /// How many positions there are in the span.
    pub count: u64,
    /// Some of them, by time: all when they are few enough; otherwise of each of some buckets of time the first and the
    /// last, and the outermost to the north, south, east and west.
    pub positions: Vec<Located>,
}

/// What whoever asks holds. Cheap to clone; any thread may use it, and waits for the disk.
#[derive(Clone)]
pub struct Series {
    store: Arc<Store>,
    progress: Progress,
}

impl Series {
    /// How far the follower is that [`start`] started.
    pub fn progress(&self) -> &Progress {
        &self.progress
    }

    /// How a metric went in a span of time, its end excluded: the readings when there are `points` at most, otherwise
    /// what sums them up in so many buckets at most. `None` when nothing was ever read of it; nothing for an empty span.
    ///
    /// # Errors
    /// [`Error::Index`].
    pub fn history(
        &self,
        (device, metric): (&str, &str),
        span: (Timestamp, Timestamp),
        points: usize,
    ) -> Result<Option<History>, Error> {
        self.store.ask(Of::Metric(device, metric), |index, series, unit| {
            let Some(grid) = Grid::new(span, points) else {
                return Ok(History { unit, count: 0, shown: Shown::Raw(Vec::new()) });
            };
            let found = summarise(index, series, &grid)?;
            let count = found.values().map(|summary| summary.count).sum();
            if count > points as u64 {
                let bucket = |(bucket, summary)| {
                    let (from, to) = grid.bounds(bucket);
                    Bucket { from, to, summary }
                };
                let buckets = found.into_iter().map(bucket).collect();
                return Ok(History { unit, count, shown: Shown::Buckets(grid, buckets) });
            }
            let mut readings = Vec::new();
            for_each_point(index, series, grid.span(), |point: Point<1>| {
                readings.push((point.at, point.values[0]));
                true
            })?;
            Ok(History { unit, count, shown: Shown::Raw(readings) })
        })
    }

    /// The readings of a metric in a span of time, its end excluded, by time and figure: the first `limit` of those after
    /// the reading `after`. `None` when nothing was ever read of it.
    ///
    /// # Errors
    /// [`Error::Index`].
    pub fn readings(
        &self,
        (device, metric): (&str, &str),
        (from, to): (Timestamp, Timestamp),
        after: Option<(Timestamp, f64)>,
        limit: usize,
    ) -> Result<Option<Readings>, Error> {
        let from = after.map_or(from, |(at, _)| at.max(from));
        let after = after.map(|(at, value)| Point::new(at, [value]));
        self.store.ask(Of::Metric(device, metric), |index, series, unit| {
            let mut readings = Vec::new();
            if limit > 0 && from < to {
                for_each_point(index, series, (from, to), |point: Point<1>| {
                    if after.is_none_or(|after| point.order(&after).is_gt()) {
                        readings.push((point.at, point.values[0]));
                    }
                    readings.len() < limit
                })?;
            }
            Ok(Readings { unit, readings })
        })
    }

    /// When a metric was read last; `None` when it never was.
    ///
    /// # Errors
    /// [`Error::Index`].
    pub fn newest_at(&self, (device, metric): (&str, &str)) -> Result<Option<Timestamp>, Error> {
        Ok(self.store.ask(Of::Metric(device, metric), |index, series, _| read::newest_at(index, series))?.flatten())
    }

    /// When a device said last where it is; `None` when it never did.
    ///
    /// # Errors
    /// [`Error::Index`].
    pub fn newest_position_at(&self, device: &str) -> Result<Option<Timestamp>, Error> {
        Ok(self.store.ask(Of::Track(device), |index, series, _| read::newest_at(index, series))?.flatten())
    }

    /// Where a device was in a span of time, its end excluded: `points` positions at most. `None` when it never said.
    ///
    /// # Errors
    /// [`Error::Index`].
    pub fn track(&self, device: &str, span: (Timestamp, Timestamp), points: usize) -> Result<Option<Track>, Error> {
        self.store.ask(Of::Track(device), |index, series, _| {
            let Some(grid) = Grid::new(span, (points / OUTERMOST).max(1)) else {
                return Ok(Track { count: 0, positions: Vec::new() });
            };
            let mut sketch = Sketch { points, ..Sketch::default() };
            for_each_point(index, series, grid.span(), |point| {
                sketch.add(&grid, point);
                true
            })?;
            Ok(sketch.track())
        })
    }
}

/// A track as it is read: all its positions as long as they are few enough, and the outermost of each bucket.
#[derive(Default)]
struct Sketch {
    points: usize,
    count: u64,
    all: Vec<Point<3>>,
    buckets: BTreeMap<i64, [Point<3>; OUTERMOST]>,
}

impl Sketch {
    fn add(&mut self, grid: &Grid, point: Point<3>) {
        self.count += 1;
        if self.all.len() <= self.points {
            self.all.push(point);
        }
        let outermost = self.buckets.entry(grid.bucket(point.at)).or_insert([point; OUTERMOST]);
        outermost[1] = point;
        let is_further = |index: usize, than: &Point<3>| {
            let (own, other) = (point.values[(index - 2) / 2], than.values[(index - 2) / 2]);
            if index.is_multiple_of(2) { own < other } else { own > other }
        };
        for (index, kept) in outermost.iter_mut().enumerate().skip(2) {
            if is_further(index, kept) {
                *kept = point;
            }
        }
    }

    fn track(self) -> Track {
        let mut points = self.all;
        if points.len() > self.points {
            points = self.buckets.into_values().flatten().collect();
            summary::put_in_order(&mut points);
            // Fewer than one bucket's worth were asked for.
            points.truncate(self.points);
        }
        let located = |point: &Point<3>| {
            let [latitude, longitude, accuracy] = point.values;
            let accuracy_m = (!accuracy.is_nan()).then_some(accuracy);
            Located { at: point.at, latitude, longitude, accuracy_m }
        };
        Track { count: self.count, positions: points.iter().map(located).collect() }
    }
}

/// Keeps the index.
pub struct Recorder {
    engine: Handle,
    store: Arc<Store>,
    position: Position,
    /// Up to where the index goes on the disk, and when that was.
    saved: (Position, Timestamp),
}

impl Recorder {
    /// Opens the index in `file`, made again from the journal when it can't be used.
    ///
    /// # Errors
    /// [`Error::Index`].
    pub fn open(file: &Path, engine: Handle) -> Result<Self, Error> {
        let (store, position) = Store::open(file, engine.journal_id(), engine.position())?;
        let saved = (position, engine.now());
        Ok(Self { engine, store: Arc::new(store), position, saved })
    }

    /// What whoever asks holds.
    pub fn series(&self) -> Series {
        Series { store: Arc::clone(&self.store), progress: Progress::default() }
    }

    fn save(&mut self) -> Result<(), Error> {
        self.store.write(self.position)?;
        self.saved = (self.position, self.engine.now());
        Ok(())
    }
}

impl Follow for Recorder {
    fn position(&self) -> Position {
        self.position
    }

    fn take(&mut self, observed: Observed, _is_behind: bool) -> Result<(), Error> {
        // What could not be written must not grow without end.
        if self.store.waiting() >= WAITING_MAX {
            self.save()?;
        }
        let mut fresh = Fresh::default();
        for (position, entry) in &observed.entries {
            // The views are held for a name only: commits wait meanwhile.
            for effect in &entry.decision.effects {
                if let Effect::Observed(observation) = effect {
                    let said = matches!(&*observation.form, observation::READINGS | observation::POSITION);
                    if said && *position > self.position {
                        let device = self.engine.views().catalog().party(entry.decision.source).to_owned();
                        take(&device, &entry.decision, observation, &mut fresh);
                    }
                }
            }
        }
        let waiting = self.store.add(fresh);
        self.position = observed.up_to.max(self.position);
        let (saved_to, saved_at) = self.saved;
        let is_due = waiting > 0 && self.engine.now().0.saturating_sub(saved_at.0) >= WAIT_MICROS;
        if waiting >= WAITING_MAX || is_due || self.position.0 - saved_to.0 >= SAVE_ENTRIES {
            self.save()?;
        }
        Ok(())
    }

    fn finish(&mut self) -> Result<(), Error> {
        self.save()
    }
}

/// What can't be read is left out: whoever recorded it has checked it, and a later version may read it.
fn take(device: &str, decision: &Decision, observation: &Observation, fresh: &mut Fresh) {
    let Ok(text) = std::str::from_utf8(&observation.content) else { return };
    if *observation.form == *observation::POSITION {
        return take_place(device, decision.occurred_at, text, fresh);
    }
    let Ok(readings) = parse_readings(text) else { return };
    for reading in &readings {
        if let Some(value) = reading.value.number() {
            let at = reading.at.unwrap_or(decision.occurred_at);
            fresh.add(device, &reading.metric, &reading.unit, at, value);
        }
    }
}

fn take_place(device: &str, at: Timestamp, text: &str, fresh: &mut Fresh) {
    let Ok(place) = parse_place(text) else { return };
    let number = |text: &str| text.parse().ok().filter(|number: &f64| number.is_finite());
    for (metric, text, unit) in [
        ("latitude", &place.latitude, "°"),
        ("longitude", &place.longitude, "°"),
        ("accuracy_m", &place.accuracy_m, "m"),
        ("speed_kmh", &place.speed_kmh, "km/h"),
        ("heading_degrees", &place.heading_degrees, "°"),
    ] {
        if let Some(value) = number(text) {
            fresh.add(device, metric, unit, at, value);
        }
    }
    if let (Some(latitude), Some(longitude)) = (number(&place.latitude), number(&place.longitude)) {
        let accuracy = number(&place.accuracy_m).unwrap_or(f64::NAN);
        fresh.add_place(device, Point::new(at, [latitude, longitude, accuracy]));
    }
}
