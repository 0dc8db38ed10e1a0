//! Portals: which way a tag went through a door that listens on both sides.
//!
//! A stay begins when a portal's antenna hears the tag and ends when none does. The side whose reads, weighted by their
//! power, lie earlier is the one that it came from. If the sides are not apart in time, or one of them heard nothing
//! that counts, there was no passage; a stay that was only too thin is kept for a while and joined to the next.

use super::inference::{Evidence, Inference, Kind};
use super::settings::{Settings, Side};
use super::sums::Sums;
use super::tag::{Moment, Stay, TagState};
use ledger::Timestamp;

/// How many standard deviations lie between the centroids of the sides of a passage, at least, in tenths.
///
/// Around a tag that stands still the sides' centroids differ by chance, by less than the spread of either. For one that
/// walks past two antennas they lie one to three deviations apart; 0.8 is what is called a large effect.
///
/// # Source
/// J. Cohen, "Statistical Power Analysis for the Behavioral Sciences", 2nd ed. 1988, section 2.2.4 (d = 0.8).
const EFFECT_TENTHS_MIN: i128 = 8;

/// What the two sides of a portal heard.
struct Sides {
    portal: u16,
    outside: Sums,
    inside: Sums,
}

/// Which way, when and how surely.
struct Passage {
    portal: u16,
    is_inwards: bool,
    at: i64,
    confidence_permille: u16,
}

/// Drops a stay that nothing completed in time, and its reads. Comes before the epoch's own reads are added.
pub(super) fn lapse(tag: &mut TagState, settings: &Settings, moment: Moment) {
    let is_over = |stay: &mut Stay| moment.start.saturating_sub(stay.heard_at) > settings.quarantine_micros;
    if tag.stay.take_if(is_over).is_some() {
        forget(tag, settings);
    }
}

/// Judges an epoch, after its tracks were closed.
pub(super) fn judge(tag: &mut TagState, settings: &Settings, moment: Moment, out: &mut Vec<Inference>) {
    let (outside, inside) = (is_heard(tag, settings, Side::Outside), is_heard(tag, settings, Side::Inside));
    if outside || inside {
        let follows_passage = moment.start.saturating_sub(tag.passed_at) <= settings.quarantine_micros;
        let new = Stay {
            since: moment.start,
            heard_at: moment.end,
            settled_at: None,
            is_ghost: follows_passage,
            is_quarantined: false,
        };
        let stay = tag.stay.get_or_insert(new);
        stay.heard_at = moment.end;
        stay.is_quarantined = false;
        stay.settled_at = if outside && inside { None } else { stay.settled_at.or(Some(moment.end)) };
        let stay = *stay;
        let settled = stay.settled_at.is_some_and(|at| moment.end.saturating_sub(at) >= settings.settle_micros);
        let patience = if outside && inside { 4 } else { 1 };
        let is_long = moment.end.saturating_sub(stay.since) > settings.passage_micros_max.saturating_mul(patience);
        if settled && let Some(passage) = direction(tag, settings) {
            conclude(tag, settings, moment, &passage, out);
        } else if is_long {
            decide(tag, settings, moment, out);
            forget(tag, settings);
            tag.stay = tag.stay.map(|stay| Stay { since: moment.end, ..stay });
        }
    } else if tag.stay.is_some_and(|stay| !stay.is_quarantined) {
        decide(tag, settings, moment, out);
    }
}

fn is_heard(tag: &TagState, settings: &Settings, side: Side) -> bool {
    tag.tracks.iter().any(|track| track.present && settings.side(track.antenna).is_some_and(|(_, at)| at == side))
}

/// Ends a stay: as a passage, or as a ghost whose reads are kept.
fn decide(tag: &mut TagState, settings: &Settings, moment: Moment, out: &mut Vec<Inference>) {
    if let Some(passage) = direction(tag, settings) {
        return conclude(tag, settings, moment, &passage, out);
    }
    let portal = loudest(tag, settings).map(|sides| sides.portal);
    let evidence = evidence(tag, settings, portal);
    let Some(stay) = tag.stay.as_mut() else { return };
    stay.is_quarantined = true;
    if std::mem::replace(&mut stay.is_ghost, true) || evidence.reads == 0 {
        return;
    }
    let epochs = evidence.reads.min(10);
    out.push(Inference {
        tag: tag.tag,
        kind: Kind::Ghost,
        from: None,
        to: None,
        portal,
        occurred_at: evidence.first_read_at,
        decided_at: Timestamp(moment.end),
        confidence_permille: 1_000 >> epochs.saturating_sub(1),
        promoted: false,
        evidence,
    });
}

