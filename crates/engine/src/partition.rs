//! The first stage: decides requests, one after another, on the speculative state, and encodes the decisions.
//!
//! The state runs ahead of what is durable. When an append fails, everything decided since is dropped, the state is
//! built anew from the journal, and whoever waits hears that nothing was taken.

use crate::core::Core;
use crate::outcome::Rehearsed;
use crate::queue::{Done, Next, Question, Submission, Wait};
use crate::recovery;
use crate::shared::{Health, Shared};
use crate::{Error, Outcome, Receipt, Unavailable};
use journal::{Disk, Reader};
use ledger::{
    AccountId, AccountKey, Body, Command, Decision, Event, EventKind, Key, Name, Position, Quantity, Rejection,
    Request, State, Status, Timestamp, Unusable, Verdict,
};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::SyncSender;
use watch::Demand;
use wire::Batch;

/// The longest text of a held input that is kept, in bytes.
const RAW_BYTES_MAX: usize = 16 << 10;
/// Requests answered by one block: those that leave no record take memory too while they wait for their answer.
const BLOCK_REQUESTS_MAX: usize = 1 << 16;

/// Requests whose memory is touched together before they are decided one by one.
const WARM: usize = 32;

/// Whom to answer, and what.
pub(crate) struct Reply {
    pub(crate) receipt: Receipt,
    pub(crate) done: Done,
    pub(crate) submitted_at: u64,
    pub(crate) dry_run: bool,
}

/// Decisions that become durable together. Without decisions it only carries replies, behind those before it.
pub(crate) struct Block {
    pub(crate) generation: u64,
    /// The position of the first decision.
    pub(crate) first: Position,
    pub(crate) decisions: Vec<Decision>,
    /// Their records.
    pub(crate) bytes: Vec<u8>,
    /// The recorded time of the last of them.
    pub(crate) stamp: Timestamp,
    /// Requests that were decided into it.
    pub(crate) requests: usize,
    pub(crate) replies: Vec<Reply>,
}

/// The way to the next stage.
pub(crate) trait Outlet {
    /// Hands a block on if the next stage is free, and gives it back if it is not.
    fn offer(&self, block: Block) -> Option<Block>;

    /// Hands a block on as soon as the next stage is free.
    fn hand_on(&self, block: Block);
}

/// The way to the appender: while it is busy, the partition goes on filling the block that comes next, so that all that
/// arrived during one durable write goes into the next.
pub(crate) struct ToAppender {
    pub(crate) shared: Arc<Shared>,
    /// Holds one block; it is empty whenever the appender says that it has room.
    pub(crate) blocks: SyncSender<Block>,
}

impl ToAppender {
    fn send(&self, block: Block) {
        if let Err(unsent) = self.blocks.send(block) {
            unsent.0.refuse(Unavailable::DiskFailed);
        }
    }
}

impl Outlet for ToAppender {
    fn offer(&self, block: Block) -> Option<Block> {
        if !self.shared.queue.take_room() {
            return Some(block);
        }
        self.send(block);
        None
    }

    fn hand_on(&self, block: Block) {
        self.shared.queue.wait_for_room();
        self.send(block);
    }
}

impl Block {
    pub(crate) fn is_empty(&self) -> bool {
        self.decisions.is_empty() && self.replies.is_empty()
    }

    /// Answers everybody that nothing was taken.
    pub(crate) fn refuse(self, why: Unavailable) {
        for reply in self.replies {
            (reply.done)(Err(why));
        }
    }
}

/// Decides. Owns the speculative state.
pub(crate) struct Partition<D: Disk> {
    shared: Arc<Shared>,
    reader: Reader<D>,
    core: Core,
    generation: u64,
}

impl<D: Disk> Partition<D> {
    pub(crate) fn new(shared: Arc<Shared>, reader: Reader<D>, core: Core) -> Self {
        Self { shared, reader, core, generation: 0 }
    }

    pub(crate) fn core(&self) -> &Core {
        &self.core
    }

