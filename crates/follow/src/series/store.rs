//! The index in SQLite, made again from the journal when it is lost, and what waits in memory to be written to it.
//!
//! Readings wait so that a chunk is written once for many of them. Whoever asks for a series has what waits of it written
//! first, so answers never lack what was taken in. What was written and is taken in again after a crash changes nothing.

use super::summary::Point;
use super::write::{write_cells, write_points};
use engine::Error;
use ledger::{Position, Timestamp};
use rusqlite::{Connection, OptionalExtension, Row, params};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard};

/// Changes whenever the tables or the bytes in them do; an index of another layout is made anew.
const LAYOUT: i64 = 1;
/// Connections for asking that are kept open.
const READERS_MAX: usize = 8;

/// A chunk holds what lies between its `(start, first)`, the time and figure of its first reading, and the next one's.
const TABLES: &str = "
    CREATE TABLE about (journal BLOB NOT NULL, layout INTEGER NOT NULL, position INTEGER NOT NULL);
    CREATE TABLE series (
        id INTEGER PRIMARY KEY, kind INTEGER NOT NULL, device TEXT NOT NULL, metric TEXT NOT NULL, unit TEXT NOT NULL,
        unit_at INTEGER NOT NULL, UNIQUE (kind, device, metric)
    );
    CREATE TABLE chunk (
        series INTEGER NOT NULL, start INTEGER NOT NULL, first REAL NOT NULL, end_at INTEGER NOT NULL, last REAL NOT NULL,
        count INTEGER NOT NULL, min REAL NOT NULL, max REAL NOT NULL, body INTEGER NOT NULL,
        PRIMARY KEY (series, start, first)
    ) WITHOUT ROWID;
    CREATE TABLE body (id INTEGER PRIMARY KEY, bytes BLOB NOT NULL);
    CREATE TABLE cells (
        id INTEGER PRIMARY KEY, series INTEGER NOT NULL, level INTEGER NOT NULL, start INTEGER NOT NULL,
        bytes BLOB NOT NULL, UNIQUE (series, level, start)
    );";

/// What a series is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Of<'a> {
    /// One metric of a device.
    Metric(&'a str, &'a str),
    /// Where a device was.
    Track(&'a str),
}

impl<'a> Of<'a> {
    fn columns(self) -> (i64, &'a str, &'a str) {
        match self {
            Self::Metric(device, metric) => (0, device, metric),
            Self::Track(device) => (1, device, ""),
        }
    }
}

/// Readings that are to be written.
#[derive(Debug, Default)]
pub(super) struct Fresh {
    metrics: BTreeMap<Box<str>, BTreeMap<Box<str>, FreshMetric>>,
    tracks: BTreeMap<Box<str>, Vec<Point<3>>>,
    count: usize,
}

#[derive(Debug, Default)]
struct FreshMetric {
    points: Vec<Point<1>>,
    /// The unit that the latest of them came in, and when that was.
    unit: (Timestamp, Box<str>),
}

impl FreshMetric {
    fn add(&mut self, points: impl IntoIterator<Item = Point<1>>, unit: (Timestamp, &str)) {
        if self.points.is_empty() || unit > (self.unit.0, &*self.unit.1) {
            self.unit = (unit.0, unit.1.into());
        }
        self.points.extend(points);
    }
}

impl Fresh {
    /// How many there are.
    pub(super) const fn count(&self) -> usize {
        self.count
    }

    /// Adds a reading of a metric.
    pub(super) fn add(&mut self, device: &str, metric: &str, unit: &str, at: Timestamp, value: f64) {
        self.add_all(device, metric, [Point::new(at, [value])], (at, unit));
    }

    fn add_all(
        &mut self,
        device: &str,
        metric: &str,
        points: impl IntoIterator<Item = Point<1>, IntoIter: ExactSizeIterator>,
        unit: (Timestamp, &str),
    ) {
        if !self.metrics.contains_key(device) {
            self.metrics.insert(device.into(), BTreeMap::new());
        }
        let metrics = self.metrics.get_mut(device).expect("just put there");
        let points = points.into_iter();
        self.count += points.len();
        if let Some(known) = metrics.get_mut(metric) {
            known.add(points, unit);
        } else {
            metrics.entry(metric.into()).or_default().add(points, unit);
        }
    }

