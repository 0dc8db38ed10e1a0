//! What every handler shares.

use crate::auth::RateLimits;
use crate::epcis::Epcis;
use crate::notify::{Channel, Telling};
use crate::{Auth, Settings, mqtt};
use engine::{Handle, Progress};
use follow::epcis::Repository;
use follow::notices::Outbox;
use follow::sensing::Senses;
use follow::series::Series;
use ledger::{Position, Timestamp};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use tokio::sync::{Semaphore, watch};
use wire::KeyHasher;

/// The unit in which memory for bodies is given out, in bytes.
pub(crate) const BODY_UNIT_BYTES: usize = 4096;

/// Documents of other systems that are mapped at once: each takes some fifty times its size meanwhile.
const MAPPINGS_MAX: usize = 4;

/// Surveys of all stock at once: each takes some memory for every balance, and a core for a moment.
const SURVEYS_MAX: usize = 2;

/// A server's state: a way to the engine, and what bounds its callers. Cheap to clone.
#[derive(Clone)]
pub struct App(Arc<Inner>);

struct Inner {
    engine: Handle,
    hasher: KeyHasher,
    auth: Auth,
    settings: Settings,
    sensed: OnceLock<Sensed>,
    series: OnceLock<Series>,
    epcis: OnceLock<Epcis>,
    telling: OnceLock<Arc<Telling>>,
    /// The clients of brokers that run beside this server, by what they are called.
    brokers: Mutex<Vec<(String, Arc<mqtt::Status>)>>,
    started_at: Timestamp,
    committed: watch::Receiver<Position>,
    stopping: watch::Sender<bool>,
    gates: Gates,
}

/// What is known of devices, and how far the follower that makes it is.
#[derive(Clone)]
pub(crate) struct Sensed {
    pub(crate) senses: Senses,
    pub(crate) progress: Progress,
}

/// What is given out in limited number.
pub(crate) struct Gates {
    /// Memory for bodies, in units of [`BODY_UNIT_BYTES`].
    pub(crate) body_units: Arc<Semaphore>,
    pub(crate) connections: Arc<Semaphore>,
    pub(crate) streams: Arc<Semaphore>,
    /// Documents of other systems that are mapped at once.
    pub(crate) mappings: Arc<Semaphore>,
    /// Surveys of all stock at once.
    pub(crate) surveys: Arc<Semaphore>,
    /// Rules that are tried at once.
    pub(crate) trials: Arc<Semaphore>,
    /// Held by whoever decides about stock on hold: what is there must not change between looking and deciding.
    pub(crate) decisions: tokio::sync::Mutex<()>,
    pub(crate) rates: RateLimits,
    requests: AtomicU64,
    /// Told apart from those of other starts by the time of this one.
    request_prefix: String,
}

impl App {
    /// The state of a server over `engine`. One for each engine and address.
    pub fn new(engine: Handle, auth: Auth, settings: Settings) -> Self {
        let (sender, committed) = watch::channel(engine.position());
        let sender = Arc::new(sender);
        let observer = Arc::clone(&sender);
        let newer = |sender: &watch::Sender<Position>, position: Position| {
            sender.send_if_modified(|last| {
                let is_newer = position > *last;
                *last = position.max(*last);
                is_newer
            });
        };
        engine.observe(move |position| newer(&observer, position));
        // What was committed before the observer was there.
        newer(&sender, engine.position());
        let started_at = engine.now();
        let gates = Gates {
            body_units: Arc::new(Semaphore::new(settings.bodies_bytes_max.div_ceil(BODY_UNIT_BYTES))),
            connections: Arc::new(Semaphore::new(settings.connections_max)),
            streams: Arc::new(Semaphore::new(settings.streams_max)),
            mappings: Arc::new(Semaphore::new(MAPPINGS_MAX)),
            surveys: Arc::new(Semaphore::new(SURVEYS_MAX)),
            // Each reads the whole journal.
            trials: Arc::new(Semaphore::new(1)),
            decisions: tokio::sync::Mutex::default(),
            rates: RateLimits::new(settings.requests_per_second_max),
            requests: AtomicU64::new(0),
            request_prefix: format!("{:x}", started_at.0),
        };
        let hasher = engine.hasher();
        let stopping = watch::Sender::new(false);
        let (sensed, epcis) = (OnceLock::new(), OnceLock::new());
        Self(Arc::new(Inner {
            engine,
            hasher,
            auth,
            settings,
            sensed,
            series: OnceLock::new(),
            epcis,
            telling: OnceLock::new(),
            brokers: Mutex::default(),
            started_at,
            committed,
            stopping,
            gates,
        }))
    }

