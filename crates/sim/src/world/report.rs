//! Reports on their way: what was told, what went wrong in telling it, and how it turns into an emission.

use super::calendar::{HOUR, MINUTE, SECOND};
use super::mistakes::Mistake;
use super::places::{Author, Location, NOWHERE};
use super::stock::{Lot, Spot};
use super::{Emission, World, WorldRequest};
use ledger::{Body, Command, EventKind, Status, Timestamp};
use std::fmt::Write;

/// In which unit a quantity is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Said {
    Base,
    Case,
    /// In a unit that the product does not have.
    Nonsense,
}

/// The document that a report belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Document {
    None,
    Purchase(u64),
    Shipment(u64),
    Return(u64),
}

/// A physical event as it will be told. Quantities are micro-units of the base unit.
#[derive(Clone, Debug)]
pub(super) struct Line {
    pub(super) kind: EventKind,
    pub(super) product: usize,
    /// Where the product's shelf is, for the books.
    pub(super) warehouse: usize,
    pub(super) location: Location,
    pub(super) to: Location,
    pub(super) quantity: i64,
    pub(super) said: Said,
    pub(super) lot: Lot,
    pub(super) units: Vec<u32>,
    pub(super) status: Status,
    pub(super) to_status: Option<Status>,
    pub(super) reason: &'static str,
    pub(super) document: Document,
    pub(super) expected_at: Option<i64>,
    /// Whether the product's code is told wrongly.
    pub(super) misread: bool,
}

impl Line {
    pub(super) fn new(kind: EventKind, product: usize, warehouse: usize, spot: Spot, quantity: i64) -> Self {
        Self {
            kind,
            product,
            warehouse,
            location: spot.location,
            to: NOWHERE,
            quantity,
            said: Said::Base,
            lot: spot.lot,
            units: Vec::new(),
            status: spot.status,
            to_status: None,
            reason: "",
            document: Document::None,
            expected_at: None,
            misread: false,
        }
    }

    fn spot(&self) -> Spot {
        Spot { location: self.location, lot: self.lot, status: self.status }
    }
}

/// One line of a customer's order, set aside at one spot.
#[derive(Clone, Copy, Debug)]
pub(super) struct OrderLine {
    pub(super) product: usize,
    pub(super) spot: Spot,
    pub(super) quantity: i64,
}

/// A customer's order.
#[derive(Clone, Debug)]
pub(super) struct Order {
    pub(super) number: u64,
    pub(super) warehouse: usize,
    pub(super) lines: Vec<OrderLine>,
}

/// What a report says.
#[derive(Clone, Debug)]
pub(super) enum Says {
    Stock(Box<Line>),
    Command(Box<Command>),
    /// A command that ends an order; the books give back what it had set aside.
    Ends(Box<(Command, Order)>),
}

/// Something told, on its way.
#[derive(Clone, Debug)]
pub(super) struct Report {
    source: usize,
    /// The id's number.
    number: u64,
    /// When it happened, as told.
    occurred_at: i64,
    says: Says,
    /// Whether a ledger would use it.
    books: bool,
}

impl World {
    /// Tells what happened just now, with the mistakes of whoever tells it.
    pub(super) fn tell(&mut self, source: usize, line: Line) {
        self.now += 1; // no two happenings share a time
        let draw = self.chance.below(1_000_000);
        let author = self.places.sources[source].author;
        let mistake = self.odds[author as usize].drawn(draw);
        let mistake = mistake.filter(|mistake| applies(*mistake, &line, self.places.sources[source].sent));
        let says = Says::Stock(Box::new(line));
        self.send(source, says, mistake);
    }

    /// Asks for something, with the mistakes of networks.
    pub(super) fn ask(&mut self, source: usize, says: Says) {
        self.now += 1;
        let draw = self.chance.below(1_000_000);
        let mistake = self.odds[Author::System as usize].drawn(draw);
        self.send(source, says, mistake);
    }

