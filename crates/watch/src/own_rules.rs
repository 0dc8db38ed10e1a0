//! Conditions of users' own, followed: asked when an entry touches what they are over, and when time may change their
//! answer.
//!
//! What is remembered in images follows from entries alone: for which subject an alert was told ([`Standing::is_told`]
//! is a fold over the alerts in the journal) and since when, as entries saw it, a condition holds. What time brings
//! about between entries is told through the alert that it opens, and forgotten otherwise; a replay therefore lets no
//! time pass here, and whoever goes on after it looks at everything that waits.

mod image;
mod time;

use crate::desk::{Desk, Wanted, own_condition};
use crate::own::{self, Condition, FactSet, Facts, Now, ReadingFacts, Subject};
use crate::rule::Rule;
use crate::scope::{Covered, Rules};
use crate::shipping::{self, Shipping};
use crate::source::{self, Sources};
use crate::stock::{Needs, StockWatch};
use crate::timers::Timer;
use ledger::{Alert, AlertStep, AlertSubject, Decision, Effect, PartyId, Position, RuleCard, State, Timestamp};
use std::collections::{BTreeMap, BTreeSet};

/// Facts that change while nothing happens.
const TIMED: [&str; 15] = [
    "stock.daily_usage",
    "stock.days_of_supply",
    "stock.days_since_movement",
    "stock.days_since_count",
    "stock.confidence",
    "stock.days_to_expiry",
    "reading.minutes_outside",
    "shipment.late_probability",
    "shipment.hours_to_promise",
    "shipment.hours_late",
    "shipment.hours_since_position",
    "device.minutes_silent",
    "now.hour",
    "now.weekday",
    "now.date",
];

/// A user's own condition, compiled, and what follows from what it reads.
#[derive(Debug)]
pub(crate) struct Followed {
    pub(crate) condition: Condition,
    /// Whether time alone may change its answer.
    is_timed: bool,
    needs: Needs,
}

impl Followed {
    pub(crate) fn compile(text: &str, over: Subject) -> Result<Self, Vec<own::Fault>> {
        let condition = Condition::compile(text, over)?;
        let reads = condition.reads();
        let is_timed = TIMED.iter().any(|name| reads.contains(name));
        Ok(Self { needs: Needs::of(reads), is_timed, condition })
    }

    fn reads(&self) -> FactSet {
        self.condition.reads()
    }
}

/// How often a condition could not be answered since the start, and why the last time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EvaluationErrors {
    /// How often.
    pub count: u64,
    /// Why, and about what.
    pub last: String,
    /// When.
    pub last_at: Timestamp,
}

