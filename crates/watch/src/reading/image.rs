//! The image of what is watched of readings. What rules say is looked up when it is read.

use super::exposed::{HotZone, Zones};
use super::guard::Guard;
use super::{Readings, StreamRef};
use crate::cold::{Budget, Exposure, KineticMean};
use crate::desk::Desk;
use crate::sensor::{Detector, Settings};
use ledger::{ImageError, LotId, PartyId, Sink, Source, Timestamp};

impl Readings {
    pub(crate) fn save(&self, to: &mut impl Sink) {
        to.put_u64(self.unwatched);
        to.put_length(self.streams.len());
        for stream in &self.streams {
            to.put_u32(stream.party.0);
            to.put_text(&stream.metric);
            to.put_i64(stream.heard_at.0);
            to.put_i64(stream.kinetic_hour);
            to.put_u8(stream.holds);
            to.put_length(stream.guards.len());
            for guard in &stream.guards {
                put_guard(to, guard);
            }
            to.put_option(stream.detector.as_ref(), |to, detector| detector.save(to));
            to.put_option(stream.kinetic.as_ref(), |to, kinetic| kinetic.save(to));
        }
        to.put_length(self.zones.hot.len());
        for ((index, rule), zone) in &self.zones.hot {
            to.put_u32(*index);
            for text in [rule, &zone.path, &zone.product, &zone.category, &zone.reference] {
                to.put_text(text);
            }
        }
        to.put_length(self.zones.budgets.len());
        for ((lot, rule), budget) in &self.zones.budgets {
            to.put_u32(lot.0);
            to.put_text(rule);
            budget.save(to);
        }
    }

    /// Reads the image into an empty watch, and sets the timers that follow from it.
    pub(crate) fn load(
        &mut self,
        desk: &mut Desk<'_>,
        parties: usize,
        from: &mut impl Source,
    ) -> Result<(), ImageError> {
        self.zones = Zones::of(desk.state);
        self.unwatched = from.take_u64()?;
        for _ in 0..from.take_length()? {
            let party = PartyId(from.take_u32()?);
            let metric: Box<str> = from.take_text()?;
            if party.index() >= parties || self.index.contains_key(&StreamRef(party, &metric)) {
                return Err(ImageError::Damaged("a watched figure"));
            }
            let index = self.insert(party, &metric, Timestamp(from.take_i64()?));
            self.resolve(desk, index);
            let stream = &mut self.streams[index as usize];
            stream.kinetic_hour = from.take_i64()?;
            stream.holds = from.take_u8()?;
            if from.take_length()? != stream.guards.len() {
                return Err(ImageError::Damaged("the rules of a figure"));
            }
            for guard in &mut stream.guards {
                take_guard(from, guard)?;
            }
            let detector = from.take_option(|from| Detector::load(Settings::default(), from))?;
            let kinetic = match (&stream.kinetic, from.take_bool()?) {
                (Some(fresh), true) => Some(KineticMean::load(fresh.hours(), fresh.gap_micros_max(), from)?),
                (None, false) => None,
                _ => return Err(ImageError::Damaged("the mean of a figure")),
            };
            // Which streams have one depends, at the bound, on the order in which rules came and went.
            self.detectors -= usize::from(stream.detector.is_some());
            self.detectors += usize::from(detector.is_some());
            (stream.detector, stream.kinetic) = (detector.map(Box::new), kinetic.map(Box::new));
            self.arm(desk, index);
        }
        self.load_zones(desk, from)
    }

    fn load_zones(&mut self, desk: &Desk<'_>, from: &mut impl Source) -> Result<(), ImageError> {
        for _ in 0..from.take_length()? {
            let key = (from.take_u32()?, from.take_text()?);
            let zone = HotZone {
                path: from.take_text()?,
                product: from.take_text()?,
                category: from.take_text()?,
                reference: from.take_text()?,
            };
            self.zones.hot.insert(key, zone);
        }
        for _ in 0..from.take_length()? {
            let lot = LotId(from.take_u32()?);
            if lot.index() >= desk.state.catalog().lots() {
                return Err(ImageError::Damaged("the budget of a lot"));
            }
            self.zones.budgets.insert((lot, from.take_text()?), Budget::load(from)?);
        }
        Ok(())
    }
}

fn put_guard(to: &mut impl Sink, guard: &Guard) {
    to.put_text(&guard.rule);
    to.put_u8(guard.condition as u8);
    to.put_u8(u8::from(guard.is_told));
    guard.outside.save(to);
    for exposure in [&guard.far, &guard.warn] {
        to.put_option(exposure.as_ref(), |to, exposure| exposure.save(to));
    }
}

/// Reads what was saved of a guard into a fresh one of the same rule.
fn take_guard(from: &mut impl Source, guard: &mut Guard) -> Result<(), ImageError> {
    let rule: Box<str> = from.take_text()?;
    let condition: u8 = from.take_u8()?;
    if rule != guard.rule || condition != guard.condition as u8 {
        return Err(ImageError::Damaged("the rule of a figure"));
    }
    guard.is_told = from.take_bool()?;
    guard.outside = Exposure::load(*guard.outside.settings(), from)?;
    for exposure in [&mut guard.far, &mut guard.warn] {
        match (exposure.as_mut(), from.take_bool()?) {
            (Some(fresh), true) => *fresh = Exposure::load(*fresh.settings(), from)?,
            (None, false) => {}
            _ => return Err(ImageError::Damaged("an exposure of a figure")),
        }
    }
    Ok(())
}
