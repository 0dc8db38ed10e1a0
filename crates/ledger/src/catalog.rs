//! The catalogue: every name the journal ever used, its number, and what has been declared of it.
//!
//! It changes only by the names and cards of decisions, in journal order, so that two catalogues that applied the same
//! decisions number everything alike. The state and each view keep one.

use crate::{
    AccountId, AccountKey, AccountKind, Day, Decision, DeviceCard, Effect, LocationCard, LocationId, LotId, Name,
    PartyId, ProductCard, ProductId, ReasonCard, ReasonId, RuleCard, SerialId, UnitId, reason,
};
use foldhash::fast::FixedState;
use hashbrown::HashTable;
use std::collections::BTreeMap;
use std::hash::BuildHasher;
use std::ops::Bound;
use std::sync::Arc;

/// A product and what is known of it.
#[derive(Clone, Debug)]
pub struct Product {
    /// The user's id.
    pub name: Arc<str>,
    /// What was declared; `None` for a product known only from events (unverified).
    pub card: Option<Box<ProductCard>>,
    /// Whether a lot of it was ever named.
    pub has_lots: bool,
    /// Whether stock of it was ever kept: then its base unit is fixed.
    pub has_accounts: bool,
}

impl Product {
    /// The name of the base unit; `each` unless declared otherwise.
    pub fn base_unit(&self) -> &str {
        match &self.card {
            Some(card) if !card.base_unit.is_empty() => &card.base_unit,
            _ => "each",
        }
    }
}

/// A location and what is known of it.
#[derive(Clone, Debug)]
pub struct Location {
    /// Its path.
    pub path: Arc<str>,
    /// The warehouse that it is in, or is.
    pub warehouse: LocationId,
    /// What was declared; `None` for a location known only from events (unverified).
    pub card: Option<Box<LocationCard>>,
}

/// A lot of a product.
#[derive(Clone, Debug)]
pub struct Lot {
    /// Whose lot.
    pub product: ProductId,
    /// Its name.
    pub name: Arc<str>,
    /// When it expires; the earliest date given.
    pub expiry: Option<Day>,
}

/// A serialised unit's name.
#[derive(Clone, Debug)]
pub struct Serial {
    /// Whose unit.
    pub product: ProductId,
    /// Its serial number.
    pub name: Arc<str>,
}

/// Finds numbers by a hash computed by the caller.
#[derive(Clone, Debug, Default)]
pub(crate) struct Index(HashTable<u32>);

impl Index {
    pub(crate) fn find(&self, hash: u64, mut is: impl FnMut(usize) -> bool) -> Option<u32> {
        self.0.find(hash, |id| is(*id as usize)).copied()
    }

    pub(crate) fn insert(&mut self, hash: u64, id: u32, rehash: impl Fn(usize) -> u64) {
        self.0.insert_unique(hash, id, |id| rehash(*id as usize));
    }

    pub(crate) fn memory_bytes(&self) -> usize {
        self.0.allocation_size()
    }
}

/// No next account in a shelf's chain.
const END: u32 = u32::MAX;

/// Every name and its number. See the module.
#[derive(Clone, Debug)]
pub struct Catalog {
    pub(crate) seed: u64,
    hasher: FixedState,
    pub(crate) products: Vec<Product>,
    product_index: Index,
    pub(crate) locations: Vec<Location>,
    location_index: Index,
    pub(crate) lots: Vec<Lot>,
    lot_index: Index,
    pub(crate) serials: Vec<Serial>,
    serial_index: Index,
    pub(crate) parties: Vec<Arc<str>>,
    party_index: Index,
    pub(crate) units: Vec<Arc<str>>,
    unit_index: Index,
    pub(crate) reasons: Vec<ReasonCard>,
    pub(crate) devices: BTreeMap<Box<str>, DeviceCard>,
    pub(crate) rules: BTreeMap<Box<str>, RuleCard>,
    /// Products by their GTIN of 14 digits, and locations by their GLN; of several, the one that was named first.
    gtins: BTreeMap<Box<str>, ProductId>,
    glns: BTreeMap<Box<str>, LocationId>,
    pub(crate) accounts: Vec<AccountKey>,
    /// Keys and ids together: an account is looked for with every movement.
    account_index: HashTable<(AccountKey, u32)>,
    /// For each account the one before it on the same shelf.
    next_on_shelf: Vec<u32>,
    /// The newest account of each product and warehouse: the start of its chain.
    shelves: Vec<u32>,
    shelf_index: Index,
}

