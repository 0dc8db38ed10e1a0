//! Tag reads in, movements out.
//!
//! A reader misses a third of what is in front of it and reports what only stands nearby. The [`Smoother`] keeps, for
//! each tag and antenna, the counts of recent epochs, a window that is as long as the tag's own read rate needs
//! ([`window`]), and decides from it where a tag arrived, left, or passed. What is too thin to decide is kept and
//! reported as a [`Kind::Ghost`]; support that comes in time promotes it.
//!
//! Reads may come in any order within the open epochs. [`Smoother::tick`] says what time it is; an epoch is judged once
//! it lies `late_epochs` back. So the outcome is a function of the set of reads and the ticks, not of the order of reads.
//!
//! # Source
//! S. R. Jeffery, M. Garofalakis, M. J. Franklin, "Adaptive Cleaning for RFID Data Streams", VLDB 2006 (SMURF).

mod image;
mod inference;
mod passage;
mod settings;
mod smoother;
mod sums;
mod tag;
mod track;
pub mod window;
mod zone;

pub use image::{LoadError, SMOOTHER_IMAGE_VERSION};
pub use inference::{Evidence, Inference, Kind, Read, Rssi, Tag};
pub use settings::{Antenna, Method, Portal, Settings, SettingsError, Side};
pub use smoother::{ReadError, RejudgeError, Smoother, Taken, Tallies, rejudge};

pub use ledger::Timestamp;
