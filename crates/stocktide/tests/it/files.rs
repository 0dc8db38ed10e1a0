//! Files in and out: imports, exports, verification, backups.

use crate::support::{Server, added, program, run, shared_data};
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

/// A story with a count, a scan that comes late for it, lots, a status, a move, an order, a reservation.
const STORY: &str = r#"
{"event":"item_added","product_id":"A","location":"w1/b1","quantity":100,"timestamp":"2026-02-16T08:00:00Z","id":"1","source":"s"}
{"event":"item_removed","product_id":"A","location":"w1/b1","quantity":7.5,"timestamp":"2026-02-16T09:00:00Z","id":"2","source":"s","reason":"sale"}
{"event":"item_counted","product_id":"A","location":"w1/b1","quantity":90,"timestamp":"2026-02-16T10:00:00Z","id":"3","source":"s"}
{"event":"item_removed","product_id":"A","location":"w1/b1","quantity":2.5,"timestamp":"2026-02-16T09:30:00Z","id":"4","source":"late"}
{"event":"item_removed","product_id":"A","location":"w1/b1","quantity":4,"timestamp":"2026-02-16T10:30:00Z","id":"5","source":"s"}
{"event":"item_added","product_id":"B","location":"w1","lot":"L1","expiry":"2027-01-31","quantity":20,"timestamp":"2026-02-16T08:00:00Z","id":"6","source":"s"}
{"event":"item_moved","product_id":"B","location":"w1","to":"w1/cold","lot":"L1","quantity":12,"timestamp":"2026-02-16T08:30:00Z","id":"7","source":"s"}
{"event":"status_changed","product_id":"B","location":"w1/cold","lot":"L1","status":"available","to_status":"quarantined","quantity":3,"timestamp":"2026-02-16T08:40:00Z","id":"8","source":"s"}
{"event":"item_adjusted","product_id":"B","location":"w1/cold","lot":"L1","quantity":-1,"reason":"damage","timestamp":"2026-02-16T08:50:00Z","id":"9","source":"s"}
{"event":"purchase_order_placed","product_id":"C","location":"w2","quantity":50,"reference":"PO-1","expected_at":"2026-03-01T00:00:00Z","timestamp":"2026-02-16T08:00:00Z","id":"10","source":"s"}
{"event":"purchase_order_received","product_id":"C","location":"w2/dock","quantity":30,"reference":"PO-1","timestamp":"2026-02-17T08:00:00Z","id":"11","source":"s"}
{"event":"shipment_dispatched","product_id":"C","location":"w2/dock","to":"w1","quantity":10,"reference":"SH-1","timestamp":"2026-02-18T08:00:00Z","id":"12","source":"s"}
{"event":"shipment_received","product_id":"C","location":"w1/dock","quantity":9,"reference":"SH-1","timestamp":"2026-02-19T08:00:00Z","id":"13","source":"s"}
{"event":"stock_reserved","reservation_id":"R-1","location":"w2","product_id":"C","quantity":5,"timestamp":"2026-02-19T09:00:00Z","id":"14","source":"s"}
{"event":"reservation_fulfilled","reservation_id":"R-1","timestamp":"2026-02-19T10:00:00Z","id":"15","source":"s"}
{"event":"stock_reserved","reservation_id":"R-2","location":"w2","product_id":"C","quantity":4,"timestamp":"2026-02-19T11:00:00Z","id":"16","source":"s"}
{"event":"item_added","product_id":"D","location":"w2","quantity":6,"serials":["d1","d2","d3","d4","d5","d6"],"timestamp":"2026-02-19T12:00:00Z","id":"17","source":"s"}
"#;

struct Place {
    root: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        Self { root: tempfile::tempdir().expect("a directory can be made") }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    fn text(&self, name: &str) -> String {
        self.path(name).to_str().expect("a path in UTF-8").to_owned()
    }

    fn file(&self, name: &str, content: &str) -> String {
        fs::write(self.path(name), content).expect("the file can be written");
        self.text(name)
    }

    /// Stock levels of a directory, without the column that says at which position.
    fn levels(&self, data: &str) -> Vec<String> {
        let ran = run(["export", "stock", "--data", &self.text(data)]).ended_with(0);
        ran.stdout.lines().map(|line| line.rsplit_once(',').expect("columns").0.to_owned()).collect()
    }

