//! The fields of a message, under each gateway's names.

use super::TagRead;
use crate::epc::{EPC_BYTES_MAX, EpcBytes, Tag, bytes_of_hex};
use crate::problem::{Problem, shown};
use crate::text::check_text;
use crate::time::parse_timestamp;
use ledger::Timestamp;
use serde::de::{IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::fmt;

/// What messages call themselves that must have an EPC.
const READ_KINDS: [&str; 2] = ["\"tag_read\"", "\"tagInventory\""];

type Raw<'m> = Option<&'m RawValue>;

/// A message, its values as they are written. A name that comes twice, or has two spellings, counts once, the first.
#[derive(Debug, Default)]
pub(super) struct Fields<'m> {
    epc: Raw<'m>,
    epc_hex: Raw<'m>,
    antenna: Raw<'m>,
    rssi: Raw<'m>,
    rssi_centi: Raw<'m>,
    timestamp: Raw<'m>,
    last_seen: Raw<'m>,
    first_seen: Raw<'m>,
    count: Raw<'m>,
    /// A count, or a list of reads.
    reads: Raw<'m>,
    device: Raw<'m>,
    event: Raw<'m>,
    inventory: Raw<'m>,
    data: Raw<'m>,
    events: Raw<'m>,
    tags: Raw<'m>,
}

/// # Source
/// Impinj IoT device interface: `tagInventoryEvent` with `epc` (base64url), `epcHex`, `antennaPort`, `peakRssiCdbm`,
/// `firstSeenTime`, `lastSeenTime`. Zebra IoT Connector: `data` with `idHex`, `antenna`, `peakRssi`, `reads`, `hostName`, and
/// for hand-held readers `tagData` with `EPC`, `seenCount`.
#[derive(Deserialize)]
#[serde(field_identifier)]
enum Name {
    #[serde(rename = "epc")]
    Epc,
    #[serde(rename = "epcHex", alias = "idHex", alias = "EPC", alias = "epc_hex")]
    EpcHex,
    #[serde(rename = "antenna", alias = "antennaPort", alias = "antenna_port")]
    Antenna,
    #[serde(rename = "rssi", alias = "peakRssi", alias = "RSSI")]
    Rssi,
    #[serde(rename = "peakRssiCdbm")]
    RssiCenti,
    #[serde(rename = "timestamp", alias = "time")]
    Timestamp,
    #[serde(rename = "lastSeenTime", alias = "lastSeenTimestamp", alias = "last_seen_at")]
    LastSeen,
    #[serde(rename = "firstSeenTime", alias = "firstSeenTimestamp", alias = "first_seen_at")]
    FirstSeen,
    #[serde(rename = "count", alias = "seenCount", alias = "seen_count")]
    Count,
    #[serde(rename = "reads")]
    Reads,
    #[serde(rename = "device", alias = "hostname", alias = "hostName", alias = "readerName", alias = "reader")]
    Device,
    #[serde(rename = "event", alias = "eventType", alias = "type")]
    Event,
    #[serde(rename = "tagInventoryEvent")]
    Inventory,
    #[serde(rename = "data")]
    Data,
    #[serde(rename = "events")]
    Events,
    #[serde(rename = "tags", alias = "tagData")]
    Tags,
    #[serde(other)]
    Other,
}

impl<'m> Deserialize<'m> for Fields<'m> {
    fn deserialize<D: Deserializer<'m>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(FieldsVisitor)
    }
}

struct FieldsVisitor;

