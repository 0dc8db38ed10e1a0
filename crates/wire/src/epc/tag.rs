//! A tag's memory and its URI: an identity with its coding and filter value.

use super::bits::{BitReader, BitWriter};
use super::coding::{Coding, Field, PREFIX_BITS, Reference};
use super::fault::Fault;
use super::scheme::{is_gs1_character, number};
use super::uri::{parse_parts, push_part};
use super::{Draft, Epc, EpcBytes};
use std::fmt;

/// The most bytes that the EPC bank of a tag holds: 31 words, for the length has five bits.
pub const EPC_BYTES_MAX: usize = 62;

/// An identity as a tag carries it.
///
/// ```
/// use wire::epc::Tag;
/// let tag = Tag::from_hex("3074257BF7194E4000001A85").unwrap();
/// assert_eq!(tag.to_string(), "urn:epc:tag:sgtin-96:3.0614141.812345.6789");
/// assert_eq!(tag.epc.to_string(), "urn:epc:id:sgtin:0614141.812345.6789");
/// assert_eq!(tag.epc.gtin14().unwrap(), "80614141123458");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Tag {
    /// Who the tag says it is.
    pub epc: Epc,
    /// How it is laid out.
    pub coding: Coding,
    /// What kind of thing it is on, for readers that look for some kinds only; 0 when the coding has none.
    pub filter: u8,
}

impl Tag {
    /// Reads the EPC bank of a tag, from the header on (without CRC and protocol control word).
    ///
    /// Zeros may follow the identity, to the end of a word and beyond.
    ///
    /// # Errors
    /// `too_short`, `too_long`, `unknown_header`, `unsupported_header`, then what is wrong with the first field that is
    /// (`invalid_partition`, `value_too_large`, `invalid_character`, `part_length`, ...), then `spare_bits`.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Fault> {
        if bytes.len() > EPC_BYTES_MAX {
            let detail =
                format!("{} bytes are more than a tag's EPC bank holds, which is {EPC_BYTES_MAX}", bytes.len());
            return Err(Fault::new("too_long", detail));
        }
        let Some(&header) = bytes.first() else {
            return Err(Fault::new("too_short", "there are no bytes; an EPC has at least 12"));
        };
        let coding = Coding::of_header(header).ok_or_else(|| unknown_header(header))?;
        let layout = coding.layout();
        if bytes.len() * 8 < layout.bits {
            return Err(too_short(coding, bytes));
        }
        let mut reader = BitReader::new(bytes);
        let take = |reader: &mut BitReader<'_>, bits| reader.take(bits).ok_or_else(|| too_short(coding, bytes));
        take(&mut reader, 8)?;
        let filter = u8::try_from(take(&mut reader, layout.filter_bits)?).expect("a filter has at most 6 bits");
        let mut draft = Draft::new(layout.scheme);
        for field in layout.fields {
            let byte = reader.byte();
            read_field(*field, &mut reader, &mut draft)
                .map_err(|fault| fault.unwrap_or_else(|| too_short(coding, bytes)))
                .map_err(|fault| Fault { byte: Some(byte), ..fault })?;
        }
        if let Some(byte) = reader.first_set() {
            let detail = format!("there are bits after the end of the {} that are not zero", coding.name());
            return Err(Fault::new("spare_bits", detail).at(byte));
        }
        Ok(Self { epc: draft.finish(), coding, filter })
    }

    /// Reads the EPC bank of a tag in hexadecimal, large or small letters, also after `0x`.
    ///
    /// # Errors
    /// `not_hex`, then those of [`Tag::from_bytes`].
    pub fn from_hex(hex: &str) -> Result<Self, Fault> {
        let digits = hex.strip_prefix("0x").unwrap_or(hex);
        let start = hex.len() - digits.len();
        let bytes = bytes_of_hex(digits).map_err(|fault| fault.after(start))?;
        Self::from_bytes(&bytes).map_err(|fault| Fault { byte: fault.byte.map(|byte| start + byte * 2), ..fault })
    }

    /// Reads a tag URI, as `urn:epc:tag:sgtin-96:3.0614141.812345.6789`.
    ///
    /// # Errors
    /// `unknown_form`, `unknown_coding`, `filter_out_of_range`, those of [`Epc::parse_uri`], and those of
    /// [`Epc::tag`].
    pub fn parse_uri(uri: &str) -> Result<Self, Fault> {
        let Some(rest) = uri.strip_prefix("urn:epc:tag:") else {
            return Err(Fault::new("unknown_form", "a tag URI begins with 'urn:epc:tag:'").at(0));
        };
        let start = uri.len() - rest.len();
        let (name, rest) = rest.split_once(':').unwrap_or((rest, ""));
        let coding = Coding::named(name).ok_or_else(|| {
            Fault::of("unknown_coding", "the coding", name.as_bytes(), "is none; write it as in 'sgtin-96'").at(start)
        })?;
        let start = start + name.len() + 1;
        let (filter, body) = match coding.filter_max() {
            0 => ("0", rest),
            _ => rest.split_once('.').unwrap_or((rest, "")),
        };
        let value = number(filter.as_bytes()).and_then(|filter| u8::try_from(filter).ok());
        let value =
            value.filter(|value| *value <= coding.filter_max() && (filter.len() == 1 || !filter.starts_with('0')));
        let value = value.ok_or_else(|| filter_fault(coding, filter).at(start))?;
        let epc = parse_parts(coding.scheme(), body, false).map_err(|fault| fault.after(uri.len() - body.len()))?;
        epc.tag(coding, value)
    }

    /// The memory, up to the end of a word.
    pub fn to_bytes(&self) -> EpcBytes {
        encode(&self.epc, self.coding, self.filter).expect("a tag was encoded when it was made")
    }

    /// The memory in hexadecimal, in capital letters, up to the end of a word.
    pub fn to_hex(&self) -> String {
        hex_of_bytes(&self.to_bytes())
    }
}

