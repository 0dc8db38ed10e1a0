//! CSV and NDJSON files: how columns become fields, and how bad rows are kept.

use ledger::{Body, Event, EventKind, Quantity, Timestamp};
use wire::KeyHasher;
use wire::csv_in::{BadRow, Chunk, CsvEvents, Mapping, MappingError, NdjsonEvents};
use wire::event::{Defaults, Limits};

const DEFAULTS: Defaults<'_> = Defaults { actor: "ann", source: "file", historical: true, resolves: None };

fn open<'f>(file: &'f [u8], mapping: &Mapping) -> Result<CsvEvents<'static, &'f [u8]>, MappingError> {
    CsvEvents::new(file, mapping, "stock.csv", DEFAULTS, KeyHasher::new([0; 16]), Limits::default())
}

fn read(file: &[u8], mapping: &Mapping) -> Chunk {
    let mut events = open(file, mapping).expect("the mapping fits the file");
    events.next_batch(1000).expect("memory can be read").unwrap_or_default()
}

fn event(chunk: &Chunk, index: usize) -> Event<'_> {
    match chunk.batch.get(index).body {
        Body::Event(event) => event,
        Body::Command(command) => panic!("an event, not {command:?}"),
    }
}

/// `row code field` of each problem.
fn told(bad_rows: &[BadRow]) -> Vec<String> {
    let told = |bad: &BadRow| {
        let codes: Vec<String> =
            bad.problems.iter().map(|problem| format!("{} {}", problem.code, problem.field)).collect();
        format!("{} {}", bad.row, codes.join(", ")).trim().to_owned()
    };
    bad_rows.iter().map(told).collect()
}

fn mapping(toml: &str) -> Mapping {
    toml::from_str(toml).expect("a mapping")
}

#[test]
fn headers_that_are_fields_feed_them() {
    let file = b"\xef\xbb\xbfevent,product_id,location,quantity,timestamp,lot,serials,colour\r
item_added,A,w,2,2026-02-16T10:00:00Z,L1, s1 ; s2,red\r
\r
item_counted,\"B \"\"x\"\"\",w/bin,0,2026-02-16T10:00:00Z,,,\n";
    let chunk = read(file, &Mapping::default());
    assert_eq!(told(&chunk.bad_rows), [""; 0]);
    assert_eq!((chunk.rows.as_slice(), chunk.count), ([2, 4].as_slice(), 2));
    assert_eq!(event(&chunk, 0).serials, "s1\ns2");
    assert_eq!((event(&chunk, 1).product, event(&chunk, 1).lot), ("B \"x\"", ""));
}

#[test]
fn a_bad_row_spoils_only_itself() {
    let mut file = b"event,product_id,location,quantity,timestamp\n".to_vec();
    let good = "item_added,A,w,2,2026-02-16T10:00:00Z\n";
    for row in [good, "item_added,A,w\n", "item_added,\"A\"b,w,2,2026-02-16T10:00:00Z\n", "item_added,,w,x,now\n"] {
        file.extend_from_slice(row.as_bytes());
    }
    file.extend_from_slice(b"item_added,\xff,w,2,2026-02-16T10:00:00Z\n");
    file.extend_from_slice(b"item_added,\"A\nB\",w,2,2026-02-16T10:00:00Z\n");
    file.extend_from_slice(b"item_added,\"A,w,2,2026-02-16T10:00:00Z\n");
    file.extend_from_slice(good.as_bytes());
    let chunk = read(&file, &Mapping::default());
    assert_eq!(
        told(&chunk.bad_rows),
        [
            "3 uneven_row",
            "4 invalid_csv",
            "5 missing_field product_id, invalid_quantity quantity, invalid_timestamp timestamp",
            "6 invalid_utf8",
            "7 control_character product_id",
            "9 invalid_csv",
        ]
    );
    assert_eq!(chunk.rows, [2, 10]);
    assert_eq!(chunk.bad_rows[0].raw, "item_added,A,w");
    assert_eq!(chunk.bad_rows[0].problems[0].line, Some(3));
    assert_eq!(chunk.count, 8);
}

#[test]
fn opening_stock_is_imported_once() {
    let file = b"product_id,location,quantity,lot,expiry\nA,w,2.5,L,2026-12-31\n";
    let mapping = Mapping::opening_stock(Timestamp(1_771_236_000_000_000));
    let (first, second) = (read(file, &mapping), read(file, &mapping));
    let request = first.batch.get(0);
    assert_eq!(request.id, "stock.csv-2");
    assert_eq!(request.key, second.batch.get(0).key);
    let event = event(&first, 0);
    assert_eq!((event.kind, event.reason), (EventKind::ItemAdded, "opening_balance"));
    assert!(event.expiry.is_some());
}

#[test]
fn local_forms_of_numbers_and_times_are_read() {
    let mapping = mapping(
        r#"
        delimiter = ";"
        decimal_comma = true
        has_header = false
        timestamp_format = "%d.%m.%Y %H:%M"
        day_format = "%d.%m.%Y"
        time_zone = "Europe/Berlin"
        columns = { product_id = 1, quantity = 2, timestamp = 3, expiry = 4 }
        constants = { event = "item_added", location = "w" }
        "#,
    );
    let chunk =
        read(b"A;1.234,5;16.07.2026 10:00;31.12.2026\nA;1;29.03.2026 02:30;\nA;1;31.31.2026 1:00;32\n", &mapping);
    assert_eq!(event(&chunk, 0).quantity, Quantity::from_micros(1_234_500_000));
    let at = |index: usize| wire::time::render_timestamp(chunk.batch.get(index).occurred_at);
    assert_eq!((at(0).as_str(), at(1).as_str()), ("2026-07-16T08:00:00Z", "2026-03-29T01:30:00Z"));
    assert_eq!(told(&chunk.bad_rows), ["3 invalid_timestamp timestamp, invalid_date expiry"]);
}

