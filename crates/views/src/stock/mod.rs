//! Stock levels: a figure for each account, and sums for each product in a warehouse and for each warehouse.
//!
//! Invariant: each sum is the sum of the levels that count in it, each counter that of the levels it counts.

mod query;
mod warehouses;

pub use query::{GroupBy, StockItem, StockQuery};
pub use warehouses::{Totals, WarehouseItem, WarehouseQuery};

use crate::codes::Codes;
use crate::figures::{NO_SUM, Sums, is_on_hand, sum_of};
use ledger::{AccountId, AccountKey, Catalog, Decision, LocationId, Position, ProductId, Quantity, Timestamp};
use smallvec::SmallVec;
use std::cmp::Ordering;

/// Accounts whose open discrepancies may have ended.
pub(crate) type Recheck = SmallVec<[AccountId; 4]>;

/// No count yet.
const NEVER: Timestamp = Timestamp::MIN;

/// An account's figure. Half a cache line, so that a posting touches one.
#[derive(Clone, Copy, Debug)]
#[repr(align(32))]
pub(crate) struct Level {
    pub(crate) balance: i64,
    /// When the newest entry that touched it was recorded.
    pub(crate) last_updated: Timestamp,
    pub(crate) last_position: Position,
    pub(crate) shelf: u32,
    /// In which sum it counts: see [`sum_of`].
    pub(crate) sum: u8,
    /// The kinds of its open discrepancies.
    pub(crate) codes: Codes,
}

/// What most entries leave alone.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Aside {
    pub(crate) reserved: i64,
    /// The time of the newest count; [`NEVER`] without one.
    pub(crate) counted_at: Timestamp,
}

/// A product in a warehouse.
#[derive(Debug)]
#[repr(C, align(64))]
pub(crate) struct Shelf {
    pub(crate) last_updated: Timestamp,
    /// Place in the table of warehouses.
    warehouse: u32,
    /// Accounts with more than nothing on hand.
    filled_keys: u32,
    pub(crate) sums: Sums,
}

/// What does not change with each entry about a product in a warehouse.
#[derive(Debug)]
pub(crate) struct ShelfKeys {
    pub(crate) product: ProductId,
    pub(crate) warehouse: LocationId,
    /// The accounts on hand, by (location path, lot name, status).
    pub(crate) accounts: Vec<AccountId>,
}

/// A warehouse as a whole.
#[derive(Debug, Default)]
pub(crate) struct Warehouse {
    pub(crate) sums: Sums,
    /// Accounts on hand; of these, below nothing and at nothing.
    pub(crate) stock_keys: u32,
    pub(crate) negative_keys: u32,
    pub(crate) zero_keys: u32,
    /// Products with an account above nothing.
    pub(crate) products: u32,
    /// Open recount tasks.
    pub(crate) tasks: u32,
}

#[derive(Debug, Default)]
pub(crate) struct Stock {
    pub(crate) levels: Vec<Level>,
    pub(crate) asides: Vec<Aside>,
    pub(crate) shelves: Vec<Shelf>,
    pub(crate) shelf_keys: Vec<ShelfKeys>,
    /// For each product its shelves, by path of the warehouse.
    shelves_of: Vec<Vec<u32>>,
    pub(crate) warehouses: Vec<Warehouse>,
    /// For each location its place in the table of warehouses; `u32::MAX` for one inside a warehouse.
    warehouse_of: Vec<u32>,
}

impl Stock {
    /// Makes room for the names that the catalogue has and this lacks.
    pub(crate) fn grow(&mut self, catalog: &Catalog, position: Position, recorded_at: Timestamp) {
        self.shelves_of.resize_with(catalog.products().len(), Vec::new);
        for index in self.warehouse_of.len()..catalog.locations().len() {
            let id = LocationId::at(index);
            let is_warehouse = catalog.location(id).warehouse == id;
            self.warehouse_of.push(if is_warehouse { place(self.warehouses.len()) } else { u32::MAX });
            if is_warehouse {
                self.warehouses.push(Warehouse::default());
            }
        }
        for index in self.levels.len()..catalog.accounts().len() {
            let id = AccountId::at(index);
            self.open(catalog, id, catalog.account(id), position, recorded_at);
        }
    }

