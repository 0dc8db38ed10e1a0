//! Handling units: what is packed, what moves with them, and what follows for stock that was packed before or after.
//!
//! What was reported of a unit, and of all that it has to do with, has a course (see [`Course`]). A new report gives
//! another course; what is posted is the difference, at the times at which it makes one.

use super::draft::Draft;
use super::movement::{self, reason};
use super::serial;
use crate::serial::Chain;
use crate::unit::{CONTENTS_MAX, Course, DEPTH_MAX, Entry, Node, Scope, Step};
use crate::{
    AccountId, AccountKey, AccountKind, Discrepancy, Effect, Event, EventKind, LocationId, Quantity, Rejection, Role,
    SerialId, Sighted, Timestamp, UnitContent, UnitDeed, UnitHolds, UnitId, UnitPlace, UnitReport, UnitStands,
};
use std::collections::BTreeMap;

/// Reports and sightings that have to do with each other, past which the older half is folded.
const ENTRIES_MAX: usize = 1_024;

/// Sightings of one serialised unit past which the same is done: what its chain forgets must have been folded.
const SIGHTINGS_MAX: usize = Chain::SIGHTINGS_MAX - 1;

/// What changes in what was reported.
#[derive(Default)]
pub(super) struct Change<'c> {
    /// The new report and the unit's name.
    pub(super) reported: Option<(&'c UnitReport, &'c str)>,
    pub(super) withdrawn: Vec<&'c UnitReport>,
    /// New sightings of serialised units that were ever packed.
    pub(super) sighted: Vec<Sighted>,
    /// Where those were, by what sighted them.
    pub(super) sighted_from: Option<AccountId>,
    pub(super) unsighted: Vec<&'c Sighted>,
}

impl Change<'_> {
    fn reports(&self) -> impl Iterator<Item = &UnitReport> {
        self.reported.iter().map(|(report, _)| *report).chain(self.withdrawn.iter().copied())
    }

    fn sightings(&self) -> impl Iterator<Item = &Sighted> {
        self.sighted.iter().chain(self.unsighted.iter().copied())
    }

    /// What it names.
    fn nodes(&self) -> Vec<Node> {
        let units = self.reports().map(|report| Node::Unit(report.unit));
        let contents = self.reports().flat_map(|report| report.contents.iter().filter_map(Node::of));
        units.chain(contents).chain(self.sightings().map(|sighted| Node::Serial(sighted.serial))).collect()
    }

    /// From when on it can make a difference.
    fn rank(&self) -> (Timestamp, &str) {
        let sighted = self.sightings().map(|sighted| (sighted.seen_at, &*sighted.id));
        self.reports().map(UnitReport::rank).chain(sighted).min().expect("a change changes something")
    }

    /// What is left of `entry`s, and what is new.
    fn apply<'a>(&'a self, entries: &[Entry<'a>], key_of: impl Fn(AccountId) -> AccountKey) -> Vec<Entry<'a>> {
        let is_gone = |entry: &Entry<'_>| match *entry {
            Entry::Report(report) => self.withdrawn.contains(&report),
            Entry::Sighting { serial, at, id, .. } => {
                self.unsighted.iter().any(|gone| gone.serial == serial && gone.seen_at == at && &*gone.id == id)
            }
        };
        let mut entries: Vec<_> = entries.iter().filter(|entry| !is_gone(entry)).copied().collect();
        entries.extend(self.reported.iter().map(|(report, _)| Entry::Report(report)));
        entries.extend(self.sighted.iter().map(|sighted| {
            let place = sighted.place.map(&key_of);
            Entry::Sighting { serial: sighted.serial, at: sighted.seen_at, id: &sighted.id, place }
        }));
        entries.sort_by(|a, b| a.rank().cmp(&b.rank()));
        entries
    }
}

/// An event that names a handling unit.
pub(super) fn decide(draft: &mut Draft<'_>, event: &Event<'_>) -> Result<(), Rejection> {
    let counterpart = reason(draft, event)?.map(|reason| reason.counterpart);
    if !event.reference.is_empty() {
        draft.decision.reference = Some(event.reference.into());
    }
    let unit = draft.unit(event.handling_unit);
    let mut report = UnitReport {
        unit,
        seen_at: draft.occurred_at(),
        id: draft.rank_id(),
        deed: UnitDeed::Seen,
        place: None,
        status: None,
        counterpart: counterpart.unwrap_or(AccountKind::Variance),
        contents: Vec::new(),
        reference: event.reference.into(),
    };
    let here = (!event.location.is_empty()).then(|| draft.location(event.location).0);
    read(draft, event, here, counterpart, &mut report)?;
    note_surprises(draft, &report, here);
    let change = Change { reported: Some((&report, event.handling_unit)), ..Change::default() };
    settle(draft, &change, report.counterpart, event.expected_at)?;
    draft.decision.effects.push(Effect::UnitReported(Box::new(report)));
    Ok(())
}

