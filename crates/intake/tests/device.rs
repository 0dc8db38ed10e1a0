//! What must hold for every device's messages.

use intake::device::{Device, Observation, Settings, Width};
use ledger::Timestamp;
use proptest::prelude::*;

fn observation() -> impl Strategy<Value = Observation> {
    let times = (any::<i64>(), prop::option::of(any::<i64>()));
    let rest = (prop::option::of(any::<u64>()), any::<bool>(), prop::option::of(any::<u16>()), any::<bool>());
    (times, rest).prop_map(|((received_at, sent_at), (sequence, is_birth, battery_permille, is_error))| Observation {
        received_at: Timestamp(received_at),
        sent_at: sent_at.map(Timestamp),
        sequence,
        is_birth,
        battery_permille,
        is_error,
    })
}

fn numbered(number: u64) -> Observation {
    Observation { sequence: Some(number), ..Observation::default() }
}

proptest! {
    #[test]
    fn any_messages_never_panic_and_rates_are_shares(messages in prop::collection::vec(observation(), 0..200), now: i64, eight: bool) {
        let width = if eight { Width::Eight } else { Width::SixtyFour };
        let mut device = Device::new(Settings { width, ..Settings::default() });
        for message in &messages {
            device.take(message);
            prop_assert!(device.errors_permille() <= 1_000 && device.lost_permille() <= 1_000);
        }
        prop_assert_eq!(device.health(Timestamp(now)).reasons.is_empty(), device.health(Timestamp(now)).is_good());
        prop_assert_eq!(device.tallies().messages, u64::try_from(messages.len()).unwrap());
    }

    #[test]
    fn same_message_twice_counts_one_duplicate(numbers in prop::collection::btree_set(0..1_000_u64, 1..100), twice in any::<prop::sample::Index>()) {
        let numbers: Vec<u64> = numbers.into_iter().collect();
        let twice = twice.index(numbers.len());
        let (mut once, mut again) = (Device::new(Settings::default()), Device::new(Settings::default()));
        for (place, number) in numbers.iter().enumerate() {
            once.take(&numbered(*number));
            again.take(&numbered(*number));
            if place == twice {
                again.take(&numbered(*number));
            }
        }
        prop_assert_eq!(again.tallies().duplicates, 1);
        prop_assert_eq!(again.tallies().lost, once.tallies().lost);
    }

    #[test]
    fn order_within_the_memory_does_not_change_what_is_lost(
        start: u64, missing in prop::collection::btree_set(1..63_u64, 0..20), shuffle in Just((1..63_u64).collect::<Vec<_>>()).prop_shuffle(), eight: bool,
    ) {
        let width = if eight { Width::Eight } else { Width::SixtyFour };
        let mut device = Device::new(Settings { width, ..Settings::default() });
        device.take(&numbered(start));
        for ahead in shuffle.iter().filter(|ahead| !missing.contains(ahead)) {
            device.take(&numbered(start.wrapping_add(*ahead)));
        }
        device.take(&numbered(start.wrapping_add(63)));
        prop_assert_eq!(device.tallies().lost, u64::try_from(missing.len()).unwrap());
        prop_assert_eq!((device.tallies().duplicates, device.tallies().resets), (0, 0));
    }

    #[test]
    fn silence_begins_after_the_grace_and_not_before(interval in 1..1_000_000_000_i64, grace in 1..100_u16, last: i32) {
        let mut device = Device::new(Settings { interval_micros: interval, grace_intervals: grace, ..Settings::default() });
        let last = Timestamp(i64::from(last));
        device.take(&Observation { received_at: last, ..Observation::default() });
        let end = last.plus(interval * i64::from(grace));
        prop_assert!(!device.health(end).is_silent());
        prop_assert!(device.health(end.plus(1)).is_silent());
    }
}