    fn send(&mut self, source: usize, mut says: Says, mistake: Option<Mistake>) {
        if let Some(mistake) = mistake {
            self.tally.mistake(mistake);
        }
        self.places.sources[source].issued += 1;
        if matches!(mistake, Some(Mistake::ScanForgotten | Mistake::PortalReadMissed)) {
            return;
        }
        let (occurred_at, steady) = self.told_at(source);
        let mut arrives_at = self.arrival(source);
        let mut number = self.places.sources[source].issued;
        let mut books = steady;
        match mistake {
            Some(Mistake::OutOfOrder) => arrives_at += self.chance.between(2 * SECOND, 90 * SECOND),
            Some(Mistake::ScanLate) => arrives_at += self.chance.between(40 * MINUTE, 20 * HOUR),
            Some(Mistake::IdReused) => number = self.places.sources[source].sent,
            _ => {}
        }
        if let (Some(mistake), Says::Stock(line)) = (mistake, &mut says) {
            books &= self.distort(mistake, line);
        }
        let again = match mistake {
            Some(Mistake::SentTwice) => Some((number, occurred_at, false)),
            Some(Mistake::ScannedTwice | Mistake::PortalReadTwice) => {
                self.places.sources[source].issued += 1;
                let twice = matches!(&says, Says::Stock(line) if line.units.is_empty());
                Some((number + 1, occurred_at + self.chance.between(SECOND, 4 * SECOND), books && twice))
            }
            _ => None,
        };
        if mistake != Some(Mistake::IdReused) {
            self.places.sources[source].sent = self.places.sources[source].issued;
        }
        if let Some((number, occurred_at, books)) = again {
            let arrives_at = arrives_at.max(occurred_at) + self.chance.between(SECOND / 5, 30 * SECOND);
            self.reports.put(arrives_at, Report { source, number, occurred_at, says: says.clone(), books });
        }
        self.reports.put(arrives_at, Report { source, number, occurred_at, says, books });
    }

    /// Tells without mistakes and at once; for the opening.
    pub(super) fn tell_plainly(&mut self, source: usize, says: Says) {
        self.now += 1;
        let device = &mut self.places.sources[source];
        device.issued += 1;
        device.sent = device.issued;
        let report = Report { source, number: device.issued, occurred_at: self.now, says, books: true };
        self.reports.put(self.now, report);
    }

    /// What the source's clock says now, and whether a ledger would believe it.
    fn told_at(&mut self, source: usize) -> (i64, bool) {
        let now = self.now;
        let jumps =
            self.places.sources[source].unsteady && self.chance.per_million(self.mistakes.clock_far_ahead_per_million);
        let ahead = self.mistakes.clock_ahead_minutes * MINUTE;
        let clock = &mut self.places.sources[source];
        if jumps && clock.ahead_until < now {
            clock.ahead_until = now + ahead;
        }
        if now <= clock.ahead_until {
            self.tally.mistake(Mistake::ClockFarAhead);
            return (now + ahead, false);
        }
        if clock.skew != 0 {
            self.tally.mistake(Mistake::ClockSkewed);
        }
        (now + clock.skew, true)
    }

    /// When a message that the source sends now arrives: after those it sent before, and once it has a network.
    fn arrival(&mut self, source: usize) -> i64 {
        let latency_max = self.mistakes.latency_milliseconds_max * 1000;
        let latency = self.chance.between(latency_max / 10, latency_max);
        let person = self.places.sources[source].author == Author::Person;
        let cut_off = person && self.chance.per_million(self.mistakes.went_offline_per_million);
        let away = if cut_off { self.chance.between(5 * MINUTE, 3 * HOUR) } else { 0 };
        let now = self.now;
        let device = &mut self.places.sources[source];
        if now > device.offline_until && cut_off {
            device.offline_until = now + away;
        }
        let offline = now <= device.offline_until;
        let step = if offline { SECOND / 50 } else { 1 };
        let arrives_at = (now + latency).max(device.offline_until).max(device.sends_after.saturating_add(step));
        device.sends_after = arrives_at;
        if offline {
            self.tally.mistake(Mistake::SentFromBacklog);
        }
        arrives_at
    }

    /// Puts a mistake of content into a line; whether a ledger would still use it.
    fn distort(&mut self, mistake: Mistake, line: &mut Line) -> bool {
        let product = &self.assortment.products[line.product];
        match mistake {
            Mistake::WrongQuantity => {
                let whole = if product.weighed() { super::assortment::ONE / 2 } else { super::assortment::ONE };
                let step = if line.said == Said::Case { product.case() } else { whole };
                let more = self.chance.percent(50) || line.quantity <= step;
                line.quantity += if more { step * self.chance.between(1, 3) } else { -step };
                true
            }
            Mistake::WrongLocation => {
                let wrong = if line.kind == EventKind::ItemMoved { &mut line.to } else { &mut line.location };
                *wrong = self.places.mistaken(*wrong, &mut self.chance);
                true
            }
            Mistake::UnknownUnit => {
                line.said = Said::Nonsense;
                false
            }
            Mistake::UnknownProduct => {
                line.misread = true;
                false
            }
            Mistake::IdReused => false,
            _ => true,
        }
    }

