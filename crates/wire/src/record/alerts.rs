//! Alerts and rules in records: their messages, and between those and the ledger's types.

use super::RecordError;
use super::convert::known;
use ledger::{Alert, AlertChange, AlertStep, AlertSubject, Position, RuleCard, Severity, Timestamp};
use prost::{Message, Oneof};

#[derive(Clone, PartialEq, Message)]
pub(super) struct AlertMessage {
    #[prost(string, tag = "1")]
    condition: String,
    #[prost(message, optional, tag = "2")]
    subject: Option<SubjectMessage>,
    #[prost(uint32, tag = "3")]
    severity: u32,
    #[prost(string, tag = "4")]
    why: String,
    #[prost(message, repeated, tag = "5")]
    figures: Vec<Named>,
    #[prost(sfixed64, tag = "6")]
    since: i64,
    #[prost(string, tag = "7")]
    rule: String,
    #[prost(string, tag = "8")]
    owner: String,
    #[prost(uint64, tag = "9")]
    cause: u64,
}

#[derive(Clone, PartialEq, Message)]
struct SubjectMessage {
    #[prost(string, tag = "1")]
    product: String,
    #[prost(string, tag = "2")]
    location: String,
    #[prost(string, tag = "3")]
    lot: String,
    #[prost(string, tag = "4")]
    device: String,
    #[prost(string, tag = "5")]
    metric: String,
    #[prost(string, tag = "6")]
    shipment: String,
}

#[derive(Clone, PartialEq, Message)]
struct Named {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(string, tag = "2")]
    value: String,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct ChangeMessage {
    #[prost(uint64, tag = "1")]
    alert: u64,
    #[prost(string, tag = "2")]
    note: String,
    #[prost(oneof = "StepMessage", tags = "3, 4, 5, 6, 7, 8, 9")]
    step: Option<StepMessage>,
}

