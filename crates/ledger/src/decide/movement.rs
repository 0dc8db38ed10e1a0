//! Stock that comes, goes, moves, changes status, or is counted.

use super::draft::Draft;
use super::serial;
use crate::{
    AccountId, AccountKey, AccountKind, Counted, Day, Discrepancy, Effect, Event, EventKind, LotId, ProductId,
    Quantity, ReasonCard, Rejection, Status, reason,
};

/// What the rules of a movement need to know of an event, in base units and ids.
pub(super) struct Subject {
    pub(super) product: ProductId,
    pub(super) lot: LotId,
    pub(super) quantity: Quantity,
}

/// Reads product, lot and quantity, and takes in what the event says of the lot's expiry.
pub(super) fn subject(draft: &mut Draft<'_>, event: &Event<'_>) -> Result<Subject, Rejection> {
    let product = draft.product(event.product);
    let quantity = base_quantity(draft, product, event)?;
    if !event.reference.is_empty() {
        draft.decision.reference = Some(event.reference.into());
    }
    let lot = draft.lot(product, event.lot);
    if let (true, Some(day)) = (lot != LotId::NONE, event.expiry) {
        note_expiry(draft, lot, day);
    }
    Ok(Subject { product, lot, quantity })
}

fn base_quantity(draft: &Draft<'_>, product: ProductId, event: &Event<'_>) -> Result<Quantity, Rejection> {
    if event.unit.is_empty() {
        return Ok(event.quantity);
    }
    let known = draft.known(product).map(|known| draft.state.catalog.product(known));
    let base = known.map_or("each", |product| product.base_unit());
    if event.unit == base {
        return Ok(event.quantity);
    }
    let card = known.and_then(|product| product.card.as_deref());
    let unit = card.and_then(|card| card.units.iter().find(|unit| &*unit.name == event.unit));
    let Some(unit) = unit else {
        return Err(Rejection::UnknownUnit { unit: event.unit.into(), base: base.into() });
    };
    let exact = event.quantity.times(unit.numerator, unit.denominator);
    exact.ok_or_else(|| Rejection::InexactUnit { unit: event.unit.into() })
}

/// The earliest expiry that was given for a lot stands.
fn note_expiry(draft: &mut Draft<'_>, lot: LotId, day: Day) {
    let known = draft.state.catalog.lots.get(lot.index()).and_then(|lot| lot.expiry);
    match known {
        Some(known) if known == day => {}
        Some(known) => {
            let other = known.max(day);
            draft.decision.discrepancies.push(Discrepancy::ExpiryConflict { lot, other });
            if day < known {
                draft.decision.effects.push(Effect::LotExpires(lot, day));
            }
        }
        None => draft.decision.effects.push(Effect::LotExpires(lot, day)),
    }
}

pub(super) fn on_hand(draft: &mut Draft<'_>, subject: &Subject, path: &str, status: Status) -> AccountId {
    let (location, _) = draft.location(path);
    let kind = AccountKind::on_hand(status);
    draft.account(AccountKey { kind, product: subject.product, location, lot: subject.lot })
}

/// The reason of an event, noted in the decision; `None` when it gives none.
pub(super) fn reason<'s>(draft: &mut Draft<'s>, event: &Event<'_>) -> Result<Option<&'s ReasonCard>, Rejection> {
    if event.reason.is_empty() {
        return Ok(None);
    }
    let Some(id) = draft.state.catalog.find_reason(event.reason) else {
        return Err(Rejection::UnknownReason { reason: event.reason.into() });
    };
    draft.decision.reason = Some(id);
    Ok(Some(draft.state.catalog.reason(id)))
}

/// The quantity of an event that moves stock: above zero, and every unit named once if any is.
pub(super) fn moved(event: &Event<'_>, subject: &Subject) -> Result<Quantity, Rejection> {
    let quantity = subject.quantity;
    if quantity <= Quantity::ZERO {
        return Err(Rejection::QuantityNotPositive { quantity });
    }
    serial::check(event, quantity)?;
    Ok(quantity)
}

/// Stock added, removed, or adjusted either way, against the counterpart that the reason names.
pub(super) fn decide(draft: &mut Draft<'_>, event: &Event<'_>) -> Result<(), Rejection> {
    let subject = subject(draft, event)?;
    let reason = reason(draft, event)?;
    let (delta, counterpart) = match event.kind {
        EventKind::ItemAdded => (moved(event, &subject)?, AccountKind::Supplier),
        EventKind::ItemRemoved => (negated(moved(event, &subject)?)?, AccountKind::Customer),
        _ => {
            if subject.quantity.is_zero() {
                return Err(Rejection::QuantityNotPositive { quantity: subject.quantity });
            }
            serial::check(event, subject.quantity)?;
            if event.reason.is_empty() {
                return Err(Rejection::MissingField { field: "reason" });
            }
            (subject.quantity, AccountKind::Variance)
        }
    };
    let counterpart = reason.map_or(counterpart, |reason| reason.counterpart);
    let account = on_hand(draft, &subject, event.location, event.status);
    if !event.serials.is_empty() {
        let (from, to) = if delta.is_negative() { (Some(account), None) } else { (None, Some(account)) };
        return serial::decide(draft, event, &subject, from, to, counterpart);
    }
    if delta.is_negative() {
        note_missing_lot(draft, &subject, account);
    }
    let at = draft.occurred_at();
    draft.exchange(account, counterpart, delta, at)
}

