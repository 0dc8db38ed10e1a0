//! Sums over the reads of one antenna: how many, from when to when, how strong, and when on average.

use super::inference::Rssi;

/// What one antenna heard of one tag in one epoch that still takes reads. Offsets are microseconds into the epoch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Cell {
    pub(super) first: u32,
    pub(super) last: u32,
    pub(super) reads: u16,
    pub(super) peak: Rssi,
}

impl Cell {
    /// Takes one read; the order of reads makes no difference.
    pub(super) fn take(&mut self, offset: u32, rssi: Rssi) {
        if self.reads == 0 {
            *self = Self { first: offset, last: offset, reads: 1, peak: rssi };
            return;
        }
        self.first = self.first.min(offset);
        self.last = self.last.max(offset);
        self.reads = self.reads.saturating_add(1);
        self.peak = self.peak.max(rssi);
    }
}

/// Sums over judged epochs. Moments are in milliseconds from `first_at`, each epoch weighted by [`weight`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Sums {
    pub(super) first_at: i64,
    pub(super) last_at: i64,
    pub(super) reads: u32,
    pub(super) epochs: u32,
    pub(super) best: Rssi,
    pub(super) best_at: i64,
    pub(super) weight: i128,
    pub(super) moment: i128,
    pub(super) square: i128,
}

/// Microseconds in a millisecond.
const MILLI: i64 = 1_000;

/// In proportion to the received power: doubles every 3 dB, from 1 at -90 dBm to 2^20 at -30 dBm and above.
fn weight(rssi: Rssi) -> i128 {
    1 << (i32::from(rssi) + 9_000).div_euclid(300).clamp(0, 20)
}

impl Sums {
    pub(super) fn is_empty(&self) -> bool {
        self.reads == 0
    }

    /// Adds an epoch with reads; epochs come in order. An antenna counts at most `cycles` of them towards the weight.
    pub(super) fn add(&mut self, cell: &Cell, epoch_at: i64, cycles: u8) {
        let (first_at, last_at) = (epoch_at + i64::from(cell.first), epoch_at + i64::from(cell.last));
        if self.is_empty() {
            *self = Self { first_at, last_at, best: cell.peak, best_at: first_at, ..Self::default() };
        }
        let middle = first_at.midpoint(last_at);
        if cell.peak > self.best {
            (self.best, self.best_at) = (cell.peak, middle);
        }
        self.last_at = last_at;
        self.reads = self.reads.saturating_add(u32::from(cell.reads));
        self.epochs = self.epochs.saturating_add(1);
        self.weigh(weight(cell.peak) * i128::from(cell.reads.min(u16::from(cycles))), middle);
    }

    fn weigh(&mut self, weight: i128, at: i64) {
        let millis = i128::from(at.saturating_sub(self.first_at) / MILLI);
        self.weight = self.weight.saturating_add(weight);
        self.moment = self.moment.saturating_add(weight * millis);
        self.square = self.square.saturating_add(weight.saturating_mul(millis * millis));
    }

    /// The sums of both, of two antennas that look at the same place.
    pub(super) fn with(mut self, other: &Self) -> Self {
        if self.is_empty() {
            return *other;
        }
        if other.is_empty() {
            return self;
        }
        let first_at = self.first_at.min(other.first_at);
        let (here, there) = (self.from(first_at), other.from(first_at));
        if other.best > self.best {
            (self.best, self.best_at) = (other.best, other.best_at);
        }
        Self {
            first_at,
            last_at: self.last_at.max(other.last_at),
            reads: self.reads.saturating_add(other.reads),
            epochs: self.epochs.max(other.epochs),
            weight: here.0.saturating_add(there.0),
            moment: here.1.saturating_add(there.1),
            square: here.2.saturating_add(there.2),
            ..self
        }
    }

    /// Weight, moment and square as they are from an earlier beginning.
    fn from(&self, first_at: i64) -> (i128, i128, i128) {
        let shift = i128::from(self.first_at.saturating_sub(first_at) / MILLI);
        let (once, twice) = (shift.saturating_mul(self.weight), (2 * shift).saturating_mul(self.moment));
        let square = self.square.saturating_add(twice).saturating_add(shift.saturating_mul(once));
        (self.weight, self.moment.saturating_add(once), square)
    }

    /// When it was heard, in microseconds, on the average by power.
    pub(super) fn centroid(&self) -> i64 {
        let millis = self.moment / self.weight.max(1);
        self.first_at.saturating_add(i64::try_from(millis).unwrap_or(i64::MAX).saturating_mul(MILLI))
    }

    /// The variance of the times around the centroid, in square milliseconds.
    pub(super) fn variance(&self) -> i128 {
        let (weight, mean) = (self.weight.max(1), self.moment / self.weight.max(1));
        (self.square / weight).saturating_sub(mean.saturating_mul(mean)).max(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_of_two_antennas_are_the_sums_of_all_epochs() {
        let cells = |epoch: i64| Cell {
            first: 10_000,
            last: 60_000,
            reads: 2,
            peak: i16::try_from(-6_000 - epoch).expect("small"),
        };
        let (mut all, mut left, mut right) = (Sums::default(), Sums::default(), Sums::default());
        for epoch in 0..20 {
            let side = if epoch % 3 == 0 { &mut left } else { &mut right };
            side.add(&cells(epoch), epoch * 100_000, 4);
            all.add(&cells(epoch), epoch * 100_000, 4);
        }
        let both = left.with(&right);
        assert_eq!((both.centroid(), both.variance()), (all.centroid(), all.variance()));
        assert_eq!(
            (both.first_at, both.last_at, both.reads, both.best),
            (all.first_at, all.last_at, all.reads, all.best)
        );
        assert_eq!(right.with(&left), both);
        assert_eq!(Sums::default().with(&left), left);
        assert_eq!(left.with(&Sums::default()), left);
    }

    #[test]
    fn a_stronger_epoch_draws_the_centroid() {
        let mut sums = Sums::default();
        sums.add(&Cell { first: 0, last: 0, reads: 1, peak: -7_500 }, 0, 4);
        sums.add(&Cell { first: 0, last: 0, reads: 1, peak: -4_500 }, 1_000_000, 4);
        assert_eq!(sums.centroid(), 999_000, "30 dB are a factor of 1 024");
        assert_eq!(sums.best_at, 1_000_000);
    }
}