/// The tag URI.
impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "urn:epc:tag:{}:", self.coding.name())?;
        if self.coding.filter_max() > 0 {
            write!(f, "{}.", self.filter)?;
        }
        let mut body = String::new();
        for (index, (_, part)) in self.epc.parts().enumerate() {
            if index > 0 {
                body.push('.');
            }
            push_part(&mut body, part);
        }
        f.write_str(&body)
    }
}

impl Epc {
    /// This identity in a given coding.
    ///
    /// # Errors
    /// `pattern` when it stands for many, `unknown_coding` when the coding is another scheme's, `filter_out_of_range`,
    /// and `not_encodable` when the coding has no room for it, with what does not fit.
    pub fn tag(self, coding: Coding, filter: u8) -> Result<Tag, Fault> {
        if coding.scheme() != self.scheme() {
            let detail = format!("a {} cannot be written as {}", self.scheme().name(), coding.name());
            return Err(Fault::new("unknown_coding", detail));
        }
        if self.is_pattern() {
            return Err(Fault::new("pattern", "a pattern with '*' stands for many; only one thing fits on a tag"));
        }
        if filter > coding.filter_max() {
            return Err(filter_fault(coding, &filter.to_string()));
        }
        encode(&self, coding, filter)?;
        Ok(Tag { epc: self, coding, filter })
    }

    /// This identity in the shortest coding that has room for it.
    ///
    /// # Errors
    /// `not_encodable` when its scheme has no coding; otherwise those of [`Epc::tag`] for the longest one.
    pub fn shortest_tag(self, filter: u8) -> Result<Tag, Fault> {
        let detail = format!("a {} has no form for tags", self.scheme().name());
        let mut last = Fault::new("not_encodable", detail);
        for coding in Coding::ALL.into_iter().filter(|coding| coding.scheme() == self.scheme()) {
            match self.tag(coding, filter) {
                Ok(tag) => return Ok(tag),
                Err(fault) => last = fault,
            }
        }
        Err(last)
    }
}

fn unknown_header(header: u8) -> Fault {
    // TDS 2.3, table 14-1: E6 to EF, FC and FD end in '++' (with a host name), F0 to FB in '+'.
    if (0xe6..=0xfd).contains(&header) {
        let detail = format!(
            "header {header:02X} is a coding of TDS 2 ('+' or '++', without company prefix), which is not read"
        );
        return Fault::new("unsupported_header", detail).at(0);
    }
    Fault::new("unknown_header", format!("header {header:02X} is no coding of the EPC Tag Data Standard")).at(0)
}

