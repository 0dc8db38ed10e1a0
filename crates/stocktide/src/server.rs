//! A running server: address, ticks, signals, and a quiet end.

use crate::following::Following;
use crate::output;
use crate::sources::Sources;
use anyhow::{Context, Result};
use edge::notify::Channel;
use edge::{App, Auth};
use engine::Handle;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::net::TcpSocket;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Connections that may wait to be accepted.
const BACKLOG: u32 = 1024;

/// How long brokers and readers may take to answer our farewell.
const LEAVE_TIMEOUT: Duration = Duration::from_secs(8);

/// What runs beside a server.
pub(crate) struct Beside<'f> {
    /// What follows from the journal.
    pub(crate) following: &'f Following,
    /// What it connects to by itself.
    pub(crate) sources: Sources,
    /// How people are told of alerts.
    pub(crate) channels: Vec<Channel>,
}

/// An address that is ours and on which nobody is answered yet.
pub(crate) struct Bound {
    socket: TcpSocket,
    pub(crate) address: SocketAddr,
}

impl Bound {
    /// Takes an address, so that a start that can't listen fails before the long work.
    ///
    /// # Errors
    /// The address is taken or not ours.
    pub(crate) fn new(address: SocketAddr) -> Result<Self> {
        let bind = || -> std::io::Result<Self> {
            let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
            socket.set_reuseaddr(true)?;
            socket.bind(address)?;
            let address = socket.local_addr()?;
            Ok(Self { socket, address })
        };
        bind().with_context(|| format!("listening on {address}"))
    }
}

/// The threads that serve.
///
/// # Errors
/// The system gives none.
pub(crate) fn runtime() -> Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().context("starting the server's threads")
}

/// Serves until a signal asks to stop, then finishes what is under way. `ready` is called when connections are accepted.
///
/// # Errors
/// The address is taken after all, or [`edge::serve`] fails.
pub(crate) async fn serve(
    bound: Bound,
    engine: Handle,
    auth: Auth,
    settings: edge::Settings,
    beside: Beside<'_>,
    ready: impl FnOnce(SocketAddr),
) -> Result<()> {
    let stop_signals = [SignalKind::terminate(), SignalKind::interrupt()].map(signal);
    let [terminate, interrupt] = stop_signals.map(|signal| signal.context("listening for signals"));
    let (terminate, interrupt) = (terminate?, interrupt?);
    let address = bound.address;
    let listener = bound.socket.listen(BACKLOG).with_context(|| format!("listening on {address}"))?;
    let app = beside.following.show(App::new(engine.clone(), auth, settings), beside.channels);
    let sources = beside.sources.start(&app)?;
    let stopping = app.clone();
    tokio::spawn(async move {
        tokio::select! {
            () = heard(terminate) => {}
            () = heard(interrupt) => {}
        }
        tracing::info!("stopping");
        stopping.stop();
    });
    let ticking = tokio::spawn(tick(engine));
    output::line(&format!("ready http://{address}")).context("printing the ready line")?;
    ready(address);
    let served = edge::serve(listener, app.clone()).await;
    app.stop();
    // Brokers and readers are told that we leave; one that does not listen is left.
    let leave = async {
        for source in sources {
            let _ = source.await;
        }
    };
    if tokio::time::timeout(LEAVE_TIMEOUT, leave).await.is_err() {
        tracing::warn!("a broker or reader did not answer our farewell");
    }
    ticking.abort();
    served.context("serving")
}

async fn heard(mut signal: Signal) {
    signal.recv().await;
}

/// Tells the engine once a second that time has passed.
async fn tick(engine: Handle) {
    let mut seconds = tokio::time::interval(Duration::from_secs(1));
    loop {
        seconds.tick().await;
        engine.tick();
    }
}
