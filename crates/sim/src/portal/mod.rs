//! Simulated dock doors: tags that are carried through them, put on shelves, parked beside them; what their antennas read;
//! and what truly happened.
//!
//! [`play`] gives one run, [`accuracy`] says how well the smoother tells the truth from the reads, beside no smoothing
//! and windows of a fixed length. All is drawn from the seed in whole numbers, so that every machine sees the same.

mod accuracy;
mod hall;
mod traffic;

pub use accuracy::{Row, Score, accuracy, accuracy_of, judge};
pub use hall::settings;
pub use traffic::play;

use intake::rfid::{Kind, Read, Tag};
use ledger::Timestamp;

/// What makes a run hard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Conditions {
    /// Of the interrogation cycles that could read a tag, how many don't, in percent: the mean over the tags. Besides, what
    /// passes between tag and antenna hides it for up to a second at a time, a third as often.
    pub missed_percent: u8,
    /// Whether tags are parked near the doors, turn round in them or walk past, and reflections are read where no tag is.
    pub stray: bool,
    /// Whether many pass at once, in both directions and at neighbouring doors, and some come back within seconds.
    pub crossing: bool,
}

/// What a tag truly did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Movement {
    /// Which tag.
    pub tag: Tag,
    /// What it did; never a ghost.
    pub kind: Kind,
    /// The portal of a passage, the zone of an arrival or departure.
    pub place: u16,
    /// When it crossed the door's middle, was put on the shelf, or taken from it.
    pub at: Timestamp,
}

/// One run.
#[derive(Clone, Debug, Default)]
pub struct Run {
    /// What the antennas read, by time.
    pub reads: Vec<Read>,
    /// What happened, by time.
    pub truth: Vec<Movement>,
}
