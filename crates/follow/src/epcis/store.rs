//! The index of EPCIS events, captures and queries, in SQLite: made again from the journal when it is lost.

use super::records::{CaptureJob, NamedQuery, QueryRecord, Subscription};
use engine::Error;
use ledger::{Position, Timestamp};
use rusqlite::{Connection, OptionalExtension, Row, params};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard};

/// Changes whenever the tables do; an index of another layout is made anew.
const LAYOUT: i64 = 1;
/// Connections for asking that are kept open.
const READERS_MAX: usize = 8;

const TABLES: &str = "
    CREATE TABLE about (journal BLOB NOT NULL, layout INTEGER NOT NULL, position INTEGER NOT NULL);
    CREATE TABLE event (
        position INTEGER PRIMARY KEY, event_id TEXT NOT NULL, hash TEXT NOT NULL, declares_error INTEGER NOT NULL,
        event_time INTEGER NOT NULL, recorded_at INTEGER NOT NULL, event_type TEXT NOT NULL, biz_step TEXT,
        disposition TEXT, read_point TEXT, biz_location TEXT, body TEXT NOT NULL
    );
    CREATE INDEX event_by_id ON event (event_id);
    CREATE INDEX event_by_time ON event (event_time);
    CREATE INDEX event_by_type ON event (event_type);
    CREATE INDEX event_by_step ON event (biz_step);
    CREATE INDEX event_by_disposition ON event (disposition);
    CREATE INDEX event_by_read_point ON event (read_point);
    CREATE INDEX event_by_location ON event (biz_location);
    CREATE TABLE epc (epc TEXT NOT NULL, position INTEGER NOT NULL, PRIMARY KEY (epc, position)) WITHOUT ROWID;
    CREATE TABLE booking (event INTEGER NOT NULL, entry INTEGER NOT NULL, PRIMARY KEY (event, entry)) WITHOUT ROWID;
    CREATE TABLE job (position INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, body TEXT NOT NULL);
    CREATE TABLE query (name TEXT PRIMARY KEY, body TEXT NOT NULL) WITHOUT ROWID;
    CREATE TABLE subscription (
        id TEXT PRIMARY KEY, query TEXT NOT NULL, body TEXT NOT NULL, position INTEGER NOT NULL, delivered_at TEXT
    ) WITHOUT ROWID;";

/// An event as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptEvent {
    /// Its entry.
    pub position: Position,
    /// When it was recorded.
    pub recorded_at: Timestamp,
    /// Its hash.
    pub hash: String,
    /// Whether it declares an earlier event wrong.
    pub declares_error: bool,
    /// Its JSON.
    pub body: String,
}

/// A subscription, and how far its subscriber has been told.
#[derive(Clone, Debug, PartialEq)]
pub struct KeptSubscription {
    /// What was asked for.
    pub subscription: Subscription,
    /// Everything at and before this position was told.
    pub position: Position,
    /// When that was, as RFC 3339; `None` when nothing was told yet.
    pub delivered_at: Option<String>,
}

/// What events have in common, to be listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Facet {
    /// Their types.
    EventType,
    /// The objects in them, as canonical Digital Links where they are GS1's.
    Epc,
    /// Their business steps.
    BizStep,
    /// Their business locations, as [`Facet::Epc`].
    BizLocation,
    /// Their read points, as [`Facet::Epc`].
    ReadPoint,
    /// Their dispositions.
    Disposition,
}

impl Facet {
    const fn column(self) -> (&'static str, &'static str) {
        match self {
            Self::EventType => ("event", "event_type"),
            Self::Epc => ("epc", "epc"),
            Self::BizStep => ("event", "biz_step"),
            Self::BizLocation => ("event", "biz_location"),
            Self::ReadPoint => ("event", "read_point"),
            Self::Disposition => ("event", "disposition"),
        }
    }
}

