//! Books that cannot be right: below zero, disputed by a count, less than what is reserved.

use super::tell::amount;
use super::{NONE, StockWatch};
use crate::condition::Condition;
use crate::desk::{Desk, Wanted};
use crate::rule::{Rule, float};
use crate::timers::Timer;
use ledger::{AccountId, AccountKind, AlertSubject, Decision, Quantity, State, Timestamp};
use std::collections::BTreeMap;

/// Bits of what holds of an account.
const NEGATIVE: u8 = 1;
const SHORT: u8 = 2;
const DISPUTED: u8 = 4;
const ON_HOLD: u8 = 8;

const BITS: [(u8, Condition); 4] = [
    (NEGATIVE, Condition::NegativeStock),
    (SHORT, Condition::ReservationShort),
    (DISPUTED, Condition::DisputedStock),
    (ON_HOLD, Condition::StockOnHold),
];

/// Differences that counts found and nothing has explained.
#[derive(Clone, Debug, Default)]
pub(crate) struct Disputes {
    /// What is unexplained, and what the books held, in micro-units.
    pub(super) open: BTreeMap<AccountId, (i64, i64)>,
}

impl Disputes {
    /// A count was taken: what was disputed before is settled, and a new difference stands.
    pub(super) fn counted(&mut self, account: AccountId, variance: i64, expected: i64) {
        if variance == 0 {
            self.open.remove(&account);
        } else {
            self.open.insert(account, (variance, expected));
        }
    }

    /// A variance was posted: a late movement explains, by its opposite, a difference that a count found.
    pub(super) fn explain(&mut self, account: AccountId, variance: i64) {
        if let Some((open, _)) = self.open.get_mut(&account) {
            *open = open.wrapping_add(variance);
        }
    }
}

impl StockWatch {
    /// Whether any account of a subject is disputed.
    pub(super) fn is_disputed(&self, index: u32) -> bool {
        self.disputes.open.iter().any(|(account, (open, _))| {
            let link = &self.links[account.index()];
            *open != 0 && link.holds & DISPUTED != 0 && self.feeds(link, index)
        })
    }

    /// Whether a difference that a count found in an account is unexplained, and large enough to be told.
    pub(super) fn is_account_disputed(&self, account: AccountId) -> bool {
        self.links[account.index()].holds & DISPUTED != 0
            && self.disputes.open.get(&account).is_some_and(|(open, _)| *open != 0)
    }

    fn feeds(&self, link: &super::Link, index: u32) -> bool {
        link.subject == index || (link.wider != NONE && self.wider[link.wider as usize].contains(&index))
    }

    pub(super) fn judge_accounts(&mut self, desk: &mut Desk<'_>) {
        let touched = std::mem::take(&mut self.touched_accounts);
        for account in &touched {
            self.judge_account(desk, *account);
        }
        self.touched_accounts = touched;
        self.touched_accounts.clear();
    }

    /// Looks anew at the accounts of which something holds, and at those that may be covered by a rule now.
    pub(super) fn judge_flagged_accounts(&mut self, desk: &mut Desk<'_>) {
        for index in 0..self.links.len() {
            let link = &self.links[index];
            let account = AccountId::at(index);
            let is_wrong = desk.state.balance(account).micros() < link.reserved;
            if link.kind.is_on_hand() && (link.holds | link.pending != 0 || is_wrong) {
                self.judge_account(desk, account);
            }
        }
    }

    /// A timer of an account is due.
    pub(crate) fn account_due(&mut self, desk: &mut Desk<'_>, index: u32) {
        self.judge_account(desk, AccountId(index));
    }

    fn judge_account(&mut self, desk: &mut Desk<'_>, account: AccountId) {
        let key = desk.state.catalog().account(account);
        let balance = desk.state.balance(account).micros();
        if balance <= 0 {
            self.on_hold.remove(&account);
        }
        for (bit, condition) in BITS {
            let link = self.links[account.index()];
            let rules = desk.rules;
            let rule = rules.find(condition, super::resolve::covered(desk.state, key.product, key.location));
            let holds = rule.is_some_and(|rule| match bit {
                NEGATIVE => balance < 0,
                SHORT => link.reserved > balance.max(0),
                ON_HOLD => balance > 0 && self.on_hold.contains_key(&account),
                _ => self.disputes.open.get(&account).is_some_and(|dispute| is_large(*dispute, rule)),
            });
            match (holds, link.holds & bit != 0, rule) {
                (true, false, Some(rule)) => self.begin_account(desk, account, bit, rule),
                (false, true, _) => {
                    self.links[account.index()].holds &= !bit;
                    let about = about(desk.state, account);
                    let outcome = if rule.is_some() { "cleared" } else { "rule_off" };
                    desk.resolve(condition.name(), &about, outcome, &format!("{} on hand", amount(balance)));
                }
                (false, false, _) => {
                    self.links[account.index()].pending &= !bit;
                    self.account_since.remove(&(account.0, bit));
                }
                _ => {}
            }
        }
    }

