//! The chunks on disk, in SQLite. One connection writes, one reads.

use super::chunk::{self, Sums};
use super::tail::Tail;
use crate::Error;
use ledger::{AccountId, Position, Timestamp};
use rusqlite::{Connection, OpenFlags, OptionalExtension, Row, params};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard};

/// Changes whenever the tables or the packing of chunks do; an index of another layout is built anew.
const LAYOUT: i64 = 1;

const TABLES: &str = "
    CREATE TABLE about (
        journal BLOB NOT NULL, layout INTEGER NOT NULL, indexed_to INTEGER NOT NULL
    );
    CREATE TABLE chunk (
        account INTEGER NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL,
        effective_min INTEGER NOT NULL, effective_max INTEGER NOT NULL, net INTEGER NOT NULL, rows BLOB NOT NULL,
        PRIMARY KEY (account, first)
    ) WITHOUT ROWID;
    CREATE TABLE reference (
        hash INTEGER NOT NULL, position INTEGER NOT NULL, PRIMARY KEY (hash, position)
    ) WITHOUT ROWID;";

pub(super) struct Store {
    file: PathBuf,
    writer: Mutex<Connection>,
    /// `None`: the index is in memory and the writer's connection serves reads too.
    reader: Option<Mutex<Connection>>,
}

impl Store {
    /// Opens or makes the index; also answers the last position that it holds.
    pub(super) fn open(
        file: Option<PathBuf>,
        journal_id: [u8; 16],
        journal_end: Position,
    ) -> Result<(Self, Position), Error> {
        let name = file.clone().unwrap_or_else(|| PathBuf::from(":memory:"));
        let fail = |source| Error::History { file: name.clone(), source };
        let Some(path) = file else {
            let writer = Connection::open_in_memory().map_err(fail)?;
            make(&writer, journal_id).map_err(fail)?;
            return Ok((Self { file: name, writer: Mutex::new(writer), reader: None }, Position::ZERO));
        };
        let usable = open_file(&path).and_then(|connection| {
            let indexed_to = indexed_to(&connection, journal_id)?;
            Ok(indexed_to.filter(|indexed_to| *indexed_to <= journal_end).map(|indexed_to| (connection, indexed_to)))
        });
        let (writer, indexed_to) = match usable {
            Ok(Some(usable)) => usable,
            // Of another journal, another layout, ahead of the journal, or damaged: it is only an index.
            Ok(None) | Err(_) => {
                remove(&path)?;
                let connection = open_file(&path).map_err(fail)?;
                make(&connection, journal_id).map_err(fail)?;
                (connection, Position::ZERO)
            }
        };
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let reader = Connection::open_with_flags(&path, flags).map_err(fail)?;
        let store = Self { file: path, writer: Mutex::new(writer), reader: Some(Mutex::new(reader)) };
        Ok((store, indexed_to))
    }

    fn reading(&self) -> MutexGuard<'_, Connection> {
        self.reader.as_ref().unwrap_or(&self.writer).lock().expect("no panic under the lock")
    }

    fn fail(&self, source: rusqlite::Error) -> Error {
        Error::History { file: self.file.clone(), source }
    }

    /// Writes all rows of a tail in one transaction.
    pub(super) fn write(&self, tail: &Tail) -> Result<(), Error> {
        let mut connection = self.writer.lock().expect("no panic under the lock");
        write(&mut connection, tail).map_err(|source| self.fail(source))
    }

    /// The sum of an account's postings effective at or before `at` in entries up to `known` and before `before`.
    pub(super) fn sum(
        &self,
        account: AccountId,
        at: Timestamp,
        known: Position,
        before: Position,
    ) -> Result<i128, Error> {
        let mut sum: i128 = 0;
        self.chunks(account, before, |sums, row| {
            if sums.first > known || sums.effective_min > at {
                return Ok(true);
            }
            if sums.last <= known && sums.effective_max <= at {
                sum += i128::from(sums.net);
                return Ok(true);
            }
            sum += chunk::unpack(sums, blob(row)?)
                .filter(|(position, effective_at, _)| *position <= known && *effective_at <= at)
                .map(|(_, _, delta)| i128::from(delta))
                .sum::<i128>();
            Ok(true)
        })?;
        Ok(sum)
    }

    /// Whether an account has a row effective at or before `at` in entries up to `known` and before `before`.
    pub(super) fn touched(
        &self,
        account: AccountId,
        at: Timestamp,
        known: Position,
        before: Position,
    ) -> Result<bool, Error> {
        let mut touched = false;
        self.chunks(account, before, |sums, row| {
            if sums.first <= known && sums.effective_min <= at {
                touched = chunk::unpack(sums, blob(row)?)
                    .any(|(position, effective_at, _)| position <= known && effective_at <= at);
            }
            Ok(!touched)
        })?;
        Ok(touched)
    }

    /// Adds to `found`, newest first, positions below `before` at which an account changed, until it has `limit`.
    pub(super) fn positions(
        &self,
        account: AccountId,
        before: Position,
        limit: usize,
        found: &mut Vec<Position>,
    ) -> Result<(), Error> {
        self.chunks(account, before, |sums, row| {
            let mut positions: Vec<Position> =
                chunk::unpack(sums, blob(row)?).map(|row| row.0).filter(|position| *position < before).collect();
            positions.dedup();
            positions.reverse();
            found.extend(positions.into_iter().take(limit - found.len()));
            Ok(found.len() < limit)
        })
    }

    pub(super) fn positions_of_reference(
        &self,
        hash: i64,
        before: Position,
        limit: usize,
        found: &mut Vec<Position>,
    ) -> Result<(), Error> {
        let connection = self.reading();
        let mut read = || -> rusqlite::Result<()> {
            let mut statement = connection.prepare_cached(
                "SELECT position FROM reference WHERE hash = ?1 AND position < ?2 ORDER BY position DESC LIMIT ?3",
            )?;
            let left = i64::try_from(limit - found.len()).unwrap_or(i64::MAX);
            let rows = statement.query_map(params![hash, number(before), left], |row| position(row, 0))?;
            for row in rows {
                found.push(row?);
            }
            Ok(())
        };
        read().map_err(|source| self.fail(source))
    }

    /// Shows `visit` an account's chunks that begin before `before`, newest first, until it answers `false`.
    ///
    /// The blob stands in the last column, so that SQLite reads it only when `visit` gets it from the row.
    fn chunks(
        &self,
        account: AccountId,
        before: Position,
        mut visit: impl FnMut(&Sums, &Row<'_>) -> rusqlite::Result<bool>,
    ) -> Result<(), Error> {
        let connection = self.reading();
        let mut read = || -> rusqlite::Result<()> {
            let mut statement = connection.prepare_cached(
                "SELECT first, last, effective_min, effective_max, net, rows FROM chunk
                 WHERE account = ?1 AND first < ?2 ORDER BY first DESC",
            )?;
            let mut rows = statement.query(params![account.0, number(before)])?;
            while let Some(row) = rows.next()? {
                let sums = Sums {
                    first: position(row, 0)?,
                    last: position(row, 1)?,
                    effective_min: Timestamp(row.get(2)?),
                    effective_max: Timestamp(row.get(3)?),
                    net: row.get(4)?,
                };
                if !visit(&sums, row)? {
                    break;
                }
            }
            Ok(())
        };
        read().map_err(|source| self.fail(source))
    }
}

