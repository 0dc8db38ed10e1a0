//! Brokers, readers and other systems that the program turns to by itself: `[[mqtt]]`, `[[llrp]]` and `[[polls]]` of the
//! configuration.
//!
//! ```toml
//! [[mqtt]]
//! url = "mqtt://broker.example:1883"
//! client_id = "stocktide-1"
//! [[mqtt.subscriptions]]
//! template = "dock/{device}/events"
//! kind = "events"
//!
//! [[llrp]]
//! device = "dock-1"
//! address = "10.0.0.5:5084"
//! ```

use crate::clock;
use crate::failure::usage;
use crate::units::{ByteCount, Period};
use anyhow::{Context, Result};
use edge::connect::{Poll, poll};
use edge::mqtt::{self, Client, Credentials, Environment, EventIntake, Holder, Intakes, ObservationIntake, Plan};
use edge::readers::{Reader, follow_reader};
use edge::{App, llrp};
use engine::Handle;
use serde::Deserialize;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use wire::sparkplug::{HostSettings, NAMESPACE};
use wire::topic::Kind;
use wire::topic::number;

/// The principal of what comes over MQTT.
const ACTOR: &str = "mqtt";

/// A broker and what to take from it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct MqttArgs {
    /// `mqtt://host:1883` or `mqtts://host:8883`.
    pub(crate) url: String,
    /// 3 for MQTT 3.1.1, 5 for MQTT 5 [5].
    version: Option<u8>,
    /// Our name for the broker; no two clients may have the same.
    client_id: String,
    username: Option<String>,
    /// The file that holds the password.
    password_file: Option<PathBuf>,
    /// Certificates of the authorities that the broker's may come from, PEM.
    ca_file: Option<PathBuf>,
    /// Our certificate and its key, PEM.
    certificate_file: Option<PathBuf>,
    key_file: Option<PathBuf>,
    keep_alive: Option<Period>,
    session_expiry: Option<Period>,
    in_flight_max: Option<u16>,
    message_bytes_max: Option<ByteCount>,
    /// Makes this client the Sparkplug host application of this id.
    sparkplug_host_id: Option<String>,
    #[serde(default)]
    subscriptions: Vec<SubscriptionArgs>,
}

/// Topics and what is sent there.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct SubscriptionArgs {
    template: String,
    kind: String,
    share_group: Option<String>,
    qos: Option<u8>,
    /// Where in the payload the number is; absent when the payload is the number.
    value: Option<String>,
    at: Option<String>,
    unit: Option<String>,
}

/// A reader that speaks LLRP.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct LlrpArgs {
    /// The device that its reads come from.
    device: String,
    /// Host and port; without a port, 5084.
    address: String,
    /// The antennas to read with; empty for all.
    #[serde(default)]
    antennas: Vec<u16>,
    /// After how many tags it reports [1].
    report_tags: Option<u16>,
    /// How often it shows that it lives [10s].
    keepalive: Option<Period>,
}

/// Brokers and readers to connect to, checked.
#[derive(Default)]
pub(crate) struct Sources {
    brokers: Vec<Plan>,
    readers: Vec<Reader>,
    polls: Vec<Poll>,
}

impl Sources {
    /// What the configuration's sections mean.
    ///
    /// # Errors
    /// Everything that is wrong with a section, by its number; files that can't be read.
    pub(crate) fn new(brokers: Vec<MqttArgs>, readers: Vec<LlrpArgs>, polls: Vec<Poll>) -> Result<Self> {
        let brokers = brokers.into_iter().enumerate().map(|(index, args)| {
            let settings = args.settings().with_context(|| format!("[[mqtt]] number {}", index + 1))?;
            settings.check().or_else(|problems| {
                let details: Vec<String> = problems.into_iter().map(|problem| problem.detail).collect();
                usage(format!("[[mqtt]] number {}: {}", index + 1, details.join("; ")))
            })
        });
        let brokers = brokers.collect::<Result<Vec<Plan>>>()?;
        let readers = readers.into_iter().map(LlrpArgs::reader).collect::<Result<Vec<Reader>>>()?;
        Ok(Self { brokers, readers, polls })
    }

    /// A demonstration through a broker: what to take in from it, and the way to publish there.
    ///
    /// # Errors
    /// A URL that can't be used.
    pub(crate) fn of_demo(url: &str) -> Result<(Self, Plan)> {
        let plan = |client_id: &str| {
            let mut settings = mqtt::Settings::new(url, client_id);
            settings.session_expiry_seconds = 3_600;
            let template = DEMO_TOPIC.to_owned();
            settings.subscriptions.push(mqtt::Subscription { template, kind: Kind::Events, share_group: None, qos: 1 });
            settings.check().or_else(|problems| {
                let details: Vec<String> = problems.into_iter().map(|problem| problem.detail).collect();
                usage(format!("--mqtt: {}", details.join("; ")))
            })
        };
        // Two demonstrations on one broker must not take each other's place.
        let mark = random();
        let (into, from) =
            (plan(&format!("stocktide-demo-in-{mark:x}"))?, plan(&format!("stocktide-demo-out-{mark:x}"))?);
        Ok((Self { brokers: vec![into], ..Self::default() }, from))
    }