    pub(crate) fn into_core(self) -> Core {
        self.core
    }

    pub(crate) fn new_block(&self) -> Block {
        Block {
            generation: self.generation,
            first: self.core.state.position().next(),
            decisions: Vec::new(),
            bytes: Vec::new(),
            stamp: self.core.state.recorded_at(),
            requests: 0,
            replies: Vec::new(),
        }
    }

    /// Decides what comes until the queue is closed and empty. Hands blocks on as fast as the next stage takes them, and
    /// fills the next one meanwhile. `has_space` makes room on the disk, or says that there is none.
    pub(crate) fn run(&mut self, outlet: &impl Outlet, has_space: &dyn Fn() -> bool) {
        let mut block = self.new_block();
        loop {
            let next = self.shared.queue.next(if block.is_empty() { Wait::ForWork } else { Wait::ForWorkOrRoom });
            let is_last = matches!(next, Next::Closed);
            self.step(next, &mut block, outlet, has_space);
            if is_last {
                return;
            }
        }
    }

    /// Does one piece of work, and offers what was decided so far to the next stage.
    pub(crate) fn step(&mut self, next: Next, block: &mut Block, outlet: &impl Outlet, has_space: &dyn Fn() -> bool) {
        if self.shared.generation.load(Ordering::Acquire) != self.generation {
            std::mem::replace(block, self.new_block()).refuse(self.refusal());
            self.start_over(block);
        }
        match next {
            Next::Work(submission) => self.take(submission, block, outlet),
            Next::Question(question) => self.answer(question, block),
            Next::Tick => self.tick(block, outlet, has_space),
            Next::Nothing | Next::Closed => self.hand_on(block, outlet),
        }
        if self.is_full(block) {
            self.hand_on(block, outlet);
        } else if !block.is_empty() {
            let decided = std::mem::replace(block, self.new_block());
            if let Some(unsent) = outlet.offer(decided) {
                *block = unsent;
            }
        }
    }

    fn is_full(&self, block: &Block) -> bool {
        block.bytes.len() >= self.shared.settings.block_bytes || block.requests >= BLOCK_REQUESTS_MAX
    }

    fn refusal(&self) -> Unavailable {
        self.shared.health().refusal().unwrap_or(Unavailable::DiskFull)
    }

    fn hand_on(&mut self, block: &mut Block, outlet: &impl Outlet) {
        if !block.is_empty() {
            outlet.hand_on(std::mem::replace(block, self.new_block()));
        }
    }

    fn take(&mut self, submission: Submission, block: &mut Block, outlet: &impl Outlet) {
        if let Some(why) = self.shared.health().refusal().filter(|why| *why != Unavailable::Stopping) {
            (submission.done)(Err(why));
            return;
        }
        let now = self.shared.clock.now();
        let Submission { batch, done, submitted_at, dry_run } = submission;
        let mut receipt = Receipt::default();
        if dry_run {
            receipt = self.rehearse(&batch, now);
            block.requests += batch.len();
        } else {
            self.meet_demands(block, outlet, now);
            let mut index = 0;
            while index < batch.len() {
                index = self.decide_into(block, &batch, index, now, &mut receipt);
                self.meet_demands(block, outlet, now);
                if index < batch.len() {
                    self.hand_on(block, outlet);
                }
            }
        }
        block.requests += usize::from(batch.is_empty());
        receipt.as_of = self.core.state.position();
        block.replies.push(Reply { receipt, done, submitted_at, dry_run });
    }

