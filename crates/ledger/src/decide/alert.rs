//! Alerts: one for each condition and subject at a time, and what people do to them; and the rules that ask for them.

use super::draft::Draft;
use crate::{Alert, AlertChange, AlertStage, AlertStep, Effect, Rejection, RuleCard};

pub(super) fn decide_raise(draft: &mut Draft<'_>, alert: &Alert) -> Result<(), Rejection> {
    if alert.condition.is_empty() {
        return Err(Rejection::MissingField { field: "condition" });
    }
    if let Some(alert) = draft.state.alerts.find(&alert.condition, &alert.subject) {
        return Err(Rejection::AlertOpen { alert });
    }
    draft.decision.effects.push(Effect::AlertOpened(Box::new(alert.clone())));
    Ok(())
}

/// Acknowledging what is acknowledged changes nothing and is told so; a snooze may be moved.
pub(super) fn decide_change(draft: &mut Draft<'_>, change: &AlertChange) -> Result<(), Rejection> {
    let Some(open) = draft.state.alerts.get(change.alert) else {
        return Err(Rejection::UnknownAlert);
    };
    match &change.step {
        AlertStep::Acknowledged if open.stage == AlertStage::Acknowledged => {
            return Err(Rejection::NoChange { field: "state" });
        }
        AlertStep::Snoozed { until } if *until <= draft.decision.recorded_at => {
            return Err(Rejection::SnoozeEnded);
        }
        AlertStep::Woken if !matches!(open.stage, AlertStage::Snoozed { .. }) => {
            return Err(Rejection::NoChange { field: "state" });
        }
        AlertStep::Noted if change.note.trim().is_empty() => {
            return Err(Rejection::MissingField { field: "note" });
        }
        AlertStep::Resolved { outcome } if outcome.is_empty() => {
            return Err(Rejection::MissingField { field: "outcome" });
        }
        _ => {}
    }
    draft.decision.effects.push(Effect::AlertChanged(Box::new(change.clone())));
    Ok(())
}

pub(super) fn decide_rule(draft: &mut Draft<'_>, card: &RuleCard) -> Result<(), Rejection> {
    for (field, text) in [("rule", &card.rule), ("condition", &card.condition)] {
        if text.is_empty() {
            return Err(Rejection::MissingField { field });
        }
    }
    if draft.state.catalog.rule(&card.rule) == Some(card) {
        return Err(Rejection::NoChange { field: "rule" });
    }
    if !card.location.is_empty() {
        draft.location(&card.location);
    }
    draft.decision.effects.push(Effect::Rule(Box::new(card.clone())));
    Ok(())
}

pub(super) fn decide_withdraw(draft: &mut Draft<'_>, rule: &str) -> Result<(), Rejection> {
    if draft.state.catalog.rule(rule).is_none() {
        return Err(Rejection::UnknownRule);
    }
    draft.decision.effects.push(Effect::RuleWithdrawn { rule: rule.into() });
    Ok(())
}
