//! A session against a simulated reader, in memory: whatever happens on the line, what was reported arrives in order and once.

#![expect(clippy::unwrap_used, reason = "a test that unwraps fails with the line, which is what a test is for")]

use ledger::Timestamp;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use sim::reader::{Pieces, ReaderFaults, ReaderOutput, ReaderSettings, SimReader, Tag};
use wire::llrp::Version;
use wire::llrp::session::{CloseReason, Event, Output, Session, Settings, Start, TagRead, TimeSource};

const START: Timestamp = Timestamp(1_771_236_000_000_000);
const MS: i64 = 1000;

fn tags() -> Vec<Tag> {
    let tag = |number: u8| Tag {
        epc: [0x30, 0x14, 0x30, 0xa5, 0x5c, 0x0a, 0xc3, 0, 0, 0, 0, number],
        antenna: u16::from(number % 4) + 1,
        peak_rssi_dbm: -50 - i8::try_from(number % 20).unwrap(),
    };
    (0..60).map(tag).collect()
}

fn reader(seed: u64, faults: ReaderFaults) -> ReaderSettings {
    ReaderSettings { faults, ..ReaderSettings::new(seed, tags(), Timestamp(START.0 - 3_600_000 * MS)) }
}

/// A session and a reader with a line between them that can break.
struct Line {
    session: Session,
    reader: SimReader,
    now: Timestamp,
    is_up: bool,
    /// For each connection, what arrived over it.
    arrived: Vec<Vec<TagRead>>,
    ready: u64,
    faults: Vec<&'static str>,
    closed: Vec<CloseReason>,
}

impl Line {
    fn new(settings: Settings, reader: ReaderSettings) -> Self {
        let (session, reader) = (Session::new(settings), SimReader::new(reader));
        let (arrived, faults, closed) = (Vec::new(), Vec::new(), Vec::new());
        Self { session, reader, now: START, is_up: false, arrived, ready: 0, faults, closed }
    }

    fn connect(&mut self) {
        self.arrived.push(Vec::new());
        self.is_up = true;
        self.session.connected(self.now);
        self.reader.connected(self.now);
    }

    fn cut(&mut self) {
        self.is_up = false;
        self.session.disconnected();
        self.reader.disconnected();
    }

    /// Lets both sides do what they want to until neither wants anything.
    fn settle(&mut self) {
        loop {
            let mut is_quiet = true;
            while let Some(output) = self.session.next_output() {
                is_quiet = false;
                self.take(output);
            }
            // One piece at a time, so that the session speaks in between.
            if let Some(output) = self.reader.next_output() {
                is_quiet = false;
                match output {
                    ReaderOutput::Send(bytes) => self.session.received(&bytes, self.now),
                    ReaderOutput::Close => {
                        self.is_up = false;
                        self.session.disconnected();
                    }
                }
            }
            if is_quiet {
                return;
            }
        }
    }

    fn take(&mut self, output: Output) {
        match output {
            Output::Send(bytes) => self.reader.received(&bytes, self.now),
            Output::Event(Event::Tags(reads)) => self.arrived.last_mut().unwrap().extend(reads),
            Output::Event(Event::Ready(_)) => self.ready += 1,
            Output::Event(Event::Fault(fault)) => self.faults.push(fault.code),
            Output::Event(Event::Reader(_)) => {}
            Output::Close(reason) => {
                self.closed.push(reason);
                self.is_up = false;
                self.reader.disconnected();
            }
        }
    }

    /// `ms` pass in steps of 7 ms; a lost connection is made again after a step.
    fn run(&mut self, ms: i64) {
        let end = self.now.0 + ms * MS;
        while self.now.0 < end {
            self.now.0 += 7 * MS;
            if !self.is_up && self.closed.last().is_none_or(|reason| reason.reconnects()) {
                self.connect();
            }
            self.reader.tick(self.now);
            self.settle();
            self.session.tick(self.now);
            self.settle();
        }
    }

