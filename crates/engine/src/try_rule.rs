//! Trying a rule: the journal is replayed beside the running engine, on the thread of whoever asks.

use crate::Error;
use crate::core::with_facts;
use crate::handle::Handle;
use crate::recovery::WARM;
use crate::shared::{table_seed, to_journal, to_ledger};
use journal::Disk;
use ledger::{Decision, Position, RuleCard, State, Timestamp};
use watch::{RuleFault, Trial, Tried};

/// Why a rule was not tried to the end.
#[derive(Debug, thiserror::Error)]
pub enum TryError {
    /// It cannot be followed: everything that is wrong with it.
    #[error("the rule cannot be followed")]
    Rule(Vec<RuleFault>),
    /// Whoever asked wants to know no more.
    #[error("the trial was called off")]
    CalledOff,
    /// The journal cannot be read.
    #[error(transparent)]
    Engine(#[from] Error),
}

/// A rule that was tried.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TriedRule {
    /// What it would have told.
    pub tried: Tried,
    /// From when on that was counted.
    pub since: Timestamp,
    /// The last entry that was looked at.
    pub position: Position,
    /// How long it took, in microseconds.
    pub took_micros: u64,
}

impl<D: Disk> Handle<D> {
    /// Follows the journal from its start to what is shown now with one rule alone, as if it had always been on, and says
    /// what it would have told since `since`. Nothing of it is recorded. For threads that may wait.
    ///
    /// `progress` is told how many entries of how many were looked at, about every thousand; `false` calls it off.
    ///
    /// # Errors
    /// [`TryError::Rule`] first; [`TryError::CalledOff`]; [`TryError::Engine`] when the journal cannot be read.
    pub fn try_rule(
        &self,
        card: &RuleCard,
        since: Timestamp,
        progress: &mut dyn FnMut(u64, u64) -> bool,
    ) -> Result<TriedRule, TryError> {
        let began_at = self.stopwatch_micros();
        let seed = table_seed(self.reader().seed());
        let mut trial = Trial::new(card, since, seed).map_err(TryError::Rule)?;
        let mut state = State::new(seed);
        let end = self.position();
        let mut decisions: Vec<Decision> = Vec::new();
        for block in self.reader().blocks(to_journal(Position(1))) {
            let block = block.map_err(|source| self.journal_failed(source))?;
            let first = block.first_position.0;
            if state.position() >= end {
                break;
            }
            if !progress(state.position().0, end.0) {
                return Err(TryError::CalledOff);
            }
            decisions.clear();
            for (entry, index) in wire::record::decode_block(&block.payload).zip(0..) {
                let entry = entry.map_err(|source| Error::Record { block: first, index, source })?;
                decisions.push(entry.decision);
            }
            if state.position().next() != to_ledger(block.first_position) {
                return Err(Error::Sequence { position: first }.into());
            }
            follow(&mut state, &mut trial, &decisions, end)?;
        }
        let position = state.position();
        let tried = trial.finish(&state, self.now());
        let took_micros = self.stopwatch_micros().saturating_sub(began_at);
        Ok(TriedRule { tried, since, position, took_micros })
    }
}

/// Follows decisions up to `end`, each after a check that it can follow.
fn follow(state: &mut State, trial: &mut Trial, decisions: &[Decision], end: Position) -> Result<(), Error> {
    for group in decisions.chunks(WARM) {
        std::hint::black_box(state.warm_replay(group));
        for decision in group {
            let position = state.position().next();
            if position > end {
                return Ok(());
            }
            if !state.accepts(decision) {
                return Err(Error::Sequence { position: position.0 });
            }
            trial.pass(state, decision.recorded_at);
            state.apply(decision);
            with_facts(decision, |facts| trial.take(state, decision, facts));
        }
    }
    Ok(())
}
