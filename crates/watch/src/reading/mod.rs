//! Readings watched: figures against their limits, what an excursion does to the stock that stands there, sensors that
//! are lost, and sensors that are faulty.

mod exposed;
mod facts;
mod guard;
mod image;
mod tell;

use crate::cold::{Change, End, KineticMean};
use crate::condition::Condition;
use crate::desk::Desk;
use crate::sensor::{Detector, Settings};
use crate::source;
use crate::timers::Timer;
use exposed::Zones;
use foldhash::fast::FixedState;
use guard::{Guard, Kind};
use hashbrown::{Equivalent, HashMap};
use ledger::{Decision, Effect, PartyId, RuleCard, Timestamp};
use std::hash::Hash;

/// Streams that are watched at most; further ones are counted and not watched.
const STREAMS_MAX: usize = 100_000;
/// Streams whose faults are looked for at most: each takes some 3.6 KB of memory.
const DETECTORS_MAX: usize = 20_000;
/// The device under which this system tells how it is.
const SYSTEM: &str = crate::watch::SOURCE;

const LOST: u8 = 1;
const FAULTY: u8 = 2;
const KINETIC: u8 = 4;

/// A figure of a device.
#[derive(Clone, Debug)]
pub(crate) struct Stream {
    party: PartyId,
    metric: Box<str>,
    /// When it was last heard, by the recorded time.
    heard_at: Timestamp,
    guards: Vec<Guard>,
    /// `None` where no rule asks for faults.
    detector: Option<Box<Detector>>,
    kinetic: Option<Box<KineticMean>>,
    /// The most that the mean kinetic temperature may be.
    kinetic_max: f64,
    /// The hour of the reading at which it was last looked at.
    kinetic_hour: i64,
    /// Silence after which it is lost, in microseconds; 0 when it guards nothing.
    lost_after: i64,
    holds: u8,
    is_timed: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct StreamKey(PartyId, Box<str>);

#[derive(Hash)]
struct StreamRef<'k>(PartyId, &'k str);

impl Equivalent<StreamKey> for StreamRef<'_> {
    fn equivalent(&self, key: &StreamKey) -> bool {
        self.0 == key.0 && *self.1 == *key.1
    }
}

/// Every figure of every device.
#[derive(Clone, Debug)]
pub(crate) struct Readings {
    streams: Vec<Stream>,
    index: HashMap<StreamKey, u32, FixedState>,
    /// The streams of each source.
    by_party: Vec<Vec<u32>>,
    /// How many of them have a detector.
    detectors: usize,
    /// Streams beyond the bound, by their readings.
    unwatched: u64,
    zones: Zones,
}

