//! GS1's own cases, laws that hold of every message, and garbage.

use ledger::Day;
use proptest::prelude::*;
use serde_json::{Map, Value};
use wire::gs1::{Message, Options, Scan, report};

const SYNTAX_CASES: &str = include_str!("data/gs1/barcode_syntax_cases.jsonl");
const LINTER_CASES: &str = include_str!("data/gs1/linter_cases.jsonl");

fn reference() -> Day {
    wire::time::parse_day("2026-02-16").expect("a day")
}

fn cases(text: &'static str) -> impl Iterator<Item = (&'static str, Map<String, Value>, Map<String, Value>)> {
    text.lines().map(|line| (line, serde_json::from_str(line).expect("JSON"), report(line, reference())))
}

#[test]
fn every_syntax_case_of_gs1_is_answered_as_expected() {
    let mut failures = Vec::new();
    let mut count = 0;
    for (line, case, answer) in cases(SYNTAX_CASES) {
        count += 1;
        let valid = case.get("valid").and_then(Value::as_bool);
        let verdict_is_right = valid.is_none_or(|valid| answer["verdict"] == if valid { "valid" } else { "invalid" });
        let result_is_right =
            ["expect:result", "expect_path:result_path", "expect_query:result_query"].iter().all(|pair| {
                let (expected, given) = pair.split_once(':').unwrap();
                case.get(expected).is_none_or(|expected| answer.get(given) == Some(expected))
            });
        let symbology_is_right = case["kind"] != "scan_data_process" || case["symbology"] == answer["symbology"];
        if !(verdict_is_right && result_is_right && symbology_is_right) {
            failures.push(format!("{line}\n  -> {}", Value::from(answer)));
        }
    }
    assert!(failures.is_empty(), "{} of {count} cases fail:\n{}", failures.len(), failures.join("\n"));
    assert_eq!(count, 230);
}

#[test]
fn every_linter_case_of_gs1_is_answered_as_expected() {
    let mut failures = Vec::new();
    let (mut count, mut left_out) = (0, 0);
    for (line, case, answer) in cases(LINTER_CASES) {
        let simulated = case.get("error").is_some_and(|error| error == "GS1_LINTER_GCP_DATASOURCE_OFFLINE");
        if simulated || case["input"] == "data" {
            left_out += 1;
            continue;
        }
        count += 1;
        let verdict_is_right = answer["verdict"] == if case["valid"] == true { "valid" } else { "invalid" };
        if !verdict_is_right || case.get("error") != answer.get("error") || case.get("marked") != answer.get("marked") {
            failures.push(format!("{line}\n  -> {}", Value::from(answer)));
        }
    }
    assert!(failures.is_empty(), "{} of {count} cases fail:\n{}", failures.len(), failures.join("\n"));
    assert_eq!((count, left_out), (2829, 12));
}

/// Elements that stand in the same message, each with values that its AI allows.
fn elements() -> impl Strategy<Value = Vec<(&'static str, String)>> {
    let gtin = "[0-9]{13}"
        .prop_map(|body| format!("{body}{}", char::from(wire::gs1::check_digit(body.as_bytes()).expect("digits"))));
    let text = "[!\"%-?A-Z_a-z]{1,20}";
    let date =
        (0..100_u32, 1..=12_u32, 0..=28_u32).prop_map(|(year, month, day)| format!("{year:02}{month:02}{day:02}"));
    let element = prop_oneof![
        text.prop_map(|value| ("10", value)),
        text.prop_map(|value| ("21", value)),
        text.prop_map(|value| ("240", value)),
        date.prop_map(|value| ("17", value)),
        "[0-9]{6}".prop_map(|value| ("3103", value)),
        "[0-9]{1,8}".prop_map(|value| ("30", value)),
        text.prop_map(|value| ("99", value)),
    ];
    (gtin, prop::collection::vec(element, 0..8)).prop_map(|(gtin, mut elements)| {
        elements.insert(0, ("01", gtin));
        let mut seen = Vec::new();
        elements.retain(|(ai, _)| {
            let new = !seen.contains(ai);
            seen.push(*ai);
            new
        });
        elements
    })
}

fn bracketed(elements: &[(&str, String)]) -> String {
    elements.iter().map(|(ai, value)| format!("({ai}){}", value.replace('(', "\\("))).collect()
}

fn read(message: &Message) -> Vec<(&str, String)> {
    message.elements().map(|element| (element.ai, element.value.to_owned())).collect()
}

