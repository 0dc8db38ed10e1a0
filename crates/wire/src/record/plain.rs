//! The record's own fields, written and read by hand: what every plain movement has, without an allocation a field.

use super::{Entry, RecordError, convert, message as m};
use ledger::{AccountId, Decision, DecisionKind, Key, PartyId, Position, Posting, Quantity, ReasonId, Role, Timestamp};
use prost::Message;
use smallvec::SmallVec;

/// The types of a field's bytes.
const VARINT: u32 = 0;
const FIXED64: u32 = 1;
const BYTES: u32 = 2;
const FIXED32: u32 = 5;

/// The longest record whose length takes one byte.
const LENGTH_MAX_SHORT: usize = 127;

pub(super) fn encode(id: &str, given: Option<(Quantity, &str)>, decision: &Decision, out: &mut Vec<u8>) {
    let start = out.len();
    out.reserve(160 + id.len());
    // Most records are short: their length gets one byte, and the others are moved up.
    out.push(0);
    let body = out.len();
    put_head(id, decision, out);
    put_postings(decision, out);
    if let Some(reason) = decision.reason {
        put_number(14, u64::from(reason.0), out);
    }
    if let Some(reference) = &decision.reference {
        put_bytes(15, reference.as_bytes(), out);
    }
    for name in &decision.names {
        put_message(16, &convert::name_message(name), out);
    }
    for effect in &decision.effects {
        put_message(17, &convert::effect_message(effect), out);
    }
    for discrepancy in &decision.discrepancies {
        put_message(18, &convert::discrepancy_message(discrepancy), out);
    }
    if let Some(position) = decision.resolves {
        put_number(19, position.0, out);
    }
    if let Some((quantity, unit)) = given {
        put_number(20, zigzag(quantity.micros()), out);
        if !unit.is_empty() {
            put_bytes(21, unit.as_bytes(), out);
        }
    }
    let length = out.len() - body;
    if length <= LENGTH_MAX_SHORT {
        out[start] = length.to_le_bytes()[0];
    } else {
        let mut prefix = SmallVec::<[u8; 10]>::new();
        write_varint(length as u64, |byte| prefix.push(byte));
        out.splice(start..body, prefix);
    }
}

fn put_head(id: &str, decision: &Decision, out: &mut Vec<u8>) {
    put_fixed(1, decision.recorded_at.0.cast_unsigned(), out);
    let lag = decision.recorded_at.0.wrapping_sub(decision.occurred_at.0);
    if lag != 0 {
        put_number(2, zigzag(lag), out);
    }
    put_number(3, u64::from(decision.kind as u8), out);
    if decision.actor.0 != 0 {
        put_number(4, u64::from(decision.actor.0), out);
    }
    if decision.source.0 != 0 {
        put_number(5, u64::from(decision.source.0), out);
    }
    let key = decision.key.id.to_be_bytes();
    let (high, low) = key.split_at(8);
    put_fixed(6, high.iter().fold(0, |all, byte| (all << 8) | u64::from(*byte)), out);
    put_fixed(7, low.iter().fold(0, |all, byte| (all << 8) | u64::from(*byte)), out);
    put_fixed(8, decision.key.content, out);
    if !id.is_empty() {
        put_bytes(9, id.as_bytes(), out);
    }
}

fn put_postings(decision: &Decision, out: &mut Vec<u8>) {
    let postings = &decision.postings;
    if postings.is_empty() {
        return;
    }
    put_packed(10, out, postings, |posting| u64::from(posting.account.0));
    put_packed(11, out, postings, |posting| zigzag(posting.delta.micros()));
    let occurred_at = decision.occurred_at;
    if postings.iter().any(|posting| posting.effective_at != occurred_at) {
        put_packed(12, out, postings, |posting| zigzag(posting.effective_at.0.wrapping_sub(occurred_at.0)));
    }
    if postings.iter().any(|posting| posting.role != Role::Movement) {
        put_packed(13, out, postings, |posting| u64::from(posting.role == Role::Variance));
    }
}

