//! `stocktide demo`: a made-up supply chain that the real program serves.

use crate::failure::{Ended, usage};
use crate::following::Following;
use crate::serve::LISTEN;
use crate::server::{Beside, Bound};
use crate::sources::{DEMO_TOPIC, Sources, environment};
use crate::{clock, directory, output, server};
use anyhow::{Context, Result, bail};
use clap::Args;
use edge::mqtt::Outgoing;
use edge::{Auth, mqtt};
use engine::{Clock, Handle, Unavailable};
use ledger::{Body, Command, RuleCard, Timestamp};
use sim::world::{Emission, Plan, World};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::time::Duration;
use tokio::sync::mpsc::Sender;
use wire::{Batch, KeyHasher};

const EXAMPLES: &str = "\
Customers order, suppliers deliver, people count, and some of them make mistakes: late scans, wrong quantities, clocks
that run ahead. What the ledger makes of that is on the pages. Prints `ready http://ADDRESS:PORT` on standard output;
Ctrl-C stops it, and nothing is left behind unless --data says where.

Examples:
  stocktide demo
  stocktide demo --speed 600 --products 10000 --warehouses 5
  stocktide demo --mqtt mqtt://127.0.0.1:1883";

/// Shows it with made-up stock: a simulated supply chain, faster than life, on this machine only.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct DemoArgs {
    /// The address to listen on; a free port if it is taken.
    #[arg(long, env = "STOCKTIDE_LISTEN", value_name = "ADDRESS:PORT", default_value_t = LISTEN)]
    listen: SocketAddr,
    /// How many times faster than real time.
    #[arg(long, default_value_t = 150, value_name = "FACTOR", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    speed: u32,
    /// Where all chance comes from: the same seed gives the same world.
    #[arg(long, default_value_t = 1, value_name = "NUMBER")]
    seed: u64,
    /// How many products there are.
    #[arg(long, default_value_t = 2_000, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    products: u32,
    /// How many warehouses there are.
    #[arg(long, default_value_t = 3, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..=100))]
    warehouses: u32,
    /// Tells the events through this MQTT broker instead of in process, as real devices would: `mqtt://host:1883`.
    #[arg(long, value_name = "URL")]
    mqtt: Option<String>,
    /// Keeps the made-up stock in this directory, which must not hold any [default: a temporary one].
    #[arg(long = "data", value_name = "DIR")]
    directory: Option<PathBuf>,
}

/// A demonstration to give.
pub(crate) struct Demo {
    listen: SocketAddr,
    speed: u32,
    plan: Plan,
    directory: Option<PathBuf>,
    broker: Option<(Sources, mqtt::Plan)>,
}

/// Small segments: the first one is written before the page can be shown.
fn engine_settings() -> engine::Settings {
    engine::Settings { segment_bytes: 8 << 20, ..engine::Settings::default() }
}

/// Requests handed in together.
const BATCH: usize = 2_000;
/// Messages that may wait for the broker, of up to [`BATCH`] events each.
const MESSAGES_MAX: usize = 4;
/// How often the world moves on.
const STEP: Duration = Duration::from_millis(40);
/// The hour of the first day at which it begins, when people are at work.
const BEGINS_AT_HOUR: i64 = 8;
const HOUR_MICROS: i64 = 3_600_000_000;

/// A rule of the demonstration.
struct DemoRule {
    id: &'static str,
    name: &'static str,
    condition: &'static str,
    category: &'static str,
    setting: (&'static str, &'static str),
    owner: &'static str,
}

const fn low_stock(
    id: &'static str,
    name: &'static str,
    category: &'static str,
    setting: (&'static str, &'static str),
    owner: &'static str,
) -> DemoRule {
    DemoRule { id, name, condition: "low_stock", category, setting, owner }
}

const RULES: [DemoRule; 5] = [
    low_stock("dairy-supply", "Dairy for three days", "dairy", ("days_of_supply", "3"), "fresh food"),
    low_stock("frozen-supply", "Frozen goods for a week", "frozen", ("days_of_supply", "7"), "fresh food"),
    low_stock("medicines-supply", "Medicines", "cold chain medicines", ("days_of_supply", "10"), "pharmacy"),
    low_stock("tools-supply", "Power tools", "power tools", ("below", "3"), ""),
    // Fresh food is always about to expire; the last days are what matters.
    DemoRule {
        id: "default-expiring-lot",
        name: "Lots that expire within five days",
        condition: "expiring_lot",
        category: "",
        setting: ("days", "5"),
        owner: "",
    },
];

