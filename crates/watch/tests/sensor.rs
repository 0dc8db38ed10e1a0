//! Streams with a fault put in, and what is told of them: its name, once, and that it has ended.

use ledger::Timestamp;
use watch::sensor::{Detector, Fault, Settings, Taken};

const MINUTE: i64 = 60_000_000;
/// A Monday.
const START: i64 = 1_767_571_200_000_000;
/// Readings a day, ten minutes apart.
const DAY: usize = 144;
/// The fault comes after so many days.
const FAULT_DAYS: usize = 25;

struct Noise(u64);

impl Noise {
    fn uniform(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (((mixed ^ (mixed >> 31)) >> 11) as f64 + 1.0) / (1_u64 << 53) as f64
    }

    fn normal(&mut self) -> f64 {
        libm::sqrt(-2.0 * libm::log(self.uniform())) * libm::cos(core::f64::consts::TAU * self.uniform())
    }
}

/// The swing of a day, three up and down, warmest in the afternoon.
fn swing(number: usize) -> f64 {
    3.0 * libm::cos(core::f64::consts::TAU * ((number % DAY) as f64 - 90.0) / DAY as f64)
}

/// What is told of a stream: each episode's name, and the readings at which it began and ended.
fn told(minutes: i64, values: impl IntoIterator<Item = f64>) -> Vec<(&'static str, usize, Option<usize>)> {
    let mut detector = Detector::new(Settings::default());
    let mut episodes: Vec<(&'static str, usize, Option<usize>)> = Vec::new();
    for (number, value) in values.into_iter().enumerate() {
        let at = Timestamp(START + i64::try_from(number).expect("few readings") * minutes * MINUTE);
        let judgement = detector.observe(at, value);
        assert!((0.0..=1.0).contains(&judgement.score));
        if let Some(ended) = judgement.ended {
            let last = episodes.last_mut().expect("what ends had begun");
            assert_eq!((last.0, last.2), (ended.fault.name(), None), "what ends had begun");
            last.2 = Some(number);
        }
        if let Some(began) = judgement.began {
            assert!(began.since <= at);
            assert_eq!(judgement.fault, Some(began.fault));
            episodes.push((began.fault.name(), number, None));
        }
        assert_eq!(judgement.fault, detector.lasting().map(|episode| episode.fault));
    }
    episodes
}

/// A month of a temperature with a daily swing and noise, a fault put into it after 25 days: it is given how many readings
/// the fault has lasted, the right value and noise to play with.
fn month(seed: u64, fault: impl Fn(usize, f64, &mut Noise) -> f64) -> Vec<f64> {
    let mut noise = Noise(seed);
    let value = |number: usize| {
        let right = 20.0 + swing(number) + 0.2 * noise.normal();
        match number.checked_sub(FAULT_DAYS * DAY) {
            Some(lasted) => fault(lasted, right, &mut noise),
            None => right,
        }
    };
    (0..33 * DAY).map(value).collect()
}

/// Checks, for several noises, that one fault of this name is told within so many readings and has ended so many after its
/// end.
#[track_caller]
fn check(name: &str, within: usize, lasts: usize, after: usize, fault: impl Fn(usize, f64, &mut Noise) -> f64) {
    for seed in 1..=8 {
        let told = told(10, month(seed, &fault));
        let [(told_name, began, ended)] = told[..] else { panic!("seed {seed}: not one episode of {name}: {told:?}") };
        assert_eq!(told_name, name, "seed {seed}");
        let began = began.checked_sub(FAULT_DAYS * DAY).unwrap_or_else(|| panic!("seed {seed}: early: {told:?}"));
        let ended = ended.unwrap_or_else(|| panic!("seed {seed}: it never ends: {told:?}")) - FAULT_DAYS * DAY;
        assert!(began < within, "seed {seed}: told after {began} readings");
        assert!(ended >= lasts && ended < lasts + after, "seed {seed}: ended after {ended} readings");
    }
}

#[test]
fn a_clean_stream_with_a_daily_pattern_and_noise_has_no_fault() {
    for seed in 0..20 {
        assert_eq!(told(10, month(100 + seed, |_, right, _| right)), [], "seed {seed}");
    }
}

#[test]
fn a_clean_stream_with_a_weekly_pattern_has_no_fault() {
    let mut noise = Noise(7);
    let works = |number: usize| number / DAY % 7 < 5 && (48..108).contains(&(number % DAY));
    let values: Vec<f64> =
        (0..70 * DAY).map(|number| 5.0 + noise.normal() + if works(number) { 12.0 } else { 0.0 }).collect();
    assert_eq!(told(10, values), []);
}

#[test]
fn a_flat_line_has_no_fault() {
    assert_eq!(told(5, vec![4.0; 5_000]), []);
}

#[test]
fn a_value_that_does_not_move_is_stuck_until_it_moves() {
    check("stuck", 20, 150, 5, |lasted, right, _| if lasted < 150 { 20.0 + swing(0) } else { right });
}

#[test]
fn a_value_that_was_always_coarse_is_not_stuck() {
    let mut noise = Noise(3);
    let values = (0..33 * DAY).map(|number| libm::round(20.0 + swing(number) + 0.2 * noise.normal()));
    assert_eq!(told(10, values), []);
}

#[test]
fn a_spike_is_a_jump_that_ends_at_once() {
    check("jump", 8, 1, 24, |lasted, right, _| if lasted == 0 { right + 6.0 } else { right });
}

#[test]
fn a_shift_is_a_jump_that_ends_when_the_value_is_back() {
    check("jump", 8, 150, 24, |lasted, right, _| if lasted < 150 { right - 5.0 } else { right });
}

#[test]
fn a_slow_departure_is_a_drift() {
    check("drift", 120, 500, 30, |lasted, right, _| if lasted < 500 { right + lasted as f64 * 0.012 } else { right });
}

#[test]
fn more_noise_is_noise() {
    check("noise", 40, 250, 60, |lasted, right, noise| right + if lasted < 250 { 1.6 * noise.normal() } else { 0.0 });
}

#[test]
fn a_ramp_that_is_faster_than_ever_is_an_implausible_rate() {
    check("implausible_rate", 12, 30, 12, |lasted, right, _| match lasted {
        0..5 => right + 3.0 * (lasted + 1) as f64,
        5..30 => right + 15.0,
        _ => right,
    });
}

#[test]
fn what_has_no_name_of_its_own_is_out_of_pattern() {
    // leaps are nothing new to this stream, but none was like this
    let mut named = 0;
    for seed in 1..=8 {
        let mut noise = Noise(seed);
        let leaps = |number: usize| match number {
            4_000 => 40.0,
            _ if noise.uniform() < 0.03 => 4.0 + 4.0 * noise.uniform(),
            _ => noise.normal() / 5.0,
        };
        match told(10, (0..33 * DAY).map(leaps))[..] {
            [("out_of_pattern", 4_000..4_040, Some(..4_100))] => named += 1,
            // whether a leap is so too is a matter of those that this stream happened to have before
            [] | [("jump", 4_000..4_010, Some(..4_020))] => {}
            ref told => panic!("seed {seed}: {told:?}"),
        }
    }
    assert!(named >= 5, "{named} of 8");
}

#[test]
fn faster_than_physics_allows_is_told_at_once() {
    let settings = Settings { rate_per_second_max: Some(0.02), ..Settings::default() };
    let mut detector = Detector::new(settings);
    for number in 0..200 {
        let value = 20.0 + f64::from(u8::try_from(number % 7).unwrap()) / 10.0;
        assert_eq!(detector.observe(Timestamp(number * MINUTE), value).began, None);
    }
    let began = detector.observe(Timestamp(200 * MINUTE), 26.0).began.unwrap();
    assert_eq!(began.fault, Fault::ImplausibleRate);
    assert!((0.09..0.1).contains(&began.size), "{}", began.size);
}

#[test]
fn what_is_no_reading_does_not_count() {
    let mut detector = Detector::new(Settings::default());
    assert_eq!(detector.observe(Timestamp(5), f64::NAN).taken, Taken::NotANumber);
    assert_eq!(detector.last_at(), None);
    assert_eq!(detector.observe(Timestamp(5), 1.0).taken, Taken::Learned);
    let before = detector.clone();
    for (at, value, taken) in [
        (6, f64::INFINITY, Taken::NotANumber),
        (6, -1e101, Taken::NotANumber),
        (5, 2.0, Taken::Repeated),
        (4, 2.0, Taken::OutOfOrder),
    ] {
        let judgement = detector.observe(Timestamp(at), value);
        assert_eq!((judgement.taken, judgement.score.to_bits()), (taken, 0));
    }
    assert_eq!(detector, before);
    assert_eq!((detector.readings(), detector.last_at()), (1, Some(Timestamp(5))));
}

#[test]
fn a_detector_is_small() {
    assert!(size_of::<Detector>() < 4_096, "{} bytes", size_of::<Detector>());
}

#[test]
fn names_are_for_good() {
    let names = Fault::ALL.map(Fault::name);
    assert_eq!(names, ["stuck", "implausible_rate", "jump", "noise", "drift", "out_of_pattern"]);
    assert!(Fault::ALL.into_iter().all(|fault| Fault::named(fault.name()) == Some(fault)));
    assert_eq!(Fault::named("broken"), None);
}