    fn open(&mut self, catalog: &Catalog, id: AccountId, key: AccountKey, position: Position, at: Timestamp) {
        let shelf = self.shelf_for(catalog, key.product, catalog.location(key.location).warehouse);
        let sum = sum_of(key.kind);
        self.levels.push(Level {
            balance: 0,
            last_updated: at,
            last_position: position,
            shelf,
            sum,
            codes: Codes::default(),
        });
        self.asides.push(Aside { reserved: 0, counted_at: NEVER });
        let record = &mut self.shelves[shelf as usize];
        record.last_updated = record.last_updated.max(at);
        if is_on_hand(sum) {
            let warehouse = &mut self.warehouses[record.warehouse as usize];
            warehouse.stock_keys += 1;
            warehouse.zero_keys += 1;
            let accounts = &mut self.shelf_keys[shelf as usize].accounts;
            let index = accounts.partition_point(|other| in_order(catalog, *other, id) == Ordering::Less);
            accounts.insert(index, id);
        }
    }

    fn shelf_for(&mut self, catalog: &Catalog, product: ProductId, warehouse: LocationId) -> u32 {
        if let Some(shelf) = self.find_shelf(product, warehouse) {
            return shelf;
        }
        let shelf = place(self.shelves.len());
        self.shelves.push(Shelf {
            last_updated: Timestamp::MIN,
            warehouse: self.warehouse_of[warehouse.index()],
            filled_keys: 0,
            sums: Sums::default(),
        });
        self.shelf_keys.push(ShelfKeys { product, warehouse, accounts: Vec::new() });
        let path = &catalog.location(warehouse).path;
        let index = self.shelves_of(product).partition_point(|other| self.path_of(catalog, *other) < path);
        self.shelves_of[product.index()].insert(index, shelf);
        shelf
    }

