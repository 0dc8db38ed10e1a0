//! `/v1/devices`: what readers, scales and sensors are, and how they are.

use crate::App;
use crate::auth::Principal;
use crate::http::json::{Json, Number, Time};
use crate::http::page::{ItemReply, PageReply};
use crate::http::path::Parted;
use crate::http::query::Params;
use crate::http::sensed::{caught_up, sensed};
use crate::http::submit::{self, Answer};
use crate::http::{Problem, body};
use axum::extract::{Request, State};
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Extension, Router};
use follow::sensing::{DeviceState, Senses, device_settings};
use intake::device::{Device, Health, Reason};
use ledger::{Catalog, Command, DeviceCard, Quantity, Timestamp};
use serde::Serialize;
use serde_json::value::RawValue;
use utoipa::ToSchema;

pub(crate) fn router() -> Router<App> {
    Router::new()
        .route("/v1/devices", get(list_devices))
        .route("/v1/devices/{device}", get(get_device).put(put_device))
        .merge(super::reads::router())
}

/// A device.
#[derive(Serialize, ToSchema)]
pub(crate) struct DeviceReply {
    /// Its name: the source under which it sends.
    device: Box<str>,
    /// Whether it was declared; otherwise it is known from what it sent only.
    declared: bool,
    /// What people call it; empty when nobody said.
    name: Box<str>,
    /// What it is; empty when nobody said.
    kind: Box<str>,
    /// Where it stands; empty when nobody said.
    location: Box<str>,
    /// How often it is expected to be heard; null when it speaks only when something happens.
    interval_seconds: Option<Number>,
    /// How its readings are to be understood; null for as they are.
    #[schema(value_type = Object)]
    settings: Option<Box<RawValue>>,
    health: HealthReply,
    /// When it was heard last.
    last_seen_at: Option<Time>,
    /// By how much its clock is behind ours, below zero ahead, in seconds: the median of its last 15 messages.
    clock_offset_seconds: Option<Number>,
    battery_percent: Option<Number>,
    /// The recent share of messages with an error.
    error_rate: Number,
    /// The recent share of messages that were lost.
    lost_rate: Number,
    messages: MessagesReply,
    /// Where the newest entry of it stands.
    last_position: Option<u64>,
}

/// How a device is.
#[derive(Serialize, ToSchema)]
pub(crate) struct HealthReply {
    /// `good`, `failing`, `silent` or `never_seen`.
    #[schema(value_type = String)]
    state: &'static str,
    /// What is wrong; empty when nothing is.
    reasons: Vec<ReasonReply>,
}

/// One thing that is wrong with a device.
#[derive(Serialize, ToSchema)]
pub(crate) struct ReasonReply {
    /// `never_seen`, `silent`, `clock_ahead`, `clock_behind`, `battery_low`, `losing` or `failing`.
    #[schema(value_type = String)]
    code: &'static str,
    /// The same in words, with its figures.
    detail: String,
}

/// Counts of a device's messages.
#[derive(Serialize, ToSchema)]
pub(crate) struct MessagesReply {
    received: u64,
    /// Numbers that were skipped and have not come since.
    lost: u64,
    /// Numbers that came again.
    duplicate: u64,
    /// Numbers that came after later ones.
    late: u64,
    /// Times that its numbers began anew.
    resets: u64,
    /// Messages with an error.
    errors: u64,
}

/// What is known of a device: its card, and how it is.
pub(crate) struct Known {
    pub(crate) card: DeviceCard,
    pub(crate) is_declared: bool,
    pub(crate) state: Option<DeviceState>,
    pub(crate) health: Health,
}

impl Known {
    /// What is known of the device called `name` at a time; `None` when it was never declared nor heard.
    pub(crate) fn of(name: &str, catalog: &Catalog, senses: &Senses, now: Timestamp) -> Option<Self> {
        let card = catalog.device(name);
        let heard = senses.device(name, now);
        if card.is_none() && heard.is_none() {
            return None;
        }
        let never = || Device::new(intake::device::Settings::default()).health(now);
        let (state, health) = heard.map_or_else(|| (None, never()), |(state, health)| (Some(state), health));
        let undeclared = || DeviceCard { device: name.into(), ..DeviceCard::default() };
        Some(Self { is_declared: card.is_some(), card: card.cloned().unwrap_or_else(undeclared), state, health })
    }

