//! Tag reads packed: each EPC once, times as differences.
//!
//! Version 1: the byte 1, then the reads up to the end. A read is a varint (0: an EPC follows, its length in one byte and
//! its bytes, and takes the next number; n: the EPC of number n - 1), the antenna (varint), the signal (varint: 0 none,
//! else the zigzag of centi-dBm, plus 1), the time (zigzag varint of microseconds since the read before, the first since
//! 1970), and how many reads it stands for (varint).

use ledger::Timestamp;
use prost::encoding::{decode_varint, encode_varint};
use std::collections::HashMap;

const VERSION: u8 = 1;
/// The longest EPC, in bytes: 496 bits, what a tag's EPC memory can hold by its 5-bit length of words.
pub const EPC_BYTES_MAX: usize = 62;

/// One read of a tag by one antenna, or several alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TagRead<'a> {
    /// The EPC memory, from 1 to [`EPC_BYTES_MAX`] bytes.
    pub epc: &'a [u8],
    /// The antenna's number at its reader.
    pub antenna: u16,
    /// The strength of the signal, in hundredths of a dBm.
    pub rssi_centi_dbm: Option<i16>,
    /// When, by the reader's clock; of several, the last.
    pub seen_at: Timestamp,
    /// How many reads this stands for; at least 1.
    pub count: u32,
}

/// Packed reads that can't be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReadsError {
    /// Packed by a later version.
    #[error("tag reads of version {0}, not {VERSION}")]
    Version(u8),
    /// A read breaks off or says what can't be.
    #[error("tag reads damaged at byte {0}")]
    Damaged(usize),
}

/// Packs reads, in their order.
///
/// # Panics
/// When an EPC is empty or longer than [`EPC_BYTES_MAX`]: whoever reads them from outside has checked.
pub fn pack_reads<'a>(reads: impl IntoIterator<Item = TagRead<'a>>) -> Box<[u8]> {
    let mut out = vec![VERSION];
    let mut numbers: HashMap<&[u8], u64> = HashMap::new();
    let mut last = 0_i64;
    for read in reads {
        assert!((1..=EPC_BYTES_MAX).contains(&read.epc.len()), "an EPC has 1 to {EPC_BYTES_MAX} bytes");
        let next = numbers.len() as u64 + 1;
        match numbers.get(read.epc) {
            Some(number) => encode_varint(*number, &mut out),
            None => {
                numbers.insert(read.epc, next);
                let length = u8::try_from(read.epc.len()).expect("just checked");
                out.extend_from_slice(&[0, length]);
                out.extend_from_slice(read.epc);
            }
        }
        encode_varint(u64::from(read.antenna), &mut out);
        encode_varint(read.rssi_centi_dbm.map_or(0, |rssi| zigzag(i64::from(rssi)) + 1), &mut out);
        encode_varint(zigzag(read.seen_at.0.wrapping_sub(last)), &mut out);
        encode_varint(u64::from(read.count), &mut out);
        last = read.seen_at.0;
    }
    out.into()
}

/// The packed reads, in their order; ends after the first that can't be read.
pub fn unpack_reads(bytes: &[u8]) -> impl Iterator<Item = Result<TagRead<'_>, ReadsError>> {
    let mut reads = Unpacker { all: bytes, left: bytes, epcs: Vec::new(), last: 0 };
    let mut failed = reads.start().err();
    let mut ended = false;
    std::iter::from_fn(move || {
        if ended || (failed.is_none() && reads.left.is_empty()) {
            return None;
        }
        let read = match failed.take() {
            Some(error) => Err(error),
            None => reads.read(),
        };
        ended = read.is_err();
        Some(read)
    })
}

struct Unpacker<'a> {
    all: &'a [u8],
    left: &'a [u8],
    epcs: Vec<&'a [u8]>,
    last: i64,
}

impl<'a> Unpacker<'a> {
    fn start(&mut self) -> Result<(), ReadsError> {
        match self.bytes(1)? {
            [VERSION] => Ok(()),
            [version, ..] => Err(ReadsError::Version(*version)),
            [] => Err(self.damaged()),
        }
    }