impl<'m> Visitor<'m> for FieldsVisitor {
    type Value = Fields<'m>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'m>>(self, mut map: A) -> Result<Fields<'m>, A::Error> {
        let mut fields = Fields::default();
        while let Some(name) = map.next_key::<Name>()? {
            let field = match name {
                Name::Epc => &mut fields.epc,
                Name::EpcHex => &mut fields.epc_hex,
                Name::Antenna => &mut fields.antenna,
                Name::Rssi => &mut fields.rssi,
                Name::RssiCenti => &mut fields.rssi_centi,
                Name::Timestamp => &mut fields.timestamp,
                Name::LastSeen => &mut fields.last_seen,
                Name::FirstSeen => &mut fields.first_seen,
                Name::Count => &mut fields.count,
                Name::Reads => &mut fields.reads,
                Name::Device => &mut fields.device,
                Name::Event => &mut fields.event,
                Name::Inventory => &mut fields.inventory,
                Name::Data => &mut fields.data,
                Name::Events => &mut fields.events,
                Name::Tags => &mut fields.tags,
                Name::Other => {
                    map.next_value::<IgnoredAny>()?;
                    continue;
                }
            };
            let value = map.next_value::<&RawValue>()?;
            *field = field.or(there(Some(value)));
        }
        Ok(fields)
    }
}

/// What a message says for those in it.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Around<'m> {
    device: Raw<'m>,
    timestamp: Raw<'m>,
    /// Whether `epc` is base64url here, as Impinj has it, rather than hexadecimal.
    base64: bool,
    /// Whether it says what it is, and that is no read by name.
    another_kind: bool,
}

/// `null` is as good as nothing.
fn there<'m>(value: Raw<'m>) -> Raw<'m> {
    value.filter(|value| value.get() != "null")
}

fn is_list(value: &RawValue) -> bool {
    value.get().starts_with(['[', '{'])
}

impl<'m> Fields<'m> {
    /// A message that is nothing but a code.
    pub(super) fn of_epc(epc: &'m RawValue) -> Self {
        Self { epc: Some(epc), ..Self::default() }
    }

    pub(super) fn around<'a>(&self, outer: &Around<'a>) -> Around<'a>
    where
        'm: 'a,
    {
        Around {
            device: self.device.or(outer.device),
            timestamp: self.timestamp.or(outer.timestamp),
            base64: outer.base64 || self.inventory.is_some(),
            another_kind: self.event.map_or(outer.another_kind, |event| !READ_KINDS.contains(&event.get())),
        }
    }

    /// The messages in this one.
    pub(super) fn nested(&self) -> impl Iterator<Item = &'m RawValue> {
        [self.inventory, self.data, self.events, self.tags, self.reads]
            .into_iter()
            .flatten()
            .filter(|value| is_list(value))
    }

    pub(super) fn has_epc(&self) -> bool {
        self.epc.or(self.epc_hex).is_some()
    }

    pub(super) fn read(&self, around: &Around<'_>) -> Result<TagRead, Problem> {
        let seen = self.last_seen.map(|value| ("last seen", value));
        let seen = seen.or(around.timestamp.map(|value| ("timestamp", value)));
        let count = self.count.or(self.reads.filter(|value| !is_list(value)));
        let rssi = match self.rssi_centi {
            Some(value) => Some(centi_dbm(value, 0)?),
            None => self.rssi.map(|value| centi_dbm(value, 2)).transpose()?,
        };
        Ok(TagRead {
            epc: self.epc_bytes(around.base64)?,
            antenna: self.antenna.map_or(Ok(0), |value| whole("antenna", value))?,
            rssi_centi_dbm: rssi,
            seen_at: seen.map(|(name, value)| time(name, value)).transpose()?,
            first_seen_at: self.first_seen.map(|value| time("first seen", value)).transpose()?,
            count: count.map_or(Ok(1), |value| whole("count", value))?.max(1),
            device: None,
        })
    }

    fn epc_bytes(&self, base64: bool) -> Result<EpcBytes, Problem> {
        let (value, base64) = match (self.epc_hex, self.epc) {
            (Some(value), _) => (value, false),
            (None, value) => (value.expect("it was looked for"), base64),
        };
        let text = text("epc", value)?;
        let bytes = match text.trim() {
            uri if uri.starts_with("urn:epc:tag:") => Tag::parse_uri(uri).map(|tag| tag.to_bytes()),
            code if base64 => return bytes_of_base64(code),
            hex => bytes_of_hex(hex.strip_prefix("0x").unwrap_or(hex)),
        };
        let bytes = bytes.map_err(|fault| {
            let detail = format!("epc {} cannot be read: {fault}", shown(&text));
            Problem::new("invalid_epc", "epc", detail)
        })?;
        if bytes.is_empty() {
            return Err(crate::text::missing("epc", "\"epc\": \"3074257BF7194E4000001A85\""));
        }
        Ok(bytes)
    }
}

