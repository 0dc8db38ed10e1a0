//! `/v1/alerts`: what somebody should know of, how it stands, and how quickly such things are dealt with.

use crate::App;
use crate::dashboard::text;
use crate::http::Problem;
use crate::http::json::{Date, Json, Number, Time};
use crate::http::page::{ItemReply, PageReply, Tag};
use crate::http::path::{self, Parted};
use crate::http::query::Params;
use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use ledger::{Alert, AlertStep, Position, Quantity, Severity, Timestamp};
use serde::Serialize;
use utoipa::ToSchema;
use views::{
    AlertItem, AlertMoment, AlertOrder, AlertOwner, AlertQuery, AlertState, ConditionStatistics, Spans, Views,
};

/// The period that statistics are of when none is asked for: thirty days.
const PERIOD_MICROS: i64 = 30 * DAY_MICROS;
const DAY_MICROS: i64 = 86_400_000_000;

/// What `state` may say.
pub(crate) const STATES: [(&str, &[AlertState]); 6] = [
    ("active", &[AlertState::Open, AlertState::Acknowledged, AlertState::Snoozed]),
    ("open", &[AlertState::Open]),
    ("acknowledged", &[AlertState::Acknowledged]),
    ("snoozed", &[AlertState::Snoozed]),
    ("resolved", &[AlertState::Resolved]),
    ("all", &[]),
];

/// What `severity_min` may say.
pub(crate) const SEVERITIES: [(&str, Severity); 3] =
    [("info", Severity::Info), ("warning", Severity::Warning), ("critical", Severity::Critical)];

pub(crate) fn router() -> Router<App> {
    Router::new()
        .route("/v1/alerts", get(list_alerts))
        .route("/v1/alerts/statistics", get(statistics))
        .route("/v1/alerts/{id}", get(get_alert))
}

/// An alert.
#[derive(Serialize, ToSchema)]
pub(crate) struct AlertReply {
    /// The entry that opened it.
    id: u64,
    /// The stable code of what is wrong, such as `low_stock`.
    condition: Box<str>,
    /// `info`, `warning` or `critical`.
    #[schema(value_type = String)]
    severity: &'static str,
    /// `open`, `acknowledged`, `snoozed` or `resolved`.
    #[schema(value_type = String)]
    state: &'static str,
    /// Why, in one sentence with its figures.
    why: Box<str>,
    /// The figures when it was opened, in an order for reading.
    figures: Vec<FigureReply>,
    /// The product that it is about, when it is about one.
    product_id: Option<Box<str>>,
    location: Option<Box<str>>,
    lot: Option<Box<str>>,
    device: Option<Box<str>>,
    /// The figure of that device, such as `temperature_celsius`.
    metric: Option<Box<str>>,
    /// The reference of the shipment.
    shipment: Option<Box<str>>,
    /// Who looks after it; null for nobody in particular.
    owner: Option<Box<str>>,
    /// The rule that asked for it.
    rule: Option<Box<str>>,
    /// How often nobody acknowledged it in time.
    escalated: u32,
    /// When the condition began to hold.
    since: Time,
    opened_at: Time,
    acknowledged_at: Option<Time>,
    snoozed_until: Option<Time>,
    resolved_at: Option<Time>,
    /// `cleared` when the condition no longer held, `by_hand`, or a code of the condition's own.
    outcome: Option<Box<str>>,
    /// The entry that made the condition hold; null when it was time that passed.
    cause: Option<u64>,
    /// The newest entry about it.
    changed_by: u64,
}

/// One figure.
#[derive(Serialize, ToSchema)]
pub(crate) struct FigureReply {
    name: Box<str>,
    /// A decimal number or an RFC 3339 time.
    value: Box<str>,
}

/// An alert with all that happened to it.
#[derive(Serialize, ToSchema)]
pub(crate) struct AlertDetailReply {
    #[serde(flatten)]
    alert: AlertReply,
    /// What happened to it, oldest first; of a very long life the newest hundred steps.
    history: Vec<StepReply>,
    /// Older steps that are no longer kept beside the journal.
    earlier_steps: u32,
    /// What to do about such an alert; null when its condition is none of ours any more.
    #[schema(value_type = Option<String>)]
    remedy: Option<&'static str>,
    /// Where to see more and to do something about it.
    links: Vec<LinkReply>,
}

