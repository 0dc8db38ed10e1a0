//! Subscribers to EPCIS queries are told what comes: by webhook, by a schedule, and over WebSockets.

use crate::support::{Answer, SECOND, Server, Setup};
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

const ROOT: &str = "/epcis/v2";

/// A subscriber that writes down what it is told, or fails.
struct Subscriber {
    address: SocketAddr,
    told: UnboundedReceiver<(Value, String)>,
    failed: UnboundedReceiver<()>,
    fails: Arc<AtomicBool>,
}

impl Subscriber {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (tell, told) = unbounded_channel();
        let (fail, failed) = unbounded_channel();
        let fails = Arc::new(AtomicBool::new(false));
        let failing = Arc::clone(&fails);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (tell, fail, failing) = (tell.clone(), fail.clone(), Arc::clone(&failing));
                let answer = service_fn(move |request: Request<hyper::body::Incoming>| {
                    let (tell, fail, failing) = (tell.clone(), fail.clone(), Arc::clone(&failing));
                    async move {
                        let signature = request.headers().get("gs1-signature");
                        let signature = signature.map_or_else(String::new, |value| value.to_str().unwrap().to_owned());
                        let body = request.into_body().collect().await?.to_bytes();
                        let mut answer = Response::new(Full::<Bytes>::default());
                        if failing.load(Ordering::SeqCst) {
                            *answer.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
                            let _ = fail.send(());
                        } else {
                            let _ = tell.send((serde_json::from_slice(&body).unwrap(), signature));
                        }
                        Ok::<_, hyper::Error>(answer)
                    }
                });
                tokio::spawn(hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), answer));
            }
        });
        Self { address, told, failed, fails }
    }

    fn dest(&self) -> String {
        format!("http://{}/told?by=stocktide", self.address)
    }

    /// The ids of the events of the next message.
    async fn next(&mut self) -> Vec<String> {
        ids(&self.told.recv().await.unwrap().0)
    }
}

fn ids(document: &Value) -> Vec<String> {
    assert_eq!(document["type"], "EPCISQueryDocument");
    let events = document["epcisBody"]["queryResults"]["resultsBody"]["eventList"].as_array().unwrap();
    events.iter().map(|event| event["eventID"].as_str().unwrap().to_owned()).collect()
}

async fn with_query() -> Server {
    let edge = edge::Settings { epcis_local_destinations: true, ..edge::Settings::default() };
    let server = Server::with(Setup { edge, ..Setup::default() }).await;
    let query = json!({"name": "shipped", "query": {"EQ_bizStep": ["shipping"]}});
    assert_eq!(server.post(&format!("{ROOT}/queries"), query.to_string()).await.status, 201);
    server
}

impl Server {
    async fn happened(&self, id: &str, step: &str) {
        let event = json!({
            "@context": "https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld",
            "type": "ObjectEvent", "eventID": id, "eventTime": "2026-02-16T10:00:00Z", "eventTimeZoneOffset": "+01:00",
            "action": "OBSERVE", "bizStep": step, "epcList": ["urn:epc:id:sgtin:4012345.011111.7"]
        });
        let answer = self.post(&format!("{ROOT}/events"), event.to_string()).await;
        assert_eq!(answer.status, 201, "{}", answer.text());
    }

    async fn subscribe(&self, body: Value) -> Answer {
        self.post(&format!("{ROOT}/queries/shipped/subscriptions"), body.to_string()).await
    }

    async fn delete(&self, path: &str) -> u16 {
        self.send(self.request("DELETE", path).body(Full::default()).unwrap()).await.status.as_u16()
    }
}

