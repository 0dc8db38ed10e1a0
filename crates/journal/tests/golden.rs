//! One journal of each released format, opened forever. `BLESS=1 cargo test -p journal` writes the present format's anew.

use std::{env, fs, path::PathBuf};

use journal::{FORMAT_VERSION, Journal, NewBlock, Options, Position, Reader, RealDisk, Verify, snapshot, verify};

const SEED: [u8; 16] = *b"golden journal 1";
const STATE: &[u8] = b"state after the second block";

/// First position, stamp, schema, payload.
fn blocks() -> Vec<(u32, i64, u16, Vec<u8>)> {
    let long = (0_u16..300).map(|index| index.to_le_bytes()[0]).collect();
    vec![
        (1, 1_771_236_000_000_000, 1, b"first".to_vec()),
        (3, 1_771_236_000_000_000, 1, Vec::new()),
        (2, 1_771_236_000_500_000, 2, long),
        (1, 1_771_236_001_000_000, 2, b"last".to_vec()),
    ]
}

fn golden(version: u32) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(format!("tests/golden/v{version}"))
}

fn write_journal(directory: PathBuf) {
    let disk = RealDisk::create(directory).expect("create");
    let options = Options { segment_bytes: 640, seed_if_new: Some(SEED) };
    let (mut writer, reader, _) = Journal::open(disk.clone(), options).expect("open");
    for (count, stamp, schema, payload) in blocks() {
        let block = NewBlock { count, stamp, schema, payload: &payload };
        writer.append(writer.last_position(), block).expect("append");
    }
    let hash = reader.hash_at(Position(4)).expect("readable").expect("a block ends there");
    snapshot::write(&disk, Position(4), hash, 1, |write| write.write_all(STATE)).expect("write");
}

#[test]
fn journals_of_every_released_format_open_and_hold_what_they_held() {
    if env::var_os("BLESS").is_some() {
        let directory = golden(FORMAT_VERSION);
        let _ = fs::remove_dir_all(&directory);
        write_journal(directory.clone());
        fs::remove_file(directory.join("lock")).expect("the writer is gone");
    }
    for version in 1..=FORMAT_VERSION {
        let reader = Reader::open_read_only(RealDisk::existing(golden(version))).expect("open");
        assert_eq!(reader.seed(), SEED);
        assert_eq!(reader.segments().len(), 2);
        let read = reader.blocks_verified(Position(1), Verify::Chain).map(|block| {
            let block = block.expect("readable");
            (block.count, block.stamp, block.schema, block.payload)
        });
        assert_eq!(read.collect::<Vec<_>>(), blocks());
        assert_eq!(verify(&reader, &mut |_| {}).expect("intact").entry_count, 7);
        let disk = RealDisk::existing(golden(version));
        let loaded = snapshot::load_newest(
            &disk,
            1,
            Position(7),
            |at| reader.hash_at(at),
            |_, read| {
                let mut state = Vec::new();
                read.read_to_end(&mut state).map(|_| state)
            },
        );
        assert_eq!(loaded.expect("listed").found.expect("there").1, STATE);
    }
}

#[test]
fn the_present_format_is_written_byte_for_byte_as_before() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    write_journal(directory.path().to_path_buf());
    let mut compared = 0;
    for entry in fs::read_dir(golden(FORMAT_VERSION)).expect("a golden journal") {
        let entry = entry.expect("listed");
        let is_segment = entry.file_name().to_string_lossy().starts_with("segment-");
        // Snapshots are compressed by a library that may do better one day.
        if is_segment {
            let written = fs::read(directory.path().join(entry.file_name())).expect("written too");
            assert!(written == fs::read(entry.path()).expect("readable"), "{:?} differs", entry.file_name());
            compared += 1;
        }
    }
    assert_eq!(compared, 2);
}
