//! What became of a batch: one outcome for each request, kept small because nearly all are the same.

use ledger::{AccountKey, Decision, Position, Quantity, Rejection};

/// What became of one request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is in the journal.
    Accepted {
        /// Where.
        position: Position,
    },
    /// It was seen before; this is where.
    Duplicate {
        /// Where it was recorded first.
        position: Position,
        /// Whether it was held then.
        held: bool,
    },
    /// It could not be used and waits in the held list.
    Held {
        /// Where it waits.
        position: Position,
        /// Why.
        rejection: Rejection,
    },
    /// It was refused.
    Rejected {
        /// Why.
        rejection: Rejection,
    },
}

/// What an accepted request of a rehearsal would record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rehearsed {
    /// Which request.
    pub index: usize,
    /// What it would do. Numbers that it is the first to use stand for nothing: see `before`.
    pub decision: Decision,
    /// For each of its postings, what the account is of and what it holds now.
    pub before: Vec<(AccountKey, Quantity)>,
}

/// What became of a batch of requests, once all that it left in the journal is durable.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Receipt {
    count: usize,
    /// (index of a request, its position): from there on positions count up by one, but for the exceptions.
    runs: Vec<(u32, Position)>,
    /// What was not plainly accepted, by index.
    exceptions: Vec<(u32, Outcome)>,
    /// What the accepted requests of a rehearsal would record, by index; empty for any other batch.
    pub rehearsed: Vec<Rehearsed>,
    /// The journal's last position when the batch had been decided.
    pub as_of: Position,
}

impl Receipt {
    /// Adds the outcome of the next request.
    pub(crate) fn push(&mut self, outcome: Outcome) {
        let index = u32::try_from(self.count).expect("a batch has fewer than 2^32 requests");
        self.count += 1;
        match outcome {
            Outcome::Accepted { position } => {
                if self.expected(index) != Some(position) {
                    self.runs.push((index, position));
                }
            }
            other => self.exceptions.push((index, other)),
        }
    }

    /// The position that the request at `index` has if it was plainly accepted.
    fn expected(&self, index: u32) -> Option<Position> {
        let run = self.runs.partition_point(|(first, _)| *first <= index).checked_sub(1)?;
        let (first, position) = self.runs[run];
        let between = |at: u32| self.exceptions.partition_point(|(exception, _)| *exception < at);
        let skipped = between(index) - between(first);
        let steps = u64::from(index - first) - u64::try_from(skipped).expect("a usize fits");
        Some(Position(position.0 + steps))
    }

    /// How many requests there were.
    pub fn len(&self) -> usize {
        self.count
    }

    /// Whether there were none.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The outcomes of requests that were not plainly accepted, with their indices, ascending.
    pub fn exceptions(&self) -> &[(u32, Outcome)] {
        &self.exceptions
    }

    /// How many requests were plainly accepted.
    pub fn accepted(&self) -> usize {
        self.count - self.exceptions.len()
    }

    /// The outcome of the request at `index`, below [`len`](Self::len).
    pub fn outcome(&self, index: usize) -> Outcome {
        let index = u32::try_from(index).expect("a batch has fewer than 2^32 requests");
        match self.exceptions.binary_search_by_key(&index, |(at, _)| *at) {
            Ok(at) => self.exceptions[at].1.clone(),
            Err(_) => Outcome::Accepted { position: self.expected(index).expect("an accepted request lies in a run") },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_are_given_back_as_they_were_pushed() {
        let accepted = |position| Outcome::Accepted { position: Position(position) };
        let held = |position| Outcome::Held { position: Position(position), rejection: Rejection::UnknownHeld };
        let duplicate = |position| Outcome::Duplicate { position: Position(position), held: false };
        let given = vec![
            duplicate(1),
            accepted(10),
            accepted(11),
            duplicate(10),
            accepted(12),
            held(13),
            accepted(14),
            accepted(15),
            Outcome::Rejected { rejection: Rejection::Overflow },
            accepted(16),
        ];
        let mut receipt = Receipt::default();
        for outcome in &given {
            receipt.push(outcome.clone());
        }
        let back: Vec<Outcome> = (0..receipt.len()).map(|index| receipt.outcome(index)).collect();
        assert_eq!(back, given);
        assert_eq!(receipt.accepted(), 6);
        assert_eq!(receipt.runs.len(), 2, "a held input takes a position and starts a new run");
    }
}