    /// Adds where a device was.
    pub(super) fn add_place(&mut self, device: &str, place: Point<3>) {
        self.count += 1;
        if let Some(track) = self.tracks.get_mut(device) {
            track.push(place);
        } else {
            self.tracks.insert(device.into(), vec![place]);
        }
    }

    /// Adds all of another.
    fn join(&mut self, other: Self) {
        for (device, metrics) in other.metrics {
            for (metric, FreshMetric { points, unit }) in metrics {
                self.add_all(&device, &metric, points, (unit.0, &unit.1));
            }
        }
        for (device, places) in other.tracks {
            self.count += places.len();
            self.tracks.entry(device).or_default().extend(places);
        }
    }

    /// Takes out what there is of a series.
    fn take(&mut self, of: Of<'_>) -> Self {
        let mut taken = Self::default();
        match of {
            Of::Metric(device, metric) => {
                if let Some(fresh) = self.metrics.get_mut(device).and_then(|metrics| metrics.remove(metric)) {
                    taken.count = fresh.points.len();
                    taken.metrics.insert(device.into(), BTreeMap::from([(metric.into(), fresh)]));
                }
            }
            Of::Track(device) => {
                if let Some(places) = self.tracks.remove(device) {
                    taken.count = places.len();
                    taken.tracks.insert(device.into(), places);
                }
            }
        }
        self.count -= taken.count;
        taken
    }

    fn write(&self, to: &Connection) -> rusqlite::Result<()> {
        for (device, metrics) in &self.metrics {
            for (metric, FreshMetric { points, unit }) in metrics {
                let series = series(to, Of::Metric(device, metric))?;
                let added = write_points(to, series, points.clone())?;
                write_cells(to, series, &added)?;
                to.prepare_cached(
                    "UPDATE series SET unit_at = ?2, unit = ?3 WHERE id = ?1 AND (unit_at, unit) < (?2, ?3)",
                )?
                .execute(params![series, unit.0.0, unit.1])?;
            }
        }
        for (device, places) in &self.tracks {
            write_points(to, series(to, Of::Track(device))?, places.clone())?;
        }
        Ok(())
    }
}

/// The number of a series, given to it now if need be.
fn series(to: &Connection, of: Of<'_>) -> rusqlite::Result<i64> {
    if let Some((id, _)) = find(to, of)? {
        return Ok(id);
    }
    let (kind, device, metric) = of.columns();
    to.prepare_cached("INSERT INTO series (kind, device, metric, unit, unit_at) VALUES (?, ?, ?, '', ?)")?
        .insert(params![kind, device, metric, i64::MIN])
}

/// The number and the unit of a series that has readings.
pub(super) fn find(from: &Connection, of: Of<'_>) -> rusqlite::Result<Option<(i64, String)>> {
    let (kind, device, metric) = of.columns();
    let mut find = from.prepare_cached("SELECT id, unit FROM series WHERE kind = ? AND device = ? AND metric = ?")?;
    find.query_row(params![kind, device, metric], |row| Ok((row.get(0)?, row.get(1)?))).optional()
}

/// The index. Any thread may ask; one writes at a time.
pub(super) struct Store {
    file: PathBuf,
    /// Locked before `fresh` by whoever locks both.
    writer: Mutex<Connection>,
    fresh: Mutex<Fresh>,
    readers: Mutex<Vec<Connection>>,
}

impl Store {
    /// Opens or makes the index of a journal; also answers up to where it goes.
    ///
    /// # Errors
    /// [`Error::Index`].
    pub(super) fn open(file: &Path, journal: [u8; 16], end: Position) -> Result<(Self, Position), Error> {
        let fail = |source: rusqlite::Error| Error::Index { file: file.to_path_buf(), source: Box::new(source) };
        let usable = open_file(file).and_then(|connection| {
            let position = about(&connection, journal)?;
            Ok(position.filter(|position| *position <= end).map(|position| (connection, position)))
        });
        let (writer, position) = match usable {
            Ok(Some(usable)) => usable,
            // Of another journal, another layout, ahead of the journal, or damaged: it is only an index.
            Ok(None) | Err(_) => {
                remove(file)?;
                let connection = open_file(file).map_err(fail)?;
                connection.execute_batch(TABLES).map_err(fail)?;
                let about = params![journal.as_slice(), LAYOUT, 0];
                connection.execute("INSERT INTO about VALUES (?, ?, ?)", about).map_err(fail)?;
                (connection, Position::ZERO)
            }
        };
        let (fresh, readers) = (Mutex::default(), Mutex::default());
        Ok((Self { file: file.to_path_buf(), writer: Mutex::new(writer), fresh, readers }, position))
    }

