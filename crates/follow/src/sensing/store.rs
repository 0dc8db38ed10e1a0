//! The index of newest readings and of conclusions, in SQLite: made again from the journal when it is lost.

use super::judge::Judgement;
use engine::Error;
use ledger::{Position, Timestamp};
use rusqlite::{Connection, OptionalExtension, Row, params};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard};

/// Changes whenever the tables or the image in them do; an index of another layout is made anew.
const LAYOUT: i64 = 3;

const TABLES: &str = "
    CREATE TABLE about (journal BLOB NOT NULL, layout INTEGER NOT NULL, position INTEGER NOT NULL, image BLOB NOT NULL);
    CREATE TABLE latest (
        device TEXT NOT NULL, metric TEXT NOT NULL, value TEXT NOT NULL, unit TEXT NOT NULL, at INTEGER NOT NULL,
        position INTEGER NOT NULL, PRIMARY KEY (device, metric)
    ) WITHOUT ROWID;
    CREATE TABLE inference (
        id TEXT PRIMARY KEY, position INTEGER NOT NULL, kind TEXT NOT NULL, state TEXT NOT NULL, epc TEXT NOT NULL,
        device TEXT NOT NULL, at INTEGER NOT NULL, record TEXT NOT NULL, judgement TEXT, judged_at INTEGER,
        judged_position INTEGER
    );
    CREATE INDEX inference_by_position ON inference (position);
    CREATE INDEX inference_by_state ON inference (state, position);
    CREATE INDEX inference_by_epc ON inference (epc, position);
    CREATE INDEX inference_by_device ON inference (device, position);";

/// A reading as it is kept.
#[derive(Clone, Debug, PartialEq)]
pub struct KeptReading {
    /// Whose.
    pub device: String,
    /// Of what.
    pub metric: String,
    /// The JSON of the figure, as the device wrote it.
    pub value: String,
    /// Its unit; empty for none.
    pub unit: String,
    /// When it was measured.
    pub at: Timestamp,
    /// The entry that it came in.
    pub position: Position,
}

/// A conclusion as it is kept.
#[derive(Clone, Debug, PartialEq)]
pub struct KeptInference {
    /// Its id.
    pub id: String,
    /// The entry that it is recorded in.
    pub position: Position,
    /// `applied`, `quarantined`, `noted`, `confirmed` or `refuted`.
    pub state: String,
    /// Its record's JSON.
    pub record: String,
    /// What a person said of it last.
    pub judgement: Option<KeptJudgement>,
}

/// A judgement as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptJudgement {
    /// What was said.
    pub judgement: Judgement,
    /// When it was recorded.
    pub at: Timestamp,
    /// The entry that it is recorded in.
    pub position: Position,
}

/// Which conclusions to list, newest first.
#[derive(Clone, Debug, Default)]
pub struct InferenceQuery {
    /// In this state only.
    pub state: Option<String>,
    /// Of this tag only, as upper-case hexadecimal digits.
    pub epc: Option<String>,
    /// Resting on this device more than on any other.
    pub device: Option<String>,
    /// Recorded before this position.
    pub before: Option<Position>,
    /// How many at most.
    pub limit: usize,
}

/// The index. Any thread may ask.
pub(crate) struct Store {
    file: PathBuf,
    connection: Mutex<Connection>,
}

impl Store {
    /// Opens or makes the index of a journal; also answers the position and the image that it holds.
    ///
    /// # Errors
    /// [`Error::Index`].
    pub(crate) fn open(file: &Path, journal: [u8; 16], end: Position) -> Result<(Self, Position, Vec<u8>), Error> {
        let fail = |source: rusqlite::Error| Error::Index { file: file.to_path_buf(), source: Box::new(source) };
        let usable = open_file(file).and_then(|connection| {
            let about = about(&connection, journal)?;
            Ok(about.filter(|(position, _)| *position <= end).map(|about| (connection, about)))
        });
        let (connection, (position, image)) = match usable {
            Ok(Some(usable)) => usable,
            // Of another journal, another layout, ahead of the journal, or damaged: it is only an index.
            Ok(None) | Err(_) => {
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
                let connection = open_file(file).map_err(fail)?;
                connection.execute_batch(TABLES).map_err(fail)?;
                let about = params![journal.as_slice(), LAYOUT, 0, Vec::<u8>::new()];
                connection.execute("INSERT INTO about VALUES (?, ?, ?, ?)", about).map_err(fail)?;
                (connection, (Position::ZERO, Vec::new()))
            }
        };
        Ok((Self { file: file.to_path_buf(), connection: Mutex::new(connection) }, position, image))
    }

