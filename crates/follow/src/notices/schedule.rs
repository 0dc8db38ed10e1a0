//! When a message that was not taken is sent again.

use ledger::Timestamp;

/// How long after an attempt that failed the next one follows, in seconds: the first at once, then after each in turn.
///
/// # Source
/// Standard Webhooks 1.0, "Deliverability and reliability": its example of an exponential backoff over three days.
const DELAYS_SECONDS: [i64; 10] = [0, 5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400];
/// By how much a delay is made longer at most, in thousandths.
const JITTER_PERMILLE: i64 = 100;
/// The longest that a receiver may ask us to wait, in microseconds.
const WAIT_MICROS_MAX: i64 = 86_400 * 1_000_000;

/// How many attempts there are.
pub const ATTEMPTS_MAX: u32 = 10;
const _: () = assert!(DELAYS_SECONDS.len() == ATTEMPTS_MAX as usize, "one delay before each attempt");

/// When the message `id` is sent again after `attempts` that failed, the last one at `now`; `None` when it is given up.
///
/// The receiver may have asked for nothing before `not_before`, which is heeded up to a day. Delays are made longer by up to
/// a tenth, by a share that the id and the attempt give, so that messages that failed together do not come back together.
pub(super) fn again_at(id: &str, attempts: u32, now: Timestamp, not_before: Option<Timestamp>) -> Option<Timestamp> {
    let seconds = DELAYS_SECONDS.get(usize::try_from(attempts).ok()?)?;
    let micros = seconds * 1_000_000;
    let share = i64::from(share_permille(id, attempts)) * JITTER_PERMILLE / 1_000;
    let planned = now.plus(micros + micros * share / 1_000);
    let asked = not_before.map_or(planned, |at| at.min(now.plus(WAIT_MICROS_MAX)));
    Some(planned.max(asked))
}

/// A number below 1,000 that is the same for the same id and attempt.
fn share_permille(id: &str, attempts: u32) -> u16 {
    let mut hasher = blake3::Hasher::new();
    hasher.update(id.as_bytes());
    hasher.update(&attempts.to_le_bytes());
    let bytes = hasher.finalize();
    u16::from_le_bytes([bytes.as_bytes()[0], bytes.as_bytes()[1]]) % 1_000
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(1_771_236_000_000_000);

    fn seconds_until(attempts: u32, not_before: Option<Timestamp>) -> Option<i64> {
        again_at("alert-7-opened", attempts, NOW, not_before).map(|at| (at.0 - NOW.0) / 1_000_000)
    }

    #[test]
    fn delays_grow_as_the_standard_has_them_and_end() {
        for (attempts, planned) in (1..).zip([5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400]) {
            let seconds = seconds_until(attempts, None).unwrap();
            assert!((planned..=planned + planned / 10).contains(&seconds), "after {attempts}: {seconds}");
        }
        assert_eq!(seconds_until(ATTEMPTS_MAX, None), None);
        assert_eq!(seconds_until(u32::MAX, None), None);
    }

    #[test]
    fn the_same_message_waits_the_same_and_others_wait_otherwise() {
        assert_eq!(again_at("a", 3, NOW, None), again_at("a", 3, NOW, None));
        let all: std::collections::BTreeSet<_> =
            (0..50).map(|id| again_at(&format!("alert-{id}-opened"), 3, NOW, None)).collect();
        assert!(all.len() > 25, "{} of 50", all.len());
    }

    #[test]
    fn a_receiver_may_ask_for_up_to_a_day() {
        let asked = |seconds: i64| seconds_until(1, Some(NOW.plus(seconds * 1_000_000)));
        assert_eq!(asked(-5), seconds_until(1, None));
        assert_eq!(asked(600), Some(600));
        assert_eq!(asked(1_000_000), Some(86_400));
    }
}
