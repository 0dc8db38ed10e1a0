//! The rules. One subject a file; this one says in which order a request is judged.
//!
//! 1. Was it seen before? (`KeyConflict`, or a duplicate)
//! 2. Can its time be true, and could a repetition of it be told? (`ClockAhead`, `TooOld`)
//! 3. Is what it mends still held? (`UnknownHeld`)
//! 4. What it says, by the rule of its kind, in the order of [`Rejection`].
//!
//! A fact that fails is unusable as it is and will be held; a command that fails is rejected.

mod alert;
mod declare;
mod draft;
mod held;
mod movement;
mod observation;
mod order;
mod reservation;
mod reversal;
mod serial;
mod unit;

use crate::{
    AlertStep, Body, Command, DecisionKind, Event, EventKind, Key, Limits, Rejection, Request, State, Timestamp,
    Verdict,
};
use draft::Draft;

impl State {
    /// Judges a request. Reads only; the same state and arguments give the same verdict.
    ///
    /// `recorded_at` is the time at which the request is sequenced; one before the newest entry's is taken as equal to
    /// it. For the order in which reasons to refuse are looked for, see [`Rejection`].
    pub fn decide(&self, request: &Request<'_>, recorded_at: Timestamp, limits: &Limits) -> Verdict {
        let recorded_at = recorded_at.max(self.recorded_at);
        match self.judge_key(request) {
            Ok(None) => {}
            Ok(Some(duplicate)) => return duplicate,
            Err(rejection) => return refuse(request, rejection),
        }
        if let Err(rejection) = self.judge_time(request, recorded_at, limits) {
            return refuse(request, rejection);
        }
        if request.resolves.is_some_and(|held| !self.held.contains_key(&held)) {
            return refuse(request, Rejection::UnknownHeld);
        }
        self.draft(request, recorded_at, limits)
    }

    /// What the request does by the rule of its kind. The decision is written where it is returned.
    fn draft(&self, request: &Request<'_>, recorded_at: Timestamp, limits: &Limits) -> Verdict {
        let mut verdict = Verdict::Accepted(draft::empty(request, recorded_at));
        let Verdict::Accepted(decision) = &mut verdict else { unreachable!("it was just accepted") };
        let mut draft = Draft::new(self, request, decision, limits);
        let judged = match &request.body {
            Body::Event(event) => decide_event(&mut draft, event),
            Body::Command(command) => decide_command(&mut draft, command),
        };
        if let Err(rejection) = judged.and_then(|()| draft.finish()) {
            verdict = refuse(request, rejection);
        }
        verdict
    }

    /// The key under which an input whose id was taken by other content is held, so that its repetitions are known.
    pub fn conflict_key(key: Key) -> Key {
        // An odd multiplier maps 64-bit contents to 128-bit keys one to one.
        let spread = u128::from(key.content | 1).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835);
        Key { id: key.id ^ spread ^ u128::from(key.content), content: key.content }
    }

    fn judge_key(&self, request: &Request<'_>) -> Result<Option<Verdict>, Rejection> {
        let Some(seen) = self.recent.get(request.key.id) else {
            return Ok(None);
        };
        if request.resolves.is_some_and(|held| held == seen.position() && seen.held()) {
            return Ok(None);
        }
        if seen.content == request.key.content {
            return Ok(Some(Verdict::Duplicate { position: seen.position(), held: seen.held() }));
        }
        match self.recent.get(Self::conflict_key(request.key).id) {
            Some(other) if request.resolves != Some(other.position()) => {
                Ok(Some(Verdict::Duplicate { position: other.position(), held: other.held() }))
            }
            _ => Err(Rejection::KeyConflict { first: seen.position() }),
        }
    }

    fn judge_time(&self, request: &Request<'_>, recorded_at: Timestamp, limits: &Limits) -> Result<(), Rejection> {
        // What cannot be used, and what a device says, is kept whatever its time.
        if let Body::Command(Command::Hold(_) | Command::Observe(_)) = request.body {
            return Ok(());
        }
        let ahead_micros = request.occurred_at.0.saturating_sub(recorded_at.0);
        if ahead_micros > limits.clock_tolerance_micros {
            return Err(Rejection::ClockAhead { ahead_micros });
        }
        // Whoever mends a held input has looked whether it was sent before.
        let asks = matches!(request.body, Body::Command(_)) || request.historical || request.resolves.is_some();
        if asks || self.recent.floor == Timestamp::MIN {
            return Ok(());
        }
        // A forgotten id was recorded at the floor at the latest, from a clock that ran ahead by the tolerance at most.
        let oldest = self.recent.floor.plus(limits.clock_tolerance_micros).plus(1);
        if request.occurred_at < oldest { Err(Rejection::TooOld { oldest }) } else { Ok(()) }
    }
}

