//! Questions about stock: how much of what stands where.

use super::in_order;
use crate::Views;
use crate::codes::Codes;
use crate::figures::{Figures, Sums};
use crate::page::{
    InvalidCursor, Page, Paging, contains_ignoring_case, id_within, is_within, parse_cursor, render_cursor,
};
use ledger::{AccountId, Day, LocationId, LotId, ProductId, Quantity, Status, Timestamp};
use std::borrow::Cow;
use std::cmp::Ordering;
use std::ops::{Bound, ControlFlow};
use std::sync::Arc;

/// What one item of a stock list stands for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum GroupBy {
    /// A product in a warehouse.
    #[default]
    Warehouse,
    /// A product at one exact location, its lots and statuses together.
    Location,
    /// A stock key: product, exact location, lot and status.
    Lot,
}

/// Which stock to list. All conditions must hold; the default asks for everything, by product and warehouse.
#[derive(Clone, Copy, Debug, Default)]
pub struct StockQuery<'a> {
    /// Of this product only.
    pub product: Option<&'a str>,
    /// In this warehouse only.
    pub warehouse: Option<&'a str>,
    /// At this location or below it only.
    pub location: Option<&'a str>,
    /// Of this lot only; the empty name is stock without a lot.
    pub lot: Option<&'a str>,
    /// In this status only; the figures then count nothing else.
    pub status: Option<Status>,
    /// Of products whose id or name contains this, whatever the case of its letters.
    pub search: Option<&'a str>,
    /// Only items of which less than this is available.
    pub below: Option<Quantity>,
    /// What an item stands for.
    pub group_by: GroupBy,
    /// Items a page, 1,000 at most; 0 for 100.
    pub limit: usize,
    /// The `next` of the page before; `None` or empty for the first.
    pub cursor: Option<&'a str>,
}

/// Stock of a product at a place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StockItem {
    /// The product's id.
    pub product: Arc<str>,
    /// Its number.
    pub product_id: ProductId,
    /// What people call it; empty when nobody said.
    pub name: Box<str>,
    /// The unit that the figures count.
    pub base_unit: Cow<'static, str>,
    /// The warehouse's path.
    pub warehouse: Arc<str>,
    /// Its number.
    pub warehouse_id: LocationId,
    /// The exact location; `None` when the item is the whole warehouse's.
    pub location: Option<Arc<str>>,
    /// The lot, when items are stock keys and this one has a lot.
    pub lot: Option<Arc<str>>,
    /// The status, when items are stock keys or the query names one.
    pub status: Option<Status>,
    /// How much. On order and in transit are of the warehouse as a whole and zero in any narrower item.
    pub figures: Figures,
    /// The earliest expiry among the lots of which something is on hand; `None` where a warehouse is counted as a whole.
    pub expiry: Option<Day>,
    /// When the newest entry that touched it was recorded; `None` for a product that never was in the warehouse.
    pub last_updated: Option<Timestamp>,
    /// The time of its newest count; `None` without one and for a warehouse.
    pub counted_at: Option<Timestamp>,
    /// Whether somebody declared the product.
    pub is_product_verified: bool,
    /// Whether somebody declared the location (the warehouse, for a warehouse's item).
    pub is_location_verified: bool,
    /// The discrepancies open there.
    pub discrepancies: Codes,
}

impl StockItem {
    /// Whether somebody should count it.
    pub const fn asks_for_recount(&self) -> bool {
        self.discrepancies.asks_for_recount()
    }
}

/// The row that a page ended with: within the product, the warehouse (`None`: all of them); within that, the location
/// or account.
#[derive(Clone, Copy)]
struct Row {
    product: ProductId,
    warehouse: Option<LocationId>,
    at: Option<u32>,
}

/// What stands for `None` in a cursor.
const ABSENT: u64 = u64::MAX;

impl Row {
    const fn list(group_by: GroupBy) -> char {
        match group_by {
            GroupBy::Warehouse => 'w',
            GroupBy::Location => 'l',
            GroupBy::Lot => 't',
        }
    }

    fn render(self, group_by: GroupBy) -> String {
        let optional = |id: Option<u32>| id.map_or(ABSENT, u64::from);
        let numbers = [u64::from(self.product.0), optional(self.warehouse.map(|id| id.0)), optional(self.at)];
        render_cursor(Self::list(group_by), &numbers)
    }

