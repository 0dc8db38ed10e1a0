//! Runs of readings, and of what sums them up, as the bytes that the index keeps.

use super::pack::{Damaged, put_count, put_figures, put_whole, take_count, take_figures, take_whole};
use super::summary::{Point, Summary};
use ledger::Timestamp;

/// Readings that a chunk holds at most: some hundreds of bytes, to be read and written as a whole.
pub(super) const POINTS_MAX: usize = 256;
/// Cells that a run of them holds at most.
const CELLS_MAX: u64 = 1_024;

/// Packs readings in their order.
pub(super) fn pack_points<const N: usize>(points: &[Point<N>]) -> Vec<u8> {
    let mut out = Vec::with_capacity(points.len() * 4 + 16);
    put_count(&mut out, points.len() as u64);
    put_whole(&mut out, points.iter().map(|point| point.at.0));
    for column in 0..N {
        put_figures(&mut out, points.iter().map(|point| point.values[column]));
    }
    out
}

/// Unpacks what [`pack_points`] packed.
///
/// # Errors
/// [`Damaged`].
pub(super) fn unpack_points<const N: usize>(mut bytes: &[u8]) -> Result<Vec<Point<N>>, Damaged> {
    let from = &mut bytes;
    let count = usize::try_from(take_count(from)?).ok().filter(|count| *count <= POINTS_MAX);
    let count = count.ok_or(Damaged(from.len()))?;
    let times = take_whole(from, count)?;
    let mut points: Vec<Point<N>> = times.into_iter().map(|at| Point { at: Timestamp(at), values: [0.0; N] }).collect();
    for column in 0..N {
        for (point, value) in points.iter_mut().zip(take_figures(from, count)?) {
            point.values[column] = value;
        }
    }
    if points.windows(2).all(|pair| pair[0].order(&pair[1]).is_lt()) { Ok(points) } else { Err(Damaged(0)) }
}

/// Packs cells, each by its begin, in their order.
pub(super) fn pack_cells(cells: &[(i64, Summary)]) -> Vec<u8> {
    let mut out = Vec::with_capacity(cells.len() * 16 + 16);
    put_count(&mut out, cells.len() as u64);
    put_whole(&mut out, cells.iter().map(|(begin, _)| *begin));
    put_whole(&mut out, cells.iter().map(|(_, summary)| summary.count.cast_signed()));
    put_whole(&mut out, cells.iter().map(|(begin, summary)| summary.first.0.0.wrapping_sub(*begin)));
    put_whole(&mut out, cells.iter().map(|(_, summary)| summary.last.0.0.wrapping_sub(summary.first.0.0)));
    put_figures(&mut out, cells.iter().map(|(_, summary)| summary.min));
    put_figures(&mut out, cells.iter().map(|(_, summary)| summary.max));
    put_figures(&mut out, cells.iter().map(|(_, summary)| summary.first.1));
    put_figures(&mut out, cells.iter().map(|(_, summary)| summary.last.1));
    out
}

/// Unpacks what [`pack_cells`] packed.
///
/// # Errors
/// [`Damaged`].
pub(super) fn unpack_cells(mut bytes: &[u8]) -> Result<Vec<(i64, Summary)>, Damaged> {
    let from = &mut bytes;
    let count = take_count(from)?;
    let count = usize::try_from(count).ok().filter(|_| count <= CELLS_MAX).ok_or(Damaged(from.len()))?;
    let (begins, counts) = (take_whole(from, count)?, take_whole(from, count)?);
    let (firsts, lasts) = (take_whole(from, count)?, take_whole(from, count)?);
    let (min, max) = (take_figures(from, count)?, take_figures(from, count)?);
    let (first, last) = (take_figures(from, count)?, take_figures(from, count)?);
    let cell = |index: usize| {
        let first_at = begins[index].wrapping_add(firsts[index]);
        let summary = Summary {
            count: counts[index].cast_unsigned(),
            min: min[index],
            max: max[index],
            first: (Timestamp(first_at), first[index]),
            last: (Timestamp(first_at.wrapping_add(lasts[index])), last[index]),
        };
        (begins[index], summary)
    };
    Ok((0..count).map(cell).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn decode_of_encode_is_identity(
            points in proptest::collection::vec((any::<i64>(), -1e9..1e9_f64, -90..90_i32), 0..100),
        ) {
            let mut points: Vec<Point<2>> = points
                .into_iter()
                .map(|(at, value, other)| Point::new(Timestamp(at), [value, f64::from(other)]))
                .collect();
            points.sort_by(Point::order);
            points.dedup_by(|a, b| a.order(b).is_eq());
            prop_assert_eq!(unpack_points(&pack_points(&points)), Ok(points.clone()));
            let cells: Vec<(i64, Summary)> =
                points.iter().map(|point| (point.at.0 / 9, Summary::of(point.at, point.values[0]))).collect();
            prop_assert_eq!(unpack_cells(&pack_cells(&cells)), Ok(cells));
        }

        #[test]
        fn decode_of_garbage_never_panics(
            mut bytes in proptest::collection::vec(any::<u8>(), 0..200),
            flips in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
        ) {
            let _ = (unpack_points::<1>(&bytes), unpack_points::<3>(&bytes), unpack_cells(&bytes));
            let points: Vec<Point<1>> = (0..50).map(|at| Point::new(Timestamp(at * 7), [f64::from(3)])).collect();
            bytes = pack_points(&points);
            for (place, byte) in flips {
                let place = place.index(bytes.len());
                bytes[place] = byte;
            }
            let _ = (unpack_points::<1>(&bytes), unpack_points::<3>(&bytes), unpack_cells(&bytes));
        }
    }
}
