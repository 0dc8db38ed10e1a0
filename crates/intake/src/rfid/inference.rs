//! What comes in and what goes out.

use ledger::Timestamp;
use smallvec::SmallVec;
use std::fmt;

/// A received strength in hundredths of a dBm: `-5_550` is -55.5 dBm.
pub type Rssi = i16;

/// The longest code of a tag, in bytes.
const TAG_BYTES_MAX: usize = 31;

/// A tag's code as it was read, or a number that stands for it: at most 31 bytes (an EPC has 12, 16 or up to 31).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tag {
    bytes: [u8; TAG_BYTES_MAX],
    length: u8,
}

impl Tag {
    /// The tag with this code; `None` past 31 bytes.
    pub fn new(code: &[u8]) -> Option<Self> {
        let mut bytes = [0; TAG_BYTES_MAX];
        bytes.get_mut(..code.len())?.copy_from_slice(code);
        Some(Self { bytes, length: u8::try_from(code.len()).ok()? })
    }

    /// The code.
    pub fn code(&self) -> &[u8] {
        &self.bytes[..usize::from(self.length)]
    }
}

impl From<u32> for Tag {
    /// The tag that an interned number stands for: its four bytes, big end first.
    fn from(number: u32) -> Self {
        Self::new(&number.to_be_bytes()).expect("four bytes fit")
    }
}

impl fmt::Debug for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.code().iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// One report of a reader: this antenna heard this tag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Read {
    /// What was heard.
    pub tag: Tag,
    /// By which antenna: its place in [`Settings::antennas`](super::Settings::antennas).
    pub antenna: u16,
    /// When, by the reader's clock.
    pub seen_at: Timestamp,
    /// How strongly.
    pub rssi: Rssi,
}

/// What a tag did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// It left a zone: `from`.
    Departed,
    /// It came to a zone: `to`.
    Arrived,
    /// It went through a portal, inwards: left the portal's outer place, came to its inner one.
    PassedIn,
    /// It went through a portal, outwards.
    PassedOut,
    /// Reads that are no movement: too few, too weak, not sustained, or from one side of a portal only.
    Ghost,
}

/// What an [`Inference`] rests on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Evidence {
    /// The first read that counted.
    pub first_read_at: Timestamp,
    /// The last read that counted.
    pub last_read_at: Timestamp,
    /// How many reads counted.
    pub reads: u32,
    /// The smoothing window at the decision, in microseconds.
    pub window_micros: i64,
    /// The share of interrogation cycles that read the tag while it was heard.
    pub read_rate_permille: u16,
    /// The strongest read.
    pub best_rssi: Rssi,
    /// Reads by antenna, most first, then by antenna; the four with the most.
    pub antennas: SmallVec<[(u16, u32); 4]>,
}

/// A decision about one tag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inference {
    /// Which tag.
    pub tag: Tag,
    /// What it did.
    pub kind: Kind,
    /// The zone that it left, if that is known.
    pub from: Option<u16>,
    /// The zone that it came to, or for a ghost the one that heard it, if that is known.
    pub to: Option<u16>,
    /// The portal, in a passage or a ghost at one: its place in [`Settings::portals`](super::Settings::portals).
    pub portal: Option<u16>,
    /// When it happened, as near as the reads tell.
    pub occurred_at: Timestamp,
    /// The end of the epoch whose judgement decided it.
    pub decided_at: Timestamp,
    /// How sure, in thousandths. An arrival: the zone's share of what was heard, less what chance can do in so few epochs. A
    /// departure: the probability that a tag still there had been read. A passage: that the order of its sides is not
    /// chance. A ghost: that it is no movement.
    pub confidence_permille: u16,
    /// Whether its reads were reported as a ghost before.
    pub promoted: bool,
    /// What it rests on.
    pub evidence: Evidence,
}
