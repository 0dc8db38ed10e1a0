//! Lots with an expiry: told before, and again when it has come.

use super::subject::DAY;
use super::tell::{amount, rounded};
use super::{NONE, StockWatch};
use crate::condition::Condition;
use crate::desk::{Desk, Wanted};
use crate::rule::{float, whole};
use crate::timers::Timer;
use ledger::{AccountKind, AlertSubject, Day, LocationId, LotId, State, Timestamp};

/// Bits of what holds of a lot.
const EXPIRING: u8 = 1;
const EXPIRED: u8 = 2;

/// A lot in a warehouse.
#[derive(Clone, Debug)]
pub(crate) struct LotWatch {
    lot: LotId,
    pub(super) warehouse: LocationId,
    /// What can still be used: available or quarantined, in micro-units.
    on_hand: i64,
    holds: u8,
    is_timed: bool,
}

impl LotWatch {
    pub(super) fn post(&mut self, kind: AccountKind, delta: i64) {
        if matches!(kind, AccountKind::Available | AccountKind::Quarantined) {
            self.on_hand = self.on_hand.wrapping_add(delta);
        }
    }

    pub(super) const fn key(&self) -> (LotId, LocationId) {
        (self.lot, self.warehouse)
    }

    pub(super) const fn holds(&self) -> u8 {
        self.holds
    }

    pub(super) const fn on_hand(&self) -> i64 {
        self.on_hand
    }

    pub(super) fn restore(&mut self, on_hand: i64, holds: u8) {
        (self.on_hand, self.holds) = (on_hand, holds);
    }
}

/// When a day begins, in UTC.
pub(crate) const fn day_start(day: Day) -> Timestamp {
    Timestamp(day.0 as i64 * DAY)
}

/// A day as text, such as `2026-11-24`.
pub(crate) fn day_text(day: Day) -> String {
    // Days to a civil date: H. Hinnant, chrono-Compatible Low-Level Date Algorithms, `civil_from_days`.
    let z = i64::from(day.0) + 719_468;
    let era = z.div_euclid(146_097);
    let day_of_era = z.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let (day, month) =
        (day_of_year - (153 * shifted + 2) / 5 + 1, if shifted < 10 { shifted + 3 } else { shifted - 9 });
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02}")
}

impl StockWatch {
    /// The lot in a warehouse; [`NONE`] for stock without a lot.
    pub(super) fn lot(&mut self, lot: LotId, warehouse: LocationId) -> u32 {
        if lot == LotId::NONE {
            return NONE;
        }
        if let Some(index) = self.lot_index.get(&(lot, warehouse)) {
            return *index;
        }
        let index = u32::try_from(self.lots.len()).expect("no more lots than accounts");
        self.lots.push(LotWatch { lot, warehouse, on_hand: 0, holds: 0, is_timed: false });
        self.lot_index.insert((lot, warehouse), index);
        index
    }

    /// A lot's expiry became known, or another.
    pub(super) fn touch_lots(&mut self, state: &State, lot: LotId) {
        let product = state.catalog().lot(lot).product;
        let subjects = self.by_product.get(product.index()).map_or(&[][..], |own| own);
        for subject in subjects {
            let place = self.subjects[*subject as usize].place;
            if let Some(index) = self.lot_index.get(&(lot, place)) {
                self.touched_lots.push(*index);
            }
        }
    }

    pub(super) fn judge_lots(&mut self, desk: &mut Desk<'_>) {
        let touched = std::mem::take(&mut self.touched_lots);
        for index in &touched {
            self.judge_lot(desk, *index);
        }
        self.touched_lots = touched;
        self.touched_lots.clear();
    }

    /// A timer of a lot is due.
    pub(crate) fn lot_due(&mut self, desk: &mut Desk<'_>, index: u32) {
        self.lots[index as usize].is_timed = false;
        self.judge_lot(desk, index);
    }