fn too_short(coding: Coding, bytes: &[u8]) -> Fault {
    let name = coding.name();
    let detail = format!("a {name} does not end within {} bytes; the reader may have cut it off", bytes.len());
    Fault::new("too_short", detail).at(bytes.len())
}

fn filter_fault(coding: Coding, filter: &str) -> Fault {
    let max = coding.filter_max();
    Fault::of("filter_out_of_range", "filter", filter.as_bytes(), format_args!("is not a number from 0 to {max}"))
}

/// The bytes of hexadecimal digits.
pub(crate) fn bytes_of_hex(hex: &str) -> Result<EpcBytes, Fault> {
    let nibble = |at: usize, digit: u8| match char::from(digit).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
    {
        Some(digit) => Ok(digit),
        None => Err(Fault::new("not_hex", "only the digits 0 to 9 and A to F are hexadecimal").at(at)),
    };
    let mut bytes = EpcBytes::new();
    for (at, pair) in hex.as_bytes().chunks(2).enumerate() {
        let high = nibble(at * 2, pair[0])?;
        let Some(low) = pair.get(1) else {
            let detail = format!("{} digits are no whole bytes; a digit is missing", hex.len());
            return Err(Fault::new("not_hex", detail).at(hex.len()));
        };
        if bytes.len() == EPC_BYTES_MAX {
            let detail = format!("{} digits are more than a tag's EPC bank holds, which is 124", hex.len());
            return Err(Fault::new("too_long", detail).at(at * 2));
        }
        bytes.push((high << 4) | nibble(at * 2 + 1, *low)?);
    }
    Ok(bytes)
}

/// Bytes in capital hexadecimal digits.
pub(super) fn hex_of_bytes(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    let digits = bytes.iter().flat_map(|byte| [DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]);
    digits.map(char::from).collect()
}

/// Reads one field into the parts that it holds; `None` as the fault when the bytes end first.
fn read_field(field: Field, reader: &mut BitReader<'_>, draft: &mut Draft) -> Result<(), Option<Fault>> {
    match field {
        Field::Key(bits, reference) => return read_key(bits, reference, reader, draft),
        Field::Number(bits) => draft.push_number(reader.take(bits).ok_or(None)?, 0),
        Field::DigitText(bits) => {
            let value = reader.take(bits).ok_or(None)?;
            let digits = value.checked_ilog10().unwrap_or(0);
            let one = 10_u64.pow(digits);
            if value / one != 1 {
                return Err(Some(Fault::new("invalid_serial", "the digits of the serial have no 1 before them")));
            }
            if digits > 0 {
                draft.push_number(value - one, usize::try_from(digits).expect("a number has at most 20 digits"));
            }
        }
        Field::TwoDigits => draft.push_number(reader.take(7).ok_or(None)?, 2),
        Field::Text(chars) => read_text(chars, reader, draft)?,
        Field::Packed(max) => read_packed(max, reader, draft)?,
        Field::WideCage => {
            read_cage(reader, draft, |reader| reader.take(8).map(|bits| u8::try_from(bits).expect("8 bits")))?
        }
        Field::PackedCage => read_cage(reader, draft, take_packed)?,
    }
    draft.end_part().map_err(Some)
}

