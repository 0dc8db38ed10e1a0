//! `stocktide bench`.

use crate::failure::Ended;
use anyhow::Result;
use clap::Args;

/// Measures this machine.
#[derive(Debug, Args)]
pub(crate) struct BenchArgs {}

pub(crate) struct Bench;

impl Bench {
    pub(crate) fn new(_: BenchArgs) -> Result<Self> {
        Ok(Self)
    }

    pub(crate) fn run(self) -> Result<Ended> {
        Ok(Ended::Done)
    }
}
