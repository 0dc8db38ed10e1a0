//! Where conditions hand in what they want: alerts to open and to close, stock to hold.

use crate::condition::Condition;
use crate::rule::Rule;
use crate::scope::Rules;
use crate::timers::{Timer, Timers};
use ledger::{
    Alert, AlertChange, AlertStep, AlertSubject, Alerts, Decision, DecisionKind, Effect, ImageError, Position,
    Quantity, Severity, Sink, Source, State, Timestamp,
};
use std::collections::VecDeque;

/// Something that is to be done because of what was watched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Demand {
    /// An alert is to be opened.
    Raise(Box<Alert>),
    /// Something is to be done to an open alert.
    Change(Box<AlertChange>),
    /// Stock is to be put on hold.
    Hold(Box<Hold>),
}

/// Stock that stood where it must not stand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hold {
    /// The product.
    pub product: Box<str>,
    /// Where it stands.
    pub location: Box<str>,
    /// Its lot; empty for stock without one.
    pub lot: Box<str>,
    /// How much of it is available; above zero.
    pub quantity: Quantity,
    /// What it belongs to: the condition, and where and when it began.
    pub reference: Box<str>,
}

/// An alert to be opened.
pub(crate) struct Wanted {
    pub(crate) subject: AlertSubject,
    pub(crate) why: String,
    pub(crate) figures: Vec<(&'static str, String)>,
    pub(crate) since: Timestamp,
}

/// What a condition needs to be judged, and where it hands in.
pub(crate) struct Desk<'a> {
    pub(crate) state: &'a State,
    pub(crate) rules: &'a Rules,
    pub(crate) timers: &'a mut Timers,
    pub(crate) demands: &'a mut VecDeque<Demand>,
    pub(crate) now: Timestamp,
    /// The entry that is looked at; zero when time has passed.
    pub(crate) cause: Position,
    /// In a trial, its own open alerts, which are looked at instead of the journal's.
    pub(crate) apart: Option<&'a Alerts>,
}

impl Desk<'_> {
    pub(crate) fn set(&mut self, at: Timestamp, timer: Timer) {
        self.timers.set(at, timer);
    }

    /// The open alerts to look at: the journal's, or those of the trial.
    pub(crate) fn alerts(&self) -> &Alerts {
        self.apart.unwrap_or_else(|| self.state.alerts())
    }

    /// The open alert of a condition and subject.
    pub(crate) fn find(&self, condition: &str, subject: &AlertSubject) -> Option<Position> {
        self.alerts().find(condition, subject)
    }

    /// Opens an alert by a rule, unless one of its condition and subject is open.
    pub(crate) fn raise(&mut self, rule: &Rule, wanted: Wanted) {
        self.open(rule, alert_condition(rule), rule.severity, wanted);
    }

    fn open(&mut self, rule: &Rule, condition: Box<str>, severity: Severity, wanted: Wanted) {
        if self.find(&condition, &wanted.subject).is_some() {
            return;
        }
        let figures = wanted.figures.into_iter().map(|(name, value)| (name.into(), value.into())).collect();
        self.demands.push_back(Demand::Raise(Box::new(Alert {
            condition,
            subject: wanted.subject,
            severity,
            why: wanted.why.into(),
            figures,
            since: wanted.since,
            rule: rule.card.rule.clone(),
            owner: rule.card.owner.clone(),
            cause: self.cause,
        })));
    }

    /// Opens an alert of a condition that follows from a rule of another one.
    pub(crate) fn raise_as(&mut self, rule: &Rule, condition: Condition, severity: Severity, wanted: Wanted) {
        self.open(rule, name_of(condition).into(), severity, wanted);
    }

    /// Closes the open alert of a condition and subject, if there is one.
    pub(crate) fn resolve(&mut self, condition: &str, subject: &AlertSubject, outcome: &str, note: &str) {
        if let Some(alert) = self.find(condition, subject) {
            self.change(alert, AlertStep::Resolved { outcome: outcome.into() }, note);
        }
    }

    /// Closes the open alert of a condition and subject because it no longer holds.
    pub(crate) fn clear(&mut self, condition: Condition, subject: &AlertSubject, note: &str) {
        self.resolve(name_of(condition), subject, "cleared", note);
    }

    pub(crate) fn change(&mut self, alert: Position, step: AlertStep, note: &str) {
        let change = AlertChange { alert, step, note: note.into() };
        self.demands.push_back(Demand::Change(Box::new(change)));
    }
}