fn read_key(
    bits: usize,
    reference: Reference,
    reader: &mut BitReader<'_>,
    draft: &mut Draft,
) -> Result<(), Option<Fault>> {
    let partition = usize::try_from(reader.take(3).ok_or(None)?).expect("3 bits");
    let Some(&prefix_bits) = PREFIX_BITS.get(partition) else {
        let detail = "partition 7 stands for no company prefix; only 0 to 6 do";
        return Err(Some(Fault::new("invalid_partition", detail)));
    };
    let prefix_digits = 12 - partition;
    let prefix = reader.take(prefix_bits).ok_or(None)?;
    // A longer one would be taken for that of another partition.
    if prefix.checked_ilog10().is_some_and(|above_first| usize::try_from(above_first).is_ok_and(|n| n >= prefix_digits))
    {
        let detail = format!("company prefix {prefix} has more than the {prefix_digits} digits of its partition");
        return Err(Some(Fault::new("value_too_large", detail)));
    }
    draft.push_number(prefix, prefix_digits);
    draft.end_part().map_err(|fault| Some(too_large(fault, "company prefix")))?;
    let bits = bits.saturating_sub(prefix_bits);
    match reference {
        Reference::Padded => {
            let digits = draft.digits_to_fill();
            let value = reader.take(bits).ok_or(None)?;
            if digits > 0 || value > 0 {
                draft.push_number(value, digits);
            }
        }
        Reference::Unpadded(whole) => {
            let value = reader.take(bits).ok_or(None)?;
            let max = whole - prefix_digits;
            if value.checked_ilog10().is_some_and(|above_first| usize::try_from(above_first).is_ok_and(|n| n >= max)) {
                let detail = format!("reference {value} has more than the {max} digits that fit its company prefix");
                return Err(Some(Fault::new("value_too_large", detail)));
            }
            draft.push_number(value, 0);
        }
        Reference::Text(whole) => {
            let chars = whole - prefix_digits;
            read_text(chars, reader, draft)?;
            let mut left = bits - chars * 7;
            while left > 0 {
                let some = left.min(64);
                if reader.take(some).ok_or(None)? != 0 {
                    let detail =
                        format!("the reference is longer than the {chars} characters that fit its company prefix");
                    return Err(Some(Fault::new("value_too_large", detail)));
                }
                left -= some;
            }
        }
        Reference::Packed(whole) => read_packed(whole - prefix_digits, reader, draft)?,
    }
    draft.end_part().map_err(|fault| Some(too_large(fault, "reference")))
}

/// A number that has more digits than its partition allows was too large, rather than too long.
fn too_large(fault: Fault, name: &str) -> Fault {
    match fault.code {
        "part_length" | "company_prefix_length" => {
            Fault::new("value_too_large", format!("the {name} is too large for its partition: {}", fault.detail))
        }
        _ => fault,
    }
}

fn read_text(chars: usize, reader: &mut BitReader<'_>, draft: &mut Draft) -> Result<(), Option<Fault>> {
    let mut ended = false;
    for _ in 0..chars {
        let byte = u8::try_from(reader.take(7).ok_or(None)?).expect("7 bits");
        match (byte, ended) {
            (0, _) => ended = true,
            (_, true) => {
                return Err(Some(Fault::new("invalid_character", "there are characters after the end of the text")));
            }
            (byte, false) if is_gs1_character(&byte) => draft.push(byte),
            (byte, false) => {
                let detail = format!("character {byte:02X} may not be in a serial");
                return Err(Some(Fault::new("invalid_character", detail)));
            }
        }
    }
    Ok(())
}

/// A character of 6 bits; zero ends a text.
///
/// # Source
/// TDS 1.13, annex G: the low six bits of the ASCII code.
fn take_packed(reader: &mut BitReader<'_>) -> Option<u8> {
    let bits = u8::try_from(reader.take(6)?).expect("6 bits");
    Some(match bits {
        1..0x20 => bits | 0x40,
        _ => bits,
    })
}

fn read_packed(max: usize, reader: &mut BitReader<'_>, draft: &mut Draft) -> Result<(), Option<Fault>> {
    for _ in 0..=max {
        match take_packed(reader).ok_or(None)? {
            0 => return Ok(()),
            byte => draft.push(byte),
        }
    }
    Err(Some(Fault::new("unterminated", format!("the text does not end within {max} characters"))))
}

