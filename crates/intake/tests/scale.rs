//! What must hold for every scale and every noise.

use intake::scale::{Milligrams, Outcome, Sample, Scale, Settings};
use ledger::Timestamp;
use proptest::prelude::*;

/// A bin of parts on a scale that is good enough for them: noise of a sixth of a unit at most.
fn settings() -> impl Strategy<Value = Settings> {
    (-5_000_000..5_000_000_i64, 60..2_000_000_i64).prop_map(|(tare, unit)| Settings {
        sensor_sd: unit / 10,
        band: unit / 3,
        ..Settings::new(tare, unit, 5_000_000_000_000)
    })
}

/// Puts a weight on it with noise within the band, ten times a second; what that changed.
fn put(scale: &mut Scale, at: &mut i64, weight: Milligrams, noise: &[i64], band: Milligrams) -> Vec<Outcome> {
    let mut changes = Vec::new();
    for noise in noise {
        *at += 100_000;
        let sample = Sample { at: Timestamp(*at), weight: weight + noise * (band / 2) / 1_000 };
        let outcome = scale.take(&sample);
        if !matches!(outcome, Outcome::Unstable | Outcome::NoChange) {
            changes.push(outcome);
        }
    }
    changes
}

fn noise() -> impl Strategy<Value = Vec<i64>> {
    prop::collection::vec(-1_000..=1_000_i64, 12..60)
}

fn is_count(changes: &[Outcome], count: i64) -> bool {
    matches!(changes, [Outcome::Counted(counted)] if counted.quantity.micros() == count * 1_000_000)
}

proptest! {
    #[test]
    fn noise_within_the_band_never_counts(settings in settings(), count in 0..5_000_i64, first in noise(), more in noise()) {
        let mut scale = Scale::new(settings).unwrap();
        let (mut at, weight) = (0, settings.tare + count * settings.unit);
        prop_assert!(is_count(&put(&mut scale, &mut at, weight, &first, settings.band), count));
        prop_assert!(put(&mut scale, &mut at, weight, &more, settings.band).is_empty());
    }

    #[test]
    fn a_change_of_one_unit_counts_once(
        settings in settings(), count in 1..5_000_i64, steps in prop::collection::vec((any::<bool>(), noise()), 1..8), first in noise(),
    ) {
        let mut scale = Scale::new(settings).unwrap();
        let (mut at, mut count) = (0, count);
        put(&mut scale, &mut at, settings.tare + count * settings.unit, &first, settings.band);
        for (is_more, noise) in steps {
            count = if is_more || count == 0 { count + 1 } else { count - 1 };
            let changes = put(&mut scale, &mut at, settings.tare + count * settings.unit, &noise, settings.band);
            prop_assert!(is_count(&changes, count), "{changes:?} for {count}");
            prop_assert_eq!(scale.count(), Some(count));
        }
    }

    #[test]
    fn any_weights_never_panic(settings in settings(), samples in prop::collection::vec((any::<i64>(), any::<i64>()), 0..100)) {
        let mut scale = Scale::new(Settings { stable_micros: 0, samples_min: 1, ..settings }).unwrap();
        for (at, weight) in samples {
            for weight in [weight, weight >> 20, weight >> 30] {
                scale.take(&Sample { at: Timestamp(at), weight });
            }
        }
    }

    #[test]
    fn a_count_is_said_only_when_no_other_explains_the_weight(unit in 60..1_000_000_i64, unit_sd in 0..100_000_i64, weight in 0..1_000_000_000_i64) {
        let settings = Settings { unit_sd, sensor_sd: 10, stable_micros: 0, samples_min: 1, ..Settings::new(0, unit, 5_000_000_000_000) };
        let mut scale = Scale::new(settings).unwrap();
        if let Outcome::Counted(counted) = scale.take(&Sample { at: Timestamp(0), weight }) {
            let count = counted.quantity.micros() / 1_000_000;
            prop_assert!((weight - count * unit).abs() <= counted.uncertainty);
            prop_assert!((weight - (count + 1) * unit).abs() > counted.uncertainty);
            prop_assert!(count == 0 || (weight - (count - 1) * unit).abs() > counted.uncertainty);
            prop_assert!(counted.confidence_permille >= 680 || counted.uncertainty * 3 > unit, "{counted:?}");
        }
    }
}
