//! Readings into the index: each into the chunk of its time, and into the cells that sum up its time.

use super::chunk::{POINTS_MAX, pack_cells, pack_points, unpack_cells, unpack_points};
use super::pack::Damaged;
use super::summary::{Point, Summary, put_in_order};
use rusqlite::types::Type;
use rusqlite::{Connection, OptionalExtension, Row, params};
use std::collections::BTreeMap;

/// What readings are summed up by, beside chunks: the coarsest first.
pub(super) const LEVELS: [Level; 2] = [
    Level { number: 2, cell_micros: 21_600_000_000, run_micros: 2_592_000_000_000 },
    Level { number: 1, cell_micros: 900_000_000, run_micros: 86_400_000_000 },
];

/// Cells of one width since 1970, kept in runs.
#[derive(Clone, Copy, Debug)]
pub(super) struct Level {
    pub(super) number: i64,
    pub(super) cell_micros: i64,
    /// A whole number of cells.
    pub(super) run_micros: i64,
}

/// Which chunk: it holds what has its key or a later one, and none that the next one's key comes up to.
struct Place {
    key: (i64, f64),
    body: i64,
}

/// Bytes of a row that are not what was written.
pub(super) fn damaged(column: usize, error: Damaged) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(column, Type::Blob, error.into())
}

/// Adds readings to a series; answers those that were not there, in order.
pub(super) fn write_points<const N: usize>(
    to: &Connection,
    series: i64,
    mut points: Vec<Point<N>>,
) -> rusqlite::Result<Vec<Point<N>>> {
    put_in_order(&mut points);
    let mut added = Vec::with_capacity(points.len());
    let mut rest = points.as_slice();
    while let Some(point) = rest.first() {
        let place = place_of(to, series, point.key())?;
        let next = match &place {
            Some(place) => next_key(to, series, place.key)?,
            None => None,
        };
        let count = next.map_or(rest.len(), |next| rest.partition_point(|point| point.key() < next));
        let (here, later) = rest.split_at(count);
        write_chunk(to, series, place, next.is_none(), here, &mut added)?;
        rest = later;
    }
    Ok(added)
}

/// The chunk that a reading belongs into: the first one when it comes before all.
fn place_of(from: &Connection, series: i64, (at, value): (i64, f64)) -> rusqlite::Result<Option<Place>> {
    let place = |row: &Row<'_>| Ok(Place { key: (row.get(0)?, row.get(1)?), body: row.get(2)? });
    let mut before = from.prepare_cached(
        "SELECT start, first, body FROM chunk WHERE series = ? AND (start, first) <= (?, ?)
         ORDER BY start DESC, first DESC LIMIT 1",
    )?;
    if let Some(place) = before.query_row(params![series, at, value], place).optional()? {
        return Ok(Some(place));
    }
    let mut earliest =
        from.prepare_cached("SELECT start, first, body FROM chunk WHERE series = ? ORDER BY start, first LIMIT 1")?;
    earliest.query_row([series], place).optional()
}

fn next_key(from: &Connection, series: i64, (at, value): (i64, f64)) -> rusqlite::Result<Option<(i64, f64)>> {
    let mut next = from.prepare_cached(
        "SELECT start, first FROM chunk WHERE series = ? AND (start, first) > (?, ?) ORDER BY start, first LIMIT 1",
    )?;
    next.query_row(params![series, at, value], |row| Ok((row.get(0)?, row.get(1)?))).optional()
}