impl Catalog {
    /// An empty catalogue with the shipped reason codes. `seed` orders the hash tables and nothing else.
    pub fn new(seed: u64) -> Self {
        Self {
            seed,
            hasher: FixedState::with_seed(seed),
            products: Vec::new(),
            product_index: Index::default(),
            locations: Vec::new(),
            location_index: Index::default(),
            lots: vec![Lot { product: ProductId(0), name: Arc::from(""), expiry: None }],
            lot_index: Index::default(),
            serials: Vec::new(),
            serial_index: Index::default(),
            parties: Vec::new(),
            party_index: Index::default(),
            units: Vec::new(),
            unit_index: Index::default(),
            reasons: reason::shipped(),
            devices: BTreeMap::new(),
            rules: BTreeMap::new(),
            gtins: BTreeMap::new(),
            glns: BTreeMap::new(),
            accounts: Vec::new(),
            account_index: HashTable::new(),
            next_on_shelf: Vec::new(),
            shelves: Vec::new(),
            shelf_index: Index::default(),
        }
    }

    /// The product of this id. Ids come from the same journal.
    pub fn product(&self, id: ProductId) -> &Product {
        &self.products[id.index()]
    }

    /// The location of this id.
    pub fn location(&self, id: LocationId) -> &Location {
        &self.locations[id.index()]
    }

    /// The lot of this id; for [`LotId::NONE`] one with an empty name.
    pub fn lot(&self, id: LotId) -> &Lot {
        &self.lots[id.index()]
    }

    /// The serialised unit of this id.
    pub fn serial(&self, id: SerialId) -> &Serial {
        &self.serials[id.index()]
    }

    /// The name of a source or actor.
    pub fn party(&self, id: PartyId) -> &str {
        &self.parties[id.index()]
    }

    /// The name of a handling unit.
    pub fn unit(&self, id: UnitId) -> &Arc<str> {
        &self.units[id.index()]
    }

    /// How many lots there are, the one that stands for none included; their ids are those below.
    pub fn lots(&self) -> usize {
        self.lots.len()
    }

    /// How many handling units were ever named; their ids are those below.
    pub fn units(&self) -> usize {
        self.units.len()
    }

    /// The reason of this id.
    pub fn reason(&self, id: ReasonId) -> &ReasonCard {
        &self.reasons[id.index()]
    }

    /// What the account of this id is of.
    pub fn account(&self, id: AccountId) -> AccountKey {
        self.accounts[id.index()]
    }

    /// The warehouse that an account belongs to.
    pub fn warehouse_of(&self, id: AccountId) -> LocationId {
        self.location(self.account(id).location).warehouse
    }

    /// Every product with its id, in order of first use.
    pub fn products(&self) -> impl ExactSizeIterator<Item = (ProductId, &Product)> {
        self.products.iter().enumerate().map(|(index, product)| (ProductId::at(index), product))
    }

    /// Every location with its id, in order of first use.
    pub fn locations(&self) -> impl ExactSizeIterator<Item = (LocationId, &Location)> {
        self.locations.iter().enumerate().map(|(index, location)| (LocationId::at(index), location))
    }

    /// Every account with its id, in order of first use.
    pub fn accounts(&self) -> impl ExactSizeIterator<Item = (AccountId, AccountKey)> {
        self.accounts.iter().enumerate().map(|(index, key)| (AccountId::at(index), *key))
    }

    /// Every reason with its id, shipped ones first.
    pub fn reasons(&self) -> impl ExactSizeIterator<Item = (ReasonId, &ReasonCard)> {
        self.reasons.iter().enumerate().map(|(index, reason)| (ReasonId::at(index), reason))
    }

    /// The product called `name`.
    pub fn find_product(&self, name: &str) -> Option<ProductId> {
        let hash = self.hasher.hash_one(name);
        self.product_index.find(hash, |at| &*self.products[at].name == name).map(ProductId)
    }

    /// The location with this path.
    pub fn find_location(&self, path: &str) -> Option<LocationId> {
        let hash = self.hasher.hash_one(path);
        self.location_index.find(hash, |at| &*self.locations[at].path == path).map(LocationId)
    }