#[test]
fn the_shipped_mapping_reads_the_web_shop() {
    let mapping = mapping(include_str!("../../../examples/uci_online_retail.toml"));
    let file = b"invoice_seq,item,quantity,ts,unit_price,customer,country
1,3908,6,2010-12-01T08:26,2.55,17850,United Kingdom
1,2742,1,2010-12-01T08:26,2.55,17850,United Kingdom
2,3908,-1,2011-05-01T09:00,2.55,17850,United Kingdom
3,3908,-5,2011-05-01T09:00,0,,United Kingdom
4,0,56,2011-05-01T09:00,0,,United Kingdom
";
    let chunk = read(file, &mapping);
    assert_eq!(told(&chunk.bad_rows), [""; 0]);
    assert_eq!((chunk.skipped, chunk.count, chunk.rows.as_slice()), (1, 5, [2, 4, 5, 6].as_slice()));
    let said = |index: usize| {
        let event = event(&chunk, index);
        format!("{} {} {} {}", event.kind.name(), event.product, event.quantity, event.reason)
    };
    assert_eq!(said(0), "item_removed 3908 6 sale");
    assert_eq!(said(1), "item_added 3908 1 return");
    assert_eq!(said(2), "item_adjusted 3908 -5 correction");
    assert_eq!(said(3), "item_added 0 56 found");
    assert_eq!(chunk.batch.get(0).id, "1-2");
    assert_eq!(wire::time::render_timestamp(chunk.batch.get(1).occurred_at), "2011-05-01T08:00:00Z");
}

#[test]
fn wrong_mappings_are_told() {
    let check = |toml: &str, expect: &str| {
        let error = open(b"a,b\n1,2\n", &mapping(toml)).expect_err(toml);
        assert_eq!(error.to_string(), expect);
    };
    check("columns = { product = 1 }", "the mapping feeds 'product', which no event has");
    check("columns = { locaton = 1 }", "the mapping feeds 'locaton', which no event has; did you mean 'location'?");
    check("columns = { location = \"c\" }", "the file has no column 'c'; it has a, b");
    check("columns = { location = 3 }", "the file has no column '3'; it has a, b");
    check("id = \"{a\"", "the id '{a' has a brace that is not closed");
    check("delimiter = \"é\"", "the delimiter 'é' is not one ASCII character other than a quote");
    let zone = "there is no time zone 'Mars'; name one such as 'Europe/Berlin' or '+02:00'";
    check("time_zone = \"Mars\"", zone);
    assert!(toml::from_str::<Mapping>("colums = {}").is_err());
}

#[test]
fn rules_can_set_rows_aside() {
    let mapping = mapping(
        "constants = { event = \"item_added\", location = \"w\", timestamp = \"2026-02-16T10:00:00Z\" }
        [[rules]]
        when = [{ column = \"product_id\", prefix = \"X\" }]
        then = \"hold\"",
    );
    let chunk = read(b"product_id,quantity\nX1,1\nA,1\n", &mapping);
    assert_eq!(told(&chunk.bad_rows), ["2 set_aside"]);
    assert_eq!(chunk.rows, [3]);
}

#[test]
fn batches_are_bounded_and_memory_too() {
    let good = "A,w,2\n".repeat(10);
    let file = format!("product_id,location,quantity\n{good}{},w,2\n{good}", "x".repeat(500));
    let limits = Limits { event_bytes_max: 100, ..Limits::default() };
    let mapping = Mapping::opening_stock(Timestamp(1_771_236_000_000_000));
    let mut events = CsvEvents::new(file.as_bytes(), &mapping, "f", DEFAULTS, KeyHasher::new([0; 16]), limits)
        .expect("the mapping fits the file");
    let mut counts = Vec::new();
    while let Some(chunk) = events.next_batch(8).expect("memory can be read") {
        assert!(chunk.bad_rows.iter().all(|bad| bad.problems[0].code == "too_large" && bad.row == 12));
        counts.push((chunk.batch.len(), chunk.bad_rows.len()));
    }
    assert_eq!(counts, [(8, 0), (7, 1), (5, 0)]);
}

#[test]
fn ndjson_files_are_read_in_batches() {
    let good =
        r#"{"event":"item_added","product_id":"A","location":"w","quantity":1,"timestamp":"2026-02-16T10:00:00Z"}"#;
    let file = format!("{good}\n\n{{\n{good}");
    let mut events = NdjsonEvents::new(file.as_bytes(), DEFAULTS, KeyHasher::new([0; 16]), Limits::default());
    let first = events.next_batch(2).expect("memory can be read").expect("rows");
    assert_eq!((first.rows.as_slice(), told(&first.bad_rows)), ([1].as_slice(), vec!["3 invalid_json".to_owned()]));
    let second = events.next_batch(2).expect("memory can be read").expect("rows");
    assert_eq!((second.rows.as_slice(), second.batch.len()), ([4].as_slice(), 1));
    assert!(events.next_batch(2).expect("memory can be read").is_none());
}
