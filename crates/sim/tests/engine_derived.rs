//! Snapshots and the history index are derived: whatever is wrong with them, a start comes to what the journal says.

mod engine_support;

use engine::Stages;
use engine_support::{Trial, for_each_seed};
use journal::RealDisk;
use ledger::{Position, Timestamp};
use rand::RngExt;
use sim::disk::SimDisk;
use std::fs;
use std::path::PathBuf;

/// Works for a while, with the history index in a file, and takes a few snapshots.
fn lived(seed: u64) -> Trial {
    let mut trial = Trial::new(seed);
    trial.history_in_memory = false;
    trial.start().expect("the disk is sound");
    for _ in 0..3 {
        for _ in 0..60 {
            trial.step();
        }
        trial.stages().settle();
        trial.hear();
        trial.stages().take_snapshot().expect("the directory is writable");
    }
    trial
}

/// The snapshots, newest first.
fn snapshots(trial: &Trial) -> Vec<PathBuf> {
    let folder = trial.directory.path().join("snapshots");
    let files = fs::read_dir(folder).expect("it is there").map(|file| file.expect("it is readable").path());
    let mut files: Vec<PathBuf> = files.collect();
    files.sort_unstable_by(|a, b| b.cmp(a));
    files
}

fn history(trial: &Trial) -> PathBuf {
    trial.directory.path().join("history.sqlite")
}

#[test]
fn a_snapshot_that_is_damaged_or_gone_is_passed_over() {
    for_each_seed("a_snapshot_that_is_damaged", 12, |seed| {
        let mut trial = lived(seed);
        trial.crash();
        let files = snapshots(&trial);
        assert_eq!(files.len(), 2, "the newest and the one before it are kept");
        let wrong = if trial.chance.random_ratio(1, 2) { &files[..1] } else { &files[..] };
        for file in wrong {
            let mut bytes = fs::read(file).expect("it is readable");
            let at = trial.chance.random_range(0..bytes.len());
            match trial.chance.random_range(0..3) {
                0 => bytes[at] ^= 1 << trial.chance.random_range(0..8),
                1 => bytes.truncate(at),
                _ => {
                    fs::remove_file(file).expect("it is there");
                    continue;
                }
            }
            fs::write(file, bytes).expect("it is writable");
        }
        trial.start().expect("the journal is sound");
        let from = trial.stages().opened().snapshot_position;
        assert_eq!(from.0 > 0, wrong.len() < files.len(), "a sound snapshot is used, and no other");
        trial.check();
        trial.stages().take_snapshot().expect("the directory is writable");
        trial.drain();
        trial.check();
    });
}

#[test]
fn a_snapshot_of_another_version_is_passed_over_and_said_so() {
    let mut trial = lived(1);
    let (end, hash) = trial.stages().handle().reader().durable_end_and_hash();
    trial.crash();
    let disk = RealDisk::existing(trial.directory.path().join("snapshots"));
    journal::snapshot::write(&disk, end, hash, 7, |to| to.write_all(b"of a later version")).expect("it is writable");
    fs::write(trial.directory.path().join("snapshots/snapshot-1.snap.tmp"), b"half of one").expect("it is writable");
    trial.start().expect("the journal is sound");
    let opened = trial.stages().opened();
    assert!(opened.snapshots_passed_over[0].contains("schema 7"), "{opened:?}");
    trial.check();
}

#[test]
fn derived_files_of_a_later_time_than_the_journal_are_not_used() {
    for_each_seed("derived_files_of_a_later_time", 12, |seed| {
        let mut trial = lived(seed);
        let earlier = trial.disk.duplicate(seed);
        let image = trial.stages().image_hash();
        for _ in 0..60 {
            trial.step();
        }
        trial.drain();
        trial.stages().take_snapshot().expect("the directory is writable");
        let later = trial.stages().state().position();
        trial.stages = None;
        // Somebody puts the journal of before back.
        let mut stages = trial.open(&earlier, trial.directory.path()).expect("the journal is sound");
        assert_eq!(stages.image_hash(), image);
        assert_history_is_of(&stages);
        // It grows past what the files of later spoke of, with other entries.
        while stages.state().position() <= later {
            let message = trial.new_message();
            let mut batch = wire::Batch::new();
            trial.sent[message].push_to(&mut batch);
            stages.handle().submit(batch, |_| {}).expect("there is room");
            stages.settle();
        }
        let image = stages.image_hash();
        drop(stages);
        let stages = trial.open(&earlier, trial.directory.path()).expect("the journal is sound");
        let opened = stages.opened();
        assert!(opened.snapshots_passed_over[0].contains("not of this journal"), "{opened:?}");
        assert_eq!(stages.image_hash(), image);
        assert_history_is_of(&stages);
    });
}

/// The index reaches as far as the views, and in sum says the same.
fn assert_history_is_of(stages: &Stages<SimDisk>) {
    let handle = stages.handle();
    let views = handle.views();
    assert_eq!(handle.history().indexed_to(), views.position());
    for (account, key) in views.catalog().accounts().filter(|(_, key)| key.kind.is_on_hand()) {
        let ever = handle.history().balance_at(account, Timestamp::MAX, Position(u64::MAX));
        assert_eq!(ever.expect("the index reads"), views.balance(account).micros(), "{key:?}");
    }
}

#[test]
fn a_history_index_that_is_damaged_or_gone_is_made_anew() {
    for_each_seed("a_history_index_that_is_damaged", 12, |seed| {
        let mut trial = lived(seed);
        trial.crash();
        let file = history(&trial);
        let mut bytes = fs::read(&file).expect("it is there");
        match trial.chance.random_range(0..4) {
            0 => fs::remove_file(&file).expect("it is there"),
            1 => fs::write(&file, b"not a database, but long enough to look like the beginning of one")
                .expect("writable"),
            2 => fs::write(&file, b"").expect("it is writable"),
            _ => {
                bytes.truncate(bytes.len() / 2);
                fs::write(&file, bytes).expect("it is writable");
            }
        }
        trial.start().expect("the journal is sound");
        trial.check();
        trial.drain();
        trial.check();
    });
}