impl Demo {
    /// What the arguments mean.
    ///
    /// # Errors
    /// An address that others can reach.
    pub(crate) fn new(args: DemoArgs) -> Result<Self> {
        if !args.listen.ip().is_loopback() {
            return usage(format!("a demo lets anyone in; {} can be reached by others", args.listen));
        }
        let today = clock::now().0.div_euclid(24 * HOUR_MICROS) * 24 * HOUR_MICROS;
        let start = Timestamp(today + BEGINS_AT_HOUR * HOUR_MICROS);
        let Plan { regions, mistakes, .. } = Plan::default();
        let plan =
            Plan { seed: args.seed, products: args.products, warehouses: args.warehouses, regions, start, mistakes };
        let broker = args.mqtt.as_deref().map(Sources::of_demo).transpose()?;
        Ok(Self { listen: args.listen, speed: args.speed, plan, directory: args.directory, broker })
    }

    /// Shows it until it is told to stop.
    ///
    /// # Errors
    /// No port is free, the directory can't be used, or serving fails.
    pub(crate) fn run(self) -> Result<Ended> {
        let bound = Bound::new(self.listen).or_else(|_| Bound::new(SocketAddr::new(self.listen.ip(), 0)))?;
        let scratch = match &self.directory {
            Some(_) => None,
            None => Some(tempfile::Builder::new().prefix("stocktide-demo-").tempdir().context("making a directory")?),
        };
        let directory = self.directory.as_deref().or_else(|| scratch.as_ref().map(|scratch| scratch.path()));
        let directory = directory.expect("one of the two was chosen");
        let (start, speed) = (self.plan.start, self.speed);
        let begun = clock::stopwatch_micros();
        let now = move || {
            let elapsed = clock::stopwatch_micros().saturating_sub(begun).saturating_mul(u64::from(speed));
            start.plus(i64::try_from(elapsed).unwrap_or(i64::MAX))
        };
        let clock = Clock::new(now, clock::stopwatch_micros);
        let engine = directory::open(directory, engine_settings(), clock)?;
        if engine.opened().last_position.0 > 0 {
            let shown = directory.display();
            bail!("{shown} holds stock already; see it with `stocktide serve --auth none --data {shown}`");
        }
        self.explain();
        let handle = engine.handle();
        let following = Following::start(directory, &handle, Vec::new())?;
        let mut world = World::new(self.plan.clone());
        let mut feeder = Feeder::new(handle.clone());
        feeder.declare_rules()?;
        world.opening(&mut |emission| feeder.take(emission));
        feeder.hand_in()?;
        let runtime = server::runtime()?;
        let sources = match self.broker {
            None => Sources::default(),
            Some((sources, plan)) => {
                let (messages, outgoing) = tokio::sync::mpsc::channel(MESSAGES_MAX);
                runtime.spawn(mqtt::publish(plan, environment(&handle), outgoing));
                feeder.messages = Some(messages);
                sources
            }
        };
        let (stop, stopped) = sync_channel::<()>(1);
        let feeding = std::thread::Builder::new().name("world".to_owned());
        let feeding = feeding.spawn(move || feeder.feed(&mut world, &stopped)).context("starting the simulation")?;
        let settings =
            edge::Settings { demo: true, drain_timeout: Duration::from_secs(2), ..edge::Settings::default() };
        let open = |address| output::note(&format!("open http://{address}/ in a browser; Ctrl-C stops the demo"));
        let beside = Beside { following: &following, sources, channels: Vec::new() };
        let served = runtime.block_on(server::serve(bound, handle, Auth::None, settings, beside, open));
        drop(stop);
        let fed = feeding.join();
        runtime.shutdown_timeout(Duration::from_millis(500));
        following.finish();
        engine.shutdown().context("closing the data directory")?;
        served?;
        match fed {
            Ok(fed) => fed?,
            Err(_) => bail!("the simulation stopped on a bug of ours"),
        }
        Ok(Ended::Done)
    }

