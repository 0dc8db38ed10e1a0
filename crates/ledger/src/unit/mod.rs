//! Handling units: pallets, cases and totes that move as one with all that is in them, other units included.
//!
//! What is kept is what was reported, by time; where each unit stands and what it holds follows from the reports of all
//! units that have to do with each other, and from the sightings of the serialised units ever packed in them (see
//! [`Course`]). So the order in which reports arrive can't matter. Knows no rule on what may be reported.

mod course;
mod links;

pub(crate) use course::{CONTENTS_MAX, Course, DEPTH_MAX, Entry, Standing, Step, Whereabouts};
pub(crate) use links::{Links, Node, Scope};

use crate::serial::Chain;
use crate::{
    AccountId, AccountKey, AccountKind, LocationId, LotId, ProductId, Quantity, SerialId, Status, Timestamp, UnitId,
};
use std::collections::BTreeMap;

/// What was reported of a unit. The numbers are written to the journal and never change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum UnitDeed {
    /// It is at `place`, wherever it was.
    Seen = 1,
    /// It and what it holds came to `place` from outside.
    Added = 2,
    /// What it holds is in `status` from now on.
    StatusChanged = 3,
    /// `contents`, which stood at `place`, went into it.
    Packed = 4,
    /// `contents` came out of it at `place`; all that it held when there are none.
    Unpacked = 5,
}

impl UnitDeed {
    /// Every deed, in the order of their numbers.
    pub const ALL: [Self; 5] = [Self::Seen, Self::Added, Self::StatusChanged, Self::Packed, Self::Unpacked];

    /// The deed with this number in the journal.
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|deed| *deed as u8 == number)
    }
}

/// Where a unit is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UnitPlace {
    /// [`AccountKind::Available`] for on hand, whatever the status of what it holds; [`AccountKind::InTransit`]; or,
    /// for a unit that left us, the account that it went to.
    pub kind: AccountKind,
    /// On hand the exact location, in transit the warehouse that it goes to, outside the place that it left from.
    pub location: LocationId,
}

impl UnitPlace {
    pub(crate) const fn on_hand(location: LocationId) -> Self {
        Self { kind: AccountKind::Available, location }
    }

    /// Whether the unit is with us, on hand or on its way.
    pub const fn is_inside(self) -> bool {
        self.kind.is_on_hand() || matches!(self.kind, AccountKind::InTransit)
    }

    /// Whether it is the same place; outside is one place.
    pub(crate) fn is(self, other: Self) -> bool {
        self == other || !(self.is_inside() || other.is_inside())
    }

    /// The account of stock in a unit there; `None` outside.
    pub(crate) fn key(self, (product, lot, status): LineKey) -> Option<AccountKey> {
        let kind = if self.kind.is_on_hand() { AccountKind::on_hand(status) } else { self.kind };
        self.is_inside().then_some(AccountKey { kind, product, location: self.location, lot })
    }

    /// Whether stock in this account stands where a unit here does.
    pub(crate) fn holds(self, account: AccountKey) -> bool {
        self.is_inside() && self.kind.is_on_hand() == account.kind.is_on_hand() && self.location == account.location
    }
}

/// One thing packed or unpacked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnitContent {
    /// So much of a product.
    Stock {
        /// Which product.
        product: ProductId,
        /// Of which lot.
        lot: LotId,
        /// In which status.
        status: Status,
        /// How much; above zero.
        quantity: Quantity,
    },
    /// A serialised unit.
    Serial {
        /// Which.
        serial: SerialId,
        /// Of which product.
        product: ProductId,
        /// Of which lot.
        lot: LotId,
        /// In which status.
        status: Status,
    },
    /// Another handling unit.
    Unit(UnitId),
}