/// A fact is kept to be mended; something asked for is refused.
fn refuse(request: &Request<'_>, rejection: Rejection) -> Verdict {
    match request.body {
        Body::Event(_) => Verdict::Unusable(rejection),
        Body::Command(_) => Verdict::Rejected(rejection),
    }
}

fn decide_event(draft: &mut Draft<'_>, event: &Event<'_>) -> Result<(), Rejection> {
    if !event.handling_unit.is_empty() {
        return unit::decide(draft, event);
    }
    match event.kind {
        EventKind::ItemAdded | EventKind::ItemRemoved | EventKind::ItemAdjusted => movement::decide(draft, event),
        EventKind::ItemMoved => movement::decide_move(draft, event),
        EventKind::StatusChanged => movement::decide_status(draft, event),
        EventKind::ItemCounted => movement::decide_count(draft, event),
        EventKind::ShipmentDispatched => order::decide_dispatch(draft, event),
        EventKind::ShipmentReceived => order::decide_arrival(draft, event),
        EventKind::PurchaseOrderPlaced => order::decide_placed(draft, event),
        EventKind::PurchaseOrderReceived => order::decide_received(draft, event),
        EventKind::PurchaseOrderCancelled => order::decide_cancelled(draft, event),
        EventKind::UnitPacked | EventKind::UnitUnpacked => Err(Rejection::MissingField { field: "handling_unit" }),
    }
}

fn decide_command(draft: &mut Draft<'_>, command: &Command) -> Result<(), Rejection> {
    match command {
        Command::Reserve(reserve) => reservation::decide_reserve(draft, reserve),
        Command::Release { reservation } => reservation::decide_release(draft, reservation),
        Command::Fulfil { reservation } => reservation::decide_fulfil(draft, reservation),
        Command::Expire => reservation::decide_expire(draft),
        Command::DeclareProduct(card) => declare::decide_product(draft, card),
        Command::DeclareLocation(card) => declare::decide_location(draft, card),
        Command::DeclareReason(card) => declare::decide_reason(draft, card),
        Command::DeclareDevice(card) => declare::decide_device(draft, card),
        Command::DeclareRule(card) => alert::decide_rule(draft, card),
        Command::WithdrawRule { rule } => alert::decide_withdraw(draft, rule),
        Command::RaiseAlert(raised) => alert::decide_raise(draft, raised),
        Command::ChangeAlert(change) => alert::decide_change(draft, change),
        Command::Observe(observation) => observation::decide(draft, observation),
        Command::Reverse { position, original, reason } => reversal::decide(draft, *position, original, reason),
        Command::Hold(unusable) => held::decide_hold(draft, unusable),
        Command::Discard { held, reason } => held::decide_discard(draft, *held, reason),
    }
}

fn kind_of(body: &Body<'_>) -> DecisionKind {
    match body {
        Body::Event(event) => DecisionKind::of(event.kind),
        Body::Command(command) => match command {
            Command::Reserve(_) => DecisionKind::StockReserved,
            Command::Release { .. } => DecisionKind::ReservationReleased,
            Command::Fulfil { .. } => DecisionKind::ReservationFulfilled,
            Command::Expire => DecisionKind::ReservationsExpired,
            Command::DeclareProduct(_) => DecisionKind::ProductDeclared,
            Command::DeclareLocation(_) => DecisionKind::LocationDeclared,
            Command::DeclareReason(_) => DecisionKind::ReasonDeclared,
            Command::DeclareDevice(_) => DecisionKind::DeviceDeclared,
            Command::DeclareRule(_) => DecisionKind::RuleDeclared,
            Command::WithdrawRule { .. } => DecisionKind::RuleWithdrawn,
            Command::RaiseAlert(_) => DecisionKind::AlertOpened,
            Command::ChangeAlert(change) if matches!(change.step, AlertStep::Resolved { .. }) => {
                DecisionKind::AlertResolved
            }
            Command::ChangeAlert(_) => DecisionKind::AlertChanged,
            Command::Observe(_) => DecisionKind::ObservationRecorded,
            Command::Reverse { .. } => DecisionKind::EntryReversed,
            Command::Hold(_) => DecisionKind::InputHeld,
            Command::Discard { .. } => DecisionKind::HeldDiscarded,
        },
    }
}