    fn summary(&self, arguments: &[&str]) -> serde_json::Value {
        let ran = run([arguments, &["--json"]].concat()).ended_with(0);
        let last = ran.stdout.lines().last().expect("a summary");
        serde_json::from_str::<serde_json::Value>(last).expect("JSON")["summary"].clone()
    }
}

fn counts(summary: &serde_json::Value) -> [u64; 6] {
    ["rows", "accepted", "duplicate", "held", "rejected", "skipped"]
        .map(|name| summary[name].as_u64().expect("a count"))
}

#[test]
fn good_rows_go_in_bad_ones_are_held_and_the_same_file_again_changes_nothing() {
    let place = Place::new();
    let file = place.file(
        "sales.csv",
        "item;qty;booked;note\nSKU1;5;16.02.2026 10:00;x\nSKU2;much;16.02.2026 10:01;x\nSKU3;1,5;16.02.2026 10:02;x\n;1;never;x\n",
    );
    let data = place.text("data");
    let arguments = [
        "import",
        &file,
        "--data",
        &data,
        "--delimiter",
        ";",
        "--decimal-comma",
        "--column",
        "product_id=item",
        "--column",
        "quantity=2",
        "--column",
        "timestamp=booked",
        "--constant",
        "event=item_added",
        "--constant",
        "location=shop",
        "--timestamp-format",
        "%d.%m.%Y %H:%M",
        "--time-zone",
        "Europe/Berlin",
    ];
    let rehearsed = place.summary(&[&arguments[..], &["--dry-run"]].concat());
    assert_eq!(counts(&rehearsed), [4, 2, 0, 2, 0, 0]);
    assert!(!place.path("data").exists(), "a dry run makes nothing");
    let ran = run(arguments).ended_with(0);
    for part in ["invalid_quantity", "'much'", "invalid_timestamp", "missing_field", "sales.csv"] {
        assert!(ran.stdout.contains(part), "{part}: {}", ran.stdout);
    }
    let again = place.summary(&arguments);
    assert_eq!(counts(&again), [4, 0, 4, 0, 0, 0]);
    assert_eq!(
        place.levels("data")[1..],
        ["SKU1,shop,,,available,5,each,0,shop", "SKU3,shop,,,available,1.5,each,0,shop"]
    );
    let server = Server::start(&place.path("data"));
    let held = server.call("GET", "/v1/held", "").json();
    let held = held["items"].as_array().unwrap();
    assert_eq!(held.len(), 2);
    assert!(held.iter().any(|held| held["raw"] == "SKU2;much;16.02.2026 10:01;x"), "{held:?}");
}

#[test]
fn a_dry_run_on_a_directory_changes_nothing() {
    let place = Place::new();
    let (story, data) = (place.file("story.ndjson", STORY), place.text("data"));
    assert_eq!(counts(&place.summary(&["import", &story, "--data", &data])), [17, 17, 0, 0, 0, 0]);
    let before = run(["verify", "--json", "--data", &data]).ended_with(0).stdout;
    let more = place.file("more.ndjson", &added("E", "99"));
    assert_eq!(counts(&place.summary(&["import", &more, "--dry-run", "--data", &data])), [1, 1, 0, 0, 0, 0]);
    let preview = run(["reverse", "5", "--reason", "wrong", "--dry-run", "--data", &data]).ended_with(0).stdout;
    assert!(preview.contains("change") && preview.contains("later entr"), "{preview}");
    assert_eq!(run(["verify", "--json", "--data", &data]).ended_with(0).stdout, before);
}

#[test]
fn events_that_were_exported_give_the_same_stock_elsewhere() {
    let place = Place::new();
    let (story, data) = (place.file("story.ndjson", STORY), place.text("data"));
    run(["import", &story, "--data", &data]).ended_with(0);
    // A sale, then the count itself, are undone.
    run(["reverse", "5", "--reason", "scanned twice", "--data", &data]).ended_with(0);
    run(["reverse", "3", "--reason", "miscounted", "--data", &data]).ended_with(0);
    let (events, copy) = (place.text("events.ndjson"), place.text("copy"));
    run(["export", "events", "--data", &data, "--output", &events]).ended_with(0);
    let summary = place.summary(&["import", &events, "--data", &copy]);
    assert_eq!(counts(&summary)[2..], [0, 0, 0, 0], "{summary}");
    assert_eq!(place.levels("copy"), place.levels("data"));
    assert!(place.levels("data").len() > 6);
}

