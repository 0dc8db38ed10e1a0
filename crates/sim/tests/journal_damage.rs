//! Bytes that change behind the journal's back: found and named, never taken for a shorter journal, save for the last
//! block, which looks the same as an append that was never finished.

mod journal_support;

use journal::{Damage, Error, Inspected, Offset, Position, Reader, Verify, inspect, verify};
use journal_support::{append, assert_holds, assert_is, end_position, journal_of, open, payload, segment};
use sim::disk::SimDisk;

const HEADER_BYTES: u64 = 128;

/// Where each block lies: segment file, first byte, byte after the last.
fn layout(disk: &SimDisk) -> Vec<(String, u64, u64)> {
    let reader = Reader::open_read_only(disk.clone()).expect("open");
    let blocks = reader.blocks(Position(1)).map(|block| block.expect("readable"));
    blocks.map(|block| (segment(block.segment), block.offset.0, block.offset.0 + block.length_bytes())).collect()
}

fn segments(disk: &SimDisk) -> Vec<String> {
    disk.names().into_iter().filter(|name| name.starts_with("segment-")).collect()
}

/// The first error that opening and then reading everything comes to, or how many blocks there are.
fn open_and_read(disk: &SimDisk) -> Result<(u64, u32), Error> {
    let read_only = Reader::open_read_only(disk.duplicate(1)).map(|reader| reader.durable_end());
    let inspected = inspect(&disk.duplicate(1), &mut |_| {}).expect("readable");
    let opened = open(disk);
    match (&opened, &read_only) {
        (Ok((.., recovered)), Ok(end)) => assert_eq!(recovered.last_position, *end),
        (Err(one), Err(other)) => assert_eq!(one.to_string(), other.to_string()),
        (one, other) => panic!("{:?} when writing, {other:?} when reading", one.as_ref().map(|_| ())),
    }
    let outcome = opened.and_then(|(_, reader, recovered)| {
        let report = verify(&reader, &mut |_| {})?;
        let mut number = 0;
        for block in reader.blocks_verified(Position(1), Verify::Chain) {
            assert_is(&block?, number);
            number += 1;
        }
        assert_eq!(report.block_count, number);
        Ok((number, recovered.torn_blocks))
    });
    let found = inspected.problem_count > 0;
    assert_eq!(found, outcome.is_err(), "inspecting and opening agree: {inspected:?}, {:?}", outcome.as_ref().err());
    outcome
}

fn assert_damaged(error: &Error, name: &str, from: u64, to: u64, what: &str) {
    let Error::Damaged { file, offset, .. } = error else { panic!("{what}: {error}") };
    assert!(file.ends_with(name), "{what}: {error}");
    assert!((from..to).contains(&offset.0), "{what}: {error}, expected within {from} to {to}");
    assert_eq!(error.code(), "ST0109");
}

#[test]
fn every_flipped_bit_is_found_or_costs_the_last_block_or_nothing() {
    // The last segment holds one block, or several, or the journal is one segment.
    for blocks in [1, 2, 9, 12, 13] {
        let whole = journal_of(1, blocks);
        let layout = layout(&whole);
        let last_segment = segments(&whole).last().expect("there").clone();
        let alone = layout.iter().filter(|block| block.0 == last_segment).count() == 1 && segments(&whole).len() > 1;
        let (_, last_start, last_end) = layout.last().expect("there").clone();
        for name in segments(&whole) {
            for at in 0..whole.contents(&name).expect("there").len() {
                let disk = whole.duplicate(1);
                disk.flip_bit(&name, at, u32::try_from((at * 5 + 1) % 8).expect("small"));
                let at = at as u64;
                let what = format!("{blocks} blocks, byte {at} of {name}");
                let within = layout.iter().find(|block| block.0 == name && (block.1..block.2).contains(&at));
                let in_last = name == last_segment && (last_start..last_end).contains(&at);
                let outcome = open_and_read(&disk);
                match (within, outcome) {
                    _ if at < HEADER_BYTES => {
                        assert_damaged(&outcome_error(&disk, &what), &name, 0, HEADER_BYTES, &what);
                    }
                    (Some(_), Ok(outcome)) => {
                        assert!(in_last && !alone, "{what}: {outcome:?}");
                        assert_eq!(outcome, (blocks - 1, 1), "{what}");
                    }
                    (Some(block), Err(error)) => {
                        assert!(!in_last || alone, "{what}: {error}");
                        assert_damaged(&error, &name, block.1, block.2, &what);
                    }
                    // Zeros that are not part of any block.
                    (None, outcome) => {
                        let (left, torn) = outcome.unwrap_or_else(|error| panic!("{what}: {error}"));
                        assert_eq!((left, torn), (blocks, u32::from(name == last_segment)), "{what}");
                    }
                }
            }
        }
    }
}