/// A step of an alert's life.
#[derive(Serialize, ToSchema)]
pub(crate) struct StepReply {
    /// `acknowledged`, `snoozed`, `woken`, `assigned`, `noted`, `escalated` or `resolved`.
    #[schema(value_type = String)]
    step: &'static str,
    at: Time,
    /// Who did it.
    by: Box<str>,
    /// The entry.
    position: u64,
    note: Option<Box<str>>,
    /// Until when it was snoozed.
    until: Option<Time>,
    /// To whom it was given; null for nobody in particular.
    owner: Option<Box<str>>,
    /// How often it had been escalated then.
    level: Option<u32>,
    outcome: Option<Box<str>>,
}

/// A way on from an alert.
#[derive(Clone, Serialize, ToSchema)]
pub(crate) struct LinkReply {
    /// What it leads to: `product`, `stock`, `recount`, `held`, `shipment`, `device`, `readings`, `rule` or `cause`.
    #[schema(value_type = String)]
    pub(crate) rel: &'static str,
    /// The same in words.
    pub(crate) title: String,
    /// Its page, for people.
    pub(crate) page: Option<String>,
    /// The same for programs.
    pub(crate) api: Option<String>,
}

fn filled(text: &str) -> Option<Box<str>> {
    (!text.is_empty()).then(|| text.into())
}

impl From<&AlertItem> for AlertReply {
    fn from(item: &AlertItem) -> Self {
        let alert = &*item.alert;
        let subject = &alert.subject;
        let figures = alert.figures.iter().cloned().map(|(name, value)| FigureReply { name, value });
        Self {
            id: item.position.0,
            condition: alert.condition.clone(),
            severity: alert.severity.name(),
            state: item.state.name(),
            why: alert.why.clone(),
            figures: figures.collect(),
            product_id: filled(&subject.product),
            location: filled(&subject.location),
            lot: filled(&subject.lot),
            device: filled(&subject.device),
            metric: filled(&subject.metric),
            shipment: filled(&subject.shipment),
            owner: filled(&item.owner),
            rule: filled(&alert.rule),
            escalated: item.level,
            since: Time(alert.since),
            opened_at: Time(item.opened_at),
            acknowledged_at: item.acknowledged_at.map(Time),
            snoozed_until: item.snoozed_until.map(Time),
            resolved_at: item.end.as_ref().map(|end| Time(end.resolved_at)),
            outcome: item.end.as_ref().map(|end| end.outcome.clone()),
            cause: (alert.cause != Position::ZERO).then_some(alert.cause.0),
            changed_by: item.changed.0,
        }
    }
}

impl From<&AlertMoment> for StepReply {
    fn from(moment: &AlertMoment) -> Self {
        let mut reply = Self {
            step: moment.step.name(),
            at: Time(moment.at),
            by: moment.actor.clone(),
            position: moment.position.0,
            note: filled(&moment.note),
            until: None,
            owner: None,
            level: None,
            outcome: None,
        };
        match &moment.step {
            AlertStep::Snoozed { until } => reply.until = Some(Time(*until)),
            AlertStep::Assigned { owner } => reply.owner = filled(owner),
            AlertStep::Escalated { level } => reply.level = Some(*level),
            AlertStep::Resolved { outcome } => reply.outcome = Some(outcome.clone()),
            AlertStep::Acknowledged | AlertStep::Woken | AlertStep::Noted => {}
        }
        reply
    }
}

impl AlertDetailReply {
    fn of(views: &Views, item: &AlertItem) -> Self {
        let (life, earlier_steps) = views.alert_life(item.position);
        Self {
            alert: AlertReply::from(item),
            history: life.iter().map(StepReply::from).collect(),
            earlier_steps,
            remedy: super::conditions::remedy(&item.alert.condition),
            links: links(&item.alert),
        }
    }
}

