//! What the journal holds beside the events: captures, named queries and subscriptions, as JSON.
//!
//! Every later version reads it: members may be added, and mean what they mean for good.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What became of the events of one capture: the content of form `epcis_capture`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct CaptureJob {
    /// Its name.
    #[serde(rename = "captureID")]
    pub capture_id: String,
    /// When the document came, as RFC 3339.
    pub created_at: String,
    /// When all of it had been judged.
    pub finished_at: String,
    /// Whether no event was refused.
    pub success: bool,
    /// `rollback` or `proceed`.
    pub capture_error_behaviour: String,
    /// What went wrong, warnings included; the first hundred.
    pub errors: Vec<CaptureError>,
    /// How many more errors and warnings there were.
    pub more_errors: usize,
    /// Events that were recorded.
    pub captured: usize,
    /// Events that had been recorded before.
    pub duplicates: usize,
    /// For each recorded event that moved stock: its position, then those of the entries that it became.
    pub booked: Vec<Vec<u64>>,
}

/// One thing that went wrong in a capture.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct CaptureError {
    /// The standard's name for it, such as `epcisException:ValidationException`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The stable code in words.
    pub title: String,
    /// `error`, or `warning` when the event was recorded all the same.
    pub severity: String,
    /// The value at fault and the remedy.
    pub detail: String,
    /// Where in the document, such as `epcisBody/eventList/0/action`.
    pub path: String,
    /// Which event of the document, from 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub event: Option<usize>,
}

/// What happened to named queries and subscriptions: the content of form `epcis_query`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "happened", rename_all = "snake_case")]
pub enum QueryRecord {
    /// A query was given a name.
    Declared(NamedQuery),
    /// A query and its subscriptions are gone.
    Deleted {
        /// Which query.
        name: String,
    },
    /// Somebody subscribed to a query.
    Subscribed(Box<Subscription>),
    /// A subscription is gone.
    Unsubscribed {
        /// Which.
        id: String,
    },
    /// A subscriber has what was recorded up to a position.
    Delivered {
        /// Which subscription.
        id: String,
        /// Up to where.
        position: u64,
        /// When, as RFC 3339.
        at: String,
    },
}

/// A query under a name.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct NamedQuery {
    /// The name.
    pub name: String,
    /// What is asked: an object of parameters.
    pub query: Value,
    /// When it was given, as RFC 3339.
    #[serde(rename = "createdAt")]
    pub created_at: String,
}

/// Somebody who is told what a query finds.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Subscription {
    /// Its name.
    #[serde(rename = "subscriptionID")]
    pub subscription_id: String,
    /// The query.
    pub query_name: String,
    /// Where what it finds is sent: an http or https address.
    pub dest: String,
    /// What messages are signed with; empty when they are not.
    pub signature_token: String,
    /// Whether nothing found is worth a message.
    pub report_if_empty: bool,
    /// Events recorded before are not told, as RFC 3339; absent for those before the subscription.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub initial_record_time: Option<String>,
    /// When to ask; absent when it is told at once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub schedule: Option<ScheduleFields>,
    /// When somebody subscribed, as RFC 3339.
    pub created_at: String,
    /// Events at and before this position are not told.
    pub after: u64,
}

/// When a standing query is asked, field by field as the standard writes it: `5`, `0,30`, `[9-17]`; empty for any.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct ScheduleFields {
    /// 0 to 59.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub second: String,
    /// 0 to 59.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub minute: String,
    /// 0 to 23.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub hour: String,
    /// 1 to 31.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub day_of_month: String,
    /// 1 to 12.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub month: String,
    /// 1 (Monday) to 7.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub day_of_week: String,
}
