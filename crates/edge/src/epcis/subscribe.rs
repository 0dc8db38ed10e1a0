//! `/epcis/v2/queries/{name}/subscriptions`: who is told what a query finds.

use super::form::{self, Form, Paging, link_next};
use super::problem::{Kind, Problem};
use super::queries::{named, note};
use super::schedule::Schedule;
use super::webhook::Destination;
use super::{Epcis, ROOT, discovery, encoded, now};
use crate::App;
use crate::auth::Principal;
use crate::http::body;
use crate::http::path::Parted;
use axum::extract::{Request, State};
use axum::http::header::LOCATION;
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Extension, Router};
use follow::epcis::{KeptSubscription, QueryRecord, ScheduleFields, Subscription};
use ledger::{Position, Timestamp};
use serde::{Deserialize, Serialize};

/// Subscriptions at once, to all queries together.
pub(super) const SUBSCRIPTIONS_MAX: usize = 200;
/// Bytes of a token that messages are signed with.
const TOKEN_BYTES_MAX: usize = 1_000;

pub(super) fn router() -> Router<App> {
    Router::new()
        .route(
            "/epcis/v2/queries/{name}/subscriptions",
            get(list_subscriptions).post(subscribe).options(async || discovery("OPTIONS, GET, POST")),
        )
        .route(
            "/epcis/v2/queries/{name}/subscriptions/{id}",
            get(show_subscription).delete(unsubscribe).options(async || discovery("OPTIONS, GET, DELETE")),
        )
}

/// A subscription asked for.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Asked {
    dest: String,
    #[serde(default)]
    signature_token: String,
    #[serde(default)]
    report_if_empty: bool,
    initial_record_time: Option<String>,
    schedule: Option<ScheduleFields>,
    #[serde(default)]
    stream: bool,
}

/// A subscription as it is told: without what messages are signed with.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Reply {
    #[serde(rename = "subscriptionID")]
    subscription_id: String,
    query_name: String,
    dest: String,
    report_if_empty: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    initial_record_time: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    schedule: Option<ScheduleFields>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    stream: bool,
    created_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_notified_at: Option<String>,
}

impl From<KeptSubscription> for Reply {
    fn from(kept: KeptSubscription) -> Self {
        let subscription = kept.subscription;
        Self {
            subscription_id: subscription.subscription_id,
            query_name: subscription.query_name,
            dest: subscription.dest,
            report_if_empty: subscription.report_if_empty,
            initial_record_time: subscription.initial_record_time,
            stream: subscription.schedule.is_none(),
            schedule: subscription.schedule,
            created_at: subscription.created_at,
            last_notified_at: kept.delivered_at,
        }
    }
}

fn refused(detail: impl Into<String>) -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, Kind::SubscriptionControls, detail)
}

/// When a standing query is asked: at once (`None`) or by a schedule.
///
/// # Errors
/// 400 `SubscriptionControlsException` when it is neither or both.
pub(super) fn rhythm(schedule: Option<&ScheduleFields>, stream: bool) -> Result<Option<Schedule>, Problem> {
    match (schedule, stream) {
        (Some(fields), false) => Schedule::new(fields).map(Some).map_err(refused),
        (None, true) => Ok(None),
        (None, false) => Err(refused("say when to be told: a schedule, or \"stream\": true")),
        (Some(_), true) => Err(refused("a schedule and stream exclude each other; give one")),
    }
}

/// After which position events are told, by an `initialRecordTime`; without one, those that come from now on.
///
/// # Errors
/// 400 `SubscriptionControlsException`.
pub(super) async fn beginning(app: &App, time: Option<&str>) -> Result<Position, Problem> {
    let engine = app.engine().clone();
    let Some(text) = time else { return Ok(engine.position()) };
    let time = wire::epcis::Time::parse(text).ok_or_else(|| {
        refused(format!("initialRecordTime: {} is no time; write RFC 3339", wire::problem::shown(text)))
    })?;
    // Everything recorded at that very time counts.
    let looking = tokio::task::spawn_blocking(move || engine.known_at(Timestamp(time.micros - 1)));
    Ok(looking.await.map_err(|error| Problem::failed(&error))??)
}

