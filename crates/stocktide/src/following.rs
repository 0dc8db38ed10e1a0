//! What follows from the journal beside the engine, from opening to the end.

use anyhow::{Context, Result};
use edge::App;
use edge::notify::Channel;
use engine::{Follower, Handle};
use follow::epcis::{self, Repository};
use follow::notices::{self, Outbox, Route};
use follow::sensing::{Senses, Sensing};
use follow::series::{self, Series};
use std::path::Path;

/// The followers of an engine. Finish them before the engine is shut down.
pub(crate) struct Following {
    senses: Senses,
    sensing: Follower,
    repository: Repository,
    epcis: Follower,
    series: Series,
    recorder: Follower,
    outbox: Outbox,
    notices: Follower,
}

impl Following {
    /// Opens their indexes in the data directory and starts them; channels of these routes are to be told of alerts.
    ///
    /// # Errors
    /// Those of [`Sensing::open`], [`Follower::start`], [`epcis::start`], [`series::start`] and [`notices::start`].
    pub(crate) fn start(directory: &Path, engine: &Handle, routes: Vec<Route>) -> Result<Self> {
        let sensing = Sensing::open(&directory.join("readings.sqlite"), engine.clone())
            .context("opening the index of readings")?;
        let senses = sensing.senses();
        let sensing = Follower::start("sensing", engine.clone(), sensing)?;
        let (epcis, repository) = epcis::start(&directory.join("epcis.sqlite"), engine.clone())
            .context("opening the index of EPCIS events")?;
        let (recorder, series) = series::start(&directory.join("series.sqlite"), engine.clone())
            .context("opening the index of how readings went")?;
        let (notices, outbox) = notices::start(&directory.join("notices.sqlite"), routes, engine.clone())
            .context("opening the outbox of notices")?;
        Ok(Self { senses, sensing, repository, epcis, series, recorder, outbox, notices })
    }

    /// Lets a server show what they know, and tell of alerts over these channels.
    pub(crate) fn show(&self, app: App, channels: Vec<Channel>) -> App {
        app.with_senses(self.senses.clone(), self.sensing.progress())
            .with_epcis(self.repository.clone())
            .with_series(self.series.clone())
            .with_channels(self.outbox.clone(), channels)
    }

    /// Lets them take in what is durable, and ends them.
    pub(crate) fn finish(self) {
        self.sensing.finish();
        self.epcis.finish();
        self.recorder.finish();
        self.notices.finish();
    }
}