type Words = (String, Vec<(&'static str, String)>);

/// What is known of a condition and a subject for which it holds, or held.
#[derive(Clone, Debug, Default)]
struct Standing {
    /// Whether an alert was told that was not seen to be over.
    is_told: bool,
    /// Since when it holds, as entries saw it.
    since: Option<Timestamp>,
    /// Since when it holds, as entries and time saw it. Not in images.
    lasts_since: Option<Timestamp>,
    /// Whether time saw an alert to be over that somebody had closed by hand. Not in images.
    is_over: bool,
    /// What is to be said when it has held for long enough. Not in images.
    words: Option<Box<Words>>,
}

impl Standing {
    const fn is_nothing(&self) -> bool {
        !self.is_told && self.since.is_none() && self.lasts_since.is_none()
    }

    const fn is_kept(&self) -> bool {
        self.is_told || self.since.is_some()
    }
}

/// How many rules there are over a subject, how many of them time may change, and what they need.
#[derive(Clone, Copy, Debug, Default)]
struct Count {
    rules: usize,
    timed: usize,
    needs: Needs,
}

/// Everything that is known of users' own conditions, beside the rules themselves.
#[derive(Clone, Debug, Default)]
pub(crate) struct OwnRules {
    standing: BTreeMap<Box<str>, BTreeMap<AlertSubject, Standing>>,
    /// The open alerts of such conditions: rule and subject.
    open: BTreeMap<Position, (Box<str>, AlertSubject)>,
    /// When something will have held for long enough.
    waiting: BTreeSet<(Timestamp, Box<str>, AlertSubject)>,
    errors: BTreeMap<Box<str>, EvaluationErrors>,
    counts: [Count; 4],
    /// When the slots are looked at next, of those that have a timer.
    stock_slots: Vec<Timestamp>,
    device_slots: Vec<Timestamp>,
    /// Whether the journal is replayed, so that no time passes.
    is_asleep: bool,
}

impl OwnRules {
    /// Takes in what became of alerts. The alerts of users' own conditions say what was told.
    pub(crate) fn take(&mut self, state: &State, position: Position, decision: &Decision) {
        for effect in &decision.effects {
            match effect {
                Effect::AlertOpened(alert) => self.opened(position, alert),
                Effect::AlertChanged(change) if matches!(change.step, AlertStep::Resolved { .. }) => {
                    let by_watch = state.catalog().party(decision.source) == crate::watch::SOURCE;
                    self.resolved(change.alert, by_watch);
                }
                _ => {}
            }
        }
    }

    pub(crate) fn opened(&mut self, position: Position, alert: &Alert) {
        let Some(rule) = alert.condition.strip_prefix("own:") else { return };
        let standing = self.standing.entry(rule.into()).or_default().entry(alert.subject.clone()).or_default();
        (standing.is_told, standing.is_over, standing.words) = (true, false, None);
        self.open.insert(position, (rule.into(), alert.subject.clone()));
    }

    /// An alert was closed: by the watch because it is over; by anybody else, and then it is not told again before it
    /// was over.
    pub(crate) fn resolved(&mut self, position: Position, by_watch: bool) {
        let Some((rule, subject)) = self.open.remove(&position) else { return };
        if by_watch {
            self.forget(&rule, &subject);
        }
    }

    fn forget(&mut self, rule: &str, subject: &AlertSubject) {
        if let Some(subjects) = self.standing.get_mut(rule) {
            subjects.remove(subject);
            if subjects.is_empty() {
                self.standing.remove(rule);
            }
        }
    }

    /// How often the condition of a rule could not be answered since the start; `None` for never.
    pub(crate) fn errors(&self, rule: &str) -> Option<&EvaluationErrors> {
        self.errors.get(rule)
    }

    /// Whether any rule is over a subject.
    pub(crate) const fn has(&self, over: Subject) -> bool {
        self.counts[over as usize].rules > 0
    }

    pub(crate) fn recount(&mut self, rules: &Rules) {
        for over in Subject::ALL {
            let mut count = Count::default();
            for own in rules.own(over).filter_map(Rule::own) {
                count.rules += 1;
                count.timed += usize::from(own.is_timed);
                count.needs = count.needs.with(own.needs);
            }
            self.counts[over as usize] = count;
        }
    }

    /// A rule was declared, withdrawn or replaced; `card` is what it was or is.
    pub(crate) fn rule_changed(&mut self, desk: &mut Desk<'_>, over: &mut Over<'_>, card: &RuleCard) {
        self.recount(desk.rules);
        self.errors.remove(&card.rule);
        let rules = desk.rules;
        let rule = rules.get(&card.rule).filter(|rule| rule.own().is_some() && !rule.card.is_off);
        let was_over = Rule::read(card).map_or(Subject::Stock, |rule| rule.over());
        if rule.is_none_or(|rule| rule.over() != was_over) {
            for (subject, standing) in self.standing.remove(&card.rule).unwrap_or_default() {
                if standing.is_told {
                    let note = "the rule is off, withdrawn or about something else";
                    desk.resolve(&own_condition(&card.rule), &subject, "rule_off", note);
                }
            }
        }
        match was_over {
            Subject::Stock => over.stock.rule_changed(desk, card),
            Subject::Device => self.look_at_devices(desk, over.sources),
            Subject::Reading => self.leave_uncovered(desk, card),
            Subject::Shipment => {
                for index in 0..over.shipping.places() {
                    if let Some(shipment) = over.shipping.at(index) {
                        self.look_at_shipment(desk, over.shipping, shipment);
                    }
                }
            }
        }
        self.arm(desk, over);
    }

    /// Ends what a rule with a new scope no longer covers, for what is not looked at at once.
    fn leave_uncovered(&mut self, desk: &mut Desk<'_>, card: &RuleCard) {
        let rules = desk.rules;
        let Some(rule) = rules.get(&card.rule) else { return };
        let subjects: Vec<AlertSubject> =
            self.standing.get(&card.rule).map_or(Vec::new(), |subjects| subjects.keys().cloned().collect());
        for subject in subjects {
            if !source::covered(desk.state, &subject.device).is_covered_by(&rule.card) {
                self.leave(desk, rule, &subject);
            }
        }
    }

    /// Looks at the stock that was touched since the last time.
    pub(crate) fn look_at_touched(&mut self, desk: &mut Desk<'_>, stock: &mut StockWatch) {
        let mut touched = std::mem::take(&mut stock.own_touched);
        touched.sort_unstable();
        touched.dedup();
        for index in &touched {
            self.look_at_stock(desk, stock, *index);
        }
        touched.clear();
        stock.own_touched = touched;
    }

    fn look_at_stock(&mut self, desk: &mut Desk<'_>, stock: &StockWatch, index: u32) {
        let facts = stock.own_facts(desk, index, self.counts[Subject::Stock as usize].needs);
        let covered = Covered {
            product: facts.product,
            category: facts.category.unwrap_or_default(),
            location: facts.location,
            region: facts.region.unwrap_or_default(),
            device: "",
        };
        let about = |state: &State| stock.about(state, index);
        self.look(desk, &|card| covered.is_covered_by(card), &about, &Facts::Stock(&facts, &Now::at(desk.now)));
    }

    /// Looks at a source that spoke, or of which time has passed. Of sources that are no declared devices, only rules
    /// that name them say anything.
    pub(crate) fn look_at_device(&mut self, desk: &mut Desk<'_>, sources: &Sources, party: PartyId) {
        let Some(facts) = sources.own_facts(desk.state, party, desk.now) else { return };
        let is_declared = desk.state.catalog().device(facts.name).is_some();
        let is_named = || desk.rules.own(Subject::Device).any(|rule| &*rule.card.device == facts.name);
        if !is_declared && !is_named() && !self.standing_of(Subject::Device, desk, facts.name) {
            return;
        }
        let covered = source::covered(desk.state, facts.name);
        let covers = |card: &RuleCard| (is_declared || !card.device.is_empty()) && covered.is_covered_by(card);
        let about = |_: &State| source::about(facts.name);
        self.look(desk, &covers, &about, &Facts::Device(&facts, &Now::at(desk.now)));
    }

    /// Takes in who spoke, and what a decision says of devices.
    pub(crate) fn take_devices(&mut self, desk: &mut Desk<'_>, sources: &Sources, decision: &Decision) {
        for effect in &decision.effects {
            match effect {
                Effect::Device(card) => {
                    if let Some(party) = desk.state.catalog().find_party(&card.device) {
                        self.look_at_device(desk, sources, party);
                    }
                }
                Effect::Location(card) if !card.location.contains('/') => self.look_at_devices(desk, sources),
                _ => {}
            }
        }
        self.look_at_device(desk, sources, decision.source);
    }

    /// Whether anything is known of a device by its name.
    fn standing_of(&self, over: Subject, desk: &Desk<'_>, device: &str) -> bool {
        let about = source::about(device);
        desk.rules
            .own(over)
            .any(|rule| self.standing.get(&rule.card.rule).is_some_and(|subjects| subjects.contains_key(&about)))
    }

    pub(crate) fn look_at_devices(&mut self, desk: &mut Desk<'_>, sources: &Sources) {
        for index in 0..sources.len() {
            self.look_at_device(desk, sources, PartyId::at(index));
        }
    }

    /// Looks at a figure of a sensor, behind each reading.
    pub(crate) fn look_at_reading(&mut self, desk: &mut Desk<'_>, facts: &ReadingFacts<'_>) {
        if !self.has(Subject::Reading) {
            return;
        }
        let covered = source::covered(desk.state, facts.device);
        let about = |_: &State| AlertSubject { metric: facts.metric.into(), ..source::about(facts.device) };
        self.look(desk, &|card| covered.is_covered_by(card), &about, &Facts::Reading(facts, &Now::at(desk.now)));
    }

    /// Looks at the shipments that were looked at since the last time, and at those that are followed no more.
    pub(crate) fn look_at_shipments(&mut self, desk: &mut Desk<'_>, shipping: &mut Shipping) {
        let mut touched = std::mem::take(&mut shipping.own_touched);
        if self.has(Subject::Shipment) {
            touched.sort_unstable();
            touched.dedup();
            for shipment in &touched {
                self.look_at_shipment(desk, shipping, shipment);
            }
        }
        touched.clear();
        shipping.own_touched = touched;
    }

    /// Looks at a shipment. It is covered by rules for where it goes.
    fn look_at_shipment(&mut self, desk: &mut Desk<'_>, shipping: &Shipping, shipment: &str) {
        let now = desk.now;
        let looked = shipping.own_facts(shipment, now, |facts| {
            let covered = shipping::covered(desk.state, facts.to);
            let about = |_: &State| shipping::about(shipment);
            self.look(desk, &|card| covered.is_covered_by(card), &about, &Facts::Shipment(facts, &Now::at(now)));
        });
        if looked.is_none() {
            let rules = desk.rules;
            for rule in rules.own(Subject::Shipment) {
                self.leave(desk, rule, &shipping::about(shipment));
            }
        }
    }

    /// Asks every rule over a thing. `about` names the thing in alerts.
    fn look(
        &mut self,
        desk: &mut Desk<'_>,
        covers: &dyn Fn(&RuleCard) -> bool,
        about: &dyn Fn(&State) -> AlertSubject,
        facts: &Facts<'_>,
    ) {
        let (rules, by_time) = (desk.rules, desk.cause == Position::ZERO);
        for rule in rules.own(facts.subject()) {
            let Some(own) = rule.own().filter(|own| own.is_timed || !by_time) else { continue };
            let is_known = self.standing.contains_key(&rule.card.rule);
            if !covers(&rule.card) {
                if is_known {
                    self.leave(desk, rule, &about(desk.state));
                }
                continue;
            }
            let holds = own.condition.holds(facts).unwrap_or_else(|error| {
                self.failed(rule, desk.now, error, &about(desk.state));
                false
            });
            if holds {
                self.holds(desk, rule, about(desk.state), || words(rule, own, facts));
            } else if is_known {
                self.is_over(desk, rule, &about(desk.state), || note(own, facts));
            }
        }
    }

    fn failed(&mut self, rule: &Rule, now: Timestamp, error: String, about: &AlertSubject) {
        let AlertSubject { product, location, device, metric, shipment, .. } = about;
        let parts = [product, location, device, metric, shipment].map(|part| &**part);
        let parts: Vec<&str> = parts.into_iter().filter(|part| !part.is_empty()).collect();
        let last = format!("{}: {error}", parts.join(" "));
        let count = self.errors.get(&rule.card.rule).map_or(0, |errors| errors.count) + 1;
        self.errors.insert(rule.card.rule.clone(), EvaluationErrors { count, last, last_at: now });
    }

    fn holds(&mut self, desk: &mut Desk<'_>, rule: &Rule, subject: AlertSubject, words: impl FnOnce() -> Words) {
        let id = &rule.card.rule;
        let standing = self.standing.entry(id.clone()).or_default().entry(subject.clone()).or_default();
        if desk.cause != Position::ZERO {
            standing.since.get_or_insert(desk.now);
        }
        let since = *standing.lasts_since.get_or_insert(desk.now);
        if standing.is_told && !standing.is_over {
            return;
        }
        let wait = rule.minutes_micros("for_minutes");
        if wait == 0 {
            let (why, figures) = words();
            return desk.raise(rule, Wanted { subject, why, figures, since });
        }
        // Told by time alone: whether it lasted that long is known to those who saw the time pass.
        if !self.is_asleep {
            standing.words = Some(Box::new(words()));
            let at = since.plus(wait).max(desk.now);
            if self.waiting.insert((at, id.clone(), subject)) {
                desk.set(at, Timer::OwnWaiting);
            }
        }
    }

    fn is_over(&mut self, desk: &mut Desk<'_>, rule: &Rule, subject: &AlertSubject, note: impl FnOnce() -> String) {
        let id = &rule.card.rule;
        let Some(standing) = self.standing.get_mut(id).and_then(|subjects| subjects.get_mut(subject)) else { return };
        (standing.lasts_since, standing.words) = (None, None);
        let by_entry = desk.cause != Position::ZERO;
        if by_entry {
            standing.since = None;
        }
        if standing.is_told {
            let condition = own_condition(id);
            if desk.find(&condition, subject).is_some() {
                return desk.resolve(&condition, subject, "cleared", &note());
            }
            // Somebody closed it by hand, and now it is over: by an entry for good.
            standing.is_told = !by_entry;
            standing.is_over = !by_entry;
        }
        if standing.is_nothing() {
            self.forget(id, subject);
        }
    }

    /// A rule does not cover a thing any more.
    fn leave(&mut self, desk: &mut Desk<'_>, rule: &Rule, subject: &AlertSubject) {
        let standing = self.standing.get(&rule.card.rule).and_then(|subjects| subjects.get(subject));
        let Some(is_told) = standing.map(|standing| standing.is_told) else { return };
        self.forget(&rule.card.rule, subject);
        if is_told {
            let note = "the rule does not cover this any more";
            desk.resolve(&own_condition(&rule.card.rule), subject, "rule_off", note);
        }
    }
}

/// Why a condition holds: its name, its text, and the facts that it reads.
fn words(rule: &Rule, own: &Followed, facts: &Facts<'_>) -> Words {
    let figures = facts.texts(own.reads());
    let name = if rule.card.name.is_empty() { &rule.card.rule } else { &rule.card.name };
    (format!("{name}: {} ({})", own.condition.text(), listed(&figures)), figures)
}

fn note(own: &Followed, facts: &Facts<'_>) -> String {
    listed(&facts.texts(own.reads()))
}

fn listed(figures: &[(&'static str, String)]) -> String {
    let figures: Vec<String> = figures.iter().map(|(name, value)| format!("{name} {value}")).collect();
    figures.join(", ")
}

/// What users' own conditions are over.
pub(crate) struct Over<'w> {
    pub(crate) stock: &'w mut StockWatch,
    pub(crate) sources: &'w Sources,
    pub(crate) shipping: &'w Shipping,
}