/// What the event reports, by its kind.
fn read(
    draft: &mut Draft<'_>,
    event: &Event<'_>,
    here: Option<LocationId>,
    counterpart: Option<AccountKind>,
    report: &mut UnitReport,
) -> Result<(), Rejection> {
    let missing = |field| Rejection::MissingField { field };
    match event.kind {
        EventKind::ItemMoved | EventKind::ShipmentDispatched => {
            if event.to.is_empty() {
                return Err(missing("to"));
            }
            if event.kind == EventKind::ItemMoved && event.to == event.location {
                return Err(Rejection::NoChange { field: "to" });
            }
            let (to, warehouse) = draft.location(event.to);
            report.place = Some(match event.kind {
                EventKind::ItemMoved => UnitPlace::on_hand(to),
                _ => UnitPlace { kind: AccountKind::InTransit, location: warehouse },
            });
        }
        EventKind::ItemAdded | EventKind::ShipmentReceived => {
            report.place = Some(UnitPlace::on_hand(here.ok_or_else(|| missing("location"))?));
            if event.kind == EventKind::ItemAdded {
                report.deed = UnitDeed::Added;
                report.counterpart = counterpart.unwrap_or(AccountKind::Supplier);
            }
        }
        EventKind::ItemRemoved => {
            report.counterpart = counterpart.unwrap_or(AccountKind::Customer);
            let believed = draft.state.units.log(report.unit).and_then(|log| log.place).map(|place| place.location);
            let location = here.or(believed).ok_or_else(|| missing("location"))?;
            report.place = Some(UnitPlace { kind: report.counterpart, location });
        }
        EventKind::StatusChanged => {
            report.deed = UnitDeed::StatusChanged;
            report.status = Some(event.to_status.ok_or_else(|| missing("to_status"))?);
            report.place = here.map(UnitPlace::on_hand);
        }
        EventKind::UnitPacked | EventKind::UnitUnpacked => {
            let is_packed = event.kind == EventKind::UnitPacked;
            report.deed = if is_packed { UnitDeed::Packed } else { UnitDeed::Unpacked };
            report.place = Some(UnitPlace::on_hand(here.ok_or_else(|| missing("location"))?));
            report.contents = contents(draft, event)?;
            if is_packed && report.contents.is_empty() {
                return Err(missing("units"));
            }
        }
        _ => return Err(Rejection::UnitNotTaken),
    }
    Ok(())
}

/// What the event packs or unpacks: units, serialised units, or a quantity.
fn contents(draft: &mut Draft<'_>, event: &Event<'_>) -> Result<Vec<UnitContent>, Rejection> {
    if !event.units.is_empty() {
        let units = event.units().map(|unit| UnitContent::Unit(draft.unit(unit))).collect();
        return Ok(units);
    }
    if event.product.is_empty() {
        return Ok(Vec::new());
    }
    let subject = movement::subject(draft, event)?;
    let quantity = movement::moved(event, &subject)?;
    let (product, lot, status) = (subject.product, subject.lot, event.status);
    if event.serials.is_empty() {
        return Ok(vec![UnitContent::Stock { product, lot, status, quantity }]);
    }
    let serials = event.serials().map(|text| draft.serial(product, text));
    Ok(serials.map(|serial| UnitContent::Serial { serial, product, lot, status }).collect())
}

/// The unit, or one that was packed, was believed elsewhere; of the newest reports only.
fn note_surprises(draft: &mut Draft<'_>, report: &UnitReport, here: Option<LocationId>) {
    let units = &draft.state.units;
    let mut noted = Vec::new();
    let mut note = |unit: UnitId| {
        let Some(log) = units.log(unit).filter(|log| log.seen_at <= report.seen_at) else { return };
        let believed = log.place.filter(|place| place.kind.is_on_hand()).map(|place| place.location);
        if let Some((believed, seen)) = believed.zip(here).filter(|(believed, seen)| believed != seen) {
            noted.push(Discrepancy::UnitElsewhere { unit, believed, seen });
        }
    };
    note(report.unit);
    for content in &report.contents {
        let UnitContent::Unit(child) = content else { continue };
        note(*child);
    }
    for content in &report.contents {
        let (UnitContent::Unit(child), UnitDeed::Packed) = (content, report.deed) else { continue };
        let parent = units.log(*child).and_then(|log| log.parent).filter(|parent| *parent != report.unit);
        if let Some(parent) = parent {
            noted.push(Discrepancy::UnitInAnother { unit: *child, parent });
        }
    }
    draft.decision.discrepancies.extend(noted);
}

