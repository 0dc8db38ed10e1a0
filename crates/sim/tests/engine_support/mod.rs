//! One seed, one run: the engine's stages on a simulated disk under a clock of its own, sources that send and send again,
//! and everything that must be true whatever happens.
#![allow(dead_code, unused_imports, reason = "each test file uses a part")]

mod alerts;
mod check;
mod message;
mod seeds;
mod trial;
mod units;

pub(crate) use check::{agree, stock_shown, tell_shipped};
pub(crate) use seeds::for_each_seed;
pub(crate) use trial::{JOURNAL_SEED, START, Trial, settings};
