//! What happens next.
//!
//! One loop: take requests from a bounded queue, decide them on the speculative state, append the decisions as one
//! block, and only when that is durable apply it to the views, answer, and wake whoever listens. Three threads share
//! the work, one stage each: [`partition`] decides, [`appender`] makes durable, [`publisher`] shows and answers. A
//! fourth, [`snapshotter`], replays beside them so that the next start is short. What devices said is handed on, in
//! journal order, to whoever [`follow`]s.
//!
//! The engine must never know HTTP, MQTT or HTML, and it reads no clock: the time is a function that its owner passes.
//!
//! Its one invariant: **an answer, a view or a notification speaks only of what is durable.**
//!
//! Start with [`Engine::open`] and [`Handle::submit`].

mod appender;
mod core;
mod engine;
mod error;
mod feed;
mod follow;
mod handle;
mod histogram;
mod history;
mod outcome;
mod partition;
mod publisher;
mod queue;
mod recovery;
mod settings;
mod shared;
mod snapshotter;
mod stages;
mod try_rule;
mod verify;

pub use engine::Engine;
pub use error::{Error, Unavailable};
pub use feed::{AlertNews, Change, Changes};
pub use follow::{Follow, Follower, Observed, Progress};
pub use handle::{Backup, Handle, ReverseError};
pub use histogram::{Histogram, Summary, Window};
pub use history::History;
pub use outcome::{Outcome, Receipt, Rehearsed};
pub use recovery::{Opened, Stage};
pub use settings::{Clock, Settings};
pub use shared::{Health, Stats};
pub use stages::Stages;
pub use try_rule::{TriedRule, TryError};
pub use verify::{Findings, VerifyProgress, verify};
