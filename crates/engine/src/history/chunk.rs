//! How an account's rows are packed into one blob: differences as variable-length numbers, oldest row first.

use super::tail::Row;
use ledger::{Position, Timestamp};

/// The sums of a chunk, kept beside its blob.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sums {
    pub(super) first: Position,
    pub(super) last: Position,
    pub(super) effective_min: Timestamp,
    pub(super) effective_max: Timestamp,
    pub(super) net: i64,
}

/// Packs rows given newest first into `blob` (cleared before) and sums them up; `None` when there is no row.
pub(super) fn pack<'a>(newest_first: impl Iterator<Item = &'a Row>, blob: &mut Vec<u8>) -> Option<Sums> {
    let mut rows: Vec<&Row> = newest_first.collect();
    rows.reverse();
    let (first, last) = (rows.first()?, rows.last()?);
    let effective = || rows.iter().map(|row| row.effective_at);
    let sums = Sums {
        first: first.position,
        last: last.position,
        effective_min: effective().min()?,
        effective_max: effective().max()?,
        net: rows.iter().fold(0, |net: i64, row| net.wrapping_add(row.delta)),
    };
    blob.clear();
    let (mut position, mut effective_at) = (sums.first.0, sums.effective_min.0);
    for row in rows {
        put(blob, row.position.0 - position);
        put(blob, zigzag(row.effective_at.0.wrapping_sub(effective_at)));
        put(blob, zigzag(row.delta));
        (position, effective_at) = (row.position.0, row.effective_at.0);
    }
    Some(sums)
}

/// The (position, effective time, change) of each row of a blob, oldest first; ends early on a blob that is damaged.
pub(super) fn unpack(sums: &Sums, mut blob: &[u8]) -> impl Iterator<Item = (Position, Timestamp, i64)> {
    let (mut position, mut effective_at) = (sums.first.0, sums.effective_min.0);
    std::iter::from_fn(move || {
        let step = take(&mut blob)?;
        let shift = unzigzag(take(&mut blob)?);
        let delta = unzigzag(take(&mut blob)?);
        position = position.wrapping_add(step);
        effective_at = effective_at.wrapping_add(shift);
        Some((Position(position), Timestamp(effective_at), delta))
    })
}

fn put(blob: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        blob.push(u8::try_from(number & 0x7f).expect("seven bits") | 0x80);
        number >>= 7;
    }
    blob.push(u8::try_from(number).expect("below 128"));
}

fn take(blob: &mut &[u8]) -> Option<u64> {
    let mut number = 0;
    for shift in (0..64).step_by(7) {
        let (byte, rest) = blob.split_first()?;
        *blob = rest;
        number |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

fn zigzag(number: i64) -> u64 {
    ((number << 1) ^ (number >> 63)).cast_unsigned()
}

fn unzigzag(number: u64) -> i64 {
    (number >> 1).cast_signed() ^ -(number & 1).cast_signed()
}

#[cfg(test)]
mod tests {
    use super::super::tail::Tail;
    use super::*;
    use ledger::AccountId;

    #[test]
    fn rows_come_back_as_they_were_packed() {
        let rows = [
            (Position(7), Timestamp(50), 5),
            (Position(7), Timestamp(i64::MIN), -5),
            (Position(900), Timestamp(i64::MAX), i64::MIN),
            (Position(u64::MAX / 2), Timestamp(49), i64::MAX),
        ];
        let mut tail = Tail::after(Position(6));
        for (position, at, delta) in rows {
            tail.push(position, AccountId(3), at, delta);
        }
        let mut blob = Vec::new();
        let sums = pack(tail.rows_of(AccountId(3)), &mut blob).expect("four rows");
        assert_eq!(unpack(&sums, &blob).collect::<Vec<_>>(), rows);
        assert_eq!((sums.effective_min, sums.effective_max), (Timestamp(i64::MIN), Timestamp(i64::MAX)));
        assert!(pack(tail.rows_of(AccountId(9)), &mut blob).is_none());
    }

    #[test]
    fn a_damaged_blob_ends_early() {
        let sums = Sums {
            first: Position(1),
            last: Position(1),
            effective_min: Timestamp(0),
            effective_max: Timestamp(0),
            net: 0,
        };
        assert_eq!(unpack(&sums, &[0xff; 40]).count(), 0);
        assert_eq!(unpack(&sums, &[1, 2, 4, 0x80]).count(), 1);
    }
}
