//! From what devices sense to what happened to stock.
//!
//! [`Sensing`] follows the journal's observations: tag reads go through the smoother of their reader's site, weights
//! through their scale, and the newest figure of each metric into an index. What is concluded goes to the engine as
//! events and, with the evidence, as a record of its own; both under an id made of what is concluded.
//!
//! Time is an input here too. When reads have ended and a conclusion waits for time to pass, a tick is recorded in the
//! journal: so the same journal gives the same conclusions, whenever it is read.
//!
//! Start with [`Sensing::open`]; whoever asks holds [`Senses`].

mod conclude;
mod image;
mod judge;
mod rejudge;
mod senses;
mod settings;
mod site;
mod store;

pub use conclude::hex;
pub use judge::{Judged, Judgement, JudgementError, Verdict, Way};
pub use rejudge::{RejudgeError, Rejudged};
pub use senses::{DeviceState, Senses, SiteState};
pub use settings::{
    AntennaSettings, DeviceSettings, PortalSettings, ReaderSettings, ScaleSettings, SideName, Smoothing,
    device_settings,
};
pub use store::{InferenceQuery, KeptInference, KeptJudgement, KeptReading};

use conclude::Conclusion;
use engine::{Error, Follow, Handle, Observed, Outcome, Receipt};
use intake::device::{Device, Observation as Heard, Settings as DeviceLimits};
use intake::rfid::{Inference, Read, Rssi, Tag};
use intake::scale::{Sample, Scale};
use ledger::{Command, Decision, DeviceCard, Effect, Observation, Position, Timestamp};
use site::Site;
use std::collections::BTreeMap;
use std::path::Path;
use store::{Meta, Rows, Store};
use wire::Batch;
use wire::event::{ContentKind, Defaults, parse_events};
use wire::observation::{self, ReadingValue, parse_place, parse_readings, unpack_reads};

/// The principal of what is concluded.
const ACTOR: &str = "stocktide";
/// How long after the newest entry a tick is recorded where conclusions wait for time, in microseconds.
const TICK_MICROS: i64 = 1_000_000;
/// How often the state is written beside the index, in microseconds; what came after is read again.
const SAVE_MICROS: i64 = 30_000_000;
/// Devices that are kept track of; more are followed, and their health is not kept.
const DEVICES_MAX: usize = 100_000;
/// A reader's clock that is off by more than this is corrected, in microseconds.
const CLOCK_OFF_MICROS: i64 = 1_000_000;
/// The signal of a read that tells none: as strong as any, so that only its presence counts.
const RSSI_UNKNOWN: Rssi = 0;
/// The layout of the saved state.
const IMAGE_VERSION: u32 = 1;

/// Follows observations and concludes.
pub struct Sensing {
    engine: Handle,
    senses: Senses,
    position: Position,
    recorded_at: Timestamp,
    ticked_at: Timestamp,
    saved_at: Timestamp,
    sites: BTreeMap<String, Site>,
    /// The readers by name, and the scales.
    readers: BTreeMap<Box<str>, ReaderSettings>,
    scales: BTreeMap<Box<str>, ScaleDevice>,
    intervals: BTreeMap<Box<str>, i64>,
    /// Concluded and not yet known to be in the journal.
    pending: BTreeMap<String, Conclusion>,
    /// Taken in and not yet in the index: more than nothing only while that can't be written.
    unwritten: Rows,
}

struct ScaleDevice {
    settings: ScaleSettings,
    location: Box<str>,
    scale: Scale,
}