proptest! {
    #[test]
    fn brackets_separators_and_scans_hold_the_same_elements(elements in elements()) {
        let text = bracketed(&elements);
        let message = Message::parse_bracketed(text.as_bytes(), &Options::STRICT).unwrap();
        prop_assert_eq!(read(&message), elements);
        prop_assert_eq!(message.bracketed(), text);
        let again = Message::parse_unbracketed(message.unbracketed().as_bytes()).unwrap();
        prop_assert_eq!(&again, &message);
        prop_assert_eq!(again.bracketed(), message.bracketed());
        let data = message.unbracketed().as_bytes();
        let sent = wire::gs1::render_scan(data, wire::gs1::Symbology::DataMatrix, &Options::STRICT).unwrap();
        prop_assert_eq!(Scan::parse(&sent, &Options::STRICT).unwrap().data, data);
    }

    #[test]
    fn a_link_holds_the_same_elements(elements in elements()) {
        let message = Message::parse_bracketed(bracketed(&elements).as_bytes(), &Options::STRICT).unwrap();
        let link = message.link(None, &Options::STRICT).unwrap();
        let again = Message::parse_link(link.as_bytes(), &Options::STRICT).unwrap();
        let sorted = |message: &Message| {
            let mut elements: Vec<_> = message.elements().map(|element| (element.ai.to_owned(), element.value.to_owned())).collect();
            elements.sort();
            elements
        };
        prop_assert_eq!(sorted(&again), sorted(&message));
        prop_assert_eq!(again.link(None, &Options::STRICT).unwrap(), link);
    }

    #[test]
    fn percent_encoding_is_undone(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
        prop_assert_eq!(wire::gs1::unescape_path(wire::gs1::escape_path(&bytes).as_bytes()), bytes.clone());
        prop_assert_eq!(wire::gs1::unescape_query(wire::gs1::escape_query(&bytes).as_bytes()), bytes);
    }

    #[test]
    fn any_line_is_reported(line in "\\PC{0,60}", digits in "[0-9(){}\\]^|%&=?/.\u{1d}A-Z]{0,60}") {
        for line in [line, digits] {
            prop_assert!(report(&line, reference()).contains_key("verdict"));
        }
    }
}

/// Numbers that look random and are the same on every run (SplitMix64).
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from(mixed >> 33).expect("31 bits") % limit.max(1)
    }
}

/// Whatever is read from damaged codes is written and read again as the same.
#[test]
fn damaged_codes_never_panic_and_what_is_read_of_them_is_kept() {
    let valid: [&[u8]; 7] = [
        b"(01)09520123456788(10)A\\(B(17)261231|(99)X",
        b"^010952012345678810ABC^17261231^3103001250|^99X",
        b"https://id.gs1.org/01/09520123456788/10/A%2FB?17=261231&3103=001250",
        b"]C1010952012345678810ABC\x1d17261231",
        b"]E402345673|]e099COMPOSITE\x1d98XYZ",
        b"]Q1https://a/8010/0200/8011/7",
        b"^8110106141416543213500110000310123196000",
    ];
    let pieces: [&[u8]; 12] = [b"(", b")", b"^", b"\x1d", b"|", b"\\", b"%", b"/", b"\xff", b"01", b"]e0", b"8003"];
    let mut random = Random(7);
    for round in 0..30_000 {
        let mut code = valid[round % valid.len()].to_vec();
        for _ in 0..=random.below(3) {
            let at = random.below(code.len());
            match random.below(3) {
                0 => drop(code.drain(at..(at + random.below(6)).min(code.len()))),
                1 => drop(code.splice(at..at, pieces[random.below(pieces.len())].iter().copied())),
                _ => code.iter_mut().skip(at).take(1).for_each(|byte| *byte ^= 1 << random.below(8)),
            }
        }
        let strict = Options::STRICT;
        let scan = Scan::parse(&code, &strict).ok().and_then(|scan| scan.message);
        let loose =
            Options { unknown_ais: true, unknown_link_attributes: true, link_names: true, short_gtins: true, ..strict };
        let read = [
            Message::parse_bracketed(&code, &strict),
            Message::parse_unbracketed(&code),
            Message::parse_link(&code, &strict),
        ];
        for message in read.into_iter().filter_map(Result::ok).chain(scan) {
            let again = Message::parse_unbracketed(message.unbracketed().as_bytes()).unwrap();
            assert_eq!(again, message);
            assert_eq!(Message::parse_bracketed(message.bracketed().as_bytes(), &strict).unwrap(), message);
        }
        let _ = (Message::parse_bracketed(&code, &loose), Message::parse_link(&code, &loose));
        let _ = report(&String::from_utf8_lossy(&code), reference());
    }
}

/// A hundred kilobytes of what parsers trip over are refused about as fast as it is read.
#[test]
fn long_lines_take_no_longer_than_they_are() {
    let pieces = ["/01", "^10A", "(10)A", "https://a/10/", "&98=", "%4", "(", "|^", "\u{1d}", "9", "\\("];
    for start in
        ["", "^", "(91)", "https://a/01/09520123456788", "https://a/01/09520123456788?", "]C1", "]Q1https://a/", "]E0"]
    {
        for piece in pieces {
            let line = start.to_owned() + &piece.repeat(100_000 / piece.len());
            assert!(report(&line, reference()).contains_key("verdict"), "{start}{piece}…");
        }
    }
}

