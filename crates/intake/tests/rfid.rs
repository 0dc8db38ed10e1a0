//! What must hold for every set of reads.

use intake::rfid::{
    Antenna, Inference, Kind, LoadError, Method, Portal, Read, ReadError, Settings, Side, Smoother, Tag, Taken,
    Timestamp, rejudge,
};
use proptest::prelude::*;

const EPOCH: i64 = 200_000;

fn settings() -> Settings {
    Settings {
        antennas: vec![
            Antenna::Zone(1),
            Antenna::Zone(2),
            Antenna::Portal(0, Side::Outside),
            Antenna::Portal(0, Side::Inside),
        ],
        portals: vec![Portal { inside: 10, outside: 20 }],
        forget_micros: 12_000_000,
        ..Settings::default()
    }
}

fn reads(most: usize) -> impl Strategy<Value = Vec<Read>> {
    let read = (0..6_u32, 0..4_u16, 0..30_000_000_i64, -8_000..-3_000_i16);
    let read =
        read.prop_map(|(tag, antenna, at, rssi)| Read { tag: Tag::from(tag), antenna, seen_at: Timestamp(at), rssi });
    prop::collection::vec(read, 0..most)
}

/// Feeds reads epoch by epoch; within an epoch in the order given.
fn feed(smoother: &mut Smoother, reads: &[Read], from: i64, until: i64) -> Vec<Inference> {
    let mut out = Vec::new();
    for epoch in from..until {
        smoother.tick(Timestamp(epoch * EPOCH), &mut out);
        for read in reads.iter().filter(|read| read.seen_at.0.div_euclid(EPOCH) == epoch) {
            assert_eq!(smoother.read(read), Ok(Taken::Counted));
        }
    }
    out
}

fn image(smoother: &Smoother) -> Vec<u8> {
    let mut bytes = Vec::new();
    smoother.save(&mut bytes);
    bytes
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn order_of_arrival_does_not_matter(reads in reads(300), turn in 0..300_usize) {
        let mut other = reads.clone();
        other.reverse();
        if !other.is_empty() {
            let middle = turn % other.len();
            other.rotate_left(middle);
        }
        let (mut one, mut two) = (Smoother::new(settings()).unwrap(), Smoother::new(settings()).unwrap());
        prop_assert_eq!(feed(&mut one, &reads, 0, 250), feed(&mut two, &other, 0, 250));
        prop_assert_eq!(image(&one), image(&two));
    }

    #[test]
    fn rejudge_equals_live(reads in reads(300)) {
        let mut live = Smoother::new(settings()).unwrap();
        let first = reads.iter().map(|read| read.seen_at.0.div_euclid(EPOCH)).min().unwrap_or(0);
        let out = feed(&mut live, &reads, first, 250);
        prop_assert_eq!(rejudge(&reads, settings()).unwrap(), out);
    }

    #[test]
    fn a_restart_changes_nothing(reads in reads(300), stop in 1..150_i64) {
        let mut whole = Smoother::new(settings()).unwrap();
        let expected = feed(&mut whole, &reads, 0, 250);
        let mut before = Smoother::new(settings()).unwrap();
        let mut out = feed(&mut before, &reads, 0, stop);
        let bytes = image(&before);
        let mut after = Smoother::load(settings(), &mut bytes.as_slice()).unwrap();
        prop_assert_eq!(&image(&after), &bytes, "save of load is the same image");
        out.extend(feed(&mut after, &reads, stop, 250));
        prop_assert_eq!(out, expected);
        prop_assert_eq!(after.tallies(), whole.tallies());
    }

    #[test]
    fn load_of_garbage_never_panics(
        reads in reads(60), changes in prop::collection::vec((0..9_000_usize, any::<u8>()), 1..12), length in 0..9_000_usize,
    ) {
        let mut smoother = Smoother::new(settings()).unwrap();
        feed(&mut smoother, &reads, 0, 40);
        let mut bytes = image(&smoother);
        let length = length % bytes.len();
        prop_assert!(Smoother::load(settings(), &mut &bytes[..length]).is_err());
        for (at, byte) in changes {
            let at = at % bytes.len();
            bytes[at] = byte;
        }
        if let Ok(mut loaded) = Smoother::load(settings(), &mut bytes.as_slice()) {
            let mut out = Vec::new();
            for read in reads.iter().filter(|read| read.seen_at.0 >= 39 * EPOCH) {
                loaded.tick(read.seen_at, &mut out);
                let _ = loaded.read(read);
            }
            loaded.tick(Timestamp(400 * EPOCH), &mut out);
        }
    }

    #[test]
    fn arrivals_and_departures_of_a_zone_alternate(reads in reads(600)) {
        let only_zones: Vec<Read> = reads.into_iter().filter(|read| read.antenna < 2).collect();
        for method in [Method::None, Method::Fixed(5), Method::Adaptive] {
            let out = rejudge(&only_zones, Settings { method, dwell_micros: 0, reads_min: 1, epochs_min: 1, ..settings() }).unwrap();
            for tag in (0..6).map(Tag::from) {
                let mut zone = None;
                for inference in out.iter().filter(|inference| inference.tag == tag) {
                    match inference.kind {
                        Kind::Arrived => {
                            prop_assert_eq!(zone, None);
                            zone = inference.to;
                        }
                        Kind::Departed => {
                            prop_assert!(zone.is_some());
                            prop_assert_eq!(zone.take(), inference.from);
                        }
                        _ => {}
                    }
                    prop_assert!(inference.occurred_at <= inference.decided_at);
                    prop_assert!(inference.evidence.first_read_at <= inference.evidence.last_read_at);
                }
                prop_assert_eq!(zone, None, "at the end all are gone");
            }
        }
    }
}

