//! Zones: where a tag is heard strongest, for long enough.

use super::inference::{Inference, Kind};
use super::settings::Settings;
use super::sums::Sums;
use super::tag::{Candidate, Moment, TagState};
use super::window;
use ledger::Timestamp;

/// Judges an epoch, after its tracks were closed.
pub(super) fn judge(tag: &mut TagState, settings: &Settings, moment: Moment, out: &mut Vec<Inference>) {
    match strongest(tag, settings) {
        Some((zone, _)) if tag.zone == Some(zone) => {
            tag.zone_is_heard = true;
            tag.candidate = None;
            forget(tag, settings, |other| other != zone);
        }
        Some((zone, strength)) => {
            let is_near = strength >= i32::from(settings.signal_floor);
            let candidate = candidate_for(tag, settings, moment, zone, is_near);
            consider(tag, settings, moment, candidate, out);
        }
        None => {
            if let Some(zone) = tag.zone.take_if(|_| tag.zone_is_heard) {
                tag.zone_is_heard = false;
                depart(tag, settings, moment, zone, out);
            }
            report_ghost(tag, settings, moment, out);
        }
    }
}

/// Drops a candidate that nothing supported in time, and its reads. Comes before the epoch's own reads are added.
pub(super) fn lapse(tag: &mut TagState, settings: &Settings, moment: Moment) {
    let is_over =
        |candidate: &mut Candidate| moment.start.saturating_sub(candidate.heard_at) > settings.quarantine_micros;
    if let Some(candidate) = tag.candidate.take_if(is_over) {
        forget(tag, settings, |zone| zone == candidate.zone);
    }
}

/// The zone that hears the tag strongest, and how strongly; the one that it is in keeps it unless another is stronger by the
/// hysteresis.
fn strongest(tag: &TagState, settings: &Settings) -> Option<(u16, i32)> {
    let heard = || {
        tag.tracks
            .iter()
            .filter(|track| track.present)
            .filter_map(|track| Some((track.strength, settings.zone(track.antenna)?)))
    };
    let (strength, zone) = heard().max_by_key(|(strength, zone)| (*strength, u16::MAX - zone))?;
    let here = heard().filter(|(_, zone)| tag.zone == Some(*zone)).map(|(strength, _)| strength).max();
    match (tag.zone, here) {
        (Some(own), Some(here)) if strength <= here.saturating_add(i32::from(settings.hysteresis)) => Some((own, here)),
        _ => Some((zone, strength)),
    }
}

/// What the tag is a candidate of now.
fn candidate_for(tag: &mut TagState, settings: &Settings, moment: Moment, zone: u16, is_near: bool) -> Candidate {
    if let Some(other) = tag.candidate.take_if(|candidate| candidate.zone != zone) {
        forget(tag, settings, |zone| zone == other.zone);
    }
    let new = Candidate { zone, since: moment.start, heard_at: moment.end, is_near, is_ghost: false };
    let candidate = tag.candidate.get_or_insert(new);
    candidate.heard_at = moment.end;
    if !candidate.is_near {
        // on its way: it is there from when it reaches the floor
        candidate.since = moment.start;
        candidate.is_near = is_near;
    }
    *candidate
}

/// Lets the candidate arrive if there is enough for it.
fn consider(tag: &mut TagState, settings: &Settings, moment: Moment, candidate: Candidate, out: &mut Vec<Inference>) {
    let zone = candidate.zone;
    let evidence = tag.evidence(settings, |track| settings.zone(track.antenna) == Some(zone));
    let epochs = epochs_of(tag, settings, zone);
    let came_at = evidence.first_read_at.0.max(candidate.since);
    let is_enough = candidate.is_near
        && evidence.reads >= settings.reads_min
        && epochs >= settings.epochs_min
        && evidence.best_rssi >= settings.signal_floor
        && evidence.last_read_at.0.saturating_sub(came_at) >= settings.dwell_micros;
    if !is_enough {
        return;
    }
    tag.candidate = None;
    let from = tag.zone.take();
    if let Some(from) = from.filter(|_| tag.zone_is_heard) {
        depart(tag, settings, moment, from, out);
    }
    let others =
        tag.evidence(settings, |track| settings.zone(track.antenna).is_some_and(|zone| from != Some(zone))).reads;
    let share = u64::from(evidence.reads) * 1_000 / u64::from(others.max(1));
    let sure = 1_000 - (1_000_u64 >> epochs.min(32));
    tag.zone = Some(zone);
    tag.zone_is_heard = true;
    out.push(Inference {
        tag: tag.tag,
        kind: Kind::Arrived,
        from,
        to: Some(zone),
        portal: None,
        occurred_at: Timestamp(came_at),
        decided_at: Timestamp(moment.end),
        confidence_permille: u16::try_from(share * sure / 1_000).expect("at most a thousand"),
        promoted: candidate.is_ghost,
        evidence,
    });
}

fn depart(tag: &mut TagState, settings: &Settings, moment: Moment, zone: u16, out: &mut Vec<Inference>) {
    let evidence = tag.evidence(settings, |track| settings.zone(track.antenna) == Some(zone));
    let here = tag.tracks.iter().filter(|track| settings.zone(track.antenna) == Some(zone));
    let sure = here.map(|track| window::inclusion_permille(track.window, track.rate)).max().unwrap_or(0);
    out.push(Inference {
        tag: tag.tag,
        kind: Kind::Departed,
        from: Some(zone),
        to: None,
        portal: None,
        occurred_at: evidence.last_read_at,
        decided_at: Timestamp(moment.end),
        confidence_permille: sure,
        promoted: false,
        evidence,
    });
    forget(tag, settings, |other| other == zone);
}

/// Reports a candidate that is not heard any more, once; its reads are kept for the quarantine.
fn report_ghost(tag: &mut TagState, settings: &Settings, moment: Moment, out: &mut Vec<Inference>) {
    let Some(candidate) = tag.candidate.as_mut().filter(|candidate| !candidate.is_ghost) else { return };
    candidate.is_ghost = true;
    let zone = candidate.zone;
    let evidence = tag.evidence(settings, |track| settings.zone(track.antenna) == Some(zone));
    let epochs = epochs_of(tag, settings, zone);
    out.push(Inference {
        tag: tag.tag,
        kind: Kind::Ghost,
        from: None,
        to: Some(zone),
        portal: None,
        occurred_at: evidence.first_read_at,
        decided_at: Timestamp(moment.end),
        confidence_permille: 1_000 >> epochs.min(10).saturating_sub(1),
        promoted: false,
        evidence,
    });
}

/// Lets go of the reads of some zones: they were decided about, lost to a stronger zone, or are too old.
fn forget(tag: &mut TagState, settings: &Settings, chosen: impl Fn(u16) -> bool) {
    for track in tag.tracks.iter_mut().filter(|track| settings.zone(track.antenna).is_some_and(&chosen)) {
        track.sums = Sums::default();
    }
}

/// In how many epochs the antenna that heard the tag most often in a zone did so.
fn epochs_of(tag: &TagState, settings: &Settings, zone: u16) -> u32 {
    let here = tag.tracks.iter().filter(|track| settings.zone(track.antenna) == Some(zone));
    here.map(|track| track.sums.epochs).max().unwrap_or(0)
}
