//! What standing queries find is sent to subscribers, at least once and in order.
//!
//! How far a subscriber was told stands in the journal. A message that is not taken is sent again, ever more seldom, and
//! nothing that comes later overtakes it; after a restart, or a loss of the index, it goes on where it was.

use super::problem::Problem;
use super::queries::{note, parse};
use super::standing::Standing;
use super::subscribe::{SUBSCRIPTIONS_MAX, rhythm};
use super::webhook::Destination;
use super::{Epcis, SOURCE, now};
use crate::App;
use crate::error::chain;
use follow::epcis::{KeptSubscription, QueryRecord, Subscription};
use ledger::Position;
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::task::JoinHandle;

/// How long after a failed message it is sent again, at first and at most.
const PAUSE_MIN: Duration = Duration::from_millis(500);
const PAUSE_MAX: Duration = Duration::from_secs(300);

/// Serves every subscription until the server stops.
pub(crate) async fn run(app: App, epcis: Epcis) {
    let mut serving: BTreeMap<String, JoinHandle<()>> = BTreeMap::new();
    let (mut committed, mut stopping) = (app.committed(), app.stopping());
    loop {
        committed.mark_unchanged();
        let asking = epcis.ask(&app, |repository| Ok(repository.subscriptions(None, "", SUBSCRIPTIONS_MAX)?));
        // What can't be asked now is asked with the next commit.
        if let Ok(all) = asking.await {
            arrange(&app, &epcis, all, &mut serving);
        }
        tokio::select! {
            changed = committed.changed() => if changed.is_err() { break },
            () = crate::serve::stopped(&mut stopping) => break,
        }
    }
    for task in serving.into_values() {
        // Whoever is in the middle of a message says it again after the next start.
        task.abort();
        let _ = task.await;
    }
}

/// Begins to serve those that came, and ends to serve those that went.
fn arrange(app: &App, epcis: &Epcis, all: Vec<KeptSubscription>, serving: &mut BTreeMap<String, JoinHandle<()>>) {
    serving.retain(|id, task| {
        let is_there = all.iter().any(|kept| kept.subscription.subscription_id == *id);
        if !is_there {
            task.abort();
        }
        is_there
    });
    for kept in all {
        let id = kept.subscription.subscription_id.clone();
        serving.entry(id).or_insert_with(|| {
            let (app, epcis) = (app.clone(), epcis.clone());
            tokio::spawn(async move {
                let (id, dest) = (kept.subscription.subscription_id.clone(), kept.subscription.dest.clone());
                if let Err(why) = serve(app, epcis, kept).await {
                    tracing::error!(subscription = id, dest, "a subscription can't be served: {why}");
                }
            })
        });
    }
}

/// Serves one subscription for good.
async fn serve(app: App, epcis: Epcis, kept: KeptSubscription) -> Result<(), String> {
    let KeptSubscription { subscription, position, .. } = kept;
    let words = |problem: Problem| problem.detail().to_owned();
    let schedule = rhythm(subscription.schedule.as_ref(), subscription.schedule.is_none()).map_err(words)?;
    let destination = Destination::parse(&subscription.dest)?;
    let name = subscription.query_name.clone();
    let query = epcis.ask(&app, move |repository| Ok(repository.query(&name)?)).await.map_err(words)?;
    let query = parse(&query.ok_or("its query is gone")?.query).map_err(words)?;
    let names = (subscription.query_name.clone(), subscription.subscription_id.clone());
    let mut standing = Standing::new(app.clone(), epcis.clone(), query, names, schedule, position);
    let teller = Teller { app, epcis, subscription, destination };
    loop {
        standing.due().await;
        let (mut pause, mut is_first) = (PAUSE_MIN, true);
        loop {
            match teller.tell(&standing, is_first).await {
                Ok((position, has_more)) => {
                    standing.told(position);
                    (pause, is_first) = (PAUSE_MIN, false);
                    if !has_more {
                        break;
                    }
                }
                Err(why) => {
                    let Subscription { subscription_id, dest, .. } = &teller.subscription;
                    tracing::warn!(
                        subscription = subscription_id,
                        dest,
                        "a subscriber was not told: {why}; again in {pause:?}"
                    );
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(PAUSE_MAX);
                }
            }
        }
    }
}

/// Tells one subscriber.
struct Teller {
    app: App,
    epcis: Epcis,
    subscription: Subscription,
    destination: Destination,
}

impl Teller {
    /// Tells what is new; answers up to where, and whether there may be more.
    async fn tell(&self, standing: &Standing, is_first: bool) -> Result<(Position, bool), String> {
        let words = |problem: Problem| problem.detail().to_owned();
        let found = standing.ask().await.map_err(words)?;
        let tells_empty = self.subscription.report_if_empty && standing.is_scheduled() && is_first && !found.has_more;
        if found.count > 0 || tells_empty {
            let local_allowed = self.app.settings().epcis_local_destinations;
            let sending = self.destination.send(found.text, &self.subscription.signature_token, local_allowed);
            sending.await.map_err(|error| chain(&error))?;
            let record = QueryRecord::Delivered {
                id: self.subscription.subscription_id.clone(),
                position: found.position.0,
                at: now(&self.app),
            };
            note(&self.app, &self.epcis, SOURCE, &record).await.map_err(words)?;
        }
        Ok((found.position, found.has_more))
    }
}