impl Sensing {
    /// Opens the index in `file`, made again from the journal when it can't be used.
    ///
    /// # Errors
    /// [`Error::Index`].
    pub fn open(file: &Path, engine: Handle) -> Result<Self, Error> {
        let (store, position, image) = Store::open(file, engine.journal_id(), engine.position())?;
        let senses = Senses::over(store)?;
        let mut sensing = Self {
            engine,
            senses,
            position: Position::ZERO,
            recorded_at: Timestamp::MIN,
            ticked_at: Timestamp::MIN,
            saved_at: Timestamp::MIN,
            sites: BTreeMap::new(),
            readers: BTreeMap::new(),
            scales: BTreeMap::new(),
            intervals: BTreeMap::new(),
            pending: BTreeMap::new(),
            unwritten: Rows::default(),
        };
        // A state that can't be read is made again from the first entry on.
        if sensing.load(&image).is_ok() {
            sensing.position = position;
        } else {
            sensing.forget();
        }
        Ok(sensing)
    }

    /// What whoever asks holds.
    pub fn senses(&self) -> Senses {
        self.senses.clone()
    }

    fn forget(&mut self) {
        self.position = Position::ZERO;
        self.recorded_at = Timestamp::MIN;
        self.sites.clear();
        self.readers.clear();
        self.scales.clear();
        self.intervals.clear();
        self.pending.clear();
        self.senses.0.devices.write().expect("no panic under the lock").clear();
    }

    /// Takes in an entry. The views are held for a name and for what is concluded only: commits wait meanwhile.
    fn take_entry(&mut self, position: Position, decision: &Decision, rows: &mut Rows) {
        self.recorded_at = decision.recorded_at;
        for effect in &decision.effects {
            match effect {
                Effect::Device(card) => self.declared(card),
                Effect::Observed(observation) => {
                    let device = self.engine.views().catalog().party(decision.source).to_owned();
                    self.observed(position, decision, &device, observation, rows);
                }
                _ => {}
            }
        }
        let mut movements: Vec<(String, Inference)> = Vec::new();
        for (name, site) in &mut self.sites {
            let mut out = Vec::new();
            site.advance(decision.recorded_at, &mut out);
            movements.extend(out.into_iter().map(|inference| (name.clone(), inference)));
        }
        for (name, inference) in movements {
            let Some(site) = self.sites.get(&name) else { continue };
            let conclusion = conclude::of_tag(&name, &site.layout, &inference, self.engine.views().catalog());
            self.pending.insert(conclusion.id.clone(), conclusion);
        }
    }

    fn declared(&mut self, card: &DeviceCard) {
        let device = &card.device;
        let interval_micros = card.interval_micros.unwrap_or(0);
        self.intervals.insert(device.clone(), interval_micros);
        self.senses.expect_every(device, interval_micros);
        self.readers.remove(device);
        self.scales.remove(device);
        match device_settings(card) {
            Ok(DeviceSettings::Reader(reader)) => {
                self.readers.insert(device.clone(), reader);
            }
            Ok(DeviceSettings::Scale(settings)) => {
                if let Some(scale) = settings.settings().ok().and_then(|settings| Scale::new(settings).ok()) {
                    self.scales
                        .insert(device.clone(), ScaleDevice { settings, location: card.location.clone(), scale });
                }
            }
            // A card that says nothing usable was refused where it was declared.
            Ok(DeviceSettings::Other) | Err(_) => {}
        }
        self.arrange();
    }

    /// Lays the sites out anew after readers came or went.
    fn arrange(&mut self) {
        let mut by_site: BTreeMap<&str, Vec<(&str, &ReaderSettings)>> = BTreeMap::new();
        for (device, reader) in &self.readers {
            let site = if reader.site.is_empty() { &**device } else { &*reader.site };
            by_site.entry(site).or_default().push((device, reader));
        }
        let mut sites = BTreeMap::new();
        for (name, readers) in by_site {
            let Ok(layout) = site::layout(&readers) else { continue };
            let before = self.sites.remove(name);
            let site = match before {
                Some(site) if site.layout == layout => Ok(site),
                Some(site) => site.rearranged(layout),
                None => Site::new(layout),
            };
            if let Ok(site) = site {
                sites.insert(name.to_owned(), site);
            }
        }
        self.sites = sites;
    }

