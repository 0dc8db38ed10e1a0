//! Alerts in images.

use super::{AlertEnd, Alerts, Happened, Record, STEPS_MAX};
use crate::image::{take_party, take_position, take_time};
use ledger::{Alert, AlertStage, AlertStep, Catalog, ImageError, Position, Sink, Source};
use std::sync::Arc;

pub(crate) fn put(to: &mut impl Sink, catalog: &Catalog, alerts: &Alerts) {
    to.put_length(alerts.active.records.len());
    for (position, record) in &alerts.active.records {
        put_record(to, catalog, *position, record);
    }
    to.put_length(alerts.over_order.len());
    for position in &alerts.over_order {
        put_record(to, catalog, *position, &alerts.over.records[position]);
    }
    to.put_u64(alerts.dropped);
    to.put_option(alerts.dropped_to, |to, at| to.put_i64(at.0));
}

pub(crate) fn take(from: &mut impl Source, catalog: &Catalog) -> Result<Alerts, ImageError> {
    let mut alerts = Alerts::default();
    for _ in 0..from.take_length()? {
        let (position, record) = take_record(from, catalog)?;
        if record.end.is_some() || alerts.get(position).is_some() {
            return Err(ImageError::Damaged("an open alert"));
        }
        alerts.insert_active(position, record);
    }
    for _ in 0..from.take_length()? {
        let (position, record) = take_record(from, catalog)?;
        if record.end.is_none() || alerts.get(position).is_some() {
            return Err(ImageError::Damaged("an alert that is over"));
        }
        alerts.insert_over(position, record);
    }
    alerts.dropped = from.take_u64()?;
    alerts.dropped_to = from.take_option(take_time)?;
    Ok(alerts)
}

fn put_record(to: &mut impl Sink, catalog: &Catalog, position: Position, record: &Record) {
    to.put_u64(position.0);
    record.alert.save(to);
    to.put_i64(record.opened_at.0);
    to.put_text(&record.owner);
    put_stage(to, record.stage);
    to.put_u32(record.level);
    to.put_option(record.acknowledged_at, |to, at| to.put_i64(at.0));
    to.put_option(record.end.as_ref(), |to, end| {
        to.put_u64(end.position.0);
        to.put_i64(end.resolved_at.0);
        to.put_text(&end.outcome);
    });
    to.put_length(record.steps.len());
    for happened in &record.steps {
        to.put_u64(happened.position.0);
        to.put_i64(happened.at.0);
        to.put_text(catalog.party(happened.actor));
        put_step(to, &happened.step);
        to.put_text(&happened.note);
    }
    to.put_u32(record.steps_dropped);
    to.put_u64(record.changed.0);
}

fn take_record(from: &mut impl Source, catalog: &Catalog) -> Result<(Position, Record), ImageError> {
    let position = take_position(from)?;
    let record = Record {
        alert: Arc::new(Alert::load(from)?),
        opened_at: take_time(from)?,
        owner: from.take_text()?,
        stage: take_stage(from)?,
        level: from.take_u32()?,
        acknowledged_at: from.take_option(take_time)?,
        end: from.take_option(|from| {
            let (position, resolved_at) = (take_position(from)?, take_time(from)?);
            Ok(AlertEnd { position, resolved_at, outcome: from.take_text()? })
        })?,
        steps: from.take_list(|from| take_happened(from, catalog))?.into(),
        steps_dropped: from.take_u32()?,
        changed: take_position(from)?,
    };
    if record.steps.len() > STEPS_MAX {
        Err(ImageError::Damaged("the steps of an alert"))
    } else {
        Ok((position, record))
    }
}

fn take_happened(from: &mut impl Source, catalog: &Catalog) -> Result<Happened, ImageError> {
    Ok(Happened {
        position: take_position(from)?,
        at: take_time(from)?,
        actor: take_party(from, catalog)?,
        step: take_step(from)?,
        note: from.take_text()?,
    })
}

fn put_stage(to: &mut impl Sink, stage: AlertStage) {
    match stage {
        AlertStage::Open => to.put_u8(0),
        AlertStage::Acknowledged => to.put_u8(1),
        AlertStage::Snoozed { until } => {
            to.put_u8(2);
            to.put_i64(until.0);
        }
    }
}

fn take_stage(from: &mut impl Source) -> Result<AlertStage, ImageError> {
    Ok(match from.take_u8()? {
        0 => AlertStage::Open,
        1 => AlertStage::Acknowledged,
        2 => AlertStage::Snoozed { until: take_time(from)? },
        _ => return Err(ImageError::Damaged("the stage of an alert")),
    })
}

fn put_step(to: &mut impl Sink, step: &AlertStep) {
    match step {
        AlertStep::Acknowledged => to.put_u8(0),
        AlertStep::Snoozed { until } => {
            to.put_u8(1);
            to.put_i64(until.0);
        }
        AlertStep::Woken => to.put_u8(2),
        AlertStep::Assigned { owner } => {
            to.put_u8(3);
            to.put_text(owner);
        }
        AlertStep::Noted => to.put_u8(4),
        AlertStep::Escalated { level } => {
            to.put_u8(5);
            to.put_u32(*level);
        }
        AlertStep::Resolved { outcome } => {
            to.put_u8(6);
            to.put_text(outcome);
        }
    }
}

fn take_step(from: &mut impl Source) -> Result<AlertStep, ImageError> {
    Ok(match from.take_u8()? {
        0 => AlertStep::Acknowledged,
        1 => AlertStep::Snoozed { until: take_time(from)? },
        2 => AlertStep::Woken,
        3 => AlertStep::Assigned { owner: from.take_text()? },
        4 => AlertStep::Noted,
        5 => AlertStep::Escalated { level: from.take_u32()? },
        6 => AlertStep::Resolved { outcome: from.take_text()? },
        _ => return Err(ImageError::Damaged("a step of an alert")),
    })
}
