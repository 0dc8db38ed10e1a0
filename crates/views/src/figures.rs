//! Sums of stock, one for each condition and promise, and what follows from them.

use ledger::{AccountKind, Quantity};

/// Which of the sums an account counts in; the place in [`Sums`].
const RESERVED: usize = 6;

/// No sum: what came from or went to outside.
pub(crate) const NO_SUM: u8 = u8::MAX;

/// The place of an account's sum in [`Sums`]; [`NO_SUM`] for nominal accounts.
pub(crate) const fn sum_of(kind: AccountKind) -> u8 {
    match kind {
        AccountKind::Available => 0,
        AccountKind::Quarantined => 1,
        AccountKind::Damaged => 2,
        AccountKind::Expired => 3,
        AccountKind::InTransit => 4,
        AccountKind::OnOrder => 5,
        _ => NO_SUM,
    }
}

/// Whether the sum at this place is of stock on hand.
pub(crate) const fn is_on_hand(sum: u8) -> bool {
    sum < 4
}

/// Micro-units of stock: four conditions on hand, in transit, on order, reserved. As wide as no sum of balances passes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(transparent)]
pub(crate) struct Sums([i128; 7]);

impl Sums {
    /// Adds to the sum at a place; past the last place, nothing.
    pub(crate) fn add(&mut self, sum: u8, micros: i128) {
        if let Some(sum) = self.0.get_mut(usize::from(sum)) {
            *sum += micros;
        }
    }

    /// Reads the far end, for the sake of reading it.
    pub(crate) fn touch(&self) -> u32 {
        u32::from(self.0[RESERVED] == 0)
    }

    pub(crate) fn reserve(&mut self, micros: i64) {
        self.0[RESERVED] += i128::from(micros);
    }

    pub(crate) fn figures(&self) -> Figures {
        let [available, quarantined, damaged, expired, in_transit, on_order, reserved] = self.0;
        Figures {
            on_hand: quantity(available + quarantined + damaged + expired),
            available: quantity(available - reserved),
            reserved: quantity(reserved),
            quarantined: quantity(quarantined),
            damaged: quantity(damaged),
            expired: quantity(expired),
            in_transit: quantity(in_transit),
            on_order: quantity(on_order),
        }
    }
}

/// The quantity of a sum; one that does not fit stays at the end of the range.
pub(crate) fn quantity(micros: i128) -> Quantity {
    let end = if micros < 0 { i64::MIN } else { i64::MAX };
    Quantity::from_micros(i64::try_from(micros).unwrap_or(end))
}

/// What there is of a product at a place, in its base unit.
///
/// `on_hand = (available + reserved) + quarantined + damaged + expired`. Figures past what a quantity holds stay at the
/// end of its range.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// Everything that stands there, in whatever condition. Below zero when more left than was known to be there.
    pub on_hand: Quantity,
    /// On hand in status available, less what is reserved. Below zero when facts broke reservations or more left than
    /// was there; reservations then see nothing.
    pub available: Quantity,
    /// Set aside by pending reservations.
    pub reserved: Quantity,
    /// On hand in status quarantined.
    pub quarantined: Quantity,
    /// On hand in status damaged.
    pub damaged: Quantity,
    /// On hand in status expired.
    pub expired: Quantity,
    /// On its way to the warehouse; zero where a single place is meant.
    pub in_transit: Quantity,
    /// On order for the warehouse; zero where a single place is meant.
    pub on_order: Quantity,
}
