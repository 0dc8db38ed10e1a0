//! `POST /v1/rules/try`: what a rule would have told, had it been there.

use crate::App;
use crate::http::json::{Date, Json, Time};
use crate::http::query::Params;
use crate::http::{Problem, body};
use axum::Router;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use engine::{TriedRule, TryError};
use ledger::RuleCard;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use utoipa::ToSchema;
use watch::{EvaluationErrors, Firing};

/// The days that are looked at when none are asked for, and the most.
pub(crate) const DAYS: u32 = 30;
const DAYS_MAX: u32 = 366;
const DAY_MICROS: i64 = 86_400_000_000;

pub(crate) fn router() -> Router<App> {
    Router::new().route("/v1/rules/try", post(try_rule))
}

/// What a rule would have told.
#[derive(Serialize, ToSchema)]
pub(crate) struct TrialReply {
    /// Alerts that it would have opened.
    fired: u64,
    /// Alerts that it would have opened before and that were not over then.
    open_before: u64,
    /// Alerts that would be open now.
    open_now: u64,
    /// From when on alerts are counted.
    since: Time,
    /// Alerts on each day, in UTC.
    per_day: Vec<FiredOnDay>,
    /// The first hundred alerts and the last hundred, oldest first.
    examples: Vec<FiringReply>,
    /// How often its condition could not be answered; absent for never.
    #[serde(skip_serializing_if = "Option::is_none")]
    evaluation_errors: Option<EvaluationErrorsReply>,
    /// Entries of the journal that were followed.
    entries: u64,
    /// How long that took.
    took_ms: u64,
    /// The journal position that this is true at.
    as_of_position: u64,
}

/// How often a rule would have told something on a day.
#[derive(Serialize, ToSchema)]
pub(crate) struct FiredOnDay {
    day: Date,
    fired: u64,
}

/// An alert that a rule would have opened. Of what it is about, only what there is is said.
#[derive(Serialize, ToSchema)]
pub(crate) struct FiringReply {
    at: Time,
    /// When it would have been over; null when it would be open still.
    over_at: Option<Time>,
    #[schema(value_type = String)]
    severity: &'static str,
    /// Why, in one sentence with its figures.
    why: Box<str>,
    #[serde(skip_serializing_if = "str::is_empty")]
    product_id: Box<str>,
    #[serde(skip_serializing_if = "str::is_empty")]
    location: Box<str>,
    #[serde(skip_serializing_if = "str::is_empty")]
    lot: Box<str>,
    #[serde(skip_serializing_if = "str::is_empty")]
    device: Box<str>,
    #[serde(skip_serializing_if = "str::is_empty")]
    metric: Box<str>,
    #[serde(skip_serializing_if = "str::is_empty")]
    shipment: Box<str>,
}

impl From<Firing> for FiringReply {
    fn from(firing: Firing) -> Self {
        let subject = firing.subject;
        Self {
            at: Time(firing.at),
            over_at: firing.over_at.map(Time),
            severity: firing.severity.name(),
            why: firing.why,
            product_id: subject.product,
            location: subject.location,
            lot: subject.lot,
            device: subject.device,
            metric: subject.metric,
            shipment: subject.shipment,
        }
    }
}

/// How often the condition of a rule could not be answered, which counts as not met.
#[derive(Serialize, ToSchema)]
pub(crate) struct EvaluationErrorsReply {
    count: u64,
    /// About what, and why, the last time.
    last: String,
    last_at: Time,
}

impl From<EvaluationErrors> for EvaluationErrorsReply {
    fn from(errors: EvaluationErrors) -> Self {
        Self { count: errors.count, last: errors.last, last_at: Time(errors.last_at) }
    }
}

#[derive(Deserialize)]
struct Named<'a> {
    #[serde(borrow, default)]
    rule: std::borrow::Cow<'a, str>,
}

/// Tells a trial that nobody waits for it any more.
struct Waiter(Arc<AtomicBool>);