const fn zigzag(number: i64) -> u64 {
    ((number << 1) ^ (number >> 63)).cast_unsigned()
}

const fn unzigzag(number: u64) -> i64 {
    (number >> 1).cast_signed() ^ -((number & 1).cast_signed())
}

fn write_varint(mut number: u64, mut put: impl FnMut(u8)) {
    while number >= 0x80 {
        put(number.to_le_bytes()[0] | 0x80);
        number >>= 7;
    }
    put(number.to_le_bytes()[0]);
}

/// How many bytes a number takes, 1 to 10.
const fn varint_length(number: u64) -> usize {
    let bits = 64 - (number | 1).leading_zeros();
    bits.div_ceil(7) as usize
}

fn put_varint(number: u64, out: &mut Vec<u8>) {
    write_varint(number, |byte| out.push(byte));
}

fn put_tag(field: u32, wire_type: u32, out: &mut Vec<u8>) {
    put_varint(u64::from(field << 3 | wire_type), out);
}

fn put_number(field: u32, number: u64, out: &mut Vec<u8>) {
    put_tag(field, VARINT, out);
    put_varint(number, out);
}

/// Zero is the default and not written.
fn put_fixed(field: u32, number: u64, out: &mut Vec<u8>) {
    if number != 0 {
        put_tag(field, FIXED64, out);
        out.extend_from_slice(&number.to_le_bytes());
    }
}

fn put_bytes(field: u32, bytes: &[u8], out: &mut Vec<u8>) {
    put_tag(field, BYTES, out);
    put_varint(bytes.len() as u64, out);
    out.extend_from_slice(bytes);
}

fn put_message(field: u32, message: &impl Message, out: &mut Vec<u8>) {
    put_tag(field, BYTES, out);
    put_varint(message.encoded_len() as u64, out);
    message.encode_raw(out);
}

fn put_packed(field: u32, out: &mut Vec<u8>, postings: &[Posting], number: impl Fn(&Posting) -> u64) {
    put_tag(field, BYTES, out);
    let length: usize = postings.iter().map(|posting| varint_length(number(posting))).sum();
    put_varint(length as u64, out);
    for posting in postings {
        put_varint(number(posting), out);
    }
}

/// A place in a record's bytes.
#[derive(Clone, Debug)]
pub(super) struct Cursor<'a> {
    rest: &'a [u8],
}

impl<'a> Cursor<'a> {
    pub(super) const fn new(rest: &'a [u8]) -> Self {
        Self { rest }
    }

    pub(super) const fn rest(&self) -> &'a [u8] {
        self.rest
    }

    pub(super) fn length_delimited(&mut self) -> Result<&'a [u8], RecordError> {
        let length = usize::try_from(self.varint()?).map_err(|_| RecordError::Truncated)?;
        let (bytes, rest) = self.rest.split_at_checked(length).ok_or(RecordError::Truncated)?;
        self.rest = rest;
        Ok(bytes)
    }

    #[inline]
    fn varint(&mut self) -> Result<u64, RecordError> {
        if let [byte @ 0..0x80, rest @ ..] = self.rest {
            self.rest = rest;
            return Ok(u64::from(*byte));
        }
        self.long_varint()
    }

    fn long_varint(&mut self) -> Result<u64, RecordError> {
        let mut number = 0;
        for (index, byte) in self.rest.iter().enumerate().take(10) {
            // The tenth byte holds one bit.
            if index == 9 && *byte > 1 {
                return Err(RecordError::MalformedNumber);
            }
            number |= u64::from(byte & 0x7f) << (7 * index);
            if *byte < 0x80 {
                self.rest = &self.rest[index + 1..];
                return Ok(number);
            }
        }
        Err(if self.rest.len() < 10 { RecordError::Truncated } else { RecordError::MalformedNumber })
    }

    fn fixed64(&mut self) -> Result<u64, RecordError> {
        let (bytes, rest) = self.rest.split_first_chunk::<8>().ok_or(RecordError::Truncated)?;
        self.rest = rest;
        Ok(u64::from_le_bytes(*bytes))
    }

    fn skip(&mut self, field: u32, wire_type: u32) -> Result<(), RecordError> {
        match wire_type {
            VARINT => self.varint().map(drop),
            FIXED64 => self.fixed64().map(drop),
            BYTES => self.length_delimited().map(drop),
            FIXED32 => {
                self.rest = self.rest.get(4..).ok_or(RecordError::Truncated)?;
                Ok(())
            }
            _ => Err(RecordError::WireType { field, wire_type }),
        }
    }
}

