//! Tag reads, readings, weights, positions and Sparkplug metrics, into the journal as observations.

use super::hold::count_held;
use super::{Body, Holder, Intake, Message, Taken, Taking, TryLater};
use crate::observe::{Heard, Sparkplug};
use engine::{Outcome, Receipt};
use std::collections::BTreeMap;
use wire::observation::{NUMBER_BYTES_MAX, Reading, ReadingValue};
use wire::sparkplug::Output;
use wire::topic::{Kind, number};
use wire::{Batch, Problem};

/// Reads of one message.
const READS_MAX: usize = 100_000;

/// Takes what devices say. What can't be used goes to the held list, the rest beside it goes in.
#[derive(Clone)]
pub struct ObservationIntake {
    holder: Holder,
}

impl ObservationIntake {
    /// Takes in the name of `holder`, which gets what can't be used.
    pub fn new(holder: Holder) -> Self {
        Self { holder }
    }

    async fn observe(&self, message: &Message) -> Result<Taken, TryLater> {
        let mut heard = Heard::new(self.holder.handle(), self.holder.actor());
        let problems = match (&message.kind, &message.body) {
            (_, Body::Sparkplug(outputs)) => self.metrics(message, outputs, &mut heard),
            (Kind::TagReads, _) => tag_reads(message, &mut heard),
            (Kind::Sensor(paths), _) => measured(message, paths, message.metric.as_deref(), &mut heard),
            (Kind::Weight(paths), _) => measured(message, paths, Some("weight"), &mut heard),
            _ => position(message, &mut heard),
        };
        let receipt = self.holder.judge(heard.into_batch()).await?;
        let mut taken = Taken { recorded: receipt.accepted(), ..Taken::default() };
        let refused = refused(&receipt, &mut taken);
        let problems: Vec<Problem> = problems.into_iter().chain(refused).collect();
        if !problems.is_empty() {
            let mut batch = Batch::new();
            self.holder.push(&mut batch, message, &message.payload, &problems);
            count_held(&self.holder.judge(batch).await?, &mut taken);
        }
        Ok(taken)
    }

    /// Metrics and facts of edge nodes and their devices, one observation a device.
    fn metrics(&self, message: &Message, outputs: &[Output], heard: &mut Heard) -> Vec<Problem> {
        let mut problems = Vec::new();
        let mut devices: BTreeMap<String, Sparkplug> = BTreeMap::new();
        for output in outputs {
            match output {
                Output::Reading(reading) => {
                    let name = device_name(&reading.group, &reading.node, reading.device.as_deref());
                    if let Err(problem) = devices.entry(name).or_default().reading(reading) {
                        problems.push(problem);
                    }
                }
                Output::Fact(fact) => {
                    let name = device_name(&fact.group, &fact.node, fact.device.as_deref());
                    devices.entry(name).or_default().fact(fact);
                }
                Output::Unreadable(unreadable) => problems.push(unreadable.problem.clone()),
                Output::Publish(_) => {}
            }
        }
        for (name, said) in devices {
            said.tell(heard, &name, message.received_at);
        }
        problems
    }
}

impl Intake for ObservationIntake {
    fn takes(&self, kind: &Kind) -> bool {
        *kind != Kind::Events
    }

    fn take<'a>(&'a self, message: &'a Message) -> Taking<'a> {
        Box::pin(self.observe(message))
    }
}

/// What edge nodes and their devices are called: group, node and device, as in their topics.
fn device_name(group: &str, node: &str, device: Option<&str>) -> String {
    match device {
        Some(device) => format!("{group}/{node}/{device}"),
        None => format!("{group}/{node}"),
    }
}

fn tag_reads(message: &Message, heard: &mut Heard) -> Vec<Problem> {
    let reads = wire::reads::parse_reads(&message.payload, READS_MAX);
    heard.tag_reads(&message.source, &reads, message.received_at);
    reads.problems
}

fn measured(message: &Message, paths: &number::Paths, metric: Option<&str>, heard: &mut Heard) -> Vec<Problem> {
    let measured = match number::read(&message.payload, paths) {
        Ok(measured) => measured,
        Err(problem) => return vec![problem],
    };
    if measured.value.len() > NUMBER_BYTES_MAX {
        let detail = format!("the number has {} digits; send at most {NUMBER_BYTES_MAX}", measured.value.len());
        return vec![Problem::new("invalid_number", "value", detail)];
    }
    let unit = measured.unit.as_deref().unwrap_or_default();
    let metric = match (metric.unwrap_or("value"), unit) {
        // A scale that says nothing of its unit shows grams.
        ("weight", "kg") => "weight_kg",
        ("weight", _) => "weight_g",
        (metric, _) => metric,
    };
    let reading = Reading {
        metric: metric.into(),
        value: ReadingValue::Number((&*measured.value).into()),
        unit: unit.into(),
        at: measured.at,
    };
    heard.readings(&message.source, &[reading], measured.at, message.received_at);
    Vec::new()
}

fn position(message: &Message, heard: &mut Heard) -> Vec<Problem> {
    match wire::observation::read_place(&message.payload) {
        Ok((place, at)) => {
            heard.place(&message.source, &place, at, message.received_at);
            Vec::new()
        }
        Err(problem) => vec![problem],
    }
}

/// What the ledger refused, to be kept; counts what it knew.
fn refused(receipt: &Receipt, taken: &mut Taken) -> Vec<Problem> {
    let mut problems = Vec::new();
    for (_, outcome) in receipt.exceptions() {
        match outcome {
            Outcome::Duplicate { .. } => taken.duplicates += 1,
            Outcome::Held { .. } => taken.held += 1,
            Outcome::Rejected { rejection } => problems.push(Problem::from(rejection)),
            Outcome::Accepted { .. } => {}
        }
    }
    problems
}
