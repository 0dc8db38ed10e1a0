//! Crashes at any moment: what was acknowledged is there, once, and everything else follows from it.

mod engine_support;

use engine_support::{Trial, for_each_seed};
use rand::RngExt;

#[test]
fn whatever_happens_and_whenever_the_power_fails_the_books_are_right() {
    for_each_seed("whatever_happens", 40, |seed| {
        let mut trial = Trial::new(seed);
        for _ in 0..trial.chance.random_range(1..=4) {
            trial.start().expect("the disk is sound");
            for _ in 0..trial.chance.random_range(1..150) {
                trial.step();
            }
            if trial.chance.random_ratio(1, 3) {
                trial.drain();
                trial.check();
            }
            trial.crash();
        }
        trial.start().expect("the disk is sound");
        trial.check();
        trial.drain();
        trial.check();
    });
}
