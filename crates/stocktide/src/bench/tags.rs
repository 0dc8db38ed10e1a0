//! Tag reads: what one core takes out of readers' reports, decodes, packs and smooths, and how many become durable.
//!
//! Every read has a time of its own, a strength and one of 10,000 tags; each tag is heard by three antennas of 16. Reports
//! are the bytes that an LLRP reader sends, 500 reads in each.

use super::figure::{Figure, Figures, Unit, number};
use super::rig::Rig;
use super::{Scale, core, disk};
use crate::clock;
use crate::clock::Stopwatch;
use anyhow::{Context, Result};
use intake::rfid::{Antenna, Portal, Read, Settings, Side, Smoother, Tag};
use ledger::{Command, Observation, State, Timestamp};
use serde_json::{Value, json};
use std::hint::black_box;
use std::sync::atomic::Ordering;
use wire::epc::{Epc, EpcBytes};
use wire::llrp::{HEADER_BYTES, Message, TagReport, TagReports, Version, base64};
use wire::observation::{TAG_READS, TagRead, pack_reads};
use wire::{Batch, KeyHasher};

const TAGS: u32 = 10_000;
const ANTENNAS: u32 = 16;
/// Reads in a report, and in the observation that is made of it.
const REPORT: usize = 500;
/// Reads that there are.
const READS: usize = 1_000_000;
/// How often they are gone through.
const ROUNDS: usize = 10;
const TARGET_SMOOTHED: f64 = 1_000_000.0;
/// Of the lowest limit of durable reads.
const TARGET_FRACTION: f64 = 0.5;
/// How often the smoother is told the time, in microseconds.
const TICK: i64 = 50_000;

pub(super) fn measure(scale: &Scale, figures: &mut Figures) -> Result<()> {
    let load = Load::new(scale)?;
    figures.push(rate("tag reads smoothed, 10 000 tags", load.smooth()?).target(TARGET_SMOOTHED));
    figures.push(rate("tag reads taken from LLRP reports", load.parse()?));
    figures.push(rate("EPCs decoded", load.decode()?));
    figures.push(rate("tag reads packed", load.pack()?));
    load.make_durable(scale, figures)
}

fn rate(name: &'static str, value: f64) -> Figure {
    Figure::new(name, value, Unit::ReadsPerSecond)
}

/// Made-up reads.
struct Load {
    tags: Vec<EpcBytes>,
    /// By time, a microsecond apart; the antenna counts from 0.
    reads: Vec<Read>,
    /// The same as reports of a reader, header and all.
    reports: Vec<Vec<u8>>,
}

impl Load {
    fn new(scale: &Scale) -> Result<Self> {
        let tag = |serial: u32| -> Result<EpcBytes> {
            let epc = Epc::parse_uri(&format!("urn:epc:id:sgtin:0614141.812345.{}", u64::from(serial) * 7_919))?;
            Ok(epc.shortest_tag(1)?.to_bytes())
        };
        let tags = (1..=TAGS).map(tag).collect::<Result<Vec<_>>>()?;
        let mut random = 1_u64;
        let mut below = |bound: u32| {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            u32::try_from((random >> 33) % u64::from(bound)).expect("below 2^32")
        };
        let count = scale.of(READS);
        let from = clock::now().minus(i64::try_from(count)?);
        let read = |seen_at: i64| -> Result<Read> {
            let tag = below(TAGS);
            let antenna = u16::try_from((tag + below(3)) % ANTENNAS)?;
            // A reader's report has whole dBm.
            let rssi = -100 * i16::try_from(40 + below(30))?;
            let tag = Tag::new(&tags[usize::try_from(tag)?]).context("an EPC is no longer than a tag's code")?;
            Ok(Read { tag, antenna, seen_at: from.plus(seen_at), rssi })
        };
        let reads = (0..i64::try_from(count)?).map(read).collect::<Result<Vec<_>>>()?;
        let reports = reads.chunks(REPORT).map(report).collect::<Result<Vec<_>>>()?;
        Ok(Self { tags, reads, reports })
    }

    /// Reads a second: all reads again and again, as if time went on.
    fn smooth(&self) -> Result<f64> {
        let span = i64::try_from(self.reads.len())?;
        let mut smoother = Smoother::new(settings())?;
        let mut out = Vec::new();
        // The first round meets every tag and antenna; what is measured is how it goes on.
        let mut begun = Stopwatch::start();
        for round in 0..=i64::try_from(ROUNDS)? {
            if round == 1 {
                begun = Stopwatch::start();
            }
            for (read, at) in self.reads.iter().zip(0_i64..) {
                let seen_at = read.seen_at.plus(round * span);
                if at % TICK == 0 {
                    smoother.tick(seen_at, &mut out);
                }
                smoother.read(&Read { seen_at, ..*read })?;
            }
            black_box(out.drain(..).count());
        }
        Ok(number(self.reads.len() * ROUNDS) / begun.seconds())
    }

    fn parse(&self) -> Result<f64> {
        self.again(|| {
            self.reports.iter().try_fold(0, |count, report| {
                TagReports::new(black_box(&report[HEADER_BYTES..])).try_fold(count, |count, read| {
                    black_box(read?);
                    Ok(count + 1)
                })
            })
        })
    }

    fn decode(&self) -> Result<f64> {
        self.again(|| {
            let rounds = self.reads.len() / self.tags.len();
            for tag in std::iter::repeat_n(&self.tags, rounds).flatten() {
                black_box(wire::epc::Tag::from_bytes(black_box(tag))?);
            }
            Ok(rounds * self.tags.len())
        })
    }

