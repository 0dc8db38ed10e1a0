//! Events that tell what a device saw become observations.

use ledger::{Body, Command, Observation, Timestamp};
use wire::event::{ContentKind, Defaults, Limits, parse_events};
use wire::observation::{self, TagRead, parse_place, parse_readings, unpack_reads};
use wire::{KeyHasher, Problem};

const AT: Timestamp = Timestamp(1_771_236_000_000_000);

fn parse(json: &str) -> Result<(String, Observation), Vec<Problem>> {
    let defaults = Defaults { actor: "ann", source: "gateway", historical: false, resolves: None };
    let parsed =
        parse_events(json.as_bytes(), ContentKind::Json, &defaults, &KeyHasher::new([7; 16]), &Limits::default());
    if !parsed.problems.is_empty() {
        assert!(parsed.batch.is_empty(), "never both");
        return Err(parsed.problems);
    }
    let request = parsed.batch.get(0);
    assert_eq!(request.occurred_at, AT);
    let Body::Command(Command::Observe(observation)) = request.body else { panic!("{json} is an observation") };
    Ok((request.source.to_owned(), (**observation).clone()))
}

fn codes(json: &str) -> String {
    let problems = parse(json).expect_err("it is refused");
    problems.iter().map(|problem| format!("{} {}", problem.code, problem.field)).collect::<Vec<_>>().join(", ")
}

#[test]
fn a_tag_read_is_packed() {
    let (source, observation) = parse(
        r#"{"event":"tag_read","device":"dock-1","epc":"3034257bF7194E4000001A85","antenna":2,"rssi":-55.5,
            "timestamp":"2026-02-16T10:00:00Z","sequence":9,"battery_percent":90.5,"failures":1}"#,
    )
    .unwrap();
    assert_eq!(source, "dock-1");
    assert_eq!((&*observation.form, observation.sequence), (observation::TAG_READS, Some(9)));
    assert_eq!((observation.battery_permille, observation.failures), (Some(905), 1));
    let reads: Vec<_> = unpack_reads(&observation.content).collect::<Result<_, _>>().unwrap();
    let epc = [0x30, 0x34, 0x25, 0x7b, 0xf7, 0x19, 0x4e, 0x40, 0x00, 0x00, 0x1a, 0x85];
    let expect = TagRead { epc: &epc, antenna: 2, rssi_centi_dbm: Some(-5550), seen_at: AT, count: 1 };
    assert_eq!(reads, [expect]);
}

