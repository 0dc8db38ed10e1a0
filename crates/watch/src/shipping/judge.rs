//! What holds of a shipment at a time, and when it must be looked at again.

use super::tell::{self, Told};
use super::{Shipping, Slot, about, covered};
use crate::condition::Condition;
use crate::desk::{Desk, Wanted};
use crate::shipment::{Basis, By, Estimate, Journey, Line, Shipment, Stage};
use ledger::{Quantity, Timestamp};
use std::collections::BTreeMap;

const MINUTE: i64 = 60_000_000;
/// How often a shipment with a promise is looked at while nothing is said of it: a sixteenth of what is left until then,
/// but not more often than once a minute and not more seldom than every six hours.
const PROMISE_PARTS: i64 = 16;
const PROMISE_STEP_MIN: i64 = MINUTE;
const PROMISE_STEP_MAX: i64 = 360 * MINUTE;

/// The conditions of a shipment, in the order of their bits.
const CONDITIONS: [Condition; 6] = [
    Condition::ShipmentLate,
    Condition::ShipmentStopped,
    Condition::ShipmentOffRoute,
    Condition::ShipmentSilent,
    Condition::OverReceipt,
    Condition::ShortReceipt,
];

/// A shipment at a time.
#[derive(Clone, Copy)]
pub(super) struct Look<'s> {
    pub(super) id: &'s str,
    pub(super) shipment: &'s Shipment,
    pub(super) journey: &'s Journey,
    pub(super) estimate: Option<Estimate>,
    pub(super) lines: &'s BTreeMap<&'s str, Line>,
    /// How much longer than planned journeys of its lane take, and how many it rests on.
    pub(super) lane: Option<(f64, f64)>,
    pub(super) at: Timestamp,
}

/// What is found of a condition.
enum Found {
    Holds(Told),
    /// It does not, and why it no longer does if it did.
    Not(String),
    /// It stays as it is.
    Same,
}

/// When to look again: the earliest of several times that are still to come.
struct Due {
    at: Timestamp,
    next: Option<Timestamp>,
}

impl Due {
    fn by(&mut self, due: Timestamp) {
        if due > self.at {
            self.next = Some(self.next.map_or(due, |next| next.min(due)));
        }
    }
}

/// Ends whatever holds of a shipment that is followed no more.
pub(super) fn release(desk: &mut Desk<'_>, slot: &Slot) {
    for (index, condition) in CONDITIONS.into_iter().enumerate() {
        if slot.holds & 1 << index != 0 {
            desk.clear(condition, &about(&slot.shipment), "the shipment is over and followed no more");
        }
    }
}

impl Shipping {
    /// Looks at a shipment because of an entry: settles whether it is over, opens and closes its alerts, and sets when to
    /// look again.
    pub(super) fn judge(&mut self, desk: &mut Desk<'_>, index: u32) {
        let at = desk.now;
        let Some(slot) = self.slots.get(index as usize).and_then(Option::as_ref) else { return };
        let id = slot.shipment.clone();
        self.shipments.look(&id, at);
        if self.shipments.shipment(&id).is_none() {
            return self.forget(desk, &id);
        }
        self.plan_settling(index, at);
        self.own_touched.push(id);
        let (holds, due) = self.evaluate(desk, index, at);
        if let Some(slot) = self.slots[index as usize].as_mut() {
            (slot.holds, slot.due, slot.judged_at) = (holds, due, at);
        }
        self.arm(desk, index);
    }

    /// Looks at a shipment because of a timer: nothing but its alerts changes.
    pub(super) fn look_again(&mut self, desk: &mut Desk<'_>, index: u32, at: Timestamp) {
        let (holds, due) = self.evaluate(desk, index, at);
        if let Some(slot) = self.slots[index as usize].as_mut() {
            self.own_touched.push(slot.shipment.clone());
            if slot.holds != holds {
                (slot.holds, slot.judged_at) = (holds, at);
            }
            slot.due = due;
        }
        self.arm(desk, index);
    }

    /// When a loaded shipment is looked at next: where the timers since it was judged had led by now.
    pub(super) fn find_due(&mut self, desk: &Desk<'_>, index: u32) {
        let Some(slot) = self.slots.get(index as usize).and_then(Option::as_ref) else { return };
        let mut due = Due { at: slot.judged_at, next: None };
        self.with_look(index, slot.judged_at, false, |look| {
            loop {
                for (bit, condition) in CONDITIONS.into_iter().enumerate() {
                    let looked = Look { at: due.at, ..*look };
                    looked.find(desk, condition, slot.holds & 1 << bit != 0, &mut due);
                }
                match due.next.filter(|next| *next <= desk.now) {
                    Some(next) => due = Due { at: next, next: None },
                    None => break,
                }
            }
        });
        if let Some(slot) = self.slots[index as usize].as_mut() {
            slot.due = due.next;
        }
    }

