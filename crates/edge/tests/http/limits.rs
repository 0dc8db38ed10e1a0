//! Who may come in, and how much at once.

use crate::support::{Answer, FIVE_FIELDS, SECOND, Server, Setup, connect};
use bytes::Bytes;
use edge::{App, Auth, Settings};
use http_body_util::Full;
use hyper::Request;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

#[tokio::test]
async fn a_full_queue_pushes_back_and_loses_nothing() {
    let mut setup = Setup::default();
    setup.engine.queue_requests_max = 1;
    setup.engine.block_bytes = 1;
    let server = Server::with(setup).await;
    // Whoever is answered first holds up all that come after.
    let (go_on, wait) = std::sync::mpsc::channel::<()>();
    let mut batch = wire::Batch::new();
    batch.push_command(
        "a",
        "a",
        "",
        ledger::Key::default(),
        ledger::Timestamp(crate::support::START),
        ledger::Command::Expire,
    );
    server
        .app
        .engine()
        .submit(batch, move |_| {
            let _ = wait.recv();
        })
        .unwrap();

    let (sender, mut answers) = tokio::sync::mpsc::unbounded_channel();
    for id in 0..64 {
        let (address, sender) = (server.address, sender.clone());
        let body = FIVE_FIELDS.replacen('{', &format!("{{\"id\": \"{id}\", "), 1);
        let request =
            Request::post("/v1/events").header("host", "localhost").header("content-type", "application/json");
        let request = request.body(Full::new(Bytes::from(body))).unwrap();
        tokio::spawn(async move {
            let answer = Answer::of(connect(address).await.send_request(request).await.unwrap()).await;
            drop(sender.send(answer));
        });
    }
    drop(sender);
    let first = answers.recv().await.unwrap();
    assert_eq!((first.problem().0, first.problem().1), (429, "queue_full".into()), "nothing else can be answered yet");
    assert_eq!(first.header("retry-after"), "1");
    go_on.send(()).unwrap();
    let mut taken = 0;
    while let Some(answer) = answers.recv().await {
        match answer.status.as_u16() {
            201 => taken += 1,
            429 => {}
            other => panic!("{other}: {}", answer.text()),
        }
    }
    assert_eq!(server.shown("/v1/stock/SKU123/warehouse_A").await["on_hand_quantity"], -5 * taken);
    server.stop().await;
}

#[tokio::test]
async fn bodies_on_their_way_are_bounded_together_and_slow_ones_end() {
    let mut setup = Setup::default();
    setup.edge.bodies_bytes_max = 8192;
    setup.edge.body_timeout = std::time::Duration::from_millis(200);
    let server = Server::with(setup).await;
    let mut slow = TcpStream::connect(server.address).await.unwrap();
    let head =
        "POST /v1/events HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 8000\r\n\r\n";
    slow.write_all(head.as_bytes()).await.unwrap();
    let mut answer = String::new();
    slow.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 408") && answer.contains("body_timeout"), "{answer}");
    let large = format!("{FIVE_FIELDS}{}", " ".repeat(9000));
    let refused = server.post("/v1/events", large).await;
    assert_eq!((refused.problem().0, refused.problem().1), (429, "too_many_bodies".into()));
    assert_eq!(server.post("/v1/events", FIVE_FIELDS).await.status, 201, "the memory was given back");
    server.stop().await;
}

#[tokio::test]
async fn a_token_lets_in_its_bearer_and_whoever_signed_in() {
    let server = Server::with(Setup { auth: Auth::token("ann", "secret"), ..Setup::default() }).await;
    let send = |method: &str, path: &str, headers: &[(&str, &str)], body: &str| {
        let mut request = server.request(method, path).header("content-type", "application/json");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        server.send(request.body(Full::new(Bytes::copy_from_slice(body.as_bytes()))).unwrap())
    };
    let refused = send("GET", "/v1/stock", &[], "").await;
    assert_eq!((refused.problem().0, refused.problem().1), (401, "unauthenticated".into()));
    assert_eq!(refused.header("www-authenticate"), "Bearer");
    assert_eq!(send("GET", "/v1/stock", &[("authorization", "Bearer wrong")], "").await.problem().1, "wrong_token");
    assert_eq!(send("POST", "/v1/events", &[("authorization", "Bearer secret")], FIVE_FIELDS).await.status, 201);
    let page = send("GET", "/v1/stock", &[("accept", "text/html")], "").await;
    assert_eq!((page.status.as_u16(), page.header("location")), (303, "/sign-in"));
    assert_eq!(send("GET", "/healthz", &[], "").await.status, 200);
    assert_eq!(send("GET", "/readyz", &[], "").await.status, 200);
    assert_eq!(send("GET", "/metrics", &[], "").await.status, 401);

    let wrong = send("POST", "/sign-in", &[], "token=guess").await;
    assert_eq!((wrong.status.as_u16(), wrong.header("location")), (303, "/sign-in?wrong=1"));
    let signed_in = send("POST", "/sign-in", &[], "token=secret").await;
    let cookie = signed_in.header("set-cookie").to_owned();
    assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict") && cookie.contains("Path=/"), "{cookie}");
    let cookie = cookie.split(';').next().unwrap();
    assert!(!cookie.contains("secret"));
    assert_eq!(send("GET", "/v1/stock", &[("cookie", cookie)], "").await.status, 200);
    let entry = send("GET", "/v1/entries/1", &[("cookie", cookie)], "").await.json();
    assert_eq!((&entry["actor"], &entry["source"]), (&"ann".into(), &"ann".into()));
    let foreign = [("cookie", cookie), ("origin", "http://evil.example")];
    assert_eq!(send("POST", "/v1/events", &foreign, FIVE_FIELDS).await.problem().1, "cross_origin");
    let own = [("cookie", cookie), ("sec-fetch-site", "same-origin")];
    assert_eq!(send("POST", "/v1/events", &own, FIVE_FIELDS).await.status, 200, "a duplicate of the first");
    server.stop().await;
}