    /// Decides requests from `index` on until the block is full; answers the index of the first one left.
    fn decide_into(
        &mut self,
        block: &mut Block,
        batch: &Batch,
        mut index: usize,
        now: Timestamp,
        receipt: &mut Receipt,
    ) -> usize {
        let mut group: Vec<Request<'_>> = Vec::with_capacity(WARM.min(batch.len() - index));
        while index < batch.len() && !self.is_full(block) {
            group.clear();
            group.extend((index..batch.len().min(index + WARM)).map(|at| batch.get(at)));
            // The misses of a whole group overlap; one request alone has nothing to overlap with.
            if group.len() > 1 {
                let watch = &self.core.watch;
                std::hint::black_box(self.core.state.warm(&group, |account| watch.warm(account)));
            }
            for request in &group {
                if self.is_full(block) {
                    break;
                }
                let outcome = self.decide(block, request, now);
                receipt.push(outcome);
                block.requests += 1;
                index += 1;
                while !self.is_full(block) && self.meet_next(block, now) {}
                if self.core.watch.demands() > 0 {
                    return index;
                }
            }
        }
        index
    }

    fn decide(&mut self, block: &mut Block, request: &Request<'_>, now: Timestamp) -> Outcome {
        match self.core.state.decide(request, now, &self.shared.settings.limits) {
            Verdict::Accepted(decision) => Outcome::Accepted { position: self.record(block, request, decision) },
            Verdict::Duplicate { position, held } => Outcome::Duplicate { position, held },
            Verdict::Rejected(rejection) => Outcome::Rejected { rejection },
            Verdict::Unusable(rejection) => self.hold(block, request, rejection, now),
        }
    }

    /// Applies a decision to the speculative state and adds its record to the block.
    fn record(&mut self, block: &mut Block, request: &Request<'_>, decision: Decision) -> Position {
        wire::record::encode(request, &decision, &mut block.bytes);
        self.core.apply(&decision);
        block.stamp = decision.recorded_at;
        block.decisions.push(decision);
        self.core.state.position()
    }

    /// Does what the watch wants, all of it: alerts stand behind the entry that made them, before any other.
    fn meet_demands(&mut self, block: &mut Block, outlet: &impl Outlet, now: Timestamp) {
        while self.meet_next(block, now) {
            if self.is_full(block) {
                self.hand_on(block, outlet);
            }
        }
    }

    /// Does the next thing that the watch wants; `false` when it wants nothing.
    fn meet_next(&mut self, block: &mut Block, now: Timestamp) -> bool {
        match self.core.watch.next_demand() {
            None => return false,
            Some(Demand::Raise(alert)) => self.command(block, &Command::RaiseAlert(alert), now),
            Some(Demand::Change(change)) => self.command(block, &Command::ChangeAlert(change), now),
            Some(Demand::Hold(hold)) => {
                let event = Event {
                    lot: &hold.lot,
                    to_status: Some(Status::Quarantined),
                    reference: &hold.reference,
                    ..Event::new(EventKind::StatusChanged, &hold.product, &hold.location, hold.quantity)
                };
                self.decide(block, &own_request(Body::Event(event), now), now)
            }
        };
        true
    }

    /// Decides a command of our own.
    fn command(&mut self, block: &mut Block, command: &Command, now: Timestamp) -> Outcome {
        self.decide(block, &own_request(Body::Command(command), now), now)
    }

    /// Answers a question about books and watch as they are now, when they are durable.
    fn answer(&mut self, question: Question, block: &mut Block) {
        block.requests += 1;
        let done = question(&self.core.state, &self.core.watch);
        let receipt = Receipt::default();
        block.replies.push(Reply { receipt, done, submitted_at: 0, dry_run: true });
    }

    /// Keeps a fact that cannot be used as it is, in the words that it came in.
    fn hold(&mut self, block: &mut Block, request: &Request<'_>, rejection: Rejection, now: Timestamp) -> Outcome {
        let key = match rejection {
            Rejection::KeyConflict { .. } => State::conflict_key(request.key),
            _ => request.key,
        };
        let command = Command::Hold(Box::new(unusable(request, &rejection)));
        let hold = Request { key, occurred_at: now, body: Body::Command(&command), ..*request };
        match self.core.state.decide(&hold, now, &self.shared.settings.limits) {
            Verdict::Accepted(decision) => Outcome::Held { position: self.record(block, &hold, decision), rejection },
            Verdict::Duplicate { position, held } => Outcome::Duplicate { position, held },
            Verdict::Rejected(rejection) | Verdict::Unusable(rejection) => Outcome::Rejected { rejection },
        }
    }

