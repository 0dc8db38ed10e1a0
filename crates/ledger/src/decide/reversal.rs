//! Undoing an entry by its opposite. The entry stays; from now on the books say that it did not happen.

use super::draft::Draft;
use super::{serial, unit};
use crate::{AccountKind, Counted, Decision, DecisionKind, Effect, Expected, Position, Rejection, Role, Sighted};

pub(super) fn decide(
    draft: &mut Draft<'_>,
    position: Position,
    original: &Decision,
    reason: &str,
) -> Result<(), Rejection> {
    if reason.trim().is_empty() {
        return Err(Rejection::MissingField { field: "reason" });
    }
    if let Some(instead) = irreversible(original.kind) {
        return Err(Rejection::NotReversible { instead });
    }
    if let Some(by) = draft.state.reversed.get(&position) {
        return Err(Rejection::AlreadyReversed { by: *by });
    }
    draft.decision.reference.clone_from(&original.reference);
    draft.decision.effects.push(Effect::Reversed { entry: position, reason: reason.into() });
    let counterpart = counterpart(draft, original);
    let of_unit = original.effects.iter().any(|effect| matches!(effect, Effect::UnitReported(_)));
    let serialised = of_unit || original.effects.iter().any(|effect| matches!(effect, Effect::Sighted(_)));
    let mut packed = unit::Change::default();
    for effect in &original.effects {
        match effect {
            Effect::Counted(counted) => withdraw_count(draft, counted)?,
            Effect::UnitReported(report) => packed.withdrawn.push(report),
            Effect::Sighted(sighted) if unit::concerns(draft, sighted.serial) => packed.unsighted.push(sighted),
            Effect::Sighted(sighted) => withdraw_sighting(draft, sighted, counterpart)?,
            // What is on its way with a unit follows from the unit's reports.
            Effect::Expected(expected) if !of_unit => {
                let Expected { account, reference, delta, .. } = &**expected;
                draft.expect(*account, reference, delta.checked_neg().ok_or(Rejection::Overflow)?, None)?;
            }
            _ => {}
        }
    }
    withdraw_packed(draft, &packed, counterpart)?;
    for posting in original.postings.iter().filter(|posting| posting.role == Role::Movement) {
        let kind = draft.key_of(posting.account).kind;
        // What a serialised unit's sighting moved was withdrawn with it; orders are no part of that.
        if serialised && !matches!(kind, AccountKind::OnOrder | AccountKind::OrderBook) {
            continue;
        }
        let delta = posting.delta.checked_neg().ok_or(Rejection::Overflow)?;
        draft.shift(posting.account, delta, posting.effective_at)?;
    }
    Ok(())
}

/// Where what the entry moved came from or went to, for the units that it sighted.
fn counterpart(draft: &Draft<'_>, original: &Decision) -> AccountKind {
    let moved = original.postings.iter().filter(|posting| posting.role == Role::Movement);
    let mut kinds = moved.map(|posting| draft.key_of(posting.account).kind);
    kinds.find(|kind| kind.is_counterpart()).unwrap_or(AccountKind::Variance)
}

/// What to do instead of reversing an entry of this kind.
fn irreversible(kind: DecisionKind) -> Option<&'static str> {
    match kind {
        DecisionKind::StockReserved => Some("release the reservation"),
        DecisionKind::ReservationReleased | DecisionKind::ReservationsExpired => Some("reserve again"),
        DecisionKind::ProductDeclared
        | DecisionKind::LocationDeclared
        | DecisionKind::ReasonDeclared
        | DecisionKind::DeviceDeclared
        | DecisionKind::RuleDeclared
        | DecisionKind::RuleWithdrawn => Some("declare it again as it should be"),
        DecisionKind::AlertOpened | DecisionKind::AlertChanged => Some("resolve the alert"),
        DecisionKind::AlertResolved => Some("a new alert is opened when the condition holds again"),
        DecisionKind::ObservationRecorded => Some("reverse the movement that was made of it"),
        DecisionKind::EntryReversed => Some("send the original event again under a new id"),
        DecisionKind::InputHeld => Some("discard the held input"),
        DecisionKind::HeldDiscarded => Some("send the input again under a new id"),
        _ => None,
    }
}

fn withdraw_count(draft: &mut Draft<'_>, counted: &Counted) -> Result<(), Rejection> {
    let state = draft.state;
    let line = state.line(counted.account);
    let place = line.and_then(|line| line.place_without(counted, state.balance_micros(counted.account)));
    let Some(place) = place else {
        let horizon = state.line(counted.account).map_or(crate::Timestamp::MAX, |line| line.past().horizon);
        return Err(Rejection::BeforeHistory { horizon });
    };
    let change = place.expected - i128::from(counted.quantity.micros());
    let change = i64::try_from(change).map_err(|_| Rejection::Overflow)?;
    let change = crate::Quantity::from_micros(change);
    draft.explain(counted.account, change, counted.counted_at)?;
    if let Some(next) = place.next {
        draft.explain(counted.account, change.checked_neg().ok_or(Rejection::Overflow)?, next)?;
    }
    draft.decision.effects.push(Effect::CountWithdrawn(counted.clone()));
    Ok(())
}

/// Withdraws what was reported of a handling unit, and sightings of serialised units that were ever packed.
fn withdraw_packed(
    draft: &mut Draft<'_>,
    packed: &unit::Change<'_>,
    counterpart: AccountKind,
) -> Result<(), Rejection> {
    if packed.withdrawn.is_empty() && packed.unsighted.is_empty() {
        return Ok(());
    }
    unit::settle(draft, packed, counterpart, None)?;
    let reports = packed.withdrawn.iter().map(|report| Effect::UnitReportWithdrawn(Box::new((*report).clone())));
    let sightings = packed.unsighted.iter().map(|sighted| Effect::SightingWithdrawn((*sighted).clone()));
    draft.decision.effects.extend(reports.chain(sightings));
    Ok(())
}

fn withdraw_sighting(draft: &mut Draft<'_>, sighted: &Sighted, counterpart: AccountKind) -> Result<(), Rejection> {
    let between = draft.state.chains.get(sighted.serial.index()).and_then(|chain| chain.place_without(sighted));
    let Some(between) = between else {
        return Err(Rejection::BeforeHistory { horizon: sighted.seen_at });
    };
    serial::relocate(draft, sighted.place, between.before, sighted.seen_at, counterpart)?;
    if let Some(next) = between.next {
        serial::relocate(draft, between.before, sighted.place, next, counterpart)?;
    }
    draft.decision.effects.push(Effect::SightingWithdrawn(sighted.clone()));
    Ok(())
}