impl Drop for Waiter {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Tries a rule on the last days; one at a time.
///
/// # Errors
/// 422 `invalid_rule` with everything that is wrong; 429 `rule_trial_running`; 503 when the server stops.
pub(crate) async fn try_card(app: &App, card: RuleCard, days: u32) -> Result<TriedRule, Problem> {
    let faults = super::rules::faults(&card);
    if !faults.is_empty() {
        return Err(Problem::of_body(&faults));
    }
    let Ok(permit) = Arc::clone(&app.gates().trials).try_acquire_owned() else {
        return Err(Problem::too_many("rule_trial_running", "another rule is being tried; try again when it is done"));
    };
    let is_off = Arc::new(AtomicBool::new(false));
    let _waiter = Waiter(Arc::clone(&is_off));
    let engine = app.engine().clone();
    let work = move || {
        let _permit = permit;
        let since = engine.now().minus(i64::from(days) * DAY_MICROS);
        engine.try_rule(&card, since, &mut |_, _| !is_off.load(Ordering::Relaxed))
    };
    let tried = tokio::task::spawn_blocking(work).await.map_err(|error| Problem::failed(&error))?;
    tried.map_err(|error| match error {
        TryError::Rule(faults) => {
            let detail = faults.first().map_or_else(String::new, |fault| fault.detail.clone());
            Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid_rule", detail)
        }
        error => Problem::failed(&error),
    })
}

/// Follows what has happened with this rule alone, as if it had always been on, and says what it would have told. Nothing
/// is recorded, and nobody is told. The whole journal is read for it.
#[utoipa::path(
    post,
    path = "/v1/rules/try",
    tag = "alerts",
    params(("days" = Option<u32>, Query, description = "The last days that are counted, from 1 to 366; 30 when absent")),
    request_body(content = super::openapi::Rule, description = "The rule's card; `rule`, its id, may be absent"),
    responses(
        (status = 200, description = "What it would have told", body = TrialReply),
        (status = 422, description = "The card or its settings cannot be used; faults of a condition say its column", body = Problem),
        (status = 429, description = "`rule_trial_running`: one rule is tried at a time", body = Problem),
    )
)]
pub(crate) async fn try_rule(State(app): State<App>, request: Request) -> Result<Response, Problem> {
    let params = Params::of(request.uri(), &["days"])?;
    let days = match params.text("days") {
        None => DAYS,
        Some(text) => match text.parse::<u32>() {
            Ok(days) if (1..=DAYS_MAX).contains(&days) => days,
            _ => return Err(Problem::query("days", format!("days must be a whole number from 1 to {DAYS_MAX}"))),
        },
    };
    let body = body::json(&app, request).await?;
    // What is wrong with the name is told with the rest.
    let name = serde_json::from_slice::<Named<'_>>(&body).map(|named| named.rule.into_owned()).unwrap_or_default();
    let name = if name.is_empty() { "tried" } else { &name };
    let card = wire::rule::parse_rule(name, &body).map_err(|problems| Problem::of_body(&problems))?;
    let trial = try_card(&app, card, days).await?;
    Ok(Json(StatusCode::OK, TrialReply::from(trial)).into_response())
}

impl From<TriedRule> for TrialReply {
    fn from(trial: TriedRule) -> Self {
        let TriedRule { tried, since, position, took_micros } = trial;
        Self {
            fired: tried.fired,
            open_before: tried.open_before,
            open_now: tried.open_now,
            since: Time(since),
            per_day: tried.per_day.into_iter().map(|(day, fired)| FiredOnDay { day: Date(day), fired }).collect(),
            examples: tried.first.into_iter().chain(tried.last).map(FiringReply::from).collect(),
            evaluation_errors: tried.errors.map(EvaluationErrorsReply::from),
            entries: position.0,
            took_ms: took_micros / 1000,
            as_of_position: position.0,
        }
    }
}

/// How often the conditions of these rules could not be answered since the start; those that always could are left out.
pub(crate) async fn evaluation_errors(app: &App, rules: Vec<Box<str>>) -> Vec<(Box<str>, EvaluationErrors)> {
    if rules.is_empty() {
        return Vec::new();
    }
    let (sender, receiver) = tokio::sync::oneshot::channel();
    let ask = move |_: &ledger::State, watch: &watch::Watch| {
        let errors = |rule: Box<str>| watch.evaluation_errors(&rule).cloned().map(|errors| (rule, errors));
        rules.into_iter().filter_map(errors).collect()
    };
    let asked = app.engine().ask(ask, move |answer| drop(sender.send(answer)));
    match asked {
        Ok(()) => receiver.await.ok().and_then(Result::ok).unwrap_or_default(),
        Err(_) => Vec::new(),
    }
}
