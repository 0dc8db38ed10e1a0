//! The outbox's file, in SQLite: what each channel is still to be told, and up to where the journal was looked at.
//!
//! Both change in one transaction, so that a notice is neither lost nor put in twice when the process ends anywhere.

use super::notice::Notice;
use engine::Error;
use ledger::{Position, Timestamp};
use rusqlite::{Connection, OptionalExtension, Row, Transaction, params};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard};

/// Changes whenever the tables do; a file of another layout is made anew.
const LAYOUT: i64 = 1;

const TABLES: &str = "
    CREATE TABLE about (journal BLOB NOT NULL, layout INTEGER NOT NULL, position INTEGER NOT NULL, told_from INTEGER NOT NULL);
    CREATE TABLE alert (position INTEGER PRIMARY KEY, body TEXT NOT NULL);
    CREATE TABLE notice (
        sequence INTEGER PRIMARY KEY AUTOINCREMENT, channel TEXT NOT NULL, id TEXT NOT NULL, alert INTEGER NOT NULL,
        body TEXT NOT NULL, state TEXT NOT NULL, urgent INTEGER NOT NULL, gathers INTEGER NOT NULL, message TEXT,
        attempts INTEGER NOT NULL, next_attempt_at INTEGER NOT NULL, last_error TEXT, recorded_at INTEGER NOT NULL,
        settled_at INTEGER, UNIQUE (channel, id)
    );
    CREATE INDEX notice_by_state ON notice (channel, state, sequence);
    CREATE INDEX notice_by_alert ON notice (channel, alert, sequence) WHERE state = 'pending';
    CREATE INDEX notice_by_due ON notice (channel, urgent, next_attempt_at, sequence) WHERE state = 'pending';
    CREATE INDEX notice_gathering ON notice (channel, next_attempt_at)
        WHERE state = 'pending' AND gathers AND message IS NULL;
    CREATE INDEX notice_dead ON notice (sequence) WHERE state = 'dead';
    CREATE TABLE channel (
        name TEXT PRIMARY KEY, succeeded_at INTEGER, failed_at INTEGER, last_error TEXT
    ) WITHOUT ROWID;";

/// What is kept of a notice for one channel, in the order of [`KeptNotice`]'s reading.
const COLUMNS: &str =
    "sequence, channel, body, state, attempts, next_attempt_at, last_error, recorded_at, settled_at, message, gathers";

/// How far a notice is on its way to a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoticeState {
    /// It is to be sent, or sent again.
    Pending,
    /// It was taken.
    Delivered,
    /// It was given up; a person may have it sent again.
    Dead,
}

impl NoticeState {
    /// All, with their names.
    pub const ALL: [(&str, Self); 3] =
        [("pending", Self::Pending), ("delivered", Self::Delivered), ("dead", Self::Dead)];

    /// Its name: `pending`, `delivered` or `dead`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Delivered => "delivered",
            Self::Dead => "dead",
        }
    }
}

/// A notice as it is kept for one channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptNotice {
    /// Its place among all, by which pages are turned.
    pub sequence: i64,
    /// The channel.
    pub channel: String,
    /// What is told.
    pub notice: Notice,
    /// How far it is.
    pub state: NoticeState,
    /// How often it was sent.
    pub attempts: u32,
    /// When it is sent next, while it is pending.
    pub next_attempt_at: Timestamp,
    /// Why it was not taken the last time.
    pub last_error: Option<String>,
    /// When it was put into the outbox.
    pub recorded_at: Timestamp,
    /// When it was taken or given up.
    pub settled_at: Option<Timestamp>,
    /// The message that it goes in, once it was sent.
    pub(super) message: Option<String>,
    pub(super) gathers: bool,
}