    fn explain(&self) {
        let Plan { products, warehouses, seed, .. } = self.plan;
        output::note(&format!(
            "A made-up supply chain: {} products in {warehouses} warehouses, {} times as fast as life (seed {seed}).",
            output::count(products.into()),
            self.speed
        ));
        output::note(
            "Mistakes are made on purpose: scans that are late, sent twice, forgotten or wrong, ids used again, clocks that\n\
             run ahead. Look for them under discrepancies, recounts and held inputs.",
        );
    }
}

/// Hands in what the world tells.
struct Feeder {
    handle: Handle,
    hasher: KeyHasher,
    batch: Batch,
    failed: Option<Unavailable>,
    /// Where events go when they go through a broker.
    messages: Option<Sender<Outgoing>>,
}

impl Feeder {
    fn new(handle: Handle) -> Self {
        let hasher = handle.hasher();
        Self { handle, hasher, batch: Batch::new(), failed: None, messages: None }
    }

    fn take(&mut self, emission: Emission<'_>) {
        let request = emission.request;
        let key = match &request.body {
            Body::Event(event) => self.hasher.event(request.source, request.id, request.occurred_at, event),
            Body::Command(command) => self.hasher.command(request.source, request.id, request.occurred_at, command),
        };
        self.batch.push(&ledger::Request {
            actor: "demo",
            source: request.source,
            id: request.id,
            key,
            occurred_at: request.occurred_at,
            historical: false,
            resolves: None,
            body: request.body,
        });
        if self.batch.len() >= BATCH {
            self.failed = self.failed.or(self.hand_over().err());
        }
    }

    /// Hands events to the broker, and what is none in; waits for room, like any polite sender.
    fn hand_over(&mut self) -> Result<(), Unavailable> {
        let Some(messages) = self.messages.clone() else { return self.hand_in() };
        let (mut rest, mut events) = (Batch::new(), Vec::new());
        for request in self.batch.iter() {
            match request.body {
                Body::Event(_)
                | Body::Command(Command::Reserve(_) | Command::Release { .. } | Command::Fulfil { .. }) => {
                    events.push(wire::event::render_event(&request));
                }
                Body::Command(_) => rest.push(&request),
            }
        }
        self.batch = rest;
        self.hand_in()?;
        if events.is_empty() {
            return Ok(());
        }
        let payload = format!("[{}]", events.join(",")).into_bytes();
        let message = Outgoing { topic: DEMO_TOPIC.to_owned(), payload };
        messages.blocking_send(message).map_err(|_| Unavailable::Stopping)
    }

    /// Hands in what was taken and waits until it is durable; waits also for room, like any polite sender.
    fn hand_in(&mut self) -> Result<(), Unavailable> {
        while !self.batch.is_empty() {
            match self.handle.submit_and_wait(self.batch.clone()) {
                Ok(_) => self.batch.clear(),
                Err(Unavailable::Full) => std::thread::yield_now(),
                Err(why) => return Err(why),
            }
        }
        Ok(())
    }

    /// Declares a handful of rules, as a shop of this kind would have them.
    fn declare_rules(&mut self) -> Result<(), Unavailable> {
        for rule in &RULES {
            let (setting, value) = rule.setting;
            let card = RuleCard {
                rule: rule.id.into(),
                name: rule.name.into(),
                condition: rule.condition.into(),
                category: rule.category.into(),
                settings: vec![(setting.into(), value.into())],
                owner: rule.owner.into(),
                ..RuleCard::default()
            };
            let (now, command) = (self.handle.now(), Command::DeclareRule(Box::new(card)));
            let key = self.hasher.command("demo", "", now, &command);
            self.batch.push_command("demo", "demo", "", key, now, command);
        }
        self.hand_in()
    }

    /// Lets the world move with the clock until `stopped` is closed.
    fn feed(mut self, world: &mut World, stopped: &Receiver<()>) -> Result<()> {
        while stopped.recv_timeout(STEP) == Err(RecvTimeoutError::Timeout) {
            world.advance(self.handle.now(), &mut |emission| self.take(emission));
            match self.failed.take().map_or_else(|| self.hand_over(), Err) {
                Ok(()) => self.handle.tick(),
                // The server is on its way out.
                Err(Unavailable::Stopping) => return Ok(()),
                Err(why) => {
                    tracing::error!(%why, "the simulation stands still");
                    return Ok(());
                }
            }
        }
        Ok(())
    }
}
