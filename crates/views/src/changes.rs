//! What an entry changed, for those who follow live.

use crate::Views;
use ledger::{AccountId, Decision, Effect, LocationId, Name, Position, ProductId};
use smallvec::SmallVec;

/// What an entry changed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// Products whose figures changed, and in which warehouse; each pair once, in the order of postings.
    pub stock: SmallVec<[(ProductId, LocationId); 2]>,
    /// Whether held inputs came or went.
    pub held: bool,
    /// Whether discrepancies or recount tasks came or went.
    pub tasks: bool,
    /// Whether reservations came or ended.
    pub reservations: bool,
    /// Whether handling units moved or changed their content.
    pub units: bool,
    /// The alert that was opened or changed, by the position of the entry that opened it.
    pub alert: Option<Position>,
    /// Whether rules were declared or withdrawn.
    pub rules: bool,
    /// Whether products, locations or reasons came or changed.
    pub catalogue: bool,
}

impl Views {
    /// What an entry changed. Ask after it was applied, and before ten thousand more discrepancies or a hundred
    /// thousand more reservations ended.
    pub fn changes(&self, position: Position, decision: &Decision) -> Changes {
        let mut changes = Changes { held: decision.resolves.is_some(), ..Changes::default() };
        for posting in &decision.postings {
            changes.add(self, posting.account);
        }
        for effect in &decision.effects {
            match effect {
                Effect::Reserved(reservation) => {
                    changes.reservations = true;
                    reservation.lines.iter().for_each(|line| changes.add(self, line.account));
                }
                Effect::ReservationEnded { reservation, .. } => {
                    changes.reservations = true;
                    let ended = self.reservations.get(reservation).map_or(&[][..], |(_, record)| &record.lines);
                    ended.iter().for_each(|line| changes.add(self, line.account));
                }
                Effect::Counted(counted) | Effect::CountWithdrawn(counted) => changes.add(self, counted.account),
                Effect::UnitStands(_) | Effect::UnitHolds(_) | Effect::SerialStands { .. } => changes.units = true,
                Effect::Held(_) | Effect::Discarded { .. } => changes.held = true,
                Effect::AlertOpened(_) => changes.alert = Some(position),
                Effect::AlertChanged(change) => changes.alert = Some(change.alert),
                Effect::Rule(_) | Effect::RuleWithdrawn { .. } => changes.rules = true,
                Effect::Product(_)
                | Effect::Location(_)
                | Effect::Reason(_)
                | Effect::Device(_)
                | Effect::LotExpires(..) => changes.catalogue = true,
                _ => {}
            }
        }
        let is_new = |name: &Name| matches!(name, Name::Product(_) | Name::Location(_) | Name::Lot(..));
        changes.catalogue |= decision.names.iter().any(is_new);
        changes.tasks = self.tasks.changed_at(position);
        changes
    }
}

impl Changes {
    fn add(&mut self, views: &Views, account: AccountId) {
        let pair = (views.catalog.account(account).product, views.catalog.warehouse_of(account));
        if !self.stock.contains(&pair) {
            self.stock.push(pair);
        }
    }
}