/// The fields of a record as they are met; the columns of the postings still packed.
#[derive(Default)]
struct Fields<'a> {
    recorded_at: i64,
    lag: i64,
    kind: u32,
    actor: u32,
    source: u32,
    key: [u64; 3],
    id: &'a str,
    columns: [&'a [u8]; 4],
    reason: Option<u32>,
    reference: Option<&'a str>,
    names: Vec<ledger::Name>,
    effects: Vec<ledger::Effect>,
    discrepancies: Vec<ledger::Discrepancy>,
    resolves: Option<u64>,
    given_quantity: Option<i64>,
    given_unit: &'a str,
}

/// The entry in the bytes of one record, without its length.
pub(super) fn decode(bytes: &[u8]) -> Result<Entry, RecordError> {
    let mut cursor = Cursor::new(bytes);
    let mut fields = Fields::default();
    while !cursor.rest.is_empty() {
        let tag = u32::try_from(cursor.varint()?).map_err(|_| RecordError::MalformedNumber)?;
        fields.take(tag >> 3, tag & 7, &mut cursor)?;
    }
    fields.entry()
}

impl<'a> Fields<'a> {
    fn take(&mut self, field: u32, wire_type: u32, cursor: &mut Cursor<'a>) -> Result<(), RecordError> {
        let promised = match field {
            1 | 6..=8 => FIXED64,
            2..=5 | 14 | 19 | 20 => VARINT,
            9..=13 | 15..=18 | 21 => BYTES,
            _ => return cursor.skip(field, wire_type),
        };
        if wire_type != promised {
            return Err(RecordError::WireType { field, wire_type });
        }
        match promised {
            FIXED64 => self.take_fixed(field, cursor.fixed64()?),
            VARINT => return self.take_number(field, cursor.varint()?),
            _ => return self.take_bytes(field, cursor.length_delimited()?),
        }
        Ok(())
    }

    fn take_fixed(&mut self, field: u32, number: u64) {
        match field {
            1 => self.recorded_at = number.cast_signed(),
            6 => self.key[0] = number,
            7 => self.key[1] = number,
            _ => self.key[2] = number,
        }
    }

    fn take_number(&mut self, field: u32, number: u64) -> Result<(), RecordError> {
        let small = || u32::try_from(number).map_err(|_| RecordError::MalformedNumber);
        match field {
            2 => self.lag = unzigzag(number),
            3 => self.kind = small()?,
            4 => self.actor = small()?,
            5 => self.source = small()?,
            14 => self.reason = Some(small()?),
            19 => self.resolves = Some(number),
            _ => self.given_quantity = Some(unzigzag(number)),
        }
        Ok(())
    }

    fn take_bytes(&mut self, field: u32, bytes: &'a [u8]) -> Result<(), RecordError> {
        let text = || std::str::from_utf8(bytes).map_err(|_| RecordError::NotUtf8 { field });
        match field {
            9 => self.id = text()?,
            10 => self.columns[0] = bytes,
            11 => self.columns[1] = bytes,
            12 => self.columns[2] = bytes,
            13 => self.columns[3] = bytes,
            15 => self.reference = Some(text()?),
            16 => self.names.push(convert::name(nested::<m::Name>(field, bytes)?)?),
            17 => self.effects.push(convert::effect(nested::<m::Effect>(field, bytes)?)?),
            18 => self.discrepancies.push(convert::discrepancy(nested::<m::Discrepancy>(field, bytes)?)?),
            _ => self.given_unit = text()?,
        }
        Ok(())
    }

