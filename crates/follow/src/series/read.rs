//! Questions to the index: what sums up a span of time, from the coarsest down to single readings, and the readings.

use super::chunk::{unpack_cells, unpack_points};
use super::grid::Grid;
use super::summary::{Point, Summary};
use super::write::{LEVELS, Level, damaged};
use ledger::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, params};
use std::collections::BTreeMap;

/// Cells are used for buckets that hold at least so many of them: narrower ones would be cut through too often.
const CELLS_MIN: i64 = 4;

/// From when on, and until before when.
type Span = (i64, i64);

/// Sums up the readings of a series in the buckets of a grid; those without any are absent.
pub(super) fn summarise(from: &Connection, series: i64, grid: &Grid) -> rusqlite::Result<BTreeMap<i64, Summary>> {
    let mut found = Found { grid: *grid, buckets: BTreeMap::new() };
    let (begin, end) = grid.span();
    let mut open = vec![(begin.0, end.0)];
    for level in LEVELS.iter().filter(|level| level.cell_micros <= grid.width_micros() / CELLS_MIN) {
        let mut left = Vec::new();
        for span in open {
            found.add_cells(from, series, level, span, &mut left)?;
        }
        open = left;
    }
    for span in open {
        found.add_chunks(from, series, span)?;
    }
    Ok(found.buckets.into_iter().filter_map(|(bucket, summary)| Some((bucket, summary?))).collect())
}

struct Found {
    grid: Grid,
    buckets: BTreeMap<i64, Option<Summary>>,
}

impl Found {
    fn add(&mut self, bucket: i64, summary: &Summary) {
        Summary::add_to(summary, self.buckets.entry(bucket).or_default());
    }

    /// The bucket that all from one time up to another, inclusive, are in.
    fn bucket_of(&self, first: i64, last: i64) -> Option<i64> {
        let bucket = self.grid.bucket(Timestamp(first));
        (bucket == self.grid.bucket(Timestamp(last))).then_some(bucket)
    }

    /// Adds the cells that lie in the span and in one bucket; the rest of the span is `left` for what is finer.
    fn add_cells(
        &mut self,
        from: &Connection,
        series: i64,
        level: &Level,
        (begin, end): Span,
        left: &mut Vec<Span>,
    ) -> rusqlite::Result<()> {
        let cell = level.cell_micros;
        let first = begin.div_euclid(cell) * cell + if begin.rem_euclid(cell) == 0 { 0 } else { cell };
        let last = end.div_euclid(cell) * cell;
        if first >= last {
            left.push((begin, end));
            return Ok(());
        }
        if begin < first {
            left.push((begin, first));
        }
        let run = first.div_euclid(level.run_micros) * level.run_micros;
        let mut runs = from.prepare_cached(
            "SELECT bytes FROM cells WHERE series = ? AND level = ? AND start >= ? AND start < ? ORDER BY start",
        )?;
        let mut rows = runs.query(params![series, level.number, run, last])?;
        while let Some(row) = rows.next()? {
            let cells = unpack_cells(row.get_ref(0)?.as_blob()?).map_err(|error| damaged(0, error))?;
            for (start, summary) in cells.into_iter().filter(|(start, _)| (first..last).contains(start)) {
                match (self.bucket_of(start, start + (cell - 1)), left.last_mut()) {
                    (Some(bucket), _) => self.add(bucket, &summary),
                    (None, Some(before)) if before.1 == start => before.1 = start + cell,
                    (None, _) => left.push((start, start + cell)),
                }
            }
        }
        if last < end {
            left.push((last, end));
        }
        Ok(())
    }

    /// Adds the chunks that lie in the span and in one bucket, and of the others the readings that lie in the span.
    fn add_chunks(&mut self, from: &Connection, series: i64, (begin, end): Span) -> rusqlite::Result<()> {
        let mut bodies = from.prepare_cached("SELECT bytes FROM body WHERE id = ?")?;
        let mut chunks = from.prepare_cached(&format!(
            "SELECT start, first, end_at, last, count, min, max, body FROM chunk WHERE {IN_SPAN}"
        ))?;
        let mut rows = chunks.query([series, begin, end])?;
        while let Some(row) = rows.next()? {
            let summary = chunk_summary(row)?;
            let (start, last) = (summary.first.0.0, summary.last.0.0);
            let bucket = self.bucket_of(start.max(begin), last.min(end - 1));
            if let Some(bucket) = bucket.filter(|_| start >= begin && last < end) {
                self.add(bucket, &summary);
                continue;
            }
            let bytes: Vec<u8> = bodies.query_row([row.get::<_, i64>(7)?], |row| row.get(0))?;
            let points = unpack_points::<1>(&bytes).map_err(|error| damaged(0, error))?;
            for point in points.iter().filter(|point| (begin..end).contains(&point.at.0)) {
                self.add(self.grid.bucket(point.at), &Summary::of(point.at, point.values[0]));
            }
        }
        Ok(())
    }
}

/// Those that hold something of a span: they follow one another, so that of the earlier ones only the last can.
const IN_SPAN: &str = "series = ?1 AND start < ?3 AND end_at >= ?2 AND start >= coalesce(
    (SELECT start FROM chunk WHERE series = ?1 AND start < ?2 ORDER BY start DESC LIMIT 1), ?2) ORDER BY start, first";

fn chunk_summary(row: &Row<'_>) -> rusqlite::Result<Summary> {
    Ok(Summary {
        count: row.get::<_, i64>(4)?.cast_unsigned(),
        min: row.get(5)?,
        max: row.get(6)?,
        first: (Timestamp(row.get(0)?), row.get(1)?),
        last: (Timestamp(row.get(2)?), row.get(3)?),
    })
}

/// When the latest reading of a series was.
pub(super) fn newest_at(from: &Connection, series: i64) -> rusqlite::Result<Option<Timestamp>> {
    let mut last =
        from.prepare_cached("SELECT end_at FROM chunk WHERE series = ? ORDER BY start DESC, first DESC LIMIT 1")?;
    last.query_row([series], |row| row.get(0).map(Timestamp)).optional()
}

/// Shows the readings of a series in a span, in order, until `show` has seen enough.
pub(super) fn for_each_point<const N: usize>(
    from: &Connection,
    series: i64,
    (begin, end): (Timestamp, Timestamp),
    mut show: impl FnMut(Point<N>) -> bool,
) -> rusqlite::Result<()> {
    let mut chunks = from
        .prepare_cached(&format!("SELECT body.bytes FROM chunk JOIN body ON body.id = chunk.body WHERE {IN_SPAN}"))?;
    let mut rows = chunks.query([series, begin.0, end.0])?;
    while let Some(row) = rows.next()? {
        let points = unpack_points::<N>(row.get_ref(0)?.as_blob()?).map_err(|error| damaged(0, error))?;
        for point in points.into_iter().filter(|point| (begin..end).contains(&point.at)) {
            if !show(point) {
                return Ok(());
            }
        }
    }
    Ok(())
}