fn check(line: &str, expect: &Value) {
    let answer = Value::from(report(line, reference()));
    for (field, expected) in expect.as_object().expect("an object") {
        assert_eq!(&answer[field], expected, "{field} of {answer:#}");
    }
}

#[test]
fn a_line_is_recognised_and_said_in_a_warehouses_words() {
    use serde_json::json;
    check(
        "]C10109520123456788310300125017261200\u{1d}10ABC\u{1d}21S-7",
        &json!({
            "verdict": "valid",
            "form": "scan",
            "symbology": "GS1_128_CCA",
            "canonical": {
                "bracketed": "(01)09520123456788(3103)001250(17)261200(10)ABC(21)S-7",
                "unbracketed": "^010952012345678831030012501726120010ABC^21S-7",
                "digital_link": "https://id.gs1.org/01/09520123456788/10/ABC/21/S-7?3103=001250&17=261200",
                "scan_data": "]C1010952012345678831030012501726120010ABC\u{1d}21S-7",
            },
            "parts": {
                "gtin": "09520123456788", "lot": "ABC", "serial": "S-7", "expiry": "2026-12-31",
                "measures": [{ "name": "net_weight", "unit": "KGM", "value": "1.25" }],
            },
            "request": {
                "product_id": "09520123456788", "lot": "ABC", "expiry": "2026-12-31", "serials": ["S-7"],
                "quantity": "1.25", "unit": "KGM",
            },
        }),
    );
    check(
        "(00)006141411234567890(02)09520123456788(37)24(10)L1",
        &json!({ "verdict": "valid", "request": {
            "handling_unit": "006141411234567890", "product_id": "09520123456788", "quantity": "24", "lot": "L1",
        }}),
    );
    check("9520123456788", &json!({ "form": "gtin_13", "request": { "product_id": "09520123456788" } }));
    check("02345673|^99X", &json!({ "form": "gtin_8", "verdict": "valid" }));
    check("006141411234567890", &json!({ "form": "sscc", "verdict": "valid" }));
    check("0109520123456788\u{1d}10A", &json!({ "form": "unbracketed_without_fnc1", "verdict": "valid" }));
    check("^4149520123456788", &json!({ "form": "unbracketed", "request": { "location": "9520123456788" } }));
    check("https://shop.example/x/01/09520123456788?17=261231", &json!({ "form": "digital_link", "verdict": "valid" }));
    check("]d1SKU123", &json!({ "form": "scan", "verdict": "valid", "symbology": "DM", "data": "SKU123" }));
    check("SKU123", &json!({ "form": "unrecognised", "verdict": "invalid" }));
}

#[test]
fn what_is_wrong_is_said_with_its_place() {
    let problem = |line: &str| report(line, reference())["problem"].clone();
    let check = |line: &str, code: &str, byte: u64, marked: &str| {
        let problem = problem(line);
        assert_eq!((problem["code"].as_str(), problem["byte"].as_u64()), (Some(code), Some(byte)), "{line}: {problem}");
        assert_eq!(problem["marked"], marked, "{line}");
    };
    check("(01)09520123456789", "incorrect_check_digit", 17, "0952012345678*9*");
    check("(01)09520123456788(10)A\\(B C", "invalid_cset82_character", 26, "A(B* *C");
    check("(01)09520123456788(17)261332", "illegal_month", 24, "26*13*32");
    check("^0109520123456789", "incorrect_check_digit", 16, "0952012345678*9*");
    check("]C10109520123456789", "incorrect_check_digit", 18, "0952012345678*9*");
    check("9520123456789", "incorrect_check_digit", 12, "0952012345678*9*");
    check("]E402345673|]e0990\u{1d}17261332", "illegal_month", 23, "26*13*32");
    check("https://a/01/09520123456788?98=X&5=1", "unknown_ai", 33, "");
    check("^010952012345678837123", "excluded_ai", 1, "");
    check("^10ABC", "missing_ai", 1, "");
    check("(01)09520123456788(37)123", "excluded_ai", 1, "");
    check("(99)X(10)ABC", "missing_ai", 6, "");
    check("]C199X\u{1d}10ABC", "missing_ai", 7, "");
    check("]Q1https://a/01/09520123456788?37=5", "excluded_ai", 13, "");
    check("]Q1https://a/01/09520123456789", "incorrect_check_digit", 29, "0952012345678*9*");
    check("006141411234567891", "incorrect_check_digit", 17, "00614141123456789*1*");
    check("9520123456788|^10A^10B", "repeated_ai", 19, "");
    check("(01)09520123456788(10)", "value_empty", 22, "");
}