#[tokio::test]
async fn a_subscriber_is_told_at_once_in_order_and_signed() {
    let server = with_query().await;
    let mut subscriber = Subscriber::start().await;
    server.happened("urn:0", "shipping").await;
    let answer = server.subscribe(json!({"dest": subscriber.dest(), "signatureToken": "secret", "stream": true})).await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    assert_eq!((&answer.json()["stream"], &answer.json()["signatureToken"]), (&json!(true), &Value::Null));
    let path = answer.header("location").to_owned();
    server.happened("urn:1", "receiving").await;
    server.happened("urn:2", "shipping").await;
    let (document, signature) = subscriber.told.recv().await.unwrap();
    assert_eq!(ids(&document), ["urn:2"], "what was there before the subscription is not told");
    let results = &document["epcisBody"]["queryResults"];
    let id = answer.json()["subscriptionID"].clone();
    assert_eq!((&results["queryName"], &results["subscriptionID"]), (&json!("shipped"), &id));
    assert!(signature.starts_with("hmac-sha256=") && signature.len() == 12 + 64, "{signature}");
    server.happened("urn:3", "shipping").await;
    assert_eq!(subscriber.next().await, ["urn:3"]);

    let listed = server.shown(&format!("{ROOT}/queries/shipped/subscriptions")).await;
    assert_eq!(listed.as_array().unwrap().len(), 1);
    assert_eq!(server.delete(&path).await, 204);
    let gone = server.get(&path).await;
    assert_eq!((gone.status.as_u16(), &gone.json()["type"]), (404, &json!("epcisException:NoSuchNameException")));
    server.stop().await;
}

#[tokio::test]
async fn an_outage_of_the_subscriber_or_of_us_loses_nothing() {
    let server = with_query().await;
    let mut subscriber = Subscriber::start().await;
    server.happened("urn:0", "shipping").await;
    let asked = json!({"dest": subscriber.dest(), "stream": true, "initialRecordTime": "2026-02-16T10:00:00Z"});
    let answer = server.subscribe(asked).await;
    assert_eq!(subscriber.next().await, ["urn:0"], "what was recorded since the initial time is told");
    subscriber.fails.store(true, Ordering::SeqCst);
    server.happened("urn:1", "shipping").await;
    subscriber.failed.recv().await.unwrap();
    server.happened("urn:2", "shipping").await;
    subscriber.failed.recv().await.unwrap();
    subscriber.fails.store(false, Ordering::SeqCst);
    assert_eq!(subscriber.next().await, ["urn:1", "urn:2"]);

    subscriber.fails.store(true, Ordering::SeqCst);
    server.happened("urn:3", "shipping").await;
    subscriber.failed.recv().await.unwrap();
    let server = server.restart(true).await;
    subscriber.fails.store(false, Ordering::SeqCst);
    let mut told = subscriber.next().await;
    if told == ["urn:1", "urn:2"] {
        // It was told before, and we were stopped before we had written that down.
        told = subscriber.next().await;
    }
    assert_eq!(told, ["urn:3"]);
    server.happened("urn:4", "shipping").await;
    assert_eq!(subscriber.next().await, ["urn:4"]);
    let shown = server.shown(answer.header("location")).await;
    assert_eq!(shown["initialRecordTime"], "2026-02-16T10:00:00Z");
    assert_eq!(server.delete(&format!("{ROOT}/queries/shipped")).await, 204);
    assert_eq!(server.get(answer.header("location")).await.status, 404, "a query takes its subscriptions with it");
    server.stop().await;
}

#[tokio::test]
async fn a_schedule_asks_at_its_times() {
    let server = with_query().await;
    let mut subscriber = Subscriber::start().await;
    let asked = json!({"dest": subscriber.dest(), "schedule": {"minute": "5"}, "reportIfEmpty": true});
    let answer = server.subscribe(asked).await;
    assert_eq!(answer.json()["schedule"], json!({"minute": "5"}), "{}", answer.text());
    server.happened("urn:1", "shipping").await;
    server.happened("urn:2", "shipping").await;
    server.set_clock(301 * SECOND);
    assert_eq!(subscriber.next().await, ["urn:1", "urn:2"]);
    server.set_clock(3_901 * SECOND);
    assert_eq!(subscriber.next().await, [""; 0], "nothing came, and that is told");
    server.stop().await;
}

