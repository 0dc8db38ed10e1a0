//! Sequence numbers that wrap: gaps, duplicates, late ones, and devices that begin anew.

use super::Width;
use ledger::{ImageError, Sink, Source};

/// Numbers that are remembered back from the newest.
const REMEMBERED: u64 = 64;
/// A longer gap is a device that began anew somewhere else.
const GAP_MAX: u64 = 1 << 20;

/// How a number follows those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// The first that is known.
    First,
    /// One more than the newest.
    Next,
    /// Past the next; those in between have not come.
    Gap {
        /// How many.
        missing: u64,
    },
    /// It came before.
    Duplicate,
    /// Older than the newest, and new.
    Late {
        /// Whether it was counted as missing; not if it is older than the first.
        was_missing: bool,
    },
    /// Neither near before nor near after the newest: the device has begun anew.
    Reset,
}

/// The newest number and which of the 64 up to it have come.
///
/// # Source
/// RFC 4303 section 3.4.3 (the sliding window of the anti-replay check).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sequence {
    width: Width,
    newest: Option<u64>,
    /// The lowest bit is the newest, the next the one before it.
    seen: u64,
    /// How far the newest is from the first, as far as is remembered.
    span: u64,
}

impl Sequence {
    pub(super) fn new(width: Width) -> Self {
        Self { width, newest: None, seen: 0, span: 0 }
    }

    pub(super) fn is_known(&self) -> bool {
        self.newest.is_some()
    }

    /// Lets the next number be the first.
    pub(super) fn forget(&mut self) {
        self.newest = None;
    }

    fn wrap(&self, number: u64) -> u64 {
        match self.width {
            Width::Eight => number & 0xff,
            Width::SixtyFour => number,
        }
    }

    pub(super) fn save(&self, into: &mut impl Sink) {
        into.put_option(self.newest, |into, newest| into.put_u64(newest));
        into.put_u64(self.seen);
        into.put_u64(self.span);
    }

    pub(super) fn load(width: Width, from: &mut impl Source) -> Result<Self, ImageError> {
        Ok(Self {
            width,
            newest: from.take_option(|from| from.take_u64())?,
            seen: from.take_u64()?,
            span: from.take_u64()?.min(REMEMBERED),
        })
    }

    /// Takes a number; of one wider than it may be, what is left after wrapping.
    pub(super) fn take(&mut self, number: u64) -> Step {
        let number = self.wrap(number);
        let Some(newest) = self.newest else { return self.begin(number, Step::First) };
        let (ahead, behind) = (self.wrap(number.wrapping_sub(newest)), self.wrap(newest.wrapping_sub(number)));
        if behind < REMEMBERED {
            return self.take_old(behind);
        }
        let ahead_max = if self.width == Width::Eight { 127 } else { GAP_MAX };
        if ahead > ahead_max {
            return self.begin(number, Step::Reset);
        }
        self.newest = Some(number);
        self.span = self.span.saturating_add(ahead).min(REMEMBERED);
        self.seen = u32::try_from(ahead).ok().and_then(|ahead| self.seen.checked_shl(ahead)).unwrap_or(0) | 1;
        if ahead == 1 { Step::Next } else { Step::Gap { missing: ahead - 1 } }
    }

    fn take_old(&mut self, behind: u64) -> Step {
        let bit = 1 << behind;
        if self.seen & bit != 0 {
            return Step::Duplicate;
        }
        self.seen |= bit;
        Step::Late { was_missing: behind < self.span }
    }

    fn begin(&mut self, number: u64, step: Step) -> Step {
        *self = Self { width: self.width, newest: Some(number), seen: 1, span: 0 };
        step
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn steps(width: Width, numbers: &[u64]) -> Vec<Step> {
        let mut sequence = Sequence::new(width);
        numbers.iter().map(|number| sequence.take(*number)).collect()
    }

    #[test]
    fn numbers_wrap_as_wide_as_they_are() {
        assert_eq!(steps(Width::Eight, &[254, 255, 0, 1]), [Step::First, Step::Next, Step::Next, Step::Next]);
        assert_eq!(steps(Width::Eight, &[250, 4]), [Step::First, Step::Gap { missing: 9 }]);
        assert_eq!(steps(Width::SixtyFour, &[u64::MAX, 0]), [Step::First, Step::Next]);
        assert_eq!(steps(Width::SixtyFour, &[255, 0]), [Step::First, Step::Reset]);
    }

    #[test]
    fn what_comes_late_is_no_loss_and_what_comes_twice_is_told() {
        let late = Step::Late { was_missing: true };
        let expected = [Step::First, Step::Gap { missing: 2 }, late, Step::Duplicate, late, Step::Duplicate];
        assert_eq!(steps(Width::SixtyFour, &[10, 13, 11, 11, 12, 13]), expected);
        assert_eq!(steps(Width::SixtyFour, &[10, 9]), [Step::First, Step::Late { was_missing: false }]);
    }

    #[test]
    fn a_number_from_far_away_is_a_device_that_began_anew() {
        assert_eq!(steps(Width::SixtyFour, &[1_000_000, 5, 6]), [Step::First, Step::Reset, Step::Next]);
        assert_eq!(steps(Width::SixtyFour, &[5, 50_000_000]), [Step::First, Step::Reset]);
        assert_eq!(steps(Width::Eight, &[0, 150]), [Step::First, Step::Reset]);
    }
}
