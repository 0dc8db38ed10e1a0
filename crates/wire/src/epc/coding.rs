//! How each coding lays an identity out in a tag's memory.

use super::scheme::Scheme;

/// A binary coding: a scheme and how many bits it takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Coding {
    /// GTIN and numeric serial.
    Sgtin96,
    /// GTIN and any serial.
    Sgtin198,
    /// Logistic unit.
    Sscc96,
    /// Place, numeric extension.
    Sgln96,
    /// Place, any extension.
    Sgln195,
    /// Returnable asset, numeric serial.
    Grai96,
    /// Returnable asset, any serial.
    Grai170,
    /// Individual asset, numeric reference.
    Giai96,
    /// Individual asset, any reference.
    Giai202,
    /// Service relation, recipient.
    Gsrn96,
    /// Service relation, provider.
    Gsrnp96,
    /// Document, numeric serial without leading zeros.
    Gdti96,
    /// Document, any numeric serial; superseded by the next, still found on tags.
    Gdti113,
    /// Document, any serial.
    Gdti174,
    /// Component, numeric reference.
    Cpi96,
    /// Component, any reference.
    CpiVar,
    /// Coupon.
    Sgcn96,
    /// Piece of a trade item, numeric serial.
    Itip110,
    /// Piece of a trade item, any serial.
    Itip212,
    /// General identifier.
    Gid96,
    /// Department of Defense.
    Usdod96,
    /// Aircraft part.
    AdiVar,
}

/// The places of a coding's fields after header and filter.
#[derive(Debug)]
pub(super) struct Layout {
    pub(super) header: u8,
    pub(super) name: &'static str,
    pub(super) scheme: Scheme,
    pub(super) filter_bits: usize,
    pub(super) fields: &'static [Field],
    /// All bits with the unused ones at the end; 0 when the fields say where they end.
    pub(super) bits: usize,
}

/// A part of the identity in memory, or two.
#[derive(Clone, Copy, Debug)]
pub(super) enum Field {
    /// Partition, company prefix and reference: the latter two in so many bits.
    Key(usize, Reference),
    /// A number in so many bits.
    Number(usize),
    /// Digits with a 1 before them as one number, so that leading zeros stay.
    DigitText(usize),
    /// Two digits in 7 bits.
    TwoDigits,
    /// So many characters of 7 bits, zeros after the last.
    Text(usize),
    /// Characters of 6 bits, ended by six zero bits; at most so many.
    Packed(usize),
    /// Six characters of 8 bits, a space before a CAGE code.
    WideCage,
    /// Six characters of 6 bits, a space before a CAGE code.
    PackedCage,
}

/// What follows a company prefix in a [`Field::Key`].
#[derive(Clone, Copy, Debug)]
pub(super) enum Reference {
    /// A number that is written with all its digits.
    Padded,
    /// A number that is written without leading zeros; so many digits together with the company prefix.
    Unpadded(usize),
    /// Characters of 7 bits; so many together with the company prefix.
    Text(usize),
    /// Characters of 6 bits, ended by six zero bits; so many together with the company prefix.
    Packed(usize),
}

/// The bits of a company prefix under partition values 0 to 6, for 12 to 6 digits.
///
/// # Source
/// TDS 1.13, section 14.3, the partition tables; the prefix takes the same bits in all of them.
pub(super) const PREFIX_BITS: [usize; 7] = [40, 37, 34, 30, 27, 24, 20];

macro_rules! layout {
    ($header:literal, $name:literal, $scheme:ident, filter $filter:literal, bits $bits:literal, $($field:expr),+) => {{
        const LAYOUT: Layout = Layout {
            header: $header,
            name: $name,
            scheme: Scheme::$scheme,
            filter_bits: $filter,
            fields: &[$($field),+],
            bits: $bits,
        };
        &LAYOUT
    }};
}

impl Coding {
    /// All codings; those of one scheme in the order in which they are tried, shortest first.
    pub const ALL: [Self; 22] = [
        Self::Sgtin96,
        Self::Sgtin198,
        Self::Sscc96,
        Self::Sgln96,
        Self::Sgln195,
        Self::Grai96,
        Self::Grai170,
        Self::Giai96,
        Self::Giai202,
        Self::Gsrn96,
        Self::Gsrnp96,
        Self::Gdti96,
        Self::Gdti174,
        Self::Gdti113,
        Self::Cpi96,
        Self::CpiVar,
        Self::Sgcn96,
        Self::Itip110,
        Self::Itip212,
        Self::Gid96,
        Self::Usdod96,
        Self::AdiVar,
    ];

