//! A query that is asked again and again for what is new.

use super::form::{Form, results};
use super::problem::Problem;
use super::schedule::Schedule;
use super::{Epcis, now};
use crate::App;
use follow::epcis::Part;
use ledger::{Position, Timestamp};
use std::time::Duration;
use wire::epcis::Query;
use wire::epcis::render::QueryNames;

/// Events of one message.
const EVENTS_MAX: usize = 500;
/// How often the clock is looked at by what waits for a time.
const LOOK: Duration = Duration::from_millis(250);

/// What a standing query found.
pub(super) struct Found {
    /// A query document.
    pub(super) text: String,
    /// Events in it.
    pub(super) count: usize,
    /// Up to where was looked.
    pub(super) position: Position,
    /// Whether there may be more already.
    pub(super) has_more: bool,
}

/// A standing query, and how far it is.
pub(super) struct Standing {
    app: App,
    epcis: Epcis,
    query: Query,
    query_name: String,
    /// Empty when it is no subscription.
    subscription_id: String,
    schedule: Option<Schedule>,
    /// Everything up to here was told.
    position: Position,
    /// When it was asked last.
    asked_at: Timestamp,
}

impl Standing {
    /// Asks `query` for what comes after `position`: at once, or by a schedule.
    pub(super) fn new(
        app: App,
        epcis: Epcis,
        mut query: Query,
        (query_name, subscription_id): (String, String),
        schedule: Option<Schedule>,
        position: Position,
    ) -> Self {
        // What a standing query finds is told in the order in which it came, and all of it.
        query.order_by = None;
        (query.event_count_limit, query.max_event_count) = (None, None);
        let asked_at = app.engine().now();
        Self { app, epcis, query, query_name, subscription_id, schedule, position, asked_at }
    }

    /// Waits until it is time to ask.
    pub(super) async fn due(&mut self) {
        let Some(schedule) = self.schedule else {
            let mut committed = self.app.committed();
            let after = self.position;
            // The sender lives as long as the server.
            drop(committed.wait_for(|position| *position > after).await);
            return;
        };
        while schedule.next_after(self.asked_at).is_none_or(|at| at > self.app.engine().now()) {
            tokio::time::sleep(LOOK).await;
        }
        self.asked_at = self.app.engine().now();
    }

    /// Whether it has its times, at which finding nothing may be worth telling.
    pub(super) const fn is_scheduled(&self) -> bool {
        self.schedule.is_some()
    }

    /// Asks for what came since it was told last.
    ///
    /// # Errors
    /// The index can't be asked now.
    pub(super) async fn ask(&self) -> Result<Found, Problem> {
        let up_to = self.app.engine().position();
        let part = Part { limit: EVENTS_MAX, from: None, after: self.position, up_to };
        let (query, created_at) = (self.query.clone(), now(&self.app));
        let (name, id) = (self.query_name.clone(), self.subscription_id.clone());
        let asking = self.epcis.ask(&self.app, move |repository| {
            let page = repository.search(&query, &part)?;
            let names = QueryNames { query_name: &name, subscription_id: (!id.is_empty()).then_some(&*id) };
            let text = results(Form::Json, &created_at, names, page.events.iter().map(|(_, event)| event));
            let position = page.next.map_or(up_to, |mark| mark.position());
            Ok(Found { text, count: page.events.len(), position, has_more: page.next.is_some() })
        });
        asking.await
    }

    /// What was found up to `position` is told.
    pub(super) const fn told(&mut self, position: Position) {
        self.position = position;
    }
}