#[test]
fn stock_that_was_exported_opens_another_directory() {
    let place = Place::new();
    let lines = ["item_added", "item_added"].iter().enumerate();
    let text: String = lines.map(|(index, _)| added(&format!("SKU{index}"), &index.to_string()) + "\n").collect();
    let (events, data) = (place.file("events.jsonl", &text), place.text("data"));
    run(["import", &events, "--data", &data]).ended_with(0);
    let (stock, copy) = (place.text("stock.csv"), place.text("copy"));
    run(["export", "stock", "--data", &data, "--output", &stock]).ended_with(0);
    let opening = ["import", &stock, "--opening-stock", "--as-of", "2026-01-01T00:00:00Z", "--data", &copy];
    assert_eq!(counts(&place.summary(&opening)), [2, 2, 0, 0, 0, 0]);
    assert_eq!(counts(&place.summary(&opening)), [2, 0, 2, 0, 0, 0]);
    assert_eq!(place.levels("copy"), place.levels("data"));
}

#[test]
fn entries_are_exported_by_position_and_time() {
    let place = Place::new();
    let (story, data) = (place.file("story.ndjson", STORY), place.text("data"));
    run(["import", &story, "--data", &data]).ended_with(0);
    let lines = |arguments: &[&str]| {
        let ran = run([&["export", "--data", &data][..], arguments].concat()).ended_with(0);
        ran.stdout.lines().map(str::to_owned).collect::<Vec<_>>()
    };
    // The seventeen events, and the alerts that stand behind them.
    let all = lines(&[]);
    let of_alerts = all.iter().filter(|line| line.contains(r#""event":"alert_"#)).count();
    assert_eq!((all.len() - of_alerts, of_alerts > 0), (17, true));
    let some = lines(&["--from", "3", "--to", "4"]);
    assert_eq!(some.len(), 2);
    assert!(some[0].starts_with(r#"{"position":3,"event":"item_counted""#), "{}", some[0]);
    assert_eq!(lines(&["--to", "2026-02-16T00:00:00Z"]).len(), 0);
    let rows = lines(&["--format", "csv", "--to", "1"]);
    assert_eq!(rows.len(), 3, "a header and two postings");
    let entry = run(["journal", "entry", "3", "--data", &data]).ended_with(0).stdout;
    assert_eq!(serde_json::from_str::<serde_json::Value>(&entry).unwrap()["event"], "item_counted");
}

#[test]
fn whoever_reads_an_export_may_stop_reading() {
    let place = Place::new();
    let lines: String = (0..3000).map(|id| added("SKU123", &id.to_string()) + "\n").collect();
    let (file, data) = (place.file("many.ndjson", &lines), place.text("data"));
    run(["import", &file, "--data", &data]).ended_with(0);
    let mut child = program().args(["export", "--data", &data]).stdout(std::process::Stdio::piped()).spawn().unwrap();
    let mut first = [0; 1];
    child.stdout.take().unwrap().read_exact(&mut first).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn a_flipped_byte_is_found_named_and_nothing_is_built_on_it() {
    let place = Place::new();
    let (story, data) = (place.file("story.ndjson", STORY), place.text("data"));
    run(["import", &story, "--data", &data]).ended_with(0);
    let more = place.file("more.ndjson", &added("E", "99"));
    run(["import", &more, "--data", &data]).ended_with(0);
    run(["verify", "--data", &data]).ended_with(0);
    let segment = fs::read_dir(place.path("data").join("journal")).unwrap().map(|file| file.unwrap().path());
    let segment = segment.into_iter().find(|path| path.to_str().unwrap().ends_with(".log")).unwrap();
    let mut bytes = fs::read(&segment).unwrap();
    let at = bytes.windows(7).position(|window| window == b"w1/cold").unwrap();
    bytes[at] ^= 1;
    fs::write(&segment, bytes).unwrap();
    let name = segment.file_name().unwrap().to_str().unwrap();
    let output = program().args(["serve", "--listen", "127.0.0.1:0", "--data", &data]).output().unwrap();
    for ran in [crate::support::Ran::of(&output), run(["verify", "--data", &data])] {
        let ran = ran.ended_with(3);
        let all = ["ST0109", name, "offset", "stocktide journal inspect"];
        assert!(all.iter().all(|part| ran.stderr.contains(part)), "{}", ran.stderr);
    }
    let seen = run(["journal", "inspect", &data]).ended_with(3).stdout;
    assert!(seen.contains("PROBLEM") && seen.contains(name), "{seen}");
}

#[test]
fn a_backup_made_while_events_come_in_restores_and_verifies() {
    let place = Place::new();
    let (data, backup, back) = (place.path("data"), place.text("backup"), place.text("back"));
    let server = Server::start(&data);
    let mut connection = server.connect();
    for id in 0..50 {
        connection.call("POST", "/v1/events", &[], &added("SKU123", &id.to_string())).unwrap();
    }
    let sender = std::thread::spawn(move || {
        (50..200).all(|id| connection.call("POST", "/v1/events", &[], &added("SKU123", &id.to_string())).is_ok())
    });
    run(["backup", "--data", data.to_str().unwrap(), "--to", &backup]).ended_with(0);
    assert!(sender.join().unwrap());
    drop(server);
    run(["backup", "--data", data.to_str().unwrap(), "--to", &backup]).ended_with(1);
    run(["restore", "--from", &backup, "--data", &back]).ended_with(0);
    run(["verify", "--data", &back]).ended_with(0);
    let server = Server::start(Path::new(&back));
    assert!((50..=200).contains(&server.on_hand("SKU123", "warehouse_A")));
    drop(server);
    run(["restore", "--from", &backup, "--data", &back]).ended_with(2);
}

#[test]
fn a_running_server_takes_imports_reversals_and_gives_exports() {
    let place = Place::new();
    let server = Server::spawn(&mut crate::support::serve(&place.path("data")));
    let (url, token) = (format!("http://{}", server.address), place.text("data/admin.token"));
    let there = ["--url", &url, "--token-file", &token];
    let with = |arguments: &[&'static str]| -> Vec<String> {
        arguments.iter().chain(&there).map(|argument| (*argument).to_owned()).collect()
    };
    let story = place.file("story.ndjson", &format!("{STORY}not json\n"));
    let import = |dry_run: bool| {
        let dry_run: &[&str] = if dry_run { &["--dry-run"] } else { &[] };
        place.summary(&[&["import", &story][..], &there, dry_run].concat())
    };
    // Each by itself: two reservations of what is not there yet and a fulfilment of none are refused.
    assert_eq!(counts(&import(true)), [18, 14, 0, 0, 4, 0]);
    assert_eq!(counts(&import(false)), [18, 17, 0, 0, 1, 0]);
    assert_eq!(counts(&import(false)), [18, 0, 17, 0, 1, 0]);
    run(with(&["reverse", "5", "--reason", "scanned twice", "--dry-run"])).ended_with(0);
    run(with(&["reverse", "5", "--reason", "scanned twice"])).ended_with(0);
    let exported = run(with(&["export"])).ended_with(0).stdout;
    let of_events = exported.lines().filter(|line| !line.contains(r#""event":"alert_"#));
    assert_eq!(of_events.count(), 18);
    let stock = run(with(&["export", "stock"])).ended_with(0).stdout;
    assert!(stock.lines().any(|line| line.starts_with("A,w1/b1,,,available,90,")), "{stock}");
    let wrong = place.file("wrong.token", &"x".repeat(40));
    let ran = run(["export", "--url", &url, "--token-file", &wrong]).ended_with(1);
    assert!(ran.stderr.contains("401"), "{}", ran.stderr);
    assert_eq!(server.terminate().code(), Some(0));
}

#[test]
#[expect(clippy::print_stdout, reason = "says that it was skipped, and why")]
fn the_first_rows_of_a_real_shop_go_in() {
    let Some(folder) = shared_data() else {
        println!("skipped: no shared data sets here; STOCKTIDE_SHARED_DATA says where they are");
        return;
    };
    let place = Place::new();
    let packed = fs::File::open(folder.join("uci_online_retail/transactions.csv.gz")).unwrap();
    let mut text = String::new();
    flate2::read::GzDecoder::new(packed).take(200_000).read_to_string(&mut text).unwrap();
    let whole = &text[..=text.rfind('\n').unwrap()];
    let file = place.file("transactions.csv", whole);
    let mapping = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/uci_online_retail.toml");
    let arguments = ["import", &file, "--mapping", mapping.to_str().unwrap(), "--data", &place.text("data")];
    let [rows, accepted, duplicate, held, rejected, skipped] = counts(&place.summary(&arguments));
    assert_eq!(rows, u64::try_from(whole.lines().count() - 1).unwrap());
    assert_eq!(accepted + skipped, rows);
    assert_eq!([duplicate, held, rejected], [0, 0, 0]);
    run(["verify", "--data", &place.text("data")]).ended_with(0);
}
