//! Blocks that follow from their number, so that any prefix of them can be told from anything else.
#![allow(dead_code, reason = "each test file uses a part")]

use journal::{Block, Error, Journal, NewBlock, Opened, Options, Position, Reader, Verify, Writer};
use sim::disk::SimDisk;

pub(crate) const SEED: [u8; 16] = *b"stocktide tests!";
pub(crate) const OPTIONS: Options = Options { segment_bytes: 2048, seed_if_new: Some(SEED) };

/// The payload of the block of a number, counted from 0: 0 to 600 bytes that are not zeros.
pub(crate) fn payload(number: u64) -> Vec<u8> {
    let length = number.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 33;
    (0..length % 601).map(|index| u8::try_from((number * 31 + index * 7) % 255 + 1).expect("below 256")).collect()
}

pub(crate) fn count(number: u64) -> u32 {
    u32::try_from(number % 3 + 1).expect("small")
}

/// Two blocks share a stamp.
pub(crate) fn stamp(number: u64) -> i64 {
    i64::try_from(number / 2 * 10).expect("small")
}

/// The last position when there are so many blocks.
pub(crate) fn end_position(blocks: u64) -> Position {
    Position((0..blocks).map(|number| u64::from(count(number))).sum())
}

/// How many blocks there are when this is the last position.
pub(crate) fn block_count(end: Position) -> u64 {
    (0..)
        .find(|blocks| end_position(*blocks) >= end)
        .filter(|blocks| end_position(*blocks) == end)
        .expect("whole blocks")
}

pub(crate) fn append(writer: &mut Writer<SimDisk>, number: u64) -> Result<Position, Error> {
    let payload = payload(number);
    let block = NewBlock { count: count(number), stamp: stamp(number), schema: 5, payload: &payload };
    writer.append(end_position(number), block)
}

pub(crate) fn open(disk: &SimDisk) -> Result<Opened<SimDisk>, Error> {
    Journal::open(disk.clone(), OPTIONS)
}

pub(crate) fn journal_of(seed: u64, blocks: u64) -> SimDisk {
    let disk = SimDisk::new(seed);
    let (mut writer, ..) = open(&disk).expect("open");
    for number in 0..blocks {
        append(&mut writer, number).expect("append");
    }
    disk
}

pub(crate) fn assert_is(block: &Block, number: u64) {
    assert_eq!(block.first_position, end_position(number).plus(1));
    assert_eq!(block.last_position(), end_position(number + 1));
    assert_eq!((block.count, block.stamp, block.schema), (count(number), stamp(number), 5));
    assert_eq!(block.payload, payload(number));
}

/// Asserts that the journal has exactly the first so many blocks, chained.
pub(crate) fn assert_holds(reader: &Reader<SimDisk>, blocks: u64) {
    let mut number = 0;
    for block in reader.blocks_verified(Position(1), Verify::Chain) {
        assert_is(&block.expect("readable"), number);
        number += 1;
    }
    assert_eq!(number, blocks);
    assert_eq!(reader.durable_end(), end_position(blocks));
}

/// A segment file's name.
pub(crate) fn segment(first: Position) -> String {
    format!("segment-{:020}.log", first.0)
}