    fn parse(views: &Views, query: &StockQuery<'_>) -> Result<Option<Self>, InvalidCursor> {
        let Some([product, warehouse, at]) = parse_cursor(Self::list(query.group_by), query.cursor)? else {
            return Ok(None);
        };
        let catalog = &views.catalog;
        let optional = |number, length| if number == ABSENT { Ok(None) } else { id_within(number, length).map(Some) };
        let table = match query.group_by {
            GroupBy::Lot => catalog.accounts().len(),
            _ => catalog.locations().len(),
        };
        Ok(Some(Self {
            product: ProductId(id_within(product, catalog.products().len())?),
            warehouse: optional(warehouse, catalog.locations().len())?.map(LocationId),
            at: optional(at, table)?,
        }))
    }
}

/// Sums over the accounts of one item.
#[derive(Default)]
struct Gathered {
    sums: Sums,
    accounts: usize,
    expiry: Option<Day>,
    last_updated: Option<Timestamp>,
    counted_at: Option<Timestamp>,
    codes: Codes,
}

impl Views {
    /// Lists stock by (product id, warehouse, location, lot, status), each by its bytes.
    ///
    /// A product stands in the list with each warehouse that ever had, ordered or awaited some of it. A known product
    /// asked for by its id together with a known warehouse is always answered, with zeros if need be; unknown names
    /// give an empty page.
    ///
    /// # Errors
    /// [`InvalidCursor`] when the cursor is of another list or grouping.
    pub fn stock(&self, query: &StockQuery<'_>) -> Result<Page<StockItem>, InvalidCursor> {
        let after = Row::parse(self, query)?;
        let Some(walk) = Walk::new(self, query, after) else {
            return Ok(Page::empty(self.position));
        };
        let mut paging = Paging::new(query.limit);
        // A page that is full ends the walk.
        let _full = walk.run(&mut paging);
        Ok(paging.finish(self.position, |row: Row| row.render(query.group_by)))
    }

    /// The stock of a product in a warehouse, zeros when it never was there; `None` when either name is unknown or the
    /// location is no warehouse. Takes the same short time whatever the number of products and bins.
    pub fn stock_of(&self, product: &str, warehouse: &str) -> Option<StockItem> {
        let warehouse = self.catalog.find_location(warehouse)?;
        self.stock.warehouse(warehouse)?;
        Some(self.stock_by_id(self.catalog.find_product(product)?, warehouse))
    }

    /// The stock of a product in a warehouse by their numbers, which must be of this journal; zeros when it never was
    /// there.
    pub fn stock_by_id(&self, product: ProductId, warehouse: LocationId) -> StockItem {
        let mut item = self.blank_item(product, warehouse, warehouse);
        if let Some(index) = self.stock.find_shelf(product, warehouse) {
            let shelf = &self.stock.shelves[index as usize];
            item.figures = shelf.sums.figures();
            item.last_updated = Some(shelf.last_updated);
            item.discrepancies = self.tasks.codes_of_shelf(index);
        }
        item
    }

    fn blank_item(&self, product: ProductId, warehouse: LocationId, location: LocationId) -> StockItem {
        let record = self.catalog.product(product);
        let card = record.card.as_deref();
        StockItem {
            product: record.name.clone(),
            product_id: product,
            name: card.map_or_else(Box::default, |card| card.name.clone()),
            base_unit: match card {
                Some(_) => Cow::Owned(record.base_unit().to_owned()),
                None => Cow::Borrowed("each"),
            },
            warehouse: self.catalog.location(warehouse).path.clone(),
            warehouse_id: warehouse,
            location: None,
            lot: None,
            status: None,
            figures: Figures::default(),
            expiry: None,
            last_updated: None,
            counted_at: None,
            is_product_verified: card.is_some(),
            is_location_verified: self.catalog.location(location).card.is_some(),
            discrepancies: Codes::default(),
        }
    }
}

/// A walk over the stock that a query asks for.
struct Walk<'a> {
    views: &'a Views,
    query: &'a StockQuery<'a>,
    after: Option<Row>,
    product: Option<ProductId>,
    warehouse: Option<LocationId>,
    /// In lower case.
    search: Option<String>,
}

impl<'a> Walk<'a> {
    /// `None` when a name is unknown, or the location lies in another warehouse, so that there is nothing to walk.
    fn new(views: &'a Views, query: &'a StockQuery<'a>, after: Option<Row>) -> Option<Self> {
        let catalog = &views.catalog;
        let product = match query.product {
            Some(name) => Some(catalog.find_product(name)?),
            None => None,
        };
        let first_part = query.location.map(|path| path.split('/').next().unwrap_or(path));
        let warehouse = match (query.warehouse, first_part) {
            (Some(one), Some(other)) if one != other => return None,
            (Some(path), _) | (None, Some(path)) => {
                let warehouse = catalog.find_location(path)?;
                views.stock.warehouse(warehouse)?;
                Some(warehouse)
            }
            (None, None) => None,
        };
        let search = query.search.filter(|text| !text.is_empty()).map(str::to_lowercase);
        Some(Self { views, query, after, product, warehouse, search })
    }