    fn read(&mut self) -> Result<TagRead<'a>, ReadsError> {
        let number = self.varint()?;
        let epc = if number == 0 {
            let length = usize::from(self.bytes(1)?[0]);
            if !(1..=EPC_BYTES_MAX).contains(&length) {
                return Err(self.damaged());
            }
            let epc = self.bytes(length)?;
            self.epcs.push(epc);
            epc
        } else {
            let at = usize::try_from(number - 1).map_err(|_| self.damaged())?;
            self.epcs.get(at).copied().ok_or(self.damaged())?
        };
        let antenna = u16::try_from(self.varint()?).map_err(|_| self.damaged())?;
        let rssi_centi_dbm = match self.varint()? {
            0 => None,
            more => Some(i16::try_from(unzigzag(more - 1)).map_err(|_| self.damaged())?),
        };
        self.last = self.last.wrapping_add(unzigzag(self.varint()?));
        let count = u32::try_from(self.varint()?).map_err(|_| self.damaged())?;
        Ok(TagRead { epc, antenna, rssi_centi_dbm, seen_at: Timestamp(self.last), count })
    }

    fn varint(&mut self) -> Result<u64, ReadsError> {
        let mut left = self.left;
        let value = decode_varint(&mut left).map_err(|_| self.damaged())?;
        self.left = left;
        Ok(value)
    }

    fn bytes(&mut self, count: usize) -> Result<&'a [u8], ReadsError> {
        let (bytes, left) = self.left.split_at_checked(count).ok_or(self.damaged())?;
        self.left = left;
        Ok(bytes)
    }

    fn damaged(&self) -> ReadsError {
        ReadsError::Damaged(self.all.len() - self.left.len())
    }
}

const fn zigzag(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)).cast_unsigned()
}

const fn unzigzag(value: u64) -> i64 {
    (value >> 1).cast_signed() ^ -((value & 1).cast_signed())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read() -> impl Strategy<Value = (Vec<u8>, u16, Option<i16>, i64, u32)> {
        let epc = prop_oneof![
            proptest::collection::vec(any::<u8>(), 1..=EPC_BYTES_MAX),
            (0..4_u8).prop_map(|tag| vec![0x30, tag]),
        ];
        (epc, any::<u16>(), any::<Option<i16>>(), any::<i64>(), any::<u32>())
    }

    proptest! {
        #[test]
        fn decode_of_encode_is_identity(owned in proptest::collection::vec(read(), 0..40)) {
            let reads: Vec<_> = owned
                .iter()
                .map(|(epc, antenna, rssi, at, count)| TagRead {
                    epc,
                    antenna: *antenna,
                    rssi_centi_dbm: *rssi,
                    seen_at: Timestamp(*at),
                    count: *count,
                })
                .collect();
            let packed = pack_reads(reads.iter().copied());
            let unpacked: Result<Vec<_>, _> = unpack_reads(&packed).collect();
            prop_assert_eq!(unpacked, Ok(reads));
        }

        #[test]
        fn decode_of_garbage_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
            let mut errors = 0;
            let reads = unpack_reads(&bytes).inspect(|read| errors += usize::from(read.is_err())).count();
            prop_assert!(errors <= 1 && reads <= bytes.len() + 1);
        }
    }

    #[test]
    fn what_can_t_be_read_is_named() {
        fn first(bytes: &[u8]) -> Option<Result<TagRead<'_>, ReadsError>> {
            unpack_reads(bytes).next()
        }
        assert_eq!(first(&[]), Some(Err(ReadsError::Damaged(0))));
        assert_eq!(first(&[1]), None);
        assert_eq!(first(&[2, 0]), Some(Err(ReadsError::Version(2))));
        assert_eq!(first(&[1, 1]), Some(Err(ReadsError::Damaged(2))), "no EPC has number 0 yet");
        assert_eq!(first(&[1, 0, 63]), Some(Err(ReadsError::Damaged(3))), "an EPC of 63 bytes");
    }

    #[test]
    fn a_repeated_tag_takes_few_bytes() {
        let epc = [0x30_u8; 12];
        let read =
            |at| TagRead { epc: &epc, antenna: 1, rssi_centi_dbm: Some(-5500), seen_at: Timestamp(at), count: 1 };
        let packed = pack_reads((0..100).map(|index| read(1_750_000_000_000_000 + index * 10_000)));
        assert!(packed.len() < 100 * 9 + 24, "{} bytes", packed.len());
    }
}
