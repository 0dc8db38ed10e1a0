//! The course of events: where units stand and what they hold, from what was reported of them, by time.
//!
//! A unit that is seen takes along all that it holds, units nested in it included. A unit that is seen elsewhere than
//! the one it is in has left it, and so has a serialised unit. What is packed is where the packing unit is seen; what is
//! unpacked stays there. Every set of reports has a course: what can't be (a unit in itself) is passed over and counted.

use super::{LineKey, UnitContent, UnitDeed, UnitPlace, UnitReport};
use crate::{AccountKey, AccountKind, SerialId, Status, Timestamp, UnitId};
use std::collections::{BTreeMap, BTreeSet};

/// Levels of nesting.
pub(crate) const DEPTH_MAX: u32 = 8;

/// Lines, serials and units in one unit, nested ones included.
pub(crate) const CONTENTS_MAX: u32 = 5_000;

/// A whole serialised unit, in micro-units.
const ONE: i64 = 1_000_000;

/// How a unit stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Standing {
    pub(crate) place: Option<UnitPlace>,
    pub(crate) parent: Option<UnitId>,
    pub(crate) seen_at: Timestamp,
    pub(crate) lines: BTreeMap<LineKey, i64>,
    children: BTreeSet<UnitId>,
    serials: BTreeSet<SerialId>,
}

impl Default for Standing {
    fn default() -> Self {
        Self::new(None, None, Timestamp::MIN, BTreeMap::new())
    }
}

impl Standing {
    pub(crate) const fn new(
        place: Option<UnitPlace>,
        parent: Option<UnitId>,
        seen_at: Timestamp,
        lines: BTreeMap<LineKey, i64>,
    ) -> Self {
        Self { place, parent, seen_at, lines, children: BTreeSet::new(), serials: BTreeSet::new() }
    }

    /// Without what others say too: who its children and serials are.
    pub(crate) fn alone(self) -> Self {
        Self::new(self.place, self.parent, self.seen_at, self.lines)
    }
}

/// Where a serialised unit is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Whereabouts {
    pub(crate) place: Option<AccountKey>,
    pub(crate) unit: Option<UnitId>,
    /// What it is, as last seen or, if never seen, as packed.
    pub(crate) line: Option<LineKey>,
}

impl Whereabouts {
    pub(crate) fn seen(place: Option<AccountKey>) -> Self {
        Self { place, unit: None, line: place.map(|key| line_of(key, None)) }
    }
}

/// What stock in an account is; in transit nothing is said of its status.
fn line_of(key: AccountKey, known: Option<LineKey>) -> LineKey {
    let status = key.kind.status().or(known.map(|(_, _, status)| status));
    (key.product, key.lot, status.unwrap_or_default())
}

/// Something that happened, by time.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Entry<'a> {
    Report(&'a UnitReport),
    Sighting { serial: SerialId, at: Timestamp, id: &'a str, place: Option<AccountKey> },
}

impl<'a> Entry<'a> {
    pub(crate) fn rank(&self) -> (Timestamp, &'a str) {
        match *self {
            Entry::Report(report) => report.rank(),
            Entry::Sighting { at, id, .. } => (at, id),
        }
    }
}

/// Stock that went from one account to another; `None` is outside.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Step<'a> {
    pub(crate) at: Timestamp,
    pub(crate) from: Option<AccountKey>,
    pub(crate) to: Option<AccountKey>,
    pub(crate) counterpart: AccountKind,
    pub(crate) quantity: i64,
    /// The document, for what moved with a unit; `None` for what moved by itself.
    pub(crate) reference: Option<&'a str>,
}

/// What can't be, and how often it was reported.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Faults {
    /// Of units in themselves.
    pub(crate) cycles: u32,
    pub(crate) too_deep: u32,
    pub(crate) too_full: u32,
}

/// How units stand after what was taken, and what moved with it. See the module.
#[derive(Debug, Default)]
pub(crate) struct Course<'a> {
    pub(crate) units: BTreeMap<UnitId, Standing>,
    pub(crate) serials: BTreeMap<SerialId, Whereabouts>,
    pub(crate) steps: Vec<Step<'a>>,
    pub(crate) faults: Faults,
}

/// Where stock goes with a report, and whether that is noted.
struct Ride<'a> {
    report: &'a UnitReport,
    is_noted: bool,
}

impl<'a> Course<'a> {
    /// Tells units what they hold, when only those held say so.
    pub(crate) fn join(&mut self) {
        let parents: Vec<_> = self.units.iter().filter_map(|(unit, at)| Some((*unit, at.parent?))).collect();
        for (unit, parent) in parents {
            self.units.entry(parent).or_default().children.insert(unit);
        }
        let holders: Vec<_> = self.serials.iter().filter_map(|(serial, at)| Some((*serial, at.unit?))).collect();
        for (serial, unit) in holders {
            self.units.entry(unit).or_default().serials.insert(serial);
        }
    }