    /// Connects to each and takes in what comes until `stopping` says so. Called within a runtime; the tasks that it
    /// answers end by themselves.
    ///
    /// # Errors
    /// A subscription of a kind that nothing takes.
    pub(crate) fn start(self, app: &App) -> Result<Vec<tokio::task::JoinHandle<()>>> {
        let (engine, limits, stopping) = (app.engine(), app.settings().events, app.stopping());
        let mut tasks = Vec::new();
        for plan in self.brokers {
            let (url, client_id) = (plan.settings().url.clone(), plan.settings().client_id.clone());
            let holder = Holder::new(engine.clone(), ACTOR);
            let observations = Arc::new(ObservationIntake::new(holder.clone()));
            let intakes = Intakes::new(EventIntake::new(holder, limits), Some(observations));
            let client = Client::new(plan, Arc::new(intakes), environment(engine))
                .or_else(|problem| usage(format!("[[mqtt]] {url}: {}", problem.detail)))?;
            app.show_broker(client_id, client.status());
            tracing::info!(url, "taking in from a broker");
            let mut stopping = stopping.clone();
            tasks.push(tokio::spawn(client.run(async move {
                // An error says that nobody can stop us any more, so that we should.
                let _ = stopping.wait_for(|is_stopping| *is_stopping).await;
            })));
        }
        for reader in self.readers {
            tracing::info!(device = reader.device, address = reader.settings.address, "following a reader");
            tasks.push(tokio::spawn(follow_reader(engine.clone(), reader, environment(engine), stopping.clone())));
        }
        for system in self.polls {
            tracing::info!(name = &*system.hook.name, url = system.url, "asking a system");
            tasks.push(tokio::spawn(poll(app.clone(), system, environment(engine))));
        }
        Ok(tasks)
    }
}

/// The topic under which a demonstration tells its events.
pub(crate) const DEMO_TOPIC: &str = "stocktide/demo/events";

/// The engine's time, and the system's randomness.
pub(crate) fn environment(engine: &Handle) -> Environment {
    let engine = engine.clone();
    Environment { now: Arc::new(move || engine.now()), random: Arc::new(random) }
}

/// Any number, each time another.
fn random() -> u64 {
    let mut bytes = [0; 8];
    match getrandom::fill(&mut bytes) {
        Ok(()) => u64::from_le_bytes(bytes),
        // Only pauses between attempts depend on it.
        Err(_) => clock::stopwatch_micros(),
    }
}

impl MqttArgs {
    fn settings(self) -> Result<mqtt::Settings> {
        let mut settings = mqtt::Settings::new(&self.url, &self.client_id);
        settings.version = match self.version {
            None | Some(5) => mqtt::Version::V5,
            Some(3) => mqtt::Version::V3,
            Some(other) => return usage(format!("version {other}: give 3 for MQTT 3.1.1, or 5")),
        };
        settings.credentials = match (self.username, &self.password_file) {
            (None, None) => None,
            (Some(username), file) => {
                let password = file.as_deref().map(read_text).transpose()?.unwrap_or_default();
                let password = password.trim_end_matches(['\r', '\n']).to_owned();
                Some(Credentials { username, password })
            }
            (None, Some(_)) => return usage("password_file is given without a username; add it"),
        };
        settings.tls.authorities = self.ca_file.as_deref().map(read_bytes).transpose()?;
        settings.tls.client = match (&self.certificate_file, &self.key_file) {
            (None, None) => None,
            (Some(certificate), Some(key)) => Some((read_bytes(certificate)?, read_bytes(key)?)),
            _ => return usage("certificate_file and key_file go together; give both or none"),
        };
        let seconds = |period: Period| u64::try_from(period.micros() / 1_000_000).unwrap_or(0);
        if let Some(period) = self.keep_alive {
            settings.keep_alive_seconds = u16::try_from(seconds(period)).unwrap_or(u16::MAX);
        }
        if let Some(period) = self.session_expiry {
            settings.session_expiry_seconds = u32::try_from(seconds(period)).unwrap_or(u32::MAX);
        }
        settings.in_flight_max = self.in_flight_max.unwrap_or(settings.in_flight_max);
        settings.message_bytes_max = self.message_bytes_max.map_or(settings.message_bytes_max, ByteCount::length);
        settings.subscriptions =
            self.subscriptions.into_iter().map(SubscriptionArgs::subscription).collect::<Result<_>>()?;
        if let Some(host_id) = &self.sparkplug_host_id {
            settings.sparkplug = Some(HostSettings::new(host_id));
            if settings.subscriptions.is_empty() {
                let (template, kind) = (format!("{NAMESPACE}/#"), Kind::Sparkplug);
                settings.subscriptions.push(mqtt::Subscription { template, kind, share_group: None, qos: 1 });
            }
        }
        Ok(settings)
    }
}

