//! Codes as others write them, and the laws of all spellings.

use proptest::prelude::*;
use serde_json::{Map, Value};
use wire::epc::{Coding, Epc, Gs1Key, Scheme, Tag, report};

/// Every file and how many vectors it must have.
const FILES: [(&str, usize); 4] = [
    (include_str!("data/epc/tds_2_examples.jsonl"), 20),
    (include_str!("data/epc/tds_examples.jsonl"), 11),
    (include_str!("data/epc/oracle_vectors.jsonl"), 385),
    (include_str!("data/epc/more_schemes.jsonl"), MORE),
];
const MORE: usize = 392;

/// The columns that have the code, each enough to tell the others.
const COLUMNS: [&str; 5] = ["hex", "tag_uri", "epc_uri", "digital_link", "gs1_element_string"];

fn vectors() -> impl Iterator<Item = Map<String, Value>> {
    for (file, count) in FILES {
        assert_eq!(file.lines().count(), count);
    }
    FILES.iter().flat_map(|(file, _)| file.lines()).map(|line| serde_json::from_str(line).expect("the files are JSON"))
}

/// The digits of the company prefix of an identity's URI.
fn prefix_length(epc_uri: &str) -> Option<u8> {
    let body = epc_uri.split(':').nth(4)?;
    u8::try_from(body.split('.').next()?.len()).ok()
}

#[test]
fn every_vector_is_told_from_each_of_its_columns() {
    let mut told = 0;
    for vector in vectors() {
        let prefix = vector.get("epc_uri").and_then(Value::as_str).and_then(prefix_length);
        for from in COLUMNS {
            let Some(code) = vector.get(from).and_then(Value::as_str) else { continue };
            let mut line = Map::new();
            line.insert(from.to_owned(), code.into());
            line.insert("filter".to_owned(), vector.get("filter").cloned().unwrap_or(Value::Null));
            let report = report(&Value::Object(line).to_string(), prefix);
            assert_eq!(report["verdict"], "valid", "{report:?} of {vector:?}");
            for column in COLUMNS {
                // An identity alone does not say which of its codings it came from.
                let other_coding = ["hex", "tag_uri"].contains(&column)
                    && !["hex", "tag_uri"].contains(&from)
                    && report["scheme"] != vector.get("scheme").cloned().unwrap_or_else(|| report["scheme"].clone());
                if let (Some(expected), false) = (vector.get(column), other_coding || unfiltered(&vector, from, column))
                {
                    assert_eq!(report.get(column), Some(expected), "{column} from {from} of {vector:?}");
                    told += 1;
                }
            }
        }
        if let (Some(scheme), Some(hex)) = (vector.get("scheme"), vector.get("hex").and_then(Value::as_str)) {
            assert_eq!(Tag::from_hex(hex).unwrap().coding.name(), scheme.as_str().unwrap());
        }
    }
    assert!(told > 9_000, "{told} columns were compared");
}

/// The examples have no filter column, so that their tags are told from their tags only.
fn unfiltered(vector: &Map<String, Value>, from: &str, column: &str) -> bool {
    let tag = |column: &str| ["hex", "tag_uri"].contains(&column);
    tag(column) && !tag(from) && !vector.contains_key("filter")
}

#[test]
fn the_other_coding_of_a_scheme_gives_the_same_identity() {
    for vector in vectors() {
        let (Some(uri), Some(tag)) = (vector.get("epc_uri"), vector.get("tag_uri")) else { continue };
        let epc = Epc::parse_uri(uri.as_str().unwrap()).unwrap();
        let tag = Tag::parse_uri(tag.as_str().unwrap()).unwrap();
        assert_eq!(tag.epc, epc);
        for coding in Coding::ALL.into_iter().filter(|coding| coding.scheme() == epc.scheme()) {
            if let Ok(other) = epc.tag(coding, tag.filter) {
                assert_eq!(Tag::from_bytes(&other.to_bytes()), Ok(other));
            }
        }
    }
}

const GS1_TEXT: &str = r#"[!"%&'()*+,./0-9:;<=>?A-Z_a-z-]"#;

/// The parts of an identity, each in all its breadth.
fn parts(scheme: Scheme) -> BoxedStrategy<Vec<String>> {
    (6_usize..=12).prop_flat_map(move |prefix| scheme_parts(scheme, prefix)).boxed()
}

