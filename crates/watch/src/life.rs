//! The life of open alerts that time goes on with: snoozes that end, and alerts that nobody acknowledged.

use crate::desk::Desk;
use crate::timers::Timer;
use ledger::{AlertStage, AlertStep, Decision, Effect, OpenAlert, Position, Timestamp};

/// How often an alert is escalated at most.
const LEVEL_MAX: u32 = 5;

/// Sets the timers of what a decision did to alerts.
pub(crate) fn take(desk: &mut Desk<'_>, decision: &Decision) {
    for effect in &decision.effects {
        let alert = match effect {
            Effect::AlertOpened(_) => desk.cause,
            Effect::AlertChanged(change) => change.alert,
            _ => continue,
        };
        arm(desk, alert);
    }
}

/// Sets the timer of an open alert, if it waits for anything.
pub(crate) fn arm(desk: &mut Desk<'_>, position: Position) {
    let next = desk.state.alerts().get(position).and_then(|open| due_at(desk, open));
    if let Some(at) = next {
        desk.set(at, Timer::Alert(position));
    }
}

/// When a snooze ends, or the next escalation is due.
fn due_at(desk: &Desk<'_>, open: &OpenAlert) -> Option<Timestamp> {
    match open.stage {
        AlertStage::Acknowledged => None,
        AlertStage::Snoozed { until } => Some(until),
        AlertStage::Open if open.level >= LEVEL_MAX => None,
        AlertStage::Open => {
            let wait = desk.rules.get(&open.alert.rule)?.escalate_micros()?;
            Some(open.stage_at.plus(wait))
        }
    }
}

/// A timer of an alert is due.
pub(crate) fn due(desk: &mut Desk<'_>, position: Position) {
    let Some(open) = desk.state.alerts().get(position) else { return };
    let Some(at) = due_at(desk, open) else { return };
    if at > desk.now {
        desk.set(at, Timer::Alert(position));
        return;
    }
    match open.stage {
        AlertStage::Snoozed { .. } => desk.change(position, AlertStep::Woken, ""),
        _ => {
            let waited = crate::stock::duration(desk.now.0.saturating_sub(open.opened_at.0));
            let note = format!("nobody acknowledged it for {waited}");
            desk.change(position, AlertStep::Escalated { level: open.level + 1 }, &note);
        }
    }
}