    fn judge_lot(&mut self, desk: &mut Desk<'_>, index: u32) {
        let lot = &self.lots[index as usize];
        let expiry = desk.state.catalog().lot(lot.lot).expiry.filter(|_| lot.on_hand > 0);
        let covered = {
            let product = desk.state.catalog().lot(lot.lot).product;
            super::resolve::covered(desk.state, product, lot.warehouse)
        };
        let expired = expiry.filter(|_| desk.rules.find(Condition::ExpiredLot, covered).is_some());
        // A lot can be used on the day of its expiry.
        let expired = expired.map(|day| day_start(Day(day.0.saturating_add(1))));
        let ahead = desk.rules.find(Condition::ExpiringLot, covered).and_then(|rule| rule.days_micros("days"));
        let expiring = expiry.zip(ahead).map(|(day, ahead)| day_start(day).minus(ahead));
        for (bit, condition, from) in
            [(EXPIRING, Condition::ExpiringLot, expiring), (EXPIRED, Condition::ExpiredLot, expired)]
        {
            let holds = from.is_some_and(|from| from <= desk.now);
            let was = self.lots[index as usize].holds & bit != 0;
            if holds && !was {
                self.lots[index as usize].holds |= bit;
                self.tell_lot(desk, index, condition, from.unwrap_or(desk.now));
            } else if was && !holds {
                self.lots[index as usize].holds &= !bit;
                let note = format!("{} of it can still be used", amount(self.lots[index as usize].on_hand));
                let about = self.about_lot(desk.state, index);
                desk.clear(condition, &about, &note);
            }
        }
        let next = [expiring, expired].into_iter().flatten().filter(|at| *at > desk.now).min();
        let lot = &mut self.lots[index as usize];
        if let Some(at) = next.filter(|_| !lot.is_timed) {
            lot.is_timed = true;
            desk.set(at, Timer::Lot(index));
        }
    }

    fn about_lot(&self, state: &State, index: u32) -> AlertSubject {
        let watch = &self.lots[index as usize];
        let catalog = state.catalog();
        let lot = catalog.lot(watch.lot);
        AlertSubject {
            product: (*catalog.product(lot.product).name).into(),
            location: (*catalog.location(watch.warehouse).path).into(),
            lot: (*lot.name).into(),
            ..AlertSubject::default()
        }
    }

    fn tell_lot(&self, desk: &mut Desk<'_>, index: u32, condition: Condition, since: Timestamp) {
        let watch = &self.lots[index as usize];
        let lot = desk.state.catalog().lot(watch.lot);
        let Some(expiry) = lot.expiry else { return };
        let covered = super::resolve::covered(desk.state, lot.product, watch.warehouse);
        let rules = desk.rules;
        let Some(rule) = rules.find(condition, covered) else { return };
        let subject = self.about_lot(desk.state, index);
        let here = format!("lot {} of {} at {}", subject.lot, subject.product, subject.location);
        let mut figures = vec![("on_hand", amount(watch.on_hand)), ("expiry", day_text(expiry))];
        let why = if condition == Condition::ExpiredLot {
            format!("{here}: {} expired on {}", amount(watch.on_hand), day_text(expiry))
        } else {
            let at_risk = self.at_risk(desk, index, expiry);
            let risk = at_risk.map_or(String::new(), |(at_risk, daily)| {
                figures.push(("daily_use", rounded(daily / 1e6)));
                figures.push(("at_risk", amount(at_risk)));
                let (at_risk, daily) = (amount(at_risk), rounded(daily / 1e6));
                format!("; first expired, first out at {daily} a day leaves {at_risk} of it")
            });
            format!("{here}: {} expires on {}{risk}", amount(watch.on_hand), day_text(expiry))
        };
        desk.raise(rule, Wanted { subject, why, figures, since });
    }

    /// How much of a lot will be left at its expiry when stock is used at the usual rate, first expired, first out,
    /// and that rate in micro-units a day; `None` when nothing is used.
    fn at_risk(&self, desk: &Desk<'_>, index: u32, expiry: Day) -> Option<(i64, f64)> {
        let watch = &self.lots[index as usize];
        let product = desk.state.catalog().lot(watch.lot).product;
        let daily = self.find(product, watch.warehouse)?.daily_use(desk.now);
        if daily <= 0.0 {
            return None;
        }
        let end = day_start(Day(expiry.0.saturating_add(1)));
        let days = float(end.0.saturating_sub(desk.now.0).max(0)) / float(DAY);
        let mut seen = Vec::new();
        let mut before: i64 = 0;
        for account in desk.state.catalog().shelf(product, watch.warehouse) {
            let key = desk.state.catalog().account(account);
            let own = desk.state.catalog().lot(key.lot);
            let is_before = own.expiry.is_some_and(|day| (day, key.lot) < (expiry, watch.lot));
            if key.kind == AccountKind::Available && is_before {
                before = before.saturating_add(desk.state.balance(account).micros().max(0));
                seen.push(key.lot);
            }
        }
        let used = whole(daily * days).saturating_sub(before).max(0);
        Some((watch.on_hand.saturating_sub(used).max(0), daily))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_written_as_dates() {
        for (day, text) in [(0, "1970-01-01"), (-1, "1969-12-31"), (20_781, "2026-11-24"), (11_016, "2000-02-29")] {
            assert_eq!(day_text(Day(day)), text);
        }
    }
}