    /// Books a report that arrives now and hands it out.
    pub(super) fn deliver(&mut self, at: i64, report: &Report, sink: &mut dyn FnMut(Emission<'_>)) {
        // After a drain, arrivals are ahead of the world; they never go back.
        self.arrived_at = self.arrived_at.max(at);
        let source = &self.places.sources[report.source];
        self.id.clear();
        write!(self.id, "{}-{:06}", source.prefix, report.number).expect("a String takes all text");
        let body = match &report.says {
            Says::Stock(line) => Body::Event(self.texts.event(line, &self.assortment, &self.places)),
            Says::Command(command) => Body::Command(command),
            Says::Ends(ending) => Body::Command(&ending.0),
        };
        let request =
            WorldRequest { source: &source.name, id: &self.id, occurred_at: Timestamp(report.occurred_at), body };
        sink(Emission { arrives_at: Timestamp(self.arrived_at), request });
        match &report.says {
            Says::Stock(line) => self.tally.event(line.kind),
            Says::Command(command) => self.tally_command(command),
            Says::Ends(ending) => self.tally_command(&ending.0),
        }
        match &report.says {
            Says::Stock(line) if report.books => self.book(line, report.occurred_at),
            Says::Ends(ending) if report.books => self.book_ending(&ending.0, &ending.1, report.occurred_at),
            _ => {}
        }
    }

    fn tally_command(&mut self, command: &Command) {
        match command {
            Command::Reserve(_) => self.tally.reserve += 1,
            Command::Release { .. } => self.tally.release += 1,
            Command::Fulfil { .. } => self.tally.fulfil += 1,
            _ => self.tally.declare += 1,
        }
    }

    fn book_ending(&mut self, command: &Command, order: &Order, occurred_at: i64) {
        for line in &order.lines {
            let shelf = self.shelf(line.product, order.warehouse);
            shelf.at(line.spot).reserved -= line.quantity;
            if matches!(command, Command::Fulfil { .. }) {
                shelf.book(line.spot, -line.quantity, occurred_at);
            }
            shelf.tidy();
        }
    }

    fn book(&mut self, line: &Line, at: i64) {
        let (spot, quantity) = (line.spot(), line.quantity);
        let to = Spot { location: line.to, ..spot };
        let shelf = self.shelf(line.product, line.warehouse);
        match line.kind {
            EventKind::ItemAdded
            | EventKind::ShipmentReceived
            | EventKind::PurchaseOrderReceived
            | EventKind::ItemAdjusted => {
                shelf.book(spot, quantity, at);
            }
            EventKind::ItemRemoved | EventKind::ShipmentDispatched => shelf.book(spot, -quantity, at),
            EventKind::ItemMoved => {
                shelf.book(spot, -quantity, at);
                shelf.book(to, quantity, at);
            }
            EventKind::StatusChanged => {
                shelf.book(spot, -quantity, at);
                shelf.book(Spot { status: line.to_status.unwrap_or(spot.status), ..spot }, quantity, at);
            }
            EventKind::ItemCounted => shelf.book_count(spot, quantity, at),
            EventKind::PurchaseOrderPlaced
            | EventKind::PurchaseOrderCancelled
            | EventKind::UnitPacked
            | EventKind::UnitUnpacked => {}
        }
    }
}

/// Whether this mistake can be made with this report.
fn applies(mistake: Mistake, line: &Line, sent: u64) -> bool {
    let count = line.kind == EventKind::ItemCounted;
    let serialised = !line.units.is_empty();
    match mistake {
        Mistake::WrongQuantity => !serialised,
        Mistake::ScanForgotten | Mistake::ScanLate | Mistake::ScannedTwice => !count,
        Mistake::WrongLocation => !count,
        Mistake::UnknownUnit => !serialised,
        Mistake::IdReused => sent > 0,
        _ => true,
    }
}
