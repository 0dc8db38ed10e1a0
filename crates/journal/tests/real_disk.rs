//! The journal on a real directory: the ways of opening it that only an operating system can show.

use std::os::unix::fs::PermissionsExt;

use journal::{Journal, NewBlock, Options, Position, Reader, RealDisk, Verify, verify};

const OPTIONS: Options = Options { segment_bytes: 4096, seed_if_new: Some([7; 16]) };

fn block(payload: &[u8], stamp: i64) -> NewBlock<'_> {
    NewBlock { count: 3, stamp, schema: 1, payload }
}

#[test]
fn blocks_come_back_in_order_after_opening_anew() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let disk = RealDisk::create(directory.path().join("deep/journal")).expect("create");
    let payloads: Vec<Vec<u8>> = (0_u8..40).map(|number| vec![number; usize::from(number) * 31]).collect();
    {
        let (mut writer, _, recovered) = Journal::open(disk.clone(), OPTIONS).expect("open");
        assert!(recovered.created);
        for (payload, stamp) in payloads.iter().zip(0..) {
            writer.append(writer.last_position(), block(payload, stamp)).expect("append");
        }
        assert!(writer.prepare().expect("prepare"));
        assert!(!writer.prepare().expect("prepare"));
    }
    let (writer, reader, recovered) = Journal::open(disk.clone(), OPTIONS).expect("open");
    assert!(!recovered.created);
    assert_eq!(recovered.torn_blocks, 0);
    assert_eq!(recovered.last_position, Position(120));
    assert!(recovered.segment_count > 5);
    let read: Vec<_> = reader.blocks_verified(Position(0), Verify::Chain).collect::<Result<_, _>>().expect("blocks");
    assert_eq!(read.iter().map(|block| block.payload.clone()).collect::<Vec<_>>(), payloads);
    assert_eq!(read.last().expect("blocks").hash(), writer.last_hash());
    let other = Reader::open_read_only(RealDisk::existing(disk.directory())).expect("open read-only");
    assert_eq!(verify(&other, &mut |_| {}).expect("verify").last_hash, writer.last_hash());
}

#[test]
fn a_second_writer_is_locked_out_until_the_first_is_gone() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let disk = RealDisk::create(directory.path()).expect("create");
    let first = Journal::open(disk.clone(), OPTIONS).expect("open");
    let error = Journal::open(disk.clone(), OPTIONS).err().expect("locked");
    assert!(error.is_locked(), "{error}");
    assert_eq!(error.code(), "ST0101");
    drop(first);
    Journal::open(disk, OPTIONS).expect("open");
}

#[test]
fn the_directory_and_its_files_are_their_owners_alone() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let path = directory.path().join("journal");
    let disk = RealDisk::create(&path).expect("create");
    Journal::open(disk, OPTIONS).expect("open");
    let mode = |path: &std::path::Path| std::fs::metadata(path).expect("metadata").permissions().mode() & 0o777;
    assert_eq!(mode(&path), 0o700);
    assert_eq!(mode(&path.join("segment-00000000000000000001.log")), 0o600);
}

#[test]
fn reading_alone_finds_no_journal_where_none_is() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let error = Reader::open_read_only(RealDisk::existing(directory.path().join("none"))).err().expect("none there");
    assert_eq!(error.code(), "ST0111");
    let options = Options { seed_if_new: None, ..OPTIONS };
    let error = Journal::open(RealDisk::create(directory.path()).expect("create"), options).err().expect("none there");
    assert_eq!(error.code(), "ST0111");
}
