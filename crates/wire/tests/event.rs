//! Events as JSON: what is taken, what is refused and what is said about it.

mod strategies;

use ledger::{Body, Command, Event, EventKind, Quantity, Status, Timestamp};
use proptest::prelude::*;
use wire::event::{ContentKind, Defaults, Limits, Parsed, parse_cloud_event_binary, parse_events, render_event};
use wire::time::parse_timestamp;
use wire::{KeyHasher, Problem};

const DEFAULTS: Defaults<'_> = Defaults { actor: "ann", source: "api", historical: false, resolves: None };

fn hasher() -> KeyHasher {
    KeyHasher::new([1; 16])
}

fn parse(body: &str, kind: ContentKind) -> Parsed {
    parse_events(body.as_bytes(), kind, &DEFAULTS, &hasher(), &Limits::default())
}

/// `code field` of each problem.
fn told(problems: &[Problem]) -> Vec<String> {
    problems.iter().map(|problem| format!("{} {}", problem.code, problem.field).trim().to_owned()).collect()
}

/// Puts `change` into the five-field event and expects these problems of it; none at all is a taken event.
fn check(change: &[(&str, &str)], expect: &[&str]) {
    let mut members = vec![
        ("event", "\"item_removed\""),
        ("product_id", "\"SKU123\""),
        ("location", "\"warehouse_A\""),
        ("quantity", "5"),
        ("timestamp", "\"2026-02-16T10:00:00Z\""),
    ];
    for (name, json) in change {
        members.retain(|(known, _)| known != name);
        if !json.is_empty() {
            members.push((name, json));
        }
    }
    let members: Vec<String> = members.iter().map(|(name, json)| format!("{name:?}: {json}")).collect();
    let body = format!("{{{}}}", members.join(", "));
    let parsed = parse(&body, ContentKind::Json);
    assert_eq!(told(&parsed.problems), expect, "{body}\n{:#?}", parsed.problems);
    assert_eq!(parsed.batch.len(), usize::from(expect.is_empty()), "{body}");
    assert_eq!(parsed.count, 1);
}

#[test]
fn the_seed_event_is_read() {
    let parsed = parse(
        r#"{"event": "item_removed", "product_id": "SKU123", "location": "warehouse_A", "quantity": 5,
            "timestamp": "2026-02-16T10:00:00Z"}"#,
        ContentKind::Json,
    );
    assert_eq!(parsed.problems, []);
    let request = parsed.batch.get(0);
    assert_eq!((request.actor, request.source, request.id), ("ann", "api", ""));
    assert_eq!(Ok(request.occurred_at), parse_timestamp("2026-02-16T10:00:00Z"));
    let Body::Event(event) = request.body else { panic!("an event") };
    let expect = Event::new(EventKind::ItemRemoved, "SKU123", "warehouse_A", Quantity::units(5));
    assert_eq!(format!("{event:?}"), format!("{expect:?}"));
}

#[test]
fn what_an_event_may_say() {
    let long = format!("\"{}\"", "x".repeat(200));
    for change in [
        ("quantity", "5.0"),
        ("quantity", "1e3"),
        ("quantity", "\"2.5\""),
        ("quantity", "0.000001"),
        ("id", "\"A-1\""),
        ("id", long.as_str()),
        ("id", "null"),
        ("lot", "\"\""),
        ("lot", "\"L\\u00e91\\n\""),
        ("expiry", "\"2026-12-31\""),
        ("serials", "[\"a\", \"b\"]"),
        ("serials", "null"),
        ("status", "\"damaged\""),
        ("expected_at", "\"2026-02-20T00:00:00+01:00\""),
        ("location", "\"warehouse_A/cold-1/bin-07\""),
    ] {
        check(&[change], &[]);
    }
    check(&[("event", "\"item_counted\""), ("quantity", "0")], &[]);
    check(&[("event", "\"item_adjusted\""), ("quantity", "-5"), ("reason", "\"theft\"")], &[]);
    check(&[("event", "\"item_moved\""), ("to", "\"warehouse_B\"")], &[]);
    check(&[("event", "\"status_changed\""), ("to_status", "\"quarantined\"")], &[]);
    check(&[("event", "\"stock_reserved\""), ("id", "\"r-1\"")], &[]);
}

