//! An engine, clients of ours, and senders.

use crate::broker::Broker;
use edge::mqtt::{
    Client, Counters, Environment, EventIntake, Holder, Intake, Intakes, Message, Settings, Status, Subscription,
    Taking, TryLater, Version,
};
use engine::{Clock, Engine, Handle};
use ledger::Timestamp;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;
use wire::topic::Kind;

/// 2026-02-16T10:00:00Z, where the clock stands.
pub(crate) const START: i64 = 1_771_236_000_000_000;

/// How long a test waits for what has to happen.
const DEADLINE: Duration = Duration::from_secs(60);

/// Waits for what has to happen, and no longer than the deadline.
pub(crate) async fn within<T>(what: &str, happens: impl Future<Output = T>) -> T {
    tokio::time::timeout(DEADLINE, happens).await.unwrap_or_else(|_| panic!("it did not happen: {what}"))
}

pub(crate) struct World {
    pub(crate) engine: Option<Engine>,
    pub(crate) handle: Handle,
    _directory: tempfile::TempDir,
}

impl World {
    pub(crate) fn new() -> Self {
        Self::with(engine::Settings::default())
    }

    pub(crate) fn with(settings: engine::Settings) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let settings = engine::Settings { segment_bytes: 1 << 20, ..settings };
        let clock = Clock::simulated(|| Timestamp(START));
        let engine = Engine::open(directory.path(), settings, clock, [7; 16], &mut |_| {}).unwrap();
        Self { handle: engine.handle(), engine: Some(engine), _directory: directory }
    }

    pub(crate) fn intake(&self) -> Intakes {
        let holder = Holder::new(self.handle.clone(), "mqtt");
        Intakes::new(EventIntake::new(holder, wire::event::Limits::default()), None)
    }

    /// (text, code, place) of what is held, oldest first.
    pub(crate) fn held(&self) -> Vec<(String, String, String)> {
        let page = self.handle.views().held(&views::HeldQuery::default()).unwrap();
        let held = page
            .items
            .iter()
            .map(|item| (item.input.raw.to_string(), item.input.code.to_string(), item.input.place.to_string()));
        let mut held: Vec<_> = held.collect();
        held.reverse();
        held
    }

    pub(crate) fn entries(&self) -> u64 {
        self.handle.position().0
    }
}

impl Drop for World {
    fn drop(&mut self) {
        if let Some(engine) = self.engine.take() {
            engine.shutdown().unwrap();
        }
    }
}

/// Settings that take events under `dock/{device}/events`.
pub(crate) fn settings(broker: &Broker, version: Version) -> Settings {
    let mut settings = Settings::new(&broker.url(), "stocktide-test");
    settings.version = version;
    settings.reconnect_min = Duration::from_millis(20);
    settings.reconnect_max = Duration::from_millis(100);
    let template = "dock/{device}/events".to_owned();
    settings.subscriptions.push(Subscription { template, kind: Kind::Events, share_group: None, qos: 1 });
    settings
}

/// A client of ours that runs.
pub(crate) struct Running {
    pub(crate) status: Arc<Status>,
    stop: Option<oneshot::Sender<()>>,
    running: JoinHandle<()>,
}

impl Running {
    pub(crate) fn start(settings: Settings, intake: impl Intake) -> Self {
        let environment = Environment { now: Arc::new(|| Timestamp(START)), random: Arc::new(|| 4) };
        let client = Client::new(settings.check().unwrap(), Arc::new(intake), environment).unwrap();
        let status = client.status();
        let (stop, stopped) = oneshot::channel();
        let running = tokio::spawn(client.run(async move {
            let _ = stopped.await;
        }));
        Self { status, stop: Some(stop), running }
    }

    /// Starts one and waits until its subscriptions stand.
    pub(crate) async fn connected(settings: Settings, intake: impl Intake) -> Self {
        let running = Self::start(settings, intake);
        running.until("connected", |status| status.is_connected()).await;
        running
    }