    fn observed(
        &mut self,
        position: Position,
        decision: &Decision,
        device: &str,
        observation: &Observation,
        rows: &mut Rows,
    ) {
        match &*observation.form {
            observation::INFERENCE => self.recorded(position, observation, rows),
            observation::TICK => {}
            observation::JUDGEMENT => judged(position, decision.recorded_at, observation, rows),
            form => {
                self.heard(position, decision, device, observation);
                let text = std::str::from_utf8(&observation.content);
                match (form, text) {
                    (observation::TAG_READS, _) => self.reads(device, observation),
                    (observation::READINGS, Ok(text)) => self.readings(position, decision, device, text, rows),
                    (observation::POSITION, Ok(text)) => place(position, decision, device, text, rows),
                    _ => {}
                }
            }
        }
    }

    /// Counts a message towards its device's health.
    fn heard(&mut self, position: Position, decision: &Decision, device: &str, observation: &Observation) {
        let mut devices = self.senses.0.devices.write().expect("no panic under the lock");
        if devices.len() >= DEVICES_MAX && !devices.contains_key(device) {
            return;
        }
        let limits = device_limits(self.intervals.get(device).copied());
        let state = devices.entry(device.into()).or_insert_with(|| DeviceState {
            device: Device::new(limits),
            recorded_at: Timestamp::MIN,
            position: Position::ZERO,
        });
        state.device.take(&Heard {
            received_at: decision.recorded_at,
            sent_at: observation.sent_at,
            sequence: observation.sequence,
            is_birth: false,
            battery_permille: observation.battery_permille,
            is_error: observation.failures > 0,
        });
        state.recorded_at = decision.recorded_at;
        state.position = position;
    }

    fn reads(&mut self, device: &str, observation: &Observation) {
        let Some(reader) = self.readers.get(device) else { return };
        let name = if reader.site.is_empty() { device } else { &reader.site };
        let Some(site) = self.sites.get_mut(name) else { return };
        let offset = {
            let devices = self.senses.0.devices.read().expect("no panic under the lock");
            devices.get(device).and_then(|state| state.device.clock_offset_micros()).unwrap_or(0)
        };
        let offset = if offset.abs() > CLOCK_OFF_MICROS { offset } else { 0 };
        let places = site.layout.places_of(device);
        for read in unpack_reads(&observation.content).map_while(Result::ok) {
            let place = places.binary_search_by_key(&read.antenna, |(antenna, _)| *antenna).ok();
            let (Some(place), Some(tag)) = (place, Tag::new(read.epc)) else { continue };
            let antenna = places[place].1;
            let rssi = read.rssi_centi_dbm.unwrap_or(RSSI_UNKNOWN);
            site.wait(Read { tag, antenna, seen_at: read.seen_at.plus(offset), rssi });
        }
    }

    fn readings(&mut self, position: Position, decision: &Decision, device: &str, text: &str, rows: &mut Rows) {
        let Ok(readings) = parse_readings(text) else { return };
        for reading in &readings {
            let at = reading.at.unwrap_or(decision.occurred_at);
            let value = match &reading.value {
                ReadingValue::Number(text) => text.to_string(),
                ReadingValue::Bool(value) => value.to_string(),
                ReadingValue::Text(text) => serde_json::Value::from(&**text).to_string(),
            };
            let kept = KeptReading {
                device: device.to_owned(),
                metric: reading.metric.to_string(),
                value,
                unit: reading.unit.to_string(),
                at,
                position,
            };
            rows.readings.push(kept);
            let grams = match &*reading.metric {
                "weight_g" => reading.value.number(),
                "weight_kg" => reading.value.number().map(|kilograms| kilograms * 1_000.0),
                _ => None,
            };
            if let Some(grams) = grams {
                self.weighed(device, at, grams);
            }
        }
    }

