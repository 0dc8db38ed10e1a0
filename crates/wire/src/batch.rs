//! Many requests in one piece of memory: what a sender handed over, owned, on its way to the engine.
//!
//! All text lies in one buffer and every item is a fixed record of ranges into it, so that taking in an event
//! allocates nothing once the buffers have grown. A batch knows nothing of formats and judges nothing.
//!
//! Invariant: every range lies on character boundaries of the text buffer, so `get` can't fail on an index below `len`.

use ledger::{Body, Command, Day, Event, EventKind, Key, Position, Quantity, Request, Status, Timestamp};

/// Where a text lies in the buffer.
#[derive(Clone, Copy, Debug, Default)]
struct Range {
    start: u32,
    length: u32,
}

/// What the body of an item is.
#[derive(Clone, Copy, Debug)]
enum Kind {
    Event(EventKind),
    Command,
}

/// One request, as ranges. What plain events seldom carry stands in [`Extra`].
#[derive(Clone, Debug)]
struct Item {
    actor: Range,
    source: Range,
    id: Range,
    product: Range,
    location: Range,
    reason: Range,
    reference: Range,
    /// The halves of the id, high first, then the content: a `u128` would align the record to 16 bytes.
    key: [u64; 3],
    occurred_at: Timestamp,
    quantity: Quantity,
    /// Of a command: its place in `commands`. Of an event: its place in `extras`, or `NO_EXTRA`.
    side: u32,
    kind: Kind,
    historical: bool,
}

/// There is no extra record.
const NO_EXTRA: u32 = u32::MAX;

/// The fields that few events carry.
#[derive(Clone, Debug)]
struct Extra {
    to: Range,
    unit: Range,
    lot: Range,
    serials: Range,
    expiry: Option<Day>,
    status: Status,
    to_status: Option<Status>,
    expected_at: Option<Timestamp>,
    handling_unit: Range,
    units: Range,
}

/// A command and the text-free rest of its request.
#[derive(Clone, Debug)]
struct Asked {
    command: Box<Command>,
    /// What the command holds on the heap, in bytes, about.
    heap_bytes: usize,
}

/// Owned requests in one text arena.
///
/// ```
/// use ledger::{Body, Event, EventKind, Key, Quantity, Request, Timestamp};
/// let mut batch = wire::Batch::new();
/// batch.push(&Request {
///     actor: "ann",
///     source: "till-3",
///     id: "1",
///     key: Key::default(),
///     occurred_at: Timestamp(0),
///     historical: false,
///     resolves: None,
///     body: Body::Event(Event::new(EventKind::ItemRemoved, "SKU123", "warehouse_A", Quantity::units(5))),
/// });
/// assert_eq!(batch.get(0).source, "till-3");
/// ```
#[derive(Clone, Debug, Default)]
pub struct Batch {
    text: String,
    items: Vec<Item>,
    extras: Vec<Extra>,
    commands: Vec<Asked>,
    /// (index of the item, the held input that it mends), ascending: few requests mend one.
    resolves: Vec<(u32, Position)>,
}

impl Batch {
    /// A batch without requests; allocates nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// An empty batch with room for `events` requests whose texts together have `bytes` bytes.
    pub fn with_capacity(events: usize, bytes: usize) -> Self {
        Self { text: String::with_capacity(bytes), items: Vec::with_capacity(events), ..Self::default() }
    }

    /// How many requests it holds.
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// Whether it holds none.
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// Forgets all requests and keeps the memory for the next ones.
    pub fn clear(&mut self) {
        self.text.clear();
        self.items.clear();
        self.extras.clear();
        self.commands.clear();
        self.resolves.clear();
    }

    /// The memory that the batch occupies, in bytes, room to grow included; within a few bytes a command.
    pub fn memory_bytes(&self) -> usize {
        let command_bytes: usize = self.commands.iter().map(|asked| asked.heap_bytes).sum();
        self.text.capacity()
            + self.items.capacity() * size_of::<Item>()
            + self.extras.capacity() * size_of::<Extra>()
            + self.commands.capacity() * size_of::<Asked>()
            + self.resolves.capacity() * size_of::<(u32, Position)>()
            + command_bytes
    }

    /// Adds a copy of `request` at the end.
    ///
    /// # Panics
    /// When all texts together pass 4 GiB; whoever reads from outside keeps a batch far below that.
    pub fn push(&mut self, request: &Request<'_>) {
        let item = match request.body {
            Body::Event(event) => self.event_item(request, &event),
            Body::Command(command) => self.command_item(request, command.clone()),
        };
        self.finish(item, request.resolves);
    }

