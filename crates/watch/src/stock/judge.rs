//! What holds of a subject: beginning, lasting, over.

use super::StockWatch;
use super::resolve::{BITS, covered};
use super::subject::{BY_FIGURES, CONFIDENCE, COUNT, DAY, DEAD, SLOW};
use crate::condition::Condition;
use crate::desk::{Desk, Wanted};
use crate::timers::Timer;
use ledger::{AccountId, Timestamp};

impl StockWatch {
    /// Compares the figures with the thresholds, and tells of what begins and ends.
    pub(super) fn judge_figures(&mut self, desk: &mut Desk<'_>, index: u32) {
        let subject = &self.subjects[index as usize];
        let (holds, known) = (subject.by_figures(), (subject.holds | subject.pending) & BY_FIGURES);
        for (bit, condition) in BITS {
            if (holds ^ known) & bit != 0 {
                if holds & bit != 0 {
                    self.begin(desk, index, bit, condition)
                } else {
                    self.end(desk, index, bit, condition)
                }
            }
        }
    }

    /// A condition begins to hold: it is told at once, or when it has held for long enough.
    fn begin(&mut self, desk: &mut Desk<'_>, index: u32, bit: u8, condition: Condition) {
        let subject = &mut self.subjects[index as usize];
        let Some(rule) = desk.rules.find(condition, covered(desk.state, subject.product, subject.place)) else {
            return;
        };
        let wait = rule.minutes_micros("for_minutes");
        if wait > 0 {
            subject.pending |= bit;
            self.pending_since.insert((index, bit), desk.now);
            desk.set(desk.now.plus(wait), Timer::Stock(index));
        } else {
            subject.holds |= bit;
            self.tell(desk, index, condition, desk.now);
        }
    }

    fn end(&mut self, desk: &mut Desk<'_>, index: u32, bit: u8, condition: Condition) {
        let subject = &mut self.subjects[index as usize];
        let was_told = subject.holds & bit != 0;
        subject.holds &= !bit;
        subject.pending &= !bit;
        self.pending_since.remove(&(index, bit));
        if was_told {
            let note = self.after(index, condition);
            let about = self.about(desk.state, index);
            desk.clear(condition, &about, &note);
        }
    }

    /// No rule covers these conditions any more.
    pub(super) fn drop_unwatched(&mut self, desk: &mut Desk<'_>, index: u32, bits: u8) {
        for (bit, condition) in BITS {
            if bits & bit != 0 {
                let subject = &mut self.subjects[index as usize];
                subject.holds &= !bit;
                subject.pending &= !bit;
                self.pending_since.remove(&(index, bit));
                let about = self.about(desk.state, index);
                desk.resolve(condition.name(), &about, "rule_off", "no rule asks for this any more");
            }
        }
    }

    /// Tells of conditions that have held for long enough by now.
    pub(super) fn judge_pending(&mut self, desk: &mut Desk<'_>, index: u32) {
        for (bit, condition) in BITS {
            let Some(since) = self.pending_since.get(&(index, bit)).copied() else { continue };
            let subject = &mut self.subjects[index as usize];
            let rule = desk.rules.find(condition, covered(desk.state, subject.product, subject.place));
            let Some(rule) = rule else { continue };
            let at = since.plus(rule.minutes_micros("for_minutes"));
            if at > desk.now {
                desk.set(at, Timer::Stock(index));
                continue;
            }
            subject.pending &= !bit;
            subject.holds |= bit;
            self.pending_since.remove(&(index, bit));
            self.tell(desk, index, condition, since);
        }
    }

    /// Looks at the conditions that time brings about, and sets the timer for when they may hold next.
    pub(super) fn judge_time(&mut self, desk: &mut Desk<'_>, index: u32) {
        let mut next: Option<Timestamp> = None;
        for (bit, condition) in BITS {
            let subject = &self.subjects[index as usize];
            if bit & (SLOW | DEAD | COUNT | CONFIDENCE) == 0 || subject.watched & bit == 0 {
                continue;
            }
            let due = if subject.on_hand > 0 { self.due_at(desk, index, bit, condition) } else { None };
            let holds = due.is_some_and(|at| at <= desk.now);
            let was = subject.holds & bit != 0;
            if holds && !was {
                self.subjects[index as usize].holds |= bit;
                self.tell(desk, index, condition, due.unwrap_or(desk.now));
            } else if was && !holds {
                self.end(desk, index, bit, condition);
            }
            if let Some(at) = due.filter(|at| *at > desk.now) {
                next = Some(next.map_or(at, |next| next.min(at)));
            }
        }
        let subject = &mut self.subjects[index as usize];
        subject.is_timed = next.is_some();
        if let Some(at) = next {
            desk.set(at, Timer::Stock(index));
        }
    }

    /// When a condition that time brings about begins, or began, to hold as things are; for confidence, which has no
    /// such moment, now or the next day.
    fn due_at(&self, desk: &Desk<'_>, index: u32, bit: u8, condition: Condition) -> Option<Timestamp> {
        let subject = &self.subjects[index as usize];
        let rule = desk.rules.find(condition, covered(desk.state, subject.product, subject.place))?;
        let days = || rule.days_micros("days");
        match bit {
            SLOW | DEAD => Some(subject.last_out.max(subject.first_at).plus(days()?)),
            COUNT => Some(self.oldest_count(desk, index)?.plus(days()?)),
            _ => {
                let least = rule.number("below")?;
                let is_low = self.confidence_at(index, rule.number("read_rate"), desk.now).value < least;
                Some(if is_low { desk.now } else { desk.now.plus(DAY) })
            }
        }
    }

    /// When the stock that was not counted for longest was counted, or first seen.
    pub(super) fn oldest_count(&self, desk: &Desk<'_>, index: u32) -> Option<Timestamp> {
        let subject = &self.subjects[index as usize];
        let catalog = desk.state.catalog();
        let warehouse = catalog.location(subject.place).warehouse;
        let place = &catalog.location(subject.place).path;
        let counted = catalog.shelf(subject.product, warehouse).filter_map(|account: AccountId| {
            let link = self.links.get(account.index())?;
            let path = &catalog.location(catalog.account(account).location).path;
            let is_here = subject.place == warehouse
                || path == place
                || path.strip_prefix(&**place).is_some_and(|rest| rest.starts_with('/'));
            let has_stock = link.kind.is_on_hand() && desk.state.balance(account) > ledger::Quantity::ZERO;
            (is_here && has_stock).then(|| link.last_count.max(subject.first_at))
        });
        counted.min()
    }

    fn tell(&mut self, desk: &mut Desk<'_>, index: u32, condition: Condition, since: Timestamp) {
        let subject = &self.subjects[index as usize];
        let covered = covered(desk.state, subject.product, subject.place);
        let rules = desk.rules;
        let Some(rule) = rules.find(condition, covered) else { return };
        let (why, figures) = self.words(desk, index, rule);
        let subject = self.about(desk.state, index);
        desk.raise(rule, Wanted { subject, why, figures, since });
    }
}
