//! Reservations: judged against what is free, in order, and never above it.

use super::draft::Draft;
use crate::{
    AccountId, AccountKind, Day, Effect, LocationId, Quantity, Rejection, Reservation, ReservationState, Reserve,
    ReserveLine, ReservedLine, Short, State,
};
use std::collections::BTreeMap;

/// Lines that one reservation may have.
const LINES_MAX: u32 = 500;
/// Reservations that one entry may end.
const EXPIRED_MAX: usize = 500;

/// An account that a reservation may draw from.
struct Candidate {
    account: AccountId,
    expiry: Option<Day>,
    free: i64,
}

pub(super) fn decide_reserve(draft: &mut Draft<'_>, reserve: &Reserve) -> Result<(), Rejection> {
    let state = draft.state;
    let count = u32::try_from(reserve.lines.len()).unwrap_or(u32::MAX);
    if count == 0 || count > LINES_MAX {
        return Err(Rejection::LineCount { max: LINES_MAX });
    }
    if let Some(line) = reserve.lines.iter().find(|line| line.quantity <= Quantity::ZERO) {
        return Err(Rejection::QuantityNotPositive { quantity: line.quantity });
    }
    let inside = |line: &ReserveLine| line.location.is_empty() || is_within(&line.location, &reserve.warehouse);
    if let Some(line) = reserve.lines.iter().find(|line| !inside(line)) {
        return Err(Rejection::OutsideWarehouse { location: line.location.clone() });
    }
    if state.reservations.contains_key(&reserve.reservation) || state.ended(&reserve.reservation).is_some() {
        return Err(Rejection::ReservationExists);
    }
    if reserve.expires_at.is_some_and(|at| at <= draft.decision.recorded_at) {
        return Err(Rejection::AlreadyExpired);
    }
    let today = draft.decision.recorded_at.day();
    let (lines, short) = allocate(state, reserve, today);
    if lines.is_empty() || (!short.is_empty() && !reserve.partial) {
        return Err(Rejection::InsufficientAvailable { lines: short });
    }
    let (_, warehouse) = draft.location(&reserve.warehouse);
    draft.decision.reference = Some(reserve.reservation.clone());
    draft.decision.effects.push(Effect::Reserved(Box::new(Reservation {
        reservation: reserve.reservation.clone(),
        warehouse,
        lines,
        expires_at: reserve.expires_at,
        state: ReservationState::Pending,
    })));
    Ok(())
}

/// Whether `path` is `place` or lies below it.
fn is_within(path: &str, place: &str) -> bool {
    path.strip_prefix(place).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Draws each line from what is free, first expired first out; also says which lines fall short.
fn allocate(state: &State, reserve: &Reserve, today: Day) -> (Vec<ReservedLine>, Vec<Short>) {
    let mut taken: BTreeMap<AccountId, i64> = BTreeMap::new();
    let (mut lines, mut short) = (Vec::new(), Vec::new());
    for (index, line) in (0u32..).zip(&reserve.lines) {
        let wanted = line.quantity.micros();
        let (candidates, free) = candidates(state, &reserve.warehouse, line, today, &taken);
        let mut left = wanted.min(free);
        let available = left;
        for candidate in candidates {
            let drawn = candidate.free.min(left);
            if drawn <= 0 {
                continue;
            }
            left -= drawn;
            *taken.entry(candidate.account).or_default() += drawn;
            let quantity = Quantity::from_micros(drawn);
            lines.push(ReservedLine { line: index, account: candidate.account, quantity });
        }
        let got = available - left;
        if got < wanted {
            short.push(Short {
                line: index,
                product: line.product.clone(),
                requested: line.quantity,
                available: Quantity::from_micros(got),
            });
        }
    }
    (lines, short)
}

/// The accounts that a line may draw from, first expired first, and how much it may draw from all of them together:
/// a shortage in one place (stock that left without its lot, say) takes from what is free in the warehouse.
fn candidates(
    state: &State,
    warehouse: &str,
    line: &ReserveLine,
    today: Day,
    taken: &BTreeMap<AccountId, i64>,
) -> (Vec<Candidate>, i64) {
    let catalog = &state.catalog;
    let place = catalog.find_product(&line.product).zip(catalog.find_location(warehouse));
    let Some((product, warehouse)) = place else {
        return (Vec::new(), 0);
    };
    let mut candidates = Vec::new();
    let mut free_in_warehouse: i128 = 0;
    for account in catalog.shelf(product, warehouse) {
        let key = catalog.account(account);
        let lot = catalog.lot(key.lot);
        let expired = lot.expiry.is_some_and(|expiry| expiry < today);
        if key.kind != AccountKind::Available || expired {
            continue;
        }
        let used = taken.get(&account).copied().unwrap_or(0);
        let free = state.balance_micros(account).saturating_sub(state.reserved(account).micros()).saturating_sub(used);
        free_in_warehouse += i128::from(free);
        if free > 0 && matches(state, line, key.location, &lot.name) {
            candidates.push(Candidate { account, expiry: lot.expiry, free });
        }
    }
    // Lots without a date go last; equal dates by age of the account.
    candidates.sort_by_key(|candidate| (candidate.expiry.is_none(), candidate.expiry, candidate.account));
    let free = i64::try_from(free_in_warehouse.max(0)).unwrap_or(i64::MAX);
    (candidates, free)
}

fn matches(state: &State, line: &ReserveLine, location: LocationId, lot: &str) -> bool {
    let path = &state.catalog.location(location).path;
    (line.location.is_empty() || is_within(path, &line.location)) && (line.lot.is_empty() || &*line.lot == lot)
}

fn pending<'s>(draft: &Draft<'s>, name: &str) -> Result<&'s Reservation, Rejection> {
    match draft.state.reservations.get(name) {
        Some(reservation) => Ok(reservation),
        None => Err(match draft.state.ended(name) {
            Some(state) => Rejection::ReservationEnded { state },
            None => Rejection::UnknownReservation,
        }),
    }
}

fn end(draft: &mut Draft<'_>, name: &str, outcome: ReservationState) {
    draft.decision.effects.push(Effect::ReservationEnded { reservation: name.into(), outcome });
}

pub(super) fn decide_release(draft: &mut Draft<'_>, name: &str) -> Result<(), Rejection> {
    pending(draft, name)?;
    draft.decision.reference = Some(name.into());
    end(draft, name, ReservationState::Released);
    Ok(())
}

/// What was set aside leaves for the customer.
pub(super) fn decide_fulfil(draft: &mut Draft<'_>, name: &str) -> Result<(), Rejection> {
    let reservation = pending(draft, name)?;
    draft.decision.reference = Some(name.into());
    let at = draft.occurred_at();
    for line in &reservation.lines {
        let delta = line.quantity.checked_neg().ok_or(Rejection::Overflow)?;
        draft.exchange(line.account, AccountKind::Customer, delta, at)?;
    }
    end(draft, name, ReservationState::Fulfilled);
    Ok(())
}

/// Ends the reservations whose time has passed, oldest first, some at a time.
pub(super) fn decide_expire(draft: &mut Draft<'_>) -> Result<(), Rejection> {
    let now = draft.decision.recorded_at;
    let due = draft.state.expiring.iter().take_while(|(at, _)| *at <= now).take(EXPIRED_MAX);
    let due: Vec<&str> = due.map(|(_, name)| &**name).collect();
    if due.is_empty() {
        return Err(Rejection::UnknownReservation);
    }
    for name in due {
        end(draft, name, ReservationState::Expired);
    }
    Ok(())
}
