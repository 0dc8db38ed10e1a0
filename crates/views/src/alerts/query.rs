//! Lists of alerts, and how many there are.

use super::{AlertEnd, Record, Table, actor};
use crate::Views;
use crate::page::{InvalidCursor, Page, Paging, contains_ignoring_case, is_within, parse_cursor, render_cursor};
use ledger::{Alert, AlertStage, AlertStep, Position, Severity, Timestamp};
use std::cmp::Reverse;
use std::ops::Bound;
use std::sync::Arc;

/// How an alert stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum AlertState {
    /// Nobody has said that they look after it.
    Open,
    /// Somebody looks after it.
    Acknowledged,
    /// Nobody wants to hear of it for now.
    Snoozed,
    /// It is over.
    Resolved,
}

impl AlertState {
    /// Every state, in the order of an alert's life.
    pub const ALL: [Self; 4] = [Self::Open, Self::Acknowledged, Self::Snoozed, Self::Resolved];

    /// The name used outside.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Acknowledged => "acknowledged",
            Self::Snoozed => "snoozed",
            Self::Resolved => "resolved",
        }
    }
}

/// In which order alerts are listed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AlertOrder {
    /// The newest first.
    #[default]
    Newest,
    /// The gravest first, and of these the longest waiting.
    Severity,
}

/// Whose alerts to list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AlertOwner<'a> {
    /// Of this owner.
    Named(&'a str),
    /// Of nobody in particular.
    Nobody,
}

/// Which alerts to list; the default is every one that is kept.
#[derive(Clone, Copy, Debug, Default)]
pub struct AlertQuery<'a> {
    /// In one of these states only; in any when empty.
    pub states: &'a [AlertState],
    /// At least this grave.
    pub severity_min: Option<Severity>,
    /// Of this condition only.
    pub condition: Option<&'a str>,
    /// About this product only.
    pub product: Option<&'a str>,
    /// About this location or one below it only.
    pub location: Option<&'a str>,
    /// About this device only.
    pub device: Option<&'a str>,
    /// About this shipment only.
    pub shipment: Option<&'a str>,
    /// Asked for by this rule only.
    pub rule: Option<&'a str>,
    /// Whose.
    pub owner: Option<AlertOwner<'a>>,
    /// With this text in the sentence, the condition, the subject or the owner, whatever the case of letters.
    pub text: Option<&'a str>,
    /// In which order.
    pub order: AlertOrder,
    /// Items a page, 1,000 at most; 0 for 100.
    pub limit: usize,
    /// The `next` of the page before; `None` or empty for the first.
    pub cursor: Option<&'a str>,
}

/// Something that happened to an alert.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AlertMoment {
    /// The entry.
    pub position: Position,
    /// When it was recorded.
    pub at: Timestamp,
    /// Who did it.
    pub actor: Box<str>,
    /// What.
    pub step: AlertStep,
    /// What was written to it; may be empty.
    pub note: Box<str>,
}

/// An alert and how it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AlertItem {
    /// The entry that opened it: its id.
    pub position: Position,
    /// As it was opened.
    pub alert: Arc<Alert>,
    /// When it was opened.
    pub opened_at: Timestamp,
    /// How it stands.
    pub state: AlertState,
    /// Until when it is snoozed.
    pub snoozed_until: Option<Timestamp>,
    /// Who looks after it now; empty for nobody in particular.
    pub owner: Box<str>,
    /// How often it was escalated.
    pub level: u32,
    /// When it was acknowledged first.
    pub acknowledged_at: Option<Timestamp>,
    /// How it ended.
    pub end: Option<AlertEnd>,
    /// The newest entry about it.
    pub changed: Position,
}

/// How many alerts are not over, by state and severity.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AlertCounts([[usize; Severity::ALL.len()]; 3]);

