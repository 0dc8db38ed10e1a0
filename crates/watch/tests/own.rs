//! Conditions that users write: what they mean, and what is said of those that mean nothing.

use watch::own::{
    Condition, DeviceFacts, Facts, Kind, Now, ReadingFacts, STEPS_MAX, ShipmentFacts, StockFacts, Subject,
};

fn stock() -> StockFacts<'static> {
    StockFacts {
        product: "SKU123",
        location: "warehouse_A/cold-1/bin-07",
        warehouse: "warehouse_A",
        region: Some("north"),
        on_hand: 12.0,
        available: 7.5,
        reserved: 4.5,
        on_order: 20.0,
        position: 27.5,
        daily_usage: Some(2.5),
        days_of_supply: Some(3.0),
        confidence: Some(0.9),
        is_disputed: true,
        ..StockFacts::default()
    }
}

/// A Tuesday, 15:00.
fn now() -> Now {
    Now { hour: 15, weekday: 2, date: "2026-11-24".to_owned() }
}

fn holds(text: &str) -> Result<bool, String> {
    let condition = Condition::compile(text, Subject::Stock).unwrap_or_else(|faults| panic!("{text}: {faults:?}"));
    condition.holds(&Facts::Stock(&stock(), &now()))
}

#[test]
fn conditions_hold_or_do_not() {
    for (text, expected) in [
        ("stock.on_hand > 3", true),
        ("stock.on_hand > 3.0", true),
        ("stock.on_hand == 12", true),
        ("stock.on_hand != 12", false),
        ("3 < stock.on_hand && stock.on_hand <= 12", true),
        ("stock.available < 4 * stock.daily_usage", true),
        ("stock.available + stock.on_order + stock.in_transit == stock.position", true),
        ("stock.reserved / 2 == 2.25", true),
        ("stock.on_hand > -1", true),
        ("-stock.on_hand < -11", true),
        // A whole number beside a double is calculated as one, all the way down.
        ("stock.days_of_supply < 7 / 2", true),
        ("7 / 2 == 3", true),
        ("7 / 2 < stock.days_of_supply + 0.4", false),
        ("stock.on_hand == (true ? 12 : 11)", true),
        ("stock.on_hand in [1, 12]", true),
        ("stock.available in [7.5, 2]", true),
        ("stock.on_hand in [1, 2].map(n, n * 6)", true),
        ("[1, 2.5].exists(n, n * 3 == stock.available)", true),
        ("size(stock.product) == 6 && size(stock.product) < stock.on_hand", true),
        ("size(stock.product) + 0.5 == 6.5", true),
        ("int(stock.on_hand) % 5 == 2", true),
        ("now.hour >= 9 && now.hour < 17 && now.weekday <= 5", true),
        ("now.hour % 5 == 0", true),
        ("now.hour == 15.0", true),
        ("now.date >= '2026-11-01' && now.date < '2026-12-01'", true),
        ("stock.location.startsWith('warehouse_A/cold')", true),
        ("stock.location.endsWith(\"bin-07\") && !stock.location.contains('hot')", true),
        ("stock.product.lowerAscii() == 'sku123'", true),
        ("'  a '.trim() + 'b' == 'ab'", true),
        ("has(stock.days_to_expiry) && stock.days_to_expiry < 3", false),
        ("!has(stock.days_to_expiry) || stock.days_to_expiry < 3", true),
        ("has(stock.on_hand)", true),
        ("has(stock.days_of_supply) ? stock.days_of_supply < 5 : stock.available < 10", true),
        ("(has(stock.category) ? stock.category : 'none') == 'none'", true),
        ("stock.region in ['north', 'south']", true),
        ("['cold', 'frozen'].exists(part, stock.location.contains(part))", true),
        ("['cold', 'bin'].all(part, stock.location.contains(part))", true),
        ("['warehouse_A', 'warehouse'].exists_one(name, name == stock.warehouse)", true),
        ("[1, 5, 20].filter(n, n > stock.available) == [20]", true),
        ("math.greatest(stock.on_hand, 20, 3) == 20", true),
        ("math.least(stock.on_hand, stock.available) == 7.5 && math.abs(-2) == 2", true),
        ("math.ceil(stock.available) == 8 && math.floor(7) == 7 && math.round(7.5) == 8", true),
        ("stock.is_disputed && !stock.is_negative", true),
        ("stock.is_disputed == true", true),
        ("string(stock.on_hand) == '12'", true),
        ("double('1.5') == 1.5 && int('12') == 12 && bool('true')", true),
        ("stock.on_hand\n  > 3 // enough\n", true),
        ("true", true),
    ] {
        assert_eq!(holds(text), Ok(expected), "{text}");
    }
}