    fn weighed(&mut self, device: &str, at: Timestamp, grams: f64) {
        use intake::scale::Outcome as Weighed;
        let Some(known) = self.scales.get_mut(device) else { return };
        let Ok(weight) = intake::scale::milligrams(grams) else { return };
        let conclusion = match known.scale.take(&Sample { at, weight }) {
            Weighed::Counted(counted) => conclude::of_weight(device, &known.location, &known.settings, &counted),
            Weighed::Ambiguous { least, greatest, weight, .. } => {
                conclude::of_doubt(device, &known.location, at, (least, greatest), weight)
            }
            _ => return,
        };
        self.pending.insert(conclusion.id.clone(), conclusion);
    }

    /// A conclusion has reached the journal.
    fn recorded(&mut self, position: Position, observation: &Observation, rows: &mut Rows) {
        let Ok(text) = std::str::from_utf8(&observation.content) else { return };
        let Ok(record) = serde_json::from_str::<serde_json::Value>(text) else { return };
        let field = |name: &str| record[name].as_str().unwrap_or_default().to_owned();
        let (id, kind) = (field("id"), field("kind"));
        self.pending.remove(&id);
        let state = match (&record["event_position"], &*kind) {
            (serde_json::Value::Number(_), _) => "applied",
            (_, "ghost" | "ambiguous_weight") => "quarantined",
            // What could not be booked waits for a person as well.
            (_, "arrived" | "passed_in" | "passed_out" | "counted") => "quarantined",
            _ => "noted",
        };
        let at = observation.sent_at.unwrap_or_default();
        let heard_most = record["evidence"]["antennas"][0]["device"].as_str();
        let device = heard_most.map_or_else(|| field("site"), str::to_owned);
        let kept = KeptInference { id, position, state: state.to_owned(), record: text.to_owned(), judgement: None };
        rows.inferences.push((kept, Meta { kind, epc: field("epc"), device, at }));
    }

    /// Hands what was concluded to the engine: events first, then their records. What is refused for now waits.
    fn hand_in(&mut self) -> Result<(), engine::Unavailable> {
        if self.pending.is_empty() {
            return Ok(());
        }
        let conclusions: Vec<Conclusion> = self.pending.values().cloned().collect();
        let hasher = self.engine.hasher();
        let mut events = Batch::new();
        let mut places = Vec::with_capacity(conclusions.len());
        let mut problems = vec![None; conclusions.len()];
        for (index, conclusion) in conclusions.iter().enumerate() {
            let Some(event) = &conclusion.event else { continue };
            let defaults = Defaults { actor: ACTOR, source: &conclusion.device, historical: false, resolves: None };
            let limits = wire::event::Limits::default();
            let parsed = parse_events(event.as_bytes(), ContentKind::Json, &defaults, &hasher, &limits);
            match parsed.problems.first() {
                Some(problem) => problems[index] = Some(problem.detail.clone()),
                None => {
                    events.push(&parsed.batch.get(0));
                    places.push(index);
                }
            }
        }
        let receipt = if events.is_empty() { Receipt::default() } else { self.engine.submit_and_wait(events)? };
        let mut booked = vec![None; conclusions.len()];
        for (request, index) in places.into_iter().enumerate() {
            match receipt.outcome(request) {
                Outcome::Accepted { position } | Outcome::Duplicate { position, .. } => booked[index] = Some(position),
                Outcome::Held { position, rejection } => {
                    booked[index] = Some(position);
                    problems[index] = Some(rejection.to_string());
                }
                Outcome::Rejected { rejection } => problems[index] = Some(rejection.to_string()),
            }
        }
        let mut records = Batch::new();
        for ((conclusion, position), problem) in conclusions.into_iter().zip(booked).zip(problems) {
            let mut record = conclusion.record;
            record["event_position"] = position.map_or(serde_json::Value::Null, |position| position.0.into());
            if let Some(problem) = problem {
                record["problem"] = problem.into();
            }
            let observation = Observation {
                form: observation::INFERENCE.into(),
                sent_at: Some(conclusion.occurred_at),
                content: record.to_string().into_bytes().into(),
                ..Observation::default()
            };
            let (command, at) = (Command::Observe(Box::new(observation)), conclusion.occurred_at);
            let id = format!("{}:record", conclusion.id);
            let key = hasher.command(ACTOR, &id, at, &command);
            records.push_command(ACTOR, ACTOR, &id, key, at, command);
        }
        self.engine.submit_and_wait(records)?;
        // They leave the list when they come back from the journal.
        Ok(())
    }

