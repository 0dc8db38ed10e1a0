//! One connection to a broker, in either version of the protocol. The client libraries stay in here.
//!
//! A connection is used once: when it is lost, so is everything that belongs to it, and no acknowledgement can go out on
//! a later one, where the same number stands for another message. A task of its own polls the library, so that the
//! connection is kept alive while we wait, until as many messages wait as the channel takes.

mod v3;
mod v5;

use super::settings::{Plan, Version};
use bytes::Bytes;
use std::sync::Arc;
use tokio::sync::mpsc::{Receiver, channel};
use tokio::task::JoinHandle;
use wire::sparkplug::Publish;

/// Events that wait to be looked at; beyond, nothing is read.
const EVENTS_MAX: usize = 16;

/// Requests beside acknowledgements that may wait to be sent.
const REQUESTS_MAX: usize = 1024;

/// What happened on a connection.
pub(super) enum Event {
    /// The broker has taken us.
    Connected,
    /// It has answered to the subscriptions: why it refuses, for each that it does, by index.
    Subscribed(Vec<(usize, String)>),
    /// A message.
    Arrived(Arrival),
    /// The connection is gone, and why.
    Lost(String),
}

/// A message, and how to acknowledge it.
pub(super) struct Arrival {
    pub(super) topic: Bytes,
    pub(super) payload: Bytes,
    pub(super) content_type: Option<Arc<str>>,
    pub(super) receipt: Receipt,
}

/// How to acknowledge a message.
pub(super) enum Receipt {
    /// It needs none.
    None,
    V3(rumqttc_v4::ManualAck),
    V5(rumqttc_v5::ManualAck),
}

/// What sends on a connection.
enum Sender {
    V3(rumqttc_v4::AsyncClient),
    V5(rumqttc_v5::AsyncClient),
}

/// A connection. Dropping it ends it without a word to the broker, which then sends the will.
pub(super) struct Connection {
    sender: Sender,
    events: Receiver<Event>,
    polling: JoinHandle<()>,
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.polling.abort();
    }
}

impl Connection {
    /// Begins to connect; [`Event::Connected`] or [`Event::Lost`] comes first.
    ///
    /// # Errors
    /// The settings can't be used, in words.
    pub(super) fn open(plan: &Plan, will: Option<Publish>) -> Result<Self, String> {
        let (events_in, events) = channel(EVENTS_MAX);
        let requests_max = REQUESTS_MAX + usize::from(plan.settings.in_flight_max);
        let (sender, polling) = match plan.settings.version {
            Version::V3 => {
                let (client, polling) = v3::open(plan, will, requests_max, events_in)?;
                (Sender::V3(client), polling)
            }
            Version::V5 => {
                let (client, polling) = v5::open(plan, will, requests_max, events_in)?;
                (Sender::V5(client), polling)
            }
        };
        Ok(Self { sender, events, polling })
    }

    /// The next event. Giving up waiting loses nothing.
    pub(super) async fn next(&mut self) -> Event {
        let lost = || Event::Lost("the connection's task ended".to_owned());
        self.events.recv().await.unwrap_or_else(lost)
    }

    /// Asks for the subscriptions.
    ///
    /// # Errors
    /// The request can't be sent, in words.
    pub(super) fn subscribe(&self, filters: &[(String, u8)]) -> Result<(), String> {
        match &self.sender {
            Sender::V3(client) => v3::subscribe(client, filters),
            Sender::V5(client) => v5::subscribe(client, filters),
        }
    }

    /// Acknowledges a message that came on this connection.
    ///
    /// # Errors
    /// The acknowledgement can't be sent, in words.
    pub(super) fn acknowledge(&self, receipt: Receipt) -> Result<(), String> {
        match (&self.sender, receipt) {
            (Sender::V3(client), Receipt::V3(receipt)) => {
                client.try_manual_ack(receipt).map_err(|error| error.to_string())
            }
            (Sender::V5(client), Receipt::V5(receipt)) => {
                client.try_manual_ack(receipt).map_err(|error| error.to_string())
            }
            _ => Ok(()),
        }
    }

    /// Publishes a message.
    ///
    /// # Errors
    /// The message can't be sent, in words.
    pub(super) fn publish(&self, publish: Publish) -> Result<(), String> {
        match &self.sender {
            Sender::V3(client) => v3::publish(client, publish),
            Sender::V5(client) => v5::publish(client, publish),
        }
    }

    /// Publishes a message and waits until the broker has it.
    ///
    /// # Errors
    /// The message can't be sent, or the connection is lost before the broker says so, in words.
    pub(super) async fn deliver(&self, publish: Publish) -> Result<(), String> {
        match &self.sender {
            Sender::V3(client) => v3::deliver(client, publish).await,
            Sender::V5(client) => v5::deliver(client, publish).await,
        }
    }

    /// Publishes a last message, waits until the broker has it, and takes leave; events that come meanwhile are left to
    /// be sent again. The caller bounds the time.
    pub(super) async fn close(mut self, last: Option<Publish>) {
        let Self { sender, events, .. } = &mut self;
        let goodbye = async {
            match sender {
                Sender::V3(client) => v3::close(client, last).await,
                Sender::V5(client) => v5::close(client, last).await,
            }
        };
        tokio::pin!(goodbye);
        let mut is_said = false;
        loop {
            tokio::select! {
                () = &mut goodbye, if !is_said => is_said = true,
                event = events.recv() => if matches!(event, None | Some(Event::Lost(_))) { return },
            }
        }
    }
}
