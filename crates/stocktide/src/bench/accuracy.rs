//! How well movements are told from what simulated doors read; the same on every machine.

use super::Scale;
use super::figure::Figures;
use anyhow::Result;
use sim::portal::{Conditions, accuracy, accuracy_of};

const SEED: u64 = 1;
/// Of interrogation cycles, in percent.
const MISSED: [u8; 5] = [0, 10, 20, 30, 40];

/// Every condition; in a quick run only the hard ones, with stray tags and crossing traffic.
#[expect(clippy::unnecessary_wraps, reason = "as every measurement")]
pub(super) fn measure(scale: &Scale, figures: &mut Figures) -> Result<()> {
    figures.accuracy = if scale.quick {
        let hard = |missed_percent| Conditions { missed_percent, stray: true, crossing: true };
        MISSED.into_iter().flat_map(|missed| accuracy_of(SEED, hard(missed))).collect()
    } else {
        accuracy(SEED)
    };
    Ok(())
}
