//! Telling people and programs of alerts: over webhooks, chats and e-mail.
//!
//! What each channel is to be told stands in `follow`'s outbox; here it is put into words and sent, and what came of it is said
//! to the outbox. A message is taken when its receiver says so; until then the same message is sent again under the same
//! id. This module knows no rule of what is worth telling.
//!
//! Invariant: no secret of a channel, its address included where that is one, stands in an answer, on a page or in a log.

mod deliver;
mod email;
mod post;
mod slack;
mod teams;
#[cfg(test)]
mod tests;
mod webhook;
mod words;

pub(crate) use deliver::{ChannelStatus, Telling, run};
pub use email::{EmailSettings, Security};

use crate::connect::Signature;
use crate::notify::email::Email;
use crate::notify::post::Address;
use follow::notices::{Notice, Route};
use ledger::Timestamp;
use std::fmt;
use std::time::Duration;

/// How long a receiver may take to take a message, unless a channel says otherwise.
///
/// # Source
/// Standard Webhooks 1.0, "Timeouts": 15 to 30 seconds.
pub const TIMEOUT: Duration = Duration::from_secs(15);

/// A way to tell somebody of alerts.
pub struct Channel {
    /// Its name, what it wants to hear and when.
    pub route: Route,
    target: Target,
}

enum Target {
    Webhook { address: Address, secrets: Vec<Signature> },
    Slack(Address),
    Teams(Address),
    Email(Box<Email>),
}

/// What is sent at once.
pub(crate) struct Letter<'l> {
    /// The same whenever it is sent again.
    id: &'l str,
    /// What it tells, in order; one notice or more.
    notices: &'l [Notice],
    /// Whether it tells of nothing that happened.
    is_test: bool,
    /// What paths become addresses by; empty when nobody said where our pages are.
    base: &'l str,
    now: Timestamp,
}

/// What came of a letter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It was taken; what the receiver said.
    Taken(String),
    /// It was not; the receiver may have asked for none before a time.
    NotTaken { why: String, not_before: Option<Timestamp> },
    /// The receiver wants no more.
    Gone(String),
}

impl Channel {
    /// Posts JSON to `url`, signed under each of `secrets`, which are those of Standard Webhooks; several while one is being
    /// replaced. Each notice goes alone unless the route has a digest.
    ///
    /// # Errors
    /// What is wrong with the address; there is no secret.
    pub fn webhook(route: Route, url: &str, secrets: Vec<Signature>, timeout: Duration) -> Result<Self, String> {
        if secrets.is_empty() {
            return Err("there is no secret; receivers know us by the signature".to_owned());
        }
        let address = Address::new(url, timeout)?;
        let route = Route { gathers_quiet: false, group_max: webhook::NOTICES_MAX, ..route };
        Ok(Self { route, target: Target::Webhook { address, secrets } })
    }

    /// Posts to an incoming webhook of Slack, or of what takes the same.
    ///
    /// # Errors
    /// What is wrong with the address.
    pub fn slack(route: Route, url: &str, timeout: Duration) -> Result<Self, String> {
        let route = Route { gathers_quiet: true, group_max: slack::NOTICES_MAX, ..route };
        Ok(Self { route, target: Target::Slack(Address::new(url, timeout)?) })
    }

    /// Posts to a workflow of Microsoft Teams that waits for a webhook.
    ///
    /// # Errors
    /// What is wrong with the address.
    pub fn teams(route: Route, url: &str, timeout: Duration) -> Result<Self, String> {
        let route = Route { gathers_quiet: true, group_max: teams::NOTICES_MAX, ..route };
        Ok(Self { route, target: Target::Teams(Address::new(url, timeout)?) })
    }

    /// Sends e-mail.
    ///
    /// # Errors
    /// What is wrong with the settings.
    pub fn email(route: Route, settings: EmailSettings, timeout: Duration) -> Result<Self, String> {
        let route = Route { gathers_quiet: true, group_max: email::NOTICES_MAX, ..route };
        Ok(Self { route, target: Target::Email(Box::new(Email::new(settings, timeout)?)) })
    }

    /// `webhook`, `slack`, `teams` or `email`.
    pub fn kind(&self) -> &'static str {
        match self.target {
            Target::Webhook { .. } => "webhook",
            Target::Slack(_) => "slack",
            Target::Teams(_) => "teams",
            Target::Email(_) => "email",
        }
    }

    /// Where it leads, as much of it as is no secret: the host, or the recipients.
    pub fn destination(&self) -> String {
        match &self.target {
            Target::Webhook { address, .. } | Target::Slack(address) | Target::Teams(address) => address.shown(),
            Target::Email(email) => email.shown(),
        }
    }

    /// Sends a letter.
    async fn send(&self, letter: &Letter<'_>) -> Outcome {
        match &self.target {
            Target::Webhook { address, secrets } => {
                let body = webhook::body(letter);
                let headers = webhook::headers(letter, secrets, &body);
                address.post(body, &headers, letter.now).await
            }
            Target::Slack(address) => address.post(slack::body(letter), &[], letter.now).await,
            Target::Teams(address) => address.post(teams::body(letter), &[], letter.now).await,
            Target::Email(email) => email.send(letter).await,
        }
    }
}

impl fmt::Debug for Channel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (kind, destination) = (self.kind(), self.destination());
        f.debug_struct("Channel")
            .field("route", &self.route)
            .field("kind", &kind)
            .field("destination", &destination)
            .finish()
    }
}
