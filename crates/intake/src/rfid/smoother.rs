//! The smoother: takes reads, judges epochs, forgets tags.

use super::inference::{Inference, Read, Tag};
use super::settings::{OPEN_EPOCHS, Settings, SettingsError};
use super::tag::{Moment, TagState};
use super::track::{RING, Track};
use super::{passage, window, zone};
use foldhash::fast::FixedState;
use hashbrown::HashTable;
use ledger::Timestamp;
use std::hash::BuildHasher;

/// What became of a read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    /// It counts.
    Counted,
    /// Its epoch was judged already: it is counted in [`Tallies::late`] and changes nothing else.
    Late,
}

/// A read that was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// As many tags are tracked as may be.
    #[error("tag {tag:?} is new and all {tags_max} places are taken; wait until tags are forgotten, or raise tags_max")]
    Full {
        /// The new tag.
        tag: Tag,
        /// How many there may be.
        tags_max: u32,
    },
    /// No such antenna.
    #[error("antenna {antenna} is not among the {antennas} of the settings; add it there")]
    UnknownAntenna {
        /// What the read says.
        antenna: u16,
        /// How many there are.
        antennas: usize,
    },
    /// The read is of a later time than the open epochs reach.
    #[error("a read of {seen_at} µs is past {open_until} µs; tick to its time first, if that is the time")]
    Ahead {
        /// When it was seen, in microseconds.
        seen_at: i64,
        /// Before when reads are taken, in microseconds.
        open_until: i64,
    },
}

/// Counts since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tallies {
    /// Reads that count.
    pub reads: u64,
    /// Reads whose epoch was judged before they came.
    pub late: u64,
    /// Reads refused as [`ReadError::Full`].
    pub full: u64,
    /// Reads refused as [`ReadError::UnknownAntenna`].
    pub unknown_antenna: u64,
    /// Reads refused as [`ReadError::Ahead`].
    pub ahead: u64,
    /// Tags forgotten after their absence.
    pub forgotten: u64,
}

/// Turns reads into movements. What it says is a function of the settings, the reads and the ticks.
///
/// Memory is bounded by [`Settings::tags_max`] times the antennas that hear a tag; a read of a known tag at an antenna that
/// heard it before allocates nothing.
///
/// ```
/// use intake::rfid::{Antenna, Kind, Read, Settings, Smoother, Tag, Timestamp};
/// let settings = Settings { antennas: vec![Antenna::Zone(7)], ..Settings::default() };
/// let mut smoother = Smoother::new(settings).expect("settings that can be used");
/// let mut movements = Vec::new();
/// for step in 0..60 {
///     let now = Timestamp(step * 50_000);
///     smoother.tick(now, &mut movements);
///     smoother.read(&Read { tag: Tag::from(1), antenna: 0, seen_at: now, rssi: -5_000 }).expect("room");
/// }
/// assert_eq!(movements[0].kind, Kind::Arrived);
/// assert_eq!(movements[0].to, Some(7));
/// assert_eq!(movements[0].occurred_at, Timestamp(0), "when it came, not when that was clear");
/// ```
#[derive(Clone, Debug)]
pub struct Smoother {
    pub(super) settings: Settings,
    log_inverse: u64,
    pub(super) tags: Vec<TagState>,
    free: Vec<u32>,
    index: HashTable<u32>,
    hasher: FixedState,
    /// The last epoch that was judged; `i64::MIN` before the first read or tick.
    pub(super) closed: i64,
    /// The newest epoch with a read.
    read_epoch: i64,
    pub(super) tallies: Tallies,
}

impl Smoother {
    /// A smoother that has heard nothing.
    ///
    /// # Errors
    /// The first setting that cannot be used.
    pub fn new(settings: Settings) -> Result<Self, SettingsError> {
        settings.check()?;
        Ok(Self {
            log_inverse: window::log_inverse_micros(settings.delta_permille),
            settings,
            tags: Vec::new(),
            free: Vec::new(),
            index: HashTable::new(),
            hasher: FixedState::with_seed(0),
            closed: i64::MIN,
            read_epoch: i64::MIN,
            tallies: Tallies::default(),
        })
    }

