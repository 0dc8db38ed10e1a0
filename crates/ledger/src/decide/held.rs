//! Inputs that could not be used: kept until a person mends or discards them.

use super::draft::Draft;
use crate::{Effect, Position, Rejection, Unusable};

/// Mending an input that is held and failing again replaces it: the new request resolves the old one.
pub(super) fn decide_hold(draft: &mut Draft<'_>, unusable: &Unusable) -> Result<(), Rejection> {
    draft.decision.effects.push(Effect::Held(Box::new(unusable.clone())));
    Ok(())
}

pub(super) fn decide_discard(draft: &mut Draft<'_>, held: Position, reason: &str) -> Result<(), Rejection> {
    if !draft.state.held.contains_key(&held) {
        return Err(Rejection::UnknownHeld);
    }
    if reason.trim().is_empty() {
        return Err(Rejection::MissingField { field: "reason" });
    }
    draft.decision.effects.push(Effect::Discarded { held, reason: reason.into() });
    Ok(())
}
