//! Bits in the order of a tag's memory: the first is the highest of the first byte.

use super::EpcBytes;

/// Takes bits from the front.
#[derive(Debug)]
pub(super) struct BitReader<'b> {
    bytes: &'b [u8],
    at: usize,
}

impl<'b> BitReader<'b> {
    pub(super) fn new(bytes: &'b [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// The next `count` bits, at most 64, as a number; `None` when there are fewer.
    pub(super) fn take(&mut self, count: usize) -> Option<u64> {
        assert!(count <= 64, "a field has at most 64 bits");
        let end = self.at + count;
        let bytes = self.bytes.get(self.at / 8..end.div_ceil(8))?;
        let wide = bytes.iter().fold(0_u128, |sum, byte| (sum << 8) | u128::from(*byte));
        let shifted = wide >> (end.div_ceil(8) * 8 - end);
        self.at = end;
        let mask = (1_u128 << count) - 1;
        Some(u64::try_from(shifted & mask).expect("the mask leaves 64 bits"))
    }

    /// The byte of the next bit.
    pub(super) fn byte(&self) -> usize {
        self.at / 8
    }

    /// The byte of the first bit that is left and is not zero.
    pub(super) fn first_set(mut self) -> Option<usize> {
        loop {
            let left = (self.bytes.len() * 8).saturating_sub(self.at).min(64);
            if left == 0 {
                return None;
            }
            let from = self.at;
            let bits = self.take(left)?;
            if bits != 0 {
                let zeros = usize::try_from(bits.leading_zeros()).expect("at most 64") - (64 - left);
                return Some((from + zeros) / 8);
            }
        }
    }
}

/// Appends bits.
#[derive(Debug, Default)]
pub(super) struct BitWriter {
    bytes: EpcBytes,
    at: usize,
}

impl BitWriter {
    /// Appends the lowest `count` bits of `value`.
    pub(super) fn put(&mut self, value: u64, count: usize) {
        for bit in (0..count).rev() {
            if self.at.is_multiple_of(8) {
                self.bytes.push(0);
            }
            let set = bit < 64 && (value >> bit) & 1 == 1;
            let last = self.bytes.last_mut().expect("a byte was begun");
            *last |= u8::from(set) << (7 - self.at % 8);
            self.at += 1;
        }
    }

    /// How many bits there are.
    pub(super) fn len(&self) -> usize {
        self.at
    }

    /// The bits, filled with zeros up to `bits_min` and to a whole word of 16 bits.
    pub(super) fn finish(mut self, bits_min: usize) -> EpcBytes {
        let words = self.at.max(bits_min).div_ceil(16);
        self.bytes.resize(words * 2, 0);
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let mut writer = BitWriter::default();
        writer.put(0x30, 8);
        writer.put(5, 3);
        writer.put(u64::MAX, 64);
        writer.put(0, 1);
        assert_eq!(writer.len(), 76);
        let bytes = writer.finish(0);
        assert_eq!(bytes.len(), 10);
        let mut reader = BitReader::new(&bytes);
        assert_eq!((reader.take(8), reader.take(3), reader.take(64)), (Some(0x30), Some(5), Some(u64::MAX)));
        assert_eq!(reader.take(6), None);
        assert_eq!(reader.first_set(), None);
    }

    #[test]
    fn the_first_set_bit_is_found() {
        let mut bytes = [0; 20];
        bytes[17] = 1;
        assert_eq!(BitReader::new(&bytes).first_set(), Some(17));
        let mut reader = BitReader::new(&bytes);
        reader.take(3);
        assert_eq!(reader.first_set(), Some(17));
    }
}