#[test]
fn what_is_refused_and_why() {
    let long = format!("\"{}\"", "x".repeat(300));
    for (name, json, expect) in [
        ("event", "", "missing_field event"),
        ("event", "\"\"", "empty_field event"),
        ("event", "7", "wrong_type event"),
        ("event", "\"item_remove\"", "unknown_kind event"),
        ("event", "\"tag_read\"", "missing_field epc"),
        ("product_id", "\"  \"", "empty_field product_id"),
        ("product_id", "123", "wrong_type product_id"),
        ("product_id", "\"a\\u0000b\"", "control_character product_id"),
        ("product_id", "null", "missing_field product_id"),
        ("location", "", "missing_field location"),
        ("location", "\"\"", "empty_field location"),
        ("location", "\"a//b\"", "invalid_location location"),
        ("location", "[]", "wrong_type location"),
        ("quantity", "", "missing_field quantity"),
        ("quantity", "null", "missing_field quantity"),
        ("quantity", "\"\"", "invalid_quantity quantity"),
        ("quantity", "\"five\"", "invalid_quantity quantity"),
        ("quantity", "\"NaN\"", "invalid_quantity quantity"),
        ("quantity", "true", "wrong_type quantity"),
        ("quantity", "{\"a\": 1}", "wrong_type quantity"),
        ("quantity", "0.0000001", "quantity_too_fine quantity"),
        ("quantity", "1e400", "quantity_too_large quantity"),
        ("quantity", "99999999999999", "quantity_too_large quantity"),
        ("quantity", "-5", "negative_quantity quantity"),
        ("quantity", "0", "zero_quantity quantity"),
        ("timestamp", "", "missing_field timestamp"),
        ("timestamp", "\"\"", "empty_field timestamp"),
        ("timestamp", "1771236000", "wrong_type timestamp"),
        ("timestamp", "\"2026-02-16T10:00:00\"", "invalid_timestamp timestamp"),
        ("timestamp", "\"1970-01-01T00:00:00Z\"", "timestamp_out_of_range timestamp"),
        ("id", long.as_str(), "too_long id"),
        ("id", "\"\\ud800\"", "invalid_json id"),
        ("expiry", "\"31.12.2026\"", "invalid_date expiry"),
        ("serials", "\"a\"", "wrong_type serials"),
        ("serials", "[1]", "wrong_type serials"),
        ("serials", "[\" \"]", "empty_field serials"),
        ("status", "\"fine\"", "unknown_status status"),
        ("prodct_id", "\"x\"", "unknown_field prodct_id"),
        ("lines", "[]", "unknown_field lines"),
    ] {
        check(&[(name, json)], &[expect]);
    }
    check(&[("event", "\"item_counted\""), ("quantity", "-1")], &["negative_quantity quantity"]);
    check(&[("event", "\"item_adjusted\""), ("quantity", "0"), ("reason", "\"x\"")], &["zero_quantity quantity"]);
    check(&[("event", "\"item_adjusted\"")], &["missing_field reason"]);
    check(&[("event", "\"item_moved\"")], &["missing_field to"]);
    check(&[("event", "\"item_moved\""), ("to", "\" \"")], &["empty_field to"]);
    check(&[("event", "\"status_changed\"")], &["missing_field to_status"]);
    check(&[("event", "\"reservation_released\"")], &["missing_field reservation_id"]);
}