fn scheme_parts(scheme: Scheme, prefix: usize) -> Vec<BoxedStrategy<String>> {
    let digits = |count: usize| format!("[0-9]{{{count}}}").prop_regex();
    let text = |max: usize| prop_oneof![format!("{GS1_TEXT}{{1,{max}}}").prop_regex(), "[1-9][0-9]{0,8}".prop_regex()];
    let company = digits(prefix);
    match scheme {
        Scheme::Sgtin | Scheme::Lgtin => vec![company, digits(13 - prefix), text(20).boxed()],
        Scheme::Upui => vec![company, digits(13 - prefix), text(28).boxed()],
        Scheme::Sscc | Scheme::Gsrn | Scheme::Gsrnp => vec![company, digits(17 - prefix)],
        Scheme::Sgln => vec![company, digits(12 - prefix), text(20).boxed()],
        Scheme::Pgln => vec![company, digits(12 - prefix)],
        Scheme::Grai => vec![company, digits(12 - prefix), text(16).boxed()],
        Scheme::Gdti => vec![company, digits(12 - prefix), prop_oneof![text(17), "[0-9]{1,17}".prop_regex()].boxed()],
        Scheme::Giai => vec![company, text(30 - prefix).boxed()],
        Scheme::Cpi => {
            let any = format!("[0-9A-Z#/-]{{1,{}}}", 30 - prefix).prop_regex();
            let number = format!("[1-9][0-9]{{0,{}}}", 14 - prefix).prop_regex();
            vec![company, prop_oneof![any, number].boxed(), "(0|[1-9][0-9]{0,11})".prop_regex()]
        }
        Scheme::Sgcn => vec![company, digits(12 - prefix), "[0-9]{1,12}".prop_regex()],
        Scheme::Itip => vec![company, digits(13 - prefix), digits(2), digits(2), text(20).boxed()],
        Scheme::Gid => [1_u64 << 28, 1 << 24, 1 << 36].map(number_below).into(),
        Scheme::Usdod => vec!["[0-9A-HJ-NP-Z]{5,6}".prop_regex(), number_below(1 << 36)],
        Scheme::Adi => vec![
            "[0-9A-HJ-NP-Z]{5,6}".prop_regex(),
            "[0-9A-Z/-]{0,32}".prop_regex(),
            "(#[0-9A-Z/-]{1,29}|[0-9A-Z/-]{1,30})".prop_regex(),
        ],
    }
}

fn number_below(limit: u64) -> BoxedStrategy<String> {
    prop_oneof![0..limit, Just(0), Just(limit - 1)].prop_map(|number| number.to_string()).boxed()
}

trait PropRegex {
    fn prop_regex(&self) -> BoxedStrategy<String>;
}

impl<T: AsRef<str> + ?Sized> PropRegex for T {
    fn prop_regex(&self) -> BoxedStrategy<String> {
        proptest::string::string_regex(self.as_ref()).expect("the pattern is right").boxed()
    }
}

