//! The life of one connection: subscribe, take in, acknowledge; and for a Sparkplug host what else it owes.

use super::Taken;
use super::client::Environment;
use super::connection::{Arrival, Connection, Event, Receipt};
use super::in_flight::InFlight;
use super::intake::{Body, Intake, Message};
use super::settings::Plan;
use super::status::{Count, Status};
use std::sync::Arc;
use std::time::Duration;
use wire::Problem;
use wire::problem::shown;
use wire::sparkplug::{Host, Output, Unreadable};
use wire::topic::Kind;

/// How long a broker may take to answer to a connection and its subscriptions.
const STAND: Duration = Duration::from_secs(15);

/// How long messages on their way may take when the client stops.
const DRAIN: Duration = Duration::from_secs(5);

/// How long leave-taking may last.
const GOODBYE: Duration = Duration::from_secs(2);

/// The pauses before a message is offered again.
const RETRY_MIN: Duration = Duration::from_millis(10);
const RETRY_MAX: Duration = Duration::from_secs(1);

/// What all connections of a client share.
pub(super) struct Shared {
    pub(super) plan: Plan,
    pub(super) intake: Arc<dyn Intake>,
    pub(super) status: Arc<Status>,
    pub(super) environment: Environment,
}

/// How a connection ended.
pub(super) enum End {
    /// As it was asked to.
    Stopped,
    /// By itself: why, and whether it had stood.
    Lost { why: String, had_stood: bool },
}

/// One connection and what came on it.
struct Session<'s> {
    shared: &'s Shared,
    host: Option<&'s mut Host>,
    connection: Connection,
    filters: Vec<(String, u8)>,
    in_flight: InFlight,
    has_stood: bool,
}

/// Connects, and takes in until the connection is lost or `stop` is done.
pub(super) async fn run(
    shared: &Shared,
    mut host: Option<&mut Host>,
    stop: &mut (impl Future<Output = ()> + Unpin),
) -> End {
    let mut filters = shared.plan.filters.clone();
    if let Some(host) = &host {
        filters.extend(host.subscriptions().into_iter().map(|filter| (filter, 1)));
    }
    let will = host.as_mut().map(|host| host.will((shared.environment.now)()));
    let connection = match Connection::open(&shared.plan, will) {
        Ok(connection) => connection,
        Err(why) => return End::Lost { why, had_stood: false },
    };
    let mut session = Session { shared, host, connection, filters, in_flight: InFlight::default(), has_stood: false };
    let ended = tokio::select! {
        why = session.live() => Some(why),
        () = stop => None,
    };
    shared.status.set_connected(false);
    match ended {
        Some(why) => {
            shared.status.set_in_flight(0);
            End::Lost { why, had_stood: session.has_stood }
        }
        None => {
            session.leave().await;
            End::Stopped
        }
    }
}

