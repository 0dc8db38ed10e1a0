//! Journal entries as movements of one product, in words.

use crate::dashboard::movements::Movement;
use crate::dashboard::text;
use ledger::{
    AccountId, AccountKind, Catalog, Discrepancy, Effect, LotId, Position, Posting, ProductId, Quantity, Role,
};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use wire::record::Entry;

/// Entries kept, so that a page that is painted again does not read the journal again.
const KEPT_MAX: usize = 4_096;

/// The newest entries that pages have shown. An entry never changes.
#[derive(Default)]
pub(crate) struct Entries(Mutex<BTreeMap<Position, Arc<Entry>>>);

impl Entries {
    /// The entries at these positions, in the order given.
    ///
    /// # Errors
    /// Those of [`Handle::entries`](engine::Handle::entries).
    pub(crate) fn get(
        &self,
        engine: &engine::Handle,
        positions: &[Position],
    ) -> Result<Vec<(Position, Arc<Entry>)>, engine::Error> {
        let missing: Vec<Position> = {
            let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            positions.iter().copied().filter(|position| !kept.contains_key(position)).collect()
        };
        let read = engine.entries(&missing)?;
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.extend(read.into_iter().map(|(position, entry)| (position, Arc::new(entry))));
        let found =
            positions.iter().filter_map(|position| Some((*position, Arc::clone(kept.get(position)?)))).collect();
        while kept.len() > KEPT_MAX {
            kept.pop_first();
        }
        Ok(found)
    }
}

/// What an entry did to a product.
pub(crate) fn movement(catalog: &Catalog, product: ProductId, position: Position, entry: &Entry) -> Movement {
    let decision = &entry.decision;
    let is_ours = |account: AccountId| catalog.account(account).product == product;
    let of =
        |role: Role| decision.postings.iter().filter(move |posting| posting.role == role && is_ours(posting.account));
    let mut movement = Movement {
        position,
        kind: decision.kind.name(),
        recorded_at: decision.recorded_at,
        occurred_at: decision.occurred_at,
        source: catalog.party(decision.source).to_owned(),
        reason: decision.reason.map(|reason| catalog.reason(reason).code.to_string()).unwrap_or_default(),
        reference: decision.reference.as_deref().unwrap_or_default().to_owned(),
        notes: decision.discrepancies.iter().map(|discrepancy| discrepancy_words(catalog, discrepancy)).collect(),
        ..Movement::default()
    };
    if of(Role::Movement).next().is_some() {
        take_movement(catalog, of(Role::Movement), &mut movement);
    } else {
        take_variance(catalog, of(Role::Variance), &mut movement);
    }
    for effect in &decision.effects {
        take_effect(catalog, product, effect, &mut movement);
    }
    if let Some((given, unit)) = &entry.given {
        movement.remarks.push(format!("given as {} {unit}", text::quantity(*given)));
    }
    movement
}

fn take_movement<'p>(catalog: &Catalog, postings: impl Iterator<Item = &'p Posting>, movement: &mut Movement) {
    let (mut from, mut to) = (Vec::new(), Vec::new());
    let mut moved = 0i128;
    for posting in postings {
        let side = if posting.delta.is_negative() { &mut from } else { &mut to };
        let place = place(catalog, posting.account);
        if !side.contains(&place) {
            side.push(place);
        }
        moved += i128::from(posting.delta.micros().max(0));
        take_lot(catalog, posting.account, movement);
    }
    (movement.from, movement.to) = (from.join(", "), to.join(", "));
    movement.quantity = Some(Quantity::from_micros(i64::try_from(moved).unwrap_or(i64::MAX)));
}

fn take_variance<'p>(catalog: &Catalog, postings: impl Iterator<Item = &'p Posting>, movement: &mut Movement) {
    for posting in postings.filter(|posting| catalog.account(posting.account).kind.is_on_hand()) {
        movement.to = place(catalog, posting.account);
        let sum = movement.quantity.unwrap_or_default().checked_add(posting.delta);
        (movement.quantity, movement.is_change) = (Some(sum.unwrap_or(Quantity::MAX)), true);
        take_lot(catalog, posting.account, movement);
    }
}

