//! Other systems' documents as events: the examples over what shops post, and what is said about mappings and documents
//! that do not go together.

#![expect(clippy::unwrap_used, reason = "a test that unwraps fails with the line, which is what a test is for")]

use proptest::prelude::*;
use std::path::{Path, PathBuf};
use wire::KeyHasher;
use wire::event::{ContentKind, Defaults, parse_events};
use wire::mapping::{Limits, Mapped, Mapping, MappingFile};

const DEFAULTS: Defaults<'_> = Defaults { actor: "hook:a", source: "a", historical: false, resolves: None };

fn example(name: &str) -> Mapping {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples").join(name);
    mapping(&std::fs::read_to_string(path).unwrap())
}

fn mapping(text: &str) -> Mapping {
    Mapping::new(&toml::from_str::<MappingFile>(text).unwrap()).unwrap_or_else(|faults| panic!("{faults:#?}"))
}

fn data(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/hooks").join(path)
}

/// What the events of a mapped document lack; nothing at all.
fn unread(mapped: &Mapped) -> Vec<wire::Problem> {
    let body = mapped.body();
    let parsed = parse_events(
        body.as_bytes(),
        ContentKind::Json,
        &DEFAULTS,
        &KeyHasher::new([1; 16]),
        &wire::event::Limits::default(),
    );
    assert_eq!(parsed.count, mapped.events.len(), "{body}");
    parsed.problems
}

/// Posts a document of the examples and compares the events with the golden file beside it.
fn check_example(shop: &str, header: &str, document: &str, topic: &str, rule: &str) {
    let json = std::fs::read(data(&format!("{shop}/{document}.json"))).unwrap();
    let headers = [(header, topic)];
    let mapped = example(&format!("{shop}.toml")).map(&json, headers, &Limits::default()).unwrap();
    assert_eq!(unread(&mapped), [], "{mapped:#?}");
    for report in &mapped.rules {
        assert_eq!(report.events > 0, report.rule == rule, "{report:?}");
        assert_eq!(report.why.is_empty(), report.rule == rule, "{report:?}");
    }
    let golden = data(&format!("{shop}/{document}.events.json"));
    let events = format!("{}\n", mapped.body());
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(&golden, &events).unwrap();
    }
    assert_eq!(events, std::fs::read_to_string(&golden).unwrap_or_default(), "{document}: BLESS=1 rewrites it");
}

#[test]
fn what_shopify_posts_becomes_events() {
    let check = |document: &str, topic: &str, rule| check_example("shopify", "x-shopify-topic", document, topic, rule);
    check("orders_create", "orders/create", "ordered");
    check("fulfillments_create", "fulfillments/create", "shipped");
    check("fulfillments_update", "fulfillments/update", "called_back");
    check("orders_fulfilled", "orders/fulfilled", "completed");
    check("orders_cancelled", "orders/cancelled", "cancelled");
    check("refunds_create", "refunds/create", "returned");
}

#[test]
fn what_woocommerce_posts_becomes_events() {
    let check = |document: &str, topic: &str, rule| {
        check_example("woocommerce", "x-wc-webhook-topic", document, topic, rule);
    };
    check("order_processing", "order.created", "ordered");
    check("order_completed", "order.updated", "completed");
    check("order_cancelled", "order.updated", "cancelled");
}

#[test]
fn a_location_that_the_table_does_not_know_stops_the_document_with_the_remedy() {
    let json = std::fs::read_to_string(data("shopify/fulfillments_create.json")).unwrap();
    let json = json.replace("655441491", "999");
    let headers = [("x-shopify-topic", "fulfillments/create")];
    let problems = example("shopify.toml").map(json.as_bytes(), headers, &Limits::default()).unwrap_err();
    assert_eq!(problems.len(), 1, "told once and not for each line: {problems:#?}");
    assert_eq!(problems[0].field, "rules[1].fields.location");
    let detail = "shopify: rules[1].fields.location: table 'warehouses' has no entry for '999'; add it to the mapping";
    assert_eq!(problems[0].detail, detail);
}

#[test]
fn a_rule_that_makes_nothing_says_why() {
    let text = r#"
        name = "shop"
        topic = "document.about"
        document_id = "document.id"
        constants = { event = "item_removed", location = "w", timestamp = "2026-02-16T10:00:00Z" }
        fields = { product_id = "item.sku", quantity = "item.n" }
        [[rules]]
        name = "topic"
        topics = ["sold", "taken"]
        each = "document.lines"
        [[rules]]
        name = "when"
        when = "document.total > `5`"
        each = "document.lines"
        [[rules]]
        name = "each"
        each = "document.positions"
        [[rules]]
        name = "where"
        each = "document.lines"
        where = "item.goods"
        [[rules]]
        name = "all"
        each = "document.lines"
    "#;
    let document =
        br#"{"id": 7, "about": "returned", "total": 3, "lines": [{"sku": 12, "n": 1}, {"sku": "B", "n": 2}]}"#;
    let mapped = mapping(text).map(document, [], &Limits::default()).unwrap();
    let told: Vec<_> = mapped.rules.iter().map(|report| (report.events, report.left_out, &*report.why)).collect();
    assert_eq!(
        told,
        [
            (0, 0, "the topic is 'returned', not sold or taken"),
            (0, 0, "`when` does not hold"),
            (0, 0, "`each` yields nothing"),
            (0, 2, "`where` holds for none of 2"),
            (2, 0, ""),
        ]
    );
    // A number where an event has a text becomes one, and without `line_id` the place among the items tells them apart.
    assert_eq!(
        mapped.events[0],
        r#"{"event": "item_removed", "product_id": "12", "location": "w", "quantity": 1, "timestamp": "2026-02-16T10:00:00Z", "id": "shop:all:7:0"}"#
    );
    assert_eq!(unread(&mapped), []);
}

