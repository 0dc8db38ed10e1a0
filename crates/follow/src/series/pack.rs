//! Columns of numbers packed.
//!
//! Whole numbers: a unit (one byte) that divides all differences, the first number, then differences of differences in
//! that unit, so that what comes at an even pace takes a byte each. Figures: whole numbers of a power of ten, where all
//! are such decimals exactly, as differences; otherwise what changed of their bits. All numbers are varints of seven
//! bits a byte, signed ones by turns positive and negative.
//!
//! Invariant: what is unpacked is what was packed, bit by bit; garbage is told as such and takes no more memory than its
//! bytes.

/// Units of whole numbers: of times, a microsecond, millisecond, second and minute.
const UNITS: [i64; 4] = [1, 1_000, 1_000_000, 60_000_000];
/// Powers of ten, exact.
const POWERS: [f64; 10] = [1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9];
/// Stands for figures that are no decimals.
const BITS: u8 = 0xff;
/// Whole numbers beyond this are not exact as figures.
const EXACT_MAX: f64 = 9_007_199_254_740_992.0;

/// Bytes that are no packed numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("packed numbers damaged {0} bytes before their end")]
pub(super) struct Damaged(pub(super) usize);

/// Puts a number below zero nowhere.
pub(super) fn put_count(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push((number & 0x7f) as u8 | 0x80);
        number >>= 7;
    }
    out.push((number & 0x7f) as u8);
}

/// Takes what [`put_count`] put.
///
/// # Errors
/// [`Damaged`].
pub(super) fn take_count(from: &mut &[u8]) -> Result<u64, Damaged> {
    let mut number = 0_u64;
    for shift in (0..64).step_by(7) {
        let (byte, rest) = from.split_first().ok_or(Damaged(0))?;
        let bits = u64::from(byte & 0x7f);
        if bits << shift >> shift != bits {
            break;
        }
        *from = rest;
        number |= bits << shift;
        if byte & 0x80 == 0 {
            return Ok(number);
        }
    }
    Err(Damaged(from.len()))
}

fn put_signed(out: &mut Vec<u8>, number: i64) {
    put_count(out, ((number << 1) ^ (number >> 63)).cast_unsigned());
}

fn take_signed(from: &mut &[u8]) -> Result<i64, Damaged> {
    let number = take_count(from)?;
    Ok((number >> 1).cast_signed() ^ -((number & 1).cast_signed()))
}

/// A place for `count` numbers, each of which takes at least a byte of `from`.
fn room<T>(count: usize, from: &[u8]) -> Result<Vec<T>, Damaged> {
    if count > from.len() { Err(Damaged(from.len())) } else { Ok(Vec::with_capacity(count)) }
}

/// Packs whole numbers in their order.
pub(super) fn put_whole(out: &mut Vec<u8>, numbers: impl Iterator<Item = i64> + Clone) {
    let differences = || numbers.clone().zip(numbers.clone().skip(1)).map(|(before, next)| next.wrapping_sub(before));
    let mut unit = UNITS.len() - 1;
    for difference in differences() {
        while difference % UNITS[unit] != 0 {
            unit -= 1;
        }
    }
    let Some(first) = numbers.clone().next() else { return };
    put_signed(out, first);
    out.push(u8::try_from(unit).expect("there are four units"));
    let mut before = 0_i64;
    for difference in differences() {
        let difference = difference / UNITS[unit];
        put_signed(out, difference.wrapping_sub(before));
        before = difference;
    }
}

/// Unpacks `count` whole numbers.
///
/// # Errors
/// [`Damaged`].
pub(super) fn take_whole(from: &mut &[u8], count: usize) -> Result<Vec<i64>, Damaged> {
    let mut numbers = room(count, from)?;
    if count == 0 {
        return Ok(numbers);
    }
    let mut number = take_signed(from)?;
    numbers.push(number);
    let (unit, rest) = from.split_first().ok_or(Damaged(0))?;
    let unit = UNITS.get(usize::from(*unit)).ok_or(Damaged(from.len()))?;
    *from = rest;
    let mut difference = 0_i64;
    for _ in 1..count {
        difference = difference.wrapping_add(take_signed(from)?);
        number = number.wrapping_add(difference.wrapping_mul(*unit));
        numbers.push(number);
    }
    Ok(numbers)
}

/// The whole number of `power`-ths that `figure` is, to the last bit.
fn decimal(figure: f64, power: f64) -> Option<i64> {
    let number = (figure * power).round();
    #[expect(clippy::cast_possible_truncation, reason = "a whole number below 2^53, or none")]
    let number = Some(number).filter(|number| number.abs() < EXACT_MAX)? as i64;
    (self::figure(number, power).to_bits() == figure.to_bits()).then_some(number)
}