impl Readings {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            streams: Vec::new(),
            by_party: Vec::new(),
            index: HashMap::with_hasher(FixedState::with_seed(seed)),
            detectors: 0,
            unwatched: 0,
            zones: Zones::default(),
        }
    }

    /// Takes in what a decision says of places and devices, and what came where an excursion is on.
    pub(crate) fn take(&mut self, desk: &mut Desk<'_>, decision: &Decision) {
        if !decision.names.is_empty() {
            self.zones.learn(desk.state, decision);
        }
        if self.zones.is_hot() {
            self.zones.came(desk, decision);
        }
        for effect in &decision.effects {
            if let Effect::Device(card) = effect
                && let Some(party) = desk.state.catalog().find_party(&card.device)
            {
                self.resolve_of(desk, party);
            }
        }
    }

    /// A rule over readings changed.
    pub(crate) fn rule_changed(&mut self, desk: &mut Desk<'_>, card: &RuleCard) {
        if card.device.is_empty() {
            self.resolve_all(desk);
        } else if let Some(party) = desk.state.catalog().find_party(&card.device) {
            self.resolve_of(desk, party);
        }
    }

    /// A location's card changed: its region may be another.
    pub(crate) fn location_changed(&mut self, desk: &mut Desk<'_>, location: &str) {
        if !location.contains('/') {
            self.resolve_all(desk);
        }
    }

    fn resolve_all(&mut self, desk: &mut Desk<'_>) {
        for index in (0..).take(self.streams.len()) {
            self.resolve(desk, index);
            self.arm(desk, index);
        }
    }

    fn resolve_of(&mut self, desk: &mut Desk<'_>, party: PartyId) {
        for index in self.by_party.get(party.index()).cloned().unwrap_or_default() {
            self.resolve(desk, index);
            self.arm(desk, index);
        }
    }

    /// Whether a source has a figure that guards limits: then it is told as a lost sensor, not as a silent device.
    pub(crate) fn guards(&self, party: PartyId) -> bool {
        let own = self.by_party.get(party.index()).into_iter().flatten();
        own.into_iter().any(|index| self.streams[*index as usize].lost_after > 0)
    }

    fn stream(&mut self, desk: &mut Desk<'_>, party: PartyId, metric: &str) -> Option<u32> {
        if let Some(index) = self.index.get(&StreamRef(party, metric)) {
            return Some(*index);
        }
        if self.streams.len() >= STREAMS_MAX {
            self.unwatched += 1;
            return None;
        }
        let index = self.insert(party, metric, desk.now);
        self.resolve(desk, index);
        Some(index)
    }

    fn insert(&mut self, party: PartyId, metric: &str, now: Timestamp) -> u32 {
        let index = u32::try_from(self.streams.len()).expect("the streams are bounded");
        self.index.insert(StreamKey(party, metric.into()), index);
        if self.by_party.len() <= party.index() {
            self.by_party.resize_with(party.index() + 1, Vec::new);
        }
        self.by_party[party.index()].push(index);
        self.streams.push(Stream {
            party,
            metric: metric.into(),
            heard_at: now,
            guards: Vec::new(),
            detector: None,
            kinetic: None,
            kinetic_max: f64::INFINITY,
            kinetic_hour: i64::MIN,
            lost_after: 0,
            holds: 0,
            is_timed: false,
        });
        index
    }

    /// Takes a reading of a device.
    pub(crate) fn read(
        &mut self,
        desk: &mut Desk<'_>,
        party: PartyId,
        metric: &str,
        (unit, value): (&str, f64),
        at: Timestamp,
    ) {
        let Some(index) = self.stream(desk, party, metric) else { return };
        let value = guard::in_celsius(metric, unit, value);
        let stream = &mut self.streams[index as usize];
        stream.heard_at = desk.now;
        if stream.holds & LOST != 0 {
            stream.holds &= !LOST;
            let about = self.about(desk.state, index);
            desk.clear(Condition::SensorLost, &about, "it is heard again");
        }
        self.arm(desk, index);
        for guard in 0..self.streams[index as usize].guards.len() {
            self.against_limits(desk, index, guard, at, value);
        }
        self.judge_fault(desk, index, at, value);
        self.judge_kinetic(desk, index, at, value);
    }

    fn against_limits(&mut self, desk: &mut Desk<'_>, index: u32, guard: usize, at: Timestamp, value: f64) {
        let own = &mut self.streams[index as usize].guards[guard];
        let warned = own.warn.as_mut().map(|warn| warn.take(at, value).changes).unwrap_or_default();
        let far = own.far.as_mut().map(|far| far.take(at, value).changes).unwrap_or_default();
        let taken = own.outside.take(at, value);
        for change in &warned {
            self.warned(desk, index, guard, change);
        }
        if taken.outside_micros > 0 {
            self.spend(desk, index, guard, taken.outside_micros);
        }
        for change in far.iter().chain(&taken.changes) {
            match change {
                Change::Began { .. } => self.begin(desk, index, guard),
                Change::Ended { by, .. } => self.end(desk, index, guard, *by),
            }
        }
    }

    /// A timer of a stream is due.
    pub(crate) fn due(&mut self, desk: &mut Desk<'_>, index: u32) {
        let stream = &mut self.streams[index as usize];
        stream.is_timed = false;
        if stream.lost_after == 0 || stream.heard_at.plus(stream.lost_after) > desk.now {
            return self.arm(desk, index);
        }
        stream.holds |= LOST;
        for guard in 0..self.streams[index as usize].guards.len() {
            let own = &mut self.streams[index as usize].guards[guard];
            let is_on = own.is_on();
            let is_warned = own.warn.as_ref().is_some_and(|warn| warn.episode().is_some());
            own.lose();
            if is_warned {
                self.unwarn(desk, index, guard, "sensor_lost");
            }
            if is_on {
                self.end(desk, index, guard, End::SensorLost);
            }
        }
        self.tell_lost(desk, index);
    }

    fn arm(&mut self, desk: &mut Desk<'_>, index: u32) {
        let stream = &mut self.streams[index as usize];
        if stream.lost_after > 0 && stream.holds & LOST == 0 && !stream.is_timed {
            stream.is_timed = true;
            desk.set(stream.heard_at.plus(stream.lost_after), Timer::Stream(index));
        }
    }

    fn judge_fault(&mut self, desk: &mut Desk<'_>, index: u32, at: Timestamp, value: f64) {
        let stream = &mut self.streams[index as usize];
        let Some(detector) = &mut stream.detector else { return };
        let judgement = detector.observe(at, value);
        if judgement.ended.is_some() && judgement.fault.is_none() && stream.holds & FAULTY != 0 {
            stream.holds &= !FAULTY;
            let about = self.about(desk.state, index);
            desk.clear(Condition::SensorFault, &about, "its readings are as they used to be");
        }
        if let Some(episode) = judgement.began
            && self.streams[index as usize].holds & FAULTY == 0
        {
            self.streams[index as usize].holds |= FAULTY;
            self.tell_fault(desk, index, episode, &judgement);
        }
    }

    fn judge_kinetic(&mut self, desk: &mut Desk<'_>, index: u32, at: Timestamp, value: f64) {
        let stream = &mut self.streams[index as usize];
        let Some(kinetic) = &mut stream.kinetic else { return };
        kinetic.take(at, value);
        let hour = at.0.div_euclid(3_600_000_000);
        if hour <= stream.kinetic_hour {
            return;
        }
        stream.kinetic_hour = hour;
        let Some(celsius) = kinetic.celsius() else { return };
        let (holds, was) = (celsius > stream.kinetic_max, stream.holds & KINETIC != 0);
        if holds != was {
            stream.holds ^= KINETIC;
            self.tell_kinetic(desk, index, celsius, holds);
        }
    }

    /// Looks up which rules hold for a stream.
    fn resolve(&mut self, desk: &mut Desk<'_>, index: u32) {
        let stream = &self.streams[index as usize];
        let device = desk.state.catalog().party(stream.party);
        let covered = source::covered(desk.state, device);
        let interval = desk.state.catalog().device(device).and_then(|card| card.interval_micros).unwrap_or(0);
        let kind = Kind::of(&stream.metric);
        let lost = desk.rules.find(Condition::SensorLost, covered);
        let after = lost.map_or(0, |rule| rule.minutes_micros("after_minutes")).max(interval.saturating_mul(3));
        let gap = if after > 0 { after } else { 60 * 60_000_000 }.max(interval.saturating_mul(3));
        let fresh = guard::guards(desk.rules, kind, &stream.metric, covered, gap);
        let has_fault_rule = desk.rules.find(Condition::SensorFault, covered).is_some();
        // Of our own figures, the rate of intake alone has a pattern that is worth a warning.
        let wants_faults = has_fault_rule && (device != SYSTEM || &*stream.metric == "intake_per_second");
        let terms =
            fresh.iter().filter_map(|guard| Some((guard.kinetic?, guard))).min_by(|a, b| a.0.0.total_cmp(&b.0.0));
        let terms = terms.map(|(terms, _)| terms);
        let stream = &mut self.streams[index as usize];
        (stream.kinetic_max, stream.kinetic) = match terms {
            Some((max, hours)) => {
                let kept = stream.kinetic.take().filter(|kept| kept.hours() == hours);
                (max, Some(kept.unwrap_or_else(|| Box::new(KineticMean::new(hours, gap)))))
            }
            None => (f64::INFINITY, None),
        };
        if wants_faults && stream.detector.is_none() && self.detectors < DETECTORS_MAX {
            stream.detector = Some(Box::new(Detector::new(Settings::default())));
            self.detectors += 1;
        } else if !wants_faults && stream.detector.take().is_some() {
            self.detectors -= 1;
        }
        stream.lost_after = if fresh.is_empty() || lost.is_none() { 0 } else { after };
        self.replace_guards(desk, index, fresh);
        self.drop_unwatched(desk, index);
    }

    /// Closes what no rule asks for any more.
    fn drop_unwatched(&mut self, desk: &mut Desk<'_>, index: u32) {
        let stream = &self.streams[index as usize];
        let dropped = [
            (LOST, Condition::SensorLost, stream.lost_after == 0),
            (FAULTY, Condition::SensorFault, stream.detector.is_none()),
            (KINETIC, Condition::MeanKinetic, stream.kinetic.is_none()),
        ];
        for (bit, condition, is_off) in dropped {
            if is_off && self.streams[index as usize].holds & bit != 0 {
                self.streams[index as usize].holds &= !bit;
                let about = self.about(desk.state, index);
                desk.resolve(condition.name(), &about, "rule_off", "no rule asks for this any more");
            }
        }
    }
}
