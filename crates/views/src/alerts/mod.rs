//! Alerts: every open one, those that are over, and what happened to each.
//!
//! Kept are all open ones and the newest 100,000 that are over; the journal keeps them all. Of an alert's steps the
//! newest 100 are kept: one that is snoozed again and again must not grow without end.

mod image;
mod query;
mod statistics;

pub use query::{AlertCounts, AlertItem, AlertMoment, AlertOrder, AlertOwner, AlertQuery, AlertState};
pub use statistics::{AlertStatistics, ConditionStatistics, Spans};

pub(crate) use image::{put, take};

use ledger::{Alert, AlertChange, AlertStage, AlertStep, Catalog, Decision, PartyId, Position, Severity, Timestamp};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

/// Alerts that are over that are kept, at about half a kibibyte each.
const OVER_MAX: usize = 100_000;

/// Steps of an alert that are kept.
const STEPS_MAX: usize = 100;

/// How an alert ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AlertEnd {
    /// The entry that resolved it.
    pub position: Position,
    /// When that was recorded.
    pub resolved_at: Timestamp,
    /// `cleared` when the condition no longer held, `by_hand`, or a code of the condition's own.
    pub outcome: Box<str>,
}

/// Something that happened to an alert.
#[derive(Clone, Debug)]
pub(crate) struct Happened {
    position: Position,
    at: Timestamp,
    actor: PartyId,
    step: AlertStep,
    note: Box<str>,
}

/// An alert and its life.
#[derive(Clone, Debug)]
pub(crate) struct Record {
    alert: Arc<Alert>,
    opened_at: Timestamp,
    owner: Box<str>,
    stage: AlertStage,
    level: u32,
    acknowledged_at: Option<Timestamp>,
    end: Option<AlertEnd>,
    /// Oldest first.
    steps: VecDeque<Happened>,
    /// Older steps that are no longer kept.
    steps_dropped: u32,
    /// The newest entry about it.
    changed: Position,
}

impl Record {
    fn new(alert: &Alert, position: Position, opened_at: Timestamp) -> Self {
        Self {
            owner: alert.owner.clone(),
            alert: Arc::new(alert.clone()),
            opened_at,
            stage: AlertStage::Open,
            level: 0,
            acknowledged_at: None,
            end: None,
            steps: VecDeque::new(),
            steps_dropped: 0,
            changed: position,
        }
    }

    fn change(&mut self, change: &AlertChange, position: Position, at: Timestamp, actor: PartyId) {
        match &change.step {
            AlertStep::Acknowledged => {
                self.stage = AlertStage::Acknowledged;
                self.acknowledged_at.get_or_insert(at);
            }
            AlertStep::Snoozed { until } => self.stage = AlertStage::Snoozed { until: *until },
            AlertStep::Woken => self.stage = AlertStage::Open,
            AlertStep::Assigned { owner } => self.owner = owner.clone(),
            AlertStep::Noted => {}
            AlertStep::Escalated { level } => self.level = *level,
            AlertStep::Resolved { outcome } => {
                self.end = Some(AlertEnd { position, resolved_at: at, outcome: outcome.clone() });
            }
        }
        if self.steps.len() >= STEPS_MAX {
            self.steps.pop_front();
            self.steps_dropped = self.steps_dropped.saturating_add(1);
        }
        self.steps.push_back(Happened { position, at, actor, step: change.step.clone(), note: change.note.clone() });
        self.changed = position;
    }

    fn state(&self) -> AlertState {
        match (&self.end, self.stage) {
            (Some(_), _) => AlertState::Resolved,
            (None, AlertStage::Open) => AlertState::Open,
            (None, AlertStage::Acknowledged) => AlertState::Acknowledged,
            (None, AlertStage::Snoozed { .. }) => AlertState::Snoozed,
        }
    }
}

/// Alerts, and their order by severity.
#[derive(Debug, Default)]
struct Table {
    records: BTreeMap<Position, Record>,
    /// The gravest first, and of these the oldest.
    by_severity: BTreeSet<(Reverse<Severity>, Position)>,
}

impl Table {
    fn insert(&mut self, position: Position, record: Record) {
        self.by_severity.insert((Reverse(record.alert.severity), position));
        self.records.insert(position, record);
    }

    fn remove(&mut self, position: Position) -> Option<Record> {
        let record = self.records.remove(&position)?;
        self.by_severity.remove(&(Reverse(record.alert.severity), position));
        Some(record)
    }
}

/// Every alert that is kept.
#[derive(Debug, Default)]
pub(crate) struct Alerts {
    active: Table,
    over: Table,
    /// In the order in which they ended.
    over_order: VecDeque<Position>,
    /// Alerts that are over and no longer kept.
    dropped: u64,
    /// When the newest of these was opened.
    dropped_to: Option<Timestamp>,
    counts: AlertCounts,
    /// Open alerts by condition.
    conditions: BTreeMap<Box<str>, usize>,
}

impl Alerts {
    pub(crate) fn open(&mut self, alert: &Alert, position: Position, decision: &Decision) {
        self.insert_active(position, Record::new(alert, position, decision.recorded_at));
    }

    fn insert_active(&mut self, position: Position, record: Record) {
        *self.conditions.entry(record.alert.condition.clone()).or_default() += 1;
        self.counts.add(&record);
        self.active.insert(position, record);
    }

    pub(crate) fn change(&mut self, change: &AlertChange, position: Position, decision: &Decision) {
        let alert = change.alert;
        let Some(record) = self.active.records.get_mut(&alert) else { return };
        self.counts.remove(record);
        record.change(change, position, decision.recorded_at, decision.actor);
        if record.end.is_none() {
            self.counts.add(record);
            return;
        }
        let record = self.active.remove(alert).expect("it was just found");
        if let Some(count) = self.conditions.get_mut(&record.alert.condition) {
            *count -= 1;
            if *count == 0 {
                self.conditions.remove(&record.alert.condition);
            }
        }
        self.insert_over(alert, record);
    }

    fn insert_over(&mut self, position: Position, record: Record) {
        if self.over_order.len() >= OVER_MAX
            && let Some(oldest) = self.over_order.pop_front()
        {
            self.dropped += 1;
            self.dropped_to = self.dropped_to.max(self.over.remove(oldest).map(|record| record.opened_at));
        }
        self.over_order.push_back(position);
        self.over.insert(position, record);
    }

    fn get(&self, position: Position) -> Option<&Record> {
        self.active.records.get(&position).or_else(|| self.over.records.get(&position))
    }
}

/// The name of whoever did something.
fn actor(catalog: &Catalog, actor: PartyId) -> Box<str> {
    catalog.party(actor).into()
}
