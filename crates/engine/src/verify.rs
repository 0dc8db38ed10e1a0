//! Proving that a data directory says one thing: chain, conservation, and views that follow from the journal.

use crate::Error;
use crate::core::Core;
use crate::recovery::{self, journal_directory};
use crate::shared::{table_seed, to_ledger};
use journal::{Reader, RealDisk};
use ledger::{Position, State};
use std::path::Path;
use views::Views;

/// How far a verification has come, in bytes of the chain and then in entries replayed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VerifyProgress {
    /// Checking checksums and chain.
    Chain {
        /// Bytes checked.
        done: u64,
        /// Bytes to check.
        total: u64,
    },
    /// Replaying.
    Replay {
        /// Entries replayed.
        done: u64,
        /// Entries to replay.
        total: u64,
    },
}

/// What a verification found to be true.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Findings {
    /// Entries in the journal.
    pub entries: u64,
    /// The hash of its last block, which stands for all before it.
    pub last_hash: [u8; 32],
    /// Accounts that hold stock.
    pub stock_keys: usize,
    /// Whether, for each product and lot, all accounts sum to zero.
    pub conserved: bool,
    /// Whether balances and reservations in the views are those of the ledger.
    pub views_agree: bool,
    /// For each snapshot: its position and whether it is what a replay gives at that position.
    pub snapshots: Vec<(Position, bool)>,
    /// Hash of the state's image: two directories with equal journals have equal ones.
    pub state_hash: [u8; 32],
}

impl Findings {
    /// Whether nothing is wrong.
    pub fn is_sound(&self) -> bool {
        self.conserved && self.views_agree && self.snapshots.iter().all(|(_, same)| *same)
    }
}

/// Verifies a data directory, in use or not, without changing it.
///
/// # Errors
/// [`Error::Journal`] with the place of the first damage, [`Error::Record`], [`Error::Sequence`].
pub fn verify(directory: &Path, progress: &mut dyn FnMut(VerifyProgress)) -> Result<Findings, Error> {
    let failed = |source| Error::Journal { directory: directory.to_path_buf(), source };
    let reader = Reader::open_read_only(RealDisk::existing(journal_directory(directory))).map_err(failed)?;
    let report = journal::verify(&reader, &mut |walk| {
        progress(VerifyProgress::Chain { done: walk.bytes_done, total: walk.bytes_total });
    })
    .map_err(failed)?;
    let seed = table_seed(reader.seed());
    let (mut core, mut views) = (Core::new(seed), Views::new(seed));
    let snapshots = journal::snapshot::positions(&RealDisk::existing(directory.join("snapshots"))).map_err(failed)?;
    let mut checked = Vec::new();
    let total = reader.durable_end().0;
    recovery::for_each_entry(directory, &reader, Position(1), &mut |position, entry| {
        recovery::apply(&mut core, position, &entry.decision)?;
        views.apply(position, &entry.decision);
        if snapshots.iter().any(|snapshot| to_ledger(*snapshot) == position) {
            let same = recovery::snapshot_is(directory, &reader, &core, &views)?;
            checked.push((position, same));
        }
        if position.0.is_multiple_of(65_536) {
            progress(VerifyProgress::Replay { done: position.0, total });
        }
        Ok(())
    })?;
    let state = &core.state;
    Ok(Findings {
        entries: state.position().0,
        last_hash: report.last_hash.0,
        stock_keys: state.stock_keys(),
        conserved: state.conserves(),
        views_agree: agree(state, &views),
        snapshots: checked,
        state_hash: recovery::image_hash(&core, &views),
    })
}

/// Whether balances and reservations in the views are those of the ledger.
fn agree(state: &State, views: &Views) -> bool {
    state.catalog().accounts().all(|(account, _)| {
        views.balance(account) == state.balance(account) && views.reserved(account) == state.reserved(account)
    })
}
