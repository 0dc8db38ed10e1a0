//! Messages to a broker, each until the broker has it.

use super::connection::{Connection, Event};
use super::{Environment, Plan};
use tokio::sync::mpsc::Receiver;
use wire::sparkplug::Publish;

/// A message to publish.
#[derive(Clone, Debug)]
pub struct Outgoing {
    /// Where to.
    pub topic: String,
    /// What.
    pub payload: Vec<u8>,
}

/// Publishes messages in their order, at least once each, until the channel is closed. A message that was under way when
/// the connection broke is published again.
pub async fn publish(plan: Plan, environment: Environment, mut outgoing: Receiver<Outgoing>) {
    let mut under_way: Option<Outgoing> = None;
    let mut pause = plan.settings.reconnect_min;
    loop {
        match publish_on_one(&plan, &mut under_way, &mut outgoing).await {
            Ok(()) => return,
            Err((why, had_stood)) => {
                if had_stood {
                    pause = plan.settings.reconnect_min;
                }
                let waits = environment.jitter(pause);
                tracing::warn!(url = plan.settings.url, "can't publish: {why}; trying again in {waits:?}");
                tokio::time::sleep(waits).await;
                pause = (pause * 2).min(plan.settings.reconnect_max);
            }
        }
    }
}

/// Publishes on one connection until there is nothing left, or it is lost: why, and whether it ever stood.
async fn publish_on_one(
    plan: &Plan,
    under_way: &mut Option<Outgoing>,
    outgoing: &mut Receiver<Outgoing>,
) -> Result<(), (String, bool)> {
    let mut connection = Connection::open(plan, None).map_err(|why| (why, false))?;
    match connection.next().await {
        Event::Connected => {}
        Event::Lost(why) => return Err((why, false)),
        Event::Subscribed(_) | Event::Arrived(_) => return Err(("an answer to nothing".to_owned(), false)),
    }
    loop {
        if under_way.is_none() {
            *under_way = tokio::select! {
                next = outgoing.recv() => next,
                event = connection.next() => match event {
                    Event::Lost(why) => return Err((why, true)),
                    _ => continue,
                },
            };
        }
        let Some(message) = under_way.clone() else {
            connection.close(None).await;
            return Ok(());
        };
        let publish = Publish { topic: message.topic, payload: message.payload, qos: 1, retain: false };
        connection.deliver(publish).await.map_err(|why| (why, true))?;
        *under_way = None;
    }
}