    fn pack(&self) -> Result<f64> {
        self.again(|| {
            for reads in self.reads.chunks(REPORT) {
                black_box(pack_reads(reads.iter().map(|read| TagRead {
                    epc: read.tag.code(),
                    antenna: read.antenna + 1,
                    rssi_centi_dbm: Some(read.rssi),
                    seen_at: read.seen_at,
                    count: 1,
                })));
            }
            Ok(self.reads.len())
        })
    }

    /// What `work` gets through in a second, when it answers how many reads it took.
    fn again(&self, mut work: impl FnMut() -> Result<usize>) -> Result<f64> {
        let begun = Stopwatch::start();
        let mut count = 0;
        for _ in 0..ROUNDS {
            count += work()?;
        }
        Ok(number(count) / begun.seconds())
    }

    /// The whole way: from the bytes of a report to an observation on disk.
    fn make_durable(&self, scale: &Scale, figures: &mut Figures) -> Result<()> {
        let count = number(self.reads.len() * ROUNDS);
        let mut rig = Rig::new(scale)?;
        let hasher = rig.handle.hasher();
        let observe = |round| {
            let reports = self.reports.iter().enumerate();
            reports.map(move |(place, report)| observation(report, &hasher, &format!("{round}-{place}")))
        };
        let begun = Stopwatch::start();
        let batches = observe(0).collect::<Result<Vec<_>>>()?;
        let one_round = number(self.reads.len());
        let packing = one_round / begun.seconds();
        let deciding = one_round / core::decide_and_apply(&mut State::new(1), &batches, clock::now());
        drop(batches);

        let mut failed = None;
        let batches = (0..ROUNDS).flat_map(observe).map_while(|batch| batch.map_err(|error| failed = Some(error)).ok());
        let seconds = rig.ingest(batches)?.seconds();
        if let Some(error) = failed {
            return Err(error);
        }
        let stats = rig.handle.stats();
        let (blocks, bytes) = (stats.blocks.load(Ordering::Relaxed), stats.bytes.load(Ordering::Relaxed));
        rig.stop()?;
        let writing = count / disk::write(scale, bytes, bytes / blocks.max(1))?.seconds;

        let limits = [
            (packing, "one core reading and packing"),
            (deciding, "one core deciding"),
            (writing, "the disk's durable writes"),
        ];
        let (limit, is) = limits.into_iter().min_by(|one, other| one.0.total_cmp(&other.0)).expect("there are three");
        let durable = rate("tag reads made durable, 500 a message", count / seconds);
        figures.push(durable.limit(limit, is).target(limit * TARGET_FRACTION));
        figures.push(rate("  one core reads reports and packs", packing));
        figures.push(rate("  one core decides and applies, reads", deciding));
        figures.push(rate("  disk alone, reads", writing));
        Ok(())
    }
}

/// Eight antennas over zones, four at two doors, four over zones.
fn settings() -> Settings {
    let antennas = (0..16).map(|antenna| match antenna {
        0..8 => Antenna::Zone(antenna),
        8..12 => Antenna::Portal(antenna / 2 - 4, if antenna % 2 == 0 { Side::Outside } else { Side::Inside }),
        _ => Antenna::Zone(antenna - 4),
    });
    let portals = vec![Portal { inside: 100, outside: 200 }, Portal { inside: 100, outside: 201 }];
    Settings { antennas: antennas.collect(), portals, ..Settings::default() }
}

/// A report of a reader with all that it is asked for.
fn report(reads: &[Read]) -> Result<Vec<u8>> {
    let tag = |read: &Read| {
        json!({
            "EPC96": {"EPC": base64(read.tag.code())}, "AntennaID": read.antenna + 1, "PeakRSSI": read.rssi / 100,
            "ChannelIndex": 3, "ROSpecID": 1, "FirstSeenUTC": read.seen_at.0, "LastSeenUTC": read.seen_at.0, "TagSeenCount": 1,
        })
    };
    let tags: Vec<Value> = reads.iter().map(tag).collect();
    let message = Message::from_json("RO_ACCESS_REPORT", &json!({"TagReportData": tags}), Version::V1_0_1, 1)?;
    Ok(message.encode()?)
}

/// What a gateway makes of a report.
fn observation(report: &[u8], hasher: &KeyHasher, id: &str) -> Result<Batch> {
    let reads = TagReports::new(&report[HEADER_BYTES..]).collect::<Result<Vec<_>, _>>()?;
    let seen_at = |read: &TagReport<'_>| read.last_seen.and_then(wire::llrp::Seen::utc).unwrap_or_default();
    let packed = pack_reads(reads.iter().map(|read| TagRead {
        epc: read.epc,
        antenna: read.antenna.unwrap_or(0),
        rssi_centi_dbm: read.peak_rssi_dbm.map(|dbm| i16::from(dbm) * 100),
        seen_at: seen_at(read),
        count: read.seen_count.map_or(1, u32::from),
    }));
    let sent_at: Option<Timestamp> = reads.last().map(seen_at);
    let observation = Observation { form: TAG_READS.into(), sent_at, content: packed, ..Observation::default() };
    let command = Command::Observe(Box::new(observation));
    let at = sent_at.unwrap_or_default();
    let mut batch = Batch::with_capacity(1, 64);
    batch.push_command("bench", "reader-01", id, hasher.command("reader-01", id, at, &command), at, command);
    Ok(batch)
}
