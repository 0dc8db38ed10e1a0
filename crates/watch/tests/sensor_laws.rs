//! What must hold for every stream of readings.

use ledger::Timestamp;
use proptest::prelude::*;
use watch::sensor::{Detector, Judgement, Settings, Taken};

/// Readings with thousandths for values, so that sums of them are exact, and with leaps and pauses.
fn readings() -> impl Strategy<Value = Vec<(i64, i64)>> {
    let usual = (1..600_000_000_i64, -2_000..2_000_i64);
    let still = (Just(60_000_000_i64), Just(7_i64));
    let leap = (1..90_000_000_000_i64, -500_000..500_000_i64);
    prop::collection::vec(prop_oneof![8 => usual, 4 => still, 1 => leap], 1..700).prop_map(|steps| {
        let mut at = 1_700_000_000_000_000;
        steps
            .into_iter()
            .map(|(pause, value)| {
                at += pause;
                (at, value)
            })
            .collect()
    })
}

/// Faults are told early on, so that short streams have them.
fn settings() -> Settings {
    Settings { probation_readings: 20, pattern_micros: 0, alarm_score: 0.1, ..Settings::default() }
}

fn judge(detector: &mut Detector, readings: &[(i64, i64)], value: impl Fn(i64) -> f64) -> Vec<Judgement> {
    readings.iter().map(|(at, number)| detector.observe(Timestamp(*at), value(*number))).collect()
}

/// A value in 1024ths.
fn dyadic(number: i64) -> f64 {
    number as f64 / 1_024.0
}

fn image(detector: &Detector) -> Vec<u8> {
    let mut image = Vec::new();
    detector.save(&mut image);
    image
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_shifted_stream_is_judged_the_same(readings in readings(), shift in -1_000_000..1_000_000_i64) {
        let plain = judge(&mut Detector::new(settings()), &readings, dyadic);
        let shifted = judge(&mut Detector::new(settings()), &readings, |number| dyadic(number) + shift as f64);
        for (plain, shifted) in plain.iter().zip(&shifted) {
            prop_assert_eq!((plain.score, plain.surprise), (shifted.score, shifted.surprise));
            prop_assert_eq!((plain.began, plain.ended), (shifted.began, shifted.ended));
        }
    }

    #[test]
    fn a_scaled_stream_is_judged_the_same(readings in readings(), power in -40..40_i32, is_negative: bool) {
        let scale = libm::exp2(f64::from(power)) * if is_negative { -1.0 } else { 1.0 };
        let plain = judge(&mut Detector::new(settings()), &readings, dyadic);
        let scaled = judge(&mut Detector::new(settings()), &readings, |number| dyadic(number) * scale);
        for (plain, scaled) in plain.iter().zip(&scaled) {
            // upside down, the figures are summed in another order
            prop_assert!((plain.score - scaled.score).abs() < 1e-9, "{plain:?} {scaled:?}");
            let names = |judgement: &Judgement| (judgement.fault, judgement.began.map(|began| (began.fault, began.since)));
            prop_assert_eq!(names(plain), names(scaled));
        }
    }

    #[test]
    fn a_loaded_detector_goes_on_as_the_saved_one_would(readings in readings(), part in 0.0..1.0_f64) {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a part of a length")]
        let (before, after) = readings.split_at((readings.len() as f64 * part) as usize);
        let mut saved = Detector::new(settings());
        judge(&mut saved, before, dyadic);
        let bytes = image(&saved);
        let mut loaded = Detector::load(settings(), &mut bytes.as_slice()).unwrap();
        prop_assert_eq!(&loaded, &saved);
        prop_assert_eq!(image(&loaded), bytes, "equal detectors have equal images");
        prop_assert_eq!(judge(&mut loaded, after, dyadic), judge(&mut saved, after, dyadic));
        prop_assert_eq!(image(&loaded), image(&saved));
    }

    #[test]
    fn an_image_that_is_cut_or_changed_is_refused_or_judges_without_a_panic(
        readings in readings(), cut in any::<prop::sample::Index>(), changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let mut detector = Detector::new(settings());
        judge(&mut detector, &readings, dyadic);
        let mut bytes = image(&detector);
        prop_assert!(Detector::load(settings(), &mut &bytes[..cut.index(bytes.len())]).is_err());
        for (place, byte) in changes {
            let place = place.index(bytes.len());
            bytes[place] = byte;
        }
        if let Ok(mut damaged) = Detector::load(settings(), &mut bytes.as_slice()) {
            for judgement in judge(&mut damaged, &readings, dyadic) {
                prop_assert!((0.0..=1.0).contains(&judgement.score));
            }
        }
    }

    #[test]
    fn garbage_never_panics_and_never_spoils_the_score(readings in prop::collection::vec((any::<i64>(), any::<u64>()), 1..400)) {
        let mut detector = Detector::new(Settings { rate_per_second_max: Some(1.0), ..settings() });
        for (at, bits) in readings {
            let value = f64::from_bits(bits);
            let judgement = detector.observe(Timestamp(at), value);
            prop_assert!((0.0..=1.0).contains(&judgement.score), "{judgement:?}");
            prop_assert!(judgement.surprise >= 0.0 && !judgement.expected.is_nan());
            prop_assert_eq!(judgement.taken == Taken::NotANumber, !(-1e100..=1e100).contains(&value));
        }
    }

    #[test]
    fn every_episode_begins_once_and_ends_once(readings in readings()) {
        let mut lasting = None;
        for judgement in judge(&mut Detector::new(settings()), &readings, dyadic) {
            if let Some(ended) = judgement.ended {
                prop_assert_eq!(lasting.take(), Some(ended));
            }
            if let Some(began) = judgement.began {
                prop_assert_eq!(lasting.replace(began), None);
            }
            prop_assert_eq!(judgement.fault, lasting.map(|episode| episode.fault));
        }
    }
}
