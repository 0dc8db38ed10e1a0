//! From an alert in the journal to a receiver on loopback, and what the interface says of it on the way.

use crate::support::{Answer, SECOND, Server, Setup};
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use edge::connect::{Scheme, Signature};
use edge::notify::Channel;
use follow::notices::{Filter, Route};
use ledger::{Alert, AlertChange, AlertStep, AlertSubject, Command, Position, Severity, Timestamp};
use serde_json::Value;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::oneshot;
use wire::Batch;

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const PATIENCE: Duration = Duration::from_secs(60);

/// A receiver that tells what it heard: the id and the body; it answers as it was told to, and then with 204.
#[derive(Clone)]
struct Receiver {
    heard: UnboundedSender<(String, Value)>,
    answers: Arc<Mutex<VecDeque<StatusCode>>>,
    /// The next answer waits for this.
    held: Arc<Mutex<Option<oneshot::Receiver<()>>>>,
}

async fn take(State(receiver): State<Receiver>, headers: HeaderMap, body: Bytes) -> StatusCode {
    let id = headers["webhook-id"].to_str().unwrap().to_owned();
    let answer = receiver.answers.lock().unwrap().pop_front();
    receiver.heard.send((id, serde_json::from_slice(&body).unwrap())).unwrap();
    let held = receiver.held.lock().unwrap().take();
    if let Some(held) = held {
        held.await.unwrap();
    }
    answer.unwrap_or(StatusCode::NO_CONTENT)
}

struct Site {
    server: Server,
    receiver: Receiver,
    hears: UnboundedReceiver<(String, Value)>,
}

