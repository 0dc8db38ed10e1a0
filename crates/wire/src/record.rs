//! The journal's entry: how a decision is written down, for good.
//!
//! A record is a protobuf message behind its length; `docs/formats/record.md` has its `.proto`. A journal written by
//! any released version loads in every later one: fields that a version does not know are skipped, numbers that it does
//! not know are an error that names them, for half an entry must never be applied. This module knows no file and no
//! block header.
//!
//! Invariant: `decode(encode(entry)) == entry`, and no bytes whatever make decoding panic.

mod alerts;
mod convert;
mod message;
mod plain;
#[cfg(test)]
mod tests;
mod units;

use ledger::{Body, Decision, Quantity, Request};

/// The version of the schema that [`encode`] writes; [`decode_block`] reads it and all before it.
pub const SCHEMA_VERSION: u16 = 1;

/// One entry as read back from a journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The id that its source gave the input; empty when it had none.
    pub id: Box<str>,
    /// The quantity and unit as given, when the event came in another unit than the product's base unit.
    pub given: Option<(Quantity, Box<str>)>,
    /// What it did to the books.
    pub decision: Decision,
}

impl Entry {
    /// The entry that [`encode`] writes for a request and what was decided on it.
    pub fn new(request: &Request<'_>, decision: Decision) -> Self {
        let given = given(request).map(|(quantity, unit)| (quantity, Box::from(unit)));
        Self { id: request.id.into(), given, decision }
    }
}

/// Why bytes are not a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    /// The bytes end inside a record.
    #[error("the block ends inside a record")]
    Truncated,
    /// A variable-length number has more than ten bytes.
    #[error("a number in the record is malformed")]
    MalformedNumber,
    /// A field has another wire type than its number promises.
    #[error("field {field} of the record has wire type {wire_type}")]
    WireType {
        /// The field's number.
        field: u32,
        /// The type found.
        wire_type: u32,
    },
    /// A text is not UTF-8.
    #[error("field {field} of the record is not UTF-8")]
    NotUtf8 {
        /// The field's number.
        field: u32,
    },
    /// A nested message is malformed.
    #[error("field {field} of the record is no message of its kind")]
    MalformedMessage {
        /// The field's number.
        field: u32,
    },
    /// A number stands for nothing that this version knows.
    #[error("{field} {number} is unknown to this version; a later version wrote the record")]
    UnknownNumber {
        /// What the number is of.
        field: &'static str,
        /// The number.
        number: u32,
    },
    /// A nested message is of a variant that this version does not know.
    #[error("one of the {field} is of a kind unknown to this version; a later version wrote the record")]
    UnknownVariant {
        /// Which list it stands in.
        field: &'static str,
    },
    /// The columns of the postings differ in length.
    #[error("the postings have another number of {column} than of accounts")]
    UnevenPostings {
        /// The column that does not match.
        column: &'static str,
    },
}

/// Quantity and unit as given, when a unit was named.
fn given<'a>(request: &Request<'a>) -> Option<(Quantity, &'a str)> {
    match request.body {
        Body::Event(event) if !event.unit.is_empty() => Some((event.quantity, event.unit)),
        _ => None,
    }
}

/// Appends the record of `decision`, made on `request`, behind its length. Of the request it keeps the id and, when a
/// unit was named, the quantity as given; all else is in the decision.
///
/// Allocates nothing for a plain movement, beyond what `out` grows.
pub fn encode(request: &Request<'_>, decision: &Decision, out: &mut Vec<u8>) {
    plain::encode(request.id, given(request), decision, out);
}

/// As [`encode`], for an entry that was read before.
pub fn encode_entry(entry: &Entry, out: &mut Vec<u8>) {
    let given = entry.given.as_ref().map(|(quantity, unit)| (*quantity, unit.as_ref()));
    plain::encode(&entry.id, given, &entry.decision, out);
}

/// The records that stand one after another in `bytes`, in their order. The first error is the last item.
pub const fn decode_block(bytes: &[u8]) -> Entries<'_> {
    Entries { rest: bytes }
}

/// The iterator of [`decode_block`].
#[derive(Clone, Debug)]
pub struct Entries<'a> {
    rest: &'a [u8],
}

impl Iterator for Entries<'_> {
    type Item = Result<Entry, RecordError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let mut cursor = plain::Cursor::new(self.rest);
        let entry = cursor.length_delimited().and_then(plain::decode);
        self.rest = if entry.is_ok() { cursor.rest() } else { &[] };
        Some(entry)
    }

    /// As `next`, `n` records further on; the records before it are passed over by their lengths, unread.
    fn nth(&mut self, n: usize) -> Option<Self::Item> {
        let mut cursor = plain::Cursor::new(self.rest);
        for _ in 0..n {
            if cursor.rest().is_empty() {
                self.rest = &[];
                return None;
            }
            if let Err(error) = cursor.length_delimited() {
                self.rest = &[];
                return Some(Err(error));
            }
        }
        self.rest = cursor.rest();
        self.next()
    }
}

impl std::iter::FusedIterator for Entries<'_> {}