    /// Judges each request by itself against the present state and leaves no trace.
    fn rehearse(&self, batch: &Batch, now: Timestamp) -> Receipt {
        let mut receipt = Receipt::default();
        for (index, request) in batch.iter().enumerate() {
            let outcome = match self.core.state.decide(&request, now, &self.shared.settings.limits) {
                Verdict::Accepted(decision) => {
                    let before = decision.postings.iter().map(|posting| self.before(&decision, posting.account));
                    let before = before.collect();
                    receipt.rehearsed.push(Rehearsed { index, decision, before });
                    Outcome::Accepted { position: Position::ZERO }
                }
                Verdict::Duplicate { position, held } => Outcome::Duplicate { position, held },
                Verdict::Rejected(rejection) => Outcome::Rejected { rejection },
                Verdict::Unusable(rejection) => Outcome::Held { position: Position::ZERO, rejection },
            };
            receipt.push(outcome);
        }
        receipt
    }

    /// What an account of a decision that was not applied is of, and what it holds.
    fn before(&self, decision: &Decision, account: AccountId) -> (AccountKey, Quantity) {
        let catalog = self.core.state.catalog();
        let Some(new) = account.index().checked_sub(catalog.accounts().len()) else {
            return (catalog.account(account), self.core.state.balance(account));
        };
        let mut opened = decision.names.iter().filter_map(|name| match name {
            Name::Account(key) => Some(*key),
            _ => None,
        });
        (opened.nth(new).expect("a decision names the accounts that it opens"), Quantity::ZERO)
    }

    /// Time has passed: reservations may have ended, something may be due, and a full disk may have space again.
    fn tick(&mut self, block: &mut Block, outlet: &impl Outlet, has_space: &dyn Fn() -> bool) {
        if self.shared.health() == Health::DiskFull && has_space() {
            self.shared.change_health(Health::DiskFull, Health::Working);
        }
        if self.shared.health() != Health::Working {
            return;
        }
        let now = self.shared.clock.now();
        while self.core.state.next_expiry().is_some_and(|at| at <= now) {
            if self.is_full(block) {
                self.shared.queue.tick();
                return;
            }
            if !matches!(self.command(block, &Command::Expire, now), Outcome::Accepted { .. }) {
                return;
            }
            self.meet_demands(block, outlet, now);
        }
        let now = now.max(self.core.state.recorded_at());
        self.core.watch.advance(&self.core.state, now);
        self.meet_demands(block, outlet, now);
    }

    /// Drops the speculative state and builds it anew from what is durable.
    fn start_over(&mut self, block: &mut Block) {
        self.generation = self.shared.generation.load(Ordering::Acquire);
        match self.rebuild() {
            Ok(core) => self.core = core,
            Err(error) => {
                self.shared.report("building the state anew", &error);
                self.shared.set_health(Health::DiskFailed);
            }
        }
        *block = self.new_block();
    }

    fn rebuild(&self) -> Result<Core, Error> {
        recovery::core_alone(&self.shared.directory, &self.reader)
    }
}

/// A request that nobody but ourselves makes; it needs no key, for it is made once.
fn own_request(body: Body<'_>, now: Timestamp) -> Request<'_> {
    Request {
        actor: watch::SOURCE,
        source: watch::SOURCE,
        id: "",
        key: Key::default(),
        occurred_at: now,
        historical: false,
        resolves: None,
        body,
    }
}

fn unusable(request: &Request<'_>, rejection: &Rejection) -> Unusable {
    let mut raw = wire::event::render_event(request);
    if raw.len() > RAW_BYTES_MAX {
        let cut = raw.floor_char_boundary(RAW_BYTES_MAX);
        raw.truncate(cut);
    }
    Unusable {
        raw: raw.into(),
        code: rejection.code().into(),
        field: rejection.field().into(),
        detail: rejection.to_string().into(),
        place: "".into(),
    }
}