/// From the tests of the language's specification (cel-spec, tests/simple), as far as this part of it goes.
#[test]
fn the_language_is_that_of_the_specification() {
    for (text, expected) in [
        ("size('') == 0 && size('A') == 1 && size('four') == 4 && 'four'.size() == 4", true),
        ("size('πέντε') == 5 && size('\u{1F431}\\u00df') == 2", true),
        ("'foobar'.startsWith('foo') && !'foobar'.startsWith('bar') && ''.startsWith('')", true),
        ("'foobar'.endsWith('bar') && 'τελος'.endsWith('ος') && !'foobar'.endsWith('foo')", true),
        ("'foobar'.contains('') && 'foobar'.contains('ob') && !'foobar'.contains('OB')", true),
        ("'he' + 'llo' == 'hello' && 'a' < 'b' && 'a' < 'aa' && 'Α' < 'Β'", true),
        (r#""\u00e9" == 'é' && r'\d' == '\\d' && '''a'b''' == "a'b""#, true),
        ("1 in [1, 2, 3] && !(4 in [1, 2, 3]) && !('x' in []) && [1, 2][1] == 2", true),
        ("[1, 2] + [3] == [1, 2, 3] && size([1, 2]) == 2 && [1, 2] != [2, 1]", true),
        ("[1, 2, 3].all(e, e > 0) && [].all(e, e > 0) && ![].exists(e, e == 2)", true),
        ("[1, 2, 3].exists(e, e > 2) && [1, 2, 3].exists_one(e, e > 2) && ![1, 2].exists_one(e, e > 0)", true),
        // An error in one item doesn't matter when another decides.
        ("[0, 2].exists(e, 2 / e == 1) && !([0, 2].all(e, 2 / e == 2))", true),
        ("[1, 2, 3].map(n, n * n) == [1, 4, 9] && [1, 2, 3].map(n, n > 1, n * n) == [4, 9]", true),
        ("[1, 2, 3].filter(n, n % 2 == 1) == [1, 3]", true),
        ("['signer'].all(x, ['artifact'].exists(y, x != y))", true),
        ("true ? true : 1 / 0 == 1", true),
        ("false && 1 / 0 == 1", false),
        ("1 / 0 == 1 && false", false),
        ("true || 1 / 0 == 1", true),
        ("1 / 0 == 1 || true", true),
        ("7 / -2 == -3 && 7 % -2 == 1 && -7 % 2 == -1", true),
        ("1 == 1.0 && 1.0 / 0.0 > 1.0", true),
        ("int(-1.9) == -1 && int(1.9) == 1 && double(1000000000000) == 1e12", true),
        ("0x1F == 31 && 1e3 == 1000", true),
        ("!true == false && !!true && - -1 == 1", true),
        ("2 + 3 * 4 == 14 && (2 + 3) * 4 == 20 && 10 - 2 - 3 == 5", true),
    ] {
        assert_eq!(holds(text), Ok(expected), "{text}");
    }
}

#[test]
fn what_cannot_be_told_is_an_answer_with_a_remedy() {
    for (text, expected) in [
        ("stock.days_to_expiry < 3", "stock.days_to_expiry is unknown; ask has(stock.days_to_expiry) && … before it"),
        (
            "10 / (size(stock.product) - 6) > 1",
            "a whole number is divided by zero; ask before whether the divisor is 0",
        ),
        ("10 % (now.hour - 15) == 1", "a whole number is divided by zero; ask before whether the divisor is 0"),
        (
            "9223372036854775807 + size(stock.product) > 0",
            "a whole number grows too large; write it with a decimal point to calculate in doubles",
        ),
        (
            "stock.in_transit / stock.in_transit < 1",
            "a figure that is compared is not a number, such as 0 divided by 0",
        ),
        ("['a', 'b'][now.weekday] == 'a'", "a list has no item 2; the first is 0"),
        ("int(stock.product) > 3", "int(…) fails: string parse error: invalid digit found in string"),
        ("int(stock.on_hand * 1e300) > 3", "int(…) fails: integer overflow"),
    ] {
        assert_eq!(holds(text), Err(expected.to_owned()), "{text}");
    }
    let (condition, now) = (Condition::compile("stock.on_hand > 3", Subject::Stock).unwrap(), now());
    let endless = StockFacts { on_hand: f64::NAN, ..stock() };
    let expected = Err("stock.on_hand is not a finite number".to_owned());
    assert_eq!(condition.holds(&Facts::Stock(&endless, &now)), expected);
    let expected = Err("the condition is over a stock, and the facts are of a device".to_owned());
    assert_eq!(condition.holds(&Facts::Device(&DeviceFacts::default(), &now)), expected);
    let long = "é".repeat(501);
    let condition = Condition::compile("stock.product == 'a' || true", Subject::Stock).unwrap();
    let expected = Err("stock.product has 1002 bytes; a condition reads at most 1000".to_owned());
    assert_eq!(condition.holds(&Facts::Stock(&StockFacts { product: &long, ..stock() }, &now)), expected);
}

#[test]
fn every_subject_has_its_facts() {
    let now = now();
    let reading =
        ReadingFacts { metric: "temperature", value: -14.0, zone_max: Some(-18.0), ..ReadingFacts::default() };
    let shipment = ShipmentFacts { state: "in_transit", late_probability: Some(0.8), ..ShipmentFacts::default() };
    let device = DeviceFacts { kind: "scale", minutes_silent: Some(31.0), ..DeviceFacts::default() };
    for (text, facts) in [
        ("reading.metric == 'temperature' && reading.value > reading.zone_max + 3", Facts::Reading(&reading, &now)),
        ("shipment.state == 'in_transit' && shipment.late_probability >= 0.5", Facts::Shipment(&shipment, &now)),
        ("device.minutes_silent > 30 && !has(device.battery_percent)", Facts::Device(&device, &now)),
    ] {
        let condition = Condition::compile(text, facts.subject()).unwrap();
        assert_eq!(condition.holds(&facts), Ok(true), "{text}");
    }
}

#[test]
fn faults_name_the_column_and_the_remedy() {
    for (text, column, detail) in [
        ("", 1, "the condition is empty; write one such as stock.available < 10"),
        ("stock.on_hand >", 16, "the condition ends too early; something is missing at its end"),
        ("(stock.on_hand > 3", 19, "a ')' is missing at the end"),
        ("stock.is_disputed ? true", 25, "a ':' is missing at the end"),
        ("stock.on_hand = 3", 15, "'=' cannot stand here: write == to compare"),
        ("stock.is_disputed and true", 19, "'and' cannot stand here: write && for 'and'"),
        ("stock.is_disputed & true", 19, "'&' cannot stand here: write && for 'and'"),
        (
            "stock.on_hand <> 3",
            16,
            "'>' cannot stand here: an operator such as && or a value is missing before it, or it is one too many",
        ),
        (
            "stock.category == 'é' # no",
            23,
            "'#' cannot stand here: it is not part of the language; a text stands in quotes, as in 'é'",
        ),
        (
            "stock.product == 'abc",
            18,
            "''' cannot stand here: the text is not closed, or has a \\ that means nothing; write \\\\ for a \\",
        ),
        ("stock.on_hand > 99999999999999999999", 17, "the whole number is too large; write it with a decimal point"),
        ("if", 1, "'if' is a reserved word; to choose, write condition ? this : that"),
        ("has(stock)", 5, "has(…) takes a fact, as in has(stock.days_to_expiry)"),
        (
            "[1].exists(1, true)",
            12,
            "a name for the item stands here, as in ['a', 'b'].exists(item, item == stock.category)",
        ),
        ("stok.on_hand > 3", 1, "'stok' is unknown; did you mean 'stock'?"),
        ("true && stock.onhand > 3", 15, "stock has no 'onhand'; did you mean stock.on_hand?"),
        (
            "'é' == '' || has(stock.days_to_expire)",
            24,
            "stock has no 'days_to_expire'; did you mean stock.days_to_expiry?",
        ),
        ("on_hand > 3", 1, "'on_hand' is unknown; did you mean stock.on_hand?"),
        ("stock > 3", 1, "'stock' is a group of facts; write one of them, such as stock.product"),
        ("reading.value > 3", 1, "a condition over stock knows nothing of a reading; it reads stock.… and now.…"),
        ("stock.product.length > 3", 15, "nothing is behind a dot here; '.length' stands after a group of facts only"),
        ("now.minute > 3", 5, "now has no 'minute'; it has hour, weekday, date"),
        ("stock.on_hand", 6, "the condition is a number, not true or false; compare it, for example with == or <"),
        (
            "stock.on_hand && true",
            6,
            "true or false is wanted here, and this is a number; compare it, for example with == or <",
        ),
        ("stock.on_hand > '3'", 15, "> compares two numbers or two texts, and these are a number and a text"),
        ("stock.product == 3", 15, "== compares two of a kind, and these are a text and a whole number"),
        (
            "stock.product + 3 == 'a'",
            15,
            "+ takes two numbers, and these are a text and a whole number; it joins two texts or two lists as well",
        ),
        (
            "stock.on_hand % 2 == 0",
            15,
            "% takes two whole numbers; write int(…) around a figure, as in int(stock.on_hand) % 2 == 0",
        ),
        ("'cold' in stock.location", 8, "'in' looks in a list; for a part of a text write text.contains(part)"),
        ("stock.on_hand in ['a']", 15, "'in' looks for a number in a list of which each item is a text"),
        ("[1, 'a'] == []", 5, "a list has items of one kind; this is a text, and what is before it a whole number"),
        (
            "stock.is_disputed ? 1 : 'a'",
            19,
            "? : chooses between two of a kind, and these are a whole number and a text",
        ),
        (
            "stock.location.beginsWith('a')",
            16,
            "there is no function 'beginsWith'; there are size, contains, startsWith, endsWith, lowerAscii, upperAscii, trim, all, exists, exists_one, filter, map",
        ),
        ("stock.location.startWith('a')", 16, "there is no function 'startWith'; did you mean 'startsWith'?"),
        ("stock.location.matches('a.*')", 16, "there is no function 'matches'; write startsWith, endsWith or contains"),
        ("max(stock.on_hand, 3) > 4", 1, "there is no function 'max'; write math.greatest(a, b)"),
        ("contains(stock.location, 'a')", 1, "write text.contains(part)"),
        ("stock.location.contains('a', 'b')", 16, "contains takes two values; write text.contains(part)"),
        ("stock.location.contains(3)", 25, "text.contains(part) takes a text here, and this is a whole number"),
        ("[1].exists(x)", 5, "write list.exists(item, condition), with a name for the item"),
        ("'abc'.exists(x, true)", 1, "a loop goes over a list, and this is a text"),
        ("[1].exists(stock, true)", 12, "'stock' is a group of facts; give the item another name"),
        ("{'a': 1} == {}", 1, "maps and messages are not part of the language; write a list, as in ['a', 'b']"),
        ("stock.category == null", 19, "there is no null; ask has(…) whether a fact is known"),
        ("stock.on_hand > 3u", 17, "a number is written without u, as in 3 or 2.5"),
        ("[][0] == 1", 3, "an empty list has no items"),
    ] {
        let faults = Condition::compile(text, Subject::Stock).map(|_| ()).unwrap_err();
        assert_eq!((faults[0].column, faults[0].detail.as_str()), (column, detail), "{text}");
    }
}

#[test]
fn all_faults_are_told_by_their_columns() {
    let faults =
        Condition::compile("stock.onhand > 3 && reserved == 'a'\n || now.hours < 'é'", Subject::Stock).unwrap_err();
    let columns: Vec<usize> = faults.iter().map(|fault| fault.column).collect();
    assert_eq!(columns, [7, 21, 45], "{faults:?}");
    assert_eq!(faults[2].to_string(), "column 45: now has no 'hours'; did you mean now.hour?");
}

#[test]
fn what_it_reads_is_told() {
    let text = "stock.on_hand > 3 && (now.hour > 7 || has(stock.days_to_expiry)) && stock.on_hand < 9";
    let condition = Condition::compile(text, Subject::Stock).unwrap();
    let reads = condition.reads();
    assert_eq!(reads.names().collect::<Vec<_>>(), ["stock.on_hand", "stock.days_to_expiry", "now.hour"]);
    assert!(reads.contains("now.hour") && !reads.contains("now.date"));
    let (now, stock) = (now(), stock());
    let changed =
        |after: StockFacts<'_>| Facts::Stock(&after, &now).differing(&Facts::Stock(&stock, &now)).meets(&reads);
    assert!(!changed(StockFacts { reserved: 1.0, ..stock.clone() }));
    assert!(changed(StockFacts { days_to_expiry: Some(1.0), ..stock.clone() }));
}

#[test]
fn what_would_take_too_long_is_refused() {
    let looped = "[0,1,2,3,4,5,6,7,8,9].all(a, ";
    let deep = |times: usize| format!("{}true{}", looped.repeat(times), ")".repeat(times));
    assert!(Condition::compile(&deep(3), Subject::Stock).unwrap().steps_max() < STEPS_MAX);
    for (text, column, start) in [
        (deep(4), 1, "the condition may take 91103 steps, more than the 10000"),
        (deep(9), 258, "it has 9 loops, more than 8"),
        // A text that is doubled time and again would fill the memory of the machine.
        (format!("[stock.product]{} == []", ".map(x, x + x)".repeat(8)), 1, "the condition may take"),
        (
            format!("['{}']{} == []", "a".repeat(1_500), ".map(x, x + x + x + x + x)".repeat(8)),
            1,
            "the condition may take",
        ),
        (format!("stock.on_hand > {}1", "1 + ".repeat(100)), 233, "it is nested deeper than 48"),
        (
            format!("{}stock.on_hand > 1{}", "(".repeat(60), ")".repeat(60)),
            50,
            "brackets and ?: are nested deeper than 48",
        ),
        (format!("stock.product == '{}'", "é".repeat(1_000)), 1010, "the condition has 2019 bytes"),
    ] {
        let faults = Condition::compile(&text, Subject::Stock).map(|_| ()).unwrap_err();
        assert!(
            faults.iter().any(|fault| fault.column == column && fault.detail.starts_with(start)),
            "{text}: {faults:?}"
        );
    }
}

#[test]
fn the_documentation_lists_every_fact_and_its_examples_compile() {
    let text = include_str!("../../../docs/rules.md");
    for field in Subject::ALL.into_iter().flat_map(Subject::fields) {
        let kind = match field.kind {
            Kind::Bool => "true or false",
            Kind::Whole => "whole number",
            Kind::Number => "number",
            Kind::Text => "text",
        };
        let unknown = if field.is_optional { ", may be unknown" } else { "" };
        let row = format!("| `{}` | {kind}{unknown} |{} |", field.name, field.about);
        assert!(text.contains(&row), "docs/rules.md has no row {row}");
    }
    let examples = text.lines().take_while(|line| !line.starts_with('#') || line.starts_with("# "));
    for example in examples.filter_map(|line| line.strip_prefix("    ")) {
        let subject = example.split(|c: char| !c.is_ascii_lowercase()).find_map(Subject::from_name).unwrap();
        assert_eq!(Condition::compile(example, subject).map(|_| ()), Ok(()), "{example}");
    }
}