impl Session<'_> {
    /// Takes in until the connection is lost; answers why it is. May be given up at any await.
    async fn live(&mut self) -> String {
        let settings = &self.shared.plan.settings;
        let (count_max, bytes_max) = (usize::from(settings.in_flight_max), settings.in_flight_bytes_max);
        let patience = tokio::time::sleep(STAND);
        tokio::pin!(patience);
        loop {
            self.shared.status.set_in_flight(self.in_flight.len());
            let has_room = self.in_flight.len() < count_max && self.in_flight.bytes() < bytes_max;
            let due = self.until_tick();
            let done = tokio::select! {
                taken = self.in_flight.next() => match taken {
                    Ok((receipt, taken)) => self.acknowledge(receipt, taken),
                    Err(error) => Err(format!("taking a message in failed: {error}")),
                },
                event = self.connection.next(), if has_room => self.happened(event),
                () = due => self.tick(),
                () = &mut patience, if !self.has_stood => Err(format!("the broker gave no answer within {STAND:?}")),
            };
            if let Err(why) = done {
                return why;
            }
        }
    }

    fn acknowledge(&mut self, receipt: Receipt, taken: Taken) -> Result<(), String> {
        self.shared.status.count_taken(taken);
        if !matches!(receipt, Receipt::None) {
            self.connection.acknowledge(receipt)?;
        }
        self.shared.status.count(Count::Acknowledged);
        Ok(())
    }

    fn happened(&mut self, event: Event) -> Result<(), String> {
        match event {
            Event::Connected => self.connection.subscribe(&self.filters),
            Event::Subscribed(refusals) => self.subscribed(&refusals),
            Event::Arrived(arrival) => self.arrived(arrival),
            Event::Lost(why) => Err(why),
        }
    }

    fn subscribed(&mut self, refusals: &[(usize, String)]) -> Result<(), String> {
        let status = &self.shared.status;
        let refused: Vec<String> = (refusals.iter())
            .map(|(index, why)| format!("{} ({why})", shown(self.filters.get(*index).map_or("", |(filter, _)| filter))))
            .collect();
        if refused.len() == self.filters.len() {
            return Err(format!("the broker refuses every subscription: {}", refused.join(", ")));
        }
        let problem =
            (!refused.is_empty()).then(|| format!("the broker refuses subscriptions: {}", refused.join(", ")));
        if let Some(problem) = &problem {
            tracing::error!(client_id = self.shared.plan.settings.client_id, "{problem}");
        }
        status.set_problem(problem);
        status.count(Count::Connections);
        status.set_connected(true);
        self.has_stood = true;
        let mut out = Vec::new();
        if let Some(host) = &mut self.host {
            host.connected((self.shared.environment.now)(), &mut out);
        }
        self.publish(out).map(drop)
    }

    fn arrived(&mut self, arrival: Arrival) -> Result<(), String> {
        self.shared.status.count(Count::Received);
        let Arrival { topic, payload, content_type, receipt } = arrival;
        let received_at = (self.shared.environment.now)();
        let topic: Arc<str> = String::from_utf8_lossy(&topic).into();
        let found = match &self.host {
            Some(_) => Some((0, &Kind::Sparkplug, Default::default())),
            None => self.shared.plan.routes.find(&topic),
        };
        let Some((route, kind, names)) = found else {
            // The filter is wider than the template: what is not of the template is not ours.
            self.shared.status.count(Count::Unmatched);
            let nothing = tokio::spawn(std::future::ready(Taken::default()));
            self.in_flight.push(receipt, 0, nothing);
            return Ok(());
        };
        let source = names.device.unwrap_or(&self.shared.plan.settings.client_id);
        let message = Message {
            route,
            kind: kind.clone(),
            site: names.site.map(Arc::from),
            device: names.device.map(Arc::from),
            metric: names.metric.map(Arc::from),
            source: source.into(),
            topic: Arc::clone(&topic),
            content_type,
            payload,
            body: Body::Plain,
            received_at,
        };
        let max = self.shared.plan.settings.message_bytes_max;
        if self.host.is_some() {
            return self.heard(message, receipt);
        }
        if message.payload.len() > max {
            let detail = format!("the message has {} bytes; at most {max} are taken: split it", message.payload.len());
            let body = Body::Unusable([Problem::new("too_large", "", detail)].into());
            self.offer(Message { body, ..message }, receipt);
            return Ok(());
        }
        self.offer(message, receipt);
        Ok(())
    }

    /// A message for the Sparkplug host.
    fn heard(&mut self, message: Message, receipt: Receipt) -> Result<(), String> {
        let Some(host) = &mut self.host else { return Ok(()) };
        let mut out = Vec::new();
        let heard = host.take(&message.topic, &message.payload, message.received_at, &mut out);
        let mut problems: Vec<Problem> =
            heard.err().map(|error| Problem::new(error.code(), "", error.to_string())).into_iter().collect();
        let out = self.publish(out)?;
        let (unreadable, out): (Vec<Output>, Vec<Output>) =
            out.into_iter().partition(|output| matches!(output, Output::Unreadable(_)));
        problems.extend(unreadable.into_iter().filter_map(|output| match output {
            Output::Unreadable(Unreadable { metric, mut problem, .. }) => {
                problem.detail = format!("metric {}: {}", shown(&metric), problem.detail);
                Some(problem)
            }
            _ => None,
        }));
        // Of the two, the one that needs to be durable last carries the acknowledgement.
        if problems.is_empty() {
            self.offer(Message { body: Body::Sparkplug(out.into()), ..message }, receipt);
        } else {
            if !out.is_empty() {
                self.offer(Message { body: Body::Sparkplug(out.into()), ..message.clone() }, Receipt::None);
            }
            self.offer(Message { body: Body::Unusable(problems.into()), ..message }, receipt);
        }
        Ok(())
    }

    /// Hands a message to the intake, and remembers to acknowledge it.
    fn offer(&mut self, message: Message, receipt: Receipt) {
        let bytes = message.payload.len();
        let (intake, status) = (Arc::clone(&self.shared.intake), Arc::clone(&self.shared.status));
        let environment = self.shared.environment.clone();
        let taking = tokio::spawn(async move { offer(&*intake, &status, &environment, &message).await });
        self.in_flight.push(receipt, bytes, taking);
    }

    /// Sends what is to be sent, and gives back the rest.
    fn publish(&self, out: Vec<Output>) -> Result<Vec<Output>, String> {
        let mut rest = Vec::with_capacity(out.len());
        for output in out {
            match output {
                Output::Publish(publish) => self.connection.publish(publish)?,
                other => rest.push(other),
            }
        }
        Ok(rest)
    }

    /// Waits until the Sparkplug host has something to do; for ever if there is nothing.
    fn until_tick(&self) -> impl Future<Output = ()> + use<> {
        let due_at = self.host.as_ref().and_then(|host| host.tick_due_at());
        let wait = due_at.map(|due_at| {
            let micros = due_at.0.saturating_sub((self.shared.environment.now)().0);
            Duration::from_micros(u64::try_from(micros).unwrap_or_default())
        });
        async move {
            match wait {
                Some(wait) => tokio::time::sleep(wait).await,
                None => std::future::pending().await,
            }
        }
    }

    fn tick(&mut self) -> Result<(), String> {
        let Some(host) = &mut self.host else { return Ok(()) };
        let mut out = Vec::new();
        let now = (self.shared.environment.now)();
        let ticked = host.tick(now, &mut out);
        let out = self.publish(out)?;
        if !out.is_empty() {
            self.offer(by_itself(self.shared, out), Receipt::None);
        }
        if let Err(error) = ticked {
            tracing::warn!("a message that had waited for an earlier one can't be taken: {error}");
        }
        Ok(())
    }

    /// Waits for what is on its way, and takes leave.
    async fn leave(mut self) {
        let drained = tokio::time::timeout(DRAIN, async {
            while self.in_flight.len() > 0 {
                tokio::select! {
                    taken = self.in_flight.next() => {
                        let Ok((receipt, taken)) = taken else { return };
                        if self.acknowledge(receipt, taken).is_err() {
                            return;
                        }
                    }
                    // What comes now is left to be sent again.
                    event = self.connection.next() => if matches!(event, Event::Lost(_)) { return },
                }
            }
        });
        // What is not done by then is not acknowledged, and comes again.
        let _ = drained.await;
        let last = match &mut self.host {
            Some(host) if self.has_stood => Some(host.farewell((self.shared.environment.now)())),
            _ => None,
        };
        let _ = tokio::time::timeout(GOODBYE, self.connection.close(last)).await;
        self.shared.status.set_in_flight(0);
    }
}