    /// Adds a command without copying it.
    ///
    /// # Panics
    /// As [`Batch::push`].
    pub fn push_command(
        &mut self,
        actor: &str,
        source: &str,
        id: &str,
        key: Key,
        occurred_at: Timestamp,
        command: Command,
    ) {
        let body = Body::Event(Event::new(EventKind::ItemAdded, "", "", Quantity::ZERO));
        let request = Request { actor, source, id, key, occurred_at, historical: false, resolves: None, body };
        self.push_request_command(&request, command);
    }

    /// As [`Batch::push_command`], with all that a request says; its own body is not looked at.
    pub(crate) fn push_request_command(&mut self, request: &Request<'_>, command: Command) {
        let item = self.command_item(request, command);
        self.finish(item, request.resolves);
    }

    fn finish(&mut self, item: Item, resolves: Option<Position>) {
        let index = count_u32(self.items.len());
        self.items.push(item);
        if let Some(position) = resolves {
            self.resolves.push((index, position));
        }
    }

    fn event_item(&mut self, request: &Request<'_>, event: &Event<'_>) -> Item {
        let mut item = self.blank_item(request, Kind::Event(event.kind));
        item.product = self.add(event.product);
        // Neighbours mostly name one place and reason: they share the text.
        let last = self.items.last().map(|last| (last.location, last.reason));
        item.location = self.share(event.location, last.map(|(location, _)| location));
        item.reason = self.share(event.reason, last.map(|(_, reason)| reason));
        item.reference = self.add(event.reference);
        item.quantity = event.quantity;
        let plain = event.to.is_empty()
            && event.unit.is_empty()
            && event.lot.is_empty()
            && event.serials.is_empty()
            && event.expiry.is_none()
            && event.status == Status::Available
            && event.to_status.is_none()
            && event.expected_at.is_none()
            && event.handling_unit.is_empty()
            && event.units.is_empty();
        if !plain {
            item.side = count_u32(self.extras.len());
            let extra = Extra {
                to: self.add(event.to),
                unit: self.add(event.unit),
                lot: self.add(event.lot),
                serials: self.add(event.serials),
                expiry: event.expiry,
                status: event.status,
                to_status: event.to_status,
                expected_at: event.expected_at,
                handling_unit: self.add(event.handling_unit),
                units: self.add(event.units),
            };
            self.extras.push(extra);
        }
        item
    }

    fn command_item(&mut self, request: &Request<'_>, command: Command) -> Item {
        let mut item = self.blank_item(request, Kind::Command);
        item.side = count_u32(self.commands.len());
        let heap_bytes = size_of::<Command>() + command_heap_bytes(&command);
        self.commands.push(Asked { command: Box::new(command), heap_bytes });
        item
    }

    #[expect(clippy::cast_possible_truncation, reason = "the two halves of the id")]
    fn blank_item(&mut self, request: &Request<'_>, kind: Kind) -> Item {
        let last = self.items.last().map(|last| (last.actor, last.source));
        Item {
            actor: self.share(request.actor, last.map(|(actor, _)| actor)),
            source: self.share(request.source, last.map(|(_, source)| source)),
            id: self.add(request.id),
            product: Range::default(),
            location: Range::default(),
            reason: Range::default(),
            reference: Range::default(),
            key: [(request.key.id >> 64) as u64, request.key.id as u64, request.key.content],
            occurred_at: request.occurred_at,
            quantity: Quantity::ZERO,
            side: NO_EXTRA,
            kind,
            historical: request.historical,
        }
    }

    fn add(&mut self, text: &str) -> Range {
        if text.is_empty() {
            return Range::default();
        }
        let start = count_u32(self.text.len());
        self.text.push_str(text);
        Range { start, length: count_u32(self.text.len()) - start }
    }

    fn share(&mut self, text: &str, last: Option<Range>) -> Range {
        match last {
            Some(range) if self.text(range) == text => range,
            _ => self.add(text),
        }
    }

    fn text(&self, range: Range) -> &str {
        let start = range.start as usize;
        &self.text[start..start + range.length as usize]
    }

