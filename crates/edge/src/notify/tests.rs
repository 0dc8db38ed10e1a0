//! Channels against real receivers on loopback: what they are sent, and what follows from what they answer.

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
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

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

/// What a mail server was handed: the commands and the message.
type Mail = (Vec<String>, String);

/// A mail server that takes what comes, except that it answers commands that begin with the first text by the second.
async fn mail_server(refuses: (&'static str, &'static str)) -> (SocketAddr, Arc<Mutex<Vec<Mail>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let mails = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&mails);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(talk(stream, Arc::clone(&kept), refuses));
        }
    });
    (address, mails)
}

async fn talk(stream: TcpStream, mails: Arc<Mutex<Vec<Mail>>>, (refused, refusal): (&str, &str)) {
    let mut stream = BufReader::new(stream);
    stream.write_all(b"220 mail.example ESMTP\r\n").await.unwrap();
    let (mut commands, mut line) = (Vec::new(), String::new());
    while stream.read_line(&mut line).await.is_ok_and(|length| length > 0) {
        let command = std::mem::take(&mut line).trim_end().to_owned();
        commands.push(command.clone());
        let answer = match command.split(' ').next().unwrap_or_default() {
            _ if !refused.is_empty() && command.starts_with(refused) => format!("{refusal}\r\n"),
            "EHLO" => "250-mail.example\r\n250 8BITMIME\r\n".to_owned(),
            "DATA" => {
                stream.write_all(b"354 go on\r\n").await.unwrap();
                let mut mail = String::new();
                while stream.read_line(&mut line).await.unwrap() > 0 && line != ".\r\n" {
                    mail.push_str(&std::mem::take(&mut line));
                }
                line.clear();
                mails.lock().unwrap().push((std::mem::take(&mut commands), mail));
                "250 queued as 4F2\r\n".to_owned()
            }
            "QUIT" => "221 bye\r\n".to_owned(),
            _ => "250 fine\r\n".to_owned(),
        };
        if stream.write_all(answer.as_bytes()).await.is_err() {
            return;
        }
    }
}

fn email_settings(address: SocketAddr) -> EmailSettings {
    EmailSettings {
        host: address.ip().to_string(),
        port: Some(address.port()),
        security: Security::None,
        credentials: None,
        authorities: None,
        from: "Stocktide <stock@example.com>".to_owned(),
        to: vec!["Ann <ann@example.com>".to_owned(), "bob@example.com".to_owned()],
    }
}

#[tokio::test]
async fn mail_has_the_headers_and_both_forms_of_the_text() {
    let (address, mails) = mail_server(("", "")).await;
    let directory = tempfile::tempdir().unwrap();
    let digest = Route { digest_micros: Some(60 * SECOND), ..route("mail") };
    let channel = Channel::email(digest, email_settings(address), LONG).unwrap();
    assert_eq!(channel.destination(), "ann@example.com, bob@example.com");
    let telling = telling(directory.path(), channel);
    let critical = Notice { severity: Severity::Critical, ..notice(1) };
    telling.outbox().record(&[critical, notice(2), notice(3)], Position(3), NOW).unwrap();
    assert_eq!(telling.step_of("mail", NOW).await.unwrap(), taken("250 queued as 4F2"));
    let later = NOW.plus(60 * SECOND);
    assert_eq!(telling.step_of("mail", later).await.unwrap(), taken("250 queued as 4F2"));

    let mut mails = mails.lock().unwrap().clone();
    // Long lines are broken on the way, which readers of mail undo.
    mails.iter_mut().for_each(|(_, mail)| *mail = mail.replace("=\r\n", ""));
    let [(commands, alone), (_, digest)] = &*mails else { panic!("two messages") };
    for command in ["MAIL FROM:<stock@example.com>", "RCPT TO:<ann@example.com>", "RCPT TO:<bob@example.com>"] {
        assert!(commands.iter().any(|given| given.starts_with(command)), "{command} in {commands:?}");
    }
    for header in [
        "Message-ID: <alert-1-opened@example.com>\r\n",
        "References: <alert-1@example.com>\r\n",
        "Subject: [Stocktide] Critical: low stock: SKU-1 at warehouse_A/cold-1\r\n",
        "Date: Mon, 16 Feb 2026 10:00:00 +0000\r\n",
        "Auto-Submitted: auto-generated\r\n",
        "From: Stocktide <stock@example.com>\r\n",
        "To: Ann <ann@example.com>, bob@example.com\r\n",
        "Content-Type: text/plain; charset=utf-8\r\n",
        "Content-Type: text/html; charset=utf-8\r\n",
        "4 are left & 10 should be: <order> some\r\n",
        "https://stock.example/alerts/1\r\n",
        "4 are left &amp; 10 should be: &lt;order&gt; some",
    ] {
        assert!(alone.contains(header), "{header} in\n{alone}");
    }
    assert!(digest.contains("Subject: [Stocktide] 2 notices\r\n"), "{digest}");
    assert!(digest.contains("Message-ID: <digest-") && !digest.contains("References:"), "{digest}");
    assert!(digest.contains("SKU-2 at") && digest.contains("SKU-3 at"), "{digest}");
}

