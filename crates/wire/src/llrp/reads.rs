//! Tag reads straight from the bytes of an `RO_ACCESS_REPORT`, without building a tree.
//!
//! It looks at what a read is made of and steps over the rest; what it yields is what the tree holds, or an error at the
//! same byte. Other than the tree it takes parameters that stand where they have no place, for they don't change a read.

use super::LlrpError;
use ledger::Timestamp;
use std::fmt::Write;

/// One tag as a reader reports it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TagReport<'b> {
    /// The bytes that hold the EPC; 12 of them mostly, none for a tag without one.
    pub epc: &'b [u8],
    /// How many bits of them are the EPC's.
    pub epc_bits: u16,
    /// The antenna that saw it, from 1.
    pub antenna: Option<u16>,
    /// The strongest signal while it was seen, in dBm.
    pub peak_rssi_dbm: Option<i8>,
    /// The channel, an index into the reader's table of frequencies, from 1.
    pub channel: Option<u16>,
    /// How often it was seen since it was last reported.
    pub seen_count: Option<u16>,
    /// The specification that made the reader look.
    pub ro_spec_id: Option<u32>,
    /// When it was first seen since it was last reported.
    pub first_seen: Option<Seen>,
    /// When it was last seen.
    pub last_seen: Option<Seen>,
}

impl TagReport<'_> {
    /// The EPC in capital hexadecimal digits.
    pub fn epc_hex(&self) -> String {
        hex(self.epc)
    }
}

/// A point in time by a reader's clock, in microseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seen {
    /// Since 1970-01-01T00:00:00Z.
    Utc(u64),
    /// Since the reader started: it has no clock that knows the date.
    Uptime(u64),
}

impl Seen {
    /// The time, when the reader's clock knows it and it can be told.
    pub fn utc(self) -> Option<Timestamp> {
        match self {
            Self::Utc(micros) => i64::try_from(micros).ok().map(Timestamp),
            Self::Uptime(_) => None,
        }
    }
}

/// `bytes` in capital hexadecimal digits.
pub(super) fn hex(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        // Writing to a string can't fail.
        let _ = write!(out, "{byte:02X}");
    }
    out
}

/// The bytes behind the number of a parameter that has no length of its own, by that number; 0 for those not defined.
///
/// # Source
/// LLRP 1.1, 17.2.1.2 and the parameters' own clauses. A test compares it with `definitions.txt`.
const TV_BYTES: [u8; 128] = {
    let mut sizes = [0; 128];
    let known = [
        (1, 2),
        (2, 8),
        (3, 8),
        (4, 8),
        (5, 8),
        (6, 1),
        (7, 2),
        (8, 2),
        (9, 4),
        (10, 2),
        (11, 2),
        (12, 2),
        (13, 12),
        (14, 2),
        (15, 2),
        (16, 4),
        (17, 2),
        (18, 4),
        (19, 2),
        (20, 2),
    ];
    let mut at = 0;
    while at < known.len() {
        sizes[known[at].0] = known[at].1;
        at += 1;
    }
    sizes
};

/// The parameter that reports a tag.
const TAG_REPORT_DATA: u16 = 240;
/// The parameter inside it that holds an EPC of any length.
const EPC_DATA: u16 = 241;

/// The tags of one `RO_ACCESS_REPORT`, in its order. After an error it ends.
///
/// ```
/// use wire::llrp::TagReports;
/// let payload = [0, 240, 0, 22, 0x8d, 0x30, 0, 0xab, 0xcd, 0xef, 0, 0, 0, 0, 0, 0, 3, 0x81, 0, 1, 0x86, 0xd0];
/// let report = TagReports::new(&payload).next().expect("there is one").expect("it is whole");
/// assert_eq!((report.epc_hex().as_str(), report.antenna, report.peak_rssi_dbm), ("3000ABCDEF00000000000003", Some(1), Some(-48)));
/// ```
#[derive(Clone, Debug)]
pub struct TagReports<'b> {
    payload: &'b [u8],
    at: usize,
}

