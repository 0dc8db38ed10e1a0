//! Conditions that nobody meant: no text panics, and no condition that compiles fails for its types.

use proptest::prelude::*;
use watch::own::{Condition, Facts, Now, STEPS_MAX, StockFacts, Subject, TEXT_BYTES_MAX};

const TEXTS: &[&str] = &[
    "stock.on_hand < 3 * stock.daily_usage && now.weekday <= 5",
    "has(stock.days_to_expiry) && stock.days_to_expiry < 3.5",
    "stock.location.startsWith('wärehouse_A/cold') || stock.region in ['north', \"south\"]",
    "['cold', 'frozen'].exists(part, stock.location.contains(part))",
    "[1, 2.5, -3].map(n, n > 1, n * stock.available).filter(n, n > 2) != []",
    "math.greatest(stock.on_hand, 20, 3) == 20 ? !stock.is_disputed : int(stock.on_hand) % 5 == 2",
    "size(stock.product) + 0.5 == 6.5 // six",
    "[[1], [2]].exists_one(x, x[0] == 1e3) && now.date >= r'2026-11-01'",
];

/// Compiles a text and asks the condition, twice; whether there was one.
fn check(text: &str) -> bool {
    let condition = match Condition::compile(text, Subject::Stock) {
        Ok(condition) => condition,
        Err(faults) => {
            assert!(!faults.is_empty(), "{text}");
            for fault in faults {
                assert!((1..=text.chars().count() + 1).contains(&fault.column), "{text}: {fault}");
                assert!(!fault.detail.is_empty(), "{text}");
            }
            return false;
        }
    };
    assert!(condition.steps_max() <= STEPS_MAX);
    let stock = StockFacts { product: "SKU123", on_hand: 12.0, days_of_supply: Some(2.0), ..StockFacts::default() };
    let now = Now { hour: 15, weekday: 2, date: "2026-11-24".to_owned() };
    let facts = Facts::Stock(&stock, &now);
    let answer = condition.holds(&facts);
    assert_eq!(condition.holds(&facts), answer, "{text}");
    if let Err(error) = answer {
        let known =
            ["is unknown; ask", "divided by zero", "too large", "not a number", "a list has no item", "(…) fails"];
        assert!(known.iter().any(|known| error.contains(known)), "{text}: {error}");
    }
    true
}

#[test]
fn mutated_conditions_never_panic() {
    let mut compiled = 0;
    for text in TEXTS {
        assert!(check(text), "{text}");
        for (at, c) in text.char_indices() {
            let (before, after) = (&text[..at], &text[at + c.len_utf8()..]);
            compiled += usize::from(check(&format!("{before}{after}")));
            check(&text[..at]);
            for inserted in ["(", "'", "é", ".", " 1"] {
                compiled += usize::from(check(&format!("{before}{inserted}{after}")));
                compiled += usize::from(check(&format!("{before}{inserted}{c}{after}")));
            }
        }
    }
    assert!(compiled > 100, "{compiled} of the mutated conditions mean something");
}

/// What is nested or strung together as far as the length allows is told, and fits the stack of a thread.
#[test]
fn endless_conditions_never_panic() {
    for (begin, link, middle, close) in [
        ("a", ".b", "", ""),
        ("a", ".b()", "", ""),
        ("a", "[0]", "", ""),
        ("1", "+1", "", ""),
        ("a", "&&a", "", ""),
        ("a", "<a", "", ""),
        ("a", " in a", "", ""),
        ("", "(", "1", ")"),
        ("", "[", "1", "]"),
        ("", "{a:", "1", "}"),
        ("", "a(", "1", ")"),
        ("", "!", "true", ""),
        ("", "-", "1", ""),
        ("", "a?b:", "c", ""),
        ("", "a?", "b", ":c"),
        ("", "(a?[", "", ""),
        ("", "[1].all(x,", "true", ")"),
        ("", "'", "", ""),
        ("", ",", "", ""),
    ] {
        let times = (TEXT_BYTES_MAX - begin.len() - middle.len()) / (link.len() + close.len());
        for times in [times, times / 10, 40] {
            check(&format!("{begin}{}{middle}{}", link.repeat(times), close.repeat(times)));
        }
    }
}

/// Expressions of the grammar, of any types.
fn expression() -> impl Strategy<Value = String> {
    let leaf = prop::sample::select(vec![
        "0",
        "3",
        "-7",
        "9223372036854775807",
        "2.5",
        "1e300",
        "'a'",
        "''",
        "true",
        "false",
        "[1, 2]",
        "[]",
        "['a', 'é']",
        "x",
        "stock.on_hand",
        "stock.in_transit",
        "stock.product",
        "stock.is_disputed",
        "stock.days_to_expiry",
        "now.hour",
        "has(stock.days_to_expiry)",
        "now.date",
    ]);
    leaf.prop_map(str::to_owned).prop_recursive(5, 40, 3, |inner| {
        let form = prop::sample::select(vec![
            "(A + B)",
            "(A - B)",
            "(A * B)",
            "(A / B)",
            "(A % B)",
            "(A == B)",
            "(A != B)",
            "(A < B)",
            "(A >= B)",
            "(A && B)",
            "(A || B)",
            "(A ? B : C)",
            "!A",
            "-A",
            "(A in B)",
            "(A in [B, C])",
            "[A, B]",
            "[A, B][C]",
            "A[B]",
            "size(A)",
            "int(A)",
            "double(A)",
            "string(A)",
            "A.contains(B)",
            "A.startsWith(B)",
            "A.trim()",
            "[A, B].exists(x, C)",
            "[A].all(x, B)",
            "A.filter(x, B)",
            "A.map(x, B)",
            "[A, B].map(x, C)",
            "[A].exists_one(x, B)",
            "math.abs(A)",
            "math.greatest(A, B, C)",
            "math.least(A)",
            "math.floor(A)",
        ]);
        (form, inner.clone(), inner.clone(), inner).prop_map(|(form, a, b, c)| {
            form.chars().fold(String::new(), |mut text, sign| {
                match sign {
                    'A' => text.push_str(&a),
                    'B' => text.push_str(&b),
                    'C' => text.push_str(&c),
                    other => text.push(other),
                }
                text
            })
        })
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 700, ..ProptestConfig::default() })]

    #[test]
    fn compile_of_garbage_never_panics(text in "\\PC{0,80}") {
        check(&text);
    }

    #[test]
    fn what_compiles_never_fails_for_its_types(text in expression(), other in expression()) {
        check(&text);
        check(&format!("{text} == {other}"));
        check(&format!("{text} < {other} || {other} in [{text}]"));
    }

    /// Whether a number is written whole or as a double makes no difference beside a figure.
    #[test]
    fn a_whole_number_is_the_double_of_the_same_value(figure in -20..20_i32, number in -20..20_i32, divisor in 1..5_i32) {
        let (stock, now) = (StockFacts { on_hand: f64::from(figure), ..StockFacts::default() }, Now::default());
        let answer = |text: String| Condition::compile(&text, Subject::Stock).unwrap().holds(&Facts::Stock(&stock, &now));
        for sign in ["<", "<=", "==", "!=", ">", ">="] {
            prop_assert_eq!(
                answer(format!("stock.on_hand {sign} {number} / {divisor}")),
                answer(format!("stock.on_hand {sign} {number}.0 / {divisor}.0"))
            );
        }
    }
}
