//! Digits of GS1 keys: the check digit and the place of the indicator.

/// The digit that makes `digits` a GS1 key.
///
/// # Source
/// GS1 General Specifications, section 7.9.1: weights 3 and 1 from the right.
pub(super) fn check_digit(digits: &[u8]) -> u8 {
    let weighted = digits.iter().rev().zip([3_u32, 1].into_iter().cycle());
    let sum: u32 = weighted.map(|(digit, weight)| u32::from(digit.wrapping_sub(b'0')) * weight).sum();
    b'0' + u8::try_from((10 - sum % 10) % 10).expect("a digit")
}

/// `digits` and their check digit.
pub(super) fn with_check_digit(digits: &str) -> String {
    let mut out = String::with_capacity(digits.len() + 1);
    out.push_str(digits);
    out.push(char::from(check_digit(digits.as_bytes())));
    out
}

/// The digits of a key: its indicator or extension digit stands first there and after the company prefix in an EPC.
pub(super) fn indicator_first(prefix: &str, reference: &str) -> String {
    let (indicator, rest) = reference.split_at(1);
    [indicator, prefix, rest].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn check_digits_are_those_of_published_keys() {
        let check = |digits: &str, key: &str| assert_eq!(with_check_digit(digits), key);
        check("8061414112345", "80614141123458");
        check("10614141234567890", "106141412345678908");
        check("123456789012", "1234567890128");
        check("0", "00");
    }
}