    /// Devices after `after` by name, declared or heard, `limit` at most.
    pub(crate) fn after(after: &str, limit: usize, catalog: &Catalog, senses: &Senses, now: Timestamp) -> Vec<Self> {
        let declared = catalog.devices().map(|card| &card.device).filter(|name| &***name > after).take(limit);
        let mut names: Vec<Box<str>> = declared.cloned().collect();
        names.extend(senses.devices_after(after, limit));
        names.sort_unstable();
        names.dedup();
        names.iter().take(limit).filter_map(|name| Self::of(name, catalog, senses, now)).collect()
    }

    /// `good`, `failing`, `silent` or `never_seen`.
    pub(crate) fn health_name(&self) -> &'static str {
        match self.health.reasons.first() {
            None => "good",
            Some(Reason::NeverSeen) => "never_seen",
            Some(Reason::Silent { .. }) => "silent",
            Some(_) => "failing",
        }
    }
}

/// The code of what is wrong, and the same in words.
pub(crate) fn reason(reason: &Reason) -> (&'static str, String) {
    let percent = |permille: u16| format!("{}.{} %", permille / 10, permille % 10);
    let span = |micros: i64| {
        let seconds = micros / 1_000_000;
        match seconds {
            0..120 => format!("{seconds} s"),
            120..7_200 => format!("{} min", seconds / 60),
            7_200..172_800 => format!("{} h", seconds / 3_600),
            _ => format!("{} days", seconds / 86_400),
        }
    };
    match *reason {
        Reason::NeverSeen => ("never_seen", "nothing was ever heard of it".to_owned()),
        Reason::Silent { for_micros, grace_micros } => {
            ("silent", format!("silent for {}; expected within {}", span(for_micros), span(grace_micros)))
        }
        Reason::ClockAhead { micros } => ("clock_ahead", format!("its clock is {} ahead", span(micros))),
        Reason::ClockBehind { micros } => {
            ("clock_behind", format!("its clock is {} behind, or its messages take as long", span(micros)))
        }
        Reason::BatteryLow { permille } => ("battery_low", format!("its battery is at {}", percent(permille))),
        Reason::Losing { permille } => ("losing", format!("{} of its recent messages were lost", percent(permille))),
        Reason::Failing { permille } => {
            ("failing", format!("{} of its recent messages had an error", percent(permille)))
        }
    }
}

/// Thousandths as a decimal.
fn permille(permille: u16) -> Number {
    Number(Quantity::from_micros(i64::from(permille) * 1_000))
}

impl From<Known> for DeviceReply {
    fn from(known: Known) -> Self {
        let state = known.health_name();
        let reasons = known.health.reasons.iter().map(reason).map(|(code, detail)| ReasonReply { code, detail });
        let health = HealthReply { state, reasons: reasons.collect() };
        let DeviceCard { device, name, kind, location, interval_micros, settings } = known.card;
        let heard = known.state.as_ref();
        let figures = heard.map(|state| &state.device);
        let tallies = figures.map(Device::tallies).unwrap_or_default();
        let micros = |micros: i64| Number(Quantity::from_micros(micros));
        let percent = |permille: u16| micros(i64::from(permille) * 100_000);
        Self {
            device,
            declared: known.is_declared,
            name,
            kind,
            location,
            interval_seconds: interval_micros.map(micros),
            settings: RawValue::from_string(settings.into()).ok(),
            health,
            last_seen_at: figures.and_then(Device::last_seen_at).map(Time),
            clock_offset_seconds: figures.and_then(Device::clock_offset_micros).map(micros),
            battery_percent: figures.and_then(Device::battery_permille).map(percent),
            error_rate: permille(figures.map_or(0, Device::errors_permille)),
            lost_rate: permille(figures.map_or(0, Device::lost_permille)),
            messages: MessagesReply {
                received: tallies.messages,
                lost: tallies.lost,
                duplicate: tallies.duplicates,
                late: tallies.late,
                resets: tallies.resets,
                errors: tallies.errors,
            },
            last_position: heard.map(|state| state.position.0),
        }
    }
}

