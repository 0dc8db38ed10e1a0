//! Judging the reads behind a conclusion again, under other settings. It changes nothing.

use super::conclude::{self, unhex};
use super::settings::{DeviceSettings, ReaderSettings, Smoothing, device_settings};
use super::site::{self, Layout};
use super::store::KeptInference;
use super::{CLOCK_OFF_MICROS, RSSI_UNKNOWN, Senses, device_limits};
use engine::{Error, Handle};
use intake::device::{Device, Observation as Heard};
use intake::rfid::{self, Read, Tag};
use ledger::{Catalog, Decision, DecisionKind, Effect, Observation, Position, Timestamp};
use std::collections::HashMap;
use wire::observation::{TAG_READS, unpack_reads};
use wire::time::parse_timestamp;

/// How far before and after its evidence reads of the tag are looked for, in microseconds.
const AROUND_MICROS: i64 = 30_000_000;
/// How long after they were seen reads may have been recorded, in microseconds.
const DELAY_MICROS_MAX: i64 = 60_000_000;
/// Entries that are looked through.
const ENTRIES_MAX: usize = 1_000_000;
/// Reads that are judged.
const READS_MAX: usize = 100_000;

/// What the reads would lead to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejudged {
    /// How many reads of the tag were judged.
    pub reads: usize,
    /// The JSON of what would be concluded, as records have it, by the time of decision.
    pub conclusions: Vec<String>,
}