    fn lock(&self) -> MutexGuard<'_, Connection> {
        self.connection.lock().expect("no panic under the lock")
    }

    fn failed(&self, source: rusqlite::Error) -> Error {
        Error::Index { file: self.file.clone(), source: Box::new(source) }
    }

    /// Writes what was taken in; with an image, also up to where.
    ///
    /// # Errors
    /// [`Error::Index`]; nothing of it is written then.
    pub(crate) fn write(&self, rows: &Rows, image: Option<(Position, &[u8])>) -> Result<(), Error> {
        let mut connection = self.lock();
        let written = connection.transaction().and_then(|transaction| {
            rows.write(&transaction)?;
            if let Some((position, image)) = image {
                transaction.execute("UPDATE about SET position = ?, image = ?", params![number(position), image])?;
            }
            transaction.commit()
        });
        written.map_err(|source| self.failed(source))
    }

    /// The newest figures of a device, or of all, by device and metric.
    ///
    /// # Errors
    /// [`Error::Index`].
    pub(crate) fn latest(
        &self,
        device: Option<&str>,
        after: (&str, &str),
        limit: usize,
    ) -> Result<Vec<KeptReading>, Error> {
        let connection = self.lock();
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let read = || {
            let mut statement = connection.prepare_cached(
                "SELECT device, metric, value, unit, at, position FROM latest
                 WHERE (device, metric) > (?3, ?4) AND (?1 IS NULL OR device = ?1) ORDER BY device, metric LIMIT ?2",
            )?;
            statement
                .query_map(params![device, limit, after.0, after.1], reading)?
                .collect::<rusqlite::Result<Vec<_>>>()
        };
        read().map_err(|source| self.failed(source))
    }

    /// Conclusions, newest first.
    ///
    /// # Errors
    /// [`Error::Index`].
    pub(crate) fn inferences(&self, query: &InferenceQuery) -> Result<Vec<KeptInference>, Error> {
        let connection = self.lock();
        let before = query.before.map_or(i64::MAX, number);
        let limit = i64::try_from(query.limit).unwrap_or(i64::MAX);
        let read = || {
            let mut statement = connection.prepare_cached(
                "SELECT id, position, state, record, judgement, judged_at, judged_position FROM inference
                 WHERE position < ?1 AND (?2 IS NULL OR state = ?2) AND (?3 IS NULL OR epc = ?3)
                   AND (?5 IS NULL OR device = ?5)
                 ORDER BY position DESC LIMIT ?4",
            )?;
            statement
                .query_map(params![before, query.state, query.epc, limit, query.device], inference)?
                .collect::<rusqlite::Result<Vec<_>>>()
        };
        read().map_err(|source| self.failed(source))
    }

    /// The conclusion with this id.
    ///
    /// # Errors
    /// [`Error::Index`].
    pub(crate) fn inference(&self, id: &str) -> Result<Option<KeptInference>, Error> {
        let connection = self.lock();
        let sql =
            "SELECT id, position, state, record, judgement, judged_at, judged_position FROM inference WHERE id = ?";
        let found =
            connection.prepare_cached(sql).and_then(|mut statement| statement.query_row([id], inference).optional());
        found.map_err(|source| self.failed(source))
    }

    /// How many conclusions wait for a person.
    ///
    /// # Errors
    /// [`Error::Index`].
    pub(crate) fn quarantined(&self) -> Result<usize, Error> {
        let connection = self.lock();
        let sql = "SELECT count(*) FROM inference WHERE state = 'quarantined'";
        let count = connection.query_row(sql, [], |row| row.get::<_, i64>(0));
        count.map(|count| usize::try_from(count).unwrap_or(0)).map_err(|source| self.failed(source))
    }
}

