//! MQTT: messages from brokers come in.
//!
//! One [`Client`] is one connection after another to one broker. What arrives is matched with the templates of the
//! [`Settings`], handed to an [`Intake`], and acknowledged to the broker only when the intake says that it is durable, or
//! that there is nothing left to do for it. What is acknowledged belongs to us; what is not, the broker sends again, and
//! the ledger knows what it has seen.
//!
//! It knows nothing of what events mean; the client libraries stay within `connection`. Its one invariant: **no message
//! is acknowledged before the intake has answered for it, and none on another connection than the one it came on.**
//!
//! Start with [`Client::run`], then `session`, then [`Intake`].

mod client;
mod connection;
mod events;
mod hold;
mod in_flight;
mod intake;
mod observations;
mod publisher;
mod session;
mod settings;
mod status;

pub use client::{Client, Environment};
pub use events::EventIntake;
pub use hold::Holder;
pub use intake::{Body, Intake, Intakes, Message, Taken, Taking, TryLater};
pub use observations::ObservationIntake;
pub use publisher::{Outgoing, publish};
pub use settings::{Credentials, Plan, Settings, Subscription, Tls, Version};
pub use status::{Counters, Status};