fn write_chunk<const N: usize>(
    to: &Connection,
    series: i64,
    place: Option<Place>,
    is_last: bool,
    fresh: &[Point<N>],
    added: &mut Vec<Point<N>>,
) -> rusqlite::Result<()> {
    let kept: Vec<Point<N>> = match &place {
        Some(place) => {
            let mut read = to.prepare_cached("SELECT bytes FROM body WHERE id = ?")?;
            let bytes: Vec<u8> = read.query_row([place.body], |row| row.get(0))?;
            unpack_points(&bytes).map_err(|error| damaged(0, error))?
        }
        None => Vec::new(),
    };
    let is_known = |point: &Point<N>| {
        kept.binary_search_by(|kept| kept.key().partial_cmp(&point.key()).expect("keys are no NaN")).is_ok()
    };
    added.extend(fresh.iter().filter(|point| !is_known(point)));
    let is_appended = is_last && kept.last().is_none_or(|last| last.key() < fresh[0].key());
    let mut points = kept.clone();
    points.extend_from_slice(fresh);
    put_in_order(&mut points);
    if points == kept {
        return Ok(());
    }
    if let Some(place) = &place {
        let (at, value) = place.key;
        to.prepare_cached("DELETE FROM chunk WHERE series = ? AND start = ? AND first = ?")?
            .execute(params![series, at, value])?;
    }
    // What comes in order fills chunk after chunk; what comes between others leaves room for more.
    let parts = points.len().div_ceil(POINTS_MAX);
    let size = if is_appended { POINTS_MAX } else { points.len().div_ceil(parts) };
    let mut body = place.map(|place| place.body);
    for part in points.chunks(size) {
        insert_chunk(to, series, body.take(), part)?;
    }
    Ok(())
}

fn insert_chunk<const N: usize>(
    to: &Connection,
    series: i64,
    body: Option<i64>,
    points: &[Point<N>],
) -> rusqlite::Result<()> {
    let bytes = pack_points(points);
    let body = match body {
        Some(body) => {
            to.prepare_cached("UPDATE body SET bytes = ? WHERE id = ?")?.execute(params![bytes, body])?;
            body
        }
        None => to.prepare_cached("INSERT INTO body (bytes) VALUES (?)")?.insert([bytes])?,
    };
    let mut all = None;
    for point in points {
        Summary::add_to(&Summary::of(point.at, point.values[0]), &mut all);
    }
    let Some(Summary { count, min, max, last, .. }) = all else { return Ok(()) };
    let (start, first) = points[0].key();
    to.prepare_cached("INSERT INTO chunk VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)")?.execute(params![
        series,
        start,
        first,
        last.0.0,
        last.1,
        count.cast_signed(),
        min,
        max,
        body
    ])?;
    Ok(())
}

/// Adds readings that were not there before, in order, to what sums them up.
pub(super) fn write_cells(to: &Connection, series: i64, added: &[Point<1>]) -> rusqlite::Result<()> {
    for level in &LEVELS {
        let run_of = |point: &Point<1>| point.at.0.div_euclid(level.run_micros).saturating_mul(level.run_micros);
        for points in added.chunk_by(|before, next| run_of(before) == run_of(next)) {
            let run = run_of(&points[0]);
            let mut cells: BTreeMap<i64, Summary> = read_run(to, series, level.number, run)?.into_iter().collect();
            for point in points {
                let begin = point.at.0.div_euclid(level.cell_micros).saturating_mul(level.cell_micros);
                let summary = Summary::of(point.at, point.values[0]);
                cells.entry(begin).and_modify(|cell| *cell = cell.and(&summary)).or_insert(summary);
            }
            let cells: Vec<(i64, Summary)> = cells.into_iter().collect();
            to.prepare_cached(
                "INSERT INTO cells (series, level, start, bytes) VALUES (?, ?, ?, ?)
                 ON CONFLICT (series, level, start) DO UPDATE SET bytes = excluded.bytes",
            )?
            .execute(params![series, level.number, run, pack_cells(&cells)])?;
        }
    }
    Ok(())
}

fn read_run(from: &Connection, series: i64, level: i64, run: i64) -> rusqlite::Result<Vec<(i64, Summary)>> {
    let mut read = from.prepare_cached("SELECT bytes FROM cells WHERE series = ? AND level = ? AND start = ?")?;
    let bytes: Option<Vec<u8>> = read.query_row([series, level, run], |row| row.get(0)).optional()?;
    bytes.map_or(Ok(Vec::new()), |bytes| unpack_cells(&bytes).map_err(|error| damaged(0, error)))
}