    /// Records that time has passed, when something waits for it.
    fn tick(&mut self) {
        let now = self.engine.now();
        let is_due = now.0.saturating_sub(self.recorded_at.max(self.ticked_at).0) >= TICK_MICROS;
        let is_awaited = |site: &Site| site.busy_until().is_some_and(|until| until > self.recorded_at);
        if !is_due || !self.sites.values().any(is_awaited) {
            return;
        }
        let observation = Observation { form: observation::TICK.into(), ..Observation::default() };
        let command = Command::Observe(Box::new(observation));
        let key = self.engine.hasher().command(ACTOR, "", now, &command);
        let mut batch = Batch::new();
        batch.push_command(ACTOR, ACTOR, "", key, now, command);
        if self.engine.submit_and_wait(batch).is_ok() {
            self.ticked_at = now;
        }
    }

    fn save(&mut self) -> Result<(), Error> {
        let mut image = Vec::new();
        self.put(&mut image);
        self.senses.write(&self.unwritten, Some((self.position, &image)))?;
        self.unwritten = Rows::default();
        self.saved_at = self.engine.now();
        Ok(())
    }

    fn show_sites(&self) {
        let state = |site: &Site| SiteState { tags: site.tags(), tallies: site.tallies() };
        let sites = self.sites.iter().map(|(name, site)| (name.clone(), state(site))).collect();
        *self.senses.0.sites.write().expect("no panic under the lock") = sites;
    }
}

impl Follow for Sensing {
    fn position(&self) -> Position {
        self.position
    }

    fn take(&mut self, observed: Observed, is_behind: bool) -> Result<(), Error> {
        let mut rows = std::mem::take(&mut self.unwritten);
        for (position, entry) in &observed.entries {
            self.take_entry(*position, &entry.decision, &mut rows);
        }
        self.unwritten = rows;
        self.position = observed.up_to.max(self.position);
        self.show_sites();
        if self.engine.now().0.saturating_sub(self.saved_at.0) >= SAVE_MICROS && !observed.entries.is_empty() {
            self.save()?;
        } else if !self.unwritten.is_empty() {
            self.senses.write(&self.unwritten, None)?;
            self.unwritten = Rows::default();
        }
        if !is_behind && self.hand_in().is_ok() {
            self.tick();
        }
        Ok(())
    }

    fn finish(&mut self) -> Result<(), Error> {
        self.save()
    }
}

/// What a person said of a conclusion.
fn judged(position: Position, at: Timestamp, observation: &Observation, rows: &mut Rows) {
    if let Some((inference, judgement)) = Judgement::read(&observation.content) {
        rows.judged.push((inference, KeptJudgement { judgement, at, position }));
    }
}

fn place(position: Position, decision: &Decision, device: &str, text: &str, rows: &mut Rows) {
    let Ok(place) = parse_place(text) else { return };
    let members = [
        ("latitude", place.latitude, "°"),
        ("longitude", place.longitude, "°"),
        ("accuracy_m", place.accuracy_m, "m"),
        ("speed_kmh", place.speed_kmh, "km/h"),
        ("heading_degrees", place.heading_degrees, "°"),
    ];
    for (metric, value, unit) in members.into_iter().filter(|(_, value, _)| !value.is_empty()) {
        let (device, metric, unit) = (device.to_owned(), metric.to_owned(), unit.to_owned());
        let at = decision.occurred_at;
        rows.readings.push(KeptReading { device, metric, value, unit, at, position });
    }
}

fn device_limits(interval_micros: Option<i64>) -> DeviceLimits {
    DeviceLimits { interval_micros: interval_micros.unwrap_or(0), ..DeviceLimits::default() }
}
