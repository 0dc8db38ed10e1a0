//! Every bad input is answered with what to mend: a status, a stable code, the field at fault.

use crate::support::{FIVE_FIELDS, Server, Setup};
use bytes::Bytes;
use http_body_util::Full;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// The five-field event with one field written otherwise.
fn with(field: &str, json: &str) -> String {
    let mut event: Vec<(&str, &str)> = vec![
        ("event", "\"item_removed\""),
        ("product_id", "\"SKU123\""),
        ("location", "\"warehouse_A\""),
        ("quantity", "5"),
        ("timestamp", "\"2026-02-16T10:00:00Z\""),
    ];
    event.retain(|(name, _)| *name != field);
    if !json.is_empty() {
        event.push((field, json));
    }
    let members: Vec<String> = event.iter().map(|(name, json)| format!("\"{name}\": {json}")).collect();
    format!("{{{}}}", members.join(", "))
}

#[tokio::test]
async fn single_events() {
    let server = Server::start().await;
    let long = format!("\"{}\"", "x".repeat(300));
    let table: Vec<(&str, String, u16, &str, &str)> = vec![
        ("no JSON", "item_removed SKU123".into(), 422, "invalid_json", ""),
        ("JSON that breaks off", FIVE_FIELDS[..60].into(), 422, "invalid_json", ""),
        ("nothing", String::new(), 422, "invalid_json", ""),
        ("two objects", format!("{FIVE_FIELDS} {FIVE_FIELDS}"), 422, "invalid_json", ""),
        ("a number", "5".into(), 422, "wrong_type", ""),
        ("a list that breaks off", format!("[{FIVE_FIELDS},"), 422, "invalid_json", ""),
        ("text for a number", with("quantity", "\"five\""), 422, "invalid_quantity", "quantity"),
        ("true for a number", with("quantity", "true"), 422, "wrong_type", "quantity"),
        ("a number for text", with("product_id", "5"), 422, "wrong_type", "product_id"),
        ("an object for text", with("location", "{}"), 422, "wrong_type", "location"),
        ("no product", with("product_id", ""), 422, "missing_field", "product_id"),
        ("no kind", with("event", ""), 422, "missing_field", "event"),
        ("no time", with("timestamp", ""), 422, "missing_field", "timestamp"),
        ("no quantity", with("quantity", ""), 422, "missing_field", "quantity"),
        ("an empty location", with("location", "\" \""), 422, "empty_field", "location"),
        ("a misspelt field", with("qty", "5"), 422, "unknown_field", "qty"),
        ("a seventh decimal", with("quantity", "0.0000001"), 422, "quantity_too_fine", "quantity"),
        ("1e400", with("quantity", "1e400"), 422, "quantity_too_large", "quantity"),
        ("NaN", with("quantity", "NaN"), 422, "invalid_json", ""),
        ("NaN as text", with("quantity", "\"NaN\""), 422, "invalid_quantity", "quantity"),
        ("a negative removal", with("quantity", "-5"), 422, "negative_quantity", "quantity"),
        ("nothing removed", with("quantity", "0"), 422, "zero_quantity", "quantity"),
        ("a 300-byte id", with("id", &long), 422, "too_long", "id"),
        ("a 300-byte product", with("product_id", &long), 422, "too_long", "product_id"),
        ("a control character", with("product_id", "\"SKU\\u0007\""), 422, "control_character", "product_id"),
        ("a NUL", with("location", "\"a\\u0000b\""), 422, "control_character", "location"),
        ("no path", with("location", "\"a//b\""), 422, "invalid_location", "location"),
        ("an unknown kind", with("event", "\"item_vanished\""), 422, "unknown_kind", "event"),
        ("a tag read without its tag", with("event", "\"tag_read\""), 422, "missing_field", "epc"),
        ("the year 0", with("timestamp", "\"0000-01-01T00:00:00Z\""), 422, "timestamp_out_of_range", "timestamp"),
        ("no offset", with("timestamp", "\"2026-02-16T10:00:00\""), 422, "invalid_timestamp", "timestamp"),
        ("31 February", with("timestamp", "\"2026-02-31T10:00:00Z\""), 422, "invalid_timestamp", "timestamp"),
        ("a number for a time", with("timestamp", "1771236000"), 422, "wrong_type", "timestamp"),
    ];
    for (name, body, status, code, field) in table {
        let is_single = !body.starts_with('[');
        let answer = server.post("/v1/events", body).await;
        assert_eq!(answer.problem(), (status, code.to_owned(), field.to_owned()), "{name}: {}", answer.text());
        if is_single {
            assert_eq!(answer.json()["results"][0]["problem"]["code"], code, "{name}");
            assert_eq!(answer.json()["rejected"], 1, "{name}");
        }
    }
    let next_week = server.post("/v1/events", with("timestamp", "\"2026-02-23T10:00:00Z\"")).await;
    assert_eq!(next_week.status, 202);
    assert_eq!(next_week.json()["results"][0]["problem"]["code"], "clock_ahead");
    assert_eq!(next_week.json()["results"][0]["problem"]["field"], "timestamp");
    let bytes = server.post("/v1/events", Bytes::from_static(b"{\"event\": \"\xff\"}")).await;
    assert_eq!(bytes.problem().1, "invalid_utf8");
    assert_eq!(server.shown("/v1/stock").await["items"], serde_json::json!([]), "nothing of it is in the books");
    server.stop().await;
}