fn steady(tag: u32, antenna: u16, from: i64, until: i64, rssi: i16) -> Vec<Read> {
    let times = (from..until).step_by(50_000);
    times.map(|at| Read { tag: Tag::from(tag), antenna, seen_at: Timestamp(at), rssi }).collect()
}

fn kinds(out: &[Inference]) -> Vec<Kind> {
    out.iter().map(|inference| inference.kind).collect()
}

#[test]
fn a_tag_that_stays_arrives_once_and_departs_once() {
    let out = rejudge(&steady(1, 0, 0, 10_000_000, -5_000), settings()).unwrap();
    assert_eq!(kinds(&out), [Kind::Arrived, Kind::Departed]);
    assert_eq!((out[0].to, out[0].occurred_at), (Some(1), Timestamp(0)));
    assert_eq!((out[1].from, out[1].occurred_at), (Some(1), Timestamp(9_950_000)));
    assert_eq!(out[1].evidence.reads, 200);
    assert_eq!(out[1].evidence.read_rate_permille, 1_000);
}

#[test]
fn a_tag_between_two_zones_belongs_to_the_stronger() {
    let mut reads = steady(1, 0, 0, 10_000_000, -5_000);
    reads.extend(steady(1, 1, 0, 10_000_000, -5_200));
    let out = rejudge(&reads, settings()).unwrap();
    assert_eq!(kinds(&out), [Kind::Arrived, Kind::Departed]);
    assert_eq!(out[0].to, Some(1));
    // within the hysteresis it stays, beyond it moves
    for (rssi, moves) in [(-4_800, false), (-4_500, true)] {
        let mut reads = steady(1, 0, 0, 20_000_000, -5_000);
        reads.extend(steady(1, 1, 8_000_000, 20_000_000, rssi));
        let out = rejudge(&reads, settings()).unwrap();
        assert_eq!(out.iter().any(|inference| inference.to == Some(2) && inference.kind == Kind::Arrived), moves);
    }
}

#[test]
fn a_walk_through_a_portal_has_a_direction() {
    let mut reads = Vec::new();
    for (tag, first, second) in [(1, 2, 3), (2, 3, 2)] {
        reads.extend(steady(tag, first, 0, 400_000, -7_000));
        reads.extend(steady(tag, first, 400_000, 1_200_000, -5_000));
        reads.extend(steady(tag, second, 1_400_000, 2_400_000, -5_000));
    }
    let out = rejudge(&reads, settings()).unwrap();
    assert_eq!(kinds(&out), [Kind::PassedIn, Kind::PassedOut]);
    assert_eq!((out[0].from, out[0].to, out[0].portal), (Some(20), Some(10), Some(0)));
    assert_eq!((out[1].from, out[1].to), (Some(10), Some(20)));
    assert!(out[0].confidence_permille > 950, "{}", out[0].confidence_permille);
}