fn outcome_error(disk: &SimDisk, what: &str) -> Error {
    open_and_read(disk).err().unwrap_or_else(|| panic!("{what}: not found"))
}

#[test]
fn every_shorter_file_is_damaged() {
    let whole = journal_of(1, 12);
    for name in segments(&whole) {
        let length = whole.contents(&name).expect("there").len();
        for shorter in (0..length).chain([length + 1, length + 4096]) {
            let disk = whole.duplicate(1);
            disk.truncate(&name, shorter);
            let what = format!("{name} with {shorter} bytes");
            let error = outcome_error(&disk, &what);
            assert_damaged(&error, &name, 0, length as u64 + 1, &what);
        }
    }
}

#[test]
fn zeros_in_place_of_blocks_are_a_hole_unless_they_are_the_last() {
    let whole = journal_of(1, 14);
    let layout = layout(&whole);
    for first in 0..layout.len() {
        for last in first..layout.len() {
            let disk = whole.duplicate(1);
            for (name, from, to) in &layout[first..=last] {
                let (from, to) = (usize::try_from(*from).expect("small"), usize::try_from(*to).expect("small"));
                disk.overwrite(name, from, &vec![0; to - from]);
            }
            let what = format!("blocks {first} to {last} zeroed");
            let at_end = last + 1 == layout.len() && layout[first].0 == layout[last].0;
            let segment_begins = layout[first].1 == HEADER_BYTES;
            if at_end && !segment_begins {
                // Nothing on the disk tells that they were ever there.
                assert_eq!(open_and_read(&disk).expect("shorter"), (first as u64, 0), "{what}");
            } else {
                // Named where the hole begins, or where a later segment's does, since that is looked at first.
                let error = outcome_error(&disk, &what);
                let Error::Damaged { file, offset, reason } = &error else { panic!("{what}: {error}") };
                let named = layout[first..=last].iter().any(|(name, at, _)| file.ends_with(name) && offset.0 == *at);
                assert!(named && *reason == Damage::Zeroed, "{what}: {error}");
            }
        }
    }
}

#[test]
fn a_missing_segment_is_named_unless_it_is_the_first_or_last() {
    let whole = journal_of(1, 30);
    let names = segments(&whole);
    assert!(names.len() > 4);
    for (index, name) in names.iter().enumerate().skip(1).take(names.len() - 2) {
        let disk = whole.duplicate(1);
        disk.lose(name);
        let error = open(&disk).err().expect("damaged");
        let Error::Damaged { file, offset, reason } = error else { panic!("{error}") };
        assert!(file.ends_with(&names[index + 1]));
        assert_eq!((offset, reason), (Offset(0), Damage::SegmentMissing { count: 1 }));
    }
    let disk = whole.duplicate(1);
    disk.lose(&names[0]);
    let (writer, reader, recovered) = open(&disk).expect("as after retention");
    assert_eq!(segment(recovered.first_position), names[1]);
    assert_eq!(verify(&reader, &mut |_| {}).expect("intact").last_hash, writer.last_hash());
}

