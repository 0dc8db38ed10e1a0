//! Names in order, and what is known of products, locations and reasons.

use crate::Views;
use crate::page::{InvalidCursor, Page, Paging, contains_ignoring_case, id_within, parse_cursor, render_cursor};
use ledger::{Catalog, Decision, LocationId, Name, ProductId, ReasonCard, Site, Unit};
use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;

/// The catalogue's names by their bytes.
#[derive(Debug, Default)]
pub(crate) struct Names {
    pub(crate) products: BTreeMap<Arc<str>, ProductId>,
    pub(crate) locations: BTreeMap<Arc<str>, LocationId>,
    pub(crate) warehouses: BTreeMap<Arc<str>, LocationId>,
}

impl Names {
    /// All names of a catalogue.
    pub(crate) fn of(catalog: &Catalog) -> Self {
        let products = catalog.products().map(|(id, product)| (product.name.clone(), id)).collect();
        let locations: BTreeMap<_, _> = catalog.locations().map(|(id, record)| (record.path.clone(), id)).collect();
        let is_warehouse = |id: LocationId| catalog.location(id).warehouse == id;
        let warehouses = locations.iter().filter(|(_, id)| is_warehouse(**id)).map(|(path, id)| (path.clone(), *id));
        Self { products, warehouses: warehouses.collect(), locations }
    }

    /// Takes in the names of a decision that the catalogue has taken in.
    pub(crate) fn take(&mut self, catalog: &Catalog, decision: &Decision) {
        for name in &decision.names {
            match name {
                Name::Product(text) => {
                    if let Some(id) = catalog.find_product(text) {
                        self.products.insert(text.clone(), id);
                    }
                }
                Name::Location(path) => {
                    if let Some(id) = catalog.find_location(path) {
                        self.locations.insert(path.clone(), id);
                        if catalog.location(id).warehouse == id {
                            self.warehouses.insert(path.clone(), id);
                        }
                    }
                }
                _ => {}
            }
        }
    }
}

/// Which products to list.
#[derive(Clone, Copy, Debug, Default)]
pub struct ProductQuery<'a> {
    /// Those whose id, name or GTIN contains this, whatever the case of its letters.
    pub search: Option<&'a str>,
    /// Those that somebody declared, or those that nobody did.
    pub is_verified: Option<bool>,
    /// Those of this category.
    pub category: Option<&'a str>,
    /// Items a page, 1,000 at most; 0 for 100.
    pub limit: usize,
    /// The `next` of the page before; `None` or empty for the first.
    pub cursor: Option<&'a str>,
}

/// What is known of a product.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProductItem {
    /// Its id, the user's own.
    pub product: Arc<str>,
    /// Its number.
    pub product_id: ProductId,
    /// What people call it; empty when nobody said.
    pub name: Box<str>,
    /// Its GTIN; empty when it has none.
    pub gtin: Box<str>,
    /// Its category; empty when nobody said.
    pub category: Box<str>,
    /// The unit that figures count.
    pub base_unit: Box<str>,
    /// The other units that quantities may come in.
    pub units: Vec<Unit>,
    /// Whether somebody declared it; otherwise it is known from events only.
    pub is_verified: bool,
    /// Whether a lot of it was ever named.
    pub has_lots: bool,
    /// In how many warehouses it ever was, or was expected.
    pub warehouses: usize,
}

/// Which locations to list.
#[derive(Clone, Copy, Debug, Default)]
pub struct LocationQuery<'a> {
    /// This warehouse and what it holds.
    pub warehouse: Option<&'a str>,
    /// Those in warehouses of this region.
    pub region: Option<&'a str>,
    /// Those whose path or name contains this, whatever the case of its letters.
    pub search: Option<&'a str>,
    /// Those that somebody declared, or those that nobody did.
    pub is_verified: Option<bool>,
    /// Items a page, 1,000 at most; 0 for 100.
    pub limit: usize,
    /// The `next` of the page before; `None` or empty for the first.
    pub cursor: Option<&'a str>,
}

/// What is known of a location.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LocationItem {
    /// Its path.
    pub location: Arc<str>,
    /// Its number.
    pub location_id: LocationId,
    /// The warehouse that it is in, or is.
    pub warehouse: Arc<str>,
    /// What people call it; empty when nobody said.
    pub name: Box<str>,
    /// Its warehouse's region; empty when nobody said.
    pub region: Box<str>,
    /// Its GLN; empty when it has none.
    pub gln: Box<str>,
    /// Where it is on the globe; `None` when nobody said.
    pub site: Option<Site>,
    /// Whether somebody declared it; otherwise it is known from events only.
    pub is_verified: bool,
    /// Whether it is a warehouse.
    pub is_warehouse: bool,
}

impl Views {
    /// Lists products by id.
    ///
    /// # Errors
    /// [`InvalidCursor`] when the cursor is of another list.
    pub fn products(&self, query: &ProductQuery<'_>) -> Result<Page<ProductItem>, InvalidCursor> {
        let after = match parse_cursor('p', query.cursor)? {
            Some([id]) => {
                let id = ProductId(id_within(id, self.catalog.products().len())?);
                Bound::Excluded(&*self.catalog.product(id).name)
            }
            None => Bound::Unbounded,
        };
        let search = query.search.map(str::to_lowercase);
        let mut paging = Paging::new(query.limit);
        for id in self.names.products.range::<str, _>((after, Bound::Unbounded)).map(|(_, id)| *id) {
            let is_asked = self.asks_for_product(query, search.as_deref(), id);
            if paging.look(id, || is_asked.then(|| self.product_by_id(id))).is_break() {
                break;
            }
        }
        Ok(paging.finish(self.position, |id| render_cursor('p', &[u64::from(id.0)])))
    }

