//! Entries on their way out: one NDJSON line each, or CSV rows of stable columns.
//!
//! Ids are replaced by names, so that what is exported can be read without the journal. Columns and members are only ever
//! added, never renamed.

use crate::event::Object;
use crate::record::Entry;
use crate::time::render_timestamp;
use ledger::{
    AccountId, AccountKey, Discrepancy, LocationId, LotId, PartyId, Position, Posting, ProductId, ReasonId, Role,
    SerialId, UnitId,
};
use std::io::{self, Write};

/// Who knows which name an id stands for. `None` for an id that is unknown: it is then written as `#` and its number.
pub trait Names {
    /// What an account is of.
    fn account(&self, id: AccountId) -> Option<AccountKey>;
    /// A product's id outside.
    fn product(&self, id: ProductId) -> Option<&str>;
    /// A location's path.
    fn location(&self, id: LocationId) -> Option<&str>;
    /// A lot's name; empty for [`LotId::NONE`].
    fn lot(&self, id: LotId) -> Option<&str>;
    /// A serial.
    fn serial(&self, id: SerialId) -> Option<&str>;
    /// The name of a handling unit.
    fn unit(&self, id: UnitId) -> Option<&str>;
    /// The name of a source or actor.
    fn party(&self, id: PartyId) -> Option<&str>;
    /// A reason's code.
    fn reason(&self, id: ReasonId) -> Option<&str>;
}

/// A name, or the number that has none.
fn or_number(name: Option<&str>, number: u32) -> String {
    name.map_or_else(|| format!("#{number}"), str::to_owned)
}

/// One account in names.
struct Place {
    kind: &'static str,
    product: String,
    location: String,
    lot: String,
}

impl Place {
    fn of(account: AccountId, names: &impl Names) -> Self {
        match names.account(account) {
            Some(key) => Self {
                kind: key.kind.name(),
                product: or_number(names.product(key.product), key.product.0),
                location: or_number(names.location(key.location), key.location.0),
                lot: if key.lot == LotId::NONE { String::new() } else { or_number(names.lot(key.lot), key.lot.0) },
            },
            None => Self {
                kind: "unknown",
                product: String::new(),
                location: format!("#{}", account.0),
                lot: String::new(),
            },
        }
    }

    fn write(&self, object: &mut Object) {
        object.text("account", self.kind);
        object.text("product_id", &self.product);
        object.text("location", &self.location);
        object.text("lot", &self.lot);
    }
}

const fn role_name(role: Role) -> &'static str {
    match role {
        Role::Movement => "movement",
        Role::Variance => "variance",
    }
}

/// One entry as a JSON object on one line, without a line end.
pub fn render_ndjson(position: Position, entry: &Entry, names: &impl Names) -> String {
    let decision = &entry.decision;
    let mut object = Object::default();
    object.number("position", position.0);
    object.text("event", decision.kind.name());
    object.time("occurred_at", decision.occurred_at);
    object.time("recorded_at", decision.recorded_at);
    object.text("actor", &or_number(names.party(decision.actor), decision.actor.0));
    object.text("source", &or_number(names.party(decision.source), decision.source.0));
    object.text("id", &entry.id);
    if let Some(reason) = decision.reason {
        object.text("reason", &or_number(names.reason(reason), reason.0));
    }
    object.text("reference", decision.reference.as_deref().unwrap_or_default());
    if let Some((quantity, unit)) = &entry.given {
        object.quantity("given_quantity", *quantity);
        object.text("given_unit", unit);
    }
    object.list("postings", decision.postings.iter().map(|posting| posting_object(posting, names)));
    if !decision.discrepancies.is_empty() {
        object.list("discrepancies", decision.discrepancies.iter().map(|found| discrepancy_object(found, names)));
    }
    if let Some(held) = decision.resolves {
        object.number("resolves", held.0);
    }
    object.finish()
}

fn posting_object(posting: &Posting, names: &impl Names) -> Object {
    let mut object = Object::default();
    Place::of(posting.account, names).write(&mut object);
    object.quantity("quantity", posting.delta);
    object.time("effective_at", posting.effective_at);
    object.text("role", role_name(posting.role));
    object
}