/// Which notices to list, the newest first.
#[derive(Clone, Debug, Default)]
pub struct NoticeQuery {
    /// In this state only.
    pub state: Option<NoticeState>,
    /// Of this channel only.
    pub channel: Option<String>,
    /// With this id only.
    pub id: Option<String>,
    /// Put in before the one of this sequence.
    pub before: Option<i64>,
    /// How many at most.
    pub limit: usize,
}

/// How a channel is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ChannelRecord {
    /// Notices that wait.
    pub pending: u64,
    /// Notices that were given up.
    pub dead: u64,
    /// When a message was last taken.
    pub succeeded_at: Option<Timestamp>,
    /// When a message was last not taken.
    pub failed_at: Option<Timestamp>,
    /// Why it was not.
    pub last_error: Option<String>,
}

/// The file. Any thread may use it, one at a time.
pub(super) struct Store {
    file: PathBuf,
    connection: Mutex<Connection>,
}

impl Store {
    /// Opens the outbox of a journal that ends at `end`, with the position up to which it looked, and the one from which on it
    /// tells; a file that can't be used is made anew.
    ///
    /// # Errors
    /// [`Error::Index`].
    pub(super) fn open(file: &Path, journal: [u8; 16], end: Position) -> Result<(Self, (Position, Position)), Error> {
        let fail = |source: rusqlite::Error| Error::Index { file: file.to_path_buf(), source: Box::new(source) };
        let usable = open_file(file).and_then(|connection| {
            let about = about(&connection, journal)?;
            Ok(about.filter(|(position, _)| *position <= end).map(|about| (connection, about)))
        });
        let (connection, about) = match usable {
            Ok(Some(usable)) => usable,
            // Of another journal, another layout, ahead of the journal, or damaged: what is open is told again.
            Ok(None) | Err(_) => {
                remove(file)?;
                let connection = open_file(file).map_err(fail)?;
                connection.execute_batch(TABLES).map_err(fail)?;
                let about = params![journal.as_slice(), LAYOUT, 0, number(end)];
                connection.execute("INSERT INTO about VALUES (?, ?, ?, ?)", about).map_err(fail)?;
                (connection, (Position::ZERO, end))
            }
        };
        Ok((Self { file: file.to_path_buf(), connection: Mutex::new(connection) }, about))
    }

    /// Asks.
    ///
    /// # Errors
    /// [`Error::Index`].
    pub(super) fn ask<T>(&self, ask: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T, Error> {
        ask(&self.lock()).map_err(|source| self.failed(source))
    }

    /// Changes the file, wholly or not at all.
    ///
    /// # Errors
    /// [`Error::Index`]; nothing of it is written then.
    pub(super) fn change<T>(&self, change: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T>) -> Result<T, Error> {
        let mut connection = self.lock();
        let changed = connection.transaction().and_then(|transaction| {
            let answer = change(&transaction)?;
            transaction.commit()?;
            Ok(answer)
        });
        changed.map_err(|source| self.failed(source))
    }

    fn lock(&self) -> MutexGuard<'_, Connection> {
        self.connection.lock().expect("no panic under the lock")
    }

    fn failed(&self, source: rusqlite::Error) -> Error {
        Error::Index { file: self.file.clone(), source: Box::new(source) }
    }
}

fn open_file(file: &Path) -> rusqlite::Result<Connection> {
    let connection = Connection::open(file)?;
    // Which notices went together in which message is nowhere else: every transaction is durable.
    connection.execute_batch("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA busy_timeout = 5000;")?;
    Ok(connection)
}

fn about(connection: &Connection, journal: [u8; 16]) -> rusqlite::Result<Option<(Position, Position)>> {
    let row = |row: &Row<'_>| {
        let known: (Vec<u8>, i64) = (row.get(0)?, row.get(1)?);
        let is_usable = known.0 == journal && known.1 == LAYOUT;
        let position = |index| row.get::<_, i64>(index).map(|number| Position(number.cast_unsigned()));
        Ok(if is_usable { Some((position(2)?, position(3)?)) } else { None })
    };
    connection.query_row("SELECT journal, layout, position, told_from FROM about", [], row)
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