/// The index. Any thread may ask; one writes.
pub(super) struct Store {
    file: PathBuf,
    writer: Mutex<Connection>,
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
        let store = Self { file: file.to_path_buf(), writer: Mutex::new(writer), readers: Mutex::default() };
        Ok((store, position))
    }

    /// Writes what was taken in up to `position`.
    ///
    /// # Errors
    /// [`Error::Index`]; nothing of it is written then.
    pub(super) fn write(&self, rows: &Rows, position: Position) -> Result<(), Error> {
        let mut connection = self.lock_writer();
        let written = connection.transaction().and_then(|transaction| {
            rows.write(&transaction)?;
            transaction.execute("UPDATE about SET position = ?", [number(position)])?;
            transaction.commit()
        });
        written.map_err(|source| self.failed(source))
    }

    /// Asks, on a connection that nobody else uses meanwhile.
    ///
    /// # Errors
    /// [`Error::Index`].
    pub(super) fn ask<T>(&self, ask: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T, Error> {
        let free = self.lock_readers().pop();
        let asked = free.map_or_else(|| open_file(&self.file), Ok).and_then(|connection| {
            let answer = ask(&connection);
            let mut readers = self.lock_readers();
            if readers.len() < READERS_MAX {
                readers.push(connection);
            }
            answer
        });
        asked.map_err(|source| self.failed(source))
    }

    fn lock_writer(&self) -> MutexGuard<'_, Connection> {
        self.writer.lock().expect("no panic under the lock")
    }

    fn lock_readers(&self) -> MutexGuard<'_, Vec<Connection>> {
        self.readers.lock().expect("no panic under the lock")
    }

    fn failed(&self, source: rusqlite::Error) -> Error {
        Error::Index { file: self.file.clone(), source: Box::new(source) }
    }

    /// The events with this id, the oldest first: at most `limit`.
    pub(super) fn events(&self, id: &str, limit: usize) -> Result<Vec<KeptEvent>, Error> {
        self.ask(|connection| {
            let mut statement = connection.prepare_cached(
                "SELECT position, recorded_at, hash, declares_error, body FROM event WHERE event_id = ?
                 ORDER BY position LIMIT ?",
            )?;
            statement.query_map(params![id, count(limit)], event)?.collect()
        })
    }

    /// The entries of stock that the event at `position` became.
    pub(super) fn booked(&self, position: Position) -> Result<Vec<Position>, Error> {
        self.ask(|connection| {
            let mut statement =
                connection.prepare_cached("SELECT entry FROM booking WHERE event = ? ORDER BY entry")?;
            statement.query_map([number(position)], |row| at(row, 0))?.collect()
        })
    }

    /// Values of a facet after `after`, in order.
    pub(super) fn values(&self, facet: Facet, after: &str, limit: usize) -> Result<Vec<String>, Error> {
        let (table, column) = facet.column();
        self.ask(|connection| {
            // One step through the index for each value, however many events have it.
            let mut statement =
                connection.prepare_cached(&format!("SELECT min({column}) FROM {table} WHERE {column} > ?"))?;
            let mut values: Vec<String> = Vec::new();
            while values.len() < limit {
                let last = values.last().map_or(after, String::as_str);
                match statement.query_row([last], |row| row.get::<_, Option<String>>(0))? {
                    Some(value) => values.push(value),
                    None => break,
                }
            }
            Ok(values)
        })
    }

    /// Whether any event has this value.
    pub(super) fn has(&self, facet: Facet, value: &str) -> Result<bool, Error> {
        let (table, column) = facet.column();
        let sql = format!("SELECT 1 FROM {table} WHERE {column} = ? LIMIT 1");
        self.ask(|connection| connection.prepare_cached(&sql)?.exists([value]))
    }

    /// Captures before `before`, the newest first.
    pub(super) fn jobs(&self, before: Position, limit: usize) -> Result<Vec<(Position, CaptureJob)>, Error> {
        self.ask(|connection| {
            let mut statement = connection
                .prepare_cached("SELECT position, body FROM job WHERE position < ? ORDER BY position DESC LIMIT ?")?;
            let row = |row: &Row<'_>| Ok((at(row, 0)?, json(row, 1)?));
            statement.query_map([number(before), count(limit)], row)?.collect()
        })
    }

    /// The capture with this name.
    pub(super) fn job(&self, id: &str) -> Result<Option<CaptureJob>, Error> {
        self.ask(|connection| {
            let mut statement = connection.prepare_cached("SELECT body FROM job WHERE id = ?")?;
            statement.query_row([id], |row| json(row, 0)).optional()
        })
    }

    /// Named queries after `after`, by name.
    pub(super) fn queries(&self, after: &str, limit: usize) -> Result<Vec<NamedQuery>, Error> {
        self.ask(|connection| {
            let mut statement =
                connection.prepare_cached("SELECT body FROM query WHERE name > ? ORDER BY name LIMIT ?")?;
            statement.query_map(params![after, count(limit)], |row| json(row, 0))?.collect()
        })
    }

    /// The query with this name.
    pub(super) fn query(&self, name: &str) -> Result<Option<NamedQuery>, Error> {
        self.ask(|connection| {
            let mut statement = connection.prepare_cached("SELECT body FROM query WHERE name = ?")?;
            statement.query_row([name], |row| json(row, 0)).optional()
        })
    }

    /// Subscriptions to a query, or to any, after `after`, by id.
    pub(super) fn subscriptions(
        &self,
        query: Option<&str>,
        after: &str,
        limit: usize,
    ) -> Result<Vec<KeptSubscription>, Error> {
        self.ask(|connection| {
            let mut statement = connection.prepare_cached(
                "SELECT body, position, delivered_at FROM subscription
                 WHERE (?1 IS NULL OR query = ?1) AND id > ?2 ORDER BY id LIMIT ?3",
            )?;
            let row = |row: &Row<'_>| {
                Ok(KeptSubscription { subscription: json(row, 0)?, position: at(row, 1)?, delivered_at: row.get(2)? })
            };
            statement.query_map(params![query, after, count(limit)], row)?.collect()
        })
    }
}

/// What is to be written, in journal order.
#[derive(Debug, Default)]
pub(super) struct Rows {
    pub(super) events: Vec<EventRow>,
    pub(super) jobs: Vec<(Position, CaptureJob, String)>,
    pub(super) queries: Vec<QueryRecord>,
}

