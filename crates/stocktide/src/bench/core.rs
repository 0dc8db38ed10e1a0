//! What one core can do: decide and apply, and nothing else.

use crate::clock::Stopwatch;
use ledger::{Limits, State, Timestamp, Verdict};
use wire::Batch;

/// Decides and applies every request of the batches, on one core, in memory; answers the seconds that took.
pub(super) fn decide_and_apply(state: &mut State, batches: &[Batch], now: Timestamp) -> f64 {
    let limits = Limits::default();
    let begun = Stopwatch::start();
    for batch in batches {
        for request in batch.iter() {
            if let Verdict::Accepted(decision) = state.decide(&request, now, &limits) {
                state.apply(&decision);
            }
        }
    }
    begun.seconds()
}
