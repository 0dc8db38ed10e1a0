//! Requests that wait to be decided: bounded in number and bytes, so that a flood is refused instead of kept.

use crate::{Receipt, Unavailable};
use ledger::State;
use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard};
use watch::Watch;
use wire::Batch;

/// Called once with the receipt of a batch, when all of it is durable, or with why it was not taken.
pub(crate) type Done = Box<dyn FnOnce(Result<Receipt, Unavailable>) + Send>;

/// Is shown books and watch as they are when its turn comes, and gives what is called when they are durable.
pub(crate) type Question = Box<dyn FnOnce(&State, &Watch) -> Done + Send>;

/// Questions that may wait.
const QUESTIONS_MAX: usize = 1_024;

/// A batch on its way.
pub(crate) struct Submission {
    pub(crate) batch: Batch,
    pub(crate) done: Done,
    /// By the stopwatch, in microseconds.
    pub(crate) submitted_at: u64,
    pub(crate) dry_run: bool,
}

impl Submission {
    /// How many requests it counts for; one without any still wants an answer.
    pub(crate) fn requests(&self) -> usize {
        self.batch.len().max(1)
    }
}

#[derive(Default)]
struct Waiting {
    submissions: VecDeque<Submission>,
    requests: usize,
    bytes: usize,
    ticked: bool,
    questions: VecDeque<Question>,
    closed: bool,
    appending: Appending,
}

/// How the stage after the partition is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Appending {
    /// It makes a block durable.
    #[default]
    Busy,
    /// It waits for a block.
    Free,
    /// It has ended: blocks come back.
    Gone,
}

/// What the partition waits for when nothing waits for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wait {
    /// Nothing.
    No,
    /// More work.
    ForWork,
    /// More work, or that the next stage can take what was decided.
    ForWorkOrRoom,
}

/// What the partition finds when it asks for work.
pub(crate) enum Next {
    /// Time has passed; whatever waits can wait for this.
    Tick,
    Work(Submission),
    /// Somebody asks; that is quick, and goes before work.
    Question(Question),
    /// Nothing waits, or it is time to hand on what was decided.
    Nothing,
    /// Nothing waits and nothing will come.
    Closed,
}

pub(crate) struct Queue {
    waiting: Mutex<Waiting>,
    filled: Condvar,
    requests_max: usize,
    bytes_max: usize,
}

impl Queue {
    pub(crate) fn new(requests_max: usize, bytes_max: usize) -> Self {
        Self { waiting: Mutex::default(), filled: Condvar::new(), requests_max, bytes_max }
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().expect("nothing panics while it holds the queue")
    }

    /// Puts a batch at the end. An empty queue takes a batch of any size.
    ///
    /// # Errors
    /// `Stopping` after [`close`](Self::close); `Full` when the bounds would be passed. The submission comes back.
    pub(crate) fn push(&self, submission: Submission) -> Result<(), (Submission, Unavailable)> {
        let (requests, bytes) = (submission.requests(), submission.batch.memory_bytes());
        let mut waiting = self.lock();
        if waiting.closed {
            return Err((submission, Unavailable::Stopping));
        }
        let full = waiting.requests + requests > self.requests_max || waiting.bytes + bytes > self.bytes_max;
        if full && !waiting.submissions.is_empty() {
            return Err((submission, Unavailable::Full));
        }
        waiting.requests += requests;
        waiting.bytes += bytes;
        waiting.submissions.push_back(submission);
        drop(waiting);
        self.filled.notify_one();
        Ok(())
    }

    /// Puts a question.
    ///
    /// # Errors
    /// `Stopping` after [`close`](Self::close); `Full` when too many wait.
    pub(crate) fn ask(&self, question: Question) -> Result<(), Unavailable> {
        let mut waiting = self.lock();
        if waiting.closed {
            return Err(Unavailable::Stopping);
        }
        if waiting.questions.len() >= QUESTIONS_MAX {
            return Err(Unavailable::Full);
        }
        waiting.questions.push_back(question);
        drop(waiting);
        self.filled.notify_one();
        Ok(())
    }

    /// Says that time has passed.
    pub(crate) fn tick(&self) {
        self.lock().ticked = true;
        self.filled.notify_one();
    }

    /// Takes no more; what waits is still decided.
    pub(crate) fn close(&self) {
        self.lock().closed = true;
        self.filled.notify_one();
    }

    /// Takes no more, and refuses what waits: nobody will decide it.
    pub(crate) fn abandon(&self) {
        let abandoned = {
            let mut waiting = self.lock();
            waiting.closed = true;
            (waiting.requests, waiting.bytes) = (0, 0);
            waiting.questions.clear();
            std::mem::take(&mut waiting.submissions)
        };
        for submission in abandoned {
            (submission.done)(Err(Unavailable::Stopping));
        }
        self.filled.notify_one();
    }

    /// The stage after the partition waits for a block.
    pub(crate) fn has_room(&self) {
        self.lock().appending = Appending::Free;
        self.filled.notify_one();
    }

    /// The stage after the partition has ended.
    pub(crate) fn has_no_next(&self) {
        self.lock().appending = Appending::Gone;
        self.filled.notify_one();
    }

    /// Whether a block may be handed on now; the one who hears so has to hand one on.
    pub(crate) fn take_room(&self) -> bool {
        take_room(&mut self.lock())
    }

    /// Waits until a block may be handed on; whoever waited has to hand one on.
    pub(crate) fn wait_for_room(&self) {
        let mut waiting = self.lock();
        while !take_room(&mut waiting) {
            waiting = self.filled.wait(waiting).expect("nothing panics while it holds the queue");
        }
    }

    /// The next piece of work.
    pub(crate) fn next(&self, wait: Wait) -> Next {
        let mut waiting = self.lock();
        loop {
            if std::mem::take(&mut waiting.ticked) {
                return Next::Tick;
            }
            if let Some(question) = waiting.questions.pop_front() {
                return Next::Question(question);
            }
            if let Some(submission) = waiting.submissions.pop_front() {
                waiting.requests -= submission.requests();
                waiting.bytes -= submission.batch.memory_bytes();
                return Next::Work(submission);
            }
            let has_room = wait == Wait::ForWorkOrRoom && waiting.appending != Appending::Busy;
            match (waiting.closed, wait) {
                (true, _) => return Next::Closed,
                (false, Wait::No) => return Next::Nothing,
                (false, _) if has_room => return Next::Nothing,
                (false, _) => waiting = self.filled.wait(waiting).expect("nothing panics while it holds the queue"),
            }
        }
    }

    /// (requests, bytes) that wait.
    pub(crate) fn depth(&self) -> (usize, usize) {
        let waiting = self.lock();
        (waiting.requests, waiting.bytes)
    }
}

fn take_room(waiting: &mut Waiting) -> bool {
    let has_room = waiting.appending != Appending::Busy;
    if waiting.appending == Appending::Free {
        waiting.appending = Appending::Busy;
    }
    has_room
}
