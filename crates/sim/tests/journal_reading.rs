//! What a journal does while nothing fails.

mod journal_support;

use journal::{Error, Journal, NewBlock, Options, Position, Reader, Verify, verify};
use journal_support::{OPTIONS, append, assert_holds, assert_is, block_count, end_position, journal_of, open, stamp};
use sim::disk::SimDisk;

#[test]
fn a_block_is_readable_as_soon_as_it_is_acknowledged() {
    let (mut writer, reader, recovered) = open(&SimDisk::new(1)).expect("open");
    assert_eq!((recovered.first_position, recovered.last_position), (Position(1), Position(0)));
    assert_eq!(recovered.last_stamp, None);
    let mut tail = reader.blocks(Position(1));
    for number in 0..60 {
        assert!(tail.next().is_none());
        assert_eq!(append(&mut writer, number).expect("append"), end_position(number + 1));
        assert_is(&tail.next().expect("a block").expect("readable"), number);
        assert_eq!(reader.durable_end(), end_position(number + 1));
    }
    assert_holds(&reader, 60);
    assert!(reader.segments().len() > 8);
}

#[test]
fn a_wrong_expected_position_is_fenced_and_changes_nothing() {
    let (mut writer, reader, _) = open(&SimDisk::new(1)).expect("open");
    append(&mut writer, 0).expect("append");
    let block = NewBlock { count: 1, stamp: 0, schema: 5, payload: b"late" };
    for expected in [0, 2, u64::MAX] {
        let error = writer.append(Position(expected), block).expect_err("fenced");
        assert!(matches!(error, Error::Fenced { actual: Position(1), .. }), "{error}");
    }
    assert_holds(&reader, 1);
    append(&mut writer, 1).expect("append");
}

#[test]
fn a_payload_may_be_empty_or_longer_than_a_segment_but_not_than_the_limit() {
    let disk = SimDisk::new(1);
    let (mut writer, reader, _) = open(&disk).expect("open");
    writer.prepare().expect("prepare");
    let lengths = [0, 10_000, 1, journal::MAX_PAYLOAD_BYTES, 8];
    for (length, position) in lengths.into_iter().zip(0..) {
        let block = NewBlock { count: 1, stamp: 0, schema: 0, payload: &vec![9; length] };
        writer.append(Position(position), block).expect("append");
    }
    let too_long = vec![9; journal::MAX_PAYLOAD_BYTES + 1];
    let block = NewBlock { count: 1, stamp: 0, schema: 0, payload: &too_long };
    assert_eq!(writer.append(Position(5), block).expect_err("too long").code(), "ST0106");
    drop((writer, reader));
    let (_, reader, recovered) = open(&disk).expect("open");
    assert_eq!(recovered.torn_blocks, 0);
    let read: Vec<_> = reader.blocks(Position(1)).map(|block| block.expect("readable").payload.len()).collect();
    assert_eq!(read, lengths);
}

#[test]
fn reading_starts_at_the_block_that_contains_a_position() {
    let disk = journal_of(1, 50);
    let (_, reader, _) = open(&disk).expect("open");
    for position in 1..=end_position(50).0 {
        let number = (0..50).find(|number| end_position(number + 1).0 >= position).expect("there");
        let block = reader.block_containing(Position(position)).expect("readable").expect("there");
        assert_is(&block, number);
        let mut blocks = reader.blocks_verified(Position(position), Verify::Chain);
        assert_is(&blocks.next().expect("a block").expect("readable"), number);
        assert_eq!(blocks.filter(Result::is_ok).count() as u64, 49 - number);
    }
    for beyond in [0, end_position(50).0 + 1, u64::MAX - 1] {
        assert_eq!(reader.block_containing(Position(beyond)).expect("readable"), None);
    }
    assert_eq!(reader.blocks(Position(0)).count(), 50);
}