fn identities() -> impl Strategy<Value = (Epc, Option<u8>)> {
    let scheme = proptest::sample::select(Scheme::ALL.to_vec());
    scheme.prop_flat_map(|scheme| parts(scheme).prop_map(move |parts| (scheme, parts))).prop_map(|(scheme, parts)| {
        let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
        let epc = Epc::new(scheme, &parts).expect("the parts are right");
        let prefix = epc.company_prefix().and_then(|prefix| u8::try_from(prefix.len()).ok());
        (epc, prefix)
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn decode_of_encode_is_identity((epc, prefix) in identities(), filter in 0_u8..64) {
        prop_assert_eq!(Epc::parse_uri(&epc.to_string()), Ok(epc));
        let mut whole = false;
        for coding in Coding::ALL.into_iter().filter(|coding| coding.scheme() == epc.scheme()) {
            let filter = filter.min(coding.filter_max());
            match epc.tag(coding, filter) {
                Ok(tag) => {
                    prop_assert_eq!(Tag::from_bytes(&tag.to_bytes()), Ok(tag));
                    prop_assert_eq!(tag.to_bytes().len() % 2, 0);
                    prop_assert_eq!(Tag::from_hex(&tag.to_hex()), Ok(tag));
                    prop_assert_eq!(Tag::parse_uri(&tag.to_string()), Ok(tag));
                    whole = true;
                }
                Err(fault) => prop_assert_eq!(fault.code, "not_encodable", "{}", fault),
            }
        }
        prop_assert_eq!(whole, !matches!(epc.scheme(), Scheme::Upui | Scheme::Pgln | Scheme::Lgtin));
        if let Some(key) = epc.gs1_key() {
            prop_assert_eq!(Gs1Key::parse_element_string(&key.to_string()).unwrap().epc(prefix), Ok(epc));
            prop_assert_eq!(Gs1Key::parse_digital_link(&key.digital_link()).unwrap().epc(prefix), Ok(epc));
        }
    }

    #[test]
    fn a_pattern_keeps_its_known_parts((epc, _) in identities(), open in 1_usize..5) {
        let parts: Vec<&str> = epc.parts().map(|(_, part)| part).collect();
        let known = &parts[..parts.len().saturating_sub(open)];
        if epc.scheme() == Scheme::Lgtin {
            prop_assert!(Epc::new(epc.scheme(), known).is_err());
        } else {
            let pattern = Epc::new(epc.scheme(), known).unwrap();
            prop_assert_eq!(Epc::parse_uri(&pattern.to_string()), Ok(pattern));
            prop_assert_eq!(pattern.shortest_tag(0).map_err(|fault| fault.code).is_err(), true);
        }
    }

    #[test]
    fn decode_of_garbage_never_panics(mut bytes in proptest::collection::vec(any::<u8>(), 0..70), header in any::<Option<u8>>()) {
        if let (Some(first), Some(header)) = (bytes.first_mut(), header) {
            *first = 0x2c + header % 0x16;
        }
        if let Ok(tag) = Tag::from_bytes(&bytes) {
            let canonical = tag.to_bytes();
            let common = canonical.len().min(bytes.len());
            prop_assert_eq!(&canonical[..common], &bytes[..common]);
            prop_assert_eq!(Tag::parse_uri(&tag.to_string()), Ok(tag));
        }
    }

    #[test]
    fn report_of_any_line_never_panics(line in r#"(urn:epc:(id|idpat|tag|class|raw):(sgtin|grai|cpi|sgtin-96|adi-var)?:?|https://|\(01\)|\{"hex":|3)?.{0,60}"#) {
        let report = report(&line, Some(7));
        prop_assert_eq!(report["verdict"] == "invalid", report.contains_key("problem"));
    }
}

#[test]
fn a_company_prefix_longer_than_its_partition_is_refused() {
    // Partition 1 has 11 digits in 37 bits, which hold up to 137,438,953,471; the number is that.
    for header in ["30", "31", "32", "33", "34", "2C", "2D", "2E"] {
        let hex = format!("{header}07FFFFFFFFC0000000000000");
        assert_eq!(Tag::from_hex(&hex).unwrap_err().code, "value_too_large", "{hex}");
    }
}

#[test]
fn damaged_codes_are_read_or_named() {
    let mut random = 1_u64;
    let mut below = |limit: usize| {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(random >> 33).unwrap() % limit.max(1)
    };
    for vector in vectors() {
        for code in COLUMNS.iter().filter_map(|column| vector.get(*column)?.as_str()) {
            for _ in 0..10 {
                let mut bytes = code.as_bytes().to_vec();
                for _ in 0..=below(2) {
                    let at = below(bytes.len());
                    let piece: &[u8] =
                        [b"%" as &[u8], b".", b"*", b"(21)", "é".as_bytes(), b"\\", b"/", b"%4"][below(8)];
                    let to = (at + below(4)).min(bytes.len());
                    drop(bytes.splice(at..to, piece.iter().copied()));
                }
                let report = report(&String::from_utf8_lossy(&bytes), Some(u8::try_from(below(15)).unwrap()));
                let byte = report.get("problem").and_then(|problem| problem["byte"].as_u64());
                assert!(byte.is_none_or(|byte| byte <= 2 * bytes.len() as u64), "{report:?}");
            }
        }
    }
}

#[test]
fn what_is_wrong_is_named() {
    let check = |line: &str, code: &str, byte: Option<u64>| {
        let report = report(line, Some(7));
        assert_eq!(report["verdict"], "invalid", "{line}: {report:?}");
        assert_eq!(
            (&report["problem"]["code"], report["problem"]["byte"].as_u64()),
            (&code.into(), byte),
            "{line}: {report:?}"
        );
    };
    check("", "too_short", Some(0));
    check("307", "not_hex", Some(3));
    check("3074257BF7194E4000001AXX", "not_hex", Some(22));
    check("3074257BF7194E4000001A", "too_short", Some(22));
    check(&"00".repeat(63), "too_long", Some(124));
    check("0074257BF7194E4000001A85", "unknown_header", Some(0));
    check("F774257BF7194E4000001A85", "unsupported_header", Some(0));
    check("307C257BF7194E4000001A85", "invalid_partition", Some(2));
    check("3077FFFFF7194E4000001A85", "value_too_large", Some(2));
    check("3174257BF4499602D2000001", "spare_bits", Some(22));
    check("3674257BF7194E59B2C2BF100000000000000000000000000001", "spare_bits", Some(50));
    check("urn:epc:tag:sgtin-97:3.0614141.812345.6789", "unknown_coding", Some(12));
    check("urn:epc:tag:sgtin-96:8.0614141.812345.6789", "filter_out_of_range", Some(21));
    check("urn:epc:tag:sgtin-96:3.0614141.812345.06789", "not_encodable", None);
    check("urn:epc:tag:sgtin-96:3.0614141.812345.274877906944", "not_encodable", None);
    check("urn:epc:id:sgtan:0614141.812345.6789", "unknown_scheme", Some(11));
    check("urn:epc:id:lgtin:0614141.812345.6789", "unknown_scheme", Some(11));
    check("urn:epc:id:sgtin:0614141.812345", "wrong_part_count", Some(17));
    check("urn:epc:id:sgtin:06141.81234578.1", "company_prefix_length", Some(17));
    check("urn:epc:id:sgtin:0614141.81234.6789", "part_length", Some(25));
    check("urn:epc:id:sgtin:0614141.812345.", "part_length", Some(32));
    check("urn:epc:id:sgtin:0614141.812345.a b", "invalid_character", Some(33));
    check("urn:epc:id:sgtin:0614141.812345.a/b", "invalid_character", Some(32));
    check("urn:epc:id:sgtin:0614141.812345.a%2", "invalid_escape", Some(32));
    check("urn:epc:id:gid:1.02.3", "leading_zero", Some(17));
    check("urn:epc:id:gid:268435456.2.3", "value_too_large", Some(15));
    check("urn:epc:idpat:sgtin:*.812345.*", "pattern", Some(22));
    check("(01)80614141123459(21)6789", "check_digit", Some(0));
    check("(01)8061414112345(21)6789", "check_digit", Some(0));
    check("(17)261231", "no_key", Some(0));
    check("https://id.gs1.org/01/80614141123459/21/6789", "check_digit", Some(19));
    check("https://example.com/about", "no_key", Some(20));
    check("urn:epc:raw:95.x3074257BF7194E4000001A85", "part_length", Some(12));
    check(r#"{"other": 1}"#, "missing_field", None);
    check("{", "invalid_json", None);
}

#[test]
fn classes_and_links_without_a_prefix_length_say_what_they_can() {
    let told = report("https://example.com/shop/01/09506000134352/10/ABC?17=261231", None);
    assert_eq!((&told["verdict"], &told["scheme"]), (&"valid".into(), &"lgtin".into()));
    assert_eq!(told["gs1_element_string"], "(01)09506000134352(10)ABC");
    assert_eq!(told["note"]["code"], "prefix_length_unknown");
    assert_eq!(told["request"], serde_json::json!({"product_id": "09506000134352", "lot": "ABC"}));
    let told = report("(01)09506000134352", Some(7));
    assert_eq!((&told["epc_uri"], told.get("hex")), (&"urn:epc:idpat:sgtin:9506000.013435.*".into(), None));
    assert_eq!(told["digital_link"], "https://id.gs1.org/01/09506000134352");
    let told = report("(00)106141412345678908", Some(7));
    assert_eq!(told["request"], serde_json::json!({"handling_unit": "106141412345678908"}));
    let told = report("(414)0614141123452", Some(7));
    assert_eq!(
        (&told["epc_uri"], &told["request"]["location"]),
        (&"urn:epc:id:sgln:0614141.12345.0".into(), &"0614141123452".into())
    );
    assert_eq!(told["gs1_element_string"], "(414)0614141123452");
}