    /// That of each connection the first of what was reported arrived, in order; returns how many were lost on the line.
    fn assert_in_order_and_once(&self) -> usize {
        let mut lost = 0;
        for (index, arrived) in self.arrived.iter().enumerate() {
            let connection = u64::try_from(index).unwrap() + 1;
            let mut reported = self.reader.reported().iter().filter(|reported| reported.connection == connection);
            for read in arrived {
                let reported = reported.next().expect("what arrives was reported");
                assert_eq!(read.epc[..], reported.tag.epc);
                assert_eq!(
                    (read.antenna, read.peak_rssi_dbm),
                    (Some(reported.tag.antenna), Some(reported.tag.peak_rssi_dbm))
                );
                let error_us = (read.seen_at.0 - reported.seen_at.0).abs();
                assert!(
                    error_us <= if read.time_source == TimeSource::ReaderClock { 0 } else { 10 * MS },
                    "{error_us}"
                );
            }
            lost += reported.count();
        }
        lost
    }
}

#[test]
fn every_report_arrives_in_order_however_the_stream_is_cut() {
    let pieces = [Pieces::Whole, Pieces::Bytes, Pieces::UpTo(3), Pieces::UpTo(64), Pieces::UpTo(2000)];
    for (seed, pieces) in (0..).zip(pieces) {
        for report_tags in [1, 7] {
            let faults = ReaderFaults { pieces, ..ReaderFaults::default() };
            let mut line = Line::new(Settings { report_tags, ..Settings::default() }, reader(seed, faults));
            line.run(12_000);
            assert_eq!((line.ready, line.closed.as_slice(), line.faults.as_slice()), (1, &[][..], &[][..]));
            assert_eq!(line.assert_in_order_and_once(), 0);
            assert!(line.arrived[0].len() > 1_000, "{pieces:?}: {}", line.arrived[0].len());
            assert_eq!(line.reader.keepalives_unanswered(), 0);
        }
    }
}

#[test]
fn readers_of_the_first_version_without_a_date_and_that_must_be_started_are_used_too() {
    let mut old = reader(3, ReaderFaults::default());
    old.version_max = Version::V1_0_1;
    old.has_utc_clock = false;
    let settings = Settings { start: Start::BySession, antennas: vec![2], ..Settings::default() };
    let mut line = Line::new(settings, old);
    line.run(10_000);
    assert_eq!((line.ready, line.faults.as_slice()), (1, &[][..]));
    assert_eq!(line.assert_in_order_and_once(), 0);
    assert!(line.arrived[0].iter().all(|read| read.time_source == TimeSource::ReaderUptime && read.antenna == Some(2)));
    assert!(line.arrived[0].len() > 900);
}

#[test]
fn a_line_that_breaks_at_any_time_costs_only_what_was_on_it() {
    for seed in 0..8 {
        let mut chance = ChaCha8Rng::seed_from_u64(seed);
        let faults = ReaderFaults { pieces: Pieces::UpTo(100), ..ReaderFaults::default() };
        let mut line = Line::new(Settings { report_tags: 3, ..Settings::default() }, reader(seed, faults));
        for _ in 0..20 {
            line.run(chance.random_range(0..2_000));
            // The reader says something more, of which a part comes through.
            line.now.0 += chance.random_range(0..60) * MS;
            line.reader.tick(line.now);
            for _ in 0..chance.random_range(0..8) {
                if let (true, Some(ReaderOutput::Send(bytes))) = (line.is_up, line.reader.next_output()) {
                    line.session.received(&bytes, line.now);
                }
            }
            while let Some(output) = line.session.next_output() {
                line.take(output);
            }
            line.cut();
        }
        line.run(2_000);
        let lost = line.assert_in_order_and_once();
        let arrived: usize = line.arrived.iter().map(Vec::len).sum();
        assert!(line.arrived.len() == 21 && arrived > 500 && lost <= 21 * 12, "seed {seed}: {arrived}, {lost} lost");
        let times: Vec<_> = line.arrived.concat().iter().map(|read| read.seen_at).collect();
        assert!(times.is_sorted_by(|first, second| first < second), "seed {seed}");
        assert_eq!(line.faults, Vec::<&str>::new(), "seed {seed}");
    }
}