#[tokio::test]
async fn requests_of_other_kinds() {
    let server = Server::start().await;
    let table = [
        ("GET", "/v1/nothing", "", 404, "not_found", ""),
        ("DELETE", "/v1/stock", "", 405, "method_not_allowed", ""),
        ("GET", "/v1/events", "", 405, "method_not_allowed", ""),
        ("GET", "/v1/stock?warehouse=w", "", 400, "invalid_query", "warehouse"),
        ("GET", "/v1/stock?limit=0", "", 400, "invalid_query", "limit"),
        ("GET", "/v1/stock?limit=2&limit=3", "", 400, "invalid_query", "limit"),
        ("GET", "/v1/stock?below=many", "", 400, "invalid_query", "below"),
        ("GET", "/v1/stock?status=lost", "", 400, "invalid_query", "status"),
        ("GET", "/v1/stock?as_of=yesterday", "", 400, "invalid_query", "as_of"),
        ("GET", "/v1/stock?cursor=x", "", 400, "invalid_cursor", "cursor"),
        ("GET", "/v1/stock/none", "", 404, "not_found", "product_id"),
        ("GET", "/v1/history?event=item_vanished", "", 400, "invalid_query", "event"),
        ("GET", "/v1/entries/1", "", 404, "not_found", "position"),
        ("GET", "/v1/entries/first", "", 404, "not_found", ""),
        ("POST", "/v1/events?dryrun=true", FIVE_FIELDS, 400, "invalid_query", "dryrun"),
        ("POST", "/v1/events?dry_run=maybe", FIVE_FIELDS, 400, "invalid_query", "dry_run"),
        ("POST", "/v1/entries/1/reverse", r#"{"reason": "wrong"}"#, 404, "not_found", "position"),
        ("POST", "/v1/reservations", "{}", 422, "missing_field", "warehouse_id"),
        ("POST", "/v1/reservations", "{", 422, "invalid_json", ""),
        ("POST", "/v1/reservations/none/fulfil", "", 404, "unknown_reservation", "reservation_id"),
        ("GET", "/v1/reservations/none", "", 404, "unknown_reservation", "reservation_id"),
        ("GET", "/v1/availability?product_id=a", "", 400, "invalid_query", "warehouse_id"),
        ("PUT", "/v1/products/A", r#"{"gtin": "123"}"#, 422, "invalid_gtin", "gtin"),
        ("PUT", "/v1/locations/a%2F%2Fb", "{}", 422, "invalid_location", "location"),
        ("PUT", "/v1/reasons/x", r#"{"counterpart": "moon"}"#, 422, "unknown_counterpart", "counterpart"),
        ("POST", "/v1/held/1/discard", r#"{"reason": "x"}"#, 404, "not_found", "position"),
    ];
    for (method, path, body, status, code, field) in table {
        let request = server.request(method, path).header("content-type", "application/json");
        let answer = server.send(request.body(Full::new(Bytes::from(body))).unwrap()).await;
        assert_eq!(answer.problem(), (status, code.to_owned(), field.to_owned()), "{method} {path}: {}", answer.text());
        assert!(!answer.header("x-request-id").is_empty());
    }
    let typed = server.post_as("/v1/events", "text/plain", FIVE_FIELDS).await;
    assert_eq!(typed.problem().0, 415);
    let curl = server.post_as("/v1/events", "application/x-www-form-urlencoded", FIVE_FIELDS).await;
    assert_eq!(curl.status, 201, "what curl says by itself");
    server.stop().await;
}

#[tokio::test]
async fn bodies_beyond_the_limit_and_bodies_that_break_off() {
    let mut setup = Setup::default();
    setup.edge.body_bytes_max = 1000;
    setup.edge.events.events_max = 3;
    let server = Server::with(setup).await;
    let large = format!("{FIVE_FIELDS}{}", " ".repeat(1000));
    assert_eq!(server.post("/v1/events", large.clone()).await.problem().1, "body_too_large");
    let packed = zstd::encode_all(large.as_bytes(), 0).unwrap();
    let request = server.request("POST", "/v1/events").header("content-encoding", "zstd");
    let answer = server.send(request.body(Full::new(Bytes::from(packed))).unwrap()).await;
    assert_eq!(
        (answer.problem().0, answer.problem().1),
        (413, "body_too_large".into()),
        "the limit is of what it unpacks to"
    );
    let many = server.post("/v1/events", "[{},{},{},{}]").await;
    assert_eq!((many.problem().0, many.problem().1), (413, "too_many_events".into()));

    let half = format!(
        "POST /v1/events HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 500\r\n\r\n{FIVE_FIELDS}"
    );
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    stream.write_all(half.as_bytes()).await.unwrap();
    stream.shutdown().await.unwrap();
    let mut answer = String::new();
    // Whether an answer still gets through is up to the connection; that nothing is taken is not.
    let _ = stream.read_to_string(&mut answer).await;
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 400"), "{answer}");
    assert_eq!(server.shown("/v1/stock").await["as_of_position"], 0);

    let headers = "x: y\r\n".repeat(150);
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    let head = format!("GET /healthz HTTP/1.1\r\nhost: localhost\r\n{headers}\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 431"), "{answer}");
    server.stop().await;
}
