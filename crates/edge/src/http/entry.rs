//! A ledger entry in names: what happened, and what it did to which account.

use crate::http::json::{Date, Number, Time};
use ledger::{
    AccountId, AccountKey, Catalog, Counted, Decision, Discrepancy, Effect, LocationId, LotId, Position, Posting,
    Quantity, Role,
};
use serde::Serialize;
use utoipa::ToSchema;
use wire::record::Entry;

/// A ledger entry.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct EntryReply {
    /// Its place in the journal.
    pub(crate) position: u64,
    /// What happened: the kind of event, or of command.
    #[schema(value_type = String)]
    pub(crate) event: &'static str,
    /// When it happened, by the source's clock.
    pub(crate) occurred_at: Time,
    /// When it was recorded.
    pub(crate) recorded_at: Time,
    /// Who sent it.
    pub(crate) actor: Box<str>,
    /// The device or system that it comes from.
    pub(crate) source: Box<str>,
    /// The id that its source gave it.
    pub(crate) id: Option<Box<str>>,
    pub(crate) reason: Option<Box<str>>,
    pub(crate) reference: Option<Box<str>>,
    /// The quantity as given, when it came in another unit than the product's base unit.
    pub(crate) given_quantity: Option<Number>,
    pub(crate) given_unit: Option<Box<str>>,
    /// Its movements between accounts; they sum to zero for each product and lot.
    pub(crate) postings: Vec<PostingReply>,
    /// The counts that it reports.
    pub(crate) counts: Vec<CountReply>,
    /// What it showed to be wrong.
    pub(crate) discrepancies: Vec<DiscrepancyReply>,
    /// The reservation that it made or ended.
    pub(crate) reservation_id: Option<Box<str>>,
    /// The held input that it mends.
    pub(crate) resolves: Option<u64>,
    /// The entry that it reverses.
    pub(crate) reverses: Option<u64>,
    /// Why it reverses that.
    pub(crate) reversal_reason: Option<Box<str>>,
    /// The entry that reverses it.
    pub(crate) reversed_by: Option<u64>,
    /// Whether it can be reversed; null when that could not be asked.
    pub(crate) reversible: Option<bool>,
}

/// An account: what it stands for, of which product, where, of which lot.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct AccountReply {
    /// On hand: `available`, `quarantined`, `damaged`, `expired`. Promised: `in_transit`, `on_order`, `order_book`.
    /// Outside: `supplier`, `customer`, `production`, `variance`, `scrap`, `opening`.
    #[schema(value_type = String)]
    pub(crate) account: &'static str,
    pub(crate) product_id: Box<str>,
    /// For accounts that are not on hand: the warehouse.
    pub(crate) location: Box<str>,
    pub(crate) lot: Option<Box<str>>,
}

/// One side of a movement.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct PostingReply {
    #[serde(flatten)]
    pub(crate) account: AccountReply,
    /// By how much the account changes.
    pub(crate) quantity: Number,
    /// From when on.
    pub(crate) effective_at: Time,
    /// `movement`, or `variance` when it explains a count.
    #[schema(value_type = String)]
    pub(crate) role: &'static str,
}

/// A count.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct CountReply {
    #[serde(flatten)]
    account: AccountReply,
    counted_at: Time,
    /// What was found.
    counted_quantity: Number,
    /// What the books held as of then.
    expected_quantity: Number,
    /// Whether this entry takes the count back.
    withdrawn: bool,
}

/// Something that an entry showed to be wrong.
#[derive(Clone, Debug, Default, Serialize, ToSchema)]
pub(crate) struct DiscrepancyReply {
    #[schema(value_type = String)]
    pub(crate) code: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    product_id: Option<Box<str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    location: Option<Box<str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    lot: Option<Box<str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    serial: Option<Box<str>>,
    /// Where the unit was seen.
    #[serde(skip_serializing_if = "Option::is_none")]
    seen_at: Option<Box<str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    handling_unit: Option<Box<str>>,
    /// The unit that it was believed in.
    #[serde(skip_serializing_if = "Option::is_none")]
    believed_in: Option<Box<str>>,
    /// On hand, variance, excess or shortage, by the code.
    #[serde(skip_serializing_if = "Option::is_none")]
    quantity: Option<Number>,
    #[serde(skip_serializing_if = "Option::is_none")]
    other_expiry: Option<Date>,
}

/// An entry in the names of `catalog`, which must know them. What reversed it is not in it.
pub(crate) fn entry(position: Position, entry: &Entry, catalog: &Catalog) -> EntryReply {
    let decision = &entry.decision;
    let (given_quantity, given_unit) = entry.given.clone().unzip();
    let reversed = decision.effects.iter().find_map(|effect| match effect {
        Effect::Reversed { entry, reason } => Some((*entry, reason)),
        _ => None,
    });
    EntryReply {
        position: position.0,
        event: decision.kind.name(),
        occurred_at: Time(decision.occurred_at),
        recorded_at: Time(decision.recorded_at),
        actor: catalog.party(decision.actor).into(),
        source: catalog.party(decision.source).into(),
        id: (!entry.id.is_empty()).then(|| entry.id.clone()),
        reason: decision.reason.map(|reason| catalog.reason(reason).code.clone()),
        reference: decision.reference.clone(),
        given_quantity: given_quantity.map(Number),
        given_unit,
        postings: decision
            .postings
            .iter()
            .map(|one| posting(one, account(catalog.account(one.account), catalog)))
            .collect(),
        counts: decision.effects.iter().filter_map(|effect| count(effect, catalog)).collect(),
        discrepancies: decision
            .discrepancies
            .iter()
            .map(|found| discrepancy(found, catalog, &|id| catalog.account(id)))
            .collect(),
        reservation_id: decision.effects.iter().find_map(reservation),
        resolves: decision.resolves.map(|held| held.0),
        reverses: reversed.map(|(entry, _)| entry.0),
        reversal_reason: reversed.map(|(_, reason)| reason.clone()),
        reversed_by: None,
        reversible: None,
    }
}

