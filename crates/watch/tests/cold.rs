//! Excursions, budgets, mean kinetic temperatures and short series.

use ledger::Timestamp;
use proptest::prelude::*;
use watch::cold::{
    Budget, Change, Class, End, Episode, Exposure, KineticMean, Limits, Settings, downsample, mean_kinetic,
};

const MINUTE: i64 = 60_000_000;

fn settings() -> Settings {
    Settings::new(Class::Frozen.terms().temperature)
}

/// Takes readings given in minutes and degrees; what became of excursions.
fn take(exposure: &mut Exposure, readings: &[(i64, f64)]) -> Vec<Change> {
    let changes = readings.iter().flat_map(|(at, value)| exposure.take(Timestamp(at * MINUTE), *value).changes);
    changes.collect()
}

fn near(one: f64, other: f64, tolerance: f64) -> bool {
    (one - other).abs() <= tolerance
}

#[test]
fn an_excursion_begins_and_ends_where_the_line_crosses_the_limit() {
    let mut exposure = Exposure::new(settings());
    assert_eq!(take(&mut exposure, &[(0, -20.0), (10, -20.0)]), []);
    let began = Change::Began { since: Timestamp(15 * MINUTE), peak: -16.0 };
    assert_eq!(take(&mut exposure, &[(20, -16.0)]), [began]);
    assert_eq!(take(&mut exposure, &[(30, -14.0)]), []);
    assert!(near(exposure.episode().unwrap().minutes_outside(), 15.0, 1e-9));
    let changes = take(&mut exposure, &[(40, -20.0)]);
    let [Change::Ended { by: End::Returned, episode }] = changes.as_slice() else { panic!("{changes:?}") };
    // Half of ten minutes, ten, and two thirds of ten; two triangles and a trapezium above −18.
    assert!(near(episode.minutes_outside(), 5.0 + 10.0 + 20.0 / 3.0, 1e-6));
    assert!(near(episode.degree_minutes, 5.0 + 30.0 + 40.0 / 3.0, 1e-9));
    assert_eq!((episode.since, episode.until), (Timestamp(15 * MINUTE), Timestamp(30 * MINUTE + 400_000_000)));
    assert!(near(episode.peak, -14.0, 0.0));
    assert_eq!(exposure.episode(), None);
}

#[test]
fn what_trembles_at_the_limit_is_one_excursion() {
    let mut exposure = Exposure::new(settings());
    let readings = [(0, -17.0), (10, -18.2), (20, -17.0), (30, -18.2), (40, -17.5), (50, -18.5)];
    let changes = take(&mut exposure, &readings);
    assert!(
        matches!(changes.as_slice(), [Change::Began { .. }, Change::Ended { by: End::Returned, .. }]),
        "{changes:?}"
    );
    let Change::Ended { episode, .. } = changes[1] else { panic!() };
    // Below −18 it was inside: that time is not counted.
    assert!(episode.minutes_outside() < 45.0 && episode.until == Timestamp(45 * MINUTE));
}

#[test]
fn what_is_shorter_than_an_excursion_is_none_and_is_spent_all_the_same() {
    let mut exposure = Exposure::new(settings());
    let mut budget = Budget::new(5);
    let mut exceeded = 0;
    for (at, value) in [(0, -18.5), (4, -17.5), (8, -18.5), (12, -17.5), (16, -18.5)] {
        let taken = exposure.take(Timestamp(at * MINUTE), value);
        assert!(taken.changes.is_empty());
        exceeded += i32::from(budget.spend(taken.outside_micros));
    }
    assert!(near(exposure.minutes_outside(), 8.0, 1e-9) && near(budget.spent_minutes(), 8.0, 1e-9));
    assert!(exceeded == 1 && budget.is_exceeded() && near(budget.left_minutes(), 0.0, 0.0));
    budget.allow(10);
    assert!(!budget.is_exceeded() && near(budget.left_minutes(), 2.0, 1e-9));
}

#[test]
fn a_gap_ends_an_excursion_and_is_not_counted() {
    let mut exposure = Exposure::new(settings());
    take(&mut exposure, &[(0, -15.0), (10, -14.0)]);
    assert_eq!(exposure.lapses_after(), Some(Timestamp(70 * MINUTE)));
    assert_eq!(exposure.lapse(Timestamp(70 * MINUTE)), None);
    let changes = take(&mut exposure, &[(71, -13.0), (81, -13.0)]);
    let [Change::Ended { by: End::SensorLost, episode }, Change::Began { since, .. }] = changes.as_slice() else {
        panic!("{changes:?}")
    };
    assert!(near(episode.minutes_outside(), 10.0, 1e-9) && episode.until == Timestamp(10 * MINUTE));
    assert_eq!(*since, Timestamp(71 * MINUTE));
    let lapsed = exposure.lapse(Timestamp(200 * MINUTE));
    assert!(matches!(lapsed, Some(Change::Ended { by: End::SensorLost, .. })), "{lapsed:?}");
    assert_eq!(exposure.lapse(Timestamp(200 * MINUTE)), None);
    assert_eq!(exposure.lapses_after(), None);
    assert!(near(exposure.minutes_outside(), 20.0, 1e-9));
}

