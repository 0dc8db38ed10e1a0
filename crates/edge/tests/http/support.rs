//! A real server on a free port over an engine in a temporary directory, under a clock that stands still until it is
//! set; and a client that shows whole answers.

use bytes::Bytes;
use edge::notify::Channel;
use edge::{App, Auth, Settings};
use engine::{Clock, Engine, Follower};
use follow::sensing::Sensing;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use ledger::Timestamp;
use serde_json::Value;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// 2026-02-16T10:00:00Z, where the clock stands first.
pub(crate) const START: i64 = 1_771_236_000_000_000;
pub(crate) const SECOND: i64 = 1_000_000;
pub(crate) const DAY: i64 = 86_400 * SECOND;

/// The event that everybody tries first.
pub(crate) const FIVE_FIELDS: &str = r#"{"event": "item_removed", "product_id": "SKU123", "location": "warehouse_A", "quantity": 5,
 "timestamp": "2026-02-16T10:00:00Z"}"#;

/// How a server is set up.
pub(crate) struct Setup {
    pub(crate) auth: Auth,
    pub(crate) edge: Settings,
    pub(crate) engine: engine::Settings,
    /// Whether what devices say is followed.
    pub(crate) senses: bool,
    /// How people are told of alerts.
    pub(crate) channels: Vec<Channel>,
}

impl Default for Setup {
    fn default() -> Self {
        let engine = engine::Settings { segment_bytes: 1 << 20, ..engine::Settings::default() };
        Self { auth: Auth::None, edge: Settings::default(), engine, senses: false, channels: Vec::new() }
    }
}

pub(crate) struct Server {
    pub(crate) app: App,
    pub(crate) address: SocketAddr,
    pub(crate) engine: Option<Engine>,
    followers: Vec<Follower>,
    clock: Arc<AtomicI64>,
    serving: JoinHandle<Result<(), edge::Error>>,
    directory: Option<tempfile::TempDir>,
}

impl Server {
    pub(crate) async fn start() -> Self {
        Self::with(Setup::default()).await
    }

    pub(crate) async fn with(setup: Setup) -> Self {
        Self::over(tempfile::tempdir().unwrap(), Arc::new(AtomicI64::new(START)), setup).await
    }

    async fn over(directory: tempfile::TempDir, clock: Arc<AtomicI64>, setup: Setup) -> Self {
        let now = Arc::clone(&clock);
        let time = Clock::simulated(move || Timestamp(now.load(Ordering::SeqCst)));
        let engine = Engine::open(directory.path(), setup.engine, time, [7; 16], &mut |_| {}).unwrap();
        let (follower, repository) =
            follow::epcis::start(&directory.path().join("epcis.sqlite"), engine.handle()).unwrap();
        let mut app = App::new(engine.handle(), setup.auth, setup.edge).with_epcis(repository);
        let mut followers = vec![follower];
        if setup.senses {
            let sensing = Sensing::open(&directory.path().join("readings.sqlite"), engine.handle()).unwrap();
            let senses = sensing.senses();
            let started = Follower::start("sensing", engine.handle(), sensing).unwrap();
            app = app.with_senses(senses, started.progress());
            let (recorder, series) =
                follow::series::start(&directory.path().join("series.sqlite"), engine.handle()).unwrap();
            app = app.with_series(series);
            followers.extend([started, recorder]);
        }
        let routes = setup.channels.iter().map(|channel| channel.route.clone()).collect();
        let notices = directory.path().join("notices.sqlite");
        let (follower, outbox) = follow::notices::start(&notices, routes, engine.handle()).unwrap();
        app = app.with_channels(outbox, setup.channels);
        followers.push(follower);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let serving = tokio::spawn(edge::serve(listener, app.clone()));
        let (engine, directory) = (Some(engine), Some(directory));
        Self { app, address, engine, followers, clock, serving, directory }
    }