    /// The settings.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Counts since the start, kept over [`save`](Self::save) and [`load`](Self::load).
    pub fn tallies(&self) -> Tallies {
        self.tallies
    }

    /// How many tags are tracked.
    pub fn tags(&self) -> usize {
        self.index.len()
    }

    /// Takes a read.
    ///
    /// Reads of the open epochs may come in any order. The first read or tick says where time begins.
    ///
    /// # Errors
    /// In this order: [`ReadError::UnknownAntenna`]; [`ReadError::Ahead`]; [`ReadError::Full`]. A refused read is
    /// counted and changes nothing else; after `Ahead` and `Full` it may be offered again.
    pub fn read(&mut self, read: &Read) -> Result<Taken, ReadError> {
        let Read { tag, antenna, seen_at, rssi } = *read;
        if usize::from(antenna) >= self.settings.antennas.len() {
            self.tallies.unknown_antenna += 1;
            return Err(ReadError::UnknownAntenna { antenna, antennas: self.settings.antennas.len() });
        }
        let epoch = seen_at.0.div_euclid(self.settings.epoch_micros);
        if self.closed == i64::MIN {
            self.closed = epoch.saturating_sub(i64::from(self.settings.late_epochs) + 1);
        }
        if epoch <= self.closed {
            self.tallies.late += 1;
            return Ok(Taken::Late);
        }
        if epoch.saturating_sub(self.closed) > i64::from(OPEN_EPOCHS) {
            self.tallies.ahead += 1;
            let open_until =
                self.closed.saturating_add(i64::from(OPEN_EPOCHS) + 1).saturating_mul(self.settings.epoch_micros);
            return Err(ReadError::Ahead { seen_at: seen_at.0, open_until });
        }
        let offset =
            u32::try_from(seen_at.0.rem_euclid(self.settings.epoch_micros)).expect("an epoch is at most an hour");
        let slot = self.slot(tag, epoch)?;
        let state = &mut self.tags[slot];
        state.read_epoch = state.read_epoch.max(epoch);
        state.read_at = state.read_at.max(seen_at.0);
        state.track(antenna).take(epoch, offset, rssi);
        self.read_epoch = self.read_epoch.max(epoch);
        self.tallies.reads += 1;
        Ok(Taken::Counted)
    }

    /// The place of a tag, made at its first read.
    fn slot(&mut self, tag: Tag, epoch: i64) -> Result<usize, ReadError> {
        let hash = self.hasher.hash_one(tag);
        if let Some(&slot) = self.index.find(hash, |&slot| self.tags[place(slot)].tag == tag) {
            return Ok(place(slot));
        }
        let tags_max = self.settings.tags_max;
        if self.index.len() >= place(tags_max) {
            self.tallies.full += 1;
            return Err(ReadError::Full { tag, tags_max });
        }
        let slot = match self.free.pop() {
            Some(slot) => {
                let tracks = std::mem::take(&mut self.tags[place(slot)].tracks);
                self.tags[place(slot)] = TagState::new(tag, epoch, tracks);
                slot
            }
            None => {
                self.tags.push(TagState::new(tag, epoch, Vec::new()));
                u32::try_from(self.tags.len() - 1).expect("at most tags_max")
            }
        };
        let (tags, hasher) = (&self.tags, &self.hasher);
        self.index.insert_unique(hash, slot, |&slot| hasher.hash_one(tags[place(slot)].tag));
        Ok(place(slot))
    }