    fn asks_for_product(&self, query: &ProductQuery<'_>, search: Option<&str>, id: ProductId) -> bool {
        let record = self.catalog.product(id);
        let card = record.card.as_deref();
        query.is_verified.is_none_or(|is_verified| is_verified == card.is_some())
            && query.category.is_none_or(|category| category == card.map_or("", |card| &card.category))
            && search.is_none_or(|search| {
                contains_ignoring_case(&record.name, search)
                    || card.is_some_and(|card| {
                        contains_ignoring_case(&card.name, search) || contains_ignoring_case(&card.gtin, search)
                    })
            })
    }

    /// What is known of the product of this id; `None` when it was never named.
    pub fn product(&self, name: &str) -> Option<ProductItem> {
        self.catalog.find_product(name).map(|id| self.product_by_id(id))
    }

    fn product_by_id(&self, id: ProductId) -> ProductItem {
        let record = self.catalog.product(id);
        let card = record.card.as_deref().cloned().unwrap_or_default();
        ProductItem {
            product: record.name.clone(),
            product_id: id,
            name: card.name,
            gtin: card.gtin,
            category: card.category,
            base_unit: record.base_unit().into(),
            units: card.units,
            is_verified: record.card.is_some(),
            has_lots: record.has_lots,
            warehouses: self.stock.shelves_of(id).len(),
        }
    }

    /// Lists locations by path.
    ///
    /// # Errors
    /// [`InvalidCursor`] when the cursor is of another list.
    pub fn locations(&self, query: &LocationQuery<'_>) -> Result<Page<LocationItem>, InvalidCursor> {
        let after = match parse_cursor('o', query.cursor)? {
            Some([id]) => Some(LocationId(id_within(id, self.catalog.locations().len())?)),
            None => None,
        };
        let search = query.search.map(str::to_lowercase);
        let mut paging = Paging::new(query.limit);
        for id in self.locations_after(query.warehouse, after) {
            let is_asked = self.asks_for_location(query, search.as_deref(), id);
            if paging.look(id, || is_asked.then(|| self.location_by_id(id))).is_break() {
                break;
            }
        }
        Ok(paging.finish(self.position, |id| render_cursor('o', &[u64::from(id.0)])))
    }

    /// Locations by path, from the one after `after` on: all, or a warehouse and what it holds.
    fn locations_after<'a>(
        &'a self,
        warehouse: Option<&str>,
        after: Option<LocationId>,
    ) -> Box<dyn Iterator<Item = LocationId> + 'a> {
        let table = &self.names.locations;
        let after = after.map(|id| &*self.catalog.location(id).path);
        let start = |start: String| match after {
            Some(after) if *after >= *start => Bound::Excluded(after.to_owned()),
            _ => Bound::Included(start),
        };
        let Some(warehouse) = warehouse else {
            let start = after.map_or(Bound::Unbounded, Bound::Excluded);
            return Box::new(table.range::<str, _>((start, Bound::Unbounded)).map(|(_, id)| *id));
        };
        let itself = table.get(warehouse).filter(|_| after.is_none_or(|after| after < warehouse));
        // `0` is the letter after `/`: between them lies all that begins with the warehouse and a slash.
        let inside = (start(format!("{warehouse}/")), Bound::Excluded(format!("{warehouse}0")));
        let is_empty = matches!(&inside.0, Bound::Excluded(after) if *after >= format!("{warehouse}0"));
        let inside = (!is_empty).then(|| {
            table.range::<str, _>((inside.0.as_ref().map(String::as_str), inside.1.as_ref().map(String::as_str)))
        });
        Box::new(itself.into_iter().chain(inside.into_iter().flatten().map(|(_, id)| id)).copied())
    }

    fn asks_for_location(&self, query: &LocationQuery<'_>, search: Option<&str>, id: LocationId) -> bool {
        let record = self.catalog.location(id);
        let card = record.card.as_deref();
        query.is_verified.is_none_or(|is_verified| is_verified == card.is_some())
            && query.region.is_none_or(|region| self.region_of(id) == region)
            && search.is_none_or(|search| {
                contains_ignoring_case(&record.path, search)
                    || card.is_some_and(|card| contains_ignoring_case(&card.name, search))
            })
    }

    /// What is known of the location with this path; `None` when it was never named.
    pub fn location(&self, path: &str) -> Option<LocationItem> {
        self.catalog.find_location(path).map(|id| self.location_by_id(id))
    }

    fn location_by_id(&self, id: LocationId) -> LocationItem {
        let record = self.catalog.location(id);
        let card = record.card.as_deref();
        LocationItem {
            location: record.path.clone(),
            location_id: id,
            warehouse: self.catalog.location(record.warehouse).path.clone(),
            name: card.map_or_else(Box::default, |card| card.name.clone()),
            region: self.region_of(id).into(),
            gln: card.map_or_else(Box::default, |card| card.gln.clone()),
            site: card.and_then(|card| card.site),
            is_verified: card.is_some(),
            is_warehouse: record.warehouse == id,
        }
    }

    /// Every reason: shipped ones first, then declared ones by time. There are few.
    pub fn reasons(&self) -> Vec<ReasonCard> {
        self.catalog.reasons().map(|(_, reason)| reason.clone()).collect()
    }
}