    fn path_of<'c>(&self, catalog: &'c Catalog, shelf: u32) -> &'c std::sync::Arc<str> {
        &catalog.location(self.shelf_keys[shelf as usize].warehouse).path
    }

    /// A product's shelves, by path of the warehouse.
    pub(crate) fn shelves_of(&self, product: ProductId) -> &[u32] {
        self.shelves_of.get(product.index()).map_or(&[], Vec::as_slice)
    }

    pub(crate) fn find_shelf(&self, product: ProductId, warehouse: LocationId) -> Option<u32> {
        let is = |shelf: &&u32| self.shelf_keys[**shelf as usize].warehouse == warehouse;
        self.shelves_of(product).iter().find(is).copied()
    }

    /// The warehouse that a location is; `None` for a place inside one.
    pub(crate) fn warehouse(&self, location: LocationId) -> Option<&Warehouse> {
        let place = self.warehouse_of.get(location.index())?;
        self.warehouses.get(*place as usize)
    }

    /// Reads what the decisions are about to change, so that the memory fetches it for all of them at once: one after
    /// the other, waiting for it is most of the cost of folding them.
    pub(crate) fn warm(&self, decisions: &[Decision]) {
        let postings = || decisions.iter().flat_map(|decision| &decision.postings);
        let shelf_of = |account: AccountId| self.levels.get(account.index()).map_or(0, |level| level.shelf);
        let levels = postings().fold(0, |read, posting| read ^ shelf_of(posting.account));
        let shelves = postings().fold(0, |read, posting| {
            let shelf = self.shelves.get(shelf_of(posting.account) as usize);
            read ^ shelf.map_or(0, |shelf| shelf.filled_keys ^ shelf.sums.touch())
        });
        // Nobody asks what was read.
        std::hint::black_box(levels ^ shelves);
    }

    /// Takes in a decision's postings; names accounts with open discrepancies.
    pub(crate) fn post(&mut self, position: Position, decision: &Decision, recheck: &mut Recheck) {
        for posting in &decision.postings {
            let delta = posting.delta.micros();
            let level = &mut self.levels[posting.account.index()];
            let before = level.balance;
            // The ledger has checked that the sum of all of a decision's postings fits; on the way there it may wrap.
            level.balance = before.wrapping_add(delta);
            level.last_updated = decision.recorded_at;
            level.last_position = position;
            let level = *level;
            let shelf = &mut self.shelves[level.shelf as usize];
            shelf.last_updated = decision.recorded_at;
            if level.sum != NO_SUM {
                let change = i128::from(level.balance) - i128::from(before);
                shelf.sums.add(level.sum, change);
                self.warehouses[shelf.warehouse as usize].sums.add(level.sum, change);
            }
            if is_on_hand(level.sum) && before.signum() != level.balance.signum() {
                self.recount_keys(level.shelf, before, level.balance);
            }
            if !level.codes.is_empty() {
                recheck.push(posting.account);
            }
        }
    }

    /// An account's balance came to be above, at, or below nothing.
    fn recount_keys(&mut self, shelf: u32, before: i64, after: i64) {
        let shelf = &mut self.shelves[shelf as usize];
        let warehouse = &mut self.warehouses[shelf.warehouse as usize];
        match before.signum() {
            -1 => warehouse.negative_keys -= 1,
            0 => warehouse.zero_keys -= 1,
            _ => {
                shelf.filled_keys -= 1;
                warehouse.products -= u32::from(shelf.filled_keys == 0);
            }
        }
        match after.signum() {
            -1 => warehouse.negative_keys += 1,
            0 => warehouse.zero_keys += 1,
            _ => {
                warehouse.products += u32::from(shelf.filled_keys == 0);
                shelf.filled_keys += 1;
            }
        }
    }

    /// An entry touched an account without posting to it.
    pub(crate) fn touch(&mut self, account: AccountId, position: Position, recorded_at: Timestamp) -> &mut Aside {
        let level = &mut self.levels[account.index()];
        level.last_updated = recorded_at;
        level.last_position = position;
        self.shelves[level.shelf as usize].last_updated = recorded_at;
        &mut self.asides[account.index()]
    }

    /// Sets stock aside, or (below zero) no longer.
    pub(crate) fn reserve(&mut self, account: AccountId, micros: i64, position: Position, recorded_at: Timestamp) {
        self.touch(account, position, recorded_at).reserved += micros;
        let shelf = &mut self.shelves[self.levels[account.index()].shelf as usize];
        shelf.sums.reserve(micros);
        self.warehouses[shelf.warehouse as usize].sums.reserve(micros);
    }

    /// An account was counted.
    pub(crate) fn count(&mut self, account: AccountId, counted_at: Timestamp, position: Position, at: Timestamp) {
        let aside = self.touch(account, position, at);
        aside.counted_at = aside.counted_at.max(counted_at);
    }

    /// A count was withdrawn; which one is now the newest is not known.
    pub(crate) fn withdraw_count(
        &mut self,
        account: AccountId,
        counted_at: Timestamp,
        position: Position,
        at: Timestamp,
    ) {
        let aside = self.touch(account, position, at);
        if aside.counted_at == counted_at {
            aside.counted_at = NEVER;
        }
    }

    pub(crate) fn counted_at(&self, account: AccountId) -> Option<Timestamp> {
        Some(self.asides[account.index()].counted_at).filter(|at| *at != NEVER)
    }

    pub(crate) fn balance(&self, account: AccountId) -> Quantity {
        Quantity::from_micros(self.levels[account.index()].balance)
    }

    pub(crate) fn reserved(&self, account: AccountId) -> Quantity {
        Quantity::from_micros(self.asides[account.index()].reserved)
    }

    /// Counts the open recount tasks of the warehouse that an account is in.
    pub(crate) fn count_tasks(&mut self, account: AccountId, tasks: impl FnOnce(u32) -> u32) {
        let shelf = &self.shelves[self.levels[account.index()].shelf as usize];
        let warehouse = &mut self.warehouses[shelf.warehouse as usize];
        warehouse.tasks = tasks(warehouse.tasks);
    }

    /// Sets an account as an image has it: (balance, last updated, last position). The account is new here.
    pub(crate) fn restore(&mut self, account: AccountId, level: (i64, Timestamp, Position), aside: Aside) {
        self.asides[account.index()] = aside;
        let known = &mut self.levels[account.index()];
        (known.balance, known.last_updated, known.last_position) = level;
        let Level { balance, last_updated, shelf: index, sum, .. } = *known;
        let shelf = &mut self.shelves[index as usize];
        shelf.last_updated = shelf.last_updated.max(last_updated);
        let warehouse = &mut self.warehouses[shelf.warehouse as usize];
        for sums in [&mut shelf.sums, &mut warehouse.sums] {
            sums.add(sum, balance.into());
            sums.reserve(aside.reserved);
        }
        if is_on_hand(sum) && balance != 0 {
            self.recount_keys(index, 0, balance);
        }
    }
}

fn place(length: usize) -> u32 {
    u32::try_from(length).expect("no more places in a table than accounts")
}

/// The order of accounts on hand in a warehouse: (location path, lot name, status).
pub(crate) fn in_order(catalog: &Catalog, a: AccountId, b: AccountId) -> Ordering {
    let key = |id| {
        let key = catalog.account(id);
        (&catalog.location(key.location).path, &catalog.lot(key.lot).name, key.kind)
    };
    key(a).cmp(&key(b))
}