#[test]
fn a_reader_that_falls_silent_is_connected_to_again() {
    let faults = ReaderFaults { mute_from: Some(50), ..ReaderFaults::default() };
    let mut line = Line::new(Settings::default(), reader(5, faults));
    line.run(20_000);
    assert_eq!((line.ready, line.closed.len()), (1, 0), "thirty seconds have not passed");
    line.run(15_000);
    assert_eq!(line.closed, [CloseReason::Silent]);
    line.run(30_000);
    let later = &line.closed[1..];
    assert!(later.len() > 1 && later.iter().all(|reason| *reason == CloseReason::NoAnswer), "nobody greets: {later:?}");
    line.cut();
    line.reader.set_faults(ReaderFaults::default());
    line.run(15_000);
    assert_eq!(line.ready, 2);
    line.assert_in_order_and_once();
    assert!(line.arrived.last().unwrap().len() > 100);
}

#[test]
fn a_reader_without_keepalives_lives_by_its_reports_and_without_tags_does_not() {
    let faults = ReaderFaults { drops_keepalives: true, ..ReaderFaults::default() };
    let mut line = Line::new(Settings::default(), reader(5, faults.clone()));
    line.run(60_000);
    assert_eq!(line.closed, []);
    let mut empty = reader(5, faults);
    empty.tags.clear();
    let mut line = Line::new(Settings::default(), empty);
    line.run(60_000);
    assert_eq!(line.closed[0], CloseReason::Silent);
}

#[test]
fn half_a_message_and_garbage_cost_the_connection_and_no_more() {
    for (cut_message, garbage_message, expect) in
        [(Some(60), None, &[][..]), (None, Some(60), &[CloseReason::Garbage][..])]
    {
        let faults = ReaderFaults { cut_message, garbage_message, ..ReaderFaults::default() };
        let mut line = Line::new(Settings::default(), reader(9, faults));
        line.run(5_000);
        assert_eq!((line.ready, line.closed.as_slice()), (2, expect));
        assert_eq!(line.assert_in_order_and_once(), 1, "the read in that message");
    }
}

#[test]
fn a_reader_that_belongs_to_another_is_tried_until_it_is_free() {
    let mut line =
        Line::new(Settings::default(), reader(1, ReaderFaults { refuse_with: Some(2), ..ReaderFaults::default() }));
    line.run(70);
    assert!(line.closed.len() > 3 && line.closed.iter().all(|reason| *reason == CloseReason::Refused));
    line.reader.set_faults(ReaderFaults::default());
    line.run(1_000);
    assert_eq!(line.ready, 1);
}

#[test]
fn requests_that_are_refused_or_not_answered_are_tried_over_a_new_connection() {
    for request in ["GET_READER_CAPABILITIES", "SET_READER_CONFIG", "ADD_ROSPEC", "ENABLE_ROSPEC"] {
        let faults = ReaderFaults { refuse_request: Some((request, 401)), ..ReaderFaults::default() };
        let mut line = Line::new(Settings::default(), reader(1, faults));
        line.run(50);
        assert!(line.ready == 0 && line.closed.contains(&CloseReason::Unusable), "{request}");
        line.reader.set_faults(ReaderFaults { ignore_request: Some(request), ..ReaderFaults::default() });
        line.run(11_000);
        assert!(line.ready == 0 && line.closed.contains(&CloseReason::NoAnswer), "{request}");
        line.reader.set_faults(ReaderFaults::default());
        line.run(11_000);
        assert_eq!(line.ready, 1, "{request}");
    }
}

#[test]
fn a_session_that_is_shut_down_takes_what_the_reader_still_says() {
    let faults = ReaderFaults { pieces: Pieces::UpTo(50), ..ReaderFaults::default() };
    let mut line = Line::new(Settings::default(), reader(1, faults));
    line.run(2_000);
    line.now.0 += 100 * MS;
    line.reader.tick(line.now);
    line.session.close(line.now);
    line.settle();
    assert_eq!(line.closed, [CloseReason::Asked]);
    assert_eq!(line.assert_in_order_and_once(), 0);
    line.run(1_000);
    assert_eq!(line.arrived.len(), 1, "nobody connects again");
}
