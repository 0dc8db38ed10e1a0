//! What is on order or in transit, by reference, and when it is expected.
//!
//! Invariant: the open quantities are those that the ledger keeps: see [`ledger::State::expected`].

use crate::Views;
use crate::page::{InvalidCursor, Page, Paging, id_within, parse_cursor, render_cursor};
use crate::scope::Scope;
use ledger::{AccountId, AccountKind, Decision, Expected, LotId, Position, Quantity, Timestamp};
use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;

/// What is open under one reference.
#[derive(Clone, Debug)]
pub(crate) struct Promise {
    pub(crate) reference: Arc<str>,
    pub(crate) quantity: i64,
    pub(crate) expected_at: Option<Timestamp>,
    /// The entry that first named the reference.
    pub(crate) position: Position,
    pub(crate) announced_at: Timestamp,
}

/// Open promises of each account, by the entries that announced them.
#[derive(Debug, Default)]
pub(crate) struct Promises(pub(crate) BTreeMap<AccountId, Vec<Promise>>);

impl Promises {
    pub(crate) fn take(&mut self, expected: &Expected, position: Position, decision: &Decision) {
        let open = self.0.entry(expected.account).or_default();
        let known = open.iter().position(|promise| *promise.reference == *expected.reference);
        let index = known.unwrap_or_else(|| {
            open.push(Promise {
                reference: Arc::from(&*expected.reference),
                quantity: 0,
                expected_at: None,
                position,
                announced_at: decision.occurred_at,
            });
            open.len() - 1
        });
        let promise = &mut open[index];
        promise.quantity = promise.quantity.wrapping_add(expected.delta.micros());
        promise.expected_at = expected.expected_at.or(promise.expected_at);
        if promise.quantity == 0 {
            open.remove(index);
        }
        if open.is_empty() {
            self.0.remove(&expected.account);
        }
    }

    pub(crate) fn of(&self, account: AccountId) -> &[Promise] {
        self.0.get(&account).map_or(&[], Vec::as_slice)
    }
}

/// What is expected from where.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ExpectedKind {
    /// From a supplier, by a purchase order.
    OnOrder,
    /// From another warehouse, by a shipment.
    InTransit,
}

impl ExpectedKind {
    /// The name used outside.
    pub const fn name(self) -> &'static str {
        match self {
            Self::OnOrder => "on_order",
            Self::InTransit => "in_transit",
        }
    }

    pub(crate) fn of(kind: AccountKind) -> Self {
        if kind == AccountKind::OnOrder { Self::OnOrder } else { Self::InTransit }
    }
}

/// Which expected receipts to list.
#[derive(Clone, Copy, Debug, Default)]
pub struct ExpectedQuery<'a> {
    /// Of this product only.
    pub product: Option<&'a str>,
    /// For this warehouse only.
    pub warehouse: Option<&'a str>,
    /// Of this kind only.
    pub kind: Option<ExpectedKind>,
    /// Under this order or shipment only.
    pub reference: Option<&'a str>,
    /// Items a page, 1,000 at most; 0 for 100.
    pub limit: usize,
    /// The `next` of the page before; `None` or empty for the first.
    pub cursor: Option<&'a str>,
}

/// What is open under one reference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExpectedItem {
    /// From where.
    pub kind: ExpectedKind,
    /// The order or shipment; empty when it has none.
    pub reference: Arc<str>,
    /// The product.
    pub product: Arc<str>,
    /// For which warehouse.
    pub warehouse: Arc<str>,
    /// The lot, when it is known.
    pub lot: Option<Arc<str>>,
    /// How much is still open; below zero when more arrived than was announced.
    pub quantity: Quantity,
    /// When it is expected, when that was said.
    pub expected_at: Option<Timestamp>,
    /// When it was announced, by the source's clock.
    pub announced_at: Timestamp,
    /// The entry that announced it.
    pub position: Position,
}

impl Views {
    /// Lists what is on order and in transit, in the order in which the journal first used product, warehouse and lot,
    /// then by announcement.
    ///
    /// # Errors
    /// [`InvalidCursor`] when the cursor is of another list.
    pub fn expected(&self, query: &ExpectedQuery<'_>) -> Result<Page<ExpectedItem>, InvalidCursor> {
        let after = match parse_cursor('x', query.cursor)? {
            Some([account, position]) => {
                let account = AccountId(id_within(account, self.catalog.accounts().len())?);
                Some((account, Position(position)))
            }
            None => None,
        };
        let Some(scope) = Scope::new(self, query.product, query.warehouse) else {
            return Ok(Page::empty(self.position));
        };
        let start = after.map_or(Bound::Unbounded, |(account, _)| Bound::Included(account));
        let rows = self
            .promises
            .0
            .range((start, Bound::Unbounded))
            .flat_map(|(account, open)| open.iter().map(move |promise| (*account, promise)))
            .filter(|(account, promise)| after.is_none_or(|after| (*account, promise.position) > after));
        let mut paging = Paging::new(query.limit);
        for (account, promise) in rows {
            let is_asked = scope.holds(self, account)
                && query.kind.is_none_or(|kind| kind == ExpectedKind::of(self.catalog.account(account).kind))
                && query.reference.is_none_or(|reference| reference == &*promise.reference);
            let item = || is_asked.then(|| self.expected_item(account, promise));
            if paging.look((account, promise.position), item).is_break() {
                break;
            }
        }
        Ok(paging.finish(self.position, |(account, position)| render_cursor('x', &[u64::from(account.0), position.0])))
    }

    fn expected_item(&self, account: AccountId, promise: &Promise) -> ExpectedItem {
        let key = self.catalog.account(account);
        ExpectedItem {
            kind: ExpectedKind::of(key.kind),
            reference: promise.reference.clone(),
            product: self.catalog.product(key.product).name.clone(),
            warehouse: self.catalog.location(key.location).path.clone(),
            lot: (key.lot != LotId::NONE).then(|| self.catalog.lot(key.lot).name.clone()),
            quantity: Quantity::from_micros(promise.quantity),
            expected_at: promise.expected_at,
            announced_at: promise.announced_at,
            position: promise.position,
        }
    }
}