/// Posts what a change makes different, and says what follows from it. The caller notes the change itself, afterwards.
///
/// # Errors
/// [`Rejection::BeforeHistory`] for what is folded; for a new report what can't be, see [`Course`].
pub(super) fn settle(
    draft: &mut Draft<'_>,
    change: &Change<'_>,
    counterpart: AccountKind,
    expected_at: Option<Timestamp>,
) -> Result<(), Rejection> {
    let state = draft.state;
    let nodes = change.nodes();
    let cut = change.rank();
    if let Some(horizon) = state.units.horizon(nodes.iter().copied()).filter(|horizon| cut.0 < *horizon) {
        return Err(Rejection::BeforeHistory { horizon });
    }
    let scope = state.units.links.scope(nodes);
    let entries = state.units.entries(&scope, &state.chains, |account| draft.key_of(account));
    fold(draft, change, &scope, &entries)?;
    let key_of = |account| draft.key_of(account);
    let changed = change.apply(&entries, key_of);
    if changed.len() + change.withdrawn.len() + change.unsighted.len()
        != entries.len() + usize::from(change.reported.is_some()) + change.sighted.len()
    {
        // What should be withdrawn is no longer there.
        return Err(Rejection::BeforeHistory { horizon: cut.0.plus(1) });
    }
    let start = || state.units.course(&scope, &state.chains, key_of);
    let (before, after) = (run(start(), &entries, cut), run(start(), &changed, cut));
    if let Some((_, name)) = change.reported {
        refuse_faults(&before, &after, name)?;
    }
    if entries.last().is_none_or(|last| last.rank() <= cut) {
        for sighted in &change.sighted {
            let believed = before.serials.get(&sighted.serial).and_then(|at| at.place);
            let believed = believed.map(|key| draft.account(key));
            serial::note_surprise(draft, sighted.serial, believed, change.sighted_from, sighted.place);
        }
    }
    let mut flows = Flows { draft, counterpart, accounts: BTreeMap::new(), papers: BTreeMap::new() };
    before.steps.iter().for_each(|step| flows.add(step, -1));
    after.steps.iter().for_each(|step| flows.add(step, 1));
    flows.post(expected_at)?;
    outcome(draft, &before, &after);
    Ok(())
}

