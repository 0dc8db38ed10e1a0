//! The positions of a shipment, in bounded memory, the same whatever order they came in.
//!
//! Time is cut into cells, and of each cell the newest position is kept (of several at the same time, the greatest).
//! When more than [`CELLS_MAX`] cells are taken, cells become twice as long. The newest of a long cell is the newest of
//! its halves, and the number of taken cells only grows with more positions, so the track is a function of the *set* of
//! positions: their order and their repetition cannot show.

use super::report::Fix;
use ledger::{ImageError, Sink, Source};

/// Positions of a shipment that are kept at most.
pub const CELLS_MAX: usize = 1_024;
/// The shortest cell in microseconds: half a minute.
const CELL_MICROS: i64 = 30_000_000;
/// Doublings after which a cell is longer than all time.
const LEVEL_MAX: u32 = 39;

/// What a position did to the track.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Put {
    /// Nothing: a newer one of the cell is known, or the same.
    Nothing,
    /// It is the newest, in a cell of its own.
    Appended,
    /// It is the newest, and took the place of the newest before.
    ReplacedLast,
    /// It changed what was before the newest.
    Rewritten,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Track {
    level: u32,
    /// One for each taken cell, in the order of time.
    fixes: Vec<Fix>,
}

impl Track {
    pub(super) fn fixes(&self) -> &[Fix] {
        &self.fixes
    }

    pub(super) fn put(&mut self, fix: Fix) -> Put {
        let cell = cell(fix, self.level);
        let index = match self.fixes.last() {
            None => 0,
            Some(last) if cell > self.cell_of(*last) => self.fixes.len(),
            Some(_) => self.fixes.partition_point(|known| self.cell_of(*known) < cell),
        };
        match self.fixes.get_mut(index) {
            Some(known) if known.at.0.div_euclid(CELL_MICROS) >> self.level == cell => {
                if *known >= fix {
                    return Put::Nothing;
                }
                *known = fix;
                if index + 1 == self.fixes.len() { Put::ReplacedLast } else { Put::Rewritten }
            }
            _ => {
                let is_last = index == self.fixes.len();
                self.fixes.insert(index, fix);
                if self.coarsen() || !is_last { Put::Rewritten } else { Put::Appended }
            }
        }
    }

    fn cell_of(&self, fix: Fix) -> i64 {
        cell(fix, self.level)
    }

    /// Makes cells longer until few enough are taken; answers whether that was necessary.
    fn coarsen(&mut self) -> bool {
        let mut did = false;
        while self.fixes.len() > CELLS_MAX && self.level < LEVEL_MAX {
            did = true;
            self.level += 1;
            let mut kept: Vec<Fix> = Vec::with_capacity(self.fixes.len());
            for fix in &self.fixes {
                match kept.last_mut() {
                    Some(last) if cell(*last, self.level) == cell(*fix, self.level) => *last = *fix,
                    _ => kept.push(*fix),
                }
            }
            self.fixes = kept;
        }
        did
    }

    pub(super) fn save(&self, into: &mut impl Sink) {
        into.put_u32(self.level);
        into.put_length(self.fixes.len());
        for fix in &self.fixes {
            fix.save(into);
        }
    }

    pub(super) fn load(from: &mut impl Source) -> Result<Self, ImageError> {
        let level = from.take_u32()?;
        let fixes = from.take_list(|from| Fix::load(from))?;
        let is_sound = level <= LEVEL_MAX
            && fixes.len() <= CELLS_MAX
            && fixes.is_sorted_by(|one, next| cell(*one, level) < cell(*next, level));
        if is_sound { Ok(Self { level, fixes }) } else { Err(ImageError::Damaged("a track of positions")) }
    }
}

/// The cell that a position falls in.
fn cell(fix: Fix, level: u32) -> i64 {
    fix.at.0.div_euclid(CELL_MICROS) >> level
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shipment::Point;
    use ledger::Timestamp;
    use proptest::prelude::*;

    fn fix((at, latitude): (i64, u8)) -> Fix {
        Fix { at: Timestamp(at), point: Point::new(f64::from(latitude) / 4.0, 0.0).unwrap(), accuracy_m: 10 }
    }

    proptest! {
        #[test]
        fn order_and_repetition_of_positions_do_not_matter(
            seed in prop::collection::vec((0_i64..3_000 * CELL_MICROS, any::<u8>()), 1..400),
            spread in 1_i64..40,
        ) {
            // Enough of them that cells have to become longer.
            let all: Vec<Fix> = (0..5).flat_map(|turn| seed.iter().map(move |(at, latitude)| {
                fix((at + turn * spread * CELL_MICROS, *latitude))
            })).collect();
            let mut forth = Track::default();
            all.iter().for_each(|fix| { forth.put(*fix); });
            let mut back = Track::default();
            all.iter().rev().chain(&all).for_each(|fix| { back.put(*fix); });
            prop_assert_eq!(&forth, &back);
            prop_assert!(forth.fixes().len() <= CELLS_MAX);
            prop_assert_eq!(forth.fixes().last(), all.iter().max());
        }
    }

    #[test]
    fn the_ends_of_time_are_cells_like_others() {
        let mut track = Track::default();
        for at in [i64::MAX, i64::MIN, 0] {
            track.put(fix((at, 1)));
        }
        assert_eq!(track.fixes().len(), 3);
    }
}