#[test]
fn a_stamp_finds_the_last_position_not_after_it() {
    let disk = journal_of(1, 50);
    let (_, reader, _) = open(&disk).expect("open");
    assert_eq!(reader.position_at_stamp(-1).expect("readable"), Position(0));
    for wanted in 0..300 {
        let blocks = (0..50).filter(|number| stamp(*number) <= wanted).count() as u64;
        assert_eq!(reader.position_at_stamp(wanted).expect("readable"), end_position(blocks), "stamp {wanted}");
    }
    assert_eq!(reader.position_at_stamp(i64::MAX).expect("readable"), end_position(50));
}

#[test]
fn a_hash_is_known_where_a_block_ends() {
    let disk = journal_of(1, 30);
    let (writer, reader, _) = open(&disk).expect("open");
    let mut ends = vec![(Position(0), journal::Hash::default())];
    for block in reader.blocks(Position(1)) {
        let block = block.expect("readable");
        ends.push((block.last_position(), block.hash()));
    }
    assert_eq!(ends.last().expect("there").1, writer.last_hash());
    for position in 0..=end_position(30).0 + 2 {
        let expected = ends.iter().find(|end| end.0 == Position(position)).map(|end| end.1);
        assert_eq!(reader.hash_at(Position(position)).expect("readable"), expected, "position {position}");
    }
}

#[test]
fn a_second_open_is_locked_until_the_writer_and_what_it_gave_out_are_gone() {
    let disk = SimDisk::new(1);
    let (writer, reader, _) = open(&disk).expect("open");
    assert!(open(&disk).err().expect("locked").is_locked());
    let preparer = writer.preparer();
    drop(writer);
    assert!(open(&disk).err().expect("locked").is_locked());
    drop(preparer);
    open(&disk).expect("open beside a reader");
    assert_eq!(reader.durable_end(), Position(0));
}

#[test]
fn a_read_only_disk_can_be_read_and_says_so_when_written() {
    let disk = journal_of(1, 20);
    disk.set_read_only(true);
    assert!(open(&disk).err().expect("read-only").is_read_only());
    assert_holds(&Reader::open_read_only(disk).expect("open"), 20);
}

#[test]
fn a_prepared_segment_is_used_and_its_absence_only_costs_time() {
    for prepared in [false, true] {
        let disk = SimDisk::new(1);
        let (mut writer, reader, _) = open(&disk).expect("open");
        let preparer = writer.preparer();
        for number in 0..40 {
            if prepared {
                preparer.prepare().expect("prepare");
            }
            append(&mut writer, number).expect("append");
        }
        assert_holds(&reader, 40);
        drop((writer, preparer));
        assert_holds(&open(&disk).expect("open").1, 40);
        assert!(!disk.names().iter().any(|name| name.contains("tmp")), "leftovers are removed");
    }
}

#[test]
fn a_preparer_beside_the_writer_never_takes_its_file_away() {
    let disk = SimDisk::new(1);
    let (mut writer, reader, _) = open(&disk).expect("open");
    let preparer = writer.preparer();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while reader.durable_end() < end_position(300) {
                preparer.prepare().expect("prepare");
                std::thread::yield_now();
            }
        });
        scope.spawn(|| {
            let mut blocks = reader.blocks_verified(Position(1), Verify::Chain);
            let mut number = 0;
            while number < 300 {
                match blocks.next() {
                    Some(block) => {
                        assert_is(&block.expect("readable"), number);
                        number += 1;
                    }
                    None => std::thread::yield_now(),
                }
            }
        });
        for number in 0..300 {
            append(&mut writer, number).expect("append");
        }
    });
    drop((writer, preparer));
    assert_holds(&open(&disk).expect("open").1, 300);
}

