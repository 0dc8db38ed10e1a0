//! Check digits and check characters of GS1 keys.

/// The most characters that [`check_pair_characters`] has weights for.
pub const CHECKED_CHARACTERS_MAX: usize = 97;

/// The check digit of a key's other digits: of a GTIN, GLN, SSCC and all other keys that end in one.
///
/// `None` when anything but an ASCII digit is among them.
///
/// # Source
/// GS1 General Specifications, section 7.9.1: weights 3 and 1 in turn from the right, up to the next ten.
///
/// ```
/// assert_eq!(wire::gs1::check_digit(b"629104150021"), Some(b'3'));
/// ```
pub fn check_digit(digits: &[u8]) -> Option<u8> {
    let mut sum = 0;
    for (at, digit) in digits.iter().rev().enumerate() {
        let value = digit.is_ascii_digit().then(|| digit - b'0')?;
        sum = (sum + value * if at % 2 == 0 { 3 } else { 1 }) % 10;
    }
    Some(b'0' + (10 - sum) % 10)
}

/// The first 97 primes, the weights of the check characters.
const PRIMES: [u32; CHECKED_CHARACTERS_MAX] = primes();

const fn primes() -> [u32; CHECKED_CHARACTERS_MAX] {
    let mut primes = [2; CHECKED_CHARACTERS_MAX];
    let (mut count, mut candidate) = (1, 3);
    while count < primes.len() {
        let mut at = 0;
        while at < count && candidate % primes[at] != 0 {
            at += 1;
        }
        if at == count {
            primes[count] = candidate;
            count += 1;
        }
        candidate += 2;
    }
    primes
}

const CHARACTERS_82: &[u8; 82] = b"!\"%&'()*+,-./0123456789:;<=>?ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz";
const CHARACTERS_32: &[u8; 32] = b"23456789ABCDEFGHJKLMNPQRSTUVWXYZ";

/// The pair of check characters of a global model number's other characters.
///
/// `None` when there are more than [`CHECKED_CHARACTERS_MAX`], or one that is not in GS1's set of 82.
///
/// # Source
/// GS1 General Specifications, section 7.9.5: each character's value times a prime, the last one's times 2, modulo 1021.
///
/// ```
/// assert_eq!(wire::gs1::check_pair_characters(b"1987654Ad4X4bL5ttr2310c"), Some(*b"2K"));
/// ```
pub fn check_pair_characters(text: &[u8]) -> Option<[u8; 2]> {
    if text.len() > CHECKED_CHARACTERS_MAX {
        return None;
    }
    let mut sum = 0;
    for (character, prime) in text.iter().rev().zip(PRIMES) {
        let value = CHARACTERS_82.iter().position(|known| known == character)?;
        sum = (sum + u32::try_from(value).ok()? * prime) % 1021;
    }
    let sum = usize::try_from(sum).ok()?;
    Some([CHARACTERS_32[sum / 32], CHARACTERS_32[sum % 32]])
}
