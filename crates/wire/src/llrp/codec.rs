//! Between bytes and [`Node`]s.
//!
//! Reserved bits are not looked at and are written as zero, as the standard asks. Everything else that is read is
//! written as the same bytes again.

use super::LlrpError;
use super::definition::{Definition, Kind, parameter};
use super::node::{Child, Node, Value};

/// How deep parameters may stand in each other; the standard needs seven, but lets `ParameterError` hold itself.
const DEPTH_MAX: usize = 20;

/// Bytes before the content of a parameter with a length.
const TLV_HEADER_BYTES: usize = 4;

/// The lowest number of a parameter that is written with its length.
const TLV_FIRST: u16 = 128;

/// Where in a message the reading is.
struct Reader<'b> {
    bytes: &'b [u8],
    /// What the byte 0 of `bytes` is called in errors.
    base: usize,
    /// The names of what is being read, outermost first.
    places: Vec<&'static str>,
}

/// Reads the content of a message or parameter from `payload`, all of it. `base` is added to the bytes that errors name.
///
/// # Errors
/// See [`LlrpError::code`].
pub(super) fn decode(definition: &'static Definition, payload: &[u8], base: usize) -> Result<Node, LlrpError> {
    let mut reader = Reader { bytes: payload, base, places: vec![definition.standard_name] };
    reader.node(definition, 0, payload.len())
}