    /// Notes from when on an entry has something to settle of a shipment without anything being said of it.
    pub(super) fn plan_settling(&mut self, index: u32, at: Timestamp) {
        let Some(slot) = self.slots.get_mut(index as usize).and_then(Option::as_mut) else { return };
        if let Some(before) = slot.settle.take() {
            self.settles.remove(&(before, index));
        }
        let settings = self.shipments.settings();
        let arrived = self.shipments.journey(&slot.shipment).and_then(|journey| journey.milestones().arrived);
        slot.settle = match self.shipments.over_since(&slot.shipment) {
            Some(since) => Some(since.plus(settings.keep_micros + 1)),
            None => arrived
                .filter(|arrived| arrived.by == By::Position)
                .map(|arrived| arrived.at.plus(settings.visit_micros_min)),
        };
        slot.settle = slot.settle.filter(|settle| *settle > at);
        if let Some(settle) = slot.settle {
            self.settles.insert((settle, index));
        }
    }

    pub(super) fn with_look<T>(
        &self,
        index: u32,
        at: Timestamp,
        estimates: bool,
        work: impl FnOnce(&Look<'_>) -> T,
    ) -> Option<T> {
        let id = &*self.slots.get(index as usize)?.as_ref()?.shipment;
        let (shipment, journey) = (self.shipments.shipment(id)?, self.shipments.journey(id)?);
        let lines = shipment.lines();
        let lane = self.shipments.lanes().expect(&crate::shipment::lane(shipment), crate::shipment::Figure::Transit);
        Some(work(&Look {
            id,
            shipment,
            journey: &journey,
            estimate: if estimates { self.shipments.estimate(id, at) } else { None },
            lines: &lines,
            lane: lane.filter(|_| journey.route().micros().is_some()).map(|lane| (libm::exp(lane.mean), lane.count)),
            at,
        }))
    }

    /// Opens and closes the alerts of a shipment by how it stands at a time. Answers what holds, and when to look again.
    fn evaluate(&self, desk: &mut Desk<'_>, index: u32, at: Timestamp) -> (u8, Option<Timestamp>) {
        let mut holds = self.slots.get(index as usize).and_then(Option::as_ref).map_or(0, |slot| slot.holds);
        let mut due = Due { at, next: None };
        self.with_look(index, at, true, |look| {
            for (bit, condition) in CONDITIONS.into_iter().enumerate() {
                let bit = 1_u8 << bit;
                let is_told = holds & bit != 0;
                let found = look.find(desk, condition, is_told, &mut due);
                if decide(desk, condition, look, is_told, found) {
                    holds |= bit;
                } else {
                    holds &= !bit;
                }
            }
        });
        (holds, due.next)
    }
}

/// Opens or closes the alert of a condition as was found; answers whether it holds now.
fn decide(desk: &mut Desk<'_>, condition: Condition, look: &Look<'_>, is_told: bool, found: Found) -> bool {
    let shipment = look.id;
    let (rules, state) = (desk.rules, desk.state);
    let Some(rule) = rules.find(condition, covered(state, look.to())) else {
        if is_told {
            desk.resolve(condition.name(), &about(shipment), "rule_off", "no rule asks for this any more");
        }
        return false;
    };
    match found {
        Found::Same => is_told,
        Found::Holds(told) => {
            if !is_told {
                let Told { why, figures, since } = told;
                desk.raise(rule, Wanted { subject: about(shipment), why, figures, since });
            }
            true
        }
        Found::Not(note) => {
            if is_told {
                desk.clear(condition, &about(shipment), &note);
            }
            false
        }
    }
}

impl Look<'_> {
    fn find(&self, desk: &Desk<'_>, condition: Condition, is_told: bool, due: &mut Due) -> Found {
        let Some(rule) = desk.rules.find(condition, covered(desk.state, self.to())) else { return Found::Same };
        match condition {
            Condition::ShipmentLate => {
                let limit = rule.number(if is_told { "clear_probability" } else { "probability" }).unwrap_or(1.0);
                self.late(limit, is_told, due)
            }
            Condition::ShipmentStopped => self.stopped(),
            Condition::ShipmentOffRoute => self.off_route(),
            Condition::ShipmentSilent => self.silent(rule.minutes_micros("after_minutes"), due),
            Condition::OverReceipt => self.over(),
            _ => self.short(rule.minutes_micros("after_minutes"), due),
        }
    }

    pub(super) fn stage(&self) -> Option<Stage> {
        self.journey.stage()
    }