impl SubscriptionArgs {
    fn subscription(self) -> Result<mqtt::Subscription> {
        let path = |text: Option<&String>| {
            let parsed = text.map(|text| number::Path::parse(text)).transpose();
            parsed.or_else(|problem| usage(format!("subscription '{}': {}", self.template, problem.detail)))
        };
        let paths = number::Paths {
            value: path(self.value.as_ref())?,
            at: path(self.at.as_ref())?,
            unit: path(self.unit.as_ref())?,
        };
        let has_paths = paths != number::Paths::default();
        let kind = match &*self.kind {
            "events" => Kind::Events,
            "tag_reads" => Kind::TagReads,
            "sensor" => Kind::Sensor(paths),
            "weight" => Kind::Weight(paths),
            "position" => Kind::Position,
            "sparkplug" => Kind::Sparkplug,
            other => {
                let kinds = "'events', 'tag_reads', 'sensor', 'weight', 'position' or 'sparkplug'";
                return usage(format!("subscription '{}': there is no kind '{other}'; use {kinds}", self.template));
            }
        };
        if has_paths && !matches!(kind, Kind::Sensor(_) | Kind::Weight(_)) {
            let detail = "value, at and unit go with the kinds 'sensor' and 'weight'; leave them out";
            return usage(format!("subscription '{}': {detail}", self.template));
        }
        let (template, share_group) = (self.template, self.share_group);
        Ok(mqtt::Subscription { template, kind, share_group, qos: self.qos.unwrap_or(1) })
    }
}

impl LlrpArgs {
    fn reader(self) -> Result<Reader> {
        let device = self.device.trim().to_owned();
        if device.is_empty() || self.address.trim().is_empty() {
            return usage("[[llrp]] needs a device and an address, such as 'dock-1' and '10.0.0.5:5084'");
        }
        let has_port = self.address.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
        let address = if has_port { self.address } else { format!("{}:{}", self.address, llrp::PORT) };
        let mut settings = llrp::Settings::new(address);
        settings.session.antennas = self.antennas;
        settings.session.report_tags = self.report_tags.unwrap_or(settings.session.report_tags);
        if let Some(period) = self.keepalive {
            let milliseconds = u32::try_from(period.micros() / 1_000).unwrap_or(u32::MAX);
            if milliseconds < 100 {
                return usage(format!("[[llrp]] {device}: keepalive is below 100ms; give a longer one"));
            }
            settings.session.keepalive_ms = milliseconds;
        }
        Ok(Reader { device, settings })
    }
}

fn read_bytes(path: &Path) -> Result<Vec<u8>> {
    std::fs::read(path).with_context(|| format!("reading {}", path.display()))
}

fn read_text(path: &Path) -> Result<String> {
    std::fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Deserialize)]
    #[serde(deny_unknown_fields, default)]
    #[derive(Default)]
    struct File {
        mqtt: Vec<MqttArgs>,
        llrp: Vec<LlrpArgs>,
    }

    fn sources(text: &str) -> Result<Sources> {
        let File { mqtt, llrp } = toml::from_str(text)?;
        Sources::new(mqtt, llrp, Vec::new())
    }

    #[test]
    fn sections_become_clients() {
        let text = "[[mqtt]]\nurl = 'mqtt://b'\nclient_id = 'a'\nkeep_alive = '10s'\nversion = 3\n\
            [[mqtt.subscriptions]]\ntemplate = 'x/{device}/{metric}'\nkind = 'sensor'\nvalue = 'data.0'\n\
            [[mqtt]]\nurl = 'mqtt://b'\nclient_id = 'b'\nsparkplug_host_id = 'scada'\n\
            [[llrp]]\ndevice = 'dock-1'\naddress = '10.0.0.5'\nantennas = [1, 2]\n";
        let sources = sources(text).unwrap();
        let [first, second] = &*sources.brokers else { panic!("two brokers") };
        assert_eq!(first.settings().keep_alive_seconds, 10);
        assert_eq!(first.filters().collect::<Vec<_>>(), ["x/+/+"]);
        assert!(second.settings().sparkplug.is_some());
        assert_eq!(sources.readers[0].settings.address, "10.0.0.5:5084");
    }

    #[test]
    fn what_is_wrong_is_named() {
        let check = |text: &str, expect: &str| {
            let error = format!("{:#}", sources(text).err().unwrap());
            assert!(error.contains(expect), "{text}: {error}");
        };
        let broker = "[[mqtt]]\nurl = 'mqtt://b'\nclient_id = 'a'\n";
        check("[[mqtt]]\nurl = 'x'\nclient_id = 'a'\n", "number 1: url 'x'");
        check(&format!("{broker}version = 4\n"), "version 4");
        check(&format!("{broker}password_file = 'x'\n"), "without a username");
        check(&format!("{broker}ca_file = '/nowhere'\n"), "/nowhere");
        check(&format!("{broker}[[mqtt.subscriptions]]\ntemplate = 'a'\nkind = 'b'\n"), "no kind 'b'");
        check(&format!("{broker}[[mqtt.subscriptions]]\ntemplate = 'a'\nkind = 'events'\nvalue = 'x'\n"), "go with");
        check("[[llrp]]\ndevice = ' '\naddress = 'x'\n", "needs a device");
        check("[[llrp]]\ndevice = 'a'\naddress = 'x'\nspeed = 1\n", "unknown field");
    }
}