impl AlertCounts {
    /// In this state, of this severity; zero for those that are over, which are not counted.
    pub fn of(&self, state: AlertState, severity: Severity) -> usize {
        self.0.get(state as usize).map_or(0, |counts| counts[rank(severity)])
    }

    /// In this state.
    pub fn in_state(&self, state: AlertState) -> usize {
        Severity::ALL.into_iter().map(|severity| self.of(state, severity)).sum()
    }

    /// All that are not over.
    pub fn active(&self) -> usize {
        AlertState::ALL.into_iter().map(|state| self.in_state(state)).sum()
    }

    pub(super) fn add(&mut self, record: &Record) {
        *self.slot(record) += 1;
    }

    pub(super) fn remove(&mut self, record: &Record) {
        *self.slot(record) -= 1;
    }

    fn slot(&mut self, record: &Record) -> &mut usize {
        &mut self.0[record.state() as usize][rank(record.alert.severity)]
    }
}

/// The place of a severity among all.
const fn rank(severity: Severity) -> usize {
    match severity {
        Severity::Info => 0,
        Severity::Warning => 1,
        Severity::Critical => 2,
    }
}

/// What a query's text is looked for in is in lower case.
struct Wanted<'a> {
    query: &'a AlertQuery<'a>,
    text: Option<String>,
}

impl Wanted<'_> {
    fn has(&self, record: &Record) -> bool {
        let (query, alert) = (self.query, &*record.alert);
        let subject = &alert.subject;
        let is = |wanted: Option<&str>, found: &str| wanted.is_none_or(|wanted| wanted == found);
        (query.states.is_empty() || query.states.contains(&record.state()))
            && query.severity_min.is_none_or(|min| alert.severity >= min)
            && is(query.condition, &alert.condition)
            && is(query.product, &subject.product)
            && is(query.device, &subject.device)
            && is(query.shipment, &subject.shipment)
            && is(query.rule, &alert.rule)
            && query.location.is_none_or(|place| is_within(&subject.location, place))
            && query.owner.is_none_or(|owner| match owner {
                AlertOwner::Named(name) => *record.owner == *name,
                AlertOwner::Nobody => record.owner.is_empty(),
            })
            && self.text.as_ref().is_none_or(|text| says(record, text))
    }
}

fn says(record: &Record, text: &str) -> bool {
    let alert = &*record.alert;
    let subject = &alert.subject;
    let texts = [
        &alert.why,
        &alert.condition,
        &subject.product,
        &subject.location,
        &subject.lot,
        &subject.device,
        &subject.shipment,
        &alert.rule,
        &record.owner,
    ];
    texts.into_iter().any(|known| contains_ignoring_case(known, text))
}

type Key = (Reverse<Severity>, Position);
type Row<'v> = (Key, &'v Record);

impl Table {
    fn newest(&self, before: Option<Position>) -> impl Iterator<Item = Row<'_>> {
        let end = before.map_or(Bound::Unbounded, Bound::Excluded);
        let rows = self.records.range((Bound::Unbounded, end)).rev();
        rows.map(|(position, record)| ((Reverse(record.alert.severity), *position), record))
    }

    fn gravest(&self, after: Option<Key>) -> impl Iterator<Item = Row<'_>> {
        let start = after.map_or(Bound::Unbounded, Bound::Excluded);
        self.by_severity.range((start, Bound::Unbounded)).map(|key| (*key, &self.records[&key.1]))
    }
}

/// Two ordered lists as one.
fn merged<'v>(
    one: impl Iterator<Item = Row<'v>>,
    other: impl Iterator<Item = Row<'v>>,
    comes_first: impl Fn(&Key, &Key) -> bool,
) -> impl Iterator<Item = Row<'v>> {
    let (mut one, mut other) = (one.peekable(), other.peekable());
    std::iter::from_fn(move || match (one.peek(), other.peek()) {
        (Some((key, _)), Some((than, _))) if comes_first(key, than) => one.next(),
        (_, Some(_)) => other.next(),
        (_, None) => one.next(),
    })
}