fn discrepancy_object(discrepancy: &Discrepancy, names: &impl Names) -> Object {
    let mut object = Object::default();
    object.text("code", discrepancy.code());
    let figure = |object: &mut Object, account: AccountId, quantity| {
        Place::of(account, names).write(object);
        object.quantity("quantity", quantity);
    };
    match discrepancy {
        Discrepancy::NegativeOnHand { account, on_hand: quantity }
        | Discrepancy::CountVariance { account, variance: quantity }
        | Discrepancy::OverReceipt { account, excess: quantity }
        | Discrepancy::ReservedShort { account, short: quantity } => figure(&mut object, *account, *quantity),
        Discrepancy::LotMissing { account } => Place::of(*account, names).write(&mut object),
        Discrepancy::SerialElsewhere { serial, believed, seen } => {
            object.text("serial", &or_number(names.serial(*serial), serial.0));
            object.text("believed_at", &Place::of(*believed, names).location);
            let seen = seen.map(|account| Place::of(account, names).location);
            object.text("seen_at", seen.as_deref().unwrap_or_default());
        }
        Discrepancy::SerialUnknown { serial } => object.text("serial", &or_number(names.serial(*serial), serial.0)),
        Discrepancy::UnitElsewhere { unit, believed, seen } => {
            object.text("handling_unit", &or_number(names.unit(*unit), unit.0));
            object.text("believed_at", &or_number(names.location(*believed), believed.0));
            object.text("seen_at", &or_number(names.location(*seen), seen.0));
        }
        Discrepancy::UnitInAnother { unit, parent } => {
            object.text("handling_unit", &or_number(names.unit(*unit), unit.0));
            object.text("believed_in", &or_number(names.unit(*parent), parent.0));
        }
        Discrepancy::ExpiryConflict { lot, other } => {
            object.text("lot", &or_number(names.lot(*lot), lot.0));
            object.text("other_expiry", &crate::time::render_day(*other));
        }
    }
    object
}

/// The columns of the CSV export, in their order.
pub const CSV_COLUMNS: [&str; 16] = [
    "position",
    "event",
    "occurred_at",
    "recorded_at",
    "actor",
    "source",
    "id",
    "reason",
    "reference",
    "account",
    "product_id",
    "location",
    "lot",
    "quantity",
    "effective_at",
    "role",
];

/// Writes entries as CSV: a header, then one row for each posting, and one for an entry without postings.
#[derive(Debug)]
pub struct CsvExport<W: Write> {
    writer: csv::Writer<W>,
}

impl<W: Write> CsvExport<W> {
    /// Writes the header.
    ///
    /// # Errors
    /// A failed write.
    pub fn new(writer: W) -> io::Result<Self> {
        let mut writer = csv::WriterBuilder::new().has_headers(false).from_writer(writer);
        writer.write_record(CSV_COLUMNS)?;
        Ok(Self { writer })
    }

    /// Writes the rows of one entry.
    ///
    /// # Errors
    /// A failed write.
    pub fn write(&mut self, position: Position, entry: &Entry, names: &impl Names) -> io::Result<()> {
        let decision = &entry.decision;
        let head = [
            position.to_string(),
            decision.kind.name().to_owned(),
            render_timestamp(decision.occurred_at),
            render_timestamp(decision.recorded_at),
            or_number(names.party(decision.actor), decision.actor.0),
            or_number(names.party(decision.source), decision.source.0),
            entry.id.to_string(),
            decision.reason.map(|reason| or_number(names.reason(reason), reason.0)).unwrap_or_default(),
            decision.reference.as_deref().unwrap_or_default().to_owned(),
        ];
        if decision.postings.is_empty() {
            let blanks = (head.len()..CSV_COLUMNS.len()).map(|_| "");
            self.writer.write_record(head.iter().map(String::as_str).chain(blanks))?;
        }
        for posting in &decision.postings {
            let place = Place::of(posting.account, names);
            let (quantity, effective_at) = (posting.delta.to_string(), render_timestamp(posting.effective_at));
            let tail = [
                place.kind,
                &place.product,
                &place.location,
                &place.lot,
                &quantity,
                &effective_at,
                role_name(posting.role),
            ];
            self.writer.write_record(head.iter().map(String::as_str).chain(tail))?;
        }
        Ok(())
    }

    /// Writes what is still buffered and gives the writer back.
    ///
    /// # Errors
    /// A failed write.
    pub fn finish(self) -> io::Result<W> {
        self.writer.into_inner().map_err(csv::IntoInnerError::into_error)
    }
}
