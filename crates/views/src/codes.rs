//! Sets of the kinds of discrepancies.

use ledger::Discrepancy;

/// The kinds of discrepancies, in the order in which sets list them.
const CODES: [&str; Codes::KINDS] = [
    "negative_on_hand",
    "count_variance",
    "serial_elsewhere",
    "serial_unknown",
    "lot_missing",
    "expiry_conflict",
    "over_receipt",
    "reserved_short",
    "unit_elsewhere",
    "unit_in_another",
];

/// The kinds of the discrepancies open at a place.
///
/// ```
/// # use views::Codes;
/// assert!(Codes::default().is_empty());
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Codes(u16);

impl Codes {
    /// How many kinds there are.
    pub(crate) const KINDS: usize = 10;
    pub(crate) const NEGATIVE_ON_HAND: Self = Self(1 << 0);
    pub(crate) const SERIAL_ELSEWHERE: Self = Self(1 << 2);
    pub(crate) const LOT_MISSING: Self = Self(1 << 4);
    pub(crate) const OVER_RECEIPT: Self = Self(1 << 6);
    pub(crate) const RESERVED_SHORT: Self = Self(1 << 7);
    /// What a balance shows, so that it ends when the balance does.
    pub(crate) const OF_BALANCE: Self = Self::NEGATIVE_ON_HAND.and(Self::OVER_RECEIPT);
    /// What a later count settles, whatever it found.
    pub(crate) const OF_DISPUTE: Self = Self::SERIAL_ELSEWHERE.and(Self::LOT_MISSING).and(Self::RESERVED_SHORT);
    /// What calls for somebody to count.
    pub(crate) const OF_RECOUNT: Self = Self::NEGATIVE_ON_HAND.and(Self::OF_DISPUTE);

    pub(crate) const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub(crate) const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    pub(crate) const fn intersects(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    pub(crate) const fn bits(self) -> u16 {
        self.0
    }

    pub(crate) const fn from_bits(bits: u16) -> Self {
        Self(bits)
    }

    pub(crate) fn of(discrepancy: &Discrepancy) -> Self {
        Self(1 << Self::index_of(discrepancy))
    }

    /// The place of a discrepancy's kind in the order of kinds.
    pub(crate) fn index_of(discrepancy: &Discrepancy) -> usize {
        match discrepancy {
            Discrepancy::NegativeOnHand { .. } => 0,
            Discrepancy::CountVariance { .. } => 1,
            Discrepancy::SerialElsewhere { .. } => 2,
            Discrepancy::SerialUnknown { .. } => 3,
            Discrepancy::LotMissing { .. } => 4,
            Discrepancy::ExpiryConflict { .. } => 5,
            Discrepancy::OverReceipt { .. } => 6,
            Discrepancy::ReservedShort { .. } => 7,
            Discrepancy::UnitElsewhere { .. } => 8,
            Discrepancy::UnitInAnother { .. } => 9,
        }
    }

    /// The kinds for whose index `is` holds.
    pub(crate) fn where_index(is: impl Fn(usize) -> bool) -> Self {
        Self((0..CODES.len()).filter(|index| is(*index)).fold(0, |set, index| set | 1 << index))
    }

    /// Whether nothing is open.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Whether one of them asks for a recount.
    pub const fn asks_for_recount(self) -> bool {
        self.intersects(Self::OF_RECOUNT)
    }

    /// The codes, as [`Discrepancy::code`] names them.
    pub fn iter(self) -> impl Iterator<Item = &'static str> {
        CODES.into_iter().enumerate().filter(move |(index, _)| self.0 & 1 << index != 0).map(|(_, code)| code)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ledger::{AccountId, Day, LocationId, LotId, Quantity, SerialId, UnitId};

    #[test]
    fn every_kind_has_the_code_that_the_ledger_gives_it() {
        let account = AccountId(0);
        let all = [
            Discrepancy::NegativeOnHand { account, on_hand: Quantity::ZERO },
            Discrepancy::CountVariance { account, variance: Quantity::ZERO },
            Discrepancy::SerialElsewhere { serial: SerialId(0), believed: account, seen: None },
            Discrepancy::SerialUnknown { serial: SerialId(0) },
            Discrepancy::LotMissing { account },
            Discrepancy::ExpiryConflict { lot: LotId(0), other: Day(0) },
            Discrepancy::OverReceipt { account, excess: Quantity::ZERO },
            Discrepancy::ReservedShort { account, short: Quantity::ZERO },
            Discrepancy::UnitElsewhere { unit: UnitId(0), believed: LocationId(0), seen: LocationId(0) },
            Discrepancy::UnitInAnother { unit: UnitId(0), parent: UnitId(0) },
        ];
        for discrepancy in &all {
            assert_eq!(Codes::of(discrepancy).iter().collect::<Vec<_>>(), [discrepancy.code()]);
        }
        let set = all.iter().map(Codes::of).fold(Codes::default(), Codes::and);
        assert_eq!(set.iter().collect::<Vec<_>>(), CODES);
    }
}
