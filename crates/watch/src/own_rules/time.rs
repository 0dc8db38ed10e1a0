//! Time that passes for users' own conditions: what it may change is looked at in slots, so that no moment has to look at
//! everything.

use super::{Over, OwnRules, words};
use crate::desk::{Desk, Wanted};
use crate::own::{Facts, Now, Subject};
use crate::rule::Rule;
use crate::shipping::Shipping;
use crate::source::{self, Sources};
use crate::stock::StockWatch;
use crate::timers::Timer;
use ledger::{PartyId, Timestamp};

const SECOND: i64 = 1_000_000;
/// All stock, and all shipments, are looked at once in so many slots of a second: once an hour.
const STOCK_SLOTS: u32 = 3_600;
/// All devices are looked at once in so many slots of a second: once a minute.
const DEVICE_SLOTS: u32 = 60;

/// The next time after `now` of a slot, each a second, of a round of `slots`.
fn slot_at(now: Timestamp, slot: u32, slots: u32) -> Timestamp {
    let (round, offset) = (i64::from(slots) * SECOND, i64::from(slot) * SECOND);
    let passed = now.0.saturating_sub(offset).rem_euclid(round);
    now.plus(round - passed)
}

impl OwnRules {
    /// From here on the journal is replayed, and no time passes here.
    pub(crate) fn sleep(&mut self) {
        self.is_asleep = true;
    }

    pub(crate) const fn is_asleep(&self) -> bool {
        self.is_asleep
    }

    /// The replay is over: looks at all that waits, and sets the timers.
    pub(crate) fn wake(&mut self, desk: &mut Desk<'_>, over: &mut Over<'_>) {
        self.is_asleep = false;
        self.recount(desk.rules);
        self.waiting.clear();
        let rules = desk.rules;
        let mut waiting = Vec::new();
        for (id, subjects) in &mut self.standing {
            for (subject, standing) in subjects {
                standing.lasts_since = standing.since;
                if !standing.is_told {
                    waiting.push((id.clone(), subject.clone()));
                }
            }
        }
        for (id, subject) in waiting {
            let Some(rule) = rules.get(&id) else { continue };
            match rule.over() {
                Subject::Stock => {
                    if let Some(index) = over.stock.index_of(desk, &subject) {
                        self.await_stock(desk, over.stock, rule, index);
                    }
                }
                Subject::Device => {
                    if let Some(party) = desk.state.catalog().find_party(&subject.device) {
                        self.await_device(desk, over.sources, rule, party);
                    }
                }
                Subject::Shipment => self.look_at_shipment(desk, over.shipping, &subject.shipment),
                // Its next message says how it is.
                Subject::Reading => {}
            }
        }
        self.arm(desk, over);
    }

    fn await_stock(&mut self, desk: &mut Desk<'_>, stock: &StockWatch, rule: &Rule, index: u32) {
        let Some(own) = rule.own() else { return };
        let facts = stock.own_facts(desk, index, own.needs);
        let now = Now::at(desk.now);
        let facts = Facts::Stock(&facts, &now);
        if own.condition.holds(&facts) == Ok(true) {
            self.holds(desk, rule, stock.about(desk.state, index), || words(rule, own, &facts));
        }
    }

    fn await_device(&mut self, desk: &mut Desk<'_>, sources: &Sources, rule: &Rule, party: PartyId) {
        let Some(own) = rule.own() else { return };
        let Some(facts) = sources.own_facts(desk.state, party, desk.now) else { return };
        let now = Now::at(desk.now);
        let (about, facts) = (source::about(facts.name), Facts::Device(&facts, &now));
        if own.condition.holds(&facts) == Ok(true) {
            self.holds(desk, rule, about, || words(rule, own, &facts));
        }
    }

