//! Tag reads as gateways send them.

use proptest::prelude::*;
use wire::reads::{Reads, parse_reads};
use wire::time::parse_timestamp;

const SGTIN: &str = "3074257BF7194E4000001A85";

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02X}")).collect()
}

/// Asserts one read without problems: its EPC, antenna, signal, time and count.
fn check(body: &str, epc: &str, antenna: u16, rssi: Option<i16>, seen_at: Option<&str>, count: u32) -> Reads {
    let told = parse_reads(body.as_bytes(), 100);
    assert_eq!((told.reads.len(), &told.problems), (1, &vec![]), "{body}");
    let read = &told.reads[0];
    let seen_at = seen_at.map(|text| parse_timestamp(text).expect("a time"));
    assert_eq!((hex(&read.epc).as_str(), read.antenna, read.rssi_centi_dbm), (epc, antenna, rssi), "{body}");
    assert_eq!((read.seen_at, read.count), (seen_at, count), "{body}");
    told
}

#[test]
fn an_impinj_reader_is_understood() {
    let told = check(
        r#"{"timestamp":"2026-02-26T17:13:37.432087177Z","hostname":"impinj-14-2b-3c","eventType":"tagInventory","tagInventoryEvent":{"epc":"4oARkaUDAGXybMv_","antennaPort":3,"antennaName":"Antenna 3","peakRssiCdbm":-7350,"frequency":866900,"transmitPowerCdbm":3150}}"#,
        "E2801191A5030065F26CCBFF",
        3,
        Some(-7350),
        Some("2026-02-26T17:13:37.432087Z"),
        1,
    );
    assert_eq!((told.devices, told.reads[0].device), (vec!["impinj-14-2b-3c".to_owned()], Some(0)));
    let told = check(
        r#"[{"timestamp":"2026-02-26T17:13:38Z","eventType":"tagInventory","tagInventoryEvent":{"epc":"MHQle_cZTkAAABqF","epcHex":"3074257bf7194e4000001a85","firstSeenTime":"2026-02-26T17:13:36Z","lastSeenTime":"2026-02-26T17:13:37Z"}},
            {"timestamp":"2026-02-26T17:13:39Z","eventType":"inventoryStatus","inventoryStatusEvent":{"inventoryStatus":"idle"}}]"#,
        SGTIN,
        0,
        None,
        Some("2026-02-26T17:13:37Z"),
        1,
    );
    assert_eq!((told.skipped, told.reads[0].first_seen_at), (1, parse_timestamp("2026-02-26T17:13:36Z").ok()));
}

#[test]
fn a_zebra_reader_is_understood() {
    check(
        r#"[{"data":{"CRC":"518e","PC":"3000","antenna":1,"channel":927.25,"eventNum":194,"format":"epc","idHex":"3074257bf7194e4000001a85","peakRssi":-54,"phase":0.0,"reads":9},"timestamp":"2026-02-24T10:14:42.851-0600","type":"INVENTORY"}]"#,
        SGTIN,
        1,
        Some(-5400),
        Some("2026-02-24T16:14:42.851Z"),
        9,
    );
    check(
        r#"{"type":"BALANCED_PERFORMANCE","timestamp":"2026-05-19T14:23:11Z","data":{"tagData":[{"EPCid":"x","EPC":"3074257BF7194E4000001A85","peakRssi":-52,"seenCount":14,"eventNum":1}]}}"#,
        SGTIN,
        0,
        Some(-5200),
        Some("2026-05-19T14:23:11Z"),
        14,
    );
    let heartbeat =
        parse_reads(br#"{"type":"heartbeat","timestamp":"2026-05-19T14:23:11Z","data":{"radioActivity":"active"}}"#, 9);
    assert_eq!((heartbeat.reads.len(), heartbeat.problems.len(), heartbeat.skipped), (0, 0, 1));
}

#[test]
fn ones_own_and_simple_messages_are_understood() {
    let own = r#"{"event":"tag_read","epc":"3074257BF7194E4000001A85","antenna":1,"rssi":-55.5,"timestamp":"2026-02-16T10:00:00Z","device":"dock-1"}"#;
    check(own, SGTIN, 1, Some(-5550), Some("2026-02-16T10:00:00Z"), 1);
    check(&own.replace(',', ",\n"), SGTIN, 1, Some(-5550), Some("2026-02-16T10:00:00Z"), 1);
    check(r#"{"epc":"urn:epc:tag:sgtin-96:3.0614141.812345.6789"}"#, SGTIN, 0, None, None, 1);
    check(r#"["3074257BF7194E4000001A85"]"#, SGTIN, 0, None, None, 1);
    check(
        r#"{"reader":"gate","reads":[{"epc":"3074257BF7194E4000001A85","antenna":"2","time":1771236000250}]}"#,
        SGTIN,
        2,
        None,
        Some("2026-02-16T10:00:00.25Z"),
        1,
    );
    let lines = format!("{own}\n\ndata: {}\nnot json\n{{\"event\":\"tag_read\"}}\n", own.replace("dock-1", "dock-2"));
    let told = parse_reads(lines.as_bytes(), 100);
    assert_eq!((told.reads.len(), told.devices.len()), (2, 2));
    let problems: Vec<_> = told.problems.iter().map(|problem| (problem.code, problem.index, problem.line)).collect();
    assert_eq!(problems, [("invalid_json", Some(2), Some(4)), ("missing_field", Some(3), Some(5))]);
}

#[test]
fn what_is_wrong_is_named() {
    let check = |body: &str, code: &str| {
        let told = parse_reads(body.as_bytes(), 2);
        let codes: Vec<_> = told.problems.iter().map(|problem| problem.code).collect();
        assert_eq!(codes, [code], "{body}");
    };
    check(r#"{"epc":"30742"}"#, "invalid_epc");
    check(r#"{"epc":""}"#, "missing_field");
    check(r#"{"epc":null}"#, "missing_field");
    check(r#"{"epc":true}"#, "wrong_type");
    check(r#"{"tagInventoryEvent":{"epc":"!!"}}"#, "invalid_epc");
    check(r#"{"epc":"30","antenna":70000}"#, "invalid_number");
    check(r#"{"epc":"30","rssi":"weak"}"#, "invalid_number");
    check(r#"{"epc":"30","timestamp":"2026-02-16T10:00:00"}"#, "invalid_timestamp");
    check(r#"{"epc":"30","timestamp":17}"#, "timestamp_out_of_range");
    check(r#"["30","31","32","33"]"#, "too_many_reads");
    check(r#"[[[[[["30"]]]]]]"#, "too_deep");
    check("[", "invalid_json");
    check("7", "wrong_type");
    assert_eq!(parse_reads(b"\xff", 2).problems[0].code, "invalid_utf8");
    assert_eq!(parse_reads(b" \n", 2), Reads::default());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn garbage_never_panics(pieces in proptest::collection::vec(proptest::sample::select(vec![
        "{", "}", "[", "]", ",", ":", "\"epc\"", "\"3074257BF7194E4000001A85\"", "\"data\"", "\"tagInventoryEvent\"", "\"reads\"",
        "\"timestamp\"", "\"2026-02-16T10:00:00+0é00\"", "\"rssi\"", "-55.5", "1e9", "null", "\n", "data:", "\"\\u0000\"", "\"device\"",
    ]), 0..30)) {
        let told = parse_reads(pieces.concat().as_bytes(), 5);
        prop_assert!(told.reads.len() <= 5);
        prop_assert!(told.reads.iter().all(|read| !read.epc.is_empty() && read.count > 0));
    }
}