/// Lists devices by name: those that were declared, and those that were heard.
#[utoipa::path(
    get,
    path = "/v1/devices",
    tag = "devices",
    params(
        ("limit" = Option<usize>, Query, description = "Items, at most 1,000; 100 when absent"),
        ("cursor" = Option<String>, Query, description = "The `next` of the page before"),
    ),
    responses(
        (status = 200, description = "Devices", body = PageReply<DeviceReply>),
        (status = 503, description = "Nobody follows what devices say", body = Problem),
    )
)]
pub(crate) async fn list_devices(State(app): State<App>, uri: Uri) -> Result<Response, Problem> {
    let params = Params::of(&uri, &["limit", "cursor"])?;
    let limit = params.limit(views::LIMIT_DEFAULT, views::LIMIT_MAX)?;
    let (sensed, as_of) = caught_up(&app).await?;
    let engine = app.engine();
    let after = params.text("cursor").unwrap_or_default();
    let known = Known::after(after, limit, engine.views().catalog(), &sensed.senses, engine.now());
    let next = (known.len() == limit).then(|| known.last().map(|known| known.card.device.to_string())).flatten();
    let items = known.into_iter().map(DeviceReply::from).collect();
    Ok(Json(StatusCode::OK, PageReply { items, next, as_of_position: as_of.0 }).into_response())
}

/// Shows a device.
#[utoipa::path(
    get,
    path = "/v1/devices/{device}",
    tag = "devices",
    params(("device" = String, Path, description = "The device, percent-encoded")),
    responses(
        (status = 200, description = "The device", body = ItemReply<DeviceReply>),
        (status = 404, description = "It was never declared nor heard", body = Problem),
        (status = 503, description = "Nobody follows what devices say", body = Problem),
    )
)]
pub(crate) async fn get_device(
    State(app): State<App>,
    Parted(name): Parted<String>,
    uri: Uri,
) -> Result<Response, Problem> {
    Params::of(&uri, &[])?;
    device_reply(&app, &name).await
}

async fn device_reply(app: &App, name: &str) -> Result<Response, Problem> {
    let (sensed, as_of) = caught_up(app).await?;
    let engine = app.engine();
    let known = Known::of(name, engine.views().catalog(), &sensed.senses, engine.now());
    let item = DeviceReply::from(known.ok_or_else(|| unknown_device(name))?);
    Ok(Json(StatusCode::OK, ItemReply { item, as_of_position: as_of.0 }).into_response())
}

pub(super) fn unknown_device(name: &str) -> Problem {
    let detail = format!("no device {} was ever declared or heard", wire::problem::shown(name));
    Problem::not_found(detail).of("device")
}

/// Says what a device is, and how its readings are to be understood.
#[utoipa::path(
    put,
    path = "/v1/devices/{device}",
    tag = "devices",
    params(("device" = String, Path, description = "The device, percent-encoded")),
    request_body = super::openapi::Device,
    responses(
        (status = 200, description = "The device as it is now known", body = ItemReply<DeviceReply>),
        (status = 422, description = "The card or its settings cannot be used", body = Problem),
        (status = 503, description = "Nobody follows what devices say", body = Problem),
    )
)]
pub(crate) async fn put_device(
    State(app): State<App>,
    Extension(principal): Extension<Principal>,
    Parted(name): Parted<String>,
    request: Request,
) -> Result<Response, Problem> {
    Params::of(request.uri(), &[])?;
    sensed(&app)?;
    let body = body::json(&app, request).await?;
    let card = wire::device::parse_device(&name, &body).map_err(|problems| Problem::of_body(&problems))?;
    device_settings(&card).map_err(|problem| Problem::of_body(&[problem]))?;
    let name = card.device.clone();
    let is_known = app.engine().views().catalog().device(&name) == Some(&card);
    if !is_known {
        let command = Command::DeclareDevice(Box::new(card));
        if let Answer::No(rejection) = submit::command(&app, &principal, "", command, false).await? {
            return Err(Problem::rejected(&rejection));
        }
    }
    device_reply(&app, &name).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_is_told_with_its_figures() {
        let check = |what: Reason, expect: &str| assert_eq!(reason(&what).1, expect);
        let minute = 60_000_000;
        check(Reason::NeverSeen, "nothing was ever heard of it");
        check(
            Reason::Silent { for_micros: 3 * 60 * minute, grace_micros: 3 * minute },
            "silent for 3 h; expected within 3 min",
        );
        check(Reason::ClockAhead { micros: 90_000_000 }, "its clock is 90 s ahead");
        check(
            Reason::ClockBehind { micros: 3 * 24 * 60 * minute },
            "its clock is 3 days behind, or its messages take as long",
        );
        check(Reason::BatteryLow { permille: 153 }, "its battery is at 15.3 %");
        check(Reason::Losing { permille: 60 }, "6.0 % of its recent messages were lost");
        check(Reason::Failing { permille: 1000 }, "100.0 % of its recent messages had an error");
    }
}
