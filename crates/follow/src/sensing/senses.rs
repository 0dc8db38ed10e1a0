//! What whoever asks may know of devices, their figures and what was concluded from them.

use super::store::{InferenceQuery, KeptInference, KeptJudgement, KeptReading, Rows, Store};
use engine::Error;
use intake::device::{Device, Health};
use intake::rfid::Tallies;
use ledger::{Position, Timestamp};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, RwLock};

/// How one device is.
#[derive(Clone, Debug)]
pub struct DeviceState {
    /// What was heard of it.
    pub device: Device,
    /// When the newest entry of it was recorded, and where it stands.
    pub recorded_at: Timestamp,
    /// See `recorded_at`.
    pub position: Position,
}

/// What whoever asks may know. Cheap to clone; any thread may use it.
#[derive(Clone)]
pub struct Senses(pub(super) Arc<Inner>);

pub(super) struct Inner {
    pub(super) store: Store,
    pub(super) devices: RwLock<BTreeMap<Box<str>, DeviceState>>,
    pub(super) sites: RwLock<BTreeMap<String, SiteState>>,
    quarantined: AtomicUsize,
    /// Judgements that have not come back from the journal yet. Locked while one is taken.
    pub(super) judged: Mutex<BTreeMap<String, KeptJudgement>>,
}

/// How one site of readers is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SiteState {
    /// Tags that are tracked.
    pub tags: usize,
    /// What its smoother counted.
    pub tallies: Tallies,
}

impl Senses {
    pub(super) fn over(store: Store) -> Result<Self, Error> {
        let quarantined = AtomicUsize::new(store.quarantined()?);
        Ok(Self(Arc::new(Inner {
            store,
            devices: RwLock::default(),
            sites: RwLock::default(),
            quarantined,
            judged: Mutex::default(),
        })))
    }

    pub(super) fn write(&self, rows: &Rows, image: Option<(Position, &[u8])>) -> Result<(), Error> {
        self.0.store.write(rows, image)?;
        if !(rows.inferences.is_empty() && rows.judged.is_empty()) {
            self.0.quarantined.store(self.0.store.quarantined()?, Ordering::Relaxed);
        }
        if !rows.judged.is_empty() {
            let mut unseen = self.0.judged.lock().expect("no panic under the lock");
            unseen.retain(|id, judged| {
                !rows.judged.iter().any(|(seen, kept)| seen == id && kept.position == judged.position)
            });
        }
        Ok(())
    }

    pub(super) fn expect_every(&self, device: &str, interval_micros: i64) {
        let mut devices = self.0.devices.write().expect("no panic under the lock");
        if let Some(state) = devices.get_mut(device) {
            state.device.expect_every(interval_micros);
        }
    }

    /// How a device is, and what is wrong with it at a time; `None` when nothing was ever observed of it.
    pub fn device(&self, name: &str, now: Timestamp) -> Option<(DeviceState, Health)> {
        let devices = self.0.devices.read().expect("no panic under the lock");
        let state = devices.get(name)?.clone();
        let health = state.device.health(now.max(state.recorded_at));
        Some((state, health))
    }

    /// Names of devices that something was observed of, after `after`, in order.
    pub fn devices_after(&self, after: &str, limit: usize) -> Vec<Box<str>> {
        let devices = self.0.devices.read().expect("no panic under the lock");
        devices.keys().filter(|name| ***name > *after).take(limit).cloned().collect()
    }

    /// Every site of readers.
    pub fn sites(&self) -> BTreeMap<String, SiteState> {
        self.0.sites.read().expect("no panic under the lock").clone()
    }

    /// The newest figures of a device, or of all devices, by device and metric.
    ///
    /// # Errors
    /// [`Error::Index`].
    pub fn latest(&self, device: Option<&str>, limit: usize) -> Result<Vec<KeptReading>, Error> {
        self.latest_after(device, ("", ""), limit)
    }

    /// As [`latest`](Self::latest), those after a device and metric.
    ///
    /// # Errors
    /// [`Error::Index`].
    pub fn latest_after(
        &self,
        device: Option<&str>,
        after: (&str, &str),
        limit: usize,
    ) -> Result<Vec<KeptReading>, Error> {
        self.0.store.latest(device, after, limit)
    }

    /// Conclusions, newest first.
    ///
    /// # Errors
    /// [`Error::Index`].
    pub fn inferences(&self, query: &InferenceQuery) -> Result<Vec<KeptInference>, Error> {
        self.0.store.inferences(query)
    }

    /// The conclusion with this id.
    ///
    /// # Errors
    /// [`Error::Index`].
    pub fn inference(&self, id: &str) -> Result<Option<KeptInference>, Error> {
        self.0.store.inference(id)
    }

    /// Conclusions that wait for a person.
    pub fn quarantined(&self) -> usize {
        self.0.quarantined.load(Ordering::Relaxed)
    }
}
