//! Exact quantities: how much of a product, in millionths of its base unit.

use std::fmt;

/// Micro-units in one unit.
const SCALE: i64 = 1_000_000;

/// A signed, exact amount in micro-units (six decimals) of a product's base unit.
///
/// Arithmetic that can leave the range of an `i64` is checked and answers `None`; nothing wraps or rounds.
/// The text form has no exponent and no trailing zeros: `5`, `-0.25`, `12.000001`.
///
/// ```
/// use ledger::Quantity;
/// let five: Quantity = "5.0".parse().expect("a decimal");
/// assert_eq!(five, Quantity::units(5));
/// assert_eq!(Quantity::from_micros(-250_000).to_string(), "-0.25");
/// assert!("0.0000001".parse::<Quantity>().is_err(), "a seventh decimal is refused");
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Quantity(i64);

impl Quantity {
    /// Nothing.
    pub const ZERO: Self = Self(0);
    /// The largest quantity, 9 223 372 036 854.775807 units.
    pub const MAX: Self = Self(i64::MAX);

    /// The quantity of `micros` millionths.
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    /// The quantity of `units` whole units.
    ///
    /// # Panics
    /// When `units` lies outside ±9.2 · 10¹²; meant for literals.
    pub const fn units(units: i64) -> Self {
        match units.checked_mul(SCALE) {
            Some(micros) => Self(micros),
            None => panic!("a literal number of units fits"),
        }
    }

    /// The amount in micro-units.
    pub const fn micros(self) -> i64 {
        self.0
    }

    /// Whether this is nothing.
    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }

    /// Whether this is below nothing.
    pub const fn is_negative(self) -> bool {
        self.0 < 0
    }

    /// The sum, or `None` when it does not fit.
    pub fn checked_add(self, other: Self) -> Option<Self> {
        self.0.checked_add(other.0).map(Self)
    }

    /// The difference, or `None` when it does not fit.
    pub fn checked_sub(self, other: Self) -> Option<Self> {
        self.0.checked_sub(other.0).map(Self)
    }

    /// The opposite amount, or `None` for the one value that has none.
    pub fn checked_neg(self) -> Option<Self> {
        self.0.checked_neg().map(Self)
    }

    /// This amount times an exact ratio.
    ///
    /// `None` when the result is not a whole number of micro-units or does not fit, and for a zero denominator.
    pub fn times(self, numerator: u64, denominator: u64) -> Option<Self> {
        let product = i128::from(self.0).checked_mul(i128::from(numerator))?;
        let denominator = i128::from(denominator);
        if denominator == 0 || product % denominator != 0 {
            return None;
        }
        i64::try_from(product / denominator).ok().map(Self)
    }
}

impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let magnitude = self.0.unsigned_abs();
        let scale = SCALE.unsigned_abs();
        let (whole, mut fraction) = (magnitude / scale, magnitude % scale);
        if self.0 < 0 {
            f.write_str("-")?;
        }
        write!(f, "{whole}")?;
        if fraction == 0 {
            return Ok(());
        }
        let mut digits = 6;
        while fraction % 10 == 0 {
            fraction /= 10;
            digits -= 1;
        }
        write!(f, ".{fraction:0digits$}")
    }
}

/// Why a text is not a quantity. In the order in which they are looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QuantityError {
    /// Not a decimal number: `-`, digits, at most one point, an optional exponent.
    NotANumber,
    /// More than six decimals that are not zero.
    TooFine,
    /// Beyond ±9 223 372 036 854.775807.
    TooLarge,
}

impl fmt::Display for QuantityError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotANumber => "not a decimal number",
            Self::TooFine => "more than six decimals",
            Self::TooLarge => "beyond 9223372036854.775807",
        })
    }
}

impl std::error::Error for QuantityError {}

impl std::str::FromStr for Quantity {
    type Err = QuantityError;

