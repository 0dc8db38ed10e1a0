//! All that is known of one tag.

use super::inference::{Evidence, Tag};
use super::settings::Settings;
use super::track::{RING, Track};
use ledger::Timestamp;

/// A zone that the tag may have come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Candidate {
    pub(super) zone: u16,
    /// The start of the epoch in which it became that, or reached the floor.
    pub(super) since: i64,
    /// When it was last heard there; the end of an epoch.
    pub(super) heard_at: i64,
    /// Whether it was heard above the floor.
    pub(super) is_near: bool,
    /// Whether it was reported as a ghost.
    pub(super) is_ghost: bool,
}

/// A stay at portals.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stay {
    /// The start of the epoch in which it began.
    pub(super) since: i64,
    /// When the tag was last there; the end of an epoch.
    pub(super) heard_at: i64,
    /// Since when only one side has heard it, after both had; the end of an epoch.
    pub(super) settled_at: Option<i64>,
    /// Whether it was reported as a ghost, or follows a passage so soon that it is not worth a report.
    pub(super) is_ghost: bool,
    /// Whether a decision must wait for a better stay.
    pub(super) is_quarantined: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct TagState {
    pub(super) tag: Tag,
    /// The newest epoch with a read; `i64::MIN` for a slot that is free.
    pub(super) read_epoch: i64,
    /// The newest read.
    pub(super) read_at: i64,
    pub(super) tracks: Vec<Track>,
    /// Where it is.
    pub(super) zone: Option<u16>,
    /// Whether the zone's own antennas say so, so that their silence is a departure.
    pub(super) zone_is_heard: bool,
    pub(super) candidate: Option<Candidate>,
    pub(super) stay: Option<Stay>,
    /// The end of the last passage.
    pub(super) passed_at: i64,
}

/// The epoch under judgement.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moment {
    pub(super) epoch: i64,
    pub(super) start: i64,
    pub(super) end: i64,
}

impl Moment {
    pub(super) fn new(epoch: i64, settings: &Settings) -> Self {
        let start = epoch.saturating_mul(settings.epoch_micros);
        Self { epoch, start, end: start.saturating_add(settings.epoch_micros) }
    }
}

impl TagState {
    pub(super) fn new(tag: Tag, epoch: i64, tracks: Vec<Track>) -> Self {
        Self {
            tag,
            read_epoch: epoch,
            read_at: i64::MIN,
            tracks,
            zone: None,
            zone_is_heard: false,
            candidate: None,
            stay: None,
            passed_at: i64::MIN,
        }
    }

    /// The track of an antenna, made at its first read.
    pub(super) fn track(&mut self, antenna: u16) -> &mut Track {
        let place = self.tracks.iter().position(|track| track.antenna == antenna).unwrap_or_else(|| {
            self.tracks.push(Track::new(antenna));
            self.tracks.len() - 1
        });
        &mut self.tracks[place]
    }

    /// Whether nothing can change but by a new read: all its counts are zero.
    pub(super) fn is_quiet(&self, epoch: i64) -> bool {
        epoch.saturating_sub(self.read_epoch) > i64::try_from(RING).expect("small")
    }

    /// What tracks that are chosen add up to.
    pub(super) fn evidence(&self, settings: &Settings, chosen: impl Fn(&Track) -> bool) -> Evidence {
        let mut evidence = Evidence::default();
        let mut strongest: Option<&Track> = None;
        for track in self.tracks.iter().filter(|track| chosen(track) && !track.sums.is_empty()) {
            let sums = &track.sums;
            let (first_at, last_at) = (Timestamp(sums.first_at), Timestamp(sums.last_at));
            if strongest.is_none() {
                (evidence.first_read_at, evidence.last_read_at) = (first_at, last_at);
            }
            evidence.first_read_at = evidence.first_read_at.min(first_at);
            evidence.last_read_at = evidence.last_read_at.max(last_at);
            evidence.reads = evidence.reads.saturating_add(sums.reads);
            evidence.antennas.push((track.antenna, sums.reads));
            let rank = |track: &Track| (track.sums.best, track.sums.reads, u16::MAX - track.antenna);
            if strongest.is_none_or(|best| rank(best) < rank(track)) {
                strongest = Some(track);
            }
        }
        evidence.antennas.sort_unstable_by_key(|(antenna, reads)| (u32::MAX - reads, *antenna));
        evidence.antennas.truncate(4);
        if let Some(track) = strongest {
            evidence.window_micros = i64::from(track.window).saturating_mul(settings.epoch_micros);
            evidence.read_rate_permille = track.rate.permille();
            evidence.best_rssi = track.sums.best;
        }
        evidence
    }
}