/// What was reported of a handling unit at a time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnitReport {
    /// Which unit.
    pub unit: UnitId,
    /// When.
    pub seen_at: Timestamp,
    /// The event's id, the last resort between reports of equal time.
    pub id: Box<str>,
    /// What it did or what was done to it.
    pub deed: UnitDeed,
    /// Where it is from then on, when that was said.
    pub place: Option<UnitPlace>,
    /// In which status what it holds is from then on, for changes of status.
    pub status: Option<Status>,
    /// Where stock comes from and goes to that enters or leaves our places with it.
    pub counterpart: AccountKind,
    /// What was packed or unpacked.
    pub contents: Vec<UnitContent>,
    /// The document that it belongs to; empty when it has none.
    pub reference: Box<str>,
}

impl UnitReport {
    pub(crate) fn rank(&self) -> (Timestamp, &str) {
        (self.seen_at, &self.id)
    }
}

/// Where a handling unit stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnitStands {
    /// Which unit.
    pub unit: UnitId,
    /// Where; `None` while nobody saw it.
    pub place: Option<UnitPlace>,
    /// The unit that it is in.
    pub parent: Option<UnitId>,
    /// When it was last seen, or moved with the unit that it is in; [`Timestamp::MIN`] while nobody saw it.
    pub seen_at: Timestamp,
}

/// How much of some stock a handling unit holds by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnitHolds {
    /// Which unit.
    pub unit: UnitId,
    /// Of which product.
    pub product: ProductId,
    /// Of which lot.
    pub lot: LotId,
    /// In which status.
    pub status: Status,
    /// How much; zero when no more.
    pub quantity: Quantity,
}

/// What a unit holds of is known by: product, lot, status.
pub(crate) type LineKey = (ProductId, LotId, Status);

/// What was reported of one unit.
#[derive(Clone, Debug, Default)]
pub(crate) struct Log {
    /// Reports before this are folded into `base`.
    pub(crate) horizon: Option<Timestamp>,
    /// How it stood at the horizon; its children and serials are not kept here.
    pub(crate) base: Standing,
    /// Where it now stands, in which unit, and since when: what follows, as the newest decision said.
    pub(crate) place: Option<UnitPlace>,
    pub(crate) parent: Option<UnitId>,
    pub(crate) seen_at: Timestamp,
    /// By (time, id).
    pub(crate) reports: Vec<UnitReport>,
}

/// How a serialised unit stood at a horizon.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SerialBase {
    pub(crate) horizon: Timestamp,
    pub(crate) at: Whereabouts,
}

/// All that was reported of handling units.
#[derive(Clone, Debug, Default)]
pub(crate) struct Units {
    pub(crate) logs: Vec<Log>,
    pub(crate) serials: BTreeMap<SerialId, SerialBase>,
    pub(crate) links: Links,
}

impl Units {
    /// Whether a serialised unit was ever packed, so that its place may follow from a handling unit's.
    pub(crate) fn knows(&self, serial: SerialId) -> bool {
        self.links.has(Node::Serial(serial)) || self.serials.contains_key(&serial)
    }

    pub(crate) fn log(&self, unit: UnitId) -> Option<&Log> {
        self.logs.get(unit.index())
    }

    /// The latest horizon of what is in `scope`: nothing before it can be reported any more.
    pub(crate) fn horizon(&self, nodes: impl IntoIterator<Item = Node>) -> Option<Timestamp> {
        let of = |node| match node {
            Node::Unit(unit) => self.log(unit).and_then(|log| log.horizon),
            Node::Serial(serial) => self.serials.get(&serial).map(|base| base.horizon),
        };
        nodes.into_iter().filter_map(of).max()
    }