impl Site {
    async fn start() -> Self {
        let (heard, hears) = unbounded_channel();
        let receiver = Receiver { heard, answers: Arc::default(), held: Arc::default() };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hush", listener.local_addr().unwrap());
        let router = Router::new().fallback(take).with_state(receiver.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        let route = Route {
            name: "ops".into(),
            filter: Filter { severity_min: Severity::Warning, ..Filter::default() },
            quiet: None,
            digest_micros: None,
            gathers_quiet: false,
            group_max: 1,
        };
        let secret = Signature::new(Scheme::StandardWebhooks, SECRET).unwrap();
        let channel = Channel::webhook(route, &url, vec![secret], PATIENCE).unwrap();
        let server = Server::with(Setup { channels: vec![channel], ..Setup::default() }).await;
        Self { server, receiver, hears }
    }

    fn submit(&self, command: Command) -> Position {
        let handle = self.server.engine.as_ref().unwrap().handle();
        let key = handle.hasher().command("ann", &handle.position().to_string(), handle.now(), &command);
        let mut batch = Batch::new();
        batch.push_command("ann", "ann", "", key, handle.now(), command);
        assert_eq!(handle.submit_and_wait(batch).unwrap().exceptions().len(), 0);
        handle.position()
    }

    fn raise(&self, product: &str, severity: Severity) -> Position {
        let subject = AlertSubject { product: product.into(), ..AlertSubject::default() };
        let (condition, why) = ("low_stock".into(), "few are left".into());
        let alert = Alert { condition, subject, severity, why, since: Timestamp(0), ..Alert::default() };
        tokio::task::block_in_place(|| self.submit(Command::RaiseAlert(Box::new(alert))))
    }

    fn resolve(&self, alert: Position) -> Position {
        let step = AlertStep::Resolved { outcome: "cleared".into() };
        let change = AlertChange { alert, step, note: "".into() };
        tokio::task::block_in_place(|| self.submit(Command::ChangeAlert(Box::new(change))))
    }

    async fn hear(&mut self) -> (String, Value) {
        tokio::time::timeout(PATIENCE, self.hears.recv()).await.expect("it is told").unwrap()
    }

    /// Waits until the outbox is as `is_so` wants it, asking again whenever something was answered.
    async fn until(&self, path: &str, is_so: impl Fn(&Value) -> bool) -> Value {
        let asking = async {
            loop {
                let answer = self.server.shown(path).await;
                if is_so(&answer) {
                    return answer;
                }
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(PATIENCE, asking).await.expect("it comes to be so")
    }

    async fn post(&self, path: &str) -> Answer {
        self.server.post(path, "").await
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_alert_is_told_and_so_is_its_end() {
    let mut site = Site::start().await;
    site.raise("EGGS", Severity::Info);
    let milk = site.raise("MILK", Severity::Critical);
    let (id, body) = site.hear().await;
    assert_eq!(id, format!("alert-{milk}-opened"), "and nothing of what the channel does not want");
    assert_eq!((&body["type"], &body["data"]["severity"]), (&"alert.opened".into(), &"critical".into()));
    assert_eq!(body["data"]["why"], "few are left");
    let over = site.resolve(milk);
    let (id, body) = site.hear().await;
    assert_eq!(id, format!("alert-{milk}-resolved-{over}"));
    assert_eq!(body["type"], "alert.resolved");
    let listed = site.until("/v1/channels", |channels| channels["items"][0]["pending"] == 0).await;
    let channel = &listed["items"][0];
    for (name, expect) in [("name", "ops"), ("kind", "webhook"), ("state", "active"), ("severity_min", "warning")] {
        assert_eq!(channel[name], expect, "{channel}");
    }
    assert_eq!(channel["last_success_at"], "2026-02-16T10:00:00Z");
    assert!(!listed.to_string().contains("hush") && !listed.to_string().contains("whsec"), "{listed}");
    site.server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_taken_is_seen_and_can_be_sent_again_or_forgotten() {
    let mut site = Site::start().await;
    site.receiver.answers.lock().unwrap().extend([StatusCode::BAD_GATEWAY; 2]);
    let (milk, eggs) = (site.raise("MILK", Severity::Warning), site.raise("EGGS", Severity::Warning));
    site.hear().await;
    site.hear().await;
    let is_noted = |notices: &Value| {
        let items = notices["items"].as_array().unwrap();
        items.len() == 2 && items.iter().all(|notice| notice["attempts"] == 1)
    };
    let notices = site.until("/v1/notices?state=pending&channel=ops", is_noted).await;
    let notice = &notices["items"][0];
    assert_eq!(notice["id"], format!("alert-{eggs}-opened"));
    assert_eq!(notice["last_error"], "it answered 502 Bad Gateway");
    assert!(notice["next_attempt_at"].is_string() && notice["settled_at"].is_null(), "{notice}");
    let page = site.server.shown("/v1/notices?limit=1").await;
    let second = site.server.shown(&format!("/v1/notices?limit=1&cursor={}", page["next"].as_str().unwrap())).await;
    assert_eq!(second["items"][0]["id"], format!("alert-{milk}-opened"));

    let answer = site.post(&format!("/v1/notices/alert-{milk}-opened/retry?channel=ops")).await;
    assert_eq!((answer.status, &answer.json()["channels"]), (StatusCode::OK, &1.into()));
    assert_eq!(site.hear().await.0, format!("alert-{milk}-opened"));
    let answer = site.post(&format!("/v1/notices/alert-{eggs}-opened/discard")).await;
    assert_eq!(answer.status, 200);
    site.until("/v1/notices?state=pending", |notices| notices["items"] == Value::Array(Vec::new())).await;
    for path in ["/v1/notices/alert-9-opened/retry", "/v1/notices/alert-9-opened/discard"] {
        assert_eq!(site.post(path).await.problem(), (404, "not_found".to_owned(), "id".to_owned()));
    }
    let problem = site.server.get("/v1/notices?state=lost").await.problem();
    assert_eq!(problem, (400, "invalid_query".to_owned(), "state".to_owned()));
    site.server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_test_tells_what_the_receiver_said() {
    let mut site = Site::start().await;
    let answer = site.post("/v1/channels/ops/test").await.json();
    assert_eq!((&answer["taken"], &answer["answer"]), (&true.into(), &"204 No Content".into()));
    assert_eq!(site.hear().await.1["type"], "test");
    site.receiver.answers.lock().unwrap().push_back(StatusCode::UNAUTHORIZED);
    site.server.set_clock(SECOND);
    let answer = site.post("/v1/channels/ops/test").await.json();
    assert_eq!((&answer["taken"], &answer["answer"]), (&false.into(), &"it answered 401 Unauthorized".into()));
    let channel = site.server.shown("/v1/channels").await["items"][0].clone();
    assert_eq!(channel["last_success_at"], "2026-02-16T10:00:00Z", "{channel}");
    assert_eq!((&channel["last_error_at"], &channel["pending"]), (&"2026-02-16T10:00:01Z".into(), &0.into()));
    assert_eq!(site.post("/v1/channels/nobody/test").await.problem().0, 404);
    site.server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_page_has_a_test_and_what_is_not_taken_with_forms_that_need_no_script() {
    let mut site = Site::start().await;
    site.receiver.answers.lock().unwrap().push_back(StatusCode::BAD_GATEWAY);
    let milk = site.raise("<b>MILK</b>", Severity::Critical);
    site.hear().await;
    site.until("/v1/notices?state=pending", |notices| notices["items"][0]["attempts"] == 1).await;
    let page = site.server.get("/channels?state=pending").await;
    assert_eq!(page.status, 200);
    let html = page.text();
    for piece in [
        "data-channel=\"ops\"",
        "action=\"/channels/ops/test\"",
        "failing",
        "it answered 502 Bad Gateway",
        "&lt;b&gt;MILK",
        "warnings and what is critical",
        "href=\"/channels\" aria-current=\"page\"",
    ] {
        assert!(html.contains(piece), "{piece} in {html}");
    }
    assert!(!html.contains("hush") && !html.contains("whsec"), "{html}");
    let send =
        async |path: &str, form: String| site.server.post_as(path, "application/x-www-form-urlencoded", form).await;
    let answer = send("/channels/ops/test", String::new()).await;
    assert!(
        answer.text().contains("The test arrived") && answer.text().contains("204 No Content"),
        "{}",
        answer.text()
    );
    assert_eq!(send("/channels/nobody/test", String::new()).await.status, 404);
    let said = |said: &str| format!("id=alert-{milk}-opened&channel=ops&said={said}");
    let answer = send("/channels/notices", said("retry")).await;
    assert_eq!((answer.status.as_u16(), answer.header("location")), (303, "/channels?done=retry"));
    assert!(site.server.get("/channels?done=retry").await.text().contains("The notice is sent again."));
    site.until("/v1/notices?state=delivered", |notices| notices["items"][0]["attempts"] == 1).await;
    assert_eq!(send("/channels/notices", said("discard")).await.status, 404, "it was taken meanwhile");
    let foreign = site.server.request("POST", "/channels/ops/test").header("origin", "http://evil.example");
    let answer = site.server.send(foreign.body(http_body_util::Full::default()).unwrap()).await;
    assert_eq!(answer.status, 403, "a page of another site can't press our buttons");
    let Site { server, .. } = site;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_under_way_is_finished_when_the_server_stops() {
    let mut site = Site::start().await;
    let (release, held) = oneshot::channel();
    *site.receiver.held.lock().unwrap() = Some(held);
    let milk = site.raise("MILK", Severity::Warning);
    site.hear().await;
    let mut stopping = site.server.app.stopping();
    let answering = tokio::spawn(async move {
        stopping.wait_for(|is_stopping| *is_stopping).await.unwrap();
        release.send(()).unwrap();
    });
    let server = site.server.restart(false).await;
    answering.await.unwrap();
    let told = server.shown("/v1/notices?state=delivered").await;
    assert_eq!(told["items"][0]["id"], format!("alert-{milk}-opened"), "{told}");
    server.stop().await;
}