    /// Reads a decimal as JSON writes it (`5`, `-0.25`, `1.5e3`), exactly; zeros beyond the sixth decimal are harmless.
    fn from_str(text: &str) -> Result<Self, QuantityError> {
        let (negative, unsigned) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let (mantissa, exponent) = match unsigned.find(['e', 'E']) {
            Some(at) => (&unsigned[..at], parse_exponent(&unsigned[at + 1..])?),
            None => (unsigned, 0),
        };
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, "0"));
        let all_digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
        if !all_digits(whole) || !all_digits(fraction) {
            return Err(QuantityError::NotANumber);
        }
        let digits = || whole.bytes().chain(fraction.bytes()).map(|b| b - b'0');
        // The value is digits × 10^(exponent − fraction digits); in micro-units, six more.
        let fraction_length = i64::try_from(fraction.len()).map_err(|_| QuantityError::TooFine)?;
        let power = exponent + 6 - fraction_length;
        let digit_count = whole.len() + fraction.len();
        let kept = if power < 0 {
            let dropped = usize::try_from(-power).unwrap_or(usize::MAX).min(digit_count);
            if digits().skip(digit_count - dropped).any(|digit| digit != 0) {
                return Err(QuantityError::TooFine);
            }
            digit_count - dropped
        } else {
            digit_count
        };
        let mut magnitude: u64 = 0;
        for digit in digits().take(kept) {
            magnitude = magnitude
                .checked_mul(10)
                .and_then(|m| m.checked_add(u64::from(digit)))
                .ok_or(QuantityError::TooLarge)?;
        }
        for _ in 0..power.max(0) {
            if magnitude == 0 {
                break;
            }
            magnitude = magnitude.checked_mul(10).ok_or(QuantityError::TooLarge)?;
        }
        let micros = i64::try_from(magnitude).map_err(|_| QuantityError::TooLarge)?;
        Ok(Self(if negative { -micros } else { micros }))
    }
}

fn parse_exponent(text: &str) -> Result<i64, QuantityError> {
    let (negative, digits) = match text.as_bytes().first() {
        Some(b'-') => (true, &text[1..]),
        Some(b'+') => (false, &text[1..]),
        _ => (false, text),
    };
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return Err(QuantityError::NotANumber);
    }
    // An exponent past any quantity's range says the same as this bound does.
    let exponent = digits.parse::<i64>().unwrap_or(1_000_000).min(1_000_000);
    Ok(if negative { -exponent } else { exponent })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expect: Result<i64, QuantityError>) {
        assert_eq!(text.parse::<Quantity>().map(Quantity::micros), expect, "{text}");
    }

    #[test]
    fn decimals_are_read_exactly_or_refused() {
        use QuantityError::*;
        check("0", Ok(0));
        check("-0", Ok(0));
        check("5", Ok(5_000_000));
        check("0.000001", Ok(1));
        check("1.50000000", Ok(1_500_000));
        check("1e3", Ok(1_000_000_000));
        check("25E-1", Ok(2_500_000));
        check("0e999999999999999999999", Ok(0));
        check("9223372036854.775807", Ok(i64::MAX));
        check("9223372036854.775808", Err(TooLarge));
        check("1e400", Err(TooLarge));
        check("1e-7", Err(TooFine));
        check("1e-400", Err(TooFine));
        check("0.0000001", Err(TooFine));
        for text in ["", "-", ".5", "5.", "1.2.3", "NaN", "inf", "1e", "1e+", "0x5", " 5", "٥", "+5"] {
            check(text, Err(NotANumber));
        }
    }

    #[test]
    fn text_form_reads_back() {
        for micros in [0, 1, -1, 10, 999_999, 1_000_000, -1_000_001, i64::MAX, i64::MIN + 1] {
            let quantity = Quantity::from_micros(micros);
            assert_eq!(quantity.to_string().parse(), Ok(quantity));
        }
    }

    #[test]
    fn ratios_are_exact_or_none() {
        assert_eq!(Quantity::units(2).times(12, 1), Some(Quantity::units(24)));
        assert_eq!(Quantity::units(1).times(1, 3), None);
        assert_eq!(Quantity::units(3).times(1, 3), Some(Quantity::units(1)));
        assert_eq!(Quantity::units(1).times(1, 0), None);
        assert_eq!(Quantity::MAX.times(2, 1), None);
    }
}
