//! One connection after another.

use super::intake::Intake;
use super::session::{self, End, Shared};
use super::settings::Plan;
use super::status::Status;
use ledger::Timestamp;
use std::sync::Arc;
use std::time::Duration;
use wire::Problem;
use wire::sparkplug::Host;

/// Time and randomness, which only the program has.
#[derive(Clone)]
pub struct Environment {
    /// The time.
    pub now: Arc<dyn Fn() -> Timestamp + Send + Sync>,
    /// Any number, each time another.
    pub random: Arc<dyn Fn() -> u64 + Send + Sync>,
}

impl Environment {
    /// Between half of `pause` and all of it, so that clients that lost their broker together come back one by one.
    pub(crate) fn jitter(&self, pause: Duration) -> Duration {
        let half = u64::try_from(pause.as_micros() / 2).unwrap_or(u64::MAX);
        Duration::from_micros(half + (self.random)() % half.max(1))
    }
}

/// A client of one broker.
pub struct Client {
    shared: Shared,
}

impl Client {
    /// A client that hands what comes to `intake`.
    ///
    /// # Errors
    /// A subscription is of a kind that `intake` does not take.
    pub fn new(plan: Plan, intake: Arc<dyn Intake>, environment: Environment) -> Result<Self, Problem> {
        let kinds = plan.settings().subscriptions.iter().map(|subscription| &subscription.kind);
        for (index, kind) in kinds.enumerate() {
            if !intake.takes(kind) {
                let detail = format!("messages of kind '{}' are not taken; choose another kind", kind.name());
                return Err(Problem::new("invalid_setting", format!("subscriptions[{index}].kind"), detail));
            }
        }
        Ok(Self { shared: Shared { plan, intake, status: Arc::new(Status::default()), environment } })
    }

    /// How it is; to be asked while it runs.
    pub fn status(&self) -> Arc<Status> {
        Arc::clone(&self.shared.status)
    }

    /// Connects and takes in, again whenever the connection is lost, until `stop` is done; then waits a few seconds for
    /// what is on its way and takes leave.
    pub async fn run(self, stop: impl Future<Output = ()>) {
        let settings = self.shared.plan.settings();
        let mut host = settings.sparkplug.clone().map(Host::new);
        let mut stop = std::pin::pin!(stop);
        let mut pause = settings.reconnect_min;
        loop {
            let (why, had_stood) = match session::run(&self.shared, host.as_mut(), &mut stop).await {
                End::Stopped => return,
                End::Lost { why, had_stood } => (why, had_stood),
            };
            if had_stood {
                pause = settings.reconnect_min;
            }
            let url = &settings.url;
            let waits = self.shared.environment.jitter(pause);
            tracing::warn!(
                url,
                client_id = settings.client_id,
                "no connection to the broker: {why}; trying again in {waits:?}"
            );
            self.shared.status.set_problem(Some(format!("no connection to {url}: {why}")));
            let pausing = async {
                if let Some(host) = &mut host {
                    session::tell_stale(&self.shared, host).await;
                }
                tokio::time::sleep(waits).await;
            };
            tokio::select! {
                () = pausing => {}
                () = &mut stop => return,
            }
            pause = (pause * 2).min(settings.reconnect_max);
        }
    }
}
