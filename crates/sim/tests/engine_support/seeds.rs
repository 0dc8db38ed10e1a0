//! Which seeds a test runs.

use std::panic::{AssertUnwindSafe, catch_unwind};

/// Runs `scenario` under `count` seeds, or under the one in `STOCKTIDE_SEED`. A failure says how to see it again.
pub(crate) fn for_each_seed(test: &str, count: u64, scenario: impl Fn(u64)) {
    let only: Option<u64> =
        std::env::var("STOCKTIDE_SEED").ok().map(|seed| seed.parse().expect("STOCKTIDE_SEED is a number"));
    let many = std::env::var("STOCKTIDE_SEEDS").ok().map(|count| count.parse().expect("STOCKTIDE_SEEDS is a number"));
    for seed in only.map_or(0..many.unwrap_or(count), |seed| seed..seed + 1) {
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| scenario(seed))) {
            let text = panic.downcast_ref::<String>().map(String::as_str);
            let text = text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("it panicked");
            panic!("seed {seed} fails: {text}\nto see it again: STOCKTIDE_SEED={seed} cargo test -p sim {test}");
        }
    }
}
