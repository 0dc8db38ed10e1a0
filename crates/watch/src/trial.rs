//! A rule tried on what has happened: the journal is followed with this rule alone, and what it would have told is
//! counted and kept apart from what was told.

use crate::desk::Demand;
use crate::own_rules::EvaluationErrors;
use crate::rule::{Rule, RuleFault};
use crate::scope::Rules;
use crate::watch::{Fact, Watch};
use ledger::{Alert, AlertStep, AlertSubject, Alerts, Day, Decision, Position, RuleCard, Severity, State, Timestamp};
use std::collections::{BTreeMap, VecDeque};

/// How many of the first, and how many of the last, alerts are kept.
const KEPT: usize = 100;

/// An alert that a rule would have opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Firing {
    /// When.
    pub at: Timestamp,
    /// About what.
    pub subject: AlertSubject,
    /// Why, as the alert would have said.
    pub why: Box<str>,
    /// How much it would have mattered.
    pub severity: Severity,
    /// When it would have been over; `None` when it still is not.
    pub over_at: Option<Timestamp>,
}

/// What a rule would have told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tried {
    /// Alerts that it would have opened in the time that was asked for.
    pub fired: u64,
    /// Those that would have been open when that time began.
    pub open_before: u64,
    /// Those that would be open now.
    pub open_now: u64,
    /// Alerts opened on each day of that time, in UTC; the days in order, those without any too.
    pub per_day: Vec<(Day, u64)>,
    /// The first hundred of them.
    pub first: Vec<Firing>,
    /// The last hundred of those that are not among the first.
    pub last: Vec<Firing>,
    /// How often the condition could not be answered; `None` for never.
    pub errors: Option<EvaluationErrors>,
}

/// A rule on trial: a fold over the journal from its start.
#[derive(Clone, Debug)]
pub struct Trial {
    watch: Watch,
    rule: Box<str>,
    since: Timestamp,
    /// Where time stands; [`Timestamp::MIN`] before `since`, where it passes with the entries alone.
    now: Timestamp,
    /// Alerts opened so far, those before `since` too; each is known by its number.
    opened: u64,
    /// Those before `since`.
    before: u64,
    open_before: u64,
    per_day: BTreeMap<Day, u64>,
    first: Vec<Firing>,
    last: VecDeque<Firing>,
}

impl Trial {
    /// A trial of a rule, as if it were on and had always been, that counts what it tells from `since` on. `seed` orders
    /// hash tables and nothing else.
    ///
    /// # Errors
    /// As [`check_rule`](crate::check_rule).
    pub fn new(card: &RuleCard, since: Timestamp, seed: u64) -> Result<Self, Vec<RuleFault>> {
        let card = RuleCard { is_off: false, ..card.clone() };
        Rule::read(&card)?;
        let mut rules = Rules::none();
        rules.declare(&card);
        Ok(Self {
            watch: Watch::apart(rules, seed),
            rule: card.rule,
            since,
            now: Timestamp::MIN,
            opened: 0,
            before: 0,
            open_before: 0,
            per_day: BTreeMap::new(),
            first: Vec::new(),
            last: VecDeque::new(),
        })
    }

    /// Lets time pass up to the next decision, `next`, which `state` must not have applied yet.
    pub fn pass(&mut self, state: &State, next: Timestamp) {
        if next < self.since {
            return;
        }
        if self.now == Timestamp::MIN {
            self.watch.advance(state, self.since);
            self.record(self.since);
            self.now = self.since;
            (self.before, self.open_before) = (self.opened, self.watch.open_apart().map_or(0, count));
        }
        while let Some(due) = self.watch.next_due().filter(|due| *due <= next) {
            self.now = self.now.max(due);
            self.watch.advance(state, self.now);
            self.record(self.now);
        }
        self.now = self.now.max(next);
    }

    /// Takes in the decision that `state` has just applied; `facts` are what its observations say.
    pub fn take(&mut self, state: &State, decision: &Decision, facts: &[Fact<'_>]) {
        if self.now == Timestamp::MIN {
            self.watch.replay(state, decision, facts);
        } else {
            self.watch.take(state, decision, facts);
        }
        self.record(decision.recorded_at);
    }

    /// Lets time pass to `now`, where the trial ends, and says what the rule would have told.
    pub fn finish(mut self, state: &State, now: Timestamp) -> Tried {
        let now = now.max(self.since);
        self.pass(state, now);
        let days = self.since.day().0..=now.day().0;
        let fired_on = |day: i32| (Day(day), self.per_day.get(&Day(day)).copied().unwrap_or_default());
        Tried {
            fired: self.opened - self.before,
            open_before: self.open_before,
            open_now: self.watch.open_apart().map_or(0, count),
            per_day: days.map(fired_on).collect(),
            errors: self.watch.evaluation_errors(&self.rule).cloned(),
            first: self.first,
            last: self.last.into(),
        }
    }

    /// Does what the watch wants, apart from the journal.
    fn record(&mut self, at: Timestamp) {
        while let Some(demand) = self.watch.next_demand() {
            match demand {
                Demand::Raise(alert) => {
                    self.opened += 1;
                    if self.now > Timestamp::MIN {
                        self.keep(at, &alert);
                    }
                    self.watch.opened_apart(Position(self.opened), alert, at);
                }
                Demand::Change(change) if matches!(change.step, AlertStep::Resolved { .. }) => {
                    self.watch.closed_apart(change.alert);
                    if let Some(firing) = self.kept(change.alert.0) {
                        firing.over_at = Some(at);
                    }
                }
                Demand::Change(_) | Demand::Hold(_) => {}
            }
        }
    }

    fn keep(&mut self, at: Timestamp, alert: &Alert) {
        *self.per_day.entry(at.day()).or_default() += 1;
        let firing = Firing {
            at,
            subject: alert.subject.clone(),
            why: alert.why.clone(),
            severity: alert.severity,
            over_at: None,
        };
        if self.first.len() < KEPT {
            self.first.push(firing);
            return;
        }
        self.last.push_back(firing);
        if self.last.len() > KEPT {
            self.last.pop_front();
        }
    }

    /// The alert of this number, if it was kept.
    fn kept(&mut self, number: u64) -> Option<&mut Firing> {
        let index = |first: u64| usize::try_from(number.checked_sub(first)?).ok();
        let early = index(self.before + 1)?;
        if early < self.first.len() {
            return self.first.get_mut(early);
        }
        let oldest_of_last = self.opened + 1 - self.last.len() as u64;
        self.last.get_mut(index(oldest_of_last)?)
    }
}

fn count(open: &Alerts) -> u64 {
    open.len() as u64
}