impl Reader<'_> {
    fn fault<T>(&self, code: &'static str, at: usize, detail: String) -> Result<T, LlrpError> {
        Err(LlrpError { code, place: self.places.join("."), byte: self.base + at, detail })
    }

    /// Reads what lies from `start` to `end`.
    fn node(&mut self, definition: &'static Definition, start: usize, end: usize) -> Result<Node, LlrpError> {
        if self.places.len() > DEPTH_MAX {
            let detail = format!("parameters stand in each other more than {DEPTH_MAX} deep");
            return self.fault("too_deep", start, detail);
        }
        let mut at = start;
        let mut values = Vec::with_capacity(definition.fields.len());
        for field in &definition.fields {
            let name = if field.name.is_empty() { "reserved" } else { field.name };
            self.places.push(name);
            let (value, next) = self.value(field.kind, at, end)?;
            self.places.pop();
            values.push(value);
            at = if field.shares_byte { at } else { next };
        }
        let mut node = Node { definition, values, children: Vec::new() };
        while at < end {
            at = self.child(&mut node, at, end)?;
        }
        node.check_counts(&self.places.join("."), self.base + start)?;
        Ok(node)
    }

    /// `count` bytes at `at`.
    fn take(&self, at: usize, count: usize, end: usize) -> Result<&[u8], LlrpError> {
        if count > end - at {
            let detail = format!("it takes {count} bytes, but {} are left", end - at);
            return self.fault("truncated", at, detail);
        }
        Ok(&self.bytes[at..at + count])
    }

    /// The number of at most eight bytes at `at`.
    fn number(&self, at: usize, count: usize, end: usize) -> Result<u64, LlrpError> {
        let bytes = self.take(at, count, end)?;
        Ok(bytes.iter().fold(0, |number, byte| number << 8 | u64::from(*byte)))
    }

    /// The count of 16 bits at `at`.
    fn count(&self, at: usize, end: usize) -> Result<u16, LlrpError> {
        let bytes = self.take(at, 2, end)?;
        Ok(u16::from_be_bytes([bytes[0], bytes[1]]))
    }

    /// The value at `at`, and where it ends.
    fn value(&self, kind: Kind, at: usize, end: usize) -> Result<(Value, usize), LlrpError> {
        let counted = |count: usize| Ok((self.take(at + 2, count, end)?, at + 2 + count));
        Ok(match kind {
            Kind::Unsigned(count) => (Value::Unsigned(self.number(at, count, end)?), at + count),
            Kind::Signed(count) => {
                let bits = 64 - 8 * u32::try_from(count).expect("a number has at most eight bytes");
                // Up to the top and down again, which carries the sign along.
                let number = (self.number(at, count, end)? << bits).cast_signed() >> bits;
                (Value::Signed(number), at + count)
            }
            Kind::Flag { bit } => (Value::Flag(self.take(at, 1, end)?[0] << bit & 0x80 != 0), at + 1),
            Kind::Bits { count, bit } => {
                let bits = self.take(at, 1, end)?[0] << bit >> (8 - count);
                (Value::Unsigned(u64::from(bits)), at + 1)
            }
            Kind::BytesOf(count) => (Value::Bytes(self.take(at, count, end)?.to_vec()), at + count),
            Kind::Rest => (Value::Bytes(self.bytes[at..end].to_vec()), end),
            Kind::Bytes => {
                let (bytes, next) = counted(usize::from(self.count(at, end)?))?;
                (Value::Bytes(bytes.to_vec()), next)
            }
            Kind::Text => {
                let (bytes, next) = counted(usize::from(self.count(at, end)?))?;
                let Ok(text) = std::str::from_utf8(bytes) else {
                    return self.fault("invalid_text", at + 2, "the text is not UTF-8".to_owned());
                };
                (Value::Text(text.to_owned()), next)
            }
            Kind::BitArray => {
                let count = self.count(at, end)?;
                let (bytes, next) = counted(usize::from(count).div_ceil(8))?;
                (Value::Bits { count, bytes: bytes.to_vec() }, next)
            }
            Kind::List(width) => {
                let (bytes, next) = counted(usize::from(self.count(at, end)?) * width)?;
                let number = |bytes: &[u8]| bytes.iter().fold(0, |number, byte| number << 8 | u64::from(*byte));
                (Value::List(bytes.chunks_exact(width).map(number).collect()), next)
            }
        })
    }

    /// Reads the parameter at `at` into `parent`; returns where it ends.
    fn child(&mut self, parent: &mut Node, at: usize, end: usize) -> Result<usize, LlrpError> {
        let first = self.bytes[at];
        if first & 0x80 != 0 {
            let number = u16::from(first & 0x7f);
            let Some((definition, slot)) = self.known(parent, number, at)? else {
                let detail = format!("parameter type {number} is not defined, and has no length to skip it by");
                return self.fault("unknown_parameter", at, detail);
            };
            let size = fixed_bytes(definition);
            self.places.push(definition.name);
            self.take(at + 1, size, end)?;
            let node = self.node(definition, at + 1, at + 1 + size)?;
            self.places.pop();
            parent.children.push(Child::Known { slot, node });
            return Ok(at + 1 + size);
        }
        let header = self.take(at, TLV_HEADER_BYTES, end)?;
        let number = u16::from_be_bytes([header[0] & 0b11, header[1]]);
        let length = usize::from(u16::from_be_bytes([header[2], header[3]]));
        let known = self.known(parent, number, at)?;
        let name = known.map_or("parameter", |(definition, _)| definition.name);
        self.places.push(name);
        if number < TLV_FIRST {
            let detail = format!("parameter type {number} is written with a length; only {TLV_FIRST} and above are");
            return self.fault("unknown_parameter", at, detail);
        }
        if length < TLV_HEADER_BYTES || length > end - at {
            let detail = format!(
                "parameter type {number} says it has {length} bytes; at least {TLV_HEADER_BYTES} and at most the {} that are left can be",
                end - at
            );
            return self.fault("invalid_length", at + 2, detail);
        }
        let child = match known {
            Some((definition, slot)) => {
                Child::Known { slot, node: self.node(definition, at + TLV_HEADER_BYTES, at + length)? }
            }
            None => Child::Unknown { number, bytes: self.bytes[at + TLV_HEADER_BYTES..at + length].to_vec() },
        };
        self.places.pop();
        parent.children.push(child);
        Ok(at + length)
    }

    /// What the parameter type is and in which slot of its parent it stands; `None` for a type that is not defined.
    fn known(&self, parent: &Node, number: u16, at: usize) -> Result<Option<(&'static Definition, usize)>, LlrpError> {
        let Some(definition) = parameter(number) else {
            return Ok(None);
        };
        let slots = || parent.definition.slots.iter().enumerate().filter(|(_, slot)| slot.number == number);
        // Two places for one type are filled one after the other.
        let free = slots().find(|(_, slot)| slot.count.is_list() || parent.child(slot.name).is_none());
        let Some((slot, _)) = free.or_else(|| slots().next()) else {
            let detail = format!("{} (parameter type {number}) has no place here", definition.name);
            return self.fault("unexpected_parameter", at, detail);
        };
        Ok(Some((definition, slot)))
    }
}

