//! A long series as a short one with the same extremes.

use ledger::Timestamp;
use smallvec::SmallVec;

/// Of a series in order of time, at most four points from each of `buckets` equal parts of its span: the first, the least, the
/// greatest and the last, as they are, in their order. Never a mean: a peak of one reading stays.
///
/// A series of no more points than buckets is given whole; no buckets give none. A point that is earlier than one before it
/// goes with that one. Of equal extremes the first is taken.
///
/// ```
/// use ledger::Timestamp;
/// use watch::cold::downsample;
///
/// let series: Vec<_> = (0..100).map(|at| (Timestamp(at), if at == 42 { 9.0 } else { 4.0 })).collect();
/// let short = downsample(&series, 2);
/// assert_eq!(short.len(), 5);
/// assert!(short.contains(&(Timestamp(42), 9.0)));
/// ```
pub fn downsample(points: &[(Timestamp, f64)], buckets: usize) -> Vec<(Timestamp, f64)> {
    let (Some(first), Some(last)) = (points.first(), points.last()) else { return Vec::new() };
    if buckets == 0 {
        return Vec::new();
    }
    if points.len() <= buckets {
        return points.to_vec();
    }
    let begins = i128::from(first.0.0);
    let span = i128::from(last.0.0) - begins + 1;
    let count = i128::try_from(buckets).unwrap_or(i128::MAX);
    let bucket_of = |at: Timestamp| {
        let share = (i128::from(at.0) - begins).saturating_mul(count) / span.max(1);
        share.clamp(0, count - 1)
    };
    let mut kept = Vec::with_capacity(points.len().min(buckets.saturating_mul(4)));
    let mut start = 0;
    while start < points.len() {
        let bucket = bucket_of(points[start].0);
        let length = points[start..].iter().take_while(|(at, _)| bucket_of(*at) <= bucket).count();
        keep(&points[start..start + length], &mut kept);
        start += length;
    }
    kept
}

/// Keeps the first, the least, the greatest and the last of some points.
fn keep(points: &[(Timestamp, f64)], kept: &mut Vec<(Timestamp, f64)>) {
    let (mut least, mut greatest) = (0, 0);
    for (index, (_, value)) in points.iter().enumerate() {
        if value.total_cmp(&points[least].1).is_lt() {
            least = index;
        }
        if value.total_cmp(&points[greatest].1).is_gt() {
            greatest = index;
        }
    }
    let mut indices: SmallVec<[usize; 4]> = SmallVec::from([0, least, greatest, points.len() - 1]);
    indices.sort_unstable();
    indices.dedup();
    kept.extend(indices.iter().map(|index| points[*index]));
}