#[test]
fn every_problem_of_an_event_is_told() {
    check(
        &[("product_id", ""), ("quantity", "-1"), ("timestamp", "\"now\""), ("colour", "1"), ("lot", "5")],
        &[
            "unknown_field colour",
            "missing_field product_id",
            "negative_quantity quantity",
            "invalid_timestamp timestamp",
            "wrong_type lot",
        ],
    );
    let parsed = parse(r#"{"event": "item_added", "event": "item_added"}"#, ContentKind::Json);
    assert_eq!(told(&parsed.problems)[0], "duplicate_field event");
    assert_eq!(parsed.problems.len(), 5);
    let parsed = parse(r#"{"event": "item_removd"}"#, ContentKind::Json);
    assert!(parsed.problems[0].detail.contains("did you mean 'item_removed'?"), "{:?}", parsed.problems[0]);
}

const PLAIN: &str =
    r#"{"event":"item_removed","product_id":"S","location":"w","quantity":5,"timestamp":"2026-02-16T10:00:00Z"}"#;

#[test]
fn a_bad_event_spoils_only_itself() {
    let body = format!("[{PLAIN}, 7, {PLAIN}, {{}}]");
    let parsed = parse(&body, ContentKind::Json);
    assert_eq!((parsed.count, parsed.batch.len()), (4, 2));
    assert_eq!(parsed.places, [0, 2]);
    assert_eq!(told(&parsed.problems[..2]), ["wrong_type", "missing_field event"]);
    assert_eq!(parsed.problems[0].index, Some(1));
    assert!(parsed.problems[1..].iter().all(|problem| problem.index == Some(3)));

    let body = format!("{PLAIN}\r\n\n{{\"event\": \n  \n{PLAIN}\n\"x\"\n{PLAIN}");
    let parsed = parse(&body, ContentKind::Ndjson);
    assert_eq!((parsed.count, parsed.batch.len()), (5, 3));
    assert_eq!(parsed.places, [0, 2, 4]);
    assert_eq!(told(&parsed.problems), ["invalid_json", "wrong_type"]);
    assert_eq!((parsed.problems[0].line, parsed.problems[1].line), (Some(3), Some(6)));

    let parsed = parse_events(b"{\"a\":\xff}\n", ContentKind::Ndjson, &DEFAULTS, &hasher(), &Limits::default());
    assert_eq!(told(&parsed.problems), ["invalid_utf8"]);
}

#[test]
fn a_broken_array_is_not_taken_by_half() {
    for body in [format!("[{PLAIN}, {PLAIN}"), format!("[{PLAIN},]"), format!("[{PLAIN}] x"), String::new()] {
        let parsed = parse(&body, ContentKind::Json);
        assert_eq!(parsed.batch.len(), 0, "{body}");
        assert_eq!(told(&parsed.problems), ["invalid_json"], "{body}");
    }
    let parsed = parse(&format!("[{PLAIN},\n oops]"), ContentKind::Json);
    assert!(parsed.problems[0].detail.contains("line 2"), "{:?}", parsed.problems[0]);
    assert_eq!(parse("[]", ContentKind::Json).problems, []);
    let deep = format!("[{}]", "[".repeat(100_000));
    assert_eq!(told(&parse(&deep, ContentKind::Json).problems), ["invalid_json"]);
}

#[test]
fn limits_hold() {
    let limits = Limits { events_max: 2, event_bytes_max: 120, serials_max: 1, lines_max: 1 };
    let check = |body: &str, kind, expect: &[&str]| {
        let parsed = parse_events(body.as_bytes(), kind, &DEFAULTS, &hasher(), &limits);
        assert_eq!(told(&parsed.problems), expect, "{body}");
    };
    check(&format!("{PLAIN}\n{PLAIN}\n{PLAIN}"), ContentKind::Ndjson, &["too_many_events"]);
    check(&format!("[{PLAIN},{PLAIN},{PLAIN}]"), ContentKind::Json, &["too_many_events"]);
    check(&PLAIN.replace("\"S\"", &format!("\"{}\"", "S".repeat(100))), ContentKind::Json, &["too_large"]);
}

#[test]
fn reservations_come_as_events_too() {
    let command = |body: &str| {
        let parsed = parse(body, ContentKind::Json);
        assert_eq!(parsed.problems, [], "{body}");
        match parsed.batch.get(0).body {
            Body::Command(command) => command.clone(),
            Body::Event(_) => panic!("a command"),
        }
    };
    let single = command(
        r#"{"event":"stock_reserved","product_id":"S","location":"w/b","quantity":2,"reference":"o-1",
            "expires_at":"2026-02-16T12:00:00Z","timestamp":"2026-02-16T10:00:00Z"}"#,
    );
    let Command::Reserve(reserve) = single else { panic!("{single:?}") };
    assert_eq!((&*reserve.reservation, &*reserve.warehouse, &*reserve.lines[0].location), ("o-1", "w", "w/b"));
    assert!(reserve.expires_at.is_some());
    let several = command(
        r#"{"event":"stock_reserved","location":"w","reservation_id":"o-2","timestamp":"2026-02-16T10:00:00Z",
            "lines":[{"product_id":"S","quantity":2},{"product_id":"T","quantity":"0.5","lot":"L"}]}"#,
    );
    let Command::Reserve(reserve) = several else { panic!("{several:?}") };
    assert_eq!(reserve.lines[1].quantity, Quantity::from_micros(500_000));
    let at = parse_timestamp("2026-02-16T10:00:00Z").expect("a time");
    for (body, asked) in
        [("reserve", Command::Reserve(reserve)), ("release", Command::Release { reservation: "r".into() })]
    {
        let mut batch = wire::Batch::new();
        batch.push_command("ann", "api", "1", ledger::Key::default(), at, asked);
        let text = render_event(&batch.get(0));
        let read = parse(&text, ContentKind::Json);
        assert_eq!(read.problems, [], "{body}: {text}");
        assert_eq!(format!("{:?}", read.batch.get(0).body), format!("{:?}", batch.get(0).body));
        assert_eq!(render_event(&read.batch.get(0)), text);
    }
    let end = command(r#"{"event":"reservation_fulfilled","reference":"o-2","timestamp":"2026-02-16T10:00:00Z"}"#);
    assert!(matches!(end, Command::Fulfil { reservation } if &*reservation == "o-2"));
}

#[test]
fn cloud_events_carry_events() {
    let envelope = |members: &str| {
        format!(
            r#"{{"specversion":"1.0","id":"e-1","source":"/till/3","type":"org.example.item_removed",
               "time":"2026-02-16T10:00:00Z","extension":7,{members}}}"#
        )
    };
    let data = r#""data":{"product_id":"S","location":"w","quantity":5}"#;
    let parsed = parse(&envelope(data), ContentKind::CloudEvent);
    assert_eq!(parsed.problems, []);
    let request = parsed.batch.get(0);
    assert_eq!((request.source, request.id), ("/till/3", "e-1"));
    let own = r#""data":{"event":"item_added","id":"x","product_id":"S","location":"w","quantity":5}"#;
    let batch =
        parse(&format!("[{},{}]", envelope(own), envelope(r#""data_base64":"aGk=""#)), ContentKind::CloudEventBatch);
    assert_eq!(told(&batch.problems), ["unsupported_encoding data_base64"]);
    assert_eq!(batch.batch.get(0).id, "x");
    assert_eq!(told(&parse(&envelope(r#""more":1"#), ContentKind::CloudEvent).problems), ["missing_field data"]);
    assert_eq!(told(&parse("7", ContentKind::CloudEvent).problems), ["wrong_type"]);
    let old = envelope(data).replace("1.0", "0.3");
    assert_eq!(told(&parse(&old, ContentKind::CloudEvent).problems), ["unsupported_version specversion"]);

    let headers = [("CE-SpecVersion", "1.0"), ("ce-id", "caf%C3%A9"), ("ce-source", "s"), ("content-type", "x")];
    let parsed = parse_cloud_event_binary(headers, PLAIN.as_bytes(), &DEFAULTS, &hasher(), &Limits::default());
    assert_eq!(parsed.problems, []);
    assert_eq!((parsed.batch.get(0).source, parsed.batch.get(0).id), ("s", "café"));
}

#[test]
fn without_an_id_the_content_is_the_key() {
    let key = |body: &str| parse(body, ContentKind::Json).batch.get(0).key;
    assert_eq!(key(PLAIN), key(&PLAIN.replace(":5,", ": 5.000,")));
    assert_ne!(key(PLAIN), key(&PLAIN.replace(":5,", ":6,")));
}

proptest! {
    #[test]
    fn parse_of_render_is_identity(owned in strategies::event()) {
        let mut request = owned.request();
        let text = render_event(&request);
        let defaults = Defaults {
            actor: request.actor,
            source: "elsewhere",
            historical: request.historical,
            resolves: request.resolves,
        };
        let parsed = parse_events(text.as_bytes(), ContentKind::Json, &defaults, &hasher(), &Limits::default());
        prop_assert_eq!(&parsed.problems, &[], "{}", text);
        let read = parsed.batch.get(0);
        request.key = read.key;
        prop_assert_eq!(format!("{:?}", read), format!("{:?}", request));
        prop_assert_eq!(render_event(&read), text);
    }

    #[test]
    fn garbage_never_panics(body in proptest::collection::vec(any::<u8>(), 0..200), text in "\\PC{0,100}") {
        for kind in [ContentKind::Json, ContentKind::Ndjson, ContentKind::CloudEvent, ContentKind::CloudEventBatch] {
            let _ = parse_events(&body, kind, &DEFAULTS, &hasher(), &Limits::default());
            let _ = parse(&text, kind);
        }
    }
}

#[test]
fn statuses_and_times_reach_the_request() {
    let body =
        PLAIN.replace("\"quantity\"", "\"status\":\"damaged\",\"expected_at\":\"2026-02-17T00:00:00Z\",\"quantity\"");
    let parsed = parse(&body, ContentKind::Json);
    let Body::Event(event) = parsed.batch.get(0).body else { panic!("an event") };
    assert_eq!(event.status, Status::Damaged);
    assert_eq!(event.expected_at, Some(Timestamp(1_771_286_400_000_000)));
}
