//! Stock that is announced: on order from suppliers, in transit between warehouses.

use super::draft::Draft;
use super::movement::{Subject, moved, on_hand, reason, subject};
use super::serial;
use crate::{AccountId, AccountKey, AccountKind, Event, LotId, Quantity, Rejection, Role, Timestamp};

/// The account of what is announced for the warehouse of `path`.
fn announced(draft: &mut Draft<'_>, subject: &Subject, path: &str, kind: AccountKind) -> AccountId {
    let (_, warehouse) = draft.location(path);
    // A supplier's lot is not known before it arrives.
    let lot = if kind == AccountKind::InTransit { subject.lot } else { LotId::NONE };
    draft.account(AccountKey { kind, product: subject.product, location: warehouse, lot })
}

fn negated(quantity: Quantity) -> Result<Quantity, Rejection> {
    quantity.checked_neg().ok_or(Rejection::Overflow)
}

/// Stock left for another warehouse.
pub(super) fn decide_dispatch(draft: &mut Draft<'_>, event: &Event<'_>) -> Result<(), Rejection> {
    let subject = subject(draft, event)?;
    reason(draft, event)?;
    let quantity = moved(event, &subject)?;
    if event.to.is_empty() {
        return Err(Rejection::MissingField { field: "to" });
    }
    let from = on_hand(draft, &subject, event.location, event.status);
    let transit = announced(draft, &subject, event.to, AccountKind::InTransit);
    draft.expect(transit, event.reference, quantity, event.expected_at)?;
    if !event.serials.is_empty() {
        return serial::decide(draft, event, &subject, Some(from), Some(transit), AccountKind::Variance);
    }
    let at = draft.occurred_at();
    draft.shift(from, negated(quantity)?, at)?;
    draft.post(transit, quantity, at, Role::Movement);
    Ok(())
}

/// Stock that was on its way arrived.
pub(super) fn decide_arrival(draft: &mut Draft<'_>, event: &Event<'_>) -> Result<(), Rejection> {
    let subject = subject(draft, event)?;
    reason(draft, event)?;
    let quantity = moved(event, &subject)?;
    let to = on_hand(draft, &subject, event.location, event.status);
    let transit = announced(draft, &subject, event.location, AccountKind::InTransit);
    draft.expect(transit, event.reference, negated(quantity)?, None)?;
    if !event.serials.is_empty() {
        return serial::decide(draft, event, &subject, Some(transit), Some(to), AccountKind::Variance);
    }
    let at = draft.occurred_at();
    draft.post(transit, negated(quantity)?, at, Role::Movement);
    draft.shift(to, quantity, at)
}

/// Stock was ordered from a supplier.
pub(super) fn decide_placed(draft: &mut Draft<'_>, event: &Event<'_>) -> Result<(), Rejection> {
    let subject = subject(draft, event)?;
    let quantity = moved(event, &subject)?;
    order(draft, event, &subject, quantity, event.expected_at)
}

/// Stock that was ordered will not come.
pub(super) fn decide_cancelled(draft: &mut Draft<'_>, event: &Event<'_>) -> Result<(), Rejection> {
    let subject = subject(draft, event)?;
    reason(draft, event)?;
    let quantity = negated(moved(event, &subject)?)?;
    order(draft, event, &subject, quantity, None)
}

/// Stock that was ordered arrived: less is on order, more is on hand.
pub(super) fn decide_received(draft: &mut Draft<'_>, event: &Event<'_>) -> Result<(), Rejection> {
    let subject = subject(draft, event)?;
    reason(draft, event)?;
    let quantity = moved(event, &subject)?;
    order(draft, event, &subject, negated(quantity)?, None)?;
    let to = on_hand(draft, &subject, event.location, event.status);
    if !event.serials.is_empty() {
        return serial::decide(draft, event, &subject, None, Some(to), AccountKind::Supplier);
    }
    let at = draft.occurred_at();
    draft.exchange(to, AccountKind::Supplier, quantity, at)
}

fn order(
    draft: &mut Draft<'_>,
    event: &Event<'_>,
    subject: &Subject,
    delta: Quantity,
    expected_at: Option<Timestamp>,
) -> Result<(), Rejection> {
    let account = announced(draft, subject, event.location, AccountKind::OnOrder);
    let at = draft.occurred_at();
    draft.post(account, delta, at, Role::Movement);
    let book = draft.nominal(account, AccountKind::OrderBook);
    draft.post(book, negated(delta)?, at, Role::Movement);
    draft.expect(account, event.reference, delta, expected_at)
}
