//! An engine on a scratch directory, and a server over it.

use super::Scale;
use super::load::BATCH;
use crate::clock;
use crate::clock::Stopwatch;
use anyhow::{Context, Result};
use edge::{App, Auth};
use engine::{Engine, Handle, Settings};
use std::net::SocketAddr;
use std::sync::mpsc::sync_channel;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::task::JoinHandle;
use wire::Batch;

/// Batches handed in and not yet acknowledged.
const IN_FLIGHT: usize = 64;

/// An engine and its directory.
pub(super) struct Rig {
    engine: Option<Engine>,
    pub(super) handle: Handle,
    pub(super) directory: TempDir,
}

impl Rig {
    pub(super) fn new(scale: &Scale) -> Result<Self> {
        let made = tempfile::Builder::new().prefix("stocktide-bench-").tempdir_in(&scale.directory);
        let directory = made.with_context(|| format!("making a directory in {}", scale.directory.display()))?;
        let engine = open(&directory)?;
        Ok(Self { handle: engine.handle(), engine: Some(engine), directory })
    }

    /// Hands in batches as fast as they are taken and waits until all are durable; answers how long that took.
    pub(super) fn ingest(&self, batches: impl IntoIterator<Item = Batch>) -> Result<Stopwatch> {
        self.ingest_by(batches, IN_FLIGHT)
    }

    /// As [`ingest`](Self::ingest), with at most so many batches under way at once.
    pub(super) fn ingest_by(&self, batches: impl IntoIterator<Item = Batch>, under_way: usize) -> Result<Stopwatch> {
        let (sender, acknowledged) = sync_channel(under_way);
        let mut waiting = 0;
        let begun = Stopwatch::start();
        for batch in batches {
            if waiting == under_way {
                acknowledged.recv()??;
                waiting -= 1;
            }
            let sender = sender.clone();
            self.handle.submit(batch, move |receipt| {
                // Whoever gave up on the run hears nothing.
                let _ = sender.send(receipt.map(drop));
            })?;
            waiting += 1;
        }
        for _ in 0..waiting {
            acknowledged.recv()??;
        }
        Ok(begun)
    }

    /// Stops, and starts again; answers the seconds that the start took.
    pub(super) fn restart(&mut self) -> Result<f64> {
        self.stop()?;
        let begun = Stopwatch::start();
        let engine = open(&self.directory)?;
        let seconds = begun.seconds();
        self.handle = engine.handle();
        self.engine = Some(engine);
        Ok(seconds)
    }

    pub(super) fn stop(&mut self) -> Result<()> {
        self.engine.take().map_or(Ok(()), |engine| engine.shutdown().context("stopping the engine"))
    }
}

fn open(directory: &TempDir) -> Result<Engine> {
    // A window in which nothing is forgotten, and queues that never refuse what is in flight.
    let settings = Settings { queue_requests_max: 2 * IN_FLIGHT * BATCH, ..Settings::default() };
    crate::directory::open(directory.path(), settings, clock::engine_clock())
}

/// A server over a rig's engine.
pub(super) struct Served {
    pub(super) address: SocketAddr,
    app: App,
    runtime: Runtime,
    serving: JoinHandle<Result<(), edge::Error>>,
}

impl Served {
    pub(super) fn new(rig: &Rig) -> Result<Self> {
        let runtime = crate::server::runtime()?;
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).context("listening")?;
        let address = listener.local_addr().context("listening")?;
        let app = App::new(rig.handle.clone(), Auth::None, edge::Settings::default());
        let serving = runtime.spawn(edge::serve(listener, app.clone()));
        Ok(Self { address, app, runtime, serving })
    }

    pub(super) fn stop(self) -> Result<()> {
        self.app.stop();
        self.runtime.block_on(self.serving)??;
        Ok(())
    }
}
