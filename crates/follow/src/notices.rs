//! Notices of alerts on their way to those who are to hear of them, at least once and each with an id that stays the same.
//!
//! What happens to alerts in the journal is put into an [`Outbox`], a row for every channel that wants to hear it; whoever
//! talks to the outside sends what is due. This module knows no channel's address and no clock.
//!
//! Invariant: whatever ends the process, and wherever, each channel is told of everything that happened to alerts from the
//! position on at which the outbox was made.

mod alerts;
mod notice;
mod outbox;
mod quiet;
mod route;
mod schedule;
mod store;
#[cfg(test)]
mod tests;

pub use alerts::start;
pub use notice::{Notice, What};
pub use outbox::{Fate, Looked, Message, Next, Outbox};
pub use quiet::QuietHours;
pub use route::{Filter, Route};
pub use schedule::ATTEMPTS_MAX;
pub use store::{ChannelRecord, KeptNotice, NoticeQuery, NoticeState};
