//! Questions about discrepancies and recounts.

use super::{Closure, Key, Record, account_of};
use crate::Views;
use crate::codes::Codes;
use crate::page::{InvalidCursor, Page, Paging, id_within, parse_cursor, render_cursor};
use crate::scope::Scope;
use ledger::{AccountId, Day, Discrepancy, LotId, Position, ProductId, Quantity, Status, Timestamp};
use std::ops::Bound;
use std::sync::Arc;

/// Which recount tasks to list.
#[derive(Clone, Copy, Debug, Default)]
pub struct RecountQuery<'a> {
    /// In this warehouse only.
    pub warehouse: Option<&'a str>,
    /// Of this product only.
    pub product: Option<&'a str>,
    /// Items a page, 1,000 at most; 0 for 100.
    pub limit: usize,
    /// The `next` of the page before; `None` or empty for the first.
    pub cursor: Option<&'a str>,
}

/// Stock that somebody should count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecountItem {
    /// Its account.
    pub account: AccountId,
    /// The product.
    pub product: Arc<str>,
    /// The warehouse.
    pub warehouse: Arc<str>,
    /// The exact location.
    pub location: Arc<str>,
    /// The lot; `None` for stock without one.
    pub lot: Option<Arc<str>>,
    /// Its status.
    pub status: Status,
    /// What the books say is there.
    pub on_hand: Quantity,
    /// How much of it is reserved.
    pub reserved: Quantity,
    /// Why it should be counted.
    pub discrepancies: Codes,
    /// The entry that first asked for it.
    pub position: Position,
    /// When that was recorded.
    pub opened_at: Timestamp,
    /// The time of the newest count before.
    pub counted_at: Option<Timestamp>,
}

/// Which discrepancies to list.
#[derive(Clone, Copy, Debug, Default)]
pub struct DiscrepancyQuery<'a> {
    /// Open ones only, or closed ones only.
    pub is_open: Option<bool>,
    /// With this code only.
    pub code: Option<&'a str>,
    /// Of this product only.
    pub product: Option<&'a str>,
    /// In this warehouse only; leaves out those that are about a unit or lot as such.
    pub warehouse: Option<&'a str>,
    /// Of this account only.
    pub account: Option<AccountId>,
    /// Items a page, 1,000 at most; 0 for 100.
    pub limit: usize,
    /// The `next` of the page before; `None` or empty for the first.
    pub cursor: Option<&'a str>,
}

/// Something that a decision showed to be wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DiscrepancyItem {
    /// The entry that first showed it.
    pub position: Position,
    /// Its code, as [`Discrepancy::code`] names it.
    pub code: &'static str,
    /// The product; `None` when it is about a handling unit.
    pub product: Option<Arc<str>>,
    /// The handling unit, when it is about one.
    pub unit: Option<Arc<str>>,
    /// Where or in which unit that was believed.
    pub believed_in: Option<Arc<str>>,
    /// The account, when it is about one; for a unit seen elsewhere, where it was believed.
    pub account: Option<AccountId>,
    /// Where that is.
    pub location: Option<Arc<str>>,
    /// The lot, when it is about one.
    pub lot: Option<Arc<str>>,
    /// The unit's serial number, when it is about one.
    pub serial: Option<Arc<str>>,
    /// Where that unit was seen instead; `None` when it left us, too.
    pub seen: Option<Arc<str>>,
    /// On hand, variance, excess or shortage, by the code, as it was shown last.
    pub quantity: Option<Quantity>,
    /// The later of two expiry dates given for a lot.
    pub other_expiry: Option<Day>,
    /// When the newest event that showed it happened.
    pub occurred_at: Timestamp,
    /// When the first entry that showed it was recorded.
    pub opened_at: Timestamp,
    /// How often it was shown.
    pub times: u32,
    /// How it ended; `None` while it is open.
    pub closure: Option<Closure>,
}

impl Views {
    /// Lists stock that somebody should count, the longest waiting first.
    ///
    /// # Errors
    /// [`InvalidCursor`] when the cursor is of another list.
    pub fn recounts(&self, query: &RecountQuery<'_>) -> Result<Page<RecountItem>, InvalidCursor> {
        let after = match parse_cursor('r', query.cursor)? {
            Some([position, account]) => {
                let account = AccountId(id_within(account, self.catalog.accounts().len())?);
                Bound::Excluded((Position(position), account))
            }
            None => Bound::Unbounded,
        };
        let Some(scope) = Scope::new(self, query.product, query.warehouse) else {
            return Ok(Page::empty(self.position));
        };
        let mut paging = Paging::new(query.limit);
        for key in self.tasks.recounts.range((after, Bound::Unbounded)) {
            let is_asked = scope.holds(self, key.1);
            if paging.look(*key, || is_asked.then(|| self.recount(*key))).is_break() {
                break;
            }
        }
        Ok(paging.finish(self.position, |(position, account)| render_cursor('r', &[position.0, u64::from(account.0)])))
    }

    fn recount(&self, (position, account): (Position, AccountId)) -> RecountItem {
        let key = self.catalog.account(account);
        let level = &self.stock.levels[account.index()];
        let first = self.tasks.records.range((position, 0)..).next();
        RecountItem {
            account,
            product: self.catalog.product(key.product).name.clone(),
            warehouse: self.catalog.location(self.catalog.warehouse_of(account)).path.clone(),
            location: self.catalog.location(key.location).path.clone(),
            lot: (key.lot != LotId::NONE).then(|| self.catalog.lot(key.lot).name.clone()),
            status: key.kind.status().unwrap_or_default(),
            on_hand: self.stock.balance(account),
            reserved: self.stock.reserved(account),
            discrepancies: level.codes,
            position,
            opened_at: first.map_or(level.last_updated, |(_, record)| record.opened_at),
            counted_at: self.stock.counted_at(account),
        }
    }

