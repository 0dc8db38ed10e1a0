//! What one core can do: decide and apply, and nothing else.

use crate::clock::Stopwatch;
use ledger::{Decision, Limits, State, Timestamp, Verdict};
use wire::Batch;

/// Requests whose memory is touched together, as the engine does.
const WARM: usize = 32;

/// Decides and applies every request of the batches, on one core, in memory; answers the seconds that took.
pub(super) fn decide_and_apply(state: &mut State, batches: &[Batch], now: Timestamp) -> f64 {
    decide_and(state, batches, now, |_, _| {})
}

/// As [`decide_and_apply`]; `applied` is shown every decision after the state has taken it in.
pub(super) fn decide_and(
    state: &mut State,
    batches: &[Batch],
    now: Timestamp,
    mut applied: impl FnMut(&State, &Decision),
) -> f64 {
    let limits = Limits::default();
    let begun = Stopwatch::start();
    let mut group = Vec::with_capacity(WARM);
    for batch in batches {
        for first in (0..batch.len()).step_by(WARM) {
            group.clear();
            group.extend((first..batch.len().min(first + WARM)).map(|index| batch.get(index)));
            std::hint::black_box(state.warm(&group, |_| 0));
            for request in &group {
                if let Verdict::Accepted(decision) = state.decide(request, now, &limits) {
                    state.apply(&decision);
                    applied(state, &decision);
                }
            }
        }
    }
    begun.seconds()
}