fn conclude(tag: &mut TagState, settings: &Settings, moment: Moment, passage: &Passage, out: &mut Vec<Inference>) {
    let portal = settings.portals[usize::from(passage.portal)];
    let (kind, from, to) = match passage.is_inwards {
        true => (Kind::PassedIn, portal.outside, portal.inside),
        false => (Kind::PassedOut, portal.inside, portal.outside),
    };
    let promoted = tag.stay.is_some_and(|stay| stay.is_ghost)
        && tag.passed_at < moment.start.saturating_sub(settings.quarantine_micros);
    out.push(Inference {
        tag: tag.tag,
        kind,
        from: Some(from),
        to: Some(to),
        portal: Some(passage.portal),
        occurred_at: Timestamp(passage.at),
        decided_at: Timestamp(moment.end),
        confidence_permille: passage.confidence_permille,
        promoted,
        evidence: evidence(tag, settings, Some(passage.portal)),
    });
    if tag.zone != Some(to) {
        (tag.zone, tag.zone_is_heard) = (Some(to), false);
    }
    tag.passed_at = moment.end;
    tag.stay = None;
    forget(tag, settings);
}

fn evidence(tag: &TagState, settings: &Settings, portal: Option<u16>) -> Evidence {
    tag.evidence(settings, |track| settings.side(track.antenna).is_some_and(|(at, _)| Some(at) == portal))
}

/// The portal that heard most: neighbours hear a passage too, but weaker.
fn loudest(tag: &TagState, settings: &Settings) -> Option<Sides> {
    let mut portals: smallvec::SmallVec<[Sides; 4]> = smallvec::SmallVec::new();
    for track in tag.tracks.iter().filter(|track| !track.sums.is_empty()) {
        let Some((portal, side)) = settings.side(track.antenna) else { continue };
        let place = portals.iter().position(|sides| sides.portal == portal).unwrap_or_else(|| {
            portals.push(Sides { portal, outside: Sums::default(), inside: Sums::default() });
            portals.len() - 1
        });
        let sums = match side {
            Side::Outside => &mut portals[place].outside,
            Side::Inside => &mut portals[place].inside,
        };
        *sums = sums.with(&track.sums);
    }
    let rank = |sides: &Sides| (sides.outside.weight.saturating_add(sides.inside.weight), u16::MAX - sides.portal);
    portals.into_iter().max_by_key(rank)
}

/// Whether the tag went through, and which way.
fn direction(tag: &TagState, settings: &Settings) -> Option<Passage> {
    let Sides { portal, outside, inside } = loudest(tag, settings)?;
    let counts = |sums: &Sums| {
        sums.reads >= settings.reads_min && sums.epochs >= settings.epochs_min && sums.best >= settings.signal_floor
    };
    if !counts(&outside) || !counts(&inside) {
        return None;
    }
    let apart = inside.centroid().saturating_sub(outside.centroid());
    let peaks_apart = inside.best_at.saturating_sub(outside.best_at);
    if apart.saturating_abs() < settings.separation_micros_min || apart.signum() * peaks_apart.signum() < 0 {
        return None;
    }
    // d = apart / sqrt((var + var) / 2), squared; an epoch's own length spreads a centroid by a twelfth of its square
    let epoch = i128::from(settings.epoch_micros / 1_000);
    let millis = i128::from(apart / 1_000);
    let (outside_variance, inside_variance) =
        (outside.variance().saturating_add(epoch * epoch / 12), inside.variance().saturating_add(epoch * epoch / 12));
    if 200 * millis * millis
        < outside_variance.saturating_add(inside_variance).saturating_mul(EFFECT_TENTHS_MIN * EFFECT_TENTHS_MIN)
    {
        return None;
    }
    let sure = order_permille(millis, outside_variance, outside.epochs, inside_variance, inside.epochs);
    let at = outside.centroid().midpoint(inside.centroid());
    Some(Passage { portal, is_inwards: apart > 0, at, confidence_permille: sure })
}

/// The probability, in thousandths, that two means which lie `apart` have this order: the normal distribution at
/// `z = apart / sqrt(var_1/n_1 + var_2/n_2)`.
///
/// # Source
/// Welch's statistic; the normal distribution by the complementary error function, NIST DLMF 7.18 and 7.2.2.
fn order_permille(apart: i128, first_variance: i128, first: u32, second_variance: i128, second: u32) -> u16 {
    let variance = first_variance as f64 / f64::from(first.max(1)) + second_variance as f64 / f64::from(second.max(1));
    let z = apart.unsigned_abs() as f64 / libm::sqrt(variance.max(1.0));
    let probability = 1.0 - 0.5 * libm::erfc(z / core::f64::consts::SQRT_2);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 500 and 1000")]
    let permille = libm::floor(probability * 1_000.0) as u16;
    permille.min(1_000)
}

/// Lets go of the portals' reads.
fn forget(tag: &mut TagState, settings: &Settings) {
    for track in tag.tracks.iter_mut().filter(|track| settings.side(track.antenna).is_some()) {
        track.sums = Sums::default();
    }
}

#[cfg(test)]
mod tests {
    use super::order_permille;

    #[test]
    fn the_order_is_as_sure_as_the_normal_distribution() {
        assert_eq!(order_permille(0, 100, 10, 100, 10), 500);
        assert_eq!(order_permille(1_960, 1_000_000, 2, 1_000_000, 2), 975, "z = 1.96");
        assert_eq!(order_permille(-9_000, 1_000_000, 2, 1_000_000, 2), 1_000);
    }
}
