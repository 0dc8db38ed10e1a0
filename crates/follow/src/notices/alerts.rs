//! From what the journal says of alerts to notices of it.
//!
//! It keeps what is open, so that a step of an alert's life can be told with what the alert is about. A new outbox reads the
//! journal from its beginning without telling of it, and then tells of what is open.

use super::notice::{Notice, What};
use super::outbox::{Looked, Outbox, Taken};
use super::route::Route;
use engine::{Error, Follow, Follower, Handle, Observed};
use ledger::{Alert, AlertChange, AlertStep, AlertSubject, Decision, Effect, Position};
use std::collections::BTreeMap;
use std::path::Path;

/// How far it may go on without noting it when nothing happens to alerts.
const SAVE_ENTRIES: u64 = 100_000;

/// Opens the outbox in `file`, made anew when it can't be used, and keeps putting in what happens to alerts.
///
/// # Errors
/// [`Error::Index`], [`Error::Thread`].
pub fn start(file: &Path, routes: Vec<Route>, engine: Handle) -> Result<(Follower, Outbox), Error> {
    let teller = Teller::open(file, routes, engine.clone())?;
    let outbox = teller.outbox.clone();
    Ok((Follower::start("notices", engine, teller)?, outbox))
}

/// Puts notices into an outbox.
pub(super) struct Teller {
    pub(super) outbox: Outbox,
    engine: Handle,
    position: Position,
    saved: Position,
    /// What happened at and before is not told.
    told_from: Position,
    open: BTreeMap<Position, Notice>,
}

impl Teller {
    pub(super) fn open(file: &Path, routes: Vec<Route>, engine: Handle) -> Result<Self, Error> {
        let now = engine.now();
        let (outbox, looked) = Outbox::open(file, engine.journal_id(), engine.position(), routes, now)?;
        let Looked { position, told_from, open } = looked;
        let open = open.into_iter().map(|notice| (notice.alert, notice)).collect();
        Ok(Self { outbox, engine, position, saved: position, told_from, open })
    }
}

impl Follow for Teller {
    fn position(&self) -> Position {
        self.position
    }

    fn take(&mut self, observed: Observed, _is_behind: bool) -> Result<(), Error> {
        let up_to = observed.up_to.max(self.position);
        let mut folded = Folded { open: self.open.clone(), taken: Taken::default() };
        let mut is_told = self.position >= self.told_from;
        for (position, entry) in &observed.entries {
            if !is_told && *position > self.told_from {
                folded.tell_all();
                is_told = true;
            }
            folded.fold(*position, &entry.decision, is_told);
        }
        if !is_told && up_to >= self.told_from {
            folded.tell_all();
        }
        if !folded.taken.is_empty() || up_to.0 - self.saved.0 >= SAVE_ENTRIES {
            self.outbox.take(&folded.taken, up_to, self.engine.now())?;
            self.open = folded.open;
            self.saved = up_to;
        }
        self.position = up_to;
        Ok(())
    }

    fn finish(&mut self) -> Result<(), Error> {
        self.outbox.take(&Taken::default(), self.position, self.engine.now())
    }
}

/// What is open, and what is to be put in of how it came to be.
struct Folded {
    open: BTreeMap<Position, Notice>,
    taken: Taken,
}

impl Folded {
    /// Tells of everything that is open.
    fn tell_all(&mut self) {
        self.taken.notices.extend(self.open.values().cloned());
    }

    fn fold(&mut self, position: Position, decision: &Decision, is_told: bool) {
        for effect in &decision.effects {
            let notice = match effect {
                Effect::AlertOpened(alert) => Some(self.opened(position, decision, alert)),
                Effect::AlertChanged(change) => self.changed(position, decision, change),
                _ => None,
            };
            self.taken.notices.extend(notice.filter(|_| is_told));
        }
    }

    fn opened(&mut self, position: Position, decision: &Decision, alert: &Alert) -> Notice {
        let given = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
        let notice = Notice {
            id: Notice::id_of(position, What::Opened, position),
            alert: position,
            what: What::Opened,
            condition: alert.condition.to_string(),
            severity: alert.severity,
            subject: subject_text(&alert.subject),
            why: alert.why.to_string(),
            owner: given(&alert.owner),
            location: given(&alert.subject.location),
            product: given(&alert.subject.product),
            at: decision.recorded_at,
            link: format!("/alerts/{position}"),
        };
        self.keep(position, Some(notice.clone()));
        notice
    }

    fn changed(&mut self, position: Position, decision: &Decision, change: &AlertChange) -> Option<Notice> {
        let opened = self.open.get(&change.alert)?.clone();
        let told = |what, why: Option<&str>| {
            let (id, why) = (Notice::id_of(change.alert, what, position), why.unwrap_or(&opened.why).to_owned());
            Some(Notice { id, what, why, at: decision.recorded_at, ..opened.clone() })
        };
        match &change.step {
            AlertStep::Acknowledged | AlertStep::Snoozed { .. } | AlertStep::Noted => None,
            AlertStep::Assigned { owner } => {
                let owner = Some(owner.to_string()).filter(|owner| !owner.is_empty());
                self.keep(change.alert, Some(Notice { owner, ..opened }));
                None
            }
            AlertStep::Woken => told(What::Reminded, None),
            AlertStep::Escalated { .. } => told(What::Escalated, None),
            AlertStep::Resolved { outcome } => {
                let why = if change.note.is_empty() { outcome_text(outcome) } else { change.note.to_string() };
                self.keep(change.alert, None);
                told(What::Resolved, Some(&why))
            }
        }
    }

    fn keep(&mut self, alert: Position, notice: Option<Notice>) {
        match &notice {
            Some(notice) => self.open.insert(alert, notice.clone()),
            None => self.open.remove(&alert),
        };
        self.taken.open.push((alert, notice));
    }
}

/// How an alert came to be over, in words.
fn outcome_text(outcome: &str) -> String {
    match outcome {
        "cleared" => "the condition no longer holds".to_owned(),
        "by_hand" => "somebody closed it".to_owned(),
        other => other.replace('_', " "),
    }
}

/// What an alert is about, in words.
fn subject_text(subject: &AlertSubject) -> String {
    let AlertSubject { product, location, lot, device, metric, shipment } = subject;
    let named = |word: &str, text: &str| (!text.is_empty()).then(|| format!("{word}{text}"));
    let things = [
        named("", product),
        named("lot ", lot),
        named("shipment ", shipment),
        named("", device),
        named("", &metric.replace('_', " ")),
    ];
    let things = things.into_iter().flatten().collect::<Vec<_>>().join(", ");
    match (things.is_empty(), location.is_empty()) {
        (_, true) => things,
        (true, false) => location.to_string(),
        (false, false) => format!("{things} at {location}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subjects_are_told_in_words() {
        let subject = |product: &str, location: &str, lot: &str, device: &str, metric: &str| {
            let [product, location, lot, device, metric] = [product, location, lot, device, metric].map(Box::from);
            subject_text(&AlertSubject { product, location, lot, device, metric, ..AlertSubject::default() })
        };
        assert_eq!(subject("MILK", "warehouse_A/cold-1", "L1", "", ""), "MILK, lot L1 at warehouse_A/cold-1");
        assert_eq!(subject("", "", "", "probe-1", "temperature_celsius"), "probe-1, temperature celsius");
        assert_eq!(subject("", "warehouse_A", "", "", ""), "warehouse_A");
        assert_eq!(subject("", "", "", "", ""), "");
    }
}