/// Hands a message to the intake, again and again until it is taken.
async fn offer(intake: &dyn Intake, status: &Status, environment: &Environment, message: &Message) -> Taken {
    let mut pause = RETRY_MIN;
    loop {
        match intake.take(message).await {
            Ok(taken) => {
                if pause > RETRY_MIN {
                    status.set_problem(None);
                }
                return taken;
            }
            Err(later) => {
                status.count(Count::Retries);
                status.set_problem(Some(later.to_string()));
            }
        }
        tokio::time::sleep(environment.jitter(pause)).await;
        pause = (pause * 2).min(RETRY_MAX);
    }
}

/// What a Sparkplug host says without a message.
fn by_itself(shared: &Shared, out: Vec<Output>) -> Message {
    Message {
        route: 0,
        kind: Kind::Sparkplug,
        topic: "".into(),
        site: None,
        device: None,
        metric: None,
        source: shared.plan.settings.client_id.as_str().into(),
        content_type: None,
        payload: bytes::Bytes::new(),
        body: Body::Sparkplug(out.into()),
        received_at: (shared.environment.now)(),
    }
}

/// Tells the intake that nobody whom the host heard of is known to be alive, as the connection is gone.
pub(super) async fn tell_stale(shared: &Shared, host: &mut Host) {
    let mut out = Vec::new();
    host.disconnected((shared.environment.now)(), &mut out);
    if !out.is_empty() {
        let taken = offer(&*shared.intake, &shared.status, &shared.environment, &by_itself(shared, out)).await;
        shared.status.count_taken(taken);
    }
}