#[test]
fn a_copy_made_while_appending_opens_as_the_journal_it_was() {
    let disk = journal_of(1, 40);
    let (mut writer, reader, _) = open(&disk).expect("open");
    let mut number = 40;
    for up_to in 0..=end_position(40).0 + 3 {
        let destination = SimDisk::new(2);
        let copied = reader
            .copy_to(&destination, Position(up_to), &mut |progress| {
                assert!(progress.bytes_done <= progress.bytes_total);
                if number < 60 {
                    append(&mut writer, number).expect("append while copying");
                    number += 1;
                }
            })
            .expect("copy");
        let blocks = block_count(copied.last_position);
        assert!(end_position(blocks).0 <= up_to && end_position(blocks + 1).0 > up_to, "up to {up_to}: {blocks}");
        let (_, copy, recovered) = open(&destination.crash(up_to)).expect("open the copy");
        assert_eq!((recovered.last_position, recovered.last_hash), (copied.last_position, copied.last_hash));
        assert_eq!((recovered.seed, recovered.journal_id), (reader.seed(), reader.journal_id()));
        assert_holds(&copy, blocks);
        assert_eq!(reader.hash_at(copied.last_position).expect("readable"), Some(copied.last_hash));
        let again = reader.copy_to(&destination.crash(up_to), Position(up_to), &mut |_| {}).expect_err("not empty");
        assert_eq!(again.code(), "ST0113");
    }
}

#[test]
fn retention_removes_whole_segments_before_a_position_and_nothing_else() {
    for position in 0..=end_position(40).0 + 5 {
        let disk = journal_of(1, 40);
        let (mut writer, reader, _) = open(&disk).expect("open");
        let segments = writer.segments();
        let before = reader.segments();
        let expected = before.iter().filter(|one| one.sealed && one.last_position.0 < position).count();
        assert_eq!(segments.remove_segments_before(Position(position)).expect("remove"), expected);
        assert_eq!(segments.remove_segments_before(Position(position)).expect("remove"), 0);
        let first = reader.first_position();
        assert_eq!(first, before[expected].first_position);
        if expected > 0 {
            let error = reader.blocks(Position(1)).next().expect("an answer").expect_err("removed");
            assert!(matches!(error, Error::Removed { position: Position(1), .. }), "{error}");
            assert_eq!(reader.hash_at(first.before()).expect("readable").map(|_| ()), Some(()));
        }
        assert_eq!(verify(&reader, &mut |_| {}).expect("intact").last_hash, writer.last_hash());
        append(&mut writer, 40).expect("append");
        drop((writer, segments));
        let (_, reader, recovered) = open(&disk.crash(position)).expect("open");
        assert_eq!((recovered.first_position, recovered.last_position), (first, end_position(41)));
        let blocks: Vec<_> = reader.blocks_verified(first, Verify::Chain).collect::<Result<_, _>>().expect("readable");
        assert_eq!(blocks.len() as u64, 41 - block_count(first.before()));
        let copied = reader.copy_to(&SimDisk::new(1), Position(u64::MAX), &mut |_| {}).expect("copy");
        assert_eq!((copied.last_position, copied.last_hash), (end_position(41), recovered.last_hash));
    }
}

#[test]
fn segments_keep_their_length_when_the_option_changes() {
    let disk = SimDisk::new(1);
    let mut number = 0;
    for segment_bytes in [500, 3000, 128 + 72, 1001, 2048] {
        let (mut writer, reader, _) = Journal::open(disk.clone(), Options { segment_bytes, ..OPTIONS }).expect("open");
        for _ in 0..20 {
            append(&mut writer, number).expect("append");
            number += 1;
        }
        assert_holds(&reader, number);
    }
    assert_holds(&open(&disk).expect("open").1, 100);
}

#[test]
fn verifying_reports_everything_and_its_progress_ends_at_the_total() {
    let disk = journal_of(1, 40);
    let (writer, reader, _) = open(&disk).expect("open");
    let mut last = None;
    let report = verify(&reader, &mut |progress| {
        assert!(last.is_none_or(|last: journal::Progress| last.bytes_done <= progress.bytes_done));
        last = Some(progress);
    })
    .expect("intact");
    let last = last.expect("progress was told");
    assert_eq!(last.bytes_done, last.bytes_total);
    assert_eq!((report.block_count, report.entry_count), (40, end_position(40).0));
    assert_eq!((report.last_position, report.last_hash), (end_position(40), writer.last_hash()));
}

#[test]
fn the_same_appends_give_the_same_bytes() {
    let (one, two) = (journal_of(1, 40), journal_of(2, 40));
    assert_eq!(one.names(), two.names());
    for name in one.names() {
        assert_eq!(one.contents(&name), two.contents(&name), "{name}");
    }
}
