//! How many readings of sensors one core judges a second.
//!
//! `cargo bench -p watch --bench sensor`

use divan::counter::ItemsCount;
use ledger::Timestamp;
use std::hint::black_box;
use watch::sensor::{Detector, Settings};

const SENSORS: usize = 10_000;
const READINGS: i64 = 100_000;
const MINUTE: i64 = 60_000_000;

#[global_allocator]
static ALLOC: divan::AllocProfiler = divan::AllocProfiler::system();

fn main() {
    divan::main();
}

/// A value with a daily pattern and noise, by the number of the reading and of the sensor.
fn value(number: i64, sensor: i64) -> f64 {
    let mixed = (number * 31 + sensor).wrapping_mul(0x2545_F491_4F6C_DD1D) >> 40;
    20.0 + (number % 1_440) as f64 / 200.0 + (mixed % 1_000) as f64 / 1_000.0
}

#[divan::bench(sample_count = 10, sample_size = 1)]
fn readings_of_one_sensor(bencher: divan::Bencher<'_, '_>) {
    let mut detector = Detector::new(Settings::default());
    let mut number = 0;
    bencher.counter(ItemsCount::new(READINGS as u64)).bench_local(|| {
        for _ in 0..READINGS {
            number += 1;
            black_box(detector.observe(Timestamp(number * MINUTE), value(number, 0)));
        }
    });
}

/// In turn, as a message from each comes: every detector is fetched from memory.
#[divan::bench(sample_count = 10, sample_size = 1)]
fn readings_of_ten_thousand_sensors(bencher: divan::Bencher<'_, '_>) {
    let mut detectors = vec![Detector::new(Settings::default()); SENSORS];
    let mut number = 0;
    bencher.counter(ItemsCount::new(10 * SENSORS)).bench_local(|| {
        for _ in 0..10 {
            number += 1;
            for (sensor, detector) in (0..).zip(&mut detectors) {
                black_box(detector.observe(Timestamp(number * MINUTE), value(number, sensor)));
            }
        }
    });
}