    fn run(&self, paging: &mut Paging<Row, StockItem>) -> ControlFlow<()> {
        if let Some(product) = self.product {
            return self.walk_product(product, paging);
        }
        let start = match self.after {
            None => Bound::Unbounded,
            Some(row) => {
                let name = &*self.views.catalog.product(row.product).name;
                if row.warehouse.is_some() { Bound::Included(name) } else { Bound::Excluded(name) }
            }
        };
        for product in self.views.names.products.range::<str, _>((start, Bound::Unbounded)).map(|(_, id)| *id) {
            self.walk_product(product, paging)?;
        }
        ControlFlow::Continue(())
    }

    fn walk_product(&self, product: ProductId, paging: &mut Paging<Row, StockItem>) -> ControlFlow<()> {
        let nothing = Row { product, warehouse: None, at: None };
        let stock = &self.views.stock;
        if !self.is_searched(product) {
            return paging.look(nothing, || None);
        }
        if let Some(warehouse) = self.warehouse {
            return match stock.find_shelf(product, warehouse) {
                Some(shelf) => self.walk_shelf(shelf, paging),
                None => paging.look(nothing, || self.absent_item(product, warehouse)),
            };
        }
        let shelves = stock.shelves_of(product);
        if shelves.is_empty() {
            return paging.look(nothing, || None);
        }
        let start = match self.after_in(product).and_then(|row| row.warehouse) {
            Some(warehouse) => {
                let path = &self.views.catalog.location(warehouse).path;
                let path_of =
                    |shelf: u32| &self.views.catalog.location(stock.shelf_keys[shelf as usize].warehouse).path;
                shelves.partition_point(|shelf| path_of(*shelf) < path)
            }
            None => 0,
        };
        for shelf in &shelves[start..] {
            self.walk_shelf(*shelf, paging)?;
        }
        ControlFlow::Continue(())
    }

    /// Where the page before ended, when that was in this product.
    fn after_in(&self, product: ProductId) -> Option<Row> {
        self.after.filter(|row| row.product == product)
    }

    fn is_searched(&self, product: ProductId) -> bool {
        let Some(search) = &self.search else {
            return true;
        };
        let record = self.views.catalog.product(product);
        contains_ignoring_case(&record.name, search)
            || record.card.as_ref().is_some_and(|card| contains_ignoring_case(&card.name, search))
    }

    /// A product asked for by its id, in a warehouse that never had it.
    fn absent_item(&self, product: ProductId, warehouse: LocationId) -> Option<StockItem> {
        let is_plain = self.product.is_some() && self.query.group_by == GroupBy::Warehouse && self.is_whole();
        let is_first = self.after_in(product).is_none();
        let is_below = self.query.below.is_none_or(|below| Quantity::ZERO < below);
        (is_plain && is_first && is_below).then(|| self.views.blank_item(product, warehouse, warehouse))
    }

    /// Whether an item counts all accounts of a product in a warehouse.
    fn is_whole(&self) -> bool {
        self.query.location.is_none() && self.query.lot.is_none() && self.query.status.is_none()
    }

    fn walk_shelf(&self, shelf: u32, paging: &mut Paging<Row, StockItem>) -> ControlFlow<()> {
        let keys = &self.views.stock.shelf_keys[shelf as usize];
        let (product, warehouse) = (keys.product, keys.warehouse);
        let after = self.after_in(product).filter(|row| row.warehouse == Some(warehouse));
        if self.query.group_by == GroupBy::Warehouse {
            if after.is_some() {
                return ControlFlow::Continue(());
            }
            let row = Row { product, warehouse: Some(warehouse), at: None };
            paging.look(row, || self.warehouse_item(shelf))?;
            paging.spend(if self.is_whole() { 0 } else { keys.accounts.len() });
            return ControlFlow::Continue(());
        }
        let mut accounts = self.accounts_of(&keys.accounts);
        if let Some(at) = after.and_then(|row| row.at) {
            accounts = &accounts[self.start_after(accounts, at)..];
        }
        while let Some(first) = accounts.first() {
            let length = self.group_length(accounts);
            let (group, rest) = accounts.split_at(length);
            accounts = rest;
            let at = match self.query.group_by {
                GroupBy::Lot => first.0,
                _ => self.views.catalog.account(*first).location.0,
            };
            let row = Row { product, warehouse: Some(warehouse), at: Some(at) };
            paging.look(row, || self.narrow_item(warehouse, group))?;
            paging.spend(length - 1);
        }
        ControlFlow::Continue(())
    }

