//! `GET /v1/conditions`: what can be watched, with its settings and what to do about it.

use crate::App;
use crate::http::Problem;
use crate::http::json::Json;
use crate::http::page::PageReply;
use crate::http::query::Params;
use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde::Serialize;
use utoipa::ToSchema;
use watch::{CONDITIONS, ConditionInfo, Setting, SettingKind};

pub(crate) fn router() -> Router<App> {
    Router::new().route("/v1/conditions", get(list_conditions))
}

/// A condition that rules can set.
#[derive(Serialize, ToSchema)]
pub(crate) struct WatchableReply {
    #[schema(value_type = String)]
    condition: &'static str,
    /// What it says.
    #[schema(value_type = String)]
    says: &'static str,
    /// What its alerts are about: `stock`, `lot`, `account`, `device`, `shipment` or `system`.
    #[schema(value_type = String)]
    about: &'static str,
    /// How much its alerts matter unless a rule says otherwise.
    #[schema(value_type = String)]
    severity: &'static str,
    settings: Vec<SettingReply>,
    /// What to do about such an alert.
    #[schema(value_type = String)]
    remedy: &'static str,
}

/// A setting of a condition.
#[derive(Serialize, ToSchema)]
pub(crate) struct SettingReply {
    #[schema(value_type = String)]
    name: &'static str,
    /// What it says.
    #[schema(value_type = String)]
    says: &'static str,
    /// `quantity`, `number`, `flag`, `choice` or `text`.
    #[schema(value_type = String)]
    kind: &'static str,
    /// Of a number the least that is taken.
    #[serde(skip_serializing_if = "Option::is_none")]
    min: Option<f64>,
    /// Of a number the greatest that is taken.
    #[serde(skip_serializing_if = "Option::is_none")]
    max: Option<f64>,
    /// What a choice is among.
    #[serde(skip_serializing_if = "<[&str]>::is_empty")]
    #[schema(value_type = Vec<String>)]
    choices: &'static [&'static str],
    /// What it is unless a rule says otherwise; null for nothing.
    #[schema(value_type = Option<String>)]
    default: Option<&'static str>,
}

impl From<&Setting> for SettingReply {
    fn from(setting: &Setting) -> Self {
        let (kind, min, max, choices): (_, _, _, &[&str]) = match setting.kind {
            SettingKind::Quantity => ("quantity", None, None, &[]),
            SettingKind::Number(min, max) => ("number", Some(min), Some(max), &[]),
            SettingKind::Flag => ("flag", None, None, &[]),
            SettingKind::Choice(choices) => ("choice", None, None, choices),
            SettingKind::Text => ("text", None, None, &[]),
        };
        let default = Some(setting.default).filter(|text| !text.is_empty());
        Self { name: setting.name, says: setting.says, kind, min, max, choices, default }
    }
}

impl From<&ConditionInfo> for WatchableReply {
    fn from(info: &ConditionInfo) -> Self {
        Self {
            condition: info.name,
            says: info.says,
            about: info.about.name(),
            severity: info.severity.name(),
            settings: info.settings.iter().map(SettingReply::from).collect(),
            remedy: info.remedy,
        }
    }
}

/// What there is to know of the condition called `name`.
pub(crate) fn info(name: &str) -> Option<&'static ConditionInfo> {
    CONDITIONS.iter().find(|info| info.name == name)
}

/// What to do about an alert of this condition.
pub(crate) fn remedy(condition: &str) -> Option<&'static str> {
    info(condition).map(|info| info.remedy)
}

/// Lists what can be watched.
#[utoipa::path(
    get,
    path = "/v1/conditions",
    tag = "alerts",
    responses((status = 200, description = "All conditions", body = PageReply<WatchableReply>))
)]
pub(crate) async fn list_conditions(State(app): State<App>, uri: Uri) -> Result<Response, Problem> {
    Params::of(&uri, &[])?;
    let items = CONDITIONS.iter().map(WatchableReply::from).collect();
    let reply = PageReply { items, next: None, as_of_position: app.engine().position().0 };
    Ok(Json(StatusCode::OK, reply).into_response())
}