#[tokio::test]
async fn mail_that_is_refused_is_tried_again_with_the_servers_words() {
    for (refused, refusal) in
        [("RCPT TO:<bob", "550 no such user here"), ("MAIL", "451 try later"), ("EHLO", "421 closing")]
    {
        let (address, mails) = mail_server((refused, refusal)).await;
        let directory = tempfile::tempdir().unwrap();
        let channel = Channel::email(route("mail"), email_settings(address), LONG).unwrap();
        let telling = telling(directory.path(), channel);
        telling.outbox().record(&[notice(1)], Position(1), NOW).unwrap();
        telling.step_of("mail", NOW).await.unwrap();
        let (at, why) = again(&telling);
        let (code, words) = refusal.split_once(' ').unwrap();
        assert!(at > NOW && why.contains(code) && why.contains(words), "{why}");
        assert!(mails.lock().unwrap().is_empty());
    }
}

#[tokio::test]
async fn nothing_from_outside_ends_a_header_of_mail() {
    let (address, mails) = mail_server(("", "")).await;
    let channel = Channel::email(route("mail"), email_settings(address), LONG).unwrap();
    let nasty = Notice { subject: "SKU\r\nBcc: eve@example.com\r\n\r\n<b>ö".to_owned(), ..notice(1) };
    assert!(matches!(channel.send(&letter(&[nasty], "")).await, Outcome::Taken(_)));
    let (_, mail) = mails.lock().unwrap().remove(0);
    let (head, _) = mail.split_once("\r\n\r\n").unwrap();
    assert!(!head.contains("\r\nBcc"), "{head}");
}

#[test]
fn settings_of_mail_that_do_not_hold_are_told() {
    let check = |change: &dyn Fn(&mut EmailSettings), expect: &str| {
        let mut settings = email_settings("127.0.0.1:25".parse().unwrap());
        change(&mut settings);
        let error = Channel::email(route("mail"), settings, LONG).unwrap_err();
        assert!(error.contains(expect), "{error}");
    };
    check(&|settings| settings.from = "nobody".to_owned(), "from 'nobody' is no address");
    check(&|settings| settings.to = vec!["a b".to_owned()], "to 'a b' is no address");
    check(&|settings| settings.to.clear(), "to is empty");
    check(&|settings| settings.host = " ".to_owned(), "host is empty");
    check(&|settings| settings.host = "mail.example".to_owned(), "this machine only");
    let pem = |settings: &mut EmailSettings| {
        (settings.security, settings.authorities) = (Security::Tls, Some(b"no certificate".to_vec()));
    };
    check(&pem, "ca_file holds no certificate");
    assert!(Channel::webhook(route("ops"), "https://x", Vec::new(), LONG).unwrap_err().contains("no secret"));
}