#[tokio::test]
async fn without_authentication_only_this_machine_is_answered() {
    let server = Server::start().await;
    let request = Request::get("/v1/stock").header("host", "evil.example").body(Full::<Bytes>::default()).unwrap();
    let refused = server.send(request).await;
    assert_eq!((refused.problem().0, refused.problem().1), (403, "host_not_allowed".into()));
    assert!(refused.header("content-security-policy").starts_with("default-src 'self'"));
    assert_eq!(refused.header("x-content-type-options"), "nosniff");
    assert_eq!(refused.header("x-frame-options"), "DENY");
    let form = server.request("POST", "/v1/events").header("origin", "http://evil.example");
    assert_eq!(server.send(form.body(Full::new(FIVE_FIELDS.into())).unwrap()).await.problem().1, "cross_origin");
    let named = server.request("GET", "/healthz").header("x-request-id", "mine-1");
    assert_eq!(server.send(named.body(Full::default()).unwrap()).await.header("x-request-id"), "mine-1");

    let public = TcpListener::bind("0.0.0.0:0").await.unwrap();
    let app = App::new(server.app.engine().clone(), Auth::None, Settings::default());
    assert_eq!(edge::serve(public, app).await.unwrap_err().code(), "ST0301");
    server.stop().await;
}

#[tokio::test]
async fn a_token_has_a_rate() {
    let mut setup = Setup { auth: Auth::token("ann", "secret"), ..Setup::default() };
    setup.edge.requests_per_second_max = Some(2);
    let server = Server::with(setup).await;
    let ask = || {
        let request = server.request("GET", "/v1/reasons").header("authorization", "Bearer secret");
        server.send(request.body(Full::default()).unwrap())
    };
    assert_eq!((ask().await.status.as_u16(), ask().await.status.as_u16()), (200, 200));
    assert_eq!(ask().await.problem().1, "rate_limited");
    server.set_clock(SECOND);
    assert_eq!(ask().await.status, 200);
    server.stop().await;
}

#[tokio::test]
async fn a_stopping_engine_refuses_work_and_serves_reads() {
    let mut server = Server::start().await;
    server.post("/v1/events", FIVE_FIELDS).await;
    server.engine.take().unwrap().shutdown().unwrap();
    let refused = server.post("/v1/events", FIVE_FIELDS).await;
    assert_eq!((refused.problem().0, refused.problem().1), (503, "stopping".into()));
    assert_eq!(refused.header("retry-after"), "5");
    assert_eq!(server.get("/readyz").await.problem().0, 503);
    assert_eq!(server.shown("/healthz").await["status"], "stopping");
    assert_eq!(server.shown("/v1/stock/SKU123/warehouse_A").await["on_hand_quantity"], -5);
    assert_eq!(server.shown("/v1/history").await["items"][0]["reversible"], serde_json::Value::Null);
    server.stop().await;
}

#[tokio::test]
async fn answers_are_packed_when_asked_for() {
    let server = Server::start().await;
    for packing in ["gzip", "zstd"] {
        let request = server.request("GET", "/openapi.json").header("accept-encoding", packing);
        let answer = server.send(request.body(Full::default()).unwrap()).await;
        assert_eq!(answer.header("content-encoding"), packing);
    }
    assert_eq!(server.get("/openapi.json").await.header("content-encoding"), "");
    server.stop().await;
}
