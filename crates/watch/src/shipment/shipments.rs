//! The shipments that are under way, watched together: what arrives late is told before it is.

use super::arrival::{Estimate, estimate, lane};
use super::course::Shipment;
use super::journey::{By, Journey, Stage};
use super::lanes::{Ended, Lanes};
use super::report::{Fix, Report, put_time, take_time};
use super::settings::Settings;
use super::site::{Site, Sites};
use super::track::Put;
use super::walk::{Detour, Stop};
use ledger::{ImageError, Sink, Source, Timestamp};
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

/// What became of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    /// It said something new.
    New,
    /// All of it was known.
    Known,
    /// As many shipments are known as may be, and all of them are under way.
    Full,
}

/// What changed since the last tick.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    /// It is now likely to miss its promise.
    Late(Estimate),
    /// It is so no more.
    OnTime(Estimate),
    /// It stands still outside any site.
    Stopped(Stop),
    /// It is off its way, or goes back.
    Detoured(Detour),
    /// It arrived.
    Arrived {
        /// When.
        at: Timestamp,
        /// By how many microseconds after the promise, below zero before it; `None` without a promise.
        late_micros: Option<i64>,
    },
}

#[derive(Clone, Debug)]
struct Watched {
    shipment: Shipment,
    /// Follows from the shipment, the sites and the settings; `None` until it is asked for again.
    journey: Option<Journey>,
    late_since: Option<Timestamp>,
    /// What was told so far: stops, detours, and that it arrived.
    stops_told: u32,
    detours_told: u32,
    is_arrival_told: bool,
    /// When it was first seen to be over.
    over_since: Option<Timestamp>,
}

/// The shipments that are under way or were over lately, the sites and what was learned of lanes.
///
/// What is known of a shipment does not depend on the order or repetition of its reports; what was told of it ([`Change`])
/// and what lanes learned depends on when [`Shipments::tick`] looked.
#[derive(Clone, Debug)]
pub struct Shipments {
    settings: Settings,
    sites: Sites,
    lanes: Lanes,
    known: BTreeMap<Box<str>, Watched>,
    /// The shipments of each vehicle that are not over; follows from the rest.
    vehicles: BTreeMap<Box<str>, BTreeSet<Box<str>>>,
    /// Those that are over, by since when; follows from the rest.
    over: BTreeSet<(Timestamp, Box<str>)>,
}

impl Shipments {
    /// No shipments yet.
    pub fn new(settings: Settings) -> Self {
        Self {
            settings,
            sites: Sites::default(),
            lanes: Lanes::default(),
            known: BTreeMap::new(),
            vehicles: BTreeMap::new(),
            over: BTreeSet::new(),
        }
    }

    /// Takes a site; answers whether there was room for it.
    pub fn put_site(&mut self, site: Site) -> bool {
        let is_put = self.sites.put(site);
        self.forget_journeys();
        is_put
    }

    /// Forgets a site.
    pub fn remove_site(&mut self, location: &str) {
        self.sites.remove(location);
        self.forget_journeys();
    }

    fn forget_journeys(&mut self) {
        for watched in self.known.values_mut() {
            watched.journey = None;
        }
    }

    /// The sites.
    pub fn sites(&self) -> &Sites {
        &self.sites
    }

    /// What was learned of lanes.
    pub fn lanes(&self) -> &Lanes {
        &self.lanes
    }

    /// What was learned of lanes, to teach it more: from past journeys that were no shipments here.
    pub fn lanes_mut(&mut self) -> &mut Lanes {
        &mut self.lanes
    }

    /// Takes a report on a shipment, which is known from then on.
    pub fn take(&mut self, id: &str, report: &Report) -> Taken {
        if !self.known.contains_key(id) && !self.make_room() {
            return Taken::Full;
        }
        let watched = self.known.entry(id.into()).or_insert_with(|| Watched::new(Shipment::default()));
        if let Report::Position(fix) = report {
            return watched.take_fix(*fix, &self.sites, &self.settings);
        }
        let before = watched.vehicle().map(Box::from);
        let is_news = watched.shipment.take(report);
        if !is_news {
            return Taken::Known;
        }
        watched.journey = None;
        let after: Option<Box<str>> = watched.vehicle().map(Box::from);
        if before != after && watched.over_since.is_none() {
            self.index_vehicle(id, before.as_deref(), after);
        }
        Taken::New
    }

    /// Takes a vehicle's position for each of its shipments that is under way. Answers how many these are.
    pub fn take_position(&mut self, vehicle: &str, fix: Fix) -> usize {
        let ids = self.vehicles.get(vehicle).into_iter().flatten();
        let mut count = 0;
        for id in ids {
            if let Some(watched) = self.known.get_mut(id) {
                watched.take_fix(fix, &self.sites, &self.settings);
                count += 1;
            }
        }
        count
    }

