//! Channels against real receivers on loopback: what they are sent, and what follows from what they answer.

mod mail;

use super::deliver::{Step, Telling};
use super::*;
use crate::connect::Scheme;
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use follow::notices::{Filter, NoticeQuery, NoticeState, Outbox, What};
use ledger::{Position, Severity};
use serde_json::Value;
use std::collections::VecDeque;
use std::path::Path;
use std::sync::{Arc, Mutex};
use tokio::net::TcpListener;

/// 2026-02-16, 10:00 UTC.
const NOW: Timestamp = Timestamp(1_771_236_000_000_000);
const SECOND: i64 = 1_000_000;
const SECRETS: [&str; 2] = ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"];
/// Long enough for any answer of this machine.
const LONG: Duration = Duration::from_secs(60);

fn route(name: &str) -> Route {
    Route {
        name: name.into(),
        filter: Filter::default(),
        quiet: None,
        digest_micros: None,
        gathers_quiet: false,
        group_max: 1,
    }
}

fn notice(position: u64) -> Notice {
    let alert = Position(position);
    Notice {
        id: Notice::id_of(alert, What::Opened, alert),
        alert,
        what: What::Opened,
        condition: "low_stock".to_owned(),
        severity: Severity::Warning,
        subject: format!("SKU-{position} at warehouse_A/cold-1"),
        why: "4 are left & 10 should be: <order> some".to_owned(),
        owner: Some("ann".to_owned()),
        location: Some("warehouse_A/cold-1".to_owned()),
        product: Some(format!("SKU-{position}")),
        at: NOW,
        link: format!("/alerts/{position}"),
    }
}

/// What a receiver heard.
#[derive(Clone)]
struct Heard {
    headers: HeaderMap,
    body: Bytes,
}

impl Heard {
    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    fn header(&self, name: &str) -> &str {
        self.headers[name].to_str().unwrap()
    }
}