#[test]
fn segments_of_another_journal_or_another_past_are_refused() {
    let whole = journal_of(1, 30);
    let names = segments(&whole);
    let other = SimDisk::new(1);
    let options = journal::Options { seed_if_new: Some([1; 16]), ..journal_support::OPTIONS };
    let (mut writer, ..) = journal::Journal::open(other.clone(), options).expect("open");
    for number in 0..30 {
        append(&mut writer, number).expect("append");
    }
    drop(writer);
    let disk = whole.duplicate(1);
    disk.put(&names[2], other.contents(&names[2]).expect("same names"));
    let error = open(&disk).err().expect("damaged");
    assert!(matches!(error, Error::Damaged { reason: Damage::OtherJournal, .. }), "{error}");

    // The same seed and the same positions, but other entries before.
    let other = SimDisk::new(1);
    let (mut writer, ..) = open(&other).expect("open");
    for number in 0..30 {
        let payload = payload(number).iter().map(|byte| byte ^ 1).collect::<Vec<_>>();
        let (count, stamp) = (journal_support::count(number), journal_support::stamp(number));
        let block = journal::NewBlock { count, stamp, schema: 5, payload: &payload };
        writer.append(end_position(number), block).expect("append");
    }
    drop(writer);
    let disk = whole.duplicate(1);
    disk.put(&names[2], other.contents(&names[2]).expect("same names"));
    let (_, reader, _) = open(&disk).expect("open looks at headers alone");
    let error = verify(&reader, &mut |_| {}).expect_err("broken chain");
    assert!(matches!(error, Error::Damaged { reason: Damage::PreviousHash { .. }, .. }), "{error}");
    assert_damaged(&error, &names[2], HEADER_BYTES, HEADER_BYTES + 1, "other past");
    let mut broken = Vec::new();
    inspect(&disk, &mut |item| broken.extend(item.is_problem().then(|| item.clone()))).expect("readable");
    assert_eq!(broken.len(), 2, "where it begins and where it ends: {broken:?}");
}

#[test]
fn what_was_cut_off_stays_off_and_appending_goes_on() {
    let whole = journal_of(1, 12);
    let layout = layout(&whole);
    let (name, from, to) = layout.last().expect("there");
    let length = usize::try_from(to - from).expect("small");
    for kept in 0..length {
        let disk = whole.duplicate(1);
        let from = usize::try_from(*from).expect("small");
        disk.overwrite(name, from + kept, &vec![0; length - kept]);
        let torn = disk.contents(name).expect("there")[from..].iter().any(|byte| *byte != 0);
        let cut = disk.contents(name) != whole.contents(name);
        let (mut writer, reader, recovered) = open(&disk).expect("open");
        let blocks = if cut { 11 } else { 12 };
        assert_holds(&reader, blocks);
        if cut {
            assert_eq!(recovered.torn_blocks, u32::from(torn));
            assert_eq!(recovered.torn_at, torn.then_some(Offset(from as u64)));
            assert!(recovered.torn_bytes <= length as u64);
            assert!(disk.contents(name).expect("there")[from..].iter().all(|byte| *byte == 0), "it was zeroed");
        }
        append(&mut writer, blocks).expect("append");
        drop(writer);
        let (_, reader, recovered) = open(&disk.crash(3)).expect("open");
        assert_eq!(recovered.torn_blocks, 0);
        assert_holds(&reader, blocks + 1);
    }
}

#[test]
fn a_payload_that_looks_like_a_later_block_does_not_make_a_torn_tail_damage() {
    // A block of this journal itself, as somebody who saw its bytes could send it: its position has passed.
    let whole = journal_of(1, 3);
    let layout = layout(&whole);
    let (name, from, to) = &layout[2];
    let (from, to) = (usize::try_from(*from).expect("small"), usize::try_from(*to).expect("small"));
    let mut copied = whole.contents(name).expect("there")[from..to].to_vec();
    // And one that claims a later position, whose checksum its author can't compute.
    let mut forged = copied.clone();
    forged[40..48].copy_from_slice(&1000_u64.to_le_bytes());
    let checksum = crc_of(&forged[8..72]);
    forged[4..8].copy_from_slice(&checksum.to_le_bytes());
    copied.extend_from_slice(&forged);

    let disk = whole.duplicate(1);
    let (mut writer, ..) = open(&disk).expect("open");
    let block = journal::NewBlock { count: 1, stamp: 1000, schema: 0, payload: &copied };
    writer.append(end_position(3), block).expect("append");
    drop(writer);
    // Its header is lost.
    disk.overwrite(name, to, &[0; 72]);
    let (_, reader, recovered) = open(&disk).expect("torn, not damaged");
    assert_eq!(recovered.torn_blocks, 1);
    assert_holds(&reader, 3);
}