    fn to(&self) -> &str {
        self.shipment.card().map_or("", |card| &card.to)
    }

    /// Whether it has left and has not arrived.
    pub(super) fn is_on_its_way(&self) -> bool {
        matches!(self.stage(), Some(Stage::Departed | Stage::InTransit))
    }

    pub(super) fn promised_at(&self) -> Option<Timestamp> {
        self.shipment.card()?.promised_at
    }

    fn late(&self, limit: f64, is_told: bool, due: &mut Due) -> Found {
        let Some(promised_at) = self.promised_at() else { return Found::Not("nothing is promised any more".into()) };
        if self.stage().is_none_or(Stage::is_over) {
            return Found::Not(tell::ended(self, promised_at));
        }
        if !is_told {
            let left = promised_at.0.saturating_sub(self.at.0);
            if left > 0 {
                due.by(self.at.plus((left / PROMISE_PARTS).clamp(PROMISE_STEP_MIN, PROMISE_STEP_MAX)));
            }
            due.by(promised_at.plus(1));
            if let Some(departure_at) = self.shipment.card().and_then(|card| card.departure_at) {
                due.by(departure_at.plus(1));
            }
        }
        let is_past = self.at > promised_at;
        let known = self.estimate.and_then(|estimate| estimate.late_probability);
        let Some(probability) = known.filter(|_| !is_past).or(is_past.then_some(1.0)) else {
            return Found::Not("nothing tells any more when it will arrive".into());
        };
        if probability >= limit {
            Found::Holds(tell::late(self, promised_at, probability))
        } else {
            Found::Not(tell::on_time(self, promised_at, probability))
        }
    }

    fn stopped(&self) -> Found {
        let stop = self.journey.stops().0.last().filter(|stop| !stop.is_over);
        match stop {
            _ if !self.is_on_its_way() => Found::Not("it is no longer on its way".into()),
            Some(stop) => Found::Holds(tell::stopped(self, stop)),
            None => Found::Not("it goes on".into()),
        }
    }

    fn off_route(&self) -> Found {
        let detour = self.journey.detours().0.last().filter(|detour| !detour.is_over);
        match detour {
            _ if !self.is_on_its_way() => Found::Not("it is no longer on its way".into()),
            Some(detour) => Found::Holds(tell::off_route(self, detour)),
            None => Found::Not("it is on its way again".into()),
        }
    }

    fn silent(&self, after: i64, due: &mut Due) -> Found {
        if !self.is_on_its_way() {
            return Found::Not("it is no longer on its way".into());
        }
        let position = self.journey.position().map(|fix| fix.at);
        let is_tracked = self.shipment.card().is_some_and(|card| card.vehicle.is_some());
        let departed = self.journey.milestones().departed.map(|departed| departed.at).filter(|_| is_tracked);
        let Some(heard_at) = position.max(departed) else { return Found::Not("nothing tracks it".into()) };
        let silent_at = heard_at.plus(after);
        if self.at > silent_at {
            return Found::Holds(tell::silent(self, heard_at, position.is_some()));
        }
        due.by(silent_at.plus(1));
        Found::Not("it is heard of again".into())
    }

    fn over(&self) -> Found {
        let over = self.lines.iter().filter(|(_, line)| line.over() > Quantity::ZERO);
        let over: Vec<(&str, Line)> = over.map(|(product, line)| (*product, *line)).collect();
        if over.is_empty() || self.shipment.is_cut() {
            return Found::Not("no more was received than was expected".into());
        }
        Found::Holds(tell::over(self, &over))
    }

    fn short(&self, after: i64, due: &mut Due) -> Found {
        let short = self.lines.iter().filter(|(_, line)| line.missing() > Quantity::ZERO);
        let short: Vec<(&str, Line)> = short.map(|(product, line)| (*product, *line)).collect();
        let began = self.journey.milestones().partly_received;
        let Some(began) = began.filter(|_| !short.is_empty() && !self.shipment.is_cut()) else {
            return Found::Not("nothing is missing any more".into());
        };
        let expected_at = self.promised_at().unwrap_or(began.at).max(began.at);
        let overdue_at = expected_at.plus(after);
        if self.at > overdue_at {
            return Found::Holds(tell::short(self, &short, expected_at));
        }
        due.by(overdue_at.plus(1));
        Found::Not("the rest is not overdue".into())
    }

    /// What its estimate rests on, in words.
    pub(super) fn basis(&self) -> &'static str {
        match self.estimate.map(|estimate| estimate.basis) {
            Some(Basis::Position) => "by where it is",
            Some(Basis::Leg) => "by its last leg",
            Some(Basis::Departure) => "by when it left",
            Some(Basis::Plan) => "by its plan",
            None => "by its promise alone",
        }
    }
}