    fn index_vehicle(&mut self, id: &str, before: Option<&str>, after: Option<Box<str>>) {
        if let Some(vehicle) = before
            && let Some(ids) = self.vehicles.get_mut(vehicle)
        {
            ids.remove(id);
            if ids.is_empty() {
                self.vehicles.remove(vehicle);
            }
        }
        if let Some(vehicle) = after {
            self.vehicles.entry(vehicle).or_default().insert(id.into());
        }
    }

    /// Makes room for one more; answers whether there is.
    fn make_room(&mut self) -> bool {
        if !self.is_full() {
            return true;
        }
        let Some(id) = self.first_over().map(Box::from) else { return false };
        self.forget(&id);
        true
    }

    /// Whether as many shipments are known as may be: for one more, one that is over must go.
    pub fn is_full(&self) -> bool {
        self.known.len() >= self.settings.shipments_max
    }

    /// The shipment that has been over for longest: the next to be forgotten.
    pub fn first_over(&self) -> Option<&str> {
        self.over.first().map(|(_, id)| &**id)
    }

    /// Forgets a shipment.
    pub fn forget(&mut self, id: &str) {
        if let Some(watched) = self.known.remove(id) {
            self.index_vehicle(id, watched.vehicle(), None);
            if let Some(since) = watched.over_since {
                self.over.remove(&(since, id.into()));
            }
        }
    }

    /// The shipments of a vehicle that are not over, in order.
    pub fn of_vehicle(&self, vehicle: &str) -> impl Iterator<Item = &str> {
        self.vehicles.get(vehicle).into_iter().flatten().map(|id| &**id)
    }

    /// Since when a shipment has been seen to be over, if it is.
    pub fn over_since(&self, id: &str) -> Option<Timestamp> {
        self.known.get(id)?.over_since
    }

    /// How they are judged.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The references of the shipments that are known, in order.
    pub fn ids(&self) -> impl Iterator<Item = &str> {
        self.known.keys().map(|id| &**id)
    }

    /// The references after this one, in order; all of them after an empty one.
    pub fn ids_after(&self, after: &str) -> impl Iterator<Item = &str> {
        let after = (Bound::Excluded(after), Bound::Unbounded);
        self.known.range::<str, _>(after).map(|(id, _)| &**id)
    }

    /// A shipment, as far as it was reported.
    pub fn shipment(&self, id: &str) -> Option<&Shipment> {
        self.known.get(id).map(|watched| &watched.shipment)
    }

    /// How far a shipment is.
    pub fn journey(&self, id: &str) -> Option<Cow<'_, Journey>> {
        let watched = self.known.get(id)?;
        Some(match &watched.journey {
            Some(journey) => Cow::Borrowed(journey),
            None => Cow::Owned(Journey::new(&watched.shipment, &self.sites, &self.settings)),
        })
    }

    /// When a shipment will arrive, as far as is known at `now`.
    pub fn estimate(&self, id: &str, now: Timestamp) -> Option<Estimate> {
        estimate(self.shipment(id)?, &*self.journey(id)?, &self.lanes, now)
    }

    /// Since when a shipment is likely to miss its promise, if it is.
    pub fn late_since(&self, id: &str) -> Option<Timestamp> {
        self.known.get(id)?.late_since
    }

    /// Looks at all shipments at a time that is not before any report. Answers what changed, in the order of their ids; learns from those
    /// that arrived, and forgets those that are over for long.
    pub fn tick(&mut self, now: Timestamp) -> Vec<(Box<str>, Change)> {
        let ids: Vec<Box<str>> = self.known.keys().cloned().collect();
        let mut changes = Vec::new();
        for id in ids {
            changes.extend(self.look(&id, now).into_iter().map(|change| (id.clone(), change)));
        }
        changes
    }

    /// Looks at one shipment as [`tick`](Self::tick) does at all.
    pub fn look(&mut self, id: &str, now: Timestamp) -> Vec<Change> {
        let Some(watched) = self.known.get_mut(id) else { return Vec::new() };
        let before = watched.over_since;
        let changes = watched.tick(now, &self.sites, &self.settings, &mut self.lanes);
        let after = watched.over_since;
        if before != after {
            let vehicle: Option<Box<str>> = watched.vehicle().map(Box::from);
            match (before, after) {
                (None, Some(_)) => self.index_vehicle(id, vehicle.as_deref(), None),
                (Some(_), None) => self.index_vehicle(id, None, vehicle),
                _ => {}
            }
            if let Some(since) = before {
                self.over.remove(&(since, id.into()));
            }
            if let Some(since) = after {
                self.over.insert((since, id.into()));
            }
        }
        if after.is_some_and(|since| now.0.saturating_sub(since.0) > self.settings.keep_micros) {
            self.forget(id);
        }
        changes
    }

    /// Writes everything but the settings.
    pub fn save(&self, into: &mut impl Sink) {
        self.sites.save(into);
        self.lanes.save(into);
        into.put_length(self.known.len());
        for (id, watched) in &self.known {
            into.put_text(id);
            watched.shipment.save(into);
            put_time(into, watched.late_since);
            into.put_u32(watched.stops_told);
            into.put_u32(watched.detours_told);
            into.put_u8(u8::from(watched.is_arrival_told));
            put_time(into, watched.over_since);
        }
    }

    /// Shipments as they were saved, under these settings.
    ///
    /// # Errors
    /// Those of the source; [`ImageError::Damaged`] for what is never saved.
    pub fn load(settings: Settings, from: &mut impl Source) -> Result<Self, ImageError> {
        let mut shipments = Self { sites: Sites::load(from)?, lanes: Lanes::load(from)?, ..Self::new(settings) };
        for _ in 0..from.take_length()? {
            let id: Box<str> = from.take_text()?;
            if shipments.known.last_key_value().is_some_and(|(last, _)| *last >= id) {
                return Err(ImageError::Damaged("the order of shipments"));
            }
            let watched = Watched { late_since: None, ..Watched::new(Shipment::load(from)?) };
            let watched = Watched {
                late_since: take_time(from)?,
                stops_told: from.take_u32()?,
                detours_told: from.take_u32()?,
                is_arrival_told: from.take_bool()?,
                over_since: take_time(from)?,
                ..watched
            };
            if watched.over_since.is_none()
                && let Some(vehicle) = watched.vehicle().map(Box::from)
            {
                shipments.index_vehicle(&id, None, Some(vehicle));
            }
            if let Some(since) = watched.over_since {
                shipments.over.insert((since, id.clone()));
            }
            shipments.known.insert(id, watched);
        }
        Ok(shipments)
    }
}