fn read_cage(
    reader: &mut BitReader<'_>,
    draft: &mut Draft,
    take: impl Fn(&mut BitReader<'_>) -> Option<u8>,
) -> Result<(), Option<Fault>> {
    for index in 0..6 {
        match take(reader).ok_or(None)? {
            b' ' if index == 0 => {}
            byte => draft.push(byte),
        }
    }
    Ok(())
}

/// The memory of an identity.
fn encode(epc: &Epc, coding: Coding, filter: u8) -> Result<EpcBytes, Fault> {
    let layout = coding.layout();
    let mut writer = BitWriter::default();
    writer.put(u64::from(layout.header), 8);
    writer.put(u64::from(filter), layout.filter_bits);
    let mut parts = epc.parts();
    for field in layout.fields {
        let (name, part) = parts.next().expect("a layout has the parts of its scheme");
        let part = part.as_bytes();
        let fault = |why: &str| {
            let why = format_args!("does not fit {}: {why}", coding.name());
            Fault::of("not_encodable", name, part, why)
        };
        let put_number = |writer: &mut BitWriter, bits: usize| {
            let value = plain_number(part).map_err(&fault)?;
            fits(value, bits).then(|| writer.put(value, bits)).ok_or_else(|| fault("the number is too large"))
        };
        match *field {
            Field::Key(bits, reference) => {
                let (name, rest) = parts.next().expect("a reference follows the prefix");
                write_key(part, rest.as_bytes(), bits, reference, &mut writer).map_err(|why| {
                    Fault::of(
                        "not_encodable",
                        name,
                        rest.as_bytes(),
                        format_args!("does not fit {}: {why}", coding.name()),
                    )
                })?;
            }
            Field::Number(bits) => put_number(&mut writer, bits)?,
            Field::DigitText(bits) => {
                let value = number(part).zip(u32::try_from(part.len()).ok().and_then(|len| 10_u64.checked_pow(len)));
                let value = value.and_then(|(value, one)| value.checked_add(one)).filter(|value| fits(*value, bits));
                writer.put(value.ok_or_else(|| fault("only digits do, and not so many"))?, bits);
            }
            Field::TwoDigits => writer.put(number(part).expect("two digits"), 7),
            Field::Text(chars) => write_text(part, chars * 7, &mut writer),
            Field::Packed(_) => write_packed(part, &mut writer),
            Field::WideCage => {
                let spaces = std::iter::repeat_n(&b' ', 6 - part.len());
                spaces.chain(part).for_each(|byte| writer.put(u64::from(*byte), 8));
            }
            Field::PackedCage => {
                let spaces = std::iter::repeat_n(&b' ', 6 - part.len());
                spaces.chain(part).for_each(|byte| writer.put(u64::from(*byte), 6));
            }
        }
    }
    assert!(layout.bits == 0 || writer.len() <= layout.bits, "the fields fit their coding");
    Ok(writer.finish(layout.bits))
}

fn fits(value: u64, bits: usize) -> bool {
    bits >= 64 || value >> bits == 0
}

fn plain_number(digits: &[u8]) -> Result<u64, &'static str> {
    if digits.len() > 1 && digits[0] == b'0' {
        return Err("leading zeros would be lost");
    }
    number(digits).ok_or("only a number does")
}

fn write_key(
    prefix: &[u8],
    rest: &[u8],
    bits: usize,
    reference: Reference,
    writer: &mut BitWriter,
) -> Result<(), &'static str> {
    let partition = 12 - prefix.len();
    let prefix_bits = PREFIX_BITS[partition];
    let bits = bits.saturating_sub(prefix_bits);
    writer.put(u64::try_from(partition).expect("at most 6"), 3);
    writer.put(number(prefix).expect("a company prefix is digits"), prefix_bits);
    match reference {
        Reference::Padded => writer.put(number(rest).unwrap_or(0), bits),
        Reference::Unpadded(whole) => {
            let value = plain_number(rest)?;
            if rest.len() > whole - prefix.len() || !fits(value, bits) {
                return Err("the number is too large");
            }
            writer.put(value, bits);
        }
        Reference::Text(_) => write_text(rest, bits, writer),
        Reference::Packed(_) => write_packed(rest, writer),
    }
    Ok(())
}

fn write_text(text: &[u8], bits: usize, writer: &mut BitWriter) {
    text.iter().for_each(|byte| writer.put(u64::from(*byte), 7));
    writer.put(0, bits - text.len() * 7);
}

fn write_packed(text: &[u8], writer: &mut BitWriter) {
    text.iter().for_each(|byte| writer.put(u64::from(*byte), 6));
    writer.put(0, 6);
}
