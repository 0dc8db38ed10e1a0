//! Posting to an address over HTTP or HTTPS, and what the answer means.

use super::{Outcome, words};
use crate::error::chain;
use crate::outbound::{self, OutboundError};
use axum::http::StatusCode;
use axum::http::header::{CONTENT_TYPE, RETRY_AFTER};
use ledger::Timestamp;
use reqwest::header::HeaderMap;
use reqwest::{Client, Url};
use std::time::Duration;

/// Bytes of an answer that are read.
const ANSWER_BYTES_MAX: usize = 64 << 10;
/// Bytes of an answer that are told.
const SAID_BYTES_MAX: usize = 200;

/// Where to post. Its path may be a secret.
pub(super) struct Address {
    url: Url,
    client: Client,
    timeout: Duration,
}

impl Address {
    /// Reads an address.
    ///
    /// # Errors
    /// What is wrong with it. The address itself is not told, for it may be a secret.
    pub(super) fn new(url: &str, timeout: Duration) -> Result<Self, String> {
        let url: Url = url.trim().parse().map_err(|_| "url is no address; write https://host/path".to_owned())?;
        if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none_or(str::is_empty) {
            return Err("url is no http or https address".to_owned());
        }
        let client = outbound::client().map_err(|error| chain(&error))?;
        Ok(Self { url, client, timeout })
    }

    /// Its scheme, host and port.
    pub(super) fn shown(&self) -> String {
        self.url.origin().ascii_serialization()
    }

    /// Posts JSON.
    pub(super) async fn post(&self, body: String, headers: &[(&'static str, String)], now: Timestamp) -> Outcome {
        let mut request = self.client.post(self.url.clone()).header(CONTENT_TYPE, "application/json");
        for (name, value) in headers {
            request = request.header(*name, value);
        }
        let answering = async {
            // The error would tell the whole address.
            let failed = |error: reqwest::Error| OutboundError::Request(error.without_url());
            let answer = request.body(body).send().await.map_err(failed)?;
            let (status, headers) = (answer.status(), answer.headers().clone());
            // Whoever answers at length or breaks off has answered: the status is what counts.
            let said = outbound::body(answer, ANSWER_BYTES_MAX).await.unwrap_or_default();
            Ok::<_, OutboundError>(read(status, &headers, &said, now))
        };
        let why = match tokio::time::timeout(self.timeout, answering).await {
            Ok(Ok(outcome)) => return outcome,
            Ok(Err(error)) => chain(&error),
            Err(_) => format!("no answer in {:?}", self.timeout),
        };
        Outcome::NotTaken { why, not_before: None }
    }
}

/// What an answer means.
///
/// # Source
/// Standard Webhooks 1.0, "Responding": any 2xx is a success, 410 asks for no more. RFC 9110, 10.2.3: `Retry-After`.
fn read(status: StatusCode, headers: &HeaderMap, body: &[u8], now: Timestamp) -> Outcome {
    let said = words::line(&String::from_utf8_lossy(body), SAID_BYTES_MAX);
    let told = if said.is_empty() { format!("{status}") } else { format!("{status}: {said}") };
    if status.is_success() {
        return Outcome::Taken(told);
    }
    if status == StatusCode::GONE {
        return Outcome::Gone(told);
    }
    let not_before = headers.get(RETRY_AFTER).and_then(|value| retry_after(value.to_str().ok()?, now));
    Outcome::NotTaken { why: format!("it answered {told}"), not_before }
}

/// When to come again: after some seconds, or at a date.
fn retry_after(text: &str, now: Timestamp) -> Option<Timestamp> {
    let text = text.trim();
    if let Ok(seconds) = text.parse::<u32>() {
        return Some(now.plus(i64::from(seconds) * 1_000_000));
    }
    let date = jiff::fmt::rfc2822::parse(text).ok()?;
    Some(Timestamp(date.timestamp().as_microsecond()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(1_771_236_000_000_000);

    #[test]
    fn answers_mean_what_the_standard_says() {
        let check = |status: u16, retry_after: &'static str, body: &str, expect: Outcome| {
            let mut headers = HeaderMap::new();
            if !retry_after.is_empty() {
                headers.insert(RETRY_AFTER, retry_after.parse().unwrap());
            }
            let status = StatusCode::from_u16(status).unwrap();
            assert_eq!(read(status, &headers, body.as_bytes(), NOW), expect, "{status} {retry_after}");
        };
        let not_taken = |why: &str, seconds: Option<i64>| Outcome::NotTaken {
            why: why.to_owned(),
            not_before: seconds.map(|seconds| NOW.plus(seconds * 1_000_000)),
        };
        check(200, "", "ok\n", Outcome::Taken("200 OK: ok".to_owned()));
        check(204, "", "", Outcome::Taken("204 No Content".to_owned()));
        check(302, "", "", not_taken("it answered 302 Found", None));
        check(410, "", "gone", Outcome::Gone("410 Gone: gone".to_owned()));
        check(429, "90", "", not_taken("it answered 429 Too Many Requests", Some(90)));
        check(503, "Mon, 16 Feb 2026 10:02:00 GMT", "", not_taken("it answered 503 Service Unavailable", Some(120)));
        check(500, "soon", "", not_taken("it answered 500 Internal Server Error", None));
    }

    #[test]
    fn an_address_is_never_told_whole() {
        let address = Address::new("https://hooks.example:444/services/T0/B0/hush?sig=hush", Duration::ZERO).unwrap();
        assert_eq!(address.shown(), "https://hooks.example:444");
        for url in ["", "hooks.example", "ftp://hooks.example/hush", "https://"] {
            let error = Address::new(url, Duration::ZERO).err().unwrap();
            assert!(!error.contains("hush"), "{error}");
        }
    }
}