impl Around<'_> {
    /// Whether a message here need not be a read: Zebra's name the reader's mode, or `heartbeat` and the like.
    pub(super) fn is_of_another_kind(&self) -> bool {
        self.another_kind
    }

    /// The reader's name.
    pub(super) fn device(&self) -> Option<Result<String, Problem>> {
        let name = text("device", self.device?);
        let name = name.and_then(|name| check_text("device", &name, crate::TEXT_BYTES_MAX).map(str::to_owned));
        Some(name).filter(|name| name.as_ref().is_ok_and(|name| !name.is_empty()) || name.is_err())
    }
}

/// A text, or a number as it is written.
fn text<'m>(field: &'static str, value: &'m RawValue) -> Result<Cow<'m, str>, Problem> {
    let written = value.get();
    if let Some(inside) = written.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'))
        && !inside.contains('\\')
    {
        return Ok(Cow::Borrowed(inside));
    }
    if written.starts_with('"') {
        return serde_json::from_str(written).map(Cow::Owned).map_err(|_| wrong_type(field, written, "a text"));
    }
    if written.starts_with(|first: char| first == '-' || first.is_ascii_digit()) {
        return Ok(Cow::Borrowed(written));
    }
    Err(wrong_type(field, written, "a text"))
}

fn wrong_type(field: &'static str, value: &str, expected: &str) -> Problem {
    Problem::new("wrong_type", field, format!("{field} {} is not {expected}", shown(value)))
}

fn whole<T: std::str::FromStr>(field: &'static str, value: &RawValue) -> Result<T, Problem> {
    let text = text(field, value)?;
    text.parse().map_err(|_| {
        let detail = format!("{field} {} is no whole number that is taken", shown(&text));
        Problem::new("invalid_number", field, detail)
    })
}

/// A decimal number times 10 to the power of `shift`, whatever is finer cut off; `None` when it is none or too large.
fn scaled(text: &str, shift: usize) -> Option<i64> {
    let (negative, digits) = text.strip_prefix('-').map_or((false, text), |digits| (true, digits));
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    if whole.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') || fraction.contains('.') {
        return None;
    }
    let kept = fraction.bytes().chain(std::iter::repeat(b'0')).take(shift);
    let number = whole
        .bytes()
        .chain(kept)
        .try_fold(0_i64, |number, digit| number.checked_mul(10)?.checked_add(i64::from(digit - b'0')))?;
    Some(if negative { -number } else { number })
}

/// A signal strength in hundredths of a dBm, written in 10 to the power of `-shift` of them.
fn centi_dbm(value: &RawValue, shift: usize) -> Result<i16, Problem> {
    let text = text("rssi", value)?;
    scaled(&text, shift).and_then(|rssi| i16::try_from(rssi).ok()).ok_or_else(|| {
        let detail = format!("rssi {} is no signal strength; write it in dBm, as -55.5", shown(&text));
        Problem::new("invalid_number", "rssi", detail)
    })
}

/// A time: RFC 3339, its offset also without a colon, or a number of seconds, milliseconds, micro- or nanoseconds since
/// 1970, whichever lies within 1990 to 2199.
fn time(name: &'static str, value: &RawValue) -> Result<Timestamp, Problem> {
    let text = text("timestamp", value)?;
    if text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') {
        return epoch(&text).ok_or_else(|| {
            let detail = format!("{name} {} is no time from 1990 to 2199", shown(&text));
            Problem::new("timestamp_out_of_range", "timestamp", detail)
        });
    }
    let offset = text.len().checked_sub(5).and_then(|at| text.split_at_checked(at));
    let colonless = offset
        .filter(|(_, offset)| offset.starts_with(['+', '-']) && offset[1..].bytes().all(|byte| byte.is_ascii_digit()));
    let parsed = match colonless {
        Some((front, offset)) => parse_timestamp(&format!("{front}{}:{}", &offset[..3], &offset[3..])),
        None => parse_timestamp(&text),
    };
    parsed.map_err(|error| {
        let detail = format!("{name} {} is no time: {error}", shown(&text));
        Problem::new(error.code(), "timestamp", detail)
    })
}