    /// The lot of `product` called `name`; [`LotId::NONE`] for the empty name.
    pub fn find_lot(&self, product: ProductId, name: &str) -> Option<LotId> {
        if name.is_empty() {
            return Some(LotId::NONE);
        }
        let hash = self.hasher.hash_one((product, name));
        let is = |at: usize| self.lots[at].product == product && &*self.lots[at].name == name;
        self.lot_index.find(hash, is).map(LotId)
    }

    /// The unit of `product` with this serial number.
    pub fn find_serial(&self, product: ProductId, name: &str) -> Option<SerialId> {
        let hash = self.hasher.hash_one((product, name));
        let is = |at: usize| self.serials[at].product == product && &*self.serials[at].name == name;
        self.serial_index.find(hash, is).map(SerialId)
    }

    /// The source or actor called `name`.
    pub fn find_party(&self, name: &str) -> Option<PartyId> {
        let hash = self.hasher.hash_one(name);
        self.party_index.find(hash, |at| &*self.parties[at] == name).map(PartyId)
    }

    /// The handling unit called `name`.
    pub fn find_unit(&self, name: &str) -> Option<UnitId> {
        let hash = self.hasher.hash_one(name);
        self.unit_index.find(hash, |at| &*self.units[at] == name).map(UnitId)
    }

    /// The reason with this code. There are few, so they are looked through.
    pub fn find_reason(&self, code: &str) -> Option<ReasonId> {
        self.reasons.iter().position(|reason| &*reason.code == code).map(ReasonId::at)
    }

    /// The product whose card has this GTIN, of 8 to 14 digits; of several, the one that was named first.
    pub fn find_gtin(&self, gtin: &str) -> Option<ProductId> {
        self.gtins.get(&gtin14(gtin)).copied()
    }

    /// The location whose card has this GLN; of several, the one that was named first.
    pub fn find_gln(&self, gln: &str) -> Option<LocationId> {
        self.glns.get(gln).copied()
    }

    /// What was declared of the device called `name`.
    pub fn device(&self, name: &str) -> Option<&DeviceCard> {
        self.devices.get(name)
    }

    /// Every declared device, by name.
    pub fn devices(&self) -> impl ExactSizeIterator<Item = &DeviceCard> {
        self.devices.values()
    }

    /// The declared rule of this id.
    pub fn rule(&self, rule: &str) -> Option<&RuleCard> {
        self.rules.get(rule)
    }

    /// Every declared rule, by id.
    pub fn rules(&self) -> impl ExactSizeIterator<Item = &RuleCard> {
        self.rules.values()
    }

    /// The declared rules whose ids come after `after`, by id.
    pub fn rules_after(&self, after: &str) -> impl Iterator<Item = &RuleCard> {
        self.rules.range::<str, _>((Bound::Excluded(after), Bound::Unbounded)).map(|(_, card)| card)
    }

    /// The account of this key.
    pub fn find_account(&self, key: AccountKey) -> Option<AccountId> {
        let hash = self.hash_account(key);
        self.account_index.find(hash, |(other, _)| *other == key).map(|(_, id)| AccountId(*id))
    }

    /// The accounts of a product in a warehouse, newest first.
    pub fn shelf(&self, product: ProductId, warehouse: LocationId) -> impl Iterator<Item = AccountId> {
        let mut next = self.find_shelf(product, warehouse).map_or(END, |shelf| self.shelves[shelf as usize]);
        std::iter::from_fn(move || {
            let id = (next != END).then_some(AccountId(next))?;
            next = self.next_on_shelf[id.index()];
            Some(id)
        })
    }

    /// Takes in the names and cards of a decision.
    pub fn apply(&mut self, decision: &Decision) {
        for name in &decision.names {
            self.intern(name);
        }
        for effect in &decision.effects {
            self.learn(effect);
        }
    }

    fn learn(&mut self, effect: &Effect) {
        match effect {
            Effect::Product(card) => {
                if let Some(id) = self.find_product(&card.product) {
                    self.card_product(id, card);
                }
            }
            Effect::Location(card) => {
                if let Some(id) = self.find_location(&card.location) {
                    self.card_location(id, card);
                }
            }
            Effect::Reason(card) => match self.find_reason(&card.code) {
                Some(id) => self.reasons[id.index()] = (**card).clone(),
                None => self.reasons.push((**card).clone()),
            },
            Effect::Device(card) => {
                self.devices.insert(card.device.clone(), (**card).clone());
            }
            Effect::Rule(card) => {
                self.rules.insert(card.rule.clone(), (**card).clone());
            }
            Effect::RuleWithdrawn { rule } => {
                self.rules.remove(rule);
            }
            Effect::LotExpires(lot, day) => self.lots[lot.index()].expiry = Some(*day),
            _ => {}
        }
    }