    fn entry(self) -> Result<Entry, RecordError> {
        let occurred_at = Timestamp(self.recorded_at.wrapping_sub(self.lag));
        let kind = u8::try_from(self.kind)
            .ok()
            .and_then(DecisionKind::from_number)
            .ok_or(RecordError::UnknownNumber { field: "kind", number: self.kind })?;
        Ok(Entry {
            id: self.id.into(),
            given: self.given_quantity.map(|micros| (Quantity::from_micros(micros), self.given_unit.into())),
            decision: Decision {
                recorded_at: Timestamp(self.recorded_at),
                occurred_at,
                kind,
                actor: PartyId(self.actor),
                source: PartyId(self.source),
                key: Key { id: (u128::from(self.key[0]) << 64) | u128::from(self.key[1]), content: self.key[2] },
                postings: postings(self.columns, occurred_at)?,
                names: self.names,
                effects: self.effects,
                discrepancies: self.discrepancies,
                reason: self.reason.map(ReasonId),
                reference: self.reference.map(Box::from),
                resolves: self.resolves.map(Position),
            },
        })
    }
}

fn nested<M: Message + Default>(field: u32, bytes: &[u8]) -> Result<M, RecordError> {
    M::decode(bytes).map_err(|_| RecordError::MalformedMessage { field })
}

/// The postings of the four columns: accounts, deltas, effective times less `occurred_at`, roles. The last two may be
/// absent, when all are zero.
fn postings(columns: [&[u8]; 4], occurred_at: Timestamp) -> Result<SmallVec<[Posting; 4]>, RecordError> {
    let [mut accounts, mut deltas, mut effective, mut roles] = columns.map(Cursor::new);
    let (has_effective, has_roles) = (!effective.rest.is_empty(), !roles.rest.is_empty());
    let mut postings = SmallVec::new();
    while !accounts.rest.is_empty() {
        let account = u32::try_from(accounts.varint()?).map_err(|_| RecordError::MalformedNumber)?;
        let uneven = |column| move |_| RecordError::UnevenPostings { column };
        let delta = unzigzag(deltas.varint().map_err(uneven("deltas"))?);
        let after = if has_effective { unzigzag(effective.varint().map_err(uneven("effective times"))?) } else { 0 };
        let role = if has_roles { roles.varint().map_err(uneven("roles"))? } else { 0 };
        postings.push(Posting {
            account: AccountId(account),
            delta: Quantity::from_micros(delta),
            effective_at: Timestamp(occurred_at.0.wrapping_add(after)),
            role: match role {
                0 => Role::Movement,
                1 => Role::Variance,
                _ => {
                    let number = u32::try_from(role).unwrap_or(u32::MAX);
                    return Err(RecordError::UnknownNumber { field: "role", number });
                }
            },
        });
    }
    for (rest, column) in [(deltas.rest, "deltas"), (effective.rest, "effective times"), (roles.rest, "roles")] {
        if !rest.is_empty() {
            return Err(RecordError::UnevenPostings { column });
        }
    }
    Ok(postings)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zigzag_and_varints_read_back() {
        for number in [0, 1, -1, 63, -64, 64, i64::MAX, i64::MIN] {
            assert_eq!(unzigzag(zigzag(number)), number);
            let mut bytes = Vec::new();
            put_varint(zigzag(number), &mut bytes);
            assert_eq!(bytes.len(), varint_length(zigzag(number)));
            assert_eq!(Cursor::new(&bytes).varint(), Ok(zigzag(number)));
        }
        assert_eq!(Cursor::new(&[0x80; 3]).varint(), Err(RecordError::Truncated));
        assert_eq!(Cursor::new(&[0xff; 11]).varint(), Err(RecordError::MalformedNumber));
    }
}