/// CRC32C bit by bit, without the journal's seed.
fn crc_of(bytes: &[u8]) -> u32 {
    let step = |crc: u32| (crc >> 1) ^ (0x82F6_3B78 & (crc & 1).wrapping_neg());
    !bytes.iter().fold(u32::MAX, |crc, byte| (0..8).fold(crc ^ u32::from(*byte), |crc, _| step(crc)))
}

#[test]
fn a_newer_format_is_refused_by_its_number() {
    let disk = journal_of(1, 3);
    let name = segments(&disk).remove(0);
    let mut bytes = disk.contents(&name).expect("there");
    bytes[8..12].copy_from_slice(&2_u32.to_le_bytes());
    let checksum = crc_of(&bytes[..124]);
    bytes[124..128].copy_from_slice(&checksum.to_le_bytes());
    disk.put(&name, bytes);
    let error = open(&disk).err().expect("newer");
    assert!(matches!(error, Error::NewerFormat { found: 2, supported: 1, .. }), "{error}");
}

#[test]
fn inspecting_goes_on_behind_damage_and_says_what_is_where() {
    let disk = journal_of(1, 12);
    let layout = layout(&disk);
    let (name, from, to) = &layout[2];
    disk.flip_bit(name, usize::try_from(*from).expect("small") + 80, 0);
    let mut lines = Vec::new();
    let sums = inspect(&disk, &mut |item| lines.push(item.clone())).expect("readable");
    assert_eq!((sums.block_count, sums.problem_count), (11, 1));
    assert_eq!(sums.segment_count, segments(&disk).len() as u64);
    let expected =
        Inspected::Unreadable { offset: Offset(*from), length_bytes: to - from, reason: Damage::PayloadChecksum };
    assert!(lines.contains(&expected), "{lines:#?}");
    assert!(matches!(lines.last(), Some(Inspected::Free { .. })));
}

#[test]
fn bytes_that_no_torn_append_can_have_left_are_damage() {
    // The last block's header tells how far it reaches: one byte behind that is not its own.
    let disk = journal_of(1, 3);
    let (name, from, to) = layout(&disk).pop().expect("there");
    let (from, to) = (usize::try_from(from).expect("small"), usize::try_from(to).expect("small"));
    disk.flip_bit(&name, from + 72, 0);
    assert_eq!(open_and_read(&disk.duplicate(1)).expect("torn"), (2, 1));
    disk.flip_bit(&name, to, 0);
    assert_damaged(&outcome_error(&disk, "behind the block"), &name, from as u64, from as u64 + 1, "behind the block");

    // Nothing tells that, but no block is longer than the longest.
    let longest = 72 + journal::MAX_PAYLOAD_BYTES;
    let options = journal::Options { segment_bytes: 20 << 20, ..journal_support::OPTIONS };
    for (distance, torn) in [(0, true), (longest - 1, true), (longest, false), ((20 << 20) - 129, false)] {
        let disk = SimDisk::new(1);
        journal::Journal::open(disk.clone(), options).expect("open");
        disk.flip_bit(&segment(Position(1)), 128 + distance, 7);
        let inspected = inspect(&disk, &mut |_| {}).expect("readable");
        assert_eq!(inspected.problem_count, u64::from(!torn));
        match open(&disk) {
            Ok((.., recovered)) => assert!(torn && recovered.torn_blocks == 1, "distance {distance}"),
            Err(error) => {
                assert!(!torn, "distance {distance}: {error}");
                assert!(matches!(error, Error::Damaged { reason: Damage::BytesAfterEnd, .. }), "{error}");
            }
        }
    }
}