/// The one event that `expression` gives its quantity in, over `document`.
fn quantity_of(expression: &str, document: &str) -> String {
    let text = format!(
        "name = 'a'\ndocument_id = \"'1'\"\nconstants = {{ event = 'item_counted', timestamp = 't' }}\n[tables.t]\nx = 'y'\n[[rules]]\nname = 'r'\nfields = {{ quantity = {expression:?} }}\n"
    );
    let mapped = mapping(&text).map(document.as_bytes(), [], &Limits::default());
    let event = mapped.map(|mapped| mapped.events[0].clone()).unwrap_or_else(|problems| problems[0].detail.clone());
    let value = event.split("\"quantity\": ").nth(1).map(|rest| rest.split(", ").next().unwrap().to_owned());
    value.unwrap_or(event)
}

#[test]
fn numbers_come_out_as_they_were_written_and_functions_are_exact() {
    let check = |expression: &str, document: &str, expect: &str| {
        assert_eq!(quantity_of(expression, document), expect, "{expression} of {document}");
    };
    check("document.n", r#"{"n": 1234567890123.123456}"#, r#""1234567890123.123456""#);
    check("document.n", r#"{"n": 0.1}"#, "0.1");
    check("document.n", r#"{"n": 9007199254740993}"#, "9007199254740993");
    check("subtract(document.a, document.b)", r#"{"a": 0.3, "b": "0.1"}"#, r#""0.2""#);
    check("subtract(document.a, document.c)", r#"{"a": 5}"#, r#""5""#);
    check("lookup('t', document.k)", r#"{"k": "x"}"#, r#""y""#);
    check("lookup('t', document.k, 'z')", r#"{"k": "w"}"#, r#""z""#);
    check("split(document.k, '-')[1]", r#"{"k": "a-7"}"#, r#""7""#);
    check("lower(document.k)", r#"{"k": "ABC"}"#, r#""abc""#);
    check(
        "sum(document.k)",
        r#"{"k": "x"}"#,
        "a: rules[0].fields.quantity: Argument 0 expects type array[number], given string (column 4)",
    );
}

#[test]
fn everything_wrong_with_a_mapping_file_is_told_with_its_key_and_remedy() {
    let text = r#"
        name = "my shop"
        [constants]
        colour = "red"
        [fields]
        timestmp = "document.at"
        [[rules]]
        name = "one"
        topics = ["a"]
        where = "item.x"
        fields = { product_id = "docment.sku", quantity = "item.n", location = "lookup('places', document.l)" }
        [[rules]]
        name = "one"
        when = "document.["
        each = "sume(document.lines)"
        constants = { event = "item_added", timestamp = "2026-02-16T10:00:00Z" }
        fields = { reference = "join(document.x)" }
    "#;
    let faults = Mapping::new(&toml::from_str(text).unwrap()).unwrap_err();
    let told: Vec<String> = faults.iter().map(ToString::to_string).collect();
    let expect = [
        "name: must be 1 to 40 letters",
        "document_id: is missing; say",
        "constants.colour: no event has the field 'colour'",
        "fields.timestmp: no event has the field 'timestmp'; did you mean 'timestamp'?",
        "rules[0].topics: need `topic` at the top",
        "rules[0].where: is about items",
        "rules[0].fields.product_id: begins with 'docment'; an expression begins with one of `document`, `headers`; did you mean 'document'?",
        "rules[0].fields.quantity: begins with 'item'; an expression begins with one of `document`, `headers`; items come with `each`",
        "rules[0].fields.location: there is no table 'places'; add [tables.places]",
        "rules[0]: gives its events no 'event'",
        "rules[0]: gives its events no 'timestamp'",
        "rules[1].name: 'one' is another rule's too",
        "rules[1].when: ",
        "rules[1].each: there is no function 'sume'; did you mean 'sum'?",
        "rules[1].fields.reference: join takes 2 arguments, not 1",
    ];
    for expect in expect {
        assert!(told.iter().any(|told| told.starts_with(expect)), "{expect}\n{told:#?}");
    }
    assert_eq!(told.len(), expect.len(), "{told:#?}");
    assert!(toml::from_str::<MappingFile>("nmae = 'x'").unwrap_err().to_string().contains("unknown field `nmae`"));
}

#[test]
fn a_document_that_is_too_large_or_too_costly_is_refused() {
    let text = r#"
        name = "shop"
        document_id = "'1'"
        constants = { event = "item_removed", timestamp = "2026-02-16T10:00:00Z" }
        [[rules]]
        name = "r"
        each = "document.lines"
        fields = { quantity = "(document.lines[?n == `5`] | [0].n) || item.n", product_id = "item.n" }
    "#;
    let mapping = mapping(text);
    let lines = |count: usize| format!("{{\"lines\": [{}]}}", vec![r#"{"n": 1}"#; count].join(","));
    let code = |document: &str, limits: &Limits| {
        mapping
            .map(document.as_bytes(), [], limits)
            .map(|mapped| mapped.events.len())
            .map_err(|problems| problems[0].code)
    };
    assert_eq!(code(&lines(100), &Limits::default()), Ok(100));
    assert_eq!(code(&lines(10_000), &Limits::default()), Err("too_costly"));
    assert_eq!(code(&lines(100), &Limits { events_max: 99, ..Limits::default() }), Err("too_many_events"));
    assert_eq!(code(&lines(100), &Limits { document_bytes_max: 100, ..Limits::default() }), Err("too_large"));
    assert_eq!(code("{", &Limits::default()), Err("invalid_json"));
    assert_eq!(code(&"[".repeat(100_000), &Limits::default()), Err("invalid_json"));
}

#[test]
fn no_expression_nests_too_deep_to_be_read() {
    for text in ["(", "!", "[", "@.a", "a.b|", "&", "{a:", "[?", "a||", "-", "'", "`", "\""] {
        let text = format!("document.{}", text.repeat(10_000 / text.len()));
        for text in [&text[..], &text[..3990], &text[9..3000]] {
            let file = MappingFile { document_id: Some(text.to_owned()), ..MappingFile::default() };
            assert!(Mapping::new(&file).is_err());
        }
    }
}

/// Any JSON, with the names that shops use among its members.
fn any_json() -> impl Strategy<Value = serde_json::Value> {
    let name = prop_oneof![
        prop::sample::select(vec![
            "id",
            "status",
            "line_items",
            "sku",
            "quantity",
            "requires_shipping",
            "location_id",
            "created_at",
            "name",
            "refund_line_items",
            "restock_type",
            "fulfillments",
            "date_created_gmt",
            "number",
        ])
        .prop_map(str::to_owned),
        "[a-z]{0,3}",
    ];
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i64>().prop_map(Into::into),
        any::<f64>().prop_map(Into::into),
        prop::sample::select(vec!["processing", "completed", "success", "return", "cancelled"]).prop_map(Into::into),
        ".{0,8}".prop_map(Into::into),
    ];
    leaf.prop_recursive(4, 40, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Into::into),
            prop::collection::hash_map(name.clone(), inner, 0..8)
                .prop_map(|members| serde_json::Value::Object(members.into_iter().collect())),
        ]
    })
}

proptest! {
    /// Whatever a shop sends becomes events that are JSON, or problems, and the same again the same.
    #[test]
    fn mapping_of_any_json_never_panics(document in any_json(), topic in 0..7_usize) {
        let topics = ["orders/create", "fulfillments/create", "refunds/create", "orders/fulfilled", "order.created", "order.updated", ""];
        let json = document.to_string();
        let headers = [("x-shopify-topic", topics[topic]), ("x-wc-webhook-topic", topics[topic])];
        for name in ["shopify.toml", "woocommerce.toml"] {
            let mapping = example(name);
            let mapped = mapping.map(json.as_bytes(), headers, &Limits::default());
            match &mapped {
                Ok(mapped) => drop(unread(mapped)),
                Err(problems) => prop_assert!((1..=20).contains(&problems.len())),
            }
            prop_assert_eq!(mapped, mapping.map(json.as_bytes(), headers, &Limits::default()));
        }
    }

    #[test]
    fn mapping_of_garbage_never_panics(document in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = example("shopify.toml").map(&document, [("x-shopify-topic", "orders/create")], &Limits::default());
    }

    /// A byte of a real document changed: events or problems.
    #[test]
    fn mapping_of_damaged_documents_never_panics(at in 0..3000_usize, byte in any::<u8>()) {
        let mut json = std::fs::read(data("woocommerce/order_processing.json")).unwrap();
        let at = at % json.len();
        json[at] = byte;
        let mapped = example("woocommerce.toml").map(&json, [("x-wc-webhook-topic", "order.created")], &Limits::default());
        if let Ok(mapped) = mapped {
            unread(&mapped);
        }
    }

    /// Any text as an expression: a mapping or faults.
    #[test]
    fn expressions_of_garbage_never_panic(text in "[a-z.@&|!<=>?(){}\\[\\]'`\"0-9,:* -]{0,40}") {
        let file = MappingFile { document_id: Some(format!("document{text}")), ..MappingFile::default() };
        prop_assert!(Mapping::new(&file).is_err());
    }
}