    /// The same, and it answers what is known of devices: `progress` is that of the follower that fills `senses`. For
    /// whoever makes the server, once, before it serves.
    pub fn with_senses(self, senses: Senses, progress: Progress) -> Self {
        let is_first = self.0.sensed.set(Sensed { senses, progress }).is_ok();
        assert!(is_first, "a server has the senses of one follower");
        self
    }

    /// The same, and it answers how readings went. For whoever makes the server, once, before it serves.
    pub fn with_series(self, series: Series) -> Self {
        let is_first = self.0.series.set(series).is_ok();
        assert!(is_first, "a server has one index of readings");
        self
    }

    /// How readings went; `None` when nobody keeps it.
    pub(crate) fn series(&self) -> Option<&Series> {
        self.0.series.get()
    }

    /// Shows among the metrics how a broker's client is, under this name.
    pub fn show_broker(&self, name: String, status: Arc<mqtt::Status>) {
        self.0.brokers.lock().expect("no panic under the lock").push((name, status));
    }

    /// The clients of brokers, by name.
    pub(crate) fn brokers(&self) -> Vec<(String, Arc<mqtt::Status>)> {
        self.0.brokers.lock().expect("no panic under the lock").clone()
    }

    /// The same, and it is an EPCIS repository. For whoever makes the server, once, before it serves.
    pub fn with_epcis(self, repository: Repository) -> Self {
        let is_first = self.0.epcis.set(Epcis::new(repository)).is_ok();
        assert!(is_first, "a server is one repository");
        self
    }

    /// The EPCIS repository; `None` when it is none.
    pub(crate) fn epcis(&self) -> Option<&Epcis> {
        self.0.epcis.get()
    }

    /// The same, and it tells what is in `outbox` over these channels. For whoever makes the server, once, before it serves.
    pub fn with_channels(self, outbox: Outbox, channels: Vec<Channel>) -> Self {
        let telling = Telling::new(outbox, channels, Arc::clone(&self.0.settings.public_url));
        let is_first = self.0.telling.set(Arc::new(telling)).is_ok();
        assert!(is_first, "a server tells out of one outbox");
        self
    }

    /// What tells of alerts; `None` when nothing does.
    pub(crate) fn telling(&self) -> Option<&Arc<Telling>> {
        self.0.telling.get()
    }

    /// What is known of devices; `None` when nobody follows what they say.
    pub(crate) fn sensed(&self) -> Option<&Sensed> {
        self.0.sensed.get()
    }

    /// The way to the engine.
    pub fn engine(&self) -> &Handle {
        &self.0.engine
    }

    /// What makes idempotency keys.
    pub fn hasher(&self) -> &KeyHasher {
        &self.0.hasher
    }

    /// Who may talk to us.
    pub fn auth(&self) -> &Auth {
        &self.0.auth
    }

    /// The limits.
    pub fn settings(&self) -> &Settings {
        &self.0.settings
    }

    /// When this server came to be.
    pub fn started_at(&self) -> Timestamp {
        self.0.started_at
    }

    /// The last committed position, and a wake-up whenever it grows.
    pub fn committed(&self) -> watch::Receiver<Position> {
        self.0.committed.clone()
    }

    /// Whether the server is stopping, and a wake-up when it begins to: long answers end then.
    pub fn stopping(&self) -> watch::Receiver<bool> {
        self.0.stopping.subscribe()
    }

    /// Ends [`serve`](crate::serve): no new connections, and requests under way are finished.
    pub fn stop(&self) {
        self.0.stopping.send_replace(true);
    }

    pub(crate) fn gates(&self) -> &Gates {
        &self.0.gates
    }

    /// Connections that are open.
    pub(crate) fn connections(&self) -> usize {
        self.settings().connections_max - self.gates().connections.available_permits()
    }

    /// Live streams that are open.
    pub(crate) fn streams(&self) -> usize {
        self.settings().streams_max - self.gates().streams.available_permits()
    }

    /// Memory given out for bodies, in bytes.
    pub(crate) fn body_bytes(&self) -> usize {
        let units = self.settings().bodies_bytes_max.div_ceil(BODY_UNIT_BYTES);
        (units - self.gates().body_units.available_permits()) * BODY_UNIT_BYTES
    }

    /// How many requests have come.
    pub(crate) fn requests(&self) -> u64 {
        self.gates().requests.load(Ordering::Relaxed)
    }

    /// A name for a request that brought none.
    pub(crate) fn next_request_id(&self) -> String {
        let number = self.gates().requests.fetch_add(1, Ordering::Relaxed);
        format!("{}-{number}", self.gates().request_prefix)
    }
}
