//! Warehouses as a whole, for tiles: what they hold and what is wrong in them.

use crate::Views;
use crate::figures::Figures;
use crate::page::{InvalidCursor, Page, Paging, id_within, parse_cursor, render_cursor};
use ledger::LocationId;
use std::ops::Bound;
use std::sync::Arc;

/// Which warehouses to list.
#[derive(Clone, Copy, Debug, Default)]
pub struct WarehouseQuery<'a> {
    /// In this region only.
    pub region: Option<&'a str>,
    /// Items a page, 1,000 at most; 0 for 100.
    pub limit: usize,
    /// The `next` of the page before; `None` or empty for the first.
    pub cursor: Option<&'a str>,
}

/// A warehouse as a whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WarehouseItem {
    /// Its path.
    pub warehouse: Arc<str>,
    /// Its number.
    pub warehouse_id: LocationId,
    /// What people call it; empty when nobody said.
    pub name: Box<str>,
    /// The region; empty when nobody said.
    pub region: Box<str>,
    /// Whether somebody declared it.
    pub is_verified: bool,
    /// Base units of all products together, whatever they are.
    pub figures: Figures,
    /// Products of which something is on hand.
    pub products: u32,
    /// Stock keys (product, location, lot, status) that were ever used.
    pub stock_keys: u32,
    /// Of these, those whose figure is below zero.
    pub negative_keys: u32,
    /// Of these, those at zero.
    pub zero_keys: u32,
    /// Open recount tasks.
    pub recount_tasks: u32,
}

/// All warehouses together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Products known.
    pub products: usize,
    /// Warehouses known.
    pub warehouses: usize,
    /// Locations known, warehouses among them.
    pub locations: usize,
    /// Stock keys (product, location, lot, status) that were ever used.
    pub stock_keys: u64,
    /// Of these, those whose figure is below zero.
    pub negative_keys: u64,
    /// Of these, those at zero.
    pub zero_keys: u64,
    /// Open recount tasks.
    pub recount_tasks: usize,
    /// Open held inputs.
    pub held: usize,
    /// Pending reservations.
    pub reservations: usize,
}

impl Views {
    /// Lists warehouses by path.
    ///
    /// # Errors
    /// [`InvalidCursor`] when the cursor is of another list.
    pub fn warehouses(&self, query: &WarehouseQuery<'_>) -> Result<Page<WarehouseItem>, InvalidCursor> {
        let after = match parse_cursor('h', query.cursor)? {
            Some([id]) => {
                let id = LocationId(id_within(id, self.catalog.locations().len())?);
                Bound::Excluded(&*self.catalog.location(id).path)
            }
            None => Bound::Unbounded,
        };
        let mut paging = Paging::new(query.limit);
        for id in self.names.warehouses.range::<str, _>((after, Bound::Unbounded)).map(|(_, id)| *id) {
            let is_asked = query.region.is_none_or(|region| self.region_of(id) == region);
            let item = || if is_asked { self.warehouse_by_id(id) } else { None };
            if paging.look(id, item).is_break() {
                break;
            }
        }
        Ok(paging.finish(self.position, |id| render_cursor('h', &[u64::from(id.0)])))
    }

    /// The warehouse with this path; `None` when there is none.
    pub fn warehouse(&self, path: &str) -> Option<WarehouseItem> {
        self.warehouse_by_id(self.catalog.find_location(path)?)
    }

    /// The region of a location's warehouse; empty when nobody said.
    pub(crate) fn region_of(&self, location: LocationId) -> &str {
        let warehouse = self.catalog.location(location).warehouse;
        self.catalog.location(warehouse).card.as_ref().map_or("", |card| &card.region)
    }

    fn warehouse_by_id(&self, id: LocationId) -> Option<WarehouseItem> {
        let warehouse = self.stock.warehouse(id)?;
        let location = self.catalog.location(id);
        let card = location.card.as_deref();
        Some(WarehouseItem {
            warehouse: location.path.clone(),
            warehouse_id: id,
            name: card.map_or_else(Box::default, |card| card.name.clone()),
            region: self.region_of(id).into(),
            is_verified: card.is_some(),
            figures: warehouse.sums.figures(),
            products: warehouse.products,
            stock_keys: warehouse.stock_keys,
            negative_keys: warehouse.negative_keys,
            zero_keys: warehouse.zero_keys,
            recount_tasks: warehouse.tasks,
        })
    }

    /// Counts over everything.
    pub fn totals(&self) -> Totals {
        let mut totals = Totals {
            products: self.catalog.products().len(),
            warehouses: self.stock.warehouses.len(),
            locations: self.catalog.locations().len(),
            recount_tasks: self.tasks.open_tasks(),
            held: self.held.open_count(),
            reservations: self.reservations.pending(),
            ..Totals::default()
        };
        for warehouse in &self.stock.warehouses {
            totals.stock_keys += u64::from(warehouse.stock_keys);
            totals.negative_keys += u64::from(warehouse.negative_keys);
            totals.zero_keys += u64::from(warehouse.zero_keys);
        }
        totals
    }
}