#[test]
fn a_ghost_is_reported_once_and_promoted_by_support() {
    let mut reads = steady(1, 0, 0, 50_000, -5_000);
    let out = rejudge(&reads, settings()).unwrap();
    assert_eq!(kinds(&out), [Kind::Ghost]);
    assert_eq!(out[0].evidence.reads, 1);
    reads.extend(steady(1, 0, 6_000_000, 9_000_000, -5_000));
    let out = rejudge(&reads, settings()).unwrap();
    assert_eq!(kinds(&out), [Kind::Ghost, Kind::Arrived, Kind::Departed]);
    assert!(out[1].promoted);
    assert_eq!(out[1].occurred_at, Timestamp(0), "from the first read on");
    // after the quarantine it begins anew
    let mut reads = steady(1, 0, 0, 50_000, -5_000);
    reads.extend(steady(1, 0, 16_000_000, 19_000_000, -5_000));
    let out = rejudge(&reads, settings()).unwrap();
    assert_eq!(kinds(&out), [Kind::Ghost, Kind::Arrived, Kind::Departed]);
    assert_eq!((out[1].promoted, out[1].occurred_at), (false, Timestamp(16_000_000)));
}

#[test]
fn refusals_are_counted_and_say_what_to_do() {
    let mut smoother = Smoother::new(Settings { tags_max: 1, ..settings() }).unwrap();
    let read = |tag, antenna, at| Read { tag: Tag::from(tag), antenna, seen_at: Timestamp(at), rssi: -5_000 };
    assert_eq!(smoother.read(&read(1, 0, 10 * EPOCH)), Ok(Taken::Counted));
    assert_eq!(smoother.read(&read(1, 0, 9 * EPOCH)), Ok(Taken::Counted), "one epoch late is in time");
    assert_eq!(smoother.read(&read(1, 0, 8 * EPOCH)), Ok(Taken::Late));
    assert!(matches!(smoother.read(&read(2, 0, 10 * EPOCH)), Err(ReadError::Full { tags_max: 1, .. })));
    assert!(matches!(
        smoother.read(&read(1, 4, 10 * EPOCH)),
        Err(ReadError::UnknownAntenna { antenna: 4, antennas: 4 })
    ));
    assert!(matches!(smoother.read(&read(1, 0, 17 * EPOCH)), Err(ReadError::Ahead { .. })));
    let tallies = smoother.tallies();
    assert_eq!((tallies.reads, tallies.late, tallies.full, tallies.unknown_antenna, tallies.ahead), (2, 1, 1, 1, 1));
    // a forgotten tag makes room
    smoother.tick(Timestamp(1_000 * EPOCH), &mut Vec::new());
    assert_eq!((smoother.tags(), smoother.tallies().forgotten), (0, 1));
    assert_eq!(smoother.read(&read(2, 0, 1_000 * EPOCH)), Ok(Taken::Counted));
}

#[test]
fn an_image_of_another_kind_is_refused() {
    let bytes = image(&Smoother::new(settings()).unwrap());
    let other = Settings { epoch_micros: 100_000, ..settings() };
    let error = Smoother::load(other, &mut bytes.as_slice()).unwrap_err();
    assert_eq!(error, LoadError::OtherEpochs { saved: 200_000, set: 100_000 });
    let error = Smoother::load(settings(), &mut [9_u8, 0, 0, 0].as_slice()).unwrap_err();
    assert_eq!(error, LoadError::Version { found: 9 });
}

#[test]
fn settings_that_cannot_work_are_named() {
    let check = |settings: Settings| settings.check().unwrap_err().to_string();
    assert_eq!(check(Settings::default()), "antennas is 0; set it between 1 and 65535");
    assert_eq!(check(Settings { late_epochs: 7, ..settings() }), "late_epochs is 7; set it between 0 and 6");
    assert_eq!(
        check(Settings { antennas: vec![Antenna::Portal(1, Side::Inside)], ..settings() }),
        "antenna 0 looks at portal 1, but there are 1; add the portal or name another"
    );
    assert_eq!(
        check(Settings { antennas: vec![Antenna::Portal(0, Side::Inside)], ..settings() }),
        "portal 0 has no antenna Outside; give it one on each side"
    );
}