    /// Lets readings wait; answers how many do.
    pub(super) fn add(&self, fresh: Fresh) -> usize {
        let mut waiting = lock(&self.fresh);
        waiting.join(fresh);
        waiting.count()
    }

    /// How many readings wait.
    pub(super) fn waiting(&self) -> usize {
        lock(&self.fresh).count()
    }

    /// Writes all that waits, which is what was taken in up to `position`.
    ///
    /// # Errors
    /// [`Error::Index`]; nothing of it is written then, and it goes on waiting.
    pub(super) fn write(&self, position: Position) -> Result<(), Error> {
        self.write_some(std::mem::take, Some(position))
    }

    /// Writes what waits of a series.
    fn write_series(&self, of: Of<'_>) -> Result<(), Error> {
        self.write_some(|fresh| fresh.take(of), None)
    }

    fn write_some(&self, take: impl FnOnce(&mut Fresh) -> Fresh, position: Option<Position>) -> Result<(), Error> {
        let mut connection = lock(&self.writer);
        let fresh = take(&mut lock(&self.fresh));
        if fresh.count() == 0 && position.is_none() {
            return Ok(());
        }
        let written = connection.transaction().and_then(|transaction| {
            fresh.write(&transaction)?;
            if let Some(position) = position {
                transaction.execute("UPDATE about SET position = ?", [number(position)])?;
            }
            transaction.commit()
        });
        written.map_err(|source| {
            lock(&self.fresh).join(fresh);
            self.failed(source)
        })
    }

    /// Asks for a series, with all that was taken in of it, on a connection that nobody else uses meanwhile; `None` when
    /// nothing ever was.
    ///
    /// # Errors
    /// [`Error::Index`].
    pub(super) fn ask<T>(
        &self,
        of: Of<'_>,
        ask: impl FnOnce(&Connection, i64, String) -> rusqlite::Result<T>,
    ) -> Result<Option<T>, Error> {
        self.write_series(of)?;
        let free = lock(&self.readers).pop();
        let asked = free.map_or_else(|| open_file(&self.file), Ok).and_then(|mut connection| {
            let answer = {
                // One state of the index for the whole answer.
                let transaction = connection.transaction()?;
                find(&transaction, of)?.map(|(series, unit)| ask(&transaction, series, unit)).transpose()
            };
            let mut readers = lock(&self.readers);
            if readers.len() < READERS_MAX {
                readers.push(connection);
            }
            answer
        });
        asked.map_err(|source| self.failed(source))
    }

    fn failed(&self, source: rusqlite::Error) -> Error {
        Error::Index { file: self.file.clone(), source: Box::new(source) }
    }
}

fn lock<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().expect("no panic under the lock")
}

fn remove(file: &Path) -> Result<(), Error> {
    for suffix in ["", "-wal", "-shm"] {
        let mut name = file.as_os_str().to_owned();
        name.push(suffix);
        match std::fs::remove_file(&name) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(Error::Index { file: file.to_path_buf(), source: Box::new(error) });
            }
            _ => {}
        }
    }
    Ok(())
}

fn open_file(file: &Path) -> rusqlite::Result<Connection> {
    let connection = Connection::open(file)?;
    connection.set_prepared_statement_cache_capacity(32);
    // The journal is the truth: an index that loses its last moments makes them again.
    connection.execute_batch("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA busy_timeout = 5000;")?;
    Ok(connection)
}

fn about(connection: &Connection, journal: [u8; 16]) -> rusqlite::Result<Option<Position>> {
    let row = |row: &Row<'_>| {
        let known: (Vec<u8>, i64, i64) = (row.get(0)?, row.get(1)?, row.get(2)?);
        Ok((known.0 == journal && known.1 == LAYOUT).then(|| Position(known.2.cast_unsigned())))
    };
    connection.query_row("SELECT journal, layout, position FROM about", [], row)
}

fn number(position: Position) -> i64 {
    i64::try_from(position.0).unwrap_or(i64::MAX)
}