    fn begin_account(&mut self, desk: &mut Desk<'_>, account: AccountId, bit: u8, rule: &Rule) {
        let wait = rule.minutes_micros("for_minutes");
        let since = *self.account_since.entry((account.0, bit)).or_insert(desk.now);
        let at = since.plus(wait);
        let link = &mut self.links[account.index()];
        if at > desk.now {
            if link.pending & bit == 0 {
                link.pending |= bit;
            }
            desk.set(at, Timer::Account(account.0));
            return;
        }
        link.pending &= !bit;
        link.holds |= bit;
        let reserved = link.reserved;
        self.account_since.remove(&(account.0, bit));
        let (why, figures) = self.account_words(desk.state, account, bit, reserved);
        let subject = about(desk.state, account);
        desk.raise(rule, Wanted { subject, why, figures, since });
    }

    fn account_words(
        &self,
        state: &State,
        account: AccountId,
        bit: u8,
        reserved: i64,
    ) -> (String, Vec<(&'static str, String)>) {
        let balance = state.balance(account).micros();
        let subject = about(state, account);
        let lot = if subject.lot.is_empty() { String::new() } else { format!(" (lot {})", subject.lot) };
        let here = format!("{}{lot} at {}", subject.product, subject.location);
        let mut figures = vec![("on_hand", amount(balance))];
        let why = match bit {
            NEGATIVE => format!("{here}: the books say {}, so a receipt or a count is missing", amount(balance)),
            SHORT => {
                figures.push(("reserved", amount(reserved)));
                let short = reserved.saturating_sub(balance.max(0));
                figures.push(("short", amount(short)));
                format!(
                    "{here}: {} reserved and {} on hand, {} short",
                    amount(reserved),
                    amount(balance),
                    amount(short)
                )
            }
            ON_HOLD => {
                let why = self.on_hold.get(&account).map_or("", |reference| reference);
                format!("{here}: {} on hold since {}", amount(balance), cause_of(why))
            }
            _ => {
                let (variance, expected) = self.disputes.open.get(&account).copied().unwrap_or_default();
                figures.push(("variance", amount(variance)));
                figures.push(("expected", amount(expected)));
                let found = amount(expected.saturating_add(variance));
                format!("{here}: the count found {found} where the books held {}", amount(expected))
            }
        };
        (why, figures)
    }

    /// Since when something of an account is waited for; for images.
    pub(super) fn account_state(&self, account: usize) -> (u8, u8, Timestamp) {
        let link = &self.links[account];
        (link.holds, link.pending, link.last_count)
    }

    pub(super) fn set_account_state(&mut self, account: usize, (holds, pending, last_count): (u8, u8, Timestamp)) {
        let link = &mut self.links[account];
        (link.holds, link.pending, link.last_count) = (holds, pending, last_count);
    }
}

/// The condition in the reference of a hold, in words.
fn cause_of(reference: &str) -> String {
    match reference.split(' ').next() {
        Some("exposure_budget") => "it was outside its limits for too long in all".into(),
        Some(condition) => format!("an excursion of {} where it stood", condition.replace('_', " ")),
        None => "an excursion".into(),
    }
}

impl StockWatch {
    /// Notes which stock a decision of the watch's own put on hold, and why.
    pub(super) fn note_hold(&mut self, decision: &Decision) {
        let Some(reference) = &decision.reference else { return };
        for posting in decision.postings.iter().filter(|posting| posting.delta > Quantity::ZERO) {
            if self.links[posting.account.index()].kind == AccountKind::Quarantined {
                self.on_hold.insert(posting.account, reference.clone());
                self.touched_accounts.push(posting.account);
            }
        }
    }
}

/// Whether a dispute is large enough to be told: by share and by quantity.
fn is_large((open, expected): (i64, i64), rule: &Rule) -> bool {
    let share = rule.number("percent").unwrap_or(0.0) / 100.0 * float(expected.saturating_abs());
    let least = rule.quantity("quantity").unwrap_or(0);
    open != 0 && open.saturating_abs() >= least && float(open.saturating_abs()) >= share
}

fn about(state: &State, account: AccountId) -> AlertSubject {
    let catalog = state.catalog();
    let key = catalog.account(account);
    AlertSubject {
        product: (*catalog.product(key.product).name).into(),
        location: (*catalog.location(key.location).path).into(),
        lot: (*catalog.lot(key.lot).name).into(),
        metric: if key.kind == AccountKind::Available { "".into() } else { key.kind.name().into() },
        ..AlertSubject::default()
    }
}