/// An event with what it is found by.
#[derive(Debug)]
pub(super) struct EventRow {
    pub(super) kept: KeptEvent,
    pub(super) event_id: String,
    pub(super) event_time: i64,
    pub(super) event_type: String,
    pub(super) biz_step: Option<String>,
    pub(super) disposition: Option<String>,
    pub(super) read_point: Option<String>,
    pub(super) biz_location: Option<String>,
    pub(super) epcs: Vec<String>,
}

impl Rows {
    pub(super) const fn is_empty(&self) -> bool {
        self.events.is_empty() && self.jobs.is_empty() && self.queries.is_empty()
    }

    fn write(&self, to: &Connection) -> rusqlite::Result<()> {
        let mut event =
            to.prepare_cached("INSERT OR REPLACE INTO event VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)")?;
        let mut epc = to.prepare_cached("INSERT OR IGNORE INTO epc VALUES (?, ?)")?;
        for row in &self.events {
            let KeptEvent { position, recorded_at, hash, declares_error, body } = &row.kept;
            let position = number(*position);
            event.execute(params![
                position,
                row.event_id,
                hash,
                declares_error,
                row.event_time,
                recorded_at.0,
                row.event_type,
                row.biz_step,
                row.disposition,
                row.read_point,
                row.biz_location,
                body
            ])?;
            for identifier in &row.epcs {
                epc.execute(params![identifier, position])?;
            }
        }
        let mut job = to.prepare_cached("INSERT OR REPLACE INTO job VALUES (?, ?, ?)")?;
        let mut booking = to.prepare_cached("INSERT OR IGNORE INTO booking VALUES (?, ?)")?;
        for (position, record, text) in &self.jobs {
            job.execute(params![number(*position), record.capture_id, text])?;
            for booked in &record.booked {
                if let [event, entries @ ..] = &booked[..] {
                    for entry in entries {
                        booking.execute([number(Position(*event)), number(Position(*entry))])?;
                    }
                }
            }
        }
        self.queries.iter().try_for_each(|record| write_query(to, record))
    }
}

fn write_query(to: &Connection, record: &QueryRecord) -> rusqlite::Result<()> {
    match record {
        QueryRecord::Declared(query) => {
            to.execute("INSERT OR REPLACE INTO query VALUES (?, ?)", params![query.name, text(query)])?;
        }
        QueryRecord::Deleted { name } => {
            to.execute("DELETE FROM query WHERE name = ?", [name])?;
            to.execute("DELETE FROM subscription WHERE query = ?", [name])?;
        }
        QueryRecord::Subscribed(subscription) => {
            let after = number(Position(subscription.after));
            to.execute(
                "INSERT OR REPLACE INTO subscription VALUES (?, ?, ?, ?, NULL)",
                params![subscription.subscription_id, subscription.query_name, text(subscription), after],
            )?;
        }
        QueryRecord::Unsubscribed { id } => {
            to.execute("DELETE FROM subscription WHERE id = ?", [id])?;
        }
        QueryRecord::Delivered { id, position, at } => {
            to.execute(
                "UPDATE subscription SET position = ?, delivered_at = ? WHERE id = ?",
                params![number(Position(*position)), at, id],
            )?;
        }
    }
    Ok(())
}

fn text<T: serde::Serialize>(record: &T) -> String {
    serde_json::to_string(record).expect("records have text keys")
}

fn json<T: serde::de::DeserializeOwned>(row: &Row<'_>, index: usize) -> rusqlite::Result<T> {
    let text: String = row.get(index)?;
    serde_json::from_str(&text)
        .map_err(|error| rusqlite::Error::FromSqlConversionFailure(index, rusqlite::types::Type::Text, error.into()))
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
    // The journal is the truth: an index that loses its last moments makes them again.
    connection.execute_batch("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA busy_timeout = 5000;")?;
    Ok(connection)
}

fn about(connection: &Connection, journal: [u8; 16]) -> rusqlite::Result<Option<Position>> {
    let row = |row: &Row<'_>| {
        let known: (Vec<u8>, i64) = (row.get(0)?, row.get(1)?);
        Ok(if known.0 == journal && known.1 == LAYOUT { Some(at(row, 2)?) } else { None })
    };
    connection.query_row("SELECT journal, layout, position FROM about", [], row)
}

pub(super) fn event(row: &Row<'_>) -> rusqlite::Result<KeptEvent> {
    Ok(KeptEvent {
        position: at(row, 0)?,
        recorded_at: Timestamp(row.get(1)?),
        hash: row.get(2)?,
        declares_error: row.get(3)?,
        body: row.get(4)?,
    })
}

fn at(row: &Row<'_>, index: usize) -> rusqlite::Result<Position> {
    row.get::<_, i64>(index).map(|number| Position(number.cast_unsigned()))
}

pub(super) fn number(position: Position) -> i64 {
    i64::try_from(position.0).unwrap_or(i64::MAX)
}

pub(super) fn count(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}
