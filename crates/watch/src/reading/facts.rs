//! What conditions of users' own can ask about readings.

use super::guard::in_celsius;
use super::{Readings, StreamRef};
use crate::own::ReadingFacts;
use ledger::{PartyId, State};

impl Readings {
    /// The facts of a reading that was just taken: beside the figure, how it stands against all limits that guard it.
    pub(crate) fn own_facts<'s>(
        &self,
        state: &'s State,
        party: PartyId,
        metric: &'s str,
        (unit, value): (&'s str, f64),
    ) -> ReadingFacts<'s> {
        let device = state.catalog().party(party);
        let location = state.catalog().device(device).map_or("", |card| &card.location);
        let stream = self.index.get(&StreamRef(party, metric)).map(|index| &self.streams[*index as usize]);
        let guards = stream.map_or(&[][..], |stream| &stream.guards);
        let minutes =
            guards.iter().filter_map(|guard| guard.outside.episode()).map(|episode| episode.minutes_outside());
        ReadingFacts {
            device,
            metric,
            value: in_celsius(metric, unit, value),
            unit: (!unit.is_empty()).then_some(unit),
            location: (!location.is_empty()).then_some(location),
            minutes_outside: minutes.fold(0.0, f64::max),
            zone_min: guards.iter().filter_map(|guard| guard.limits().min).reduce(f64::max),
            zone_max: guards.iter().filter_map(|guard| guard.limits().max).reduce(f64::min),
        }
    }
}