/// A status, a header and a text.
type Answer = (u16, &'static str, String);

/// A receiver that answers as it was told to, and then with 200.
#[derive(Clone, Default)]
struct Receiver {
    heard: Arc<Mutex<Vec<Heard>>>,
    answers: Arc<Mutex<VecDeque<Answer>>>,
}

impl Receiver {
    async fn start() -> (Self, String) {
        let receiver = Self::default();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let router = Router::new().fallback(Self::take).with_state(receiver.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        (receiver, format!("http://{address}/hook/hush"))
    }

    async fn take(State(receiver): State<Self>, headers: HeaderMap, body: Bytes) -> Response {
        receiver.heard.lock().unwrap().push(Heard { headers, body });
        let answer = receiver.answers.lock().unwrap().pop_front();
        let (status, header, text) = answer.unwrap_or((200, "", "ok".to_owned()));
        let mut response = (StatusCode::from_u16(status).unwrap(), text).into_response();
        if let Some((name, value)) = header.split_once(": ") {
            response.headers_mut().insert(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        response
    }

    fn answer(&self, status: u16, header: &'static str, text: &str) {
        self.answers.lock().unwrap().push_back((status, header, text.to_owned()));
    }

    fn heard(&self) -> Vec<Heard> {
        self.heard.lock().unwrap().clone()
    }
}

fn secrets(secrets: &[&str]) -> Vec<Signature> {
    secrets.iter().map(|secret| Signature::new(Scheme::StandardWebhooks, secret).unwrap()).collect()
}

fn webhook(url: &str, timeout: Duration) -> Channel {
    Channel::webhook(route("ops"), url, secrets(&SECRETS), timeout).unwrap()
}

fn telling(directory: &Path, channel: Channel) -> Arc<Telling> {
    let routes = vec![channel.route.clone()];
    let file = directory.join("notices.sqlite");
    let (outbox, _) = Outbox::open(&file, [7; 16], Position(1_000), routes, NOW).unwrap();
    Arc::new(Telling::new(outbox, vec![channel], "https://stock.example/".into()))
}

/// When a message that was not taken is sent again, and why it was not.
fn again(telling: &Telling) -> (Timestamp, String) {
    let query = NoticeQuery { state: Some(NoticeState::Pending), limit: 1, ..NoticeQuery::default() };
    let kept = telling.outbox().notices(&query).unwrap().remove(0);
    (kept.next_attempt_at, kept.last_error.unwrap_or_default())
}

fn taken(text: &str) -> Step {
    Step::Sent(Outcome::Taken(text.to_owned()))
}

#[tokio::test]
async fn a_webhook_is_signed_under_every_secret_and_sent_again_as_it_was() {
    let (receiver, url) = Receiver::start().await;
    let directory = tempfile::tempdir().unwrap();
    let telling = telling(directory.path(), webhook(&url, LONG));
    telling.outbox().record(&[notice(17)], Position(17), NOW).unwrap();
    receiver.answer(500, "", "broken");
    let not_taken =
        Outcome::NotTaken { why: "it answered 500 Internal Server Error: broken".to_owned(), not_before: None };
    assert_eq!(telling.step_of("ops", NOW).await.unwrap(), Step::Sent(not_taken));
    let (at, why) = again(&telling);
    assert_eq!(why, "it answered 500 Internal Server Error: broken");
    assert_eq!(telling.step_of("ops", NOW).await.unwrap(), Step::Wait(Some(at)));
    assert_eq!(telling.step_of("ops", at).await.unwrap(), taken("200 OK: ok"));
    assert_eq!(telling.step_of("ops", at).await.unwrap(), Step::Wait(None));

    let heard = receiver.heard();
    let [first, second] = &*heard else { panic!("two attempts") };
    assert_eq!(first.body, second.body);
    assert_eq!((first.header("webhook-id"), second.header("webhook-id")), ("alert-17-opened", "alert-17-opened"));
    assert_eq!(first.header("webhook-timestamp"), "1771236000");
    assert_eq!(second.header("webhook-timestamp"), (at.0 / SECOND).to_string());
    assert_eq!(first.header("content-type"), "application/json");
    for (heard, now) in [(first, NOW), (second, at)] {
        for secret in SECRETS {
            let signature = Signature::new(Scheme::StandardWebhooks, secret).unwrap();
            assert_eq!(signature.verify(&heard.headers, &heard.body, now), Ok(()), "{secret}");
        }
    }
    golden("webhook.json", &first.body);
}

#[tokio::test]
async fn a_receiver_that_hangs_or_is_not_there_is_tried_again_without_telling_its_address() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let hanging = format!("http://{}/hush", listener.local_addr().unwrap());
    let directory = tempfile::tempdir().unwrap();
    let telling_to = |name: &str, url: &str, timeout| {
        let directory = directory.path().join(name);
        std::fs::create_dir(&directory).unwrap();
        let telling = telling(&directory, webhook(url, timeout));
        telling.outbox().record(&[notice(1)], Position(1), NOW).unwrap();
        telling
    };
    let telling = telling_to("hangs", &hanging, Duration::from_millis(50));
    telling.step_of("ops", NOW).await.unwrap();
    assert_eq!(again(&telling).1, "no answer in 50ms");

    drop(listener);
    let telling = telling_to("absent", &hanging, LONG);
    telling.step_of("ops", NOW).await.unwrap();
    let (_, why) = again(&telling);
    assert!(why.contains("the request failed") && !why.contains("hush"), "{why}");
    let status = &telling.statuses().unwrap()[0];
    assert_eq!((status.record.failed_at, status.record.last_error.as_deref()), (Some(NOW), Some(&*why)));
    assert!(!format!("{:?}", status.channel).contains("hush"));
}

#[tokio::test]
async fn a_receiver_that_asks_to_wait_hears_nothing_until_then() {
    let (receiver, url) = Receiver::start().await;
    let directory = tempfile::tempdir().unwrap();
    let telling = telling(directory.path(), webhook(&url, LONG));
    telling.outbox().record(&[notice(1), notice(2)], Position(2), NOW).unwrap();
    receiver.answer(429, "retry-after: 120", "");
    telling.step_of("ops", NOW).await.unwrap();
    let until = NOW.plus(120 * SECOND);
    assert_eq!(telling.step_of("ops", NOW).await.unwrap(), Step::Wait(Some(until)));
    assert_eq!(telling.step_of("ops", until.minus(1)).await.unwrap(), Step::Wait(Some(until)));
    assert_eq!(telling.step_of("ops", until).await.unwrap(), taken("200 OK: ok"));
    assert_eq!(telling.step_of("ops", until).await.unwrap(), taken("200 OK: ok"));
    assert_eq!(receiver.heard().len(), 3);
}

#[tokio::test]
async fn a_receiver_that_is_gone_hears_nothing_until_the_next_start() {
    let (receiver, url) = Receiver::start().await;
    let directory = tempfile::tempdir().unwrap();
    let first = telling(directory.path(), webhook(&url, LONG));
    first.outbox().record(&[notice(1)], Position(1), NOW).unwrap();
    receiver.answer(410, "", "");
    assert_eq!(first.step_of("ops", NOW).await.unwrap(), Step::Sent(Outcome::Gone("410 Gone".to_owned())));
    assert_eq!(first.step_of("ops", NOW.plus(SECOND)).await.unwrap(), Step::Disabled);
    let status = &first.statuses().unwrap()[0];
    assert_eq!(status.disabled.as_deref(), Some("the receiver wants no more: it answered 410 Gone"));
    assert_eq!(status.record.pending, 1, "what waits is not lost");
    drop(first);
    let second = telling(directory.path(), webhook(&url, LONG));
    assert_eq!(second.step_of("ops", NOW).await.unwrap(), taken("200 OK: ok"));
}

#[tokio::test]
async fn redirects_are_not_followed_and_long_answers_not_read() {
    let (receiver, url) = Receiver::start().await;
    let directory = tempfile::tempdir().unwrap();
    let telling = telling(directory.path(), webhook(&url, LONG));
    telling.outbox().record(&[notice(1)], Position(1), NOW).unwrap();
    receiver.answer(307, "location: /elsewhere", "");
    telling.step_of("ops", NOW).await.unwrap();
    let (at, why) = again(&telling);
    assert_eq!((receiver.heard().len(), &*why), (1, "it answered 307 Temporary Redirect"));
    receiver.answer(200, "", &"x".repeat(1 << 20));
    assert_eq!(telling.step_of("ops", at).await.unwrap(), taken("200 OK"));
}

#[tokio::test]
async fn a_test_is_marked_and_leaves_what_waits_alone() {
    let (receiver, url) = Receiver::start().await;
    let directory = tempfile::tempdir().unwrap();
    let telling = telling(directory.path(), webhook(&url, LONG));
    telling.outbox().record(&[notice(1)], Position(1), NOW).unwrap();
    assert_eq!(telling.test("nobody", NOW).await, None);
    assert_eq!(telling.test("ops", NOW).await, Some(Outcome::Taken("200 OK: ok".to_owned())));
    let heard = receiver.heard();
    assert_eq!((heard.len(), heard[0].json()["type"].as_str()), (1, Some("test")));
    assert_eq!(telling.statuses().unwrap()[0].record.pending, 1);
}

#[tokio::test]
async fn a_digest_of_a_webhook_holds_each_notice_as_it_would_go_alone() {
    let (receiver, url) = Receiver::start().await;
    let directory = tempfile::tempdir().unwrap();
    let digest = Route { digest_micros: Some(60 * SECOND), ..route("ops") };
    let channel = Channel::webhook(digest, &url, secrets(&SECRETS[..1]), LONG).unwrap();
    let telling = telling(directory.path(), channel);
    telling.outbox().record(&[notice(1), notice(2)], Position(2), NOW).unwrap();
    telling.step_of("ops", NOW.plus(60 * SECOND)).await.unwrap();
    let heard = receiver.heard().remove(0);
    let json = heard.json();
    assert_eq!((&json["type"], &json["timestamp"]), (&"alert.digest".into(), &"2026-02-16T10:00:00Z".into()));
    let ids: Vec<&Value> =
        json["data"]["notices"].as_array().unwrap().iter().map(|notice| &notice["data"]["id"]).collect();
    assert_eq!(ids, ["alert-1-opened", "alert-2-opened"]);
    assert!(heard.header("webhook-id").starts_with("digest-"));
}

fn letter<'l>(notices: &'l [Notice], base: &'l str) -> Letter<'l> {
    Letter { id: &notices[0].id, notices, is_test: false, base, now: NOW }
}

/// A notice as long and as full of marks as may be.
fn nasty(position: u64) -> Notice {
    Notice {
        condition: "<!channel>&".repeat(400),
        subject: "\"\\<b>&*_`[a](javascript:b)\u{202e}".repeat(400),
        why: "<>&\"\\\n\u{1f4a5}".repeat(4_000),
        owner: Some("<@U1>&\"".repeat(400)),
        severity: Severity::Critical,
        what: What::Escalated,
        ..notice(position)
    }
}

#[test]
fn slack_gets_blocks_within_its_limits() {
    let resolved = Notice { what: What::Resolved, why: "the condition no longer holds".to_owned(), ..notice(2) };
    golden("slack.json", slack::body(&letter(&[notice(1)], "https://stock.example")).as_bytes());
    let digest = [notice(1), resolved];
    golden("slack-digest.json", slack::body(&letter(&digest, "")).as_bytes());

    let many: Vec<Notice> = (1..=20).map(nasty).collect();
    assert_eq!(many.len(), slack::NOTICES_MAX);
    let json: Value = serde_json::from_str(&slack::body(&letter(&many, "https://stock.example"))).unwrap();
    let blocks = json["blocks"].as_array().unwrap();
    assert!(blocks.len() <= 50, "{} blocks", blocks.len());
    for block in blocks.iter().filter(|block| block["type"] == "section") {
        let text = block["text"]["text"].as_str().unwrap();
        assert!(text.encode_utf16().count() <= 3_000, "{}", text.len());
        // What is left of '<' are our own dates and links.
        let marks: Vec<&str> = text.split('<').skip(1).map(|rest| rest.split(['^', ':']).next().unwrap()).collect();
        assert!(marks.iter().all(|mark| ["!date", "https"].contains(mark)), "{marks:?}");
    }
}

#[test]
fn teams_gets_an_adaptive_card_within_its_limits() {
    golden("teams.json", teams::body(&letter(&[notice(1)], "https://stock.example")).as_bytes());
    golden("teams-digest.json", teams::body(&letter(&[notice(1), notice(2)], "")).as_bytes());

    let many: Vec<Notice> = (1..=8).map(nasty).collect();
    assert_eq!(many.len(), teams::NOTICES_MAX);
    let body = teams::body(&letter(&many, "https://stock.example"));
    assert!(body.len() < 28 << 10, "{} bytes", body.len());
    let json: Value = serde_json::from_str(&body).unwrap();
    let card = &json["attachments"][0];
    assert_eq!(card["contentType"], "application/vnd.microsoft.card.adaptive");
    assert_eq!((&card["content"]["type"], &card["content"]["version"]), (&"AdaptiveCard".into(), &"1.4".into()));
    // A text block would read its text as Markdown.
    assert!(!body.contains("\"TextBlock\""));
}

/// Compares with a file, which `BLESS=1` rewrites.
fn golden(name: &str, text: &[u8]) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/notices").join(name);
    let json: Value = serde_json::from_slice(text).unwrap();
    let pretty = format!("{}\n", serde_json::to_string_pretty(&json).unwrap());
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(&file, &pretty).unwrap();
    }
    let committed = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(committed == pretty, "{name} is not what is sent; look at the difference after BLESS=1\n{pretty}");
}

#[test]
fn a_webhook_needs_a_secret() {
    assert!(Channel::webhook(route("ops"), "https://x", Vec::new(), LONG).unwrap_err().contains("no secret"));
}