    /// Lets a product be found by the GTIN of its card.
    pub(crate) fn index_gtin(&mut self, id: ProductId) {
        let gtin = self.products[id.index()].card.as_ref().map_or("", |card| &*card.gtin);
        if !gtin.is_empty() {
            let first = self.gtins.entry(gtin14(gtin)).or_insert(id);
            *first = (*first).min(id);
        }
    }

    /// Lets a location be found by the GLN of its card.
    pub(crate) fn index_gln(&mut self, id: LocationId) {
        let gln = self.locations[id.index()].card.as_ref().map_or("", |card| &*card.gln);
        if !gln.is_empty() {
            let first = self.glns.entry(gln.into()).or_insert(id);
            *first = (*first).min(id);
        }
    }

    /// Takes a card in; what had the product's GTIN before is found by it again.
    fn card_product(&mut self, id: ProductId, card: &ProductCard) {
        let before = self.products[id.index()].card.replace(Box::new(card.clone()));
        let old = before.map_or(Box::default(), |card| gtin14(&card.gtin));
        if old != gtin14(&card.gtin) && self.gtins.get(&old) == Some(&id) {
            let has_old = |product: &Product| product.card.as_ref().is_some_and(|card| gtin14(&card.gtin) == old);
            match self.products.iter().position(has_old) {
                Some(other) => self.gtins.insert(old, ProductId::at(other)),
                None => self.gtins.remove(&old),
            };
        }
        self.index_gtin(id);
    }

    /// Takes a card in; what had the location's GLN before is found by it again.
    fn card_location(&mut self, id: LocationId, card: &LocationCard) {
        let before = self.locations[id.index()].card.replace(Box::new(card.clone()));
        let old = before.map_or(Box::default(), |card| card.gln);
        if old != card.gln && self.glns.get(&old) == Some(&id) {
            let has_old = |location: &Location| location.card.as_ref().is_some_and(|card| card.gln == old);
            match self.locations.iter().position(has_old) {
                Some(other) => self.glns.insert(old, LocationId::at(other)),
                None => self.glns.remove(&old),
            };
        }
        self.index_gln(id);
    }

    /// Gives a name the next number of its kind.
    pub(crate) fn intern(&mut self, name: &Name) {
        let hasher = &self.hasher;
        match name {
            Name::Product(text) => {
                let id = ProductId::at(self.products.len()).0;
                self.products.push(Product { name: text.clone(), card: None, has_lots: false, has_accounts: false });
                let products = &self.products;
                self.product_index.insert(hasher.hash_one(&**text), id, |at| hasher.hash_one(&*products[at].name));
            }
            Name::Location(path) => self.intern_location(path),
            Name::Lot(product, text) => {
                let id = LotId::at(self.lots.len()).0;
                self.lots.push(Lot { product: *product, name: text.clone(), expiry: None });
                self.products[product.index()].has_lots = true;
                let lots = &self.lots;
                self.lot_index.insert(hasher.hash_one((*product, &**text)), id, |at| {
                    hasher.hash_one((lots[at].product, &*lots[at].name))
                });
            }
            Name::Serial(product, text) => {
                let id = SerialId::at(self.serials.len()).0;
                self.serials.push(Serial { product: *product, name: text.clone() });
                let serials = &self.serials;
                self.serial_index.insert(hasher.hash_one((*product, &**text)), id, |at| {
                    hasher.hash_one((serials[at].product, &*serials[at].name))
                });
            }
            Name::Party(text) => {
                let id = PartyId::at(self.parties.len()).0;
                self.parties.push(text.clone());
                let parties = &self.parties;
                self.party_index.insert(hasher.hash_one(&**text), id, |at| hasher.hash_one(&*parties[at]));
            }
            Name::Account(key) => self.intern_account(*key),
            Name::Unit(text) => {
                let id = UnitId::at(self.units.len()).0;
                self.units.push(text.clone());
                let units = &self.units;
                self.unit_index.insert(hasher.hash_one(&**text), id, |at| hasher.hash_one(&*units[at]));
            }
        }
    }