fn run<'a>(mut course: Course<'a>, entries: &[Entry<'a>], cut: (Timestamp, &str)) -> Course<'a> {
    for entry in entries {
        course.take(entry, entry.rank() >= cut);
    }
    course
}

/// Folds the older half once there is much of it.
fn fold(draft: &mut Draft<'_>, change: &Change<'_>, scope: &Scope, entries: &[Entry<'_>]) -> Result<(), Rejection> {
    let chains = &draft.state.chains;
    let chain = |sighted: &Sighted| chains.get(sighted.serial.index()).map(|chain| &chain.sightings);
    let full = change.sighted.iter().filter_map(chain).find(|sightings| sightings.len() >= SIGHTINGS_MAX);
    let middle = match full {
        Some(sightings) => sightings[sightings.len() / 2].at,
        None if entries.len() < ENTRIES_MAX => return Ok(()),
        None => entries[entries.len() / 2].rank().0,
    };
    let before = middle.min(change.rank().0);
    if entries.first().is_none_or(|first| first.rank().0 >= before) {
        // Ever older ones, or all of one time.
        let is_too_much = full.is_some() || entries.len() >= 2 * ENTRIES_MAX;
        return if is_too_much { Err(Rejection::BeforeHistory { horizon: middle.plus(1) }) } else { Ok(()) };
    }
    let length = |unit: &UnitId| draft.state.units.log(*unit).map_or(0, |log| log.reports.len());
    if let Some(unit) = scope.units.iter().copied().max_by_key(length).filter(|unit| length(unit) > 0) {
        draft.decision.effects.push(Effect::UnitsFolded { unit, before });
    }
    Ok(())
}

fn refuse_faults(before: &Course<'_>, after: &Course<'_>, unit: &str) -> Result<(), Rejection> {
    let (before, after) = (before.faults, after.faults);
    if after.cycles > before.cycles {
        return Err(Rejection::UnitCycle { unit: unit.into() });
    }
    if after.too_deep > before.too_deep {
        return Err(Rejection::UnitTooDeep { max: DEPTH_MAX });
    }
    if after.too_full > before.too_full {
        return Err(Rejection::UnitTooFull { max: CONTENTS_MAX });
    }
    Ok(())
}

/// What the steps of one course add and those of another take away.
struct Flows<'d, 's, 'a> {
    draft: &'d mut Draft<'s>,
    /// Where what moved by itself comes from and goes to.
    counterpart: AccountKind,
    accounts: BTreeMap<(Timestamp, AccountKey), i128>,
    /// What is open on its way, by document.
    papers: BTreeMap<(AccountKey, &'a str), i128>,
}

impl<'a> Flows<'_, '_, 'a> {
    fn add(&mut self, step: &Step<'a>, sign: i128) {
        let quantity = sign * i128::from(step.quantity);
        let counterpart = if step.reference.is_some() { step.counterpart } else { self.counterpart };
        let outside = match (step.from, step.to) {
            (Some(from), Some(to)) if from == to => return,
            (Some(from), Some(to)) if from.lot == to.lot => None,
            // Another lot than believed: each lot balances by itself.
            (Some(_), Some(_)) => Some(AccountKind::Variance),
            _ => Some(counterpart),
        };
        for (end, quantity) in [(step.from, -quantity), (step.to, quantity)] {
            let Some(key) = end else { continue };
            *self.accounts.entry((step.at, key)).or_default() += quantity;
            if let Some(kind) = outside {
                let other = key.nominal(kind, self.draft.warehouse_of(key.location));
                *self.accounts.entry((step.at, other)).or_default() -= quantity;
            }
            if let (AccountKind::InTransit, Some(reference)) = (key.kind, step.reference) {
                *self.papers.entry((key, reference)).or_default() += quantity;
            }
        }
    }

    /// Posts the sums: what leaves before what comes.
    fn post(self, expected_at: Option<Timestamp>) -> Result<(), Rejection> {
        let exact = |sum: i128| i64::try_from(sum).map(Quantity::from_micros).map_err(|_| Rejection::Overflow);
        let mut sums: Vec<_> = self.accounts.into_iter().filter(|(_, sum)| *sum != 0).collect();
        sums.sort_by_key(|((at, key), sum)| (*at, *sum > 0, *key));
        for ((at, key), sum) in sums {
            let account = self.draft.account(key);
            if key.kind.is_on_hand() {
                self.draft.shift(account, exact(sum)?, at)?;
            } else {
                self.draft.post(account, exact(sum)?, at, Role::Movement);
            }
        }
        for ((key, reference), sum) in self.papers.into_iter().filter(|(_, sum)| *sum != 0) {
            let account = self.draft.account(key);
            let expected_at = expected_at.filter(|_| sum > 0);
            self.draft.expect(account, reference, exact(sum)?, expected_at)?;
        }
        Ok(())
    }
}

/// Says what now stands otherwise.
fn outcome(draft: &mut Draft<'_>, before: &Course<'_>, after: &Course<'_>) {
    for (unit, now) in &after.units {
        let was = before.units.get(unit).cloned().unwrap_or_default();
        if (was.place, was.parent, was.seen_at) != (now.place, now.parent, now.seen_at) {
            let stands = UnitStands { unit: *unit, place: now.place, parent: now.parent, seen_at: now.seen_at };
            draft.decision.effects.push(Effect::UnitStands(stands));
        }
        let gone = was.lines.keys().filter(|line| !now.lines.contains_key(line)).map(|line| (*line, 0));
        let held = now.lines.iter().map(|(line, quantity)| (*line, *quantity));
        for (line, micros) in gone.chain(held) {
            if was.lines.get(&line).copied().unwrap_or(0) != micros {
                let ((product, lot, status), quantity) = (line, Quantity::from_micros(micros));
                let holds = UnitHolds { unit: *unit, product, lot, status, quantity };
                draft.decision.effects.push(Effect::UnitHolds(holds));
            }
        }
    }
    for (serial, now) in &after.serials {
        let was = before.serials.get(serial).cloned().unwrap_or_default();
        if (was.unit, was.place) != (now.unit, now.place) {
            let place = now.place.map(|key| draft.account(key));
            let stands = Effect::SerialStands { serial: *serial, unit: now.unit, place };
            draft.decision.effects.push(stands);
        }
    }
}

/// Whether a serialised unit's place may follow from that of a handling unit.
pub(super) fn concerns(draft: &Draft<'_>, serial: SerialId) -> bool {
    draft.state.units.knows(serial)
}