/// Why reads cannot be judged again.
#[derive(Debug, thiserror::Error)]
pub enum RejudgeError {
    /// It rests on no tag reads.
    #[error("the conclusion rests on no tag reads; only those of tags can be judged again")]
    NoTag,
    /// Its readers were declared otherwise since.
    #[error("no reader of the site '{0}' is declared any more; declare one")]
    NoSite(String),
    /// The settings cannot be used.
    #[error("settings: {0}")]
    Settings(String),
    /// More entries or reads than are looked through.
    #[error("more than {ENTRIES_MAX} entries or {READS_MAX} reads lie around the conclusion; they are too many")]
    TooMany,
    /// The journal could not be read.
    #[error(transparent)]
    Engine(#[from] Error),
}

impl Senses {
    /// What the reads of the conclusion's tag, up to half a minute before and after its evidence, would lead to under the
    /// present settings of its site with `changes`. It starts from nothing: what was known of the tag before those reads
    /// is left out.
    ///
    /// # Errors
    /// [`RejudgeError`].
    pub fn rejudge(
        &self,
        engine: &Handle,
        kept: &KeptInference,
        changes: &Smoothing,
    ) -> Result<Rejudged, RejudgeError> {
        let record: serde_json::Value = serde_json::from_str(&kept.record).unwrap_or_default();
        let tag = record["epc"].as_str().and_then(unhex).and_then(|code| Tag::new(&code)).ok_or(RejudgeError::NoTag)?;
        let time = |name: &str| record["evidence"][name].as_str().and_then(|text| parse_timestamp(text).ok());
        let (Some(first), Some(last)) = (time("first_read_at"), time("last_read_at")) else {
            return Err(RejudgeError::NoTag);
        };
        let site = record["site"].as_str().unwrap_or_default();
        let layout = layout_of(engine.views().catalog(), site, changes)?;
        let between = (first.minus(AROUND_MICROS), last.plus(AROUND_MICROS));
        let reads = gather(engine, &layout, tag, between)?;
        let refuse = |error: rfid::RejudgeError| RejudgeError::Settings(error.to_string());
        let inferences = rfid::rejudge(&reads, layout.settings.clone()).map_err(refuse)?;
        let views = engine.views();
        let of = |inference| conclude::of_tag(site, &layout, inference, views.catalog()).record.to_string();
        Ok(Rejudged { reads: reads.len(), conclusions: inferences.iter().map(of).collect() })
    }
}

/// The layout of a site as its readers are declared, with changed smoothing.
///
/// # Errors
/// [`RejudgeError::NoSite`], [`RejudgeError::Settings`].
pub(super) fn layout_of(catalog: &Catalog, site: &str, changes: &Smoothing) -> Result<Layout, RejudgeError> {
    let mut readers: Vec<(&str, ReaderSettings)> = Vec::new();
    for card in catalog.devices() {
        let Ok(DeviceSettings::Reader(reader)) = device_settings(card) else { continue };
        if reader.site == site || (reader.site.is_empty() && *card.device == *site) {
            readers.push((&card.device, reader));
        }
    }
    // The settings of the first count.
    let (_, first) = readers.first_mut().ok_or_else(|| RejudgeError::NoSite(site.to_owned()))?;
    first.smoothing = first.smoothing.with(changes);
    let readers: Vec<(&str, &ReaderSettings)> = readers.iter().map(|(name, reader)| (*name, reader)).collect();
    let layout = site::layout(&readers).map_err(RejudgeError::Settings)?;
    layout.settings.check().map_err(|error| RejudgeError::Settings(error.to_string()))?;
    Ok(layout)
}

/// The reads of a tag in a span of time, as its site's smoother was given them.
fn gather(
    engine: &Handle,
    layout: &Layout,
    tag: Tag,
    (from, to): (Timestamp, Timestamp),
) -> Result<Vec<Read>, RejudgeError> {
    let mut gathered = Gathered { layout, tag, between: (from, to), clocks: HashMap::new(), reads: Vec::new() };
    let end = to.plus(DELAY_MICROS_MAX);
    let mut position = engine.known_at(from)?;
    let mut entries = 0;
    while let Some((first, block)) = engine.block_of(position.next())? {
        let is_done = block.last().is_some_and(|entry| entry.decision.recorded_at > end);
        position = Position(first.0 + block.len() as u64 - 1);
        entries += block.len();
        for entry in block.iter().filter(|entry| entry.decision.kind == DecisionKind::ObservationRecorded) {
            let device = {
                let views = engine.views();
                views.catalog().party(entry.decision.source).to_owned()
            };
            gathered.take(&device, &entry.decision);
        }
        if entries > ENTRIES_MAX || gathered.reads.len() > READS_MAX {
            return Err(RejudgeError::TooMany);
        }
        if is_done {
            break;
        }
    }
    Ok(gathered.reads)
}

struct Gathered<'a> {
    layout: &'a Layout,
    tag: Tag,
    between: (Timestamp, Timestamp),
    /// What is heard of each reader on the way, for its clock.
    clocks: HashMap<String, Device>,
    reads: Vec<Read>,
}

impl Gathered<'_> {
    fn take(&mut self, device: &str, decision: &Decision) {
        for effect in &decision.effects {
            if let Effect::Observed(observation) = effect
                && *observation.form == *TAG_READS
            {
                self.observed(device, decision.recorded_at, observation);
            }
        }
    }

    fn observed(&mut self, device: &str, received_at: Timestamp, observation: &Observation) {
        let clock = self.clocks.entry(device.to_owned()).or_insert_with(|| Device::new(device_limits(None)));
        clock.take(&Heard { received_at, sent_at: observation.sent_at, ..Heard::default() });
        let offset = clock.clock_offset_micros().filter(|offset| offset.abs() > CLOCK_OFF_MICROS).unwrap_or(0);
        for read in unpack_reads(&observation.content).map_while(Result::ok) {
            let seen_at = read.seen_at.plus(offset);
            let is_between = self.between.0 <= seen_at && seen_at <= self.between.1;
            if read.epc != self.tag.code() || !is_between {
                continue;
            }
            if let Some(antenna) = self.layout.antennas.get(&(device.to_owned(), read.antenna)) {
                let rssi = read.rssi_centi_dbm.unwrap_or(RSSI_UNKNOWN);
                self.reads.push(Read { tag: self.tag, antenna: *antenna, seen_at, rssi });
            }
        }
    }
}