    /// The name in a tag URI, as `sgtin-96`.
    pub fn name(self) -> &'static str {
        self.layout().name
    }

    /// The coding of a name in a tag URI.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|coding| coding.name() == name)
    }

    /// What it codes.
    pub fn scheme(self) -> Scheme {
        self.layout().scheme
    }

    /// The first byte of the memory.
    pub fn header(self) -> u8 {
        self.layout().header
    }

    /// The greatest filter value; 0 when the coding has none.
    pub fn filter_max(self) -> u8 {
        u8::try_from((1_u32 << self.layout().filter_bits) - 1).expect("a filter has at most 6 bits")
    }

    /// The coding that a header announces.
    ///
    /// # Source
    /// TDS 1.13, section 14.2, table 14-1.
    pub(super) fn of_header(header: u8) -> Option<Self> {
        Some(match header {
            0x2c => Self::Gdti96,
            0x2d => Self::Gsrn96,
            0x2e => Self::Gsrnp96,
            0x2f => Self::Usdod96,
            0x30 => Self::Sgtin96,
            0x31 => Self::Sscc96,
            0x32 => Self::Sgln96,
            0x33 => Self::Grai96,
            0x34 => Self::Giai96,
            0x35 => Self::Gid96,
            0x36 => Self::Sgtin198,
            0x37 => Self::Grai170,
            0x38 => Self::Giai202,
            0x39 => Self::Sgln195,
            0x3a => Self::Gdti113,
            0x3b => Self::AdiVar,
            0x3c => Self::Cpi96,
            0x3d => Self::CpiVar,
            0x3e => Self::Gdti174,
            0x3f => Self::Sgcn96,
            0x40 => Self::Itip110,
            0x41 => Self::Itip212,
            _ => return None,
        })
    }

    /// # Source
    /// TDS 1.13, section 14.6, the coding tables.
    pub(super) fn layout(self) -> &'static Layout {
        use Field::{DigitText, Key, Number, Packed, PackedCage, Text, TwoDigits, WideCage};
        const GTIN: Field = Key(44, Reference::Padded);
        const PLACE: Field = Key(41, Reference::Padded);
        const UNIT: Field = Key(58, Reference::Padded);
        match self {
            Self::Sgtin96 => layout!(0x30, "sgtin-96", Sgtin, filter 3, bits 96, GTIN, Number(38)),
            Self::Sgtin198 => layout!(0x36, "sgtin-198", Sgtin, filter 3, bits 198, GTIN, Text(20)),
            Self::Sscc96 => layout!(0x31, "sscc-96", Sscc, filter 3, bits 96, UNIT),
            Self::Sgln96 => layout!(0x32, "sgln-96", Sgln, filter 3, bits 96, PLACE, Number(41)),
            Self::Sgln195 => layout!(0x39, "sgln-195", Sgln, filter 3, bits 195, PLACE, Text(20)),
            Self::Grai96 => layout!(0x33, "grai-96", Grai, filter 3, bits 96, GTIN, Number(38)),
            Self::Grai170 => layout!(0x37, "grai-170", Grai, filter 3, bits 170, GTIN, Text(16)),
            Self::Giai96 => layout!(0x34, "giai-96", Giai, filter 3, bits 96, Key(82, Reference::Unpadded(25))),
            Self::Giai202 => layout!(0x38, "giai-202", Giai, filter 3, bits 202, Key(188, Reference::Text(30))),
            Self::Gsrn96 => layout!(0x2d, "gsrn-96", Gsrn, filter 3, bits 96, UNIT),
            Self::Gsrnp96 => layout!(0x2e, "gsrnp-96", Gsrnp, filter 3, bits 96, UNIT),
            Self::Gdti96 => layout!(0x2c, "gdti-96", Gdti, filter 3, bits 96, PLACE, Number(41)),
            Self::Gdti113 => layout!(0x3a, "gdti-113", Gdti, filter 3, bits 113, PLACE, DigitText(58)),
            Self::Gdti174 => layout!(0x3e, "gdti-174", Gdti, filter 3, bits 174, PLACE, Text(17)),
            Self::Cpi96 => {
                layout!(0x3c, "cpi-96", Cpi, filter 3, bits 96, Key(51, Reference::Unpadded(15)), Number(31))
            }
            Self::CpiVar => {
                layout!(0x3d, "cpi-var", Cpi, filter 3, bits 0, Key(0, Reference::Packed(30)), Number(40))
            }
            Self::Sgcn96 => layout!(0x3f, "sgcn-96", Sgcn, filter 3, bits 96, PLACE, DigitText(41)),
            Self::Itip110 => {
                layout!(0x40, "itip-110", Itip, filter 3, bits 110, GTIN, TwoDigits, TwoDigits, Number(38))
            }
            Self::Itip212 => {
                layout!(0x41, "itip-212", Itip, filter 3, bits 212, GTIN, TwoDigits, TwoDigits, Text(20))
            }
            Self::Gid96 => layout!(0x35, "gid-96", Gid, filter 0, bits 96, Number(28), Number(24), Number(36)),
            Self::Usdod96 => layout!(0x2f, "usdod-96", Usdod, filter 4, bits 96, WideCage, Number(36)),
            Self::AdiVar => layout!(0x3b, "adi-var", Adi, filter 6, bits 0, PackedCage, Packed(32), Packed(30)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_coding_is_found_by_its_header_and_name() {
        for coding in Coding::ALL {
            assert_eq!(Coding::of_header(coding.header()), Some(coding));
            assert_eq!(Coding::named(coding.name()), Some(coding));
        }
        assert_eq!((0..=255).filter_map(Coding::of_header).count(), Coding::ALL.len());
    }
}
