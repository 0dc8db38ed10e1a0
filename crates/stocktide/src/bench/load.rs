//! Made-up movements: the same for every measurement.

use ledger::{Body, Event, EventKind, Quantity, Request, Timestamp};
use wire::{Batch, KeyHasher};

/// Events of one batch.
pub(super) const BATCH: usize = 1_000;

/// Which products and places events are of.
pub(super) struct Keys {
    products: Vec<String>,
    locations: Vec<String>,
}

impl Keys {
    /// So many stock keys: a product at ten places each.
    pub(super) fn new(stock_keys: usize) -> Self {
        Self {
            products: (0..stock_keys.div_ceil(10)).map(|index| format!("SKU{index:06}")).collect(),
            locations: (0..10).map(|index| format!("warehouse_{}/bin-{index:02}", index % 3)).collect(),
        }
    }

    /// So many products at warehouses: a product in ten of them each.
    pub(super) fn by_warehouse(stock_keys: usize) -> Self {
        let locations = (0..10).map(|index| format!("warehouse_{index}")).collect();
        Self { locations, ..Self::new(stock_keys) }
    }

    /// Every product with each of its places.
    pub(super) fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        let locations = |product| self.locations.iter().map(move |location| (product, location.as_str()));
        self.products.iter().flat_map(move |product| locations(product.as_str()))
    }

    pub(super) fn len(&self) -> usize {
        self.products.len() * self.locations.len()
    }

    pub(super) fn product(&self, index: usize) -> &str {
        &self.products[index % self.products.len()]
    }
}

/// A stream of movements.
pub(super) struct Load<'k> {
    keys: &'k Keys,
    hasher: KeyHasher,
    number: u64,
    random: u64,
    /// When the first happened, and microseconds from one to the next.
    from: Timestamp,
    step_micros: i64,
}

impl<'k> Load<'k> {
    /// Movements that all happened just now.
    pub(super) fn new(keys: &'k Keys, hasher: KeyHasher, now: Timestamp) -> Self {
        Self::spread(keys, hasher, now, 0)
    }

    /// Movements from a time on, so many microseconds apart.
    pub(super) fn spread(keys: &'k Keys, hasher: KeyHasher, from: Timestamp, step_micros: i64) -> Self {
        Self { keys, hasher, number: 0, random: 1, from, step_micros }
    }

    /// A number below a bound, by a generator that costs nothing.
    pub(super) fn below(&mut self, bound: usize) -> usize {
        self.random = self.random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.random >> 33).expect("31 bits fit") % bound
    }

    /// Batches in which every stock key is filled once.
    pub(super) fn opening(&mut self) -> Vec<Batch> {
        let count = self.keys.len();
        let mut next = 0;
        self.batches_by(count, |_| {
            next += 1;
            ((next - 1) / 10, (next - 1) % 10, EventKind::ItemAdded, Quantity::units(1_000))
        })
    }

    /// Batches of movements at stock keys drawn evenly.
    pub(super) fn batches(&mut self, events: usize) -> Vec<Batch> {
        self.batches_by(events, |load| {
            let kind = if load.below(2) == 0 { EventKind::ItemAdded } else { EventKind::ItemRemoved };
            let (products, locations) = (load.keys.products.len(), load.keys.locations.len());
            (load.below(products), load.below(locations), kind, Quantity::units(3))
        })
    }

    fn batches_by(
        &mut self,
        events: usize,
        mut draw: impl FnMut(&mut Self) -> (usize, usize, EventKind, Quantity),
    ) -> Vec<Batch> {
        let mut batches = Vec::with_capacity(events.div_ceil(BATCH));
        let mut id = String::new();
        while batches.len() * BATCH < events {
            let mut batch = Batch::with_capacity(BATCH, BATCH * 48);
            // One device sends one batch.
            let source = format!("scanner-{:02}", batches.len() % 50);
            for _ in 0..BATCH.min(events - batches.len() * BATCH) {
                let (product, location, kind, quantity) = draw(self);
                self.number += 1;
                id.clear();
                id.push('e');
                id.push_str(itoa(self.number, &mut [0; 20]));
                let happened = i64::try_from(self.number).expect("fewer events than microseconds");
                let occurred_at = self.from.plus(happened * self.step_micros);
                let (product, location) = (&self.keys.products[product], &self.keys.locations[location]);
                let event = Event::new(kind, product, location, quantity);
                batch.push(&Request {
                    actor: "bench",
                    source: &source,
                    id: &id,
                    key: self.hasher.event(&source, &id, occurred_at, &event),
                    occurred_at,
                    historical: false,
                    resolves: None,
                    body: Body::Event(event),
                });
            }
            batches.push(batch);
        }
        batches
    }
}

fn itoa(mut number: u64, digits: &mut [u8; 20]) -> &str {
    let mut at = digits.len();
    loop {
        at -= 1;
        digits[at] = b'0' + u8::try_from(number % 10).expect("a digit");
        number /= 10;
        if number == 0 {
            return std::str::from_utf8(&digits[at..]).expect("digits are ASCII");
        }
    }
}

/// A batch as an NDJSON body.
pub(super) fn ndjson(batch: &Batch) -> Vec<u8> {
    let mut body = String::with_capacity(batch.len() * 160);
    for request in batch.iter() {
        body.push_str(&wire::event::render_event(&request));
        body.push('\n');
    }
    body.into_bytes()
}