/// Notices that `condition` picks, in the order that it names, with these parameters.
pub(super) fn notices(
    from: &Connection,
    condition: &str,
    parameters: &[(&str, &dyn rusqlite::ToSql)],
) -> rusqlite::Result<Vec<KeptNotice>> {
    let mut statement = from.prepare_cached(&format!("SELECT {COLUMNS} FROM notice AS n WHERE {condition}"))?;
    statement.query_map(parameters, kept)?.collect()
}

fn kept(row: &Row<'_>) -> rusqlite::Result<KeptNotice> {
    let state: String = row.get(3)?;
    let known = NoticeState::ALL.iter().find(|(name, _)| *name == state);
    let (_, state) = known.ok_or_else(|| unreadable(3, format!("there is no state '{state}'").into()))?;
    Ok(KeptNotice {
        sequence: row.get(0)?,
        channel: row.get(1)?,
        notice: Notice::read(&row.get::<_, String>(2)?).map_err(|error| unreadable(2, Box::new(error)))?,
        state: *state,
        attempts: row.get(4)?,
        next_attempt_at: Timestamp(row.get(5)?),
        last_error: row.get(6)?,
        recorded_at: Timestamp(row.get(7)?),
        settled_at: row.get::<_, Option<i64>>(8)?.map(Timestamp),
        message: row.get(9)?,
        gathers: row.get(10)?,
    })
}

/// That the alerts that are open were opened, as they are by now.
pub(super) fn open_alerts(from: &Connection) -> rusqlite::Result<Vec<Notice>> {
    let mut statement = from.prepare("SELECT body FROM alert ORDER BY position")?;
    let row = |row: &Row<'_>| Notice::read(&row.get::<_, String>(0)?).map_err(|error| unreadable(0, Box::new(error)));
    statement.query_map([], row)?.collect()
}

/// Keeps how an open alert is by now, or forgets one that is over.
pub(super) fn keep_open(to: &Connection, alert: Position, notice: Option<&Notice>) -> rusqlite::Result<()> {
    match notice {
        Some(notice) => to
            .prepare_cached("INSERT OR REPLACE INTO alert VALUES (?, ?)")?
            .execute(params![number(alert), notice.render()])?,
        None => to.prepare_cached("DELETE FROM alert WHERE position = ?")?.execute([number(alert)])?,
    };
    Ok(())
}

fn unreadable(index: usize, cause: Box<dyn std::error::Error + Send + Sync>) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(index, rusqlite::types::Type::Text, cause)
}

/// How a channel is.
pub(super) fn channel_record(from: &Connection, channel: &str) -> rusqlite::Result<ChannelRecord> {
    let count = |state: NoticeState| {
        let sql = "SELECT count(*) FROM notice WHERE channel = ? AND state = ?";
        let count = from.prepare_cached(sql)?.query_row(params![channel, state.name()], |row| row.get::<_, i64>(0))?;
        Ok::<_, rusqlite::Error>(u64::try_from(count).unwrap_or(0))
    };
    let sql = "SELECT succeeded_at, failed_at, last_error FROM channel WHERE name = ?";
    let row = |row: &Row<'_>| Ok((row.get::<_, Option<i64>>(0)?, row.get::<_, Option<i64>>(1)?, row.get(2)?));
    let told = from.prepare_cached(sql)?.query_row([channel], row).optional()?;
    let (succeeded_at, failed_at, last_error) = told.unwrap_or_default();
    Ok(ChannelRecord {
        pending: count(NoticeState::Pending)?,
        dead: count(NoticeState::Dead)?,
        succeeded_at: succeeded_at.map(Timestamp),
        failed_at: failed_at.map(Timestamp),
        last_error,
    })
}

pub(super) fn number(position: Position) -> i64 {
    i64::try_from(position.0).unwrap_or(i64::MAX)
}

pub(super) fn count(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}