/// The microseconds of a number since 1970. A number of one unit is out of range as any other.
fn epoch(text: &str) -> Option<Timestamp> {
    // 1990-01-01 and 2200-01-01 in seconds.
    const RANGE: std::ops::Range<i64> = 631_152_000..7_258_118_400;
    [6_usize, 3, 0]
        .into_iter()
        .filter_map(|shift| scaled(text, shift))
        .chain(scaled(text, 0).map(|nanos| nanos / 1000))
        .find_map(|micros| RANGE.contains(&(micros / 1_000_000)).then_some(Timestamp(micros)))
}

/// # Source
/// RFC 4648, sections 4 and 5; both alphabets and missing padding are taken.
fn bytes_of_base64(text: &str) -> Result<EpcBytes, Problem> {
    let refuse = |why: &str| {
        let detail = format!("epc {} {why}", shown(text));
        Problem::new("invalid_epc", "epc", detail)
    };
    let digits = text.trim_end_matches('=');
    let mut bytes = EpcBytes::new();
    let (mut bits, mut count) = (0_u32, 0);
    for digit in digits.bytes() {
        let value = match digit {
            b'A'..=b'Z' => digit - b'A',
            b'a'..=b'z' => digit - b'a' + 26,
            b'0'..=b'9' => digit - b'0' + 52,
            b'+' | b'-' => 62,
            b'/' | b'_' => 63,
            _ => return Err(refuse("is not base64")),
        };
        bits = (bits << 6) | u32::from(value);
        count += 6;
        if count >= 8 {
            count -= 8;
            let byte = (bits >> count) & 0xff;
            bytes.push(u8::try_from(byte).expect("eight bits"));
            bits &= (1 << count) - 1;
        }
        if bytes.len() > EPC_BYTES_MAX {
            return Err(refuse("is longer than a tag's EPC bank"));
        }
    }
    if bytes.is_empty() || bits != 0 || count == 6 {
        return Err(refuse("is no whole number of bytes in base64"));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_without_floats() {
        let check = |text, shift, expect| assert_eq!(scaled(text, shift), expect, "{text}");
        check("-55.5", 2, Some(-5550));
        check("-0.5", 2, Some(-50));
        check("-54", 2, Some(-5400));
        check("-54.999", 2, Some(-5499));
        check("12.", 0, Some(12));
        check("1e3", 2, None);
        check("--1", 2, None);
        check("1.2.3", 2, None);
        check("99999999999999999999", 0, None);
    }

    #[test]
    fn numbers_of_any_unit_are_times() {
        let expect = Some(Timestamp(1_771_236_000_250_000));
        for text in ["1771236000.25", "1771236000250", "1771236000250000", "1771236000250000999"] {
            assert_eq!(epoch(text), expect, "{text}");
        }
        for text in ["0", "12345", "99999999999999999999", ""] {
            assert_eq!(epoch(text), None, "{text}");
        }
    }

    #[test]
    fn base64_is_read_in_both_alphabets() {
        let check = |text, expect: &[u8]| assert_eq!(bytes_of_base64(text).unwrap().as_slice(), expect, "{text}");
        check("4oARkaUDAGXybMv_", &[0xe2, 0x80, 0x11, 0x91, 0xa5, 0x03, 0x00, 0x65, 0xf2, 0x6c, 0xcb, 0xff]);
        check("ikUCJA==", &[0x8a, 0x45, 0x02, 0x24]);
        check("ikUCJA", &[0x8a, 0x45, 0x02, 0x24]);
        for text in ["", "A", "AB!", "AAAAA", "AB"] {
            assert!(bytes_of_base64(text).is_err(), "{text}");
        }
    }
}