#[test]
fn readings_and_positions_are_kept_to_the_last_digit() {
    let (source, observation) =
        parse(r#"{"timestamp":"2026-02-16T10:00:00Z","metric":"temperature_celsius","value":-18.250,"event":"sensor_reading"}"#)
            .unwrap();
    assert_eq!(source, "gateway", "without a device of its own, the producer's");
    let text = std::str::from_utf8(&observation.content).unwrap();
    assert_eq!(text, r#"[{"metric":"temperature_celsius","value":-18.250}]"#);
    let (_, observation) =
        parse(r#"{"event":"sensor_reading","metrics":{"a":1,"b":true,"c":"open"},"timestamp":"2026-02-16T10:00:00Z"}"#)
            .unwrap();
    let text = std::str::from_utf8(&observation.content).unwrap();
    assert_eq!(parse_readings(text).unwrap().len(), 3);
    let (_, observation) = parse(
        r#"{"event":"position_reported","latitude":52.370216,"longitude":-4.9,"timestamp":"2026-02-16T10:00:00Z"}"#,
    )
    .unwrap();
    let place = parse_place(std::str::from_utf8(&observation.content).unwrap()).unwrap();
    assert_eq!((&*place.latitude, &*place.longitude, &*place.speed_kmh), ("52.370216", "-4.9", ""));
}

#[test]
fn the_canonical_form_reads_back_as_the_same_observation() {
    for json in [
        r#"{"event":"tag_read","epc":"3034257BF7194E4000001A85","antenna":2,"rssi":-55.5,"count":3,"timestamp":"2026-02-16T10:00:00Z","id":"7","source":"dock-1","sequence":9,"battery_percent":90.5,"failures":1}"#,
        r#"{"event":"sensor_reading","metric":"t","value":-18.250,"unit":"C","timestamp":"2026-02-16T10:00:00Z","source":"s"}"#,
        r#"{"event":"sensor_reading","metrics":{"a":1,"b":true,"c":"open"},"timestamp":"2026-02-16T10:00:00Z","source":"s"}"#,
        r#"{"event":"position_reported","latitude":52.370216,"longitude":-4.9,"speed_kmh":80,"timestamp":"2026-02-16T10:00:00Z","source":"s"}"#,
        r#"{"event":"shipment_planned","shipment":"S1","from":"warehouse_A","to":"warehouse_B","carrier":"DHL","mode":"road","vehicle":"truck-7","promised_at":"2026-02-17T10:00:00Z","departure_at":"2026-02-16T12:00:00Z","arrival_at":"2026-02-17T08:00:00Z","legs":[{"from":"warehouse_A","to":"Linz"},{"to":"warehouse_B","mode":"rail","departure_at":"2026-02-16T20:00:00Z"}],"products":[{"product_id":"TEA","quantity":2.5}],"timestamp":"2026-02-16T10:00:00Z","id":"7","source":"tms"}"#,
        r#"{"event":"shipment_departed","shipment":"S1","timestamp":"2026-02-16T10:00:00Z","source":"s"}"#,
        r#"{"event":"shipment_arrived","shipment":"S1","timestamp":"2026-02-16T10:00:00Z","source":"s"}"#,
        r#"{"event":"shipment_leg_departed","shipment":"S1","leg":2,"timestamp":"2026-02-16T10:00:00Z","source":"s"}"#,
        r#"{"event":"shipment_leg_arrived","shipment":"S1","leg":64,"timestamp":"2026-02-16T10:00:00Z","source":"s"}"#,
        r#"{"event":"shipment_cancelled","shipment":"S1","timestamp":"2026-02-16T10:00:00Z","source":"s"}"#,
    ] {
        let reports = wire::event::reports(json.as_bytes(), wire::event::Place::default());
        assert_eq!(reports[0]["canonical"], json, "{}", serde_json::Value::from(reports[0].clone()));
        assert_eq!(reports[0]["request"]["kind"], reports[0]["canonical"].as_str().unwrap().split('"').nth(3).unwrap());
    }
}

#[test]
fn every_problem_is_named() {
    let at = r#""timestamp":"2026-02-16T10:00:00Z""#;
    let check = |members: &str, expect: &str| assert_eq!(codes(&format!("{{{at},{members}}}")), expect, "{members}");
    check(r#""event":"tag_read""#, "missing_field epc");
    check(r#""event":"tag_read","epc":"30342""#, "invalid_epc epc");
    check(r#""event":"tag_read","epc":"3034x5","antenna":70000"#, "invalid_epc epc, wrong_type antenna");
    check(r#""event":"tag_read","epc":"3034","rssi":"loud""#, "wrong_type rssi");
    check(r#""event":"tag_read","epc":"3034","product_id":"X""#, "unknown_field product_id");
    check(r#""event":"sensor_reading","metric":"t","value":null"#, "missing_field value");
    check(r#""event":"sensor_reading","metric":"t","value":[1]"#, "invalid_value value");
    check(r#""event":"sensor_reading","metrics":{}"#, "invalid_value metrics");
    check(r#""event":"sensor_reading","metrics":{"a":1},"metric":"t""#, "unknown_field metric");
    check(r#""event":"position_reported","latitude":91,"longitude":0"#, "invalid_value latitude");
    check(r#""event":"sensor_reading","metric":"t","value":1,"battery_percent":101"#, "invalid_value battery_percent");
    check(r#""event":"shipment_departed""#, "missing_field shipment");
    check(r#""event":"shipment_arrived","shipment":" ""#, "empty_field shipment");
    check(r#""event":"shipment_arrived","shipment":"S","leg":1"#, "unknown_field leg");
    check(r#""event":"shipment_leg_arrived","shipment":"S""#, "missing_field leg");
    check(r#""event":"shipment_leg_arrived","shipment":"S","leg":0"#, "invalid_value leg");
    check(r#""event":"shipment_leg_departed","shipment":"S","leg":"one""#, "invalid_value leg");
    check(
        r#""event":"shipment_planned","shipment":"S","mode":"teleport","legs":3"#,
        "invalid_value mode, wrong_type legs",
    );
    check(
        r#""event":"shipment_planned","shipment":"S","legs":[{"from":7},{"mode":"x","gate":"4"}]"#,
        "wrong_type legs[0].from, unknown_field legs[1].gate, invalid_value legs[1].mode",
    );
    check(
        r#""event":"shipment_planned","shipment":"S","products":[{"product_id":"A","quantity":0},{"product_id":"A","quantity":1}]"#,
        "zero_quantity products[0].quantity, invalid_value products[1].product_id",
    );
    check(
        r#""event":"shipment_planned","shipment":"S","departure_at":"2026-02-17T10:00:00Z","arrival_at":"2026-02-16T10:00:00Z""#,
        "invalid_value arrival_at",
    );
    check(r#""event":"shipment_planned","shipment":"S","promised_at":"soon""#, "invalid_timestamp promised_at");
}
