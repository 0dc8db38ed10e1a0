//! Notices for programs: signed JSON.

use super::Letter;
use crate::connect::Signature;
use crate::http::json::{self, Time};
use follow::notices::Notice;
use serde::Serialize;

/// Notices of one message at most.
pub(super) const NOTICES_MAX: usize = 100;

/// A message.
///
/// # Source
/// Standard Webhooks 1.0, "Payload structure".
#[derive(Serialize)]
struct Event<T> {
    #[serde(rename = "type")]
    kind: String,
    timestamp: Time,
    data: T,
}

#[derive(Serialize)]
struct Told<'n> {
    id: &'n str,
    alert: u64,
    condition: &'n str,
    severity: &'static str,
    subject: &'n str,
    why: &'n str,
    owner: Option<&'n str>,
    location: Option<&'n str>,
    product_id: Option<&'n str>,
    path: &'n str,
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<String>,
}

#[derive(Serialize)]
struct Many<'n> {
    notices: Vec<Event<Told<'n>>>,
}

/// The body: the same whenever the letter is sent again.
pub(super) fn body(letter: &Letter<'_>) -> String {
    match letter.notices {
        [only] => json::text(&event(letter, only)),
        many => {
            let timestamp = Time(many.iter().map(|notice| notice.at).max().unwrap_or(letter.now));
            let notices = many.iter().map(|notice| event(letter, notice)).collect();
            json::text(&Event { kind: "alert.digest".to_owned(), timestamp, data: Many { notices } })
        }
    }
}

fn event<'n>(letter: &Letter<'_>, notice: &'n Notice) -> Event<Told<'n>> {
    let kind = if letter.is_test { "test".to_owned() } else { format!("alert.{}", notice.what.name()) };
    let data = Told {
        id: &notice.id,
        alert: notice.alert.0,
        condition: &notice.condition,
        severity: notice.severity.name(),
        subject: &notice.subject,
        why: &notice.why,
        owner: notice.owner.as_deref(),
        location: notice.location.as_deref(),
        product_id: notice.product.as_deref(),
        path: &notice.link,
        url: (!letter.base.is_empty()).then(|| format!("{}{}", letter.base, notice.link)),
    };
    Event { kind, timestamp: Time(notice.at), data }
}

/// What tells a receiver that the letter is ours, and which one it is.
///
/// # Source
/// Standard Webhooks 1.0, "Webhook metadata": the time is that of this attempt.
pub(super) fn headers(letter: &Letter<'_>, secrets: &[Signature], body: &str) -> [(&'static str, String); 3] {
    let at_seconds = letter.now.0.div_euclid(1_000_000);
    let signatures = secrets.iter().map(|secret| secret.sign(letter.id, at_seconds, body.as_bytes()));
    [
        ("webhook-id", letter.id.to_owned()),
        ("webhook-timestamp", at_seconds.to_string()),
        ("webhook-signature", signatures.collect::<Vec<_>>().join(" ")),
    ]
}