    fn intern_location(&mut self, path: &Arc<str>) {
        let hasher = &self.hasher;
        let id = LocationId::at(self.locations.len());
        let warehouse = match path.split_once('/') {
            Some((first, _)) => self.find_location(first).expect("a warehouse is named before what it holds"),
            None => id,
        };
        self.locations.push(Location { path: path.clone(), warehouse, card: None });
        let locations = &self.locations;
        self.location_index.insert(hasher.hash_one(&**path), id.0, |at| hasher.hash_one(&*locations[at].path));
    }

    fn intern_account(&mut self, key: AccountKey) {
        let hasher = &self.hasher;
        let id = AccountId::at(self.accounts.len()).0;
        self.accounts.push(key);
        self.products[key.product.index()].has_accounts = true;
        self.account_index.insert_unique(hash_account(hasher, key), (key, id), |(key, _)| hash_account(hasher, *key));
        let warehouse = self.location(key.location).warehouse;
        match self.find_shelf(key.product, warehouse) {
            Some(shelf) => {
                self.next_on_shelf.push(self.shelves[shelf as usize]);
                self.shelves[shelf as usize] = id;
            }
            None => {
                let shelf = u32::try_from(self.shelves.len()).expect("no more shelves than accounts");
                self.next_on_shelf.push(END);
                self.shelves.push(id);
                let (shelves, accounts, locations) = (&self.shelves, &self.accounts, &self.locations);
                self.shelf_index.insert(hasher.hash_one((key.product, warehouse)), shelf, |at| {
                    let key = accounts[shelves[at] as usize];
                    hasher.hash_one((key.product, locations[key.location.index()].warehouse))
                });
            }
        }
    }

    fn find_shelf(&self, product: ProductId, warehouse: LocationId) -> Option<u32> {
        let hash = self.hasher.hash_one((product, warehouse));
        self.shelf_index.find(hash, |at| {
            let key = self.accounts[self.shelves[at] as usize];
            key.product == product && self.locations[key.location.index()].warehouse == warehouse
        })
    }

    fn hash_account(&self, key: AccountKey) -> u64 {
        hash_account(&self.hasher, key)
    }

    /// The bytes of memory that the tables take, names counted once.
    pub fn memory_bytes(&self) -> usize {
        let names = |texts: &mut dyn Iterator<Item = usize>| texts.map(|length| length + 16).sum::<usize>();
        names(&mut self.products.iter().map(|p| p.name.len()))
            + names(&mut self.locations.iter().map(|l| l.path.len()))
            + names(&mut self.lots.iter().map(|l| l.name.len()))
            + names(&mut self.serials.iter().map(|s| s.name.len()))
            + names(&mut self.units.iter().map(|unit| unit.len()))
            + self.products.capacity() * size_of::<Product>()
            + self.locations.capacity() * size_of::<Location>()
            + self.lots.capacity() * size_of::<Lot>()
            + self.serials.capacity() * size_of::<Serial>()
            + self.accounts.capacity() * size_of::<AccountKey>()
            + (self.next_on_shelf.capacity() + self.shelves.capacity()) * size_of::<u32>()
            + self.product_index.memory_bytes()
            + self.location_index.memory_bytes()
            + self.lot_index.memory_bytes()
            + self.serial_index.memory_bytes()
            + self.unit_index.memory_bytes()
            + self.account_index.allocation_size()
            + self.shelf_index.memory_bytes()
    }
}

/// A GTIN of fewer digits with the zeros that make it 14.
fn gtin14(gtin: &str) -> Box<str> {
    if gtin.is_empty() {
        return Box::default();
    }
    format!("{gtin:0>14}").into()
}

fn hash_account(hasher: &FixedState, key: AccountKey) -> u64 {
    let high = (u64::from(key.product.0) << 32) | u64::from(key.location.0);
    let low = (u64::from(key.lot.0) << 8) | u64::from(key.kind as u8);
    hasher.hash_one((high, low))
}

impl AccountKey {
    /// The account of the same product, lot and warehouse that stands for `kind`.
    pub fn nominal(self, kind: AccountKind, warehouse: LocationId) -> Self {
        Self { kind, location: warehouse, ..self }
    }
}
