//! Serialised units: each is in one place, and each event that names it is a sighting.
//!
//! A unit's sightings, by time, form a chain; between two neighbours it moved from the former place to the latter at
//! the latter's time. A sighting that arrives late goes between its neighbours: the unit moves to it, and at the time
//! of the next sighting back, so that all that was posted before stays true.

use super::draft::Draft;
use super::movement::Subject;
use super::unit;
use crate::{AccountId, AccountKind, Discrepancy, Effect, Event, Quantity, Rejection, SerialId, Sighted, Timestamp};
use std::collections::BTreeSet;

const ONE: Quantity = Quantity::units(1);
const LESS_ONE: Quantity = Quantity::units(-1);

/// Refuses an event that does not name each of its units once. One without serials is not serialised.
pub(super) fn check(event: &Event<'_>, quantity: Quantity) -> Result<(), Rejection> {
    if event.serials.is_empty() {
        return Ok(());
    }
    let serials = u32::try_from(event.serials().count()).unwrap_or(u32::MAX);
    if quantity.micros().unsigned_abs() != u64::from(serials) * 1_000_000 {
        return Err(Rejection::SerialCount { serials, quantity });
    }
    let mut named = BTreeSet::new();
    match event.serials().find(|serial| !named.insert(*serial)) {
        Some(repeated) => Err(Rejection::SerialRepeated { serial: repeated.into() }),
        None => Ok(()),
    }
}

/// Records a sighting of each unit that the event names: it was in `from` (`None`: nowhere of ours, or not said) and is
/// in `to` (`None`: left us, to `counterpart`).
pub(super) fn decide(
    draft: &mut Draft<'_>,
    event: &Event<'_>,
    subject: &Subject,
    from: Option<AccountId>,
    to: Option<AccountId>,
    counterpart: AccountKind,
) -> Result<(), Rejection> {
    let mut packed = unit::Change { sighted_from: from, ..unit::Change::default() };
    for text in event.serials() {
        let serial = draft.serial(subject.product, text);
        let sighted = Sighted { serial, seen_at: draft.occurred_at(), place: to, id: draft.rank_id() };
        let (before, next) = match draft.state.chains.get(serial.index()) {
            Some(chain) => {
                if let Some(horizon) = chain.forbids(sighted.seen_at) {
                    return Err(Rejection::BeforeHistory { horizon: horizon.plus(1) });
                }
                let between = chain.place(sighted.seen_at, &sighted.id);
                (between.before, between.next)
            }
            None => (None, None),
        };
        if unit::concerns(draft, serial) {
            packed.sighted.push(sighted);
            continue;
        }
        if next.is_none() {
            note_surprise(draft, serial, before, from, to);
        }
        relocate(draft, before, to, sighted.seen_at, counterpart)?;
        if let Some(next) = next {
            relocate(draft, to, before, next, counterpart)?;
        }
        draft.decision.effects.push(Effect::Sighted(sighted));
    }
    if packed.sighted.is_empty() {
        return Ok(());
    }
    unit::settle(draft, &packed, counterpart, None)?;
    draft.decision.effects.extend(packed.sighted.into_iter().map(Effect::Sighted));
    Ok(())
}

/// A unit was believed elsewhere than where the event says it was.
pub(super) fn note_surprise(
    draft: &mut Draft<'_>,
    serial: SerialId,
    believed: Option<AccountId>,
    from: Option<AccountId>,
    to: Option<AccountId>,
) {
    let noted = match (believed, from) {
        (None, None) => return,
        (None, Some(_)) => Discrepancy::SerialUnknown { serial },
        (Some(believed), Some(from)) if believed == from => return,
        (Some(believed), None) if Some(believed) == to => return,
        (Some(believed), from) => Discrepancy::SerialElsewhere { serial, believed, seen: from.or(to) },
    };
    draft.decision.discrepancies.push(noted);
}

/// Moves one unit from one place to another at a time; a `None` place is outside.
pub(super) fn relocate(
    draft: &mut Draft<'_>,
    from: Option<AccountId>,
    to: Option<AccountId>,
    at: Timestamp,
    counterpart: AccountKind,
) -> Result<(), Rejection> {
    match (from, to) {
        (from, to) if from == to => Ok(()),
        (Some(from), None) => draft.exchange(from, counterpart, LESS_ONE, at),
        (None, Some(to)) => draft.exchange(to, counterpart, ONE, at),
        (Some(from), Some(to)) if draft.key_of(from).lot == draft.key_of(to).lot => {
            draft.shift(from, LESS_ONE, at)?;
            draft.shift(to, ONE, at)
        }
        // Another lot than believed: each lot balances by itself.
        (Some(from), Some(to)) => {
            draft.exchange(from, AccountKind::Variance, LESS_ONE, at)?;
            draft.exchange(to, AccountKind::Variance, ONE, at)
        }
        (None, None) => Ok(()),
    }
}