    /// Ends the server and starts another over the same directory, without its index of EPCIS events if that is lost.
    pub(crate) async fn restart(mut self, index_is_lost: bool) -> Self {
        let (directory, clock) = (self.directory.take().unwrap(), Arc::clone(&self.clock));
        let edge = self.app.settings().clone();
        self.stop().await;
        if index_is_lost {
            std::fs::remove_file(directory.path().join("epcis.sqlite")).unwrap();
        }
        Self::over(directory, clock, Setup { edge, ..Setup::default() }).await
    }

    /// Moves the clock on to `micros` after the start.
    pub(crate) fn set_clock(&self, micros: i64) {
        self.clock.store(START + micros, Ordering::SeqCst);
    }

    /// Ends the server and the engine; both must end well.
    pub(crate) async fn stop(mut self) {
        self.app.stop();
        self.serving.await.unwrap().unwrap();
        for follower in self.followers.drain(..) {
            follower.finish();
        }
        if let Some(engine) = self.engine.take() {
            engine.shutdown().unwrap();
        }
    }

    pub(crate) async fn connect(&self) -> SendRequest<Full<Bytes>> {
        connect(self.address).await
    }

    /// Sends a request as it is and gives the answer back unread.
    pub(crate) async fn open(&self, request: Request<Full<Bytes>>) -> Response<Incoming> {
        self.connect().await.send_request(request).await.unwrap()
    }

    pub(crate) fn request(&self, method: &str, path: &str) -> hyper::http::request::Builder {
        Request::builder().method(method).uri(path).header("host", self.address.to_string())
    }

    pub(crate) async fn send(&self, request: Request<Full<Bytes>>) -> Answer {
        Answer::of(self.open(request).await).await
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(self.request("GET", path).body(Full::default()).unwrap()).await
    }

    /// The answer to a GET that must succeed.
    pub(crate) async fn shown(&self, path: &str) -> Value {
        let answer = self.get(path).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
        answer.json()
    }

    pub(crate) async fn post(&self, path: &str, body: impl Into<Bytes>) -> Answer {
        self.post_as(path, "application/json", body).await
    }

    pub(crate) async fn post_as(&self, path: &str, content_type: &str, body: impl Into<Bytes>) -> Answer {
        let request = self.request("POST", path).header("content-type", content_type);
        self.send(request.body(Full::new(body.into())).unwrap()).await
    }

    pub(crate) async fn put(&self, path: &str, body: &str) -> Answer {
        let request = self.request("PUT", path).header("content-type", "application/json");
        self.send(request.body(Full::new(Bytes::copy_from_slice(body.as_bytes()))).unwrap()).await
    }

    /// Records an event of these fields, which must be accepted; answers its position.
    pub(crate) async fn event(&self, fields: &str) -> u64 {
        let answer = self.post("/v1/events", format!("{{{fields}}}")).await;
        assert_eq!(answer.status, 201, "{fields}: {}", answer.text());
        answer.json()["results"][0]["position"].as_u64().unwrap()
    }
}

pub(crate) async fn connect(address: SocketAddr) -> SendRequest<Full<Bytes>> {
    let stream = TcpStream::connect(address).await.unwrap();
    let (sender, connection) = handshake(TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    sender
}

/// An answer, read whole.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: hyper::HeaderMap,
    pub(crate) body: Bytes,
}

impl Answer {
    pub(crate) async fn of(response: Response<Incoming>) -> Self {
        let (parts, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        Self { status: parts.status, headers: parts.headers, body }
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    /// Status, code and field of a problem.
    pub(crate) fn problem(&self) -> (u16, String, String) {
        assert_eq!(self.header("content-type"), "application/problem+json", "{}", self.text());
        let json = self.json();
        let text = |name: &str| json[name].as_str().unwrap_or_default().to_owned();
        assert_eq!(json["status"], self.status.as_u16(), "{json}");
        assert!(!text("detail").is_empty() && !text("title").is_empty() && !text("type").is_empty(), "{json}");
        (self.status.as_u16(), text("code"), text("field"))
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}
