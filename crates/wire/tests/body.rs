//! Reservations and cards as JSON bodies.

use ledger::{AccountKind, Quantity};
use wire::Problem;
use wire::body::{parse_location, parse_product, parse_reason, parse_reservation};

/// `code field` of each problem of a body that is refused.
fn told<T: std::fmt::Debug>(read: Result<T, Vec<Problem>>) -> Vec<String> {
    let problems = read.expect_err("the body is refused");
    problems.iter().map(|problem| format!("{} {}", problem.code, problem.field).trim().to_owned()).collect()
}

#[test]
fn reservations_are_read() {
    let body = br#"{"reservation_id": " o-1 ", "warehouse_id": "w", "partial": true, "expires_at": "2026-02-16T10:00:00Z",
        "lines": [{"product_id": "A", "quantity": 2.5, "location": "w/bin"}, {"product_id": "B", "quantity": "1", "lot": null}]}"#;
    let reserve = parse_reservation(body, 10).expect("it is taken");
    assert_eq!((&*reserve.reservation, &*reserve.warehouse, reserve.partial), ("o-1", "w", true));
    assert_eq!(reserve.lines[0].quantity, Quantity::from_micros(2_500_000));
    assert_eq!((&*reserve.lines[0].location, &*reserve.lines[1].lot), ("w/bin", ""));
}

#[test]
fn every_problem_of_a_reservation_has_its_place() {
    let check = |body: &str, expect: &[&str]| assert_eq!(told(parse_reservation(body.as_bytes(), 2)), expect, "{body}");
    check("{", &["invalid_json"]);
    check("[]", &["wrong_type"]);
    check("{}", &["missing_field warehouse_id", "missing_field lines", "missing_field reservation_id"]);
    check(
        r#"{"reservation_id": "", "warehouse_id": "w/1", "partial": "yes", "expires_at": 5, "line": 1, "lines":
            [{"product_id": "A", "quantity": 0}, {"quantity": -1, "qty": 1, "location": "//"}]}"#,
        &[
            "unknown_field line",
            "invalid_location warehouse_id",
            "zero_quantity lines[0].quantity",
            "unknown_field lines[1].qty",
            "missing_field lines[1].product_id",
            "negative_quantity lines[1].quantity",
            "invalid_location lines[1].location",
            "empty_field reservation_id",
            "wrong_type expires_at",
            "wrong_type partial",
        ],
    );
    let with = |lines: &str| format!(r#"{{"reservation_id": "r", "warehouse_id": "w", "lines": {lines}}}"#);
    check(&with("[]"), &["line_count lines"]);
    check(&with("[1, 2, 3]"), &["line_count lines"]);
    check(&with("7"), &["wrong_type lines"]);
    check(&with("\"x\""), &["wrong_type lines"]);
    assert_eq!(told(parse_reservation(b"\xff", 2)), ["invalid_utf8"]);
}

#[test]
fn products_declare_exact_units() {
    let body = br#"{"name": "Tea", "gtin": "4006381333931", "base_unit": "kg", "units": [{"name": "case", "ratio": 12},
        {"name": "bag", "ratio": "0.25"}, {"name": "third", "ratio": {"numerator": 1, "denominator": 3}}, {"name": "sixth", "ratio": "1/6"}]}"#;
    let card = parse_product("SKU1", body).expect("it is taken");
    let ratios: Vec<_> = card.units.iter().map(|unit| (&*unit.name, unit.numerator, unit.denominator)).collect();
    assert_eq!(ratios, [("case", 12, 1), ("bag", 1, 4), ("third", 1, 3), ("sixth", 1, 6)]);
    assert_eq!((&*card.product, &*card.gtin), ("SKU1", "4006381333931"));
    assert!(parse_product("SKU1", b"{}").is_ok());

    let check =
        |body: &str, expect: &[&str]| assert_eq!(told(parse_product("SKU1", body.as_bytes())), expect, "{body}");
    check(r#"{"product_id": "other"}"#, &["name_mismatch product_id"]);
    check(r#"{"gtin": "4006381333932"}"#, &["invalid_gtin gtin"]);
    check(r#"{"gtin": "abc", "name": 5}"#, &["invalid_gtin gtin", "wrong_type name"]);
    check(
        r#"{"units": [{"name": "a", "ratio": 0}, {"ratio": -1}, {"name": "c"}, {"name": "d", "ratio": {"numerator": 0}}]}"#,
        &[
            "invalid_ratio units[0].ratio",
            "missing_field units[1].name",
            "invalid_ratio units[1].ratio",
            "missing_field units[2].ratio",
            "invalid_ratio units[3].ratio.numerator",
            "invalid_ratio units[3].ratio.denominator",
        ],
    );
    assert_eq!(told(parse_product(" ", b"{}")), ["missing_field product_id"]);
}

#[test]
fn locations_and_reasons_are_read() {
    let card = parse_location("w/1", br#"{"name": "Shelf", "gln": "4012345000009"}"#).expect("it is taken");
    assert_eq!((&*card.location, &*card.name), ("w/1", "Shelf"));
    assert_eq!(told(parse_location("w//1", br#"{"gln": "1"}"#)), ["invalid_location location", "invalid_gln gln"]);

    let card =
        parse_reason("gift", br#"{"name": "Gift", "counterpart": "customer", "trust": 7}"#).expect("it is taken");
    assert_eq!((card.counterpart, card.trust), (AccountKind::Customer, 7));
    assert_eq!(told(parse_reason("gift", b"{}")), ["missing_field counterpart"]);
    let wrong = br#"{"counterpart": "available", "trust": 256}"#;
    assert_eq!(told(parse_reason("gift", wrong)), ["unknown_counterpart counterpart", "wrong_type trust"]);
}