#[test]
fn an_excursion_goes_on_under_other_settings() {
    let mut exposure = Exposure::new(settings());
    take(&mut exposure, &[(0, -15.0), (10, -14.0)]);
    exposure.set(Settings { limits: Limits::at_most(-12.0), ..settings() });
    let changes = take(&mut exposure, &[(20, -14.0)]);
    let [Change::Ended { by: End::Returned, episode }] = changes.as_slice() else { panic!("{changes:?}") };
    assert!(near(episode.minutes_outside(), 10.0, 1e-9) && episode.until == Timestamp(10 * MINUTE));
}

#[test]
fn late_repeated_and_unusable_readings_change_nothing_but_their_counts() {
    let mut exposure = Exposure::new(settings());
    take(&mut exposure, &[(0, -20.0), (10, -15.0)]);
    let before = exposure.clone();
    take(&mut exposure, &[(5, 30.0), (10, -15.0), (10, 3.0), (20, f64::NAN), (20, f64::INFINITY), (20, -1e12)]);
    assert_eq!((exposure.late(), exposure.duplicates(), exposure.unusable()), (1, 2, 3));
    assert_eq!((exposure.episode(), exposure.last()), (before.episode(), before.last()));
    assert!(near(exposure.minutes_outside(), before.minutes_outside(), 0.0));
}

#[test]
fn too_cold_is_outside_as_well() {
    let limits = Class::Pharma2To8.terms().temperature;
    let mut exposure = Exposure::new(Settings { begins_after_micros: 0, ..Settings::new(limits) });
    // From 11 to −1 in twelve minutes: three of them too warm, three too cold.
    let changes = take(&mut exposure, &[(0, 11.0), (12, -1.0), (14, 5.0)]);
    let [Change::Began { since: Timestamp(0), .. }, Change::Ended { by: End::Returned, episode }] = changes.as_slice()
    else {
        panic!("{changes:?}")
    };
    assert!(near(episode.minutes_outside(), 3.0 + 3.0 + 1.0, 1e-6));
    assert!(near(episode.peak, 11.0, 0.0), "the first of two that are as far outside");
}

#[test]
fn the_mean_kinetic_temperature_is_that_of_the_formula() {
    for (readings, celsius) in [
        // The example of the README of github.com/zelti/mkt, an aggregate for PostgreSQL.
        (&[(2.0, 2.0), (1.0, 5.0), (4.0, 8.0)][..], 6.250_264_773_399),
        // The formula of USP <1160> with fifty digits.
        (&[(1.0, 20.0), (1.0, 30.0)], 26.259_886_916_003_41),
        (&[(29.0, 25.0), (1.0, 40.0)], 26.113_034_266_431_23),
        (&[(23.0, 5.0), (1.0, 15.0)], 5.763_545_892_681_16),
        (&[(1.0, -20.0), (1.0, -10.0)], -13.363_047_622_650_921),
        (&[(7.0, 21.5), (5.0, 27.0), (12.0, 18.0)], 21.605_080_485_922_936),
        (&[(3.0, 25.0)], 25.0),
    ] {
        let mean = mean_kinetic(readings).unwrap();
        assert!(near(mean, celsius, 1e-9), "{readings:?}: {mean}");
    }
    assert_eq!(mean_kinetic(&[]), None);
    assert_eq!(mean_kinetic(&[(1.0, -300.0)]), None);
    assert_eq!(mean_kinetic(&[(-1.0, 20.0)]), None);
}

#[test]
fn a_hot_day_leaves_the_window_after_thirty_days() {
    let mut mean = KineticMean::new(720, 60 * MINUTE);
    let hour = |hours: i64, celsius: f64, mean: &mut KineticMean| mean.take(Timestamp(hours * 60 * MINUTE), celsius);
    for hours in 0..=48 {
        hour(hours, if (10..14).contains(&hours) { 40.0 } else { 24.0 }, &mut mean);
    }
    assert!(mean.celsius().unwrap() > 26.0 && near(mean.known_hours(), 48.0, 1e-9));
    for hours in 49..=720 {
        hour(hours, 24.0, &mut mean);
    }
    assert!(mean.celsius().unwrap() > 24.05 && mean.celsius().unwrap() < 25.0);
    for hours in 721..=740 {
        hour(hours, 24.0, &mut mean);
    }
    assert!(near(mean.celsius().unwrap(), 24.0, 1e-9));
    assert!(near(mean.known_hours(), 719.0, 1e-9), "the newest hour has just begun");
    hour(740, 90.0, &mut mean);
    hour(10, 90.0, &mut mean);
    assert_eq!(mean.ignored(), 2);
    // Of a day without readings nothing is known.
    hour(764, 24.0, &mut mean);
    assert!(near(mean.known_hours(), 695.0, 1e-9));
}

