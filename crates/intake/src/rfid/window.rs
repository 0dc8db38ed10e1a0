//! How long to look back: the formulas of SMURF, in whole numbers.
//!
//! Each epoch is a trial that finds a present tag with probability `p`. A window of `w` epochs holds the sample `S`: the
//! epochs in which the tag was read. A read rate is a [`Rate`], a fraction of counts, so that nothing is rounded.

/// Epochs that are remembered, and so the longest window.
pub const WINDOW_EPOCHS_MAX: u8 = 48;

/// How often a tag answers while it is there: `reads` of `chances`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rate {
    /// Interrogation cycles that read the tag, at most one counted for each.
    pub reads: u32,
    /// Interrogation cycles that could have.
    pub chances: u32,
}

impl Rate {
    /// In thousandths, rounded down; zero without chances.
    pub fn permille(self) -> u16 {
        let permille = u64::from(self.reads) * 1_000 / u64::from(self.chances.max(1));
        u16::try_from(permille.min(1_000)).expect("at most a thousand")
    }
}

/// `ln(1/delta)` in millionths, where a window may miss a present tag with probability `delta` (thousandths).
///
/// Outside 1 to 999, the nearest of them.
///
/// # Source
/// Jeffery et al. 2006, lemma 1 (the window's size for completeness).
pub fn log_inverse_micros(delta_permille: u16) -> u64 {
    let delta = f64::from(delta_permille.clamp(1, 999)) / 1_000.0;
    let micros = libm::round(-libm::log(delta) * 1e6);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 1 000 and 6 907 756")]
    let whole = micros as u64;
    whole
}

/// The window in epochs that reads a present tag with probability `1 - delta`: `w* = ceil((1/p) ln(1/delta))`, at least
/// 1 and at most [`WINDOW_EPOCHS_MAX`]; that maximum for a rate of zero.
///
/// From `(1 - p)^w <= e^(-pw) <= delta`.
///
/// ```
/// use intake::rfid::window::{Rate, log_inverse_micros, required};
/// let ln20 = log_inverse_micros(50);
/// assert_eq!(required(Rate { reads: 1, chances: 1 }, ln20), 3, "ln 20 = 2.996");
/// assert_eq!(required(Rate { reads: 3, chances: 10 }, ln20), 10, "2.996 / 0.3 = 9.99");
/// ```
///
/// # Source
/// Jeffery et al. 2006, lemma 1: `w_i >= ceil((1/p_i_avg) ln(1/delta))`.
pub fn required(rate: Rate, log_inverse_micros: u64) -> u8 {
    if rate.reads == 0 {
        return WINDOW_EPOCHS_MAX;
    }
    let wanted = (log_inverse_micros * u64::from(rate.chances)).div_ceil(1_000_000 * u64::from(rate.reads));
    u8::try_from(wanted).map_or(WINDOW_EPOCHS_MAX, |wanted| wanted.clamp(1, WINDOW_EPOCHS_MAX))
}

/// Whether so few epochs of the window heard the tag that it has probably moved:
/// `w p - |S| > 2 sqrt(w p (1 - p))`, squared so that no root is taken.
///
/// The paper writes the distance without a sign. Only its lower side is used here: more reads than expected are no sign
/// of a departure, and a reader with several cycles an epoch gives more of them whenever `p` is small.
///
/// # Source
/// Jeffery et al. 2006, lemma 2 (transition detection, two sigma of the binomial sample).
pub fn has_moved(heard: u8, window: u8, rate: Rate) -> bool {
    let (reads, chances) = (i128::from(rate.reads.min(rate.chances)), i128::from(rate.chances));
    let (heard, window) = (i128::from(heard), i128::from(window));
    let short = window * reads - heard * chances;
    short > 0 && short * short > 4 * window * reads * (chances - reads)
}

/// The window after one more epoch: two longer at a time while `required` asks for more, halved when the tag has moved
/// ([`has_moved`]), else as it was.
///
/// # Source
/// Jeffery et al. 2006, algorithm 1: `w = max(min(w + 2, w*), 1)` and `w = max(min(w / 2, w*), 1)`.
pub fn adapted(window: u8, required: u8, has_moved: bool) -> u8 {
    if required > window {
        required.min(window.saturating_add(2)).clamp(1, WINDOW_EPOCHS_MAX)
    } else if has_moved {
        required.min(window / 2).max(1)
    } else {
        window
    }
}

/// The probability, in thousandths, that a present tag is read at least once in `window` epochs: `1 - (1 - p)^w`.
///
/// # Source
/// Jeffery et al. 2006, section 4.1 (the inclusion probability of the pi-estimator).
pub fn inclusion_permille(window: u8, rate: Rate) -> u16 {
    let miss = 1_000_000 - u64::from(rate.permille()) * 1_000;
    let missed = (0..window).fold(1_000_000_u64, |missed, _| missed * miss / 1_000_000);
    u16::try_from((1_000_000 - missed) / 1_000).expect("at most a thousand")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rate(permille: u32) -> Rate {
        Rate { reads: permille, chances: 1_000 }
    }

    #[test]
    fn the_required_window_keeps_its_promise() {
        for delta in [10, 50, 100] {
            for permille in (150..=1_000).step_by(50) {
                let window = required(rate(permille), log_inverse_micros(delta));
                if window < WINDOW_EPOCHS_MAX {
                    assert!(inclusion_permille(window, rate(permille)) >= 1_000 - delta, "{delta} {permille}");
                }
            }
        }
        assert_eq!(required(rate(0), log_inverse_micros(50)), WINDOW_EPOCHS_MAX);
    }

    #[test]
    fn a_transition_needs_two_sigma() {
        // w = 20, p = 0.5: expected 10, sigma 2.236
        assert!(!has_moved(6, 20, rate(500)), "4 below is within 4.47");
        assert!(has_moved(5, 20, rate(500)), "5 below is not");
        assert!(!has_moved(20, 20, rate(500)), "above is no departure");
        assert!(!has_moved(10, 10, rate(1_000)));
        assert!(has_moved(9, 10, rate(1_000)), "a tag that is always read and was not");
    }

    #[test]
    fn windows_grow_by_two_and_shrink_by_half() {
        assert_eq!(adapted(1, 10, true), 3);
        assert_eq!(adapted(9, 10, false), 10);
        assert_eq!(adapted(10, 10, true), 5);
        assert_eq!(adapted(10, 3, true), 3);
        assert_eq!(adapted(10, 3, false), 10);
        assert_eq!(adapted(1, 1, true), 1);
    }
}
