//! Any text as a condition: no panic, faults within the text, and a condition that answers the same twice.
#![no_main]

use libfuzzer_sys::fuzz_target;
use watch::own::{Condition, Facts, Now, STEPS_MAX, StockFacts, Subject};

fuzz_target!(|text: &str| {
    match Condition::compile(text, Subject::Stock) {
        Err(faults) => {
            assert!(!faults.is_empty());
            assert!(faults.iter().all(|fault| (1..=text.chars().count() + 1).contains(&fault.column)));
        }
        Ok(condition) => {
            assert!(condition.steps_max() <= STEPS_MAX);
            let stock = StockFacts { product: "SKU123", on_hand: 12.0, days_of_supply: Some(2.0), ..StockFacts::default() };
            let now = Now { hour: 15, weekday: 2, date: "2026-11-24".to_owned() };
            let facts = Facts::Stock(&stock, &now);
            assert_eq!(condition.holds(&facts), condition.holds(&facts));
        }
    }
});