#[derive(Clone, PartialEq, Oneof)]
enum StepMessage {
    #[prost(message, tag = "3")]
    Acknowledged(super::message::Nothing),
    #[prost(sfixed64, tag = "4")]
    SnoozedUntil(i64),
    #[prost(message, tag = "5")]
    Woken(super::message::Nothing),
    #[prost(string, tag = "6")]
    Assigned(String),
    #[prost(message, tag = "7")]
    Noted(super::message::Nothing),
    #[prost(uint32, tag = "8")]
    Escalated(u32),
    #[prost(string, tag = "9")]
    Resolved(String),
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct RuleMessage {
    #[prost(string, tag = "1")]
    rule: String,
    #[prost(string, tag = "2")]
    name: String,
    #[prost(string, tag = "3")]
    condition: String,
    #[prost(string, tag = "4")]
    product: String,
    #[prost(string, tag = "5")]
    category: String,
    #[prost(string, tag = "6")]
    location: String,
    #[prost(string, tag = "7")]
    region: String,
    #[prost(string, tag = "8")]
    device: String,
    #[prost(message, repeated, tag = "9")]
    settings: Vec<Named>,
    #[prost(uint32, optional, tag = "10")]
    severity: Option<u32>,
    #[prost(string, tag = "11")]
    owner: String,
    #[prost(uint32, optional, tag = "12")]
    escalate_minutes: Option<u32>,
    #[prost(bool, tag = "13")]
    is_off: bool,
}

fn named(pairs: &[(Box<str>, Box<str>)]) -> Vec<Named> {
    pairs.iter().map(|(name, value)| Named { name: name.as_ref().into(), value: value.as_ref().into() }).collect()
}

fn pairs(named: Vec<Named>) -> Vec<(Box<str>, Box<str>)> {
    named.into_iter().map(|named| (named.name.into(), named.value.into())).collect()
}

fn severity(number: u32) -> Result<Severity, RecordError> {
    known(u8::try_from(number).ok().and_then(Severity::from_number), "severity", number)
}

pub(super) fn alert_message(alert: &Alert) -> AlertMessage {
    let subject = &alert.subject;
    AlertMessage {
        condition: alert.condition.as_ref().into(),
        subject: Some(SubjectMessage {
            product: subject.product.as_ref().into(),
            location: subject.location.as_ref().into(),
            lot: subject.lot.as_ref().into(),
            device: subject.device.as_ref().into(),
            metric: subject.metric.as_ref().into(),
            shipment: subject.shipment.as_ref().into(),
        }),
        severity: u32::from(alert.severity as u8),
        why: alert.why.as_ref().into(),
        figures: named(&alert.figures),
        since: alert.since.0,
        rule: alert.rule.as_ref().into(),
        owner: alert.owner.as_ref().into(),
        cause: alert.cause.0,
    }
}

pub(super) fn alert(message: AlertMessage) -> Result<Alert, RecordError> {
    let subject = message.subject.unwrap_or_default();
    Ok(Alert {
        condition: message.condition.into(),
        subject: AlertSubject {
            product: subject.product.into(),
            location: subject.location.into(),
            lot: subject.lot.into(),
            device: subject.device.into(),
            metric: subject.metric.into(),
            shipment: subject.shipment.into(),
        },
        severity: severity(message.severity)?,
        why: message.why.into(),
        figures: pairs(message.figures),
        since: Timestamp(message.since),
        rule: message.rule.into(),
        owner: message.owner.into(),
        cause: Position(message.cause),
    })
}

pub(super) fn change_message(change: &AlertChange) -> ChangeMessage {
    let nothing = super::message::Nothing {};
    let step = match &change.step {
        AlertStep::Acknowledged => StepMessage::Acknowledged(nothing),
        AlertStep::Snoozed { until } => StepMessage::SnoozedUntil(until.0),
        AlertStep::Woken => StepMessage::Woken(nothing),
        AlertStep::Assigned { owner } => StepMessage::Assigned(owner.as_ref().into()),
        AlertStep::Noted => StepMessage::Noted(nothing),
        AlertStep::Escalated { level } => StepMessage::Escalated(*level),
        AlertStep::Resolved { outcome } => StepMessage::Resolved(outcome.as_ref().into()),
    };
    ChangeMessage { alert: change.alert.0, note: change.note.as_ref().into(), step: Some(step) }
}

pub(super) fn change(message: ChangeMessage) -> Result<AlertChange, RecordError> {
    let step = match message.step.ok_or(RecordError::UnknownVariant { field: "alert steps" })? {
        StepMessage::Acknowledged(_) => AlertStep::Acknowledged,
        StepMessage::SnoozedUntil(until) => AlertStep::Snoozed { until: Timestamp(until) },
        StepMessage::Woken(_) => AlertStep::Woken,
        StepMessage::Assigned(owner) => AlertStep::Assigned { owner: owner.into() },
        StepMessage::Noted(_) => AlertStep::Noted,
        StepMessage::Escalated(level) => AlertStep::Escalated { level },
        StepMessage::Resolved(outcome) => AlertStep::Resolved { outcome: outcome.into() },
    };
    Ok(AlertChange { alert: Position(message.alert), step, note: message.note.into() })
}

pub(super) fn rule_message(card: &RuleCard) -> RuleMessage {
    RuleMessage {
        rule: card.rule.as_ref().into(),
        name: card.name.as_ref().into(),
        condition: card.condition.as_ref().into(),
        product: card.product.as_ref().into(),
        category: card.category.as_ref().into(),
        location: card.location.as_ref().into(),
        region: card.region.as_ref().into(),
        device: card.device.as_ref().into(),
        settings: named(&card.settings),
        severity: card.severity.map(|severity| u32::from(severity as u8)),
        owner: card.owner.as_ref().into(),
        escalate_minutes: card.escalate_minutes,
        is_off: card.is_off,
    }
}

pub(super) fn rule(message: RuleMessage) -> Result<RuleCard, RecordError> {
    Ok(RuleCard {
        rule: message.rule.into(),
        name: message.name.into(),
        condition: message.condition.into(),
        product: message.product.into(),
        category: message.category.into(),
        location: message.location.into(),
        region: message.region.into(),
        device: message.device.into(),
        settings: pairs(message.settings),
        severity: message.severity.map(severity).transpose()?,
        owner: message.owner.into(),
        escalate_minutes: message.escalate_minutes,
        is_off: message.is_off,
    })
}