impl<'b> TagReports<'b> {
    /// The tags of `payload`, which is an `RO_ACCESS_REPORT` without its header of ten bytes.
    pub fn new(payload: &'b [u8]) -> Self {
        Self { payload, at: 0 }
    }

    /// The next parameter of the message: its number and where its content begins and ends.
    fn step(&self, at: usize, end: usize) -> Result<(u16, usize, usize), LlrpError> {
        let first = self.payload[at];
        if first & 0x80 != 0 {
            let number = first & 0x7f;
            let size = usize::from(TV_BYTES[usize::from(number)]);
            if size == 0 {
                let detail = format!("parameter type {number} is not defined, and has no length to skip it by");
                return Err(fault("unknown_parameter", at, detail));
            }
            if size > end - at - 1 {
                let detail = format!("it takes {size} bytes, but {} are left", end - at - 1);
                return Err(fault("truncated", at + 1, detail));
            }
            return Ok((u16::from(number), at + 1, at + 1 + size));
        }
        let Some(header) = self.payload[at..end].first_chunk::<4>() else {
            let detail = format!("it takes 4 bytes, but {} are left", end - at);
            return Err(fault("truncated", at, detail));
        };
        let number = u16::from_be_bytes([header[0] & 0b11, header[1]]);
        let length = usize::from(u16::from_be_bytes([header[2], header[3]]));
        if length < 4 || length > end - at {
            let detail = format!(
                "parameter type {number} says it has {length} bytes; at least 4 and at most the {} that are left can be",
                end - at
            );
            return Err(fault("invalid_length", at + 2, detail));
        }
        Ok((number, at + 4, at + length))
    }

    /// Reads a tag's report that lies from `at` to `end`.
    fn report(&self, mut at: usize, end: usize) -> Result<TagReport<'b>, LlrpError> {
        let mut report = TagReport::default();
        let start = at;
        let mut has_epc = false;
        while at < end {
            let (number, from, to) = self.step(at, end)?;
            let bytes = &self.payload[from..to];
            match number {
                1 => report.antenna = read_u16(bytes),
                2 => report.first_seen = read_u64(bytes).map(Seen::Utc),
                3 => report.first_seen = read_u64(bytes).map(Seen::Uptime),
                4 => report.last_seen = read_u64(bytes).map(Seen::Utc),
                5 => report.last_seen = read_u64(bytes).map(Seen::Uptime),
                6 => report.peak_rssi_dbm = bytes.first().map(|byte| byte.cast_signed()),
                7 => report.channel = read_u16(bytes),
                8 => report.seen_count = read_u16(bytes),
                9 => report.ro_spec_id = bytes.first_chunk().map(|bytes| u32::from_be_bytes(*bytes)),
                13 => (report.epc, report.epc_bits, has_epc) = (bytes, 96, true),
                EPC_DATA => {
                    (report.epc, report.epc_bits) = read_epc_data(bytes, from)?;
                    has_epc = true;
                }
                _ => {}
            }
            at = to;
        }
        if !has_epc {
            return Err(fault("missing_parameter", start, "EPCData or EPC96 is missing".to_owned()));
        }
        Ok(report)
    }
}

impl<'b> Iterator for TagReports<'b> {
    type Item = Result<TagReport<'b>, LlrpError>;

    fn next(&mut self) -> Option<Self::Item> {
        let end = self.payload.len();
        while self.at < end {
            let found = self.step(self.at, end).and_then(|(number, from, to)| {
                self.at = to;
                if number == TAG_REPORT_DATA { self.report(from, to).map(Some) } else { Ok(None) }
            });
            match found {
                Ok(Some(report)) => return Some(Ok(report)),
                Ok(None) => {}
                Err(error) => {
                    self.at = end;
                    return Some(Err(error));
                }
            }
        }
        None
    }
}

#[cold]
fn fault(code: &'static str, byte: usize, detail: String) -> LlrpError {
    LlrpError { code, place: "RO_ACCESS_REPORT.TagReportData".to_owned(), byte, detail }
}

fn read_u16(bytes: &[u8]) -> Option<u16> {
    bytes.first_chunk().map(|bytes| u16::from_be_bytes(*bytes))
}

