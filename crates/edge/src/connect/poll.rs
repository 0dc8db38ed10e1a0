//! Systems that are asked: their documents are fetched now and then and become events under a mapping.
//!
//! What was fetched before comes again, and counts once, for the ids of its events come from the document. A page that was
//! not taken whole is fetched again; an unchanged one (its `ETag`) costs nothing.

use super::Hook;
use super::document::Document;
use crate::App;
use crate::error::chain;
use crate::mqtt::Environment;
use crate::outbound::{self, OutboundError};
use axum::http::StatusCode;
use ledger::Timestamp;
use reqwest::header::{ETAG, HeaderMap, HeaderName, HeaderValue, IF_NONE_MATCH, LINK};
use std::time::Duration;
use wire::time::render_timestamp;

/// Pages of one look at most; the rest is found the next time.
const PAGES_MAX: usize = 1_000;
/// How long to wait after a look that failed, at first; twice as long after each further one, up to [`Poll::every`].
const AGAIN_AFTER: Duration = Duration::from_secs(5);

/// A system to ask.
#[derive(Clone, Debug)]
pub struct Poll {
    /// What its documents mean, and under which name they are held.
    pub hook: Hook,
    /// Where to ask. `{since}` stands for the time of the last whole look, less `overlap`.
    pub url: String,
    /// How often.
    pub every: Duration,
    /// How far back each look reaches beyond the last one, for documents that became visible late; the first look reaches
    /// back by it too.
    pub overlap: Duration,
    headers: Vec<(HeaderName, HeaderValue)>,
}

impl Poll {
    /// Asks `url` every so often, with no overlap and no headers.
    ///
    /// # Errors
    /// The address is none of HTTP or HTTPS, in words.
    pub fn new(hook: Hook, url: &str, every: Duration) -> Result<Self, String> {
        let is_web = reqwest::Url::parse(url).is_ok_and(|url| matches!(url.scheme(), "http" | "https"));
        if !is_web {
            return Err(format!("url {} is no http or https address", wire::problem::shown(url)));
        }
        Ok(Self { hook, url: url.to_owned(), every, overlap: Duration::ZERO, headers: Vec::new() })
    }

    /// Sends a header with each request, such as that of an access token; it is not shown in logs.
    ///
    /// # Errors
    /// The name or the value can't stand in a header, in words.
    pub fn header(&mut self, name: &str, value: &str) -> Result<(), String> {
        let parsed = name.parse::<HeaderName>().map_err(|_| format!("'{name}' is no name of a header"))?;
        let mut value =
            HeaderValue::from_str(value).map_err(|_| format!("the value of {name} can't be in a header"))?;
        value.set_sensitive(true);
        self.headers.push((parsed, value));
        Ok(())
    }
}

/// Why a look came to nothing, or to a part.
#[derive(Debug, thiserror::Error)]
enum LookError {
    #[error(transparent)]
    Outbound(#[from] OutboundError),
    #[error("{0} answers {1}")]
    Status(String, StatusCode),
    #[error("{0}")]
    NotTaken(String),
    #[error("the next page {0} is at another host")]
    OtherHost(String),
}

/// Asks until `App::stop`.
pub async fn poll(app: App, poll: Poll, environment: Environment) {
    let name = poll.hook.name.to_string();
    let mut stopping = app.stopping();
    let client = match outbound::client() {
        Ok(client) => client,
        Err(error) => {
            tracing::error!(poll = name, error = %chain(&error), "is not asked");
            return;
        }
    };
    let mut asker = Asker { app, poll, client, etag: None, since: None };
    let mut pause = AGAIN_AFTER;
    loop {
        let begun = (environment.now)();
        let waits = match asker.look().await {
            Ok(()) => {
                asker.since = Some(begun);
                pause = AGAIN_AFTER;
                asker.poll.every
            }
            Err(error) => {
                let waits = environment.jitter(pause.min(asker.poll.every));
                tracing::warn!(poll = name, error = %chain(&error), "asking again in {waits:?}");
                pause = (pause * 2).min(asker.poll.every);
                waits
            }
        };
        tokio::select! {
            () = tokio::time::sleep(waits) => {}
            // An error says that nobody can stop us any more, so that we should.
            _ = stopping.wait_for(|is_stopping| *is_stopping) => return,
        }
    }
}

struct Asker {
    app: App,
    poll: Poll,
    client: reqwest::Client,
    /// The address that was last asked and what tells its present content.
    etag: Option<(String, HeaderValue)>,
    since: Option<Timestamp>,
}

impl Asker {
    /// Fetches every page and takes it in.
    async fn look(&mut self) -> Result<(), LookError> {
        let now = self.app.engine().now();
        let overlap = i64::try_from(self.poll.overlap.as_micros()).unwrap_or(i64::MAX);
        let since = self.since.unwrap_or(now).minus(overlap);
        let first = self.poll.url.replace("{since}", &render_timestamp(since));
        let mut next = Some(first.clone());
        for _ in 0..PAGES_MAX {
            let Some(url) = next else { return Ok(()) };
            next = self.page(&first, &url).await?;
        }
        Ok(())
    }