async fn subscribe(
    State(app): State<App>,
    Extension(principal): Extension<Principal>,
    epcis: Epcis,
    Parted(name): Parted<String>,
    request: Request,
) -> Result<Response, Problem> {
    let body = body::json(&app, request).await?;
    let asked: Asked = serde_json::from_slice(&body).map_err(|error| {
        let detail = format!("{error}; send {{\"dest\": \"https://…\", \"stream\": true}}");
        Problem::new(StatusCode::BAD_REQUEST, Kind::Validation, detail)
    })?;
    check(&app, &asked).await?;
    let after = beginning(&app, asked.initial_record_time.as_deref()).await?;
    let _turn = epcis.0.declaring.lock().await;
    named(&app, &epcis, &name).await?;
    let all = epcis.ask(&app, |repository| Ok(repository.subscriptions(None, "", SUBSCRIPTIONS_MAX)?)).await?;
    if all.len() >= SUBSCRIPTIONS_MAX {
        let detail = format!("there are {SUBSCRIPTIONS_MAX} subscriptions, which is all there can be; delete one");
        return Err(Problem::new(StatusCode::PAYLOAD_TOO_LARGE, Kind::Implementation, detail));
    }
    let subscription = Subscription {
        subscription_id: epcis.next_id(app.engine().position()),
        query_name: name.clone(),
        dest: asked.dest,
        signature_token: asked.signature_token,
        report_if_empty: asked.report_if_empty,
        initial_record_time: asked.initial_record_time,
        schedule: asked.schedule,
        created_at: now(&app),
        after: after.0,
    };
    let location = format!("{ROOT}/queries/{}/subscriptions/{}", encoded(&name), subscription.subscription_id);
    let record = QueryRecord::Subscribed(Box::new(subscription.clone()));
    note(&app, &epcis, &principal.name, &record).await?;
    let kept = KeptSubscription { subscription, position: after, delivered_at: None };
    let mut response = form::json(StatusCode::CREATED, &Reply::from(kept));
    if let Ok(location) = HeaderValue::from_str(&location) {
        response.headers_mut().insert(LOCATION, location);
    }
    Ok(response)
}

/// Whether a subscription can be served.
async fn check(app: &App, asked: &Asked) -> Result<(), Problem> {
    rhythm(asked.schedule.as_ref(), asked.stream)?;
    if asked.signature_token.len() > TOKEN_BYTES_MAX {
        return Err(refused(format!("signatureToken: it has more than {TOKEN_BYTES_MAX} bytes")));
    }
    let destination = Destination::parse(&asked.dest).map_err(refused)?;
    destination.check(app.settings().epcis_local_destinations).await.map_err(refused)
}

async fn list_subscriptions(
    State(app): State<App>,
    epcis: Epcis,
    Parted(name): Parted<String>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    Form::of(&headers, false)?;
    named(&app, &epcis, &name).await?;
    let Paging { limit, token } = Paging::of(&uri)?;
    let after = token.unwrap_or_default();
    let asking = epcis.ask(&app, move |repository| Ok(repository.subscriptions(Some(&name), &after, limit + 1)?));
    let mut kept = asking.await?;
    let has_more = kept.len() > limit;
    kept.truncate(limit);
    let last = kept.last().map(|kept| kept.subscription.subscription_id.clone());
    let replies: Vec<Reply> = kept.into_iter().map(Reply::from).collect();
    let mut response = form::json(StatusCode::OK, &replies);
    if let Some(token) = last.filter(|_| has_more) {
        link_next(&app, &mut response, &uri, &token);
    }
    Ok(response)
}

async fn find(app: &App, epcis: &Epcis, name: String, id: &str) -> Result<KeptSubscription, Problem> {
    let asking = epcis.ask(app, move |repository| Ok(repository.subscriptions(Some(&name), "", SUBSCRIPTIONS_MAX)?));
    let found = asking.await?.into_iter().find(|kept| kept.subscription.subscription_id == id);
    let detail = || format!("there is no subscription {} to this query", wire::problem::shown(id));
    found.ok_or_else(|| Problem::no_such_name(detail()))
}

async fn show_subscription(
    State(app): State<App>,
    epcis: Epcis,
    Parted((name, id)): Parted<(String, String)>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    Form::of(&headers, false)?;
    Ok(form::json(StatusCode::OK, &Reply::from(find(&app, &epcis, name, &id).await?)))
}

async fn unsubscribe(
    State(app): State<App>,
    Extension(principal): Extension<Principal>,
    epcis: Epcis,
    Parted((name, id)): Parted<(String, String)>,
) -> Result<Response, Problem> {
    let _turn = epcis.0.declaring.lock().await;
    find(&app, &epcis, name, &id).await?;
    note(&app, &epcis, &principal.name, &QueryRecord::Unsubscribed { id }).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}
