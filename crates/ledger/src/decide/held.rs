//! Inputs that could not be used: kept until a person mends or discards them.

use super::draft::Draft;
use crate::{Effect, Position, Rejection, Unusable};

pub(super) fn decide_hold(draft: &mut Draft<'_>, unusable: &Unusable) -> Result<(), Rejection> {
    // Mending an input that is held and failing again replaces it.
    draft.mends()?;
    draft.decision.effects.push(Effect::Held(Box::new(unusable.clone())));
    Ok(())
}

pub(super) fn decide_discard(draft: &mut Draft<'_>, held: Position, reason: &str) -> Result<(), Rejection> {
    if reason.trim().is_empty() {
        return Err(Rejection::MissingField { field: "reason" });
    }
    if !draft.state.held.contains_key(&held) {
        return Err(Rejection::UnknownHeld);
    }
    draft.decision.effects.push(Effect::Discarded { held, reason: reason.into() });
    Ok(())
}