fn negated(quantity: Quantity) -> Result<Quantity, Rejection> {
    quantity.checked_neg().ok_or(Rejection::Overflow)
}

/// Stock without a lot leaves a place that holds the product in lots.
fn note_missing_lot(draft: &mut Draft<'_>, subject: &Subject, account: AccountId) {
    let catalog = &draft.state.catalog;
    let has_lots = |product| catalog.product(product).has_lots;
    if subject.lot != LotId::NONE || !draft.known(subject.product).is_some_and(has_lots) {
        return;
    }
    let key = draft.key_of(account);
    let Some(location) = catalog.locations.get(key.location.index()) else {
        return;
    };
    let in_lots = catalog.shelf(key.product, location.warehouse).any(|other| {
        let other_key = catalog.account(other);
        other_key.location == key.location
            && other_key.kind == key.kind
            && other_key.lot != LotId::NONE
            && draft.state.balance_micros(other) > 0
    });
    if in_lots {
        draft.decision.discrepancies.push(Discrepancy::LotMissing { account });
    }
}

/// Stock went from one place to another.
pub(super) fn decide_move(draft: &mut Draft<'_>, event: &Event<'_>) -> Result<(), Rejection> {
    let subject = subject(draft, event)?;
    reason(draft, event)?;
    let quantity = moved(event, &subject)?;
    if event.to.is_empty() {
        return Err(Rejection::MissingField { field: "to" });
    }
    let from = on_hand(draft, &subject, event.location, event.status);
    let to = on_hand(draft, &subject, event.to, event.status);
    transfer(draft, event, &subject, (from, to), quantity, "to")
}

/// Stock changed its status where it is.
pub(super) fn decide_status(draft: &mut Draft<'_>, event: &Event<'_>) -> Result<(), Rejection> {
    let subject = subject(draft, event)?;
    reason(draft, event)?;
    let quantity = moved(event, &subject)?;
    let Some(to_status) = event.to_status else {
        return Err(Rejection::MissingField { field: "to_status" });
    };
    let from = on_hand(draft, &subject, event.location, event.status);
    let to = on_hand(draft, &subject, event.location, to_status);
    transfer(draft, event, &subject, (from, to), quantity, "to_status")
}

fn transfer(
    draft: &mut Draft<'_>,
    event: &Event<'_>,
    subject: &Subject,
    (from, to): (AccountId, AccountId),
    quantity: Quantity,
    field: &'static str,
) -> Result<(), Rejection> {
    if from == to {
        return Err(Rejection::NoChange { field });
    }
    if !event.serials.is_empty() {
        return serial::decide(draft, event, subject, Some(from), Some(to), AccountKind::Variance);
    }
    note_missing_lot(draft, subject, from);
    let at = draft.occurred_at();
    draft.shift(from, negated(quantity)?, at)?;
    draft.shift(to, quantity, at)
}

/// A count: the variance between it and what the books held as of then.
pub(super) fn decide_count(draft: &mut Draft<'_>, event: &Event<'_>) -> Result<(), Rejection> {
    let subject = subject(draft, event)?;
    if subject.quantity.is_negative() {
        return Err(Rejection::QuantityNotPositive { quantity: subject.quantity });
    }
    serial::check(event, subject.quantity)?;
    let trust = match reason(draft, event)? {
        Some(reason) => reason.trust,
        None => {
            let id = draft.state.catalog.find_reason(reason::DEFAULT_COUNT).expect("a shipped reason");
            draft.state.catalog.reason(id).trust
        }
    };
    let account = on_hand(draft, &subject, event.location, event.status);
    if !event.serials.is_empty() {
        return serial::decide(draft, event, &subject, None, Some(account), AccountKind::Variance);
    }
    let mut counted = Counted {
        account,
        counted_at: draft.occurred_at(),
        quantity: subject.quantity,
        expected: Quantity::ZERO,
        trust,
        id: draft.rank_id(),
    };
    let (mut next, mut fold) = (None, None);
    if let Some(line) = draft.state.line(account) {
        if line.forbids_count(counted.counted_at) {
            return Err(Rejection::BeforeHistory { horizon: line.past().horizon });
        }
        let place = line.place(&counted, draft.state.balance_micros(account));
        let expected = i64::try_from(place.expected).map_err(|_| Rejection::Overflow)?;
        counted.expected = Quantity::from_micros(expected);
        next = place.next;
        fold = line.fold_due_for_count(draft.keep_history_from());
    }
    let variance = counted.quantity.checked_sub(counted.expected).ok_or(Rejection::Overflow)?;
    if !variance.is_zero() {
        draft.explain(account, variance, counted.counted_at)?;
        if let Some(next) = next {
            draft.explain(account, negated(variance)?, next)?;
        }
        draft.decision.discrepancies.push(Discrepancy::CountVariance { account, variance });
    }
    draft.decision.effects.push(Effect::Counted(counted));
    if let Some(before) = fold {
        draft.decision.effects.push(Effect::HistoryFolded { account, before });
    }
    Ok(())
}