/// Where to see more about what an alert is about, and to do something about it.
pub(crate) fn links(alert: &Alert) -> Vec<LinkReply> {
    let subject = &alert.subject;
    let mut links = Vec::new();
    let mut link = |rel, title: String, page: Option<String>, api: String| {
        links.push(LinkReply { rel, title, page, api: Some(api) });
    };
    let warehouse = subject.location.split('/').next().unwrap_or_default();
    if !subject.product.is_empty() {
        let api = format!("/v1/stock/{}", text::encoded(&subject.product));
        link("product", format!("Stock of {}", subject.product), Some(text::product_address(&subject.product)), api);
    }
    if matches!(&*alert.condition, "negative_stock" | "disputed_stock" | "count_overdue" | "low_confidence") {
        let asked = [("product_id", &*subject.product), ("warehouse_id", warehouse)];
        let page = text::address("/recounts", &[("warehouse", warehouse)]);
        link("recount", "What to count".to_owned(), Some(page), text::address("/v1/recounts", &asked));
    }
    if alert.condition.starts_with("held") {
        link("held", "Inputs that wait".to_owned(), Some("/held".to_owned()), "/v1/held".to_owned());
    }
    if !subject.shipment.is_empty() {
        let page = text::shipment_address(&subject.shipment);
        let api = format!("/v1/shipments/{}", text::encoded(&subject.shipment));
        link("shipment", format!("Shipment {}", subject.shipment), Some(page), api);
    }
    if !subject.device.is_empty() {
        let page = text::device_address(&subject.device);
        let api = format!("/v1/devices/{}", text::encoded(&subject.device));
        link("device", format!("Device {}", subject.device), Some(page), api);
    }
    if !alert.rule.is_empty() {
        let name = text::encoded(&alert.rule);
        let page = text::address("/rules/edit", &[("rule", &alert.rule)]);
        link("rule", format!("Rule {}", alert.rule), Some(page), format!("/v1/rules/{name}"));
    }
    if alert.cause != Position::ZERO {
        let api = format!("/v1/entries/{}", alert.cause);
        link("cause", format!("Entry {}", alert.cause), None, api);
    }
    links
}

/// Lists alerts.
#[utoipa::path(
    get,
    path = "/v1/alerts",
    tag = "alerts",
    params(
        ("state" = Option<String>, Query, description = "`active` (default: not resolved), `open`, `acknowledged`, `snoozed`, `resolved` or `all`"),
        ("severity_min" = Option<String>, Query, description = "At least this grave: `info`, `warning` or `critical`"),
        ("condition" = Option<String>, Query, description = "Of this condition, such as `low_stock`"),
        ("product_id" = Option<String>, Query, description = "About this product"),
        ("location" = Option<String>, Query, description = "About this location or one below it"),
        ("device" = Option<String>, Query, description = "About this device"),
        ("shipment" = Option<String>, Query, description = "About this shipment"),
        ("rule" = Option<String>, Query, description = "Asked for by this rule"),
        ("owner" = Option<String>, Query, description = "That this person looks after"),
        ("unowned" = Option<bool>, Query, description = "That nobody in particular looks after"),
        ("search" = Option<String>, Query, description = "With this text in the sentence, the subject or the owner"),
        ("order" = Option<String>, Query, description = "`newest` first (default), or by `severity`: the gravest, then the longest waiting"),
        ("limit" = Option<usize>, Query, description = "Items, at most 1,000; 100 when absent"),
        ("cursor" = Option<String>, Query, description = "The `next` of the page before"),
    ),
    responses((status = 200, description = "Alerts: all that are not over, and the newest 100,000 that are", body = PageReply<AlertReply>))
)]
pub(crate) async fn list_alerts(State(app): State<App>, uri: Uri, headers: HeaderMap) -> Result<Response, Problem> {
    let params = Params::of(
        &uri,
        &[
            "state",
            "severity_min",
            "condition",
            "product_id",
            "location",
            "device",
            "shipment",
            "rule",
            "owner",
            "unowned",
            "search",
            "order",
            "limit",
            "cursor",
        ],
    )?;
    let owner = match (params.text("owner"), params.flag("unowned")?) {
        (Some(_), true) => {
            let detail = "owner and unowned exclude each other; send one of them";
            return Err(Problem::query("unowned", detail));
        }
        (Some(name), false) => Some(AlertOwner::Named(name)),
        (None, is_unowned) => is_unowned.then_some(AlertOwner::Nobody),
    };
    let orders = [("newest", AlertOrder::Newest), ("severity", AlertOrder::Severity)];
    let query = AlertQuery {
        states: params.one_of("state", &STATES)?.unwrap_or(STATES[0].1),
        severity_min: params.one_of("severity_min", &SEVERITIES)?,
        condition: params.text("condition"),
        product: params.text("product_id"),
        location: params.text("location"),
        device: params.text("device"),
        shipment: params.text("shipment"),
        rule: params.text("rule"),
        owner,
        text: params.text("search"),
        order: params.one_of("order", &orders)?.unwrap_or_default(),
        limit: params.limit(views::LIMIT_DEFAULT, views::LIMIT_MAX)?,
        cursor: params.text("cursor"),
    };
    let tag = Tag::new(&app, &uri);
    if let Some(unchanged) = tag.unchanged(&headers) {
        return Ok(unchanged);
    }
    let page = app.engine().views().alerts(&query)?;
    Ok(tag.page(PageReply::of(page, |item| AlertReply::from(&item))))
}

