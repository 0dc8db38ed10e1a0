//! Who talks to us.
//!
//! Turns the outside into requests and the ledger's changes into answers, streams and pages. It knows no business rule,
//! nothing of the inside of the ledger, and no file; what may come in is bounded before it is read.
//!
//! Its one invariant: whatever a sender does, it gets an answer that says what to mend, and takes no more memory than
//! [`Settings`] allows.
//!
//! Start with [`App`], what every handler shares, then [`serve`], then [`http`].

mod app;
pub mod auth;
pub mod connect;
pub mod dashboard;
mod epcis;
mod error;
pub mod http;
pub mod llrp;
pub mod mqtt;
pub mod notify;
mod observe;
mod outbound;
pub mod readers;
mod serve;
mod settings;
mod survey;

pub use app::App;
pub use auth::Auth;
pub use error::Error;
pub use serve::serve;
pub use settings::Settings;