    /// Of a shelf's accounts, those at or below the location asked for, and maybe others whose path begins like it.
    fn accounts_of(&self, accounts: &'a [AccountId]) -> &'a [AccountId] {
        let Some(place) = self.query.location else {
            return accounts;
        };
        let start = accounts.partition_point(|id| self.path_of(*id) < place);
        let end = start + accounts[start..].partition_point(|id| self.path_of(*id).starts_with(place));
        &accounts[start..end]
    }

    fn path_of(&self, account: AccountId) -> &'a str {
        &self.views.catalog.location(self.views.catalog.account(account).location).path
    }

    fn start_after(&self, accounts: &[AccountId], at: u32) -> usize {
        let catalog = &self.views.catalog;
        match self.query.group_by {
            GroupBy::Lot => accounts.partition_point(|id| in_order(catalog, *id, AccountId(at)) != Ordering::Greater),
            _ => {
                let path = &*catalog.location(LocationId(at)).path;
                accounts.partition_point(|id| self.path_of(*id) <= path)
            }
        }
    }

    /// How many of the accounts, from the first on, are of one item.
    fn group_length(&self, accounts: &[AccountId]) -> usize {
        if self.query.group_by == GroupBy::Lot {
            return 1;
        }
        let catalog = &self.views.catalog;
        let location = catalog.account(accounts[0]).location;
        accounts.iter().take_while(|id| catalog.account(**id).location == location).count()
    }

    fn warehouse_item(&self, shelf: u32) -> Option<StockItem> {
        let keys = &self.views.stock.shelf_keys[shelf as usize];
        if !self.is_whole() {
            let gathered = self.gather(self.accounts_of(&keys.accounts));
            return self.show(gathered, self.views.blank_item(keys.product, keys.warehouse, keys.warehouse));
        }
        // What is too much is left out before names are copied.
        let figures = self.views.stock.shelves[shelf as usize].sums.figures();
        if self.query.below.is_some_and(|below| figures.available >= below) {
            return None;
        }
        Some(self.views.stock_by_id(keys.product, keys.warehouse))
    }

    fn narrow_item(&self, warehouse: LocationId, group: &[AccountId]) -> Option<StockItem> {
        let key = self.views.catalog.account(*group.first()?);
        let gathered = self.gather(group);
        let counted_at = gathered.counted_at;
        let mut item = self.show(gathered, self.views.blank_item(key.product, warehouse, key.location))?;
        item.location = Some(self.views.catalog.location(key.location).path.clone());
        item.counted_at = counted_at;
        if self.query.group_by == GroupBy::Lot {
            item.status = key.kind.status();
            item.lot = (key.lot != LotId::NONE).then(|| self.views.catalog.lot(key.lot).name.clone());
        }
        Some(item)
    }

    fn show(&self, gathered: Gathered, mut item: StockItem) -> Option<StockItem> {
        item.figures = gathered.sums.figures();
        let is_below = self.query.below.is_none_or(|below| item.figures.available < below);
        if gathered.accounts == 0 || !is_below {
            return None;
        }
        item.status = self.query.status;
        item.expiry = gathered.expiry;
        item.last_updated = gathered.last_updated;
        item.discrepancies = gathered.codes;
        Some(item)
    }

    /// Sums over those of the accounts that the query asks for.
    fn gather(&self, accounts: &[AccountId]) -> Gathered {
        let (catalog, stock) = (&self.views.catalog, &self.views.stock);
        let mut gathered = Gathered::default();
        for id in accounts {
            let key = catalog.account(*id);
            let lot = catalog.lot(key.lot);
            let is_asked = self.query.status.is_none_or(|status| key.kind.status() == Some(status))
                && self.query.lot.is_none_or(|name| &*lot.name == name)
                && self.query.location.is_none_or(|place| is_within(self.path_of(*id), place));
            if !is_asked {
                continue;
            }
            let level = &stock.levels[id.index()];
            gathered.accounts += 1;
            gathered.sums.add(level.sum, level.balance.into());
            gathered.sums.reserve(stock.asides[id.index()].reserved);
            gathered.last_updated = gathered.last_updated.max(Some(level.last_updated));
            gathered.counted_at = gathered.counted_at.max(stock.counted_at(*id));
            gathered.codes = gathered.codes.and(level.codes);
            if level.balance > 0 {
                gathered.expiry = lot.expiry.into_iter().chain(gathered.expiry).min();
            }
        }
        gathered
    }
}