const fn name_of(condition: Condition) -> &'static str {
    crate::condition::CONDITIONS[condition as usize].name
}

/// The condition's code in alerts: of a user's own condition, with the rule's id, for each rule is a condition.
pub(crate) fn alert_condition(rule: &Rule) -> Box<str> {
    match rule.condition {
        Condition::Own => own_condition(&rule.card.rule),
        condition => condition.name().into(),
    }
}

/// The condition's code of a user's own rule.
pub(crate) fn own_condition(rule: &str) -> Box<str> {
    format!("own:{rule}").into()
}

impl Demand {
    /// Whether a decision is what became of this demand.
    pub(crate) fn is_met_by(&self, decision: &Decision) -> bool {
        match self {
            Self::Raise(alert) => decision.effects.iter().any(|effect| match effect {
                Effect::AlertOpened(opened) => opened.condition == alert.condition && opened.subject == alert.subject,
                _ => false,
            }),
            Self::Change(change) => decision.effects.iter().any(|effect| match effect {
                Effect::AlertChanged(done) => done.alert == change.alert && done.step == change.step,
                _ => false,
            }),
            Self::Hold(hold) => {
                decision.kind == DecisionKind::StatusChanged && decision.reference.as_ref() == Some(&hold.reference)
            }
        }
    }

    pub(crate) fn save(&self, to: &mut impl Sink) {
        match self {
            Self::Raise(alert) => {
                to.put_u8(0);
                alert.save(to);
            }
            Self::Change(change) => {
                to.put_u8(1);
                to.put_u64(change.alert.0);
                to.put_text(&change.note);
                put_step(to, &change.step);
            }
            Self::Hold(hold) => {
                to.put_u8(2);
                for text in [&hold.product, &hold.location, &hold.lot, &hold.reference] {
                    to.put_text(text);
                }
                to.put_i64(hold.quantity.micros());
            }
        }
    }

    pub(crate) fn load(from: &mut impl Source) -> Result<Self, ImageError> {
        match from.take_u8()? {
            0 => Ok(Self::Raise(Box::new(Alert::load(from)?))),
            1 => {
                let (alert, note) = (Position(from.take_u64()?), from.take_text()?);
                Ok(Self::Change(Box::new(AlertChange { alert, note, step: take_step(from)? })))
            }
            2 => Ok(Self::Hold(Box::new(Hold {
                product: from.take_text()?,
                location: from.take_text()?,
                lot: from.take_text()?,
                reference: from.take_text()?,
                quantity: Quantity::from_micros(from.take_i64()?),
            }))),
            _ => Err(ImageError::Damaged("what is to be done")),
        }
    }
}

/// The steps that the watch itself takes.
fn put_step(to: &mut impl Sink, step: &AlertStep) {
    match step {
        AlertStep::Resolved { outcome } => {
            to.put_u8(0);
            to.put_text(outcome);
        }
        AlertStep::Escalated { level } => {
            to.put_u8(1);
            to.put_u32(*level);
        }
        _ => to.put_u8(2),
    }
}

fn take_step(from: &mut impl Source) -> Result<AlertStep, ImageError> {
    match from.take_u8()? {
        0 => Ok(AlertStep::Resolved { outcome: from.take_text()? }),
        1 => Ok(AlertStep::Escalated { level: from.take_u32()? }),
        2 => Ok(AlertStep::Woken),
        _ => Err(ImageError::Damaged("a step of an alert")),
    }
}
