//! From numbers to the texts that an event carries.

use super::assortment::Assortment;
use super::places::Places;
use super::report::{Document, Line, Said};
use ledger::{Day, Event, EventKind, Quantity, Timestamp};
use std::fmt::Write;

/// Texts under construction, kept so that an event allocates nothing.
#[derive(Clone, Debug, Default)]
pub(super) struct Texts {
    product: String,
    lot: String,
    serials: String,
    reference: String,
}

/// Writing to a `String` can't fail.
macro_rules! put {
    ($to:expr, $($format:tt)*) => {
        write!($to, $($format)*).expect("a String takes all text")
    };
}

impl Texts {
    /// The event that a line tells.
    pub(super) fn event<'a>(&'a mut self, line: &'a Line, assortment: &'a Assortment, places: &'a Places) -> Event<'a> {
        let product = &assortment.products[line.product];
        self.lot.clear();
        if line.lot.number > 0 {
            put!(self.lot, "L{:06}", line.lot.number);
        }
        self.serials.clear();
        for (index, unit) in line.units.iter().enumerate() {
            put!(self.serials, "{}SN{:07}", if index > 0 { "\n" } else { "" }, unit);
        }
        self.reference.clear();
        match line.document {
            Document::None => {}
            Document::Purchase(number) => put!(self.reference, "PO-{number:06}"),
            Document::Shipment(number) => put!(self.reference, "SHP-{number:06}"),
            Document::Return(number) => put!(self.reference, "RMA-{number:06}"),
        }
        let mut id = &*product.id;
        if line.misread {
            self.product.clear();
            misread(&product.id, &mut self.product);
            id = &self.product;
        }
        let (unit, quantity) = match line.said {
            Said::Base => ("", line.quantity),
            Said::Case => (product.range.case.0, line.quantity / i64::from(product.range.case.1)),
            Said::Nonsense => ("palette", line.quantity),
        };
        let arrives =
            matches!(line.kind, EventKind::ItemAdded | EventKind::PurchaseOrderReceived | EventKind::ShipmentReceived);
        Event {
            to: places.path(line.to),
            unit,
            lot: &self.lot,
            expiry: (arrives && line.lot.number > 0).then_some(Day(line.lot.expires_on)),
            serials: &self.serials,
            status: line.status,
            to_status: line.to_status,
            reason: line.reason,
            reference: &self.reference,
            expected_at: line.expected_at.map(Timestamp),
            ..Event::new(line.kind, id, places.path(line.location), Quantity::from_micros(quantity))
        }
    }
}

/// Writes a code with two letters exchanged, as fingers do; `GRO-` becomes `GOR-`, which no product has.
fn misread(code: &str, to: &mut String) {
    let mut letters = code.chars();
    let (first, second, third) = (letters.next(), letters.next(), letters.next());
    to.extend([first, third, second].into_iter().flatten());
    to.push_str(letters.as_str());
}
