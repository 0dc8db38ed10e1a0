//! Saving a smoother and loading it, so that a restart goes on where it was.
//!
//! Canonical like the ledger's images: tags in the order of their codes, so that equal smoothers have equal images.

use super::inference::Tag;
use super::settings::{OPEN_EPOCHS, Settings, SettingsError};
use super::smoother::{ReadError, Smoother, Tallies, in_order};
use super::sums::{Cell, Sums};
use super::tag::{Candidate, Stay, TagState};
use super::track::{RING, Track};
use super::window::{Rate, WINDOW_EPOCHS_MAX};
use ledger::{ImageError, Sink, Source};

/// The layout of a smoother's image; changes with every change of what [`Smoother::save`] writes.
pub const SMOOTHER_IMAGE_VERSION: u32 = 1;

/// Why an image could not be loaded. The remedy is to begin with an empty smoother, which relearns within a window.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LoadError {
    /// The settings cannot be used.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// It was written by another version.
    #[error("smoother image of version {found}, not {SMOOTHER_IMAGE_VERSION}; begin with an empty smoother")]
    Version {
        /// The version that it says.
        found: u32,
    },
    /// It was saved under another length of epochs.
    #[error(
        "smoother image with epochs of {saved} µs, not {set}; set epoch_micros back or begin with an empty smoother"
    )]
    OtherEpochs {
        /// The length in the image.
        saved: i64,
        /// The length in the settings.
        set: i64,
    },
    /// It ends early or holds what no smoother saves.
    #[error("smoother image cannot be used; begin with an empty smoother")]
    Image(#[source] ImageError),
    /// It holds a tag twice, or more tags than the settings allow.
    #[error("smoother image holds tags that do not fit")]
    Tags(#[source] ReadError),
}

impl From<ImageError> for LoadError {
    fn from(error: ImageError) -> Self {
        Self::Image(error)
    }
}

impl Smoother {
    /// Writes everything but the settings.
    pub fn save(&self, into: &mut impl Sink) {
        into.put_u32(SMOOTHER_IMAGE_VERSION);
        into.put_i64(self.settings.epoch_micros);
        into.put_i64(self.closed);
        let Tallies { reads, late, full, unknown_antenna, ahead, forgotten } = self.tallies;
        for tally in [reads, late, full, unknown_antenna, ahead, forgotten] {
            into.put_u64(tally);
        }
        let mut tags: Vec<&TagState> = self.tags.iter().filter(|tag| tag.read_epoch != i64::MIN).collect();
        tags.sort_unstable_by_key(|tag| tag.tag);
        into.put_length(tags.len());
        for tag in tags {
            put_tag(into, tag);
        }
    }

    /// A smoother as it was saved, under settings whose antennas have kept their places. Tracks of antennas that are gone
    /// are left out.
    ///
    /// # Errors
    /// In this order: settings that cannot be used, another version, other epochs, an image that is damaged.
    pub fn load(settings: Settings, from: &mut impl Source) -> Result<Self, LoadError> {
        let mut smoother = Self::new(settings)?;
        match from.take_u32()? {
            SMOOTHER_IMAGE_VERSION => {}
            found => return Err(LoadError::Version { found }),
        }
        let (saved, set) = (from.take_i64()?, smoother.settings.epoch_micros);
        if saved != set {
            return Err(LoadError::OtherEpochs { saved, set });
        }
        smoother.closed = from.take_i64()?;
        let mut tallies = [0; 6];
        for tally in &mut tallies {
            *tally = from.take_u64()?;
        }
        let mut last: Option<Tag> = None;
        for _ in 0..from.take_length()? {
            let state = take_tag(from, &smoother)?;
            if last.is_some_and(|last| last >= state.tag) {
                return Err(ImageError::Damaged("the order of tags").into());
            }
            last = Some(state.tag);
            smoother.restore(state).map_err(LoadError::Tags)?;
        }
        let [reads, late, full, unknown_antenna, ahead, forgotten] = tallies;
        smoother.tallies = Tallies { reads, late, full, unknown_antenna, ahead, forgotten };
        Ok(smoother)
    }
}

fn put_tag(into: &mut impl Sink, tag: &TagState) {
    into.put_length(tag.tag.code().len());
    into.put(tag.tag.code());
    into.put_i64(tag.read_epoch);
    into.put_i64(tag.read_at);
    into.put_option(tag.zone, |into, zone| into.put_u32(u32::from(zone)));
    into.put_u8(u8::from(tag.zone_is_heard));
    into.put_option(tag.candidate, |into, Candidate { zone, since, heard_at, is_near, is_ghost }| {
        into.put_u32(u32::from(zone));
        into.put_i64(since);
        into.put_i64(heard_at);
        into.put_u8(u8::from(is_near));
        into.put_u8(u8::from(is_ghost));
    });
    into.put_option(tag.stay, |into, Stay { since, heard_at, settled_at, is_ghost, is_quarantined }| {
        into.put_i64(since);
        into.put_i64(heard_at);
        into.put_option(settled_at, |into, at| into.put_i64(at));
        into.put_u8(u8::from(is_ghost));
        into.put_u8(u8::from(is_quarantined));
    });
    into.put_i64(tag.passed_at);
    into.put_length(tag.tracks.len());
    for track in in_order(&tag.tracks) {
        put_track(into, track);
    }
}

fn take_tag(from: &mut impl Source, smoother: &Smoother) -> Result<TagState, ImageError> {
    let mut code = [0; 31];
    let length = from.take_length()?;
    let code = code.get_mut(..length).ok_or(ImageError::Damaged("a tag's code"))?;
    from.take(code)?;
    let tag = Tag::new(code).ok_or(ImageError::Damaged("a tag's code"))?;
    let read_epoch = from.take_i64()?;
    if read_epoch == i64::MIN || read_epoch.saturating_sub(smoother.closed) > i64::from(OPEN_EPOCHS) {
        return Err(ImageError::Damaged("a tag's newest epoch"));
    }
    let mut state = TagState::new(tag, read_epoch, Vec::new());
    state.read_at = from.take_i64()?;
    state.zone = from.take_option(take_u16)?;
    state.zone_is_heard = from.take_bool()?;
    state.candidate = from.take_option(|from| {
        let (zone, since, heard_at) = (take_u16(from)?, from.take_i64()?, from.take_i64()?);
        Ok(Candidate { zone, since, heard_at, is_near: from.take_bool()?, is_ghost: from.take_bool()? })
    })?;
    state.stay = from.take_option(|from| {
        let (since, heard_at, settled_at) = (from.take_i64()?, from.take_i64()?, from.take_option(Source::take_i64)?);
        Ok(Stay { since, heard_at, settled_at, is_ghost: from.take_bool()?, is_quarantined: from.take_bool()? })
    })?;
    state.passed_at = from.take_i64()?;
    let tracks = from.take_list(take_track)?;
    if !tracks.is_sorted_by(|one, next| one.antenna < next.antenna) {
        return Err(ImageError::Damaged("the order of antennas"));
    }
    let antennas = smoother.settings.antennas.len();
    state.tracks = tracks.into_iter().filter(|track| usize::from(track.antenna) < antennas).collect();
    Ok(state)
}

fn put_track(into: &mut impl Sink, track: &Track) {
    into.put_u32(u32::from(track.antenna));
    into.put_u8(track.window);
    into.put_u8(u8::from(track.present));
    into.put_u8(track.age);
    into.put(&track.strength.to_le_bytes());
    into.put_u32(track.rate.reads);
    into.put_u32(track.rate.chances);
    for cell in &track.cells {
        into.put_u32(cell.first);
        into.put_u32(cell.last);
        into.put(&cell.reads.to_le_bytes());
        into.put(&cell.peak.to_le_bytes());
    }
    into.put(&track.counts);
    let Sums { first_at, last_at, reads, epochs, best, best_at, weight, moment, square } = track.sums;
    into.put_i64(first_at);
    into.put_i64(last_at);
    into.put_u32(reads);
    into.put_u32(epochs);
    into.put(&best.to_le_bytes());
    into.put_i64(best_at);
    for sum in [weight, moment, square] {
        into.put_i128(sum);
    }
}

fn take_track(from: &mut impl Source) -> Result<Track, ImageError> {
    let mut track = Track::new(take_u16(from)?);
    track.window = from.take_u8()?;
    if !(1..=WINDOW_EPOCHS_MAX).contains(&track.window) {
        return Err(ImageError::Damaged("a window"));
    }
    track.present = from.take_bool()?;
    track.age = from.take_u8()?;
    track.strength = i32::from_le_bytes(from.take_array()?);
    track.rate = Rate { reads: from.take_u32()?, chances: from.take_u32()? };
    for cell in &mut track.cells {
        let (first, last) = (from.take_u32()?, from.take_u32()?);
        let reads = u16::from_le_bytes(from.take_array()?);
        *cell = Cell { first, last, reads, peak: i16::from_le_bytes(from.take_array()?) };
    }
    track.counts = from.take_array::<RING>()?;
    track.sums = take_sums(from)?;
    Ok(track)
}

fn take_sums(from: &mut impl Source) -> Result<Sums, ImageError> {
    let (first_at, last_at) = (from.take_i64()?, from.take_i64()?);
    let (reads, epochs) = (from.take_u32()?, from.take_u32()?);
    let best = i16::from_le_bytes(from.take_array()?);
    let best_at = from.take_i64()?;
    let (weight, moment, square) = (from.take_i128()?, from.take_i128()?, from.take_i128()?);
    // as far as sums of real times go, so that no later arithmetic leaves its range
    let is_sound = |sum: i128| (0..1 << 110).contains(&sum);
    if ![weight, moment, square].into_iter().all(is_sound) || first_at > last_at {
        return Err(ImageError::Damaged("the sums of an antenna"));
    }
    Ok(Sums { first_at, last_at, reads, epochs, best, best_at, weight, moment, square })
}

fn take_u16(from: &mut impl Source) -> Result<u16, ImageError> {
    u16::try_from(from.take_u32()?).map_err(|_| ImageError::Damaged("a number of 16 bits"))
}