fn take_effect(catalog: &Catalog, product: ProductId, effect: &Effect, movement: &mut Movement) {
    match effect {
        Effect::Counted(counted) if catalog.account(counted.account).product == product => {
            movement.to = place(catalog, counted.account);
            movement.quantity.get_or_insert_default();
            movement.is_change = true;
            take_lot(catalog, counted.account, movement);
            let (found, expected) = (text::quantity(counted.quantity), text::quantity(counted.expected));
            movement.remarks.push(if counted.quantity == counted.expected {
                format!("counted {found}, as expected")
            } else {
                format!("counted {found}, books said {expected}")
            });
        }
        Effect::Reserved(reservation) => {
            let lines = || reservation.lines.iter().filter(|line| catalog.account(line.account).product == product);
            let sum = lines().try_fold(Quantity::ZERO, |sum, line| sum.checked_add(line.quantity));
            movement.quantity = Some(sum.unwrap_or(Quantity::MAX));
            movement.from = lines().next().map(|line| place(catalog, line.account)).unwrap_or_default();
            movement.to = "set aside".to_owned();
            movement.reference = reservation.reservation.to_string();
        }
        Effect::ReservationEnded { reservation, outcome } => {
            movement.reference = reservation.to_string();
            movement.remarks.push(format!("reservation {}", outcome.name()));
        }
        Effect::Reversed { entry, reason } => {
            movement.remarks.push(format!("reverses position {}: {reason}", text::count(entry.0)));
        }
        _ => {}
    }
}

fn take_lot(catalog: &Catalog, account: AccountId, movement: &mut Movement) {
    let lot = catalog.account(account).lot;
    if lot != LotId::NONE {
        movement.lot = catalog.lot(lot).name.to_string();
    }
}

/// An account as a place that people know.
fn place(catalog: &Catalog, account: AccountId) -> String {
    let key = catalog.account(account);
    let path = || catalog.location(key.location).path.to_string();
    match key.kind {
        AccountKind::Available => path(),
        AccountKind::Quarantined | AccountKind::Damaged | AccountKind::Expired => {
            format!("{} ({})", path(), key.kind.name())
        }
        AccountKind::InTransit => format!("in transit to {}", path()),
        AccountKind::OnOrder => format!("on order for {}", path()),
        AccountKind::OrderBook => "order book".to_owned(),
        AccountKind::Variance => "difference".to_owned(),
        AccountKind::Opening => "opening balance".to_owned(),
        AccountKind::Supplier | AccountKind::Customer | AccountKind::Production | AccountKind::Scrap => {
            key.kind.name().to_owned()
        }
    }
}

fn discrepancy_words(catalog: &Catalog, discrepancy: &Discrepancy) -> String {
    match discrepancy {
        Discrepancy::NegativeOnHand { on_hand, .. } => format!("left {} on hand", text::quantity(*on_hand)),
        Discrepancy::CountVariance { variance, .. } => format!("count differs by {}", text::change(*variance)),
        Discrepancy::SerialElsewhere { serial, believed, .. } => {
            format!("unit {} was believed at {}", catalog.serial(*serial).name, place(catalog, *believed))
        }
        Discrepancy::SerialUnknown { serial } => format!("unit {} was not known", catalog.serial(*serial).name),
        Discrepancy::LotMissing { .. } => "no lot was named".to_owned(),
        Discrepancy::ExpiryConflict { lot, other } => {
            format!("lot {} was also given expiry {}", catalog.lot(*lot).name, text::day(*other))
        }
        Discrepancy::UnitElsewhere { unit, believed, .. } => {
            format!("unit {} was believed at {}", catalog.unit(*unit), catalog.location(*believed).path)
        }
        Discrepancy::UnitInAnother { unit, parent } => {
            format!("unit {} was believed in {}", catalog.unit(*unit), catalog.unit(*parent))
        }
        Discrepancy::OverReceipt { excess, .. } => format!("{} more than announced", text::quantity(*excess)),
        Discrepancy::ReservedShort { short, .. } => format!("{} reserved units are missing", text::quantity(*short)),
    }
}