/// The packed rows of a chunk.
fn blob<'a>(row: &'a Row<'_>) -> rusqlite::Result<&'a [u8]> {
    Ok(row.get_ref(5)?.as_blob()?)
}

fn open_file(path: &Path) -> rusqlite::Result<Connection> {
    let connection = Connection::open(path)?;
    // The journal is the truth: an index that lost its last transactions to a power failure catches up from it.
    connection.pragma_update(None, "journal_mode", "wal")?;
    connection.pragma_update(None, "synchronous", "normal")?;
    connection.pragma_update(None, "cache_size", -65_536)?;
    Ok(connection)
}

fn make(connection: &Connection, journal_id: [u8; 16]) -> rusqlite::Result<()> {
    connection.execute_batch(TABLES)?;
    connection.execute("INSERT INTO about VALUES (?1, ?2, 0)", params![&journal_id[..], LAYOUT])?;
    Ok(())
}

/// The last position indexed, when the index is of this journal and layout.
fn indexed_to(connection: &Connection, journal_id: [u8; 16]) -> rusqlite::Result<Option<Position>> {
    connection
        .query_row(
            "SELECT indexed_to FROM about WHERE journal = ?1 AND layout = ?2",
            params![&journal_id[..], LAYOUT],
            |row| position(row, 0),
        )
        .optional()
}

fn remove(path: &Path) -> Result<(), Error> {
    for suffix in ["", "-wal", "-shm"] {
        let mut name = path.as_os_str().to_owned();
        name.push(suffix);
        match std::fs::remove_file(&name) {
            Err(source) if source.kind() != std::io::ErrorKind::NotFound => {
                return Err(Error::Directory { doing: "removing", path: name.into(), source });
            }
            _ => {}
        }
    }
    Ok(())
}

fn write(connection: &mut Connection, tail: &Tail) -> rusqlite::Result<()> {
    let transaction = connection.transaction()?;
    {
        let mut insert = transaction.prepare_cached("INSERT INTO chunk VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)")?;
        let mut blob = Vec::new();
        for account in tail.accounts() {
            let Some(sums) = chunk::pack(tail.rows_of(account), &mut blob) else { continue };
            insert.execute(params![
                account.0,
                number(sums.first),
                number(sums.last),
                sums.effective_min.0,
                sums.effective_max.0,
                sums.net,
                &blob[..]
            ])?;
        }
        let mut insert = transaction.prepare_cached("INSERT OR IGNORE INTO reference VALUES (?1, ?2)")?;
        let mut references: Vec<_> = tail.references.iter().collect();
        references.sort_unstable_by_key(|(hash, _)| **hash);
        for (hash, positions) in references {
            for position in positions {
                insert.execute(params![hash, number(*position)])?;
            }
        }
        transaction.execute("UPDATE about SET indexed_to = ?1", [number(tail.last)])?;
    }
    transaction.commit()
}

/// SQLite's integers are signed; positions stay far below 2⁶³.
fn number(position: Position) -> i64 {
    i64::try_from(position.0).unwrap_or(i64::MAX)
}

fn position(row: &Row<'_>, column: usize) -> rusqlite::Result<Position> {
    row.get::<_, i64>(column).map(|number| Position(number.unsigned_abs()))
}
