//! Alerts and the rules that ask for them, as the journal keeps them. What a rule means is known to whoever watches;
//! the ledger sees to it that there is one alert for each condition and subject at a time, and what people did to it.

use crate::{Decision, Effect, Position, Timestamp};
use std::collections::BTreeMap;

/// How much an alert matters. The numbers are written to the journal and never change.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Severity {
    /// Good to know.
    Info = 1,
    /// Somebody should look today.
    #[default]
    Warning = 2,
    /// Somebody must act now.
    Critical = 3,
}

impl Severity {
    /// Every severity, the least first.
    pub const ALL: [Self; 3] = [Self::Info, Self::Warning, Self::Critical];

    /// The name used outside.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Critical => "critical",
        }
    }

    /// The severity called `name`.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|severity| severity.name() == name)
    }

    /// The severity with this number in the journal.
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|severity| *severity as u8 == number)
    }
}

/// What an alert is about; texts are empty where they do not apply.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AlertSubject {
    /// The product.
    pub product: Box<str>,
    /// The location's path.
    pub location: Box<str>,
    /// The lot.
    pub lot: Box<str>,
    /// The device, or the source that is no declared device.
    pub device: Box<str>,
    /// The figure of that device, such as `temperature_celsius`; for stock, its status when that is not `available`.
    pub metric: Box<str>,
    /// The shipment, by its reference.
    pub shipment: Box<str>,
}

/// An alert as it was opened. It is known by the position of the entry that opened it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Alert {
    /// The stable code of the condition, such as `low_stock`.
    pub condition: Box<str>,
    /// What it is about. At most one alert of a condition and subject is open at a time.
    pub subject: AlertSubject,
    /// How much it matters.
    pub severity: Severity,
    /// Why, in one sentence with its figures.
    pub why: Box<str>,
    /// The figures by name, as decimal numbers or RFC 3339 times, in an order for reading.
    pub figures: Vec<(Box<str>, Box<str>)>,
    /// When the condition began to hold.
    pub since: Timestamp,
    /// The rule that asked for it; empty for none.
    pub rule: Box<str>,
    /// Who is to look after it; empty for nobody in particular.
    pub owner: Box<str>,
    /// The entry that made the condition hold; [`Position::ZERO`] when it was time that passed.
    pub cause: Position,
}

/// What happened to an open alert.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AlertStep {
    /// Somebody looks after it.
    Acknowledged,
    /// Nobody wants to hear of it until then.
    Snoozed {
        /// Until when.
        until: Timestamp,
    },
    /// A snooze ended.
    Woken,
    /// It was given to somebody; to nobody in particular with an empty name.
    Assigned {
        /// To whom.
        owner: Box<str>,
    },
    /// Something was written to it.
    Noted,
    /// Nobody acknowledged it in time.
    Escalated {
        /// How often it was escalated, this time included.
        level: u32,
    },
    /// It is over.
    Resolved {
        /// How: `cleared` when the condition no longer holds, `by_hand`, or a code of the condition's own.
        outcome: Box<str>,
    },
}

impl AlertStep {
    /// The name used outside.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Acknowledged => "acknowledged",
            Self::Snoozed { .. } => "snoozed",
            Self::Woken => "woken",
            Self::Assigned { .. } => "assigned",
            Self::Noted => "noted",
            Self::Escalated { .. } => "escalated",
            Self::Resolved { .. } => "resolved",
        }
    }
}

/// A step of an alert's life.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AlertChange {
    /// Which alert: where it was opened.
    pub alert: Position,
    /// What happened to it.
    pub step: AlertStep,
    /// What was written to it, or why it is over; may be empty.
    pub note: Box<str>,
}

/// A rule as declared: which condition is watched, for what, and how. Texts of the scope are empty for 'any'.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RuleCard {
    /// Its id, the user's own.
    pub rule: Box<str>,
    /// What people call it.
    pub name: Box<str>,
    /// The condition that it sets, such as `low_stock`.
    pub condition: Box<str>,
    /// For this product only.
    pub product: Box<str>,
    /// For products of this category only.
    pub category: Box<str>,
    /// For this location and what lies below it only.
    pub location: Box<str>,
    /// For warehouses of this region only.
    pub region: Box<str>,
    /// For this device only.
    pub device: Box<str>,
    /// Settings of the condition by name, as text, in the order of their names.
    pub settings: Vec<(Box<str>, Box<str>)>,
    /// How much its alerts matter; `None` for what the condition says.
    pub severity: Option<Severity>,
    /// Who looks after its alerts; empty for nobody in particular.
    pub owner: Box<str>,
    /// Minutes after which an alert that nobody acknowledged is escalated; `None` for never.
    pub escalate_minutes: Option<u32>,
    /// Whether it is switched off: what it covers is then not watched for this condition.
    pub is_off: bool,
}

