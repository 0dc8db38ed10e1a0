//! `stocktide serve`: the ledger at work.

use crate::config::{AuthKind, ConfigFile, EngineArgs, ServerArgs};
use crate::directory::DataArgs;
use crate::failure::{Ended, usage};
use crate::following::Following;
use crate::health::Health;
use crate::server::{Beside, Bound};
use crate::sources::Sources;
use crate::{channels, clock, directory, hooks, output, polls, server, token};
use anyhow::{Context, Result};
use clap::Args;
use edge::Auth;
use edge::notify::Channel;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

const EXAMPLES: &str = "\
Prints `ready http://ADDRESS:PORT` on standard output once it answers. The first start makes DIR/admin.token: sign in
with it, or send it as `Authorization: Bearer TOKEN`. SIGTERM and SIGINT finish what is under way and end with 0.

Examples:
  stocktide serve --data stock
  stocktide serve --data stock --auth none --listen 127.0.0.1:0
  curl -d '{\"event\": \"item_added\", \"product_id\": \"SKU123\", \"location\": \"warehouse_A\", \"quantity\": 5,
    \"timestamp\": \"2026-02-16T10:00:00Z\"}' -H \"Authorization: Bearer $(cat stock/admin.token)\" \\
    http://127.0.0.1:8600/v1/events";

/// Serves the ledger in a data directory, and makes one if there is none.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct ServeArgs {
    #[command(flatten)]
    data: DataArgs,
    #[command(flatten)]
    server: ServerArgs,
    /// Lets others than this machine connect although nothing is encrypted: behind a proxy that does TLS.
    #[arg(long, env = "STOCKTIDE_INSECURE_PLAINTEXT")]
    insecure_plaintext: bool,
    #[command(flatten, next_help_heading = "Ledger and files")]
    engine: EngineArgs,
}

/// A server to run.
pub(crate) struct Serve {
    directory: PathBuf,
    listen: SocketAddr,
    auth: AuthKind,
    edge: edge::Settings,
    engine: engine::Settings,
    sources: Sources,
    channels: Vec<Channel>,
    /// How often it samples its own health; `None` for never.
    health: Option<Duration>,
}

/// The address when none is given.
pub(crate) const LISTEN: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 8600);

impl Serve {
    /// What the arguments and the file mean together.
    ///
    /// # Errors
    /// Settings that don't go together.
    pub(crate) fn new(args: ServeArgs, config: ConfigFile) -> Result<Self> {
        let directory = args.data.directory(&config);
        let hooks = hooks::load(&config.hooks, &config.base)?;
        let channels = channels::load(&config.channels, &config.base)?;
        let server = args.server.or(config.server);
        if let Some(url) = server.public_url.as_deref().filter(|url| !is_web(url)) {
            return usage(format!(
                "public_url '{url}' must begin with https:// or http://, such as https://stock.example"
            ));
        }
        let (listen, auth) = (server.listen.unwrap_or(LISTEN), server.auth.unwrap_or_default());
        if !listen.ip().is_loopback() {
            if auth == AuthKind::None {
                return usage(format!("--auth none lets anyone at {listen} in; it goes with a loopback address only"));
            }
            if !args.insecure_plaintext {
                return usage(format!(
                    "{listen} can be reached by others and nothing would be encrypted; listen on 127.0.0.1 behind a proxy that does TLS, or say --insecure-plaintext"
                ));
            }
        }
        let engine = args.engine.or(config.engine).settings()?;
        let sources = Sources::new(config.mqtt, config.llrp, polls::load(&config.polls, &config.base)?)?;
        Ok(Self {
            health: server.health_period(),
            directory,
            listen,
            auth,
            edge: edge::Settings { hooks, ..server.settings() },
            engine,
            sources,
            channels,
        })
    }

    /// Serves until it is told to stop.
    ///
    /// # Errors
    /// The address is taken, the directory can't be opened, or serving fails.
    pub(crate) fn run(self) -> Result<Ended> {
        let bound = Bound::new(self.listen)?;
        let engine = directory::open(&self.directory, self.engine, clock::engine_clock())?;
        let auth = match self.auth {
            AuthKind::None => Auth::None,
            AuthKind::Token => {
                let token = token::of(&self.directory)?;
                let made = if token.is_new { "made a token" } else { "the token is" };
                output::note(&format!(
                    "{made} in {}: sign in with it at http://{}/, or send it as 'Authorization: Bearer TOKEN'",
                    token.file.display(),
                    bound.address
                ));
                Auth::token("admin", &token.text)
            }
        };
        let runtime = server::runtime()?;
        let routes = self.channels.iter().map(|channel| channel.route.clone()).collect();
        let following = Following::start(&self.directory, &engine.handle(), routes)?;
        let health = Health::start(&self.directory, engine.handle(), self.health)?;
        let beside = Beside { following: &following, sources: self.sources, channels: self.channels };
        let served = runtime.block_on(server::serve(bound, engine.handle(), auth, self.edge, beside, |_| {}));
        runtime.shutdown_timeout(Duration::from_secs(1));
        if let Some(health) = health {
            health.finish();
        }
        following.finish();
        engine.shutdown().context("writing the snapshot at the end; nothing is lost, the next start takes longer")?;
        served?;
        tracing::info!("stopped");
        Ok(Ended::Done)
    }
}

fn is_web(url: &str) -> bool {
    ["https://", "http://"].iter().any(|scheme| url.trim().strip_prefix(scheme).is_some_and(|rest| !rest.is_empty()))
}