    /// Lists discrepancies, the newest first: all open ones and the last 10,000 closed.
    ///
    /// # Errors
    /// [`InvalidCursor`] when the cursor is of another list.
    pub fn discrepancies(&self, query: &DiscrepancyQuery<'_>) -> Result<Page<DiscrepancyItem>, InvalidCursor> {
        let before = match parse_cursor('d', query.cursor)? {
            Some([position, index]) => {
                Bound::Excluded((Position(position), u32::try_from(index).map_err(|_| InvalidCursor)?))
            }
            None => Bound::Unbounded,
        };
        let Some(scope) = Scope::new(self, query.product, query.warehouse) else {
            return Ok(Page::empty(self.position));
        };
        let mut paging = Paging::new(query.limit);
        for (key, record) in self.tasks.records.range((Bound::Unbounded, before)).rev() {
            let is_asked = self.asks_for_discrepancy(query, &scope, record);
            if paging.look(*key, || is_asked.then(|| self.discrepancy(*key, record))).is_break() {
                break;
            }
        }
        Ok(paging.finish(self.position, |(position, index)| render_cursor('d', &[position.0, u64::from(index)])))
    }

    fn asks_for_discrepancy(&self, query: &DiscrepancyQuery<'_>, scope: &Scope, record: &Record) -> bool {
        let account = account_of(&record.discrepancy);
        query.is_open.is_none_or(|is_open| is_open == record.closure.is_none())
            && query.code.is_none_or(|code| code == record.discrepancy.code())
            && query.account.is_none_or(|asked| account == Some(asked))
            && match account {
                Some(account) => scope.holds(self, account),
                None => {
                    scope.warehouse.is_none()
                        && scope.product.is_none_or(|product| Some(product) == self.product_of(&record.discrepancy))
                }
            }
    }

    /// The product that a discrepancy is about; `None` for those of handling units.
    fn product_of(&self, discrepancy: &Discrepancy) -> Option<ProductId> {
        Some(match discrepancy {
            Discrepancy::UnitElsewhere { .. } | Discrepancy::UnitInAnother { .. } => return None,
            Discrepancy::SerialUnknown { serial } | Discrepancy::SerialElsewhere { serial, .. } => {
                self.catalog.serial(*serial).product
            }
            Discrepancy::ExpiryConflict { lot, .. } => self.catalog.lot(*lot).product,
            Discrepancy::NegativeOnHand { account, .. }
            | Discrepancy::CountVariance { account, .. }
            | Discrepancy::LotMissing { account }
            | Discrepancy::OverReceipt { account, .. }
            | Discrepancy::ReservedShort { account, .. } => self.catalog.account(*account).product,
        })
    }

    fn discrepancy(&self, key: Key, record: &Record) -> DiscrepancyItem {
        let catalog = &self.catalog;
        let account = account_of(&record.discrepancy);
        let place = |account: AccountId| catalog.location(catalog.account(account).location).path.clone();
        let (mut serial_id, mut seen_at, mut quantity, mut other_expiry) = (None, None, None, None);
        let mut lot = account.map_or(LotId::NONE, |account| catalog.account(account).lot);
        match &record.discrepancy {
            Discrepancy::SerialElsewhere { serial, seen, .. } => (serial_id, seen_at) = (Some(*serial), *seen),
            Discrepancy::SerialUnknown { serial } => serial_id = Some(*serial),
            Discrepancy::ExpiryConflict { lot: of, other } => (lot, other_expiry) = (*of, Some(*other)),
            Discrepancy::NegativeOnHand { on_hand, .. } => quantity = Some(*on_hand),
            Discrepancy::CountVariance { variance, .. } => quantity = Some(*variance),
            Discrepancy::OverReceipt { excess, .. } => quantity = Some(*excess),
            Discrepancy::ReservedShort { short, .. } => quantity = Some(*short),
            Discrepancy::UnitElsewhere { .. } | Discrepancy::UnitInAnother { .. } | Discrepancy::LotMissing { .. } => {}
        }
        let (unit, believed_in) = match &record.discrepancy {
            Discrepancy::UnitElsewhere { unit, believed, .. } => {
                (Some(*unit), catalog.location(*believed).path.clone())
            }
            Discrepancy::UnitInAnother { unit, parent } => (Some(*unit), catalog.unit(*parent).clone()),
            _ => (None, Arc::from("")),
        };
        DiscrepancyItem {
            position: key.0,
            code: record.discrepancy.code(),
            product: self.product_of(&record.discrepancy).map(|product| catalog.product(product).name.clone()),
            unit: unit.map(|unit| catalog.unit(unit).clone()),
            believed_in: unit.map(|_| believed_in),
            account,
            location: account.map(place),
            lot: (lot != LotId::NONE).then(|| catalog.lot(lot).name.clone()),
            serial: serial_id.map(|serial| catalog.serial(serial).name.clone()),
            seen: seen_at.map(place),
            quantity,
            other_expiry,
            occurred_at: record.occurred_at,
            opened_at: record.opened_at,
            times: record.times,
            closure: record.closure,
        }
    }
}