    /// Takes what happened next. `is_noted`: what moves with it is a step.
    pub(crate) fn take(&mut self, entry: &Entry<'a>, is_noted: bool) {
        match *entry {
            Entry::Report(report) => self.take_report(&Ride { report, is_noted }),
            Entry::Sighting { serial, at, place, .. } => self.take_sighting(serial, at, place, is_noted),
        }
    }

    fn take_report(&mut self, ride: &Ride<'a>) {
        let report = ride.report;
        match (report.deed, report.place) {
            (UnitDeed::Added, Some(place)) => self.stand(report.unit, place, true, ride),
            (_, Some(place)) => self.stand(report.unit, place, false, ride),
            (_, None) => {}
        }
        match report.deed {
            UnitDeed::Seen | UnitDeed::Added => {}
            UnitDeed::StatusChanged => self.change_status(ride),
            UnitDeed::Packed => {
                report.contents.iter().for_each(|content| self.pack(report.unit, content, ride));
                if ride.is_noted && self.contents_of_root(report.unit) > CONTENTS_MAX {
                    self.faults.too_full += 1;
                }
            }
            UnitDeed::Unpacked if report.contents.is_empty() => self.empty(report.unit),
            UnitDeed::Unpacked => report.contents.iter().for_each(|content| self.unpack(report.unit, content, ride)),
        }
    }

    fn take_sighting(&mut self, serial: SerialId, at: Timestamp, place: Option<AccountKey>, is_noted: bool) {
        let known = self.serials.entry(serial).or_default();
        let before = std::mem::replace(&mut known.place, place);
        known.line = place.map(|key| line_of(key, known.line)).or(known.line);
        if is_noted {
            let counterpart = AccountKind::Variance;
            self.steps.push(Step { at, from: before, to: place, counterpart, quantity: ONE, reference: None });
        }
        let unit = known.unit;
        let is_with = |at: UnitPlace| place.map_or(!at.is_inside(), |key| at.holds(key));
        let stays = |unit| self.units.get(&unit).and_then(|at| at.place).is_some_and(is_with);
        if unit.is_some_and(|unit| !stays(unit)) {
            self.put_serial(serial, None);
        }
    }

    /// A unit is seen at a place: there it is with all that it holds, and no longer in one that is elsewhere.
    fn stand(&mut self, unit: UnitId, place: UnitPlace, is_added: bool, ride: &Ride<'a>) {
        let parent = self.units.entry(unit).or_default().parent;
        let is_with = |parent: UnitId| self.units[&parent].place.is_some_and(|at| at.is(place));
        if parent.is_some_and(|parent| !is_with(parent)) {
            self.put_unit(unit, None);
        }
        for member in self.tree(unit) {
            self.carry(member, place, is_added, ride);
        }
    }

    fn carry(&mut self, unit: UnitId, place: UnitPlace, is_added: bool, ride: &Ride<'a>) {
        let standing = self.units.get_mut(&unit).expect("a member of a tree is known");
        let before = standing.place.replace(place);
        standing.seen_at = ride.report.seen_at;
        if before.is_some_and(|before| before.is(place)) && !is_added {
            return;
        }
        for (line, quantity) in &standing.lines {
            let from = if is_added { None } else { before.and_then(|before| before.key(*line)) };
            note(&mut self.steps, ride, from, place.key(*line), *quantity);
        }
        for serial in &standing.serials {
            let at = self.serials.get_mut(serial).expect("what a unit holds is known");
            let to = at.line.and_then(|line| place.key(line));
            note(&mut self.steps, ride, at.place, to, ONE);
            at.place = to;
        }
    }

    fn change_status(&mut self, ride: &Ride<'a>) {
        let Some(status) = ride.report.status else { return };
        for member in self.tree(ride.report.unit) {
            let standing = self.units.get_mut(&member).expect("a member of a tree is known");
            let place = standing.place;
            let key = |line| place.and_then(|place| place.key(line));
            for (line, quantity) in std::mem::take(&mut standing.lines) {
                let changed = with_status(line, status);
                note(&mut self.steps, ride, key(line), key(changed), quantity);
                let sum = standing.lines.entry(changed).or_default();
                *sum = sum.saturating_add(quantity);
            }
            for serial in &standing.serials {
                let at = self.serials.get_mut(serial).expect("what a unit holds is known");
                at.line = at.line.map(|line| with_status(line, status));
                // One that was never seen stays unseen.
                if at.place.is_some() {
                    let to = at.line.and_then(key);
                    note(&mut self.steps, ride, at.place, to, ONE);
                    at.place = to;
                }
            }
        }
    }

    fn pack(&mut self, unit: UnitId, content: &UnitContent, ride: &Ride<'a>) {
        match *content {
            UnitContent::Stock { product, lot, status, quantity } => {
                let lines = &mut self.units.entry(unit).or_default().lines;
                let sum = lines.entry((product, lot, status)).or_default();
                *sum = sum.saturating_add(quantity.micros());
            }
            UnitContent::Serial { serial, product, lot, status } => {
                let at = self.serials.entry(serial).or_default();
                if at.place.is_none() {
                    at.line = Some((product, lot, status));
                }
                self.put_serial(serial, Some(unit));
            }
            UnitContent::Unit(child) => {
                if let Some(place) = ride.report.place {
                    self.stand_apart(child, unit, place, ride);
                }
            }
        }
    }