    /// Waits until the status is as `is_so` wants it.
    pub(crate) async fn until(&self, what: &str, is_so: impl Fn(&Status) -> bool) {
        let mut changes = self.status.changes();
        let happens = tokio::time::timeout(DEADLINE, async {
            while !is_so(&self.status) {
                changes.changed().await.unwrap();
            }
        });
        let done = happens.await;
        assert!(done.is_ok(), "it did not happen: {what}; {:?} {:?}", self.counters(), self.status.problem());
    }

    pub(crate) fn counters(&self) -> Counters {
        self.status.counters()
    }

    /// Ends it as it would end itself.
    pub(crate) async fn stop(mut self) {
        drop(self.stop.take());
        within("stopped", &mut self.running).await.unwrap();
    }

    /// Ends it as a power cut would.
    pub(crate) async fn kill(self) {
        self.running.abort();
        let _ = self.running.await;
    }
}

/// An intake that lets nothing through until it is opened.
pub(crate) struct Gate<I> {
    pub(crate) inner: I,
    pub(crate) is_open: watch::Receiver<bool>,
}

impl<I: Intake> Intake for Gate<I> {
    fn takes(&self, kind: &Kind) -> bool {
        self.inner.takes(kind)
    }

    fn take<'a>(&'a self, message: &'a Message) -> Taking<'a> {
        if *self.is_open.borrow() {
            self.inner.take(message)
        } else {
            Box::pin(std::future::ready(Err(TryLater("shut".into()))))
        }
    }
}

/// An intake that takes everything and never says so.
pub(crate) struct Mute<I>(pub(crate) I, pub(crate) watch::Sender<usize>);

impl<I: Intake> Intake for Mute<I> {
    fn takes(&self, kind: &Kind) -> bool {
        self.0.takes(kind)
    }

    fn take<'a>(&'a self, message: &'a Message) -> Taking<'a> {
        Box::pin(async {
            self.0.take(message).await.unwrap();
            self.1.send_modify(|count| *count += 1);
            std::future::pending().await
        })
    }
}

/// A sender: publishes and waits until the broker has it.
pub(crate) struct Sender {
    client: rumqttc_v4::AsyncClient,
    polling: JoinHandle<()>,
}

impl Drop for Sender {
    fn drop(&mut self) {
        self.polling.abort();
    }
}

impl Sender {
    pub(crate) fn new(broker: &Broker) -> Self {
        Self::with(rumqttc_v4::MqttOptions::new("sender", ("127.0.0.1", broker.port)))
    }

    /// A sender with a certificate and its key, all in PEM form.
    pub(crate) fn with_tls(broker: &Broker, authority: &str, (certificate, key): (String, String)) -> Self {
        let mut options = rumqttc_v4::MqttOptions::new("sender", ("127.0.0.1", broker.port));
        let (ca, client_auth) = (authority.as_bytes().to_vec(), Some((certificate.into_bytes(), key.into_bytes())));
        let configuration = rumqttc_v4::TlsConfiguration::Simple { ca, alpn: None, client_auth };
        options.set_transport(rumqttc_v4::Transport::Tls(configuration));
        Self::with(options)
    }

    fn with(mut options: rumqttc_v4::MqttOptions) -> Self {
        options.set_max_packet_size(1 << 20, 1 << 20);
        let (client, mut polled) = rumqttc_v4::AsyncClient::builder(options).capacity(64).try_build().unwrap();
        let polling = tokio::spawn(async move { while polled.poll().await.is_ok() {} });
        Self { client, polling }
    }

    pub(crate) async fn send(&self, topic: &str, payload: impl Into<Vec<u8>>) {
        let options = rumqttc_v4::PublishOptions::new(rumqttc_v4::QoS::AtLeastOnce);
        let notice = within("room to send", self.client.publish_tracked(topic, payload.into(), options)).await.unwrap();
        within("the broker has it", notice.wait_completion_async()).await.unwrap();
    }
}

/// The event with the number `number`: one piece arrives.
pub(crate) fn event(number: usize) -> String {
    let fields = r#""event":"item_added","product_id":"SKU123","location":"warehouse_A","quantity":1"#;
    format!(r#"{{{fields},"timestamp":"2026-02-16T09:00:00Z","id":"e{number}"}}"#)
}
