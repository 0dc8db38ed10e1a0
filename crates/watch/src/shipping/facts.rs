//! What conditions of users' own can ask about shipments.

use super::Shipping;
use super::judge::Look;
use crate::own::ShipmentFacts;
use crate::rule::float;
use crate::shipment::Stage;
use ledger::{Quantity, Timestamp};

const HOUR: f64 = 3_600.0e6;

impl Shipping {
    /// How many places there are for shipments.
    pub(crate) fn places(&self) -> usize {
        self.slots.len()
    }

    /// The shipment at a place, if one is followed there.
    pub(crate) fn at(&self, index: usize) -> Option<&str> {
        Some(&self.slots.get(index)?.as_ref()?.shipment)
    }

    /// Shows the facts of a shipment at a time; `None` for one that is not followed.
    pub(crate) fn own_facts<T>(
        &self,
        shipment: &str,
        now: Timestamp,
        work: impl FnOnce(&ShipmentFacts<'_>) -> T,
    ) -> Option<T> {
        let index = *self.index.get(shipment)?;
        self.with_look(index, now, true, |look| work(&look.own_facts()))
    }
}

impl<'s> Look<'s> {
    fn own_facts(&self) -> ShipmentFacts<'s> {
        let card = self.shipment.card();
        let text = |text: &'s str| (!text.is_empty()).then_some(text);
        let hours = |from: Timestamp, to: Timestamp| float(to.0.saturating_sub(from.0)) / HOUR;
        let promised_at = self.promised_at();
        let is_over = self.stage().is_none_or(Stage::is_over);
        let is_past = promised_at.is_some_and(|promised_at| self.at > promised_at) && !is_over;
        let milestones = self.journey.milestones();
        let ended_at = milestones.arrived.or(milestones.received).map(|end| end.at);
        let arrives_at = match (is_over, self.estimate) {
            (true, _) => ended_at,
            (false, Some(estimate)) => Some(estimate.median_at.max(self.at)),
            (false, None) => is_past.then_some(self.at),
        };
        let late = promised_at.zip(arrives_at).map_or(0.0, |(promised_at, at)| hours(promised_at, at).max(0.0));
        let probability = self.estimate.and_then(|estimate| estimate.late_probability);
        let over = |sum: i64, quantity: Quantity| sum.saturating_add(quantity.micros().max(0));
        let is_on_its_way = self.is_on_its_way();
        ShipmentFacts {
            id: self.id,
            from: card.map_or("", |card| &card.from),
            to: card.map_or("", |card| &card.to),
            carrier: card.and_then(|card| text(&card.carrier)),
            mode: card.map(|card| card.mode.name()),
            state: self.stage().map_or("", Stage::name),
            late_probability: if is_past { Some(1.0) } else { probability },
            hours_to_promise: promised_at.map(|promised_at| hours(self.at, promised_at)),
            hours_late: late,
            remaining_km: self.estimate.and_then(|estimate| estimate.remaining_m).map(|metres| metres / 1_000.0),
            hours_since_position: self.journey.position().map(|fix| hours(fix.at, self.at).max(0.0)),
            is_stopped: is_on_its_way && self.journey.stops().0.last().is_some_and(|stop| !stop.is_over),
            is_off_route: is_on_its_way && self.journey.detours().0.last().is_some_and(|detour| !detour.is_over),
            over_received: float(self.lines.values().map(|line| line.over()).fold(0, over)) / 1e6,
        }
    }
}
