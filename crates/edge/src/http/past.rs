//! Stock as it stood at a past time, by what is known now or was known then.
//!
//! The views say which accounts an item is made of, the history index what each held. What was reserved then is not
//! kept in figures, so nothing is said of it.

use crate::http::Problem;
use crate::http::page::PageReply;
use crate::http::query::Params;
use crate::http::stock::{Asked, StockLine};
use engine::Handle;
use ledger::{AccountId, AccountKind, Catalog, LotId, Position, Quantity, Status, Timestamp};
use views::StockItem;

/// A time to look back at.
#[derive(Clone, Copy)]
pub(crate) struct Moment {
    /// Movements up to then count.
    at: Timestamp,
    /// Entries recorded up to then count.
    known_at: Option<Timestamp>,
}

impl Moment {
    /// Of the parameters `as_of` and `known_at`; `None` when both are absent.
    pub(crate) fn of(params: &Params) -> Result<Option<Self>, Problem> {
        let (as_of, known_at) = (params.time("as_of")?, params.time("known_at")?);
        let is_asked = as_of.is_some() || known_at.is_some();
        Ok(is_asked.then(|| Self { at: as_of.unwrap_or(Timestamp::MAX), known_at }))
    }

    /// The last position that counts.
    fn known(self, engine: &Handle, present: Position) -> Result<Position, Problem> {
        let known = self.known_at.map(|time| engine.known_at(time)).transpose()?;
        Ok(known.map_or(present, |known| known.min(present)))
    }
}

/// A page of stock at a past time. An item of which nothing was known then is left out.
pub(crate) fn page(engine: &Handle, asked: &Asked, moment: Moment) -> Result<PageReply<StockLine>, Problem> {
    let (page, accounts) = {
        let views = engine.views();
        let page = views.stock(&asked.query())?;
        let of = |item: &StockItem| accounts_of(views.catalog(), item, asked);
        let accounts: Vec<Vec<AccountId>> = page.items.iter().map(of).collect();
        (page, accounts)
    };
    let known = moment.known(engine, page.position)?;
    let mut items = Vec::with_capacity(page.items.len());
    for (item, accounts) in page.items.iter().zip(&accounts) {
        let mut is_touched = false;
        for account in accounts {
            is_touched = is_touched || engine.history().touched_before(*account, moment.at, known)?;
        }
        if is_touched {
            items.push(line(engine, item, accounts, (moment, known))?);
        }
    }
    Ok(PageReply { items, next: page.next, as_of_position: known.0 })
}

/// One item at a past time, with the position that it was known by.
pub(crate) fn one(engine: &Handle, item: &StockItem, moment: Moment) -> Result<(StockLine, Position), Problem> {
    let (accounts, present) = {
        let views = engine.views();
        (accounts_of(views.catalog(), item, &Asked::default()), views.position())
    };
    let known = moment.known(engine, present)?;
    Ok((line(engine, item, &accounts, (moment, known))?, known))
}

/// The accounts that an item's figures are sums of.
fn accounts_of(catalog: &Catalog, item: &StockItem, asked: &Asked) -> Vec<AccountId> {
    let is_narrow =
        item.location.is_some() || asked.location.is_some() || asked.lot.is_some() || asked.status.is_some();
    let counts = |account: &AccountId| {
        let key = catalog.account(*account);
        let path = &*catalog.location(key.location).path;
        let lot = &*catalog.lot(key.lot).name;
        let is_kind =
            key.kind.is_on_hand() || (!is_narrow && matches!(key.kind, AccountKind::InTransit | AccountKind::OnOrder));
        let is_place = match (&item.location, &asked.location) {
            (Some(location), _) => path == &**location,
            (None, Some(place)) => is_within(path, place),
            (None, None) => true,
        };
        let is_key =
            asked.group_by != views::GroupBy::Lot || (key.kind.status() == item.status && is_lot(item, key.lot, lot));
        is_kind
            && is_place
            && is_key
            && asked.lot.as_ref().is_none_or(|name| name == lot)
            && asked.status.is_none_or(|status| key.kind.status() == Some(status))
    };
    catalog.shelf(item.product_id, item.warehouse_id).filter(counts).collect()
}

fn is_lot(item: &StockItem, id: LotId, name: &str) -> bool {
    match &item.lot {
        Some(lot) => &**lot == name,
        None => id == LotId::NONE,
    }
}

/// Whether `path` is `place` or lies below it.
pub(crate) fn is_within(path: &str, place: &str) -> bool {
    path.strip_prefix(place).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

fn line(
    engine: &Handle,
    item: &StockItem,
    accounts: &[AccountId],
    (moment, known): (Moment, Position),
) -> Result<StockLine, Problem> {
    let kinds: Vec<AccountKind> = {
        let views = engine.views();
        accounts.iter().map(|account| views.catalog().account(*account).kind).collect()
    };
    let mut sums = [0_i128; 6];
    for (account, kind) in accounts.iter().zip(kinds) {
        let place = match kind {
            AccountKind::InTransit => 4,
            AccountKind::OnOrder => 5,
            kind => Status::ALL.iter().position(|status| kind.status() == Some(*status)).unwrap_or_default(),
        };
        sums[place] += i128::from(engine.history().balance_at(*account, moment.at, known)?);
    }
    let number = |micros: i128| {
        let end = if micros < 0 { i64::MIN } else { i64::MAX };
        Quantity::from_micros(i64::try_from(micros).unwrap_or(end)).into()
    };
    let [available, quarantined, damaged, expired, in_transit, on_order] = sums;
    Ok(StockLine {
        on_hand_quantity: number(available + quarantined + damaged + expired),
        available_quantity: number(available),
        reserved_quantity: None,
        quarantined_quantity: number(quarantined),
        damaged_quantity: number(damaged),
        expired_quantity: number(expired),
        in_transit_quantity: number(in_transit),
        on_order_quantity: number(on_order),
        expiry: None,
        last_updated: None,
        counted_at: None,
        discrepancies: Vec::new(),
        recount_task: false,
        confidence: None,
        ..StockLine::from(item)
    })
}
