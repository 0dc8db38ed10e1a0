//! Readings of devices under limits: how many become durable, beside the same without limits.

use super::Scale;
use super::figure::{Figure, Figures, Unit, number};
use super::load::BATCH;
use super::rig::Rig;
use super::watching::{declarations, device};
use crate::clock;
use anyhow::Result;
use ledger::{Command, Observation, RuleCard, Timestamp};
use wire::observation::{READINGS, Reading, ReadingValue, render_readings};
use wire::{Batch, KeyHasher};

const DEVICES: usize = 10_000;
/// Messages, each with two figures.
const MESSAGES: usize = 300_000;
const METRICS: [&str; 2] = ["pressure_bar", "vibration_mm_s"];
/// Runs of each kind, one of each in turn; the best counts.
const RUNS: usize = 3;
/// Of what is made durable without limits.
const TARGET_FRACTION: f64 = 0.5;
const MINUTE: i64 = 60_000_000;

pub(super) fn measure(scale: &Scale, figures: &mut Figures) -> Result<()> {
    let (mut without, mut with) = (0.0_f64, 0.0_f64);
    for _ in 0..RUNS {
        without = without.max(rate(scale, false)?);
        with = with.max(rate(scale, true)?);
    }
    let name =
        if scale.quick { "readings, 1 000 devices under limits" } else { "readings, 10 000 devices under limits" };
    let figure = Figure::new(name, with, Unit::ReadingsPerSecond);
    figures.push(figure.limit(without, "without limits").target(without * TARGET_FRACTION));
    Ok(())
}

/// Readings a second, from handing them in to their being durable.
fn rate(scale: &Scale, has_limits: bool) -> Result<f64> {
    let mut rig = Rig::new(scale)?;
    let hasher = rig.handle.hasher();
    let devices = scale.of(DEVICES);
    rig.ingest(declarations(&hasher, (0..devices).map(device)))?;
    if has_limits {
        rig.ingest(declarations(&hasher, METRICS.iter().map(|metric| limit(metric))))?;
    }
    let messages = scale.of(MESSAGES);
    let begins_at = clock::now().minus(i64::try_from(messages / devices)? * MINUTE);
    let batches: Vec<Batch> =
        (0..messages).step_by(BATCH).map(|first| batch(&hasher, (first, devices), begins_at)).collect();
    let rate = number(messages * METRICS.len()) / rig.ingest(batches)?.seconds();
    rig.stop()?;
    Ok(rate)
}

fn limit(metric: &str) -> Command {
    let settings = [("allowed_minutes", "5"), ("max", "8"), ("metric", metric), ("min", "2")];
    Command::DeclareRule(Box::new(RuleCard {
        rule: metric.into(),
        condition: "reading_limit".into(),
        settings: settings.map(|(name, text)| (name.into(), text.into())).into(),
        ..RuleCard::default()
    }))
}

/// Messages of the devices in turn, a minute from one of a device to its next.
fn batch(hasher: &KeyHasher, (first, devices): (usize, usize), begins_at: Timestamp) -> Batch {
    let mut batch = Batch::with_capacity(BATCH, BATCH * 64);
    for message in first..first + BATCH {
        let (source, id) = (format!("scanner-{:02}", message % devices), format!("m{message}"));
        let minutes = i64::try_from(message / devices).expect("fewer messages than microseconds");
        let at = begins_at.plus(minutes * MINUTE);
        let readings = METRICS.map(|metric| Reading {
            metric: metric.into(),
            value: ReadingValue::Number(format!("4.{}", message * 7 % 997).into()),
            unit: "".into(),
            at: None,
        });
        let content = render_readings(&readings).into_bytes().into();
        let observation = Observation { form: READINGS.into(), sent_at: Some(at), content, ..Observation::default() };
        let command = Command::Observe(Box::new(observation));
        batch.push_command("bench", &source, &id, hasher.command(&source, &id, at, &command), at, command);
    }
    batch
}