/// There is no such alert, or it is not kept any more.
pub(crate) fn no_alert(id: Position) -> Problem {
    let detail = format!("there is no alert {id}, or it was over too long ago; list the alerts");
    Problem::new(StatusCode::NOT_FOUND, "unknown_alert", detail).of("id")
}

/// Shows an alert with all that happened to it.
#[utoipa::path(
    get,
    path = "/v1/alerts/{id}",
    tag = "alerts",
    params(("id" = u64, Path, description = "The entry that opened it")),
    responses(
        (status = 200, description = "The alert", body = ItemReply<AlertDetailReply>),
        (status = 404, description = "There is none, or it was over too long ago", body = Problem),
    )
)]
pub(crate) async fn get_alert(
    State(app): State<App>,
    Parted(id): Parted<String>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    Params::of(&uri, &[])?;
    let id = path::position(&id)?;
    let tag = Tag::new(&app, &uri);
    if let Some(unchanged) = tag.unchanged(&headers) {
        return Ok(unchanged);
    }
    let (reply, as_of) = detail(&app, id)?;
    Ok(tag.item(as_of, reply))
}

/// An alert as it stands now.
pub(crate) fn detail(app: &App, id: Position) -> Result<(AlertDetailReply, Position), Problem> {
    let views = app.engine().views();
    let item = views.alert(id).ok_or_else(|| no_alert(id))?;
    Ok((AlertDetailReply::of(&views, &item), views.position()))
}

/// How the alerts that were opened in a period fared.
#[derive(Serialize, ToSchema)]
pub(crate) struct StatisticsReply {
    from: Time,
    to: Time,
    all: ConditionReply,
    /// By condition, those with the most alerts first.
    conditions: Vec<ConditionReply>,
    /// How many were opened on each day in UTC on which there were any.
    days: Vec<DayReply>,
    /// Whether alerts of the period may be missing, since they are no longer kept.
    partial: bool,
    /// The journal position that this is true at.
    as_of_position: u64,
}

/// How the alerts of a condition fared.
#[derive(Serialize, ToSchema)]
pub(crate) struct ConditionReply {
    /// The condition; empty for all together.
    condition: Box<str>,
    /// How many were opened.
    opened: usize,
    /// How many of them are not over.
    active: usize,
    /// How many were opened a day.
    opened_per_day: Number,
    /// How many were acknowledged.
    acknowledged: usize,
    /// How long these waited for it; null of none.
    acknowledge_seconds_mean: Option<Number>,
    acknowledge_seconds_median: Option<Number>,
    /// How many are over.
    resolved: usize,
    /// How long these lasted; null of none.
    resolve_seconds_mean: Option<Number>,
    resolve_seconds_median: Option<Number>,
    /// The share of those that are over that people resolved, from 0 to 1; null of none.
    resolved_by_hand_share: Option<Number>,
    /// How many were escalated.
    escalated: usize,
}