#[expect(
    clippy::cast_precision_loss,
    reason = "those that were packed are below 2^53; others are garbage, and stay so"
)]
fn figure(number: i64, power: f64) -> f64 {
    number as f64 / power
}

/// The smallest power of ten of which all figures are whole numbers.
fn power(figures: impl Iterator<Item = f64> + Clone) -> Option<usize> {
    let mut power = 0;
    for figure in figures.clone() {
        while decimal(figure, POWERS[power]).is_none() {
            power += 1;
            if power == POWERS.len() {
                return None;
            }
        }
    }
    // What is exact in tenths may be too large to be so in thousandths.
    figures.into_iter().all(|figure| decimal(figure, POWERS[power]).is_some()).then_some(power)
}

/// Packs figures in their order.
pub(super) fn put_figures(out: &mut Vec<u8>, figures: impl Iterator<Item = f64> + Clone) {
    if let Some(power) = power(figures.clone()) {
        out.push(u8::try_from(power).expect("there are ten powers"));
        let mut before = 0;
        for number in figures.filter_map(|figure| decimal(figure, POWERS[power])) {
            put_signed(out, number - before);
            before = number;
        }
    } else {
        out.push(BITS);
        let mut before = 0;
        for figure in figures {
            let bits = figure.to_bits();
            // The sign and exponent, which seldom change, go last, where a varint leaves them out.
            put_count(out, (bits ^ before).swap_bytes());
            before = bits;
        }
    }
}

/// Unpacks `count` figures.
///
/// # Errors
/// [`Damaged`].
pub(super) fn take_figures(from: &mut &[u8], count: usize) -> Result<Vec<f64>, Damaged> {
    let (kind, rest) = from.split_first().ok_or(Damaged(0))?;
    let mut figures = room(count, rest)?;
    if *kind == BITS {
        *from = rest;
        let mut bits = 0;
        for _ in 0..count {
            bits ^= take_count(from)?.swap_bytes();
            figures.push(f64::from_bits(bits));
        }
        return Ok(figures);
    }
    let power = *POWERS.get(usize::from(*kind)).ok_or(Damaged(from.len()))?;
    *from = rest;
    let mut number = 0_i64;
    for _ in 0..count {
        number = number.wrapping_add(take_signed(from)?);
        figures.push(figure(number, power));
    }
    Ok(figures)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn whole(numbers: &[i64]) -> Vec<u8> {
        let mut out = Vec::new();
        put_whole(&mut out, numbers.iter().copied());
        out
    }

    fn figures(figures: &[f64]) -> Vec<u8> {
        let mut out = Vec::new();
        put_figures(&mut out, figures.iter().copied());
        out
    }

    proptest! {
        #[test]
        fn decode_of_encode_is_identity(
            numbers in proptest::collection::vec(prop_oneof![any::<i64>(), (0..90_i64).prop_map(|n| n * 60_000_000)], 0..60),
            floats in proptest::collection::vec(prop_oneof![any::<f64>(), (-999..999_i32).prop_map(|n| f64::from(n) / 10.0)], 0..60),
            decimals in proptest::collection::vec((-99_999..99_999_i32, 0..6_usize), 0..60),
        ) {
            prop_assert_eq!(take_whole(&mut &whole(&numbers)[..], numbers.len()), Ok(numbers));
            let bits = |figures: &[f64]| figures.iter().map(|figure| figure.to_bits()).collect::<Vec<_>>();
            let decimals: Vec<f64> = decimals.into_iter().map(|(n, power)| f64::from(n) / POWERS[power]).collect();
            for list in [floats, decimals] {
                let back = take_figures(&mut &figures(&list)[..], list.len());
                prop_assert_eq!(back.map(|back| bits(&back)), Ok(bits(&list)));
            }
        }

        #[test]
        fn decode_of_garbage_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..80), count in any::<usize>()) {
            for count in [count, count % 90] {
                let _ = take_whole(&mut &bytes[..], count);
                let _ = take_figures(&mut &bytes[..], count);
            }
        }
    }

    #[test]
    fn an_even_pace_and_decimals_take_a_byte_each() {
        let times: Vec<i64> = (0..200).map(|minute| 1_771_236_000_000_000 + minute * 60_000_000).collect();
        assert!(whole(&times).len() < 200 + 12, "{} bytes", whole(&times).len());
        let degrees: Vec<f64> = (0..200).map(|index| f64::from(400 + index % 7) / 100.0).collect();
        assert!(figures(&degrees).len() < 200 + 4, "{} bytes", figures(&degrees).len());
        let hot = [f64::MAX, f64::MIN_POSITIVE, -0.0, 9e15, 0.1 + 0.2];
        assert_eq!(take_figures(&mut &figures(&hot)[..], 5).unwrap()[2].to_bits(), (-0.0_f64).to_bits());
    }
}