    /// Says what time it is: judges every epoch that ended `late_epochs` before, and appends what that decided to `out`,
    /// by the time of decision, then tag, then kind. A time before the last one changes nothing.
    pub fn tick(&mut self, now: Timestamp, out: &mut Vec<Inference>) {
        let epoch = now.0.div_euclid(self.settings.epoch_micros);
        let target = epoch.saturating_sub(i64::from(self.settings.late_epochs) + 1);
        if self.closed == i64::MIN {
            self.closed = target;
            return;
        }
        let begin = out.len();
        while self.closed < target {
            // once no count is left, the epochs in between are all the same
            let is_quiet = self.closed.saturating_sub(self.read_epoch) > i64::try_from(RING).expect("small");
            self.closed = if is_quiet { target } else { self.closed + 1 };
            self.close(Moment::new(self.closed, &self.settings), out);
        }
        let rank = |inference: &Inference| (inference.decided_at, inference.tag, inference.kind, inference.portal);
        out[begin..].sort_by_key(rank);
    }

    fn close(&mut self, moment: Moment, out: &mut Vec<Inference>) {
        let settings = &self.settings;
        for slot in 0..self.tags.len() {
            let tag = &mut self.tags[slot];
            if tag.read_epoch == i64::MIN {
                continue;
            }
            if !tag.is_quiet(moment.epoch) {
                zone::lapse(tag, settings, moment);
                passage::lapse(tag, settings, moment);
                for track in &mut tag.tracks {
                    track.close(moment.epoch, settings, self.log_inverse);
                }
                zone::judge(tag, settings, moment, out);
                passage::judge(tag, settings, moment, out);
            } else if moment.end.saturating_sub(tag.read_at) > settings.forget_micros {
                tag.read_epoch = i64::MIN;
                tag.tracks.clear();
                let (tag, slot) = (tag.tag, u32::try_from(slot).expect("at most tags_max"));
                let entry = self.index.find_entry(self.hasher.hash_one(tag), |&other| other == slot);
                entry.expect("a tracked tag is in the index").remove();
                self.free.push(slot);
                self.tallies.forgotten += 1;
            }
        }
    }

    /// Puts back a tag of an image.
    pub(super) fn restore(&mut self, state: TagState) -> Result<(), ReadError> {
        let (tag, epoch) = (state.tag, state.read_epoch);
        let slot = self.slot(tag, epoch)?;
        self.read_epoch = self.read_epoch.max(epoch);
        self.tags[slot] = state;
        Ok(())
    }
}

fn place(slot: u32) -> usize {
    usize::try_from(slot).expect("32 bits fit")
}

/// Why reads could not be judged again.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RejudgeError {
    /// The settings cannot be used.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// A read cannot be taken under them.
    #[error(transparent)]
    Read(#[from] ReadError),
}

/// Judges the same reads again, from nothing, under other settings; in any order, with no read too late.
///
/// It ticks with each read and, at the end, until every window is empty.
///
/// # Errors
/// Settings that cannot be used, or a read that they have no antenna or place for.
pub fn rejudge(reads: &[Read], settings: Settings) -> Result<Vec<Inference>, RejudgeError> {
    let mut smoother = Smoother::new(settings)?;
    let mut ordered: Vec<&Read> = reads.iter().collect();
    ordered.sort_by_key(|read| (read.seen_at, read.tag, read.antenna, read.rssi));
    let mut out = Vec::new();
    for read in &ordered {
        smoother.tick(read.seen_at, &mut out);
        smoother.read(read)?;
    }
    if let Some(last) = ordered.last() {
        let epochs = i64::try_from(RING).expect("small") + i64::from(OPEN_EPOCHS) + 2;
        smoother.tick(last.seen_at.plus(epochs * smoother.settings.epoch_micros), &mut out);
    }
    Ok(out)
}

/// The tracks of a tag, in the order of their antennas, as images keep them.
pub(super) fn in_order(tracks: &[Track]) -> Vec<&Track> {
    let mut ordered: Vec<&Track> = tracks.iter().collect();
    ordered.sort_unstable_by_key(|track| track.antenna);
    ordered
}