    /// The request at `index`, from 0, in the order of the pushes.
    ///
    /// # Panics
    /// When `index` is not below [`Batch::len`].
    pub fn get(&self, index: usize) -> Request<'_> {
        let item = &self.items[index];
        let body = match item.kind {
            Kind::Command => Body::Command(&self.commands[item.side as usize].command),
            Kind::Event(kind) => Body::Event(self.event(item, kind)),
        };
        Request {
            actor: self.text(item.actor),
            source: self.text(item.source),
            id: self.text(item.id),
            key: Key { id: (u128::from(item.key[0]) << 64) | u128::from(item.key[1]), content: item.key[2] },
            occurred_at: item.occurred_at,
            historical: item.historical,
            resolves: self.resolved_by(index),
            body,
        }
    }

    fn event(&self, item: &Item, kind: EventKind) -> Event<'_> {
        let mut event = Event::new(kind, self.text(item.product), self.text(item.location), item.quantity);
        event.reason = self.text(item.reason);
        event.reference = self.text(item.reference);
        if item.side != NO_EXTRA {
            let extra = &self.extras[item.side as usize];
            event.to = self.text(extra.to);
            event.unit = self.text(extra.unit);
            event.lot = self.text(extra.lot);
            event.serials = self.text(extra.serials);
            event.expiry = extra.expiry;
            event.status = extra.status;
            event.to_status = extra.to_status;
            event.expected_at = extra.expected_at;
            event.handling_unit = self.text(extra.handling_unit);
            event.units = self.text(extra.units);
        }
        event
    }

    fn resolved_by(&self, index: usize) -> Option<Position> {
        if self.resolves.is_empty() {
            return None;
        }
        let found = self.resolves.binary_search_by_key(&index, |(item, _)| *item as usize).ok()?;
        Some(self.resolves[found].1)
    }

    /// The requests, in the order of the pushes.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Request<'_>> {
        (0..self.len()).map(|index| self.get(index))
    }
}

fn count_u32(count: usize) -> u32 {
    u32::try_from(count).expect("a batch holds less than 4 GiB of text and 2^32 requests")
}

/// About what a command holds on the heap, in bytes.
fn pair_bytes(pairs: &[(Box<str>, Box<str>)]) -> usize {
    pairs.iter().map(|(name, value)| size_of::<(Box<str>, Box<str>)>() + name.len() + value.len()).sum()
}

fn command_heap_bytes(command: &Command) -> usize {
    match command {
        Command::Reserve(reserve) => {
            let line_bytes = |line: &ledger::ReserveLine| {
                size_of::<ledger::ReserveLine>() + line.product.len() + line.location.len() + line.lot.len()
            };
            reserve.reservation.len() + reserve.warehouse.len() + reserve.lines.iter().map(line_bytes).sum::<usize>()
        }
        Command::Release { reservation } | Command::Fulfil { reservation } => reservation.len(),
        Command::Expire => 0,
        Command::DeclareProduct(card) => {
            let unit_bytes = |unit: &ledger::Unit| size_of::<ledger::Unit>() + unit.name.len();
            size_of_val(&**card)
                + card.product.len()
                + card.name.len()
                + card.gtin.len()
                + card.category.len()
                + card.base_unit.len()
                + card.units.iter().map(unit_bytes).sum::<usize>()
        }
        Command::DeclareLocation(card) => {
            size_of_val(&**card) + card.location.len() + card.name.len() + card.region.len() + card.gln.len()
        }
        Command::DeclareReason(card) => size_of_val(&**card) + card.code.len() + card.name.len(),
        Command::DeclareDevice(card) => {
            size_of_val(&**card)
                + card.device.len()
                + card.name.len()
                + card.kind.len()
                + card.location.len()
                + card.settings.len()
        }
        Command::DeclareRule(card) => {
            let texts = [&card.rule, &card.name, &card.condition, &card.product, &card.category, &card.location];
            size_of_val(&**card)
                + texts.iter().map(|text| text.len()).sum::<usize>()
                + card.region.len()
                + card.device.len()
                + card.owner.len()
                + pair_bytes(&card.settings)
        }
        Command::WithdrawRule { rule } => rule.len(),
        Command::RaiseAlert(alert) => {
            size_of_val(&**alert) + alert.why.len() + alert.condition.len() + pair_bytes(&alert.figures)
        }
        Command::ChangeAlert(change) => size_of_val(&**change) + change.note.len(),
        Command::Observe(observation) => {
            size_of_val(&**observation) + observation.form.len() + observation.content.len()
        }
        Command::Reverse { original, reason, .. } => {
            size_of_val(&**original)
                + reason.len()
                + original.names.len() * size_of::<ledger::Name>()
                + original.effects.len() * size_of::<ledger::Effect>()
        }
        Command::Hold(unusable) => {
            size_of_val(&**unusable)
                + unusable.raw.len()
                + unusable.code.len()
                + unusable.field.len()
                + unusable.detail.len()
                + unusable.place.len()
        }
        Command::Discard { reason, .. } => reason.len(),
    }
}