#[tokio::test]
async fn subscriptions_that_can_not_be_served_are_refused() {
    let server = with_query().await;
    let refused = |body: Value| {
        let server = &server;
        async move {
            let answer = server.subscribe(body).await;
            assert_eq!(answer.status, 400, "{}", answer.text());
            answer.json()["type"].as_str().unwrap().rsplit(':').next().unwrap().to_owned()
        }
    };
    let dest = "http://127.0.0.1:1/";
    assert_eq!(refused(json!({"dest": dest})).await, "SubscriptionControlsException");
    assert_eq!(
        refused(json!({"dest": dest, "stream": true, "schedule": {"hour": "1"}})).await,
        "SubscriptionControlsException"
    );
    assert_eq!(refused(json!({"dest": dest, "schedule": {"hour": "25"}})).await, "SubscriptionControlsException");
    assert_eq!(refused(json!({"dest": "mailto:ann", "stream": true})).await, "SubscriptionControlsException");
    assert_eq!(
        refused(json!({"dest": dest, "stream": true, "initialRecordTime": "now"})).await,
        "SubscriptionControlsException"
    );
    assert_eq!(refused(json!({"stream": true})).await, "ValidationException");
    let absent = json!({"dest": dest, "stream": true}).to_string();
    assert_eq!(server.post(&format!("{ROOT}/queries/none/subscriptions"), absent).await.status, 404);
    server.stop().await;

    let careful = Server::start().await;
    let query = json!({"name": "shipped", "query": {"EQ_bizStep": ["shipping"]}});
    careful.post(&format!("{ROOT}/queries"), query.to_string()).await;
    for dest in [dest, "http://localhost:9/", "http://10.0.0.1/", "https://[::1]/", "http://169.254.169.254/latest"] {
        let answer = careful.subscribe(json!({"dest": dest, "stream": true})).await;
        assert_eq!(answer.status, 400, "{dest}");
        assert!(answer.text().contains("--epcis-local-destinations"), "{}", answer.text());
    }
    careful.stop().await;
}

#[tokio::test]
async fn a_socket_is_told_what_comes() {
    use tokio_tungstenite::tungstenite::Message;
    use tokio_tungstenite::tungstenite::client::IntoClientRequest;
    let server = with_query().await;
    let address = server.address;
    let open = |query: &'static str, origin: Option<&'static str>| async move {
        let mut request = format!("ws://{address}{ROOT}/queries/shipped/events?{query}").into_client_request().unwrap();
        if let Some(origin) = origin {
            request.headers_mut().insert("origin", origin.parse().unwrap());
        }
        let stream = TcpStream::connect(address).await.unwrap();
        tokio_tungstenite::client_async(request, stream).await.map(|(socket, _)| socket)
    };
    assert!(open("stream=true", Some("http://evil.example")).await.is_err());
    assert!(open("", None).await.is_err(), "it must say when to be told");
    let mut socket = open("stream=true", None).await.unwrap();
    server.happened("urn:1", "receiving").await;
    server.happened("urn:2", "shipping").await;
    let message = next(&mut socket).await;
    let Message::Text(text) = message else { panic!("{message}") };
    assert_eq!(ids(&serde_json::from_str(&text).unwrap()), ["urn:2"]);
    let mut since = open("stream=true&initialRecordTime=2026-02-16T10:00:00Z", None).await.unwrap();
    let message = next(&mut since).await;
    assert_eq!(ids(&serde_json::from_str(message.to_text().unwrap()).unwrap()), ["urn:2"]);
    server.stop().await;
}

async fn next(socket: &mut tokio_tungstenite::WebSocketStream<TcpStream>) -> tokio_tungstenite::tungstenite::Message {
    tokio_stream::StreamExt::next(socket).await.unwrap().unwrap()
}