/// How an open alert stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AlertStage {
    /// Nobody has said that they look after it.
    Open,
    /// Somebody looks after it.
    Acknowledged,
    /// Nobody wants to hear of it until then.
    Snoozed {
        /// Until when.
        until: Timestamp,
    },
}

/// An alert that is not over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenAlert {
    /// As it was opened, with its present owner.
    pub alert: Box<Alert>,
    /// When it was opened.
    pub opened_at: Timestamp,
    /// How it stands.
    pub stage: AlertStage,
    /// Since when it stands so, or was last escalated.
    pub stage_at: Timestamp,
    /// How often it was escalated.
    pub level: u32,
}

/// All open alerts: a fold over decisions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Alerts {
    open: BTreeMap<Position, OpenAlert>,
    by_subject: BTreeMap<Box<str>, BTreeMap<AlertSubject, Position>>,
}

impl Alerts {
    /// Takes in a decision that stands at `position`.
    pub fn apply(&mut self, position: Position, decision: &Decision) {
        for effect in &decision.effects {
            match effect {
                Effect::AlertOpened(alert) => self.insert(
                    position,
                    OpenAlert {
                        alert: alert.clone(),
                        opened_at: decision.recorded_at,
                        stage: AlertStage::Open,
                        stage_at: decision.recorded_at,
                        level: 0,
                    },
                ),
                Effect::AlertChanged(change) => self.change(change, decision.recorded_at),
                _ => {}
            }
        }
    }

    /// Takes in an open alert, for whoever keeps alerts of their own; those of the journal are [`apply`](Self::apply)'d.
    pub fn insert(&mut self, position: Position, open: OpenAlert) {
        let subjects = self.by_subject.entry(open.alert.condition.clone()).or_default();
        subjects.insert(open.alert.subject.clone(), position);
        self.open.insert(position, open);
    }

    fn change(&mut self, change: &AlertChange, at: Timestamp) {
        let Some(open) = self.open.get_mut(&change.alert) else { return };
        if !matches!(change.step, AlertStep::Assigned { .. } | AlertStep::Noted) {
            open.stage_at = at;
        }
        match &change.step {
            AlertStep::Acknowledged => open.stage = AlertStage::Acknowledged,
            AlertStep::Snoozed { until } => open.stage = AlertStage::Snoozed { until: *until },
            AlertStep::Woken => open.stage = AlertStage::Open,
            AlertStep::Assigned { owner } => open.alert.owner = owner.clone(),
            AlertStep::Noted => {}
            AlertStep::Escalated { level } => open.level = *level,
            AlertStep::Resolved { .. } => self.close(change.alert),
        }
    }

    /// Takes an alert out that is over; one that is not open changes nothing.
    pub fn close(&mut self, position: Position) {
        let Some(open) = self.open.remove(&position) else { return };
        if let Some(subjects) = self.by_subject.get_mut(&open.alert.condition) {
            subjects.remove(&open.alert.subject);
            if subjects.is_empty() {
                self.by_subject.remove(&open.alert.condition);
            }
        }
    }

    /// The open alert of this position.
    pub fn get(&self, alert: Position) -> Option<&OpenAlert> {
        self.open.get(&alert)
    }

    /// The open alert of a condition and subject.
    pub fn find(&self, condition: &str, subject: &AlertSubject) -> Option<Position> {
        self.by_subject.get(condition)?.get(subject).copied()
    }

    /// Every open alert, oldest first.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (Position, &OpenAlert)> {
        self.open.iter().map(|(position, open)| (*position, open))
    }

    /// How many are open.
    pub fn len(&self) -> usize {
        self.open.len()
    }

    /// Whether none is open.
    pub fn is_empty(&self) -> bool {
        self.open.is_empty()
    }
}
