//! Where each serialised unit was seen: a unit is in one place, that of its newest sighting.

use crate::{AccountId, Sighted, Timestamp};

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Sighting {
    pub(crate) at: Timestamp,
    pub(crate) id: Box<str>,
    /// `None`: it left us.
    pub(crate) place: Option<AccountId>,
}

impl Sighting {
    pub(crate) fn rank(&self) -> (Timestamp, &str) {
        (self.at, &self.id)
    }
}

/// The sightings of one unit, by (time, id); only the newest [`Chain::SIGHTINGS_MAX`] are kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Chain {
    /// Where it was before the oldest sighting kept.
    pub(crate) origin: Option<AccountId>,
    /// When the newest sighting was that is no longer kept.
    pub(crate) horizon: Option<Timestamp>,
    pub(crate) sightings: Vec<Sighting>,
}

/// Where a sighting falls in a chain.
pub(crate) struct Between {
    /// Where the unit was believed just before.
    pub(crate) before: Option<AccountId>,
    /// When it was next seen.
    pub(crate) next: Option<Timestamp>,
}

impl Chain {
    /// A unit that is seen more often forgets where it was long ago.
    pub(crate) const SIGHTINGS_MAX: usize = 256;

    /// The latest time at which a sighting would fall among those no longer kept, when `at` is not past it.
    pub(crate) fn forbids(&self, at: Timestamp) -> Option<Timestamp> {
        self.horizon.filter(|horizon| at <= *horizon)
    }

    pub(crate) fn place(&self, at: Timestamp, id: &str) -> Between {
        let after = self.sightings.partition_point(|other| other.rank() <= (at, id));
        self.between(after, after)
    }

    /// Where a sighting falls that stands in the chain, as if it did not; `None` when it does not.
    pub(crate) fn place_without(&self, sighted: &Sighted) -> Option<Between> {
        let at = self.find(sighted)?;
        Some(self.between(at, at + 1))
    }

    fn between(&self, before: usize, after: usize) -> Between {
        Between {
            before: before.checked_sub(1).map_or(self.origin, |index| self.sightings[index].place),
            next: self.sightings.get(after).map(|sighting| sighting.at),
        }
    }

    pub(crate) fn insert(&mut self, sighted: &Sighted) {
        let sighting = Sighting { at: sighted.seen_at, id: sighted.id.clone(), place: sighted.place };
        let index = self.sightings.partition_point(|other| other.rank() <= sighting.rank());
        self.sightings.insert(index, sighting);
        if self.sightings.len() > Self::SIGHTINGS_MAX {
            let dropped = self.sightings.remove(0);
            self.origin = dropped.place;
            self.horizon = Some(dropped.at);
        }
    }

    pub(crate) fn remove(&mut self, sighted: &Sighted) {
        if let Some(index) = self.find(sighted) {
            self.sightings.remove(index);
        }
    }

    fn find(&self, sighted: &Sighted) -> Option<usize> {
        self.sightings
            .iter()
            .position(|other| other.rank() == (sighted.seen_at, &*sighted.id) && other.place == sighted.place)
    }
}