/// How many alerts were opened on a day.
#[derive(Serialize, ToSchema)]
pub(crate) struct DayReply {
    day: Date,
    opened: usize,
}

/// A ratio of counts in millionths.
fn ratio(part: usize, scale: i128, whole: i128) -> Quantity {
    let micros = i128::try_from(part).unwrap_or(i128::MAX / 1_000_000).saturating_mul(scale) / whole.max(1);
    Quantity::from_micros(i64::try_from(micros).unwrap_or(i64::MAX))
}

impl ConditionReply {
    fn of(statistics: ConditionStatistics, period_micros: i64) -> Self {
        let seconds = |spans: &Spans, micros: i64| (spans.count > 0).then_some(Number(Quantity::from_micros(micros)));
        let (acknowledged, resolved) = (statistics.acknowledged, statistics.resolved);
        let per_day = ratio(statistics.opened, 1_000_000 * i128::from(DAY_MICROS), i128::from(period_micros));
        let by_hand = || Number(ratio(statistics.by_hand, 1_000_000, resolved.count as i128));
        Self {
            condition: statistics.condition,
            opened: statistics.opened,
            active: statistics.active,
            opened_per_day: Number(per_day),
            acknowledged: acknowledged.count,
            acknowledge_seconds_mean: seconds(&acknowledged, acknowledged.mean_micros),
            acknowledge_seconds_median: seconds(&acknowledged, acknowledged.median_micros),
            resolved: resolved.count,
            resolve_seconds_mean: seconds(&resolved, resolved.mean_micros),
            resolve_seconds_median: seconds(&resolved, resolved.median_micros),
            resolved_by_hand_share: (resolved.count > 0).then(by_hand),
            escalated: statistics.escalated,
        }
    }
}

/// Shows how quickly alerts are dealt with.
#[utoipa::path(
    get,
    path = "/v1/alerts/statistics",
    tag = "alerts",
    params(
        ("from" = Option<String>, Query, description = "Of alerts opened from this RFC 3339 time on; 30 days before `to` when absent"),
        ("to" = Option<String>, Query, description = "And before this time; now when absent"),
    ),
    responses(
        (status = 200, description = "The figures", body = StatisticsReply),
        (status = 400, description = "The period cannot be used", body = Problem),
    )
)]
pub(crate) async fn statistics(State(app): State<App>, uri: Uri) -> Result<Response, Problem> {
    let params = Params::of(&uri, &["from", "to"])?;
    let to = params.time("to")?.unwrap_or_else(|| app.engine().now());
    let from = params.time("from")?.unwrap_or_else(|| to.minus(PERIOD_MICROS));
    if from >= to {
        return Err(Problem::query("from", "from is not before to; send an earlier time"));
    }
    let (statistics, as_of) = {
        let views = app.engine().views();
        (views.alert_statistics(from, to), views.position())
    };
    Ok(Json(StatusCode::OK, statistics_reply(statistics, (from, to), as_of)).into_response())
}

fn statistics_reply(
    statistics: views::AlertStatistics,
    (from, to): (Timestamp, Timestamp),
    as_of: Position,
) -> StatisticsReply {
    let period = to.0.saturating_sub(from.0);
    StatisticsReply {
        from: Time(from),
        to: Time(to),
        all: ConditionReply::of(statistics.all, period),
        conditions: statistics.conditions.into_iter().map(|one| ConditionReply::of(one, period)).collect(),
        days: statistics.days.into_iter().map(|(day, opened)| DayReply { day: Date(day), opened }).collect(),
        partial: statistics.is_partial,
        as_of_position: as_of.0,
    }
}
