//! What follows from the journal beside the engine, from opening to the end.

use anyhow::{Context, Result};
use edge::App;
use engine::{Follower, Handle};
use follow::epcis::{self, Repository};
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
}

impl Following {
    /// Opens their indexes in the data directory and starts them.
    ///
    /// # Errors
    /// Those of [`Sensing::open`], [`Follower::start`], [`epcis::start`] and [`series::start`].
    pub(crate) fn start(directory: &Path, engine: &Handle) -> Result<Self> {
        let sensing = Sensing::open(&directory.join("readings.sqlite"), engine.clone())
            .context("opening the index of readings")?;
        let senses = sensing.senses();
        let sensing = Follower::start("sensing", engine.clone(), sensing)?;
        let (epcis, repository) = epcis::start(&directory.join("epcis.sqlite"), engine.clone())
            .context("opening the index of EPCIS events")?;
        let (recorder, series) = series::start(&directory.join("series.sqlite"), engine.clone())
            .context("opening the index of how readings went")?;
        Ok(Self { senses, sensing, repository, epcis, series, recorder })
    }

    /// Lets a server show what they know.
    pub(crate) fn show(&self, app: App) -> App {
        app.with_senses(self.senses.clone(), self.sensing.progress())
            .with_epcis(self.repository.clone())
            .with_series(self.series.clone())
    }

    /// Lets them take in what is durable, and ends them.
    pub(crate) fn finish(self) {
        self.sensing.finish();
        self.epcis.finish();
        self.recorder.finish();
    }
}