fn read_u64(bytes: &[u8]) -> Option<u64> {
    bytes.first_chunk().map(|bytes| u64::from_be_bytes(*bytes))
}

/// The EPC in an `EPCData` whose content is `bytes` and begins at `at`, and its count of bits.
fn read_epc_data(bytes: &[u8], at: usize) -> Result<(&[u8], u16), LlrpError> {
    let Some((count, epc)) = bytes.split_first_chunk() else {
        return Err(fault("truncated", at, format!("it takes 2 bytes, but {} are left", bytes.len())));
    };
    let bits = u16::from_be_bytes(*count);
    let wanted = usize::from(bits).div_ceil(8);
    match epc.get(..wanted) {
        Some(epc) => Ok((epc, bits)),
        None => Err(fault("truncated", at + 2, format!("it takes {wanted} bytes, but {} are left", epc.len()))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::llrp::{codec, decode_content, definition};

    #[test]
    fn the_table_of_sizes_is_that_of_the_definitions() {
        for number in 0..128 {
            let defined = definition::parameter(number).map_or(0, codec::fixed_bytes);
            assert_eq!(usize::from(TV_BYTES[usize::from(number)]), defined, "{number}");
        }
    }

    #[test]
    fn long_epcs_uptimes_and_what_is_stepped_over_are_read_as_the_tree_reads_them() {
        let json = serde_json::json!({"TagReportData": [
            {"EPCData": {"EPCNumBits": 198, "EPC": "NgAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=="},
             "ROSpecID": 9, "ChannelIndex": 3, "FirstSeenUptime": 5, "LastSeenUptime": 6, "TagSeenCount": 4,
             "C1G2PC": {"EPCMemoryLength": 12}, "C1G2CRC": 7, "Custom": [{"VendorID": 25882, "Subtype": 1, "Data": "AAA="}]},
            {"EPC96": {"EPC": "MACrze8AAAAAAAAD"}, "LastSeenUTC": 1_594_174_805_140_192_u64},
        ], "Custom": [{"VendorID": 1}]});
        let definition = definition::message_named("ROAccessReport").unwrap();
        let node = crate::llrp::json::from_json(definition, &json, "m").unwrap();
        let payload = node.encode().unwrap();
        let reports: Vec<_> = TagReports::new(&payload).map(Result::unwrap).collect();
        let mut epc = [0; 25];
        epc[0] = 0x36;
        let first = TagReport {
            epc: &epc,
            epc_bits: 198,
            channel: Some(3),
            seen_count: Some(4),
            ro_spec_id: Some(9),
            first_seen: Some(Seen::Uptime(5)),
            last_seen: Some(Seen::Uptime(6)),
            ..TagReport::default()
        };
        assert_eq!(reports[0], first);
        assert_eq!(reports[1].last_seen.and_then(Seen::utc), Some(Timestamp(1_594_174_805_140_192)));
        assert_eq!((reports.len(), reports[1].epc_bits), (2, 96));
    }

    #[test]
    fn a_damaged_report_is_refused_at_its_byte() {
        let good = [0, 240, 0, 22, 0x8d, 0x30, 0, 0xab, 0xcd, 0xef, 0, 0, 0, 0, 0, 0, 3, 0x81, 0, 1, 0x86, 0xd0];
        let check = |at: usize, byte: u8, code, place| {
            let mut payload = good;
            payload[at] = byte;
            let fast = TagReports::new(&payload).last().unwrap().unwrap_err();
            let tree = decode_content(61, &payload, 0).unwrap_err();
            assert_eq!((fast.code, fast.byte), (code, place), "{fast}");
            assert_eq!((tree.code, tree.byte), (code, place), "{tree}");
        };
        check(3, 23, "invalid_length", 2);
        check(3, 21, "truncated", 21);
        check(3, 3, "invalid_length", 2);
        check(4, 0xff, "unknown_parameter", 4);
        check(4, 0x80, "unknown_parameter", 4);
        check(17, 0x82, "truncated", 18);
        check(3, 4, "missing_parameter", 4);
    }
}