/// The bytes of a parameter that has no length of its own.
pub(super) fn fixed_bytes(definition: &Definition) -> usize {
    let size = |kind| match kind {
        Kind::Unsigned(count) | Kind::Signed(count) | Kind::BytesOf(count) => count,
        Kind::Flag { .. } | Kind::Bits { .. } => 1,
        Kind::Text | Kind::Bytes | Kind::Rest | Kind::BitArray | Kind::List(_) => 0,
    };
    definition.fields.iter().filter(|field| !field.shares_byte).map(|field| size(field.kind)).sum()
}

/// Appends the content of `node`. `base` is where `out` begins in the message, for errors.
///
/// # Errors
/// `too_long` for what does not fit into a length of 16 bits.
pub(super) fn encode(node: &Node, out: &mut Vec<u8>) -> Result<(), LlrpError> {
    let mut byte = 0;
    for (field, value) in node.definition.fields.iter().zip(&node.values) {
        let too_long = |count: usize| LlrpError {
            code: "too_long",
            place: format!("{}.{}", node.definition.standard_name, field.name),
            byte: out.len(),
            detail: format!("it has {count} elements; 65535 are the most"),
        };
        let counted = |count: usize| u16::try_from(count).map(u16::to_be_bytes).map_err(|_| too_long(count));
        match (field.kind, value) {
            (Kind::Flag { bit }, Value::Flag(flag)) => byte |= u8::from(*flag) << (7 - bit),
            (Kind::Bits { count, bit }, Value::Unsigned(number)) => {
                byte |= number.to_le_bytes()[0] << (8 - count) >> bit;
            }
            (Kind::Unsigned(count), Value::Unsigned(number)) => out.extend(&number.to_be_bytes()[8 - count..]),
            (Kind::Signed(count), Value::Signed(number)) => out.extend(&number.to_be_bytes()[8 - count..]),
            (Kind::Text, Value::Text(text)) => {
                out.extend(counted(text.len())?);
                out.extend(text.as_bytes());
            }
            (Kind::Bytes, Value::Bytes(bytes)) => {
                out.extend(counted(bytes.len())?);
                out.extend(bytes);
            }
            (Kind::BytesOf(_) | Kind::Rest, Value::Bytes(bytes)) => out.extend(bytes),
            (Kind::BitArray, Value::Bits { count, bytes }) => {
                out.extend(count.to_be_bytes());
                out.extend(bytes);
            }
            (Kind::List(width), Value::List(list)) => {
                out.extend(counted(list.len())?);
                list.iter().for_each(|number| out.extend(&number.to_be_bytes()[8 - width..]));
            }
            (kind, value) => unreachable!("a field of kind {kind:?} holds its kind of value, not {value:?}"),
        }
        if matches!(field.kind, Kind::Flag { .. } | Kind::Bits { .. }) && !field.shares_byte {
            out.push(std::mem::take(&mut byte));
        }
    }
    node.children.iter().try_for_each(|child| match child {
        Child::Known { node, .. } => encode_parameter(node, out),
        Child::Unknown { number, bytes } => put_tlv(*number, "parameter", out, |out| {
            out.extend(bytes);
            Ok(())
        }),
    })
}

/// Appends a parameter, header and all.
pub(super) fn encode_parameter(node: &Node, out: &mut Vec<u8>) -> Result<(), LlrpError> {
    let Definition { number, name, .. } = node.definition;
    if *number < TLV_FIRST {
        out.push(number.to_le_bytes()[0] | 0x80);
        return encode(node, out);
    }
    put_tlv(*number, name, out, |out| encode(node, out))
}

fn put_tlv(
    number: u16,
    name: &str,
    out: &mut Vec<u8>,
    content: impl FnOnce(&mut Vec<u8>) -> Result<(), LlrpError>,
) -> Result<(), LlrpError> {
    let start = out.len();
    out.extend((number & 0x3ff).to_be_bytes());
    out.extend([0, 0]);
    content(out)?;
    let length = out.len() - start;
    let Ok(short) = u16::try_from(length) else {
        let detail = format!("it takes {length} bytes; 65535 are the most");
        return Err(LlrpError { code: "too_long", place: name.to_owned(), byte: start, detail });
    };
    out[start + 2..start + TLV_HEADER_BYTES].copy_from_slice(&short.to_be_bytes());
    Ok(())
}