/// The accounts that a decision changed or was about, each as often as it names it.
pub(crate) fn accounts(decision: &Decision) -> impl Iterator<Item = AccountId> {
    let of_effects = decision.effects.iter().flat_map(|effect| match effect {
        Effect::Counted(counted) | Effect::CountWithdrawn(counted) => vec![counted.account],
        Effect::Reserved(reservation) => reservation.lines.iter().map(|line| line.account).collect(),
        Effect::Sighted(sighted) | Effect::SightingWithdrawn(sighted) => sighted.place.into_iter().collect(),
        Effect::Expected(expected) => vec![expected.account],
        _ => Vec::new(),
    });
    decision.postings.iter().map(|posting| posting.account).chain(of_effects)
}

pub(crate) fn account(key: AccountKey, catalog: &Catalog) -> AccountReply {
    AccountReply {
        account: key.kind.name(),
        product_id: (&*catalog.product(key.product).name).into(),
        location: (&*catalog.location(key.location).path).into(),
        lot: lot_name(key.lot, catalog),
    }
}

fn lot_name(lot: LotId, catalog: &Catalog) -> Option<Box<str>> {
    (lot != LotId::NONE).then(|| (&*catalog.lot(lot).name).into())
}

pub(crate) fn posting(posting: &Posting, account: AccountReply) -> PostingReply {
    PostingReply {
        account,
        quantity: posting.delta.into(),
        effective_at: Time(posting.effective_at),
        role: match posting.role {
            Role::Movement => "movement",
            Role::Variance => "variance",
        },
    }
}

fn count(effect: &Effect, catalog: &Catalog) -> Option<CountReply> {
    let reply = |counted: &Counted, withdrawn| CountReply {
        account: account(catalog.account(counted.account), catalog),
        counted_at: Time(counted.counted_at),
        counted_quantity: counted.quantity.into(),
        expected_quantity: counted.expected.into(),
        withdrawn,
    };
    match effect {
        Effect::Counted(counted) => Some(reply(counted, false)),
        Effect::CountWithdrawn(counted) => Some(reply(counted, true)),
        _ => None,
    }
}

fn reservation(effect: &Effect) -> Option<Box<str>> {
    match effect {
        Effect::Reserved(reservation) => Some(reservation.reservation.clone()),
        Effect::ReservationEnded { reservation, .. } => Some(reservation.clone()),
        _ => None,
    }
}

/// A discrepancy in names; `key_of` says what an account is of.
pub(crate) fn discrepancy(
    discrepancy: &Discrepancy,
    catalog: &Catalog,
    key_of: &dyn Fn(AccountId) -> AccountKey,
) -> DiscrepancyReply {
    let code = discrepancy.code();
    let of = |id: AccountId, quantity: Option<Quantity>| {
        let reply = account(key_of(id), catalog);
        DiscrepancyReply {
            code,
            product_id: Some(reply.product_id),
            location: Some(reply.location),
            lot: reply.lot,
            quantity: quantity.map(Number),
            ..DiscrepancyReply::default()
        }
    };
    match discrepancy {
        Discrepancy::NegativeOnHand { account, on_hand: quantity }
        | Discrepancy::CountVariance { account, variance: quantity }
        | Discrepancy::OverReceipt { account, excess: quantity }
        | Discrepancy::ReservedShort { account, short: quantity } => of(*account, Some(*quantity)),
        Discrepancy::LotMissing { account } => of(*account, None),
        Discrepancy::SerialElsewhere { serial, believed, seen } => {
            let path = |id: AccountId| (&*catalog.location(key_of(id).location).path).into();
            let serial = Some((&*catalog.serial(*serial).name).into());
            DiscrepancyReply { serial, seen_at: seen.map(path), ..of(*believed, None) }
        }
        Discrepancy::SerialUnknown { serial } => {
            let serial = catalog.serial(*serial);
            DiscrepancyReply {
                code,
                product_id: Some((&*catalog.product(serial.product).name).into()),
                serial: Some((&*serial.name).into()),
                ..DiscrepancyReply::default()
            }
        }
        Discrepancy::UnitElsewhere { unit, believed, seen } => {
            let path = |id: LocationId| (&*catalog.location(id).path).into();
            DiscrepancyReply {
                code,
                handling_unit: Some((&**catalog.unit(*unit)).into()),
                location: Some(path(*believed)),
                seen_at: Some(path(*seen)),
                ..DiscrepancyReply::default()
            }
        }
        Discrepancy::UnitInAnother { unit, parent } => DiscrepancyReply {
            code,
            handling_unit: Some((&**catalog.unit(*unit)).into()),
            believed_in: Some((&**catalog.unit(*parent)).into()),
            ..DiscrepancyReply::default()
        },
        Discrepancy::ExpiryConflict { lot, other } => {
            let record = catalog.lot(*lot);
            DiscrepancyReply {
                code,
                product_id: Some((&*catalog.product(record.product).name).into()),
                lot: lot_name(*lot, catalog),
                other_expiry: Some(Date(*other)),
                ..DiscrepancyReply::default()
            }
        }
    }
}