    /// All reports and sightings of what is in `scope`, by (time, id).
    pub(crate) fn entries<'a>(
        &'a self,
        scope: &Scope,
        chains: &'a [Chain],
        key_of: impl Fn(AccountId) -> AccountKey,
    ) -> Vec<Entry<'a>> {
        let logs = scope.units.iter().filter_map(|unit| self.log(*unit));
        let mut entries: Vec<_> = logs.flat_map(|log| &log.reports).map(Entry::Report).collect();
        for serial in &scope.serials {
            let horizon = self.serials.get(serial).map_or(Timestamp::MIN, |base| base.horizon);
            let sightings = chains.get(serial.index()).map_or(&[][..], |chain| &chain.sightings);
            let later = sightings.iter().filter(|sighting| sighting.at >= horizon);
            entries.extend(later.map(|sighting| {
                let place = sighting.place.map(&key_of);
                Entry::Sighting { serial: *serial, at: sighting.at, id: &sighting.id, place }
            }));
        }
        entries.sort_by(|a, b| a.rank().cmp(&b.rank()));
        entries
    }

    /// How what is in `scope` stood at its horizons.
    pub(crate) fn course<'a>(
        &self,
        scope: &Scope,
        chains: &[Chain],
        key_of: impl Fn(AccountId) -> AccountKey,
    ) -> Course<'a> {
        let mut course = Course::default();
        for unit in &scope.units {
            course.units.insert(*unit, self.log(*unit).map(|log| log.base.clone()).unwrap_or_default());
        }
        for serial in &scope.serials {
            let origin = || {
                let place = chains.get(serial.index()).and_then(|chain| chain.origin).map(&key_of);
                Whereabouts::seen(place)
            };
            let at = self.serials.get(serial).map_or_else(origin, |base| base.at.clone());
            course.serials.insert(*serial, at);
        }
        course.join();
        course
    }

    pub(crate) fn stands(&mut self, stands: &UnitStands) {
        let log = &mut self.logs[stands.unit.index()];
        (log.place, log.parent, log.seen_at) = (stands.place, stands.parent, stands.seen_at);
    }

    pub(crate) fn insert(&mut self, report: &UnitReport) {
        self.links.add(report);
        let reports = &mut self.logs[report.unit.index()].reports;
        let index = reports.partition_point(|other| other.rank() <= report.rank());
        reports.insert(index, report.clone());
    }

    pub(crate) fn remove(&mut self, report: &UnitReport) {
        let reports = &mut self.logs[report.unit.index()].reports;
        if let Some(index) = reports.iter().position(|other| other == report) {
            self.links.remove(&reports.remove(index));
        }
    }

    /// Folds what is before `before` of `unit` and all that it has to do with.
    pub(crate) fn fold(
        &mut self,
        unit: UnitId,
        before: Timestamp,
        chains: &[Chain],
        key_of: impl Fn(AccountId) -> AccountKey,
    ) {
        let scope = self.links.scope([Node::Unit(unit)]);
        let mut course = self.course(&scope, chains, &key_of);
        for entry in self.entries(&scope, chains, &key_of).into_iter().take_while(|entry| entry.rank().0 < before) {
            course.take(&entry, false);
        }
        let Course { units, serials, .. } = course;
        for (unit, standing) in units {
            let log = &mut self.logs[unit.index()];
            let first_kept = log.reports.partition_point(|report| report.seen_at < before);
            let folded: Vec<_> = log.reports.drain(..first_kept).collect();
            folded.iter().for_each(|report| self.links.remove(report));
            self.links.swap_parent(unit, log.base.parent, standing.parent);
            log.base = standing.alone();
            log.horizon = Some(before.max(log.horizon.unwrap_or(before)));
        }
        for (serial, at) in serials {
            let known = self.serials.get(&serial);
            self.links.swap_holder(serial, known.and_then(|base| base.at.unit), at.unit);
            let horizon = known.map_or(before, |base| base.horizon.max(before));
            self.serials.insert(serial, SerialBase { horizon, at });
        }
    }

    /// Finds the links anew, after an image was read.
    pub(crate) fn relink(&mut self) {
        self.links = Links::default();
        for (index, log) in self.logs.iter().enumerate() {
            log.reports.iter().for_each(|report| self.links.add(report));
            self.links.swap_parent(UnitId::at(index), None, log.base.parent);
        }
        for (serial, base) in &self.serials {
            self.links.swap_holder(*serial, None, base.at.unit);
        }
    }
}
