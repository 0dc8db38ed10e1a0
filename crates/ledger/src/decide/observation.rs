//! What devices say: kept as it came, so that what was made of it can be judged again.

use super::draft::Draft;
use crate::{Effect, Observation, Rejection};

pub(super) fn decide(draft: &mut Draft<'_>, observation: &Observation) -> Result<(), Rejection> {
    if observation.form.is_empty() {
        return Err(Rejection::MissingField { field: "form" });
    }
    draft.decision.effects.push(Effect::Observed(Box::new(observation.clone())));
    Ok(())
}