fn readings() -> impl Strategy<Value = Vec<(i64, f64)>> {
    let reading = (1_i64..100 * MINUTE, prop_oneof![4 => -25.0..-10.0_f64, 1 => Just(-18.0), 1 => Just(-18.5)]);
    prop::collection::vec(reading, 1..60).prop_map(|steps| {
        let mut at = 0;
        let step = |(step, value): (i64, f64)| {
            at += step;
            (at, value)
        };
        steps.into_iter().map(step).collect()
    })
}

fn ended(changes: &[Change]) -> Vec<Episode> {
    let episode = |change: &Change| if let Change::Ended { episode, .. } = change { Some(*episode) } else { None };
    changes.iter().filter_map(episode).collect()
}

proptest! {
    #[test]
    fn a_loaded_sensor_goes_on_as_the_saved_one_would(readings in readings(), cut in 0_usize..60) {
        let (mut exposure, mut mean) = (Exposure::new(settings()), KineticMean::new(24, 60 * MINUTE));
        let cut = cut.min(readings.len());
        for (at, value) in &readings[..cut] {
            exposure.take(Timestamp(*at), *value);
            mean.take(Timestamp(*at), *value);
        }
        let (mut image, mut mean_image) = (Vec::new(), Vec::new());
        exposure.save(&mut image);
        mean.save(&mut mean_image);
        let mut loaded = Exposure::load(settings(), &mut image.as_slice()).unwrap();
        let mut loaded_mean = KineticMean::load(24, 60 * MINUTE, &mut mean_image.as_slice()).unwrap();
        prop_assert_eq!(&loaded, &exposure);
        prop_assert_eq!(&loaded_mean, &mean);
        for length in 0..image.len() {
            prop_assert!(Exposure::load(settings(), &mut &image[..length]).is_err());
        }
        for length in 0..mean_image.len() {
            prop_assert!(KineticMean::load(24, 60 * MINUTE, &mut &mean_image[..length]).is_err());
        }
        for (at, value) in &readings[cut..] {
            prop_assert_eq!(loaded.take(Timestamp(*at), *value), exposure.take(Timestamp(*at), *value));
            mean.take(Timestamp(*at), *value);
            loaded_mean.take(Timestamp(*at), *value);
        }
        prop_assert_eq!(loaded, exposure);
        prop_assert_eq!(loaded_mean.celsius(), mean.celsius());
    }

    /// Damaged images are told or load as something that can go on.
    #[test]
    fn load_of_garbage_never_panics(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        if let Ok(mut exposure) = Exposure::load(settings(), &mut bytes.as_slice()) {
            exposure.take(Timestamp(0), -5.0);
            exposure.lapse(Timestamp::MAX);
        }
        if let Ok(mut mean) = KineticMean::load(24, 60 * MINUTE, &mut bytes.as_slice()) {
            mean.take(Timestamp(0), -5.0);
            mean.celsius();
        }
        let _ = Budget::load(&mut bytes.as_slice());
    }

    #[test]
    fn any_readings_never_panic(readings in prop::collection::vec((any::<i64>(), any::<f64>()), 0..40)) {
        let limits = Limits::between(-5.0, 5.0);
        let wide = Settings { gap_micros_max: i64::MAX, ..Settings::new(limits) };
        let (mut exposure, mut mean) = (Exposure::new(wide), KineticMean::new(48, i64::MAX));
        for (at, value) in &readings {
            exposure.take(Timestamp(*at), *value);
            mean.take(Timestamp(*at), *value % 100.0);
        }
        let mut image = Vec::new();
        exposure.save(&mut image);
        prop_assert_eq!(Exposure::load(wide, &mut image.as_slice()).unwrap(), exposure);
        image.clear();
        mean.save(&mut image);
        prop_assert_eq!(KineticMean::load(48, i64::MAX, &mut image.as_slice()).unwrap(), mean);
    }

    /// A reading on the line between two others tells nothing new.
    #[test]
    fn a_reading_on_the_line_changes_no_total(readings in readings(), parts in 2_i64..9) {
        let wide = Settings { gap_micros_max: i64::MAX, ..settings() };
        let (mut plain, mut finer) = (Exposure::new(wide), Exposure::new(wide));
        let (mut plain_changes, mut finer_changes) = (Vec::new(), Vec::new());
        let mut before: Option<(i64, f64)> = None;
        for (at, value) in readings {
            if let Some((from, earlier)) = before {
                let between = from + (at - from) / parts;
                let line = (value - earlier) * ((between - from) as f64 / (at - from) as f64);
                finer_changes.extend(finer.take(Timestamp(between), earlier + line).changes);
            }
            plain_changes.extend(plain.take(Timestamp(at), value).changes);
            finer_changes.extend(finer.take(Timestamp(at), value).changes);
            before = Some((at, value));
        }
        prop_assert!(near(plain.minutes_outside(), finer.minutes_outside(), 1e-4));
        prop_assert!(near(plain.degree_minutes(), finer.degree_minutes(), 1e-4));
        prop_assert_eq!(ended(&plain_changes).len(), ended(&finer_changes).len());
    }

    /// Every excursion lies in its time, its peak is outside, and together they are no more than the total.
    #[test]
    fn excursions_are_within_the_total(readings in readings()) {
        let mut exposure = Exposure::new(settings());
        let mut changes = Vec::new();
        let mut spent = 0;
        for (at, value) in &readings {
            let taken = exposure.take(Timestamp(*at), *value);
            prop_assert!(taken.outside_micros >= 0);
            spent += taken.outside_micros;
            changes.extend(taken.changes);
        }
        let mut together = 0;
        for episode in ended(&changes).iter().chain(exposure.episode()) {
            prop_assert!(episode.since <= episode.until && episode.peak > -18.0);
            prop_assert!(episode.outside_micros <= episode.until.0 - episode.since.0 + 1);
            prop_assert!(readings.iter().any(|(_, value)| near(*value, episode.peak, 0.0)));
            together += episode.outside_micros;
        }
        prop_assert!(together <= spent);
        prop_assert!(near(exposure.minutes_outside(), spent as f64 / MINUTE as f64, 1e-9));
        // Began and ended take turns.
        let begun = changes.iter().filter(|change| matches!(change, Change::Began { .. })).count();
        prop_assert_eq!(begun, ended(&changes).len() + usize::from(exposure.episode().is_some()));
    }

    /// Equal readings weigh by the time between them; the mean is above the plain one and not above the hottest.
    #[test]
    fn the_mean_kinetic_temperature_is_above_the_mean(celsius in prop::collection::vec(-30.0..45.0_f64, 2..50)) {
        let mut mean = KineticMean::new(720, 60 * MINUTE);
        for (hour, celsius) in celsius.iter().enumerate() {
            mean.take(Timestamp(i64::try_from(hour).unwrap() * 60 * MINUTE), *celsius);
        }
        // Each reading stands for half an hour on either side of it.
        let weight = |at: usize| if at == 0 || at + 1 == celsius.len() { 0.5 } else { 1.0 };
        let weighted: Vec<(f64, f64)> = celsius.iter().enumerate().map(|(at, celsius)| (weight(at), *celsius)).collect();
        let found = mean.celsius().unwrap();
        prop_assert!(near(found, mean_kinetic(&weighted).unwrap(), 1e-9));
        let hours: f64 = weighted.iter().map(|(weight, _)| weight).sum();
        let plain = weighted.iter().map(|(weight, celsius)| weight * celsius).sum::<f64>() / hours;
        prop_assert!(found >= plain - 1e-9 && found <= celsius.iter().copied().fold(f64::MIN, f64::max) + 1e-9);
    }

    #[test]
    fn extremes_and_ends_are_kept(values in prop::collection::vec((0_i64..50, -9.0..9.0_f64), 0..300), buckets in 0_usize..40) {
        let mut at = 0;
        let points: Vec<(Timestamp, f64)> = values.iter().map(|(step, value)| { at += step; (Timestamp(at), *value) }).collect();
        let short = downsample(&points, buckets);
        prop_assert!(short.len() <= buckets.saturating_mul(4).min(points.len()));
        // In their order, and from the series.
        let mut rest = points.iter();
        prop_assert!(short.iter().all(|point| rest.any(|other| other == point)));
        if buckets > 0 && !points.is_empty() {
            let extremes = |points: &[(Timestamp, f64)]| {
                let values = || points.iter().map(|(_, value)| *value);
                (values().fold(f64::INFINITY, f64::min), values().fold(f64::NEG_INFINITY, f64::max))
            };
            prop_assert_eq!(extremes(&short), extremes(&points));
            prop_assert_eq!((short.first(), short.last()), (points.first(), points.last()));
        }
    }
}

#[test]
fn the_documentation_lists_every_class() {
    let text = include_str!("../../../docs/cold-chain.md");
    for class in Class::ALL {
        assert!(text.contains(&format!("| `{}` |", class.name())), "{class:?}");
    }
}