/// What is to be written.
#[derive(Debug, Default)]
pub(crate) struct Rows {
    pub(crate) readings: Vec<KeptReading>,
    pub(crate) inferences: Vec<(KeptInference, Meta)>,
    /// What a person said of a conclusion, by its id.
    pub(crate) judged: Vec<(String, KeptJudgement)>,
}

/// What conclusions are looked for by.
#[derive(Clone, Debug, Default)]
pub(crate) struct Meta {
    pub(crate) kind: String,
    pub(crate) epc: String,
    pub(crate) device: String,
    pub(crate) at: Timestamp,
}

impl Rows {
    pub(crate) fn is_empty(&self) -> bool {
        self.readings.is_empty() && self.inferences.is_empty() && self.judged.is_empty()
    }

    fn write(&self, to: &Connection) -> rusqlite::Result<()> {
        let mut latest = to.prepare_cached(
            "INSERT INTO latest VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT DO UPDATE
             SET value = ?3, unit = ?4, at = ?5, position = ?6 WHERE (at, position) <= (?5, ?6)",
        )?;
        for KeptReading { device, metric, value, unit, at, position } in &self.readings {
            latest.execute(params![device, metric, value, unit, at.0, number(*position)])?;
        }
        let mut inference = to.prepare_cached(
            "INSERT INTO inference VALUES (?, ?, ?, ?, ?, ?, ?, ?, NULL, NULL, NULL) ON CONFLICT DO NOTHING",
        )?;
        for (kept, meta) in &self.inferences {
            let KeptInference { id, position, state, record, judgement: _ } = kept;
            let Meta { kind, epc, device, at } = meta;
            inference.execute(params![id, number(*position), kind, state, epc, device, at.0, record])?;
        }
        let mut judged = to.prepare_cached(
            "UPDATE inference SET state = ?2, judgement = ?3, judged_at = ?4, judged_position = ?5 WHERE id = ?1",
        )?;
        for (id, KeptJudgement { judgement, at, position }) in &self.judged {
            let state = judgement.verdict.name();
            judged.execute(params![id, state, judgement.render(id), at.0, number(*position)])?;
        }
        Ok(())
    }
}

fn open_file(file: &Path) -> rusqlite::Result<Connection> {
    let connection = Connection::open(file)?;
    // The journal is the truth: an index that loses its last moments makes them again.
    connection.execute_batch("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA busy_timeout = 5000;")?;
    Ok(connection)
}

fn about(connection: &Connection, journal: [u8; 16]) -> rusqlite::Result<Option<(Position, Vec<u8>)>> {
    let row = |row: &Row<'_>| {
        let known: (Vec<u8>, i64) = (row.get(0)?, row.get(1)?);
        let is_usable = known.0 == journal && known.1 == LAYOUT;
        Ok(if is_usable { Some((position(row, 2)?, row.get(3)?)) } else { None })
    };
    connection.query_row("SELECT journal, layout, position, image FROM about", [], row)
}

fn reading(row: &Row<'_>) -> rusqlite::Result<KeptReading> {
    Ok(KeptReading {
        device: row.get(0)?,
        metric: row.get(1)?,
        value: row.get(2)?,
        unit: row.get(3)?,
        at: Timestamp(row.get(4)?),
        position: position(row, 5)?,
    })
}

fn inference(row: &Row<'_>) -> rusqlite::Result<KeptInference> {
    let text: Option<String> = row.get(4)?;
    let judgement = match text.and_then(|text| Judgement::read(text.as_bytes())) {
        Some((_, judgement)) => {
            Some(KeptJudgement { judgement, at: Timestamp(row.get(5)?), position: position(row, 6)? })
        }
        None => None,
    };
    Ok(KeptInference {
        id: row.get(0)?,
        position: position(row, 1)?,
        state: row.get(2)?,
        record: row.get(3)?,
        judgement,
    })
}

fn position(row: &Row<'_>, index: usize) -> rusqlite::Result<Position> {
    row.get::<_, i64>(index).map(|number| Position(number.cast_unsigned()))
}

fn number(position: Position) -> i64 {
    i64::try_from(position.0).unwrap_or(i64::MAX)
}