impl Watched {
    fn new(shipment: Shipment) -> Self {
        Self {
            shipment,
            journey: None,
            late_since: None,
            stops_told: 0,
            detours_told: 0,
            is_arrival_told: false,
            over_since: None,
        }
    }

    fn vehicle(&self) -> Option<&str> {
        self.shipment.card()?.vehicle.as_deref()
    }

    fn take_fix(&mut self, fix: Fix, sites: &Sites, settings: &Settings) -> Taken {
        let put = self.shipment.put_fix(fix);
        if put == Put::Nothing {
            return Taken::Known;
        }
        let journey = self.journey.take();
        self.journey = journey.map(|journey| journey.go_on(put, &self.shipment, sites, settings));
        Taken::New
    }

    fn tick(&mut self, now: Timestamp, sites: &Sites, settings: &Settings, lanes: &mut Lanes) -> Vec<Change> {
        let journey = self.journey.get_or_insert_with(|| Journey::new(&self.shipment, sites, settings));
        let mut changes = Vec::new();
        let (stops, count) = journey.stops();
        if count > self.stops_told {
            changes.extend(stops.last().map(|stop| Change::Stopped(*stop)));
        }
        self.stops_told = count;
        let (detours, count) = journey.detours();
        if count > self.detours_told {
            changes.extend(detours.last().map(|detour| Change::Detoured(*detour)));
        }
        self.detours_told = count;
        if is_over(journey, settings, now) {
            self.over_since.get_or_insert(now);
            self.late_since = None;
            if let Some(at) = journey.milestones().arrived.map(|arrived| arrived.at).filter(|_| !self.is_arrival_told) {
                self.is_arrival_told = true;
                learn(&self.shipment, journey, lanes);
                let promised_at = self.shipment.card().and_then(|card| card.promised_at);
                let late_micros = promised_at.map(|promised_at| at.0.saturating_sub(promised_at.0));
                changes.push(Change::Arrived { at, late_micros });
            }
            return changes;
        }
        self.over_since = None;
        let Some(estimate) = estimate(&self.shipment, journey, lanes, now) else { return changes };
        let Some(probability) = estimate.late_probability else { return changes };
        let permille = probability * 1_000.0;
        if self.late_since.is_none() && permille >= f64::from(settings.late_permille) {
            self.late_since = Some(now);
            changes.push(Change::Late(estimate));
        } else if self.late_since.is_some() && permille < f64::from(settings.on_time_permille) {
            self.late_since = None;
            changes.push(Change::OnTime(estimate));
        }
        changes
    }
}

/// Whether it has arrived, and is not just passing by, or will not come.
fn is_over(journey: &Journey, settings: &Settings, now: Timestamp) -> bool {
    let is_sure = journey.milestones().arrived.is_none_or(|arrived| {
        arrived.by != By::Position || now.0.saturating_sub(arrived.at.0) >= settings.visit_micros_min
    });
    journey.stage().is_some_and(|stage| stage.is_over() && (stage != Stage::Arrived || is_sure))
}

fn learn(shipment: &Shipment, journey: &Journey, lanes: &mut Lanes) {
    let milestones = journey.milestones();
    if let Some((departed, arrived)) = milestones.departed.zip(milestones.arrived) {
        let ended = Ended {
            planned_departure_at: shipment.card().and_then(|card| card.departure_at),
            departed_at: departed.at,
            arrived_at: arrived.at,
            planned_micros: journey.route().micros(),
        };
        lanes.learn(&lane(shipment), &ended);
    }
}