    /// Fetches a page and takes it in; answers where the next one is.
    async fn page(&mut self, first: &str, url: &str) -> Result<Option<String>, LookError> {
        let mut request = self.client.get(url);
        for (name, value) in &self.poll.headers {
            request = request.header(name, value);
        }
        if let Some((known, etag)) = &self.etag
            && known == url
        {
            request = request.header(IF_NONE_MATCH, etag);
        }
        let answer = request.send().await.map_err(OutboundError::Request)?;
        if answer.status() == StatusCode::NOT_MODIFIED {
            return Ok(None);
        }
        if answer.status() != StatusCode::OK {
            return Err(LookError::Status(url.to_owned(), answer.status()));
        }
        let next = next_page(answer.headers(), url)?;
        let etag = answer.headers().get(ETAG).cloned();
        let headers = plain_headers(answer.headers());
        let body = outbound::body(answer, self.app.settings().body_bytes_max).await?;
        self.take(headers, &body).await?;
        // Only now: what was not taken whole must not be told to be unchanged.
        if url == first {
            self.etag = etag.filter(|_| next.is_none()).map(|etag| (url.to_owned(), etag));
        }
        Ok(next)
    }

    async fn take(&self, headers: Vec<(String, String)>, body: &[u8]) -> Result<(), LookError> {
        let actor = format!("poll:{}", self.poll.hook.name);
        let document = Document { hook: &self.poll.hook, actor: &actor, delivery: "poll", headers, body };
        let taken = document.take(&self.app, false).await.map_err(|problem| LookError::NotTaken(problem.detail))?;
        tracing::debug!(poll = &*self.poll.hook.name, accepted = taken.reply.accepted, "took a page in");
        Ok(())
    }
}

/// Where the next page is, by the `Link` header with `rel="next"`.
///
/// # Errors
/// It is at another host, which must not get our headers.
///
/// # Source
/// RFC 8288.
fn next_page(headers: &HeaderMap, url: &str) -> Result<Option<String>, LookError> {
    let links = headers.get_all(LINK).iter().filter_map(|value| value.to_str().ok());
    let next = links.flat_map(|value| value.split(',')).find_map(|link| {
        let (target, parameters) = link.trim().strip_prefix('<')?.split_once('>')?;
        let is_next = parameters.split(';').any(|parameter| {
            let (name, value) = parameter.trim().split_once('=').unwrap_or_default();
            name == "rel" && value.trim_matches('"').split(' ').any(|relation| relation == "next")
        });
        is_next.then(|| target.to_owned())
    });
    let Some(next) = next else { return Ok(None) };
    let base = reqwest::Url::parse(url).ok();
    match base.as_ref().and_then(|base| base.join(&next).ok()) {
        Some(absolute) if base.is_some_and(|base| base.origin() == absolute.origin()) => Ok(Some(absolute.into())),
        _ => Err(LookError::OtherHost(next)),
    }
}

/// Headers as a mapping sees them: names in small letters, values that are text.
fn plain_headers(headers: &HeaderMap) -> Vec<(String, String)> {
    let plain =
        |(name, value): (&HeaderName, &HeaderValue)| Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned()));
    headers.iter().filter_map(plain).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_page_is_where_the_link_says_and_at_the_same_host() {
        let next = |link: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(LINK, link.parse().unwrap());
            next_page(&headers, "https://shop.example/orders?page=1").map_err(|error| error.to_string())
        };
        let second = Ok(Some("https://shop.example/orders?page=2".to_owned()));
        assert_eq!(next("<https://shop.example/orders?page=2>; rel=\"next\""), second);
        assert_eq!(next("</first>; rel=\"prev\", </orders?page=2>; rel=\"x next\""), second);
        assert_eq!(next("</first>; rel=\"prev\""), Ok(None));
        assert!(next("<https://evil.example/>; rel=next").unwrap_err().contains("another host"));
        assert!(next("<http://shop.example/>; rel=next").unwrap_err().contains("another host"));
    }
}