    /// Puts a unit into another that stands at `place`.
    fn stand_apart(&mut self, child: UnitId, parent: UnitId, place: UnitPlace, ride: &Ride<'a>) {
        self.units.entry(child).or_default();
        if self.ancestors(parent).any(|unit| unit == child) {
            self.faults.cycles += u32::from(ride.is_noted);
            return;
        }
        self.stand(child, place, false, ride);
        self.put_unit(child, Some(parent));
        if ride.is_noted && self.level(parent) + self.height(child) > DEPTH_MAX {
            self.faults.too_deep += 1;
        }
    }

    fn unpack(&mut self, unit: UnitId, content: &UnitContent, ride: &Ride<'a>) {
        match *content {
            UnitContent::Stock { product, lot, status, quantity } => {
                let lines = &mut self.units.entry(unit).or_default().lines;
                let Some(held) = lines.get_mut(&(product, lot, status)) else { return };
                *held = held.saturating_sub(quantity.micros());
                if *held <= 0 {
                    lines.remove(&(product, lot, status));
                }
            }
            UnitContent::Serial { serial, .. } => {
                if self.serials.entry(serial).or_default().unit == Some(unit) {
                    self.put_serial(serial, None);
                }
            }
            UnitContent::Unit(child) => {
                // It stands where it was taken out, be it from this unit or from another.
                if let Some(place) = ride.report.place {
                    self.units.entry(child).or_default();
                    self.stand(child, place, false, ride);
                }
                if self.units[&child].parent == Some(unit) {
                    self.put_unit(child, None);
                }
            }
        }
    }

    fn empty(&mut self, unit: UnitId) {
        let standing = self.units.entry(unit).or_default();
        standing.lines.clear();
        let (children, serials) = (standing.children.clone(), standing.serials.clone());
        children.into_iter().for_each(|child| self.put_unit(child, None));
        serials.into_iter().for_each(|serial| self.put_serial(serial, None));
    }

    fn put_unit(&mut self, unit: UnitId, parent: Option<UnitId>) {
        let before = std::mem::replace(&mut self.units.entry(unit).or_default().parent, parent);
        if let Some(before) = before {
            self.units.entry(before).or_default().children.remove(&unit);
        }
        if let Some(parent) = parent {
            self.units.entry(parent).or_default().children.insert(unit);
        }
    }

    fn put_serial(&mut self, serial: SerialId, unit: Option<UnitId>) {
        let before = std::mem::replace(&mut self.serials.entry(serial).or_default().unit, unit);
        if let Some(before) = before {
            self.units.entry(before).or_default().serials.remove(&serial);
        }
        if let Some(unit) = unit {
            self.units.entry(unit).or_default().serials.insert(serial);
        }
    }

    /// A unit and all in it, outer ones first.
    pub(crate) fn tree(&self, unit: UnitId) -> Vec<UnitId> {
        let mut tree = vec![unit];
        let mut next = 0;
        while let Some(unit) = tree.get(next) {
            tree.extend(&self.units[unit].children);
            next += 1;
        }
        tree
    }

    /// A unit and those that it is in, inner ones first.
    fn ancestors(&self, unit: UnitId) -> impl Iterator<Item = UnitId> {
        std::iter::successors(Some(unit), |unit| self.units.get(unit).and_then(|at| at.parent))
    }

    fn level(&self, unit: UnitId) -> u32 {
        self.ancestors(unit).fold(0, |level, _| level + 1)
    }

    fn height(&self, unit: UnitId) -> u32 {
        1 + self.units[&unit].children.iter().map(|child| self.height(*child)).max().unwrap_or(0)
    }

    fn contents_of_root(&self, unit: UnitId) -> u32 {
        let root = self.ancestors(unit).last().unwrap_or(unit);
        let count = |unit: &UnitId| {
            let at = &self.units[unit];
            at.lines.len() + at.serials.len() + at.children.len()
        };
        u32::try_from(self.tree(root).iter().map(count).sum::<usize>()).unwrap_or(u32::MAX)
    }
}

const fn with_status((product, lot, _): LineKey, status: Status) -> LineKey {
    (product, lot, status)
}

fn note<'a>(
    steps: &mut Vec<Step<'a>>,
    ride: &Ride<'a>,
    from: Option<AccountKey>,
    to: Option<AccountKey>,
    quantity: i64,
) {
    if ride.is_noted && from != to {
        let UnitReport { seen_at, counterpart, reference, .. } = ride.report;
        let reference: Option<&'a str> = Some(reference);
        steps.push(Step { at: *seen_at, from, to, counterpart: *counterpart, quantity, reference });
    }
}