impl Views {
    /// Lists alerts.
    ///
    /// # Errors
    /// [`InvalidCursor`] when the cursor is of another list.
    pub fn alerts(&self, query: &AlertQuery<'_>) -> Result<Page<AlertItem>, InvalidCursor> {
        let list = match query.order {
            AlertOrder::Newest => 'a',
            AlertOrder::Severity => 'g',
        };
        let after = match parse_cursor(list, query.cursor)? {
            Some([severity, position]) => {
                let severity = u8::try_from(severity).ok().and_then(Severity::from_number).ok_or(InvalidCursor)?;
                Some((Reverse(severity), Position(position)))
            }
            None => None,
        };
        let text = query.text.map(str::to_lowercase);
        let wanted = Wanted { query, text };
        let wants = |state: &AlertState| query.states.is_empty() || query.states.contains(state);
        let active = AlertState::ALL[..3].iter().any(wants).then_some(&self.alerts.active);
        let over = wants(&AlertState::Resolved).then_some(&self.alerts.over);
        let mut paging = Paging::new(query.limit);
        let mut look =
            |(key, record): Row<'_>| paging.look(key, || wanted.has(record).then(|| item(key.1, record))).is_continue();
        match query.order {
            AlertOrder::Newest => {
                let before = after.map(|(_, position)| position);
                let [active, over] =
                    [active, over].map(|table| table.into_iter().flat_map(|table| table.newest(before)));
                merged(active, over, |(_, key), (_, than)| key > than).all(&mut look);
            }
            AlertOrder::Severity => {
                let [active, over] =
                    [active, over].map(|table| table.into_iter().flat_map(|table| table.gravest(after)));
                merged(active, over, |key, than| key < than).all(&mut look);
            }
        }
        let render = |(Reverse(severity), position): Key| render_cursor(list, &[u64::from(severity as u8), position.0]);
        Ok(paging.finish(self.position, render))
    }

    /// The alert that this entry opened; `None` when it opened none or the alert was over too long ago.
    pub fn alert(&self, position: Position) -> Option<AlertItem> {
        self.alerts.get(position).map(|record| item(position, record))
    }

    /// What happened to an alert, oldest first, and how many older steps are no longer kept. At most a hundred.
    pub fn alert_life(&self, position: Position) -> (Vec<AlertMoment>, u32) {
        let Some(record) = self.alerts.get(position) else { return (Vec::new(), 0) };
        let moment = |happened: &super::Happened| AlertMoment {
            position: happened.position,
            at: happened.at,
            actor: actor(&self.catalog, happened.actor),
            step: happened.step.clone(),
            note: happened.note.clone(),
        };
        (record.steps.iter().map(moment).collect(), record.steps_dropped)
    }

    /// How many alerts are not over.
    pub fn alert_counts(&self) -> AlertCounts {
        self.alerts.counts
    }

    /// How many alerts of each condition are not over; by the conditions' bytes. There are few conditions.
    pub fn alert_conditions(&self) -> Vec<(Box<str>, usize)> {
        self.alerts.conditions.iter().map(|(condition, count)| (condition.clone(), *count)).collect()
    }

    /// How many alerts that are over are no longer kept.
    pub fn alerts_dropped(&self) -> u64 {
        self.alerts.dropped
    }
}

fn item(position: Position, record: &Record) -> AlertItem {
    let snoozed_until = match (record.stage, &record.end) {
        (AlertStage::Snoozed { until }, None) => Some(until),
        _ => None,
    };
    AlertItem {
        position,
        alert: Arc::clone(&record.alert),
        opened_at: record.opened_at,
        state: record.state(),
        snoozed_until,
        owner: record.owner.clone(),
        level: record.level,
        acknowledged_at: record.acknowledged_at,
        end: record.end.clone(),
        changed: record.changed,
    }
}