    /// Sets the timers of the slots that have none and need one.
    pub(crate) fn arm(&mut self, desk: &mut Desk<'_>, over: &Over<'_>) {
        if self.is_asleep {
            return;
        }
        let (stock, shipments) = (self.is_timed(Subject::Stock), self.is_timed(Subject::Shipment));
        if stock || shipments {
            let stock = if stock { over.stock.subjects.len() } else { 0 };
            let shipments = if shipments { over.shipping.places() } else { 0 };
            let slots = u32::try_from(stock.max(shipments)).unwrap_or(u32::MAX).min(STOCK_SLOTS);
            arm_slots(desk, &mut self.stock_slots, slots, STOCK_SLOTS, Timer::OwnStock);
        }
        if self.is_timed(Subject::Device) {
            let slots = u32::try_from(over.sources.len()).unwrap_or(u32::MAX).min(DEVICE_SLOTS);
            arm_slots(desk, &mut self.device_slots, slots, DEVICE_SLOTS, Timer::OwnDevices);
        }
    }

    const fn is_timed(&self, over: Subject) -> bool {
        self.counts[over as usize].timed > 0
    }

    /// A slot of all stock, and of all shipments, is due.
    pub(crate) fn stock_due(&mut self, desk: &mut Desk<'_>, stock: &StockWatch, shipping: &Shipping, slot: u32) {
        if self.is_asleep || !(self.is_timed(Subject::Stock) || self.is_timed(Subject::Shipment)) {
            return self.stock_slots.clear();
        }
        if !turn_slot(desk, &mut self.stock_slots, slot, STOCK_SLOTS, Timer::OwnStock) {
            return;
        }
        let count = u32::try_from(stock.subjects.len()).unwrap_or(u32::MAX);
        if self.is_timed(Subject::Shipment) {
            for index in (slot as usize..shipping.places()).step_by(STOCK_SLOTS as usize) {
                if let Some(shipment) = shipping.at(index) {
                    self.look_at_shipment(desk, shipping, shipment);
                }
            }
        }
        for index in (slot..count).step_by(STOCK_SLOTS as usize) {
            if stock.is_own(index) {
                self.look_at_stock(desk, stock, index);
            }
        }
    }

    /// A slot of all devices is due.
    pub(crate) fn devices_due(&mut self, desk: &mut Desk<'_>, sources: &Sources, slot: u32) {
        if self.is_asleep || !self.is_timed(Subject::Device) {
            return self.device_slots.clear();
        }
        if !turn_slot(desk, &mut self.device_slots, slot, DEVICE_SLOTS, Timer::OwnDevices) {
            return;
        }
        for index in (slot as usize..sources.len()).step_by(DEVICE_SLOTS as usize) {
            self.look_at_device(desk, sources, PartyId::at(index));
        }
    }

    /// Tells of what has held for long enough.
    pub(crate) fn waiting_due(&mut self, desk: &mut Desk<'_>) {
        while self.waiting.first().is_some_and(|(at, ..)| *at <= desk.now) {
            let Some((_, id, subject)) = self.waiting.pop_first() else { return };
            let rules = desk.rules;
            let Some(rule) = rules.get(&id).filter(|rule| rule.own().is_some() && !rule.card.is_off) else { continue };
            let standing = self.standing.get_mut(&id).and_then(|subjects| subjects.get_mut(&subject));
            let Some(standing) = standing.filter(|standing| !standing.is_told || standing.is_over) else { continue };
            let Some(since) = standing.lasts_since else { continue };
            let at = since.plus(rule.minutes_micros("for_minutes"));
            if at > desk.now {
                desk.set(at, Timer::OwnWaiting);
                self.waiting.insert((at, id, subject));
            } else if let Some(words) = standing.words.take() {
                let (why, figures) = *words;
                desk.raise(rule, Wanted { subject, why, figures, since });
            }
        }
    }
}

fn arm_slots(desk: &mut Desk<'_>, armed: &mut Vec<Timestamp>, slots: u32, round: u32, timer: fn(u32) -> Timer) {
    for slot in u32::try_from(armed.len()).unwrap_or(u32::MAX)..slots {
        let at = slot_at(desk.now, slot, round);
        armed.push(at);
        desk.set(at, timer(slot));
    }
}

/// Sets the timer of a slot anew; `false` when it is one that was left from before, and nothing is due.
fn turn_slot(desk: &mut Desk<'_>, armed: &mut [Timestamp], slot: u32, round: u32, timer: fn(u32) -> Timer) -> bool {
    let Some(at) = armed.get_mut(slot as usize).filter(|at| **at <= desk.now) else { return false };
    *at = slot_at(desk.now, slot, round);
    let at = *at;
    desk.set(at, timer(slot));
    true
}
